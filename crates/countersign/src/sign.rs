//! Signing as a sender would (feature `sign`): for tests, tools and examples.
//!
//! Verification is never tested with this alone: published vectors come first.

mod body;
mod draft;
mod layout;
mod message;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue};

use self::draft::Draft;
pub use self::message::{Message, SignError};
use crate::failures::Failures;
use crate::mac::Keyed;
use crate::public_url::Base;
use crate::refusal::Refusal;
use crate::request::{is_media_type, is_plain_header_id};
use crate::scheme::compiled::Compiled;
use crate::scheme::{Algorithm, CheckedBodies, List, Part, Place, Scheme};
use crate::secret::Secret;
use crate::signed_content::{BodyView, Content, Facts};

/// The media type of forms.
const FORM: &str = "application/x-www-form-urlencoded";

impl Scheme {
    /// The headers that a genuine sender would send with `message`: Content-Type, signature, timestamp, id, event name and whatever else
    /// the scheme writes.
    ///
    /// Where the scheme knows several header families, the preferred one is used. [`Scheme::request`] makes the whole request, also for
    /// schemes whose signature is elsewhere.
    ///
    /// # Errors
    /// [`SignError`]: an unusable secret, a value that is needed and not given, or a scheme that writes more than headers.
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
        let draft = self.draft(secret, message)?;
        if draft.is_more_than_headers {
            return Err(SignError::Unsupported {
                what: "a signature outside a header",
            });
        }
        Ok(draft.headers)
    }

    /// The request that a genuine sender would send with `message`, wherever the scheme puts its signature: into a header, a parameter,
    /// the path, a field of the body, or basic credentials. A sender that proves nothing puts none; its secret is not looked at.
    ///
    /// The target is in origin form, with a `host` header beside it, as a server sees it. A signature or token in the body is appended to
    /// a form and set at its pointer in JSON, where everything else keeps its spelling. A timestamp in the body is read and not written:
    /// the body must hold it. Digests that the message carries are written where they lie in the head.
    ///
    /// # Errors
    /// [`SignError`]: an unusable secret, a value that is needed and not given, or one that cannot stand where the scheme puts it.
    ///
    /// ```
    /// use countersign::scheme::{Algorithm, Encoding, Grade, Place, Scheme, SignatureRule};
    /// use countersign::{Message, Secret, SignError, Timestamp, list, text};
    ///
    /// let scheme = Scheme {
    ///     name: text!("acme"),
    ///     algorithm: Algorithm::Token,
    ///     grade: Grade::Token,
    ///     content: list![],
    ///     signature: SignatureRule { place: Place::QueryParam(text!("token")), encoding: Encoding::Plain, ..SignatureRule::BASE },
    ///     ..Scheme::BASE
    /// };
    /// let secret = Secret::new("0123456789abcdef")?;
    /// let message = Message::new(b"{}", Timestamp::from_secs(0)).request("POST", "https://example.com/hooks?a=1");
    /// let request = scheme.request(&secret, &message)?;
    /// assert_eq!(request.uri(), "/hooks?a=1&token=0123456789abcdef");
    /// assert_eq!(request.headers()["host"], "example.com");
    /// assert_eq!(scheme.sign(&secret, &message), Err(SignError::Unsupported { what: "a signature outside a header" }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn request(
        &self,
        secret: &Secret,
        message: &Message<'_>,
    ) -> Result<http::Request<Bytes>, SignError> {
        let draft = self.draft(secret, &message.with_path())?;
        let mut request = http::Request::new(Bytes::new());
        *request.method_mut() = draft
            .method
            .parse()
            .map_err(|_| SignError::Value { what: "the method" })?;
        *request.uri_mut() = draft
            .target()
            .parse()
            .map_err(|_| SignError::Value { what: "the URL" })?;
        if let Some((_, authority)) = draft.base.split_once("://") {
            let host = HeaderValue::from_str(authority);
            let host = host.map_err(|_| SignError::Value { what: "the URL" })?;
            request.headers_mut().insert(HOST, host);
        }
        for (name, value) in draft.headers {
            request.headers_mut().append(name, value);
        }
        *request.body_mut() = draft.body;
        Ok(request)
    }

    /// The one way to sign: everything in its place, the signature last.
    fn draft(&self, secret: &Secret, message: &Message<'_>) -> Result<Draft, SignError> {
        self.check()?;
        let keyed = match self.algorithm {
            Algorithm::Unsigned => None,
            _ => Some(Keyed::new(self, secret)?.ok_or(SignError::Unsupported {
                what: "a signature",
            })?),
        };
        let mut draft = Draft::new(self, message)?;
        let compiled = Compiled::new(
            self.clone(),
            Vec::new(),
            message.config.clone(),
            None,
            None,
            Failures::default(),
            None,
        );
        let is_form = is_media_type(&draft, FORM);
        let body = draft.body.clone();
        let view = if self.algorithm.signs_content() {
            BodyView::new(&compiled, &body, is_form).map_err(refused)?
        } else {
            BodyView::unread(&body)
        };

        let stamp = self.stamp(&compiled, &view, message)?;
        if let (Some(rule), Some(stamp)) = (&self.timestamp, &stamp) {
            draft.put(&rule.place, stamp, "the timestamp")?;
        }
        for (places, value, what) in [
            (&self.id, &message.id, "the id"),
            (&self.event, &message.event, "the event name"),
            (&self.tenant, &message.tenant, "the tenant"),
        ] {
            if let Some(value) = value {
                draft.put_field(places, value, what)?;
            }
        }
        for requirement in self.requires.iter() {
            draft.put(&requirement.place, &requirement.equals, "a required value")?;
        }
        let outgoing = Outgoing {
            compiled: &compiled,
            view: &view,
            message,
            stamp: stamp.as_deref(),
            is_form,
        };
        let is_covered_form = is_form && !view.sorted().is_empty();
        for check in self.checks.iter() {
            if is_covered_form && check.bodies == CheckedBodies::AllButForms {
                continue;
            }
            let digest = {
                let facts = outgoing.facts(&draft)?;
                let content = outgoing.content(&facts, None);
                content.digest(check.algorithm, &check.of)
            };
            let digest = check.encoding.encode(&digest.map_err(refused)?);
            draft.put(&check.place, text_of(&digest)?, "a digest")?;
        }

        let Some(keyed) = keyed else {
            return Ok(draft);
        };
        let signature = match self.algorithm {
            Algorithm::Token => text_of(keyed.secret().unwrap_or_default())?.to_owned(),
            Algorithm::Basic => {
                let credentials = STANDARD.encode(keyed.secret().unwrap_or_default());
                draft.sign(self, &format!("Basic {credentials}"))?;
                return Ok(draft);
            }
            _ => {
                let tag = outgoing.tag(&draft, &keyed)?;
                text_of(&self.signature.encoding.encode(&tag))?.to_owned()
            }
        };
        let text = self.lay_out(&signature, message, stamp.as_deref())?;
        draft.sign(self, &text)?;
        Ok(draft)
    }

    /// The timestamp's text: printed, or read from a body that holds it.
    fn stamp(
        &self,
        compiled: &Compiled,
        view: &BodyView<'_>,
        message: &Message<'_>,
    ) -> Result<Option<String>, SignError> {
        let Some(rule) = &self.timestamp else {
            return Ok(None);
        };
        if !rule.place.is_in_body() {
            let printed = rule.unit.print(message.now).ok_or(SignError::Value {
                what: "the timestamp",
            })?;
            return Ok(Some(printed));
        }
        match view.read(compiled, &rule.place).map_err(refused)? {
            Some(text) => Ok(Some(text.into_owned())),
            None => Err(SignError::Missing {
                name: match &rule.place {
                    Place::Json(name)
                    | Place::Form(name)
                    | Place::FormJson { pointer: name, .. } => name.clone(),
                    _ => "the timestamp".into(),
                },
            }),
        }
    }
}

