//! Stamps in Unix seconds and the window they must fall into.

const TOLERANCE_MS: i128 = 300_000;
const MAX_DIGITS: usize = 15;

/// Whether the stamp is spelled as it must be and at most five minutes from now, before or after.
pub(crate) fn is_fresh(stamp: &[u8], now_ms: i64) -> bool {
    let Some(seconds) = from_decimal(stamp) else {
        return false;
    };
    let distance = i128::from(now_ms) - seconds * 1000;
    distance.abs() <= TOLERANCE_MS
}

/// ASCII digits only, at most fifteen, no zero in front of others.
fn from_decimal(text: &[u8]) -> Option<i128> {
    if text.is_empty() || text.len() > MAX_DIGITS {
        return None;
    }
    if text.len() > 1 && text.starts_with(b"0") {
        return None;
    }
    let mut number = 0;
    for &digit in text {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i128::from(digit - b'0');
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::{from_decimal, is_fresh};

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(from_decimal(b"0"), Some(0));
        assert_eq!(from_decimal(b"10"), Some(10));
        assert_eq!(from_decimal(b"999999999999999"), Some(999_999_999_999_999));
        for wrong in [
            "",
            "00",
            "01",
            "-1",
            "-0",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "0x1",
            "1_0",
            "hello",
            "\u{661}",
            "1000000000000000",
        ] {
            assert_eq!(from_decimal(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn the_window_is_closed_on_both_sides() {
        assert!(is_fresh(b"1000", 1_000_000));
        assert!(is_fresh(b"1000", 1_300_000));
        assert!(!is_fresh(b"1000", 1_300_001));
        assert!(is_fresh(b"1000", 700_000));
        assert!(!is_fresh(b"1000", 699_999));
        assert!(is_fresh(b"0", -300_000));
        assert!(!is_fresh(b"0", -300_001));
    }

    #[test]
    fn every_now_has_an_answer() {
        for stamp in [&b"0"[..], b"999999999999999"] {
            assert!(!is_fresh(stamp, i64::MIN));
            assert!(!is_fresh(stamp, i64::MAX));
        }
    }
}
