//! The body's deadlines, while it is read. Adapters lend their body; everything else happens here.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

use crate::clock::{Clock, Sleep};
use crate::intake::Intake;
use crate::refusal::Refusal;
use crate::verify::Verified;

/// A body as an adapter lends it.
pub trait Chunks {
    /// The next chunk of the body: `None` at its end, `Err` when it cannot be read to its end. Trailers are dropped.
    fn poll_chunk(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>>;
}

/// The body could not be read to its end. Whatever came before is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// How long a body may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) idle: Duration,
    pub(crate) total: Duration,
}

/// An attempt whose body is being read, with its deadlines. Made by [`Receiver::receive`](crate::Receiver::receive).
///
/// Dropping it at any moment is harmless.
pub struct Reading {
    /// There until the body is complete or refused.
    intake: Option<Intake>,
    clock: Arc<dyn Clock>,
    timeouts: Timeouts,
    started: Duration,
    /// Something has come in, if only an empty chunk.
    has_begun: bool,
    /// Armed only while the body makes us wait.
    timer: Option<Sleep>,
}

impl Reading {
    pub(crate) fn new(intake: Intake, clock: Arc<dyn Clock>, timeouts: Timeouts) -> Self {
        let started = clock.monotonic();
        Self {
            intake: Some(intake),
            clock,
            timeouts,
            started,
            has_begun: false,
            timer: None,
        }
    }

    /// Reads on, as far as the body goes.
    ///
    /// # Errors
    /// Those of [`Intake::push`] and [`Intake::finish`]; [`Refusal::BodyIncomplete`] when the body breaks off, and when this is polled
    /// again after it completed; [`Refusal::BodyTooSlow`] after a pause or a whole longer than the deadlines.
    pub fn poll_verified(
        &mut self,
        cx: &mut Context<'_>,
        mut body: Pin<&mut impl Chunks>,
    ) -> Poll<Result<Verified, Refusal>> {
        if self.intake.is_none() {
            return Poll::Ready(Err(Refusal::BodyIncomplete));
        }
        loop {
            match body.as_mut().poll_chunk(cx) {
                Poll::Ready(Some(chunk)) => {
                    self.timer = None;
                    if let Err(refusal) = self.take(chunk) {
                        self.intake = None;
                        return Poll::Ready(Err(refusal));
                    }
                }
                Poll::Ready(None) => {
                    let intake = self.intake.take();
                    return Poll::Ready(match intake {
                        Some(intake) => intake.finish(),
                        None => Err(Refusal::BodyIncomplete),
                    });
                }
                Poll::Pending => {
                    let timer = match &mut self.timer {
                        Some(timer) => timer,
                        None => {
                            let left = self.timeouts.total.saturating_sub(self.elapsed());
                            self.timer
                                .insert(self.clock.sleep(left.min(self.timeouts.idle)))
                        }
                    };
                    if timer.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.timer = None;
                    self.intake = None;
                    return Poll::Ready(Err(Refusal::BodyTooSlow));
                }
            }
        }
    }

    fn take(&mut self, chunk: Result<Bytes, Broken>) -> Result<(), Refusal> {
        let intake = self.intake.as_mut().ok_or(Refusal::BodyIncomplete)?;
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        intake.push(chunk.map_err(|Broken| Refusal::BodyIncomplete)?)?;
        // A body that is always ready never lets a timer ring.
        if !is_first && self.elapsed() > self.timeouts.total {
            return Err(Refusal::BodyTooSlow);
        }
        Ok(())
    }

    fn elapsed(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.started)
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Reading")
            .field("intake", &self.intake)
            .finish_non_exhaustive()
    }
}
