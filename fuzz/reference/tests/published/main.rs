//! The reference against the attempts that the providers themselves published.

mod vectors;

use countersign_reference::{Attempt, accepts};
use vectors::{VECTORS, Vector};

fn verdict(vector: &Vector, provider: &str, secrets: &[&str], body: &[u8], now_ms: i64) -> bool {
    let headers: Vec<(&str, &[u8])> = vector
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .collect();
    accepts(
        provider,
        secrets,
        &Attempt {
            headers: &headers,
            body,
            now_ms,
        },
    )
}

#[test]
fn every_published_vector_has_its_verdict() {
    for vector in VECTORS {
        let accepted = verdict(
            vector,
            vector.provider,
            &[vector.secret],
            vector.body.as_bytes(),
            vector.now * 1000,
        );
        assert_eq!(
            accepted, vector.accept,
            "{}: {}",
            vector.provider, vector.source
        );
    }
}

#[test]
fn none_is_missing() {
    let count = |provider: &str| {
        VECTORS
            .iter()
            .filter(|vector| vector.provider == provider)
            .count()
    };
    let expected = [
        ("stripe", 6),
        ("github", 6),
        ("github-sha1", 1),
        ("slack", 3),
        ("shopify", 3),
        ("standard-webhooks", 10),
        ("svix", 9),
    ];
    for (provider, number) in expected {
        assert_eq!(count(provider), number, "{provider}");
    }
    assert_eq!(
        VECTORS.len(),
        expected.iter().map(|(_, number)| number).sum::<usize>()
    );
}

#[test]
fn accepted_vectors_are_refused_when_anything_is_changed() {
    for vector in VECTORS.iter().filter(|vector| vector.accept) {
        let body = vector.body.as_bytes();
        let now_ms = vector.now * 1000;
        let name = vector.source;
        let other = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx";

        assert!(
            verdict(
                vector,
                vector.provider,
                &[other, vector.secret],
                body,
                now_ms
            ),
            "{name}"
        );
        assert!(
            !verdict(vector, vector.provider, &[other], body, now_ms),
            "{name}"
        );
        assert!(
            !verdict(vector, vector.provider, &[], body, now_ms),
            "{name}"
        );
        assert!(
            !verdict(vector, vector.provider, &[vector.secret, " "], body, now_ms),
            "{name}"
        );
        assert!(
            !verdict(vector, vector.provider, &[vector.secret], b"", now_ms),
            "{name}"
        );
        for place in 0..body.len() {
            let mut altered = body.to_vec();
            altered[place] ^= 1;
            assert!(
                !verdict(vector, vector.provider, &[vector.secret], &altered, now_ms),
                "{name}"
            );
        }
        if vector.now != 0 {
            for late in [-401_000, 401_000] {
                assert!(
                    !verdict(
                        vector,
                        vector.provider,
                        &[vector.secret],
                        body,
                        now_ms + late
                    ),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn a_vector_is_accepted_by_its_own_scheme_only() {
    let slugs = [
        "stripe",
        "github",
        "github-sha1",
        "slack",
        "shopify",
        "standard-webhooks",
        "svix",
        "Stripe",
        "",
    ];
    for vector in VECTORS.iter().filter(|vector| vector.accept) {
        let unbranded = vector
            .headers
            .iter()
            .any(|(name, _)| *name == "webhook-signature");
        for slug in slugs {
            // Svix sends the same scheme under these names too.
            let expected = if unbranded {
                slug == "standard-webhooks" || slug == "svix"
            } else {
                slug == vector.provider
            };
            let accepted = verdict(
                vector,
                slug,
                &[vector.secret],
                vector.body.as_bytes(),
                vector.now * 1000,
            );
            assert_eq!(accepted, expected, "{slug}: {}", vector.source);
        }
    }
}
