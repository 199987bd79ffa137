//! Zapier, and what holds for every sender that signs nothing: the secret is sent along, whole and where it was agreed.

use countersign::Refusal::{
    BodyMalformed, MediaTypeUnsupported, MethodNotAllowed, SignatureMalformed, SignatureMismatch,
    SignatureMissing, SignatureRepeated, SignatureTooLong,
};
use countersign::danger::Weak;
use countersign::providers::{self, ZAPIER, ZAPIER_HEADER, ZAPIER_QUERY, ZAPIER_WHITE_LABEL};
use countersign::scheme::{Grade, TokenPlace};
use countersign::{Receiver, Secret, SecretError, SettingError};

use crate::attempt::STANDARD_WEBHOOKS;
use crate::macs::base64;
use crate::trial::Trial;

const TOKEN: &str = "Ab+9c6b1a4ef2d84f0f8e1d7a3b";
const LOGIN: &str = "zap:9c6b:1a4ef2d84f0f";
const HEADER: &str = "x-webhook-token";
const JSON: &str = r#"{"name":"Ada"}"#;

fn in_header(value: impl AsRef<[u8]>) -> Trial {
    Trial::new(ZAPIER_HEADER, TOKEN)
        .json(JSON)
        .set(HEADER, value)
}

fn in_query(query: &str) -> Trial {
    Trial::new(ZAPIER_QUERY, TOKEN)
        .json(JSON)
        .target(&format!("/zap?{query}"))
}

fn authorization(place: TokenPlace, key: &str, value: impl AsRef<[u8]>) -> Trial {
    let trial = Trial::new(ZAPIER, key).token_in(place);
    trial.json(JSON).set("authorization", value)
}

/// Spellings next to the token, and none of them the token.
fn next_to(token: &str) -> Vec<String> {
    let len = token.len();
    let mut others: Vec<String> = (1..len).map(|at| token[..at].to_owned()).collect();
    others.extend((1..len).map(|at| token[at..].to_owned()));
    others.extend(
        [
            format!("{token}0"),
            format!("0{token}"),
            format!("{token}{token}"),
            format!("{token},{token}"),
            format!("{token}, {token}"),
            format!("{token};"),
            format!("\"{token}\""),
            format!("Bearer {token}"),
            format!("token={token}"),
            token.to_uppercase(),
            token.to_lowercase(),
            token.replace('+', " "),
            token.replace('+', "%2B"),
            token.replacen('A', "%41", 1),
            token.replacen('b', "B", 1),
            base64(token),
            "*".to_owned(),
            "null".to_owned(),
            "0".repeat(len),
        ]
        .into_iter()
        .filter(|other| other != token),
    );
    others
}

#[test]
fn a_token_in_a_header_is_the_whole_value() {
    in_header(TOKEN).passes("as it is");
    in_header(format!(" \t{TOKEN} ")).passes("with blanks around it, as HTTP allows");
    for other in next_to(TOKEN) {
        in_header(&other).refused_at_open(SignatureMismatch, other);
    }
    in_header("").refused_at_open(SignatureMalformed, "empty");
    in_header(" \t").refused_at_open(SignatureMalformed, "blank");
    in_header(b"\xff").refused_at_open(SignatureMismatch, "no text");
    let again = in_header(TOKEN).add(HEADER, TOKEN);
    again.refused_at_open(SignatureRepeated, "twice");
    let beside = in_header(TOKEN).add(HEADER, "");
    beside.refused_at_open(SignatureRepeated, "and an empty one");
    let limit = 8_192;
    in_header("x".repeat(limit)).refused_at_open(SignatureMismatch, "the longest");
    let longer = in_header("x".repeat(limit + 1));
    longer.refused_at_open(SignatureTooLong { limit }, "longer");
}

#[test]
fn a_token_in_another_place_is_none() {
    let bare = Trial::new(ZAPIER_HEADER, TOKEN).json(JSON);
    for trial in [
        bare.clone(),
        bare.clone().set("authorization", TOKEN),
        bare.clone().set("x-webhook-token2", TOKEN),
        bare.clone()
            .target(&format!("/zap?token={TOKEN}&x-webhook-token={TOKEN}")),
        bare.clone()
            .json(format!("{{\"x-webhook-token\":\"{TOKEN}\"}}")),
        in_header(TOKEN).token_in(TokenPlace::Header("x-api-key".into())),
        in_header(TOKEN).scheme(ZAPIER_QUERY),
        in_header(TOKEN).scheme(ZAPIER).keys(&[LOGIN]),
        in_query(&format!("token={TOKEN}")).scheme(ZAPIER_HEADER),
    ] {
        trial.refused_at_open(SignatureMissing, "elsewhere");
    }
    for name in ["X-Api-Key", "x-api-key"] {
        let trial = bare.clone().token_in(TokenPlace::Header(name.into()));
        trial.set("x-api-key", TOKEN).passes("a header has no case");
    }
}

