//! How do I do each delivery once, give failures another try, and shut down without losing one?
//!
//! Run it, and end it with Ctrl-C or SIGTERM:
//! ```sh
//! STRIPE_SECRET=whsec_0123456789abcdef0123456789 cargo run -p example-run-once
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use countersign_axum::{
    CountersignLayer, ForGood, IdempotencyKey, Lease, MemoryStore, Receiver, Secret, Webhook,
    providers::STRIPE,
};
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::timeout;

#[derive(Deserialize)]
struct Event {
    r#type: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    id: String,
}

/// Stands for the application's own records: by delivery, what was paid and the number of the run that wrote it.
type Paid = Arc<Mutex<BTreeMap<IdempotencyKey, (String, u32)>>>;

/// Runs once for each event that is done, and again for one that was not.
async fn paid(
    State(paid): State<Paid>,
    Extension(lease): Extension<Lease>,
    Webhook { payload, .. }: Webhook<Json<Event>>,
) -> Response {
    let Json(Event { r#type, data }) = payload;
    let invoice = data.object.id;
    if r#type != "invoice.paid" {
        // No retry makes another event of it: this is recorded, and the sender need not come again.
        println!("{invoice}: {type} is none of ours");
        return ForGood(StatusCode::UNPROCESSABLE_ENTITY).into_response();
    }
    if invoice.is_empty() {
        // The next attempt may find what this one did not: anything but a 2xx gives the delivery back.
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    {
        // A run that was overtaken, because its process was frozen say, has a smaller number than the one that took its place.
        let mut paid = paid.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, last) = paid.entry(lease.key()).or_default();
        if lease.attempt() < *last {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        (*known, *last) = (invoice.clone(), lease.attempt());
    }
    println!("{invoice}: {type}, run {}", lease.attempt());
    StatusCode::NO_CONTENT.into_response()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let receiver = Receiver::builder(STRIPE, Secret::from_env("STRIPE_SECRET")?)
        .store(MemoryStore::single_process(1_000_000))
        .build()?;
    let layer = CountersignLayer::new(receiver.clone());
    let app = Router::new()
        .route("/stripe", post(paid).layer(layer))
        .with_state(Paid::default());

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let mut end = signal(SignalKind::terminate())?;
    let (tell, told) = oneshot::channel();
    let stop = async move {
        tokio::select! {
            _ = end.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        let _ = tell.send(());
    };
    let serving = axum::serve(listener, app).with_graceful_shutdown(stop);
    let serving = tokio::spawn(serving.into_future());
    let _ = told.await;

    // Runs outlive their requests: a client that hung up has not ended them. The server goes on meanwhile.
    match receiver.drain(Duration::from_secs(30)).await {
        Ok(()) => println!("everything is done"),
        Err(still) => println!("{still}; the senders will come again"),
    }
    // It writes its last answers, and somebody who keeps a connection open does not keep the process.
    match timeout(Duration::from_secs(5), serving).await {
        Ok(ended) => ended??,
        Err(_) => println!("somebody was still connected"),
    }
    Ok(())
}
