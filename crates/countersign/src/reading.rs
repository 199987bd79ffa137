//! The body's deadlines, while it is read. Adapters lend their body; everything else happens here.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;

use crate::bodies::{Bodies, Place};
use crate::clock::{Clock, Sleep};
use crate::defaults;
use crate::intake::{Asked, Finished, Intake};
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::tenants::LookUp;
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

/// What an attempt turned out to be, when its body was there.
#[derive(Debug)]
#[non_exhaustive]
pub enum Received {
    /// A delivery: genuine and fresh.
    Delivery(Verified),
    /// No delivery: the receiver answers it by itself, and it is not dispatched.
    Answered(Reply),
}

/// A question, and the application's answer on its way.
type Asking = (Asked, Pin<Box<dyn Future<Output = bool> + Send>>);

/// An attempt whose body is being read, with its deadlines. Made by [`Receiver::receive`](crate::Receiver::receive).
///
/// Dropping it at any moment is harmless.
pub struct Reading {
    /// There until the body is complete or refused.
    intake: Option<Intake>,
    /// The application is being asked.
    asking: Option<Asking>,
    /// The tenant's secrets are being looked up.
    look_up: Option<LookUp>,
    /// The body's end has come.
    is_whole: bool,
    clock: Arc<dyn Clock>,
    timeouts: Timeouts,
    bodies: Bodies,
    /// Whether it may wait for a place, or for room.
    may_wait: bool,
    /// There once the body makes us wait, or is long.
    place: Option<Place>,
    /// Since when the place, or room, makes us wait.
    held_since: Option<Duration>,
    /// For how long it did so, if it did: that is not the sender's time.
    held_up: Option<Duration>,
    started: Duration,
    /// Something has come in, if only an empty chunk.
    has_begun: bool,
    /// Armed only while the body makes us wait.
    timer: Option<Sleep>,
}

impl Reading {
    pub(crate) fn new(
        intake: Intake,
        clock: Arc<dyn Clock>,
        timeouts: Timeouts,
        (bodies, may_wait): (Bodies, bool),
    ) -> Self {
        let started = clock.monotonic();
        Self {
            intake: Some(intake),
            asking: None,
            look_up: None,
            is_whole: false,
            clock,
            timeouts,
            bodies,
            may_wait,
            place: None,
            held_since: None,
            held_up: None,
            started,
            has_begun: false,
            timer: None,
        }
    }

