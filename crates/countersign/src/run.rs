//! Steps 7 to 10: claim, quota, handler, settle. One order for every adapter, and no runtime: what waits, waits on the receiver's clock.

mod calls;
mod handled;
mod quotas;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

pub use self::handled::{Answered, Handled, Ran, Rest};
use crate::clock::Clock;
use crate::counts::Counters;
use crate::delivery::{self, Delivery};
use crate::idempotency::{
    Claim, ClaimReply, Done, ForgetReply, IdempotencyKey, LeaseToken, SettleReply,
};
use crate::lease::Lease;
use crate::once::{Inner, Once, StorePolicy};
use crate::outcome::{Outcome, OutcomeKind, answer};
use crate::receiver::Receiver;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::runs::Slot;
use crate::store::{DeliveryStore, Unavailable};
use crate::waiting::{Either, caught, either, or_never, within};

/// A claim of which nobody knows whether the store has heard it.
#[derive(Clone, Copy)]
struct Unclear {
    key: IdempotencyKey,
    token: LeaseToken,
    /// When its lease has lapsed for sure.
    end: Duration,
}

/// Why a run was ended without its handler's word.
enum Stopped {
    Panicked,
    Overlong,
    OverQuota(Duration),
    QuotaUnknown,
}

impl<S: DeliveryStore> Receiver<Once<S>> {
    /// The store.
    #[must_use]
    pub fn store(&self) -> &S {
        self.once.inner.store()
    }

    /// How often what has happened since the receiver was built. Clones of a receiver count together.
    #[must_use]
    pub fn counts(&self) -> crate::counts::Counts {
        self.once.inner.counters.read()
    }

    /// How long a done delivery is remembered.
    #[must_use]
    pub fn retention(&self) -> Duration {
        self.once.inner.retention
    }

    /// A place for a run, taken before its claim, so that nothing is claimed that cannot run.
    ///
    /// # Errors
    /// [`Refusal::TooManyRuns`] when there is none, [`Refusal::ShuttingDown`] after [`drain`](Self::drain).
    pub fn reserve(&self) -> Result<Slot, Refusal> {
        let inner = &self.once.inner;
        let reserved = inner.runs.reserve();
        if reserved.is_err() {
            inner.counters.turned_away.add();
        }
        reserved
    }

    /// For adapters: the outcome of an attempt that is refused outside of its run, for want of a place or because its task is gone. It is told
    /// here.
    pub fn refuse(&self, delivery: &Delivery, refusal: Refusal) -> Outcome {
        let outcome = Outcome::new(delivery.key(), None, OutcomeKind::Refused(refusal));
        delivery
            .verified()
            .tell_run(&outcome, None, &|| delivery.known());
        outcome
    }

    /// For adapters: the outcome of an attempt that cannot wait for its run any longer, which is answered as [`Refusal::Unfinished`]. It is told here,
    /// and what its run comes to is told later, apart. `None` when the run has just ended: that was told, and its answer is there in a moment.
    pub fn give_up(&self, delivery: &Delivery) -> Option<Outcome> {
        let kind = OutcomeKind::Refused(Refusal::Unfinished);
        let outcome = Outcome::new(delivery.key(), None, kind);
        let verified = delivery.verified();
        let is_unfinished = verified.tell_unfinished(&outcome, &|| delivery.known());
        if !is_unfinished {
            return None;
        }
        self.once.inner.counters.unfinished.add();
        Some(outcome)
    }

    /// When an attempt is to be answered 503 though its run goes on, counted from its arrival: shortly before the sender stops waiting, where it
    /// is known when that is.
    #[must_use]
    pub fn answer_after(&self) -> Option<Duration> {
        self.once.inner.settings.answer_after(self.scheme())
    }

    /// For shutting down: lets no further run begin, which is answered 503, and waits for those that go on, until their answers are handed over.
    /// The server has to write them yet: let it go on beside this, and end when both have.
    ///
    /// # Errors
    /// [`StillRunning`] when the deadline passes first. What still runs goes on; if the process ends, its leases lapse and the senders' retries
    /// run.
    pub async fn drain(&self, deadline: Duration) -> Result<(), StillRunning> {
        let inner = &self.once.inner;
        inner.runs.close();
        let mut idle = pin!(inner.runs.idle());
        let Some(clock) = self.clock() else {
            // Nobody has brought a clock, so nobody has begun a run; and nobody could wait for so long.
            let runs = inner.runs.running();
            return match runs {
                0 => Ok(()),
                _ => Err(StillRunning { runs }),
            };
        };
        // Not before there is something to wait for.
        let mut timer = pin!(async { clock.sleep(deadline).await });
        match either(idle.as_mut(), timer.as_mut()).await {
            Either::First(()) => Ok(()),
            Either::Second(()) => Err(StillRunning {
                runs: inner.runs.running(),
            }),
        }
    }

