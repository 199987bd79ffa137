//! Stripe: one header of pairs, `t` once and `v1` once or more, hex over `t.body`.

use super::{Candidates, of_length};
use crate::Attempt;
use crate::encoding::from_hex;
use crate::headers::{deciding, split_first, strip_blanks};
use crate::hmac::Algorithm;
use crate::secret::text_keys;
use crate::timestamp::is_fresh;

const MAX_HEADER_BYTES: usize = 8192;

pub(crate) fn verify(secrets: &[&str], attempt: &Attempt) -> Option<bool> {
    let keys = text_keys(secrets)?;
    let header = deciding(attempt, "Stripe-Signature")?;
    if header.len() > MAX_HEADER_BYTES {
        return None;
    }

    let mut stamps = Vec::new();
    let mut candidates = Candidates::default();
    for item in header.split(|&byte| byte == b',') {
        let Some((key, value)) = split_first(item, b'=') else {
            candidates.count();
            continue;
        };
        match key {
            b"t" => stamps.push(value),
            b"v1" => candidates.offer(of_length(Algorithm::Sha256, from_hex(value))),
            // A lenient reader would let this item decide, a strict one would not: neither gets it.
            _ if matches!(strip_blanks(key), b"t" | b"v1") => return None,
            _ => {}
        }
    }

    let signatures = candidates.finish()?;
    let [stamp] = stamps.as_slice() else {
        return None;
    };
    if !is_fresh(stamp, attempt.now_ms) {
        return None;
    }
    let content = [stamp, &b"."[..], attempt.body].concat();
    Some(Algorithm::Sha256.any_fits(&keys, &content, &signatures))
}
