//! Passes verified deliveries on to a program of the user's, and answers with its status.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use countersign::scheme::{AnswerKind, Grade, Part, Place};
use countersign::{Delivery, Field, Lease, Scheme, defaults};
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, RETRY_AFTER, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::attempts::Attempts;
use super::settings::{is_own, unusable};
use crate::client::{self, Answer, ClientError, Patience};
use crate::scheme_choice::{content_holds, each_part};
use crate::{printable, url};

/// Beside what is not ASCII. A blank at the end of a header would be lost.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// What begins so is ours, and never a stranger's.
const OWN: &str = "countersign-";

/// What the run has beyond its target's answer: to record it.
const MARGIN: Duration = Duration::from_secs(5);

/// What is about one connection, or is written anew for the next one.
const NOT_PASSED_ON: [HeaderName; 8] = [
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// How forwarding is done, for all routes.
#[derive(Clone, Debug)]
pub(super) struct Forward {
    /// Where this program listens.
    pub(super) own: SocketAddr,
    pub(super) remote: bool,
    pub(super) connect: Duration,
    pub(super) answer: Duration,
    /// The target of routes that name none.
    pub(super) url: Option<String>,
}

impl Forward {
    /// Reads a URL. What it is refused for does not repeat its query.
    pub(super) fn target(&self, url: &str) -> Result<Target, String> {
        let target = client::Target::parse(url).map_err(|error| unusable(&error))?;
        if url.contains('#') {
            return Err("the URL has a fragment, which is never sent".to_owned());
        }
        if is_own(&target, self.own) {
            return Err(format!("is this receiver's own address, {}", self.own));
        }
        let to = match (target.is_loopback(), self.remote) {
            (true, _) => target.staying_here(),
            (false, true) => target,
            (false, false) => {
                return Err(format!(
                    "{} is not this machine's loopback interface, and what is sent there is not encrypted: accept that with remote = true in [forward], or --forward-remote",
                    target.authority()
                ));
            }
        };
        let (_, path, query) = url::split(url);
        let target = format!(
            "{}{}{}",
            if path.is_empty() { "/" } else { path },
            if query.is_some() { "?" } else { "" },
            query.unwrap_or_default()
        );
        Ok(Target {
            to,
            target,
            signs_query: false,
            reads_answer: false,
            headers: Vec::new(),
            patience: Patience {
                connect: self.connect,
                answer: self.answer,
            },
        })
    }

    /// How long a run may take: its exchange, and the record of it.
    pub(super) fn run_timeout(&self) -> Duration {
        self.connect
            .saturating_add(self.answer)
            .saturating_add(MARGIN)
    }
}

/// Where the deliveries of one route go.
#[derive(Debug)]
pub(crate) struct Target {
    to: client::Target,
    /// Path and query of the URL.
    target: String,
    /// Does the signature cover the query string?
    signs_query: bool,
    /// Does the sender read answers?
    reads_answer: bool,
    /// What is passed on, of what the sender has sent.
    headers: Vec<HeaderName>,
    patience: Patience,
}

impl Target {
    /// The same, for deliveries of this scheme; `more` names headers beside those that the scheme knows. The index of one that cannot be
    /// passed on, and why.
    pub(super) fn for_scheme(
        mut self,
        scheme: &Scheme,
        more: &[String],
    ) -> Result<Self, (usize, String)> {
        let is_token = matches!(scheme.grade, Grade::Token | Grade::Unsigned);
        let token = match &scheme.signature.place {
            Place::Header(name) if is_token => Some(name.clone()),
            _ => None,
        };
        self.headers = vec![CONTENT_TYPE, CONTENT_ENCODING];
        let mut named = Vec::new();
        for place in scheme
            .id
            .iter()
            .chain(&*scheme.event)
            .chain(&*scheme.tenant)
        {
            headers_of(place, &mut named);
        }
        headers_of(&scheme.signature.place, &mut named);
        if let Some(rule) = &scheme.timestamp {
            headers_of(&rule.place, &mut named);
        }
        each_part(&scheme.content, &mut |part| {
            if let Part::Header(name) = part {
                named.push(name.to_string());
            }
        });
        for name in named {
            if token.as_deref() != Some(name.as_str())
                && let Ok(name) = HeaderName::try_from(name)
                && may_pass(&name)
            {
                self.headers.push(name);
            }
        }
        for (index, name) in more.iter().enumerate() {
            let wrong = |reason: &str| {
                (
                    index,
                    format!("{} {reason}", printable::line(name.as_bytes())),
                )
            };
            let Ok(name) = HeaderName::try_from(name.as_str()) else {
                return Err(wrong("is no name of a header"));
            };
            if token.as_deref() == Some(name.as_str()) {
                return Err(wrong("holds the secret, which is not passed on"));
            }
            if !may_pass(&name) {
                return Err(wrong(
                    "is not passed on: it is about one connection, or this program's own",
                ));
            }
            self.headers.push(name);
        }
        self.headers
            .sort_by(|one, other| one.as_str().cmp(other.as_str()));
        self.headers.dedup();
        self.signs_query = covers_query(scheme);
        self.reads_answer = scheme.answer == AnswerKind::Content;
        Ok(self)
    }

    /// Host and port, for messages.
    pub(crate) fn authority(&self) -> &str {
        self.to.authority()
    }

    /// Is it the address that is listened on?
    pub(crate) fn is_own(&self, own: SocketAddr) -> bool {
        is_own(&self.to, own)
    }

    fn request(
        &self,
        route: &str,
        head: &Request<()>,
        delivery: &Delivery,
        lease: Option<&Lease>,
    ) -> Result<Request<Bytes>, http::Error> {
        let target = match head.uri().query().filter(|_| self.signs_query) {
            None => self.target.clone(),
            Some(query) => {
                let join = if self.target.contains('?') { '&' } else { '?' };
                format!("{}{join}{query}", self.target)
            }
        };
        let mut request = Request::builder()
            .method(head.method())
            .uri(target)
            .body(delivery.body().clone())?;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::try_from(self.to.authority())?);
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        // A body of no length is one, too, and is not said to have none.
        if *head.method() != Method::GET {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(delivery.body().len()));
        }
        for name in &self.headers {
            for value in head.headers().get_all(name) {
                headers.append(name, value.clone());
            }
        }
        own_headers(headers, route, delivery, lease)?;
        Ok(request)
    }

    /// What the target's answer comes to.
    fn response(&self, answer: Answer) -> Result<Response, Failure> {
        let status = answer.status;
        if status.is_informational() || status.is_redirection() {
            return Err(Failure::Redirected);
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        if let Some(seconds) = answer.headers.get(RETRY_AFTER) {
            response.headers_mut().insert(RETRY_AFTER, seconds.clone());
        }
        // What is cut off is not what was meant. The status is, and a second run would not make it shorter.
        if self.reads_answer && !answer.is_cut && !answer.body.is_empty() {
            if let Some(kind) = answer.headers.get(CONTENT_TYPE) {
                response.headers_mut().insert(CONTENT_TYPE, kind.clone());
            }
            *response.body_mut() = Body::from(answer.body);
        }
        Ok(response)
    }
}

