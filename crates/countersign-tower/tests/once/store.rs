//! A store that does what a test says: the embedded one, with replies that fail, get lost, hang or take their time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use countersign_tower::{
    Claim, ClaimReply, Clock, DeliveryStore, Extend, ExtendReply, ForgetReply, IdempotencyKey,
    LeaseToken, MemoryStore, Release, ReleaseReply, Settle, SettleReply, Unavailable,
};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Claim,
    Settle,
    Release,
    Extend,
    Forget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// As it should be.
    None,
    /// Fails at once, without an effect.
    Fails,
    /// Has its effect and fails: the reply is lost.
    LosesReply,
    /// Hangs, without an effect until [`Scripted::let_go`].
    Hangs,
    /// Has its effect, then hangs until [`Scripted::let_go`].
    HangsAfter,
    /// Fails loudly.
    Panics,
}

/// A store that follows a script. Clones are the same store.
#[derive(Clone)]
pub(crate) struct Scripted {
    inner: MemoryStore,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Script>,
    gate: watch::Sender<bool>,
}

#[derive(Default)]
struct Script {
    calls: Vec<(Op, Option<LeaseToken>)>,
    next: HashMap<Op, VecDeque<Fault>>,
    always: HashMap<Op, Fault>,
    yields: bool,
}

impl Scripted {
    pub(crate) fn new(capacity: usize, clock: impl Clock) -> Self {
        Self {
            inner: MemoryStore::single_process_on(capacity, clock),
            shared: Arc::new(Shared {
                script: Mutex::default(),
                gate: watch::Sender::new(false),
            }),
        }
    }

    /// What the next calls of this kind do, one after the other.
    pub(crate) fn next(&self, op: Op, faults: impl IntoIterator<Item = Fault>) {
        let mut script = self.shared.script.lock().unwrap();
        script.next.entry(op).or_default().extend(faults);
    }

    /// What every call of this kind does that has no fault of its own.
    pub(crate) fn always(&self, op: Op, fault: Fault) {
        self.shared.script.lock().unwrap().always.insert(op, fault);
    }

    /// Every call waits once before its effect and once after it.
    pub(crate) fn yields(&self) {
        self.shared.script.lock().unwrap().yields = true;
    }

    /// Whatever hangs goes on, and nothing hangs any more.
    pub(crate) fn let_go(&self) {
        self.shared.gate.send_replace(true);
    }

    pub(crate) fn calls(&self) -> Vec<Op> {
        let script = self.shared.script.lock().unwrap();
        script.calls.iter().map(|(op, _)| *op).collect()
    }

    pub(crate) fn count(&self, op: Op) -> usize {
        self.calls()
            .into_iter()
            .filter(|known| *known == op)
            .count()
    }

    /// The tokens of all calls of this kind.
    pub(crate) fn tokens(&self, op: Op) -> Vec<LeaseToken> {
        let script = self.shared.script.lock().unwrap();
        let calls = script.calls.iter();
        calls
            .filter(|(known, _)| *known == op)
            .filter_map(|(_, token)| *token)
            .collect()
    }

    async fn call<T>(
        &self,
        op: Op,
        token: Option<LeaseToken>,
        effect: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        let (fault, yields) = {
            let mut script = self.shared.script.lock().unwrap();
            script.calls.push((op, token));
            let next = script.next.get_mut(&op).and_then(VecDeque::pop_front);
            let fault = next.or_else(|| script.always.get(&op).copied());
            (fault.unwrap_or(Fault::None), script.yields)
        };
        if yields {
            tokio::task::yield_now().await;
        }
        match fault {
            Fault::None | Fault::LosesReply | Fault::HangsAfter => {}
            Fault::Fails => return Err(Unavailable::new("as the test says")),
            Fault::Hangs => self.gate().await,
            Fault::Panics => panic!("as the test says"),
        }
        let reply = effect.await;
        match fault {
            Fault::LosesReply => return Err(Unavailable::new("as the test says")),
            Fault::HangsAfter => self.gate().await,
            _ => {}
        }
        if yields {
            tokio::task::yield_now().await;
        }
        reply
    }

    async fn gate(&self) {
        let mut gate = self.shared.gate.subscribe();
        gate.wait_for(|open| *open).await.unwrap();
    }
}

impl DeliveryStore for Scripted {
    async fn claim(&self, claim: Claim) -> Result<ClaimReply, Unavailable> {
        let effect = self.inner.claim(claim);
        self.call(Op::Claim, Some(claim.token), effect).await
    }

    async fn settle(&self, settle: Settle) -> Result<SettleReply, Unavailable> {
        let token = settle.token;
        let effect = self.inner.settle(settle);
        self.call(Op::Settle, Some(token), effect).await
    }

    async fn release(&self, release: Release) -> Result<ReleaseReply, Unavailable> {
        let effect = self.inner.release(release);
        self.call(Op::Release, Some(release.token), effect).await
    }

    async fn extend(&self, extend: Extend) -> Result<ExtendReply, Unavailable> {
        let effect = self.inner.extend(extend);
        self.call(Op::Extend, Some(extend.token), effect).await
    }

    async fn forget(&self, key: IdempotencyKey) -> Result<ForgetReply, Unavailable> {
        self.call(Op::Forget, None, self.inner.forget(key)).await
    }
}
