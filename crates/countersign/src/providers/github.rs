use crate::scheme::{
    Algorithm, Encoding, Layout, Payload, Place, Retry, Scheme, SignatureRule, Span,
};
use crate::{list, text};

/// GitHub: `X-Hub-Signature-256: sha256=…` over the body.
///
/// - **Secret**: the webhook's secret as text.
/// - **Bodies**: JSON, or a form whose field `payload` holds the JSON; the signature covers the body as sent either way. Up to 25 MiB,
///   beyond which GitHub delivers nothing.
/// - **Freshness**: there is no timestamp. Only remembering what was done keeps a captured body out.
/// - **Unsigned**: `X-GitHub-Delivery` and `X-GitHub-Event` are not covered by the signature. They are hints.
/// - **No fallback**: the SHA-1 header is never looked at; see [`GITHUB_SHA1`].
/// - **Retries**: none by itself. A redelivery by hand keeps its delivery id.
pub const GITHUB: Scheme = Scheme {
    name: text!("github"),
    title: text!("GitHub"),
    sources: list![
        text!("https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries"),
        text!("https://docs.github.com/en/webhooks/webhook-events-and-payloads"),
        text!("https://github.com/octokit/webhooks-methods.js"),
    ],
    signature: SignatureRule {
        place: Place::Header(text!("x-hub-signature-256")),
        layout: Layout::Prefix(text!("sha256=")),
        encoding: Encoding::Hex,
        ..SignatureRule::BASE
    },
    id: list![Place::Header(text!("x-github-delivery"))],
    event: list![Place::Header(text!("x-github-event"))],
    tenant: list![
        Place::Json(text!("/installation/id")),
        Place::FormJson {
            field: text!("payload"),
            pointer: text!("/installation/id"),
        },
    ],
    media_types: list![
        text!("application/json"),
        text!("application/x-www-form-urlencoded"),
    ],
    max_body: 25 * 1024 * 1024,
    payload: list![Payload::Body, Payload::FormField(text!("payload"))],
    retry: Retry {
        deadline: Some(Span::from_secs(10)),
        ..Retry::NONE
    },
    ..Scheme::BASE
};

/// GitHub's legacy header: `X-Hub-Signature: sha1=…`. A scheme of its own, chosen by configuration and never by a message: nothing
/// falls back to it.
pub const GITHUB_SHA1: Scheme = Scheme {
    name: text!("github-sha1"),
    title: text!("GitHub (SHA-1)"),
    algorithm: Algorithm::HmacSha1,
    signature: SignatureRule {
        place: Place::Header(text!("x-hub-signature")),
        layout: Layout::Prefix(text!("sha1=")),
        encoding: Encoding::Hex,
        ..SignatureRule::BASE
    },
    ..GITHUB
};
