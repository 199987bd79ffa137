//! The memory store and the model: whatever happens, they agree. And what the protocol is for holds.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use countersign_testkit::ManualClock;
use countersign_testkit::countersign::{
    Claim, ClaimReply, Clock, Done, Extend, ExtendReply, Fingerprint, IdempotencyKey, LeaseToken,
    MemoryStore, Release, ReleaseReply, Settle, SettleReply,
};
use countersign_testkit::store_model::{StoreCall, StoreModel, StoreReply};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, FileFailurePersistence};

fn config(cases: u32) -> Config {
    let seeds = FileFailurePersistence::Direct("proptest-regressions/memory_store.txt");
    Config {
        cases,
        failure_persistence: Some(Box::new(seeds)),
        ..Config::default()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Wait(Duration),
    /// To the next end but so many, or a nanosecond before it.
    WaitForEnd {
        skip: usize,
        just_before: bool,
    },
    Call(StoreCall),
    /// The reply was lost: the same call again.
    Again,
    /// Made, and dropped before anybody polled it.
    Dropped(StoreCall),
}

fn key(number: u8) -> IdempotencyKey {
    IdempotencyKey::from_bytes([number; 32])
}

fn token(number: u8) -> LeaseToken {
    LeaseToken::from_bytes([number; 16])
}

fn done(number: u8) -> Done {
    let mark = Fingerprint::from_u64(number.into());
    let mut done = Done::new(200 + u16::from(number), Some(mark), mark);
    done.failed = number % 2 == 1;
    done
}

/// None at all, few that fall together, and as long as a history of them fits into what 64 bits of nanoseconds count.
fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        8 => (0..6_u64).prop_map(Duration::from_secs),
        2 => (0..50_000_000_u64).prop_map(Duration::from_secs),
        1 => (0..3_u64).prop_map(Duration::from_nanos),
    ]
}

