//! Every built-in scheme: what its sender sends is accepted, and each near miss is refused for exactly its reason.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};

use countersign::danger::Weak;
use countersign::scheme::{Grade, KeyFormat, Part, Scheme};
use countersign::{Receiver, Secret, Timestamp, providers};
use countersign_testkit::{Sender, Verdict, judge};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const URL: &str = "https://hooks.example.com/a/b";

fn secret(scheme: &Scheme) -> &'static str {
    match &scheme.key {
        KeyFormat::Base64 | KeyFormat::Base64After(_) => {
            "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY="
        }
        KeyFormat::Hex => "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        _ => "user:0123456789Abcdef0123456789",
    }
}

fn receiver(scheme: &Scheme) -> Receiver {
    let builder = Receiver::builder(scheme.clone(), Secret::new(secret(scheme)).unwrap());
    let builder = match scheme.grade {
        Grade::SignatureUndelimited => builder.accept_weak(Weak::ValuesNotSetApart),
        Grade::SignatureBesideBody => builder.accept_weak(Weak::BodyNotSigned),
        Grade::ExtensibleDigest => builder.accept_weak(Weak::ExtensibleDigest),
        Grade::Token => builder.accept_weak(Weak::NothingSigned),
        _ => builder,
    };
    builder
        .public_url("https://hooks.example.com")
        .build()
        .unwrap()
}

fn sender(scheme: &Scheme) -> Sender {
    Sender::new(scheme.clone(), secret(scheme)).at(NOW).url(URL)
}

#[test]
fn what_is_genuine_is_accepted() {
    for scheme in providers::ALL {
        let (receiver, sender) = (receiver(scheme), sender(scheme));
        // A body whose fields are sorted is a form and nothing else.
        let is_form = scheme.content.contains(&Part::FormSorted);
        let other = if is_form { "a=1" } else { "{}" };
        for body in [sender.sample_body(), other.into(), "payload=%7B%7D".into()] {
            for variant in sender.genuine_variants(&body) {
                let verdict = judge(&receiver, &variant.request, variant.now);
                assert_eq!(
                    Verdict::from(verdict),
                    Verdict::Accepted,
                    "{}: {}",
                    scheme.name,
                    variant.name
                );
            }
        }
    }
}

#[test]
fn every_near_miss_is_refused_for_its_reason() {
    for scheme in providers::ALL {
        let (receiver, sender) = (receiver(scheme), sender(scheme));
        let misses = sender.near_misses(sender.sample_body());
        assert!(misses.len() >= 18, "{}: only {misses:?}", scheme.name);
        let names: BTreeSet<_> = misses.iter().map(|miss| &miss.name).collect();
        assert_eq!(names.len(), misses.len(), "{}: {misses:?}", scheme.name);
        for miss in misses {
            let verdict = judge(&receiver, &miss.request, miss.now);
            assert_eq!(
                verdict.err(),
                Some(miss.refusal),
                "{}: {}",
                scheme.name,
                miss.name
            );
        }
    }
}

/// The table shrinks when a step leads nowhere: what must be in it is said here.
#[test]
fn the_table_of_one_scheme_is_whole() {
    let sender = sender(&providers::STRIPE);
    let misses = sender.near_misses(sender.sample_body());
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for miss in &misses {
        *counts.entry(miss.refusal.code()).or_default() += 1;
    }
    let expected = [
        ("body_incomplete", 2),
        ("content_encoding_unsupported", 1),
        ("length_malformed", 2),
        ("media_type_unsupported", 2),
        ("method_not_allowed", 1),
        ("signature_malformed", 22),
        ("signature_mismatch", 15),
        ("signature_missing", 1),
        ("signature_repeated", 2),
        ("signature_too_long", 1),
        ("timestamp_malformed", 8),
        ("timestamp_missing", 1),
        ("timestamp_repeated", 2),
        ("timestamp_too_new", 2),
        ("timestamp_too_old", 1),
        ("too_many_candidates", 2),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
}
