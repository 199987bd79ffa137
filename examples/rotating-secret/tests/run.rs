//! Runs the example as a program and sends it real requests.
#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../../../tests/support/example.rs"]
mod example;

use countersign::providers::GITHUB;
use countersign::{Message, Secret, system_now};
use example::Example;

const NEW: &str = "0123456789abcdef-new";
const OLD: &str = "0123456789abcdef-old";

fn start(old_secret_ends: &str) -> Example {
    Example::start(
        env!("CARGO_BIN_EXE_example-rotating-secret"),
        &[
            ("SECRET", NEW),
            ("OLD_SECRET", OLD),
            ("OLD_SECRET_ENDS", old_secret_ends),
        ],
    )
}

fn send(example: &Example, secret: &str) -> u16 {
    let body = br#"{"ref":"refs/heads/main"}"#;
    let secret = Secret::new(secret).unwrap();
    let headers = GITHUB
        .sign(&secret, &Message::new(body, system_now()))
        .unwrap();
    example.post("/github", &headers, body)
}

#[test]
fn both_secrets_are_good_until_the_old_one_ends() {
    // In the year 2242.
    let while_rotating = start("8600000000");
    for (secret, label) in [(OLD, "old"), (NEW, "new"), (OLD, "old")] {
        assert_eq!(send(&while_rotating, secret), 204);
        assert_eq!(while_rotating.next_line(), format!("signed with {label}"));
    }
    assert_eq!(send(&while_rotating, "0123456789abcdef-other"), 401);

    let afterwards = start("1000000000");
    assert_eq!(send(&afterwards, OLD), 401);
    assert_eq!(send(&afterwards, NEW), 204);
    assert_eq!(afterwards.next_line(), "signed with new");
}
