use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::Deserialize;

use super::form::read;
use super::*;

#[track_caller]
fn is<T: DeserializeOwned + PartialEq + Debug>(body: &str, expected: T) {
    assert_eq!(
        read::<T>(body.as_bytes()).map_err(|e| e.explain()),
        Ok(expected),
        "{body}"
    );
}

/// What the explanation says behind the message.
#[track_caller]
fn mismatch<T: DeserializeOwned + Debug>(body: &str, path: &str, found: &str) {
    let error = read::<T>(body.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), PayloadErrorKind::Mismatch, "{body}");
    let message = "the form payload does not fit the type asked for";
    let at = if path.is_empty() {
        String::new()
    } else {
        format!(", at `{path}`")
    };
    assert_eq!(error.explain(), format!("{message}{at}: {found}"), "{body}");
}

#[track_caller]
fn malformed(body: &[u8], found: &str) {
    let error = read::<Whole>(body).unwrap_err();
    assert_eq!(error.kind(), PayloadErrorKind::Malformed);
    assert_eq!(
        error.explain(),
        format!("the form payload is malformed: {found}")
    );
}

type Whole = serde_json::Value;

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct A<T> {
    a: T,
}

fn a<T>(a: T) -> A<T> {
    A { a }
}

fn list(items: &[&str]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// <https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/>, the fields of a subscription
#[test]
fn mailchimps_subscription() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Audience {
        r#type: String,
        fired_at: String,
        data: Member,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    struct Member {
        id: String,
        web_id: Option<u64>,
        merges: Merges,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "UPPERCASE")]
    struct Merges {
        email: String,
        groupings: Vec<Grouping>,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    struct Grouping {
        id: u32,
        name: String,
    }
    let grouping = |id, name: &str| Grouping {
        id,
        name: name.into(),
    };
    for brackets in [["%5B", "%5D"], ["%5b", "%5d"], ["[", "]"]] {
        let body = "data[merges][GROUPINGS][1][name]=B&type=subscribe&fired_at=2009-03-26+21%3A35%3A57&data[id]=8a25ff1d98\
             &data[web_id]=&data[merges][EMAIL]=api%2Btest%40example.com&data[merges][GROUPINGS][0][id]=1\
             &data[merges][GROUPINGS][0][name]=A%26a&data[merges][GROUPINGS][1][id]=2&data[ip_opt]=10.20.10.30";
        is(
            &body.replace('[', brackets[0]).replace(']', brackets[1]),
            Audience {
                r#type: "subscribe".into(),
                fired_at: "2009-03-26 21:35:57".into(),
                data: Member {
                    id: "8a25ff1d98".into(),
                    web_id: None,
                    merges: Merges {
                        email: "api+test@example.com".into(),
                        groupings: vec![grouping(1, "A&a"), grouping(2, "B")],
                    },
                },
            },
        );
    }
}

#[test]
fn twilios_message() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Message {
        #[serde(rename = "NumMedia")]
        media: u8,
        #[serde(rename = "FromZip")]
        zip: Option<String>,
        #[serde(rename = "MessagingBinding.Address")]
        addresses: Vec<String>,
    }
    is(
        "NumMedia=2&FromZip=&MessagingBinding.Address=%2B1325&MessagingBinding.Address=%2B1415",
        Message {
            media: 2,
            zip: None,
            addresses: list(&["+1325", "+1415"]),
        },
    );
}

