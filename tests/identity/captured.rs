//! I9: however a captured attempt is spelled, it is known again.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::danger::Deduplicate;
use countersign::providers::{MANDRILL, SHOPIFY, STANDARD_WEBHOOKS, TWILIO};
use countersign::scheme::{List, Place, Scheme};
use countersign::{IdempotencyKey, Secret, list, text};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Request;
use sha1::Sha1;

use crate::attempts::{deliver, key};
use crate::pairs::{self, NOW, Pair};
use crate::reencoded::reencoded;

/// Those of its spellings that are accepted and have another key, and how many are accepted.
fn strangers(pair: &Pair, body: impl AsRef<[u8]>) -> (Vec<String>, usize) {
    let name = &pair.scheme.name;
    let genuine = pair.sender.send(&body);
    let known = key(&pair.receiver, &genuine, NOW);
    let mut strangers = Vec::new();
    let mut accepted = 0;
    for variant in pair.sender.genuine_variants(&body) {
        // The sender signs another method afresh where it signs one.
        if variant.name.starts_with("method ") {
            continue;
        }
        accepted += 1;
        if key(&pair.receiver, &variant.request, variant.now) != known {
            strangers.push(format!("{name}: {}", variant.name));
        }
    }
    for (how, request) in reencoded(&pair.scheme, &genuine, pair.goes_by_unsigned_id()) {
        if let Ok(Some(delivery)) = deliver(&pair.receiver, &request, NOW) {
            accepted += 1;
            if delivery.key() != known {
                strangers.push(format!("{name}: {how}"));
            }
        }
    }
    (strangers, accepted)
}

/// What each of the ten services really sends, by kind of body.
const BODIES: [(&str, &str, &str); 16] = [
    (
        "stripe",
        "application/json",
        r#"{"id":"evt_1","account":"acct_1","type":"invoice.paid"}"#,
    ),
    (
        "slack",
        "application/json",
        r#"{"type":"event_callback","event_id":"Ev1","team_id":"T1","event":{"type":"message"}}"#,
    ),
    (
        "slack",
        "application/x-www-form-urlencoded",
        "command=%2Fdeploy&team_id=T1&text=now+please&trigger_id=1.2",
    ),
    (
        "slack",
        "application/x-www-form-urlencoded",
        "payload=%7B%22type%22%3A%22block_actions%22%2C%22team%22%3A%7B%22id%22%3A%22T1%22%7D%7D",
    ),
    (
        "twilio",
        "application/x-www-form-urlencoded",
        "AccountSid=AC1&CallSid=CA1&Digits=1&From=%2B1555&SpeechResult=two+words",
    ),
    (
        "twilio-form",
        "application/x-www-form-urlencoded",
        "AccountSid=AC1&MessageSid=SM1&MessageStatus=delivered",
    ),
    (
        "github",
        "application/json",
        r#"{"action":"opened","installation":{"id":7}}"#,
    ),
    (
        "github",
        "application/x-www-form-urlencoded",
        "payload=%7B%22action%22%3A%22opened%22%7D",
    ),
    (
        "zapier-white-label",
        "application/json",
        r#"{"event":"connection.created"}"#,
    ),
    (
        "intercom",
        "application/json",
        r#"{"id":"notif_1","app_id":"app1","topic":"user.created","delivery_attempts":1}"#,
    ),
    (
        "mailchimp",
        "application/x-www-form-urlencoded",
        "type=unsubscribe&fired_at=2009-03-26+21%3A40%3A57&data%5Baction%5D=unsub&data%5Bid%5D=8a25&data%5Blist_id%5D=a6b5",
    ),
    (
        "mandrill",
        "application/x-www-form-urlencoded",
        "mandrill_events=%5B%7B%22event%22%3A%22send%22%2C%22_id%22%3A%22e1%22%7D%5D",
    ),
    (
        "shopify",
        "application/json",
        r#"{"id":1,"updated_at":"2023-11-14T22:13:20Z"}"#,
    ),
    (
        "woocommerce",
        "application/json",
        r#"{"id":1,"status":"processing"}"#,
    ),
    (
        "papertrail",
        "application/x-www-form-urlencoded",
        "payload=%7B%22saved_search%22%3A%7B%22id%22%3A42%7D%2C%22min_id%22%3A1%2C%22max_id%22%3A9%7D",
    ),
    (
        "papertrail-basic",
        "application/x-www-form-urlencoded",
        "payload=%7B%22saved_search%22%3A%7B%22id%22%3A42%7D%2C%22min_id%22%3A1%2C%22max_id%22%3A9%7D",
    ),
];

