use crate::scheme::{
    Algorithm, Layout, Place, Retry, RetryBody, Schedule, Scheme, SignatureRule, Span,
    UnsignedShape,
};
use crate::{list, text};

/// Intercom: `X-Hub-Signature: sha1=…`, HMAC-SHA1 over the body.
///
/// - **Secret**: the app's client secret as text; subscriptions of the old API have a `hub_secret` of their own in the same header. One
///   secret serves every workspace that installed the app.
/// - **Id**: `/id`, signed, the same on every retry. The event is `/topic`, the tenant `/app_id`.
/// - **Body**: `delivery_attempts` in it counts, so a retry has another body and another signature (from third parties and the list of
///   fields, not confirmed by Intercom).
/// - **Freshness**: no timestamp that is judged.
/// - **Probe**: a HEAD is answered 200 (remembered by many, not in the pages read). The `ping` topic is taken for a signed delivery like any
///   other, which is not confirmed either.
/// - **Retries**: there are some; the schedule is not published, and neither is how long it waits (5 s by one account, 30 s by another). A
///   week of errors suspends the subscription of a private app. That a 410 ends a subscription is remembered and not confirmed: it is never
///   answered here.
/// - **Deduplication**: by `/id`, signed. A retry's body counts attempts, so it may be another one under the same id.
pub const INTERCOM: Scheme = Scheme {
    name: text!("intercom"),
    title: text!("Intercom"),
    sources: list![
        text!(
            "https://developers.intercom.com/intercom-api-reference/v1.0/reference/signed-notifications"
        ),
        text!("https://developers.intercom.com/docs/webhooks/webhook-notifications"),
    ],
    algorithm: Algorithm::HmacSha1,
    signature: SignatureRule {
        place: Place::Header(text!("x-hub-signature")),
        layout: Layout::Prefix(text!("sha1=")),
        ..SignatureRule::BASE
    },
    id: list![Place::Json(text!("/id"))],
    event: list![Place::Json(text!("/topic"))],
    tenant: list![Place::Json(text!("/app_id"))],
    retry: Retry {
        span: Span::from_hours(2),
        schedule: Schedule::NotPublished,
        body: RetryBody::Changes,
        deadline: Some(Span::from_secs(5)),
        drops_on: list![410],
        ..Retry::NONE
    },
    unsigned: list![UnsignedShape {
        method: text!("HEAD"),
        media_type: None,
        fields: list![],
        public_key: None,
        status: 200,
    }],
    ..Scheme::BASE
};
