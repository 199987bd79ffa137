//! Where among other layers does it belong?
//!
//! What stands outside of it sees every request, forged ones too: logs, counters, limits on everything. What stands inside sees verified
//! deliveries alone, so a limit there is held by nobody but the sender. A body that a layer outside changes (decompression, say) no longer has
//! the signature that its sender made; whatever reads or changes bodies belongs inside.
//!
//! In a `ServiceBuilder` the first layer is the outermost. With a nested router the layer sees the path without the prefix. That matters to nobody
//! but schemes that sign the URL ([the example for those](../twilio-behind-prefix)), or the path alone: for these the layer goes around the outer
//! router.
//!
//! Run it:
//! ```sh
//! STRIPE_SECRET=whsec_0123456789abcdef0123456789 cargo run -p example-axum-in-a-stack
//! ```

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_axum::providers::STRIPE;
use countersign_axum::{
    CountersignLayer, Delivery, MemoryStore, Receiver, Secret, VerifiedBody, Webhook,
};
use serde::Deserialize;
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;

#[derive(Deserialize)]
struct Event {
    r#type: String,
}

async fn paid(
    Webhook {
        payload: Json(event),
        ..
    }: Webhook<Json<Event>>,
) -> StatusCode {
    println!("handler: {}", event.r#type);
    StatusCode::NO_CONTENT
}

/// Outside: every answer, whoever asked.
async fn answered(request: Request<Body>, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    println!("outside: {path} {}", response.status().as_u16());
    response
}

/// Inside: there is a delivery, or this does not run.
async fn verified(request: Request<Body>, next: Next) -> Response {
    let delivery = request.extensions().get::<Delivery>();
    let id = delivery.and_then(Delivery::id);
    println!("inside: {}", id.map_or("no id", |id| id.as_str()));
    next.run(request).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let receiver = Receiver::builder(STRIPE, Secret::from_env("STRIPE_SECRET")?)
        .store(MemoryStore::single_process(10_000))
        .build()?;
    let stack = ServiceBuilder::new()
        .layer(from_fn(answered))
        .layer(CountersignLayer::new(receiver))
        // Layers of axum's take its own body. A router does so by itself, and needs no such line where nothing stands between.
        .map_request(|request: Request<VerifiedBody>| request.map(Body::new))
        .layer(GlobalConcurrencyLimitLayer::new(8))
        .layer(from_fn(verified));
    let hooks = Router::new().route("/stripe", post(paid)).layer(stack);
    let app = Router::new()
        .route("/health", get(|| async { "well\n" }))
        .nest("/hooks", hooks);

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
