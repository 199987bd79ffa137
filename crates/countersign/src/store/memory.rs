//! The embedded store: one process, bounded, exact.

mod index;
#[cfg(test)]
mod loom_tests;
mod order;
mod packed;
mod places;
mod rate;
mod seeds;
mod shard;
mod slab;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::AtomicU64 as Counter;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use self::packed::Nanos;
use self::places::{Places, Taken};
use self::rate::Rate;
use self::seeds::Seeds;
use self::shard::Shard;
use super::{DeliveryStore, Unavailable};
use crate::clock::Clock;
use crate::idempotency::{
    Claim, ClaimReply, Extend, ExtendReply, ForgetReply, IdempotencyKey, Record, Release,
    ReleaseReply, Settle, SettleReply,
};
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering};

/// Remembers deliveries in the memory of one process, exactly and within bounds.
///
/// **For one process**: a restart forgets everything, and replicas do not share it. After either, a delivery that was done can run again. The
/// first line that a store logs says so.
///
/// **Bounded**: there are never more records than the capacity. A record that lives is never forgotten to make room; a claim of a key that is
/// not known is answered [`ClaimReply::Full`] instead, and all calls about known keys go on to work. A claim is answered `Full` only where no
/// record at all has expired. At 80 % of the capacity one warning is logged, with how long the capacity lasts at the rate it sees; another
/// one follows only after less than 70 % were in use.
///
/// **Memory**: about 100 bytes for a record, key and index included, and on top the recorded answer, of at most 16 KiB, of those deliveries
/// that have one. It grows with the records and is kept for later ones when they expire. Whatever the capacity, there is room for no more
/// than a thousand million or so.
///
/// **Clock**: the monotonic time of the process. It is exact to the nanosecond; what would last longer than 584 years lasts for ever.
///
/// **Choosing a capacity**: new deliveries per second × retention. Three days at ten a second are 2.6 million records, in 260 MB.
///
/// Calls complete at once and never wait for anything but a lock, which is held for a microsecond or so, and longer where its share of the
/// index doubles. A future that is dropped before it is polled has had no effect; there is no other point at which it could be dropped.
/// Clones are the same store: receivers
/// of one scheme that share it need an [`endpoint`](crate::ReceiverBuilder::endpoint) name each.
///
/// # Hostile input
/// Keys come from verified deliveries alone. A sender with a valid secret who invents ids fills the store up to its capacity, and from
/// then on its new deliveries, and everybody else's, are refused until records expire. It cannot make the store forget. Where a key lies is
/// decided by numbers that each store draws for itself, so ids cannot be chosen to make it slow.
///
/// # Examples
/// ```
/// use std::{future::Future, pin::pin, task::{Context, Poll, Waker}, time::Duration};
/// use countersign::{Claim, ClaimReply, DeliveryStore, IdempotencyKey, LeaseToken, MemoryStore};
///
/// let store = MemoryStore::single_process(1);
/// let claim = |key, token| {
///     let reply = pin!(store.claim(Claim {
///         key: IdempotencyKey::from_bytes([key; 32]),
///         token: LeaseToken::from_bytes([token; 16]),
///         lease: Duration::from_secs(60),
///         retention: Duration::from_secs(3 * 24 * 3600),
///     }));
///     // It is ready at once: any executor will do.
///     match reply.poll(&mut Context::from_waker(Waker::noop())) {
///         Poll::Ready(Ok(reply)) => reply,
///         other => unreachable!("{other:?}"),
///     }
/// };
/// assert_eq!(claim(1, 1), ClaimReply::Claimed { attempt: 1 });
/// assert_eq!(claim(1, 1), ClaimReply::Claimed { attempt: 1 }, "the same token: a lost reply");
/// assert!(matches!(claim(1, 2), ClaimReply::Busy { .. }));
/// assert_eq!(claim(2, 3), ClaimReply::Full);
/// assert_eq!(store.stats().records, 1);
/// ```
#[derive(Clone)]
pub struct MemoryStore(Arc<Inner>);

