//! Quotas: the arithmetic of one bucket, and the memory store of many.
//!
//! Input: `PERIOD COUNT BURST CAPACITY`, a line end, then one step a line: `spend KEY`, `out KEY`: spend, and wait for it if need be, `wait NANOS`,
//! `intervals NUMBER LESS`: so many intervals, less so much, `back NANOS`, `to MOMENT`.
//! Property: a bucket lets one go exactly when a log of all that went allows it in every span of time, and says to the nanosecond when it would,
//! at any `i64`. The store never lets more go of any key, and exactly as much while there is room for all and its clock does not go back; after
//! the time that it says, one goes.

#![no_main]

use std::collections::BTreeMap;
use std::num::NonZero;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use countersign::{
    Bucket, MemoryQuotas, OverQuota, Quota, QuotaKey, QuotaStore, Spend, SpendReply,
};
use countersign_fuzz::clock::Hand;
use countersign_fuzz::naive::quota::Log;
use countersign_fuzz::text::{choose, first_line, number, words};
use libfuzzer_sys::fuzz_target;

const MAX_STEPS: usize = 128;
const MAX_CAPACITY: u64 = 5;
const MONTH: u64 = 30 * 24 * 3_600 * 1_000_000_000;

#[derive(Clone, Copy)]
enum Verb {
    Spend,
    Out,
    Wait,
    Intervals,
    Back,
    To,
}

const VERBS: [(&str, Verb); 6] = [
    ("spend", Verb::Spend),
    ("out", Verb::Out),
    ("wait", Verb::Wait),
    ("intervals", Verb::Intervals),
    ("back", Verb::Back),
    ("to", Verb::To),
];

fuzz_target!(|input: &[u8]| {
    let (line, mut steps) = first_line(input);
    let mut line = words(line).map(|word| number(Some(word)).unsigned_abs());
    let mut next = || line.next().unwrap_or_default();
    let (period, count, burst) = (next(), next(), next());
    let capacity = usize::try_from(next() % (MAX_CAPACITY + 1)).expect("a small number");
    let Some(quota) = quota(period, count, burst) else {
        return;
    };
    let mut pair = Pair::new(quota, u32::try_from(burst).unwrap_or(1), capacity);
    for _ in 0..MAX_STEPS {
        let (line, rest) = first_line(steps);
        if steps.is_empty() {
            break;
        }
        pair.step(line);
        steps = rest;
    }
});

/// Those that can be, and none that cannot.
fn quota(period: u64, count: u64, burst: u64) -> Option<Quota> {
    let count = NonZero::new(u32::try_from(count).ok()?)?;
    let burst = NonZero::new(u32::try_from(burst).ok()?)?;
    let made = Quota::per(count, Duration::from_nanos(period));
    assert_eq!(made.is_ok(), (1..=MONTH).contains(&period));
    let made = made.ok()?;
    let interval = period.div_ceil(count.get().into());
    assert_eq!(made.interval(), Duration::from_nanos(interval));

    // What was rounded up does not count against it.
    let least = u128::from(interval - 1) * u128::from(burst.get());
    let made = made.burst(burst);
    assert_eq!(made.is_ok(), least < u128::from(MONTH));
    made.ok()
}

/// Buckets and a store, each beside a log of its own for every key.
struct Pair {
    quota: Quota,
    burst: u32,
    now: i64,
    buckets: BTreeMap<u8, (Bucket, Log)>,
    clock: Hand,
    store: MemoryQuotas,
    logs: BTreeMap<u8, Log>,
    capacity: usize,
    has_gone_back: bool,
    /// The last moment at which the store was asked.
    latest: i128,
}

impl Pair {
    fn new(quota: Quota, burst: u32, capacity: usize) -> Self {
        let clock = Hand::default();
        Self {
            quota,
            burst,
            now: 0,
            buckets: BTreeMap::new(),
            store: MemoryQuotas::single_process_on(capacity, clock.clone()),
            clock,
            logs: BTreeMap::new(),
            capacity,
            has_gone_back: false,
            latest: 0,
        }
    }

