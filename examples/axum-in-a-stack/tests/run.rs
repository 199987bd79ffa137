//! Runs the example as a program and sends it real requests.
#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../../../tests/support/example.rs"]
mod example;

use countersign::{Message, Secret, providers::STRIPE, system_now};
use example::Example;

const SECRET: &str = "whsec_0123456789abcdef0123456789";

#[test]
fn what_is_outside_sees_all_and_what_is_inside_what_is_verified() {
    let example = Example::start(
        env!("CARGO_BIN_EXE_example-axum-in-a-stack"),
        &[("STRIPE_SECRET", SECRET)],
    );
    let body = br#"{"id":"evt_1","type":"invoice.paid"}"#;
    let sign = |secret: &str| {
        let secret = Secret::new(secret).unwrap();
        let message = Message::new(body, system_now());
        STRIPE.sign(&secret, &message).unwrap()
    };
    // Forgeries take none of the eight places.
    for _ in 0..20 {
        let forged = sign("whsec_another0secret00000000");
        assert_eq!(example.post("/hooks/stripe", &forged, body), 401);
        assert_eq!(example.next_line(), "outside: /stripe 401");
    }
    assert_eq!(example.post("/hooks/stripe", &sign(SECRET), body), 204);
    assert_eq!(example.next_line(), "inside: evt_1");
    assert_eq!(example.next_line(), "handler: invoice.paid");
    assert_eq!(example.next_line(), "outside: /stripe 204");
    // A copy gets the recorded answer, and nothing inside runs.
    assert_eq!(example.post("/hooks/stripe", &sign(SECRET), body), 204);
    assert_eq!(example.next_line(), "outside: /stripe 204");
    // The layer is the nested router's and nobody else's.
    assert_eq!(example.post("/stripe", &sign(SECRET), body), 404);
    assert_eq!(example.post("/health", &[], b""), 405);
}
