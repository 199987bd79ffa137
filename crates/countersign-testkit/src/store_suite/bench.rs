//! One case at work: a store of its own, its clock, and a log of what was asked and answered.

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::time::Duration;

use countersign::{ClaimReply, ForgetReply, IdempotencyKey, LeaseToken};

use super::StoreUnderTest;
use super::script::{Script, Step, told, told_call};
use crate::store_model::{StoreCall, StoreReply};

pub(super) type Verdict = Result<(), String>;

pub(super) struct Case<U: StoreUnderTest> {
    pub(super) name: String,
    pub(super) run: Box<Run<U>>,
}

type Run<U> = dyn Fn(&Bench<'_, U>) -> Verdict;

impl<U: StoreUnderTest> Case<U> {
    pub(super) fn new(
        name: impl Into<String>,
        run: impl Fn(&Bench<'_, U>) -> Verdict + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            run: Box::new(run),
        }
    }

    /// A case that is one script, over a single key to begin with.
    pub(super) fn scripted(name: &str, write: impl Fn(Script) -> Script + 'static) -> Self {
        Self::new(name, move |bench| bench.run(write(bench.script())))
    }
}

pub(super) struct Bench<'u, U: StoreUnderTest> {
    under_test: &'u U,
    store: U::Store,
    unit: Duration,
    now: Cell<Duration>,
    keys: Cell<u32>,
    log: RefCell<String>,
}

impl<'u, U: StoreUnderTest> Bench<'u, U> {
    pub(super) fn new(under_test: &'u U) -> Self {
        Self {
            under_test,
            store: under_test.block_on(under_test.store()),
            unit: unit(under_test),
            now: Cell::new(Duration::ZERO),
            keys: Cell::new(0),
            log: RefCell::default(),
        }
    }

    pub(super) fn store(&self) -> &U::Store {
        &self.store
    }

    pub(super) fn under_test(&self) -> &'u U {
        self.under_test
    }

    /// A script over a key that was not used before. What other keys went through is of no interest from here on.
    pub(super) fn script(&self) -> Script {
        self.log.borrow_mut().clear();
        let number = self.keys.get();
        self.keys.set(number.saturating_add(1));
        Script::new(number, self.unit)
    }

    pub(super) fn run(&self, script: Script) -> Verdict {
        script.steps.into_iter().try_for_each(|step| match step {
            Step::Wait(units) => {
                self.wait(self.unit.saturating_mul(units));
                Ok(())
            }
            Step::Ask(call, expected) => self.expect(call, &expected),
        })
    }

    pub(super) fn wait(&self, by: Duration) {
        self.under_test.block_on(self.under_test.advance(by));
        self.now.set(self.now.get().saturating_add(by));
    }

    pub(super) fn ask(&self, call: StoreCall) -> Result<StoreReply, String> {
        let asked = told_call(&call);
        let now = self.now.get();
        let mut log = self.log.borrow_mut();
        let _ = write!(log, "\n  {now:?}: {asked}");
        match self.under_test.block_on(call.ask(&self.store)) {
            Ok(reply) => {
                let _ = write!(log, " gives {}", told(&reply));
                Ok(reply)
            }
            Err(unavailable) => {
                let source = std::error::Error::source(&unavailable);
                let source = source.map(|source| format!(": {source}"));
                let source = source.unwrap_or_default();
                Err(format!(
                    "{asked} fails: {unavailable}{source}\n  after{log}"
                ))
            }
        }
    }

    pub(super) fn expect(&self, call: StoreCall, expected: &StoreReply) -> Verdict {
        let asked = told_call(&call);
        let reply = self.ask(call)?;
        if self.is_like(&reply, expected) {
            return Ok(());
        }
        Err(format!(
            "{asked} gives {}, and not {}\n  after{}",
            told(&reply),
            told(expected),
            self.log.borrow()
        ))
    }

    /// For the log: a call of which no reply is known.
    pub(super) fn note(&self, call: &StoreCall, polls: u32) {
        let now = self.now.get();
        let _ = write!(
            self.log.borrow_mut(),
            "\n  {now:?}: {}, dropped after {polls} polls",
            told_call(call)
        );
    }

    pub(super) fn is_like(&self, reply: &StoreReply, expected: &StoreReply) -> bool {
        is_like(reply, expected, self.under_test.drift())
    }

    pub(super) fn differs(&self, reply: &StoreReply, either: &[StoreReply; 2]) -> String {
        let [one, other] = either.each_ref().map(told);
        format!(
            "{}, and neither {one} nor {other}\n  after{}",
            told(reply),
            self.log.borrow()
        )
    }

    /// What a case says that has counted something itself.
    pub(super) fn same<T: PartialEq + std::fmt::Debug>(
        &self,
        what: &str,
        found: &T,
        expected: &T,
    ) -> Verdict {
        if found == expected {
            return Ok(());
        }
        Err(format!(
            "{what}: {found:?}, and not {expected:?}\n  after{}",
            self.log.borrow()
        ))
    }
}

/// The suite's unit of time: "one less" must be less than what the clock runs by itself.
pub(super) fn unit<U: StoreUnderTest>(under_test: &U) -> Duration {
    let drift = under_test.drift();
    let tick = under_test.tick();
    match drift.is_zero() {
        true => tick,
        false => drift.saturating_add(tick),
    }
}

/// Equal, but for what the clock ran by itself.
pub(super) fn is_like(reply: &StoreReply, expected: &StoreReply, drift: Duration) -> bool {
    match (remaining(reply), remaining(expected)) {
        (Some(left), Some(due)) => {
            let same_kind = std::mem::discriminant(reply) == std::mem::discriminant(expected);
            same_kind && left <= due && due.saturating_sub(left) <= drift
        }
        _ => reply == expected,
    }
}

fn remaining(reply: &StoreReply) -> Option<Duration> {
    match reply {
        StoreReply::Claim(ClaimReply::Busy { remaining })
        | StoreReply::Forget(ForgetReply::InFlight { remaining }) => Some(*remaining),
        _ => None,
    }
}

/// The key of this number. All its bytes vary; the last four tell the number.
pub(super) fn key(number: u32) -> IdempotencyKey {
    let mut bytes = [0; 32];
    fill(&mut bytes, u64::from(number), number);
    IdempotencyKey::from_bytes(bytes)
}

/// The token of this letter for the key of this number.
pub(super) fn token(number: u32, letter: u32) -> LeaseToken {
    let mut bytes = [0; 16];
    let seed = u64::from(number) << 32 | u64::from(letter);
    fill(&mut bytes, !seed, letter);
    LeaseToken::from_bytes(bytes)
}

pub(crate) fn fill(bytes: &mut [u8], seed: u64, number: u32) {
    let mut random = Random::new(seed);
    for chunk in bytes.chunks_mut(8) {
        let drawn = random.draw().to_le_bytes();
        chunk
            .iter_mut()
            .zip(drawn)
            .for_each(|(to, from)| *to = from);
    }
    let ending = bytes.iter_mut().rev().zip(number.to_le_bytes());
    ending.for_each(|(to, from)| *to = from);
}

/// A small generator of numbers that look random and are the same in every run: `SplitMix64`.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, or zero.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let drawn = self.draw().checked_rem(u64::from(bound));
        drawn
            .and_then(|drawn| u32::try_from(drawn).ok())
            .unwrap_or(0)
    }
}
