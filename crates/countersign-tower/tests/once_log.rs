//! What operators see of deliveries that run once: one event per attempt, with its code and its key, in the span of its request.
//!
//! A process of its own: tracing decides once per process which events anybody listens to.
#![cfg(test)]

#[allow(dead_code, reason = "shared with the tests of the flow")]
#[path = "once/store.rs"]
mod store;
#[allow(dead_code, reason = "shared with the tests of the flow")]
#[path = "once/support.rs"]
mod support;

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use countersign_testkit::log;
use countersign_tower::{
    FailedForGood, IdempotencyKey, MemoryQuotas, Quota, QuotaStore, Spend, SpendReply, Unavailable,
    providers,
};
use tower::{Service, ServiceExt};
use tracing::{Instrument, Metadata, Subscriber, span};
use tracing_core::span::Current;

use support::{Fault, Op, Rig, Told, millis, poll_once, rig, rig_with, say, secs};

/// The trouble with a store that fails, each told with its cause.
#[track_caller]
fn trouble(lines: &mut Vec<String>, call: &str, times: usize) {
    let line = format!(
        r#"WARN message=trouble with the store of webhook deliveries call="{call}" error=the store is unavailable cause=as the test says"#
    );
    let told: Vec<_> = lines.extract_if(.., |known| *known == line).collect();
    assert_eq!(told.len(), times, "{lines:?}");
}

/// The only event since the last call; the key in it is this delivery's.
#[track_caller]
fn one(key: Option<IdempotencyKey>) -> String {
    one_of(log::take(), key)
}

#[track_caller]
fn one_of(lines: Vec<String>, key: Option<IdempotencyKey>) -> String {
    let [line] = lines.as_slice() else {
        panic!("one event per attempt: {lines:?}");
    };
    for hidden in [support::SECRET, "planted", "v1="] {
        assert!(!line.contains(hidden), "{line}");
    }
    // What the delivery says of itself, and what was measured, have a test of their own.
    let end = [" event=", " id="].map(|field| line.find(field).unwrap_or(line.len()));
    let line = &line[..end[0].min(end[1])];
    match key {
        Some(key) => line.replace(&key.to_string(), "KEY"),
        None => line.to_owned(),
    }
}

