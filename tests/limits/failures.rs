//! Failures per source: who pays, when it is over, and who passes all the same.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use countersign::danger::Weak;
use countersign::providers::{STRIPE, ZAPIER_QUERY};
use countersign::{Attempt, FailureLimit, Receiver, Refusal, Secret, Sources, outcome};
use countersign_testkit::{ManualClock, Sender};
use http::Request;

use crate::support::{
    NOW, builder, forged, from, genuine, penalising, streamed, too_many, two, verdict,
};

const MISMATCH: Result<(), Refusal> = Err(Refusal::SignatureMismatch);

#[test]
fn after_the_burst_failures_are_answered_429_and_come_back_one_by_one() {
    for ask in [verdict, streamed] {
        let clock = ManualClock::at_secs(NOW);
        let receiver = penalising(&clock);
        let forge = || ask(&receiver, forged(&clock, "192.0.2.1"));
        assert_eq!([forge(), forge()], [MISMATCH, MISMATCH]);
        let over = forge().unwrap_err();
        assert_eq!(over, too_many(30, "signature_mismatch"));
        let answer = outcome::answer(&over);
        assert_eq!(
            (answer.status.as_u16(), answer.body),
            (429, "too many requests\n")
        );
        assert_eq!(answer.retry_after, Some(30));

        // What is refused for it spends nothing, and whole seconds are rounded up.
        clock.advance(Duration::from_millis(29_001));
        assert_eq!(forge(), Err(too_many(1, "signature_mismatch")));
        clock.advance(Duration::from_millis(998));
        assert_eq!(forge(), Err(too_many(1, "signature_mismatch")));
        clock.advance(Duration::from_millis(1));
        assert_eq!(forge(), MISMATCH);
        assert_eq!(forge(), Err(too_many(30, "signature_mismatch")));
        clock.advance(Duration::from_secs(3_600));
        assert_eq!([forge(), forge()], [MISMATCH, MISMATCH]);
        assert_eq!(forge(), Err(too_many(30, "signature_mismatch")));
    }
}

/// Once a limiter elsewhere shut the sender out together with the forger behind the same proxy.
#[test]
fn genuine_deliveries_pass_whatever_their_source_has_done_and_cost_nothing() {
    for ask in [verdict, streamed] {
        let clock = ManualClock::at_secs(NOW);
        let receiver = penalising(&clock);
        for _ in 0..1_000 {
            assert_eq!(ask(&receiver, genuine(&clock, "192.0.2.1")), Ok(()));
        }
        assert_eq!(ask(&receiver, forged(&clock, "192.0.2.1")), MISMATCH);
        assert_eq!(ask(&receiver, forged(&clock, "192.0.2.1")), MISMATCH);
        for _ in 0..1_000 {
            let over = ask(&receiver, forged(&clock, "192.0.2.1"));
            assert_eq!(over, Err(too_many(30, "signature_mismatch")));
            assert_eq!(ask(&receiver, genuine(&clock, "192.0.2.1")), Ok(()));
        }
    }
}

#[test]
fn sources_pay_for_themselves_alone() {
    let clock = ManualClock::at_secs(NOW);
    let receiver = penalising(&clock);
    let forge = |peer| verdict(&receiver, forged(&clock, peer));
    for peer in ["192.0.2.1", "2001:db8:1:2::1"] {
        assert_eq!([forge(peer), forge(peer)], [MISMATCH, MISMATCH]);
        assert_eq!(forge(peer), Err(too_many(30, "signature_mismatch")));
    }
    assert_eq!(forge("192.0.2.2"), MISMATCH);
    assert_eq!(forge("2001:db8:1:3::1"), MISMATCH);
    // One customer has a /64 to himself, and a socket for both families shows IPv4 as IPv6.
    for same in ["2001:db8:1:2:ffff::9", "::ffff:192.0.2.1"] {
        assert_eq!(forge(same), Err(too_many(30, "signature_mismatch")));
    }
}

#[test]
fn behind_named_proxies_the_source_is_the_hop_that_they_wrote() {
    let clock = ManualClock::at_secs(NOW);
    let limit = FailureLimit::penalise(two());
    let sources = Sources::behind(&["10.0.0.0/8"]).unwrap();
    let receiver = builder(&clock).limit_failures(limit).sources(sources);
    let receiver = receiver.build().unwrap();
    let forge = |peer: &str, hops: &str| {
        let mut request = forged(&clock, peer);
        let headers = request.headers_mut();
        headers.insert("x-forwarded-for", hops.parse().unwrap());
        verdict(&receiver, request)
    };
    // Whatever he writes in front, it is he.
    assert_eq!(forge("10.0.0.1", "198.51.100.1, 203.0.113.9"), MISMATCH);
    assert_eq!(
        forge("10.0.0.2", "198.51.100.2, 203.0.113.9, 10.0.0.9"),
        MISMATCH
    );
    let over = forge("10.0.0.1", "10.0.0.7, 203.0.113.9");
    assert_eq!(over, Err(too_many(30, "signature_mismatch")));
    // The one whose address he wrote pays nothing, nor do the proxies.
    assert_eq!(forge("10.0.0.1", "198.51.100.1"), MISMATCH);
    assert_eq!(forge("10.0.0.1", "10.0.0.7"), MISMATCH);
    // Without a proxy in between his headers say nothing.
    assert_eq!(forge("198.51.100.3", "203.0.113.9"), MISMATCH);
}

