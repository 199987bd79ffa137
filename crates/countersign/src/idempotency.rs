//! Once: which work is it, whose is it, and what became of it. The protocol between a receiver and its store, as data.
//!
//! One record per key, one atomic step per arrow. [`Record`] holds the arrows; stores that cannot call it (a script in a database) follow
//! the table in [`DeliveryStore`](crate::DeliveryStore) instead, and the testkit's suite proves that they do.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::defaults::MAX_RECORDED_BODY;

/// Names one delivery's work: equal for every attempt, and for nothing else.
///
/// **Shape**: 32 bytes, a SHA-256 digest. It tells nothing of what it was made from. Printed and parsed as 64 lower-case hexadecimal digits;
/// `{:.12}` prints the first twelve.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKey([u8; 32]);

impl IdempotencyKey {
    /// From its bytes: for stores and their tests.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&base16ct::lower::encode_string(&self.0))
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "IdempotencyKey({self})")
    }
}

/// The text is not 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key is 64 lower-case hexadecimal digits")]
pub struct NoKey;

impl FromStr for IdempotencyKey {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let mut bytes = [0; 32];
        match base16ct::lower::decode(text, &mut bytes) {
            Ok(decoded) if decoded.len() == 32 => Ok(Self(bytes)),
            _ => Err(NoKey),
        }
    }
}

/// 128 random bits of one lease: whoever holds them may settle, extend or release it, and nobody else.
///
/// A token serves one lease. Calls that are repeated because a reply was lost carry the same token, and are safe.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseToken([u8; 16]);

impl LeaseToken {
    /// From its bytes: for stores and their tests.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A fresh one. `None` where the system has no randomness to give.
    pub(crate) fn random() -> Option<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Debug for LeaseToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("LeaseToken")
    }
}

/// Tells one thing from another of its kind: eight bytes of a digest. Only ever compared with its like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// From its number: for stores and their tests.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// Asks for the right to do the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which work.
    pub key: IdempotencyKey,
    /// Fresh for this lease; the same again when the reply to this very claim was lost.
    pub token: LeaseToken,
    /// For how long.
    pub lease: Duration,
    /// For how long after the lease the attempt number is to be kept.
    pub retention: Duration,
}

/// What a claim came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimReply {
    /// The work is the caller's until the lease ends.
    Claimed {
        /// Grows with each lease of this key, from 1.
        attempt: u32,
    },
    /// Somebody else is at it.
    Busy {
        /// How long the other lease still lasts, unless it is extended.
        remaining: Duration,
    },
    /// It is done.
    Duplicate {
        /// What was recorded.
        done: Done,
        /// The number of the attempt that did it.
        attempt: u32,
    },
    /// There is no room for another key, and nothing that lives is forgotten to make some.
    Full,
    /// The lease of this token has ended: it lapsed or was released. Fresh work takes a fresh token.
    Lost,
}

/// Records that the work is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settle {
    /// Which work.
    pub key: IdempotencyKey,
    /// Whose lease.
    pub token: LeaseToken,
    /// What to record.
    pub done: Done,
    /// For how long.
    pub retention: Duration,
}

/// What a settle came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettleReply {
    /// It is recorded.
    Settled,
    /// It was already, under this token: an earlier reply was lost. Nothing changes.
    AlreadySettled,
    /// This token has released the work. Nothing changes.
    AlreadyReleased,
    /// The lease is not this token's, or has lapsed. Nothing changes.
    Lost,
}

/// Gives the work back, undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Which work.
    pub key: IdempotencyKey,
    /// Whose lease.
    pub token: LeaseToken,
    /// For how long the attempt number is to be kept.
    pub retention: Duration,
}

/// What a release came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseReply {
    /// It is free again.
    Released,
    /// It was already, by this token, and nobody has claimed it since. Nothing changes.
    AlreadyReleased,
    /// This token has settled the work. Nothing changes.
    AlreadySettled,
    /// The lease is not this token's, or has lapsed. Nothing changes.
    Lost,
}

/// Asks for more time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extend {
    /// Which work.
    pub key: IdempotencyKey,
    /// Whose lease.
    pub token: LeaseToken,
    /// For how long from now. A lease that lasts longer than that already is not shortened.
    pub lease: Duration,
}

/// What an extension came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtendReply {
    /// The lease lasts that long from now.
    Extended,
    /// The lease is not this token's, or has ended. Nothing changes.
    Lost,
}

/// What an operator's word came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgetReply {
    /// It is no longer known to be done: the next attempt runs. Its attempt number goes on.
    Forgotten,
    /// It was not known to be done.
    Unknown,
    /// Somebody is at it. Nothing changes: forgetting it would have two at it.
    InFlight {
        /// How long the lease still lasts, unless it is extended.
        remaining: Duration,
    },
}

/// What is recorded of work that is done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Done {
    /// The status that the handler answered.
    pub status: u16,
    /// It has failed for good: the handler said that no retry will help.
    pub failed: bool,
    /// The signature of the attempt that did it; `None` where the sender signs nothing.
    pub signature: Option<Fingerprint>,
    /// The content of the attempt that did it.
    pub content: Fingerprint,
    /// What a sender that reads answers was told. Most read the status alone.
    pub answer: Option<Arc<RecordedAnswer>>,
}

impl Done {
    /// Done, with this status.
    #[must_use]
    pub const fn new(status: u16, signature: Option<Fingerprint>, content: Fingerprint) -> Self {
        Self {
            status,
            failed: false,
            signature,
            content,
            answer: None,
        }
    }
}

/// An answer's content as it is recorded: at most 16 KiB, its media type, and no other header.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RecordedAnswer {
    media_type: Option<String>,
    body: Vec<u8>,
}

