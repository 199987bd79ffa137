//! The receiver of the load, and the ledger that its handler writes.

use std::error::Error;
use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use countersign::providers::STRIPE;
use countersign::{FailureLimit, MemoryStore, Once, Quota, Receiver, Secret};
use countersign_axum::{CountersignLayer, Webhook, WithPeer};
use countersign_testkit::ManualClock;
use serde::Deserialize;
use tokio::net::TcpListener;

use super::Fate;
use super::client::SECRET;

/// What the panics say that are part of the load.
pub(super) const PLANNED: &str = "a handler that panics, as planned";

/// What has been done, and how often it was tried.
pub(super) struct Ledger {
    done: Vec<AtomicU8>,
    tried: Vec<AtomicU8>,
    /// Handlers that saw what nobody signed.
    pub(super) forged: AtomicUsize,
}

impl Ledger {
    pub(super) fn new(deliveries: usize) -> Self {
        let zeros = || (0..deliveries).map(|_| AtomicU8::new(0)).collect();
        Self {
            done: zeros(),
            tried: zeros(),
            forged: AtomicUsize::new(0),
        }
    }

    /// How many were done never, and how many more than once.
    pub(super) fn wrong(&self) -> (usize, usize) {
        let done = || self.done.iter().map(|done| done.load(Ordering::SeqCst));
        (
            done().filter(|done| *done == 0).count(),
            done().filter(|done| *done > 1).count(),
        )
    }

    /// How many of a fate that is done at once were tried again.
    pub(super) fn run_again(&self, fate: Fate) -> usize {
        let tried = self.tried.iter().map(|tried| tried.load(Ordering::SeqCst));
        let again = tried.enumerate().filter(|(_, tried)| *tried > 1);
        again
            .filter(|(number, _)| Fate::of(*number) == fate)
            .count()
    }
}

#[derive(Deserialize)]
struct Event {
    number: usize,
    forged: bool,
}

async fn handle(
    State(ledger): State<Arc<Ledger>>,
    Webhook { payload, .. }: Webhook<Json<Event>>,
) -> StatusCode {
    let Json(Event { number, forged }) = payload;
    let (Some(done), Some(tried)) = (ledger.done.get(number), ledger.tried.get(number)) else {
        return StatusCode::NOT_FOUND;
    };
    if forged {
        ledger.forged.fetch_add(1, Ordering::SeqCst);
    }
    let is_first = tried.fetch_add(1, Ordering::SeqCst) == 0;
    match Fate::of(number) {
        Fate::Fails if is_first => return StatusCode::BAD_GATEWAY,
        #[expect(clippy::panic, reason = "it is part of the load")]
        Fate::Panics if is_first => panic!("{PLANNED}"),
        // The copy, and the sender that hangs up, come in the middle.
        Fate::Doubled | Fate::HangsUp => tokio::task::yield_now().await,
        _ => {}
    }
    done.fetch_add(1, Ordering::SeqCst);
    StatusCode::OK
}

pub(super) async fn serve(
    clock: &ManualClock,
    capacity: usize,
    ledger: Arc<Ledger>,
) -> Result<(SocketAddr, Receiver<Once<MemoryStore>>), Box<dyn Error>> {
    let ten = NonZero::new(10).ok_or("no limit")?;
    let receiver = Receiver::builder(STRIPE, Secret::new(SECRET)?)
        .clock(clock.clone())
        .limit_failures(FailureLimit::penalise(Quota::per_minute(ten)))
        .store(MemoryStore::single_process_on(capacity, clock.clone()))
        .build()?;
    let layer = WithPeer::new(CountersignLayer::new(receiver.clone()));
    let app = Router::new()
        .route("/stripe", post(handle).layer(layer))
        .with_state(ledger)
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok((address, receiver))
}
