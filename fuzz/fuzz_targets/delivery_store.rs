//! Histories of a store of deliveries.
//!
//! Input: `CAPACITY`, a line end, then one step a line: `claim KEY TOKEN LEASE RETENTION`, `settle KEY TOKEN STATUS RETENTION`,
//! `release KEY TOKEN RETENTION`, `extend KEY TOKEN LEASE`, `forget KEY`, `wait TIME`, `end NUMBER LESS`: until the next end of a lease or a
//! retention but so many, less so much. Times are nanoseconds.
//! Property: the memory store answers each call as a journal does that is read from its beginning every time, never holds more than its
//! capacity, and a call that is dropped unasked changes nothing.

#![no_main]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use countersign::{
    Claim, ClaimReply, Clock, DeliveryStore, Done, Extend, ExtendReply, Fingerprint, ForgetReply,
    IdempotencyKey, LeaseToken, MemoryStore, RecordedAnswer, Release, ReleaseReply, Settle,
    SettleReply, Unavailable,
};
use countersign_fuzz::clock::Hand;
use countersign_fuzz::naive::journal::{Claimed, Ended, Forgotten, Journal, Nanos, Words};
use countersign_fuzz::text::{choose, first_line, number, words};
use libfuzzer_sys::fuzz_target;

const MAX_CAPACITY: u64 = 12;
const MAX_STEPS: usize = 128;
/// A week: then all the steps together are far from what any clock counts.
const MAX_TIME: u64 = 7 * 24 * 3_600 * 1_000_000_000;

#[derive(Clone, Copy)]
enum Verb {
    Claim,
    Settle,
    Release,
    Extend,
    Forget,
    Wait,
    End,
}

const VERBS: [(&str, Verb); 7] = [
    ("claim", Verb::Claim),
    ("settle", Verb::Settle),
    ("release", Verb::Release),
    ("extend", Verb::Extend),
    ("forget", Verb::Forget),
    ("wait", Verb::Wait),
    ("end", Verb::End),
];

fuzz_target!(|input: &[u8]| {
    let (line, mut steps) = first_line(input);
    let capacity = number(words(line).next()).unsigned_abs() % (MAX_CAPACITY + 1);
    let capacity = usize::try_from(capacity).expect("a small number");
    let clock = Hand::default();
    let mut pair = Pair {
        store: MemoryStore::single_process_on(capacity, clock.clone()),
        journal: Journal::new(capacity),
        clock,
    };
    for _ in 0..MAX_STEPS {
        let (line, rest) = first_line(steps);
        if steps.is_empty() {
            break;
        }
        pair.step(line);
        let records = pair.store.stats().records;
        assert!(records <= capacity, "{records} records of {capacity}");
        steps = rest;
    }
});

/// The store, its twin, and the clock of both.
struct Pair {
    store: MemoryStore,
    journal: Journal,
    clock: Hand,
}

impl Pair {
    fn step(&mut self, line: &[u8]) {
        let mut line = words(line);
        let verb = *choose(&VERBS, line.next());
        let mut next = || number(line.next()).unsigned_abs();
        match verb {
            Verb::Claim => {
                let (key, token, lease, kept) = (byte(next()), byte(next()), next(), next());
                self.claim(key, token, time(lease), time(kept));
            }
            Verb::Settle => {
                let (key, token, status, kept) = (byte(next()), byte(next()), next(), next());
                let status = Words::try_from(status).unwrap_or(200);
                self.settle(key, token, status, time(kept));
            }
            Verb::Release => self.release(byte(next()), byte(next()), time(next())),
            Verb::Extend => self.extend(byte(next()), byte(next()), time(next())),
            Verb::Forget => self.forget(byte(next())),
            Verb::Wait => self.clock.advance(time(next())),
            Verb::End => {
                let ahead = self.journal.ahead(self.now());
                let which = usize::try_from(next()).unwrap_or_default();
                let Some(end) = which.checked_rem(ahead.len()).map(|at| ahead[at]) else {
                    return;
                };
                let by = (end - self.now()).saturating_sub(next().into());
                self.clock.advance(duration(by));
            }
        }
    }

    fn now(&self) -> Nanos {
        self.clock.monotonic().as_nanos()
    }

