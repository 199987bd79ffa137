use super::*;
use countersign::scheme::{Grade, SignatureRule};

fn case(provider: &str, config: &str) -> Case {
    serde_json::from_str(&format!(
        r#"{{"id":"a","provider":"{provider}","secret":"s","config":{config},"method":"POST","url":"https://h/p",
            "headers":[],"body_base64":"","now":0,"expect":"accept"}}"#
    ))
    .unwrap()
}

fn chosen(provider: &str, config: &str) -> Option<String> {
    let configured = case(provider, config).configured(false).ok()?;
    Some(configured.scheme.name.to_string())
}

#[test]
fn a_variant_is_a_scheme_of_its_own_or_the_one_in_use_anyway() {
    assert_eq!(chosen("github", "{}").as_deref(), Some("github"));
    let variant = |name: &str| chosen("github", &format!(r#"{{"variant":"{name}"}}"#));
    assert_eq!(variant("sha256").as_deref(), Some("github"));
    assert_eq!(variant("sha1").as_deref(), Some("github-sha1"));
    assert_eq!(variant("md5"), None);
    assert_eq!(chosen("github", r#"{"variant":1}"#), None);
    assert_eq!(chosen("acme", "{}"), None);
}

#[test]
fn what_is_configured_must_mean_something() {
    for (config, what) in [
        (r#"{"variant":"md5"}"#, r#""variant" is "md5""#),
        (r#"{"variant":null}"#, r#""variant" is no text"#),
        (
            r#"{"webhook_id":"1"}"#,
            r#""webhook_id" is none of its values"#,
        ),
        (r#"{"token_name":"x"}"#, r#""token_name" without "scheme""#),
        // It signs, and has no token.
        (r#"{"scheme":"basic"}"#, r#""scheme" is "basic""#),
        (
            r#"{"scheme":"header-token","token_name":"x"}"#,
            r#""scheme" is "header-token""#,
        ),
        (
            r#"{"scheme":"header-token","token_name":1}"#,
            r#""token_name" is no text"#,
        ),
    ] {
        let unknown = case("github", config).configured(false).err();
        let said = format!("this build does not know \"github\" with this configuration: {what}");
        assert_eq!(unknown, Some(said));
    }
    let unknown = case("acme", r#"{"variant":"md5"}"#).configured(false).err();
    assert_eq!(
        unknown.as_deref(),
        Some("this build does not know \"acme\"")
    );
}

#[test]
fn a_token_lies_where_the_case_says() {
    let place = |kind, name, is_form| token_place(kind, name, is_form);
    let name = Some("k");
    for (kind, name, is_form, expected) in [
        ("basic", None, false, Some(TokenPlace::Basic)),
        ("path-token", None, false, Some(TokenPlace::PathEnd)),
        ("path-token", name, false, Some(TokenPlace::PathEnd)),
        (
            "header-token",
            name,
            false,
            Some(TokenPlace::Header("k".into())),
        ),
        (
            "url-token",
            name,
            false,
            Some(TokenPlace::QueryParam("k".into())),
        ),
        ("body-token", name, true, Some(TokenPlace::Form("k".into()))),
        (
            "body-token",
            name,
            false,
            Some(TokenPlace::Json("/k".into())),
        ),
        (
            "body-token",
            Some("/a/b"),
            false,
            Some(TokenPlace::Json("/a/b".into())),
        ),
        ("header-token", None, false, None),
        ("url-token", None, false, None),
        ("cookie", name, false, None),
    ] {
        assert_eq!(place(kind, name, is_form), expected, "{kind}");
    }
}

/// Every place of a token end to end, through the receiver that a case of such a sender gets.
#[test]
fn a_token_is_compared_wherever_it_lies() {
    let sender = Scheme {
        name: "sender".into(),
        grade: Grade::Token,
        algorithm: Algorithm::Token,
        content: Vec::new().into(),
        signature: SignatureRule {
            place: Place::Header("x-token".into()),
            encoding: countersign::scheme::Encoding::Plain,
            ..SignatureRule::BASE
        },
        media_types: Vec::new().into(),
        ..Scheme::BASE
    };
    let form = Some(("content-type", "application/x-www-form-urlencoded"));
    for (kind, name, url, header, body) in [
        (
            "basic",
            None,
            "https://h/p",
            Some(("authorization", "Basic dTpwYXNzd29yZA==")),
            "",
        ),
        (
            "header-token",
            Some("X-Key"),
            "https://h/p",
            Some(("x-key", "u:password")),
            "",
        ),
        (
            "url-token",
            Some("key"),
            "https://h/p?key=u%3Apassword",
            None,
            "",
        ),
        ("path-token", None, "https://h/p/u:password", None, ""),
        (
            "body-token",
            Some("key"),
            "https://h/p",
            form,
            "a=b&key=u%3Apassword",
        ),
        (
            "body-token",
            Some("key"),
            "https://h/p",
            None,
            r#"{"key":"u:password"}"#,
        ),
        (
            "body-token",
            Some("/a/key"),
            "https://h/p",
            None,
            r#"{"a":{"key":"u:password"}}"#,
        ),
    ] {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.append(name, HeaderValue::from_static(value));
        }
        let is_form = is_form(Some(&headers), body.as_bytes());
        let place = token_place(kind, name, is_form).unwrap();
        let scheme = sender.clone().token_in(place).unwrap();
        let (_, path, query) = url::split(url);
        let judge = |secret: &str| {
            let mut case = case("sender", "{}");
            case.secret = Secrets::Several(vec!["another".to_owned(), secret.to_owned()]);
            let configured = Configured {
                scheme: scheme.clone(),
                values: Vec::new(),
            };
            if kind == "basic" {
                case.secret = Secrets::One(secret.to_owned());
            }
            let (receiver, signs_url) = case.receiver(configured, "https://h").unwrap();
            assert!(!signs_url);
            let head = CaseHead {
                method: "POST",
                path,
                query,
                headers: &headers,
            };
            let body = Bytes::copy_from_slice(body.as_bytes());
            let result = receiver.verify(&head, body, Timestamp::from_secs(0));
            result.map(drop).map_err(|refusal| refusal.code())
        };
        assert_eq!(judge("u:password"), Ok(()), "{kind}");
        assert_eq!(judge("u:passwore"), Err("signature_mismatch"), "{kind}");
    }
}

#[test]
fn a_body_is_a_form_by_its_type_or_its_look() {
    let of = |kind: Option<&'static str>, body: &str| {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind {
            headers.append(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        is_form(Some(&headers), body.as_bytes())
    };
    assert!(of(
        Some("application/x-www-form-urlencoded; charset=utf-8"),
        "{}"
    ));
    assert!(!of(Some("application/json"), "a=b"));
    assert!(of(None, "a=b"));
    assert!(!of(None, " {\"a\":1}"));
}

/// A scheme that signs the URL gets the case's own as the public one, to the letter.
#[test]
fn the_url_of_a_case_is_the_public_one() {
    use countersign::scheme::Part;
    let scheme = Scheme {
        name: "urls".into(),
        grade: Grade::SignatureUndelimited,
        content: vec![Part::Url, Part::Body].into(),
        signature: SignatureRule {
            place: Place::Header("x-signature".into()),
            ..SignatureRule::BASE
        },
        ..Scheme::BASE
    };
    for url in [
        "https://h",
        "https://h?a=b",
        "https://h:1/p?a=b",
        "HTTP://u:p@H/p",
    ] {
        let secret = danger::secret_of_any_length("s").unwrap();
        let message = countersign::Message::new(b"x", Timestamp::from_secs(0)).request("POST", url);
        let headers: HeaderMap = scheme
            .sign(&secret, &message)
            .unwrap()
            .into_iter()
            .collect();
        let configured = Configured {
            scheme: scheme.clone(),
            values: Vec::new(),
        };
        let (base, path, query) = url::split(url);
        let (receiver, signs_url) = case("urls", "{}").receiver(configured, base).unwrap();
        assert!(signs_url);
        let head = CaseHead {
            method: "POST",
            path,
            query,
            headers: &headers,
        };
        let result = receiver.verify(&head, Bytes::from_static(b"x"), Timestamp::from_secs(0));
        assert!(result.is_ok(), "{url}");
    }
}
