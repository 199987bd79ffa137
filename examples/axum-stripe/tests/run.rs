//! Runs the example as a program and sends it real requests.
#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../../../tests/support/example.rs"]
mod example;

use countersign::{Message, Secret, providers::STRIPE, system_now};
use example::Example;

const SECRET: &str = "whsec_0123456789abcdef0123456789";

#[test]
fn stripe_gets_in_and_a_forger_does_not() {
    let example = Example::start(
        env!("CARGO_BIN_EXE_example-axum-stripe"),
        &[("STRIPE_SECRET", SECRET)],
    );
    let body = br#"{"id":"evt_1","type":"invoice.paid","data":{"object":{"id":"in_1"}}}"#;
    let sign = |secret: &str| {
        let secret = Secret::new(secret).unwrap();
        STRIPE
            .sign(&secret, &Message::new(body, system_now()))
            .unwrap()
    };
    assert_eq!(example.post("/stripe", &sign(SECRET), body), 204);
    assert_eq!(
        example.post("/stripe", &sign("whsec_another0secret00000000"), body),
        401
    );
    assert_eq!(example.post("/stripe", &[], body), 401);
    assert_eq!(example.next_line(), "evt_1: invoice.paid of in_1");
}
