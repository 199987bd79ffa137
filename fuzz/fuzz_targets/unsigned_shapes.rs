//! What receivers answer by themselves: handshakes, and requests that senders do not sign.
//!
//! Input: `SCHEME SIGNED ORIGIN CONSENT`, a line `METHOD TARGET`, header lines, an empty line, the body. SIGNED is `raw`, or `signed` as
//! the sender would, or `public` for Mandrill's published key; ORIGIN is `origin` when one is configured; CONSENT is `deaf` when nobody can be
//! asked, `agree` or `refuse`.
//! Property: a request is answered exactly when a naive reading of the sender's rules says so, with what it says: nothing, or the challenge
//! in safe characters; what becomes a delivery is accepted by the reference.

#![no_main]

use core::future::Future;
use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use countersign::danger::secret_of_any_length;
use countersign::{
    Finished, Message as Outgoing, Receiver, Refusal, Reply, ReplyKind, Scheme, Timestamp,
    providers,
};
use countersign_fuzz::head::AnyHead;
use countersign_fuzz::message::Message;
use countersign_fuzz::naive::asked::{Asking, Expected, expected, is_safe};
use countersign_fuzz::subject::{BASE, builder, take_in};
use countersign_fuzz::text::{choose, first_line, split_at, words};
use countersign_reference::{Attempt, Call, accepts_call};
use libfuzzer_sys::fuzz_target;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PUBLISHED: &str = "test-webhook";
const ORIGIN: &str = "events.example.com";
const NOW_MS: i64 = 1_700_000_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Proven {
    Raw,
    Signed,
    Published,
}

const SIGNED: [(&str, Proven); 3] = [
    ("raw", Proven::Raw),
    ("signed", Proven::Signed),
    ("public", Proven::Published),
];
const ORIGINS: [(&str, bool); 2] = [("any", false), ("origin", true)];
const CONSENTS: [(&str, Option<bool>); 3] = [
    ("deaf", None),
    ("agree", Some(true)),
    ("refuse", Some(false)),
];

/// Every scheme that answers something, with and without an origin, with and without somebody to ask.
static SUBJECTS: LazyLock<Vec<(&str, Subject)>> = LazyLock::new(|| {
    let answering = providers::ALL
        .iter()
        .filter(|scheme| !scheme.handshakes.is_empty() || !scheme.unsigned.is_empty());
    let subjects: Vec<_> = answering.map(Subject::new).collect();
    let names: BTreeSet<&str> = subjects.iter().map(|(name, _)| *name).collect();
    // The naive reading knows these; one more needs rules there.
    let known = [
        "cloudevents-webhook",
        "intercom",
        "mailchimp",
        "mandrill",
        "slack",
        "websub",
        "websub-sha1",
        "websub-sha384",
        "websub-sha512",
        "woocommerce",
    ];
    assert_eq!(names, BTreeSet::from(known));
    subjects
});

struct Subject {
    scheme: &'static Scheme,
    /// By whether an origin is configured, and whether somebody can be asked.
    receivers: [[Receiver; 2]; 2],
}

impl Subject {
    fn new(scheme: &'static Scheme) -> (&'static str, Self) {
        let receiver = |with_origin: bool, can_ask: bool| {
            let secret = secret_of_any_length(SECRET).expect("a secret");
            let mut builder = builder(scheme.clone(), secret);
            if with_origin && scheme.name == "cloudevents-webhook" {
                builder = builder.config("allowed-origin", ORIGIN);
            }
            if can_ask {
                // The word that it is given is tried by hand.
                builder = builder.consent(|_| std::future::ready(false));
            }
            builder.build().expect("a built-in scheme")
        };
        let both = |with_origin| [receiver(with_origin, false), receiver(with_origin, true)];
        let receivers = [both(false), both(true)];
        (&scheme.name, Self { scheme, receivers })
    }
}

fuzz_target!(|input: &[u8]| {
    let (lines, body) = split_at(input, b"\n\n").unwrap_or((input, b""));
    let (first, lines) = first_line(lines);
    let (request, lines) = first_line(lines);
    let Ok(request) = std::str::from_utf8(request) else {
        return;
    };
    let (method, target) = request.split_once(' ').unwrap_or((request, "/"));
    let mut first = words(first);
    let subject = choose(SUBJECTS.as_slice(), first.next());
    let signed = *choose(&SIGNED, first.next());
    let with_origin = *choose(&ORIGINS, first.next());
    let consent = *choose(&CONSENTS, first.next());

    let mut message = Message::new(lines, body, NOW_MS);
    sign(subject.scheme, signed, target, &mut message);
    let head = AnyHead::new(method, target, &message.headers);
    let receiver = &subject.receivers[usize::from(with_origin)][usize::from(consent.is_some())];
    let finished = receive(receiver, &head, message.pieces());
    let at_once = receive(receiver, &head, vec![Bytes::copy_from_slice(body)]);
    assert_eq!(kind(&finished), kind(&at_once));

    let by_reference = |secret| accepts(subject.scheme, secret, &head, body);
    let is_genuine = by_reference(SECRET);
    let said = expected(
        &subject.scheme.name,
        &Asking {
            head,
            body,
            is_genuine: is_genuine && passes_door(subject.scheme, &head),
            is_public: subject.scheme.name == "mandrill" && by_reference(PUBLISHED),
            origin: (with_origin && subject.scheme.name == "cloudevents-webhook").then_some(ORIGIN),
            can_ask: consent.is_some(),
        },
    );
    check(&finished, &said, consent, &head);
    if let Ok(Finished::Verified(verified)) = &finished {
        assert!(is_genuine, "a delivery, and not for the reference");
        assert_eq!(verified.body(), body);
    }
});

