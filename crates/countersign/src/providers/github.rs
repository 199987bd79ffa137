use super::github_events::EVENTS;
use crate::scheme::{
    Algorithm, Encoding, Layout, Payload, Place, Repeats, Retry, Scheme, SignatureRule, Span,
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
/// - **Retries**: none by itself. A redelivery by hand or through the API keeps its delivery id.
/// - **Deduplication**: by the body, which every redelivery repeats byte for byte, and by the event's name where it is one of
///   [`events`](Scheme::events). A name that is not in the list, such as one newer than this version, counts as none: the body alone decides
///   then. The name is unsigned, so whoever has one genuine body can have it run once more under each other name.
/// - **Repeats**: bodies of some events hold no time and no number of their own (`membership`, `team`, `org_block`, `workflow_dispatch`,
///   `repository_dispatch`), so a member who is added, removed and added again is told of twice in the same words. So the choice is demanded:
///   [`ByContent`](crate::danger::Deduplicate::ByContent) may take the second for a copy of the first,
///   [`ByUnsignedId`](crate::danger::Deduplicate::ByUnsignedId) goes by `X-GitHub-Delivery`, which whoever has captured a delivery may change,
///   and [`Off`](crate::danger::Deduplicate::Off) runs copies.
pub const GITHUB: Scheme = Scheme {
    name: text!("github"),
    title: text!("GitHub"),
    sources: list![
        text!("https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries"),
        text!("https://docs.github.com/en/webhooks/webhook-events-and-payloads"),
        text!("https://github.com/octokit/webhooks-methods.js"),
        text!("https://github.com/octokit/webhooks.js src/generated/webhook-identifiers.ts"),
        text!(
            "https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks"
        ),
    ],
    signature: SignatureRule {
        place: Place::Header(text!("x-hub-signature-256")),
        layout: Layout::Prefix(text!("sha256=")),
        encoding: Encoding::Hex,
        ..SignatureRule::BASE
    },
    id: list![Place::Header(text!("x-github-delivery"))],
    repeats: Repeats::Possible,
    event: list![Place::Header(text!("x-github-event"))],
    events: EVENTS,
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
