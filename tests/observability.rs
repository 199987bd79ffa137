//! Every decision is seen, once: one event, one count, one call of the observer, over the whole table of refusals and outcomes. Nothing that a
//! log must not hold is in any of them.
//!
//! A process of its own: tracing decides once per process which events anybody listens to.
#![cfg(test)]

#[path = "observability/actix.rs"]
mod actix;
#[path = "observability/direct.rs"]
mod direct;
#[path = "observability/door.rs"]
mod door;
#[path = "observability/measures.rs"]
mod measures;
#[path = "observability/race.rs"]
mod race;
#[path = "observability/recorder.rs"]
mod recorder;
#[path = "observability/runs.rs"]
mod runs;
#[path = "observability/stage.rs"]
mod stage;
#[path = "observability/tenants.rs"]
mod tenants;

use std::collections::BTreeSet;

use countersign::{AttemptOutcome, Refusal};

use stage::Stage;

/// What attempts come to that are not refused.
const OTHERS: [&str; 12] = [
    "abandoned",
    "accepted",
    "done",
    "dropped",
    "duplicate",
    "duplicate_changed",
    "duplicate_replay",
    "failed_for_good",
    "handshake",
    "released",
    "unrecorded",
    "unsigned",
];

/// Each by real requests through the layer. A cause that is new is missed here until something produces it.
#[tokio::test(start_paused = true)]
async fn every_refusal_and_every_outcome_is_told_exactly_once() {
    let recorder = recorder::Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let mut stage = Stage::new(&recorder);
    door::heads(&mut stage).await;
    door::signatures(&mut stage).await;
    door::timestamps(&mut stage).await;
    door::fields(&mut stage).await;
    door::bodies(&mut stage).await;
    door::urls(&mut stage).await;
    door::limits(&mut stage).await;
    door::answers(&mut stage).await;
    tenants::tenants(&mut stage).await;
    runs::outcomes(&mut stage).await;
    runs::refusals(&mut stage).await;
    runs::trouble(&mut stage).await;
    runs::hang_ups(&mut stage).await;

    let wanted: BTreeSet<&str> = Refusal::CODES.iter().chain(&OTHERS).copied().collect();
    assert_eq!(stage.codes, wanted);
    let outcomes = AttemptOutcome::ALL.iter().map(|outcome| outcome.as_str());
    assert_eq!(stage.outcomes, outcomes.collect());
}
