//! The extractor: a verified delivery as a handler's argument.

use std::any::type_name;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use countersign_tower::Delivery;
use http::Method;

use crate::rejection::{MissingLayer, PayloadRejection, WebhookRejection};

/// A verified delivery, and its payload as the extractor `T` reads it.
///
/// | `T` | the payload is |
/// |---|---|
/// | [`Bytes`], `String` | the body, byte for byte |
/// | [`Json<T>`](axum::Json) | the body as JSON; the Content-Type must say so |
/// | [`Form<T>`](axum::Form) | the body as a form without nested fields; the Content-Type must say so |
/// | [`Payload<T>`](crate::Payload) | what the scheme calls the payload, whatever the Content-Type |
/// | any other [`FromRequest`] | what it makes of the verified body |
///
/// `T` gets a request whose body is made of the bytes that were verified: whatever stands between the layer and the handler cannot exchange
/// them. It is not cut by axum's [`DefaultBodyLimit`], for the receiver's own limit has been kept. A GET or HEAD shows itself as a POST to
/// `T`, so that a form is read from the body, which is signed, and not from the query, which need not be. The rest of the request is as it
/// was, and no more trustworthy than before.
///
/// # Errors
/// [`WebhookRejection::MissingLayer`] (500) when no [`CountersignLayer`](crate::CountersignLayer) is in front of the route, with an ERROR
/// event that says so; [`WebhookRejection::Payload`] with `T`'s own rejection and a WARN event: a genuine delivery is being turned away.
///
/// ```
/// use axum::body::Bytes;
/// use countersign_axum::Webhook;
///
/// async fn store(Webhook { delivery, payload }: Webhook<Bytes>) -> String {
///     let id = delivery.id().map(|id| id.as_str()).unwrap_or("no id");
///     format!("{id}: {} bytes", payload.len())
/// }
///
/// use axum::{Router, routing::post};
/// let router: Router = Router::new().route("/hooks", post(store)); // and a layer
/// # assert!(router.has_routes());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Webhook<T = Bytes> {
    /// Which delivery it is, and the evidence that it is genuine.
    pub delivery: Delivery,
    /// What the extractor made of its body.
    pub payload: T,
}

impl<T, S> FromRequest<S> for Webhook<T>
where
    T: FromRequest<S>,
    S: Send + Sync,
{
    type Rejection = WebhookRejection<T::Rejection>;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let delivery = delivery_of(&request)?;
        show(&delivery, &mut request);
        match T::from_request(request, state).await {
            Ok(payload) => Ok(Self { delivery, payload }),
            Err(rejection) => {
                let kind = type_name::<T::Rejection>();
                // `Payload` has said it by itself.
                if kind != type_name::<PayloadRejection>() {
                    turned_away(&delivery, kind);
                }
                Err(WebhookRejection::Payload(rejection))
            }
        }
    }
}

/// No validly signed event is dropped silently. Not the rejection's text: it may quote the body.
pub(crate) fn turned_away(delivery: &Delivery, rejection: &'static str) {
    tracing::warn!(
        scheme = &*delivery.scheme().name,
        rejection,
        "verified webhook turned away: its payload could not be read"
    );
}

/// The evidence that a layer left in the request. There is no other way to come by one.
pub(crate) fn delivery_of(request: &Request) -> Result<Delivery, MissingLayer> {
    match request.extensions().get::<Delivery>() {
        // Stays there for extractors that want it too.
        Some(delivery) => Ok(delivery.clone()),
        None => {
            tracing::error!(
                "a route takes a Webhook but no CountersignLayer is in front of it: every request to it is refused"
            );
            Err(MissingLayer)
        }
    }
}

/// Makes the verified body the one that extractors find.
fn show(delivery: &Delivery, request: &mut Request) {
    *request.body_mut() = Body::from(delivery.body().clone());
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        *request.method_mut() = Method::POST;
    }
    DefaultBodyLimit::disable().apply(request);
}
