//! The verdict on Twilio's and Mandrill's requests, beside an independent reference that signs, too.
//!
//! Input: `SCHEME METHOD BASE KIND SECRET SPELLING TIMES`, a line with the request's target, lines of changes (see the module `mutation`,
//! and [`change`]), an empty line, the body. It is repeated TIMES with `&` between, signed under the SPELLING of the URL by the reference, and
//! changed.
//! Property: the receiver accepts, in one piece and in many, exactly what the reference accepts, which tries each of the six spellings of
//! Twilio's and one of Mandrill's, decodes and sorts by itself and asks for a digest of what is no form. Mandrill's probes are answered, and
//! nothing else is.

#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use countersign::danger::secret_of_any_length;
use countersign::{
    Finished, Receiver, Refusal, Reply, ReplyKind, SecretRing, Timestamp, providers,
};
use countersign_fuzz::head::AnyHead;
use countersign_fuzz::message::Message;
use countersign_fuzz::mutation;
use countersign_fuzz::naive::form;
use countersign_fuzz::subject::take_in;
use countersign_fuzz::text::{choose, first_line, position, split_at, words};
use countersign_reference::{Attempt, Call, accepts_call, sign_call};
use libfuzzer_sys::fuzz_target;

const SCHEMES: [(&str, &str); 4] = [
    ("twilio", "twilio"),
    ("twilio-form", "twilio-form"),
    ("twilio-body-sha256", "twilio-body-sha256"),
    ("mandrill", "mandrill"),
];

const METHODS: [(&str, &str); 4] = [
    ("POST", "POST"),
    ("GET", "GET"),
    ("HEAD", "HEAD"),
    ("PUT", "PUT"),
];

const BASES: [&str; 8] = [
    "https://mycompany.com",
    "https://mycompany.com:1234",
    "https://mycompany.com:443/",
    "http://MyCompany.com",
    "HTTP://user:pass@MyCompany.com:80/in/",
    "https://user@mycompany.com/hooks",
    "https://[::1]:8443",
    "http://[2001:db8::1]",
];

const KINDS: [(&str, &[&str]); 7] = [
    ("form", &["application/x-www-form-urlencoded"]),
    ("json", &["application/json"]),
    ("none", &[]),
    (
        "charset",
        &["Application/X-WWW-Form-URLencoded; charset=UTF-8"],
    ),
    ("plain", &["text/plain"]),
    ("other", &["image/png"]),
    (
        "two",
        &["application/json", "application/x-www-form-urlencoded"],
    ),
];

/// The secrets that receivers know, and the key that everybody knows.
const SECRETS: [&str; 3] = ["12345", "another token", "test-webhook"];
const KNOWN: [&str; 2] = [SECRETS[0], SECRETS[1]];

