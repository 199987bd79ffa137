//! Stores that keep the contract.

use std::sync::Arc;
use std::time::Duration;

use countersign_testkit::ManualClock;
use countersign_testkit::countersign::{DeliveryStore, DynStore, MemoryStore};
use countersign_testkit::store_suite::{Report, StoreUnderTest, conforms};

const CAPACITY: usize = 150;

/// A kind of store that is made of a memory store.
struct Made<F> {
    clock: ManualClock,
    make: F,
    tick: Duration,
    drift: Duration,
}

impl<F> Made<F> {
    fn with(make: F) -> Self {
        Self {
            clock: ManualClock::at_secs(1_700_000_000),
            make,
            tick: Duration::from_millis(1),
            drift: Duration::ZERO,
        }
    }
}

impl<S: DeliveryStore, F: Fn(MemoryStore) -> S + Sync> StoreUnderTest for Made<F> {
    type Store = S;

    async fn store(&self) -> S {
        (self.make)(MemoryStore::single_process_on(CAPACITY, self.clock.clone()))
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn capacity(&self) -> Option<usize> {
        Some(CAPACITY)
    }

    fn tick(&self) -> Duration {
        self.tick
    }

    fn drift(&self) -> Duration {
        self.drift
    }
}

#[track_caller]
fn passes(report: &Report) {
    report.assert();
    assert_eq!(report.cases().len(), 130);
}

#[test]
fn the_memory_store_conforms() {
    passes(&conforms(&Made::with(|store| store)));
}

#[test]
fn it_conforms_to_the_nanosecond() {
    let mut made = Made::with(|store| store);
    made.tick = Duration::from_nanos(1);
    passes(&conforms(&made));
}

#[test]
fn a_shared_handle_conforms() {
    passes(&conforms(&Made::with(Arc::new)));
}

#[test]
fn an_erased_handle_conforms() {
    passes(&conforms(&Made::with(DynStore::new)));
}

/// What it allows to a clock that runs, it allows to one that stands.
#[test]
fn a_store_on_a_clock_that_runs_by_itself_conforms() {
    let mut made = Made::with(|store| store);
    made.drift = Duration::from_millis(50);
    passes(&conforms(&made));
}

#[test]
fn names_are_distinct_and_tell_the_kind() {
    let report = conforms(&Made::with(|store| store));
    let mut names: Vec<&str> = report.cases().iter().map(|case| &*case.name).collect();
    let count = names.len();
    assert!(names.iter().all(|name| name.contains('/')));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
