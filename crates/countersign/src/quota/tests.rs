//! The arithmetic, at its bounds and against the sentence that says what a quota is.
#![cfg(not(countersign_loom))]
#![allow(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

#[cfg(test)]
pub(crate) mod properties;

use super::*;

fn units(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap()
}

fn nanos(count: u64) -> Duration {
    Duration::from_nanos(count)
}

fn over(wait: u64) -> Result<(), OverQuota> {
    Err(OverQuota {
        retry_after: nanos(wait),
    })
}

const DAY: u64 = 24 * 60 * 60;
const SECOND: u64 = 1_000_000_000;

#[test]
fn the_time_of_one_unit_is_rounded_up() {
    let cases = [
        (Quota::per_second(units(1)), SECOND, SECOND),
        (Quota::per_second(units(3)), 333_333_334, 1_000_000_002),
        (Quota::per_second(units(1_000_000_000)), 1, SECOND),
        (Quota::per_second(units(1_000_000_001)), 1, 1_000_000_001),
        (Quota::per_second(units(u32::MAX)), 1, 4_294_967_295),
        (Quota::per_minute(units(7)), 8_571_428_572, 60_000_000_004),
        (Quota::per_hour(units(1)), 3_600 * SECOND, 3_600 * SECOND),
        (Quota::per(units(5), nanos(1)).unwrap(), 1, 5),
        (Quota::per(units(2), nanos(5)).unwrap(), 3, 6),
    ];
    for (quota, interval, recovery) in cases {
        assert_eq!(quota.interval(), nanos(interval), "{quota:?}");
        assert_eq!(quota.recovery(), nanos(recovery), "{quota:?}");
    }
}

#[test]
fn a_quota_is_refused_where_it_makes_no_sense() {
    let month = Duration::from_secs(30 * DAY);
    let too_slow = "a quota takes longer than 30 days to recover";
    for count in [1, 7, 1_000, u32::MAX] {
        let none = Quota::per(units(count), Duration::ZERO).unwrap_err();
        assert_eq!(none.to_string(), "the period of a quota is zero");
        // Also where it is rounded up.
        assert!(Quota::per(units(count), month).is_ok(), "{count}");
        for period in [month + nanos(1), Duration::MAX] {
            let error = Quota::per(units(count), period).unwrap_err();
            assert_eq!(error.to_string(), too_slow);
        }
    }
    let hourly = Quota::per_hour(units(1));
    let most = hourly.burst(units(720)).unwrap();
    assert_eq!(most.recovery(), month);
    assert_eq!(most.interval(), hourly.interval());
    assert_eq!(hourly.burst(units(721)).unwrap_err().to_string(), too_slow);
    let slowest = Quota::per(units(1), month).unwrap();
    assert_eq!(slowest.burst(units(1)), Ok(slowest));
    for count in [2, u32::MAX] {
        let error = slowest.burst(units(count)).unwrap_err();
        assert_eq!(error.to_string(), too_slow);
    }
    // What was accepted with so many a period is accepted with so many at once.
    let rounded = Quota::per(units(7), month).unwrap();
    assert_eq!(rounded.burst(units(7)), Ok(rounded));
    let more = rounded.burst(units(8)).unwrap_err();
    assert_eq!(
        more.to_string(),
        "a quota takes longer than 30 days to recover"
    );
    assert_eq!(
        OverQuota {
            retry_after: nanos(1)
        }
        .to_string(),
        "the quota is used up"
    );
}

#[test]
fn a_quota_is_made_at_compile_time() {
    const QUOTA: Quota = match Quota::per_second(NonZeroU32::MIN).burst(NonZeroU32::MIN) {
        Ok(quota) => quota,
        Err(_) => panic!("a sound quota"),
    };
    assert_eq!(QUOTA, Quota::per_second(units(1)));
}

#[test]
fn a_burst_goes_at_once_and_then_one_in_each_interval() {
    let quota = Quota::per(units(1), nanos(10))
        .unwrap()
        .burst(units(3))
        .unwrap();
    for start in [i64::MIN, -7, 0, 1_700_000_000_000_000_000, i64::MAX - 100] {
        let mut bucket = Bucket::full();
        let mut spend = |after: i64| bucket.spend(&quota, start + after);
        assert_eq!([spend(0), spend(0), spend(0)], [Ok(()); 3]);
        assert_eq!([spend(0), spend(1), spend(9)], [over(10), over(9), over(1)]);
        assert_eq!(
            [spend(10), spend(10), spend(19)],
            [Ok(()), over(10), over(1)]
        );
        // Two have come back, and a half.
        assert_eq!([spend(35), spend(35), spend(35)], [Ok(()), Ok(()), over(5)]);
        // All of them, and no more than that.
        assert_eq!([spend(95), spend(95), spend(95)], [Ok(()); 3]);
        assert_eq!(spend(95), over(10));
    }
}

