//! One look-up for all who wait for it. It goes on for as long as somebody does.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::source::Reply;
use super::{Directory, Found};
use crate::clock::Clock;
use crate::receiver::ring;
use crate::refusal::Refusal;
use crate::scheme::compiled::Compiled;
use crate::waiting::{Either, Panicked, caught, either};

/// What a look-up comes to.
pub(super) type Answer = Result<Found, Refusal>;

type Running = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A look-up on its way. Those who wait own it, and nobody else does.
pub(super) struct Flight {
    directory: Arc<Directory>,
    number: u64,
    name: Arc<str>,
    /// When the source was asked, by the receiver's clock.
    began: Duration,
    stage: Mutex<Stage>,
    bells: Arc<Bells>,
}

enum Stage {
    Waiting(Running),
    /// One of those who wait polls it at this moment.
    Polled,
    Landed(Answer),
}

impl Flight {
    pub(super) fn new(
        (directory, compiled): (&Arc<Directory>, &Arc<Compiled>),
        (number, name): (u64, &Arc<str>),
        (clock, limit): (&Arc<dyn Clock>, Duration),
    ) -> Arc<Self> {
        let began = clock.monotonic();
        let asked = ask(
            directory.source.ask(name),
            Arc::clone(compiled),
            directory.max_secrets,
            Arc::clone(name),
            Arc::clone(clock),
            limit,
        );
        // Whatever panics, the source or the clock: it is not known.
        let told = async {
            caught(asked).await.unwrap_or_else(|Panicked| {
                tracing::warn!("a look-up of a tenant's secrets panicked");
                Err(Refusal::SecretsUnavailable)
            })
        };
        let running = async {
            // And whoever writes the log may, too: nobody would wake the others.
            let answer = caught(told).await;
            answer.unwrap_or_else(|Panicked| Err(Refusal::SecretsUnavailable))
        };
        Arc::new(Self {
            directory: Arc::clone(directory),
            number,
            name: Arc::clone(name),
            began,
            stage: Mutex::new(Stage::Waiting(Box::pin(running))),
            bells: Arc::default(),
        })
    }

    fn has_landed(&self) -> bool {
        matches!(*self.stage(), Stage::Landed(_))
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        // Nothing that can panic runs while it is held.
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls the look-up on behalf of all.
    fn poll(&self) -> Poll<Answer> {
        let mut running = {
            let mut stage = self.stage();
            match std::mem::replace(&mut *stage, Stage::Polled) {
                Stage::Waiting(running) => running,
                // Whoever polls it is woken by what happens meanwhile, and rings for the others if he ends.
                Stage::Polled => return Poll::Pending,
                Stage::Landed(answer) => {
                    *stage = Stage::Landed(answer.clone());
                    return Poll::Ready(answer);
                }
            }
        };
        let waker = Waker::from(Arc::clone(&self.bells));
        let polled = running.as_mut().poll(&mut Context::from_waker(&waker));
        match polled {
            Poll::Pending => {
                *self.stage() = Stage::Waiting(running);
                Poll::Pending
            }
            Poll::Ready(answer) => {
                self.directory
                    .landed((self.number, &self.name), self.began, &answer);
                *self.stage() = Stage::Landed(answer.clone());
                self.bells.ring();
                Poll::Ready(answer)
            }
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.directory.abandoned(self.number, &self.name);
    }
}

/// Asks the source, and makes its secrets ready for the scheme.
async fn ask(
    reply: Reply,
    compiled: Arc<Compiled>,
    max_secrets: usize,
    name: Arc<str>,
    clock: Arc<dyn Clock>,
    limit: Duration,
) -> Answer {
    let scheme = &compiled.scheme;
    let mut reply = pin!(reply);
    let mut timer = pin!(async { clock.sleep(limit).await });
    let secrets = match either(reply.as_mut(), timer.as_mut()).await {
        Either::First(Ok(Some(secrets))) => secrets,
        Either::First(Ok(None)) => return Ok(Found::Unknown),
        Either::First(Err(error)) => {
            tracing::warn!(
                scheme = &*scheme.name,
                %error,
                cause = error.source().map(tracing::field::display),
                "trouble with the source of tenants' secrets"
            );
            return Err(Refusal::SecretsUnavailable);
        }
        Either::Second(()) => {
            tracing::warn!(
                scheme = &*scheme.name,
                ?limit,
                "the source of tenants' secrets does not answer in time"
            );
            return Err(Refusal::SecretsUnavailable);
        }
    };
    match ring(scheme, &secrets, max_secrets) {
        Ok(keys) => Ok(Found::Ring(keys.into())),
        Err(error) => {
            tracing::warn!(
                scheme = &*scheme.name,
                tenant = &*name,
                %error,
                "a tenant's secrets cannot be used: his deliveries are refused until they are mended"
            );
            Err(Refusal::SecretsUnusable)
        }
    }
}

/// A place among those who wait for a look-up. Dropping it at any moment is harmless.
pub(crate) struct LookUp {
    flight: Arc<Flight>,
    bell: u64,
    has_asked: bool,
}

impl LookUp {
    pub(super) fn join(flight: Arc<Flight>) -> Self {
        Self::new(flight, false)
    }

    /// The place of the one for whom the source is asked.
    pub(super) fn begin(flight: Arc<Flight>) -> Self {
        Self::new(flight, true)
    }

    fn new(flight: Arc<Flight>, has_asked: bool) -> Self {
        let bell = flight.bells.next();
        Self {
            flight,
            bell,
            has_asked,
        }
    }

    pub(crate) const fn has_asked(&self) -> bool {
        self.has_asked
    }

    /// Whose it is.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.flight.name
    }

    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Answer> {
        // First, so that nothing that happens while it is polled is missed.
        self.flight.bells.hang(self.bell, cx.waker());
        self.flight.poll()
    }
}

impl Drop for LookUp {
    fn drop(&mut self) {
        let bells = &self.flight.bells;
        bells.take_down(self.bell);
        // It may have been woken and not have polled: somebody else has to.
        if !self.flight.has_landed() {
            bells.ring();
        }
    }
}

impl fmt::Debug for LookUp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("LookUp")
    }
}

/// The wakers of those who wait. They are no part of the look-up, which would otherwise own itself through whatever is to wake it.
#[derive(Default)]
struct Bells(Mutex<Hung>);

#[derive(Default)]
struct Hung {
    wakers: BTreeMap<u64, Waker>,
    next: u64,
}

impl Bells {
    fn next(&self) -> u64 {
        let mut hung = self.hung();
        let number = hung.next;
        hung.next = number.wrapping_add(1);
        number
    }

    fn hang(&self, number: u64, waker: &Waker) {
        let mut hung = self.hung();
        match hung.wakers.get_mut(&number) {
            Some(known) if known.will_wake(waker) => {}
            _ => {
                let old = hung.wakers.insert(number, waker.clone());
                drop(hung);
                drop(old);
            }
        }
    }

    fn take_down(&self, number: u64) {
        let old = self.hung().wakers.remove(&number);
        drop(old);
    }

    fn ring(&self) {
        // Not while the lock is held: who is woken may poll at once.
        let wakers: Vec<Waker> = self.hung().wakers.values().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn hung(&self) -> MutexGuard<'_, Hung> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bells {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
