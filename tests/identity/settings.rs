//! What a receiver that remembers demands when it is built: the exact setting and the exact words.

use std::time::Duration;

use countersign::danger::{Deduplicate, Weak};
use countersign::providers::{
    GITHUB, INTERCOM, MAILCHIMP, PAPERTRAIL, SHOPIFY, SLACK, STRIPE, TWILIO, TWILIO_BODY_SHA256,
    TWILIO_FORM, WOOCOMMERCE, WORDPRESS, ZAPIER, ZAPIER_HEADER, ZAPIER_QUERY,
};
use countersign::scheme::{
    Algorithm, Encoding, Grade, Part, Place, Repeats, Retry, RetryBody, RetryStamp, Scheme,
    SignatureRule, Span, TimestampRule,
};
use countersign::{MemoryStore, ReceiverBuilder, Tolerance, Unit, WithStore, list, text};

use crate::pairs;

type Builder = ReceiverBuilder<WithStore<MemoryStore>>;

/// Why the scheme cannot be built with these settings.
fn refused(scheme: &Scheme, set: impl FnOnce(Builder) -> Builder) -> Option<(String, String)> {
    let secrets = pairs::secrets(scheme, "first");
    let error = set(pairs::remembering(scheme.clone(), secrets))
        .build()
        .err()?;
    Some((error.field().to_owned(), error.to_string()))
}

#[track_caller]
fn assert_refused(
    scheme: &Scheme,
    set: impl FnOnce(Builder) -> Builder,
    field: &str,
    reason: &str,
) {
    let expected = (field.to_owned(), format!("{field}: {reason}"));
    assert_eq!(refused(scheme, set), Some(expected), "{}", scheme.name);
}

