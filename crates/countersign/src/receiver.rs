//! The receiver: one scheme, its secrets and its limits, and the order of the steps.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::danger::{self, Weak};
use crate::defaults;
use crate::handshake::{self, Question};
use crate::hooks::{Failure, Hooks};
use crate::identity::Identity;
use crate::intake::{Intake, Other};
use crate::mac::Keyed;
use crate::once::WithStore;
use crate::public_url::{Base, PublicUrl, TrustedProxies};
use crate::reading::{Reading, Timeouts};
use crate::refusal::Refusal;
use crate::request::{Head, essence, trim};
use crate::scheme::compiled::{Compiled, Config, Key};
use crate::scheme::{
    Algorithm, Grade, Part, Proof, Scheme, SchemeError, TokenPlace, UnsignedShape,
};
use crate::secret::{SecretError, SecretRing};
use crate::store::DeliveryStore;
use crate::timestamp::{Timestamp, Tolerance};
use crate::verify::{self, Verified};

/// Stands where a store of seen deliveries would: this receiver verifies, and remembers nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoStore;

/// What a receiver is built with: [`NoStore`], or a store and its settings ([`WithStore`](crate::WithStore)).
pub trait Stage: sealed::Stage {}

pub(crate) mod sealed {
    use super::{Scheme, SettingError};
    use crate::identity::Identity;

    pub trait Stage {
        type Built;

        /// How deliveries are told apart, if they are.
        fn identity(&mut self, scheme: &Scheme) -> Result<Option<Identity>, SettingError>;

        fn build(self) -> Self::Built;
    }
}

impl Stage for NoStore {}

impl sealed::Stage for NoStore {
    type Built = Self;

    fn identity(&mut self, _: &Scheme) -> Result<Option<Identity>, SettingError> {
        Ok(None)
    }

    fn build(self) -> Self {
        self
    }
}

/// One scheme, its secrets and its limits. Cloning is cheap.
///
/// It owns the order of the steps. Adapters translate: their request into a [`Head`], a [`Refusal`] into a response.
///
/// ```
/// use countersign::{providers::GITHUB, Receiver, Refusal, Secret, Timestamp};
///
/// let receiver = Receiver::builder(GITHUB, Secret::new("It's a Secret to Everybody")?).build()?;
/// let request = http::Request::post("/hooks")
///     .header("x-hub-signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
///     .body(())?;
///
/// let verified = receiver.verify(&request, "Hello, World!".into(), Timestamp::from_secs(0))?;
/// assert_eq!(&verified.body()[..], b"Hello, World!");
/// let altered = receiver.verify(&request, "Hello, World?".into(), Timestamp::from_secs(0));
/// assert_eq!(altered.unwrap_err(), Refusal::SignatureMismatch);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Receiver<S = NoStore> {
    pub(crate) compiled: Arc<Compiled>,
    max_body: u64,
    timeouts: Timeouts,
    /// The receiver's own, or that of the first adapter that brought one. Clones share it.
    clock: Arc<OnceLock<Arc<dyn Clock>>>,
    pub(crate) once: S,
}

impl Receiver {
    /// Starts with what must be there: a scheme and its secret, or a ring of secrets while rotating.
    pub fn builder(scheme: Scheme, secrets: impl Into<SecretRing>) -> ReceiverBuilder {
        ReceiverBuilder {
            max_body: scheme.max_body,
            scheme,
            secrets: secrets.into(),
            timeouts: Timeouts {
                idle: defaults::BODY_IDLE_TIMEOUT,
                total: defaults::BODY_TOTAL_TIMEOUT,
            },
            max_secrets: defaults::MAX_SECRETS,
            config: Config::default(),
            public_url: None,
            proxies: None,
            token_place: None,
            hooks: Hooks::default(),
            weak: None,
            tolerance: None,
            clock: None,
            once: NoStore,
        }
    }
}

impl<S> Receiver<S> {
    /// Steps 0 to 3: judges everything that the head alone decides. No byte of the body is needed.
    ///
    /// # Errors
    /// What a method, a media type, a content encoding, a declared length, a missing, malformed, repeated or stale signature or
    /// timestamp is refused for.
    pub fn open(&self, head: &impl Head, now: Timestamp) -> Result<Intake, Refusal> {
        self.begin(head, now)
            .inspect_err(|refusal| self.compiled.failed(refusal, head.peer()))
    }

    fn begin(&self, head: &impl Head, now: Timestamp) -> Result<Intake, Refusal> {
        if let Some(other) = self.no_delivery(head)? {
            let declared = declared_length(head, handshake::MAX_BODY)?;
            return Ok(Intake::other(&self.compiled, head, now, declared, other));
        }
        let declared = self.door(head)?;
        Intake::begin(&self.compiled, head, now, self.max_body, declared)
    }

