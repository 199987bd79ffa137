//! Runs the example as a program and sends it real requests.
#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../../../tests/support/example.rs"]
mod example;

use std::io::Write as _;
use std::time::Duration;

use countersign::{Message, Secret, providers::STRIPE, system_now};
use example::Example;

const SECRET: &str = "whsec_0123456789abcdef0123456789";

/// Sends the event, signed that many seconds ago.
fn send(example: &Example, body: &str, age: u64) -> u16 {
    let now = system_now().saturating_sub(Duration::from_secs(age));
    let secret = Secret::new(SECRET).unwrap();
    let signed = STRIPE.sign(&secret, &Message::new(body.as_bytes(), now));
    example.post("/stripe", &signed.unwrap(), body.as_bytes())
}

#[test]
fn what_is_done_is_answered_and_not_done_again() {
    let example = Example::start(
        env!("CARGO_BIN_EXE_example-run-once"),
        &[("STRIPE_SECRET", SECRET)],
    );
    let event = |id: &str, kind: &str, invoice: &str| {
        format!(r#"{{"id":"{id}","type":"{kind}","data":{{"object":{{"id":"{invoice}"}}}}}}"#)
    };
    let paid = event("evt_1", "invoice.paid", "in_1");
    assert_eq!(send(&example, &paid, 2), 204);
    assert_eq!(example.next_line(), "in_1: invoice.paid, run 1");
    // A retry, signed afresh, and a captured copy: answered, and nothing is printed.
    assert_eq!(send(&example, &paid, 1), 204);
    assert_eq!(send(&example, &paid, 2), 204);
    // What fails for now comes again; what fails for good need not.
    let unready = event("evt_2", "invoice.paid", "");
    assert_eq!(send(&example, &unready, 1), 503);
    assert_eq!(send(&example, &unready, 0), 503);
    let other = event("evt_3", "plan.created", "plan_1");
    assert_eq!(send(&example, &other, 1), 422);
    assert_eq!(send(&example, &other, 0), 200);
    assert_eq!(example.next_line(), "plan_1: plan.created is none of ours");

    let last = event("evt_4", "invoice.paid", "in_2");
    assert_eq!(send(&example, &last, 0), 204);
    assert_eq!(example.next_line(), "in_2: invoice.paid, run 1");
    // Somebody who has sent half a request keeps nobody from ending in order.
    let mut idle = example.connect();
    idle.write_all(b"POST /stripe HTTP/1.1\r\nhost: x\r\n")
        .unwrap();
    example.terminate();
    let ended = example.next_line();
    drop(idle);
    assert_eq!(ended, "everything is done");
}
