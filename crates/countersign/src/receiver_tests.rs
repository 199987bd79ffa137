use super::*;
use crate::mac::Keyed;
use crate::providers::{GITHUB, SHOPIFY, STRIPE};
use crate::scheme::{Grade, Part};
use crate::secret::Secret;

const NOW: Timestamp = Timestamp::from_secs(0);

fn github() -> Receiver {
    let secret = Secret::new("It's a Secret to Everybody").unwrap();
    Receiver::builder(GITHUB, secret).build().unwrap()
}

fn head(method: &str, headers: &[(&str, &str)]) -> http::Request<()> {
    let mut builder = http::Request::builder()
        .method(method)
        .uri("/hooks")
        .header(
            "x-hub-signature-256",
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        );
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(()).unwrap()
}

fn refused(method: &str, headers: &[(&str, &str)]) -> Option<Refusal> {
    github().open(&head(method, headers), NOW).err()
}

#[test]
fn the_door_judges_the_head() {
    assert_eq!(refused("POST", &[]), None);
    assert_eq!(refused("GET", &[]), Some(Refusal::MethodNotAllowed));
    assert_eq!(refused("post", &[]), Some(Refusal::MethodNotAllowed));
    let kind = |value: &str| refused("POST", &[("content-type", value)]);
    assert_eq!(kind("application/json"), None);
    assert_eq!(kind("Application/JSON ; charset=utf-8"), None);
    assert_eq!(kind("application/x-www-form-urlencoded"), None);
    for bad in [
        "text/plain",
        "application/jsonx",
        "",
        ";",
        "application/json, text/plain",
    ] {
        assert_eq!(kind(bad), Some(Refusal::MediaTypeUnsupported), "{bad:?}");
    }
    let twice = [
        ("content-type", "application/json"),
        ("content-type", "application/json"),
    ];
    assert_eq!(refused("POST", &twice), Some(Refusal::MediaTypeUnsupported));
    assert_eq!(refused("POST", &[("content-encoding", "identity")]), None);
    for bad in ["gzip", "br", "identity, gzip", ""] {
        let encoding = [("content-encoding", bad)];
        assert_eq!(
            refused("POST", &encoding),
            Some(Refusal::ContentEncodingUnsupported),
            "{bad:?}"
        );
    }
}

#[test]
fn every_line_of_the_content_encoding_is_judged() {
    let lines = [
        ("content-encoding", "identity"),
        ("content-encoding", "gzip"),
    ];
    assert_eq!(
        refused("POST", &lines),
        Some(Refusal::ContentEncodingUnsupported)
    );
}

#[test]
fn the_declared_length_is_judged_first() {
    let length = |value: &str| refused("POST", &[("content-length", value)]);
    assert_eq!(length("26214400"), None, "25 MiB");
    for large in [
        "26214401",
        "18446744073709551616",
        "99999999999999999999999999",
    ] {
        assert_eq!(
            length(large),
            Some(Refusal::BodyTooLarge { limit: 26_214_400 }),
            "{large}"
        );
    }
    for bad in ["", "-1", "+1", "1 2", "0x1", "1,1", "1.0"] {
        assert_eq!(length(bad), Some(Refusal::LengthMalformed), "{bad:?}");
    }
    let twice = [("content-length", "1"), ("content-length", "1")];
    assert_eq!(refused("POST", &twice), Some(Refusal::LengthMalformed));
}

#[test]
fn a_body_is_counted_against_limit_and_declaration() {
    let hello = || Bytes::from_static(b"Hello, World!");
    let open = |length: &str| {
        github()
            .open(&head("POST", &[("content-length", length)]), NOW)
            .unwrap()
    };
    let mut whole = open("13");
    assert_eq!(whole.push(hello()), Ok(()));
    assert_eq!(
        whole
            .finish()
            .map(|finished| finished.verified().unwrap().body().clone()),
        Ok(hello())
    );
    let mut short = open("14");
    assert_eq!(short.push(hello()), Ok(()));
    assert_eq!(short.finish().unwrap_err(), Refusal::BodyIncomplete);
    assert_eq!(open("12").push(hello()), Err(Refusal::BodyIncomplete));
    let secret = Secret::new("It's a Secret to Everybody").unwrap();
    let small = Receiver::builder(GITHUB, secret)
        .max_body(12)
        .build()
        .unwrap();
    let mut intake = small.open(&head("POST", &[]), NOW).unwrap();
    assert_eq!(intake.push(hello().slice(..6)), Ok(()));
    assert_eq!(intake.push(hello().slice(6..12)), Ok(()));
    assert_eq!(
        intake.push(hello().slice(12..)),
        Err(Refusal::BodyTooLarge { limit: 12 })
    );
}

