//! A second opinion: should this attempt be accepted?
//!
//! This crate answers the library's question for six signature schemes in the most obvious way: everything is
//! copied, joined and compared in plain sight. It shares no code with the library and is written from the
//! providers' facts alone, so that a mistake must be made twice to go unseen. It is an oracle for tests and fuzz
//! targets and nothing else: it compares with `==`, bounds little and takes its time.
//!
//! ```
//! use countersign_reference::{Attempt, accepts};
//!
//! let signature = b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
//! let headers: &[(&str, &[u8])] = &[("X-Hub-Signature-256", signature)];
//! let genuine = Attempt { headers, body: b"Hello, World!", now_ms: 0 };
//! let altered = Attempt { body: b"Hello, world!", ..genuine };
//!
//! assert!(accepts("github", &["It's a Secret to Everybody"], &genuine));
//! assert!(!accepts("github", &["It's a Secret to Everybody"], &altered));
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod encoding;
mod headers;
mod hmac;
mod provider;
mod secret;
mod timestamp;

/// One HTTP request that claims to come from a provider.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Names and values in the order of arrival, repetitions kept; names in any case, values any bytes.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body after transfer decoding, nothing else done to it.
    pub body: &'a [u8],
    /// The time of the check in milliseconds since the Unix epoch.
    pub now_ms: i64,
}

/// True only when the attempt is genuine and fresh under one of the secrets.
///
/// `provider` is `stripe`, `github`, `github-sha1`, `slack`, `shopify`, `standard-webhooks` or `svix`; any other
/// word gives false. `secrets` are texts as the provider's dashboard shows them. No secret at all, or a single one
/// that is empty, blank or not decodable, gives false whatever the others are.
pub fn accepts(provider: &str, secrets: &[&str], attempt: &Attempt) -> bool {
    let verdict = match provider {
        "stripe" => provider::stripe::verify(secrets, attempt),
        "github" => provider::github::verify_sha256(secrets, attempt),
        "github-sha1" => provider::github::verify_sha1(secrets, attempt),
        "slack" => provider::slack::verify(secrets, attempt),
        "shopify" => provider::shopify::verify(secrets, attempt),
        "standard-webhooks" => provider::standard_webhooks::verify(secrets, attempt),
        "svix" => provider::standard_webhooks::verify_svix(secrets, attempt),
        _ => None,
    };
    verdict == Some(true)
}

#[cfg(test)]
mod tests;
