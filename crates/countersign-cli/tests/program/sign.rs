//! `countersign sign`: published signatures made again, and a curl line that a shell leaves alone.

use std::process::Command;

use crate::command::{Run, file, run};

/// What is said where a curl line holds no secret.
const STANDS_FOR: &str = "note: [token] stands for the secret: --show-token prints it\n";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn sign(arguments: &[&str]) -> Run {
    run(["sign"].iter().chain(arguments).copied())
}

/// With a scheme of one's own.
fn sign_own(scheme_file: &str, more: &[&str]) -> Run {
    let arguments = ["--scheme-file", scheme_file, "--secret-env", "S"];
    sign(&[&arguments[..], more].concat())
}

#[test]
fn published_signatures_are_made_again() {
    sign(&["github", "--secret-env", "S", "--body", "-", "--event", "push", "--id", "72d3162e"])
        .secret("S", "It's a Secret to Everybody")
        .stdin("Hello, World!")
        .ran()
        .printed(
            0,
            "content-type: application/json\nx-hub-signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\nx-github-delivery: 72d3162e\nx-github-event: push\n",
        );
    let secret = file("sign-secret", format!("{SECRET}\n"));
    let body = file("sign-body.json", "{\"test\": 2432232314}");
    sign(&[
        "standard-webhooks", "--secret-file", &secret, "--body", &body, "--at", "2021-02-25T15:02:10Z",
        "--id", "msg_p5jXN8AQM9LWM0D4loKWxJek", "-H", "Content-Type: text/plain", "-H", "x-a: 1", "-H", "x-a: 2",
    ])
    .unprinted(SECRET)
    .ran()
    .printed(
        0,
        "content-type: text/plain\nwebhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\nx-a: 1\nx-a: 2\nwebhook-timestamp: 1614265330\nwebhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\n",
    );
    // Secrets of any length.
    sign(&["github-sha1", "--secret-env", "S", "--body", "-", "--content-type", "application/x-www-form-urlencoded"])
        .secret("S", "0123456789abcdef")
        .stdin("payload=%7B%22yo%22%3Atrue%7D")
        .ran()
        .printed(
            0,
            "content-type: application/x-www-form-urlencoded\nx-hub-signature: sha1=3374ef144403e8035423b23b02e2c9d7a4c50368\n",
        );
}

/// Every built-in scheme that signs: what `sign` prints, `verify` accepts, and a changed body it does not.
#[test]
fn what_is_signed_is_verified() {
    let all: serde_json::Value =
        serde_json::from_str(&run(["providers", "--json"]).ran().stdout).unwrap();
    let mut tried = 0;
    for entry in all.as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        let signs_url = entry["scheme"]["content"].to_string().contains("\"url");
        if entry["grade"] != "signature-over-body" || signs_url {
            continue;
        }
        let body = "{\"id\":\"evt_1\"}";
        let mut arguments = vec![name, "--secret-env", "S", "--body", "-"];
        if entry["scheme"]["content"].to_string().contains("\"id\"") {
            arguments.extend(["--id", "msg_1"]);
        }
        let signed = sign(&arguments).secret("S", SECRET).stdin(body).ran();
        assert_eq!(signed.code, Some(0), "{signed:?}");
        let head = signed.stdout.replace('\n', "\r\n");
        let judge = |body: &str| {
            let raw = format!("POST / HTTP/1.1\r\n{head}\r\n{body}");
            let ran = run(["verify", name, "--secret-env", "S"])
                .secret("S", SECRET)
                .stdin(raw)
                .ran();
            let first = ran.stdout.lines().next().unwrap().to_owned();
            (first, ran.code)
        };
        assert_eq!(judge(body), ("accept".to_owned(), Some(0)), "{name}");
        let changed = judge("{\"id\":\"evt_2\"}");
        assert_eq!(
            changed,
            ("refuse: signature_mismatch".to_owned(), Some(1)),
            "{name}"
        );
        tried += 1;
    }
    assert!(tried >= 7, "{tried}");
}