    /// For operators: the delivery with this key is no longer known to be done, and its next attempt runs.
    ///
    /// # Errors
    /// [`Unavailable`] when the store does not answer.
    pub async fn forget(&self, key: IdempotencyKey) -> Result<ForgetReply, Unavailable> {
        let inner = &self.once.inner;
        let ask = || inner.store().forget(key);
        match self.clock() {
            Some(clock) => within(clock, inner.settings.store_timeout, "forget", ask).await,
            None => ask().await,
        }
    }

    /// Steps 7 to 10: claims the delivery, asks the quota, runs the handler, and settles or gives back.
    ///
    /// The handler is not called unless the delivery is its caller's to do. It gets the [`Lease`], where there is one. While it runs, the lease is
    /// extended. A panic of it is caught and gives the delivery back.
    ///
    /// Slot and delivery are this receiver's: a slot of another one is exchanged, which may fail like [`reserve`](Self::reserve); a delivery of one
    /// without a store has no key, and runs unrecorded.
    ///
    /// Run it as a task of its own: dropped half-way, it leaves a lease behind that has to lapse before the delivery can run again.
    pub async fn run<R, Work>(
        &self,
        slot: Slot,
        delivery: Delivery,
        clock: &Arc<dyn Clock>,
        handler: impl FnOnce(Option<Lease>) -> Work,
    ) -> Ran<R>
    where
        Work: Future<Output = Handled<R>>,
    {
        // For `drain`, which no adapter calls.
        self.clock_or(|| Arc::clone(clock));
        let mut unseen = Unseen {
            delivery: &delivery,
            counters: &self.once.inner.counters,
            is_seen: false,
        };
        let run = Run {
            inner: &self.once.inner,
            clock,
            delivery: &delivery,
        };
        let slot = match self.once.inner.runs.has(&slot) {
            true => Ok(slot),
            false => {
                drop(slot);
                self.reserve()
            }
        };
        let ran = match slot {
            Ok(slot) => {
                let mut ran = run.run(handler).await;
                ran.slot = Some(slot);
                ran
            }
            Err(refusal) => run.refused(delivery.key(), None, refusal),
        };
        unseen.is_seen = true;
        let status = match &ran.answer {
            Answered::Response(_) => ran.status,
            Answered::Reply(reply) => Some(reply.status),
            Answered::Refused(refusal) => Some(answer(refusal).status),
        };
        delivery
            .verified()
            .tell_run(&ran.outcome, status, &|| delivery.known());
        ran
    }
}

/// A run whose future is dropped is seen, too: where runs are in place the client may have hung up, elsewhere a runtime was shut down.
struct Unseen<'r> {
    delivery: &'r Delivery,
    counters: &'r Counters,
    is_seen: bool,
}

impl Drop for Unseen<'_> {
    fn drop(&mut self) {
        if !self.is_seen {
            self.counters.dropped.add();
            let delivery = self.delivery;
            delivery.verified().tell_run_dropped(&|| delivery.known());
        }
    }
}

/// Runs were still going on when the deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{runs} runs are still going on")]
pub struct StillRunning {
    /// How many.
    pub runs: usize,
}

struct Run<'r, S> {
    inner: &'r Arc<Inner<S>>,
    clock: &'r Arc<dyn Clock>,
    delivery: &'r Delivery,
}

