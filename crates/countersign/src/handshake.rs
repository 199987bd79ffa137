//! Requests that are no deliveries and that the receiver answers by itself: handshakes, and shapes that senders never sign.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

use crate::danger;
use crate::form;
use crate::json::{self, Found, Pointers};
use crate::mac::Keyed;
use crate::outcome;
use crate::refusal::Refusal;
use crate::reply::{Reply, ReplyKind};
use crate::request::{Head, HeadSpot, is_media_type, parameters};
use crate::scheme::compiled::Compiled;
use crate::scheme::{
    AnswerBody, AnswerValue, FieldShape, Handshake, Place, Proof, Scheme, Text, UnsignedShape,
    ValueShape,
};
use crate::signed_content::refuse_json;

/// The longest body of a request that is no delivery, in bytes.
pub(crate) const MAX_BODY: u64 = 1_024;

/// The longest value that is sent back, in bytes. Challenges are tokens of some dozen characters, or sentences of a hundred.
const MAX_ECHO: usize = 512;

/// The application's word on a question that proves nothing.
#[derive(Clone)]
pub(crate) struct Consent(Arc<dyn Fn(Question) -> Agreement + Send + Sync>);

/// The application's word, on its way.
pub(crate) type Agreement = Pin<Box<dyn Future<Output = bool> + Send>>;

impl Consent {
    pub(crate) fn new<F, Answer>(ask: F) -> Self
    where
        F: Fn(Question) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = bool> + Send + 'static,
    {
        Self(Arc::new(move |question| Box::pin(ask(question))))
    }

    pub(crate) fn ask(&self, question: Question) -> Agreement {
        (self.0)(question)
    }
}

impl fmt::Debug for Consent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Consent")
    }
}

/// A scheme's handshakes and unsigned shapes, ready for requests.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// By position in [`Scheme::handshakes`]: its places outside the body.
    spots: Vec<Vec<(Place, HeadSpot)>>,
    /// The JSON pointers that handshakes read.
    pointers: Pointers,
    /// By position in [`Scheme::unsigned`]: the key that the sender has published.
    public_keys: Vec<Option<Keyed>>,
    /// Is any handshake proven by the scheme's own signature?
    are_signed: bool,
}

impl Asked {
    pub(crate) fn new(scheme: &Scheme) -> Self {
        let mut pointers = Pointers::default();
        let mut all = Vec::new();
        for handshake in scheme.handshakes.iter() {
            let mut spots = Vec::new();
            for place in places(handshake) {
                match place {
                    Place::Json(pointer) => {
                        pointers.add(pointer);
                    }
                    place => {
                        if let Some(spot) = HeadSpot::new(place, scheme) {
                            spots.push((place.clone(), spot));
                        }
                    }
                }
            }
            all.push(spots);
        }
        let public_key = |shape: &UnsignedShape| {
            let key = shape.public_key.as_ref()?;
            let secret = danger::secret_of_any_length(key.as_ref()).ok()?;
            Keyed::new(scheme, &secret).ok()?
        };
        Self {
            spots: all,
            pointers,
            public_keys: scheme.unsigned.iter().map(public_key).collect(),
            are_signed: scheme
                .handshakes
                .iter()
                .any(|handshake| handshake.proof == Proof::Signature),
        }
    }

    pub(crate) fn has_public_keys(&self) -> bool {
        self.public_keys.iter().any(Option::is_some)
    }

    /// The keys that the sender has published, with the shapes they are good for.
    pub(crate) fn public_keys(&self) -> impl Iterator<Item = (usize, &Keyed)> {
        let keys = self.public_keys.iter().enumerate();
        keys.filter_map(|(at, key)| Some((at, key.as_ref()?)))
    }
}

/// Every place that a handshake reads.
pub(crate) fn places(handshake: &Handshake) -> impl Iterator<Item = &Place> {
    let token = match &handshake.proof {
        Proof::Token { place, .. } => Some(place),
        Proof::Signature | Proof::Consent => None,
    };
    let marks = handshake.when.iter().map(|mark| &mark.place);
    marks
        .chain(token)
        .chain(values(handshake).filter_map(place_of))
}

/// Every value of a handshake's answer.
pub(crate) fn values(handshake: &Handshake) -> impl Iterator<Item = &AnswerValue> {
    let (text, members): (_, &[_]) = match &handshake.body {
        AnswerBody::Nothing => (None, &[]),
        AnswerBody::Text(value) => (Some(value), &[]),
        AnswerBody::Json(members) => (None, members),
    };
    let headers = handshake.headers.iter().map(|header| &header.value);
    headers
        .chain(text)
        .chain(members.iter().map(|member| &member.value))
}

