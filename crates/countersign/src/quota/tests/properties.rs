//! Against the sentence "in any span of time `t` no more than `burst + rate × t` passes", which a log of all that has passed is asked for.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

use super::*;

pub(crate) fn config(cases: u32) -> Config {
    let seeds = FileFailurePersistence::Direct("proptest-regressions/quota.txt");
    Config {
        cases,
        failure_persistence: Some(Box::new(seeds)),
        ..Config::default()
    }
}

/// Every unit that went, and when: the moments never go back, for the clock's going back does not count.
struct Log {
    interval: i128,
    burst: i128,
    went: Vec<i128>,
}

impl Log {
    fn new(quota: &Quota) -> Self {
        Self {
            interval: i128::from(quota.interval),
            burst: i128::from(quota.burst.get()),
            went: Vec::new(),
        }
    }

    fn moment(&self, now: i64) -> i128 {
        let last = self.went.last().copied();
        last.map_or(i128::from(now), |last| last.max(i128::from(now)))
    }

    /// The first moment from which no span since an earlier one would hold too much.
    fn goes_at(&self, now: i64) -> i128 {
        let (count, earliest) = (self.went.len(), self.moment(now));
        let of_each = self.went.iter().enumerate().map(|(index, began)| {
            let in_span = i128::try_from(count - index + 1).unwrap();
            began + (in_span - self.burst) * self.interval
        });
        of_each.fold(earliest, i128::max)
    }

    fn spend(&mut self, now: i64) -> Result<(), OverQuota> {
        let goes = self.goes_at(now);
        if goes > self.moment(now) {
            let wait = u128::try_from(goes - i128::from(now)).unwrap();
            return Err(OverQuota {
                retry_after: long(wait),
            });
        }
        self.went.push(goes);
        Ok(())
    }

    /// Is it as if nothing had gone? Then a whole burst would go now, none of it later than at `now`.
    fn is_recovered(&self, now: i64) -> bool {
        let Some(last) = self.went.last() else {
            return true;
        };
        let all_back = self
            .went
            .iter()
            .zip((1..=self.went.len()).rev())
            .map(|(began, left)| began + i128::try_from(left).unwrap() * self.interval);
        i128::from(now) >= all_back.fold(*last, i128::max)
    }
}

/// Longer than 64 bits of nanoseconds.
fn long(nanos: u128) -> Duration {
    let seconds = u64::try_from(nanos / 1_000_000_000).unwrap();
    let rest = u32::try_from(nanos % 1_000_000_000).unwrap();
    Duration::new(seconds, rest)
}

/// How the clock goes on. Counted in intervals and a little, for that is where it matters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tick {
    To(i64),
    By { intervals: i64, nanos: i64 },
}

impl Tick {
    pub(crate) fn from(self, now: i64, interval: u64) -> i64 {
        let interval = i64::try_from(interval).unwrap();
        match self {
            Self::To(moment) => moment,
            Self::By { intervals, nanos } => now
                .saturating_add(interval.saturating_mul(intervals))
                .saturating_add(nanos),
        }
    }
}

