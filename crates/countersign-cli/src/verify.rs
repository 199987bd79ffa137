//! `countersign verify`: one request, one verdict.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::{ValueEnum, ValueHint};
use countersign::danger::NoSecret;
use countersign::scheme::{Algorithm, Proof};
use countersign::{Finished, Receiver, Refusal, Scheme, SettingError, Timestamp, Tolerance};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::grade::{GivenUp, weakness};
use crate::moment::{self, Moment};
use crate::raw_request::{self, Request};
use crate::scheme_choice::SchemeArguments;
use crate::secrets::{self, SecretArguments};
use crate::verdict::{Report, Verdict};
use crate::wording::word;
use crate::{header, input, url};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    scheme: SchemeArguments,
    #[command(flatten)]
    secret: SecretArguments,
    /// A file with the headers: lines of `Name: value`.
    #[arg(long, value_name = "FILE", help_heading = "Request", value_hint = ValueHint::FilePath)]
    headers: Option<PathBuf>,
    /// A header; may be given several times.
    #[arg(short = 'H', long, value_name = "NAME: VALUE", help_heading = "Request", value_parser = header::argument)]
    header: Vec<(HeaderName, HeaderValue)>,
    /// The body: a file, or - for standard input; empty unless it is given.
    #[arg(long, value_name = "FILE|-", help_heading = "Request", value_hint = ValueHint::FilePath)]
    body: Option<PathBuf>,
    /// The method; POST unless it is given.
    #[arg(long, help_heading = "Request")]
    method: Option<String>,
    /// The request's URL or its path and query. An absolute one is also the public URL, unless --public-url is given.
    #[arg(long, help_heading = "Request", value_hint = ValueHint::Url)]
    url: Option<String>,
    /// When it is judged: Unix seconds, a time like 2026-01-31T12:00:00Z, or now.
    #[arg(long, value_name = "TIME", default_value = "now", allow_hyphen_values = true,
          help_heading = "Judgement", value_parser = moment::parse)]
    at: Moment,
    /// The public URL in front of the request's path, for schemes that sign the URL.
    #[arg(long, value_name = "URL", help_heading = "Judgement", value_hint = ValueHint::Url)]
    public_url: Option<String>,
    /// How far the timestamp may lie from the time of judgement, to both sides, in place of the scheme's tolerance.
    #[arg(long, value_name = "SECONDS", help_heading = "Judgement")]
    tolerance: Option<u32>,
    /// Accept what proves less than a signature over the body under a long secret, naming what is given up; may be given several times.
    #[arg(long, value_name = "WHAT", help_heading = "Judgement")]
    accept_weak: Vec<GivenUp>,
    /// Agree to questions that their sender cannot prove, as an application might: about a WebSub subscription, say.
    #[arg(long, help_heading = "Judgement")]
    consent: bool,
    /// Print one JSON object instead.
    #[arg(long)]
    json: bool,
}

pub(crate) const EPILOGUE: &str = "\
Where Content-Length declares less than is there, as after an editor's line end, the rest is left out and \
said; where it declares more, the request is refused. Several secrets may be given, as while rotating; the \
one that matched is named.

Some requests are no deliveries, and a receiver answers them by itself: pings without a signature, probes, \
questions about a subscription. They are shown as such, and are not accepted. A question that its sender \
cannot prove is answered with --consent alone.

Exit codes:
  0  accepted: a genuine delivery
  1  refused, or no delivery
  2  trouble: wrong arguments, an unreadable request, a secret or setting that cannot be used

Examples:
  countersign verify stripe --secret-env STRIPE_SECRET < request.http
  countersign verify github --secret-env NEW --secret-env OLD --headers head.txt --body push.json
  countersign verify slack --secret-file secret -H 'X-Slack-Signature: v0=...' \\
    -H 'X-Slack-Request-Timestamp: 1700000000' --body body.json --at 1700000010
  countersign verify --scheme-file own.toml --secret-env OWN_SECRET --json < request.http";

/// Judges and prints. `Ok(false)` when the request is refused.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let scheme = arguments.scheme.scheme()?;
    let receiver = arguments.receiver(&scheme)?;
    let mut request = arguments.request()?;
    let now = arguments.at.timestamp();
    let verdict = judge(&receiver, &request, now).unwrap_or_else(Verdict::Refuse);
    if matches!(verdict, Verdict::Refuse(_)) && !arguments.consent && may_ask(&scheme, &request) {
        request.notes.push(
            "an application may agree to questions by this method: --consent does".to_owned(),
        );
    }
    let report = Report::new(&scheme, &request.notes, &verdict, now);
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    } else {
        out.write_all(report.text().as_bytes())?;
    }
    Ok(matches!(verdict, Verdict::Accept(_)))
}