struct Inner {
    /// The process's own where there is none.
    clock: Option<Box<dyn Clock>>,
    places: Places,
    rate: Rate,
    seeds: Seeds,
    cells: [Cell; SHARDS],
}

/// A shard and what may be read of it without its lock. Neighbours share no cache line.
#[repr(align(128))]
struct Cell {
    /// When its first record expires.
    earliest: AtomicU64,
    /// How many new keys it has seen; counted under its lock.
    new_keys: Counter,
    shard: Mutex<Shard>,
}

/// How full a [`MemoryStore`] is, and how long its capacity lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryStats {
    /// How many records there is room for.
    pub capacity: usize,
    /// How many there are: at most the capacity. Those that have expired count until their room is needed, or found by chance.
    pub records: usize,
    /// How long it takes until as many new keys have come as there is room for, at the present rate. **When this is shorter than the
    /// retention, the store fills up** and refuses new deliveries.
    ///
    /// An estimate: the mean rate of new keys since the last minute began, where that is a second ago and there were 32 of them, and else
    /// together with the minute before. A window with fewer than 32 new keys goes on beyond its minute. `None` until the first 32 have
    /// come and a second has passed. Keys that a full store refuses count, each time they come.
    pub lasts: Option<Duration>,
}

impl MemoryStore {
    /// A store with room for `capacity` records, for one process. It takes memory as it fills, not now.
    ///
    /// With a capacity of 0 every claim is answered [`ClaimReply::Full`].
    ///
    /// ```
    /// let store = countersign::MemoryStore::single_process(100_000);
    /// let stats = store.stats();
    /// assert_eq!((stats.capacity, stats.records, stats.lasts), (100_000, 0, None));
    /// ```
    #[must_use]
    pub fn single_process(capacity: usize) -> Self {
        Self::new(capacity, None)
    }

    /// As [`single_process`](Self::single_process), on another clock's [monotonic time](Clock::monotonic): for tests. The clock is asked under
    /// a lock, and must not call the store.
    #[must_use]
    pub fn single_process_on(capacity: usize, clock: impl Clock) -> Self {
        Self::new(capacity, Some(Box::new(clock)))
    }

    fn new(capacity: usize, clock: Option<Box<dyn Clock>>) -> Self {
        tracing::info!(
            capacity,
            "memory store for a single process: a restart forgets what was done, replicas do not share it"
        );
        let seeds = Seeds::random();
        let now = read(clock.as_deref());
        Self(Arc::new(Inner {
            clock,
            places: Places::new(capacity),
            rate: Rate::new(now),
            seeds,
            cells: std::array::from_fn(|_| Cell::new(seeds)),
        }))
    }

