//! Why a handler did not get its argument.

use std::error::Error;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use countersign::{Outcome, PayloadError, PayloadErrorKind, Refusal, outcome};

use crate::response::{respond, status};

/// No [`Countersign`](crate::Countersign) is around the route: our mistake, and never an acceptance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingMiddleware;

impl fmt::Display for MissingMiddleware {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("no Countersign middleware is around the route")
    }
}

impl Error for MissingMiddleware {}

/// 500. The body does not tell a stranger what is wrong; the log does.
impl ResponseError for MissingMiddleware {
    fn status_code(&self) -> StatusCode {
        status(outcome::unguarded().status)
    }

    fn error_response(&self) -> HttpResponse {
        respond(&outcome::unguarded()).map_into_boxed_body()
    }
}

/// Why a [`Payload`](crate::Payload) could not be read.
///
/// Its message quotes no value of the body and may be logged; the response does, for the sender.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PayloadRejection {
    /// Nothing has verified the request.
    MissingMiddleware(MissingMiddleware),
    /// The delivery is genuine, but its payload is not what the handler asks for.
    Payload(PayloadError),
}

impl From<MissingMiddleware> for PayloadRejection {
    fn from(missing: MissingMiddleware) -> Self {
        Self::MissingMiddleware(missing)
    }
}

impl From<PayloadError> for PayloadRejection {
    fn from(error: PayloadError) -> Self {
        Self::Payload(error)
    }
}

/// 400 for a payload that is malformed, 422 for one that does not fit the type, 415 for another format, with [`PayloadError::explain`] as its
/// body.
impl ResponseError for PayloadRejection {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::MissingMiddleware(missing) => missing.status_code(),
            Self::Payload(error) => match error.kind() {
                PayloadErrorKind::Mismatch => StatusCode::UNPROCESSABLE_ENTITY,
                PayloadErrorKind::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                _ => StatusCode::BAD_REQUEST,
            },
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::MissingMiddleware(missing) => missing.error_response(),
            Self::Payload(error) => HttpResponse::build(self.status_code())
                .content_type("text/plain; charset=utf-8")
                .body(error.explain()),
        }
    }
}

impl fmt::Display for PayloadRejection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingMiddleware(missing) => missing.fmt(out),
            Self::Payload(error) => error.fmt(out),
        }
    }
}

impl Error for PayloadRejection {
    /// The source of what is inside: its own text is this one's already.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::MissingMiddleware(_) => None,
            Self::Payload(error) => error.source(),
        }
    }
}

/// A run was refused while the request was with its handler: it is not finished in time, has lost its lease, panicked or took too long. The
/// service has no response then, for in actix-web one belongs to a request; it has this error, which is answered like any refusal.
///
/// A middleware outside finds it by [`Error::as_error`](actix_web::Error::as_error), and its refusal and outcome in the response that is made of
/// it, too.
#[derive(Clone, Debug)]
pub struct RefusedRun {
    refusal: Refusal,
    outcome: Outcome,
}

impl RefusedRun {
    pub(crate) const fn new(refusal: Refusal, outcome: Outcome) -> Self {
        Self { refusal, outcome }
    }

    /// Why.
    #[must_use]
    pub const fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    /// What became of the delivery.
    #[must_use]
    pub const fn outcome(&self) -> &Outcome {
        &self.outcome
    }
}

impl fmt::Display for RefusedRun {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(out)
    }
}

impl Error for RefusedRun {}

/// The same each time: whoever looks at it changes nothing.
impl ResponseError for RefusedRun {
    fn status_code(&self) -> StatusCode {
        status(outcome::answer(&self.refusal).status)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = respond(&outcome::answer(&self.refusal));
        {
            let mut extensions = response.extensions_mut();
            extensions.insert(self.refusal.clone());
            extensions.insert(self.outcome.clone());
        }
        response.map_into_boxed_body()
    }
}
