//! What the receiver answers by itself: to handshakes, to requests that senders are known to make without a signature, and to duplicates.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::idempotency::{Done, RecordedAnswer};
use crate::outcome;
use crate::scheme::Success;

/// An answer that the receiver gives by itself: the request was no delivery, or one that was done before. Nothing is dispatched.
///
/// Adapters send it as it is, with `content-length`, `x-content-type-options: nosniff` and `cache-control: no-store`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// What was answered, for logs: `handshake`, `unsigned` or `duplicate`.
    pub kind: ReplyKind,
    /// The status.
    pub status: StatusCode,
    /// The media type of the body; `None` without a body.
    pub content_type: Option<HeaderValue>,
    /// Further headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body: empty, at most a few kilobytes of safe characters, or for a duplicate at most 16 KiB that the handler once answered.
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
    /// A delivery that was done before.
    Duplicate,
}

impl ReplyKind {
    /// The word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Unsigned => "unsigned",
            Self::Duplicate => "duplicate",
        }
    }
}

impl Reply {
    /// What was recorded of a delivery that was done.
    pub(crate) fn duplicate(done: &Done, success: &Success) -> Self {
        let status = outcome::of_duplicate(done, success);
        let answer = done.answer.as_deref();
        let answer = answer.filter(|_| outcome::may_have_body(status));
        let kind = answer.and_then(RecordedAnswer::media_type);
        Self {
            kind: ReplyKind::Duplicate,
            status,
            content_type: kind.and_then(|kind| HeaderValue::try_from(kind).ok()),
            headers: Vec::new(),
            body: answer.map_or_else(Bytes::new, |answer| Bytes::copy_from_slice(answer.body())),
        }
    }

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
