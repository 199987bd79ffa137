//! Moments on the command line.

use countersign::{Timestamp, Unit};

/// When to sign or to judge: `now`, Unix seconds, or RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Now,
    At(Timestamp),
}

impl Moment {
    /// The moment itself; reads the clock for `now`.
    pub(crate) fn timestamp(self) -> Timestamp {
        match self {
            Self::Now => countersign::system_now(),
            Self::At(moment) => moment,
        }
    }
}

/// Reads an argument.
pub(crate) fn parse(text: &str) -> Result<Moment, String> {
    if text == "now" {
        return Ok(Moment::Now);
    }
    if let Ok(seconds) = text.parse() {
        return Ok(Moment::At(Timestamp::from_secs(seconds)));
    }
    Unit::Rfc3339
        .parse(text.as_bytes())
        .map(Moment::At)
        .map_err(|_| "give Unix seconds, a time like 2026-01-31T12:00:00Z, or now".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_three_spellings() {
        let at = |seconds| Ok(Moment::At(Timestamp::from_secs(seconds)));
        assert_eq!(parse("now"), Ok(Moment::Now));
        assert_eq!(parse("1700000000"), at(1_700_000_000));
        assert_eq!(parse("-5"), at(-5));
        assert_eq!(parse("2023-11-14T22:13:20Z"), at(1_700_000_000));
        for wrong in [
            "",
            "Now",
            "1e9",
            "2023-11-14",
            "tomorrow",
            "9999999999999999999",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
