//! Where deliveries are remembered: the trait, its contract, and the erased handle.

mod memory;
mod quota;

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

pub use self::memory::{MemoryStats, MemoryStore};
pub(crate) use self::quota::DynQuotas;
pub use self::quota::{MemoryQuotas, QuotaKey, QuotaStore, Spend, SpendReply};
use crate::idempotency::{
    Claim, ClaimReply, Extend, ExtendReply, ForgetReply, IdempotencyKey, Release, ReleaseReply,
    Settle, SettleReply,
};

/// Remembers deliveries: one record per key, one atomic step per call.
///
/// # Contract
/// What a store answers depends on its record of the key alone, and on its clock:
///
/// | the record is | `claim` | `settle` | `release` | `extend` | `forget` |
/// |---|---|---|---|---|---|
/// | not there | → in flight, attempt 1: `Claimed` | `Lost` | `Lost` | `Lost` | `Unknown` |
/// | in flight, same token | `Claimed`, the same attempt; the lease is at least as long as asked | → done: `Settled` | → free: `Released` | `Extended` | `InFlight` |
/// | in flight, other token | `Busy` | `Lost` | `Lost` | `Lost` | `InFlight` |
/// | in flight, lapsed, same token | `Lost` | `Lost` | `Lost` | `Lost` | `Unknown` |
/// | in flight, lapsed, other token | → in flight, attempt n + 1: `Claimed` | `Lost` | `Lost` | `Lost` | `Unknown` |
/// | free, released by the same token | `Lost` | `AlreadyReleased` | `AlreadyReleased` | `Lost` | `Unknown` |
/// | free, else | → in flight, attempt n + 1: `Claimed` | `Lost` | `Lost` | `Lost` | `Unknown` |
/// | done, same token | `Duplicate` | `AlreadySettled` | `AlreadySettled` | `Lost` | → free: `Forgotten` |
/// | done, other token | `Duplicate` | `Lost` | `Lost` | `Lost` | → free: `Forgotten` |
///
/// - **Atomic**: each call takes effect at one moment between its start and its reply, wholly or not at all, also beside other processes that
///   use the same store.
/// - **Clock**: leases and retentions run on the store's own clock, and on one clock for all who share the store. A lease of `d` that is
///   claimed at `t` has lapsed at `t + d`, not before. A record is gone when its retention is over: a free one, a done one, and an in-flight
///   one its `retention` after its lease has lapsed.
/// - **Lease**: `claim` and `extend` never shorten one, and keep the retention that came with the first claim.
/// - **Forgotten**: a record that was forgotten is free until its retention would have been over, and knows no token: the one that settled it
///   gets `Lost`.
/// - **Full**: a claim of a key that is not there is answered `Full` when there is no room. A record that lives is never forgotten to make
///   room, and all other calls go on to work. What has expired is room.
/// - **Cancelled**: a future that is dropped has had its effect, has none, or has it a little later, as calls have that are on their way over a
///   network. It leaves no lock and no half-made record behind.
/// - **Unreachable, or unclear**: [`Unavailable`] says that the reply is not known; the effect may have happened. Callers repeat the call with
///   the same token, and the table says what they get.
/// - **Opaque**: keys, tokens and fingerprints mean nothing to a store. It compares them and prints none of them.
/// - **Shared**: a clone of a store, and a handle to it, is the same store.
///
/// The conformance suite of `countersign-testkit` is the proof that a store keeps this.
pub trait DeliveryStore: Send + Sync + 'static {
    /// Asks for the right to do the work.
    ///
    /// # Errors
    /// [`Unavailable`] when no reply is known.
    fn claim(&self, claim: Claim) -> impl Future<Output = Result<ClaimReply, Unavailable>> + Send;

    /// Records that the work is done.
    ///
    /// # Errors
    /// [`Unavailable`] when no reply is known.
    fn settle(
        &self,
        settle: Settle,
    ) -> impl Future<Output = Result<SettleReply, Unavailable>> + Send;

    /// Gives the work back, undone.
    ///
    /// # Errors
    /// [`Unavailable`] when no reply is known.
    fn release(
        &self,
        release: Release,
    ) -> impl Future<Output = Result<ReleaseReply, Unavailable>> + Send;

    /// Asks for more time.
    ///
    /// # Errors
    /// [`Unavailable`] when no reply is known.
    fn extend(
        &self,
        extend: Extend,
    ) -> impl Future<Output = Result<ExtendReply, Unavailable>> + Send;

    /// For operators: what is known to be done is so no longer, and the next attempt runs.
    ///
    /// # Errors
    /// [`Unavailable`] when no reply is known.
    fn forget(
        &self,
        key: IdempotencyKey,
    ) -> impl Future<Output = Result<ForgetReply, Unavailable>> + Send;
}

