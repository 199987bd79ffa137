//! CloudEvents: a bearer token, a handshake that authenticates nobody, and ids in headers or in the body.

use countersign::Refusal::{
    BodyEmpty, MethodNotAllowed, SignatureMalformed, SignatureMismatch, SignatureMissing,
    SignatureRepeated,
};
use countersign::providers::CLOUDEVENTS;
use countersign::scheme::TokenPlace;

use crate::attempt::{malformed, repeated};
use crate::trial::{Answer, Outcome, Trial};

const TOKEN: &str = "mF_9.B5f-4.1JqM-w8Zt";
const ORIGIN: &str = "webhook-request-origin";
const EVENT: &str = r#"{"specversion":"1.0","type":"com.example.a","source":"/ctx","id":"B234"}"#;

fn event() -> Trial {
    Trial::new(CLOUDEVENTS, TOKEN)
        .set(
            "content-type",
            "application/cloudevents+json; charset=utf-8",
        )
        .set("authorization", format!("Bearer {TOKEN}"))
        .body(EVENT)
}

fn options(origin: &str) -> Trial {
    let trial = Trial::new(CLOUDEVENTS, TOKEN).method("OPTIONS");
    trial.set(ORIGIN, origin).set("webhook-request-rate", "120")
}

fn allowed(origin: &str) -> Answer {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Answer {
        headers: vec![
            header("webhook-allowed-origin", origin),
            header("webhook-allowed-rate", "*"),
            header("allow", "POST"),
        ],
        ..Answer::handshake("")
    }
}

#[test]
fn the_token_follows_its_word() {
    event().passes("as it is");
    let with = |value: &str| event().set("authorization", value);
    with(&format!("bEaReR {TOKEN}")).passes("the word has no case");
    for (value, refusal) in [
        (
            format!("Bearer {}", TOKEN.to_lowercase()),
            SignatureMismatch,
        ),
        (format!("Bearer {}", &TOKEN[..19]), SignatureMismatch),
        (format!("Bearer {TOKEN}="), SignatureMismatch),
        (format!("Bearer  {TOKEN}"), SignatureMismatch),
        (format!("Basic {TOKEN}"), SignatureMalformed),
        (TOKEN.to_owned(), SignatureMalformed),
        ("Bearer".to_owned(), SignatureMalformed),
    ] {
        with(&value).refused_at_open(refusal, value);
    }
    event()
        .add("authorization", "Bearer x")
        .refused_at_open(SignatureRepeated, "twice");
    event()
        .set(ORIGIN, "evil.example")
        .passes("the origin authenticates nobody");
    event()
        .body("")
        .refused(BodyEmpty, "every event has a body");
    for method in ["GET", "PUT", "HEAD"] {
        event()
            .method(method)
            .refused_at_open(MethodNotAllowed, method);
    }
}

/// The specification has receivers take it from the URL, too.
#[test]
fn or_it_lies_in_the_query() {
    let at = |query: &str| {
        let target = format!("/ce?{query}");
        event().without("authorization").target(&target)
    };
    let query = format!("access_token={TOKEN}");
    at(&query).passes("as it is");
    at(&format!("a=b&access%5Ftoken={TOKEN}")).passes("escaped");
    for (query, refusal) in [
        (String::new(), SignatureMissing),
        (format!("Access_token={TOKEN}"), SignatureMissing),
        (format!("token={TOKEN}"), SignatureMissing),
        ("access_token=".to_owned(), SignatureMalformed),
        (format!("{query}&{query}"), SignatureRepeated),
        ("access_token=mF_9".to_owned(), SignatureMismatch),
        (format!("access_token=Bearer+{TOKEN}"), SignatureMismatch),
        (
            format!("access_token={}", TOKEN.to_lowercase()),
            SignatureMismatch,
        ),
    ] {
        at(&query).refused_at_open(refusal, query);
    }
    for (query, what) in [(&*query, "the same"), ("access_token=x", "another")] {
        let both = event().target(&format!("/ce?{query}"));
        both.refused_at_open(SignatureRepeated, format!("in both places, {what}"));
    }
    let wrong_header = at(&query).set("authorization", "Bearer x");
    wrong_header.refused_at_open(SignatureRepeated, "in both places, one of them wrong");
    let no_bearer = at(&query).set("authorization", "Basic eDp5");
    no_bearer.refused_at_open(SignatureRepeated, "beside another scheme");
    let one_place = at(&query).token_in(TokenPlace::Bearer);
    one_place.refused_at_open(SignatureMissing, "where one place was agreed");
    event()
        .target("/ce?access_token=x")
        .token_in(TokenPlace::Bearer)
        .passes("the other is not read");
}

