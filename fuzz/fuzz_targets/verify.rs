//! The whole verification of every built-in scheme, beside an independent reference.
//!
//! Input: `raw SCHEME NOW`, header lines, an empty line, the body; or `genuine SCHEME NOW SECRET ID`, lines of changes (see the module
//! `mutation`), an empty line, the body, which is signed as the sender would and then changed. NOW is in seconds, SECRET is 0 or 1.
//! Property: the same verdict for the body in one piece and in many; what is accepted, the reference accepts too; what the reference
//! accepts is refused for a documented cause only; and what is genuine and unchanged is accepted by both. What the receiver answers by
//! itself is left to `unsigned_shapes`, and the schemes that sign the URL to `form_canonical`.

#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use countersign::danger::secret_of_any_length;
use countersign::{
    Finished, Message as Outgoing, Receiver, Refusal, Scheme, Secret, SecretRing, Timestamp,
    Verified, providers,
};
use countersign_fuzz::message::Message;
use countersign_fuzz::mutation;
use countersign_fuzz::subject::take_in;
use countersign_fuzz::text::{choose, first_line, number, position, split_at, words};
use countersign_reference::{Attempt, accepts};
use libfuzzer_sys::fuzz_target;

struct Subject {
    scheme: Scheme,
    secrets: [&'static str; 2],
    receiver: Receiver,
}

impl Subject {
    fn new(scheme: Scheme, secrets: [&'static str; 2]) -> (&'static str, Self) {
        let name: &'static str = scheme.name.to_string().leak();
        let ring = SecretRing::new(secrets.map(secret)).expect("two secrets");
        let receiver = Receiver::builder(scheme.clone(), ring).build();
        let subject = Self {
            scheme,
            secrets,
            receiver: receiver.expect("a built-in scheme"),
        };
        (name, subject)
    }
}

/// The secrets are those of published examples.
static SUBJECTS: LazyLock<[(&str, Subject); 11]> = LazyLock::new(|| {
    let github = ["It's a Secret to Everybody", "0123456789abcdef"];
    let svix = [
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    ];
    [
        Subject::new(providers::GITHUB, github),
        Subject::new(providers::GITHUB_SHA1, github),
        Subject::new(providers::INTERCOM, github),
        Subject::new(providers::SHOPIFY, ["test_secret_key", "hush"]),
        Subject::new(
            providers::SLACK,
            ["8f742231b10e8888abcd99yyyzzz85a5", "another secret"],
        ),
        Subject::new(providers::STANDARD_WEBHOOKS, svix),
        Subject::new(providers::STRIPE, ["webhook_secret", "whsec_test_secret"]),
        Subject::new(providers::SVIX, svix),
        Subject::new(providers::WEBSUB, github),
        Subject::new(providers::WEBSUB_SHA512, github),
        Subject::new(providers::WOOCOMMERCE, github),
    ]
});

const MODES: [(&str, bool); 2] = [("raw", false), ("genuine", true)];
const TARGET: &str = "/hooks";

/// What the door judges and the signature does not.
const DOOR: [&str; 3] = ["content-type", "content-encoding", "content-length"];

fuzz_target!(|input: &[u8]| {
    let (lines, body) = split_at(input, b"\n\n").unwrap_or((input, b""));
    let (first, lines) = first_line(lines);
    let mut first = words(first);
    let is_genuine = *choose(&MODES, first.next());
    let subject = choose(SUBJECTS.as_slice(), first.next());
    let now_ms = number(first.next()).saturating_mul(1_000);

    let mut message;
    if is_genuine {
        let signed = position(first.next(), 2).unwrap_or_default();
        let id = std::str::from_utf8(first.next().unwrap_or(b"msg_1")).unwrap_or("msg_1");
        let Some(genuine) = sign(subject, signed, id, body, now_ms) else {
            return;
        };
        check_genuine(subject, signed, id, &genuine);
        message = genuine;
        for line in lines
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            mutation::apply(line, &mut message);
        }
    } else {
        message = Message::new(lines, body, now_ms);
    }
    message.keep_possible();
    let _ = check(subject, &message);
});

fn secret(text: &str) -> Secret {
    secret_of_any_length(text).expect("a secret")
}

fn sign(subject: &Subject, signed: usize, id: &str, body: &[u8], now_ms: i64) -> Option<Message> {
    let outgoing = Outgoing::new(body, Timestamp::from_millis(now_ms)).id(id);
    let secret = secret(subject.secrets[signed]);
    let headers = subject.scheme.sign(&secret, &outgoing).ok()?;
    Some(Message {
        headers: headers
            .into_iter()
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect(),
        body: body.to_vec(),
        now_ms,
    })
}

/// Refused only for what no sender sends: a time before 1970 or of more than 15 digits, an unusable id, an empty body.
fn check_genuine(subject: &Subject, signed: usize, id: &str, genuine: &Message) {
    let verdict = check(subject, genuine);
    let stamped = subject.scheme.timestamp.is_some();
    let odd_time = stamped && !(0..1_000_000_000_000_000_000).contains(&genuine.now_ms);
    let signs_id = ["standard-webhooks", "svix"].contains(&subject.scheme.name.as_ref());
    let odd_id = signs_id && id.contains('.');
    let odd_body = subject.scheme.body_required && genuine.body.is_empty();
    match verdict {
        Ok(label) => assert_eq!(label, format!("secret-{}", signed + 1)),
        Err(refusal) => assert!(odd_time || odd_id || odd_body, "{refusal:?} {genuine:?}"),
    }
}

/// The label of the secret that fits, by every way through the library, with the reference's consent.
fn check(subject: &Subject, message: &Message) -> Result<String, Refusal> {
    let head = message.head(TARGET, &[]);
    let now = Timestamp::from_millis(message.now_ms);
    let body = Bytes::copy_from_slice(&message.body);
    let verdict = subject.receiver.verify(&head, body, now);
    let label = verdict
        .as_ref()
        .map(|verified| verified.secret_label().to_owned());
    let label = label.map_err(Clone::clone);

    let len = message.body.len();
    let right_len = vec![("content-length", len.to_string())];
    let by_pieces = pieces(subject, message, &[]);
    assert_eq!(by_pieces, pieces(subject, message, &right_len), "declared");
    match (&by_pieces, &label) {
        // A question, which the signature alone does not tell from a delivery, or a shape that has none.
        (Ok(None), Ok(_) | Err(Refusal::SignatureMissing)) => {}
        // Whether it is a question cannot be read.
        (Err(refusal), Ok(_)) => assert!(is_unreadable(subject, refusal), "{refusal:?}"),
        (Ok(Some(by_pieces)), _) => assert_eq!(Ok(by_pieces), label.as_ref(), "in pieces"),
        (by_pieces, _) => assert_eq!(by_pieces.as_ref().err(), label.as_ref().err(), "in pieces"),
    }
    let wrong_len = vec![("content-length", (len + 1).to_string())];
    // The head is judged first; then the body is one byte short, whatever its signature says.
    let short = match subject
        .receiver
        .open(&with_headers(message, &wrong_len), now)
    {
        Ok(_) => Refusal::BodyIncomplete,
        Err(refusal) => refusal,
    };
    assert_eq!(pieces(subject, message, &wrong_len), Err(short));
    if subject.receiver.open(&head, now).is_ok() && label.is_err() {
        // The head is in order: what is wrong is the body or the signature's bytes, or that it is no known form without one.
        let refusal = label.as_ref().err();
        let is_form = !subject.scheme.unsigned.is_empty();
        assert!(
            matches!(
                refusal,
                Some(Refusal::SignatureMismatch | Refusal::BodyEmpty)
            ) || is_form && refusal == Some(&Refusal::SignatureMissing)
        );
    }

    let headers: Vec<(&str, &[u8])> = message
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_slice()))
        .collect();
    let attempt = Attempt {
        headers: &headers,
        body: &message.body,
        now_ms: message.now_ms,
    };
    let reference = accepts(&subject.scheme.name, &subject.secrets, &attempt);
    match &label {
        Ok(_) => assert!(reference, "accepted, and not by the reference"),
        Err(refusal) => assert!(
            !reference || is_documented(subject, refusal),
            "{refusal:?}, and the reference accepts"
        ),
    }
    if let Ok(verified) = verdict {
        check_delivery(verified, message);
    }
    label
}

