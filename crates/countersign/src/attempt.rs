//! What an attempt came to, told exactly once: one event, one count, one call of the observer.

use core::net::IpAddr;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::StatusCode;

use crate::delivery::Delivery;
use crate::idempotency::IdempotencyKey;
use crate::outcome::{Outcome, OutcomeKind, answer};
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::scheme::Scheme;
use crate::scheme::compiled::Compiled;
use crate::source::{Origin, Source};
use crate::timestamp::Timestamp;
use crate::verify::Verified;
use crate::watch::{Level, Watch};

/// An attempt, as an [`Observer`](crate::Observer) is told of it: what it came to, and what is known of it.
///
/// Text in it was verified, or is our own: no value of a request that proved nothing, no secret, no signature and no body.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The scheme.
    pub scheme: &'a Scheme,
    /// What became of it.
    pub outcome: AttemptOutcome,
    /// The stable code, one per cause: of the [refusal](Refusal::code), of the [outcome](Outcome::code), `accepted`, `handshake`, `unsigned`,
    /// `abandoned` or `dropped`.
    pub code: &'static str,
    /// Why it was refused, if it was.
    pub refusal: Option<&'a Refusal>,
    /// What would have made a refused attempt pass, where that is known and is our own set-up.
    pub hint: Option<&'static str>,
    /// What was answered, or would have been to a sender that has left while his delivery ran. `None` where that is not the receiver's to know: the
    /// handler of a receiver without a store answers, a handler came to an error, or the attempt was dropped.
    pub status: Option<StatusCode>,
    /// Its signature, or token, was a secret's. What is refused then came from the sender, and is no reason to ban its source.
    pub is_verified: bool,
    /// The label of that secret.
    pub secret_label: Option<&'a str>,
    /// The delivery, where one was read and is still there. Its fields say whether the signature covers them.
    pub delivery: Option<&'a Delivery>,
    /// The delivery's id, where the signature covers it: at most 1,024 bytes without control characters.
    pub id: Option<&'a str>,
    /// The event's name, where the signature covers it: at most 1,024 bytes without control characters.
    pub event: Option<&'a str>,
    /// Whose delivery it is: the tenant whose secret matched, where each has his own, else the sender's account where the signature covers it. At
    /// most 1,024 bytes without control characters.
    pub tenant: Option<&'a str>,
    /// Which work it was, where deliveries are told apart.
    pub key: Option<IdempotencyKey>,
    /// The number of its run, or for a duplicate that of the run that did it.
    pub run: Option<u32>,
    /// How many bytes of body have come in; `None` before there was one to read.
    pub body_bytes: Option<u64>,
    /// The time from its head to the verdict, that of a body on its way included and that of a handler not. `None` where nobody asks for it.
    pub verdict_time: Option<Duration>,
    /// By how many milliseconds its signed timestamp was ahead of our clock; negative when it was behind. `None` unless it was verified.
    pub skew_millis: Option<i64>,
    /// The address at the other end of the connection; a proxy's where there is one. `None` unless the host puts a [`Peer`](crate::Peer) into
    /// the request's extensions: in axum, `WithPeer` does (feature `peer`).
    pub peer: Option<IpAddr>,
    /// The source that a [limit](crate::FailureLimit) counts: the peer, or who came through trusted proxies; of an IPv6 address, its /64.
    /// `None` without a peer, and where nothing counts sources.
    pub source: Option<IpAddr>,
}

/// What became of an attempt, in one of few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// Genuine and fresh, and handed on by a receiver without a store.
    Accepted,
    /// No delivery: the receiver answered it by itself.
    Answered,
    /// Turned away, before or after it was verified.
    Refused,
    /// Nobody was there any more: its future was dropped while its body was read (`abandoned`), or a genuine delivery's before its run was over
    /// (`dropped`).
    Abandoned,
    /// Its run was recorded as done.
    Done,
    /// Its handler said that it has failed for good.
    FailedForGood,
    /// Its handler did not answer 2xx; the next attempt runs.
    Released,
    /// It ran without the store.
    Unrecorded,
    /// It was done before.
    Duplicate,
}