#[test]
fn ids_lie_in_headers_or_in_the_body() {
    let hint = |text: &str| Some((text.to_owned(), false));
    // The source and the id; a slash within one is escaped.
    let id = "~1ctx/B234";
    let fields = [hint(id), hint("com.example.a"), None];
    assert_eq!(event().fields(), Ok(fields));
    let binary = event()
        .json("{\"any\":1}")
        .set("ce-id", "B234")
        .set("ce-source", "/ctx")
        .set("ce-type", "com.example.b");
    let fields = [hint(id), hint("com.example.b"), None];
    assert_eq!(binary.fields(), Ok(fields), "the same id in both modes");
    let other = binary.clone().set("ce-source", "/other").fields();
    let fields = [hint("~1other/B234"), hint("com.example.b"), None];
    assert_eq!(other, Ok(fields), "an id alone names nothing");
    let both = event().set("ce-id", "X").set("ce-source", "/x").fields();
    let fields = [hint("~1x/X"), hint("com.example.a"), None];
    assert_eq!(
        both,
        Ok(fields),
        "headers win over the body, and no mixture"
    );
    let half = binary.clone().without("ce-source").fields();
    assert_eq!(
        half,
        Ok([None, hint("com.example.b"), None]),
        "half an id is none"
    );
    let batch = event().body(format!("[{EVENT},{EVENT}]"));
    assert_eq!(batch.fields(), Ok([None, None, None]), "a batch has none");
    for name in ["ce-id", "ce-source"] {
        assert_eq!(binary.clone().add(name, "x").fields(), Err(repeated(name)));
        assert_eq!(binary.clone().set(name, "").fields(), Err(malformed(name)));
    }
    let twice = event().body(EVENT.replacen("\"id\"", "\"id\":\"A\",\"id\"", 1));
    assert_eq!(twice.fields(), Err(repeated("/id")));
}

#[test]
fn the_configured_origin_may_deliver() {
    let configured = |origin: &str| options(origin).config("allowed-origin", "sender.example.com");
    let good = configured("sender.example.com");
    good.gives(
        &Outcome::Answered(allowed("sender.example.com")),
        "as it is",
    );
    let with_token = good.clone().set("authorization", "Bearer wrong");
    with_token.answered(allowed("sender.example.com"), "it is no authentication");
    let callback = good
        .clone()
        .set("webhook-request-callback", "https://evil.example");
    callback.answered(allowed("sender.example.com"), "the callback is not called");
    for origin in [
        "evil.example",
        "sender.example.co",
        "sender.example.comm",
        "SENDER.example.com",
        "*",
        "null",
        "https://sender.example.com",
        "sender.example.com:443",
        "sender.example.com, evil.example",
        "<script>",
    ] {
        configured(origin).refused_at_open(SignatureMismatch, origin);
        let asked = configured(origin).with_consent();
        asked.refused_at_open(
            SignatureMismatch,
            format!("{origin}, and the application is not asked"),
        );
    }
    configured("").refused_at_open(malformed(ORIGIN), "empty");
    let twice = good.clone().add(ORIGIN, "sender.example.com");
    twice.refused_at_open(repeated(ORIGIN), "twice");
    good.clone()
        .without(ORIGIN)
        .refused_at_open(MethodNotAllowed, "none");
    good.method("POST")
        .refused_at_open(SignatureMissing, "a POST is a delivery");
}

#[test]
fn or_the_application_decides() {
    let asks = |origin: &str| options(origin).with_consent();
    asks("sender.example.com").gives(&Outcome::Asked(allowed("sender.example.com")), "any");
    for origin in [
        "<script>alert(1)</script>",
        "a\"b",
        "a'b",
        "a,b",
        "a\tb",
        "\u{e9}",
        "a%0d%0aset-cookie:x=1",
        "*",
        &"x".repeat(513),
    ] {
        asks(origin).refused_at_open(malformed(ORIGIN), origin);
    }
    let longest = "x".repeat(512);
    asks(&longest).gives(&Outcome::Asked(allowed(&longest)), "the longest");
    asks("a")
        .add(ORIGIN, "b")
        .refused_at_open(repeated(ORIGIN), "twice");
    asks("a")
        .without(ORIGIN)
        .refused_at_open(MethodNotAllowed, "none");
    options("a").refused_at_open(MethodNotAllowed, "nobody decides");
}

#[test]
fn an_allowed_origin_is_a_name() {
    for (origin, field) in [
        ("", Some("config")),
        (" sender.example.com", Some("config")),
        ("null", Some("config")),
        ("sender.example.com", None),
    ] {
        let error = options("a").config("allowed-origin", origin).build_error();
        assert_eq!(error.map(|error| error.field()), field, "{origin:?}");
    }
    let unknown = options("a")
        .config("allowed_origin", "a.example")
        .build_error();
    assert_eq!(unknown.map(|error| error.field()), Some("config"));
}
