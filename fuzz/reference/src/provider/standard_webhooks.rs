//! Standard Webhooks and its ancestor Svix: `v1,` and base64 over `id.timestamp.body`, several after a space.

use super::{Candidates, of_length};
use crate::Attempt;
use crate::encoding::from_base64;
use crate::headers::{deciding, is_present, split_first};
use crate::hmac::Algorithm;
use crate::secret::base64_keys;
use crate::timestamp::is_fresh;

const MAX_ID_BYTES: usize = 256;

pub(crate) fn verify(secrets: &[&str], attempt: &Attempt) -> Option<bool> {
    verify_set("webhook", secrets, attempt)
}

/// The `svix-` set if its signature is there, else the `webhook-` set; never some of each.
pub(crate) fn verify_svix(secrets: &[&str], attempt: &Attempt) -> Option<bool> {
    if is_present(attempt, "svix-signature") {
        verify_set("svix", secrets, attempt)
    } else {
        verify_set("webhook", secrets, attempt)
    }
}

fn verify_set(set: &str, secrets: &[&str], attempt: &Attempt) -> Option<bool> {
    let keys = base64_keys(secrets)?;
    let id = deciding(attempt, &format!("{set}-id"))?;
    let stamp = deciding(attempt, &format!("{set}-timestamp"))?;
    let list = deciding(attempt, &format!("{set}-signature"))?;

    // A full stop in the id would let two different attempts share one signed content.
    if id.len() > MAX_ID_BYTES || !id.iter().all(u8::is_ascii_graphic) || id.contains(&b'.') {
        return None;
    }
    if !is_fresh(stamp, attempt.now_ms) {
        return None;
    }

    let mut candidates = Candidates::default();
    for item in list.split(|&byte| byte == b' ') {
        match split_first(item, b',') {
            None => candidates.count(),
            Some((b"v1", value)) => {
                candidates.offer(of_length(Algorithm::Sha256, from_base64(value)))
            }
            Some(_) => {}
        }
    }

    let signatures = candidates.finish()?;
    let content = [id, b".", stamp, b".", attempt.body].concat();
    Some(Algorithm::Sha256.any_fits(&keys, &content, &signatures))
}