#[test]
fn a_token_in_the_query_is_decoded_once() {
    let escaped = TOKEN.replace('+', "%2B");
    for query in [
        format!("token={escaped}"),
        format!("a=1&token={escaped}&b"),
        format!("token={}", escaped.replacen('A', "%41", 1)),
        format!("tok%65n={escaped}"),
        format!("Token=x&token={escaped}"),
    ] {
        in_query(&query).passes(query);
    }
    for (query, refusal) in [
        (String::new(), SignatureMissing),
        (format!("Token={escaped}"), SignatureMissing),
        (format!("token[]={escaped}"), SignatureMissing),
        (format!("a=1;token={escaped}"), SignatureMissing),
        (escaped.clone(), SignatureMissing),
        ("token".to_owned(), SignatureMalformed),
        ("token=".to_owned(), SignatureMalformed),
        ("token=%FF".to_owned(), SignatureMalformed),
        (
            format!("token={escaped}&token={escaped}"),
            SignatureRepeated,
        ),
        (format!("token={escaped}&token="), SignatureRepeated),
        (format!("token=x&tok%65n={escaped}"), SignatureRepeated),
        // A plus is a blank.
        (format!("token={TOKEN}"), SignatureMismatch),
        (
            format!("token={}", escaped.replace('%', "%25")),
            SignatureMismatch,
        ),
        (format!("token={escaped}+"), SignatureMismatch),
        (format!("token=+{escaped}"), SignatureMismatch),
        (format!("token={escaped}%00"), SignatureMismatch),
        (format!("token={escaped};x=1"), SignatureMismatch),
        (format!("token={escaped}%EF%BF%BD"), SignatureMismatch),
        (format!("token={}", &escaped[1..]), SignatureMismatch),
        (
            format!("token={}", escaped.to_lowercase()),
            SignatureMismatch,
        ),
    ] {
        in_query(&query).refused_at_open(refusal, query);
    }
    let named = in_query(&format!("key={escaped}"));
    named.refused_at_open(SignatureMissing, "another name");
    let named = named.token_in(TokenPlace::QueryParam("key".into()));
    named.passes("the name that was agreed");
}

/// The scheme word has no case, what follows it is exact.
#[test]
fn a_bearer_token() {
    let bearer = |value: &str| authorization(TokenPlace::Bearer, TOKEN, value);
    for word in ["Bearer", "bearer", "BEARER", "bEARER"] {
        bearer(&format!("{word} {TOKEN}")).passes(word);
        for other in next_to(TOKEN) {
            let value = format!("{word} {other}");
            bearer(&value).refused_at_open(SignatureMismatch, value);
        }
    }
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "Bear",
        TOKEN,
        &format!("Bearer\t{TOKEN}"),
        &format!("Bearer={TOKEN}"),
        &format!("Bearer:{TOKEN}"),
        &format!("Token {TOKEN}"),
        &format!("Basic {}", base64(LOGIN)),
        &format!("Bearer{TOKEN}"),
        &format!("\u{a0}Bearer {TOKEN}"),
    ] {
        bearer(value).refused_at_open(SignatureMalformed, value);
    }
    let two_blanks = bearer(&format!("Bearer  {TOKEN}"));
    two_blanks.refused_at_open(SignatureMismatch, "two blanks");
    let twice = bearer(&format!("Bearer {TOKEN}")).add("authorization", "Bearer x");
    twice.refused_at_open(SignatureRepeated, "twice");
    // Without the word it is another place.
    let bare = authorization(TokenPlace::Header("Authorization".into()), TOKEN, TOKEN);
    bare.passes("the bare value, where that was agreed");
    let with_word = bare.set("authorization", format!("Bearer {TOKEN}"));
    with_word.refused_at_open(SignatureMismatch, "the word is part of it then");
}

