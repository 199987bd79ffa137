//! The run of a delivery, step by step, on a clock that stands still: when a lease is extended, what is tried again, and what ends.

#![cfg(test)]

#[path = "run/bench.rs"]
mod bench;
#[path = "run/edges.rs"]
mod edges;
#[path = "run/quotas.rs"]
mod quotas;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use countersign::providers::STRIPE;
use countersign::{
    Answered, Clock, ExtendError, ForgetReply, Handled, Lease, OutcomeKind, Receiver, Refusal,
    Secret, StillRunning, StorePolicy, Timestamp,
};
use countersign_testkit::ManualClock;

use bench::*;

#[test]
fn what_is_done_is_answered_and_what_failed_runs_again() {
    let bench = Bench::new();
    is_response(&bench.run(fails).now(), "failed", &OutcomeKind::Released, 1);
    bench.pass(1);
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
    is_duplicate(&bench.answered_without_a_run(), 204, true);
    bench.pass(1);
    is_duplicate(&bench.answered_without_a_run(), 204, false);
    let counts = bench.receiver.counts();
    assert_eq!((counts.done, counts.released), (1, 1));
    assert_eq!(
        (counts.duplicates, counts.replays, counts.changed_bodies),
        (2, 1, 0)
    );
}

#[test]
fn a_lease_is_extended_at_each_third() {
    let bench = Bench::new();
    let switch = Arc::new(AtomicU32::new(0));
    let mut run = bench.run(until(&switch));
    run.waits();
    for round in 1..=10 {
        bench.clock.advance(Duration::from_millis(19_999));
        run.waits();
        assert_eq!(bench.receiver.counts().extended, round - 1);
        bench.clock.advance(Duration::from_millis(1));
        run.waits();
        assert_eq!(bench.receiver.counts().extended, round);
        // Just extended: a copy is told the whole lease.
        let busy = refusal(&bench.answered_without_a_run());
        assert_eq!(busy, Refusal::InFlight { retry_after: 60 });
    }
    switch.store(1, Ordering::Relaxed);
    is_response(&run.now(), "done", &OutcomeKind::Done, 1);
    assert_eq!(bench.clock.sleepers(), 0);
}

#[test]
fn an_extension_that_failed_is_repeated_until_the_lease_ends() {
    let bench = Bench::new();
    bench
        .store
        .extend
        .lock()
        .unwrap()
        .extend([Trouble::Down, Trouble::Hangs, Trouble::NoReply]);
    let switch = Arc::new(AtomicU32::new(0));
    let mut run = bench.run(until(&switch));
    run.waits();
    // Down at 20 s, again at 21 s, where it hangs for a second, again at 23 s without a reply, again at 24 s.
    for (seconds, failed, extended) in [(20, 1, 0), (1, 1, 0), (1, 2, 0), (1, 3, 0), (1, 3, 1)] {
        bench.pass(seconds);
        run.waits();
        let counts = bench.receiver.counts();
        assert_eq!(
            (counts.extensions_failed, counts.extended),
            (failed, extended)
        );
    }
    bench.pass(19);
    run.waits();
    assert_eq!(bench.receiver.counts().extended, 1);
    bench.pass(1);
    run.waits();
    assert_eq!(bench.receiver.counts().extended, 2);
}

#[test]
fn a_run_that_lost_its_lease_is_not_recorded_and_learns_it() {
    let bench = Bench::new();
    bench
        .store
        .extend
        .lock()
        .unwrap()
        .extend([Trouble::Down; 60]);
    let switch = Arc::new(AtomicU32::new(0));
    let seen: Arc<Mutex<Option<Lease>>> = Arc::default();
    let mut run = {
        let (work, seen) = (until(&switch), Arc::clone(&seen));
        bench.run(move |lease| {
            *seen.lock().unwrap() = lease.clone();
            work(lease)
        })
    };
    run.waits();
    let lease = seen.lock().unwrap().clone().unwrap();
    for passed in 0..60 {
        assert_eq!(lease.remaining(), Duration::from_secs(60 - passed));
        let busy = refusal(&bench.answered_without_a_run());
        assert_eq!(
            busy,
            Refusal::InFlight {
                retry_after: 60 - u32::try_from(passed).unwrap()
            }
        );
        bench.pass(1);
        run.waits();
    }
    assert!(lease.is_lost());
    // Another attempt takes it and does it; the first one comes too late, and what it says is not sent.
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
    switch.store(1, Ordering::Relaxed);
    assert_eq!(refusal(&run.now()), Refusal::LeaseLost);
    is_duplicate(&bench.answered_without_a_run(), 204, true);
    let counts = bench.receiver.counts();
    assert_eq!((counts.lost, counts.done), (1, 1));
}

