//! `countersign demo`: a real receiver on a real socket, fed with genuine and forged deliveries.

mod attempts;
mod receiver;
mod sender;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::Duration;

use self::attempts::{Attempt, Kind};
use self::receiver::Outcome;

/// Runs the demo on a runtime of its own. `Ok(false)` when an attempt was not treated as due.
pub(crate) fn run() -> Result<bool, Box<dyn std::error::Error>> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(demo())
}

async fn demo() -> Result<bool, Box<dyn std::error::Error>> {
    let now = countersign::system_now();
    let attempts = attempts::all(now)?;
    let receiver = receiver::start().await?;
    let mut table = Table::new();
    writeln!(
        io::stdout(),
        "a receiver listens on http://{}; {} attempts are sent to it\n",
        receiver.address(),
        attempts.len()
    )?;
    for attempt in &attempts {
        let sent = sender::send(receiver.address(), attempt).await?;
        let outcome = receiver.outcome(attempt.number);
        table.add(attempt, sent.status, outcome.as_ref(), sent.took);
    }
    table.print()?;
    Ok(table.all_as_due())
}

struct Table {
    rows: Vec<Row>,
}

struct Row {
    scheme: &'static str,
    what: String,
    status: u16,
    code: &'static str,
    took: Duration,
    as_due: bool,
}

impl Table {
    fn new() -> Self {
        Self { rows: Vec::new() }
    }

    fn add(&mut self, attempt: &Attempt, status: u16, outcome: Option<&Outcome>, took: Duration) {
        let code = match outcome {
            None => "nothing happened",
            Some(outcome) => outcome.code,
        };
        // A genuine delivery must have reached the handler, byte for byte; a forged one must not.
        let reached = outcome.is_some_and(|outcome| outcome.handled.is_some());
        let whole = outcome.and_then(|outcome| outcome.handled.as_ref()) == Some(&attempt.body);
        let as_due = code == attempt.due.code
            && status == attempt.due.status
            && match attempt.kind {
                Kind::Genuine => whole,
                Kind::Forged => !reached,
            };
        self.rows.push(Row {
            scheme: attempt.scheme,
            what: attempt.what.clone(),
            status,
            code,
            took,
            as_due,
        });
    }

    fn all_as_due(&self) -> bool {
        self.rows.iter().all(|row| row.as_due)
    }

    fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let width = |text: fn(&Row) -> usize| self.rows.iter().map(text).max().unwrap_or_default();
        let scheme = width(|row| row.scheme.len());
        let what = width(|row| row.what.len());
        let code = width(|row| row.code.len());
        writeln!(
            out,
            "{:scheme$}  {:what$}  got  {:code$}  {:>8}",
            "scheme", "attempt", "code", "took"
        )?;
        for row in &self.rows {
            let mark = if row.as_due { "" } else { "  NOT AS DUE" };
            writeln!(
                out,
                "{:scheme$}  {:what$}  {}  {:code$}  {:>5} us{mark}",
                row.scheme,
                row.what,
                row.status,
                row.code,
                row.took.as_micros()
            )?;
        }
        let mut due: BTreeMap<bool, usize> = BTreeMap::new();
        for row in &self.rows {
            let count = due.entry(row.as_due).or_default();
            *count = count.saturating_add(1);
        }
        writeln!(
            out,
            "\n{} as due, {} not as due",
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
            Kind::Forged => (401, "signature_mismatch"),
        };
        let attempt = Attempt {
            number: 1,
            scheme: "acme",
            what: "attempt".to_owned(),
            kind,
            headers: Vec::new(),
            body: Bytes::from_static(b"body"),
            declared: None,
            due: Due {
                status: due_status,
                code: due_code,
            },
        };
        let outcome = Outcome {
            code,
            handled: handled.map(Bytes::from),
        };
        let mut table = Table::new();
        table.add(&attempt, status, Some(&outcome), Duration::ZERO);
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
    fn one_that_is_not_as_due_fails_the_whole() {
        let mut table = Table::new();
        for as_due in [true, false, true] {
            table.rows.push(Row {
                scheme: "acme",
                what: String::new(),
                status: 204,
                code: "ok",
                took: Duration::ZERO,
                as_due,
            });
        }
        assert!(!table.all_as_due());
    }
}
