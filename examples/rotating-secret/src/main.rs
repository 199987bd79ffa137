//! How do I exchange a secret without losing a delivery?
//!
//! Both secrets are active while the service goes from one to the other; which of them signed is in the delivery and in the log. The old one
//! ends by itself at a moment that is known beforehand, so nobody has to remember it. Order does not matter, and one bad secret fails the
//! whole receiver at start-up, before it lets anything in.
//!
//! 1. Make the new secret at the service, start this with both, and let the service use the new one.
//! 2. When the log shows no more deliveries under the old label, start it without the old one, or let it run out.
//!
//! A service that learns of new secrets while it runs need not be started again: `Receiver::rotate` exchanges the ring under traffic,
//! `Receiver::reload_every` does so by itself when files or whatever else they come from have changed, and `Receiver::secret_uses` says how
//! often each secret has verified.
//!
//! Run it:
//! ```sh
//! SECRET=0123456789abcdef-new OLD_SECRET=0123456789abcdef-old OLD_SECRET_ENDS=1900000000 cargo run -p example-rotating-secret
//! ```

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign_axum::providers::GITHUB;
use countersign_axum::{CountersignLayer, Receiver, Secret, SecretRing, Timestamp, Webhook};

async fn pushed(Webhook { delivery, .. }: Webhook) -> StatusCode {
    println!("signed with {}", delivery.secret_label());
    StatusCode::NO_CONTENT
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ends: i64 = std::env::var("OLD_SECRET_ENDS")
        .map_err(|error| format!("OLD_SECRET_ENDS: {error}"))?
        .parse()
        .map_err(|error| format!("OLD_SECRET_ENDS: {error}"))?;
    let ring = SecretRing::new([
        Secret::from_env("SECRET")?.label("new"),
        Secret::from_env("OLD_SECRET")?
            .label("old")
            .not_after(Timestamp::from_secs(ends)),
    ])?;
    let receiver = Receiver::builder(GITHUB, ring).build()?;
    let app = Router::new().route(
        "/github",
        post(pushed).layer(CountersignLayer::new(receiver)),
    );

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
