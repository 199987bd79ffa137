//! Project Wycheproof's cases for HMAC, through the public interface: a scheme of one's own that signs the body. Whole tags get the verdict of
//! their authors; tags that are cut short are refused, though Wycheproof calls them valid.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test stops at what it cannot do"
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::scheme::{Algorithm, Encoding, KeyFormat, Place, Scheme, SignatureRule};
use countersign::{Finished, Receiver, Refusal, SettingError, Timestamp, danger, text};
use http::Request;
use serde::Deserialize;

/// One file of cases, and what must come of it.
struct Set {
    algorithm: Algorithm,
    tag_len: usize,
    cases: &'static str,
    /// A case that gets lost is missed here.
    expect: Counts,
    /// How many have an empty body, and how many a key of fewer than 16 bytes.
    empty: usize,
    short_keys: usize,
}

/// How many cases end how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    accepted: usize,
    mismatched: usize,
    /// Valid, says Wycheproof.
    cut: usize,
    cut_and_invalid: usize,
}

const SETS: [Set; 4] = [
    Set {
        algorithm: Algorithm::HmacSha1,
        tag_len: 20,
        cases: include_str!("vectors/wycheproof/hmac-sha1.jsonl"),
        expect: Counts {
            accepted: 33,
            mismatched: 54,
            cut: 33,
            cut_and_invalid: 50,
        },
        empty: 58,
        short_keys: 6,
    },
    Set {
        algorithm: Algorithm::HmacSha256,
        tag_len: 32,
        cases: include_str!("vectors/wycheproof/hmac-sha256.jsonl"),
        expect: OTHERS,
        empty: 60,
        short_keys: 0,
    },
    Set {
        algorithm: Algorithm::HmacSha384,
        tag_len: 48,
        cases: include_str!("vectors/wycheproof/hmac-sha384.jsonl"),
        expect: OTHERS,
        empty: 60,
        short_keys: 0,
    },
    Set {
        algorithm: Algorithm::HmacSha512,
        tag_len: 64,
        cases: include_str!("vectors/wycheproof/hmac-sha512.jsonl"),
        expect: OTHERS,
        empty: 60,
        short_keys: 0,
    },
];

const OTHERS: Counts = Counts {
    accepted: 33,
    mismatched: 54,
    cut: 33,
    cut_and_invalid: 54,
};

