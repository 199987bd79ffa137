//! Where a value comes from, and what a body is taken for: what looks alike and is not the same.

use bytes::Bytes;
use countersign::danger::Weak;
use countersign::scheme::{
    CheckedBodies, DigestCheck, Encoding, Hash, List, Part, Place, Scheme, SignatureRule,
    TimestampRule,
};
use countersign::{MemoryStore, Receiver, Refusal, Timestamp, Tolerance, Unit, list, text};
use countersign_testkit::ManualClock;

use crate::attempts::{Seen, attempt, deliver};
use crate::{files, pairs};

/// Fields of a form were verified whatever the body looked like, and read by what it looked like: in front of a brace there was no id any more, and
/// the captured body ran again and again.
#[test]
fn a_signed_form_that_looks_like_something_else_is_refused() {
    let scheme = files::scheme("mailgun-form").expect("a scheme");
    let clock = ManualClock::at_secs(1_700_000_000);
    let receiver = Receiver::builder(scheme.clone(), pairs::secret(&scheme, "first"))
        .accept_weak(Weak::BodyNotSigned)
        .store(MemoryStore::single_process(100))
        .build()
        .expect("a receiver");
    let sender = pairs::sender(&scheme, "first").at(clock.now());
    let request = sender.send(sender.sample_body());
    assert_eq!(
        attempt(&receiver, &clock, &request, 200),
        Seen::done(1, 200)
    );
    for prefix in ["{&", "[&", "<&", " {&", "{=&", "\u{feff}<&"] {
        let mut other = request.clone();
        *other.body_mut() = Bytes::from([prefix.as_bytes(), request.body()].concat());
        let seen = attempt(&receiver, &clock, &other, 200);
        assert_eq!(
            seen,
            Seen::refused(Refusal::BodyMalformed, None),
            "{prefix}"
        );
    }
}

/// The handler would have read the stranger's document around the signed field.
#[test]
fn a_document_around_a_signed_field_is_refused() {
    let scheme = files::scheme("forgejo-form").expect("a scheme");
    let now = Timestamp::from_secs(1_700_000_000);
    let receiver = Receiver::builder(scheme.clone(), pairs::secret(&scheme, "first"));
    let receiver = receiver.accept_weak(Weak::BodyNotSigned).build();
    let sender = pairs::sender(&scheme, "first").at(now);
    let mut forged = sender.send("payload=%7B%22action%22%3A%22opened%22%7D");
    let document = br#"{"action":"pay","x":"&payload=%7B%22action%22%3A%22opened%22%7D&"}"#;
    *forged.body_mut() = Bytes::from_static(document);
    let refused = deliver(&receiver.expect("a receiver"), &forged, now);
    assert_eq!(refused.err(), Some(Refusal::BodyMalformed));
}

fn signed(id: List<Place>) -> Scheme {
    Scheme {
        name: text!("places"),
        id,
        signature: SignatureRule {
            place: Place::Header(text!("x-signature")),
            encoding: Encoding::Hex,
            ..SignatureRule::BASE
        },
        ..Scheme::BASE
    }
}

/// The number of an order is no event's, and two values are not one that looks like both.
#[test]
fn the_same_text_from_another_place_is_another_delivery() {
    let single: List<Place> = list![
        Place::Json(text!("/event_id")),
        Place::Json(text!("/order_id"))
    ];
    let joined: List<Place> = list![
        Place::All(list![Place::Json(text!("/a")), Place::Json(text!("/b"))]),
        Place::Json(text!("/c")),
    ];
    for (id, first, second) in [
        (single, r#"{"event_id":7}"#, r#"{"order_id":7}"#),
        (joined, r#"{"a":"x","b":"y"}"#, r#"{"c":"x/y"}"#),
    ] {
        let scheme = signed(id);
        let clock = ManualClock::at_secs(1_700_000_000);
        let receiver = Receiver::builder(scheme.clone(), pairs::secret(&scheme, "first"));
        let receiver = receiver.store(MemoryStore::single_process(100)).build();
        let receiver = receiver.expect("a receiver");
        let sender = pairs::sender(&scheme, "first").at(clock.now());
        for body in [first, second] {
            let seen = attempt(&receiver, &clock, &sender.send(body), 200);
            assert_eq!(seen, Seen::done(1, 200), "{body}");
        }
    }
}

/// A stamp that cannot be cut out of what is signed makes another content of every retry.
#[test]
fn a_choice_is_demanded_wherever_the_stamp_is_inside_of_something() {
    let stamped = |place, content: Vec<Part>| Scheme {
        content: content.into(),
        timestamp: Some(TimestampRule {
            place,
            unit: Unit::Seconds,
            tolerance: Tolerance::from_secs(300),
        }),
        ..signed(list![])
    };
    let bar = || Part::Literal(text!("|"));
    let in_query = || Place::QueryParam(text!("ts"));
    let in_body = || Place::Json(text!("/ts"));
    let digest = |of: Vec<Part>| Part::Digest {
        algorithm: Hash::Sha256,
        encoding: Encoding::Hex,
        of: of.into(),
    };
    let checked = Scheme {
        checks: list![DigestCheck {
            place: Place::Header(text!("digest")),
            algorithm: Hash::Sha256,
            encoding: Encoding::Hex,
            of: list![Part::Body],
            bodies: CheckedBodies::All,
        }],
        ..stamped(in_body(), vec![Part::Header(text!("digest"))])
    };
    for (what, scheme) in [
        (
            "url",
            stamped(in_query(), vec![Part::Url, bar(), Part::Body]),
        ),
        (
            "query",
            stamped(in_query(), vec![Part::Query, bar(), Part::Body]),
        ),
        ("body", stamped(in_body(), vec![Part::Body])),
        ("digest", stamped(in_body(), vec![digest(vec![Part::Body])])),
        ("check", checked),
    ] {
        let grade = scheme.actual_grade();
        let scheme = Scheme { grade, ..scheme };
        let builder = pairs::remembering(scheme.clone(), pairs::secrets(&scheme, "first"));
        let error = builder.build().expect_err(what).to_string();
        let demanded = "deduplicate: the signed content of a retry is another one: choose danger::Deduplicate::ByContent, ByUnsignedId or Off";
        assert_eq!(error, demanded, "{what}");
    }
    // A parameter that is a part of its own is left out.
    let apart = vec![Part::QueryParam(text!("ts")), bar(), Part::Body];
    let scheme = stamped(in_query(), apart);
    let builder = pairs::remembering(scheme.clone(), pairs::secrets(&scheme, "first"));
    assert!(builder.build().is_ok());
}