#[track_caller]
fn assert_taken(scheme: &Scheme, set: impl FnOnce(Builder) -> Builder) {
    assert_eq!(refused(scheme, set), None, "{}", scheme.name);
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const NOTHING_TELLS: &str = "the sender signs nothing and the scheme names no id: name one in its field `id`, or choose danger::Deduplicate::Off";
const MAY_REPEAT: &str = "two events of this sender may have the same signed content: choose danger::Deduplicate::ByContent, ByUnsignedId or Off";
const SIGNS_NO_CONTENT: &str = "the sender signs no content that deliveries could be told by";
const NO_ID: &str = "the scheme names no id";

#[test]
fn a_choice_is_demanded_where_two_events_may_have_the_same_content() {
    for scheme in [TWILIO, TWILIO_FORM, TWILIO_BODY_SHA256, GITHUB, SHOPIFY] {
        assert_refused(&scheme, |builder| builder, "deduplicate", MAY_REPEAT);
        for choice in [
            Deduplicate::ByContent,
            Deduplicate::ByUnsignedId,
            Deduplicate::Off,
        ] {
            assert_taken(&scheme, |builder| builder.deduplicate(choice));
        }
    }
    assert_refused(&WOOCOMMERCE, |builder| builder, "deduplicate", MAY_REPEAT);
    for choice in [Deduplicate::ByContent, Deduplicate::Off] {
        assert_taken(&WOOCOMMERCE, |builder| builder.deduplicate(choice));
    }
}

#[test]
fn an_unsigned_id_cannot_be_chosen_where_none_is_named() {
    let by_id = |builder: Builder| builder.deduplicate(Deduplicate::ByUnsignedId);
    for scheme in [WOOCOMMERCE, ZAPIER, WORDPRESS] {
        assert_refused(&scheme, by_id, "deduplicate", NO_ID);
    }
    assert_taken(&GITHUB, by_id);
    assert_taken(&PAPERTRAIL, by_id);
}

#[test]
fn a_sender_of_tokens_is_told_by_a_named_id_or_not_at_all() {
    for scheme in [ZAPIER, ZAPIER_HEADER, ZAPIER_QUERY, WORDPRESS] {
        assert_refused(&scheme, |builder| builder, "deduplicate", NOTHING_TELLS);
        assert_taken(&scheme, |builder| builder.deduplicate(Deduplicate::Off));
        let with_id = Scheme {
            id: list![Place::Form(text!("ID"))],
            ..scheme
        };
        assert_taken(&with_id, |builder| builder);
        assert_taken(&with_id, |builder| {
            builder.deduplicate(Deduplicate::ByUnsignedId)
        });
    }
    for scheme in [ZAPIER, WORDPRESS, MAILCHIMP, PAPERTRAIL] {
        let by_content = |builder: Builder| builder.deduplicate(Deduplicate::ByContent);
        assert_refused(&scheme, by_content, "deduplicate", SIGNS_NO_CONTENT);
    }
    for scheme in [MAILCHIMP, PAPERTRAIL] {
        assert_taken(&scheme, |builder| builder);
    }
}

/// A signature over a header, and nothing that differs from event to event.
const BESIDE: Scheme = Scheme {
    name: text!("beside"),
    grade: Grade::SignatureBesideBody,
    algorithm: Algorithm::HmacSha256,
    content: list![Part::Header(text!("x-topic"))],
    signature: SignatureRule {
        place: Place::Header(text!("x-signature")),
        encoding: Encoding::Hex,
        ..SignatureRule::BASE
    },
    ..Scheme::BASE
};

#[test]
fn a_signature_beside_the_body_tells_no_event_from_another() {
    const DEMANDED: &str = "the signed content does not tell one event from another: choose danger::Deduplicate::ByUnsignedId or Off";
    let unsigned_id = Scheme {
        id: list![Place::Header(text!("x-id"))],
        ..BESIDE
    };
    for scheme in [BESIDE, unsigned_id.clone()] {
        assert_refused(&scheme, |builder| builder, "deduplicate", DEMANDED);
        assert_refused(
            &scheme,
            |builder| builder.deduplicate(Deduplicate::ByContent),
            "deduplicate",
            "the signed content does not tell one event from another",
        );
        assert_taken(&scheme, |builder| builder.deduplicate(Deduplicate::Off));
    }
    let by_id = |builder: Builder| builder.deduplicate(Deduplicate::ByUnsignedId);
    assert_refused(&BESIDE, by_id, "deduplicate", NO_ID);
    assert_taken(&unsigned_id, by_id);
    let signed_id = Scheme {
        id: list![Place::Header(text!("x-topic"))],
        ..BESIDE
    };
    assert_taken(&signed_id, |builder| builder);
}

#[test]
fn retention_covers_the_retries_and_twice_the_tolerance() {
    const OF_SPAN: &str = "is shorter than the time for which the sender retries";
    const OF_TOLERANCE: &str =
        "is shorter than twice the tolerance: a captured attempt would outlive the memory of it";
    let keep = |span: Duration| move |builder: Builder| builder.retention(span);
    // Stripe retries for three days, Slack for six minutes and its stamps are good for five to both sides.
    for (scheme, seconds, reason) in [
        (STRIPE, 3 * 86_400 - 1, OF_SPAN),
        (SHOPIFY, 4 * 3_600 - 1, OF_SPAN),
        (INTERCOM, 2 * 3_600 - 1, OF_SPAN),
        (SLACK, 359, OF_SPAN),
        (SLACK, 599, OF_TOLERANCE),
        (GITHUB, 0, OF_SPAN),
    ] {
        assert_refused(&scheme, keep(secs(seconds)), "retention", reason);
    }
    assert_refused(
        &STRIPE,
        keep(secs(3 * 86_400) - Duration::from_nanos(1)),
        "retention",
        OF_SPAN,
    );
    for (scheme, seconds) in [
        (STRIPE, 3 * 86_400),
        (SHOPIFY, 4 * 3_600),
        (SLACK, 600),
        (GITHUB, 1),
    ] {
        let by_content = |builder: Builder| match scheme.repeats {
            Repeats::Possible => builder.deduplicate(Deduplicate::ByContent),
            Repeats::Never => builder,
        };
        assert_taken(&scheme, |builder| keep(secs(seconds))(by_content(builder)));
    }
    // The receiver's own tolerance counts, and the longer side of it.
    let tolerance = Tolerance::from_secs_each(60, 400_000);
    assert_refused(
        &STRIPE,
        |builder| builder.retention(secs(799_999)).tolerance(tolerance),
        "retention",
        OF_TOLERANCE,
    );
    assert_taken(&STRIPE, |builder| {
        builder.tolerance(tolerance).retention(secs(800_000))
    });
}

#[test]
fn a_lease_can_be_extended_twice_before_it_ends() {
    const REASON: &str = "must be at least three times as long as store_timeout";
    let set = |lease: Duration, timeout: Duration| {
        move |builder: Builder| builder.lease(lease).store_timeout(timeout)
    };
    let nano = Duration::from_nanos(1);
    for (lease, timeout) in [
        (secs(3) - nano, secs(1)),
        (secs(60), secs(20) + nano),
        (Duration::ZERO, secs(1)),
        (secs(1), secs(3)),
    ] {
        assert_refused(&STRIPE, set(lease, timeout), "lease", REASON);
    }
    assert_refused(&STRIPE, |builder| builder.lease(secs(2)), "lease", REASON);
    assert_refused(
        &STRIPE,
        |builder| builder.store_timeout(secs(21)),
        "lease",
        REASON,
    );
    for (lease, timeout) in [(secs(3), secs(1)), (secs(60), secs(20))] {
        assert_taken(&STRIPE, set(lease, timeout));
    }
}

#[test]
fn nothing_may_be_zero() {
    const LONGER: &str = "must be longer than zero";
    assert_refused(
        &STRIPE,
        |builder| builder.max_runs(0),
        "max_runs",
        "must be at least 1",
    );
    assert_refused(
        &STRIPE,
        |builder| builder.store_timeout(Duration::ZERO),
        "store_timeout",
        LONGER,
    );
    assert_refused(
        &STRIPE,
        |builder| builder.run_timeout(Duration::ZERO),
        "run_timeout",
        LONGER,
    );
    assert_taken(&STRIPE, |builder| builder.max_runs(1));
}

#[test]
fn replays_are_refused_only_where_every_retry_is_signed_afresh() {
    const REASON: &str = "the sender's own retries carry the signature of the first attempt";
    let refuse = |builder: Builder| builder.refuse_replays();
    for scheme in [GITHUB, SHOPIFY, INTERCOM, MAILCHIMP] {
        assert_refused(&scheme, refuse, "refuse_replays", REASON);
    }
    let original = Scheme {
        retry: Retry {
            stamp: RetryStamp::Original,
            ..STRIPE.retry
        },
        ..STRIPE
    };
    // A stamp that is kept must be good for as long as there are retries.
    let as_long = |builder: Builder| builder.tolerance(Tolerance::from_secs(3 * 86_400));
    assert_refused(
        &original,
        |builder| {
            as_long(builder)
                .retention(secs(6 * 86_400))
                .refuse_replays()
        },
        "refuse_replays",
        REASON,
    );
    for scheme in [STRIPE, SLACK] {
        assert_taken(&scheme, refuse);
    }
}

#[test]
fn changed_bodies_are_refused_only_where_no_retry_changes_them() {
    const REASON: &str = "the sender's own retries change the body";
    let refuse = |builder: Builder| builder.refuse_changed_bodies();
    assert_refused(&INTERCOM, refuse, "refuse_changed_bodies", REASON);
    let changing = Scheme {
        retry: Retry {
            body: RetryBody::Changes,
            span: Span::from_days(3),
            ..Retry::NONE
        },
        ..STRIPE
    };
    assert_refused(&changing, refuse, "refuse_changed_bodies", REASON);
    for scheme in [STRIPE, SLACK] {
        assert_taken(&scheme, refuse);
    }
}

#[test]
fn names_are_at_most_256_bytes() {
    const REASON: &str = "is longer than 256 bytes";
    let longest = "n".repeat(256);
    let longer = "n".repeat(257);
    assert_refused(
        &STRIPE,
        |builder| builder.namespace(&longer),
        "namespace",
        REASON,
    );
    assert_refused(
        &STRIPE,
        |builder| builder.endpoint(&longer),
        "endpoint",
        REASON,
    );
    // Bytes, not characters.
    assert_refused(
        &STRIPE,
        |builder| builder.endpoint("\u{fc}".repeat(129)),
        "endpoint",
        REASON,
    );
    assert_taken(&STRIPE, |builder| {
        builder.namespace(&longest).endpoint(&longest)
    });
}

/// What weakens a check is still to be named, with a store as without.
#[test]
fn a_store_makes_up_for_no_weakness() {
    let secret = pairs::secret(&ZAPIER, "first");
    let error = countersign::Receiver::builder(ZAPIER, secret.clone())
        .store(MemoryStore::single_process(1))
        .deduplicate(Deduplicate::Off)
        .build()
        .unwrap_err();
    assert_eq!(error.field(), "grade");
    let built = countersign::Receiver::builder(ZAPIER, secret)
        .store(MemoryStore::single_process(1))
        .deduplicate(Deduplicate::Off)
        .accept_weak(Weak::NothingSigned)
        .build();
    assert!(built.is_ok());
}

#[test]
fn an_extensible_digest_beside_the_body_tells_no_event_from_another() {
    let scheme = Scheme {
        name: text!("extensible"),
        grade: Grade::ExtensibleDigest,
        algorithm: Algorithm::Sha256,
        content: list![Part::Secret, Part::Header(text!("x-topic"))],
        signature: SignatureRule {
            place: Place::Header(text!("x-signature")),
            encoding: Encoding::Hex,
            ..SignatureRule::BASE
        },
        ..Scheme::BASE
    };
    const DEMANDED: &str = "the signed content does not tell one event from another: choose danger::Deduplicate::ByUnsignedId or Off";
    assert_refused(&scheme, |builder| builder, "deduplicate", DEMANDED);
}

#[test]
fn a_choice_is_demanded_where_a_retry_has_another_content() {
    const DEMANDED: &str = "the signed content of a retry is another one: choose danger::Deduplicate::ByContent, ByUnsignedId or Off";
    let stamped = Scheme {
        name: text!("stamped"),
        timestamp: Some(TimestampRule {
            place: Place::Json(text!("/sent_at")),
            unit: Unit::Seconds,
            tolerance: Tolerance::from_secs(300),
        }),
        signature: SignatureRule {
            place: Place::Header(text!("x-signature")),
            encoding: Encoding::Hex,
            ..SignatureRule::BASE
        },
        ..Scheme::BASE
    };
    let counted = Scheme {
        timestamp: None,
        retry: Retry {
            body: RetryBody::Changes,
            ..Retry::NONE
        },
        ..stamped.clone()
    };
    for scheme in [&stamped, &counted] {
        assert_refused(scheme, |builder| builder, "deduplicate", DEMANDED);
        assert_taken(scheme, |builder| {
            builder.deduplicate(Deduplicate::ByContent)
        });
        let with_id = Scheme {
            id: list![Place::Json(text!("/id"))],
            ..scheme.clone()
        };
        assert_taken(&with_id, |builder| builder);
    }
}
