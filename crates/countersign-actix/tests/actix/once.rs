//! A receiver with a store: tasks on actix-web's runtime, and what comes back from them.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::Service;
use actix_web::http::StatusCode;
use actix_web::test::init_service;
use actix_web::{App, HttpResponse, Responder, rt, web};
use countersign_actix::danger::Deduplicate;
use countersign_actix::providers::{INTERCOM, TWILIO};
use countersign_actix::{
    Claim, ClaimReply, DeliveryStore, Extend, ExtendReply, ForgetReply, IdempotencyKey, Release,
    ReleaseReply, Settle, SettleReply, Unavailable,
};
use countersign_actix::{
    Countersign, ForGood, Lease, MemoryStore, Once, Outcome, OutcomeKind, Receiver, Refusal,
    Secret, Webhook,
};
use countersign_testkit::{ManualClock, Sender};

use crate::support::{JSON, Reply, SECRET, answered, builder, clock, send, signed};

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

/// How often the handler ran, and how far it came.
#[derive(Clone, Default)]
struct Runs {
    began: Rc<Cell<u32>>,
    ended: Rc<Cell<u32>>,
}

fn one_more(count: &Cell<u32>) {
    count.set(count.get().saturating_add(1));
}

/// Lets everything else go on for a while.
async fn turns(count: usize) {
    for _ in 0..count {
        rt::task::yield_now().await;
    }
}

macro_rules! app {
    ($guard:expr, $handler:expr) => {
        init_service(App::new().service(web::resource("/").wrap($guard).to($handler))).await
    };
}

#[actix_web::test]
async fn what_was_done_is_not_done_again_and_what_failed_runs_again() {
    let clock = clock();
    let receiver = receiver(&clock);
    let seen = Runs::default();
    let runs = seen.clone();
    let app = app!(
        Countersign::new(receiver.clone()),
        move |lease: web::ReqData<Lease>, _: Webhook| {
            one_more(&runs.began);
            let status = if lease.attempt() == 1 { 502 } else { 202 };
            async move { HttpResponse::new(StatusCode::from_u16(status).unwrap()) }
        }
    );
    for (status, outcome) in [(502, "released"), (202, "done"), (202, "duplicate_replay")] {
        let response = app.call(attempt()).await.unwrap();
        let code = response
            .response()
            .extensions()
            .get::<Outcome>()
            .map(Outcome::code);
        assert_eq!((response.status().as_u16(), code), (status, Some(outcome)));
    }
    let counts = receiver.counts();
    assert_eq!((counts.released, counts.done, counts.duplicates), (1, 1, 1));
    assert_eq!(seen.began.get(), 2);
}

#[actix_web::test]
async fn failed_for_good_never_runs_again() {
    async fn handler(_: Webhook) -> ForGood<impl Responder> {
        ForGood(("no such order", StatusCode::UNPROCESSABLE_ENTITY))
    }
    let receiver = receiver(&clock());
    let app = app!(Countersign::new(receiver.clone()), handler);
    send(&app, attempt()).await.is(422, "no such order");
    send(&app, attempt()).await.is(200, "");
    let counts = receiver.counts();
    assert_eq!((counts.failed, counts.duplicates), (1, 1));
}

/// Twilio reads what is answered, so duplicates get it again.
#[actix_web::test]
async fn an_answer_that_its_sender_reads_is_given_again() {
    let long = 16 * 1_024;
    for (body, again) in [(0, true), (100, true), (long, true), (long + 1, false)] {
        let clock = clock();
        let secret = Secret::new(SECRET).unwrap();
        let receiver = Receiver::builder(TWILIO, secret)
            .clock(clock.clone())
            .public_url("https://example.com")
            .store(MemoryStore::single_process_on(10, clock.clone()))
            .deduplicate(Deduplicate::ByContent)
            .build()
            .unwrap();
        let app = app!(Countersign::new(receiver), move |_: Webhook| async move {
            HttpResponse::Ok()
                .content_type("text/xml")
                .body("x".repeat(body))
        });
        let call = || {
            let sender = Sender::new(TWILIO, SECRET).url("https://example.com/");
            let (head, body) = sender.send("CallSid=CA1").into_parts();
            let mut request = actix_web::test::TestRequest::post();
            for (name, value) in &head.headers {
                request = request.append_header((name.as_str(), value.as_bytes()));
            }
            request.set_payload(body).to_request()
        };
        let first = send(&app, call()).await;
        assert_eq!((first.status, first.body.len()), (200, body));
        assert_eq!(first.header("content-type"), Some("text/xml"));
        let second = send(&app, call()).await;
        let expected = if again { first.body } else { String::new() };
        assert_eq!((second.status, second.body), (200, expected));
        let kind = second
            .headers
            .get("content-type")
            .map(|kind| kind.as_bytes());
        assert_eq!(kind, again.then_some(b"text/xml".as_slice()));
    }
}

