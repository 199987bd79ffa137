//! What makes another delivery, and what does not.

use bytes::Bytes;
use countersign::danger::Deduplicate;
use countersign::providers::{GITHUB, STRIPE};
use countersign::scheme::{Part, Place, Scheme};
use countersign::{MemoryStore, ReceiverBuilder, SecretRing, Timestamp, WithStore, list, text};
use countersign_testkit::Sender;

use crate::attempts::{deliver, key};
use crate::pairs::{self, NOW, Pair, secret};

type Builder = ReceiverBuilder<WithStore<MemoryStore>>;

/// Every scheme whose deliveries are told apart.
fn remembered() -> impl Iterator<Item = Pair> {
    let all = pairs::all().into_iter();
    all.filter(|pair| pair.choice != Some(Deduplicate::Off))
}

/// Another secret that this scheme can use, in front of the first one.
fn rotated(scheme: &Scheme) -> SecretRing {
    let ring = SecretRing::new([secret(scheme, "second"), secret(scheme, "first")]);
    ring.expect("two secrets")
}

#[test]
fn scheme_namespace_and_endpoint_set_keys_apart() {
    for pair in remembered() {
        let name = pair.scheme.name.clone();
        let request = pair.sender.send(pair.sender.sample_body());
        let of = |set: fn(Builder) -> Builder| {
            let receiver = pair.rebuilt(pairs::secrets(&pair.scheme, "first"), set);
            key(&receiver.expect("a receiver"), &request, NOW).expect("a key")
        };
        let renamed = Pair::new(Scheme {
            name: format!("{name}-2").into(),
            ..pair.scheme.clone()
        });
        let renamed = key(&renamed.expect("a receiver").receiver, &request, NOW);
        let keys = [
            of(|builder| builder),
            of(|builder| builder.namespace("a")),
            of(|builder| builder.endpoint("a")),
            of(|builder| builder.namespace("a").endpoint("a")),
            of(|builder| builder.namespace("b")),
            renamed.expect("a key"),
        ];
        for (at, one) in keys.iter().enumerate() {
            for other in &keys[at + 1..] {
                assert_ne!(one, other, "{name}");
            }
        }
        assert_eq!(key(&pair.receiver, &request, NOW), Some(keys[0]), "{name}");
    }
}