/// Runs for verified deliveries alone: without one in the request, axum answers 500.
pub(super) async fn handle(
    State(route): State<Arc<Handling>>,
    Extension(delivery): Extension<Delivery>,
    lease: Option<Extension<Lease>>,
    request: Request,
) -> Response {
    route.attempts.begin();
    let Some(target) = &route.target else {
        return Response::new(Body::empty());
    };
    let (head, _) = request.into_parts();
    let head = Request::from_parts(head, ());
    let lease = lease.as_ref().map(|Extension(lease)| lease);
    let answer = match target.request(&route.name, &head, &delivery, lease) {
        Ok(request) => client::exchange(&target.to, request, target.patience)
            .await
            .map_err(Failure::of),
        Err(_) => Err(Failure::Broken("the request cannot be written".to_owned())),
    };
    answer
        .and_then(|answer| target.response(answer))
        .unwrap_or_else(|failure| {
            let to = target.authority();
            let reason = format!("to {to}: {}", failure.reason());
            route.attempts.failed(failure.code(), &reason);
            failure.response()
        })
}

/// What the handler of a route knows.
#[derive(Debug)]
pub(super) struct Handling {
    pub(super) name: String,
    pub(super) target: Option<Arc<Target>>,
    pub(super) attempts: Attempts,
}

