//! Tags in hex and base64.
//!
//! Input: `ENCODING LENGTH`, a line end, the text.
//! Property: decoded exactly when the result, written again, is the very same text; writing agrees with a naive writer; and whatever is
//! written is decoded.

#![no_main]
#![cfg(fuzzing)]

use countersign::fuzzing::{decode_tag, encode};
use countersign::scheme::Encoding;
use countersign_fuzz::naive::encoding;
use countersign_fuzz::text::{choose, first_line, position, words};
use libfuzzer_sys::fuzz_target;

const ENCODINGS: [(&str, Encoding); 9] = [
    ("hex", Encoding::Hex),
    ("hex-upper", Encoding::HexUpper),
    ("base64", Encoding::Base64),
    ("base64-no-pad", Encoding::Base64NoPad),
    ("base64-url", Encoding::Base64Url),
    ("base64-url-no-pad", Encoding::Base64UrlNoPad),
    ("base64-hex", Encoding::Base64Hex),
    ("decimal", Encoding::Decimal),
    ("plain", Encoding::Plain),
];

const LONGEST: usize = 64;

fuzz_target!(|input: &[u8]| {
    let (line, text) = first_line(input);
    let mut line = words(line);
    let encoding = *choose(&ENCODINGS, line.next());
    let len = position(line.next(), LONGEST + 1).unwrap_or_default();

    let decoded = decode_tag(encoding, text, len);
    assert_eq!(decoded, encoding::decode(encoding, text, len));
    if let Some(tag) = decoded {
        assert_eq!(tag.len(), len);
        assert_eq!(encode(encoding, &tag), text);
    }

    // The text as the bytes of a tag.
    let tag = &text[..text.len().min(LONGEST)];
    let written = encode(encoding, tag);
    if let Some(expected) = encoding::encode(encoding, tag) {
        assert_eq!(written, expected);
        assert_eq!(
            decode_tag(encoding, &written, tag.len()).as_deref(),
            Some(tag)
        );
    }
});