impl<S: DeliveryStore> Run<'_, S> {
    async fn run<R, Work>(self, handler: impl FnOnce(Option<Lease>) -> Work) -> Ran<R>
    where
        Work: Future<Output = Handled<R>>,
    {
        let once = self.delivery.once().copied();
        let Some((key, once)) = once.and_then(|once| Some((once.key?, once))) else {
            return self.unrecorded(None, None, handler).await;
        };
        let counters = &self.inner.counters;
        let Some(token) = LeaseToken::random() else {
            counters.unavailable.add();
            return self.refused(Some(key), None, Refusal::StoreUnavailable);
        };
        let before = self.clock.monotonic();
        let claim = Claim {
            key,
            token,
            lease: self.inner.settings.lease,
            retention: self.inner.retention,
        };
        let attempt = match self.claim(claim).await {
            Ok(ClaimReply::Claimed { attempt }) => attempt,
            Ok(ClaimReply::Duplicate { done, attempt }) => {
                return self.duplicate(key, attempt, &done, &once);
            }
            Ok(ClaimReply::Busy { remaining }) => {
                counters.busy.add();
                let refusal = Refusal::in_flight(remaining);
                return self.refused(Some(key), None, refusal);
            }
            Ok(ClaimReply::Full) => {
                counters.full.add();
                return self.refused(Some(key), None, Refusal::StoreFull);
            }
            // Our own lease has come and gone while we asked again: nobody may be at it, but time has passed.
            Ok(ClaimReply::Lost) => {
                counters.lost.add();
                return self.refused(Some(key), None, Refusal::LeaseLost);
            }
            Err(_) => {
                counters.unavailable.add();
                // It may have been claimed all the same: that must not stand in the way of the next attempt.
                let unclear = Unclear {
                    key,
                    token,
                    end: before.saturating_add(self.inner.settings.lease),
                };
                return match self.inner.settings.on_store_failure {
                    StorePolicy::Run => self.unrecorded(Some(unclear), Some(&once), handler).await,
                    StorePolicy::Refuse => {
                        let mut ran = self.refused(Some(key), None, Refusal::StoreUnavailable);
                        ran.rest = self.give_back_later(unclear);
                        ran
                    }
                };
            }
        };
        let lease = Lease::new(
            (key, token, attempt),
            self.inner.erased(),
            Arc::clone(self.clock),
            self.inner.settings.store_timeout,
            before.saturating_add(self.inner.settings.lease),
        );
        // The reply was long on its way, or this process stood still: somebody else may be at it by now.
        if lease.is_lost() {
            counters.lost.add();
            let rest = self.give_back_lost(&lease).await;
            let mut ran = self.refused(Some(key), Some(attempt), Refusal::LeaseLost);
            ran.rest = rest;
            return ran;
        }
        let work = self.work(handler, Some(lease.clone()));
        match self.keeping(work, &lease).await {
            Ok(handled) => self.end(handled, &lease, &once).await,
            Err(stopped) => {
                let refusal = self.stopped(&stopped);
                let rest = self.give_back(&lease).await;
                let mut ran = self.refused(Some(key), Some(attempt), refusal);
                ran.rest = rest;
                ran
            }
        }
    }

    /// The quota and the handler, with their panics caught.
    async fn work<R, Work>(
        &self,
        handler: impl FnOnce(Option<Lease>) -> Work,
        lease: Option<Lease>,
    ) -> Result<Handled<R>, Stopped>
    where
        Work: Future<Output = Handled<R>>,
    {
        let work = async {
            self.may_go().await?;
            Ok(handler(lease).await)
        };
        match caught(work).await {
            Ok(worked) => worked,
            Err(_) => Err(Stopped::Panicked),
        }
    }

    /// Runs without a record: by choice, or because the store does not answer. What the store may have taken for claimed is then settled or
    /// given back, when it answers again.
    async fn unrecorded<R, Work>(
        self,
        unclear: Option<Unclear>,
        once: Option<&delivery::Once>,
        handler: impl FnOnce(Option<Lease>) -> Work,
    ) -> Ran<R>
    where
        Work: Future<Output = Handled<R>>,
    {
        let key = unclear.map(|unclear| unclear.key);
        let worked = {
            let mut work = pin!(self.work(handler, None));
            let limit = self.inner.settings.run_timeout;
            let mut timer = pin!(or_never(async { self.clock.sleep(limit).await }));
            match either(work.as_mut(), timer.as_mut()).await {
                Either::First(worked) => worked,
                Either::Second(()) => Err(Stopped::Overlong),
            }
        };
        let (mut ran, done) = match worked {
            Ok(handled) => {
                self.inner.counters.unrecorded.add();
                let done = once.and_then(|once| handled.done(once));
                let ran = Ran {
                    outcome: Outcome::new(key, None, OutcomeKind::Unrecorded),
                    answer: Answered::Response(handled.response),
                    rest: None,
                    slot: None,
                    status: handled.status,
                };
                (ran, done)
            }
            Err(stopped) => (self.refused(key, None, self.stopped(&stopped)), None),
        };
        if let Some(unclear) = unclear {
            ran.rest = match done {
                Some(done) if self.inner.runs.is_roomy() => {
                    let settle = self.settle_of(unclear.key, unclear.token, done);
                    let rest = self.settle_later(settle, unclear.end, false);
                    Some(rest)
                }
                Some(_) => None,
                None => self.give_back_later(unclear),
            };
        }
        ran
    }

    /// Counts why a run was ended, and says it.
    fn stopped(&self, stopped: &Stopped) -> Refusal {
        let counters = &self.inner.counters;
        match stopped {
            Stopped::Panicked => {
                counters.panicked.add();
                Refusal::HandlerPanicked
            }
            Stopped::Overlong => {
                counters.overlong.add();
                Refusal::RunTooLong
            }
            Stopped::OverQuota(wait) => {
                counters.over_quota.add();
                Refusal::over_quota(*wait)
            }
            // Counted where it was asked.
            Stopped::QuotaUnknown => Refusal::StoreUnavailable,
        }
    }

    /// Extends the lease while the work goes on, and ends it when it takes too long.
    async fn keeping<T>(
        &self,
        work: impl Future<Output = Result<T, Stopped>>,
        lease: &Lease,
    ) -> Result<T, Stopped> {
        let mut work = pin!(work);
        let mut keeper = pin!(or_never(self.keep(lease)));
        match either(work.as_mut(), keeper.as_mut()).await {
            Either::First(worked) => worked,
            Either::Second(stopped) => Err(stopped),
        }
    }

    /// Completes when the run has taken too long. A run whose lease is lost goes on: it may be past the point where it can stop.
    async fn keep(&self, lease: &Lease) -> Stopped {
        let settings = &self.inner.settings;
        let begun = self.clock.monotonic();
        // An extension is due when two thirds are left; one that failed is repeated sooner.
        let most_left = settings.lease.saturating_mul(2).checked_div(3);
        let most_left = most_left.unwrap_or_default();
        let mut failed = false;
        loop {
            let ran = self.clock.monotonic().saturating_sub(begun);
            let left = settings.run_timeout.saturating_sub(ran);
            if left.is_zero() {
                return Stopped::Overlong;
            }
            if lease.is_fenced() {
                self.clock.sleep(left).await;
                continue;
            }
            let wait = match failed {
                // Also when its time is over by our own count: the store may have heard what it did not answer.
                true => settings.store_timeout,
                false => lease.remaining().saturating_sub(most_left),
            };
            self.clock.sleep(wait.min(left)).await;
            if wait > left {
                continue;
            }
            failed = lease.extend(settings.lease).await.is_err();
            match failed {
                true => self.inner.counters.extensions_failed.add(),
                false => self.inner.counters.extended.add(),
            }
        }
    }

    /// Settles what is done and gives back what is not.
    async fn end<R>(self, handled: Handled<R>, lease: &Lease, once: &delivery::Once) -> Ran<R> {
        let counters = &self.inner.counters;
        let done = handled.done(once);
        let (failed_for_good, status) = (handled.failed_for_good, handled.status);
        let response = handled.response;
        let (key, attempt) = (Some(lease.key()), Some(lease.attempt()));
        let Some(done) = done else {
            counters.released.add();
            let rest = self.give_back(lease).await;
            return Ran {
                outcome: Outcome::new(key, attempt, OutcomeKind::Released),
                answer: Answered::Response(response),
                rest,
                slot: None,
                status,
            };
        };
        let kind = match failed_for_good {
            true => OutcomeKind::FailedForGood,
            false => OutcomeKind::Done,
        };
        let settle = self.settle_of(lease.key(), lease.token(), done);
        let reply = self.settle(&settle).await;
        let rest = match reply {
            Ok(SettleReply::Settled | SettleReply::AlreadySettled) => None,
            Ok(SettleReply::Lost | SettleReply::AlreadyReleased) => {
                counters.lost.add();
                return self.refused(key, attempt, Refusal::LeaseLost);
            }
            Err(_) => {
                counters.settles_deferred.add();
                let end = self.clock.monotonic().saturating_add(lease.remaining());
                Some(self.settle_later(settle, end, true))
            }
        };
        match kind {
            OutcomeKind::FailedForGood => counters.failed.add(),
            _ => counters.done.add(),
        }
        Ran {
            outcome: Outcome::new(key, attempt, kind),
            answer: Answered::Response(response),
            rest,
            slot: None,
            status,
        }
    }

    fn duplicate<R>(
        &self,
        key: IdempotencyKey,
        attempt: u32,
        done: &Done,
        once: &delivery::Once,
    ) -> Ran<R> {
        let (counters, settings) = (&self.inner.counters, &self.inner.settings);
        counters.duplicates.add();
        let replay = once.signature.is_some() && done.signature == once.signature;
        let body_changed = done.content != once.content;
        if replay {
            counters.replays.add();
        }
        if body_changed {
            counters.changed_bodies.add();
        }
        let refusal = match (replay, body_changed) {
            (true, _) if settings.refuse_replays => Some(Refusal::Replayed),
            (_, true) if settings.refuse_changed_bodies => Some(Refusal::BodyChanged),
            _ => None,
        };
        if let Some(refusal) = refusal {
            return self.refused(Some(key), Some(attempt), refusal);
        }
        let scheme = self.delivery.scheme();
        Ran {
            outcome: Outcome::new(
                Some(key),
                Some(attempt),
                OutcomeKind::Duplicate {
                    replay,
                    body_changed,
                },
            ),
            answer: Answered::Reply(Reply::duplicate(done, &scheme.retry.success)),
            rest: None,
            slot: None,
            status: None,
        }
    }

    fn refused<R>(
        &self,
        key: Option<IdempotencyKey>,
        attempt: Option<u32>,
        refusal: Refusal,
    ) -> Ran<R> {
        Ran {
            outcome: Outcome::new(key, attempt, OutcomeKind::Refused(refusal.clone())),
            answer: Answered::Refused(refusal),
            rest: None,
            slot: None,
            status: None,
        }
    }
}
