//! What a store ought to answer, as plainly as it can be said.
//!
//! Written from the table in [`DeliveryStore`], and from nothing else: it keeps the whole history of each key,
//! reads the row of the table off it, and looks the reply up. It is slow, and meant to be compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use countersign::{
    Claim, ClaimReply, DeliveryStore, Done, Extend, ExtendReply, ForgetReply, IdempotencyKey,
    LeaseToken, Release, ReleaseReply, Settle, SettleReply, Unavailable,
};

/// One call of a store, as data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreCall {
    /// [`DeliveryStore::claim`].
    Claim(Claim),
    /// [`DeliveryStore::settle`].
    Settle(Settle),
    /// [`DeliveryStore::release`].
    Release(Release),
    /// [`DeliveryStore::extend`].
    Extend(Extend),
    /// [`DeliveryStore::forget`].
    Forget(IdempotencyKey),
}

/// What a [`StoreCall`] came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreReply {
    /// Of a claim.
    Claim(ClaimReply),
    /// Of a settle.
    Settle(SettleReply),
    /// Of a release.
    Release(ReleaseReply),
    /// Of an extension.
    Extend(ExtendReply),
    /// Of an operator's word.
    Forget(ForgetReply),
}

impl StoreCall {
    /// Which work it is about.
    #[must_use]
    pub const fn key(&self) -> IdempotencyKey {
        match self {
            Self::Claim(claim) => claim.key,
            Self::Settle(settle) => settle.key,
            Self::Release(release) => release.key,
            Self::Extend(extend) => extend.key,
            Self::Forget(key) => *key,
        }
    }

    /// Asks a store.
    ///
    /// # Errors
    /// [`Unavailable`] when the store gave no reply.
    pub async fn ask(self, store: &impl DeliveryStore) -> Result<StoreReply, Unavailable> {
        Ok(match self {
            Self::Claim(claim) => StoreReply::Claim(store.claim(claim).await?),
            Self::Settle(settle) => StoreReply::Settle(store.settle(settle).await?),
            Self::Release(release) => StoreReply::Release(store.release(release).await?),
            Self::Extend(extend) => StoreReply::Extend(store.extend(extend).await?),
            Self::Forget(key) => StoreReply::Forget(store.forget(key).await?),
        })
    }
}

/// A store that is obviously right. It has no clock: each call says when it happens, and no call is earlier than the one before.
///
/// ```
/// use std::time::Duration;
/// use countersign_testkit::countersign::{Claim, ClaimReply, IdempotencyKey, LeaseToken};
/// use countersign_testkit::store_model::StoreModel;
///
/// let mut model = StoreModel::new(None);
/// let [now, lease] = [Duration::from_secs(100), Duration::from_secs(60)];
/// let claim = |token| Claim {
///     key: IdempotencyKey::from_bytes([7; 32]),
///     token: LeaseToken::from_bytes([token; 16]),
///     lease,
///     retention: Duration::from_secs(3_600),
/// };
/// assert_eq!(model.claim(&claim(1), now), ClaimReply::Claimed { attempt: 1 });
/// assert_eq!(model.claim(&claim(2), now), ClaimReply::Busy { remaining: lease });
/// assert_eq!(model.claim(&claim(2), now + lease), ClaimReply::Claimed { attempt: 2 });
/// ```
#[derive(Clone, Debug, Default)]
pub struct StoreModel {
    capacity: Option<usize>,
    keys: BTreeMap<IdempotencyKey, Vec<Fact>>,
}

/// Something that happened to a key and was not refused.
#[derive(Clone, Debug)]
enum Fact {
    /// A new lease.
    Leased {
        token: LeaseToken,
        end: Duration,
        retention: Duration,
    },
    /// The lease in force lasts until then at least.
    Prolonged {
        end: Duration,
    },
    Released {
        token: LeaseToken,
        gone: Duration,
    },
    Settled {
        token: LeaseToken,
        done: Done,
        gone: Duration,
    },
    Forgotten,
}