/// The store gave no reply that can be relied on. What was asked may have happened.
#[derive(Debug)]
pub struct Unavailable(Option<Box<dyn Error + Send + Sync>>);

impl Unavailable {
    /// For a reason of the store's own.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Some(source.into()))
    }

    /// No reply came in time.
    #[must_use]
    pub const fn timed_out() -> Self {
        Self(None)
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self.0 {
            Some(_) => "the store is unavailable",
            None => "the store did not reply in time",
        })
    }
}

impl Error for Unavailable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.0.as_deref()?;
        Some(source)
    }
}

impl<S: DeliveryStore> DeliveryStore for Arc<S> {
    fn claim(&self, claim: Claim) -> impl Future<Output = Result<ClaimReply, Unavailable>> + Send {
        S::claim(self, claim)
    }

    fn settle(
        &self,
        settle: Settle,
    ) -> impl Future<Output = Result<SettleReply, Unavailable>> + Send {
        S::settle(self, settle)
    }

    fn release(
        &self,
        release: Release,
    ) -> impl Future<Output = Result<ReleaseReply, Unavailable>> + Send {
        S::release(self, release)
    }

    fn extend(
        &self,
        extend: Extend,
    ) -> impl Future<Output = Result<ExtendReply, Unavailable>> + Send {
        S::extend(self, extend)
    }

    fn forget(
        &self,
        key: IdempotencyKey,
    ) -> impl Future<Output = Result<ForgetReply, Unavailable>> + Send {
        S::forget(self, key)
    }
}

type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, Unavailable>> + Send + 'a>>;

/// [`DeliveryStore`] without its types: what a [`DynStore`] points to.
trait Erased: Send + Sync {
    fn claim(&self, claim: Claim) -> Reply<'_, ClaimReply>;
    fn settle(&self, settle: Settle) -> Reply<'_, SettleReply>;
    fn release(&self, release: Release) -> Reply<'_, ReleaseReply>;
    fn extend(&self, extend: Extend) -> Reply<'_, ExtendReply>;
    fn forget(&self, key: IdempotencyKey) -> Reply<'_, ForgetReply>;
}

impl<S: DeliveryStore> Erased for S {
    fn claim(&self, claim: Claim) -> Reply<'_, ClaimReply> {
        Box::pin(DeliveryStore::claim(self, claim))
    }

    fn settle(&self, settle: Settle) -> Reply<'_, SettleReply> {
        Box::pin(DeliveryStore::settle(self, settle))
    }

    fn release(&self, release: Release) -> Reply<'_, ReleaseReply> {
        Box::pin(DeliveryStore::release(self, release))
    }

    fn extend(&self, extend: Extend) -> Reply<'_, ExtendReply> {
        Box::pin(DeliveryStore::extend(self, extend))
    }

    fn forget(&self, key: IdempotencyKey) -> Reply<'_, ForgetReply> {
        Box::pin(DeliveryStore::forget(self, key))
    }
}

/// A store whose type was erased, for applications that choose theirs at run time. Clones are the same store.
///
/// ```
/// use countersign::{DynStore, MemoryStore};
///
/// let store: DynStore = DynStore::new(MemoryStore::single_process(1_000));
/// let same = store.clone();
/// # let _ = same;
/// ```
#[derive(Clone)]
pub struct DynStore(Arc<dyn Erased>);

impl DynStore {
    /// Erases a store's type.
    #[must_use]
    pub fn new(store: impl DeliveryStore) -> Self {
        Self(Arc::new(store))
    }

    pub(crate) fn shared(store: Arc<impl DeliveryStore>) -> Self {
        Self(store)
    }
}

impl fmt::Debug for DynStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DynStore")
    }
}

impl DeliveryStore for DynStore {
    fn claim(&self, claim: Claim) -> impl Future<Output = Result<ClaimReply, Unavailable>> + Send {
        self.0.claim(claim)
    }

    fn settle(
        &self,
        settle: Settle,
    ) -> impl Future<Output = Result<SettleReply, Unavailable>> + Send {
        self.0.settle(settle)
    }

    fn release(
        &self,
        release: Release,
    ) -> impl Future<Output = Result<ReleaseReply, Unavailable>> + Send {
        self.0.release(release)
    }

    fn extend(
        &self,
        extend: Extend,
    ) -> impl Future<Output = Result<ExtendReply, Unavailable>> + Send {
        self.0.extend(extend)
    }

    fn forget(
        &self,
        key: IdempotencyKey,
    ) -> impl Future<Output = Result<ForgetReply, Unavailable>> + Send {
        self.0.forget(key)
    }
}
