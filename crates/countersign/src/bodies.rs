//! How many bodies are read at once, and how much of them is held: places and bytes, and a queue for both.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::defaults;
use crate::refusal::Refusal;
use crate::source::Source;

/// A bound on the bodies that are being read, all together. Clones share it: give several receivers the same one, and it bounds what they read
/// together.
///
/// - **Places**: a body takes one as soon as it makes the receiver wait for it; one that is there at once, as most are, needs none. So
///   connections that stall cannot shut out senders that do not.
/// - **Bytes**: what bodies hold beyond their first 64 KiB each. While there are none left, what has come in is kept, and nothing more is read but
///   for one body, so that somebody always gets on. The bound may be passed by that one, and by one piece of each other as the server reads them.
/// - **Queue**: a body without a place waits, unread, for as long as a body may take in all; then, or when the queue is full, it is refused
///   with 503. First come, first served.
///
/// What is held at most: `bytes`, the longest body, and 64 KiB and a piece for each place and each that waits.
///
/// ```
/// use countersign::{Bodies, Receiver, Secret, providers::{GITHUB, SHOPIFY}};
/// use std::num::NonZero;
///
/// let bodies = Bodies::new(NonZero::new(64).unwrap(), 32 << 20);
/// let secret = || Secret::new("0123456789abcdef");
/// let github = Receiver::builder(GITHUB, secret()?).bodies(bodies.clone()).build()?;
/// let shopify = Receiver::builder(SHOPIFY, secret()?).bodies(bodies.clone()).build()?;
/// assert_eq!(bodies.usage().reading, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Bodies {
    limits: Limits,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    places: usize,
    bytes: u64,
    waiting: usize,
    per_source: Option<usize>,
}

#[derive(Default)]
struct State {
    reading: usize,
    bytes: u64,
    queue: VecDeque<Waiting>,
    /// How many places each source has; only where there are shares.
    held: HashMap<Source, usize>,
    /// Those that have a place and no room to read on.
    thirsty: Vec<(u64, Waker)>,
    /// The one that is read on although there is no room.
    ahead: Option<u64>,
    next: u64,
}

struct Waiting {
    number: u64,
    source: Option<Source>,
    granted: Arc<AtomicBool>,
    waker: Waker,
}

/// How much of a [`Bodies`] is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BodyUsage {
    /// Bodies that have a place.
    pub reading: usize,
    /// Bodies that wait for one.
    pub waiting: usize,
    /// Bytes that bodies hold beyond their first 64 KiB.
    pub bytes: u64,
}

impl Bodies {
    /// Places for `places` bodies, and room for `bytes` bytes. 1,024 may wait.
    #[must_use]
    pub fn new(places: NonZero<usize>, bytes: u64) -> Self {
        Self {
            limits: Limits {
                places: places.get(),
                bytes,
                waiting: defaults::BODIES_WAITING,
                per_source: None,
            },
            state: Arc::default(),
        }
    }

    /// How many may wait for a place. Set it before it is shared: what was cloned before keeps its own.
    #[must_use]
    pub fn waiting(mut self, count: usize) -> Self {
        self.limits.waiting = count;
        self
    }

    /// How many places one source may have at once; what it has beyond waits. Building fails without
    /// [`sources`](crate::ReceiverBuilder::sources): where they are not told apart, everybody would share one share.
    ///
    /// Set it before it is shared: what was cloned before keeps its own.
    #[must_use]
    pub fn per_source(mut self, places: NonZero<usize>) -> Self {
        self.limits.per_source = Some(places.get());
        self
    }

    /// How much is in use now.
    #[must_use]
    pub fn usage(&self) -> BodyUsage {
        let state = self.state();
        BodyUsage {
            reading: state.reading,
            waiting: state.queue.len(),
            bytes: state.bytes,
        }
    }

    pub(crate) const fn places(&self) -> usize {
        self.limits.places
    }

    pub(crate) const fn has_no_room(&self) -> bool {
        self.limits.bytes == 0
    }

    pub(crate) const fn has_shares(&self) -> bool {
        self.limits.per_source.is_some()
    }

