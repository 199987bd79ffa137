//! What is decided before a delivery is verified, and what is no delivery.

use std::convert::Infallible;
use std::num::NonZero;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use countersign::providers::{GITHUB, SHOPIFY, SLACK, STANDARD_WEBHOOKS, STRIPE, TWILIO, WEBSUB};
use countersign::{Bodies, FailureLimit, Peer, Quota, Receiver, TrustedProxies};
use countersign_tower::{Countersign, VerifiedBody};
use http::{Method, Request, Response, Version};
use http_body::{Body, Frame};
use http_body_util::Full;
use tower::{ServiceExt, service_fn};

use crate::stage::{BODY, Stage, add, set, without};

/// A body that never comes.
pub(crate) struct Stalls;

impl Body for Stalls {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

pub(crate) async fn send(receiver: &Receiver, request: Request<Bytes>) -> u16 {
    sent(receiver, request.map(Full::new)).await
}

async fn sent<B: Body>(receiver: &Receiver, request: Request<B>) -> u16 {
    let handler = service_fn(|_: Request<VerifiedBody>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let service = Countersign::new(handler, receiver.clone());
    let answer = service.oneshot(request).await;
    answer.unwrap().status().as_u16()
}

/// Sends it, and one attempt is told as what was answered.
async fn refused(
    stage: &mut Stage<'_>,
    receiver: &Receiver,
    request: Request<Bytes>,
    code: &'static str,
) {
    let status = send(receiver, request).await;
    let record = stage.one(code, status);
    assert!(!record.is_verified, "{code}");
    assert_eq!(record.id, None, "{code}: nothing proves it");
}

pub(crate) async fn heads(stage: &mut Stage<'_>) {
    let receiver = stage.receiver(GITHUB);
    let genuine = stage.genuine(GITHUB, BODY);
    assert_eq!(send(&receiver, genuine.clone()).await, 200);
    let record = stage.one("accepted", None);
    assert!(record.is_verified);
    assert_eq!(record.secret_label.as_deref(), Some("secret-1"));

    let mut get = genuine.clone();
    *get.method_mut() = Method::GET;
    refused(stage, &receiver, get, "method_not_allowed").await;
    for (name, value, code) in [
        ("content-type", "text/planted", "media_type_unsupported"),
        (
            "content-encoding",
            "planted",
            "content_encoding_unsupported",
        ),
        ("content-length", "planted", "length_malformed"),
        ("content-length", "999999999999", "body_too_large"),
    ] {
        refused(stage, &receiver, set(genuine.clone(), name, value), code).await;
    }
}

pub(crate) async fn signatures(stage: &mut Stage<'_>) {
    const NAME: &str = "stripe-signature";
    let receiver = stage.receiver(STRIPE);
    let genuine = stage.genuine(STRIPE, BODY);
    let signature = genuine.headers()[NAME].to_str().unwrap().to_owned();
    let many = format!(
        "{signature}{}",
        format!(",v1={}", "ab".repeat(32)).repeat(16)
    );
    let long = "planted".repeat(2_000);
    for (request, code) in [
        (without(genuine.clone(), NAME), "signature_missing"),
        (set(genuine.clone(), NAME, "planted"), "signature_malformed"),
        (add(genuine.clone(), NAME, &signature), "signature_repeated"),
        (set(genuine.clone(), NAME, &long), "signature_too_long"),
        (set(genuine.clone(), NAME, &many), "too_many_candidates"),
        (stage.forged(STRIPE), "signature_mismatch"),
    ] {
        refused(stage, &receiver, request, code).await;
    }
}

pub(crate) async fn timestamps(stage: &mut Stage<'_>) {
    const NAME: &str = "stripe-signature";
    let receiver = stage.receiver(STRIPE);
    let tag = "ab".repeat(32);
    let hour = Duration::from_secs(3_600);
    let at = |stage: &mut Stage<'_>, moment| {
        let request = stage.sender(STRIPE).at(moment).send(BODY);
        stage.hide(&request);
        request
    };
    let now = countersign::Clock::now(&stage.clock);
    let genuine = at(stage, now);
    for (request, code) in [
        (
            set(genuine.clone(), NAME, &format!("v1={tag}")),
            "timestamp_missing",
        ),
        (
            set(genuine.clone(), NAME, &format!("t=planted,v1={tag}")),
            "timestamp_malformed",
        ),
        (
            set(genuine, NAME, &format!("t=1,t=1,v1={tag}")),
            "timestamp_repeated",
        ),
        (at(stage, now.saturating_sub(hour)), "timestamp_too_old"),
        (at(stage, now.saturating_add(hour)), "timestamp_too_new"),
    ] {
        refused(stage, &receiver, request, code).await;
    }
}

pub(crate) async fn fields(stage: &mut Stage<'_>) {
    const ID: &str = "webhook-id";
    let receiver = stage.receiver(STANDARD_WEBHOOKS);
    let genuine = stage.genuine(STANDARD_WEBHOOKS, BODY);
    for (request, code) in [
        (without(genuine.clone(), ID), "field_missing"),
        (
            set(genuine.clone(), ID, "planted.planted"),
            "field_malformed",
        ),
        (add(genuine, ID, "planted"), "field_repeated"),
    ] {
        refused(stage, &receiver, request, code).await;
    }

    // Genuine, and refused for what it says: whoever holds the secret has sent it.
    let receiver = stage.receiver(STRIPE);
    for (body, code) in [
        (r#"{"id":"planted""#, "body_malformed"),
        (r#"{"id":["planted"]}"#, "field_malformed"),
        (r#"{"id":"planted","id":"planted"}"#, "field_repeated"),
    ] {
        let request = stage.genuine(STRIPE, body);
        assert_eq!(send(&receiver, request).await, 400);
        let record = stage.one(code, 400);
        assert!(record.is_verified);
        assert_eq!(record.secret_label.as_deref(), Some("secret-1"));
        assert_eq!((record.id, record.event, record.tenant), (None, None, None));
    }
}

pub(crate) async fn bodies(stage: &mut Stage<'_>) {
    let receiver = stage.receiver(SHOPIFY);
    let empty = stage.genuine(SHOPIFY, "");
    refused(stage, &receiver, empty, "body_empty").await;
    let receiver = stage.receiver(GITHUB);
    let genuine = stage.genuine(GITHUB, BODY);
    let long = set(genuine.clone(), "content-length", "99");
    refused(stage, &receiver, long, "body_incomplete").await;
    let stalled = || genuine.clone().map(|_| Stalls);
    assert_eq!(sent(&receiver, stalled()).await, 408);
    assert_eq!(stage.one("body_too_slow", 408).body_bytes, Some(0));

    // In HTTP/2 nobody waits for a place. Who has it, and hangs up, is an attempt, too.
    let bodies = Bodies::new(NonZero::new(1).unwrap(), 1 << 20);
    let receiver = stage.builder(GITHUB).bodies(bodies).build().unwrap();
    let mut first = Box::pin(sent(&receiver, stalled()));
    let waker = std::task::Waker::noop();
    assert!(
        first
            .as_mut()
            .poll(&mut Context::from_waker(waker))
            .is_pending()
    );
    stage.none();
    let mut second = stalled();
    *second.version_mut() = Version::HTTP_2;
    assert_eq!(sent(&receiver, second).await, 503);
    stage.one("too_many_bodies", 503);
    drop(first);
    let record = stage.one("abandoned", None);
    assert!(!record.is_verified);
}

pub(crate) async fn urls(stage: &mut Stage<'_>) {
    let proxies = TrustedProxies::new(&["10.0.0.0/8"], ["example.com"]).unwrap();
    let receiver = stage.builder(TWILIO).public_url_from(proxies);
    let receiver = receiver.build().unwrap();
    let genuine = stage.genuine(TWILIO, "Body=planted");
    for (peer, code) in [
        ([192, 0, 2, 1], "peer_untrusted"),
        ([10, 0, 0, 1], "public_url_unknown"),
    ] {
        let mut request = genuine.clone();
        request.extensions_mut().insert(Peer(peer.into()));
        refused(stage, &receiver, request, code).await;
    }
}

pub(crate) async fn limits(stage: &mut Stage<'_>) {
    let one = Quota::per_minute(NonZero::<u32>::MIN);
    let limits = [FailureLimit::penalise(one), FailureLimit::refuse_early(one)];
    for (limit, cause) in limits.into_iter().zip([Some("signature_mismatch"), None]) {
        let receiver = stage.builder(STRIPE).limit_failures(limit);
        let receiver = receiver.sources(countersign::Sources::direct());
        let receiver = receiver.build().unwrap();
        let mut forged = stage.forged(STRIPE);
        forged.extensions_mut().insert(Peer([192, 0, 2, 1].into()));
        refused(stage, &receiver, forged.clone(), "signature_mismatch").await;
        assert_eq!(send(&receiver, forged).await, 429);
        let record = stage.one("too_many_failures", 429);
        assert_eq!(record.cause, cause);
        assert_eq!(record.source, Some([192, 0, 2, 1].into()));
        assert_eq!(record.peer, record.source);
    }
}

pub(crate) async fn answers(stage: &mut Stage<'_>) {
    let receiver = stage.receiver(SLACK);
    let question = r#"{"type":"url_verification","challenge":"planted"}"#;
    let question = stage.genuine(SLACK, question);
    assert_eq!(send(&receiver, question).await, 200);
    let record = stage.one("handshake", 200);
    assert!(record.is_verified);
    assert_eq!(record.secret_label.as_deref(), Some("secret-1"));
    assert_eq!(record.skew_millis, Some(0));
    // Its sender has the secret: whoever bans those that have not does not ban him, and no failure of his is counted.
    let one = Quota::per_minute(NonZero::<u32>::MIN);
    let limited = stage
        .builder(SLACK)
        .limit_failures(FailureLimit::refuse_early(one))
        .sources(countersign::Sources::direct())
        .build()
        .unwrap();
    for (body, code) in [
        (
            r#"{"type":"url_verification","challenge":["planted"]}"#,
            "field_malformed",
        ),
        (r#"{"type":"planted","type":"planted"}"#, "field_repeated"),
        (r#"{"type":"planted""#, "body_malformed"),
    ] {
        let mut odd = stage.genuine(SLACK, body);
        odd.extensions_mut().insert(Peer([192, 0, 2, 1].into()));
        assert_eq!(send(&limited, odd).await, 400, "{code}");
        let record = stage.one(code, 400);
        assert!(record.is_verified, "{code}");
        assert_eq!(record.secret_label.as_deref(), Some("secret-1"));
    }
    let check = Request::post("/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from_static(b"ssl_check=1&token=planted"));
    assert_eq!(send(&receiver, check.unwrap()).await, 200);
    stage.one("unsigned", 200);

    let subscribe = || {
        let uri = "/?hub.mode=subscribe&hub.topic=planted&hub.challenge=planted";
        Request::get(uri).body(Bytes::new()).unwrap()
    };
    let receiver = stage.builder(WEBSUB).consent(|_| std::future::ready(true));
    assert_eq!(send(&receiver.build().unwrap(), subscribe()).await, 200);
    stage.one("handshake", 200);
    let receiver = stage.builder(WEBSUB).consent(|_| std::future::ready(false));
    let receiver = receiver.build().unwrap();
    refused(stage, &receiver, subscribe(), "not_agreed").await;
    let receiver = stage.builder(WEBSUB).consent(|_| std::future::pending());
    let receiver = receiver.build().unwrap();
    refused(stage, &receiver, subscribe(), "consent_too_slow").await;
    // Who asks and hangs up.
    let mut asking = Box::pin(send(&receiver, subscribe()));
    let waker = std::task::Waker::noop();
    assert!(
        asking
            .as_mut()
            .poll(&mut Context::from_waker(waker))
            .is_pending()
    );
    drop(asking);
    stage.one("abandoned", None);
}
