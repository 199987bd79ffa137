//! The receiver's side: one axum application with a route per scheme.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use countersign::{Clock, Refusal};
use countersign_axum::{CountersignLayer, Webhook};
use http::StatusCode;
use tokio::net::TcpListener;

use super::attempts::ATTEMPT_HEADER;
use super::once;
use super::services::SERVICES;

/// What became of one attempt, as the operator sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// The refusal's code, what became of a delivery, or `ok`.
    pub(crate) code: &'static str,
    /// The number of the run, and the beginning of the delivery's key.
    pub(crate) work: String,
    /// The body that reached the handler.
    pub(crate) handled: Option<Bytes>,
}

type Outcomes = Arc<Mutex<BTreeMap<u64, Outcome>>>;

/// A running receiver.
#[derive(Debug)]
pub(crate) struct Running {
    address: SocketAddr,
    outcomes: Outcomes,
    stage: once::Stage,
}

impl Running {
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the handlers of [`once`] wait for.
    pub(crate) const fn stage(&self) -> &once::Stage {
        &self.stage
    }

    pub(crate) fn outcome(&self, number: u64) -> Option<Outcome> {
        lock(&self.outcomes).get(&number).cloned()
    }
}

/// Starts the receiver on a free port of the loopback interface; it runs until the program ends.
pub(crate) async fn start(
    clock: impl Clock + Clone,
) -> Result<Running, Box<dyn std::error::Error>> {
    let outcomes = Outcomes::default();
    let (mut app, stage) = once::app(clock.clone())?;
    for service in SERVICES {
        let receiver = service.receiver(clock.clone())?;
        let handler = any(handle).with_state(Arc::clone(&outcomes));
        let layer = CountersignLayer::new(receiver);
        app = app.route(&service.path(), handler.layer(layer));
    }
    // Outside the layer: sees what the layer said of each attempt.
    let app = app.layer(middleware::from_fn_with_state(
        Arc::clone(&outcomes),
        observe,
    ));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(Running {
        address,
        outcomes,
        stage,
    })
}

/// The application's own handler: it runs for verified deliveries only.
async fn handle(
    State(outcomes): State<Outcomes>,
    headers: http::HeaderMap,
    Webhook { payload, .. }: Webhook<Bytes>,
) -> StatusCode {
    if let Some(number) = attempt_number(&headers) {
        lock(&outcomes).entry(number).or_default().handled = Some(payload);
    }
    StatusCode::NO_CONTENT
}

async fn observe(State(outcomes): State<Outcomes>, request: Request, next: Next) -> Response {
    let number = attempt_number(request.headers());
    let response = next.run(request).await;
    let outcome = response.extensions().get::<countersign::Outcome>();
    let code = match (response.extensions().get::<Refusal>(), outcome) {
        (Some(refusal), _) => refusal.code(),
        (None, Some(outcome)) => outcome.code(),
        (None, None) if response.status().is_success() => "ok",
        (None, None) => "unknown",
    };
    if let Some(number) = number {
        let mut outcomes = lock(&outcomes);
        let seen = outcomes.entry(number).or_default();
        seen.code = code;
        seen.work = outcome.map(work).unwrap_or_default();
    }
    response
}

/// The number of the run, and as much of the key as tells it from the others at a glance.
fn work(outcome: &countersign::Outcome) -> String {
    let attempt = outcome.attempt.map(|attempt| format!("run {attempt}"));
    let key = outcome.key.map(|key| format!("key {key:.12}"));
    [attempt, key]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

fn attempt_number(headers: &http::HeaderMap) -> Option<u64> {
    headers.get(ATTEMPT_HEADER)?.to_str().ok()?.parse().ok()
}

fn lock(outcomes: &Outcomes) -> std::sync::MutexGuard<'_, BTreeMap<u64, Outcome>> {
    outcomes.lock().unwrap_or_else(PoisonError::into_inner)
}
