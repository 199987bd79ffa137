//! What lies one step beside a delivery that is accepted: each is refused, and for exactly the reason that it should be.
//!
//! Every attempt begins as a published vector, signed by its provider or its official library and never by this one.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails loudly"
)]

#[path = "near_misses/attempt.rs"]
mod attempt;
#[path = "near_misses/body.rs"]
mod body;
#[path = "near_misses/candidates.rs"]
mod candidates;
#[path = "near_misses/fields.rs"]
mod fields;
#[path = "near_misses/fields_by_provider.rs"]
mod fields_by_provider;
#[path = "near_misses/github.rs"]
mod github;
#[path = "near_misses/header.rs"]
mod header;
#[path = "near_misses/secrets.rs"]
mod secrets;
#[path = "near_misses/shopify.rs"]
mod shopify;
#[path = "near_misses/slack.rs"]
mod slack;
#[path = "near_misses/standard_webhooks.rs"]
mod standard_webhooks;
#[path = "near_misses/stripe.rs"]
mod stripe;
#[path = "near_misses/svix.rs"]
mod svix;
#[path = "near_misses/tag.rs"]
mod tag;
#[path = "near_misses/timestamp.rs"]
mod timestamp;
#[path = "support/vectors.rs"]
mod vectors;
