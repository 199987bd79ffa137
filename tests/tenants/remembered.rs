//! How long a ring, and a name without one, are remembered, and how many.

use std::time::Duration;

use bytes::Bytes;
use countersign::providers::GITHUB;
use countersign::{Finished, Receiver, Refusal, TenantPlace, Tenants};
use http::Request;

use crate::support::{
    Attempt, Says, Source, UNKNOWN, Verdict, WRONG, built, receiver, signed, tenant, verdict,
};

const BODY: &str = r#"{"ref":"refs/heads/main"}"#;
const NANO: Duration = Duration::from_nanos(1);

fn by_path() -> TenantPlace {
    TenantPlace::path("/{tenant}")
}

fn from(name: &str) -> Request<Bytes> {
    signed(GITHUB, name, &format!("/{name}"), BODY)
}

/// Who was asked for, and what came of it.
fn ask(receiver: &Receiver, source: &Source, name: &str) -> (Verdict, usize) {
    let verdict = verdict(receiver, from(name));
    (verdict, source.asked().len())
}

#[test]
fn a_ring_is_good_for_five_minutes_from_when_it_was_asked_for() {
    let source = Source::of(&["a"]);
    let (receiver, clock) = receiver(GITHUB, by_path(), &source);
    source.shut();
    let mut attempt = Attempt::new(&receiver, from("a")).unwrap();
    assert!(attempt.poll().is_pending());
    // The second that it took is the ring's.
    clock.advance(Duration::from_secs(1));
    source.open();
    assert_eq!(attempt.poll(), std::task::Poll::Ready(tenant("a")));
    assert_eq!(source.asked(), ["a"]);
    source.says("a", None);
    clock.advance(Duration::from_secs(299) - NANO);
    assert_eq!(ask(&receiver, &source, "a"), (tenant("a"), 0));
    // That it was used makes it no younger.
    clock.advance(NANO);
    assert_eq!(ask(&receiver, &source, "a"), (UNKNOWN, 1));
}

#[test]
fn a_name_without_a_ring_is_unknown_for_thirty_seconds() {
    let source = Source::of(&[]);
    let (receiver, clock) = receiver(GITHUB, by_path(), &source);
    assert_eq!(ask(&receiver, &source, "a"), (UNKNOWN, 1));
    source.says("a", Some(Says::Secret));
    clock.advance(Duration::from_secs(30) - NANO);
    assert_eq!(ask(&receiver, &source, "a"), (UNKNOWN, 0));
    clock.advance(NANO);
    assert_eq!(ask(&receiver, &source, "a"), (tenant("a"), 1));
    assert_eq!(ask(&receiver, &source, "a"), (tenant("a"), 0));
}

/// The wall clock may jump: what is remembered does not get older by it, or younger.
#[test]
fn the_wall_clock_makes_nothing_older() {
    let source = Source::of(&["a"]);
    let (receiver, clock) = receiver(GITHUB, by_path(), &source);
    assert_eq!(ask(&receiver, &source, "a"), (tenant("a"), 1));
    clock.set(clock.now().saturating_add(Duration::from_secs(86_400)));
    assert_eq!(ask(&receiver, &source, "a"), (tenant("a"), 0));
    clock.set(clock.now().saturating_sub(Duration::from_secs(172_800)));
    clock.advance(Duration::from_secs(300));
    assert_eq!(ask(&receiver, &source, "a"), (tenant("a"), 1));
}

#[test]
fn what_is_forgotten_is_asked_for_again() {
    let source = Source::of(&["a"]);
    let (receiver, _) = receiver(GITHUB, by_path(), &source);
    let clone = receiver.clone();
    assert!(!receiver.forget_tenant("a"));
    assert_eq!(ask(&receiver, &source, "a"), (tenant("a"), 1));
    // Revoked, and exchanged.
    source.says("a", Some(Says::Other("0123456789abcdef-new")));
    assert_eq!(ask(&receiver, &source, "a"), (tenant("a"), 0));
    assert!(clone.forget_tenant("a"));
    assert_eq!(ask(&receiver, &source, "a"), (WRONG, 1));
    // Unknown, and then made.
    assert_eq!(ask(&receiver, &source, "b"), (UNKNOWN, 1));
    source.says("b", Some(Says::Secret));
    assert!(receiver.forget_tenant("b"));
    assert_eq!(ask(&receiver, &source, "b"), (tenant("b"), 1));
    assert!(!receiver.forget_tenant("c"));
}

/// What was asked before a secret was revoked may be answered afterwards.
#[test]
fn an_answer_from_before_is_not_remembered() {
    let source = Source::of(&["a"]);
    let (receiver, _) = receiver(GITHUB, by_path(), &source);
    source.shut();
    let mut before = Attempt::new(&receiver, from("a")).unwrap();
    assert!(before.poll().is_pending());
    source.says("a", Some(Says::Other("0123456789abcdef-new")));
    assert!(receiver.forget_tenant("a"));
    let mut after = Attempt::new(&receiver, from("a")).unwrap();
    assert!(after.poll().is_pending());
    assert_eq!(source.asked(), ["a", "a"]);
    source.open();
    // What had begun is judged by what was there when it began, and only that.
    assert_eq!(before.poll(), std::task::Poll::Ready(tenant("a")));
    assert_eq!(ask(&receiver, &source, "a"), (WRONG, 0));
    assert_eq!(after.poll(), std::task::Poll::Ready(WRONG));
    assert_eq!(ask(&receiver, &source, "a"), (WRONG, 0));
}

