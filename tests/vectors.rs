//! Do published vectors get the verdict that their authors say, with each scheme as a const and read from text?

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

#[path = "support/vectors.rs"]
mod vectors;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use countersign::scheme::Scheme;
use countersign::{Receiver, Refusal, Secret, SecretError, SettingError, danger, providers};
use vectors::{Case, Expect, PUBLISHED, Rejected, parse};

/// Vectors for schemes of which nobody has published any, computed with other people's code.
const COMPUTED: &str = include_str!("vectors/computed.jsonl");

/// Accepted and refused published cases of each provider: a vector that gets lost is missed here.
const COUNTS: [(&str, usize, usize); 9] = [
    ("cloudevents-webhook", 2, 0),
    ("github", 4, 3),
    ("mandrill", 1, 2),
    ("shopify", 1, 2),
    ("slack", 1, 2),
    ("standard-webhooks", 5, 6),
    ("stripe", 1, 5),
    ("svix", 5, 5),
    ("twilio", 19, 4),
];

/// The same for cases that were computed.
const COMPUTED_COUNTS: [(&str, usize, usize); 9] = [
    ("cloudevents-webhook", 3, 1),
    ("intercom", 2, 2),
    ("mailchimp", 3, 2),
    ("papertrail", 4, 1),
    ("twilio", 8, 5),
    ("websub", 4, 3),
    ("woocommerce", 1, 3),
    ("wordpress", 2, 1),
    ("zapier", 12, 5),
];

/// Signed with Ed25519 alone (`v1a` and a `whpk_` key), which is not verified yet: these fail when the receiver is built.
const NOT_YET: [&str; 2] = ["standard-webhooks-9", "svix-9"];

/// Why each reject is refused. An id missing here fails, and so does one that is no reject.
fn reasons() -> BTreeMap<&'static str, Rejected> {
    let mut reasons = published_reasons();
    let computed = computed_reasons().map(|(id, refusal)| (id, Rejected::Refused(refusal)));
    reasons.extend(computed);
    reasons
}

fn published_reasons() -> BTreeMap<&'static str, Rejected> {
    use Refusal::{
        SignatureMalformed, SignatureMismatch, SignatureMissing, TimestampMalformed,
        TimestampMissing, TimestampTooNew, TimestampTooOld,
    };
    let no_id = Refusal::FieldMissing {
        name: "webhook-id".into(),
    };
    let empty =
        ["stripe-2", "stripe-3", "stripe-4"].map(|id| (id, Rejected::Secret(SecretError::Empty)));
    [
        ("github-2", SignatureMalformed),
        ("github-5", SignatureMissing),
        ("github-6", SignatureMissing),
        ("mandrill-1", SignatureMismatch),
        ("mandrill-2", SignatureMismatch),
        ("shopify-1", SignatureMalformed),
        ("shopify-2", SignatureMissing),
        ("slack-1", TimestampTooOld),
        ("slack-2", SignatureMissing),
        ("standard-webhooks-3", SignatureMismatch),
        ("standard-webhooks-4", SignatureMalformed),
        ("standard-webhooks-5", TimestampTooNew),
        ("standard-webhooks-6", no_id),
        ("standard-webhooks-7", SignatureMissing),
        ("standard-webhooks-8", SignatureMalformed),
        ("stripe-1", SignatureMismatch),
        ("stripe-5", SignatureMalformed),
        ("svix-2", SignatureMismatch),
        ("svix-3", SignatureMalformed),
        ("svix-4", TimestampTooOld),
        ("svix-5", TimestampMalformed),
        ("svix-6", TimestampMissing),
        ("twilio-5", SignatureMismatch),
        ("twilio-11", SignatureMismatch),
        ("twilio-12", SignatureMismatch),
        ("twilio-22", SignatureMismatch),
    ]
    .map(|(id, refusal)| (id, Rejected::Refused(refusal)))
    .into_iter()
    .chain(empty)
    .collect()
}

