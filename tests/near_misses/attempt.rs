//! One attempt that a test changes, and the published vectors that all of them begin as.

use std::fmt::{self, Display};

use bytes::Bytes;
use countersign::scheme::Scheme;
use countersign::{
    Delivery, Intake, Receiver, Refusal, Secret, SecretRing, Timestamp, Verified, danger,
};
use http::{HeaderName, HeaderValue};

use crate::vectors::{Case, Expect};

/// What an attempt should get.
pub(crate) type Verdict = Result<(), Refusal>;

/// A published vector that is accepted, and where in it the signature is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) id: &'static str,
    /// The signature's header, in lower case.
    pub(crate) header: &'static str,
    /// The signature as it is spelled in that header.
    pub(crate) tag: &'static str,
    pub(crate) spelling: Spelling,
    /// The secret's text.
    pub(crate) key: &'static str,
    /// Another secret of the same format, one character apart.
    pub(crate) wrong_key: &'static str,
}

/// How a signature's bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    Hex,
    Base64,
}

pub(crate) const STRIPE: Sample = Sample {
    id: "stripe-0",
    header: "stripe-signature",
    tag: "2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7",
    spelling: Spelling::Hex,
    key: "webhook_secret",
    wrong_key: "webhook_secreu",
};

pub(crate) const GITHUB: Sample = Sample {
    id: "github-0",
    header: "x-hub-signature-256",
    tag: "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    spelling: Spelling::Hex,
    key: "It's a Secret to Everybody",
    wrong_key: "It's a secret to Everybody",
};

pub(crate) const GITHUB_SHA1: Sample = Sample {
    id: "github-4",
    header: "x-hub-signature",
    tag: "3374ef144403e8035423b23b02e2c9d7a4c50368",
    spelling: Spelling::Hex,
    key: "0123456789abcdef",
    wrong_key: "0123456789abcdeF",
};

pub(crate) const SLACK: Sample = Sample {
    id: "slack-0",
    header: "x-slack-signature",
    tag: "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    spelling: Spelling::Hex,
    key: "8f742231b10e8888abcd99yyyzzz85a5",
    wrong_key: "8f742231b10e8888abcd99yyyzzz85a4",
};

pub(crate) const SHOPIFY: Sample = Sample {
    id: "shopify-0",
    header: "x-shopify-hmac-sha256",
    tag: "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g=",
    spelling: Spelling::Base64,
    key: "test_secret_key",
    wrong_key: "test_secret_kez",
};

pub(crate) const STANDARD_WEBHOOKS: Sample = Sample {
    id: "standard-webhooks-0",
    header: "webhook-signature",
    tag: "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    spelling: Spelling::Base64,
    key: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    wrong_key: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx",
};

pub(crate) const SVIX: Sample = Sample {
    id: "svix-0",
    header: "svix-signature",
    tag: "tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    spelling: Spelling::Base64,
    key: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    wrong_key: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oC",
};

/// Svix under the headers without its name.
pub(crate) const SVIX_UNBRANDED: Sample = Sample {
    id: "svix-7",
    header: "webhook-signature",
    ..SVIX
};

pub(crate) const SAMPLES: [Sample; 8] = [
    STRIPE,
    GITHUB,
    GITHUB_SHA1,
    SLACK,
    SHOPIFY,
    STANDARD_WEBHOOKS,
    SVIX,
    SVIX_UNBRANDED,
];

impl Sample {
    /// The vector as it was published.
    pub(crate) fn attempt(&self) -> Attempt {
        Attempt::published(self.id)
    }

    /// The vector with another text where its signature was.
    pub(crate) fn with_tag(&self, text: &str) -> Attempt {
        let (before, after) = self.around_tag();
        self.attempt()
            .set(self.header, format!("{before}{text}{after}"))
    }

    /// The header's text on both sides of the signature.
    pub(crate) fn around_tag(&self) -> (String, String) {
        let value = self.attempt().value(self.header);
        let (before, after) = value
            .split_once(self.tag)
            .unwrap_or_else(|| panic!("{}: {value} does not hold the signature", self.id));
        (before.to_owned(), after.to_owned())
    }
}

/// A request, its receiver's settings, and the time.
#[derive(Clone)]
pub(crate) struct Attempt {
    scheme: Scheme,
    secrets: Vec<Secret>,
    request: http::Request<Bytes>,
    now: Timestamp,
}

impl Attempt {
    pub(crate) fn published(id: &str) -> Self {
        let case = Case::published(id);
        assert_eq!(case.expect, Expect::Accept, "{id}");
        Self {
            scheme: case.scheme(),
            secrets: case.secrets().expect("the vector's secrets"),
            request: case.request(),
            now: case.now(),
        }
    }

    pub(crate) fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// The one line of a header.
    pub(crate) fn value(&self, name: &str) -> String {
        let mut lines = self.request.headers().get_all(name).iter();
        let value = lines.next().unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(lines.next(), None, "{name} occurs twice");
        value.to_str().expect("visible ASCII").to_owned()
    }

    /// One line with this value instead of all lines of the header.
    pub(crate) fn set(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let (name, value) = line(name, value.as_ref());
        self.request.headers_mut().insert(name, value);
        self
    }

