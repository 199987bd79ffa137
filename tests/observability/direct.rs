//! The core without an adapter: whatever is dropped, and wherever, each attempt is told once.

use std::num::NonZero;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use countersign::providers::STRIPE;
use countersign::{
    Attempt, AttemptQueue, Broken, Chunks, Clock, Delivery, FailureLimit, Handled, MemoryStore,
    NoAttempt, Observer, Once, Peer, Quota, Receiver, Refusal, Sources, danger,
};
use http::{Request, StatusCode};

use crate::recorder::Recorder;
use crate::stage::{BODY, SECRET, Stage};

struct Never;

impl Chunks for Never {
    fn poll_chunk(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        Poll::Pending
    }
}

struct Over;

impl Chunks for Over {
    fn poll_chunk(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        Poll::Ready(None)
    }
}

fn split(request: Request<Bytes>) -> (Request<()>, Bytes) {
    let (head, body) = request.into_parts();
    (Request::from_parts(head, ()), body)
}

#[tokio::test(start_paused = true)]
async fn what_is_verified_alone_is_told_when_it_is_let_go_of() {
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let mut stage = Stage::new(&recorder);
    let receiver = stage.receiver(STRIPE);
    let now = stage.clock.now();
    let (head, body) = split(stage.genuine(STRIPE, BODY));

    let verified = receiver.verify(&head, body.clone(), now).unwrap();
    stage.none();
    drop(verified);
    assert_eq!(stage.one("accepted", None).id, None, "nobody has read it");

    let verified = receiver.verify(&head, body.clone(), now).unwrap();
    let delivery = verified.deliver(&head).unwrap();
    let record = stage.one("accepted", None);
    assert_eq!(record.id.as_deref(), Some("evt_1"));
    assert_eq!(record.body_bytes, u64::try_from(BODY.len()).ok());
    drop((delivery.clone(), delivery));
    stage.none();

    let forged = receiver.verify(&head, "{}".into(), now).unwrap_err();
    assert_eq!(forged, Refusal::SignatureMismatch);
    stage.one("signature_mismatch", 401);

    let (head, body) = split(stage.genuine(STRIPE, r#"{"id":["planted"]}"#));
    let verified = receiver.verify(&head, body, now).unwrap();
    assert_eq!(
        verified.deliver(&head).unwrap_err().code(),
        "field_malformed"
    );
    stage.one("field_malformed", 400);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_read_is_told_once_however_it_ends() {
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let mut stage = Stage::new(&recorder);
    let receiver = stage.builder(STRIPE).max_body(64).build().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(stage.clock);
    let (head, body) = split(stage.genuine(STRIPE, BODY));
    let open = || receiver.open(&head, clock.now()).unwrap();

    let mut intake = open();
    intake.push(body.slice(..10)).unwrap();
    stage.none();
    drop(intake);
    assert_eq!(stage.one("abandoned", None).body_bytes, Some(10));

    // Whoever goes on after a refusal is told it again, and nobody else.
    let mut intake = open();
    let long = Bytes::from(vec![b'x'; 65]);
    let too_large = Err(Refusal::BodyTooLarge { limit: 64 });
    assert_eq!(intake.push(long), too_large);
    stage.one("body_too_large", 413);
    assert_eq!(intake.finish().map(drop), too_large);
    stage.none();

    let mut intake = open();
    intake.push(body.clone()).unwrap();
    let verified = intake.finish().unwrap().verified().unwrap();
    stage.none();
    drop(verified);
    stage.one("accepted", None);

    let mut cx = Context::from_waker(Waker::noop());
    let read = || receiver.receive(&head, &clock).unwrap();
    drop(read());
    assert_eq!(stage.one("abandoned", None).body_bytes, Some(0));
    let mut reading = read();
    assert!(
        reading
            .poll_received(&mut cx, Pin::new(&mut Never))
            .is_pending()
    );
    drop(reading);
    stage.one("abandoned", None);
    // Nothing is told of what is asked again after its end.
    let mut reading = read();
    for tell in [true, false] {
        let ended = reading.poll_received(&mut cx, Pin::new(&mut Over));
        let Poll::Ready(Err(refusal)) = ended else {
            panic!("an empty body");
        };
        if tell {
            assert_eq!(refusal, Refusal::SignatureMismatch);
            stage.one("signature_mismatch", 401);
        }
    }
    drop(reading);
    stage.none();
}

#[tokio::test(start_paused = true)]
async fn a_genuine_delivery_that_nobody_runs_is_seen() {
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let mut stage = Stage::new(&recorder);
    let store = MemoryStore::single_process_on(8, stage.clock);
    let receiver = stage.builder(STRIPE).store(store).build().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(stage.clock);
    let (head, body) = split(stage.genuine(STRIPE, BODY));
    let verify = || receiver.verify(&head, body.clone(), clock.now()).unwrap();

    drop(verify());
    stage.one("dropped", None);
    let delivery = verify().deliver(&head).unwrap();
    let clone = delivery.clone();
    drop(delivery);
    stage.none();
    drop(clone);
    assert_eq!(stage.one("dropped", None).id.as_deref(), Some("evt_1"));

    // One attempt, run twice by mistake, is one attempt and one run more.
    let delivery = verify().deliver(&head).unwrap();
    run(&receiver, delivery.clone(), &clock).await;
    stage.one("done", 200);
    run(&receiver, delivery.clone(), &clock).await;
    stage.late("duplicate_replay", 200);
    // It has ended: who waits for it gets its answer, and it is not given up.
    assert_eq!(receiver.give_up(&delivery), None);
    assert_eq!(receiver.counts().unfinished, 0);
    stage.none();
    // What comes when it was told already is an event of the run.
    receiver.refuse(&delivery, Refusal::ShuttingDown);
    stage.late("shutting_down", 503);
    drop(delivery);
    let delivery = verify().deliver(&head).unwrap();
    assert!(receiver.give_up(&delivery).is_some());
    stage.one("unfinished", 503);
    assert_eq!(receiver.give_up(&delivery), None);
    assert_eq!(receiver.counts().unfinished, 1);
    drop(delivery);
    stage.none();
}

async fn run(
    receiver: &Receiver<Once<MemoryStore>>,
    delivery: countersign::Delivery,
    clock: &Arc<dyn Clock>,
) {
    let slot = receiver.reserve().unwrap();
    let handler = |_| async { Handled::new(StatusCode::OK, ()) };
    let ran = receiver.run(slot, delivery, clock, handler).await;
    drop(ran);
}

/// The delivery itself is there for whoever is told of it, as long as it is.
#[tokio::test(start_paused = true)]
async fn whoever_is_told_of_a_delivery_is_given_it() {
    type Told = Vec<(&'static str, Option<String>)>;
    #[derive(Clone, Default)]
    struct Reads(Arc<Mutex<Told>>);
    impl Reads {
        fn read(&self, attempt: &Attempt<'_>) {
            let id = attempt.delivery.and_then(Delivery::id);
            let id = id.map(|id| id.as_str().to_owned());
            self.0.lock().unwrap().push((attempt.code, id));
        }
        fn take(&self) -> Told {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }
    impl Observer for Reads {
        fn attempt(&self, attempt: &Attempt<'_>) {
            self.read(attempt);
        }
        fn late_run(&self, run: &Attempt<'_>) {
            self.read(run);
        }
    }
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let mut stage = Stage::new(&recorder);
    let reads = Reads::default();
    let builder = || stage.builder(STRIPE).observer(reads.clone());
    let store = MemoryStore::single_process_on(8, stage.clock);
    let once = builder().store(store).build().unwrap();
    let plain = builder().build().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(stage.clock);
    let (head, body) = split(stage.genuine(STRIPE, BODY));
    let id = || Some("evt_1".to_owned());

    let verified = plain.verify(&head, body.clone(), clock.now()).unwrap();
    let delivery = verified.deliver(&head).unwrap();
    assert_eq!(reads.take(), [("accepted", id())]);
    drop(delivery);
    assert_eq!(reads.take(), []);

    let verify = || once.verify(&head, body.clone(), clock.now()).unwrap();
    drop(verify());
    drop(verify().deliver(&head).unwrap());
    // Nothing of it is left.
    assert_eq!(reads.take(), [("dropped", None), ("dropped", None)]);
    let delivery = verify().deliver(&head).unwrap();
    assert!(once.give_up(&delivery).is_some());
    run(&once, delivery, &clock).await;
    assert_eq!(reads.take(), [("unfinished", id()), ("done", id())]);
    let delivery = verify().deliver(&head).unwrap();
    once.refuse(&delivery, Refusal::ShuttingDown);
    assert_eq!(reads.take(), [("shutting_down", id())]);
}

/// Observers belong to the application, and it goes on without them.
#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_changes_nothing_and_is_said_once() {
    /// Panics once more when it is let go of.
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("as the test says");
        }
    }
    struct Panics(Arc<AtomicUsize>);
    impl Observer for Panics {
        fn attempt(&self, _: &Attempt<'_>) {
            self.0.fetch_add(1, Ordering::SeqCst);
            std::panic::panic_any(Bomb);
        }
    }
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let mut stage = Stage::new(&recorder);
    let calls = Arc::<AtomicUsize>::default();
    let observer = Panics(Arc::clone(&calls));
    let receiver = stage.builder(STRIPE).observer(observer).build().unwrap();
    let (head, body) = split(stage.genuine(STRIPE, BODY));
    let now = stage.clock.now();
    let mut said = 0;
    for _ in 0..2 {
        drop(receiver.verify(&head, body.clone(), now).unwrap());
        let lines = countersign_testkit::log::take();
        said += lines
            .iter()
            .filter(|line| line.starts_with("ERROR "))
            .count();
        // In an unwinding thread, too: a second panic would end the process.
        let verified = receiver.verify(&head, body.clone(), now).unwrap();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _verified = verified;
            panic!("as the test says");
        }));
        assert!(panicked.is_err());
        let lines = countersign_testkit::log::take();
        assert!(lines.iter().any(|line| line.contains(r#"code="accepted""#)));
        said += lines
            .iter()
            .filter(|line| line.starts_with("ERROR "))
            .count();
    }
    assert_eq!((calls.load(Ordering::SeqCst), said), (4, 1));
}

/// Guesses side by side: what comes to its end when its source has no failures left was let in, and is told all the same.
#[tokio::test(start_paused = true)]
async fn who_is_turned_away_at_the_end_of_his_body_is_told_once() {
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let mut stage = Stage::new(&recorder);
    let one = Quota::per_minute(NonZero::<u32>::MIN);
    let receiver = stage
        .builder(STRIPE)
        .limit_failures(FailureLimit::refuse_early(one))
        .sources(Sources::direct())
        .build()
        .unwrap();
    let (mut head, body) = split(stage.genuine(STRIPE, BODY));
    head.extensions_mut().insert(Peer([192, 0, 2, 1].into()));
    let open = || receiver.open(&head, stage.clock.now()).unwrap();
    let (first, mut second) = (open(), open());
    second.push(body.clone()).unwrap();
    assert_eq!(first.finish().unwrap_err(), Refusal::SignatureMismatch);
    stage.one("signature_mismatch", 401);
    assert_eq!(second.finish().unwrap_err().code(), "too_many_failures");
    let record = stage.one("too_many_failures", 429);
    assert_eq!((record.cause, record.is_verified), (None, false));
    stage.none();
    // Nor is one forgotten who is turned away at once, with a body that is there.
    let refused = receiver.verify(&head, body, stage.clock.now()).unwrap_err();
    assert_eq!(refused.code(), "too_many_failures");
    let record = stage.one("too_many_failures", 429);
    assert_eq!(record.body_bytes, u64::try_from(BODY.len()).ok());
    stage.none();
}

/// Its attempt was told when its sender could not wait: that it never came to its end is told apart.
#[tokio::test(start_paused = true)]
async fn a_late_run_that_is_dropped_is_seen() {
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let mut stage = Stage::new(&recorder);
    let store = MemoryStore::single_process_on(8, stage.clock);
    let receiver = stage.builder(STRIPE).store(store).build().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(stage.clock);
    let (head, body) = split(stage.genuine(STRIPE, BODY));
    let verified = receiver.verify(&head, body, clock.now()).unwrap();
    let delivery = verified.deliver(&head).unwrap();
    let slot = receiver.reserve().unwrap();
    let handler = |_| std::future::pending::<Handled<()>>();
    let mut running = Box::pin(receiver.run(slot, delivery.clone(), &clock, handler));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(running.as_mut().poll(&mut cx).is_pending());
    stage.none();
    assert!(receiver.give_up(&delivery).is_some());
    stage.one("unfinished", 503);
    drop(running);
    let record = stage.late("dropped", None);
    assert_eq!(record.id.as_deref(), Some("evt_1"));
    assert_eq!(receiver.counts().dropped, 1);
    drop(delivery);
    stage.none();
}

/// An observer may use what it observes: nothing is locked while it is called.
#[tokio::test(start_paused = true)]
async fn an_observer_may_ask_its_own_receiver() {
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let stage = Stage::new(&recorder);
    let own = Arc::<OnceLock<Receiver>>::default();
    let secret = || danger::secret_of_any_length(SECRET).unwrap();
    let asks = {
        let own = Arc::clone(&own);
        move |_: &Attempt<'_>| {
            let receiver = own.get().unwrap();
            receiver.rotate(secret()).unwrap();
            assert_eq!(receiver.secret_uses().len(), 1);
        }
    };
    let calls = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&calls);
    let receiver = stage
        .builder(STRIPE)
        .observer(move |attempt: &Attempt<'_>| {
            asks(attempt);
            counted.fetch_add(1, Ordering::SeqCst);
        });
    let receiver = receiver.build().unwrap();
    own.set(receiver.clone()).unwrap();
    let (head, body) = split(stage.sender(STRIPE).send(BODY));
    drop(receiver.verify(&head, body, stage.clock.now()).unwrap());
    assert!(
        receiver
            .verify(&head, "{}".into(), stage.clock.now())
            .is_err()
    );
    let mut intake = receiver.open(&head, stage.clock.now()).unwrap();
    intake.push("{".into()).unwrap();
    drop(intake);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    let _ = countersign_testkit::log::take();
}

