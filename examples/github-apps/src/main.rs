//! How do I take the deliveries of many customers' GitHub Apps, each with a secret of its own?
//!
//! Each customer's app posts to a path of its own, `/github/{customer}`, and that is where his secret is looked up. The look-up is remembered for five
//! minutes, and a name that nobody has for thirty seconds. Where a customer exchanges his secret, have both in his ring for a while, or call
//! `Receiver::forget_tenant` when the new one is in the database: it has the receiver ask again at once.
//!
//! A customer can write whatever he likes into a body that he signs himself, another one's installation id for instance. `delivery.tenant()` is
//! therefore always the one whose secret it was.
//!
//! Run it:
//! ```sh
//! CUSTOMERS=acme=0123456789abcdef-acme,globex=0123456789abcdef-globex cargo run -p example-github-apps
//! ```

use std::collections::HashMap;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign_axum::providers::GITHUB;
use countersign_axum::{
    CountersignLayer, Receiver, Secret, SecretRing, SecretSource, SourceUnavailable, TenantPlace,
    Tenants, Webhook,
};

/// The customers' secrets; a table of a database, with the name as a bound parameter.
struct Customers(HashMap<String, String>);

impl SecretSource for Customers {
    async fn secrets(&self, customer: &str) -> Result<Option<SecretRing>, SourceUnavailable> {
        let Some(secret) = self.0.get(customer) else {
            return Ok(None);
        };
        let secret = Secret::new(secret.as_str()).map_err(SourceUnavailable::new)?;
        Ok(Some(secret.into()))
    }
}

async fn pushed(Webhook { delivery, .. }: Webhook) -> StatusCode {
    let text = |field: Option<&countersign_axum::Field>| {
        field.map_or_else(|| "-".to_owned(), |field| field.as_str().to_owned())
    };
    println!(
        "{} of {}, who says installation {}",
        text(delivery.event()),
        text(delivery.tenant()),
        text(delivery.account()),
    );
    StatusCode::NO_CONTENT
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let list = std::env::var("CUSTOMERS").map_err(|error| format!("CUSTOMERS: {error}"))?;
    let pairs = list.split(',').filter_map(|pair| pair.split_once('='));
    let owned = pairs.map(|(customer, secret)| (customer.to_owned(), secret.to_owned()));
    let customers = Customers(owned.collect());
    let tenants = Tenants::new(TenantPlace::path("/github/{customer}"), customers);
    let receiver = Receiver::for_tenants(GITHUB, tenants).build()?;
    let layer = CountersignLayer::new(receiver);
    let app = Router::new().route("/github/{customer}", post(pushed).layer(layer));

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
