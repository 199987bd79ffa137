//! A second opinion: should this attempt be accepted?
//!
//! This crate answers the library's question for the schemes that sign, and two that do not, in the most obvious way: everything is
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
pub mod form;
mod headers;
mod hmac;
mod provider;
mod secret;
mod timestamp;
pub mod url;

use hmac::Algorithm::{Sha1, Sha256, Sha384, Sha512};
use provider::url_signing::Kind;

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
/// `provider` is `github`, `github-sha1`, `intercom`, `shopify`, `slack`, `standard-webhooks`, `stripe`, `svix`, `websub`
/// (`-sha1`, `-sha384`, `-sha512`), `woocommerce` or `zapier-white-label`; any other word gives false. `secrets` are texts as the provider's dashboard shows them. No secret at all, or a single one
/// that is empty, blank or not decodable, gives false whatever the others are.
pub fn accepts(provider: &str, secrets: &[&str], attempt: &Attempt) -> bool {
    let verdict = match provider {
        "stripe" => provider::stripe::verify(secrets, attempt),
        "github" => provider::github::verify_sha256(secrets, attempt),
        "github-sha1" => provider::github::verify_sha1(secrets, attempt),
        "slack" => provider::slack::verify(secrets, attempt),
        "shopify" => provider::shopify::verify(secrets, attempt),
        "standard-webhooks" | "zapier-white-label" => {
            provider::standard_webhooks::verify(secrets, attempt)
        }
        "svix" => provider::standard_webhooks::verify_svix(secrets, attempt),
        "intercom" | "websub-sha1" => {
            provider::body_only::verify_hub(Sha1, "sha1=", secrets, attempt)
        }
        "websub" => provider::body_only::verify_hub(Sha256, "sha256=", secrets, attempt),
        "websub-sha384" => provider::body_only::verify_hub(Sha384, "sha384=", secrets, attempt),
        "websub-sha512" => provider::body_only::verify_hub(Sha512, "sha512=", secrets, attempt),
        "woocommerce" => provider::body_only::verify_woocommerce(secrets, attempt),
        _ => None,
    };
    verdict == Some(true)
}

/// One request to a provider whose rules know more of the head than its headers.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The public URL that the receiver is configured with, up to the path that it sees.
    pub base: &'a str,
    /// The method.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// The query string without its question mark.
    pub query: Option<&'a str>,
    /// The rest of it.
    pub attempt: Attempt<'a>,
}

/// As [`accepts`], also for `cloudevents-webhook`, `mailchimp`, `mandrill`, `twilio`, `twilio-body-sha256` and `twilio-form`.
///
/// For those that sign the URL, methods and media types are judged, too.
pub fn accepts_call(provider: &str, secrets: &[&str], call: &Call) -> bool {
    let verdict = match (provider, Kind::of(provider)) {
        (_, Some(kind)) => provider::url_signing::verify(kind, secrets, call),
        ("mailchimp", _) => provider::token::verify_mailchimp(secrets, call),
        ("cloudevents-webhook", _) => provider::token::verify_cloudevents(secrets, call),
        _ => return accepts(provider, secrets, &call.attempt),
    };
    verdict == Some(true)
}

/// The signature that Twilio or Mandrill would send with a call under one of its spellings of the URL, counted from 0; `behind` is put
/// behind the URL, for signatures that fit another one. None for other providers and spellings that there are not. Bodies are signed that
/// are not accepted: more fields than are sorted, and bytes that are no text.
pub fn sign_call(
    provider: &str,
    secret: &str,
    call: &Call,
    spelling: usize,
    behind: &str,
) -> Option<String> {
    provider::url_signing::sign(Kind::of(provider)?, secret, call, spelling, behind)
}

#[cfg(test)]
mod tests;