#[test]
fn without_a_peer_nothing_is_limited() {
    let clock = ManualClock::at_secs(NOW);
    let receiver = penalising(&clock);
    for _ in 0..10 {
        let mut request = forged(&clock, "192.0.2.1");
        request.extensions_mut().clear();
        assert_eq!(verdict(&receiver, request), MISMATCH);
    }
}

/// Each refusal of the head, the body and the check spends; what we are at fault for, and what fails after the check, does not.
#[test]
fn what_the_sender_is_at_fault_for_is_charged() {
    type Edit = fn(&mut Request<Bytes>);
    let head = |clock: &ManualClock, edit: Edit| {
        let mut request = genuine(clock, "192.0.2.1");
        edit(&mut request);
        request
    };
    let kinds: [(&str, Edit); 7] = [
        ("method_not_allowed", |request| {
            *request.method_mut() = http::Method::PUT;
        }),
        ("media_type_unsupported", |request| {
            let headers = request.headers_mut();
            headers.insert("content-type", "text/html".parse().unwrap());
        }),
        ("length_malformed", |request| {
            let headers = request.headers_mut();
            headers.insert("content-length", "+1".parse().unwrap());
        }),
        ("body_too_large", |request| {
            let headers = request.headers_mut();
            headers.insert("content-length", "99999999".parse().unwrap());
        }),
        ("signature_missing", |request| {
            request.headers_mut().remove("stripe-signature");
        }),
        ("signature_malformed", |request| {
            let headers = request.headers_mut();
            headers.insert("stripe-signature", "t=1700000000,v1=".parse().unwrap());
        }),
        ("timestamp_too_old", |request| {
            let old = ManualClock::at_secs(NOW - 301);
            *request = genuine(&old, "192.0.2.1");
        }),
    ];
    for (code, edit) in kinds {
        let clock = ManualClock::at_secs(NOW);
        let receiver = penalising(&clock);
        for _ in 0..2 {
            let refusal = streamed(&receiver, head(&clock, edit)).unwrap_err();
            assert_eq!(refusal.code(), code);
        }
        let over = streamed(&receiver, head(&clock, edit));
        assert_eq!(over, Err(too_many(30, code)));
    }
    // A body that broke off.
    let clock = ManualClock::at_secs(NOW);
    let receiver = penalising(&clock);
    let broken = || {
        let mut request = genuine(&clock, "192.0.2.1");
        let headers = request.headers_mut();
        headers.insert("content-length", "99".parse().unwrap());
        streamed(&receiver, request)
    };
    assert_eq!(
        [broken(), broken()],
        [Err(Refusal::BodyIncomplete), Err(Refusal::BodyIncomplete)]
    );
    assert_eq!(broken(), Err(too_many(30, "body_incomplete")));
}

