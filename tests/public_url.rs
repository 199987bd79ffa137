//! The public URL that senders sign, as it is known behind proxies: a real nginx among them, and what the log says when it is wrong.
//!
//! A process of its own: tracing decides once per process which events anybody listens to.
#![cfg(test)]

#[path = "public_url/hints.rs"]
mod hints;
#[path = "public_url/mounted.rs"]
mod mounted;
#[path = "public_url/nginx.rs"]
mod nginx;
#[path = "public_url/proxied.rs"]
mod proxied;
