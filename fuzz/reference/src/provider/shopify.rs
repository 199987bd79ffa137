//! Shopify: base64 over the body. The header without `X-` decides whenever it is there, however it looks.

use super::of_length;
use crate::Attempt;
use crate::encoding::from_base64;
use crate::headers::{deciding, is_present};
use crate::hmac::Algorithm;
use crate::secret::text_keys;

pub(crate) fn verify(secrets: &[&str], attempt: &Attempt) -> Option<bool> {
    let keys = text_keys(secrets)?;
    let name = if is_present(attempt, "shopify-hmac-sha256") {
        "shopify-hmac-sha256"
    } else {
        "x-shopify-hmac-sha256"
    };
    let signature = of_length(Algorithm::Sha256, from_base64(deciding(attempt, name)?))?;
    if attempt.body.is_empty() {
        return None;
    }
    Some(Algorithm::Sha256.any_fits(&keys, attempt.body, &[signature]))
}