/// The rows of the table, with what their replies tell. Whether the token is the caller's is asked where it matters.
enum Row {
    NotThere,
    InFlight { token: LeaseToken, end: Duration },
    Lapsed { token: LeaseToken },
    Free { releaser: Option<LeaseToken> },
    Done { token: LeaseToken, done: Done },
}

impl StoreModel {
    /// A store with room for so many records, or for any number.
    #[must_use]
    pub fn new(capacity: Option<usize>) -> Self {
        Self {
            capacity,
            keys: BTreeMap::new(),
        }
    }

    /// What the table says of this call at this moment.
    pub fn answer(&mut self, call: &StoreCall, now: Duration) -> StoreReply {
        match call {
            StoreCall::Claim(claim) => StoreReply::Claim(self.claim(claim, now)),
            StoreCall::Settle(settle) => StoreReply::Settle(self.settle(settle, now)),
            StoreCall::Release(release) => StoreReply::Release(self.release(release, now)),
            StoreCall::Extend(extend) => StoreReply::Extend(self.extend(extend, now)),
            StoreCall::Forget(key) => StoreReply::Forget(self.forget(*key, now)),
        }
    }

    /// The column `claim`.
    pub fn claim(&mut self, claim: &Claim, now: Duration) -> ClaimReply {
        let end = now.saturating_add(claim.lease);
        let row = self.row(claim.key, now);
        match row {
            Row::InFlight { token, .. } if token == claim.token => {
                self.happened(claim.key, Fact::Prolonged { end });
                return ClaimReply::Claimed {
                    attempt: self.attempt(claim.key),
                };
            }
            Row::InFlight { end, .. } => {
                return ClaimReply::Busy {
                    remaining: end.saturating_sub(now),
                };
            }
            Row::Lapsed { token } if token == claim.token => return ClaimReply::Lost,
            Row::Free { releaser } if releaser == Some(claim.token) => return ClaimReply::Lost,
            Row::Done { done, .. } => {
                return ClaimReply::Duplicate {
                    done,
                    attempt: self.attempt(claim.key),
                };
            }
            Row::NotThere => {
                let is_full = self
                    .capacity
                    .is_some_and(|capacity| self.records(now) >= capacity);
                if is_full {
                    return ClaimReply::Full;
                }
                self.keys.remove(&claim.key);
            }
            Row::Lapsed { .. } | Row::Free { .. } => {}
        }
        let leased = Fact::Leased {
            token: claim.token,
            end,
            retention: claim.retention,
        };
        self.happened(claim.key, leased);
        ClaimReply::Claimed {
            attempt: self.attempt(claim.key),
        }
    }

    /// The column `settle`.
    pub fn settle(&mut self, settle: &Settle, now: Duration) -> SettleReply {
        match self.row(settle.key, now) {
            Row::InFlight { token, .. } if token == settle.token => {
                let settled = Fact::Settled {
                    token,
                    done: settle.done.clone(),
                    gone: now.saturating_add(settle.retention),
                };
                self.happened(settle.key, settled);
                SettleReply::Settled
            }
            Row::Done { token, .. } if token == settle.token => SettleReply::AlreadySettled,
            Row::Free { releaser } if releaser == Some(settle.token) => {
                SettleReply::AlreadyReleased
            }
            _ => SettleReply::Lost,
        }
    }

    /// The column `release`.
    pub fn release(&mut self, release: &Release, now: Duration) -> ReleaseReply {
        match self.row(release.key, now) {
            Row::InFlight { token, .. } if token == release.token => {
                let gone = now.saturating_add(release.retention);
                self.happened(release.key, Fact::Released { token, gone });
                ReleaseReply::Released
            }
            Row::Done { token, .. } if token == release.token => ReleaseReply::AlreadySettled,
            Row::Free { releaser } if releaser == Some(release.token) => {
                ReleaseReply::AlreadyReleased
            }
            _ => ReleaseReply::Lost,
        }
    }