#[test]
fn a_claim_without_a_reply_is_repeated_with_its_token() {
    for trouble in [Trouble::Down, Trouble::NoReply] {
        let bench = Bench::new();
        bench.store.claim.lock().unwrap().push_back(trouble);
        // Under another token the second call would meet the first one's lease.
        is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 1);
        assert_eq!(bench.receiver.counts().claims_repeated, 1);
        assert_eq!(bench.store.claims.load(Ordering::Relaxed), 2);
    }
}

#[test]
fn a_store_that_does_not_answer_a_claim_means_no_run() {
    let bench = Bench::new();
    bench
        .store
        .claim
        .lock()
        .unwrap()
        .extend([Trouble::Hangs, Trouble::NoReply]);
    let mut run = bench.run(|_| async { panic!("it runs") });
    run.waits();
    bench.clock.advance(Duration::from_millis(999));
    run.waits();
    bench.clock.advance(Duration::from_millis(1));
    let ran = run.now();
    assert_eq!(refusal(&ran), Refusal::StoreUnavailable);
    assert_eq!(bench.receiver.counts().unavailable, 1);
    // The second call was heard: nobody is at it, and still it is taken ...
    let busy = refusal(&bench.answered_without_a_run());
    assert_eq!(busy, Refusal::InFlight { retry_after: 60 });
    // ... until it is given back behind the answer.
    let mut rest = Stepped(Box::pin(ran.rest.unwrap()));
    rest.waits();
    bench.pass(1);
    rest.now();
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
}

#[test]
fn what_runs_without_a_store_was_chosen() {
    let bench = Bench::with(|builder| builder.on_store_failure(StorePolicy::Run));
    bench.store.claim.lock().unwrap().extend([Trouble::Down; 4]);
    for _ in 0..2 {
        let ran = bench.run(|lease| {
            assert!(lease.is_none());
            ok(None)
        });
        let ran = ran.now();
        assert!(matches!(ran.answer, Answered::Response("done")));
        assert_eq!(ran.outcome.kind, OutcomeKind::Unrecorded);
        assert!(ran.outcome.key.is_some());
    }
    let counts = bench.receiver.counts();
    assert_eq!(
        (counts.unavailable, counts.unrecorded, counts.done),
        (2, 2, 0)
    );
}

#[test]
fn a_record_that_is_late_is_brought_behind_the_answer() {
    let bench = Bench::new();
    bench.store.settle.lock().unwrap().extend([
        Trouble::Down,
        Trouble::Down,
        Trouble::Down,
        Trouble::NoReply,
    ]);
    let ran = bench.run(ok).now();
    is_response(&ran, "done", &OutcomeKind::Done, 1);
    let mut rest = Stepped(Box::pin(ran.rest.unwrap()));
    rest.waits();
    let busy = refusal(&bench.answered_without_a_run());
    assert_eq!(busy, Refusal::InFlight { retry_after: 60 });
    // After one second, after two, after four: the third one is heard, and its reply comes with the fourth.
    bench.pass(1);
    rest.waits();
    bench.pass(2);
    rest.waits();
    is_duplicate(&bench.answered_without_a_run(), 204, false);
    bench.pass(4);
    rest.now();
    let counts = bench.receiver.counts();
    assert_eq!(
        (counts.settles_deferred, counts.settles_failed, counts.done),
        (1, 0, 1)
    );
}

#[test]
fn a_record_that_never_arrives_is_counted() {
    let bench = Bench::new();
    bench
        .store
        .settle
        .lock()
        .unwrap()
        .extend([Trouble::Down; 100]);
    let ran = bench.run(ok).now();
    is_response(&ran, "done", &OutcomeKind::Done, 1);
    let mut rest = Stepped(Box::pin(ran.rest.unwrap()));
    for _ in 0..59 {
        rest.waits();
        bench.pass(1);
    }
    rest.waits();
    assert_eq!(bench.receiver.counts().settles_failed, 0);
    bench.pass(1);
    rest.now();
    assert_eq!(bench.receiver.counts().settles_failed, 1);
    // It runs again: what was done could not be written down.
    bench.store.settle.lock().unwrap().clear();
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
}

