//! One look-up for all who ask at the same time, whatever becomes of it and of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use countersign::providers::{GITHUB, SLACK};
use countersign::{
    Bodies, Clock, Receiver, Refusal, Secret, Sleep, TenantPlace, Tenants, Timestamp,
};
use countersign_testkit::ManualClock;
use http::Request;
use std::num::NonZero;

use crate::support::{
    Attempt, NOW, Says, Source, UNKNOWN, Verdict, built, receiver, secret_of, signed, tenant,
    verdict, with,
};

const BODY: &str = r#"{"ref":"refs/heads/main"}"#;
const AWAY: Verdict = Err(Refusal::SecretsUnavailable);

fn by_path() -> TenantPlace {
    TenantPlace::path("/{tenant}")
}

fn from(name: &str) -> Request<Bytes> {
    signed(GITHUB, name, &format!("/{name}"), BODY)
}

fn github(source: &Source) -> (Receiver, ManualClock) {
    receiver(GITHUB, by_path(), source)
}

fn waits(receiver: &Receiver, request: Request<Bytes>) -> Attempt {
    let mut attempt = Attempt::new(receiver, request).unwrap();
    assert_eq!(attempt.poll(), Poll::Pending);
    attempt
}

#[test]
fn who_comes_meanwhile_waits_for_the_same_answer() {
    let source = Source::of(&["a", "b"]);
    let (receiver, clock) = github(&source);
    source.shut();
    let mut attempts: Vec<_> = (0..5).map(|_| waits(&receiver, from("a"))).collect();
    let mut other = waits(&receiver, from("b"));
    let mut forged = waits(&receiver, signed(GITHUB, "b", "/a", BODY));
    assert_eq!(source.asked(), ["a", "b"]);
    // Nobody is woken before there is something to wake for; then all are.
    assert_eq!(
        attempts.iter().map(|one| one.woken.count()).sum::<usize>(),
        0
    );
    source.open();
    assert!(attempts.iter().all(|one| one.woken.count() > 0));
    for attempt in &mut attempts {
        assert_eq!(attempt.poll(), Poll::Ready(tenant("a")));
    }
    assert_eq!(other.poll(), Poll::Ready(tenant("b")));
    assert_eq!(forged.poll(), Poll::Ready(Err(Refusal::SignatureMismatch)));
    assert_eq!(verdict(&receiver, from("a")), tenant("a"));
    assert_eq!((source.asked(), source.on_its_way()), (vec![], 0));
    assert_eq!(clock.sleepers(), 0);
}

/// Whoever began it goes, at each point; the others get their answer all the same, from the same call.
#[test]
fn who_began_a_look_up_may_go() {
    let source = Source::of(&["a"]);
    let (receiver, clock) = github(&source);
    for polls in 0..4 {
        receiver.forget_tenant("a");
        source.shut();
        let mut first = Attempt::new(&receiver, from("a")).unwrap();
        for _ in 0..polls {
            assert_eq!(first.poll(), Poll::Pending);
        }
        let mut second = waits(&receiver, from("a"));
        let mut third = waits(&receiver, from("a"));
        assert_eq!(source.asked(), ["a"], "{polls}");
        let before = second.woken.count();
        drop(first);
        assert_eq!(source.on_its_way(), 1);
        // It may have been the one that was to poll next.
        assert_eq!(second.woken.count() > before, polls > 0);
        assert_eq!(second.poll(), Poll::Pending);
        source.open();
        assert_eq!(third.poll(), Poll::Ready(tenant("a")));
        assert_eq!(second.poll(), Poll::Ready(tenant("a")));
        assert_eq!((source.asked(), source.on_its_way()), (vec![], 0));
        assert_eq!(clock.sleepers(), 0);
    }
}

#[test]
fn when_all_have_gone_nothing_is_left_of_it() {
    let source = Source::of(&["a"]);
    let tenants = Tenants::new(by_path(), source.clone()).max_look_ups(1);
    let (receiver, clock) = built(GITHUB, tenants);
    source.shut();
    for _ in 0..3 {
        let attempts: Vec<_> = (0..3).map(|_| waits(&receiver, from("a"))).collect();
        assert_eq!((source.on_its_way(), clock.sleepers()), (1, 4));
        drop(attempts);
        assert_eq!((source.on_its_way(), clock.sleepers()), (0, 0));
        assert_eq!(source.asked(), ["a"]);
    }
    // Its place is free again.
    source.open();
    assert_eq!(verdict(&receiver, from("b")), UNKNOWN);
    assert_eq!(verdict(&receiver, from("a")), tenant("a"));
}

