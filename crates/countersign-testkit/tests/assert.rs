//! The assertions fail when they should, and say which request got which verdict. Nothing prints a secret.
#![cfg(test)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use countersign::providers::{GITHUB, SLACK, STRIPE, ZAPIER_HEADER};
use countersign::scheme::{Encoding, Place, Scheme, SignatureRule};
use countersign::{Receiver, Refusal, Secret, SignError, Timestamp, Tolerance, list, text};
use countersign_testkit::{Sender, Verdict, assert_refuses_near_misses, judge};
use http::{Request, Response, StatusCode};

const SECRET: &str = "It's a Secret to Everybody";
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn sender(scheme: Scheme) -> Sender {
    Sender::new(scheme, SECRET).at(NOW)
}

fn receiver(scheme: Scheme) -> Receiver {
    Receiver::builder(scheme, Secret::new(SECRET).unwrap())
        .build()
        .unwrap()
}

/// What the assertion panics with.
fn complaint<V: Into<Verdict>>(
    sender: &Sender,
    send: impl FnMut(Request<Bytes>, Timestamp) -> V,
) -> Option<String> {
    let run = AssertUnwindSafe(|| assert_refuses_near_misses(sender, b"{\"id\":\"1\"}", send));
    let panic = catch_unwind(run).err()?;
    panic.downcast_ref::<String>().cloned()
}

#[test]
fn a_receiver_that_accepts_everything_is_found_out() {
    let all = complaint(&sender(GITHUB), |_, _| StatusCode::OK).unwrap();
    assert!(all.starts_with("github: "), "{all}");
    assert!(
        all.contains("\n  no signature: Answered(200) and not SignatureMissing\n"),
        "{all}"
    );
    assert!(!all.contains("as it is"), "{all}");
}

#[test]
fn a_receiver_that_refuses_everything_is_found_out() {
    let missing = || Err::<Option<countersign::Delivery>, _>(Refusal::SignatureMissing);
    let none = complaint(&sender(GITHUB), |_, _| missing()).unwrap();
    assert!(
        none.contains("\n  as it is: Refused(SignatureMissing) and not accepted\n"),
        "{none}"
    );
    // The right refusal for another reason is a wrong one.
    assert!(
        none.contains("\n  another secret: Refused(SignatureMissing) and not SignatureMismatch\n"),
        "{none}"
    );
    assert!(!none.contains("\n  no signature:"), "{none}");
}

#[test]
fn one_hole_is_named_alone() {
    let receiver = receiver(SLACK);
    let lax = Receiver::builder(SLACK, Secret::new(SECRET).unwrap())
        .tolerance(Tolerance::from_secs_each(301, 300))
        .build()
        .unwrap();
    let sender = sender(SLACK);
    let honest = complaint(&sender, |request, now| judge(&receiver, &request, now));
    assert_eq!(honest, None);
    let found = complaint(&sender, |request, now| judge(&lax, &request, now)).unwrap();
    let (_, list) = found.split_once('\n').unwrap();
    assert_eq!(list, "  a second too old: Accepted and not TimestampTooOld");
    // The receiver's tolerance is another one, and the sender knows.
    let tolerant = sender.tolerance(Tolerance::from_secs_each(301, 300));
    assert_eq!(
        complaint(&tolerant, |request, now| judge(&lax, &request, now)),
        None
    );
}

#[test]
fn a_service_that_answers_with_another_status_is_found_out() {
    let receiver = receiver(GITHUB);
    let served = |request: Request<Bytes>, now| {
        let status = match judge(&receiver, &request, now) {
            Ok(_) => StatusCode::ACCEPTED,
            Err(Refusal::SignatureMismatch) => StatusCode::FORBIDDEN,
            Err(refusal) => countersign::outcome::answer(&refusal).status,
        };
        let mut response = Response::new(());
        *response.status_mut() = status;
        response
    };
    let found = complaint(&sender(GITHUB), served).unwrap();
    let lines = found.lines().skip(1);
    assert!(lines.clone().count() > 5, "{found}");
    for line in lines {
        assert!(
            line.ends_with(": Answered(403) and not SignatureMismatch"),
            "{line}"
        );
    }
}

