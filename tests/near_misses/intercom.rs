//! Intercom: HMAC-SHA1 over a body that counts its attempts, and a probe by HEAD.

use countersign::Refusal::{
    MediaTypeUnsupported, MethodNotAllowed, SignatureMalformed, SignatureMismatch,
    SignatureMissing, SignatureRepeated,
};
use countersign::providers::INTERCOM;

use crate::macs::{hex, hmac_sha1, hmac_sha256};
use crate::trial::{Answer, Trial};

const KEY: &str = "38c1d2f0-5b7f-4d4a-9a3e-2d4f6c2b9e10";
const HEADER: &str = "x-hub-signature";

fn body(topic: &str, attempts: u8) -> String {
    format!(
        r#"{{"type":"notification_event","app_id":"a86dr8yl","id":"notif_1","topic":"{topic}","delivery_attempts":{attempts}}}"#
    )
}

fn tag(body: &str) -> String {
    format!("sha1={}", hex(&hmac_sha1(KEY, &[body.as_bytes()])))
}

fn signed(body: &str) -> Trial {
    Trial::new(INTERCOM, KEY).json(body).set(HEADER, tag(body))
}

#[test]
fn a_retry_has_another_body_and_the_same_id() {
    let signed_text = |text: &str| Some((text.to_owned(), true));
    for attempts in 1..4 {
        let trial = signed(&body("contact.created", attempts));
        trial.passes(attempts);
        let fields = ["notif_1", "contact.created", "a86dr8yl"].map(signed_text);
        assert_eq!(trial.fields(), Ok(fields), "attempt {attempts}");
        let other = trial.body(body("contact.created", attempts + 1));
        other.refused(SignatureMismatch, "the signature of another attempt");
    }
    let ping = signed(&body("ping", 1));
    ping.passes("a ping is a delivery");
    assert_eq!(ping.fields().expect("fields")[1], signed_text("ping"));
}

#[test]
fn sha1_and_no_other_prefix() {
    let json = body("ping", 1);
    let sha1 = hex(&hmac_sha1(KEY, &[json.as_bytes()]));
    let sha256 = hex(&hmac_sha256(KEY, &[json.as_bytes()]));
    for value in [
        format!("sha256={sha256}"),
        format!("sha256={sha1}"),
        format!("sha1={sha256}"),
        format!("SHA1={sha1}"),
        format!("sha1:{sha1}"),
        format!("sha1= {sha1}"),
        format!("sha1={}", sha1.to_uppercase()),
        format!("sha1={}", &sha1[..39]),
        format!("sha1={sha1}0"),
        format!("sha1={sha1},sha1={sha1}"),
        sha1.clone(),
        "sha1=".to_owned(),
        String::new(),
    ] {
        let trial = signed(&json).set(HEADER, &value);
        trial.refused_at_open(SignatureMalformed, value);
    }
    let newer = signed(&json)
        .without(HEADER)
        .set("x-hub-signature-256", format!("sha256={sha256}"));
    newer.refused_at_open(SignatureMissing, "under another name");
    signed(&json)
        .add(HEADER, tag(&json))
        .refused_at_open(SignatureRepeated, "twice");
}

#[test]
fn a_head_is_answered() {
    let head = Trial::new(INTERCOM, KEY).method("HEAD");
    head.answered(Answer::unsigned(), "as it is");
    let target = head
        .clone()
        .target("/hook?x=1")
        .set("content-type", "text/html");
    target.answered(Answer::unsigned(), "whatever its URL and type");
    head.clone()
        .set(HEADER, "sha1=x")
        .answered(Answer::unsigned(), "whatever it carries");
    head.clone()
        .body("{}")
        .refused(SignatureMissing, "with a body");
    let json = body("ping", 1);
    let delivery = signed(&json).method("HEAD");
    delivery.refused(SignatureMissing, "a delivery by HEAD");
    for method in ["GET", "PUT", "OPTIONS"] {
        signed(&json)
            .method(method)
            .refused_at_open(MethodNotAllowed, method);
    }
    let empty = signed("").set("content-type", "text/html");
    empty.refused_at_open(MediaTypeUnsupported, "no type of Intercom's");
}
