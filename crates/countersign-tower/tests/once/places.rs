//! Places for runs, shutting down, and handlers that panic.

use std::num::NonZeroU32;
use std::task::{Context, Poll};

use countersign_tower::{
    Countersign, OutcomeKind, Quota, QuotaStore, Refusal, Spend, SpendReply, StorePolicy,
    Unavailable, VerifiedBody, providers,
};
use http::Request;
use tower::{Service, ServiceExt};

use crate::support::{Fault, Handler, Op, Rig, Told, rig, rig_of, rig_with, say, secs};

fn narrow(most: usize) -> Rig {
    rig_with(
        providers::STRIPE,
        |builder| builder.max_runs(most),
        |_| async {
            tokio::time::sleep(secs(10)).await;
            say(200, "done")
        },
    )
}

#[tokio::test(start_paused = true)]
async fn beyond_the_places_nothing_is_claimed() {
    for most in [1, 3] {
        let rig = narrow(most);
        let running: Vec<_> = (0..most).map(|n| rig.spawn(&format!("evt_{n}"))).collect();
        rig.settle_down().await;
        assert_eq!((rig.runs(), rig.store.calls().len()), (most, most));
        for id in ["evt_0", "evt_new"] {
            let refused = rig.send(id).await;
            refused.is_turned_away(503, Refusal::TooManyRuns { limit: most }, Some("5"));
        }
        assert_eq!(rig.store.calls(), vec![Op::Claim; most]);
        for run in running {
            run.await
                .unwrap()
                .is_handlers(200, "done", OutcomeKind::Done, 1);
        }
        rig.send("evt_new")
            .await
            .is_handlers(200, "done", OutcomeKind::Done, 1);
        rig.send("evt_0").await.is_recorded(200, 1);
        assert_eq!(rig.receiver.counts().turned_away, 2);
        rig.assert_idle().await;
    }
}

/// Attempts that are refused or answered by the store give their place back, too.
#[tokio::test(start_paused = true)]
async fn every_end_gives_its_place_back() {
    let rig = rig_with(
        providers::STRIPE,
        |builder| builder.max_runs(1),
        |run| async move { say(if run == 1 { 500 } else { 200 }, "") },
    );
    rig.send("evt_1")
        .await
        .is_handlers(500, "", OutcomeKind::Released, 1);
    rig.send("evt_1")
        .await
        .is_handlers(200, "", OutcomeKind::Done, 2);
    for _ in 0..3 {
        rig.send("evt_1").await.is_recorded_as(200, 2, true);
    }
    assert_eq!(rig.receiver.counts().turned_away, 0);
}