/// And the other way round: the later answer came first.
#[test]
fn a_late_answer_from_before_changes_nothing() {
    let source = Source::of(&["a"]);
    let (receiver, _) = receiver(GITHUB, by_path(), &source);
    source.shut();
    let mut before = Attempt::new(&receiver, from("a")).unwrap();
    assert!(before.poll().is_pending());
    receiver.forget_tenant("a");
    source.open();
    source.says("a", Some(Says::Other("0123456789abcdef-new")));
    assert_eq!(ask(&receiver, &source, "a"), (WRONG, 2));
    assert_eq!(before.poll(), std::task::Poll::Ready(tenant("a")));
    assert_eq!(ask(&receiver, &source, "a"), (WRONG, 0));
}

#[test]
fn a_flood_of_made_up_names_costs_no_tenant_his_ring() {
    let source = Source::of(&["a", "b"]);
    let tenants = Tenants::new(by_path(), source.clone())
        .most_remembered(2)
        .most_unknown(3);
    let (receiver, _) = built(GITHUB, tenants);
    assert_eq!(ask(&receiver, &source, "a"), (tenant("a"), 1));
    assert_eq!(ask(&receiver, &source, "b"), (tenant("b"), 1));
    for number in 0..100 {
        assert_eq!(
            ask(&receiver, &source, &format!("made-up-{number}")),
            (UNKNOWN, 1)
        );
    }
    assert_eq!(ask(&receiver, &source, "a"), (tenant("a"), 0));
    assert_eq!(ask(&receiver, &source, "b"), (tenant("b"), 0));
    // Of the made-up ones the last few.
    assert_eq!(ask(&receiver, &source, "made-up-97"), (UNKNOWN, 0));
    assert_eq!(ask(&receiver, &source, "made-up-96"), (UNKNOWN, 1));
    // One tenant too many: the one that was used longest ago is asked for again, and let in.
    source.says("c", Some(Says::Secret));
    assert_eq!(ask(&receiver, &source, "c"), (tenant("c"), 1));
    assert_eq!(ask(&receiver, &source, "b"), (tenant("b"), 0));
    assert_eq!(ask(&receiver, &source, "a"), (tenant("a"), 1));
}

#[test]
fn who_wants_nothing_remembered_asks_each_time() {
    let source = Source::of(&["a"]);
    let tenants = || Tenants::new(by_path(), source.clone());
    for tenants in [
        tenants()
            .remember(Duration::ZERO)
            .remember_unknown(Duration::ZERO),
        tenants().most_remembered(0).most_unknown(0),
    ] {
        let (receiver, _) = built(GITHUB, tenants);
        for _ in 0..2 {
            assert_eq!(ask(&receiver, &source, "a"), (tenant("a"), 1));
            assert_eq!(ask(&receiver, &source, "b"), (UNKNOWN, 1));
        }
    }
}

/// A name is unknown, is made, and is closed again, while both are remembered for ever.
#[test]
fn the_later_answer_counts() {
    let source = Source::of(&["a"]);
    let tenants = Tenants::new(by_path(), source.clone())
        .remember(Duration::from_secs(10))
        .remember_unknown(Duration::from_secs(1_000));
    let (receiver, clock) = built(GITHUB, tenants);
    assert_eq!(ask(&receiver, &source, "a"), (tenant("a"), 1));
    source.says("a", None);
    clock.advance(Duration::from_secs(10));
    assert_eq!(ask(&receiver, &source, "a"), (UNKNOWN, 1));
    source.says("a", Some(Says::Secret));
    clock.advance(Duration::from_secs(1_000));
    assert_eq!(ask(&receiver, &source, "a"), (tenant("a"), 1));
    source.says("a", None);
    clock.advance(Duration::from_secs(9));
    assert_eq!(ask(&receiver, &source, "a"), (tenant("a"), 0));
}

/// Who has no time to wait gets what is remembered, and is told to come again where nothing is.
#[test]
fn without_waiting_what_is_remembered_decides() {
    let source = Source::of(&["a"]);
    let (receiver, _) = receiver(GITHUB, by_path(), &source);
    let now = receiver.clock().unwrap().now();
    let at_once = |name: &str| {
        let (head, body) = from(name).into_parts();
        let verified = receiver.verify(&head, body, now);
        verified.map(|verified| verified.tenant().map(str::to_owned))
    };
    let in_steps = |name: &str| {
        let (head, body) = from(name).into_parts();
        let mut intake = receiver.open(&head, now)?;
        for piece in [body.slice(..3), body.slice(3..)] {
            intake.push(piece)?;
        }
        match intake.finish()? {
            Finished::Verified(verified) => Ok(verified.tenant().map(str::to_owned)),
            other => panic!("{other:?}"),
        }
    };
    for name in ["a", "b"] {
        assert_eq!(at_once(name), Err(Refusal::SecretsUnavailable));
        assert_eq!(in_steps(name), Err(Refusal::SecretsUnavailable));
    }
    assert_eq!(source.asked(), [""; 0]);
    assert_eq!(verdict(&receiver, from("a")), tenant("a"));
    assert_eq!(verdict(&receiver, from("b")), UNKNOWN);
    for verdict in [at_once("a"), in_steps("a")] {
        assert_eq!(verdict, Ok(Some("a".to_owned())));
    }
    for verdict in [at_once("b"), in_steps("b")] {
        assert_eq!(verdict, Err(Refusal::TenantUnknown));
    }
    // The one's signature under the other's name.
    let (head, body) = signed(GITHUB, "b", "/a", BODY).into_parts();
    let forged = receiver.verify(&head, body, now);
    assert_eq!(forged.unwrap_err(), Refusal::SignatureMismatch);
}
