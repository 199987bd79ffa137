//! The suite that every store of quotas must pass: the contract of [`QuotaStore`], as tests for those who write one.
//!
//! Say how a store is made and how its clock is moved, and ask:
//!
//! ```
//! use std::time::Duration;
//! use countersign_testkit::countersign::MemoryQuotas;
//! use countersign_testkit::quota_suite::{QuotasUnderTest, conforms};
//! use countersign_testkit::ManualClock;
//!
//! struct Memory(ManualClock);
//!
//! impl QuotasUnderTest for Memory {
//!     type Store = MemoryQuotas;
//!
//!     async fn store(&self) -> MemoryQuotas {
//!         MemoryQuotas::single_process_on(100, self.0.clone())
//!     }
//!
//!     async fn advance(&self, by: Duration) {
//!         self.0.advance(by);
//!     }
//!
//!     fn capacity(&self) -> Option<usize> {
//!         Some(100)
//!     }
//! }
//!
//! let report = conforms(&Memory(ManualClock::at_secs(1_700_000_000)));
//! report.assert();
//! assert!(report.cases().len() > 30);
//! ```
//!
//! # What it tries
//! | cases | what must hold |
//! |---|---|
//! | `burst` | so many go at once, and not one more |
//! | `interval` | one comes back after each, not before; what is there of the next one is not lost |
//! | `rest` | nothing is saved up beyond the burst |
//! | `wait` | it is exact, and whoever is told to wait and asks all the same loses nothing by it |
//! | `key` | keys that differ in one bit are different, and no key is charged for another |
//! | `quota` | another quota finds what was spent, and is no refill |
//! | `long` | the longest and the largest quotas are counted to their end |
//! | `room` | a full store forgets nothing that has not recovered, lets nobody have more, and has room again for what has |
//! | `race` | totals of many threads are exact |
//! | `cancelled` | futures that are dropped half-way have had their effect or have none |
//! | `history` | pseudo-random histories, the same in each run, agree with the contract's table |
//!
//! A call that never completes hangs the suite.
//!
//! # What it cannot try
//! Whether two processes that share a store are as exact as two threads: give the suite a [`QuotasUnderTest`] whose stores have connections of
//! their own.

mod bench;
mod bursts;
mod cancelled;
mod histories;
mod keys;
mod races;
mod room;

use std::time::Duration;

use countersign::QuotaStore;

use self::bench::{Bench, Case};
use crate::store_suite::{Report, block_on, try_case};

/// A kind of store: how one is made, and how time passes for it.
pub trait QuotasUnderTest: Sync {
    /// What is tested.
    type Store: QuotaStore;

    /// An empty store on the clock that [`advance`](Self::advance) moves, with room for 300 keys at least where it is not told how many there are
    /// (see [`capacity`](Self::capacity)), and for 16 at least where it is. Each case asks for one of its own; a name of its own within one database does.
    fn store(&self) -> impl Future<Output = Self::Store>;

    /// Lets so much time pass on the stores' clock. It is moved from one thread at a time, and never during another call.
    fn advance(&self, by: Duration) -> impl Future<Output = ()>;

    /// How many keys an empty store has room for. The suite fills one. `None` where that cannot be said, or is too many to try: then it is not
    /// tried what happens when a store is full.
    fn capacity(&self) -> Option<usize>;

    /// The smallest step of the stores' clock: a millisecond, unless it is said otherwise. All durations in the suite are multiples of it.
    fn tick(&self) -> Duration {
        Duration::from_millis(1)
    }

    /// How far the stores' clock may run on by itself while a case runs: not at all, unless it is said otherwise.
    ///
    /// For clocks that cannot be held. The suite then counts in steps that are longer than this, and allows waits to be shorter by it.
    fn drift(&self) -> Duration {
        Duration::ZERO
    }

    /// How many pseudo-random histories to try, each of 60 steps: 256, unless it is said otherwise.
    fn histories(&self) -> u32 {
        256
    }

    /// Waits for a future on this thread. Stores that need a runtime give it theirs here; it is called from several threads at once, and
    /// never within itself.
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        block_on::block_on(future)
    }
}

/// Runs every case. It blocks: call it from a test that is not async.
pub fn conforms<U: QuotasUnderTest>(under_test: &U) -> Report {
    conforms_where(under_test, |_| true)
}

/// Runs the cases whose names are `wanted`.
pub fn conforms_where<U: QuotasUnderTest>(under_test: &U, wanted: impl Fn(&str) -> bool) -> Report {
    let cases = all::<U>(under_test).into_iter();
    let cases = cases.filter(|case| wanted(case.name));
    cases
        .map(|case| try_case(case.name.to_owned(), || (case.run)(&Bench::new(under_test))))
        .collect()
}

fn all<U: QuotasUnderTest>(under_test: &U) -> Vec<Case<U>> {
    let mut cases = bursts::cases();
    cases.extend(keys::cases());
    if let Some(capacity) = under_test.capacity() {
        cases.extend(room::cases(capacity));
    }
    cases.extend(races::cases());
    cases.extend(cancelled::cases());
    cases.extend(histories::cases());
    cases
}
