//! What becomes of deliveries behind a store.

use std::convert::Infallible;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use countersign::providers::{GITHUB, STRIPE};
use countersign::{
    Claim, ClaimReply, DeliveryStore, Extend, ExtendReply, FailedForGood, ForgetReply,
    IdempotencyKey, MemoryQuotas, MemoryStore, Once, Quota, Receiver, ReceiverBuilder, Release,
    ReleaseReply, Settle, SettleReply, StorePolicy, Unavailable, WithStore, danger::Deduplicate,
};
use countersign_tower::{Countersign, CountersignLayer, VerifiedBody};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::stage::{BODY, Stage};

/// The embedded store, on a good day and on bad ones.
#[derive(Clone)]
pub(crate) struct Moody {
    store: MemoryStore,
    mood: Mood,
}

#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Well,
    Away,
    /// Somebody else has the lease when its run is over.
    Stolen,
}

impl DeliveryStore for Moody {
    async fn claim(&self, claim: Claim) -> Result<ClaimReply, Unavailable> {
        match self.mood {
            Mood::Away => Err(Unavailable::new("as the test says")),
            _ => self.store.claim(claim).await,
        }
    }

    async fn settle(&self, settle: Settle) -> Result<SettleReply, Unavailable> {
        match self.mood {
            Mood::Stolen => Ok(SettleReply::Lost),
            _ => self.store.settle(settle).await,
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

type Builder = ReceiverBuilder<WithStore<Moody>>;
type Stored = Receiver<Once<Moody>>;

fn receiver(stage: &Stage<'_>, mood: Mood, set: impl FnOnce(Builder) -> Builder) -> Stored {
    of_capacity(stage, 64, mood, set)
}

fn of_capacity(
    stage: &Stage<'_>,
    capacity: usize,
    mood: Mood,
    set: impl FnOnce(Builder) -> Builder,
) -> Stored {
    let store = MemoryStore::single_process_on(capacity, stage.clock);
    let builder = stage.builder(STRIPE).store(Moody { store, mood });
    set(builder).build().unwrap()
}

const PANIC: u16 = 1;
const FOR_GOOD: u16 = 422;

/// What the handler comes to next.
#[derive(Clone)]
struct Handler(Arc<AtomicU16>, Duration);

impl Handler {
    fn answering(status: u16) -> Self {
        Self(Arc::new(AtomicU16::new(status)), Duration::ZERO)
    }

    fn after(seconds: u64) -> Self {
        Self(Arc::new(AtomicU16::new(200)), Duration::from_secs(seconds))
    }

    fn service(
        &self,
    ) -> impl Service<
        Request<VerifiedBody>,
        Response = Response<Full<Bytes>>,
        Error = Infallible,
        Future: Send,
    >
    + Clone
    + Send
    + 'static
    + use<> {
        let handler = self.clone();
        service_fn(move |_: Request<VerifiedBody>| {
            let handler = handler.clone();
            async move {
                if !handler.1.is_zero() {
                    tokio::time::sleep(handler.1).await;
                }
                let status = handler.0.load(Ordering::SeqCst);
                assert_ne!(status, PANIC, "planted");
                let mut response = Response::new(Full::from("planted"));
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                if status == FOR_GOOD {
                    response.extensions_mut().insert(FailedForGood);
                }
                Ok(response)
            }
        })
    }
}

async fn send(receiver: &Stored, handler: &Handler, request: Request<Bytes>) -> u16 {
    let service = Countersign::new(handler.service(), receiver.clone());
    let answer = service.oneshot(request.map(Full::new)).await;
    answer.unwrap().status().as_u16()
}

fn body(id: &str) -> String {
    BODY.replace("evt_1", id)
}

pub(crate) async fn outcomes(stage: &mut Stage<'_>) {
    let receiver = receiver(stage, Mood::Well, |builder| builder);
    let done = Handler::answering(204);
    let attempt = stage.genuine(STRIPE, BODY);
    let failing = Handler::answering(500);
    assert_eq!(send(&receiver, &failing, attempt.clone()).await, 500);
    let record = stage.one("released", 500);
    assert_eq!((record.id.as_deref(), record.run), (Some("evt_1"), Some(1)));
    assert_eq!(record.tenant.as_deref(), Some("acct_1"));
    assert_eq!(send(&receiver, &done, attempt.clone()).await, 204);
    let record = stage.one("done", 204);
    assert_eq!(record.run, Some(2));
    assert!(record.key.is_some());
    assert_eq!(send(&receiver, &done, attempt).await, 204);
    stage.one("duplicate_replay", 204);
    tokio::time::advance(Duration::from_secs(1)).await;
    let again = stage.genuine(STRIPE, BODY);
    assert_eq!(send(&receiver, &done, again).await, 204);
    stage.one("duplicate", 204);
    let changed = stage.genuine(STRIPE, r#"{"id":"evt_1","account":"acct_1"}"#);
    assert_eq!(send(&receiver, &done, changed).await, 204);
    stage.one("duplicate_changed", 204);

    let attempt = stage.genuine(STRIPE, &body("evt_2"));
    let given_up = Handler::answering(FOR_GOOD);
    assert_eq!(send(&receiver, &given_up, attempt).await, FOR_GOOD);
    stage.one("failed_for_good", FOR_GOOD);

    let away = self::receiver(stage, Mood::Away, |builder| {
        builder.on_store_failure(StorePolicy::Run)
    });
    let attempt = stage.genuine(STRIPE, BODY);
    assert_eq!(send(&away, &done, attempt).await, 204);
    stage.one("unrecorded", 204);
}

pub(crate) async fn refusals(stage: &mut Stage<'_>) {
    let done = Handler::answering(200);
    let once = [
        (
            "replayed",
            self::receiver(stage, Mood::Well, Builder::refuse_replays),
        ),
        (
            "body_changed",
            self::receiver(stage, Mood::Well, Builder::refuse_changed_bodies),
        ),
    ];
    for (code, receiver) in once {
        let attempt = stage.genuine(STRIPE, BODY);
        assert_eq!(send(&receiver, &done, attempt.clone()).await, 200);
        stage.one("done", 200);
        let changed = stage.genuine(STRIPE, r#"{"id":"evt_1","account":"acct_1"}"#);
        let next = match code {
            "replayed" => attempt,
            _ => changed,
        };
        assert_eq!(send(&receiver, &done, next).await, 400);
        let record = stage.one(code, 400);
        assert!(record.is_verified);
    }

    let quotas = MemoryQuotas::single_process_on(8, stage.clock);
    let one = Quota::per_minute(NonZero::<u32>::MIN);
    let receiver = self::receiver(stage, Mood::Well, |builder| builder.quota(one, quotas));
    for (id, code, status) in [("evt_1", "done", 200), ("evt_2", "over_quota", 429)] {
        let attempt = stage.genuine(STRIPE, &body(id));
        assert_eq!(send(&receiver, &done, attempt).await, status);
        stage.one(code, status);
    }

    let full = of_capacity(stage, 1, Mood::Well, |builder| builder);
    let mut last = 200;
    for number in 0..64 {
        let attempt = stage.genuine(STRIPE, &body(&format!("evt_{number}")));
        last = send(&full, &done, attempt).await;
        if last != 200 {
            break;
        }
        stage.one("done", 200);
    }
    assert_eq!(last, 503);
    stage.one("store_full", 503);

    for (mood, code) in [
        (Mood::Away, "store_unavailable"),
        (Mood::Stolen, "lease_lost"),
    ] {
        let receiver = self::receiver(stage, mood, |builder| builder);
        let attempt = stage.genuine(STRIPE, BODY);
        assert_eq!(send(&receiver, &done, attempt).await, 503);
        stage.one(code, 503);
    }
    let receiver = self::receiver(stage, Mood::Well, |builder| builder);
    let attempt = stage.genuine(STRIPE, BODY);
    assert_eq!(
        send(&receiver, &Handler::answering(PANIC), attempt).await,
        500
    );
    stage.one("handler_panicked", 500);
    let receiver = self::receiver(stage, Mood::Well, |builder| {
        builder.run_timeout(Duration::from_secs(1))
    });
    let attempt = stage.genuine(STRIPE, BODY);
    assert_eq!(send(&receiver, &Handler::after(2), attempt).await, 503);
    stage.one("run_too_long", 503);
}

pub(crate) async fn trouble(stage: &mut Stage<'_>) {
    let slow = Handler::after(5);
    let receiver = receiver(stage, Mood::Well, |builder| {
        builder.max_runs(1).answer_within(Duration::from_secs(2))
    });
    let attempt = stage.genuine(STRIPE, BODY);
    // The sender could not wait, and is told once; what its run comes to is told apart.
    assert_eq!(send(&receiver, &slow, attempt.clone()).await, 503);
    stage.one("unfinished", 503);
    assert_eq!(send(&receiver, &slow, attempt.clone()).await, 503);
    stage.one("too_many_runs", 503);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let record = stage.late("done", 200);
    assert_eq!((record.id.as_deref(), record.run), (Some("evt_1"), Some(1)));

    let receiver = self::receiver(stage, Mood::Well, |builder| builder);
    let first = {
        let (receiver, slow, attempt) = (receiver.clone(), slow.clone(), attempt.clone());
        tokio::spawn(async move { send(&receiver, &slow, attempt).await })
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.none();
    assert_eq!(send(&receiver, &slow, attempt.clone()).await, 503);
    stage.one("in_flight", 503);
    assert_eq!(first.await.unwrap(), 200);
    stage.one("done", 200);
    receiver.drain(Duration::ZERO).await.unwrap();
    assert_eq!(send(&receiver, &slow, attempt).await, 503);
    stage.one("shutting_down", 503);
}

pub(crate) async fn hang_ups(stage: &mut Stage<'_>) {
    let slow = Handler::after(5);
    let attempt = stage.genuine(STRIPE, BODY);
    // The run goes on without its sender, and its end is that of the attempt.
    let receiver = receiver(stage, Mood::Well, |builder| builder);
    let mut left = Box::pin(send(&receiver, &slow, attempt.clone()));
    let waker = Waker::noop();
    assert!(
        left.as_mut()
            .poll(&mut Context::from_waker(waker))
            .is_pending()
    );
    tokio::task::yield_now().await;
    drop(left);
    stage.none();
    tokio::time::sleep(Duration::from_secs(10)).await;
    stage.one("done", 200);

    // In place it ends with its sender.
    let receiver = self::receiver(stage, Mood::Well, |builder| builder);
    let layer = CountersignLayer::new(receiver.clone()).in_place();
    let service = layer.layer(slow.service());
    let mut left = Box::pin(service.oneshot(attempt.clone().map(Full::new)));
    assert!(
        left.as_mut()
            .poll(&mut Context::from_waker(waker))
            .is_pending()
    );
    drop(left);
    let record = stage.one("dropped", None);
    assert!(record.is_verified);
    assert_eq!(record.id.as_deref(), Some("evt_1"));
    assert_eq!(receiver.counts().dropped, 1);

    // Ids that no signature covers are not told.
    let store = MemoryStore::single_process_on(8, stage.clock);
    let builder = stage.builder(GITHUB).store(store);
    let receiver = builder.deduplicate(Deduplicate::ByContent).build().unwrap();
    let genuine = stage.sender(GITHUB).id("1-planted-2").send(BODY);
    let service = Countersign::new(Handler::answering(200).service(), receiver);
    let answer = service.oneshot(genuine.map(Full::new)).await.unwrap();
    assert_eq!(answer.status(), 200);
    let record = stage.one("done", 200);
    assert_eq!(record.id, None);
}
