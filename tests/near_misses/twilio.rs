//! Twilio: the URL and the sorted fields, or the URL and the digest of any other body.

use countersign::Refusal::{
    BodyMalformed, MediaTypeUnsupported, MethodNotAllowed, SignatureMalformed, SignatureMismatch,
    SignatureMissing, SignatureRepeated,
};
use countersign::providers::{TWILIO, TWILIO_FORM};

use crate::macs::{base64, hex, hmac_sha1, hmac_sha256};
use crate::trial::Trial;

pub(crate) const TOKEN: &str = "b3f1c9a07e2d48c5a6f0e1d2c3b4a596";
pub(crate) const HEADER: &str = "x-twilio-signature";
const URL: &str = "https://hooks.example.com/voice?x=1";

/// The signature of a content.
pub(crate) fn tag(content: &str) -> String {
    base64(hmac_sha1(TOKEN, &[content.as_bytes()]))
}

/// A POST to the URL, signed as if this were what follows the URL.
fn signed(after_url: &str) -> Trial {
    Trial::new(TWILIO, TOKEN)
        .public_url("https://hooks.example.com")
        .target("/voice?x=1")
        .set(HEADER, tag(&format!("{URL}{after_url}")))
}

#[test]
fn fields_are_sorted_by_name_then_value_and_distinct() {
    for (body, content, what) in [
        ("a=1&b=2", "a1b2", "in order"),
        ("b=2&a=1", "a1b2", "out of order"),
        ("a=1&a=1", "a1", "the same twice"),
        ("a=2&a=1&a=2", "a1a2", "distinct values of one name"),
        ("a=&b=", "ab", "empty values"),
        ("a&b", "ab", "no values"),
        ("=1", "1", "an empty name"),
        ("B=1&a=2&A=3", "A3B1a2", "capitals first"),
        ("ab=1&a.b=2&a=3", "a3a.b2ab1", "names byte by byte"),
        (
            "ReasonConferenceEnded=x&Reason=y",
            "ReasonyReasonConferenceEndedx",
            "names, and not names with values",
        ),
        ("a=x+y%2Bz", "ax y+z", "blank and plus"),
        ("a=+x+", "a x ", "outer blanks are kept"),
        ("a=%0D%0A", "a\r\n", "line ends are kept"),
        ("a=b=c", "ab=c", "the first equals sign"),
        ("a=1;b=2", "a1;b=2", "a semicolon is no separator"),
        ("&&a=1&", "a1", "empty items"),
        ("a=%zz%4", "a%zz%4", "broken escapes"),
        ("%C3%A9=%F0%9F%91%8B", "é👋", "other letters"),
        ("a=\u{e9}", "aé", "a letter that is not escaped"),
        (
            "a=%EF%BF%BD",
            "a\u{fffd}",
            "the replacement character itself",
        ),
    ] {
        signed(content).form(body).passes(format!("{what}: {body}"));
    }
    for (body, content, what) in [
        ("a=1&b=2", "b2a1", "in the order of the body"),
        ("a=1&a=1", "a1a1", "a pair that counts twice"),
        ("a=1&a=2", "a1", "the first value alone"),
        ("a=1&a=2", "a2", "the last value alone"),
        ("a=&b=1", "b1", "an empty value left out"),
        ("a=+x+", "ax", "trimmed"),
        ("a=x+y", "ax+y", "not decoded"),
        ("a=1&b=2", "a=1&b=2", "as it arrived"),
        (
            "ReasonConferenceEnded=x&Reason=y",
            "ReasonConferenceEndedxReasony",
            "names with values",
        ),
        ("B=1&a=2", "a2B1", "without regard to case"),
        ("a=1&b=2&c=3", "a1b2", "a field too many"),
        ("a=1", "a1b2", "a field too few"),
        ("a=1", "a2", "another value"),
        ("A=1", "a1", "another name"),
        ("", "a1", "no fields"),
    ] {
        let trial = signed(content).form(body);
        trial.refused(SignatureMismatch, format!("{what}: {body}"));
    }
}

