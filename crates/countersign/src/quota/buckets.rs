//! One bucket for each key, within bounds.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering as Order};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Bucket, OverQuota, Quota};

/// A bucket for each of at most `capacity` keys. All others share one: a key without a bucket of its own stands where the overflow bucket
/// stands, also when it gets its own, so nobody ever has more than his quota.
///
/// Only what has recovered is dropped, and only when its room is needed. To find it takes no longer when strangers fill the table: each spend
/// makes at most one entry of a heap stale, and each step of a search takes out a recovered bucket or mends a stale entry.
pub(crate) struct Buckets<K> {
    capacity: usize,
    /// How many buckets there are; a place is taken before its bucket is put in.
    taken: AtomicUsize,
    /// Locked after a shard, never before.
    overflow: Mutex<Bucket>,
    has_overflowed: AtomicBool,
    hasher: RandomState,
    cells: [Cell<K>; SHARDS],
}

/// Neighbours share no cache line.
#[repr(align(128))]
struct Cell<K> {
    /// No bucket in here has recovered before this.
    earliest: AtomicI64,
    shard: Mutex<Shard<K>>,
}

struct Shard<K> {
    buckets: HashMap<K, Bucket>,
    /// An entry for each bucket, with a moment at which it had not recovered yet. What never does has none.
    due: BinaryHeap<Reverse<(i64, K)>>,
    /// The latest moment at which a bucket was dropped: whoever comes back stands there, though the clock has gone back.
    dropped_at: i64,
}

impl<K: Hash + Ord + Copy> Buckets<K> {
    /// With a capacity of 0 all share the one. It takes memory as it fills, not now.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            taken: AtomicUsize::new(0),
            overflow: Mutex::new(Bucket::full()),
            has_overflowed: AtomicBool::new(false),
            hasher: RandomState::new(),
            cells: std::array::from_fn(|_| Cell::new()),
        }
    }

    /// Takes one unit of this key's. A refusal changes nothing and takes no room.
    pub(crate) fn spend(&self, key: &K, quota: &Quota, now: i64) -> Result<(), OverQuota> {
        let home = self.home(key);
        let mut was_last_look = false;
        loop {
            let cell = self.cell(home);
            let mut shard = cell.lock();
            if let Some(bucket) = shard.buckets.get_mut(key) {
                return bucket.spend(quota, now);
            }
            let mut overflow = locked(&self.overflow);
            let mut bucket = overflow.not_before(shard.dropped_at);
            bucket.spend(quota, now)?;
            // The room of what is dropped goes from hand to hand.
            if self.take() || shard.drop_recovered(now) {
                drop(overflow);
                shard.insert(*key, bucket);
                cell.publish(&shard);
                return Ok(());
            }
            if was_last_look {
                *overflow = bucket;
                self.has_overflowed.store(true, Order::Relaxed);
                return Ok(());
            }
            drop(overflow);
            drop(shard);
            // Where nothing had recovered, look once more: somebody may have made room, or have come with this very key. Where something had,
            // whoever was faster has it; so somebody always gets on.
            was_last_look = !self.make_room(home, now);
        }
    }

    /// After how long one unit of this key's would go; `None` if one would go now.
    pub(crate) fn wait(&self, key: &K, quota: &Quota, now: i64) -> Option<std::time::Duration> {
        let shard = self.cell(self.home(key)).lock();
        match shard.buckets.get(key) {
            Some(bucket) => bucket.wait(quota, now),
            None => locked(&self.overflow)
                .not_before(shard.dropped_at)
                .wait(quota, now),
        }
    }

    /// As [`wait`](Self::wait), for a key with a bucket of its own; `None` for every other.
    pub(crate) fn wait_of_own(
        &self,
        key: &K,
        quota: &Quota,
        now: i64,
    ) -> Option<std::time::Duration> {
        let shard = self.cell(self.home(key)).lock();
        shard.buckets.get(key)?.wait(quota, now)
    }

    /// How many buckets there are, beside the one that is shared: at most the capacity. Those that have recovered count until their room is
    /// needed.
    pub(crate) fn len(&self) -> usize {
        self.taken.load(Order::Acquire)
    }

    /// Was anything spent of the bucket that is shared, ever?
    pub(crate) fn has_overflowed(&self) -> bool {
        self.has_overflowed.load(Order::Relaxed)
    }

    fn take(&self) -> bool {
        let taken = |count: usize| count.checked_add(1).filter(|count| *count <= self.capacity);
        self.taken
            .fetch_update(Order::AcqRel, Order::Acquire, taken)
            .is_ok()
    }

    /// Drops one bucket that has recovered, in the first shard that has one; one lock at a time.
    fn make_room(&self, home: usize, now: i64) -> bool {
        (0..SHARDS).any(|number| {
            let cell = self.cell(home.wrapping_add(number));
            if cell.earliest.load(Order::Acquire) > now {
                return false;
            }
            let mut shard = cell.lock();
            let dropped = shard.drop_recovered(now);
            cell.publish(&shard);
            if dropped {
                self.taken.fetch_sub(1, Order::AcqRel);
            }
            dropped
        })
    }

    #[expect(clippy::cast_possible_truncation, reason = "any part of a hash is one")]
    fn home(&self, key: &K) -> usize {
        self.hasher.hash_one(key) as usize
    }

    #[expect(clippy::indexing_slicing, reason = "masked to the array's length")]
    fn cell(&self, number: usize) -> &Cell<K> {
        &self.cells[number & (SHARDS - 1)]
    }
}

impl<K: Ord> Cell<K> {
    fn new() -> Self {
        Self {
            earliest: AtomicI64::new(i64::MAX),
            shard: Mutex::new(Shard {
                buckets: HashMap::new(),
                due: BinaryHeap::new(),
                dropped_at: i64::MIN,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shard<K>> {
        locked(&self.shard)
    }

    /// Under the lock of this very shard.
    fn publish(&self, shard: &Shard<K>) {
        let first = shard.due.peek().map_or(i64::MAX, |Reverse((at, _))| *at);
        self.earliest.store(first, Order::Release);
    }
}

/// Nothing in here is half done where it could panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Hash + Ord + Copy> Shard<K> {
    fn insert(&mut self, key: K, bucket: Bucket) {
        self.buckets.insert(key, bucket);
        if let Some(at) = bucket.recovers_at() {
            self.due.push(Reverse((at, key)));
        }
    }

    /// Drops one bucket, if one has recovered.
    fn drop_recovered(&mut self, now: i64) -> bool {
        while let Some(Reverse((due, key))) = self.due.peek().copied()
            && due <= now
        {
            self.due.pop();
            let Some(bucket) = self.buckets.get(&key) else {
                continue;
            };
            if bucket.is_recovered(now) {
                self.buckets.remove(&key);
                self.dropped_at = self.dropped_at.max(now);
                return true;
            }
            // It was spent of since.
            if let Some(at) = bucket.recovers_at() {
                self.due.push(Reverse((at, key)));
            }
        }
        false
    }
}

/// A power of two: sixty-four keep the threads of a large machine apart.
const SHARDS: usize = 64;

const _: () = assert!(SHARDS.is_power_of_two());
