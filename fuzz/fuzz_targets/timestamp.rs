//! Timestamps in every unit, and tolerances.
//!
//! Input: `UNIT PAST FUTURE`, a line end, the timestamp's text.
//! Property: a decimal is accepted exactly when it is the printed number and has at most 15 digits; an HTTP date exactly when it is the
//! printed date; RFC 3339 exactly when a naive reader takes it, with the same moment. The tolerance agrees with 128-bit arithmetic on both
//! sides of both edges.

#![no_main]

use countersign::{Refusal, Timestamp, Tolerance, Unit};
use countersign_fuzz::naive::calendar::{self, Rfc3339};
use countersign_fuzz::text::{choose, first_line, number, words};
use libfuzzer_sys::fuzz_target;

const UNITS: [(&str, Unit); 5] = [
    ("s", Unit::Seconds),
    ("ms", Unit::Milliseconds),
    ("rfc3339", Unit::Rfc3339),
    ("zoneless", Unit::Rfc3339Zoneless),
    ("http-date", Unit::HttpDate),
];

/// No timestamp is longer.
const MAX_LEN: usize = 40;

fuzz_target!(|input: &[u8]| {
    let (line, text) = first_line(input);
    let unit = *choose(&UNITS, words(line).next());
    let read = unit.parse(text);
    let ms = read.as_ref().map(|moment| moment.as_millis()).ok();
    assert!(ms.is_some() || read == Err(Refusal::TimestampMalformed));

    match unit {
        Unit::Seconds | Unit::Milliseconds => {
            let scale = if unit == Unit::Seconds { 1_000 } else { 1 };
            assert_eq!(ms, decimal(text).map(|value| value * scale));
        }
        Unit::HttpDate => {
            if let Some(ms) = ms {
                assert_eq!(
                    calendar::imf_fixdate(ms).as_deref().map(str::as_bytes),
                    Some(text)
                );
            }
        }
        _ => {
            let with_zone = [text, b"Z"].concat();
            let texts = match unit {
                Unit::Rfc3339Zoneless => vec![text, &with_zone],
                _ => vec![text],
            };
            let mut said = texts.into_iter().filter_map(calendar::rfc3339);
            match said.next().filter(|_| text.len() <= MAX_LEN) {
                Some(Rfc3339::Moment(expected)) => assert_eq!(ms, Some(expected)),
                Some(Rfc3339::LeapSecond) => {}
                None => assert_eq!(ms, None),
            }
        }
    }

    let mut sides = words(line).skip(1).map(|word| number(Some(word)));
    let mut side =
        || u32::try_from(sides.next().unwrap_or_default().unsigned_abs()).unwrap_or(u32::MAX);
    let (past, future) = (side(), side());
    let stamp = ms.unwrap_or_else(|| number(Some(text)));
    check_tolerance(stamp, past, future);
    check_printed(stamp);
});

fn decimal(text: &[u8]) -> Option<i64> {
    let value: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let printed = value.to_string();
    (value >= 0 && printed.len() <= 15 && printed.as_bytes() == text).then_some(value)
}

fn check_tolerance(stamp: i64, past: u32, future: u32) {
    let tolerance = Tolerance::from_secs_each(past, future);
    let (past, future) = (i128::from(past) * 1_000, i128::from(future) * 1_000);
    let stamp_ms = i128::from(stamp);
    let edges = [stamp_ms, stamp_ms + past, stamp_ms - future];
    let extremes = [i64::MIN, 0, i64::MAX].map(i128::from);
    for edge in edges.into_iter().chain(extremes) {
        for now in [edge - 1, edge, edge + 1] {
            let Ok(now_ms) = i64::try_from(now) else {
                continue;
            };
            let expected = if now - stamp_ms > past {
                Err(Refusal::TimestampTooOld)
            } else if stamp_ms - now > future {
                Err(Refusal::TimestampTooNew)
            } else {
                Ok(())
            };
            let stamp = Timestamp::from_millis(stamp);
            assert_eq!(
                tolerance.check(stamp, Timestamp::from_millis(now_ms)),
                expected
            );
        }
    }
}

/// What a sender would print is read back, whatever the number.
fn check_printed(ms: i64) {
    let moment = Timestamp::from_millis(ms);
    if (0..1_000_000_000_000_000).contains(&ms) {
        let printed = ms.to_string();
        assert_eq!(Unit::Milliseconds.parse(printed.as_bytes()), Ok(moment));
        assert_eq!(
            Unit::Seconds.parse(printed.as_bytes()),
            Ok(Timestamp::from_secs(ms))
        );
    }
    let whole_second = Timestamp::from_secs(moment.as_secs());
    if let Some(date) = calendar::imf_fixdate(ms) {
        assert_eq!(Unit::HttpDate.parse(date.as_bytes()), Ok(whole_second));
        // The same calendar reaches the display, which is RFC 3339 then.
        assert_eq!(
            Unit::Rfc3339.parse(moment.to_string().as_bytes()),
            Ok(moment)
        );
    }
}
