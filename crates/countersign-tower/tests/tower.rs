//! The layer in front of services: what reaches them, what senders are told, and what happens while a body is read.
#![cfg(test)]

#[path = "tower/body.rs"]
mod body;
#[path = "tower/door.rs"]
mod door;
#[path = "tower/handing_on.rs"]
mod handing_on;
#[path = "tower/handshakes.rs"]
mod handshakes;
#[path = "tower/readiness.rs"]
mod readiness;
#[path = "tower/stacks.rs"]
mod stacks;
#[path = "tower/support.rs"]
mod support;