#[test]
fn what_the_services_really_send_is_known_however_it_is_spelled() {
    let mut wrong = Vec::new();
    for (name, media_type, body) in BODIES {
        let scheme = countersign::providers::by_name(name).expect("a built-in scheme");
        let mut pair = Pair::new(scheme).expect("a receiver");
        pair.sender = pair.sender.media_type(media_type);
        let (strangers, count) = strangers(&pair, body);
        assert!(count >= 15, "{name}: only {count}");
        assert!(
            key(&pair.receiver, &pair.sender.send(body), NOW).is_some(),
            "{name}"
        );
        wrong.extend(strangers);
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Every scheme that a receiver can be built for; what had to be chosen is counted, so that none is left out unseen.
#[test]
fn every_spelling_of_a_captured_attempt_has_its_key() {
    let mut wrong = Vec::new();
    let mut accepted = 0;
    let mut choices = BTreeMap::<String, usize>::new();
    for pair in pairs::all() {
        let body = pair.sender.sample_body();
        let (strangers, count) = strangers(&pair, &body);
        assert!(count >= 15, "{}: only {count}", pair.scheme.name);
        accepted += count;
        wrong.extend(strangers);
        let choice = pair.choice.map(|choice| format!("{choice:?}"));
        *choices.entry(choice.unwrap_or_default()).or_default() += 1;
        let has_key = key(&pair.receiver, &pair.sender.send(&body), NOW).is_some();
        let remembers = pair.choice != Some(Deduplicate::Off);
        assert_eq!(has_key, remembers, "{}", pair.scheme.name);
    }
    assert_eq!(wrong, Vec::<String>::new());
    let unasked = choices.get("").copied().unwrap_or_default();
    assert!(accepted > 10_000, "only {accepted}");
    assert!(unasked >= 270 && choices.len() == 4, "{choices:?}");
}

fn keys<const N: usize>(pair: &Pair, requests: [Request<Bytes>; N]) -> [IdempotencyKey; N] {
    requests.map(|request| key(&pair.receiver, &request, NOW).expect("a key"))
}

fn with_body(request: &Request<Bytes>, body: &str) -> Request<Bytes> {
    request
        .clone()
        .map(|_| Bytes::copy_from_slice(body.as_bytes()))
}

fn with_target(request: &Request<Bytes>, target: &str) -> Request<Bytes> {
    let mut other = request.clone();
    *other.uri_mut() = target.parse().expect("a target");
    other
}

/// Nothing sets Twilio's fields apart: what is moved from one into the next, or into the URL, verifies and is the same attempt.
#[test]
fn fields_that_are_moved_about_are_the_same_attempt() {
    for scheme in [TWILIO, MANDRILL] {
        let pair = Pair::new(scheme).expect("a receiver");
        let genuine = pair
            .sender
            .clone()
            .url("https://hooks.example.com/voice")
            .send("Caller=Ann&Digits=12&To=%2B1+555");
        let [known, order, spelling, moved, in_url] = keys(
            &pair,
            [
                genuine.clone(),
                with_body(&genuine, "To=%2B1+555&Digits=12&Caller=Ann"),
                with_body(&genuine, "Calle%72=%41nn&Digits=%31%32&To=%2b1%20555&"),
                with_body(&genuine, "Calle=rAnnDigits12&To=%2B1+555"),
                with_target(
                    &with_body(&genuine, "Digits=12&To=%2B1+555"),
                    "/voiceCallerAnn",
                ),
            ],
        );
        assert_eq!([order, spelling, moved, in_url], [known; 4]);
    }
}

/// Twilio signs its own spelling of the URL, and the request may arrive under another: the one that was signed counts.
#[test]
fn another_spelling_of_the_url_is_the_same_attempt() {
    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    let receiver = pairs::remembering(TWILIO, Secret::new(SECRET).expect("a sound secret"))
        .deduplicate(Deduplicate::ByContent)
        .build()
        .expect("a receiver");
    let signed_over = |url: &str, targets: &[&str]| {
        let mut mac = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).expect("any length");
        mac.update(format!("{url}CallSidCA1Digits1").as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let keys = targets.iter().map(|target| {
            let request = Request::post(*target)
                .header("content-type", "application/x-www-form-urlencoded")
                .header("x-twilio-signature", &signature)
                .body(Bytes::from_static(b"CallSid=CA1&Digits=1"))
                .expect("a request");
            key(&receiver, &request, NOW).expect("a key")
        });
        keys.collect::<std::collections::BTreeSet<_>>().len()
    };
    let spellings = ["/voice?name=O'Brien", "/voice?name=O%27Brien"];
    for url in [
        "https://hooks.example.com/voice?name=O%27Brien",
        "https://hooks.example.com:443/voice?name=O%27Brien",
    ] {
        assert_eq!(signed_over(url, &spellings), 1, "{url}");
    }
}

/// The two families say the same of one delivery, and what one says beside the other changes nothing.
#[test]
fn the_other_family_of_headers_is_the_same_attempt() {
    let pair = Pair::new(SHOPIFY).expect("a receiver");
    let known = pair.sender.send(r#"{"id":1}"#);
    let mut renamed = known.clone();
    let headers = std::mem::take(renamed.headers_mut());
    for (name, value) in headers {
        let name = name.expect("each name once").to_string();
        let name = name.replacen("shopify-", "x-shopify-", 1);
        renamed.headers_mut().append(
            http::HeaderName::from_bytes(name.as_bytes()).expect("a name"),
            value,
        );
    }
    let mut both = renamed.clone();
    both.headers_mut().extend(known.headers().clone());
    let [known, renamed, both] = keys(&pair, [known, renamed, both]);
    assert_eq!([renamed, both], [known; 2]);
}

/// An unsigned value in front of a signed one must not hide it.
#[test]
fn an_unsigned_header_in_front_of_a_signed_id_decides_nothing() {
    const IDS: List<Place> = list![
        Place::Header(text!("x-delivery")),
        Place::QueryParam(text!("delivery")),
        Place::Json(text!("/id")),
    ];
    const TENANTS: List<Place> = list![
        Place::Header(text!("x-account")),
        Place::Json(text!("/account")),
    ];
    let scheme = Scheme {
        name: text!("acme"),
        id: IDS,
        tenant: TENANTS,
        ..countersign::providers::STRIPE
    };
    let pair = Pair::new(scheme).expect("a receiver");
    let body = r#"{"id":"evt_1","account":"acct_1"}"#;
    let mut plain = pair.sender.send(body);
    for name in ["x-delivery", "x-account"] {
        plain.headers_mut().remove(name);
    }
    let plain = with_target(&plain, "/hooks");
    let mut dressed = with_target(&plain, "/hooks?delivery=evt_8");
    dressed
        .headers_mut()
        .insert("x-delivery", "evt_9".parse().expect("a value"));
    dressed
        .headers_mut()
        .insert("x-account", "acct_9".parse().expect("a value"));
    let delivery = deliver(&pair.receiver, &dressed, NOW);
    let delivery = delivery.expect("it verifies").expect("a delivery");
    // The hint is shown, and is one.
    assert_eq!(
        delivery.id().map(|id| (id.as_str(), id.is_signed())),
        Some(("evt_9", false))
    );
    let of_another = pair.sender.send(r#"{"id":"evt_9","account":"acct_9"}"#);
    let [plain, dressed, of_another] = keys(&pair, [plain, dressed, of_another]);
    assert_eq!(plain, dressed);
    assert_ne!(plain, of_another);
}

/// Svix and Standard Webhooks sign the id that stands in the head.
#[test]
fn a_signed_id_in_the_head_decides_with_blanks_or_without() {
    let pair = Pair::new(STANDARD_WEBHOOKS).expect("a receiver");
    let genuine = pair.sender.clone().id("msg_1").send("{}");
    let mut padded = genuine.clone();
    let value = http::HeaderValue::from_bytes(b"\t msg_1  ").expect("a value");
    padded.headers_mut().insert("webhook-id", value);
    let other = pair.sender.clone().id("msg_2").send("{}");
    let [known, padded, other] = keys(&pair, [genuine, padded, other]);
    assert_eq!(known, padded);
    assert_ne!(known, other);
}

/// However the body comes in: whole, byte by byte, or judged without the door.
#[test]
fn the_way_in_makes_no_difference() {
    for pair in pairs::all() {
        let request = pair.sender.send(pair.sender.sample_body());
        let name = &pair.scheme.name;
        let whole = key(&pair.receiver, &request, NOW);
        let mut intake = pair.receiver.open(&request, NOW).expect("an open door");
        for byte in request.body() {
            let byte = Bytes::copy_from_slice(&[*byte]);
            intake.push(byte).expect("room");
        }
        let verified = intake.finish().expect("genuine").verified();
        let by_bytes = verified.expect("a delivery").deliver(&request);
        assert_eq!(by_bytes.expect("sound fields").key(), whole, "{name}");
        let at_once = pair
            .receiver
            .verify(&request, request.body().clone(), NOW)
            .and_then(|verified| verified.deliver(&request));
        assert_eq!(at_once.expect("sound fields").key(), whole, "{name}");
    }
}
