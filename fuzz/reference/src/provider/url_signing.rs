//! Twilio and Mandrill: HMAC-SHA1 over the public URL and the sorted fields of a form.

use super::of_length;
use crate::encoding::{from_base64, to_base64};
use crate::headers::{deciding, strip_blanks};
use crate::hmac::Algorithm;
use crate::secret::text_keys;
use crate::url::{Port, Query, TWILIO, paths, spell};
use crate::{Call, form};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// What Twilio's products send.
const TWILIO_TYPES: &[&str] = &[
    FORM,
    JSON,
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "text/plain",
    "application/xml",
    "text/xml",
];

/// The most fields that are sorted.
const MOST_FIELDS: usize = 1_000;

/// The longest parameter that decides.
const MOST_DIGEST: usize = 2_048;

/// Which bodies a receiver takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Twilio's forms, and other bodies with their digest in the URL.
    Twilio,
    /// Twilio's forms.
    TwilioForm,
    /// Twilio's JSON.
    TwilioDigest,
    /// Mandrill's forms.
    Mandrill,
}

impl Kind {
    pub(crate) fn of(provider: &str) -> Option<Self> {
        match provider {
            "twilio" => Some(Kind::Twilio),
            "twilio-form" => Some(Kind::TwilioForm),
            "twilio-body-sha256" => Some(Kind::TwilioDigest),
            "mandrill" => Some(Kind::Mandrill),
            _ => None,
        }
    }

    fn header(self) -> &'static str {
        match self {
            Kind::Mandrill => "X-Mandrill-Signature",
            _ => "X-Twilio-Signature",
        }
    }

    fn methods(self) -> &'static [&'static str] {
        match self {
            Kind::Twilio | Kind::TwilioForm => &["POST", "GET"],
            Kind::TwilioDigest | Kind::Mandrill => &["POST"],
        }
    }

    fn media_types(self) -> &'static [&'static str] {
        match self {
            Kind::Twilio => TWILIO_TYPES,
            Kind::TwilioForm | Kind::Mandrill => &[FORM],
            Kind::TwilioDigest => &[JSON],
        }
    }

    pub(crate) fn spellings(self) -> &'static [(Port, Query)] {
        match self {
            Kind::Mandrill => &[(Port::Kept, Query::Kept)],
            _ => &TWILIO,
        }
    }
}

/// The signature's text for one spelling of the URL, with more text behind it.
pub(crate) fn sign(
    kind: Kind,
    secret: &str,
    call: &Call,
    spelling: usize,
    behind: &str,
) -> Option<String> {
    let keys = text_keys(&[secret])?;
    let (port, query) = *kind.spellings().get(spelling)?;
    let url = spell(call.base, port, query, call.path, call.query)?;
    let content = [url.as_bytes(), behind.as_bytes(), &fields(kind, call)].concat();
    Some(to_base64(&Algorithm::Sha1.hmac(keys.first()?, &content)))
}

pub(crate) fn verify(kind: Kind, secrets: &[&str], call: &Call) -> Option<bool> {
    let keys = text_keys(secrets)?;
    if !kind.methods().contains(&call.method) {
        return None;
    }
    let media_type = media_type(call)?;
    if media_type.is_some_and(|given| !kind.media_types().contains(&given.as_str())) {
        return None;
    }
    let signature = from_base64(deciding(&call.attempt, kind.header())?);
    let signature = of_length(Algorithm::Sha1, signature)?;
    if !is_covered(kind, call)? {
        return None;
    }
    let fields = fields(kind, call);
    let fits = |(port, query): &(Port, Query)| {
        for path in paths(call.base, call.path) {
            let url = spell(call.base, *port, *query, path, call.query)?;
            let content = [url.as_bytes(), &fields].concat();
            if Algorithm::Sha1.any_fits(&keys, &content, std::slice::from_ref(&signature)) {
                return Some(true);
            }
        }
        None
    };
    Some(kind.spellings().iter().any(|both| fits(both) == Some(true)))
}

