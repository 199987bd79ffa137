//! Signature texts of every layout.
//!
//! Input: `LAYOUT ENCODING LENGTH`, a line end, the text.
//! Property: accepted exactly when a naive reader accepts, with the same candidates, pairs and first item; at most 16 candidates, each of
//! the tag's length and written in the text as it would be written by a sender; never a text that is too long; the same again when read
//! again; and an item that nobody knows changes nothing.

#![no_main]
#![cfg(fuzzing)]

use countersign::fuzzing::{self, Signatures};
use countersign::scheme::{
    Encoding, ItemField, Layout, List, MAX_CANDIDATES, MAX_SIGNATURE_LEN, Text,
};
use countersign::{Refusal, list, text};
use countersign_fuzz::naive::{encoding, signature};
use countersign_fuzz::text::{choose, first_line, position, words};
use libfuzzer_sys::fuzz_target;

/// What the layout is called here, and the item to add to it, which nobody knows.
static LAYOUTS: [(&str, (Layout, &str)); 9] = [
    ("bare", (Layout::Bare, "")),
    ("prefix", (Layout::Prefix(text!("sha256=")), "")),
    ("pairs", (pairs(",", "="), "zz=1")),
    ("spaced-pairs", (pairs(", ", ":="), "zz:=1")),
    ("list", (labelled(" ", ","), "zz,1")),
    ("wide-list", (labelled("; ", "::"), "zz::1")),
    ("plain-list", (plain(",", false), "")),
    ("first", (plain(";", true), "")),
    ("keyed-list", (keyed(), "k:zz:1")),
];

const fn pairs(separator: &'static str, assign: &'static str) -> Layout {
    Layout::Pairs {
        separator: text!(separator),
        assign: text!(assign),
        accept: list![text!("v1"), text!("v2")],
        ignore: list![text!("v0")],
    }
}

const fn labelled(separator: &'static str, between: &'static str) -> Layout {
    Layout::List {
        separator: text!(separator),
        fields: list![ItemField::Label, ItemField::Signature],
        between: text!(between),
        accept: list![text!("v1"), text!("v2")],
        ignore: list![text!("v1a")],
        first_is_value: false,
    }
}

const fn plain(separator: &'static str, first_is_value: bool) -> Layout {
    Layout::List {
        separator: text!(separator),
        fields: list![ItemField::Signature],
        between: text!(""),
        accept: list![],
        ignore: list![],
        first_is_value,
    }
}

const fn keyed() -> Layout {
    Layout::List {
        separator: text!(","),
        fields: list![ItemField::KeyId, ItemField::Label, ItemField::Signature],
        between: text!(":"),
        accept: list![text!("v1")],
        ignore: list![],
        first_is_value: false,
    }
}

const ENCODINGS: [(&str, Encoding); 7] = [
    ("hex", Encoding::Hex),
    ("hex-upper", Encoding::HexUpper),
    ("base64", Encoding::Base64),
    ("base64-no-pad", Encoding::Base64NoPad),
    ("base64-url", Encoding::Base64Url),
    ("base64-url-no-pad", Encoding::Base64UrlNoPad),
    ("base64-hex", Encoding::Base64Hex),
];

const PAIR_KEYS: List<Text> = list![text!("t"), text!("id")];

fuzz_target!(|input: &[u8]| {
    let (line, text) = first_line(input);
    let mut line = words(line);
    let (layout, unknown) = choose(&LAYOUTS, line.next());
    let encoding = *choose(&ENCODINGS, line.next());
    let tag_len = position(line.next(), 64).unwrap_or_default().max(1);
    let pair_keys = match layout {
        Layout::Pairs { .. } => PAIR_KEYS.as_ref(),
        _ => &[],
    };
    let read = |text: &[u8]| fuzzing::signatures(layout, encoding, tag_len, pair_keys, text);

    let found = read(text);
    assert_eq!(found, read(text), "the same text twice");

    let how = signature::How {
        layout,
        encoding,
        tag_len,
        pair_keys,
    };
    let expected = signature::read(how, text).map(|expected| Signatures {
        candidates: expected.candidates,
        pairs: expected.pairs,
        first: expected.first,
    });
    assert_eq!(found.clone().ok(), expected, "{found:?}");

    if text.len() > MAX_SIGNATURE_LEN {
        let Err(refusal) = &found else {
            panic!("{} bytes of signature text", text.len());
        };
        // What is wrong before the limit is reached is said first.
        assert!(matches!(
            refusal.code(),
            "signature_too_long"
                | "too_many_candidates"
                | "signature_malformed"
                | "signature_repeated"
                | "field_repeated"
        ));
    }
    if let Ok(found) = &found {
        assert!((1..=MAX_CANDIDATES).contains(&found.candidates.len()));
        for candidate in &found.candidates {
            assert_eq!(candidate.len(), tag_len);
            let spelled = encoding::encode(encoding, candidate).expect("an encoding of tags");
            assert!(text.windows(spelled.len()).any(|part| part == spelled));
        }
    }

    if let (false, Layout::Pairs { separator, .. } | Layout::List { separator, .. }) =
        (unknown.is_empty(), layout)
    {
        let more = [text, separator.as_bytes(), unknown.as_bytes()].concat();
        let before = [unknown.as_bytes(), separator.as_bytes(), text].concat();
        let too_long = Refusal::SignatureTooLong {
            limit: MAX_SIGNATURE_LEN,
        };
        for text in [more, before] {
            let again = read(&text);
            assert!(
                again == found || again == Err(too_long.clone()),
                "{again:?}"
            );
        }
    }
});
