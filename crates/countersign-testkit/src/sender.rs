//! A sender: what it takes to make genuine requests of one scheme.

mod defaults;
mod sample;

use std::fmt;

use bytes::Bytes;
use countersign::scheme::{Place, Scheme};
use countersign::{Message, Secret, SignError, Timestamp, Tolerance, danger, system_now};
use http::Request;

#[cfg(feature = "hostile")]
pub(crate) use self::defaults::field;
pub(crate) use self::defaults::{each_part, first_in_head};

/// A sender of one scheme, with its secret.
///
/// Whatever the scheme sends in the head has a default: an id, an event name, an account, signed headers, parameters and pairs. What it
/// reads from the body is the body's own; [`sample_body`](Self::sample_body) makes one that holds it all.
///
/// ```
/// use countersign_testkit::{Sender, countersign::{Timestamp, providers::STANDARD_WEBHOOKS}};
///
/// let sender = Sender::new(STANDARD_WEBHOOKS, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
///     .at(Timestamp::from_secs(1_614_265_330))
///     .id("msg_p5jXN8AQM9LWM0D4loKWxJek");
/// let request = sender.send(br#"{"test": 2432232314}"#);
/// // As published by Standard Webhooks.
/// assert_eq!(request.headers()["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
/// ```
#[derive(Clone)]
#[must_use = "a sender does nothing until it sends"]
pub struct Sender {
    scheme: Scheme,
    secret: Secret,
    at: Option<Timestamp>,
    id: Option<String>,
    event: Option<String>,
    tenant: Option<String>,
    media_type: Option<String>,
    method: Option<String>,
    url: String,
    headers: Vec<(String, String)>,
    pairs: Vec<(String, String)>,
    config: Vec<(String, String)>,
}

/// Where requests go, unless a test says otherwise.
const URL: &str = "https://example.com/webhooks";

impl Sender {
    /// A sender with the secret that the provider's dashboard shows. It may be of any length: receivers judge that.
    ///
    /// # Panics
    /// When the secret is empty, padded or a placeholder.
    #[track_caller]
    pub fn new(scheme: Scheme, secret: impl Into<String>) -> Self {
        let name = scheme.name.clone();
        match danger::secret_of_any_length(secret) {
            Ok(secret) => Self::with_secret(scheme, secret),
            Err(error) => fail(&name, "the secret of a test cannot be used", &error),
        }
    }

    /// A sender with a secret that is there already.
    pub fn with_secret(scheme: Scheme, secret: Secret) -> Self {
        Self {
            scheme,
            secret,
            at: None,
            id: None,
            event: None,
            tenant: None,
            media_type: None,
            method: None,
            url: URL.to_owned(),
            headers: Vec::new(),
            pairs: Vec::new(),
            config: Vec::new(),
        }
    }

    /// A sender that proves nothing ([`Algorithm::Unsigned`](countersign::scheme::Algorithm::Unsigned)) and so has no secret. Another
    /// scheme signs with a secret that no receiver has.
    #[track_caller]
    pub fn without_secret(scheme: Scheme) -> Self {
        let none = defaults::another_secret(&scheme);
        Self::new(scheme, none)
    }

    /// The moment of sending; the system's time unless it is set. Tests that set it do not depend on when they run.
    pub fn at(mut self, now: Timestamp) -> Self {
        self.at = Some(now);
        self
    }

    /// The delivery's id, where the scheme sends it in the head.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The event's name, where the scheme sends it in the head.
    pub fn event(mut self, event: impl Into<String>) -> Self {
        self.event = Some(event.into());
        self
    }

    /// The sender's account, where the scheme sends it in the head.
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// The Content-Type; the scheme's first media type unless it is set.
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// The method; the scheme's first one unless it is set.
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// The absolute URL, query string included; `https://example.com/webhooks` unless it is set. For schemes that sign it, scheme and
    /// authority must be those of the receiver's public URL.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// A header beside those that the scheme sends, or the value of a header that it signs.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// An item of the signature header's own pairs, such as a nonce.
    pub fn pair(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.pairs.push((key.into(), value.into()));
        self
    }

    /// A value that the scheme's content holds beside the secret, the same as the receiver's.
    pub fn config(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.push((name.into(), value.into()));
        self
    }

