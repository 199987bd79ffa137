//! Which delivery is it? Keys through the public API: equal for every attempt of one delivery however it is spelled, and for nothing else.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

#[path = "support/attempts.rs"]
#[allow(dead_code, reason = "shared with the tests of retries")]
mod attempts;
#[path = "identity/captured.rs"]
mod captured;
#[path = "identity/differences.rs"]
mod differences;
#[path = "identity/encoding.rs"]
mod encoding;
#[path = "identity/events.rs"]
mod events;
#[allow(dead_code, reason = "shared with the tests of the catalogue")]
#[path = "catalogue_files.rs"]
mod files;
#[path = "identity/pairs.rs"]
mod pairs;
#[path = "identity/places.rs"]
mod places;
#[path = "identity/reencoded.rs"]
mod reencoded;
#[path = "identity/retention.rs"]
mod retention;
#[path = "identity/settings.rs"]
mod settings;
#[path = "identity/unsigned_ids.rs"]
mod unsigned_ids;
