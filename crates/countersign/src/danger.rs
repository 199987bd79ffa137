//! What weakens a check, behind a name that says so.

use crate::secret::{Secret, SecretError};

/// A secret whose length is not judged: for published test vectors and tools. Whoever sees one delivery made with a short secret can
/// find it by trying.
///
/// # Errors
/// Those of [`Secret::new`]: an empty, padded or placeholder secret is still refused.
pub fn secret_of_any_length(text: impl Into<String>) -> Result<Secret, SecretError> {
    Secret::of_any_length(text)
}

/// What a receiver gives up when it accepts a scheme that is weaker than a signature over the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weak {
    /// The signature covers some fields and not the body: whoever sees one delivery can attach another body to it.
    BodyNotSigned,
    /// A plain digest of secret and content: whoever sees one delivery can append to its content and sign the result.
    ExtensibleDigest,
    /// A token or password is sent along and nothing is signed: whoever sees it once can send anything for ever.
    NothingSigned,
}
