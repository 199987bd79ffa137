//! Attempts at a receiver that remembers: from the request to what became of it, without a runtime.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use countersign::{
    Answered, Clock, Delivery, DeliveryStore, Handled, IdempotencyKey, Once, OutcomeKind, Receiver,
    Refusal, Timestamp, outcome,
};
use countersign_testkit::ManualClock;
use http::{Request, StatusCode};

/// Step 0 to 6, as a layer takes them. `None`: it is no delivery.
pub(crate) fn deliver<S>(
    receiver: &Receiver<S>,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Result<Option<Delivery>, Refusal> {
    let mut intake = receiver.open(request, now)?;
    intake.push(request.body().clone())?;
    match intake.finish()?.verified() {
        Some(verified) => verified.deliver(request).map(Some),
        None => Ok(None),
    }
}

/// The key of a request that must be accepted.
#[track_caller]
pub(crate) fn key<S>(
    receiver: &Receiver<S>,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Option<IdempotencyKey> {
    match deliver(receiver, request, now) {
        Ok(Some(delivery)) => delivery.key(),
        other => panic!("{}: no delivery: {other:?}", receiver.scheme().name),
    }
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// What the sender is answered.
    pub(crate) status: u16,
    /// The number of the run that the handler was told; `None` when it did not run.
    pub(crate) run: Option<u32>,
    pub(crate) kind: OutcomeKind,
    /// The number that the outcome tells.
    pub(crate) attempt: Option<u32>,
}

impl Seen {
    /// It ran and was done.
    pub(crate) fn done(attempt: u32, status: u16) -> Self {
        Self {
            status,
            run: Some(attempt),
            kind: OutcomeKind::Done,
            attempt: Some(attempt),
        }
    }

    /// It ran, failed, and was given back.
    pub(crate) fn released(attempt: u32, status: u16) -> Self {
        Self {
            kind: OutcomeKind::Released,
            ..Self::done(attempt, status)
        }
    }

    /// It did not run: `attempt` did it before, and answered `status`.
    pub(crate) fn duplicate(attempt: u32, status: u16, replay: bool, body_changed: bool) -> Self {
        Self {
            status,
            run: None,
            kind: OutcomeKind::Duplicate {
                replay,
                body_changed,
            },
            attempt: Some(attempt),
        }
    }

    /// It did not run and was refused.
    pub(crate) fn refused(refusal: Refusal, attempt: Option<u32>) -> Self {
        Self {
            status: outcome::answer(&refusal).status.as_u16(),
            run: None,
            kind: OutcomeKind::Refused(refusal),
            attempt,
        }
    }
}

/// Sends a request to a receiver whose handler answers `status`.
pub(crate) fn attempt<S: DeliveryStore>(
    receiver: &Receiver<Once<S>>,
    clock: &ManualClock,
    request: &Request<Bytes>,
    status: u16,
) -> Seen {
    let delivery = match deliver(receiver, request, clock.now()) {
        Ok(delivery) => delivery.expect("a delivery"),
        Err(refusal) => return Seen::refused(refusal, None),
    };
    let slot = receiver.reserve().expect("a place for the run");
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    let handlers = StatusCode::from_u16(status).expect("a status");
    let mut run = None;
    let ran = at_once(receiver.run(slot, delivery, &clock, |lease| {
        // A run without a lease has no number.
        run = Some(lease.map_or(0, |lease| lease.attempt()));
        async move { Handled::new(handlers, handlers) }
    }));
    assert!(ran.rest.is_none(), "nothing is left to do");
    let status = match ran.answer {
        Answered::Response(status) => status,
        Answered::Reply(reply) => reply.status,
        Answered::Refused(refusal) => outcome::answer(&refusal).status,
        other => panic!("{other:?}"),
    };
    Seen {
        status: status.as_u16(),
        run,
        kind: ran.outcome.kind,
        attempt: ran.outcome.attempt,
    }
}

/// Nothing here waits: the store answers at once, and so does the handler.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(out) => out,
        Poll::Pending => panic!("it waits, and nobody will wake it"),
    }
}