/// A shell gives curl's stand-in exactly the words that were meant.
#[test]
fn a_curl_line_survives_the_shell() {
    let body = "@{\"it's\": \"$HOME `id` \\\\ \\n\"}\n!";
    let ran = sign(&[
        "github",
        "--secret-env",
        "S",
        "--body",
        "-",
        "--curl",
        "--url",
        "http://h/p?a='b'&c=$d;e",
    ])
    .secret("S", SECRET)
    .stdin(body)
    .ran();
    assert_eq!(ran.code, Some(0));
    let script = format!(
        "curl() {{ for word do printf '%s\\0' \"$word\"; done; }}\n{}",
        ran.stdout
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(output.stderr, b"");
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = text.split_terminator('\0').collect();
    assert_eq!(words[..2], ["--header", "content-type: application/json"]);
    assert!(words[3].starts_with("x-hub-signature-256: sha256="));
    assert_eq!(
        words[4..],
        ["--data-raw", body, "--url", "http://h/p?a='b'&c=$d;e"]
    );
}

#[test]
fn a_file_is_named_in_the_curl_line_and_bytes_are_not_quoted() {
    let body = file("it's a body.bin", b"\xff\0");
    let url = "http://h/p";
    let ran = sign(&[
        "github",
        "--secret-env",
        "S",
        "--body",
        &body,
        "--curl",
        "--url",
        url,
    ])
    .secret("S", SECRET)
    .ran();
    let quoted = body.replace('\'', "'\\''");
    let end = format!("--data-binary '@{quoted}' --url http://h/p\n");
    assert!(ran.stdout.ends_with(&end), "{ran:?}");
    sign(&[
        "github",
        "--secret-env",
        "S",
        "--body",
        "-",
        "--curl",
        "--url",
        url,
    ])
    .secret("S", SECRET)
    .stdin(b"\xff\0")
    .ran()
    .trouble("the body is no text that could stand in a line: give it as --body FILE");
}

#[test]
fn a_secret_that_is_sent_along_is_hidden_unless_asked_for() {
    let scheme = file(
        "sign-token.toml",
        "name = \"own\"\nalgorithm = \"token\"\ngrade = \"token\"\ncontent = []\nsignature = { header = \"x-token\", encoding = \"plain\" }\n",
    );
    let password = "user:pass word&1";
    let with = |more: &[&str]| sign_own(&scheme, more);
    let hidden = |more: &[&str]| {
        with(more)
            .secret("S", password)
            .unprinted("dXNlcjpwYXNzIHdvcmQmMQ==")
            .unprinted("user%3Apass")
            .ran()
    };
    let json = "content-type: application/json\n";
    hidden(&[]).printed(0, &format!("{json}x-token: [token]\n"));
    hidden(&["--token-in", "basic"]).printed(0, &format!("{json}authorization: Basic [token]\n"));
    let curl = ["--curl", "--url", "http://h/p"];
    let ran = hidden(&curl);
    assert_eq!(
        ran.stdout,
        "curl --header 'content-type: application/json' --header 'x-token: [token]' --data-raw '' --url http://h/p\n"
    );
    assert_eq!(ran.stderr, STANDS_FOR);
    let ran = hidden(&[&["--token-in", "query:key"][..], &curl].concat());
    assert!(
        ran.stdout.ends_with(" --url 'http://h/p?key=[token]'\n"),
        "{ran:?}"
    );
    assert_eq!(
        ran.stderr,
        format!("note: the token goes into the URL as ?key=[token]\n{STANDS_FOR}")
    );
    let ran = hidden(&["--token-in", "form:key"]);
    assert_eq!(
        ran.stderr,
        "note: the token goes into the body at form:key\n"
    );
    for (place, start, end) in [
        (
            "form:key",
            "note: the token goes into the body at form:key\n",
            " --data-raw 'key=[token]' --url http://h/p\n",
        ),
        (
            "json:key",
            "note: the token goes into the body at /key\n",
            " --data-raw '{\"key\":\"[token]\"}' --url http://h/p\n",
        ),
    ] {
        let ran = hidden(&[&["--token-in", place][..], &curl].concat());
        assert_eq!(ran.stderr, format!("{start}{STANDS_FOR}"));
        assert!(ran.stdout.ends_with(end), "{ran:?}");
    }
    hidden(&["--token-in", "path"])
        .trouble("the token cannot be a segment of a path: only letters, digits and -._~ can");

    let shown = with(&["--show-token"]).env("S", password).ran();
    shown.printed(0, &format!("{json}x-token: {password}\n"));
    let ran = with(&[&["--show-token", "--token-in", "query:key"][..], &curl].concat())
        .env("S", password)
        .ran();
    assert!(
        ran.stdout
            .ends_with("'http://h/p?key=user%3Apass+word%261'\n"),
        "{ran:?}"
    );
}

#[test]
fn what_is_missing_or_without_effect_is_said() {
    let stripe = |more: &[&str]| {
        let arguments = ["stripe", "--secret-env", "S"];
        sign(&[&arguments[..], more].concat())
            .secret("S", SECRET)
            .ran()
    };
    stripe(&["--id", "x"]).trouble("--id: scheme \"stripe\" does not send the id in a header");
    stripe(&["--event", "x"])
        .trouble("--event: scheme \"stripe\" does not send the event's name in a header");
    stripe(&["--tenant", "x"])
        .trouble("--tenant: scheme \"stripe\" does not send the tenant in a header");
    stripe(&["--config", "x=1"]).trouble("--config: scheme \"stripe\" has no value \"x\"");
    stripe(&["--url", "/p"])
        .trouble("\"/p\" is no absolute URL: it begins with http:// or https://");
    stripe(&["--token-in", "path"]).trouble(
        "--token-in: scheme \"stripe\": signature: the scheme signs: it has no token to be put elsewhere",
    );
    sign(&["standard-webhooks", "--secret-env", "S"])
        .secret("S", SECRET)
        .ran()
        .trouble("scheme \"standard-webhooks\" signs the delivery's id: give one with --id");
    let own = file(
        "sign-config.toml",
        "name = \"own\"\nsignature = { header = \"x-signature\" }\ncontent = [{ config = \"key\" }, \"url\", { literal = \"|\" }, \"body\"]\n",
    );
    let own = |more: &[&str]| sign_own(&own, more).secret("S", SECRET).ran();
    own(&[]).trouble("scheme \"own\" signs the URL: give it with --url");
    own(&["--url", "http://h/"])
        .trouble("scheme \"own\" signs the value \"key\": give it with --config key=VALUE");
    assert_eq!(
        own(&["--url", "http://h/", "--config", "key=1"]).code,
        Some(0)
    );
}

/// What a scheme writes elsewhere than into headers is noted, and is in the curl line.
#[test]
fn a_signature_may_lie_outside_the_headers() {
    // HMAC-SHA256 of {} under the secret, computed elsewhere.
    let tag = "6cbbcdf2c8016ca85b50543b19e8e121ef16137967bdfa3ce660972922bafaeb";
    let fixed = "header = \"x-sig\" }\nrequires = [{ query-param = \"v\", equals = \"1\" }]\n#";
    for (name, signature, note, target) in [
        (
            "query",
            "query-param = \"sig\"",
            "the signature goes into the URL as ?sig=TAG",
            "?a=1&sig=TAG",
        ),
        (
            "path",
            "path-end = true",
            "the signature goes into the URL as /TAG",
            "/TAG?a=1",
        ),
        (
            "fixed",
            fixed,
            "the scheme adds to the URL: ?v=1",
            "?a=1&v=1",
        ),
    ] {
        let scheme = file(
            &format!("sign-{name}.toml"),
            format!("name = \"own\"\nsignature = {{ {signature} }}\n"),
        );
        let more = ["--body", "-", "--curl", "--url", "http://h/p?a=1"];
        let ran = sign_own(&scheme, &more)
            .secret("S", SECRET)
            .stdin("{}")
            .ran();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.stderr, format!("note: {}\n", note.replace("TAG", tag)));
        let target = target.replace("TAG", tag);
        let end = format!(" --data-raw '{{}}' --url 'http://h/p{target}'\n");
        assert!(ran.stdout.ends_with(&end), "{ran:?}");
    }
}

