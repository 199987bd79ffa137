//! The run of a delivery, step by step, on a clock that stands still: when a lease is extended, what is tried again, and what ends.

#![cfg(test)]

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use countersign::providers::STRIPE;
use countersign::{
    Answered, Claim, ClaimReply, Clock, Delivery, DeliveryStore, Extend, ExtendError, ExtendReply,
    ForgetReply, Handled, IdempotencyKey, Lease, MemoryStore, Once, OutcomeKind, OverQuota, Ran,
    Receiver, ReceiverBuilder, Refusal, Release, ReleaseReply, Secret, Settle, SettleReply,
    StillRunning, StoreFailure, Unavailable, WithStore,
};
use countersign_testkit::{ManualClock, Sender, judge};
use http::StatusCode;

const SECRET: &str = "whsec_0123456789abcdef0123456789";

/// What happens to one call of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
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
struct Troubled {
    clock: ManualClock,
    store: MemoryStore,
    claim: Arc<Mutex<VecDeque<Trouble>>>,
    settle: Arc<Mutex<VecDeque<Trouble>>>,
    release: Arc<Mutex<VecDeque<Trouble>>>,
    extend: Arc<Mutex<VecDeque<Trouble>>>,
    claims: Arc<AtomicU32>,
}

impl Troubled {
    fn new(clock: &ManualClock) -> Self {
        Self {
            clock: clock.clone(),
            store: MemoryStore::single_process_on(100, clock.clone()),
            claim: Arc::default(),
            settle: Arc::default(),
            release: Arc::default(),
            extend: Arc::default(),
            claims: Arc::default(),
        }
    }

