//! Shapes without a signature, and what a limiter hears.

use std::sync::Mutex;

use super::*;
use crate::providers::{INTERCOM, MANDRILL, SLACK};

const CHECK: UnsignedShape = UnsignedShape {
    method: text!("POST"),
    media_type: Some(text!("application/x-www-form-urlencoded")),
    fields: list![
        FieldShape {
            optional: false,
            name: text!("check"),
            value: ValueShape::Exactly(text!("1 2")),
        },
        FieldShape {
            optional: false,
            name: text!("n"),
            value: ValueShape::Digits,
        },
        FieldShape {
            optional: false,
            name: text!("any"),
            value: ValueShape::Opaque(4),
        },
    ],
    public_key: None,
    status: 204,
};

fn unsigned_reply(status: u16) -> Reply {
    Reply::unsigned(status)
}

#[test]
fn a_shape_without_a_signature_fits_exactly_or_misses_one() {
    let receiver = receiver(Scheme {
        unsigned: list![CHECK],
        ..ACME
    });
    let post = |body: &str| Ask::new("POST", "/").form(body);
    for good in [
        "check=1+2&n=0&any=",
        "any=%C3%A9%C3%A9&n=01234567890123456789&check=1%202",
        "&any=abcd&&check=1+2&n=9&",
        "any&check=1+2&n=9",
    ] {
        assert_eq!(
            post(good).answer(&receiver),
            Ok(unsigned_reply(204)),
            "{good}"
        );
    }
    for bad in [
        "",
        "check=1+2&n=0",
        "check=1+2&n=0&any=&more=1",
        "check=1+2&n=0&any=&any=",
        "check=1+2&n=0&n=0&any=",
        "check=1+2&n=&any=",
        "check=1+2&n=-1&any=",
        "check=1+2&n=012345678901234567890&any=",
        "check=1+2&n=%D9%A1&any=",
        "check=1+2&n=0&any=abcde",
        "check=1+2&n=0&any=%C3%A9%C3%A9a",
        "check=1+3&n=0&any=",
        "Check=1+2&n=0&any=",
        "check=1+2&n=0&any=%FF",
        "check=1+2&n=0&any=\u{ff}\u{ff}\u{ff}",
        "{\"check\":\"1 2\"}",
    ] {
        assert_eq!(
            post(bad).refused(&receiver),
            Refusal::SignatureMissing,
            "{bad}"
        );
    }
    let good = "check=1+2&n=0&any=";
    let kind = |kind: &str| {
        let ask = Ask::new("POST", "/").body(good);
        ask.header("content-type", kind)
    };
    let with_charset = kind("Application/X-WWW-Form-Urlencoded; charset=utf-8");
    assert_eq!(with_charset.answer(&receiver), Ok(unsigned_reply(204)));
    for other in ["application/json", "text/plain", "form", ""] {
        assert_eq!(
            kind(other).refused(&receiver),
            Refusal::SignatureMissing,
            "{other}"
        );
    }
    let twice = post(good).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(twice.refused(&receiver), Refusal::MediaTypeUnsupported);
    assert_eq!(
        Ask::new("GET", "/").form(good).refused(&receiver),
        Refusal::SignatureMissing
    );
    // What carries a signature is judged by it, well-formed or not.
    let forged = post(good).header("x-signature", "0".repeat(64));
    assert_eq!(forged.refused(&receiver), missing("x-signed"));
    let empty = post(good).header("x-signature", "");
    assert_eq!(empty.refused(&receiver), Refusal::SignatureMalformed);
}

#[test]
fn what_is_longer_than_a_shape_may_be_misses_a_signature() {
    let receiver = receiver(Scheme {
        unsigned: list![UnsignedShape {
            fields: list![FieldShape {
                optional: false,
                name: text!("a"),
                value: ValueShape::Opaque(1_024),
            }],
            ..CHECK
        }],
        ..ACME
    });
    let post = |len: usize| Ask::new("POST", "/").form(format!("a={}", "x".repeat(len)));
    assert_eq!(post(1_022).answer(&receiver), Ok(unsigned_reply(204)));
    assert_eq!(post(1_023).refused(&receiver), Refusal::SignatureMissing);
    // Told by the head, no byte of it is taken in; the refusal is the same.
    let declared = |length: &str| {
        let ask = post(1_022).header("content-length", length);
        receiver.open(&ask.request(), NOW).err()
    };
    assert_eq!(declared("1024"), None);
    assert_eq!(declared("1025"), Some(Refusal::SignatureMissing));
    assert_eq!(declared("-1"), Some(Refusal::LengthMalformed));
}

