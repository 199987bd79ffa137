//! One request to a receiver that a test sets up as it likes, and everything that may become of it.

use std::fmt::{self, Display};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use countersign::danger::Weak;
use countersign::scheme::{Grade, Scheme, TokenPlace};
use countersign::{
    Attempt, Delivery, Finished, Head, Receiver, ReceiverBuilder, Refusal, Reply, Secret,
    SecretRing, SettingError, Timestamp, TrustedProxies, Verified,
};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::attempt::secret;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Delivered,
    /// The receiver answered by itself.
    Answered(Answer),
    /// The application decides; this is what is sent when it agrees.
    Asked(Answer),
    Refused(Refusal),
}

/// A receiver's own answer, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) kind: &'static str,
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The empty 200 to an unsigned request.
    pub(crate) fn unsigned() -> Self {
        Self {
            kind: "unsigned",
            status: 200,
            content_type: None,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// A 200 with this plain text, or without any.
    pub(crate) fn handshake(text: &str) -> Self {
        Self {
            kind: "handshake",
            content_type: (!text.is_empty()).then(|| "text/plain; charset=utf-8".to_owned()),
            body: text.to_owned(),
            ..Self::unsigned()
        }
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        let text = |value: &HeaderValue| value.to_str().expect("visible ASCII").to_owned();
        let headers = reply.headers.iter();
        Self {
            kind: reply.kind.as_str(),
            status: reply.status.as_u16(),
            content_type: reply.content_type.as_ref().map(text),
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), text(value)))
                .collect(),
            body: String::from_utf8(reply.body.to_vec()).expect("text"),
        }
    }
}

/// A request, its receiver's settings, and the time.
#[derive(Clone)]
pub(crate) struct Trial {
    scheme: Scheme,
    secrets: Vec<Secret>,
    public_url: Option<String>,
    proxies: Option<TrustedProxies>,
    token: Option<TokenPlace>,
    config: Vec<(String, String)>,
    consents: bool,
    peer: Option<IpAddr>,
    method: String,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    body: Bytes,
    now: Timestamp,
}

impl Head for Trial {
    fn method(&self) -> &str {
        &self.method
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    fn header<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.headers.get_all(name).iter().map(HeaderValue::as_bytes)
    }

    fn peer(&self) -> Option<IpAddr> {
        self.peer
    }
}

impl Trial {
    /// An empty POST to `/hook` at the beginning of time.
    pub(crate) fn new(scheme: Scheme, key: &str) -> Self {
        Self {
            scheme,
            secrets: vec![secret(key)],
            public_url: None,
            proxies: None,
            token: None,
            config: Vec::new(),
            consents: false,
            peer: None,
            method: "POST".to_owned(),
            path: "/hook".to_owned(),
            query: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            now: Timestamp::from_secs(0),
        }
    }

    pub(crate) fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    pub(crate) fn keys(mut self, keys: &[&str]) -> Self {
        self.secrets = keys.iter().map(|key| secret(key)).collect();
        self
    }

    pub(crate) fn public_url(mut self, base: &str) -> Self {
        self.public_url = Some(base.to_owned());
        self
    }

