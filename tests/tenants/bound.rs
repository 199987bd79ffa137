//! What one tenant signs is his, wherever he sends it and whatever he writes into it.

use std::num::NonZero;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use countersign::danger::Weak;
use countersign::providers::{
    GITHUB, MANDRILL, SLACK, STRIPE, TWILIO_FORM, ZAPIER_HEADER, ZAPIER_QUERY,
};
use countersign::scheme::{
    AnswerBody, AnswerValue, Encoding, Handshake, JsonMember, Place, Requirement,
};
use countersign::{
    Clock, Handled, MemoryQuotas, MemoryStore, Quota, Receiver, Refusal, ReplyKind, Scheme, Tenant,
    TenantPlace, Tenants, list, text,
};
use countersign_testkit::{ManualClock, Sender};
use http::{HeaderValue, Request, StatusCode};

use crate::support::{
    NOW, Source, UNKNOWN, Verdict, WRONG, answered, receiver, secret_of, signed, tenant, verdict,
    with,
};

const PUSH: &str = r#"{"ref":"refs/heads/main"}"#;

fn by_path() -> TenantPlace {
    TenantPlace::path("/hooks/{tenant}")
}

fn named(mut request: Request<Bytes>, name: &str) -> Request<Bytes> {
    let value = HeaderValue::from_str(name).unwrap();
    request.headers_mut().insert("x-tenant", value);
    request
}

fn told(mut request: Request<Bytes>, name: &str) -> Request<Bytes> {
    request.extensions_mut().insert(Tenant(name.to_owned()));
    request
}

#[test]
fn each_tenant_is_known_by_his_own_secret_at_every_place() {
    let source = Source::of(&["a", "b", "/a", "/b"]);
    let (path, _) = receiver(GITHUB, by_path(), &source);
    let (whole, _) = receiver(GITHUB, TenantPlace::whole_path(), &source);
    let (header, _) = receiver(GITHUB, TenantPlace::header("x-tenant"), &source);
    let (extension, _) = receiver(GITHUB, TenantPlace::extension(), &source);
    for (signer, name, of) in [
        ("a", "a", tenant("a")),
        ("b", "b", tenant("b")),
        // The forgeries: the one's signature under the other's name.
        ("a", "b", WRONG),
        ("b", "a", WRONG),
        ("a", "c", UNKNOWN),
    ] {
        let request = signed(GITHUB, signer, &format!("/hooks/{name}"), PUSH);
        assert_eq!(verdict(&path, request), of, "path: {signer} as {name}");
        let request = || signed(GITHUB, signer, "/", PUSH);
        let as_named = verdict(&header, named(request(), name));
        assert_eq!(as_named, of, "header: {signer} as {name}");
        let as_told = verdict(&extension, told(request(), name));
        assert_eq!(as_told, of, "extension: {signer} as {name}");
        let (signer, name) = (format!("/{signer}"), format!("/{name}"));
        let request = signed(GITHUB, &signer, &name, PUSH);
        let of = of.map(|name| format!("/{name}"));
        assert_eq!(verdict(&whole, request), of, "endpoint: {signer} as {name}");
    }
}

/// An app's secret is good for what names that app alone.
#[test]
fn the_field_that_chose_the_ring_is_under_its_signature() {
    let source = Source::of(&["A1", "A2"]);
    let (slack, _) = receiver(SLACK, TenantPlace::body(), &source);
    let send = |signer: &str, kind: &str, body: &str| -> Verdict {
        let sender = Sender::new(SLACK, secret_of(signer));
        let now = countersign::Timestamp::from_secs(NOW);
        verdict(&slack, sender.at(now).media_type(kind).send(body))
    };
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    for (kind, body) in [
        (
            json,
            r#"{"type":"event_callback","api_app_id":"A1","team_id":"T1"}"#,
        ),
        (form, "command=%2Fweather&api_app_id=A1"),
        (
            form,
            "payload=%7B%22type%22%3A%22block_actions%22%2C%22api_app_id%22%3A%22A1%22%7D",
        ),
    ] {
        assert_eq!(send("A1", kind, body), tenant("A1"), "{body}");
        assert_eq!(send("A2", kind, body), WRONG, "{body}");
        let other = body.replace("A1", "A2");
        assert_eq!(send("A1", kind, &other), WRONG, "{other}");
        let none = body.replace("A1", "A3");
        assert_eq!(send("A1", kind, &none), UNKNOWN, "{none}");
    }
}

