//! Schemes from files, and receivers built from them.
//!
//! Input: a scheme in TOML or JSON, a line `---`, lines `method METHOD` and `target TARGET` if they matter, a message as in `verify`.
//! Property: what parses is written and parsed again to the same scheme; an error names a line that there is; no check and no verification
//! panics; a signature over the body is broken by any flipped bit of the body; an id that holds the literal behind it is refused; no
//! Debug text holds the secret; and whoever lacks the secret gets nothing: no delivery, and no answer but an empty one or one that the
//! application agrees to.

#![no_main]

use std::collections::BTreeMap;

use bytes::Bytes;
use countersign::danger::{NoSecret, secret_of_any_length};
use countersign::scheme::{
    Algorithm, Change, FileError, Grade, Handshake, Part, Place, Proof, Scheme,
};
use countersign::{
    Finished, Message as Outgoing, Receiver, Refusal, Reply, ReplyKind, Secret, SecretRing,
    Timestamp, Verified,
};
use countersign_fuzz::head::AnyHead;
use countersign_fuzz::message::Message;
use countersign_fuzz::subject::{self, BASE, take_in};
use countersign_fuzz::text::{first_line, split_at};
use libfuzzer_sys::fuzz_target;

/// Usable as text, as hex and as base64.
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const CREDENTIALS: &str = "user:00112233445566778899aabbccddeeff";
const CREDENTIALS_BASE64: &str = "dXNlcjowMDExMjIzMzQ0NTU2Njc3ODg5OWFhYmJjY2RkZWVmZg";
const TARGET: &str = "/hooks/abc?token=t&a=b%20c";
const NOW: i64 = 1_700_000_000_000;

fuzz_target!(|input: &[u8]| {
    let (text, request) = split_at(input, b"\n---\n").unwrap_or((input, b""));
    let Some(scheme) = std::str::from_utf8(text).ok().and_then(read) else {
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
    // Unless the scheme names it.
    let shows = |printed: String| printed.contains("0112233445566778899aabb");
    assert!(!shows(format!("{receiver:?}")) || shows(format!("{scheme:?}")));

    let (method, request) = option(request, b"method ").unwrap_or(("POST", request));
    let (target, request) = option(request, b"target ").unwrap_or((TARGET, request));
    let (lines, body) = split_at(request, b"\n\n").unwrap_or((request, b""));
    let mut message = Message::new(lines, body, NOW);
    message.keep_possible();
    check_accepted(&scheme, &receiver, TARGET, &message);
    let head = AnyHead::new(method, target, &message.headers);
    check_stranger(&scheme, &receiver, &head, &message);

    if let Some((target, genuine)) = sign(&scheme, &secret, body, "msg_1") {
        check_accepted(&scheme, &receiver, &target, &genuine);
    }
    if let Some(literal) = literal_behind_id(&scheme) {
        let id = format!("a{literal}b");
        let signed = sign(&scheme, &secret, body, &id);
        // Its header may be taken by another value.
        let holds_it = |message: &Message| {
            let mut values = message.headers.iter().map(|(_, value)| value);
            values.any(|value| value == id.as_bytes())
        };
        if let Some((target, ambiguous)) = signed.filter(|(_, message)| holds_it(message)) {
            assert!(
                verify(&receiver, &target, &ambiguous).is_err(),
                "{scheme:?}"
            );
        }
    }
});

/// A line that says something about the request, and what follows it.
fn option<'a>(request: &'a [u8], name: &[u8]) -> Option<(&'a str, &'a [u8])> {
    let (line, rest) = first_line(request.strip_prefix(name)?);
    Some((std::str::from_utf8(line).ok()?, rest))
}

/// By every way that there is.
fn read(text: &str) -> Option<Scheme> {
    let toml = toml::from_str::<Scheme>(text).ok();
    check_file(text, Scheme::from_toml(text), toml.as_ref());
    let json = serde_json::from_str::<Scheme>(text).ok();
    check_file(text, Scheme::from_json(text), json.as_ref());
    toml.or(json)
}

/// A file is taken exactly when it parses and checks.
fn check_file(text: &str, file: Result<Scheme, FileError>, parsed: Option<&Scheme>) {
    match file {
        Ok(scheme) => {
            assert_eq!(Some(&scheme), parsed);
            assert_eq!(scheme.check(), Ok(()));
        }
        Err(error) => {
            let lines = text.split('\n').count();
            assert!(
                error.line.is_none_or(|line| (1..=lines).contains(&line)),
                "{error:?}"
            );
            assert!(!error.reason.is_empty());
            match parsed.map(Scheme::check) {
                Some(Ok(())) => panic!("{error}"),
                Some(Err(checked)) => {
                    assert_eq!(
                        (&*error.field, error.reason),
                        (checked.field, checked.reason)
                    );
                }
                None => assert!(error.line.is_some(), "{error}"),
            }
        }
    }
}

fn check_round_trip(scheme: &Scheme) {
    let in_toml = toml::to_string(scheme).expect("a scheme is written");
    let in_json = serde_json::to_string(scheme).expect("a scheme is written");
    assert_eq!(
        toml::from_str::<Scheme>(&in_toml).as_ref(),
        Ok(scheme),
        "{in_toml}"
    );
    let read: Scheme = serde_json::from_str(&in_json).expect("a scheme is read");
    assert_eq!(&read, scheme);
    if scheme.check().is_ok() {
        assert_eq!(Scheme::from_toml(&in_toml).as_ref(), Ok(scheme));
        assert_eq!(Scheme::from_json(&in_json).as_ref(), Ok(scheme));
    }
}