/// What the signed content is made of.
struct Outgoing<'o> {
    compiled: &'o Compiled,
    view: &'o BodyView<'o>,
    message: &'o Message<'o>,
    stamp: Option<&'o str>,
    is_form: bool,
}

impl<'o> Outgoing<'o> {
    /// What a receiver of the draft would read.
    fn facts<'f>(&'f self, draft: &'f Draft) -> Result<Facts<'f>, SignError> {
        let scheme = &self.compiled.scheme;
        let uses_id = Part::any(&scheme.content, &|part| *part == Part::Id);
        let id = match (&self.compiled.id, &self.compiled.id_in_body) {
            (Some(spot), _) => spot.read_field(0, draft).map_err(refused)?,
            (None, Some(place)) => self
                .view
                .read(self.compiled, place)
                .map_err(refused)?
                .map(|id| Cow::Owned(id.into_owned().into_bytes())),
            (None, None) => None,
        };
        if uses_id && id.as_deref().is_some_and(|id| !is_plain_header_id(id)) {
            return Err(SignError::Value { what: "the id" });
        }
        let mut facts = Facts {
            stamp: self.stamp.map(|stamp| Cow::Borrowed(stamp.as_bytes())),
            id,
            method: Cow::Borrowed(&draft.method),
            path: Cow::Borrowed(&draft.path),
            query: draft.query.as_deref().map(Cow::Borrowed),
            is_form: self.is_form,
            ..Facts::default()
        };
        // The likeliest one: that is what the sender is.
        if let Some(spelling) = self.compiled.url_spellings.first() {
            let base = Base::parse(&draft.base).ok_or(SignError::Value { what: "the URL" })?;
            let query = draft.query.as_deref();
            facts.urls.extend(base.spell(*spelling, &draft.path, query));
        }
        for (_, spot) in &self.compiled.head_parts {
            facts
                .values
                .push(spot.read_field(0, draft).map_err(refused)?);
        }
        for key in &self.compiled.pair_keys {
            let value = scheme.pair(key, self.message, self.stamp);
            facts
                .pairs
                .push(value.map(|value| Cow::Owned(value.as_bytes().to_vec())));
        }
        Ok(facts)
    }

