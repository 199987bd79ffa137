//! Mandrill: the URL as it was entered, the sorted fields, and a key that everybody knows for one empty batch.

use countersign::Refusal::{
    MediaTypeUnsupported, MethodNotAllowed, SignatureMalformed, SignatureMismatch,
    SignatureMissing, SignatureRepeated,
};
use countersign::providers::MANDRILL;
use countersign::{SecretError, SettingError};

use crate::macs::{base64, hmac_sha1};
use crate::trial::{Answer, Trial};

const KEY: &str = "ntynTMaFpM_octE5R1DKAw";
const PUBLIC: &str = "test-webhook";
const HEADER: &str = "x-mandrill-signature";
const URL: &str = "https://user:pass@hooks.example.com/mandrill?t=1";
/// As Mandrill writes it: slashes are escaped inside the JSON.
const EVENTS: &str =
    r#"[{"event":"open","msg":{"_id":"ex1"},"url":"http:\/\/mandrill.com","ts":1365111111}]"#;

fn tag(key: &str, content: &str) -> String {
    base64(hmac_sha1(key, &[content.as_bytes()]))
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A form signed with `key`, as if this followed the URL in the content.
fn signed(key: &str, after_url: &str, form: &str) -> Trial {
    Trial::new(MANDRILL, KEY)
        .public_url("https://user:pass@hooks.example.com")
        .target("/mandrill?t=1")
        .form(form)
        .set(HEADER, tag(key, &format!("{URL}{after_url}")))
}

fn batch(key: &str, events: &str) -> Trial {
    let form = format!("mandrill_events={}", escaped(events));
    signed(key, &format!("mandrill_events{events}"), &form)
}

#[test]
fn a_batch_is_signed_as_it_is_spelled() {
    batch(KEY, EVENTS).passes("as it is");
    batch(KEY, "[]").passes("an empty one that is signed with the key is delivered");
    assert_eq!(batch(KEY, EVENTS).fields(), Ok([None, None, None]));
    let form = format!("mandrill_events={}", escaped(&EVENTS.replace("\\/", "/")));
    let unescaped = batch(KEY, EVENTS).form(form);
    unescaped.refused(SignatureMismatch, "the same JSON, spelled in another way");
    let more = signed(KEY, "mandrill_events[]", "mandrill_events=[]&x=1");
    more.refused(SignatureMismatch, "one field more");
    let sorted = signed(KEY, "amandrill_events[]", "mandrill_events=[]&a=");
    sorted.passes("fields are sorted");
}

#[test]
fn the_url_is_as_it_was_entered() {
    let with_url = |url: &str| {
        let content = format!("{url}mandrill_events[]");
        batch(KEY, "[]").set(HEADER, tag(KEY, &content))
    };
    with_url(URL).passes("as it is");
    for url in [
        URL.replace("user:pass@", ""),
        URL.replace("user:pass", "user:Pass"),
        URL.replace("?t=1", ""),
        URL.replace("?t=1", "?t=2"),
        URL.replace("?t=1", "/?t=1"),
        URL.replace(".com", ".com:443"),
        URL.replace("https", "http"),
        URL.replace("hooks", "Hooks"),
    ] {
        with_url(&url).refused(SignatureMismatch, url);
    }
    // Only Twilio is unsure about ports and escapes.
    let behind = |base: &str| with_url(URL).public_url(base);
    let other_port = behind("https://user:pass@hooks.example.com:443");
    other_port.refused(SignatureMismatch, "a configured port");
    let escapes = with_url(&URL.replace("t=1", "t=%27")).target("/mandrill?t='");
    escapes.refused(SignatureMismatch, "another escape");
}

/// The check that Mandrill makes when a webhook is added and HEAD did not do.
#[test]
fn the_public_key_is_good_for_the_empty_batch_alone() {
    for form in [
        "mandrill_events=[]",
        "mandrill_events=%5B%5D",
        "mandrill%5Fevents=%5b]",
        "&mandrill_events=[]&",
    ] {
        let trial = signed(PUBLIC, "mandrill_events[]", form);
        trial.answered(Answer::unsigned(), form);
        assert_eq!(trial.alone(), Err(SignatureMismatch), "{form}");
    }
    for (after_url, form) in [
        ("mandrill_events[ ]", "mandrill_events=[+]"),
        ("mandrill_events [] ", "mandrill_events=+[]+"),
        ("mandrill_events[{}]", "mandrill_events=[{}]"),
        ("mandrill_events{}", "mandrill_events={}"),
        ("mandrill_events", "mandrill_events="),
        ("mandrill_eventsnull", "mandrill_events=null"),
        ("Mandrill_events[]", "Mandrill_events=[]"),
        ("mandrill_event[]", "mandrill_event=[]"),
        ("amandrill_events[]", "mandrill_events=[]&a="),
        ("mandrill_events[]x1", "mandrill_events=[]&x=1"),
        // The same content, and other fields.
        ("mandrill_events[]", "mandrill_event=s[]"),
        ("mandrill_events[]", "mandrill_events[]"),
        ("mandrill_events[]", "=mandrill_events[]"),
        // The same pair twice counts once in the content.
        ("mandrill_events[]", "mandrill_events=[]&mandrill_events=[]"),
        ("", ""),
        ("", "&"),
    ] {
        let trial = signed(PUBLIC, after_url, form);
        trial.refused(SignatureMismatch, form);
    }
    batch(PUBLIC, EVENTS).refused(SignatureMismatch, "a batch");
    let other_url = signed(PUBLIC, "mandrill_events[]", "mandrill_events=[]");
    let other_url = other_url.target("/mandrill?t=2");
    other_url.refused(SignatureMismatch, "another URL");
    let long = format!("mandrill_events=[]{}", "&".repeat(1_006));
    assert_eq!(long.len(), 1_024);
    let trial = signed(PUBLIC, "mandrill_events[]", &long);
    trial.answered(Answer::unsigned(), "1 KiB");
    let trial = signed(PUBLIC, "mandrill_events[]", &format!("{long}&"));
    trial.refused(SignatureMismatch, "longer than any such request");
    for key in [
        "Test-Webhook",
        "test-webhoo",
        "test-webhook ",
        "test_webhook",
    ] {
        batch(key, "[]").refused(SignatureMismatch, key);
    }
}

#[test]
fn the_public_key_is_no_secret() {
    let refused = |label: &str| {
        Some(SettingError::Secret {
            label: label.into(),
            reason: SecretError::Placeholder,
        })
    };
    let trial = batch(KEY, "[]");
    for (keys, label) in [(&[PUBLIC][..], "secret-1"), (&[KEY, PUBLIC], "secret-2")] {
        assert_eq!(trial.clone().keys(keys).build_error(), refused(label));
    }
    assert_eq!(trial.keys(&["test-webhook-2"]).build_error(), None);
}

#[test]
fn a_head_is_answered_and_other_methods_are_not() {
    let bare = Trial::new(MANDRILL, KEY).public_url("https://hooks.example.com");
    let head = bare.clone().method("HEAD");
    for target in ["/mandrill", "/mandrill?t=1", "/?mandrill_events=[]"] {
        let trial = head.clone().target(target);
        trial.gives_at_the_door(&crate::trial::Outcome::Answered(Answer::unsigned()), target);
    }
    let with_header = head
        .clone()
        .set(HEADER, "x")
        .set("content-type", "text/html");
    with_header.answered(Answer::unsigned(), "whatever its headers");
    let with_body = head.body("x");
    with_body.refused(SignatureMissing, "with a body");
    let get = bare.clone().method("GET");
    get.answered(Answer::unsigned(), "a GET");
    for method in ["PUT", "OPTIONS", "head", "get"] {
        let trial = bare.clone().method(method);
        trial.refused_at_open(MethodNotAllowed, method);
    }
}

#[test]
fn the_signature_is_there_once() {
    let trial = batch(KEY, EVENTS);
    let none = trial.clone().without(HEADER);
    none.refused_at_open(SignatureMissing, "none");
    let empty = batch(KEY, "[]").without(HEADER);
    empty.refused_at_open(SignatureMissing, "none, and an empty batch");
    let again = trial.clone().add(HEADER, tag(KEY, "x"));
    again.refused_at_open(SignatureRepeated, "two");
    let hex = trial
        .clone()
        .set(HEADER, crate::macs::hex(&hmac_sha1(KEY, &[b"x"])));
    hex.refused_at_open(SignatureMalformed, "hex");
    let json = trial.json(EVENTS);
    json.refused_at_open(MediaTypeUnsupported, "JSON");
}
