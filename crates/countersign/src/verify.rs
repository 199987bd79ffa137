//! The evidence that a request is genuine and fresh.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::attempt::{Known, Pending};
use crate::check::{
    Checked, check_empty, check_token_in_body, check_whole, matching, matching_token,
};
use crate::intake;
use crate::judge::{Judged, judge, kept_values};
use crate::refusal::Refusal;
use crate::request::Head;
use crate::scheme::Scheme;
use crate::scheme::compiled::{Compiled, Plan};
use crate::signed_content::{BodyView, Content};
use crate::timestamp::Timestamp;
use crate::url_hint::Clues;

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
    /// SHA-256 of the signed content without its timestamp, where deliveries are remembered and content is signed.
    pub(crate) content: Option<[u8; 32]>,
    pub(crate) pending: Pending,
}

/// Handed on to nobody: its attempt ends here.
impl Drop for Verified {
    fn drop(&mut self) {
        self.tell_dropped(&Known::default);
    }
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

    /// The tenant whose secret matched, for a receiver of [many tenants](crate::Tenants): whoever sent this has one of his secrets, and of nobody
    /// else's. `None` where a receiver has one ring for all.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.compiled.tenant()
    }

    /// The label of the secret that matched: the one to watch while rotating. Empty for a sender that proves nothing.
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
            .field("tenant", &self.tenant())
            .field("timestamp", &self.timestamp)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Steps 1, 2, 3 and 5, over a body that is there.
pub(crate) fn verify<H: Head>(
    compiled: &Arc<Compiled>,
    head: &H,
    body: Bytes,
    now: Timestamp,
    limit: u64,
    pending: &mut Pending,
) -> Result<Verified, Refusal> {
    judge(compiled, head, now, |judged| {
        if u64::try_from(body.len()).unwrap_or(u64::MAX) > limit {
            return Err(Refusal::BodyTooLarge { limit });
        }
        check_empty(compiled, &body)?;
        let compiled = &intake::remembered(compiled, head, &body)?;
        let checked = check(compiled, judged, &body, now).inspect_err(|refusal| {
            if *refusal == Refusal::SignatureMismatch
                && let Some(clues) = Clues::of(compiled, head, judged.facts)
            {
                pending.hint =
                    clues.diagnose(compiled, now, judged.candidates, Some(judged.facts), &body);
            }
        });
        let (secret, body_stamp, content) = compiled.verdict(checked)?;
        compiled.count(secret);
        Ok(Verified {
            compiled: Arc::clone(compiled),
            body,
            secret,
            timestamp: body_stamp.or(judged.stamp),
            signed_id: judged.facts.id.as_deref().map(SmallVec::from_slice),
            family: judged.family,
            signed_values: kept_values(compiled, judged.facts),
            content,
            pending: pending.verified(&compiled.watch),
        })
    })
}

/// Step 5.
fn check(
    compiled: &Compiled,
    judged: &Judged<'_, '_>,
    body: &[u8],
    now: Timestamp,
) -> Result<Checked, Refusal> {
    match (compiled.plan, judged.candidates) {
        (Plan::Streamed { .. }, Some(candidates)) => {
            let view = BodyView::unread(body);
            let content = Content {
                body: Some(&view),
                ..judged.facts.content(compiled)
            };
            let secret = matching(compiled, now, candidates, |_, sink| {
                content.feed(&compiled.scheme.content, sink)
            })?;
            Ok((secret, None, content.identity()?))
        }
        (Plan::Unproven, _) => Ok((0, None, None)),
        (Plan::Compared, Some(candidates)) => {
            Ok((matching_token(compiled, now, candidates)?, None, None))
        }
        (Plan::Compared, None) => Ok((check_token_in_body(compiled, now, body)?, None, None)),
        (_, candidates) => check_whole(compiled, now, candidates, judged.facts, body),
    }
}
