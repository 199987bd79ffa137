//! One case at work: a store of its own, its clock, and a log of what was asked and answered.

use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::fmt::Write;
use std::num::NonZeroU32;
use std::time::Duration;

use countersign::{Quota, QuotaKey, QuotaStore, Spend, SpendReply};

use super::QuotasUnderTest;
use crate::store_suite::bench::fill;

pub(super) type Verdict = Result<(), String>;

pub(super) struct Case<U: QuotasUnderTest> {
    pub(super) name: &'static str,
    pub(super) run: Box<Run<U>>,
}

type Run<U> = dyn Fn(&Bench<'_, U>) -> Verdict;

impl<U: QuotasUnderTest> Case<U> {
    pub(super) fn new(
        name: &'static str,
        run: impl Fn(&Bench<'_, U>) -> Verdict + 'static,
    ) -> Self {
        Self {
            name,
            run: Box::new(run),
        }
    }
}

pub(super) struct Bench<'u, U: QuotasUnderTest> {
    under_test: &'u U,
    store: U::Store,
    unit: Duration,
    now: Cell<Duration>,
    log: RefCell<String>,
}

impl<'u, U: QuotasUnderTest> Bench<'u, U> {
    pub(super) fn new(under_test: &'u U) -> Self {
        let (tick, drift) = (under_test.tick(), under_test.drift());
        Self {
            under_test,
            store: under_test.block_on(under_test.store()),
            // "One less" must be less than what the clock runs by itself.
            unit: match drift.is_zero() {
                true => tick,
                false => drift.saturating_add(tick),
            },
            now: Cell::new(Duration::ZERO),
            log: RefCell::default(),
        }
    }

    pub(super) fn under_test(&self) -> &'u U {
        self.under_test
    }

    pub(super) fn store(&self) -> &U::Store {
        &self.store
    }

    pub(super) fn units(&self, count: u64) -> Duration {
        let (seconds, nanos) = (self.unit.as_secs(), u64::from(self.unit.subsec_nanos()));
        let part = Duration::from_nanos(nanos.saturating_mul(count));
        Duration::from_secs(seconds.saturating_mul(count)).saturating_add(part)
    }

    /// So many at once, and one more in each `interval`, in units.
    pub(super) fn quota(&self, burst: u32, interval: u64) -> Result<Quota, String> {
        quota(burst, self.units(interval))
    }

    /// Lets so many units of time pass.
    pub(super) fn pass(&self, units: u64) {
        self.pass_for(self.units(units));
    }

    pub(super) fn pass_for(&self, by: Duration) {
        self.under_test.block_on(self.under_test.advance(by));
        self.now.set(self.now.get().saturating_add(by));
    }

    pub(super) fn go(&self, key: u32, quota: Quota) -> Verdict {
        self.expect(key, quota, SpendReply::Go)
    }

    pub(super) fn go_times(&self, times: u32, key: u32, quota: Quota) -> Verdict {
        (0..times).try_for_each(|_| self.go(key, quota))
    }

    /// It has to wait for so many units.
    pub(super) fn wait(&self, key: u32, quota: Quota, units: u64) -> Verdict {
        self.expect(key, quota, SpendReply::Wait(self.units(units)))
    }

    pub(super) fn expect(&self, number: u32, quota: Quota, expected: SpendReply) -> Verdict {
        let reply = self.ask(Spend {
            key: key(number),
            quota,
        })?;
        if self.is_like(reply, expected) {
            return Ok(());
        }
        Err(self.told(format_args!(
            "key {number} gets {reply:?}, and not {expected:?}"
        )))
    }

    pub(super) fn ask(&self, spend: Spend) -> Result<SpendReply, String> {
        let now = self.now.get();
        let reply = self.under_test.block_on(self.store.spend(spend));
        let mut log = self.log.borrow_mut();
        let _ = write!(log, "\n  {now:?}: {:.8} of {:?}", spend.key, spend.quota);
        match reply {
            Ok(reply) => {
                let _ = write!(log, " gives {reply:?}");
                Ok(reply)
            }
            Err(unavailable) => {
                let source = unavailable.source().map(|source| format!(": {source}"));
                let source = source.unwrap_or_default();
                Err(format!(
                    "a spend fails: {unavailable}{source}\n  after{log}"
                ))
            }
        }
    }

    /// Equal, but for what the clock ran by itself.
    pub(super) fn is_like(&self, reply: SpendReply, expected: SpendReply) -> bool {
        match (reply, expected) {
            (SpendReply::Wait(left), SpendReply::Wait(due)) => {
                left <= due && due.saturating_sub(left) <= self.under_test.drift()
            }
            _ => reply == expected,
        }
    }

    /// What a case says that has counted something itself.
    pub(super) fn same(&self, what: &str, found: u64, expected: u64) -> Verdict {
        if found == expected {
            return Ok(());
        }
        Err(self.told(format_args!("{what}: {found}, and not {expected}")))
    }

    /// The last calls alone: a full store has had many.
    pub(super) fn told(&self, what: std::fmt::Arguments<'_>) -> String {
        let log = self.log.borrow();
        let lines: Vec<&str> = log.lines().collect();
        let first = lines.len().saturating_sub(MOST_LINES);
        let last = lines.get(first..).unwrap_or_default().join("\n");
        format!("{what}\n  after{last}")
    }
}

const MOST_LINES: usize = 60;

pub(super) fn quota(burst: u32, interval: Duration) -> Result<Quota, String> {
    let quota = Quota::per(NonZeroU32::MIN, interval);
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    let quota = quota.and_then(|quota| quota.burst(burst));
    quota.map_err(|error| format!("the suite's own quota: {error}"))
}

/// The key of this number. All its bytes vary; the last four tell the number.
pub(super) fn key(number: u32) -> QuotaKey {
    let mut bytes = [0; 32];
    fill(&mut bytes, u64::from(number), number);
    QuotaKey::from_bytes(bytes)
}
