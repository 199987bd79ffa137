//! What becomes of answers that are errors, streams or encoded, and what is told to whoever stands outside.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::error::{InternalError, UrlGenerationError};
use actix_web::http::StatusCode;
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{self, Bytes};
use actix_web::{App, Error, HttpRequest, HttpResponse, rt};
use countersign_actix::danger::Deduplicate;
use countersign_actix::providers::{INTERCOM, TWILIO};
use countersign_actix::{
    Countersign, Lease, MemoryStore, Once, Outcome, OutcomeKind, Receiver, Refusal, RefusedRun,
    Secret, Webhook,
};
use countersign_testkit::{ManualClock, Sender};

use crate::support::{JSON, SECRET, answered, builder, clock, github, send, signed};

const BODY: &[u8] = br#"{"id":"notif_1","topic":"user.created"}"#;

fn receiver(clock: &ManualClock) -> Receiver<Once<MemoryStore>> {
    builder(INTERCOM, clock)
        .store(MemoryStore::single_process_on(1_000, clock.clone()))
        .build()
        .unwrap()
}

fn attempt() -> actix_http::Request {
    signed(INTERCOM, "/", JSON, BODY)
}

fn twilio(clock: &ManualClock) -> Receiver<Once<MemoryStore>> {
    Receiver::builder(TWILIO, Secret::new(SECRET).unwrap())
        .clock(clock.clone())
        .public_url("https://example.com")
        .store(MemoryStore::single_process_on(10, clock.clone()))
        .deduplicate(Deduplicate::ByContent)
        .build()
        .unwrap()
}

fn call() -> actix_http::Request {
    let sender = Sender::new(TWILIO, SECRET).url("https://example.com/");
    let (head, body) = sender.send("CallSid=CA1").into_parts();
    let mut request = TestRequest::post();
    for (name, value) in &head.headers {
        request = request.append_header((name.as_str(), value.as_bytes()));
    }
    request.set_payload(body).to_request()
}

/// In actix-web an error has a status, and the sender goes by it.
#[actix_web::test]
async fn an_error_is_judged_by_its_status() {
    for (status, done, released) in [(202, 1, 0), (404, 0, 1), (503, 0, 1)] {
        let receiver = receiver(&clock());
        let app = App::new().service(
            web::resource("/")
                .wrap_fn(move |request, inner| {
                    drop(inner.call(request));
                    let response = HttpResponse::new(StatusCode::from_u16(status).unwrap());
                    let error: Error = InternalError::from_response("early", response).into();
                    async { Err::<ServiceResponse, _>(error) }
                })
                .wrap(Countersign::new(receiver.clone()))
                .to(|_: Webhook| async { "done" }),
        );
        let app = init_service(app).await;
        assert_eq!(send(&app, attempt()).await.status, status);
        let counts = receiver.counts();
        assert_eq!((counts.done, counts.released), (done, released), "{status}");
    }
}

/// Such an error gives its response away once: the sender gets it all the same, and whoever looks at an error that does not finds his own.
#[actix_web::test]
async fn an_error_is_answered_as_it_would_have_been() {
    for (status, text) in [
        (500, "sold out"),
        (500, ""),
        (202, "later"),
        (503, "closed"),
    ] {
        let app = App::new().service(
            web::resource("/")
                .wrap_fn(move |request, inner| {
                    drop(inner.call(request));
                    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
                    let response = response.insert_header(("x-why", "stock")).body(text);
                    let error: Error = InternalError::from_response("early", response).into();
                    async { Err::<ServiceResponse, _>(error) }
                })
                .wrap(Countersign::new(receiver(&clock())))
                .to(|_: Webhook| async { "done" }),
        );
        let app = init_service(app).await;
        let error = app.call(attempt()).await.err().unwrap();
        assert_eq!(error.to_string(), "early");
        let response = error.error_response();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers().get("x-why").unwrap(), "stock");
        let body = actix_web::body::to_bytes(response.into_body())
            .await
            .unwrap();
        assert_eq!(body, text);
    }
    let app = App::new().service(
        web::resource("/")
            .wrap_fn(|request, inner| {
                drop(inner.call(request));
                async { Err::<ServiceResponse, Error>(UrlGenerationError::ResourceNotFound.into()) }
            })
            .wrap(Countersign::new(receiver(&clock())))
            .to(|_: Webhook| async { "done" }),
    );
    let error = init_service(app).await.call(attempt()).await.err().unwrap();
    assert!(error.as_error::<UrlGenerationError>().is_some());
}

/// A log, say, that makes the response of an error to see its status.
fn looked_at(answer: Result<ServiceResponse<impl MessageBody>, Error>) -> Error {
    let error = answer.err().unwrap();
    let first = error.error_response();
    let second = error.error_response();
    assert_eq!(first.status(), second.status());
    let told = second.extensions().get::<Refusal>().cloned();
    let refused: &RefusedRun = error.as_error().unwrap();
    assert_eq!(told.as_ref(), Some(refused.refusal()));
    let outcome = second.extensions().get::<Outcome>().cloned();
    assert_eq!(outcome.as_ref(), Some(refused.outcome()));
    error
}

