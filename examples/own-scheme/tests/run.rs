//! Runs the example as a program and sends it real requests.
#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../../../tests/support/example.rs"]
mod example;

use countersign::{Message, Scheme, Secret, system_now};
use example::Example;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/acme.toml");
const SECRET: &str = "0123456789abcdef";

#[test]
fn the_file_is_the_scheme() {
    let example = Example::start(
        env!("CARGO_BIN_EXE_example-own-scheme"),
        &[("SCHEME_FILE", FILE), ("ACME_SECRET", SECRET)],
    );
    let acme = Scheme::from_toml(include_str!("../acme.toml")).unwrap();
    let secret = Secret::new(SECRET).unwrap();
    let body = br#"{"id":"ev_1","type":"thing.done"}"#;
    let headers = acme
        .sign(&secret, &Message::new(body, system_now()))
        .unwrap();

    assert_eq!(example.post("/acme", &headers, body), 204);
    assert_eq!(example.next_line(), "ev_1 thing.done");
    let altered = br#"{"id":"ev_2","type":"thing.done"}"#;
    assert_eq!(example.post("/acme", &headers, altered), 401);
    assert_eq!(example.post("/acme", &[], body), 401);
}
