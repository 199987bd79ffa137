//! Questions that the application decides, and how long it may take.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::*;
use crate::clock::{Clock, Sleep};
use crate::intake::Asked as AskedByHead;
use crate::providers::{CLOUDEVENTS, WEBSUB};
use crate::reading::{Broken, Chunks, Reading, Received};

fn websub(consent: bool) -> Receiver {
    builder(WEBSUB)
        .consent(move |_| std::future::ready(consent))
        .build()
        .unwrap()
}

const SUBSCRIBE: &str =
    "/sub/17?hub.mode=subscribe&hub.topic=https%3A%2F%2Fa.example%2F&hub.challenge=kx9";

fn asked(receiver: &Receiver, question: &Ask) -> AskedByHead {
    match question.send(receiver) {
        Ok(Finished::Asked(asked)) => asked,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_application_sees_the_question_and_decides() {
    let receiver = websub(true);
    let subscribe = Ask::new("GET", SUBSCRIBE);
    let asked = asked(&receiver, &subscribe);
    let question = asked.question();
    assert_eq!((question.method(), question.path()), ("GET", "/sub/17"));
    assert_eq!(
        question.param("hub.topic").as_deref(),
        Some("https://a.example/")
    );
    assert_eq!(question.param("hub.lease_seconds"), None);
    assert_eq!(question.header("x-hub-signature"), None);
    assert_eq!(asked.answer(true), Ok(text_reply("kx9")));
    assert_eq!(asked.answer(false), Err(Refusal::NotAgreed));
    let printed = format!("{asked:?} {question:?}");
    assert!(printed.contains("websub") && printed.contains("GET"));
    for hidden in ["kx9", "a.example", "sub/17"] {
        assert!(!printed.contains(hidden), "{printed}");
    }
    // A parameter that is there twice has no value.
    let twice = Ask::new("GET", format!("{SUBSCRIBE}&hub.topic=b"));
    let asked = self::asked(&receiver, &twice);
    assert_eq!(asked.question().param("hub.topic"), None);
    // Without anybody to ask, nobody is answered.
    assert_eq!(
        subscribe.refused(&self::receiver(WEBSUB)),
        Refusal::MethodNotAllowed
    );
}

#[test]
fn the_application_is_not_bothered_with_what_could_not_be_answered() {
    let never = builder(WEBSUB)
        .consent(|_| async { panic!("asked") })
        .build()
        .unwrap();
    for (uri, refusal) in [
        (
            "/?hub.mode=subscribe&hub.challenge=%3Cscript%3E".to_owned(),
            malformed("hub.challenge"),
        ),
        (
            format!("/?hub.mode=subscribe&hub.challenge={}", "a".repeat(513)),
            malformed("hub.challenge"),
        ),
        ("/?hub.mode=subscribe".to_owned(), Refusal::MethodNotAllowed),
        (
            "/?hub.mode=subscribe&hub.mode=denied&hub.challenge=1".to_owned(),
            repeated("hub.mode"),
        ),
        (
            "/?hub.mode=publish&hub.challenge=1".to_owned(),
            Refusal::MethodNotAllowed,
        ),
        ("/".to_owned(), Refusal::MethodNotAllowed),
    ] {
        assert_eq!(Ask::new("GET", &*uri).refused(&never), refusal, "{uri}");
    }
}

#[test]
fn the_body_of_a_question_is_bounded_and_ignored() {
    let receiver = websub(true);
    let long = Ask::new("GET", SUBSCRIBE).body("x".repeat(1_024));
    assert_eq!(asked(&receiver, &long).answer(true), Ok(text_reply("kx9")));
    let limit = Refusal::BodyTooLarge { limit: 1_024 };
    let longer = Ask::new("GET", SUBSCRIBE).body("x".repeat(1_025));
    assert_eq!(longer.refused(&receiver), limit);
    let declared = |length: &str| Ask::new("GET", SUBSCRIBE).header("content-length", length);
    let open = |ask: &Ask| receiver.open(&ask.request(), NOW).err();
    assert_eq!(open(&declared("1024")), None);
    assert_eq!(open(&declared("1025")), Some(limit));
    assert_eq!(open(&declared("x")), Some(Refusal::LengthMalformed));
    assert_eq!(
        declared("1024").refused(&receiver),
        Refusal::BodyIncomplete,
        "promised and not sent"
    );
}

/// CloudEvents has two questions of one method: where an origin is configured, it decides, and the application is not asked about others.
#[test]
fn a_token_that_is_wrong_is_not_left_to_the_application() {
    let build = |builder: ReceiverBuilder| {
        builder
            .accept_weak(danger::Weak::NothingSigned)
            .build()
            .unwrap()
    };
    let ask = |origin: &str| Ask::new("OPTIONS", "/").header("webhook-request-origin", origin);
    let consenting = || builder(CLOUDEVENTS).consent(|_| std::future::ready(true));
    let configured = build(consenting().config("allowed-origin", "a.example"));
    let reply = ask("a.example").answer(&configured).unwrap();
    assert_eq!(reply.headers[0].1, "a.example");
    assert_eq!(
        ask("b.example").refused(&configured),
        Refusal::SignatureMismatch
    );
    let open = build(consenting());
    let reply = asked(&open, &ask("b.example")).answer(true).unwrap();
    assert_eq!(reply.headers[0].1, "b.example");
}

/// A clock that stands still until it is moved.
#[derive(Clone, Debug, Default)]
struct Manual(Arc<Mutex<(Duration, Vec<Waker>)>>);

impl Manual {
    fn advance(&self, seconds: u64) {
        let mut state = self.0.lock().unwrap();
        state.0 = state.0.saturating_add(Duration::from_secs(seconds));
        state.1.drain(..).for_each(Waker::wake);
    }
}

impl Clock for Manual {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().0
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let clock = self.clone();
        let deadline = clock.monotonic().saturating_add(duration);
        Box::pin(std::future::poll_fn(move |cx| {
            let mut state = clock.0.lock().unwrap();
            if state.0 >= deadline {
                return Poll::Ready(());
            }
            state.1.push(cx.waker().clone());
            Poll::Pending
        }))
    }
}

/// What the application has decided, and whether its future is still there.
#[derive(Clone, Default)]
struct Mind(Arc<Mutex<MindState>>);

#[derive(Default)]
struct MindState {
    decided: Option<bool>,
    waker: Option<Waker>,
    futures: usize,
}

struct Thinking(Mind);

impl Mind {
    fn state(&self) -> MutexGuard<'_, MindState> {
        self.0.lock().unwrap()
    }

    fn think(&self) -> Thinking {
        let mut state = self.state();
        state.futures = state.futures.saturating_add(1);
        Thinking(self.clone())
    }

    fn decide(&self, agreed: bool) {
        let mut state = self.state();
        state.decided = Some(agreed);
        state.waker.take().unwrap().wake();
    }
}

