//! Where quotas are counted: the trait, its contract, and the embedded store for one process.

#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Unavailable;
use crate::clock::{self, Clock};
use crate::quota::buckets::Buckets;
use crate::quota::{OverQuota, Quota};

/// Names whose quota it is: equal for every delivery of one tenant at one endpoint, and for nothing else.
///
/// **Shape**: 32 bytes, a SHA-256 digest. It tells nothing of what it was made from. Printed as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuotaKey([u8; 32]);

impl QuotaKey {
    /// From its bytes: for stores and their tests.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for QuotaKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&base16ct::lower::encode_string(&self.0))
    }
}

impl fmt::Debug for QuotaKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "QuotaKey({self})")
    }
}

/// Asks for one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spend {
    /// Whose.
    pub key: QuotaKey,
    /// How much passes in which time. The same in every call with this key, until the settings change.
    pub quota: Quota,
}

/// What a spend came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpendReply {
    /// One unit was taken.
    Go,
    /// There is none, and nothing was taken.
    Wait(
        /// After how long one more would go, if nothing else is spent until then.
        Duration,
    ),
}

/// Counts what was spent of quotas: one record per key, one atomic step per call.
///
/// # Contract
/// The record of a key is one moment: when everything that was spent will have come back. For a key that is not known it is the beginning of
/// time. A spend at `now` works out `then = max(record, now) + quota.interval()`:
///
/// | `then - now` is | reply | record |
/// |---|---|---|
/// | at most `quota.recovery()` | `Go` | becomes `then` |
/// | more | `Wait` of what it is more | stays |
///
/// - **Atomic**: each call takes effect at one moment between its start and its reply, wholly or not at all, also beside other processes that
///   use the same store.
/// - **Clock**: the store's own, and one clock for all who share the store. Whose clock can go back answers as if it had stood still.
/// - **Precision**: a store that reckons in coarser steps than nanoseconds rounds intervals and waits up, never down.
/// - **Another quota**: the record is a moment, whatever was spent to get there. Another quota for a key neither fills it nor empties it.
/// - **Forgetting**: a record whose moment has passed may be dropped: it says what no record says. No other one is ever forgotten, for want of
///   room neither.
/// - **Full**: keys for which there is no room are let through less, never more: they may share one record, or be told to wait. Other keys do not
///   notice.
/// - **Cancelled**: a future that is dropped has had its effect, has none, or has it a little later. It leaves no lock and no half-made record.
/// - **Unreachable, or unclear**: [`Unavailable`] says that the reply is not known; a unit may have been taken. Callers do not repeat the call.
/// - **Opaque**: keys mean nothing to a store. It compares them and prints none of them.
/// - **Shared**: a clone of a store, and a handle to it, is the same store.
///
/// The conformance suite of `countersign-testkit` is the proof that a store keeps this.
pub trait QuotaStore: Send + Sync + 'static {
    /// Asks for one unit.
    ///
    /// # Errors
    /// [`Unavailable`] when no reply is known.
    fn spend(&self, spend: Spend) -> impl Future<Output = Result<SpendReply, Unavailable>> + Send;
}

impl<S: QuotaStore> QuotaStore for Arc<S> {
    fn spend(&self, spend: Spend) -> impl Future<Output = Result<SpendReply, Unavailable>> + Send {
        S::spend(self, spend)
    }
}

type Reply<'a> = Pin<Box<dyn Future<Output = Result<SpendReply, Unavailable>> + Send + 'a>>;

/// [`QuotaStore`] without its types.
trait Erased: Send + Sync {
    fn spend(&self, spend: Spend) -> Reply<'_>;
}

impl<S: QuotaStore> Erased for S {
    fn spend(&self, spend: Spend) -> Reply<'_> {
        Box::pin(QuotaStore::spend(self, spend))
    }
}

/// A store whose type a receiver does not name.
#[derive(Clone)]
pub(crate) struct DynQuotas(Arc<dyn Erased>);

impl DynQuotas {
    pub(crate) fn new(store: impl QuotaStore) -> Self {
        Self(Arc::new(store))
    }

    pub(crate) fn spend(&self, spend: Spend) -> Reply<'_> {
        self.0.spend(spend)
    }
}

