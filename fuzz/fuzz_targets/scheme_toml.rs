//! Schemes from files, and receivers built from them.
//!
//! Input: a scheme in TOML, a line `---`, a message as in `verify`.
//! Property: what parses is written and parsed again to the same scheme; no check and no verification panics; a signature over the body is
//! broken by any flipped bit of the body; an id that holds the literal behind it is refused; and no Debug text holds the secret.

#![no_main]

use bytes::Bytes;
use countersign::danger::{Weak, secret_of_any_length};
use countersign::scheme::{Algorithm, Change, Grade, Part, Place, Scheme};
use countersign::{Message as Outgoing, Receiver, Refusal, Secret, Timestamp, Verified};
use countersign_fuzz::message::Message;
use countersign_fuzz::text::split_at;
use http::{HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

/// Usable as text, as hex and as base64.
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const CREDENTIALS: &str = "user:00112233445566778899aabbccddeeff";
const BASE: &str = "https://example.com";
const TARGET: &str = "/hooks/abc?token=t&a=b%20c";
const NOW: i64 = 1_700_000_000_000;

fuzz_target!(|input: &[u8]| {
    let (toml, request) = split_at(input, b"\n---\n").unwrap_or((input, b""));
    let Ok(scheme) = std::str::from_utf8(toml).map(toml::from_str::<Scheme>) else {
        return;
    };
    let Ok(scheme) = scheme else {
        return;
    };
    check_round_trip(&scheme);
    let checked = scheme.check();
    assert_eq!(checked, scheme.check());

    let basic = scheme.algorithm == Algorithm::Basic;
    let secret = secret_of_any_length(if basic { CREDENTIALS } else { KEY }).expect("a secret");
    let Some(receiver) = build(&scheme, &secret) else {
        return;
    };
    assert_eq!(checked, Ok(()), "what does not check is not built");
    assert!(!format!("{receiver:?}").contains("0112233445566778899aabb"));

    let (lines, body) = split_at(request, b"\n\n").unwrap_or((request, b""));
    let mut message = Message::new(lines, body, NOW);
    message.keep_possible();
    check_accepted(&scheme, &receiver, &message);

    if let Some(genuine) = sign(&scheme, &secret, body, "msg_1") {
        check_accepted(&scheme, &receiver, &genuine);
    }
    let ambiguous = literal_behind_id(&scheme)
        .and_then(|literal| sign(&scheme, &secret, body, &format!("a{literal}b")));
    if let Some(ambiguous) = ambiguous {
        assert!(verify(&receiver, &ambiguous).is_err(), "{scheme:?}");
    }
});

fn check_round_trip(scheme: &Scheme) {
    let written = toml::to_string(scheme).expect("a scheme is written");
    assert_eq!(
        toml::from_str::<Scheme>(&written).as_ref(),
        Ok(scheme),
        "{written}"
    );
    let written = serde_json::to_string(scheme).expect("a scheme is written");
    let read: Scheme = serde_json::from_str(&written).expect("a scheme is read");
    assert_eq!(&read, scheme);
}

fn build(scheme: &Scheme, secret: &Secret) -> Option<Receiver> {
    let mut builder = Receiver::builder(scheme.clone(), secret.clone()).public_url(BASE);
    for name in config_names(&scheme.content) {
        builder = builder.config(name, "value");
    }
    builder = match scheme.grade {
        Grade::SignatureBesideBody => builder.accept_weak(Weak::BodyNotSigned),
        Grade::Token => builder.accept_weak(Weak::NothingSigned),
        _ => builder,
    };
    builder.build().ok()
}

fn config_names(parts: &[Part]) -> Vec<String> {
    let mut names = Vec::new();
    for part in parts {
        if let Part::Config(name) = part {
            names.push(name.to_string());
        }
        names.extend(config_names(part.inner()));
    }
    names
}

fn sign(scheme: &Scheme, secret: &Secret, body: &[u8], id: &str) -> Option<Message> {
    let mut outgoing = Outgoing::new(body, Timestamp::from_millis(NOW))
        .id(id)
        .event("event")
        .request("POST", format!("{BASE}{TARGET}"));
    for name in config_names(&scheme.content) {
        outgoing = outgoing.config(name, "value");
    }
    let header =
        |(name, value): (HeaderName, HeaderValue)| (name.to_string(), value.as_bytes().to_vec());
    let headers = scheme.sign(secret, &outgoing).ok()?;
    Some(Message {
        headers: headers.into_iter().map(header).collect(),
        body: body.to_vec(),
        now_ms: NOW,
    })
}

fn verify(receiver: &Receiver, message: &Message) -> Result<Verified, Refusal> {
    let body = Bytes::copy_from_slice(&message.body);
    let now = Timestamp::from_millis(message.now_ms);
    receiver.verify(&message.head(TARGET, &[]), body, now)
}

fn check_accepted(scheme: &Scheme, receiver: &Receiver, message: &Message) {
    let Ok(verified) = verify(receiver, message) else {
        return;
    };
    assert_eq!(verified.body(), &message.body);
    assert_eq!(
        verify(receiver, message).map(|again| again.timestamp()),
        Ok(verified.timestamp())
    );
    let _ = verified.deliver(&message.head(TARGET, &[]));

    // The fields of a form say the same in other spellings; changed text may have been changed to the same.
    let to_the_bit = scheme.content.iter().any(covers_every_bit);
    if scheme.grade == Grade::SignatureOverBody && to_the_bit {
        for bit in 0..message.body.len().min(64) * 8 {
            let mut altered = message.clone();
            altered.body[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(receiver, &altered).is_err(), "bit {bit}");
        }
    }
}

fn covers_every_bit(part: &Part) -> bool {
    match part {
        Part::Body => true,
        Part::Digest { of, .. }
        | Part::Encode { of, .. }
        | Part::Optional(of)
        | Part::Change {
            by: Change::JsonString | Change::Reverse,
            of,
        } => of.iter().any(covers_every_bit),
        _ => false,
    }
}

/// The text that must not occur in the id, which stands in a header.
fn literal_behind_id(scheme: &Scheme) -> Option<String> {
    let in_header = matches!(scheme.id.first(), Some(Place::Header(_)));
    scheme.content.windows(2).find_map(|parts| match parts {
        [Part::Id, Part::Literal(literal)] if in_header => Some(literal.to_string()),
        _ => None,
    })
}
