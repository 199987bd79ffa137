//! Who is measured: the floor, the store, and two caches that people use for this and that forget.

use std::collections::HashMap;
use std::error::Error;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use countersign::{
    Claim, ClaimReply, DeliveryStore, Done, Fingerprint, IdempotencyKey, LeaseToken, MemoryStore,
    Settle, SettleReply, Unavailable,
};
use lru::LruCache;

/// A digest, of which everybody but the store keeps the first half.
pub(super) type Key = [u8; 32];

/// What any deduplication has to remember: until when, and the status.
type Value = (u64, u16);

const HOUR: u64 = 3_600_000_000_000;

const VALUE: Value = (HOUR, 200);

pub(super) trait Contestant: Sync {
    /// Whether the key was new, and is known from now on.
    fn claim_new(&self, key: &Key) -> bool;

    /// Whether the key was known.
    fn claim_known(&self, key: &Key) -> bool;

    /// After a claim: the work is done. Not measured.
    fn finish(&self, _: &Key) {}

    /// Makes the key unknown again. Not measured.
    fn remove(&self, key: &Key);
}

fn half(key: &Key) -> [u8; 16] {
    key.first_chunk().copied().unwrap_or_default()
}

/// Sixty-four of the standard library's maps, each in a lock. Reads the clock, as whoever remembers something until a moment has to.
pub(super) struct Floor {
    shards: Vec<Mutex<Map>>,
    start: Instant,
}

type Map = HashMap<[u8; 16], Value>;

impl Floor {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..64).map(|_| Mutex::default()).collect(),
            start: Instant::now(),
        }
    }

    /// Nanoseconds.
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn shard(&self, key: &Key) -> Option<MutexGuard<'_, Map>> {
        let [first, ..] = key;
        let shard = self.shards.get(usize::from(first % 64))?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn insert(&self, key: &Key, value: Value) -> bool {
        self.shard(key)
            .is_some_and(|mut shard| shard.insert(half(key), value).is_none())
    }

    fn look_up(&self, key: &Key) -> Option<Value> {
        self.shard(key)?.get(&half(key)).copied()
    }
}

impl Contestant for Floor {
    fn claim_new(&self, key: &Key) -> bool {
        self.insert(key, (self.now() + HOUR, 200))
    }

    fn claim_known(&self, key: &Key) -> bool {
        let now = self.now();
        self.look_up(key)
            .is_some_and(|(until, status)| now < until && status == 200)
    }

    fn remove(&self, key: &Key) {
        if let Some(mut shard) = self.shard(key) {
            shard.remove(&half(key));
        }
    }
}

/// The same maps without a clock. One call then begins before the last one has its data: what a processor does with a loop of look-ups,
/// and hardly with a request's one.
pub(super) struct Bare<'a>(pub(super) &'a Floor);

impl Contestant for Bare<'_> {
    fn claim_new(&self, key: &Key) -> bool {
        self.0.insert(key, VALUE)
    }

    fn claim_known(&self, key: &Key) -> bool {
        self.0.look_up(key).is_some()
    }

    fn remove(&self, key: &Key) {
        self.0.remove(key);
    }
}

/// As an application makes it, on the system's clock.
pub(super) struct Store(MemoryStore);

impl Store {
    pub(super) fn new(capacity: usize) -> Self {
        Self(MemoryStore::single_process(capacity))
    }

    fn claim(&self, key: &Key) -> Option<ClaimReply> {
        ready(self.0.claim(Claim {
            key: IdempotencyKey::from_bytes(*key),
            token: LeaseToken::from_bytes(half(key)),
            lease: Duration::from_secs(3_600),
            retention: Duration::from_secs(3_600),
        }))
    }

    fn settle(&self, key: &Key, retention: Duration) -> Option<SettleReply> {
        ready(self.0.settle(Settle {
            key: IdempotencyKey::from_bytes(*key),
            token: LeaseToken::from_bytes(half(key)),
            done: Done::new(
                200,
                Some(Fingerprint::from_u64(1)),
                Fingerprint::from_u64(2),
            ),
            retention,
        }))
    }
}

impl Contestant for Store {
    fn claim_new(&self, key: &Key) -> bool {
        matches!(self.claim(key), Some(ClaimReply::Claimed { attempt: 1 }))
    }

    fn claim_known(&self, key: &Key) -> bool {
        matches!(self.claim(key), Some(ClaimReply::Duplicate { .. }))
    }

    fn finish(&self, key: &Key) {
        self.settle(key, Duration::from_secs(3_600));
    }

    fn remove(&self, key: &Key) {
        self.settle(key, Duration::ZERO);
    }
}

/// It is ready at once.
fn ready<T>(future: impl Future<Output = Result<T, Unavailable>>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(reply)) => Some(reply),
        _ => None,
    }
}

pub(super) struct Moka(moka::sync::Cache<[u8; 16], Value>);

impl Moka {
    pub(super) fn new(capacity: usize) -> Result<Self, Box<dyn Error>> {
        let cache = moka::sync::Cache::builder()
            .max_capacity(u64::try_from(capacity)?)
            .time_to_live(Duration::from_secs(3_600));
        Ok(Self(cache.build()))
    }
}

impl Contestant for Moka {
    fn claim_new(&self, key: &Key) -> bool {
        self.0.insert(half(key), VALUE);
        true
    }

    fn claim_known(&self, key: &Key) -> bool {
        self.0.get(&half(key)) == Some(VALUE)
    }

    fn remove(&self, key: &Key) {
        self.0.invalidate(&half(key));
    }
}

pub(super) struct Lru(Mutex<LruCache<[u8; 16], Value>>);

impl Lru {
    /// Bounded as it would be in use, without room for everything from the start.
    pub(super) fn new(capacity: usize) -> Result<Self, Box<dyn Error>> {
        let mut cache = LruCache::unbounded();
        cache.resize(NonZeroUsize::new(capacity).ok_or("no capacity")?);
        Ok(Self(Mutex::new(cache)))
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<[u8; 16], Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contestant for Lru {
    fn claim_new(&self, key: &Key) -> bool {
        self.lock().put(half(key), VALUE).is_none()
    }

    fn claim_known(&self, key: &Key) -> bool {
        self.lock().get(&half(key)) == Some(&VALUE)
    }

    fn remove(&self, key: &Key) {
        self.lock().pop(&half(key));
    }
}