fn place_of(value: &AnswerValue) -> Option<&Place> {
    match value {
        AnswerValue::Fixed(_) => None,
        AnswerValue::Echo(place) | AnswerValue::Mac { of: place, .. } => Some(place),
    }
}

/// A question about which the application decides, because its sender proves nothing: a WebSub hub that asks whether a subscription was
/// meant, say. See [`ReceiverBuilder::consent`](crate::ReceiverBuilder::consent).
///
/// Everything in it may come from a stranger.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    /// The handshake's position in the scheme.
    at: usize,
    method: String,
    path: String,
    query: String,
    values: Vec<(Place, String)>,
}

impl Question {
    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path of the request target, as it arrived.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The one value of a parameter of the query string, decoded; `None` when it is not there, or there twice.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        form::field(self.query.as_bytes(), name).ok().flatten()
    }

    /// The value of a header that the scheme's handshake names, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let is_it = |place: &Place| matches!(place, Place::Header(known) if known == name);
        let mut values = self.values.iter();
        values
            .find(|(place, _)| is_it(place))
            .map(|(_, value)| value.as_str())
    }

    fn value(&self, place: &Place) -> Option<&str> {
        let mut values = self.values.iter();
        values
            .find(|(known, _)| known == place)
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Question {
    /// Not its values: a stranger's text does not belong into logs, and one of them may be a token.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Question")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// What becomes of a question that the head alone asks.
#[derive(Debug)]
pub(crate) enum HeadQuestion {
    /// It is authentic.
    Answer(Reply),
    /// The application decides.
    Ask(Question),
}

/// The question that a head asks, if it does: one that a token proves or that the application decides.
pub(crate) fn in_head(
    compiled: &Compiled,
    head: &impl Head,
) -> Result<Option<HeadQuestion>, Refusal> {
    for (at, handshake) in compiled.scheme.handshakes.iter().enumerate() {
        let may_be = match &handshake.proof {
            Proof::Signature => false,
            Proof::Token { config, .. } => compiled.config.token(config).is_some(),
            Proof::Consent => compiled.consent.is_some(),
        };
        if !may_be || handshake.method != head.method() {
            continue;
        }
        let Some(question) = question(compiled, at, handshake, head)? else {
            continue;
        };
        if let Proof::Token { place, config } = &handshake.proof {
            let token = question.value(place).unwrap_or_default();
            let expected = compiled.config.token(config);
            if !expected.is_some_and(|expected| expected.equals(token.as_bytes())) {
                return Err(Refusal::SignatureMismatch);
            }
            let reply = reply(handshake, &|value| match value {
                AnswerValue::Echo(place) => Ok(question.value(place).map(Cow::Borrowed)),
                _ => Ok(None),
            })?;
            return Ok(Some(HeadQuestion::Answer(reply)));
        }
        // Refused before the application is bothered with it.
        let _ = question.reply(&compiled.scheme)?;
        return Ok(Some(HeadQuestion::Ask(question)));
    }
    Ok(None)
}

impl Question {
    /// The answer to it, when the application agrees.
    pub(crate) fn reply(&self, scheme: &Scheme) -> Result<Reply, Refusal> {
        let handshake = scheme.handshakes.get(self.at);
        let handshake = handshake.ok_or(Refusal::SignatureMissing)?;
        reply(handshake, &|value| match value {
            AnswerValue::Echo(place) => Ok(self.value(place).map(Cow::Borrowed)),
            _ => Ok(None),
        })
    }
}

/// The question as far as the head has it; `None` when a mark or a place of it is missing there.
fn question(
    compiled: &Compiled,
    at: usize,
    handshake: &Handshake,
    head: &impl Head,
) -> Result<Option<Question>, Refusal> {
    let family = compiled.family(head);
    let mut values = Vec::new();
    // The marks come first: what is not marked may hold anything at the other places.
    for (place, spot) in compiled.asked.spots.get(at).into_iter().flatten() {
        let Some(value) = spot.read_field(family, head)? else {
            return Ok(None);
        };
        let mut marks = handshake.when.iter();
        if marks.any(|mark| mark.place == *place && mark.equals.as_bytes() != &*value) {
            return Ok(None);
        }
        let text = std::str::from_utf8(&value).map_err(|_| Refusal::FieldMalformed {
            name: spot.name(family),
        })?;
        values.push((place.clone(), text.to_owned()));
    }
    Ok(Some(Question {
        at,
        method: head.method().to_owned(),
        path: head.path().to_owned(),
        query: head.query().unwrap_or_default().to_owned(),
        values,
    }))
}

/// Questions that a signed request may turn out to be, as far as its head tells.
pub(crate) type Open = Vec<Question>;

/// Notes which questions a request may be that its own signature proves.
pub(crate) fn open(compiled: &Compiled, head: &impl Head) -> Result<Open, Refusal> {
    let mut open = Vec::new();
    if !compiled.asked.are_signed {
        return Ok(open);
    }
    for (at, handshake) in compiled.scheme.handshakes.iter().enumerate() {
        if handshake.proof == Proof::Signature && handshake.method == head.method() {
            open.extend(question(compiled, at, handshake, head)?);
        }
    }
    Ok(open)
}

/// The answer to a verified request that is a question.
pub(crate) fn answer_signed(
    compiled: &Compiled,
    secret: usize,
    open: &Open,
    body: &[u8],
) -> Result<Option<Reply>, Refusal> {
    if open.is_empty() {
        return Ok(None);
    }
    let body = Body::read(compiled, body)?;
    for question in open {
        let Some(handshake) = compiled.scheme.handshakes.get(question.at) else {
            continue;
        };
        let mut is_marked = true;
        for mark in handshake.when.iter().filter(|mark| mark.place.is_in_body()) {
            is_marked &= body.text(&mark.place)?.as_deref() == Some(mark.equals.as_ref());
        }
        if !is_marked {
            continue;
        }
        let text = |place: &Place| match question.value(place) {
            Some(value) => Ok(Some(Cow::Owned(value.to_owned()))),
            None => body.text(place),
        };
        // Without a mark the values themselves are it.
        if handshake.when.is_empty() {
            let mut is_whole = true;
            for place in places(handshake) {
                is_whole &= text(place)?.is_some();
            }
            if !is_whole {
                continue;
            }
        }
        let key = compiled.keys.get(secret);
        return reply(handshake, &|value| match value {
            AnswerValue::Fixed(_) => Ok(None),
            AnswerValue::Echo(place) => text(place),
            AnswerValue::Mac { of, encoding } => {
                let Some(of_text) = text(of)? else {
                    return Ok(None);
                };
                is_safe(&of_text, of)?;
                let mac = key.and_then(|key| key.keyed.start());
                let mut mac = mac.ok_or(Refusal::SignatureMismatch)?;
                mac.update(of_text.as_bytes());
                let text = encoding.encode(mac.finish().as_bytes());
                Ok(String::from_utf8(text).ok().map(Cow::Owned))
            }
        })
        .map(Some);
    }
    Ok(None)
}

/// A verified body, as far as handshakes read it.
struct Body<'a> {
    compiled: &'a Compiled,
    bytes: &'a [u8],
    json: Option<Found<'a>>,
}

impl<'a> Body<'a> {
    fn read(compiled: &'a Compiled, bytes: &'a [u8]) -> Result<Self, Refusal> {
        let pointers = &compiled.asked.pointers;
        let json = if json::is_document(bytes) && !pointers.is_empty() {
            Some(pointers.read(bytes).map_err(refuse_json)?)
        } else {
            None
        };
        Ok(Self {
            compiled,
            bytes,
            json,
        })
    }

    fn text(&self, place: &Place) -> Result<Option<Cow<'a, str>>, Refusal> {
        match place {
            Place::Json(pointer) => {
                let at = self.compiled.asked.pointers.position(pointer);
                let raw = at.and_then(|at| self.json.as_ref()?.get(at));
                match raw {
                    None => Ok(None),
                    Some(raw) => json::content_text(raw).map_err(|()| Refusal::FieldMalformed {
                        name: pointer.clone(),
                    }),
                }
            }
            Place::Form(name) if !json::is_document(self.bytes) => form::field(self.bytes, name)
                .map_err(|_| Refusal::FieldRepeated { name: name.clone() }),
            _ => Ok(None),
        }
    }
}

