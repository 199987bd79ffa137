use super::*;
use crate::attempt::Attempt;
use crate::intake::Finished;
use crate::receiver::{Receiver, ReceiverBuilder};
use crate::scheme::{AnswerHeader, Encoding, JsonMember, List, Part, Requirement, SignatureRule};
use crate::secret::{Secret, SecretRing};
use crate::timestamp::Timestamp;
use crate::{list, text};

#[path = "handshake_tests/consent.rs"]
mod consent;
#[path = "handshake_tests/safe.rs"]
mod safe;
#[path = "handshake_tests/unsigned.rs"]
mod unsigned;

const SECRET: &str = "0123456789abcdef";
const OTHER_SECRET: &str = "fedcba9876543210";
const NOW: Timestamp = Timestamp::from_secs(0);

const ACME: Scheme = Scheme {
    name: text!("acme"),
    content: list![
        Part::Header(text!("x-signed")),
        Part::Literal(text!("\n")),
        Part::QueryParam(text!("signed")),
        Part::Literal(text!("\n")),
        Part::Body,
    ],
    signature: SignatureRule {
        place: Place::Header(text!("x-signature")),
        ..SignatureRule::BASE
    },
    methods: list![text!("POST"), text!("GET")],
    media_types: list![],
    ..Scheme::BASE
};

fn header(name: &'static str) -> Place {
    Place::Header(text!(name))
}

fn param(name: &'static str) -> Place {
    Place::QueryParam(text!(name))
}

fn json(pointer: &'static str) -> Place {
    Place::Json(text!(pointer))
}

fn form_field(name: &'static str) -> Place {
    Place::Form(text!(name))
}

fn marked(place: Place) -> List<Requirement> {
    vec![Requirement {
        place,
        equals: text!("ask"),
    }]
    .into()
}

fn echo(place: Place) -> AnswerBody {
    AnswerBody::Text(AnswerValue::Echo(place))
}

/// A scheme with one handshake more than `of` has.
fn asking(of: Scheme, handshake: Handshake) -> Scheme {
    let mut handshakes = of.handshakes.to_vec();
    handshakes.push(handshake);
    Scheme {
        handshakes: handshakes.into(),
        ..of
    }
}

fn builder(scheme: Scheme) -> ReceiverBuilder {
    Receiver::builder(scheme, Secret::new(SECRET).unwrap())
}

fn receiver(scheme: Scheme) -> Receiver {
    builder(scheme).build().unwrap()
}