/// Without separators the content does not say where a name, a value or the URL ends. It is what Twilio signs; no field is marked signed.
#[test]
fn characters_may_move_and_so_no_field_is_signed() {
    for (target, body) in [
        ("/voice?x=1", "Account=Sid1"),
        ("/voice?x=1", "AccountSid=1"),
        ("/voice?x=1", "=AccountSid1"),
        ("/voice?x=1A", "ccountSid=1"),
        ("/voice?x=1AccountSid1", ""),
    ] {
        let trial = signed("AccountSid1").target(target).form(body);
        trial.passes(format!("{target} {body}"));
    }
    let trial = signed("AccountSid1").form("AccountSid=1");
    let trial = trial.set("i-twilio-idempotency-token", "7f");
    let unsigned = |text: &str| Some((text.to_owned(), false));
    assert_eq!(trial.fields(), Ok([unsigned("7f"), None, unsigned("1")]));
}

#[test]
fn fields_are_bounded_and_text() {
    let many = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("f{at:04}")).collect();
        signed(&names.concat()).form(names.join("&"))
    };
    many(1_000).passes("1,000 fields");
    many(1_001).refused(BodyMalformed, "1,001 fields");
    let same = signed("a1").form("a=1&".repeat(1_001));
    same.refused(BodyMalformed, "the same field 1,001 times");
    for body in ["a=%FF", "a=%C3", "%80=1", "a=%C3&b=%A9", "a=%ED%A0%80"] {
        let replaced = signed("a\u{fffd}").form(body);
        replaced.refused(BodyMalformed, body);
    }
    let raw = signed("a\u{fffd}").form(b"a=\xff".to_vec());
    raw.refused(BodyMalformed, "a byte that is no text");
}

#[test]
fn the_content_type_says_what_a_form_is() {
    for kind in [
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=utf-8",
        "application/x-www-form-urlencoded;charset=UTF-8",
        "Application/X-WWW-Form-Urlencoded ; charset=latin1",
    ] {
        let trial = signed("a1").body("a=1").set("content-type", kind);
        trial.passes(kind);
    }
    // Under another name, or none, the body is none of the form's, and has no digest.
    for kind in ["application/json", "Application/JSON; charset=utf-8"] {
        let trial = signed("a1").body("a=1").set("content-type", kind);
        trial.refused(SignatureMismatch, kind);
        let trial = signed("").body("a=1").set("content-type", kind);
        trial.refused(SignatureMissing, format!("{kind}, the URL alone signed"));
    }
    signed("a1")
        .body("a=1")
        .refused(SignatureMismatch, "no type");
    let url_alone = signed("").body("a=1");
    url_alone.refused(SignatureMissing, "no type, the URL alone signed");
    for kind in [
        "",
        "text/html",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded, application/json",
        "application/x-www-form-urlencodedx",
        "application/x-www-form",
    ] {
        for trial in [signed("a1"), signed("")] {
            let trial = trial.body("a=1").set("content-type", kind);
            trial.refused_at_open(MediaTypeUnsupported, kind);
        }
    }
    let form = "application/x-www-form-urlencoded";
    for (first, second) in [
        (form, "application/json"),
        ("application/json", form),
        (form, form),
    ] {
        let trial = signed("a1").body("a=1").set("content-type", first);
        let twice = trial.add("content-type", second);
        twice.refused_at_open(MediaTypeUnsupported, format!("{first} and {second}"));
        assert_eq!(twice.alone(), Err(MediaTypeUnsupported), "{first} {second}");
    }
}