#[test]
fn a_panic_gives_the_delivery_back() {
    let bench = Bench::new();
    type Handler = fn(Option<Lease>) -> Pin<Box<dyn Future<Output = Handled<&'static str>> + Send>>;
    let panics: [Handler; 2] = [
        |_| panic!("at once"),
        |_| Box::pin(async { panic!("later") }),
    ];
    for panics in panics {
        assert_eq!(refusal(&bench.run(panics).now()), Refusal::HandlerPanicked);
    }
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 3);
    assert_eq!(bench.receiver.counts().panicked, 2);
}

#[test]
fn a_run_that_takes_too_long_is_ended_and_given_back() {
    let bench = Bench::with(|builder| builder.run_timeout(Duration::from_secs(90)));
    let dropped = Arc::new(AtomicU32::new(0));
    let guard = OnDrop(Arc::clone(&dropped));
    let mut run = bench.run(move |_| async move {
        let _guard = guard;
        std::future::pending().await
    });
    run.waits();
    for _ in 0..89 {
        bench.pass(1);
        run.waits();
    }
    assert_eq!(dropped.load(Ordering::Relaxed), 0);
    bench.pass(1);
    assert_eq!(refusal(&run.now()), Refusal::RunTooLong);
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
    assert_eq!(bench.receiver.counts().overlong, 1);
}

struct OnDrop(Arc<AtomicU32>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_handler_may_ask_for_more_time() {
    let bench = Bench::new();
    let extended = bench.run(|lease| async move {
        let lease = lease.unwrap();
        assert_eq!(
            (lease.attempt(), lease.remaining()),
            (1, Duration::from_secs(60))
        );
        lease.extend(Duration::from_secs(300)).await.unwrap();
        assert_eq!(lease.remaining(), Duration::from_secs(300));
        // Not shortened.
        lease.extend(Duration::from_secs(1)).await.unwrap();
        assert_eq!(lease.remaining(), Duration::from_secs(300));
        std::future::pending().await
    });
    let mut extended = extended;
    extended.waits();
    let busy = refusal(&bench.answered_without_a_run());
    assert_eq!(busy, Refusal::InFlight { retry_after: 300 });
    // Left alone until two thirds of the usual lease are left.
    bench.pass(259);
    extended.waits();
    assert_eq!(bench.receiver.counts().extended, 0);
    bench.pass(1);
    extended.waits();
    assert_eq!(bench.receiver.counts().extended, 1);
}

#[test]
fn a_handler_learns_that_its_lease_is_lost() {
    let bench = Bench::new();
    let (clock, store) = (bench.clock.clone(), bench.store.clone());
    let run = bench.run(move |lease| async move {
        let lease = lease.unwrap();
        clock.advance(Duration::from_secs(60));
        assert!(lease.is_lost());
        let error = lease.extend(Duration::from_secs(60)).await.unwrap_err();
        assert!(matches!(error, ExtendError::Lost(_)));
        store.extend.lock().unwrap().push_back(Trouble::Down);
        let error = lease.extend(Duration::from_secs(60)).await.unwrap_err();
        assert!(matches!(error, ExtendError::Unavailable(_)));
        ok(None).await
    });
    assert_eq!(refusal(&run.now()), Refusal::LeaseLost);
}

#[test]
fn draining_lets_nothing_in_and_waits_for_what_runs() {
    let bench = Bench::new();
    let switch = Arc::new(AtomicU32::new(0));
    let mut run = bench.run(until(&switch));
    run.waits();
    let receiver = bench.receiver.clone();
    let drain = |seconds| -> Stepped<'_, Result<(), StillRunning>> {
        let receiver = receiver.clone();
        Stepped(Box::pin(async move {
            receiver.drain(Duration::from_secs(seconds)).await
        }))
    };
    let mut short = drain(5);
    short.waits();
    assert_eq!(bench.receiver.reserve().unwrap_err(), Refusal::ShuttingDown);
    bench.pass(5);
    assert_eq!(short.now().unwrap_err().runs, 1);
    let mut long = drain(5);
    long.waits();
    switch.store(1, Ordering::Relaxed);
    drop(run.now());
    assert_eq!(long.now(), Ok(()));
}

#[test]
fn there_are_no_more_runs_at_once_than_may_be() {
    let bench = Bench::with(|builder| builder.max_runs(2));
    let first = bench.receiver.reserve().unwrap();
    let _second = bench.receiver.reserve().unwrap();
    assert_eq!(
        bench.receiver.reserve().unwrap_err(),
        Refusal::TooManyRuns { limit: 2 }
    );
    drop(first);
    assert!(bench.receiver.reserve().is_ok());
    assert_eq!(bench.receiver.counts().turned_away, 1);
}