/// The gate of the source wakes the look-up, which the last one who waits owns alone.
#[test]
fn a_waker_that_outlives_its_look_up_wakes_nobody() {
    let source = Source::of(&["a"]);
    let (receiver, _) = github(&source);
    source.shut();
    let attempt = waits(&receiver, from("a"));
    let woken = Arc::clone(&attempt.woken);
    drop(attempt);
    assert_eq!(Arc::strong_count(&woken), 1, "nobody holds its waker");
    source.open();
    assert_eq!(woken.count(), 0);
}

#[test]
fn a_source_that_fails_or_panics_is_away_and_that_is_not_remembered() {
    let source = Source::of(&["a"]);
    let (receiver, _) = github(&source);
    for says in [Says::Fails, Says::Panics, Says::PanicsAtOnce] {
        source.says("a", Some(says));
        assert_eq!(verdict(&receiver, from("a")), AWAY, "{says:?}");
        assert_eq!(verdict(&receiver, from("a")), AWAY, "{says:?}");
        assert_eq!(source.asked(), ["a", "a"]);
        assert_eq!(source.on_its_way(), 0);
    }
    source.says("a", Some(Says::Secret));
    assert_eq!(verdict(&receiver, from("a")), tenant("a"));
    // All who wait are told, and nobody waits for ever.
    receiver.forget_tenant("a");
    source.says("a", Some(Says::Panics));
    source.shut();
    let mut attempts = [(); 3].map(|()| waits(&receiver, from("a")));
    source.open();
    for attempt in &mut attempts {
        assert_eq!(attempt.poll(), Poll::Ready(AWAY));
    }
}

/// A task that was moved has another waker.
#[test]
fn who_is_polled_elsewhere_is_woken_there() {
    let source = Source::of(&["a"]);
    let (receiver, _) = github(&source);
    source.shut();
    let mut attempt = waits(&receiver, from("a"));
    let before = std::mem::take(&mut attempt.woken);
    assert_eq!(attempt.poll(), Poll::Pending);
    source.open();
    assert_eq!((before.count(), attempt.woken.count() > 0), (0, true));
    assert_eq!(attempt.poll(), Poll::Ready(tenant("a")));
}

/// A log that panics when a look-up has something to tell.
struct BrokenLog;