#[test]
fn a_shape_without_a_body_has_exact_parameters_or_none_that_matter() {
    let receiver = receiver(SLACK);
    let get = |uri: &str| Ask::new("GET", uri);
    let good = get("/?ssl_check=1&token=abc");
    assert_eq!(good.answer(&receiver), Ok(unsigned_reply(200)));
    for uri in [
        "/",
        "/?ssl_check=2&token=abc",
        "/?ssl_check=1&token=abc&more=1",
    ] {
        assert_eq!(
            get(uri).refused(&receiver),
            Refusal::MethodNotAllowed,
            "{uri}"
        );
    }
    let with_body = good.body("x");
    assert_eq!(with_body.refused(&receiver), Refusal::SignatureMissing);
    let head = self::receiver(INTERCOM);
    let probe = |method, uri: &str| Ask::new(method, uri);
    assert_eq!(
        probe("HEAD", "/?any=1&any=2").answer(&head),
        Ok(unsigned_reply(200))
    );
    assert_eq!(probe("GET", "/").refused(&head), Refusal::MethodNotAllowed);
}

/// A GET that is a delivery, too, is a probe only when its head says that it has no body and no signature.
#[test]
fn a_probe_by_a_method_of_deliveries_says_that_it_is_empty() {
    let receiver = receiver(Scheme {
        unsigned: list![UnsignedShape {
            method: text!("GET"),
            media_type: None,
            fields: list![],
            public_key: None,
            status: 200,
        }],
        ..ACME
    });
    let empty = Ask::new("GET", "/").header("content-length", "0");
    assert_eq!(empty.answer(&receiver), Ok(unsigned_reply(200)));
    let silent = Ask::new("GET", "/");
    assert_eq!(silent.refused(&receiver), Refusal::SignatureMissing);
    let signed = signed("GET", "h", "p", "").header("content-length", "0");
    assert!(signed.is_delivery(&receiver));
}

/// The tag is OpenSSL's: HMAC-SHA1 of `https://a.example/mandrill_events[]` under `test-webhook`.
#[test]
fn a_published_key_is_good_for_its_shape_alone() {
    let secret = || Secret::new(SECRET).unwrap();
    let receiver = Receiver::builder(MANDRILL, secret())
        .public_url("https://a.example")
        .build()
        .unwrap();
    let post = |uri: &str, body: &str, tag: &str| {
        let ask = Ask::new("POST", uri).form(body);
        ask.header("x-mandrill-signature", tag)
    };
    let tag = "xVvZAusS7eVu7a0YUo6uvb2qKHo=";
    let good = post("/", "mandrill_events=%5B%5D", tag);
    assert_eq!(good.answer(&receiver), Ok(unsigned_reply(200)));
    for (uri, body) in [
        ("/", "mandrill_events=%5B1%5D"),
        ("/", "mandrill_events=%5B%5D&more=1"),
        ("/", "mandrill_events=%5B%5D&mandrill_events=%5B%5D"),
        ("/other", "mandrill_events=%5B%5D"),
        // The same signed content, for names and values are set one after the other: still not the shape.
        ("/", "mandrill_events[]="),
    ] {
        let refusal = post(uri, body, tag).refused(&receiver);
        assert_eq!(refusal, Refusal::SignatureMismatch, "{uri} {body}");
    }
    let unsigned = Ask::new("POST", "/").form("mandrill_events=%5B%5D");
    assert_eq!(unsigned.refused(&receiver), Refusal::SignatureMissing);
    let as_secret = danger::secret_of_any_length("test-webhook").unwrap();
    let built = Receiver::builder(MANDRILL, as_secret)
        .public_url("https://a.example")
        .build();
    assert_eq!(built.unwrap_err().field(), "secrets");
}

#[test]
fn a_limiter_hears_of_every_refusal_once_and_of_no_answer() {
    let all: Arc<Mutex<Vec<Refusal>>> = Arc::default();
    let ear = Arc::clone(&all);
    let receiver = builder(SLACK)
        .observer(move |attempt: &Attempt<'_>| ear.lock().unwrap().extend(failure(attempt)))
        .build()
        .unwrap();
    let heard = || std::mem::take(&mut *all.lock().unwrap());
    let post = |body: &str| Ask::new("POST", "/").form(body);
    assert!(post("ssl_check=1&token=a").answer(&receiver).is_ok());
    assert_eq!(heard(), []);
    for (ask, refusal) in [
        (post("ssl_check=1&token=a&x=1"), Refusal::SignatureMissing),
        (post(&"x".repeat(1_025)), Refusal::SignatureMissing),
        (Ask::new("GET", "/?token=a"), Refusal::MethodNotAllowed),
    ] {
        assert_eq!(ask.refused(&receiver), refusal);
        assert_eq!(heard(), [refusal]);
    }
    // A genuine delivery that is refused for a field of its own came from the sender: nobody is charged for it.
    let ear = Arc::clone(&all);
    let events = builder(Scheme {
        event: list![Place::Header(text!("x-event"))],
        ..ACME
    })
    .observer(move |attempt: &Attempt<'_>| ear.lock().unwrap().extend(failure(attempt)))
    .build()
    .unwrap();
    let twice = signed("POST", "h", "p", "")
        .header("x-event", "a")
        .header("x-event", "a");
    let Ok(Finished::Verified(verified)) = twice.send(&events) else {
        panic!("refused");
    };
    let refusal = verified.deliver(&twice.request()).unwrap_err();
    assert_eq!(refusal, repeated("x-event"));
    assert_eq!(heard(), []);
}
