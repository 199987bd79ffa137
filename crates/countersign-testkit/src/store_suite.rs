//! The suite that every store must pass: the contract of [`DeliveryStore`], as tests for those who write one.
//!
//! Say how a store is made and how its clock is moved, and ask:
//!
//! ```
//! use std::time::Duration;
//! use countersign_testkit::countersign::MemoryStore;
//! use countersign_testkit::store_suite::{StoreUnderTest, conforms};
//! use countersign_testkit::ManualClock;
//!
//! struct Memory(ManualClock);
//!
//! impl StoreUnderTest for Memory {
//!     type Store = MemoryStore;
//!
//!     async fn store(&self) -> MemoryStore {
//!         MemoryStore::single_process_on(100, self.0.clone())
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
//! assert!(report.cases().len() > 80);
//! ```
//!
//! # What it tries
//! | cases | what must hold |
//! |---|---|
//! | `table` | every row and column of the contract's table, the reply and the record afterwards; "nothing changes" is looked at too |
//! | `attempt` | the number grows with each lease, outlives release, lapse and forgetting, and ends with the record |
//! | `lease` | it ends at `t + d` and not before, is never shortened, and who has lost it changes nothing |
//! | `retention` | free, done and lapsed records are gone exactly when they should be |
//! | `lost reply` | every call that is repeated with its token is answered and harmless |
//! | `answer` | what was recorded is given back byte for byte |
//! | `key` | keys and tokens that differ in one bit are different |
//! | `room` | a full store refuses new keys, forgets none, and takes new ones when old ones are gone |
//! | `race` | totals of many threads are exact |
//! | `cancelled` | futures that are dropped half-way have had their effect or have none |
//! | `history` | pseudo-random histories, the same in each run, agree with the [model](crate::store_model::StoreModel) |
//!
//! A store is asked for no lease and no retention of zero; where its [tick](StoreUnderTest::tick) is a millisecond, for leases of up to a day
//! and retentions of up to 31. A call that never completes hangs the suite.
//!
//! # What it cannot try
//! Whether a store keeps what it was told when it is restarted, and whether two processes that share it are as exact as two threads:
//! give the suite a [`StoreUnderTest`] whose stores have connections of their own.

mod answers;
mod attempts;
pub(crate) mod bench;
pub(crate) mod block_on;
mod cancelled;
mod histories;
mod keys;
mod leases;
mod lost_replies;
mod races;
mod retention;
mod room;
mod script;
mod table;

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use countersign::DeliveryStore;

use self::bench::{Bench, Case};

/// A kind of store: how one is made, and how time passes for it.
pub trait StoreUnderTest: Sync {
    /// What is tested.
    type Store: DeliveryStore;

    /// An empty store on the clock that [`advance`](Self::advance) moves, with room for 64 records at least. Each case asks for one of its own;
    /// a name of its own within one database does.
    fn store(&self) -> impl Future<Output = Self::Store>;

    /// Lets so much time pass on the stores' clock. It is moved from one thread at a time, and never during another call.
    fn advance(&self, by: Duration) -> impl Future<Output = ()>;

    /// How many records an empty store has room for. The suite fills one. `None` where that cannot be said, or is too many to try: then it
    /// is not tried what happens when a store is full.
    fn capacity(&self) -> Option<usize>;

    /// The smallest step of the stores' clock: a millisecond, unless it is said otherwise. All durations in the suite are multiples of it.
    fn tick(&self) -> Duration {
        Duration::from_millis(1)
    }

    /// How far the stores' clock may run on by itself while a case runs: not at all, unless it is said otherwise.
    ///
    /// For clocks that cannot be held. The suite then counts in steps that are longer than this, and allows remaining leases to be shorter
    /// by it.
    fn drift(&self) -> Duration {
        Duration::ZERO
    }

    /// How many pseudo-random histories to try, each of 60 steps: 256, unless it is said otherwise.
    fn histories(&self) -> u32 {
        256
    }

