//! The URL's spellings, digests beside forms, and questions without a mark.

use super::*;
use crate::scheme::{CheckedBodies, DigestCheck, Hash, UrlPort, UrlQuery, UrlSpelling};

#[test]
fn spellings_are_few_distinct_and_of_a_url() {
    let spelled = |content: &[Part], spellings: &[UrlSpelling]| Scheme {
        content: content.to_vec().into(),
        url_spellings: spellings.to_vec().into(),
        ..GOOD
    };
    const URL: &[Part] = &[Part::Url, Part::Literal(text!("\n")), Part::Body];
    let ports = [UrlPort::AsConfigured, UrlPort::Without, UrlPort::With];
    let queries = [UrlQuery::AsArrived, UrlQuery::Whatwg, UrlQuery::Querystring];
    let all: Vec<_> = ports
        .into_iter()
        .flat_map(|port| queries.map(|query| UrlSpelling { port, query }))
        .collect();
    refused(
        "url_spellings",
        "the content holds no URL",
        &spelled(&[Part::Body], &all[..1]),
        &spelled(&[Part::Body], &[]),
    );
    let without_query = spelled(
        &[
            Part::UrlWithoutQuery,
            Part::Literal(text!("\n")),
            Part::Body,
        ],
        &all[..1],
    );
    assert_eq!(verdict(&without_query), None);
    let reason = "must be at most eight, and distinct";
    refused(
        "url_spellings",
        reason,
        &spelled(URL, &all),
        &spelled(URL, &all[..8]),
    );
    refused(
        "url_spellings",
        reason,
        &spelled(URL, &[all[0], all[1], all[0]]),
        &spelled(URL, &[all[0], all[1], all[2]]),
    );
}

#[test]
fn forms_need_no_digest_only_where_they_are_covered() {
    let of = |content: &[Part], place: Place, bodies| Scheme {
        content: content.to_vec().into(),
        media_types: list![text!("application/x-www-form-urlencoded")],
        checks: vec![DigestCheck {
            place,
            algorithm: Hash::Sha256,
            encoding: Encoding::Hex,
            of: list![Part::Body],
            bodies,
        }]
        .into(),
        ..GOOD
    };
    const FORM: &[Part] = &[Part::Url, Part::FormSorted];
    let digest = || param("bodySHA256");
    let twin = of(FORM, digest(), CheckedBodies::AllButForms);
    let reason = "forms need no digest only where the content holds their sorted fields and the head carries the digest";
    for content in [
        &[Part::Url][..],
        &[Part::Url, Part::Body],
        &[Part::Url, Part::Optional(vec![Part::FormSorted].into())],
    ] {
        let bad = of(content, digest(), CheckedBodies::AllButForms);
        refused("checks", reason, &bad, &twin);
    }
    let in_body = |bodies| of(FORM, Place::Form(text!("digest")), bodies);
    refused(
        "checks",
        reason,
        &in_body(CheckedBodies::AllButForms),
        &twin,
    );
    assert_eq!(
        verdict(&of(&[Part::Url], digest(), CheckedBodies::All)),
        None
    );
    // Without the digest a body of another kind is not covered.
    let any = Scheme {
        media_types: list![],
        ..twin.clone()
    };
    assert_eq!(verdict(&any), None);
    let unchecked = Scheme {
        checks: list![],
        ..any.clone()
    };
    refused(
        "media_types",
        "the content holds form fields, so only forms can be deliveries",
        &unchecked,
        &any,
    );
    let one_field = Scheme {
        grade: Grade::SignatureUndelimited,
        content: list![Part::Url, Part::FormSorted, Part::Form(text!("a"))],
        ..any.clone()
    };
    refused(
        "media_types",
        "the content holds form fields, so only forms can be deliveries",
        &one_field,
        &Scheme {
            media_types: twin.media_types.clone(),
            ..one_field.clone()
        },
    );
}

#[test]
fn a_question_without_a_mark_is_told_by_a_value_that_no_delivery_has() {
    let echo = |pointer: &'static str| Handshake {
        when: list![],
        body: AnswerBody::Text(AnswerValue::Echo(json(pointer))),
        ..signed()
    };
    let with_id = |handshake| Scheme {
        id: list![Place::Json(text!("/id"))],
        ..asking(GOOD, handshake)
    };
    refused(
        "handshakes",
        "a question without a mark is told by a value that no delivery has",
        &with_id(echo("/id")),
        &with_id(echo("/challenge")),
    );
}