/// The label of the secret that fits; `None` when the receiver answers by itself.
fn pieces(
    subject: &Subject,
    message: &Message,
    more: &[(&str, String)],
) -> Result<Option<String>, Refusal> {
    let head = with_headers(message, more);
    let now = Timestamp::from_millis(message.now_ms);
    let intake = subject.receiver.open(&head, now)?;
    match take_in(intake, message.pieces())? {
        Finished::Verified(verified) => {
            assert_eq!(verified.body(), &message.body);
            Ok(Some(verified.secret_label().to_owned()))
        }
        Finished::Answered(_) => Ok(None),
        other => panic!("{other:?}"),
    }
}

fn with_headers(message: &Message, more: &[(&str, String)]) -> http::Request<()> {
    let mut head = message.head(TARGET, &DOOR);
    for (name, value) in more {
        let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
        let value = http::HeaderValue::from_str(value).expect("a value");
        head.headers_mut().append(name, value);
    }
    head
}

/// Slack's own body says whether it is a question.
fn is_unreadable(subject: &Subject, refusal: &Refusal) -> bool {
    subject.scheme.name == "slack"
        && matches!(
            refusal,
            Refusal::BodyMalformed
                | Refusal::FieldRepeated { .. }
                | Refusal::FieldMalformed { .. }
                | Refusal::FieldMissing { .. }
        )
}

/// The reference has no limit on the length of a list of signatures; nobody sends 8 KiB of them.
fn is_documented(subject: &Subject, refusal: &Refusal) -> bool {
    let has_list = ["standard-webhooks", "svix"].contains(&subject.scheme.name.as_ref());
    has_list && matches!(refusal, Refusal::SignatureTooLong { .. })
}

/// Reading the fields neither panics nor changes the body.
fn check_delivery(verified: Verified, message: &Message) {
    assert_eq!(verified.body(), &message.body);
    match verified.deliver(&message.head(TARGET, &[])) {
        Ok(delivery) => {
            assert_eq!(delivery.body(), &message.body);
            let fields = [delivery.id(), delivery.event(), delivery.tenant()];
            for field in fields.into_iter().flatten() {
                assert!((1..=256).contains(&field.as_str().len()));
            }
        }
        Err(refusal) => assert!(matches!(
            refusal,
            Refusal::FieldRepeated { .. } | Refusal::FieldMalformed { .. } | Refusal::BodyMalformed
        )),
    }
}
