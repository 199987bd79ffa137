//! Test cases as data, one JSON object a line: the one reader of them in this program.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::scheme::{Algorithm, Place, TokenPlace};
use countersign::{
    Head, Receiver, ReceiverBuilder, Scheme, Secret, SecretError, SecretRing, SettingError,
    Timestamp, danger, providers,
};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::grade::weakness;
use crate::input::MOST_BODY;
use crate::scheme_choice::known_config;
use crate::{token, url};

/// One test case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) provider: String,
    secret: Secrets,
    #[serde(default)]
    config: Map<String, Value>,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body_base64: String,
    now: i64,
    pub(crate) expect: Expect,
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "informative fields are read so that unknown ones can be refused"
    )]
    reason: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "informative")]
    source: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "informative")]
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "wants a text or a list of texts")]
enum Secrets {
    One(String),
    Several(Vec<String>),
}

/// The verdict that a case asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Expect {
    Accept,
    Reject,
    Either,
}

/// The verdict on a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CaseVerdict {
    Accept,
    Reject(&'static str),
    /// What this build does not know.
    Skip(String),
}

/// A scheme with what a case configures beside the secret.
struct Configured {
    scheme: Scheme,
    values: Vec<(String, String)>,
}

/// A request as the case has it: its URL may hold what an HTTP library would not take.
struct CaseHead<'a> {
    method: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    headers: &'a HeaderMap,
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

impl Case {
    /// Reads a line. `Err` names the field where it is one that is wrong.
    pub(crate) fn read(line: &str) -> Result<Self, String> {
        serde_json::from_str(line).map_err(|error| {
            let text = error.to_string();
            // There is one line; which one it is in its file, the caller knows.
            let (what, _) = text.rsplit_once(" at line ").unwrap_or((&text, ""));
            match wrong_field(line) {
                Some(field) => format!("{field}: {what}"),
                None => format!("{what} at column {}", error.column()),
            }
        })
    }

    /// The verdict on signature and timestamp alone. `Err` for a case whose body cannot be known.
    pub(crate) fn judge(&self) -> Result<CaseVerdict, String> {
        let body = STANDARD
            .decode(&self.body_base64)
            .map_err(|error| format!("body_base64: {error}"))?;
        let headers = self.headers();
        let is_form = is_form(headers.as_ref(), &body);
        let configured = match self.configured(is_form) {
            Ok(configured) => configured,
            Err(unknown) => return Ok(CaseVerdict::Skip(unknown)),
        };
        let (base, path, query) = url::split(&self.url);
        let (receiver, signs_url) = match self.receiver(configured, base) {
            Ok(built) => built,
            Err(SettingError::Secret {
                reason: SecretError::PublicKey,
                ..
            }) => {
                return Ok(CaseVerdict::Skip(
                    "this build does not verify with public keys".to_owned(),
                ));
            }
            Err(_) => return Ok(CaseVerdict::Reject("setting_refused")),
        };
        let Some(headers) = headers else {
            return Ok(CaseVerdict::Reject("request_malformed"));
        };
        // A sender without a path requests the root, and signs what it was given.
        let path = if path.is_empty() && !signs_url {
            "/"
        } else {
            path
        };
        let head = CaseHead {
            method: &self.method,
            path,
            query,
            headers: &headers,
        };
        let now = Timestamp::from_secs(self.now);
        Ok(match receiver.verify(&head, Bytes::from(body), now) {
            Ok(_) => CaseVerdict::Accept,
            Err(refusal) => CaseVerdict::Reject(refusal.code()),
        })
    }

