//! A clock that stands where the input puts it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::{Clock, Sleep, Timestamp};

/// Stands still until it is moved. Clones are the same clock.
#[derive(Clone, Debug, Default)]
pub struct Hand(Arc<Mutex<Duration>>);

impl Hand {
    /// Moves it forward.
    ///
    /// # Panics
    /// When it would pass what a duration can hold.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().expect("no panic while it is held") += by;
    }

    /// Puts it anywhere, also back.
    ///
    /// # Panics
    /// When the lock is poisoned.
    pub fn set(&self, to: Duration) {
        *self.0.lock().expect("no panic while it is held") = to;
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().expect("no panic while it is held")
    }

    fn sleep(&self, _: Duration) -> Sleep {
        Box::pin(std::future::pending())
    }
}
