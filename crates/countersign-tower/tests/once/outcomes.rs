//! What settles a delivery, what gives it back, and what its next attempt meets.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_tower::{
    ExtendError, FailedForGood, Lease, LeaseLost, MemoryQuotas, OutcomeKind, Quota, Refusal,
    providers,
};
use http_body_util::Full;
use tower::ServiceExt;

use crate::support::{Failed, Op, Paused, millis, rig, rig_of, rig_with, say, secs};

#[tokio::test(start_paused = true)]
async fn what_was_done_is_not_done_again() {
    for status in [200, 201, 202, 204] {
        let rig = rig(move |_| async move { say(status, "done by the handler") });
        let first = rig.send("evt_1").await;
        first.is_handlers(status, "done by the handler", OutcomeKind::Done, 1);
        assert_eq!(first.headers, []);
        // Signed afresh, as its sender does.
        tokio::time::advance(secs(60)).await;
        for _ in 0..3 {
            let duplicate = rig.send("evt_1").await;
            duplicate.is_recorded(status, 1);
            assert_eq!(duplicate.key(), first.key());
        }
        assert_eq!((rig.runs(), rig.attempts()), (1, vec![1]));

        let other = rig.send("evt_2").await;
        other.is_handlers(status, "done by the handler", OutcomeKind::Done, 1);
        assert_ne!(other.key(), first.key());
        let counts = rig.receiver.counts();
        assert_eq!((counts.done, counts.duplicates, counts.replays), (2, 3, 0));
        assert_eq!((counts.released, counts.changed_bodies), (0, 0));
        rig.assert_idle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn anything_but_a_2xx_gives_the_delivery_back() {
    for status in [302, 304, 400, 404, 405, 409, 410, 422, 429, 500, 503] {
        let rig = rig(move |run| async move {
            match run {
                1 | 2 => say(status, "not yet"),
                _ => say(200, "done"),
            }
        });
        let first = rig.send("evt_1").await;
        first.is_handlers(status, "not yet", OutcomeKind::Released, 1);
        let second = rig.send("evt_1").await;
        second.is_handlers(status, "not yet", OutcomeKind::Released, 2);
        let third = rig.send("evt_1").await;
        third.is_handlers(200, "done", OutcomeKind::Done, 3);
        rig.send("evt_1").await.is_recorded_as(200, 3, true);
        assert_eq!((rig.runs(), rig.attempts()), (3, vec![1, 2, 3]));
        let counts = rig.receiver.counts();
        assert_eq!((counts.released, counts.done, counts.duplicates), (2, 1, 1));
        rig.assert_idle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn failed_for_good_never_runs_again_and_its_duplicates_are_told_200() {
    for status in [200, 204, 404, 422, 500] {
        let rig = rig(move |_| async move {
            let mut response = say(status, "no such order")?;
            response.extensions_mut().insert(FailedForGood);
            Ok(response)
        });
        let first = rig.send("evt_1").await;
        first.is_handlers(status, "no such order", OutcomeKind::FailedForGood, 1);
        tokio::time::advance(secs(1)).await;
        rig.send("evt_1").await.is_recorded(200, 1);
        rig.send("evt_1").await.is_recorded(200, 1);
        assert_eq!(rig.runs(), 1);
        let counts = rig.receiver.counts();
        assert_eq!((counts.failed, counts.done, counts.duplicates), (1, 0, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_service_passes_and_gives_the_delivery_back() {
    let rig = rig(|run| async move {
        match run {
            1 => Err(Failed),
            _ => say(200, "done"),
        }
    });
    let error = rig.service.clone().oneshot(rig.attempt("evt_1")).await;
    assert_eq!(error.map(|_| ()).unwrap_err(), Failed);
    let second = rig.send("evt_1").await;
    second.is_handlers(200, "done", OutcomeKind::Done, 2);
    assert_eq!(rig.receiver.counts().released, 1);
}

#[tokio::test(start_paused = true)]
async fn an_error_in_place_passes_as_well() {
    let rig = rig(|_| async move { Err(Failed) }).in_place();
    let error = rig.service.clone().oneshot(rig.attempt("evt_1")).await;
    assert_eq!(error.map(|_| ()).unwrap_err(), Failed);
    assert_eq!(rig.store.calls(), [Op::Claim, Op::Release]);
}

#[tokio::test(start_paused = true)]
async fn the_memory_of_it_ends_with_the_retention() {
    let rig = rig(|_| async { say(200, "done") });
    let days = 24 * 60 * 60;
    assert_eq!(rig.receiver.retention(), secs(4 * days));
    rig.send("evt_1").await;
    tokio::time::advance(secs(4 * days) - Duration::from_millis(1)).await;
    rig.send("evt_1").await.is_recorded(200, 1);
    tokio::time::advance(Duration::from_millis(1)).await;
    let again = rig.send("evt_1").await;
    again.is_handlers(200, "done", OutcomeKind::Done, 1);
}

#[tokio::test(start_paused = true)]
async fn an_operator_has_it_run_again() {
    let rig = rig(|_| async { say(200, "done") });
    let key = rig.send("evt_1").await.key();
    rig.receiver.forget(key).await.unwrap();
    let again = rig.send("evt_1").await;
    again.is_handlers(200, "done", OutcomeKind::Done, 2);
}

#[tokio::test(start_paused = true)]
async fn a_handler_sees_its_lease() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let rig = rig_of(
        providers::STRIPE,
        |builder| builder,
        move |_, request| {
            let lease = request.extensions().get::<Lease>().unwrap().clone();
            let told = Arc::clone(&told);
            Box::pin(async move {
                let mut say_so = vec![(lease.attempt(), lease.remaining(), lease.is_lost())];
                tokio::time::sleep(secs(10)).await;
                say_so.push((lease.attempt(), lease.remaining(), lease.is_lost()));
                lease.extend(secs(300)).await.unwrap();
                say_so.push((lease.attempt(), lease.remaining(), lease.is_lost()));
                // What lasts longer is not shortened.
                lease.extend(secs(1)).await.unwrap();
                say_so.push((lease.attempt(), lease.remaining(), lease.is_lost()));
                told.lock().unwrap().extend(say_so);
                say(200, "done")
            })
        },
    );
    let done = rig.send("evt_1").await;
    done.is_handlers(200, "done", OutcomeKind::Done, 1);
    assert_eq!(
        *seen.lock().unwrap(),
        [
            (1, secs(60), false),
            (1, secs(50), false),
            (1, secs(300), false),
            (1, secs(300), false)
        ]
    );
    // After the record it is worth nothing.
    let lease = rig.leases()[0].clone().unwrap();
    let error = lease.extend(secs(60)).await.unwrap_err();
    assert!(matches!(error, ExtendError::Lost(LeaseLost)));
    assert!(lease.is_lost());
    assert_eq!(lease.key(), done.key());
}

/// Three in twenty seconds, and one more every 6,001 milliseconds. Whose they are is told by the body.
#[tokio::test(start_paused = true)]
async fn over_quota_is_429_and_the_lease_is_given_back() {
    let clock = Paused::new();
    let quota = Quota::per(NonZeroU32::MIN, millis(6_001)).unwrap();
    let quota = quota.burst(NonZeroU32::new(3).unwrap()).unwrap();
    let rig = rig_with(
        providers::STRIPE,
        |builder| builder.quota(quota, MemoryQuotas::single_process_on(10, clock)),
        |_| async { say(200, "done") },
    );
    let send = async |id: &str, account: &str| {
        let body = format!(r#"{{"id":"{id}","account":"{account}"}}"#);
        let request = rig.sender().send(body).map(Full::new);
        rig.send_request(request).await
    };
    for id in ["evt_1", "evt_2", "evt_3"] {
        let done = send(id, "acct_1").await;
        done.is_handlers(200, "done", OutcomeKind::Done, 1);
    }
    let refusal = Refusal::OverQuota { retry_after: 7 };
    for attempt in [1, 2] {
        let over = send("evt_4", "acct_1").await;
        over.is_refused(429, refusal.clone(), Some("7"));
        assert_eq!(over.outcome.unwrap().attempt, Some(attempt));
    }
    assert_eq!(rig.runs(), 3);
    // Another tenant does not notice.
    let other = send("evt_5", "acct_2").await;
    other.is_handlers(200, "done", OutcomeKind::Done, 1);
    // Forgeries and duplicates cost nothing.
    let forged = rig.sender().send(r#"{"id":"evt_6","account":"acct_1"}"#);
    let forged = forged.map(|_| Full::from(r#"{"id":"evt_6","account":"acct_2"}"#));
    assert_eq!(rig.send_request(forged).await.status, 401);
    send("evt_1", "acct_1").await.is_recorded_as(200, 1, true);
    tokio::time::advance(millis(6_000)).await;
    let almost = send("evt_4", "acct_1").await;
    almost.is_refused(429, Refusal::OverQuota { retry_after: 1 }, Some("1"));
    tokio::time::advance(millis(1)).await;
    let retried = send("evt_4", "acct_1").await;
    retried.is_handlers(200, "done", OutcomeKind::Done, 4);
    let counts = rig.receiver.counts();
    assert_eq!((counts.over_quota, counts.released, counts.done), (3, 0, 5));
    rig.assert_idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_replay_is_reported_and_refused_only_by_name() {
    let rig = rig(|_| async { say(200, "done") });
    rig.send("evt_1").await;
    rig.send("evt_1").await.is_recorded_as(200, 1, true);
    tokio::time::advance(secs(1)).await;
    rig.send("evt_1").await.is_recorded_as(200, 1, false);
    let counts = rig.receiver.counts();
    assert_eq!((counts.duplicates, counts.replays), (2, 1));

    let strict = rig_with(
        providers::STRIPE,
        |builder| builder.refuse_replays(),
        |run| async move { say(if run == 1 { 500 } else { 200 }, "") },
    );
    // Nothing was done, so the very same attempt may run.
    let captured = strict.attempt("evt_1");
    strict.send_request(captured.clone()).await;
    let done = strict.send_request(captured.clone()).await;
    done.is_handlers(200, "", OutcomeKind::Done, 2);
    let replay = strict.send_request(captured).await;
    replay.is_refused(400, Refusal::Replayed, None);
    assert_eq!(replay.outcome.unwrap().attempt, Some(2));
    tokio::time::advance(secs(1)).await;
    strict.send("evt_1").await.is_recorded(200, 2);
    let counts = strict.receiver.counts();
    assert_eq!(
        (strict.runs(), counts.duplicates, counts.replays),
        (2, 2, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_changed_body_is_reported_and_refused_only_by_name() {
    let changed = OutcomeKind::Duplicate {
        replay: false,
        body_changed: true,
    };
    let with = |rig: &crate::support::Rig, body: &str| {
        rig.sender().send(body).map(http_body_util::Full::new)
    };
    let rig = rig(|_| async { say(200, "done") });
    rig.send_request(with(&rig, r#"{"id":"evt_1","n":1}"#))
        .await;
    let second = rig
        .send_request(with(&rig, r#"{"id":"evt_1","n":2}"#))
        .await;
    assert_eq!((second.status, second.body.as_str()), (200, ""));
    assert_eq!(second.outcome.as_ref().unwrap().kind, changed);
    assert_eq!(second.outcome.unwrap().code(), "duplicate_changed");
    let counts = rig.receiver.counts();
    assert_eq!(
        (counts.duplicates, counts.changed_bodies, counts.replays),
        (1, 1, 0)
    );

    let strict = rig_with(
        providers::STRIPE,
        |builder| builder.refuse_changed_bodies(),
        |_| async { say(200, "done") },
    );
    let first = with(&strict, r#"{"id":"evt_1","n":1}"#);
    strict.send_request(first.clone()).await;
    let second = strict
        .send_request(with(&strict, r#"{"id":"evt_1","n":2}"#))
        .await;
    second.is_refused(400, Refusal::BodyChanged, None);
    strict
        .send_request(first)
        .await
        .is_recorded_as(200, 1, true);
    assert_eq!(strict.runs(), 1);
}

/// Nothing that was not verified comes near the store.
#[tokio::test(start_paused = true)]
async fn forgeries_and_stale_attempts_never_reach_the_store() {
    let rig = rig(|_| async { say(200, "done") });
    let captured = rig.attempt("evt_1");
    for n in 0..100 {
        let mut forged = rig.attempt(&format!("evt_{n}"));
        *forged.body_mut() = format!(r#"{{"id":"forged_{n}"}}"#).into();
        let told = rig.send_request(forged).await;
        assert_eq!(
            (told.status, told.refusal),
            (401, Some(Refusal::SignatureMismatch))
        );
        assert_eq!(told.outcome, None);
    }
    tokio::time::advance(secs(301)).await;
    let stale = rig.send_request(captured).await;
    assert_eq!(
        (stale.status, stale.refusal),
        (400, Some(Refusal::TimestampTooOld))
    );
    assert_eq!((rig.store.calls(), rig.runs()), (vec![], 0));
    assert_eq!(rig.receiver.counts(), countersign_tower::Counts::default());
}