#[test]
fn a_declared_length_reserves_nothing_large() {
    let mut intake = github()
        .open(&head("POST", &[("content-length", "26214400")]), NOW)
        .unwrap();
    intake.push(Bytes::from_static(b"a")).unwrap();
    intake.push(Bytes::from_static(b"b")).unwrap();
    assert_eq!(intake.received(), 2);
    assert!(intake.capacity() <= 64 * 1024);
}

#[test]
fn wrong_settings_name_their_field() {
    let secret = |text: &str| Secret::new(text).unwrap();
    let good = || Receiver::builder(STRIPE, secret("whsec_0123456789abcdef"));
    let field = |builder: ReceiverBuilder| builder.build().err().map(|error| error.field());
    assert_eq!(field(good()), None);
    assert_eq!(field(good().max_body(0)), Some("max_body"));
    assert_eq!(field(good().max_secrets(0)), Some("max_secrets"));
    assert_eq!(field(good().max_secrets(17)), Some("max_secrets"));
    assert_eq!(
        field(good().body_timeouts(Duration::ZERO, Duration::from_secs(1))),
        Some("body_timeouts")
    );
    assert_eq!(
        field(good().tolerance(Tolerance::from_secs(0))),
        Some("timestamp.tolerance")
    );
    assert_eq!(field(good().config("unknown", "value")), Some("config"));
    let unstamped = Receiver::builder(GITHUB, secret("0123456789abcdef"));
    assert_eq!(
        field(unstamped.tolerance(Tolerance::from_secs(9))),
        Some("tolerance")
    );
    let url = Scheme {
        content: crate::list![
            Part::Url,
            Part::Literal(crate::text!(" ")),
            Part::Body,
            Part::Config(crate::text!("key"))
        ],
        ..GITHUB
    };
    let signed_url = || {
        Receiver::builder(url.clone(), secret("0123456789abcdef")).config("key", "access-key-value")
    };
    assert_eq!(field(signed_url().public_url("https://example.com/")), None);
    assert_eq!(field(signed_url()), Some("public_url"));
    for bad in [
        "example.com",
        "https://",
        "https:///",
        "ftp://a",
        "https://a?b",
        "https://a#b",
        "https:// a",
    ] {
        assert_eq!(
            field(signed_url().public_url(bad)),
            Some("public_url"),
            "{bad}"
        );
    }
    assert_eq!(
        field(signed_url().public_url("https://a").config("key", "")),
        Some("config")
    );
    let printed = format!(
        "{:?} {:?}",
        signed_url(),
        signed_url().public_url("https://a").build()
    );
    assert!(!printed.contains("access-key-value"));
    // What proves less than a signature over the body is named, and by its own name.
    let beside = Scheme {
        content: crate::list![Part::Path],
        grade: Grade::SignatureBesideBody,
        ..GITHUB
    };
    let digest = Scheme {
        algorithm: crate::scheme::Algorithm::Sha256,
        content: crate::list![Part::Secret, Part::Body],
        grade: Grade::ExtensibleDigest,
        ..GITHUB
    };
    let token = Scheme {
        algorithm: crate::scheme::Algorithm::Token,
        content: crate::list![],
        signature: crate::scheme::SignatureRule {
            encoding: crate::scheme::Encoding::Plain,
            ..GITHUB.signature
        },
        grade: Grade::Token,
        ..GITHUB
    };
    for (scheme, named) in [
        (beside, Weak::BodyNotSigned),
        (digest, Weak::ExtensibleDigest),
        (token, Weak::NothingSigned),
    ] {
        let weak = || Receiver::builder(scheme.clone(), secret("0123456789abcdef"));
        assert_eq!(field(weak()), Some("grade"), "{named:?}");
        for other in [
            Weak::BodyNotSigned,
            Weak::ExtensibleDigest,
            Weak::NothingSigned,
        ] {
            let expected = if other == named { None } else { Some("grade") };
            assert_eq!(
                field(weak().accept_weak(other)),
                expected,
                "{named:?} {other:?}"
            );
        }
    }
    let five = SecretRing::new((0..5).map(|_| secret("whsec_0123456789abcdef"))).unwrap();
    assert_eq!(
        field(Receiver::builder(STRIPE, five.clone())),
        Some("secrets")
    );
    assert_eq!(field(Receiver::builder(STRIPE, five).max_secrets(5)), None);
    let bad_one = SecretRing::new([secret("whsec_0123456789abcdef"), secret("short")]).unwrap();
    assert_eq!(
        Receiver::builder(STRIPE, bad_one)
            .build()
            .unwrap_err()
            .to_string(),
        "secrets: secret-2: the secret has 5 key bytes, the scheme asks for at least 16"
    );
    let same = SecretRing::new([
        secret("whsec_0123456789abcdef").label("a"),
        secret("whsec_fedcba9876543210").label("a"),
    ]);
    assert_eq!(
        field(Receiver::builder(STRIPE, same.unwrap())),
        Some("secrets")
    );
    let window = secret("whsec_0123456789abcdef")
        .not_before(Timestamp::from_secs(2))
        .not_after(Timestamp::from_secs(1));
    assert_eq!(field(Receiver::builder(STRIPE, window)), Some("secrets"));
    let nonsense = Scheme {
        grade: Grade::Token,
        ..STRIPE
    };
    assert_eq!(
        field(Receiver::builder(
            nonsense,
            secret("whsec_0123456789abcdef")
        )),
        Some("grade")
    );
}

