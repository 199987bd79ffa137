//! Dates by counting days.

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// 1 January 1970 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const DAY_MS: i64 = 86_400_000;

/// The IMF-fixdate (RFC 9110 section 5.6.7) of a moment in the years 1900 to 9999.
#[must_use]
pub fn imf_fixdate(ms: i64) -> Option<String> {
    let days = ms.div_euclid(DAY_MS);
    let second = ms.rem_euclid(DAY_MS) / 1_000;
    let (year, month, day) = (1900..=9999).find_map(|year| {
        let mut left = days - days_before(year);
        (1..=12).find_map(|month| {
            let length = month_len(year, month);
            if (0..length).contains(&left) {
                return Some((year, month, left + 1));
            }
            left -= length;
            None
        })
    })?;
    Some(format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        WEEKDAYS[usize::try_from(days.rem_euclid(7)).ok()?],
        MONTHS[usize::try_from(month - 1).ok()?],
        second / 3_600,
        second / 60 % 60,
        second % 60,
    ))
}

/// What an RFC 3339 text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rfc3339 {
    /// Milliseconds since the epoch, rounded towards the past.
    Moment(i64),
    /// A leap second, which has no such number.
    LeapSecond,
}

/// Reads RFC 3339 with an upper-case T and Z.
#[must_use]
pub fn rfc3339(text: &[u8]) -> Option<Rfc3339> {
    let text = std::str::from_utf8(text)
        .ok()
        .filter(|text| text.is_ascii())?;
    let (date_time, zone) = match text.strip_suffix('Z') {
        Some(before) => (before, 0),
        None => {
            let (before, zone) = text.split_at_checked(text.len().checked_sub(6)?)?;
            let shape = shape(zone);
            if shape != "+00:00" && shape != "-00:00" {
                return None;
            }
            let (hours, minutes) = (number(&zone[1..3])?, number(&zone[4..6])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = hours * 60 + minutes;
            (
                before,
                if zone.starts_with('-') {
                    -offset
                } else {
                    offset
                },
            )
        }
    };
    let (whole, fraction) = date_time.split_once('.').unwrap_or((date_time, "0"));
    if shape(whole) != "0000-00-00T00:00:00" || fraction.is_empty() || number(fraction).is_none() {
        return None;
    }
    let field = |from: usize, to: usize| number(&whole[from..to]);
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let (hour, minute, second) = (field(11, 13)?, field(14, 16)?, field(17, 19)?);
    let is_date = (1..=12).contains(&month) && (1..=month_len(year, month)).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    if second == 60 {
        return Some(Rfc3339::LeapSecond);
    }
    let days = days_before(year) + (1..month).map(|month| month_len(year, month)).sum::<i64>();
    let minutes = (days + day - 1) * 1_440 + hour * 60 + minute - zone;
    let thousandths = number(&format!("{fraction}000")[..3])?;
    Some(Rfc3339::Moment(
        (minutes * 60 + second) * 1_000 + thousandths,
    ))
}

/// The text with every digit as 0.
fn shape(text: &str) -> String {
    text.replace(|letter: char| letter.is_ascii_digit(), "0")
}

fn number(digits: &str) -> Option<i64> {
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    // Fractions may be longer than a number; only their start counts.
    digits[..digits.len().min(18)].parse().ok()
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_len(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first of January of a year from 0 on.
fn days_before(year: i64) -> i64 {
    // Leap years among 0, 1, … year - 1.
    let leaps = |year: i64| (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
    let since_zero = |year: i64| 365 * year + leaps(year);
    since_zero(year) - since_zero(1970)
}
