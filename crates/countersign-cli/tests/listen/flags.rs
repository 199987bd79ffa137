//! A receiver from flags: what is genuine passes, nothing else does, and each attempt is one line.

use countersign::{Timestamp, providers, system_now};
use countersign_testkit::Sender;
use http::Request;

use crate::running::{ends, file, secret, start};
use crate::sockets::{exchange, stripe, stripe_with};

#[test]
fn what_is_genuine_passes_and_each_attempt_is_a_line() {
    let running = start(&["--secret", "stripe=env:STRIPE_SECRET", "--json"]);
    assert_eq!(
        running.notice(),
        format!(
            "countersign: http://{}/stripe takes stripe: what is genuine is answered 200, and nothing is done with it",
            running.address
        )
    );
    let genuine = stripe("evt_1");
    let answer = exchange(running.address, &genuine);
    assert_eq!((answer.status(), answer.body), (200, Vec::new()));
    let line = running.line();
    let (time, rest) = line.split_once(",").unwrap();
    // Time and milliseconds are the machine's.
    assert_eq!(time.len(), "{\"time\":\"2026-01-31T12:00:00.000Z\"".len());
    let (before, ms) = rest.split_once(",\"ms\":").unwrap();
    let after = ms.trim_start_matches(|digit: char| digit.is_ascii_digit());
    assert_eq!(
        before,
        r#""route":"stripe","scheme":"stripe","event":"invoice.paid","id":"evt_1","tenant":null,"signed":["event","id"],"outcome":"done","code":"done","status":200"#
    );
    assert_eq!(
        after,
        r#","secret":"STRIPE_SECRET","attempt":1,"forward":null,"hint":null,"late":false}"#
    );

    // Captured, forged, stale and to nobody.
    assert_eq!(exchange(running.address, &genuine).status(), 200);
    assert_eq!(running.told(), told("duplicate", "duplicate_replay", 200));
    let forged = stripe_with("STRIPE_NEXT", "evt_2", system_now());
    let answer = exchange(running.address, &forged);
    assert_eq!(
        (answer.status(), &answer.body[..]),
        (401, &b"unauthorized\n"[..])
    );
    assert_eq!(running.told(), told("refused", "signature_mismatch", 401));
    let late = Timestamp::from_secs(system_now().as_secs() - 600);
    let late = stripe_with("STRIPE_SECRET", "evt_3", late);
    assert_eq!(exchange(running.address, &late).status(), 400);
    assert_eq!(running.told(), told("refused", "timestamp_too_old", 400));
    let elsewhere = Request::post("/strip").body("{}".into()).unwrap();
    assert_eq!(exchange(running.address, &elsewhere).status(), 404);
    assert_eq!(running.told(), told("refused", "no_route", 404));
    assert_eq!(running.stop(), Vec::<String>::new());
}

fn told(outcome: &str, code: &str, status: u64) -> (String, String, Option<u64>) {
    (outcome.to_owned(), code.to_owned(), Some(status))
}

#[test]
fn text_has_a_word_for_each_thing() {
    let running = start(&[
        "--secret",
        "github=env:GITHUB_SECRET",
        "--deduplicate",
        "github=by-content",
        "--secret",
        "stripe=env:STRIPE_SECRET",
    ]);
    let pushed = Sender::new(providers::GITHUB, secret("GITHUB_SECRET"))
        .id("72d3162e-cc78-11e3-81ab-4c9367dc0958")
        .event("push")
        .url("/github");
    assert_eq!(exchange(running.address, &pushed.send("{}")).status(), 200);
    // GitHub signs the body alone.
    assert_eq!(
        words(&running.line()),
        "github (push) (72d3162e-cc78-11e3-81ab-4c9367dc0958) done done 200"
    );
    // What a stranger names so is one word, and steers nothing.
    let hostile = stripe("evt 1\u{1b}[31m\u{202e}");
    let status = exchange(running.address, &hostile).status();
    assert_eq!(
        words(&running.line()),
        "stripe - - refused field_malformed 400"
    );
    assert_eq!(status, 400);
    let hostile = stripe("evt 1\u{202e}");
    assert_eq!(exchange(running.address, &hostile).status(), 200);
    assert_eq!(
        words(&running.line()),
        "stripe invoice.paid evt\\u{20}1\\u{202e} done done 200"
    );
    let forged = stripe_with("STRIPE_NEXT", "evt_2", system_now());
    assert_eq!(exchange(running.address, &forged).status(), 401);
    assert_eq!(
        words(&running.line()),
        "stripe - - refused signature_mismatch 401"
    );
    assert_eq!(running.stop(), Vec::<String>::new());
}

