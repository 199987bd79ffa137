//! How many records there are, of how many there may be.

use crate::sync::{AtomicBool, AtomicUsize, Ordering};

/// One place for each record. It is taken before its record is made and given back after its record is gone, so that there are never more
/// records than places.
#[derive(Debug)]
pub(super) struct Places {
    capacity: usize,
    /// 80 % of it.
    warn_at: usize,
    /// 70 % of it.
    quiet_below: usize,
    taken: AtomicUsize,
    /// The operator was told that they run out, and they have not come back since.
    warned: AtomicBool,
}

/// A place was taken.
#[derive(Debug)]
pub(super) enum Taken {
    Quietly,
    /// Many are taken now, which is to be told.
    Warn,
}

impl Places {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            warn_at: tenths(capacity, 8),
            quiet_below: tenths(capacity, 7),
            taken: AtomicUsize::new(0),
            warned: AtomicBool::new(false),
        }
    }

    pub(super) const fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    /// `None` when all are taken.
    pub(super) fn take(&self) -> Option<Taken> {
        let mut seen = self.taken.load(Ordering::Acquire);
        loop {
            let next = seen.checked_add(1).filter(|next| *next <= self.capacity)?;
            let swapped =
                self.taken
                    .compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Acquire);
            match swapped {
                Ok(_) => return Some(self.judge(next)),
                Err(now) => seen = now,
            }
        }
    }

    pub(super) fn give_back(&self, count: usize) {
        if count == 0 {
            return;
        }
        let before = self.taken.fetch_sub(count, Ordering::AcqRel);
        let is_low = before.saturating_sub(count) < self.quiet_below;
        if is_low && self.warned.load(Ordering::Relaxed) {
            self.warned.store(false, Ordering::Relaxed);
        }
    }

    /// How many are taken, if it is still so many that it is to be told; else it is told when it is so again.
    pub(super) fn filled(&self) -> Option<usize> {
        let taken = self.taken();
        if taken >= self.warn_at {
            return Some(taken);
        }
        self.warned.store(false, Ordering::Relaxed);
        None
    }

    fn judge(&self, taken: usize) -> Taken {
        let warns = taken >= self.warn_at
            && !self.warned.load(Ordering::Relaxed)
            && !self.warned.swap(true, Ordering::Relaxed);
        if warns { Taken::Warn } else { Taken::Quietly }
    }
}

/// So many tenths of it, rounded up.
fn tenths(of: usize, count: usize) -> usize {
    let whole = (of / 10).saturating_mul(count);
    let rest = (of % 10).saturating_mul(count).div_ceil(10);
    whole.saturating_add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warns(places: &Places) -> Option<usize> {
        match places.take().unwrap() {
            Taken::Warn => places.filled(),
            Taken::Quietly => None,
        }
    }

    #[test]
    fn tenths_are_rounded_up() {
        let cases = [
            (0, 0, 0),
            (1, 1, 1),
            (5, 4, 4),
            (9, 7, 8),
            (10, 7, 8),
            (11, 8, 9),
            (101, 71, 81),
        ];
        for (of, seven, eight) in cases {
            assert_eq!((tenths(of, 7), tenths(of, 8)), (seven, eight), "{of}");
        }
        assert_eq!(tenths(usize::MAX, 8), usize::MAX / 10 * 8 + 4);
    }

    #[test]
    fn a_warning_is_given_once_until_there_is_room_again() {
        let places = Places::new(10);
        let given: Vec<_> = (0..10).map(|_| warns(&places)).collect();
        assert_eq!(
            given,
            [
                None,
                None,
                None,
                None,
                None,
                None,
                None,
                Some(8),
                None,
                None
            ]
        );
        assert!(places.take().is_none() && places.taken() == 10);
        places.give_back(3);
        assert_eq!(warns(&places), None, "seven of ten were still taken");
        places.give_back(2);
        assert_eq!([warns(&places), warns(&places)], [None, Some(8)]);
    }

    #[test]
    fn few_are_taken_quietly() {
        let places = Places::new(10);
        for taken in 1..=10 {
            let warns = matches!(places.take(), Some(Taken::Warn));
            assert_eq!(warns, taken == 8, "{taken}");
        }
    }

    #[test]
    fn no_place_at_all() {
        let places = Places::new(0);
        assert!(places.take().is_none() && places.taken() == 0);
    }
}
