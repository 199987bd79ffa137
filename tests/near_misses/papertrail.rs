//! Papertrail: a token in the URL or a login, and JSON inside a form.

use countersign::Refusal::{
    BodyMalformed, MediaTypeUnsupported, MethodNotAllowed, SignatureMalformed, SignatureMismatch,
    SignatureMissing, SignatureRepeated,
};
use countersign::providers::{PAPERTRAIL, PAPERTRAIL_BASIC};
use countersign::scheme::TokenPlace;

use crate::attempt::repeated;
use crate::macs::base64;
use crate::trial::Trial;

const TOKEN: &str = "ptr-4c1e8a72b9d05f36";
const LOGIN: &str = "papertrail:4c1e8a72b9d05f36";

fn form(json: &str) -> Vec<u8> {
    let escaped = json.bytes().map(|byte| format!("%{byte:02X}"));
    format!("payload={}", escaped.collect::<String>()).into()
}

/// An alert of a search; ids are beyond what a float holds.
fn alert() -> Trial {
    let json = r#"{"events":[{"id":9223372036854775807,"message":"<script>"}],
        "saved_search":{"id":42,"name":"x"},"max_id":"7711582041804800","min_id":"7711561783320576"}"#;
    Trial::new(PAPERTRAIL, TOKEN)
        .target(&format!("/pt?token={TOKEN}"))
        .form(form(json))
}

#[test]
fn the_token_lies_in_the_url() {
    alert().passes("as it is");
    let at = |target: &str| alert().target(target);
    for (target, refusal) in [
        ("/pt", SignatureMissing),
        ("/pt?token", SignatureMalformed),
        (
            &*format!("/pt?token={TOKEN}&token={TOKEN}"),
            SignatureRepeated,
        ),
        (
            &format!("/pt?token={}", TOKEN.to_uppercase()),
            SignatureMismatch,
        ),
        (&format!("/pt?token={}", &TOKEN[..19]), SignatureMismatch),
        (&format!("/pt/{TOKEN}"), SignatureMissing),
    ] {
        at(target).refused_at_open(refusal, target);
    }
    let path = at(&format!("/pt/{TOKEN}")).token_in(TokenPlace::PathEnd);
    path.passes("at the end of the path, where that was agreed");
    path.target(&format!("/pt/{TOKEN}/"))
        .refused_at_open(SignatureMalformed, "a slash behind it");
}

#[test]
fn or_in_a_login() {
    let login = alert()
        .scheme(PAPERTRAIL_BASIC)
        .keys(&[LOGIN])
        .target("/pt");
    let with = |login_text: &str| {
        let value = format!("Basic {}", base64(login_text));
        login.clone().set("authorization", value)
    };
    with(LOGIN).passes("as it is");
    with(&LOGIN.to_uppercase()).refused_at_open(SignatureMismatch, "in upper case");
    with("papertrail:").refused_at_open(SignatureMismatch, "the user alone");
    login.refused_at_open(SignatureMissing, "none");
    let token = login.target(&format!("/pt?token={LOGIN}"));
    token.refused_at_open(SignatureMissing, "in the URL");
}

#[test]
fn ids_come_from_the_payload_and_are_hints() {
    let hint = |text: &str| Some((text.to_owned(), false));
    let id = "42/7711561783320576/7711582041804800";
    assert_eq!(alert().fields(), Ok([hint(id), None, hint("42")]));
    let fields = |json: &str| alert().form(form(json)).fields();
    // One of its parts is missing: it names no delivery.
    let without = r#"{"saved_search":{"id":42},"max_id":"1"}"#;
    assert_eq!(fields(without), Ok([None, None, hint("42")]));
    let twice = r#"{"saved_search":{"id":42},"saved_search":{"id":43}}"#;
    assert_eq!(fields(twice), Err(repeated("/saved_search/id")));
    assert_eq!(fields("{"), Err(BodyMalformed));
    let payloads = [form("{}"), b"&".to_vec(), form("{}")].concat();
    assert_eq!(alert().form(payloads).fields(), Err(repeated("payload")));
}

#[test]
fn forms_are_posted() {
    for method in ["GET", "HEAD", "PUT"] {
        alert()
            .method(method)
            .refused_at_open(MethodNotAllowed, method);
    }
    for kind in ["application/json", "text/plain"] {
        let other = alert().set("content-type", kind);
        other.refused_at_open(MediaTypeUnsupported, kind);
    }
}