fn call() -> impl Strategy<Value = StoreCall> {
    let what = (0..7_u8, 0..5_u8, 0..4_u8, 0..4_u8);
    (what, duration(), duration()).prop_map(|((kind, number, who, words), lease, retention)| {
        let (key, token) = (key(number), token(who));
        match kind {
            0..3 => StoreCall::Claim(Claim {
                key,
                token,
                lease,
                retention,
            }),
            3 => StoreCall::Settle(Settle {
                key,
                token,
                done: done(words),
                retention,
            }),
            4 => StoreCall::Release(Release {
                key,
                token,
                retention,
            }),
            5 => StoreCall::Extend(Extend { key, token, lease }),
            _ => StoreCall::Forget(key),
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => call().prop_map(Step::Call),
        1 => call().prop_map(Step::Dropped),
        1 => Just(Step::Again),
        1 => (0..4_u64).prop_map(|secs| Step::Wait(Duration::from_secs(secs))),
        2 => (0..3_usize, any::<bool>())
            .prop_map(|(skip, just_before)| Step::WaitForEnd { skip, just_before }),
    ]
}

/// A memory store does not wait for anything.
fn ask(store: &MemoryStore, call: StoreCall) -> StoreReply {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(call.ask(store)).poll(&mut context) {
        Poll::Ready(reply) => reply.unwrap(),
        Poll::Pending => panic!("a memory store replies at once"),
    }
}

fn until_end(model: &StoreModel, now: Duration, skip: usize, just_before: bool) -> Duration {
    let ahead = model.ends().into_iter().filter(|end| *end > now);
    let until = ahead.map(|end| end - now).nth(skip).unwrap_or_default();
    until.saturating_sub(Duration::from_nanos(just_before.into()))
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn it_answers_as_the_model_does(capacity in 0..6_usize, steps in vec(step(), 0..120)) {
        let clock = ManualClock::at_secs(1_700_000_000);
        let store = MemoryStore::single_process_on(capacity, clock.clone());
        let mut model = StoreModel::new(Some(capacity));
        let mut last = None;
        for step in steps {
            let now = clock.monotonic();
            let call = match step {
                Step::Wait(by) => {
                    clock.advance(by);
                    continue;
                }
                Step::WaitForEnd { skip, just_before } => {
                    clock.advance(until_end(&model, now, skip, just_before));
                    continue;
                }
                Step::Dropped(call) => {
                    drop(call.ask(&store));
                    continue;
                }
                Step::Call(call) => Some(call),
                Step::Again => last.take(),
            };
            if let Some(call) = call {
                prop_assert_eq!(ask(&store, call.clone()), model.answer(&call, now), "{:?}", call);
                last = Some(call);
            }
        }
    }
}

const LEASE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(3_600);
const KEYS: u8 = 3;
const RECEIVERS: u8 = 4;

/// What befalls a receiver at its work on one key.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Arrives,
    Succeeds,
    Fails,
    Extends,
    /// Drops what it holds, and tells nobody.
    Dies,
    /// Reads no reply, and asks again.
    LosesAReply,
}

/// A run that believes it has a lease until `end`.
#[derive(Clone, Copy, Debug)]
struct Running {
    token: LeaseToken,
    attempt: u32,
    end: Duration,
}

/// Several receivers, and what the outside sees of them.
struct Receivers {
    store: MemoryStore,
    clock: ManualClock,
    next_token: u128,
    running: BTreeMap<(u8, u8), Running>,
    /// The last attempt of each key, and until when nobody may run it again.
    attempts: BTreeMap<u8, (u32, Duration)>,
    done_until: BTreeMap<u8, Duration>,
}

impl Receivers {
    fn new() -> Self {
        let clock = ManualClock::at_secs(1_700_000_000);
        Self {
            store: MemoryStore::single_process_on(KEYS.into(), clock.clone()),
            clock,
            next_token: 0,
            running: BTreeMap::new(),
            attempts: BTreeMap::new(),
            done_until: BTreeMap::new(),
        }
    }

    fn meet(&mut self, receiver: u8, number: u8, fate: Fate) {
        let at = (receiver, number);
        match (fate, self.running.get(&at).copied()) {
            (Fate::Arrives, None) => self.arrive(at, 1),
            (Fate::LosesAReply, None) => self.arrive(at, 2),
            (Fate::Succeeds, Some(run)) => self.succeed(at, run, 1),
            (Fate::LosesAReply, Some(run)) => self.succeed(at, run, 2),
            (Fate::Fails, Some(run)) => self.fail(at, run),
            (Fate::Extends, Some(run)) => self.extend(at, run),
            (Fate::Dies, _) => {
                self.running.remove(&at);
            }
            _ => {}
        }
    }

    fn arrive(&mut self, at: (u8, u8), times: usize) {
        let now = self.clock.monotonic();
        self.next_token += 1;
        let token = LeaseToken::from_bytes(self.next_token.to_be_bytes());
        let claim = Claim {
            key: key(at.1),
            token,
            lease: LEASE,
            retention: RETENTION,
        };
        let mut replies = (0..times).map(|_| ask(&self.store, StoreCall::Claim(claim)));
        let reply = replies.next_back().unwrap();
        let StoreReply::Claim(ClaimReply::Claimed { attempt }) = reply else {
            return;
        };
        let beside = self
            .running
            .iter()
            .filter(|((_, number), run)| *number == at.1 && run.end > now);
        assert_eq!(beside.count(), 0, "two run at a time");
        let until = self.done_until.get(&at.1).copied().unwrap_or_default();
        assert!(until <= now, "it runs again after it is done");
        let (before, kept) = self.attempts.get(&at.1).copied().unwrap_or_default();
        assert!(
            attempt > before || kept <= now,
            "attempt {attempt} after {before}"
        );
        let end = now + LEASE;
        self.attempts.insert(at.1, (attempt, end + RETENTION));
        let run = Running {
            token,
            attempt,
            end,
        };
        self.running.insert(at, run);
    }

    fn succeed(&mut self, at: (u8, u8), run: Running, times: usize) {
        let now = self.clock.monotonic();
        let settle = Settle {
            key: key(at.1),
            token: run.token,
            done: done(at.0),
            retention: RETENTION,
        };
        let replies = (0..times).map(|_| ask(&self.store, StoreCall::Settle(settle.clone())));
        let replies: Vec<StoreReply> = replies.collect();
        let settled = replies.contains(&StoreReply::Settle(SettleReply::Settled));
        // Nobody is in time and told otherwise, or late and not told.
        assert_eq!(settled, run.end > now, "{run:?} at {now:?}: {replies:?}");
        if settled {
            self.done_until.insert(at.1, now + RETENTION);
            self.attempts.insert(at.1, (run.attempt, now + RETENTION));
        }
        self.running.remove(&at);
    }

    fn fail(&mut self, at: (u8, u8), run: Running) {
        let now = self.clock.monotonic();
        let release = Release {
            key: key(at.1),
            token: run.token,
            retention: RETENTION,
        };
        let reply = ask(&self.store, StoreCall::Release(release));
        let in_time = run.end > now;
        let expected = match in_time {
            true => ReleaseReply::Released,
            false => ReleaseReply::Lost,
        };
        assert_eq!(reply, StoreReply::Release(expected), "{run:?} at {now:?}");
        if in_time {
            self.attempts.insert(at.1, (run.attempt, now + RETENTION));
        }
        self.running.remove(&at);
    }

    fn extend(&mut self, at: (u8, u8), run: Running) {
        let now = self.clock.monotonic();
        let extend = Extend {
            key: key(at.1),
            token: run.token,
            lease: LEASE,
        };
        let reply = ask(&self.store, StoreCall::Extend(extend));
        let in_time = run.end > now;
        let expected = if in_time {
            ExtendReply::Extended
        } else {
            ExtendReply::Lost
        };
        assert_eq!(reply, StoreReply::Extend(expected), "{run:?} at {now:?}");
        if in_time {
            let end = now + LEASE;
            self.running.insert(at, Running { end, ..run });
            self.attempts.insert(at.1, (run.attempt, end + RETENTION));
        }
    }
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn one_runs_at_a_time_and_none_after_it_is_done(
        steps in vec(
            (
                0..RECEIVERS,
                0..KEYS,
                select(vec![
                    Fate::Arrives,
                    Fate::Arrives,
                    Fate::Arrives,
                    Fate::Succeeds,
                    Fate::Fails,
                    Fate::Extends,
                    Fate::Dies,
                    Fate::LosesAReply,
                ]),
                select(vec![0, 0, 0, 0, 1, 19, 20, 59, 60, 3_599]),
            ),
            0..200,
        ),
    ) {
        let mut receivers = Receivers::new();
        for (receiver, number, fate, secs) in steps {
            receivers.clock.advance(Duration::from_secs(secs));
            receivers.meet(receiver, number, fate);
        }
    }
}
