//! What no receiver of tenants can be built with, and what is printed of one.

use std::num::NonZero;
use std::time::Duration;

use countersign::providers::{GITHUB, SLACK, STRIPE};
use countersign::scheme::{Algorithm, Grade, Place, Retry, SignatureRule};
use countersign::{
    FailureLimit, Quota, Receiver, Scheme, Secret, Sources, TenantPlace, Tenants, danger, list,
    text,
};

use crate::support::{Source, built, receiver, secret_of, signed, tenant, verdict};

fn by_path() -> TenantPlace {
    TenantPlace::path("/{tenant}")
}

#[test]
fn what_makes_no_sense_is_refused_by_its_name() {
    let at = |place: TenantPlace| Tenants::new(place, Source::default());
    let error = |scheme: Scheme, tenants: Tenants| {
        let built = Receiver::for_tenants(scheme, tenants).build();
        built.map(|_| ()).unwrap_err().to_string()
    };
    let second = Duration::from_secs(1);
    for (scheme, tenants, reason) in [
        (
            GITHUB,
            at(TenantPlace::body()),
            "the scheme names no field that says whose secret signs: name one in its field `secret_owner`, or take another place",
        ),
        (
            SLACK,
            at(TenantPlace::body_or(" setup")),
            "the name for bodies without one is no name",
        ),
        (
            GITHUB,
            at(TenantPlace::path("/hooks")),
            "a path template has one parameter, written `{tenant}`",
        ),
        (
            GITHUB,
            at(TenantPlace::path("hooks/{tenant}")),
            "a path template begins with a slash",
        ),
        (
            GITHUB,
            at(TenantPlace::header("x tenant")),
            "the header's name is none",
        ),
        (
            GITHUB,
            at(by_path()).look_up_timeout(Duration::ZERO),
            "a look-up must have more time than none",
        ),
        (
            GITHUB,
            at(by_path()).look_up_timeout(Duration::from_secs(30) + Duration::from_nanos(1)),
            "a look-up may not take longer than a body may",
        ),
        (
            GITHUB,
            at(by_path()).max_look_ups(0),
            "at least one look-up must be allowed",
        ),
    ] {
        assert_eq!(error(scheme, tenants), format!("tenants: {reason}"));
    }
    // A body that must be quicker makes look-ups quicker.
    let quick = Receiver::for_tenants(GITHUB, at(by_path())).body_timeouts(second, second);
    assert!(quick.build().is_ok());
}

#[test]
fn a_sender_that_proves_nothing_has_no_tenants() {
    let unsigned = Scheme {
        name: text!("unsigned"),
        grade: Grade::Unsigned,
        algorithm: Algorithm::Unsigned,
        content: list![],
        ..Scheme::BASE
    };
    let built = Receiver::for_tenants(unsigned, Tenants::new(by_path(), Source::default()))
        .accept_weak(danger::Weak::NothingProven)
        .build();
    assert_eq!(
        built.unwrap_err().to_string(),
        "tenants: the sender proves nothing, so no secret tells whose a delivery is"
    );
}