    /// Does the head say that this is no delivery but something that the receiver answers by itself?
    fn no_delivery(&self, head: &impl Head) -> Result<Option<Other>, Refusal> {
        let scheme = &self.compiled.scheme;
        if !scheme.handshakes.is_empty()
            && let Some(question) = handshake::in_head(&self.compiled, head)?
        {
            return Ok(Some(Other::Asked(question)));
        }
        if scheme.unsigned.is_empty() {
            return Ok(None);
        }
        // What is longer is none, and is refused like anything without a signature.
        if declared_length(head, handshake::MAX_BODY).is_err() {
            return Ok(None);
        }
        let shape = handshake::unsigned_shape(&self.compiled, head);
        Ok(shape.map(|shape| Other::Unsigned { shape }))
    }

    /// As [`open`](Self::open) with the time of `clock`, and keeps the body's deadlines while it is read.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn receive(&self, head: &impl Head, clock: &Arc<dyn Clock>) -> Result<Reading, Refusal> {
        let intake = self.open(head, clock.now())?;
        Ok(Reading::new(intake, Arc::clone(clock), self.timeouts))
    }

    /// Judges signature and timestamp alone, over a body that is there: steps 1, 2, 3 and 5, without the door. It answers nothing by itself:
    /// a signed handshake is verified like a delivery, and what is unsigned is refused.
    ///
    /// # Errors
    /// What a missing, malformed, repeated, stale or wrong signature or timestamp is refused for, and [`Refusal::BodyTooLarge`].
    pub fn verify(
        &self,
        head: &impl Head,
        body: Bytes,
        now: Timestamp,
    ) -> Result<Verified, Refusal> {
        verify::verify(&self.compiled, head, body, now, self.max_body)
            .inspect_err(|refusal| self.compiled.failed(refusal, head.peer()))
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.compiled.scheme
    }

    /// The longest body in bytes.
    #[must_use]
    pub const fn max_body(&self) -> u64 {
        self.max_body
    }

    /// The clock that was set, or that an adapter has brought; none before that.
    #[must_use]
    pub fn clock(&self) -> Option<&Arc<dyn Clock>> {
        self.clock.get()
    }

    /// For adapters: the receiver's clock, which is `theirs` from now on if there was none.
    pub fn clock_or(&self, theirs: impl FnOnce() -> Arc<dyn Clock>) -> &Arc<dyn Clock> {
        self.clock.get_or_init(theirs)
    }

    /// Step 0. Gives the declared length.
    fn door(&self, head: &impl Head) -> Result<Option<u64>, Refusal> {
        let scheme = &self.compiled.scheme;
        if !scheme.methods.iter().any(|method| method == head.method()) {
            return Err(Refusal::MethodNotAllowed);
        }
        let mut types = head.header(&CONTENT_TYPE);
        if let Some(first) = types.next() {
            let essence = essence(first);
            let known = scheme.media_types.is_empty()
                || scheme
                    .media_types
                    .iter()
                    .any(|kind| kind.as_bytes().eq_ignore_ascii_case(essence));
            if !known || types.next().is_some() {
                return Err(Refusal::MediaTypeUnsupported);
            }
        }
        for encoding in head.header(&CONTENT_ENCODING) {
            let encoding = trim(encoding);
            let known = encoding.eq_ignore_ascii_case(b"identity")
                || scheme
                    .content_encodings
                    .iter()
                    .any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(encoding));
            if !known {
                return Err(Refusal::ContentEncodingUnsupported);
            }
        }
        declared_length(head, self.max_body)
    }
}

/// The length that the head declares, if it does.
fn declared_length(head: &impl Head, limit: u64) -> Result<Option<u64>, Refusal> {
    let mut lengths = head.header(&CONTENT_LENGTH);
    let Some(first) = lengths.next() else {
        return Ok(None);
    };
    if lengths.next().is_some() {
        return Err(Refusal::LengthMalformed);
    }
    let declared = decimal(trim(first)).ok_or(Refusal::LengthMalformed)?;
    if declared > limit {
        return Err(Refusal::BodyTooLarge { limit });
    }
    Ok(Some(declared))
}

/// A length too large for the type is too large for every limit.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'9' => Some(
            value
                .saturating_mul(10)
                .saturating_add(u64::from(byte.wrapping_sub(b'0'))),
        ),
        _ => None,
    })
}