    pub(crate) fn proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = Some(proxies);
        self
    }

    pub(crate) fn token_in(mut self, place: TokenPlace) -> Self {
        self.token = Some(place);
        self
    }

    pub(crate) fn config(mut self, name: &str, value: &str) -> Self {
        self.config.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The application has a word on questions.
    pub(crate) fn with_consent(mut self) -> Self {
        self.consents = true;
        self
    }

    pub(crate) fn behind_peer(mut self, peer: &str) -> Self {
        self.peer = Some(peer.parse().expect("an address"));
        self
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        self.method = method.to_owned();
        self
    }

    /// Path and query string, as they stand in the request line.
    pub(crate) fn target(mut self, target: &str) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        self.path = path.to_owned();
        self.query = query;
        self
    }

    pub(crate) fn set(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let (name, value) = line(name, value.as_ref());
        self.headers.insert(name, value);
        self
    }

    pub(crate) fn add(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let (name, value) = line(name, value.as_ref());
        self.headers.append(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        let removed = self.headers.remove(name);
        assert!(removed.is_some(), "no {name}");
        self
    }

    pub(crate) fn form(self, body: impl Into<Vec<u8>>) -> Self {
        self.set("content-type", "application/x-www-form-urlencoded")
            .body(body)
    }

    pub(crate) fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.set("content-type", "application/json").body(body)
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into().into();
        self
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn at_secs(mut self, now: i64) -> Self {
        self.now = Timestamp::from_secs(now);
        self
    }

    fn builder(&self) -> ReceiverBuilder {
        let ring = SecretRing::new(self.secrets.iter().cloned()).expect("1 to 16 secrets");
        let mut builder = Receiver::builder(self.scheme.clone(), ring);
        if self.scheme.grade == Grade::Token {
            builder = builder.accept_weak(Weak::NothingSigned);
        }
        if let Some(url) = &self.public_url {
            builder = builder.public_url(url);
        }
        if let Some(proxies) = &self.proxies {
            builder = builder.public_url_from(proxies.clone());
        }
        if let Some(place) = &self.token {
            builder = builder.token_in(place.clone());
        }
        for (name, value) in &self.config {
            builder = builder.config(name, value);
        }
        if self.consents {
            builder = builder.consent(|_| std::future::ready(true));
        }
        builder
    }

    /// Why no receiver can be built.
    pub(crate) fn build_error(&self) -> Option<SettingError> {
        self.builder().build().err()
    }

    /// A receiver, and the attempts that it tells of.
    fn receiver(&self) -> (Receiver, Attempts) {
        let attempts = Attempts::default();
        let (heard, scheme) = (attempts.clone(), self.scheme.name.clone());
        let receiver = self
            .builder()
            .observer(move |attempt: &Attempt<'_>| {
                assert_eq!(attempt.scheme.name, scheme, "another scheme's attempt");
                heard.hear(attempt);
            })
            .build()
            .unwrap_or_else(|error| panic!("{error}: {self:?}"));
        (receiver, attempts)
    }

    /// Refused before a byte of the body is asked for.
    #[track_caller]
    pub(crate) fn refused_at_open(&self, refusal: Refusal, what: impl Display) {
        let (receiver, attempts) = self.receiver();
        let opened = receiver.open(self, self.now).map(drop);
        assert_eq!(opened, Err(refusal.clone()), "{what}: {self:?}");
        attempts.are(&self.told(&refusal), &what);
        self.refused(refusal, what);
    }

    /// As [`refused`](Self::refused), of a request that does not say how long its body is.
    #[track_caller]
    pub(crate) fn refused_without_length(&self, refusal: Refusal, what: impl Display) {
        let outcome = self.pushed(self, vec![self.body.clone()], "in one piece");
        assert_eq!(outcome, Outcome::Refused(refusal), "{what}: {self:?}");
    }

    fn told(&self, refusal: &Refusal) -> Told {
        (refusal.code(), Some(refusal.clone()), self.peer)
    }

    /// What becomes of it, however the body comes in; the observer is told of it once.
    #[track_caller]
    pub(crate) fn outcome(&self) -> Outcome {
        let whole = self.body.clone();
        let (first, second) = self.body.split_at(self.body.len() / 2);
        let halves = vec![
            Bytes::copy_from_slice(first),
            Bytes::copy_from_slice(second),
        ];
        let bytes = self.body.chunks(1).map(Bytes::copy_from_slice).collect();
        let outcome = self.pushed(self, vec![whole.clone()], "in one piece");
        for (chunks, how) in [(halves, "in halves"), (bytes, "byte by byte")] {
            assert_eq!(self.pushed(self, chunks, how), outcome, "{how}: {self:?}");
        }
        if !self.headers.contains_key(CONTENT_LENGTH) && !is_length(&outcome) {
            let declared = self.clone().set("content-length", whole.len().to_string());
            let with_length = self.pushed(&declared, vec![whole], "with its length");
            assert_eq!(with_length, outcome, "with its length: {self:?}");
        }
        outcome
    }

    #[track_caller]
    fn pushed(&self, head: &Self, chunks: Vec<Bytes>, how: &str) -> Outcome {
        let (receiver, attempts) = self.receiver();
        let (told, outcome) = match push(&receiver, head, chunks) {
            Ok(Finished::Verified(verified)) => {
                assert_eq!(*verified.body(), self.body, "{how}: {self:?}");
                (accepted(self.peer), Outcome::Delivered)
            }
            Ok(Finished::Answered(reply)) => {
                let told = (reply.kind.as_str(), None, self.peer);
                (told, Outcome::Answered(reply.into()))
            }
            Ok(Finished::Asked(asked)) => {
                assert_eq!(asked.answer(false), Err(Refusal::NotAgreed), "{self:?}");
                match asked.answer(true) {
                    Ok(reply) => (self.told(&Refusal::NotAgreed), Outcome::Asked(reply.into())),
                    Err(refusal) => panic!("agreed, and {refusal}: {self:?}"),
                }
            }
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => (self.told(&refusal), Outcome::Refused(refusal)),
        };
        attempts.are(&told, &how);
        outcome
    }

    /// It is exactly this at the door, and [`Receiver::verify`] agrees as far as it looks.
    #[track_caller]
    pub(crate) fn gives(&self, expected: &Outcome, what: impl Display) {
        let outcome = self.outcome();
        assert_eq!(&outcome, expected, "{what}: {self:?}");
        let alone = self.alone();
        match outcome {
            Outcome::Delivered => assert_eq!(alone, Ok(()), "{what}: {self:?}"),
            // The door is not looked at there, nor is what a request without a signature may be.
            Outcome::Refused(refusal) if !self.is_of_the_door(&refusal) => {
                assert_eq!(alone, Err(refusal), "{what}: {self:?}");
            }
            _ => {}
        }
    }

    /// As [`gives`](Self::gives), where the door alone judges: questions are looked at nowhere else.
    #[track_caller]
    pub(crate) fn gives_at_the_door(&self, expected: &Outcome, what: impl Display) {
        assert_eq!(&self.outcome(), expected, "{what}: {self:?}");
    }

    #[track_caller]
    pub(crate) fn passes(&self, what: impl Display) {
        self.gives(&Outcome::Delivered, what);
    }

    #[track_caller]
    pub(crate) fn refused(&self, refusal: Refusal, what: impl Display) {
        self.gives(&Outcome::Refused(refusal), what);
    }

    #[track_caller]
    pub(crate) fn answered(&self, answer: Answer, what: impl Display) {
        self.gives(&Outcome::Answered(answer), what);
    }

    /// The signature and the timestamp alone; the observer is told of these verdicts as well.
    #[track_caller]
    pub(crate) fn alone(&self) -> Result<(), Refusal> {
        let (receiver, attempts) = self.receiver();
        let alone = receiver
            .verify(self, self.body.clone(), self.now)
            .map(|verified: Verified| assert_eq!(*verified.body(), self.body, "{self:?}"));
        let told = match &alone {
            Ok(()) => accepted(self.peer),
            Err(refusal) => self.told(refusal),
        };
        attempts.are(&told, &"alone");
        alone
    }

    /// Id, event and tenant of the delivery, each with its mark: is it signed?
    #[track_caller]
    pub(crate) fn fields(&self) -> Result<[Option<(String, bool)>; 3], Refusal> {
        let (receiver, _) = self.receiver();
        let verified = receiver
            .verify(self, self.body.clone(), self.now)
            .unwrap_or_else(|refusal| panic!("{refusal}: {self:?}"));
        let delivery = verified.deliver(self)?;
        let fields = [Delivery::id, Delivery::event, Delivery::tenant];
        Ok(fields.map(|field| {
            let field = field(&delivery)?;
            Some((field.as_str().to_owned(), field.is_signed()))
        }))
    }

    fn is_of_the_door(&self, refusal: &Refusal) -> bool {
        let is_delivery = self
            .scheme
            .methods
            .iter()
            .any(|method| *method == self.method);
        let is_door = matches!(
            refusal,
            Refusal::MethodNotAllowed
                | Refusal::MediaTypeUnsupported
                | Refusal::ContentEncodingUnsupported
                | Refusal::LengthMalformed
                | Refusal::BodyTooLarge { .. }
                | Refusal::BodyIncomplete
        );
        is_door || !is_delivery
    }
}

