//! Corners of a run: what is dropped, what panics, what comes late, and what a receiver does before its first run.

use countersign_tower::{
    CountersignLayer, OutcomeKind, Receiver, Refusal, Secret, SettingError, StillRunning,
    StorePolicy, providers,
};
use http::Response;

use crate::support::*;

/// A run that has its place and was not polled yet had brought no clock: drain waited without its deadline, for ever.
#[tokio::test(start_paused = true)]
async fn drain_keeps_its_deadline_before_the_first_run_was_polled() {
    let receiver = Receiver::builder(providers::STRIPE, Secret::new(SECRET).unwrap())
        .store(Scripted::new(8, Paused::new()))
        .build()
        .unwrap();
    let slot = receiver.reserve().unwrap();
    // Without a clock nobody can wait for a while.
    let still = Err(StillRunning { runs: 1 });
    assert_eq!(receiver.drain(secs(1)).await, still);
    // The layer has brought one.
    let _layer = CountersignLayer::new(receiver.clone());
    let begun = tokio::time::Instant::now();
    assert_eq!(receiver.drain(secs(1)).await, still);
    assert_eq!(begun.elapsed(), secs(1));
    drop(slot);
    assert_eq!(receiver.drain(secs(1)).await, Ok(()));
}

/// Recorded bytes were given out without the encoding that they are in: a reader of the answer got gzip as text.
#[tokio::test(start_paused = true)]
async fn an_encoded_answer_is_not_repeated_as_if_it_were_plain() {
    let rig = rig_with(
        providers::SLACK,
        |builder| builder,
        |_| async {
            let response = Response::builder()
                .header("content-type", "application/json")
                .header("content-encoding", "gzip")
                .body(body("pretend that this is gzip"));
            Ok(response.unwrap())
        },
    );
    let first = rig.send("Ev1").await;
    assert_eq!(first.body, "pretend that this is gzip");
    rig.send("Ev1").await.is_recorded_as(200, 1, true);
}

/// Ghost leases of an outage hold the places of runs for as long as the outage took again: the store is back and everything is refused.
#[tokio::test(start_paused = true)]
async fn after_an_outage_there_are_places() {
    let rig = rig_with(
        providers::STRIPE,
        |builder| builder.max_runs(2),
        |_| async { say(200, "done") },
    );
    for op in [Op::Claim, Op::Release] {
        rig.store.always(op, Fault::Fails);
    }
    for id in ["evt_1", "evt_2"] {
        rig.send(id)
            .await
            .is_refused(503, Refusal::StoreUnavailable, Some("5"));
    }
    // Still away, so the answer is still that.
    tokio::time::sleep(secs(20)).await;
    rig.send("evt_3")
        .await
        .is_refused(503, Refusal::StoreUnavailable, Some("5"));
    for op in [Op::Claim, Op::Release] {
        rig.store.always(op, Fault::None);
    }
    tokio::time::sleep(secs(2)).await;
    rig.send("evt_4")
        .await
        .is_handlers(200, "done", OutcomeKind::Done, 1);
}

/// The replies to all extensions are lost for a minute; then the store is well, and it still holds the lease.
#[tokio::test(start_paused = true)]
async fn a_lease_that_the_store_still_holds_is_extended_again() {
    let rig = rig(|_| async {
        tokio::time::sleep(secs(200)).await;
        say(200, "done")
    });
    rig.store.always(Op::Extend, Fault::LosesReply);
    let first = rig.spawn("evt_1");
    tokio::time::sleep(secs(65)).await;
    rig.store.always(Op::Extend, Fault::None);
    tokio::time::sleep(secs(65)).await;
    let second = rig.send("evt_1").await;
    assert!(
        matches!(second.refusal, Some(Refusal::InFlight { .. })),
        "{second:?}"
    );
    first
        .await
        .unwrap()
        .is_handlers(200, "done", OutcomeKind::Done, 1);
}

#[test]
fn answering_within_no_time_is_refused_at_build() {
    let built = Receiver::builder(providers::STRIPE, Secret::new(SECRET).unwrap())
        .store(countersign_tower::MemoryStore::single_process(8))
        .answer_within(std::time::Duration::ZERO)
        .build();
    let expected = SettingError::Value {
        field: "answer_within",
        reason: "must be longer than zero",
    };
    assert_eq!(built.unwrap_err(), expected);
}

/// The ghost of a claim whose reply was lost twice: the policy was to run, the handler failed, and its retry is kept out for a minute.
#[tokio::test(start_paused = true)]
async fn the_policy_to_run_leaves_no_ghost() {
    let rig = rig_with(
        providers::STRIPE,
        |builder| builder.on_store_failure(StorePolicy::Run),
        |run| async move { say(if run == 1 { 500 } else { 200 }, "said") },
    );
    rig.store.next(Op::Claim, [Fault::LosesReply; 2]);
    assert_eq!(rig.send("evt_1").await.status, 500);
    tokio::time::sleep(secs(5)).await;
    let retry = rig.send("evt_1").await;
    assert_eq!(
        (retry.status, retry.body.as_str()),
        (200, "said"),
        "{retry:?}"
    );
}

/// A store that panics: in place it took the connection down with it.
#[tokio::test(start_paused = true)]
async fn a_store_that_panics_is_as_good_as_none() {
    for in_place in [false, true] {
        let mut rig = rig(|_| async { say(200, "done") });
        if in_place {
            rig = rig.in_place();
        }
        rig.store.next(Op::Claim, [Fault::Panics; 2]);
        let told = rig.spawn("evt_1").await;
        assert_eq!(told.unwrap().refusal, Some(Refusal::StoreUnavailable));
        assert_eq!(rig.receiver.counts().unavailable, 1);
    }
}