#[test]
fn asking_and_being_refused_spend_nothing() {
    let quota = Quota::per_second(units(1));
    let mut bucket = Bucket::full();
    assert_eq!(bucket.wait(&quota, 5), None);
    assert_eq!(bucket, Bucket::full());
    bucket.spend(&quota, 5).unwrap();
    let before = bucket;
    for now in [i64::MIN, 4, 5, 6, 1_000_000_004] {
        assert!(bucket.spend(&quota, now).is_err(), "{now}");
        assert!(bucket.wait(&quota, now).is_some(), "{now}");
        assert_eq!(bucket, before, "{now}");
    }
    assert_eq!(bucket.wait(&quota, 1_000_000_005), None);
    assert_eq!(bucket.spend(&quota, 1_000_000_005), Ok(()));
}

#[test]
fn a_bucket_recovers_at_one_moment() {
    let quota = Quota::per(units(2), nanos(20)).unwrap();
    let mut bucket = Bucket::full();
    assert!(bucket.is_recovered(i64::MIN));
    assert_eq!(bucket.recovers_at(), Some(i64::MIN));
    bucket.spend(&quota, 100).unwrap();
    bucket.spend(&quota, 105).unwrap();
    assert_eq!(bucket.recovers_at(), Some(120));
    for now in [i64::MIN, 0, 104, 105, 119] {
        assert!(!bucket.is_recovered(now), "{now}");
    }
    for now in [120, 121, i64::MAX] {
        assert!(bucket.is_recovered(now), "{now}");
    }
}

#[test]
fn nothing_recovers_while_the_clock_is_behind() {
    let quota = Quota::per(units(1), nanos(10)).unwrap();
    let mut bucket = Bucket::full();
    bucket.spend(&quota, 1_000).unwrap();
    assert_eq!(bucket.spend(&quota, 995), over(15));
    assert_eq!(bucket.spend(&quota, 0), over(1_010));
    let far = bucket.wait(&quota, i64::MIN).unwrap();
    assert_eq!(far, nanos(1 << 63) + nanos(1_010));
    // It goes with time to spare, but stands where it stood.
    let two = quota.burst(units(2)).unwrap();
    assert_eq!(bucket.spend(&two, 0), Ok(()));
    assert_eq!((bucket.at, bucket.debt), (1_000, 20));
}

#[test]
fn the_whole_range_of_moments_is_one_wait() {
    let quota = Quota::per_second(units(1));
    let mut bucket = Bucket::full();
    bucket.spend(&quota, i64::MAX).unwrap();
    assert_eq!(bucket.recovers_at(), None);
    assert!(!bucket.is_recovered(i64::MAX));
    let longest = nanos(u64::MAX) + nanos(SECOND);
    assert_eq!(bucket.wait(&quota, i64::MIN), Some(longest));
    assert_eq!(bucket.wait(&quota, i64::MAX), Some(nanos(SECOND)));

    let mut bucket = Bucket::full();
    bucket.spend(&quota, i64::MIN).unwrap();
    assert_eq!(bucket.wait(&quota, i64::MIN), Some(nanos(SECOND)));
    assert_eq!(bucket.spend(&quota, i64::MAX), Ok(()));
}

#[test]
fn the_largest_burst_is_counted_to_its_end() {
    let quota = Quota::per(units(u32::MAX), Duration::from_secs(30 * DAY)).unwrap();
    let (interval, depth) = (quota.interval, quota.depth());
    let mut bucket = Bucket {
        at: 0,
        debt: depth - interval,
    };
    assert_eq!(bucket.spend(&quota, 0), Ok(()));
    assert_eq!(bucket.debt, depth);
    assert_eq!(bucket.spend(&quota, 0), over(interval));
    assert_eq!(
        bucket.spend(&quota, i64::try_from(interval).unwrap()),
        Ok(())
    );
}

/// Settings change while a bucket lives on in a store: it stands where it stood, in time.
#[test]
fn another_quota_finds_the_same_debt() {
    let slow = Quota::per(units(3), nanos(300)).unwrap();
    let fast = Quota::per(units(2), nanos(20)).unwrap();
    let mut bucket = Bucket::full();
    for _ in 0..3 {
        bucket.spend(&slow, 0).unwrap();
    }
    assert_eq!(bucket.spend(&fast, 0), over(290));
    assert_eq!(bucket.spend(&fast, 290), Ok(()));
    assert_eq!(bucket.spend(&slow, 290), Ok(()));
    assert_eq!(bucket.recovers_at(), Some(410));
}

/// Such a bucket is never made. No arithmetic breaks on it.
#[test]
fn a_debt_beyond_every_quota_is_total_too() {
    let quota = Quota::per_second(units(u32::MAX));
    let mut bucket = Bucket {
        at: i64::MAX,
        debt: u64::MAX,
    };
    assert_eq!(bucket.recovers_at(), None);
    assert_eq!(
        bucket.spend(&quota, i64::MAX),
        over(u64::MAX - 4_294_967_295)
    );
    assert!(!bucket.is_recovered(i64::MAX));
}
