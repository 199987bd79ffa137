//! One table of what is asked and answered, over real sockets, for every server that a receiver can stand in: what one does and refuses, all do
//! and refuse.
//!
//! What hostile peers do to them is in `hostile.rs`.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

#[path = "servers/actix.rs"]
mod actix_server;
#[path = "servers/app.rs"]
#[allow(dead_code, reason = "shared with the table of hostile cases")]
mod app;
#[path = "servers/axum.rs"]
mod axum_server;
#[path = "hosts/client.rs"]
mod client;
#[path = "servers/hyper.rs"]
mod hyper_server;
#[path = "hosts/limits.rs"]
mod limits;
#[path = "hosts/once.rs"]
mod once;
#[path = "hosts/script.rs"]
mod script;
#[path = "hosts/tenants.rs"]
mod tenants;
#[path = "hosts/verify.rs"]
mod verify;

/// A test of each case for each server.
macro_rules! in_every_server {
    ($($case:ident),+ $(,)?) => {
        mod in_axum {
            $(#[test] fn $case() { super::$case(crate::script::serve::<crate::axum_server::Axum>); })+
        }
        mod in_hyper {
            $(#[test] fn $case() { super::$case(crate::script::serve::<crate::hyper_server::Hyper>); })+
        }
        mod in_actix {
            $(#[test] fn $case() { super::$case(crate::script::serve::<crate::actix_server::Actix>); })+
        }
    };
}
pub(crate) use in_every_server;
