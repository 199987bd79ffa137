//! Each half of a rule on its own: what it refuses, and what lies just beside.

use super::*;

/// The field and the reason of the refusal.
fn refused(scheme: &Scheme) -> Option<(&'static str, String)> {
    scheme
        .check()
        .err()
        .map(|error| (error.field, error.reason))
}

#[track_caller]
fn assert_refused(scheme: &Scheme, field: &'static str, reason: &str) {
    assert_eq!(
        refused(scheme),
        Some((field, reason.to_owned())),
        "{scheme:?}"
    );
}

fn with_signature(signature: SignatureRule) -> Scheme {
    Scheme { signature, ..GOOD }
}

fn with_layout(layout: Layout) -> Scheme {
    with_signature(SignatureRule {
        layout,
        ..GOOD.signature
    })
}

fn with_content<const N: usize>(content: [Part; N]) -> Scheme {
    Scheme {
        content: list_of(content),
        ..GOOD
    }
}

fn header_part(name: &'static str) -> Part {
    Part::Header(text!(name))
}

const LINE: Part = Part::Literal(text!("\n"));

#[test]
fn basic_credentials_are_bare_and_in_their_header() {
    let basic = |place: &'static str, layout| Scheme {
        algorithm: Algorithm::Basic,
        grade: Grade::Token,
        content: list![],
        signature: SignatureRule {
            place: Place::Header(text!(place)),
            layout,
            ..SignatureRule::BASE
        },
        ..GOOD
    };
    assert_eq!(refused(&basic("authorization", Layout::Bare)), None);
    let reason = "basic authentication is in the authorization header, with a bare layout";
    let prefix = || Layout::Prefix(text!("Basic "));
    for scheme in [
        basic("x-authorization", Layout::Bare),
        basic("authorization", prefix()),
        basic("x-authorization", prefix()),
    ] {
        assert_refused(&scheme, "signature", reason);
    }
}

#[test]
fn a_signature_in_the_body_stands_alone() {
    let in_form = |layout| SignatureRule {
        place: Place::Form(text!("signature")),
        layout,
        ..SignatureRule::BASE
    };
    let reason = "a signature in the body has no further values in its text";
    let first_item = Scheme {
        content: list_of([Part::Timestamp, LINE, header_part("x-a")]),
        grade: Grade::SignatureBesideBody,
        media_types: list![text!("application/x-www-form-urlencoded")],
        timestamp: Some(TimestampRule {
            place: Place::FirstItem,
            ..STAMP
        }),
        ..with_signature(in_form(list_layout(
            ",",
            list![ItemField::Signature],
            "",
            true,
        )))
    };
    assert_refused(&first_item, "signature", reason);
    let pair = Scheme {
        content: list_of([Part::Pair(text!("nonce")), LINE, header_part("x-a")]),
        timestamp: None,
        ..first_item.clone()
    };
    let pairs = Scheme {
        signature: in_form(pairs_layout(",", "=", list![text!("v1")])),
        ..pair
    };
    assert_refused(&pairs, "signature", reason);
}

#[test]
fn a_digest_lies_where_the_signature_reaches() {
    let check = |bodies| DigestCheck {
        place: Place::QueryParam(text!("digest")),
        algorithm: Hash::Sha256,
        encoding: Encoding::Hex,
        of: list![Part::Body],
        bodies,
    };
    let optional = Part::Optional(list![Part::QueryParam(text!("digest"))]);
    let reason = "the signature does not cover the digest's place";
    let beside = Scheme {
        content: list_of([optional, Part::Body]),
        checks: list_of_one(check(CheckedBodies::All)),
        grade: Grade::SignatureUndelimited,
        ..GOOD
    };
    assert_refused(&beside, "checks", reason);
    // Held, but not set apart: good enough for forms alone.
    let undelimited = Scheme {
        content: list![Part::QueryParam(text!("digest")), Part::FormSorted],
        media_types: list![text!("application/x-www-form-urlencoded")],
        grade: Grade::SignatureUndelimited,
        ..beside.clone()
    };
    assert_refused(&undelimited, "checks", reason);
    let forms = |scheme: Scheme| Scheme {
        checks: list_of_one(check(CheckedBodies::AllButForms)),
        ..scheme
    };
    assert_refused(&forms(beside), "checks", reason);
    assert_ne!(
        refused(&forms(undelimited)),
        Some(("checks", reason.to_owned()))
    );
}