/// Prints every public type that has seen a secret, and looks for it.
#[test]
fn no_secret_is_ever_printed() {
    const PLANTED: &str = "planted-0123456789-secret";
    let secret = Secret::new(PLANTED).unwrap();
    let ring = SecretRing::from(secret.clone());
    let builder = Receiver::builder(SHOPIFY, ring.clone());
    let receiver = builder.clone().build().unwrap();
    let request = http::Request::post("/").header(
        "shopify-hmac-sha256",
        "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g=",
    );
    let request = request.body(()).unwrap();
    let mut intake = receiver.open(&request, NOW).unwrap();
    intake.push(Bytes::from_static(b"{\"foo\":")).unwrap();
    intake.push(Bytes::from_static(b" \"bar\"}")).unwrap();
    let mut printed = format!("{secret:?} {ring:?} {builder:?} {receiver:?} {intake:#?}");
    let refusal = intake.finish().unwrap_err();
    printed += &format!("{refusal:?} {refusal}");
    let short = Secret::new("planted-0").unwrap();
    let error = Receiver::builder(STRIPE, short).build().unwrap_err();
    printed += &format!("{error:?} {error}");
    let verified = github()
        .verify(&head("POST", &[]), "Hello, World!".into(), NOW)
        .unwrap();
    printed += &format!("{verified:?}");
    let delivery = verified.deliver(&head("POST", &[])).unwrap();
    printed += &format!("{delivery:?} {:?}", delivery.payload());
    let listed = format!("{:?}", "Hello, World!".as_bytes());
    assert!(!printed.contains(listed.trim_matches(['[', ']'])));
    // The secret as text, as a debug list of bytes, and in hex; the body of a verified delivery stays out too.
    let bytes = format!("{:?}", PLANTED.as_bytes());
    let hex = base16ct::lower::encode_string(PLANTED.as_bytes());
    for leak in [
        PLANTED,
        "planted-0",
        bytes.trim_matches(['[', ']']),
        &hex,
        "Secret to Everybody",
        "Hello, World!",
        "foo",
    ] {
        assert!(!printed.contains(leak), "{leak}");
    }
    assert!(printed.contains("secret-1"), "labels are what is printed");
}

fn cloudevents() -> Receiver {
    let secret = Secret::new("0123456789abcdef-token").unwrap();
    Receiver::builder(crate::providers::CLOUDEVENTS, secret)
        .accept_weak(Weak::NothingSigned)
        .build()
        .unwrap()
}

