//! Until when a server is waited for.

use std::time::{Duration, Instant};

/// A moment after which nothing is waited for any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    pub(super) fn after(wait: Duration) -> Self {
        // One beyond the end of time never comes.
        Self(Instant::now().checked_add(wait))
    }

    /// What is left; `None` when it has passed.
    pub(super) fn left(&self) -> Option<Duration> {
        let Some(at) = self.0 else {
            return Some(Duration::MAX);
        };
        let left = at.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}
