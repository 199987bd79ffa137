//! How bytes are written as text: one strict spelling each.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// The longest tag in bytes: SHA-512's.
pub(crate) const MAX_TAG: usize = 64;

/// Room for what is base64 of a tag or of its hex: twice a tag, and 8 that the decoder's estimate may round up to.
const WIDE: usize = 136;

/// How bytes are written as text.
///
/// Each spelling is strict: one alphabet, one case, padding exactly as named, unused tail bits zero. Another spelling of the same bytes
/// is malformed, so that no header can be re-encoded into a second valid one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Encoding {
    /// Hexadecimal in lower case.
    #[default]
    Hex,
    /// Hexadecimal in upper case.
    HexUpper,
    /// Base64, the standard alphabet, padded (RFC 4648 section 4).
    Base64,
    /// Base64, the standard alphabet, without padding.
    Base64NoPad,
    /// Base64, the URL-safe alphabet, padded (RFC 4648 section 5).
    Base64Url,
    /// Base64, the URL-safe alphabet, without padding.
    Base64UrlNoPad,
    /// Base64 (standard, padded) of the lower-case hexadecimal text of the bytes.
    Base64Hex,
    /// An unsigned big-endian number in decimal; only for CRC-32 inside the signed content.
    Decimal,
    /// The bytes themselves: raw digests inside the content, tokens in a header.
    Plain,
}

impl Encoding {
    /// Decodes a tag of exactly `len` bytes (at most [`MAX_TAG`]); nothing else is a candidate.
    pub(crate) fn decode_tag(self, text: &[u8], len: usize, out: &mut [u8; MAX_TAG]) -> Option<()> {
        match self {
            Self::Hex => exact(decode_hex(text, b'a', out)?, len),
            Self::HexUpper => exact(decode_hex(text, b'A', out)?, len),
            Self::Base64Hex => {
                let mut wide = [0_u8; WIDE];
                let read = STANDARD.decode_slice(text, &mut wide).ok()?;
                exact(decode_hex(wide.get(..read)?, b'a', out)?, len)
            }
            Self::Base64 | Self::Base64NoPad | Self::Base64Url | Self::Base64UrlNoPad => {
                let mut wide = [0_u8; WIDE];
                let read = match self {
                    Self::Base64 => STANDARD.decode_slice(text, &mut wide),
                    Self::Base64NoPad => STANDARD_NO_PAD.decode_slice(text, &mut wide),
                    Self::Base64Url => URL_SAFE.decode_slice(text, &mut wide),
                    _ => URL_SAFE_NO_PAD.decode_slice(text, &mut wide),
                }
                .ok()?;
                let tag = wide.get(..read)?;
                exact(tag, len)?;
                out.get_mut(..len)?.copy_from_slice(tag);
                Some(())
            }
            Self::Plain => {
                exact(text, len)?;
                out.get_mut(..len)?.copy_from_slice(text);
                Some(())
            }
            Self::Decimal => None,
        }
    }

    /// Writes `bytes` as text; at most a few hundred bytes are ever encoded, except a whole body by `Encode`.
    pub(crate) fn encode(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Hex => base16ct::lower::encode_string(bytes).into_bytes(),
            Self::HexUpper => base16ct::upper::encode_string(bytes).into_bytes(),
            Self::Base64 => STANDARD.encode(bytes).into_bytes(),
            Self::Base64NoPad => STANDARD_NO_PAD.encode(bytes).into_bytes(),
            Self::Base64Url => URL_SAFE.encode(bytes).into_bytes(),
            Self::Base64UrlNoPad => URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
            Self::Base64Hex => STANDARD
                .encode(base16ct::lower::encode_string(bytes))
                .into_bytes(),
            Self::Decimal => {
                let mut number = [0; 8];
                for (to, byte) in number.iter_mut().rev().zip(bytes.iter().rev()) {
                    *to = *byte;
                }
                u64::from_be_bytes(number).to_string().into_bytes()
            }
            Self::Plain => bytes.to_vec(),
        }
    }
}

/// Decodes the base64 of basic credentials (RFC 7617).
pub(crate) fn decode_credentials(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Decodes hexadecimal whose letters begin at `ten`. What a header says is no secret, so this need not be constant-time; two plain loops
/// are what the compiler makes vector code of.
fn decode_hex<'o>(text: &[u8], ten: u8, out: &'o mut [u8; MAX_TAG]) -> Option<&'o [u8]> {
    let mut digits = [0; 2 * MAX_TAG];
    let out = out.get_mut(..text.len() / 2)?;
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let mut all = 0;
    for (digit, letter) in digits.iter_mut().zip(text) {
        let number = letter.wrapping_sub(b'0');
        let above_nine = letter.wrapping_sub(ten);
        *digit = match (number, above_nine) {
            (0..10, _) => number,
            (_, 0..6) => above_nine.wrapping_add(10),
            _ => 0xff,
        };
        all |= *digit;
    }
    for (byte, pair) in out.iter_mut().zip(digits.as_chunks::<2>().0) {
        let pair = u16::from_le_bytes(*pair);
        [*byte, _] = (pair << 4 | pair >> 8).to_le_bytes();
    }
    (all != 0xff).then_some(out)
}

