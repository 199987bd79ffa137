//! Rule by rule: what each scheme takes, and the nearest thing it does not.

mod body_only;
mod slack;
mod standard_webhooks;
mod stripe;

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

/// Standard base64 of whole bytes, padded.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut padded = group.to_vec();
        padded.resize(3, 0);
        let bits = padded
            .iter()
            .fold(0, |bits, &byte| bits << 8 | usize::from(byte));
        for place in 0..4 {
            let digit = DIGITS[bits >> (18 - 6 * place) & 63];
            text.push(if place > group.len() {
                '='
            } else {
                digit.into()
            });
        }
    }
    text
}

#[test]
fn the_base64_written_here_is_the_one_read() {
    for length in 0..70 {
        let bytes: Vec<u8> = (0..length)
            .map(|place: u8| place.wrapping_mul(37))
            .collect();
        assert_eq!(
            crate::encoding::from_base64(base64(&bytes).as_bytes()),
            Some(bytes)
        );
    }
}

#[test]
fn an_unknown_provider_accepts_nothing() {
    let signature = format!("sha256={}", hex(Algorithm::Sha256, "secret", BODY));
    let headers = [("X-Hub-Signature-256", signature.as_str())];
    assert!(judge("github", &["secret"], &headers, BODY, 0));
    for provider in ["GitHub", "github ", "", "meta"] {
        assert!(
            !judge(provider, &["secret"], &headers, BODY, 0),
            "{provider}"
        );
    }
}