/// The handler's future panics again when it is dropped, after it took too long: nothing was given back.
#[tokio::test(start_paused = true)]
async fn a_panic_while_a_run_is_dropped_gives_it_back_as_well() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            panic!("as the test says");
        }
    }
    let rig = rig_with(
        providers::STRIPE,
        |builder| builder.run_timeout(secs(10)),
        |run| async move {
            if run == 1 {
                let _loud = Loud;
                std::future::pending::<()>().await;
            }
            say(200, "done")
        },
    );
    let first = rig.send("evt_1").await;
    assert_eq!(first.refusal, Some(Refusal::RunTooLong));
    rig.send("evt_1")
        .await
        .is_handlers(200, "done", OutcomeKind::Done, 2);
}

/// A refusal that ends an attempt is an outcome like any other.
#[tokio::test(start_paused = true)]
async fn every_attempt_behind_the_door_has_an_outcome() {
    let rig = rig_with(
        providers::GITHUB,
        |builder| builder.max_runs(1),
        |_| async {
            tokio::time::sleep(secs(20)).await;
            say(200, "done")
        },
    );
    let first = rig.send("1").await;
    assert_eq!(first.refusal, Some(Refusal::Unfinished));
    let second = rig.send("1").await;
    assert_eq!(second.refusal, Some(Refusal::TooManyRuns { limit: 1 }));
    for (told, refusal) in [
        (first, Refusal::Unfinished),
        (second, Refusal::TooManyRuns { limit: 1 }),
    ] {
        let outcome = told.outcome.unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Refused(refusal));
        assert!(outcome.key.is_some());
    }
}

/// An operator's call on a receiver that has run nothing yet had no timeout.
#[tokio::test(start_paused = true)]
async fn forgetting_has_a_timeout_before_the_first_run() {
    let store = Scripted::new(8, Paused::new());
    store.always(Op::Forget, Fault::Hangs);
    let receiver = Receiver::builder(providers::STRIPE, Secret::new(SECRET).unwrap())
        .store(store)
        .build()
        .unwrap();
    let _layer = CountersignLayer::new(receiver.clone());
    let key = countersign_tower::IdempotencyKey::from_bytes([7; 32]);
    let forgotten = tokio::time::timeout(secs(60), receiver.forget(key)).await;
    let error = forgotten.expect("hangs").unwrap_err();
    assert_eq!(error.to_string(), "the store did not reply in time");
}

/// What a panic carries may panic when it is dropped: that took the run with it, and its lease stayed.
#[tokio::test(start_paused = true)]
async fn a_panic_that_carries_another_one_is_a_panic() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("as the test says");
            }
        }
    }
    let rig = rig(|_| async {
        std::panic::panic_any(Bomb);
        #[allow(unreachable_code)]
        say(200, "done")
    });
    for _ in 0..2 {
        rig.send("evt_1")
            .await
            .is_refused(500, Refusal::HandlerPanicked, None);
    }
    assert_eq!(rig.receiver.counts().panicked, 2);
    rig.assert_idle().await;
}

/// A runtime without its timer made every run panic whose handler waited for anything.
#[test]
fn a_clock_that_cannot_wait_ends_no_run() {
    // Without a stamp and without a deadline: nothing else asks for the time or waits.
    let retry = countersign_tower::scheme::Retry {
        deadline: None,
        ..providers::INTERCOM.retry
    };
    let scheme = countersign_tower::Scheme {
        retry,
        ..providers::INTERCOM
    };
    let receiver = Receiver::builder(scheme.clone(), Secret::new(SECRET).unwrap())
        .store(countersign_tower::MemoryStore::single_process(8))
        .build()
        .unwrap();
    let handler = tower::service_fn(|_: http::Request<countersign_tower::VerifiedBody>| async {
        tokio::task::yield_now().await;
        let response = Response::new(body("done"));
        Ok::<_, std::convert::Infallible>(response)
    });
    let service = tower::Layer::layer(&CountersignLayer::new(receiver.clone()), handler);
    let sender = countersign_testkit::Sender::new(scheme, SECRET);
    let attempt = || {
        sender
            .send(r#"{"id":"evt_1"}"#)
            .map(http_body_util::Full::new)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for done in [OutcomeKind::Done, duplicate_replay()] {
        let response = tower::ServiceExt::oneshot(service.clone(), attempt());
        let response = runtime.block_on(response).unwrap();
        assert_eq!(response.status(), 200);
        let outcome = response.extensions().get::<countersign_tower::Outcome>();
        assert_eq!(outcome.unwrap().kind, done);
    }
    assert_eq!(runtime.block_on(receiver.drain(secs(1))), Ok(()));
}

fn duplicate_replay() -> OutcomeKind {
    OutcomeKind::Duplicate {
        replay: true,
        body_changed: false,
    }
}

/// Before an exact length HTTP/1 leaves no place for trailers.
#[tokio::test(start_paused = true)]
async fn an_answer_with_trailers_declares_no_length() {
    use http_body::Body as _;
    use http_body_util::{BodyExt as _, Full};
    let rig = rig_with(
        providers::SLACK,
        |builder| builder,
        |_| async {
            let mut trailers = http::HeaderMap::new();
            trailers.insert("x-sum", "1".parse().unwrap());
            let frames = Full::new(bytes::Bytes::from("ab"));
            let frames = frames.map_err(|never| match never {});
            let frames = frames.with_trailers(async move { Some(Ok(trailers)) });
            Ok(Response::new(frames.boxed_unsync()))
        },
    );
    let request = rig.attempt("Ev1");
    let response = tower::ServiceExt::oneshot(rig.service.clone(), request).await;
    let response = response.unwrap();
    assert_eq!(response.body().size_hint().exact(), None);
    assert_eq!(response.body().size_hint().lower(), 2);
}
