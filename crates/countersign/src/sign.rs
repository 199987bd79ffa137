//! Signing as a sender would (feature `sign`): for tests, tools and examples.
//!
//! Verification is never tested with this alone: published vectors come first.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use crate::hooks::Hooks;
use crate::mac::Keyed;
use crate::public_url::Base;
use crate::request::is_plain_header_id;
use crate::scheme::compiled::{Compiled, Config};
use crate::scheme::{Algorithm, ItemField, Layout, Part, Place, Scheme, Text};
use crate::secret::{Secret, SecretError};
use crate::signed_content::{BodyView, Content, Facts};
use crate::timestamp::Timestamp;

/// What a sender is about to send.
#[derive(Clone)]
pub struct Message<'a> {
    body: &'a [u8],
    now: Timestamp,
    id: Option<Cow<'a, str>>,
    event: Option<Cow<'a, str>>,
    media_type: Option<Cow<'a, str>>,
    method: Cow<'a, str>,
    url: Cow<'a, str>,
    config: Config,
}

impl<'a> Message<'a> {
    /// A POST of `body`, signed at `now`.
    #[must_use]
    pub fn new(body: &'a [u8], now: Timestamp) -> Self {
        Self {
            body,
            now,
            id: None,
            event: None,
            media_type: None,
            method: Cow::Borrowed("POST"),
            url: Cow::Borrowed("https://example.com/"),
            config: Config::default(),
        }
    }

