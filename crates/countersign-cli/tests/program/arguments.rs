//! Wrong arguments, help, and completions.

use std::process::Command;

use crate::command::{file, run};

#[track_caller]
fn refused(arguments: &[&str], says: &[&str]) {
    let ran = run(arguments.iter().copied()).ran();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    for says in says {
        assert!(ran.stderr.contains(says), "{says}: {ran:?}");
    }
}

#[test]
fn a_mistake_is_answered_with_what_was_meant() {
    refused(
        &["sign", "Stripe"],
        &[
            "invalid value 'Stripe' for '[PROVIDER]'",
            "tip: a similar value exists: 'stripe'",
        ],
    );
    refused(
        &["providers", "gihtub"],
        &["tip: a similar value exists: 'github'"],
    );
    refused(
        &["verify", "acme"],
        &["[possible values: ", "standard-webhooks"],
    );
    refused(&["sign"], &["<PROVIDER|--scheme-file <FILE>>"]);
    refused(
        &["sign", "stripe", "--scheme-file", "x"],
        &["'[PROVIDER]' cannot be used with '--scheme-file <FILE>'"],
    );
    refused(
        &["sign", "stripe", "--secert-env", "S"],
        &["tip: a similar argument exists: '--secret-env'"],
    );
    refused(&["sing"], &["tip: a similar subcommand exists: 'sign'"]);
    refused(&["sign", "stripe", "--curl"], &["--url <URL>"]);
    refused(
        &["sign", "stripe", "--at", "noon"],
        &["give Unix seconds, a time like 2026-01-31T12:00:00Z, or now"],
    );
    refused(
        &["verify", "stripe", "--accept-weak", "all"],
        &[
            "[possible values: body-not-signed, values-not-set-apart, extensible-digest, nothing-signed, nothing-proven, short-secret]",
        ],
    );
    refused(
        &["verify", "stripe", "--token-in", "cookie:a"],
        &["give basic, bearer, path, header:NAME, query:NAME, form:NAME or json:POINTER"],
    );
    refused(&["sign", "stripe", "-H", "nothing"], &["give NAME: VALUE"]);
    refused(&["sign", "stripe", "--config", "=x"], &["give NAME=VALUE"]);
    refused(
        &["send", "http://h/", "stripe", "--timeout", "0"],
        &["0 is not in 1..=3600"],
    );
    refused(
        &["completions", "tcsh"],
        &["bash, elvish, fish, powershell, zsh"],
    );
    refused(&[], &["Usage: countersign <COMMAND>"]);
}

#[test]
fn every_command_says_what_it_is_for_how_it_ends_and_how_it_is_used() {
    for (command, says) in [
        ("providers", "Exit codes:"),
        ("sign", "Exit codes:"),
        ("send", "there is no TLS"),
        ("verify", "Exit codes:"),
        ("check", "Exit codes:"),
        ("demo", "Exit codes:"),
        ("completions", "Examples:"),
    ] {
        let help = run([command, "--help"]).ran();
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
        assert!(help.stdout.contains(says), "{command}: {}", help.stdout);
        assert_eq!(run(["help", command]).ran().stdout, help.stdout);
        let longest = help.stdout.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(100), "{command}: {longest:?}");
    }
    let version = run(["--version"]).ran();
    assert_eq!(
        version.stdout,
        concat!("countersign ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(["completions", shell]).ran();
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{shell}");
        for word in ["countersign", "verify", "accept-weak"] {
            assert!(ran.stdout.contains(word), "{shell}: {word}");
        }
        // Shells that are not there cannot be asked.
        let path = file(&format!("completions.{shell}"), &ran.stdout);
        if matches!(shell, "bash" | "zsh" | "fish") {
            let checked = Command::new(shell).args(["-n", &path]).output();
            if let Ok(checked) = checked {
                assert!(checked.status.success(), "{shell}: {checked:?}");
            }
        }
    }
}

/// A reader that stops early is no trouble to speak of.
#[cfg(unix)]
#[test]
fn a_closed_pipe_is_not_complained_about() {
    let script = "\"$0\" providers --json | true";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_countersign")])
        .output()
        .unwrap();
    assert_eq!(output.stderr, b"");
}
