//! Runs the example as a program and sends it real requests.
#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../../../tests/support/example.rs"]
mod example;

use countersign::{Message, Secret, providers::INTERCOM, system_now};
use example::Example;

const SECRET: &str = "0123456789abcdef";

fn send(example: &Example, secret: &str, body: &str) -> u16 {
    let secret = Secret::new(secret).unwrap();
    let signed = INTERCOM.sign(&secret, &Message::new(body.as_bytes(), system_now()));
    example.post("/intercom", &signed.unwrap(), body.as_bytes())
}

#[test]
fn what_is_done_is_answered_and_not_done_again() {
    let example = Example::start(
        env!("CARGO_BIN_EXE_example-actix-intercom"),
        &[("INTERCOM_SECRET", SECRET)],
    );
    let notification = |id: &str, topic: &str, user: &str| {
        format!(r#"{{"id":"{id}","topic":"{topic}","data":{{"item":{{"id":"{user}"}}}}}}"#)
    };
    let created = notification("notif_1", "user.created", "user_1");
    assert_eq!(send(&example, "another0secret00000000", &created), 401);
    assert_eq!(send(&example, SECRET, &created), 204);
    assert_eq!(example.next_line(), "user_1: user.created, run 1");
    // A retry, and a captured copy: answered, and nothing is printed.
    assert_eq!(send(&example, SECRET, &created), 204);
    // What fails for now comes again; what fails for good need not.
    let unready = notification("notif_2", "user.created", "");
    assert_eq!(send(&example, SECRET, &unready), 503);
    assert_eq!(send(&example, SECRET, &unready), 503);
    let other = notification("notif_3", "user.tagged", "user_1");
    assert_eq!(send(&example, SECRET, &other), 422);
    assert_eq!(send(&example, SECRET, &other), 200);

    let last = notification("notif_4", "user.created", "user_2");
    assert_eq!(send(&example, SECRET, &last), 204);
    assert_eq!(example.next_line(), "user_2: user.created, run 1");
    example.terminate();
    assert_eq!(example.next_line(), "everything is done");
}
