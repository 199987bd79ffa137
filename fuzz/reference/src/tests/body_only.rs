//! GitHub, Shopify and others: the body alone is signed, time plays no role.

use super::{BODY, base64, hex, judge};
use crate::hmac::Algorithm::{Sha1, Sha256, Sha384, Sha512};

const NEW: &str = "shopify-hmac-sha256";
const OLD: &str = "X-Shopify-Hmac-Sha256";

fn github(value: &str) -> bool {
    judge(
        "github",
        &["secret"],
        &[("x-hub-signature-256", value)],
        BODY,
        i64::MIN,
    )
}

fn shopify(headers: &[(&str, &str)]) -> bool {
    judge("shopify", &["secret"], headers, BODY, i64::MAX)
}

fn shopify_signature(key: &str, body: &[u8]) -> String {
    base64(&Sha256.hmac(key.as_bytes(), body))
}

#[test]
fn github_takes_one_spelling() {
    let good = hex(Sha256, "secret", BODY);
    assert!(github(&format!("sha256={good}")));
    assert!(github(&format!(" \tsha256={good}\t ")));
    for wrong in [
        good.clone(),
        String::new(),
        "sha256=".into(),
        format!("SHA256={good}"),
        format!("sha256={}", good.to_uppercase()),
        format!("sha256= {good}"),
        format!("sha256=sha256={good}"),
        format!("sha256={}", &good[..62]),
        format!("sha256={}", &good[..63]),
        format!("sha256={good}00"),
        format!("sha256={good},sha256={good}"),
        format!("sha256={}", base64(&Sha256.hmac(b"secret", BODY))),
        format!("sha1={}", hex(Sha1, "secret", BODY)),
        format!("sha256={}", hex(Sha1, "secret", BODY)),
        format!("sha256={}", hex(Sha256, "secre", BODY)),
    ] {
        assert!(!github(&wrong), "{wrong}");
    }
}

#[test]
fn github_headers_do_not_stand_in_for_each_other() {
    let sha256 = format!("sha256={}", hex(Sha256, "secret", BODY));
    let sha1 = format!("sha1={}", hex(Sha1, "secret", BODY));
    let both = [
        ("X-Hub-Signature-256", sha256.as_str()),
        ("X-Hub-Signature", &sha1),
    ];
    let ask = |provider, headers: &[(&str, &str)]| judge(provider, &["secret"], headers, BODY, 0);

    assert!(ask("github", &both));
    assert!(ask("github-sha1", &both));
    assert!(ask("github", &both[..1]));
    assert!(ask("github-sha1", &both[1..]));
    assert!(!ask("github", &both[1..]));
    assert!(!ask("github-sha1", &both[..1]));
    assert!(!ask("github-sha1", &[("X-Hub-Signature", &sha256)]));
    assert!(ask("github", &[both[0], both[1], both[1]]));
    assert!(!ask("github-sha1", &[both[0], both[1], both[1]]));
    assert!(!ask("github", &[both[0], both[0]]));
    assert!(!ask("github", &[("X-Hub-Signature-256", ""), both[0]]));
}

#[test]
fn an_empty_body_can_be_signed_for_github_but_not_for_shopify() {
    let signature = format!("sha256={}", hex(Sha256, "secret", b""));
    assert!(judge(
        "github",
        &["secret"],
        &[("X-Hub-Signature-256", &signature)],
        b"",
        0
    ));
    let signature = shopify_signature("secret", b"");
    assert!(!judge("shopify", &["secret"], &[(OLD, &signature)], b"", 0));
}

#[test]
fn shopify_takes_one_spelling() {
    let good = shopify_signature("secret", BODY);
    assert!(shopify(&[(OLD, &good)]));
    assert!(shopify(&[(NEW, &good)]));
    assert!(shopify(&[("X-SHOPIFY-HMAC-SHA256", &format!("\t{good} "))]));
    for wrong in [
        String::new(),
        good.trim_end_matches('=').into(),
        format!("{good}="),
        format!("{good}\n"),
        format!("{good},{good}"),
        format!("sha256={good}"),
        hex(Sha256, "secret", BODY),
        base64(hex(Sha256, "secret", BODY).as_bytes()),
        base64(&Sha1.hmac(b"secret", BODY)),
        shopify_signature("secret ", BODY),
    ] {
        assert!(!shopify(&[(OLD, &wrong)]), "{wrong}");
        assert!(!shopify(&[(NEW, &wrong)]), "{wrong}");
    }
}

#[test]
fn a_signature_with_other_tail_bits_is_refused() {
    let good = shopify_signature("secret", BODY);
    let before = good.trim_end_matches('=');
    let (head, last) = before.split_at(before.len() - 1);
    let last = last.as_bytes()[0];
    // Four of the last digit's values differ only in bits that no byte has.
    let fitting = (b'0'..=b'z')
        .chain(*b"+/")
        .filter(|&digit| shopify(&[(OLD, &format!("{head}{}=", char::from(digit)))]))
        .collect::<Vec<u8>>();
    assert_eq!(fitting, [last]);
}

#[test]
fn the_newer_shopify_header_decides_when_it_is_there() {
    let good = shopify_signature("secret", BODY);
    let wrong = shopify_signature("other", BODY);
    assert!(shopify(&[(NEW, &good), (OLD, &wrong)]));
    assert!(shopify(&[(OLD, &wrong), (OLD, &wrong), (NEW, &good)]));
    assert!(!shopify(&[(NEW, &wrong), (OLD, &good)]));
    assert!(!shopify(&[(NEW, ""), (OLD, &good)]));
    assert!(!shopify(&[(NEW, &good), (NEW, &good)]));
    assert!(!shopify(&[(OLD, &good), (OLD, &good)]));
}

#[test]
fn text_secrets_are_used_whole() {
    for secret in [
        "whsec_Zm9v",
        " padded ",
        "\u{e9}",
        "0123456789abcdef",
        &"long".repeat(40),
    ] {
        let signature = shopify_signature(secret, BODY);
        let ask = |secrets: &[&str]| judge("shopify", secrets, &[(OLD, &signature)], BODY, 0);
        assert!(ask(&[secret]), "{secret}");
        assert!(ask(&["other", secret]), "{secret}");
        assert!(!ask(&["other"]), "{secret}");
        assert!(!ask(&[secret, ""]), "{secret}");
        assert!(!ask(&[" \t", secret]), "{secret}");
    }
}

#[test]
fn hubs_name_their_method() {
    let all = [
        ("intercom", "sha1=", Sha1),
        ("websub-sha1", "sha1=", Sha1),
        ("websub", "sha256=", Sha256),
        ("websub-sha384", "sha384=", Sha384),
        ("websub-sha512", "sha512=", Sha512),
    ];
    for (provider, _, wanted) in all {
        for (_, prefix, made) in all {
            let value = format!("{prefix}{}", hex(made, "secret", BODY));
            let headers = [("x-hub-signature", value.as_str())];
            let accepted = judge(provider, &["secret"], &headers, BODY, 0);
            assert_eq!(
                accepted,
                wanted.length() == made.length(),
                "{provider} {prefix}"
            );
        }
    }
}

#[test]
fn woocommerce_takes_base64() {
    let good = base64(&Sha256.hmac(b"secret", BODY));
    let ask = |value: &str| {
        judge(
            "woocommerce",
            &["secret"],
            &[("x-wc-webhook-signature", value)],
            BODY,
            0,
        )
    };
    assert!(ask(&good));
    assert!(!ask(&hex(Sha256, "secret", BODY)));
    assert!(!ask(good.trim_end_matches('=')));
}
