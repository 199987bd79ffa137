//! I10: an id that the signature does not cover never decides, unless the user chose that by name; then it does, at its price.
//! I16: the same id elsewhere is another delivery.

use countersign::danger::Deduplicate;
use countersign::providers::{GITHUB, STRIPE, TWILIO, ZAPIER_HEADER};
use countersign::scheme::{Place, Repeats, Scheme};
use countersign::{MemoryStore, Receiver, Secret, list, text};
use countersign_testkit::{ManualClock, Sender};

use crate::attempts::{Seen, attempt};
use crate::pairs::{self, NOW, PUBLIC_URL, Remembering};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn receiver(scheme: &Scheme, choice: Option<Deduplicate>) -> Remembering {
    let secret = Secret::new(SECRET).expect("a sound secret");
    let builder = pairs::choose(pairs::remembering(scheme.clone(), secret), choice);
    builder.build().expect("a receiver")
}

fn sender(scheme: &Scheme) -> Sender {
    let sender = Sender::new(scheme.clone(), SECRET).at(NOW);
    sender.url(format!("{PUBLIC_URL}/hooks"))
}

#[test]
fn a_captured_body_under_another_unsigned_id_does_not_run_again() {
    for scheme in [GITHUB, TWILIO] {
        let receiver = receiver(&scheme, Some(Deduplicate::ByContent));
        let clock = ManualClock::new(NOW);
        let body = match scheme.name.as_ref() {
            "github" => r#"{"id":1}"#,
            _ => "CallSid=CA1&Digits=1",
        };
        let send = |id: &str| {
            let request = sender(&scheme).id(id).send(body);
            attempt(&receiver, &clock, &request, 200)
        };
        assert_eq!(send("id-1"), Seen::done(1, 200));
        for id in ["id-2", "id-3", "id-1"] {
            assert_eq!(send(id), Seen::duplicate(1, 200, true, false), "{id}");
        }
        assert_eq!(receiver.store().stats().records, 1);
    }
}

