//! Bounded, exact, and never more than one quota for one key: against a bucket for each key without bounds, and with real threads.
#![cfg(not(countersign_loom))]
#![allow(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::quota::tests::properties::{config, quota, tick};

fn so_many(count: u32, nanos: u64) -> Quota {
    Quota::per(NonZeroU32::new(count).unwrap(), Duration::from_nanos(nanos)).unwrap()
}

fn over(wait: u64) -> Result<(), OverQuota> {
    Err(OverQuota {
        retry_after: Duration::from_nanos(wait),
    })
}

/// What the table says of itself, looked at from within.
fn is_sound<K: Hash + Ord + Copy>(table: &Buckets<K>) {
    let mut buckets = 0;
    for cell in &table.cells {
        let shard = cell.lock();
        buckets += shard.buckets.len();
        let due: HashMap<K, i64> = shard
            .due
            .iter()
            .map(|Reverse((at, key))| (*key, *at))
            .collect();
        assert_eq!(due.len(), shard.due.len(), "one entry each");
        for (key, bucket) in &shard.buckets {
            let recovers = bucket.recovers_at();
            assert!(recovers.is_none() || recovers >= due.get(key).copied());
            assert!(recovers.is_none() || due.contains_key(key));
        }
        for (key, at) in due {
            assert!(shard.buckets.contains_key(&key));
            assert!(cell.earliest.load(Order::Acquire) <= at);
        }
    }
    assert_eq!(buckets, table.len());
    assert!(buckets <= table.capacity);
}

#[test]
fn each_key_has_its_own() {
    let (table, quota) = (Buckets::new(100), so_many(1, 10));
    for key in 0..100_u32 {
        assert_eq!(table.wait(&key, &quota, 0), None);
        assert_eq!(table.spend(&key, &quota, 0), Ok(()));
        assert_eq!(table.spend(&key, &quota, 3), over(7));
        assert_eq!(table.wait(&key, &quota, 9), Some(Duration::from_nanos(1)));
        assert_eq!(table.wait(&key, &quota, 10), None);
    }
    assert_eq!(table.len(), 100);
    is_sound(&table);
}

#[test]
fn asking_and_being_refused_take_no_room() {
    let (table, quota) = (Buckets::new(1), so_many(1, 10));
    assert_eq!(table.wait(&1, &quota, 0), None);
    assert_eq!(table.len(), 0);
    table.spend(&1, &quota, 0).unwrap();
    table.spend(&2, &quota, 0).unwrap();
    for _ in 0..3 {
        assert_eq!(table.spend(&3, &quota, 9), over(1));
        assert_eq!(table.wait(&3, &quota, 9), Some(Duration::from_nanos(1)));
    }
    assert_eq!(table.len(), 1);
    is_sound(&table);
}

#[test]
fn what_finds_no_room_shares_one_bucket() {
    for capacity in [0, 1, 2, 63, 64, 65, 1_000] {
        let (table, quota) = (Buckets::new(capacity), so_many(2, 20));
        for key in 0..capacity {
            table.spend(&key, &quota, 0).unwrap();
        }
        assert_eq!((table.len(), table.has_overflowed()), (capacity, false));
        // Two units for all the others.
        assert_eq!(table.spend(&(capacity + 1), &quota, 1), Ok(()));
        assert!(table.has_overflowed());
        assert_eq!(table.spend(&(capacity + 2), &quota, 1), Ok(()));
        assert_eq!(table.spend(&(capacity + 3), &quota, 1), over(10));
        assert_eq!(
            table.wait(&(capacity + 4), &quota, 1),
            Some(Duration::from_nanos(10))
        );
        // And those who have their own are not touched.
        for key in 0..capacity {
            assert_eq!(table.spend(&key, &quota, 1), Ok(()));
            assert_eq!(table.spend(&key, &quota, 1), over(9));
        }
        assert_eq!(table.len(), capacity);
        is_sound(&table);
    }
}

#[test]
fn only_what_has_recovered_makes_room_and_only_when_it_is_needed() {
    let (table, quota) = (Buckets::new(50), so_many(1, 100));
    for key in 0..50_i64 {
        table.spend(&key, &quota, key).unwrap();
    }
    // The overflow bucket has recovered with the first ones.
    table.spend(&100, &quota, 60).unwrap();
    assert_eq!(table.len(), 50);
    assert_eq!(table.spend(&101, &quota, 159), over(1));
    // At 160 all have: one goes for each that comes.
    for key in 101..121 {
        assert_eq!(table.spend(&key, &quota, 160), Ok(()));
        assert_eq!(table.len(), 50);
    }
    // Those that came first went first.
    let held = |key: &i64| table.cell(table.home(key)).lock().buckets.contains_key(key);
    assert_eq!((101..121).filter(held).count(), 20);
    assert_eq!((0..50).filter(held).count(), 30);
    is_sound(&table);
}

