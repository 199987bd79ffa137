//! What a tenant may do: whose quota a delivery is charged to, when it is asked, and what happens when nobody knows.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::danger::Deduplicate;
use countersign::providers::{ALL, STRIPE};
use countersign::scheme::{List, Place, Scheme, Text};
use countersign::{
    Clock, Delivery, Handled, MemoryQuotas, MemoryStore, OutcomeKind, Quota, QuotaKey, QuotaStore,
    Ran, Receiver, Refusal, Secret, Spend, SpendReply, StorePolicy, Unavailable,
};
use countersign_testkit::{ManualClock, Sender, judge};

use crate::bench::*;

/// What happens to one call of a store of quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Down,
    /// The call arrives, and its reply does not.
    NoReply,
    Hangs,
    Panics,
    PanicsWhenAsked,
}

const TROUBLES: [Trouble; 5] = [
    Trouble::Down,
    Trouble::NoReply,
    Trouble::Hangs,
    Trouble::Panics,
    Trouble::PanicsWhenAsked,
];

/// A memory store with trouble ahead, that remembers what it was asked.
#[derive(Clone)]
struct Asked {
    store: MemoryQuotas,
    ahead: Arc<Mutex<VecDeque<Trouble>>>,
    spends: Arc<Mutex<Vec<Spend>>>,
}

impl Asked {
    fn new(clock: &ManualClock) -> Self {
        Self {
            store: MemoryQuotas::single_process_on(100, clock.clone()),
            ahead: Arc::default(),
            spends: Arc::default(),
        }
    }

    fn next(&self, trouble: Trouble) {
        self.ahead.lock().unwrap().push_back(trouble);
    }

    fn keys(&self) -> Vec<QuotaKey> {
        let spends = self.spends.lock().unwrap();
        spends.iter().map(|spend| spend.key).collect()
    }
}

impl QuotaStore for Asked {
    fn spend(&self, spend: Spend) -> impl Future<Output = Result<SpendReply, Unavailable>> + Send {
        self.spends.lock().unwrap().push(spend);
        let trouble = self.ahead.lock().unwrap().pop_front();
        assert_ne!(trouble, Some(Trouble::PanicsWhenAsked), "as the test says");
        let store = self.store.clone();
        async move {
            match trouble {
                None | Some(Trouble::PanicsWhenAsked) => store.spend(spend).await,
                Some(Trouble::Down) => Err(Unavailable::new("down")),
                Some(Trouble::NoReply) => {
                    store.spend(spend).await?;
                    Err(Unavailable::new("no reply"))
                }
                Some(Trouble::Hangs) => std::future::pending().await,
                Some(Trouble::Panics) => panic!("as the test says"),
            }
        }
    }
}

fn one_in(wait: Duration) -> Quota {
    Quota::per(NonZeroU32::MIN, wait).unwrap()
}

/// Stripe's deliveries under a quota.
fn bench(quota: Quota, set: impl FnOnce(Builder) -> Builder) -> (Bench, Asked) {
    let clock = ManualClock::at_secs(1_700_000_000);
    let store = Asked::new(&clock);
    let quotas = store.clone();
    let bench = Bench::on(&clock, |builder| set(builder.quota(quota, quotas)));
    (bench, store)
}