/// One request, as raw as a stranger makes it.
#[derive(Clone)]
struct Ask {
    method: &'static str,
    uri: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl Ask {
    fn new(method: &'static str, uri: impl Into<String>) -> Self {
        Self {
            method,
            uri: uri.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    fn form(self, body: impl AsRef<[u8]>) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    }

    fn request(&self) -> http::Request<()> {
        let mut request = http::Request::builder().method(self.method).uri(&self.uri);
        for (name, value) in &self.headers {
            request = request.header(*name, value.as_slice());
        }
        request.body(()).unwrap()
    }

    /// Head and body in one piece.
    fn send(&self, receiver: &Receiver) -> Result<Finished, Refusal> {
        let mut intake = receiver.open(&self.request(), NOW)?;
        intake.push(Bytes::copy_from_slice(&self.body))?;
        intake.finish()
    }

    fn answer(&self, receiver: &Receiver) -> Result<Reply, Refusal> {
        match self.send(receiver)? {
            Finished::Answered(reply) => Ok(reply),
            other => panic!("not answered: {other:?}"),
        }
    }

    fn is_delivery(&self, receiver: &Receiver) -> bool {
        matches!(self.send(receiver), Ok(Finished::Verified(_)))
    }

    fn refused(&self, receiver: &Receiver) -> Refusal {
        match self.send(receiver) {
            Err(refusal) => refusal,
            Ok(other) => panic!("{} {} is {other:?}", self.method, self.uri),
        }
    }
}

/// A signed request of [`ACME`], by a MAC that this library does not compute.
fn signed(method: &'static str, value: &str, param: &str, body: &str) -> Ask {
    signed_with(SECRET, method, value, param, body)
}

fn signed_with(secret: &str, method: &'static str, value: &str, param: &str, body: &str) -> Ask {
    use ::hmac::{Hmac, KeyInit as _, Mac as _};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{value}\n{param}\n{body}").as_bytes());
    let tag = base16ct::lower::encode_string(&mac.finalize().into_bytes());
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("signed", param)
        .finish();
    Ask::new(method, format!("/hooks?{query}"))
        .header("x-signed", value)
        .header("x-signature", tag)
        .body(body)
}

fn text_reply(body: impl Into<Bytes>) -> Reply {
    Reply {
        kind: ReplyKind::Handshake,
        status: outcome::of_scheme(200),
        content_type: Some(HeaderValue::from_static("text/plain; charset=utf-8")),
        headers: Vec::new(),
        body: body.into(),
    }
}

fn empty_reply() -> Reply {
    Reply {
        content_type: None,
        ..text_reply("")
    }
}

fn malformed(name: &'static str) -> Refusal {
    Refusal::FieldMalformed { name: text!(name) }
}

fn missing(name: &'static str) -> Refusal {
    Refusal::FieldMissing { name: text!(name) }
}

fn repeated(name: &'static str) -> Refusal {
    Refusal::FieldRepeated { name: text!(name) }
}

#[test]
fn a_mark_at_each_place_tells_a_question_from_a_delivery() {
    let cases = [
        (json("/kind"), signed("POST", "h", "p", r#"{"kind":"ask"}"#)),
        (form_field("kind"), signed("POST", "h", "p", "kind=%61sk")),
        (header("x-signed"), signed("POST", "ask", "p", "")),
        (param("signed"), signed("GET", "h", "ask", "")),
    ];
    for (at, (place, question)) in cases.iter().enumerate() {
        let receiver = receiver(asking(
            ACME,
            Handshake {
                method: question.method.into(),
                when: marked(place.clone()),
                ..Handshake::BASE
            },
        ));
        assert_eq!(question.answer(&receiver), Ok(empty_reply()), "{place:?}");
        // What marks another question is a delivery here, and so is another value, and none.
        for (other, (_, delivery)) in cases.iter().enumerate() {
            if other != at {
                assert!(delivery.is_delivery(&receiver), "{place:?} {other}");
            }
        }
        for delivery in [
            signed("POST", "asks", "Ask", r#"{"kind":"asks"}"#),
            signed("POST", "as", "ask ", r#"{"kind":null}"#),
            signed("GET", "ASK", "k", "kind=Ask"),
            signed("POST", "x", "y", r#"{"other":{"kind":"ask"}}"#),
            signed("POST", "x", "y", "kind"),
            signed("POST", "x", "y", "[]"),
            signed("POST", "x", "y", "{"),
        ] {
            let body_is_read = place.is_in_body() && delivery.method == question.method;
            if body_is_read && delivery.body == b"{" && *place == json("/kind") {
                assert_eq!(delivery.refused(&receiver), Refusal::BodyMalformed);
            } else {
                assert!(delivery.is_delivery(&receiver), "{place:?}");
            }
        }
        // The same question, unsigned or signed by somebody else.
        let mut bare = question.clone();
        bare.headers.retain(|(name, _)| *name != "x-signature");
        assert_eq!(bare.refused(&receiver), Refusal::SignatureMissing);
        let forged = bare.header("x-signature", "0".repeat(64));
        assert_eq!(forged.refused(&receiver), Refusal::SignatureMismatch);
    }
}

#[test]
fn all_marks_must_be_there() {
    let both = receiver(asking(
        ACME,
        Handshake {
            when: list![
                Requirement {
                    place: Place::Json(text!("/kind")),
                    equals: text!("ask"),
                },
                Requirement {
                    place: Place::Header(text!("x-signed")),
                    equals: text!("1"),
                },
            ],
            ..Handshake::BASE
        },
    ));
    let ask = r#"{"kind":"ask"}"#;
    assert_eq!(
        signed("POST", "1", "p", ask).answer(&both),
        Ok(empty_reply())
    );
    assert!(signed("POST", "2", "p", ask).is_delivery(&both));
    assert!(signed("POST", "1", "p", r#"{"kind":"no"}"#).is_delivery(&both));
    assert!(signed("GET", "1", "p", ask).is_delivery(&both), "no POST");
}

#[test]
fn a_value_at_each_place_is_sent_back() {
    let body = r#"{"kind":"ask","n":17,"deep":{"a/b":"x y"},"nil":null,"list":[1]}"#;
    for (place, answer) in [
        (header("x-signed"), Ok("head.er")),
        (param("signed"), Ok("a+b/c=")),
        (json("/kind"), Ok("ask")),
        (json("/n"), Ok("17")),
        (json("/deep/a~1b"), Ok("x y")),
        (json("/nil"), Err(missing("/nil"))),
        (json("/none"), Err(missing("/none"))),
        (json("/list"), Err(malformed("/list"))),
        (form_field("kind"), Err(missing("kind"))),
    ] {
        let receiver = receiver(asking(
            ACME,
            Handshake {
                when: marked(json("/kind")),
                body: echo(place.clone()),
                ..Handshake::BASE
            },
        ));
        let question = signed("POST", "head.er", "a+b/c=", body);
        let expect = answer.map(text_reply);
        assert_eq!(question.answer(&receiver), expect, "{place:?}");
    }
    let of_form = receiver(asking(
        ACME,
        Handshake {
            when: marked(form_field("kind")),
            body: echo(form_field("a b")),
            ..Handshake::BASE
        },
    ));
    let ask = |body: &str| signed("POST", "h", "p", body).answer(&of_form);
    assert_eq!(ask("kind=ask&a%20b=1+2%2B"), Ok(text_reply("1 2+")));
    assert_eq!(ask("kind=ask"), Err(missing("a b")));
    assert_eq!(ask("kind=ask&a+b="), Err(malformed("a b")));
}

#[test]
fn an_answer_has_the_status_headers_and_members_that_the_scheme_names() {
    let answer = Handshake {
        when: marked(json("/kind")),
        status: 202,
        headers: list![
            AnswerHeader {
                name: text!("webhook-fixed"),
                value: AnswerValue::Fixed(text!("\"a\" <b>")),
            },
            AnswerHeader {
                name: text!("webhook-echo"),
                value: AnswerValue::Echo(Place::Json(text!("/token"))),
            },
        ],
        body: AnswerBody::Json(list![
            JsonMember {
                name: text!("to\"ken"),
                value: AnswerValue::Echo(Place::Json(text!("/token"))),
            },
            JsonMember {
                name: text!("fixed"),
                value: AnswerValue::Fixed(text!("a\\b")),
            },
        ]),
        ..Handshake::BASE
    };
    let in_json = receiver(asking(ACME, answer.clone()));
    let question = signed("POST", "h", "p", r#"{"kind":"ask","token":"a/b c"}"#);
    let headers = vec![
        (
            HeaderName::from_static("webhook-fixed"),
            HeaderValue::from_static("\"a\" <b>"),
        ),
        (
            HeaderName::from_static("webhook-echo"),
            HeaderValue::from_static("a/b c"),
        ),
    ];
    let expect = Reply {
        kind: ReplyKind::Handshake,
        status: outcome::of_scheme(202),
        content_type: Some(HeaderValue::from_static("application/json")),
        headers,
        body: Bytes::from_static(br#"{"fixed":"a\\b","to\"ken":"a/b c"}"#),
    };
    assert_eq!(question.answer(&in_json), Ok(expect.clone()));
    let fixed = receiver(asking(
        ACME,
        Handshake {
            body: AnswerBody::Text(AnswerValue::Fixed(text!("it's here"))),
            ..answer
        },
    ));
    let expect = Reply {
        content_type: text_reply("").content_type,
        body: Bytes::from_static(b"it's here"),
        ..expect
    };
    assert_eq!(question.answer(&fixed), Ok(expect));
    // One value that cannot be sent back takes the whole answer with it.
    let unsafe_one = signed("POST", "h", "p", r#"{"kind":"ask","token":"<b>"}"#);
    assert_eq!(unsafe_one.refused(&in_json), malformed("/token"));
    assert_eq!(unsafe_one.refused(&fixed), malformed("/token"));
}

/// The tags are OpenSSL's: `printf %s tok-en.42 | openssl dgst -sha256 -hmac 0123456789abcdef`, the last with the other key.
#[test]
fn a_mac_answers_signed_questions_alone_and_with_the_key_that_signed() {
    const HEX: &str = "14553354510843038f5d24173abf81129b2689ea4421e153db42c8f20434bcfa";
    const BASE64: &str = "FFUzVFEIQwOPXSQXOr+BEpsmiepEIeFT20LI8gQ0vPo=";
    const BY_OTHER: &str = "ef7c14afc816919fd017ea283e7c6cdcfe14e04ef150b9e1624bb0cdb0498c1a";
    let answered = |encoding| {
        asking(
            ACME,
            Handshake {
                when: marked(json("/kind")),
                body: AnswerBody::Json(
                    vec![JsonMember {
                        name: text!("mac"),
                        value: AnswerValue::Mac {
                            of: json("/token"),
                            encoding,
                        },
                    }]
                    .into(),
                ),
                ..Handshake::BASE
            },
        )
    };
    const BODY: &str = r#"{"kind":"ask","token":"tok-en.42"}"#;
    let question = signed("POST", "h", "p", BODY);
    for (encoding, mac) in [(Encoding::Hex, HEX), (Encoding::Base64, BASE64)] {
        let reply = question.answer(&receiver(answered(encoding))).unwrap();
        assert_eq!(reply.body, format!(r#"{{"mac":"{mac}"}}"#));
    }
    let ring = |secrets: [&str; 2]| {
        let ring = SecretRing::new(secrets.map(|secret| Secret::new(secret).unwrap()));
        let builder = Receiver::builder(answered(Encoding::Hex), ring.unwrap());
        builder.build().unwrap()
    };
    for receiver in [ring([SECRET, OTHER_SECRET]), ring([OTHER_SECRET, SECRET])] {
        let reply = question.answer(&receiver).unwrap();
        assert_eq!(reply.body, format!(r#"{{"mac":"{HEX}"}}"#));
        let by_other = signed_with(OTHER_SECRET, "POST", "h", "p", BODY);
        let reply = by_other.answer(&receiver).unwrap();
        assert_eq!(reply.body, format!(r#"{{"mac":"{BY_OTHER}"}}"#));
    }
    let alone = Receiver::builder(answered(Encoding::Hex), Secret::new(OTHER_SECRET).unwrap());
    let alone = alone.build().unwrap();
    assert_eq!(question.refused(&alone), Refusal::SignatureMismatch);

    let hex = receiver(answered(Encoding::Hex));
    let mut bare = question;
    bare.headers.retain(|(name, _)| *name != "x-signature");
    assert_eq!(bare.refused(&hex), Refusal::SignatureMissing);
    // No oracle for content of another kind: what is signed is as safe and short as what is sent back.
    for token in ["", "a\\nb", "{}", &"a".repeat(513)] {
        let body = format!(r#"{{"kind":"ask","token":"{token}"}}"#);
        let question = signed("POST", "h", "p", &body);
        let refusal = question.refused(&hex);
        assert_eq!(refusal, malformed("/token"), "{token:?}");
    }
}

/// A question by GET that a token proves, and that has a mark.
fn subscribing() -> Scheme {
    Scheme {
        methods: list![text!("POST")],
        ..asking(
            ACME,
            Handshake {
                method: text!("GET"),
                when: marked(param("mode")),
                proof: Proof::Token {
                    place: param("token"),
                    config: text!("verify-token"),
                },
                body: echo(param("challenge")),
                ..Handshake::BASE
            },
        )
    }
}

#[test]
fn a_token_is_compared_whole() {
    let receiver = builder(subscribing())
        .config("verify-token", "my/token")
        .build()
        .unwrap();
    let ask = |query: &str| Ask::new("GET", format!("/hooks?{query}"));
    let good = ask("mode=ask&token=my%2Ftoken&challenge=115+8");
    assert_eq!(good.answer(&receiver), Ok(text_reply("115 8")));
    for (query, refusal) in [
        (
            "mode=ask&token=my%2Ftoke&challenge=1",
            Refusal::SignatureMismatch,
        ),
        (
            "mode=ask&token=my%2Ftokens&challenge=1",
            Refusal::SignatureMismatch,
        ),
        (
            "mode=ask&token=My%2Ftoken&challenge=1",
            Refusal::SignatureMismatch,
        ),
        (
            "mode=ask&token=my%2Ftoken+&challenge=1",
            Refusal::SignatureMismatch,
        ),
        // A wrong token is said before an unsafe challenge is.
        (
            "mode=ask&token=x&challenge=%3Cb%3E",
            Refusal::SignatureMismatch,
        ),
        (
            "mode=ask&token=my%2Ftoken&challenge=%3Cb%3E",
            malformed("challenge"),
        ),
        ("mode=ask&token=&challenge=1", malformed("token")),
        ("mode=ask&token=%FF&challenge=1", malformed("token")),
        (
            "mode=ask&token=my%2Ftoken&token=my%2Ftoken&challenge=1",
            repeated("token"),
        ),
        (
            "mode=ask&mode=ask&token=my%2Ftoken&challenge=1",
            repeated("mode"),
        ),
        (
            "mode=ask&token=my%2Ftoken&challenge=1&challenge=1",
            repeated("challenge"),
        ),
        // What lacks a part of the question is none.
        ("mode=ask&challenge=1", Refusal::MethodNotAllowed),
        ("mode=ask&token=my%2Ftoken", Refusal::MethodNotAllowed),
        ("token=my%2Ftoken&challenge=1", Refusal::MethodNotAllowed),
        (
            "mode=asks&token=my%2Ftoken&challenge=1",
            Refusal::MethodNotAllowed,
        ),
    ] {
        assert_eq!(ask(query).refused(&receiver), refusal, "{query}");
    }
    let head = Ask::new("HEAD", good.uri.clone());
    assert_eq!(head.refused(&receiver), Refusal::MethodNotAllowed);
    // Without the configured value nobody's token is right.
    let without = builder(subscribing()).build().unwrap();
    assert_eq!(good.refused(&without), Refusal::MethodNotAllowed);
    for bad in ["", " ", "null", "my-token "] {
        let built = builder(subscribing()).config("verify-token", bad).build();
        assert_eq!(
            built.err().map(|error| error.field()),
            Some("config"),
            "{bad:?}"
        );
    }
}

#[test]
fn of_two_questions_of_one_method_the_first_that_fits_is_answered() {
    let fixed = |mark: &'static str, proof: Proof, text: &'static str| Handshake {
        when: vec![Requirement {
            place: json("/kind"),
            equals: text!(mark),
        }]
        .into(),
        proof,
        body: AnswerBody::Text(AnswerValue::Fixed(text!(text))),
        ..Handshake::BASE
    };
    let scheme = asking(ACME, fixed("one", Proof::Signature, "first"));
    let scheme = asking(scheme, fixed("two", Proof::Signature, "second"));
    let both = receiver(asking(scheme, fixed("one", Proof::Signature, "third")));
    let ask = |kind: &str| signed("POST", "h", "p", &format!(r#"{{"kind":"{kind}"}}"#));
    assert_eq!(ask("one").answer(&both), Ok(text_reply("first")));
    assert_eq!(ask("two").answer(&both), Ok(text_reply("second")));
    assert!(ask("three").is_delivery(&both));
}

#[test]
fn a_place_that_is_there_twice_is_refused() {
    let receiver = |place: Place| {
        receiver(asking(
            ACME,
            Handshake {
                when: marked(json("/kind")),
                body: echo(place),
                ..Handshake::BASE
            },
        ))
    };
    for body in [
        r#"{"kind":"ask","kind":"ask","token":"1"}"#,
        r#"{"kind":"no","kind":"ask","token":"1"}"#,
        r#"{"kind":"ask","kind":"no","token":"1"}"#,
    ] {
        let question = signed("POST", "h", "p", body);
        assert_eq!(
            question.refused(&receiver(json("/token"))),
            repeated("/kind"),
            "{body}"
        );
    }
    let twice = signed(
        "POST",
        "h",
        "p",
        r#"{"kind":"ask","token":"1","token":"1"}"#,
    );
    assert_eq!(twice.refused(&receiver(json("/token"))), repeated("/token"));
    let twice = signed("POST", "h", "p", r#"{"kind":"ask"}"#);
    let twice = twice.header("x-signed", "h");
    assert_eq!(
        twice.refused(&receiver(header("x-signed"))),
        repeated("x-signed")
    );
    let of_form = self::receiver(asking(
        ACME,
        Handshake {
            when: marked(form_field("kind")),
            ..Handshake::BASE
        },
    ));
    let twice = signed("POST", "h", "p", "kind=ask&%6bind=ask");
    assert_eq!(twice.refused(&of_form), repeated("kind"));
}

/// Why it failed, if it did and nothing proved it.
fn failure(attempt: &Attempt<'_>) -> Option<Refusal> {
    let refusal = attempt.refusal.filter(|_| !attempt.is_verified);
    refusal.cloned()
}
