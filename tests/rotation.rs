//! Secrets that are exchanged while the receiver runs.

#![cfg(test)]

use std::net::IpAddr;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use countersign::providers::{SLACK, STRIPE};
use countersign::{
    FailureLimit, Finished, Peer, Quota, Receiver, Refusal, Scheme, Secret, SecretRing, SecretUse,
};
use countersign_testkit::{ManualClock, Sender};
use http::Request;

const OLD: &str = "whsec_0123456789abcdef0123456789";
const NEW: &str = "whsec_9876543210fedcba9876543210";
const NOW: i64 = 1_700_000_000;
const BODY: &str = r#"{"id":"evt_1","type":"invoice.paid"}"#;

fn secret(text: &str) -> Secret {
    let label = if text == OLD { "old" } else { "new" };
    Secret::new(text).unwrap().label(label)
}

fn both() -> SecretRing {
    SecretRing::new([secret(OLD), secret(NEW)]).unwrap()
}

fn stripe() -> Receiver {
    let clock = ManualClock::at_secs(NOW);
    let builder = Receiver::builder(STRIPE, secret(OLD)).clock(clock);
    builder.build().unwrap()
}

fn signed(scheme: Scheme, text: &str, body: &str) -> Request<Bytes> {
    let sender = Sender::new(scheme, text);
    sender.at(countersign::Timestamp::from_secs(NOW)).send(body)
}

/// Under which label it is accepted.
fn verdict(receiver: &Receiver, text: &str) -> Result<String, Refusal> {
    let (head, body) = signed(receiver.scheme().clone(), text, BODY).into_parts();
    let now = receiver.clock().unwrap().now();
    let verified = receiver.verify(&head, body, now)?;
    Ok(verified.secret_label().to_owned())
}

fn uses(receiver: &Receiver) -> Vec<(String, u64)> {
    let uses = receiver.secret_uses().into_iter();
    uses.map(
        |SecretUse {
             label, verified, ..
         }| (label, verified),
    )
    .collect()
}

fn counted(old: Option<u64>, new: Option<u64>) -> Vec<(String, u64)> {
    let both = [("old", old), ("new", new)].into_iter();
    both.filter_map(|(label, count)| Some((label.to_owned(), count?)))
        .collect()
}

const WRONG: Result<String, Refusal> = Err(Refusal::SignatureMismatch);

#[test]
fn a_ring_is_exchanged_in_all_clones_and_counts_go_on() {
    let receiver = stripe();
    let clone = receiver.clone();
    assert_eq!(verdict(&clone, OLD), Ok("old".to_owned()));
    assert_eq!(verdict(&clone, NEW), WRONG);
    assert_eq!(uses(&receiver), counted(Some(1), None));

    receiver.rotate(both()).unwrap();
    assert_eq!(verdict(&clone, OLD), Ok("old".to_owned()));
    assert_eq!(verdict(&clone, NEW), Ok("new".to_owned()));
    assert_eq!(uses(&clone), counted(Some(2), Some(1)));

    receiver.rotate(secret(NEW)).unwrap();
    assert_eq!(verdict(&clone, OLD), WRONG);
    assert_eq!(verdict(&clone, NEW), Ok("new".to_owned()));
    assert_eq!(uses(&clone), counted(None, Some(2)));
}

#[test]
fn a_ring_that_no_receiver_could_have_changes_nothing() {
    let receiver = stripe();
    let five = (0..5).map(|number| secret(OLD).label(number.to_string()));
    let twice = SecretRing::new([secret(NEW), secret(NEW)]).unwrap();
    for (ring, reason) in [
        (
            SecretRing::new(five).unwrap(),
            "secrets: there are more than max_secrets allows",
        ),
        (twice, "secrets: two secrets have the same label"),
    ] {
        let refused = receiver.rotate(ring).unwrap_err();
        assert_eq!(refused.to_string(), reason);
    }
    assert_eq!(verdict(&receiver, OLD), Ok("old".to_owned()));
    assert_eq!(verdict(&receiver, NEW), WRONG);
    assert_eq!(uses(&receiver), counted(Some(1), None));

    let four = (0..4).map(|number| secret(NEW).label(number.to_string()));
    receiver.rotate(SecretRing::new(four).unwrap()).unwrap();
    assert_eq!(verdict(&receiver, NEW), Ok("0".to_owned()));
}