#[test]
fn whoever_has_a_secret_cannot_sign_himself_into_another_tenant() {
    // Customers hold their own secrets here, so each can write anybody's account into his body.
    let source = Source::of(&["a", "b"]);
    let (stripe, _) = receiver(STRIPE, by_path(), &source);
    let body = r#"{"id":"evt_1","type":"invoice.paid","account":"acct_b"}"#;
    let request = signed(STRIPE, "a", "/hooks/a", body);
    let (head, _) = signed(STRIPE, "a", "/hooks/a", body).into_parts();
    let mut attempt = crate::support::Attempt::new(&stripe, request).unwrap();
    let std::task::Poll::Ready(Ok(delivery)) = attempt.poll_delivery() else {
        panic!("it is genuine");
    };
    let said = |field: Option<&countersign::Field>| {
        field.map(|field| (field.as_str().to_owned(), field.is_signed()))
    };
    assert_eq!(said(delivery.tenant()), Some(("a".to_owned(), true)));
    assert_eq!(said(delivery.account()), Some(("acct_b".to_owned(), true)));
    // With one ring for all, the account is whose it is.
    let secret = countersign::Secret::new(secret_of("a")).unwrap();
    let one = Receiver::builder(STRIPE, secret).build().unwrap();
    let now = countersign::Timestamp::from_secs(NOW);
    let verified = one.verify(&head, body.into(), now).unwrap();
    assert_eq!(verified.tenant(), None);
    let delivery = verified.deliver(&head).unwrap();
    assert_eq!(said(delivery.tenant()), Some(("acct_b".to_owned(), true)));
    assert_eq!(said(delivery.account()), Some(("acct_b".to_owned(), true)));
}

/// I16: the same id in two tenants is two deliveries, also where each says that he is the other.
#[test]
fn the_same_id_in_two_tenants_is_two_deliveries() {
    let source = Source::of(&["a", "b"]);
    let keys = |tenants: Tenants| {
        let receiver = Receiver::for_tenants(STRIPE, tenants)
            .store(MemoryStore::single_process(10))
            .build()
            .unwrap();
        let clock: std::sync::Arc<dyn countersign::Clock> =
            std::sync::Arc::new(countersign_testkit::ManualClock::at_secs(NOW));
        ["a", "b", "a"].map(|name| {
            let body = r#"{"id":"evt_1","type":"invoice.paid","account":"acct_b"}"#;
            let request = signed(STRIPE, name, &format!("/hooks/{name}"), body);
            let reading = receiver.receive(&request, &clock).unwrap();
            let delivery = crate::support::deliver(reading, request);
            delivery.key().unwrap().to_string()
        })
    };
    let [a, b, again] = keys(Tenants::new(by_path(), source));
    assert_ne!(a, b);
    assert_eq!(a, again);
}

