//! What limits say in the log: once each, and what to do about it.
//!
//! A process of its own: tracing decides once per process which events anybody listens to.
#![cfg(test)]

#[allow(dead_code, reason = "shared with the tests of the limits")]
#[path = "limits/support.rs"]
mod support;

use std::num::NonZero;

use countersign::{Bodies, FailureLimit, Sources};
use countersign_testkit::{ManualClock, log};

use support::{NOW, builder, forged, genuine, penalising, two, verdict};

/// What was said beside the attempts' own events.
fn said() -> Vec<String> {
    let lines = log::take().into_iter();
    let is_other = |line: &String| !line.contains(" message=webhook attempt ");
    lines.filter(is_other).collect()
}

#[test]
fn a_proxy_that_nobody_named_is_told_once() {
    log::listen();
    let clock = ManualClock::at_secs(NOW);
    let receiver = penalising(&clock);
    let _ = [0, 1, 2].map(|_| verdict(&receiver, forged(&clock, "192.0.2.1")));
    assert_eq!(verdict(&receiver, genuine(&clock, "192.0.2.2")), Ok(()));
    assert!(said().is_empty(), "another address");
    for _ in 0..3 {
        assert_eq!(verdict(&receiver, genuine(&clock, "192.0.2.1")), Ok(()));
    }
    assert_eq!(
        said(),
        [
            "WARN message=an address that sends forgeries without end sends genuine deliveries, too, so it seems to be a proxy: name it by `sources(Sources::behind(..))`, or senders are not told apart scheme=\"stripe\" source=192.0.2.1"
        ]
    );
    // A clone is the same receiver.
    assert_eq!(
        verdict(&receiver.clone(), genuine(&clock, "192.0.2.1")),
        Ok(())
    );
    assert!(said().is_empty());
}

/// The bucket of all who have none of their own was taken for the sender's.
#[test]
fn an_address_that_never_sent_a_forgery_is_not_called_a_proxy() {
    log::listen();
    let clock = ManualClock::at_secs(NOW);
    let limit = FailureLimit::penalise(two()).most_sources(1);
    let receiver = builder(&clock).limit_failures(limit).build().unwrap();
    for stranger in ["198.51.100.1", "198.51.100.2", "198.51.100.3"] {
        assert!(verdict(&receiver, forged(&clock, stranger)).is_err());
    }
    assert_eq!(verdict(&receiver, genuine(&clock, "192.0.2.1")), Ok(()));
    assert!(said().is_empty());
}

#[test]
fn where_sources_are_told_apart_there_is_nothing_to_say() {
    log::listen();
    let clock = ManualClock::at_secs(NOW);
    let limit = FailureLimit::penalise(two());
    let receiver = builder(&clock)
        .limit_failures(limit)
        .sources(Sources::direct());
    let receiver = receiver.build().unwrap();
    let _ = [0, 1, 2].map(|_| verdict(&receiver, forged(&clock, "192.0.2.1")));
    assert_eq!(verdict(&receiver, genuine(&clock, "192.0.2.1")), Ok(()));
    assert!(said().is_empty());
}

#[test]
fn requests_without_a_peer_are_told_once() {
    log::listen();
    let clock = ManualClock::at_secs(NOW);
    let receiver = penalising(&clock);
    for _ in 0..3 {
        let mut request = forged(&clock, "192.0.2.1");
        request.extensions_mut().clear();
        assert!(verdict(&receiver, request).is_err());
    }
    assert_eq!(
        said(),
        [
            "WARN message=nothing is limited per source: requests carry no `Peer` extension (in axum, `WithPeer` puts it there) scheme=\"stripe\""
        ]
    );
    let shares = Bodies::default().per_source(NonZero::<usize>::MIN);
    let receiver = builder(&clock).bodies(shares).sources(Sources::direct());
    let receiver = receiver.build().unwrap();
    for _ in 0..3 {
        let mut request = genuine(&clock, "192.0.2.1");
        request.extensions_mut().clear();
        assert_eq!(verdict(&receiver, request), Ok(()));
    }
    assert_eq!(said().len(), 1);
    let receiver = builder(&clock).build().unwrap();
    let mut request = forged(&clock, "192.0.2.1");
    request.extensions_mut().clear();
    assert!(verdict(&receiver, request).is_err());
    assert!(said().is_empty(), "nobody asked for a limit");
}
