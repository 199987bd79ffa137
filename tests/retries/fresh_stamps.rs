//! Services that sign every retry afresh, or change its body: Stripe, Slack, Intercom.

use countersign::providers::{INTERCOM, SLACK, STRIPE};
use countersign::{MemoryStore, Receiver, Refusal, Secret, SecretRing};
use countersign_testkit::{ManualClock, Sender};
use http::{HeaderValue, Request};

use crate::attempts::Seen;
use crate::story::{Stage, Story};

const FORM: &str = "application/x-www-form-urlencoded";

/// For three days, under a new stamp.
const STRIPES: Story = Story {
    scheme: STRIPE,
    secret: "whsec_0123456789abcdef0123456789",
    choice: None,
    attempt: |sender, _| sender.send(r#"{"id":"evt_1","type":"invoice.paid"}"#),
    another: |sender| sender.send(r#"{"id":"evt_2","type":"invoice.paid"}"#),
    retries: &[3_600, 86_400, 3 * 86_400],
    replay: false,
    body_changed: false,
};

#[test]
fn stripe() {
    STRIPES.play();
}

/// With snapshots of a connected account.
#[test]
fn stripe_connect() {
    let story = Story {
        attempt: |sender, _| {
            sender.send(r#"{"id":"evt_1","account":"acct_1","type":"charge.updated"}"#)
        },
        another: |sender| {
            sender.send(r#"{"id":"evt_1","account":"acct_2","type":"charge.updated"}"#)
        },
        ..STRIPES
    };
    story.play();
}

/// Three within about six minutes, under a new stamp, with headers that count them and that nobody signs.
const SLACKS: Story = Story {
    scheme: SLACK,
    secret: "8f742231b10e8888abcd99yyyzzz85a5",
    choice: None,
    attempt: |sender, number| {
        let request = sender.send(slack_event("Ev1"));
        match number {
            1 => request,
            number => counted(request, number - 1),
        }
    },
    another: |sender| sender.send(slack_event("Ev2")),
    retries: &[5, 65, 360],
    replay: false,
    body_changed: false,
};

fn slack_event(id: &str) -> String {
    format!(
        r#"{{"type":"event_callback","event_id":"{id}","team_id":"T1","event":{{"type":"message"}}}}"#
    )
}

fn counted(mut request: Request<bytes::Bytes>, number: usize) -> Request<bytes::Bytes> {
    let headers = request.headers_mut();
    let reason = HeaderValue::from_static("http_error");
    headers.insert("x-slack-retry-num", HeaderValue::from(number));
    headers.insert("x-slack-retry-reason", reason);
    request
}

#[test]
fn slack_events() {
    SLACKS.play();
}

/// Commands are not retried. One that is sent again was captured; one that is typed again has a trigger of its own.
#[test]
fn slack_commands() {
    let stage = Stage::new(&SLACKS, 10);
    let send = |trigger: &str| {
        let sender = stage.sender().media_type(FORM);
        sender.send(format!(
            "command=%2Fdeploy&text=now&team_id=T1&trigger_id={trigger}"
        ))
    };
    let typed = send("13345224609.738474920");
    assert_eq!(stage.send(&typed, 200), Seen::done(1, 200));
    assert_eq!(
        stage.send(&typed, 500),
        Seen::duplicate(1, 200, true, false)
    );
    let again = send("13345224610.738474920");
    assert_eq!(stage.send(&again, 200), Seen::done(1, 200));
    // A failed one is free again, should anything bring it.
    let third = send("13345224611.738474920");
    assert_eq!(stage.send(&third, 500), Seen::released(1, 500));
    assert_eq!(stage.send(&third, 200), Seen::done(2, 200));
    assert_eq!(stage.records(), 3);
}

/// A captured attempt is known as such beside the sender's own retries; after five minutes it does not even verify.
#[test]
fn a_captured_attempt_is_told_from_a_retry() {
    for story in [STRIPES, SLACKS] {
        let stage = Stage::new(&story, 10);
        let captured = (story.attempt)(&stage.sender(), 1);
        assert_eq!(stage.send(&captured, 200), Seen::done(1, 200));
        stage.clock.advance(std::time::Duration::from_secs(300));
        let replay = Seen::duplicate(1, 200, true, false);
        assert_eq!(stage.send(&captured, 500), replay);
        let retry = (story.attempt)(&stage.sender(), 2);
        let honest = Seen::duplicate(1, 200, false, false);
        assert_eq!(stage.send(&retry, 500), honest);
        stage.clock.advance(std::time::Duration::from_secs(1));
        let stale = Seen::refused(Refusal::TimestampTooOld, None);
        assert_eq!(stage.send(&captured, 500), stale);
        assert_eq!(stage.records(), 1);
    }
}

/// Refused by name, a captured attempt is no duplicate any more; an honest retry still is.
#[test]
fn replays_are_refused_where_that_was_chosen() {
    for story in [STRIPES, SLACKS] {
        let stage = Stage::with(&story, 10, |builder| builder.refuse_replays());
        let captured = (story.attempt)(&stage.sender(), 1);
        // What has failed may come again as it is: nothing was done.
        assert_eq!(stage.send(&captured, 500), Seen::released(1, 500));
        assert_eq!(stage.send(&captured, 200), Seen::done(2, 200));
        let refused = Seen::refused(Refusal::Replayed, Some(2));
        assert_eq!(refused.status, 400);
        assert_eq!(stage.send(&captured, 500), refused);
        stage.clock.advance(std::time::Duration::from_secs(5));
        let retry = (story.attempt)(&stage.sender(), 2);
        let honest = Seen::duplicate(2, 200, false, false);
        assert_eq!(stage.send(&retry, 500), honest);
    }
}

/// The same id with something else to say.
#[test]
fn another_body_under_a_known_id_is_reported_and_refused_where_that_was_chosen() {
    for refuse in [false, true] {
        let stage = Stage::with(&STRIPES, 10, |builder| match refuse {
            true => builder.refuse_changed_bodies(),
            false => builder,
        });
        let first = (STRIPES.attempt)(&stage.sender(), 1);
        assert_eq!(stage.send(&first, 200), Seen::done(1, 200));
        let other = stage
            .sender()
            .send(r#"{"id":"evt_1","type":"invoice.voided"}"#);
        let expected = match refuse {
            true => Seen::refused(Refusal::BodyChanged, Some(1)),
            false => Seen::duplicate(1, 200, false, true),
        };
        assert_eq!(stage.send(&other, 500), expected);
        let honest = Seen::duplicate(1, 200, true, false);
        assert_eq!(stage.send(&first, 500), honest);
        assert_eq!(stage.records(), 1);
    }
}

/// There are retries, counted in the body, so that each has a body and a signature of its own.
#[test]
fn intercom() {
    fn notification(sender: &Sender, id: &str, number: usize) -> Request<bytes::Bytes> {
        sender.send(format!(
            r#"{{"id":"{id}","app_id":"app1","topic":"user.created","delivery_attempts":{number}}}"#
        ))
    }
    let story = Story {
        scheme: INTERCOM,
        secret: "0123456789abcdef-intercom",
        choice: None,
        attempt: |sender, number| notification(sender, "notif_1", number),
        another: |sender| notification(sender, "notif_2", 1),
        retries: &[60, 1_800, 2 * 3_600],
        replay: false,
        body_changed: true,
    };
    story.play();
}

#[test]
fn a_replay_is_one_after_a_rotation_too() {
    let clock = ManualClock::new(crate::story::START);
    let store = MemoryStore::single_process_on(10, clock.clone());
    let old = "whsec_0123456789abcdef0123456789";
    let secret = |text: &str| Secret::new(text).expect("a secret");
    let before = Receiver::builder(STRIPE, secret(old)).store(store.clone());
    let before = before.build().expect("a receiver");
    let ring = SecretRing::new([secret("whsec_another0123456789abcdef"), secret(old)]);
    let after = Receiver::builder(STRIPE, ring.expect("a ring")).store(store);
    let after = after.build().expect("a receiver");
    let request = Sender::new(STRIPE, old)
        .at(clock.now())
        .send(r#"{"id":"evt_1"}"#);
    let seen = crate::attempts::attempt(&before, &clock, &request, 200);
    assert_eq!(seen, Seen::done(1, 200));
    let seen = crate::attempts::attempt(&after, &clock, &request, 200);
    assert_eq!(seen, Seen::duplicate(1, 200, true, false));
}
