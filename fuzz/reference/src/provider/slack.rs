//! Slack: `v0=` and hex over `v0:timestamp:body`, the timestamp in a header beside it.

use super::of_length;
use crate::Attempt;
use crate::encoding::from_hex;
use crate::headers::deciding;
use crate::hmac::Algorithm;
use crate::secret::text_keys;
use crate::timestamp::is_fresh;

pub(crate) fn verify(secrets: &[&str], attempt: &Attempt) -> Option<bool> {
    let keys = text_keys(secrets)?;
    let hex = deciding(attempt, "X-Slack-Signature")?.strip_prefix(b"v0=")?;
    let signature = of_length(Algorithm::Sha256, from_hex(hex))?;
    let stamp = deciding(attempt, "X-Slack-Request-Timestamp")?;
    if !is_fresh(stamp, attempt.now_ms) {
        return None;
    }
    let content = [b"v0:", stamp, b":", attempt.body].concat();
    Some(Algorithm::Sha256.any_fits(&keys, &content, &[signature]))
}