async fn sent(rig: &Rig, id: &str) -> String {
    let told = rig.send(id).await;
    rig.settle_down().await;
    one(Some(told.key()))
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_one_event_with_its_code_and_its_key() {
    log::listen();
    let rig = rig(|run| async move {
        match run {
            1 => say(500, "planted"),
            2 => {
                tokio::time::sleep(secs(10)).await;
                say(200, "planted")
            }
            3 => {
                let mut response = say(422, "planted")?;
                response.extensions_mut().insert(FailedForGood);
                Ok(response)
            }
            _ => panic!("planted"),
        }
    });
    // Making the store is an event, too.
    drop(log::take());
    assert_eq!(
        sent(&rig, "evt_1").await,
        r#"WARN message=webhook attempt scheme="stripe" outcome="released" code="released" status=500 secret_label="secret-1" key=KEY attempt=1"#
    );
    let running = rig.spawn("evt_1");
    rig.settle_down().await;
    assert_eq!(log::take(), Vec::<String>::new());
    assert_eq!(
        sent(&rig, "evt_1").await,
        r#"INFO message=webhook attempt scheme="stripe" outcome="refused" code="in_flight" status=503 fault="application" reason=the delivery is being done at this moment; it may be free in 60 s secret_label="secret-1" key=KEY"#
    );
    let key = running.await.unwrap().key();
    assert_eq!(
        one(Some(key)),
        r#"DEBUG message=webhook attempt scheme="stripe" outcome="done" code="done" status=200 secret_label="secret-1" key=KEY attempt=2"#
    );
    assert_eq!(
        sent(&rig, "evt_1").await,
        r#"INFO message=webhook attempt scheme="stripe" outcome="duplicate" code="duplicate" status=200 secret_label="secret-1" key=KEY attempt=2"#
    );
    assert_eq!(
        sent(&rig, "evt_2").await,
        r#"WARN message=webhook attempt scheme="stripe" outcome="failed_for_good" code="failed_for_good" status=422 secret_label="secret-1" key=KEY attempt=1"#
    );
    assert_eq!(
        sent(&rig, "evt_2").await,
        r#"INFO message=webhook attempt scheme="stripe" outcome="duplicate" code="duplicate_replay" status=200 secret_label="secret-1" key=KEY attempt=1"#
    );
    assert_eq!(
        sent(&rig, "evt_3").await,
        r#"WARN message=webhook attempt scheme="stripe" outcome="refused" code="handler_panicked" status=500 fault="application" reason=the handler panicked secret_label="secret-1" key=KEY attempt=1"#
    );
    rig.store.next(Op::Claim, [Fault::Fails; 2]);
    let key = rig.send("evt_4").await.key();
    rig.settle_down().await;
    let mut lines = log::take();
    trouble(&mut lines, "claim", 2);
    assert_eq!(
        one_of(lines, Some(key)),
        r#"WARN message=webhook attempt scheme="stripe" outcome="refused" code="store_unavailable" status=503 fault="store" reason=the store does not answer secret_label="secret-1" key=KEY"#
    );
}

/// The store of quotas has its own trouble, and its own words.
#[tokio::test(start_paused = true)]
async fn a_store_of_quotas_says_what_is_wrong_with_it() {
    struct Away;
    impl QuotaStore for Away {
        async fn spend(&self, _: Spend) -> Result<SpendReply, Unavailable> {
            Err(Unavailable::new("as the test says"))
        }
    }
    log::listen();
    let one = Quota::per_minute(NonZeroU32::MIN);
    let rig = rig_with(
        providers::STRIPE,
        |builder| builder.quota(one, Away),
        |_| async { say(200, "planted") },
    );
    drop(log::take());
    let key = rig.send("evt_1").await.key();
    let mut lines = log::take();
    assert_eq!(
        lines.remove(0),
        r#"WARN message=trouble with the store of quotas call="spend" error=the store is unavailable cause=as the test says"#
    );
    assert_eq!(
        one_of(lines, Some(key)),
        r#"DEBUG message=webhook attempt scheme="stripe" outcome="done" code="done" status=200 secret_label="secret-1" key=KEY attempt=1"#
    );

    let quotas = MemoryQuotas::single_process_on(1, rig.clock);
    assert_eq!(
        log::take(),
        [
            "INFO message=memory store of quotas for a single process: a restart forgets what was spent, each replica grants the whole quota capacity=1"
        ]
    );
    let rig = rig_with(
        providers::STRIPE,
        |builder| builder.quota(one, quotas),
        |_| async { say(200, "planted") },
    );
    drop(log::take());
    let send = async |id: &str, account: &str| {
        let body = format!(r#"{{"id":"{id}","account":"{account}"}}"#);
        let request = rig.sender().send(body).map(http_body_util::Full::new);
        rig.send_request(request).await.key()
    };
    send("evt_1", "acct_1").await;
    drop(log::take());
    let over = send("evt_2", "acct_1").await;
    assert_eq!(
        one_of(log::take(), Some(over)),
        r#"INFO message=webhook attempt scheme="stripe" outcome="refused" code="over_quota" status=429 fault="sender" reason=the quota is used up for 60 s secret_label="secret-1" key=KEY attempt=1"#
    );
    // It is full, and says so once.
    let line = "WARN message=memory store of quotas full: tenants that find no room share one quota capacity=1";
    for (id, account, times) in [("evt_3", "acct_2", 1), ("evt_4", "acct_3", 0)] {
        send(id, account).await;
        let told = log::take();
        let full = told.iter().filter(|told| *told == line).count();
        assert_eq!((full, told.len()), (times, times + 1), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_never_arrived_is_an_error_with_its_key() {
    log::listen();
    let rig = rig(|_| async { say(200, "planted") });
    // Making the store is an event, too.
    drop(log::take());
    rig.store.always(Op::Settle, Fault::Fails);
    let told = rig.send("evt_1").await;
    let key = told.key();
    let mut lines = log::take();
    trouble(&mut lines, "settle", 2);
    assert_eq!(
        one_of(lines, Some(key)),
        r#"DEBUG message=webhook attempt scheme="stripe" outcome="done" code="done" status=200 secret_label="secret-1" key=KEY attempt=1"#
    );
    tokio::time::sleep(millis(59_999)).await;
    rig.settle_down().await;
    let mut lines = log::take();
    // After 1, 2, 4, 8 and 16 seconds.
    trouble(&mut lines, "settle", 5);
    assert_eq!(lines, Vec::<String>::new());
    // The last one is told that the lease has gone.
    rig.store.always(Op::Settle, Fault::None);
    tokio::time::sleep(millis(1)).await;
    rig.settle_down().await;
    assert_eq!(
        one(Some(key)),
        "ERROR message=a delivery was done and could not be recorded: it may run again key=KEY"
    );
}

/// Nobody waits for it any more, and it is seen all the same.
#[tokio::test(start_paused = true)]
async fn a_run_whose_sender_has_gone_is_an_event_too() {
    log::listen();
    let rig = rig(|_| async {
        tokio::time::sleep(secs(10)).await;
        say(200, "planted")
    });
    // Making the store is an event, too.
    drop(log::take());
    let mut service = rig.service.clone();
    let mut future = Box::pin(service.call(rig.attempt("evt_1")));
    assert!(poll_once(future.as_mut()).is_pending());
    rig.settle_down().await;
    drop(future);
    assert_eq!(log::take(), Vec::<String>::new());
    tokio::time::sleep(secs(10)).await;
    rig.settle_down().await;
    let key = rig.leases()[0].as_ref().unwrap().key();
    assert_eq!(
        one(Some(key)),
        r#"DEBUG message=webhook attempt scheme="stripe" outcome="done" code="done" status=200 secret_label="secret-1" key=KEY attempt=1"#
    );
}

#[tokio::test(start_paused = true)]
async fn no_place_is_one_event() {
    log::listen();
    let rig = rig_with(
        providers::STRIPE,
        |builder| builder.max_runs(1),
        |_| async {
            tokio::time::sleep(secs(10)).await;
            say(200, "planted")
        },
    );
    // Making the store is an event, too.
    drop(log::take());
    let running = rig.spawn("evt_1");
    rig.settle_down().await;
    rig.send("evt_2").await;
    let line = one(None);
    assert!(
        line.starts_with("WARN ") && line.contains(r#"code="too_many_runs""#),
        "{line}"
    );
    let key = running.await.unwrap().key();
    one(Some(key));
}

thread_local! {
    /// The spans that are entered on this thread.
    static ENTERED: RefCell<Vec<(span::Id, &'static Metadata<'static>)>> =
        const { RefCell::new(Vec::new()) };
}

/// Knows in which spans each event happened.
#[derive(Clone, Default)]
struct Spans(Arc<SpanLog>);

#[derive(Default)]
struct SpanLog {
    known: Mutex<Vec<&'static Metadata<'static>>>,
    events: Mutex<Vec<(String, Vec<&'static str>)>>,
}

impl Subscriber for Spans {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut known = self.0.known.lock().unwrap();
        known.push(span.metadata());
        span::Id::from_u64(u64::try_from(known.len()).unwrap())
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let spans = ENTERED.with(|entered| {
            let entered = entered.borrow();
            entered.iter().map(|(_, span)| span.name()).collect()
        });
        let target = event.metadata().target().to_owned();
        self.0.events.lock().unwrap().push((target, spans));
    }

    fn enter(&self, id: &span::Id) {
        let index = usize::try_from(id.into_u64()).unwrap().saturating_sub(1);
        let metadata = self.0.known.lock().unwrap()[index];
        ENTERED.with(|entered| entered.borrow_mut().push((id.clone(), metadata)));
    }

    fn exit(&self, _: &span::Id) {
        ENTERED.with(|entered| entered.borrow_mut().pop());
    }

    fn current_span(&self) -> Current {
        ENTERED.with(|entered| match entered.borrow().last() {
            Some((id, metadata)) => Current::new(id.clone(), metadata),
            None => Current::none(),
        })
    }
}

/// The handler's own events are in the span that its request came in, although it runs in another task.
#[tokio::test(start_paused = true)]
async fn the_run_is_in_the_span_of_its_request() {
    for in_place in [false, true] {
        let spans = Spans::default();
        let _listening = tracing::subscriber::set_default(spans.clone());
        let mut rig = rig(|run| async move {
            tracing::info!(target: "handler", "begins");
            tokio::time::sleep(secs(1)).await;
            tracing::info!(target: "handler", "ends");
            say(if run == 1 { 500 } else { 200 }, "said")
        });
        if in_place {
            rig = rig.in_place();
        }
        spans.0.events.lock().unwrap().clear();
        for name in [tracing::info_span!("first"), tracing::info_span!("second")] {
            let request = rig.attempt("evt_1");
            let answer = rig.service.clone().oneshot(request).instrument(name).await;
            Told::of(answer.unwrap()).await;
        }
        let events = spans.0.events.lock().unwrap().clone();
        let with = |target: &str, span: &'static str| (target.to_owned(), vec![span]);
        let run = "countersign::attempt";
        assert_eq!(
            events,
            [
                with("handler", "first"),
                with("handler", "first"),
                with(run, "first"),
                with("handler", "second"),
                with("handler", "second"),
                with(run, "second"),
            ]
        );
    }
}
