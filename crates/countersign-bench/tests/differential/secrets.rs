//! Which text is a secret? Whoever takes one that is weak, or takes one for another, verifies nothing.

use countersign::providers::{STANDARD_WEBHOOKS, STRIPE};
use countersign::{Receiver, Scheme, Secret, SecretError, SettingError};

use crate::attempt::{Attempt, Sender};
use crate::random::Random;
use crate::verdicts::{Peer, Verdict, theirs};

/// What becomes of a text: the receiver is built, or why not.
fn ours(scheme: Scheme, text: &str) -> Result<(), SecretError> {
    match Receiver::builder(scheme, Secret::new(text)?).build() {
        Ok(_) => Ok(()),
        Err(SettingError::Secret { reason, .. }) => Err(reason),
        Err(other) => panic!("{text:?}: {other}"),
    }
}

/// Text, what we say of it, and whether `standardwebhooks`, `svix` and `webhook-verify` take it.
#[test]
fn standard_webhooks_secrets() {
    use SecretError::{Empty, Padded, Placeholder, PublicKey, TooShort, Undecodable};

    let short = |bytes| Err(TooShort { bytes, least: 24 });
    for (text, expected, others, why) in [
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            Ok(()),
            [true; 3],
            "24 bytes",
        ),
        (
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            Ok(()),
            [true; 3],
            "the prefix may be missing",
        ),
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA==",
            Ok(()),
            [true; 3],
            "25 bytes, padded",
        ),
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA",
            Ok(()),
            [false, true, true],
            "the padding may be missing: dashboards and people leave it away, and the bytes are the same",
        ),
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAB==",
            Err(Undecodable),
            // The crate decodes strictly, webhook-verify does not.
            [false, false, true],
            "I7: bits that are not used must be zero: something is lost here",
        ),
        (
            "whsec_-_KQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            Err(Undecodable),
            [false; 3],
            "I7: another alphabet",
        ),
        (
            "",
            Err(Empty),
            [true, true, false],
            "I3: an empty key, which anybody has",
        ),
        (
            "whsec_",
            Err(Placeholder),
            [true, true, false],
            "I3: an empty key, which anybody has",
        ),
        (
            "AAAA",
            Err(Placeholder),
            [true; 3],
            "I3: a few letters, all the same",
        ),
        (
            "whsec_c2VjcmV0",
            short(6),
            [true; 3],
            "I3: six bytes can be found by trying",
        ),
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaQ=",
            short(23),
            [true; 3],
            "I3: the specification asks for 24",
        ),
        (
            " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            Err(Padded),
            [false; 3],
            "I3: a mistake of copying",
        ),
        (
            "changeme",
            Err(Placeholder),
            [true; 3],
            "I3: it is base64, and everybody's",
        ),
        (
            "undefined",
            Err(Placeholder),
            [false; 3],
            "I3: a program's word for nothing",
        ),
        (
            "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            Err(PublicKey),
            [false; 3],
            "I6: a public key is no shared secret",
        ),
    ] {
        assert_eq!(ours(STANDARD_WEBHOOKS, text), expected, "{text:?}: {why}");
        assert_eq!(
            [
                standardwebhooks::Webhook::new(text).is_ok(),
                svix::webhooks::Webhook::new(text).is_ok(),
                webhook_verify_decodes(text),
            ],
            others,
            "{text:?}: {why}"
        );
    }
}

/// It decodes the secret with each attempt: one without a matching signature tells the two refusals apart.
fn webhook_verify_decodes(text: &str) -> bool {
    let headers = [
        ("webhook-id", "a"),
        ("webhook-timestamp", "1"),
        ("webhook-signature", "v1,AA"),
    ];
    let verdict = webhook_verify::verify(
        webhook_verify::Provider::StandardWebhooks,
        &headers,
        b"",
        &webhook_verify::Secret::new(text),
        webhook_verify::VerifyOptions::default(),
    );
    !matches!(
        verdict,
        Err(webhook_verify::VerifyError::InvalidSecret { .. })
    )
}

/// Stripe's secrets are text, whatever they look like. The others take every one, and the empty one, too: with that, anybody signs.
#[test]
fn stripe_secrets() {
    use SecretError::{Empty, Padded, Placeholder, TooShort};

    for (text, expected, why) in [
        ("whsec_0123456789abcdef0123456789", Ok(()), "a secret"),
        (
            "0123456789abcdef0123456789",
            Ok(()),
            "the prefix is nothing but text",
        ),
        ("", Err(Empty), "I3: anybody's key"),
        ("whsec_", Err(Placeholder), "I3: the prefix alone"),
        (
            "whsec_test_secre",
            Ok(()),
            "16 bytes are enough for this scheme",
        ),
        (
            "whsec_test_secr",
            Err(TooShort {
                bytes: 15,
                least: 16,
            }),
            "I3: 15 are not",
        ),
        ("null", Err(Placeholder), "I3: a program's word for nothing"),
        (
            "whsec_0123456789abcdef0123456789\n",
            Err(Padded),
            "I3: a mistake of copying",
        ),
        (
            "${STRIPE_SECRET_OF_THE_SHOP}",
            Err(Placeholder),
            "I3: a template that nobody filled",
        ),
    ] {
        assert_eq!(ours(STRIPE, text), expected, "{text:?}: {why}");
        let mut attempt =
            Attempt::genuine(Sender::Stripe, &mut Random::new(3), crate::attempt::NOW);
        attempt.resign(|attempt| {
            attempt.key = text.as_bytes().to_vec();
            attempt.secret = text.to_owned();
        });
        for peer in [Peer::AsyncStripe, Peer::WebhookVerify] {
            assert_eq!(
                theirs(peer, &attempt),
                Verdict::Accepted,
                "{peer:?} {text:?}: {why}"
            );
        }
    }
}
