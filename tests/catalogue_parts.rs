//! Schemes of the catalogue that stand on a part of the model which no published vector reaches, signed here by hand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::scheme::{Grade, Scheme};
use countersign::{Delivery, Receiver, Refusal, Secret, Timestamp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::files;

const KEY: &str = "0123456789abcdefghijklmnopqrstuv";
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn catalogue(name: &str) -> Scheme {
    files::scheme(name).expect("a file of the catalogue")
}

fn receiver(scheme: Scheme) -> Receiver {
    let secret = Secret::new(KEY).expect("a sound secret");
    let built = files::builder(scheme, secret, "https://hooks.example.com").build();
    built.expect("a sound scheme")
}

fn tag(content: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("keys have any length");
    mac.update(content.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(content: &str) -> String {
    tag(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn base64(content: &str) -> String {
    STANDARD.encode(tag(content))
}

fn judge(
    receiver: &Receiver,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Delivery, Refusal> {
    let mut request = http::Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(()).expect("a request");
    let body = bytes::Bytes::copy_from_slice(body.as_bytes());
    receiver.verify(&request, body, NOW)?.deliver(&request)
}

fn malformed<T>(name: &'static str) -> Result<T, Refusal> {
    Err(Refusal::FieldMalformed { name: name.into() })
}

/// The same verdict as `expect`, where an accepted delivery is `Ok(())`.
#[track_caller]
fn verdict(result: Result<Delivery, Refusal>, expect: Result<(), Refusal>) {
    assert_eq!(result.map(|_| ()), expect);
}

#[test]
fn a_required_header_has_its_value_once() {
    let receiver = receiver(catalogue("sinch"));
    let (stamp, body) = ("1700000000", r#"{"project_id":"p"}"#);
    let signature = base64(&format!("{body}.nonce.{stamp}"));
    let algorithm = "x-sinch-webhook-signature-algorithm";
    let send = |more: &[(&str, &str)]| {
        let mut headers = vec![
            ("x-sinch-webhook-signature", signature.as_str()),
            ("x-sinch-webhook-signature-nonce", "nonce"),
            ("x-sinch-webhook-signature-timestamp", stamp),
        ];
        headers.extend_from_slice(more);
        judge(&receiver, ("POST", "/"), &headers, body)
    };
    verdict(send(&[(algorithm, "HmacSHA256")]), Ok(()));
    for other in ["HmacSHA1", "hmacsha256", "HmacSHA2566", "HmacSHA25"] {
        verdict(send(&[(algorithm, other)]), malformed(algorithm));
    }
    let missing = Refusal::FieldMissing {
        name: algorithm.into(),
    };
    verdict(send(&[]), Err(missing));
    let repeated = Refusal::FieldRepeated {
        name: algorithm.into(),
    };
    let twice = [(algorithm, "HmacSHA256"), (algorithm, "HmacSHA256")];
    verdict(send(&twice), Err(repeated));
}

#[test]
fn a_required_pair_has_its_value_and_values_that_may_hold_the_separator_are_said_so() {
    let receiver = receiver(catalogue("coinbase-cdp"));
    let send = |names: &str, event: &str| {
        let signature = hex(&format!("1700000000.{names}.e1.{event}.{{}}"));
        let signature = format!("t=1700000000,h={names},v1={signature}");
        let headers = [
            ("x-hook0-signature", signature.as_str()),
            ("x-event-id", "e1"),
            ("x-event-type", event),
        ];
        judge(&receiver, ("POST", "/"), &headers, "{}")
    };
    verdict(send("x-event-id x-event-type", "wallet.activity"), Ok(()));
    verdict(send("x-event-id", "wallet.activity"), malformed("h"));
}

#[test]
fn a_value_before_or_after_the_body_does_not_hold_what_sets_it_apart() {
    // No body in the content.
    let mailomat = receiver(catalogue("mailomat"));
    let send = |id: &str, event: &str| {
        let signature = format!("sha256={}", hex(&format!("{id}.{event}.1700000000")));
        let headers = [
            ("x-mom-webhook-signature", signature.as_str()),
            ("x-mom-webhook-timestamp", "1700000000"),
            ("x-mom-webhook-id", id),
            ("x-mom-webhook-event", event),
        ];
        judge(&mailomat, ("POST", "/"), &headers, "{}")
    };
    verdict(send("id", "opened"), Ok(()));
    verdict(send("i.d", "opened"), malformed("x-mom-webhook-id"));
    verdict(send("id", "ope.ned"), malformed("x-mom-webhook-event"));

    // Parts that may be left out.
    let mercado_pago = receiver(catalogue("mercado-pago"));
    let send = |query: &str, request_id: Option<&str>, content: &str| {
        let signature = format!("ts=1700000000,v1={}", hex(content));
        let mut headers = vec![("x-signature", signature.as_str())];
        headers.extend(request_id.map(|id| ("x-request-id", id)));
        judge(&mercado_pago, ("POST", query), &headers, "{}")
    };
    let genuine = "id:1;request-id:r;ts:1700000000;";
    verdict(send("/?data.id=1", Some("r"), genuine), Ok(()));
    verdict(send("/", Some("r"), "request-id:r;ts:1700000000;"), Ok(()));
    verdict(send("/?data.id=1", None, "id:1;ts:1700000000;"), Ok(()));
    let moved = send("/?data.id=1%3Brequest-id%3Ar", None, genuine);
    verdict(moved, malformed("data.id"));

    // Behind the body, what begins the part counts.
    let sinch = receiver(catalogue("sinch"));
    let signature = base64("{}.a.b.1700000000");
    let headers = [
        ("x-sinch-webhook-signature", signature.as_str()),
        ("x-sinch-webhook-signature-nonce", "a.b"),
        ("x-sinch-webhook-signature-timestamp", "1700000000"),
        ("x-sinch-webhook-signature-algorithm", "HmacSHA256"),
    ];
    let moved = judge(&sinch, ("POST", "/"), &headers, "{}");
    verdict(moved, malformed("x-sinch-webhook-signature-nonce"));
}

#[test]
fn a_query_string_is_left_out_when_it_is_absent_or_empty() {
    // The SHA-256 digest of nothing.
    let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let receiver = receiver(catalogue("walmart-marketplace"));
    let send = |target: &str, signed: &str| {
        let signature = base64(&format!("POST\n{signed}\n1700000000\n{digest}"));
        let headers = [
            ("wm_sec.signature", signature.as_str()),
            ("wm_sec.timestamp", "1700000000"),
        ];
        judge(&receiver, ("POST", target), &headers, "")
    };
    verdict(send("/a?b=%20c", "/a?b=%20c"), Ok(()));
    verdict(send("/a", "/a"), Ok(()));
    verdict(send("/a?", "/a"), Ok(()));
    verdict(send("/a", "/a?"), Err(Refusal::SignatureMismatch));
}

#[test]
fn a_query_string_is_sorted_by_name_then_value() {
    let receiver = receiver(catalogue("plivo-get"));
    let send = |target: &str, signed: &str| {
        let signature = base64(&format!("https://hooks.example.com{signed}.nonce"));
        let headers = [
            ("x-plivo-signature-v3", signature.as_str()),
            ("x-plivo-signature-v3-nonce", "nonce"),
        ];
        judge(&receiver, ("GET", target), &headers, "")
    };
    let sorted = "/a?Event=x y&a=1&b=1&b=2";
    verdict(send("/a?b=2&a=1&b=1&Event=x+y", sorted), Ok(()));
    verdict(send("/a", "/a"), Ok(()));
    verdict(send("/a?b=1", "/a?b=2"), Err(Refusal::SignatureMismatch));
    let many = format!("/a?{}", "a=1&".repeat(1_001));
    verdict(send(&many, "/a?a=1"), malformed("query"));
}

#[test]
fn a_url_is_decoded_and_encoded_as_the_sender_does() {
    let hubspot = receiver(catalogue("hubspot"));
    let send = |target: &str, signed: &str| {
        let content = format!("POSThttps://hooks.example.com{signed}{{}}1700000000000");
        let signature = base64(&content);
        let headers = [
            ("x-hubspot-signature-v3", signature.as_str()),
            ("x-hubspot-request-timestamp", "1700000000000"),
        ];
        judge(&hubspot, ("POST", target), &headers, "{}")
    };
    verdict(send("/a%2fb%3F?c=%40%20%25", "/a/b??c=@%20%25"), Ok(()));

    let contentful = receiver(catalogue("contentful"));
    let list = "x-contentful-signed-headers,x-contentful-timestamp";
    let content = format!(
        "POST\n/a%2520b?c%253D1%2526d\nx-contentful-signed-headers:{list};x-contentful-timestamp:1700000000000\n{{}}"
    );
    let signature = hex(&content);
    let headers = [
        ("x-contentful-signature", signature.as_str()),
        ("x-contentful-signed-headers", list),
        ("x-contentful-timestamp", "1700000000000"),
    ];
    let request = ("POST", "/a%20b?c=1&d");
    verdict(judge(&contentful, request, &headers, "{}"), Ok(()));
}

#[test]
fn a_token_lies_in_every_element() {
    let receiver = receiver(catalogue("microsoft-graph"));
    let send = |states: &[&str]| {
        let body = format!(r#"{{"value":[{}]}}"#, states.join(","));
        judge(&receiver, ("POST", "/"), &[], &body)
    };
    let good = format!(r#"{{"id":"1","clientState":"{KEY}"}}"#);
    verdict(send(&[&good]), Ok(()));
    verdict(send(&[&good, &good]), Ok(()));
    let wrong = good.replace("v\"", "w\"");
    verdict(send(&[&wrong]), Err(Refusal::SignatureMismatch));
    for other in [&wrong, r#"{"id":"2"}"#, r#"{"clientState":null}"#, "1"] {
        verdict(send(&[&good, other]), Err(Refusal::SignatureMalformed));
    }
    verdict(send(&[]), Err(Refusal::SignatureMissing));
    let twice = format!(r#"{{"clientState":"{KEY}","clientState":"{KEY}"}}"#);
    verdict(send(&[&twice]), Err(Refusal::SignatureRepeated));
    let none = judge(&receiver, ("POST", "/"), &[], r#"{"value":{}}"#);
    verdict(none, Err(Refusal::SignatureMalformed));
}

#[test]
fn an_id_is_made_of_several_places() {
    let picqer = receiver(catalogue("picqer"));
    let send = |body: &str| {
        let signature = base64(body);
        let headers = [("x-picqer-signature", signature.as_str())];
        judge(&picqer, ("POST", "/"), &headers, body)
    };
    let id = |body: &str| {
        send(body).map(|delivery| {
            let id = delivery.id();
            id.map(|id| (id.as_str().to_owned(), id.is_signed()))
        })
    };
    let both = r#"{"idhook":7,"event_triggered_at":"2026-01-31 12:00:00"}"#;
    let expect = ("7/2026-01-31 12:00:00".to_owned(), true);
    assert_eq!(id(both), Ok(Some(expect)));
    assert_eq!(id(r#"{"idhook":7}"#), Ok(None));
    let slash = r#"{"idhook":"7/8","event_triggered_at":"~/"}"#;
    assert_eq!(id(slash), Ok(Some(("7~18/~0~1".to_owned(), true))));
    let empty = r#"{"idhook":"","event_triggered_at":"9"}"#;
    assert_eq!(id(empty), malformed("/idhook"));

    // A header is read like any other, and makes the whole unsigned where nothing signs it.
    let cloud_events = receiver(catalogue("cloudevents-webhook"));
    let token = format!("Bearer {KEY}");
    let headers = [
        ("authorization", token.as_str()),
        ("ce-id", "1"),
        ("ce-source", "urn:acme"),
    ];
    let delivery = judge(&cloud_events, ("POST", "/"), &headers, "{}");
    let id = delivery.map(|delivery| {
        let id = delivery.id();
        id.map(|id| (id.as_str().to_owned(), id.is_signed()))
    });
    assert_eq!(id, Ok(Some(("urn:acme/1".to_owned(), false))));
}

#[test]
fn a_signed_value_covers_what_is_inside_it() {
    let receiver = receiver(catalogue("exact-online"));
    let content = r#"{"Topic":"Items","Action":"Update","Division":1}"#;
    let signature = hex(content).to_uppercase();
    let body = format!(r#"{{"Content":{content},"HashCode":"{signature}"}}"#);
    let delivery = judge(&receiver, ("POST", "/"), &[], &body).expect("a genuine delivery");
    let event = delivery.event().expect("an event");
    assert_eq!((event.as_str(), event.is_signed()), ("Items/Update", true));
}

#[test]
fn a_signed_digest_of_the_body_covers_the_body() {
    let scheme = catalogue("twilio-body-sha256");
    assert_eq!(scheme.actual_grade(), Grade::SignatureOverBody);
    let secret = countersign::danger::secret_of_any_length("12345").expect("a secret");
    let receiver = files::builder(scheme, secret, "https://mycompany.com")
        .build()
        .expect("a sound scheme");
    // Published by twilio-python and twilio-node.
    let target = "/myapp.php?foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    let headers = [("x-twilio-signature", "a9nBmqA0ju/hNViExpshrM61xv4=")];
    let body = r#"{"property": "value", "boolean": true}"#;
    verdict(judge(&receiver, ("POST", target), &headers, body), Ok(()));
    let other = body.replace("true", "null");
    verdict(
        judge(&receiver, ("POST", target), &headers, &other),
        Err(Refusal::SignatureMismatch),
    );
}