/// Builds a [`Receiver`]; wrong settings fail here and name the field.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct ReceiverBuilder<S = NoStore> {
    scheme: Scheme,
    secrets: SecretRing,
    max_body: u64,
    timeouts: Timeouts,
    max_secrets: usize,
    config: Config,
    public_url: Option<UrlText>,
    proxies: Option<TrustedProxies>,
    token_place: Option<TokenPlace>,
    hooks: Hooks,
    weak: Option<Weak>,
    tolerance: Option<Tolerance>,
    clock: Option<Arc<dyn Clock>>,
    pub(crate) once: S,
}

impl ReceiverBuilder {
    /// Remembers deliveries in this store: one that was done is not done again, and one that failed is not lost.
    ///
    /// Receivers that share a store, replicas say, know each other's deliveries if their scheme, [`namespace`](Self::namespace) and
    /// [`endpoint`](Self::endpoint) are equal. Give every other endpoint of the same scheme that shares the store a name of its own, or its deliveries may be
    /// taken for duplicates.
    pub fn store<S: DeliveryStore>(self, store: S) -> ReceiverBuilder<WithStore<S>> {
        ReceiverBuilder {
            scheme: self.scheme,
            secrets: self.secrets,
            max_body: self.max_body,
            timeouts: self.timeouts,
            max_secrets: self.max_secrets,
            config: self.config,
            public_url: self.public_url,
            proxies: self.proxies,
            token_place: self.token_place,
            hooks: self.hooks,
            weak: self.weak,
            tolerance: self.tolerance,
            clock: self.clock,
            once: WithStore::new(store),
        }
    }
}

impl<S: Stage> ReceiverBuilder<S> {
    /// The longest body in bytes; the scheme's own limit unless it is set.
    pub fn max_body(mut self, bytes: u64) -> Self {
        self.max_body = bytes;
        self
    }

    /// The longest pause within a body, and the whole time for it: 10 s and 30 s unless they are set.
    pub fn body_timeouts(mut self, idle: Duration, total: Duration) -> Self {
        self.timeouts = Timeouts { idle, total };
        self
    }

    /// Another tolerance than the scheme's.
    pub fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// How many secrets there may be: 4 unless it is set, 16 at most. Each costs a MAC per forged attempt.
    pub fn max_secrets(mut self, count: usize) -> Self {
        self.max_secrets = count;
        self
    }

    /// A value that the scheme names beside the secret: in its content ([`Part::Config`]), or as the token of a handshake.
    pub fn config(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.set(name.into(), value.into());
        self
    }

    /// The public URL in front of the path that this receiver sees, such as `https://example.com`, for schemes that sign the URL.
    /// It is part of the signed content byte for byte: case, port and prefix as the sender knows them. Where a router strips a prefix from the
    /// path before the receiver sees it, the prefix belongs here.
    ///
    /// This wins over [`public_url_from`](Self::public_url_from).
    pub fn public_url(mut self, base: impl Into<String>) -> Self {
        self.public_url = Some(UrlText(Zeroizing::new(base.into())));
        self
    }

