//! What each built-in scheme's sender is known to ask without a delivery, read from what it publishes.

use countersign_reference::form;

use super::json::{self, Found};
use crate::head::AnyHead;

/// A request as the naive reading needs it.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Its head.
    pub head: AnyHead<'a>,
    /// Its body.
    pub body: &'a [u8],
    /// Is it signed as a delivery is?
    pub is_genuine: bool,
    /// Is it signed with the key that Mandrill has published?
    pub is_public: bool,
    /// The origin that the receiver is configured with.
    pub origin: Option<&'a str>,
    /// Is there somebody to ask?
    pub can_ask: bool,
}

/// What should become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// No answer: a delivery, or a refusal.
    Nothing,
    /// An empty 200 to a request without a signature.
    Unsigned,
    /// A 200 with this body, to a question that proves itself.
    Handshake(String),
    /// The same, if the application agrees.
    Ask(String),
    /// The naive reading cannot tell; an answer has no body, or this one.
    Unclear(String),
}

const MOST: usize = 1_024;
const FORM: &str = "application/x-www-form-urlencoded";

/// Reads a request to a scheme's receiver.
#[must_use]
pub fn expected(scheme: &str, asking: &Asking) -> Expected {
    if !is_length_right(asking) {
        return Expected::Nothing;
    }
    let is_short = asking.body.len() <= MOST;
    match (scheme, asking.head.method) {
        ("slack", "GET") => when(asking.body.is_empty() && is_ssl_check(&query(asking))),
        ("slack", "POST") if asking.is_genuine => signed_by_slack(asking),
        ("slack", "POST") => when(
            is_bare_form(asking, "x-slack-signature") && is_ssl_check(&form::pairs(asking.body)),
        ),
        ("woocommerce", "POST") => when(
            is_bare_form(asking, "x-wc-webhook-signature") && is_ping(&form::pairs(asking.body)),
        ),
        ("mailchimp" | "mandrill", "GET") | ("mailchimp" | "mandrill" | "intercom", "HEAD") => {
            when(asking.body.is_empty())
        }
        ("mandrill", "POST") => {
            let batch = ("mandrill_events".to_owned(), "[]".to_owned());
            when(is_short && asking.is_public && form::pairs(asking.body) == [batch])
        }
        ("websub" | "websub-sha1" | "websub-sha384" | "websub-sha512", "GET") => {
            if is_short && asking.can_ask {
                intent(asking)
            } else {
                Expected::Nothing
            }
        }
        ("cloudevents-webhook", "OPTIONS") if is_short => origin(asking),
        _ => Expected::Nothing,
    }
}

fn when(holds: bool) -> Expected {
    if holds {
        Expected::Unsigned
    } else {
        Expected::Nothing
    }
}

/// Either undeclared, or declared once in digits, and right.
fn is_length_right(asking: &Asking) -> bool {
    let lines: Vec<&[u8]> = asking.head.lines("content-length").collect();
    match lines.as_slice() {
        [] => true,
        [line] => {
            let digits = line.trim_ascii();
            let number = std::str::from_utf8(digits)
                .ok()
                .and_then(|text| text.parse().ok());
            digits.iter().all(u8::is_ascii_digit) && number == Some(asking.body.len())
        }
        _ => false,
    }
}

/// A short form of text that does not even try to be signed.
fn is_bare_form(asking: &Asking, signature: &str) -> bool {
    let types: Vec<&[u8]> = asking.head.lines("content-type").collect();
    let [only] = types.as_slice() else {
        return false;
    };
    let only = String::from_utf8_lossy(only).to_ascii_lowercase();
    let essence = only.split(';').next().unwrap_or_default();
    essence.trim_matches([' ', '\t']) == FORM
        && asking.head.lines(signature).next().is_none()
        && asking.body.len() <= MOST
        && form::is_text(asking.body)
}

