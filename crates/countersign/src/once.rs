//! A receiver's store and how it is used: settings before it is built, shared state afterwards.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::counts::Counters;
use crate::danger::Deduplicate;
use crate::defaults;
use crate::identity::Identity;
use crate::quota::Quota;
use crate::receiver::{ReceiverBuilder, SettingError, Stage, drops_over_limit, sealed};
use crate::runs::Runs;
use crate::scheme::{RetryBody, RetryStamp, Scheme};
use crate::store::{DeliveryStore, DynQuotas, DynStore, QuotaStore};

/// What is done with a delivery while the store does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StorePolicy {
    /// It is refused with 503: senders that retry lose nothing, and nothing runs twice. Senders that never retry (GitHub) lose the event unless
    /// somebody has it delivered again by hand.
    #[default]
    Refuse,
    /// It runs without a record: nothing is lost, and what was done before, or is being done elsewhere, is done again. Where the claim got through
    /// although no reply came, the run is recorded if the store answers again before that lease ends, and while at least half of the places for
    /// runs are free.
    Run,
}

/// What each tenant may do, and who counts it.
#[derive(Clone, Debug)]
pub(crate) struct Quotas {
    pub(crate) quota: Quota,
    pub(crate) store: DynQuotas,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) namespace: String,
    pub(crate) endpoint: String,
    deduplicate: Option<Deduplicate>,
    pub(crate) lease: Duration,
    retention: Option<Duration>,
    pub(crate) store_timeout: Duration,
    pub(crate) on_store_failure: StorePolicy,
    max_runs: usize,
    pub(crate) run_timeout: Duration,
    answer_within: Option<Duration>,
    pub(crate) refuse_replays: bool,
    pub(crate) refuse_changed_bodies: bool,
    pub(crate) quotas: Option<Quotas>,
    pub(crate) on_quota_failure: StorePolicy,
}

/// A store and its settings, while a receiver is being built.
#[derive(Clone)]
pub struct WithStore<S> {
    store: S,
    settings: Settings,
    retention: Duration,
}

impl<S> WithStore<S> {
    pub(crate) fn new(store: S) -> Self {
        Self {
            store,
            settings: Settings {
                namespace: String::new(),
                endpoint: String::new(),
                deduplicate: None,
                lease: defaults::LEASE,
                retention: None,
                store_timeout: defaults::STORE_TIMEOUT,
                on_store_failure: StorePolicy::Refuse,
                max_runs: defaults::MAX_RUNS,
                run_timeout: defaults::RUN_TIMEOUT,
                answer_within: None,
                refuse_replays: false,
                refuse_changed_bodies: false,
                quotas: None,
                on_quota_failure: StorePolicy::Run,
            },
            retention: Duration::ZERO,
        }
    }
}

impl<S> fmt::Debug for WithStore<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("WithStore")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A store in use: what makes a [`Receiver`](crate::Receiver) run every delivery once. Clones are the same.
///
/// It is a type of its own, so that what only verifies cannot be given a receiver that was meant to do more:
/// ```compile_fail,E0308
/// use countersign::{MemoryStore, Once, Receiver};
/// fn verify_only(_: Receiver) {}
/// fn lose_the_store(receiver: Receiver<Once<MemoryStore>>) {
///     verify_only(receiver);
/// }
/// ```
/// A layer takes both:
/// ```
/// use countersign::{MemoryStore, Once, Receiver};
/// fn layer<S>(_: Receiver<S>) {}
/// fn keep_the_store(receiver: Receiver<Once<MemoryStore>>) {
///     layer(receiver);
/// }
/// ```
pub struct Once<S> {
    pub(crate) inner: Arc<Inner<S>>,
}

pub(crate) struct Inner<S> {
    store: Arc<S>,
    pub(crate) settings: Settings,
    pub(crate) retention: Duration,
    pub(crate) runs: Arc<Runs>,
    pub(crate) counters: Counters,
}

impl<S: DeliveryStore> Inner<S> {
    pub(crate) fn store(&self) -> &S {
        &self.store
    }

    pub(crate) fn erased(&self) -> DynStore {
        DynStore::shared(Arc::clone(&self.store))
    }
}

impl<S> Clone for Once<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<S> fmt::Debug for Once<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Once")
            .field("settings", &self.inner.settings)
            .field("retention", &self.inner.retention)
            .finish_non_exhaustive()
    }
}

impl<S: DeliveryStore> Stage for WithStore<S> {}

impl<S: DeliveryStore> sealed::Stage for WithStore<S> {
    type Built = Once<S>;

    const RUNS: bool = true;

