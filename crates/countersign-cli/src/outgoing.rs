//! A signed message, ready to be printed or sent.

use std::path::PathBuf;

use bytes::Bytes;
use countersign::Scheme;
use countersign::scheme::{Algorithm, Place};
use http::{HeaderName, HeaderValue};

use crate::secrets::{Given, TOKEN};

/// What a sender sends.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: String,
    pub(crate) url: Option<String>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// The file that the body came from.
    pub(crate) body_file: Option<PathBuf>,
    /// Does the scheme send the secret itself along?
    pub(crate) sends_secret: bool,
    /// What the headers do not show.
    pub(crate) note: Option<String>,
}

impl Outgoing {
    /// Puts the token into the URL, where the scheme has it there.
    pub(crate) fn place_token(&mut self, scheme: &Scheme, given: &Given) -> Result<(), String> {
        if scheme.algorithm != Algorithm::Token {
            return Ok(());
        }
        let note = match &scheme.signature.place {
            Place::QueryParam(name) => {
                self.url = self
                    .url
                    .take()
                    .map(|url| with_parameter(&url, name, given.reveal()));
                format!("the token goes into the URL as ?{name}={TOKEN}")
            }
            Place::PathEnd => {
                let token = given.reveal();
                if !token.bytes().all(is_unreserved) {
                    return Err(
                        "the token cannot be a segment of a path: only letters, digits and -._~ can"
                            .to_owned(),
                    );
                }
                self.url = self.url.take().map(|url| with_segment(&url, token));
                format!("the token goes into the URL as its last segment: /{TOKEN}")
            }
            Place::Header(_) => return Ok(()),
            _ => "the token goes into the body, which is sent as it is given".to_owned(),
        };
        self.note = Some(note);
        Ok(())
    }

    /// The same without the secret, for printing.
    pub(crate) fn hidden(&self, given: &Given) -> Self {
        let hide = |value: &HeaderValue| {
            let text = value.to_str().map(|text| given.hide(text));
            text.ok()
                .and_then(|text| HeaderValue::from_str(&text).ok())
                .unwrap_or_else(|| HeaderValue::from_static(TOKEN))
        };
        Self {
            method: self.method.clone(),
            url: self.url.as_ref().map(|url| given.hide(url)),
            headers: self
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), hide(value)))
                .collect(),
            body: self.body.clone(),
            body_file: self.body_file.clone(),
            sends_secret: self.sends_secret,
            note: self.note.clone(),
        }
    }
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The URL with a further parameter.
pub(crate) fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let join = match url.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{url}{join}{}={}", encode(name), encode(value))
}

fn with_segment(url: &str, segment: &str) -> String {
    let (path, query) = match url.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (url, None),
    };
    let path = format!("{}/{segment}", path.strip_suffix('/').unwrap_or(path));
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_joins_what_the_url_has() {
        for (url, parameter, segment) in [
            ("http://h", "http://h?k=a%26b", "http://h/t"),
            ("http://h/", "http://h/?k=a%26b", "http://h/t"),
            ("http://h/p?", "http://h/p?k=a%26b", "http://h/p/t?"),
            (
                "http://h/p?x=1",
                "http://h/p?x=1&k=a%26b",
                "http://h/p/t?x=1",
            ),
        ] {
            assert_eq!(with_parameter(url, "k", "a&b"), parameter);
            assert_eq!(with_segment(url, "t"), segment);
        }
    }
}
