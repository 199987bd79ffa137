//! Welch's t between two sets of whole numbers.

/// What is kept of a set: sums of whole numbers are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    count: u128,
    sum: u128,
    squares: u128,
}

impl Sums {
    pub(crate) fn add(&mut self, value: u64) {
        let value = u128::from(value);
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    pub(crate) const fn count(&self) -> u128 {
        self.count
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "the last digits of a mean do not count"
    )]
    pub(crate) fn mean(&self) -> f64 {
        self.sum as f64 / self.count as f64
    }

    /// The variance of the mean.
    #[allow(
        clippy::cast_precision_loss,
        reason = "the difference was taken before"
    )]
    fn error(&self) -> f64 {
        let (count, spread) = (
            self.count as f64,
            (self.count * self.squares - self.sum * self.sum) as f64,
        );
        spread / (count * count * (count - 1.0))
    }
}

/// Zero where neither set varies and both have one mean; not a number where there are too few.
pub(crate) fn t(a: &Sums, b: &Sums) -> f64 {
    let difference = a.mean() - b.mean();
    if difference == 0.0 {
        return 0.0;
    }
    difference / (a.error() + b.error()).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn sums(values: impl IntoIterator<Item = u64>) -> Sums {
        let mut sums = Sums::default();
        values.into_iter().for_each(|value| sums.add(value));
        sums
    }

    #[track_caller]
    fn close(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-9, "{left} {right}");
    }

    #[test]
    fn t_by_hand() {
        // Means 2.5 and 3.5, variances 5/3 each: -1 / sqrt(5/3/4 + 5/3/4).
        close(
            t(&sums([1, 2, 3, 4]), &sums([2, 3, 4, 5])),
            -(1.2_f64.sqrt()),
        );
        // Means 20 and 22, variances 100 and 1, three and five values.
        let (a, b) = (sums([10, 20, 30]), sums([21, 22, 22, 22, 23]));
        close(t(&a, &b), -2.0 / (100.0_f64 / 3.0 + 0.5 / 5.0).sqrt());
        close(t(&b, &a), 2.0 / (100.0_f64 / 3.0 + 0.5 / 5.0).sqrt());
    }

    #[test]
    fn equal_sets_have_none_and_constant_sets_that_differ_have_no_end() {
        close(t(&sums([7, 8, 9]), &sums([9, 8, 7])), 0.0);
        close(t(&sums([7, 7]), &sums([7, 7, 7])), 0.0);
        assert_eq!(t(&sums([7, 7]), &sums([8, 8])), f64::NEG_INFINITY);
    }

    #[test]
    fn sums_of_parts_are_the_sums() {
        let mut merged = sums([1, 2]);
        merged.merge(sums([3, u64::from(u32::MAX)]));
        assert_eq!(merged, sums([1, 2, 3, u64::from(u32::MAX)]));
    }

    /// Numbers as a clock would give them: 700 ns, give or take 30.
    fn times(random: &mut Random, shift: u64) -> Sums {
        sums((0..200_000).map(|_| {
            let noise: usize = (0..4).map(|_| random.below(31)).sum();
            640 + shift + u64::try_from(noise).unwrap()
        }))
    }

    #[test]
    fn a_shift_of_one_in_seven_hundred_is_seen_and_no_shift_is_not() {
        let mut random = Random::new(5);
        let (a, b) = (times(&mut random, 0), times(&mut random, 0));
        let shifted = times(&mut random, 1);
        assert!(t(&a, &b).abs() < 3.0, "{}", t(&a, &b));
        // One nanosecond over 17.9 · sqrt(2 / 200,000) is 17.7.
        let seen = t(&shifted, &a);
        assert!((15.0..21.0).contains(&seen), "{seen}");
    }
}