    /// The receiver's tolerance, where it is not the scheme's: near misses lie just beyond it.
    pub fn tolerance(mut self, tolerance: Tolerance) -> Self {
        if let Some(rule) = &mut self.scheme.timestamp {
            rule.tolerance = tolerance;
        }
        self
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// A genuine request with `body`, as a server sees it: the target in origin form, `host` beside it. A token or signature that lies in
    /// the body is written into it.
    ///
    /// # Panics
    /// When the body cannot be signed, saying why. [`try_send`](Self::try_send) gives that back instead.
    ///
    /// ```
    /// use countersign_testkit::{Sender, countersign::providers::GITHUB};
    /// let request = Sender::new(GITHUB, "It's a Secret to Everybody").event("ping").send(b"Hello, World!");
    /// assert_eq!(request.headers()["x-github-event"], "ping");
    /// assert_eq!(
    ///     request.headers()["x-hub-signature-256"],
    ///     "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    /// );
    /// ```
    #[track_caller]
    #[must_use]
    pub fn send(&self, body: impl AsRef<[u8]>) -> Request<Bytes> {
        match self.try_send(body) {
            Ok(request) => request,
            Err(error) => self.fail(&error),
        }
    }

    /// As [`send`](Self::send), with the body that a framework takes: `sender.send_as::<axum::body::Body>(…)`.
    ///
    /// # Panics
    /// As [`send`](Self::send).
    #[track_caller]
    #[must_use]
    pub fn send_as<B: From<Bytes>>(&self, body: impl AsRef<[u8]>) -> Request<B> {
        self.send(body).map(B::from)
    }

    /// As [`send`](Self::send), for tools.
    ///
    /// # Errors
    /// What the scheme, the secret, the body or a value cannot be signed for.
    ///
    /// ```
    /// use countersign_testkit::{Sender, countersign::{SignError, providers::GITHUB}};
    /// let sender = Sender::new(GITHUB, "It's a Secret to Everybody").event("two\nlines");
    /// assert_eq!(sender.try_send(b"{}").unwrap_err(), SignError::Value { what: "the event name" });
    /// ```
    pub fn try_send(&self, body: impl AsRef<[u8]>) -> Result<Request<Bytes>, SignError> {
        let url = defaults::url(self);
        let mut message = Message::new(body.as_ref(), self.now())
            .request(defaults::method(self), url)
            .id(self
                .id
                .clone()
                .unwrap_or_else(|| defaults::field(&self.scheme.id, defaults::ID)))
            .event(
                self.event
                    .clone()
                    .unwrap_or_else(|| defaults::event(&self.scheme)),
            )
            .tenant(
                self.tenant
                    .clone()
                    .unwrap_or_else(|| defaults::field(&self.scheme.tenant, defaults::TENANT)),
            );
        if let Some(kind) = &self.media_type {
            message = message.media_type(kind.as_str());
        }
        for (name, value) in &self.headers {
            message = message.header(name.as_str(), value.as_str());
        }
        for (key, value) in &self.pairs {
            message = message.pair(key.as_str(), value.as_str());
        }
        for place in defaults::needed(&self.scheme) {
            match place {
                Place::Header(name) if !is_named(&self.headers, &name) => {
                    message = message.header(name, defaults::VALUE);
                }
                Place::Pair(key) if !is_named(&self.pairs, &key) => {
                    message = message.pair(key, defaults::VALUE);
                }
                _ => {}
            }
        }
        for (name, value) in &self.config {
            message = message.config(name.as_str(), value.as_str());
        }
        self.scheme.request(&self.secret, &message)
    }

    /// A small body that holds what the scheme reads from one, as its sender would write it: a timestamp of this moment, an id, an event
    /// name, an account, signed fields. A form where the scheme reads forms, otherwise JSON or XML by its first media type.
    ///
    /// ```
    /// use countersign_testkit::{Sender, countersign::providers::STRIPE};
    /// let body = Sender::new(STRIPE, "whsec_0123456789abcdef").sample_body();
    /// assert_eq!(body, r#"{"account":"account1","context":"account1","id":"delivery1","type":"event1"}"#);
    /// ```
    #[must_use]
    pub fn sample_body(&self) -> Bytes {
        sample::body(self).into()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.at.unwrap_or_else(system_now)
    }

    /// The same with its time held: several requests of one moment.
    pub(crate) fn held(&self) -> Self {
        self.clone().at(self.now())
    }

    pub(crate) fn with_scheme(&self, change: impl FnOnce(&mut Scheme)) -> Self {
        let mut other = self.clone();
        change(&mut other.scheme);
        other
    }

    /// The same with a secret of its own, in the scheme's key format.
    pub(crate) fn with_another_secret(&self) -> Option<Self> {
        let secret = danger::secret_of_any_length(defaults::another_secret(&self.scheme)).ok()?;
        Some(Self {
            secret,
            ..self.clone()
        })
    }

    #[track_caller]
    pub(crate) fn fail(&self, error: &SignError) -> ! {
        fail(&self.scheme.name, "no genuine request can be made", error)
    }
}

fn is_named(values: &[(String, String)], name: &str) -> bool {
    values
        .iter()
        .any(|(known, _)| known.eq_ignore_ascii_case(name))
}

#[track_caller]
#[expect(clippy::panic, reason = "a test fails loudly")]
fn fail(scheme: &str, what: &str, error: &dyn std::error::Error) -> ! {
    match error.source() {
        Some(source) => panic!("{scheme}: {what}: {error}: {source}"),
        None => panic!("{scheme}: {what}: {error}"),
    }
}

impl fmt::Debug for Sender {
    /// Neither headers nor configured values: they may be secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Sender")
            .field("scheme", &self.scheme.name)
            .field("secret", &self.secret)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