/// What a token is refused for before a byte of the body is there.
fn token_refused(target: &str, authorization: &[&str]) -> Option<Refusal> {
    let mut builder = http::Request::post(target);
    for value in authorization {
        builder = builder.header("authorization", *value);
    }
    let head = builder.body(()).unwrap();
    cloudevents().open(&head, NOW).err()
}

#[test]
fn a_token_is_in_one_of_its_places_and_judged_before_the_body() {
    const IN_QUERY: &str = "/e?access_token=0123456789abcdef-token";
    assert_eq!(
        token_refused("/e", &["Bearer 0123456789abcdef-token"]),
        None
    );
    assert_eq!(
        token_refused("/e", &["bearer 0123456789abcdef-token"]),
        None
    );
    assert_eq!(token_refused(IN_QUERY, &[]), None);

    for (target, authorization, refusal) in [
        ("/e", &[][..], Refusal::SignatureMissing),
        (
            "/e",
            &["0123456789abcdef-token"],
            Refusal::SignatureMalformed,
        ),
        (
            "/e",
            &["Bearer 0123456789abcdef-Token"],
            Refusal::SignatureMismatch,
        ),
        (
            "/e",
            &["Bearer 0123456789abcdef-toke"],
            Refusal::SignatureMismatch,
        ),
        (
            "/e",
            &["Bearer 0123456789abcdef-token-"],
            Refusal::SignatureMismatch,
        ),
        ("/e?access_token=0", &[], Refusal::SignatureMismatch),
        (
            "/e?access_token=Bearer+0123456789abcdef-token",
            &[],
            Refusal::SignatureMismatch,
        ),
        // Twice lets us choose, also when both are right.
        (
            IN_QUERY,
            &["Bearer 0123456789abcdef-token"],
            Refusal::SignatureRepeated,
        ),
        (IN_QUERY, &["Bearer 0"], Refusal::SignatureRepeated),
        (
            "/e",
            &["Bearer 0123456789abcdef-token"; 2],
            Refusal::SignatureRepeated,
        ),
    ] {
        assert_eq!(
            token_refused(target, authorization),
            Some(refusal),
            "{target} {authorization:?}"
        );
    }
}

#[test]
fn a_password_in_the_public_url_is_not_printed() {
    let builder = Receiver::builder(
        crate::providers::TWILIO,
        Secret::new("0123456789abcdef0123456789abcdef").unwrap(),
    )
    .public_url("https://user:hunter2secret@h.example/p");
    let receiver = builder.clone().build().unwrap();
    let printed = format!("{builder:?} {receiver:?}");
    assert!(printed.contains("h.example"), "{printed}");
    assert!(!printed.contains("hunter2secret") && !printed.contains("user"));
}

#[test]
fn a_published_key_is_no_secret_however_it_is_written() {
    let scheme = Scheme {
        key: crate::scheme::KeyFormat::TextAfter(crate::text!("whsec_")),
        min_key_len: 8,
        ..crate::providers::MANDRILL
    };
    for text in ["test-webhook", "whsec_test-webhook"] {
        let builder = Receiver::builder(scheme.clone(), Secret::new(text).unwrap());
        let refused = builder.public_url("https://h.example").build();
        assert_eq!(refused.unwrap_err().field(), "secrets", "{text}");
    }
    let other = Receiver::builder(scheme, Secret::new("whsec_another-key").unwrap());
    assert!(other.public_url("https://h.example").build().is_ok());
}

#[test]
fn a_piece_of_what_was_signed_comes_from_what_was_verified() {
    let scheme = Scheme {
        content: crate::list![Part::Query, Part::Literal(crate::text!(":")), Part::Body],
        id: crate::list![crate::scheme::Place::QueryParam(crate::text!("id"))],
        ..GITHUB
    };
    let secret = Secret::new("It's a Secret to Everybody").unwrap();
    let receiver = Receiver::builder(scheme.clone(), secret.clone())
        .build()
        .unwrap();
    let mut keyed = Keyed::new(&scheme, &secret)
        .unwrap()
        .unwrap()
        .start()
        .unwrap();
    keyed.update(b"id=1:{}");
    let tag = crate::scheme::Encoding::Hex.encode(keyed.finish().as_bytes());
    let signature = format!("sha256={}", String::from_utf8(tag).unwrap());
    let head = |target: &str| {
        http::Request::post(target)
            .header("x-hub-signature-256", &signature)
            .body(())
            .unwrap()
    };
    let verified = receiver.verify(&head("/h?id=1"), "{}".into(), NOW).unwrap();
    let delivery = verified.deliver(&head("/h?id=2")).unwrap();
    let id = delivery.id().unwrap();
    assert_eq!((id.as_str(), id.is_signed()), ("1", true));
}

