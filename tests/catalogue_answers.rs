//! What receivers answer by themselves, for every handshake and every unsigned shape of the catalogue: exactly what the sender's page
//! wants when the question is authentic, and an exact refusal when it is forged, too long, or holds script.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use countersign::scheme::{
    AnswerBody, AnswerHeader, AnswerValue, Handshake, JsonMember, Place, Proof, Scheme,
};
use countersign::{Finished, Receiver, Refusal, Reply, ReplyKind, SecretRing, Timestamp, danger};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderValue;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::files;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const TOKEN: &str = "meatyhamhocks.example.com";
const BASE: &str = "https://hooks.example.com";

/// What a browser could take for more than text, or what ends a line of it.
const UNSAFE: [&str; 9] = [
    "<script>alert(1)</script>",
    "a\"b",
    "a'b",
    "{a}",
    "a\r\nset-cookie: a=b",
    "a&b",
    "javascript:alert(1)",
    "a\u{e9}",
    "a\0",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Questions {
    question: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Probes {
    probe: Vec<Case>,
}

/// A question or a probe, as its sender asks it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    schemes: Vec<String>,
    #[serde(default)]
    at: usize,
    source: String,
    #[serde(default = "post")]
    method: String,
    #[serde(default = "root")]
    target: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    signed: Option<String>,
    config: Option<String>,
    challenge: Option<String>,
    alone: Option<String>,
    #[serde(default)]
    answer: Answer,
    #[serde(default)]
    near: Vec<Near>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    content_type: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

/// What is other in a request that only looks like the case's, and what becomes of it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Near {
    method: Option<String>,
    target: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    body: Option<String>,
    code: String,
}

fn post() -> String {
    "POST".to_owned()
}

fn root() -> String {
    "/".to_owned()
}

fn questions() -> Vec<Case> {
    let text = include_str!("catalogue/answers/questions.toml");
    let read: Questions = toml::from_str(text).expect("the questions can be read");
    read.question
}

fn probes() -> Vec<Case> {
    let text = include_str!("catalogue/answers/probes.toml");
    let read: Probes = toml::from_str(text).expect("the probes can be read");
    read.probe
}

/// What a receiver is told beside its secret.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    Nothing,
    /// The value that the case's handshake compares, when it compares one.
    Token,
    /// The application's word.
    Word(bool),
}

/// What became of a request.
#[derive(Debug, PartialEq)]
enum Became {
    Delivered,
    /// Everything that an answer has.
    Answered {
        kind: ReplyKind,
        status: u16,
        content_type: Option<String>,
        headers: BTreeMap<String, String>,
        body: String,
    },
}

impl From<Reply> for Became {
    fn from(reply: Reply) -> Self {
        let text = |value: &HeaderValue| value.to_str().expect("visible text").to_owned();
        let headers = reply.headers.iter();
        Self::Answered {
            kind: reply.kind,
            status: reply.status.as_u16(),
            content_type: reply.content_type.as_ref().map(text),
            headers: headers
                .map(|(name, value)| (name.to_string(), text(value)))
                .collect(),
            body: String::from_utf8(reply.body.to_vec()).expect("text"),
        }
    }
}

struct Setup {
    receiver: Receiver,
    asked: Arc<AtomicUsize>,
}

impl Setup {
    fn new(scheme: &Scheme, secrets: SecretRing, case: &Case, told: Told) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let mut builder = files::builder(scheme.clone(), secrets, BASE);
        if let (Told::Token, Some(name)) = (told, &case.config) {
            builder = builder.config(name, TOKEN);
        }
        if let Told::Word(agreed) = told {
            let (asked, case) = (Arc::clone(&asked), case.clone());
            builder = builder.consent(move |question| {
                asked.fetch_add(1, Ordering::Relaxed);
                let target = case.target.split('?').next();
                let is_it = question.method() == case.method && Some(question.path()) == target;
                std::future::ready(agreed && is_it)
            });
        }
        let receiver = builder.build();
        Self {
            receiver: receiver.unwrap_or_else(|error| panic!("{}: {error}", scheme.name)),
            asked,
        }
    }

    fn send(&self, request: &http::Request<String>) -> Result<Became, Refusal> {
        let mut intake = self.receiver.open(request, NOW)?;
        intake.push(Bytes::from(request.body().clone()))?;
        let reply = match intake.finish()? {
            Finished::Verified(_) => return Ok(Became::Delivered),
            Finished::Answered(reply) => reply,
            Finished::Asked(asked) => {
                let mut word = asked.ask();
                let poll = word.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                asked.answer(poll == Poll::Ready(true))?
            }
            other => panic!("{other:?}"),
        };
        Ok(reply.into())
    }

    fn code(&self, request: &http::Request<String>) -> String {
        match self.send(request) {
            Ok(Became::Delivered) => "delivered".to_owned(),
            Ok(Became::Answered { .. }) => "answered".to_owned(),
            Err(refusal) => refusal.code().to_owned(),
        }
    }
}