fn sign(scheme: &Scheme, signed: Proven, target: &str, message: &mut Message) {
    let secret = match signed {
        Proven::Raw => return,
        Proven::Signed => SECRET,
        Proven::Published => PUBLISHED,
    };
    let secret = secret_of_any_length(secret).expect("a secret");
    let outgoing = Outgoing::new(&message.body, Timestamp::from_millis(message.now_ms))
        .request("POST", format!("{BASE}{target}"));
    let headers = scheme.sign(&secret, &outgoing).unwrap_or_default();
    let said_before = message.headers.len();
    for (name, value) in headers {
        let is_kind = name == http::header::CONTENT_TYPE;
        let mut said = message.headers[..said_before].iter();
        // Who writes a type into the input means it.
        if !is_kind || !said.any(|(known, _)| known.eq_ignore_ascii_case("content-type")) {
            message
                .headers
                .push((name.to_string(), value.as_bytes().to_vec()));
        }
    }
}

fn receive(receiver: &Receiver, head: &AnyHead, pieces: Vec<Bytes>) -> Result<Finished, Refusal> {
    take_in(receiver.open(head, Timestamp::from_millis(NOW_MS))?, pieces)
}

fn kind(finished: &Result<Finished, Refusal>) -> Result<(Option<&Reply>, bool), &Refusal> {
    match finished {
        Ok(Finished::Answered(reply)) => Ok((Some(reply), false)),
        Ok(Finished::Verified(_)) => Ok((None, true)),
        Ok(_) => Ok((None, false)),
        Err(refusal) => Err(refusal),
    }
}

fn accepts(scheme: &Scheme, secret: &str, head: &AnyHead, body: &[u8]) -> bool {
    let headers: Vec<(&str, &[u8])> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_slice()))
        .collect();
    let call = Call {
        base: BASE,
        method: head.method,
        path: head.path,
        query: head.query,
        attempt: Attempt {
            headers: &headers,
            body,
            now_ms: NOW_MS,
        },
    };
    accepts_call(&scheme.name, &[secret], &call)
}

/// What a delivery's head must be like beside its signature.
fn passes_door(scheme: &Scheme, head: &AnyHead) -> bool {
    let text = |line: &[u8]| String::from_utf8_lossy(line).to_ascii_lowercase();
    let types: Vec<String> = head.lines("content-type").map(text).collect();
    let is_known = |given: &String| {
        let essence = given.split(';').next().unwrap_or_default();
        scheme.media_types.is_empty()
            || scheme
                .media_types
                .iter()
                .any(|known| known == essence.trim_matches([' ', '\t']))
    };
    types.len() <= 1
        && types.iter().all(is_known)
        && head
            .lines("content-encoding")
            .all(|line| text(line).trim_matches([' ', '\t']) == "identity")
}

fn check(
    finished: &Result<Finished, Refusal>,
    said: &Expected,
    consent: Option<bool>,
    head: &AnyHead,
) {
    match (finished, said) {
        (Ok(Finished::Answered(reply)), Expected::Unsigned) => {
            assert_eq!(reply.kind, ReplyKind::Unsigned);
            check_reply(reply, "", head);
        }
        (Ok(Finished::Answered(reply)), Expected::Handshake(body)) => {
            assert_eq!(reply.kind, ReplyKind::Handshake);
            check_reply(reply, body, head);
        }
        (Ok(Finished::Answered(reply)), Expected::Unclear(body)) => {
            let text = std::str::from_utf8(&reply.body).expect("text");
            assert!(body.contains(text));
            check_reply(reply, text, head);
        }
        (Ok(Finished::Asked(asked)), Expected::Ask(body) | Expected::Unclear(body)) => {
            assert_eq!(now(asked.ask()), Some(false), "the receiver's own hook");
            assert_eq!(asked.question().method(), head.method);
            assert_eq!(asked.question().path(), head.path);
            assert_eq!(asked.answer(false).err(), Some(Refusal::NotAgreed));
            if consent == Some(true) {
                let reply = asked.answer(true).expect("agreed");
                assert_eq!(reply.kind, ReplyKind::Handshake);
                check_reply(&reply, body, head);
            }
        }
        (Ok(Finished::Verified(_)) | Err(_), Expected::Nothing | Expected::Unclear(_)) => {}
        (finished, said) => panic!("{finished:?}, and should be {said:?}"),
    }
}

fn check_reply(reply: &Reply, body: &str, head: &AnyHead) {
    assert_eq!(reply.status.as_u16(), 200);
    assert_eq!(reply.body, body.as_bytes());
    assert!(body.is_empty() || is_safe(body));
    let kind = reply.content_type.as_ref().map(|kind| kind.as_bytes());
    let plain = &b"text/plain; charset=utf-8"[..];
    assert_eq!(kind, (!body.is_empty()).then_some(plain));

    let origin = head.lines("webhook-request-origin").next();
    for (name, value) in &reply.headers {
        let value = value.to_str().expect("text");
        let expected = match name.as_str() {
            "webhook-allowed-origin" => {
                let origin = std::str::from_utf8(origin.expect("asked")).expect("text");
                origin.trim_matches([' ', '\t'])
            }
            "webhook-allowed-rate" => "*",
            "allow" => "POST",
            other => panic!("{other}"),
        };
        assert_eq!(value, expected);
        assert!(value == "*" || is_safe(value));
    }
    assert!(reply.headers.is_empty() || head.method == "OPTIONS" && reply.headers.len() == 3);
}

/// What a future that waits for nothing gives.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
