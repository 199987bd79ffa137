//! Why a request was turned away: one variant and one stable code per cause.

use crate::scheme::Text;

/// Why a request was turned away.
///
/// Rich for the operator, uniform for the sender: [`outcome`](crate::outcome) maps every refusal to what goes over the wire, and none
/// of these words do. No variant holds a secret, a signature or a piece of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The scheme does not use this method.
    #[error("this sender does not use the request's method")]
    MethodNotAllowed,
    /// The Content-Type is none that this sender uses, is repeated, or cannot be read.
    #[error("this sender does not use the request's media type")]
    MediaTypeUnsupported,
    /// The body is compressed and the scheme does not allow it.
    #[error("the scheme does not allow the request's content encoding")]
    ContentEncodingUnsupported,
    /// Content-Length is repeated or is no number.
    #[error("the content-length header is malformed")]
    LengthMalformed,
    /// The body is, or was declared to be, longer than the limit.
    #[error("the body is longer than {limit} bytes")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    BodyTooSlow,
    /// The body ended early, was longer than declared, or could not be read.
    #[error("the body did not arrive whole")]
    BodyIncomplete,
    /// The body is empty and this sender never sends an empty one.
    #[error("the body is empty")]
    BodyEmpty,
    /// A field that the scheme needs lies in the body, and the body is no well-formed document.
    #[error("the body is not the well-formed document that the scheme reads fields from")]
    BodyMalformed,
    /// There is no signature.
    #[error("the signature is missing")]
    SignatureMissing,
    /// There is a signature, but not one well-formed candidate in it.
    #[error("the signature is malformed")]
    SignatureMalformed,
    /// The signature occurs more than once.
    #[error("the signature occurs more than once")]
    SignatureRepeated,
    /// The signature's text is longer than any sender's.
    #[error("the signature is longer than {limit} bytes")]
    SignatureTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// There are more candidates than any sender sends.
    #[error("the signature has more than {limit} candidates")]
    TooManyCandidates {
        /// The limit.
        limit: usize,
    },
    /// No candidate matches any active secret. There is no further detail, on purpose.
    #[error("no signature matches")]
    SignatureMismatch,
    /// The scheme signs a timestamp and there is none.
    #[error("the timestamp is missing")]
    TimestampMissing,
    /// The timestamp does not parse in the scheme's one spelling.
    #[error("the timestamp is malformed")]
    TimestampMalformed,
    /// The timestamp occurs more than once.
    #[error("the timestamp occurs more than once")]
    TimestampRepeated,
    /// The timestamp is older than the tolerance allows.
    #[error("the timestamp is too old")]
    TimestampTooOld,
    /// The timestamp lies further in the future than the tolerance allows.
    #[error("the timestamp is too far in the future")]
    TimestampTooNew,
    /// The scheme signs the URL, which only trusted proxies may tell, and the peer is none of them.
    #[error("the peer is no trusted proxy, which alone may tell the public url")]
    PeerUntrusted,
    /// The scheme signs the URL, and what should tell it did not: the peer's address or a header of a trusted proxy.
    #[error("the public url cannot be known: {name} is missing, repeated or unusable")]
    PublicUrlUnknown {
        /// The header, or `peer`.
        name: Text,
    },
    /// The sender asked something that it cannot prove, and the application did not agree.
    #[error("the application does not agree to what the sender asks")]
    NotAgreed,
    /// The application did not say in time whether it agrees.
    #[error("the application did not decide in time about what the sender asks")]
    ConsentTooSlow,
    /// A field that is part of the signed content is missing.
    #[error("{name} is missing")]
    FieldMissing {
        /// The header, parameter, field or pointer.
        name: Text,
    },
    /// A deciding field is empty, too long, of the wrong type, or holds what it must not.
    #[error("{name} is malformed")]
    FieldMalformed {
        /// The header, parameter, field or pointer.
        name: Text,
    },
    /// A deciding field occurs more than once.
    #[error("{name} occurs more than once")]
    FieldRepeated {
        /// The header, parameter, field or pointer.
        name: Text,
    },
}

/// Whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The request's: a stranger's, or a sender's that does not follow its own scheme.
    Sender,
    /// Ours: the way the receiver was set up.
    Configuration,
    /// The store's.
    Store,
}

impl Refusal {
    /// The stable code for logs, metrics and tests. Codes never change; new causes get new ones.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MethodNotAllowed => "method_not_allowed",
            Self::MediaTypeUnsupported => "media_type_unsupported",
            Self::ContentEncodingUnsupported => "content_encoding_unsupported",
            Self::LengthMalformed => "length_malformed",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyTooSlow => "body_too_slow",
            Self::BodyIncomplete => "body_incomplete",
            Self::BodyEmpty => "body_empty",
            Self::BodyMalformed => "body_malformed",
            Self::SignatureMissing => "signature_missing",
            Self::SignatureMalformed => "signature_malformed",
            Self::SignatureRepeated => "signature_repeated",
            Self::SignatureTooLong { .. } => "signature_too_long",
            Self::TooManyCandidates { .. } => "too_many_candidates",
            Self::SignatureMismatch => "signature_mismatch",
            Self::TimestampMissing => "timestamp_missing",
            Self::TimestampMalformed => "timestamp_malformed",
            Self::TimestampRepeated => "timestamp_repeated",
            Self::TimestampTooOld => "timestamp_too_old",
            Self::TimestampTooNew => "timestamp_too_new",
            Self::PeerUntrusted => "peer_untrusted",
            Self::PublicUrlUnknown { .. } => "public_url_unknown",
            Self::NotAgreed => "not_agreed",
            Self::ConsentTooSlow => "consent_too_slow",
            Self::FieldMissing { .. } => "field_missing",
            Self::FieldMalformed { .. } => "field_malformed",
            Self::FieldRepeated { .. } => "field_repeated",
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        // Exhaustive: a new cause has to say whose it is.
        match self {
            Self::MethodNotAllowed
            | Self::MediaTypeUnsupported
            | Self::ContentEncodingUnsupported
            | Self::LengthMalformed
            | Self::BodyTooLarge { .. }
            | Self::BodyTooSlow
            | Self::BodyIncomplete
            | Self::BodyEmpty
            | Self::BodyMalformed
            | Self::SignatureMissing
            | Self::SignatureMalformed
            | Self::SignatureRepeated
            | Self::SignatureTooLong { .. }
            | Self::TooManyCandidates { .. }
            | Self::SignatureMismatch
            | Self::TimestampMissing
            | Self::TimestampMalformed
            | Self::TimestampRepeated
            | Self::TimestampTooOld
            | Self::TimestampTooNew
            | Self::PeerUntrusted
            | Self::NotAgreed
            | Self::FieldMissing { .. }
            | Self::FieldMalformed { .. }
            | Self::FieldRepeated { .. } => Fault::Sender,
            Self::PublicUrlUnknown { .. } | Self::ConsentTooSlow => Fault::Configuration,
        }
    }

    /// May the very same attempt succeed when it is sent again?
    #[must_use]
    pub const fn retry_helps(&self) -> bool {
        match self {
            // The line, not the message, was at fault.
            Self::BodyTooSlow | Self::BodyIncomplete => true,
            // The sender's clock or ours may be ahead: time mends it.
            Self::TimestampTooNew => true,
            // Our set-up: somebody mends it.
            Self::PublicUrlUnknown { .. } => true,
            // The application may be quicker next time.
            Self::ConsentTooSlow => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_helps_against_the_line_and_the_clock_alone() {
        for refusal in [
            Refusal::BodyTooSlow,
            Refusal::BodyIncomplete,
            Refusal::TimestampTooNew,
        ] {
            assert!(refusal.retry_helps(), "{refusal}");
        }
        for refusal in [
            Refusal::SignatureMismatch,
            Refusal::SignatureMissing,
            Refusal::TimestampTooOld,
            Refusal::BodyEmpty,
            Refusal::BodyTooLarge { limit: 1 },
        ] {
            assert!(!refusal.retry_helps(), "{refusal}");
            assert_eq!(refusal.fault(), Fault::Sender);
        }
    }
}
