//! Row 5: what the layer adds to a route of axum, beside an extractor written by hand.

use std::error::Error;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::response::Response;
use axum::routing::post;
use countersign::Scheme;
use countersign::providers::{SHOPIFY, STRIPE};
use countersign_axum::{CountersignLayer, Webhook};
use hmac::{Hmac, KeyInit as _};
use http::{Request, StatusCode};
use tower_service::Service as _;

use crate::allocations::allocations;
use crate::by_hand::{Keyed, Shopify, Stripe, StripeEvent};
use crate::measure::{Plan, added};
use crate::senders::{self, Sent};
use crate::table::Table;

const PLAN: Plan = Plan {
    batch: 32,
    turns: 150,
};

const BUDGET: f64 = 1.2;

/// Allocations more than the extractor's.
const FURTHER: u64 = 4;

pub(crate) fn rows(table: &mut Table) -> Result<(), Box<dyn Error>> {
    table.section(
        "layer on an axum POST of 1 KiB: floor is the time that a hand-written extractor adds",
    );
    let shopify = senders::sent(&SHOPIFY, senders::body(1024), 1, senders::ID)?;
    let hand = Router::new()
        .route("/hooks", post(|Shopify(body): Shopify| handle(body)))
        .with_state(keyed(&SHOPIFY)?);
    row(table, "shopify", &shopify, hand, true)?;
    let stripe = senders::sent(&STRIPE, senders::body(1024), 1, senders::ID)?;
    let hand = Router::new()
        .route("/hooks", post(|Stripe(body): Stripe| handle(body)))
        .with_state(keyed(&STRIPE)?);
    row(
        table,
        "stripe, by hand without fields",
        &stripe,
        hand,
        false,
    )?;
    let hand = Router::new()
        .route("/hooks", post(handle_event))
        .with_state(keyed(&STRIPE)?);
    row(
        table,
        "stripe, by hand with id and type",
        &stripe,
        hand,
        false,
    )
}

async fn handle(body: Bytes) -> Body {
    Body::from(body)
}

async fn handle_event(StripeEvent { body, event }: StripeEvent) -> Body {
    black_box((&event.id, &event.kind, &event.account));
    Body::from(body)
}

fn keyed(scheme: &Scheme) -> Result<Keyed, Box<dyn Error>> {
    let text = senders::genuine_secret(scheme);
    Ok(Arc::new(Hmac::new_from_slice(text.as_bytes())?))
}

/// A budget holds for schemes whose deliveries need nothing of the body but its hash.
fn row(
    table: &mut Table,
    what: &str,
    sent: &Sent,
    mut hand: Router,
    budget: bool,
) -> Result<(), Box<dyn Error>> {
    // With its state a router is made ready once, as `axum::serve` does, and not for every request.
    let mut bare = Router::new().route("/hooks", post(handle)).with_state(());
    let verified = |Webhook { payload, .. }: Webhook<Bytes>| handle(payload);
    let layer = CountersignLayer::new(sent.receiver.clone());
    let mut ours = Router::new()
        .route("/hooks", post(verified).layer(layer))
        .with_state(());

    for router in [&mut bare, &mut hand, &mut ours] {
        let response = call(router, request(sent))?;
        if response.status() != StatusCode::OK {
            return Err(format!("{what}: answered {}", response.status()).into());
        }
    }
    let paired = added(
        PLAN,
        || request(sent),
        |request| drop(black_box(call(&mut bare, request))),
        |request| drop(black_box(call(&mut hand, request))),
        |request| drop(black_box(call(&mut ours, request))),
    );
    table.ratio(
        format!("{what}: added time"),
        paired,
        budget.then_some(BUDGET),
    );

    let by_hand = count(&mut hand, sent)?;
    let by_layer = count(&mut ours, sent)?;
    table.count(
        format!("{what}: further allocations ({by_layer} instead of {by_hand})"),
        by_layer.saturating_sub(by_hand),
        budget.then_some(FURTHER),
    );
    let response = call(&mut ours, request(sent))?;
    let returned = now(to_bytes(response.into_body(), usize::MAX))??;
    table.fact(
        format!("{what}: the handler's body is the one that arrived, not a copy"),
        returned.as_ptr() == sent.body.as_ptr() && returned.len() == sent.body.len(),
    );
    Ok(())
}

fn count(router: &mut Router, sent: &Sent) -> Result<u64, Box<dyn Error>> {
    let request = request(sent);
    let (response, count) = allocations(|| call(router, request))?;
    response?;
    Ok(count)
}

fn request(sent: &Sent) -> Request<Body> {
    sent.request.clone().map(|()| Body::from(sent.body.clone()))
}

fn call(router: &mut Router, request: Request<Body>) -> Result<Response, Box<dyn Error>> {
    // A router is always ready and never fails.
    let Ok(response) = now(router.call(request))?;
    Ok(response)
}

/// Everything is there: whatever is polled completes at once, without a runtime.
fn now<F: Future>(future: F) -> Result<F::Output, Box<dyn Error>> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => Err("a future waits although everything is there".into()),
    }
}
