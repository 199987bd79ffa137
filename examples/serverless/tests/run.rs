//! Runs the example as a program and hands it requests as its host does.
#![cfg(test)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use countersign::{Message, Secret, providers::INTERCOM, system_now};
use serde_json::{Value, json};

const SECRET: &str = "0123456789abcdef";

fn event(secret: &str, body: &str) -> Value {
    let secret = Secret::new(secret).unwrap();
    let signed = INTERCOM.sign(&secret, &Message::new(body.as_bytes(), system_now()));
    let headers: serde_json::Map<String, Value> = signed
        .unwrap()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
        .collect();
    json!({"method": "POST", "path": "/intercom", "headers": headers, "body": body})
}

#[test]
fn each_delivery_is_done_in_place_and_once() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_example-serverless"))
        .env("INTERCOM_SECRET", SECRET)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let body = r#"{"id":"notif_1","topic":"user.created"}"#;
    let mut next = || lines.next().unwrap().unwrap();
    let probe = json!({"method": "HEAD", "path": "/intercom", "headers": {}, "body": ""});
    let decoded = json!({"method": "POST", "path": "/ ", "headers": {}, "body": ""});
    for (event, printed, status, text) in [
        (decoded, None, 400, ""),
        (event(SECRET, body), Some("notif_1: done"), 204, ""),
        (event(SECRET, body), None, 204, ""),
        (
            event("another0secret0000", body),
            None,
            401,
            "unauthorized\n",
        ),
        (probe, None, 200, ""),
    ] {
        writeln!(stdin, "{event}").unwrap();
        if let Some(printed) = printed {
            assert_eq!(next(), printed);
        }
        let answer: Value = serde_json::from_str(&next()).unwrap();
        assert_eq!(
            (&answer["status"], &answer["body"]),
            (&json!(status), &json!(text))
        );
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}
