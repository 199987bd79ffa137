use super::shopify_events::EVENTS;
use crate::scheme::{Encoding, Place, Repeats, Retry, Scheme, SignatureRule, Span};
use crate::{list, text};

/// Shopify: `X-Shopify-Hmac-Sha256`, base64 over the body.
///
/// - **Secret**: the app's client secret as text; for webhooks made by hand in the admin, the store's webhook secret shown there.
///   After a rotation the old secret may sign for up to an hour: keep both configured for that long.
/// - **Two header families**: `shopify-*` (the Events product) and `X-Shopify-*`. When `shopify-hmac-sha256` is there, that family alone
///   is read; they are never mixed.
/// - **Freshness**: no signed timestamp. `X-Shopify-Triggered-At` is unsigned and keeps its value over retries.
/// - **Unsigned**: topic, shop domain and webhook id. One app secret serves all shops, so a genuine body can be sent again under
///   another shop or topic.
/// - **Bodies**: JSON; webhooks made by hand in the admin may be set to XML (remembered and not confirmed).
/// - **Empty bodies** are refused, as the sender's own libraries do.
/// - **Retries**: eight within four hours, the same bytes; the sender waits 5 s. After eight failures in a row a subscription that was made
///   through the Admin API is deleted. That a 3xx is a failure is believed and not confirmed.
/// - **Deduplication**: by the body, which a retry repeats byte for byte, and by the topic where it is one of [`events`](Scheme::events):
///   `orders/create` and `orders/updated` may come with the same body. A topic that is not in the list, such as one newer than this version,
///   counts as none: the body alone decides then. So do the Events product's (`Product`), whose body names topic and action. The topic is
///   unsigned, so whoever has one genuine body can have it run once more under each other topic. A subscription that is narrowed to some
///   fields needs one that changes, such as `updated_at`; Shopify itself drops equal bodies as duplicates without it.
/// - **Repeats**: where a body holds little but ids and the same thing can be done twice (`inventory_levels/disconnect`,
///   `product_listings/remove`; believed and not confirmed), two events may have the same body. So the choice is demanded:
///   [`ByContent`](crate::danger::Deduplicate::ByContent) may take the second for a copy of the first,
///   [`ByUnsignedId`](crate::danger::Deduplicate::ByUnsignedId) goes by the webhook id, which whoever has captured a delivery may change, and
///   [`Off`](crate::danger::Deduplicate::Off) runs copies.
pub const SHOPIFY: Scheme = Scheme {
    name: text!("shopify"),
    title: text!("Shopify"),
    sources: list![
        text!("https://shopify.dev/docs/apps/build/webhooks/verify-deliveries"),
        text!("https://shopify.dev/docs/apps/build/events/verify-deliveries"),
        text!("https://github.com/Shopify/shopify-app-js packages/apps/shopify-api/lib/webhooks"),
        text!("https://shopify.dev/changelog/updates-to-webhook-retry-mechanism"),
        text!("https://shopify.dev/docs/api/admin-graphql/latest/enums/WebhookSubscriptionTopic"),
        text!("https://shopify.dev/docs/api/admin-rest/latest/resources/webhook"),
        text!("https://shopify.dev/docs/apps/build/events/delivery-structure"),
        text!("https://shopify.dev/docs/apps/build/webhooks/best-practices"),
    ],
    signature: SignatureRule {
        place: Place::Header(text!("shopify-hmac-sha256")),
        encoding: Encoding::Base64,
        ..SignatureRule::BASE
    },
    header_prefixes: list![text!("shopify-"), text!("x-shopify-")],
    repeats: Repeats::Possible,
    id: list![Place::Header(text!("shopify-webhook-id"))],
    event: list![Place::Header(text!("shopify-topic"))],
    events: EVENTS,
    tenant: list![Place::Header(text!("shopify-shop-domain"))],
    media_types: list![
        text!("application/json"),
        text!("application/xml"),
        text!("text/xml"),
    ],
    body_required: true,
    retry: Retry {
        span: Span::from_hours(4),
        deadline: Some(Span::from_secs(5)),
        ..Retry::NONE
    },
    ..Scheme::BASE
};
