//! Runs the program as a user would.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test stops at what it cannot do"
)]

#[path = "program/arguments.rs"]
mod arguments;
#[path = "program/command.rs"]
mod command;
#[path = "program/conform.rs"]
mod conform;
#[path = "program/schemes.rs"]
mod schemes;
#[path = "program/secrets.rs"]
mod secrets;
#[path = "program/send.rs"]
mod send;
#[path = "program/sign.rs"]
mod sign;
#[path = "program/verify.rs"]
mod verify;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn countersign(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(arguments)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// Writes cases to a file of their own.
fn cases(name: &str, lines: &[String]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

/// The example of GitHub's documentation, with what is asked for and expected.
fn github(id: &str, body_base64: &str, expect: &str, more: &str) -> String {
    format!(
        r#"{{"id":"{id}","provider":"github","secret":"It's a Secret to Everybody","method":"POST","url":"https://example.com/hook","headers":[["X-Hub-Signature-256","sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"]],"body_base64":"{body_base64}","now":0,"expect":"{expect}"{more}}}"#
    )
}

const HELLO: &str = "SGVsbG8sIFdvcmxkIQ==";
const OTHER: &str = "SGVsbG8sIFdvcmxkPw==";

#[test]
fn the_demo_treats_every_attempt_as_due() {
    let output = countersign(&["demo"]);
    let table = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{table}");
    for service in [
        "stripe",
        "slack",
        "twilio",
        "github",
        "zapier",
        "zapier-header",
        "zapier-query",
        "zapier-white-label",
        "intercom",
        "mailchimp",
        "mandrill",
        "shopify",
        "wordpress",
        "woocommerce",
        "papertrail",
        "standard-webhooks",
        "svix",
        "websub",
        "cloudevents-webhook",
    ] {
        let rows: Vec<&str> = table
            .lines()
            .filter(|row| row.split(' ').next() == Some(service))
            .collect();
        let has = |what: &str| rows.iter().any(|row| row.contains(what));
        for what in [
            "genuine",
            "another secret",
            "no signature",
            "the signature twice",
            "too large",
        ] {
            assert!(has(what), "{service}: {what}");
        }
        let has_stamp = matches!(
            service,
            "stripe" | "slack" | "zapier-white-label" | "standard-webhooks" | "svix"
        );
        for what in ["a second too old", "a second too new"] {
            assert_eq!(has(what), has_stamp, "{service}: {what}");
        }
        // What cannot be told apart is not remembered, and the table says so.
        let done = match service {
            "zapier" | "zapier-header" | "zapier-query" | "wordpress" => " 204  unrecorded ",
            _ => " 204  done ",
        };
        let genuine = rows.iter().filter(|row| row.contains("genuine"));
        assert!(genuine.clone().all(|row| row.contains(done)), "{service}");
        let has_key = |row: &&&str| row.contains("run 1, key ");
        let with_key = genuine.clone().filter(has_key).count();
        let all = genuine.count();
        assert_eq!(
            with_key,
            if done.contains("done") { all } else { 0 },
            "{service}"
        );
    }
    // What repeats runs once, and what failed runs again.
    for row in [
        " a delivery 204  done ",
        " the same, signed again 204  duplicate ",
        " the first, captured and sent again 204  duplicate_replay ",
        " one of 20 copies at once 503  in_flight ",
        " one of 20 copies at once 204  done ",
        " one more, afterwards 204  duplicate_replay ",
        " a handler that fails 500  released ",
        " the sender's retry 204  done ",
        " a client that hung up, and its retry 204  duplicate ",
    ] {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let row = squeezed(row);
        assert!(
            table.lines().any(|line| squeezed(line).contains(&row)),
            "{row}"
        );
    }
    // What is no delivery is answered.
    for (service, what) in [
        ("slack", "url_verification"),
        ("slack", "ssl_check, unsigned"),
        ("intercom", "HEAD probe"),
        ("mailchimp", "GET probe"),
        ("mandrill", "empty batch, public test key"),
        ("woocommerce", "ping, unsigned"),
        ("websub", "is this subscription meant? yes"),
        ("cloudevents-webhook", "may this origin deliver? yes"),
    ] {
        let answered = |row: &str| {
            row.split(' ').next() == Some(service)
                && row.contains(&format!(" {what} "))
                && row.contains(" 200  ok ")
        };
        assert!(table.lines().any(answered), "{service}: {what}");
    }
    assert!(table.ends_with(" 0 not as due\n"), "{table}");
}

#[test]
fn computed_vectors_pass() {
    let vectors = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/vectors/computed.jsonl"
    );
    let output = countersign(&["check", vectors]);
    let passed = fs::read_to_string(vectors).unwrap().lines().count();
    assert_eq!(
        stdout(&output),
        format!("{passed} passed, 0 failed, 0 skipped\n")
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn published_vectors_pass_and_public_keys_are_named_as_skipped() {
    let vectors = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/vectors/published.jsonl"
    );
    let output = countersign(&["check", vectors]);
    assert_eq!(output.status.code(), Some(0));
    let all = fs::read_to_string(vectors).unwrap();
    let public_keys = all.lines().filter(|line| line.contains("\"whpk_")).count();
    assert!(public_keys >= 2);
    let skipped: Vec<&str> = stdout(&output)
        .lines()
        .filter(|line| line.ends_with(": skipped: this build does not verify with public keys"))
        .collect();
    assert_eq!(skipped.len(), public_keys);
    let passed = all.lines().count() - public_keys;
    let end = format!("\n{passed} passed, 0 failed, {public_keys} skipped\n");
    assert!(stdout(&output).ends_with(&end), "{}", stdout(&output));
}

#[test]
fn a_case_that_differs_is_printed_and_fails_the_run() {
    let file = cases(
        "differs.jsonl",
        &[
            github("good", HELLO, "accept", ""),
            github("wrong", OTHER, "accept", ""),
            github("lax", HELLO, "reject", ""),
            github("open", OTHER, "either", ""),
            github("old", HELLO, "reject", r#","config":{"variant":"sha1"}"#),
            github("strange", HELLO, "accept", r#","config":{"variant":"md5"}"#),
        ],
    );
    let output = countersign(&["check", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stdout(&output),
        "wrong: github: expected accept, got reject (signature_mismatch)\n\
         lax: github: expected reject, got accept (ok)\n\
         strange: skipped: this build does not know \"github\" with this configuration: \"variant\" is \"md5\"\n\
         3 passed, 2 failed, 1 skipped\n"
    );
}

#[test]
fn json_gives_one_object_per_case() {
    let file = cases(
        "json.jsonl",
        &[
            github("good", HELLO, "accept", ""),
            String::new(),
            github("wrong", OTHER, "accept", ""),
        ],
    );
    let output = countersign(&["check", "--json", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stdout(&output),
        concat!(
            r#"{"id":"good","provider":"github","expect":"accept","verdict":"accept","code":null,"matches":true}"#,
            "\n",
            r#"{"id":"wrong","provider":"github","expect":"accept","verdict":"reject","code":"signature_mismatch","matches":false}"#,
            "\n"
        )
    );
}

#[test]
fn an_empty_secret_is_a_reject_and_short_ones_are_not() {
    let secret = |text: &str, expect: &str| {
        github(
            &format!("case {text:?}").replace('"', ""),
            HELLO,
            expect,
            "",
        )
        .replace("It's a Secret to Everybody", text)
    };
    let file = cases(
        "secrets.jsonl",
        &[
            secret("", "reject"),
            secret("  ", "reject"),
            secret("short", "reject"),
        ],
    );
    let output = countersign(&["check", "--json", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let codes: Vec<bool> = stdout(&output)
        .lines()
        .map(|line| line.contains("setting_refused"))
        .collect();
    assert_eq!(codes, [true, false, false]);
}

/// Senders that sign nothing, and the places where their users may put the token.
#[test]
fn a_token_lies_where_the_case_says() {
    let case = |id: &str, config: &str, url: &str, headers: &str, body_base64: &str| {
        ["accept", "reject"].map(|expect| {
            // Another password, and no user of that name.
            let secret = match expect {
                "accept" => "user:password",
                _ => "user:passwore",
            };
            format!(
                r#"{{"id":"{id}-{expect}","provider":"zapier","secret":"{secret}","config":{config},"method":"POST","url":"https://example.com{url}","headers":[{headers}],"body_base64":"{body_base64}","now":0,"expect":"{expect}"}}"#
            )
        })
    };
    let basic = r#"["Authorization","basic dXNlcjpwYXNzd29yZA=="]"#;
    let form = r#"["Content-Type","application/x-www-form-urlencoded"]"#;
    let json = r#"["Content-Type","application/json"]"#;
    let cases_of_tokens = [
        case("plain", "{}", "/", basic, ""),
        case("basic", r#"{"scheme":"basic"}"#, "/", basic, ""),
        case("variant", r#"{"variant":"basic"}"#, "/", basic, ""),
        case(
            "header",
            r#"{"scheme":"header-token","token_name":"X-Key"}"#,
            "/",
            r#"["x-key","user:password"]"#,
            "",
        ),
        case(
            "query",
            r#"{"scheme":"url-token","token_name":"k"}"#,
            "/?a=b&k=user%3Apassword",
            "",
            "",
        ),
        case(
            "path",
            r#"{"scheme":"path-token"}"#,
            "/a/user:password?b",
            "",
            "",
        ),
        case(
            "form",
            r#"{"scheme":"body-token","token_name":"k"}"#,
            "/",
            form,
            // a=b&k=user%3Apassword
            "YT1iJms9dXNlciUzQXBhc3N3b3Jk",
        ),
        case(
            "json",
            r#"{"scheme":"body-token","token_name":"k"}"#,
            "/",
            json,
            // {"k":"user:password"}
            "eyJrIjoidXNlcjpwYXNzd29yZCJ9",
        ),
    ];
    let file = cases("tokens.jsonl", &cases_of_tokens.concat());
    let output = countersign(&["check", "--json", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert_eq!(stdout(&output).lines().count(), 16);
    for line in stdout(&output).lines() {
        let refused = line.contains(r#""code":"signature_mismatch""#);
        assert!(refused || line.contains(r#""code":null"#), "{line}");
        assert!(line.contains(r#""matches":true"#), "{line}");
    }
}

/// The case's URL is the public one, to the letter, and what no server hands on may stand in it.
#[test]
fn the_url_of_a_case_is_signed() {
    // From the tests of Twilio's library for Java; see the catalogue of vectors.
    let case = |url: &str, expect: &str| {
        format!(
            r#"{{"id":"{expect}","provider":"twilio","secret":"12345","method":"GET","url":"{url}","headers":[["X-Twilio-Signature","zYQTYrRWXE7LtzbG4PfP7/bkkGo="]],"body_base64":"","now":0,"expect":"{expect}"}}"#
        )
    };
    let file = cases(
        "urls.jsonl",
        &[
            case("https://mycompany.com/myapp.php?foo=1&bar=2", "accept"),
            case("https://mycompany.com:443/myapp.php?foo=1&bar=2", "accept"),
            case("https://MyCompany.com/myapp.php?foo=1&bar=2", "reject"),
            case("https://mycompany.com/myapp.php?bar=2&foo=1", "reject"),
            case("/myapp.php?foo=1&bar=2", "reject"),
        ],
    );
    let output = countersign(&["check", file.to_str().unwrap()]);
    assert_eq!(stdout(&output), "5 passed, 0 failed, 0 skipped\n");
}

/// One odd case must not end the run: it is judged like any other.
#[test]
fn what_no_http_server_hands_on_is_a_reject() {
    let odd = [
        github("url", HELLO, "accept", "").replace(
            "https://example.com/hook",
            "https://example.com/España?año=2023",
        ),
        github("line-end", HELLO, "reject", "").replace(
            "X-Hub-Signature-256\",\"",
            "X-Other\",\"a\\r\\nb\"],[\"X-Hub-Signature-256\",\"",
        ),
        github("name", HELLO, "reject", "").replace("X-Hub-Signature-256", "X Hub"),
        github("good", HELLO, "accept", ""),
    ];
    let file = cases("odd.jsonl", &odd);
    let output = countersign(&["check", file.to_str().unwrap()]);
    assert_eq!(
        stdout(&output),
        "4 passed, 0 failed, 0 skipped\n",
        "{}",
        stderr(&output)
    );
}

#[test]
fn any_of_several_secrets_may_match() {
    let several = |id: &str, texts: &str| {
        github(id, HELLO, "accept", "").replace("\"It's a Secret to Everybody\"", texts)
    };
    let many: Vec<String> = (0..15)
        .map(|at| format!("\"another secret {at}\""))
        .collect();
    let last = format!("[{},\"It's a Secret to Everybody\"]", many.join(","));
    let none = format!("[{}]", many.join(","));
    let file = cases(
        "several.jsonl",
        &[several("last", &last), several("none", &none)],
    );
    let output = countersign(&["check", "--json", file.to_str().unwrap()]);
    let matched: Vec<bool> = stdout(&output)
        .lines()
        .map(|line| line.contains("\"matches\":true"))
        .collect();
    assert_eq!(matched, [true, false]);
}

/// What a dashboard shows in its pages, too, may be a genuine case's secret: computed with Python's hmac over the body of the others.
#[test]
fn a_secret_that_looks_like_a_placeholder_is_a_secret() {
    let signature = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let case = |secret: &str, signed: &str| {
        github(secret, HELLO, "accept", "")
            .replace("It's a Secret to Everybody", secret)
            .replace(signature, signed)
    };
    let file = cases(
        "placeholders.jsonl",
        &[
            case(
                "changeme",
                "11a2ecb085da41e04093620b709c7054a120681ce0b06d8fbe2b24665425e2fb",
            ),
            case(
                "your_secret",
                "2e29d37cdf7326a0c01de59ed79d1695f0c4223453a62670e31a917f7d5c0b1c",
            ),
            case(
                "aaaaaaaa",
                "9e94868ff1eeb083276fbbc4eac70ad9e6e6dd20b70376148adbbaa1b3c89711",
            ),
            case(
                " padded secret ",
                "c193b36d3d470322528bf78644bfc4b39d03d9cfe4df63d8800baa6ea73935f3",
            ),
            case(
                "   ",
                "00404dbc75ecca6e8f0da0cd6d75422fdc44849e7331e5b497351331512e4dae",
            ),
        ],
    );
    let output = countersign(&["check", file.to_str().unwrap()]);
    assert_eq!(stdout(&output), "5 passed, 0 failed, 0 skipped\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_cannot_be_judged_is_named_with_its_line_and_the_rest_is_judged() {
    let good = |id: &str| github(id, HELLO, "accept", "");
    let file = cases(
        "unknown.jsonl",
        &[
            good("a"),
            github("b", HELLO, "accept", r#","surprise":1"#),
            github("c", "!", "accept", ""),
            good("d").replace("\"It's a Secret to Everybody\"", "12"),
            good("e").replace("\"now\":0", "\"now\":\"0\""),
            good("a"),
            "{".to_owned(),
            github("f", OTHER, "accept", ""),
        ],
    );
    let file = file.to_str().unwrap();
    let output = countersign(&["check", file, "/no/such/file", file]);
    assert_eq!(output.status.code(), Some(2));
    let line = "f: github: expected accept, got reject (signature_mismatch)\n";
    assert_eq!(
        stdout(&output),
        format!("{line}{line}4 passed, 2 failed, 0 skipped\n")
    );
    let said: Vec<&str> = stderr(&output).lines().collect();
    let named = |line: usize, what: &str| format!("countersign: {file}:{line}: {what}");
    assert!(said[0].starts_with(&named(2, "unknown field `surprise`, expected one of ")));
    assert_eq!(
        said[1..6],
        [
            named(3, "body_base64: Invalid symbol 33, offset 0."),
            named(4, "secret: wants a text or a list of texts"),
            named(5, "now: invalid type: string \"0\", expected i64"),
            named(6, "id: \"a\" is on line 1, too"),
            named(7, "EOF while parsing an object at column 1"),
        ]
    );
    assert!(said[6].starts_with("countersign: /no/such/file: "));
    assert_eq!(
        said[13..],
        ["countersign: 13 lines or files could not be checked"]
    );
}

#[test]
fn wrong_arguments_are_answered_with_what_was_meant() {
    let output = countersign(&["check"]);
    assert_eq!(output.status.code(), Some(2));
    let output = countersign(&["demos"]);
    assert!(
        stderr(&output).contains("similar subcommand"),
        "{}",
        stderr(&output)
    );
}