impl tracing::Subscriber for BrokenLog {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().ends_with("tenants::look_up")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        panic!("nobody reads this log")
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// Whoever polls a look-up ends it for all, whatever becomes of the poll: otherwise they would wait for him, and so would all who come later.
#[test]
fn a_log_that_panics_keeps_nobody_waiting() {
    let source = Source::of(&["a"]);
    let (receiver, _) = github(&source);
    for says in [Says::Fails, Says::Panics] {
        source.says("a", Some(says));
        source.shut();
        let mut attempts = [(); 3].map(|()| waits(&receiver, from("a")));
        source.open();
        tracing::subscriber::with_default(BrokenLog, || {
            for attempt in &mut attempts {
                assert_eq!(attempt.poll(), Poll::Ready(AWAY), "{says:?}");
            }
        });
    }
    source.says("a", Some(Says::Secret));
    assert_eq!(verdict(&receiver, from("a")), tenant("a"));
}

#[test]
fn secrets_that_no_receiver_could_have_are_the_operators_fault() {
    let source = Source::of(&["a"]);
    let (receiver, _) = github(&source);
    source.says("a", Some(Says::Other("hunter2")));
    let unusable = Err(Refusal::SecretsUnusable);
    assert_eq!(verdict(&receiver, from("a")), unusable);
    assert_eq!(verdict(&receiver, from("a")), unusable);
    assert_eq!(source.asked(), ["a", "a"]);
    source.says("a", Some(Says::Secret));
    assert_eq!(verdict(&receiver, from("a")), tenant("a"));
}

#[test]
fn a_source_that_hangs_is_away_after_its_time() {
    let source = Source::of(&["a"]);
    let (receiver, clock) = github(&source);
    source.shut();
    let mut attempts = [(); 2].map(|()| waits(&receiver, from("a")));
    clock.advance(Duration::from_secs(1));
    let mut late = waits(&receiver, from("a"));
    clock.advance(Duration::from_secs(1) - Duration::from_nanos(1));
    for attempt in &mut attempts {
        assert_eq!(attempt.poll(), Poll::Pending);
    }
    clock.advance(Duration::from_nanos(1));
    assert!(attempts.iter().all(|one| one.woken.count() > 0));
    for attempt in &mut attempts {
        assert_eq!(attempt.poll(), Poll::Ready(AWAY));
    }
    // It joined that look-up.
    assert_eq!(late.poll(), Poll::Ready(AWAY));
    drop((attempts, late));
    assert_eq!((source.on_its_way(), clock.sleepers()), (0, 0));
    // The next one asks again.
    assert_eq!(source.asked(), ["a"]);
    let mut next = waits(&receiver, from("a"));
    source.open();
    assert_eq!(next.poll(), Poll::Ready(tenant("a")));
    assert_eq!(source.asked(), ["a"]);
}

/// The body's own deadline ends it, too, where it comes first: that is no slow body.
#[test]
fn a_look_up_ends_with_the_bodys_time() {
    let source = Source::of(&["A1"]);
    let tenants =
        Tenants::new(TenantPlace::body(), source.clone()).look_up_timeout(Duration::from_secs(30));
    let (receiver, clock) = built(SLACK, tenants);
    source.shut();
    let request = signed(SLACK, "A1", "/", r#"{"api_app_id":"A1"}"#);
    let body = request.body().clone();
    let mut slow = Attempt::in_pieces(&receiver, request, [None]).unwrap();
    assert_eq!(slow.poll(), Poll::Pending);
    clock.advance(Duration::from_secs(9));
    slow.comes([Some(body)]);
    assert_eq!(slow.poll(), Poll::Pending);
    assert_eq!(source.asked(), ["A1"]);
    clock.advance(Duration::from_secs(21) - Duration::from_nanos(1));
    assert_eq!(slow.poll(), Poll::Pending);
    clock.advance(Duration::from_nanos(1));
    assert_eq!(slow.poll(), Poll::Ready(AWAY));
    assert_eq!((source.on_its_way(), clock.sleepers()), (0, 0));
}

#[test]
fn so_many_look_ups_are_on_their_way_and_no_more() {
    let source = Source::of(&["a", "b", "c"]);
    let tenants = Tenants::new(by_path(), source.clone()).max_look_ups(2);
    let (receiver, _) = built(GITHUB, tenants);
    source.shut();
    let mut a = waits(&receiver, from("a"));
    let _b = waits(&receiver, from("b"));
    let full = Err(Refusal::TooManyLookUps { limit: 2 });
    assert_eq!(verdict(&receiver, from("c")), full);
    // Who joins one needs no other.
    let mut joined = waits(&receiver, from("a"));
    assert_eq!(source.asked(), ["a", "b"]);
    source.open();
    assert_eq!(a.poll(), Poll::Ready(tenant("a")));
    assert_eq!(joined.poll(), Poll::Ready(tenant("a")));
    assert_eq!(verdict(&receiver, from("c")), tenant("c"));
}

/// The body is read beside the look-up, in pieces or not, and hashed when it is known with what.
#[test]
fn the_body_comes_in_meanwhile() {
    let source = Source::of(&["a"]);
    let (receiver, _) = github(&source);
    let body = Bytes::from_static(BODY.as_bytes());
    let cuts = [0, 1, 7, BODY.len() - 1, BODY.len()];
    for cut in cuts {
        for before in 0..3 {
            receiver.forget_tenant("a");
            source.shut();
            let pieces = [body.slice(..cut), body.slice(cut..)].map(Some);
            let (early, late) = pieces.split_at(before.min(2));
            let mut early = early.to_vec();
            early.push(None);
            let mut attempt = Attempt::in_pieces(&receiver, from("a"), early).unwrap();
            assert_eq!(attempt.poll(), Poll::Pending);
            source.open();
            if before == 1 {
                // The answer comes between two pieces.
                assert_eq!(attempt.poll(), Poll::Pending);
            }
            attempt.comes(late.to_vec());
            assert_eq!(attempt.poll(), Poll::Ready(tenant("a")), "{cut} {before}");
            assert_eq!(attempt.read(), BODY.len());
        }
    }
}

/// One that waits for its tenant holds a body, and there is room for so many.
#[test]
fn who_waits_for_a_look_up_has_a_place() {
    let source = Source::of(&["a"]);
    let bodies = Bodies::new(NonZero::new(1).unwrap(), 1 << 20).waiting(1);
    let tenants = Tenants::new(by_path(), source.clone());
    let (receiver, _) = with(GITHUB, tenants, |builder| builder.bodies(bodies.clone()));
    source.shut();
    let mut first = waits(&receiver, from("a"));
    let mut second = waits(&receiver, from("a"));
    assert_eq!((bodies.usage().reading, bodies.usage().waiting), (1, 1));
    let full = Err(Refusal::TooManyBodies { limit: 1 });
    assert_eq!(verdict(&receiver, from("a")), full);
    source.open();
    // It need not have a place to be answered.
    assert_eq!(second.poll(), Poll::Ready(tenant("a")));
    assert_eq!(first.poll(), Poll::Ready(tenant("a")));
    assert_eq!((bodies.usage().reading, bodies.usage().waiting), (0, 0));
    assert_eq!(verdict(&receiver, from("a")), tenant("a"));
    assert_eq!(bodies.usage().reading, 0);
}

#[test]
fn what_the_body_names_is_looked_up_when_it_is_whole() {
    let source = Source::of(&["A1"]);
    let (slack, _) = receiver(SLACK, TenantPlace::body(), &source);
    let body = r#"{"api_app_id":"A1","type":"event_callback"}"#;
    let request = || signed(SLACK, "A1", "/", body);
    let (first, last) = body.split_at(20);
    let pieces = || [first, last].map(|piece| Some(Bytes::copy_from_slice(piece.as_bytes())));
    let mut attempt = Attempt::in_pieces(&slack, request(), [None]).unwrap();
    assert_eq!(attempt.poll(), Poll::Pending);
    assert_eq!(source.asked(), [""; 0]);
    source.shut();
    attempt.comes(pieces());
    assert_eq!(attempt.poll(), Poll::Pending);
    assert_eq!(
        (source.asked(), attempt.read()),
        (vec!["A1".to_owned()], body.len())
    );
    source.open();
    assert_eq!(attempt.poll(), Poll::Ready(tenant("A1")));
    assert_eq!(verdict(&slack, request()), tenant("A1"));
    assert_eq!(source.asked(), [""; 0]);
}

/// A body that is not whole asks nobody anything.
#[test]
fn a_body_that_breaks_off_is_not_looked_up() {
    let source = Source::of(&["A1"]);
    let (slack, _) = receiver(SLACK, TenantPlace::body(), &source);
    let body = r#"{"api_app_id":"A1"}"#;
    let mut request = signed(SLACK, "A1", "/", body);
    let longer = http::HeaderValue::from(body.len() + 1);
    request.headers_mut().insert("content-length", longer);
    assert_eq!(verdict(&slack, request), Err(Refusal::BodyIncomplete));
    assert_eq!(source.asked(), [""; 0]);
}

/// A thread for each attempt, a runtime for none: the source is asked once for each tenant and everybody is answered.
#[test]
fn threads_share_a_look_up() {
    const THREADS: usize = 16;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let source = move |name: String| {
        count.fetch_add(1, Ordering::SeqCst);
        let mut turns = 0;
        async move {
            // Wakes itself, so that it is polled by whoever is quickest.
            std::future::poll_fn(|cx| {
                turns += 1;
                cx.waker().wake_by_ref();
                if turns > 20 {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            Ok(Some(Secret::new(secret_of(&name)).unwrap().into()))
        }
    };
    for round in 0..200 {
        let tenants = Tenants::new(by_path(), source.clone());
        let receiver = Receiver::for_tenants(GITHUB, tenants)
            .clock(ManualClock::at_secs(NOW))
            .build()
            .unwrap();
        let start = Barrier::new(THREADS);
        // While somebody waits, it is one and the same look-up.
        let anchors = ["a", "b"].map(|name| waits(&receiver, from(name)));
        thread::scope(|scope| {
            for number in 0..THREADS {
                let (receiver, start) = (&receiver, &start);
                scope.spawn(move || {
                    let name = ["a", "b"][number % 2];
                    let mut attempt = Attempt::new(receiver, from(name)).unwrap();
                    start.wait();
                    let gives_up = number >= 12;
                    loop {
                        let woken = attempt.woken.count();
                        match attempt.poll() {
                            Poll::Ready(verdict) => break assert_eq!(verdict, tenant(name)),
                            Poll::Pending if gives_up => break,
                            Poll::Pending => {}
                        }
                        // As a runtime does: not before it is woken. If that never comes, this never ends.
                        while attempt.woken.count() == woken {
                            thread::yield_now();
                        }
                    }
                });
            }
        });
        drop(anchors);
        assert_eq!(asked.swap(0, Ordering::SeqCst), 2, "round {round}");
    }
}

/// A clock that cannot wait, such as Tokio's on a runtime without its timer.
#[derive(Debug)]
struct NoTimer(ManualClock);

impl Clock for NoTimer {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    fn sleep(&self, _: Duration) -> Sleep {
        panic!("no timer")
    }
}

/// It never needs one while answers are there at once.
#[test]
fn no_timer_is_armed_for_an_answer_that_is_there() {
    let source = Source::of(&["a"]);
    let tenants = Tenants::new(by_path(), source.clone());
    let clock = NoTimer(ManualClock::at_secs(NOW));
    let receiver = Receiver::for_tenants(GITHUB, tenants).clock(clock);
    let receiver = receiver.build().unwrap();
    assert_eq!(verdict(&receiver, from("a")), tenant("a"));
    assert_eq!(verdict(&receiver, from("b")), UNKNOWN);
    // What would have to be waited for cannot be known.
    source.shut();
    assert_eq!(verdict(&receiver, from("c")), AWAY);
    assert_eq!(source.on_its_way(), 0);
}
