//! What operators see of the middleware and the extractors.
//!
//! A process of its own: tracing decides once per process which events anybody listens to, and tests that run beside these listen to none.
#![cfg(test)]

#[allow(dead_code, reason = "shared with the tests of the middleware")]
#[path = "actix/support.rs"]
mod support;

use actix_web::App;
use actix_web::test::{TestRequest, init_service};
use actix_web::web;
use countersign_actix::providers::GITHUB;
use countersign_actix::{Countersign, MemoryStore, Payload, Webhook, providers::INTERCOM};
use countersign_testkit::log;
use serde::Deserialize;

use support::{JSON, builder, clock, github, send, signed};

#[derive(Deserialize)]
struct Yo {
    #[allow(dead_code, reason = "it is read, and that is all")]
    yo: bool,
}

const YO: &[u8] = br#"{"yo":true}"#;

/// The events of attempts, less what was measured, which has a test of its own.
fn told() -> Vec<String> {
    let measured = [" body_bytes=", " verdict_us="];
    let end = |line: &str| measured.iter().filter_map(|field| line.find(field)).min();
    let cut = |line: String| line[..end(&line).unwrap_or(line.len())].to_owned();
    log::take().into_iter().map(cut).collect()
}

#[actix_web::test]
async fn attempts_are_seen_with_their_code() {
    log::listen();
    let app = App::new().service(
        web::resource("/")
            .wrap(github())
            .to(|_: Webhook| async { "done" }),
    );
    let app = init_service(app).await;
    assert_eq!(send(&app, signed(GITHUB, "/", JSON, YO)).await.status, 200);
    assert_eq!(
        told(),
        [
            r#"DEBUG message=webhook attempt scheme="github" outcome="accepted" code="accepted" secret_label="secret-1""#
        ]
    );
    let unsigned = TestRequest::post().set_payload("{}").to_request();
    assert_eq!(send(&app, unsigned).await.status, 401);
    assert_eq!(
        told(),
        [
            r#"INFO message=webhook attempt scheme="github" outcome="refused" code="signature_missing" status=401 fault="sender" reason=the signature is missing"#
        ]
    );

    let intercom = Countersign::new(builder(INTERCOM, &clock()).build().unwrap());
    let app = App::new().service(
        web::resource("/")
            .wrap(intercom)
            .to(|_: Webhook| async { "done" }),
    );
    let app = init_service(app).await;
    let probe = TestRequest::default()
        .method(actix_web::http::Method::HEAD)
        .to_request();
    assert_eq!(send(&app, probe).await.status, 200);
    assert_eq!(
        told(),
        [
            r#"DEBUG message=webhook attempt scheme="intercom" outcome="answered" code="unsigned" status=200"#
        ]
    );
}

/// The task has the span of its request.
#[actix_web::test]
async fn with_a_store_each_delivery_is_told_once() {
    log::listen();
    let clock = clock();
    let store = MemoryStore::single_process_on(10, clock.clone());
    let receiver = builder(INTERCOM, &clock).store(store).build().unwrap();
    let _ = log::take();
    let app = App::new().service(
        web::resource("/")
            .wrap(Countersign::new(receiver))
            .to(|_: Webhook| async { "done" }),
    );
    let app = init_service(app).await;
    let body = br#"{"id":"notif_1"}"#;
    for code in ["done", "duplicate_replay"] {
        assert_eq!(
            send(&app, signed(INTERCOM, "/", JSON, body)).await.status,
            200
        );
        let lines = log::take();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(&format!(r#"code="{code}""#)), "{lines:?}");
    }
}

#[actix_web::test]
async fn a_forgotten_middleware_is_named_as_the_cause() {
    async fn json(_: Webhook<web::Json<Yo>>) -> &'static str {
        "read"
    }
    async fn alone(_: Payload<Yo>) -> &'static str {
        "read"
    }
    log::listen();
    let app = App::new()
        .route("/json", web::post().to(json))
        .route("/alone", web::post().to(alone));
    let app = init_service(app).await;
    for path in ["/json", "/alone"] {
        assert_eq!(send(&app, signed(GITHUB, path, JSON, YO)).await.status, 500);
        assert_eq!(
            log::take_from("countersign_actix"),
            [
                "ERROR message=a route takes a Webhook but no Countersign middleware is around it: every request to it is refused"
            ]
        );
    }
}

#[actix_web::test]
async fn a_genuine_delivery_that_is_turned_away_is_seen_without_its_body() {
    async fn json(_: Webhook<web::Json<Yo>>) -> &'static str {
        "read"
    }
    async fn alone(_: Payload<Yo>) -> &'static str {
        "read"
    }
    async fn inside(_: Webhook<Payload<Yo>>) -> &'static str {
        "read"
    }
    log::listen();
    let guarded = |path: &str| web::resource(path.to_owned()).wrap(github());
    let app = App::new()
        .service(guarded("/json").to(json))
        .service(guarded("/alone").to(alone))
        .service(guarded("/inside").to(inside));
    let app = init_service(app).await;
    for (path, status, rejection) in [
        ("/json", 400, "actix_web::types::json::Json<log::Yo>"),
        (
            "/alone",
            422,
            "countersign_actix::rejection::PayloadRejection",
        ),
        (
            "/inside",
            422,
            "countersign_actix::rejection::PayloadRejection",
        ),
    ] {
        let other = signed(GITHUB, path, JSON, br#"{"yo":"planted"}"#);
        assert_eq!(send(&app, other).await.status, status);
        let lines = log::take();
        assert_eq!(
            lines.last().unwrap(),
            &format!(
                r#"WARN message=verified webhook turned away: its payload could not be read scheme="github" rejection="{rejection}""#
            )
        );
        assert_eq!(lines.len(), 2, "accepted, and turned away: {lines:?}");
        assert!(!lines.concat().contains("planted"));
    }
}