pub(crate) fn tick() -> impl Strategy<Value = Tick> {
    let edges = vec![i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    prop_oneof![
        8 => Just(Tick::By { intervals: 0, nanos: 0 }),
        8 => (0_i64..4, -2_i64..3).prop_map(|(intervals, nanos)| Tick::By { intervals, nanos }),
        4 => (-3_i64..30, -2_i64..3).prop_map(|(intervals, nanos)| Tick::By { intervals, nanos }),
        1 => any::<i64>().prop_map(Tick::To),
        1 => proptest::sample::select(edges).prop_map(Tick::To),
    ]
}

/// Small bursts are used up; large ones are not, and are here for their arithmetic.
pub(crate) fn quota() -> impl Strategy<Value = Quota> {
    let longest = MOST_NANOS;
    let period = prop_oneof![1_u64..20, 1..=longest, Just(1), Just(SECOND), Just(longest)];
    let count = prop_oneof![4 => 1_u32..6, 1 => 1_u32..=u32::MAX, 1 => Just(u32::MAX)];
    let burst = prop_oneof![6 => 1_u32..6, 1 => 1_u32..=u32::MAX];
    (period, count, burst).prop_map(|(period, count, burst)| {
        let quota = Quota::per(units(count), nanos(period)).unwrap();
        quota.burst(units(burst)).unwrap_or(quota)
    })
}

fn start() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), Just(0), Just(i64::MIN), Just(i64::MAX)]
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn a_bucket_lets_through_what_no_span_of_time_forbids(
        quota in quota(),
        start in start(),
        ticks in vec(tick(), 1..80),
    ) {
        let (mut bucket, mut log) = (Bucket::full(), Log::new(&quota));
        let mut now = start;
        for tick in ticks {
            now = tick.from(now, quota.interval);
            let before = bucket;
            prop_assert_eq!(bucket.is_recovered(now), log.is_recovered(now));
            let wait = bucket.wait(&quota, now);
            let spent = bucket.spend(&quota, now);
            prop_assert_eq!(spent, log.spend(now));
            prop_assert_eq!(wait, spent.err().map(|over| over.retry_after));
            if let Some(wait) = wait {
                prop_assert_eq!(bucket, before);
                let goes = i128::from(now) + i128::try_from(wait.as_nanos()).unwrap();
                if let Ok(goes) = i64::try_from(goes) {
                    let too_early = bucket.spend(&quota, goes - 1);
                    prop_assert_eq!(too_early, over(1));
                    prop_assert_eq!({ bucket }.spend(&quota, goes), Ok(()));
                }
            }
        }
        // Whatever the clock did.
        for (first, began) in log.went.iter().enumerate() {
            for (ended, count) in log.went[first..].iter().zip(1_i128..) {
                prop_assert!((count - log.burst) * log.interval <= ended - began);
            }
        }
    }

    #[test]
    fn every_state_of_a_bucket_and_every_moment_has_an_answer(
        quota in quota(),
        at in start(),
        debt in prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), 0..MOST_NANOS],
        now in start(),
    ) {
        let mut bucket = Bucket { at, debt };
        let since = (i128::from(now) - i128::from(at)).max(0);
        let left = (i128::from(debt) - since).max(0);
        let beyond = (left + i128::from(quota.interval) - i128::from(quota.depth())).max(0);
        prop_assert_eq!(bucket.is_recovered(now), left == 0);
        match bucket.spend(&quota, now) {
            Ok(()) => {
                prop_assert_eq!(beyond, 0);
                let after = Bucket { at: at.max(now), debt: u64::try_from(left).unwrap() + quota.interval };
                prop_assert_eq!(bucket, after);
            }
            // Where all bits are used up, the wait is as long as there are.
            Err(OverQuota { retry_after }) if debt > u64::MAX - quota.interval => {
                prop_assert!(retry_after > Duration::ZERO);
            }
            Err(OverQuota { retry_after }) => {
                let behind = (i128::from(at) - i128::from(now)).max(0);
                prop_assert!(beyond > 0);
                prop_assert_eq!(retry_after, long(u128::try_from(behind + beyond).unwrap()));
                prop_assert_eq!(bucket, Bucket { at, debt });
            }
        }
    }

    #[test]
    fn a_recovered_bucket_is_as_good_as_a_new_one(
        quota in quota(),
        start in start(),
        ticks in vec(tick(), 1..40),
        later in vec(tick(), 1..40),
    ) {
        let mut bucket = Bucket::full();
        let mut now = start;
        for tick in ticks {
            now = tick.from(now, quota.interval);
            let _ = bucket.spend(&quota, now);
        }
        if let Some(recovered) = bucket.recovers_at() {
            now = now.max(recovered);
            prop_assert!(bucket.is_recovered(now));
            prop_assert!(bucket.debt == 0 || !bucket.is_recovered(recovered - 1));
            // It may not be newer than its moment: the clock goes on from there.
            let mut new = Bucket::full().not_before(now);
            let mut old = bucket.not_before(now);
            for tick in later {
                now = tick.from(now, quota.interval);
                prop_assert_eq!(old.spend(&quota, now), new.spend(&quota, now));
                prop_assert_eq!(old.wait(&quota, now), new.wait(&quota, now));
            }
        } else {
            prop_assert!(!bucket.is_recovered(i64::MAX));
        }
    }
}
