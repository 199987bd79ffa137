//! What only this store says: its bounds, its clock, and its words.
#![cfg(not(countersign_loom))]
#![allow(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll, Waker};
use std::thread;

use super::*;
use crate::clock::Sleep;
use crate::timestamp::Timestamp;

/// Stands still until it is moved. Clones are the same clock.
#[derive(Clone, Debug, Default)]
struct Hands(Arc<AtomicU64>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        unreachable!("a store has nothing to do with the wall clock")
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }

    fn sleep(&self, _: Duration) -> Sleep {
        unreachable!("a store does not sleep")
    }
}

fn key(number: u64) -> QuotaKey {
    let mut bytes = [0xC5; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    QuotaKey::from_bytes(bytes)
}

fn spend(store: &impl QuotaStore, number: u64, quota: Quota) -> SpendReply {
    let key = key(number);
    match pin!(store.spend(Spend { key, quota })).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

fn per_minute(count: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(count).unwrap())
}

const fn wait(seconds: u64) -> SpendReply {
    SpendReply::Wait(Duration::from_secs(seconds))
}

#[test]
fn it_counts_on_its_clock() {
    let hands = Hands::default();
    let store = MemoryQuotas::single_process_on(10, hands.clone());
    let quota = per_minute(3);
    assert_eq!(
        [(); 3].map(|()| spend(&store, 1, quota)),
        [SpendReply::Go; 3]
    );
    assert_eq!(spend(&store, 1, quota), wait(20));
    hands.0.store(19, Ordering::SeqCst);
    assert_eq!(spend(&store, 1, quota), wait(1));
    // A handle and a clone are the same store.
    let handle = DynQuotas::new(Arc::new(store.clone()));
    hands.0.store(20, Ordering::SeqCst);
    let asked = handle.spend(Spend { key: key(1), quota });
    let Poll::Ready(Ok(SpendReply::Go)) = pin!(asked).poll(&mut Context::from_waker(Waker::noop()))
    else {
        panic!("it does not go");
    };
    assert_eq!(spend(&store, 1, quota), wait(20));
    // What is longer than 292 years is the end of time.
    hands.0.store(u64::MAX, Ordering::SeqCst);
    assert_eq!(spend(&store, 1, quota), SpendReply::Go);
}

#[test]
fn without_a_clock_it_counts_on_the_processs() {
    let store = MemoryQuotas::single_process(10);
    let quota = Quota::per_hour(NonZeroU32::MIN);
    assert_eq!(spend(&store, 1, quota), SpendReply::Go);
    let SpendReply::Wait(wait) = spend(&store, 1, quota) else {
        panic!("it goes");
    };
    assert!(
        wait <= quota.interval() && wait > quota.interval() / 2,
        "{wait:?}"
    );
}

#[test]
fn it_is_bounded_and_says_how_full_it_is() {
    let hands = Hands::default();
    let store = MemoryQuotas::single_process_on(2, hands.clone());
    let quota = per_minute(1);
    for number in 0..2 {
        assert_eq!(spend(&store, number, quota), SpendReply::Go);
    }
    assert!(!store.0.has_told.load(Ordering::SeqCst));
    assert_eq!(spend(&store, 2, quota), SpendReply::Go);
    assert!(store.0.has_told.load(Ordering::SeqCst));
    assert_eq!(spend(&store, 3, quota), wait(60));
    assert_eq!(
        format!("{store:?}"),
        "MemoryQuotas { capacity: 2, records: 2, .. }"
    );
    let full = MemoryQuotas::single_process_on(0, hands);
    assert_eq!(spend(&full, 0, quota), SpendReply::Go);
    assert_eq!(spend(&full, 1, quota), wait(60));
    assert_eq!(
        format!("{full:?}"),
        "MemoryQuotas { capacity: 0, records: 0, .. }"
    );
}

#[test]
fn a_key_is_printed_as_hexadecimal() {
    let key = key(0xAB);
    let text = format!("ab00000000000000{}", "c5".repeat(24));
    assert_eq!(key.to_string(), text);
    assert_eq!(format!("{key:?}"), format!("QuotaKey({text})"));
    assert_eq!(QuotaKey::from_bytes(*key.as_bytes()), key);
}

/// 32 threads, four tenants, 50,000 calls.
#[test]
fn threads_get_what_there_is_to_the_unit() {
    for _ in 0..20 {
        let store = MemoryQuotas::single_process_on(4, Hands::default());
        let quota = per_minute(100);
        let line = Barrier::new(32);
        let went: Vec<u64> = thread::scope(|scope| {
            let run = |_| {
                scope.spawn(|| {
                    line.wait();
                    let calls = (0..80_u64).map(|call| spend(&store, call % 4, quota));
                    calls.filter(|reply| *reply == SpendReply::Go).count() as u64
                })
            };
            let runs: Vec<_> = (0..32).map(run).collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        assert_eq!(went.iter().sum::<u64>(), 400);
        for number in 0..4 {
            assert!(matches!(spend(&store, number, quota), SpendReply::Wait(_)));
        }
    }
}
