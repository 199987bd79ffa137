//! How do I verify a sender that signs the URL, when a router strips a prefix from the path?
//!
//! Twilio signs the public URL as it is configured there, `https://hooks.example.com/api/twilio` here. `Router::nest` takes `/api` away before
//! the receiver sees the path, a proxy may take more, and neither `Host` nor what a stranger forwards can be trusted to bring it
//! back. So the public URL in front of what is left is configured: scheme, host, port if there is one, and every prefix that is stripped.
//!
//! Where that is wrong, every genuine call is answered 401. The log then has a `hint` (scheme, host, port or prefix) and the URL that Twilio has
//! signed, up to the path: take it over as it is there. Only what `Router::nest` strips is in no header and so in no hint. What nginx and others
//! have to be told for receivers with several names is in the manual, `countersign::manual::public_url`.
//!
//! The answer is what Twilio does next, so the handler answers with content.
//!
//! Run it:
//! ```sh
//! TWILIO_AUTH_TOKEN=0123456789abcdef0123456789abcdef cargo run -p example-twilio-behind-prefix
//! ```

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use countersign_axum::providers::TWILIO;
use countersign_axum::{CountersignLayer, Payload, Receiver, Secret, Webhook};
use serde::Deserialize;

/// Every field counts for the signature; the ones that are used are named here.
#[derive(Deserialize)]
struct Message {
    #[serde(rename = "From")]
    from: String,
    #[serde(rename = "Body")]
    body: String,
}

async fn received(Webhook { payload, .. }: Webhook<Payload<Message>>) -> impl IntoResponse {
    let Payload(Message { from, body }) = payload;
    println!("{from}: {body}");
    (
        [(CONTENT_TYPE, "text/xml")],
        "<Response><Message>Thank you</Message></Response>",
    )
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let receiver = Receiver::builder(TWILIO, Secret::from_env("TWILIO_AUTH_TOKEN")?)
        // What is in front of `/twilio` in the URL that Twilio knows.
        .public_url("https://hooks.example.com/api")
        .build()?;
    let api = Router::new().route(
        "/twilio",
        post(received).layer(CountersignLayer::new(receiver)),
    );
    let app = Router::new().nest("/api", api);

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
