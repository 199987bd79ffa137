//! Secrets: the right one, while it is active, and none that is weak.

use countersign::Refusal::SignatureMismatch;
use countersign::{Receiver, Secret, SecretError, SecretRing, SettingError, Timestamp, danger};

use crate::attempt::{
    Attempt, GITHUB, SAMPLES, SLACK, STANDARD_WEBHOOKS, STRIPE, SVIX, Sample, secret,
};
use crate::vectors::Case;

fn label(attempt: &Attempt) -> Option<String> {
    let verified = attempt.judge().ok()?;
    Some(verified.secret_label().to_owned())
}

fn build(sample: &Sample, secrets: Vec<Secret>) -> Option<SettingError> {
    let ring = SecretRing::new(secrets).expect("1 to 16 secrets");
    Receiver::builder(Case::published(sample.id).scheme(), ring)
        .build()
        .err()
}

#[test]
fn another_secret() {
    for sample in SAMPLES {
        sample
            .attempt()
            .key(sample.wrong_key)
            .refused(SignatureMismatch, sample.id);
        for other in SAMPLES.iter().filter(|other| other.key != sample.key) {
            let secret = secret(other.key);
            // Text of another scheme may be no base64; then no receiver is built, as below.
            if build(&sample, vec![secret.clone()]).is_none() {
                let attempt = sample.attempt().secrets(vec![secret]);
                attempt.refused(
                    SignatureMismatch,
                    format!("{} with that of {}", sample.id, other.id),
                );
            }
        }
    }
}

/// Key bytes are derived as the provider does it, and in no other way.
#[test]
fn the_same_secret_derived_in_another_way() {
    let without = |key: &str| key.strip_prefix("whsec_").expect("a prefix").to_owned();
    for (sample, text, what) in [
        (
            STRIPE,
            "whsec_webhook_secret".to_owned(),
            "a prefix is part of the key",
        ),
        (STRIPE, "WEBHOOK_SECRET".to_owned(), "in upper case"),
        (SLACK, SLACK.key.to_uppercase(), "in upper case"),
        (GITHUB, format!("{}'", GITHUB.key), "longer"),
        (GITHUB, GITHUB.key.replace(' ', ""), "without blanks"),
        (
            STANDARD_WEBHOOKS,
            format!("{}AAAB", STANDARD_WEBHOOKS.key),
            "three bytes longer",
        ),
        (STANDARD_WEBHOOKS, SVIX.key.to_owned(), "another's"),
    ] {
        sample
            .attempt()
            .key(&text)
            .refused(SignatureMismatch, format!("{}: {what}", sample.id));
    }
    for sample in [STANDARD_WEBHOOKS, SVIX] {
        let attempt = sample.attempt().key(&without(sample.key));
        attempt.passes(format!("{}: the prefix may be missing", sample.id));
    }
}

#[test]
fn an_empty_or_unusable_secret_builds_no_receiver() {
    for text in ["", " ", "\t\r\n", "\u{a0}"] {
        assert_eq!(
            Secret::new(text).err(),
            Some(SecretError::Empty),
            "{text:?}"
        );
        let in_danger = danger::secret_of_any_length(text).err();
        assert_eq!(in_danger, Some(SecretError::Empty), "{text:?}");
    }
    for sample in SAMPLES {
        let line_end = Secret::new(format!("{}\n", sample.key)).err();
        assert_eq!(line_end, Some(SecretError::Padded), "{}", sample.id);
    }
    let unusable = |reason| {
        Some(SettingError::Secret {
            label: "secret-1".into(),
            reason,
        })
    };
    for sample in [STANDARD_WEBHOOKS, SVIX] {
        for text in [
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa_-",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2 LaLaSw",
            "whsec_=",
            "whsec_whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ] {
            let error = build(&sample, vec![secret(text)]);
            assert_eq!(error, unusable(SecretError::Undecodable), "{text}");
        }
    }
}

