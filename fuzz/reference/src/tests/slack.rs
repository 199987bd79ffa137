use super::{BODY, NOW, hex, judge};
use crate::hmac::Algorithm::Sha256;

fn signature(stamp: &str) -> String {
    let content = [b"v0:", stamp.as_bytes(), b":", BODY].concat();
    format!("v0={}", hex(Sha256, "secret", &content))
}

fn ask(headers: &[(&str, &str)], now_ms: i64) -> bool {
    judge("slack", &["secret"], headers, BODY, now_ms)
}

fn ask_with(stamp: &str, signature: &str, now_ms: i64) -> bool {
    let headers = [
        ("x-slack-request-timestamp", stamp),
        ("X-SLACK-SIGNATURE", signature),
    ];
    ask(&headers, now_ms)
}

#[test]
fn the_signature_has_one_spelling() {
    let stamp = NOW.to_string();
    let good = signature(&stamp);
    assert!(ask_with(&stamp, &good, NOW * 1000));
    assert!(ask_with(
        &format!(" {stamp}\t"),
        &format!("\t{good} "),
        NOW * 1000
    ));
    let bare = good.trim_start_matches("v0=");
    for wrong in [
        String::new(),
        bare.into(),
        format!("V0={bare}"),
        format!("v1={bare}"),
        format!("v0:{bare}"),
        format!("v0= {bare}"),
        format!("v0={}", bare.to_uppercase()),
        format!("v0={}", &bare[..62]),
        format!("{good}00"),
        format!("v0={}", hex(Sha256, "secret", BODY)),
    ] {
        assert!(!ask_with(&stamp, &wrong, NOW * 1000), "{wrong}");
    }
}

#[test]
fn the_stamp_is_fresh_and_signed() {
    let stamp = NOW.to_string();
    let good = signature(&stamp);
    for (late, expected) in [
        (300_000, true),
        (-300_000, true),
        (300_001, false),
        (-300_001, false),
    ] {
        assert_eq!(
            ask_with(&stamp, &good, NOW * 1000 + late),
            expected,
            "{late}"
        );
    }
    assert!(!ask_with(&(NOW + 1).to_string(), &good, NOW * 1000));
    assert!(!ask_with(&stamp, &good, i64::MIN));
    assert!(!ask_with(&stamp, &good, i64::MAX));
}

#[test]
fn the_stamp_has_one_spelling() {
    for stamp in [
        "",
        "+1700000000",
        "01700000000",
        "1700000000.0",
        "1.7e9",
        "1700000000 0",
        "-1",
    ] {
        assert!(!ask_with(stamp, &signature(stamp), NOW * 1000), "{stamp}");
    }
    assert!(ask_with("0", &signature("0"), 0));
    assert!(!ask_with("00", &signature("00"), 0));
}

#[test]
fn each_header_occurs_once() {
    let stamp = NOW.to_string();
    let good = signature(&stamp);
    let pair = [
        ("X-Slack-Request-Timestamp", stamp.as_str()),
        ("X-Slack-Signature", &good),
    ];
    assert!(ask(&pair, NOW * 1000));
    assert!(ask(
        &[pair[1], ("X-Slack-Retry-Num", "1"), pair[0]],
        NOW * 1000
    ));
    assert!(!ask(&pair[..1], NOW * 1000));
    assert!(!ask(&pair[1..], NOW * 1000));
    assert!(!ask(&[pair[0], pair[0], pair[1]], NOW * 1000));
    assert!(!ask(&[pair[0], pair[1], pair[1]], NOW * 1000));
}