    /// One more line behind those that are there.
    pub(crate) fn add(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let (name, value) = line(name, value.as_ref());
        self.request.headers_mut().append(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        let removed = self.request.headers_mut().remove(name);
        assert!(removed.is_some(), "no {name}");
        self
    }

    pub(crate) fn renamed(self, from: &str, to: &str) -> Self {
        let value = self.value(from);
        self.without(from).set(to, value)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.request.body()
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        *self.request.body_mut() = body.into().into();
        self
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn at_millis(mut self, now: i64) -> Self {
        self.now = Timestamp::from_millis(now);
        self
    }

    /// The one secret, whatever its length.
    pub(crate) fn key(self, text: &str) -> Self {
        self.secrets(vec![secret(text)])
    }

    pub(crate) fn secrets(mut self, secrets: Vec<Secret>) -> Self {
        self.secrets = secrets;
        self
    }

    fn receiver(&self) -> Receiver {
        let ring = SecretRing::new(self.secrets.iter().cloned()).expect("1 to 16 secrets");
        Receiver::builder(self.scheme.clone(), ring)
            .build()
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Judges the attempt in every way in which a body can come in without being cut at a chosen place; all must agree.
    #[track_caller]
    pub(crate) fn judge(&self) -> Result<Verified, Refusal> {
        let receiver = self.receiver();
        let body = self.request.body();
        let judged = receiver.verify(&self.request, body.clone(), self.now);
        let one_by_one: Vec<Bytes> = body.chunks(1).map(Bytes::copy_from_slice).collect();
        for (chunks, how) in [
            (vec![body.clone()], "through the door"),
            (one_by_one, "byte by byte"),
        ] {
            let pushed = self.push(&receiver, chunks);
            assert_eq!(seen(&pushed), seen(&judged), "{how}: {self:?}");
        }
        judged
    }

    /// As [`judge`](Self::judge), and in two chunks cut at every place.
    #[track_caller]
    pub(crate) fn judge_every_split(&self) -> Result<Verified, Refusal> {
        let judged = self.judge();
        let receiver = self.receiver();
        let body = self.request.body();
        for at in 0..=body.len() {
            let pushed = self.push(&receiver, vec![body.slice(..at), body.slice(at..)]);
            assert_eq!(seen(&pushed), seen(&judged), "cut at {at}: {self:?}");
        }
        judged
    }

    /// The verdict is exactly this.
    #[track_caller]
    pub(crate) fn gives(&self, expected: &Verdict, what: impl Display) {
        let judged = self.judge();
        if let Ok(verified) = &judged {
            assert_eq!(verified.body(), self.request.body(), "{what}");
        }
        let verdict = judged.map(|_| ());
        assert_eq!(&verdict, expected, "{what}: {self:?}");
    }

    #[track_caller]
    pub(crate) fn passes(&self, what: impl Display) {
        self.gives(&Ok(()), what);
    }

    #[track_caller]
    pub(crate) fn refused(&self, refusal: Refusal, what: impl Display) {
        self.gives(&Err(refusal), what);
    }

    /// The fields of the delivery, once the attempt is accepted.
    #[track_caller]
    pub(crate) fn deliver(&self) -> Result<Delivery, Refusal> {
        let verified = self.judge().expect("an accepted attempt");
        verified.deliver(&self.request)
    }

    fn push(&self, receiver: &Receiver, chunks: Vec<Bytes>) -> Result<Verified, Refusal> {
        let mut intake: Intake = receiver.open(&self.request, self.now)?;
        for chunk in chunks {
            intake.push(chunk)?;
        }
        let finished = intake.finish()?;
        // Whatever it may be, it is no delivery.
        finished.verified().ok_or(Refusal::SignatureMissing)
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Attempt")
            .field("scheme", &self.scheme.name)
            .field("secrets", &self.secrets)
            .field("headers", self.request.headers())
            .field("body", self.request.body())
            .field("now", &self.now)
            .finish()
    }
}

/// Everything about a verdict that must not depend on how the body came in.
fn seen(judged: &Result<Verified, Refusal>) -> Result<(Bytes, String, Option<Timestamp>), Refusal> {
    match judged {
        Ok(verified) => Ok((
            verified.body().clone(),
            verified.secret_label().to_owned(),
            verified.timestamp(),
        )),
        Err(refusal) => Err(refusal.clone()),
    }
}

fn line(name: &str, value: &[u8]) -> (HeaderName, HeaderValue) {
    (
        HeaderName::from_bytes(name.as_bytes()).expect("a header's name"),
        HeaderValue::from_bytes(value).expect("a header's value"),
    )
}

/// A secret of any length.
pub(crate) fn secret(text: &str) -> Secret {
    danger::secret_of_any_length(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn missing(name: &'static str) -> Refusal {
    Refusal::FieldMissing { name: name.into() }
}

pub(crate) fn malformed(name: &'static str) -> Refusal {
    Refusal::FieldMalformed { name: name.into() }
}

pub(crate) fn repeated(name: &'static str) -> Refusal {
    Refusal::FieldRepeated { name: name.into() }
}
