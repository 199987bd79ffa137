//! Runs the example as a program and sends it real requests.
#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../../../tests/support/example.rs"]
mod example;

use std::fmt::Write as _;

use countersign::providers::STANDARD_WEBHOOKS;
use countersign::{Message, Secret, system_now};
use example::Example;

const BODY: &str = r#"{"type":"order.placed"}"#;

/// Twenty-four bytes in base64, another one's for each number: its digits are digits of base64, too.
fn secret_of(number: usize) -> String {
    format!("whsec_MDEyMzQ1Njc4OWFiY2RlZmdo{number:08}")
}

fn send(example: &Example, secret: &str, endpoint: &str, id: &str) -> u16 {
    let secret = Secret::new(secret).unwrap();
    let message = Message::new(BODY.as_bytes(), system_now()).id(id);
    let headers = STANDARD_WEBHOOKS.sign(&secret, &message).unwrap();
    example.post(&format!("/in/{endpoint}"), &headers, BODY.as_bytes())
}

#[test]
fn a_thousand_endpoints_are_told_apart() {
    let mut lines = String::new();
    for number in 0..1_000 {
        writeln!(lines, "endpoint-{number} {}", secret_of(number)).unwrap();
    }
    let (old, new) = (secret_of(1_000), secret_of(1_001));
    writeln!(lines, "rotating {old} {new}").unwrap();
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("endpoints.txt");
    std::fs::write(&file, lines).unwrap();
    let example = Example::start(
        env!("CARGO_BIN_EXE_example-thousand-endpoints"),
        &[("ENDPOINTS", file.to_str().unwrap())],
    );
    // One id for all: at each of them it is another delivery.
    for number in 0..1_000 {
        let endpoint = format!("endpoint-{number}");
        let own = secret_of(number);
        assert_eq!(send(&example, &own, &endpoint, "msg_1"), 204, "{number}");
        assert_eq!(example.next_line(), format!("msg_1 at {endpoint}"));
    }
    for number in [0, 1, 499, 999] {
        let endpoint = format!("endpoint-{number}");
        let (own, other) = (secret_of(number), secret_of((number + 1) % 1_000));
        // A retry is answered and prints nothing.
        assert_eq!(send(&example, &own, &endpoint, "msg_1"), 204);
        assert_eq!(send(&example, &other, &endpoint, "msg_2"), 401);
        assert_eq!(send(&example, &own, &endpoint, "msg_2"), 204);
        assert_eq!(example.next_line(), format!("msg_2 at {endpoint}"));
    }
    assert_eq!(send(&example, &secret_of(0), "endpoint-1000", "msg_1"), 401);
    for (secret, id) in [(old, "msg_1"), (new, "msg_2")] {
        assert_eq!(send(&example, &secret, "rotating", id), 204);
        assert_eq!(example.next_line(), format!("{id} at rotating"));
    }
}
