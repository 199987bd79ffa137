//! Against the pure record as oracle, at the bounds, and in races that are counted to exact totals.
#![cfg(not(countersign_loom))]
#![allow(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod races;

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64 as Counter, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;
use crate::clock::Sleep;
use crate::idempotency::{Done, Fingerprint, LeaseToken};
use crate::timestamp::Timestamp;

/// Stands still until it is moved. Clones are the same clock.
#[derive(Clone, Debug, Default)]
struct Hands(Arc<Counter>);

impl Hands {
    fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap();
        self.0.fetch_add(nanos, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        unreachable!("a store has nothing to do with the wall clock")
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::SeqCst))
    }

    fn sleep(&self, _: Duration) -> Sleep {
        unreachable!("a store does not sleep")
    }
}

fn ready<T>(future: impl Future<Output = Result<T, Unavailable>>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(reply)) => reply,
        Poll::Ready(Err(unavailable)) => panic!("{unavailable}"),
        Poll::Pending => panic!("not ready"),
    }
}

fn key(number: u64) -> IdempotencyKey {
    let mut bytes = [0xC5; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    IdempotencyKey::from_bytes(bytes)
}

fn token(number: u64) -> LeaseToken {
    LeaseToken::from_bytes(u128::from(number).to_le_bytes())
}

const LEASE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(3_600);
const NANO: Duration = Duration::from_nanos(1);

fn claim(store: &MemoryStore, key_number: u64, token_number: u64) -> ClaimReply {
    ready(store.claim(Claim {
        key: key(key_number),
        token: token(token_number),
        lease: LEASE,
        retention: RETENTION,
    }))
}

fn settle(store: &MemoryStore, key_number: u64, token_number: u64) -> SettleReply {
    ready(store.settle(Settle {
        key: key(key_number),
        token: token(token_number),
        done: done(),
        retention: RETENTION,
    }))
}

fn done() -> Done {
    Done::new(204, None, Fingerprint::from_u64(1))
}

const FIRST: ClaimReply = ClaimReply::Claimed { attempt: 1 };

fn store(capacity: usize) -> (MemoryStore, Hands) {
    let hands = Hands::default();
    (
        MemoryStore::single_process_on(capacity, hands.clone()),
        hands,
    )
}

/// What no operation may ever break.
#[track_caller]
fn is_sound(store: &MemoryStore) {
    let mut records = 0;
    for cell in &store.0.cells {
        let shard = cell.lock();
        records += shard.assert_sound();
        assert_eq!(cell.earliest.load(Ordering::SeqCst), shard.earliest().0);
    }
    assert_eq!(store.stats().records, records);
    assert!(records <= store.stats().capacity);
}

#[test]
fn a_full_store_refuses_the_new_and_knows_every_old_one() {
    let (store, _) = store(1_000);
    for number in 0..1_000 {
        assert_eq!(claim(&store, number, number), FIRST);
        if number % 2 == 0 {
            assert_eq!(settle(&store, number, number), SettleReply::Settled);
        }
    }
    for number in 1_000..11_000 {
        assert_eq!(claim(&store, number, number), ClaimReply::Full);
    }
    for number in 0..1_000 {
        let again = claim(&store, number, 77_777);
        if number % 2 == 0 {
            let (done, attempt) = (done(), 1);
            assert_eq!(again, ClaimReply::Duplicate { done, attempt });
            assert_eq!(settle(&store, number, number), SettleReply::AlreadySettled);
        } else {
            assert_eq!(again, ClaimReply::Busy { remaining: LEASE });
            assert_eq!(settle(&store, number, number), SettleReply::Settled);
        }
    }
    assert_eq!(store.stats().records, 1_000);
    is_sound(&store);
}

#[test]
fn full_is_answered_until_the_very_nanosecond_at_which_one_expires() {
    let (store, hands) = store(100);
    for number in 0..100 {
        assert_eq!(claim(&store, number, number), FIRST);
        hands.advance(NANO);
    }
    hands.advance(LEASE + RETENTION - Duration::from_nanos(101));
    assert_eq!(claim(&store, 100, 100), ClaimReply::Full);
    for number in 0..50 {
        hands.advance(NANO);
        assert_eq!(
            claim(&store, 100 + number, 100),
            FIRST,
            "{number} has expired"
        );
        assert_eq!(
            claim(&store, 200 + number, 100),
            ClaimReply::Full,
            "{number}"
        );
    }
    assert_eq!(store.stats().records, 100);
    is_sound(&store);
}

#[test]
fn room_is_found_in_whichever_shard_it_is() {
    for lucky in 0..200 {
        let (store, hands) = store(200);
        for number in 0..200 {
            assert_eq!(claim(&store, number, number), FIRST);
        }
        let release = Release {
            key: key(lucky),
            token: token(lucky),
            retention: NANO,
        };
        assert_eq!(ready(store.release(release)), ReleaseReply::Released);
        assert_eq!(claim(&store, 200, 200), ClaimReply::Full);
        hands.advance(NANO);
        assert_eq!(claim(&store, 200, 200), FIRST);
        assert_eq!(claim(&store, 201, 201), ClaimReply::Full);
        is_sound(&store);
    }
}

#[test]
fn a_settle_that_shortens_the_record_is_seen_at_once() {
    let (store, hands) = store(1);
    assert_eq!(claim(&store, 1, 1), FIRST);
    hands.advance(Duration::from_secs(10));
    assert_eq!(settle(&store, 1, 1), SettleReply::Settled);
    hands.advance(RETENTION - NANO);
    assert_eq!(claim(&store, 2, 2), ClaimReply::Full);
    hands.advance(NANO);
    assert_eq!(claim(&store, 2, 2), FIRST);
    is_sound(&store);
}

#[test]
fn an_expired_key_is_claimed_anew_in_its_own_place() {
    let (store, hands) = store(1);
    assert_eq!(claim(&store, 1, 1), FIRST);
    hands.advance(LEASE + RETENTION);
    assert_eq!(claim(&store, 1, 2), FIRST);
    assert_eq!(store.stats().records, 1);
    is_sound(&store);
}

#[test]
fn new_keys_remove_more_than_they_add() {
    let (store, hands) = store(100_000);
    for number in 0..10_000 {
        assert_eq!(claim(&store, number, number), FIRST);
    }
    hands.advance(LEASE + RETENTION);
    for number in 10_000..30_000 {
        assert_eq!(claim(&store, number, number), FIRST);
    }
    // All of the old ones are gone but those of a shard that hardly saw a new one; there is none at 300 for each.
    assert_eq!(store.stats().records, 20_000);
    is_sound(&store);
}

#[test]
fn no_call_but_claim_makes_a_record_or_needs_room() {
    for capacity in [0, 1] {
        let (store, _) = store(capacity);
        if capacity == 1 {
            assert_eq!(claim(&store, 1, 1), FIRST);
        }
        assert_eq!(claim(&store, 2, 2), ClaimReply::Full);
        assert_eq!(settle(&store, 2, 2), SettleReply::Lost);
        let (key, token) = (key(2), token(2));
        let (lease, retention) = (LEASE, RETENTION);
        let release = Release {
            key,
            token,
            retention,
        };
        assert_eq!(ready(store.release(release)), ReleaseReply::Lost);
        assert_eq!(
            ready(store.extend(Extend { key, token, lease })),
            ExtendReply::Lost
        );
        assert_eq!(ready(store.forget(key)), ForgetReply::Unknown);
        assert_eq!(store.stats().records, capacity);
        is_sound(&store);
    }
}

#[test]
fn nothing_to_keep_takes_no_room_for_long() {
    let (store, _) = store(1);
    let (lease, retention) = (Duration::ZERO, Duration::ZERO);
    let (key_2, token) = (key(2), token(1));
    let fleeting = Claim {
        key: key_2,
        token,
        lease,
        retention,
    };
    assert_eq!(ready(store.claim(fleeting)), FIRST);
    assert_eq!(store.stats().records, 0);
    assert_eq!(claim(&store, 1, 1), FIRST);
    assert_eq!(ready(store.claim(fleeting)), ClaimReply::Full);
    is_sound(&store);
}

#[test]
fn a_future_that_is_dropped_unpolled_has_done_nothing() {
    let (store, _) = store(10);
    let (key, token) = (key(1), token(1));
    drop(store.claim(Claim {
        key,
        token,
        lease: LEASE,
        retention: RETENTION,
    }));
    assert_eq!(store.stats().records, 0);
    assert_eq!(claim(&store, 1, 2), FIRST);
}

#[test]
fn clones_are_the_same_store_and_others_are_not() {
    let (store, _) = store(10);
    assert_eq!(claim(&store, 1, 1), FIRST);
    let busy = ClaimReply::Busy { remaining: LEASE };
    assert_eq!(claim(&store.clone(), 1, 2), busy);
    assert_eq!(claim(&super::tests::store(10).0, 1, 2), FIRST);
}

#[test]
fn the_process_s_own_clock_runs() {
    let store = MemoryStore::single_process(10);
    assert_eq!(claim(&store, 1, 1), FIRST);
    match claim(&store, 1, 2) {
        ClaimReply::Busy { remaining } => assert!(remaining <= LEASE, "{remaining:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_clock_that_panics_leaves_the_store_at_work() {
    #[derive(Clone, Debug, Default)]
    struct Broken(Hands, Arc<Counter>);

    impl Clock for Broken {
        fn now(&self) -> Timestamp {
            self.0.now()
        }

        fn monotonic(&self) -> Duration {
            assert_eq!(self.1.load(Ordering::SeqCst), 0, "broken");
            self.0.monotonic()
        }

        fn sleep(&self, duration: Duration) -> Sleep {
            self.0.sleep(duration)
        }
    }

    let clock = Broken::default();
    let store = MemoryStore::single_process_on(10, clock.clone());
    clock.1.store(1, Ordering::SeqCst);
    let other = store.clone();
    let panicked = std::thread::spawn(move || claim(&other, 1, 1)).join();
    assert!(panicked.is_err());
    clock.1.store(0, Ordering::SeqCst);
    assert_eq!(claim(&store, 1, 1), FIRST);
    is_sound(&store);
}

#[test]
fn it_tells_how_full_it_is_and_how_long_it_lasts() {
    let (store, hands) = store(1_000);
    let stats = |records, lasts| MemoryStats {
        capacity: 1_000,
        records,
        lasts,
    };
    assert_eq!(store.stats(), stats(0, None));
    for number in 0..100 {
        assert_eq!(claim(&store, number, number), FIRST);
        // A known key is no new one.
        assert_eq!(claim(&store, number, number), FIRST);
    }
    assert_eq!(store.stats(), stats(100, None));
    hands.advance(Duration::from_secs(10));
    let lasts = Some(Duration::from_secs(100));
    assert_eq!(store.stats(), stats(100, lasts));
    assert_eq!(
        format!("{store:?}"),
        "MemoryStore { capacity: 1000, records: 100, .. }"
    );
}

#[test]
fn a_store_that_refuses_everything_does_not_say_that_it_lasts() {
    const DAY: Duration = Duration::from_secs(86_400);
    let (store, hands) = store(1_000);
    let mut number = 0;
    let mut claim_some = || {
        for _ in 0..100 {
            number += 1;
            let claim = Claim {
                key: key(number),
                token: token(number),
                lease: LEASE,
                retention: 3 * DAY,
            };
            drop(ready(store.claim(claim)));
        }
    };
    for _ in 0..1_200 {
        claim_some();
        hands.advance(Duration::from_secs(1));
    }
    for _ in 0..71 {
        claim_some();
        hands.advance(Duration::from_secs(3_600));
    }
    assert_eq!(store.stats().records, 1_000);
    // A hundred keys an hour, for which there is room ten times.
    let lasts = store.stats().lasts.unwrap();
    assert!(lasts < 3 * DAY, "{lasts:?}");
}

#[test]
fn what_is_refused_counts_as_often_as_it_comes() {
    let (store, hands) = store(32);
    for number in 0..32 {
        assert_eq!(claim(&store, number, number), FIRST);
    }
    let lasts = || store.stats().lasts;
    hands.advance(Duration::from_secs(2));
    assert_eq!(lasts(), Some(Duration::from_secs(2)));
    for number in 32..64 {
        assert_eq!(claim(&store, number, number), ClaimReply::Full);
    }
    assert_eq!(lasts(), Some(Duration::from_secs(1)));
    for number in 32..64 {
        assert_eq!(claim(&store, number, number), ClaimReply::Full);
    }
    assert_eq!(lasts(), Some(Duration::from_secs(2) / 3));
}

#[test]
fn what_has_expired_everywhere_goes_before_anybody_is_warned() {
    let (store, hands) = store(20);
    let mut shards = HashSet::new();
    let shard_of = |number| seeds::shard(store.0.seeds.hash(&key(number))) % SHARDS;
    let mut apart = (0..).filter(|number| shards.insert(shard_of(*number)));
    for number in apart.by_ref().take(15) {
        assert_eq!(claim(&store, number, number), FIRST);
    }
    hands.advance(Duration::from_secs(365 * 86_400));
    // The sixteenth is to be warned of. Its own shard has nothing to give back, the fifteen others have.
    let number = apart.next().unwrap();
    assert_eq!(claim(&store, number, number), FIRST);
    assert_eq!(store.stats().records, 1);
    is_sound(&store);
}
