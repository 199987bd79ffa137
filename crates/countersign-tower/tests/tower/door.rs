//! What the head decides is refused without a look at the body.

use countersign_tower::Countersign;
use http::Request;
use http::request::Builder;
use tower::Service;

use crate::support::{
    GITHUB_BODY, GITHUB_SIGNATURE, Reply, STRIPE_SENT, STRIPE_SIGNATURE, Seen, Step, github, ready,
    scripted, signed, stripe,
};

/// The service is polled by hand: the answer is there at once.
async fn refused(receiver: countersign_tower::Receiver, head: Builder, status: u16, text: &str) {
    let (body, trace) = scripted([Step::Data(GITHUB_BODY)]);
    let seen = Seen::default();
    let mut service = Countersign::new(seen.service(), receiver);
    let request = head.body(body).unwrap();
    let named = format!("{} {:?}", request.method(), request.headers());

    let future = ready(&mut service).await.call(request);
    assert!(trace.is_dropped(), "the body is dropped at once: {named}");
    let reply = Reply::of(future.await.unwrap()).await;

    assert_eq!(reply, Reply::refused(status, text), "{named}");
    assert_eq!(trace.polls(), 0, "{named}");
    assert_eq!(seen.count(), 0, "{named}");
}

#[tokio::test(start_paused = true)]
async fn a_method_that_the_sender_does_not_use() {
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "TRACE", "post"] {
        refused(
            github(),
            signed().method(method),
            405,
            "method not allowed\n",
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_media_type_that_the_sender_does_not_use() {
    let typed = |kind: &str| signed().header("content-type", kind);
    for head in [
        typed("text/plain"),
        typed("application/jsonx"),
        typed(""),
        typed("application/json").header("content-type", "application/json"),
    ] {
        refused(github(), head, 415, "unsupported media type\n").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_compressed_body() {
    let head = signed().header("content-encoding", "gzip");
    refused(github(), head, 415, "unsupported media type\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_declared_length_that_is_too_large_or_malformed() {
    let declared = |length: &str| signed().header("content-length", length);
    let limit = 25 * 1024 * 1024;
    for length in [&(limit + 1).to_string(), "99999999999999999999999999"] {
        refused(github(), declared(length), 413, "payload too large\n").await;
    }
    for head in [
        declared("13x"),
        declared("-1"),
        declared(""),
        declared("13").header("content-length", "13"),
    ] {
        refused(github(), head, 400, "bad request\n").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_signature_that_is_missing_malformed_or_repeated() {
    let head = || Request::post("/hooks");
    let signed_as = |text: &str| head().header("x-hub-signature-256", text);
    refused(github(), head(), 401, "unauthorized\n").await;
    let legacy = head().header(
        "x-hub-signature",
        "sha1=3374ef144403e8035423b23b02e2c9d7a4c50368",
    );
    refused(github(), legacy, 401, "unauthorized\n").await;
    for head in [
        signed_as(""),
        signed_as("sha256="),
        signed_as(&GITHUB_SIGNATURE[..70]),
        signed_as(&GITHUB_SIGNATURE["sha256=".len()..]),
        signed().header("x-hub-signature-256", GITHUB_SIGNATURE),
    ] {
        refused(github(), head, 400, "bad request\n").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_timestamp_that_is_missing_stale_or_early() {
    let signed_as = |text: &str| Request::post("/hooks").header("stripe-signature", text);
    let untimed = STRIPE_SIGNATURE.split_once(',').unwrap().1;
    for (now, signature) in [
        (STRIPE_SENT, untimed),
        (STRIPE_SENT + 301, STRIPE_SIGNATURE),
        (STRIPE_SENT - 301, STRIPE_SIGNATURE),
        (i64::MAX / 1000, STRIPE_SIGNATURE),
    ] {
        refused(stripe(now), signed_as(signature), 400, "bad request\n").await;
    }
}

#[tokio::test(start_paused = true)]
async fn more_candidates_than_any_sender_sends() {
    let candidate = STRIPE_SIGNATURE.split(',').nth(1).unwrap();
    let many = format!("t={STRIPE_SENT}{}", format!(",{candidate}").repeat(17));
    let head = Request::post("/hooks").header("stripe-signature", many);
    refused(stripe(STRIPE_SENT), head, 400, "bad request\n").await;
}
