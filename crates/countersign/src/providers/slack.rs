use crate::scheme::{
    AnswerKind, Layout, Part, Payload, Place, Retry, Scheme, SignatureRule, Span, TimestampRule,
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
/// - **Retries**: three, within about six minutes (read in third parties' summaries); the sender waits 3 s. `X-Slack-Retry-Num` is unsigned:
///   dropping what carries it loses events whose first attempt failed.
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
    ..Scheme::BASE
};
