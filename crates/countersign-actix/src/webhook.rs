//! The extractors: a verified delivery, and its payload, as a handler's arguments.

use std::any::type_name;
use std::future::{Ready, ready};
use std::pin::Pin;

use actix_web::dev;
use actix_web::web::Bytes;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use countersign::Delivery;
use serde::de::DeserializeOwned;

use crate::rejection::{MissingMiddleware, PayloadRejection};

/// A verified delivery, and its payload as the extractor `T` reads it.
///
/// | `T` | the payload is |
/// |---|---|
/// | [`web::Bytes`](Bytes), `String` | the body, byte for byte (decompressed, if the scheme allows an encoding and actix-web has the feature for it; the delivery's own is as it came) |
/// | [`web::Json<T>`](actix_web::web::Json) | the body as JSON; the Content-Type must say so |
/// | [`web::Form<T>`](actix_web::web::Form) | the body as a form without nested fields; the Content-Type must say so |
/// | [`Payload<T>`] | what the scheme calls the payload, whatever the Content-Type |
/// | any other [`FromRequest`] | what it makes of the verified body |
///
/// `T` reads the bytes that were verified: whatever stands between the middleware and the handler cannot exchange them. Its settings in
/// `app_data` (an error handler, a content type) apply; its limit is the receiver's. The rest of the request is as it was, and no more
/// trustworthy than before.
///
/// # Errors
/// [`MissingMiddleware`] (500) when no [`Countersign`](crate::Countersign) is around the route, with an ERROR event that says so; `T`'s own
/// error, with a WARN event: a genuine delivery is being turned away.
#[derive(Clone, Debug)]
#[must_use]
pub struct Webhook<T = Bytes> {
    /// Which delivery it is, and the evidence that it is genuine.
    pub delivery: Delivery,
    /// What the extractor made of its body.
    pub payload: T,
}

impl<T: FromRequest + 'static> FromRequest for Webhook<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let delivery = match delivery_of(request) {
            Ok(delivery) => delivery,
            Err(missing) => return Box::pin(ready(Err(missing.into()))),
        };
        let mut verified = dev::Payload::from(delivery.body().clone());
        let payload = T::from_request(request, &mut verified);
        Box::pin(async move {
            match payload.await {
                Ok(payload) => Ok(Self { delivery, payload }),
                Err(error) => {
                    let kind = type_name::<T>();
                    // `Payload` has said it by itself.
                    if type_name::<T::Error>() != type_name::<PayloadRejection>() {
                        turned_away(&delivery, kind);
                    }
                    Err(error.into())
                }
            }
        })
    }
}

/// The payload as a type of your own, from where the scheme keeps it: [`Delivery::read`] as an extractor.
///
/// That is a JSON body, JSON in a field of a form (GitHub's `payload`, Slack's interactivity), the fields of a form with what their
/// brackets nest (Slack's commands, Mailchimp's `data[merges][EMAIL]`), or XML (feature `xml`).
///
/// Which of them is decided by the scheme and the body's own shape, which is signed, and not by the Content-Type, which is not. So one
/// handler takes GitHub's events whichever of its two content types the hook was set to.
///
/// # Errors
/// [`PayloadRejection`]: 400 for what is malformed, 422 for another type, 415 for another format, each with the place and the reason as text
/// for the sender; and [`PayloadRejection::MissingMiddleware`] (500).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Payload<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Payload<T> {
    type Error = PayloadRejection;
    type Future = Ready<Result<Self, PayloadRejection>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        ready(
            delivery_of(request)
                .map_err(Into::into)
                .and_then(|delivery| {
                    delivery.read().map(Self).map_err(|error| {
                        turned_away(&delivery, type_name::<PayloadRejection>());
                        error.into()
                    })
                }),
        )
    }
}

/// No validly signed event is dropped silently. Not the error's text: it may quote the body.
fn turned_away(delivery: &Delivery, extractor: &'static str) {
    tracing::warn!(
        scheme = &*delivery.scheme().name,
        rejection = extractor,
        "verified webhook turned away: its payload could not be read"
    );
}

/// The evidence that the middleware left in the request. There is no other way to come by one.
fn delivery_of(request: &HttpRequest) -> Result<Delivery, MissingMiddleware> {
    match request.extensions().get::<Delivery>() {
        // Stays there for extractors that want it too.
        Some(delivery) => Ok(delivery.clone()),
        None => {
            tracing::error!(
                "a route takes a Webhook but no Countersign middleware is around it: every request to it is refused"
            );
            Err(MissingMiddleware)
        }
    }
}