    /// Reads on, as far as the body goes, and then asks the application if the request is a question for it.
    ///
    /// # Errors
    /// Those of [`Intake::push`] and [`Intake::finish`]; [`Refusal::BodyIncomplete`] when the body breaks off, and when this is polled
    /// again after it completed; [`Refusal::BodyTooSlow`] after a pause or a whole longer than the deadlines;
    /// [`Refusal::TooManyBodies`] when there are too many others, and no end of it within the deadline where it may wait, or a sender that has
    /// waited for them hangs up;
    /// [`Refusal::TenantUnknown`], [`Refusal::SecretsUnavailable`], [`Refusal::SecretsUnusable`] and [`Refusal::TooManyLookUps`] where each tenant has
    /// a ring of his own;
    /// [`Refusal::NotAgreed`] when the application says no to a question, and [`Refusal::ConsentTooSlow`] when it takes longer than a
    /// body may.
    pub fn poll_received(
        &mut self,
        cx: &mut Context<'_>,
        mut body: Pin<&mut impl Chunks>,
    ) -> Poll<Result<Received, Refusal>> {
        if self.asking.is_some() {
            return self.poll_consent(cx);
        }
        if self.intake.is_none() {
            return Poll::Ready(Err(Refusal::BodyIncomplete));
        }
        loop {
            // Beside the body: who waits for the one need not wait for the other.
            let is_settled = match self.poll_look_up(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(refusal)) => return Poll::Ready(Err(self.turn_away(refusal))),
                Poll::Pending => false,
            };
            if !self.is_whole && self.poll_place(cx).is_pending() {
                let wait = self.left();
                if self.may_wait && self.poll_timer(cx, wait).is_pending() {
                    return Poll::Pending;
                }
                let refusal = self.bodies.refusal();
                return Poll::Ready(Err(self.turn_away(refusal)));
            }
            let read = match self.is_whole {
                true if is_settled => Poll::Ready(None),
                true => Poll::Pending,
                false => body.as_mut().poll_chunk(cx),
            };
            match read {
                Poll::Ready(Some(chunk)) => {
                    self.timer = None;
                    if let Err(refusal) = self.take(chunk) {
                        self.intake = None;
                        self.place = None;
                        return Poll::Ready(Err(refusal));
                    }
                }
                Poll::Ready(None) if !self.is_whole => {
                    // It may be the body that says whose secrets decide.
                    self.is_whole = true;
                    self.timer = None;
                }
                Poll::Ready(None) => {
                    self.timer = None;
                    let place = self.place.take();
                    let finished = match self.intake.take() {
                        Some(intake) => intake.finish(),
                        None => Err(Refusal::BodyIncomplete),
                    };
                    return match finished {
                        Ok(Finished::Verified(verified)) => {
                            Poll::Ready(Ok(Received::Delivery(verified)))
                        }
                        Ok(Finished::Answered(reply)) => Poll::Ready(Ok(Received::Answered(reply))),
                        Ok(Finished::Asked(asked)) => {
                            self.place = place;
                            let consent = asked.ask();
                            self.asking = Some((asked, consent));
                            self.poll_consent(cx)
                        }
                        Err(refusal) => Poll::Ready(Err(refusal)),
                    };
                }
                Poll::Pending => {
                    match self.enter() {
                        Ok(true) => continue,
                        Ok(false) => {}
                        Err(refusal) => return Poll::Ready(Err(self.turn_away(refusal))),
                    }
                    let wait = match self.is_whole {
                        true => self.left(),
                        false => self.left().min(self.timeouts.idle),
                    };
                    if self.poll_timer(cx, wait).is_pending() {
                        return Poll::Pending;
                    }
                    let refusal = match self.is_whole {
                        true => Refusal::SecretsUnavailable,
                        false => self.too_slow(),
                    };
                    return Poll::Ready(Err(self.turn_away(refusal)));
                }
            }
        }
    }

    /// Ready when it is known whose secrets decide, or when nobody can be asked yet.
    fn poll_look_up(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        let Some(intake) = &mut self.intake else {
            return Poll::Ready(Ok(()));
        };
        if self.look_up.is_none() {
            let room = |source| match self.place {
                Some(_) => Ok(()),
                None => self.bodies.has_place(source, self.may_wait),
            };
            match intake.look_up(self.is_whole, &room) {
                Ok(look_up) => self.look_up = look_up,
                Err(refusal) => return Poll::Ready(Err(refusal)),
            }
        }
        let Some(look_up) = &self.look_up else {
            return Poll::Ready(Ok(()));
        };
        let answer = ready!(look_up.poll(cx));
        if let Ok(found) = &answer {
            intake.settle(Arc::clone(look_up.name()), found.clone());
        }
        self.look_up = None;
        Poll::Ready(answer.map(|_| ()))
    }

    /// Ready when the body may be read on.
    fn poll_place(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(place) = &self.place else {
            return Poll::Ready(());
        };
        let may = place.poll_go_on(cx);
        match (may.is_pending(), self.held_since) {
            (true, None) => self.held_since = Some(self.elapsed()),
            (false, Some(since)) => {
                let held_up = self.elapsed().saturating_sub(since);
                let before = self.held_up.unwrap_or_default();
                self.held_up = Some(before.saturating_add(held_up));
                self.held_since = None;
            }
            _ => return may,
        }
        // The body's own deadline does not run while we do not read.
        self.timer = None;
        may
    }

    /// Takes a place for the body, if it has none. Says whether there is a queue for it.
    fn enter(&mut self) -> Result<bool, Refusal> {
        let (Some(intake), None) = (&self.intake, &self.place) else {
            return Ok(false);
        };
        let mut place = self.bodies.enter(intake.source(), self.may_wait)?;
        place.hold(intake.received());
        let must_wait = !place.is_granted();
        self.place = Some(place);
        Ok(must_wait)
    }

    /// The time that it stood in our queue is not the sender's.
    fn too_slow(&self) -> Refusal {
        let own = self
            .elapsed()
            .saturating_sub(self.held_up.unwrap_or_default());
        match self.left().is_zero() && own < self.timeouts.total {
            true => self.bodies.refusal(),
            false => Refusal::BodyTooSlow,
        }
    }

    /// Who gave up while he stood in our queue shows it only when we read on: that is no failure of his.
    fn broken_off(&self) -> Refusal {
        match self.held_up {
            Some(_) => self.bodies.refusal(),
            None => Refusal::BodyIncomplete,
        }
    }

    fn turn_away(&mut self, refusal: Refusal) -> Refusal {
        self.place = None;
        self.look_up = None;
        match self.intake.take() {
            Some(intake) => intake.broken(refusal),
            None => refusal,
        }
    }

    fn poll_consent(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, Refusal>> {
        let Some((asked, consent)) = &mut self.asking else {
            return Poll::Ready(Err(Refusal::BodyIncomplete));
        };
        if let Poll::Ready(agreed) = consent.as_mut().poll(cx) {
            let reply = asked.answer(agreed);
            self.asking = None;
            self.place = None;
            return Poll::Ready(reply.map(Received::Answered));
        }
        // An application that takes its time is no less of a wait than a body, but nobody waits for a place to wait in.
        if self.place.is_none() {
            match self.bodies.enter(asked.source(), false) {
                Ok(place) => self.place = Some(place),
                Err(refusal) => {
                    let refusal = asked.broken(refusal);
                    self.asking = None;
                    return Poll::Ready(Err(refusal));
                }
            }
        }
        let wait = self.left();
        if self.poll_timer(cx, wait).is_pending() {
            return Poll::Pending;
        }
        self.place = None;
        let refusal = Refusal::ConsentTooSlow;
        Poll::Ready(Err(match self.asking.take() {
            Some((asked, _)) => asked.broken(refusal),
            None => refusal,
        }))
    }

    /// Rings after `wait`, counted from the first poll since it was disarmed.
    fn poll_timer(&mut self, cx: &mut Context<'_>, wait: Duration) -> Poll<()> {
        let clock = &self.clock;
        let timer = self.timer.get_or_insert_with(|| clock.sleep(wait));
        let rung = timer.as_mut().poll(cx);
        if rung.is_ready() {
            self.timer = None;
        }
        rung
    }

    fn left(&self) -> Duration {
        self.timeouts.total.saturating_sub(self.elapsed())
    }

    fn take(&mut self, chunk: Result<Bytes, Broken>) -> Result<(), Refusal> {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        let Ok(chunk) = chunk else {
            let refusal = self.broken_off();
            return Err(self.turn_away(refusal));
        };
        let intake = self.intake.as_mut().ok_or(Refusal::BodyIncomplete)?;
        intake.push(chunk)?;
        let received = intake.received();
        match &mut self.place {
            Some(place) => place.hold(received),
            None if received > defaults::BODY_SHARE => {
                if let Err(refusal) = self.enter() {
                    return Err(self.turn_away(refusal));
                }
            }
            None => {}
        }
        // A body that is always ready never lets a timer ring.
        if !is_first && self.elapsed() > self.timeouts.total {
            let refusal = self.too_slow();
            return Err(self.turn_away(refusal));
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
