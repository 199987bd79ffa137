//! A refusal's answer and the receiver's own as HTTP responses.

use bytes::Bytes;
use countersign::outcome::{Answer, answer};
use countersign::{Refusal, Reply, Scheme};
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};

/// Spells an answer as an HTTP response. Every refusal of this crate, and of the adapters on top of it, goes out through here.
///
/// Its headers are `content-type: text/plain; charset=utf-8`, `x-content-type-options: nosniff`, `cache-control: no-store`,
/// `content-length`, and `retry-after` where the answer has one.
///
/// ```
/// use countersign_tower::{Refusal, outcome, respond};
/// let response = respond(&outcome::answer(&Refusal::SignatureMismatch));
/// assert_eq!(response.status(), 401);
/// assert_eq!(response.body(), "unauthorized\n");
/// assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
/// ```
#[must_use]
pub fn respond(answer: &Answer) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(answer.body.as_bytes()));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(answer.body.len()));
    if let Some(seconds) = answer.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Spells the receiver's own answer to a handshake or an unsigned request as an HTTP response.
///
/// Its headers are the reply's, `content-type` where there is a body, `x-content-type-options: nosniff`, `cache-control: no-store` and
/// `content-length` (not with the status 204, which has no content to measure). A server drops the body of an answer to HEAD by itself.
///
/// ```
/// use countersign_tower::{Finished, Receiver, Secret, Timestamp, providers::INTERCOM, reply_with};
/// let receiver = Receiver::builder(INTERCOM, Secret::new("0123456789abcdef")?).build()?;
/// let probe = http::Request::head("/hooks").body(())?;
/// let Finished::Answered(reply) = receiver.open(&probe, Timestamp::from_secs(0))?.finish()? else {
///     panic!("a probe is no delivery");
/// };
/// let response = reply_with(reply);
/// assert_eq!(response.status(), 200);
/// assert_eq!(response.body(), "");
/// assert_eq!(response.headers()["content-length"], "0");
/// assert_eq!(response.headers().get("content-type"), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn reply_with(reply: Reply) -> Response<Bytes> {
    let mut response = Response::new(reply.body);
    *response.status_mut() = reply.status;
    let length = response.body().len();
    let headers = response.headers_mut();
    for (name, value) in reply.headers {
        headers.append(name, value);
    }
    if let Some(kind) = reply.content_type {
        headers.insert(CONTENT_TYPE, kind);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if reply.status != StatusCode::NO_CONTENT {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

/// Answers a refusal, in short. The receiver has told it in full.
pub(crate) fn turn_away(scheme: &Scheme, refusal: &Refusal) -> Response<Bytes> {
    let mut response = respond(&answer(refusal));
    // For a middleware outside the layer: the sender gets to see the answer alone.
    response.extensions_mut().insert(refusal.clone());
    if response.status() == StatusCode::METHOD_NOT_ALLOWED
        && let Ok(methods) = HeaderValue::try_from(scheme.methods.join(", "))
    {
        response.headers_mut().insert(ALLOW, methods);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_seconds() {
        let mut busy = answer(&Refusal::BodyTooSlow);
        assert_eq!(respond(&busy).headers().get(RETRY_AFTER), None);
        busy.retry_after = Some(7);
        assert_eq!(respond(&busy).headers()[RETRY_AFTER], "7");
    }
}