fn computed_reasons() -> [(&'static str, Refusal); 23] {
    use Refusal::{
        SignatureMalformed, SignatureMismatch, SignatureMissing, SignatureRepeated, TimestampTooOld,
    };
    [
        ("computed-cloudevents-3", SignatureMismatch),
        ("computed-intercom-2", SignatureMismatch),
        ("computed-intercom-3", SignatureMalformed),
        ("computed-mailchimp-1", SignatureMismatch),
        ("computed-mailchimp-2", SignatureMissing),
        ("computed-papertrail-2", SignatureMissing),
        ("computed-twilio-3", SignatureMismatch),
        ("computed-twilio-5", SignatureMismatch),
        ("computed-twilio-6", SignatureMissing),
        ("computed-twilio-10", SignatureMismatch),
        ("computed-twilio-11", SignatureMismatch),
        ("computed-websub-4", SignatureMalformed),
        ("computed-websub-5", SignatureMalformed),
        ("computed-websub-6", SignatureMalformed),
        ("computed-woocommerce-1", SignatureMissing),
        ("computed-woocommerce-2", SignatureMissing),
        ("computed-woocommerce-3", SignatureMismatch),
        ("computed-wordpress-1", SignatureMismatch),
        ("computed-zapier-1", SignatureMismatch),
        ("computed-zapier-6", SignatureMissing),
        ("computed-zapier-8", SignatureRepeated),
        ("computed-zapier-14", SignatureMismatch),
        ("computed-zapier-16", TimestampTooOld),
    ]
}

fn published() -> Vec<Case> {
    parse(PUBLISHED).expect("the published vectors can be read")
}

fn computed() -> Vec<Case> {
    parse(COMPUTED).expect("the computed vectors can be read")
}

fn all() -> impl Iterator<Item = Case> {
    published().into_iter().chain(computed())
}

/// A scheme as a const, and the same read from TOML and from JSON.
fn spellings(scheme: Scheme) -> [(&'static str, Scheme); 3] {
    let toml = toml::to_string(&scheme).expect("a scheme is TOML");
    let json = serde_json::to_string(&scheme).expect("a scheme is JSON");
    let from_toml = toml::from_str(&toml).unwrap_or_else(|error| panic!("{error}\n{toml}"));
    let from_json = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}\n{json}"));
    [("const", scheme), ("toml", from_toml), ("json", from_json)]
}

#[test]
fn no_vector_is_lost() {
    for (cases, expected) in [(published(), COUNTS), (computed(), COMPUTED_COUNTS)] {
        let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for case in cases {
            let (accepts, rejects) = counts.entry(case.provider.clone()).or_default();
            match case.expect {
                Expect::Accept => *accepts += 1,
                Expect::Reject => *rejects += 1,
                Expect::Either => panic!("{}: say what is expected, and count it", case.id),
            }
        }
        let expected =
            expected.map(|(provider, accepts, rejects)| (provider.to_owned(), (accepts, rejects)));
        assert_eq!(counts, expected.into());
    }
}

#[test]
fn every_built_in_scheme_has_an_accepted_vector() {
    let accepted: BTreeSet<String> = all()
        .filter(|case| case.expect == Expect::Accept && !NOT_YET.contains(&case.id.as_str()))
        .map(|case| case.scheme())
        .filter(|scheme| providers::ALL.contains(scheme))
        .map(|scheme| scheme.name.to_string())
        .collect();
    let built_in = providers::ALL.iter().map(|scheme| scheme.name.to_string());
    assert_eq!(accepted, built_in.collect());
}

#[test]
fn a_scheme_is_the_same_as_a_const_and_read_from_text() {
    for scheme in providers::ALL {
        for (spelling, parsed) in spellings(scheme.clone()) {
            assert_eq!(&parsed, scheme, "{} from {spelling}", scheme.name);
        }
    }
}

#[test]
fn every_vector_gets_its_verdict() {
    let reasons = reasons();
    for case in all() {
        for (spelling, scheme) in spellings(case.scheme()) {
            let name = format!("{} ({spelling})", case.id);
            let got = case.verdict(scheme);
            if NOT_YET.contains(&case.id.as_str()) {
                continue;
            }
            match case.expect {
                Expect::Accept => {
                    let verified = got.unwrap_or_else(|rejected| panic!("{name}: {rejected:?}"));
                    assert_eq!(*verified.body(), case.body(), "{name}");
                    assert_eq!(verified.secret_label(), "secret-1", "{name}");
                }
                Expect::Reject => {
                    let why = reasons.get(case.id.as_str());
                    assert_eq!(got.err().as_ref(), why, "{name}");
                    assert!(why.is_some(), "{name}: its reason is not in the table");
                }
                Expect::Either => {}
            }
        }
    }
}

#[test]
fn every_reason_belongs_to_a_reject() {
    let rejects: BTreeSet<String> = all()
        .filter(|case| case.expect == Expect::Reject)
        .map(|case| case.id)
        .collect();
    let reasons: BTreeSet<String> = reasons().into_keys().map(str::to_owned).collect();
    assert_eq!(reasons, rejects);
}

#[test]
fn a_public_key_fails_when_the_receiver_is_built() {
    let public_key = SettingError::Secret {
        label: "secret-1".into(),
        reason: SecretError::PublicKey,
    };
    for id in NOT_YET {
        let case = Case::published(id);
        assert_eq!(case.expect, Expect::Accept, "{id}");
        for (spelling, scheme) in spellings(case.scheme()) {
            let got = case.verdict(scheme).err();
            assert_eq!(
                got,
                Some(Rejected::Setting(public_key.clone())),
                "{id} ({spelling})"
            );
        }
    }
}

/// Their secret is empty, so that no receiver looks at them; what they are about is the header.
#[test]
fn headers_of_vectors_without_a_secret_are_refused_with_one() {
    for (id, refusal) in [
        ("stripe-2", Refusal::TimestampMalformed),
        ("stripe-3", Refusal::SignatureMalformed),
        ("stripe-4", Refusal::SignatureMalformed),
    ] {
        let case = Case::published(id);
        let secret = Secret::new("whsec_a_secret_long_enough").expect("a secret");
        let receiver = Receiver::builder(case.scheme(), secret)
            .build()
            .expect("a receiver");
        assert_eq!(case.judge(&receiver).err(), Some(refusal), "{id}");
    }
}

/// Published secrets are shorter than what a user may configure.
#[test]
fn only_the_constructor_in_danger_takes_the_short_secrets_of_vectors() {
    let case = Case::published("stripe-0");
    let build = |secret| Receiver::builder(case.scheme(), secret).build();
    let short = build(Secret::new("webhook_secret").expect("a secret")).err();
    assert_eq!(
        short,
        Some(SettingError::Secret {
            label: "secret-1".into(),
            reason: SecretError::TooShort {
                bytes: 14,
                least: 16
            },
        })
    );
    let any_length = danger::secret_of_any_length("webhook_secret").expect("a secret");
    let receiver = build(any_length).expect("a receiver");
    assert_eq!(
        case.judge(&receiver)
            .map(|verified| verified.body().clone()),
        Ok::<Bytes, _>(case.request().into_body())
    );
}

#[test]
fn a_line_is_read_strictly() {
    let line = PUBLISHED.lines().next().expect("a line");
    assert_eq!(parse(line).map(|cases| cases.len()), Ok(1));
    for (change, what) in [
        (
            line.replacen('{', r#"{"skip": true, "#, 1),
            "unknown field `skip`",
        ),
        (
            line.replacen('{', r#"{"config": {"variant": 1}, "#, 1),
            "invalid type: integer `1`, expected a string",
        ),
        (
            line.replace(r#""expect": "accept""#, r#""expect": "accepted""#),
            "unknown variant `accepted`",
        ),
        (
            format!("{line}\n{line}"),
            "line 2: the id cloudevents-webhook-0 occurs twice",
        ),
        (format!("{line}\n\n{line}"), "line 2: "),
    ] {
        let error = parse(&change).map(|cases| cases.len()).expect_err(&change);
        assert!(error.contains(what), "{what}: {error}");
    }
}

/// A word that no scheme knows must not be passed over: the case would be judged as something else than it is.
#[test]
fn a_value_that_the_scheme_does_not_know_builds_no_receiver() {
    let line = PUBLISHED.lines().next().expect("a line");
    let misspelled = line.replacen('{', r#"{"config": {"varient": "sha1"}, "#, 1);
    let case = parse(&misspelled).expect("a case").remove(0);
    let verdict = case.verdict(case.scheme()).map(drop);
    let Err(Rejected::Setting(error)) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(error.field(), "config");
}
