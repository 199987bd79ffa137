//! Slack: `url_verification` is answered because it is signed, `ssl_check` because it says nothing; neither is dispatched.

use countersign::Refusal::{
    BodyMalformed, MethodNotAllowed, SignatureMalformed, SignatureMismatch, SignatureMissing,
    TimestampTooNew, TimestampTooOld,
};
use countersign::providers::SLACK;

use crate::attempt::{malformed, missing, repeated};
use crate::macs::{hex, hmac_sha256};
use crate::trial::{Answer, Outcome, Trial};

const KEY: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const NOW: i64 = 1_531_420_618;
const HEADER: &str = "x-slack-signature";
const STAMP: &str = "x-slack-request-timestamp";
const VERIFY: &str = r#"{"token":"Jhj5dZrVaK7ZwHHjRyZWjbDl","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}"#;
const CHECK: &str = "ssl_check=1&token=Jhj5dZrVaK7ZwHHjRyZWjbDl";

fn bare() -> Trial {
    Trial::new(SLACK, KEY).target("/slack").at_secs(NOW)
}

fn sign(trial: Trial) -> Trial {
    let stamp = NOW.to_string();
    let content: [&[u8]; 4] = [b"v0:", stamp.as_bytes(), b":", trial.bytes()];
    let value = format!("v0={}", hex(&hmac_sha256(KEY, &content)));
    trial.set(HEADER, value).set(STAMP, stamp)
}

fn json(body: &str) -> Trial {
    sign(bare().json(body))
}

fn form(body: &str) -> Trial {
    sign(bare().form(body))
}

/// Verification and a challenge, as JSON text.
fn verification(challenge: &str) -> Trial {
    json(&format!(
        r#"{{"type":"url_verification","challenge":{challenge}}}"#
    ))
}

