//! The header that carries the signature: there, once, not empty, not too long.

use countersign::Refusal::{
    self, SignatureMalformed, SignatureMissing, SignatureRepeated, SignatureTooLong,
};
use countersign::scheme::MAX_SIGNATURE_LEN;

use crate::attempt::{
    GITHUB, GITHUB_SHA1, SAMPLES, SHOPIFY, SLACK, STANDARD_WEBHOOKS, STRIPE, SVIX, Sample,
};

const TOO_LONG: Refusal = SignatureTooLong { limit: 8192 };

/// Headers that carry signatures, of these schemes and of others.
const NAMES: [&str; 13] = [
    "stripe-signature",
    "x-hub-signature-256",
    "x-hub-signature",
    "x-slack-signature",
    "x-shopify-hmac-sha256",
    "shopify-hmac-sha256",
    "webhook-signature",
    "svix-signature",
    "x-signature",
    "signature",
    "x-webhook-signature",
    "authorization",
    "x-stripe-signature",
];

/// The headers of other families that the sample's scheme reads, too.
fn families(sample: &Sample) -> &'static [&'static str] {
    match sample.id {
        "shopify-0" => &["shopify-hmac-sha256"],
        "svix-0" => &["webhook-signature"],
        "svix-7" => &["svix-signature"],
        _ => &[],
    }
}

#[test]
fn missing() {
    for sample in SAMPLES {
        let attempt = sample.attempt().without(sample.header);
        attempt.refused(SignatureMissing, sample.id);
    }
}

#[test]
fn under_another_name() {
    for sample in SAMPLES {
        for name in NAMES {
            if name != sample.header && !families(&sample).contains(&name) {
                let attempt = sample.attempt().renamed(sample.header, name);
                attempt.refused(SignatureMissing, format!("{}: {name}", sample.id));
            }
        }
    }
}

#[test]
fn the_whole_header_of_another_scheme() {
    for sample in SAMPLES {
        for other in [
            STRIPE,
            GITHUB,
            GITHUB_SHA1,
            SLACK,
            SHOPIFY,
            STANDARD_WEBHOOKS,
            SVIX,
        ] {
            let value = other.attempt().value(other.header);
            let (before, _) = sample.around_tag();
            let is_alike = !before.is_empty() && value.starts_with(&before);
            if is_alike || other.id == sample.id {
                continue;
            }
            let attempt = sample.attempt().set(sample.header, &value);
            attempt.refused(SignatureMalformed, format!("{}: {value}", sample.id));
        }
    }
}

#[test]
fn empty_or_blank() {
    for sample in SAMPLES {
        for value in ["", " ", "\t", " \t \t", &" ".repeat(10_000)] {
            let attempt = sample.attempt().set(sample.header, value);
            attempt.refused(SignatureMalformed, format!("{}: {value:?}", sample.id));
        }
    }
}

#[test]
fn twice() {
    for sample in SAMPLES {
        let value = sample.attempt().value(sample.header);
        assert!(sample.tag.contains('3'), "{}", sample.id);
        let other = sample
            .with_tag(&sample.tag.replace('3', "4"))
            .value(sample.header);
        for (first, second) in [
            (&*value, &*value),
            (&value, &other),
            (&other, &value),
            (&value, ""),
            ("", &value),
            (&value, " \t"),
            ("", ""),
            ("x", "x"),
        ] {
            let attempt = sample
                .attempt()
                .set(sample.header, first)
                .add(sample.header, second);
            attempt.refused(
                SignatureRepeated,
                format!("{}: {first:?}, {second:?}", sample.id),
            );
            let thrice = attempt.add(sample.header, &value);
            thrice.refused(SignatureRepeated, format!("{}: three lines", sample.id));
        }
    }
}

#[test]
fn blanks_around_it_are_stripped() {
    for sample in SAMPLES {
        let value = sample.attempt().value(sample.header);
        for (before, after) in [(" ", ""), ("", " "), ("\t", "\t"), (" \t ", "\t \t")] {
            let attempt = sample
                .attempt()
                .set(sample.header, format!("{before}{value}{after}"));
            attempt.passes(format!("{}: {before:?} {after:?}", sample.id));
        }
    }
}

/// Other spaces are no blanks of HTTP: the no-break space in Latin-1 and in UTF-8, the ideographic one.
#[test]
fn other_spaces_around_it_are_not_stripped() {
    let spaces: [&[u8]; 3] = [b"\xa0", b"\xc2\xa0", b"\xe3\x80\x80"];
    for sample in [GITHUB, GITHUB_SHA1, SLACK, SHOPIFY] {
        let value = sample.attempt().value(sample.header);
        for space in spaces {
            for changed in [
                [space, value.as_bytes()].concat(),
                [value.as_bytes(), space].concat(),
            ] {
                let attempt = sample.attempt().set(sample.header, changed);
                attempt.refused(SignatureMalformed, format!("{}: {space:x?}", sample.id));
            }
        }
    }
}

#[test]
fn up_to_the_limit_it_is_read_and_beyond_it_is_not() {
    assert_eq!(MAX_SIGNATURE_LEN, 8192);
    for sample in SAMPLES {
        let start = sample.with_tag("").value(sample.header);
        for (len, refusal) in [
            (8191, SignatureMalformed),
            (8192, SignatureMalformed),
            (8193, TOO_LONG),
            (100_000, TOO_LONG),
        ] {
            let tag = "a".repeat(len - start.len());
            let attempt = sample.with_tag(&tag);
            assert_eq!(attempt.value(sample.header).len(), len);
            attempt.refused(refusal, format!("{}: {len} bytes", sample.id));
        }
        let blanks = format!(
            "{}{}",
            " ".repeat(8192),
            sample.attempt().value(sample.header)
        );
        let attempt = sample.attempt().set(sample.header, blanks);
        attempt.passes(format!("{}: blanks around it do not count", sample.id));
    }
}
