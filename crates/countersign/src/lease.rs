//! The right to do a delivery's work, as its handler sees it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;
use crate::defaults::MAX_LEASE;
use crate::idempotency::{Extend, ExtendReply, IdempotencyKey, LeaseToken};
use crate::store::{DeliveryStore, DynStore, Unavailable};
use crate::waiting::within;

/// The right to do a delivery's work, for a while. A handler finds it in the request's extensions, whatever the store: of every delivery that
/// was claimed. There is none where deliveries are not told apart, nor where one runs although the store does not answer
/// ([`StorePolicy::Run`](crate::StorePolicy::Run)).
///
/// It is extended by itself for as long as the handler runs. What it is good for:
/// - [`attempt`](Self::attempt) grows with each run of one delivery and is never reset: a resource of the handler's own that keeps the largest
///   number it has seen can turn away a run that has been overtaken.
/// - [`remaining`](Self::remaining) and [`is_lost`](Self::is_lost) say whether it still makes sense to go on: a run that lost its lease cannot
///   be recorded, and another one may be on its way.
/// - [`extend`](Self::extend) asks for more before work that lets nothing else happen, such as a long computation on the same thread.
///
/// Cloning is cheap; clones are the same lease.
#[derive(Clone)]
pub struct Lease(Arc<Inner>);

struct Inner {
    key: IdempotencyKey,
    token: LeaseToken,
    attempt: u32,
    store: DynStore,
    clock: Arc<dyn Clock>,
    store_timeout: Duration,
    /// The end in milliseconds of the clock's monotonic time. Counted from before the store was asked, so that it is never too late.
    end: AtomicU64,
    lost: AtomicBool,
}

/// The lease is not this run's any more. Nothing it does will be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lease is lost")]
pub struct LeaseLost;

/// Why a lease was not extended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtendError {
    /// It has lapsed.
    #[error(transparent)]
    Lost(#[from] LeaseLost),
    /// The store did not say; it may have been extended.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Lease {
    pub(crate) fn new(
        (key, token, attempt): (IdempotencyKey, LeaseToken, u32),
        store: DynStore,
        clock: Arc<dyn Clock>,
        store_timeout: Duration,
        end: Duration,
    ) -> Self {
        Self(Arc::new(Inner {
            key,
            token,
            attempt,
            store,
            clock,
            store_timeout,
            end: AtomicU64::new(millis(end)),
            lost: AtomicBool::new(false),
        }))
    }

    /// Which work.
    #[must_use]
    pub fn key(&self) -> IdempotencyKey {
        self.0.key
    }

    /// The number of this run among all runs of the delivery, from 1. It grows with each and is never reset while the delivery is remembered:
    /// until its retention is over, and with a [`MemoryStore`](crate::MemoryStore) until the process ends.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// How long the lease is sure to last, unless it is extended; zero when it is lost.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        if self.0.lost.load(Ordering::Acquire) {
            return Duration::ZERO;
        }
        let end = Duration::from_millis(self.0.end.load(Ordering::Acquire));
        end.saturating_sub(self.0.clock.monotonic())
    }

    /// Is it known to be lost, or has its time run out?
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.remaining().is_zero()
    }

    /// Has the store said that it is lost? Before that its time may be over by our own count alone.
    pub(crate) fn is_fenced(&self) -> bool {
        self.0.lost.load(Ordering::Acquire)
    }

    /// Asks for `lease` from now, a day at most. A lease that lasts longer is not shortened.
    ///
    /// # Errors
    /// [`ExtendError::Lost`] when it has ended, [`ExtendError::Unavailable`] when the store did not say in time.
    pub async fn extend(&self, lease: Duration) -> Result<(), ExtendError> {
        let Inner {
            key,
            token,
            store,
            clock,
            ..
        } = &*self.0;
        let lease = lease.min(MAX_LEASE);
        let before = clock.monotonic();
        let extend = Extend {
            key: *key,
            token: *token,
            lease,
        };
        match within(clock, self.0.store_timeout, "extend", || {
            store.extend(extend)
        })
        .await?
        {
            ExtendReply::Extended => {
                let end = millis(before.saturating_add(lease));
                self.0.end.fetch_max(end, Ordering::AcqRel);
                Ok(())
            }
            ExtendReply::Lost => {
                self.0.lost.store(true, Ordering::Release);
                Err(LeaseLost.into())
            }
        }
    }

    pub(crate) fn token(&self) -> LeaseToken {
        self.0.token
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Lease")
            .field("key", &self.0.key)
            .field("attempt", &self.0.attempt)
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

/// Rounded down: a lease is never thought to last longer than it does.
fn millis(moment: Duration) -> u64 {
    u64::try_from(moment.as_millis()).unwrap_or(u64::MAX)
}
