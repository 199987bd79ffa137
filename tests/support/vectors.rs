//! Reads test cases kept as data, one JSON object a line, and sets up what each of them describes.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::scheme::Scheme;
use countersign::{
    Finished, Receiver, Refusal, Secret, SecretError, SecretRing, SettingError, Timestamp,
    Verified, danger, providers,
};
use serde::Deserialize;

/// The published vectors, line by line as they lie in the repository.
pub(crate) const PUBLISHED: &str = include_str!("../vectors/published.jsonl");

/// One test case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) provider: String,
    secret: OneOrMany,
    #[serde(default)]
    config: Config,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    body_base64: String,
    now: i64,
    pub(crate) expect: Expect,
    reason: Option<String>,
    source: String,
    note: Option<String>,
}

/// The verdict that a case asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Expect {
    Accept,
    Reject,
    /// Official libraries disagree.
    Either,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// What a scheme needs beside the secret. The fields for schemes that are not built in are refused until they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    variant: Option<String>,
}

/// Why a case was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// The text is no secret.
    Secret(SecretError),
    /// No receiver can be built.
    Setting(SettingError),
    /// The request was refused.
    Refused(Refusal),
}

/// All cases of a text, in order.
pub(crate) fn parse(text: &str) -> Result<Vec<Case>, String> {
    let mut ids = BTreeSet::new();
    let mut cases = Vec::new();
    for (line, number) in text.lines().zip(1_usize..) {
        let case: Case =
            serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))?;
        let texts = [Some(&case.source), case.reason.as_ref(), case.note.as_ref()];
        if texts.into_iter().flatten().any(String::is_empty) {
            return Err(format!("line {number}: source, reason or note is empty"));
        }
        if !ids.insert(case.id.clone()) {
            return Err(format!("line {number}: the id {} occurs twice", case.id));
        }
        cases.push(case);
    }
    Ok(cases)
}

impl Case {
    /// The published case of this id.
    pub(crate) fn published(id: &str) -> Self {
        static CASES: LazyLock<Vec<Case>> =
            LazyLock::new(|| parse(PUBLISHED).expect("the published vectors can be read"));
        let found = CASES.iter().find(|case| case.id == id);
        found
            .unwrap_or_else(|| panic!("no published vector {id}"))
            .clone()
    }

    /// Which of the provider's schemes, where it has several.
    pub(crate) fn variant(&self) -> Option<&str> {
        self.config.variant.as_deref()
    }

    /// The scheme that the case names.
    pub(crate) fn scheme(&self) -> Scheme {
        match (self.provider.as_str(), self.variant()) {
            (name, None) => providers::by_name(name)
                .unwrap_or_else(|| panic!("{}: no scheme {name} is built in", self.id)),
            ("github", Some("sha1")) => providers::GITHUB_SHA1,
            (name, Some(variant)) => panic!("{}: no variant {variant} of {name}", self.id),
        }
    }

    /// The secrets, whatever their length.
    pub(crate) fn secrets(&self) -> Result<Vec<Secret>, SecretError> {
        let texts = match &self.secret {
            OneOrMany::One(text) => std::slice::from_ref(text),
            OneOrMany::Many(texts) => texts,
        };
        texts.iter().map(danger::secret_of_any_length).collect()
    }

    /// A receiver for `scheme` with the case's secrets.
    pub(crate) fn receiver(&self, scheme: Scheme) -> Result<Receiver, Rejected> {
        let secrets = self.secrets().map_err(Rejected::Secret)?;
        let ring = SecretRing::new(secrets).expect("a case has 1 to 16 secrets");
        Receiver::builder(scheme, ring)
            .build()
            .map_err(Rejected::Setting)
    }

    /// The request as the sender sent it.
    pub(crate) fn request(&self) -> http::Request<Bytes> {
        let mut request = http::Request::builder()
            .method(self.method.as_str())
            .uri(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
            .body(self.body())
            .expect("method, url and headers are HTTP")
    }

    /// The body, byte for byte.
    pub(crate) fn body(&self) -> Bytes {
        let body = STANDARD.decode(&self.body_base64);
        body.expect("body_base64 is base64").into()
    }

    /// The verdict of `receiver` on the signature and the timestamp alone; all steps together must say the same.
    pub(crate) fn judge(&self, receiver: &Receiver) -> Result<Verified, Refusal> {
        let request = self.request();
        let alone = receiver.verify(&request, request.body().clone(), self.now());
        let all_steps = receiver.open(&request, self.now()).and_then(|mut intake| {
            intake.push(request.body().clone())?;
            intake.finish()
        });
        match &all_steps {
            // No delivery, and nothing that a signature speaks for.
            Ok(Finished::Answered(_) | Finished::Asked(_)) => {
                assert!(alone.is_err(), "{}", self.id)
            }
            all_steps => {
                assert_eq!(
                    all_steps.as_ref().err(),
                    alone.as_ref().err(),
                    "{}",
                    self.id
                );
            }
        }
        alone
    }

    /// The verdict of a receiver for `scheme`; when none can be built, that is a rejection, too.
    pub(crate) fn verdict(&self, scheme: Scheme) -> Result<Verified, Rejected> {
        let receiver = self.receiver(scheme)?;
        self.judge(&receiver).map_err(Rejected::Refused)
    }

    /// When the case is judged.
    pub(crate) const fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.now)
    }
}
