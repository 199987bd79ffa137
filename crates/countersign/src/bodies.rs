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
/// - **Places**: a body takes one when it makes the receiver wait for it, or is longer than 64 KiB. One that is there at once, as most are,
///   needs none. So connections that stall cannot shut out senders that do not.
/// - **Bytes**: what bodies hold beyond their first 64 KiB each. While there are none left, what has come in is kept, and nothing more is read but
///   for one body, so that somebody always gets on. The bound may be passed by that one, and by one piece of each other as the server reads them.
/// - **Queue**: a body without a place waits, unread, for as long as a body may take in all; then, or when the queue is full, it is refused
///   with 503. First come, first served. Where requests share a connection, as in HTTP/2, nothing waits: a request that is not read would hold up
///   the others, so it is refused at once.
///
/// What is received and held at most: `bytes`, the longest body, and 64 KiB and a piece for each place and each that waits. Buffers double as they
/// grow, so they may take up to twice as much.
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
pub struct Bodies(Arc<Shared>);

struct Shared {
    limits: Limits,
    state: Mutex<State>,
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
    /// What each source has; only where there are shares.
    shares: HashMap<Source, Share>,
    /// Those that have a place and no room to read on.
    thirsty: Vec<(u64, Waker)>,
    /// The one that is read on although there is no room.
    ahead: Option<u64>,
    next: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Share {
    places: usize,
    waiting: usize,
    bytes: u64,
    /// The one of its bodies that is read on although its share is used up.
    ahead: Option<u64>,
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
        Self::of(Limits {
            places: places.get(),
            bytes,
            waiting: defaults::BODIES_WAITING,
            per_source: None,
        })
    }

    /// How many may wait for a place. Gives a bound of its own, which shares nothing with what was cloned before.
    #[must_use]
    pub fn waiting(self, count: usize) -> Self {
        Self::of(Limits {
            waiting: count,
            ..self.0.limits
        })
    }