impl Case {
    /// The case for each of its schemes.
    fn each(&self) -> impl Iterator<Item = (Scheme, SecretRing)> {
        self.schemes.iter().map(|name| {
            let scheme = files::scheme(name).unwrap_or_else(|| panic!("{name} has no file"));
            let secrets = files::secrets(&scheme);
            (scheme, secrets)
        })
    }

    /// The request as its sender makes it, with this challenge. `None` when no header can hold it.
    fn request(&self, secret: &str, challenge: &str) -> Option<http::Request<String>> {
        let fill = |text: &str, write: &dyn Fn(&str) -> String| {
            text.replace("{challenge}", &write(challenge))
                .replace("{token}", TOKEN)
                .replace("{secret}", secret)
        };
        let body = fill(&self.body, &|text| {
            let quoted = serde_json::Value::from(text).to_string();
            quoted.trim_matches('"').to_owned()
        });
        let tag = self.signed.as_ref().map(|signed| {
            let content = signed
                .replace("{body}", &body)
                .replace("{sha256-of-body}", &hex(&Sha256::digest(&body)));
            mac(secret, &content)
        });
        let mut request = http::Request::builder()
            .method(self.method.as_str())
            .uri(fill(&self.target, &percent));
        for (name, value) in &self.headers {
            let value =
                fill(value, &str::to_owned).replace("{mac}", &tag.clone().unwrap_or_default());
            request = request.header(name, HeaderValue::from_str(&value).ok()?);
        }
        Some(request.body(body).expect("a request"))
    }

    fn genuine(&self, secret: &str) -> http::Request<String> {
        self.with(secret, self.challenge.as_deref().unwrap_or_default())
    }

    fn with(&self, secret: &str, challenge: &str) -> http::Request<String> {
        let request = self.request(secret, challenge);
        request.unwrap_or_else(|| panic!("{}: no header can hold it", self.source))
    }

    /// The answer that the sender's page wants, in full.
    fn expected(&self, kind: ReplyKind, secret: &str, challenge: &str) -> Became {
        let fill = |text: &str| {
            text.replace("{mac-of-challenge}", &mac(secret, challenge))
                .replace("{challenge}", challenge)
                .replace("{token}", TOKEN)
        };
        let headers = self.answer.headers.iter();
        Became::Answered {
            kind,
            status: 200,
            content_type: self.answer.content_type.clone(),
            headers: headers
                .map(|(name, value)| (name.clone(), fill(value)))
                .collect(),
            body: fill(&self.answer.body),
        }
    }

    fn nearly(&self, near: &Near) -> Self {
        let mut case = self.clone();
        case.method = near.method.clone().unwrap_or(case.method);
        case.target = near.target.clone().unwrap_or(case.target);
        case.headers = near.headers.clone().unwrap_or(case.headers);
        case.body = near.body.clone().unwrap_or(case.body);
        case
    }

    /// What the receiver must be told for the question to be answered.
    fn told(&self, handshake: &Handshake) -> Told {
        match handshake.proof {
            Proof::Consent => Told::Word(true),
            Proof::Token { .. } => Told::Token,
            _ => Told::Nothing,
        }
    }
}

fn mac(secret: &str, content: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("keys have any length");
    mac.update(content.as_bytes());
    hex(&mac.finalize().into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The text of [`files::secrets`], for signing by hand.
fn key(scheme: &Scheme) -> String {
    const KEY: &str = "0123456789abcdefghijklmnopqrstuv";
    assert_eq!(scheme.key, Scheme::BASE.key, "{}: add it here", scheme.name);
    KEY.to_owned()
}

fn handshake<'s>(scheme: &'s Scheme, case: &Case) -> &'s Handshake {
    let handshake = scheme.handshakes.get(case.at);
    handshake.unwrap_or_else(|| panic!("{} has no handshake {}", scheme.name, case.at))
}

