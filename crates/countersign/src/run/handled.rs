//! What goes into a run and what comes out of it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::StatusCode;

use crate::delivery;
use crate::idempotency::{Done, RecordedAnswer};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::runs::Slot;

/// What a handler came to.
#[derive(Debug)]
pub struct Handled<R> {
    pub(super) response: R,
    pub(super) status: Option<StatusCode>,
    pub(super) failed_for_good: bool,
    answer: Option<Arc<RecordedAnswer>>,
}

impl<R> Handled<R> {
    /// It answered. Only a 2xx settles the delivery; all else gives it back.
    pub const fn new(status: StatusCode, response: R) -> Self {
        Self {
            response,
            status: Some(status),
            failed_for_good: false,
            answer: None,
        }
    }

    /// It came to an error, and there is no status. The delivery is given back.
    pub const fn error(response: R) -> Self {
        Self {
            response,
            status: None,
            failed_for_good: false,
            answer: None,
        }
    }

    /// No retry will help: the delivery is recorded as failed, its duplicates are answered 200, and it never runs again.
    #[must_use]
    pub fn failed_for_good(mut self) -> Self {
        self.failed_for_good = true;
        self
    }

    /// What is to be recorded; nothing when it was not done.
    pub(super) fn done(&self, once: &delivery::Once) -> Option<Done> {
        let is_success = self.status.is_some_and(|status| status.is_success());
        (self.failed_for_good || is_success).then(|| Done {
            failed: self.failed_for_good,
            answer: self.answer.clone(),
            ..Done::new(
                self.status.map_or(500, |status| status.as_u16()),
                once.signature,
                once.content,
            )
        })
    }

    /// The content for duplicates, where the sender reads it ([`AnswerKind::Content`](crate::scheme::AnswerKind::Content)).
    #[must_use]
    pub fn recording(mut self, answer: RecordedAnswer) -> Self {
        self.answer = Some(Arc::new(answer));
        self
    }
}

/// What became of an attempt, and what is to be answered.
#[derive(Debug)]
pub struct Ran<R> {
    /// What became of it.
    pub outcome: Outcome,
    /// What is to be answered.
    pub answer: Answered<R>,
    /// What is still to be done when the sender has been answered. Dropping it loses nothing but a record or a given-back lease.
    pub rest: Option<Rest>,
    /// The run's place. Keep it until the answer is handed over and the rest is done: [`drain`](crate::Receiver::drain) waits for it.
    pub slot: Option<Slot>,
    /// What the handler answered with, if it did.
    pub(super) status: Option<StatusCode>,
}

/// What is to be answered.
#[derive(Debug)]
#[non_exhaustive]
pub enum Answered<R> {
    /// The handler's own response.
    Response(R),
    /// What was recorded when the delivery was done.
    Reply(Reply),
    /// A refusal.
    Refused(Refusal),
}

/// Work that outlives the answer: a record that did not reach the store yet. It ends by itself when the lease does.
#[must_use = "does nothing unless it is polled"]
pub struct Rest(pub(super) Pin<Box<dyn Future<Output = ()> + Send>>);

impl Future for Rest {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Rest")
    }
}
