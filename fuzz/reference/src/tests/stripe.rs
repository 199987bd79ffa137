use super::{BODY, NOW, hex, judge};
use crate::hmac::Algorithm::Sha256;

const SECRET: &str = "whsec_secret";

fn v1(stamp: &str) -> String {
    let content = [stamp.as_bytes(), b".", BODY].concat();
    hex(Sha256, SECRET, &content)
}

fn ask(header: &str) -> bool {
    judge(
        "stripe",
        &[SECRET],
        &[("stripe-signature", header)],
        BODY,
        NOW * 1000,
    )
}

/// `t` and a fitting `v1`, with their keys.
fn pair() -> (String, String) {
    let stamp = NOW.to_string();
    (format!("t={stamp}"), format!("v1={}", v1(&stamp)))
}

#[test]
fn any_order_and_unknown_items_are_taken() {
    let (t, v1) = pair();
    let other = format!("v1={}", "0".repeat(64));
    for header in [
        format!("{t},{v1}"),
        format!("{v1},{t}"),
        format!(" \t{t},{v1} "),
        format!("{t},{other},{v1},{v1}"),
        format!("{t},v1=,v1=00,v1==,{v1}"),
        format!("{t},{v1},v0=abc,v2=abc,=abc,=, =,T=1,V1=1, v0=1,v 1=1,t\u{a0}=1"),
        format!("{t},{v1},"),
        format!(",,{t},v1, t,{v1}"),
    ] {
        assert!(ask(&header), "{header}");
    }
}

#[test]
fn both_parts_are_needed_and_the_stamp_once() {
    let (t, v1) = pair();
    let v0 = v1.replace("v1=", "v0=");
    for header in [
        String::new(),
        ",".into(),
        t.clone(),
        v1.clone(),
        format!("{t},{v0}"),
        format!("{t},{t},{v1}"),
        format!("{t},t=,{v1}"),
        format!("t,{v1}"),
        format!("t=,{v1}"),
        format!("{t},v1="),
        format!("{t},{}", v1.to_uppercase()),
        format!("{t},v1={}", v1.trim_start_matches("v1=").to_uppercase()),
        format!("{t},{}", v1.replace('=', "")),
        format!("{t},{v1}00"),
        format!("{t},{}", v1.replace("v1=", "v1= ")),
        format!("{t},{v1} ,v0=1"),
        format!("{t} ,{v1}"),
        format!("{t};{v1}"),
    ] {
        assert!(!ask(&header), "{header}");
    }
}

#[test]
fn an_item_that_decides_only_when_trimmed_spoils_the_header() {
    let (t, v1) = pair();
    for item in [" v1=00", "v1 =00", "\tv1=", " t=1", "t\t=1", " t ="] {
        assert!(!ask(&format!("{t},{v1},{item}")), "{item}");
    }
    assert!(!ask(&format!("{t}, {v1}")));
    assert!(!ask(&format!("{t}, {v1},{v1}")));
    assert!(!ask(&format!("{v1}, {t}")));
}

#[test]
fn sixteen_items_count_and_no_more() {
    let (t, v1) = pair();
    let other = format!("v1={}", "0".repeat(64));
    for filler in [other.as_str(), "v1=", "v1=xyz", "", "nothing", " v1", "t"] {
        let fifteen = vec![filler; 15].join(",");
        assert!(ask(&format!("{t},{fifteen},{v1}")), "{filler}");
        assert!(ask(&format!("{t},{v1},{fifteen}")), "{filler}");
        assert!(!ask(&format!("{t},{filler},{fifteen},{v1}")), "{filler}");
        assert!(!ask(&format!("{t},{v1},{fifteen},{filler}")), "{filler}");
    }
    for filler in ["v0=abc", "v2=", "=", "x=y=z"] {
        let hundred = vec![filler; 100].join(",");
        assert!(ask(&format!("{t},{hundred},{v1}")), "{filler}");
    }
}

#[test]
fn the_header_is_bounded() {
    let (t, v1) = pair();
    let start = format!("{t},{v1},v0=");
    let full = format!("{start}{}", "a".repeat(8192 - start.len()));
    assert!(ask(&full));
    assert!(ask(&format!(" {full} ")));
    assert!(!ask(&format!("{full}a")));
}

#[test]
fn the_stamp_is_fresh_and_has_one_spelling() {
    let (t, v1_item) = pair();
    let header = format!("{t},{v1_item}");
    for (late, expected) in [
        (300_000, true),
        (-300_000, true),
        (300_001, false),
        (-300_001, false),
    ] {
        let now_ms = NOW * 1000 + late;
        let accepted = judge(
            "stripe",
            &[SECRET],
            &[("Stripe-Signature", &header)],
            BODY,
            now_ms,
        );
        assert_eq!(accepted, expected, "{late}");
    }
    for stamp in [
        "+1700000000",
        "01700000000",
        " 1700000000",
        "1700000000.0",
        "1700000000=",
        "-1",
    ] {
        assert!(!ask(&format!("t={stamp},v1={}", v1(stamp))), "{stamp}");
    }
}

#[test]
fn the_header_occurs_once_and_the_prefix_belongs_to_the_key() {
    let (t, v1) = pair();
    let header = format!("{t},{v1}");
    let line = ("Stripe-Signature", header.as_str());
    let ask = |secrets: &[&str], headers: &[(&str, &str)]| {
        judge("stripe", secrets, headers, BODY, NOW * 1000)
    };
    assert!(ask(&["other", SECRET], &[line]));
    assert!(!ask(&[SECRET], &[line, line]));
    assert!(!ask(&[SECRET], &[line, ("stripe-signature", "")]));
    assert!(!ask(&["secret"], &[line]));
    assert!(!ask(&[SECRET, ""], &[line]));
}
