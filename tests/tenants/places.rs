//! What names a tenant, and what is refused before anything of the body is read.

use bytes::Bytes;
use countersign::providers::{GITHUB, SLACK};
use countersign::{Refusal, TenantPlace};
use http::{HeaderValue, Request};

use crate::support::{Source, receiver, signed, tenant, verdict};

/// What the head decides is refused by the head.
#[test]
fn what_the_head_does_not_name_is_refused_before_its_body() {
    let source = Source::of(&["a"]);
    let missing = |name: &'static str| Refusal::FieldMissing { name: name.into() };
    let malformed = |name: &'static str| Refusal::FieldMalformed { name: name.into() };
    let repeated = |name: &'static str| Refusal::FieldRepeated { name: name.into() };
    let header = || TenantPlace::header("x-tenant");
    let path = || TenantPlace::path("/hooks/{tenant}");
    let rows: [(TenantPlace, &str, &[&str], Refusal); 7] = [
        (path(), "/other/a", &[], missing("tenant")),
        (path(), "/hooks/", &[], malformed("tenant")),
        (path(), "/hooks/%zz", &[], malformed("tenant")),
        (header(), "/", &[], missing("x-tenant")),
        (header(), "/", &["a", "a"], repeated("x-tenant")),
        (header(), "/", &[""], malformed("x-tenant")),
        (TenantPlace::extension(), "/", &[], Refusal::TenantUntold),
    ];
    for (place, target, values, refusal) in rows {
        let what = format!("{place:?} {target} {values:?}");
        let (github, _) = receiver(GITHUB, place, &source);
        let mut request = signed(GITHUB, "a", target, "{}");
        for value in values {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().append("x-tenant", value);
        }
        let clock = github.clock().unwrap();
        let opened = github.open(&request, clock.now());
        assert_eq!(opened.err(), Some(refusal.clone()), "{what}");
        let received = github.receive(&request, clock);
        assert_eq!(received.err(), Some(refusal.clone()), "{what}");
        let (head, body) = request.into_parts();
        let verified = github.verify(&head, body, clock.now());
        assert_eq!(verified.err(), Some(refusal), "{what}");
    }
    assert_eq!(source.asked(), [""; 0]);
}

/// Cheap things first: a head without a good signature names nobody.
#[test]
fn a_head_that_is_refused_anyway_is_not_asked_whose_it_is() {
    let source = Source::of(&["a"]);
    let (github, _) = receiver(GITHUB, TenantPlace::path("/hooks/{tenant}"), &source);
    let unsigned = Request::post("/other")
        .header("content-type", "application/json")
        .body(Bytes::from_static(b"{}"))
        .unwrap();
    let clock = github.clock().unwrap();
    let opened = github.open(&unsigned, clock.now());
    assert_eq!(opened.err(), Some(Refusal::SignatureMissing));
}

/// Two readers of the body could find two tenants: then there is none.
#[test]
fn a_field_of_the_body_is_read_strictly() {
    let source = Source::of(&["A1", "7"]);
    let (slack, _) = receiver(SLACK, TenantPlace::body(), &source);
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    let missing = || {
        Err(Refusal::FieldMissing {
            name: "/api_app_id".into(),
        })
    };
    let malformed = |name: &'static str| Err(Refusal::FieldMalformed { name: name.into() });
    let repeated = |name: &'static str| Err(Refusal::FieldRepeated { name: name.into() });
    let long = format!(r#"{{"api_app_id":"{}"}}"#, "a".repeat(257));
    let send = |kind: &str, body: &str| {
        let mut request = signed(SLACK, "A1", "/", body);
        let kind = HeaderValue::from_str(kind).unwrap();
        request.headers_mut().insert("content-type", kind);
        verdict(&slack, request)
    };
    for (kind, body, of) in [
        (json, r#"{"api_app_id":"A1"}"#, tenant("A1")),
        (
            json,
            r#" {"x":{"api_app_id":"A2"},"api_app_id":"\u00411"}"#,
            tenant("A1"),
        ),
        // Its signature is another one's.
        (json, r#"{"api_app_id":7}"#, Err(Refusal::SignatureMismatch)),
        (
            json,
            r#"{"api_app_id":"A1","api_app_id":"A1"}"#,
            repeated("/api_app_id"),
        ),
        (
            json,
            r#"{"api_app_id":"A1","\u0061pi_app_id":"A2"}"#,
            repeated("/api_app_id"),
        ),
        (json, r#"{"api_app_id":null}"#, missing()),
        (json, r#"{"api_app_id":""}"#, malformed("/api_app_id")),
        (json, r#"{"api_app_id":" A1"}"#, malformed("/api_app_id")),
        (
            json,
            r#"{"api_app_id":"A\u0000"}"#,
            malformed("/api_app_id"),
        ),
        (json, r#"{"api_app_id":["A1"]}"#, malformed("/api_app_id")),
        (json, r#"{"api_app_id":true}"#, malformed("/api_app_id")),
        (json, r#"{"api_app_id":1.5}"#, malformed("/api_app_id")),
        (json, &*long, malformed("/api_app_id")),
        (json, r#"{"team_id":"A1"}"#, missing()),
        (json, r#"["A1"]"#, missing()),
        (json, r#"{"api_app_id":"A1""#, Err(Refusal::BodyMalformed)),
        (json, "", missing()),
        // By the body's own shape, and not by what its head says.
        (json, "api_app_id=A1", tenant("A1")),
        (form, r#"{"api_app_id":"A1"}"#, tenant("A1")),
        (form, "api_app_id=A1&x=api_app_id", tenant("A1")),
        (form, "api_app_id=%411", tenant("A1")),
        (form, "api_app_id=A1&api_app_id=A1", repeated("api_app_id")),
        (
            form,
            "api_app_id=A1&api%5Fapp_id=A2",
            repeated("api_app_id"),
        ),
        (form, "api_app_id=", missing()),
        (form, "api_app_id=%0A", malformed("api_app_id")),
        (
            form,
            "payload=%7B%22api_app_id%22%3A%22A1%22%7D",
            tenant("A1"),
        ),
        (
            form,
            "payload=%7B%22api_app_id%22%3A%22A1%22%7D&api_app_id=A2",
            tenant("A1"),
        ),
        (form, "payload=%7B%7D&api_app_id=A1", tenant("A1")),
        (
            form,
            "payload=%7B%22api_app_id%22%3A%7B%7D%7D",
            malformed("/api_app_id"),
        ),
        (form, "payload=%7B", Err(Refusal::BodyMalformed)),
        (form, "payload=%7B%7D&payload=%7B%7D", repeated("payload")),
        (form, "team_id=T1", missing()),
    ] {
        assert_eq!(send(kind, body), of, "{body}");
    }
}