#[test]
fn one_unusable_secret_fails_the_ring() {
    let good = || secret(STANDARD_WEBHOOKS.key);
    let error = build(
        &STANDARD_WEBHOOKS,
        vec![good().label("new"), secret("whsec_!").label("old")],
    );
    let old = SettingError::Secret {
        label: "old".into(),
        reason: SecretError::Undecodable,
    };
    assert_eq!(error, Some(old));
}

#[test]
fn the_good_one_may_stand_anywhere_and_is_named() {
    for sample in SAMPLES {
        for at in 0..4 {
            let mut ring = vec![secret(sample.wrong_key); 4];
            ring[at] = secret(sample.key);
            let unnamed = sample.attempt().secrets(ring.clone());
            assert_eq!(
                label(&unnamed),
                Some(format!("secret-{}", at + 1)),
                "{}",
                sample.id
            );
            ring[at] = secret(sample.key).label("of this year");
            let named = sample.attempt().secrets(ring);
            assert_eq!(
                label(&named).as_deref(),
                Some("of this year"),
                "{}",
                sample.id
            );
        }
        let none = sample.attempt().secrets(vec![secret(sample.wrong_key); 4]);
        none.refused(SignatureMismatch, sample.id);
    }
}

#[test]
fn outside_its_window_a_secret_verifies_nothing() {
    for sample in SAMPLES {
        let attempt = sample.attempt();
        let now = attempt.now().as_millis();
        let at = Timestamp::from_millis;
        let key = || secret(sample.key);
        for (secret, passes, what) in [
            (key().not_before(at(now)), true, "from now on"),
            (key().not_before(at(now + 1)), false, "a millisecond early"),
            (key().not_after(at(now)), true, "until now"),
            (key().not_after(at(now - 1)), false, "a millisecond late"),
            (
                key().not_before(at(now)).not_after(at(now)),
                true,
                "now alone",
            ),
            (
                key().not_before(at(i64::MIN)).not_after(at(i64::MAX)),
                true,
                "always",
            ),
            (key().not_before(at(i64::MAX)), false, "at the end of time"),
            (
                key().not_after(at(i64::MIN)),
                false,
                "at the beginning of time",
            ),
        ] {
            let expected = if passes {
                Ok(())
            } else {
                Err(SignatureMismatch)
            };
            let attempt = attempt.clone().secrets(vec![secret]);
            attempt.gives(&expected, format!("{}: {what}", sample.id));
        }
    }
}

/// Rolling: the old secret ends where the new one begins, and the verdict tells which one the sender uses.
#[test]
fn rolling_leaves_no_instant_in_which_neither_works() {
    for sample in SAMPLES {
        let attempt = sample.attempt();
        let now = attempt.now().as_millis();
        for offset in [-1, 0, 1] {
            let change = Timestamp::from_millis(now + offset);
            let old = |text| secret(text).label("old").not_after(change);
            let new = |text| secret(text).label("new").not_before(change);
            let still_old = attempt
                .clone()
                .secrets(vec![new(sample.wrong_key), old(sample.key)]);
            let old_works = if offset >= 0 { Some("old") } else { None };
            assert_eq!(
                label(&still_old).as_deref(),
                old_works,
                "{}: {offset}",
                sample.id
            );
            let now_new = attempt
                .clone()
                .secrets(vec![old(sample.wrong_key), new(sample.key)]);
            let new_works = if offset <= 0 { Some("new") } else { None };
            assert_eq!(
                label(&now_new).as_deref(),
                new_works,
                "{}: {offset}",
                sample.id
            );
            let both = attempt
                .clone()
                .secrets(vec![old(sample.key), new(sample.key)]);
            both.passes(format!("{}: {offset}", sample.id));
        }
    }
}

#[test]
fn only_the_active_one_of_two_equal_secrets_is_named() {
    let attempt = STRIPE.attempt();
    let past = Timestamp::from_millis(attempt.now().as_millis() - 1);
    let over = secret(STRIPE.key).label("over").not_after(past);
    let attempt = attempt.secrets(vec![over, secret(STRIPE.key).label("active")]);
    assert_eq!(label(&attempt).as_deref(), Some("active"));
}
