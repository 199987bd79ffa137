use super::*;
use crate::scheme::{
    AnswerHeader, FieldShape, Grade, JsonMember, List, Part, Requirement, SignatureRule, Text,
};
use crate::{list, text};

#[path = "asked_tests/checks.rs"]
mod checks;

const GOOD: Scheme = Scheme {
    name: text!("acme"),
    signature: SignatureRule {
        place: Place::Header(text!("x-signature")),
        ..SignatureRule::BASE
    },
    ..Scheme::BASE
};

const TOKEN: Scheme = Scheme {
    grade: Grade::Token,
    algorithm: Algorithm::Token,
    content: list![],
    signature: SignatureRule {
        place: Place::Header(text!("x-token")),
        encoding: Encoding::Plain,
        ..SignatureRule::BASE
    },
    ..GOOD
};

fn verdict(scheme: &Scheme) -> Option<(&'static str, String)> {
    scheme
        .check()
        .err()
        .map(|error| (error.field, error.reason))
}

/// The bad scheme is refused for exactly this, and its nearest good twin is not.
#[track_caller]
fn refused(field: &'static str, reason: &str, bad: &Scheme, twin: &Scheme) {
    assert_eq!(verdict(bad), Some((field, reason.to_owned())));
    assert_eq!(verdict(twin), None);
}

fn json(pointer: &'static str) -> Place {
    Place::Json(text!(pointer))
}

fn header(name: &'static str) -> Place {
    Place::Header(text!(name))
}

fn param(name: &'static str) -> Place {
    Place::QueryParam(text!(name))
}

fn mark(place: Place, equals: &'static str) -> List<Requirement> {
    vec![Requirement {
        place,
        equals: text!(equals),
    }]
    .into()
}

fn repeat<T: Clone>(item: &T, times: usize) -> List<T>
where
    [T]: ToOwned<Owned = Vec<T>>,
{
    vec![item.clone(); times].into()
}

// ---- unsigned shapes

const SHAPE: UnsignedShape = UnsignedShape {
    method: text!("POST"),
    media_type: Some(text!("application/x-www-form-urlencoded")),
    fields: list![FieldShape {
        optional: false,
        name: text!("a"),
        value: ValueShape::Digits,
    }],
    public_key: None,
    status: 200,
};

fn shaped(of: Scheme, shape: UnsignedShape) -> Scheme {
    Scheme {
        unsigned: vec![shape].into(),
        ..of
    }
}

