//! Tokens and passwords: almost the right one.

use countersign::Refusal;
use countersign::scheme::{Algorithm, Layout};

use super::text::{self, SignatureText};
use super::{Table, another};

impl Table<'_> {
    pub(super) fn token(&mut self) {
        let other = self.genuine.sender.with_another_secret();
        let request = other.and_then(|other| self.genuine.sent_by(&other));
        self.add("another secret", request, Refusal::SignatureMismatch);
        let Some(text) = self.genuine.text.clone() else {
            return;
        };
        self.presence(&text);
        if self.scheme().algorithm == Algorithm::Basic {
            self.credentials(&text);
            return;
        }
        for (name, token) in beside(text.tag()) {
            self.add_text(name, &text.with_tag(&token), Refusal::SignatureMismatch);
        }
        if let Layout::Prefix(prefix) = &self.scheme().signature.layout {
            self.prefix(prefix, &text, Refusal::SignatureMismatch);
        }
    }

    fn credentials(&mut self, text: &SignatureText) {
        let Some(credentials) = text::credentials(text.tag()) else {
            return;
        };
        let Some((user, password)) = credentials.split_once(':') else {
            return;
        };
        let mismatch = || Refusal::SignatureMismatch;
        let mut wrong = |name: String, credentials: &str| {
            let changed = text.with_tag(&text::basic(credentials));
            self.add_text(name, &changed, mismatch());
        };
        for (name, user) in beside(user) {
            wrong(
                format!("{name}, in the user"),
                &format!("{user}:{password}"),
            );
        }
        for (name, password) in beside(password) {
            wrong(
                format!("{name}, in the password"),
                &format!("{user}:{password}"),
            );
        }
        for (name, credentials) in [
            ("no colon", format!("{user}{password}")),
            ("user and password exchanged", format!("{password}:{user}")),
            ("neither user nor password", ":".to_owned()),
        ] {
            wrong(name.to_owned(), &credentials);
        }
        let malformed = || Refusal::SignatureMalformed;
        let bare = text.tag().trim_end_matches('=');
        for (name, changed) in [
            ("another scheme word", format!("Bearer {}", text.tag())),
            ("no scheme word", text.tag().to_owned()),
            ("credentials that are no base64", text.with_tag("!")),
            (
                "credentials with another padding",
                text.with_tag(&format!("{bare}===")),
            ),
            ("credentials as they are", text.with_tag(&credentials)),
        ] {
            self.add_text(name, &changed, malformed());
        }
        if bare.len() < text.tag().len() {
            let name = "credentials without padding";
            self.add_text(name, &text.with_tag(bare), malformed());
        }
    }
}

/// What is almost this text, and never empty.
fn beside(token: &str) -> Vec<(String, String)> {
    let swapped: String = token
        .chars()
        .map(|letter| {
            if letter.is_ascii_lowercase() {
                letter.to_ascii_uppercase()
            } else {
                letter.to_ascii_lowercase()
            }
        })
        .collect();
    let mut cut = token.to_owned();
    cut.pop();
    let mut rest = token.chars();
    rest.next();
    let all = [
        ("another case", swapped),
        ("another last character", another(token)),
        ("a character before it", format!("x{token}")),
        ("a character behind it", format!("{token}x")),
        ("twice in one", format!("{token}{token}")),
        ("without its last character", cut),
        ("without its first character", rest.as_str().to_owned()),
    ];
    let is_other = |(_, other): &(&str, String)| !other.is_empty() && other != token;
    let all = all.into_iter().filter(is_other);
    all.map(|(name, other)| (name.to_owned(), other)).collect()
}
