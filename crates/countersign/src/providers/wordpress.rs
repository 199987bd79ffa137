use crate::scheme::{
    Algorithm, Encoding, FieldShape, Grade, Payload, Place, Repeats, Retry, Schedule, Scheme,
    SignatureRule, Span, UnsignedShape, ValueShape,
};
use crate::{list, text};

/// WordPress.com: webhooks that are not signed. A secret in the URL is all that tells them from anybody else's.
///
/// - **Secret**: a text of your own that you put into the URL, here as the parameter `token`; [`token_in`](crate::ReceiverBuilder::token_in)
///   names another parameter or the end of the path. It is a token: whoever sees the URL can send anything for ever, so confirm what matters
///   by reading it from the site.
/// - **Bodies**: forms of the fields that were chosen, and `hook`, the event.
/// - **Id**: none. `publish_post` comes again for every edit of a post.
/// - **Retries**: not published.
/// - **Deduplication**: none, which [`Deduplicate::Off`](crate::danger::Deduplicate::Off) says, for nothing tells one event. Whoever wants it
///   names the fields that do, among those that were chosen:
///
/// ```
/// use countersign::providers::WORDPRESS;
/// use countersign::scheme::{Place, Scheme};
/// use countersign::{list, text};
///
/// // A post may be edited twice within the second that this tells.
/// const EDITS: Scheme = Scheme {
///     id: list![Place::All(list![
///         Place::Form(text!("hook")),
///         Place::Form(text!("ID")),
///         Place::Form(text!("post_modified_gmt")),
///     ])],
///     ..WORDPRESS
/// };
/// assert_eq!(EDITS.check(), Ok(()));
/// ```
///
/// - Sites with plugins send what their plugin sends: [`WOOCOMMERCE`] signs; form and automation plugins are remembered to put a token
///   into a header or to use basic authentication ([`token_in`](crate::ReceiverBuilder::token_in)), which is not confirmed. Look at what
///   yours sends.
pub const WORDPRESS: Scheme = Scheme {
    name: text!("wordpress"),
    title: text!("WordPress.com"),
    sources: list![
        text!("https://wordpress.com/support/webhooks/"),
        text!("https://en.support.wordpress.com/webhooks/"),
    ],
    grade: Grade::Token,
    algorithm: Algorithm::Token,
    content: list![],
    signature: SignatureRule {
        place: Place::QueryParam(text!("token")),
        encoding: Encoding::Plain,
        ..SignatureRule::BASE
    },
    event: list![Place::Form(text!("hook"))],
    media_types: list![text!("application/x-www-form-urlencoded")],
    payload: list![Payload::Form],
    retry: Retry {
        schedule: Schedule::NotPublished,
        ..Retry::NONE
    },
    ..Scheme::BASE
};

/// WooCommerce: `X-WC-Webhook-Signature`, base64 over the body.
///
/// - **Secret**: the webhook's secret as its owner typed it. An empty one signs, too, with a key that everybody knows: it is refused here.
/// - **Ping**: when a webhook is activated, WooCommerce posts the form `webhook_id=…` without a signature. That and nothing else is answered
///   200 without one, and never dispatched.
/// - **Unsigned**: every `X-WC-Webhook-…` header. `X-WC-Webhook-Delivery-ID` is made of the webhook and the current second: it is another one
///   for a second attempt, and the same one for two events of one second. It identifies nothing, and is not read.
/// - **Freshness**: there is no timestamp.
/// - **Retries**: none; after more than five failures in a row the webhook is disabled. It waits 60 s.
/// - **Deduplication**: by the body, and by the topic where it is one of [`events`](Scheme::events): what is trashed and what is restored may
///   have the same id. A topic that is not in the list counts as none; `action.…` topics, which the shop's plugins make up, name themselves
///   in the body. The topic is unsigned, so whoever has one genuine body can have it run once more under each other topic.
/// - **Repeats**: a `….deleted` holds the id alone, so what is trashed, restored and trashed again is told twice in the same words; so is an
///   `action.…` with the same argument. So the choice is demanded: [`ByContent`](crate::danger::Deduplicate::ByContent) may lose the second,
///   [`Off`](crate::danger::Deduplicate::Off) runs copies.
pub const WOOCOMMERCE: Scheme = Scheme {
    name: text!("woocommerce"),
    title: text!("WooCommerce"),
    sources: list![text!(
        "https://github.com/woocommerce/woocommerce plugins/woocommerce/includes/class-wc-webhook.php"
    )],
    signature: SignatureRule {
        place: Place::Header(text!("x-wc-webhook-signature")),
        encoding: Encoding::Base64,
        ..SignatureRule::BASE
    },
    event: list![Place::Header(text!("x-wc-webhook-topic"))],
    events: list![
        text!("coupon.created"),
        text!("coupon.deleted"),
        text!("coupon.restored"),
        text!("coupon.updated"),
        text!("customer.created"),
        text!("customer.deleted"),
        text!("customer.updated"),
        text!("order.created"),
        text!("order.deleted"),
        text!("order.restored"),
        text!("order.updated"),
        text!("product.created"),
        text!("product.deleted"),
        text!("product.published"),
        text!("product.restored"),
        text!("product.updated"),
    ],
    tenant: list![Place::Header(text!("x-wc-webhook-source"))],
    repeats: Repeats::Possible,
    retry: Retry {
        deadline: Some(Span::from_secs(60)),
        ..Retry::NONE
    },
    unsigned: list![UnsignedShape {
        method: text!("POST"),
        media_type: Some(text!("application/x-www-form-urlencoded")),
        fields: list![FieldShape {
            name: text!("webhook_id"),
            value: ValueShape::Digits,
            optional: false,
        }],
        public_key: None,
        status: 200,
    }],
    ..Scheme::BASE
};