/// Settings that say how a delivery is verified or run do not say which one it is: replicas may differ in them while they are rolled out.
#[test]
fn other_settings_change_no_key() {
    let pair = Pair::new(STRIPE).expect("a receiver");
    let request = pair.sender.send(r#"{"id":"evt_1"}"#);
    let sets: [fn(Builder) -> Builder; 4] = [
        |builder| builder.lease(std::time::Duration::from_secs(99)),
        |builder| builder.retention(std::time::Duration::from_secs(2_592_000)),
        |builder| builder.max_body(4_000).max_runs(3),
        |builder| builder.tolerance(countersign::Tolerance::from_secs(60)),
    ];
    for set in sets {
        let ring = pairs::secrets(&pair.scheme, "first");
        let receiver = pair.rebuilt(ring, set).expect("a receiver");
        assert_eq!(
            key(&receiver, &request, NOW),
            key(&pair.receiver, &request, NOW)
        );
    }
}

#[test]
fn a_rotated_secret_changes_no_key() {
    let mut count = 0;
    for pair in remembered() {
        let ring = rotated(&pair.scheme);
        let Ok(receiver) = pair.rebuilt(ring, |builder| builder) else {
            // Nothing is proven, so there is no secret.
            assert_eq!(
                pair.scheme.algorithm,
                countersign::scheme::Algorithm::Unsigned
            );
            continue;
        };
        let body = pair.sender.sample_body();
        let before = pair.sender.send(&body);
        let after = pairs::sender(&pair.scheme, "second").send(&body);
        if pair.scheme.id.contains(&pair.scheme.signature.place) {
            // The signature is the id.
            assert_eq!(pair.scheme.name, "dropbox-sign");
            continue;
        }
        let of = |request| key(&receiver, request, NOW);
        assert_ne!(
            (before.headers(), before.uri(), before.body()),
            (after.headers(), after.uri(), after.body()),
            "{}",
            pair.scheme.name
        );
        assert_eq!(
            of(&before),
            key(&pair.receiver, &before, NOW),
            "{}",
            pair.scheme.name
        );
        assert_eq!(of(&before), of(&after), "{}", pair.scheme.name);
        count += 1;
    }
    assert!(count > 290, "only {count}");
}

/// Schemes whose stamp lies in the body and whose id, if there is one, nothing signs: a retry with another stamp is another content, and so
/// another delivery. (Dropbox Sign's id is its signature, which covers the stamp.)
const STAMPED_BODIES: [&str; 3] = ["docusign", "dropbox-sign", "linear"];

#[test]
fn a_retry_that_is_signed_afresh_has_the_same_key() {
    let mut count = 0;
    let mut others = Vec::new();
    for pair in remembered() {
        let Some(rule) = &pair.scheme.timestamp else {
            continue;
        };
        count += 1;
        let later = Timestamp::from_secs(NOW.as_secs() + 60);
        let retry = pair.sender.clone().at(later);
        // A stamp in the body is the retry's own; all else is the delivery's.
        let is_in_body = matches!(
            rule.place,
            Place::Json(_) | Place::Form(_) | Place::FormJson { .. }
        );
        let body = pair.sender.sample_body();
        let of_retry = match is_in_body {
            true => retry.sample_body(),
            false => body.clone(),
        };
        let first = key(&pair.receiver, &pair.sender.send(&body), NOW);
        let again = key(&pair.receiver, &retry.send(&of_retry), later);
        if first != again {
            others.push((pair.scheme.name.to_string(), is_in_body));
        }
    }
    let expected = STAMPED_BODIES.map(|name| (name.to_owned(), true));
    assert_eq!(others, expected);
    assert!(count > 80, "only {count}");
}

/// A body of the same shape that says more.
fn with_more(body: &[u8]) -> Option<Bytes> {
    let text = std::str::from_utf8(body).ok()?;
    match text.chars().next()? {
        '{' => Some(text.replacen('{', r#"{"zz":"1","#, 1)),
        '<' => Some(text.replacen("</delivery>", "<zz>1</zz></delivery>", 1)),
        '[' => None,
        _ => Some(format!("{text}&zz=1")),
    }
    .map(Bytes::from)
}

fn named(sender: &Sender, from: &str, to: &str) -> (Sender, Bytes) {
    let body = String::from_utf8(sender.sample_body().to_vec()).expect("text");
    let sender = match from {
        "delivery1" => sender.clone().id(to),
        _ => sender.clone().tenant(to),
    };
    (sender, Bytes::from(body.replace(from, to)))
}

/// Another id is another delivery where the id counts; where the content does, another body is.
#[test]
fn another_id_or_another_body_is_another_delivery() {
    let (mut by_id, mut by_content) = (0, 0);
    for pair in remembered() {
        let name = &pair.scheme.name;
        let body = pair.sender.sample_body();
        let genuine = pair.sender.send(&body);
        let delivery = deliver(&pair.receiver, &genuine, NOW).expect("genuine");
        let delivery = delivery.expect("a delivery");
        let known = delivery.key();
        // One that stands behind an unsigned one counts, too.
        let has_signed_id = pair.scheme.id.iter().any(|place| pair.scheme.signs(place));
        let has_id = delivery.id().is_some();
        let counts = has_signed_id || has_id && pair.goes_by_unsigned_id();
        if pair.scheme.id.contains(&pair.scheme.signature.place) {
            // Nobody can choose that id.
            assert_eq!(name, "dropbox-sign");
            continue;
        }
        if counts {
            by_id += 1;
            let is_plain = delivery.id().is_some_and(|id| id.as_str() == "delivery1");
            let (sender, other) = match is_plain {
                true => named(&pair.sender, "delivery1", "delivery2"),
                // Several values make it up.
                false => named(&pair.sender, "value1", "value2"),
            };
            let mut other = sender.send(&other);
            if let (false, Some(Place::All(parts))) = (is_plain, pair.scheme.id.first()) {
                for part in parts.iter() {
                    if let Place::Header(name) = part {
                        let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
                        let value = http::HeaderValue::from_static("value2");
                        other.headers_mut().insert(name, value);
                    }
                }
            }
            let other = key(&pair.receiver, &other, NOW);
            assert_ne!(other, known, "{name}: another id");
        } else {
            by_content += 1;
            let (sender, same) = named(&pair.sender, "delivery1", "delivery2");
            let same = key(&pair.receiver, &sender.send(&same), NOW);
            let holds_id = String::from_utf8_lossy(&body).contains("delivery1")
                || holds_one_of(&pair.scheme.content, &pair.scheme.id);
            assert_eq!(same == known, !holds_id, "{name}: an unsigned id");
        }
        let Some(more) = with_more(&body) else {
            continue;
        };
        let Ok(request) = pair.sender.try_send(&more) else {
            continue;
        };
        let more = key(&pair.receiver, &request, NOW);
        assert_eq!(more == known, counts, "{name}: another body");
    }
    assert!(by_id > 100 && by_content > 100, "{by_id} {by_content}");
}

/// Is one of the places part of the content, though nothing sets it apart there?
fn holds_one_of(parts: &[Part], places: &[Place]) -> bool {
    let is_one = |part: &Part| match part {
        Part::Header(name) => places.contains(&Place::Header(name.clone())),
        Part::Id => true,
        part => holds_one_of(part.inner(), places),
    };
    parts.iter().any(is_one)
}

/// A tenant that is signed sets deliveries apart; one that anybody may write does not.
#[test]
fn only_a_signed_tenant_sets_deliveries_apart() {
    let (mut signed, mut unsigned) = (0, 0);
    for pair in remembered() {
        let name = &pair.scheme.name;
        let genuine = pair.sender.send(pair.sender.sample_body());
        let delivery = deliver(&pair.receiver, &genuine, NOW).expect("genuine");
        let delivery = delivery.expect("a delivery");
        let Some(tenant) = delivery
            .tenant()
            .filter(|tenant| tenant.as_str() == "account1")
        else {
            continue;
        };
        let (sender, body) = named(&pair.sender, "account1", "account2");
        let other = key(&pair.receiver, &sender.send(&body), NOW);
        if tenant.is_signed() {
            signed += 1;
            assert_ne!(other, delivery.key(), "{name}");
        } else if body == pair.sender.sample_body()
            && !holds_one_of(&pair.scheme.content, &pair.scheme.tenant)
        {
            unsigned += 1;
            assert_eq!(other, delivery.key(), "{name}");
        }
    }
    assert!(signed > 70 && unsigned > 10, "{signed} {unsigned}");
}

/// With the tenant in a header beside a signed id: it decides only where it is signed.
#[test]
fn a_tenant_in_a_header_counts_when_it_is_signed() {
    let hint = Scheme {
        name: text!("acme"),
        id: list![Place::Json(text!("/id"))],
        tenant: list![Place::Header(text!("x-account"))],
        ..GITHUB
    };
    let proven = Scheme {
        content: list![
            Part::Header(text!("x-account")),
            Part::Literal(text!("\n")),
            Part::Body,
        ],
        ..hint.clone()
    };
    for (scheme, decides) in [(hint, false), (proven, true)] {
        let pair = Pair::new(scheme).expect("a receiver");
        let of = |tenant: &str| {
            let sender = pair
                .sender
                .clone()
                .tenant(tenant)
                .header("x-account", tenant);
            key(&pair.receiver, &sender.send(r#"{"id":"1"}"#), NOW)
        };
        assert_eq!(of("a") != of("b"), decides);
    }
}
