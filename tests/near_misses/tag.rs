//! The signature itself: all of its bytes, in one spelling.

use countersign::Refusal::{SignatureMalformed, SignatureMismatch};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::attempt::{GITHUB, GITHUB_SHA1, SAMPLES, SHOPIFY, SLACK, STRIPE, Sample, Spelling};

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
const BASE64_DIGITS: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn spelled(spelling: Spelling) -> impl Iterator<Item = Sample> {
    let samples = SAMPLES.into_iter();
    samples.filter(move |sample| sample.spelling == spelling)
}

fn with_digit(tag: &str, at: usize, digit: u8) -> String {
    let mut bytes = tag.as_bytes().to_vec();
    bytes[at] = digit;
    String::from_utf8(bytes).expect("ASCII")
}

fn bytes_of(sample: &Sample) -> Vec<u8> {
    match sample.spelling {
        Spelling::Base64 => STANDARD.decode(sample.tag).expect("base64"),
        Spelling::Hex => (0..sample.tag.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&sample.tag[at..at + 2], 16).expect("hex"))
            .collect(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_hex_digit_counts() {
    for sample in spelled(Spelling::Hex) {
        for at in 0..sample.tag.len() {
            for digit in HEX_DIGITS {
                let text = with_digit(sample.tag, at, *digit);
                if text != sample.tag {
                    let changed = sample.with_tag(&text);
                    changed.refused(SignatureMismatch, format!("{}: {text}", sample.id));
                }
            }
        }
    }
}

#[test]
fn every_base64_digit_counts() {
    for sample in spelled(Spelling::Base64) {
        let digits = sample.tag.trim_end_matches('=').len();
        for at in 0..digits {
            for (value, digit) in BASE64_DIGITS.iter().enumerate() {
                let text = with_digit(sample.tag, at, *digit);
                if text == sample.tag {
                    continue;
                }
                // 32 bytes leave two unused bits in the last digit.
                let has_tail_bits = at == digits - 1 && value % 4 != 0;
                let refusal = if has_tail_bits {
                    SignatureMalformed
                } else {
                    SignatureMismatch
                };
                let changed = sample.with_tag(&text);
                changed.refused(refusal, format!("{}: {text}", sample.id));
            }
        }
    }
}

/// With these the decoded bytes would be the genuine ones, if tail bits were dropped.
#[test]
fn unused_tail_bits_are_zero() {
    for sample in spelled(Spelling::Base64) {
        let last = sample.tag.len() - 2;
        let digit = sample.tag.as_bytes()[last];
        let value = BASE64_DIGITS
            .iter()
            .position(|known| *known == digit)
            .expect("a digit");
        assert_eq!(value % 4, 0, "{}", sample.id);
        for bits in 1..4 {
            let text = with_digit(sample.tag, last, BASE64_DIGITS[value + bits]);
            sample
                .with_tag(&text)
                .refused(SignatureMalformed, format!("{}: {text}", sample.id));
        }
    }
}

#[test]
fn a_digit_of_no_alphabet() {
    for sample in SAMPLES {
        let others: &[u8] = match sample.spelling {
            Spelling::Hex => b"gGzO-_+/=.%~\"\xe9\xff",
            Spelling::Base64 => b"-_=.%~!$*\"\xe9\xff",
        };
        let (before, after) = sample.around_tag();
        for at in 0..sample.tag.len() {
            for digit in others {
                let mut tag = sample.tag.as_bytes().to_vec();
                // The last character of padded base64 is the padding.
                if std::mem::replace(&mut tag[at], *digit) == *digit {
                    continue;
                }
                let value = [before.as_bytes(), &tag, after.as_bytes()].concat();
                let changed = sample.attempt().set(sample.header, value);
                changed.refused(
                    SignatureMalformed,
                    format!("{}: byte {digit:#x} at {at}", sample.id),
                );
            }
        }
    }
}

#[test]
fn cut_at_every_length() {
    for sample in SAMPLES {
        for len in 0..sample.tag.len() {
            for text in [&sample.tag[..len], &sample.tag[sample.tag.len() - len..]] {
                let changed = sample.with_tag(text);
                changed.refused(SignatureMalformed, format!("{}: {text}", sample.id));
            }
        }
    }
}

#[test]
fn longer_than_a_signature() {
    for sample in SAMPLES {
        let tag = sample.tag;
        for text in [
            format!("{tag}{tag}"),
            format!("{tag}0"),
            format!("{tag}00"),
            format!("{tag}AAAA"),
            format!("0{tag}"),
            format!("00{tag}"),
            format!("0x{tag}"),
            format!("\"{tag}\""),
            format!("{tag}{}", "00".repeat(32)),
        ] {
            let changed = sample.with_tag(&text);
            changed.refused(SignatureMalformed, format!("{}: {text}", sample.id));
        }
    }
}

#[test]
fn in_upper_case() {
    for sample in spelled(Spelling::Hex) {
        let upper = sample.tag.to_uppercase();
        sample
            .with_tag(&upper)
            .refused(SignatureMalformed, sample.id);
        for (at, digit) in sample
            .tag
            .bytes()
            .enumerate()
            .filter(|(_, digit)| digit.is_ascii_lowercase())
        {
            let text = with_digit(sample.tag, at, digit.to_ascii_uppercase());
            sample
                .with_tag(&text)
                .refused(SignatureMalformed, format!("{}: {text}", sample.id));
        }
    }
}

#[test]
fn the_same_bytes_in_another_encoding() {
    for sample in SAMPLES {
        let bytes = bytes_of(&sample);
        let base64 = STANDARD.encode(&bytes);
        let unpadded = base64.trim_end_matches('=').to_owned();
        let url = |text: &str| text.replace('+', "-").replace('/', "_");
        let mut others = vec![
            (url(&unpadded), "base64url without padding"),
            (unpadded.clone(), "base64 without padding"),
            (
                format!("{unpadded}A"),
                "base64 with a digit for its padding",
            ),
            (format!("{base64}="), "base64 with one sign of padding more"),
            (format!("{unpadded}=="), "base64 with two signs of padding"),
            (format!("{base64}%3D"), "base64 with escaped padding"),
            (hex(&bytes).to_uppercase(), "upper-case hex"),
            (STANDARD.encode(hex(&bytes)), "base64 of hex"),
            (hex(base64.as_bytes()), "hex of base64"),
        ];
        match sample.spelling {
            Spelling::Hex => others.push((base64, "base64")),
            Spelling::Base64 => others.push((hex(&bytes), "hex")),
        }
        for (text, what) in others {
            assert_ne!(text, sample.tag, "{}: {what}", sample.id);
            sample
                .with_tag(&text)
                .refused(SignatureMalformed, format!("{}: {what}", sample.id));
        }
    }
    for sample in [crate::attempt::STANDARD_WEBHOOKS, crate::attempt::SVIX] {
        let other_alphabet = sample.tag.replace('+', "-").replace('/', "_");
        let half_of_it = [sample.tag.replace('+', "-"), sample.tag.replace('/', "_")];
        for text in half_of_it.into_iter().chain([other_alphabet]) {
            assert_ne!(
                text, sample.tag,
                "the vector has both digits in which they differ"
            );
            let changed = sample.with_tag(&text);
            changed.refused(SignatureMalformed, format!("{}: {text}", sample.id));
        }
    }
}

#[test]
fn blanks_inside() {
    for sample in SAMPLES {
        for blank in [" ", "\t"] {
            for at in 0..sample.tag.len() {
                // Shopify's header is the signature alone: blanks before it are around the header.
                if at == 0 && sample.id == SHOPIFY.id {
                    continue;
                }
                let (head, tail) = sample.tag.split_at(at);
                let changed = sample.with_tag(&format!("{head}{blank}{tail}"));
                changed.refused(SignatureMalformed, format!("{}: blank at {at}", sample.id));
            }
        }
    }
}

/// Where a header holds one signature, a second one makes it malformed, as when a proxy joins two lines.
#[test]
fn a_second_signature_where_there_is_one() {
    for sample in [GITHUB, GITHUB_SHA1, SLACK, SHOPIFY] {
        let value = sample.attempt().value(sample.header);
        for between in [",", ", ", ";", " ", "\t", "", "&"] {
            let changed = sample
                .attempt()
                .set(sample.header, format!("{value}{between}{value}"));
            changed.refused(
                SignatureMalformed,
                format!("{}: joined with {between:?}", sample.id),
            );
        }
    }
}

#[test]
fn a_genuine_signature_of_another_vector() {
    for sample in SAMPLES {
        for other in SAMPLES {
            let same_kind =
                sample.spelling == other.spelling && sample.tag.len() == other.tag.len();
            if same_kind && sample.tag != other.tag {
                let changed = sample.with_tag(other.tag);
                changed.refused(
                    SignatureMismatch,
                    format!("{} with that of {}", sample.id, other.id),
                );
            }
        }
    }
    // Of another length: SHA-1's in the place of SHA-256's.
    STRIPE
        .with_tag(GITHUB_SHA1.tag)
        .refused(SignatureMalformed, "20 bytes");
    GITHUB_SHA1
        .with_tag(GITHUB.tag)
        .refused(SignatureMalformed, "32 bytes");
    let first_20 = &GITHUB.tag[..GITHUB_SHA1.tag.len()];
    GITHUB_SHA1
        .with_tag(first_20)
        .refused(SignatureMismatch, "the first 20 of 32 bytes");
}
