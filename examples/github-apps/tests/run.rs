//! Runs the example as a program and sends it real requests.
#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../../../tests/support/example.rs"]
mod example;

use countersign::providers::GITHUB;
use countersign::{Message, Secret, system_now};
use example::Example;

fn send(example: &Example, secret: &str, path: &str, body: &str) -> u16 {
    let secret = Secret::new(secret).unwrap();
    let message = Message::new(body.as_bytes(), system_now()).event("push");
    let headers = GITHUB.sign(&secret, &message).unwrap();
    example.post(path, &headers, body.as_bytes())
}

#[test]
fn each_customer_signs_for_himself_alone() {
    const ACME: &str = "0123456789abcdef-acme";
    const GLOBEX: &str = "0123456789abcdef-globex";
    let example = Example::start(
        env!("CARGO_BIN_EXE_example-github-apps"),
        &[(
            "CUSTOMERS",
            &format!("acme={ACME},globex={GLOBEX},r&d/two={ACME}-2,weak=hunter2"),
        )],
    );
    let body = r#"{"ref":"refs/heads/main","installation":{"id":7}}"#;
    assert_eq!(send(&example, ACME, "/github/acme", body), 204);
    assert_eq!(example.next_line(), "push of acme, who says installation 7");
    // The same body, the same installation: another customer, who is told apart all the same.
    assert_eq!(send(&example, GLOBEX, "/github/globex", body), 204);
    assert_eq!(
        example.next_line(),
        "push of globex, who says installation 7"
    );
    let escaped = "/github/r%26d%2Ftwo";
    assert_eq!(send(&example, &format!("{ACME}-2"), escaped, body), 204);
    assert_eq!(
        example.next_line(),
        "push of r&d/two, who says installation 7"
    );

    assert_eq!(send(&example, ACME, "/github/globex", body), 401);
    assert_eq!(send(&example, ACME, "/github/nobody", body), 401);
    assert_eq!(send(&example, ACME, "/github/%zz", body), 400);
    // A secret that cannot be used is our own fault: GitHub may deliver it again.
    assert_eq!(send(&example, ACME, "/github/weak", body), 503);

    assert_eq!(send(&example, ACME, "/github/acme", body), 204);
    assert_eq!(example.next_line(), "push of acme, who says installation 7");
}