fn list_of_one(check: DigestCheck) -> List<DigestCheck> {
    vec![check].into()
}

#[test]
fn a_stamp_is_covered_as_a_stamp_or_as_what_it_lies_in() {
    let stamped = |scheme: Scheme| Scheme {
        timestamp: Some(STAMP),
        ..scheme
    };
    let reason =
        "the signature does not cover it: a stamp that anybody can change keeps nobody out";
    let as_header = stamped(with_content([header_part("x-time"), LINE, Part::Body]));
    assert_eq!(refused(&as_header), None);
    // Where it ends is not told, so a piece of it could be moved into the body.
    let run_together = Scheme {
        grade: Grade::SignatureUndelimited,
        ..stamped(with_content([header_part("x-time"), Part::Body]))
    };
    assert_refused(&run_together, "timestamp", reason);
    let as_stamp = Scheme {
        grade: Grade::SignatureUndelimited,
        ..stamped(with_content([
            Part::Timestamp,
            header_part("x-a"),
            Part::Body,
        ]))
    };
    assert_eq!(refused(&as_stamp), None);
}

#[test]
fn a_media_type_is_plain() {
    let accepts = |kind: &'static str| Scheme {
        media_types: vec![text!(kind)].into(),
        ..GOOD
    };
    assert_eq!(refused(&accepts("text/plain")), None);
    for kind in [
        "text",
        "text/Plain",
        "text/ plain",
        "text/plain;charset=utf-8",
    ] {
        assert_eq!(field(&accepts(kind)), Some("media_types"), "{kind}");
    }
}

#[test]
fn old_hashes_are_not_built_in_wherever_they_stand() {
    let digest = |algorithm| Part::Digest {
        algorithm,
        encoding: Encoding::Hex,
        of: list![Part::Body],
    };
    let check = |algorithm, part| Scheme {
        checks: list_of_one(DigestCheck {
            place: Place::Header(text!("digest")),
            algorithm,
            encoding: Encoding::Hex,
            of: list_of([part]),
            bodies: CheckedBodies::All,
        }),
        ..GOOD
    };
    let said = Some(("algorithm", "MD5 and CRC-32 are not built in"));
    for hash in [Hash::Md5, Hash::Crc32] {
        assert_eq!(with_content([digest(hash)]).unsupported(), said);
        assert_eq!(check(hash, Part::Body).unsupported(), said);
        assert_eq!(check(Hash::Sha256, digest(hash)).unsupported(), said);
    }
    let md5 = Scheme {
        algorithm: Algorithm::Md5,
        ..GOOD
    };
    assert_eq!(md5.unsupported(), said);
    assert_eq!(with_content([digest(Hash::Sha1)]).unsupported(), None);
    assert_eq!(check(Hash::Sha1, digest(Hash::Sha512)).unsupported(), None);
}

fn pairs_layout(separator: &'static str, assign: &'static str, accept: List<Text>) -> Layout {
    Layout::Pairs {
        separator: text!(separator),
        assign: text!(assign),
        accept,
        ignore: list![],
    }
}

fn list_layout(
    separator: &'static str,
    fields: List<ItemField>,
    between: &'static str,
    first_is_value: bool,
) -> Layout {
    let is_labelled = fields.contains(&ItemField::Label);
    Layout::List {
        separator: text!(separator),
        fields,
        between: text!(between),
        accept: if is_labelled {
            list![text!("v1")]
        } else {
            list![]
        },
        ignore: list![],
        first_is_value,
    }
}

