//! What strangers could aim at others: each of these went wrong once.

use std::collections::VecDeque;
use std::num::NonZero;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use countersign::danger::Weak;
use countersign::providers::{GITHUB, WEBSUB, ZAPIER_QUERY};
use countersign::scheme::TokenPlace;
use countersign::{
    Bodies, Broken, Chunks, Clock, FailureLimit, Quota, Reading, Receiver, ReceiverBuilder,
    Refusal, Secret, Sources,
};
use countersign_testkit::{ManualClock, Sender};
use http::{Request, Version};

use crate::support::{NOW, builder, forged, from, genuine, penalising, streamed, two, verdict};

/// Pieces, and pauses between them.
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

struct Attempt {
    reading: Reading,
    body: Pieces,
}

impl Attempt {
    fn new(receiver: &Receiver, request: &Request<Bytes>) -> Self {
        let clock = Arc::clone(receiver.clock().unwrap());
        Self {
            reading: receiver.receive(request, &clock).unwrap(),
            body: Pieces([None].into()),
        }
    }

    fn slow(receiver: &Receiver, request: &Request<Bytes>) -> Self {
        let mut attempt = Self::new(receiver, request);
        assert_eq!(attempt.poll(), Poll::Pending);
        attempt
    }

    /// What comes from now on.
    fn comes(&mut self, pieces: impl IntoIterator<Item = Option<Bytes>>) -> &mut Self {
        self.body.0 = pieces.into_iter().collect();
        self
    }

    fn poll(&mut self) -> Poll<Result<(), Refusal>> {
        let mut cx = Context::from_waker(Waker::noop());
        let received = self
            .reading
            .poll_received(&mut cx, Pin::new(&mut self.body));
        received.map(|received| received.map(drop))
    }
}

const SECRET: &str = "0123456789abcdef";

fn places(count: usize) -> NonZero<usize> {
    NonZero::new(count).unwrap()
}

fn github(clock: &ManualClock) -> ReceiverBuilder {
    Receiver::builder(GITHUB, Secret::new(SECRET).unwrap()).clock(clock.clone())
}

fn usage(bodies: &Bodies) -> (usize, usize, u64) {
    let usage = bodies.usage();
    (usage.reading, usage.waiting, usage.bytes)
}

