//! Where one moment, or one place, makes the difference.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::providers::STRIPE;
use countersign::{
    Clock, DeliveryStore, MemoryStore, Once, OutcomeKind, Receiver, Refusal, Secret, StillRunning,
};

use crate::bench::*;

fn drain<S: DeliveryStore>(
    receiver: &Receiver<Once<S>>,
    seconds: u64,
) -> Stepped<'_, Result<(), StillRunning>> {
    let deadline = Duration::from_secs(seconds);
    Stepped(Box::pin(receiver.drain(deadline)) as Pin<Box<dyn Future<Output = _> + Send>>)
}

/// An extension is due 20 seconds after the claim.
#[test]
fn a_lease_is_extended_up_to_the_end_of_its_run() {
    for (seconds, extended) in [(19, 0), (20, 1), (39, 1), (40, 2)] {
        let bench = Bench::with(|builder| builder.run_timeout(Duration::from_secs(seconds)));
        let mut run = bench.run(|_| std::future::pending());
        run.waits();
        for _ in 1..seconds {
            bench.pass(1);
            run.waits();
        }
        bench.pass(1);
        assert_eq!(refusal(&run.now()), Refusal::RunTooLong);
        let counts = bench.receiver.counts();
        assert_eq!(
            (counts.extended, counts.extensions_failed),
            (extended, 0),
            "{seconds}"
        );
    }
}

#[test]
fn a_lease_that_is_lost_is_asked_for_once_more_and_never_again() {
    let bench = Bench::new();
    let switch = Arc::new(AtomicU32::new(0));
    let mut run = bench.run(until(&switch));
    run.waits();
    // Nobody looks at the run for a whole lease, and meanwhile another attempt does the work.
    bench.pass(60);
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
    for _ in 0..10 {
        run.waits();
        assert_eq!(bench.receiver.counts().extensions_failed, 1);
        bench.pass(1);
    }
    switch.store(1, Ordering::Relaxed);
    assert_eq!(refusal(&run.now()), Refusal::LeaseLost);
    assert_eq!(bench.receiver.counts().lost, 1);
}

#[test]
fn what_is_given_back_too_late_is_counted_as_lost() {
    let bench = Bench::new();
    is_response(&bench.run(fails).now(), "failed", &OutcomeKind::Released, 1);
    assert_eq!(bench.receiver.counts().lost, 0);
    let switch = Arc::new(AtomicU32::new(0));
    let work = until(&switch);
    let mut run = bench.run(|lease| async move {
        work(lease).await;
        fails(None).await
    });
    run.waits();
    bench.pass(60);
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 3);
    switch.store(1, Ordering::Relaxed);
    is_response(&run.now(), "failed", &OutcomeKind::Released, 2);
    let counts = bench.receiver.counts();
    assert_eq!((counts.lost, counts.released), (1, 2));
}

#[test]
fn a_place_that_was_taken_before_draining_is_good() {
    let bench = Bench::new();
    let clock: Arc<dyn Clock> = Arc::new(bench.clock.clone());
    let slot = bench.receiver.reserve().unwrap();
    let mut draining = drain(&bench.receiver, 5);
    draining.waits();
    let run = bench.receiver.run(slot, bench.delivery(), &clock, ok);
    let ran = Stepped(Box::pin(run) as Pin<Box<dyn Future<Output = _> + Send>>).now();
    is_response(&ran, "done", &OutcomeKind::Done, 1);
    draining.waits();
    drop(ran);
    assert_eq!(draining.now(), Ok(()));
}

/// Before the first run there is no clock to wait on, unless one was set.
#[test]
fn draining_without_a_clock_says_at_once_what_there_is() {
    let receiver = Receiver::builder(STRIPE, Secret::new(SECRET).unwrap())
        .store(MemoryStore::single_process(10))
        .build()
        .unwrap();
    let slots = [receiver.reserve().unwrap(), receiver.reserve().unwrap()];
    assert_eq!(drain(&receiver, 5).now(), Err(StillRunning { runs: 2 }));
    drop(slots);
    assert_eq!(drain(&receiver, 5).now(), Ok(()));
    assert_eq!(receiver.reserve().unwrap_err(), Refusal::ShuttingDown);
}