    /// `None` when no HTTP server would hand them on: a header with a line end, say.
    fn headers(&self) -> Option<HeaderMap> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
        }
        Some(headers)
    }

    /// `Err` says which part of the provider's configuration this build does not know.
    fn configured(&self, is_form: bool) -> Result<Configured, String> {
        let provider = &self.provider;
        let with = |what: String| {
            format!("this build does not know {provider:?} with this configuration: {what}")
        };
        let text = |key: &str| match self.config.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(with(format!("{key:?} is no text"))),
        };
        let mut scheme = providers::by_name(provider)
            .ok_or_else(|| format!("this build does not know {provider:?}"))?;
        if let Some(variant) = text("variant")? {
            scheme = providers::by_variant(provider, variant)
                .ok_or_else(|| with(format!("\"variant\" is {variant:?}")))?;
        }
        let name = text("token_name")?;
        if let Some(kind) = text("scheme")? {
            if name.is_some() || !has_token_at(&scheme, kind, is_form) {
                let place = match name {
                    Some(name) if kind == "header-token" && self.is_bearer(name) => {
                        Some(TokenPlace::Bearer)
                    }
                    name => token_place(kind, name, is_form),
                };
                let moved = place.and_then(|place| scheme.token_in(place).ok());
                scheme = moved.ok_or_else(|| with(format!("\"scheme\" is {kind:?}")))?;
            }
        } else if name.is_some() {
            return Err(with("\"token_name\" without \"scheme\"".to_owned()));
        }
        let known = known_config(&scheme);
        let mut values = Vec::new();
        for (name, value) in &self.config {
            if matches!(name.as_str(), "variant" | "scheme" | "token_name") {
                continue;
            }
            if !known.iter().any(|known| known == name) {
                return Err(with(format!("{name:?} is none of its values")));
            }
            let value = scalar(value).ok_or_else(|| with(format!("{name:?} is no text")))?;
            values.push((name.clone(), value));
        }
        Ok(Configured { scheme, values })
    }

    /// A token in Authorization may be all of it, or stand behind the word Bearer: a case does not say which.
    fn is_bearer(&self, name: &str) -> bool {
        let has_word = |text: &str| {
            let word = text.get(.."bearer ".len());
            word.is_some_and(|word| word.eq_ignore_ascii_case("bearer "))
        };
        let secrets = match &self.secret {
            Secrets::One(text) => std::slice::from_ref(text),
            Secrets::Several(texts) => texts.as_slice(),
        };
        name.eq_ignore_ascii_case("authorization")
            && !secrets.iter().any(|secret| has_word(secret))
            && self
                .headers
                .iter()
                .any(|(known, value)| known.eq_ignore_ascii_case(name) && has_word(value))
    }

    /// The receiver, and whether its scheme signs the URL.
    fn receiver(
        &self,
        configured: Configured,
        base: &str,
    ) -> Result<(Receiver, bool), SettingError> {
        let Configured { scheme, values } = configured;
        let weak = weakness(scheme.grade);
        // A case may hold as many secrets as a ring can, and a body of any size that a receiver can be set to.
        let mut builder = Receiver::builder(scheme, self.secrets()?)
            .max_secrets(16)
            .max_body(MOST_BODY);
        if let Some(weak) = weak {
            builder = builder.accept_weak(weak);
        }
        for (name, value) in values {
            builder = builder.config(name, value);
        }
        build_with_url(builder, base)
    }

    fn secrets(&self) -> Result<SecretRing, SettingError> {
        let texts = match &self.secret {
            Secrets::One(text) => std::slice::from_ref(text),
            Secrets::Several(texts) => texts.as_slice(),
        };
        let refused = |reason| SettingError::Secret {
            label: String::new(),
            reason,
        };
        let secrets: Vec<Secret> = texts
            .iter()
            .map(|text| danger::secret_unjudged(text.as_str()))
            .collect::<Result<_, _>>()
            .map_err(refused)?;
        SecretRing::new(secrets).map_err(|_| refused(SecretError::Empty))
    }
}

/// Is the value of a kind?
type Fits = fn(&Value) -> bool;

