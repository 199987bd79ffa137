//! The extractors behind the layer: what handlers get, and what senders are told when they do not get it.
#![cfg(test)]

#[path = "extractors/handshakes.rs"]
mod handshakes;
#[path = "extractors/missing_layer.rs"]
mod missing_layer;
#[path = "extractors/once.rs"]
mod once;
#[path = "extractors/payload.rs"]
mod payload;
#[path = "extractors/routers.rs"]
mod routers;
#[path = "extractors/support.rs"]
mod support;
#[path = "extractors/webhook.rs"]
mod webhook;
