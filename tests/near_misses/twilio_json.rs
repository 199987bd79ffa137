//! Twilio's JSON: a body that the signed URL holds the digest of.

use countersign::Refusal::{
    BodyMalformed, MediaTypeUnsupported, MethodNotAllowed, SignatureMismatch, SignatureMissing,
};
use countersign::providers::{TWILIO, TWILIO_BODY_SHA256, TWILIO_FORM};

use crate::attempt::{malformed, repeated};
use crate::macs::sha256_hex;
use crate::trial::Trial;
use crate::twilio::{HEADER, TOKEN, tag};

const NAME: &str = "bodySHA256";
const JSON: &str = r#"{"property": "value", "boolean": true}"#;

/// A JSON POST whose target is signed as it is, and followed by `fields` in the content.
fn signed(query: &str, fields: &str) -> Trial {
    let url = format!("https://hooks.example.com/events?{query}{fields}");
    Trial::new(TWILIO, TOKEN)
        .public_url("https://hooks.example.com")
        .target(&format!("/events?{query}"))
        .json(JSON)
        .set(HEADER, tag(&url))
}

fn digest_of(body: &str) -> String {
    format!("{NAME}={}", sha256_hex(body.as_bytes()))
}

/// One character of the escaped text is no hexadecimal digit, so this is another spelling of the same parameter.
fn escaped(query: &str) -> String {
    query.replacen('a', "%61", 1)
}

#[test]
fn the_digest_is_there_once_and_in_lower_case() {
    let right = digest_of(JSON);
    for query in [
        right.clone(),
        format!("foo=1&{right}"),
        format!("bodysha256=x&{right}"),
        right.replace(NAME, "body%53HA256"),
        escaped(&right),
    ] {
        for scheme in [TWILIO, TWILIO_BODY_SHA256] {
            let trial = signed(&query, "").scheme(scheme);
            trial.passes(&query);
        }
    }
    // Anywhere else it may be the text of a field that was moved into the URL.
    for query in [
        format!("foo=1&{right}&bar=2"),
        format!("{right}&a=b"),
        format!("{right}&"),
    ] {
        signed(&query, "").refused(SignatureMissing, &query);
        let alone = signed(&query, "").scheme(TWILIO_BODY_SHA256);
        alone.passes(&query);
    }
    let hex = sha256_hex(JSON.as_bytes());
    for (query, refusal) in [
        (String::new(), SignatureMissing),
        ("foo=1".to_owned(), SignatureMissing),
        (right.to_lowercase(), SignatureMissing),
        (right.to_uppercase(), SignatureMissing),
        (right.replace(NAME, "bodySHA1"), SignatureMissing),
        (format!("{NAME}={}", hex.to_uppercase()), SignatureMismatch),
        (digest_of(""), SignatureMismatch),
        (digest_of(&format!("{JSON}\n")), SignatureMismatch),
        (format!("{NAME}={}", &hex[..63]), SignatureMismatch),
        (format!("{right}0"), SignatureMismatch),
        (format!("{NAME}=+{hex}"), SignatureMismatch),
        (format!("{NAME}=0x{hex}"), SignatureMismatch),
        (format!("{NAME}=sha256%3D{hex}"), SignatureMismatch),
        (NAME.to_owned(), malformed(NAME)),
        (format!("{NAME}="), malformed(NAME)),
        (format!("{NAME}=%FF"), malformed(NAME)),
        (format!("{NAME}={}", "a".repeat(2_049)), malformed(NAME)),
        (format!("{right}&{right}"), repeated(NAME)),
        (format!("{right}&{NAME}="), repeated(NAME)),
        (format!("{}&{right}", digest_of("x")), repeated(NAME)),
        (format!("{right}&body%53HA256={hex}"), repeated(NAME)),
    ] {
        for scheme in [TWILIO, TWILIO_BODY_SHA256] {
            let trial = signed(&query, "").scheme(scheme);
            trial.refused(refusal.clone(), &query);
        }
    }
}

/// A digest proves nothing by itself: anybody can write one into a URL.
#[test]
fn a_right_digest_in_a_url_that_is_not_signed() {
    let other = r#"{"property": "other"}"#;
    let trial = signed(&digest_of(JSON), "").json(other);
    trial.refused(SignatureMismatch, "another body");
    let trial = trial.target(&format!("/events?{}", digest_of(other)));
    trial.refused(SignatureMismatch, "with its own digest");
    for at in 0..JSON.len() {
        let mut body = JSON.as_bytes().to_vec();
        body[at] ^= 1;
        let trial = signed(&digest_of(JSON), "").json(body);
        trial.refused(SignatureMismatch, format!("byte {at}"));
    }
}

