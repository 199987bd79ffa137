//! Senders that sign the body alone with one secret: Intercom, WooCommerce, and WebSub's hubs.

use super::of_length;
use crate::Attempt;
use crate::encoding::{from_base64, from_hex};
use crate::headers::deciding;
use crate::hmac::Algorithm;
use crate::secret::text_keys;

/// `X-Hub-Signature` with the method's name before the hex.
pub(crate) fn verify_hub(
    algorithm: Algorithm,
    prefix: &str,
    secrets: &[&str],
    attempt: &Attempt,
) -> Option<bool> {
    let keys = text_keys(secrets)?;
    let hex = deciding(attempt, "X-Hub-Signature")?.strip_prefix(prefix.as_bytes())?;
    let signature = of_length(algorithm, from_hex(hex))?;
    Some(algorithm.any_fits(&keys, attempt.body, &[signature]))
}

pub(crate) fn verify_woocommerce(secrets: &[&str], attempt: &Attempt) -> Option<bool> {
    let keys = text_keys(secrets)?;
    let signature = from_base64(deciding(attempt, "X-WC-Webhook-Signature")?);
    let signature = of_length(Algorithm::Sha256, signature)?;
    Some(Algorithm::Sha256.any_fits(&keys, attempt.body, &[signature]))
}