/// The field whose value is of another kind than a case has there.
fn wrong_field(line: &str) -> Option<&'static str> {
    fn fits<T: DeserializeOwned>(value: &Value) -> bool {
        T::deserialize(value).is_ok()
    }
    let fields: Map<String, Value> = serde_json::from_str(line).ok()?;
    let kinds: [(&str, Fits); 13] = [
        ("id", fits::<String>),
        ("provider", fits::<String>),
        ("secret", fits::<Secrets>),
        ("config", fits::<Map<String, Value>>),
        ("method", fits::<String>),
        ("url", fits::<String>),
        ("headers", fits::<Vec<(String, String)>>),
        ("body_base64", fits::<String>),
        ("now", fits::<i64>),
        ("expect", fits::<Expect>),
        ("reason", fits::<Option<String>>),
        ("source", fits::<Option<String>>),
        ("note", fits::<Option<String>>),
    ];
    kinds
        .into_iter()
        .find(|(name, fits)| fields.get(*name).is_some_and(|value| !fits(value)))
        .map(|(name, _)| name)
}

/// Builds with the public URL where the scheme asks for it, and only there.
fn build_with_url(builder: ReceiverBuilder, base: &str) -> Result<(Receiver, bool), SettingError> {
    match builder.clone().build() {
        Err(error) if error.field() == "public_url" => builder
            .public_url(base)
            .build()
            .map(|receiver| (receiver, true)),
        other => other.map(|receiver| (receiver, false)),
    }
}

/// Where a case says that the token lies.
fn token_place(kind: &str, name: Option<&str>, is_form: bool) -> Option<TokenPlace> {
    let named = |name: &str| name.to_owned().into();
    Some(match (kind, name) {
        ("basic", _) => TokenPlace::Basic,
        ("path-token", _) => TokenPlace::PathEnd,
        ("header-token", Some(name)) => TokenPlace::Header(named(name)),
        ("url-token", Some(name)) => TokenPlace::QueryParam(named(name)),
        ("body-token", Some(name)) if is_form => TokenPlace::Form(named(name)),
        ("body-token", Some(name)) => TokenPlace::Json(token::pointer(name).into()),
        _ => return None,
    })
}

/// Does the scheme have its token in such a place by itself, so that no name is needed?
fn has_token_at(scheme: &Scheme, kind: &str, is_form: bool) -> bool {
    match (scheme.algorithm, kind, &scheme.signature.place) {
        (Algorithm::Token, "header-token", Place::Header(_))
        | (Algorithm::Token, "url-token", Place::QueryParam(_)) => true,
        (Algorithm::Token, "body-token", Place::Form(_)) => is_form,
        (Algorithm::Token, "body-token", Place::Json(_)) => !is_form,
        _ => false,
    }
}

/// Is the body a form: by its Content-Type, or without one by its first byte?
fn is_form(headers: Option<&HeaderMap>, body: &[u8]) -> bool {
    match headers.and_then(|headers| headers.get(CONTENT_TYPE)) {
        Some(kind) => kind
            .as_bytes()
            .to_ascii_lowercase()
            .starts_with(b"application/x-www-form-urlencoded"),
        None => !matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

impl Expect {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Either => "either",
        }
    }
}

impl CaseVerdict {
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject(_) => "reject",
            Self::Skip(_) => "skip",
        }
    }

    pub(crate) const fn code(&self) -> Option<&'static str> {
        match self {
            Self::Reject(code) => Some(code),
            Self::Accept | Self::Skip(_) => None,
        }
    }

    pub(crate) fn matches(&self, expect: Expect) -> bool {
        match (self, expect) {
            (Self::Skip(_), _) => false,
            (_, Expect::Either)
            | (Self::Accept, Expect::Accept)
            | (Self::Reject(_), Expect::Reject) => true,
            (Self::Accept, Expect::Reject) | (Self::Reject(_), Expect::Accept) => false,
        }
    }
}

#[cfg(test)]
#[path = "case_tests.rs"]
mod tests;