impl AttemptOutcome {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Accepted,
        Self::Answered,
        Self::Refused,
        Self::Abandoned,
        Self::Done,
        Self::FailedForGood,
        Self::Released,
        Self::Unrecorded,
        Self::Duplicate,
    ];

    /// The word for logs and metrics. Words never change.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Abandoned => "abandoned",
            Self::Done => "done",
            Self::FailedForGood => "failed_for_good",
            Self::Released => "released",
            Self::Unrecorded => "unrecorded",
            Self::Duplicate => "duplicate",
        }
    }

    const fn of(kind: &OutcomeKind) -> Self {
        match kind {
            OutcomeKind::Done => Self::Done,
            OutcomeKind::FailedForGood => Self::FailedForGood,
            OutcomeKind::Released => Self::Released,
            OutcomeKind::Unrecorded => Self::Unrecorded,
            OutcomeKind::Duplicate { .. } => Self::Duplicate,
            OutcomeKind::Refused(_) => Self::Refused,
        }
    }
}

impl fmt::Debug for Attempt<'_> {
    /// Of the scheme its name alone.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Attempt")
            .field("scheme", &self.scheme.name)
            .field("outcome", &self.outcome)
            .field("code", &self.code)
            .field("status", &self.status)
            .field("is_verified", &self.is_verified)
            .field("secret_label", &self.secret_label)
            .field("id", &self.id)
            .field("event", &self.event)
            .field("tenant", &self.tenant)
            .field("key", &self.key)
            .field("run", &self.run)
            .field("body_bytes", &self.body_bytes)
            .field("verdict_time", &self.verdict_time)
            .field("skew_millis", &self.skew_millis)
            .field("peer", &self.peer)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// An attempt that has begun, until it has been told.
///
/// It is handed on from step to step; whoever holds it when it ends tells it, from `Drop` if need be.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) origin: Origin,
    now: Timestamp,
    /// By the clock of [`Watch`], if anybody asks.
    begun: Option<Duration>,
    verdict_time: Option<Duration>,
    /// For the event of a refusal: what in our set-up is at fault. The checks may leave it here.
    pub(crate) hint: Option<&'static str>,
    is_told: AtomicBool,
}

impl Pending {
    pub(crate) fn begin(watch: &Watch, origin: Origin, now: Timestamp) -> Self {
        Self {
            origin,
            now,
            begun: watch.time(),
            verdict_time: None,
            hint: None,
            is_told: AtomicBool::new(false),
        }
    }

    /// To whoever goes on with it. Nobody else holds it before it is a delivery's.
    pub(crate) fn hand_on(&self) -> Self {
        let is_told = self.is_told();
        self.is_told.store(true, Ordering::Relaxed);
        Self {
            is_told: AtomicBool::new(is_told),
            ..*self
        }
    }

    /// The same, at the moment of its verdict.
    pub(crate) fn verified(&self, watch: &Watch) -> Self {
        Self {
            verdict_time: self.elapsed(watch),
            ..self.hand_on()
        }
    }

    pub(crate) fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Relaxed)
    }

    /// Is it to be told now? Only the first one who asks is told so.
    fn claim(&self) -> bool {
        !self.is_told() && !self.is_told.swap(true, Ordering::Relaxed)
    }

    fn elapsed(&self, watch: &Watch) -> Option<Duration> {
        let (begun, now) = (self.begun?, watch.time()?);
        Some(now.saturating_sub(begun))
    }

    fn skew_millis(&self, stamp: Option<Timestamp>) -> Option<i64> {
        let stamp = stamp?.as_millis();
        Some(stamp.saturating_sub(self.now.as_millis()))
    }
}

