//! Bodies being read at once: who needs a place, who waits, and who is turned away.

use std::collections::VecDeque;
use std::num::NonZero;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use countersign::providers::WEBSUB;
use countersign::{
    Bodies, Broken, Chunks, Clock, Reading, Received, Receiver, Refusal, Secret, Sources, outcome,
};
use countersign_testkit::{ManualClock, Sender};
use http::Request;

use crate::support::{BODY, NOW, SECRET, builder, from};
use countersign::providers::STRIPE;

/// A body in pieces; between them it makes its reader wait.
struct Pieces(VecDeque<Option<Bytes>>);

impl Chunks for Pieces {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        if let Some(None) = self.0.front() {
            return Poll::Pending;
        }
        Poll::Ready(self.0.pop_front().flatten().map(Ok))
    }
}

/// Counts how often it was woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// One genuine attempt, whose body comes as the test says.
struct Attempt {
    reading: Reading,
    body: Pieces,
    rest: VecDeque<Bytes>,
    bell: Arc<Bell>,
}

impl Attempt {
    fn new(receiver: &Receiver, request: Request<Bytes>, pieces: usize) -> Self {
        let clock = Arc::clone(receiver.clock().unwrap());
        let (head, body) = request.into_parts();
        let reading = receiver.receive(&head, &clock).unwrap();
        let size = body.len().div_ceil(pieces);
        let rest = body.chunks(size).map(Bytes::copy_from_slice).collect();
        Self {
            reading,
            body: Pieces(VecDeque::from([None])),
            rest,
            bell: Arc::default(),
        }
    }

    fn poll(&mut self) -> Poll<Result<(), Refusal>> {
        let waker = Waker::from(Arc::clone(&self.bell));
        let mut cx = Context::from_waker(&waker);
        let received = self
            .reading
            .poll_received(&mut cx, Pin::new(&mut self.body));
        received.map(|received| match received? {
            Received::Delivery(_) => Ok(()),
            other => panic!("{other:?}"),
        })
    }

    /// The next piece is there; after the last one, the end.
    fn arrive(&mut self) {
        self.body.0.clear();
        if let Some(piece) = self.rest.pop_front() {
            self.body.0.push_back(Some(piece));
        }
        if !self.rest.is_empty() {
            self.body.0.push_back(None);
        }
    }

    fn arrive_whole(&mut self) {
        self.body.0 = self.rest.drain(..).map(Some).collect();
    }

    fn rang(&self) -> usize {
        self.bell.0.load(Ordering::SeqCst)
    }
}

struct Desk {
    clock: ManualClock,
    receiver: Receiver,
}

impl Desk {
    fn new(bodies: Bodies) -> Self {
        let clock = ManualClock::at_secs(NOW);
        let receiver = builder(&clock).bodies(bodies).build().unwrap();
        Self { clock, receiver }
    }

    fn of(places: usize) -> Self {
        Self::new(Bodies::new(NonZero::new(places).unwrap(), 1 << 20).waiting(2))
    }

    fn attempt(&self) -> Attempt {
        let sender = Sender::new(STRIPE, SECRET).at(self.clock.now());
        Attempt::new(&self.receiver, sender.send(BODY), 3)
    }

    /// It has made the receiver wait for its body.
    fn slow(&self) -> Attempt {
        let mut attempt = self.attempt();
        assert_eq!(attempt.poll(), Poll::Pending);
        attempt
    }

    fn usage(&self) -> (usize, usize) {
        let usage = self.receiver.bodies().usage();
        (usage.reading, usage.waiting)
    }
}

const FULL: Refusal = Refusal::TooManyBodies { limit: 2 };

/// So connections that stall cannot shut out a sender whose deliveries come whole.
#[test]
fn a_body_that_is_there_at_once_needs_no_place() {
    let desk = Desk::of(2);
    let _stalled = [desk.slow(), desk.slow(), desk.slow(), desk.slow()];
    assert_eq!(desk.usage(), (2, 2));
    for _ in 0..1_000 {
        let mut whole = desk.attempt();
        whole.arrive_whole();
        assert_eq!(whole.poll(), Poll::Ready(Ok(())));
    }
    assert_eq!(desk.usage(), (2, 2));
}

#[test]
fn what_waits_is_read_when_its_turn_comes() {
    let desk = Desk::of(1);
    let mut first = desk.slow();
    let mut second = desk.slow();
    assert_eq!(desk.usage(), (1, 1));
    // Its body is there by now, and is not looked at before its turn.
    second.arrive_whole();
    assert_eq!(second.poll(), Poll::Pending);
    first.arrive();
    assert_eq!(first.poll(), Poll::Pending);
    first.arrive_whole();
    assert_eq!((first.poll(), second.rang()), (Poll::Ready(Ok(())), 1));
    assert_eq!(second.poll(), Poll::Ready(Ok(())));
    assert_eq!(desk.usage(), (0, 0));
}

