//! One event per attempt, and nothing in it that a log must not hold.
//!
//! A process of its own: tracing decides once per process which events anybody listens to, and tests that run beside this one listen to
//! none.
#![cfg(test)]

#[allow(dead_code, reason = "shared with the tests of the flow")]
#[path = "tower/support.rs"]
mod support;

use std::num::NonZero;

use countersign_testkit::log;
use countersign_tower::{FailureLimit, Peer, Quota, Receiver, danger, providers};
use http::Request;

use support::{
    GITHUB_BODY, GITHUB_SECRET, GITHUB_SIGNATURE, STRIPE_BODY, STRIPE_SENT, STRIPE_SIGNATURE, Step,
    github, scripted, send, signed, stripe,
};

async fn logged(receiver: Receiver, head: http::request::Builder, body: &'static str) -> String {
    log::listen();
    let (body, _) = scripted([Step::Data(body)]);
    send(receiver, head.body(body).unwrap()).await;
    let lines = log::take();
    let [line] = lines.as_slice() else {
        panic!("one event per attempt: {lines:?}");
    };
    for hidden in [
        GITHUB_SECRET,
        &GITHUB_SIGNATURE[7..],
        "Hello",
        "evt_123",
        "planted",
    ] {
        assert!(!line.contains(hidden), "{line}");
    }
    // What was measured has a test of its own.
    let end = [" body_bytes=", " verdict_us="].map(|field| line.find(field).unwrap_or(line.len()));
    line[..end[0].min(end[1])].to_owned()
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_one_event() {
    assert_eq!(
        logged(github(), signed(), GITHUB_BODY).await,
        r#"DEBUG message=webhook attempt scheme="github" outcome="accepted" code="accepted" secret_label="secret-1""#
    );
    assert_eq!(
        logged(github(), signed(), "Hello, World?").await,
        r#"INFO message=webhook attempt scheme="github" outcome="refused" code="signature_mismatch" status=401 fault="sender" reason=no signature matches"#
    );
    let unsigned = Request::post("/planted?planted").header("planted", "planted");
    assert_eq!(
        logged(github(), unsigned, GITHUB_BODY).await,
        r#"INFO message=webhook attempt scheme="github" outcome="refused" code="signature_missing" status=401 fault="sender" reason=the signature is missing"#
    );
    let stale = Request::post("/").header("stripe-signature", STRIPE_SIGNATURE);
    assert_eq!(
        logged(stripe(STRIPE_SENT + 301), stale, STRIPE_BODY).await,
        r#"INFO message=webhook attempt scheme="stripe" outcome="refused" code="timestamp_too_old" status=400 fault="sender" reason=the timestamp is too old"#
    );
    let event_name = signed()
        .header("x-github-event", "planted")
        .header("x-github-event", "planted");
    assert_eq!(
        logged(github(), event_name, GITHUB_BODY).await,
        r#"INFO message=webhook attempt scheme="github" outcome="refused" code="field_repeated" status=400 fault="sender" reason=x-github-event occurs more than once secret_label="secret-1""#
    );
}

#[tokio::test(start_paused = true)]
async fn answers_are_events_too() {
    let build = |scheme, consent: bool| {
        let secret = danger::secret_of_any_length(GITHUB_SECRET).unwrap();
        Receiver::builder(scheme, secret)
            .consent(move |_| std::future::ready(consent))
            .build()
            .unwrap()
    };
    let form =
        || Request::post("/planted").header("content-type", "application/x-www-form-urlencoded");
    let check = "ssl_check=1&token=planted";
    assert_eq!(
        logged(build(providers::SLACK, true), form(), check).await,
        r#"DEBUG message=webhook attempt scheme="slack" outcome="answered" code="unsigned" status=200"#
    );
    let almost = "ssl_check=1&token=planted&more=planted";
    assert_eq!(
        logged(build(providers::SLACK, true), form(), almost).await,
        r#"INFO message=webhook attempt scheme="slack" outcome="refused" code="signature_missing" status=401 fault="sender" reason=the signature is missing"#
    );
    let subscribe =
        || Request::get("/planted?hub.mode=subscribe&hub.topic=planted&hub.challenge=planted");
    assert_eq!(
        logged(build(providers::WEBSUB, true), subscribe(), "").await,
        r#"DEBUG message=webhook attempt scheme="websub" outcome="answered" code="handshake" status=200"#
    );
    assert_eq!(
        logged(build(providers::WEBSUB, false), subscribe(), "").await,
        r#"INFO message=webhook attempt scheme="websub" outcome="refused" code="not_agreed" status=404 fault="sender" reason=the application does not agree to what the sender asks"#
    );
    let script = Request::get("/?hub.mode=subscribe&hub.challenge=%3Cplanted%3E");
    assert_eq!(
        logged(build(providers::WEBSUB, true), script, "").await,
        r#"INFO message=webhook attempt scheme="websub" outcome="refused" code="field_malformed" status=400 fault="sender" reason=hub.challenge is malformed"#
    );
    let secret = danger::secret_of_any_length(GITHUB_SECRET).unwrap();
    let slow = Receiver::builder(providers::WEBSUB, secret)
        .consent(|_| std::future::pending())
        .build()
        .unwrap();
    assert_eq!(
        logged(slow, subscribe(), "").await,
        r#"WARN message=webhook attempt scheme="websub" outcome="refused" code="consent_too_slow" status=503 fault="configuration" reason=the application did not decide in time about what the sender asks"#
    );
}

/// Behind one proxy everything that fails is answered alike, and the log has to say what went wrong.
#[tokio::test(start_paused = true)]
async fn beyond_the_limit_the_log_says_the_cause() {
    let limit = FailureLimit::penalise(Quota::per_minute(NonZero::<u32>::MIN));
    let secret = danger::secret_of_any_length(GITHUB_SECRET).unwrap();
    let receiver = Receiver::builder(providers::GITHUB, secret)
        .limit_failures(limit)
        .build()
        .unwrap();
    let forged = || signed().extension(Peer([192, 0, 2, 1].into()));
    assert_eq!(
        logged(receiver.clone(), forged(), "Hello, World?").await,
        r#"INFO message=webhook attempt scheme="github" outcome="refused" code="signature_mismatch" status=401 fault="sender" reason=no signature matches"#
    );
    assert_eq!(
        logged(receiver, forged(), "Hello, World?").await,
        r#"INFO message=webhook attempt scheme="github" outcome="refused" code="too_many_failures" status=429 fault="sender" cause="signature_mismatch" reason=too many attempts from this source have failed; it may try again in 60 s"#
    );
}
