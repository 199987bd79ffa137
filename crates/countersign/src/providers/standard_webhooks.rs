use crate::scheme::{
    Encoding, ItemField, KeyFormat, Layout, Part, Place, Retry, Schedule, Scheme, SignatureRule,
    Span, TimestampRule,
};
use crate::timestamp::{Tolerance, Unit};
use crate::{list, text};

/// Standard Webhooks: `webhook-signature: v1,…` over the id, the timestamp and the body, set apart by full stops.
///
/// - **Secret**: `whsec_` and base64; the prefix may be missing, padding too. At least 24 key bytes, as the specification says.
/// - **Several items**, set apart by spaces: any `v1` may match any configured secret. Items of other versions are ignored, `v1a`
///   (Ed25519) among them: this library does not verify it yet, and an item that is malformed never spoils a good one beside it.
/// - **Freshness**: 300 s to both sides. A retry is signed afresh.
/// - **Id**: `webhook-id`, signed, the same on every retry. It must not hold a full stop.
/// - **Payload**: JSON by recommendation; the specification allows other content types and asks nothing of the payload's form, so none is
///   refused and no event name is read. By recommendation it is `/type`.
/// - **Retries**: the specification recommends several days, and that a 410 disables the endpoint.
/// - **Deduplication**: by `webhook-id`, signed, which every attempt keeps under a new stamp.
pub const STANDARD_WEBHOOKS: Scheme = Scheme {
    name: text!("standard-webhooks"),
    title: text!("Standard Webhooks"),
    sources: list![text!(
        "https://github.com/standard-webhooks/standard-webhooks spec/standard-webhooks.md"
    ),],
    key: KeyFormat::Base64After(text!("whsec_")),
    min_key_len: 24,
    content: list![
        Part::Id,
        Part::Literal(text!(".")),
        Part::Timestamp,
        Part::Literal(text!(".")),
        Part::Body,
    ],
    signature: SignatureRule {
        place: Place::Header(text!("webhook-signature")),
        layout: Layout::List {
            separator: text!(" "),
            fields: list![ItemField::Label, ItemField::Signature],
            between: text!(","),
            accept: list![text!("v1")],
            ignore: list![text!("v1a")],
            first_is_value: false,
        },
        encoding: Encoding::Base64,
        ..SignatureRule::BASE
    },
    timestamp: Some(TimestampRule {
        place: Place::Header(text!("webhook-timestamp")),
        unit: Unit::Seconds,
        tolerance: Tolerance::from_secs(300),
    }),
    id: list![Place::Header(text!("webhook-id"))],
    media_types: list![],
    retry: Retry {
        span: Span::from_days(4),
        schedule: Schedule::SendersChoice,
        deadline: Some(Span::from_secs(15)),
        drops_on: list![410],
        ..Retry::NONE
    },
    ..Scheme::BASE
};