#[actix_web::test]
async fn a_panic_is_answered_500_and_the_retry_runs() {
    let receiver = receiver(&clock());
    let runs = Runs::default();
    let app = app!(Countersign::new(receiver.clone()), move |_: Webhook| {
        one_more(&runs.began);
        let is_first = runs.began.get() == 1;
        async move {
            assert!(!is_first, "a handler that panics, as planned");
            "done"
        }
    });
    send(&app, attempt())
        .await
        .is(500, "internal server error\n");
    send(&app, attempt()).await.is(200, "done");
    assert_eq!(receiver.counts().panicked, 1);
}

/// Whoever sent an attempt goes away after any number of polls: the run goes on by itself, and the retry is told what it came to.
#[actix_web::test]
async fn a_task_survives_its_sender() {
    let mut began = Vec::new();
    for polls in 0..200 {
        let receiver = receiver(&clock());
        let seen = Runs::default();
        let runs = seen.clone();
        let app = app!(Countersign::new(receiver.clone()), move |_: Webhook| {
            let runs = runs.clone();
            async move {
                one_more(&runs.began);
                turns(3).await;
                one_more(&runs.ended);
                "done"
            }
        });
        let mut completed = false;
        {
            let mut call = Box::pin(app.call(attempt()));
            for _ in 0..polls {
                let polled = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_ready())).await;
                turns(1).await;
                if polled {
                    completed = true;
                    break;
                }
            }
        }
        turns(50).await;
        assert_eq!(seen.began.get(), seen.ended.get(), "after {polls} polls");
        began.push(seen.began.get());
        // Once it has begun, the retry is a copy.
        let told = if seen.began.get() == 0 { "done" } else { "" };
        send(&app, attempt()).await.is(200, told);
        assert_eq!(seen.ended.get(), 1, "after {polls} polls");
        let counts = receiver.counts();
        assert_eq!((counts.done, counts.dropped), (1, 0));
        if completed {
            // Before and after the run had begun.
            assert!(began.contains(&0) && began.contains(&1), "{began:?}");
            return;
        }
    }
    panic!("it never completes");
}

#[actix_web::test]
async fn in_place_a_run_ends_with_its_sender() {
    let clock = clock();
    let receiver = receiver(&clock);
    let app = app!(
        Countersign::new(receiver.clone()).in_place(),
        |_: Webhook| async {
            turns(3).await;
            "done"
        }
    );
    {
        let mut call = pin!(app.call(attempt()));
        let polled = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_ready())).await;
        assert!(!polled);
    }
    turns(50).await;
    assert_eq!((receiver.counts().done, receiver.counts().dropped), (0, 1));
    let busy = send(&app, attempt()).await;
    assert_eq!((busy.status, busy.header("retry-after")), (503, Some("60")));
    clock.advance(Duration::from_secs(60));
    send(&app, attempt()).await.is(200, "done");
}

#[actix_web::test]
async fn a_copy_is_busy_while_the_first_one_runs() {
    let receiver = receiver(&clock());
    let (open, gate) = tokio::sync::watch::channel(false);
    let app = app!(Countersign::new(receiver.clone()), move |_: Webhook| {
        let mut gate = gate.clone();
        async move {
            gate.wait_for(|open| *open).await.unwrap();
            "done"
        }
    });
    let first = rt::spawn(app.call(attempt()));
    turns(20).await;
    let copy = send(&app, attempt()).await;
    assert_eq!((copy.status, copy.header("retry-after")), (503, Some("60")));
    open.send(true).unwrap();
    answered(first.await.unwrap()).await.is(200, "done");
    send(&app, attempt()).await.is(200, "");
}

