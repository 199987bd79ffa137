use super::*;

fn read<'a>(
    layout: &Layout,
    pair_keys: &[Text],
    value: &'a str,
) -> Result<SignatureText<'a>, Refusal> {
    let mut text = SignatureText::default();
    let how = Reader {
        layout,
        tag: Tag::Bytes(2, Encoding::Hex),
        pair_keys,
        prefix_has_no_case: false,
    };
    text.read(how, value.as_bytes())?;
    text.finish()
}

fn tags(layout: &Layout, value: &str) -> Result<Vec<String>, Refusal> {
    let text = read(layout, &[text!("t")], value)?;
    Ok(text
        .candidates
        .iter()
        .map(base16ct::lower::encode_string)
        .collect())
}

fn pairs() -> Layout {
    Layout::Pairs {
        separator: text!(","),
        assign: text!("="),
        accept: crate::list![text!("v1")],
        ignore: crate::list![text!("v0")],
    }
}

fn list() -> Layout {
    Layout::List {
        separator: text!(" "),
        fields: crate::list![ItemField::Label, ItemField::Signature],
        between: text!(","),
        accept: crate::list![text!("v1")],
        ignore: crate::list![text!("v1a")],
        first_is_value: false,
    }
}

fn found(tags: &[&str]) -> Result<Vec<String>, Refusal> {
    Ok(tags.iter().map(|tag| (*tag).to_owned()).collect())
}

const MALFORMED: Result<Vec<String>, Refusal> = Err(Refusal::SignatureMalformed);
const TOO_MANY: Result<Vec<String>, Refusal> = Err(Refusal::TooManyCandidates { limit: 16 });
const TOO_LONG: Result<Vec<String>, Refusal> = Err(Refusal::SignatureTooLong { limit: 8192 });

#[test]
fn bare_and_prefix_are_exact() {
    assert_eq!(tags(&Layout::Bare, "00ff"), found(&["00ff"]));
    for bad in ["", "00f", "00ff0", "00FF", "00ff,00ff", "0x00ff", "00ff "] {
        assert_eq!(tags(&Layout::Bare, bad), MALFORMED, "{bad:?}");
    }
    let prefix = Layout::Prefix(text!("sha256="));
    assert_eq!(tags(&prefix, "sha256=00ff"), found(&["00ff"]));
    for bad in [
        "00ff",
        "sha1=00ff",
        "SHA256=00ff",
        "sha256=",
        "sha256",
        "sha256= 00ff",
        "sha256=sha256=00ff",
    ] {
        assert_eq!(tags(&prefix, bad), MALFORMED, "{bad:?}");
    }
}

#[test]
fn the_scheme_word_of_authorization_has_no_case() {
    let layout = Layout::Prefix(text!("Bearer "));
    let how = Reader {
        layout: &layout,
        tag: Tag::Token,
        pair_keys: &[],
        prefix_has_no_case: true,
    };
    for (value, token) in [
        ("bEARER aB", Some("aB")),
        ("Bearer  aB", Some(" aB")),
        ("Basic aB", None),
    ] {
        let mut text = SignatureText::default();
        let read = text.read(how, value.as_bytes());
        assert_eq!(
            read,
            token.map(|_| ()).ok_or(Refusal::SignatureMalformed),
            "{value:?}"
        );
        assert_eq!(text.candidates.iter().next(), token.map(str::as_bytes));
    }
}

#[test]
fn pairs_take_any_accepted_item_and_ignore_others() {
    assert_eq!(tags(&pairs(), "t=1,v1=00ff"), found(&["00ff"]));
    assert_eq!(
        tags(&pairs(), "v1=00ff,t=1,v0=1234,v9=1234,x=,v1=abcd"),
        found(&["00ff", "abcd"])
    );
    assert_eq!(
        tags(&pairs(), "t=1,v1=zz,v1=00ff,v1"),
        found(&["00ff"]),
        "malformed ones spoil nothing"
    );
    for bad in [
        "t=1",
        "t=1,v0=00ff",
        "t=1,v1=",
        "t=1,v1",
        "",
        ",,",
        "t=1,V1=00ff",
        "t=1;v1=00ff",
        "t=1,v1==00ff",
    ] {
        assert_eq!(tags(&pairs(), bad), MALFORMED, "{bad:?}");
    }
}

#[test]
fn items_of_pairs_are_not_trimmed() {
    for bad in [
        "t=1, v1=00ff",
        "t=1,v1 =00ff",
        " t=1,v1=00ff",
        "t=1,v1=00ff,v1\t=00ff",
        "t=1,v1=00ff, t=2",
    ] {
        assert_eq!(tags(&pairs(), bad), MALFORMED, "{bad:?}");
    }
    assert_eq!(
        tags(&pairs(), "t=1,v1=00ff, v0=1, x=1"),
        found(&["00ff"]),
        "only deciding keys matter"
    );
}

