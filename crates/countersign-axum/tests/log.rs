//! What operators see of the extractors.
//!
//! A process of its own: tracing decides once per process which events anybody listens to, and tests that run beside these listen to
//! none.
#![cfg(test)]

#[allow(dead_code, reason = "shared with the tests of the extractors")]
#[path = "extractors/support.rs"]
mod support;

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::mem;
use std::sync::Once;

use axum::body::Body;
use axum::routing::post;
use axum::{Json, Router};
use countersign_axum::{Payload, Webhook};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use support::{GITHUB_JSON, JSON, Yo, github, github_json, github_signed, send};

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Writes every event of this crate as one line of the test whose thread it is in.
struct Lines;

impl Lines {
    fn listen() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| tracing::subscriber::set_global_default(Self).unwrap());
        assert_eq!(Self::take(), Vec::<String>::new());
    }

    fn take() -> Vec<String> {
        LINES.with(|lines| mem::take(&mut *lines.borrow_mut()))
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("countersign_axum")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        LINES.with(|lines| lines.borrow_mut().push(line.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_forgotten_layer_is_named_as_the_cause() {
    async fn json(_: Webhook<Json<Yo>>) {}
    async fn payload(_: Webhook<Payload<Yo>>) {}
    async fn alone(_: Payload<Yo>) {}
    Lines::listen();
    for route in [post(json), post(payload), post(alone)] {
        let router = Router::new().route("/", route);
        let genuine = github_json("/").body(Body::from(GITHUB_JSON)).unwrap();
        assert_eq!(send(&router, genuine).await.status, 500);
        assert_eq!(
            Lines::take(),
            [
                "ERROR message=a route takes a Webhook but no CountersignLayer is in front of it: every request to it is refused"
            ]
        );
    }
}

#[tokio::test]
async fn a_genuine_delivery_that_is_turned_away_is_seen_without_its_body() {
    async fn json(_: Webhook<Json<Yo>>) {}
    Lines::listen();
    let router = Router::new().route("/", post(json)).layer(github());
    let genuine = github_json("/").body(Body::from(GITHUB_JSON)).unwrap();
    assert_eq!(send(&router, genuine).await.status, 200);
    assert_eq!(Lines::take(), Vec::<String>::new());

    let other = github_signed(JSON, br#"{"yo":"planted"}"#);
    assert_eq!(send(&router, other).await.status, 422);
    assert_eq!(
        Lines::take(),
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
            Lines::take(),
            [
                r#"WARN message=verified webhook turned away: its payload could not be read scheme="github" rejection="countersign_axum::rejection::PayloadRejection""#
            ]
        );
    }
}