fn fields(fields: &[(&'static str, ValueShape)]) -> UnsignedShape {
    let field = |(name, value): &(&'static str, ValueShape)| FieldShape {
        optional: false,
        name: text!(name),
        value: value.clone(),
    };
    UnsignedShape {
        fields: fields.iter().map(field).collect(),
        ..SHAPE
    }
}

#[test]
fn shapes_without_a_signature_are_few_and_small() {
    let unsigned = |bad: UnsignedShape, twin: UnsignedShape, reason| {
        refused("unsigned", reason, &shaped(GOOD, bad), &shaped(GOOD, twin));
    };
    let many = |times| Scheme {
        unsigned: repeat(&SHAPE, times),
        ..GOOD
    };
    refused("unsigned", "there are more than eight", &many(9), &many(8));
    for method in ["", "post", "Post", "PO ST", "M-SEARCH"] {
        let bad = UnsignedShape {
            method: text!(method),
            ..SHAPE
        };
        unsigned(bad, SHAPE, "a method is written in upper case");
    }
    for (bad, twin) in [
        (199, 200),
        (300, 299),
        (0, 204),
        (401, 205),
        (u16::MAX, 202),
    ] {
        unsigned(
            UnsignedShape {
                status: bad,
                ..SHAPE
            },
            UnsignedShape {
                status: twin,
                ..SHAPE
            },
            "an answer has a status from 200 to 299",
        );
    }
    let form = "a body without a signature is a form of known fields";
    unsigned(fields(&[]), SHAPE, form);
    for kind in ["application/json", "Application/x-www-form-urlencoded", ""] {
        let bad = UnsignedShape {
            media_type: Some(text!(kind)),
            ..SHAPE
        };
        unsigned(bad, SHAPE, form);
    }
    let bodiless = UnsignedShape {
        media_type: None,
        ..fields(&[])
    };
    assert_eq!(verdict(&shaped(GOOD, bodiless.clone())), None);
    let named = "a field has no name, or the name of another";
    let digits = || ValueShape::Digits;
    unsigned(fields(&[("", digits())]), SHAPE, named);
    unsigned(
        fields(&[
            ("a", digits()),
            ("b", digits()),
            ("a", ValueShape::Opaque(1)),
        ]),
        fields(&[
            ("a", digits()),
            ("b", digits()),
            ("A", ValueShape::Opaque(1)),
        ]),
        named,
    );
    unsigned(
        fields(&[("a", ValueShape::Opaque(1_025))]),
        fields(&[("a", ValueShape::Opaque(1_024))]),
        "a value is at most 1024 bytes long",
    );
}

#[test]
fn a_signature_in_the_body_is_not_missed_by_the_head() {
    let in_body = |place| Scheme {
        signature: SignatureRule {
            place,
            ..TOKEN.signature
        },
        ..TOKEN
    };
    let reason = "a signature in the body cannot be known to be missing by the head";
    for place in [json("/token"), Place::Form(text!("token"))] {
        let bad = shaped(in_body(place.clone()), SHAPE);
        refused(
            "unsigned",
            reason,
            &bad,
            &shaped(in_body(header("x")), SHAPE),
        );
        // A probe without a body is another method's.
        let probe = UnsignedShape {
            method: text!("GET"),
            media_type: None,
            ..SHAPE
        };
        assert_eq!(verdict(&shaped(in_body(place), probe)), None);
    }
    // Every form would be taken for the shape, and refused where it is none.
    let nothing = Scheme {
        name: text!("acme"),
        grade: Grade::Unsigned,
        algorithm: Algorithm::Unsigned,
        content: list![],
        ..Scheme::BASE
    };
    let probe = UnsignedShape {
        method: text!("HEAD"),
        media_type: None,
        ..SHAPE
    };
    refused(
        "unsigned",
        "the deliveries of a sender that proves nothing have no signature that could be missing",
        &shaped(nothing.clone(), SHAPE),
        &shaped(nothing, probe),
    );
}

#[test]
fn a_published_key_signs_forms() {
    let keyed = |key: &'static str, shape: UnsignedShape| UnsignedShape {
        public_key: Some(text!(key)),
        ..shape
    };
    let reason = "a published key signs forms, under an algorithm that signs";
    let good = shaped(GOOD, keyed("test", SHAPE));
    let bodiless = UnsignedShape {
        media_type: None,
        ..SHAPE
    };
    for bad in [
        shaped(GOOD, keyed("", SHAPE)),
        shaped(GOOD, keyed("test", bodiless)),
        shaped(TOKEN, keyed("test", SHAPE)),
    ] {
        refused("unsigned", reason, &bad, &good);
    }
    assert_eq!(verdict(&shaped(TOKEN, SHAPE)), None);
}

// ---- handshakes

fn asking(of: Scheme, handshake: Handshake) -> Scheme {
    Scheme {
        handshakes: vec![handshake].into(),
        ..of
    }
}

#[track_caller]
fn handshake(reason: &str, bad: Handshake, twin: Handshake) {
    refused(
        "handshakes",
        reason,
        &asking(GOOD, bad),
        &asking(GOOD, twin),
    );
}

fn signed() -> Handshake {
    Handshake {
        when: mark(json("/type"), "ask"),
        ..Handshake::BASE
    }
}

fn by_token() -> Handshake {
    Handshake {
        method: text!("GET"),
        proof: Proof::Token {
            place: param("token"),
            config: text!("verify-token"),
        },
        ..Handshake::BASE
    }
}

fn by_consent() -> Handshake {
    Handshake {
        method: text!("GET"),
        proof: Proof::Consent,
        ..Handshake::BASE
    }
}

#[test]
fn handshakes_are_few_and_of_one_method() {
    let many = |times| Scheme {
        handshakes: repeat(&signed(), times),
        ..GOOD
    };
    refused(
        "handshakes",
        "there are more than eight",
        &many(9),
        &many(8),
    );
    for method in ["", "get", "GET "] {
        let bad = Handshake {
            method: text!(method),
            ..by_token()
        };
        handshake("a method is written in upper case", bad, by_token());
    }
    for (bad, twin) in [(100, 200), (302, 202), (404, 299)] {
        handshake(
            "an answer has a status from 200 to 299",
            Handshake {
                status: bad,
                ..signed()
            },
            Handshake {
                status: twin,
                ..signed()
            },
        );
    }
}

#[test]
fn a_question_is_told_from_a_delivery() {
    let get = |of: Handshake| Handshake {
        method: text!("GET"),
        ..of
    };
    let post = |of: Handshake| Handshake {
        method: text!("POST"),
        ..of
    };
    handshake(
        "a question that is signed like a delivery has the method of one",
        get(signed()),
        signed(),
    );
    let both = Scheme {
        methods: list![text!("POST"), text!("GET")],
        ..GOOD
    };
    assert_eq!(verdict(&asking(both, get(signed()))), None);
    let untold = "nothing tells the question from a delivery";
    handshake(untold, Handshake::BASE, signed());
    handshake(untold, post(by_consent()), by_consent());
    assert_eq!(verdict(&asking(GOOD, post(by_token()))), None);
    let echoing = Handshake {
        body: AnswerBody::Text(AnswerValue::Echo(header("x-challenge"))),
        ..by_consent()
    };
    assert_eq!(verdict(&asking(GOOD, post(echoing))), None);
    handshake(
        "an empty value is no mark",
        Handshake {
            when: mark(json("/type"), ""),
            ..signed()
        },
        signed(),
    );
    let by_header = || Handshake {
        when: mark(header("x-type"), "ask"),
        ..signed()
    };
    handshake(
        "nothing that is signed tells the question from a delivery: any delivery could be made to pass for one",
        by_header(),
        text_of(AnswerValue::Echo(json("/challenge")), by_header()),
    );
    let holding = Scheme {
        content: list![
            Part::Header(text!("x-type")),
            Part::Literal(text!(".")),
            Part::Body
        ],
        ..GOOD
    };
    assert_eq!(verdict(&asking(holding, by_header())), None);
    // Where nothing is signed, nothing can be asked for.
    assert_eq!(verdict(&asking(TOKEN, by_header())), None);
}

#[test]
fn what_a_question_reads_can_be_read() {
    let reason = "a question is told by headers and parameters, and by the body when it is signed";
    for place in [json("/type"), Place::Form(text!("type"))] {
        for of in [by_token(), by_consent()] {
            let bad = Handshake {
                when: mark(place.clone(), "ask"),
                ..of.clone()
            };
            let twin = Handshake {
                when: mark(param("type"), "ask"),
                ..of
            };
            handshake(reason, bad, twin);
        }
        let echoed = Handshake {
            body: AnswerBody::Text(AnswerValue::Echo(place.clone())),
            ..by_consent()
        };
        handshake(reason, echoed, by_consent());
        let token = Handshake {
            proof: Proof::Token {
                place,
                config: text!("verify-token"),
            },
            ..by_token()
        };
        handshake(reason, token, by_token());
    }
    for place in [
        Place::PathEnd,
        Place::FirstItem,
        Place::Pair(text!("t")),
        Place::FormJson {
            field: text!("payload"),
            pointer: text!("/type"),
        },
    ] {
        let bad = Handshake {
            when: mark(place, "ask"),
            ..signed()
        };
        handshake(reason, bad, signed());
    }
    // Places are judged like any others.
    for (place, reason) in [
        (param(""), "a name is empty"),
        (
            header("X-Type"),
            "a header name must be a valid one in lower case",
        ),
        (
            json("type"),
            "a JSON pointer starts with a slash, escapes as RFC 6901 says and has at most 15 steps",
        ),
        (
            Place::All(vec![json("/a"), json("/b")].into()),
            "only an id, event name or tenant is made of several places",
        ),
        (
            Place::JsonEach {
                array: text!("/a"),
                pointer: text!("/b"),
            },
            "only a token lies in every element of an array",
        ),
    ] {
        let bad = Handshake {
            when: mark(place, "ask"),
            ..signed()
        };
        handshake(reason, bad, signed());
    }
    let unnamed = Handshake {
        proof: Proof::Token {
            place: param("token"),
            config: text!(""),
        },
        ..by_token()
    };
    handshake("a config name is empty", unnamed, by_token());
}

#[test]
fn a_sender_that_proves_nothing_signs_no_question() {
    let nothing = Scheme {
        name: text!("acme"),
        grade: Grade::Unsigned,
        algorithm: Algorithm::Unsigned,
        content: list![],
        ..Scheme::BASE
    };
    refused(
        "handshakes",
        "a sender that proves nothing signs no questions",
        &asking(nothing.clone(), signed()),
        &asking(nothing, by_consent()),
    );
}

fn text_of(value: AnswerValue, of: Handshake) -> Handshake {
    Handshake {
        body: AnswerBody::Text(value),
        ..of
    }
}

#[test]
fn fixed_texts_are_visible_and_short() {
    let fixed = |text: Text| text_of(AnswerValue::Fixed(text), signed());
    let reason = "a fixed text is of at most 256 visible ASCII characters";
    let longest = || fixed("x".repeat(256).into());
    handshake(reason, fixed("x".repeat(257).into()), longest());
    for bad in ["a\nb", "a\r\nb", "a\tb", "a\0", "\u{e9}", "\u{7f}"] {
        handshake(reason, fixed(text!(bad)), fixed(text!("a b <c>")));
    }
}

#[test]
fn what_a_signature_sends_back_is_signed() {
    let reason = "what is sent back because of a signature must be signed";
    let echo = |place| text_of(AnswerValue::Echo(place), signed());
    for place in [header("x-challenge"), param("challenge")] {
        handshake(reason, echo(place.clone()), echo(json("/challenge")));
        // A token signs nothing: whoever has it may have anything sent back.
        assert_eq!(verdict(&asking(TOKEN, echo(place.clone()))), None);
        assert_eq!(
            verdict(&asking(GOOD, text_of(AnswerValue::Echo(place), by_token()))),
            None
        );
    }
    let in_header = Handshake {
        headers: vec![AnswerHeader {
            name: text!("x-hook-secret"),
            value: AnswerValue::Echo(header("x-hook")),
        }]
        .into(),
        ..signed()
    };
    let members = |place| Handshake {
        body: AnswerBody::Json(
            vec![JsonMember {
                name: text!("a"),
                value: AnswerValue::Echo(place),
            }]
            .into(),
        ),
        ..signed()
    };
    handshake(reason, in_header, members(json("/a")));
    handshake(reason, members(header("a")), members(json("/a")));
}

#[test]
fn a_mac_answers_signed_questions_of_schemes_that_have_one() {
    let reason = "a MAC answers questions that a signed value marks, and nothing else: anybody's would make the receiver sign what he likes";
    let mac =
        |of: Place, encoding, handshake| text_of(AnswerValue::Mac { of, encoding }, handshake);
    let good = || mac(json("/t"), Encoding::Hex, signed());
    for bad in [
        mac(json("/t"), Encoding::Plain, signed()),
        mac(json("/t"), Encoding::Decimal, signed()),
        mac(header("x-t"), Encoding::Hex, signed()),
        mac(param("t"), Encoding::Hex, by_token()),
        mac(param("t"), Encoding::Hex, by_consent()),
        // A mark that is not signed turns any delivery into the question.
        mac(
            json("/t"),
            Encoding::Hex,
            Handshake {
                when: mark(header("x-verify"), "1"),
                ..signed()
            },
        ),
    ] {
        handshake(reason, bad, good());
    }
    let base64 = mac(json("/t"), Encoding::Base64, signed());
    assert_eq!(verdict(&asking(GOOD, base64)), None);
    let digest = Scheme {
        algorithm: Algorithm::Sha256,
        content: list![Part::Body, Part::Secret],
        ..GOOD
    };
    for of in [TOKEN, digest] {
        refused(
            "handshakes",
            reason,
            &asking(of.clone(), good()),
            &asking(of, signed()),
        );
    }
}

#[test]
fn the_headers_of_an_answer_are_few_and_the_schemes_to_set() {
    let headers = |names: &[&'static str]| {
        let header = |name: &&'static str| AnswerHeader {
            name: text!(name),
            value: AnswerValue::Fixed(text!("*")),
        };
        Handshake {
            headers: names.iter().map(header).collect(),
            ..signed()
        }
    };
    const NINE: [&str; 9] = [
        "webhook-a",
        "webhook-b",
        "webhook-c",
        "webhook-d",
        "webhook-e",
        "webhook-f",
        "webhook-g",
        "webhook-h",
        "webhook-i",
    ];
    handshake(
        "there are more than eight headers",
        headers(&NINE),
        headers(&NINE[..8]),
    );
    for name in ["", "X-Allowed", "x allowed", "x:", "\u{e9}"] {
        handshake(
            "a header name must be a valid one in lower case",
            headers(&[name]),
            headers(&["webhook-allowed"]),
        );
    }
    handshake(
        "two headers have the same name",
        headers(&[NINE[0], NINE[1], NINE[0]]),
        headers(&NINE[..3]),
    );
    for name in [
        "cache-control",
        "content-encoding",
        "content-type",
        "set-cookie",
        "location",
        "www-authenticate",
        "access-control-allow-origin",
        "x-accel-redirect",
        "x-lighttpd-send-file",
        "x-hook",
    ] {
        handshake(
            "an answer's header is allow, or one of x-hook-, webhook- and validation-",
            headers(&[name]),
            headers(&["allow"]),
        );
    }
}

