//! How do I give each of a thousand endpoints a secret of its own, behind one receiver?
//!
//! Senders by Standard Webhooks make a secret for each endpoint. The path names the endpoint, the file holds a line for each: its name and its secrets,
//! two while one is being exchanged. Deliveries are remembered for each endpoint apart: the same id at two of them is two deliveries.
//!
//! A flood of made-up endpoints costs no look-up that a remembered answer can spare, pushes no endpoint's secrets out, and looks to its sender as a wrong
//! signature does.
//!
//! Run it:
//! ```sh
//! echo "orders whsec_MDEyMzQ1Njc4OWFiY2RlZm9yZGVycw==" > endpoints.txt
//! ENDPOINTS=endpoints.txt cargo run -p example-thousand-endpoints
//! ```

use std::path::{Path, PathBuf};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign_axum::providers::STANDARD_WEBHOOKS;
use countersign_axum::{
    CountersignLayer, MemoryStore, Receiver, Secret, SecretRing, SecretSource, SourceUnavailable,
    TenantPlace, Tenants, Webhook,
};

struct File(PathBuf);

impl SecretSource for File {
    /// Read anew for each look-up, so that a line that is added is good half a minute later at most. The file is short; what takes its time
    /// is asked with `await`.
    async fn secrets(&self, endpoint: &str) -> Result<Option<SecretRing>, SourceUnavailable> {
        ring(&self.0, endpoint).map_err(SourceUnavailable::new)
    }
}

fn ring(
    file: &Path,
    endpoint: &str,
) -> Result<Option<SecretRing>, Box<dyn std::error::Error + Send + Sync>> {
    let text = std::fs::read_to_string(file)?;
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        if words.next() == Some(endpoint) {
            let secrets = words.map(Secret::new).collect::<Result<Vec<_>, _>>()?;
            return Ok(Some(SecretRing::new(secrets)?));
        }
    }
    Ok(None)
}

async fn received(Webhook { delivery, .. }: Webhook) -> StatusCode {
    let endpoint = delivery.tenant().map(|endpoint| endpoint.as_str());
    let id = delivery.id().map(|id| id.as_str());
    println!("{} at {}", id.unwrap_or("-"), endpoint.unwrap_or("-"));
    StatusCode::NO_CONTENT
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::var_os("ENDPOINTS").ok_or("ENDPOINTS is not set")?;
    let tenants = Tenants::new(TenantPlace::path("/in/{endpoint}"), File(file.into()));
    let receiver = Receiver::for_tenants(STANDARD_WEBHOOKS, tenants)
        .store(MemoryStore::single_process(1_000_000))
        .build()?;
    let layer = CountersignLayer::new(receiver);
    let app = Router::new().route("/in/{endpoint}", post(received).layer(layer));

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
