//! What is attacked: a receiver of one scheme, and a handler that knows what may reach it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign::providers::{GITHUB, STRIPE, TWILIO};
use countersign::scheme::Scheme;
use countersign::{Bodies, Delivery, Lease, MemoryStore, NoStore, Once, Receiver, Secret};
use countersign_testkit::{ManualClock, Sender};

use crate::app::{App, Guard, PATH, Said};

pub(crate) const SECRET: &str = "whsec_0123456789abcdef0123456789";
const PUBLIC: &str = "https://example.com";
/// Long enough for a loaded machine; who is still there then shows it in the next case.
const PATIENCE: Duration = Duration::from_secs(10);
const START: i64 = 1_700_000_000;

/// A scheme with a stamp and a store, one without either, and one of forms that signs the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Stripe,
    Github,
    Twilio,
}

impl Service {
    /// As `answers.toml` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Github => "github",
            Self::Twilio => "twilio",
        }
    }
}

/// One attacked receiver's surroundings.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) service: Service,
    pub(crate) clock: ManualClock,
    pub(crate) handled: Arc<Mutex<Handled>>,
    pub(crate) bodies: Bodies,
}

/// What reached the handler.
#[derive(Debug, Default)]
pub(crate) struct Handled {
    /// Bodies that were sent as genuine and have not come yet.
    expected: HashSet<Bytes>,
    /// Bodies of peers that did not wait: they may come late, or never.
    left: HashSet<Bytes>,
    /// So often has it run for what was expected.
    pub(crate) runs: u64,
    /// Bodies that nobody sent as genuine, or that came twice.
    pub(crate) intruders: Vec<Bytes>,
}

impl Handled {
    /// A case is over. What was sent as genuine and has not come must not come any more, unless its peer has left it behind.
    pub(crate) fn over(&mut self, has_left: bool) {
        let late = std::mem::take(&mut self.expected);
        if has_left {
            self.left.extend(late);
        }
        self.runs = 0;
    }
}

impl App for Subject {
    fn guard(&self) -> Guard {
        match self.service {
            Service::Stripe => Guard::Once(self.receiver_with_store()),
            _ => Guard::Verifies(self.receiver()),
        }
    }

    async fn handle(&self, delivery: Delivery, _: Option<Lease>) -> Said {
        self.record(delivery.body().clone());
        Said::status(204)
    }
}

impl Subject {
    pub(crate) fn new(service: Service) -> Self {
        Self {
            service,
            clock: ManualClock::at_secs(START),
            handled: Arc::default(),
            bodies: Bodies::default(),
        }
    }

    /// Until no body of an earlier case has a place any more: what it left behind is seen when the server comes to it, and over HTTP/2 nobody
    /// waits for a place.
    pub(crate) fn settle(&self) {
        let end = Instant::now() + PATIENCE;
        while self.bodies.usage().reading > 0 && Instant::now() < end {
            std::thread::yield_now();
        }
    }

    pub(crate) fn scheme(&self) -> Scheme {
        match self.service {
            Service::Stripe => STRIPE,
            Service::Github => GITHUB,
            Service::Twilio => TWILIO,
        }
    }

    pub(crate) fn sender(&self) -> Sender {
        Sender::new(self.scheme(), SECRET).url(format!("{PUBLIC}{PATH}"))
    }

    /// For the services without a store.
    fn receiver(&self) -> Receiver<NoStore> {
        let builder = Receiver::builder(self.scheme(), Secret::new(SECRET).unwrap());
        let builder = builder
            .clock(self.clock.clone())
            .bodies(self.bodies.clone());
        match self.service {
            Service::Twilio => builder.public_url(PUBLIC).build().unwrap(),
            _ => builder.build().unwrap(),
        }
    }

    /// For Stripe.
    fn receiver_with_store(&self) -> Receiver<Once<MemoryStore>> {
        Receiver::builder(self.scheme(), Secret::new(SECRET).unwrap())
            .clock(self.clock.clone())
            .bodies(self.bodies.clone())
            .store(MemoryStore::single_process_on(10_000, self.clock.clone()))
            .build()
            .unwrap()
    }

    pub(crate) fn expect(&self, body: &Bytes) {
        self.handled.lock().unwrap().expected.insert(body.clone());
    }

    /// The handler has run.
    fn record(&self, body: Bytes) {
        let mut handled = self.handled.lock().unwrap();
        if handled.expected.remove(&body) {
            handled.runs += 1;
        } else if !handled.left.remove(&body) {
            handled.intruders.push(body);
        }
    }
}
