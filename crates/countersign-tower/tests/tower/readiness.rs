//! The instance that was ready is the one that is called.
//!
//! A webhook library panicked when it was layered over `ConcurrencyLimit`: it called a clone of the inner service that had never been
//! polled ready.

use std::convert::Infallible;
use std::future::{self, Future, Ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use countersign_tower::{Countersign, CountersignLayer, VerifiedBody};
use http::{Request, Response};
use tower::buffer::BufferLayer;
use tower::limit::ConcurrencyLimitLayer;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

use crate::support::{GITHUB_BODY, Scripted, Seen, Step, github, ready, scripted, signed};

fn genuine(steps: impl IntoIterator<Item = Step>) -> Request<Scripted> {
    let body = steps.into_iter().chain([Step::Data(GITHUB_BODY)]);
    signed().body(scripted(body).0).unwrap()
}

fn forged() -> Request<Scripted> {
    let body = [Step::Waits(1), Step::Data("Hello, World?")];
    signed().body(scripted(body).0).unwrap()
}

fn unsigned() -> Request<Scripted> {
    Request::post("/").body(scripted([]).0).unwrap()
}

/// Panics unless this very instance was polled ready since it was last called; a clone never was.
struct Strict {
    is_ready: bool,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { is_ready: false }
    }
}

impl Service<Request<VerifiedBody>> for Strict {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<VerifiedBody>) -> Self::Future {
        assert!(self.is_ready, "called without being ready");
        self.is_ready = false;
        future::ready(Ok(Response::new("done".into())))
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_is_called_only_when_it_is_ready() {
    let mut service = Countersign::new(Strict { is_ready: false }, github());
    for request in [genuine([]), genuine([Step::Waits(1)]), genuine([])] {
        let response = ready(&mut service).await.call(request).await.unwrap();
        assert_eq!(response.status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_whose_bodies_are_read_at_once_each_have_their_own() {
    let mut service = Countersign::new(Strict { is_ready: false }, github());
    let first = ready(&mut service).await.call(genuine([Step::Waits(2)]));
    let second = ready(&mut service).await.call(genuine([Step::Waits(1)]));
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap().status(), 200);
    assert_eq!(second.unwrap().status(), 200);
}

/// Counts how many run at once, each for a second.
fn slow(
    running: &Arc<AtomicUsize>,
    most: &Arc<AtomicUsize>,
) -> impl Service<Request<VerifiedBody>, Response = Response<String>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    let (running, most) = (Arc::clone(running), Arc::clone(most));
    service_fn(move |_: Request<VerifiedBody>| {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        async move {
            let now = running.fetch_add(1, Ordering::SeqCst).saturating_add(1);
            most.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(Response::new("done".into()))
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_concurrency_limit_holds() {
    let (running, most) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let service = ServiceBuilder::new()
        .layer(CountersignLayer::new(github()))
        .layer(ConcurrencyLimitLayer::new(2))
        .service(slow(&running, &most));
    let attempts: Vec<_> = (0..5)
        .map(|_| service.clone().oneshot(genuine([Step::Waits(1)])))
        .collect();
    let attempts = attempts.into_iter().map(tokio::spawn).collect::<Vec<_>>();
    for attempt in attempts {
        assert_eq!(attempt.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

/// A stranger without a key could hold every slot: the inner service was reserved while the unverified body was read.
#[tokio::test(start_paused = true)]
async fn a_stalled_forgery_takes_no_slot() {
    let seen = Seen::default();
    let limited = ServiceBuilder::new()
        .layer(CountersignLayer::new(github()))
        .layer(ConcurrencyLimitLayer::new(1))
        .service(seen.service());
    let buffered = ServiceBuilder::new()
        .layer(CountersignLayer::new(github()))
        .layer(BufferLayer::new(1))
        .service(seen.service());
    let mut cx = Context::from_waker(Waker::noop());
    let started = tokio::time::Instant::now();

    let mut stalled = Box::pin(limited.clone().oneshot(genuine([Step::Stalls])));
    assert!(stalled.as_mut().poll(&mut cx).is_pending());
    assert_eq!(limited.oneshot(genuine([])).await.unwrap().status(), 200);

    let mut stalled_too = Box::pin(buffered.clone().oneshot(genuine([Step::Stalls])));
    assert!(stalled_too.as_mut().poll(&mut cx).is_pending());
    assert_eq!(buffered.oneshot(genuine([])).await.unwrap().status(), 200);

    assert_eq!(
        started.elapsed(),
        Duration::ZERO,
        "before the forgery's deadline"
    );
    assert_eq!(seen.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_buffer_holds() {
    let seen = Seen::default();
    let mut service = ServiceBuilder::new()
        .layer(CountersignLayer::new(github()))
        .layer(BufferLayer::new(1))
        .service(seen.service());
    for (request, status) in [
        (genuine([Step::Waits(1)]), 200),
        (forged(), 401),
        (unsigned(), 401),
        (genuine([]), 200),
    ] {
        let response = ready(&mut service).await.call(request).await.unwrap();
        assert_eq!(response.status(), status);
    }
    assert_eq!(seen.count(), 2);
}

/// A clone shares the receiver and not the readiness.
#[tokio::test]
async fn a_clone_of_the_service_asks_again() {
    let mut service = Countersign::new(Strict { is_ready: false }, github());
    ready(&mut service).await;
    let response = pin!(service.clone().oneshot(genuine([]))).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(service.call(genuine([])).await.unwrap().status(), 200);
}