    fn identity(&mut self, scheme: &Scheme) -> Result<Option<Identity>, SettingError> {
        let settings = &self.settings;
        if settings.max_runs == 0 {
            return Err(SettingError::value("max_runs", "must be at least 1"));
        }
        if settings.quotas.is_some() && drops_over_limit(scheme) {
            return Err(SettingError::value(
                "quota",
                "would lose deliveries: the sender drops what is answered 429",
            ));
        }
        for (field, span) in [
            ("store_timeout", Some(settings.store_timeout)),
            ("run_timeout", Some(settings.run_timeout)),
            ("answer_within", settings.answer_within),
        ] {
            if span.is_some_and(|span| span.is_zero()) {
                return Err(SettingError::value(field, "must be longer than zero"));
            }
        }
        // An extension that begins at a third must be able to fail and be repeated before the lease ends.
        if settings.lease.checked_div(3).unwrap_or_default() < settings.store_timeout {
            return Err(SettingError::value(
                "lease",
                "must be at least three times as long as store_timeout",
            ));
        }
        if settings.lease > defaults::MAX_LEASE {
            return Err(SettingError::value(
                "lease",
                "is longer than a day: a crashed process would keep its deliveries for so long",
            ));
        }
        // Leases are reckoned in milliseconds.
        if settings.store_timeout < Duration::from_millis(1) {
            return Err(SettingError::value(
                "store_timeout",
                "is shorter than a millisecond",
            ));
        }
        self.retention = retention(scheme, settings.retention)?;
        if settings.refuse_changed_bodies && scheme.retry.body == RetryBody::Changes {
            return Err(SettingError::value(
                "refuse_changed_bodies",
                "the sender's own retries change the body",
            ));
        }
        let resigned = scheme.timestamp.is_some() && scheme.retry.stamp == RetryStamp::Fresh;
        if settings.refuse_replays && !resigned {
            return Err(SettingError::value(
                "refuse_replays",
                "the sender's own retries carry the signature of the first attempt",
            ));
        }
        Identity::new(
            scheme,
            settings.deduplicate,
            settings.namespace.clone(),
            settings.endpoint.clone(),
        )
    }

    fn build(self) -> Once<S> {
        Once {
            inner: Arc::new(Inner {
                store: Arc::new(self.store),
                runs: Runs::new(self.settings.max_runs),
                settings: self.settings,
                retention: self.retention,
                counters: Counters::default(),
            }),
        }
    }
}

/// Long enough for the sender's last retry, and for whatever verifies again within the tolerance.
fn retention(scheme: &Scheme, chosen: Option<Duration>) -> Result<Duration, SettingError> {
    let span = scheme.retry.span.as_duration();
    let tolerance = scheme.timestamp.as_ref().map(|rule| {
        let tolerance = rule.tolerance;
        tolerance.past().max(tolerance.future())
    });
    let twice = tolerance.unwrap_or_default().saturating_mul(2);
    let Some(chosen) = chosen else {
        let with_margin = span.saturating_add(defaults::RETENTION_MARGIN);
        return Ok(with_margin.max(twice).max(defaults::MIN_RETENTION));
    };
    if chosen.is_zero() || chosen < span {
        return Err(SettingError::value(
            "retention",
            "is shorter than the time for which the sender retries",
        ));
    }
    if chosen < twice {
        return Err(SettingError::value(
            "retention",
            "is shorter than twice the tolerance: a captured attempt would outlive the memory of it",
        ));
    }
    Ok(chosen)
}

