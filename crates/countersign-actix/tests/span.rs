//! The handler's own events are in the span that its request came in, although it runs in another task.
//!
//! A process of its own, for tracing decides once per process which events anybody listens to.
#![cfg(test)]

#[allow(dead_code, reason = "shared with the tests of the middleware")]
#[path = "actix/support.rs"]
mod support;

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use actix_web::dev::Service;
use actix_web::test::init_service;
use actix_web::{App, rt, web};
use countersign_actix::{Countersign, MemoryStore, Webhook, providers::INTERCOM};
use tracing::{Instrument, Metadata, Subscriber, span};
use tracing_core::span::Current;

use support::{JSON, builder, clock, signed};

thread_local! {
    /// The spans that are entered on this thread.
    static ENTERED: RefCell<Vec<(span::Id, &'static Metadata<'static>)>> =
        const { RefCell::new(Vec::new()) };
}

/// Knows in which spans each of the handler's events happened.
#[derive(Clone, Default)]
struct Spans {
    known: Arc<Mutex<Vec<&'static Metadata<'static>>>>,
    events: Arc<Mutex<Vec<Vec<&'static str>>>>,
}

impl Subscriber for Spans {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut known = self.known.lock().unwrap();
        known.push(span.metadata());
        span::Id::from_u64(u64::try_from(known.len()).unwrap())
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        if event.metadata().target() == "handler" {
            let spans = ENTERED.with(|entered| {
                let entered = entered.borrow();
                entered.iter().map(|(_, span)| span.name()).collect()
            });
            self.events.lock().unwrap().push(spans);
        }
    }

    fn enter(&self, id: &span::Id) {
        let index = usize::try_from(id.into_u64()).unwrap().saturating_sub(1);
        let metadata = self.known.lock().unwrap()[index];
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

#[actix_web::test]
async fn the_run_is_in_the_span_of_its_request() {
    for in_place in [false, true] {
        let spans = Spans::default();
        let _listening = tracing::subscriber::set_default(spans.clone());
        let clock = clock();
        let store = MemoryStore::single_process_on(10, clock.clone());
        let receiver = builder(INTERCOM, &clock).store(store).build().unwrap();
        let guard = Countersign::new(receiver);
        let guard = if in_place { guard.in_place() } else { guard };
        let app = App::new().service(web::resource("/").wrap(guard).to(|_: Webhook| async {
            tracing::info!(target: "handler", "begins");
            rt::task::yield_now().await;
            tracing::info!(target: "handler", "ends");
            "done"
        }));
        let app = init_service(app).await;
        for (id, span) in [
            ("1", tracing::info_span!("first")),
            ("2", tracing::info_span!("second")),
        ] {
            let body = format!(r#"{{"id":"notif_{id}"}}"#);
            let call = app.call(signed(INTERCOM, "/", JSON, body.as_bytes()));
            assert_eq!(call.instrument(span).await.unwrap().status(), 200);
        }
        let seen = spans.events.lock().unwrap().clone();
        assert_eq!(
            seen,
            [["first"], ["first"], ["second"], ["second"]],
            "{in_place}"
        );
    }
}
