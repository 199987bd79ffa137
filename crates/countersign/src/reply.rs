//! What the receiver answers by itself: to handshakes, and to requests that senders are known to make without a signature.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::outcome;

/// An answer that the receiver gives by itself. The request was no delivery: nothing is dispatched.
///
/// Adapters send it as it is, with `content-length`, `x-content-type-options: nosniff` and `cache-control: no-store`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// What was answered, for logs: `handshake` or `unsigned`.
    pub kind: ReplyKind,
    /// The status.
    pub status: StatusCode,
    /// The media type of the body; `None` without a body.
    pub content_type: Option<HeaderValue>,
    /// Further headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body: empty, or at most a few kilobytes of safe characters.
    pub body: Bytes,
}

/// What kind of request the receiver answered by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReplyKind {
    /// A question that was authentic, or that the application agreed to.
    Handshake,
    /// A request without a signature that the sender is known to make.
    Unsigned,
}

impl ReplyKind {
    /// The word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Unsigned => "unsigned",
        }
    }
}

impl Reply {
    /// The empty answer to an unsigned request.
    pub(crate) fn unsigned(status: u16) -> Self {
        Self {
            kind: ReplyKind::Unsigned,
            status: outcome::of_scheme(status),
            content_type: None,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }
}
