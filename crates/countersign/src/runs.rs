//! The runs that are going on: how many there may be, and when there are none left.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::refusal::Refusal;

/// Counts the runs of one receiver.
#[derive(Debug)]
pub(crate) struct Runs {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    closed: bool,
    waiting: Vec<Waker>,
}

/// A place for one run, given back when it is dropped. Made by [`Receiver::reserve`](crate::Receiver::reserve).
#[must_use = "a slot is given back when it is dropped"]
pub struct Slot(Arc<Runs>);

impl Runs {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            state: Mutex::default(),
        })
    }

    pub(crate) fn reserve(self: &Arc<Self>) -> Result<Slot, Refusal> {
        let mut state = self.state();
        if state.closed {
            return Err(Refusal::ShuttingDown);
        }
        if state.running >= self.most {
            return Err(Refusal::TooManyRuns { limit: self.most });
        }
        state.running = state.running.saturating_add(1);
        Ok(Slot(Arc::clone(self)))
    }

    /// Is it one of these places?
    pub(crate) fn has(self: &Arc<Self>, slot: &Slot) -> bool {
        Arc::ptr_eq(self, &slot.0)
    }

    /// Is at least half of the room free, so that some may go to what can be done without?
    pub(crate) fn is_roomy(&self) -> bool {
        self.running() <= self.most / 2
    }

    pub(crate) fn running(&self) -> usize {
        self.state().running
    }

    /// From now on nothing is let in.
    pub(crate) fn close(&self) {
        self.state().closed = true;
    }

    /// Completes when nothing runs.
    pub(crate) async fn idle(&self) {
        poll_fn(|cx| {
            let mut state = self.state();
            if state.running == 0 {
                return Poll::Ready(());
            }
            if !state
                .waiting
                .iter()
                .any(|waker| waker.will_wake(cx.waker()))
            {
                state.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.0.state();
            state.running = state.running.saturating_sub(1);
            match state.running {
                0 => std::mem::take(&mut state.waiting),
                _ => Vec::new(),
            }
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Slot")
    }
}
