//! Slack: a version as prefix, and the same version in the signed content.

use countersign::Refusal::{SignatureMalformed, SignatureMismatch, SignatureMissing};

use crate::attempt::{SLACK, STRIPE};

const STAMP: &str = "x-slack-request-timestamp";

#[test]
fn the_prefix_of_another_version() {
    for prefix in [
        "",
        "v1=",
        "v2=",
        "v=",
        "V0=",
        "v00=",
        "v0",
        "v0:",
        "v0==",
        "v0 =",
        "v0= ",
        "=v0=",
        "v0=v0=",
        "sha256=",
        "sha1=",
        "v0,",
        "v0=0x",
        "t=1531420618,v0=",
    ] {
        let value = format!("{prefix}{}", SLACK.tag);
        let attempt = SLACK.attempt().set(SLACK.header, &value);
        attempt.refused(SignatureMalformed, value);
    }
    for value in ["v0=", "v0", "v", "=", "v0=,"] {
        SLACK
            .attempt()
            .set(SLACK.header, value)
            .refused(SignatureMalformed, value);
    }
}

/// The content is `v0:`, the stamp, a colon and the body: a digit that moves over the colon is another request.
#[test]
fn nothing_moves_between_the_stamp_and_the_body() {
    let attempt = SLACK.attempt();
    let body = attempt.bytes().to_vec();
    let stamp = attempt.value(STAMP);
    let (shorter, last) = stamp.split_at(stamp.len() - 1);
    let shorter_secs: i64 = shorter.parse().expect("a number");
    let moved = attempt
        .clone()
        .set(STAMP, shorter)
        .body([last.as_bytes(), &body].concat())
        .at_millis(shorter_secs * 1_000);
    moved.refused(SignatureMismatch, "a digit moved into the body");
    let with_colon = attempt
        .set(STAMP, shorter)
        .body([last.as_bytes(), b":", &body].concat())
        .at_millis(shorter_secs * 1_000);
    with_colon.refused(
        SignatureMismatch,
        "a digit and the colon moved into the body",
    );
}

/// The deprecated verification token and the retry headers have no say.
#[test]
fn what_is_not_signed_decides_nothing() {
    let attempt = SLACK
        .attempt()
        .set("x-slack-retry-num", "1")
        .set("x-slack-retry-reason", "http_timeout");
    attempt.passes("a retry is a delivery like any other");
    let token_alone = attempt.without(SLACK.header);
    token_alone.refused(SignatureMissing, "the body's token is no signature");
}

#[test]
fn the_same_pairs_as_stripe_are_not_slack() {
    let value = STRIPE.attempt().value(STRIPE.header);
    SLACK
        .attempt()
        .set(SLACK.header, &value)
        .refused(SignatureMalformed, value);
}
