//! Twilio and Mandrill: the URL and the fields.

use crate::{Attempt, Call, accepts_call, sign_call};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const DIALLED: &str = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
const OBJECT: &str = r#"{"property": "value", "boolean": true}"#;

fn ask(provider: &str, url: (&str, &str), signature: &str, kind: &str, body: &str) -> bool {
    let (base, query) = url;
    let name = if provider == "mandrill" {
        "x-mandrill-signature"
    } else {
        "x-twilio-signature"
    };
    let headers: &[(&str, &[u8])] = &[
        (name, signature.as_bytes()),
        ("Content-Type", kind.as_bytes()),
    ];
    let call = Call {
        base,
        method: "POST",
        path: "/myapp.php",
        query: Some(query),
        attempt: Attempt {
            headers,
            body: body.as_bytes(),
            now_ms: 0,
        },
    };
    accepts_call(provider, &["12345"], &call)
}

/// Those of Twilio's own validators (twilio-python, tests/unit/test_request_validator.py; twilio-node, spec/validation.spec.js).
#[test]
fn published_signatures() {
    let plain = "foo=1&bar=2";
    let digest = "bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    let both = format!("{plain}&{digest}");
    for (base, query, signature, kind, body, expected) in [
        (
            "https://mycompany.com",
            plain,
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
            FORM,
            DIALLED,
            true,
        ),
        (
            "https://mycompany.com:1234",
            plain,
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
            FORM,
            DIALLED,
            true,
        ),
        (
            "https://mycompany.com/",
            plain,
            "kvajT1Ptam85bY51eRf/AJRuM3w=",
            FORM,
            DIALLED,
            true,
        ),
        (
            "https://mycompany.com",
            &both,
            "a9nBmqA0ju/hNViExpshrM61xv4=",
            JSON,
            OBJECT,
            true,
        ),
        (
            "https://mycompany.com",
            digest,
            "y77kIzt2vzLz71DgmJGsen2scGs=",
            JSON,
            OBJECT,
            true,
        ),
        (
            "https://mycompany.com",
            digest,
            "y77kIzt2vzLz71DgmJGsen2scGs=",
            JSON,
            "{}",
            false,
        ),
        (
            "https://mycompany.com",
            plain,
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
            JSON,
            OBJECT,
            false,
        ),
        (
            "http://mycompany.com",
            plain,
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
            FORM,
            DIALLED,
            false,
        ),
        (
            "https://MyCompany.com",
            plain,
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
            FORM,
            DIALLED,
            false,
        ),
        (
            "https://user@mycompany.com",
            plain,
            "aZfj4hyX1MLZhSS6QIL18Vn2/RA=",
            FORM,
            DIALLED,
            true,
        ),
    ] {
        let said = ask("twilio", (base, query), signature, kind, body);
        assert_eq!(said, expected, "{base} {query} {signature}");
    }
}

#[test]
fn forms_are_sorted_and_others_digested() {
    let form: &[(&str, &[u8])] = &[("content-type", FORM.as_bytes())];
    let sign = |provider: &str, body: &[u8]| sign_call(provider, "key", &call(form, body), 0, "");
    for provider in ["twilio", "twilio-form", "mandrill"] {
        let sorted = sign(provider, b"a=1&a=2&b=+");
        assert!(sorted.is_some());
        assert_eq!(sign(provider, b"b=%20&a=2&a=1&a=2"), sorted);
        for (body, expected) in [
            (&b"a=%EF%BF%BD"[..], true),
            (b"a=%FF", false),
            ("a=1&".repeat(1_000).as_bytes(), true),
            ("a=1&".repeat(1_001).as_bytes(), false),
        ] {
            let signature = sign(provider, body).unwrap_or_default();
            let name = match provider {
                "mandrill" => "x-mandrill-signature",
                _ => "x-twilio-signature",
            };
            let signed = [form[0], (name, signature.as_bytes())];
            let said = accepts_call(provider, &["key"], &call(&signed, body));
            assert_eq!(said, expected, "{provider} {}", body.len());
        }
        assert_eq!(sign(provider, b"&&"), sign(provider, b""));
    }
    let signature = sign("twilio", b"").unwrap_or_default();
    for (provider, body, expected) in [
        ("twilio", &b""[..], true),
        // Nothing tells it from another text without a field.
        ("twilio", b"&&", false),
        ("twilio-form", b"&&", true),
        ("twilio-body-sha256", b"", false),
    ] {
        let signed = [form[0], ("X-Twilio-Signature", signature.as_bytes())];
        let said = accepts_call(provider, &["key"], &call(&signed, body));
        assert_eq!(said, expected, "{provider} {body:?}");
    }
}

fn call<'a>(headers: &'a [(&'a str, &'a [u8])], body: &'a [u8]) -> Call<'a> {
    Call {
        base: "https://h",
        method: "POST",
        path: "/",
        query: None,
        attempt: Attempt {
            headers,
            body,
            now_ms: 0,
        },
    }
}
