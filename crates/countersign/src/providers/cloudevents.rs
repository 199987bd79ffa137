use crate::scheme::{
    Algorithm, AnswerHeader, AnswerValue, Encoding, Grade, Handshake, Layout, Place, Proof, Retry,
    Schedule, Scheme, SignatureRule,
};
use crate::{list, text};

const ALLOWED: Handshake = Handshake {
    method: text!("OPTIONS"),
    proof: Proof::Consent,
    headers: list![
        AnswerHeader {
            name: text!("webhook-allowed-origin"),
            value: AnswerValue::Echo(Place::Header(text!("webhook-request-origin"))),
        },
        AnswerHeader {
            name: text!("webhook-allowed-rate"),
            value: AnswerValue::Fixed(text!("*")),
        },
        AnswerHeader {
            name: text!("allow"),
            value: AnswerValue::Fixed(text!("POST")),
        },
    ],
    ..Handshake::BASE
};

/// CloudEvents over HTTP web hooks: `Authorization: Bearer …`, or the parameter `access_token`. Nothing is signed.
///
/// - **Secret**: the token that was agreed with the sender. Whoever sees it once can send anything for ever. The specification has receivers
///   take it from either place and discourages the second, for URLs end up in logs; both at once are refused.
///   [`token_in`](crate::ReceiverBuilder::token_in) names one place alone, such as [`TokenPlace::Bearer`](crate::scheme::TokenPlace::Bearer).
/// - **Handshake**: the sender asks by OPTIONS whether its origin may deliver. It is answered for the one origin that is configured as
///   `allowed-origin` ([`config`](crate::ReceiverBuilder::config)); without one, when the application agrees
///   ([`consent`](crate::ReceiverBuilder::consent)). With neither, an OPTIONS is refused with 405. The rate is not limited. It authenticates
///   nobody.
/// - **Id**: `source` and `id` together, from the `ce-…` headers or, in structured mode, from the JSON. A batch has none.
/// - **Retries**: the sender's choice. A 410 ends the deliveries.
/// - **Deduplication**: by that id, unsigned. The specification has producers keep it unique for each event and lets consumers take two with
///   the same for one. A batch is not deduplicated.
pub const CLOUDEVENTS: Scheme = Scheme {
    name: text!("cloudevents-webhook"),
    title: text!("CloudEvents web hooks"),
    sources: list![
        text!("https://github.com/cloudevents/spec cloudevents/http-webhook.md"),
        text!("https://github.com/cloudevents/spec cloudevents/bindings/http-protocol-binding.md"),
    ],
    grade: Grade::Token,
    algorithm: Algorithm::Token,
    content: list![],
    signature: SignatureRule {
        place: Place::Header(text!("authorization")),
        layout: Layout::Prefix(text!("Bearer ")),
        also: list![Place::QueryParam(text!("access_token"))],
        also_layout: Some(Layout::Bare),
        encoding: Encoding::Plain,
        ..SignatureRule::BASE
    },
    id: list![
        Place::All(list![
            Place::Header(text!("ce-source")),
            Place::Header(text!("ce-id")),
        ]),
        Place::All(list![
            Place::Json(text!("/source")),
            Place::Json(text!("/id")),
        ]),
    ],
    event: list![Place::Header(text!("ce-type")), Place::Json(text!("/type"))],
    media_types: list![],
    body_required: true,
    retry: Retry {
        schedule: Schedule::SendersChoice,
        drops_on: list![410],
        ..Retry::NONE
    },
    handshakes: list![
        Handshake {
            proof: Proof::Token {
                place: Place::Header(text!("webhook-request-origin")),
                config: text!("allowed-origin"),
            },
            ..ALLOWED
        },
        ALLOWED,
    ],
    ..Scheme::BASE
};
