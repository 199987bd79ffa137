//! Runs `countersign listen` as a user would: the built program, real sockets, signals.
#![cfg(test)]
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test stops at what it cannot do"
)]

#[path = "listen/file.rs"]
mod file;
#[path = "listen/flags.rs"]
mod flags;
#[path = "listen/forward.rs"]
mod forward;
#[path = "listen/mistakes.rs"]
mod mistakes;
#[path = "listen/reload.rs"]
mod reload;
#[path = "listen/running.rs"]
mod running;
#[path = "listen/sockets.rs"]
mod sockets;
#[path = "listen/stop.rs"]
mod stop;