fn exact(bytes: &[u8], len: usize) -> Option<()> {
    (bytes.len() == len).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
        let mut out = [0; MAX_TAG];
        encoding.decode_tag(text.as_bytes(), 2, &mut out)?;
        Some(out[..2].to_vec())
    }

    #[test]
    fn each_encoding_takes_one_spelling_only() {
        let tag = Some(vec![0xfb, 0xef]);
        for (encoding, good, bad) in [
            (
                Encoding::Hex,
                "fbef",
                &["FBEF", "fbe", "fbef00", "fbeg", "", " fbef"][..],
            ),
            (Encoding::HexUpper, "FBEF", &["fbef", "FBeF"]),
            (
                Encoding::Base64,
                "++8=",
                &["++8", "--8=", "++9=", "++8==", "++8=\n", "++8==="],
            ),
            (Encoding::Base64NoPad, "++8", &["++8=", "--8", "++9"]),
            (Encoding::Base64Url, "--8=", &["++8=", "--8", "--9="]),
            (Encoding::Base64UrlNoPad, "--8", &["++8", "--8=", "--9"]),
            (
                Encoding::Base64Hex,
                "ZmJlZg==",
                &["RkJFRg==", "ZmJlZg", "++8="],
            ),
            (Encoding::Plain, "\u{3a9}", &["a", "abc"]),
        ] {
            let expect = if encoding == Encoding::Plain {
                Some(vec![0xce, 0xa9])
            } else {
                tag.clone()
            };
            assert_eq!(decode(encoding, good), expect, "{encoding:?}");
            for text in bad {
                assert_eq!(decode(encoding, text), None, "{encoding:?} {text:?}");
            }
            assert_eq!(
                encoding.encode(&expect.unwrap_or_default()),
                good.as_bytes()
            );
        }
    }

    #[test]
    fn hex_digits_are_those_of_one_case_in_both_halves_of_a_byte() {
        for letter in 0..=u8::MAX {
            for (encoding, digits) in [
                (Encoding::Hex, b"0123456789abcdef"),
                (Encoding::HexUpper, b"0123456789ABCDEF"),
            ] {
                let value = digits.iter().position(|digit| *digit == letter);
                let value = value.map(|value| u8::try_from(value).unwrap());
                let decode = |text: [u8; 2]| {
                    let mut out = [0; MAX_TAG];
                    encoding.decode_tag(&text, 1, &mut out).map(|()| out[0])
                };
                let high = value.map(|value| value * 16);
                assert_eq!(decode([letter, b'0']), high, "{encoding:?} {letter}");
                assert_eq!(decode([b'0', letter]), value, "{encoding:?} {letter}");
            }
        }
    }

    #[test]
    fn text_far_longer_than_a_tag_is_no_candidate() {
        let long = "ab".repeat(5_000);
        for encoding in [
            Encoding::Hex,
            Encoding::Base64,
            Encoding::Base64Hex,
            Encoding::Plain,
        ] {
            assert_eq!(decode(encoding, &long), None);
        }
    }

    #[test]
    fn tags_of_every_length_are_read_as_they_are_written() {
        for len in [20, 32, 48, MAX_TAG] {
            let tag: Vec<u8> = (0..len)
                .map(|at| u8::try_from(at * 4 % 251).unwrap())
                .collect();
            for encoding in [
                Encoding::Hex,
                Encoding::HexUpper,
                Encoding::Base64,
                Encoding::Base64NoPad,
                Encoding::Base64Url,
                Encoding::Base64UrlNoPad,
                Encoding::Base64Hex,
                Encoding::Plain,
            ] {
                let text = encoding.encode(&tag);
                let mut out = [0xEE; MAX_TAG];
                assert_eq!(
                    encoding.decode_tag(&text, len, &mut out),
                    Some(()),
                    "{encoding:?} {len}"
                );
                assert_eq!(out[..len], tag, "{encoding:?} {len}");
            }
        }
    }

    #[test]
    fn a_crc_is_written_as_one_number() {
        assert_eq!(
            Encoding::Decimal.encode(&[0xff, 0xff, 0xff, 0xff]),
            b"4294967295"
        );
        assert_eq!(Encoding::Decimal.encode(&[0, 0, 0, 7]), b"7");
    }
}