/// A body that the scheme writes into is no longer the file's.
#[test]
fn a_token_in_the_body_is_in_the_curl_line() {
    let scheme = file(
        "sign-body-token.toml",
        "name = \"own\"\nalgorithm = \"token\"\ngrade = \"token\"\ncontent = []\nsignature = { json = \"/a/t\", encoding = \"plain\" }\n",
    );
    let body = file("sign-body-token.json", "{ \"a\": {\"b\": 1.0} }");
    let curl = ["--body", &body, "--curl", "--url", "http://h/p"];
    let line = |token: &str| {
        format!(
            "curl --header 'content-type: application/json' --data-raw '{{ \"a\": {{\"t\":\"{token}\",\"b\": 1.0}} }}' --url http://h/p\n"
        )
    };
    let hidden = sign_own(&scheme, &curl).secret("S", SECRET).ran();
    assert_eq!(
        hidden.stderr,
        format!("note: the token goes into the body at /a/t\n{STANDS_FOR}")
    );
    assert_eq!(hidden.stdout, line("[token]"));
    let shown = [&curl[..], &["--show-token"]].concat();
    let shown = sign_own(&scheme, &shown).env("S", SECRET).ran();
    assert_eq!(shown.stdout, line(SECRET));
}

/// Headers that the content holds, an account, a host, and an id that is a header already.
#[test]
fn what_is_given_is_signed_and_sent() {
    let own = file(
        "sign-given.toml",
        "name = \"own\"\ngrade = \"signature-undelimited\"\nsignature = { header = \"x-signature\" }\ntenant = [{ header = \"x-shop\" }]\nid = [{ header = \"x-id\" }]\ncontent = [{ header = \"x-nonce\" }, \"id\", \"body\"]\n",
    );
    let with = |more: &[&str]| sign_own(&own, more).secret("S", SECRET).ran();
    with(&["--id", "1"]).trouble("scheme \"own\": x-nonce is not given");
    let more = [
        "-H",
        "x-nonce: n",
        "-H",
        "X-Id: 1",
        "-H",
        "host: other",
        "--tenant",
        "acme",
    ];
    let ran = with(&more);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let (signature, others): (Vec<&str>, Vec<&str>) = ran
        .stdout
        .lines()
        .partition(|line| line.starts_with("x-signature: "));
    assert_eq!(
        others,
        [
            "host: other",
            "content-type: application/json",
            "x-nonce: n",
            "x-id: 1",
            "x-shop: acme"
        ]
    );
    assert_eq!(signature.len(), 1);
}