#[tokio::test(start_paused = true)]
async fn draining_lets_nothing_in_and_waits_for_what_runs() {
    let rig = narrow(8);
    let first = rig.spawn("evt_1");
    rig.settle_down().await;
    let receiver = rig.receiver.clone();
    let drain = tokio::spawn(async move { receiver.drain(secs(30)).await });
    rig.settle_down().await;
    for id in ["evt_1", "evt_2"] {
        rig.send(id)
            .await
            .is_turned_away(503, Refusal::ShuttingDown, Some("5"));
    }
    assert_eq!(rig.store.calls(), [Op::Claim]);
    assert!(!drain.is_finished());
    first
        .await
        .unwrap()
        .is_handlers(200, "done", OutcomeKind::Done, 1);
    assert_eq!(drain.await.unwrap(), Ok(()));
    assert_eq!(rig.clock.elapsed(), secs(10));
    assert_eq!((rig.runs(), rig.receiver.counts().turned_away), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn draining_gives_up_at_its_deadline_and_what_runs_goes_on() {
    let rig = narrow(8);
    let first = rig.spawn("evt_1");
    rig.settle_down().await;
    let still = rig.receiver.drain(secs(4)).await.unwrap_err();
    assert_eq!(still.runs, 1);
    assert_eq!(still.to_string(), "1 runs are still going on");
    assert_eq!(rig.clock.elapsed(), secs(4));
    // It may be asked again.
    assert_eq!(rig.receiver.drain(secs(60)).await, Ok(()));
    assert_eq!(rig.clock.elapsed(), secs(10));
    first
        .await
        .unwrap()
        .is_handlers(200, "done", OutcomeKind::Done, 1);
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_a_record_that_is_on_its_way() {
    let rig = rig(|_| async { say(200, "done") });
    rig.store
        .next(Op::Settle, [Fault::Fails, Fault::Fails, Fault::Fails]);
    rig.send("evt_1")
        .await
        .is_handlers(200, "done", OutcomeKind::Done, 1);
    assert_eq!(rig.clock.elapsed(), secs(0));
    let still = rig.receiver.drain(secs(0)).await.unwrap_err();
    assert_eq!(still.runs, 1);
    assert_eq!(rig.receiver.drain(secs(30)).await, Ok(()));
    // A second after the answer, and two after that.
    assert_eq!(rig.clock.elapsed(), secs(3));
    assert_eq!(rig.store.count(Op::Settle), 4);
    assert_eq!(rig.receiver.counts().settles_failed, 0);
}

#[tokio::test(start_paused = true)]
async fn draining_what_never_ran_is_done_at_once() {
    let rig = narrow(1);
    assert_eq!(rig.receiver.drain(secs(30)).await, Ok(()));
    rig.send("evt_1")
        .await
        .is_turned_away(503, Refusal::ShuttingDown, Some("5"));
    assert_eq!(rig.clock.elapsed(), secs(0));
}

/// A run in place is waited for, too.
#[tokio::test(start_paused = true)]
async fn draining_waits_for_what_runs_in_place() {
    let rig = narrow(8).in_place();
    let first = rig.spawn("evt_1");
    rig.settle_down().await;
    assert_eq!(rig.receiver.drain(secs(30)).await, Ok(()));
    assert_eq!(rig.clock.elapsed(), secs(10));
    first
        .await
        .unwrap()
        .is_handlers(200, "done", OutcomeKind::Done, 1);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Panics {
    InReady,
    InCall,
    InFuture,
    AfterAWait,
}

/// Panics once, in one of its parts.
#[derive(Clone)]
struct Panicky {
    inner: Handler,
    panics: Panics,
    left: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Panicky {
    fn at(&self, here: Panics) {
        use std::sync::atomic::Ordering;
        let take = |left: usize| left.checked_sub(1);
        if self.panics == here
            && self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
                .is_ok()
        {
            panic!("as the test says");
        }
    }
}

impl Service<Request<VerifiedBody>> for Panicky {
    type Response = <Handler as Service<Request<VerifiedBody>>>::Response;
    type Error = <Handler as Service<Request<VerifiedBody>>>::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = crate::support::Handled> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.at(Panics::InReady);
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<VerifiedBody>) -> Self::Future {
        self.at(Panics::InCall);
        let work = self.inner.call(request);
        let this = self.clone();
        Box::pin(async move {
            this.at(Panics::InFuture);
            tokio::task::yield_now().await;
            this.at(Panics::AfterAWait);
            work.await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_500_and_the_delivery_is_given_back() {
    for panics in [
        Panics::InReady,
        Panics::InCall,
        Panics::InFuture,
        Panics::AfterAWait,
    ] {
        for in_place in [false, true] {
            let mut rig = rig_with(
                providers::STRIPE,
                |builder| builder.max_runs(1),
                |_| async { say(200, "done") },
            );
            if in_place {
                rig = rig.in_place();
            }
            let panicky = Panicky {
                inner: rig.handler.clone(),
                panics,
                left: std::sync::Arc::new(2.into()),
            };
            let layer = countersign_tower::CountersignLayer::new(rig.receiver.clone());
            let layer = if in_place { layer.in_place() } else { layer };
            let service: Countersign<_, _> = tower::Layer::layer(&layer, panicky);
            let send = async || {
                let answer = service.clone().oneshot(rig.attempt("evt_1")).await;
                Told::of(answer.unwrap()).await
            };
            for attempt in [1, 2] {
                let told = send().await;
                told.is_refused(500, Refusal::HandlerPanicked, None);
                assert_eq!(told.outcome.unwrap().attempt, Some(attempt));
            }
            send().await.is_handlers(200, "done", OutcomeKind::Done, 3);
            send().await.is_recorded_as(200, 3, true);
            let counts = rig.receiver.counts();
            assert_eq!((counts.panicked, counts.released, counts.done), (2, 0, 1));
            rig.assert_idle().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_without_a_record_is_500_too() {
    let rig = rig_with(
        providers::STRIPE,
        |builder| builder.deduplicate(countersign_tower::danger::Deduplicate::Off),
        |_| async { panic!("as the test says") },
    );
    let told = rig.send("evt_1").await;
    told.is_refused(500, Refusal::HandlerPanicked, None);
    assert_eq!(rig.receiver.counts().panicked, 1);
    rig.assert_idle().await;
}

/// A store of quotas that panics is as good as one that does not answer.
#[tokio::test(start_paused = true)]
async fn a_panic_of_the_quotas_store_ends_no_run_unless_that_was_chosen() {
    struct Loud {
        at_once: bool,
    }
    impl QuotaStore for Loud {
        fn spend(&self, _: Spend) -> impl Future<Output = Result<SpendReply, Unavailable>> + Send {
            assert!(!self.at_once, "as the test says");
            async { panic!("as the test says") }
        }
    }
    let quota = Quota::per_second(NonZeroU32::MIN);
    for at_once in [true, false] {
        let rig = rig_with(
            providers::STRIPE,
            |builder| builder.quota(quota, Loud { at_once }),
            |_| async { say(200, "done") },
        );
        let told = rig.send("evt_1").await;
        told.is_handlers(200, "done", OutcomeKind::Done, 1);
        assert_eq!(rig.receiver.counts().quota_unavailable, 1);

        let refuse = StorePolicy::Refuse;
        let rig = rig_with(
            providers::STRIPE,
            |builder| {
                builder
                    .quota(quota, Loud { at_once })
                    .on_quota_failure(refuse)
            },
            |_| async { say(200, "done") },
        );
        let told = rig.send("evt_1").await;
        told.is_refused(503, Refusal::StoreUnavailable, Some("5"));
        assert_eq!(rig.store.calls(), [Op::Claim, Op::Release]);
        assert_eq!(rig.runs(), 0);
        let counts = rig.receiver.counts();
        assert_eq!((counts.quota_unavailable, counts.panicked), (1, 0));
        rig.assert_idle().await;
    }
}

/// A body that is read for the record, and panics.
#[tokio::test(start_paused = true)]
async fn a_panic_of_the_answers_body_is_500() {
    struct Loud;
    impl http_body::Body for Loud {
        type Data = bytes::Bytes;
        type Error = crate::support::Broke;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
            panic!("as the test says")
        }
    }
    let rig = rig_of(
        providers::SLACK,
        |builder| builder,
        |run, _| {
            Box::pin(async move {
                let mut response = say(200, "hello")?;
                if run == 1 {
                    *response.body_mut() = http_body_util::BodyExt::boxed_unsync(Loud);
                }
                Ok(response)
            })
        },
    );
    rig.send("Ev1")
        .await
        .is_refused(500, Refusal::HandlerPanicked, None);
    rig.send("Ev1")
        .await
        .is_handlers(200, "hello", OutcomeKind::Done, 2);
}