#[test]
fn what_is_forgotten_runs_again() {
    let bench = Bench::new();
    let key = bench.run(ok).now().outcome.key.unwrap();
    let mut forget =
        Stepped(Box::pin(bench.receiver.forget(key)) as Pin<Box<dyn Future<Output = _> + Send>>);
    let Poll::Ready(Ok(reply)) = forget.step() else {
        panic!("no reply");
    };
    assert_eq!(reply, ForgetReply::Forgotten);
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
}

#[test]
fn a_claim_that_was_heard_without_a_reply_is_settled_behind_a_run_that_did_not_wait_for_it() {
    let bench = Bench::with(|builder| builder.on_store_failure(StorePolicy::Run));
    let unheard = [Trouble::NoReply, Trouble::Down];
    bench.store.claim.lock().unwrap().extend(unheard);
    let ran = bench.run(fails).now();
    assert_eq!(ran.outcome.kind, OutcomeKind::Unrecorded);
    // It failed, and is given back.
    let busy = refusal(&bench.answered_without_a_run());
    assert_eq!(busy, Refusal::InFlight { retry_after: 60 });
    let mut rest = Stepped(Box::pin(ran.rest.unwrap()));
    rest.waits();
    bench.pass(1);
    rest.now();
    bench.store.claim.lock().unwrap().extend(unheard);
    let ran = bench.run(ok).now();
    assert_eq!(ran.outcome.kind, OutcomeKind::Unrecorded);
    // It is done, and recorded.
    let mut rest = Stepped(Box::pin(ran.rest.unwrap()));
    rest.waits();
    bench.pass(1);
    rest.now();
    is_duplicate(&bench.answered_without_a_run(), 204, false);
    let counts = bench.receiver.counts();
    assert_eq!((counts.unrecorded, counts.settles_failed), (2, 0));
}

#[test]
fn a_lease_that_is_over_when_it_is_heard_of_begins_no_run() {
    let bench = Bench::new();
    bench.store.claim.lock().unwrap().push_back(Trouble::Late);
    let ran = bench.run(|_| async { panic!("it runs") }).now();
    assert_eq!(refusal(&ran), Refusal::LeaseLost);
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
}

#[test]
fn what_can_be_done_without_leaves_half_of_the_places_to_runs() {
    for (policy, goes_on) in [
        (StorePolicy::Refuse, [true, true, false, false]),
        (StorePolicy::Run, [true, true, false, false]),
    ] {
        let bench = Bench::with(|builder| builder.on_store_failure(policy).max_runs(4));
        let mut rests = Vec::new();
        for (number, goes_on) in goes_on.into_iter().enumerate() {
            bench.store.claim.lock().unwrap().extend([Trouble::Down; 2]);
            let ran = bench.run(ok).now();
            assert_eq!(ran.rest.is_some(), goes_on, "{policy:?} {number}");
            rests.extend(ran.rest.map(|rest| (rest, ran.slot)));
        }
    }
}

#[test]
fn a_run_without_a_record_that_takes_too_long_is_ended_too() {
    let off = countersign::danger::Deduplicate::Off;
    let bench = Bench::with(|builder| {
        builder
            .deduplicate(off)
            .run_timeout(Duration::from_secs(90))
    });
    let mut run = bench.run(|lease| async move {
        assert!(lease.is_none());
        std::future::pending().await
    });
    run.waits();
    bench.pass(89);
    run.waits();
    bench.pass(1);
    assert_eq!(refusal(&run.now()), Refusal::RunTooLong);
    assert_eq!(bench.receiver.counts().overlong, 1);
}

#[test]
fn a_run_that_is_dropped_is_counted() {
    let bench = Bench::new();
    let mut run = bench.run(|_| std::future::pending());
    run.waits();
    drop(run);
    assert_eq!(bench.receiver.counts().dropped, 1);
    drop(bench.answered_without_a_run());
    assert_eq!(bench.receiver.counts().dropped, 1);
}

#[test]
fn what_is_still_to_be_done_is_counted_when_it_is_dropped() {
    for is_polled in [false, true] {
        let bench = Bench::new();
        bench
            .store
            .settle
            .lock()
            .unwrap()
            .extend([Trouble::Down; 2]);
        let mut rest = Stepped(Box::pin(bench.run(ok).now().rest.unwrap()));
        if is_polled {
            rest.waits();
        }
        drop(rest);
        assert_eq!(bench.receiver.counts().settles_failed, 1);
        bench.pass(60);
        bench.store.release.lock().unwrap().push_back(Trouble::Down);
        let rest = bench.run(fails).now().rest.unwrap();
        drop(rest);
        assert_eq!(bench.receiver.counts().releases_failed, 1);
    }
}

