//! The same through actix-web: the receiver tells, whoever asks it.

use std::fmt;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error, HttpResponse, ResponseError, web};
use bytes::Bytes;
use countersign::providers::{GITHUB, SLACK, STRIPE};
use countersign::{MemoryStore, Receiver};
use countersign_actix::{Countersign, Webhook};
use http::Request;

use crate::recorder::Recorder;
use crate::stage::{BODY, Stage, add, set, without};

fn actix(request: Request<Bytes>) -> actix_http::Request {
    let (head, body) = request.into_parts();
    let mut request = TestRequest::default()
        .method(head.method.as_str().parse().unwrap())
        .uri("/");
    for (name, value) in &head.headers {
        request = request.append_header((name.as_str(), value.as_bytes()));
    }
    request.set_payload(body).to_request()
}

async fn send(middleware: Countersign, request: Request<Bytes>) -> u16 {
    let resource = web::resource("/").wrap(middleware);
    let app = App::new().service(resource.to(|_: Webhook| async { "planted" }));
    status(&init_service(app).await, request).await
}

async fn status<S, B>(app: &S, request: Request<Bytes>) -> u16
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
{
    match app.call(actix(request)).await {
        Ok(response) => response.status().as_u16(),
        Err(error) => error.error_response().status().as_u16(),
    }
}

#[actix_web::test]
async fn each_attempt_is_told_once() {
    tokio::time::pause();
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let mut stage = Stage::new(&recorder);
    let stripe = stage.receiver(STRIPE);
    let github = stage.receiver(GITHUB);
    let genuine = stage.genuine(STRIPE, BODY);
    let of_github = stage.genuine(GITHUB, BODY);
    let mut get = of_github.clone();
    *get.method_mut() = http::Method::GET;
    const NAME: &str = "stripe-signature";
    let cases: [(&Receiver, Request<Bytes>, &'static str, u16); 9] = [
        (&stripe, genuine.clone(), "accepted", 200),
        (&github, of_github.clone(), "accepted", 200),
        (&github, get, "method_not_allowed", 405),
        (
            &github,
            set(of_github, "content-encoding", "planted"),
            "content_encoding_unsupported",
            415,
        ),
        (
            &stripe,
            without(genuine.clone(), NAME),
            "signature_missing",
            401,
        ),
        (
            &stripe,
            set(genuine.clone(), NAME, "planted"),
            "signature_malformed",
            400,
        ),
        (
            &stripe,
            add(genuine.clone(), NAME, "planted"),
            "signature_repeated",
            400,
        ),
        (&stripe, stage.forged(STRIPE), "signature_mismatch", 401),
        (
            &stripe,
            stage.genuine(STRIPE, r#"{"id":["planted"]}"#),
            "field_malformed",
            400,
        ),
    ];
    for (receiver, request, code, status) in cases {
        let answered = send(Countersign::new(receiver.clone()), request).await;
        assert_eq!(answered, status, "{code}");
        stage.one(code, Some(status).filter(|_| code != "accepted"));
    }
    let slack = stage.receiver(SLACK);
    let question = r#"{"type":"url_verification","challenge":"planted"}"#;
    let question = stage.genuine(SLACK, question);
    assert_eq!(send(Countersign::new(slack), question).await, 200);
    stage.one("handshake", 200);

    let store = MemoryStore::single_process_on(8, stage.clock);
    let receiver = stage.builder(STRIPE).store(store).build().unwrap();
    let resource = web::resource("/").wrap(Countersign::new(receiver));
    let app = App::new().service(resource.to(|_: Webhook| async { "planted" }));
    let app = init_service(app).await;
    for code in ["done", "duplicate_replay"] {
        assert_eq!(status(&app, genuine.clone()).await, 200);
        stage.one(code, 200);
    }
    // Whoever hangs up before the body was read.
    let left = app.call(actix(genuine));
    drop(left);
    stage.none();
}

/// Of an error, what it is answered with counts, as it says no more than that: `status_code` is 500 for all who leave it alone.
#[derive(Debug)]
struct Odd(StatusCode);

impl fmt::Display for Odd {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("odd")
    }
}

impl ResponseError for Odd {
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.0)
    }
}

#[actix_web::test]
async fn an_error_is_judged_and_told_by_its_answer() {
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let mut stage = Stage::new(&recorder);
    let store = MemoryStore::single_process_on(8, stage.clock);
    let receiver = stage.builder(STRIPE).store(store).build().unwrap();
    for (status, told) in [(409, "released"), (202, "done")] {
        let odd = StatusCode::from_u16(status).unwrap();
        let resource = web::resource("/")
            .wrap(from_fn(
                move |_: ServiceRequest, _: Next<BoxBody>| async move {
                    Err::<ServiceResponse<BoxBody>, _>(Odd(odd).into())
                },
            ))
            .wrap(Countersign::new(receiver.clone()));
        let app = App::new().service(resource.to(|_: Webhook| async { "planted" }));
        let genuine = stage.genuine(STRIPE, BODY);
        let app = init_service(app).await;
        assert_eq!(self::status(&app, genuine).await, status);
        stage.one(told, status);
    }
}

#[actix_web::test]
async fn who_cannot_wait_is_told_at_once_and_his_run_apart() {
    tokio::time::pause();
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let mut stage = Stage::new(&recorder);
    let store = MemoryStore::single_process_on(8, stage.clock);
    let builder = stage.builder(STRIPE).store(store);
    let receiver = builder.answer_within(Duration::from_secs(2)).build();
    let receiver = receiver.unwrap();
    let slow = |_: Webhook| async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        "planted"
    };
    let resource = web::resource("/").wrap(Countersign::new(receiver.clone()));
    let app = init_service(App::new().service(resource.to(slow))).await;
    let genuine = stage.genuine(STRIPE, BODY);
    assert_eq!(status(&app, genuine).await, 503);
    stage.one("unfinished", 503);
    tokio::time::sleep(Duration::from_secs(10)).await;
    stage.late("done", 200);

    // Hung up: as a task it goes on, in place it ends with its sender.
    for (middleware, is_task) in [
        (Countersign::new(receiver.clone()), true),
        (Countersign::new(receiver).in_place(), false),
    ] {
        let resource = web::resource("/").wrap(middleware);
        let app = init_service(App::new().service(resource.to(slow))).await;
        let body = BODY.replace("evt_1", if is_task { "evt_2" } else { "evt_3" });
        let genuine = stage.genuine(STRIPE, &body);
        let mut left = Box::pin(app.call(actix(genuine)));
        let waker = std::task::Waker::noop();
        let mut cx = std::task::Context::from_waker(waker);
        assert!(left.as_mut().poll(&mut cx).is_pending());
        tokio::task::yield_now().await;
        drop(left);
        if is_task {
            stage.none();
            tokio::time::sleep(Duration::from_secs(10)).await;
            stage.one("done", 200);
        } else {
            stage.one("dropped", None);
        }
    }
}
