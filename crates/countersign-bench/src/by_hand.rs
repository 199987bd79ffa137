//! An axum extractor as a careful person would write it for one sender: keyed beforehand, bounded, compared in constant time.

use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::system_now;
use hmac::{Hmac, Mac as _};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use sha2::Sha256;

const LIMIT: usize = 1024 * 1024;

const TOLERANCE_SECS: u64 = 300;

/// A keyed HMAC, as the router's state.
pub(crate) type Keyed = Arc<Hmac<Sha256>>;

/// A body that Shopify signed.
pub(crate) struct Shopify(pub(crate) Bytes);

impl FromRequest<Keyed> for Shopify {
    type Rejection = StatusCode;

    async fn from_request(request: Request, keyed: &Keyed) -> Result<Self, StatusCode> {
        let (parts, body) = request.into_parts();
        let text = only(&parts.headers, "shopify-hmac-sha256")?;
        let mut wide = [0; 36];
        let read = STANDARD
            .decode_slice(text, &mut wide)
            .map_err(|_| StatusCode::UNAUTHORIZED)?;
        let body = to_bytes(body, LIMIT)
            .await
            .map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        let mut mac = Hmac::clone(keyed);
        mac.update(&body);
        mac.verify_slice(wide.get(..read).unwrap_or_default())
            .map_err(|_| StatusCode::UNAUTHORIZED)?;
        Ok(Self(body))
    }
}

/// A body that Stripe signed.
pub(crate) struct Stripe(pub(crate) Bytes);

impl FromRequest<Keyed> for Stripe {
    type Rejection = StatusCode;

    async fn from_request(request: Request, keyed: &Keyed) -> Result<Self, StatusCode> {
        let (parts, body) = request.into_parts();
        let text = only(&parts.headers, "stripe-signature")?;
        let (mut stamp, mut tag) = (None, None);
        for item in text.split(',') {
            match item.split_once('=') {
                Some(("t", value)) => stamp = Some(value),
                Some(("v1", value)) => tag = Some(value),
                _ => {}
            }
        }
        let (Some(stamp), Some(tag)) = (stamp, tag) else {
            return Err(StatusCode::UNAUTHORIZED);
        };
        let moment: i64 = stamp.parse().map_err(|_| StatusCode::UNAUTHORIZED)?;
        if system_now().as_secs().abs_diff(moment) > TOLERANCE_SECS {
            return Err(StatusCode::UNAUTHORIZED);
        }
        let mut given = [0; 32];
        let given =
            base16ct::lower::decode(tag, &mut given).map_err(|_| StatusCode::UNAUTHORIZED)?;
        let body = to_bytes(body, LIMIT)
            .await
            .map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        let mut mac = Hmac::clone(keyed);
        mac.update(stamp.as_bytes());
        mac.update(b".");
        mac.update(&body);
        mac.verify_slice(given)
            .map_err(|_| StatusCode::UNAUTHORIZED)?;
        Ok(Self(body))
    }
}

/// The same, with the fields read from the body that a delivery has.
pub(crate) struct StripeEvent {
    pub(crate) body: Bytes,
    pub(crate) event: Event,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) account: Option<String>,
}

impl FromRequest<Keyed> for StripeEvent {
    type Rejection = StatusCode;

    async fn from_request(request: Request, keyed: &Keyed) -> Result<Self, StatusCode> {
        let Stripe(body) = Stripe::from_request(request, keyed).await?;
        let event = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
        Ok(Self { body, event })
    }
}

/// The one value of a header.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, StatusCode> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| StatusCode::UNAUTHORIZED),
        _ => Err(StatusCode::UNAUTHORIZED),
    }
}