impl RecordedAnswer {
    /// `None` when the body is longer than 16 KiB, or the media type than 256 bytes.
    #[must_use]
    pub fn new(media_type: Option<String>, body: Vec<u8>) -> Option<Self> {
        let is_short = media_type.as_ref().is_none_or(|kind| kind.len() <= 256);
        (body.len() <= MAX_RECORDED_BODY && is_short).then_some(Self { media_type, body })
    }

    /// The media type, as the handler gave it.
    #[must_use]
    pub fn media_type(&self) -> Option<&str> {
        self.media_type.as_deref()
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl fmt::Debug for RecordedAnswer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RecordedAnswer")
            .field("media_type", &self.media_type)
            .field("body_len", &self.body.len())
            .finish()
    }
}

/// One key's record, and every arrow of the protocol: pure, so that a model can walk through all of them.
///
/// Moments are a store's own, counted from any fixed start. A record that has [expired](Self::is_expired) is none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    /// The number of the last lease; 0 before the first.
    pub(crate) attempt: u32,
    pub(crate) state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// Nobody is at it. Kept for the attempt number.
    Free {
        /// Who released it last; nobody when it was forgotten.
        token: Option<LeaseToken>,
        until: Duration,
    },
    InFlight {
        token: LeaseToken,
        /// The end of the lease: at this moment it has lapsed.
        until: Duration,
        /// How long the record is kept after that, for the attempt number.
        retention: Duration,
    },
    Done {
        token: LeaseToken,
        done: Done,
        until: Duration,
    },
}

impl Record {
    /// The record of a key that is not known.
    pub(crate) const fn unknown() -> Self {
        Self {
            attempt: 0,
            state: State::Free {
                token: None,
                until: Duration::ZERO,
            },
        }
    }

    /// When there is nothing left to remember.
    pub(crate) fn expires(&self) -> Duration {
        match self.state {
            State::Free { until, .. } | State::Done { until, .. } => until,
            State::InFlight {
                until, retention, ..
            } => until.saturating_add(retention),
        }
    }

    pub(crate) fn is_expired(&self, now: Duration) -> bool {
        self.expires() <= now
    }

    /// Begins afresh when there is nothing left to remember.
    fn refresh(&mut self, now: Duration) {
        if self.is_expired(now) {
            *self = Self::unknown();
        }
    }

    /// Never gives [`ClaimReply::Full`]: room is the store's.
    pub(crate) fn claim(&mut self, claim: &Claim, now: Duration) -> ClaimReply {
        self.refresh(now);
        let end = now.saturating_add(claim.lease);
        match &mut self.state {
            State::Done { done, .. } => {
                return ClaimReply::Duplicate {
                    done: done.clone(),
                    attempt: self.attempt,
                };
            }
            State::InFlight { token, until, .. } if *until > now => {
                if *token != claim.token {
                    return ClaimReply::Busy {
                        remaining: until.saturating_sub(now),
                    };
                }
                *until = end.max(*until);
                return ClaimReply::Claimed {
                    attempt: self.attempt,
                };
            }
            State::InFlight { token, .. } if *token == claim.token => return ClaimReply::Lost,
            State::Free {
                token: Some(token), ..
            } if *token == claim.token => return ClaimReply::Lost,
            State::InFlight { .. } | State::Free { .. } => {}
        }
        self.attempt = self.attempt.saturating_add(1);
        self.state = State::InFlight {
            token: claim.token,
            until: end,
            retention: claim.retention,
        };
        ClaimReply::Claimed {
            attempt: self.attempt,
        }
    }

    pub(crate) fn settle(&mut self, settle: Settle, now: Duration) -> SettleReply {
        self.refresh(now);
        match &self.state {
            State::InFlight { token, until, .. } if *token == settle.token && *until > now => {
                self.state = State::Done {
                    token: settle.token,
                    done: settle.done,
                    until: now.saturating_add(settle.retention),
                };
                SettleReply::Settled
            }
            State::Done { token, .. } if *token == settle.token => SettleReply::AlreadySettled,
            State::Free {
                token: Some(token), ..
            } if *token == settle.token => SettleReply::AlreadyReleased,
            _ => SettleReply::Lost,
        }
    }

    pub(crate) fn release(&mut self, release: &Release, now: Duration) -> ReleaseReply {
        self.refresh(now);
        match &self.state {
            State::InFlight { token, until, .. } if *token == release.token && *until > now => {
                self.state = State::Free {
                    token: Some(release.token),
                    until: now.saturating_add(release.retention),
                };
                ReleaseReply::Released
            }
            State::Done { token, .. } if *token == release.token => ReleaseReply::AlreadySettled,
            State::Free {
                token: Some(token), ..
            } if *token == release.token => ReleaseReply::AlreadyReleased,
            _ => ReleaseReply::Lost,
        }
    }

    pub(crate) fn extend(&mut self, extend: &Extend, now: Duration) -> ExtendReply {
        self.refresh(now);
        match &mut self.state {
            State::InFlight { token, until, .. } if *token == extend.token && *until > now => {
                *until = now.saturating_add(extend.lease).max(*until);
                ExtendReply::Extended
            }
            _ => ExtendReply::Lost,
        }
    }

    /// The attempt number is kept for as long as the record of the work would have been.
    pub(crate) fn forget(&mut self, now: Duration) -> ForgetReply {
        self.refresh(now);
        match self.state {
            State::InFlight { until, .. } if until > now => ForgetReply::InFlight {
                remaining: until.saturating_sub(now),
            },
            State::Done { until, .. } => {
                self.state = State::Free { token: None, until };
                ForgetReply::Forgotten
            }
            _ => ForgetReply::Unknown,
        }
    }
}

#[cfg(test)]
#[path = "idempotency_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "idempotency_model_tests.rs"]
mod model_tests;
