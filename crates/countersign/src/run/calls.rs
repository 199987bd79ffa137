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
                    Ok(SettleReply::Settled | SettleReply::AlreadySettled) => return,
                    Ok(SettleReply::Lost | SettleReply::AlreadyReleased) => break,
                    Err(_) => pause = pause.saturating_mul(2).min(inner.settings.lease),
                }
            }
            if is_claimed {
                inner.counters.settles_failed.add();
                tracing::error!(key = %settle.key, "a delivery was done and could not be recorded: it may run again");
            }
        }))
    }

    /// Gives the work back, and goes on trying for as long as the lease lasts when the store does not answer.
    pub(super) async fn give_back(&self, lease: &Lease) -> Option<Rest> {
        let release = Release {
            key: lease.key(),
            token: lease.token(),
            retention: self.inner.retention,
        };
        let ask = || self.inner.store().release(release);
        match within(
            self.clock,
            self.inner.settings.store_timeout,
            "release",
            ask,
        )
        .await
        {
            Ok(ReleaseReply::Lost) => {
                self.inner.counters.lost.add();
                None
            }
            Ok(_) => None,
            Err(_) => {
                let end = self.clock.monotonic().saturating_add(lease.remaining());
                Some(self.release_later(release, end))
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
        Rest(Box::pin(async move {
            let mut pause = inner.settings.store_timeout;
            loop {
                let left = end.saturating_sub(clock.monotonic());
                if left.is_zero() {
                    inner.counters.releases_failed.add();
                    return;
                }
                clock.sleep(pause.min(left)).await;
                let ask = || inner.store().release(release);
                if within(&clock, inner.settings.store_timeout, "release", ask)
                    .await
                    .is_ok()
                {
                    return;
                }
                pause = pause.saturating_mul(2).min(inner.settings.lease);
            }
        }))
    }
}
