//! Why a request was turned away: one variant and one stable code per cause.

use std::time::Duration;

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
    /// The tenant has no secrets: for the sender it is the same as a signature that does not match.
    #[error("no such tenant")]
    TenantUnknown,
    /// The host should have said whose delivery it is, and did not, or by no name.
    #[error("the host did not say which tenant it is")]
    TenantUntold,
    /// The source of secrets does not answer, or was not asked because it has too much to do.
    #[error("the tenant's secrets cannot be had from their source")]
    SecretsUnavailable,
    /// The source of secrets gave some that this receiver cannot verify with.
    #[error("the tenant's secrets cannot be used")]
    SecretsUnusable,
    /// As many look-ups of secrets are on their way as may.
    #[error("{limit} look-ups of secrets are on their way, as many as may")]
    TooManyLookUps {
        /// The limit.
        limit: usize,
    },
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
    /// The same delivery is being done at this moment.
    #[error("the delivery is being done at this moment; it may be free in {retry_after} s")]
    InFlight {
        /// After how many seconds it is worth asking again: at least 1.
        retry_after: u32,
    },
    /// The delivery was done by an attempt with this very signature, and the receiver refuses such.
    #[error("the attempt has been seen before, and the receiver refuses replays")]
    Replayed,
    /// The delivery was done with another content, and the receiver refuses such.
    #[error("the delivery was done with another content, and the receiver refuses that")]
    BodyChanged,
    /// The quota of the delivery's sender is used up.
    #[error("the quota is used up for {retry_after} s")]
    OverQuota {
        /// After how many seconds it may come again: at least 1.
        retry_after: u32,
    },
    /// There is no room for another key in the store.
    #[error("the store is full")]
    StoreFull,
    /// The store does not answer.
    #[error("the store does not answer")]
    StoreUnavailable,
    /// The run's lease has ended before its work could be recorded.
    #[error("the lease of the run was lost")]
    LeaseLost,
    /// As many deliveries run as may.
    #[error("{limit} deliveries are being done, as many as may")]
    TooManyRuns {
        /// The limit.
        limit: usize,
    },
    /// The receiver is shutting down and lets no run begin.
    #[error("the receiver is shutting down")]
    ShuttingDown,
    /// The sender's deadline came before the run was finished. It goes on.
    #[error("the run is not finished, and the sender waits no longer")]
    Unfinished,
    /// The handler panicked.
    #[error("the handler panicked")]
    HandlerPanicked,
    /// The handler took longer than a run may.
    #[error("the run took too long and was ended")]
    RunTooLong,
    /// As many bodies are being read, and wait to be, as may.
    #[error("{limit} bodies are being read, as many as may, and there is no room to wait")]
    TooManyBodies {
        /// How many are read at once.
        limit: usize,
    },
    /// The source of the attempt has no failures left.
    #[error("too many attempts from this source have failed; it may try again in {retry_after} s")]
    TooManyFailures {
        /// After how many seconds it may fail again: at least 1.
        retry_after: u32,
        /// The code of what the attempt would be refused for. `None` where it was not looked at.
        cause: Option<&'static str>,
    },
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

macro_rules! codes {
    ($($refusal:ident: $code:literal,)+) => {
        impl Refusal {
            /// The stable code for logs, metrics and tests. Codes never change; new causes get new ones.
            #[must_use]
            pub const fn code(&self) -> &'static str {
                match self {
                    $(Self::$refusal { .. } => $code,)+
                }
            }

            /// All of the codes, in the order of the causes.
            pub const CODES: &'static [&'static str] = &[$($code),+];
        }
    };
}

codes! {
    MethodNotAllowed: "method_not_allowed",
    MediaTypeUnsupported: "media_type_unsupported",
    ContentEncodingUnsupported: "content_encoding_unsupported",
    LengthMalformed: "length_malformed",
    BodyTooLarge: "body_too_large",
    BodyTooSlow: "body_too_slow",
    BodyIncomplete: "body_incomplete",
    BodyEmpty: "body_empty",
    BodyMalformed: "body_malformed",
    SignatureMissing: "signature_missing",
    SignatureMalformed: "signature_malformed",
    SignatureRepeated: "signature_repeated",
    SignatureTooLong: "signature_too_long",
    TooManyCandidates: "too_many_candidates",
    SignatureMismatch: "signature_mismatch",
    TenantUnknown: "tenant_unknown",
    TenantUntold: "tenant_untold",
    SecretsUnavailable: "secrets_unavailable",
    SecretsUnusable: "secrets_unusable",
    TooManyLookUps: "too_many_look_ups",
    TimestampMissing: "timestamp_missing",
    TimestampMalformed: "timestamp_malformed",
    TimestampRepeated: "timestamp_repeated",
    TimestampTooOld: "timestamp_too_old",
    TimestampTooNew: "timestamp_too_new",
    PeerUntrusted: "peer_untrusted",
    PublicUrlUnknown: "public_url_unknown",
    NotAgreed: "not_agreed",
    ConsentTooSlow: "consent_too_slow",
    InFlight: "in_flight",
    Replayed: "replayed",
    BodyChanged: "body_changed",
    OverQuota: "over_quota",
    StoreFull: "store_full",
    StoreUnavailable: "store_unavailable",
    LeaseLost: "lease_lost",
    TooManyRuns: "too_many_runs",
    ShuttingDown: "shutting_down",
    Unfinished: "unfinished",
    HandlerPanicked: "handler_panicked",
    RunTooLong: "run_too_long",
    TooManyBodies: "too_many_bodies",
    TooManyFailures: "too_many_failures",
    FieldMissing: "field_missing",
    FieldMalformed: "field_malformed",
    FieldRepeated: "field_repeated",
}

/// Whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The request's: a stranger's, or a sender's that does not follow its own scheme.
    Sender,
    /// Ours: the way the receiver was set up.
    Configuration,
    /// The store's, or that of the source of secrets.
    Store,
    /// The application's: its handler's, or there is more to do than it has room for.
    Application,
}

impl Fault {
    /// The word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Configuration => "configuration",
            Self::Store => "store",
            Self::Application => "application",
        }
    }
}

impl Refusal {
    /// The code of what an attempt would have been refused for, had its source any failures left.
    #[must_use]
    pub const fn cause(&self) -> Option<&'static str> {
        match self {
            Self::TooManyFailures { cause, .. } => *cause,
            _ => None,
        }
    }

    /// Somebody else is at it, for so long at most unless the lease is extended.
    pub(crate) fn in_flight(remaining: Duration) -> Self {
        Self::InFlight {
            retry_after: whole_seconds(remaining),
        }
    }

    pub(crate) fn over_quota(wait: Duration) -> Self {
        Self::OverQuota {
            retry_after: whole_seconds(wait),
        }
    }

    pub(crate) fn too_many_failures(wait: Duration, cause: Option<&'static str>) -> Self {
        Self::TooManyFailures {
            retry_after: whole_seconds(wait),
            cause,
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
            | Self::TenantUnknown
            | Self::TimestampMissing
            | Self::TimestampMalformed
            | Self::TimestampRepeated
            | Self::TimestampTooOld
            | Self::TimestampTooNew
            | Self::PeerUntrusted
            | Self::NotAgreed
            | Self::Replayed
            | Self::BodyChanged
            | Self::OverQuota { .. }
            | Self::TooManyFailures { .. }
            | Self::FieldMissing { .. }
            | Self::FieldMalformed { .. }
            | Self::FieldRepeated { .. } => Fault::Sender,
            Self::PublicUrlUnknown { .. }
            | Self::ConsentTooSlow
            | Self::TenantUntold
            | Self::SecretsUnusable => Fault::Configuration,
            Self::StoreFull | Self::StoreUnavailable | Self::SecretsUnavailable => Fault::Store,
            Self::InFlight { .. }
            | Self::LeaseLost
            | Self::TooManyRuns { .. }
            | Self::TooManyBodies { .. }
            | Self::TooManyLookUps { .. }
            | Self::ShuttingDown
            | Self::Unfinished
            | Self::HandlerPanicked
            | Self::RunTooLong => Fault::Application,
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
            Self::PublicUrlUnknown { .. } | Self::TenantUntold | Self::SecretsUnusable => true,
            // The application may be quicker next time.
            Self::ConsentTooSlow => true,
            // What is full, busy or away will not be so for ever.
            Self::InFlight { .. }
            | Self::OverQuota { .. }
            | Self::StoreFull
            | Self::StoreUnavailable
            | Self::LeaseLost
            | Self::TooManyRuns { .. }
            | Self::ShuttingDown
            | Self::Unfinished
            | Self::HandlerPanicked
            | Self::RunTooLong
            | Self::SecretsUnavailable
            | Self::TooManyLookUps { .. }
            | Self::TooManyBodies { .. } => true,
            // As without the limit; and what was not looked at may be right.
            Self::TooManyFailures { cause, .. } => match cause {
                None => true,
                Some(code) => matches!(
                    code.as_bytes(),
                    b"body_too_slow" | b"body_incomplete" | b"timestamp_too_new"
                ),
            },
            _ => false,
        }
    }
}

/// Rounded up, and at least 1.
fn whole_seconds(wait: Duration) -> u32 {
    let begun = u64::from(wait.subsec_nanos() > 0);
    let seconds = wait.as_secs().saturating_add(begun).max(1);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_seconds_of_which_there_is_one() {
        let millis = Duration::from_millis;
        for (wait, seconds) in [
            (Duration::ZERO, 1),
            (Duration::from_nanos(1), 1),
            (millis(1_000), 1),
            (millis(1_001), 2),
            (millis(59_999), 60),
            (Duration::MAX, u32::MAX),
        ] {
            assert_eq!(whole_seconds(wait), seconds, "{wait:?}");
        }
    }

    #[test]
    fn a_retry_helps_against_the_line_and_the_clock_alone() {
        for refusal in [
            Refusal::BodyTooSlow,
            Refusal::BodyIncomplete,
            Refusal::TimestampTooNew,
            Refusal::PublicUrlUnknown {
                name: "host".into(),
            },
            Refusal::ConsentTooSlow,
            Refusal::TooManyFailures {
                retry_after: 1,
                cause: None,
            },
        ] {
            assert!(refusal.retry_helps(), "{refusal}");
        }
        for refusal in [
            Refusal::SignatureMismatch,
            Refusal::SignatureMissing,
            Refusal::TimestampTooOld,
            Refusal::BodyEmpty,
            Refusal::BodyTooLarge { limit: 1 },
            Refusal::TooManyFailures {
                retry_after: 1,
                cause: Some("signature_mismatch"),
            },
        ] {
            assert!(!refusal.retry_helps(), "{refusal}");
            assert_eq!(refusal.fault(), Fault::Sender);
        }
    }
}
