//! What is done about attempts that fail: they are counted for each source.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock::{self, Clock};
use crate::defaults;
use crate::quota::buckets::Buckets;
use crate::quota::{OverQuota, Quota};
use crate::refusal::{Fault, Refusal};
use crate::request::Head;
use crate::scheme::Scheme;
use crate::source::{Origin, Source, Sources};
use crate::url_hint::UrlHints;

/// How many failed attempts a source has, and what happens when they are used up.
///
/// Only what is refused before it is verified spends them, and only where the sender is at fault; what is genuine costs nothing. The state is
/// bounded: there are [65,536](Self::most_sources) sources at most, of which only those are forgotten that have all of their failures back;
/// while there is no room, sources that are not known share one bucket.
///
/// ```
/// use countersign::{FailureLimit, Quota, Receiver, Secret, Sources, providers::{STRIPE, ZAPIER_QUERY}, danger::Weak};
/// use std::num::NonZeroU32;
///
/// let ten_a_minute = Quota::per_minute(NonZeroU32::new(10).unwrap());
/// let secret = || Secret::new("0123456789abcdef0123456789");
/// // A flood of forgeries gets 429; genuine deliveries pass, whoever else comes from their address.
/// Receiver::builder(STRIPE, secret()?).limit_failures(FailureLimit::penalise(ten_a_minute)).build()?;
/// // Whoever guesses a token is turned away before his next guess is looked at.
/// Receiver::builder(ZAPIER_QUERY, secret()?)
///     .accept_weak(Weak::NothingSigned)
///     .limit_failures(FailureLimit::refuse_early(ten_a_minute))
///     .sources(Sources::behind(&["10.0.0.0/8"])?)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureLimit {
    quota: Quota,
    early: bool,
    most_sources: usize,
}

impl FailureLimit {
    /// Attempts are verified, and what then fails is answered 429 instead of 401 or 400 while its source has no failures left. **A genuine
    /// delivery always passes**, so that forgeries from behind the same proxy cannot shut the sender out.
    ///
    /// Where secrets have to be [looked up](crate::Tenants), one of a tenant that is not remembered does not: nobody is looked up for a source without
    /// failures left. So sources must be told apart there.
    #[must_use]
    pub const fn penalise(quota: Quota) -> Self {
        Self {
            quota,
            early: false,
            most_sources: defaults::MOST_SOURCES,
        }
    }

    /// Whatever comes from a source without failures left is answered 429 before anything of it is looked at: for tokens, which could be
    /// guessed, and where verifying costs too much.
    ///
    /// **Genuine deliveries from that source are turned away, too**, so sources must be told apart: building fails without
    /// [`sources`](crate::ReceiverBuilder::sources). While more sources have failed than are counted, those that are not known share one bucket,
    /// and can be turned away for one another's failures.
    #[must_use]
    pub const fn refuse_early(quota: Quota) -> Self {
        Self {
            early: true,
            ..Self::penalise(quota)
        }
    }

    /// How many sources are counted at once: 65,536 unless it is set, in about 10 MB.
    #[must_use]
    pub const fn most_sources(mut self, count: usize) -> Self {
        self.most_sources = count;
        self
    }

    pub(crate) const fn is_early(&self) -> bool {
        self.early
    }

    pub(crate) const fn counts_none(&self) -> bool {
        self.most_sources == 0
    }
}

/// Everything that a receiver does about failures.
pub(crate) struct Failures {
    sources: Option<Sources>,
    limit: Option<Limited>,
    /// Are there shares of places for bodies?
    shares: bool,
    has_told_of_peers: AtomicBool,
    pub(crate) url_hints: UrlHints,
}

struct Limited {
    limit: FailureLimit,
    buckets: Buckets<Source>,
    /// The process's own where none was set. It stays the same one, for another one's time may lie before what was spent.
    clock: Option<Arc<dyn Clock>>,
    has_told_of_proxies: AtomicBool,
}

impl fmt::Debug for Failures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Failures")
            .field("sources", &self.sources)
            .field("limit", &self.limit.as_ref().map(|limited| limited.limit))
            .finish_non_exhaustive()
    }
}

/// The settings, while a receiver is being built.
#[derive(Clone, Debug, Default)]
pub(crate) struct FailureSettings {
    pub(crate) sources: Option<Sources>,
    pub(crate) limit: Option<FailureLimit>,
}