impl<S: DeliveryStore> ReceiverBuilder<WithStore<S>> {
    /// Sets keys apart from those of other applications in the same store: at most 256 bytes, empty unless it is set.
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        self.once.settings.namespace = name.into();
        self
    }

    /// Names this endpoint in its keys: at most 256 bytes, empty unless it is set. **Receivers of one scheme that share a store need different
    /// names**, be it that two routes get the same sender's events or that several senders use one scheme, each with a secret of its own (Standard
    /// Webhooks): one of them would take the other's deliveries for its own duplicates, which do not run. Replicas of one endpoint need the same. One
    /// receiver of [many tenants](crate::Tenants) keeps theirs apart by itself.
    pub fn endpoint(mut self, name: impl Into<String>) -> Self {
        self.once.settings.endpoint = name.into();
        self
    }

    /// How deliveries are told apart. Demanded where the scheme does not settle it: where two events may have the same content (Twilio), and
    /// where nothing is signed and no id is named.
    pub fn deduplicate(mut self, by: Deduplicate) -> Self {
        self.once.settings.deduplicate = Some(by);
        self
    }

    /// How long a claim holds until it is extended: 60 s unless it is set. A crashed process keeps its deliveries for so long.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.once.settings.lease = lease;
        self
    }

    /// How long a done delivery is remembered: the sender's retry span and a day, at least three days and at least twice the tolerance, unless it
    /// is set.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.once.settings.retention = Some(retention);
        self
    }

    /// How long one call to the store may take: 1 s unless it is set.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.once.settings.store_timeout = timeout;
        self
    }

    /// What is done while the store does not answer: refused, unless it is set.
    pub fn on_store_failure(mut self, policy: StorePolicy) -> Self {
        self.once.settings.on_store_failure = policy;
        self
    }

    /// How many deliveries may run at once: 1,024 unless it is set. What comes beyond is answered 503.
    pub fn max_runs(mut self, count: usize) -> Self {
        self.once.settings.max_runs = count;
        self
    }

    /// How long one run may take before its handler is dropped and the delivery is given back: 15 minutes unless it is set.
    pub fn run_timeout(mut self, limit: Duration) -> Self {
        self.once.settings.run_timeout = limit;
        self
    }

    /// How long the sender waits for an answer, when that is another time than the scheme's deadline. A run that is not finished shortly before is
    /// answered 503 and goes on; the sender's retry meets what was recorded.
    pub fn answer_within(mut self, deadline: Duration) -> Self {
        self.once.settings.answer_within = Some(deadline);
        self
    }

    /// Refuses with 400, and does not answer as a duplicate, what carries the very signature of the attempt that was done. For senders that sign
    /// every retry afresh: nobody but who captured an attempt sends it again.
    pub fn refuse_replays(mut self) -> Self {
        self.once.settings.refuse_replays = true;
        self
    }

    /// Refuses with 400, and does not answer as a duplicate, what has the id of a delivery that was done, and another content. For senders whose
    /// retries keep the body.
    pub fn refuse_changed_bodies(mut self) -> Self {
        self.once.settings.refuse_changed_bodies = true;
        self
    }

    /// How many deliveries of one tenant run in which time: no limit, unless it is set. What is over its quota is given back and answered 429, so
    /// that its retry runs: **do not use it with senders that never retry**, who lose an event to it. To a sender that switches an endpoint off after
    /// failures (Shopify, WooCommerce, Slack), each 429 is one: there it is for short peaks. A scheme that [drops](crate::scheme::Retry::drops_on)
    /// what is answered 429 cannot have one.
    ///
    /// It is asked after the claim and before the handler: forgeries, duplicates and copies of what is running cost nothing. A tenant has a quota of
    /// his own only where the signature covers who he is (Stripe, Slack, Intercom, GitHub), or his [own secret](crate::Tenants) does; all other deliveries of this receiver share one.
    /// [Namespace](Self::namespace), scheme and [endpoint](Self::endpoint) set it apart from those of other receivers that use the same store.
    ///
    /// ```
    /// use countersign::{MemoryQuotas, MemoryStore, Quota, Receiver, Secret, providers::STRIPE};
    /// use std::num::NonZeroU32;
    ///
    /// let twenty = NonZeroU32::new(20).unwrap();
    /// let receiver = Receiver::builder(STRIPE, Secret::new("whsec_0123456789abcdef0123456789")?)
    ///     .store(MemoryStore::single_process(1_000_000))
    ///     .quota(Quota::per_second(twenty), MemoryQuotas::single_process(100_000))
    ///     .build()?;
    /// assert_eq!(receiver.counts().over_quota, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn quota(mut self, quota: Quota, store: impl QuotaStore) -> Self {
        let store = DynQuotas::new(store);
        self.once.settings.quotas = Some(Quotas { quota, store });
        self
    }

    /// What is done while the store of quotas does not answer within [`store_timeout`](Self::store_timeout): the delivery runs and is not counted, unless
    /// this says [`Refuse`](StorePolicy::Refuse): then it is given back and answered 503. A quota protects what is behind the handler; it proves
    /// nothing.
    pub fn on_quota_failure(mut self, policy: StorePolicy) -> Self {
        self.once.settings.on_quota_failure = policy;
        self
    }
}

impl Settings {
    /// When an unfinished run is answered, counted from the request's arrival: a tenth before the sender stops waiting, and no more than a second.
    pub(crate) fn answer_after(&self, scheme: &Scheme) -> Option<Duration> {
        let of_scheme = scheme.retry.deadline.map(|span| span.as_duration());
        let deadline = self.answer_within.or(of_scheme)?;
        let margin = deadline
            .checked_div(10)
            .unwrap_or_default()
            .min(Duration::from_secs(1));
        Some(deadline.saturating_sub(margin))
    }
}