impl Compiled {
    /// An attempt that nothing proved has failed: counts it against its source, tells it, and gives what it is refused with.
    #[cold]
    pub(crate) fn failed(
        &self,
        refusal: Refusal,
        pending: &Pending,
        bytes: Option<u64>,
    ) -> Refusal {
        let refusal = self.failures.failed(refusal, pending.origin);
        self.refused(refusal, pending, bytes)
    }

    /// The same, where nothing was looked at.
    #[cold]
    pub(crate) fn refused(
        &self,
        refusal: Refusal,
        pending: &Pending,
        bytes: Option<u64>,
    ) -> Refusal {
        if pending.claim() {
            self.watch
                .attempt(Level::of_refusal(&refusal), &|| Attempt {
                    refusal: Some(&refusal),
                    status: Some(answer(&refusal).status),
                    body_bytes: bytes,
                    ..self.attempt(pending, AttemptOutcome::Refused, refusal.code())
                });
        }
        refusal
    }

    pub(crate) fn answered(&self, reply: &Reply, pending: &Pending, bytes: Option<u64>) {
        if pending.claim() {
            self.watch.attempt(Level::Debug, &|| Attempt {
                status: Some(reply.status),
                body_bytes: bytes,
                ..self.attempt(pending, AttemptOutcome::Answered, reply.kind.as_str())
            });
        }
    }

    /// Dropped before anything was decided.
    pub(crate) fn abandoned(&self, pending: &Pending, bytes: Option<u64>) {
        if pending.claim() {
            self.watch.attempt(Level::Info, &|| Attempt {
                body_bytes: bytes,
                ..self.attempt(pending, AttemptOutcome::Abandoned, "abandoned")
            });
        }
    }

    fn attempt<'a>(
        &'a self,
        pending: &Pending,
        outcome: AttemptOutcome,
        code: &'static str,
    ) -> Attempt<'a> {
        let verdict_time = pending.verdict_time;
        Attempt {
            scheme: &self.scheme,
            outcome,
            code,
            refusal: None,
            hint: pending.hint,
            status: None,
            is_verified: false,
            secret_label: None,
            delivery: None,
            id: None,
            event: None,
            tenant: None,
            key: None,
            run: None,
            body_bytes: None,
            verdict_time: verdict_time.or_else(|| pending.elapsed(&self.watch)),
            skew_millis: None,
            peer: pending.origin.peer,
            source: pending.origin.source.map(Source::address),
        }
    }
}

/// What is known of a delivery beside its evidence.
#[derive(Clone, Copy, Default)]
pub(crate) struct Known<'a> {
    pub(crate) delivery: Option<&'a Delivery>,
    pub(crate) id: Option<&'a str>,
    pub(crate) event: Option<&'a str>,
    pub(crate) tenant: Option<&'a str>,
    pub(crate) key: Option<IdempotencyKey>,
}

impl Verified {
    /// Genuine, and refused for what it says.
    pub(crate) fn tell_refused(&self, refusal: &Refusal) {
        if self.pending.claim() {
            let watch = &self.compiled.watch;
            watch.attempt(Level::of_refusal(refusal), &|| Attempt {
                refusal: Some(refusal),
                status: Some(answer(refusal).status),
                ..self.attempt(AttemptOutcome::Refused, refusal.code(), Known::default())
            });
        }
    }

    /// Genuine, and a question.
    pub(crate) fn tell_answered(&self, reply: &Reply) {
        if self.pending.claim() {
            self.compiled.watch.attempt(Level::Debug, &|| Attempt {
                status: Some(reply.status),
                ..self.attempt(
                    AttemptOutcome::Answered,
                    reply.kind.as_str(),
                    Known::default(),
                )
            });
        }
    }

