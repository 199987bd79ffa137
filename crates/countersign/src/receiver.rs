//! The receiver: one scheme, its secrets and its limits, and the order of the steps.

mod reload;
mod settings;

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use zeroize::Zeroizing;

pub use self::settings::SettingError;
pub(crate) use self::settings::drops_over_limit;
pub(crate) use self::settings::ring;
use self::settings::{
    UrlText, check_config, check_grade, check_limits, check_limits_of_tenants, check_url,
};
use crate::attempt::Pending;
use crate::bodies::Bodies;
use crate::clock::Clock;
use crate::danger::Weak;
use crate::defaults;
use crate::failures::{FailureLimit, FailureSettings, Failures};
use crate::handshake::Consent;
use crate::handshake::{self, Question};
use crate::identity::Identity;
use crate::intake::{Intake, Other};
use crate::observer::{Observer, Told};
use crate::once::WithStore;
use crate::public_url::TrustedProxies;
use crate::reading::{Reading, Timeouts};
use crate::refusal::Refusal;
use crate::request::{Head, essence, trim};
use crate::scheme::compiled::{Compiled, Config};
use crate::scheme::{Scheme, TokenPlace};
use crate::secret::SecretRing;
use crate::source::Sources;
use crate::store::DeliveryStore;
use crate::tenants::{self, Tenants};
use crate::timestamp::{Timestamp, Tolerance};
use crate::verify::{self, Verified};
use crate::watch::Watch;

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

        /// Are deliveries run, so that an attempt ends with its run?
        const RUNS: bool;

        /// How deliveries are told apart, if they are.
        fn identity(&mut self, scheme: &Scheme) -> Result<Option<Identity>, SettingError>;

        fn build(self) -> Self::Built;
    }
}

impl Stage for NoStore {}

impl sealed::Stage for NoStore {
    type Built = Self;

    const RUNS: bool = false;

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
    scheme: Arc<Scheme>,
    /// Exchanged as a whole when secrets are. What has begun keeps what it began with.
    compiled: Arc<ArcSwap<Compiled>>,
    max_secrets: usize,
    max_body: u64,
    timeouts: Timeouts,
    bodies: Bodies,
    /// The receiver's own, or that of the first adapter that brought one. Clones share it.
    clock: Arc<OnceLock<Arc<dyn Clock>>>,
    pub(crate) once: S,
}

/// How often a secret has been used: see [`Receiver::secret_uses`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretUse {
    /// Its label.
    pub label: String,
    /// How many deliveries, and signed questions, it has verified.
    pub verified: u64,
}

impl Receiver {
    /// Starts with what must be there: a scheme and its secret, or a ring of secrets while rotating.
    pub fn builder(scheme: Scheme, secrets: impl Into<SecretRing>) -> ReceiverBuilder {
        ReceiverBuilder {
            max_body: scheme.max_body,
            scheme,
            secrets: secrets.into(),
            tenants: None,
            timeouts: Timeouts {
                idle: defaults::BODY_IDLE_TIMEOUT,
                total: defaults::BODY_TOTAL_TIMEOUT,
            },
            max_secrets: defaults::MAX_SECRETS,
            config: Config::default(),
            public_url: None,
            proxies: None,
            token_place: None,
            consent: None,
            failures: FailureSettings::default(),
            observer: None,
            bodies: None,
            weak: None,
            tolerance: None,
            clock: None,
            once: NoStore,
        }
    }
}

impl Receiver {
    /// The same for many tenants, each with a ring of secrets of his own, which a [source](crate::SecretSource) knows. What is accepted is
    /// [bound](crate::Verified::tenant) to the tenant whose secret matched; an unknown tenant looks like a wrong signature.
    ///
    /// ```
    /// use countersign::{Receiver, SecretRing, SourceUnavailable, TenantPlace, Tenants, providers::{GITHUB, SLACK}};
    ///
    /// async fn look_up(app: String) -> Result<Option<SecretRing>, SourceUnavailable> {
    ///     # let _ = app;
    ///     Ok(None)
    /// }
    /// // By the field that the scheme names.
    /// let receiver = Receiver::for_tenants(SLACK, Tenants::new(TenantPlace::body(), look_up)).build()?;
    /// assert_eq!(receiver.secret_uses(), []);
    /// // GitHub's says nothing that would do.
    /// let error = Receiver::for_tenants(GITHUB, Tenants::new(TenantPlace::body(), look_up)).build().unwrap_err();
    /// assert_eq!(error.field(), "tenants");
    /// # Ok::<(), countersign::SettingError>(())
    /// ```
    pub fn for_tenants(scheme: Scheme, tenants: Tenants) -> ReceiverBuilder {
        ReceiverBuilder {
            tenants: Some(tenants),
            ..Self::builder(scheme, SecretRing::none())
        }
    }
}

