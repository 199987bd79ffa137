//! How do I take Stripe's events in an axum handler?
//!
//! Run it:
//! ```sh
//! STRIPE_SECRET=whsec_0123456789abcdef0123456789 cargo run -p example-axum-stripe
//! ```

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use countersign_axum::{CountersignLayer, Receiver, Secret, Webhook, providers::STRIPE};
use serde::Deserialize;

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

/// Runs for verified deliveries only. Stripe repeats an event until it gets a 2xx, and may repeat one that it got it for: the id, which
/// the signature covers, tells.
async fn paid(Webhook { delivery, payload }: Webhook<Json<Event>>) -> StatusCode {
    let id = delivery.id().map(|id| id.as_str()).unwrap_or("no id");
    println!("{id}: {} of {}", payload.r#type, payload.data.object.id);
    StatusCode::NO_CONTENT
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let receiver = Receiver::builder(STRIPE, Secret::from_env("STRIPE_SECRET")?).build()?;
    let app = Router::new().route("/stripe", post(paid).layer(CountersignLayer::new(receiver)));

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