#[test]
fn what_is_no_delivery_is_not_accepted() {
    let answered = || Ok::<Option<countersign::Delivery>, Refusal>(None);
    let found = complaint(&sender(GITHUB), |_, _| answered()).unwrap();
    assert!(
        found.contains("\n  as it is: NoDelivery and not accepted\n"),
        "{found}"
    );
    assert!(
        found.contains("\n  no signature: NoDelivery and not SignatureMissing\n"),
        "{found}"
    );
}

#[test]
fn only_the_door_judges_what_lies_at_the_door() {
    let receiver = receiver(GITHUB);
    let misses = sender(GITHUB).near_misses(b"{}");
    let (door, others): (Vec<_>, Vec<_>) = misses.into_iter().partition(|miss| miss.is_at_door());
    assert_eq!(door.len(), 8);
    for miss in door {
        let body = miss.request.body().clone();
        let verdict = receiver.verify(&miss.request, body, miss.now);
        assert!(verdict.is_ok(), "{miss:?}");
    }
    assert!(others.len() > 30);
}

#[test]
fn a_test_that_cannot_be_is_told_why() {
    let stamp_in_body = Scheme {
        name: text!("acme"),
        content: list![countersign::scheme::Part::Body],
        signature: SignatureRule {
            place: Place::Header(text!("x-acme")),
            ..SignatureRule::BASE
        },
        timestamp: Some(countersign::scheme::TimestampRule {
            place: Place::Json(text!("/sent")),
            unit: countersign::Unit::Seconds,
            tolerance: Tolerance::from_secs(300),
        }),
        ..Scheme::BASE
    };
    let sender = sender(stamp_in_body.clone());
    let missing = SignError::Missing {
        name: text!("/sent"),
    };
    assert_eq!(sender.try_send(b"{}").unwrap_err(), missing);
    let panic = catch_unwind(AssertUnwindSafe(|| sender.send(b"{}"))).unwrap_err();
    let said = panic.downcast_ref::<String>().unwrap();
    assert_eq!(
        said,
        "acme: no genuine request can be made: /sent is not given"
    );
    assert_eq!(sender.sample_body(), r#"{"sent":1700000000}"#);

    let empty = catch_unwind(|| Sender::new(GITHUB, " ")).unwrap_err();
    let said = empty.downcast_ref::<String>().unwrap();
    assert_eq!(
        said,
        "github: the secret of a test cannot be used: the secret is empty"
    );
}

#[test]
fn a_scheme_of_ones_own_needs_nothing_more() {
    let acme = Scheme {
        name: text!("acme"),
        signature: SignatureRule {
            place: Place::QueryParam(text!("signature")),
            encoding: Encoding::Base64UrlNoPad,
            ..SignatureRule::BASE
        },
        ..Scheme::BASE
    };
    let receiver = receiver(acme.clone());
    let sender = sender(acme)
        .url("https://example.com/hooks?a=1")
        .header("x-trace", "1");
    let request = sender.send(b"{}");
    assert!(request.uri().query().unwrap().starts_with("a=1&signature="));
    assert_eq!(request.headers()["x-trace"], "1");
    assert_refuses_near_misses(&sender, b"{}", |request, now| {
        judge(&receiver, &request, now)
    });
}

#[test]
fn nothing_prints_a_secret() {
    const PLANTED: &str = "planted-secret-0123456789";
    let sender = Sender::new(ZAPIER_HEADER, PLANTED)
        .at(NOW)
        .config("key", PLANTED)
        .header("x-key", PLANTED);
    let mut printed = format!("{sender:?}");
    for miss in sender.near_misses(b"{}") {
        printed.push_str(&format!("{miss:?}"));
    }
    for variant in Sender::new(STRIPE, PLANTED).genuine_variants(b"{}") {
        printed.push_str(&format!("{variant:?}"));
    }
    assert!(!printed.contains("planted"), "{printed}");
}