    /// Handed on where nothing more is done with it by us.
    pub(crate) fn tell_accepted<'a>(&'a self, known: &dyn Fn() -> Known<'a>) {
        if self.pending.claim() {
            self.compiled.watch.attempt(Level::Debug, &|| {
                self.attempt(AttemptOutcome::Accepted, "accepted", known())
            });
        }
    }

    /// Let go of, by the last one who held it.
    pub(crate) fn tell_dropped<'a>(&'a self, known: &dyn Fn() -> Known<'a>) {
        if self.pending.hand_on().is_told() {
            return;
        }
        let (level, outcome, code) = match self.compiled.watch.runs() {
            true => (Level::Warn, AttemptOutcome::Abandoned, "dropped"),
            false => (Level::Debug, AttemptOutcome::Accepted, "accepted"),
        };
        let make = || self.attempt(outcome, code, known());
        self.compiled.watch.attempt(level, &make);
    }

    /// What a run came to: as its attempt, or where that was told before as an event of its own.
    pub(crate) fn tell_run<'a>(
        &'a self,
        outcome: &'a Outcome,
        status: Option<StatusCode>,
        known: &dyn Fn() -> Known<'a>,
    ) {
        let make = || self.run(outcome, status, known());
        let level = Level::of_run(&outcome.kind);
        let watch = &self.compiled.watch;
        match self.pending.claim() {
            true => watch.attempt(level, &make),
            false => watch.late_run(level, &make),
        }
    }

    /// The attempt ends before its run. Says whether it does: the run may just have been told.
    pub(crate) fn tell_unfinished<'a>(
        &'a self,
        outcome: &'a Outcome,
        known: &dyn Fn() -> Known<'a>,
    ) -> bool {
        let is_first = self.pending.claim();
        if is_first {
            let level = Level::of_run(&outcome.kind);
            let make = || self.run(outcome, None, known());
            self.compiled.watch.attempt(level, &make);
        }
        is_first
    }

    fn run<'a>(
        &'a self,
        outcome: &'a Outcome,
        status: Option<StatusCode>,
        known: Known<'a>,
    ) -> Attempt<'a> {
        Attempt {
            refusal: outcome.refusal(),
            status: match outcome.refusal() {
                Some(refusal) => Some(answer(refusal).status),
                None => status,
            },
            key: outcome.key,
            run: outcome.attempt,
            ..self.attempt(AttemptOutcome::of(&outcome.kind), outcome.code(), known)
        }
    }

    /// The run of an attempt that has been told was dropped before its end. One that has not will be, when its delivery is let go of.
    pub(crate) fn tell_run_dropped<'a>(&'a self, known: &dyn Fn() -> Known<'a>) {
        if self.pending.is_told() {
            self.compiled.watch.late_run(Level::Warn, &|| {
                self.attempt(AttemptOutcome::Abandoned, "dropped", known())
            });
        }
    }

    fn attempt<'a>(
        &'a self,
        outcome: AttemptOutcome,
        code: &'static str,
        known: Known<'a>,
    ) -> Attempt<'a> {
        Attempt {
            is_verified: true,
            secret_label: Some(self.secret_label()).filter(|label| !label.is_empty()),
            delivery: known.delivery,
            id: known.id,
            event: known.event,
            tenant: self.tenant().or(known.tenant),
            key: known.key,
            body_bytes: u64::try_from(self.body.len()).ok(),
            skew_millis: self.pending.skew_millis(self.timestamp),
            ..self.compiled.attempt(&self.pending, outcome, code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AttemptOutcome::{self, *};

    /// One that is new does not compile here until it has a place in the list.
    #[test]
    fn the_list_of_outcomes_is_whole() {
        let place = |outcome: &AttemptOutcome| match outcome {
            Accepted => 0,
            Answered => 1,
            Refused => 2,
            Abandoned => 3,
            Done => 4,
            FailedForGood => 5,
            Released => 6,
            Unrecorded => 7,
            Duplicate => 8,
        };
        let places: Vec<usize> = AttemptOutcome::ALL.iter().map(place).collect();
        assert_eq!(places, (0..9).collect::<Vec<_>>());
    }
}