/// Whoever reads too slowly misses attempts, and knows how many; nobody waits for him.
#[tokio::test(start_paused = true)]
async fn a_full_queue_counts_what_it_drops() {
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let stage = Stage::new(&recorder);
    let (queue, mut attempts) = AttemptQueue::bounded(NonZero::new(2).unwrap());
    let receiver = stage.builder(STRIPE).observer(queue).build().unwrap();
    let unsigned = Request::post("/").body(()).unwrap();
    let now = stage.clock.now();
    let refuse = || receiver.verify(&unsigned, "{}".into(), now).unwrap_err();
    for _ in 0..5 {
        assert_eq!(refuse(), Refusal::SignatureMissing);
    }
    assert_eq!(attempts.dropped(), 3);
    assert_eq!(attempts.next().unwrap().code, "signature_missing");
    assert_eq!(attempts.try_next().unwrap().scheme, "stripe");
    assert_eq!(attempts.next_within(Duration::ZERO), Err(NoAttempt::Yet));
    refuse();
    drop(receiver);
    assert!(attempts.next_within(Duration::ZERO).is_ok());
    assert_eq!(attempts.next_within(Duration::ZERO), Err(NoAttempt::Ever));
    assert_eq!(attempts.next(), None);
    assert_eq!(attempts.dropped(), 3);
}

/// An exchange of secrets is none of observers.
#[tokio::test(start_paused = true)]
async fn the_observer_outlives_an_exchange_of_secrets() {
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let mut stage = Stage::new(&recorder);
    let receiver = stage.receiver(STRIPE);
    let secret = countersign::Secret::new("whsec_another0123456789abcdef").unwrap();
    receiver.rotate(secret).unwrap();
    let (head, body) = split(stage.genuine(STRIPE, BODY));
    let refused = receiver.verify(&head, body, stage.clock.now());
    assert_eq!(refused.unwrap_err(), Refusal::SignatureMismatch);
    stage.one("signature_mismatch", 401);
}
