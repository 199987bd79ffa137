//! Runs the example as a program and sends it real requests.
#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../../../tests/support/example.rs"]
mod example;

use countersign::providers::STRIPE;
use countersign::{Message, Secret, system_now};
use example::Example;
use http::{HeaderName, HeaderValue};

const SECRET: &str = "whsec_0123456789abcdef0123456789";
const BODY: &[u8] = br#"{"id":"evt_1","type":"invoice.paid"}"#;

/// As the load balancer hands it on: with the address that it was connected from at the end.
fn send(example: &Example, body: &[u8], came_through: &str) -> u16 {
    let secret = Secret::new(SECRET).unwrap();
    let message = Message::new(BODY, system_now());
    let mut headers = STRIPE.sign(&secret, &message).unwrap();
    headers.push((
        HeaderName::from_static("x-forwarded-for"),
        HeaderValue::from_str(came_through).unwrap(),
    ));
    example.post("/stripe", &headers, body)
}

#[test]
fn a_forger_is_kept_off_and_nobody_else() {
    let example = Example::start(
        env!("CARGO_BIN_EXE_example-behind-a-load-balancer"),
        &[
            ("STRIPE_SECRET", SECRET),
            ("LOAD_BALANCERS", "127.0.0.1,10.0.0.0/8"),
        ],
    );
    let forged = |came_through: &str| send(&example, b"{}", came_through);
    for hops in [
        "203.0.113.9",
        "198.51.100.1, 203.0.113.9",
        "203.0.113.9, 10.0.0.3",
    ] {
        assert_eq!(forged(hops), 401, "{hops}");
    }
    for hops in ["203.0.113.9", "198.51.100.2, 203.0.113.9"] {
        assert_eq!(forged(hops), 429, "{hops}");
    }
    assert_eq!(forged("203.0.113.10"), 401, "somebody else");
    for hops in ["203.0.113.10", "203.0.113.9"] {
        assert_eq!(send(&example, BODY, hops), 200, "{hops}");
        assert_eq!(example.next_line(), "invoice.paid");
    }
}
