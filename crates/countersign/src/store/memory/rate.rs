//! How long the capacity lasts: an estimate from the new keys of the last minutes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::packed::Nanos;

/// Counts nothing itself: it is told how many new keys there were so far, and remembers what that was a while ago.
///
/// No part of the protocol, so it stays with the standard library's locks under loom.
#[derive(Debug)]
pub(super) struct Rate {
    /// When the current window may end; so that most claims have one number to look at.
    due: AtomicU64,
    windows: Mutex<Windows>,
}

#[derive(Debug)]
struct Windows {
    /// The moment at which the current one began, and how many new keys there had been by then.
    began: (Duration, u64),
    /// The one before.
    last: Span,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    keys: u64,
    time: Duration,
}

/// A window lasts at least this long ...
const WINDOW: Duration = Duration::from_secs(60);
/// ... and has at least so many new keys. Fewer tell nothing.
const ENOUGH: u64 = 32;
/// After this long a window that has enough speaks for itself.
const FIRST_WORD: Duration = Duration::from_secs(1);

impl Rate {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            due: AtomicU64::new(Nanos::from(now.saturating_add(WINDOW)).0),
            windows: Mutex::new(Windows {
                began: (now, 0),
                last: Span::default(),
            }),
        }
    }

    /// Call it after each new key. `total` counts the new keys so far; it is asked about once a minute.
    pub(super) fn note(&self, now: Duration, total: impl FnOnce() -> u64) {
        if !Nanos(self.due.load(Ordering::Relaxed)).is_past(now) {
            return;
        }
        let total = total();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let current = windows.current(now, total);
        if current.time >= WINDOW && current.keys >= ENOUGH {
            windows.last = current;
            windows.began = (now, total);
            let due = Nanos::from(now.saturating_add(WINDOW));
            self.due.store(due.0, Ordering::Relaxed);
        }
    }

    /// How long `capacity` new keys take to come.
    pub(super) fn lasts(&self, capacity: usize, now: Duration, total: u64) -> Option<Duration> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let Span { keys, time } = windows.judge(now, total)?;
        drop(windows);
        let nanos = time
            .as_nanos()
            .saturating_mul(u128::try_from(capacity).unwrap_or(u128::MAX))
            .checked_div(u128::from(keys))?;
        Some(Nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).to_duration())
    }
}

impl Windows {
    fn current(&self, now: Duration, total: u64) -> Span {
        let (began, before) = self.began;
        Span {
            keys: total.saturating_sub(before),
            time: now.saturating_sub(began),
        }
    }

    /// The current window where it has seen enough, and both together where it has not.
    fn judge(&self, now: Duration, total: u64) -> Option<Span> {
        let current = self.current(now, total);
        if current.keys >= ENOUGH && current.time >= FIRST_WORD {
            return Some(current);
        }
        let both = Span {
            keys: self.last.keys.saturating_add(current.keys),
            time: self.last.time.saturating_add(current.time),
        };
        (self.last.keys >= ENOUGH).then_some(both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn nothing_is_said_before_enough_was_seen() {
        let rate = Rate::new(secs(100));
        assert_eq!(
            rate.lasts(1_000, secs(100), 500),
            None,
            "no time has passed"
        );
        assert_eq!(rate.lasts(1_000, secs(3_700), 31), None, "few keys");
        assert_eq!(rate.lasts(1_000, secs(101), 50), Some(secs(20)));
        assert_eq!(rate.lasts(1_000, secs(3_700), 36), Some(secs(100_000)));
    }

    #[test]
    fn a_burst_is_seen_within_its_first_second() {
        let rate = Rate::new(secs(0));
        rate.note(secs(59), || panic!("nobody needs to count yet"));
        rate.note(secs(60), || 60);
        assert_eq!(
            rate.lasts(1_000, secs(60), 60),
            Some(secs(1_000)),
            "a key a second"
        );
        assert_eq!(
            rate.lasts(1_000, secs(61), 1_060),
            Some(secs(1)),
            "a thousand a second"
        );
    }

    #[test]
    fn a_pause_is_seen_as_it_lasts() {
        let rate = Rate::new(secs(0));
        rate.note(secs(60), || 60);
        assert_eq!(rate.lasts(1_000, secs(600), 60), Some(secs(10_000)));
    }

    #[test]
    fn a_slow_sender_gets_a_longer_window() {
        let rate = Rate::new(secs(0));
        for minute in 1..32 {
            rate.note(secs(60 * minute), || minute);
        }
        assert_eq!(rate.lasts(1_000, secs(31 * 60), 31), None);
        rate.note(secs(32 * 60), || 32);
        assert_eq!(rate.lasts(1_000, secs(32 * 60), 32), Some(secs(60_000)));
        rate.note(secs(33 * 60), || 33);
        assert_eq!(rate.lasts(1_000, secs(33 * 60), 33), Some(secs(60_000)));
    }

    #[test]
    fn an_estimate_never_overflows() {
        let rate = Rate::new(Duration::ZERO);
        assert_eq!(
            rate.lasts(usize::MAX, Duration::MAX, 32),
            Some(Duration::MAX)
        );
        assert_eq!(rate.lasts(0, secs(1), u64::MAX), Some(Duration::ZERO));
    }
}
