//! A handler's word that no retry will help.

use axum::response::{IntoResponse, Response};
use countersign_tower::FailedForGood;

/// Says that a delivery has failed for good: around whatever a handler answers, it has the delivery recorded as failed. Its duplicates are
/// answered 200, and it never runs again.
///
/// For what no retry can mend: an order that does not exist, an event about an account that was closed. What may work the next time, because
/// another service was down say, is answered with any status but 2xx and without this.
///
/// ```
/// use axum::{Router, body::Body, http::{Request, StatusCode}, routing::post};
/// use countersign_axum::{CountersignLayer, ForGood, MemoryStore, Receiver, Secret, Webhook, danger::Deduplicate, providers::GITHUB};
/// # use tower::ServiceExt;
///
/// async fn pushed(_: Webhook) -> ForGood<StatusCode> {
///     ForGood(StatusCode::UNPROCESSABLE_ENTITY)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let receiver = Receiver::builder(GITHUB, Secret::new("It's a Secret to Everybody")?)
///     .store(MemoryStore::single_process(1_000))
///     .deduplicate(Deduplicate::ByContent)
///     .build()?;
/// let app: Router = Router::new().route("/hooks", post(pushed)).layer(CountersignLayer::new(receiver));
/// let attempt = || {
///     Request::post("/hooks")
///         .header("x-hub-signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
///         .body(Body::from("Hello, World!"))
/// };
/// assert_eq!(app.clone().oneshot(attempt()?).await?.status(), 422);
/// // The sender tries again, and is told that it need not.
/// assert_eq!(app.oneshot(attempt()?).await?.status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct ForGood<R>(pub R);

impl<R: IntoResponse> IntoResponse for ForGood<R> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.extensions_mut().insert(FailedForGood);
        response
    }
}
