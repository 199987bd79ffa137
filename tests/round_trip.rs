//! What a sender of the catalogue would send is accepted, and everything one step beside is refused for its reason: `Scheme::request`
//! and the testkit, over every scheme that a receiver can be built for.

#![cfg(test)]

#[allow(dead_code, reason = "shared with the other tests of the catalogue")]
#[path = "catalogue_files.rs"]
mod files;

use std::collections::BTreeSet;

use countersign::danger::NoSecret;
use countersign::scheme::{Algorithm, Grade, KeyFormat, Lines, Part, Place, Scheme};
use countersign::{Receiver, Secret, SecretRing, Timestamp, Unit};
use countersign_testkit::{Sender, Verdict, judge};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// Schemes that a receiver can be built for and that no sender can be made of, and why.
const CANNOT_BE_SENT: [(&str, &str); 0] = [];

/// What a table lacks, and why that is right.
const LACKING: [&str; 0] = [];

/// Every scheme that a receiver can be built for, with that receiver and its sender.
fn pairs() -> impl Iterator<Item = (Scheme, Receiver, Sender)> {
    files::schemes().into_iter().filter_map(|scheme| {
        let (secrets, sender) = match scheme.algorithm {
            Algorithm::Unsigned => (NoSecret.into(), Sender::without_secret(scheme.clone())),
            _ => {
                let text = secret(&scheme);
                let secret = Secret::new(text.as_str()).expect("a sound secret");
                (SecretRing::from(secret), Sender::new(scheme.clone(), text))
            }
        };
        let built = files::builder(scheme.clone(), secrets, "https://hooks.example.com").build();
        let mut sender = sender.at(NOW).url("https://hooks.example.com/a/b");
        let mut names = Vec::new();
        config_names(&scheme.content, &mut names);
        for name in names {
            sender = sender.config(name, "configured");
        }
        Some((scheme, built.ok()?, sender))
    })
}

fn secret(scheme: &Scheme) -> String {
    const BASE64: &str = "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY=";
    match &scheme.key {
        KeyFormat::Base64 => BASE64.to_owned(),
        KeyFormat::Base64After(prefix) => format!("{prefix}{BASE64}"),
        KeyFormat::Hex => "0f1e".repeat(16),
        _ => "user:0123456789Abcdefghijklmnopq".to_owned(),
    }
}

fn config_names(parts: &[Part], names: &mut Vec<String>) {
    for part in parts {
        if let Part::Config(name) = part {
            names.push(name.to_string());
        }
        config_names(part.inner(), names);
    }
}

#[test]
fn every_scheme_is_signed_as_its_sender_would() {
    let mut wrong = Vec::new();
    let mut unsigned = Vec::new();
    for (scheme, receiver, sender) in pairs() {
        let name = &scheme.name;
        match sender.try_genuine_variants(sender.sample_body()) {
            Err(error) => unsigned.push((name.to_string(), error.to_string())),
            Ok(variants) => {
                for variant in variants {
                    let verdict = Verdict::from(judge(&receiver, &variant.request, variant.now));
                    if verdict != Verdict::Accepted {
                        wrong.push(format!("{name}: {}: {verdict:?}", variant.name));
                    }
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} refused:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let expected = CANNOT_BE_SENT.map(|(name, why)| (name.to_owned(), why.to_owned()));
    assert_eq!(unsigned, expected);
}

#[test]
fn every_near_miss_is_refused_for_its_reason() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (scheme, receiver, sender) in pairs() {
        let Ok(misses) = sender.try_near_misses(sender.sample_body()) else {
            continue;
        };
        assert!(misses.len() >= 8, "{}: only {misses:?}", scheme.name);
        count += misses.len();
        let names: BTreeSet<_> = misses.iter().map(|miss| &miss.name).collect();
        assert_eq!(names.len(), misses.len(), "{}: {misses:?}", scheme.name);
        for miss in misses {
            let verdict = judge(&receiver, &miss.request, miss.now);
            if verdict.as_ref().err() != Some(&miss.refusal) {
                wrong.push(format!(
                    "{}: {}: {:?} and not {:?}",
                    scheme.name,
                    miss.name,
                    verdict.map(|_| ()),
                    miss.refusal
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count > 13_000, "only {count} near misses");
}

/// A step that leads nowhere is left out of the table. What every scheme of its kind must have is said here, with the exceptions.
#[test]
fn no_table_lacks_what_matters() {
    let mut lacking = Vec::new();
    let mut schemes = 0;
    for (scheme, _, sender) in pairs() {
        schemes += 1;
        let misses = sender.near_misses(sender.sample_body());
        let has = |name: &str| misses.iter().any(|miss| miss.name.starts_with(name));
        let mut wanted = vec!["another method", "a content encoding", "two lengths"];
        if scheme.algorithm != Algorithm::Unsigned {
            wanted.extend(["another secret", "no signature", "an empty signature"]);
        }
        if scheme.algorithm != Algorithm::Unsigned
            && scheme.signature.place != Place::PathEnd
            && scheme.signature.lines == Lines::One
        {
            wanted.extend(["the signature twice", "the signature and a wrong one"]);
        }
        if !scheme.media_types.is_empty() {
            wanted.push("another media type");
        }
        match scheme.algorithm {
            Algorithm::Unsigned => {}
            Algorithm::Basic => wanted.extend(["another case, in the password", "no scheme word"]),
            Algorithm::Token => wanted.extend(["another case", "a character behind it"]),
            _ => wanted.extend([
                "a low bit flipped",
                "half the signature",
                "the signature as",
                "another algorithm",
            ]),
        }
        if let Some(rule) = &scheme.timestamp {
            wanted.extend(["a second too old", "a second too new", "another timestamp"]);
            wanted.push(match rule.unit {
                _ if rule.place.is_in_body() => "a minus before",
                Unit::Seconds | Unit::Milliseconds => "a zero before",
                _ => "a timestamp in lower case",
            });
            if rule.place != Place::FirstItem {
                wanted.extend(["no timestamp", "the timestamp twice"]);
            }
        }
        if scheme.grade == Grade::SignatureOverBody {
            let has_body = ["a bit flipped in the body", "a digit of the body changed"];
            if !has_body.iter().any(|name| has(name)) {
                lacking.push(format!("{}: a changed body", scheme.name));
            }
        }
        if !scheme.requires.is_empty() {
            let required = misses
                .iter()
                .filter(|miss| miss.name.ends_with(" of another value"));
            assert!(required.count() >= scheme.requires.len(), "{}", scheme.name);
        }
        let gone = wanted.into_iter().filter(|name| !has(name));
        lacking.extend(gone.map(|name| format!("{}: {name}", scheme.name)));
    }
    assert_eq!(lacking, LACKING);
    assert!(schemes > 310, "only {schemes} schemes");
}
