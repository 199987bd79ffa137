//! `countersign check`: test cases as data.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::{
    Head, Receiver, Scheme, Secret, SecretError, SecretRing, SettingError, Timestamp, danger,
    providers,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

/// One test case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    provider: String,
    secret: Secrets,
    #[serde(default)]
    config: serde_json::Map<String, serde_json::Value>,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body_base64: String,
    now: i64,
    expect: Expect,
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
#[serde(untagged)]
enum Secrets {
    One(String),
    Several(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Accept,
    Reject,
    Either,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Accept,
    Reject(&'static str),
    /// What this build does not know.
    Skip(String),
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    id: &'a str,
    provider: &'a str,
    expect: Expect,
    verdict: &'static str,
    code: Option<&'a str>,
    matches: bool,
}

/// 256 MiB: the most that a receiver can be set to.
const MOST_BODY: u64 = 256 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error("{file}: {source}")]
    File { file: String, source: io::Error },
    #[error("{file}:{line}: {source}")]
    Case {
        file: String,
        line: usize,
        source: serde_json::Error,
    },
    #[error("{file}:{line}: {what}")]
    Value {
        file: String,
        line: usize,
        what: String,
    },
}

/// Checks every case of every file.
pub(crate) fn run(
    files: &[impl AsRef<Path>],
    json: bool,
) -> Result<bool, Box<dyn std::error::Error>> {
    let mut out = io::stdout().lock();
    let (mut passed, mut failed, mut skipped) = (0_usize, 0_usize, 0_usize);
    for file in files {
        let name = file.as_ref().display().to_string();
        let text = fs::read_to_string(file).map_err(|source| CheckError::File {
            file: name.clone(),
            source,
        })?;
        for (line, text) in (1..).zip(text.lines()) {
            if text.trim().is_empty() {
                continue;
            }
            let case: Case = serde_json::from_str(text).map_err(|source| CheckError::Case {
                file: name.clone(),
                line,
                source,
            })?;
            let verdict = case.judge().map_err(|what| CheckError::Value {
                file: name.clone(),
                line,
                what,
            })?;
            let matches = verdict.matches(case.expect);
            let count = match (&verdict, matches) {
                (Verdict::Skip(_), _) => &mut skipped,
                (_, true) => &mut passed,
                (_, false) => &mut failed,
            };
            *count = count.saturating_add(1);
            if json {
                serde_json::to_writer(&mut out, &case.line(&verdict, matches))?;
                writeln!(out)?;
            } else if let Verdict::Skip(what) = &verdict {
                writeln!(out, "{}: skipped: {what}", case.id)?;
            } else if !matches {
                writeln!(
                    out,
                    "{}: {}: expected {}, got {} ({})",
                    case.id,
                    case.provider,
                    case.expect.word(),
                    verdict.word(),
                    verdict.code().unwrap_or("ok"),
                )?;
            }
        }
    }
    if !json {
        writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped")?;
    }
    Ok(failed == 0)
}

/// A request as the case has it: its URL may hold what an HTTP library would not take.
struct CaseHead<'a> {
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

impl Case {
    /// `Err` for a case whose body cannot be known.
    fn judge(&self) -> Result<Verdict, String> {
        let Some(scheme) = self.scheme() else {
            return Ok(Verdict::Skip(format!(
                "this build does not know {:?} with this configuration",
                self.provider
            )));
        };
        let receiver = match self.receiver(scheme) {
            Ok(receiver) => receiver,
            Err(SettingError::Secret {
                reason: SecretError::PublicKey,
                ..
            }) => {
                return Ok(Verdict::Skip(
                    "this build does not verify with public keys".to_owned(),
                ));
            }
            Err(_) => return Ok(Verdict::Reject("setting_refused")),
        };
        let body = STANDARD
            .decode(&self.body_base64)
            .map_err(|error| format!("body_base64: {error}"))?;
        let Some(head) = self.head() else {
            return Ok(Verdict::Reject("request_malformed"));
        };
        let now = Timestamp::from_secs(self.now);
        Ok(match receiver.verify(&head, body.into(), now) {
            Ok(_) => Verdict::Accept,
            Err(refusal) => Verdict::Reject(refusal.code()),
        })
    }

    /// The request's head; `None` when no HTTP server would hand it on: a header with a line end, say.
    fn head(&self) -> Option<CaseHead<'_>> {
        let target = self
            .url
            .split_once("://")
            .map_or(self.url.as_str(), |(_, rest)| {
                rest.find(['/', '?'])
                    .and_then(|at| rest.get(at..))
                    .unwrap_or("/")
            });
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        Some(CaseHead {
            method: &self.method,
            path,
            query,
            headers,
        })
    }

    fn scheme(&self) -> Option<Scheme> {
        let variant = match self.config.get("variant") {
            None if self.config.is_empty() => return providers::by_name(&self.provider),
            Some(serde_json::Value::String(variant)) if self.config.len() == 1 => variant,
            _ => return None,
        };
        match (self.provider.as_str(), variant.as_str()) {
            ("github", "sha256") => Some(providers::GITHUB),
            ("github", "sha1") => Some(providers::GITHUB_SHA1),
            _ => None,
        }
    }

    fn receiver(&self, scheme: Scheme) -> Result<Receiver, SettingError> {
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
            .map(|text| danger::secret_of_any_length(text.as_str()))
            .collect::<Result<_, _>>()
            .map_err(refused)?;
        let ring = SecretRing::new(secrets).map_err(|_| refused(SecretError::Empty))?;
        // A case may hold as many secrets as a ring can, and a body of any size that a receiver can be set to.
        Receiver::builder(scheme, ring)
            .max_secrets(16)
            .max_body(MOST_BODY)
            .build()
    }

    fn line<'a>(&'a self, verdict: &'a Verdict, matches: bool) -> Line<'a> {
        Line {
            id: &self.id,
            provider: &self.provider,
            expect: self.expect,
            verdict: verdict.word(),
            code: verdict.code(),
            matches,
        }
    }
}

impl Expect {
    const fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Either => "either",
        }
    }
}

impl Verdict {
    const fn word(&self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject(_) => "reject",
            Self::Skip(_) => "skip",
        }
    }

    const fn code(&self) -> Option<&'static str> {
        match self {
            Self::Reject(code) => Some(code),
            Self::Accept | Self::Skip(_) => None,
        }
    }

    fn matches(&self, expect: Expect) -> bool {
        match (self, expect) {
            (Self::Skip(_), _) => false,
            (_, Expect::Either)
            | (Self::Accept, Expect::Accept)
            | (Self::Reject(_), Expect::Reject) => true,
            (Self::Accept, Expect::Reject) | (Self::Reject(_), Expect::Accept) => false,
        }
    }
}
