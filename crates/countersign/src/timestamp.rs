//! Step 2: a raw timestamp becomes a [`Timestamp`], and is fresh or not.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use crate::refusal::Refusal;

/// The most digits of a decimal timestamp: milliseconds until the year 33,658.
const MAX_DIGITS: usize = 15;

/// The longest timestamp text of any unit.
pub(crate) const MAX_TIMESTAMP_LEN: usize = 40;

/// A moment: whole milliseconds since 1970-01-01T00:00:00Z, negative before it.
///
/// Every `i64` is a valid moment and all arithmetic on it is total: nothing overflows, nothing wraps.
///
/// ```
/// use countersign::Timestamp;
/// let start = Timestamp::from_secs(1_700_000_000);
/// assert_eq!(start.as_millis(), 1_700_000_000_000);
/// assert_eq!(Timestamp::from_secs(i64::MIN).as_millis(), i64::MIN);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From seconds since the epoch; a value outside the range becomes the nearest one inside.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// From milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded towards the past.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Later by `by`, or the last representable moment.
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// Earlier by `by`, or the first representable moment.
    #[must_use]
    pub fn saturating_sub(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

/// Written as RFC 3339 in UTC where the calendar reaches, otherwise as milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i128::from(self.0).saturating_mul(1_000_000);
        match OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok())
        {
            Some(text) => out.write_str(&text),
            None => write!(out, "{} ms", self.0),
        }
    }
}

/// How a timestamp is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Unit {
    /// Decimal seconds since the epoch.
    #[serde(rename = "s")]
    Seconds,
    /// Decimal milliseconds since the epoch.
    #[serde(rename = "ms")]
    Milliseconds,
    /// RFC 3339, such as `2026-01-31T12:00:00Z`.
    #[serde(rename = "rfc3339")]
    Rfc3339,
    /// RFC 3339 whose zone may be missing, such as `2026-01-31T12:00:00`: UTC is meant then.
    #[serde(rename = "rfc3339-zoneless")]
    Rfc3339Zoneless,
    /// An HTTP date (RFC 9110 section 5.6.7, the IMF-fixdate form).
    #[serde(rename = "http-date")]
    HttpDate,
}

impl Unit {
    /// Parses a timestamp's text: one spelling, no sign, no leading zero, no blanks, at most 15 digits.
    ///
    /// # Errors
    /// [`Refusal::TimestampMalformed`] for every other text.
    pub fn parse(self, text: &[u8]) -> Result<Timestamp, Refusal> {
        let moment = match self {
            Self::Seconds => decimal(text).map(Timestamp::from_secs),
            Self::Milliseconds => decimal(text).map(Timestamp::from_millis),
            Self::Rfc3339 => calendar(text, rfc3339),
            Self::Rfc3339Zoneless => calendar(text, |text| {
                rfc3339(text).or_else(|| rfc3339(&format!("{text}Z")))
            }),
            Self::HttpDate => calendar(text, |text| {
                text.strip_suffix(" GMT")?;
                // The parser also takes comments, other cases and short years.
                let moment = OffsetDateTime::parse(text, &Rfc2822).ok()?;
                (imf_fixdate(moment)? == text).then_some(moment)
            }),
        };
        moment.ok_or(Refusal::TimestampMalformed)
    }

    /// Writes a moment as a sender would.
    #[cfg(feature = "sign")]
    pub(crate) fn print(self, moment: Timestamp) -> Option<String> {
        let nanos = i128::from(moment.as_millis()).checked_mul(1_000_000)?;
        let calendar = || OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
        match self {
            Self::Seconds => Some(moment.as_secs().to_string()),
            Self::Milliseconds => Some(moment.as_millis().to_string()),
            Self::Rfc3339 | Self::Rfc3339Zoneless => calendar()?.format(&Rfc3339).ok(),
            Self::HttpDate => imf_fixdate(calendar()?),
        }
    }
}