#[test]
fn the_pieces_of_pairs_can_be_told_apart() {
    const FIELD: &str = "signature.layout";
    let pairs =
        |separator, assign| with_layout(pairs_layout(separator, assign, list![text!("v1")]));
    assert_eq!(refused(&pairs(",", "=")), None);
    for scheme in [pairs("", "="), pairs(",", ""), pairs("=", "=")] {
        assert_refused(
            &scheme,
            FIELD,
            "separator and assign must be there and differ",
        );
    }
    for label in ["a,b", "a=b"] {
        let scheme = with_layout(pairs_layout(",", "=", vec![text!(label)].into()));
        assert_refused(
            &scheme,
            FIELD,
            "a label holds a separator, so no item could have it",
        );
    }
}

#[test]
fn the_pieces_of_a_list_can_be_told_apart() {
    const FIELD: &str = "signature.layout";
    use ItemField::{KeyId, Label, Signature};
    let layout = |separator, fields, between, first| {
        refused(&with_layout(list_layout(separator, fields, between, first)))
    };
    assert_eq!(layout(" ", list![Signature], "", false), None);
    assert_eq!(layout("", list![Signature], "", false), None);
    assert_eq!(
        layout(" ", list![Label, KeyId, Signature], ",", false),
        None
    );
    let said = |reason: &str| Some((FIELD, reason.to_owned()));
    let between = said("between must be there and differ from the separator");
    assert_eq!(layout(" ", list![Label, Signature], "", false), between);
    assert_eq!(layout(",", list![Label, Signature], ",", false), between);
    assert_eq!(
        layout(" ", list![Label, KeyId], ",", false),
        said("an item has exactly one signature field")
    );
    assert_eq!(
        layout(" ", list![Signature, KeyId, Signature], ",", false),
        said("an item has exactly one signature field")
    );
    assert_eq!(
        layout(" ", list![Label, Label, Signature], ",", false),
        said("an item has at most one label")
    );
    assert_eq!(
        layout("", list![Signature], "", true),
        said("a first value needs a separator behind it")
    );
    // One field has nothing between.
    let no_separator = Layout::List {
        separator: text!(""),
        fields: list![Label, Signature],
        between: text!(","),
        accept: list![text!("v1")],
        ignore: list![],
        first_is_value: false,
    };
    assert_eq!(refused(&with_layout(no_separator)), None);
}

#[test]
fn parts_that_mean_nothing_are_refused() {
    let decimal = "decimal is the spelling of CRC-32 and of nothing else";
    let encode = |encoding| Part::Encode {
        encoding,
        of: list![Part::Body],
    };
    let digest = |algorithm, encoding| Part::Digest {
        algorithm,
        encoding,
        of: list![Part::Body],
    };
    let keep = |kept: &'static str| Part::Change {
        by: Change::PercentEncode(text!(kept)),
        of: list![Part::Body],
    };
    for (part, reason) in [
        (Part::Literal(text!("")), "a literal is empty"),
        (Part::Config(text!("")), "a config name is empty"),
        (encode(Encoding::Decimal), decimal),
        (digest(Hash::Sha256, Encoding::Decimal), decimal),
        (digest(Hash::Crc32, Encoding::Hex), decimal),
        (
            keep("-%"),
            "a percent sign that is kept looks like an escape",
        ),
        (keep("\u{e9}"), "percent escapes are of ASCII characters"),
    ] {
        assert_refused(&with_content([part, LINE, Part::Body]), "content", reason);
    }
    for part in [
        Part::Config(text!("name")),
        encode(Encoding::Hex),
        digest(Hash::Crc32, Encoding::Decimal),
        keep("-"),
    ] {
        let said = refused(&with_content([part, LINE, header_part("x-a")]));
        assert_ne!(
            said.as_ref().map(|(field, _)| *field),
            Some("content"),
            "{said:?}"
        );
    }
}