fn query(asking: &Asking) -> Vec<(String, String)> {
    form::pairs(asking.head.query.unwrap_or_default().as_bytes())
}

/// The check and perhaps a token, in either order, and nothing else.
fn is_ssl_check(pairs: &[(String, String)]) -> bool {
    let mut sorted = pairs.to_vec();
    sorted.sort();
    match sorted.as_slice() {
        [(check, one)] => check == "ssl_check" && one == "1",
        [(check, one), (token, value)] => {
            check == "ssl_check" && one == "1" && token == "token" && value.len() <= 256
        }
        _ => false,
    }
}

fn is_ping(pairs: &[(String, String)]) -> bool {
    match pairs {
        [(name, id)] => {
            let is_number = id.bytes().all(|digit| digit.is_ascii_digit());
            name == "webhook_id" && is_number && (1..=20).contains(&id.len())
        }
        _ => false,
    }
}

/// `url_verification` in JSON, or `ssl_check` in a form.
fn signed_by_slack(asking: &Asking) -> Expected {
    let is_document = matches!(asking.body.trim_ascii_start().first(), Some(b'{' | b'['));
    if !is_document {
        let mut values = form::pairs(asking.body);
        values.retain(|(name, _)| name == "ssl_check");
        return match values.as_slice() {
            [(_, one)] if one == "1" => Expected::Handshake(String::new()),
            _ => Expected::Nothing,
        };
    }
    let Ok(document) = std::str::from_utf8(asking.body) else {
        return Expected::Unclear(String::from_utf8_lossy(asking.body).into_owned());
    };
    let kind = text_at(document, "/type");
    let challenge = text_at(document, "/challenge");
    match (kind.as_deref(), challenge) {
        (Some("url_verification"), Some(challenge)) if is_safe(&challenge) => {
            if json::is_strict(asking.body) {
                Expected::Handshake(challenge)
            } else {
                Expected::Unclear(challenge)
            }
        }
        _ => Expected::Nothing,
    }
}

/// A string's text, or another scalar as it is spelled.
fn text_at(document: &str, pointer: &str) -> Option<String> {
    let Found::Value(raw) = json::follow(document, pointer)? else {
        return None;
    };
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str(&raw).ok(),
        b'{' | b'[' | b'n' => None,
        _ => Some(raw),
    }
}

/// Whether a subscription or its end was meant, or that it was denied.
fn intent(asking: &Asking) -> Expected {
    let query = query(asking);
    let all = |name: &str| -> Vec<&str> {
        let named = query.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str()).collect()
    };
    match (all("hub.mode").as_slice(), all("hub.challenge").as_slice()) {
        (["subscribe" | "unsubscribe"], [challenge]) if is_safe(challenge) => {
            Expected::Ask((*challenge).to_owned())
        }
        (["denied"], []) => Expected::Ask(String::new()),
        // A strange value beside it may have it refused.
        (["denied"], _) => Expected::Unclear(String::new()),
        _ => Expected::Nothing,
    }
}

/// The one origin that is configured, or any that the application agrees to.
fn origin(asking: &Asking) -> Expected {
    let lines: Vec<&[u8]> = asking.head.lines("webhook-request-origin").collect();
    let [line] = lines.as_slice() else {
        return Expected::Nothing;
    };
    let Ok(origin) = std::str::from_utf8(line) else {
        return Expected::Nothing;
    };
    let origin = origin.trim_matches([' ', '\t']);
    match asking.origin {
        Some(configured) if configured == origin => Expected::Handshake(String::new()),
        Some(_) => Expected::Nothing,
        None if asking.can_ask && is_safe(origin) => Expected::Ask(String::new()),
        None => Expected::Nothing,
    }
}

/// One to 512 characters that neither end a line nor begin markup.
#[must_use]
pub fn is_safe(text: &str) -> bool {
    const MARKS: &str = "-._~+/=: ";
    (1..=512).contains(&text.len())
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || MARKS.contains(letter))
}