#[test]
fn basic_credentials() {
    let basic = |value: &str| authorization(TokenPlace::Basic, LOGIN, value);
    for word in ["Basic", "basic", "BASIC"] {
        basic(&format!("{word} {}", base64(LOGIN))).passes(word);
    }
    for login in [
        "zap",
        "zap:",
        ":",
        "",
        "zap:9c6b",
        ":9c6b:1a4ef2d84f0f",
        "Zap:9c6b:1a4ef2d84f0f",
        "zap:9c6b:1a4ef2d84f0F",
        "zap:9c6b:1a4ef2d84f0f\n",
        "zap:9c6b:1a4ef2d84f0f\0",
        " zap:9c6b:1a4ef2d84f0f",
        "9c6b:1a4ef2d84f0f:zap",
        "zap%3A9c6b:1a4ef2d84f0f",
    ] {
        let value = format!("Basic {}", base64(login));
        let refusal = if login.is_empty() {
            SignatureMalformed
        } else {
            SignatureMismatch
        };
        basic(&value).refused_at_open(refusal, login);
    }
    let good = base64(LOGIN);
    for value in [
        format!("Basic {LOGIN}"),
        format!("Basic {good}A"),
        format!("Basic {good}="),
        format!("Basic {good}%3D"),
        format!("Basic  {good}"),
        format!("Basic\t{good}"),
        format!("Basic{good}"),
        format!("Bearer {good}"),
        good.clone(),
        "Basic".to_owned(),
        "Basic !".to_owned(),
        format!("Basic {good}, Basic {good}"),
        format!("Basic {good}\u{a0}"),
    ] {
        basic(&value).refused_at_open(SignatureMalformed, value);
    }
    // Another charset: RFC 7617 leaves it open, here it is UTF-8.
    let pound = |bytes: &[u8]| {
        let value = format!("Basic {}", base64(bytes));
        authorization(TokenPlace::Basic, "test:123\u{a3}", value)
    };
    pound("test:123\u{a3}".as_bytes()).passes("UTF-8");
    pound(b"test:123\xa3").refused_at_open(SignatureMismatch, "Latin-1");
    // Tail bits and alphabet have one spelling.
    let tail = |value: &str| authorization(TokenPlace::Basic, "a:b?>", format!("Basic {value}"));
    tail("YTpiPz4=").passes("as it is");
    for value in [
        "YTpiPz5=",
        "YTpiPz4",
        "YTpiPz4==",
        "YTpiP-4=",
        "YTpi Pz4=",
        "YTpiPz4=\u{a0}",
    ] {
        tail(value).refused_at_open(SignatureMalformed, value);
    }
    let again = basic(&format!("Basic {good}")).add("authorization", format!("Basic {good}"));
    again.refused_at_open(SignatureRepeated, "twice");
    let url = Trial::new(ZAPIER, LOGIN)
        .json(JSON)
        .target(&format!("/zap?{LOGIN}"));
    url.refused_at_open(SignatureMissing, "in the URL");
}

#[test]
fn a_login_without_its_parts_builds_no_receiver() {
    for (login, reason) in [
        ("zap", SecretError::Undecodable),
        (":", SecretError::Empty),
        ("zap9c6b1a4ef2d84f0f", SecretError::Undecodable),
    ] {
        let error = Trial::new(ZAPIER, login).build_error();
        let label = "secret-1".to_owned();
        assert_eq!(
            error,
            Some(SettingError::Secret { label, reason }),
            "{login}"
        );
    }
}

