//! The body: the bytes that were signed and no others, however they come in.

use countersign::Refusal::{BodyEmpty, SignatureMismatch, SignatureMissing};
use countersign::Timestamp;

use crate::attempt::{Attempt, SAMPLES, SHOPIFY, STRIPE, secret};
use crate::vectors::Case;

/// Bodies up to this length are changed at every bit, longer ones at their first, middle and last byte.
const SHORT: usize = 128;

#[test]
fn published_vectors_pass_as_they_are() {
    for sample in SAMPLES {
        let case = Case::published(sample.id);
        let verdict = case.verdict(case.scheme());
        let label = verdict.map(|verified| verified.secret_label().to_owned());
        assert_eq!(label, Ok("secret-1".to_owned()), "{}", sample.id);
        let attempt = sample.attempt();
        attempt.passes(sample.id);
        let same_key = attempt.key(sample.key);
        same_key.passes(format!("{}: the sample names its secret", sample.id));
    }
}

#[test]
fn one_bit_of_the_body() {
    for sample in SAMPLES {
        let attempt = sample.attempt();
        let body = attempt.bytes().to_vec();
        let places: Vec<usize> = match body.len() {
            len @ 1..=SHORT => (0..len).collect(),
            len => vec![0, len / 2, len - 1],
        };
        for at in places {
            for bit in 0..8 {
                let mut changed = body.clone();
                changed[at] ^= 1 << bit;
                attempt.clone().body(changed).refused(
                    SignatureMismatch,
                    format!("{}: byte {at} bit {bit}", sample.id),
                );
            }
        }
    }
}

#[test]
fn more_or_less_than_the_body() {
    for sample in SAMPLES {
        let attempt = sample.attempt();
        let body = attempt.bytes().to_vec();
        let len = body.len();
        let with = |before: &[u8], after: &[u8]| [before, &body, after].concat();
        for (changed, what) in [
            (with(b"", b"\n"), "a line end behind it"),
            (with(b"", b" "), "a blank behind it"),
            (with(b"", b"\0"), "a zero byte behind it"),
            (with(b" ", b""), "a blank before it"),
            (with(b"\xef\xbb\xbf", b""), "a byte order mark"),
            (with(b".", b""), "a delimiter before it"),
            (with(b":", b""), "another delimiter before it"),
            (with(&body, b""), "twice"),
            (body[..len - 1].to_vec(), "without its last byte"),
            (body[1..].to_vec(), "without its first byte"),
            (body[..len / 2].to_vec(), "its first half"),
            (body.iter().rev().copied().collect(), "backwards"),
        ] {
            let changed = attempt.clone().body(changed);
            changed.refused(SignatureMismatch, format!("{}: {what}", sample.id));
        }
    }
}

#[test]
fn no_body_at_all() {
    for sample in SAMPLES {
        let refusal = if sample.id == SHOPIFY.id {
            BodyEmpty
        } else {
            SignatureMismatch
        };
        let attempt = sample.attempt().body("");
        attempt.refused(refusal, sample.id);
    }
}

/// The same document written another way is another body.
#[test]
fn json_printed_again() {
    let attempt = STRIPE.attempt();
    let document: serde_json::Value = serde_json::from_slice(attempt.bytes()).expect("JSON");
    for printed in [
        serde_json::to_vec(&document),
        serde_json::to_vec_pretty(&document),
    ] {
        let printed = printed.expect("JSON");
        assert_ne!(printed, attempt.bytes());
        attempt
            .clone()
            .body(printed)
            .refused(SignatureMismatch, "printed again");
    }
}

#[test]
fn a_body_of_another_vector() {
    for sample in SAMPLES {
        for other in SAMPLES {
            let body = other.attempt().bytes().to_vec();
            if body != sample.attempt().bytes() {
                let swapped = sample.attempt().body(body);
                swapped.refused(
                    SignatureMismatch,
                    format!("{} with {}", sample.id, other.id),
                );
            }
        }
    }
}

#[test]
fn the_verdict_is_the_same_wherever_the_body_is_cut() {
    for sample in SAMPLES {
        let wrong = || secret(sample.wrong_key);
        let early = secret(sample.key).not_after(Timestamp::from_millis(i64::MIN));
        let verdict = |attempt: Attempt| {
            let judged = attempt.judge_every_split();
            judged.map(|verified| verified.secret_label().to_owned())
        };
        let attempt = sample.attempt();
        let altered = attempt
            .bytes()
            .iter()
            .map(|byte| byte ^ 1)
            .collect::<Vec<_>>();
        let keys = |keys| attempt.clone().secrets(keys);
        let passes = |label: &str| Ok(label.to_owned());

        assert_eq!(verdict(attempt.clone()), passes("secret-1"));
        assert_eq!(
            verdict(attempt.clone().body(altered)),
            Err(SignatureMismatch)
        );
        assert_eq!(
            verdict(attempt.clone().key(sample.wrong_key)),
            Err(SignatureMismatch)
        );
        let last_of_three = keys(vec![wrong(), wrong(), secret(sample.key)]);
        assert_eq!(verdict(last_of_three), passes("secret-3"));
        let expired = keys(vec![early.clone(), wrong()]);
        assert_eq!(verdict(expired), Err(SignatureMismatch));
        let none_active = keys(vec![early]);
        assert_eq!(verdict(none_active), Err(SignatureMismatch));
        let unsigned = attempt.clone().without(sample.header);
        assert_eq!(verdict(unsigned), Err(SignatureMissing));
    }
}