/// Whatever account he writes into what he signs, and whatever another tenant uses up.
#[test]
fn each_tenant_has_a_quota_of_his_own_and_one_alone() {
    let source = Source::of(&["a", "b"]);
    let quota = Quota::per_hour(NonZero::new(2).unwrap());
    let manual = ManualClock::at_secs(NOW);
    let clock: Arc<dyn Clock> = Arc::new(manual.clone());
    let receiver = Receiver::for_tenants(STRIPE, Tenants::new(by_path(), source))
        .store(MemoryStore::single_process(100))
        .quota(quota, MemoryQuotas::single_process_on(100, manual))
        .build()
        .unwrap();
    let code = |name: &str, number: usize| {
        let body = format!(r#"{{"id":"evt_{number}","account":"acct_{number}"}}"#);
        let request = signed(STRIPE, name, &format!("/hooks/{name}"), &body);
        let reading = receiver.receive(&request, &clock).unwrap();
        let delivery = crate::support::deliver(reading, request);
        let slot = receiver.reserve().unwrap();
        let done = |_| async { Handled::new(StatusCode::OK, ()) };
        let ran = pin!(receiver.run(slot, delivery, &clock, done));
        let Poll::Ready(ran) = ran.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("nothing is waited for");
        };
        ran.outcome.code()
    };
    let codes = |name: &str| [1, 2, 3, 4].map(|number| code(name, number));
    let expected = ["done", "done", "over_quota", "over_quota"];
    assert_eq!(codes("a"), expected);
    assert_eq!(codes("b"), expected);
}

#[test]
fn tokens_are_compared_with_the_tenants_own() {
    let source = Source::of(&["a", "b"]);
    for scheme in [ZAPIER_HEADER, ZAPIER_QUERY] {
        let tenants = Tenants::new(by_path(), source.clone());
        let (zapier, _) = with(scheme.clone(), tenants, |builder| {
            builder.accept_weak(Weak::NothingSigned)
        });
        for (signer, name, of) in [
            ("a", "a", tenant("a")),
            ("b", "a", WRONG),
            ("a", "c", UNKNOWN),
        ] {
            let request = signed(scheme.clone(), signer, &format!("/hooks/{name}"), "{}");
            assert_eq!(verdict(&zapier, request), of, "{signer} as {name}");
        }
    }
}

#[test]
fn a_scheme_that_reads_the_whole_body_is_told_apart_by_a_field_of_it() {
    let twilio = Scheme {
        secret_owner: list![Place::Form(text!("AccountSid"))],
        ..TWILIO_FORM
    };
    let source = Source::of(&["AC1", "AC2"]);
    let tenants = Tenants::new(TenantPlace::body(), source);
    let (receiver, _) = with(twilio.clone(), tenants, |builder| {
        builder
            .public_url("https://example.com")
            .accept_weak(Weak::ValuesNotSetApart)
    });
    for (signer, body, of) in [
        ("AC1", "AccountSid=AC1&Body=hi", tenant("AC1")),
        ("AC2", "AccountSid=AC1&Body=hi", WRONG),
        ("AC1", "AccountSid=AC3&Body=hi", UNKNOWN),
        (
            "AC1",
            "AccountSid=AC1&AccountSid=AC2",
            Err(Refusal::FieldRepeated {
                name: "AccountSid".into(),
            }),
        ),
    ] {
        let request = signed(twilio.clone(), signer, "/sms", body);
        assert_eq!(verdict(&receiver, request), of, "{body}");
    }
}

/// Slack asks before it sends anything, and does not say for which app.
#[test]
fn questions_are_answered_with_the_ring_that_was_found() {
    const QUESTION: &str = r#"{"type":"url_verification","challenge":"3eZbrw1a"}"#;
    let source = Source::of(&["a", "b", "setup"]);
    let (path, _) = receiver(SLACK, by_path(), &source);
    let reply = answered(&path, signed(SLACK, "a", "/hooks/a", QUESTION));
    assert_eq!(
        (reply.kind, &reply.body[..]),
        (ReplyKind::Handshake, b"3eZbrw1a".as_slice())
    );
    for (name, of) in [("b", WRONG), ("c", UNKNOWN)] {
        let request = signed(SLACK, "a", &format!("/hooks/{name}"), QUESTION);
        assert_eq!(verdict(&path, request), of);
    }

    let missing = Err(Refusal::FieldMissing {
        name: "/api_app_id".into(),
    });
    let (body, _) = receiver(SLACK, TenantPlace::body(), &source);
    assert_eq!(
        verdict(&body, signed(SLACK, "setup", "/", QUESTION)),
        missing
    );
    let (or, _) = receiver(SLACK, TenantPlace::body_or("setup"), &source);
    let reply = answered(&or, signed(SLACK, "setup", "/", QUESTION));
    assert_eq!(&reply.body[..], b"3eZbrw1a");
    assert_eq!(verdict(&or, signed(SLACK, "a", "/", QUESTION)), WRONG);
}

