//! What is sent back: its characters and its length.

use std::collections::BTreeSet;

use super::*;
use crate::providers::CLOUDEVENTS;

/// Letters, digits and these: nothing that a browser could take for markup, and nothing that ends a line.
const SAFE: &[u8] = b"-._~+/=: ";

#[test]
fn exactly_the_safe_characters_are_sent_back() {
    let signed_by = |place: Place, mark: Place| {
        receiver(asking(
            ACME,
            Handshake {
                when: marked(mark),
                body: echo(place),
                ..Handshake::BASE
            },
        ))
    };
    let by_json = signed_by(json("/t"), json("/kind"));
    let by_form = signed_by(form_field("t"), form_field("kind"));
    let by_token = builder(subscribing())
        .config("verify-token", "my/token")
        .build()
        .unwrap();
    let mut passed = BTreeSet::new();
    for byte in 0..=u8::MAX {
        let is_safe = byte.is_ascii_alphanumeric() || SAFE.contains(&byte);
        let value = char::from(byte);
        let expect = |name| {
            if is_safe {
                Ok(text_reply(format!("a{value}b")))
            } else {
                Err(malformed(name))
            }
        };
        let body = format!(r#"{{"kind":"ask","t":"a\u{byte:04x}b"}}"#);
        let question = signed("POST", "h", "p", &body);
        assert_eq!(question.answer(&by_json), expect("/t"), "{byte}");
        let question = signed("POST", "h", "p", &format!("kind=ask&t=a%{byte:02x}b"));
        assert_eq!(question.answer(&by_form), expect("t"), "{byte}");
        let query = format!("/?mode=ask&token=my/token&challenge=a%{byte:02X}b");
        let answer = Ask::new("GET", query).answer(&by_token);
        assert_eq!(answer, expect("challenge"), "{byte}");
        if answer.is_ok() {
            passed.insert(byte);
        }
    }
    assert_eq!(passed.len(), 26 * 2 + 10 + SAFE.len());
    for byte in b"<>\"'&`\r\n\t\0(){}[]\\%;,?!@#$^*|" {
        assert!(!passed.contains(byte), "{byte}");
    }
}

#[test]
fn a_header_is_sent_back_under_the_same_rule() {
    let receiver = builder(CLOUDEVENTS)
        .accept_weak(danger::Weak::NothingSigned)
        .consent(|_| std::future::ready(true))
        .build()
        .unwrap();
    for byte in (0x20..=0xff).chain([b'\t']) {
        let is_safe = byte.is_ascii_alphanumeric() || SAFE.contains(&byte);
        if byte == 0x7f {
            continue;
        }
        let origin = [b'a', byte, b'b'];
        let question = Ask::new("OPTIONS", "/").header("webhook-request-origin", origin);
        match question.send(&receiver) {
            Ok(Finished::Asked(asked)) if is_safe => {
                let reply = asked.answer(true).unwrap();
                assert_eq!(reply.headers[0].1.as_bytes(), origin);
            }
            Err(refusal) if !is_safe => assert_eq!(refusal, malformed("webhook-request-origin")),
            other => panic!("{byte}: {other:?}"),
        }
    }
}

#[test]
fn what_is_sent_back_has_a_length() {
    let by_json = receiver(asking(
        ACME,
        Handshake {
            when: marked(json("/kind")),
            body: echo(json("/t")),
            ..Handshake::BASE
        },
    ));
    let ask = |len: usize| {
        let body = format!(r#"{{"kind":"ask","t":"{}"}}"#, "a".repeat(len));
        signed("POST", "h", "p", &body).answer(&by_json)
    };
    assert_eq!(ask(0), Err(malformed("/t")));
    assert_eq!(ask(1), Ok(text_reply("a")));
    assert_eq!(ask(512), Ok(text_reply("a".repeat(512))));
    assert_eq!(ask(513), Err(malformed("/t")));
    let by_token = builder(subscribing())
        .config("verify-token", "my/token")
        .build()
        .unwrap();
    let ask = |len: usize| {
        let challenge = "a".repeat(len);
        let uri = format!("/?mode=ask&token=my/token&challenge={challenge}");
        Ask::new("GET", uri).answer(&by_token)
    };
    assert_eq!(ask(512), Ok(text_reply("a".repeat(512))));
    assert_eq!(ask(513), Err(malformed("challenge")));
    assert_eq!(ask(3_000), Err(malformed("challenge")));
}