/// A bucket that is spent of again and again is not dropped for what it once was.
#[test]
fn a_bucket_in_use_stays() {
    let (table, quota) = (Buckets::new(1), so_many(2, 20));
    for now in 0..100 {
        table.spend(&1, &quota, now * 10).unwrap();
        // The other key finds no room, at any time, and pays from the overflow bucket.
        assert_eq!(table.spend(&2, &quota, now * 10), Ok(()));
        is_sound(&table);
    }
    assert_eq!(table.wait(&1, &quota, 990), None);
    table.spend(&1, &quota, 990).unwrap();
    assert_eq!(table.spend(&1, &quota, 990), over(10));
}

#[test]
fn a_bucket_of_ones_own_goes_on_where_the_shared_one_stood() {
    let (table, quota) = (Buckets::new(1), so_many(2, 20));
    table.spend(&1, &quota, 0).unwrap();
    table.spend(&2, &quota, 0).unwrap();
    table.spend(&2, &quota, 0).unwrap();
    // At 10 the first key's has recovered. The second one has had two, and one of them is back.
    assert_eq!(table.spend(&2, &quota, 10), Ok(()));
    assert_eq!(table.len(), 1);
    assert_eq!(table.spend(&2, &quota, 10), over(10));
    // The shared one was not charged for it.
    assert_eq!(table.spend(&3, &quota, 10), Ok(()));
    assert_eq!(table.spend(&3, &quota, 10), over(10));
}

#[test]
fn what_was_dropped_is_not_fresh_when_the_clock_goes_back() {
    let (table, quota) = (Buckets::new(1), so_many(2, 20));
    table.spend(&1, &quota, 0).unwrap();
    table.spend(&1, &quota, 0).unwrap();
    table.spend(&2, &quota, 25).unwrap();
    assert_eq!(table.len(), 1);
    // Dropped at 25, so it stands there: what it spends now comes back after that.
    let home = table.cell(table.home(&1));
    assert_eq!(home.lock().dropped_at, 25);
    assert_eq!([(); 2].map(|()| table.spend(&1, &quota, 0)), [Ok(()); 2]);
    assert_eq!(table.spend(&1, &quota, 0), over(35));
    assert_eq!(table.wait(&1, &quota, 34), Some(Duration::from_nanos(1)));
    assert_eq!(table.wait(&1, &quota, 35), None);
}

#[test]
fn the_ends_of_time_are_moments_like_others() {
    let (table, quota) = (Buckets::new(1), so_many(1, 10));
    table.spend(&1, &quota, i64::MIN).unwrap();
    table.spend(&2, &quota, i64::MAX).unwrap();
    is_sound(&table);
    // It recovers after the end of time: nobody has its room, and nobody looks for it for ever.
    table.spend(&3, &quota, i64::MAX).unwrap();
    assert_eq!(table.spend(&4, &quota, i64::MAX), over(10));
    assert_eq!(table.len(), 1);
    is_sound(&table);
}

/// A search looks at what has recovered and at what was spent of since, and at nothing else.
#[test]
fn strangers_do_not_make_it_slow() {
    let (table, quota) = (Buckets::new(10_000), so_many(1, 1_000_000));
    for key in 0..10_000_i64 {
        table.spend(&key, &quota, key).unwrap();
    }
    let published = || {
        table
            .cells
            .iter()
            .map(|cell| cell.earliest.load(Order::Acquire))
    };
    assert_eq!(published().min(), Some(1_000_000));
    // Full, and nothing has recovered: no shard is locked but the stranger's own.
    let locks: Vec<_> = table.cells.iter().map(Cell::lock).collect();
    assert!(!table.make_room(0, 999_999));
    drop(locks);
    // One has: it is found, and what the shard says of itself is the next one.
    assert!(table.make_room(0, 1_000_000));
    assert_eq!(table.len(), 9_999);
    assert_eq!(published().min(), Some(1_000_001));
    is_sound(&table);
}

#[test]
fn keys_are_spread_over_the_shards() {
    let (table, quota) = (Buckets::new(64_000), so_many(1, 1_000));
    for key in 0..64_000_u32 {
        table.spend(&key, &quota, 0).unwrap();
    }
    for cell in &table.cells {
        let held = cell.lock().buckets.len();
        assert!((700..1_300).contains(&held), "{held}");
    }
}