    /// How full it is, and how long its capacity lasts. Takes no shard's lock.
    #[must_use]
    pub fn stats(&self) -> MemoryStats {
        let Inner { places, .. } = &*self.0;
        MemoryStats {
            capacity: places.capacity(),
            records: places.taken(),
            lasts: self.0.lasts(),
        }
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("MemoryStore")
            .field("capacity", &self.0.places.capacity())
            .field("records", &self.0.places.taken())
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn now(&self) -> Duration {
        read(self.clock.as_deref())
    }

    #[expect(clippy::indexing_slicing, reason = "masked to the array's length")]
    fn cell(&self, number: usize) -> &Cell {
        &self.cells[number & (SHARDS - 1)]
    }

    fn claim(&self, claim: &Claim) -> ClaimReply {
        let hash = self.seeds.hash(&claim.key);
        let home = seeds::shard(hash);
        let cell = self.cell(home);
        let mut was_last_look = false;
        loop {
            match self.claim_once(cell, hash, claim) {
                Ok(reply) => return reply,
                Err(NoPlace) if was_last_look => {
                    self.note_refused(cell);
                    return ClaimReply::Full;
                }
                // Where nothing has expired, look once more: somebody may have claimed this very key, and had the room for it.
                // Where something had, whoever was faster has it; so somebody always gets on.
                Err(NoPlace) => was_last_look = !self.made_room(home),
            }
        }
    }

    fn claim_once(&self, cell: &Cell, hash: u64, claim: &Claim) -> Result<ClaimReply, NoPlace> {
        let mut shard = cell.lock();
        let now = self.now();
        if let Some(slot) = shard.find(hash, &claim.key) {
            let mut record = shard.get(slot);
            let reply = record.claim(claim, now);
            // Any other reply leaves the record as it is.
            if matches!(reply, ClaimReply::Claimed { .. }) {
                self.put(&mut shard, slot, now, &record);
            }
            return Ok(reply);
        }
        let mut record = Record::unknown();
        let reply = record.claim(claim, now);
        let taken = match shard.reclaim(now, RECLAIMED) {
            0 => self.places.take().ok_or(NoPlace)?,
            // The first one's place goes from hand to hand.
            freed => {
                self.places.give_back(freed.saturating_sub(1));
                Taken::Quietly
            }
        };
        shard.changed = true;
        if record.is_expired(now) {
            // No lease and no retention: nothing to keep.
            self.places.give_back(1);
        } else if !shard.add(hash, &claim.key, &record) {
            self.places.give_back(1);
            return Err(NoPlace);
        }
        cell.count_new_key();
        drop(shard);
        self.rate.note(now, || self.new_keys());
        if let Taken::Warn = taken
            && let Some(records) = self.filled(seeds::shard(hash))
        {
            tracing::warn!(
                capacity = self.places.capacity(),
                records,
                lasts_secs = self.lasts().map(|lasts| lasts.as_secs()),
                "memory store nearly full: when it is, new deliveries are refused"
            );
        }
        Ok(reply)
    }

    /// What is refused would have been a record, too: without it a full store would seem to last for ever.
    fn note_refused(&self, cell: &Cell) {
        let shard = cell.lock();
        let now = self.now();
        cell.count_new_key();
        drop(shard);
        self.rate.note(now, || self.new_keys());
    }

    /// How many records there are, if they are still many when some of what has expired is gone: about a thousand at most, so that a claim is
    /// not held up.
    fn filled(&self, home: usize) -> Option<usize> {
        for _ in 0..SHARDS {
            if !self.made_room(home) {
                break;
            }
        }
        self.places.filled()
    }

    /// Steps through the shards, one lock at a time, until one has given back what had expired.
    fn made_room(&self, home: usize) -> bool {
        let now = self.now();
        for number in (home..).take(SHARDS) {
            let cell = self.cell(number);
            // A shard whose moment has not come has nothing; whoever is changing that right now is not before us.
            if !Nanos(cell.earliest.load(Ordering::Acquire)).is_past(now) {
                continue;
            }
            let mut shard = cell.lock();
            let freed = shard.reclaim(now, SWEPT);
            if freed > 0 {
                shard.changed = true;
                // Before the lock goes: then nobody finds neither the records nor the places.
                self.places.give_back(freed);
                return true;
            }
        }
        false
    }

    /// A step that makes no record.
    fn step<T>(&self, key: &IdempotencyKey, act: impl FnOnce(&mut Record, Duration) -> T) -> T {
        let hash = self.seeds.hash(key);
        let mut shard = self.cell(seeds::shard(hash)).lock();
        let now = self.now();
        match shard.find(hash, key) {
            Some(slot) => self.act(&mut shard, slot, now, |record| act(record, now)),
            None => act(&mut Record::unknown(), now),
        }
    }

    fn act<T>(
        &self,
        shard: &mut Locked<'_>,
        slot: u32,
        now: Duration,
        act: impl FnOnce(&mut Record) -> T,
    ) -> T {
        let mut record = shard.get(slot);
        let reply = act(&mut record);
        self.put(shard, slot, now, &record);
        reply
    }

    fn put(&self, shard: &mut Locked<'_>, slot: u32, now: Duration, record: &Record) {
        if record.is_expired(now) {
            shard.remove(slot);
            shard.changed = true;
            self.places.give_back(1);
        } else if shard.put(slot, record) {
            shard.changed = true;
        }
    }

    fn new_keys(&self) -> u64 {
        let counts = self.cells.iter().map(|cell| &cell.new_keys);
        counts
            .map(|count| count.load(std::sync::atomic::Ordering::Relaxed))
            .fold(0, u64::saturating_add)
    }

    fn lasts(&self) -> Option<Duration> {
        self.rate
            .lasts(self.places.capacity(), self.now(), self.new_keys())
    }
}

fn read(clock: Option<&dyn Clock>) -> Duration {
    match clock {
        Some(clock) => clock.monotonic(),
        None => crate::clock::monotonic(),
    }
}

struct NoPlace;

impl Cell {
    fn new(seeds: Seeds) -> Self {
        Self {
            earliest: AtomicU64::new(Nanos::FOR_EVER.0),
            new_keys: Counter::new(0),
            shard: Mutex::new(Shard::new(seeds)),
        }
    }