#[test]
fn the_edges_of_settings_belong_to_them() {
    use crate::defaults::MAX_LEASE;
    let of = |secrets| Receiver::builder(GITHUB, secrets);
    let secret = || SecretRing::from(Secret::new("It's a Secret to Everybody").unwrap());
    let said = |built: Result<(), SettingError>| built.err().map(|error| error.to_string());
    for (most, reason) in [
        (0, Some("max_secrets: must be 1 to 16")),
        (1, None),
        (16, None),
        (17, Some("max_secrets: must be 1 to 16")),
    ] {
        let built = of(secret()).max_secrets(most).build().map(drop);
        assert_eq!(said(built).as_deref(), reason, "{most}");
    }
    let stored = || {
        of(secret())
            .store(crate::MemoryStore::single_process(1))
            .deduplicate(crate::danger::Deduplicate::Off)
    };
    let nano = Duration::from_nanos(1);
    let second = Duration::from_secs(1);
    let too_long =
        "lease: is longer than a day: a crashed process would keep its deliveries for so long";
    let too_short = "lease: must be at least three times as long as store_timeout";
    for (lease, reason) in [
        (MAX_LEASE, None),
        (MAX_LEASE + nano, Some(too_long)),
        (3 * second, None),
        (3 * second - nano, Some(too_short)),
    ] {
        let built = stored()
            .lease(lease)
            .store_timeout(second)
            .build()
            .map(drop);
        assert_eq!(said(built).as_deref(), reason, "{lease:?}");
    }
    let millisecond = Duration::from_millis(1);
    for (timeout, reason) in [
        (millisecond, None),
        (2 * millisecond, None),
        (
            millisecond - nano,
            Some("store_timeout: is shorter than a millisecond"),
        ),
        (
            Duration::ZERO,
            Some("store_timeout: must be longer than zero"),
        ),
    ] {
        let built = stored().store_timeout(timeout).build().map(drop);
        assert_eq!(said(built).as_deref(), reason, "{timeout:?}");
    }
}

#[test]
fn a_secret_may_be_good_for_one_moment() {
    let window = |start, end| {
        let secret = Secret::new("It's a Secret to Everybody").unwrap();
        let secret = secret
            .not_before(Timestamp::from_millis(start))
            .not_after(Timestamp::from_millis(end));
        let built = Receiver::builder(GITHUB, secret).build();
        built.err().map(|error| error.to_string())
    };
    assert_eq!(window(1, 2), None);
    assert_eq!(window(1, 1), None);
    assert_eq!(
        window(2, 1).as_deref(),
        Some("secrets: not_before lies after not_after")
    );
}

#[test]
fn there_are_secrets_exactly_where_something_is_proven() {
    use crate::danger::{NoSecret, Weak};
    use crate::scheme::{Algorithm, Grade, Scheme};
    let nothing = || Scheme {
        name: crate::text!("notice"),
        algorithm: Algorithm::Unsigned,
        grade: Grade::Unsigned,
        content: crate::list![],
        ..Scheme::BASE
    };
    let secret = || Secret::new("It's a Secret to Everybody").unwrap();
    let said = |builder: ReceiverBuilder| {
        let built = builder.accept_weak(Weak::NothingProven).build();
        built.err().map(|error| error.to_string())
    };
    assert_eq!(
        said(Receiver::builder(GITHUB, NoSecret)).as_deref(),
        Some("secrets: there is none")
    );
    assert_eq!(
        said(Receiver::builder(nothing(), secret())).as_deref(),
        Some("secrets: the sender proves nothing, so no secret keeps anybody out")
    );
    assert_eq!(said(Receiver::builder(nothing(), NoSecret)), None);
}
