//! The signed timestamp: there, once, in one spelling, and within the tolerance to both sides.

use countersign::Refusal::{
    self, SignatureMismatch, TimestampMalformed, TimestampMissing, TimestampRepeated,
    TimestampTooNew, TimestampTooOld,
};

use crate::attempt::{
    Attempt, GITHUB, GITHUB_SHA1, SAMPLES, SHOPIFY, SLACK, STANDARD_WEBHOOKS, STRIPE, SVIX,
    SVIX_UNBRANDED, Sample,
};

/// A sample with a timestamp: its value in seconds, and its header unless it is a pair of the signature's.
struct Stamped {
    sample: Sample,
    stamp: i64,
    header: Option<&'static str>,
}

const fn stamped(sample: Sample, stamp: i64, header: Option<&'static str>) -> Stamped {
    Stamped {
        sample,
        stamp,
        header,
    }
}

const STAMPED: [Stamped; 5] = [
    stamped(STRIPE, 1_533_204_620, None),
    stamped(SLACK, 1_531_420_618, Some("x-slack-request-timestamp")),
    stamped(STANDARD_WEBHOOKS, 1_614_265_330, Some("webhook-timestamp")),
    stamped(SVIX, 1_649_367_553, Some("svix-timestamp")),
    stamped(SVIX_UNBRANDED, 1_649_367_553, Some("webhook-timestamp")),
];

/// The tolerance of each of these schemes to each side, in milliseconds.
const TOLERANCE: i64 = 300_000;

impl Stamped {
    fn with(&self, text: impl AsRef<[u8]>) -> Attempt {
        let text = text.as_ref();
        match self.header {
            Some(header) => self.sample.attempt().set(header, text),
            None => {
                let rest = format!(",v1={}", self.sample.tag);
                let value = [b"t=", text, rest.as_bytes()].concat();
                self.sample.attempt().set(self.sample.header, value)
            }
        }
    }

    fn millis(&self) -> i64 {
        self.stamp * 1_000
    }
}

#[test]
fn the_samples_are_what_they_say() {
    for stamped in &STAMPED {
        let attempt = stamped.with(stamped.stamp.to_string());
        let verified = attempt.judge().expect(stamped.sample.id);
        let stamp = verified.timestamp().map(countersign::Timestamp::as_millis);
        assert_eq!(stamp, Some(stamped.millis()), "{}", stamped.sample.id);
    }
}

#[test]
fn both_sides_of_the_tolerance_are_bounded() {
    for stamped in &STAMPED {
        for (distance, expected) in [
            (0, Ok(())),
            (1, Ok(())),
            (-1, Ok(())),
            (TOLERANCE - 1, Ok(())),
            (TOLERANCE, Ok(())),
            (TOLERANCE + 1, Err(TimestampTooOld)),
            (TOLERANCE + 1_000, Err(TimestampTooOld)),
            (365 * 86_400_000, Err(TimestampTooOld)),
            (-TOLERANCE + 1, Ok(())),
            (-TOLERANCE, Ok(())),
            (-TOLERANCE - 1, Err(TimestampTooNew)),
            (-TOLERANCE - 1_000, Err(TimestampTooNew)),
            (-365 * 86_400_000, Err(TimestampTooNew)),
        ] {
            let attempt = stamped
                .sample
                .attempt()
                .at_millis(stamped.millis() + distance);
            attempt.gives(&expected, format!("{}: {distance} ms", stamped.sample.id));
        }
    }
}

#[test]
fn a_fresh_stamp_that_was_not_signed() {
    for stamped in &STAMPED {
        for offset in [-300, -1, 1, 300] {
            let attempt = stamped.with((stamped.stamp + offset).to_string());
            let attempt = attempt.at_millis(stamped.millis());
            attempt.refused(
                SignatureMismatch,
                format!("{}: {offset} s", stamped.sample.id),
            );
        }
        let renewed = stamped.with((stamped.stamp + 86_400).to_string());
        let renewed = renewed.at_millis(stamped.millis() + 86_400_000);
        renewed.refused(
            SignatureMismatch,
            format!("{}: a day later", stamped.sample.id),
        );
    }
}

#[test]
fn one_spelling_of_the_number() {
    for stamped in &STAMPED {
        let stamp = stamped.stamp;
        let same_number = [
            format!("+{stamp}"),
            format!("0{stamp}"),
            format!("00000{stamp}"),
            format!("-{stamp}"),
            format!("{stamp}.0"),
            format!("{stamp}."),
            format!("{stamp}e0"),
            format!("{stamp}E0"),
            format!("0x{stamp:x}"),
            format!("{stamp:x}"),
            format!("{stamp}s"),
            format!("{stamp}\u{e9}"),
            format!("\"{stamp}\""),
            format!("{stamp} {stamp}"),
            format!("{}_{}", stamp / 1_000, stamp % 1_000),
            // The same digits, Arabic-Indic and full-width.
            digits(stamp, '\u{660}'),
            digits(stamp, '\u{ff10}'),
        ];
        let other_numbers = [
            i64::MIN.to_string(),
            i64::MAX.to_string(),
            u64::MAX.to_string(),
            "1".repeat(16),
            "1".repeat(40),
            "1".repeat(41),
            "1".repeat(5_000),
            "+5".into(),
            "005".into(),
            "00".into(),
            "-0".into(),
            "-1".into(),
            String::new(),
            "5.0".into(),
            "1e9".into(),
            "NaN".into(),
            "inf".into(),
            "null".into(),
            "hello".into(),
            "2018-08-02T10:10:20Z".into(),
            "Thu, 02 Aug 2018 10:10:20 GMT".replace(',', ""),
        ];
        for text in same_number.iter().chain(&other_numbers) {
            let what = format!("{}: {text:?}", stamped.sample.id);
            stamped.with(text).refused(TimestampMalformed, &what);
        }
        let not_utf_8 = [stamp.to_string().as_bytes(), b"\xff"].concat();
        stamped
            .with(not_utf_8)
            .refused(TimestampMalformed, stamped.sample.id);
    }
}