    fn claim(&mut self, number: u8, who: u8, lease: Duration, retention: Duration) {
        let claim = Claim {
            key: key(number),
            token: token(who),
            lease,
            retention,
        };
        drop(self.store.claim(claim));
        let expected = self.journal.claim(
            self.now(),
            number,
            who,
            lease.as_nanos(),
            retention.as_nanos(),
        );
        let expected = match expected {
            Claimed::Yes(attempt) => ClaimReply::Claimed { attempt },
            Claimed::Busy(left) => ClaimReply::Busy {
                remaining: duration(left),
            },
            Claimed::Done(words, attempt) => ClaimReply::Duplicate {
                done: done(words),
                attempt,
            },
            Claimed::Full => ClaimReply::Full,
            Claimed::Lost => ClaimReply::Lost,
        };
        assert_eq!(reply(self.store.claim(claim)), expected);
    }

    fn settle(&mut self, number: u8, who: u8, status: Words, retention: Duration) {
        let settle = Settle {
            key: key(number),
            token: token(who),
            done: done(status),
            retention,
        };
        drop(self.store.settle(settle.clone()));
        let kept = retention.as_nanos();
        let expected = match self.journal.settle(self.now(), number, who, status, kept) {
            Ended::Yes => SettleReply::Settled,
            Ended::Settled => SettleReply::AlreadySettled,
            Ended::Released => SettleReply::AlreadyReleased,
            Ended::Lost => SettleReply::Lost,
        };
        assert_eq!(reply(self.store.settle(settle)), expected);
    }

    fn release(&mut self, number: u8, who: u8, retention: Duration) {
        let release = Release {
            key: key(number),
            token: token(who),
            retention,
        };
        drop(self.store.release(release));
        let kept = retention.as_nanos();
        let expected = match self.journal.release(self.now(), number, who, kept) {
            Ended::Yes => ReleaseReply::Released,
            Ended::Settled => ReleaseReply::AlreadySettled,
            Ended::Released => ReleaseReply::AlreadyReleased,
            Ended::Lost => ReleaseReply::Lost,
        };
        assert_eq!(reply(self.store.release(release)), expected);
    }

    fn extend(&mut self, number: u8, who: u8, lease: Duration) {
        let extend = Extend {
            key: key(number),
            token: token(who),
            lease,
        };
        drop(self.store.extend(extend));
        let granted = self
            .journal
            .extend(self.now(), number, who, lease.as_nanos());
        let expected = match granted {
            true => ExtendReply::Extended,
            false => ExtendReply::Lost,
        };
        assert_eq!(reply(self.store.extend(extend)), expected);
    }

    fn forget(&mut self, number: u8) {
        drop(self.store.forget(key(number)));
        let expected = match self.journal.forget(self.now(), number) {
            Forgotten::Yes => ForgetReply::Forgotten,
            Forgotten::Unknown => ForgetReply::Unknown,
            Forgotten::Busy(left) => ForgetReply::InFlight {
                remaining: duration(left),
            },
        };
        assert_eq!(reply(self.store.forget(key(number))), expected);
    }
}

/// A memory store waits for nothing.
fn reply<T>(asked: impl Future<Output = Result<T, Unavailable>>) -> T {
    match pin!(asked).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(reply) => reply.expect("a reply"),
        Poll::Pending => panic!("a memory store replies at once"),
    }
}

fn key(number: u8) -> IdempotencyKey {
    IdempotencyKey::from_bytes([number; 32])
}

fn token(number: u8) -> LeaseToken {
    LeaseToken::from_bytes([number; 16])
}

/// Everything about it follows from its status.
fn done(status: Words) -> Done {
    let mark = u64::from(status);
    let signature = (!status.is_multiple_of(5)).then(|| Fingerprint::from_u64(!mark));
    let mut done = Done::new(status, signature, Fingerprint::from_u64(mark << 40));
    done.failed = !status.is_multiple_of(2);
    if status.is_multiple_of(3) {
        let kind = status.is_multiple_of(4).then(|| format!("text/{status}"));
        let body = vec![0xFF; usize::from(status % 100)];
        done.answer = RecordedAnswer::new(kind, body).map(Arc::new);
    }
    done
}

fn byte(number: u64) -> u8 {
    u8::try_from(number % 256).expect("below 256")
}

fn time(nanos: u64) -> Duration {
    Duration::from_nanos(nanos.min(MAX_TIME))
}

fn duration(nanos: Nanos) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).expect("not longer than all steps together"))
}
