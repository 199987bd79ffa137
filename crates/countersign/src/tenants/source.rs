//! Who knows the tenants' secrets.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::secret::SecretRing;

/// Knows the secrets of each tenant: a database, a vault, a file.
///
/// # Contract
/// - **Names** are whatever a stranger writes: 1 to 256 bytes of UTF-8 without control characters or surrounding blanks, and nothing else is
///   sure. They may hold quotes, slashes and dots: use them as bound parameters and as keys, never as a piece of a path or of a query. Compare
///   them exactly: a source that takes `ACME` for `acme`, as databases do whose collation has no case, makes two tenants of one, and a delivery
///   that somebody captured runs again under the other name.
/// - **`Ok(None)`** says that there is no such tenant. It is remembered for a while, so a tenant that was just made may be unknown until then,
///   or until [`Receiver::forget_tenant`](crate::Receiver::forget_tenant).
/// - **`Err`** says that nobody knows at present. It is not remembered, and costs the sender nothing: 503.
/// - **Asked** once for all attempts of one tenant that come at the same time, and again when what is remembered is too old. The future is
///   polled by whoever waits for it, and dropped when nobody does any more, or after
///   [`look_up_timeout`](crate::Tenants::look_up_timeout). A panic counts as `Err`.
/// - **Never** give one tenant another one's ring: whom a secret belongs to is all that tells them apart.
///
/// Closures are sources: `|tenant: String| async move { .. }`.
pub trait SecretSource: Send + Sync + 'static {
    /// The ring of this tenant; `None` where there is no such tenant.
    ///
    /// # Errors
    /// [`SourceUnavailable`] when it is not known at present.
    fn secrets(
        &self,
        tenant: &str,
    ) -> impl Future<Output = Result<Option<SecretRing>, SourceUnavailable>> + Send;
}

impl<F, Answer> SecretSource for F
where
    F: Fn(String) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<Option<SecretRing>, SourceUnavailable>> + Send,
{
    fn secrets(
        &self,
        tenant: &str,
    ) -> impl Future<Output = Result<Option<SecretRing>, SourceUnavailable>> + Send {
        self(tenant.to_owned())
    }
}

/// The source cannot say whether there is such a tenant, or what his secrets are.
///
/// What it is made of goes into the log: it should hold no secret.
#[derive(Debug)]
pub struct SourceUnavailable(Box<dyn Error + Send + Sync>);

impl SourceUnavailable {
    /// For a reason of the source's own.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

impl fmt::Display for SourceUnavailable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the source of secrets is unavailable")
    }
}

impl Error for SourceUnavailable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

pub(super) type Reply =
    Pin<Box<dyn Future<Output = Result<Option<SecretRing>, SourceUnavailable>> + Send>>;

trait Erased: Send + Sync {
    fn secrets(self: Arc<Self>, tenant: Arc<str>) -> Reply;
}

impl<S: SecretSource> Erased for S {
    fn secrets(self: Arc<Self>, tenant: Arc<str>) -> Reply {
        // Asked when it is polled: what panics there is caught.
        Box::pin(async move { SecretSource::secrets(&*self, &tenant).await })
    }
}

/// A source without its type. Clones are the same.
#[derive(Clone)]
pub(super) struct DynSource(Arc<dyn Erased>);

impl DynSource {
    pub(super) fn new(source: impl SecretSource) -> Self {
        Self(Arc::new(source))
    }

    pub(super) fn ask(&self, tenant: &Arc<str>) -> Reply {
        Arc::clone(&self.0).secrets(Arc::clone(tenant))
    }
}