fn digits(number: i64, zero: char) -> String {
    let shift = |digit: char| {
        let value = digit.to_digit(10).expect("a digit");
        char::from_u32(u32::from(zero) + value).expect("a digit")
    };
    number.to_string().chars().map(shift).collect()
}

#[test]
fn milliseconds_where_seconds_are_signed() {
    for stamped in &STAMPED {
        let attempt = stamped.with(stamped.millis().to_string());
        attempt.refused(TimestampTooNew, stamped.sample.id);
    }
}

#[test]
fn the_longest_numbers_and_the_ends_of_time() {
    for stamped in &STAMPED {
        let own = stamped.stamp.to_string();
        let own = own.as_str();
        for (text, now, refusal) in [
            ("0", stamped.millis(), TimestampTooOld),
            ("5", stamped.millis(), TimestampTooOld),
            ("999999999999999", stamped.millis(), TimestampTooNew),
            ("999999999999999", i64::MIN, TimestampTooNew),
            ("999999999999999", i64::MAX, TimestampTooOld),
            ("0", i64::MIN, TimestampTooNew),
            ("0", i64::MAX, TimestampTooOld),
            ("0", 0, SignatureMismatch),
            ("0", -300_000, SignatureMismatch),
            ("0", -300_001, TimestampTooNew),
            (own, i64::MIN, TimestampTooNew),
            (own, i64::MIN + 1, TimestampTooNew),
            (own, -1, TimestampTooNew),
            (own, 0, TimestampTooNew),
            (own, i64::MAX - 1, TimestampTooOld),
            (own, i64::MAX, TimestampTooOld),
            ("-9223372036854775808", i64::MIN, TimestampMalformed),
            ("9223372036854775807", i64::MAX, TimestampMalformed),
        ] {
            let attempt = stamped.with(text).at_millis(now);
            attempt.refused(refusal, format!("{}: {text} at {now}", stamped.sample.id));
        }
    }
}

#[test]
fn without_a_stamp_no_moment_is_too_late() {
    for sample in [GITHUB, GITHUB_SHA1, SHOPIFY] {
        for now in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX] {
            sample
                .attempt()
                .at_millis(now)
                .passes(format!("{}: at {now}", sample.id));
        }
    }
    assert_eq!(SAMPLES.len(), STAMPED.len() + 3);
}

#[test]
fn missing_repeated_or_empty() {
    for stamped in &STAMPED {
        let id = stamped.sample.id;
        let stamp = stamped.stamp.to_string();
        let Some(header) = stamped.header else {
            continue;
        };
        let attempt = || stamped.sample.attempt();
        attempt().without(header).refused(TimestampMissing, id);
        attempt()
            .renamed(header, "x-timestamp")
            .refused(TimestampMissing, id);
        for blank in ["", " ", "\t "] {
            attempt()
                .set(header, blank)
                .refused(TimestampMalformed, format!("{id}: {blank:?}"));
        }
        for second in [&*stamp, "0", "", "x"] {
            let twice = attempt().add(header, second);
            twice.refused(TimestampRepeated, format!("{id}: then {second:?}"));
            let other_first = attempt().set(header, second).add(header, &stamp);
            other_first.refused(TimestampRepeated, format!("{id}: first {second:?}"));
        }
        for joined in [format!("{stamp}, {stamp}"), format!("{stamp},{stamp}")] {
            attempt()
                .set(header, &joined)
                .refused(TimestampMalformed, format!("{id}: {joined}"));
        }
    }
}

#[test]
fn blanks_around_a_timestamp_header_are_stripped() {
    for stamped in &STAMPED {
        let Some(header) = stamped.header else {
            continue;
        };
        for (before, after) in [(" ", ""), ("", "\t"), (" \t", "\t ")] {
            let text = format!("{before}{}{after}", stamped.stamp);
            stamped
                .sample
                .attempt()
                .set(header, &text)
                .passes(format!("{}: {text:?}", stamped.sample.id));
        }
        let no_break = format!("\u{a0}{}", stamped.stamp);
        let attempt = stamped.sample.attempt().set(header, no_break);
        attempt.refused(TimestampMalformed, stamped.sample.id);
    }
}

/// The head decides before the body: a bad signature is not looked at when the stamp is stale.
#[test]
fn the_first_cause_is_the_one_that_is_told() {
    for stamped in &STAMPED {
        let stale = stamped.millis() + TOLERANCE + 1;
        let altered = stamped.sample.attempt().body("{}").at_millis(stale);
        altered.refused(TimestampTooOld, stamped.sample.id);
        let malformed = stamped.sample.with_tag("x").at_millis(stale);
        malformed.refused(Refusal::SignatureMalformed, stamped.sample.id);
    }
}
