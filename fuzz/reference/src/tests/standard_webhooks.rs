use super::{BODY, NOW, base64, judge};
use crate::hmac::Algorithm::Sha256;

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODw==";
const KEY: &[u8] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

fn v1(id: &str, stamp: &str) -> String {
    let content = [id.as_bytes(), b".", stamp.as_bytes(), b".", BODY].concat();
    format!("v1,{}", base64(&Sha256.hmac(KEY, &content)))
}

fn good() -> String {
    v1("msg_1", &NOW.to_string())
}

fn ask_with(id: &str, stamp: &str, list: &str) -> bool {
    let headers = [
        ("Webhook-Id", id),
        ("WEBHOOK-TIMESTAMP", stamp),
        ("webhook-signature", list),
    ];
    judge("standard-webhooks", &[SECRET], &headers, BODY, NOW * 1000)
}

fn ask(list: &str) -> bool {
    ask_with("msg_1", &NOW.to_string(), list)
}

#[test]
fn several_signatures_and_unknown_labels_are_taken() {
    let good = good();
    let other = v1("msg_2", "1");
    for list in [
        good.clone(),
        format!(" \t{good}\t "),
        format!("{other} {good}"),
        format!("{good} {good}"),
        format!("v1,  v1,abc nothing v1,= {good}"),
        format!("{good} v2,abc v1a,abc v0, ,abc , V1,abc \tv1,abc v1=a,b"),
    ] {
        assert!(ask(&list), "{list}");
    }
}

#[test]
fn the_signature_has_one_spelling() {
    let good = good();
    let bare = good.trim_start_matches("v1,");
    for list in [
        String::new(),
        "v1,".into(),
        bare.into(),
        v1("msg_2", &NOW.to_string()),
        format!("v2,{bare}"),
        format!("v1a,{bare}"),
        format!("V1,{bare}"),
        format!("v1 {bare}"),
        format!("v1={bare}"),
        format!("v1,{}", bare.trim_end_matches('=')),
        format!("{good}="),
        format!("{good},v2,abc"),
        format!("{good}\tv2,abc"),
        format!("v1,,{bare}"),
    ] {
        assert!(!ask(&list), "{list}");
    }
}

#[test]
fn sixteen_items_count_and_no_more() {
    let good = good();
    let other = v1("msg_2", "1");
    for filler in [other.as_str(), "v1,", "v1,xyz", "nothing", "v1", "\t"] {
        let fifteen = vec![filler; 15].join(" ");
        assert!(ask(&format!("{good} {fifteen} v2,")), "{filler}");
        assert!(ask(&format!("v2, {fifteen} {good}")), "{filler}");
        assert!(!ask(&format!("{good} {fifteen} {filler} v2,")), "{filler}");
    }
    // An item of nothing counts as well.
    assert!(ask(&format!("{good}{}v2,", " ".repeat(16))));
    assert!(!ask(&format!("{good}{}v2,", " ".repeat(17))));
    assert!(ask(&format!("{} {good}", vec!["v1a,abc"; 100].join(" "))));
}

#[test]
fn the_id_is_visible_ascii_of_bounded_length_without_a_full_stop() {
    let stamp = NOW.to_string();
    for id in ["!", "~", "a,b=c;d", &"i".repeat(256)] {
        assert!(ask_with(id, &stamp, &v1(id, &stamp)), "{id}");
    }
    assert!(ask_with(" msg_1\t", &stamp, &good()));
    for id in [
        "",
        ".",
        "a.b",
        "a b",
        "a\tb",
        "a\u{7f}",
        "\u{e9}",
        "a\nb",
        "a\0",
        &"i".repeat(257),
    ] {
        assert!(!ask_with(id, &stamp, &v1(id, &stamp)), "{id}");
    }
    assert!(!ask_with("msg_2", &stamp, &good()));
}

#[test]
fn the_stamp_is_fresh_signed_and_has_one_spelling() {
    for (distance, expected) in [
        (300, true),
        (-300, true),
        (301, false),
        (-301, false),
        (0, true),
    ] {
        let stamp = (NOW + distance).to_string();
        assert_eq!(
            ask_with("msg_1", &stamp, &v1("msg_1", &stamp)),
            expected,
            "{distance}"
        );
    }
    assert!(!ask_with("msg_1", &(NOW + 1).to_string(), &good()));
    for stamp in [
        "",
        "hello",
        "+1700000000",
        "01700000000",
        "1700000000.0",
        "-1",
        "1700000000000000",
    ] {
        assert!(!ask_with("msg_1", stamp, &v1("msg_1", stamp)), "{stamp}");
    }
}

