//! What a delivery says about itself: id, event and tenant, each once, and marked as signed or not.
//!
//! No published vector shows most of these bodies, so they are signed here, with the hash crates and not with the library.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::Delivery;
use countersign::Refusal::{self, BodyMalformed};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::attempt::{
    Attempt, GITHUB, SHOPIFY, SLACK, STANDARD_WEBHOOKS, STRIPE, SVIX, malformed, repeated,
};

/// A field's text, and whether it is signed.
pub(crate) type Seen = Option<(String, bool)>;

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes any key");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn stripe(body: &str) -> Attempt {
    let tag = hmac(STRIPE.key.as_bytes(), &[b"1533204620.", body.as_bytes()]);
    let value = format!("t=1533204620,v1={}", hex(&tag));
    STRIPE.attempt().body(body).set(STRIPE.header, value)
}

pub(crate) fn github(body: &str) -> Attempt {
    let tag = hmac(GITHUB.key.as_bytes(), &[body.as_bytes()]);
    let value = format!("sha256={}", hex(&tag));
    GITHUB.attempt().body(body).set(GITHUB.header, value)
}

pub(crate) fn slack(body: &str) -> Attempt {
    let tag = hmac(SLACK.key.as_bytes(), &[b"v0:1531420618:", body.as_bytes()]);
    let value = format!("v0={}", hex(&tag));
    SLACK.attempt().body(body).set(SLACK.header, value)
}

pub(crate) fn shopify(body: &str) -> Attempt {
    let tag = hmac(SHOPIFY.key.as_bytes(), &[body.as_bytes()]);
    SHOPIFY
        .attempt()
        .body(body)
        .set(SHOPIFY.header, STANDARD.encode(tag))
}

pub(crate) fn standard_webhooks(body: &str) -> Attempt {
    let key = STANDARD
        .decode(&STANDARD_WEBHOOKS.key["whsec_".len()..])
        .expect("base64");
    let start = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.";
    let tag = hmac(&key, &[start, body.as_bytes()]);
    let value = format!("v1,{}", STANDARD.encode(tag));
    STANDARD_WEBHOOKS
        .attempt()
        .body(body)
        .set(STANDARD_WEBHOOKS.header, value)
}

pub(crate) fn fields(attempt: &Attempt) -> Result<[Seen; 3], Refusal> {
    let delivery = attempt.deliver()?;
    let fields = [Delivery::id, Delivery::event, Delivery::tenant];
    Ok(fields.map(|field| {
        let field = field(&delivery)?;
        Some((field.as_str().to_owned(), field.is_signed()))
    }))
}

pub(crate) fn signed(text: &str) -> Seen {
    Some((text.to_owned(), true))
}

pub(crate) fn hint(text: &str) -> Seen {
    Some((text.to_owned(), false))
}

#[test]
fn the_signatures_made_here_are_those_that_were_published() {
    for (attempt, sample) in [
        (stripe(text(&STRIPE.attempt())), STRIPE),
        (github(text(&GITHUB.attempt())), GITHUB),
        (slack(text(&SLACK.attempt())), SLACK),
        (shopify(text(&SHOPIFY.attempt())), SHOPIFY),
        (
            standard_webhooks(text(&STANDARD_WEBHOOKS.attempt())),
            STANDARD_WEBHOOKS,
        ),
    ] {
        assert!(
            attempt.value(sample.header).contains(sample.tag),
            "{}",
            sample.id
        );
    }
}

fn text(attempt: &Attempt) -> &str {
    std::str::from_utf8(attempt.bytes()).expect("UTF-8")
}

#[test]
fn published_deliveries() {
    for (attempt, expected) in [
        (
            STRIPE.attempt(),
            [
                signed("evt_123"),
                signed("customer.created"),
                signed("acct_123"),
            ],
        ),
        (GITHUB.attempt(), [None, None, None]),
        (
            SLACK.attempt(),
            [None, signed("/webhook-collect"), signed("T1DC2JH3J")],
        ),
        (
            SHOPIFY.attempt(),
            [
                hint("123456789"),
                hint("products/create"),
                hint("shop1.myshopify.io"),
            ],
        ),
        (
            STANDARD_WEBHOOKS.attempt(),
            [signed("msg_p5jXN8AQM9LWM0D4loKWxJek"), None, None],
        ),
        (
            SVIX.attempt(),
            [signed("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"), None, None],
        ),
    ] {
        assert_eq!(fields(&attempt), Ok(expected), "{attempt:?}");
    }
}

