//! The same through actix-web: the receiver tells, whoever asks it.

use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error, web};
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
        Err(error) => error.as_response_error().status_code().as_u16(),
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
