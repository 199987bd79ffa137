//! The payload is where the scheme keeps it.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::Deserialize;

use super::*;
use crate::providers::{GITHUB, SLACK};
use crate::scheme::{Payload, Scheme};
use crate::sign::Message;
use crate::{Receiver, Secret, Timestamp, text};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn delivered(scheme: Scheme, body: &[u8]) -> Delivery {
    let secret = || Secret::new("It's a Secret to Everybody").unwrap();
    let headers = scheme.sign(&secret(), &Message::new(body, NOW)).unwrap();
    let mut request = http::Request::post("/").body(()).unwrap();
    request.headers_mut().extend(headers);
    let receiver = Receiver::builder(scheme, secret()).build().unwrap();
    let body = body.to_vec().into();
    receiver
        .verify(&request, body, NOW)
        .unwrap()
        .deliver(&request)
        .unwrap()
}

/// GitHub's signature over payloads in other places.
fn kept_in(payload: &'static [Payload]) -> Scheme {
    Scheme {
        payload: payload.into(),
        ..GITHUB
    }
}

const PAPERTRAIL: &[Payload] = &[Payload::FormField(text!("payload"))];
const MANDRILL: &[Payload] = &[Payload::FormField(crate::scheme::Text::Borrowed(
    "mandrill_events",
))];
const ANY: &[Payload] = &[Payload::Body, Payload::Form];

#[track_caller]
fn explained<T: Debug>(read: Result<T, PayloadError>) -> (PayloadErrorKind, String) {
    let error = read.unwrap_err();
    (error.kind(), error.explain())
}

#[derive(Debug, Deserialize, PartialEq)]
struct Event {
    id: u64,
}

#[test]
fn json_in_the_body_and_in_a_field() {
    let event = Event { id: u64::MAX };
    for body in [
        &br#" {"id":18446744073709551615,"x":[{}]} "#[..],
        b"payload=%7B%22id%22%3A18446744073709551615%7D",
    ] {
        let delivery = delivered(GITHUB, body);
        assert_eq!(delivery.read::<Event>().as_ref(), Ok(&event));
        assert_eq!(delivery.json::<Event>().as_ref(), Ok(&event));
        assert_eq!(&**delivery.body(), body);
    }
    let delivery = delivered(
        kept_in(PAPERTRAIL),
        b"payload=%7B%22id%22%3A7711561783320576%7D",
    );
    assert_eq!(
        delivery.read(),
        Ok(Event {
            id: 7_711_561_783_320_576
        })
    );
    let delivery = delivered(
        kept_in(MANDRILL),
        b"mandrill_events=%5B%7B%22id%22%3A1%7D%2C+%7B%22id%22%3A2%7D%5D",
    );
    assert_eq!(delivery.read(), Ok(vec![Event { id: 1 }, Event { id: 2 }]));

    let interaction = delivered(SLACK, b"payload=%7B%22id%22%3A3%7D");
    assert_eq!(interaction.read(), Ok(Event { id: 3 }));
    // Who wants the form gets it, if it is one.
    assert_eq!(
        interaction.form(),
        Ok(BTreeMap::from([(
            "payload".to_owned(),
            r#"{"id":3}"#.to_owned()
        )]))
    );
}

#[test]
fn a_form() {
    let command = delivered(SLACK, b"command=%2Fdeploy&text=a+b&id=7");
    assert_eq!(command.read(), Ok(Event { id: 7 }));
    assert_eq!(command.form(), Ok(Event { id: 7 }));
    assert_eq!(
        explained(command.json::<Event>()),
        (
            PayloadErrorKind::Unsupported,
            "the JSON payload is not supported: the payload is a form".to_owned()
        )
    );
    for document in [
        &br#"{"id":7}"#[..],
        b"<id>7</id>",
        b" [7]",
        b"\xef\xbb\xbf<a/>",
    ] {
        assert_eq!(
            explained(delivered(kept_in(ANY), document).form::<Event>()),
            (
                PayloadErrorKind::Unsupported,
                "the form payload is not supported: the body is a document".to_owned()
            )
        );
    }
}

