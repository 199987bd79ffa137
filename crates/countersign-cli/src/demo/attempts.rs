//! What is sent: for each service its genuine deliveries, what it asks beside, and every near miss.

use bytes::Bytes;
use countersign::scheme::Scheme;
use countersign::{Refusal, SignError, Timestamp, outcome};
use countersign_testkit::{NearMiss, Sender};
use http::Request;
use http::header::CONTENT_LENGTH;

use super::services::{PUBLIC_URL, Question, Reply, SERVICES, Sample, Service};

/// Numbers the attempts on their way, so that the receiver's side can be told about each.
pub(crate) const ATTEMPT_HEADER: &str = "x-demo-attempt";

/// The near misses that are shown one by one; the others are counted.
const SHOWN: [&str; 6] = [
    "another secret",
    "no signature",
    "the signature twice",
    "a second too old",
    "a second too new",
    "a bit flipped in the body's last byte",
];

/// One HTTP request to come.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) number: u64,
    pub(crate) service: String,
    pub(crate) what: String,
    pub(crate) kind: Kind,
    pub(crate) request: Request<Bytes>,
    /// A length that is declared for a body that is never sent.
    pub(crate) declared: Option<u64>,
    pub(crate) due: Due,
    pub(crate) is_shown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It reaches the handler, byte for byte.
    Genuine,
    /// The receiver answers it with this body; it reaches no handler.
    Answered(&'static str),
    /// It is refused.
    Forged,
}

/// What must come of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
}

/// Every attempt, in the order in which they are sent.
pub(crate) fn all(now: Timestamp) -> Result<Vec<Attempt>, Box<dyn std::error::Error>> {
    let mut attempts = Vec::new();
    for service in SERVICES {
        for sample in service.samples {
            attempts.push(service.genuine(sample, now)?);
        }
        for question in service.questions {
            attempts.push(service.question(question, now)?);
        }
        if let Some(sample) = service.samples.first() {
            attempts.extend(service.near_misses(sample, now)?);
            attempts.push(service.too_large(sample, now)?);
        }
    }
    for (number, attempt) in (1..).zip(&mut attempts) {
        attempt.number = number;
    }
    Ok(attempts)
}

impl Service {
    fn sender(&self, sample: &Sample, now: Timestamp) -> Sender {
        let sender = Sender::new(self.scheme.clone(), self.secret)
            .at(now)
            .url(format!("{PUBLIC_URL}{}", self.path()))
            .media_type(sample.media_type);
        if sample.event.is_empty() {
            sender
        } else {
            sender.event(sample.event)
        }
    }

    fn attempt(&self, what: String, kind: Kind, request: Request<Bytes>, due: Due) -> Attempt {
        Attempt {
            number: 0,
            service: self.scheme.name.to_string(),
            what,
            kind,
            request,
            declared: None,
            due,
            is_shown: true,
        }
    }

    fn genuine(&self, sample: &Sample, now: Timestamp) -> Result<Attempt, SignError> {
        let request = self.sender(sample, now).try_send(sample.body)?;
        let due = Due {
            status: 204,
            code: match self.deduplicates() {
                true => "done",
                false => "unrecorded",
            },
        };
        let what = format!("genuine {}", sample.what);
        Ok(self.attempt(what, Kind::Genuine, request, due))
    }

    fn question(
        &self,
        question: &Question,
        now: Timestamp,
    ) -> Result<Attempt, Box<dyn std::error::Error>> {
        let url = format!("{PUBLIC_URL}{}{}", self.path(), question.query);
        let mut request = match question.signed_with {
            Some(secret) => Sender::new(self.scheme.clone(), secret)
                .at(now)
                .url(url)
                .method(question.method)
                .try_send(question.body)?,
            None => Request::builder()
                .method(question.method)
                .uri(url)
                .body(Bytes::from_static(question.body.as_bytes()))?,
        };
        for (name, value) in question.headers {
            request.headers_mut().insert(*name, value.parse()?);
        }
        let (kind, due) = match question.due {
            Reply::Answer(body) => (
                Kind::Answered(body),
                Due {
                    status: 200,
                    code: "ok",
                },
            ),
            Reply::Refusal(status, code) => (Kind::Forged, Due { status, code }),
        };
        Ok(self.attempt(question.what.to_owned(), kind, request, due))
    }

    fn near_misses(&self, sample: &Sample, now: Timestamp) -> Result<Vec<Attempt>, SignError> {
        let misses = self.sender(sample, now).try_near_misses(sample.body)?;
        let attempt = |miss: NearMiss| {
            let is_shown = SHOWN.contains(&miss.name.as_str());
            Attempt {
                is_shown,
                ..self.attempt(miss.name, Kind::Forged, miss.request, due(&miss.refusal))
            }
        };
        // Not lengths that no HTTP client would send, and not other paths, where another route listens.
        let path = self.path();
        let can_be_sent = |miss: &NearMiss| {
            !miss.request.headers().contains_key(CONTENT_LENGTH)
                && miss.request.uri().path() == path
        };
        Ok(misses
            .into_iter()
            .filter(can_be_sent)
            .map(attempt)
            .collect())
    }

    fn too_large(&self, sample: &Sample, now: Timestamp) -> Result<Attempt, SignError> {
        let Scheme { max_body, .. } = self.scheme;
        let refusal = Refusal::BodyTooLarge { limit: max_body };
        let request = self.sender(sample, now).try_send(sample.body)?;
        Ok(Attempt {
            declared: Some(max_body.saturating_add(1)),
            ..self.attempt("too large".to_owned(), Kind::Forged, request, due(&refusal))
        })
    }
}

fn due(refusal: &Refusal) -> Due {
    Due {
        status: outcome::answer(refusal).status.as_u16(),
        code: refusal.code(),
    }
}