#[test]
fn our_own_faults_are_charged_to_nobody() {
    let clock = ManualClock::at_secs(NOW);
    let proxies = countersign::TrustedProxies::new(&["192.0.2.1"], ["example.com"]).unwrap();
    let receiver = Receiver::builder(
        countersign::providers::TWILIO,
        Secret::new("0123456789abcdef0123456789abcdef").unwrap(),
    )
    .public_url_from(proxies)
    .clock(clock.clone())
    .limit_failures(FailureLimit::penalise(two()))
    .build()
    .unwrap();
    for _ in 0..10 {
        let request =
            Request::post("/").header("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
        let request = from(request.body(Bytes::new()).unwrap(), "192.0.2.1");
        let refusal = verdict(&receiver, request).unwrap_err();
        assert_eq!(refusal.code(), "public_url_unknown");
    }
}

/// A token can be guessed, so the guess after the last one is not even looked at, right or wrong.
#[test]
fn refused_early_even_the_right_token_is_not_looked_at() {
    const TOKEN: &str = "0123456789abcdef0123456789";
    let clock = ManualClock::at_secs(NOW);
    type Heard = Vec<(Refusal, Option<std::net::IpAddr>)>;
    let heard = Arc::<Mutex<Heard>>::default();
    let ear = Arc::clone(&heard);
    let receiver = Receiver::builder(ZAPIER_QUERY, Secret::new(TOKEN).unwrap())
        .accept_weak(Weak::NothingSigned)
        .clock(clock.clone())
        .limit_failures(FailureLimit::refuse_early(two()))
        .sources(Sources::direct())
        .observer(move |attempt: &Attempt<'_>| {
            if let Some(refusal) = attempt.refusal {
                let seen = (refusal.clone(), attempt.source);
                ear.lock().unwrap().push(seen);
            }
        })
        .build()
        .unwrap();
    let guess = |token: &str| {
        let request = Sender::new(ZAPIER_QUERY, token).send("{}");
        streamed(&receiver, from(request, "192.0.2.1"))
    };
    let early = |retry_after| Refusal::TooManyFailures {
        retry_after,
        cause: None,
    };
    assert_eq!(guess(TOKEN), Ok(()));
    assert_eq!(guess("0123456789abcdef0123456788"), MISMATCH);
    assert_eq!(guess(TOKEN), Ok(()));
    assert_eq!(guess("0123456789abcdef0123456787"), MISMATCH);
    // No failure is left: nobody learns any more whether this was the one.
    for _ in 0..100 {
        assert_eq!(guess(TOKEN), Err(early(30)));
        assert_eq!(guess("0123456789abcdef0123456786"), Err(early(30)));
    }
    // Elsewhere nothing has failed.
    let request = Sender::new(ZAPIER_QUERY, TOKEN).send("{}");
    assert_eq!(
        streamed(&receiver, from(request.clone(), "192.0.2.2")),
        Ok(())
    );
    assert_eq!(
        verdict(&receiver, from(request, "192.0.2.1")),
        Err(early(30))
    );
    clock.advance(Duration::from_secs(30));
    assert_eq!(guess(TOKEN), Ok(()));

    let heard = heard.lock().unwrap();
    let source = "192.0.2.1".parse().ok();
    assert_eq!(heard.len(), 203);
    assert_eq!(heard[1], (Refusal::SignatureMismatch, source));
    assert!(heard[2..].iter().all(|heard| *heard == (early(30), source)));
}

/// A verified delivery whose id is broken came from the sender: nobody is charged for it.
#[test]
fn what_fails_after_the_check_is_charged_to_nobody() {
    let clock = ManualClock::at_secs(NOW);
    let receiver = penalising(&clock);
    for _ in 0..10 {
        let request = Sender::new(STRIPE, crate::support::SECRET).at(clock.now());
        let (head, body) = from(request.send(r#"{"id":[]}"#), "192.0.2.1").into_parts();
        let verified = receiver.verify(&head, body, clock.now()).unwrap();
        let refusal = verified.deliver(&head).unwrap_err();
        assert_eq!(refusal.code(), "field_malformed");
    }
    assert_eq!(verdict(&receiver, forged(&clock, "192.0.2.1")), MISMATCH);
}

#[test]
fn clones_and_threads_count_together() {
    let clock = ManualClock::at_secs(NOW);
    let limit = FailureLimit::penalise(countersign::Quota::per_hour(
        std::num::NonZero::new(100).unwrap(),
    ));
    let receiver = builder(&clock).limit_failures(limit).build().unwrap();
    let mismatches = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            let receiver = receiver.clone();
            scope.spawn(|| {
                let receiver = receiver;
                for _ in 0..25 {
                    if verdict(&receiver, forged(&clock, "192.0.2.1")) == MISMATCH {
                        mismatches.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(mismatches.into_inner(), 100);
}

/// The table is full of sources that have failed: they share what is left, and are not forgotten.
#[test]
fn more_sources_than_are_counted_share_one_bucket() {
    let clock = ManualClock::at_secs(NOW);
    let limit = FailureLimit::penalise(two()).most_sources(64);
    let receiver = builder(&clock).limit_failures(limit).build().unwrap();
    let forge = |number: u32| {
        let [_, high, low] = [0, number / 256, number % 256];
        verdict(&receiver, forged(&clock, &format!("198.18.{high}.{low}")))
    };
    let over = (0..4_096)
        .filter(|number| forge(*number) != MISMATCH)
        .count();
    // 64 with a bucket of their own, and two for all others together.
    assert_eq!(over, 4_096 - 64 - 2);
    // Whoever recovers makes room.
    clock.advance(Duration::from_secs(60));
    assert_eq!([forge(5_000), forge(5_000)], [MISMATCH, MISMATCH]);
    assert_eq!(forge(5_000), Err(too_many(30, "signature_mismatch")));
}
