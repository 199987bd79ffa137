//! What the memory store tells its operator: whose it is when it is made, and in time that it fills up.

#![allow(clippy::panic, reason = "a test fails loudly")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use countersign::{
    Claim, ClaimReply, DeliveryStore, ForgetReply, IdempotencyKey, LeaseToken, MemoryStore,
};
use countersign_testkit::{ManualClock, log};

const MADE: &str = "INFO message=memory store for a single process: a restart forgets what was done, \
    replicas do not share it capacity=";
const NEARLY_FULL: &str = "WARN message=memory store nearly full: when it is, new deliveries are refused \
    capacity=100 records=80 lasts_secs=";
const RETENTION: Duration = Duration::from_secs(1_000);

fn claim(store: &MemoryStore, number: u8) -> ClaimReply {
    let claim = Claim {
        key: IdempotencyKey::from_bytes([number; 32]),
        token: LeaseToken::from_bytes([number; 16]),
        lease: Duration::ZERO,
        retention: RETENTION,
    };
    match pin!(store.claim(claim)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

fn claim_all(store: &MemoryStore, numbers: std::ops::Range<u8>) {
    for number in numbers {
        assert_eq!(claim(store, number), ClaimReply::Claimed { attempt: 1 });
    }
}

/// Whoever asks about an expired record removes it.
fn find_expired(store: &MemoryStore, numbers: std::ops::Range<u8>) {
    for number in numbers {
        let forget = pin!(store.forget(IdempotencyKey::from_bytes([number; 32])));
        match forget.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(ForgetReply::Unknown)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_first_line_says_that_the_store_is_one_process_s() {
    log::listen();
    let _store = MemoryStore::single_process(1_000);
    assert_eq!(log::take(), [format!("{MADE}1000")]);
}

#[test]
fn one_warning_at_four_fifths_and_another_only_after_there_was_room() {
    log::listen();
    let clock = ManualClock::at_secs(0);
    let store = MemoryStore::single_process_on(100, clock.clone());
    assert_eq!(log::take(), [format!("{MADE}100")]);

    claim_all(&store, 0..30);
    clock.advance(Duration::from_secs(40));
    claim_all(&store, 30..79);
    assert_eq!(log::take(), [""; 0], "79 of 100");
    claim_all(&store, 79..80);
    // Eighty new keys in forty seconds: a hundred in fifty.
    assert_eq!(log::take(), [format!("{NEARLY_FULL}50")]);
    claim_all(&store, 80..100);
    assert_eq!(claim(&store, 100), ClaimReply::Full);
    assert_eq!(log::take(), [""; 0], "it was said");

    clock.advance(RETENTION - Duration::from_secs(40));
    find_expired(&store, 0..30);
    assert_eq!(store.stats().records, 70);
    claim_all(&store, 100..130);
    assert_eq!(log::take(), [""; 0], "never below 70");

    clock.advance(RETENTION + Duration::from_secs(40));
    find_expired(&store, 30..130);
    assert_eq!(store.stats().records, 0);
    claim_all(&store, 130..210);
    // 109 new keys since the window before the present one began, 1,040 seconds ago.
    assert_eq!(log::take(), [format!("{NEARLY_FULL}954")]);
}
