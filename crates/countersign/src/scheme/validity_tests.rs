use super::*;
use crate::providers;
use crate::scheme::{
    DigestCheck, Handshake, Retry, SignatureRule, Span, TimestampRule, UnsignedShape,
};
use crate::timestamp::{Tolerance, Unit};
use crate::{list, text};

const GOOD: Scheme = Scheme {
    name: text!("acme"),
    signature: SignatureRule {
        place: Place::Header(text!("x-signature")),
        ..SignatureRule::BASE
    },
    ..Scheme::BASE
};

const STAMP: TimestampRule = TimestampRule {
    place: Place::Header(text!("x-time")),
    unit: Unit::Seconds,
    tolerance: Tolerance::from_secs(300),
};

fn field(scheme: &Scheme) -> Option<&'static str> {
    scheme.check().err().map(|error| error.field)
}

#[test]
fn every_built_in_scheme_makes_sense() {
    for scheme in providers::ALL {
        assert_eq!(scheme.check(), Ok(()));
        assert_eq!(scheme.unsupported(), None);
        assert!(
            !scheme.sources.is_empty() && !scheme.title.is_empty(),
            "{}",
            scheme.name
        );
    }
    let names: Vec<_> = providers::ALL.map(|scheme| scheme.name).to_vec();
    assert!(names.is_sorted(), "{names:?}");
}

#[test]
fn each_contradiction_names_its_field() {
    assert_eq!(field(&GOOD), None);
    let signature = |rule: SignatureRule| Scheme {
        signature: rule,
        ..GOOD
    };
    let layout = |layout: Layout| {
        signature(SignatureRule {
            layout,
            ..GOOD.signature
        })
    };
    let content = |content: List<Part>| Scheme { content, ..GOOD };
    let pairs = |accept: List<Text>, ignore: List<Text>| Layout::Pairs {
        separator: text!(","),
        assign: text!("="),
        accept,
        ignore,
    };
    let items = |fields: List<ItemField>, between: Text, accept: List<Text>| Layout::List {
        separator: text!(" "),
        fields,
        between,
        accept,
        ignore: list![],
        first_is_value: false,
    };
    let cases: Vec<(&str, Scheme)> = vec![
        (
            "name",
            Scheme {
                name: text!(""),
                ..GOOD
            },
        ),
        (
            "name",
            Scheme {
                name: text!("Acme"),
                ..GOOD
            },
        ),
        (
            "name",
            Scheme {
                name: text!("a/b"),
                ..GOOD
            },
        ),
        ("content", content(list![])),
        (
            "content",
            Scheme {
                algorithm: Algorithm::Sha256,
                ..GOOD
            },
        ),
        (
            "content",
            Scheme {
                algorithm: Algorithm::Token,
                grade: Grade::Token,
                ..GOOD
            },
        ),
        (
            "content",
            content(list![Part::Body, Part::Literal(text!(""))]),
        ),
        (
            "content",
            content(list![Part::Body, Part::Header(text!("X-Upper"))]),
        ),
        (
            "content",
            content(list![Part::Body, Part::Json(text!("id"))]),
        ),
        (
            "content",
            content(list![Part::Body, Part::Json(text!("/a~2"))]),
        ),
        (
            "content",
            content(list![Part::Body, Part::Optional(list![])]),
        ),
        ("timestamp", content(list![Part::Timestamp, Part::Body])),
        ("id", content(list![Part::Id, Part::Body])),
        ("signature", signature(SignatureRule::BASE)),
        (
            "signature",
            signature(SignatureRule {
                place: Place::Pair(text!("v1")),
                ..SignatureRule::BASE
            }),
        ),
        ("signature.layout", layout(Layout::Prefix(text!("")))),
        ("signature.layout", layout(pairs(list![], list![]))),
        (
            "signature.layout",
            layout(pairs(list![text!("v1")], list![text!("v1")])),
        ),
        (
            "signature.layout",
            layout(pairs(list![text!(" v1")], list![])),
        ),
        (
            "signature.layout",
            layout(items(list![], text!(","), list![])),
        ),
        (
            "signature.layout",
            layout(items(
                list![ItemField::Label, ItemField::Signature],
                text!(""),
                list![text!("v1")],
            )),
        ),
        (
            "signature.layout",
            layout(items(
                list![ItemField::Label, ItemField::Signature],
                text!(","),
                list![],
            )),
        ),
        (
            "signature.layout",
            layout(items(
                list![ItemField::Signature],
                text!(""),
                list![text!("v1")],
            )),
        ),
        (
            "signature.encoding",
            signature(SignatureRule {
                encoding: Encoding::Plain,
                ..GOOD.signature
            }),
        ),
        (
            "signature.lines",
            signature(SignatureRule {
                place: Place::QueryParam(text!("s")),
                lines: Lines::Many,
                ..GOOD.signature
            }),
        ),
        (
            "timestamp",
            Scheme {
                timestamp: Some(STAMP),
                ..GOOD
            },
        ),
        (
            "timestamp.tolerance",
            Scheme {
                content: list![Part::Timestamp, Part::Body],
                timestamp: Some(TimestampRule {
                    tolerance: Tolerance::from_secs(0),
                    ..STAMP
                }),
                ..GOOD
            },
        ),
        (
            "timestamp.tolerance",
            Scheme {
                content: list![Part::Timestamp, Part::Body],
                timestamp: Some(STAMP),
                retry: Retry {
                    span: Span::from_days(1),
                    stamp: RetryStamp::Original,
                    ..Retry::NONE
                },
                ..GOOD
            },
        ),
        (
            "signature.layout",
            Scheme {
                content: list![Part::Pair(text!("h")), Part::Body],
                ..GOOD
            },
        ),
        (
            "tenant",
            Scheme {
                tenant: list![Place::Header(text!("no spaces"))],
                ..GOOD
            },
        ),
        (
            "event",
            Scheme {
                event: list![Place::Pair(text!("e"))],
                ..GOOD
            },
        ),
        (
            "header_prefixes",
            Scheme {
                header_prefixes: list![text!("x-")],
                ..GOOD
            },
        ),
        (
            "header_prefixes",
            Scheme {
                header_prefixes: list![text!("y-"), text!("z-")],
                ..GOOD
            },
        ),
        (
            "methods",
            Scheme {
                methods: list![],
                ..GOOD
            },
        ),
        (
            "methods",
            Scheme {
                methods: list![text!("post")],
                ..GOOD
            },
        ),
        (
            "media_types",
            Scheme {
                media_types: list![text!("application/json; charset=utf-8")],
                ..GOOD
            },
        ),
        (
            "max_body",
            Scheme {
                max_body: 0,
                ..GOOD
            },
        ),
        (
            "max_body",
            Scheme {
                max_body: 1 << 40,
                ..GOOD
            },
        ),
        (
            "payload",
            Scheme {
                payload: list![],
                ..GOOD
            },
        ),
        ("grade", content(list![Part::Method])),
        (
            "grade",
            Scheme {
                grade: Grade::Token,
                ..GOOD
            },
        ),
        (
            "checks",
            Scheme {
                checks: list![DigestCheck {
                    place: Place::QueryParam(text!("sha")),
                    algorithm: Hash::Sha256,
                    encoding: Encoding::Hex,
                    of: list![Part::Body],
                }],
                ..GOOD
            },
        ),
    ];
    for (expected, scheme) in cases {
        assert_eq!(field(&scheme), Some(expected), "{scheme:?}");
    }
}