/// The parameter does not switch the rule for forms off.
#[test]
fn the_fields_of_a_form_count_beside_a_digest() {
    let form = |query: &str, fields: &str| signed(query, fields).form("a=1&b=2");
    for query in [digest_of("a=1&b=2"), digest_of("x"), format!("{NAME}=x")] {
        form(&query, "a1b2").passes(&query);
        form(&query, "").refused(SignatureMismatch, format!("{query}, the URL alone"));
    }
    // Their digest is not asked for, but the parameter is still there once.
    let twice = format!("{0}&{0}", digest_of("a=1&b=2"));
    form(&twice, "a1b2").refused(repeated(NAME), "twice");
}

#[test]
fn a_form_without_fields_needs_its_digest() {
    let form = |query: &str, body: &str| signed(query, "").form(body.as_bytes().to_vec());
    for body in ["&", "&&"] {
        form(&digest_of(body), body).passes(body);
        form(&digest_of(JSON), body).refused(SignatureMismatch, body);
        form("x=1", body).refused(SignatureMissing, body);
    }
    form("x=1", "").passes("empty, without a digest");
    form(&digest_of(""), "").passes("empty, with its digest");
    form(&digest_of(JSON), "").refused(SignatureMismatch, "empty, with another digest");
}

/// The body of one kind under the name of another.
#[test]
fn another_content_type() {
    let json = signed(&digest_of(JSON), "");
    let form = "application/x-www-form-urlencoded";
    let as_form = json.clone().set("content-type", form);
    as_form.refused(BodyMalformed, "JSON as a form");
    let none = json.clone().without("content-type");
    none.passes("JSON under no name: its digest is what counts");
    let both = json.clone().add("content-type", form);
    both.refused_at_open(MediaTypeUnsupported, "both");
    let text = json.clone().set("content-type", "text/json");
    text.refused_at_open(MediaTypeUnsupported, "no type of Twilio's");
    let forms_alone = as_form.scheme(TWILIO_FORM);
    forms_alone.refused(BodyMalformed, "where forms alone are taken");
    let json_alone = json.clone().scheme(TWILIO_BODY_SHA256);
    let as_form = json_alone.clone().set("content-type", form);
    as_form.refused_at_open(MediaTypeUnsupported, "where JSON alone is taken");
    json_alone.without("content-type").passes("under no name");
    let form_as_json = signed("x=1", "a1").json("a=1");
    form_as_json.refused(SignatureMismatch, "a form as JSON");
}

#[test]
fn an_empty_body() {
    for trial in [
        signed("x=1", "").json(""),
        signed(&digest_of(""), "").json(""),
        signed("x=1", "").json("").without("content-type"),
    ] {
        trial.passes("nothing, or nothing with its digest");
    }
    let other = signed(&digest_of(JSON), "").json("");
    other.refused(SignatureMismatch, "nothing, with another digest");
    // Where every body has its digest, an empty one has it, too.
    let every = signed("x=1", "").json("").scheme(TWILIO_BODY_SHA256);
    every.refused(SignatureMissing, "nothing, and no digest");
    let every = signed(&digest_of(""), "").json("");
    every.scheme(TWILIO_BODY_SHA256).passes("with its digest");
}

#[test]
fn a_get_may_have_a_digest() {
    let get = signed(&digest_of(JSON), "").method("GET");
    get.passes("with its body");
    let other = get.clone().scheme(TWILIO_BODY_SHA256);
    other.refused_at_open(MethodNotAllowed, "where events are posted");
    let bare = get.body("").without("content-type");
    bare.refused(SignatureMismatch, "without its body");
}

/// Whoever sees a signed form can move its fields into the URL, for nothing sets them apart. A text in one of them that looks like the
/// parameter of the digest must not make another body genuine.
#[test]
fn a_digest_in_the_text_of_a_field_is_none() {
    const FORGED: &str = r#"{"EventType":"payment.confirmed"}"#;
    let text = format!("&{}&z=", digest_of(FORGED));
    let fields = format!("Body{text}From+14158675309ToMe");
    let genuine = signed("foo=1", &fields).form(format!(
        "Body={}&From=%2B14158675309&To=Me",
        text.replace('&', "%26").replace('=', "%3D")
    ));
    genuine.passes("the form that was signed");
    let moved = signed(&format!("foo=1{fields}"), "").body(FORGED);
    moved.refused(SignatureMissing, "its fields in the URL, and another body");
}

/// A digest that stands where it does not count is still one: an empty body is not what it is a digest of.
#[test]
fn a_body_cannot_be_dropped() {
    let right = digest_of(JSON);
    for query in [
        format!("{right}&"),
        format!("{right}&&"),
        format!("foo=bar&{right}&"),
    ] {
        let signed_as = query.trim_end_matches('&');
        let trial = signed(signed_as, "").target(&format!("/events?{query}"));
        for method in ["POST", "GET"] {
            let dropped = trial.clone().method(method).body("");
            dropped.refused(SignatureMissing, format!("{method} {query}"));
            let no_type = dropped.without("content-type");
            no_type.refused(SignatureMissing, format!("{method} {query}, no type"));
        }
    }
}
