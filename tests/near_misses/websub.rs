//! WebSub: the method is pinned, and what a hub asks is the application's to decide.

use bytes::Bytes;
use countersign::Refusal::{
    BodyIncomplete, BodyTooLarge, MethodNotAllowed, SignatureMalformed, SignatureMismatch,
    SignatureMissing, SignatureRepeated,
};
use countersign::providers::{WEBSUB, WEBSUB_SHA1, WEBSUB_SHA384, WEBSUB_SHA512};
use countersign::{Finished, Receiver, Refusal, Secret, Timestamp};

use crate::attempt::{malformed, repeated};
use crate::macs::{hex, hmac_sha1, hmac_sha256, hmac_sha384, hmac_sha512};
use crate::trial::{Answer, Outcome, Trial};

const KEY: &str = "e3b0c44298fc1c149afbf4c8996fb924";
const HEADER: &str = "x-hub-signature";
const FEED: &str = "<feed><title>Zo\u{eb}'s</title></feed>";
const CHALLENGE: &str = "hub.challenge";

/// The genuine header of each method.
fn signatures() -> [String; 4] {
    let body = [FEED.as_bytes()];
    [
        format!("sha256={}", hex(&hmac_sha256(KEY, &body))),
        format!("sha1={}", hex(&hmac_sha1(KEY, &body))),
        format!("sha384={}", hex(&hmac_sha384(KEY, &body))),
        format!("sha512={}", hex(&hmac_sha512(KEY, &body))),
    ]
}

fn feed() -> Trial {
    let [sha256, ..] = signatures();
    Trial::new(WEBSUB, KEY)
        .target("/sub/17?own=1")
        .set("content-type", "application/atom+xml")
        .body(FEED)
        .set(HEADER, sha256)
}

fn asks(query: &str) -> Trial {
    let trial = Trial::new(WEBSUB, KEY).method("GET");
    trial.target(&format!("/sub/17?{query}")).with_consent()
}

#[test]
fn no_message_chooses_the_method() {
    for (pinned, scheme) in [WEBSUB, WEBSUB_SHA1, WEBSUB_SHA384, WEBSUB_SHA512]
        .into_iter()
        .enumerate()
    {
        let trial = feed().scheme(scheme);
        for (used, value) in signatures().into_iter().enumerate() {
            let trial = trial.clone().set(HEADER, &value);
            if used == pinned {
                trial.passes(&value);
                trial
                    .clone()
                    .body("<feed/>")
                    .refused(SignatureMismatch, "another body");
                let again = trial.add(HEADER, &value);
                again.refused_at_open(SignatureRepeated, value);
            } else {
                trial.refused_at_open(SignatureMalformed, &value);
                // Nor the name of one with the tag of another.
                let (_, tag) = value.split_once('=').expect("a method");
                let own = signatures()[pinned]
                    .split_once('=')
                    .expect("a method")
                    .0
                    .to_owned();
                let mixed = trial.set(HEADER, format!("{own}={tag}"));
                mixed.refused_at_open(SignatureMalformed, format!("{own}={tag}"));
            }
        }
        let upper = signatures()[pinned].replace("sha", "SHA");
        trial
            .clone()
            .set(HEADER, upper)
            .refused_at_open(SignatureMalformed, "SHA");
        let both = format!("{},{}", signatures()[0], signatures()[1]);
        trial
            .clone()
            .set(HEADER, both)
            .refused_at_open(SignatureMalformed, "two methods");
        trial
            .without(HEADER)
            .refused_at_open(SignatureMissing, "none");
    }
}

#[test]
fn a_feed_has_any_type_and_unsigned_links() {
    for kind in ["text/html", "application/json", ""] {
        feed().set("content-type", kind).passes(kind);
    }
    feed()
        .set("link", "<https://evil.example>; rel=\"self\"")
        .passes("links are not signed");
    assert_eq!(feed().fields(), Ok([None, None, None]));
}

#[test]
fn a_hub_asks_and_is_answered_when_the_application_agrees() {
    let text = |text: &str| Outcome::Asked(Answer::handshake(text));
    for mode in ["subscribe", "unsubscribe"] {
        for (challenge, echoed) in [
            ("kitty", "kitty"),
            ("a-._~%2B/=%3A+b", "a-._~+/=: b"),
            ("%6bitty", "kitty"),
            (&*"x".repeat(512), &*"x".repeat(512)),
        ] {
            let query = format!(
                "hub.mode={mode}&hub.topic=https%3A%2F%2Fblog.example&hub.challenge={challenge}&own=1"
            );
            asks(&query).gives(&text(echoed), query);
        }
    }
    let denied = asks("hub.mode=denied&hub.topic=x&hub.reason=%3Cscript%3E&hub.challenge=%3C");
    denied.gives(&text(""), "a denial is told, and nothing is sent back");
    for challenge in ["hub.challenge=", "hub.challenge=a&hub.challenge=b"] {
        let denied = asks(&format!("hub.mode=denied&hub.topic=x&{challenge}"));
        denied.gives(&text(""), "whatever it says where others have a challenge");
    }
    let escaped = asks("hub%2Emode=subscribe&hub.challenge=x");
    escaped.gives(&text("x"), "an escaped name");
    let with_body = asks("hub.mode=denied").body("x".repeat(1_024));
    with_body.gives(&text(""), "a body that nobody reads");
    let too_long = asks("hub.mode=denied").body("x".repeat(1_025));
    too_long.refused(BodyTooLarge { limit: 1_024 }, "a longer one");
    let short = asks("hub.mode=denied").set("content-length", "1");
    short.refused(BodyIncomplete, "a body that does not come");
}