#[test]
fn keys_are_base64_with_or_without_prefix_and_padding() {
    let (stamp, good) = (NOW.to_string(), good());
    let headers = [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", stamp.as_str()),
        ("webhook-signature", &good),
    ];
    let ask = |secrets: &[&str]| judge("standard-webhooks", secrets, &headers, BODY, NOW * 1000);
    for secret in [
        SECRET,
        "AAECAwQFBgcICQoLDA0ODw==",
        "whsec_AAECAwQFBgcICQoLDA0ODw",
    ] {
        assert!(ask(&[secret]), "{secret}");
        assert!(ask(&["whsec_Zm9v", secret]), "{secret}");
    }
    for secret in [
        "",
        " ",
        "whsec_",
        "whsec_AAECAwQFBgcICQoLDA0ODw=",
        "whsec_AAECAwQFBgcICQoLDA0ODx==",
        "whsec_AAECAwQFBgcICQoLDA0OD-==",
        " whsec_AAECAwQFBgcICQoLDA0ODw==",
        "whpk_AAECAwQFBgcICQoLDA0ODw==",
        "not base64!",
    ] {
        assert!(!ask(&[secret]), "{secret}");
        assert!(!ask(&[SECRET, secret]), "{secret}");
    }
    assert!(!ask(&[]));
    assert!(!ask(&["whsec_Zm9v"]));
}

#[test]
fn every_header_is_needed_once() {
    let (stamp, good) = (NOW.to_string(), good());
    for (provider, set) in [
        ("standard-webhooks", "webhook"),
        ("svix", "webhook"),
        ("svix", "svix"),
    ] {
        let names = ["id", "timestamp", "signature"].map(|part| format!("{set}-{part}"));
        let lines = [
            (names[0].as_str(), "msg_1"),
            (names[1].as_str(), stamp.as_str()),
            (names[2].as_str(), good.as_str()),
        ];
        let ask = |headers: &[(&str, &str)]| judge(provider, &[SECRET], headers, BODY, NOW * 1000);
        assert!(ask(&lines), "{provider} {set}");
        for place in 0..3 {
            let without: Vec<_> = lines
                .iter()
                .copied()
                .filter(|line| *line != lines[place])
                .collect();
            assert!(!ask(&without), "{provider} {set}");
            assert!(
                !ask(&[without.as_slice(), &[(lines[place].0, " ")]].concat()),
                "{provider} {set}"
            );
            assert!(
                !ask(&[lines.as_slice(), &lines[place..=place]].concat()),
                "{provider} {set}"
            );
        }
    }
}

#[test]
fn svix_takes_one_whole_set() {
    let (stamp, good) = (NOW.to_string(), good());
    let wrong = v1("msg_2", &stamp);
    let svix = [
        ("svix-id", "msg_1"),
        ("svix-timestamp", &stamp),
        ("Svix-Signature", &good),
    ];
    let plain = [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", &stamp),
        ("webhook-signature", &good),
    ];
    let ask =
        |provider, headers: &[(&str, &str)]| judge(provider, &[SECRET], headers, BODY, NOW * 1000);

    assert!(ask("svix", &[svix, plain].concat()));
    assert!(ask(
        "svix",
        &[svix.as_slice(), &plain, &plain, &[("webhook-id", "")]].concat()
    ));
    assert!(ask("svix", &[&plain[..], &svix[..2], &svix[..2]].concat()));
    assert!(ask(
        "standard-webhooks",
        &[svix.as_slice(), &svix, &plain].concat()
    ));
    assert!(!ask("standard-webhooks", &svix));

    for mixed in [
        [svix[0], svix[1], plain[2]],
        [svix[0], plain[1], plain[2]],
        [plain[0], svix[1], svix[2]],
        [plain[0], plain[1], svix[2]],
    ] {
        assert!(!ask("svix", &mixed), "{mixed:?}");
        assert!(!ask("standard-webhooks", &mixed), "{mixed:?}");
    }
    for spoiled in [("svix-signature", ""), ("svix-signature", wrong.as_str())] {
        assert!(!ask(
            "svix",
            &[plain.as_slice(), &svix[..2], &[spoiled]].concat()
        ));
        assert!(!ask("svix", &[plain.as_slice(), &[spoiled]].concat()));
    }
}
