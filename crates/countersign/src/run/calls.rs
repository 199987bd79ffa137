//! A run's calls to the store: what is tried again at once, and what is tried again behind the answer.

use std::sync::Arc;
use std::time::Duration;

use super::{Rest, Run, Unclear};
use crate::defaults;
use crate::idempotency::{
    Claim, ClaimReply, Done, IdempotencyKey, LeaseToken, Release, ReleaseReply, Settle, SettleReply,
};
use crate::lease::Lease;
use crate::store::{DeliveryStore, Unavailable};
use crate::waiting::within;

impl<S: DeliveryStore> Run<'_, S> {
    /// Asks again, with the same token, when no reply came: whatever the first call did, the second one is told.
    pub(super) async fn claim(&self, claim: Claim) -> Result<ClaimReply, Unavailable> {
        let settings = &self.inner.settings;
        let mut tries: u32 = 1;
        loop {
            let ask = || self.inner.store().claim(claim);
            match within(self.clock, settings.store_timeout, "claim", ask).await {
                Err(_) if tries < defaults::STORE_TRIES => {
                    self.inner.counters.claims_repeated.add();
                    tries = tries.saturating_add(1);
                }
                reply => return reply,
            }
        }
    }

    pub(super) async fn settle(&self, settle: &Settle) -> Result<SettleReply, Unavailable> {
        let timeout = self.inner.settings.store_timeout;
        let mut tries: u32 = 1;
        loop {
            let ask = || self.inner.store().settle(settle.clone());
            match within(self.clock, timeout, "settle", ask).await {
                Err(_) if tries < defaults::STORE_TRIES => tries = tries.saturating_add(1),
                reply => return reply,
            }
        }
    }

    pub(super) fn settle_of(&self, key: IdempotencyKey, token: LeaseToken, done: Done) -> Settle {
        Settle {
            key,
            token,
            done,
            retention: self.inner.retention,
        }
    }

    /// The handler's work is done and answered: the record is brought to the store for as long as the lease lasts. It matters to the counts
    /// whether there was a lease for sure.
    pub(super) fn settle_later(&self, settle: Settle, end: Duration, is_claimed: bool) -> Rest {
        let (inner, clock) = (Arc::clone(self.inner), Arc::clone(self.clock));
        let (key, seen) = (settle.key, Arc::clone(self.inner));
        let otherwise = Otherwise::new(move || {
            if is_claimed {
                seen.counters.settles_failed.add();
                tracing::error!(%key, "a delivery was done and could not be recorded: it may run again");
            }
        });
        Rest(Box::pin(async move {
            let timeout = inner.settings.store_timeout;
            let mut pause = timeout;
            loop {
                let left = end.saturating_sub(clock.monotonic());
                if left.is_zero() {
                    break;
                }
                clock.sleep(pause.min(left)).await;
                let ask = || inner.store().settle(settle.clone());
                match within(&clock, timeout, "settle", ask).await {
                    Ok(SettleReply::Settled | SettleReply::AlreadySettled) => {
                        otherwise.need_not();
                        break;
                    }
                    Ok(SettleReply::Lost | SettleReply::AlreadyReleased) => break,
                    Err(_) => pause = pause.saturating_mul(2).min(inner.settings.lease),
                }
            }
        }))
    }

    /// Gives the work back, and goes on trying for as long as the lease lasts when the store does not answer.
    pub(super) async fn give_back(&self, lease: &Lease) -> Option<Rest> {
        let (rest, is_lost) = self.try_to_give_back(lease).await;
        if is_lost {
            self.inner.counters.lost.add();
        }
        rest
    }

    /// The same of a lease that is known to be over, and was counted.
    pub(super) async fn give_back_lost(&self, lease: &Lease) -> Option<Rest> {
        self.try_to_give_back(lease).await.0
    }

    async fn try_to_give_back(&self, lease: &Lease) -> (Option<Rest>, bool) {
        let release = Release {
            key: lease.key(),
            token: lease.token(),
            retention: self.inner.retention,
        };
        let timeout = self.inner.settings.store_timeout;
        let ask = || self.inner.store().release(release);
        match within(self.clock, timeout, "release", ask).await {
            Ok(reply) => (None, reply == ReleaseReply::Lost),
            Err(_) => {
                let end = self.clock.monotonic().saturating_add(lease.remaining());
                (Some(self.release_later(release, end)), false)
            }
        }
    }

    /// Nothing depends on it but how soon the next attempt can run. So while a store is away, this leaves half of the places to runs.
    pub(super) fn give_back_later(&self, unclear: Unclear) -> Option<Rest> {
        if !self.inner.runs.is_roomy() {
            return None;
        }
        let release = Release {
            key: unclear.key,
            token: unclear.token,
            retention: self.inner.retention,
        };
        let rest = self.release_later(release, unclear.end);
        Some(rest)
    }

    pub(super) fn release_later(&self, release: Release, end: Duration) -> Rest {
        let (inner, clock) = (Arc::clone(self.inner), Arc::clone(self.clock));
        let seen = Arc::clone(self.inner);
        let otherwise = Otherwise::new(move || seen.counters.releases_failed.add());
        Rest(Box::pin(async move {
            let mut pause = inner.settings.store_timeout;
            loop {
                let left = end.saturating_sub(clock.monotonic());
                if left.is_zero() {
                    break;
                }
                clock.sleep(pause.min(left)).await;
                let ask = || inner.store().release(release);
                if within(&clock, inner.settings.store_timeout, "release", ask)
                    .await
                    .is_ok()
                {
                    otherwise.need_not();
                    break;
                }
                pause = pause.saturating_mul(2).min(inner.settings.lease);
            }
        }))
    }
}

/// What is to be done if something does not come to a good end: also if its future is dropped, or never polled.
struct Otherwise<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Otherwise<F> {
    const fn new(act: F) -> Self {
        Self(Some(act))
    }

    fn need_not(mut self) {
        self.0 = None;
    }
}

impl<F: FnOnce()> Drop for Otherwise<F> {
    fn drop(&mut self) {
        if let Some(act) = self.0.take() {
            act();
        }
    }
}