fn push(receiver: &Receiver, head: &Trial, chunks: Vec<Bytes>) -> Result<Finished, Refusal> {
    let mut intake = receiver.open(head, head.now)?;
    for chunk in chunks {
        intake.push(chunk)?;
    }
    intake.finish()
}

/// A refusal that depends on whether the length was declared.
fn is_length(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(Refusal::BodyTooLarge { .. }))
}

fn accepted(peer: Option<IpAddr>) -> Told {
    ("accepted", None, peer)
}

/// What the observer was told.
#[derive(Clone, Default)]
struct Attempts(Arc<Mutex<Vec<Told>>>);

/// A code, a refusal, and the peer that it was told with.
type Told = (&'static str, Option<Refusal>, Option<IpAddr>);

impl Attempts {
    fn hear(&self, attempt: &Attempt<'_>) {
        let heard = (attempt.code, attempt.refusal.cloned(), attempt.peer);
        self.0.lock().expect("no panic").push(heard);
    }

    #[track_caller]
    fn are(&self, expected: &Told, what: &impl Display) {
        let heard = self.0.lock().expect("no panic");
        assert_eq!(*heard, std::slice::from_ref(expected), "told once, {what}");
    }
}

impl fmt::Debug for Trial {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Trial")
            .field("scheme", &self.scheme.name)
            .field("public_url", &self.public_url)
            .field("token", &self.token)
            .field("request", &(&self.method, &self.path, &self.query))
            .field("headers", &self.headers)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

fn line(name: &str, value: &[u8]) -> (HeaderName, HeaderValue) {
    (
        HeaderName::from_bytes(name.as_bytes()).expect("a header's name"),
        HeaderValue::from_bytes(value).expect("a header's value"),
    )
}
