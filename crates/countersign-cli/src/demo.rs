//! `countersign demo`: a real receiver on a real socket, fed with genuine and forged deliveries.

mod attempts;
mod once;
mod receiver;
mod sender;
mod services;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::Duration;

use countersign_testkit::ManualClock;
use tokio::task::LocalSet;

use self::attempts::{Attempt, Kind};
use self::receiver::Outcome;
use self::sender::Sent;

/// Runs the demo on a runtime of its own. `Ok(false)` when an attempt was not treated as due.
pub(crate) fn run() -> Result<bool, Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, demo())
}

async fn demo() -> Result<bool, Box<dyn std::error::Error>> {
    // One moment for all: a second beyond the tolerance is one, however long the demo takes.
    let now = countersign::system_now();
    let attempts = attempts::all(now)?;
    let receiver = receiver::start(ManualClock::new(now)).await?;
    let mut table = Table::new();
    writeln!(
        io::stdout(),
        "a receiver listens on http://{}; {} attempts are sent to it, and then some that repeat each other\n",
        receiver.address(),
        attempts.len()
    )?;
    for attempt in &attempts {
        let sent = sender::send(receiver.address(), attempt).await?;
        let outcome = receiver.outcome(attempt.number);
        table.add(attempt, &sent, outcome.as_ref());
    }
    let first = attempts.iter().map(|attempt| attempt.number).max();
    for step in once::play(&receiver, now, first.unwrap_or_default()).await? {
        table.rows.push(step);
    }
    table.print()?;
    Ok(table.all_as_due())
}

struct Table {
    rows: Vec<Row>,
}

struct Row {
    service: String,
    what: String,
    status: u16,
    code: &'static str,
    work: String,
    took: Duration,
    as_due: bool,
    is_shown: bool,
}

impl Table {
    fn new() -> Self {
        Self { rows: Vec::new() }
    }

    fn add(&mut self, attempt: &Attempt, sent: &Sent, outcome: Option<&Outcome>) {
        let code = match outcome {
            None => "nothing happened",
            Some(outcome) => outcome.code,
        };
        // A genuine delivery must have reached the handler, byte for byte; nothing else must.
        let reached = outcome.is_some_and(|outcome| outcome.handled.is_some());
        let handled = outcome.and_then(|outcome| outcome.handled.as_ref());
        let whole = handled == Some(attempt.request.body());
        let as_due = code == attempt.due.code
            && sent.status == attempt.due.status
            && match attempt.kind {
                Kind::Genuine => whole,
                Kind::Answered(body) => !reached && sent.body == body,
                Kind::Forged => !reached,
            };
        self.rows.push(Row {
            service: attempt.service.clone(),
            what: attempt.what.clone(),
            status: sent.status,
            code,
            work: outcome
                .map(|outcome| outcome.work.clone())
                .unwrap_or_default(),
            took: sent.took,
            as_due,
            is_shown: attempt.is_shown || !as_due,
        });
    }

    fn all_as_due(&self) -> bool {
        self.rows.iter().all(|row| row.as_due)
    }

    fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let shown = || self.rows.iter().filter(|row| row.is_shown);
        let width = |text: fn(&Row) -> usize| shown().map(text).max().unwrap_or_default();
        let service = width(|row| row.service.len());
        let what = width(|row| row.what.len());
        let code = width(|row| row.code.len());
        writeln!(
            out,
            "{:service$}  {:what$}  got  {:code$}  {:>8}  run and key",
            "service", "attempt", "code", "took"
        )?;
        for row in shown() {
            let mark = if row.as_due { "" } else { "  NOT AS DUE" };
            let line = format!(
                "{:service$}  {:what$}  {}  {:code$}  {:>5} us  {}{mark}",
                row.service,
                row.what,
                row.status,
                row.code,
                row.took.as_micros(),
                row.work
            );
            writeln!(out, "{}", line.trim_end())?;
        }
        let mut due: BTreeMap<bool, usize> = BTreeMap::new();
        for row in &self.rows {
            let count = due.entry(row.as_due).or_default();
            *count = count.saturating_add(1);
        }
        let others = self.rows.iter().filter(|row| !row.is_shown).count();
        writeln!(
            out,
            "\n{others} further attempts were treated as due and are not shown"
        )?;
        writeln!(
            out,
            "{} as due, {} not as due",
            due.get(&true).copied().unwrap_or_default(),
            due.get(&false).copied().unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::attempts::Due;
    use bytes::Bytes;

    fn as_due(kind: Kind, status: u16, code: &'static str, handled: Option<&'static str>) -> bool {
        let (due_status, due_code) = match kind {
            Kind::Genuine => (204, "ok"),
            Kind::Answered(_) => (200, "ok"),
            Kind::Forged => (401, "signature_mismatch"),
        };
        let attempt = Attempt {
            number: 1,
            service: "acme".to_owned(),
            what: "attempt".to_owned(),
            kind,
            request: http::Request::new(Bytes::from_static(b"body")),
            declared: None,
            due: Due {
                status: due_status,
                code: due_code,
            },
            is_shown: true,
        };
        let sent = Sent {
            status,
            body: Bytes::from_static(b"answer"),
            took: Duration::ZERO,
        };
        let outcome = Outcome {
            code,
            work: String::new(),
            handled: handled.map(Bytes::from),
        };
        let mut table = Table::new();
        table.add(&attempt, &sent, Some(&outcome));
        table.all_as_due()
    }

    #[test]
    fn a_genuine_attempt_must_reach_the_handler_whole() {
        assert!(as_due(Kind::Genuine, 204, "ok", Some("body")));
        assert!(!as_due(Kind::Genuine, 204, "ok", None));
        assert!(!as_due(Kind::Genuine, 204, "ok", Some("bod")));
        assert!(!as_due(Kind::Genuine, 200, "ok", Some("body")));
        assert!(!as_due(Kind::Genuine, 204, "unknown", Some("body")));
    }

    #[test]
    fn a_forged_attempt_must_not_reach_it_and_must_be_refused_for_its_cause() {
        assert!(as_due(Kind::Forged, 401, "signature_mismatch", None));
        assert!(!as_due(
            Kind::Forged,
            401,
            "signature_mismatch",
            Some("body")
        ));
        assert!(!as_due(Kind::Forged, 400, "signature_mismatch", None));
        assert!(!as_due(Kind::Forged, 401, "signature_missing", None));
    }

    #[test]
    fn an_answered_attempt_must_get_its_answer_and_reach_nobody() {
        let kind = Kind::Answered("answer");
        assert!(as_due(kind, 200, "ok", None));
        assert!(!as_due(kind, 200, "ok", Some("body")));
        assert!(!as_due(kind, 204, "ok", None));
        assert!(!as_due(kind, 200, "field_malformed", None));
        assert!(!as_due(Kind::Answered("other"), 200, "ok", None));
    }

    #[test]
    fn one_that_is_not_as_due_fails_the_whole() {
        let mut table = Table::new();
        for as_due in [true, false, true] {
            table.rows.push(Row {
                service: "acme".to_owned(),
                what: String::new(),
                status: 204,
                code: "ok",
                work: String::new(),
                took: Duration::ZERO,
                as_due,
                is_shown: true,
            });
        }
        assert!(!table.all_as_due());
    }
}