impl<S> Receiver<S> {
    /// Steps 0 to 3: judges everything that the head alone decides. No byte of the body is needed.
    ///
    /// # Errors
    /// What a method, a media type, a content encoding, a declared length, a missing, malformed, repeated or stale signature or
    /// timestamp is refused for, and a tenant that should be named there and is not, or not once, or by no name.
    pub fn open(&self, head: &impl Head, now: Timestamp) -> Result<Intake, Refusal> {
        let compiled = self.compiled.load();
        let origin = compiled.failures.origin(&self.scheme, head);
        let pending = Pending::begin(&compiled.watch, origin, now);
        if let Err(refusal) = compiled.failures.let_in(origin) {
            return Err(compiled.refused(refusal, &pending, None));
        }
        self.begin(&compiled, head, now, &pending)
            .map_err(|refusal| compiled.failed(refusal, &pending, None))
    }

    fn begin(
        &self,
        compiled: &Arc<Compiled>,
        head: &impl Head,
        now: Timestamp,
        pending: &Pending,
    ) -> Result<Intake, Refusal> {
        if let Some(other) = self.no_delivery(compiled, head)? {
            let declared = declared_length(head, handshake::MAX_BODY)?;
            return Ok(Intake::other(compiled, (now, pending), declared, other));
        }
        let declared = self.door(head)?;
        Intake::begin(compiled, head, now, self.max_body, declared, pending)
    }

    /// Does the head say that this is no delivery but something that the receiver answers by itself?
    fn no_delivery(&self, compiled: &Compiled, head: &impl Head) -> Result<Option<Other>, Refusal> {
        let scheme = &self.scheme;
        if !scheme.handshakes.is_empty()
            && let Some(question) = handshake::in_head(compiled, head)?
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
        let shape = handshake::unsigned_shape(compiled, head);
        Ok(shape.map(|shape| Other::Unsigned { shape }))
    }

