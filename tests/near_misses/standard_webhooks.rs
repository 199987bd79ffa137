//! Standard Webhooks: a signed id, and a list of versioned signatures.

use countersign::Refusal::{
    SignatureMalformed, SignatureMismatch, SignatureMissing, TimestampMissing,
};

use crate::attempt::{
    Attempt, STANDARD_WEBHOOKS, SVIX, SVIX_UNBRANDED, Sample, malformed, missing, repeated,
};

/// The Ed25519 signature that the specification quotes for the same request.
const V1A: &str =
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";

/// Samples and the headers of their ids.
const IDENTIFIED: [(Sample, &str); 3] = [
    (STANDARD_WEBHOOKS, "webhook-id"),
    (SVIX, "svix-id"),
    (SVIX_UNBRANDED, "webhook-id"),
];

fn signed_by(value: &str) -> Attempt {
    STANDARD_WEBHOOKS
        .attempt()
        .set(STANDARD_WEBHOOKS.header, value)
}

#[test]
fn the_id_is_there_once() {
    for (sample, header) in IDENTIFIED {
        let attempt = || sample.attempt();
        let id = attempt().value(header);
        attempt()
            .without(header)
            .refused(missing(header), sample.id);
        attempt()
            .renamed(header, "x-id")
            .refused(missing(header), sample.id);
        for second in [&*id, "msg_other", "", "."] {
            let twice = attempt().add(header, second);
            twice.refused(repeated(header), format!("{}: then {second:?}", sample.id));
            let other_first = attempt().set(header, second).add(header, &id);
            other_first.refused(repeated(header), format!("{}: first {second:?}", sample.id));
        }
    }
}

#[test]
fn the_id_is_visible_ascii_without_a_full_stop() {
    for (sample, header) in IDENTIFIED {
        let id = sample.attempt().value(header);
        let mut bad: Vec<Vec<u8>> = [
            String::new(),
            " ".into(),
            "\t".into(),
            ".".into(),
            format!("{id}."),
            format!(".{id}"),
            id.replace('_', "."),
            format!("{id}.1614265330"),
            format!("{id} x"),
            id.replace('_', " "),
            id.replace('_', "\t"),
            id.replace('_', "\u{e9}"),
            format!("{id}\u{a0}"),
            format!("{id}\u{200b}"),
            "x".repeat(257),
            "x".repeat(10_000),
        ]
        .map(String::into_bytes)
        .into();
        bad.push([id.as_bytes(), b"\xff"].concat());
        bad.push([id.as_bytes(), b"\xe9"].concat());
        for value in bad {
            let what = format!("{}: {:?}", sample.id, String::from_utf8_lossy(&value));
            sample
                .attempt()
                .set(header, value)
                .refused(malformed(header), what);
        }
    }
}

#[test]
fn another_id_is_another_request() {
    for (sample, header) in IDENTIFIED {
        let id = sample.attempt().value(header);
        for value in [
            format!("{id}x"),
            id[..id.len() - 1].to_owned(),
            id[1..].to_owned(),
            id.to_uppercase(),
            id.to_lowercase(),
            format!("{id},{id}"),
            format!("\"{id}\""),
            id.replace('_', "-"),
            "0".to_owned(),
            "x".repeat(256),
        ] {
            let what = format!("{}: {value}", sample.id);
            sample
                .attempt()
                .set(header, value)
                .refused(SignatureMismatch, what);
        }
        for (before, after) in [(" ", ""), ("\t", " ")] {
            let padded = format!("{before}{id}{after}");
            sample
                .attempt()
                .set(header, padded)
                .passes("HTTP strips blanks around a header");
        }
    }
}