#[test]
fn without_room_to_wait_it_comes_again() {
    let desk = Desk::of(2);
    let waiting = [desk.slow(), desk.slow(), desk.slow(), desk.slow()];
    let mut late = desk.attempt();
    assert_eq!(late.poll(), Poll::Ready(Err(FULL)));
    assert_eq!(late.poll(), Poll::Ready(Err(Refusal::BodyIncomplete)));
    let answer = outcome::answer(&FULL);
    assert_eq!(answer.status.as_u16(), 503);
    assert_eq!(answer.retry_after, Some(5));
    assert_eq!(FULL.fault(), countersign::Fault::Application);
    drop(waiting);
    assert_eq!(desk.usage(), (0, 0));
    assert!(desk.slow().poll().is_pending());
}

/// A stalled body is ended by its own deadline, and its place goes on; who waited does so on the whole time that a body has.
#[test]
fn stalls_end_and_so_does_waiting() {
    let desk = Desk::of(1);
    let mut stalled = desk.slow();
    let mut waiting = desk.slow();
    desk.clock.advance(Duration::from_secs(10));
    // The pause of a body that nobody reads is none of its own.
    assert_eq!(waiting.poll(), Poll::Pending);
    assert_eq!(stalled.poll(), Poll::Ready(Err(Refusal::BodyTooSlow)));
    assert_eq!(desk.usage(), (1, 0));
    assert_eq!((waiting.rang() > 0, waiting.poll()), (true, Poll::Pending));
    desk.clock.advance(Duration::from_secs(9));
    waiting.arrive();
    assert_eq!(waiting.poll(), Poll::Pending);
    waiting.arrive_whole();
    assert_eq!(waiting.poll(), Poll::Ready(Ok(())));

    let mut busy = desk.slow();
    let mut waiting = desk.slow();
    for _ in 0..2 {
        desk.clock.advance(Duration::from_secs(9));
        busy.arrive();
        assert_eq!(
            (busy.poll(), waiting.poll()),
            (Poll::Pending, Poll::Pending)
        );
    }
    desk.clock.advance(Duration::from_secs(9));
    assert_eq!(waiting.poll(), Poll::Pending);
    // 30 s since it came, though somebody else may go on.
    desk.clock.advance(Duration::from_secs(3));
    let refusal = Refusal::TooManyBodies { limit: 1 };
    assert_eq!(waiting.poll(), Poll::Ready(Err(refusal)));
    assert_eq!(desk.usage(), (1, 0));
}

#[test]
fn whoever_goes_away_gives_his_place_on() {
    let desk = Desk::of(1);
    let first = desk.slow();
    let second = desk.slow();
    let mut third = desk.slow();
    third.arrive_whole();
    drop(second);
    assert_eq!((third.rang(), third.poll()), (0, Poll::Pending));
    drop(first);
    assert_eq!((third.rang(), third.poll()), (1, Poll::Ready(Ok(()))));
    assert_eq!(desk.usage(), (0, 0));
}

/// A body that never makes its reader wait, but has somebody look whenever it is asked for more.
struct Watched<'a> {
    pieces: VecDeque<Bytes>,
    look: &'a mut (dyn FnMut() + Send),
}

impl Chunks for Watched<'_> {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        (self.look)();
        Poll::Ready(self.pieces.pop_front().map(Ok))
    }
}

