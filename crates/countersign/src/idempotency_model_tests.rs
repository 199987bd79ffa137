//! Every order in which the protocol between receivers and their store can go, within bounds, walked through the real [`Record`].
//!
//! One delivery, two or three receivers, a sender that tries again whatever it was told, a network that loses, delays and repeats, clients
//! that hang up, handlers that take any number of steps and end in any way, and receivers that crash. An answer that a sender gets early,
//! because its deadline is near, is a client that hung up: what follows is the same.
//!
//! Each promise is a property under the invariant's number. What is true of I20: one run at most is recorded, ever; two effects are possible
//! where a run outran its lease, or between effect and settle crashed, was dropped, or found no store, or where a handler failed after its
//! own effect. The examples show that each of these alone is enough.

#![allow(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

use stateright::{Checker, HasDiscoveries, Model, Property};

use super::*;

#[path = "idempotency_model_tests/faults.rs"]
mod faults;
#[path = "idempotency_model_tests/properties.rs"]
mod properties;
#[path = "idempotency_model_tests/steps.rs"]
mod steps;
#[path = "idempotency_model_tests/world.rs"]
mod world;

use self::faults::Fault;
use self::world::{Ask, Breach, Cause, LEASE, Phase, Reply, Run, Verdict, Wire, World, moment};

const MOST_RECEIVERS: u8 = 3;

const ALL_VERDICTS: &[Verdict] = &[
    Verdict::Success,
    Verdict::FailedForGood,
    Verdict::Failure,
    Verdict::Panic,
];

/// How far the walk goes.
#[derive(Clone, Debug)]
struct Bounds {
    receivers: u8,
    /// How often the sender tries before it all heals; then it tries once more.
    attempts: usize,
    /// Of the store's clock.
    ticks: u8,
    mishaps: Mishaps,
    /// A client that hangs up takes its run along. Otherwise the run is a task, and goes on.
    in_place: bool,
    /// The store replies, and a receiver does what is due, before the next tick.
    prompt: bool,
    /// How handlers may end.
    verdicts: &'static [Verdict],
    /// Handlers may say that they failed, or panic, after they have committed their work.
    sloppy: bool,
    fault: Option<Fault>,
    /// Looks at these alone.
    promises: Option<&'static [&'static str]>,
    /// Not receivers, but anyone who asks the store anything.
    anyone: bool,
    /// What must be seen to happen, so that the walk is known to go there.
    examples: &'static [&'static str],
}

/// What may yet go wrong, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Mishaps {
    /// No reply comes in time.
    unclear: u8,
    /// A request reaches the store when nobody waits for it any longer.
    late: u8,
    crashes: u8,
    cancels: u8,
}

impl Mishaps {
    const NONE: Self = Self {
        unclear: 0,
        late: 0,
        crashes: 0,
        cancels: 0,
    };
}

impl Bounds {
    const BASE: Self = Self {
        receivers: 2,
        attempts: 2,
        ticks: 4,
        mishaps: Mishaps::NONE,
        in_place: false,
        prompt: false,
        verdicts: &[Verdict::Success, Verdict::Failure],
        sloppy: false,
        fault: None,
        promises: None,
        anyone: false,
        examples: &[],
    };

    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// Walks everywhere, and names the promises that were broken, all at the same place, and the examples that were not met.
    fn violations(&self) -> Vec<&'static str> {
        let checker = self
            .clone()
            .checker()
            .finish_when(HasDiscoveries::AnyFailures)
            .spawn_bfs()
            .join();
        println!(
            "{} states, {} steps, {} deep",
            checker.unique_state_count(),
            checker.state_count(),
            checker.max_depth()
        );
        if let Some(path) = checker.discovery(properties::PROMISES_HOLD) {
            println!("{path}");
            return properties::broken(self, path.last_state()).collect();
        }
        let discoveries = checker.discoveries();
        let examples = self.examples.iter().copied();
        examples
            .filter(|name| !discoveries.contains_key(name))
            .collect()
    }
}

#[test]
fn replies_are_lost_late_and_repeated() {
    let bounds = Bounds {
        ticks: 3,
        mishaps: Mishaps {
            unclear: 2,
            late: 2,
            ..Mishaps::NONE
        },
        examples: &[
            properties::BUSY,
            properties::REPEATED_CLAIM,
            properties::REPEATED_SETTLE,
            properties::LOST_AT_SETTLE,
            properties::DUPLICATE_AFTER_LOSS,
            properties::REVIVED,
            properties::TWO_AFTER_LAPSE,
            properties::TWO_AFTER_OUTAGE,
        ],
        ..Bounds::BASE
    };
    assert_eq!(bounds.violations(), [""; 0]);
}

