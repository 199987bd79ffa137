//! A receiver whose store has trouble ahead, on a clock that stands still.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use countersign::providers::STRIPE;
use countersign::{
    Answered, Claim, ClaimReply, Clock, Delivery, DeliveryStore, Extend, ExtendReply, ForgetReply,
    Handled, IdempotencyKey, Lease, MemoryStore, Once, OutcomeKind, Ran, Receiver, ReceiverBuilder,
    Refusal, Release, ReleaseReply, Secret, Settle, SettleReply, Unavailable, WithStore,
};
use countersign_testkit::{ManualClock, Sender, judge};
use http::StatusCode;

pub(crate) const SECRET: &str = "whsec_0123456789abcdef0123456789";

/// What happens to one call of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// The call never arrives.
    Down,
    /// The call arrives, and its reply does not.
    NoReply,
    /// The call never ends.
    Hangs,
    /// The call arrives, and its reply a minute later, though nobody could tell that it was on its way: the process stood still.
    Late,
}

/// A memory store with trouble ahead: one entry for each call of one kind, and none when they are used up.
#[derive(Clone)]
pub(crate) struct Troubled {
    pub(crate) clock: ManualClock,
    pub(crate) store: MemoryStore,
    pub(crate) claim: Arc<Mutex<VecDeque<Trouble>>>,
    pub(crate) settle: Arc<Mutex<VecDeque<Trouble>>>,
    pub(crate) release: Arc<Mutex<VecDeque<Trouble>>>,
    pub(crate) extend: Arc<Mutex<VecDeque<Trouble>>>,
    pub(crate) claims: Arc<AtomicU32>,
    pub(crate) releases: Arc<AtomicU32>,
}

impl Troubled {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        Self {
            clock: clock.clone(),
            store: MemoryStore::single_process_on(100, clock.clone()),
            claim: Arc::default(),
            settle: Arc::default(),
            release: Arc::default(),
            extend: Arc::default(),
            claims: Arc::default(),
            releases: Arc::default(),
        }
    }

    pub(crate) async fn call<T>(
        &self,
        ahead: &Mutex<VecDeque<Trouble>>,
        call: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        let trouble = ahead.lock().unwrap().pop_front().unwrap_or(Trouble::None);
        match trouble {
            Trouble::None => call.await,
            Trouble::Down => Err(Unavailable::new("down")),
            Trouble::NoReply => {
                call.await?;
                Err(Unavailable::new("no reply"))
            }
            Trouble::Hangs => std::future::pending().await,
            Trouble::Late => {
                let reply = call.await;
                self.clock.advance(Duration::from_secs(60));
                reply
            }
        }
    }
}

impl DeliveryStore for Troubled {
    async fn claim(&self, claim: Claim) -> Result<ClaimReply, Unavailable> {
        self.claims.fetch_add(1, Ordering::Relaxed);
        self.call(&self.claim, self.store.claim(claim)).await
    }

    async fn settle(&self, settle: Settle) -> Result<SettleReply, Unavailable> {
        self.call(&self.settle, self.store.settle(settle)).await
    }

    async fn release(&self, release: Release) -> Result<ReleaseReply, Unavailable> {
        self.releases.fetch_add(1, Ordering::Relaxed);
        self.call(&self.release, self.store.release(release)).await
    }

    async fn extend(&self, extend: Extend) -> Result<ExtendReply, Unavailable> {
        self.call(&self.extend, self.store.extend(extend)).await
    }

    async fn forget(&self, key: IdempotencyKey) -> Result<ForgetReply, Unavailable> {
        self.store.forget(key).await
    }
}

/// A receiver with its store and clock, and what it takes to give it deliveries.
pub(crate) struct Bench {
    pub(crate) clock: ManualClock,
    pub(crate) store: Troubled,
    pub(crate) receiver: Receiver<Once<Troubled>>,
}