    /// Waits for a future on this thread. Stores that need a runtime give it theirs here; it is called from several threads at once, and
    /// never within itself.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use countersign_testkit::{ManualClock, countersign::MemoryStore, store_suite::{StoreUnderTest, conforms_where}};
    /// struct Remote {
    ///     runtime: tokio::runtime::Runtime,
    ///     // ...
    /// #   clock: ManualClock,
    /// }
    ///
    /// impl StoreUnderTest for Remote {
    /// #   type Store = MemoryStore;
    /// #   async fn store(&self) -> MemoryStore { MemoryStore::single_process_on(100, self.clock.clone()) }
    /// #   async fn advance(&self, by: Duration) { self.clock.advance(by) }
    /// #   fn capacity(&self) -> Option<usize> { None }
    ///     // ...
    ///     fn block_on<F: Future>(&self, future: F) -> F::Output {
    ///         self.runtime.block_on(future)
    ///     }
    /// }
    /// # let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    /// # let clock = ManualClock::at_secs(0);
    /// # conforms_where(&Remote { runtime, clock }, |name| name.starts_with("race/")).assert();
    /// ```
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        block_on::block_on(future)
    }
}

/// What the suite found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a report says nothing until somebody reads it"]
pub struct Report {
    cases: Vec<CaseReport>,
}

/// What one case came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaseReport {
    /// Its name: the kind of case, `/`, and what must hold.
    pub name: String,
    /// What was different, with the calls that led there. `None` when all was well.
    pub difference: Option<String>,
}

impl Report {
    /// All cases, in the order in which they were tried.
    #[must_use]
    pub fn cases(&self) -> &[CaseReport] {
        &self.cases
    }

    /// Those that failed.
    pub fn failed(&self) -> impl Iterator<Item = &CaseReport> {
        self.cases.iter().filter(|case| case.difference.is_some())
    }

    /// Fails a test unless all was well.
    ///
    /// # Panics
    /// When a case failed, with all that did; and when there was no case.
    #[track_caller]
    pub fn assert(&self) {
        assert!(!self.cases.is_empty(), "no case was tried");
        assert!(self.failed().next().is_none(), "{self}");
    }
}

impl FromIterator<CaseReport> for Report {
    fn from_iter<T: IntoIterator<Item = CaseReport>>(cases: T) -> Self {
        Self {
            cases: cases.into_iter().collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.failed().count();
        write!(out, "{failed} of {} cases failed", self.cases.len())?;
        for case in self.failed() {
            let difference = case.difference.as_deref().unwrap_or_default();
            write!(out, "\n\n{}: {difference}", case.name)?;
        }
        Ok(())
    }
}

/// Runs every case. It blocks: call it from a test that is not async.
pub fn conforms<U: StoreUnderTest>(under_test: &U) -> Report {
    conforms_where(under_test, |_| true)
}

/// Runs the cases whose names are `wanted`.
pub fn conforms_where<U: StoreUnderTest>(under_test: &U, wanted: impl Fn(&str) -> bool) -> Report {
    let cases = all::<U>(under_test).into_iter();
    let cases = cases.filter(|case| wanted(&case.name));
    cases
        .map(|case| try_case(case.name, || (case.run)(&Bench::new(under_test))))
        .collect()
}

fn all<U: StoreUnderTest>(under_test: &U) -> Vec<Case<U>> {
    let mut cases = table::cases();
    cases.extend(attempts::cases());
    cases.extend(leases::cases());
    cases.extend(retention::cases());
    cases.extend(lost_replies::cases());
    cases.extend(answers::cases());
    cases.extend(keys::cases());
    if let Some(capacity) = under_test.capacity() {
        cases.extend(room::cases(capacity));
    }
    cases.extend(races::cases());
    cases.extend(cancelled::cases());
    cases.extend(histories::cases());
    cases
}

pub(crate) fn try_case(name: String, run: impl FnOnce() -> Result<(), String>) -> CaseReport {
    let difference = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(verdict) => verdict.err(),
        Err(panic) => Some(format!("the store panicked: {}", words_of(&*panic))),
    };
    CaseReport { name, difference }
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without words")
}