    /// Takes the public URL from what trusted proxies say, for receivers behind several names. The host tells the peer's address: see
    /// [`Peer`](crate::Peer).
    pub fn public_url_from(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// Where the token lies, for senders that sign nothing and whose users choose where it goes (Zapier, Mailchimp, Papertrail).
    pub fn token_in(mut self, place: TokenPlace) -> Self {
        self.token_place = Some(place);
        self
    }

    /// Asks the application about questions that their sender cannot prove: whether a WebSub subscription was meant, say. The answer is sent
    /// when it says yes; 404 otherwise.
    ///
    /// It is asked within the time that a body may take, and anybody may make it be asked: it should be cheap.
    ///
    /// ```
    /// use countersign::{Receiver, Secret, providers::WEBSUB};
    /// let receiver = Receiver::builder(WEBSUB, Secret::new("0123456789abcdef")?)
    ///     .consent(|question| async move {
    ///         question.param("hub.topic").as_deref() == Some("https://blog.example/feed") && question.path().ends_with("/sub-17")
    ///     })
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn consent<F, Answer>(mut self, ask: F) -> Self
    where
        F: Fn(Question) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = bool> + Send + 'static,
    {
        self.hooks.consent = Some(Arc::new(move |question| Box::pin(ask(question))));
        self
    }

    /// Is told of every attempt that is refused before it is verified, with the peer's address and before the answer is given: for a limiter
    /// of failures per source. What is refused after that came from the sender, and is not charged to anybody. It is called on the way of
    /// every forged request and should be cheap.
    pub fn on_failure(mut self, hook: impl Fn(&Failure<'_>) + Send + Sync + 'static) -> Self {
        self.hooks.on_failure = Some(Arc::new(hook));
        self
    }

    /// Accepts a scheme that proves less than a signature over the body, naming what is given up.
    pub fn accept_weak(mut self, weak: Weak) -> Self {
        self.weak = Some(weak);
        self
    }

    /// The clock; an adapter brings its runtime's unless one is set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Checks everything and keys the secrets.
    ///
    /// # Errors
    /// The first setting that cannot be used, by its name.
    ///
    /// ```
    /// use countersign::{providers::STRIPE, Receiver, Secret, SecretError, SettingError};
    /// let short = Receiver::builder(STRIPE, Secret::new("hunter2")?).build();
    /// let error = short.unwrap_err();
    /// assert_eq!(error.field(), "secrets");
    /// assert_eq!(error.to_string(), "secrets: secret-1: the secret has 7 key bytes, the scheme asks for at least 16");
    /// # Ok::<(), SecretError>(())
    /// ```
    pub fn build(mut self) -> Result<Receiver<S::Built>, SettingError> {
        let mut scheme = self.scheme;
        if let Some(place) = self.token_place {
            scheme = scheme.token_in(place)?;
        }
        if let Some(tolerance) = self.tolerance {
            match &mut scheme.timestamp {
                Some(rule) => rule.tolerance = tolerance,
                None => {
                    return Err(SettingError::value(
                        "tolerance",
                        "the scheme signs no timestamp",
                    ));
                }
            }
        }
        scheme.check()?;
        if let Some((field, reason)) = scheme.unsupported() {
            return Err(SettingError::Unsupported { field, reason });
        }
        check_grade(scheme.grade, self.weak)?;
        check_config(&scheme, &self.config)?;
        let public_url = check_url(self.public_url, self.proxies, scheme.signs_url())?;
        let limit = Scheme {
            max_body: self.max_body,
            ..scheme.clone()
        };
        limit.check()?;
        for (field, timeout) in [
            ("body_timeouts", self.timeouts.idle),
            ("body_timeouts", self.timeouts.total),
        ] {
            if timeout.is_zero() {
                return Err(SettingError::value(field, "must be longer than zero"));
            }
        }
        if self.max_secrets == 0 || self.max_secrets > defaults::MOST_SECRETS {
            return Err(SettingError::value("max_secrets", "must be 1 to 16"));
        }
        if self.secrets.secrets().len() > self.max_secrets {
            return Err(SettingError::value(
                "secrets",
                "there are more than max_secrets allows",
            ));
        }
        let proves_nothing = scheme.algorithm == Algorithm::Unsigned;
        match (self.secrets.secrets().is_empty(), proves_nothing) {
            (true, false) => return Err(SettingError::value("secrets", "there is none")),
            (false, true) => {
                return Err(SettingError::value(
                    "secrets",
                    "the sender proves nothing, so no secret keeps anybody out",
                ));
            }
            _ => {}
        }
        let keys = keys(&scheme, &self.secrets)?;
        let identity = self.once.identity(&scheme)?;
        Ok(Receiver {
            compiled: Arc::new(Compiled::new(
                scheme,
                keys,
                self.config,
                public_url,
                self.hooks,
                identity,
            )),
            max_body: self.max_body,
            timeouts: self.timeouts,
            clock: Arc::new(self.clock.map_or_else(OnceLock::new, OnceLock::from)),
            once: self.once.build(),
        })
    }
}

/// Every secret is keyed; one bad one fails the whole ring.
fn keys(scheme: &Scheme, ring: &SecretRing) -> Result<Vec<Key>, SettingError> {
    let mut keys: Vec<Key> = Vec::new();
    for (position, secret) in ring.secrets().iter().enumerate() {
        let label = secret.label_or(position);
        let refused = |reason| SettingError::Secret {
            label: label.clone(),
            reason,
        };
        let is_public = |shape: &UnsignedShape| {
            shape
                .public_key
                .as_ref()
                .is_some_and(|key| secret.is_same_key(scheme, key))
        };
        if scheme.unsigned.iter().any(is_public) {
            return Err(refused(SecretError::Placeholder));
        }
        let keyed = Keyed::new(scheme, secret).map_err(refused)?;
        let keyed = keyed.ok_or(SettingError::Unsupported {
            field: "algorithm",
            reason: "not built in",
        })?;
        let (not_before, not_after) = secret.window();
        if let (Some(start), Some(end)) = (not_before, not_after)
            && start > end
        {
            return Err(SettingError::value(
                "secrets",
                "not_before lies after not_after",
            ));
        }
        if keys.iter().any(|known| known.label == label) {
            return Err(SettingError::value(
                "secrets",
                "two secrets have the same label",
            ));
        }
        keys.push(Key {
            label,
            keyed,
            not_before,
            not_after,
        });
    }
    Ok(keys)
}

fn check_grade(grade: Grade, weak: Option<Weak>) -> Result<(), SettingError> {
    let (needed, reason) = match grade {
        Grade::SignatureOverBody => return Ok(()),
        Grade::SignatureUndelimited => (
            Weak::ValuesNotSetApart,
            "nothing sets the signed values apart: call accept_weak(danger::Weak::ValuesNotSetApart) to take that",
        ),
        Grade::SignatureBesideBody => (
            Weak::BodyNotSigned,
            "the signature does not cover the body: call accept_weak(danger::Weak::BodyNotSigned) to take that",
        ),
        Grade::ExtensibleDigest => (
            Weak::ExtensibleDigest,
            "the plain digest can be extended: call accept_weak(danger::Weak::ExtensibleDigest) to take that",
        ),
        Grade::Token => (
            Weak::NothingSigned,
            "a secret is sent along and nothing is signed: call accept_weak(danger::Weak::NothingSigned) to take that",
        ),
        Grade::Unsigned => (
            Weak::NothingProven,
            "the sender proves nothing: call accept_weak(danger::Weak::NothingProven) to take that",
        ),
    };
    if weak == Some(needed) {
        Ok(())
    } else {
        Err(SettingError::value("grade", reason))
    }
}

fn check_config(scheme: &Scheme, config: &Config) -> Result<(), SettingError> {
    let tokens = || {
        scheme
            .handshakes
            .iter()
            .filter_map(|handshake| match &handshake.proof {
                Proof::Token { config, .. } => Some(config),
                _ => None,
            })
    };
    let known = |name: &str| {
        Part::any(
            &scheme.content,
            &|part| matches!(part, Part::Config(known) if known == name),
        ) || tokens().any(|known| known == name)
    };
    if !config.names().all(known) {
        return Err(SettingError::value(
            "config",
            "names a value that the scheme does not know",
        ));
    }
    // Compared with what strangers send, so it must be a secret like any other.
    for token in tokens().filter_map(|name| config.get(name)) {
        if danger::secret_of_any_length(token).is_err() {
            return Err(SettingError::value(
                "config",
                "the token of a handshake is empty, padded or a placeholder",
            ));
        }
    }
    let missing = Part::any(&scheme.content, &|part| match part {
        Part::Config(name) => config.get(name).is_none_or(str::is_empty),
        _ => false,
    });
    if missing {
        return Err(SettingError::value(
            "config",
            "a value that the scheme's content holds is missing",
        ));
    }
    Ok(())
}

/// A URL as it was given: there may be a password in it.
#[derive(Clone)]
struct UrlText(Zeroizing<String>);

impl fmt::Debug for UrlText {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("UrlText")
    }
}

fn check_url(
    configured: Option<UrlText>,
    proxies: Option<TrustedProxies>,
    needed: bool,
) -> Result<Option<PublicUrl>, SettingError> {
    let configured = match configured.map(|UrlText(text)| Base::parse(&text)) {
        None => None,
        Some(Some(base)) => Some(PublicUrl::Configured(base)),
        Some(None) => {
            return Err(SettingError::value(
                "public_url",
                "must be an http or https URL without query and fragment",
            ));
        }
    };
    let url = configured.or(proxies.map(PublicUrl::Forwarded));
    if needed && url.is_none() {
        return Err(SettingError::value(
            "public_url",
            "the scheme signs the URL, so it must be configured",
        ));
    }
    Ok(url.filter(|_| needed))
}

/// Why a receiver could not be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// The scheme makes no sense.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// The scheme is sound, but this version cannot verify it.
    #[error("{field}: {reason}")]
    Unsupported {
        /// The scheme's field.
        field: &'static str,
        /// What is not there.
        reason: &'static str,
    },
    /// A secret cannot be used.
    #[error("secrets: {label}: {reason}")]
    Secret {
        /// The secret's label.
        label: String,
        /// Why not.
        reason: SecretError,
    },
    /// A setting has a value that cannot be used.
    #[error("{field}: {reason}")]
    Value {
        /// The builder's method.
        field: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
}

impl SettingError {
    pub(crate) const fn value(field: &'static str, reason: &'static str) -> Self {
        Self::Value { field, reason }
    }

    /// The field or setting at fault.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Scheme(error) => error.field,
            Self::Unsupported { field, .. } | Self::Value { field, .. } => field,
            Self::Secret { .. } => "secrets",
        }
    }
}

#[cfg(test)]
#[path = "receiver_tests.rs"]
mod tests;