/// The name under which an unusable challenge is refused: that of the first value that is sent back.
fn name(handshake: &Handshake) -> String {
    let header = |header: &AnswerHeader| header.value.clone();
    let member = |member: &JsonMember| member.value.clone();
    let mut values: Vec<AnswerValue> = match &handshake.body {
        AnswerBody::Text(value) => vec![value.clone()],
        AnswerBody::Json(members) => members.iter().map(member).collect(),
        _ => Vec::new(),
    };
    values.extend(handshake.headers.iter().map(header));
    for value in values {
        match value {
            AnswerValue::Echo(place) | AnswerValue::Mac { of: place, .. } => match place {
                Place::Header(name) | Place::QueryParam(name) | Place::Json(name) => {
                    return name.into_owned();
                }
                _ => {}
            },
            _ => {}
        }
    }
    panic!("nothing is sent back");
}

#[test]
fn every_handshake_and_every_unsigned_shape_has_a_case() {
    let names = |cases: Vec<Case>| -> BTreeSet<(String, usize)> {
        let mut all = BTreeSet::new();
        for case in cases {
            assert!(!case.source.is_empty());
            for name in case.schemes {
                assert!(all.insert((name.clone(), case.at)), "{name} twice");
            }
        }
        all
    };
    let (mut asked, mut unsigned) = (BTreeSet::new(), BTreeSet::new());
    for scheme in files::schemes() {
        let name = scheme.name.to_string();
        asked.extend((0..scheme.handshakes.len()).map(|at| (name.clone(), at)));
        unsigned.extend((0..scheme.unsigned.len()).map(|at| (name.clone(), at)));
    }
    assert_eq!(names(questions()), asked);
    assert_eq!(names(probes()), unsigned);
}

#[test]
fn an_authentic_question_gets_the_answer_that_its_sender_wants() {
    for case in questions() {
        let longest = "a".repeat(512);
        let mut challenges = vec![case.challenge.clone().unwrap_or_default()];
        challenges.extend(case.challenge.is_some().then_some(longest));
        for (scheme, secrets) in case.each() {
            let told = case.told(handshake(&scheme, &case));
            let setup = Setup::new(&scheme, secrets, &case, told);
            let key = key(&scheme);
            for challenge in &challenges {
                let became = setup.send(&case.with(&key, challenge));
                let expected = case.expected(ReplyKind::Handshake, &key, challenge);
                assert_eq!(became, Ok(expected), "{} {}", scheme.name, case.at);
            }
            let asked = setup.asked.load(Ordering::Relaxed);
            let times = if told == Told::Word(true) {
                challenges.len()
            } else {
                0
            };
            assert_eq!(asked, times, "{}", scheme.name);
        }
    }
}

#[test]
fn a_question_that_only_looks_like_one_is_no_question() {
    for case in questions() {
        for (scheme, secrets) in case.each() {
            let told = case.told(handshake(&scheme, &case));
            let setup = Setup::new(&scheme, secrets, &case, told);
            for near in &case.near {
                let request = case.nearly(near).genuine(&key(&scheme));
                let what = format!("{} {} {:?}", scheme.name, case.at, request);
                assert_eq!(setup.code(&request), near.code, "{what}");
            }
            assert_eq!(setup.asked.load(Ordering::Relaxed), 0, "{}", scheme.name);
        }
    }
}

#[test]
fn a_question_that_is_forged_is_not_answered() {
    for case in questions() {
        for (scheme, secrets) in case.each() {
            if handshake(&scheme, &case).proof != Proof::Signature {
                continue;
            }
            let what = format!("{} {}", scheme.name, case.at);
            let setup = Setup::new(&scheme, secrets, &case, Told::Nothing);
            let mismatch = Err(Refusal::SignatureMismatch);
            let forged = case.genuine("0123456789abcdefghijklmnopqrstuw");
            assert_eq!(setup.send(&forged), mismatch, "{what}");
            if case.signed.is_none() {
                continue;
            }
            let mut altered = case.genuine(&key(&scheme));
            altered.body_mut().push(' ');
            assert_eq!(setup.send(&altered), mismatch, "{what}");
            let mut bare = case.clone();
            bare.headers.retain(|_, value| !value.contains("{mac}"));
            let code = setup.code(&bare.genuine(""));
            assert_eq!(Some(code), case.alone, "{what}");
        }
    }
}

