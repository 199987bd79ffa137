//! What goes over the wire: the one table from a refusal to a status.

use std::fmt;

use http::StatusCode;

use crate::defaults::{OVERLOAD_RETRY_AFTER, UNFINISHED_RETRY_AFTER};
use crate::idempotency::{Done, IdempotencyKey};
use crate::refusal::Refusal;
use crate::scheme::Success;

/// What a refused sender is told: a status, a short fixed body, and a header or two where they help.
///
/// Refusals that a forger could tell apart look alike: the body depends on the status alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body, as `text/plain; charset=utf-8`.
    pub body: &'static str,
    /// Seconds for a `Retry-After` header, at least 1.
    pub retry_after: Option<u32>,
}

/// Maps a refusal to its answer.
///
/// - 401 for a missing or wrong signature, 400 for what is malformed or stale, 405, 408, 413 and 415 as HTTP means them, 404 for a question
///   that the application does not agree to (WebSub asks for it), 500 where our own set-up is at fault.
/// - Never 409, 410 or 425: some senders drop the event, or the endpoint, on these.
#[must_use]
pub const fn answer(refusal: &Refusal) -> Answer {
    let status = match refusal {
        Refusal::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Refusal::MediaTypeUnsupported | Refusal::ContentEncodingUnsupported => {
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        }
        Refusal::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
        // An unknown tenant looks like a wrong signature.
        Refusal::SignatureMissing
        | Refusal::SignatureMismatch
        | Refusal::TenantUnknown
        | Refusal::PeerUntrusted => StatusCode::UNAUTHORIZED,
        Refusal::NotAgreed => StatusCode::NOT_FOUND,
        // Everything that passes by itself.
        Refusal::ConsentTooSlow
        | Refusal::InFlight { .. }
        | Refusal::StoreFull
        | Refusal::StoreUnavailable
        | Refusal::LeaseLost
        | Refusal::TooManyRuns { .. }
        | Refusal::TooManyBodies { .. }
        | Refusal::SecretsUnavailable
        | Refusal::SecretsUnusable
        | Refusal::TooManyLookUps { .. }
        | Refusal::ShuttingDown
        | Refusal::Unfinished
        | Refusal::RunTooLong => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::OverQuota { .. } | Refusal::TooManyFailures { .. } => {
            StatusCode::TOO_MANY_REQUESTS
        }
        Refusal::PublicUrlUnknown { .. } | Refusal::TenantUntold | Refusal::HandlerPanicked => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        Refusal::LengthMalformed
        | Refusal::BodyIncomplete
        | Refusal::BodyEmpty
        | Refusal::BodyMalformed
        | Refusal::SignatureMalformed
        | Refusal::SignatureRepeated
        | Refusal::SignatureTooLong { .. }
        | Refusal::TooManyCandidates { .. }
        | Refusal::TimestampMissing
        | Refusal::TimestampMalformed
        | Refusal::TimestampRepeated
        | Refusal::TimestampTooOld
        | Refusal::TimestampTooNew
        | Refusal::FieldMissing { .. }
        | Refusal::FieldMalformed { .. }
        | Refusal::FieldRepeated { .. }
        | Refusal::Replayed
        | Refusal::BodyChanged => StatusCode::BAD_REQUEST,
    };
    let retry_after = match refusal {
        Refusal::InFlight { retry_after }
        | Refusal::OverQuota { retry_after }
        | Refusal::TooManyFailures { retry_after, .. } => Some(*retry_after),
        Refusal::Unfinished => Some(UNFINISHED_RETRY_AFTER),
        Refusal::StoreFull
        | Refusal::StoreUnavailable
        | Refusal::LeaseLost
        | Refusal::TooManyRuns { .. }
        | Refusal::TooManyBodies { .. }
        | Refusal::SecretsUnavailable
        | Refusal::SecretsUnusable
        | Refusal::TooManyLookUps { .. }
        | Refusal::ShuttingDown
        | Refusal::RunTooLong => Some(OVERLOAD_RETRY_AFTER),
        _ => None,
    };
    Answer {
        status,
        body: body_of(status),
        retry_after,
    }
}