#[test]
fn what_is_not_built_in_is_said() {
    let unsupported = |scheme: Scheme| scheme.unsupported().map(|(field, _)| field);
    assert_eq!(unsupported(GOOD), None);
    assert_eq!(
        unsupported(Scheme {
            algorithm: Algorithm::Unsigned,
            ..GOOD
        }),
        Some("algorithm")
    );
    assert_eq!(
        unsupported(Scheme {
            algorithm: Algorithm::Md5,
            ..GOOD
        }),
        Some("algorithm")
    );
    let shape = UnsignedShape {
        method: text!("HEAD"),
        media_type: None,
        fields: list![],
        status: 200,
    };
    assert_eq!(
        unsupported(Scheme {
            unsigned: vec![shape].into(),
            ..GOOD
        }),
        Some("unsigned")
    );
    let handshakes = vec![Handshake::EchoHeader(text!("x-hook-secret"))].into();
    assert_eq!(
        unsupported(Scheme { handshakes, ..GOOD }),
        Some("handshakes")
    );
}

#[test]
fn what_the_signature_covers_is_known() {
    assert!(providers::STRIPE.signs(&Place::Json(text!("/id"))));
    assert!(providers::STRIPE.signs(&Place::Pair(text!("t"))));
    assert!(providers::STANDARD_WEBHOOKS.signs(&Place::Header(text!("webhook-id"))));
    assert!(providers::STANDARD_WEBHOOKS.signs(&Place::Header(text!("webhook-timestamp"))));
    assert!(!providers::GITHUB.signs(&Place::Header(text!("x-github-delivery"))));
    assert!(!providers::SHOPIFY.signs(&Place::Header(text!("shopify-topic"))));
    let token = Scheme {
        algorithm: Algorithm::Token,
        content: list![],
        ..GOOD
    };
    assert!(!token.signs(&Place::Json(text!("/id"))));
    let beside = Scheme {
        content: list![Part::Json(text!("/token"))],
        ..GOOD
    };
    assert!(beside.signs(&Place::Json(text!("/token"))));
    assert!(
        !beside.signs(&Place::Json(text!("/id"))),
        "only what the content holds"
    );
}
