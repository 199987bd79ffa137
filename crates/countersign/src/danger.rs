//! What weakens a check, behind a name that says so.

use crate::secret::{Secret, SecretError, SecretRing};

/// A secret whose length is not judged: for published test vectors and tools. Whoever sees one delivery made with a short secret can
/// find it by trying.
///
/// # Errors
/// Those of [`Secret::new`]: an empty, padded or placeholder secret is still refused.
pub fn secret_of_any_length(text: impl Into<String>) -> Result<Secret, SecretError> {
    Secret::of_any_length(text)
}

/// A secret of which nothing is judged but that it is there: for test cases whose secrets are placeholders.
///
/// # Errors
/// [`SecretError::Empty`].
pub fn secret_unjudged(text: impl Into<String>) -> Result<Secret, SecretError> {
    Secret::unjudged(text)
}

/// What a receiver gives up when it accepts a scheme that is weaker than a signature over the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weak {
    /// The signature covers some fields and not the body: whoever sees one delivery can attach another body to it.
    BodyNotSigned,
    /// The signature covers everything, and nothing sets one value apart from the next: whoever sees one delivery can move characters
    /// between a header, the URL and the body, and the result verifies.
    ValuesNotSetApart,
    /// A plain digest of secret and content: whoever sees one delivery can append to its content and sign the result.
    ExtensibleDigest,
    /// Nothing proves anything: whoever finds the URL can send anything. What it lets in must be checked by other means, such as reading the
    /// event again from the sender. The scheme takes no secret: see [`NoSecret`].
    NothingProven,
    /// A token or password is sent along and nothing is signed: whoever sees it once can send anything for ever.
    NothingSigned,
}

/// How a receiver with a store tells deliveries apart where the sender does not sign an id that settles it: each choice has its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deduplicate {
    /// By the signed content, where no id is signed. Two events with the same content are taken for one: the second is answered and does not
    /// run.
    ByContent,
    /// By the id that the scheme names, signed or not, and by content where there is none. Whoever has seen one delivery can have it run again
    /// under another id, and can keep an id that he guesses from ever running.
    ByUnsignedId,
    /// Not at all: a captured attempt runs again for as long as it verifies, and so does every retry of a delivery that was done.
    Off,
}

/// Stands where the secret would, for a sender that proves nothing ([`Algorithm::Unsigned`](crate::scheme::Algorithm::Unsigned)).
///
/// ```
/// use countersign::danger::{NoSecret, Weak};
/// use countersign::scheme::{Algorithm, Grade, Scheme, SignatureRule};
/// use countersign::{Receiver, list, text};
///
/// const NOTICE: Scheme = Scheme {
///     name: text!("notice"),
///     grade: Grade::Unsigned,
///     algorithm: Algorithm::Unsigned,
///     content: list![],
///     ..Scheme::BASE
/// };
/// let refused = Receiver::builder(NOTICE, NoSecret).build().unwrap_err();
/// assert_eq!(refused.field(), "grade");
/// assert!(Receiver::builder(NOTICE, NoSecret).accept_weak(Weak::NothingProven).build().is_ok());
/// // A scheme that proves something needs its secret.
/// let refused = Receiver::builder(countersign::providers::STRIPE, NoSecret).build().unwrap_err();
/// assert_eq!(refused.to_string(), "secrets: there is none");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NoSecret;

impl From<NoSecret> for SecretRing {
    fn from(_: NoSecret) -> Self {
        Self::none()
    }
}
