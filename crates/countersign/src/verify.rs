//! The evidence that a request is genuine and fresh.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::scheme::Scheme;
use crate::scheme::compiled::Compiled;
use crate::timestamp::Timestamp;

/// Boxed, for few schemes keep any and every verdict would be larger for it.
pub(crate) type KeptValues = Box<Vec<Option<Bytes>>>;

/// Evidence that a request is genuine and fresh, with the body that was verified inside.
///
/// The core makes it at the end of [`Intake::finish`](crate::Intake::finish) and nobody else can: its fields are private and it has no
/// constructor. Every later step takes it, so nothing unverified can reach them.
///
/// This does not compile:
/// ```compile_fail,E0451
/// use countersign::Verified;
/// fn forge(genuine: Verified) -> Verified {
///     Verified { body: "forged".into(), ..genuine }
/// }
/// ```
/// and this, which only reads it, does:
/// ```
/// use countersign::Verified;
/// fn read(genuine: Verified) -> usize {
///     genuine.body().len()
/// }
/// ```
pub struct Verified {
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) body: Bytes,
    pub(crate) secret: usize,
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) signed_id: Option<SmallVec<[u8; 64]>>,
    pub(crate) family: usize,
    /// What the signed content held of the head, for fields that are read from there: by position in
    /// [`Compiled::head_parts`].
    pub(crate) signed_values: Option<KeptValues>,
}

impl Verified {
    /// The body, byte for byte as it arrived and was verified.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The scheme that was verified.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.compiled.scheme
    }

    /// The signed timestamp, if the scheme has one.
    #[must_use]
    pub const fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// The label of the secret that matched: the one to watch while rotating.
    #[must_use]
    pub fn secret_label(&self) -> &str {
        self.compiled
            .keys
            .get(self.secret)
            .map(|key| key.label.as_str())
            .unwrap_or_default()
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Verified")
            .field("scheme", &self.compiled.scheme.name)
            .field("secret", &self.secret_label())
            .field("timestamp", &self.timestamp)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}