/// Is it by such a request that a sender asks what only the application can answer?
fn may_ask(scheme: &Scheme, request: &Request) -> bool {
    scheme.handshakes.iter().any(|handshake| {
        handshake.proof == Proof::Consent && handshake.method == request.method.as_str()
    })
}

/// All steps of a receiver, over a body that is there.
fn judge(receiver: &Receiver, request: &Request, now: Timestamp) -> Result<Verdict, Refusal> {
    let mut intake = receiver.open(request, now)?;
    intake.push(request.body.clone())?;
    match intake.finish()? {
        Finished::Verified(verified) => verified.deliver(request).map(Verdict::Accept),
        Finished::Answered(reply) => Ok(Verdict::Answer(reply)),
        // The receiver asks only where --consent made it.
        Finished::Asked(asked) => asked.answer(true).map(Verdict::Answer),
        _ => Err(Refusal::NotAgreed),
    }
}

impl Arguments {
    fn receiver(&self, scheme: &Scheme) -> Result<Receiver, Box<dyn Error>> {
        let config = self.scheme.config(scheme)?;
        let short = self.accept_weak.contains(&GivenUp::ShortSecret);
        let ring = if scheme.algorithm == Algorithm::Unsigned && self.secret.is_none() {
            NoSecret.into()
        } else {
            secrets::ring(&self.secret.read()?, short)?
        };
        let weak = weakness(scheme.grade);
        let mut builder = Receiver::builder(scheme.clone(), ring).max_secrets(16);
        if let Some(weak) = weak
            && self
                .accept_weak
                .iter()
                .any(|given| given.weak() == Some(weak))
        {
            builder = builder.accept_weak(weak);
        }
        for (name, value) in config {
            builder = builder.config(name, value);
        }
        if let Some(seconds) = self.tolerance {
            builder = builder.tolerance(Tolerance::from_secs(seconds));
        }
        if self.consent {
            builder = builder.consent(|_| std::future::ready(true));
        }
        if let Some(url) = self.public_url() {
            builder = builder.public_url(url);
        }
        builder
            .build()
            .map_err(|error| explain(scheme, &error).into())
    }

    /// What was configured; never what a request on standard input says of itself.
    fn public_url(&self) -> Option<&str> {
        let from_url = || {
            let url = self.url.as_deref()?;
            url::authority(url).map(|_| url::split(url).0)
        };
        self.public_url.as_deref().or_else(from_url)
    }

    fn request(&self) -> Result<Request, Box<dyn Error>> {
        let is_raw = self.headers.is_none()
            && self.header.is_empty()
            && self.body.is_none()
            && self.method.is_none()
            && self.url.is_none();
        if is_raw {
            if io::stdin().is_terminal() {
                eprintln!("note: reading a raw HTTP/1.1 request from standard input");
            }
            let text = input::read(Path::new("-"))?;
            return raw_request::parse(&text)
                .map_err(|error| format!("standard input: {error}").into());
        }
        let mut headers = match &self.headers {
            None => HeaderMap::new(),
            Some(file) => raw_request::parse_headers(&input::read(file)?)
                .map_err(|error| format!("{}: {error}", file.display()))?,
        };
        for (name, value) in &self.header {
            headers.append(name, value.clone());
        }
        let body = match &self.body {
            None => Vec::new(),
            Some(file) => input::read(file)?,
        };
        let mut notes = Vec::new();
        if self.body.is_none() {
            notes.push("the body is empty: --body gives one".to_owned());
        }
        let (path, query) = raw_request::split_target(self.url.as_deref().unwrap_or("/"));
        Ok(Request {
            method: self
                .method
                .as_deref()
                .unwrap_or("POST")
                .to_ascii_uppercase(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            headers,
            body: Bytes::from(body),
            notes,
        })
    }
}

/// The error, and the flag that mends it.
fn explain(scheme: &Scheme, error: &SettingError) -> String {
    let name = &scheme.name;
    let named = GivenUp::of(scheme.grade)
        .as_ref()
        .and_then(GivenUp::to_possible_value);
    match (error.field(), named) {
        ("grade", Some(value)) => format!(
            "scheme {name:?} is of grade {}, which is less than a signature over the body: accept that with --accept-weak {}",
            word(&scheme.grade),
            value.get_name()
        ),
        ("public_url", _) => format!("{error}: give it with --public-url"),
        ("tolerance", _) => format!("--tolerance: {error}"),
        ("secrets", _) => match error {
            SettingError::Secret {
                reason: countersign::SecretError::TooShort { .. },
                ..
            } => format!("{error}: accept that with --accept-weak short-secret"),
            _ => error.to_string(),
        },
        _ => error.to_string(),
    }
}
