//! Shopify: two families of headers that are never mixed.

use countersign::Refusal::{
    SignatureMalformed, SignatureMismatch, SignatureMissing, SignatureRepeated,
};

use crate::attempt::{Attempt, SHOPIFY, Verdict};

const NEW: &str = "shopify-hmac-sha256";
const OLD: &str = "x-shopify-hmac-sha256";
/// Well-formed, and of nothing.
const WRONG: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// The headers of both families: `None` for one that is not there.
fn families(new: Option<&str>, old: Option<&str>) -> Attempt {
    let mut attempt = SHOPIFY.attempt().without(OLD);
    for (name, value) in [(NEW, new), (OLD, old)] {
        if let Some(value) = value {
            attempt = attempt.set(name, value);
        }
    }
    attempt
}

#[test]
fn the_preferred_family_alone_is_read() {
    let good = SHOPIFY.tag;
    let table: [(Option<&str>, Option<&str>, Verdict); 12] = [
        (Some(good), None, Ok(())),
        (None, Some(good), Ok(())),
        (Some(good), Some(good), Ok(())),
        (Some(good), Some(WRONG), Ok(())),
        (Some(good), Some(""), Ok(())),
        (Some(WRONG), Some(good), Err(SignatureMismatch)),
        (Some(""), Some(good), Err(SignatureMalformed)),
        (Some(" \t"), Some(good), Err(SignatureMalformed)),
        (Some("fake"), Some(good), Err(SignatureMalformed)),
        (None, Some(WRONG), Err(SignatureMismatch)),
        (None, Some(""), Err(SignatureMalformed)),
        (None, None, Err(SignatureMissing)),
    ];
    for (new, old, expected) in table {
        families(new, old).gives(&expected, format!("{new:?} {old:?}"));
    }
}

#[test]
fn a_repeated_preferred_header_does_not_fall_back() {
    let good = SHOPIFY.tag;
    for second in [good, WRONG, ""] {
        let attempt = families(Some(good), Some(good)).add(NEW, second);
        attempt.refused(SignatureRepeated, format!("{second:?}"));
        let attempt = families(Some(second), Some(good)).add(NEW, good);
        attempt.refused(SignatureRepeated, format!("first {second:?}"));
    }
    // Of the family that is not read, nothing counts.
    families(Some(good), Some(good))
        .add(OLD, WRONG)
        .passes("the other family twice");
}

#[test]
fn a_prefix_is_no_part_of_the_signature() {
    for prefix in [
        "sha256=", "sha1=", "v1,", "v1=", "hmac ", "SHA256=", "=", "base64:", ",",
    ] {
        let value = format!("{prefix}{}", SHOPIFY.tag);
        families(None, Some(&value)).refused(SignatureMalformed, value);
    }
}

/// None of these is signed: they are hints, and no header that is missing or changed refuses a genuine body.
#[test]
fn the_other_headers_are_not_signed() {
    for name in [
        "x-shopify-topic",
        "x-shopify-shop-domain",
        "x-shopify-webhook-id",
        "x-shopify-api-version",
    ] {
        SHOPIFY.attempt().without(name).passes(name);
        SHOPIFY
            .attempt()
            .set(name, "another")
            .add(name, "twice")
            .passes(name);
    }
    let triggered = "x-shopify-triggered-at";
    SHOPIFY
        .attempt()
        .set(triggered, "1970-01-01T00:00:00Z")
        .passes(triggered);
}
