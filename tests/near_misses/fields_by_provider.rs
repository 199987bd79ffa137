//! The fields of GitHub's, Slack's and Shopify's deliveries, and event names everywhere.

use countersign::Refusal::BodyMalformed;

use crate::attempt::{GITHUB, SHOPIFY, malformed, repeated};
use crate::fields::{fields, github, hint, signed, slack, standard_webhooks, stripe, unusable};

const UNUSABLE_IN_A_HEADER: [&[u8]; 6] =
    [b"", b" ", b"a\tb", b"a\xff", &[b'x'; 257], &[b'x'; 3_000]];

#[test]
fn github_signs_neither_id_nor_event() {
    let with = |body: &str| {
        github(body)
            .set("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
            .set("x-github-event", "push")
    };
    let (id, event) = (hint("72d3162e-cc78-11e3-81ab-4c9367dc0958"), hint("push"));
    let json = r#"{"installation":{"id":123456789012},"id":"x","event":"y"}"#;
    // The form of `payload={"installation":{"id":7}}`.
    let form = "payload=%7B%22installation%22%3A%7B%22id%22%3A7%7D%7D";
    for (body, tenant) in [
        (json, signed("123456789012")),
        ("{}", None),
        (form, signed("7")),
        ("payload=%7B%7D", None),
    ] {
        assert_eq!(
            fields(&with(body)),
            Ok([id.clone(), event.clone(), tenant]),
            "{body}"
        );
    }
    let two_payloads = format!("{form}&payload=%7B%7D");
    assert_eq!(fields(&with(&two_payloads)), Err(repeated("payload")));
    let broken = "payload=%7B%22installation%22%3A";
    assert_eq!(fields(&with(broken)), Err(BodyMalformed));
    for name in ["x-github-delivery", "x-github-event"] {
        assert_eq!(fields(&with("{}").add(name, "x")), Err(repeated(name)));
    }
    let name = "x-github-delivery";
    for bad in UNUSABLE_IN_A_HEADER {
        assert_eq!(
            fields(&with("{}").set(name, bad)),
            Err(malformed(name)),
            "{bad:?}"
        );
    }
}

#[test]
fn slack_events_commands_and_interactivity() {
    let event = r#"{"token":"x","team_id":"T1","type":"event_callback","event_id":"Ev1","event":{"type":"app_mention","team":"T9"}}"#;
    let command = "token=x&team_id=T1&command=%2Fweather&text=94070";
    // The form of `payload={"type":"block_actions","team":{"id":"T1"}}`.
    let interactive =
        "payload=%7B%22type%22%3A%22block_actions%22%2C%22team%22%3A%7B%22id%22%3A%22T1%22%7D%7D";
    for (body, expected) in [
        (event, [signed("Ev1"), signed("app_mention"), signed("T1")]),
        (command, [None, signed("/weather"), signed("T1")]),
        (interactive, [None, signed("block_actions"), signed("T1")]),
        ("ssl_check=0&token=x", [None, None, None]),
        ("event_id=Ev1&type=event_callback", [None, None, None]),
        ("command=&team_id=", [None, None, None]),
        ("", [None, None, None]),
    ] {
        assert_eq!(fields(&slack(body)), Ok(expected), "{body}");
    }
    for (body, refusal) in [
        (format!("{command}&command=%2Fweather"), repeated("command")),
        (format!("{command}&c%6Fmmand=x"), repeated("command")),
        (format!("{command}&team_id=T2"), repeated("team_id")),
        (format!("{interactive}&payload=x"), repeated("payload")),
        (
            "payload=%7B%22team%22%3A%7B%22id%22%3A1.5%7D%7D".into(),
            malformed("/team/id"),
        ),
        (
            "payload=%7B%22type%22%3A%22a%22%2C%22type%22%3A%22b%22%7D".into(),
            repeated("/type"),
        ),
        ("payload=x".into(), BodyMalformed),
        (
            "command=%2Fweather&team_id=%0A".into(),
            malformed("team_id"),
        ),
        (r#"{"event_id":7.5}"#.into(), malformed("/event_id")),
        (
            r#"{"event_id":"a","event_id":"b"}"#.into(),
            repeated("/event_id"),
        ),
        (r#"{"team_id":["T1"]}"#.into(), malformed("/team_id")),
    ] {
        assert_eq!(fields(&slack(&body)), Err(refusal), "{body}");
    }
}

#[test]
fn shopify_takes_its_hints_from_the_family_that_was_verified() {
    let preferred = SHOPIFY.attempt().set("shopify-hmac-sha256", SHOPIFY.tag);
    assert_eq!(
        fields(&preferred),
        Ok([None, None, None]),
        "never completed from the other"
    );
    let whole = preferred
        .set("shopify-webhook-id", "e1")
        .set("shopify-topic", "orders/paid")
        .set("shopify-shop-domain", "shop2.myshopify.io");
    let expected = [hint("e1"), hint("orders/paid"), hint("shop2.myshopify.io")];
    assert_eq!(fields(&whole), Ok(expected));
    let older = whole.without("shopify-hmac-sha256");
    let expected = [
        hint("123456789"),
        hint("products/create"),
        hint("shop1.myshopify.io"),
    ];
    assert_eq!(
        fields(&older),
        Ok(expected),
        "without its signature the preferred family is not there"
    );
    let twice = SHOPIFY.attempt().add("x-shopify-webhook-id", "123456789");
    assert_eq!(fields(&twice), Err(repeated("x-shopify-webhook-id")));
    for bad in UNUSABLE_IN_A_HEADER {
        for name in ["x-shopify-webhook-id", "x-shopify-shop-domain"] {
            let attempt = SHOPIFY.attempt().set(name, bad);
            assert_eq!(fields(&attempt), Err(malformed(name)), "{bad:?}");
        }
    }
}

/// A field that does not parse is a refusal, never "not given": a handler that chooses by event would take the delivery for one without.
#[test]
fn an_event_name_that_cannot_be_used_is_malformed_and_not_absent() {
    for value in unusable().into_iter().chain(["\"\"".to_owned()]) {
        let body = format!("{{\"type\":{value}}}");
        assert_eq!(fields(&stripe(&body)), Err(malformed("/type")), "{body}");
    }
    for (body, name) in [
        ("payload=%7B%22type%22%3A1.5%7D", "/type"),
        ("command=%0A&team_id=T1", "command"),
        (r#"{"event":{"type":["x"]}}"#, "/event/type"),
    ] {
        assert_eq!(fields(&slack(body)), Err(malformed(name)), "{body}");
    }
    for bad in UNUSABLE_IN_A_HEADER {
        let attempt = GITHUB.attempt().set("x-github-event", bad);
        assert_eq!(
            fields(&attempt),
            Err(malformed("x-github-event")),
            "{bad:?}"
        );
        let attempt = SHOPIFY.attempt().set("x-shopify-topic", bad);
        assert_eq!(
            fields(&attempt),
            Err(malformed("x-shopify-topic")),
            "{bad:?}"
        );
    }
    assert_eq!(fields(&stripe("{")), Err(BodyMalformed));
}

/// The specification asks nothing of the payload's form: no genuine delivery is lost for a `type` that is no event name.
#[test]
fn a_standard_webhooks_payload_may_have_any_form() {
    let id = signed("msg_p5jXN8AQM9LWM0D4loKWxJek");
    for body in [
        r#"{"type":{"a":1}}"#,
        r#"{"type":1,"type":2}"#,
        "{{ raw }}",
        "<a/>",
        "",
    ] {
        assert_eq!(
            fields(&standard_webhooks(body)),
            Ok([id.clone(), None, None]),
            "{body}"
        );
        for kind in [
            "application/xml",
            "application/cloudevents+json",
            "text/plain",
        ] {
            let attempt = standard_webhooks(body).set("content-type", kind);
            assert_eq!(fields(&attempt), Ok([id.clone(), None, None]), "{kind}");
        }
    }
}