#[actix_web::test]
async fn whoever_looks_at_a_refused_run_changes_nothing() {
    let planned = receiver(&clock());
    let app = App::new().service(web::resource("/").wrap(Countersign::new(planned)).to(
        |_: Webhook| async {
            assert!(
                std::hint::black_box(false),
                "a handler that panics, as planned"
            );
            "done"
        },
    ));
    let app = init_service(app).await;
    let error = looked_at(app.call(attempt()).await);
    assert_eq!(error.to_string(), Refusal::HandlerPanicked.to_string());
    let reply = answered::<Bytes>(Err(error)).await;
    reply.is(500, "internal server error\n");

    let clock = clock();
    let receiver = builder(INTERCOM, &clock)
        .store(MemoryStore::single_process_on(10, clock.clone()))
        .answer_within(Duration::from_secs(5))
        .build()
        .unwrap();
    let app = App::new().service(
        web::resource("/")
            .wrap(Countersign::new(receiver.clone()))
            .to(|_: Webhook| async {
                std::future::pending::<()>().await;
                "never"
            }),
    );
    let app = init_service(app).await;
    let first = rt::spawn(app.call(attempt()));
    for _ in 0..20 {
        rt::task::yield_now().await;
    }
    clock.advance(receiver.answer_after().unwrap());
    let error = looked_at(first.await.unwrap());
    let reply = answered::<Bytes>(Err(error)).await;
    reply.is(503, "service unavailable\n");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert!(reply.header("retry-after").is_some());
}

/// `from_fn` with a request as an argument holds a clone of it.
#[actix_web::test]
async fn a_middleware_outside_may_hold_the_request_of_a_short_delivery() {
    async fn outer(
        request: HttpRequest,
        inner: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let answer = next.call(inner).await;
        assert_eq!(request.path(), "/");
        answer
    }
    let app = App::new().service(
        web::resource("/")
            .wrap(Countersign::new(receiver(&clock())))
            .wrap(from_fn(outer))
            .to(|_: Webhook| async { "done" }),
    );
    let app = init_service(app).await;
    send(&app, attempt()).await.is(200, "done");
}

#[actix_web::test]
async fn the_lease_of_a_receiver_outside_is_not_the_handlers() {
    let inner = builder(INTERCOM, &clock()).build().unwrap();
    let outer = receiver(&clock());
    let app = App::new()
        .wrap(Countersign::new(outer))
        .service(web::resource("/").wrap(Countersign::new(inner)).to(
        |lease: Option<web::ReqData<Lease>>, _: Webhook| async move { lease.is_some().to_string() },
    ));
    let app = init_service(app).await;
    send(&app, attempt()).await.is(200, "false");
}

#[actix_web::test]
async fn a_handler_of_actix_webs_own_gets_the_verified_body() {
    let app = App::new().service(
        web::resource("/")
            .wrap(github())
            .to(|body: Bytes| async move { format!("{} bytes", body.len()) }),
    );
    let app = init_service(app).await;
    let reply = send(
        &app,
        signed(countersign_actix::providers::GITHUB, "/", JSON, b"{}"),
    )
    .await;
    reply.is(200, "2 bytes");
}

/// So many pieces of 1,000 bytes, then an end or an error.
struct Pieces(usize, BodySize, bool);

impl MessageBody for Pieces {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        self.1
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        let Some(left) = self.0.checked_sub(1) else {
            return Poll::Ready(self.2.then(|| Err(io::Error::other("broken off"))));
        };
        self.0 = left;
        Poll::Ready(Some(Ok(vec![b'x'; 1_000].into())))
    }
}

#[actix_web::test]
async fn a_streamed_answer_comes_whole_and_again_if_it_is_short() {
    use BodySize::{Sized, Stream};
    for (pieces, size, again) in [
        (3, Stream, 3_000),
        (3, Sized(3_000), 3_000),
        (16, Stream, 16_000),
        (17, Stream, 0),
        (40, Sized(40_000), 0),
    ] {
        let app = App::new().service(
            web::resource("/")
                .wrap(Countersign::new(twilio(&clock())))
                .to(move |_: Webhook| async move {
                    HttpResponse::Ok().message_body(Pieces(pieces, size, false))
                }),
        );
        let app = init_service(app).await;
        for len in [pieces.saturating_mul(1_000), again] {
            let response = app.call(call()).await.unwrap();
            let body = to_bytes(response.into_body()).await.ok().unwrap();
            assert_eq!(body.len(), len, "{pieces} {size:?}");
        }
    }
}

#[actix_web::test]
async fn an_answer_that_breaks_off_is_none() {
    let receiver = twilio(&clock());
    let app = App::new().service(
        web::resource("/")
            .wrap(Countersign::new(receiver.clone()))
            .to(|_: Webhook| async {
                HttpResponse::Ok().message_body(Pieces(2, BodySize::Stream, true))
            }),
    );
    let app = init_service(app).await;
    send(&app, call()).await.is(500, "internal server error\n");
    assert_eq!((receiver.counts().done, receiver.counts().released), (0, 1));
}

#[actix_web::test]
async fn an_encoded_answer_is_not_given_again() {
    for (encoding, again) in [("identity", "packed"), ("gzip", ""), ("br", "")] {
        let app = App::new().service(
            web::resource("/")
                .wrap(Countersign::new(twilio(&clock())))
                .to(move |_: Webhook| async move {
                    HttpResponse::Ok()
                        .insert_header(("content-encoding", encoding))
                        .body("packed")
                }),
        );
        let app = init_service(app).await;
        send(&app, call()).await.is(200, "packed");
        send(&app, call()).await.is(200, again);
    }
}

#[actix_web::test]
async fn outcomes_are_told_to_whoever_stands_outside() {
    let app = App::new().service(
        web::resource("/")
            .wrap(Countersign::new(receiver(&clock())))
            .to(|_: Webhook| async { "done" }),
    );
    let app = init_service(app).await;
    for is_first in [true, false] {
        let response = app.call(attempt()).await.unwrap();
        let outcome = response
            .response()
            .extensions()
            .get::<Outcome>()
            .cloned()
            .unwrap();
        assert_eq!(outcome.kind == OutcomeKind::Done, is_first);
    }
}