#[test]
fn text_becomes_what_the_type_asks_for() {
    is("a=18446744073709551615", a(u64::MAX));
    is("a=-9223372036854775808", a(i64::MIN));
    is("a=1.5", a(1.5_f64));
    is("a=%F0%9F%A6%80", a('🦀'));
    is("a=", a(String::new()));
    is("a", a(String::new()));
    is("a=", a(()));
    is("a=%00b", a("\0b".to_owned()));
    is(
        "a%00=1&b=2",
        BTreeMap::from([("a\0".to_owned(), 1_u8), ("b".into(), 2)]),
    );
    is("a=%zz%4&b=%", a("%zz%4".to_owned()));
    is("a=%%41", a("%A".to_owned()));
    for (text, value) in [("1", true), ("true", true), ("0", false), ("false", false)] {
        is(&format!("a={text}"), a(value));
        is(&format!("a={text}"), a(Some(value)));
    }
    is::<A<Option<u64>>>("a=", a(None));
    is::<A<Option<bool>>>("a", a(None));
    is::<A<Option<String>>>("a=", a(None));
    is::<A<Option<u64>>>("b=1", a(None));
    is("a=7", a(Some(7_u64)));

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        #[default]
        Sms,
        Call {
            minutes: u8,
        },
    }
    is("a=sms", a(Kind::Sms));
    is("a[call][minutes]=3", a(Kind::Call { minutes: 3 }));
    mismatch::<A<Kind>>(
        "a=fax",
        "a",
        "unknown variant `fax`, expected `sms` or `call`",
    );

    let number = |text: &str| format!("invalid value: string \"{text}\", expected u64");
    for text in [
        "+1",
        "",
        " 1",
        "1 ",
        "1.0",
        "0x1",
        "18446744073709551616",
        "-1",
        "\\0",
    ] {
        let sent = text.replace("\\0", "%00").replace('+', "%2B");
        mismatch::<A<u64>>(&format!("a={sent}"), "a", &number(text));
    }
    for text in ["", "TRUE", "on", "yes", "2", "+1"] {
        let found = format!("invalid value: string {text:?}, expected a boolean");
        mismatch::<A<bool>>(&format!("a={}", text.replace('+', "%2B")), "a", &found);
    }
    mismatch::<A<f64>>(
        "a=-inf",
        "a",
        "invalid value: string \"-inf\", expected f64",
    );
    mismatch::<A<f32>>(
        "a=1e99",
        "a",
        "invalid value: string \"1e99\", expected f32",
    );
    mismatch::<A<f64>>("a=NaN", "a", "invalid value: string \"NaN\", expected f64");
}

#[test]
fn lists_in_all_spellings() {
    is("a=1&b=x&a=2", a(vec![1_u8, 2]));
    is("a[]=2&b[]=9&a[]=1", a(vec![2_u8, 1]));
    is("a[1]=1&a[0]=0&a[10]=10&a[9]=9", a(vec![0_u8, 1, 9, 10]));
    is("a[4000000000]=y&a[3]=x", a(list(&["x", "y"])));
    is(
        &format!("a[{}]=y&a[3]=x", "9".repeat(100_000)),
        a(list(&["x", "y"])),
    );
    is("a=1", a(vec![1_u8]));
    is("a=", a(list(&[""])));
    is::<A<Option<Vec<u8>>>>("a=", a(None));
    is::<A<Vec<u8>>>("b=1", a(vec![]));
    is(
        "a[0][]=1&a[0][]=2&a[1][]=3",
        a(vec![vec![1_u8, 2], vec![3]]),
    );
    is("a=1&a=2", a((1_u8, "2".to_owned())));
    is(
        "a[x]=1&a[y]=2",
        a(BTreeMap::from([("x".to_owned(), 1_u8), ("y".into(), 2)])),
    );
    is(
        "a[7]=1&a[8]=2",
        a(BTreeMap::from([(7_u8, "1".to_owned()), (8, "2".into())])),
    );

    let unclear = "items of a list without numbers, which hold fields";
    mismatch::<A<Vec<BTreeMap<String, u8>>>>("a[][x]=1&a[][x]=2", "a", unclear);
    for keys in [
        "a[0]=1&a[x]=2",
        "a[]=1&a[0]=2",
        "a[00]=1",
        "a[-1]=1",
        "a[ 1]=1",
    ] {
        mismatch::<A<Vec<u8>>>(keys, "a", "both a list and a group of fields");
    }
    mismatch::<A<Vec<u8>>>(
        "a[0]=1&a[1]=x",
        "a[1]",
        "invalid value: string \"x\", expected u8",
    );
}