fn watched(
    desk: &Desk,
    pieces: impl IntoIterator<Item = Bytes>,
    mut look: impl FnMut() + Send,
) -> Result<(), Refusal> {
    let mut reading = desk.attempt().reading;
    let mut body = Watched {
        pieces: pieces.into_iter().collect(),
        look: &mut look,
    };
    let mut cx = Context::from_waker(Waker::noop());
    match reading.poll_received(&mut cx, Pin::new(&mut body)) {
        Poll::Ready(received) => received.map(drop),
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn a_body_that_never_pauses_needs_a_place_beyond_64_kibibytes() {
    let desk = Desk::of(2);
    let bodies = desk.receiver.bodies().clone();
    let mut seen = Vec::new();
    let pieces = [64 << 10, 1, 1].map(|size| Bytes::from(vec![b' '; size]));
    let refused = watched(&desk, pieces, || {
        let usage = bodies.usage();
        seen.push((usage.reading, usage.bytes));
    });
    assert_eq!(refused, Err(Refusal::SignatureMismatch));
    assert_eq!(seen, [(0, 0), (0, 0), (1, 1), (1, 2)]);
    assert_eq!(desk.usage(), (0, 0));
}

#[test]
fn a_body_that_never_pauses_has_thirty_seconds() {
    for (late, verdict) in [(0, Ok(())), (1, Err(Refusal::BodyTooSlow))] {
        let desk = Desk::of(2);
        let clock = desk.clock.clone();
        let mut asked = 0;
        let pieces = BODY.as_bytes().chunks(BODY.len() / 2);
        let answer = watched(&desk, pieces.map(Bytes::from_static), || {
            asked += 1;
            if asked == 2 {
                clock.advance(Duration::from_secs(30) + Duration::from_nanos(late));
            }
        });
        assert_eq!(answer, verdict);
    }
}

/// Large bodies stop being read while all there is is held, but for one; the next goes on when that is done.
#[test]
fn bytes_that_others_hold_make_large_bodies_wait() {
    let bodies = Bodies::new(NonZero::new(8).unwrap(), 100_000);
    let desk = Desk::new(bodies.clone());
    let sender = Sender::new(STRIPE, SECRET).at(desk.clock.now());
    let body = format!(r#"{{"id":"evt_1","pad":"{}"}}"#, "x".repeat(400_000));
    let large = || Attempt::new(&desk.receiver, sender.send(&body), 4);
    let (mut first, mut second) = (large(), large());
    for attempt in [&mut first, &mut second] {
        assert_eq!(attempt.poll(), Poll::Pending);
        attempt.arrive();
        assert_eq!(attempt.poll(), Poll::Pending);
    }
    let piece = u64::try_from(body.len().div_ceil(4)).unwrap();
    let held = piece - 64 * 1024;
    assert_eq!(bodies.usage().bytes, 2 * held);
    first.arrive();
    assert_eq!(first.poll(), Poll::Pending);
    assert_eq!(bodies.usage().bytes, 2 * held + piece);
    // More than there is: the first one to ask is read on, and what is small.
    first.arrive();
    second.arrive();
    assert_eq!(
        (first.poll(), second.poll()),
        (Poll::Pending, Poll::Pending)
    );
    assert_eq!(bodies.usage().bytes, 2 * held + 2 * piece);
    let mut small = desk.slow();
    small.arrive_whole();
    assert_eq!(small.poll(), Poll::Ready(Ok(())));
    let rang = second.rang();
    drop(first);
    assert_eq!(second.rang(), rang + 1);
    assert_eq!(second.poll(), Poll::Pending);
    assert_eq!(bodies.usage().bytes, held + piece);
    second.arrive_whole();
    assert_eq!(second.poll(), Poll::Ready(Ok(())));
    assert_eq!(bodies.usage().bytes, 0);
}

#[test]
fn one_bound_for_several_receivers() {
    let bodies = Bodies::new(NonZero::<usize>::MIN, 1).waiting(0);
    let (one, other) = (Desk::new(bodies.clone()), Desk::new(bodies));
    let slow = one.slow();
    let refusal = Refusal::TooManyBodies { limit: 1 };
    assert_eq!(other.attempt().poll(), Poll::Ready(Err(refusal)));
    drop(slow);
    assert!(other.attempt().poll().is_pending());
}

#[test]
fn a_source_that_is_known_has_no_more_than_its_share() {
    let clock = ManualClock::at_secs(NOW);
    let share = NonZero::<usize>::MIN;
    let bodies = Bodies::new(NonZero::new(2).unwrap(), 1).per_source(share);
    let receiver = builder(&clock).bodies(bodies.clone());
    let receiver = receiver.sources(Sources::direct()).build().unwrap();
    let sender = Sender::new(STRIPE, SECRET).at(clock.now());
    let slow = |peer| {
        let mut attempt = Attempt::new(&receiver, from(sender.send(BODY), peer), 3);
        assert_eq!(attempt.poll(), Poll::Pending);
        attempt
    };
    let _greedy = [slow("2001:db8::1"), slow("2001:db8::2")];
    assert_eq!((bodies.usage().reading, bodies.usage().waiting), (1, 1));
    let mut honest = slow("2001:db8:0:1::1");
    assert_eq!((bodies.usage().reading, bodies.usage().waiting), (2, 1));
    honest.arrive_whole();
    assert_eq!(honest.poll(), Poll::Ready(Ok(())));
}

/// Questions to the application are anybody's, so no more of them are waited for than bodies.
#[test]
fn questions_to_the_application_need_a_place_too() {
    let clock = ManualClock::at_secs(NOW);
    let bodies = Bodies::new(NonZero::new(2).unwrap(), 1);
    let receiver = Receiver::builder(WEBSUB, Secret::new("0123456789abcdef").unwrap())
        .clock(clock.clone())
        .bodies(bodies.clone())
        .consent(|_| std::future::pending())
        .build()
        .unwrap();
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let ask = || {
        let uri = "/?hub.mode=subscribe&hub.topic=https%3A%2F%2Fblog.example%2Ffeed&hub.challenge=abc&hub.lease_seconds=60";
        let request = Request::get(uri).body(()).unwrap();
        let reading = receiver.receive(&request, &shared).unwrap();
        Attempt {
            reading,
            body: Pieces(VecDeque::new()),
            rest: VecDeque::new(),
            bell: Arc::default(),
        }
    };
    let mut asked = [ask(), ask()];
    for asked in &mut asked {
        assert_eq!(asked.poll(), Poll::Pending);
    }
    assert_eq!(bodies.usage().reading, 2);
    assert_eq!(ask().poll(), Poll::Ready(Err(FULL)));
    assert_eq!(bodies.usage().waiting, 0);
    clock.advance(Duration::from_secs(30));
    for asked in &mut asked {
        assert_eq!(asked.poll(), Poll::Ready(Err(Refusal::ConsentTooSlow)));
    }
    assert_eq!(bodies.usage().reading, 0);
}
