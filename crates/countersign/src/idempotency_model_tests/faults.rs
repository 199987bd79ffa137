//! Receivers with one mistake each: the property that is there for it sees it.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    RunsBeforeClaim,
    RunsOnBusy,
    RunsOnUnclearClaim,
    /// Though the lease may have lapsed while the reply was under way.
    RunsOnLateReply,
    RepeatsWithAnotherToken,
    SettlesBeforeHandler,
    SettlesFailure,
    ReleasesSuccess,
    AcksBusy,
    AcksUnclearClaim,
    AcksLost,
    NeverExtends,
}

/// Looks at one promise alone, so that no other sees it first.
fn breaks(fault: Fault, promise: &'static [&'static str]) {
    let bounds = Bounds {
        mishaps: Mishaps {
            unclear: 2,
            ..Mishaps::NONE
        },
        prompt: fault == Fault::NeverExtends,
        fault: Some(fault),
        promises: Some(promise),
        ..Bounds::BASE
    };
    assert_eq!(bounds.violations(), promise, "{fault:?}");
}

#[test]
fn to_run_before_the_claim_is_seen() {
    breaks(Fault::RunsBeforeClaim, &[properties::ONE_AT_A_TIME]);
    breaks(Fault::RunsBeforeClaim, &[properties::CAUSE]);
}

#[test]
fn to_run_on_a_busy_key_is_seen() {
    breaks(Fault::RunsOnBusy, &[properties::ONE_AT_A_TIME]);
    breaks(Fault::RunsOnBusy, &[properties::CAUSE]);
}

#[test]
fn to_run_on_an_unclear_claim_is_seen() {
    breaks(Fault::RunsOnUnclearClaim, &[properties::ONE_AT_A_TIME]);
    breaks(Fault::RunsOnUnclearClaim, &[properties::CAUSE]);
}

#[test]
fn to_run_on_a_reply_that_came_late_is_seen() {
    breaks(Fault::RunsOnLateReply, &[properties::ONE_AT_A_TIME]);
    breaks(Fault::RunsOnLateReply, &[properties::CAUSE]);
}

#[test]
fn to_settle_before_the_handler_is_seen() {
    breaks(Fault::SettlesBeforeHandler, &[properties::RECORDED]);
    breaks(Fault::SettlesBeforeHandler, &[properties::ACKED]);
}

#[test]
fn to_settle_a_failure_is_seen() {
    breaks(Fault::SettlesFailure, &[properties::RECORDED]);
    breaks(Fault::SettlesFailure, &[properties::ACKED]);
}

#[test]
fn to_release_a_success_is_seen() {
    breaks(Fault::ReleasesSuccess, &[properties::CAUSE]);
}

#[test]
fn to_acknowledge_unfinished_work_is_seen() {
    breaks(Fault::AcksBusy, &[properties::ACKED]);
    breaks(Fault::AcksUnclearClaim, &[properties::ACKED]);
}

#[test]
fn to_acknowledge_after_a_lost_lease_is_seen() {
    breaks(Fault::AcksLost, &[properties::FENCED]);
}

#[test]
fn not_to_extend_is_seen() {
    breaks(Fault::NeverExtends, &[properties::OUTRUN]);
}

#[test]
fn to_repeat_with_another_token_is_seen() {
    breaks(Fault::RepeatsWithAnotherToken, &[properties::ALONE]);
}

/// Why the run is a task where there is a runtime.
#[test]
fn to_drop_the_run_with_its_client_is_seen() {
    let bounds = Bounds {
        mishaps: Mishaps {
            cancels: 1,
            ..Mishaps::NONE
        },
        in_place: true,
        prompt: true,
        promises: Some(&[properties::CANCELLED]),
        ..Bounds::BASE
    };
    assert_eq!(bounds.violations(), [properties::CANCELLED]);
}
