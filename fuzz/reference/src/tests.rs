//! Rule by rule: what each scheme takes, and the nearest thing it does not.

mod body_only;
mod slack;
mod standard_webhooks;
mod stripe;
mod url_signing;

use crate::encoding::to_base64 as base64;
use crate::hmac::Algorithm;
use crate::{Attempt, accepts};

const NOW: i64 = 1_700_000_000;
const BODY: &[u8] = b"{\"a\":1}\xff";

/// Judges an attempt with this body at this time, headers given as text.
fn judge(
    provider: &str,
    secrets: &[&str],
    headers: &[(&str, &str)],
    body: &[u8],
    now_ms: i64,
) -> bool {
    let headers: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .collect();
    let attempt = Attempt {
        headers: &headers,
        body,
        now_ms,
    };
    accepts(provider, secrets, &attempt)
}

fn hex(algorithm: Algorithm, key: &str, content: &[u8]) -> String {
    let mac = algorithm.hmac(key.as_bytes(), content);
    mac.iter().map(|byte| format!("{byte:02x}")).collect()
}
