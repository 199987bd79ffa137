//! What an application hangs into a receiver: its word on questions, and its ear for failures.

use core::net::IpAddr;
use std::fmt;
use std::sync::Arc;

use crate::handshake::Consent;
use crate::refusal::Refusal;
use crate::scheme::Scheme;

/// An attempt that was refused, as the hook of [`ReceiverBuilder::on_failure`](crate::ReceiverBuilder::on_failure) is told of it: what a
/// limiter counts per source.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Failure<'a> {
    /// The scheme.
    pub scheme: &'a Scheme,
    /// Why it was refused.
    pub refusal: &'a Refusal,
    /// The address at the other end of the connection; a proxy's where there is one. `None` unless the host puts a [`Peer`](crate::Peer) into
    /// the request's extensions: in axum, `WithPeer` does (feature `peer`).
    pub peer: Option<IpAddr>,
}

type OnFailure = Arc<dyn Fn(&Failure<'_>) + Send + Sync>;

/// The hooks of one receiver.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) consent: Option<Consent>,
    pub(crate) on_failure: Option<OnFailure>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Hooks")
            .field("consent", &self.consent.is_some())
            .field("on_failure", &self.on_failure.is_some())
            .finish()
    }
}
