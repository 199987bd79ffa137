//! Why a handler did not get its argument.

use std::error::Error;
use std::fmt;

use axum::body::Body;
use axum::extract::rejection::{BytesRejection, FormRejection, JsonRejection, StringRejection};
use axum::response::{IntoResponse, Response};
use countersign_tower::{PayloadError, PayloadErrorKind, outcome, respond};
use http::StatusCode;

/// No [`CountersignLayer`](crate::CountersignLayer) is in front of the route: our mistake, and never an acceptance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingLayer;

impl MissingLayer {
    /// The status of the response: 500.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        outcome::unguarded().status
    }

    /// The body of the response. It does not tell a stranger what is wrong; the log does.
    #[must_use]
    pub fn body_text(&self) -> String {
        outcome::unguarded().body.to_owned()
    }
}

impl IntoResponse for MissingLayer {
    fn into_response(self) -> Response {
        respond(&outcome::unguarded()).map(Body::from)
    }
}

impl fmt::Display for MissingLayer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("no CountersignLayer is in front of the route")
    }
}

impl Error for MissingLayer {}

/// Why a handler did not get its [`Webhook`](crate::Webhook). `R` is the rejection of the payload's extractor.
///
/// `status` and `body_text` are there for the rejections of axum's own extractors and of [`Payload`](crate::Payload).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WebhookRejection<R> {
    /// No layer verified the request.
    MissingLayer(MissingLayer),
    /// The delivery is genuine, but its payload is not what the handler asks for.
    Payload(R),
}

impl<R> From<MissingLayer> for WebhookRejection<R> {
    fn from(missing: MissingLayer) -> Self {
        Self::MissingLayer(missing)
    }
}

impl<R: IntoResponse> IntoResponse for WebhookRejection<R> {
    fn into_response(self) -> Response {
        match self {
            Self::MissingLayer(missing) => missing.into_response(),
            Self::Payload(rejection) => rejection.into_response(),
        }
    }
}

impl<R: fmt::Display> fmt::Display for WebhookRejection<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingLayer(missing) => missing.fmt(out),
            Self::Payload(rejection) => rejection.fmt(out),
        }
    }
}

impl<R: Error> Error for WebhookRejection<R> {
    /// The source of what is inside: its own text is this one's already.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::MissingLayer(_) => None,
            Self::Payload(rejection) => rejection.source(),
        }
    }
}

/// Why a [`Payload`](crate::Payload) could not be read.
///
/// Its message quotes no value of the body and may be logged; `body_text` does, for the sender.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PayloadRejection {
    /// No layer verified the request.
    MissingLayer(MissingLayer),
    /// The delivery is genuine, but its payload is not what the handler asks for.
    Payload(PayloadError),
}

impl PayloadRejection {
    /// The status of the response: 400 for a payload that is malformed, 422 for one that does not fit the type, 415 for another format.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::MissingLayer(missing) => missing.status(),
            Self::Payload(error) => match error.kind() {
                PayloadErrorKind::Mismatch => StatusCode::UNPROCESSABLE_ENTITY,
                PayloadErrorKind::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                _ => StatusCode::BAD_REQUEST,
            },
        }
    }

    /// The body of the response: [`PayloadError::explain`].
    #[must_use]
    pub fn body_text(&self) -> String {
        match self {
            Self::MissingLayer(missing) => missing.body_text(),
            Self::Payload(error) => error.explain(),
        }
    }
}

impl From<MissingLayer> for PayloadRejection {
    fn from(missing: MissingLayer) -> Self {
        Self::MissingLayer(missing)
    }
}

impl From<PayloadError> for PayloadRejection {
    fn from(error: PayloadError) -> Self {
        Self::Payload(error)
    }
}

impl IntoResponse for PayloadRejection {
    fn into_response(self) -> Response {
        match self {
            Self::MissingLayer(missing) => missing.into_response(),
            Self::Payload(_) => (self.status(), self.body_text()).into_response(),
        }
    }
}

impl fmt::Display for PayloadRejection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingLayer(missing) => missing.fmt(out),
            Self::Payload(error) => error.fmt(out),
        }
    }
}

impl Error for PayloadRejection {
    /// The source of what is inside: its own text is this one's already.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::MissingLayer(_) => None,
            Self::Payload(error) => error.source(),
        }
    }
}

/// Axum's rejections share these two methods and no trait that has them.
macro_rules! tell {
    ($($rejection:ty),* $(,)?) => {$(
        impl WebhookRejection<$rejection> {
            /// The status of the response.
            #[must_use]
            pub fn status(&self) -> StatusCode {
                match self {
                    Self::MissingLayer(missing) => missing.status(),
                    Self::Payload(rejection) => rejection.status(),
                }
            }

            /// The body of the response.
            #[must_use]
            pub fn body_text(&self) -> String {
                match self {
                    Self::MissingLayer(missing) => missing.body_text(),
                    Self::Payload(rejection) => rejection.body_text(),
                }
            }
        }
    )*};
}

tell!(
    BytesRejection,
    StringRejection,
    JsonRejection,
    FormRejection,
    PayloadRejection,
);
