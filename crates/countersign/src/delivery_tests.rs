//! What tells deliveries apart, and how long a field may be.

use super::*;
use crate::danger::{Deduplicate, Weak};
use crate::receiver::Receiver;
use crate::scheme::Grade;
use crate::scheme::{Part, Scheme, SignatureRule};
use crate::store::MemoryStore;
use crate::{Secret, list, text};

const SECRET: &str = "0123456789abcdef";
/// 2021-02-25T15:02:10Z.
const NOW: Timestamp = Timestamp::from_secs(1_614_265_330);

/// By a MAC that this library does not compute.
fn tag(content: &str) -> String {
    use ::hmac::{Hmac, KeyInit as _, Mac as _};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(content.as_bytes());
    base16ct::lower::encode_string(&mac.finalize().into_bytes())
}

fn acme<const N: usize>(content: [Part; N]) -> Scheme {
    Scheme {
        name: text!("acme"),
        content: content.to_vec().into(),
        signature: SignatureRule {
            place: Place::Header(text!("x-signature")),
            ..SignatureRule::BASE
        },
        media_types: list![],
        ..Scheme::BASE
    }
}

fn send(receiver: &Receiver, body: &str, content: &str) -> Delivery {
    deliver(
        receiver.verify(&head(content), Bytes::from(body.to_owned()), NOW),
        content,
    )
}

fn head(content: &str) -> http::Request<()> {
    http::Request::post("/")
        .header("x-signature", tag(content))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(())
        .unwrap()
}

fn deliver(verified: Result<Verified, Refusal>, content: &str) -> Delivery {
    verified.unwrap().deliver(&head(content)).unwrap()
}

#[test]
fn a_field_is_its_text_and_whether_it_is_signed() {
    let receiver = Receiver::builder(
        Scheme {
            id: list![Place::Json(text!("/id"))],
            ..acme([Part::Body])
        },
        Secret::new(SECRET).unwrap(),
    )
    .build()
    .unwrap();
    let id = |body: &str| send(&receiver, body, body).id().cloned().unwrap();
    let one = id(r#"{"id":"1"}"#);
    assert_eq!(one.as_str(), "1");
    assert_eq!(one, id(r#"{"id":"1","more":1}"#));
    // Copied, and not shared with the body.
    assert_eq!(one, id(r#"{"id":"\u0031"}"#));
    assert_ne!(one, id(r#"{"id":"2"}"#));
    let unsigned = Field {
        signed: false,
        ..one.clone()
    };
    assert_ne!(one, unsigned);
}

#[test]
fn a_field_of_several_values_may_be_as_long_as_they_are_together() {
    let all = Place::All(vec![Place::Json(text!("/a")), Place::Json(text!("/b"))].into());
    let receiver = Receiver::builder(
        Scheme {
            id: vec![all].into(),
            ..acme([Part::Body])
        },
        Secret::new(SECRET).unwrap(),
    )
    .build()
    .unwrap();
    let long = "x".repeat(MAX_FIELD_LEN);
    let body = format!(r#"{{"a":"{long}","b":"{long}"}}"#);
    let found = send(&receiver, &body, &body);
    assert_eq!(
        found.id().map(Field::as_str),
        Some(format!("{long}/{long}").as_str())
    );
    let longer = "x".repeat(MAX_JOINED_LEN);
    let body = format!(r#"{{"a":"{longer}","b":"1"}}"#);
    let verified = receiver.verify(&head(&body), Bytes::from(body.clone()), NOW);
    assert_eq!(
        verified.unwrap().deliver(&head(&body)).err(),
        Some(Refusal::FieldMalformed { name: text!("/a") })
    );
}

#[test]
fn another_body_is_seen_where_the_content_does_not_cover_it() {
    let receiver = Receiver::builder(
        Scheme {
            id: list![Place::Json(text!("/a"))],
            grade: Grade::SignatureBesideBody,
            ..acme([Part::Json(text!("/a"))])
        },
        Secret::new(SECRET).unwrap(),
    )
    .accept_weak(Weak::BodyNotSigned)
    .store(MemoryStore::single_process(1))
    .build()
    .unwrap();
    let once = |body: &str| {
        let verified = receiver.verify(&head("1"), Bytes::from(body.to_owned()), NOW);
        deliver(verified, "1").0.once.unwrap()
    };
    let (first, second) = (once(r#"{"a":1,"b":1}"#), once(r#"{"a":1,"b":2}"#));
    assert_eq!(first.key, second.key);
    assert_eq!(first.signature, second.signature);
    assert_ne!(first.content, second.content);
}

#[test]
fn the_same_fields_in_another_order_are_the_same_body() {
    let receiver = Receiver::builder(
        Scheme {
            media_types: list![text!("application/x-www-form-urlencoded")],
            ..acme([Part::FormSorted])
        },
        Secret::new(SECRET).unwrap(),
    )
    .store(MemoryStore::single_process(1))
    .deduplicate(Deduplicate::ByContent)
    .build()
    .unwrap();
    let once = |body: &str| {
        let verified = receiver.verify(&head("a1b2"), Bytes::from(body.to_owned()), NOW);
        deliver(verified, "a1b2").0.once.unwrap()
    };
    assert_eq!(once("a=1&b=2").content, once("b=2&a=1").content);
}

#[test]
fn a_byte_order_mark_is_xml_s_alone() {
    assert_eq!(Shape::of(b"\xEF\xBB\xBF <a/>"), Shape::Xml);
    assert_eq!(Shape::of(b"\xEF\xBB\xBFa=1"), Shape::Form);
    assert_eq!(Shape::of(b"\xEF\xBB\xBF{}"), Shape::Form);
    assert_eq!(Shape::of(b" {}"), Shape::Json);
}
