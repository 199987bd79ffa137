//! The payload, from where the scheme keeps it.

use std::any::type_name;
use std::borrow::Cow;

use axum::extract::{FromRequest, Request};
use axum::{Form, Json};
use countersign_tower::{Delivery, PayloadText};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use crate::rejection::PayloadRejection;
use crate::webhook::{delivery_of, show, turned_away};

/// The payload, deserialised from where the scheme keeps it: a JSON body, JSON in a field of a form (GitHub's `payload`, Slack's
/// interactivity), or the fields of a form (Slack's commands).
///
/// Which of them is decided by the scheme and the body's own shape, which is signed, and not by the Content-Type, which is not. So one
/// handler takes GitHub's events whichever of its two content types the hook was set to.
///
/// It is an extractor of its own where the delivery is not wanted, and needs the layer just as well.
///
/// # Errors
/// [`PayloadRejection`]: what [`Json`] and [`Form`] reject, in their words and with their statuses, and
/// [`PayloadRejection::MissingLayer`] (500).
///
/// ```
/// use countersign_axum::{Payload, Webhook};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Command {
///     command: String,
///     text: String,
/// }
///
/// async fn command(Webhook { payload: Payload(Command { command, text }), .. }: Webhook<Payload<Command>>) -> String {
///     format!("{command} {text}")
/// }
///
/// use axum::{Router, routing::post};
/// let router: Router = Router::new().route("/slack", post(command)); // and a layer
/// # assert!(router.has_routes());
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

    async fn from_request(request: Request, state: &S) -> Result<Self, PayloadRejection> {
        let delivery = delivery_of(&request)?;
        let payload = read(&delivery, request, state).await;
        if payload.is_err() {
            turned_away(&delivery, type_name::<PayloadRejection>());
        }
        payload.map(Self)
    }
}

async fn read<T, S>(
    delivery: &Delivery,
    mut request: Request,
    state: &S,
) -> Result<T, PayloadRejection>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    let document = match delivery.payload() {
        PayloadText::Document(document) => document,
        PayloadText::Form(_) => {
            show(delivery, &mut request);
            // The whole body is the form; axum reads one only under its name.
            request.headers_mut().insert(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            );
            let Form(payload) = Form::from_request(request, state).await?;
            return Ok(payload);
        }
        // A kind that this version does not know.
        _ => Cow::Borrowed(&**delivery.body()),
    };
    let Json(payload) = Json::from_bytes(&document)?;
    Ok(payload)
}