impl Future for Thinking {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.0.state();
        state.waker = Some(cx.waker().clone());
        state.decided.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Thinking {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.futures = state.futures.saturating_sub(1);
    }
}

/// A body that makes the reader wait so often, and then ends.
struct Waits(usize);

impl Chunks for Waits {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        match self.0.checked_sub(1) {
            Some(left) => {
                self.0 = left;
                Poll::Pending
            }
            None => Poll::Ready(None),
        }
    }
}

/// A body that may not be polled any more.
struct Over;

impl Chunks for Over {
    fn poll_chunk(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        panic!("polled again")
    }
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A subscription that is being asked about.
struct Desk {
    clock: Manual,
    mind: Mind,
    woken: Arc<Woken>,
    heard: Arc<Mutex<Vec<Refusal>>>,
    reading: Reading,
}

impl Desk {
    fn new() -> Self {
        let (clock, mind) = (Manual::default(), Mind::default());
        let heard: Arc<Mutex<Vec<Refusal>>> = Arc::default();
        let (asked, ear) = (mind.clone(), Arc::clone(&heard));
        let receiver = builder(WEBSUB)
            .consent(move |_| asked.think())
            .observer(move |attempt: &Attempt<'_>| ear.lock().unwrap().extend(failure(attempt)))
            .build()
            .unwrap();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let reading = receiver.receive(&Ask::new("GET", SUBSCRIBE).request(), &shared);
        Self {
            clock,
            mind,
            woken: Arc::default(),
            heard,
            reading: reading.unwrap(),
        }
    }

    fn poll(&mut self, body: &mut (impl Chunks + Unpin)) -> Poll<Result<Reply, Refusal>> {
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut cx = Context::from_waker(&waker);
        let received = self.reading.poll_received(&mut cx, Pin::new(body));
        received.map_ok(|received| match received {
            Received::Answered(reply) => reply,
            Received::Delivery(verified) => panic!("{verified:?}"),
        })
    }

    fn woken(&self) -> usize {
        self.woken.0.load(Ordering::SeqCst)
    }

    /// The refusals that the limiter's hook was told.
    fn heard(&self) -> Vec<Refusal> {
        self.heard.lock().unwrap().clone()
    }
}

#[test]
fn a_decision_that_takes_its_time_is_waited_for() {
    let mut desk = Desk::new();
    assert_eq!(desk.poll(&mut Waits(1)), Poll::Pending);
    assert_eq!(desk.mind.state().futures, 0, "not asked before the body");
    assert_eq!(desk.poll(&mut Waits(0)), Poll::Pending);
    assert_eq!((desk.mind.state().futures, desk.woken()), (1, 0));
    desk.mind.decide(true);
    assert_eq!(desk.woken(), 1);
    assert_eq!(desk.poll(&mut Over), Poll::Ready(Ok(text_reply("kx9"))));
    assert_eq!(desk.mind.state().futures, 0);
    assert_eq!(desk.heard(), []);
    let again = desk.poll(&mut Over);
    assert_eq!(again, Poll::Ready(Err(Refusal::BodyIncomplete)));

    let mut desk = Desk::new();
    assert_eq!(desk.poll(&mut Waits(0)), Poll::Pending);
    desk.mind.decide(false);
    assert_eq!(desk.poll(&mut Over), Poll::Ready(Err(Refusal::NotAgreed)));
    assert_eq!(desk.heard(), [Refusal::NotAgreed]);
}

#[test]
fn a_decision_is_dropped_with_the_reading() {
    let mut desk = Desk::new();
    assert_eq!(desk.poll(&mut Waits(0)), Poll::Pending);
    let Desk { reading, mind, .. } = desk;
    assert_eq!(mind.state().futures, 1);
    drop(reading);
    assert_eq!(mind.state().futures, 0);
}

/// The body's pause of 10 s does not count for a decision, its 30 s in all do.
#[test]
fn a_decision_has_the_time_that_a_body_has() {
    let mut desk = Desk::new();
    assert_eq!(desk.poll(&mut Waits(0)), Poll::Pending);
    desk.clock.advance(29);
    assert_eq!(desk.poll(&mut Over), Poll::Pending);
    let before = desk.woken();
    desk.clock.advance(1);
    assert!(desk.woken() > before, "the deadline wakes");
    let slow = desk.poll(&mut Over);
    assert_eq!(slow, Poll::Ready(Err(Refusal::ConsentTooSlow)));
    assert_eq!(desk.mind.state().futures, 0, "nobody waits for it any more");
    assert_eq!(desk.heard(), [Refusal::ConsentTooSlow]);
    let again = desk.poll(&mut Over);
    assert_eq!(again, Poll::Ready(Err(Refusal::BodyIncomplete)));

    // What the body took is gone.
    let mut desk = Desk::new();
    for seconds in [9, 9] {
        assert_eq!(desk.poll(&mut Waits(1)), Poll::Pending);
        desk.clock.advance(seconds);
    }
    // Still the first pause: the body has sent nothing yet.
    let slow = desk.poll(&mut Waits(1));
    assert_eq!(slow, Poll::Ready(Err(Refusal::BodyTooSlow)));
    assert_eq!(desk.heard(), [Refusal::BodyTooSlow]);
    let mut desk = Desk::new();
    assert_eq!(desk.poll(&mut Waits(1)), Poll::Pending);
    desk.clock.advance(9);
    assert_eq!(desk.poll(&mut Waits(0)), Poll::Pending);
    desk.clock.advance(20);
    assert_eq!(desk.poll(&mut Over), Poll::Pending);
    desk.clock.advance(1);
    let slow = desk.poll(&mut Over);
    assert_eq!(slow, Poll::Ready(Err(Refusal::ConsentTooSlow)));

    // Decided in the last moment is decided.
    let mut desk = Desk::new();
    assert_eq!(desk.poll(&mut Waits(0)), Poll::Pending);
    desk.mind.decide(true);
    desk.clock.advance(30);
    assert_eq!(desk.poll(&mut Over), Poll::Ready(Ok(text_reply("kx9"))));
}

#[test]
fn a_question_is_counted_to_who_asks() {
    let limit = crate::FailureLimit::penalise(crate::Quota::per_minute(std::num::NonZeroU32::MIN));
    let receiver = builder(WEBSUB)
        .consent(|_| std::future::ready(true))
        .limit_failures(limit)
        .build()
        .unwrap();
    let source = |peer: Option<[u8; 4]>| {
        let mut request = Ask::new("GET", SUBSCRIBE).request();
        if let Some(peer) = peer {
            request.extensions_mut().insert(crate::Peer(peer.into()));
        }
        match receiver.open(&request, NOW).unwrap().finish() {
            Ok(Finished::Asked(asked)) => asked.source(),
            other => panic!("{other:?}"),
        }
    };
    let one = source(Some([192, 0, 2, 1]));
    assert!(one.is_some());
    assert_eq!(one, source(Some([192, 0, 2, 1])));
    assert_ne!(one, source(Some([192, 0, 2, 2])));
    assert_eq!(source(None), None);
}
