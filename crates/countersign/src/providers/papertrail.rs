use crate::scheme::{
    Algorithm, Encoding, Grade, Payload, Place, Retry, Schedule, Scheme, SignatureRule,
};
use crate::{list, text};

/// Papertrail: alert webhooks, which are not signed. A secret in the URL is all that tells them from anybody else's.
///
/// - **Secret**: a text of your own that you put into the URL, here as the parameter `token`; [`token_in`](crate::ReceiverBuilder::token_in)
///   names another parameter or the end of the path. [`PAPERTRAIL_BASIC`] takes it from the URL's user information. It is a token: whoever
///   sees it can send anything for ever.
/// - **Bodies**: a form whose one field `payload` holds JSON: events with large integer ids, or counts. Log lines in it are text that
///   strangers may have written.
/// - **Id**: `saved_search.id`, `min_id` and `max_id` together, which both kinds have; the tenant is `saved_search.id`. Nothing is signed.
/// - **Retries**: not published.
/// - **Deduplication**: by that id, unsigned: a call is made when there are new matches, so a range of ids comes once. A call that lacks one of
///   the three fields is not deduplicated.
pub const PAPERTRAIL: Scheme = Scheme {
    name: text!("papertrail"),
    title: text!("Papertrail"),
    sources: list![
        text!("https://papertrail.com/help/web-hooks"),
        text!(
            "https://documentation.solarwinds.com/en/Success_Center/papertrail/Content/kb/how-it-works/web-hooks.htm"
        ),
    ],
    grade: Grade::Token,
    algorithm: Algorithm::Token,
    content: list![],
    signature: SignatureRule {
        place: Place::QueryParam(text!("token")),
        encoding: Encoding::Plain,
        ..SignatureRule::BASE
    },
    id: list![Place::All(list![
        Place::FormJson {
            field: text!("payload"),
            pointer: text!("/saved_search/id"),
        },
        Place::FormJson {
            field: text!("payload"),
            pointer: text!("/min_id"),
        },
        Place::FormJson {
            field: text!("payload"),
            pointer: text!("/max_id"),
        },
    ])],
    tenant: list![Place::FormJson {
        field: text!("payload"),
        pointer: text!("/saved_search/id"),
    }],
    media_types: list![text!("application/x-www-form-urlencoded")],
    payload: list![Payload::FormField(text!("payload"))],
    retry: Retry {
        schedule: Schedule::NotPublished,
        ..Retry::NONE
    },
    ..Scheme::BASE
};

/// Papertrail with `user:password` in the URL, which arrives as basic authentication (believed, not confirmed by its pages). See
/// [`PAPERTRAIL`].
pub const PAPERTRAIL_BASIC: Scheme = Scheme {
    name: text!("papertrail-basic"),
    title: text!("Papertrail (basic authentication)"),
    algorithm: Algorithm::Basic,
    signature: SignatureRule {
        place: Place::Header(text!("authorization")),
        ..SignatureRule::BASE
    },
    ..PAPERTRAIL
};
