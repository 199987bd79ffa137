//! Reads test cases kept as data, one JSON object a line, and sets up what each of them describes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::danger::Weak;
use countersign::scheme::{Grade, Scheme, TokenPlace};
use countersign::{
    Finished, Head, Receiver, Refusal, Secret, SecretError, SecretRing, SettingError, Timestamp,
    Verified, danger, providers,
};
use http::{HeaderMap, HeaderName, HeaderValue};
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

/// What a scheme needs beside the secret.
#[derive(Clone, Debug, Default, Deserialize)]
struct Config {
    /// Where a sender that signs nothing puts its token: `basic`, `header-token`, `url-token`, `path-token`, `body-token`.
    scheme: Option<String>,
    /// The header, parameter, field or pointer of the token.
    token_name: Option<String>,
    variant: Option<String>,
    /// Values that the scheme names; one that it does not know builds no receiver.
    #[serde(flatten)]
    values: BTreeMap<String, String>,
}

/// A case's request head. Its URL may hold what an HTTP library would not take.
#[derive(Clone, Debug)]
pub(crate) struct CaseHead<'a> {
    method: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    headers: HeaderMap,
}

impl Head for CaseHead<'_> {
    fn method(&self) -> &str {
        self.method
    }

    fn path(&self) -> &str {
        self.path
    }

    fn query(&self) -> Option<&str> {
        self.query
    }

    fn header<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.headers.get_all(name).iter().map(HeaderValue::as_bytes)
    }
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
        let name = self.provider.as_str();
        let scheme = match self.variant() {
            None => providers::by_name(name),
            Some(variant) => providers::by_variant(name, variant),
        };
        let scheme = scheme.unwrap_or_else(|| panic!("{}: no such scheme is built in", self.id));
        match self.token_place() {
            None => scheme,
            Some(place) => scheme
                .token_in(place)
                .unwrap_or_else(|error| panic!("{}: {error}", self.id)),
        }
    }

    /// Where the case says that the token lies; `None` where the scheme says it by itself.
    fn token_place(&self) -> Option<TokenPlace> {
        let named = || {
            let name = self.config.token_name.as_deref();
            name.unwrap_or_else(|| panic!("{}: the token has no name", self.id))
        };
        Some(match self.config.scheme.as_deref()? {
            "basic" => TokenPlace::Basic,
            "path-token" => TokenPlace::PathEnd,
            "url-token" => TokenPlace::QueryParam(named().to_owned().into()),
            "header-token" if self.is_bearer(named()) => TokenPlace::Bearer,
            "header-token" => TokenPlace::Header(named().to_owned().into()),
            "body-token" if self.is_form() => TokenPlace::Form(named().to_owned().into()),
            "body-token" if named().starts_with('/') => TokenPlace::Json(named().to_owned().into()),
            "body-token" => TokenPlace::Json(format!("/{}", named()).into()),
            other => panic!("{}: no scheme {other}", self.id),
        })
    }

    /// Under `Authorization` a token may be bare or follow the word `Bearer`.
    fn is_bearer(&self, name: &str) -> bool {
        let mut headers = self.headers.iter();
        name.eq_ignore_ascii_case("authorization")
            && headers.any(|(header, value)| {
                let word = value.get(.."bearer ".len()).unwrap_or_default();
                header.eq_ignore_ascii_case(name) && word.eq_ignore_ascii_case("bearer ")
            })
    }

    /// By the Content-Type, or else by the first byte of the body.
    fn is_form(&self) -> bool {
        let mut headers = self.headers.iter();
        let kind = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        match kind {
            Some((_, kind)) => kind.starts_with("application/x-www-form-urlencoded"),
            None => !matches!(self.body().trim_ascii_start().first(), Some(b'{' | b'[')),
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

    /// A receiver for `scheme` with the case's secrets and its configuration.
    pub(crate) fn receiver(&self, scheme: Scheme) -> Result<Receiver, Rejected> {
        let secrets = self.secrets().map_err(Rejected::Secret)?;
        let ring = SecretRing::new(secrets).expect("a case has 1 to 16 secrets");
        let weak = match scheme.grade {
            Grade::SignatureUndelimited => Some(Weak::ValuesNotSetApart),
            Grade::SignatureBesideBody => Some(Weak::BodyNotSigned),
            Grade::ExtensibleDigest => Some(Weak::ExtensibleDigest),
            Grade::Token => Some(Weak::NothingSigned),
            _ => None,
        };
        // Schemes that do not sign the URL take it, too, and make nothing of it.
        let mut builder = Receiver::builder(scheme, ring).public_url(self.split_url().0);
        if let Some(weak) = weak {
            builder = builder.accept_weak(weak);
        }
        for (name, value) in &self.config.values {
            builder = builder.config(name, value);
        }
        builder.build().map_err(Rejected::Setting)
    }

    /// The URL up to its path, its path, and its query string.
    pub(crate) fn split_url(&self) -> (&str, &str, Option<&str>) {
        let (_, rest) = self.url.split_once("://").expect("URLs are absolute");
        let target = rest.find(['/', '?']).map_or("", |at| rest.split_at(at).1);
        let base = self.url.strip_suffix(target).unwrap_or(&self.url);
        match target.split_once('?') {
            Some((path, query)) => (base, path, Some(query)),
            None => (base, target, None),
        }
    }

    /// The request's head, as the sender sent it.
    pub(crate) fn head(&self) -> CaseHead<'_> {
        let (_, path, query) = self.split_url();
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            headers.append(name, HeaderValue::from_str(value).expect("a header value"));
        }
        CaseHead {
            method: &self.method,
            path,
            query,
            headers,
        }
    }

    /// The request as the sender sent it, with a URL that an HTTP library takes.
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
        let (head, body) = (self.head(), self.body());
        let alone = receiver.verify(&head, body.clone(), self.now());
        let all_steps = receiver.open(&head, self.now()).and_then(|mut intake| {
            intake.push(body)?;
            intake.finish()
        });
        match (&all_steps, &alone) {
            // No delivery, and nothing that a signature speaks for.
            (Ok(Finished::Answered(_) | Finished::Asked(_)), Err(_)) => {}
            (all_steps, alone) => {
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