/// Before the application is asked: what cannot be sent back is not worth its while.
#[test]
fn a_challenge_is_bounded_and_of_safe_characters() {
    let challenges = [
        "",
        "%3Cscript%3E",
        "a<b",
        "a>b",
        "a%22b",
        "a'b",
        "a%26b",
        "a%0D%0Ab",
        "a%00",
        "a%09b",
        "%C3%A9",
        "a{b",
        "a%25b",
        "a%5Cb",
        "a(b)",
        "a;b",
        "a,b",
        "a!b",
        "a?b",
        "a@b",
        "%7F",
        "%FF",
        "a%E2%80%AE",
    ];
    for challenge in challenges {
        for mode in ["subscribe", "unsubscribe"] {
            let query = format!("hub.mode={mode}&hub.challenge={challenge}");
            asks(&query).refused_at_open(malformed(CHALLENGE), query);
        }
    }
    for len in [513, 2_049, 8_000] {
        let query = format!("hub.mode=subscribe&hub.challenge={}", "x".repeat(len));
        asks(&query).refused_at_open(malformed(CHALLENGE), len);
    }
    for (query, refusal) in [
        (
            "hub.mode=subscribe&hub.challenge=a&hub.challenge=a",
            repeated(CHALLENGE),
        ),
        (
            "hub.mode=subscribe&hub.challenge=a&hub%2Echallenge=b",
            repeated(CHALLENGE),
        ),
        (
            "hub.mode=subscribe&hub.mode=subscribe&hub.challenge=a",
            repeated("hub.mode"),
        ),
        (
            "hub.mode=denied&hub.mode=subscribe&hub.challenge=a",
            repeated("hub.mode"),
        ),
        ("hub.mode=&hub.challenge=a", malformed("hub.mode")),
        ("hub.mode=%FF&hub.challenge=a", malformed("hub.mode")),
    ] {
        asks(query).refused_at_open(refusal, query);
    }
}

#[test]
fn what_is_no_question_is_no_delivery_either() {
    for query in [
        "",
        "hub.challenge=a",
        "hub.mode=subscribe",
        "hub.mode=subscribe&challenge=a",
        "hub.mode=Subscribe&hub.challenge=a",
        "hub.mode=subscribed&hub.challenge=a",
        "hub.mode=publish&hub.challenge=a",
        "hub.mode=subscribe+&hub.challenge=a",
        "Hub.mode=subscribe&hub.challenge=a",
        "hub_mode=subscribe&hub_challenge=a",
    ] {
        asks(query).refused_at_open(MethodNotAllowed, query);
    }
    let question = asks("hub.mode=subscribe&hub.challenge=a");
    for method in ["HEAD", "PUT", "OPTIONS", "get"] {
        let other = question.clone().method(method);
        other.refused_at_open(MethodNotAllowed, method);
    }
    let post = question.method("POST");
    post.refused_at_open(SignatureMissing, "a POST is a delivery");
    feed()
        .method("GET")
        .with_consent()
        .refused_at_open(MethodNotAllowed, "a delivery by GET");
}

/// Without a word of the application there are no questions.
#[test]
fn nobody_is_asked_who_does_not_want_to_be() {
    for mode in ["subscribe", "unsubscribe", "denied"] {
        let trial = Trial::new(WEBSUB, KEY).method("GET");
        let target = format!("/sub/17?hub.mode={mode}&hub.challenge=a");
        trial
            .target(&target)
            .refused_at_open(MethodNotAllowed, mode);
    }
}

#[test]
fn the_application_sees_the_whole_question() -> Result<(), Refusal> {
    let secret = Secret::new(KEY).expect("a secret");
    let receiver = Receiver::builder(WEBSUB, secret)
        .consent(|question| std::future::ready(question.path() == "/sub/17"))
        .build()
        .expect("a receiver");
    let query =
        "hub.mode=subscribe&hub.topic=https%3A%2F%2Fblog.example&hub.challenge=a&twice=1&twice=2";
    let request = http::Request::get(format!("/sub/17?{query}"));
    let request = request
        .header("x-secret", "x")
        .body(Bytes::new())
        .expect("a request");
    let finished = receiver.open(&request, Timestamp::from_secs(0))?.finish()?;
    let Finished::Asked(asked) = finished else {
        panic!("{finished:?}");
    };
    let question = asked.question();
    assert_eq!((question.method(), question.path()), ("GET", "/sub/17"));
    assert_eq!(
        question.param("hub.topic").as_deref(),
        Some("https://blog.example")
    );
    assert_eq!(question.param("hub.mode").as_deref(), Some("subscribe"));
    assert_eq!(
        (question.param("twice"), question.param("none")),
        (None, None)
    );
    assert_eq!(
        question.header("x-secret"),
        None,
        "no header that the scheme does not name"
    );
    let printed = format!("{asked:?} {question:?}");
    assert!(
        !printed.contains("blog.example") && !printed.contains("sub/17"),
        "{printed}"
    );
    let answer: Answer = asked.answer(true)?.into();
    assert_eq!(answer, Answer::handshake("a"));
    Ok(())
}
