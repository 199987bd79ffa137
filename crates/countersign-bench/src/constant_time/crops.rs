//! Times of both classes, without and under a hundred limits at once.

use super::Class;
use super::welch::{Sums, t};

/// So many samples set the limits.
pub(crate) const FIRST: usize = 10_000;

/// So many of each class must be left under one.
const LEAST: u128 = 5_000;

const LIMITS: usize = 100;

/// A time belongs to the first limit that is not under it; what lies under a limit is the sum of all places up to it.
#[derive(Debug)]
pub(crate) struct Crops {
    limits: Vec<u64>,
    /// One place more than there are limits, for what is over all of them.
    places: Vec<[Sums; 2]>,
}

/// One of the croppings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cropped {
    pub(crate) t: f64,
    /// Times up to it counted; `None`: all did.
    pub(crate) limit: Option<u64>,
    pub(crate) mean_a: f64,
    pub(crate) mean_b: f64,
}

impl Crops {
    /// With the limits that the first samples set.
    pub(crate) fn new(mut first: Vec<u64>) -> Self {
        first.sort_unstable();
        let mut limits: Vec<u64> = (1..=LIMITS)
            .filter_map(|number| first.get(place(number, first.len())).copied())
            .collect();
        limits.dedup();
        Self {
            places: vec![<[Sums; 2]>::default(); limits.len() + 1],
            limits,
        }
    }

    pub(crate) fn add(&mut self, class: Class, time: u64) {
        let at = self.limits.partition_point(|limit| *limit < time);
        if let Some([a, b]) = self.places.get_mut(at) {
            match class {
                Class::A => a.add(time),
                Class::B => b.add(time),
            }
        }
    }

    /// The cropping with the largest |t|.
    pub(crate) fn worst(&self) -> Cropped {
        let limits = self.limits.iter().copied().map(Some);
        let mut under = <[Sums; 2]>::default();
        let mut worst: Option<Cropped> = None;
        for ([a, b], limit) in self.places.iter().zip(limits.chain([None])) {
            let [under_a, under_b] = &mut under;
            under_a.merge(*a);
            under_b.merge(*b);
            let enough = under_a.count().min(under_b.count()) >= LEAST;
            if !enough && limit.is_some() {
                continue;
            }
            let this = Cropped {
                t: t(under_a, under_b),
                limit,
                mean_a: under_a.mean(),
                mean_b: under_b.mean(),
            };
            // What is not a number is worse than any.
            if worst.is_none_or(|worst| this.t.is_nan() || this.t.abs() > worst.t.abs()) {
                worst = Some(this);
            }
        }
        worst.unwrap_or(Cropped {
            t: f64::NAN,
            limit: None,
            mean_a: f64::NAN,
            mean_b: f64::NAN,
        })
    }
}

/// Where the percentile of a limit lies among so many.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "both are a few thousand, and a share of them is less"
)]
fn place(number: usize, count: usize) -> usize {
    let share = 1.0 - 0.5_f64.powf(10.0 * number as f64 / LIMITS as f64);
    (share * count as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn the_percentiles_are_those_that_are_documented() {
        assert_eq!(place(1, 10_000), 669);
        assert_eq!(place(10, 10_000), 5_000);
        assert_eq!(place(20, 10_000), 7_500);
        assert_eq!(place(100, 10_000), 9_990);
        let crops = Crops::new((0..10_000).rev().collect());
        // Two of them fall together among so few.
        assert_eq!(crops.limits.len(), LIMITS - 1);
        assert_eq!(crops.limits.first(), Some(&669));
        assert_eq!(crops.limits.last(), Some(&9_990));
        // A clock that ticks coarsely makes many of them one.
        assert_eq!(Crops::new(vec![40; 10_000]).limits, [40]);
    }

    #[test]
    fn each_limit_counts_all_that_is_not_over_it() {
        let mut crops = Crops::new((0..10_000).collect());
        crops.limits = vec![10, 20];
        crops.places.truncate(3);
        for (class, time) in [
            (Class::A, 10),
            (Class::B, 11),
            (Class::A, 20),
            (Class::B, 21),
        ] {
            crops.add(class, time);
        }
        let counts: Vec<[u128; 2]> = crops
            .places
            .iter()
            .map(|place| place.map(|sums| sums.count()))
            .collect();
        assert_eq!(counts, [[1, 0], [1, 1], [0, 1]]);
    }

    /// 500 ns and some, now and then an interruption of up to a millisecond, and one class later by `shift`.
    fn crops(shift: u64) -> Crops {
        let mut random = Random::new(9);
        let mut time = |shift| {
            let interrupted = random.below(200) == 0;
            let noise = random.below(if interrupted { 1_000_000 } else { 40 });
            500 + shift + u64::try_from(noise).unwrap()
        };
        let first = (0..FIRST).map(|_| time(0)).collect();
        let mut crops = Crops::new(first);
        for _ in 0..100_000 {
            crops.add(Class::A, time(0));
            crops.add(Class::B, time(shift));
        }
        crops
    }

    #[test]
    fn a_small_shift_is_seen_behind_interruptions_by_cropping_alone() {
        let crops = crops(1);
        let worst = crops.worst();
        assert!(worst.t.abs() > 15.0, "{worst:?}");
        assert!(worst.limit.is_some(), "{worst:?}");
        let mut all = <[Sums; 2]>::default();
        for place in &crops.places {
            all.iter_mut()
                .zip(place)
                .for_each(|(all, part)| all.merge(*part));
        }
        let uncropped = t(&all[0], &all[1]);
        assert!(uncropped.abs() < 3.0, "{uncropped}");
    }

    #[test]
    fn without_a_shift_no_cropping_shows_one() {
        let worst = crops(0).worst();
        assert!(worst.t.abs() < 5.0, "{worst:?}");
    }

    /// What tells the classes apart so well that a limit leaves one of them alone is seen where both are left.
    #[test]
    fn classes_that_hardly_meet_are_told_apart() {
        let mut crops = Crops::new((0..FIRST).map(|at| 10 + 20 * (at as u64 % 2)).collect());
        for at in 0..20_000 {
            crops.add(Class::A, 10 + at % 3);
            crops.add(Class::B, 28 + at % 3);
        }
        let worst = crops.worst();
        assert!(worst.t < -1_000.0, "{worst:?}");
    }

    #[test]
    fn nothing_measured_is_no_pass() {
        assert!(Crops::new(Vec::new()).worst().t.is_nan());
        assert!(Crops::new(vec![1; 10_000]).worst().t.is_nan());
    }
}