    /// The delivery's id, for schemes that send it in a header: visible ASCII, 1 to 256 bytes.
    #[must_use]
    pub fn id(mut self, id: impl Into<Cow<'a, str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The event's name, for schemes that send it in a header.
    #[must_use]
    pub fn event(mut self, event: impl Into<Cow<'a, str>>) -> Self {
        self.event = Some(event.into());
        self
    }

    /// The Content-Type; the scheme's first media type unless it is set.
    #[must_use]
    pub fn media_type(mut self, media_type: impl Into<Cow<'a, str>>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// Method and absolute URL, for schemes that sign them.
    #[must_use]
    pub fn request(
        mut self,
        method: impl Into<Cow<'a, str>>,
        url: impl Into<Cow<'a, str>>,
    ) -> Self {
        self.method = method.into();
        self.url = url.into();
        self
    }

    /// A value that the scheme's content holds beside the secret.
    #[must_use]
    pub fn config(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.set(name.into(), value.into());
        self
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Message")
            .field("now", &self.now)
            .field("id", &self.id)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why a message could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The secret cannot be used with the scheme.
    #[error("the secret cannot be used")]
    Secret(#[from] SecretError),
    /// The scheme does not put its signature into a header, or needs values of the message that cannot be given here.
    #[error("{what} cannot be made for this scheme")]
    Unsupported {
        /// What cannot be made.
        what: &'static str,
    },
    /// A value that the scheme signs was not given, or cannot stand in a header.
    #[error("{what} is missing or cannot stand in a header")]
    Value {
        /// Which value.
        what: &'static str,
    },
}

impl Scheme {
    /// The headers that a genuine sender would send with `message`: Content-Type, signature, timestamp, id and event name.
    ///
    /// Where the scheme knows several header families, the preferred one is used.
    ///
    /// # Errors
    /// [`SignError`]: an unusable secret, a value that is needed and not given, or a scheme whose signature is not in a header.
    ///
    /// ```
    /// use countersign::{Message, Secret, Timestamp, providers::GITHUB};
    /// let secret = Secret::new("It's a Secret to Everybody")?;
    /// let headers = GITHUB.sign(&secret, &Message::new(b"Hello, World!", Timestamp::from_secs(0)))?;
    /// let signature = headers.iter().find(|(name, _)| name == "x-hub-signature-256").expect("signed");
    /// assert_eq!(signature.1, "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sign(
        &self,
        secret: &Secret,
        message: &Message<'_>,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, SignError> {
        let keyed = Keyed::new(self, secret)?.ok_or(SignError::Unsupported {
            what: "a signature",
        })?;
        let stamp = match &self.timestamp {
            Some(rule) => Some(rule.unit.print(message.now).ok_or(SignError::Value {
                what: "the timestamp",
            })?),
            None => None,
        };
        let signature = self.signature_text(&keyed, message, stamp.as_deref())?;

        let mut headers = Headers(Vec::new());
        if let Some(kind) = self.media_type_of(message) {
            headers.add(CONTENT_TYPE.as_str(), kind, "the media type")?;
        }
        match &self.signature.place {
            Place::Header(name) => headers.add(name, &signature, "the signature")?,
            _ => {
                return Err(SignError::Unsupported {
                    what: "a signature outside a header",
                });
            }
        }
        if let (Some(Place::Header(name)), Some(stamp)) =
            (self.timestamp.as_ref().map(|rule| &rule.place), &stamp)
        {
            headers.add(name, stamp, "the timestamp")?;
        }
        if let (Some(Place::Header(name)), Some(id)) = (self.id.first(), &message.id) {
            headers.add(name, id, "the id")?;
        }
        if let (Some(Place::Header(name)), Some(event)) = (self.event.first(), &message.event) {
            headers.add(name, event, "the event name")?;
        }
        Ok(headers.0)
    }

    fn media_type_of<'m>(&'m self, message: &'m Message<'_>) -> Option<&'m str> {
        let chosen = message.media_type.as_deref();
        chosen.or(self.media_types.first().map(Cow::as_ref))
    }

    /// The text that carries the signature.
    fn signature_text(
        &self,
        keyed: &Keyed,
        message: &Message<'_>,
        stamp: Option<&str>,
    ) -> Result<String, SignError> {
        match self.algorithm {
            Algorithm::Token => return self.lay_out(text_of(keyed.secret())?, stamp),
            Algorithm::Basic => {
                let credentials = STANDARD.encode(keyed.secret().unwrap_or_default());
                return Ok(format!("Basic {credentials}"));
            }
            _ => {}
        }
        if let Some(id) = message.id.as_deref().filter(|_| self.uses_id())
            && !is_plain_header_id(id.as_bytes())
        {
            return Err(SignError::Value { what: "the id" });
        }
        let tag = self.tag(keyed, message, stamp)?;
        self.lay_out(text_of(Some(&self.signature.encoding.encode(&tag)))?, stamp)
    }

    fn uses_id(&self) -> bool {
        Part::any(&self.content, &|part| *part == Part::Id)
    }

    fn tag(
        &self,
        keyed: &Keyed,
        message: &Message<'_>,
        stamp: Option<&str>,
    ) -> Result<Vec<u8>, SignError> {
        let (base, target) = split_url(&message.url);
        let base = Base::parse(base).ok_or(SignError::Value { what: "the URL" })?;
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let compiled = Compiled::new(
            self.clone(),
            Vec::new(),
            message.config.clone(),
            None,
            Hooks::default(),
        );
        let is_form = self.media_type_of(message) == Some("application/x-www-form-urlencoded");
        let view = BodyView::new(&compiled, message.body, is_form)
            .map_err(|_| SignError::Value { what: "the body" })?;
        let facts = Facts {
            stamp: stamp.map(|stamp| Cow::Borrowed(stamp.as_bytes())),
            id: message.id.as_deref().map(|id| Cow::Borrowed(id.as_bytes())),
            method: Cow::Borrowed(message.method.as_ref()),
            path: Cow::Borrowed(path),
            query: query.map(Cow::Borrowed),
            urls: compiled
                .url_spellings
                .first()
                .map(|spelling| base.spell(*spelling, path, query))
                .into_iter()
                .collect(),
            is_form,
            ..Facts::default()
        };
        let mut running = keyed.start().ok_or(SignError::Unsupported {
            what: "a signature",
        })?;
        Content {
            body: Some(&view),
            secret: keyed.secret(),
            ..facts.content(&compiled)
        }
        .feed(&self.content, &mut |bytes| running.update(bytes))
        .map_err(|_| SignError::Value {
            what: "a part of the signed content",
        })?;
        Ok(running.finish().as_bytes().to_vec())
    }

    /// Lays one signature out as the scheme does.
    fn lay_out(&self, signature: &str, stamp: Option<&str>) -> Result<String, SignError> {
        let first = |accept: &[Text]| accept.first().cloned().unwrap_or_default();
        Ok(match &self.signature.layout {
            Layout::Bare => signature.to_owned(),
            Layout::Prefix(prefix) => format!("{prefix}{signature}"),
            Layout::Pairs {
                separator,
                assign,
                accept,
                ..
            } => {
                let item = format!("{}{assign}{signature}", first(accept));
                match (self.timestamp.as_ref().map(|rule| &rule.place), stamp) {
                    (Some(Place::Pair(key)), Some(stamp)) => {
                        format!("{key}{assign}{stamp}{separator}{item}")
                    }
                    _ => item,
                }
            }
            Layout::List {
                separator,
                fields,
                between,
                accept,
                first_is_value,
                ..
            } => {
                let fields: Vec<Text> = fields
                    .iter()
                    .map(|field| match field {
                        ItemField::Signature => Ok(signature.to_owned().into()),
                        ItemField::Label => Ok(first(accept)),
                        ItemField::KeyId => Err(SignError::Unsupported { what: "a key id" }),
                    })
                    .collect::<Result<_, _>>()?;
                let item = fields.join(between);
                match (first_is_value, stamp) {
                    (true, Some(stamp)) => format!("{stamp}{separator}{item}"),
                    _ => item,
                }
            }
        })
    }
}

fn text_of(bytes: Option<&[u8]>) -> Result<&str, SignError> {
    std::str::from_utf8(bytes.unwrap_or_default())
        .ok()
        .ok_or(SignError::Unsupported {
            what: "a signature that is no text",
        })
}

/// The URL up to its path, and the path with the query string.
fn split_url(url: &str) -> (&str, &str) {
    let authority = url.find("://").map_or(0, |at| at.saturating_add(3));
    let path = url
        .get(authority..)
        .and_then(|rest| rest.find(['/', '?']))
        .map_or(url.len(), |at| authority.saturating_add(at));
    url.split_at_checked(path).unwrap_or((url, ""))
}

struct Headers(Vec<(HeaderName, HeaderValue)>);

impl Headers {
    fn add(&mut self, name: &str, value: &str, what: &'static str) -> Result<(), SignError> {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value);
        match (name, value) {
            (Ok(name), Ok(value)) => {
                self.0.push((name, value));
                Ok(())
            }
            _ => Err(SignError::Value { what }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::{GITHUB, GITHUB_SHA1, SHOPIFY, SLACK, STANDARD_WEBHOOKS, STRIPE, SVIX};

    /// Signs and picks one header. The expected values are published ones.
    fn signed(scheme: &Scheme, secret: &str, message: &Message<'_>, header: &str) -> String {
        let secret = crate::danger::secret_of_any_length(secret).unwrap();
        let headers = scheme.sign(&secret, message).unwrap();
        let (_, value) = headers.iter().find(|(name, _)| name == header).unwrap();
        value.to_str().unwrap().to_owned()
    }

    #[test]
    fn published_signatures_are_made_again() {
        let at = Timestamp::from_secs;
        assert_eq!(
            signed(
                &GITHUB_SHA1,
                "0123456789abcdef",
                &Message::new(b"payload=%7B%22yo%22%3Atrue%7D", at(0)),
                "x-hub-signature"
            ),
            "sha1=3374ef144403e8035423b23b02e2c9d7a4c50368"
        );
        assert_eq!(
            signed(
                &GITHUB,
                "0123456789abcdef",
                &Message::new(b"{\"yo\":true}", at(0)),
                "x-hub-signature-256"
            ),
            "sha256=b1f8020f5b4cd42042f807dd939015c4a418bc1ff7f604dd55b0a19b5d953d9b"
        );
        assert_eq!(
            signed(
                &SHOPIFY,
                "test_secret_key",
                &Message::new(b"{\"foo\": \"bar\"}", at(0)),
                "shopify-hmac-sha256"
            ),
            "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="
        );
        let message = Message::new(b"{\"test\": 2432232314}", at(1_614_265_330))
            .id("msg_p5jXN8AQM9LWM0D4loKWxJek");
        for (scheme, header) in [
            (STANDARD_WEBHOOKS, "webhook-signature"),
            (SVIX, "svix-signature"),
        ] {
            assert_eq!(
                signed(
                    &scheme,
                    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                    &message,
                    header
                ),
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
            );
        }
        let command = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        assert_eq!(
            signed(
                &SLACK,
                "8f742231b10e8888abcd99yyyzzz85a5",
                &Message::new(command, at(1_531_420_618)),
                "x-slack-signature"
            ),
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        );
        let stripe = Message::new(b"{}", at(1_533_204_620));
        assert!(
            signed(&STRIPE, "webhook_secret", &stripe, "stripe-signature")
                .starts_with("t=1533204620,v1=")
        );
    }

    #[test]
    fn what_cannot_be_signed_is_said() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let message = Message::new(b"{}", Timestamp::from_secs(0));
        assert_eq!(
            STANDARD_WEBHOOKS.sign(&secret, &message).unwrap_err(),
            SignError::Value {
                what: "a part of the signed content"
            }
        );
        assert_eq!(
            STANDARD_WEBHOOKS
                .sign(&secret, &message.id("a\nb"))
                .unwrap_err(),
            SignError::Value { what: "the id" }
        );
        assert_eq!(
            split_url("https://a.example:1/b?c"),
            ("https://a.example:1", "/b?c")
        );
        assert_eq!(split_url("https://a.example"), ("https://a.example", ""));
    }
}
