//! Stores that keep the contract.

use std::sync::Arc;
use std::time::Duration;

use countersign_testkit::ManualClock;
use countersign_testkit::countersign::{
    Claim, ClaimReply, DeliveryStore, DynStore, Extend, ExtendReply, ForgetReply, IdempotencyKey,
    MemoryStore, Release, ReleaseReply, Settle, SettleReply, Unavailable,
};
use countersign_testkit::store_suite::{Report, StoreUnderTest, conforms, conforms_where};
use tokio::runtime::{Builder, Runtime};

const CASES: usize = 132;
/// Of these, those that need to know how much a store holds.
const CASES_OF_ROOM: usize = 11;

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
            capacity: 150,
            tells_capacity: true,
            tick: Duration::from_millis(1),
            drift: Duration::ZERO,
        }
    }
}

impl<S: DeliveryStore, F: Fn(MemoryStore) -> S + Sync> StoreUnderTest for Made<F> {
    type Store = S;

    async fn store(&self) -> S {
        let store = MemoryStore::single_process_on(self.capacity, self.clock.clone());
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

impl<S: DeliveryStore, F: Fn(MemoryStore) -> S + Sync> StoreUnderTest for OnRuntime<F> {
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
fn the_smallest_store_is_large_enough() {
    let mut made = Made::with(|store| store);
    made.capacity = 64;
    passes(&conforms(&made));
}

#[test]
fn a_store_that_does_not_tell_its_capacity_is_not_filled() {
    let mut made = Made::with(|store| store);
    made.tells_capacity = false;
    let report = conforms(&made);
    report.assert();
    assert_eq!(report.cases().len(), CASES - CASES_OF_ROOM);
}

#[test]
#[should_panic = "no case was tried"]
fn a_report_without_cases_passes_nothing() {
    conforms_where(&Made::with(|store| store), |name| name == "tabel/claim").assert();
}

/// A store at the other end of something: each call is a task of a runtime, goes on when its caller is gone, and takes a few polls.
struct Remote(Arc<MemoryStore>);

impl Remote {
    async fn far<T, F>(&self, call: impl FnOnce(Arc<MemoryStore>) -> F) -> Result<T, Unavailable>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Unavailable>> + Send + 'static,
    {
        tokio::task::yield_now().await;
        let reply = tokio::spawn(call(Arc::clone(&self.0))).await;
        tokio::task::yield_now().await;
        reply.map_err(Unavailable::new)?
    }
}

impl DeliveryStore for Remote {
    async fn claim(&self, claim: Claim) -> Result<ClaimReply, Unavailable> {
        self.far(move |store| async move { store.claim(claim).await })
            .await
    }

    async fn settle(&self, settle: Settle) -> Result<SettleReply, Unavailable> {
        self.far(move |store| async move { store.settle(settle).await })
            .await
    }

    async fn release(&self, release: Release) -> Result<ReleaseReply, Unavailable> {
        self.far(move |store| async move { store.release(release).await })
            .await
    }

    async fn extend(&self, extend: Extend) -> Result<ExtendReply, Unavailable> {
        self.far(move |store| async move { store.extend(extend).await })
            .await
    }

    async fn forget(&self, key: IdempotencyKey) -> Result<ForgetReply, Unavailable> {
        self.far(move |store| async move { store.forget(key).await })
            .await
    }
}

#[test]
fn a_store_on_a_runtime_conforms() {
    let made = Made::with(|store| Remote(Arc::new(store)));
    // One worker: calls arrive in the order in which they were sent, also those whose callers are gone.
    let runtime = Builder::new_multi_thread().worker_threads(1).build();
    passes(&conforms(&OnRuntime(made, runtime.unwrap())));
}