/// The media type in lower case; `Some(None)` when there is none, none at all when there are several.
fn media_type(call: &Call) -> Option<Option<String>> {
    let mut types = call
        .attempt
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let first = types.next();
    if types.next().is_some() {
        return None;
    }
    Some(first.map(|(_, value)| {
        let before = value.split(|byte| *byte == b';').next();
        let essence = strip_blanks(before.unwrap_or_default());
        String::from_utf8_lossy(essence).to_ascii_lowercase()
    }))
}

/// Whether the receiver reads the body as a form.
fn is_form(kind: Kind, call: &Call) -> bool {
    match kind {
        Kind::Twilio => media_type(call).flatten().as_deref() == Some(FORM),
        Kind::TwilioForm | Kind::Mandrill => true,
        Kind::TwilioDigest => false,
    }
}

/// Sorted, each pair once, name and value one after the other.
fn fields(kind: Kind, call: &Call) -> Vec<u8> {
    let mut pairs = match is_form(kind, call) {
        true => form::pairs(call.attempt.body),
        false => Vec::new(),
    };
    let mut content = Vec::new();
    while let Some(least) = pairs.iter().min().cloned() {
        content.extend_from_slice(least.0.as_bytes());
        content.extend_from_slice(least.1.as_bytes());
        pairs.retain(|pair| *pair != least);
    }
    content
}

/// Whether all of the body is under the signature: as fields, or by its digest in the signed URL.
fn is_covered(kind: Kind, call: &Call) -> Option<bool> {
    let pairs = form::pairs(call.attempt.body);
    if is_form(kind, call) && looks_like_a_document(call.attempt.body) {
        return None;
    }
    // The signature covers the text that replaces other bytes, and does not tell them apart.
    if is_form(kind, call) && (pairs.len() > MOST_FIELDS || !form::is_text(call.attempt.body)) {
        return None;
    }
    if matches!(kind, Kind::TwilioForm | Kind::Mandrill) {
        return Some(true);
    }
    let stated = digest_in_url(call)?;
    let mut digest = stated.clone();
    if kind == Kind::Twilio && !is_last_in_url(call) {
        // Fields of a form can be moved into the query, and somebody may have written a digest into one.
        digest = None;
    }
    let says_something = |(name, value): &(String, String)| !name.is_empty() || !value.is_empty();
    let has_fields = is_form(kind, call) && pairs.iter().any(says_something);
    let is_nothing = kind == Kind::Twilio && call.attempt.body.is_empty() && stated.is_none();
    if has_fields || is_nothing {
        return Some(true);
    }
    let hashed = Algorithm::Sha256.digest(call.attempt.body);
    let hex: String = hashed.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(digest == Some(hex))
}

/// Whether it begins like JSON or XML, and is read as that then.
fn looks_like_a_document(body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    let marked = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or_default();
    body.starts_with(b"{")
        || body.starts_with(b"[")
        || body.starts_with(b"<")
        || marked.trim_ascii_start().starts_with(b"<")
}

fn is_last_in_url(call: &Call) -> bool {
    let query = call.query.unwrap_or_default();
    let pairs = form::pairs(query.as_bytes());
    let name = pairs.last().map(|(name, _)| name.as_str());
    !query.ends_with('&') && name == Some("bodySHA256")
}

/// The parameter `bodySHA256`; `Some(None)` when it is not there, none at all when it is repeated, empty, too long or no text.
fn digest_in_url(call: &Call) -> Option<Option<String>> {
    let query = call.query.unwrap_or_default().as_bytes();
    let pairs = form::pairs(query);
    let mut values = pairs.into_iter().filter(|(name, _)| name == "bodySHA256");
    let Some((_, value)) = values.next() else {
        return Some(None);
    };
    let is_replaced = value.contains('\u{fffd}') && !form::is_text(query);
    if values.next().is_some() || value.is_empty() || value.len() > MOST_DIGEST || is_replaced {
        return None;
    }
    Some(Some(value))
}
