//! The store under every interleaving that loom finds within its bounds: two shards, two or three threads, one record too many.
//!
//! Run by `./check` with `--cfg countersign_loom`.
#![cfg(countersign_loom)]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use loom::sync::atomic::{AtomicU64 as Counter, Ordering as Order};
use loom::thread;

use super::*;
use crate::clock::Sleep;
use crate::idempotency::{Done, Fingerprint, LeaseToken};
use crate::timestamp::Timestamp;

#[derive(Clone, Debug)]
struct Hands(Arc<Counter>);

impl Hands {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Order::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        unreachable!("a store has nothing to do with the wall clock")
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Order::SeqCst))
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

/// The first key of that shard but `skip`.
fn key(shard: usize, skip: usize) -> IdempotencyKey {
    let seeds = Seeds::random();
    let keys = (0..=u8::MAX).map(|byte| IdempotencyKey::from_bytes([byte; 32]));
    keys.filter(|key| seeds::shard(seeds.hash(key)) & (SHARDS - 1) == shard)
        .nth(skip)
        .unwrap()
}

const LEASE: Duration = Duration::from_secs(10);
const RETENTION: Duration = Duration::from_secs(100);
const FIRST: ClaimReply = ClaimReply::Claimed { attempt: 1 };
const SECOND: ClaimReply = ClaimReply::Claimed { attempt: 2 };

fn token(number: u8) -> LeaseToken {
    LeaseToken::from_bytes([number; 16])
}

fn claim(store: &MemoryStore, key: IdempotencyKey, number: u8) -> ClaimReply {
    ready(store.claim(Claim {
        key,
        token: token(number),
        lease: LEASE,
        retention: RETENTION,
    }))
}

fn settle(store: &MemoryStore, key: IdempotencyKey, number: u8) -> SettleReply {
    ready(store.settle(Settle {
        key,
        token: token(number),
        done: Done::new(200, None, Fingerprint::from_u64(1)),
        retention: RETENTION,
    }))
}

fn store(capacity: usize) -> (MemoryStore, Hands) {
    let hands = Hands(Arc::new(Counter::new(0)));
    let store = MemoryStore::single_process_on(capacity, hands.clone());
    (store, hands)
}

fn with<T: 'static>(
    store: &MemoryStore,
    act: impl FnOnce(&MemoryStore) -> T + 'static,
) -> thread::JoinHandle<T> {
    let store = store.clone();
    thread::spawn(move || act(&store))
}

/// The records that there are, found by looking; the count has to agree.
fn records(store: &MemoryStore) -> usize {
    let cells = store.0.cells.iter();
    let found = cells.map(|cell| cell.lock().assert_sound()).sum();
    assert_eq!(store.0.places.taken(), found);
    found
}

#[test]
fn one_of_two_claims_the_same_key() {
    loom::model(|| {
        let (store, _) = store(2);
        let other = with(&store, |store| claim(store, key(0, 0), 1));
        let replies = [claim(&store, key(0, 0), 2), other.join().unwrap()];
        let busy = ClaimReply::Busy { remaining: LEASE };
        assert!(replies == [FIRST, busy.clone()] || replies == [busy, FIRST]);
        assert_eq!(records(&store), 1);
    });
}

#[test]
fn one_of_two_takes_the_last_place() {
    for shard in [0, 1] {
        loom::model(move || {
            let (store, _) = store(1);
            let other = with(&store, move |store| claim(store, key(shard, 1), 1));
            let replies = [claim(&store, key(0, 0), 2), other.join().unwrap()];
            let full = ClaimReply::Full;
            assert!(
                replies == [FIRST, full.clone()] || replies == [full, FIRST],
                "{replies:?}"
            );
            assert_eq!(records(&store), 1);
        });
    }
}

