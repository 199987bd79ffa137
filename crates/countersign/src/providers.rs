//! The built-in schemes: one constant each, with the facts and their sources.

mod github;
mod shopify;
mod slack;
mod standard_webhooks;
mod stripe;
mod svix;

pub use self::github::{GITHUB, GITHUB_SHA1};
pub use self::shopify::SHOPIFY;
pub use self::slack::SLACK;
pub use self::standard_webhooks::STANDARD_WEBHOOKS;
pub use self::stripe::STRIPE;
pub use self::svix::SVIX;

use crate::scheme::Scheme;

/// Every built-in scheme, in alphabetical order of the names.
pub const ALL: [Scheme; 7] = [
    GITHUB,
    GITHUB_SHA1,
    SHOPIFY,
    SLACK,
    STANDARD_WEBHOOKS,
    STRIPE,
    SVIX,
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
    ALL.into_iter().find(|scheme| scheme.name == name)
}
