//! Schemes that a user might write, and what an attacker would make of them. Signed here by hand.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test stops at what it cannot do"
)]

use bytes::Bytes;
use countersign::danger::Weak;
use countersign::scheme::{Grade, Place, Scheme};
use countersign::{Delivery, Receiver, Refusal, Secret, SecretRing, Timestamp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

const KEY: &str = "0123456789abcdefghijklmnopqrstuv";
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const FORM: &str = "media_types = [\"application/x-www-form-urlencoded\"]";

fn scheme(rest: &str) -> Scheme {
    toml::from_str(&format!("name = \"own\"\n{rest}")).unwrap()
}

fn hmac_over(content: &str) -> Scheme {
    scheme(&format!(
        "signature = {{ header = \"sig\" }}\ncontent = {content}"
    ))
}

/// The field that a scheme is refused for.
fn refused(rest: &str) -> Option<&'static str> {
    scheme(rest).check().err().map(|error| error.field)
}

fn receiver(scheme: Scheme) -> Receiver {
    let secret = Secret::new(KEY).unwrap();
    let builder = Receiver::builder(scheme.clone(), secret).public_url("https://hooks.example.com");
    match scheme.grade {
        Grade::SignatureUndelimited => builder.accept_weak(Weak::ValuesNotSetApart),
        Grade::SignatureBesideBody => builder.accept_weak(Weak::BodyNotSigned),
        Grade::ExtensibleDigest => builder.accept_weak(Weak::ExtensibleDigest),
        Grade::Token => builder.accept_weak(Weak::NothingSigned),
        _ => builder,
    }
    .build()
    .unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(content: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    mac.update(content);
    hex(&mac.finalize().into_bytes())
}

fn request(target: &str, headers: &[(&str, &str)]) -> http::Request<()> {
    let mut request = http::Request::post(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

/// The verdict over one piece and over bytes one by one, which must be the same.
fn judge(
    receiver: &Receiver,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Delivery, Refusal> {
    let head = request(target, headers);
    let whole = receiver.verify(&head, Bytes::copy_from_slice(body), NOW);
    let in_pieces = receiver.open(&head, NOW).and_then(|mut intake| {
        for byte in body {
            intake.push(Bytes::copy_from_slice(&[*byte]))?;
        }
        intake.finish()
    });
    assert_eq!(whole.as_ref().err(), in_pieces.as_ref().err());
    let (whole, pieces) = (
        whole?.deliver(&head),
        in_pieces?.verified().unwrap().deliver(&head),
    );
    assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
    whole
}

fn verdict(
    receiver: &Receiver,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<(), Refusal> {
    judge(receiver, target, headers, body).map(|_| ())
}

fn malformed(name: &'static str) -> Result<(), Refusal> {
    Err(Refusal::FieldMalformed { name: name.into() })
}

/// A digest whose secret could be left out was accepted from anybody.
#[test]
fn a_plain_digest_holds_its_secret_in_every_message() {
    let digest = |content: &str| {
        refused(&format!(
            "algorithm = \"sha256\"\nsignature = {{ header = \"sig\" }}\ncontent = {content}"
        ))
    };
    assert_eq!(
        digest(r#"["body", { optional = ["secret", "query"] }]"#),
        Some("content")
    );
    assert_eq!(digest(r#"["body"]"#), Some("content"));
    assert_eq!(digest(r#"["body", "secret"]"#), None);
}

/// Whoever saw one digest of secret and body can append to the body and compute the next.
#[test]
fn a_digest_that_can_be_extended_is_named() {
    for content in [
        r#"["secret", "body"]"#,
        r#"["body", "secret", { literal = "." }]"#,
    ] {
        let own = scheme(&format!(
            "algorithm = \"sha256\"\nsignature = {{ header = \"sig\" }}\ncontent = {content}"
        ));
        assert_eq!(own.actual_grade(), Grade::ExtensibleDigest);
        assert_eq!(own.check().unwrap_err().field, "grade");
    }
    let own = scheme(
        "algorithm = \"sha256\"\nsignature = { header = \"sig\" }\ncontent = [\"body\", \"secret\"]",
    );
    assert_eq!(own.check(), Ok(()));
    let sig = hex(&Sha256::digest(format!("{{}}{KEY}")));
    assert_eq!(
        verdict(&receiver(own.clone()), "/", &[("sig", &sig)], b"{}"),
        Ok(())
    );
    let keyless = hex(&Sha256::digest(b"{}"));
    assert_eq!(
        verdict(&receiver(own), "/", &[("sig", &keyless)], b"{}"),
        Err(Refusal::SignatureMismatch)
    );
}

/// A decimal of a whole body kept its last eight bytes alone.
#[test]
fn decimal_is_for_crc_32_alone() {
    let own = |content: &str| {
        refused(&format!(
            "signature = {{ header = \"sig\" }}\ncontent = {content}"
        ))
    };
    assert_eq!(
        own(r#"[{ encode = { encoding = "decimal", of = ["body"] } }]"#),
        Some("content")
    );
    assert_eq!(
        own(r#"[{ digest = { algorithm = "sha256", encoding = "decimal", of = ["body"] } }]"#),
        Some("content")
    );
    assert_eq!(
        own(r#"["body", { digest = { algorithm = "crc32", encoding = "hex", of = ["body"] } }]"#),
        Some("content")
    );
}

#[test]
fn content_that_never_changes_is_a_token() {
    for content in [
        r#"[{ literal = "hello" }]"#,
        r#"["method"]"#,
        r#"["secret", { config = "x" }]"#,
    ] {
        let rest = format!(
            "signature = {{ header = \"sig\" }}\ngrade = \"signature-beside-body\"\ncontent = {content}"
        );
        assert_eq!(refused(&rest), Some("content"), "{content}");
    }
}

#[test]
fn what_nobody_could_sign_is_refused() {
    for (field, rest) in [
        ("signature", r#"signature = { json = "/sig" }"#),
        (
            "signature",
            "signature = { query-param = \"sig\" }\ncontent = [\"url\", { literal = \" \" }, \"body\"]",
        ),
        (
            "signature",
            "signature = { header = \"sig\" }\ncontent = [{ header = \"sig\" }, \"body\"]",
        ),
        (
            "signature.layout",
            r#"signature = { header = "sig", layout = { pairs = { separator = ",", accept = ["a,b"] } } }"#,
        ),
        (
            "signature.layout",
            r#"signature = { header = "sig", layout = { pairs = { separator = ",", accept = ["a=b"] } } }"#,
        ),
        (
            "content",
            "signature = { header = \"sig\" }\ncontent = [{ change = { by = { percent-encode = \"%\" }, of = [\"body\"] } }]",
        ),
        (
            "checks",
            "signature = { header = \"sig\" }\ncontent = [{ header = \"x\" }]\nchecks = [{ header = \"x\", algorithm = \"sha256\", encoding = \"hex\", of = [\"secret\", \"body\"] }]",
        ),
        (
            "media_types",
            "signature = { header = \"sig\" }\ncontent = [\"form-sorted\"]",
        ),
    ] {
        assert_eq!(refused(rest), Some(field), "{rest}");
    }
}

/// One value may not run into the literal that ends it, however long the literal is.
#[test]
fn values_do_not_hold_what_sets_them_apart() {
    let id = "id = { header = \"x-id\" }\nsignature = { header = \"sig\" }\n";
    let own = receiver(scheme(&format!(
        "{id}content = [\"id\", {{ literal = \"::\" }}, \"body\"]"
    )));
    let sig = mac(b"a:::b");
    assert_eq!(
        verdict(&own, "/", &[("sig", &sig), ("x-id", "a")], b":b"),
        Ok(())
    );
    assert_eq!(
        verdict(&own, "/", &[("sig", &sig), ("x-id", "a:")], b"b"),
        malformed("x-id")
    );

    let behind = receiver(scheme(&format!(
        "{id}content = [\"body\", {{ literal = \"::\" }}, \"id\"]"
    )));
    let sig = mac(b"a:::b");
    assert_eq!(
        verdict(&behind, "/", &[("sig", &sig), ("x-id", "b")], b"a:"),
        Ok(())
    );
    assert_eq!(
        verdict(&behind, "/", &[("sig", &sig), ("x-id", ":b")], b"a"),
        malformed("x-id")
    );

    let path = receiver(hmac_over(r#"["path", { literal = "." }, "body"]"#));
    let sig = mac(b"/hook.x.y");
    assert_eq!(verdict(&path, "/hook", &[("sig", &sig)], b"x.y"), Ok(()));
    assert_eq!(
        verdict(&path, "/hook.x", &[("sig", &sig)], b"y"),
        malformed("path")
    );

    let digest = receiver(scheme(&format!(
        "{id}content = [{{ digest = {{ algorithm = \"sha256\", encoding = \"hex\", of = [\"id\", {{ literal = \".\" }}, \"body\"] }} }}]"
    )));
    let sig = mac(hex(&Sha256::digest(b"evt.{}.x")).as_bytes());
    assert_eq!(
        verdict(&digest, "/", &[("sig", &sig), ("x-id", "evt")], b"{}.x"),
        Ok(())
    );
    assert_eq!(
        verdict(&digest, "/", &[("sig", &sig), ("x-id", "evt.{}")], b"x"),
        malformed("x-id")
    );
}

/// What a stranger may choose of the URL is kept apart from the literal beside it.
#[test]
fn a_url_does_not_run_into_what_follows_it() {
    let own = receiver(scheme(
        "signature = { header = \"sig\" }\ncontent = [\"url\", { literal = \".\" }, \"body\"]",
    ));
    let sig = mac(b"https://hooks.example.com/p?t=1.note=v1.5");
    let at = |target: &str, body: &[u8]| verdict(&own, target, &[("sig", &sig)], body);
    assert_eq!(at("/p?t=1", b"note=v1.5"), Ok(()));
    assert_eq!(at("/p?t=1.note=v1", b"5"), malformed("url"));
}

/// Where characters can be moved from one value to another, no field counts as signed.
#[test]
fn content_without_delimiters_signs_no_field() {
    for (content, delimited) in [
        (r#"["id", { literal = "." }, "body"]"#, true),
        (r#"["timestamp", "id", { literal = "." }, "body"]"#, true),
        (r#"["id", { literal = "." }, "body", "timestamp"]"#, true),
        (r#"["id", "timestamp", "body"]"#, false),
        (
            r#"[{ digest = { algorithm = "sha256", encoding = "hex", of = ["id", { literal = "." }, "body"] } }]"#,
            true,
        ),
        (
            r#"[{ digest = { algorithm = "sha256", encoding = "hex", of = ["id", "body"] } }]"#,
            false,
        ),
        (
            r#"[{ encode = { encoding = "hex", of = ["id", "body"] } }]"#,
            false,
        ),
        (r#"["id", "body"]"#, false),
        (
            r#"[{ optional = ["id", { literal = "." }] }, "body"]"#,
            false,
        ),
        (
            r#"[{ change = { by = "lower", of = ["id"] } }, { literal = "." }, "body"]"#,
            false,
        ),
    ] {
        let own = scheme(&format!(
            "signature = {{ header = \"sig\" }}\nid = {{ header = \"x-id\" }}\ntimestamp = {{ header = \"x-at\", unit = \"s\" }}\ncontent = {content}"
        ));
        assert_eq!(own.is_delimited(), delimited, "{content}");
        assert_eq!(
            own.signs(&Place::Header("x-id".into())),
            delimited,
            "{content}"
        );
    }
    let json = hmac_over(r#"[{ json = "/id" }, { json = "/amount" }]"#);
    assert!(!json.signs(&Place::Json("/id".into())));
    let sorted = scheme(&format!(
        "signature = {{ header = \"sig\" }}\ncontent = [\"form-sorted\"]\n{FORM}"
    ));
    assert!(!sorted.is_delimited() && !sorted.signs(&Place::Form("id".into())));
}

/// The decoder replaces what is no text, so that different bytes had one signature.
#[test]
fn decoded_content_is_text() {
    let sorted = receiver(scheme(&format!(
        "signature = {{ header = \"sig\" }}\ncontent = [\"form-sorted\"]\n{FORM}"
    )));
    let sig = mac("a\u{fffd}".as_bytes());
    assert_eq!(
        verdict(&sorted, "/", &[("sig", &sig)], b"a=%EF%BF%BD"),
        Ok(())
    );
    assert_eq!(
        verdict(&sorted, "/", &[("sig", &sig)], b"a=%FF"),
        Err(Refusal::BodyMalformed)
    );
    let field = receiver(scheme(&format!(
        "grade = \"signature-beside-body\"\nsignature = {{ header = \"sig\" }}\ncontent = [{{ form = \"a\" }}]\n{FORM}"
    )));
    let sig = mac("\u{fffd}".as_bytes());
    assert_eq!(
        verdict(&field, "/", &[("sig", &sig)], b"a=%EF%BF%BD"),
        Ok(())
    );
    assert_eq!(
        verdict(&field, "/", &[("sig", &sig)], b"a=%80"),
        Err(Refusal::BodyMalformed)
    );
    let query = receiver(hmac_over(
        r#"[{ query-param = "id" }, { literal = "." }, "body"]"#,
    ));
    let sig = mac("\u{fffd}.x".as_bytes());
    assert_eq!(
        verdict(&query, "/?id=%EF%BF%BD", &[("sig", &sig)], b"x"),
        Ok(())
    );
    assert_eq!(
        verdict(&query, "/?id=%FE", &[("sig", &sig)], b"x"),
        malformed("id")
    );
}

#[test]
fn a_stamp_in_the_body_is_judged_too() {
    let own = receiver(scheme(
        "signature = { header = \"sig\" }\ntimestamp = { json = \"/at\", unit = \"s\" }",
    ));
    let judged = |at: &str| {
        let body = format!("{{\"at\":{at}}}");
        judge(
            &own,
            "/",
            &[("sig", &mac(body.as_bytes()))],
            body.as_bytes(),
        )
        .map(|delivery| delivery.timestamp())
    };
    assert_eq!(
        judged("1700000300"),
        Ok(Some(Timestamp::from_secs(1_700_000_300)))
    );
    assert_eq!(
        judged("1699999700"),
        Ok(Some(Timestamp::from_secs(1_699_999_700)))
    );
    assert_eq!(judged("1700000301"), Err(Refusal::TimestampTooNew));
    assert_eq!(judged("1699999699"), Err(Refusal::TimestampTooOld));
    assert_eq!(judged("null"), Err(Refusal::TimestampMissing));
    assert_eq!(judged("[]"), Err(Refusal::TimestampMalformed));
    assert_eq!(
        judged("1,\"at\":1700000000"),
        Err(Refusal::TimestampRepeated)
    );
    // A forger learns nothing about the stamp: the signature is judged first.
    assert_eq!(
        verdict(&own, "/", &[("sig", &mac(b"other"))], b"{\"at\":1}"),
        Err(Refusal::SignatureMismatch)
    );
}

#[test]
fn a_digest_that_the_message_carries_is_checked_beside_the_signature() {
    let own = receiver(scheme(
        "signature = { header = \"sig\" }\ncontent = [{ header = \"x-digest\" }, { literal = \".\" }, \"body\"]\nchecks = [{ header = \"x-digest\", algorithm = \"sha256\", encoding = \"hex\", of = [\"body\"] }]",
    ));
    let right = hex(&Sha256::digest(b"{}"));
    let wrong = hex(&Sha256::digest(b"[]"));
    for (digest, expected) in [(&right, Ok(())), (&wrong, Err(Refusal::SignatureMismatch))] {
        let sig = mac(format!("{digest}.{{}}").as_bytes());
        assert_eq!(
            verdict(&own, "/", &[("sig", &sig), ("x-digest", digest)], b"{}"),
            expected
        );
    }
}

#[test]
fn a_token_occurs_once() {
    let own = receiver(scheme(
        "algorithm = \"token\"\ngrade = \"token\"\ncontent = []\nsignature = { header = \"x\", encoding = \"plain\", layout = { pairs = { separator = \",\", accept = [\"token\"] } } }",
    ));
    let judged = |value: &str| verdict(&own, "/", &[("x", value)], b"{}");
    assert_eq!(judged(&format!("token={KEY}")), Ok(()));
    assert_eq!(
        judged(&format!("token={KEY}x")),
        Err(Refusal::SignatureMismatch)
    );
    assert_eq!(
        judged(&format!("token={KEY}01234567")),
        Err(Refusal::SignatureMismatch)
    );
    for twice in [
        format!("token=,token={KEY}"),
        format!("token={KEY},token="),
        format!("token={KEY},token={KEY}"),
    ] {
        assert_eq!(judged(&twice), Err(Refusal::SignatureRepeated), "{twice}");
    }
}

#[test]
fn the_scheme_word_alone_has_no_case() {
    let own = receiver(scheme(
        "signature = { header = \"authorization\", layout = { prefix = \"HMAC v1=\" } }",
    ));
    let sig = mac(b"{}");
    let judged = |prefix: &str| {
        verdict(
            &own,
            "/",
            &[("authorization", &format!("{prefix}{sig}"))],
            b"{}",
        )
    };
    assert_eq!(judged("HMAC v1="), Ok(()));
    assert_eq!(judged("hmac v1="), Ok(()));
    assert_eq!(judged("HMAC V1="), Err(Refusal::SignatureMalformed));
    assert_eq!(judged("HMAC  v1="), Err(Refusal::SignatureMalformed));
}

/// An adapter that hands in another head cannot change what was signed.
#[test]
fn signed_fields_come_from_what_was_verified() {
    let own = receiver(scheme(
        "signature = { header = \"sig\" }\nevent = { header = \"x-event\" }\ncontent = [{ header = \"x-event\" }, { literal = \".\" }, \"body\"]",
    ));
    let sig = mac(b"ping.{}");
    let head = request("/", &[("sig", &sig), ("x-event", "ping")]);
    let other = request("/", &[("x-event", "payment.succeeded")]);
    let delivery = own
        .verify(&head, "{}".into(), NOW)
        .unwrap()
        .deliver(&other)
        .unwrap();
    assert_eq!(
        delivery
            .event()
            .map(|event| (event.as_str(), event.is_signed())),
        Some(("ping", true))
    );
}

/// Whoever goes on after a refused chunk gets no verdict over what came before it.
#[test]
fn a_refused_chunk_spoils_the_body() {
    let secret = Secret::new(KEY).unwrap();
    let own = Receiver::builder(hmac_over(r#"["body"]"#), secret)
        .max_body(4)
        .build()
        .unwrap();
    let head = request("/", &[("sig", &mac(b"{}"))]);
    let mut intake = own.open(&head, NOW).unwrap();
    assert_eq!(intake.push("{}".into()), Ok(()));
    assert_eq!(
        intake.push("too long".into()),
        Err(Refusal::BodyTooLarge { limit: 4 })
    );
    assert_eq!(
        intake.finish().map(|_| ()),
        Err(Refusal::BodyTooLarge { limit: 4 })
    );
    let whole = own.verify(&head, "too long".into(), NOW);
    assert_eq!(whole.map(|_| ()), Err(Refusal::BodyTooLarge { limit: 4 }));
}

/// Content that holds no secret is read once and hashed under each.
#[test]
fn any_of_several_secrets_verifies_content_that_needs_the_whole_body() {
    let others = (0..3).map(|at| Secret::new(format!("another secret, number {at}")).unwrap());
    let ring = SecretRing::new(others.chain([Secret::new(KEY).unwrap().label("good")])).unwrap();
    let own = scheme(&format!(
        "signature = {{ header = \"sig\" }}\ncontent = [\"form-sorted\"]\n{FORM}"
    ));
    let own = Receiver::builder(own, ring).build().unwrap();
    let delivery = judge(&own, "/", &[("sig", &mac(b"a1b2"))], b"b=2&a=1").unwrap();
    assert_eq!(delivery.secret_label(), "good");
    assert_eq!(
        verdict(&own, "/", &[("sig", &mac(b"a1b3"))], b"b=2&a=1"),
        Err(Refusal::SignatureMismatch)
    );
}

/// A digest or a stamp that can be moved proves nothing, also when every byte of it is signed.
#[test]
fn what_can_be_moved_is_no_digest_and_no_stamp() {
    let field = |text: &str| {
        let whole = format!(
            "name = \"acme\"\nsignature = {{ header = \"sig\" }}\nmedia_types = []\n{text}"
        );
        let own: Scheme = toml::from_str(&whole).unwrap();
        own.check().err().map(|error| error.field)
    };
    assert_eq!(
        field(
            "content = [\"query-sorted\"]\nchecks = [{ query-param = \"sha\", algorithm = \"sha256\", encoding = \"hex\", of = [\"body\"] }]"
        ),
        Some("checks")
    );
    assert_eq!(
        field(
            "content = [\"query\"]\nchecks = [{ query-param = \"sha\", algorithm = \"sha256\", encoding = \"hex\", of = [\"body\"] }]"
        ),
        None
    );
    assert_eq!(
        field(
            "grade = \"signature-beside-body\"\ncontent = [\"query-sorted\"]\ntimestamp = { query-param = \"ts\", unit = \"s\" }"
        ),
        Some("timestamp")
    );
    assert_eq!(
        field(
            "grade = \"signature-beside-body\"\ncontent = [\"query\"]\ntimestamp = { query-param = \"ts\", unit = \"s\" }"
        ),
        None
    );
}

/// Without a zone at its end a stamp can lose one to what follows it, and be another moment.
#[test]
fn a_stamp_without_a_zone_is_set_apart_by_what_no_stamp_holds() {
    for (content, unit, delimited) in [
        (r#"["timestamp", "body"]"#, "rfc3339", true),
        (r#"["timestamp", "body"]"#, "rfc3339-zoneless", false),
        (
            r#"["timestamp", { literal = "+" }, "body"]"#,
            "rfc3339-zoneless",
            false,
        ),
        (
            r#"["timestamp", { literal = "." }, "body"]"#,
            "rfc3339-zoneless",
            false,
        ),
        (
            r#"["timestamp", { literal = "Z" }, "body"]"#,
            "rfc3339-zoneless",
            false,
        ),
        (
            r#"["timestamp", { literal = "1" }, "body"]"#,
            "rfc3339-zoneless",
            false,
        ),
        (
            r#"["timestamp", { literal = ":" }, "body"]"#,
            "rfc3339-zoneless",
            true,
        ),
        (r#"["body", "timestamp"]"#, "rfc3339-zoneless", true),
    ] {
        let own: Scheme = toml::from_str(&format!(
            "name = \"acme\"\nsignature = {{ header = \"sig\" }}\ntimestamp = {{ header = \"x-at\", unit = \"{unit}\" }}\ncontent = {content}"
        ))
        .unwrap();
        assert_eq!(own.is_delimited(), delimited, "{content} {unit}");
    }
}

/// A digest that covers the body together with something else must keep the two apart.
#[test]
fn a_digest_of_several_values_covers_the_body_only_where_they_are_set_apart() {
    let grade = |of: &str| {
        let own: Scheme = toml::from_str(&format!(
            "name = \"acme\"\nsignature = {{ header = \"sig\" }}\nmedia_types = []\ncontent = [{{ header = \"digest\" }}]\nchecks = [{{ header = \"digest\", algorithm = \"sha256\", encoding = \"hex\", of = {of} }}]"
        ))
        .unwrap();
        own.actual_grade()
    };
    assert_eq!(grade(r#"["body"]"#), Grade::SignatureOverBody);
    assert_eq!(
        grade(r#"[{ header = "x-ev" }, { literal = "." }, "body"]"#),
        Grade::SignatureOverBody
    );
    assert_eq!(
        grade(r#"[{ header = "x-ev" }, "body"]"#),
        Grade::SignatureBesideBody
    );
    let own = receiver(scheme(
        "signature = { header = \"sig\" }\nmedia_types = []\ncontent = [{ header = \"digest\" }]\nchecks = [{ header = \"digest\", algorithm = \"sha256\", encoding = \"hex\", of = [{ header = \"x-ev\" }, { literal = \".\" }, \"body\"] }]",
    ));
    let digest = hex(&Sha256::digest(b"paid.a.b"));
    let sig = mac(digest.as_bytes());
    let with = |event: &str, body: &[u8]| {
        let headers = [("sig", sig.as_str()), ("digest", &digest), ("x-ev", event)];
        verdict(&own, "/", &headers, body)
    };
    assert_eq!(with("paid", b"a.b"), Ok(()));
    assert_eq!(with("paid.a", b"b"), malformed("x-ev"));
}

/// Each spelling of the URL is kept apart from the literal beside it.
#[test]
fn no_spelling_of_a_url_runs_into_what_follows_it() {
    let own = receiver(scheme(
        "signature = { header = \"sig\" }\nmedia_types = []\nurl_spellings = [{}, { query = \"querystring\" }]\ncontent = [\"url\", { literal = \".\" }, \"body\"]",
    ));
    let sig = mac(b"https://hooks.example.com/p?to=bob.pay-alice-10.pay-eve-5");
    let at = |target: &str, body: &[u8]| verdict(&own, target, &[("sig", &sig)], body);
    assert_eq!(at("/p?to=bob", b"pay-alice-10.pay-eve-5"), Ok(()));
    assert_eq!(at("/p?to=bob.pay-alice-10", b"pay-eve-5"), malformed("url"));
    assert_eq!(
        at("/p?to=bob%2Epay-alice-10", b"pay-eve-5"),
        malformed("url")
    );
}
