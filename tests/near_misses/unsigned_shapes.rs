//! Unsigned shapes of own schemes, beside deliveries of the same method.

use std::borrow::Cow;

use countersign::Refusal::{SignatureMalformed, SignatureMismatch, SignatureMissing};
use countersign::scheme::{FieldShape, Place, Scheme, SignatureRule, UnsignedShape, ValueShape};
use countersign::{list, text};

use crate::macs::{hex, hmac_sha256};
use crate::trial::{Answer, Trial};

const KEY: &str = "0123456789abcdef";

const PROBE: UnsignedShape = UnsignedShape {
    method: text!("GET"),
    media_type: None,
    fields: list![FieldShape {
        optional: false,
        name: text!("probe"),
        value: ValueShape::Exactly(text!("1")),
    }],
    public_key: None,
    status: 204,
};

/// GETs are deliveries, too.
const BY_GET: Scheme = Scheme {
    name: text!("by-get"),
    signature: SignatureRule {
        place: Place::Header(text!("a-signature")),
        ..SignatureRule::BASE
    },
    methods: list![text!("POST"), text!("GET")],
    media_types: list![],
    unsigned: list![PROBE],
    ..Scheme::BASE
};

fn answer() -> Answer {
    Answer {
        status: 204,
        ..Answer::unsigned()
    }
}

fn tag(body: &str) -> String {
    hex(&hmac_sha256(KEY, &[body.as_bytes()]))
}

/// Whether it is one must be known before its body: so its head says that there is none, and nothing else.
#[test]
fn beside_deliveries_of_the_same_method_a_probe_declares_that_it_is_empty() {
    let get = Trial::new(BY_GET, KEY)
        .method("GET")
        .target("/hook?probe=1");
    let probe = get.clone().set("content-length", "0");
    probe.answered(answer(), "as it is");
    get.refused_without_length(SignatureMissing, "no length");
    for length in ["00", "+0", "0x0"] {
        let trial = get.clone().set("content-length", length);
        let outcome = trial.outcome();
        assert_ne!(outcome, probe.outcome(), "{length}: {outcome:?}");
    }
    let signed = probe.clone().set("a-signature", tag(""));
    signed.passes("what carries a signature is a delivery");
    let forged = probe.clone().set("a-signature", tag("x"));
    forged.refused(SignatureMismatch, "and is judged by it");
    let malformed = probe.clone().set("a-signature", "x");
    malformed.refused_at_open(SignatureMalformed, "and is judged by it");
    for target in [
        "/hook",
        "/hook?probe=2",
        "/hook?probe=1&x=1",
        "/hook?probe=1&probe=1",
    ] {
        let trial = probe.clone().target(target);
        trial.refused_at_open(SignatureMissing, target);
    }
    let post = probe.method("POST");
    post.refused_at_open(SignatureMissing, "by POST");
}

/// A signature of any family is one.
#[test]
fn no_family_of_headers_is_passed_over() {
    let ping = UnsignedShape {
        method: text!("POST"),
        media_type: Some(text!("application/x-www-form-urlencoded")),
        ..PROBE
    };
    let scheme = Scheme {
        header_prefixes: list![text!("a-"), text!("b-")],
        unsigned: Cow::Owned(vec![ping]),
        ..BY_GET
    };
    let trial = Trial::new(scheme, KEY).form("probe=1");
    trial.answered(answer(), "bare");
    for name in ["a-signature", "b-signature"] {
        let forged = trial.clone().set(name, tag("x"));
        forged.refused(SignatureMismatch, name);
        let genuine = trial.clone().set(name, tag("probe=1"));
        genuine.passes(name);
    }
}