    fn content<'c, 'f>(
        &'c self,
        facts: &'c Facts<'f>,
        secret: Option<&'c [u8]>,
    ) -> Content<'c, 'f> {
        Content {
            body: Some(self.view),
            secret,
            ..facts.content(self.compiled)
        }
    }

    fn tag(&self, draft: &Draft, keyed: &Keyed) -> Result<Vec<u8>, SignError> {
        let content = &self.compiled.scheme.content;
        check_given(content, self.message, draft)?;
        let facts = self.facts(draft)?;
        let mut running = keyed.start().ok_or(SignError::Unsupported {
            what: "a signature",
        })?;
        self.content(&facts, keyed.secret())
            .feed(content, &mut |bytes| running.update(bytes))
            .map_err(refused)?;
        Ok(running.finish().as_bytes().to_vec())
    }
}

/// What the receiver would have been refused for at build: configured values, and the URL that the content is made of.
fn check_given(
    content: &List<Part>,
    message: &Message<'_>,
    draft: &Draft,
) -> Result<(), SignError> {
    let mut missing = None;
    each_part(content, &mut |part| match part {
        Part::Config(name) if message.config.get(name).is_none_or(str::is_empty) => {
            missing = Some(name.clone());
        }
        Part::Url | Part::UrlWithoutQuery if draft.base.is_empty() => {
            missing = Some("the absolute URL".into());
        }
        _ => {}
    });
    match missing {
        Some(name) => Err(SignError::Missing { name }),
        None => Ok(()),
    }
}

fn each_part(parts: &[Part], note: &mut dyn FnMut(&Part)) {
    for part in parts {
        note(part);
        each_part(part.inner(), note);
    }
}

/// What a receiver would refuse cannot be signed either.
fn refused(refusal: Refusal) -> SignError {
    match refusal {
        Refusal::FieldMissing { name } => SignError::Missing { name },
        Refusal::TimestampMissing => SignError::Missing {
            name: "the timestamp".into(),
        },
        // From hash functions that are not built in.
        Refusal::SignatureMismatch => SignError::Unsupported { what: "a digest" },
        Refusal::FieldMalformed { .. } | Refusal::FieldRepeated { .. } => SignError::Value {
            what: "a part of the signed content",
        },
        _ => SignError::Value { what: "the body" },
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, SignError> {
    std::str::from_utf8(bytes)
        .ok()
        .ok_or(SignError::Unsupported {
            what: "a signature that is no text",
        })
}

#[cfg(test)]
mod tests;