#[test]
fn stripe_signs_all_of_its_fields() {
    for (body, expected) in [
        (
            r#"{"id":"evt_1","type":"a.b"}"#,
            [signed("evt_1"), signed("a.b"), None],
        ),
        (
            r#"{"id":"evt_1","type":"a.b","account":"acct_1","context":"ctx_1"}"#,
            [signed("evt_1"), signed("a.b"), signed("acct_1")],
        ),
        (
            r#"{"id":"evt_1","type":"a.b","account":null,"context":"ctx_1"}"#,
            [signed("evt_1"), signed("a.b"), signed("ctx_1")],
        ),
        // Only at the top: what an object of the event says about itself is no field of the delivery.
        (
            r#"{"data":{"id":"x","type":"y","account":"z"}}"#,
            [None, None, None],
        ),
        (r#"[{"id":"x","type":"y"}]"#, [None, None, None]),
        ("{}", [None, None, None]),
        ("", [None, None, None]),
        ("id=evt_1&type=a.b", [None, None, None]),
        ("\"evt_1\"", [None, None, None]),
    ] {
        assert_eq!(fields(&stripe(body)), Ok(expected), "{body}");
    }
}

#[test]
fn a_repeated_key_is_refused_however_it_is_spelled() {
    for (body, name) in [
        (r#"{"id":"a","id":"b"}"#, "/id"),
        (r#"{"id":"a","id":"a"}"#, "/id"),
        (r#"{"id":"a","x":{},"\u0069d":"a"}"#, "/id"),
        (r#"{"id":null,"id":"a"}"#, "/id"),
        (r#"{"id":[],"id":"a"}"#, "/id"),
        (r#"{"id":"a","type":"b","type":"c"}"#, "/type"),
        (r#"{"account":"a","account":"b"}"#, "/account"),
        // Decides only when there is no account, and is ambiguous all the same.
        (r#"{"account":"a","context":"b","context":"c"}"#, "/context"),
    ] {
        assert_eq!(fields(&stripe(body)), Err(repeated(name)), "{body}");
    }
    for body in [
        r#"{"data":1,"data":2,"id":"a"}"#,
        r#"{"x":{"id":1,"id":2},"id":"a"}"#,
    ] {
        let expected = [signed("a"), None, None];
        assert_eq!(
            fields(&stripe(body)),
            Ok(expected),
            "a key that decides nothing: {body}"
        );
    }
    let nested = r#"{"event":{"type":"a","type":"b"}}"#;
    assert_eq!(fields(&slack(nested)), Err(repeated("/event/type")));
    let parent = r#"{"event":{"type":"a"},"event":{}}"#;
    assert_eq!(fields(&slack(parent)), Err(repeated("/event/type")));
    let in_stripe = r#"{"type":"a","type":"b"}"#;
    assert_eq!(fields(&stripe(in_stripe)), Err(repeated("/type")));
}

/// JSON values that are no field: of the wrong type, padded, with control characters, too long.
pub(crate) fn unusable() -> Vec<String> {
    let too_long = format!("\"{}\"", "x".repeat(257));
    [
        "1.0",
        "1e3",
        "-1.5",
        "true",
        "false",
        "{}",
        "[]",
        "[\"evt_1\"]",
        "{\"id\":\"a\"}",
        "\" \"",
        "\" a\"",
        "\"a \"",
        "\"a\\n\"",
        "\"a\\u0000b\"",
        "\"\\u007f\"",
        "\"\\u0085a\"",
        "\"\\u00a0a\"",
        &too_long,
    ]
    .map(str::to_owned)
    .into()
}

#[test]
fn a_field_of_the_wrong_type_is_malformed_and_not_absent() {
    assert_eq!(fields(&stripe(r#"{"id":""}"#)), Err(malformed("/id")));
    for value in unusable() {
        for (key, name) in [
            ("id", "/id"),
            ("account", "/account"),
            ("context", "/context"),
        ] {
            let body = format!("{{\"{key}\":{value}}}");
            assert_eq!(fields(&stripe(&body)), Err(malformed(name)), "{body}");
        }
    }
    let longest = format!("\"{}\"", "x".repeat(256));
    for (value, expected) in [
        ("null", None),
        ("0", signed("0")),
        ("-7", signed("-7")),
        // More digits than a float or a 64-bit integer holds.
        ("12345678901234567890123", signed("12345678901234567890123")),
        ("9007199254740993", signed("9007199254740993")),
        ("\"evt_1\"", signed("evt_1")),
        ("\"e\\u0076t_1\"", signed("evt_1")),
        ("\"\u{e9} x\"", signed("\u{e9} x")),
        (&*longest, signed(&"x".repeat(256))),
    ] {
        let body = format!("{{\"id\":{value}}}");
        assert_eq!(fields(&stripe(&body)), Ok([expected, None, None]), "{body}");
    }
}

#[test]
fn what_begins_as_json_must_be_json() {
    for body in [
        "{",
        "{\"id\":\"a\"",
        "{\"id\":\"a\"}x",
        "{\"id\":a}",
        "{'id':'a'}",
        "[",
        "{\"id\":\"a\",}",
        "{\"id\":\"\\ud800\"x}",
    ] {
        // Slack's questions lie in JSON: there it is refused at the door, as the tests of its questions say.
        for attempt in [stripe(body), github(body)] {
            assert_eq!(fields(&attempt), Err(BodyMalformed), "{body}");
        }
        let verified = shopify(body)
            .judge()
            .map(|verified| verified.body().clone());
        assert_eq!(
            verified,
            Ok(body.to_owned().into()),
            "a genuine body is verified all the same"
        );
    }
}

/// An empty value is not "not given": else `/context` would decide although there is an `/account`.
#[test]
fn an_empty_tenant_is_malformed_and_not_absent() {
    let beside_another = r#"{"account":"","context":"ctx_1"}"#;
    assert_eq!(fields(&stripe(beside_another)), Err(malformed("/account")));
    assert_eq!(
        fields(&stripe(r#"{"account":""}"#)),
        Err(malformed("/account"))
    );
    assert_eq!(
        fields(&slack(r#"{"team_id":""}"#)),
        Err(malformed("/team_id"))
    );
}

/// The Content-Type is not signed: another one must not make other fields of the same bytes.
#[test]
fn the_content_type_does_not_choose_the_fields() {
    let json = r#"{"team_id":"T1","type":"a","event_id":"Ev1"}"#;
    let form = "team_id=T2&command=%2Fx&event_id=Ev2";
    for (body, expected) in [
        (json, [signed("Ev1"), signed("a"), signed("T1")]),
        (form, [None, signed("/x"), signed("T2")]),
    ] {
        for kind in [
            "application/json",
            "application/x-www-form-urlencoded",
            "Application/JSON; charset=utf-8",
        ] {
            let attempt = slack(body).set("content-type", kind);
            assert_eq!(fields(&attempt), Ok(expected.clone()), "{kind}: {body}");
        }
        let attempt = slack(body).without("content-type");
        assert_eq!(fields(&attempt), Ok(expected), "no content-type: {body}");
    }
    let hook = r#"{"installation":{"id":1}}"#;
    for kind in ["application/json", "application/x-www-form-urlencoded"] {
        let attempt = github(hook).set("content-type", kind);
        assert_eq!(fields(&attempt), Ok([None, None, signed("1")]), "{kind}");
    }
}

/// The signed id comes from what was verified, whatever head is passed along afterwards.
#[test]
fn a_signed_id_is_the_verified_one() {
    let attempt = STANDARD_WEBHOOKS.attempt();
    let verified = attempt.judge().expect("an accepted attempt");
    let other = http::Request::post("/")
        .header("webhook-id", "msg_other")
        .body(())
        .expect("a request");
    let delivery = verified.deliver(&other).expect("a delivery");
    let id = delivery.id().expect("an id");
    assert_eq!(
        (id.as_str(), id.is_signed()),
        ("msg_p5jXN8AQM9LWM0D4loKWxJek", true)
    );
}
