//! The middleware and the extractors: what handlers get, and what senders are told when they do not get it.
//!
//! What all adapters have in common is in the workspace's own tests; here is what is actix-web's.
#![cfg(test)]

#[path = "actix/answers.rs"]
mod answers;
#[path = "actix/mounting.rs"]
mod mounting;
#[path = "actix/once.rs"]
mod once;
#[path = "actix/payloads.rs"]
mod payloads;
#[path = "actix/support.rs"]
mod support;
