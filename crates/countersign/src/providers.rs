//! The built-in schemes: one constant each, with the facts and their sources.

mod cloudevents;
mod github;
mod github_events;
mod intercom;
mod mailchimp;
mod papertrail;
mod shopify;
mod shopify_events;
mod slack;
mod standard_webhooks;
mod stripe;
mod svix;
mod twilio;
mod websub;
mod wordpress;
mod zapier;

pub use self::cloudevents::CLOUDEVENTS;
pub use self::github::{GITHUB, GITHUB_SHA1};
pub use self::intercom::INTERCOM;
pub use self::mailchimp::{MAILCHIMP, MANDRILL};
pub use self::papertrail::{PAPERTRAIL, PAPERTRAIL_BASIC};
pub use self::shopify::SHOPIFY;
pub use self::slack::SLACK;
pub use self::standard_webhooks::STANDARD_WEBHOOKS;
pub use self::stripe::STRIPE;
pub use self::svix::SVIX;
pub use self::twilio::{TWILIO, TWILIO_BODY_SHA256, TWILIO_FORM};
pub use self::websub::{WEBSUB, WEBSUB_SHA1, WEBSUB_SHA384, WEBSUB_SHA512};
pub use self::wordpress::{WOOCOMMERCE, WORDPRESS};
pub use self::zapier::{ZAPIER, ZAPIER_HEADER, ZAPIER_QUERY, ZAPIER_WHITE_LABEL};

use crate::scheme::Scheme;

/// Every built-in scheme, in alphabetical order of the names.
pub static ALL: &[Scheme] = &[
    CLOUDEVENTS,
    GITHUB,
    GITHUB_SHA1,
    INTERCOM,
    MAILCHIMP,
    MANDRILL,
    PAPERTRAIL,
    PAPERTRAIL_BASIC,
    SHOPIFY,
    SLACK,
    STANDARD_WEBHOOKS,
    STRIPE,
    SVIX,
    TWILIO,
    TWILIO_BODY_SHA256,
    TWILIO_FORM,
    WEBSUB,
    WEBSUB_SHA1,
    WEBSUB_SHA384,
    WEBSUB_SHA512,
    WOOCOMMERCE,
    WORDPRESS,
    ZAPIER,
    ZAPIER_HEADER,
    ZAPIER_QUERY,
    ZAPIER_WHITE_LABEL,
];

/// The built-in scheme of this name.
///
/// ```
/// use countersign::providers;
/// assert_eq!(providers::by_name("stripe"), Some(providers::STRIPE));
/// assert_eq!(providers::by_name("Stripe"), None);
/// ```
#[must_use]
pub fn by_name(name: &str) -> Option<Scheme> {
    ALL.iter().find(|scheme| scheme.name == name).cloned()
}

/// A scheme of a provider that has several, by the word that names it: `by_variant("github", "sha1")` is [`GITHUB_SHA1`]. The plain scheme
/// has a word, too, where its variants are of one kind: `by_variant("github", "sha256")`.
///
/// ```
/// use countersign::providers;
/// assert_eq!(providers::by_variant("websub", "sha512"), Some(providers::WEBSUB_SHA512));
/// assert_eq!(providers::by_variant("github", "sha256"), Some(providers::GITHUB));
/// assert_eq!(providers::by_variant("github", "md5"), None);
/// ```
#[must_use]
pub fn by_variant(name: &str, variant: &str) -> Option<Scheme> {
    match (name, variant) {
        ("github" | "websub", "sha256") | ("zapier", "basic") => by_name(name),
        _ => by_name(&format!("{name}-{variant}")),
    }
}
