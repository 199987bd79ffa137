//! The store fails, hangs, is full, or loses its replies.

use countersign_tower::{OutcomeKind, Refusal, StorePolicy, providers};

use crate::support::{
    Builder, Fault, Op, Rig, Scripted, millis, replica, rig, rig_with, say, secs,
};

fn done() -> Rig {
    rig(|_| async { say(200, "done") })
}

fn done_with(set: impl FnOnce(Builder) -> Builder) -> Rig {
    rig_with(providers::STRIPE, set, |_| async { say(200, "done") })
}

fn all_equal<T: PartialEq>(values: &[T]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_reply_was_lost_is_asked_again_with_the_same_token() {
    for fault in [
        Fault::LosesReply,
        Fault::Fails,
        Fault::HangsAfter,
        Fault::Hangs,
    ] {
        let rig = done();
        rig.store.next(Op::Claim, [fault]);
        rig.send("evt_1")
            .await
            .is_handlers(200, "done", OutcomeKind::Done, 1);
        let tokens = rig.store.tokens(Op::Claim);
        assert!(tokens.len() == 2 && all_equal(&tokens));
        let hung = matches!(fault, Fault::Hangs | Fault::HangsAfter);
        assert_eq!(rig.clock.elapsed(), secs(u64::from(hung)));
        rig.send("evt_1").await;
        let counts = rig.receiver.counts();
        assert_eq!((counts.claims_repeated, counts.unavailable), (1, 0));
        assert_eq!((rig.runs(), counts.done, counts.duplicates), (1, 1, 1));
        rig.assert_idle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_without_any_reply_is_503_and_the_lease_nobody_knows_of_is_given_back() {
    for fault in [Fault::HangsAfter, Fault::Hangs] {
        let rig = done();
        rig.store.next(Op::Claim, [fault; 2]);
        let told = rig.send("evt_1").await;
        told.is_refused(503, Refusal::StoreUnavailable, Some("5"));
        assert_eq!(told.outcome.unwrap().attempt, None);
        assert_eq!((rig.clock.elapsed(), rig.runs()), (secs(2), 0));
        assert!(all_equal(&rig.store.tokens(Op::Claim)));
        // It is tried a second later.
        tokio::time::sleep(millis(999)).await;
        assert_eq!(rig.store.count(Op::Release), 0);
        if fault == Fault::HangsAfter {
            let busy = rig.send("evt_1").await;
            // Claimed anew at the second call.
            busy.is_refused(503, Refusal::InFlight { retry_after: 59 }, Some("59"));
        }
        tokio::time::sleep(millis(1)).await;
        rig.settle_down().await;
        assert_eq!(rig.store.count(Op::Release), 1);
        assert_eq!(
            rig.store.tokens(Op::Release)[0],
            rig.store.tokens(Op::Claim)[0]
        );
        let attempt = if fault == Fault::HangsAfter { 2 } else { 1 };
        rig.send("evt_1")
            .await
            .is_handlers(200, "done", OutcomeKind::Done, attempt);
        let counts = rig.receiver.counts();
        assert_eq!((counts.unavailable, counts.claims_repeated), (1, 1));
        assert_eq!((counts.releases_failed, counts.done), (0, 1));
        rig.assert_idle().await;
    }
}

/// The store is away for long: the ghost's lease ends by itself, and so does the trying.
#[tokio::test(start_paused = true)]
async fn giving_back_ends_when_the_lease_does() {
    let rig = done();
    rig.store.next(Op::Claim, [Fault::HangsAfter; 2]);
    rig.store.always(Op::Release, Fault::Fails);
    rig.send("evt_1")
        .await
        .is_refused(503, Refusal::StoreUnavailable, Some("5"));
    assert_eq!(rig.receiver.drain(secs(600)).await, Ok(()));
    // The lease was asked for at 0.
    assert_eq!(rig.clock.elapsed(), secs(60));
    assert_eq!(rig.receiver.counts().releases_failed, 1);
    // After 1, 2, 4, 8, 16 seconds, and what is left.
    assert_eq!(rig.store.count(Op::Release), 6);
}

#[tokio::test(start_paused = true)]
async fn the_other_policy_runs_without_a_record() {
    let rig = done_with(|builder| builder.on_store_failure(StorePolicy::Run));
    rig.store.next(Op::Claim, [Fault::Fails; 4]);
    for _ in 0..2 {
        let told = rig.send("evt_1").await;
        assert_eq!((told.status, told.body.as_str()), (200, "done"));
        let outcome = told.outcome.unwrap();
        assert_eq!(
            (outcome.kind, outcome.attempt),
            (OutcomeKind::Unrecorded, None)
        );
        assert!(outcome.key.is_some());
    }
    assert_eq!(rig.leases().iter().flatten().count(), 0);
    rig.send("evt_1")
        .await
        .is_handlers(200, "done", OutcomeKind::Done, 1);
    let counts = rig.receiver.counts();
    assert_eq!(
        (counts.unrecorded, counts.unavailable, counts.done),
        (2, 2, 1)
    );
    assert_eq!((rig.runs(), rig.store.count(Op::Settle)), (3, 1));
    // What was claimed for all one knows is settled then: it was not, and nothing comes of it.
    tokio::time::sleep(secs(1)).await;
    rig.settle_down().await;
    assert_eq!(rig.store.count(Op::Settle), 3);
    assert_eq!(rig.receiver.counts().settles_failed, 0);
    rig.assert_idle().await;
}

#[tokio::test(start_paused = true)]
async fn full_is_503_under_either_policy_and_old_records_are_known() {
    for policy in [StorePolicy::Refuse, StorePolicy::Run] {
        let origin = done();
        let store = Scripted::new(2, origin.clock);
        let set = |builder: Builder| builder.on_store_failure(policy);
        let rig = replica(
            providers::STRIPE,
            set,
            origin.clock,
            store,
            origin.handler.clone(),
        );
        for id in ["evt_1", "evt_2"] {
            rig.send(id)
                .await
                .is_handlers(200, "done", OutcomeKind::Done, 1);
        }
        for _ in 0..2 {
            rig.send("evt_3")
                .await
                .is_refused(503, Refusal::StoreFull, Some("5"));
        }
        rig.send("evt_1").await.is_recorded_as(200, 1, true);
        rig.send("evt_2").await.is_recorded_as(200, 1, true);
        let counts = rig.receiver.counts();
        assert_eq!((rig.runs(), counts.full, counts.unavailable), (2, 2, 0));
        assert_eq!(counts.claims_repeated, 0);
        rig.assert_idle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_whose_reply_was_lost_is_asked_for_again() {
    for fault in [
        Fault::LosesReply,
        Fault::HangsAfter,
        Fault::Fails,
        Fault::Hangs,
    ] {
        let rig = done();
        rig.store.next(Op::Settle, [fault]);
        rig.send("evt_1")
            .await
            .is_handlers(200, "done", OutcomeKind::Done, 1);
        assert_eq!(rig.store.calls(), [Op::Claim, Op::Settle, Op::Settle]);
        rig.send("evt_1").await;
        let counts = rig.receiver.counts();
        assert_eq!(
            (counts.done, counts.settles_deferred, counts.lost),
            (1, 0, 0)
        );
        assert_eq!((rig.runs(), counts.duplicates), (1, 1));
        rig.assert_idle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_does_not_arrive_is_brought_afterwards() {
    let rig = done();
    rig.store.next(Op::Settle, [Fault::Hangs; 2]);
    rig.store.always(Op::Settle, Fault::Fails);
    rig.send("evt_1")
        .await
        .is_handlers(200, "done", OutcomeKind::Done, 1);
    assert_eq!(rig.clock.elapsed(), secs(2));
    // Nobody else gets at it meanwhile.
    tokio::time::sleep(secs(20)).await;
    let busy = Refusal::InFlight { retry_after: 38 };
    rig.send("evt_1").await.is_refused(503, busy, Some("38"));
    rig.store.always(Op::Settle, Fault::None);
    // At 3, 5, 9, 17 and 33.
    tokio::time::sleep(secs(11)).await;
    rig.settle_down().await;
    rig.send("evt_1").await.is_recorded(200, 1);
    let counts = rig.receiver.counts();
    assert_eq!((counts.settles_deferred, counts.settles_failed), (1, 0));
    assert_eq!((rig.runs(), rig.store.count(Op::Settle)), (1, 7));
    rig.assert_idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_record_that_never_arrives_is_counted_when_the_lease_ends() {
    let rig = done();
    rig.store.always(Op::Settle, Fault::Fails);
    rig.send("evt_1")
        .await
        .is_handlers(200, "done", OutcomeKind::Done, 1);
    assert_eq!(rig.receiver.drain(secs(600)).await, Ok(()));
    assert_eq!(rig.clock.elapsed(), secs(60));
    let counts = rig.receiver.counts();
    assert_eq!(
        (counts.done, counts.settles_deferred, counts.settles_failed),
        (1, 1, 1)
    );
}

/// What was done and not recorded runs again: the price that is written down.
#[tokio::test(start_paused = true)]
async fn after_a_record_that_never_arrived_the_delivery_runs_again() {
    let rig = done();
    rig.store.always(Op::Settle, Fault::Fails);
    rig.send("evt_1").await;
    tokio::time::sleep(secs(60)).await;
    rig.settle_down().await;
    assert_eq!(rig.receiver.counts().settles_failed, 1);
    rig.store.always(Op::Settle, Fault::None);
    rig.send("evt_1")
        .await
        .is_handlers(200, "done", OutcomeKind::Done, 2);
    rig.send("evt_1").await.is_recorded_as(200, 2, true);
    assert_eq!(rig.runs(), 2);
}

/// In place nothing goes on after the answer.
#[tokio::test(start_paused = true)]
async fn in_place_a_record_is_tried_twice_and_no_more() {
    let rig = done().in_place();
    rig.store.always(Op::Settle, Fault::Fails);
    rig.send("evt_1")
        .await
        .is_handlers(200, "done", OutcomeKind::Done, 1);
    rig.assert_idle().await;
    tokio::time::sleep(secs(60)).await;
    assert_eq!(rig.store.count(Op::Settle), 2);
}

#[tokio::test(start_paused = true)]
async fn somebody_else_has_done_it_meanwhile() {
    // Two replicas on one store.
    let clock_and_all = rig(|run| async move {
        match run {
            1 => {
                tokio::time::sleep(secs(70)).await;
                say(200, "late")
            }
            _ => say(201, "in time"),
        }
    });
    let first = clock_and_all;
    let second = replica(
        providers::STRIPE,
        |builder| builder,
        first.clock,
        first.store.clone(),
        first.handler.clone(),
    );
    first.store.always(Op::Extend, Fault::Fails);
    let late = first.spawn("evt_1");
    tokio::time::sleep(secs(60)).await;
    second
        .send("evt_1")
        .await
        .is_handlers(201, "in time", OutcomeKind::Done, 2);
    let late = late.await.unwrap();
    late.is_refused(503, Refusal::LeaseLost, Some("5"));
    assert_eq!(
        (first.receiver.counts().lost, second.receiver.counts().lost),
        (1, 0)
    );
    for rig in [&first, &second] {
        rig.send("evt_1").await.is_recorded(201, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_given_back_at_once_is_given_back_later() {
    for fault in [
        Fault::Fails,
        Fault::LosesReply,
        Fault::Hangs,
        Fault::HangsAfter,
    ] {
        let rig = rig(|run| async move { say(if run == 1 { 500 } else { 200 }, "said") });
        rig.store.next(Op::Release, [fault]);
        rig.send("evt_1")
            .await
            .is_handlers(500, "said", OutcomeKind::Released, 1);
        let hung = u64::from(matches!(fault, Fault::Hangs | Fault::HangsAfter));
        assert_eq!(rig.clock.elapsed(), secs(hung));
        let freed = matches!(fault, Fault::LosesReply | Fault::HangsAfter);
        if !freed {
            let refused = rig.send("evt_1").await;
            assert!(matches!(refused.refusal, Some(Refusal::InFlight { .. })));
            tokio::time::sleep(secs(1)).await;
            rig.settle_down().await;
        }
        rig.send("evt_1")
            .await
            .is_handlers(200, "said", OutcomeKind::Done, 2);
        // The late second release changes nothing.
        tokio::time::sleep(secs(2)).await;
        rig.send("evt_1").await.is_recorded(200, 2);
        assert_eq!(rig.receiver.counts().releases_failed, 0);
        assert_eq!(rig.runs(), 2);
        rig.assert_idle().await;
    }
}

/// A crash: the lease lapses on the store's clock, and the next attempt is the second.
#[tokio::test(start_paused = true)]
async fn what_was_never_given_back_lapses() {
    let rig = rig(|run| async move { say(if run == 1 { 500 } else { 200 }, "said") });
    rig.store.always(Op::Release, Fault::Fails);
    rig.send("evt_1")
        .await
        .is_handlers(500, "said", OutcomeKind::Released, 1);
    tokio::time::sleep(millis(59_999)).await;
    let busy = Refusal::InFlight { retry_after: 1 };
    rig.send("evt_1").await.is_refused(503, busy, Some("1"));
    tokio::time::sleep(millis(1)).await;
    rig.send("evt_1")
        .await
        .is_handlers(200, "said", OutcomeKind::Done, 2);
}

#[tokio::test(start_paused = true)]
async fn every_call_has_a_timeout() {
    let rig = rig_with(
        providers::STRIPE,
        |builder| builder.store_timeout(millis(300)).lease(secs(3)),
        |_| async {
            tokio::time::sleep(secs(2)).await;
            say(200, "done")
        },
    );
    rig.store.next(Op::Claim, [Fault::Hangs]);
    rig.store.next(Op::Extend, [Fault::Hangs]);
    rig.store.next(Op::Settle, [Fault::Hangs]);
    rig.send("evt_1")
        .await
        .is_handlers(200, "done", OutcomeKind::Done, 1);
    // The extension costs the run nothing.
    assert_eq!(rig.clock.elapsed(), millis(300 + 2_000 + 300));
    assert_eq!(rig.receiver.counts().extensions_failed, 1);
}

/// Slow is not away.
#[tokio::test(start_paused = true)]
async fn a_reply_within_the_timeout_is_waited_for() {
    let rig = done();
    for op in [Op::Claim, Op::Settle] {
        rig.store.next(op, [Fault::Hangs]);
    }
    let first = rig.spawn("evt_1");
    tokio::time::sleep(millis(999)).await;
    assert!(!first.is_finished());
    rig.store.let_go();
    let first = first.await.unwrap();
    first.is_handlers(200, "done", OutcomeKind::Done, 1);
    assert_eq!(rig.clock.elapsed(), millis(999));
    assert_eq!(rig.store.calls(), [Op::Claim, Op::Settle]);
}

/// It is asked again like one that did not answer, and nothing is lost.
#[tokio::test(start_paused = true)]
async fn a_store_that_panics_takes_nobody_with_it() {
    for op in [Op::Claim, Op::Settle] {
        let rig = rig_with(
            providers::STRIPE,
            |builder| builder.max_runs(1),
            |_| async { say(200, "done") },
        );
        rig.store.next(op, [Fault::Panics]);
        let told = rig.send("evt_1").await;
        told.is_handlers(200, "done", OutcomeKind::Done, 1);
        assert_eq!(rig.store.count(op), 2);
        rig.send("evt_1").await.is_recorded_as(200, 1, true);
        rig.assert_idle().await;
    }
}