/// Id, stamp and body are joined by full stops: a full stop that moves would make the same signed bytes.
#[test]
fn nothing_moves_between_id_stamp_and_body() {
    for (sample, header) in IDENTIFIED {
        let attempt = sample.attempt();
        let stamp_header = header.replace("-id", "-timestamp");
        let (id, stamp) = (attempt.value(header), attempt.value(&stamp_header));
        let moved = attempt.clone().set(header, format!("{id}.{stamp}"));
        moved.refused(
            malformed(header),
            format!("{}: the stamp moved into the id", sample.id),
        );
        let body = [stamp.as_bytes(), b".", attempt.bytes()].concat();
        let moved = attempt.without(&stamp_header).body(body);
        moved.refused(
            TimestampMissing,
            format!("{}: the stamp moved into the body", sample.id),
        );
    }
}

#[test]
fn another_version_or_layout() {
    let tag = STANDARD_WEBHOOKS.tag;
    for value in [
        tag.to_owned(),
        format!(",{tag}"),
        format!("v1={tag}"),
        format!("v1.{tag}"),
        format!("v1:{tag}"),
        format!("v1{tag}"),
        format!("v1 {tag}"),
        format!("v1, {tag}"),
        format!("v1 ,{tag}"),
        format!("v1,\t{tag}"),
        format!("v1,v1,{tag}"),
        format!("v1,,{tag}"),
        format!("v1,{tag},"),
        format!("v1,{tag},x"),
        format!("V1,{tag}"),
        format!("v2,{tag}"),
        format!("v0,{tag}"),
        format!("v1a,{tag}"),
        format!("sha256,{tag}"),
        format!("sha256={tag}"),
        format!("t=1614265330,v1={tag}"),
        format!("v1,{tag}\tv1,x"),
        format!("v1,{tag}\t v1,x"),
        format!("v1,x \tv1,{tag}"),
        format!("v1,{tag};v1,x"),
        format!("v1,whsec_{tag}"),
        "v1,".to_owned(),
        "v1".to_owned(),
        ",".to_owned(),
    ] {
        signed_by(&value).refused(SignatureMalformed, &value);
    }
}

#[test]
fn items_stand_apart_by_one_or_more_spaces() {
    let tag = STANDARD_WEBHOOKS.tag;
    for value in [
        format!("v1,{tag} v1,{tag}"),
        format!("v1,x  v1,{tag}"),
        format!("v1,x   v1,{tag}   v2,x"),
        format!("x v1,{tag} y"),
        format!("v2,{tag} v1,{tag}"),
    ] {
        signed_by(&value).passes(&value);
    }
}

#[test]
fn ed25519_is_not_verified_yet() {
    let tag = STANDARD_WEBHOOKS.tag;
    signed_by(V1A).refused(SignatureMalformed, "v1a alone");
    signed_by(&V1A.replace("v1a", "v1")).refused(SignatureMalformed, "64 bytes as v1");
    signed_by(&format!("{V1A} v1,{tag}")).passes("v1a beside v1");
    signed_by(&format!("v1,{tag} {V1A}")).passes("v1 beside v1a");
    signed_by(&format!("v1a,x v1,{tag} v1a,")).passes("malformed v1a beside v1");
    let wrong = format!("v1,{} {V1A}", SVIX.tag);
    signed_by(&wrong).refused(SignatureMismatch, "v1a beside a wrong v1");
}

#[test]
fn the_headers_of_svix_are_not_read() {
    let attempt = STANDARD_WEBHOOKS.attempt();
    let branded = |attempt: Attempt, rest: &str| {
        attempt.renamed(&format!("webhook-{rest}"), &format!("svix-{rest}"))
    };
    branded(attempt.clone(), "signature").refused(SignatureMissing, "signature");
    branded(attempt.clone(), "timestamp").refused(TimestampMissing, "timestamp");
    branded(attempt.clone(), "id").refused(missing("webhook-id"), "id");
    let all = ["signature", "timestamp", "id"]
        .into_iter()
        .fold(attempt.clone(), branded);
    all.refused(SignatureMissing, "all three");
    let beside = attempt
        .set("svix-signature", "v1,x")
        .set("svix-id", "x")
        .set("svix-timestamp", "0");
    beside.passes("headers of another scheme beside them");
}