#[test]
fn a_named_pair_occurs_once() {
    let text = read(&pairs(), &[text!("t")], "t=12,v1=00ff").unwrap();
    assert_eq!(text.pairs[0], Some(&b"12"[..]));
    assert_eq!(
        read(&pairs(), &[text!("t")], "t=12,t=12,v1=00ff").unwrap_err(),
        Refusal::FieldRepeated { name: text!("t") }
    );
}

#[test]
fn lists_take_accepted_labels_and_survive_malformed_items() {
    assert_eq!(tags(&list(), "v1,00ff"), found(&["00ff"]));
    assert_eq!(
        tags(&list(), "v1a,zz v2,1234 v1,abcd v1, junk v1,00ff"),
        found(&["abcd", "00ff"])
    );
    for bad in [
        "",
        " ",
        "v1",
        "v1,",
        "v2,00ff",
        "V1,00ff",
        "v1;00ff",
        "v1,00ff,00ff",
        "00ff",
        "v1a,00ff",
    ] {
        assert_eq!(tags(&list(), bad), MALFORMED, "{bad:?}");
    }
}

#[test]
fn lists_of_other_shapes() {
    let keyed = Layout::List {
        separator: text!("&"),
        fields: crate::list![ItemField::KeyId, ItemField::Signature],
        between: text!("|"),
        accept: crate::list![],
        ignore: crate::list![],
        first_is_value: false,
    };
    assert_eq!(
        tags(&keyed, "key|00ff&other|abcd"),
        found(&["00ff", "abcd"])
    );
    let indexed = Layout::List {
        separator: text!(""),
        fields: crate::list![ItemField::Signature, ItemField::KeyId],
        between: text!("###"),
        accept: crate::list![],
        ignore: crate::list![],
        first_is_value: false,
    };
    assert_eq!(tags(&indexed, "00ff###1"), found(&["00ff"]));
    assert_eq!(tags(&indexed, "00ff##1"), MALFORMED);
    let stamped = Layout::List {
        separator: text!(","),
        fields: crate::list![ItemField::Signature],
        between: text!(""),
        accept: crate::list![],
        ignore: crate::list![],
        first_is_value: true,
    };
    let text = read(&stamped, &[], "1234,00ff,abcd").unwrap();
    assert_eq!(text.first, Some(&b"1234"[..]));
    assert_eq!(text.candidates.iter().count(), 2);
}

#[test]
fn sixteen_candidates_and_not_one_more() {
    let many = |count: usize, item: &str, separator: &str| vec![item; count].join(separator);
    assert_eq!(
        tags(&pairs(), &many(16, "v1=00ff", ",")).map(|tags| tags.len()),
        Ok(16)
    );
    assert_eq!(tags(&pairs(), &many(17, "v1=00ff", ",")), TOO_MANY);
    assert_eq!(
        tags(&list(), &many(16, "v1,00ff", " ")).map(|tags| tags.len()),
        Ok(16)
    );
    assert_eq!(tags(&list(), &many(17, "v1,00ff", " ")), TOO_MANY);
    for junk in ["v1=zz", "v1", "junk"] {
        let text = format!("v1=00ff,{}", many(16, junk, ","));
        assert_eq!(
            tags(&pairs(), &text),
            TOO_MANY,
            "what does not parse counts: {junk}"
        );
    }
    assert_eq!(
        tags(&pairs(), &format!("{},v1=00ff", many(100, "v0=1", ","))),
        found(&["00ff"]),
        "other keys do not"
    );
}

#[test]
fn too_much_text_is_refused_and_too_many_candidates_before_it() {
    assert_eq!(
        tags(&pairs(), &format!("v1=00ff,x={}", "a".repeat(8182))),
        found(&["00ff"]),
        "8192 bytes"
    );
    assert_eq!(
        tags(&pairs(), &format!("v1=00ff,x={}", "a".repeat(8183))),
        TOO_LONG,
        "8193 bytes"
    );
    assert_eq!(tags(&pairs(), &vec!["x=1"; 100_000].join(",")), TOO_LONG);
    assert_eq!(tags(&pairs(), &vec!["v1=00ff"; 2_000].join(",")), TOO_MANY);
    assert_eq!(tags(&list(), &vec!["v1,00ff"; 2_000].join(" ")), TOO_MANY);
    assert_eq!(tags(&Layout::Bare, &"0".repeat(8193)), TOO_LONG);
    assert_eq!(
        tags(&Layout::Prefix(text!("a")), &"0".repeat(8193)),
        TOO_LONG
    );
}

#[test]
fn empty_tags_are_no_candidates() {
    let mut text = SignatureText::default();
    let how = Reader {
        layout: &Layout::Bare,
        tag: Tag::Token,
        pair_keys: &[],
        prefix_has_no_case: false,
    };
    assert_eq!(text.read(how, b""), Ok(()));
    assert_eq!(text.finish().unwrap_err(), Refusal::SignatureMalformed);
}