/// Which of two values counts is nobody's choice.
#[test]
fn one_value_is_not_taken_from_several() {
    mismatch::<A<String>>("a=1&a=1", "a", "2 values, expected one");
    mismatch::<A<Option<u8>>>("a=&a=1", "a", "2 values, expected one");
    mismatch::<A<bool>>("a=1&a=0&a=0", "a", "3 values, expected one");
    mismatch::<BTreeMap<String, String>>("b=1&%61=1&a=1", "a", "2 values, expected one");
    mismatch::<A<Vec<u8>>>("a[0]=1&a[0]=2", "a[0]", "2 values, expected one");
    for body in ["a[0]=1&a=2", "a=2&a[0]=1", "a=2&a[]=1"] {
        let both = "both text and a group of fields";
        mismatch::<A<Vec<u8>>>(body, "a", both);
        mismatch::<A<String>>(body, "a", both);
        mismatch::<A<BTreeMap<String, u8>>>(body, "a", both);
        mismatch::<Whole>(body, "a", both);
    }
    mismatch::<A<u8>>("a[b]=1", "a", "invalid type: map, expected u8");
    mismatch::<A<A<u8>>>("a=1", "a", "invalid type: string \"1\", expected struct A");

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "never made")]
    struct Alias {
        #[serde(alias = "b")]
        a: u8,
    }
    mismatch::<Alias>("a=1&b=1", "", "duplicate field `a`");
    mismatch::<Alias>("c=1", "", "missing field `a`");
    // What is not asked for does no harm.
    is("b=1&b=2&b[c]=3&a=1", a(1_u8));
}

#[test]
fn the_whole_form_in_its_order() {
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect()
    };
    is(
        "b%5Bx%5D=1&a=2&b[x]=3&&=4&c",
        pairs(&[
            ("b[x]", "1"),
            ("a", "2"),
            ("b[x]", "3"),
            ("", "4"),
            ("c", ""),
        ]),
    );
    is("", pairs(&[]));
    is("", a(0_u8));
    is(
        "n=1&t[a]=x&t[b][]=y&l[1]=1&l[0]=0&e=&r=1&r=2",
        serde_json::json!({
            "n": "1", "t": {"a": "x", "b": ["y"]}, "l": ["0", "1"], "e": "", "r": ["1", "2"],
        }),
    );
}

#[test]
fn brackets_that_do_not_match_are_letters() {
    for key in [
        "a[b", "a]b", "[a]", "a[b]c", "a[[b]]", "a[b][c", "a[b]c[d]", "]", "[", "[]", "a[]]",
    ] {
        is(
            &format!("{key}=1"),
            BTreeMap::from([(key.to_owned(), 1_u8)]),
        );
    }
}

#[test]
fn what_is_no_text_is_refused_even_where_nobody_looks() {
    for body in [
        &b"a=1&b=%FF"[..],
        b"a=1&%C3=",
        b"a=1&b=%C3&c=%A9",
        b"a=\xff",
    ] {
        malformed(body, "it is no UTF-8");
    }
}

#[test]
fn depth_and_number_are_bounded() {
    let deep = |brackets: usize| format!("a{}=1", "[a]".repeat(brackets));
    assert!(read::<Whole>(deep(32).as_bytes()).is_ok());
    malformed(deep(33).as_bytes(), "a key has more than 32 brackets");
    malformed(deep(350_000).as_bytes(), "a key has more than 32 brackets");

    let many = |fields: usize| (0..fields).map(|at| format!("{at}=&")).collect::<String>();
    assert!(read::<Whole>(many(4_096).as_bytes()).is_ok());
    malformed(many(4_097).as_bytes(), "it has more than 4096 fields");
    malformed(many(200_000).as_bytes(), "it has more than 4096 fields");
}

#[test]
fn neither_message_nor_debug_quotes_a_value() {
    let error = read::<A<u8>>(b"a=planted").unwrap_err();
    assert!(error.explain().contains("planted"));
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("planted"), "{text}");
    }
    assert!(std::error::Error::source(&error).is_none());

    // ... and what is quoted is short, and one line.
    let long = format!("a={}", "x%0A".repeat(100_000));
    let error = read::<A<u8>>(long.as_bytes()).unwrap_err();
    assert!(error.explain().len() < 400);
    let error = read::<BTreeMap<String, u8>>(b"a%0A%1Bb=x").unwrap_err();
    assert_eq!(error.path(), Some("a  b"));
    let key = format!("{}=x", "é".repeat(100_000));
    let error = read::<BTreeMap<String, u8>>(key.as_bytes()).unwrap_err();
    assert_eq!(error.path(), Some(&*format!("{}…", "é".repeat(100))));
}