#[test]
fn a_question_that_nothing_proves_is_not_answered() {
    for case in questions() {
        for (scheme, secrets) in case.each() {
            let handshake = handshake(&scheme, &case);
            let request = case.genuine(&key(&scheme));
            let what = format!("{} {}", scheme.name, case.at);
            let alone = Setup::new(&scheme, secrets.clone(), &case, Told::Nothing);
            match handshake.proof {
                Proof::Consent => {
                    let refused = Setup::new(&scheme, secrets, &case, Told::Word(false));
                    assert_eq!(refused.send(&request), Err(Refusal::NotAgreed), "{what}");
                }
                // The application's word is no token, unless the scheme takes either.
                Proof::Token { .. } if scheme.handshakes.len() == 1 => {
                    let agreed = Setup::new(&scheme, secrets, &case, Told::Word(true));
                    assert_eq!(Some(agreed.code(&request)), case.alone, "{what}");
                }
                Proof::Token { .. } => {}
                _ => continue,
            }
            assert_eq!(Some(alone.code(&request)), case.alone, "{what}");
        }
    }
}

#[test]
fn a_challenge_that_is_too_long_or_holds_script_is_refused() {
    let mut refused = 0;
    for case in questions().iter().filter(|case| case.challenge.is_some()) {
        for (scheme, secrets) in case.each() {
            let handshake = handshake(&scheme, case);
            let setup = Setup::new(&scheme, secrets, case, case.told(handshake));
            let too_long = "a".repeat(513);
            for challenge in UNSAFE.into_iter().chain([too_long.as_str()]) {
                let Some(request) = case.request(&key(&scheme), challenge) else {
                    continue;
                };
                let expected = Refusal::FieldMalformed {
                    name: name(handshake).into(),
                };
                let became = setup.send(&request);
                assert_eq!(became, Err(expected), "{} {challenge:?}", scheme.name);
                refused += 1;
            }
            assert_eq!(setup.asked.load(Ordering::Relaxed), 0, "{}", scheme.name);
        }
    }
    assert!(refused > 250, "only {refused}");
}

#[test]
fn a_question_has_a_short_body() {
    for case in questions() {
        for (scheme, secrets) in case.each() {
            let told = case.told(handshake(&scheme, &case));
            if told == Told::Nothing {
                continue;
            }
            let setup = Setup::new(&scheme, secrets, &case, told);
            let mut long = case.clone();
            long.body = " ".repeat(1_025);
            let refused = setup.send(&long.genuine(&key(&scheme)));
            assert_eq!(
                refused,
                Err(Refusal::BodyTooLarge { limit: 1_024 }),
                "{}",
                scheme.name
            );
        }
    }
}

#[test]
fn a_probe_gets_an_empty_answer_and_what_looks_like_one_does_not() {
    for case in probes() {
        for (scheme, secrets) in case.each() {
            let setup = Setup::new(&scheme, secrets, &case, Told::Nothing);
            let became = setup.send(&case.genuine(""));
            let expected = case.expected(ReplyKind::Unsigned, "", "");
            assert_eq!(became, Ok(expected), "{} {}", scheme.name, case.at);
            for near in &case.near {
                let request = case.nearly(near).genuine("");
                let what = format!("{} {} {:?}", scheme.name, case.at, request);
                assert_eq!(setup.code(&request), near.code, "{what}");
            }
        }
    }
}

#[test]
fn a_published_key_is_no_secret() {
    for scheme in files::schemes() {
        for shape in scheme.unsigned.iter() {
            let Some(key) = shape.public_key.clone() else {
                continue;
            };
            let secret = danger::secret_of_any_length(key).expect("a secret");
            let built = files::builder(scheme.clone(), secret, BASE).build();
            let error = built.err().map(|error| error.to_string());
            let expected = "secrets: secret-1: the secret is a placeholder";
            assert_eq!(error.as_deref(), Some(expected), "{}", scheme.name);
        }
    }
}
