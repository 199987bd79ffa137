//! `countersign providers`, and schemes of one's own.

use crate::command::{file, run};
use serde_json::Value;

fn all() -> Vec<Value> {
    let ran = run(["providers", "--json"]).ran();
    assert_eq!(ran.code, Some(0));
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn every_scheme_has_a_row() {
    let table = run(["providers"]).ran();
    assert_eq!((table.code, table.stderr.as_str()), (Some(0), ""));
    let mut lines = table.stdout.lines();
    let titles: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(
        titles,
        [
            "NAME",
            "GRADE",
            "ALGORITHM",
            "SIGNATURE",
            "ID",
            "TOLERANCE",
            "RETRIES",
            "DEADLINE",
            "SOURCE"
        ]
    );
    let names: Vec<String> = lines
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    let known: Vec<String> = all()
        .iter()
        .map(|entry| entry["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, known);
    assert!(names.contains(&"stripe".to_owned()));
    assert!(!table.stdout.contains(" \n"), "blanks at the end of a line");
}

#[test]
fn a_narrow_terminal_gets_short_lines() {
    let narrow = run(["providers"]).env("COLUMNS", "80").ran();
    let stripe = "stripe\n  signature-over-body: hmac-sha256 in stripe-signature\n  id /id (signed)\n  tolerance 300s, retries for 3d\n  https://docs.stripe.com/webhooks\n";
    assert!(narrow.stdout.contains(stripe), "{narrow:?}");
}

#[test]
fn json_holds_everything() {
    for entry in all() {
        for key in [
            "name",
            "title",
            "grade",
            "proves",
            "algorithm",
            "signature",
            "id",
            "event",
            "tenant",
            "tolerance",
            "retry",
            "sources",
            "scheme",
        ] {
            assert!(entry.get(key).is_some(), "{key}: {entry}");
        }
        assert_eq!(entry["name"], entry["scheme"]["name"]);
    }
    let one = run(["providers", "slack", "--json"]).ran();
    let one: Vec<Value> = serde_json::from_str(&one.stdout).unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!(one[0]["signature"], "x-slack-signature");
    assert_eq!(one[0]["tolerance"]["past_seconds"], 300);
    assert_eq!(one[0]["retry"]["deadline_seconds"], 3);
    assert_eq!(one[0]["id"][0]["signed"], true);
}

/// What is shown is a file that can be used: the round trip of every scheme's facts.
#[test]
fn one_scheme_in_full_is_a_scheme_file() {
    let shown = run(["providers", "stripe"]).ran();
    assert!(
        shown
            .stdout
            .starts_with("# Stripe: an accepted request proves that the body is the sender's\n"),
        "{shown:?}"
    );
    let path = file("schemes-stripe.toml", &shown.stdout);
    let secret = "whsec_0123456789abcdef0123456789";
    let sign = |scheme: &[&str]| {
        let arguments = ["--secret-env", "S", "--at", "1700000000", "--body", "-"];
        run(["sign"].iter().chain(scheme).chain(&arguments).copied())
            .secret("S", secret)
            .stdin("{}")
            .ran()
            .stdout
    };
    let built_in = sign(&["stripe"]);
    assert!(built_in.contains("t=1700000000,v1="));
    assert_eq!(sign(&["--scheme-file", &path]), built_in);
    let json = all();
    let entry = json.iter().find(|entry| entry["name"] == "stripe").unwrap();
    let path = file("schemes-stripe.json", entry["scheme"].to_string());
    assert_eq!(sign(&["--scheme-file", &path]), built_in);
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_line_and_field() {
    let with = |name: &str, text: &str| {
        let path = file(name, text);
        let ran = run(["verify", "--scheme-file", &path, "--secret-env", "S"])
            .secret("S", "0123456789abcdef")
            .ran();
        (path, ran)
    };
    let (path, ran) = with(
        "schemes-unit.toml",
        "name = \"own\"\n[signature]\nheader = \"x-signature\"\n[timestamp]\nheader = \"x-time\"\nunit = \"hours\"\n",
    );
    ran.trouble(&format!(
        "{path}:6: timestamp.unit: unknown variant `hours`, expected one of `s`, `ms`, `rfc3339`, `rfc3339-zoneless`, `http-date`"
    ));
    let (path, ran) = with(
        "schemes-stamp.toml",
        "name = \"own\"\nsignature = { header = \"x-signature\" }\ntimestamp = { header = \"x-time\", unit = \"s\" }\n",
    );
    ran.trouble(&format!(
        "{path}:3: timestamp: the signature does not cover it: a stamp that anybody can change keeps nobody out"
    ));
    let (path, ran) = with(
        "schemes-weak.json",
        "{\n  \"name\": \"own\",\n  \"grade\": \"signature-over-body\",\n  \"content\": [\"path\"],\n  \"signature\": {\"header\": \"x\"}\n}\n",
    );
    ran.trouble(&format!(
        "{path}:3: grade: the other fields amount to \"signature-beside-body\", which must be said: grade = \"signature-beside-body\""
    ));
    // A scheme that would accept anything.
    let (path, ran) = with(
        "schemes-open.toml",
        "name = \"own\"\nalgorithm = \"unsigned\"\ncontent = []\n",
    );
    ran.trouble(&format!(
        "{path}:3: grade: the other fields amount to \"unsigned\", which must be said: grade = \"unsigned\""
    ));
}
