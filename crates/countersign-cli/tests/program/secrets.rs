//! Where secrets may come from, and that nothing of them is printed.

use crate::command::{Ran, Run, file, run};

const SECRET: &str = "whsec_0123456789abcdef0123456789";
const SIGNATURE: &str = "content-type: application/json\nstripe-signature: t=0,v1=";

fn sign(more: &[&str]) -> Run {
    let arguments = ["sign", "stripe", "--at", "0"];
    run(arguments.iter().chain(more).copied()).unprinted(SECRET)
}

fn from_file(name: &str, content: &str) -> Ran {
    let path = file(name, content);
    sign(&["--secret-file", &path]).ran()
}

#[test]
fn one_line_end_is_dropped_and_nothing_else() {
    let from_env = sign(&["--secret-env", "S"]).secret("S", SECRET).ran();
    assert!(from_env.stdout.starts_with(SIGNATURE), "{from_env:?}");
    for (name, content) in [
        ("secret-bare", SECRET.to_owned()),
        ("secret-lf", format!("{SECRET}\n")),
        ("secret-crlf", format!("{SECRET}\r\n")),
    ] {
        assert_eq!(from_file(name, &content).stdout, from_env.stdout, "{name}");
    }
    for (name, content, reason) in [
        (
            "secret-two-lf",
            format!("{SECRET}\n\n"),
            "is surrounded by blanks",
        ),
        (
            "secret-blank",
            format!(" {SECRET}"),
            "is surrounded by blanks",
        ),
        ("secret-empty", "\n".to_owned(), "is empty"),
        (
            "secret-placeholder",
            "changeme".to_owned(),
            "is a placeholder",
        ),
    ] {
        let ran = from_file(name, &content);
        assert_eq!(ran.code, Some(2));
        assert!(
            ran.stderr
                .ends_with(&format!("{name}: the secret {reason}\n")),
            "{ran:?}"
        );
    }
}

#[test]
fn a_missing_secret_says_how_to_give_one() {
    sign(&[]).ran().trouble(
        "no secret is given: name an environment variable with --secret-env NAME, or a file with --secret-file PATH",
    );
    sign(&["--secret-env", "STRIPE_SECRET"])
        .ran()
        .trouble("--secret-env: the environment variable STRIPE_SECRET is not set");
    sign(&["--secret-env", "S", "--secret-env", "S"])
        .secret("S", SECRET)
        .ran()
        .trouble("one sender signs with one secret: give --secret-env or --secret-file once");
    let none = sign(&["--secret-file", "/no/such/file"]).ran();
    assert!(
        none.stderr
            .starts_with("countersign: --secret-file: /no/such/file: ")
    );
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let instead = "there is no --secret: whoever lists this machine's processes reads the command line; put the secret into an environment variable and name it with --secret-env NAME, or into a file and name that with --secret-file PATH";
    sign(&["--secret", SECRET]).ran().trouble(instead);
    sign(&[&format!("--secret={SECRET}")])
        .ran()
        .trouble(instead);
    sign(&["--secret-env", SECRET]).ran().trouble(
        "--secret-env: there is no environment variable of the name that was given; it wants a name, not the secret itself",
    );
    let ran = sign(&["--secret-file", SECRET]).ran();
    assert!(
        ran.stderr
            .starts_with("countersign: --secret-file: the file that was named cannot be read: "),
        "{ran:?}"
    );
    assert!(
        ran.stderr
            .ends_with("; it wants a path, not the secret itself\n"),
        "{ran:?}"
    );
}

/// In place of a flag's value, of a name, or where nothing is asked for.
#[test]
fn a_misplaced_secret_is_not_repeated() {
    let header = format!("Authorization Bearer {SECRET}");
    let blanks = format!("a secret {SECRET}");
    for (arguments, says) in [
        (
            &["verify", "stripe", "-H", &header][..],
            "error: invalid value '...' for '--header <NAME: VALUE>': give NAME: VALUE\n",
        ),
        (
            &["sign", "stripe", "-H", &format!("{header}: x")],
            "error: invalid value '...' for '--header <NAME: VALUE>': the part before the colon is no header name\n",
        ),
        (
            &["sign", "stripe", "--config", SECRET],
            "error: invalid value '...' for '--config <NAME=VALUE>': give NAME=VALUE\n",
        ),
        (
            &["sign", "stripe", SECRET],
            "error: unexpected argument '...' found\n",
        ),
        (
            &["sign", "stripe", &blanks],
            "error: unexpected argument '...' found\n",
        ),
        (
            &["sign", SECRET],
            "error: invalid value '...' for '[PROVIDER]'\n",
        ),
        (
            &["sign", "stripe", &format!("--{SECRET}")],
            "error: unexpected argument '...' found\n",
        ),
        (
            &["sign", "stripe", "--at", SECRET],
            "error: invalid value '...' for '--at <TIME>': give Unix seconds",
        ),
        (
            &["sign", "stripe", "--secret-env", "S", "--body", SECRET],
            "countersign: whsec_...: ",
        ),
        (
            &["send", SECRET, "stripe", "--secret-env", "S"],
            "countersign: \"whsec_...\" begins with neither http:// nor https://\n",
        ),
        (&["check", SECRET], "countersign: whsec_...: "),
        (&[SECRET], "error: unrecognized subcommand '...'\n"),
    ] {
        let ran = run(arguments.iter().copied())
            .env("S", "0123456789abcdef")
            .unprinted(SECRET)
            .ran();
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.starts_with(says), "{ran:?}");
    }
}

#[test]
fn a_bad_secret_is_named_and_not_repeated() {
    let verify = |secret: &str| {
        run([
            "verify",
            "standard-webhooks",
            "--secret-env",
            "S",
            "--body",
            "-",
        ])
        .secret("S", secret)
        .ran()
    };
    verify("whsec_!!not-base64!!-0123456789")
        .trouble("secrets: S: the secret is not written as the scheme's key format says");
    verify("whpk_0123456789abcdef")
        .trouble("secrets: S: this is a public key, and the scheme verifies with a shared secret");
    verify(" \t").trouble("S: the secret is empty");
    run([
        "sign",
        "standard-webhooks",
        "--secret-env",
        "S",
        "--id",
        "1",
    ])
    .secret("S", "whsec_!!not-base64!!-0123456789")
    .ran()
    .trouble("S: the secret is not written as the scheme's key format says");
}

/// Refused, accepted, as text, as JSON: the secret is nowhere.
#[test]
fn a_verdict_holds_no_secret() {
    for more in [&[][..], &["--json"]] {
        for body in ["{}", "{ }"] {
            let signed = sign(&["--secret-env", "S", "--body", "-"])
                .secret("S", SECRET)
                .stdin("{}")
                .ran();
            let raw = format!("POST / HTTP/1.1\n{}\n{body}", signed.stdout);
            let arguments = ["verify", "stripe", "--secret-env", "S", "--at", "0"];
            let ran = run(arguments.iter().chain(more).copied())
                .secret("S", SECRET)
                .stdin(raw)
                .ran();
            assert_eq!(ran.code, Some(i32::from(body != "{}")), "{ran:?}");
        }
    }
}