/// What a duplicate is answered: the recorded status, 200 for a delivery that failed for good, and one that the sender takes as done where it
/// would not take that.
pub(crate) fn of_duplicate(done: &Done, success: &Success) -> StatusCode {
    let status = match done.failed {
        true => StatusCode::OK,
        false => of_scheme(done.status),
    };
    match success {
        Success::Only(known) if !known.contains(&status.as_u16()) => {
            known.first().map_or(status, |first| of_scheme(*first))
        }
        _ => status,
    }
}

/// Does HTTP let an answer with this status have a body?
pub(crate) fn may_have_body(status: StatusCode) -> bool {
    !matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT)
}

/// What became of a delivery that was claimed, or that was to be. It is in the extensions of the response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Which work; `None` where deliveries are not told apart.
    pub key: Option<IdempotencyKey>,
    /// The number of the run, or for a duplicate that of the run that did it.
    pub attempt: Option<u32>,
    /// What became of it.
    pub kind: OutcomeKind,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutcomeKind {
    /// The handler answered 2xx, and no later attempt runs.
    Done,
    /// The handler said that it has failed for good, and no later attempt runs.
    FailedForGood,
    /// The handler answered something else, and the next attempt runs.
    Released,
    /// It ran without the store. It is not remembered, unless a claim got through although no reply came.
    Unrecorded,
    /// It was done before. The handler did not run.
    Duplicate {
        /// It carries the very signature of the attempt that was done. So does every honest retry of a sender that signs no timestamp.
        replay: bool,
        /// Its content is another one than that of the attempt that was done.
        body_changed: bool,
    },
    /// It did not run, or its run does not count.
    Refused(Refusal),
}

impl Outcome {
    pub(crate) const fn new(
        key: Option<IdempotencyKey>,
        attempt: Option<u32>,
        kind: OutcomeKind,
    ) -> Self {
        Self { key, attempt, kind }
    }

    /// Why it was refused, if it was.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match &self.kind {
            OutcomeKind::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The stable code for logs, metrics and tests.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match &self.kind {
            OutcomeKind::Done => "done",
            OutcomeKind::FailedForGood => "failed_for_good",
            OutcomeKind::Released => "released",
            OutcomeKind::Unrecorded => "unrecorded",
            OutcomeKind::Duplicate {
                body_changed: true, ..
            } => "duplicate_changed",
            OutcomeKind::Duplicate { replay: true, .. } => "duplicate_replay",
            OutcomeKind::Duplicate { .. } => "duplicate",
            OutcomeKind::Refused(refusal) => refusal.code(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())?;
        if let Some(attempt) = self.attempt {
            write!(out, ", attempt {attempt}")?;
        }
        match &self.key {
            Some(key) => write!(out, ", key {key}"),
            None => Ok(()),
        }
    }
}

/// A handler's word that its delivery has failed for good: no retry will help. It goes into the extensions of the handler's response, with any
/// status; the delivery is recorded as failed, its duplicates are answered 200, and it never runs again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailedForGood;

/// The status that a scheme names for an answer of the receiver's own; it was checked when the scheme was.
pub(crate) fn of_scheme(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::OK)
}

/// What a request gets that reached a handler without a receiver in front of it: our fault, and never an acceptance.
#[must_use]
pub const fn unguarded() -> Answer {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Answer {
        status,
        body: body_of(status),
        retry_after: None,
    }
}

