//! While the body is read: limits, deadlines, and what counts as a body.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_testkit::ManualClock;
use countersign_tower::{
    Clock, Countersign, Receiver, Secret, Sleep, Timestamp, providers::GITHUB,
};
use http::Request;
use tokio::time::Instant;
use tower::Service;

use crate::support::{
    GITHUB_BODY, GITHUB_SECRET, Reply, STRIPE_BODY, STRIPE_SENT, STRIPE_SIGNATURE, Seen, Step,
    github, ready, scripted, send, signed, stripe,
};

fn done() -> Reply {
    Reply {
        status: 200,
        headers: Vec::new(),
        body: "done".into(),
    }
}

fn limited(max_body: u64) -> Receiver {
    Receiver::builder(GITHUB, Secret::new(GITHUB_SECRET).unwrap())
        .clock(ManualClock::at_secs(0))
        .max_body(max_body)
        .build()
        .unwrap()
}

/// Deadlines are the runtime's, whose time is paused, as long as nobody sets a clock.
fn on_the_runtimes_time() -> Receiver {
    let secret = Secret::new(GITHUB_SECRET).unwrap();
    Receiver::builder(GITHUB, secret).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn many_chunks_are_one_body() {
    let chunks = ["Hel", "", "lo, ", "World", "!", ""];
    let steps = chunks
        .into_iter()
        .flat_map(|text| [Step::Data(text), Step::Waits(1)]);
    let (body, trace) = scripted(steps);
    let (reply, seen) = send(github(), signed().body(body).unwrap()).await;
    assert_eq!(reply, done());
    assert_eq!(seen.one().1, GITHUB_BODY);
    assert!(trace.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn a_published_stripe_event_passes_whole_and_byte_by_byte() {
    let head = || Request::post("/hooks").header("stripe-signature", STRIPE_SIGNATURE);
    let (body, _) = scripted([Step::Data(STRIPE_BODY)]);
    let (reply, seen) = send(stripe(STRIPE_SENT + 100), head().body(body).unwrap()).await;
    assert_eq!(reply, done());
    assert_eq!(seen.one().1, STRIPE_BODY);

    let (body, _) = scripted((0..STRIPE_BODY.len()).map(|at| Step::Data(&STRIPE_BODY[at..=at])));
    let (reply, seen) = send(stripe(STRIPE_SENT + 100), head().body(body).unwrap()).await;
    assert_eq!(reply, done());
    assert_eq!(seen.one().1, STRIPE_BODY);
}

#[tokio::test(start_paused = true)]
async fn one_altered_byte_is_a_wrong_signature() {
    for chunks in [
        vec!["Hello, World?"],
        vec!["Hello, ", "world!"],
        vec!["Hello, World"],
    ] {
        let (body, _) = scripted(chunks.into_iter().map(Step::Data));
        let (reply, seen) = send(github(), signed().body(body).unwrap()).await;
        assert_eq!(reply, Reply::refused(401, "unauthorized\n"));
        assert_eq!(seen.count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_body_is_judged_like_any_other() {
    let (body, _) = scripted([]);
    let (reply, seen) = send(github(), signed().body(body).unwrap()).await;
    assert_eq!(reply, Reply::refused(401, "unauthorized\n"));
    assert_eq!(seen.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit_is_polled_no_further() {
    let (body, trace) = scripted([
        Step::Data("Hello, "),
        Step::Data("World!"),
        Step::Data("more"),
    ]);
    let (reply, seen) = send(limited(12), signed().body(body).unwrap()).await;
    assert_eq!(reply, Reply::refused(413, "payload too large\n"));
    assert_eq!((trace.polls(), trace.is_dropped()), (2, true));
    assert_eq!(seen.count(), 0);

    // The twin: exactly the limit.
    let (body, _) = scripted([Step::Data("Hello, "), Step::Data("World!")]);
    let (reply, _) = send(limited(13), signed().body(body).unwrap()).await;
    assert_eq!(reply, done());
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_refused_body_is_dropped_before_the_answer() {
    let (body, trace) = scripted([Step::Data("Hello, World!"), Step::Stalls]);
    let mut service = Countersign::new(Seen::default().service(), limited(12));
    let mut future = Box::pin(ready(&mut service).await.call(signed().body(body).unwrap()));
    let response = future.as_mut().await.unwrap();
    assert!(trace.is_dropped(), "while the future is still there");
    assert_eq!(response.status(), 413);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_is_no_body() {
    let (body, trace) = scripted([Step::Data(GITHUB_BODY), Step::Fails, Step::Data("more")]);
    let (reply, seen) = send(github(), signed().body(body).unwrap()).await;
    assert_eq!(reply, Reply::refused(400, "bad request\n"));
    assert_eq!((trace.polls(), seen.count()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_of_another_length_than_declared_is_no_body() {
    for (length, polls) in [("14", 2), ("12", 1)] {
        let (body, trace) = scripted([Step::Data(GITHUB_BODY)]);
        let head = signed().header("content-length", length);
        let (reply, seen) = send(github(), head.body(body).unwrap()).await;
        assert_eq!(reply, Reply::refused(400, "bad request\n"), "{length}");
        assert_eq!((trace.polls(), seen.count()), (polls, 0), "{length}");
    }
    let (body, _) = scripted([Step::Data(GITHUB_BODY)]);
    let head = signed().header("content-length", "13");
    assert_eq!(send(github(), head.body(body).unwrap()).await.0, done());
}

#[tokio::test(start_paused = true)]
async fn trailers_are_dropped() {
    let (body, _) = scripted([Step::Data(GITHUB_BODY), Step::Trailers]);
    let (reply, seen) = send(github(), signed().body(body).unwrap()).await;
    assert_eq!(reply, done());
    let (parts, body) = seen.one();
    assert_eq!(body, GITHUB_BODY);
    assert_eq!(parts.headers.get("x-github-event"), None);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_given_ten_seconds() {
    for steps in [vec![], vec![Step::Waits(4), Step::Data("Hello")]] {
        let before = if steps.is_empty() { 0 } else { 4 };
        let (body, trace) = scripted(steps.into_iter().chain([Step::Stalls]));
        let start = Instant::now();
        let (reply, seen) = send(on_the_runtimes_time(), signed().body(body).unwrap()).await;
        assert_eq!(reply, Reply::refused(408, "request timeout\n"));
        assert_near(start, before + 10);
        assert_eq!((trace.is_dropped(), seen.count()), (true, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_is_given_thirty_seconds_in_all() {
    let (body, trace) =
        scripted((0..13).flat_map(|at| [Step::Waits(9), Step::Data(&GITHUB_BODY[at..=at])]));
    let start = Instant::now();
    let (reply, seen) = send(on_the_runtimes_time(), signed().body(body).unwrap()).await;
    assert_eq!(reply, Reply::refused(408, "request timeout\n"));
    assert_near(start, 30);
    assert_eq!((trace.is_dropped(), seen.count()), (true, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_within_the_deadlines_passes() {
    let (body, _) = scripted([
        Step::Waits(9),
        Step::Data("Hello, "),
        Step::Waits(9),
        Step::Data("World!"),
        Step::Waits(9),
    ]);
    let start = Instant::now();
    let (reply, _) = send(on_the_runtimes_time(), signed().body(body).unwrap()).await;
    assert_eq!(reply, done());
    assert_near(start, 27);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_without_a_clock_gets_the_runtimes() {
    let secret = Secret::new(GITHUB_SECRET).unwrap();
    let receiver = Receiver::builder(GITHUB, secret)
        .body_timeouts(Duration::from_secs(2), Duration::from_secs(3))
        .build()
        .unwrap();
    for (steps, seconds) in [
        (vec![Step::Stalls], 2),
        (
            vec![
                Step::Waits(1),
                Step::Data("He"),
                Step::Waits(1),
                Step::Data("llo"),
                Step::Stalls,
            ],
            3,
        ),
    ] {
        let start = Instant::now();
        let request = signed().body(scripted(steps).0).unwrap();
        let (reply, _) = send(receiver.clone(), request).await;
        assert_eq!(reply, Reply::refused(408, "request timeout\n"));
        assert_near(start, seconds);
    }
}

/// The same by the receiver's own clock, at the very moment.
#[tokio::test]
async fn the_deadline_is_by_the_receivers_clock() {
    let clock = ManualClock::at_secs(0);
    let receiver = Receiver::builder(GITHUB, Secret::new(GITHUB_SECRET).unwrap())
        .clock(clock.clone())
        .build()
        .unwrap();
    let (body, trace) = scripted([Step::Data("Hello"), Step::Stalls]);
    let sent = tokio::spawn(send(receiver, signed().body(body).unwrap()));
    tokio::task::yield_now().await;
    assert_eq!(clock.next_due(), Some(Duration::from_secs(10)));
    clock.advance(Duration::from_secs(10) - Duration::from_nanos(1));
    tokio::task::yield_now().await;
    assert!(!trace.is_dropped());
    clock.advance(Duration::from_nanos(1));
    let (reply, seen) = sent.await.unwrap();
    assert_eq!(reply, Reply::refused(408, "request timeout\n"));
    assert_eq!((trace.is_dropped(), seen.count()), (true, 0));
    assert_eq!(clock.sleepers(), 0);
}

/// Another second passes whenever this clock is asked: time goes by though nothing ever waits.
#[derive(Debug, Default)]
struct Passing(AtomicU64);

impl Clock for Passing {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(0)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.fetch_add(1, Ordering::SeqCst))
    }

    fn sleep(&self, _: Duration) -> Sleep {
        Box::pin(std::future::pending())
    }
}

/// Empty chunks count as no progress: HTTP/2 allows any number of empty frames, and a body that is always ready never lets a timer ring.
#[tokio::test]
async fn a_body_of_nothing_but_empty_chunks_is_not_read_for_ever() {
    let receiver = Receiver::builder(GITHUB, Secret::new(GITHUB_SECRET).unwrap())
        .clock(Passing::default())
        .build()
        .unwrap();
    let (body, trace) = scripted((0..1_000).map(|_| Step::Data("")));
    let (reply, seen) = send(receiver, signed().body(body).unwrap()).await;
    assert_eq!(reply, Reply::refused(408, "request timeout\n"));
    assert_eq!(seen.count(), 0);
    assert!(trace.polls() < 40, "{}", trace.polls());
}

/// Tokio's timer counts in milliseconds.
#[track_caller]
fn assert_near(start: Instant, seconds: u64) {
    let elapsed = start.elapsed();
    let late = elapsed.checked_sub(Duration::from_secs(seconds));
    assert!(
        late.is_some_and(|late| late < Duration::from_millis(10)),
        "{elapsed:?} instead of {seconds} s"
    );
}