#[test]
fn a_lease_that_was_over_when_it_was_heard_of_is_given_back_and_counted_once() {
    let bench = Bench::new();
    bench.store.claim.lock().unwrap().push_back(Trouble::Late);
    let ran = bench.run(|_| async { panic!("it runs") }).now();
    assert_eq!(refusal(&ran), Refusal::LeaseLost);
    assert_eq!(bench.receiver.counts().lost, 1);
    assert_eq!(bench.store.releases.load(Ordering::Relaxed), 1);
}

#[test]
fn an_extension_counts_from_before_it_was_asked_for() {
    let bench = Bench::new();
    bench.store.extend.lock().unwrap().push_back(Trouble::Late);
    let run = bench.run(|lease| async move {
        let lease = lease.unwrap();
        lease.extend(Duration::from_secs(90)).await.unwrap();
        // A minute has passed meanwhile.
        assert_eq!(lease.remaining(), Duration::from_secs(30));
        ok(None).await
    });
    is_response(&run.now(), "done", &OutcomeKind::Done, 1);
}

#[test]
fn a_sender_with_its_own_idea_of_success_is_answered_by_that() {
    use countersign::scheme::{Retry, Scheme, Success};
    let scheme = Scheme {
        retry: Retry {
            success: Success::Only(vec![200, 201].into()),
            ..STRIPE.retry
        },
        ..STRIPE
    };
    let clock = ManualClock::at_secs(1_700_000_000);
    let receiver = Receiver::builder(scheme, Secret::new(SECRET).unwrap())
        .clock(clock.clone())
        .store(Troubled::new(&clock))
        .build()
        .unwrap();
    let bench = Bench {
        store: Troubled::new(&clock),
        clock,
        receiver,
    };
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 1);
    is_duplicate(&bench.answered_without_a_run(), 200, true);
}

#[test]
fn a_slot_of_another_receiver_is_exchanged() {
    let (bench, other) = (Bench::with(|builder| builder.max_runs(1)), Bench::new());
    let clock: Arc<dyn Clock> = Arc::new(bench.clock.clone());
    let run = |slot| {
        let receiver = bench.receiver.clone();
        let (delivery, clock) = (bench.delivery(), Arc::clone(&clock));
        Stepped(
            Box::pin(async move { receiver.run(slot, delivery, &clock, ok).await })
                as Pin<Box<dyn Future<Output = _> + Send>>,
        )
    };
    let held = bench.receiver.reserve().unwrap();
    let ran = run(other.receiver.reserve().unwrap()).now();
    assert_eq!(refusal(&ran), Refusal::TooManyRuns { limit: 1 });
    drop(held);
    let ran = run(other.receiver.reserve().unwrap()).now();
    is_response(&ran, "done", &OutcomeKind::Done, 1);
    assert!(ran.slot.is_some());
}

/// Somebody corrects the machine's clock, by years and to both sides: leases and records run on monotonic time.
#[test]
fn the_wall_clock_jumps_and_neither_lease_nor_record_ends() {
    let days = 24 * 60 * 60;
    for jump in [-10_000 * days, -61, 61, 10_000 * days] {
        let bench = Bench::new();
        let moved = Timestamp::from_secs(bench.clock.now().as_secs() + jump);
        let switch = Arc::new(AtomicU32::new(0));
        let mut run = bench.run(until(&switch));
        run.waits();

        bench.clock.set(moved);
        run.waits();
        let busy = refusal(&bench.answered_without_a_run());
        assert_eq!(busy, Refusal::InFlight { retry_after: 60 }, "{jump}");
        assert_eq!(bench.receiver.counts().extended, 0, "{jump}");
        // The moment of the next extension has not moved either.
        bench.pass(20);
        run.waits();
        assert_eq!(bench.receiver.counts().extended, 1, "{jump}");
        switch.store(1, Ordering::Relaxed);
        is_response(&run.now(), "done", &OutcomeKind::Done, 1);

        is_duplicate(&bench.answered_without_a_run(), 200, false);
        bench.clock.set(Timestamp::from_secs(1_700_000_001));
        is_duplicate(&bench.answered_without_a_run(), 200, false);
        // It ends when the retention has passed, to the nanosecond, whatever the wall clock says.
        let retention = bench.receiver.retention();
        bench.clock.advance(retention - Duration::from_nanos(1));
        bench.clock.set(moved);
        is_duplicate(&bench.answered_without_a_run(), 200, false);
        bench.clock.advance(Duration::from_nanos(1));
        is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 1);
    }
}
