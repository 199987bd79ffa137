//! Which schemes are hashed while their body comes.

use super::*;
use crate::providers::{GITHUB, STRIPE, ZAPIER};
use crate::scheme::{DigestCheck, Hash, TimestampRule};
use crate::timestamp::{Tolerance, Unit};
use crate::{list, text};

const STREAMED: Plan = Plan::Streamed { body_at: 0 };

fn json(pointer: &'static str) -> Place {
    Place::Json(text!(pointer))
}

#[test]
fn the_body_is_hashed_as_it_comes_unless_something_in_it_is_needed_first() {
    let good = || Scheme {
        id: list![],
        ..GITHUB
    };
    assert_eq!(plan(&good(), false), STREAMED);
    assert_eq!(plan(&STRIPE, false), Plan::Streamed { body_at: 2 });
    // An id in the body that is no part of the content on its own changes nothing.
    let id = Scheme {
        id: list![Place::Json(text!("/id"))],
        ..good()
    };
    assert_eq!(plan(&id, false), STREAMED);
    let one_url = Scheme {
        content: list![Part::Url, Part::Literal(text!("\n")), Part::Body],
        url_spellings: list![UrlSpelling::PLAIN],
        ..good()
    };
    assert_eq!(plan(&one_url, false), Plan::Streamed { body_at: 2 });

    let whole = [
        Scheme {
            timestamp: Some(TimestampRule {
                place: json("/at"),
                unit: Unit::Seconds,
                tolerance: Tolerance::from_secs(300),
            }),
            ..good()
        },
        Scheme {
            content: list![Part::Id, Part::Literal(text!("\n")), Part::Body],
            ..id.clone()
        },
        Scheme {
            signature: crate::scheme::SignatureRule {
                place: json("/signature"),
                ..good().signature
            },
            ..good()
        },
        Scheme {
            checks: list![DigestCheck {
                place: Place::Header(text!("digest")),
                algorithm: Hash::Sha256,
                encoding: crate::scheme::Encoding::Hex,
                of: list![Part::Body],
                bodies: crate::scheme::CheckedBodies::All,
            }],
            ..good()
        },
        Scheme {
            url_spellings: list![UrlSpelling::PLAIN, UrlSpelling::PLAIN],
            ..one_url
        },
        Scheme {
            content: list![Part::Body, Part::Secret],
            ..good()
        },
        Scheme {
            content: list![Part::Body, Part::Body],
            ..good()
        },
        Scheme {
            content: list![Part::Json(text!("/a"))],
            ..good()
        },
    ];
    for scheme in whole {
        assert_eq!(plan(&scheme, false), Plan::Whole, "{scheme:?}");
    }
    assert_eq!(plan(&good(), true), Plan::Whole);
    assert_eq!(plan(&ZAPIER, false), Plan::Compared);
}

/// Whatever its ring were found to match.
#[test]
fn what_is_nobodys_is_not_accepted() {
    let rules = Compiled::new(
        GITHUB,
        Vec::new(),
        Config::default(),
        None,
        None,
        Failures::default(),
        None,
    );
    let under = |whose: Whose, checked: Result<u8, Refusal>| {
        let compiled = rules.of(whose, Vec::new().into());
        compiled.verdict(checked)
    };
    let wrong = Err(Refusal::SignatureMismatch);
    let unknown = Err(Refusal::TenantUnknown);
    assert_eq!(under(Whose::Nobody, Ok(7)), unknown);
    assert_eq!(under(Whose::Nobody, wrong.clone()), unknown);
    let other = Err(Refusal::BodyMalformed);
    assert_eq!(under(Whose::Nobody, other.clone()), other);
    for whose in [Whose::Receiver, Whose::Tenant("a".into())] {
        assert_eq!(under(whose.clone(), Ok(7)), Ok(7));
        assert_eq!(under(whose, wrong.clone()), wrong);
    }
}
