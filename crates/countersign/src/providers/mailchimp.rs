use crate::scheme::{
    Algorithm, Encoding, FieldShape, Grade, Part, Payload, Place, Retry, Schedule, Scheme,
    SignatureRule, Span, UnsignedShape, ValueShape,
};
use crate::{list, text};

/// Mailchimp Marketing: audience webhooks, which are not signed. A secret in the URL is all that tells them from anybody else's.
///
/// - **Secret**: a text of your own that you put into the URL at Mailchimp, here as the parameter `secret`;
///   [`token_in`](crate::ReceiverBuilder::token_in) names another parameter or the end of the path. It is a token: whoever sees the URL, in a
///   log say, can send anything for ever.
/// - **Probe**: Mailchimp sends a GET when the URL is saved. It is answered 200 and never dispatched, with or without the secret; so is a HEAD.
/// - **Bodies**: forms with names like `data[merges][EMAIL]`. The event is `type`, the tenant `data[list_id]`. `fired_at` is a text like
///   `2009-03-26 21:35:57`, remembered to be UTC and not confirmed.
/// - **Id**: no field is one; `data[id]` is the subscriber or the campaign. What tells an event best is `type`, `data[list_id]`, whom it is about
///   (`data[id]`, for a changed address `data[new_id]`, for a cleaned one `data[email]`), `data[action]` or `data[status]` where there is one,
///   and `fired_at`, all joined. Nothing is signed.
/// - **Retries**: at growing intervals for about 75 minutes; it waits 10 s. A 410 disables the webhook at once.
/// - **Deduplication**: by that id. Its price is the resolution of `fired_at`, a second: two changes of one subscriber within it, in the same
///   type, are taken for one. A delivery that lacks one of the fields is not deduplicated. That a retry keeps `fired_at` is what its name says,
///   and not confirmed; if it did not, the retry would run again.
pub const MAILCHIMP: Scheme = Scheme {
    name: text!("mailchimp"),
    title: text!("Mailchimp Marketing"),
    sources: list![
        text!("https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/"),
        text!(
            "https://mailchimp.com/developer/release-notes/returning-410-from-audience-webhook-will-disable-it/"
        ),
    ],
    grade: Grade::Token,
    algorithm: Algorithm::Token,
    content: list![],
    signature: SignatureRule {
        place: Place::QueryParam(text!("secret")),
        encoding: Encoding::Plain,
        ..SignatureRule::BASE
    },
    id: list![
        Place::All(list![
            Place::Form(text!("type")),
            Place::Form(text!("data[list_id]")),
            Place::Form(text!("data[id]")),
            Place::Form(text!("data[action]")),
            Place::Form(text!("fired_at")),
        ]),
        Place::All(list![
            Place::Form(text!("type")),
            Place::Form(text!("data[list_id]")),
            Place::Form(text!("data[id]")),
            Place::Form(text!("data[status]")),
            Place::Form(text!("fired_at")),
        ]),
        Place::All(list![
            Place::Form(text!("type")),
            Place::Form(text!("data[list_id]")),
            Place::Form(text!("data[id]")),
            Place::Form(text!("fired_at")),
        ]),
        Place::All(list![
            Place::Form(text!("type")),
            Place::Form(text!("data[list_id]")),
            Place::Form(text!("data[new_id]")),
            Place::Form(text!("fired_at")),
        ]),
        Place::All(list![
            Place::Form(text!("type")),
            Place::Form(text!("data[list_id]")),
            Place::Form(text!("data[email]")),
            Place::Form(text!("fired_at")),
        ]),
    ],
    event: list![Place::Form(text!("type"))],
    tenant: list![Place::Form(text!("data[list_id]"))],
    media_types: list![text!("application/x-www-form-urlencoded")],
    payload: list![Payload::Form],
    retry: Retry {
        span: Span::from_secs(75 * 60),
        deadline: Some(Span::from_secs(10)),
        drops_on: list![410],
        ..Retry::NONE
    },
    unsigned: list![
        UnsignedShape {
            method: text!("GET"),
            media_type: None,
            fields: list![],
            public_key: None,
            status: 200,
        },
        UnsignedShape {
            method: text!("HEAD"),
            media_type: None,
            fields: list![],
            public_key: None,
            status: 200,
        },
    ],
    ..Scheme::BASE
};

/// Mailchimp Transactional (Mandrill): `X-Mandrill-Signature`, base64 of HMAC-SHA1 over the webhook's URL and the sorted form fields.
///
/// - **Secret**: the webhook's key as text, one for each webhook. Configure several when several webhooks share a URL.
/// - **URL**: exactly as it was entered at Mandrill, query string, user information and trailing slash included. It must be configured
///   here.
/// - **Probes**: when a webhook is added, a HEAD, answered 200 (a GET is, too); where that fails, a POST with an empty batch of events, signed with the
///   publicly known key `test-webhook`. That key is good for the empty batch alone, which is answered 200 and never dispatched; as a secret it
///   is refused.
/// - **Bodies**: a form whose field `mandrill_events` holds a JSON array of up to 1,000 events. One that fails has the whole batch sent again.
/// - **Id**: none. Within the array an event is told by `_id`, `event` and `ts` together. There is no timestamp that is judged.
/// - **Retries**: failed batches are sent again; the schedule is not published.
/// - **Deduplication**: by URL and fields, that is by the batch as a whole, when a retry brings it unchanged (not confirmed: new events begin
///   to come again a minute or two after a failed batch is given up, which is all that its pages say). An event that comes again in
///   another batch is another delivery: tell events by the three fields above.
pub const MANDRILL: Scheme = Scheme {
    name: text!("mandrill"),
    title: text!("Mailchimp Transactional (Mandrill)"),
    sources: list![
        text!(
            "https://mandrill.zendesk.com/hc/en-us/articles/205583257-How-to-Authenticate-Webhook-Requests"
        ),
        text!(
            "https://mandrill.zendesk.com/hc/en-us/articles/360038740014-Why-can-t-my-webhook-or-inbound-route-URL-be-verified"
        ),
        text!(
            "https://mandrill.zendesk.com/hc/en-us/articles/205583277-Can-I-stop-a-failed-webhook-batch-from-retrying-"
        ),
    ],
    algorithm: Algorithm::HmacSha1,
    content: list![Part::Url, Part::FormSorted],
    signature: SignatureRule {
        place: Place::Header(text!("x-mandrill-signature")),
        encoding: Encoding::Base64,
        ..SignatureRule::BASE
    },
    media_types: list![text!("application/x-www-form-urlencoded")],
    // A thousand events of several kilobytes each.
    max_body: 25 * 1024 * 1024,
    payload: list![Payload::FormField(text!("mandrill_events"))],
    retry: Retry {
        span: Span::from_days(3),
        schedule: Schedule::NotPublished,
        ..Retry::NONE
    },
    unsigned: list![
        UnsignedShape {
            method: text!("HEAD"),
            media_type: None,
            fields: list![],
            public_key: None,
            status: 200,
        },
        UnsignedShape {
            method: text!("GET"),
            media_type: None,
            fields: list![],
            public_key: None,
            status: 200,
        },
        UnsignedShape {
            method: text!("POST"),
            media_type: Some(text!("application/x-www-form-urlencoded")),
            fields: list![FieldShape {
                name: text!("mandrill_events"),
                value: ValueShape::Exactly(text!("[]")),
                optional: false,
            }],
            public_key: Some(text!("test-webhook")),
            status: 200,
        },
    ],
    ..Scheme::BASE
};