#[test]
fn a_signed_verification_is_answered_with_its_challenge() {
    let challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";
    let answer = Answer {
        kind: "handshake",
        status: 200,
        content_type: Some("text/plain; charset=utf-8".to_owned()),
        headers: Vec::new(),
        body: challenge.to_owned(),
    };
    json(VERIFY).answered(answer.clone(), "as Slack documents it");
    let as_form = sign(bare().form(VERIFY));
    as_form.answered(answer, "the body's shape counts, and not its unsigned type");
    let longest = "x".repeat(512);
    for (text, echoed) in [
        (r#""abc""#, "abc"),
        (r#""\u0061bc""#, "abc"),
        (r#""a-._~+/=: b""#, "a-._~+/=: b"),
        ("7", "7"),
        ("true", "true"),
        (&*format!("\"{longest}\""), &*longest),
    ] {
        verification(text).answered(Answer::handshake(echoed), text);
    }
    let escaped = json(r#"{"t\u0079pe":"url\u005fverification","challenge":"a"}"#);
    escaped.answered(Answer::handshake("a"), "an escaped word");
}

#[test]
fn an_unauthentic_verification_is_not_answered() {
    let genuine = json(VERIFY);
    let forged = genuine
        .clone()
        .set(HEADER, format!("v0={}", "0".repeat(64)));
    forged.refused(SignatureMismatch, "forged");
    genuine
        .clone()
        .keys(&["another"])
        .refused(SignatureMismatch, "another app's");
    let changed = genuine.clone().body(VERIFY.replace("3eZ", "3eX"));
    changed.refused(SignatureMismatch, "another challenge");
    genuine
        .clone()
        .at_secs(NOW + 301)
        .refused_at_open(TimestampTooOld, "stale");
    genuine
        .clone()
        .at_secs(NOW - 301)
        .refused_at_open(TimestampTooNew, "early");
    genuine
        .clone()
        .without(HEADER)
        .refused_at_open(SignatureMissing, "unsigned");
    let unsigned_form = genuine.clone().without(HEADER);
    let unsigned_form = unsigned_form.set("content-type", "application/x-www-form-urlencoded");
    unsigned_form.refused(SignatureMissing, "unsigned, and as a form");
    for method in ["GET", "PUT", "HEAD"] {
        genuine
            .clone()
            .method(method)
            .refused_at_open(MethodNotAllowed, method);
    }
}

/// Genuine, and still not sent back.
#[test]
fn a_challenge_is_bounded_and_of_safe_characters() {
    let name = "/challenge";
    let too_long = format!("\"{}\"", "x".repeat(513));
    for text in [
        r#""<script>alert(1)</script>""#,
        r#""a<b""#,
        r#""\u003cb""#,
        r#""a&b""#,
        r#""a\"b""#,
        r#""a'b""#,
        r#""a\r\nb""#,
        r#""a\u0000""#,
        "\"\u{e9}\"",
        r#""\u00e9""#,
        r#""a%b""#,
        r#""a{b""#,
        r#""""#,
        "[]",
        "{}",
        "[\"a\"]",
        &too_long,
    ] {
        let trial = verification(text);
        trial.gives_at_the_door(&Outcome::Refused(malformed(name)), text);
    }
    let none = json(r#"{"type":"url_verification"}"#);
    none.gives_at_the_door(&Outcome::Refused(missing(name)), "none");
    verification("null").gives_at_the_door(&Outcome::Refused(missing(name)), "null");
    let twice = verification(r#""a","challenge":"a""#);
    twice.gives_at_the_door(&Outcome::Refused(repeated(name)), "twice");
    let type_twice = verification(r#""a","type":"event_callback""#);
    type_twice.gives_at_the_door(&Outcome::Refused(repeated("/type")), "two types");
}

#[test]
fn what_looks_like_a_verification_and_is_none() {
    for body in [
        r#"{"event":{"type":"url_verification","challenge":"a"}}"#,
        r#"{"type":"event_callback","challenge":"a","event":{"type":"url_verification"}}"#,
        r#"{"type":"url_verification ","challenge":"a"}"#,
        r#"{"type":"URL_verification","challenge":"a"}"#,
        r#"{"Type":"url_verification","challenge":"a"}"#,
        r#"{"type":null,"challenge":"a"}"#,
        r#"[{"type":"url_verification","challenge":"a"}]"#,
        r#""url_verification""#,
    ] {
        json(body).passes(body);
    }
    for body in [
        "type=url_verification&challenge=a",
        "payload=%7B%22type%22%3A%22url_verification%22%2C%22challenge%22%3A%22a%22%7D",
        "",
    ] {
        form(body).passes(body);
    }
}

/// A question may lie in it, so it is read before it is handed on.
#[test]
fn what_begins_as_json_must_be_json_at_the_door() {
    for body in [
        "{",
        "{\"type\":\"event_callback\"",
        "{\"id\":\"a\"}x",
        "{'type':'a'}",
        "[",
        "{\"id\":\"a\",}",
        "{\"id\":\"\\ud800\"x}",
    ] {
        json(body).gives_at_the_door(&Outcome::Refused(BodyMalformed), body);
        assert_eq!(json(body).alone(), Ok(()), "the signature alone: {body}");
    }
    let odd = json(r#"{"type":["url_verification"]}"#);
    odd.gives_at_the_door(&Outcome::Refused(malformed("/type")), "no text");
}

#[test]
fn an_unsigned_check_of_the_certificate() {
    for body in [
        CHECK,
        "token=x&ssl_check=1",
        "ssl_check=1&token=",
        "ssl_check=1&token",
        "ssl_check=%31&token=%C3%A9",
        "ssl_check=1",
        &format!("ssl_check=1&token={}", "x".repeat(256)),
    ] {
        bare().form(body).answered(Answer::unsigned(), body);
        let stamped = bare().form(body).set(STAMP, "1");
        stamped.answered(Answer::unsigned(), "with a stamp that nobody needs");
    }
    for body in [
        "",
        "token=x",
        "ssl_check=1&token=x&command=%2Fdeploy",
        "ssl_check=1&token=x&text=",
        "ssl_check=1&token=x&payload={}",
        "ssl_check=1&token=x&ssl_check=1",
        "ssl_check=1&token=x&token=x",
        "ssl_check=0&token=x",
        "ssl_check=11&token=x",
        "ssl_check=true&token=x",
        "ssl_check=+1&token=x",
        "SSL_check=1&token=x",
        "ssl_check=1&token=%FF",
        "{\"ssl_check\":\"1\",\"token\":\"x\"}",
        &format!("ssl_check=1&token={}", "x".repeat(257)),
    ] {
        bare().form(body).refused(SignatureMissing, body);
    }
    let json = bare().json(CHECK);
    json.refused_at_open(SignatureMissing, "as JSON");
    let none = bare().body(CHECK);
    none.refused_at_open(SignatureMissing, "without a type");
}

#[test]
fn what_carries_a_signature_is_judged_by_it() {
    let check = bare().form(CHECK).set(STAMP, NOW.to_string());
    for value in ["", "v0=", "x", "v0=0"] {
        let trial = check.clone().set(HEADER, value);
        trial.refused_at_open(SignatureMalformed, format!("{value:?}"));
    }
    let forged = check.clone().set(HEADER, format!("v0={}", "0".repeat(64)));
    forged.refused(SignatureMismatch, "forged");
    for body in [
        CHECK,
        "ssl_check=1",
        "ssl_check=1&token=x&command=%2Fdeploy",
    ] {
        form(body).answered(Answer::handshake(""), format!("signed: {body}"));
    }
    form("ssl_check=0&command=%2Fdeploy").passes("signed, and no check");
    form("command=%2Fdeploy&text=ssl_check%3D1").passes("signed, and a command");
    json(r#"{"ssl_check":"1","token":"x"}"#).passes("signed JSON is no form");
    let twice = form("ssl_check=1&ssl_check=1");
    twice.gives_at_the_door(
        &Outcome::Refused(repeated("ssl_check")),
        "signed, and twice",
    );
}

#[test]
fn the_check_by_get() {
    let get = |target: &str| bare().method("GET").target(target);
    for target in [
        "/slack?ssl_check=1&token=x",
        "/slack?token=x&ssl_check=1&",
        "/slack?ssl_check=%31&token=",
    ] {
        get(target).answered(Answer::unsigned(), target);
        let without_token = get("/slack?ssl_check=1");
        without_token.answered(Answer::unsigned(), "without a token");
        get(target)
            .body("x")
            .refused(SignatureMissing, "with a body");
        let head = get(target).method("HEAD");
        head.refused_at_open(MethodNotAllowed, "by HEAD");
        let post = get(target).method("POST");
        post.refused_at_open(SignatureMissing, "the query of a POST");
    }
    for target in [
        "/slack",
        "/slack?token=x",
        "/slack?ssl_check=2&token=x",
        "/slack?ssl_check=1&token=x&command=%2Fdeploy",
        "/slack?ssl_check=1&ssl_check=1&token=x",
        "/slack/ssl_check=1&token=x",
    ] {
        get(target).refused_at_open(MethodNotAllowed, target);
    }
}