/// A value of a question: `None` when it is not there.
type ReadValue<'v> = Result<Option<Cow<'v, str>>, Refusal>;

/// Fills in an answer. `read` gives the values that come from the question.
fn reply<'v>(
    handshake: &Handshake,
    read: &dyn Fn(&AnswerValue) -> ReadValue<'v>,
) -> Result<Reply, Refusal> {
    let text = |value: &AnswerValue| match value {
        AnswerValue::Fixed(text) => Ok(text.clone().into_owned()),
        AnswerValue::Echo(place) | AnswerValue::Mac { of: place, .. } => {
            let text = read(value)?.ok_or_else(|| Refusal::FieldMissing {
                name: name_of(place),
            })?;
            is_safe(&text, place)?;
            Ok(text.into_owned())
        }
    };
    let (content_type, body) = match &handshake.body {
        AnswerBody::Nothing => (None, Bytes::new()),
        AnswerBody::Text(value) => (
            Some(HeaderValue::from_static("text/plain; charset=utf-8")),
            Bytes::from(text(value)?),
        ),
        AnswerBody::Json(members) => {
            let mut object = Map::new();
            for member in members.iter() {
                object.insert(
                    member.name.clone().into_owned(),
                    Value::String(text(&member.value)?),
                );
            }
            (
                Some(HeaderValue::from_static("application/json")),
                Bytes::from(Value::Object(object).to_string()),
            )
        }
    };
    let mut headers = Vec::new();
    for header in handshake.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::try_from(text(&header.value)?);
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.push((name, value));
        }
    }
    Ok(Reply {
        kind: ReplyKind::Handshake,
        status: outcome::of_scheme(handshake.status),
        content_type,
        headers,
        body,
    })
}