proptest! {
    #![proptest_config(config(1_000))]

    /// While there is room, it answers as a bucket for each key would, whatever the clock does. Without, it never lets more through than those.
    #[test]
    fn no_key_ever_has_more_than_its_quota(
        quota in quota(),
        capacity in 0_usize..12,
        keys in 1_u8..16,
        start in prop_oneof![Just(0), Just(i64::MIN), Just(i64::MAX - 100), any::<i64>()],
        steps in vec((any::<u8>(), tick()), 1..120),
    ) {
        let table = Buckets::new(capacity);
        let has_room = usize::from(keys) <= capacity;
        let mut each: HashMap<u8, Bucket> = HashMap::new();
        let mut now = start;
        for (key, tick) in steps {
            let key = key % keys;
            let before = now;
            now = tick.from(now, quota.interval);
            if !has_room {
                now = now.max(before);
            }
            let bucket = each.entry(key).or_insert(Bucket::full());
            let wait = table.wait(&key, &quota, now);
            let spent = table.spend(&key, &quota, now);
            prop_assert_eq!(wait, spent.err().map(|over| over.retry_after));
            if has_room {
                prop_assert_eq!(bucket.spend(&quota, now), spent);
                prop_assert_eq!(*locked(&table.overflow), Bucket::full());
            } else if let Err(over) = spent {
                prop_assert!(bucket.wait(&quota, now).unwrap_or_default() <= over.retry_after);
            } else {
                prop_assert_eq!(bucket.spend(&quota, now), Ok(()));
            }
            is_sound(&table);
        }
    }
}

fn race<T: Send>(threads: u32, act: impl Fn(u32) -> T + Sync) -> Vec<T> {
    let line = Barrier::new(usize::try_from(threads).unwrap());
    thread::scope(|scope| {
        let run = |number| {
            let (line, act) = (&line, &act);
            scope.spawn(move || {
                line.wait();
                act(number)
            })
        };
        let runs: Vec<_> = (0..threads).map(run).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

#[test]
fn threads_share_a_keys_quota_to_the_unit() {
    for _ in 0..50 {
        let (table, quota) = (Buckets::new(4), so_many(100, 1_000));
        let went = race(16, |_| {
            let spend = |key: u32| {
                (0..25)
                    .filter(|_| table.spend(&key, &quota, 0).is_ok())
                    .count()
            };
            [1, 2, 3].map(spend)
        });
        for key in 0..3 {
            assert_eq!(went.iter().map(|went| went[key]).sum::<usize>(), 100);
        }
        assert_eq!(table.len(), 3);
        is_sound(&table);
    }
}

#[test]
fn threads_share_the_overflow_to_the_unit() {
    for _ in 0..50 {
        let (table, quota) = (Buckets::new(10), so_many(7, 1_000));
        // 16 × 50 keys, each asked for once: ten have their own, the others share seven units.
        let went = race(16, |thread| {
            let keys = (0..50).map(|number| thread * 50 + number);
            keys.filter(|key| table.spend(key, &quota, 0).is_ok())
                .count()
        });
        assert_eq!(went.iter().sum::<usize>(), 17);
        assert_eq!(table.len(), 10);
        is_sound(&table);
    }
}

#[test]
fn threads_hand_on_the_room_of_what_has_recovered() {
    for round in 0..50 {
        let (table, quota) = (Buckets::new(32), so_many(1, 1_000));
        for key in 0..32 {
            table.spend(&key, &quota, 0).unwrap();
        }
        // All have recovered. Of 320 new keys 32 find room, and one the overflow bucket.
        let went = race(16, |thread| {
            let keys = (0..20).map(|number| 1_000 + thread * 20 + number);
            keys.filter(|key| table.spend(key, &quota, 1_000).is_ok())
                .count()
        });
        assert_eq!(went.iter().sum::<usize>(), 33, "{round}");
        assert_eq!(table.len(), 32);
        is_sound(&table);
    }
}

/// Whoever is refused room holds no lock that another one waits for.
#[test]
fn threads_that_need_one_anothers_room_all_come_to_an_end() {
    let (table, quota) = (Buckets::new(3), so_many(2, 10));
    let totals = race(16, |thread| {
        (0..2_000_i64)
            .filter(|now| {
                let key = (thread + u32::try_from(*now).unwrap()) % 40;
                table.spend(&key, &quota, *now).is_ok()
            })
            .count()
    });
    assert!(totals.iter().sum::<usize>() > 0);
    is_sound(&table);
}
