//! The embedded store: one process, bounded, exact.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{DeliveryStore, Unavailable};
use crate::clock::Clock;
use crate::idempotency::{
    Claim, ClaimReply, Extend, ExtendReply, ForgetReply, IdempotencyKey, Record, Release,
    ReleaseReply, Settle, SettleReply,
};

/// Remembers deliveries in the memory of one process. (First version: replaced by the sharded one.)
#[derive(Clone, Debug)]
pub struct MemoryStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    capacity: usize,
    clock: Option<Arc<dyn Clock>>,
    records: Mutex<HashMap<IdempotencyKey, Record>>,
}

/// How full a [`MemoryStore`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryStats {
    /// How many records there is room for.
    pub capacity: usize,
    /// How many there are.
    pub records: usize,
}

impl MemoryStore {
    /// A store with room for so many records.
    #[must_use]
    pub fn single_process(capacity: usize) -> Self {
        Self(Arc::new(Inner {
            capacity,
            clock: None,
            records: Mutex::default(),
        }))
    }

    /// The same on another clock: for tests.
    #[must_use]
    pub fn single_process_on(capacity: usize, clock: impl Clock) -> Self {
        Self(Arc::new(Inner {
            capacity,
            clock: Some(Arc::new(clock)),
            records: Mutex::default(),
        }))
    }

    /// How full it is.
    #[must_use]
    pub fn stats(&self) -> MemoryStats {
        let records = self
            .0
            .records
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        MemoryStats {
            capacity: self.0.capacity,
            records: records.len(),
        }
    }

    fn now(&self) -> Duration {
        match &self.0.clock {
            Some(clock) => clock.monotonic(),
            None => crate::clock::monotonic(),
        }
    }

    fn with<T>(
        &self,
        key: IdempotencyKey,
        act: impl FnOnce(&mut Record, Duration) -> T,
    ) -> Option<T> {
        let now = self.now();
        let mut records = self
            .0
            .records
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let full = records.len() >= self.0.capacity;
        if full && !records.contains_key(&key) {
            records.retain(|_, record| !record.is_expired(now));
            if records.len() >= self.0.capacity {
                return None;
            }
        }
        let record = records.entry(key).or_insert_with(Record::unknown);
        let reply = act(record, now);
        if record.is_expired(now) {
            records.remove(&key);
        }
        Some(reply)
    }
}

impl DeliveryStore for MemoryStore {
    async fn claim(&self, claim: Claim) -> Result<ClaimReply, Unavailable> {
        Ok(self
            .with(claim.key, |record, now| record.claim(&claim, now))
            .unwrap_or(ClaimReply::Full))
    }

    async fn settle(&self, settle: Settle) -> Result<SettleReply, Unavailable> {
        Ok(self
            .with(settle.key, |record, now| record.settle(settle, now))
            .unwrap_or(SettleReply::Lost))
    }

    async fn release(&self, release: Release) -> Result<ReleaseReply, Unavailable> {
        Ok(self
            .with(release.key, |record, now| record.release(&release, now))
            .unwrap_or(ReleaseReply::Lost))
    }

    async fn extend(&self, extend: Extend) -> Result<ExtendReply, Unavailable> {
        Ok(self
            .with(extend.key, |record, now| record.extend(&extend, now))
            .unwrap_or(ExtendReply::Lost))
    }

    async fn forget(&self, key: IdempotencyKey) -> Result<ForgetReply, Unavailable> {
        Ok(self
            .with(key, |record, now| record.forget(now))
            .unwrap_or(ForgetReply::Unknown))
    }
}
