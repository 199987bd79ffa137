//! Runs the example as a program and sends it real requests.
#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../../../tests/support/example.rs"]
mod example;

use countersign::providers::SLACK;
use countersign::{Message, Secret, system_now};
use example::Example;

const FIRST: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const SECOND: &str = "0123456789abcdef0123456789abcdef";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn send(example: &Example, secret: &str, media_type: &str, body: &str) -> u16 {
    let secret = Secret::new(secret).unwrap();
    let message = Message::new(body.as_bytes(), system_now()).media_type(media_type);
    let headers = SLACK.sign(&secret, &message).unwrap();
    example.post("/slack", &headers, body.as_bytes())
}

#[test]
fn each_app_signs_for_itself_alone() {
    let example = Example::start(
        env!("CARGO_BIN_EXE_example-slack-apps"),
        &[
            ("SLACK_APPS", &format!("A0123={FIRST},A0456={SECOND}")),
            ("SETTING_UP", "A0456"),
        ],
    );
    let event = r#"{"type":"event_callback","api_app_id":"A0123","team_id":"T1"}"#;
    assert_eq!(send(&example, FIRST, JSON, event), 200);
    assert_eq!(example.next_line(), "event_callback for A0123 in T1");
    let command = "command=%2Fweather&api_app_id=A0456&team_id=T2";
    assert_eq!(send(&example, SECOND, FORM, command), 200);
    assert_eq!(example.next_line(), "/weather for A0456 in T2");
    let action = "payload=%7B%22type%22%3A%22block_actions%22%2C%22api_app_id%22%3A%22A0123%22%2C%22team%22%3A%7B%22id%22%3A%22T1%22%7D%7D";
    assert_eq!(send(&example, FIRST, FORM, action), 200);
    assert_eq!(example.next_line(), "block_actions for A0123 in T1");

    // One app's secret under another app's name, an app that is none, and two apps at once.
    assert_eq!(send(&example, SECOND, JSON, event), 401);
    assert_eq!(send(&example, FIRST, FORM, command), 401);
    let nobody = event.replace("A0123", "A0789");
    assert_eq!(send(&example, FIRST, JSON, &nobody), 401);
    let twice = event.replace("\"team_id\"", "\"api_app_id\":\"A0456\",\"team_id\"");
    assert_eq!(send(&example, FIRST, JSON, &twice), 400);
    assert_eq!(send(&example, SECOND, JSON, &twice), 400);

    // The question names no app: it is answered for the one that is being set up.
    let question = r#"{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV"}"#;
    assert_eq!(send(&example, SECOND, JSON, question), 200);
    assert_eq!(send(&example, FIRST, JSON, question), 401);

    assert_eq!(send(&example, FIRST, JSON, &event.replace("T1", "T9")), 200);
    assert_eq!(example.next_line(), "event_callback for A0123 in T9");
}
