//! Tenants: whose an attempt was is told where his secret proved it, and names that strangers write are told nowhere.

use std::num::NonZero;

use countersign::providers::STRIPE;
use countersign::{
    FailureLimit, Peer, Quota, Receiver, Secret, SecretRing, SourceUnavailable, Sources,
    TenantPlace, Tenants, danger,
};

use crate::door::send;
use crate::stage::{BODY, SECRET, Stage, set, without};

async fn look_up(name: String) -> Result<Option<SecretRing>, SourceUnavailable> {
    match name.as_str() {
        "acme" => Ok(Some(danger::secret_of_any_length(SECRET).unwrap().into())),
        "weak" => Ok(Some(Secret::new("hunter2").unwrap().into())),
        "away" => Err(SourceUnavailable::new("the database is away")),
        "hangs" => std::future::pending().await,
        "panics" => panic!("as it was told to"),
        _ => Ok(None),
    }
}

fn receiver(stage: &Stage<'_>, tenants: Tenants) -> Receiver {
    stage.for_tenants(STRIPE, tenants).build().unwrap()
}

pub(crate) async fn tenants(stage: &mut Stage<'_>) {
    const NAME: &str = "x-tenant";
    let by_header = || Tenants::new(TenantPlace::header(NAME), look_up);
    let of_header = receiver(stage, by_header());
    let genuine = stage.genuine(STRIPE, BODY);
    let named = |name: &str| set(genuine.clone(), NAME, name);
    assert_eq!(send(&of_header, named("acme")).await, 200);
    let record = stage.one("accepted", None);
    // The body says that it is `acct_1`: that is the tenant's own word.
    assert_eq!(record.tenant.as_deref(), Some("acme"));
    for (name, code, status) in [
        ("planted", "tenant_unknown", 401),
        ("away", "secrets_unavailable", 503),
        ("panics", "secrets_unavailable", 503),
        ("hangs", "secrets_unavailable", 503),
        ("weak", "secrets_unusable", 503),
    ] {
        assert_eq!(send(&of_header, named(name)).await, status, "{name}");
        let record = stage.one(code, status);
        assert!(!record.is_verified);
        assert_eq!(record.tenant, None);
    }
    let forged = set(stage.forged(STRIPE), NAME, "acme");
    assert_eq!(send(&of_header, forged).await, 401);
    assert_eq!(stage.one("signature_mismatch", 401).tenant, None);
    let nobody = without(named("acme"), NAME);
    assert_eq!(send(&of_header, nobody).await, 400);
    stage.one("field_missing", 400);

    // Who has no failures left is told about nobody whom he has not named before.
    let limited = stage
        .for_tenants(STRIPE, by_header())
        .limit_failures(FailureLimit::penalise(Quota::per_minute(
            NonZero::<u32>::MIN,
        )))
        .sources(Sources::direct());
    let limited = limited.build().unwrap();
    for (name, code, status) in [
        ("planted", "tenant_unknown", 401),
        ("planted-2", "too_many_failures", 429),
    ] {
        let mut guess = named(name);
        guess.extensions_mut().insert(Peer([192, 0, 2, 1].into()));
        assert_eq!(send(&limited, guess).await, status);
        let record = stage.one(code, status);
        assert_eq!((record.cause, record.tenant), (None, None));
    }

    let told = Tenants::new(TenantPlace::extension(), look_up);
    let told = receiver(stage, told);
    assert_eq!(send(&told, genuine.clone()).await, 500);
    stage.one("tenant_untold", 500);

    // Somebody waits for a look-up, and hangs up.
    let one = receiver(stage, by_header().max_look_ups(1));
    let mut waiting = Box::pin(send(&one, named("hangs")));
    let waker = std::task::Waker::noop();
    let mut cx = std::task::Context::from_waker(waker);
    assert!(waiting.as_mut().poll(&mut cx).is_pending());
    assert_eq!(send(&one, named("acme")).await, 503);
    stage.one("too_many_look_ups", 503);
    drop(waiting);
    stage.one("abandoned", None);
}