pub(crate) type Builder = ReceiverBuilder<WithStore<Troubled>>;

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(set: impl FnOnce(Builder) -> Builder) -> Self {
        Self::on(&ManualClock::at_secs(1_700_000_000), set)
    }

    pub(crate) fn on(clock: &ManualClock, set: impl FnOnce(Builder) -> Builder) -> Self {
        let clock = clock.clone();
        let store = Troubled::new(&clock);
        let builder = Receiver::builder(STRIPE, Secret::new(SECRET).unwrap())
            .clock(clock.clone())
            .store(store.clone());
        let receiver = set(builder).build().unwrap();
        Self {
            clock,
            store,
            receiver,
        }
    }

    /// An attempt of one delivery, signed now.
    pub(crate) fn delivery(&self) -> Delivery {
        self.delivery_of(r#"{"id":"evt_1"}"#)
    }

    pub(crate) fn delivery_of(&self, body: &str) -> Delivery {
        let sender = Sender::new(STRIPE, SECRET).at(self.clock.now());
        let request = sender.send(body);
        judge(&self.receiver, &request, self.clock.now())
            .unwrap()
            .unwrap()
    }

    /// A run of it whose handler is `handler`.
    pub(crate) fn run<'a, Work>(
        &self,
        handler: impl FnOnce(Option<Lease>) -> Work + Send + 'a,
    ) -> Stepped<'a>
    where
        Work: Future<Output = Handled<&'static str>> + Send + 'a,
    {
        self.run_of(self.delivery(), handler)
    }

    pub(crate) fn run_of<'a, Work>(
        &self,
        delivery: Delivery,
        handler: impl FnOnce(Option<Lease>) -> Work + Send + 'a,
    ) -> Stepped<'a>
    where
        Work: Future<Output = Handled<&'static str>> + Send + 'a,
    {
        let receiver = self.receiver.clone();
        let slot = self.receiver.reserve().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        Stepped(Box::pin(async move {
            receiver.run(slot, delivery, &clock, handler).await
        }))
    }

    /// An attempt that must not run.
    pub(crate) fn answered_without_a_run(&self) -> Ran<&'static str> {
        self.run(|_| async { panic!("it runs again") }).now()
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// A future that is polled when the test says so.
pub(crate) struct Stepped<'a, T = Ran<&'static str>>(
    pub(crate) Pin<Box<dyn Future<Output = T> + Send + 'a>>,
);

impl<T> Stepped<'_, T> {
    pub(crate) fn step(&mut self) -> Poll<T> {
        self.0
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
    }

    #[track_caller]
    pub(crate) fn waits(&mut self) {
        assert!(self.step().is_pending(), "it does not wait");
    }

    #[track_caller]
    pub(crate) fn now(mut self) -> T {
        match self.step() {
            Poll::Ready(out) => out,
            Poll::Pending => panic!("it waits"),
        }
    }
}

pub(crate) async fn ok(_: Option<Lease>) -> Handled<&'static str> {
    Handled::new(StatusCode::NO_CONTENT, "done")
}

pub(crate) async fn fails(_: Option<Lease>) -> Handled<&'static str> {
    Handled::new(StatusCode::INTERNAL_SERVER_ERROR, "failed")
}

/// Ends when the switch is set.
pub(crate) fn until(
    switch: &Arc<AtomicU32>,
) -> impl FnOnce(Option<Lease>) -> Pin<Box<dyn Future<Output = Handled<&'static str>> + Send>> {
    let switch = Arc::clone(switch);
    move |_| {
        Box::pin(async move {
            poll_fn(|_| match switch.load(Ordering::Relaxed) {
                0 => Poll::Pending,
                _ => Poll::Ready(()),
            })
            .await;
            Handled::new(StatusCode::OK, "done")
        })
    }
}

#[track_caller]
pub(crate) fn refusal(ran: &Ran<&'static str>) -> Refusal {
    match (&ran.answer, &ran.outcome.kind) {
        (Answered::Refused(refusal), OutcomeKind::Refused(kind)) if refusal == kind => {
            refusal.clone()
        }
        _ => panic!("not refused: {ran:?}"),
    }
}

#[track_caller]
pub(crate) fn is_duplicate(ran: &Ran<&'static str>, status: u16, replay: bool) {
    let Answered::Reply(reply) = &ran.answer else {
        panic!("no reply: {ran:?}");
    };
    assert_eq!((reply.status.as_u16(), reply.body.len()), (status, 0));
    let body_changed = false;
    let kind = OutcomeKind::Duplicate {
        replay,
        body_changed,
    };
    assert_eq!(ran.outcome.kind, kind);
}

#[track_caller]
pub(crate) fn is_response(
    ran: &Ran<&'static str>,
    response: &str,
    kind: &OutcomeKind,
    attempt: u32,
) {
    match &ran.answer {
        Answered::Response(answered) => assert_eq!(*answered, response),
        _ => panic!("no response: {ran:?}"),
    }
    assert_eq!(
        (&ran.outcome.kind, ran.outcome.attempt),
        (kind, Some(attempt))
    );
}
