//! Tokio's time, as the core wants to see it.

use std::time::Duration;

use countersign::{Clock, Sleep, Timestamp, system_now};
use tokio::time::Instant;

/// The system's wall clock and Tokio's monotonic one: what a middleware uses unless the receiver has a clock of its own.
///
/// Reading the time works anywhere. Sleeping needs a Tokio runtime with its time driver (`enable_time`), and panics elsewhere. The middleware sleeps
/// while a body makes it wait, and with a store while a handler or the store does; so does `drain`. (There a handler that waits is not ended by
/// that, but a sender with a deadline gets no answer.) On another runtime, give the receiver
/// a [`Clock`] of yours ([`ReceiverBuilder::clock`]).
///
/// [`ReceiverBuilder::clock`]: countersign::ReceiverBuilder::clock
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    start: Instant,
}

impl TokioClock {
    /// A clock whose monotonic time starts at zero, now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        system_now()
    }

    fn monotonic(&self) -> Duration {
        Instant::now().saturating_duration_since(self.start)
    }

    /// # Panics
    /// Outside a Tokio runtime, and in one without its time driver.
    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_monotonic_time_is_the_runtimes() {
        let clock = TokioClock::new();
        assert_eq!(clock.monotonic(), Duration::ZERO);
        clock.sleep(Duration::from_secs(7)).await;
        assert_eq!(clock.monotonic(), Duration::from_secs(7));
    }

    #[test]
    fn reading_the_time_needs_no_runtime() {
        let clock = TokioClock::default();
        assert!(clock.monotonic() <= clock.monotonic());
    }
}