/// As X and Zoom ask: the answer is made with the secret.
#[test]
fn a_mac_that_is_asked_for_is_made_with_the_tenants_secret() {
    let asking = Scheme {
        name: text!("asking"),
        handshakes: list![Handshake {
            when: list![Requirement {
                place: Place::Json(text!("/kind")),
                equals: text!("ask"),
            }],
            body: AnswerBody::Json(list![JsonMember {
                name: text!("mac"),
                value: AnswerValue::Mac {
                    of: Place::Json(text!("/token")),
                    encoding: Encoding::Hex,
                },
            }]),
            ..Handshake::BASE
        }],
        ..GITHUB
    };
    let source = Source::of(&["a", "b"]);
    let (receiver, _) = receiver(asking.clone(), by_path(), &source);
    let question = r#"{"kind":"ask","token":"abc"}"#;
    let of = |name: &str| {
        let request = signed(asking.clone(), name, &format!("/hooks/{name}"), question);
        answered(&receiver, request).body
    };
    let expected = |name: &str| {
        // What the tenant himself signs `abc` with.
        let sent = signed(GITHUB, name, "/", "abc");
        let header = sent.headers()["x-hub-signature-256"].to_str().unwrap();
        let mac = header.strip_prefix("sha256=").unwrap().to_owned();
        Bytes::from(format!(r#"{{"mac":"{mac}"}}"#))
    };
    assert_eq!(of("a"), expected("a"));
    assert_eq!(of("b"), expected("b"));
    assert_ne!(of("a"), of("b"));
    let other = signed(asking, "a", "/hooks/b", question);
    assert_eq!(verdict(&receiver, other), WRONG);
}

/// What proves nothing needs no secret, and so no tenant.
#[test]
fn what_needs_no_secret_is_answered_without_a_look_up() {
    let source = Source::of(&["a"]);
    for place in [by_path(), TenantPlace::body(), TenantPlace::extension()] {
        let (slack, _) = receiver(SLACK, place, &source);
        let probe = Request::post("/")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from_static(b"ssl_check=1"))
            .unwrap();
        let reply = answered(&slack, probe);
        assert_eq!(
            (reply.kind, reply.status.as_u16()),
            (ReplyKind::Unsigned, 200)
        );
        assert_eq!(source.asked(), [""; 0]);
    }
}

/// Mandrill signs the test of a webhook with a key that everybody knows: that proves nothing, whoever is named.
#[test]
fn what_is_signed_with_a_published_key_needs_no_tenant() {
    let source = Source::of(&["a"]);
    let tenants = Tenants::new(by_path(), source);
    let (mandrill, _) = with(MANDRILL, tenants, |builder| {
        builder
            .public_url("https://example.com")
            .accept_weak(Weak::ValuesNotSetApart)
    });
    let key = MANDRILL
        .unsigned
        .iter()
        .find_map(|shape| shape.public_key.clone());
    for (name, of) in [("a", WRONG), ("nobody", UNKNOWN)] {
        let sender = Sender::new(MANDRILL, key.clone().unwrap())
            .url(format!("https://example.com/hooks/{name}"));
        let reply = answered(&mandrill, sender.send("mandrill_events=%5B%5D"));
        assert_eq!(
            (reply.kind, reply.status.as_u16()),
            (ReplyKind::Unsigned, 200)
        );
        let forged = sender.send("mandrill_events=%5B%7B%7D%5D");
        assert_eq!(verdict(&mandrill, forged), of, "{name}");
    }
}
