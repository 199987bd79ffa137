//! What operators see of the extractors.
//!
//! A process of its own: tracing decides once per process which events anybody listens to, and tests that run beside these listen to
//! none.
#![cfg(test)]

#[allow(dead_code, reason = "shared with the tests of the extractors")]
#[path = "extractors/support.rs"]
mod support;

use axum::body::Body;
use axum::routing::post;
use axum::{Json, Router};
use countersign_axum::{Payload, Webhook};
use countersign_testkit::log;

use support::{GITHUB_JSON, JSON, Yo, github, github_json, github_signed, send};

/// What the extractors logged, without the layer's events.
fn taken() -> Vec<String> {
    log::take_from("countersign_axum")
}

#[tokio::test]
async fn a_forgotten_layer_is_named_as_the_cause() {
    async fn json(_: Webhook<Json<Yo>>) {}
    async fn payload(_: Webhook<Payload<Yo>>) {}
    async fn alone(_: Payload<Yo>) {}
    log::listen();
    for route in [post(json), post(payload), post(alone)] {
        let router = Router::new().route("/", route);
        let genuine = github_json("/").body(Body::from(GITHUB_JSON)).unwrap();
        assert_eq!(send(&router, genuine).await.status, 500);
        assert_eq!(
            taken(),
            [
                "ERROR message=a route takes a Webhook but no CountersignLayer is in front of it: every request to it is refused"
            ]
        );
    }
}

#[tokio::test]
async fn a_genuine_delivery_that_is_turned_away_is_seen_without_its_body() {
    async fn json(_: Webhook<Json<Yo>>) {}
    log::listen();
    let router = Router::new().route("/", post(json)).layer(github());
    let genuine = github_json("/").body(Body::from(GITHUB_JSON)).unwrap();
    assert_eq!(send(&router, genuine).await.status, 200);
    assert_eq!(taken(), Vec::<String>::new());

    let other = github_signed(JSON, br#"{"yo":"planted"}"#);
    assert_eq!(send(&router, other).await.status, 422);
    assert_eq!(
        taken(),
        [
            r#"WARN message=verified webhook turned away: its payload could not be read scheme="github" rejection="axum::extract::rejection::JsonRejection""#
        ]
    );

    // `Payload` says it once, by itself and inside a `Webhook`.
    async fn alone(_: Payload<Yo>) {}
    async fn inside(_: Webhook<Payload<Yo>>) {}
    for route in [post(alone), post(inside)] {
        let router = Router::new().route("/", route).layer(github());
        let other = github_signed(JSON, br#"{"yo":"planted"}"#);
        assert_eq!(send(&router, other).await.status, 422);
        assert_eq!(
            taken(),
            [
                r#"WARN message=verified webhook turned away: its payload could not be read scheme="github" rejection="countersign_axum::rejection::PayloadRejection""#
            ]
        );
    }
}
