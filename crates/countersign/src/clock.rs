//! The only door to time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use crate::timestamp::Timestamp;

/// A sleep that a [`Clock`] gives.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the library needs to know of time. Adapters bring a runtime's; tests a manual one.
///
/// `now` and `monotonic` are read on the request path and must not block.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The wall clock, for tolerances only. It may jump.
    fn now(&self) -> Timestamp;

    /// Time since a fixed moment of this clock's choice, for timeouts, and for leases and retentions in memory. It never goes back.
    fn monotonic(&self) -> Duration;

    /// Completes `duration` later by the monotonic time.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The system's wall clock. Before 1970 or beyond the range of [`Timestamp`] it gives the nearest representable moment.
#[must_use]
pub fn system_now() -> Timestamp {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => Timestamp::from_millis(0).saturating_add(since),
        Err(before) => Timestamp::from_millis(0).saturating_sub(before.duration()),
    }
}

/// The system's monotonic time since the first call in this process.
pub(crate) fn monotonic() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