/// Nobody is looked up without failures left, so that a genuine delivery may be answered 429: no retry would bring it back.
#[test]
fn a_limit_that_would_lose_deliveries_is_refused() {
    let drops = Scheme {
        retry: Retry {
            drops_on: list![429],
            ..GITHUB.retry
        },
        ..GITHUB
    };
    let build = |scheme: Scheme, sources: Option<Sources>| {
        let tenants = Tenants::new(by_path(), Source::default());
        let limit = FailureLimit::penalise(Quota::per_minute(NonZero::<u32>::MIN));
        let builder = Receiver::for_tenants(scheme, tenants).limit_failures(limit);
        let builder = match sources {
            Some(sources) => builder.sources(sources),
            None => builder,
        };
        builder
            .build()
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(
        build(drops, Some(Sources::direct())),
        Err(
            "limit_failures: would lose deliveries of tenants that are not remembered: the sender drops what is answered 429"
                .to_owned()
        )
    );
    assert_eq!(build(GITHUB, Some(Sources::direct())), Ok(()));
    // Strangers behind the same balancer would keep every tenant out who is not remembered.
    assert_eq!(
        build(GITHUB, None),
        Err(
            "limit_failures: without failures left no tenant is looked up, so sources must be told apart: call sources(Sources::behind(..)) or sources(Sources::direct())"
                .to_owned()
        )
    );
}

#[test]
fn the_owner_of_a_secret_lies_in_the_body() {
    for place in [
        Place::Header(text!("x-app")),
        Place::QueryParam(text!("app")),
        Place::PathEnd,
    ] {
        let scheme = Scheme {
            secret_owner: vec![place].into(),
            ..GITHUB
        };
        assert_eq!(
            scheme.check().unwrap_err().to_string(),
            "scheme \"github\": secret_owner: is a field of the body: what lies elsewhere needs no scheme to be looked up by"
        );
    }
    let pointer = Scheme {
        secret_owner: list![Place::Json(text!("app"))],
        ..GITHUB
    };
    assert_eq!(pointer.check().unwrap_err().field, "secret_owner");
    assert_eq!(SLACK.check(), Ok(()));
}

/// A scheme of a file says it, too.
#[test]
fn the_owner_is_data() {
    let scheme: Scheme = toml::from_str(
        r#"
        name = "acme"
        signature = { header = "x-hub-signature-256", layout = { prefix = "sha256=" } }
        secret_owner = { json = "/app" }
        "#,
    )
    .unwrap();
    let expected = Scheme {
        name: text!("acme"),
        signature: SignatureRule {
            ..GITHUB.signature.clone()
        },
        secret_owner: list![Place::Json(text!("/app"))],
        ..Scheme::BASE
    };
    assert_eq!(scheme, expected);
    assert_eq!(
        toml::from_str::<Scheme>(&toml::to_string(&scheme).unwrap()),
        Ok(scheme.clone())
    );
    let source = Source::of(&["x"]);
    let (receiver, _) = receiver(scheme.clone(), TenantPlace::body(), &source);
    let request = signed(scheme, "x", "/", r#"{"app":"x"}"#);
    assert_eq!(verdict(&receiver, request), tenant("x"));
}

#[test]
fn a_ring_for_all_cannot_be_put_in_by_rotating() {
    let source = Source::of(&["a"]);
    let (receiver, _) = receiver(STRIPE, by_path(), &source);
    let secret = Secret::new(secret_of("b")).unwrap();
    assert_eq!(
        receiver.rotate(secret).unwrap_err().to_string(),
        "secrets: each tenant has his own: they are exchanged where their source has them, and forget_tenant has it asked again"
    );
    let body = r#"{"id":"evt_1"}"#;
    assert_eq!(
        verdict(&receiver, signed(STRIPE, "a", "/a", body)),
        tenant("a")
    );
    assert_eq!(receiver.secret_uses(), []);
    // And one with a ring has no tenants.
    let one = Receiver::builder(STRIPE, Secret::new(secret_of("a")).unwrap());
    assert!(!one.build().unwrap().forget_tenant("a"));
}

/// More secrets than max_secrets allows are the operator's fault, as in a receiver with one ring.
#[test]
fn a_ring_is_as_long_as_a_receiver_allows() {
    let source = |_: String| async {
        let secrets =
            (0..3).map(|number| Secret::new(format!("0123456789abcdef-{number}")).unwrap());
        Ok(Some(countersign::SecretRing::new(secrets).unwrap()))
    };
    let build = |most: usize| {
        let clock = countersign_testkit::ManualClock::at_secs(crate::support::NOW);
        let builder = Receiver::for_tenants(STRIPE, Tenants::new(by_path(), source));
        builder.clock(clock).max_secrets(most).build().unwrap()
    };
    let request = || signed(STRIPE, "2", "/a", r#"{"id":"evt_1"}"#);
    assert_eq!(verdict(&build(3), request()), tenant("a"));
    assert_eq!(
        verdict(&build(2), request()),
        Err(countersign::Refusal::SecretsUnusable)
    );
}

#[test]
fn nothing_that_is_printed_names_a_tenant_or_a_secret() {
    let source = Source::of(&["planted-name"]);
    let tenants = Tenants::new(by_path(), source);
    let printed = format!("{tenants:?}");
    let (receiver, _) = built(STRIPE, tenants);
    let request = signed(STRIPE, "planted-name", "/planted-name", r#"{"id":"evt_1"}"#);
    assert_eq!(verdict(&receiver, request), tenant("planted-name"));
    for printed in [printed, format!("{receiver:?}")] {
        for hidden in ["planted-name", "0123456789abcdef"] {
            assert!(!printed.contains(hidden), "{printed}");
        }
        assert!(printed.contains("/{tenant}") || printed.contains("before: \"/\""));
    }
}