#[test]
fn receivers_crash() {
    let bounds = Bounds {
        attempts: 3,
        mishaps: Mishaps {
            crashes: 2,
            ..Mishaps::NONE
        },
        examples: &[
            properties::BUSY,
            properties::LOST_AT_SETTLE,
            properties::DONE_AFTER_CRASH,
            properties::TWO_AFTER_CRASH,
        ],
        ..Bounds::BASE
    };
    assert_eq!(bounds.violations(), [""; 0]);
}

#[test]
fn three_receivers_crash_and_lose_replies() {
    let bounds = Bounds {
        receivers: 3,
        attempts: 3,
        ticks: 3,
        mishaps: Mishaps {
            unclear: 1,
            crashes: 1,
            ..Mishaps::NONE
        },
        examples: &[
            properties::DUPLICATE_AFTER_LOSS,
            properties::DONE_AFTER_CRASH,
            properties::TWO_AFTER_CRASH,
        ],
        ..Bounds::BASE
    };
    assert_eq!(bounds.violations(), [""; 0]);
}

/// Where the run is a task: clients that hang up at any moment, and a store that is there. Exactly one effect.
#[test]
fn clients_hang_up_on_a_task() {
    let bounds = Bounds {
        attempts: 3,
        ticks: 8,
        prompt: true,
        verdicts: ALL_VERDICTS,
        mishaps: Mishaps {
            cancels: 3,
            ..Mishaps::NONE
        },
        examples: &[
            properties::BUSY,
            properties::DUPLICATE_AFTER_CANCEL,
            properties::FAILED_FOR_GOOD,
        ],
        ..Bounds::BASE
    };
    assert_eq!(bounds.violations(), [""; 0]);
}

/// Without a runtime: nothing is lost, but work that was dropped between its effect and its settle comes again.
#[test]
fn clients_hang_up_in_place() {
    let bounds = Bounds {
        in_place: true,
        mishaps: Mishaps {
            cancels: 2,
            late: 1,
            ..Mishaps::NONE
        },
        examples: &[
            properties::BUSY,
            properties::DUPLICATE_AFTER_CANCEL,
            properties::TWO_AFTER_DROP,
        ],
        ..Bounds::BASE
    };
    assert_eq!(bounds.violations(), [""; 0]);
}

/// A lease is extended for as long as the handler takes, also when replies are lost on the way.
#[test]
fn a_slow_handler_keeps_its_lease() {
    let bounds = Bounds {
        attempts: 3,
        ticks: 10,
        prompt: true,
        mishaps: Mishaps {
            unclear: 2,
            ..Mishaps::NONE
        },
        examples: &[properties::BUSY, properties::TWO_AFTER_OUTAGE],
        ..Bounds::BASE
    };
    assert_eq!(bounds.violations(), [""; 0]);
}

/// Success, failure, failure for good and panic, also after the effect.
#[test]
fn handlers_end_in_any_way() {
    let bounds = Bounds {
        verdicts: ALL_VERDICTS,
        sloppy: true,
        mishaps: Mishaps {
            unclear: 1,
            ..Mishaps::NONE
        },
        examples: &[properties::FAILED_FOR_GOOD, properties::TWO_AFTER_HANDLER],
        ..Bounds::BASE
    };
    assert_eq!(bounds.violations(), [""; 0]);
}

#[test]
fn all_goes_wrong_at_once() {
    let bounds = Bounds {
        ticks: 3,
        mishaps: Mishaps {
            unclear: 1,
            late: 1,
            crashes: 1,
            cancels: 1,
        },
        examples: &[
            properties::LOST_AT_SETTLE,
            properties::DUPLICATE_AFTER_LOSS,
            properties::DUPLICATE_AFTER_CANCEL,
            properties::DONE_AFTER_CRASH,
        ],
        ..Bounds::BASE
    };
    assert_eq!(bounds.violations(), [""; 0]);
}

/// The record by itself: three tokens, all calls, any order.
#[test]
fn anyone_may_ask_the_store_anything() {
    let bounds = Bounds {
        anyone: true,
        ticks: 8,
        promises: Some(&[
            properties::ONE_RECORDED,
            properties::FINITE,
            properties::FENCED,
            properties::NUMBERS,
            properties::CONTRACT,
        ]),
        ..Bounds::BASE
    };
    assert_eq!(bounds.violations(), [""; 0]);
}
