//! Stores that keep the contract.

use std::sync::Arc;
use std::time::Duration;

use countersign_testkit::ManualClock;
use countersign_testkit::countersign::{MemoryQuotas, QuotaStore, Spend, SpendReply, Unavailable};
use countersign_testkit::quota_suite::{QuotasUnderTest, conforms, conforms_where};
use countersign_testkit::store_suite::Report;
use tokio::runtime::{Builder, Runtime};

const CASES: usize = 39;
/// Of these, those that need to know how much a store holds.
const CASES_OF_ROOM: usize = 6;

/// A kind of store that is made of a memory store.
struct Made<F> {
    clock: ManualClock,
    make: F,
    capacity: usize,
    tells_capacity: bool,
    tick: Duration,
    drift: Duration,
}

impl<F> Made<F> {
    fn with(make: F) -> Self {
        Self {
            clock: ManualClock::at_secs(1_700_000_000),
            make,
            capacity: 100,
            tells_capacity: true,
            tick: Duration::from_millis(1),
            drift: Duration::ZERO,
        }
    }
}

impl<S: QuotaStore, F: Fn(MemoryQuotas) -> S + Sync> QuotasUnderTest for Made<F> {
    type Store = S;

    async fn store(&self) -> S {
        let store = MemoryQuotas::single_process_on(self.capacity, self.clock.clone());
        (self.make)(store)
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn capacity(&self) -> Option<usize> {
        self.tells_capacity.then_some(self.capacity)
    }

    fn tick(&self) -> Duration {
        self.tick
    }

    fn drift(&self) -> Duration {
        self.drift
    }
}

/// The same on a runtime.
struct OnRuntime<F>(Made<F>, Runtime);

impl<S: QuotaStore, F: Fn(MemoryQuotas) -> S + Sync> QuotasUnderTest for OnRuntime<F> {
    type Store = S;

    async fn store(&self) -> S {
        self.0.store().await
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by).await;
    }

    fn capacity(&self) -> Option<usize> {
        self.0.capacity()
    }

    fn block_on<T: Future>(&self, future: T) -> T::Output {
        self.1.block_on(future)
    }
}

#[track_caller]
fn passes(report: &Report) {
    report.assert();
    assert_eq!(report.cases().len(), CASES);
}

#[test]
fn the_memory_store_conforms() {
    let report = conforms(&Made::with(|store| store));
    passes(&report);

    let mut names: Vec<&str> = report.cases().iter().map(|case| &*case.name).collect();
    assert!(names.iter().all(|name| name.contains('/')));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CASES, "names are distinct");
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

/// What it allows to a clock that runs, it allows to one that stands.
#[test]
fn a_store_on_a_clock_that_runs_by_itself_conforms() {
    let mut made = Made::with(|store| store);
    made.drift = Duration::from_millis(50);
    passes(&conforms(&made));
}

#[test]
fn small_stores_conform() {
    for capacity in [16, 17, 64] {
        let mut made = Made::with(|store| store);
        made.capacity = capacity;
        passes(&conforms(&made));
    }
}

#[test]
fn a_store_that_does_not_tell_its_capacity_is_not_filled() {
    let mut made = Made::with(|store| store);
    made.tells_capacity = false;
    made.capacity = 300;
    let report = conforms(&made);
    report.assert();
    assert_eq!(report.cases().len(), CASES - CASES_OF_ROOM);
}

#[test]
#[should_panic = "no case was tried"]
fn a_report_without_cases_passes_nothing() {
    conforms_where(&Made::with(|store| store), |name| {
        name == "brust/one at once"
    })
    .assert();
}

/// A store at the other end of something: each call is a task of a runtime, goes on when its caller is gone, and takes a few polls.
struct Remote(Arc<MemoryQuotas>);

impl QuotaStore for Remote {
    async fn spend(&self, spend: Spend) -> Result<SpendReply, Unavailable> {
        tokio::task::yield_now().await;
        let store = Arc::clone(&self.0);
        let reply = tokio::spawn(async move { store.spend(spend).await }).await;
        tokio::task::yield_now().await;
        reply.map_err(Unavailable::new)?
    }
}

#[test]
fn a_store_on_a_runtime_conforms() {
    let made = Made::with(|store| Remote(Arc::new(store)));
    // One worker: calls arrive in the order in which they were sent, also those whose callers are gone.
    let runtime = Builder::new_multi_thread().worker_threads(1).build();
    passes(&conforms(&OnRuntime(made, runtime.unwrap())));
}
