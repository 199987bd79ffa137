//! While a run goes on: what other attempts meet, how long a sender waits, how long a run may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use countersign_tower::{Countersign, OutcomeKind, Refusal, VerifiedBody, danger, providers};
use http::Request;
use tower::{Service, ServiceExt};

use crate::support::{Fault, Handled, Handler, Op, Rig, Told, millis, rig, rig_with, say, secs};

/// A handler that takes so long.
fn slow(seconds: u64) -> Rig {
    rig(move |_| async move {
        tokio::time::sleep(secs(seconds)).await;
        say(200, "done")
    })
}

const fn busy(retry_after: u32) -> Refusal {
    Refusal::InFlight { retry_after }
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_what_is_being_done_is_busy_and_then_a_duplicate() {
    let rig = slow(10);
    let first = rig.spawn("evt_1");
    rig.settle_down().await;
    rig.send("evt_1")
        .await
        .is_refused(503, busy(60), Some("60"));
    tokio::time::advance(millis(1)).await;
    rig.send("evt_1")
        .await
        .is_refused(503, busy(60), Some("60"));
    tokio::time::advance(millis(999)).await;
    let told = rig.send("evt_1").await;
    told.is_refused(503, busy(59), Some("59"));
    assert_eq!(told.outcome.unwrap().attempt, None);

    first
        .await
        .unwrap()
        .is_handlers(200, "done", OutcomeKind::Done, 1);
    assert_eq!(rig.clock.elapsed(), secs(10));
    rig.send("evt_1").await.is_recorded(200, 1);
    let counts = rig.receiver.counts();
    assert_eq!((counts.busy, counts.done, counts.duplicates), (3, 1, 1));
    assert_eq!((rig.runs(), counts.extended), (1, 0));
}

/// The lease of 60 s is extended at every third of it.
#[tokio::test(start_paused = true)]
async fn a_long_run_keeps_its_lease() {
    let rig = slow(200);
    let first = rig.spawn("evt_1");
    rig.settle_down().await;
    for (at, remaining) in [(19, 41), (20, 60), (39, 41), (40, 60), (61, 59), (199, 41)] {
        tokio::time::sleep(secs(at) - rig.clock.elapsed()).await;
        rig.settle_down().await;
        let retry_after = remaining.to_string();
        rig.send("evt_1")
            .await
            .is_refused(503, busy(remaining), Some(&retry_after));
    }
    assert_eq!(rig.leases()[0].as_ref().unwrap().remaining(), secs(41));
    first
        .await
        .unwrap()
        .is_handlers(200, "done", OutcomeKind::Done, 1);
    rig.send("evt_1").await.is_recorded(200, 1);
    let counts = rig.receiver.counts();
    // At 20, 40, …, 180; the handler is first at 200.
    assert_eq!((counts.extended, counts.extensions_failed), (9, 0));
    assert_eq!((rig.runs(), rig.store.count(Op::Extend)), (1, 9));
}

#[tokio::test(start_paused = true)]
async fn an_extension_that_fails_is_repeated() {
    let rig = slow(70);
    rig.store
        .next(Op::Extend, [Fault::Fails, Fault::Hangs, Fault::LosesReply]);
    rig.send("evt_1")
        .await
        .is_handlers(200, "done", OutcomeKind::Done, 1);
    let counts = rig.receiver.counts();
    // At 20, 21 (which takes its second), 23, 24, 44 and 64.
    assert_eq!((counts.extended, counts.extensions_failed), (3, 3));
    assert_eq!(rig.runs(), 1);
}

/// Nobody extends it, somebody else takes over, and the late run is told that it does not count.
#[tokio::test(start_paused = true)]
async fn a_run_that_lost_its_lease_changes_nothing() {
    let rig = rig(|run| async move {
        match run {
            1 => {
                tokio::time::sleep(secs(100)).await;
                say(200, "the first")
            }
            _ => {
                tokio::time::sleep(secs(5)).await;
                say(201, "the second")
            }
        }
    });
    rig.store.always(Op::Extend, Fault::Fails);
    let first = rig.spawn("evt_1");
    rig.settle_down().await;
    tokio::time::sleep(millis(59_999)).await;
    rig.send("evt_1").await.is_refused(503, busy(1), Some("1"));
    let lease = rig.leases()[0].clone().unwrap();
    assert!(!lease.is_lost());
    tokio::time::sleep(millis(1)).await;
    assert!(lease.is_lost());
    rig.send("evt_1")
        .await
        .is_handlers(201, "the second", OutcomeKind::Done, 2);

    let late = first.await.unwrap();
    late.is_refused(503, Refusal::LeaseLost, Some("5"));
    assert_eq!(late.outcome.unwrap().attempt, Some(1));
    assert_eq!(rig.clock.elapsed(), secs(100));
    rig.send("evt_1").await.is_recorded(201, 2);
    let counts = rig.receiver.counts();
    assert_eq!((counts.lost, counts.done, counts.busy), (1, 1, 1));
    rig.assert_idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_late_failure_does_not_free_the_work_of_another() {
    let rig = rig(|run| async move {
        match run {
            1 => {
                tokio::time::sleep(secs(90)).await;
                say(500, "the first")
            }
            _ => {
                tokio::time::sleep(secs(100)).await;
                say(200, "the second")
            }
        }
    });
    rig.store.always(Op::Extend, Fault::Fails);
    let first = rig.spawn("evt_1");
    tokio::time::sleep(secs(60)).await;
    rig.store.always(Op::Extend, Fault::None);
    let second = rig.spawn("evt_1");
    let late = first.await.unwrap();
    late.is_handlers(500, "the first", OutcomeKind::Released, 1);
    rig.send("evt_1")
        .await
        .is_refused(503, busy(50), Some("50"));
    second
        .await
        .unwrap()
        .is_handlers(200, "the second", OutcomeKind::Done, 2);
    assert_eq!(rig.runs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_too_long_is_ended_and_given_back() {
    struct SetOnDrop(Arc<AtomicBool>);
    impl Drop for SetOnDrop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&dropped);
    let rig = rig_with(
        providers::STRIPE,
        |builder| builder.run_timeout(secs(90)),
        move |run| {
            let set = SetOnDrop(Arc::clone(&set));
            async move {
                let _set = set;
                if run == 1 {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(millis(89_999)).await;
                say(200, "done")
            }
        },
    );
    let first = rig.spawn("evt_1");
    tokio::time::sleep(millis(89_999)).await;
    rig.settle_down().await;
    assert!(!dropped.load(Ordering::SeqCst) && !first.is_finished());
    let first = first.await.unwrap();
    first.is_refused(503, Refusal::RunTooLong, Some("5"));
    assert_eq!(first.outcome.unwrap().attempt, Some(1));
    assert_eq!(rig.clock.elapsed(), secs(90));
    assert!(dropped.load(Ordering::SeqCst));
    rig.send("evt_1")
        .await
        .is_handlers(200, "done", OutcomeKind::Done, 2);
    let counts = rig.receiver.counts();
    assert_eq!((counts.overlong, counts.done, counts.released), (1, 1, 0));
    rig.assert_idle().await;
}

/// A scheme, its override, and when its sender is told that it has to come again.
fn deadlines() -> Vec<(Rig, Duration)> {
    let handler = |_| async {
        tokio::time::sleep(secs(30)).await;
        say(200, "done")
    };
    let within = |span: Duration| {
        rig_with(
            providers::GITHUB,
            |builder| builder.answer_within(span),
            handler,
        )
    };
    let of = |scheme| rig_with(scheme, |builder| builder, handler);
    vec![
        (of(providers::GITHUB), secs(9)),
        (of(providers::SLACK), millis(2_700)),
        (within(secs(5)), millis(4_500)),
        (within(secs(20)), secs(19)),
        (within(millis(10)), millis(9)),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_waits_no_longer_is_told_so_and_the_run_goes_on() {
    for (rig, deadline) in deadlines() {
        let begun = rig.clock.elapsed();
        let first = rig.send("1").await;
        first.is_turned_away(503, Refusal::Unfinished, Some("10"));
        assert_eq!(rig.clock.elapsed() - begun, deadline);
        let second = rig.send("1").await;
        assert_eq!(
            (second.status, second.header("retry-after").is_some()),
            (503, true)
        );
        assert!(matches!(second.refusal, Some(Refusal::InFlight { .. })));
        assert_eq!(rig.clock.elapsed() - begun, deadline, "at once");

        tokio::time::sleep(secs(30) - deadline).await;
        rig.settle_down().await;
        let third = rig.send("1").await;
        assert_eq!(third.status, 200);
        assert!(matches!(
            third.outcome.unwrap().kind,
            OutcomeKind::Duplicate { .. }
        ));
        let counts = rig.receiver.counts();
        assert_eq!((counts.unfinished, counts.done, counts.busy), (1, 1, 1));
        assert_eq!(rig.runs(), 1);
        rig.assert_idle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_done_just_in_time_is_answered() {
    for (took, status) in [(8_999, 200), (9_000, 200), (9_001, 503)] {
        let rig = rig_with(
            providers::GITHUB,
            |builder| builder,
            move |_| async move {
                tokio::time::sleep(millis(took)).await;
                say(200, "done")
            },
        );
        let told = rig.send("1").await;
        // At the very moment either may be first, but it is one of them.
        if took != 9_000 {
            assert_eq!(told.status, status, "{took}");
        } else {
            assert!(matches!(told.status, 200 | 503));
        }
        let unfinished = u64::from(told.status == 503);
        assert_eq!(rig.receiver.counts().unfinished, unfinished);
        tokio::time::sleep(secs(1)).await;
        assert_eq!(rig.receiver.counts().done, 1);
    }
}

/// Time that the body took, the sender has waited, too.
#[tokio::test(start_paused = true)]
async fn the_deadline_counts_from_the_arrival() {
    let rig = rig_with(
        providers::GITHUB,
        |builder| builder,
        |_| async {
            tokio::time::sleep(secs(5)).await;
            say(200, "done")
        },
    );
    let begun = rig.clock.elapsed();
    let request = rig.attempt("1").map(|full| {
        http_body_util::BodyExt::boxed_unsync(Late {
            wait: Box::pin(tokio::time::sleep(secs(6))),
            body: full,
        })
    });
    let answer = rig.service.clone().oneshot(request).await.unwrap();
    let told = Told::of(answer).await;
    told.is_turned_away(503, Refusal::Unfinished, Some("10"));
    assert_eq!(rig.clock.elapsed() - begun, secs(9));
    tokio::time::sleep(secs(3)).await;
    rig.send("1").await.is_recorded_as(200, 1, true);
}

struct Late {
    wait: std::pin::Pin<Box<tokio::time::Sleep>>,
    body: http_body_util::Full<bytes::Bytes>,
}

impl http_body::Body for Late {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        std::task::ready!(self.wait.as_mut().poll(cx));
        self.wait = Box::pin(tokio::time::sleep(Duration::ZERO));
        std::pin::Pin::new(&mut self.body).poll_frame(cx)
    }
}

/// A sender whose deadline nobody knows waits.
#[tokio::test(start_paused = true)]
async fn without_a_deadline_there_is_none() {
    let rig = slow(600);
    rig.send("evt_1")
        .await
        .is_handlers(200, "done", OutcomeKind::Done, 1);
    assert_eq!(rig.clock.elapsed(), secs(600));
    assert_eq!(rig.receiver.answer_after(), None);
}

/// Ready after so many seconds.
#[derive(Clone)]
struct SlowToReady {
    inner: Handler,
    ready: Arc<AtomicUsize>,
    wait: Option<Arc<std::sync::Mutex<std::pin::Pin<Box<tokio::time::Sleep>>>>>,
}

impl Service<Request<VerifiedBody>> for SlowToReady {
    type Response = <Handler as Service<Request<VerifiedBody>>>::Response;
    type Error = <Handler as Service<Request<VerifiedBody>>>::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Handled> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let wait = self.wait.get_or_insert_with(|| {
            Arc::new(std::sync::Mutex::new(Box::pin(tokio::time::sleep(secs(
                30,
            )))))
        });
        std::task::ready!(wait.lock().unwrap().as_mut().poll(cx));
        self.ready.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<VerifiedBody>) -> Self::Future {
        self.inner.call(request)
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_service_to_be_ready_is_part_of_the_run() {
    let rig = rig_with(
        providers::GITHUB,
        |builder| builder,
        |_| async { say(200, "done") },
    );
    let inner = SlowToReady {
        inner: rig.handler.clone(),
        ready: Arc::default(),
        wait: None,
    };
    let ready = Arc::clone(&inner.ready);
    let service = Countersign::new(inner, rig.receiver.clone());
    let answer = service.oneshot(rig.attempt("1")).await.unwrap();
    let told = Told::of(answer).await;
    told.is_turned_away(503, Refusal::Unfinished, Some("10"));
    assert_eq!((rig.clock.elapsed(), rig.runs()), (secs(9), 0));
    tokio::time::sleep(secs(21)).await;
    rig.settle_down().await;
    assert_eq!((rig.runs(), ready.load(Ordering::SeqCst)), (1, 1));
    rig.send("1").await.is_recorded_as(200, 1, true);
    // The lease was kept while it waited.
    assert_eq!(rig.receiver.counts().extended, 1);
}

/// Deliveries that nobody tells apart run each time, and are bounded all the same.
#[tokio::test(start_paused = true)]
async fn without_deduplication_every_attempt_runs() {
    let rig = rig_with(
        providers::STRIPE,
        |builder| {
            builder
                .deduplicate(danger::Deduplicate::Off)
                .run_timeout(secs(90))
        },
        |run| async move {
            if run == 3 {
                std::future::pending::<()>().await;
            }
            say(200, "done")
        },
    );
    for _ in 0..2 {
        let told = rig.send("evt_1").await;
        assert_eq!((told.status, told.body.as_str()), (200, "done"));
        let outcome = told.outcome.unwrap();
        assert_eq!((outcome.kind, outcome.key), (OutcomeKind::Unrecorded, None));
    }
    rig.send("evt_1")
        .await
        .is_refused(503, Refusal::RunTooLong, Some("5"));
    assert_eq!((rig.runs(), rig.store.calls()), (3, vec![]));
    assert_eq!(rig.leases().iter().flatten().count(), 0);
    let counts = rig.receiver.counts();
    assert_eq!((counts.unrecorded, counts.overlong), (2, 1));
    rig.assert_idle().await;
}
