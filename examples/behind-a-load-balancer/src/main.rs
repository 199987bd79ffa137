//! How do I keep a flood of forgeries off, when everything comes through a load balancer?
//!
//! Whoever fails too often is answered 429; what is genuine passes, even from the same address. To tell who it is that fails, the receiver
//! has to know the other end of the connection (`WithPeer`, and `into_make_service_with_connect_info`) and which addresses are load balancers:
//! the hop that they wrote into `X-Forwarded-For` is the source then, counted from the right.
//!
//! Run it:
//! ```sh
//! STRIPE_SECRET=whsec_0123456789abcdef0123456789 LOAD_BALANCERS=127.0.0.1 cargo run -p example-behind-a-load-balancer
//! ```

use std::net::SocketAddr;
use std::num::NonZero;

use axum::routing::post;
use axum::{Json, Router};
use countersign_axum::providers::STRIPE;
use countersign_axum::{
    Bodies, CountersignLayer, FailureLimit, Quota, Receiver, Secret, Sources, Webhook, WithPeer,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Event {
    r#type: String,
}

async fn paid(Webhook { payload, .. }: Webhook<Json<Event>>) {
    println!("{}", payload.r#type);
}

/// Three failures at once, and one more every twenty seconds.
const FAILURES: Quota = Quota::per_minute(NonZero::<u32>::MIN.saturating_add(2));

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Addresses and networks, separated by commas.
    let balancers = std::env::var("LOAD_BALANCERS")?;
    let balancers: Vec<&str> = balancers.split(',').collect();
    // Nobody keeps more than an eighth of the places for bodies that have to be waited for.
    let bodies = Bodies::default().per_source(NonZero::<usize>::MIN.saturating_add(31));

    let receiver = Receiver::builder(STRIPE, Secret::from_env("STRIPE_SECRET")?)
        .sources(Sources::behind(&balancers)?)
        .limit_failures(FailureLimit::penalise(FAILURES))
        .bodies(bodies)
        .build()?;
    let layer = WithPeer::new(CountersignLayer::new(receiver));
    let app: Router = Router::new().route("/stripe", post(paid).layer(layer));

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).await?;
    Ok(())
}
