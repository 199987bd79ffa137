//! Stripe's header of pairs.

use countersign::Refusal::{
    self, SignatureMalformed, SignatureMismatch, TimestampMalformed, TimestampMissing,
    TimestampRepeated,
};

use crate::attempt::{STRIPE, Verdict};

const T: &str = "t=1533204620";
/// The sender's test-mode signature beside the genuine one.
const V0: &str = "v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef";

fn gives(value: &str, expected: &Verdict) {
    let attempt = STRIPE.attempt().set(STRIPE.header, value);
    attempt.gives(expected, format!("{value:?}"));
}

fn refused(value: &str, refusal: Refusal) {
    gives(value, &Err(refusal));
}

fn v1() -> String {
    format!("v1={}", STRIPE.tag)
}

#[test]
fn order_and_unknown_keys_do_not_matter() {
    let v1 = v1();
    for value in [
        format!("{T},{v1}"),
        format!("{v1},{T}"),
        format!("{V0},{v1},{T}"),
        format!("{T},{V0},{v1}"),
        format!("{T},{v1},v2=x,V1=y,T=z,x=,=y,v1a=z"),
        format!("x=1,x=1,{T},x=2,{v1}"),
        format!("{T},{v1},{V0},{V0}"),
        format!("{T},{v1},"),
        format!(",{T},,{v1}"),
        format!("{T},{v1}, x=1, v0=1"),
    ] {
        gives(&value, &Ok(()));
    }
}

#[test]
fn v0_proves_nothing() {
    let genuine_as_v0 = format!("v0={}", STRIPE.tag);
    for value in [
        format!("{T},{V0}"),
        format!("{T},{genuine_as_v0}"),
        format!("{T},{genuine_as_v0},{V0}"),
        format!("{T},V1={}", STRIPE.tag),
        format!("{T},v1a={}", STRIPE.tag),
        format!("{T},v2={}", STRIPE.tag),
        format!("{T},v01={}", STRIPE.tag),
        format!("{T},v={}", STRIPE.tag),
        format!("{T},sha256={}", STRIPE.tag),
        format!("{T},={}", STRIPE.tag),
        format!("{T},{}", STRIPE.tag),
        T.to_owned(),
        format!("{T},"),
        ",".to_owned(),
        "=".to_owned(),
    ] {
        refused(&value, SignatureMalformed);
    }
    let beside_wrong = format!("{T},v1={},{genuine_as_v0}", "0".repeat(64));
    refused(&beside_wrong, SignatureMismatch);
}

#[test]
fn items_are_not_trimmed() {
    let (v1, tag) = (v1(), STRIPE.tag);
    for value in [
        format!("{T}, {v1}"),
        format!("{T},\t{v1}"),
        format!("{T},v1 ={tag}"),
        format!("{T},v1\t={tag}"),
        format!("{T}, v1 ={tag}"),
        format!("{v1}, {T}"),
        format!("{v1},t =1533204620"),
        // Also where the header has all that it needs without the padded item.
        format!("{T},{v1}, {v1}"),
        format!("{T},{v1}, v1=x"),
        format!("{T},{v1}, {T}"),
        format!("{T},{v1},t =0"),
        format!(" v1=x,{v1},{T}, t=1"),
        // And where only the value is padded.
        format!("{T},v1= {tag}"),
        format!("{T},v1={tag} ,{V0}"),
        format!("{T},v1=\t{tag}"),
    ] {
        refused(&value, SignatureMalformed);
    }
}

#[test]
fn blanks_in_the_stamp() {
    let v1 = v1();
    for value in [
        format!("t= 1533204620,{v1}"),
        format!("t=1533204620 ,{v1}"),
        format!("t=\t1533204620,{v1}"),
        format!("t= 5,{v1}"),
        format!("t= ,{v1}"),
        format!("t=,{v1}"),
        format!("{v1},t="),
        format!("t==1533204620,{v1}"),
    ] {
        refused(&value, TimestampMalformed);
    }
}

#[test]
fn a_missing_stamp() {
    let v1 = v1();
    for value in [
        v1.clone(),
        format!("t,{v1}"),
        format!("T=1533204620,{v1}"),
        format!("ts=1533204620,{v1}"),
        format!("timestamp=1533204620,{v1}"),
        format!("1533204620,{v1}"),
        format!("{v1},{V0}"),
        format!("t:1533204620,{v1}"),
    ] {
        refused(&value, TimestampMissing);
    }
}

#[test]
fn a_repeated_stamp() {
    let v1 = v1();
    for value in [
        format!("{T},{T},{v1}"),
        format!("{T},{v1},{T}"),
        format!("{T},t=1533204621,{v1}"),
        format!("t=1533204621,{T},{v1}"),
        format!("t=,{T},{v1}"),
        format!("{T},{v1},t="),
        format!("{T},{v1},{V0},{T},{v1},{V0}"),
    ] {
        refused(&value, TimestampRepeated);
    }
}

#[test]
fn other_separators() {
    let v1 = v1();
    let tag = STRIPE.tag;
    for value in [
        format!("{T};{v1}"),
        format!("{T} {v1}"),
        format!("{T}&{v1}"),
        format!("{T},v1:{tag}"),
        format!("{T},v1,{tag}"),
        format!("{T},v1=={tag}"),
        format!("{T},v1=sha256={tag}"),
        format!("{T},sha256=v1={tag}"),
    ] {
        refused(&value, SignatureMalformed);
    }
}

/// A stamp in a header of its own is not Stripe's.
#[test]
fn a_stamp_beside_the_header() {
    let attempt = STRIPE.attempt().set(STRIPE.header, v1());
    let attempt = attempt
        .set("stripe-timestamp", "1533204620")
        .set("t", "1533204620");
    attempt.refused(TimestampMissing, "other headers");
}
