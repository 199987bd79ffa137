//! Calls and the replies that they must get, as data.

use std::time::Duration;

use countersign::{
    Claim, ClaimReply, Done, Extend, ExtendReply, Fingerprint, ForgetReply, IdempotencyKey,
    LeaseToken, Release, ReleaseReply, Settle, SettleReply,
};

use super::bench::{key, token};
use crate::store_model::{StoreCall, StoreReply};

/// What scripts ask for unless they say otherwise, in the suite's unit of time. All different, so that none is taken for another.
pub(super) const LEASE: u32 = 10;
pub(super) const EXTENSION: u32 = 25;
pub(super) const KEPT_AFTER_LEASE: u32 = 100;
pub(super) const KEPT_AFTER_RELEASE: u32 = 200;
pub(super) const KEPT_AFTER_SETTLE: u32 = 300;

/// Whose token: holders of one key's leases.
pub(super) type Who = u32;
pub(super) const ANN: Who = 0;
pub(super) const BEN: Who = 1;
pub(super) const CAT: Who = 2;

#[derive(Clone)]
pub(super) enum Step {
    Wait(u32),
    Ask(StoreCall, StoreReply),
}

/// What is done, one step after the other, on one key at a time.
pub(super) struct Script {
    number: u32,
    unit: Duration,
    pub(super) steps: Vec<Step>,
}

impl Script {
    pub(super) const fn new(number: u32, unit: Duration) -> Self {
        Self {
            number,
            unit,
            steps: Vec::new(),
        }
    }

    /// The same steps once more, to go on differently.
    pub(super) fn again(&self) -> Self {
        Self {
            number: self.number,
            unit: self.unit,
            steps: self.steps.clone(),
        }
    }

    /// Goes on with another key.
    pub(super) const fn on(mut self, number: u32) -> Self {
        self.number = number;
        self
    }

    pub(super) fn key(&self) -> IdempotencyKey {
        key(self.number)
    }

    pub(super) fn token(&self, who: Who) -> LeaseToken {
        token(self.number, who)
    }

    pub(super) const fn units(&self, count: u32) -> Duration {
        self.unit.saturating_mul(count)
    }

    pub(super) fn wait(mut self, units: u32) -> Self {
        self.steps.push(Step::Wait(units));
        self
    }

    pub(super) fn ask(mut self, call: StoreCall, reply: StoreReply) -> Self {
        self.steps.push(Step::Ask(call, reply));
        self
    }

    pub(super) fn claim(self, who: Who, reply: ClaimReply) -> Self {
        self.claim_for(who, LEASE, KEPT_AFTER_LEASE, reply)
    }

    pub(super) fn claim_for(self, who: Who, lease: u32, kept: u32, reply: ClaimReply) -> Self {
        let call = self.to_claim(who, lease, kept);
        self.ask(call, StoreReply::Claim(reply))
    }

    /// A claim that somebody else's lease refuses.
    pub(super) fn busy(self, who: Who, remaining: u32) -> Self {
        self.busy_for(who, LEASE, remaining)
    }

    pub(super) fn busy_for(self, who: Who, lease: u32, remaining: u32) -> Self {
        let remaining = self.units(remaining);
        self.claim_for(who, lease, lease, ClaimReply::Busy { remaining })
    }

    pub(super) fn settle(self, who: Who, done: &Done, reply: SettleReply) -> Self {
        self.settle_for(who, done, KEPT_AFTER_SETTLE, reply)
    }

    pub(super) fn settle_for(self, who: Who, done: &Done, kept: u32, reply: SettleReply) -> Self {
        let call = self.to_settle(who, done, kept);
        self.ask(call, StoreReply::Settle(reply))
    }

    pub(super) fn release(self, who: Who, reply: ReleaseReply) -> Self {
        self.release_for(who, KEPT_AFTER_RELEASE, reply)
    }

    pub(super) fn release_for(self, who: Who, kept: u32, reply: ReleaseReply) -> Self {
        let call = self.to_release(who, kept);
        self.ask(call, StoreReply::Release(reply))
    }

    pub(super) fn extend(self, who: Who, reply: ExtendReply) -> Self {
        self.extend_for(who, EXTENSION, reply)
    }

    pub(super) fn extend_for(self, who: Who, lease: u32, reply: ExtendReply) -> Self {
        let call = self.to_extend(who, lease);
        self.ask(call, StoreReply::Extend(reply))
    }

