//! Published signatures are made again; what cannot be signed is said; each place is written to.

use super::*;
use crate::providers::{GITHUB, GITHUB_SHA1, SHOPIFY, SLACK, STANDARD_WEBHOOKS, STRIPE, SVIX};
use crate::scheme::{Encoding, Grade, Hash, Layout, Requirement, SignatureRule};
use crate::secret::SecretError;
use crate::timestamp::Timestamp;
use crate::{list, text};

/// Signs and picks one header. The expected values are published ones.
fn signed(scheme: &Scheme, secret: &str, message: &Message<'_>, header: &str) -> String {
    let secret = crate::danger::secret_of_any_length(secret).unwrap();
    let headers = scheme.sign(&secret, message).unwrap();
    let (_, value) = headers.iter().find(|(name, _)| name == header).unwrap();
    value.to_str().unwrap().to_owned()
}

#[test]
fn published_signatures_are_made_again() {
    let at = Timestamp::from_secs;
    assert_eq!(
        signed(
            &GITHUB_SHA1,
            "0123456789abcdef",
            &Message::new(b"payload=%7B%22yo%22%3Atrue%7D", at(0)),
            "x-hub-signature"
        ),
        "sha1=3374ef144403e8035423b23b02e2c9d7a4c50368"
    );
    assert_eq!(
        signed(
            &GITHUB,
            "0123456789abcdef",
            &Message::new(b"{\"yo\":true}", at(0)),
            "x-hub-signature-256"
        ),
        "sha256=b1f8020f5b4cd42042f807dd939015c4a418bc1ff7f604dd55b0a19b5d953d9b"
    );
    assert_eq!(
        signed(
            &SHOPIFY,
            "test_secret_key",
            &Message::new(b"{\"foo\": \"bar\"}", at(0)),
            "shopify-hmac-sha256"
        ),
        "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="
    );
    let message = Message::new(b"{\"test\": 2432232314}", at(1_614_265_330))
        .id("msg_p5jXN8AQM9LWM0D4loKWxJek");
    for (scheme, header) in [
        (STANDARD_WEBHOOKS, "webhook-signature"),
        (SVIX, "svix-signature"),
    ] {
        assert_eq!(
            signed(
                &scheme,
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                &message,
                header
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }
    let command = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    assert_eq!(
        signed(
            &SLACK,
            "8f742231b10e8888abcd99yyyzzz85a5",
            &Message::new(command, at(1_531_420_618)),
            "x-slack-signature"
        ),
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    );
    let stripe = Message::new(b"{}", at(1_533_204_620));
    assert!(
        signed(&STRIPE, "webhook_secret", &stripe, "stripe-signature")
            .starts_with("t=1533204620,v1=")
    );
}

#[test]
fn what_cannot_be_signed_is_said() {
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let message = Message::new(b"{}", Timestamp::from_secs(0));
    assert_eq!(
        STANDARD_WEBHOOKS.sign(&secret, &message).unwrap_err(),
        SignError::Missing { name: "id".into() }
    );
    assert_eq!(
        STANDARD_WEBHOOKS
            .sign(&secret, &message.id("a\nb"))
            .unwrap_err(),
        SignError::Value { what: "the id" }
    );
}

fn secret() -> Secret {
    Secret::new("0123456789abcdef").unwrap()
}

fn scheme(place: Place) -> Scheme {
    Scheme {
        name: text!("acme"),
        signature: SignatureRule {
            place,
            ..SignatureRule::BASE
        },
        ..Scheme::BASE
    }
}

fn token(place: Place) -> Scheme {
    let scheme = scheme(place);
    Scheme {
        algorithm: Algorithm::Token,
        grade: Grade::Token,
        content: list![],
        signature: SignatureRule {
            encoding: Encoding::Plain,
            ..scheme.signature
        },
        ..scheme
    }
}

/// The target and the body of a request to `/hooks?a=1`.
fn sent(scheme: &Scheme, body: &str) -> Result<(String, String), SignError> {
    let message = Message::new(body.as_bytes(), Timestamp::from_secs(0));
    let message = message.request("POST", "https://example.com:8443/hooks?a=1");
    let request = scheme.request(&secret(), &message)?;
    assert_eq!(request.headers()["host"], "example.com:8443");
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    Ok((request.uri().to_string(), body))
}

#[test]
fn a_token_is_written_wherever_it_lies() {
    for (place, body, target, written) in [
        (
            Place::QueryParam(text!("to ken")),
            "{}",
            "/hooks?a=1&to+ken=0123456789abcdef",
            "{}",
        ),
        (Place::PathEnd, "{}", "/hooks/0123456789abcdef?a=1", "{}"),
        (
            Place::Form(text!("token")),
            "b=%20",
            "/hooks?a=1",
            "b=%20&token=0123456789abcdef",
        ),
        (
            Place::Json(text!("/token")),
            "{\"b\": 1.0}",
            "/hooks?a=1",
            "{\"token\":\"0123456789abcdef\",\"b\": 1.0}",
        ),
    ] {
        let expect = Ok((target.to_owned(), written.to_owned()));
        assert_eq!(sent(&token(place), body), expect);
    }
    let no_object = sent(&token(Place::Json(text!("/token"))), "[]");
    assert_eq!(
        no_object,
        Err(SignError::Value {
            what: "the signature"
        })
    );
}

#[test]
fn what_the_message_brings_along_is_kept() {
    let scheme = Scheme {
        id: list![Place::Header(text!("x-id"))],
        requires: list![Requirement {
            place: Place::Header(text!("x-version")),
            equals: text!("1"),
        }],
        ..scheme(Place::Header(text!("x-signature")))
    };
    let message = Message::new(b"{}", Timestamp::from_secs(0));
    let headers = |message: &Message<'_>, name: &str| -> Vec<String> {
        let headers = scheme.sign(&secret(), message).unwrap();
        let lines = headers.iter().filter(|(known, _)| known == name);
        lines
            .map(|(_, value)| value.to_str().unwrap().to_owned())
            .collect()
    };
    assert!(headers(&message, "x-id").is_empty());
    assert_eq!(headers(&message, "x-version"), ["1"]);
    let message = message.id("2").header("X-ID", "3").header("x-version", "4");
    assert_eq!(headers(&message, "x-id"), ["3"]);
    assert_eq!(headers(&message, "x-version"), ["4"]);
}

#[test]
fn an_id_of_several_places_is_taken_apart() {
    const BOTH: List<Place> = list![
        Place::Header(text!("x-source")),
        Place::Header(text!("x-id"))
    ];
    let scheme = Scheme {
        id: list![Place::All(BOTH)],
        ..scheme(Place::Header(text!("x-signature")))
    };
    let message = Message::new(b"{}", Timestamp::from_secs(0));
    let headers = scheme
        .sign(&secret(), &message.clone().id("a~1b/c~0"))
        .unwrap();
    let value = |name: &str| {
        let header = headers.iter().find(|(known, _)| known == name).unwrap();
        header.1.to_str().unwrap().to_owned()
    };
    assert_eq!(
        (value("x-source"), value("x-id")),
        ("a/b".to_owned(), "c~".to_owned())
    );
    let short = scheme.sign(&secret(), &message.id("a")).unwrap_err();
    assert_eq!(short, SignError::Value { what: "the id" });
}

#[test]
fn a_missing_value_is_named() {
    let message = Message::new(b"{}", Timestamp::from_secs(0));
    let signed = |content: &'static [Part], message: &Message<'_>| {
        let scheme = Scheme {
            content: content.into(),
            signature: SignatureRule {
                layout: Layout::Pairs {
                    separator: text!(","),
                    assign: text!("="),
                    accept: list![text!("v1")],
                    ignore: list![],
                },
                ..scheme(Place::Header(text!("x-signature"))).signature
            },
            ..scheme(Place::Header(text!("x-signature")))
        };
        scheme.sign(&secret(), message).map(|_| ())
    };
    let missing = |name: &'static str| Err(SignError::Missing { name: name.into() });
    const HEADER: &[Part] = &[
        Part::Header(text!("x-nonce")),
        Part::Literal(text!(".")),
        Part::Body,
    ];
    const PAIR: &[Part] = &[
        Part::Pair(text!("n")),
        Part::Literal(text!(".")),
        Part::Body,
    ];
    const CONFIG: &[Part] = &[Part::Config(text!("key")), Part::Body];
    const URL: &[Part] = &[Part::Url, Part::Literal(text!("\n")), Part::Body];
    assert_eq!(signed(HEADER, &message), missing("x-nonce"));
    assert_eq!(signed(PAIR, &message), missing("n"));
    assert_eq!(signed(CONFIG, &message), missing("key"));
    let path = message.clone().request("POST", "/hooks");
    assert_eq!(signed(URL, &path), missing("the absolute URL"));
    let all = message
        .header("x-nonce", "1")
        .pair("n", "1")
        .config("key", "1");
    for content in [HEADER, PAIR, CONFIG, URL] {
        assert_eq!(signed(content, &all), Ok(()));
    }
}

#[test]
fn what_makes_no_sense_or_is_not_built_in_is_not_signed() {
    let message = Message::new(b"{}", Timestamp::from_secs(0));
    let error = |scheme: &Scheme| scheme.request(&secret(), &message).map(|_| ()).unwrap_err();
    let nameless = Scheme::BASE;
    assert!(matches!(error(&nameless), SignError::Scheme(wrong) if wrong.field == "name"));
    let unsupported = |what| SignError::Unsupported { what };
    let md5 = Scheme {
        algorithm: Algorithm::Md5,
        content: list![Part::Body, Part::Secret],
        ..scheme(Place::Header(text!("x-signature")))
    };
    assert_eq!(error(&md5), unsupported("a signature"));
    let crc = Scheme {
        content: list![
            Part::Body,
            Part::Digest {
                algorithm: Hash::Crc32,
                encoding: Encoding::Decimal,
                of: list![Part::Body],
            }
        ],
        ..scheme(Place::Header(text!("x-signature")))
    };
    assert_eq!(error(&crc), unsupported("a digest"));
    let url = Scheme {
        grade: Grade::SignatureUndelimited,
        content: list![Part::Body, Part::Url],
        ..scheme(Place::PathEnd)
    };
    assert_eq!(
        error(&url),
        unsupported("a signature over the path that it ends")
    );
    let secret = Secret::new("short").unwrap();
    let short = scheme(Place::PathEnd)
        .request(&secret, &message)
        .unwrap_err();
    assert!(matches!(
        short,
        SignError::Secret(SecretError::TooShort {
            bytes: 5,
            least: 16
        })
    ));
}

#[test]
fn a_sender_that_proves_nothing_sends_what_it_has() {
    let unsigned = Scheme {
        name: text!("acme"),
        algorithm: Algorithm::Unsigned,
        grade: Grade::Unsigned,
        content: list![],
        event: list![Place::Header(text!("x-event"))],
        ..Scheme::BASE
    };
    let message = Message::new(b"{}", Timestamp::from_secs(0)).event("ping");
    let secret = Secret::new("short").unwrap();
    let headers = unsigned.sign(&secret, &message).unwrap();
    let lines: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    assert_eq!(
        lines,
        [("content-type", "application/json"), ("x-event", "ping")]
    );
}

#[test]
fn an_empty_path_is_signed_as_it_arrives() {
    let url = Scheme {
        content: list![Part::Body, Part::Literal(text!(".")), Part::Url],
        ..scheme(Place::Header(text!("x-signature")))
    };
    let signed = |url_of_message: &'static str| {
        let message = Message::new(b"{}", Timestamp::from_secs(0)).request("POST", url_of_message);
        let request = url.request(&secret(), &message).unwrap();
        (
            request.uri().to_string(),
            request.headers()["x-signature"].clone(),
        )
    };
    assert_eq!(
        signed("https://example.com"),
        signed("https://example.com/")
    );
    assert_eq!(
        signed("https://example.com?a=1"),
        signed("https://example.com/?a=1")
    );
    assert_eq!(signed("https://example.com?a=1").0, "/?a=1");
}
