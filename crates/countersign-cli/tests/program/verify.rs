//! `countersign verify`: published vectors and what becomes of them when they are changed.

use crate::command::{Run, file, run};

/// The example of GitHub's documentation.
const GITHUB_SECRET: &str = "It's a Secret to Everybody";
const GITHUB_HEAD: &str = "POST /hook HTTP/1.1\r\nHost: example.com\r\nContent-Type: application/json\r\nX-GitHub-Event: push\r\nX-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n";

/// From the tests of Standard Webhooks' own libraries.
const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const STANDARD_SIGNATURE: &str =
    "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const STANDARD_BODY: &str = "{\"test\": 2432232314}";
const STANDARD_TIME: &str = "1614265330";

fn github(more: &[&str]) -> Run {
    let arguments = ["verify", "github", "--secret-env", "GITHUB_SECRET"];
    run(arguments.iter().chain(more).copied()).secret("GITHUB_SECRET", GITHUB_SECRET)
}

fn standard(at: &str, headers: &[&str], more: &[&str]) -> Run {
    let mut arguments = vec!["verify", "standard-webhooks", "--secret-env", "SECRET"];
    for header in headers {
        arguments.extend(["-H", header]);
    }
    arguments.extend(["--body", "-", "--at", at]);
    arguments.extend(more);
    run(arguments)
        .secret("SECRET", STANDARD_SECRET)
        .stdin(STANDARD_BODY)
}

const STANDARD_HEADERS: [&str; 3] = [
    "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp: 1614265330",
    STANDARD_SIGNATURE,
];

#[test]
fn a_raw_request_on_standard_input_is_accepted() {
    github(&[])
        .stdin(format!("{GITHUB_HEAD}\r\nHello, World!"))
        .ran()
        .printed(
            0,
            "accept\n  scheme     github (signature-over-body)\n  secret     GITHUB_SECRET\n  event      push (unsigned)\n",
        );
    let lines = GITHUB_HEAD.replace("\r\n", "\n");
    let ran = github(&[]).stdin(format!("{lines}\nHello, World!")).ran();
    assert_eq!(ran.code, Some(0));
}

#[test]
fn the_body_is_every_byte_that_follows() {
    github(&[])
        .stdin(format!("{GITHUB_HEAD}\r\nHello, World!\n"))
        .ran()
        .printed(
            1,
            "refuse: signature_mismatch\n  reason     no signature matches\n  status     401\n  scheme     github (signature-over-body)\n",
        );
}

#[test]
fn content_length_is_honoured_and_a_difference_is_said() {
    let with = |length: &str, body: &str| {
        github(&[])
            .stdin(format!(
                "{GITHUB_HEAD}Content-Length: {length}\r\n\r\n{body}"
            ))
            .ran()
    };
    with("13", "Hello, World!\n").printed(
        0,
        "accept\n  scheme     github (signature-over-body)\n  secret     GITHUB_SECRET\n  event      push (unsigned)\n  note       content-length declares 13 bytes; 1 more are left out\n",
    );
    with("14", "Hello, World!").printed(
        1,
        "refuse: body_incomplete\n  reason     the body did not arrive whole\n  status     400\n  scheme     github (signature-over-body)\n  note       content-length declares 14 bytes and 13 are there\n",
    );
    let malformed = with("+13", "Hello, World!");
    assert!(malformed.stdout.starts_with("refuse: length_malformed\n"));
    let repeated = with("13\r\nContent-Length: 13", "Hello, World!");
    assert!(repeated.stdout.starts_with("refuse: length_malformed\n"));
}

#[test]
fn headers_and_body_come_from_files() {
    let headers = file(
        "verify-headers.txt",
        "Content-Type: application/json\nX-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n\n",
    );
    let body = file("verify-body.bin", "Hello, World!");
    github(&["--headers", &headers, "--body", &body, "--json"])
        .ran()
        .printed(
            0,
            "{\"verdict\":\"accept\",\"code\":null,\"reason\":null,\"status\":null,\"scheme\":\"github\",\"grade\":\"signature-over-body\",\"secret\":\"GITHUB_SECRET\",\"timestamp\":null,\"id\":null,\"event\":null,\"tenant\":null,\"answer\":null,\"notes\":[]}\n",
        );
}

#[test]
fn flags_make_a_request_and_json_says_all() {
    standard(STANDARD_TIME, &STANDARD_HEADERS, &["--json"])
        .ran()
        .printed(
            0,
            "{\"verdict\":\"accept\",\"code\":null,\"reason\":null,\"status\":null,\"scheme\":\"standard-webhooks\",\"grade\":\"signature-over-body\",\"secret\":\"SECRET\",\"timestamp\":{\"text\":\"2021-02-25T15:02:10Z\",\"unix_milliseconds\":1614265330000,\"age_milliseconds\":0},\"id\":{\"text\":\"msg_p5jXN8AQM9LWM0D4loKWxJek\",\"signed\":true},\"event\":null,\"tenant\":null,\"answer\":null,\"notes\":[]}\n",
        );
    standard("2021-02-25T15:03:10Z", &STANDARD_HEADERS, &[])
        .ran()
        .printed(
            0,
            "accept\n  scheme     standard-webhooks (signature-over-body)\n  secret     SECRET\n  timestamp  2021-02-25T15:02:10Z (60 s ago)\n  id         msg_p5jXN8AQM9LWM0D4loKWxJek (signed)\n",
        );
}

#[test]
fn each_refusal_has_its_code() {
    let [id, stamp, signature] = STANDARD_HEADERS;
    let on_time = STANDARD_TIME;
    let long = format!("webhook-signature: {}", "v1,".repeat(3_000));
    let many = format!("{signature} ")
        .repeat(17)
        .replace(" webhook-signature: ", " ");
    let cases: &[(&str, &str, &[&str], &[&str])] = &[
        (
            "method_not_allowed",
            on_time,
            &STANDARD_HEADERS,
            &["--method", "put"],
        ),
        (
            "content_encoding_unsupported",
            on_time,
            &[id, stamp, signature, "content-encoding: gzip"],
            &[],
        ),
        (
            "length_malformed",
            on_time,
            &[id, stamp, signature, "content-length: x"],
            &[],
        ),
        (
            "body_too_large",
            on_time,
            &[id, stamp, signature, "content-length: 99999999999"],
            &[],
        ),
        (
            "body_incomplete",
            on_time,
            &[id, stamp, signature, "content-length: 21"],
            &[],
        ),
        ("signature_missing", on_time, &[id, stamp], &[]),
        (
            "signature_malformed",
            on_time,
            &[id, stamp, "webhook-signature: v1"],
            &[],
        ),
        (
            "signature_repeated",
            on_time,
            &[id, stamp, signature, signature],
            &[],
        ),
        ("signature_too_long", on_time, &[id, stamp, &long], &[]),
        (
            "too_many_candidates",
            on_time,
            &[id, stamp, many.trim()],
            &[],
        ),
        (
            "signature_mismatch",
            on_time,
            &["webhook-id: msg_other", stamp, signature],
            &[],
        ),
        ("timestamp_missing", on_time, &[id, signature], &[]),
        (
            "timestamp_malformed",
            on_time,
            &[id, "webhook-timestamp: 01614265330", signature],
            &[],
        ),
        (
            "timestamp_repeated",
            on_time,
            &[id, stamp, stamp, signature],
            &[],
        ),
        ("timestamp_too_old", "1614265631", &STANDARD_HEADERS, &[]),
        (
            "timestamp_too_old",
            "1614265341",
            &STANDARD_HEADERS,
            &["--tolerance", "10"],
        ),
        ("timestamp_too_old", "now", &STANDARD_HEADERS, &[]),
        ("timestamp_too_new", "1614265029", &STANDARD_HEADERS, &[]),
        ("timestamp_too_new", "-1", &STANDARD_HEADERS, &[]),
        ("field_missing", on_time, &[stamp, signature], &[]),
        (
            "field_malformed",
            on_time,
            &["webhook-id: a.b", stamp, signature],
            &[],
        ),
        ("field_repeated", on_time, &[id, id, stamp, signature], &[]),
    ];
    for (code, at, headers, more) in cases {
        let text = standard(at, headers, more).ran();
        let first = text.stdout.lines().next();
        assert_eq!(first, Some(format!("refuse: {code}").as_str()), "{text:?}");
        assert_eq!(text.code, Some(1), "{code}");
        let more: Vec<&str> = more.iter().copied().chain(["--json"]).collect();
        let json = standard(at, headers, &more).ran();
        let value: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(value["verdict"], "refuse", "{code}");
        assert_eq!(value["code"], *code);
        assert_eq!(value["id"], serde_json::Value::Null);
        assert_eq!(json.code, Some(1), "{code}");
    }
}

#[test]
fn any_of_several_secrets_may_match_and_is_named() {
    let arguments = [
        "verify",
        "github",
        "--secret-env",
        "NEW",
        "--secret-env",
        "OLD",
        "-H",
        "x-hub-signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "--body",
        "-",
    ];
    let rotating = |new: &str, old: &str| {
        run(arguments)
            .secret("NEW", new)
            .secret("OLD", old)
            .stdin("Hello, World!")
            .ran()
    };
    let other = "0123456789abcdef0123";
    assert!(
        rotating(other, GITHUB_SECRET)
            .stdout
            .contains("  secret     OLD\n")
    );
    assert!(
        rotating(GITHUB_SECRET, other)
            .stdout
            .contains("  secret     NEW\n")
    );
    assert_eq!(rotating(other, "another-0123456789").code, Some(1));
    // One bad one fails all.
    rotating(GITHUB_SECRET, "2$h0r").trouble(
        "secrets: OLD: the secret has 5 key bytes, the scheme asks for at least 16: accept that with --accept-weak short-secret",
    );
}

#[test]
fn what_is_weak_is_accepted_by_name_alone() {
    let token = "tok_0123456789abcdef";
    let scheme = file(
        "verify-token.toml",
        "name = \"own\"\nalgorithm = \"token\"\ngrade = \"token\"\ncontent = []\nsignature = { header = \"x-token\", encoding = \"plain\" }\n",
    );
    let with = |more: &[&str]| {
        let arguments = [
            "verify",
            "--scheme-file",
            &scheme,
            "--secret-env",
            "TOKEN",
            "--body",
            "-",
        ];
        run(arguments.iter().chain(more).copied())
            .secret("TOKEN", token)
            .ran()
    };
    let header = format!("x-token: {token}");
    let refused = "scheme \"own\" is of grade token, which is less than a signature over the body: accept that with --accept-weak nothing-signed";
    with(&["-H", &header]).trouble(refused);
    with(&["-H", &header, "--accept-weak", "body-not-signed"]).trouble(refused);
    let accept = ["--accept-weak", "nothing-signed"];
    with(&[&["-H", &header][..], &accept].concat())
        .printed(0, "accept\n  scheme     own (token)\n  secret     TOKEN\n");
    let basic = [
        "-H",
        "Authorization: Basic dG9rXzAxMjM0NTY3ODlhYmNkZWY=",
        "--token-in",
        "basic",
    ];
    with(&[&basic[..], &accept].concat())
        .trouble("secrets: TOKEN: the secret is not written as the scheme's key format says");
    for (place, request) in [
        ("header:X-Key", ["-H", &format!("X-Key: {token}")]),
        ("bearer", ["-H", &format!("Authorization: Bearer {token}")]),
        ("query:key", ["--url", &format!("/p?key={token}")]),
        (
            "path",
            ["--url", &format!("https://example.com/p/{token}?a")],
        ),
    ] {
        let right = with(&[&["--token-in", place][..], &request, &accept].concat());
        assert_eq!(right.code, Some(0), "{right:?}");
        let changed = request[1].replace("tok_0", "tok_1");
        let wrong = with(&[&["--token-in", place, request[0], &changed][..], &accept].concat());
        assert!(
            wrong.stdout.starts_with("refuse: signature_mismatch\n"),
            "{wrong:?}"
        );
        assert_eq!(wrong.code, Some(1));
    }
}

#[test]
fn the_public_url_is_configured_and_never_the_requests_own() {
    let scheme = file(
        "verify-url.toml",
        "name = \"own\"\nsignature = { header = \"x-signature\" }\ncontent = [\"url\", { literal = \"\\n\" }, \"body\"]\n",
    );
    let signed = run([
        "sign",
        "--scheme-file",
        &scheme,
        "--secret-env",
        "SECRET",
        "--url",
        "https://example.com/hook?a=1",
        "--body",
        "-",
    ])
    .secret("SECRET", STANDARD_SECRET)
    .stdin("x")
    .ran();
    let with = |more: &[&str], stdin: &str| {
        run(
            ["verify", "--scheme-file", &scheme, "--secret-env", "SECRET"]
                .iter()
                .chain(more)
                .copied(),
        )
        .secret("SECRET", STANDARD_SECRET)
        .stdin(stdin)
        .ran()
    };
    let raw = |target: &str| {
        format!(
            "POST {target} HTTP/1.1\r\n{}\r\nx",
            signed.stdout.replace('\n', "\r\n")
        )
    };
    let public = ["--public-url", "https://example.com"];
    assert_eq!(with(&public, &raw("/hook?a=1")).code, Some(0));
    assert_eq!(with(&public, &raw("/hook?a=2")).code, Some(1));
    assert_eq!(
        with(&["--public-url", "https://example.org"], &raw("/hook?a=1")).code,
        Some(1)
    );
    let missing =
        "public_url: the scheme signs the URL, so it must be configured: give it with --public-url";
    with(&[], &raw("/hook?a=1")).trouble(missing);
    with(&[], &raw("https://example.com/hook?a=1")).trouble(missing);
    let headers = file("verify-url-headers.txt", &signed.stdout);
    let flags = [
        "--headers",
        &headers,
        "--url",
        "https://example.com/hook?a=1",
        "--body",
        "-",
    ];
    assert_eq!(with(&flags, "x").code, Some(0));
}

#[test]
fn what_is_no_request_is_trouble() {
    github(&[])
        .stdin("{\"a\":1}\n")
        .ran()
        .trouble("standard input: line 1: is no request line such as POST /hook HTTP/1.1");
    github(&[])
        .stdin("POST / HTTP/1.1\r\nA: b\r\n")
        .ran()
        .trouble("standard input: line 3: no blank line ends the headers");
    let headers = file("verify-bad-headers.txt", "A: b\nno colon\n");
    github(&["--headers", &headers])
        .ran()
        .trouble(&format!("{headers}: line 2: is no header: it has no colon"));
    let none = github(&["--body", "/no/such/file"]).ran();
    assert!(none.stderr.starts_with("countersign: /no/such/file: "));
    assert_eq!(none.code, Some(2));
}

#[test]
fn an_empty_body_is_said() {
    let ran = github(&["-H", "x-hub-signature-256: sha256=00"]).ran();
    assert!(ran.stdout.starts_with("refuse: signature_malformed\n"));
    assert!(
        ran.stdout
            .ends_with("  note       the body is empty: --body gives one\n")
    );
}

/// What a receiver answers by itself is shown, and never accepted.
#[test]
fn what_is_no_delivery_is_not_accepted() {
    let ping = |body: &str, more: &[&str]| {
        let arguments = [
            "verify",
            "woocommerce",
            "--secret-env",
            "SECRET",
            "-H",
            "content-type: application/x-www-form-urlencoded",
            "--body",
            "-",
        ];
        run(arguments.iter().chain(more).copied())
            .secret("SECRET", STANDARD_SECRET)
            .stdin(body)
            .ran()
    };
    ping("webhook_id=12", &[]).printed(
        1,
        "answer: unsigned\n  reason     no delivery: a receiver answers it by itself\n  status     200\n  scheme     woocommerce (signature-over-body)\n",
    );
    let json = ping("webhook_id=12", &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["verdict"], "answer");
    assert_eq!(json["code"], "unsigned");
    assert_eq!(json["answer"]["body"], "");
    assert!(ping("webhook_id=x", &[]).stdout.starts_with("refuse: "));

    let subscription = |more: &[&str]| {
        let arguments = [
            "verify",
            "websub",
            "--secret-env",
            "SECRET",
            "--method",
            "get",
            "--url",
            "/feed?hub.mode=subscribe&hub.topic=https://h/&hub.challenge=abc&hub.lease_seconds=1",
        ];
        run(arguments.iter().chain(more).copied())
            .secret("SECRET", STANDARD_SECRET)
            .ran()
    };
    let unanswered = subscription(&[]);
    assert!(
        unanswered
            .stdout
            .starts_with("refuse: method_not_allowed\n")
    );
    let note =
        "\n  note       an application may agree to questions by this method: --consent does\n";
    assert!(unanswered.stdout.ends_with(note), "{unanswered:?}");
    subscription(&["--consent"]).printed(
        1,
        "answer: handshake\n  reason     no delivery: a receiver answers it by itself\n  status     200\n  scheme     websub (signature-over-body)\n  header     content-type: text/plain; charset=utf-8\n  body       abc\n  note       the body is empty: --body gives one\n",
    );
}

/// A signed question is answered with what it asks to see again.
#[test]
fn a_handshake_shows_its_answer() {
    let body = r#"{"token":"t","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}"#;
    let signed = run([
        "sign",
        "slack",
        "--secret-env",
        "SECRET",
        "--body",
        "-",
        "--at",
        "1",
    ])
    .secret("SECRET", STANDARD_SECRET)
    .stdin(body)
    .ran();
    run(["verify", "slack", "--secret-env", "SECRET", "--at", "1"])
        .secret("SECRET", STANDARD_SECRET)
        .stdin(format!("POST /slack HTTP/1.1\n{}\n{body}", signed.stdout))
        .ran()
        .printed(
            1,
            "answer: handshake\n  reason     no delivery: a receiver answers it by itself\n  status     200\n  scheme     slack (signature-over-body)\n  header     content-type: text/plain; charset=utf-8\n  body       3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P\n",
        );
}

#[test]
fn a_sender_that_proves_nothing_needs_no_secret_and_a_name() {
    let scheme = file(
        "verify-unsigned.toml",
        "name = \"own\"\nalgorithm = \"unsigned\"\ngrade = \"unsigned\"\ncontent = []\n",
    );
    let with = |more: &[&str]| {
        let arguments = ["verify", "--scheme-file", &scheme, "--body", "-"];
        run(arguments.iter().chain(more).copied())
            .secret("S", STANDARD_SECRET)
            .stdin("{}")
            .ran()
    };
    with(&[]).trouble(
        "scheme \"own\" is of grade unsigned, which is less than a signature over the body: accept that with --accept-weak nothing-proven",
    );
    with(&["--accept-weak", "nothing-proven", "--secret-env", "S"])
        .trouble("secrets: the sender proves nothing, so no secret keeps anybody out");
    let ran = with(&["--accept-weak", "nothing-proven"]);
    ran.printed(0, "accept\n  scheme     own (unsigned)\n");
    run(["sign", "--scheme-file", &scheme, "--secret-env", "S"])
        .secret("S", STANDARD_SECRET)
        .ran()
        .trouble("scheme \"own\" proves nothing: there is nothing to sign");
}