impl Default for Failures {
    /// Nothing is done about them.
    fn default() -> Self {
        Self::new(FailureSettings::default(), None, false)
    }
}

impl Failures {
    pub(crate) fn new(
        settings: FailureSettings,
        clock: Option<&Arc<dyn Clock>>,
        shares: bool,
    ) -> Self {
        Self {
            sources: settings.sources,
            limit: settings.limit.map(|limit| Limited {
                buckets: Buckets::new(limit.most_sources),
                limit,
                clock: clock.cloned(),
                has_told_of_proxies: AtomicBool::new(false),
            }),
            shares,
            has_told_of_peers: AtomicBool::new(false),
            url_hints: UrlHints::new(clock),
        }
    }

    pub(crate) fn origin(&self, scheme: &Scheme, head: &impl Head) -> Origin {
        let counts = self.limit.is_some() || self.shares;
        let origin = Origin::of(head, self.sources.as_ref(), counts);
        if counts
            && origin.peer.is_none()
            && !self.has_told_of_peers.load(Ordering::Relaxed)
            && !self.has_told_of_peers.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                scheme = &*scheme.name,
                "nothing is limited per source: requests carry no `Peer` extension (in axum, `WithPeer` puts it there)"
            );
        }
        origin
    }

    /// Is anything of this source looked at? Where not, its failure is counted to nobody: it has none left.
    pub(crate) fn let_in(&self, origin: Origin) -> Result<(), Refusal> {
        if !self
            .limit
            .as_ref()
            .is_some_and(|limited| limited.limit.early)
        {
            return Ok(());
        }
        match self.wait(origin) {
            Some(wait) => Err(Refusal::too_many_failures(wait, None)),
            None => Ok(()),
        }
    }

    /// After how long this source may fail again, where it has no failures left.
    fn wait(&self, origin: Origin) -> Option<Duration> {
        self.limit.as_ref()?.wait(origin.source?)
    }

    /// The same, where it has used them up itself: who shares the overflow bucket is looked up whatever the others did.
    pub(crate) fn wait_of_own(&self, origin: Origin) -> Option<Duration> {
        self.limit.as_ref()?.wait_of_own(origin.source?)
    }

    /// Are this source's failures counted?
    pub(crate) const fn counts(&self, origin: Origin) -> bool {
        self.limit.is_some() && origin.source.is_some()
    }

    /// An attempt has failed: what it is refused with.
    pub(crate) fn failed(&self, refusal: Refusal, origin: Origin) -> Refusal {
        match &self.limit {
            Some(limited) => limited.charge(refusal, origin),
            None => refusal,
        }
    }

    /// An attempt was genuine.
    pub(crate) fn passed(&self, scheme: &Scheme, origin: Origin) {
        if let Some(limited) = &self.limit
            && self.sources.is_none()
            && !limited.has_told_of_proxies.load(Ordering::Relaxed)
            && let Some(source) = origin.source
            && limited.is_over(source)
            && !limited.has_told_of_proxies.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                scheme = &*scheme.name,
                source = %source.address(),
                "an address that sends forgeries without end sends genuine deliveries, too, so it seems to be a proxy: name it by `sources(Sources::behind(..))`, or senders are not told apart"
            );
        }
    }
}

impl Limited {
    fn charge(&self, refusal: Refusal, origin: Origin) -> Refusal {
        if refusal.fault() != Fault::Sender {
            return refusal;
        }
        let Some(source) = origin.source else {
            return refusal;
        };
        match self.buckets.spend(&source, &self.limit.quota, self.now()) {
            Ok(()) => refusal,
            Err(OverQuota { retry_after }) => {
                Refusal::too_many_failures(retry_after, Some(refusal.code()))
            }
        }
    }

    fn wait(&self, source: Source) -> Option<Duration> {
        self.buckets.wait(&source, &self.limit.quota, self.now())
    }

    /// Has this very source used its failures up? Where it shares the overflow bucket, others may have.
    fn is_over(&self, source: Source) -> bool {
        self.wait_of_own(source).is_some()
    }

    fn wait_of_own(&self, source: Source) -> Option<Duration> {
        self.buckets
            .wait_of_own(&source, &self.limit.quota, self.now())
    }

    fn now(&self) -> i64 {
        let now = match &self.clock {
            Some(clock) => clock.monotonic(),
            None => clock::monotonic(),
        };
        i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
    }
}