/// Heads that were let in while failures were left brought bodies with guesses without end.
#[test]
fn guesses_side_by_side_are_no_more_than_guesses_in_a_row() {
    const TOKEN: &str = "0123456789abcdef0123456789";
    let clock = ManualClock::at_secs(NOW);
    let receiver = Receiver::builder(ZAPIER_QUERY, Secret::new(TOKEN).unwrap())
        .token_in(TokenPlace::Json("/token".into()))
        .accept_weak(Weak::NothingSigned)
        .clock(clock.clone())
        .limit_failures(FailureLimit::refuse_early(two()))
        .sources(Sources::direct())
        .build()
        .unwrap();
    let head = Request::post("/").header("content-type", "application/json");
    let head = from(head.body(()).unwrap(), "192.0.2.1");
    let open = || receiver.open(&head, clock.now()).unwrap();
    let intakes: Vec<_> = (0..100).map(|_| open()).collect();
    let mut codes = Vec::new();
    for (number, mut intake) in intakes.into_iter().enumerate() {
        let token = match number {
            99 => TOKEN.to_owned(),
            number => format!("wrong-{number:020}"),
        };
        intake
            .push(format!(r#"{{"token":"{token}"}}"#).into())
            .unwrap();
        codes.push(intake.finish().map(drop).map_err(|refusal| refusal.code()));
    }
    assert_eq!(codes[..2], [Err("signature_mismatch"); 2]);
    assert_eq!(codes[2..], [Err("too_many_failures"); 98]);
}

/// Who had stood in the receiver's own queue was charged for the time.
#[test]
fn time_in_the_queue_is_nobodys_failure() {
    let clock = ManualClock::at_secs(NOW);
    let limit = FailureLimit::refuse_early(Quota::per_hour(NonZero::new(2).unwrap()));
    let receiver = builder(&clock).bodies(Bodies::new(places(1), 1 << 20));
    let receiver = receiver.limit_failures(limit).sources(Sources::direct());
    let receiver = receiver.build().unwrap();
    for _ in 0..4 {
        let mut stranger = Attempt::slow(&receiver, &genuine(&clock, "198.51.100.66"));
        let mut victim = Attempt::slow(&receiver, &genuine(&clock, "192.0.2.1"));
        for _ in 0..3 {
            clock.advance(Duration::from_millis(9_900));
            let drop = Some(Bytes::from_static(b"{"));
            assert_eq!(stranger.comes([drop, None]).poll(), Poll::Pending);
            assert_eq!(victim.poll(), Poll::Pending);
        }
        drop(stranger);
        // 29.7 s have passed in the queue, and its body needs half a second.
        assert_eq!(victim.poll(), Poll::Pending);
        clock.advance(Duration::from_millis(500));
        let refusal = Refusal::TooManyBodies { limit: 1 };
        assert_eq!(victim.poll(), Poll::Ready(Err(refusal)));
    }
    assert_eq!(streamed(&receiver, genuine(&clock, "192.0.2.1")), Ok(()));
}

/// A source with a share of the places had all of the bytes.
#[test]
fn a_source_has_no_more_of_the_bytes_than_of_the_places() {
    let clock = ManualClock::at_secs(NOW);
    let bodies = Bodies::new(places(8), 8 << 20).per_source(places(2));
    let receiver = github(&clock)
        .bodies(bodies.clone())
        .sources(Sources::direct());
    let receiver = receiver.build().unwrap();
    let large = Bytes::from(vec![b' '; 6 << 20]);
    let head = |peer, body: &Bytes| from(Sender::new(GITHUB, SECRET).send(body.clone()), peer);
    let piece = |from: usize, to: usize| Some(large.slice(from << 10..to << 10));
    let mut greedy: Vec<_> = (0..2)
        .map(|_| Attempt::slow(&receiver, &head("198.51.100.66", &large)))
        .collect();
    for one in &mut greedy {
        one.comes([piece(0, 2_048), None]);
        assert_eq!(one.poll(), Poll::Pending);
    }
    let held = (2 * (2_048 - 64)) << 10;
    assert_eq!(usage(&bodies), (2, 0, held));
    // Its share is 2 MiB. One of its bodies goes on all the same, the other one waits for that.
    for one in &mut greedy {
        one.comes([piece(2_048, 4_096), None]);
        assert_eq!(one.poll(), Poll::Pending);
    }
    assert_eq!(usage(&bodies), (2, 0, held + (2_048 << 10)));
    let body = Bytes::from(format!("{{\"a\":\"{}\"}}", "x".repeat(100 << 10)));
    let mut honest = Attempt::slow(&receiver, &head("192.0.2.1", &body));
    honest.comes([Some(body.slice(..80 << 10)), None]);
    assert_eq!(honest.poll(), Poll::Pending);
    honest.comes([Some(body.slice(80 << 10..))]);
    assert_eq!(honest.poll(), Poll::Ready(Ok(())));
    // The first one is through, and the second one's turn has come.
    let first = greedy.remove(0);
    drop(first);
    assert_eq!(greedy[0].poll(), Poll::Pending);
    assert_eq!(usage(&bodies), (1, 0, (4_096 - 64) << 10));
}

/// The one that went on for all waited for the one that went on for its source, and that one for it.
#[test]
fn somebody_always_gets_on() {
    const SHARE: usize = 64 << 10;
    // Of the 200,000 bytes a source has 100,000.
    for other_stays in [true, false] {
        let clock = ManualClock::at_secs(NOW);
        let bodies = Bodies::new(places(4), 200_000).per_source(places(2));
        let receiver = github(&clock)
            .bodies(bodies.clone())
            .sources(Sources::direct());
        let receiver = receiver.build().unwrap();
        let all = Bytes::from(vec![b' '; SHARE + 200_000]);
        let start = |peer, length: usize| {
            let request = Sender::new(GITHUB, SECRET).send(all.slice(..length));
            Attempt::slow(&receiver, &from(request, peer))
        };
        let piece = |length: usize| Some(all.slice(..length));
        let mut other = start("198.51.100.66", SHARE + 200_000);
        let mut third = start("198.51.100.67", SHARE + 100_000);
        let mut one = start("192.0.2.1", SHARE + 120_000);
        let mut two = start("192.0.2.1", SHARE + 50_000);
        other.comes([piece(SHARE + 130_000), None]);
        one.comes([piece(SHARE + 80_000), None]);
        assert_eq!((other.poll(), one.poll()), (Poll::Pending, Poll::Pending));
        // There is no room, and `one` is who goes on.
        assert_eq!(one.poll(), Poll::Pending);
        if other_stays {
            drop(third);
        } else {
            // There is room again, and then there is none.
            drop(other);
            third.comes([piece(SHARE + 99_000), None]);
            assert_eq!(third.poll(), Poll::Pending);
            other = third;
        }
        // As far as it came before it was counted: its source has used up its share.
        two.comes([piece(SHARE + 30_000), None]);
        assert_eq!(two.poll(), Poll::Pending);
        // Everybody's rest is there.
        one.comes([piece(40_000)]);
        two.comes([piece(20_000)]);
        other.comes([piece(if other_stays { 70_000 } else { 1_000 })]);
        let mut ended = [false; 3];
        for _ in 0..3 {
            for (ended, attempt) in ended.iter_mut().zip([&mut one, &mut two, &mut other]) {
                *ended = *ended || attempt.poll() == Poll::Ready(Ok(()));
            }
        }
        assert_eq!(ended, [true; 3], "{other_stays}");
        assert_eq!(bodies.usage().bytes, 0);
    }
}

/// A source with one place filled the whole queue.
#[test]
fn a_source_has_no_more_of_the_queue_than_of_the_places() {
    let clock = ManualClock::at_secs(NOW);
    let bodies = Bodies::new(places(4), 1 << 20)
        .waiting(8)
        .per_source(places(1));
    let receiver = builder(&clock)
        .bodies(bodies.clone())
        .sources(Sources::direct());
    let receiver = receiver.build().unwrap();
    let slow = |peer: &str| {
        let mut one = Attempt::new(&receiver, &genuine(&clock, peer));
        let polled = one.poll();
        (one, polled)
    };
    let greedy: Vec<_> = (0..9).map(|_| slow("198.51.100.66")).collect();
    let refusal = Refusal::TooManyBodies { limit: 4 };
    let refused = greedy
        .iter()
        .filter(|(_, polled)| *polled == Poll::Ready(Err(refusal.clone())));
    assert_eq!((refused.count(), usage(&bodies)), (7, (1, 1, 0)));
    let honest = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"].map(slow);
    assert!(honest.iter().all(|(_, polled)| polled.is_pending()));
    assert_eq!(usage(&bodies), (4, 2, 0));
}

/// What came as fast as it was read was counted only when it paused.
#[test]
fn a_long_body_needs_a_place_though_it_never_pauses() {
    let clock = ManualClock::at_secs(NOW);
    let bodies = Bodies::new(places(4), 1 << 20).waiting(4);
    let receiver = github(&clock).bodies(bodies.clone()).build().unwrap();
    let piece = 16 << 10;
    let body = Bytes::from(vec![b' '; 8 << 20]);
    let request = Sender::new(GITHUB, SECRET).send(body.clone());
    let attempts: Vec<_> = (0..8)
        .map(|_| {
            let mut one = Attempt::new(&receiver, &request);
            let pieces = body.chunks(piece).map(Bytes::copy_from_slice).map(Some);
            one.comes(pieces.take(body.len() / piece - 1).chain([None]));
            assert_eq!(one.poll(), Poll::Pending);
            one
        })
        .collect();
    let (reading, waiting, bytes) = usage(&bodies);
    assert_eq!((reading, waiting), (4, 4));
    // `bytes`, the one that goes beyond, and a piece of each other.
    assert!(bytes <= (1 << 20) + (8 << 20) + 7 * (16 << 10), "{bytes}");
    drop(attempts);
    assert_eq!(usage(&bodies), (0, 0, 0));
}

/// Connections that stalled had every question refused, also those that were answered at once.
#[test]
fn a_question_that_is_answered_at_once_needs_no_place() {
    let clock = ManualClock::at_secs(NOW);
    let bodies = Bodies::new(places(2), 1 << 20);
    let receiver = Receiver::builder(WEBSUB, Secret::new(SECRET).unwrap())
        .clock(clock.clone())
        .bodies(bodies.clone())
        .consent(|_| async { true })
        .build()
        .unwrap();
    let shared: Arc<dyn Clock> = Arc::new(clock);
    let stalled = Sender::new(WEBSUB, SECRET).send("{}");
    let _stalled = [0, 1].map(|_| Attempt::slow(&receiver, &stalled));
    assert_eq!(bodies.usage().reading, 2);
    let uri = "/?hub.mode=subscribe&hub.topic=https%3A%2F%2Fblog.example%2Ffeed&hub.challenge=abc&hub.lease_seconds=60";
    let request = Request::get(uri).body(()).unwrap();
    let mut asked = Attempt {
        reading: receiver.receive(&request, &shared).unwrap(),
        body: Pieces(VecDeque::new()),
    };
    assert_eq!(asked.poll(), Poll::Ready(Ok(())));
}

/// A request that was not read held up its whole connection, which others shared.
#[test]
fn where_requests_share_a_connection_nothing_waits() {
    let clock = ManualClock::at_secs(NOW);
    let bodies = Bodies::new(places(1), 1_000);
    let receiver = github(&clock).bodies(bodies.clone()).build().unwrap();
    let body = Bytes::from(vec![b' '; 1 << 20]);
    let of = |version| {
        let mut request = Sender::new(GITHUB, SECRET).send(body.clone());
        *request.version_mut() = version;
        request
    };
    let first = Attempt::slow(&receiver, &of(Version::HTTP_2));
    for version in [Version::HTTP_2, Version::HTTP_3] {
        let refusal = Refusal::TooManyBodies { limit: 1 };
        let mut late = Attempt::new(&receiver, &of(version));
        assert_eq!(late.poll(), Poll::Ready(Err(refusal)));
    }
    let waits = Attempt::slow(&receiver, &of(Version::HTTP_11));
    assert_eq!(usage(&bodies), (1, 1, 0));
    drop((first, waits));

    // Nor for bytes.
    let bodies = Bodies::new(places(2), 1_000);
    let receiver = github(&clock).bodies(bodies.clone()).build().unwrap();
    let mut both = [0, 1].map(|_| Attempt::slow(&receiver, &of(Version::HTTP_2)));
    for one in &mut both {
        one.comes([Some(body.slice(..80 << 10)), None]);
    }
    assert_eq!(both[0].poll(), Poll::Pending, "it is the one that goes on");
    let refusal = Refusal::TooManyBodies { limit: 2 };
    assert_eq!(both[1].poll(), Poll::Ready(Err(refusal)));
    assert_eq!(both[0].poll(), Poll::Pending);
    assert_eq!(usage(&bodies), (1, 0, 16 << 10));
}

/// A chunk that was refused, and then the end: two charges for one attempt.
#[test]
fn one_attempt_is_charged_once() {
    let clock = ManualClock::at_secs(NOW);
    let receiver = penalising(&clock);
    let (mut head, _) = genuine(&clock, "192.0.2.1").into_parts();
    head.headers.insert("content-length", "1".parse().unwrap());
    let mut intake = receiver.open(&head, clock.now()).unwrap();
    assert_eq!(intake.push("two".into()), Err(Refusal::BodyIncomplete));
    assert_eq!(intake.finish().map(drop), Err(Refusal::BodyIncomplete));
    // The second attempt of two.
    let second = verdict(&receiver, forged(&clock, "192.0.2.1"));
    assert_eq!(second, Err(Refusal::SignatureMismatch));
}

/// The limit hid that the sender's clock will mend it.
#[test]
fn a_retry_that_helps_helps_beyond_the_limit_too() {
    let clock = ManualClock::at_secs(NOW);
    let receiver = penalising(&clock);
    let ahead = ManualClock::at_secs(NOW + 400);
    let early = || streamed(&receiver, genuine(&ahead, "192.0.2.1")).unwrap_err();
    let [first, _, third] = [early(), early(), early()];
    assert_eq!(
        (first.code(), third.cause()),
        ("timestamp_too_new", Some("timestamp_too_new"))
    );
    assert!(first.retry_helps() && third.retry_helps());
    let forged = verdict(&receiver, forged(&clock, "192.0.2.1")).unwrap_err();
    assert_eq!(
        (forged.cause(), forged.retry_helps()),
        (Some("signature_mismatch"), false)
    );
}

#[test]
fn receivers_of_one_builder_have_bounds_of_their_own() {
    let clock = ManualClock::at_secs(NOW);
    let builder = builder(&clock);
    let (one, other) = (builder.clone().build().unwrap(), builder.build().unwrap());
    let _slow = Attempt::slow(&one, &genuine(&clock, "192.0.2.1"));
    assert_eq!(
        (one.bodies().usage().reading, other.bodies().usage().reading),
        (1, 0)
    );
}
