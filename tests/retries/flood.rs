//! I12: nothing that is forged or stale reaches a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use countersign::danger::Deduplicate;
use countersign::providers::{GITHUB, SHOPIFY, SLACK, STANDARD_WEBHOOKS, STRIPE, TWILIO};
use countersign::scheme::Scheme;
use countersign::{
    Claim, ClaimReply, DeliveryStore, Extend, ExtendReply, ForgetReply, IdempotencyKey,
    MemoryStore, Once, Receiver, Refusal, Release, ReleaseReply, Secret, Settle, SettleReply,
    Timestamp, Unavailable,
};
use countersign_testkit::{ManualClock, Sender};
use http::{HeaderValue, Request};

use crate::attempts::{Seen, attempt, deliver};
use crate::files;
use crate::story::START;

/// How many forgeries of each of the two kinds: a million in all, as the promise says. A build without optimisation takes some five seconds
/// for a hundred thousand, so it sends a fifth of them.
const FORGERIES: u64 = match cfg!(debug_assertions) {
    true => 100_000,
    false => 500_000,
};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY=";

/// Counts every call and remembers in memory.
#[derive(Clone)]
struct Counting {
    inner: MemoryStore,
    calls: Arc<AtomicU64>,
}

impl Counting {
    fn new(clock: &ManualClock) -> Self {
        Self {
            inner: MemoryStore::single_process_on(1_000, clock.clone()),
            calls: Arc::default(),
        }
    }

    fn count(&self) -> &MemoryStore {
        self.calls.fetch_add(1, Ordering::Relaxed);
        &self.inner
    }

    /// Calls and records.
    fn seen(&self) -> (u64, usize) {
        let calls = self.calls.load(Ordering::Relaxed);
        (calls, self.inner.stats().records)
    }
}

impl DeliveryStore for Counting {
    async fn claim(&self, claim: Claim) -> Result<ClaimReply, Unavailable> {
        self.count().claim(claim).await
    }

    async fn settle(&self, settle: Settle) -> Result<SettleReply, Unavailable> {
        self.count().settle(settle).await
    }

    async fn release(&self, release: Release) -> Result<ReleaseReply, Unavailable> {
        self.count().release(release).await
    }

    async fn extend(&self, extend: Extend) -> Result<ExtendReply, Unavailable> {
        self.count().extend(extend).await
    }

    async fn forget(&self, key: IdempotencyKey) -> Result<ForgetReply, Unavailable> {
        self.count().forget(key).await
    }
}

fn endpoint(scheme: &Scheme, clock: &ManualClock) -> (Receiver<Once<Counting>>, Counting) {
    let store = Counting::new(clock);
    let secret = Secret::new(SECRET).expect("a sound secret");
    let builder = files::builder(scheme.clone(), secret, "https://hooks.example.com");
    let builder = builder.store(store.clone());
    let builder = match scheme.repeats {
        countersign::scheme::Repeats::Never => builder,
        _ => builder.deduplicate(Deduplicate::ByUnsignedId),
    };
    (builder.build().expect("a receiver"), store)
}

/// Sends each forgery as far as it comes, which must not be past its verification.
fn flood(
    receiver: &Receiver<Once<Counting>>,
    clock: &ManualClock,
    expected: &Refusal,
    forgery: impl Fn(u64) -> Request<Bytes>,
) {
    for number in 0..FORGERIES {
        match deliver(receiver, &forgery(number), clock.now()) {
            Err(refusal) => assert_eq!(refusal, *expected, "{number}"),
            Ok(delivery) => panic!("{number}: {delivery:?}"),
        }
    }
}

/// Each under an id and a signature of its own, in the shape of a genuine one.
#[test]
fn forged_ids_leave_the_store_empty() {
    let clock = ManualClock::new(START);
    let (receiver, store) = endpoint(&STRIPE, &clock);
    flood(&receiver, &clock, &Refusal::SignatureMismatch, |number| {
        let signature = format!("t={},v1={number:064x}", START.as_secs());
        Request::post("/hooks")
            .header("content-type", "application/json")
            .header("stripe-signature", signature)
            .body(Bytes::from(format!(r#"{{"id":"{number}"}}"#)))
            .expect("a request")
    });
    assert_eq!(store.seen(), (0, 0));
    assert_eq!(receiver.counts(), countersign::Counts::default());
    // It is the store that the receiver uses.
    let sender = Sender::new(STRIPE, SECRET).at(START);
    let genuine = sender.send(r#"{"id":"1"}"#);
    assert_eq!(
        attempt(&receiver, &clock, &genuine, 200),
        Seen::done(1, 200)
    );
    assert_eq!(store.seen(), (2, 1));
}

/// Genuine once, and captured: each is a second too old.
#[test]
fn stale_ids_leave_the_store_empty() {
    let clock = ManualClock::new(START);
    let (receiver, store) = endpoint(&STANDARD_WEBHOOKS, &clock);
    let stale = Timestamp::from_secs(START.as_secs() - 301);
    let sender = Sender::new(STANDARD_WEBHOOKS, SECRET).at(stale);
    let genuine = sender.clone().id("msg_0").send("{}");
    // It was good until a second ago.
    let a_second_ago = Timestamp::from_secs(START.as_secs() - 1);
    assert!(matches!(
        deliver(&receiver, &genuine, a_second_ago),
        Ok(Some(_))
    ));
    flood(&receiver, &clock, &Refusal::TimestampTooOld, |number| {
        let mut request = genuine.clone();
        let id = HeaderValue::from_str(&format!("msg_{number}")).expect("a value");
        request.headers_mut().insert("webhook-id", id);
        request
    });
    assert_eq!(store.seen(), (0, 0));
}

/// Every near miss of a genuine attempt, stale and early ones among them, whatever decides about deliveries.
#[test]
fn no_near_miss_reaches_the_store() {
    let mut count = 0;
    for scheme in [STRIPE, SLACK, STANDARD_WEBHOOKS, GITHUB, SHOPIFY, TWILIO] {
        let clock = ManualClock::new(START);
        let (receiver, store) = endpoint(&scheme, &clock);
        let sender = Sender::new(scheme.clone(), SECRET).at(START);
        let sender = sender.url("https://hooks.example.com/hooks");
        let body = sender.sample_body();
        for miss in sender.near_misses(&body) {
            clock.set(miss.now);
            let seen = attempt(&receiver, &clock, &miss.request, 200);
            assert_eq!(
                seen,
                Seen::refused(miss.refusal, None),
                "{}: {}",
                scheme.name,
                miss.name
            );
            count += 1;
        }
        assert_eq!(store.seen(), (0, 0), "{}", scheme.name);
        // Their genuine twin does.
        clock.set(START);
        let genuine = attempt(&receiver, &clock, &sender.send(&body), 200);
        assert_eq!(genuine, Seen::done(1, 200), "{}", scheme.name);
        assert_eq!(store.seen(), (2, 1), "{}", scheme.name);
    }
    assert!(count > 200, "only {count}");
}
