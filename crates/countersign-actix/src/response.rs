//! A refusal's answer and the receiver's own as actix-web's responses.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use bytes::Bytes;
use countersign::outcome::{Answer, answer};
use countersign::{Refusal, Reply, Scheme};

/// Spells an answer as an HTTP response. Every refusal of this crate goes out through here.
///
/// Its headers are `content-type: text/plain; charset=utf-8`, `x-content-type-options: nosniff`, `cache-control: no-store`, and `retry-after`
/// where the answer has one.
///
/// ```
/// use countersign_actix::{Refusal, outcome, respond};
/// let response = respond(&outcome::answer(&Refusal::SignatureMismatch));
/// assert_eq!(response.status(), 401);
/// assert_eq!(response.body(), "unauthorized\n");
/// assert_eq!(response.headers().get("content-type").unwrap(), "text/plain; charset=utf-8");
/// ```
#[must_use]
pub fn respond(answer: &Answer) -> HttpResponse<Bytes> {
    let body = Bytes::from_static(answer.body.as_bytes());
    let mut response = HttpResponse::with_body(status(answer.status), body);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = answer.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Spells the receiver's own answer to a handshake or an unsigned request as an HTTP response.
///
/// Its headers are the reply's, `content-type` where there is a body, `x-content-type-options: nosniff` and `cache-control: no-store`.
#[must_use]
pub fn reply_with(reply: Reply) -> HttpResponse<Bytes> {
    let mut response = HttpResponse::with_body(status(reply.status), reply.body);
    let headers = response.headers_mut();
    for (name, value) in &reply.headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Some(value)) = (name, header(value)) {
            headers.append(name, value);
        }
    }
    if let Some(kind) = reply.content_type.as_ref().and_then(header) {
        headers.insert(CONTENT_TYPE, kind);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Answers a refusal, in short. The receiver has told it in full.
pub(crate) fn turn_away(scheme: &Scheme, refusal: &Refusal) -> HttpResponse<Bytes> {
    let mut response = respond(&answer(refusal));
    // For a middleware outside of this one: the sender gets to see the answer alone.
    response.extensions_mut().insert(refusal.clone());
    if response.status() == StatusCode::METHOD_NOT_ALLOWED
        && let Ok(methods) = HeaderValue::try_from(scheme.methods.join(", "))
    {
        response.headers_mut().insert(ALLOW, methods);
    }
    response
}

/// The same status in actix-web's release of `http`.
pub(crate) fn status(status: http::StatusCode) -> StatusCode {
    StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

fn header(value: &http::HeaderValue) -> Option<HeaderValue> {
    HeaderValue::from_bytes(value.as_bytes()).ok()
}
