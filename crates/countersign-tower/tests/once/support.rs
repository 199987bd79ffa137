//! A receiver with a store behind its layer, over a handler that a test scripts.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use countersign_testkit::Sender;
use countersign_tower::{
    Clock, Countersign, CountersignLayer, IdempotencyKey, Lease, Once, Outcome, OutcomeKind,
    Receiver, ReceiverBuilder, Refusal, ResponseBody, Scheme, Secret, Sleep, Timestamp,
    VerifiedBody, WithStore, providers,
};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};

pub(crate) use crate::store::{Fault, Op, Scripted};

pub(crate) const SECRET: &str = "whsec_0123456789abcdef0123456789";
const START: i64 = 1_700_000_000;

/// Tokio's paused time, for the wall clock too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paused(Instant);

impl Paused {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(START).saturating_add(self.elapsed())
    }

    fn monotonic(&self) -> Duration {
        self.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A handler's body broke off.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broke;

/// The inner service failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failed;

pub(crate) type AnyBody = UnsyncBoxBody<Bytes, Broke>;
pub(crate) type Handled = Result<Response<AnyBody>, Failed>;
type Work = Pin<Box<dyn Future<Output = Handled> + Send>>;

pub(crate) fn body(text: &'static str) -> AnyBody {
    Full::from(text)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A handler's answer.
pub(crate) fn say(status: u16, text: &'static str) -> Handled {
    let mut response = Response::new(body(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    Ok(response)
}

/// Calls what the test gives it, and counts.
#[derive(Clone)]
pub(crate) struct Handler {
    react: Arc<dyn Fn(usize, Request<VerifiedBody>) -> Work + Send + Sync>,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    runs: AtomicUsize,
    leases: Mutex<Vec<Option<Lease>>>,
}

impl Service<Request<VerifiedBody>> for Handler {
    type Response = Response<AnyBody>;
    type Error = Failed;
    type Future = Work;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<VerifiedBody>) -> Work {
        let run = self
            .seen
            .runs
            .fetch_add(1, Ordering::SeqCst)
            .saturating_add(1);
        let lease = request.extensions().get::<Lease>().cloned();
        self.seen.leases.lock().unwrap().push(lease);
        (self.react)(run, request)
    }
}

/// What a test plays with.
#[derive(Clone)]
pub(crate) struct Rig {
    pub(crate) clock: Paused,
    pub(crate) store: Scripted,
    pub(crate) receiver: Receiver<Once<Scripted>>,
    pub(crate) handler: Handler,
    pub(crate) service: Countersign<Handler, Once<Scripted>>,
    scheme: Scheme,
}

pub(crate) type Builder = ReceiverBuilder<WithStore<Scripted>>;

/// Stripe's deliveries, whose retries are signed afresh.
pub(crate) fn rig<W>(react: impl Fn(usize) -> W + Send + Sync + 'static) -> Rig
where
    W: Future<Output = Handled> + Send + 'static,
{
    rig_with(providers::STRIPE, |builder| builder, react)
}

/// The handler gets the number of its run, from 1.
pub(crate) fn rig_with<W>(
    scheme: Scheme,
    set: impl FnOnce(Builder) -> Builder,
    react: impl Fn(usize) -> W + Send + Sync + 'static,
) -> Rig
where
    W: Future<Output = Handled> + Send + 'static,
{
    rig_of(scheme, set, move |run, _| Box::pin(react(run)))
}

pub(crate) fn rig_of(
    scheme: Scheme,
    set: impl FnOnce(Builder) -> Builder,
    react: impl Fn(usize, Request<VerifiedBody>) -> Work + Send + Sync + 'static,
) -> Rig {
    let clock = Paused::new();
    let store = Scripted::new(64, clock);
    let handler = Handler {
        react: Arc::new(react),
        seen: Arc::default(),
    };
    replica(scheme, set, clock, store, handler)
}

/// Another receiver on a store that is there.
pub(crate) fn replica(
    scheme: Scheme,
    set: impl FnOnce(Builder) -> Builder,
    clock: Paused,
    store: Scripted,
    handler: Handler,
) -> Rig {
    let builder = Receiver::builder(scheme.clone(), Secret::new(SECRET).unwrap())
        .clock(clock)
        .store(store.clone());
    // Where two events may have the same content, which of these tests have none.
    let builder = match scheme.repeats {
        countersign_tower::scheme::Repeats::Never => builder,
        countersign_tower::scheme::Repeats::Possible => {
            builder.deduplicate(countersign_tower::danger::Deduplicate::ByContent)
        }
    };
    let receiver = set(builder).build().unwrap();
    let service = CountersignLayer::new(receiver.clone()).layer(handler.clone());
    Rig {
        clock,
        store,
        receiver,
        handler,
        service,
        scheme,
    }
}

impl Rig {
    /// The same with its runs in place.
    pub(crate) fn in_place(mut self) -> Self {
        let layer = CountersignLayer::new(self.receiver.clone()).in_place();
        self.service = layer.layer(self.handler.clone());
        self
    }

    pub(crate) fn runs(&self) -> usize {
        self.handler.seen.runs.load(Ordering::SeqCst)
    }

    /// The leases that the handler was given, in order.
    pub(crate) fn leases(&self) -> Vec<Option<Lease>> {
        self.handler.seen.leases.lock().unwrap().clone()
    }

    /// The attempt numbers of the runs, in order.
    pub(crate) fn attempts(&self) -> Vec<u32> {
        let leases = self.leases();
        leases.iter().flatten().map(Lease::attempt).collect()
    }

    pub(crate) fn sender(&self) -> Sender {
        Sender::new(self.scheme.clone(), SECRET).at(self.clock.now())
    }

    /// A genuine attempt of this delivery, signed now.
    pub(crate) fn attempt(&self, id: &str) -> Request<Full<Bytes>> {
        let body = format!(r#"{{"id":"{id}","event_id":"{id}","type":"event_callback"}}"#);
        self.sender().send(body).map(Full::new)
    }

    pub(crate) async fn send(&self, id: &str) -> Told {
        self.send_request(self.attempt(id)).await
    }

    pub(crate) async fn send_request(&self, request: Request<Full<Bytes>>) -> Told {
        let answer = self.service.clone().oneshot(request).await;
        Told::of(answer.unwrap()).await
    }

    /// Sent from a task of its own.
    pub(crate) fn spawn(&self, id: &str) -> tokio::task::JoinHandle<Told> {
        let (rig, request) = (self.clone(), self.attempt(id));
        tokio::spawn(async move { rig.send_request(request).await })
    }

    /// Everything that is ready runs, and no time passes.
    pub(crate) async fn settle_down(&self) {
        for _ in 0..64 {
            tokio::task::yield_now().await;
        }
    }

    /// Nothing runs any more, neither a handler nor what comes after an answer.
    pub(crate) async fn assert_idle(&self) {
        let drained = self.receiver.drain(Duration::ZERO).await;
        assert_eq!(drained, Ok(()));
    }
}

/// What a sender and a middleware outside the layer see.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) refusal: Option<Refusal>,
}

impl Told {
    pub(crate) async fn of(response: Response<ResponseBody<AnyBody>>) -> Self {
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
            outcome: parts.extensions.get().cloned(),
            refusal: parts.extensions.get().cloned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn key(&self) -> IdempotencyKey {
        self.outcome.as_ref().unwrap().key.unwrap()
    }

    /// The handler's own response.
    #[track_caller]
    pub(crate) fn is_handlers(&self, status: u16, body: &str, kind: OutcomeKind, attempt: u32) {
        assert_eq!((self.status, self.body.as_str()), (status, body));
        assert_eq!(self.refusal, None);
        let outcome = self.outcome.as_ref().unwrap();
        assert_eq!((&outcome.kind, outcome.attempt), (&kind, Some(attempt)));
    }

    /// What was recorded: a status and nothing else.
    #[track_caller]
    pub(crate) fn is_recorded(&self, status: u16, attempt: u32) {
        self.is_recorded_as(status, attempt, false);
    }

    #[track_caller]
    pub(crate) fn is_recorded_as(&self, status: u16, attempt: u32, replay: bool) {
        assert_eq!((self.status, self.body.as_str()), (status, ""));
        assert_eq!(self.headers, recorded_headers(status));
        assert_eq!(self.refusal, None);
        let kind = OutcomeKind::Duplicate {
            replay,
            body_changed: false,
        };
        let outcome = self.outcome.as_ref().unwrap();
        assert_eq!((&outcome.kind, outcome.attempt), (&kind, Some(attempt)));
    }

    /// A refusal by a run, word for word, with its outcome.
    #[track_caller]
    pub(crate) fn is_refused(&self, status: u16, refusal: Refusal, retry_after: Option<&str>) {
        self.is_turned_away(status, refusal.clone(), retry_after);
        let outcome = self.outcome.as_ref().unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Refused(refusal));
    }

    /// A refusal, word for word.
    #[track_caller]
    pub(crate) fn is_turned_away(&self, status: u16, refusal: Refusal, retry_after: Option<&str>) {
        let body = match status {
            400 => "bad request\n",
            429 => "too many requests\n",
            500 => "internal server error\n",
            503 => "service unavailable\n",
            _ => panic!("{status}"),
        };
        assert_eq!((self.status, self.body.as_str()), (status, body));
        assert_eq!(self.refusal, Some(refusal));
        let mut headers = vec![
            ("cache-control".to_owned(), "no-store".to_owned()),
            ("content-length".to_owned(), body.len().to_string()),
            (
                "content-type".to_owned(),
                "text/plain; charset=utf-8".to_owned(),
            ),
        ];
        headers.extend(retry_after.map(|wait| ("retry-after".to_owned(), wait.to_owned())));
        headers.push(("x-content-type-options".to_owned(), "nosniff".to_owned()));
        assert_eq!(self.headers, headers);
    }
}

fn recorded_headers(status: u16) -> Vec<(String, String)> {
    let mut headers = vec![("cache-control".to_owned(), "no-store".to_owned())];
    if status != 204 {
        headers.push(("content-length".to_owned(), "0".to_owned()));
    }
    headers.push(("x-content-type-options".to_owned(), "nosniff".to_owned()));
    headers
}

/// Polls once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(std::task::Waker::noop()))
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
