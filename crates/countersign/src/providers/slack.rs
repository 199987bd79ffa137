use crate::scheme::{
    AnswerBody, AnswerKind, AnswerValue, FieldShape, Handshake, Layout, Part, Payload, Place,
    Requirement, Retry, Scheme, SignatureRule, Span, TimestampRule, UnsignedShape, ValueShape,
};
use crate::timestamp::{Tolerance, Unit};
use crate::{list, text};

/// Slack: `X-Slack-Signature: v0=…` over `v0:`, the timestamp header, a colon and the body.
///
/// - **Secret**: the app's signing secret as text. It looks like hex and is not decoded.
/// - **Bodies**: events are JSON, slash commands are forms, interactivity is a form whose field `payload` holds JSON. The signature
///   covers the body as sent.
/// - **Freshness**: 300 s to both sides. A retry is signed afresh.
/// - **Id**: events have a signed `/event_id`, the same on every retry. Slash commands and interactivity have none and are not retried.
/// - **Tenant**: the workspace, `team_id`. The body's `token` is deprecated and not looked at.
/// - **Secret's owner**: the app, `api_app_id`, for one receiver of several apps ([`TenantPlace::body`](crate::TenantPlace::body)). Events,
///   interactions and slash commands carry it; `url_verification` and a signed `ssl_check` do not: see
///   [`TenantPlace::body_or`](crate::TenantPlace::body_or).
/// - **Handshake**: `url_verification`, signed like an event, is answered with its challenge as plain text.
/// - **Unsigned**: `ssl_check`, a form of exactly `ssl_check=1` and perhaps `token` (or the same as a GET), is answered 200 and never dispatched.
/// - **Answer**: Slack shows what a command or an interaction is answered with.
/// - **Retries**: three, within about six minutes; the sender waits 3 s; the response header `X-Slack-No-Retry: 1` on an answer that is no
///   2xx stops them for that event (all of it read in third parties' summaries). `X-Slack-Retry-Num` is unsigned: dropping what carries it
///   loses events whose first attempt failed.
/// - **Deduplication**: events by `/event_id`, signed, which a retry keeps under a new stamp. What has none by the body: a command or an
///   interaction carries a `trigger_id` of its own and is not retried, so equal bodies are the same request again. The `app_rate_limited` notice
///   has neither; it tells the minute that it is about. Neither have requests for the options of a menu (`block_suggestion`), which repeat
///   whenever somebody types the same: a menu would be answered from the record. Give the app's options load URL a route whose
///   receiver has no store.
pub const SLACK: Scheme = Scheme {
    name: text!("slack"),
    title: text!("Slack"),
    sources: list![
        text!("https://docs.slack.dev/authentication/verifying-requests-from-slack/"),
        text!("https://github.com/slackapi/python-slack-sdk slack_sdk/signature/__init__.py"),
        text!("https://github.com/slackapi/bolt-js src/receivers/verify-request.ts"),
    ],
    content: list![
        Part::Literal(text!("v0:")),
        Part::Timestamp,
        Part::Literal(text!(":")),
        Part::Body,
    ],
    signature: SignatureRule {
        place: Place::Header(text!("x-slack-signature")),
        layout: Layout::Prefix(text!("v0=")),
        ..SignatureRule::BASE
    },
    timestamp: Some(TimestampRule {
        place: Place::Header(text!("x-slack-request-timestamp")),
        unit: Unit::Seconds,
        tolerance: Tolerance::from_secs(300),
    }),
    id: list![Place::Json(text!("/event_id"))],
    event: list![
        Place::Json(text!("/event/type")),
        Place::Json(text!("/type")),
        Place::FormJson {
            field: text!("payload"),
            pointer: text!("/type"),
        },
        Place::Form(text!("command")),
    ],
    tenant: list![
        Place::Json(text!("/team_id")),
        Place::FormJson {
            field: text!("payload"),
            pointer: text!("/team/id"),
        },
        Place::Form(text!("team_id")),
    ],
    secret_owner: list![
        Place::Json(text!("/api_app_id")),
        Place::FormJson {
            field: text!("payload"),
            pointer: text!("/api_app_id"),
        },
        Place::Form(text!("api_app_id")),
    ],
    media_types: list![
        text!("application/json"),
        text!("application/x-www-form-urlencoded"),
    ],
    payload: list![
        Payload::Body,
        Payload::FormField(text!("payload")),
        Payload::Form,
    ],
    retry: Retry {
        span: Span::from_secs(6 * 60),
        deadline: Some(Span::from_secs(3)),
        ..Retry::NONE
    },
    answer: AnswerKind::Content,
    unsigned: list![
        UnsignedShape {
            method: text!("POST"),
            media_type: Some(text!("application/x-www-form-urlencoded")),
            ..SSL_CHECK
        },
        SSL_CHECK,
    ],
    handshakes: list![
        Handshake {
            when: list![Requirement {
                place: Place::Json(text!("/type")),
                equals: text!("url_verification"),
            }],
            body: AnswerBody::Text(AnswerValue::Echo(Place::Json(text!("/challenge")))),
            ..Handshake::BASE
        },
        // Signed or not, it is no command.
        Handshake {
            when: list![Requirement {
                place: Place::Form(text!("ssl_check")),
                equals: text!("1"),
            }],
            ..Handshake::BASE
        },
    ],
    ..Scheme::BASE
};

/// A check of the certificate: it names no command and carries a token that is deprecated and not looked at.
const SSL_CHECK: UnsignedShape = UnsignedShape {
    method: text!("GET"),
    media_type: None,
    fields: list![
        FieldShape {
            name: text!("ssl_check"),
            value: ValueShape::Exactly(text!("1")),
            optional: false,
        },
        FieldShape {
            name: text!("token"),
            value: ValueShape::Opaque(256),
            optional: true,
        },
    ],
    public_key: None,
    status: 200,
};