/// By scheme, and by public URL.
static RECEIVERS: LazyLock<Vec<(&str, Vec<Receiver>)>> = LazyLock::new(|| {
    let ring = || {
        let secrets = KNOWN.map(|text| secret_of_any_length(text).expect("a secret"));
        SecretRing::new(secrets).expect("two secrets")
    };
    let receiver = |name: &str, base: &str| {
        let scheme = providers::by_name(name).expect("a built-in scheme");
        let builder = Receiver::builder(scheme, ring()).public_url(base);
        builder.build().expect("a receiver")
    };
    let of = |(name, _): (&'static str, _)| (name, BASES.map(|base| receiver(name, base)).to_vec());
    SCHEMES.map(of).to_vec()
});

/// The longest body that is repeated, and the most often.
const LONGEST: usize = 400;
const OFTEN: usize = 1_101;

const NOW: Timestamp = Timestamp::from_secs(0);

fuzz_target!(|input: &[u8]| {
    let (lines, body) = split_at(input, b"\n\n").unwrap_or((input, b""));
    let (first, lines) = first_line(lines);
    let (target, lines) = first_line(lines);
    let Ok(target) = std::str::from_utf8(target) else {
        return;
    };
    let mut first = words(first);
    let scheme = *choose(&SCHEMES, first.next());
    let method = *choose(&METHODS, first.next());
    let base = position(first.next(), BASES.len()).unwrap_or_default();
    let kinds = *choose(&KINDS, first.next());
    let secret = SECRETS[position(first.next(), SECRETS.len()).unwrap_or_default()];
    let spelling = position(first.next(), 6).unwrap_or_default();
    let times = position(first.next(), OFTEN).unwrap_or_default();
    let body = match times {
        2.. => vec![&body[..body.len().min(LONGEST)]; times].join(&b'&'),
        _ => body.to_vec(),
    };

    let kind = |value: &&str| ("Content-Type".to_owned(), value.as_bytes().to_vec());
    let mut message = Message {
        headers: kinds.iter().map(kind).collect(),
        body,
        now_ms: 0,
    };
    let mut request = Request {
        scheme,
        method,
        base,
        target: target.to_owned(),
    };
    let behind = lines.split(|byte| *byte == b'\n').find_map(|line| {
        let text = line.strip_prefix(b"behind ")?;
        std::str::from_utf8(text).ok()
    });
    let signature = request.call(&message, |call| {
        sign_call(scheme, secret, call, spelling, behind.unwrap_or_default())
    });
    if let Some(signature) = signature {
        let name = match scheme {
            "mandrill" => "X-Mandrill-Signature",
            _ => "X-Twilio-Signature",
        };
        message
            .headers
            .push((name.to_owned(), signature.into_bytes()));
    }
    for line in lines.split(|byte| *byte == b'\n') {
        change(line, &mut request, &mut message);
    }
    // What the door judges by itself.
    let door = ["content-encoding", "content-length"];
    let is_left = |name: &String| !door.iter().any(|out| name.eq_ignore_ascii_case(out));
    message.headers.retain(|(name, _)| is_left(name));
    check(&request, &message);
});

/// All but headers and body.
struct Request {
    scheme: &'static str,
    method: &'static str,
    base: usize,
    target: String,
}

impl Request {
    fn call<T>(&self, message: &Message, ask: impl FnOnce(&Call) -> T) -> T {
        let headers: Vec<(&str, &[u8])> = message
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
            .collect();
        let head = AnyHead::new(self.method, &self.target, &message.headers);
        ask(&Call {
            base: BASES[self.base],
            method: self.method,
            path: head.path,
            query: head.query,
            attempt: Attempt {
                headers: &headers,
                body: &message.body,
                now_ms: message.now_ms,
            },
        })
    }
}

/// `target AT TEXT` puts text into the target, `base NUMBER` moves to another public URL, `method METHOD` changes that.
fn change(line: &[u8], request: &mut Request, message: &mut Message) {
    let mut given = words(line);
    match given.next() {
        None | Some(b"behind") => {}
        Some(b"base") => request.base = position(given.next(), BASES.len()).unwrap_or_default(),
        Some(b"method") => request.method = *choose(&METHODS, given.next()),
        Some(b"target") => {
            let at = position(given.next(), request.target.len() + 1).unwrap_or_default();
            let text = String::from_utf8_lossy(given.next().unwrap_or_default()).into_owned();
            if request.target.is_char_boundary(at) {
                request.target.insert_str(at, &text);
            }
        }
        _ => mutation::apply(line, message),
    }
}

fn check(request: &Request, message: &Message) {
    let (_, receivers) = RECEIVERS
        .iter()
        .find(|(name, _)| *name == request.scheme)
        .expect("a scheme");
    let receiver = &receivers[request.base];
    let head = AnyHead::new(request.method, &request.target, &message.headers);
    let take = |pieces| take_in(receiver.open(&head, NOW)?, pieces);

    let whole = Bytes::copy_from_slice(&message.body);
    let in_pieces = take(message.pieces());
    let at_once = take(vec![whole.clone()]);
    assert_eq!(verdict(&in_pieces), verdict(&at_once));

    let accepted = request.call(message, |call| accepts_call(request.scheme, &KNOWN, call));
    let without_door = receiver.verify(&head, whole, NOW);
    match in_pieces {
        Ok(Finished::Verified(verified)) => {
            assert!(accepted, "accepted, and not by the reference");
            assert_eq!(verified.body(), &message.body);
            let label = without_door.map(|verified| verified.secret_label().to_owned());
            assert_eq!(label.as_deref(), Ok(verified.secret_label()));
            let _ = verified.deliver(&head);
        }
        Ok(Finished::Answered(reply)) => {
            assert!(!accepted && is_probe(request, message));
            assert_empty(&reply);
        }
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => {
            assert!(!accepted, "{refusal:?}, and the reference accepts");
            assert!(!is_probe(request, message), "{refusal:?} to a probe");
            let at_the_door = [Refusal::MethodNotAllowed, Refusal::MediaTypeUnsupported];
            let may_be_probe = request.scheme == "mandrill" && request.method != "POST";
            if !at_the_door.contains(&refusal) && !may_be_probe {
                assert_eq!(without_door.err(), Some(refusal));
            }
        }
    }
}

fn verdict(finished: &Result<Finished, Refusal>) -> Result<(&str, bool), &Refusal> {
    match finished {
        Ok(Finished::Verified(verified)) => Ok((verified.secret_label(), true)),
        Ok(_) => Ok(("", false)),
        Err(refusal) => Err(refusal),
    }
}

/// A HEAD or GET, or the empty batch under the key that everybody knows.
fn is_probe(request: &Request, message: &Message) -> bool {
    if request.scheme != "mandrill" {
        return false;
    }
    let is_public = || {
        let key = &SECRETS[2..];
        request.call(message, |call| accepts_call(request.scheme, key, call))
    };
    let batch = ("mandrill_events".to_owned(), "[]".to_owned());
    match request.method {
        "HEAD" | "GET" => message.body.is_empty(),
        _ => message.body.len() <= 1_024 && form::pairs(&message.body) == [batch] && is_public(),
    }
}

fn assert_empty(reply: &Reply) {
    assert_eq!(reply.kind, ReplyKind::Unsigned);
    assert_eq!(reply.status.as_u16(), 200);
    assert!(reply.body.is_empty() && reply.headers.is_empty() && reply.content_type.is_none());
}
