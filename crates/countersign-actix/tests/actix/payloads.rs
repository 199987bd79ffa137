//! What actix-web's extractors make of a verified body, and whose settings apply.

use actix_web::error::{InternalError, JsonPayloadError};
use actix_web::http::StatusCode;
use actix_web::test::init_service;
use actix_web::web::{self, Bytes, FormConfig, JsonConfig, PayloadConfig};
use actix_web::{App, HttpMessage};
use countersign_actix::providers::GITHUB;
use countersign_actix::{Countersign, Payload, Webhook};
use serde::Deserialize;

use crate::support::{FORM, JSON, builder, clock, github, send, signed};

#[derive(Debug, Deserialize)]
struct Event {
    number: u32,
    #[serde(default)]
    padding: String,
}

async fn json(Webhook { payload, .. }: Webhook<web::Json<Event>>) -> String {
    format!("{} and {}", payload.number, payload.padding.len())
}

async fn form(Webhook { payload, .. }: Webhook<web::Form<Event>>) -> String {
    format!("{} and {}", payload.number, payload.padding.len())
}

async fn bytes(Webhook { payload, .. }: Webhook<Bytes>) -> String {
    format!("{} bytes", payload.len())
}

async fn text(Webhook { payload, .. }: Webhook<String>) -> String {
    format!("{} bytes", payload.len())
}

async fn read(Payload(event): Payload<Event>) -> String {
    format!("{} and {}", event.number, event.padding.len())
}

async fn both(Webhook { delivery, payload }: Webhook<Payload<Event>>) -> String {
    format!("{} of {}", payload.0.number, delivery.body().len())
}

fn padded(len: usize) -> Vec<u8> {
    format!(r#"{{"number":7,"padding":"{}"}}"#, "x".repeat(len)).into_bytes()
}

fn padded_form(len: usize) -> Vec<u8> {
    format!("number=7&padding={}", "x".repeat(len)).into_bytes()
}

#[actix_web::test]
async fn each_extractor_reads_the_verified_body() {
    let guarded = |path: &str| web::resource(path.to_owned()).wrap(github());
    let app = App::new()
        .service(guarded("/json").to(json))
        .service(guarded("/form").to(form))
        .service(guarded("/bytes").to(bytes))
        .service(guarded("/text").to(text))
        .service(guarded("/payload").to(read))
        .service(guarded("/both").to(both));
    let app = init_service(app).await;
    let event = br#"{"number":7}"#.as_slice();
    let wrapped = b"payload=%7B%22number%22%3A7%7D".as_slice();
    for (path, kind, body, status, text) in [
        ("/json", JSON, event, 200, "7 and 0"),
        ("/form", FORM, b"number=7", 200, "7 and 0"),
        ("/bytes", JSON, event, 200, "12 bytes"),
        ("/text", JSON, event, 200, "12 bytes"),
        ("/payload", JSON, event, 200, "7 and 0"),
        ("/payload", FORM, wrapped, 200, "7 and 0"),
        ("/both", JSON, event, 200, "7 of 12"),
        (
            "/payload",
            JSON,
            br#"{"number":"7"}"#,
            422,
            "the JSON payload does not fit the type asked for, at `number`: invalid type: string \"7\", expected u32 at line 1 column 13",
        ),
        ("/payload", JSON, b"{", 400, "bad request\n"),
    ] {
        let reply = send(&app, signed(GITHUB, path, kind, body)).await;
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (status, text),
            "{path} {kind}"
        );
    }
    // The errors of actix-web's own extractors stay what they are.
    let other_kind = send(&app, signed(GITHUB, "/json", FORM, b"number=7")).await;
    assert_eq!(other_kind.status, 400);
    assert!(other_kind.body.contains("ontent type"), "{other_kind:?}");
    let other_type = send(&app, signed(GITHUB, "/json", JSON, br#"{"number":"7"}"#)).await;
    assert_eq!(other_type.status, 400);
}

/// actix-web's own limits, 2 MiB, 16 KiB and 256 KiB, are not what a receiver was told.
#[actix_web::test]
async fn the_receivers_limit_is_the_only_one() {
    let receiver = builder(GITHUB, &clock()).max_body(3 << 20).build().unwrap();
    let guard = Countersign::new(receiver);
    let guarded = |path: &str| web::resource(path.to_owned()).wrap(guard.clone());
    let small = || {
        App::new()
            .app_data(JsonConfig::default().limit(10))
            .app_data(web::Data::new(FormConfig::default().limit(10)))
            .app_data(PayloadConfig::default().limit(10))
    };
    for app in [App::new(), small()] {
        let app = app
            .service(guarded("/json").to(json))
            .service(
                guarded("/form")
                    .app_data(FormConfig::default().limit(10))
                    .to(form),
            )
            .service(guarded("/bytes").to(bytes))
            .service(guarded("/text").to(text));
        let app = init_service(app).await;
        let len = (2 << 20) + 1_000;
        for (path, kind, body, told) in [
            ("/json", JSON, padded(len), format!("7 and {len}")),
            ("/form", FORM, padded_form(len), format!("7 and {len}")),
            (
                "/bytes",
                JSON,
                padded(len),
                format!("{} bytes", padded(len).len()),
            ),
            (
                "/text",
                JSON,
                padded(len),
                format!("{} bytes", padded(len).len()),
            ),
        ] {
            let reply = send(&app, signed(GITHUB, path, kind, &body)).await;
            assert_eq!((reply.status, reply.body), (200, told), "{path}");
        }
        let over = send(&app, signed(GITHUB, "/json", JSON, &padded(3 << 20))).await;
        over.is(413, "payload too large\n");
    }
}

#[actix_web::test]
async fn settings_of_the_app_apply() {
    let config = JsonConfig::default()
        .content_type(|kind| kind == "text/plain")
        .error_handler(|error: JsonPayloadError, _| {
            InternalError::new(error, StatusCode::IM_A_TEAPOT).into()
        });
    let app = App::new()
        .app_data(web::Data::new(config))
        .service(web::resource("/").wrap(github()).to(json));
    let app = init_service(app).await;
    let plain = send(&app, signed(GITHUB, "/", JSON, br#"{"number":"7"}"#)).await;
    assert_eq!(plain.status, 418);
}

#[actix_web::test]
async fn nothing_between_can_exchange_the_body() {
    use actix_web::dev::Service;

    let app = App::new().service(
        web::resource("/")
            .wrap_fn(|mut request, inner| {
                drop(request.take_payload());
                request.set_payload(Bytes::from_static(br#"{"number":666}"#).into());
                inner.call(request)
            })
            .wrap(github())
            .to(json),
    );
    let app = init_service(app).await;
    send(&app, signed(GITHUB, "/", JSON, br#"{"number":7}"#))
        .await
        .is(200, "7 and 0");
}