/// Why there is no answer of the target's.
#[derive(Debug)]
pub(super) enum Failure {
    Unreachable(String),
    TimedOut(String),
    Broken(String),
    Redirected,
}

impl Failure {
    fn of(error: ClientError) -> Self {
        let said = printable::line(error.to_string().as_bytes());
        match error {
            ClientError::AnswerTimeout { .. } => Self::TimedOut(said),
            ClientError::Exchange { .. } => Self::Broken(said),
            _ => Self::Unreachable(said),
        }
    }

    /// The stable code.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut(_) => "timed_out",
            Self::Broken(_) => "broken",
            Self::Redirected => "redirected",
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Unreachable(reason) | Self::TimedOut(reason) | Self::Broken(reason) => reason,
            Self::Redirected => "it answered with a redirect, which is not followed",
        }
    }

    /// The sender comes again, whatever it was: nothing is known to be done.
    fn response(&self) -> Response {
        let mut response = Response::new(Body::from("service unavailable\n"));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        let headers = response.headers_mut();
        headers.insert(
            RETRY_AFTER,
            HeaderValue::from(defaults::OVERLOAD_RETRY_AFTER),
        );
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        response
    }
}

/// What the target is told by us. Nothing else that reaches it begins so.
fn own_headers(
    headers: &mut HeaderMap,
    route: &str,
    delivery: &Delivery,
    lease: Option<&Lease>,
) -> Result<(), http::Error> {
    let mut set = |name: &'static str, text: &str| {
        let value = HeaderValue::try_from(utf8_percent_encode(text, ESCAPED).to_string())?;
        headers.insert(HeaderName::from_static(name), value);
        Ok::<_, http::Error>(())
    };
    set("countersign-route", route)?;
    set("countersign-scheme", &delivery.scheme().name)?;
    let fields = [
        ("countersign-id", "id", delivery.id()),
        ("countersign-event", "event", delivery.event()),
        ("countersign-tenant", "tenant", delivery.tenant()),
    ];
    let mut signed = Vec::new();
    for (header, name, field) in fields {
        if let Some(field) = field {
            set(header, field.as_str())?;
            if Field::is_signed(field) {
                signed.push(name);
            }
        }
    }
    let signed = match signed.as_slice() {
        [] => HeaderValue::from_static("none"),
        signed => HeaderValue::try_from(signed.join(", "))?,
    };
    headers.insert(HeaderName::from_static("countersign-signed"), signed);
    if let Some(key) = delivery.key() {
        let value = HeaderValue::try_from(key.to_string())?;
        headers.insert(HeaderName::from_static("countersign-key"), value);
    }
    if let Some(lease) = lease {
        let value = HeaderValue::from(lease.attempt());
        headers.insert(HeaderName::from_static("countersign-attempt"), value);
    }
    Ok(())
}

/// Many programs take an underscore for a hyphen.
fn may_pass(name: &HeaderName) -> bool {
    let text = name.as_str().replace('_', "-");
    !NOT_PASSED_ON.iter().any(|known| *known == *text)
        && !text.starts_with(OWN)
        && !text.starts_with("proxy-")
        && text != "keep-alive"
}

fn headers_of(place: &Place, names: &mut Vec<String>) {
    match place {
        Place::Header(name) => names.push(name.to_string()),
        Place::All(places) => places.iter().for_each(|place| headers_of(place, names)),
        _ => {}
    }
}

/// Is all of the query string covered by the signature?
fn covers_query(scheme: &Scheme) -> bool {
    content_holds(scheme, |part| {
        matches!(part, Part::Url | Part::Query | Part::QuerySorted)
    })
}