/// A form whose fields say nothing is none of the content: then it must be empty.
#[test]
fn a_form_without_fields() {
    signed("").form("").passes("an empty form");
    for body in ["&", "&&", "&&&&", "=", "=&="] {
        signed("").form(body).refused(SignatureMissing, body);
        // Who takes forms alone reads no field out of it.
        signed("").form(body).scheme(TWILIO_FORM).passes(body);
    }
    for body in [" ", "\n"] {
        signed("").form(body).refused(SignatureMismatch, body);
    }
    // What is sorted as a form is read as one, or it is refused: here is one that is signed and JSON at the same time.
    for (body, fields) in [
        ("{}", "{}"),
        ("[1]", "[1]"),
        ("<a/>", "<a/>"),
        (" {\"a\":1}", " {\"a\":1}"),
    ] {
        for scheme in [TWILIO, TWILIO_FORM] {
            let both = signed(fields).form(body).scheme(scheme);
            both.refused(BodyMalformed, body);
        }
    }
}

#[test]
fn a_get_has_its_fields_in_the_url() {
    let get = signed("").method("GET");
    get.passes("as it is");
    // The method is not signed: this is the same content.
    get.clone()
        .method("POST")
        .passes("as a POST without a body");
    get.clone()
        .body("x")
        .refused(SignatureMissing, "with a body");
    let form = get.clone().form("a=1");
    form.refused(SignatureMismatch, "with a form");
    signed("a1")
        .method("GET")
        .form("a=1")
        .passes("a signed form");
    for method in ["HEAD", "PUT", "DELETE", "OPTIONS", "get", "PATCH"] {
        let other = get.clone().method(method);
        other.refused_at_open(MethodNotAllowed, method);
    }
}

#[test]
fn the_scheme_for_forms_takes_no_other_bodies() {
    let trial = signed("a1").form("a=1").scheme(TWILIO_FORM);
    trial.passes("a form");
    let json = trial.clone().set("content-type", "application/json");
    json.refused_at_open(MediaTypeUnsupported, "as JSON");
    let none = trial.clone().without("content-type");
    none.passes("a form without a type is read as one");
    let other = signed("").scheme(TWILIO_FORM).body("a=1");
    other.refused(SignatureMismatch, "its field counts");
    let twice = trial.add("content-type", "application/x-www-form-urlencoded");
    twice.refused_at_open(MediaTypeUnsupported, "two types");
}

#[test]
fn the_signature_is_canonical_base64_of_twenty_bytes() {
    let content = format!("{URL}a1");
    let good = tag(&content);
    let of = |bytes: &[u8]| base64(bytes);
    let sha1 = hmac_sha1(TOKEN, &[content.as_bytes()]);
    let sha256 = hmac_sha256(TOKEN, &[content.as_bytes()]);
    for value in [
        good.trim_end_matches('=').to_owned(),
        format!("{good}="),
        good.replace('=', "%3D"),
        format!("sha1={good}"),
        format!("{good},{good}"),
        format!("\"{good}\""),
        hex(&sha1),
        of(&sha1[..19]),
        of(&[&sha1[..], b"\0"].concat()),
        of(&sha256),
        of(&sha256[..16]),
        String::new(),
    ] {
        let trial = signed("a1").form("a=1").set(HEADER, &value);
        trial.refused_at_open(SignatureMalformed, value);
    }
    let short = signed("a1").form("a=1").set(HEADER, of(&sha256[..20]));
    short.refused(SignatureMismatch, "SHA-256 cut to the length of SHA-1");
    let mut flipped = sha1;
    flipped[19] ^= 1;
    let flipped = signed("a1").form("a=1").set(HEADER, of(&flipped));
    flipped.refused(SignatureMismatch, "the last bit");
    let twice = signed("a1").form("a=1").add(HEADER, &good);
    twice.refused_at_open(SignatureRepeated, "twice");
    let none = signed("a1").form("a=1").without(HEADER);
    none.refused_at_open(SignatureMissing, "none");
}

#[test]
fn the_primary_token_may_be_either_of_two() {
    let trial = signed("a1").form("a=1");
    for keys in [[TOKEN, "another"], ["another", TOKEN]] {
        trial.clone().keys(&keys).passes(format!("{keys:?}"));
    }
    let neither = trial.keys(&["another", "a third"]);
    neither.refused(SignatureMismatch, "neither");
}
