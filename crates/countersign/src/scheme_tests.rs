//! What a scheme amounts to, and how it is spelled in a file.

use super::*;
use crate::providers::{STRIPE, TWILIO, ZAPIER};
use crate::{list, text};

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

fn error<T: for<'de> Deserialize<'de>>(text: &str) -> String {
    match serde_json::from_str::<T>(text) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{text} was taken"),
    }
}

#[test]
fn a_span_is_spelled_in_its_largest_unit() {
    for (seconds, text) in [
        (0, "\"0s\""),
        (1, "\"1s\""),
        (59, "\"59s\""),
        (60, "\"1m\""),
        (61, "\"61s\""),
        (3_540, "\"59m\""),
        (3_600, "\"1h\""),
        (3_660, "\"61m\""),
        (86_400, "\"1d\""),
        (90_000, "\"25h\""),
        (259_200, "\"3d\""),
        (u32::MAX, "\"4294967295s\""),
    ] {
        let span = Span::from_secs(seconds);
        assert_eq!(json(&span), text);
        assert_eq!(serde_json::from_str::<Span>(text).unwrap(), span);
    }
    assert_eq!(
        error::<Span>("90"),
        "invalid type: integer `90`, expected a span such as \"90s\", \"15m\", \"4h\" or \"3d\" at line 1 column 2"
    );
}

#[test]
fn what_is_as_usual_is_not_written() {
    let retry = |schedule| {
        json(&Retry {
            schedule,
            ..Retry::NONE
        })
    };
    assert!(!retry(Schedule::Published).contains("schedule"));
    assert!(retry(Schedule::NotPublished).contains("\"schedule\":\"not-published\""));
    let handshake = |body| {
        json(&Handshake {
            body,
            ..Handshake::BASE
        })
    };
    assert!(!handshake(AnswerBody::Nothing).contains("body"));
    let text = AnswerBody::Text(AnswerValue::Fixed(text!("a")));
    assert!(handshake(text).contains("\"body\":"));
    let check = |bodies| {
        json(&DigestCheck {
            place: Place::Header(text!("digest")),
            algorithm: Hash::Sha256,
            encoding: Encoding::Hex,
            of: list![Part::Body],
            bodies,
        })
    };
    assert!(!check(CheckedBodies::All).contains("bodies"));
    assert!(check(CheckedBodies::AllButForms).contains("\"bodies\":\"all-but-forms\""));
}

#[test]
fn one_place_or_a_list_and_nothing_else() {
    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    struct Places(#[serde(with = "text::one_or_many")] List<Place>);

    let one = Places(list![Place::PathEnd]);
    assert_eq!(serde_json::from_str::<Places>(&json(&one)).unwrap(), one);
    assert_eq!(
        error::<Places>("7"),
        "invalid type: integer `7`, expected one place or a list of places at line 1 column 1"
    );
}

#[test]
fn a_place_of_several_is_in_the_body_when_one_of_them_is() {
    let header = || Place::Header(text!("x-id"));
    let json = || Place::Json(text!("/id"));
    let all = |places: [Place; 2]| Place::All(places.to_vec().into());
    assert!(all([header(), json()]).is_in_body());
    assert!(all([json(), json()]).is_in_body());
    assert!(!all([header(), header()]).is_in_body());
    assert!(!header().is_in_body());
}

#[test]
fn only_one_value_may_be_encoded_at_a_time() {
    let encoded = |of: &[Part]| Scheme {
        content: vec![Part::Encode {
            encoding: Encoding::Hex,
            of: of.to_vec().into(),
        }]
        .into(),
        ..Scheme::BASE
    };
    let header = || Part::Header(text!("x-a"));
    assert!(encoded(&[Part::Body]).is_delimited());
    assert!(!encoded(&[header(), Part::Literal(text!("\n")), Part::Body]).is_delimited());
    assert!(!encoded(&[Part::FormSorted]).is_delimited());
}

#[test]
fn a_digest_of_some_bodies_covers_the_body_where_the_content_covers_the_rest() {
    let checks = TWILIO.checks.clone();
    assert!(
        checks
            .iter()
            .all(|check| check.bodies == CheckedBodies::AllButForms)
    );
    let with = |content: &[Part]| Scheme {
        content: content.to_vec().into(),
        checks: checks.clone(),
        ..Scheme::BASE
    };
    assert!(with(&[Part::Url, Part::FormSorted]).digest_covers_body());
    assert!(!with(&[Part::Url]).digest_covers_body());
    assert!(!with(&[Part::Url, Part::Body]).digest_covers_body());
}

#[test]
fn a_token_goes_where_it_was_put() {
    let put = |place| {
        let scheme = ZAPIER.token_in(place).unwrap();
        (scheme.algorithm, scheme.signature)
    };
    let bare = |place| SignatureRule {
        place,
        encoding: Encoding::Plain,
        ..SignatureRule::BASE
    };
    for (place, expected) in [
        (
            TokenPlace::Header(text!("X-Api-Key")),
            Place::Header(text!("x-api-key")),
        ),
        (
            TokenPlace::QueryParam(text!("Key")),
            Place::QueryParam(text!("Key")),
        ),
        (TokenPlace::PathEnd, Place::PathEnd),
        (TokenPlace::Form(text!("key")), Place::Form(text!("key"))),
        (TokenPlace::Json(text!("/key")), Place::Json(text!("/key"))),
    ] {
        assert_eq!(put(place), (Algorithm::Token, bare(expected)));
    }
    let authorization = || Place::Header(text!("authorization"));
    let bearer = SignatureRule {
        layout: Layout::Prefix(text!("Bearer ")),
        ..bare(authorization())
    };
    assert_eq!(put(TokenPlace::Bearer), (Algorithm::Token, bearer));
    let basic = SignatureRule {
        place: authorization(),
        ..SignatureRule::BASE
    };
    assert_eq!(put(TokenPlace::Basic), (Algorithm::Basic, basic));
    assert_eq!(
        STRIPE
            .token_in(TokenPlace::PathEnd)
            .unwrap_err()
            .to_string(),
        "scheme \"stripe\": signature: the scheme signs: it has no token to be put elsewhere"
    );
}