fn event(bench: &Bench, id: &str, account: &str) -> Delivery {
    bench.delivery_of(&format!(r#"{{"id":"{id}","account":"{account}"}}"#))
}

async fn never(_: Option<countersign::Lease>) -> Handled<&'static str> {
    panic!("it runs")
}

#[track_caller]
fn is_over(ran: &Ran<&'static str>, retry_after: u32, attempt: u32) {
    assert_eq!(refusal(ran), Refusal::OverQuota { retry_after });
    assert_eq!(ran.outcome.attempt, Some(attempt));
}

#[track_caller]
fn is_done(ran: &Ran<&'static str>, attempt: u32) {
    is_response(ran, "done", &OutcomeKind::Done, attempt);
}

#[test]
fn what_is_over_quota_is_given_back_and_its_retry_runs() {
    let (bench, quotas) = bench(one_in(Duration::from_millis(2_001)), |builder| builder);
    is_done(&bench.run_of(event(&bench, "evt_1", "acct_1"), ok).now(), 1);
    let second = || event(&bench, "evt_2", "acct_1");
    // Told in whole seconds, rounded up.
    is_over(&bench.run_of(second(), never).now(), 3, 1);
    assert_eq!(bench.store.releases.load(Ordering::Relaxed), 1);
    bench.pass(2);
    is_over(&bench.run_of(second(), never).now(), 1, 2);
    bench.clock.advance(Duration::from_nanos(999_999));
    // A nanosecond is a second.
    is_over(&bench.run_of(second(), never).now(), 1, 3);
    bench.clock.advance(Duration::from_nanos(1));
    is_done(&bench.run_of(second(), ok).now(), 4);
    assert_eq!(quotas.keys().len(), 5);
    let counts = bench.receiver.counts();
    assert_eq!((counts.over_quota, counts.released, counts.done), (3, 0, 2));
    assert_eq!(
        (
            counts.quota_unavailable,
            counts.panicked,
            counts.unavailable
        ),
        (0, 0, 0)
    );
}

#[test]
fn what_does_not_run_costs_nothing() {
    let (bench, quotas) = bench(one_in(Duration::from_secs(3_600)), |builder| builder);
    let switch = Arc::new(AtomicU32::new(0));
    let first = || event(&bench, "evt_1", "acct_1");
    let mut running = bench.run_of(first(), until(&switch));
    running.waits();
    assert_eq!(quotas.keys().len(), 1);
    // Copies of what is running.
    let busy = refusal(&bench.run_of(first(), never).now());
    assert_eq!(busy, Refusal::InFlight { retry_after: 60 });
    switch.store(1, Ordering::Relaxed);
    is_response(&running.now(), "done", &OutcomeKind::Done, 1);
    // Duplicates of what was done.
    for _ in 0..3 {
        is_duplicate(&bench.run_of(first(), never).now(), 200, true);
    }
    // Forgeries: another one's signature, and a body that was changed.
    for (secret, body) in [("whsec_fedcba9876543210fedcba98", "1"), (SECRET, "2")] {
        let sender = Sender::new(STRIPE, secret).at(bench.clock.now());
        let request = sender.send(r#"{"id":"evt_1","account":"acct_1"}"#);
        let request = request.map(|sent| match body {
            "1" => sent,
            _ => r#"{"id":"evt_2","account":"acct_1"}"#.into(),
        });
        let forged = judge(&bench.receiver, &request, bench.clock.now()).unwrap_err();
        assert_eq!(forged, Refusal::SignatureMismatch);
    }
    // And what finds the store of deliveries full, or away.
    bench
        .store
        .claim
        .lock()
        .unwrap()
        .extend([crate::bench::Trouble::Down; 2]);
    let away = refusal(&bench.run_of(event(&bench, "evt_3", "acct_1"), never).now());
    assert_eq!(away, Refusal::StoreUnavailable);
    assert_eq!(quotas.keys().len(), 1);
    assert_eq!(bench.receiver.counts().over_quota, 0);
}

#[test]
fn a_handler_that_fails_has_had_its_unit() {
    let (bench, quotas) = bench(one_in(Duration::from_secs(60)), |builder| builder);
    let first = || event(&bench, "evt_1", "acct_1");
    is_response(
        &bench.run_of(first(), fails).now(),
        "failed",
        &OutcomeKind::Released,
        1,
    );
    is_over(&bench.run_of(first(), never).now(), 60, 2);
    bench.pass(60);
    is_done(&bench.run_of(first(), ok).now(), 3);
    assert_eq!(quotas.keys().len(), 3);
}

#[test]
fn tenants_do_not_starve_one_another() {
    let quota = Quota::per_minute(NonZeroU32::new(3).unwrap());
    let (bench, quotas) = bench(quota, |builder| builder);
    for number in 0..10 {
        let ran = bench
            .run_of(event(&bench, &format!("evt_{number}"), "acct_1"), ok)
            .now();
        match number {
            0..3 => is_done(&ran, 1),
            _ => is_over(&ran, 20, 1),
        }
    }
    for number in 10..13 {
        let ran = bench
            .run_of(event(&bench, &format!("evt_{number}"), "acct_2"), ok)
            .now();
        is_done(&ran, 1);
    }
    let keys = quotas.keys();
    assert!(keys[..10].iter().all(|key| *key == keys[0]));
    assert!(keys[10..].iter().all(|key| *key == keys[10]));
    assert_ne!(keys[0], keys[10]);
    assert!(
        quotas
            .spends
            .lock()
            .unwrap()
            .iter()
            .all(|spend| spend.quota == quota)
    );
}

/// The keys that deliveries of this scheme are charged to.
fn keys_of(
    scheme: &Scheme,
    set: impl FnOnce(Own) -> Own,
    tenants: &[(&str, &str)],
) -> Vec<QuotaKey> {
    let clock = ManualClock::at_secs(1_700_000_000);
    let store = Asked::new(&clock);
    let secret = Secret::new(SECRET).unwrap();
    let builder = Receiver::builder(scheme.clone(), secret)
        .clock(clock.clone())
        .store(MemoryStore::single_process_on(100, clock.clone()))
        .quota(Quota::per_second(NonZeroU32::MAX), store.clone());
    let receiver = set(builder).build().unwrap();
    let sender = Sender::new(scheme.clone(), SECRET).at(clock.now());
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    for (number, (in_header, in_body)) in tenants.iter().enumerate() {
        let body = format!(r#"{{"id":"evt_{number}","account":{in_body}}}"#);
        let mut request = sender.send(body);
        if !in_header.is_empty() {
            request
                .headers_mut()
                .insert("x-tenant", in_header.parse().unwrap());
        }
        let delivery = judge(&receiver, &request, clock.now()).unwrap().unwrap();
        let slot = receiver.reserve().unwrap();
        let ran = Stepped(Box::pin(receiver.run(slot, delivery, &shared, ok))).now();
        assert!(matches!(
            ran.outcome.kind,
            OutcomeKind::Done | OutcomeKind::Unrecorded
        ));
    }
    store.keys()
}

type Own = countersign::ReceiverBuilder<countersign::WithStore<MemoryStore>>;

fn header() -> Place {
    Place::Header(Text::from("x-tenant"))
}

fn in_body() -> Place {
    Place::Json(Text::from("/account"))
}

fn with_tenant(places: impl IntoIterator<Item = Place>) -> Scheme {
    Scheme {
        tenant: places.into_iter().collect::<List<Place>>(),
        ..STRIPE
    }
}

/// Whoever can put a header there could name another tenant, and use up his quota; or a new one each time, and have no limit.
#[test]
fn a_tenant_that_nothing_proves_keys_no_quota() {
    let named = [("acct_1", "null"), ("acct_2", "null"), ("", "null")];
    let unsigned = keys_of(&with_tenant([header()]), |builder| builder, &named);
    assert_eq!(unsigned.len(), 3);
    assert!(
        unsigned.iter().all(|key| *key == unsigned[0]),
        "{unsigned:?}"
    );
    // The one of the receiver, which is also that of deliveries without a tenant.
    assert_eq!(
        keys_of(&STRIPE, |builder| builder, &[("", "null")]),
        [unsigned[0]]
    );
}

/// The documentation of the builder names them.
#[test]
fn some_services_sign_who_the_tenant_is() {
    let signs = |scheme: &&Scheme| scheme.tenant.iter().any(|place| scheme.signs(place));
    let names: Vec<&str> = ALL
        .iter()
        .filter(signs)
        .map(|scheme| &*scheme.name)
        .collect();
    assert_eq!(
        names,
        ["github", "github-sha1", "intercom", "slack", "stripe"]
    );
}

/// An unsigned tenant in front of a signed one does not hide it.
#[test]
fn the_first_tenant_that_is_signed_counts() {
    let both = with_tenant([header(), in_body()]);
    let named = [
        ("acct_9", r#""acct_1""#),
        ("acct_8", r#""acct_1""#),
        ("", r#""acct_1""#),
        ("acct_1", r#""acct_2""#),
        ("acct_1", "null"),
    ];
    let keys = keys_of(&both, |builder| builder, &named);
    assert_eq!([keys[0], keys[0]], [keys[1], keys[2]]);
    let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), 3);
    assert_eq!(
        keys[4],
        keys_of(&STRIPE, |builder| builder, &[("", "null")])[0]
    );
    // Off is no reason to lose the tenant.
    let off = |builder: Own| builder.deduplicate(Deduplicate::Off);
    assert_eq!(keys_of(&both, off, &named), keys);
}

#[test]
fn receivers_share_a_quota_only_where_they_are_replicas() {
    let tenant = [("", r#""acct_1""#)];
    let key = |scheme: &Scheme, namespace: &str, endpoint: &str| {
        let set = |builder: Own| builder.namespace(namespace).endpoint(endpoint);
        keys_of(scheme, set, &tenant)[0]
    };
    let other = Scheme {
        name: Text::from("stripe-too"),
        ..STRIPE
    };
    let keys = [
        key(&STRIPE, "", ""),
        key(&STRIPE, "a", ""),
        key(&STRIPE, "", "a"),
        key(&STRIPE, "a", "b"),
        key(&STRIPE, "b", "a"),
        key(&STRIPE, "ab", ""),
        key(&other, "", ""),
        keys_of(&STRIPE, |builder| builder, &[("", r#""a""#)])[0],
        keys_of(&STRIPE, |builder| builder, &[("", "null")])[0],
        keys_of(
            &with_tenant([header(), in_body()]),
            |builder| builder,
            &tenant,
        )[0],
    ];
    let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
    assert_eq!(key(&STRIPE, "a", "b"), keys[3]);
    // The layout is written down: another one would grant everybody a fresh quota.
    assert_eq!(keys[3].to_string(), LAYOUT);
}

/// SHA-256 of `01 | len 8 | bytes` for each of: `01`, `quota`, `a`, `stripe`, `b`, `00`, `acct_1`.
const LAYOUT: &str = "e090fbcd2ea14bd1b93239d4c597e76906454c6246df97ce3d5b22db34f360b8";

#[test]
fn while_quotas_are_not_told_deliveries_run() {
    for trouble in TROUBLES {
        let (bench, quotas) = bench(one_in(Duration::from_secs(60)), |builder| builder);
        quotas.next(trouble);
        let mut run = bench.run_of(event(&bench, "evt_1", "acct_1"), ok);
        if trouble == Trouble::Hangs {
            run.waits();
            bench.clock.advance(Duration::from_millis(999));
            run.waits();
            assert_eq!(bench.receiver.counts().quota_unavailable, 0);
            bench.clock.advance(Duration::from_millis(1));
        }
        is_done(&run.now(), 1);
        // Not asked again: nobody knows whether the unit was taken.
        assert_eq!(quotas.keys().len(), 1, "{trouble:?}");
        let counts = bench.receiver.counts();
        assert_eq!(
            (counts.quota_unavailable, counts.done),
            (1, 1),
            "{trouble:?}"
        );
        assert_eq!(
            (counts.over_quota, counts.panicked, counts.unavailable),
            (0, 0, 0)
        );
        // It is back.
        let second = bench.run_of(event(&bench, "evt_2", "acct_1"), ok).now();
        match trouble {
            Trouble::NoReply => is_over(&second, 60, 1),
            _ => is_done(&second, 1),
        }
        assert_eq!(bench.receiver.counts().quota_unavailable, 1);
    }
}

#[test]
fn while_quotas_are_not_told_deliveries_are_given_back_where_that_was_chosen() {
    for trouble in TROUBLES {
        let (bench, quotas) = bench(one_in(Duration::from_secs(60)), |builder| {
            builder
                .on_quota_failure(StorePolicy::Refuse)
                .store_timeout(Duration::from_millis(250))
        });
        quotas.next(trouble);
        let mut run = bench.run_of(event(&bench, "evt_1", "acct_1"), never);
        if trouble == Trouble::Hangs {
            run.waits();
            bench.clock.advance(Duration::from_millis(249));
            run.waits();
            bench.clock.advance(Duration::from_millis(1));
        }
        let ran = run.now();
        assert_eq!(refusal(&ran), Refusal::StoreUnavailable, "{trouble:?}");
        assert_eq!((ran.outcome.attempt, ran.rest.is_none()), (Some(1), true));
        assert_eq!(bench.store.releases.load(Ordering::Relaxed), 1);
        let counts = bench.receiver.counts();
        assert_eq!((counts.quota_unavailable, counts.unavailable), (1, 0));
        assert_eq!(
            (counts.over_quota, counts.panicked, counts.released),
            (0, 0, 0)
        );
        bench.pass(60);
        is_done(&bench.run_of(event(&bench, "evt_1", "acct_1"), ok).now(), 2);
    }
}

/// The policy of one store says nothing about the other.
#[test]
fn a_delivery_without_a_record_has_a_quota_too() {
    let (bench, quotas) = bench(one_in(Duration::from_secs(60)), |builder| {
        builder.on_store_failure(StorePolicy::Run)
    });
    let away = || {
        bench
            .store
            .claim
            .lock()
            .unwrap()
            .extend([crate::bench::Trouble::Down; 2])
    };
    away();
    let ran = bench.run_of(event(&bench, "evt_1", "acct_1"), ok).now();
    assert_eq!(ran.outcome.kind, OutcomeKind::Unrecorded);
    away();
    let ran = bench.run_of(event(&bench, "evt_2", "acct_1"), never).now();
    assert_eq!(refusal(&ran), Refusal::OverQuota { retry_after: 60 });
    assert_eq!(quotas.keys().len(), 2);
}

/// Dropped at the one point where it waits for the quota: nothing is held but the lease, which lapses.
#[test]
fn a_run_that_is_dropped_while_it_asks_leaves_its_lease_to_lapse() {
    let (bench, quotas) = bench(one_in(Duration::from_secs(1)), |builder| builder);
    quotas.next(Trouble::Hangs);
    let mut run = bench.run_of(event(&bench, "evt_1", "acct_1"), never);
    run.waits();
    drop(run);
    let busy = refusal(&bench.run_of(event(&bench, "evt_1", "acct_1"), never).now());
    assert_eq!(busy, Refusal::InFlight { retry_after: 60 });
    bench.pass(60);
    is_done(&bench.run_of(event(&bench, "evt_1", "acct_1"), ok).now(), 2);
    assert_eq!(bench.receiver.counts().dropped, 1);
}