fn build(scheme: &Scheme, secret: &Secret) -> Option<Receiver> {
    let ring = match scheme.algorithm {
        Algorithm::Unsigned => SecretRing::from(NoSecret),
        _ => SecretRing::from(secret.clone()),
    };
    let mut builder = subject::builder(scheme.clone(), ring).consent(|_| std::future::ready(false));
    for name in config_names(&scheme.content) {
        builder = builder.config(name, "value");
    }
    for handshake in scheme.handshakes.iter() {
        if let Proof::Token { config, .. } = &handshake.proof {
            builder = builder.config(config.to_string(), KEY);
        }
    }
    builder.build().ok()
}

/// Nobody signed this message.
fn check_stranger(scheme: &Scheme, receiver: &Receiver, head: &AnyHead, message: &Message) {
    let knows_secret = may_hold_secret(head, message);
    let now = Timestamp::from_millis(message.now_ms);
    let Ok(intake) = receiver.open(head, now) else {
        return;
    };
    match take_in(intake, message.pieces()) {
        Ok(Finished::Verified(_)) => match scheme.grade {
            Grade::Unsigned => {}
            Grade::Token => assert!(knows_secret, "a token out of nowhere"),
            grade => panic!("a stranger's delivery under {grade:?}"),
        },
        Ok(Finished::Answered(reply)) if reply.kind == ReplyKind::Unsigned => {
            assert!(reply.body.is_empty() && reply.headers.is_empty());
            assert!(!scheme.unsigned.is_empty());
        }
        Ok(Finished::Answered(reply)) => {
            let is_weak = [Grade::Unsigned, Grade::Token].contains(&scheme.grade);
            assert!(
                knows_secret || is_weak && is_signed_question(scheme),
                "{reply:?}"
            );
            check_reply(&reply);
        }
        Ok(Finished::Asked(asked)) => {
            let consents = |handshake: &Handshake| handshake.proof == Proof::Consent;
            assert!(scheme.handshakes.iter().any(consents));
            check_reply(&asked.answer(true).expect("it can be answered"));
        }
        Ok(other) => panic!("{other:?}"),
        Err(_) => {}
    }
}

/// Tokens in other spellings are tokens, too; nobody looks into those.
fn may_hold_secret(head: &AnyHead, message: &Message) -> bool {
    let mut all = format!("{}?{}", head.path, head.query.unwrap_or_default()).into_bytes();
    for (_, value) in &message.headers {
        all.push(b'\n');
        all.extend_from_slice(value);
    }
    all.push(b'\n');
    all.extend_from_slice(&message.body);
    let holds = |text: &str| {
        all.windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    holds(KEY) || holds(CREDENTIALS_BASE64) || holds("%") || holds("\\")
}

fn is_signed_question(scheme: &Scheme) -> bool {
    let mut handshakes = scheme.handshakes.iter();
    handshakes.any(|handshake| handshake.proof == Proof::Signature)
}

/// A few bytes, of which a browser makes nothing.
fn check_reply(reply: &Reply) {
    assert_eq!(reply.kind, ReplyKind::Handshake);
    assert!(reply.status.is_success());
    let is_json = reply
        .content_type
        .as_ref()
        .is_some_and(|kind| kind == "application/json");
    let text = std::str::from_utf8(&reply.body).expect("text");
    assert!(text.len() <= 16 * 1024);
    if is_json {
        assert!(serde_json::from_str::<BTreeMap<String, String>>(text).is_ok());
    } else {
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' ')
        );
    }
    assert!(reply.content_type.is_some() || text.is_empty());
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

/// The target and the rest.
fn sign(scheme: &Scheme, secret: &Secret, body: &[u8], id: &str) -> Option<(String, Message)> {
    let mut outgoing = Outgoing::new(body, Timestamp::from_millis(NOW))
        .id(id)
        .event("event")
        .request("POST", format!("{BASE}{TARGET}"));
    for name in config_names(&scheme.content) {
        outgoing = outgoing.config(name, "value");
    }
    let (head, body) = scheme.request(secret, &outgoing).ok()?.into_parts();
    let headers = head.headers.iter();
    let message = Message {
        headers: headers
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect(),
        body: body.to_vec(),
        now_ms: NOW,
    };
    Some((head.uri.to_string(), message))
}

fn verify(receiver: &Receiver, target: &str, message: &Message) -> Result<Verified, Refusal> {
    let body = Bytes::copy_from_slice(&message.body);
    let now = Timestamp::from_millis(message.now_ms);
    receiver.verify(&message.head(target, &[]), body, now)
}

fn check_accepted(scheme: &Scheme, receiver: &Receiver, target: &str, message: &Message) {
    let Ok(verified) = verify(receiver, target, message) else {
        return;
    };
    assert_eq!(verified.body(), &message.body);
    assert_eq!(
        verify(receiver, target, message).map(|again| again.timestamp()),
        Ok(verified.timestamp())
    );
    let _ = verified.deliver(&message.head(target, &[]));

    // The fields of a form say the same in other spellings; changed text may have been changed to the same.
    let to_the_bit = scheme.content.iter().any(covers_every_bit);
    if scheme.grade == Grade::SignatureOverBody && to_the_bit {
        for bit in 0..message.body.len().min(64) * 8 {
            let mut altered = message.clone();
            altered.body[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(receiver, target, &altered).is_err(), "bit {bit}");
        }
    }
}

fn covers_every_bit(part: &Part) -> bool {
    match part {
        Part::Body => true,
        Part::Digest { of, .. }
        | Part::Encode { of, .. }
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
