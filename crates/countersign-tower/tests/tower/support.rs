//! Published vectors, a scripted body, and a service that writes down what it gets.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use countersign_testkit::ManualClock;
use countersign_tower::{Countersign, Receiver, VerifiedBody, danger, providers};
use http::request::{Builder, Parts};
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use pin_project_lite::pin_project;
use tower::{Service, ServiceExt, service_fn};

/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
pub(crate) const GITHUB_SECRET: &str = "It's a Secret to Everybody";
pub(crate) const GITHUB_BODY: &str = "Hello, World!";
pub(crate) const GITHUB_SIGNATURE: &str =
    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

/// <https://github.com/stripe/stripe-dotnet> src/StripeTests/Services/Events/EventUtilityTest.cs, `ConstructEvent`
pub(crate) const STRIPE_SECRET: &str = "webhook_secret";
pub(crate) const STRIPE_SENT: i64 = 1_533_204_620;
pub(crate) const STRIPE_SIGNATURE: &str = "t=1533204620,\
v1=2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7,\
v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef";
pub(crate) const STRIPE_BODY: &str = r#"{
  "id": "evt_123",
  "object": "event",
  "account": "acct_123",
  "api_version": "2017-05-25",
  "created": 1533204620,
  "data": {
    "object": {
      "id": "cus_123",
      "object": "customer",
      "created": 123456789,
      "email": "test@stripe.com",
      "livemode": false,
      "metadata": {}
    }
  },
  "livemode": false,
  "pending_webhooks": 1,
  "request": {
    "id": "req_123",
    "idempotency_key": "idempotency-key-123"
  },
  "type": "customer.created"
}
"#;

pub(crate) fn github() -> Receiver {
    let secret = danger::secret_of_any_length(GITHUB_SECRET).unwrap();
    Receiver::builder(providers::GITHUB, secret)
        .clock(ManualClock::at_secs(0))
        .build()
        .unwrap()
}

/// Published secrets are shorter than a receiver takes.
pub(crate) fn stripe(now: i64) -> Receiver {
    let secret = danger::secret_of_any_length(STRIPE_SECRET).unwrap();
    Receiver::builder(providers::STRIPE, secret)
        .clock(ManualClock::at_secs(now))
        .build()
        .unwrap()
}

/// A genuine GitHub request's head.
pub(crate) fn signed() -> Builder {
    Request::post("/hooks").header("x-hub-signature-256", GITHUB_SIGNATURE)
}

/// What a scripted body does next.
pub(crate) enum Step {
    Data(&'static str),
    Trailers,
    Fails,
    Waits(u64),
    Stalls,
}

/// What became of a scripted body.
#[derive(Clone, Default)]
pub(crate) struct Trace {
    polls: Arc<AtomicUsize>,
    dropped: Arc<AtomicBool>,
}

impl Trace {
    pub(crate) fn polls(&self) -> usize {
        self.polls.load(Ordering::SeqCst)
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.dropped.load(Ordering::SeqCst)
    }
}

struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

pin_project! {
    /// Neither `Unpin` nor `Clone`, as little as a body may be.
    pub(crate) struct Scripted {
        steps: VecDeque<Step>,
        wait: Option<Pin<Box<tokio::time::Sleep>>>,
        polls: Arc<AtomicUsize>,
        dropped: SetOnDrop,
        #[pin]
        pinned: PhantomPinned,
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LineDropped;

pub(crate) fn scripted(steps: impl IntoIterator<Item = Step>) -> (Scripted, Trace) {
    let trace = Trace::default();
    let body = Scripted {
        steps: steps.into_iter().collect(),
        wait: None,
        polls: Arc::clone(&trace.polls),
        dropped: SetOnDrop(Arc::clone(&trace.dropped)),
        pinned: PhantomPinned,
    };
    (body, trace)
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = LineDropped;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, LineDropped>>> {
        let this = self.project();
        this.polls.fetch_add(1, Ordering::SeqCst);
        if let Some(wait) = this.wait {
            if wait.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            *this.wait = None;
        }
        match this.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Data(text)) => {
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
            }
            Some(Step::Trailers) => {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-github-event", "forged".parse().unwrap());
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Some(Step::Fails) => Poll::Ready(Some(Err(LineDropped))),
            Some(Step::Waits(seconds)) => {
                let wait = Box::pin(tokio::time::sleep(Duration::from_secs(seconds)));
                let wait = this.wait.insert(wait);
                let _ = wait.as_mut().poll(cx);
                Poll::Pending
            }
            Some(Step::Stalls) => {
                this.steps.push_front(Step::Stalls);
                Poll::Pending
            }
        }
    }
}

/// Requests that reached the inner service.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<(Parts, Bytes)>>>);

impl Seen {
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The only one.
    pub(crate) fn one(&self) -> (Parts, Bytes) {
        let mut all = self.0.lock().unwrap();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    pub(crate) fn service(
        &self,
    ) -> impl Service<
        Request<VerifiedBody>,
        Response = Response<Full<Bytes>>,
        Error = Infallible,
        Future: Send,
    > + Clone
    + Send
    + use<> {
        let seen = self.clone();
        service_fn(move |request: Request<VerifiedBody>| {
            let seen = seen.clone();
            async move {
                let (parts, body) = request.into_parts();
                let bytes = body.collect().await?.to_bytes();
                seen.0.lock().unwrap().push((parts, bytes));
                Ok(Response::new(Full::from("done")))
            }
        })
    }
}

/// What a sender sees: status, headers in alphabetical order, body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) async fn of<B: Body<Error = Infallible>>(response: Response<B>) -> Self {
        let (parts, body) = response.into_parts();
        let mut headers: Vec<_> = parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        headers.sort();
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status.as_u16(),
            headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Word for word what a refused sender is to see.
    pub(crate) fn refused(status: u16, body: &str) -> Self {
        let length = body.len().to_string();
        let mut headers = vec![
            ("cache-control", "no-store"),
            ("content-length", &length),
            ("content-type", "text/plain; charset=utf-8"),
            ("x-content-type-options", "nosniff"),
        ];
        if status == 405 {
            headers.insert(0, ("allow", "POST"));
        }
        Self {
            status,
            headers: headers
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }
}

/// [`ServiceExt::ready`] for the one kind of request; by itself it does not know which body is meant.
pub(crate) async fn ready<S: Service<Request<Scripted>>>(service: &mut S) -> &mut S {
    match ServiceExt::ready(service).await {
        Ok(service) => service,
        Err(_) => panic!("the service failed"),
    }
}

/// Sends one request through a receiver, over a service that writes down what it gets.
pub(crate) async fn send<B: Body>(receiver: Receiver, request: Request<B>) -> (Reply, Seen) {
    let seen = Seen::default();
    let service = Countersign::new(seen.service(), receiver);
    let response = service.oneshot(request).await.unwrap();
    (Reply::of(response).await, seen)
}