const NOW: Timestamp = Timestamp::from_secs(0);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Line {
    tc_id: u32,
    key: String,
    msg: String,
    tag: String,
    tag_size: usize,
    result: Validity,
    flags: Vec<Flag>,
    #[serde(default)]
    comment: String,
    source: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Validity {
    Valid,
    Invalid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Flag {
    Pseudorandom,
    ModifiedTag,
}

/// A case, decoded.
struct Case {
    name: String,
    key: Vec<u8>,
    body: Bytes,
    tag: Vec<u8>,
    valid: bool,
}

impl Set {
    fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for (line, number) in self.cases.lines().zip(1_u32..) {
            let line: Line = serde_json::from_str(line).unwrap();
            assert_eq!(
                line.tc_id, number,
                "{:?}: a case is missing",
                self.algorithm
            );
            assert!(line.source.ends_with("_test.json"), "{number}");
            let expected_flag = match line.result {
                Validity::Valid => Flag::Pseudorandom,
                Validity::Invalid => Flag::ModifiedTag,
            };
            assert_eq!(line.flags, [expected_flag], "{number}");
            let tag = decode(&line.tag);
            assert_eq!(tag.len() * 8, line.tag_size, "{number}");
            cases.push(Case {
                name: format!("{:?} {number} {}", self.algorithm, line.comment),
                key: decode(&line.key),
                body: decode(&line.msg).into(),
                tag,
                valid: line.result == Validity::Valid,
            });
        }
        cases
    }
}

fn decode(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How signature and key are written.
const SPELLINGS: [(Encoding, KeyFormat); 4] = [
    (Encoding::Hex, KeyFormat::Hex),
    (Encoding::HexUpper, KeyFormat::Base64),
    (Encoding::Base64, KeyFormat::Base64),
    (Encoding::Base64UrlNoPad, KeyFormat::Hex),
];

/// A receiver for one key, which judges tags in one spelling.
struct Judge {
    receiver: Receiver,
    encoding: Encoding,
}

impl Judge {
    fn new(set: &Set, key: &[u8], encoding: Encoding, format: KeyFormat) -> Self {
        Self::from_scheme(scheme(set, encoding, format), key).unwrap()
    }

    fn from_scheme(scheme: Scheme, key: &[u8]) -> Result<Self, SettingError> {
        let secret = danger::secret_of_any_length(written(key, &scheme.key)).unwrap();
        Ok(Self {
            encoding: scheme.signature.encoding,
            receiver: Receiver::builder(scheme, secret).build()?,
        })
    }

    /// The verdict over the body in one piece, which must be that over its bytes one by one, over its halves, and of all steps together.
    fn judge(&self, body: &Bytes, tag: &[u8]) -> Result<(), Refusal> {
        let head = Request::post("/").header("tag", self.spell(tag)).body(());
        let head = head.unwrap();
        let alone = self.receiver.verify(&head, body.clone(), NOW);
        if let Ok(verified) = &alone {
            assert_eq!(verified.body(), body);
        }
        let verdict = alone.map(drop);
        let half = body.len() / 2;
        let (first, second) = (body.slice(..half), body.slice(half..));
        let one_by_one = (0..body.len()).map(|at| body.slice(at..=at)).collect();
        for pieces in [
            vec![body.clone()],
            vec![first, Bytes::new(), second],
            one_by_one,
        ] {
            let count = pieces.len();
            let in_pieces = self.receiver.open(&head, NOW).and_then(|mut intake| {
                pieces
                    .into_iter()
                    .try_for_each(|piece| intake.push(piece))?;
                intake.finish()
            });
            if let Ok(Finished::Verified(verified)) = &in_pieces {
                assert_eq!(verified.body(), body, "{count} pieces");
            }
            assert_eq!(in_pieces.map(|_| ()), verdict, "{count} pieces");
        }
        verdict
    }

    fn spell(&self, tag: &[u8]) -> String {
        match self.encoding {
            Encoding::Hex => hex(tag),
            Encoding::HexUpper => hex(tag).to_uppercase(),
            Encoding::Base64 => STANDARD.encode(tag),
            Encoding::Base64UrlNoPad => {
                let standard = STANDARD.encode(tag).replace('+', "-").replace('/', "_");
                standard.trim_end_matches('=').to_owned()
            }
            other => panic!("{other:?}"),
        }
    }
}

fn scheme(set: &Set, encoding: Encoding, format: KeyFormat) -> Scheme {
    Scheme {
        name: text!("wycheproof"),
        algorithm: set.algorithm,
        key: format,
        signature: SignatureRule {
            place: Place::Header(text!("tag")),
            encoding,
            ..SignatureRule::BASE
        },
        media_types: countersign::list![],
        ..Scheme::BASE
    }
}

fn written(key: &[u8], format: &KeyFormat) -> String {
    match format {
        KeyFormat::Hex => hex(key),
        KeyFormat::Base64 => STANDARD.encode(key),
        other => panic!("{other:?}"),
    }
}

/// Each case with a judge in each spelling.
fn for_each(mut visit: impl FnMut(&Set, &Case, &Judge)) {
    for set in &SETS {
        for case in set.cases() {
            for (encoding, format) in SPELLINGS {
                let judge = Judge::new(set, &case.key, encoding, format);
                visit(set, &case, &judge);
            }
        }
    }
}

#[test]
fn every_case_gets_its_verdict() {
    let mut judged = 0;
    for set in &SETS {
        for (encoding, format) in SPELLINGS {
            let mut counts = Counts::default();
            for case in set.cases() {
                let judge = Judge::new(set, &case.key, encoding, format.clone());
                let is_whole = case.tag.len() == set.tag_len;
                // A tag of another length is no candidate at all: nothing is hashed for it.
                let (expected, count) = match (is_whole, case.valid) {
                    (true, true) => (Ok(()), &mut counts.accepted),
                    (true, false) => (Err(Refusal::SignatureMismatch), &mut counts.mismatched),
                    (false, true) => (Err(Refusal::SignatureMalformed), &mut counts.cut),
                    (false, false) => (
                        Err(Refusal::SignatureMalformed),
                        &mut counts.cut_and_invalid,
                    ),
                };
                *count += 1;
                let verdict = judge.judge(&case.body, &case.tag);
                assert_eq!(verdict, expected, "{}, {encoding:?}", case.name);
                judged += 1;
            }
            assert_eq!(counts, set.expect, "{:?}, {encoding:?}", set.algorithm);
        }
    }
    assert_eq!(judged, 692 * SPELLINGS.len());
}

/// What makes a cut tag wrong is the cut: the tag it was cut from is accepted, and the cut one filled up to its length is not.
#[test]
fn a_cut_tag_is_refused_for_the_cut_alone() {
    let mut cut = 0;
    for_each(|set, case, judge| {
        if case.tag.len() == set.tag_len || !case.valid {
            return;
        }
        cut += 1;
        let whole = hmac_of(set.algorithm, &case.key, &case.body);
        assert!(whole.starts_with(&case.tag), "{}", case.name);
        assert_eq!(judge.judge(&case.body, &whole), Ok(()), "{}", case.name);
        for filler in [0, 0xff] {
            let mut filled = case.tag.clone();
            filled.resize(set.tag_len, filler);
            assert_eq!(
                judge.judge(&case.body, &filled),
                Err(Refusal::SignatureMismatch),
                "{} filled with {filler}",
                case.name
            );
        }
    });
    assert_eq!(cut, 4 * 33 * SPELLINGS.len());
}

/// Not at half of the length alone, as Wycheproof has it, but everywhere; and a longer tag is as wrong as a shorter one.
#[test]
fn a_tag_of_any_other_length_is_refused() {
    let mut judged = 0;
    for_each(|set, case, judge| {
        if case.tag.len() != set.tag_len || !case.valid || !case.body.is_empty() {
            return;
        }
        let longer = [case.tag.clone(), vec![0; set.tag_len]].concat();
        for len in (0..=longer.len()).filter(|len| *len != set.tag_len) {
            // An empty header is malformed and not missing.
            let verdict = judge.judge(&case.body, &longer[..len]);
            assert_eq!(
                verdict,
                Err(Refusal::SignatureMalformed),
                "{}, {len} bytes",
                case.name
            );
            judged += 1;
        }
    });
    // Three cases of each set have an empty body and a whole, valid tag.
    assert_eq!(judged, 3 * 2 * (20 + 32 + 48 + 64) * SPELLINGS.len());
}

#[test]
fn an_empty_body_and_a_short_key_are_what_the_scheme_and_the_caller_allow() {
    for set in &SETS {
        let cases = set.cases();
        let empty = cases.iter().filter(|case| case.body.is_empty());
        assert_eq!(empty.clone().count(), set.empty, "{:?}", set.algorithm);
        for case in empty.filter(|case| case.tag.len() == set.tag_len) {
            let strict = Scheme {
                body_required: true,
                ..scheme(set, Encoding::Hex, KeyFormat::Hex)
            };
            let judge = Judge::from_scheme(strict, &case.key).unwrap();
            let verdict = judge.judge(&case.body, &case.tag);
            assert_eq!(verdict, Err(Refusal::BodyEmpty), "{}", case.name);
        }
        let mut short = 0;
        for case in cases {
            let secret = countersign::Secret::new(hex(&case.key)).unwrap();
            let scheme = scheme(set, Encoding::Hex, KeyFormat::Hex);
            let built = Receiver::builder(scheme, secret).build();
            if case.key.len() >= 16 {
                assert!(built.is_ok(), "{}", case.name);
                continue;
            }
            short += 1;
            assert_eq!(
                built.unwrap_err(),
                SettingError::Secret {
                    label: "secret-1".into(),
                    reason: countersign::SecretError::TooShort {
                        bytes: case.key.len(),
                        least: 16
                    },
                }
            );
        }
        assert_eq!(short, set.short_keys, "{:?}", set.algorithm);
    }
}

fn hmac_of(algorithm: Algorithm, key: &[u8], body: &[u8]) -> Vec<u8> {
    use hmac::{Hmac, KeyInit as _, Mac};

    fn tag(mut mac: impl Mac, body: &[u8]) -> Vec<u8> {
        mac.update(body);
        mac.finalize().into_bytes().to_vec()
    }
    match algorithm {
        Algorithm::HmacSha1 => tag(Hmac::<sha1::Sha1>::new_from_slice(key).unwrap(), body),
        Algorithm::HmacSha256 => tag(Hmac::<sha2::Sha256>::new_from_slice(key).unwrap(), body),
        Algorithm::HmacSha384 => tag(Hmac::<sha2::Sha384>::new_from_slice(key).unwrap(), body),
        Algorithm::HmacSha512 => tag(Hmac::<sha2::Sha512>::new_from_slice(key).unwrap(), body),
        other => panic!("{other:?}"),
    }
}
