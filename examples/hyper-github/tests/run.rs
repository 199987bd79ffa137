//! Runs the example as a program and sends it real requests.
#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../../../tests/support/example.rs"]
mod example;

use example::Example;
use http::{HeaderName, HeaderValue};

/// The example of GitHub's documentation on validating deliveries.
const SECRET: &str = "It's a Secret to Everybody";
const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

#[test]
fn github_gets_in_and_a_forger_does_not() {
    let example = Example::start(
        env!("CARGO_BIN_EXE_example-hyper-github"),
        &[("GITHUB_SECRET", SECRET)],
    );
    let headers = [
        (
            HeaderName::from_static("x-hub-signature-256"),
            HeaderValue::from_static(SIGNATURE),
        ),
        (
            HeaderName::from_static("x-github-event"),
            HeaderValue::from_static("push"),
        ),
    ];
    assert_eq!(example.post("/", &headers, b"Hello, World!"), 204);
    assert_eq!(example.post("/", &headers, b"Hello, World?"), 401);
    assert_eq!(example.post("/", &headers[1..], b"Hello, World!"), 401);
    assert_eq!(example.next_line(), "push: 13 bytes");
}
