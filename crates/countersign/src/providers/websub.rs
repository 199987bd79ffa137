use crate::scheme::{
    Algorithm, AnswerBody, AnswerValue, Handshake, Layout, Place, Proof, Requirement, Retry,
    Schedule, Scheme, SignatureRule,
};
use crate::{list, text};

/// Macros, for the values of constant functions cannot be built upon in constants.
macro_rules! mode {
    ($mode:literal) => {
        Requirement {
            place: Place::QueryParam(text!("hub.mode")),
            equals: text!($mode),
        }
    };
}

macro_rules! signed_with {
    ($prefix:literal) => {
        SignatureRule {
            place: Place::Header(text!("x-hub-signature")),
            layout: Layout::Prefix(text!($prefix)),
            ..SignatureRule::BASE
        }
    };
}

const ECHO: AnswerBody =
    AnswerBody::Text(AnswerValue::Echo(Place::QueryParam(text!("hub.challenge"))));

/// WebSub (W3C Recommendation, once PubSubHubbub): `X-Hub-Signature: sha256=…` over the body, from a hub that was told to use this method.
///
/// - **Secret**: the `hub.secret` of the subscription, shorter than 200 bytes. Use one of its own, and a path of its own, for every
///   subscription; keep the old one beside the new one while a subscription is renewed.
/// - **Method**: the hub names one in the header. It is pinned here: [`WEBSUB_SHA1`], which many hubs still use, [`WEBSUB_SHA384`] and
///   [`WEBSUB_SHA512`] are schemes of their own, and no message chooses between them.
/// - **Verification of intent**: the hub asks by GET whether a subscription or its end was meant. Nothing in that proves who asks: it is
///   answered when the application agrees ([`consent`](crate::ReceiverBuilder::consent)), which should compare `hub.topic`, `hub.mode` and
///   the path with a request of its own that is pending. When it says no, the answer is 404; without a `consent` the question is refused
///   with 405, like any other GET, and no subscription begins. `hub.mode=denied` is told to the application the same way.
/// - **Unsigned**: the `Link` headers and the Content-Type. There is no id and no timestamp.
/// - **Retries**: the hub's choice: the recommendation wants some, within limits of the hub's own. A 410 ends the subscription.
/// - **Deduplication**: by the body. A retry of the same content repeats it; so does a topic whose content is changed and changed back, which is then taken for a
///   copy. A hub that sends a whole feed brings old entries again in a new body: tell entries by their ids.
pub const WEBSUB: Scheme = Scheme {
    name: text!("websub"),
    title: text!("WebSub"),
    sources: list![text!("https://www.w3.org/TR/websub/ sections 5.3, 7 and 8")],
    signature: signed_with!("sha256="),
    media_types: list![],
    handshakes: list![
        Handshake {
            method: text!("GET"),
            when: list![mode!("subscribe")],
            proof: Proof::Consent,
            body: ECHO,
            ..Handshake::BASE
        },
        Handshake {
            method: text!("GET"),
            when: list![mode!("unsubscribe")],
            proof: Proof::Consent,
            body: ECHO,
            ..Handshake::BASE
        },
        Handshake {
            method: text!("GET"),
            when: list![mode!("denied")],
            proof: Proof::Consent,
            ..Handshake::BASE
        },
    ],
    retry: Retry {
        schedule: Schedule::SendersChoice,
        drops_on: list![410],
        ..Retry::NONE
    },
    ..Scheme::BASE
};

/// [`WEBSUB`] from a hub that signs with HMAC-SHA1.
pub const WEBSUB_SHA1: Scheme = Scheme {
    name: text!("websub-sha1"),
    title: text!("WebSub (SHA-1)"),
    algorithm: Algorithm::HmacSha1,
    signature: signed_with!("sha1="),
    ..WEBSUB
};

/// [`WEBSUB`] from a hub that signs with HMAC-SHA384.
pub const WEBSUB_SHA384: Scheme = Scheme {
    name: text!("websub-sha384"),
    title: text!("WebSub (SHA-384)"),
    algorithm: Algorithm::HmacSha384,
    signature: signed_with!("sha384="),
    ..WEBSUB
};

/// [`WEBSUB`] from a hub that signs with HMAC-SHA512.
pub const WEBSUB_SHA512: Scheme = Scheme {
    name: text!("websub-sha512"),
    title: text!("WebSub (SHA-512)"),
    algorithm: Algorithm::HmacSha512,
    signature: signed_with!("sha512="),
    ..WEBSUB
};
