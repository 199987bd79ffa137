//! Requests of schemes that no built-in provider has: what their content holds is read, set apart and compared.

use bytes::Bytes;

use super::*;
use crate::danger::Weak;
use crate::intake::Finished;
use crate::receiver::Receiver;
use crate::scheme::{
    Algorithm, Encoding, FieldShape, Grade, Hash, Part, Scheme, SignatureRule, TimestampRule,
    UnsignedShape, ValueShape,
};
use crate::timestamp::{Tolerance, Unit};
use crate::verify::Verified;
use crate::{Secret, list, text};

const SECRET: &str = "0123456789abcdef";
/// 2021-02-25T15:02:10Z.
const NOW: Timestamp = Timestamp::from_secs(1_614_265_330);

/// By a MAC that this library does not compute.
fn tag(content: &str) -> String {
    tag_under(SECRET, content)
}

fn tag_under(key: &str, content: &str) -> String {
    use ::hmac::{Hmac, KeyInit as _, Mac as _};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
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

const FULL_STOP: Part = Part::Literal(text!("."));

fn beside_body(scheme: Scheme) -> Receiver {
    let scheme = Scheme {
        grade: Grade::SignatureBesideBody,
        ..scheme
    };
    Receiver::builder(scheme, Secret::new(SECRET).unwrap())
        .accept_weak(Weak::BodyNotSigned)
        .build()
        .unwrap()
}

fn strong(scheme: Scheme) -> Receiver {
    Receiver::builder(scheme, Secret::new(SECRET).unwrap())
        .build()
        .unwrap()
}

/// Signs `content`, and sends `body` with one header more.
fn send(
    receiver: &Receiver,
    uri: &str,
    (name, value): (&str, &str),
    body: &str,
    content: &str,
) -> Result<Verified, Refusal> {
    let request = http::Request::post(uri)
        .header("x-signature", tag(content))
        .header(name, value)
        .body(())
        .unwrap();
    receiver.verify(&request, Bytes::from(body.to_owned()), NOW)
}

const NONE: (&str, &str) = ("x-other", "");

fn malformed(name: &'static str) -> Refusal {
    Refusal::FieldMalformed { name: text!(name) }
}

#[test]
fn a_digest_in_the_body_is_of_what_it_says() {
    let receiver = beside_body(Scheme {
        checks: list![DigestCheck {
            place: Place::Json(text!("/digest")),
            algorithm: Hash::Sha256,
            encoding: Encoding::Hex,
            of: list![Part::JsonRaw(text!("/data"))],
            bodies: CheckedBodies::All,
        }],
        ..acme([Part::Json(text!("/digest"))])
    });
    // SHA-256 of `[1]`.
    let digest = "080a9ed428559ef602668b4c00f114f1a11c3f6b02a435f0bdc154578e4d7f22";
    let send = |body: &str, content: &str| send(&receiver, "/", NONE, body, content).err();
    let body = |digest: &str, data: &str| format!(r#"{{"digest":"{digest}","data":{data}}}"#);
    assert_eq!(send(&body(digest, "[1]"), digest), None);
    for data in ["[2]", "[1 ]", "[]"] {
        let refusal = send(&body(digest, data), digest);
        assert_eq!(refusal, Some(Refusal::SignatureMismatch), "{data}");
    }
    let upper = digest.to_uppercase();
    let refusal = send(&body(&upper, "[1]"), &upper);
    assert_eq!(refusal, Some(Refusal::SignatureMismatch));
    // Absent, it is empty in the content: that is signed, but says nothing of the data.
    let refusal = send(r#"{"data":[1]}"#, "");
    assert_eq!(refusal, Some(Refusal::SignatureMissing));
}

#[test]
fn a_published_key_may_be_a_part_of_the_content() {
    let receiver = Receiver::builder(
        Scheme {
            algorithm: Algorithm::Sha256,
            unsigned: list![UnsignedShape {
                method: text!("POST"),
                media_type: Some(text!("application/x-www-form-urlencoded")),
                fields: list![FieldShape {
                    name: text!("events"),
                    value: ValueShape::Exactly(text!("none")),
                    optional: false,
                }],
                public_key: Some(text!("test-webhook")),
                status: 200,
            }],
            ..acme([Part::Body, Part::Secret])
        },
        Secret::new(SECRET).unwrap(),
    )
    .build()
    .unwrap();
    // SHA-256 of `events=nonetest-webhook` and of `events=none`.
    for (tag, is_answered) in [
        (
            "d75cc39a177d9da9b5743cea80e2776a6111f092d3665e3ad8d8c94b13e14f52",
            true,
        ),
        (
            "5986add852888ff1e1eddca9ec84da687da15a8b806b0510c4255ab663e415cb",
            false,
        ),
    ] {
        let request = http::Request::post("/")
            .header("x-signature", tag)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(())
            .unwrap();
        let mut intake = receiver.open(&request, NOW).unwrap();
        intake.push(Bytes::from_static(b"events=none")).unwrap();
        match intake.finish() {
            Ok(Finished::Answered(reply)) => {
                assert!(is_answered);
                assert_eq!(reply, Reply::unsigned(200));
            }
            other => {
                assert!(!is_answered);
                assert_eq!(other.unwrap_err(), Refusal::SignatureMismatch);
            }
        }
    }
}

#[test]
fn what_a_published_key_signs_is_short() {
    let shape = UnsignedShape {
        method: text!("POST"),
        media_type: Some(text!("application/x-www-form-urlencoded")),
        fields: list![FieldShape {
            name: text!("a"),
            value: ValueShape::Opaque(1_024),
            optional: false,
        }],
        public_key: Some(text!("fedcba9876543210")),
        status: 200,
    };
    let scheme = Scheme {
        unsigned: vec![shape].into(),
        ..acme([Part::Body])
    };
    let receiver = strong(scheme);
    for (len, is_answered) in [(1_023, true), (1_024, true), (1_025, false), (1_026, false)] {
        let body = format!("a={}", "x".repeat(len - 2));
        let request = http::Request::post("/")
            .header("x-signature", tag_under("fedcba9876543210", &body))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(())
            .unwrap();
        let mut intake = receiver.open(&request, NOW).unwrap();
        intake.push(Bytes::from(body)).unwrap();
        let found = match intake.finish() {
            Ok(Finished::Answered(reply)) => Ok(reply),
            other => Err(other.unwrap_err()),
        };
        let expected = match is_answered {
            true => Ok(Reply::unsigned(200)),
            false => Err(Refusal::SignatureMismatch),
        };
        assert_eq!(found, expected, "{len}");
    }
}

fn stamped(unit: Unit) -> Scheme {
    Scheme {
        timestamp: Some(TimestampRule {
            place: Place::Header(text!("x-time")),
            unit,
            tolerance: Tolerance::from_secs(300),
        }),
        ..acme([Part::Timestamp, FULL_STOP, Part::Body])
    }
}

#[test]
fn a_stamp_may_hold_what_ends_it_when_its_own_end_is_told() {
    let receiver = strong(stamped(Unit::Rfc3339));
    let send = |stamp: &str| {
        let content = format!("{stamp}.hello");
        send(&receiver, "/", ("x-time", stamp), "hello", &content).map(|found| found.timestamp())
    };
    let moment = Ok(Some(Timestamp::from_millis(1_614_265_330_250)));
    assert_eq!(send("2021-02-25T15:02:10.250Z"), moment);
    // The longest there is, and one byte more.
    assert_eq!(send("2021-02-25T15:02:10.2500000000000000000Z"), moment);
    assert_eq!(
        send("2021-02-25T15:02:10.25000000000000000000Z"),
        Err(Refusal::TimestampMalformed)
    );
}

#[test]
fn so_may_one_before_a_piece_of_the_body() {
    let receiver = beside_body(Scheme {
        content: list![Part::Timestamp, FULL_STOP, Part::Json(text!("/data"))],
        ..stamped(Unit::Rfc3339)
    });
    let stamp = "2021-02-25T15:02:10.250Z";
    let content = format!("{stamp}.d");
    let found = send(
        &receiver,
        "/",
        ("x-time", stamp),
        r#"{"data":"d"}"#,
        &content,
    );
    assert_eq!(found.err(), None);
}

#[test]
fn a_stamp_without_a_zone_must_not_hold_what_ends_it() {
    let receiver = Receiver::builder(
        Scheme {
            grade: Grade::SignatureUndelimited,
            ..stamped(Unit::Rfc3339Zoneless)
        },
        Secret::new(SECRET).unwrap(),
    )
    .accept_weak(Weak::ValuesNotSetApart)
    .build()
    .unwrap();
    let send = |stamp: &str| {
        let content = format!("{stamp}.hello");
        send(&receiver, "/", ("x-time", stamp), "hello", &content).err()
    };
    assert_eq!(send("2021-02-25T15:02:10"), None);
    // Else `…:10.250` before `hello` could be `…:10` before `250.hello`.
    assert_eq!(
        send("2021-02-25T15:02:10.250"),
        Some(malformed("timestamp"))
    );
}

#[test]
fn a_query_must_not_hold_what_ends_it() {
    let receiver = strong(acme([Part::Query, FULL_STOP, Part::Body]));
    let send = |query: &str| {
        let content = format!("{query}.hello");
        send(&receiver, &format!("/?{query}"), NONE, "hello", &content).err()
    };
    assert_eq!(send("a=1"), None);
    assert_eq!(send("a=1.2"), Some(malformed("query")));
}

#[test]
fn an_id_in_the_body_must_not_hold_what_ends_it() {
    let receiver = beside_body(Scheme {
        id: list![Place::Json(text!("/id"))],
        ..acme([Part::Id, FULL_STOP, Part::Json(text!("/data"))])
    });
    let send = |id: &str| {
        let body = format!(r#"{{"id":"{id}","data":"d"}}"#);
        send(&receiver, "/", NONE, &body, &format!("{id}.d")).err()
    };
    assert_eq!(send("a"), None);
    assert_eq!(send("a.b"), Some(malformed("id")));
}

#[test]
fn json_in_a_form_is_read_for_the_content() {
    let receiver = beside_body(Scheme {
        media_types: list![text!("application/x-www-form-urlencoded")],
        ..acme([
            Part::FormJson {
                field: text!("payload"),
                pointer: text!("/a"),
            },
            Part::Literal(text!("\n")),
            Part::Form(text!("b")),
        ])
    });
    let send = |body: &str, content: &str| {
        let form = ("content-type", "application/x-www-form-urlencoded");
        send(&receiver, "/", form, body, content).err()
    };
    let body = "payload=%7B%22a%22%3A%22x%22%7D&b=y";
    assert_eq!(send(body, "x\ny"), None);
    for content in ["\ny", "y\ny", "x\nx", "xy"] {
        let refusal = send(body, content);
        assert_eq!(refusal, Some(Refusal::SignatureMismatch), "{content:?}");
    }
    // Absent, it is empty.
    assert_eq!(send("b=y", "\ny"), None);
}

#[test]
fn a_body_may_be_as_long_as_the_limit() {
    let receiver = Receiver::builder(acme([Part::Body]), Secret::new(SECRET).unwrap())
        .max_body(4)
        .build()
        .unwrap();
    let send = |body: &str| send(&receiver, "/", NONE, body, body).err();
    assert_eq!(send("123"), None);
    assert_eq!(send("1234"), None);
    assert_eq!(send("12345"), Some(Refusal::BodyTooLarge { limit: 4 }));
    assert_eq!(send("123456"), Some(Refusal::BodyTooLarge { limit: 4 }));
}