    /// A place, or one in the queue for it.
    pub(crate) fn enter(&self, source: Option<Source>) -> Result<Place, Refusal> {
        let source = source.filter(|_| self.has_shares());
        let mut state = self.state();
        let number = state.next;
        state.next = state.next.wrapping_add(1);
        let granted = state.queue.is_empty() && state.admits(&self.limits, source);
        let granted =
            granted || (self.has_shares() && state.admits_past_queue(&self.limits, source));
        if granted {
            state.take(source);
        } else if state.queue.len() >= self.limits.waiting {
            return Err(Refusal::TooManyBodies {
                limit: self.limits.places,
            });
        }
        let granted = Arc::new(AtomicBool::new(granted));
        if !granted.load(Ordering::Relaxed) {
            state.queue.push_back(Waiting {
                number,
                source,
                granted: Arc::clone(&granted),
                waker: Waker::noop().clone(),
            });
        }
        drop(state);
        Ok(Place {
            bodies: self.clone(),
            number,
            source,
            granted,
            held: 0,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Bodies {
    /// 256 places, 256 MiB, and 1,024 that may wait.
    fn default() -> Self {
        Self::new(defaults::BODIES, defaults::BODY_BYTES)
    }
}

impl fmt::Debug for Bodies {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Bodies")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl State {
    fn admits(&self, limits: &Limits, source: Option<Source>) -> bool {
        self.reading < limits.places && self.has_share(limits, source)
    }

    /// Everybody in the queue waits for a share of his own, and there is room beside them.
    fn admits_past_queue(&self, limits: &Limits, source: Option<Source>) -> bool {
        self.admits(limits, source)
            && self
                .queue
                .iter()
                .all(|waiting| !self.has_share(limits, waiting.source))
    }

    fn has_share(&self, limits: &Limits, source: Option<Source>) -> bool {
        match (limits.per_source, source) {
            (Some(most), Some(source)) => self.held.get(&source).copied().unwrap_or(0) < most,
            _ => true,
        }
    }

    fn take(&mut self, source: Option<Source>) {
        self.reading = self.reading.saturating_add(1);
        if let Some(source) = source {
            let held = self.held.entry(source).or_insert(0);
            *held = held.saturating_add(1);
        }
    }

    fn give_back(&mut self, source: Option<Source>) {
        self.reading = self.reading.saturating_sub(1);
        if let Some(source) = source
            && let Some(held) = self.held.get_mut(&source)
        {
            *held = held.saturating_sub(1);
            if *held == 0 {
                self.held.remove(&source);
            }
        }
    }

    /// Gives free places to those who have waited longest. Gives the wakers on, which run without the lock.
    fn grant(&mut self, limits: &Limits) -> Vec<Waker> {
        let mut wakers = Vec::new();
        while self.reading < limits.places {
            let next = self
                .queue
                .iter()
                .position(|waiting| self.has_share(limits, waiting.source));
            let Some(waiting) = next.and_then(|at| self.queue.remove(at)) else {
                break;
            };
            self.take(waiting.source);
            waiting.granted.store(true, Ordering::Release);
            wakers.push(waiting.waker);
        }
        wakers
    }
}

/// A place for one body, or one in the queue for it; given back when it is dropped.
pub(crate) struct Place {
    bodies: Bodies,
    number: u64,
    source: Option<Source>,
    granted: Arc<AtomicBool>,
    /// What of its body is counted.
    held: u64,
}

impl Place {
    /// Ready when the body may be read on: there is a place for it, and room.
    pub(crate) fn poll_go_on(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_granted() && self.held == 0 {
            return Poll::Ready(());
        }
        let mut state = self.bodies.state();
        if !self.is_granted() {
            let mut waiting = state.queue.iter_mut();
            if let Some(waiting) = waiting.find(|waiting| waiting.number == self.number) {
                waiting.waker.clone_from(cx.waker());
            }
            return Poll::Pending;
        }
        if state.bytes < self.bodies.limits.bytes {
            return Poll::Ready(());
        }
        if *state.ahead.get_or_insert(self.number) == self.number {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        match state
            .thirsty
            .iter_mut()
            .find(|(number, _)| *number == self.number)
        {
            Some((_, known)) => *known = waker,
            None => state.thirsty.push((self.number, waker)),
        }
        Poll::Pending
    }

    /// So many bytes of its body are held.
    pub(crate) fn hold(&mut self, received: u64) {
        let held = received.saturating_sub(defaults::BODY_SHARE);
        let more = held.saturating_sub(self.held);
        if more > 0 {
            let mut state = self.bodies.state();
            state.bytes = state.bytes.saturating_add(more);
            self.held = held;
        }
    }

    pub(crate) fn is_granted(&self) -> bool {
        self.granted.load(Ordering::Acquire)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let wakers = {
            let mut state = self.bodies.state();
            state.bytes = state.bytes.saturating_sub(self.held);
            state.thirsty.retain(|(number, _)| *number != self.number);
            state.ahead = state.ahead.filter(|number| *number != self.number);
            if self.is_granted() {
                state.give_back(self.source);
            } else {
                state.queue.retain(|waiting| waiting.number != self.number);
            }
            let mut wakers = state.grant(&self.bodies.limits);
            if state.bytes < self.bodies.limits.bytes || state.ahead.is_none() {
                wakers.extend(state.thirsty.drain(..).map(|(_, waker)| waker));
            }
            wakers
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
#[path = "bodies_tests.rs"]
mod tests;