    pub(super) fn forget(self, reply: ForgetReply) -> Self {
        let call = StoreCall::Forget(self.key());
        self.ask(call, StoreReply::Forget(reply))
    }

    /// An operator's word that a lease refuses.
    pub(super) fn not_forgotten(self, remaining: u32) -> Self {
        let remaining = self.units(remaining);
        self.forget(ForgetReply::InFlight { remaining })
    }

    pub(super) fn to_claim(&self, who: Who, lease: u32, kept: u32) -> StoreCall {
        StoreCall::Claim(Claim {
            key: self.key(),
            token: self.token(who),
            lease: self.units(lease),
            retention: self.units(kept),
        })
    }

    pub(super) fn to_settle(&self, who: Who, done: &Done, kept: u32) -> StoreCall {
        StoreCall::Settle(Settle {
            key: self.key(),
            token: self.token(who),
            done: done.clone(),
            retention: self.units(kept),
        })
    }

    pub(super) fn to_release(&self, who: Who, kept: u32) -> StoreCall {
        StoreCall::Release(Release {
            key: self.key(),
            token: self.token(who),
            retention: self.units(kept),
        })
    }

    pub(super) fn to_extend(&self, who: Who, lease: u32) -> StoreCall {
        StoreCall::Extend(Extend {
            key: self.key(),
            token: self.token(who),
            lease: self.units(lease),
        })
    }
}

pub(super) const fn claimed(attempt: u32) -> ClaimReply {
    ClaimReply::Claimed { attempt }
}

pub(super) fn duplicate(done: &Done, attempt: u32) -> ClaimReply {
    ClaimReply::Duplicate {
        done: done.clone(),
        attempt,
    }
}

/// Something that was done; each status makes another.
pub(super) fn done(status: u16) -> Done {
    let mark = u64::from(status);
    let signature = Fingerprint::from_u64(mark.rotate_right(16));
    Done::new(status, Some(signature), Fingerprint::from_u64(!mark))
}

/// As a report tells it. A token does not print, so its holder is told by its last bytes.
pub(super) fn told_call(call: &StoreCall) -> String {
    match call {
        StoreCall::Claim(claim) => format!(
            "claim by {} of {} for {:?}, kept {:?}",
            who(claim.token),
            which(claim.key),
            claim.lease,
            claim.retention
        ),
        StoreCall::Settle(settle) => format!(
            "settle by {} of {} with {}, kept {:?}",
            who(settle.token),
            which(settle.key),
            told_done(&settle.done),
            settle.retention
        ),
        StoreCall::Release(release) => format!(
            "release by {} of {}, kept {:?}",
            who(release.token),
            which(release.key),
            release.retention
        ),
        StoreCall::Extend(extend) => format!(
            "extend by {} of {} for {:?}",
            who(extend.token),
            which(extend.key),
            extend.lease
        ),
        StoreCall::Forget(key) => format!("forget {}", which(*key)),
    }
}

pub(super) fn told(reply: &StoreReply) -> String {
    match reply {
        StoreReply::Claim(ClaimReply::Duplicate { done, attempt }) => {
            format!("Duplicate of attempt {attempt}: {}", told_done(done))
        }
        StoreReply::Claim(reply) => format!("{reply:?}"),
        StoreReply::Settle(reply) => format!("{reply:?}"),
        StoreReply::Release(reply) => format!("{reply:?}"),
        StoreReply::Extend(reply) => format!("{reply:?}"),
        StoreReply::Forget(reply) => format!("{reply:?}"),
    }
}

fn told_done(done: &Done) -> String {
    let failed = if done.failed { " failed" } else { "" };
    let signature = match done.signature {
        Some(signature) => format!("{:x}", signature.as_u64()),
        None => "none".to_owned(),
    };
    let answer = match &done.answer {
        Some(answer) => format!(", {answer:?}"),
        None => String::new(),
    };
    let content = done.content.as_u64();
    format!(
        "{}{failed}, signature {signature}, content {content:x}{answer}",
        done.status
    )
}

fn who(token: LeaseToken) -> String {
    let [.., a, b, c, d] = *token.as_bytes();
    format!("token {}", u32::from_be_bytes([a, b, c, d]))
}

fn which(key: IdempotencyKey) -> String {
    let [.., a, b, c, d] = *key.as_bytes();
    format!("key {}", u32::from_be_bytes([a, b, c, d]))
}