    /// How many places one source may have at once, and as many in the queue; of the bytes it has the same part as of the places, and one body
    /// beyond. Building fails without [`sources`](crate::ReceiverBuilder::sources): where they are not told apart, everybody would share one share.
    ///
    /// Gives a bound of its own, which shares nothing with what was cloned before.
    #[must_use]
    pub fn per_source(self, places: NonZero<usize>) -> Self {
        Self::of(Limits {
            per_source: Some(places.get()),
            ..self.0.limits
        })
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

    fn of(limits: Limits) -> Self {
        Self(Arc::new(Shared {
            limits,
            state: Mutex::default(),
        }))
    }

    pub(crate) fn has_no_room(&self) -> bool {
        self.0.limits.bytes == 0
    }

    pub(crate) fn has_shares(&self) -> bool {
        self.0.limits.per_source.is_some()
    }

    pub(crate) fn refusal(&self) -> Refusal {
        Refusal::TooManyBodies {
            limit: self.0.limits.places,
        }
    }

    /// Is there a place, or one in the queue for it?
    pub(crate) fn has_place(&self, source: Option<Source>, may_wait: bool) -> Result<(), Refusal> {
        let limits = &self.0.limits;
        let source = source.filter(|_| self.has_shares());
        let state = self.state();
        if state.lets_in(limits, source) || may_wait && state.lets_wait(limits, source) {
            return Ok(());
        }
        Err(self.refusal())
    }

    /// A place, or one in the queue for it.
    pub(crate) fn enter(&self, source: Option<Source>, may_wait: bool) -> Result<Place, Refusal> {
        let limits = &self.0.limits;
        let source = source.filter(|_| self.has_shares());
        let mut state = self.state();
        let number = state.next;
        state.next = state.next.wrapping_add(1);
        let granted = state.lets_in(limits, source);
        if granted {
            state.take(source);
        } else if !may_wait || !state.lets_wait(limits, source) {
            return Err(self.refusal());
        }
        let granted = Arc::new(AtomicBool::new(granted));
        if !granted.load(Ordering::Relaxed) {
            state.wait(Waiting {
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
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
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
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

impl Limits {
    /// A source's part of the bytes: the same as of the places.
    fn bytes_of_one(&self) -> Option<u64> {
        let share = u128::try_from(self.per_source?).ok()?;
        let places = u128::try_from(self.places).ok()?;
        let bytes = u128::from(self.bytes).checked_mul(share)?;
        u64::try_from(bytes.checked_div(places)?).ok()
    }
}

impl State {
    /// Nobody is overtaken who could go himself.
    fn lets_in(&self, limits: &Limits, source: Option<Source>) -> bool {
        self.reading < limits.places
            && self.has_share(limits, source)
            && self
                .queue
                .iter()
                .all(|waiting| !self.has_share(limits, waiting.source))
    }

    fn lets_wait(&self, limits: &Limits, source: Option<Source>) -> bool {
        let waiting = self.share(source).map_or(0, |share| share.waiting);
        self.queue.len() < limits.waiting && limits.per_source.is_none_or(|most| waiting < most)
    }

    fn has_share(&self, limits: &Limits, source: Option<Source>) -> bool {
        let places = self.share(source).map_or(0, |share| share.places);
        limits.per_source.is_none_or(|most| places < most)
    }

    fn share(&self, source: Option<Source>) -> Option<&Share> {
        self.shares.get(&source?)
    }

    /// Changes what a source has, and forgets the source that has nothing.
    fn change(&mut self, source: Option<Source>, change: impl FnOnce(&mut Share)) {
        let Some(source) = source else {
            return;
        };
        let share = self.shares.entry(source).or_default();
        change(share);
        if *share == Share::default() {
            self.shares.remove(&source);
        }
    }

    fn take(&mut self, source: Option<Source>) {
        self.reading = self.reading.saturating_add(1);
        self.change(source, |share| {
            share.places = share.places.saturating_add(1)
        });
    }

    fn wait(&mut self, waiting: Waiting) {
        self.change(waiting.source, |share| {
            share.waiting = share.waiting.saturating_add(1)
        });
        self.queue.push_back(waiting);
    }

    fn position(&self, number: u64) -> Option<usize> {
        let mut queue = self.queue.iter();
        queue.position(|waiting| waiting.number == number)
    }

    fn stop_waiting(&mut self, at: usize) -> Option<Waiting> {
        let waiting = self.queue.remove(at)?;
        self.change(waiting.source, |share| {
            share.waiting = share.waiting.saturating_sub(1)
        });
        Some(waiting)
    }

    /// Is there room to read this body on? Who may go on by one bound alone takes no other one's turn: each would wait for the other.
    fn has_room(&mut self, limits: &Limits, number: u64, source: Option<Source>) -> bool {
        let is_turn = |ahead: Option<u64>| ahead.is_none_or(|ahead| ahead == number);
        let is_full = self.bytes >= limits.bytes;
        if is_full && !is_turn(self.ahead) {
            return false;
        }
        if let Some(most) = limits.bytes_of_one()
            && let Some(share) = source.and_then(|source| self.shares.get_mut(&source))
            && share.bytes >= most
        {
            if !is_turn(share.ahead) {
                return false;
            }
            share.ahead = Some(number);
        }
        if is_full {
            self.ahead = Some(number);
        }
        true
    }

    /// Gives free places to those who have waited longest. Gives the wakers on, which run without the lock.
    fn grant(&mut self, limits: &Limits) -> Vec<Waker> {
        let mut wakers = Vec::new();
        while self.reading < limits.places {
            let next = self
                .queue
                .iter()
                .position(|waiting| self.has_share(limits, waiting.source));
            let Some(waiting) = next.and_then(|at| self.stop_waiting(at)) else {
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
        // It may have been granted only now.
        if self.held == 0 || state.has_room(&self.bodies.0.limits, self.number, self.source) {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let mut thirsty = state.thirsty.iter_mut();
        match thirsty.find(|(number, _)| *number == self.number) {
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
            state.change(self.source, |share| {
                share.bytes = share.bytes.saturating_add(more)
            });
            self.held = held;
        }
    }

    pub(crate) fn is_granted(&self) -> bool {
        self.granted.load(Ordering::Acquire)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (number, held) = (self.number, self.held);
        let wakers = {
            let mut state = self.bodies.state();
            state.bytes = state.bytes.saturating_sub(held);
            state.thirsty.retain(|(known, _)| *known != number);
            // Where there is room again, nobody goes on in place of all.
            let is_full = state.bytes >= self.bodies.0.limits.bytes;
            state.ahead = state.ahead.filter(|known| is_full && *known != number);
            let is_granted = self.is_granted();
            if is_granted {
                state.reading = state.reading.saturating_sub(1);
            } else if let Some(at) = state.position(number) {
                state.stop_waiting(at);
            }
            let most = self.bodies.0.limits.bytes_of_one();
            state.change(self.source, |share| {
                share.places = share.places.saturating_sub(usize::from(is_granted));
                share.bytes = share.bytes.saturating_sub(held);
                let is_used_up = most.is_some_and(|most| share.bytes >= most);
                share.ahead = share.ahead.filter(|known| is_used_up && *known != number);
            });
            let mut wakers = state.grant(&self.bodies.0.limits);
            // Who holds nothing stood in nobody's way. The others look for themselves whether there is room now.
            if held > 0 {
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
