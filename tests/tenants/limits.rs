//! What strangers who try names cost, and what they learn: nothing that a wrong signature would not tell them.

use std::net::IpAddr;
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use countersign::providers::{GITHUB, SLACK, STRIPE};
use countersign::{
    Attempt as Told, Bodies, FailureLimit, Fault, Peer, Quota, Receiver, Refusal, Scheme, Sources,
    TenantPlace, Tenants, outcome,
};
use countersign_testkit::ManualClock;
use http::Request;

use crate::support::{
    Attempt, Says, Source, UNKNOWN, Verdict, WRONG, signed, tenant, verdict, with,
};

const BODY: &str = r#"{"id":"evt_1","type":"invoice.paid"}"#;

fn by_path() -> TenantPlace {
    TenantPlace::path("/{tenant}")
}

fn two_an_hour() -> Quota {
    Quota::per_hour(NonZero::new(2).unwrap())
}

fn limited(source: &Source) -> (Receiver, ManualClock) {
    with(STRIPE, Tenants::new(by_path(), source.clone()), |builder| {
        builder
            .limit_failures(FailureLimit::penalise(two_an_hour()))
            .sources(Sources::direct())
    })
}

fn from(signer: &str, name: &str) -> Request<Bytes> {
    at(1, signed(STRIPE, signer, &format!("/{name}"), BODY))
}

fn at(host: u8, mut request: Request<Bytes>) -> Request<Bytes> {
    let peer = IpAddr::from([192, 0, 2, host]);
    request.extensions_mut().insert(Peer(peer));
    request
}

fn over(verdict: &Verdict) -> Option<Option<&'static str>> {
    match verdict {
        Err(Refusal::TooManyFailures { cause, .. }) => Some(*cause),
        _ => None,
    }
}

/// Equal in status, headers and body, and equal in what of the body was read, whatever the size and however it comes.
#[test]
fn an_unknown_tenant_looks_like_a_wrong_signature() {
    let source = Source::of(&["a"]);
    for scheme in [STRIPE, GITHUB] {
        let tenants = Tenants::new(by_path(), source.clone());
        let (receiver, _) = with(scheme.clone(), tenants, |builder| builder);
        for body in [
            BODY.to_owned(),
            format!("{{\"id\":\"{}\"}}", "x".repeat(100_000)),
        ] {
            let look = |name: &str| {
                let request = signed(scheme.clone(), "c", &format!("/{name}"), &body);
                let bytes = request.body().clone();
                let pieces = bytes.chunks(9_999).map(Bytes::copy_from_slice).map(Some);
                let pieces: Vec<_> = pieces.collect();
                let mut attempt = Attempt::in_pieces(&receiver, request, pieces).unwrap();
                let Poll::Ready(Err(refusal)) = attempt.poll() else {
                    panic!("it is refused");
                };
                (refusal.clone(), outcome::answer(&refusal), attempt.read())
            };
            let (wrong, unknown) = (look("a"), look("b"));
            assert_eq!(wrong.0, Refusal::SignatureMismatch);
            assert_eq!(unknown.0, Refusal::TenantUnknown);
            assert_eq!(wrong.1, unknown.1);
            assert_eq!((wrong.2, unknown.2), (body.len(), body.len()));
        }
    }
    assert_eq!(Refusal::TenantUnknown.fault(), Fault::Sender);
    assert!(!Refusal::TenantUnknown.retry_helps());
}

