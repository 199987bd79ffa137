//! Published vectors, and what a sender sees.

use axum::Router;
use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{HeaderMap, Request};
use countersign_axum::{CountersignLayer, Receiver, Scheme, Timestamp, danger, providers};
use countersign_testkit::{ManualClock, Sender};
use http_body_util::BodyExt;
use serde::Deserialize;
use tower::ServiceExt;

/// <https://github.com/google/go-github> github/messages_test.go, `TestValidatePayload` and `TestValidatePayload_FormPost`
pub(crate) const GITHUB_SECRET: &str = "0123456789abcdef";
pub(crate) const GITHUB_JSON: &str = r#"{"yo":true}"#;
pub(crate) const GITHUB_SHA256: &str =
    "sha256=b1f8020f5b4cd42042f807dd939015c4a418bc1ff7f604dd55b0a19b5d953d9b";
pub(crate) const GITHUB_FORM: &str = "payload=%7B%22yo%22%3Atrue%7D";
pub(crate) const GITHUB_FORM_SHA1: &str = "sha1=3374ef144403e8035423b23b02e2c9d7a4c50368";

/// <https://docs.slack.dev/authentication/verifying-requests-from-slack/>
pub(crate) const SLACK_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
pub(crate) const SLACK_SENT: i64 = 1_531_420_618;
pub(crate) const SLACK_SIGNATURE: &str =
    "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
pub(crate) const SLACK_COMMAND: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J\
&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J\
%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

pub(crate) const JSON: &str = "application/json";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// The event of GitHub's vectors.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Yo {
    pub(crate) yo: bool,
}

pub(crate) fn layer(scheme: Scheme, secret: &str) -> CountersignLayer {
    let secret = danger::secret_of_any_length(secret).unwrap();
    // The moment of Slack's vector; the other schemes here sign no time.
    let clock = ManualClock::at_secs(SLACK_SENT);
    let receiver = Receiver::builder(scheme, secret).clock(clock).build();
    CountersignLayer::new(receiver.unwrap())
}

pub(crate) fn github() -> CountersignLayer {
    layer(providers::GITHUB, GITHUB_SECRET)
}

pub(crate) fn github_sha1() -> CountersignLayer {
    layer(providers::GITHUB_SHA1, GITHUB_SECRET)
}

pub(crate) fn slack() -> CountersignLayer {
    layer(providers::SLACK, SLACK_SECRET)
}

/// The head of GitHub's JSON vector.
pub(crate) fn github_json(path: &str) -> Builder {
    Request::post(path)
        .header("content-type", JSON)
        .header("x-hub-signature-256", GITHUB_SHA256)
}

/// A request as a genuine sender would send it.
pub(crate) fn signed(scheme: &Scheme, secret: &str, kind: &str, body: &[u8]) -> Request<Body> {
    Sender::new(scheme.clone(), secret)
        .at(Timestamp::from_secs(SLACK_SENT))
        .url("https://example.com/")
        .media_type(kind)
        .send_as(body)
}

pub(crate) fn github_signed(kind: &str, body: &[u8]) -> Request<Body> {
    signed(&providers::GITHUB, GITHUB_SECRET, kind, body)
}

/// What a sender sees.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Reply {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

#[track_caller]
pub(crate) fn told(reply: &Reply, status: u16, body: &str) {
    assert_eq!((reply.status, reply.body.as_str()), (status, body));
}