#[test]
fn no_json() {
    let malformed = |found: &str| {
        (
            PayloadErrorKind::Malformed,
            format!("the JSON payload is malformed: {found}"),
        )
    };
    let read =
        |body: &[u8]| explained(delivered(kept_in(MANDRILL), body).read::<serde_json::Value>());
    // No field of that name, or two: the form is no document.
    assert_eq!(
        read(b"other=1"),
        malformed("expected value at line 1 column 1")
    );
    assert_eq!(
        read(b"mandrill_events=1&mandrill_events=1"),
        malformed("expected value at line 1 column 1")
    );
    assert_eq!(
        read(b"mandrill_events="),
        malformed("EOF while parsing a value at line 1 column 0")
    );
    assert_eq!(
        read(b"mandrill_events=%7B%7Dx"),
        malformed("trailing characters at line 1 column 3")
    );
    // Replaced where it was decoded, it would be JSON.
    assert_eq!(
        read(b"mandrill_events=%22%FF%22"),
        malformed("it is no UTF-8")
    );
    assert_eq!(
        read(b"mandrill_events=1&x=%FF"),
        malformed("it is no UTF-8")
    );

    let deep = |depth: usize| {
        format!(
            "mandrill_events={}{}",
            "%5B".repeat(depth),
            "%5D".repeat(depth)
        )
    };
    assert!(
        delivered(kept_in(MANDRILL), deep(127).as_bytes())
            .read::<serde_json::Value>()
            .is_ok()
    );
    for depth in [128, 100_000] {
        assert_eq!(
            read(deep(depth).as_bytes()),
            malformed("recursion limit exceeded at line 1 column 128")
        );
    }
}

#[test]
fn another_type() {
    let error = |body: &[u8]| {
        delivered(GITHUB, body)
            .read::<BTreeMap<String, Event>>()
            .unwrap_err()
    };
    let nested = error(br#"{"a":{"id":"planted"}}"#);
    assert_eq!(
        (nested.kind(), nested.path()),
        (PayloadErrorKind::Mismatch, Some("a.id"))
    );
    assert_eq!(
        nested.to_string(),
        "the JSON payload does not fit the type asked for, at `a.id`"
    );
    assert_eq!(
        nested.explain(),
        format!("{nested}: invalid type: string \"planted\", expected u64 at line 1 column 20")
    );
    assert!(!format!("{nested:?}").contains("planted"));
    let whole = error(b"payload=7");
    assert_eq!(whole.path(), None);
    assert_eq!(
        whole.explain(),
        "the JSON payload does not fit the type asked for: invalid type: integer `7`, expected a map at line 1 column 1"
    );
    let twice = delivered(GITHUB, br#"{"id":1,"id":2}"#).read::<Event>();
    assert_eq!(twice.unwrap_err().kind(), PayloadErrorKind::Mismatch);
}

#[cfg(feature = "xml")]
#[test]
fn xml_in_the_body_and_in_a_field() {
    for body in [
        &b"\n<event><id>7</id></event>"[..],
        b"\xef\xbb\xbf<?xml version='1.0'?><event><id>7</id></event>",
    ] {
        // Beside a form too, which cannot look like this.
        for scheme in [GITHUB, kept_in(ANY)] {
            let delivery = delivered(scheme, body);
            let read = delivery.read().map_err(|error| error.explain());
            assert_eq!(read, Ok(Event { id: 7 }));
        }
    }
    let field = delivered(
        kept_in(MANDRILL),
        b"mandrill_events=%3Ce%3E%3Cid%3E7%3C%2Fid%3E%3C%2Fe%3E",
    );
    assert_eq!(field.read(), Ok(Event { id: 7 }));
    assert_eq!(field.xml(), Ok(Event { id: 7 }));
    let json = delivered(GITHUB, br#"{"id":7}"#).xml::<Event>();
    assert_eq!(json.unwrap_err().kind(), PayloadErrorKind::Malformed);
    let form = delivered(kept_in(ANY), b"id=7").xml::<Event>();
    assert_eq!(form.unwrap_err().kind(), PayloadErrorKind::Unsupported);
}

#[cfg(not(feature = "xml"))]
#[test]
fn xml_without_its_feature() {
    assert_eq!(
        explained(delivered(GITHUB, b"<id>7</id>").read::<Event>()),
        (
            PayloadErrorKind::Unsupported,
            "the XML payload is not supported: the feature `xml` is off".to_owned()
        )
    );
}
