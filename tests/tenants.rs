//! Receivers of many tenants: whose secret decides, what is remembered of it, and what strangers learn.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

#[path = "tenants/bound.rs"]
mod bound;
#[path = "tenants/limits.rs"]
mod limits;
#[path = "tenants/look_ups.rs"]
mod look_ups;
#[path = "tenants/places.rs"]
mod places;
#[path = "tenants/remembered.rs"]
mod remembered;
#[path = "tenants/settings.rs"]
mod settings;
#[path = "tenants/support.rs"]
mod support;