/// Shortly before its sender stops waiting it is told to come again; the run goes on.
#[actix_web::test]
async fn an_unfinished_run_is_answered_in_time() {
    let clock = clock();
    let receiver = builder(INTERCOM, &clock)
        .store(MemoryStore::single_process_on(10, clock.clone()))
        .answer_within(Duration::from_secs(5))
        .build()
        .unwrap();
    let (open, gate) = tokio::sync::watch::channel(false);
    let app = app!(Countersign::new(receiver.clone()), move |_: Webhook| {
        let mut gate = gate.clone();
        async move {
            gate.wait_for(|open| *open).await.unwrap();
            "done"
        }
    });
    let first = rt::spawn(app.call(attempt()));
    turns(20).await;
    clock.advance(receiver.answer_after().unwrap());
    let answer = first.await.unwrap();
    let error = answer.as_ref().err().map(ToString::to_string);
    assert_eq!(error, Some(Refusal::Unfinished.to_string()));
    let reply: Reply = answered(answer).await;
    assert_eq!(reply.status, 503);
    open.send(true).unwrap();
    turns(20).await;
    let response = app.call(attempt()).await.unwrap();
    let outcome = response
        .response()
        .extensions()
        .get::<Outcome>()
        .cloned()
        .unwrap();
    assert!(matches!(outcome.kind, OutcomeKind::Duplicate { .. }));
    assert_eq!(
        (receiver.counts().unfinished, receiver.counts().done),
        (1, 1)
    );
}

#[actix_web::test]
async fn after_drain_nothing_begins() {
    let clock = clock();
    let receiver = receiver(&clock);
    let app = app!(Countersign::new(receiver.clone()), |_: Webhook| async {
        "done"
    });
    send(&app, attempt()).await.is(200, "done");
    assert_eq!(receiver.drain(Duration::from_secs(30)).await, Ok(()));
    let reply = send(&app, signed(INTERCOM, "/", JSON, br#"{"id":"notif_2"}"#)).await;
    assert_eq!(reply.status, 503);
    let response = app.call(attempt()).await.unwrap();
    let refusal = response.response().extensions().get::<Refusal>().cloned();
    assert_eq!(refusal, Some(Refusal::ShuttingDown));
}

/// Its first settles do not arrive.
struct Lossy {
    store: MemoryStore,
    losses: AtomicU32,
}

impl DeliveryStore for Lossy {
    async fn claim(&self, claim: Claim) -> Result<ClaimReply, Unavailable> {
        self.store.claim(claim).await
    }

    async fn settle(&self, settle: Settle) -> Result<SettleReply, Unavailable> {
        let left = |losses: u32| losses.checked_sub(1);
        let lost = self
            .losses
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left);
        match lost {
            Ok(_) => Err(Unavailable::new("lost on its way")),
            Err(_) => self.store.settle(settle).await,
        }
    }

    async fn release(&self, release: Release) -> Result<ReleaseReply, Unavailable> {
        self.store.release(release).await
    }

    async fn extend(&self, extend: Extend) -> Result<ExtendReply, Unavailable> {
        self.store.extend(extend).await
    }

    async fn forget(&self, key: IdempotencyKey) -> Result<ForgetReply, Unavailable> {
        self.store.forget(key).await
    }
}

/// The sender is answered, and the record is tried again behind the answer.
#[actix_web::test]
async fn what_could_not_be_recorded_is_recorded_behind_the_answer() {
    let clock = clock();
    let store = Lossy {
        store: MemoryStore::single_process_on(10, clock.clone()),
        losses: AtomicU32::new(3),
    };
    let receiver = builder(INTERCOM, &clock).store(store).build().unwrap();
    let app = app!(Countersign::new(receiver.clone()), |_: Webhook| async {
        "done"
    });
    send(&app, attempt()).await.is(200, "done");
    assert_eq!(send(&app, attempt()).await.status, 503);
    for _ in 0..10 {
        clock.advance(Duration::from_secs(1));
        turns(20).await;
    }
    send(&app, attempt()).await.is(200, "");
    assert_eq!(receiver.counts().duplicates, 1);
    assert_eq!(receiver.drain(Duration::from_secs(1)).await, Ok(()));
}