/// Whatever else is wrong with a delivery is told alike, too.
#[test]
fn what_else_is_wrong_looks_alike() {
    let source = Source::of(&["A1"]);
    let tenants = Tenants::new(TenantPlace::path("/{tenant}"), source.clone());
    let stamped: Scheme = Scheme {
        timestamp: STRIPE.timestamp.clone(),
        ..STRIPE
    };
    let (receiver, clock) = with(stamped, tenants, |builder| builder);
    clock.advance(Duration::from_secs(301));
    for name in ["A1", "A2"] {
        let request = signed(STRIPE, "A1", &format!("/{name}"), BODY);
        let received = Attempt::new(&receiver, request);
        assert_eq!(received.err(), Some(Refusal::TimestampTooOld), "{name}");
    }
    let (slack, _) = with(
        SLACK,
        Tenants::new(TenantPlace::body(), source),
        |builder| builder,
    );
    for name in ["A1", "A2"] {
        let twice = format!(r#"{{"api_app_id":"{name}","event_id":1,"event_id":1}}"#);
        // A key that decides nothing before the verdict: both are refused by the verdict.
        let of = if name == "A1" { WRONG } else { UNKNOWN };
        assert_eq!(verdict(&slack, signed(SLACK, "A3", "/", &twice)), of);
    }
}

/// No signature is good where no tenant is, not even one under what the receiver itself computes with.
#[test]
fn nobodys_ring_accepts_nothing() {
    let source = Source::of(&[]);
    let (receiver, _) = limited(&source);
    for secret in ["a", "", "0"] {
        assert_eq!(
            verdict(&receiver, signed(STRIPE, secret, "/a", BODY)),
            UNKNOWN
        );
    }
    // And what was never looked up is nobody's.
    let (head, body) = signed(STRIPE, "a", "/a", BODY).into_parts();
    let other = with(STRIPE, Tenants::new(by_path(), source), |builder| builder).0;
    let now = other.clock().unwrap().now();
    let verified = other.verify(&head, body, now);
    assert_eq!(verified.unwrap_err(), Refusal::SecretsUnavailable);
}

#[test]
fn names_cost_failures_and_without_any_left_nobody_is_looked_up() {
    let source = Source::of(&["a", "b"]);
    let (receiver, clock) = limited(&source);
    assert_eq!(verdict(&receiver, from("a", "a")), tenant("a"));
    assert_eq!(verdict(&receiver, from("a", "made-up-1")), UNKNOWN);
    assert_eq!(verdict(&receiver, from("a", "made-up-2")), UNKNOWN);
    source.asked();
    // Two is what it had. What is known is judged as ever, a genuine tenant's included.
    assert_eq!(verdict(&receiver, from("a", "a")), tenant("a"));
    let known = verdict(&receiver, from("b", "a"));
    assert_eq!(over(&known), Some(Some("signature_mismatch")));
    let unknown = verdict(&receiver, from("b", "made-up-1"));
    assert_eq!(over(&unknown), Some(Some("tenant_unknown")));
    // Nobody is asked about anybody else, genuine or not: he may come again.
    for name in ["b", "made-up-3"] {
        let mut attempt = Attempt::new(&receiver, from("b", name)).unwrap();
        let Poll::Ready(refused) = attempt.poll() else {
            panic!("nobody is waited for");
        };
        assert_eq!(over(&refused), Some(None), "{name}");
        assert_eq!(attempt.read(), BODY.len());
        let refusal = refused.unwrap_err();
        assert!(refusal.retry_helps());
        // All of these look alike.
        let look = |refusal: &Refusal| outcome::answer(refusal);
        assert_eq!(look(&refusal), look(known.as_ref().unwrap_err()));
        assert_eq!(look(&refusal), look(unknown.as_ref().unwrap_err()));
    }
    assert_eq!(source.asked(), [""; 0]);
    // Another source's are another's, and what comes back by time counts.
    let mut elsewhere = from("b", "b");
    let peer: IpAddr = "192.0.2.2".parse().unwrap();
    elsewhere.extensions_mut().insert(Peer(peer));
    assert_eq!(verdict(&receiver, elsewhere), tenant("b"));
    receiver.forget_tenant("b");
    clock.advance(Duration::from_secs(1_800));
    let mut back = signed(STRIPE, "b", "/b", BODY);
    back.extensions_mut()
        .insert(Peer("192.0.2.1".parse().unwrap()));
    let stale = Attempt::new(&receiver, back).err();
    assert_eq!(stale, Some(Refusal::TimestampTooOld));
    source.asked();
}

/// Who waits for a look-up that somebody else began costs nobody anything.
#[test]
fn a_look_up_that_is_on_its_way_is_joined_without_failures() {
    let source = Source::of(&["a"]);
    let (receiver, _) = limited(&source);
    for name in ["x", "y"] {
        assert_eq!(verdict(&receiver, from("a", name)), UNKNOWN);
    }
    source.shut();
    let mut elsewhere = from("a", "a");
    elsewhere.extensions_mut().remove::<Peer>();
    let mut first = Attempt::new(&receiver, elsewhere).unwrap();
    assert_eq!(first.poll(), Poll::Pending);
    let mut second = Attempt::new(&receiver, from("a", "a")).unwrap();
    assert_eq!(second.poll(), Poll::Pending);
    source.open();
    assert_eq!(second.poll(), Poll::Ready(tenant("a")));
    assert_eq!(first.poll(), Poll::Ready(tenant("a")));
    assert_eq!(source.asked(), ["x", "y", "a"]);
}

/// What is our fault costs the sender nothing, and he may come again.
#[test]
fn a_source_that_is_away_costs_no_failure() {
    let source = Source::of(&["a"]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&told);
    let tenants = Tenants::new(by_path(), source.clone()).max_look_ups(1);
    let (receiver, _) = with(STRIPE, tenants, |builder| {
        builder
            .limit_failures(FailureLimit::penalise(two_an_hour()))
            .sources(Sources::direct())
            .observer(move |attempt: &Told<'_>| seen.lock().unwrap().push(attempt.code))
    });
    source.says("a", Some(Says::Fails));
    for _ in 0..5 {
        let away = Err(Refusal::SecretsUnavailable);
        assert_eq!(verdict(&receiver, from("a", "a")), away);
    }
    source.says("a", Some(Says::Other("hunter2")));
    for _ in 0..5 {
        let unusable = Err(Refusal::SecretsUnusable);
        assert_eq!(verdict(&receiver, from("a", "a")), unusable);
    }
    source.says("a", Some(Says::Secret));
    source.shut();
    let elsewhere = at(2, signed(STRIPE, "b", "/b", BODY));
    let waiting = Attempt::new(&receiver, elsewhere).map(|mut one| {
        assert_eq!(one.poll(), Poll::Pending);
        one
    });
    for _ in 0..5 {
        let full = Err(Refusal::TooManyLookUps { limit: 1 });
        assert_eq!(verdict(&receiver, from("a", "a")), full);
    }
    drop(waiting);
    source.open();
    assert_eq!(verdict(&receiver, from("a", "a")), tenant("a"));
    assert_eq!(verdict(&receiver, from("b", "a")), WRONG);
    // Each was told once, and so was who hung up.
    let mut expected = vec!["secrets_unavailable"; 5];
    expected.extend(["secrets_unusable"; 5]);
    expected.extend(["too_many_look_ups"; 5]);
    expected.extend(["abandoned", "accepted", "signature_mismatch"]);
    assert_eq!(*told.lock().unwrap(), expected);

    for refusal in [
        Refusal::SecretsUnavailable,
        Refusal::SecretsUnusable,
        Refusal::TooManyLookUps { limit: 1 },
    ] {
        let answer = outcome::answer(&refusal);
        assert_eq!((answer.status.as_u16(), answer.retry_after), (503, Some(5)));
        assert!(refusal.retry_helps());
        assert_ne!(refusal.fault(), Fault::Sender);
    }
    let untold = Refusal::TenantUntold;
    assert_eq!(outcome::answer(&untold).status.as_u16(), 500);
    assert_eq!(untold.fault(), Fault::Configuration);
}

/// Where everything is refused early, so is this.
#[test]
fn who_is_refused_early_asks_for_nobody() {
    let source = Source::of(&["a"]);
    let tenants = Tenants::new(by_path(), source.clone());
    let (receiver, _) = with(STRIPE, tenants, |builder| {
        builder
            .limit_failures(FailureLimit::refuse_early(two_an_hour()))
            .sources(Sources::direct())
    });
    for name in ["x", "y"] {
        assert_eq!(verdict(&receiver, from("a", name)), UNKNOWN);
    }
    assert_eq!(over(&verdict(&receiver, from("a", "a"))), Some(None));
    assert_eq!(source.asked(), ["x", "y"]);
}

/// Who hangs up gets no verdict. Otherwise he could have names looked up without end.
#[test]
fn who_hangs_up_has_asked_all_the_same() {
    let source = Source::of(&["a"]);
    let whole = |request: &Request<Bytes>| [Some(request.body().clone())];
    for says_unknown in [false, true] {
        let (receiver, _) = limited(&source);
        for name in ["x", "y"] {
            let request = from("a", name);
            let pieces = match says_unknown {
                // The answer is there, and the body never comes.
                true => [None],
                false => whole(&request),
            };
            if !says_unknown {
                source.shut();
            }
            let mut attempt = Attempt::in_pieces(&receiver, request, pieces).unwrap();
            assert_eq!(attempt.poll(), Poll::Pending);
            source.open();
        }
        assert_eq!(source.asked(), ["x", "y"]);
        assert_eq!(over(&verdict(&receiver, from("a", "z"))), Some(None));
        assert_eq!(source.asked(), [""; 0]);
    }
}

/// What nobody was asked for costs nothing, and neither does a tenant who is there.
#[test]
fn who_hangs_up_without_having_asked_has_failed_nothing() {
    let source = Source::of(&["a", "b"]);
    let (receiver, _) = limited(&source);
    let hang_up = |request: Request<Bytes>| {
        let mut attempt = Attempt::in_pieces(&receiver, request, [None]).unwrap();
        assert_eq!(attempt.poll(), Poll::Pending);
    };
    // Looked up and found, and then remembered.
    (0..3).for_each(|_| hang_up(from("a", "a")));
    // Looked up for somebody else.
    source.shut();
    let elsewhere = at(2, signed(STRIPE, "b", "/b", BODY));
    let mut first = Attempt::new(&receiver, elsewhere).unwrap();
    assert_eq!(first.poll(), Poll::Pending);
    (0..3).for_each(|_| hang_up(from("b", "b")));
    source.open();
    assert_eq!(first.poll(), Poll::Ready(tenant("b")));
    assert_eq!(source.asked(), ["a", "b"]);
    let wrong = Err(Refusal::SignatureMismatch);
    assert_eq!(verdict(&receiver, from("b", "a")), wrong);
    assert_eq!(verdict(&receiver, from("b", "a")), wrong);
}

/// Who is turned away because we have too much to do has failed nothing, so he must not have asked anybody either.
#[test]
fn who_could_not_wait_for_it_asks_for_nobody() {
    let source = Source::of(&["a"]);
    let bodies = Bodies::new(NonZero::new(1).unwrap(), 1 << 20).waiting(0);
    let tenants = Tenants::new(by_path(), source.clone());
    let (receiver, _) = with(STRIPE, tenants, |builder| {
        builder
            .limit_failures(FailureLimit::penalise(two_an_hour()))
            .sources(Sources::direct())
            .bodies(bodies)
    });
    assert_eq!(verdict(&receiver, from("a", "a")), tenant("a"));
    source.shut();
    let elsewhere = at(2, signed(STRIPE, "x", "/x", BODY));
    let mut slow = Attempt::in_pieces(&receiver, elsewhere, [None]).unwrap();
    assert_eq!(slow.poll(), Poll::Pending);
    assert_eq!(source.asked(), ["a", "x"]);
    let full = Err(Refusal::TooManyBodies { limit: 1 });
    for name in ["y", "z"] {
        assert_eq!(verdict(&receiver, from("a", name)), full);
    }
    assert_eq!(source.asked(), [""; 0]);
    // What is remembered needs no look-up.
    assert_eq!(verdict(&receiver, from("a", "a")), tenant("a"));
}

/// Where no failure is counted, asking costs nobody anything: an answer that is there at once needs no place.
#[test]
fn who_is_not_counted_needs_no_place_for_an_answer_at_once() {
    let limit = FailureLimit::penalise(two_an_hour());
    let peerless = signed(STRIPE, "a", "/a", BODY);
    for (limit, genuine) in [(None, from("a", "a")), (Some(limit), peerless)] {
        let source = Source::of(&["a"]);
        let tenants = Tenants::new(by_path(), source.clone());
        let (receiver, _) = with(STRIPE, tenants, |builder| {
            let builder = builder
                .sources(Sources::direct())
                .bodies(Bodies::new(NonZero::<usize>::MIN, 1 << 20).waiting(0));
            match limit {
                Some(limit) => builder.limit_failures(limit),
                None => builder,
            }
        });
        let elsewhere = at(2, signed(STRIPE, "x", "/x", BODY));
        let mut slow = Attempt::in_pieces(&receiver, elsewhere, [None]).unwrap();
        assert_eq!(slow.poll(), Poll::Pending);
        assert_eq!(verdict(&receiver, genuine), tenant("a"));
        assert_eq!(source.asked(), ["x", "a"]);
    }
}

/// Sources beyond those that are counted share a bucket. What strangers among them do keeps no tenant out.
#[test]
fn what_is_not_counted_apart_is_looked_up() {
    let source = Source::of(&["a"]);
    let tenants = Tenants::new(by_path(), source);
    let (receiver, _) = with(STRIPE, tenants, |builder| {
        builder
            .limit_failures(FailureLimit::penalise(two_an_hour()).most_sources(1))
            .sources(Sources::direct())
    });
    let from = |host: u8, name: &str| at(host, signed(STRIPE, "a", &format!("/{name}"), BODY));
    assert_eq!(verdict(&receiver, from(1, "v")), UNKNOWN);
    for (host, name) in [(2, "w"), (3, "x")] {
        assert_eq!(verdict(&receiver, from(host, name)), UNKNOWN);
    }
    let unknown = over(&verdict(&receiver, from(4, "y")));
    assert_eq!(unknown, Some(Some("tenant_unknown")));
    assert_eq!(verdict(&receiver, from(5, "a")), tenant("a"));
    // One that is counted apart has what it has.
    assert_eq!(verdict(&receiver, from(1, "z")), UNKNOWN);
    assert_eq!(over(&verdict(&receiver, from(1, "u"))), Some(None));
}

/// One source has as many names looked up as it may have bodies, and the others have theirs.
#[test]
fn the_share_of_bodies_is_one_of_look_ups_too() {
    let source = Source::of(&["a"]);
    let bodies = Bodies::new(NonZero::new(4).unwrap(), 1 << 20).per_source(NonZero::<usize>::MIN);
    let tenants = Tenants::new(by_path(), source.clone()).max_look_ups(3);
    let (receiver, _) = with(STRIPE, tenants, |builder| {
        builder.sources(Sources::direct()).bodies(bodies)
    });
    source.shut();
    let waits = |host: u8, name: &str| {
        let request = at(host, signed(STRIPE, "a", &format!("/{name}"), BODY));
        let mut attempt = Attempt::new(&receiver, request).unwrap();
        (attempt.poll(), attempt)
    };
    // One with a place, and one in the queue.
    let held = ["x", "y"].map(|name| waits(1, name));
    assert!(held.iter().all(|(polled, _)| polled.is_pending()));
    for name in ["v", "w"] {
        let full = Err(Refusal::TooManyBodies { limit: 4 });
        assert_eq!(waits(1, name).0, Poll::Ready(full));
    }
    let (polled, mut genuine) = waits(2, "a");
    assert_eq!(polled, Poll::Pending);
    source.open();
    assert_eq!(genuine.poll(), Poll::Ready(tenant("a")));
}