/// Without time and milliseconds.
#[track_caller]
fn words(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let [time, rest @ .., ms] = words.as_slice() else {
        panic!("{line}");
    };
    assert!(time.ends_with('Z') && ms.ends_with("ms"), "{line}");
    rest.join(" ")
}

#[test]
fn a_secret_is_named_and_not_given() {
    let (code, out, error) = ends(&["--secret", "stripe=whsec_0123456789abcdef0123456789"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(
        error.starts_with("error: invalid value '...' for '--secret <SCHEME=REFERENCE>': give SCHEME=env:NAME for an environment variable"),
        "{error}"
    );
    for (secret, says) in [
        (
            "stripe=env:NO_SUCH",
            "--secret stripe: the environment variable NO_SUCH is not set",
        ),
        (
            "stripe=env:0123456789abcdef",
            "--secret stripe: there is no environment variable of the name that was given; it wants a name, not the secret itself",
        ),
        (
            "stripe=file:/no/such/file",
            "--secret stripe: /no/such/file: No such file or directory (os error 2)",
        ),
        (
            "stripe=env:SHORT_SECRET",
            "--secret stripe: SHORT_SECRET: the secret has 9 key bytes, the scheme asks for at least 16: accept that with accept_weak \"short-secret\"",
        ),
        (
            "strip=env:STRIPE_SECRET",
            "--secret strip: there is no scheme \"strip\": `countersign providers` lists those that are built in, and [schemes] names others",
        ),
        (
            "github=env:GITHUB_SECRET",
            "--deduplicate github: two events of this sender may have the same signed content: choose \"by-content\", \"by-unsigned-id\" or \"off\"",
        ),
        (
            "zapier=env:STRIPE_SECRET",
            "--accept-weak zapier: scheme \"zapier\" is of grade token, which is less than a signature over the body: accept that with \"nothing-signed\"",
        ),
        (
            "twilio=env:STRIPE_SECRET",
            "--public-url twilio: the scheme signs the URL, so it must be configured",
        ),
    ] {
        let (code, out, error) = ends(&["--secret", secret]);
        assert_eq!(error, format!("countersign: {says}\n"));
        assert_eq!((code, out.as_str()), (Some(2), ""));
    }
}

#[test]
fn a_short_secret_and_a_token_are_accepted_by_name() {
    let running = start(&[
        "--secret",
        "zapier=env:SHORT_SECRET",
        "--accept-weak",
        "zapier=nothing-signed",
        "--accept-weak",
        "zapier=short-secret",
        "--token-in",
        "zapier=path",
        "--deduplicate",
        "zapier=off",
    ]);
    assert_eq!(
        running.notice(),
        format!(
            "countersign: http://{}/zapier/TOKEN takes zapier: what is genuine is answered 200, and nothing is done with it",
            running.address
        )
    );
    let request = |token: &str| {
        let uri = format!("/zapier/{token}");
        Request::post(uri).body("{}".into()).unwrap()
    };
    assert_eq!(
        exchange(running.address, &request(secret("SHORT_SECRET"))).status(),
        200
    );
    assert_eq!(
        words(&running.line()),
        "zapier - - unrecorded unrecorded 200"
    );
    assert_eq!(
        exchange(running.address, &request("hunter2-y")).status(),
        401
    );
    assert_eq!(
        words(&running.line()),
        "zapier - - refused signature_mismatch 401"
    );
    assert_eq!(running.stop(), Vec::<String>::new());
}

#[test]
fn a_port_that_is_taken_is_said() {
    let running = start(&["--secret", "stripe=env:STRIPE_SECRET"]);
    let address = running.address.to_string();
    let (code, out, error) = ends(&["--secret", "stripe=env:STRIPE_SECRET", "--addr", &address]);
    assert_eq!(
        error,
        format!("countersign: cannot listen on {address}: Address already in use (os error 98)\n")
    );
    assert_eq!((code, out.as_str()), (Some(2), ""));
}

#[test]
fn handshakes_are_answered() {
    let running = start(&["--secret", "intercom=env:GITHUB_SECRET", "--json"]);
    let probe = Request::head("/intercom").body("".into()).unwrap();
    assert_eq!(exchange(running.address, &probe).status(), 200);
    assert_eq!(running.json()["outcome"], "answered");
}

#[test]
fn an_address_that_is_none_is_not_told_of_the_file() {
    let path = file(
        "address.toml",
        "[server]\naddress = '127.0.0.1:0'\n[route.stripe]\nsecrets = [{ env = 'STRIPE_SECRET' }]\nacknowledge = true\n",
    );
    let (code, out, error) = ends(&[&path, "--addr", "localhost:80"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(
        error.starts_with(
            "error: invalid value 'localhost:80' for '--addr <ADDRESS>': must be an address and a port, such as 127.0.0.1:8080 or [::1]:0\n"
        ),
        "{error}"
    );
}
