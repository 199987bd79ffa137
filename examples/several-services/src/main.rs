//! How do I receive from several services in one router?
//!
//! Each route has a layer of its own, because each service has a scheme and a secret of its own. A secret that is being replaced stays in
//! the ring beside the new one until the service signs with that.
//!
//! Run it:
//! ```sh
//! STRIPE_SECRET=whsec_0123456789abcdef0123456789 SLACK_SECRET=8f742231b10e8888abcd99yyyzzz85a5 \
//! SHOPIFY_SECRET=hush-0123456789-new SHOPIFY_OLD_SECRET=hush-0123456789-old cargo run -p example-several-services
//! ```

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign_axum::providers::{SHOPIFY, SLACK, STRIPE};
use countersign_axum::{CountersignLayer, Payload, Receiver, Secret, SecretRing, Webhook};
use serde::Deserialize;

#[derive(Deserialize)]
struct StripeEvent {
    r#type: String,
}

async fn stripe(Webhook { payload, .. }: Webhook<Payload<StripeEvent>>) -> StatusCode {
    println!("stripe: {}", payload.0.r#type);
    StatusCode::NO_CONTENT
}

/// Slack sends events as JSON, interactivity as JSON inside a form field, and slash commands as a form: `Payload` takes each from where
/// it is.
#[derive(Deserialize)]
#[serde(untagged)]
enum FromSlack {
    Command { command: String, text: String },
    Other { r#type: String },
}

async fn slack(Webhook { payload, .. }: Webhook<Payload<FromSlack>>) -> (StatusCode, String) {
    match payload.0 {
        FromSlack::Command { command, text } => {
            println!("slack: {command} {text}");
            (StatusCode::OK, format!("{command} is on its way"))
        }
        FromSlack::Other { r#type } => {
            println!("slack: {type}", type = r#type);
            (StatusCode::OK, String::new())
        }
    }
}

#[derive(Deserialize)]
struct Order {
    id: u64,
}

async fn shopify(Webhook { delivery, payload }: Webhook<Payload<Order>>) -> StatusCode {
    // The topic is a header that the signature does not cover: a hint, not a fact.
    let topic = delivery
        .event()
        .map(|topic| topic.as_str())
        .unwrap_or("no topic");
    println!(
        "shopify: {topic} {} under {}",
        payload.0.id,
        delivery.secret_label()
    );
    StatusCode::NO_CONTENT
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let while_rotating = SecretRing::new([
        Secret::from_env("SHOPIFY_SECRET")?,
        Secret::from_env("SHOPIFY_OLD_SECRET")?,
    ])?;
    let stripe_receiver = Receiver::builder(STRIPE, Secret::from_env("STRIPE_SECRET")?).build()?;
    let slack_receiver = Receiver::builder(SLACK, Secret::from_env("SLACK_SECRET")?).build()?;
    let shopify_receiver = Receiver::builder(SHOPIFY, while_rotating).build()?;
    let app = Router::new()
        .route(
            "/stripe",
            post(stripe).layer(CountersignLayer::new(stripe_receiver)),
        )
        .route(
            "/slack",
            post(slack).layer(CountersignLayer::new(slack_receiver)),
        )
        .route(
            "/shopify",
            post(shopify).layer(CountersignLayer::new(shopify_receiver)),
        );

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