    /// The clock is read after this, so that no shard sees time go back.
    fn lock(&self) -> Locked<'_> {
        Locked {
            earliest: &self.earliest,
            changed: false,
            // Only a clock of the user's could panic in there, and nothing is half done when it is asked.
            shard: self.shard.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    fn count_new_key(&self) {
        let count = self.new_keys.load(std::sync::atomic::Ordering::Relaxed);
        self.new_keys.store(
            count.saturating_add(1),
            std::sync::atomic::Ordering::Relaxed,
        );
    }
}

/// A shard under its lock. Says when its first record expires before the lock goes, and after the places of what it removed were given back.
struct Locked<'a> {
    earliest: &'a AtomicU64,
    changed: bool,
    shard: MutexGuard<'a, Shard>,
}

impl Deref for Locked<'_> {
    type Target = Shard;

    fn deref(&self) -> &Shard {
        &self.shard
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Shard {
        &mut self.shard
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if self.changed {
            let earliest = self.shard.earliest();
            self.earliest.store(earliest.0, Ordering::Release);
        }
    }
}

impl DeliveryStore for MemoryStore {
    async fn claim(&self, claim: Claim) -> Result<ClaimReply, Unavailable> {
        Ok(self.0.claim(&claim))
    }

    async fn settle(&self, settle: Settle) -> Result<SettleReply, Unavailable> {
        let key = settle.key;
        Ok(self.0.step(&key, |record, now| record.settle(settle, now)))
    }

    async fn release(&self, release: Release) -> Result<ReleaseReply, Unavailable> {
        let act = |record: &mut Record, now| record.release(&release, now);
        Ok(self.0.step(&release.key, act))
    }

    async fn extend(&self, extend: Extend) -> Result<ExtendReply, Unavailable> {
        let act = |record: &mut Record, now| record.extend(&extend, now);
        Ok(self.0.step(&extend.key, act))
    }

    async fn forget(&self, key: IdempotencyKey) -> Result<ForgetReply, Unavailable> {
        Ok(self.0.step(&key, Record::forget))
    }
}

/// A power of two. Sixty-four keep the threads of a large machine apart; loom is to find two of them in each other's way.
const SHARDS: usize = if cfg!(all(test, countersign_loom)) {
    2
} else {
    64
};

const _: () = assert!(SHARDS.is_power_of_two() && SHARDS <= 256);

/// How many records that have expired a new one removes from its shard: more than it adds, so that they become fewer.
const RECLAIMED: usize = 2;

/// How many a shard removes at once when there is no room: enough to be worth the lock, few enough to hold it briefly.
const SWEPT: usize = 16;
