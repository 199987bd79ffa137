//! I27: a full store refuses what is new, and forgets nothing that is old.

use std::time::Duration;

use countersign::Refusal;
use countersign::providers::STRIPE;

use crate::attempts::Seen;
use crate::story::{Stage, Story};

const STORY: Story = Story {
    scheme: STRIPE,
    secret: "whsec_0123456789abcdef0123456789",
    choice: None,
    attempt: |sender, number| sender.send(format!(r#"{{"id":"evt_{number}"}}"#)),
    another: |sender| sender.send(r#"{"id":"another"}"#),
    retries: &[3 * 86_400],
    replay: false,
    body_changed: false,
};

const CAPACITY: usize = 10;

fn event(stage: &Stage, number: usize, status: u16) -> Seen {
    stage.send(&(STORY.attempt)(&stage.sender(), number), status)
}

#[test]
fn a_full_store_refuses_what_is_new_and_knows_what_is_old() {
    let stage = Stage::new(&STORY, CAPACITY);
    for number in 0..CAPACITY {
        // A second apart, so that they do not leave at once.
        stage.wait_until(Duration::from_secs(u64::try_from(number).expect("few")));
        assert_eq!(event(&stage, number, 200), Seen::done(1, 200));
    }
    assert_eq!(stage.records(), CAPACITY);
    let full = Seen::refused(Refusal::StoreFull, None);
    assert_eq!(full.status, 503);
    for number in CAPACITY..CAPACITY + 1_000 {
        assert_eq!(event(&stage, number, 200), full, "{number}");
    }
    let answer = countersign::outcome::answer(&Refusal::StoreFull);
    assert_eq!(answer.retry_after, Some(5));
    stage.wait_until(Duration::from_secs(60));
    for number in 0..CAPACITY {
        let known = Seen::duplicate(1, 200, false, false);
        assert_eq!(event(&stage, number, 500), known, "{number}");
    }
    assert_eq!(stage.records(), CAPACITY);
    let counts = stage.receiver.counts();
    assert_eq!(
        (counts.done, counts.duplicates, counts.full),
        (10, 10, 1_000)
    );

    // The oldest has had its time: there is room for one, and for no more.
    let retention = stage.receiver.retention();
    stage.wait_until(retention - Duration::from_millis(1));
    assert_eq!(event(&stage, 100, 200), full);
    stage.wait_until(retention);
    assert_eq!(event(&stage, 100, 200), Seen::done(1, 200));
    assert_eq!(event(&stage, 101, 200), full);
    let known = Seen::duplicate(1, 200, false, false);
    assert_eq!(event(&stage, 1, 500), known);
    // All of the old ones have.
    stage.wait_until(retention + Duration::from_secs(9));
    for number in 200..209 {
        assert_eq!(event(&stage, number, 200), Seen::done(1, 200));
    }
    assert_eq!(event(&stage, 209, 200), full);
    assert_eq!(event(&stage, 100, 500), known);
}

/// What failed keeps its place, too: its retries are on their way, and must find it.
#[test]
fn what_failed_is_not_crowded_out() {
    let stage = Stage::new(&STORY, CAPACITY);
    for number in 0..CAPACITY {
        assert_eq!(event(&stage, number, 500), Seen::released(1, 500));
    }
    let full = Seen::refused(Refusal::StoreFull, None);
    assert_eq!(event(&stage, CAPACITY, 200), full);
    for number in 0..CAPACITY {
        assert_eq!(event(&stage, number, 200), Seen::done(2, 200));
    }
    assert_eq!(event(&stage, CAPACITY, 200), full);
}