    /// As [`open`](Self::open) with the time of `clock`, and keeps the body's deadlines while it is read.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn receive(&self, head: &impl Head, clock: &Arc<dyn Clock>) -> Result<Reading, Refusal> {
        if self.compiled.load().tenants.is_some() {
            // What is remembered is reckoned by one clock.
            self.clock_or(|| Arc::clone(clock));
        }
        let intake = self.open(head, clock.now())?;
        Ok(Reading::new(
            intake,
            Arc::clone(clock),
            self.timeouts,
            (self.bodies.clone(), !head.is_multiplexed()),
        ))
    }

    /// Judges signature and timestamp alone, over a body that is there: steps 1, 2, 3 and 5, without the door. It answers nothing by itself:
    /// a signed handshake is verified like a delivery, and what is unsigned is refused.
    ///
    /// # Errors
    /// What a missing, malformed, repeated, stale or wrong signature or timestamp is refused for, and [`Refusal::BodyTooLarge`]. For a receiver of
    /// [many tenants](crate::Tenants) nothing is looked up here, as this does not wait: [`Refusal::SecretsUnavailable`] where nothing is remembered of
    /// the tenant.
    pub fn verify(
        &self,
        head: &impl Head,
        body: Bytes,
        now: Timestamp,
    ) -> Result<Verified, Refusal> {
        let compiled = self.compiled.load();
        let origin = compiled.failures.origin(&self.scheme, head);
        let mut pending = Pending::begin(&compiled.watch, origin, now);
        let bytes = u64::try_from(body.len()).ok();
        if let Err(refusal) = compiled.failures.let_in(origin) {
            return Err(compiled.refused(refusal, &pending, bytes));
        }
        match verify::verify(&compiled, head, body, now, self.max_body, &mut pending) {
            Ok(verified) => {
                compiled.passed(origin);
                Ok(verified)
            }
            Err(refusal) => Err(compiled.failed(refusal, &pending, bytes)),
        }
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Exchanges the secrets while the receiver runs, in all of its clones at once and without a pause. An attempt that has begun is judged by
    /// the secrets that were there when it began: for half a minute at most, which is how long a body may take.
    ///
    /// To replace a secret without losing a delivery: rotate to a ring of both, exchange it at the sender, and rotate to the new one alone when
    /// [`secret_uses`](Self::secret_uses) says that the old one is no longer used (and its retries, which may carry old signatures, are over).
    ///
    /// # Errors
    /// As [`build`](ReceiverBuilder::build), for the secrets; then nothing has changed.
    ///
    /// ```
    /// use countersign::{Receiver, Secret, SecretRing, providers::STRIPE};
    ///
    /// let old = || Secret::new("whsec_0123456789abcdef0123456789").map(|secret| secret.label("old"));
    /// let new = || Secret::new("whsec_9876543210fedcba9876543210").map(|secret| secret.label("new"));
    /// let receiver = Receiver::builder(STRIPE, old()?).build()?;
    /// receiver.rotate(SecretRing::new([old()?, new()?])?)?;
    /// let uses = receiver.secret_uses();
    /// assert_eq!((uses[0].label.as_str(), uses[0].verified), ("old", 0));
    ///
    /// let refused = receiver.rotate(SecretRing::new([new()?, new()?])?).unwrap_err();
    /// assert_eq!(refused.to_string(), "secrets: two secrets have the same label");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rotate(&self, secrets: impl Into<SecretRing>) -> Result<(), SettingError> {
        if self.compiled.load().tenants.is_some() {
            return Err(SettingError::value(
                "secrets",
                "each tenant has his own: they are exchanged where their source has them, and forget_tenant has it asked again",
            ));
        }
        let keys = ring(&self.scheme, &secrets.into(), self.max_secrets)?;
        // Two at the same moment: one after the other, each as a whole, so that what is counted for a label of both goes on.
        self.compiled.rcu(|now| now.with_keys(keys.clone()));
        Ok(())
    }

    /// How many deliveries each of the present secrets has verified since its label came into the ring. Empty for a receiver of
    /// [many tenants](crate::Tenants), whose rings come and go: there [`secret_label`](crate::Verified::secret_label) and
    /// [`tenant`](crate::Verified::tenant) of each delivery tell.
    #[must_use]
    pub fn secret_uses(&self) -> Vec<SecretUse> {
        let compiled = self.compiled.load();
        if compiled.tenants.is_some() {
            return Vec::new();
        }
        let uses = compiled.keys.iter().map(|key| SecretUse {
            label: key.label.clone(),
            verified: key.verified.load(Ordering::Relaxed),
        });
        uses.collect()
    }

    /// For a receiver of [many tenants](crate::Tenants): whatever is remembered of this name is forgotten, in all clones, and the source is asked
    /// when it comes next. For a secret that was revoked or exchanged, and for a tenant that was just made or closed. Says whether there was
    /// anything to forget.
    ///
    /// An attempt that has begun is judged by what was there when it began: for half a minute at most, which is how long a body may take.
    pub fn forget_tenant(&self, tenant: &str) -> bool {
        let compiled = self.compiled.load();
        let tenants = compiled.tenants.as_ref();
        tenants.is_some_and(|tenants| tenants.forget(tenant))
    }

    /// The longest body in bytes.
    #[must_use]
    pub const fn max_body(&self) -> u64 {
        self.max_body
    }

    /// The bound on the bodies that are being read.
    #[must_use]
    pub const fn bodies(&self) -> &Bodies {
        &self.bodies
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

    #[cfg(test)]
    pub(crate) fn compiled(&self) -> Arc<Compiled> {
        self.compiled.load_full()
    }

    /// Step 0. Gives the declared length.
    fn door(&self, head: &impl Head) -> Result<Option<u64>, Refusal> {
        let scheme = &self.scheme;
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
    tenants: Option<Tenants>,
    max_body: u64,
    timeouts: Timeouts,
    max_secrets: usize,
    config: Config,
    public_url: Option<UrlText>,
    proxies: Option<TrustedProxies>,
    token_place: Option<TokenPlace>,
    consent: Option<Consent>,
    failures: FailureSettings,
    observer: Option<Told>,
    bodies: Option<Bodies>,
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
            tenants: self.tenants,
            max_body: self.max_body,
            timeouts: self.timeouts,
            max_secrets: self.max_secrets,
            config: self.config,
            public_url: self.public_url,
            proxies: self.proxies,
            token_place: self.token_place,
            consent: self.consent,
            failures: self.failures,
            observer: self.observer,
            bodies: self.bodies,
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

    /// A value that the scheme names beside the secret: in its content ([`Part::Config`](crate::scheme::Part::Config)), or as the token of a handshake.
    pub fn config(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.set(name.into(), value.into());
        self
    }

    /// The public URL in front of the path that this receiver sees, such as `https://example.com`, for schemes that sign the URL.
    /// It is part of the signed content byte for byte: case, port and prefix as the sender knows them. Where a router strips a prefix from the
    /// path before the receiver sees it, the prefix belongs here. Where nothing is left of the path but a slash, the URL may have been signed with
    /// it or without.
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
        self.consent = Some(Consent::new(ask));
        self
    }

    /// Is told of every attempt, once: see [`Observer`]. For a ban of one's own ([`limit_failures`](Self::limit_failures) limits by itself) look
    /// for those that were refused and are not [verified](crate::Attempt::is_verified).
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Told(Arc::new(observer)));
        self
    }

    /// Limits how many attempts from one source may fail; none unless it is set. Needs to be told the peer's address, by a
    /// [`Peer`](crate::Peer) in the request's extensions: without it nothing is limited, which the log says once.
    pub fn limit_failures(mut self, limit: FailureLimit) -> Self {
        self.failures.limit = Some(limit);
        self
    }

    /// How the source of an attempt is known. Unless it is set, it is taken to be the peer, and not relied on.
    pub fn sources(mut self, sources: Sources) -> Self {
        self.failures.sources = Some(sources);
        self
    }

    /// How many bodies are read at once: 256 and 256 MiB of them, for this receiver alone, unless it is set.
    pub fn bodies(mut self, bodies: Bodies) -> Self {
        self.bodies = Some(bodies);
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
        let public_url = check_url(self.public_url, self.proxies, &scheme)?;
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
        let bodies = self.bodies.unwrap_or_default();
        check_limits(&scheme, &self.failures, &bodies)?;
        if self.max_secrets == 0 || self.max_secrets > defaults::MOST_SECRETS {
            return Err(SettingError::value("max_secrets", "must be 1 to 16"));
        }
        let clock = Arc::new(self.clock.map_or_else(OnceLock::new, OnceLock::from));
        let (keys, tenants) = match self.tenants {
            None => (ring(&scheme, &self.secrets, self.max_secrets)?, None),
            Some(tenants) => {
                check_limits_of_tenants(&scheme, &self.failures)?;
                let body = self.timeouts.total;
                let directory = tenants.build(&scheme, self.max_secrets, body, &clock)?;
                (tenants::decoy(&scheme)?, Some(directory))
            }
        };
        let identity = self.once.identity(&scheme)?;
        let shares = bodies.has_shares();
        let failures = Failures::new(self.failures, clock.get(), shares);
        let watch = Watch::new(self.observer, Arc::clone(&clock), S::RUNS);
        let compiled = Compiled::new(
            scheme.clone(),
            keys,
            self.config,
            public_url,
            self.consent,
            failures,
            identity,
        );
        let compiled = match tenants {
            Some(tenants) => compiled.for_tenants(tenants),
            None => compiled,
        };
        Ok(Receiver {
            scheme: Arc::new(scheme),
            max_secrets: self.max_secrets,
            compiled: Arc::new(ArcSwap::from_pointee(compiled.watched_by(watch))),
            max_body: self.max_body,
            timeouts: self.timeouts,
            bodies,
            clock,
            once: self.once.build(),
        })
    }
}

#[cfg(test)]
#[path = "receiver_tests.rs"]
mod tests;