    /// The column `extend`.
    pub fn extend(&mut self, extend: &Extend, now: Duration) -> ExtendReply {
        match self.row(extend.key, now) {
            Row::InFlight { token, .. } if token == extend.token => {
                let end = now.saturating_add(extend.lease);
                self.happened(extend.key, Fact::Prolonged { end });
                ExtendReply::Extended
            }
            _ => ExtendReply::Lost,
        }
    }

    /// The column `forget`.
    pub fn forget(&mut self, key: IdempotencyKey, now: Duration) -> ForgetReply {
        match self.row(key, now) {
            Row::InFlight { end, .. } => ForgetReply::InFlight {
                remaining: end.saturating_sub(now),
            },
            Row::Done { .. } => {
                self.happened(key, Fact::Forgotten);
                ForgetReply::Forgotten
            }
            Row::NotThere | Row::Lapsed { .. } | Row::Free { .. } => ForgetReply::Unknown,
        }
    }

    /// How many records there are at this moment.
    #[must_use]
    pub fn records(&self, now: Duration) -> usize {
        let alive = |facts: &&Vec<Fact>| gone(facts) > now;
        self.keys.values().filter(alive).count()
    }

    /// The moments at which something ends by itself: each lease and each retention, also those that have ended already.
    #[must_use]
    pub fn ends(&self) -> BTreeSet<Duration> {
        let ends = |facts: &Vec<Fact>| [lease_end(facts), gone(facts)];
        self.keys.values().flat_map(ends).collect()
    }

    fn happened(&mut self, key: IdempotencyKey, fact: Fact) {
        self.keys.entry(key).or_default().push(fact);
    }

    /// How many leases the key has had.
    fn attempt(&self, key: IdempotencyKey) -> u32 {
        let facts = self.keys.get(&key).map(Vec::as_slice).unwrap_or_default();
        let leases = facts
            .iter()
            .filter(|fact| matches!(fact, Fact::Leased { .. }));
        u32::try_from(leases.count()).unwrap_or(u32::MAX)
    }

    fn row(&self, key: IdempotencyKey, now: Duration) -> Row {
        let Some(facts) = self.keys.get(&key).filter(|facts| gone(facts) > now) else {
            return Row::NotThere;
        };
        let last = |fact: &&Fact| !matches!(fact, Fact::Prolonged { .. });
        match facts.iter().rfind(last) {
            Some(Fact::Leased { token, .. }) => {
                let (token, end) = (*token, lease_end(facts));
                match end > now {
                    true => Row::InFlight { token, end },
                    false => Row::Lapsed { token },
                }
            }
            Some(Fact::Released { token, .. }) => Row::Free {
                releaser: Some(*token),
            },
            Some(Fact::Settled { token, done, .. }) => Row::Done {
                token: *token,
                done: done.clone(),
            },
            Some(Fact::Forgotten) => Row::Free { releaser: None },
            Some(Fact::Prolonged { .. }) | None => Row::NotThere,
        }
    }
}

/// When the last lease ends: the latest end that anybody asked for. No request shortens it.
fn lease_end(facts: &[Fact]) -> Duration {
    let mut end = Duration::ZERO;
    for fact in facts {
        match fact {
            Fact::Leased { end: first, .. } => end = *first,
            Fact::Prolonged { end: later } => end = end.max(*later),
            _ => {}
        }
    }
    end
}

/// When nothing is left to remember. What is forgotten is kept, as a number, for as long as what was done would have been.
fn gone(facts: &[Fact]) -> Duration {
    let speaks = |fact: &&Fact| !matches!(fact, Fact::Prolonged { .. } | Fact::Forgotten);
    match facts.iter().rfind(speaks) {
        Some(Fact::Leased { retention, .. }) => lease_end(facts).saturating_add(*retention),
        Some(Fact::Released { gone, .. } | Fact::Settled { gone, .. }) => *gone,
        _ => Duration::ZERO,
    }
}
