//! The verdict on a request, and what there is to say about it, as text and as JSON.

use countersign::{Delivery, Field, Refusal, Reply, Scheme, Timestamp, outcome};
use serde::Serialize;

use crate::printable;
use crate::wording::word;

/// The verdict on a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// A genuine delivery.
    Accept(Delivery),
    /// No delivery: a receiver answers it by itself.
    Answer(Reply),
    Refuse(Refusal),
}

impl Verdict {
    const fn word(&self) -> &'static str {
        match self {
            Self::Accept(_) => "accept",
            Self::Answer(_) => "answer",
            Self::Refuse(_) => "refuse",
        }
    }

    const fn code(&self) -> Option<&'static str> {
        match self {
            Self::Accept(_) => None,
            Self::Answer(reply) => Some(reply.kind.as_str()),
            Self::Refuse(refusal) => Some(refusal.code()),
        }
    }

    fn reason(&self) -> Option<String> {
        match self {
            Self::Accept(_) => None,
            Self::Answer(_) => Some("no delivery: a receiver answers it by itself".to_owned()),
            Self::Refuse(refusal) => Some(refusal.to_string()),
        }
    }
}

/// Everything that is said.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    verdict: &'static str,
    code: Option<&'static str>,
    reason: Option<String>,
    /// What the sender would get; a delivery's is the application's.
    status: Option<u16>,
    scheme: String,
    grade: String,
    secret: Option<String>,
    timestamp: Option<Stamp>,
    id: Option<Named>,
    event: Option<Named>,
    tenant: Option<Named>,
    answer: Option<Answer>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Stamp {
    text: String,
    unix_milliseconds: i64,
    /// Negative when it lies in the future.
    age_milliseconds: i64,
}

#[derive(Debug, Serialize)]
struct Named {
    text: String,
    signed: bool,
}

/// What a receiver answers by itself.
#[derive(Debug, Serialize)]
struct Answer {
    headers: Vec<(String, String)>,
    body: String,
}

impl Report {
    pub(crate) fn new(
        scheme: &Scheme,
        notes: &[String],
        verdict: &Verdict,
        now: Timestamp,
    ) -> Self {
        let delivery = match verdict {
            Verdict::Accept(delivery) => Some(delivery),
            _ => None,
        };
        let reply = match verdict {
            Verdict::Answer(reply) => Some(reply),
            _ => None,
        };
        let status = match verdict {
            Verdict::Accept(_) => None,
            Verdict::Answer(reply) => Some(reply.status),
            Verdict::Refuse(refusal) => Some(outcome::answer(refusal).status),
        };
        Self {
            verdict: verdict.word(),
            code: verdict.code(),
            reason: verdict.reason(),
            status: status.map(|status| status.as_u16()),
            scheme: scheme.name.to_string(),
            grade: word(&scheme.grade),
            secret: delivery
                .map(|delivery| delivery.secret_label().to_owned())
                .filter(|label| !label.is_empty()),
            timestamp: delivery
                .and_then(Delivery::timestamp)
                .map(|stamp| Stamp::new(stamp, now)),
            id: delivery.and_then(Delivery::id).map(Named::new),
            event: delivery.and_then(Delivery::event).map(Named::new),
            tenant: delivery.and_then(Delivery::tenant).map(Named::new),
            answer: reply.map(Answer::new),
            notes: notes.to_vec(),
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = self.verdict.to_owned();
        if let Some(code) = self.code {
            text.push_str(": ");
            text.push_str(code);
        }
        text.push('\n');
        let mut add = |what: &str, value: &str| {
            let value = printable::line(value.as_bytes());
            text.push_str(&format!("  {what:9}  {value}\n"));
        };
        if let Some(reason) = &self.reason {
            add("reason", reason);
        }
        if let Some(status) = self.status {
            add("status", &status.to_string());
        }
        add("scheme", &format!("{} ({})", self.scheme, self.grade));
        if let Some(secret) = &self.secret {
            add("secret", secret);
        }
        if let Some(stamp) = &self.timestamp {
            add("timestamp", &stamp.said());
        }
        for (what, field) in [
            ("id", &self.id),
            ("event", &self.event),
            ("tenant", &self.tenant),
        ] {
            if let Some(field) = field {
                let mark = if field.signed { "signed" } else { "unsigned" };
                add(what, &format!("{} ({mark})", field.text));
            }
        }
        if let Some(answer) = &self.answer {
            for (name, value) in &answer.headers {
                add("header", &format!("{name}: {value}"));
            }
            if !answer.body.is_empty() {
                add("body", &answer.body);
            }
        }
        for note in &self.notes {
            add("note", note);
        }
        text
    }
}

impl Stamp {
    fn new(stamp: Timestamp, now: Timestamp) -> Self {
        Self {
            text: stamp.to_string(),
            unix_milliseconds: stamp.as_millis(),
            age_milliseconds: now.as_millis().saturating_sub(stamp.as_millis()),
        }
    }

    fn said(&self) -> String {
        let seconds = self.age_milliseconds.unsigned_abs() / 1_000;
        let side = if self.age_milliseconds < 0 {
            "ahead"
        } else {
            "ago"
        };
        format!("{} ({seconds} s {side})", self.text)
    }
}

impl Named {
    fn new(field: &Field) -> Self {
        Self {
            text: field.as_str().to_owned(),
            signed: field.is_signed(),
        }
    }
}

impl Answer {
    fn new(reply: &Reply) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let content_type = reply
            .content_type
            .iter()
            .map(|value| ("content-type".to_owned(), text(value.as_bytes())));
        let others = reply
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())));
        Self {
            headers: content_type.chain(others).collect(),
            body: text(&reply.body),
        }
    }
}
