use super::standard_webhooks::STANDARD_WEBHOOKS;
use crate::scheme::{
    Algorithm, Encoding, Grade, Payload, Place, Retry, Schedule, Scheme, SignatureRule,
};
use crate::{list, text};

/// Webhooks by Zapier with basic authentication. Zapier signs nothing: the author of the Zap puts a secret into the request.
///
/// - **Secret**: `user:password`, as in the Zap's "Basic Auth" field. [`ZAPIER_HEADER`] and [`ZAPIER_QUERY`] take a token from a header or
///   from the URL; [`token_in`](crate::ReceiverBuilder::token_in) names which. All of them are tokens: whoever sees one request can
///   send anything for ever.
/// - **Bodies**: what the author chose: JSON, a form, XML or raw text. A GET carries its values in the query string, which is no payload here.
/// - **Id, event, time**: none, unless the author maps them into the body.
/// - **Retries**: a failed step is an error of the Zap's run; it is replayed by itself only where Autoreplay is on. A replay sends the same content.
/// - **Deduplication**: none, which [`Deduplicate::Off`](crate::danger::Deduplicate::Off) says, unless the author maps an id into the request
///   and the scheme names it:
///
/// ```
/// use countersign::providers::ZAPIER;
/// use countersign::scheme::{Place, Scheme};
/// use countersign::{list, text};
///
/// const ORDERS: Scheme = Scheme { id: list![Place::Json(text!("/id"))], ..ZAPIER };
/// assert_eq!(ORDERS.check(), Ok(()));
/// ```
pub const ZAPIER: Scheme = Scheme {
    name: text!("zapier"),
    title: text!("Zapier (basic authentication)"),
    sources: list![text!(
        "https://help.zapier.com/hc/en-us/articles/8496326446989-Send-webhooks-in-Zaps"
    )],
    grade: Grade::Token,
    algorithm: Algorithm::Basic,
    content: list![],
    signature: SignatureRule {
        place: Place::Header(text!("authorization")),
        ..SignatureRule::BASE
    },
    methods: list![text!("POST"), text!("PUT"), text!("GET")],
    media_types: list![],
    payload: list![Payload::Body, Payload::Form],
    retry: Retry {
        schedule: Schedule::SendersChoice,
        ..Retry::NONE
    },
    ..Scheme::BASE
};

/// Webhooks by Zapier with a token in a header, `X-Webhook-Token` unless [`token_in`](crate::ReceiverBuilder::token_in) names another. See
/// [`ZAPIER`].
pub const ZAPIER_HEADER: Scheme = Scheme {
    name: text!("zapier-header"),
    title: text!("Zapier (header token)"),
    algorithm: Algorithm::Token,
    signature: SignatureRule {
        place: Place::Header(text!("x-webhook-token")),
        encoding: Encoding::Plain,
        ..SignatureRule::BASE
    },
    ..ZAPIER
};

/// Webhooks by Zapier with a token in the URL, the parameter `token` unless [`token_in`](crate::ReceiverBuilder::token_in) names another.
/// See [`ZAPIER`].
pub const ZAPIER_QUERY: Scheme = Scheme {
    name: text!("zapier-query"),
    title: text!("Zapier (query token)"),
    algorithm: Algorithm::Token,
    signature: SignatureRule {
        place: Place::QueryParam(text!("token")),
        encoding: Encoding::Plain,
        ..SignatureRule::BASE
    },
    ..ZAPIER
};

/// Zapier's White Label connection webhooks: [`STANDARD_WEBHOOKS`], the one thing that Zapier signs.
///
/// - **Deduplication**: by `webhook-id`, signed.
pub const ZAPIER_WHITE_LABEL: Scheme = Scheme {
    name: text!("zapier-white-label"),
    title: text!("Zapier White Label"),
    sources: list![
        text!("https://docs.zapier.com/white-label/connection-webhooks/verify-signatures"),
        text!("https://docs.zapier.com/white-label/connection-webhooks/payload-reference"),
    ],
    ..STANDARD_WEBHOOKS
};
