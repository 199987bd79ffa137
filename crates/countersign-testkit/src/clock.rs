//! A clock that stands still until it is moved.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use countersign::{Clock, Sleep, Timestamp};

/// A clock that stands still until it is moved. Clones are the same clock; it may be moved from any thread.
///
/// [`advance`](Self::advance) lets time pass: the wall clock and the monotonic time go on together, and who sleeps is woken exactly when
/// it is due. [`set`](Self::set) corrects the wall clock alone, as an administrator would: nobody wakes of that.
///
/// ```
/// use std::time::Duration;
/// use countersign_testkit::{ManualClock, countersign::{Clock, Timestamp}};
///
/// let clock = ManualClock::at_secs(1_700_000_000);
/// clock.advance(Duration::from_millis(1_500));
/// assert_eq!(clock.now(), Timestamp::from_millis(1_700_000_001_500));
/// clock.set(Timestamp::from_secs(0));
/// assert_eq!((clock.now(), clock.monotonic()), (Timestamp::from_secs(0), Duration::from_millis(1_500)));
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<Mutex<State>>);

struct State {
    now: Timestamp,
    monotonic: Duration,
    next: u64,
    /// By deadline, then in the order in which they went to sleep.
    sleepers: BTreeMap<(Duration, u64), Waker>,
}

impl ManualClock {
    /// A clock that stands at `now`; its monotonic time starts at zero.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(State {
            now,
            monotonic: Duration::ZERO,
            next: 0,
            sleepers: BTreeMap::new(),
        })))
    }

    /// A clock that stands at so many seconds since 1970.
    #[must_use]
    pub fn at_secs(seconds: i64) -> Self {
        Self::new(Timestamp::from_secs(seconds))
    }

    /// The wall clock; the same as [`Clock::now`], without the trait.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.state().now
    }

    /// Lets time pass, and wakes who is due by then, in the order of their deadlines.
    pub fn advance(&self, by: Duration) {
        let due = {
            let mut state = self.state();
            state.now = state.now.saturating_add(by);
            state.monotonic = state.monotonic.saturating_add(by);
            let after = (state.monotonic, u64::MAX);
            let later = state.sleepers.split_off(&after);
            std::mem::replace(&mut state.sleepers, later)
        };
        // Not while the lock is held: whoever is woken may ask for the time.
        due.into_values().for_each(Waker::wake);
    }

    /// Sets the wall clock, forwards or back. Monotonic time and sleepers stay as they are.
    pub fn set(&self, now: Timestamp) {
        self.state().now = now;
    }

    /// How many sleeps wait to become due: polled, neither finished nor dropped.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.state().sleepers.len()
    }

    /// How long until the next of them is due, if there is any.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        let state = self.state();
        let (deadline, _) = state.sleepers.keys().next()?;
        Some(deadline.saturating_sub(state.monotonic))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    fn monotonic(&self) -> Duration {
        self.state().monotonic
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let mut state = self.state();
        let number = state.next;
        state.next = number.wrapping_add(1);
        Box::pin(Sleeping {
            clock: self.clone(),
            key: (state.monotonic.saturating_add(duration), number),
        })
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        out.debug_struct("ManualClock")
            .field("now", &state.now)
            .field("monotonic", &state.monotonic)
            .field("sleepers", &state.sleepers.len())
            .finish()
    }
}

struct Sleeping {
    clock: ManualClock,
    key: (Duration, u64),
}

impl Future for Sleeping {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.state();
        if state.monotonic >= self.key.0 {
            state.sleepers.remove(&self.key);
            return Poll::Ready(());
        }
        state.sleepers.insert(self.key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        let waker = self.clock.state().sleepers.remove(&self.key);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn poll(sleep: &mut Sleep, woken: &Arc<Woken>) -> Poll<()> {
        let waker = Waker::from(Arc::clone(woken));
        sleep.as_mut().poll(&mut Context::from_waker(&waker))
    }

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_sleeper_wakes_exactly_when_it_is_due() {
        let clock = ManualClock::at_secs(0);
        let woken = Arc::new(Woken::default());
        let mut sleep = clock.sleep(secs(10));
        assert_eq!(clock.sleepers(), 0, "nobody polls it yet");
        assert!(poll(&mut sleep, &woken).is_pending() && poll(&mut sleep, &woken).is_pending());
        assert_eq!((clock.sleepers(), clock.next_due()), (1, Some(secs(10))));

        clock.advance(secs(10) - Duration::from_nanos(1));
        assert_eq!(woken.0.load(Ordering::SeqCst), 0);
        assert!(poll(&mut sleep, &woken).is_pending());
        clock.advance(Duration::from_nanos(1));
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert!(poll(&mut sleep, &woken).is_ready());
        assert_eq!((clock.sleepers(), clock.next_due()), (0, None));
    }

    #[test]
    fn no_time_at_all_and_more_than_there_is() {
        let clock = ManualClock::at_secs(0);
        let woken = Arc::new(Woken::default());
        assert!(poll(&mut clock.sleep(Duration::ZERO), &woken).is_ready());
        let mut for_ever = clock.sleep(Duration::MAX);
        clock.advance(secs(1));
        assert!(poll(&mut for_ever, &woken).is_pending());
        clock.advance(Duration::MAX);
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert!(poll(&mut for_ever, &woken).is_ready());
        assert_eq!(clock.now().as_millis(), i64::MAX);
    }

    #[test]
    fn several_sleepers_each_at_their_time_and_none_that_was_dropped() {
        let clock = ManualClock::at_secs(0);
        let woken: Vec<_> = (0..4).map(|_| Arc::new(Woken::default())).collect();
        let mut sleeps: Vec<_> = [2, 1, 2, 1].map(|at| clock.sleep(secs(at))).into();
        for (sleep, woken) in sleeps.iter_mut().zip(&woken) {
            assert!(poll(sleep, woken).is_pending());
        }
        drop(sleeps.remove(3));
        assert_eq!(clock.sleepers(), 3);
        let seen = || -> Vec<usize> {
            woken
                .iter()
                .map(|woken| woken.0.load(Ordering::SeqCst))
                .collect()
        };
        clock.advance(secs(1));
        assert_eq!(seen(), [0, 1, 0, 0]);
        clock.advance(secs(5));
        assert_eq!(seen(), [1, 1, 1, 0]);
    }

    #[test]
    fn the_wall_clock_jumps_and_nobody_wakes() {
        let clock = ManualClock::at_secs(100);
        let woken = Arc::new(Woken::default());
        let mut sleep = clock.sleep(secs(10));
        assert!(poll(&mut sleep, &woken).is_pending());
        clock.set(Timestamp::from_secs(1_000));
        assert!(poll(&mut sleep, &woken).is_pending());
        assert_eq!(
            (clock.now(), clock.monotonic()),
            (Timestamp::from_secs(1_000), secs(0))
        );
        assert_eq!(woken.0.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn it_is_moved_from_another_thread() {
        let clock = ManualClock::at_secs(0);
        let woken = Arc::new(Woken::default());
        let mut sleep = clock.sleep(secs(1));
        assert!(poll(&mut sleep, &woken).is_pending());
        let other = clock.clone();
        std::thread::spawn(move || other.advance(secs(1)))
            .join()
            .unwrap();
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert!(poll(&mut sleep, &woken).is_ready());
    }
}
