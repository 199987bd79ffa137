use crate::scheme::{
    Algorithm, AnswerKind, CheckedBodies, DigestCheck, Encoding, Hash, Part, Payload, Place,
    Repeats, Retry, Scheme, SignatureRule, Span, UrlPort, UrlQuery, UrlSpelling,
};
use crate::{list, text};

const fn spelled(port: UrlPort, query: UrlQuery) -> UrlSpelling {
    UrlSpelling { port, query }
}

/// Twilio: `X-Twilio-Signature`, base64 of HMAC-SHA1 over the public URL and the sorted form fields.
///
/// - **Secret**: the primary auth token of the account, or of the subaccount that owns the resource. A secondary token signs nothing until it
///   is promoted, so configure both while rotating.
/// - **URL**: the whole public URL as it is configured at Twilio, query string included, case and user information kept. It must be configured
///   here ([`public_url`](crate::ReceiverBuilder::public_url)) or told by trusted proxies
///   ([`public_url_from`](crate::ReceiverBuilder::public_url_from)); a connection-override fragment (`#rc=3`) is left
///   out (remembered and not confirmed).
/// - **Spellings**: Twilio is not consistent about the port and about escapes in the query. As its own validators do, the URL is tried
///   with the port (443 or 80 when there is none) and without it, with the query as it arrived, as the WHATWG URL parser escapes it
///   (`'` becomes `%27`), and as Node's `querystring` writes it. Nothing else is tried.
/// - **Forms**: every field counts, known or not, decoded, sorted by name; distinct values of a repeated name are sorted. Name and value are
///   set one after the other without separators: that proves the content, and not where one field ends, so no field is marked signed.
/// - **Other bodies** are covered by `bodySHA256`, a parameter of the signed URL: without it such a body is refused, and so is one that
///   it is not the digest of. A form's fields count whether the parameter is there or not.
/// - **Both kinds at one endpoint**: the parameter must be the last one, for whoever has seen a signed form can move its fields into the URL,
///   and a text in one of them could look like it. In the last field, by name, it still could: where an endpoint takes one kind only, use
///   [`TWILIO_FORM`] or [`TWILIO_BODY_SHA256`].
/// - **Repeats**: the same fields may be posted twice and mean two events (a menu that loops). There is no timestamp.
/// - **Id**: `I-Twilio-Idempotency-Token` is unsigned, and not every product sends it. It stays the same over the retries of one webhook, and
///   Twilio's own toolkit tells copies by it.
/// - **Answer**: Twilio reads the response (TwiML).
/// - **Retries**: one, and only when the connection fails, unless the URL's fragment at Twilio asks for up to five; then the fallback URL. It
///   waits 15 s. A retry has the same URL and fields, so the same signature.
/// - **Deduplication**: as the application chooses, for the same fields may mean two events.
///   [`ByContent`](crate::danger::Deduplicate::ByContent), the URL and the fields, takes a caller who comes through a menu again for a copy.
///   [`ByUnsignedId`](crate::danger::Deduplicate::ByUnsignedId), the idempotency token, lets whoever has one genuine request have it run again
///   under another token; a request without a token is told by its content.
pub const TWILIO: Scheme = Scheme {
    name: text!("twilio"),
    title: text!("Twilio"),
    sources: list![
        text!("https://www.twilio.com/docs/usage/webhooks/webhooks-security"),
        text!("https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides"),
        text!("https://github.com/twilio/twilio-python twilio/request_validator.py"),
        text!("https://github.com/twilio/twilio-node src/webhooks/webhooks.ts"),
        text!("https://github.com/twilio/twilio-agent-connect-python"),
    ],
    algorithm: Algorithm::HmacSha1,
    content: list![Part::Url, Part::FormSorted],
    signature: SignatureRule {
        place: Place::Header(text!("x-twilio-signature")),
        encoding: Encoding::Base64,
        ..SignatureRule::BASE
    },
    url_spellings: list![
        spelled(UrlPort::Without, UrlQuery::AsArrived),
        spelled(UrlPort::With, UrlQuery::AsArrived),
        spelled(UrlPort::Without, UrlQuery::Whatwg),
        spelled(UrlPort::With, UrlQuery::Whatwg),
        spelled(UrlPort::Without, UrlQuery::Querystring),
        spelled(UrlPort::With, UrlQuery::Querystring),
    ],
    checks: list![DigestCheck {
        place: Place::QueryParam(text!("bodySHA256")),
        algorithm: Hash::Sha256,
        encoding: Encoding::Hex,
        of: list![Part::Body],
        bodies: CheckedBodies::AllButForms,
    }],
    id: list![Place::Header(text!("i-twilio-idempotency-token"))],
    tenant: list![Place::Form(text!("AccountSid"))],
    methods: list![text!("POST"), text!("GET")],
    media_types: list![
        text!("application/x-www-form-urlencoded"),
        text!("application/json"),
        text!("application/cloudevents+json"),
        text!("application/cloudevents-batch+json"),
        text!("text/plain"),
        text!("application/xml"),
        text!("text/xml"),
    ],
    payload: list![Payload::Body, Payload::Form],
    repeats: Repeats::Possible,
    retry: Retry {
        span: Span::from_secs(90),
        deadline: Some(Span::from_secs(15)),
        ..Retry::NONE
    },
    answer: AnswerKind::Content,
    ..Scheme::BASE
};

/// Twilio's forms alone: for endpoints that take no other bodies.
pub const TWILIO_FORM: Scheme = Scheme {
    name: text!("twilio-form"),
    title: text!("Twilio (forms)"),
    checks: list![],
    media_types: list![text!("application/x-www-form-urlencoded")],
    ..TWILIO
};

/// Twilio's JSON bodies alone, covered by the signed parameter `bodySHA256`: for endpoints that take no forms.
pub const TWILIO_BODY_SHA256: Scheme = Scheme {
    name: text!("twilio-body-sha256"),
    title: text!("Twilio (bodySHA256)"),
    content: list![Part::Url],
    checks: list![DigestCheck {
        place: Place::QueryParam(text!("bodySHA256")),
        algorithm: Hash::Sha256,
        encoding: Encoding::Hex,
        of: list![Part::Body],
        bodies: CheckedBodies::All,
    }],
    tenant: list![],
    methods: list![text!("POST")],
    media_types: list![text!("application/json")],
    payload: list![Payload::Body],
    ..TWILIO
};
