//! Secrets as people paste them, with each built-in scheme.
//!
//! Input: `SCHEME LABEL`, a line end, the secret's text.
//! Property: nothing that is empty or padded is taken; a receiver that builds accepts what is signed with the same secret and nothing
//! signed with another; and no Debug or error text holds the secret, neither as text nor as bytes nor decoded.

#![no_main]

use std::fmt::Debug;
use std::sync::LazyLock;

use countersign::scheme::{Algorithm, Encoding, Grade, Text};
use countersign::{Message, Refusal, Scheme, Secret, SecretError, SignError, Timestamp, providers};
use countersign_fuzz::naive::encoding;
use countersign_fuzz::subject::{self, BASE};
use countersign_fuzz::text::{choose, first_line, words};
use libfuzzer_sys::fuzz_target;

const JSON: &[u8] = b"{\"id\":\"evt_1\"}";
const FORM: &[u8] = b"id=evt_1";
const LABEL: &str = "label";

static SCHEMES: LazyLock<Vec<(&str, &Scheme)>> = LazyLock::new(|| {
    let named = |scheme: &'static Scheme| (scheme.name.as_ref(), scheme);
    providers::ALL.iter().map(named).collect()
});

/// What is printed without the secret in question.
static PLAIN: LazyLock<String> = LazyLock::new(|| {
    let mut printed = String::new();
    for scheme in providers::ALL {
        let secret = Secret::new(usable(scheme, '1')).expect("a secret");
        let builder = subject::builder(scheme.clone(), secret.label(LABEL));
        printed += &format!("{builder:?} {:?}", builder.clone().build());
    }
    // The names of errors are words that a secret can be, too.
    for error in [
        SecretError::Placeholder,
        SecretError::Undecodable,
        SecretError::TooShort { bytes: 0, least: 0 },
        SecretError::PublicKey,
    ] {
        printed += &format!("{error:?} {error}");
    }
    printed
});

fuzz_target!(|input: &[u8]| {
    let (line, text) = first_line(input);
    let mut line = words(line);
    let scheme = *choose(SCHEMES.as_slice(), line.next());
    let label = line.next().unwrap_or_default();
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let hidden = Hidden::new(text);
    let secret = match Secret::new(text) {
        Ok(secret) => secret,
        Err(error) => {
            hidden.check(&error);
            assert_eq!(error == SecretError::Empty, bare(text).is_empty());
            return;
        }
    };
    assert!(!text.is_empty() && bare(text) == text);
    // The label is the operator's own word, of which the first 64 bytes are kept.
    let _ = secret.clone().label(String::from_utf8_lossy(label));
    let secret = secret.label(LABEL);
    hidden.check(&secret);
    check_scheme(scheme, &secret, text, &hidden);
});

/// Without blanks around it, and without the marks that take no room: copied from a web page they come along unseen.
fn bare(text: &str) -> &str {
    const UNSEEN: &str = "\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2060}\u{feff}";
    text.trim_matches(|letter: char| letter.is_whitespace() || UNSEEN.contains(letter))
}

fn check_scheme(scheme: &Scheme, secret: &Secret, text: &str, hidden: &Hidden) {
    let builder = subject::builder(scheme.clone(), secret.clone());
    hidden.check(&builder);
    let is_form = |kind: &Text| kind.ends_with("urlencoded");
    let body = match scheme.media_types.first() {
        Some(first) if is_form(first) => FORM,
        _ => JSON,
    };
    let message = Message::new(body, Timestamp::from_secs(0))
        .id("acme/1")
        .request("POST", format!("{BASE}/"));
    let receiver = match builder.build() {
        Ok(receiver) => receiver,
        Err(error) => {
            assert_eq!(error.field(), "secrets");
            hidden.check(&error);
            hidden.check(&error.to_string());
            assert!(scheme.request(secret, &message).is_err());
            return;
        }
    };
    hidden.check(&receiver);

    let verify = |secret: &Secret| {
        let (head, body) = scheme.request(secret, &message)?.into_parts();
        Ok(receiver.verify(&head, body, Timestamp::from_secs(0)))
    };
    match verify(secret) {
        Ok(verified) => {
            let verified = verified.expect("signed with the same secret");
            assert_eq!(verified.secret_label(), LABEL);
            hidden.check(&verified);
        }
        // A token that no header can carry.
        Err(SignError::Value { .. }) => assert_eq!(scheme.grade, Grade::Token),
        Err(error) => panic!("{error:?}"),
    }
    if !text.contains("MjIyMjIyMjIyMjIy") {
        let secret = Secret::new(usable(scheme, '2')).expect("a secret");
        let verdict = verify(&secret).expect("a usable secret");
        assert_eq!(verdict.err(), Some(Refusal::SignatureMismatch));
    }
}

/// A secret of this scheme: base64 of 32 digits, and credentials where they are asked for.
fn usable(scheme: &Scheme, digit: char) -> String {
    let text = match digit {
        '1' => "MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE=",
        _ => "MjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjI=",
    };
    match scheme.algorithm {
        Algorithm::Basic => format!("user:{text}"),
        _ => text.to_owned(),
    }
}

/// What must not be printed: the secret as text, as bytes and decoded. Shorter ones are part of ordinary words.
struct Hidden(Vec<String>);

impl Hidden {
    fn new(text: &str) -> Self {
        let mut spellings = vec![
            text.to_owned(),
            text.escape_debug().to_string(),
            bytes(text.as_bytes()),
        ];
        let after = text.strip_prefix("whsec_").unwrap_or(text).as_bytes();
        for encoding in [Encoding::Base64, Encoding::Base64NoPad] {
            let key = (9..=64).find_map(|len| encoding::decode(encoding, after, len));
            spellings.extend(key.as_deref().map(bytes));
        }
        spellings.retain(|spelling| spelling.len() > 8 && !PLAIN.contains(spelling));
        Self(spellings)
    }

    fn check(&self, printed: &dyn Debug) {
        let printed = format!("{printed:?}");
        for spelling in &self.0 {
            assert!(!printed.contains(spelling), "{printed}");
        }
    }
}

/// As a list of numbers, which is how Debug prints bytes.
fn bytes(bytes: &[u8]) -> String {
    let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
    numbers.join(", ")
}
