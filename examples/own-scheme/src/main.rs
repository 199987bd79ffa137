//! How do I receive from a service that is not built in?
//!
//! Its scheme is data: a file here, or a constant. It is checked when it is read: what makes no sense, proves nothing, or proves less than it
//! says is refused with the line and the field. `countersign sign --scheme-file acme.toml` and `countersign verify` read the same file.
//!
//! Run it:
//! ```sh
//! SCHEME_FILE=examples/own-scheme/acme.toml ACME_SECRET=0123456789abcdef cargo run -p example-own-scheme
//! ```

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use countersign_axum::{CountersignLayer, Receiver, Scheme, Secret, Webhook};
use serde::Deserialize;

#[derive(Deserialize)]
struct Event {
    r#type: String,
}

async fn received(Webhook { delivery, payload }: Webhook<Json<Event>>) -> StatusCode {
    let id = delivery.id().map(|id| id.as_str()).unwrap_or("no id");
    println!("{id} {}", payload.0.r#type);
    StatusCode::NO_CONTENT
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::var("SCHEME_FILE").map_err(|error| format!("SCHEME_FILE: {error}"))?;
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    let scheme = Scheme::from_toml(&text).map_err(|error| format!("{file}: {error}"))?;
    let receiver = Receiver::builder(scheme, Secret::from_env("ACME_SECRET")?).build()?;
    let app = Router::new().route(
        "/acme",
        post(received).layer(CountersignLayer::new(receiver)),
    );

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
