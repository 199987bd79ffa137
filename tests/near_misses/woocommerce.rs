//! WooCommerce: a signature over the body, and a ping that has none.

use countersign::Refusal::{
    BodyIncomplete, MediaTypeUnsupported, MethodNotAllowed, SignatureMalformed, SignatureMismatch,
    SignatureMissing, SignatureRepeated,
};
use countersign::providers::WOOCOMMERCE;
use countersign::{SecretError, danger};

use crate::macs::{base64, hex, hmac_sha256};
use crate::trial::{Answer, Trial};

const KEY: &str = "k8X}v`Q-s3cr&t 'q\"uote<d>";
const HEADER: &str = "x-wc-webhook-signature";
const ORDER: &str = r#"{"id":727,"status":"processing"}"#;

fn bare() -> Trial {
    Trial::new(WOOCOMMERCE, KEY).target("/woo")
}

fn tag(body: &str) -> String {
    base64(hmac_sha256(KEY, &[body.as_bytes()]))
}

fn order() -> Trial {
    bare()
        .json(ORDER)
        .set(HEADER, tag(ORDER))
        .set("x-wc-webhook-topic", "order.updated")
        .set("x-wc-webhook-source", "https://shop.example/")
        .set(
            "x-wc-webhook-delivery-id",
            "6bb3d3ba0a2c7ac8f26e7aa6a8d1f9f1",
        )
}

#[test]
fn the_body_is_signed_and_the_headers_are_not() {
    let hint = |text: &str| Some((text.to_owned(), false));
    let order = order();
    order.passes("as it is");
    let fields = [None, hint("order.updated"), hint("https://shop.example/")];
    assert_eq!(order.fields(), Ok(fields), "the delivery id is none");
    let topic = order.clone().set("x-wc-webhook-topic", "order.deleted");
    topic.passes("another topic");
    let body = order.clone().body(ORDER.replace("727", "728"));
    body.refused(SignatureMismatch, "another body");
    // The shop stores the secret escaped and signs with what its owner typed.
    let stored = order.clone().keys(&[&KEY.replace('&', "&amp;")]);
    stored.refused(SignatureMismatch, "as the shop stores it");
    let again = order.clone().add(HEADER, tag(ORDER));
    again.refused_at_open(SignatureRepeated, "twice");
    let in_hex = hex(&hmac_sha256(KEY, &[ORDER.as_bytes()]));
    let in_hex = order.clone().set(HEADER, in_hex);
    in_hex.refused_at_open(SignatureMalformed, "in hex");
    let none = order.without(HEADER);
    none.refused_at_open(SignatureMissing, "JSON without one");
    let empty = danger::secret_of_any_length("").err();
    assert_eq!(
        empty,
        Some(SecretError::Empty),
        "a key that everybody knows"
    );
}

#[test]
fn the_ping_is_exactly_its_one_number() {
    for body in [
        "webhook_id=1",
        "webhook_id=0",
        "webhook_id=007",
        "webhook_id=12345678901234567890",
        "webhook_id=%31",
        "webhook%5Fid=1",
        "webhook_id=1&",
        "&webhook_id=1",
    ] {
        bare().form(body).answered(Answer::unsigned(), body);
        assert_eq!(bare().form(body).alone(), Err(SignatureMissing), "{body}");
    }
    for body in [
        "",
        "webhook_id",
        "webhook_id=",
        "webhook_id=123456789012345678901",
        "webhook_id=1a",
        "webhook_id=-1",
        "webhook_id=+1",
        "webhook_id=1+",
        "webhook_id=1.0",
        "webhook_id=0x1",
        "webhook_id=\u{ff11}",
        "webhook_id=%EF%BC%91",
        "webhook_id=1%00",
        "webhook_id=1%0A",
        "webhook_id=%FF",
        "webhook_id=1&webhook_id=1",
        "webhook_id=1&webhook_id=2",
        "webhook_id=1&a=b",
        "webhook_id=1&=",
        "webhook_id=1&action=delete",
        "Webhook_id=1",
        "webhook_id[]=1",
        " webhook_id=1",
        "webhook_id=1;a=b",
        "webhook_id=1\n",
        "webhook_ids=1",
        "{\"webhook_id\":1}",
    ] {
        bare().form(body).refused(SignatureMissing, body);
    }
    let kind = "application/x-www-form-urlencoded; charset=UTF-8";
    let charset = bare().form("webhook_id=1").set("content-type", kind);
    charset.answered(Answer::unsigned(), kind);
}

#[test]
fn the_ping_is_small() {
    let padded = |len: usize| format!("webhook_id=1{}", "&".repeat(len - 12));
    bare()
        .form(padded(1_024))
        .answered(Answer::unsigned(), "1 KiB");
    for len in [1_025, 2_048, 70_000] {
        // Its length says that it is none: it is a delivery like any other then, and no delivery is a form.
        let declared = bare()
            .form(padded(len))
            .set("content-length", len.to_string());
        declared.refused_at_open(MediaTypeUnsupported, len);
        bare()
            .form(padded(len))
            .refused_without_length(SignatureMissing, len);
    }
    let short = bare().form("webhook_id=1").set("content-length", "13");
    short.refused(BodyIncomplete, "shorter than declared");
    let long = bare().form("webhook_id=1").set("content-length", "11");
    long.refused(BodyIncomplete, "longer than declared");
}

#[test]
fn what_carries_a_signature_is_judged_by_it() {
    let ping = || bare().form("webhook_id=1");
    for value in [tag("webhook_id=1"), tag("x"), "x".to_owned(), String::new()] {
        let trial = ping().set(HEADER, &value);
        trial.refused_at_open(MediaTypeUnsupported, format!("a form with {value:?}"));
    }
    let json = bare().json("webhook_id=1");
    json.refused_at_open(SignatureMissing, "as JSON");
    json.clone()
        .set(HEADER, tag("x"))
        .refused(SignatureMismatch, "as JSON, signed wrongly");
    json.set(HEADER, tag("webhook_id=1"))
        .passes("as JSON, signed: it is any body");
    let none = ping().without("content-type");
    none.refused_at_open(SignatureMissing, "without a type");
    let twice = ping().add("content-type", "application/x-www-form-urlencoded");
    twice.refused_at_open(MediaTypeUnsupported, "two types");
}

#[test]
fn the_ping_is_posted() {
    for method in ["GET", "HEAD", "PUT", "OPTIONS"] {
        let other = bare().form("webhook_id=1").method(method);
        other.refused_at_open(MethodNotAllowed, method);
        let query = bare().target("/woo?webhook_id=1").method(method);
        query.refused_at_open(MethodNotAllowed, method);
    }
    let query = bare().target("/woo?webhook_id=1");
    query.refused_at_open(SignatureMissing, "in the query");
    let beside = bare().target("/woo?x=1").form("webhook_id=1");
    beside.answered(Answer::unsigned(), "the URL is the shop's own");
}
