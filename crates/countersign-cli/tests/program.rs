//! Runs the program as a user would.
#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]

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
    for scheme in [
        "stripe",
        "github",
        "slack",
        "shopify",
        "standard-webhooks",
        "svix",
    ] {
        let rows: Vec<&str> = table
            .lines()
            .filter(|row| row.split(' ').next() == Some(scheme))
            .collect();
        for what in [
            "genuine",
            "altered by one byte",
            "signed with another key",
            "malformed signature",
            "missing signature",
            "signature header twice",
            "too large",
        ] {
            assert!(
                rows.iter().any(|row| row.contains(what)),
                "{scheme}: {what}"
            );
        }
        let has_stamp = !matches!(scheme, "github" | "shopify");
        for what in ["stale", "from the future"] {
            assert_eq!(
                rows.iter().any(|row| row.contains(what)),
                has_stamp,
                "{scheme}: {what}"
            );
        }
        let any_media_type = matches!(scheme, "standard-webhooks" | "svix");
        assert_eq!(
            rows.iter().any(|row| row.contains("another media type")),
            !any_media_type,
            "{scheme}"
        );
        let accepted = rows.iter().filter(|row| row.contains(" 204  ok ")).count();
        let genuine = rows.iter().filter(|row| row.contains("genuine")).count();
        assert_eq!(accepted, genuine, "{scheme}");
    }
    assert!(table.ends_with(" 0 not as due\n"), "{table}");
}

#[test]
fn published_vectors_pass_and_public_keys_are_named_as_skipped() {
    let vectors = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/vectors/published.jsonl"
    );
    let output = countersign(&["check", vectors]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        stdout(&output),
        "standard-webhooks-9: skipped: this build does not verify with public keys\n\
         svix-9: skipped: this build does not verify with public keys\n\
         38 passed, 0 failed, 2 skipped\n"
    );
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
         strange: skipped: this build does not know \"github\" with this configuration\n\
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
        github("case", HELLO, expect, "").replace("It's a Secret to Everybody", text)
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
    assert_eq!(codes, [true, true, false]);
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
    let several = |texts: &str| {
        github("case", HELLO, "accept", "").replace("\"It's a Secret to Everybody\"", texts)
    };
    let many: Vec<String> = (0..15)
        .map(|at| format!("\"another secret {at}\""))
        .collect();
    let last = format!("[{},\"It's a Secret to Everybody\"]", many.join(","));
    let none = format!("[{}]", many.join(","));
    let file = cases("several.jsonl", &[several(&last), several(&none)]);
    let output = countersign(&["check", "--json", file.to_str().unwrap()]);
    let matched: Vec<bool> = stdout(&output)
        .lines()
        .map(|line| line.contains("\"matches\":true"))
        .collect();
    assert_eq!(matched, [true, false]);
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    let output = countersign(&["check", "/no/such/file"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("countersign: /no/such/file: "));
    let unknown = github("a", HELLO, "accept", r#","surprise":1"#);
    let file = cases(
        "unknown.jsonl",
        &[github("a", HELLO, "accept", ""), unknown],
    );
    let output = countersign(&["check", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("unknown.jsonl:2: unknown field `surprise`"),
        "{}",
        stderr(&output)
    );
    let output = countersign(&["check"]);
    assert_eq!(output.status.code(), Some(2));
    let output = countersign(&["demos"]);
    assert!(
        stderr(&output).contains("similar subcommand"),
        "{}",
        stderr(&output)
    );
}
