//! How much passes in which time: the arithmetic of limits, without a clock.
//!
//! It is the generic cell rate algorithm (ITU-T I.371): a bucket is known by how long it takes to recover, so it is two numbers, and time is
//! the only thing that fills it.

pub(crate) mod buckets;
#[cfg(test)]
pub(crate) mod tests;

use std::num::NonZeroU32;
use std::time::Duration;

use crate::defaults::MAX_QUOTA_RECOVERY;

/// A sustained rate, and the burst: how much passes at once after a rest.
///
/// In any span of time `t` no more than `burst + rate × t` passes. The time of one unit is whole nanoseconds, rounded up: never more than was
/// named, and no rate beyond a thousand million a second.
///
/// ```
/// use countersign::Quota;
/// use std::{num::NonZeroU32, time::Duration};
///
/// let twenty = NonZeroU32::new(20).unwrap();
/// let hundred = NonZeroU32::new(100).unwrap();
/// // 100 at once, and one more every 50 milliseconds.
/// let quota = Quota::per_second(twenty).burst(hundred)?;
/// assert_eq!((quota.interval(), quota.recovery()), (Duration::from_millis(50), Duration::from_secs(5)));
///
/// let refused = Quota::per(twenty, Duration::ZERO).unwrap_err();
/// assert_eq!(refused.to_string(), "the period of a quota is zero");
/// # Ok::<(), countersign::QuotaError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The nanoseconds of one unit.
    interval: u64,
    burst: NonZeroU32,
}

impl Quota {
    /// So many a second, and so many at once.
    #[must_use]
    pub const fn per_second(count: NonZeroU32) -> Self {
        Self::in_seconds(count, 1)
    }

    /// So many a minute, and so many at once.
    #[must_use]
    pub const fn per_minute(count: NonZeroU32) -> Self {
        Self::in_seconds(count, 60)
    }

    /// So many an hour, and so many at once.
    #[must_use]
    pub const fn per_hour(count: NonZeroU32) -> Self {
        Self::in_seconds(count, 60 * 60)
    }

    /// So many in each `period`, and so many at once.
    ///
    /// # Errors
    /// [`QuotaError`] when the period is zero or longer than 30 days.
    pub const fn per(count: NonZeroU32, period: Duration) -> Result<Self, QuotaError> {
        let nanos = period.as_nanos();
        if nanos == 0 {
            return Err(QuotaError(Wrong::NoPeriod));
        }
        if nanos > MOST_NANOS as u128 {
            return Err(QuotaError(Wrong::TooSlow));
        }
        #[expect(clippy::cast_possible_truncation, reason = "it was compared")]
        Ok(Self::in_nanos(count, nanos as u64))
    }

    /// Another burst than as many as pass in the period: how much passes at once after a rest.
    ///
    /// # Errors
    /// [`QuotaError`] when so many would take longer than 30 days to recover, a nanosecond of each aside, which may have been added to round it
    /// up: a bucket is kept until it has recovered.
    pub const fn burst(self, units: NonZeroU32) -> Result<Self, QuotaError> {
        // Without what was rounded up, for what was named to be what is compared.
        let least = (self.interval.saturating_sub(1)).saturating_mul(units.get() as u64);
        if least >= MOST_NANOS {
            return Err(QuotaError(Wrong::TooSlow));
        }
        Ok(Self {
            burst: units,
            ..self
        })
    }

    /// How long one unit takes to come back.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval)
    }

    /// How long a bucket takes to recover from empty: the interval as often as the burst.
    ///
    /// With [`interval`](Self::interval) this is all that a store has to know: a unit goes while the debt, that unit's interval included, is
    /// not longer than this.
    #[must_use]
    pub const fn recovery(&self) -> Duration {
        Duration::from_nanos(self.depth())
    }

    const fn depth(&self) -> u64 {
        self.interval.saturating_mul(self.burst.get() as u64)
    }

    const fn in_seconds(count: NonZeroU32, seconds: u64) -> Self {
        Self::in_nanos(count, seconds.saturating_mul(1_000_000_000))
    }

    const fn in_nanos(count: NonZeroU32, nanos: u64) -> Self {
        Self {
            interval: nanos.div_ceil(count.get() as u64),
            burst: count,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "584 years would fit")]
const MOST_NANOS: u64 = MAX_QUOTA_RECOVERY.as_nanos() as u64;

/// These numbers make no quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct QuotaError(Wrong);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Wrong {
    #[error("the period of a quota is zero")]
    NoPeriod,
    #[error("a quota takes longer than 30 days to recover")]
    TooSlow,
}

/// The quota is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quota is used up")]
pub struct OverQuota {
    /// After how long one more would go, if nothing else is spent until then: exact to the nanosecond.
    pub retry_after: Duration,
}

/// What was spent of one quota, and when. It reads no clock: `now` is nanoseconds from any fixed moment, the same for all calls.
///
/// **Total**: every `i64` is a moment. When `now` goes back nothing recovers until it is where it was.
///
/// ```
/// use countersign::{Bucket, OverQuota, Quota};
/// use std::{num::NonZeroU32, time::Duration};
///
/// let quota = Quota::per_second(NonZeroU32::new(2).unwrap());
/// let mut bucket = Bucket::full();
/// assert_eq!(bucket.spend(&quota, 0), Ok(()));
/// assert_eq!(bucket.spend(&quota, 0), Ok(()));
/// // Refused, which costs nothing: half a second after the first two there is one again.
/// assert_eq!(bucket.spend(&quota, 1), Err(OverQuota { retry_after: Duration::from_nanos(499_999_999) }));
/// assert_eq!(bucket.spend(&quota, 500_000_000), Ok(()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// When the debt was this large.
    at: i64,
    /// The nanoseconds until it has recovered.
    debt: u64,
}

impl Bucket {
    /// One of which nothing was spent.
    #[must_use]
    pub const fn full() -> Self {
        Self {
            at: i64::MIN,
            debt: 0,
        }
    }

    /// Takes one unit.
    ///
    /// # Errors
    /// [`OverQuota`] when there is none: then nothing changes.
    pub const fn spend(&mut self, quota: &Quota, now: i64) -> Result<(), OverQuota> {
        if let Some(retry_after) = self.wait(quota, now) {
            return Err(OverQuota { retry_after });
        }
        *self = self.not_before(now);
        self.debt = self.debt.saturating_add(quota.interval);
        Ok(())
    }

    /// After how long one unit would go, if nothing is spent until then; `None` if one would go now. This spends nothing.
    #[must_use]
    pub const fn wait(&self, quota: &Quota, now: i64) -> Option<Duration> {
        let then = self.not_before(now);
        let debt = then.debt.saturating_add(quota.interval);
        let beyond = debt.saturating_sub(quota.depth());
        if beyond == 0 {
            return None;
        }
        // Not zero where `now` has gone back.
        let behind = Duration::from_nanos(then.at.abs_diff(now));
        Some(behind.saturating_add(Duration::from_nanos(beyond)))
    }

    /// Is it as if nothing was ever spent?
    #[must_use]
    pub const fn is_recovered(&self, now: i64) -> bool {
        self.not_before(now).debt == 0
    }

    /// When it will have recovered; `None` if that is no moment any more.
    pub(crate) const fn recovers_at(&self) -> Option<i64> {
        self.at.checked_add_unsigned(self.debt)
    }

    /// The same bucket as it is known at `moment`, or later.
    pub(crate) const fn not_before(self, moment: i64) -> Self {
        if moment <= self.at {
            return self;
        }
        Self {
            at: moment,
            debt: self.debt.saturating_sub(moment.abs_diff(self.at)),
        }
    }
}
