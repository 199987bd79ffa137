//! GitHub: `sha256=` and hex over the body; the older header with `sha1=` is a scheme of its own.

use super::of_length;
use crate::Attempt;
use crate::encoding::from_hex;
use crate::headers::deciding;
use crate::hmac::Algorithm;
use crate::secret::text_keys;

pub(crate) fn verify_sha256(secrets: &[&str], attempt: &Attempt) -> Option<bool> {
    verify(
        Algorithm::Sha256,
        "X-Hub-Signature-256",
        b"sha256=",
        secrets,
        attempt,
    )
}

pub(crate) fn verify_sha1(secrets: &[&str], attempt: &Attempt) -> Option<bool> {
    verify(
        Algorithm::Sha1,
        "X-Hub-Signature",
        b"sha1=",
        secrets,
        attempt,
    )
}

fn verify(
    algorithm: Algorithm,
    name: &str,
    prefix: &[u8],
    secrets: &[&str],
    attempt: &Attempt,
) -> Option<bool> {
    let keys = text_keys(secrets)?;
    let hex = deciding(attempt, name)?.strip_prefix(prefix)?;
    let signature = of_length(algorithm, from_hex(hex))?;
    Some(algorithm.any_fits(&keys, attempt.body, &[signature]))
}
