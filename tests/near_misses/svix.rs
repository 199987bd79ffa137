//! Svix: the headers with its name and those without it are never mixed.

use countersign::Refusal::{
    self, SignatureMalformed, SignatureMismatch, SignatureMissing, SignatureRepeated,
    TimestampMalformed, TimestampMissing, TimestampRepeated, TimestampTooOld,
};

use crate::attempt::{Attempt, SVIX, malformed, missing, repeated};

const PARTS: [&str; 3] = ["id", "timestamp", "signature"];
/// Well-formed, and of nothing.
const WRONG: &str = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// A request with the whole genuine set under both names.
fn both() -> Attempt {
    let attempt = SVIX.attempt();
    PARTS.into_iter().fold(attempt, |attempt, part| {
        let value = attempt.value(&format!("svix-{part}"));
        attempt.set(&format!("webhook-{part}"), value)
    })
}

/// A request with the genuine parts under these names alone.
fn with(headers: &[&str]) -> Attempt {
    let all = both();
    PARTS.iter().fold(all, |attempt, part| {
        ["svix", "webhook"].iter().fold(attempt, |attempt, family| {
            let name = format!("{family}-{part}");
            if headers.contains(&&*name) {
                attempt
            } else {
                attempt.without(&name)
            }
        })
    })
}

#[test]
fn either_set_is_whole() {
    with(&["svix-id", "svix-timestamp", "svix-signature"]).passes("svix");
    with(&["webhook-id", "webhook-timestamp", "webhook-signature"]).passes("webhook");
    both().passes("both");
}

#[test]
fn a_set_is_never_completed_from_the_other() {
    for (headers, refusal) in [
        (
            &["svix-signature", "webhook-id", "webhook-timestamp"][..],
            TimestampMissing,
        ),
        (
            &["svix-signature", "svix-timestamp", "webhook-id"],
            missing("svix-id"),
        ),
        (
            &["svix-signature", "svix-id", "webhook-timestamp"],
            TimestampMissing,
        ),
        (&["svix-signature"], TimestampMissing),
        (
            &["webhook-signature", "svix-id", "svix-timestamp"],
            TimestampMissing,
        ),
        (
            &["webhook-signature", "webhook-timestamp", "svix-id"],
            missing("webhook-id"),
        ),
        (
            &["webhook-signature", "webhook-id", "svix-timestamp"],
            TimestampMissing,
        ),
        (&["webhook-signature"], TimestampMissing),
        (
            &[
                "svix-id",
                "svix-timestamp",
                "webhook-id",
                "webhook-timestamp",
            ],
            SignatureMissing,
        ),
        (&["svix-id", "svix-timestamp"], SignatureMissing),
        // The preferred signature is there: its set alone is read, although the other one is whole.
        (
            &[
                "svix-signature",
                "webhook-id",
                "webhook-timestamp",
                "webhook-signature",
            ],
            TimestampMissing,
        ),
        (
            &[
                "svix-signature",
                "svix-timestamp",
                "webhook-id",
                "webhook-timestamp",
                "webhook-signature",
            ],
            missing("svix-id"),
        ),
        (&[], SignatureMissing),
    ] {
        with(headers).refused(refusal, format!("{headers:?}"));
    }
}

/// The set without the name is whole and genuine all along.
#[test]
fn a_bad_preferred_set_does_not_fall_back() {
    let table: [(&str, &str, Refusal); 13] = [
        ("svix-signature", WRONG, SignatureMismatch),
        ("svix-signature", "", SignatureMalformed),
        ("svix-signature", " ", SignatureMalformed),
        ("svix-signature", "v1,", SignatureMalformed),
        ("svix-signature", "v2,x", SignatureMalformed),
        ("svix-timestamp", "", TimestampMalformed),
        ("svix-timestamp", "+1649367553", TimestampMalformed),
        ("svix-timestamp", "1649367252", TimestampTooOld),
        ("svix-timestamp", "1649367554", SignatureMismatch),
        ("svix-id", "", malformed("svix-id")),
        (
            "svix-id",
            "msg.27UH4WbU6Z5A5EzD8u03UvzRbpk",
            malformed("svix-id"),
        ),
        (
            "svix-id",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpl",
            SignatureMismatch,
        ),
        (
            "svix-id",
            "msg 27UH4WbU6Z5A5EzD8u03UvzRbpk",
            malformed("svix-id"),
        ),
    ];
    for (header, value, refusal) in table {
        both()
            .set(header, value)
            .refused(refusal, format!("{header}: {value:?}"));
    }
    for (header, refusal) in [
        ("svix-signature", SignatureRepeated),
        ("svix-timestamp", TimestampRepeated),
        ("svix-id", repeated("svix-id")),
    ] {
        let value = both().value(header);
        both()
            .add(header, value)
            .refused(refusal, format!("{header} twice"));
    }
}

#[test]
fn of_the_set_that_is_not_read_nothing_counts() {
    for part in PARTS {
        let name = format!("webhook-{part}");
        both().set(&name, "").passes(format!("{name}: empty"));
        both()
            .set(&name, "x")
            .add(&name, "y")
            .passes(format!("{name}: twice"));
        both().without(&name).passes(format!("{name}: missing"));
    }
    // Without its signature the preferred set is not there, whatever else of it is.
    let remains = both()
        .without("svix-signature")
        .set("svix-id", "x")
        .set("svix-timestamp", "0");
    remains.passes("the other set");
}

#[test]
fn the_delivery_takes_its_id_from_the_set_that_was_verified() {
    let id = |attempt: Attempt| {
        let delivery = attempt.deliver().expect("a delivery");
        let id = delivery.id().expect("an id");
        (id.as_str().to_owned(), id.is_signed())
    };
    let genuine = ("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk".to_owned(), true);
    assert_eq!(id(both().set("webhook-id", "other")), genuine);
    let unbranded = both().without("svix-signature").set("svix-id", "other");
    assert_eq!(id(unbranded), genuine);
}