/// Nothing that a browser could take for markup or script, and nothing that ends a line.
fn is_safe(text: &str, place: &Place) -> Result<(), Refusal> {
    let safe = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b':' | b' '
            )
    };
    if (1..=MAX_ECHO).contains(&text.len()) && text.bytes().all(safe) {
        return Ok(());
    }
    Err(Refusal::FieldMalformed {
        name: name_of(place),
    })
}

fn name_of(place: &Place) -> Text {
    match place {
        Place::Header(name)
        | Place::QueryParam(name)
        | Place::Form(name)
        | Place::Pair(name)
        | Place::Json(name) => name.clone(),
        _ => "challenge".into(),
    }
}

/// The shape without a signature that a request's head fits, by its position in [`Scheme::unsigned`].
pub(crate) fn unsigned_shape(compiled: &Compiled, head: &impl Head) -> Option<usize> {
    let shapes = compiled.scheme.unsigned.iter().enumerate();
    // What carries a signature is judged by it.
    let family = compiled.family(head);
    let has_signature = |spot: &HeadSpot| spot.is_there(family, head);
    let is_bare = || !compiled.signature.iter().any(has_signature);
    let mut fitting = shapes.filter(|(_, shape)| {
        shape.public_key.is_none()
            && shape.method == head.method()
            && match &shape.media_type {
                Some(kind) => is_media_type(head, kind) && is_bare(),
                None => {
                    let is_like_delivery = compiled.scheme.methods.contains(&shape.method);
                    (!is_like_delivery || declares_nothing(head) && is_bare())
                        && (shape.fields.is_empty() || fits(&shape.fields, parameters(head)))
                }
            }
    });
    fitting.next().map(|(at, _)| at)
}

/// Does the head say that the body is empty?
fn declares_nothing(head: &impl Head) -> bool {
    let mut lengths = head.header(&CONTENT_LENGTH);
    lengths.next() == Some(b"0") && lengths.next().is_none()
}

/// Is this body, of a request that fits the shape by its head, the shape's?
pub(crate) fn fits_body(shape: &UnsignedShape, body: &[u8]) -> bool {
    match &shape.media_type {
        None => body.is_empty(),
        Some(_) => form::is_text(body) && fits(&shape.fields, form_urlencoded::parse(body)),
    }
}

/// Are these fields exactly the shape's, each there once?
fn fits<'f>(
    shape: &[FieldShape],
    fields: impl Iterator<Item = (Cow<'f, str>, Cow<'f, str>)>,
) -> bool {
    let mut seen = vec![false; shape.len()];
    for (name, value) in fields {
        let Some(at) = shape.iter().position(|field| field.name == name) else {
            return false;
        };
        let (Some(field), Some(seen)) = (shape.get(at), seen.get_mut(at)) else {
            return false;
        };
        if std::mem::replace(seen, true) || !field.value.fits(&value) {
            return false;
        }
    }
    let mut all = shape.iter().zip(seen);
    all.all(|(field, seen)| seen || field.optional)
}

impl ValueShape {
    fn fits(&self, value: &str) -> bool {
        match self {
            Self::Exactly(text) => value == text.as_ref(),
            Self::Digits => {
                (1..=20).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit())
            }
            Self::Opaque(len) => value.len() <= usize::from(*len),
        }
    }
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
