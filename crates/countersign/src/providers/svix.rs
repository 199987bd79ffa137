use super::STANDARD_WEBHOOKS;
use crate::scheme::{Place, Retry, Scheme, SignatureRule, Span, TimestampRule};
use crate::timestamp::{Tolerance, Unit};
use crate::{list, text};

/// Svix: the scheme of [`STANDARD_WEBHOOKS`] under `svix-id`, `svix-timestamp` and `svix-signature`.
///
/// Senders may have the unbranded `webhook-*` headers instead. When `svix-signature` is there, the `svix-*` headers alone are read, else
/// the `webhook-*` ones alone; they are never mixed.
///
/// - **Event name**: none. The payload is the sender's own, and need not be JSON with a `type`.
/// - **Retries**: seven over 27 h 35 min after the first attempt (the open-source server's default), signed afresh.
/// - **Deduplication**: by `svix-id`, signed, which every attempt and every resend keeps under a new stamp.
pub const SVIX: Scheme = Scheme {
    name: text!("svix"),
    title: text!("Svix"),
    sources: list![
        text!("https://docs.svix.com/receiving/verifying-payloads/how-manual"),
        text!("https://github.com/svix/svix-webhooks rust/src/webhooks.rs"),
        text!("https://github.com/svix/svix-webhooks server/svix-server/config.default.toml"),
    ],
    signature: SignatureRule {
        place: Place::Header(text!("svix-signature")),

        ..STANDARD_WEBHOOKS.signature
    },
    header_prefixes: list![text!("svix-"), text!("webhook-")],
    timestamp: Some(TimestampRule {
        place: Place::Header(text!("svix-timestamp")),
        unit: Unit::Seconds,
        tolerance: Tolerance::from_secs(300),
    }),
    id: list![Place::Header(text!("svix-id"))],
    retry: Retry {
        span: Span::from_hours(28),
        deadline: Some(Span::from_secs(30)),
        ..Retry::NONE
    },
    ..STANDARD_WEBHOOKS
};