    fn step(&mut self, line: &[u8]) {
        let mut line = words(line);
        let verb = *choose(&VERBS, line.next());
        let first = number(line.next());
        match verb {
            Verb::Spend => self.spend(key(first)),
            Verb::Out => self.out(key(first)),
            Verb::Wait => self.go_to(self.now.saturating_add(first.saturating_abs())),
            Verb::Intervals => {
                let interval = i64::try_from(self.quota.interval().as_nanos()).expect("a month");
                let less = number(line.next()).saturating_abs();
                let by = interval.saturating_mul(first.saturating_abs());
                self.go_to(self.now.saturating_add(by.saturating_sub(less)));
            }
            Verb::Back => self.go_to(self.now.saturating_sub(first.saturating_abs())),
            Verb::To => self.go_to(first),
        }
    }

    fn go_to(&mut self, moment: i64) {
        self.has_gone_back |= moment < self.now;
        self.now = moment;
        self.clock
            .set(Duration::from_nanos(moment.max(0).unsigned_abs()));
    }

    fn log(&self) -> Log {
        Log::new(self.quota.interval().as_nanos(), self.burst)
    }

    fn spend(&mut self, key: u8) {
        self.spend_of_bucket(key);
        self.spend_of_store(key);
    }

    fn spend_of_bucket(&mut self, key: u8) {
        let (quota, now) = (self.quota, i128::from(self.now));
        let new = (Bucket::full(), self.log());
        let (bucket, log) = self.buckets.entry(key).or_insert(new);
        let before = *bucket;
        let wait = bucket.wait(&quota, self.now);
        let spent = bucket.spend(&quota, self.now);
        assert_eq!(
            spent.err(),
            wait.map(|retry_after| OverQuota { retry_after })
        );
        match wait {
            None => {
                assert!(log.goes(log.not_before(now)));
                log.note(now);
                assert!(!bucket.is_recovered(self.now));
            }
            Some(wait) => {
                assert_eq!(*bucket, before);
                check_wait(log, now, wait);
            }
        }
    }

    fn spend_of_store(&mut self, key: u8) -> Option<Duration> {
        let now = i128::from(self.now.max(0));
        let new = self.log();
        self.logs.entry(key).or_insert(new);
        let reply = ask(&self.store, key, self.quota);
        self.latest = self.latest.max(now);
        let is_exact = self.logs.len() <= self.capacity && !self.has_gone_back;
        let log = self.logs.get_mut(&key).expect("it was put in");
        match reply {
            SpendReply::Go => {
                // A clock that has gone back stands where it was, as far as anybody saw.
                let moment = log.earliest(now);
                assert!(moment <= self.latest, "more than its quota");
                assert!(moment <= now || self.has_gone_back);
                assert!(log.goes(moment));
                log.note(moment);
                None
            }
            SpendReply::Wait(wait) => {
                if is_exact {
                    check_wait(log, now, wait);
                }
                assert!(!wait.is_zero());
                Some(wait)
            }
        }
    }

    /// Nobody else spends meanwhile.
    fn out(&mut self, key: u8) {
        let Some(wait) = self.spend_of_store(key) else {
            return;
        };
        let goes = u128::try_from(self.now.max(0)).expect("it is not below") + wait.as_nanos();
        let Ok(goes) = i64::try_from(goes) else {
            return;
        };
        self.go_to(goes - 1);
        assert_eq!(self.spend_of_store(key), Some(Duration::from_nanos(1)));
        self.go_to(goes);
        assert_eq!(self.spend_of_store(key), None);
    }
}

/// At that moment one goes, and not a nanosecond sooner.
fn check_wait(log: &Log, now: i128, wait: Duration) {
    let goes = now + i128::try_from(wait.as_nanos()).expect("far from the end");
    assert!(!log.goes(log.not_before(now)), "it would go now");
    assert!(!log.goes(goes - 1), "it would go sooner than in {wait:?}");
    assert!(log.goes(goes), "it does not go after {wait:?}");
}

fn key(number: i64) -> u8 {
    u8::try_from(number.unsigned_abs() % 8).expect("below 8")
}

/// A memory store waits for nothing.
fn ask(store: &MemoryQuotas, key: u8, quota: Quota) -> SpendReply {
    let spend = Spend {
        key: QuotaKey::from_bytes([key; 32]),
        quota,
    };
    match pin!(store.spend(spend)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(reply) => reply.expect("a reply"),
        Poll::Pending => panic!("a memory store replies at once"),
    }
}