/// [`Deduplicate::ByUnsignedId`] and its price, as its documentation says it.
#[test]
fn by_unsigned_id_a_captured_body_runs_again_and_a_guessed_id_never_runs() {
    let receiver = receiver(&GITHUB, Some(Deduplicate::ByUnsignedId));
    let clock = ManualClock::new(NOW);
    let send = |id: &str, body: &str| {
        let request = sender(&GITHUB).id(id).send(body);
        attempt(&receiver, &clock, &request, 200)
    };
    let (captured, genuine) = (r#"{"ref":"a"}"#, r#"{"ref":"b"}"#);
    assert_eq!(send("guid-1", captured), Seen::done(1, 200));
    assert_eq!(
        send("guid-1", captured),
        Seen::duplicate(1, 200, true, false)
    );
    // Under an id that somebody made up, and that the sender is about to use, it runs again ...
    assert_eq!(send("guid-2", captured), Seen::done(1, 200));
    // ... and what the sender then has to say under it never runs. The outcome shows that it was another body.
    assert_eq!(
        send("guid-2", genuine),
        Seen::duplicate(1, 200, false, true)
    );
}

/// What the choice is for: the same fields twice, meant twice (a menu that loops).
#[test]
fn by_unsigned_id_the_same_content_runs_once_for_each_id() {
    let receiver = receiver(&TWILIO, Some(Deduplicate::ByUnsignedId));
    let clock = ManualClock::new(NOW);
    let send = |id: &str| {
        let request = sender(&TWILIO).id(id).send("CallSid=CA1&Digits=1");
        attempt(&receiver, &clock, &request, 200)
    };
    assert_eq!(send("token-1"), Seen::done(1, 200));
    assert_eq!(send("token-2"), Seen::done(1, 200));
    assert_eq!(send("token-1"), Seen::duplicate(1, 200, true, false));
}

/// Where there is no id, the content tells; an id that spells that content's digest is not taken for it.
#[test]
fn by_unsigned_id_what_has_none_goes_by_its_content() {
    let receiver = receiver(&GITHUB, Some(Deduplicate::ByUnsignedId));
    let clock = ManualClock::new(NOW);
    let send = |body: &str| {
        let mut request = sender(&GITHUB).send(body);
        request.headers_mut().remove("x-github-delivery");
        attempt(&receiver, &clock, &request, 200)
    };
    assert_eq!(send("{}"), Seen::done(1, 200));
    assert_eq!(send("{}"), Seen::duplicate(1, 200, true, false));
    assert_eq!(send("{ }"), Seen::done(1, 200));
}

/// An id that is repeated is not read as none.
#[test]
fn an_id_that_cannot_be_read_is_refused_and_not_passed_over() {
    for choice in [Deduplicate::ByContent, Deduplicate::ByUnsignedId] {
        let receiver = receiver(&GITHUB, Some(choice));
        let clock = ManualClock::new(NOW);
        let mut request = sender(&GITHUB).id("guid-1").send("{}");
        let another = "guid-2".parse().expect("a value");
        request.headers_mut().append("x-github-delivery", another);
        let seen = attempt(&receiver, &clock, &request, 200);
        let refusal = countersign::Refusal::FieldRepeated {
            name: text!("x-github-delivery"),
        };
        assert_eq!(seen, Seen::refused(refusal, None));
        assert_eq!(receiver.store().stats().records, 0);
    }
}

#[test]
fn off_nothing_is_remembered() {
    let receiver = receiver(&GITHUB, Some(Deduplicate::Off));
    let clock = ManualClock::new(NOW);
    let request = sender(&GITHUB).send("{}");
    for _ in 0..3 {
        let seen = attempt(&receiver, &clock, &request, 200);
        assert_eq!((seen.status, seen.run, seen.attempt), (200, Some(0), None));
        assert_eq!(seen.kind, countersign::OutcomeKind::Unrecorded);
    }
    assert_eq!(receiver.store().stats().records, 0);
}

/// I16, on one store: other schemes, endpoints, namespaces and accounts; each runs once.
#[test]
fn the_same_id_elsewhere_runs() {
    let store = MemoryStore::single_process(100);
    let clock = ManualClock::new(NOW);
    let token = Scheme {
        id: list![Place::Json(text!("/id"))],
        ..ZAPIER_HEADER
    };
    let second = Scheme {
        name: text!("stripe-second"),
        ..STRIPE
    };
    let places = [
        (&STRIPE, "", ""),
        (&STRIPE, "orders", ""),
        (&STRIPE, "refunds", ""),
        (&STRIPE, "", "orders"),
        (&STRIPE, "orders", "orders"),
        (&second, "", ""),
        (&token, "", ""),
        (&GITHUB, "", ""),
    ];
    let receivers: Vec<Remembering> = places
        .iter()
        .map(|(scheme, namespace, endpoint)| {
            let secret = Secret::new(SECRET).expect("a sound secret");
            let builder = Receiver::builder((*scheme).clone(), secret);
            let builder = match scheme.algorithm.signs_content() {
                true => builder,
                false => builder.accept_weak(countersign::danger::Weak::NothingSigned),
            };
            let builder = builder.store(store.clone());
            let builder = builder.namespace(*namespace).endpoint(*endpoint);
            let builder = match scheme.repeats {
                Repeats::Never => builder,
                Repeats::Possible => builder.deduplicate(Deduplicate::ByContent),
            };
            builder.build().expect("a receiver")
        })
        .collect();
    let bodies = [
        r#"{"id":"evt_1"}"#,
        r#"{"id":"evt_1","account":"acct_1"}"#,
        r#"{"id":"evt_1","account":"acct_2"}"#,
    ];
    for (receiver, (scheme, ..)) in receivers.iter().zip(&places) {
        for (at, body) in bodies.iter().enumerate() {
            let request = sender(scheme).send(body);
            let seen = attempt(receiver, &clock, &request, 200);
            // Whoever sends a token names no account that anybody proves.
            let is_known = !scheme.algorithm.signs_content() && at > 0;
            let expected = match is_known {
                true => Seen::duplicate(1, 200, false, true),
                false => Seen::done(1, 200),
            };
            assert_eq!(seen, expected, "{}: {body}", scheme.name);
        }
    }
    assert_eq!(store.stats().records, 7 * 3 + 1);
    // And each of them knows its own.
    for (receiver, (scheme, ..)) in receivers.iter().zip(&places) {
        let seen = attempt(receiver, &clock, &sender(scheme).send(bodies[0]), 500);
        let replay = scheme.algorithm.signs_content();
        let expected = Seen::duplicate(1, 200, replay, false);
        assert_eq!(seen, expected, "{}", scheme.name);
    }
}
