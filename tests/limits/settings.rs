//! Limits that make no sense fail when the receiver is built.

use std::num::NonZero;

use countersign::providers::STRIPE;
use countersign::scheme::Retry;
use countersign::{
    Bodies, FailureLimit, MemoryQuotas, MemoryStore, Receiver, ReceiverBuilder, Scheme, Secret,
    SettingError, Sources, list,
};
use countersign_testkit::ManualClock;

use crate::support::{NOW, SECRET, builder, two};

fn error(
    build: impl FnOnce(countersign::ReceiverBuilder) -> countersign::ReceiverBuilder,
) -> Option<SettingError> {
    build(builder(&ManualClock::at_secs(NOW))).build().err()
}

const TELL_APART: &str = "call sources(Sources::behind(..)) or sources(Sources::direct())";

#[test]
fn refusing_early_needs_sources_that_are_told_apart() {
    let early = || FailureLimit::refuse_early(two());
    let refused = error(|builder| builder.limit_failures(early())).unwrap();
    assert_eq!(refused.field(), "limit_failures");
    assert_eq!(
        refused.to_string(),
        format!("limit_failures: to refuse early, sources must be told apart: {TELL_APART}")
    );
    for sources in [Sources::direct(), Sources::behind(&["10.0.0.1"]).unwrap()] {
        let built = error(|builder| builder.limit_failures(early()).sources(sources));
        assert_eq!(built, None);
    }
    assert_eq!(
        error(|builder| builder.limit_failures(FailureLimit::penalise(two()))),
        None
    );
}

#[test]
fn shares_need_sources_that_are_told_apart() {
    let shares = || Bodies::default().per_source(NonZero::<usize>::MIN);
    let refused = error(|builder| builder.bodies(shares())).unwrap();
    assert_eq!(
        refused.to_string(),
        format!("bodies: to share places out, sources must be told apart: {TELL_APART}")
    );
    let built = error(|builder| builder.bodies(shares()).sources(Sources::direct()));
    assert_eq!(built, None);
}

#[test]
fn a_limit_that_lets_nothing_through_is_none() {
    let refused = error(|builder| builder.bodies(Bodies::new(NonZero::<usize>::MIN, 0)));
    assert_eq!(
        refused.unwrap().to_string(),
        "bodies: must have room for a byte"
    );
    let none = FailureLimit::penalise(two()).most_sources(0);
    let refused = error(|builder| builder.limit_failures(none)).unwrap();
    assert_eq!(
        refused.to_string(),
        "limit_failures: must count at least one source"
    );
}

/// The sender gives up at 429, so a limit that can meet a genuine delivery would lose it.
#[test]
fn no_limit_is_answered_with_what_drops_the_event() {
    let dropping = || -> ReceiverBuilder {
        let retry = Retry {
            drops_on: list![410, 429],
            ..STRIPE.retry
        };
        let scheme = Scheme { retry, ..STRIPE };
        Receiver::builder(scheme, Secret::new(SECRET).unwrap()).sources(Sources::direct())
    };
    let early = dropping().limit_failures(FailureLimit::refuse_early(two()));
    assert_eq!(
        early.build().unwrap_err().to_string(),
        "limit_failures: to refuse early would lose deliveries: the sender drops what is answered 429"
    );
    let quota = dropping()
        .store(MemoryStore::single_process(1))
        .quota(two(), MemoryQuotas::single_process(1));
    assert_eq!(
        quota.build().unwrap_err().to_string(),
        "quota: would lose deliveries: the sender drops what is answered 429"
    );
    // Forgeries alone are answered 429 there.
    let penalised = dropping().limit_failures(FailureLimit::penalise(two()));
    assert_eq!(penalised.build().err(), None);
}
