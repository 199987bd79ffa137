//! Runs the example as a program and sends it real requests.
#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../../../tests/support/example.rs"]
mod example;

use countersign::providers::{SHOPIFY, SLACK, STRIPE};
use countersign::{Message, Scheme, Secret, system_now};
use example::Example;

const STRIPE_SECRET: &str = "whsec_0123456789abcdef0123456789";
const SLACK_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const NEW_SECRET: &str = "hush-0123456789-new";
const OLD_SECRET: &str = "hush-0123456789-old";

fn send(
    example: &Example,
    path: &str,
    scheme: &Scheme,
    secret: &str,
    media_type: &str,
    body: &str,
) -> u16 {
    let secret = Secret::new(secret).unwrap();
    let message = Message::new(body.as_bytes(), system_now())
        .event("orders/create")
        .media_type(media_type);
    let headers = scheme.sign(&secret, &message).unwrap();
    example.post(path, &headers, body.as_bytes())
}

#[test]
fn each_route_knows_its_own_service_only() {
    let example = Example::start(
        env!("CARGO_BIN_EXE_example-several-services"),
        &[
            ("STRIPE_SECRET", STRIPE_SECRET),
            ("SLACK_SECRET", SLACK_SECRET),
            ("SHOPIFY_SECRET", NEW_SECRET),
            ("SHOPIFY_OLD_SECRET", OLD_SECRET),
        ],
    );
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";

    let event = r#"{"type":"invoice.paid"}"#;
    assert_eq!(
        send(&example, "/stripe", &STRIPE, STRIPE_SECRET, json, event),
        204
    );
    assert_eq!(example.next_line(), "stripe: invoice.paid");
    assert_eq!(
        send(&example, "/slack", &STRIPE, STRIPE_SECRET, json, event),
        401,
        "another service's signature"
    );
    assert_eq!(
        send(&example, "/stripe", &STRIPE, SLACK_SECRET, json, event),
        401,
        "another service's secret"
    );

    let slack = |media_type, body| send(&example, "/slack", &SLACK, SLACK_SECRET, media_type, body);
    assert_eq!(slack(json, r#"{"type":"event_callback"}"#), 200);
    assert_eq!(example.next_line(), "slack: event_callback");
    assert_eq!(slack(form, "command=%2Fweather&text=94070"), 200);
    assert_eq!(example.next_line(), "slack: /weather 94070");
    assert_eq!(
        slack(form, "payload=%7B%22type%22%3A%22block_actions%22%7D"),
        200
    );
    assert_eq!(example.next_line(), "slack: block_actions");

    let order = r#"{"id":820982911946154508}"#;
    for (secret, label) in [
        (NEW_SECRET, "SHOPIFY_SECRET"),
        (OLD_SECRET, "SHOPIFY_OLD_SECRET"),
    ] {
        assert_eq!(
            send(&example, "/shopify", &SHOPIFY, secret, json, order),
            204
        );
        assert_eq!(
            example.next_line(),
            format!("shopify: orders/create 820982911946154508 under {label}")
        );
    }
}
