//! Hex and base64, bit by bit.

use countersign::scheme::Encoding;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes bytes; `None` for encodings that are not written digit by digit.
#[must_use]
pub fn encode(encoding: Encoding, bytes: &[u8]) -> Option<Vec<u8>> {
    let hex = || -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let text = match encoding {
        Encoding::Hex => hex(),
        Encoding::HexUpper => hex().to_uppercase(),
        Encoding::Base64 => padded(base64(bytes)),
        Encoding::Base64NoPad => base64(bytes),
        Encoding::Base64Url => padded(for_urls(&base64(bytes))),
        Encoding::Base64UrlNoPad => for_urls(&base64(bytes)),
        Encoding::Base64Hex => padded(base64(hex().as_bytes())),
        Encoding::Plain => return Some(bytes.to_vec()),
        _ => return None,
    };
    Some(text.into_bytes())
}

/// The only `len` bytes whose one spelling is `text`, if there are any.
#[must_use]
pub fn decode(encoding: Encoding, text: &[u8], len: usize) -> Option<Vec<u8>> {
    let bytes = match encoding {
        Encoding::Hex | Encoding::HexUpper => from_digits(text, 4)?,
        Encoding::Base64Hex => from_digits(&from_digits(text, 6)?, 4)?,
        Encoding::Plain => text.to_vec(),
        Encoding::Decimal => return None,
        _ => from_digits(text, 6)?,
    };
    (bytes.len() == len && encode(encoding, &bytes)? == text).then_some(bytes)
}

fn base64(bytes: &[u8]) -> String {
    let mut bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    while !bits.len().is_multiple_of(6) {
        bits.push('0');
    }
    bits.as_bytes()
        .chunks(6)
        .map(|six| {
            let value = six
                .iter()
                .fold(0, |sum, bit| sum * 2 + usize::from(bit & 1));
            char::from(BASE64[value])
        })
        .collect()
}

fn padded(mut text: String) -> String {
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

fn for_urls(text: &str) -> String {
    text.replace('+', "-").replace('/', "_")
}

/// Reads digits of either alphabet and case, drops padding and bits that belong to no byte.
fn from_digits(text: &[u8], width: usize) -> Option<Vec<u8>> {
    let mut bits = String::new();
    for digit in text.iter().filter(|digit| **digit != b'=') {
        let value = if width == 4 {
            char::from(*digit).to_digit(16)? as usize
        } else {
            let standard = match digit {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            };
            BASE64.iter().position(|known| *known == standard)?
        };
        bits.push_str(&format!("{value:0width$b}"));
    }
    bits.as_bytes()
        .chunks_exact(8)
        .map(|eight| {
            let eight = std::str::from_utf8(eight).ok()?;
            u8::from_str_radix(eight, 2).ok()
        })
        .collect()
}