/// What has begun is judged by what was there when it began, also where the new ring has fewer secrets.
#[test]
fn an_attempt_in_the_middle_keeps_its_ring() {
    let receiver = stripe();
    receiver.rotate(both()).unwrap();
    let now = receiver.clock().unwrap().now();
    let begin = |text: &str| {
        let (head, body) = signed(STRIPE, text, BODY).into_parts();
        (receiver.open(&head, now).unwrap(), head, body)
    };
    let attempts = [OLD, NEW].map(begin);
    receiver.rotate(secret(NEW)).unwrap();
    for ((mut intake, head, body), label) in attempts.into_iter().zip(["old", "new"]) {
        let (first, rest) = body.split_at(7);
        for piece in [first, rest] {
            intake.push(Bytes::copy_from_slice(piece)).unwrap();
        }
        let Ok(Finished::Verified(verified)) = intake.finish() else {
            panic!("it is genuine");
        };
        assert_eq!(verified.secret_label(), label);
        let delivery = verified.deliver(&head).unwrap();
        assert_eq!((delivery.secret_label(), delivery.body()), (label, &body));
    }
    // The one that is gone is counted nowhere.
    assert_eq!(uses(&receiver), counted(None, Some(1)));
}

#[test]
fn what_failures_have_used_up_stays_used_up() {
    let clock = ManualClock::at_secs(NOW);
    let two = Quota::per_hour(NonZero::new(2).unwrap());
    let receiver = Receiver::builder(STRIPE, secret(OLD))
        .clock(clock)
        .limit_failures(FailureLimit::penalise(two))
        .build()
        .unwrap();
    let forged = || {
        let (mut head, _) = signed(STRIPE, OLD, BODY).into_parts();
        let peer: IpAddr = "192.0.2.1".parse().unwrap();
        head.extensions.insert(Peer(peer));
        let now = receiver.clock().unwrap().now();
        receiver
            .verify(&head, Bytes::from_static(b"{}"), now)
            .unwrap_err()
            .code()
    };
    assert_eq!([forged(), forged()], ["signature_mismatch"; 2]);
    receiver.rotate(secret(NEW)).unwrap();
    assert_eq!(forged(), "too_many_failures");
}

/// A question that is signed shows that a secret is used, too.
#[test]
fn signed_questions_count() {
    let clock = ManualClock::at_secs(NOW);
    let receiver = Receiver::builder(SLACK, secret(OLD))
        .clock(clock)
        .build()
        .unwrap();
    let question = r#"{"type":"url_verification","challenge":"abc"}"#;
    let (head, body) = signed(SLACK, OLD, question).into_parts();
    let mut intake = receiver
        .open(&head, receiver.clock().unwrap().now())
        .unwrap();
    intake.push(body).unwrap();
    assert!(matches!(intake.finish(), Ok(Finished::Answered(_))));
    assert_eq!(uses(&receiver), counted(Some(1), None));
}

/// Two who rotate at the same moment to rings with the same new secrets: what either of them brings in is counted as one.
#[test]
fn rings_that_come_at_the_same_moment_lose_no_count() {
    const SECRETS: usize = 16;
    let clock = ManualClock::at_secs(NOW);
    let builder = Receiver::builder(STRIPE, secret(OLD)).clock(clock);
    let receiver = builder.max_secrets(SECRETS).build().unwrap();
    // New labels at every round, and the one that verifies is the last.
    let ring = |round: usize| {
        let texts = (1..SECRETS).map(|_| OLD).chain([NEW]);
        let secrets = texts.enumerate().map(|(at, text)| {
            let label = format!("{round}-{at}");
            Secret::new(text).unwrap().label(label)
        });
        SecretRing::new(secrets).unwrap()
    };
    for round in 0..500 {
        let ready = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let ring = ring(round);
                    let (head, body) = signed(STRIPE, NEW, BODY).into_parts();
                    let now = receiver.clock().unwrap().now();
                    ready.fetch_add(1, Ordering::SeqCst);
                    while ready.load(Ordering::SeqCst) < 2 {
                        std::thread::yield_now();
                    }
                    receiver.rotate(ring).unwrap();
                    receiver.verify(&head, body, now).unwrap();
                });
            }
        });
        let uses = receiver.secret_uses();
        assert_eq!(uses.last().map(|last| last.verified), Some(2), "{round}");
    }
}
