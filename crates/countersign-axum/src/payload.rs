//! The payload, from where the scheme keeps it.

use std::any::type_name;

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::rejection::PayloadRejection;
use crate::webhook::{delivery_of, turned_away};

/// The payload as a type of your own, from where the scheme keeps it: [`Delivery::read`](crate::Delivery::read) as an extractor.
///
/// That is a JSON body, JSON in a field of a form (GitHub's `payload`, Slack's interactivity), the fields of a form with what their
/// brackets nest (Slack's commands, Mailchimp's `data[merges][EMAIL]`), or XML (feature `xml`).
///
/// Which of them is decided by the scheme and the body's own shape, which is signed, and not by the Content-Type, which is not. So one
/// handler takes GitHub's events whichever of its two content types the hook was set to.
///
/// It is an extractor of its own where the delivery is not wanted, and needs the layer just as well. Where another format than the scheme's
/// is wanted, take the [`Delivery`](crate::Delivery) and call its `json`, `form` or `xml`.
///
/// # Errors
/// [`PayloadRejection`]: 400 for what is malformed, 422 for another type, 415 for another format, each with the place and the reason as text
/// for the sender; and [`PayloadRejection::MissingLayer`] (500).
///
/// # Examples
/// A form, and what its sender is told when it does not fit:
/// ```
/// use axum::{Router, body::{Body, to_bytes}, http::Request, routing::post};
/// use countersign_axum::{CountersignLayer, Payload, Receiver, Scheme, Secret, list, providers::GITHUB, scheme};
/// use serde::Deserialize;
/// # use tower::ServiceExt;
///
/// #[derive(Deserialize)]
/// struct Audience {
///     r#type: String,
///     data: Member,
/// }
///
/// #[derive(Deserialize)]
/// struct Member {
///     email: String,
///     rating: Option<u8>,
/// }
///
/// async fn changed(Payload(Audience { r#type, data }): Payload<Audience>) -> String {
///     format!("{type} {} {:?}", data.email, data.rating)
/// }
///
/// // A scheme of one's own: GitHub's signature over a form.
/// const AUDIENCE: Scheme = Scheme { payload: list![scheme::Payload::Form], ..GITHUB };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let receiver = Receiver::builder(AUDIENCE, Secret::new("It's a Secret to Everybody")?).build()?;
/// let app = Router::new().route("/audience", post(changed)).layer(CountersignLayer::new(receiver));
///
/// let attempt = |signature: &str, body: &'static str| {
///     Request::post("/audience").header("x-hub-signature-256", format!("sha256={signature}")).body(Body::from(body))
/// };
/// let answer = app.clone().oneshot(attempt(
///     "f6d0adff642d2d9dd3936c7e9caa06784573e5bbf845a742d7270e4718bdfad6",
///     "type=profile&data%5Bemail%5D=a%40example.com&data%5Brating%5D=",
/// )?).await?;
/// assert_eq!(answer.status(), 200);
/// assert_eq!(to_bytes(answer.into_body(), 64).await?, "profile a@example.com None");
///
/// let answer = app.oneshot(attempt(
///     "166c5db19738f4d6531fc75a540dcca2b8b89520073d3c0758447226ffd189db",
///     "type=profile&data%5Bemail%5D=a%40example.com&data%5Brating%5D=many",
/// )?).await?;
/// assert_eq!(answer.status(), 422);
/// assert_eq!(
///     to_bytes(answer.into_body(), 256).await?,
///     "the form payload does not fit the type asked for, at `data.rating`: invalid value: string \"many\", expected u8"
/// );
/// # Ok(())
/// # }
/// ```
///
/// One handler for JSON in a body, JSON in a form's field and, with the feature `xml`, XML:
/// ```
/// use axum::{Router, body::Body, http::Request, routing::post};
/// use countersign_axum::{CountersignLayer, Payload, Receiver, Secret, providers::GITHUB};
/// use serde::Deserialize;
/// # use tower::ServiceExt;
///
/// #[derive(Deserialize)]
/// struct Order {
///     id: u64,
/// }
///
/// async fn ordered(Payload(order): Payload<Order>) {
///     assert_eq!(order.id, 7);
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let receiver = Receiver::builder(GITHUB, Secret::new("It's a Secret to Everybody")?).build()?;
/// let app = Router::new().route("/orders", post(ordered)).layer(CountersignLayer::new(receiver));
///
/// for (signature, body, status) in [
///     ("11fd06c86be4646b5357d5e17192f0ae07579ae0c60515236ee2533cd789afe9", r#"{"id":7}"#, 200),
///     ("55bc27560ddca56b43d5e8eb559dceb366251e0b75ceb649a3faa007634ef01f", "payload=%7B%22id%22%3A7%7D", 200),
///     ("43fdfa6e241011ff08f80f972bb10debfbecb5d41d61210b5fe5a8d21ec951c6", "<order><id>7</id></order>", if cfg!(feature = "xml") { 200 } else { 415 }),
///     ("c805e5e06a6fa24bd9d2d22100e5da89dfb603a27927a0932e29c074f1af23e3", r#"{"id":"7"}"#, 422),
/// ] {
///     let attempt = Request::post("/orders").header("x-hub-signature-256", format!("sha256={signature}"));
///     let answer = app.clone().oneshot(attempt.body(Body::from(body))?).await?;
///     assert_eq!(answer.status(), status);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Payload<T>(pub T);

impl<T, S> FromRequest<S> for Payload<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = PayloadRejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, PayloadRejection> {
        let delivery = delivery_of(&request)?;
        delivery.read().map(Self).map_err(|error| {
            turned_away(&delivery, type_name::<PayloadRejection>());
            error.into()
        })
    }
}
