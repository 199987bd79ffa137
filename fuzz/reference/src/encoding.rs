//! Hex and base64 (RFC 4648, section 4), each in one spelling only.

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
const BASE64_DIGITS: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What a digit of the alphabet stands for.
fn value_of(digit: u8, alphabet: &[u8]) -> Option<u32> {
    let place = alphabet.iter().position(|&known| known == digit)?;
    u32::try_from(place).ok()
}

/// Lower-case hex, two digits for each byte.
pub(crate) fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for pair in text.chunks(2) {
        let [high, low] = pair else { return None };
        let byte = value_of(*high, HEX_DIGITS)? * 16 + value_of(*low, HEX_DIGITS)?;
        bytes.push(u8::try_from(byte).ok()?);
    }
    Some(bytes)
}

/// Standard base64 with its padding; bits that belong to no byte must be zero.
pub(crate) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut ended = false;
    for group in text.chunks(4) {
        if ended {
            return None;
        }
        let digits = match group {
            [_, _, b'=', b'='] => group.get(..2)?,
            [_, _, _, b'='] => group.get(..3)?,
            [_, _, _, _] => group,
            _ => return None,
        };
        ended = digits.len() < 4;

        let mut bits = String::new();
        for &digit in digits {
            bits.push_str(&format!("{:06b}", value_of(digit, BASE64_DIGITS)?));
        }
        for eight in bits.as_bytes().chunks(8) {
            let eight = std::str::from_utf8(eight).ok()?;
            let number = u8::from_str_radix(eight, 2).ok()?;
            if eight.len() == 8 {
                bytes.push(number);
            } else if number != 0 {
                return None;
            }
        }
    }
    Some(bytes)
}

/// Standard base64 of whole bytes, padded.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let mut text = String::new();
    for six in bits.as_bytes().chunks(6) {
        let six = std::str::from_utf8(six).unwrap_or_default();
        let place = usize::from_str_radix(&format!("{six:0<6}"), 2).unwrap_or_default();
        text.push(char::from(BASE64_DIGITS[place]));
    }
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// The same with the padding complete or left out altogether, as dashboards show keys.
pub(crate) fn from_base64_of_key(text: &[u8]) -> Option<Vec<u8>> {
    let mut padded = text.to_vec();
    if !text.contains(&b'=') {
        while !padded.len().is_multiple_of(4) {
            padded.push(b'=');
        }
    }
    from_base64(&padded)
}

#[cfg(test)]
mod tests {
    use super::{from_base64, from_base64_of_key, from_hex, to_base64};

    #[test]
    fn hex_has_one_spelling() {
        assert_eq!(from_hex(b""), Some(vec![]));
        assert_eq!(from_hex(b"00ff1a"), Some(vec![0, 255, 26]));
        for wrong in ["0", "0f0", "FF", "fF", "0x", " 0", "0g", "0\u{e9}"] {
            assert_eq!(from_hex(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn base64_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(from_base64(text.as_bytes()), Some(bytes.into()), "{text}");
            assert_eq!(to_base64(bytes.as_bytes()), text);
        }
        assert_eq!(from_base64(b"++//"), Some(vec![0xfb, 0xef, 0xff]));
    }

    #[test]
    fn base64_has_one_spelling() {
        for wrong in [
            "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8", "=", "==", "====", "Z===",
            "Zg==Zg==", "Z=g=", "--__", "Zm9v\n", " Zm9v", "Zm 9v", "Zm9v=", "Zm9v====",
        ] {
            assert_eq!(from_base64(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_may_lack_its_padding_and_nothing_else() {
        assert_eq!(from_base64_of_key(b"Zg"), Some(b"f".to_vec()));
        assert_eq!(from_base64_of_key(b"Zg=="), Some(b"f".to_vec()));
        assert_eq!(from_base64_of_key(b"Zm8"), Some(b"fo".to_vec()));
        assert_eq!(from_base64_of_key(b"Zm9v"), Some(b"foo".to_vec()));
        for wrong in ["Z", "Zm9vY", "Zg=", "Zh", "Zm9", "Zm9v=", "Z_", "Zg ="] {
            assert_eq!(from_base64_of_key(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