#[test]
fn a_token_in_the_body_is_there_once() {
    let form = |body: &str| {
        let trial = Trial::new(ZAPIER, TOKEN).token_in(TokenPlace::Form("auth token".into()));
        trial.form(body)
    };
    let escaped = TOKEN.replace('+', "%2B");
    form(&format!("a=1&auth+token={escaped}")).passes("as it is");
    form(&format!("auth%20token={escaped}&b")).passes("escaped");
    for (body, refusal) in [
        (String::new(), SignatureMissing),
        (format!("auth_token={escaped}"), SignatureMissing),
        (format!("{{\"auth token\":\"{TOKEN}\"}}"), SignatureMissing),
        ("auth+token".to_owned(), SignatureMalformed),
        ("auth+token=".to_owned(), SignatureMalformed),
        (
            format!("auth+token={escaped}&auth+token={escaped}"),
            SignatureRepeated,
        ),
        (
            format!("auth+token={escaped}&auth%20token="),
            SignatureRepeated,
        ),
        (format!("auth+token={TOKEN}"), SignatureMismatch),
        // Blanks are stripped around headers and nowhere else.
        (format!("auth+token=+{escaped}"), SignatureMismatch),
        (format!("auth+token={escaped}%09"), SignatureMismatch),
        (format!("auth+token={escaped}x"), SignatureMismatch),
        (format!("auth+token={}", &escaped[1..]), SignatureMismatch),
        (format!("auth+token={escaped}&x=%FF"), BodyMalformed),
    ] {
        form(&body).refused(refusal, body);
    }
    let json = |body: &str| {
        let trial = Trial::new(ZAPIER, TOKEN).token_in(TokenPlace::Json("/auth/token".into()));
        trial.json(body)
    };
    json(&format!("{{\"auth\":{{\"token\":\"{TOKEN}\"}}}}")).passes("as it is");
    json(&format!(
        "{{\"auth\":{{\"token\":\"{}\"}}}}",
        TOKEN.replace('A', "\\u0041")
    ))
    .passes("escaped");
    for (body, refusal) in [
        ("{}".to_owned(), SignatureMissing),
        ("[]".to_owned(), SignatureMissing),
        (format!("{{\"token\":\"{TOKEN}\"}}"), SignatureMissing),
        ("{\"auth\":{\"token\":null}}".to_owned(), SignatureMissing),
        (
            format!("{{\"auth\":{{\"token\":[\"{TOKEN}\"]}}}}"),
            SignatureMalformed,
        ),
        ("{\"auth\":{\"token\":true}}".to_owned(), SignatureMismatch),
        ("{\"auth\":{\"token\":\"\"}}".to_owned(), SignatureMalformed),
        (
            format!("{{\"auth\":{{\"token\":\"{TOKEN}\",\"token\":\"{TOKEN}\"}}}}"),
            SignatureRepeated,
        ),
        (
            format!("{{\"auth\":{{\"token\":\"{TOKEN}x\"}}}}"),
            SignatureMismatch,
        ),
        ("{\"auth\":{\"token\":0}}".to_owned(), SignatureMismatch),
        (
            format!("{{\"auth\":{{\"token\":\"{TOKEN}\"}}"),
            BodyMalformed,
        ),
    ] {
        json(&body).refused(refusal, body);
    }
}

#[test]
fn methods_and_media_types() {
    let trial = in_header(TOKEN);
    for method in ["POST", "PUT", "GET"] {
        trial.clone().method(method).passes(method);
    }
    for method in ["DELETE", "HEAD", "PATCH", "OPTIONS", "post", "CONNECT"] {
        let other = trial.clone().method(method);
        other.refused_at_open(MethodNotAllowed, method);
    }
    for kind in [
        "application/xml",
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
    ] {
        trial.clone().set("content-type", kind).passes(kind);
    }
    let twice = trial.add("content-type", "application/json");
    twice.refused_at_open(MediaTypeUnsupported, "two types");
}

/// Whoever takes a token instead of a signature says so.
#[test]
fn a_token_is_opted_into_by_the_name_of_what_is_given_up() {
    let tokens = providers::ALL
        .iter()
        .filter(|scheme| scheme.grade == Grade::Token);
    let mut count = 0;
    for scheme in tokens {
        count += 1;
        let secret = Secret::new("user:0123456789abcdef").expect("a secret");
        let builder = Receiver::builder(scheme.clone(), secret);
        for builder in [
            builder.clone(),
            builder.clone().accept_weak(Weak::BodyNotSigned),
            builder.clone().accept_weak(Weak::ExtensibleDigest),
        ] {
            let field = builder.build().err().map(|error| error.field());
            assert_eq!(field, Some("grade"), "{}", scheme.name);
        }
        let named = builder.accept_weak(Weak::NothingSigned).build();
        assert!(named.is_ok(), "{}: {named:?}", scheme.name);
    }
    assert_eq!(count, 8);
    let others = providers::ALL
        .iter()
        .filter(|scheme| scheme.grade != Grade::Token);
    for scheme in others {
        let moved = scheme.clone().token_in(TokenPlace::PathEnd);
        let error = moved.expect_err("it signs");
        assert_eq!(error.field, "signature", "{}", scheme.name);
    }
}

#[test]
fn the_white_label_is_standard_webhooks() {
    let attempt = STANDARD_WEBHOOKS.attempt().scheme(ZAPIER_WHITE_LABEL);
    attempt.passes("as it is");
    let wrong = attempt.key(STANDARD_WEBHOOKS.wrong_key);
    wrong.refused(SignatureMismatch, "another secret");
}