const fn body_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "unauthorized\n",
        404 => "not found\n",
        405 => "method not allowed\n",
        408 => "request timeout\n",
        413 => "payload too large\n",
        415 => "unsupported media type\n",
        429 => "too many requests\n",
        503 => "service unavailable\n",
        500 => "internal server error\n",
        _ => "bad request\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every refusal with its whole row: code, status. A new variant does not compile until `answer` and the list of
    /// codes know it, and then is missed here.
    #[test]
    fn the_whole_table() {
        let name = || "x".into();
        let table = [
            (Refusal::MethodNotAllowed, "method_not_allowed", 405),
            (Refusal::MediaTypeUnsupported, "media_type_unsupported", 415),
            (
                Refusal::ContentEncodingUnsupported,
                "content_encoding_unsupported",
                415,
            ),
            (Refusal::LengthMalformed, "length_malformed", 400),
            (Refusal::BodyTooLarge { limit: 1 }, "body_too_large", 413),
            (Refusal::BodyTooSlow, "body_too_slow", 408),
            (Refusal::BodyIncomplete, "body_incomplete", 400),
            (Refusal::BodyEmpty, "body_empty", 400),
            (Refusal::BodyMalformed, "body_malformed", 400),
            (Refusal::SignatureMissing, "signature_missing", 401),
            (Refusal::SignatureMalformed, "signature_malformed", 400),
            (Refusal::SignatureRepeated, "signature_repeated", 400),
            (
                Refusal::SignatureTooLong { limit: 1 },
                "signature_too_long",
                400,
            ),
            (
                Refusal::TooManyCandidates { limit: 1 },
                "too_many_candidates",
                400,
            ),
            (Refusal::SignatureMismatch, "signature_mismatch", 401),
            (Refusal::TenantUnknown, "tenant_unknown", 401),
            (Refusal::TenantUntold, "tenant_untold", 500),
            (Refusal::SecretsUnavailable, "secrets_unavailable", 503),
            (Refusal::SecretsUnusable, "secrets_unusable", 503),
            (
                Refusal::TooManyLookUps { limit: 1 },
                "too_many_look_ups",
                503,
            ),
            (Refusal::TimestampMissing, "timestamp_missing", 400),
            (Refusal::TimestampMalformed, "timestamp_malformed", 400),
            (Refusal::TimestampRepeated, "timestamp_repeated", 400),
            (Refusal::TimestampTooOld, "timestamp_too_old", 400),
            (Refusal::TimestampTooNew, "timestamp_too_new", 400),
            (Refusal::PeerUntrusted, "peer_untrusted", 401),
            (
                Refusal::PublicUrlUnknown { name: name() },
                "public_url_unknown",
                500,
            ),
            (Refusal::NotAgreed, "not_agreed", 404),
            (Refusal::InFlight { retry_after: 7 }, "in_flight", 503),
            (Refusal::Replayed, "replayed", 400),
            (Refusal::BodyChanged, "body_changed", 400),
            (Refusal::OverQuota { retry_after: 8 }, "over_quota", 429),
            (Refusal::StoreFull, "store_full", 503),
            (Refusal::StoreUnavailable, "store_unavailable", 503),
            (Refusal::LeaseLost, "lease_lost", 503),
            (Refusal::TooManyRuns { limit: 1 }, "too_many_runs", 503),
            (Refusal::ShuttingDown, "shutting_down", 503),
            (Refusal::Unfinished, "unfinished", 503),
            (Refusal::HandlerPanicked, "handler_panicked", 500),
            (Refusal::RunTooLong, "run_too_long", 503),
            (Refusal::TooManyBodies { limit: 1 }, "too_many_bodies", 503),
            (
                Refusal::TooManyFailures {
                    retry_after: 9,
                    cause: None,
                },
                "too_many_failures",
                429,
            ),
            (Refusal::ConsentTooSlow, "consent_too_slow", 503),
            (Refusal::FieldMissing { name: name() }, "field_missing", 400),
            (
                Refusal::FieldMalformed { name: name() },
                "field_malformed",
                400,
            ),
            (
                Refusal::FieldRepeated { name: name() },
                "field_repeated",
                400,
            ),
        ];
        let mut listed = table.each_ref().map(|(_, code, _)| *code).to_vec();
        let mut known = Refusal::CODES.to_vec();
        known.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, known, "each cause once");
        for (refusal, code, status) in &table {
            let answer = answer(refusal);
            assert_eq!((refusal.code(), answer.status.as_u16()), (*code, *status));
            assert!(!matches!(status, 200..=299 | 409 | 410 | 425), "{code}");
            let message = refusal.to_string();
            assert!(
                !message.ends_with('.') && message == message.to_lowercase(),
                "{message}"
            );
        }
    }

    #[test]
    fn what_passes_says_when() {
        let after = |refusal: Refusal| answer(&refusal).retry_after;
        assert_eq!(after(Refusal::InFlight { retry_after: 7 }), Some(7));
        assert_eq!(after(Refusal::OverQuota { retry_after: 8 }), Some(8));
        assert_eq!(after(Refusal::Unfinished), Some(10));
        for refusal in [
            Refusal::StoreFull,
            Refusal::StoreUnavailable,
            Refusal::LeaseLost,
            Refusal::TooManyRuns { limit: 1 },
            Refusal::TooManyBodies { limit: 1 },
            Refusal::SecretsUnavailable,
            Refusal::SecretsUnusable,
            Refusal::TooManyLookUps { limit: 1 },
            Refusal::ShuttingDown,
            Refusal::RunTooLong,
        ] {
            assert!(refusal.retry_helps(), "{refusal}");
            assert_eq!(after(refusal), Some(5));
        }
        for refusal in [
            Refusal::HandlerPanicked,
            Refusal::Replayed,
            Refusal::SignatureMismatch,
        ] {
            assert_eq!(after(refusal), None);
        }
    }

    #[test]
    fn equal_statuses_look_equal() {
        let missing = answer(&Refusal::SignatureMissing);
        assert_eq!(missing, answer(&Refusal::SignatureMismatch));
        assert_eq!(missing, answer(&Refusal::TenantUnknown));
        assert_eq!(
            answer(&Refusal::TimestampTooOld),
            answer(&Refusal::SignatureMalformed)
        );
        assert_eq!(unguarded().status.as_u16(), 500);
    }

    #[test]
    fn a_duplicate_is_answered_what_the_sender_takes_as_done() {
        let done = |status| Done::new(status, None, crate::Fingerprint::from_u64(1));
        let failed = Done {
            failed: true,
            ..done(422)
        };
        let only = Success::Only(crate::list![200, 202]);
        let of = |done: &Done, success| of_duplicate(done, success).as_u16();
        for (done, any, known) in [
            (done(200), 200, 200),
            (done(202), 202, 202),
            (done(204), 204, 200),
            (failed, 200, 200),
        ] {
            assert_eq!(of(&done, &Success::Any2xx), any);
            assert_eq!(of(&done, &only), known);
        }
    }

    #[test]
    fn two_answers_have_no_body() {
        for status in 200..=599 {
            let may = may_have_body(of_scheme(status));
            assert_eq!(may, status != 204 && status != 205, "{status}");
        }
    }

    #[test]
    fn an_outcome_is_printed_with_what_is_known() {
        let key = IdempotencyKey::from_bytes([0xAB; 32]);
        let print = |key, attempt| Outcome::new(key, attempt, OutcomeKind::Done).to_string();
        let digits = "ab".repeat(32);
        assert_eq!(print(None, None), "done");
        assert_eq!(print(None, Some(2)), "done, attempt 2");
        assert_eq!(print(Some(key), None), format!("done, key {digits}"));
        assert_eq!(
            print(Some(key), Some(1)),
            format!("done, attempt 1, key {digits}")
        );
    }

    #[test]
    fn a_body_says_its_status() {
        for (status, body) in [
            (400, "bad request\n"),
            (401, "unauthorized\n"),
            (404, "not found\n"),
            (405, "method not allowed\n"),
            (408, "request timeout\n"),
            (413, "payload too large\n"),
            (415, "unsupported media type\n"),
            (429, "too many requests\n"),
            (500, "internal server error\n"),
            (503, "service unavailable\n"),
        ] {
            assert_eq!(body_of(of_scheme(status)), body);
        }
    }
}