#[test]
fn the_body_of_an_answer_is_none_a_text_or_a_small_object() {
    let reason = "a JSON answer has one to eight members, each with a name of its own";
    let members = |names: &[&'static str]| {
        let member = |name: &&'static str| JsonMember {
            name: text!(name),
            value: AnswerValue::Fixed(text!("x")),
        };
        Handshake {
            body: AnswerBody::Json(names.iter().map(member).collect()),
            ..signed()
        }
    };
    const NINE: [&str; 9] = [
        "webhook-a",
        "webhook-b",
        "webhook-c",
        "webhook-d",
        "webhook-e",
        "webhook-f",
        "webhook-g",
        "webhook-h",
        "webhook-i",
    ];
    for bad in [&[][..], &[""], &["a", ""], &["a", "b", "a"], &NINE] {
        handshake(reason, members(bad), members(&NINE[..8]));
    }
    // HTTP has no body there: whoever wrote one anyway would be out of step with the other side.
    for status in [204, 205] {
        let bad = Handshake {
            status,
            ..members(&["a"])
        };
        let twin = Handshake { status, ..signed() };
        handshake(
            "an answer with the status 204 or 205 has no body",
            bad,
            twin,
        );
    }
}

/// Every kind of answer, proof and value from a file, and back.
#[test]
fn handshakes_and_shapes_come_from_files_too() {
    let file = r#"
        name = "acme"
        signature = { header = "x-signature" }

        [[unsigned]]
        method = "POST"
        media_type = "application/x-www-form-urlencoded"
        fields = [
            { name = "a", value = { exactly = "1" } },
            { name = "b", value = "digits" },
            { name = "c", value = { opaque = 8 } },
        ]
        public_key = "test"
        status = 200

        [[handshakes]]
        when = [{ json = "/type", equals = "ask" }]
        proof = "signature"
        body = { json = [
            { name = "plain", echo = { json = "/token" } },
            { name = "mac", mac = { of = { json = "/token" }, encoding = "hex" } },
            { name = "fixed", fixed = "x" },
        ] }

        [[handshakes]]
        method = "GET"
        proof = { token = { place = { query-param = "token" }, config = "verify-token" } }
        body = { text = { echo = { query-param = "challenge" } } }

        [[handshakes]]
        method = "OPTIONS"
        proof = "consent"
        status = 204
        headers = [{ name = "allow", fixed = "POST" }]
    "#;
    let scheme: Scheme = toml::from_str(file).unwrap();
    let expect = Scheme {
        unsigned: vec![UnsignedShape {
            public_key: Some(text!("test")),
            ..fields(&[
                ("a", ValueShape::Exactly(text!("1"))),
                ("b", ValueShape::Digits),
                ("c", ValueShape::Opaque(8)),
            ])
        }]
        .into(),
        handshakes: vec![
            Handshake {
                body: AnswerBody::Json(list![
                    JsonMember {
                        name: text!("plain"),
                        value: AnswerValue::Echo(Place::Json(text!("/token"))),
                    },
                    JsonMember {
                        name: text!("mac"),
                        value: AnswerValue::Mac {
                            of: Place::Json(text!("/token")),
                            encoding: Encoding::Hex,
                        },
                    },
                    JsonMember {
                        name: text!("fixed"),
                        value: AnswerValue::Fixed(text!("x")),
                    },
                ]),
                ..signed()
            },
            text_of(AnswerValue::Echo(param("challenge")), by_token()),
            Handshake {
                method: text!("OPTIONS"),
                status: 204,
                headers: list![AnswerHeader {
                    name: text!("allow"),
                    value: AnswerValue::Fixed(text!("POST")),
                }],
                ..by_consent()
            },
        ]
        .into(),
        ..GOOD
    };
    assert_eq!(scheme, expect);
    assert_eq!(verdict(&scheme), None);
    let toml = toml::to_string(&scheme).unwrap();
    assert_eq!(toml::from_str::<Scheme>(&toml).unwrap(), scheme);
    let json = serde_json::to_string(&scheme).unwrap();
    assert_eq!(serde_json::from_str::<Scheme>(&json).unwrap(), scheme);
    for wrong in [
        r#"handshakes = [{ proof = "signature", bdy = "nothing" }]"#,
        r#"handshakes = [{ proof = { token = { place = { header = "a" } } } }]"#,
        r#"handshakes = [{ proof = { token = { place = { header = "a" }, config = "b", x = 1 } } }]"#,
        r#"handshakes = [{ method = "GET" }]"#,
        r#"unsigned = [{ method = "GET", status = 200, field = [] }]"#,
        r#"unsigned = [{ method = "GET" }]"#,
        r#"unsigned = [{ method = "GET", status = 200, fields = [{ name = "a" }] }]"#,
    ] {
        assert!(toml::from_str::<Scheme>(wrong).is_err(), "{wrong}");
    }
}