#[test]
fn one_of_two_takes_the_place_of_what_has_expired() {
    for (shard, expired) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        loom::model(move || {
            let (store, hands) = store(1);
            assert_eq!(claim(&store, key(expired, 2), 9), FIRST);
            hands.advance(LEASE + RETENTION);
            let other = with(&store, move |store| claim(store, key(shard, 1), 1));
            let replies = [claim(&store, key(0, 0), 2), other.join().unwrap()];
            let full = ClaimReply::Full;
            assert!(
                replies == [FIRST, full.clone()] || replies == [full, FIRST],
                "{replies:?}"
            );
            assert_eq!(records(&store), 1);
        });
    }
}

#[test]
fn one_of_two_claims_a_key_for_which_room_has_to_be_found() {
    loom::model(|| {
        let (store, hands) = store(1);
        assert_eq!(claim(&store, key(1, 0), 9), FIRST);
        hands.advance(LEASE + RETENTION);
        let other = with(&store, |store| claim(store, key(0, 0), 1));
        let replies = [claim(&store, key(0, 0), 2), other.join().unwrap()];
        let busy = ClaimReply::Busy { remaining: LEASE };
        assert!(
            replies == [FIRST, busy.clone()] || replies == [busy, FIRST],
            "{replies:?}"
        );
        assert_eq!(records(&store), 1);
    });
}

#[test]
fn an_expired_record_gives_its_place_back_once() {
    loom::model(|| {
        let (store, hands) = store(2);
        assert_eq!(claim(&store, key(0, 0), 1), FIRST);
        hands.advance(LEASE + RETENTION);
        // One finds it by its key, the other by its moment.
        let other = with(&store, |store| settle(store, key(0, 0), 1));
        assert_eq!(claim(&store, key(0, 1), 2), FIRST);
        assert_eq!(other.join().unwrap(), SettleReply::Lost);
        assert_eq!(records(&store), 1);
    });
}

#[test]
fn a_settle_and_a_claim_at_the_end_of_the_lease_do_not_both_win() {
    loom::model(|| {
        let (store, hands) = store(1);
        assert_eq!(claim(&store, key(0, 0), 1), FIRST);
        let settling = with(&store, |store| settle(store, key(0, 0), 1));
        let claiming = with(&store, |store| claim(store, key(0, 0), 2));
        hands.advance(LEASE);
        match (settling.join().unwrap(), claiming.join().unwrap()) {
            (
                SettleReply::Settled,
                ClaimReply::Duplicate { attempt: 1, .. } | ClaimReply::Busy { .. },
            )
            | (SettleReply::Lost, ClaimReply::Busy { .. })
            | (SettleReply::Lost, SECOND) => {}
            both => panic!("{both:?}"),
        }
        assert_eq!(records(&store), 1);
    });
}

#[test]
fn an_extension_and_a_claim_at_the_end_of_the_lease_do_not_both_win() {
    loom::model(|| {
        let (store, hands) = store(1);
        assert_eq!(claim(&store, key(0, 0), 1), FIRST);
        hands.advance(LEASE / 2);
        let extending = with(&store, |store| {
            ready(store.extend(Extend {
                key: key(0, 0),
                token: token(1),
                lease: LEASE,
            }))
        });
        let claiming = with(&store, |store| claim(store, key(0, 0), 2));
        hands.advance(LEASE / 2);
        match (extending.join().unwrap(), claiming.join().unwrap()) {
            (ExtendReply::Extended | ExtendReply::Lost, ClaimReply::Busy { .. })
            | (ExtendReply::Lost, SECOND) => {}
            both => panic!("{both:?}"),
        }
    });
}

#[test]
fn time_does_not_go_back_for_a_key() {
    loom::model(|| {
        let (store, hands) = store(1);
        let first = with(&store, |store| claim(store, key(0, 0), 1));
        let second = with(&store, |store| claim(store, key(0, 0), 2));
        hands.advance(LEASE);
        for reply in [first.join().unwrap(), second.join().unwrap()] {
            match reply {
                // Whoever comes later sees a lease that has begun, never one that is yet to begin.
                ClaimReply::Busy { remaining } => assert!(remaining <= LEASE, "{remaining:?}"),
                FIRST | SECOND => {}
                other => panic!("{other:?}"),
            }
        }
    });
}