impl fmt::Debug for DynQuotas {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DynQuotas")
    }
}

/// Counts quotas in the memory of one process, exactly and within bounds.
///
/// **For one process**: a restart forgets what was spent, and each replica grants the whole quota.
///
/// **Bounded**: there are never more records than the capacity, of 100 to 200 bytes each. Only what has recovered is dropped, when its room is needed.
/// Keys that find no room share one record, which is logged once; whoever had spent of it goes on from there when he gets one of his own. Where
/// keys have different quotas, the shared record is no better than the slowest of them: give it room for all tenants, or a store for each quota.
///
/// **Clock**: the monotonic time of the process, exact to the nanosecond for 292 years.
///
/// Calls complete at once and never wait for anything but a lock, which is held for a microsecond or so. Clones are the same store.
///
/// # Examples
/// ```
/// use std::{future::Future, num::NonZeroU32, pin::pin, task::{Context, Poll, Waker}};
/// use countersign::{MemoryQuotas, Quota, QuotaKey, QuotaStore, Spend, SpendReply};
///
/// let store = MemoryQuotas::single_process(10_000);
/// let spend = |key| {
///     let quota = Quota::per_hour(NonZeroU32::new(2).unwrap());
///     let reply = pin!(store.spend(Spend { key: QuotaKey::from_bytes([key; 32]), quota }));
///     // It is ready at once: any executor will do.
///     match reply.poll(&mut Context::from_waker(Waker::noop())) {
///         Poll::Ready(Ok(reply)) => reply,
///         other => unreachable!("{other:?}"),
///     }
/// };
/// assert_eq!([spend(1), spend(1)], [SpendReply::Go; 2]);
/// assert!(matches!(spend(1), SpendReply::Wait(wait) if wait.as_secs() < 1_800));
/// assert_eq!(spend(2), SpendReply::Go, "another one's");
/// ```
#[derive(Clone)]
pub struct MemoryQuotas(Arc<Inner>);

struct Inner {
    /// The process's own where there is none.
    clock: Option<Box<dyn Clock>>,
    buckets: Buckets<QuotaKey>,
    capacity: usize,
    has_told: AtomicBool,
}

impl MemoryQuotas {
    /// A store with room for `capacity` keys, for one process. It takes memory as it fills, not now. With a capacity of 0 all keys share one
    /// record.
    #[must_use]
    pub fn single_process(capacity: usize) -> Self {
        Self::new(capacity, None)
    }

    /// As [`single_process`](Self::single_process), on another clock's [monotonic time](Clock::monotonic): for tests.
    #[must_use]
    pub fn single_process_on(capacity: usize, clock: impl Clock) -> Self {
        Self::new(capacity, Some(Box::new(clock)))
    }

    fn new(capacity: usize, clock: Option<Box<dyn Clock>>) -> Self {
        tracing::info!(
            capacity,
            "memory store of quotas for a single process: a restart forgets what was spent, each replica grants the whole quota"
        );
        Self(Arc::new(Inner {
            clock,
            buckets: Buckets::new(capacity),
            capacity,
            has_told: AtomicBool::new(false),
        }))
    }
}

impl fmt::Debug for MemoryQuotas {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("MemoryQuotas")
            .field("capacity", &self.0.capacity)
            .field("records", &self.0.buckets.len())
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn spend(&self, spend: &Spend) -> SpendReply {
        let now = match &self.clock {
            Some(clock) => clock.monotonic(),
            None => clock::monotonic(),
        };
        let now = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
        let reply = match self.buckets.spend(&spend.key, &spend.quota, now) {
            Ok(()) => SpendReply::Go,
            Err(OverQuota { retry_after }) => SpendReply::Wait(retry_after),
        };
        if self.buckets.has_overflowed() && !self.has_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                capacity = self.capacity,
                "memory store of quotas full: tenants that find no room share one quota"
            );
        }
        reply
    }
}

impl QuotaStore for MemoryQuotas {
    async fn spend(&self, spend: Spend) -> Result<SpendReply, Unavailable> {
        Ok(self.0.spend(&spend))
    }
}
