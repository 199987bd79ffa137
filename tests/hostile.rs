//! Hostile peers over real sockets: the testkit's cases against every server that countersign stands in, over HTTP/1.1 and HTTP/2.
//!
//! Each case is held against what it allows, a genuine delivery is accepted after it, and here the handler is asked, too: it has run for
//! genuine deliveries alone, once for each that was accepted.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

#[path = "servers/actix.rs"]
mod actix_server;
#[path = "hostile/answers.rs"]
mod answers;
#[path = "servers/app.rs"]
mod app;
#[path = "servers/axum.rs"]
mod axum_server;
#[path = "servers/hyper.rs"]
mod hyper_server;
#[path = "hostile/schemes.rs"]
mod schemes;
#[path = "hostile/server.rs"]
mod server;
#[path = "hostile/subject.rs"]
mod subject;
#[path = "hostile/table.rs"]
mod table;