fn decimal(text: &[u8]) -> Option<i64> {
    match text {
        [] => return None,
        [b'0', _, ..] => return None,
        _ if text.len() > MAX_DIGITS => return None,
        _ => {}
    }
    text.iter().try_fold(0_i64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        // So few digits cannot overflow.
        (digit < 10).then_some(value.wrapping_mul(10).wrapping_add(i64::from(digit)))
    })
}

fn calendar(text: &[u8], parse: impl Fn(&str) -> Option<OffsetDateTime>) -> Option<Timestamp> {
    if text.len() > MAX_TIMESTAMP_LEN {
        return None;
    }
    let nanos = parse(std::str::from_utf8(text).ok()?)?.unix_timestamp_nanos();
    i64::try_from(nanos.div_euclid(1_000_000))
        .ok()
        .map(Timestamp)
}

fn rfc3339(text: &str) -> Option<OffsetDateTime> {
    // The parser also takes any other character between date and time, and a small z.
    let is_strict = text.as_bytes().get(10) == Some(&b'T') && !text.ends_with('z');
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .filter(|_| is_strict)
}

/// IMF-fixdate is the RFC 2822 form whose zone is spelled GMT.
fn imf_fixdate(moment: OffsetDateTime) -> Option<String> {
    let text = moment.format(&Rfc2822).ok()?;
    Some(format!("{}GMT", text.strip_suffix("+0000")?))
}

/// How far a timestamp may lie from now, to each side. Both sides are bounded.
///
/// In a file one number of seconds stands for both sides, or a table names each: `tolerance = 300`,
/// `tolerance = { past = 86400, future = 300 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    past_secs: u32,
    future_secs: u32,
}

impl Tolerance {
    /// The same to both sides, in seconds.
    #[must_use]
    pub const fn from_secs(seconds: u32) -> Self {
        Self::from_secs_each(seconds, seconds)
    }

    /// Different to each side, in seconds.
    #[must_use]
    pub const fn from_secs_each(past: u32, future: u32) -> Self {
        Self {
            past_secs: past,
            future_secs: future,
        }
    }

    /// How old a timestamp may be.
    #[must_use]
    pub const fn past(self) -> Duration {
        Duration::from_secs(self.past_secs as u64)
    }

    /// How far in the future a timestamp may lie.
    #[must_use]
    pub const fn future(self) -> Duration {
        Duration::from_secs(self.future_secs as u64)
    }

    /// Is `stamp` within the tolerance at `now`? Both edges belong to it.
    ///
    /// # Errors
    /// [`Refusal::TimestampTooOld`] or [`Refusal::TimestampTooNew`].
    ///
    /// ```
    /// use countersign::{Refusal, Timestamp, Tolerance};
    /// let tolerance = Tolerance::from_secs(300);
    /// let now = Timestamp::from_secs(1_000_000);
    /// assert_eq!(tolerance.check(Timestamp::from_secs(999_700), now), Ok(()));
    /// assert_eq!(tolerance.check(Timestamp::from_millis(999_699_999), now), Err(Refusal::TimestampTooOld));
    /// assert_eq!(tolerance.check(Timestamp::from_millis(1_000_300_001), now), Err(Refusal::TimestampTooNew));
    /// ```
    pub fn check(self, stamp: Timestamp, now: Timestamp) -> Result<(), Refusal> {
        // `abs_diff` cannot overflow, whatever the two moments are.
        let distance = u128::from(stamp.0.abs_diff(now.0));
        let (allowed, refusal) = match stamp.cmp(&now) {
            Ordering::Less => (self.past(), Refusal::TimestampTooOld),
            Ordering::Equal | Ordering::Greater => (self.future(), Refusal::TimestampTooNew),
        };
        if distance > allowed.as_millis() {
            return Err(refusal);
        }
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EachSide {
    past: u32,
    future: u32,
}

impl Serialize for Tolerance {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.past_secs == self.future_secs {
            self.past_secs.serialize(to)
        } else {
            EachSide {
                past: self.past_secs,
                future: self.future_secs,
            }
            .serialize(to)
        }
    }
}

impl<'de> Deserialize<'de> for Tolerance {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Tolerance;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("whole seconds, or a table with past and future")
            }

            fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<Tolerance, E> {
                u32::try_from(seconds)
                    .map(Tolerance::from_secs)
                    .map_err(|_| E::custom("a tolerance of more than 4294967295 seconds"))
            }

            fn visit_i64<E: serde::de::Error>(self, seconds: i64) -> Result<Tolerance, E> {
                u64::try_from(seconds)
                    .map_err(|_| E::custom("a negative tolerance"))
                    .and_then(|seconds| self.visit_u64(seconds))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<Tolerance, A::Error> {
                let sides =
                    EachSide::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Tolerance::from_secs_each(sides.past, sides.future))
            }
        }

        from.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_of_a_number() {
        assert_eq!(Unit::Seconds.parse(b"0"), Ok(Timestamp(0)));
        assert_eq!(
            Unit::Seconds.parse(b"1533204620"),
            Ok(Timestamp(1_533_204_620_000))
        );
        assert_eq!(
            Unit::Milliseconds.parse(b"1533204620001"),
            Ok(Timestamp(1_533_204_620_001))
        );
        let malformed = [
            "",
            "+5",
            "-5",
            "005",
            "00",
            "5 ",
            " 5",
            "5.0",
            "5e3",
            "0x5",
            "1_000",
            "\u{0665}",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "1000000000000000",
            "5\0",
            "NaN",
            // The characters next to the digits.
            "5/",
            "5:",
        ];
        for text in malformed {
            assert_eq!(
                Unit::Seconds.parse(text.as_bytes()),
                Err(Refusal::TimestampMalformed),
                "{text:?}"
            );
            assert_eq!(
                Unit::Milliseconds.parse(text.as_bytes()),
                Err(Refusal::TimestampMalformed),
                "{text:?}"
            );
        }
    }

    #[test]
    fn calendars_are_strict() {
        let moment = Ok(Timestamp::from_millis(1_614_265_330_250));
        assert_eq!(Unit::Rfc3339.parse(b"2021-02-25T15:02:10.250Z"), moment);
        assert_eq!(
            Unit::Rfc3339.parse(b"2021-02-25T16:02:10.250+01:00"),
            moment
        );
        assert_eq!(
            Unit::HttpDate.parse(b"Thu, 25 Feb 2021 15:02:10 GMT"),
            Ok(Timestamp::from_secs(1_614_265_330))
        );
        let zoneless = Unit::Rfc3339Zoneless;
        assert_eq!(zoneless.parse(b"2021-02-25T15:02:10.250"), moment);
        assert_eq!(zoneless.parse(b"2021-02-25T16:02:10.250+01:00"), moment);
        for text in [
            "2021-02-25",
            "2021-02-25T15:02:10 ",
            "2021-02-25T15:02:10ZZ",
        ] {
            assert_eq!(
                zoneless.parse(text.as_bytes()),
                Err(Refusal::TimestampMalformed),
                "{text:?}"
            );
        }
        for text in [
            "2021-02-25",
            "2021-02-25T15:02:10",
            "2021-13-25T15:02:10Z",
            "1614265330",
            "",
        ] {
            assert_eq!(
                Unit::Rfc3339.parse(text.as_bytes()),
                Err(Refusal::TimestampMalformed),
                "{text:?}"
            );
        }
        for text in [
            "Thu, 25 Feb 2021 15:02:10 +0000",
            "Thu, 25 Feb 2021 15:02:10",
            " GMT",
            "",
        ] {
            assert_eq!(
                Unit::HttpDate.parse(text.as_bytes()),
                Err(Refusal::TimestampMalformed),
                "{text:?}"
            );
        }
    }

    #[test]
    fn the_longest_text_and_one_byte_more() {
        let digits = |count| {
            format!(
                "2021-02-25T15:02:10.{}Z",
                "250".repeat(7).get(..count).unwrap()
            )
        };
        let (longest, longer, still_longer) = (digits(19), digits(20), digits(21));
        assert_eq!(longest.len(), MAX_TIMESTAMP_LEN);
        for unit in [Unit::Rfc3339, Unit::Rfc3339Zoneless] {
            assert_eq!(
                unit.parse(longest.as_bytes()),
                Ok(Timestamp(1_614_265_330_250))
            );
            for text in [&longer, &still_longer] {
                assert_eq!(
                    unit.parse(text.as_bytes()),
                    Err(Refusal::TimestampMalformed)
                );
            }
        }
    }

    #[test]
    fn a_tolerance_in_a_file_is_one_number_or_two() {
        for (tolerance, text) in [
            (Tolerance::from_secs(300), "300"),
            (
                Tolerance::from_secs_each(86_400, 300),
                r#"{"past":86400,"future":300}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&tolerance).unwrap(), text);
            assert_eq!(serde_json::from_str::<Tolerance>(text).unwrap(), tolerance);
        }
        assert_eq!(
            serde_json::from_str::<Tolerance>("true")
                .unwrap_err()
                .to_string(),
            "invalid type: boolean `true`, expected whole seconds, or a table with past and future at line 1 column 4"
        );
    }

    #[test]
    fn calendars_have_one_spelling() {
        // The parser of RFC 2822 dates takes what mail may hold (comments, any case, two-digit years), and that of RFC 3339 any
        // character between date and time: one moment could be spelled in many ways. Found by the fuzz target `timestamp`.
        for text in [
            "thu, 25 feb 2021 15:02:10 GMT",
            "Thu, 25 Feb 2021 (a) 15:02:10 GMT",
            "Thu,  25 Feb 2021 15:02:10 GMT",
            "25 Feb 2021 15:02:10 GMT",
            "Thu, 25 Feb 21 15:02:10 GMT",
            "Thu, 25 Feb 2021 15:02 GMT",
            "Thursday, 25-Feb-21 15:02:10 GMT",
        ] {
            assert_eq!(
                Unit::HttpDate.parse(text.as_bytes()),
                Err(Refusal::TimestampMalformed),
                "{text:?}"
            );
        }
        for text in [
            "2021-02-25 15:02:10Z",
            "2021-02-25t15:02:10Z",
            "2021-02-25x15:02:10Z",
            "2021-02-25T15:02:10z",
        ] {
            for unit in [Unit::Rfc3339, Unit::Rfc3339Zoneless] {
                assert_eq!(
                    unit.parse(text.as_bytes()),
                    Err(Refusal::TimestampMalformed),
                    "{text:?}"
                );
            }
        }
    }

    #[test]
    fn freshness_is_total() {
        let tolerance = Tolerance::from_secs(300);
        let edges = [
            i64::MIN,
            i64::MIN + 1,
            -300_001,
            -300_000,
            -1,
            0,
            1,
            300_000,
            300_001,
            i64::MAX - 1,
            i64::MAX,
        ];
        for stamp in edges {
            for now in edges {
                let distance = i128::from(now) - i128::from(stamp);
                let expect = match distance {
                    300_001.. => Err(Refusal::TimestampTooOld),
                    ..=-300_001 => Err(Refusal::TimestampTooNew),
                    _ => Ok(()),
                };
                assert_eq!(
                    tolerance.check(Timestamp(stamp), Timestamp(now)),
                    expect,
                    "{stamp} {now}"
                );
            }
        }
    }

    #[test]
    fn each_side_has_its_own_edge() {
        let tolerance = Tolerance::from_secs_each(10, 2);
        let now = Timestamp::from_secs(100);
        assert_eq!(tolerance.check(Timestamp::from_secs(90), now), Ok(()));
        assert_eq!(
            tolerance.check(Timestamp::from_millis(89_999), now),
            Err(Refusal::TimestampTooOld)
        );
        assert_eq!(tolerance.check(Timestamp::from_secs(102), now), Ok(()));
        assert_eq!(
            tolerance.check(Timestamp::from_millis(102_001), now),
            Err(Refusal::TimestampTooNew)
        );
    }

    #[test]
    fn display_never_panics() {
        assert_eq!(Timestamp::from_secs(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp(i64::MIN).to_string(), format!("{} ms", i64::MIN));
    }
}