    async fn call<T>(
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
struct Bench {
    clock: ManualClock,
    store: Troubled,
    receiver: Receiver<Once<Troubled>>,
}

type Builder = ReceiverBuilder<WithStore<Troubled>>;

impl Bench {
    fn new() -> Self {
        Self::with(|builder| builder)
    }

    fn with(set: impl FnOnce(Builder) -> Builder) -> Self {
        let clock = ManualClock::at_secs(1_700_000_000);
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
    fn delivery(&self) -> Delivery {
        let sender = Sender::new(STRIPE, SECRET).at(self.clock.now());
        let request = sender.send(br#"{"id":"evt_1"}"#);
        judge(&self.receiver, &request, self.clock.now())
            .unwrap()
            .unwrap()
    }

    /// A run of it whose handler is `handler`.
    fn run<'a, Work>(&self, handler: impl FnOnce(Option<Lease>) -> Work + Send + 'a) -> Stepped<'a>
    where
        Work: Future<Output = Handled<&'static str>> + Send + 'a,
    {
        let receiver = self.receiver.clone();
        let (delivery, slot) = (self.delivery(), self.receiver.reserve().unwrap());
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        Stepped(Box::pin(async move {
            receiver.run(slot, delivery, &clock, handler).await
        }))
    }

    /// An attempt that must not run.
    fn answered_without_a_run(&self) -> Ran<&'static str> {
        self.run(|_| async { panic!("it runs again") }).now()
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// A future that is polled when the test says so.
struct Stepped<'a, T = Ran<&'static str>>(Pin<Box<dyn Future<Output = T> + Send + 'a>>);

impl<T> Stepped<'_, T> {
    fn step(&mut self) -> Poll<T> {
        self.0
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
    }

    #[track_caller]
    fn waits(&mut self) {
        assert!(self.step().is_pending(), "it does not wait");
    }

    #[track_caller]
    fn now(mut self) -> T {
        match self.step() {
            Poll::Ready(out) => out,
            Poll::Pending => panic!("it waits"),
        }
    }
}

async fn ok(_: Option<Lease>) -> Handled<&'static str> {
    Handled::new(StatusCode::NO_CONTENT, "done")
}

async fn fails(_: Option<Lease>) -> Handled<&'static str> {
    Handled::new(StatusCode::INTERNAL_SERVER_ERROR, "failed")
}

/// Ends when the switch is set.
fn until(
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
fn refusal(ran: &Ran<&'static str>) -> Refusal {
    match (&ran.answer, &ran.outcome.kind) {
        (Answered::Refused(refusal), OutcomeKind::Refused(kind)) if refusal == kind => {
            refusal.clone()
        }
        _ => panic!("not refused: {ran:?}"),
    }
}

#[track_caller]
fn is_duplicate(ran: &Ran<&'static str>, status: u16, replay: bool) {
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
fn is_response(ran: &Ran<&'static str>, response: &str, kind: &OutcomeKind, attempt: u32) {
    match &ran.answer {
        Answered::Response(answered) => assert_eq!(*answered, response),
        _ => panic!("no response: {ran:?}"),
    }
    assert_eq!(
        (&ran.outcome.kind, ran.outcome.attempt),
        (kind, Some(attempt))
    );
}

#[test]
fn what_is_done_is_answered_and_what_failed_runs_again() {
    let bench = Bench::new();
    is_response(&bench.run(fails).now(), "failed", &OutcomeKind::Released, 1);
    bench.pass(1);
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
    is_duplicate(&bench.answered_without_a_run(), 204, true);
    bench.pass(1);
    is_duplicate(&bench.answered_without_a_run(), 204, false);
    let counts = bench.receiver.counts();
    assert_eq!((counts.done, counts.released), (1, 1));
    assert_eq!(
        (counts.duplicates, counts.replays, counts.changed_bodies),
        (2, 1, 0)
    );
}

#[test]
fn a_lease_is_extended_at_each_third() {
    let bench = Bench::new();
    let switch = Arc::new(AtomicU32::new(0));
    let mut run = bench.run(until(&switch));
    run.waits();
    for round in 1..=10 {
        bench.clock.advance(Duration::from_millis(19_999));
        run.waits();
        assert_eq!(bench.receiver.counts().extended, round - 1);
        bench.clock.advance(Duration::from_millis(1));
        run.waits();
        assert_eq!(bench.receiver.counts().extended, round);
        // Just extended: a copy is told the whole lease.
        let busy = refusal(&bench.answered_without_a_run());
        assert_eq!(busy, Refusal::InFlight { retry_after: 60 });
    }
    switch.store(1, Ordering::Relaxed);
    is_response(&run.now(), "done", &OutcomeKind::Done, 1);
    assert_eq!(bench.clock.sleepers(), 0);
}

#[test]
fn an_extension_that_failed_is_repeated_until_the_lease_ends() {
    let bench = Bench::new();
    bench
        .store
        .extend
        .lock()
        .unwrap()
        .extend([Trouble::Down, Trouble::Hangs, Trouble::NoReply]);
    let switch = Arc::new(AtomicU32::new(0));
    let mut run = bench.run(until(&switch));
    run.waits();
    // Down at 20 s, again at 21 s, where it hangs for a second, again at 23 s without a reply, again at 24 s.
    for (seconds, failed, extended) in [(20, 1, 0), (1, 1, 0), (1, 2, 0), (1, 3, 0), (1, 3, 1)] {
        bench.pass(seconds);
        run.waits();
        let counts = bench.receiver.counts();
        assert_eq!(
            (counts.extensions_failed, counts.extended),
            (failed, extended)
        );
    }
    bench.pass(19);
    run.waits();
    assert_eq!(bench.receiver.counts().extended, 1);
    bench.pass(1);
    run.waits();
    assert_eq!(bench.receiver.counts().extended, 2);
}

#[test]
fn a_run_that_lost_its_lease_is_not_recorded_and_learns_it() {
    let bench = Bench::new();
    bench
        .store
        .extend
        .lock()
        .unwrap()
        .extend([Trouble::Down; 60]);
    let switch = Arc::new(AtomicU32::new(0));
    let seen: Arc<Mutex<Option<Lease>>> = Arc::default();
    let mut run = {
        let (work, seen) = (until(&switch), Arc::clone(&seen));
        bench.run(move |lease| {
            *seen.lock().unwrap() = lease.clone();
            work(lease)
        })
    };
    run.waits();
    let lease = seen.lock().unwrap().clone().unwrap();
    for passed in 0..60 {
        assert_eq!(lease.remaining(), Duration::from_secs(60 - passed));
        let busy = refusal(&bench.answered_without_a_run());
        assert_eq!(
            busy,
            Refusal::InFlight {
                retry_after: 60 - u32::try_from(passed).unwrap()
            }
        );
        bench.pass(1);
        run.waits();
    }
    assert!(lease.is_lost());
    // Another attempt takes it and does it; the first one comes too late, and what it says is not sent.
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
    switch.store(1, Ordering::Relaxed);
    assert_eq!(refusal(&run.now()), Refusal::LeaseLost);
    is_duplicate(&bench.answered_without_a_run(), 204, true);
    let counts = bench.receiver.counts();
    assert_eq!((counts.lost, counts.done), (1, 1));
}

#[test]
fn a_claim_without_a_reply_is_repeated_with_its_token() {
    for trouble in [Trouble::Down, Trouble::NoReply] {
        let bench = Bench::new();
        bench.store.claim.lock().unwrap().push_back(trouble);
        // Under another token the second call would meet the first one's lease.
        is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 1);
        assert_eq!(bench.receiver.counts().claims_repeated, 1);
        assert_eq!(bench.store.claims.load(Ordering::Relaxed), 2);
    }
}

#[test]
fn a_store_that_does_not_answer_a_claim_means_no_run() {
    let bench = Bench::new();
    bench
        .store
        .claim
        .lock()
        .unwrap()
        .extend([Trouble::Hangs, Trouble::NoReply]);
    let mut run = bench.run(|_| async { panic!("it runs") });
    run.waits();
    bench.clock.advance(Duration::from_millis(999));
    run.waits();
    bench.clock.advance(Duration::from_millis(1));
    let ran = run.now();
    assert_eq!(refusal(&ran), Refusal::StoreUnavailable);
    assert_eq!(bench.receiver.counts().unavailable, 1);
    // The second call was heard: nobody is at it, and still it is taken ...
    let busy = refusal(&bench.answered_without_a_run());
    assert_eq!(busy, Refusal::InFlight { retry_after: 60 });
    // ... until it is given back behind the answer.
    let mut rest = Stepped(Box::pin(ran.rest.unwrap()));
    rest.waits();
    bench.pass(1);
    rest.now();
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
}

#[test]
fn what_runs_without_a_store_was_chosen() {
    let bench = Bench::with(|builder| builder.on_store_failure(StoreFailure::Run));
    bench.store.claim.lock().unwrap().extend([Trouble::Down; 4]);
    for _ in 0..2 {
        let ran = bench.run(|lease| {
            assert!(lease.is_none());
            ok(None)
        });
        let ran = ran.now();
        assert!(matches!(ran.answer, Answered::Response("done")));
        assert_eq!(ran.outcome.kind, OutcomeKind::Unrecorded);
        assert!(ran.outcome.key.is_some());
    }
    let counts = bench.receiver.counts();
    assert_eq!(
        (counts.unavailable, counts.unrecorded, counts.done),
        (2, 2, 0)
    );
}

#[test]
fn a_record_that_is_late_is_brought_behind_the_answer() {
    let bench = Bench::new();
    bench.store.settle.lock().unwrap().extend([
        Trouble::Down,
        Trouble::Down,
        Trouble::Down,
        Trouble::NoReply,
    ]);
    let ran = bench.run(ok).now();
    is_response(&ran, "done", &OutcomeKind::Done, 1);
    let mut rest = Stepped(Box::pin(ran.rest.unwrap()));
    rest.waits();
    let busy = refusal(&bench.answered_without_a_run());
    assert_eq!(busy, Refusal::InFlight { retry_after: 60 });
    // After one second, after two, after four: the third one is heard, and its reply comes with the fourth.
    bench.pass(1);
    rest.waits();
    bench.pass(2);
    rest.waits();
    is_duplicate(&bench.answered_without_a_run(), 204, false);
    bench.pass(4);
    rest.now();
    let counts = bench.receiver.counts();
    assert_eq!(
        (counts.settles_deferred, counts.settles_failed, counts.done),
        (1, 0, 1)
    );
}

#[test]
fn a_record_that_never_arrives_is_counted() {
    let bench = Bench::new();
    bench
        .store
        .settle
        .lock()
        .unwrap()
        .extend([Trouble::Down; 100]);
    let ran = bench.run(ok).now();
    is_response(&ran, "done", &OutcomeKind::Done, 1);
    let mut rest = Stepped(Box::pin(ran.rest.unwrap()));
    for _ in 0..59 {
        rest.waits();
        bench.pass(1);
    }
    rest.waits();
    assert_eq!(bench.receiver.counts().settles_failed, 0);
    bench.pass(1);
    rest.now();
    assert_eq!(bench.receiver.counts().settles_failed, 1);
    // It runs again: what was done could not be written down.
    bench.store.settle.lock().unwrap().clear();
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
}

#[test]
fn a_panic_gives_the_delivery_back() {
    let bench = Bench::new();
    type Handler = fn(Option<Lease>) -> Pin<Box<dyn Future<Output = Handled<&'static str>> + Send>>;
    let panics: [Handler; 2] = [
        |_| panic!("at once"),
        |_| Box::pin(async { panic!("later") }),
    ];
    for panics in panics {
        assert_eq!(refusal(&bench.run(panics).now()), Refusal::HandlerPanicked);
    }
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 3);
    assert_eq!(bench.receiver.counts().panicked, 2);
}

#[test]
fn a_run_that_takes_too_long_is_ended_and_given_back() {
    let bench = Bench::with(|builder| builder.max_run(Duration::from_secs(90)));
    let dropped = Arc::new(AtomicU32::new(0));
    let guard = OnDrop(Arc::clone(&dropped));
    let mut run = bench.run(move |_| async move {
        let _guard = guard;
        std::future::pending().await
    });
    run.waits();
    for _ in 0..89 {
        bench.pass(1);
        run.waits();
    }
    assert_eq!(dropped.load(Ordering::Relaxed), 0);
    bench.pass(1);
    assert_eq!(refusal(&run.now()), Refusal::RunTooLong);
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
    assert_eq!(bench.receiver.counts().overlong, 1);
}

struct OnDrop(Arc<AtomicU32>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_quota_gives_the_lease_back() {
    let over = Arc::new(AtomicU32::new(1));
    let asked = Arc::clone(&over);
    let bench = Bench::with(move |builder| {
        builder.quota(move |_| {
            let is_over = asked.load(Ordering::Relaxed) == 1;
            async move {
                match is_over {
                    true => Err(OverQuota {
                        retry_after: Duration::from_millis(2_001),
                    }),
                    false => Ok(()),
                }
            }
        })
    });
    let refused = refusal(&bench.run(|_| async { panic!("it runs") }).now());
    assert_eq!(refused, Refusal::OverQuota { retry_after: 3 });
    over.store(0, Ordering::Relaxed);
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
}

#[test]
fn a_handler_may_ask_for_more_time() {
    let bench = Bench::new();
    let extended = bench.run(|lease| async move {
        let lease = lease.unwrap();
        assert_eq!(
            (lease.attempt(), lease.remaining()),
            (1, Duration::from_secs(60))
        );
        lease.extend(Duration::from_secs(300)).await.unwrap();
        assert_eq!(lease.remaining(), Duration::from_secs(300));
        // Not shortened.
        lease.extend(Duration::from_secs(1)).await.unwrap();
        assert_eq!(lease.remaining(), Duration::from_secs(300));
        std::future::pending().await
    });
    let mut extended = extended;
    extended.waits();
    let busy = refusal(&bench.answered_without_a_run());
    assert_eq!(busy, Refusal::InFlight { retry_after: 300 });
    // Left alone until two thirds of the usual lease are left.
    bench.pass(259);
    extended.waits();
    assert_eq!(bench.receiver.counts().extended, 0);
    bench.pass(1);
    extended.waits();
    assert_eq!(bench.receiver.counts().extended, 1);
}

#[test]
fn a_handler_learns_that_its_lease_is_lost() {
    let bench = Bench::new();
    let (clock, store) = (bench.clock.clone(), bench.store.clone());
    let run = bench.run(move |lease| async move {
        let lease = lease.unwrap();
        clock.advance(Duration::from_secs(60));
        assert!(lease.is_lost());
        let error = lease.extend(Duration::from_secs(60)).await.unwrap_err();
        assert!(matches!(error, ExtendError::Lost(_)));
        store.extend.lock().unwrap().push_back(Trouble::Down);
        let error = lease.extend(Duration::from_secs(60)).await.unwrap_err();
        assert!(matches!(error, ExtendError::Unavailable(_)));
        ok(None).await
    });
    assert_eq!(refusal(&run.now()), Refusal::LeaseLost);
}

#[test]
fn draining_lets_nothing_in_and_waits_for_what_runs() {
    let bench = Bench::new();
    let switch = Arc::new(AtomicU32::new(0));
    let mut run = bench.run(until(&switch));
    run.waits();
    let receiver = bench.receiver.clone();
    let drain = |seconds| -> Stepped<'_, Result<(), StillRunning>> {
        let receiver = receiver.clone();
        Stepped(Box::pin(async move {
            receiver.drain(Duration::from_secs(seconds)).await
        }))
    };
    let mut short = drain(5);
    short.waits();
    assert_eq!(bench.receiver.reserve().unwrap_err(), Refusal::ShuttingDown);
    bench.pass(5);
    assert_eq!(short.now().unwrap_err().runs, 1);
    let mut long = drain(5);
    long.waits();
    switch.store(1, Ordering::Relaxed);
    drop(run.now());
    assert_eq!(long.now(), Ok(()));
}

#[test]
fn there_are_no_more_runs_at_once_than_may_be() {
    let bench = Bench::with(|builder| builder.max_runs(2));
    let first = bench.receiver.reserve().unwrap();
    let _second = bench.receiver.reserve().unwrap();
    assert_eq!(
        bench.receiver.reserve().unwrap_err(),
        Refusal::TooManyRuns { limit: 2 }
    );
    drop(first);
    assert!(bench.receiver.reserve().is_ok());
    assert_eq!(bench.receiver.counts().turned_away, 1);
}

#[test]
fn what_is_forgotten_runs_again() {
    let bench = Bench::new();
    let key = bench.run(ok).now().outcome.key.unwrap();
    let mut forget =
        Stepped(Box::pin(bench.receiver.forget(key)) as Pin<Box<dyn Future<Output = _> + Send>>);
    let Poll::Ready(Ok(reply)) = forget.step() else {
        panic!("no reply");
    };
    assert_eq!(reply, ForgetReply::Forgotten);
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
}

#[test]
fn a_claim_that_was_heard_without_a_reply_is_settled_behind_a_run_that_did_not_wait_for_it() {
    let bench = Bench::with(|builder| builder.on_store_failure(StoreFailure::Run));
    let unheard = [Trouble::NoReply, Trouble::Down];
    bench.store.claim.lock().unwrap().extend(unheard);
    let ran = bench.run(fails).now();
    assert_eq!(ran.outcome.kind, OutcomeKind::Unrecorded);
    // It failed, and is given back.
    let busy = refusal(&bench.answered_without_a_run());
    assert_eq!(busy, Refusal::InFlight { retry_after: 60 });
    let mut rest = Stepped(Box::pin(ran.rest.unwrap()));
    rest.waits();
    bench.pass(1);
    rest.now();
    bench.store.claim.lock().unwrap().extend(unheard);
    let ran = bench.run(ok).now();
    assert_eq!(ran.outcome.kind, OutcomeKind::Unrecorded);
    // It is done, and recorded.
    let mut rest = Stepped(Box::pin(ran.rest.unwrap()));
    rest.waits();
    bench.pass(1);
    rest.now();
    is_duplicate(&bench.answered_without_a_run(), 204, false);
    let counts = bench.receiver.counts();
    assert_eq!((counts.unrecorded, counts.settles_failed), (2, 0));
}

#[test]
fn a_lease_that_is_over_when_it_is_heard_of_begins_no_run() {
    let bench = Bench::new();
    bench.store.claim.lock().unwrap().push_back(Trouble::Late);
    let ran = bench.run(|_| async { panic!("it runs") }).now();
    assert_eq!(refusal(&ran), Refusal::LeaseLost);
    is_response(&bench.run(ok).now(), "done", &OutcomeKind::Done, 2);
}

#[test]
fn what_can_be_done_without_leaves_half_of_the_places_to_runs() {
    for (policy, goes_on) in [
        (StoreFailure::Refuse, [true, true, false, false]),
        (StoreFailure::Run, [true, true, false, false]),
    ] {
        let bench = Bench::with(|builder| builder.on_store_failure(policy).max_runs(4));
        let mut rests = Vec::new();
        for (number, goes_on) in goes_on.into_iter().enumerate() {
            bench.store.claim.lock().unwrap().extend([Trouble::Down; 2]);
            let ran = bench.run(ok).now();
            assert_eq!(ran.rest.is_some(), goes_on, "{policy:?} {number}");
            rests.extend(ran.rest.map(|rest| (rest, ran.slot)));
        }
    }
}
