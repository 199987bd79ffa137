//! From what the core says of an attempt to its line.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use countersign::{Attempt, Field, Observer};
use tokio::task::{self, Id};

use super::line::{Line, Lines};

/// Shows the attempts of one route.
#[derive(Clone, Debug)]
pub(super) struct Attempts {
    route: Arc<str>,
    lines: Lines,
    runs: Arc<Mutex<HashMap<Id, Run>>>,
}

/// What a handler knows of its run. Its task is the run's, which is also the one that tells of it.
#[derive(Clone, Copy, Debug)]
struct Run {
    begun: Instant,
    /// Why it could not be forwarded.
    failed: Option<&'static str>,
}

impl Attempts {
    pub(super) fn new(route: &str, lines: &Lines) -> Self {
        Self {
            route: route.into(),
            lines: lines.clone(),
            runs: Arc::default(),
        }
    }

    /// The handler begins, in this task.
    pub(super) fn begin(&self) {
        let run = Run {
            begun: Instant::now(),
            failed: None,
        };
        self.with_runs(|runs, id| runs.insert(id, run));
    }

    /// It could not forward its delivery: a stable code, and the reason for the operator.
    pub(super) fn failed(&self, code: &'static str, reason: &str) {
        self.with_runs(|runs, id| {
            if let Some(run) = runs.get_mut(&id) {
                run.failed = Some(code);
            }
        });
        let route = &self.route;
        let text = format!("route {route}: a delivery could not be forwarded {reason}");
        self.lines.notice(text);
    }

    fn with_runs<T>(&self, what: impl FnOnce(&mut HashMap<Id, Run>, Id) -> T) -> Option<T> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        task::try_id().map(|id| what(&mut runs, id))
    }

    fn show(&self, attempt: &Attempt<'_>, late: bool) {
        let mut line = Line::new(attempt.outcome.as_str(), attempt.code);
        line.route = Some(self.route.to_string());
        line.scheme = Some(attempt.scheme.name.to_string());
        // Those that nothing covers are shown as such.
        if let Some(delivery) = attempt.delivery {
            line.event = delivery.event().map(text);
            line.id = delivery.id().map(text);
            line.tenant = delivery.tenant().map(text);
        }
        for (name, signed, field) in [
            ("event", attempt.event, &mut line.event),
            ("id", attempt.id, &mut line.id),
            ("tenant", attempt.tenant, &mut line.tenant),
        ] {
            if let Some(text) = signed {
                *field = Some(text.to_owned());
                line.signed.push(name);
            }
        }
        line.status = attempt.status.map(|status| status.as_u16());
        line.secret = attempt.secret_label.map(str::to_owned);
        line.attempt = attempt.run;
        line.hint = attempt.hint;
        line.late = late;
        let mut took = attempt.verdict_time.unwrap_or_default();
        // A copy that was answered while its run went on has none of its own.
        if let Some(Some(run)) = self.with_runs(|runs, id| runs.remove(&id)) {
            took = took.saturating_add(run.begun.elapsed());
            line.forward = run.failed;
        }
        line.ms = millis(took);
        self.lines.add(&line);
    }
}

impl Observer for Attempts {
    fn attempt(&self, attempt: &Attempt<'_>) {
        self.show(attempt, false);
    }

    fn late_run(&self, run: &Attempt<'_>) {
        self.show(run, true);
    }
}

fn text(field: &Field) -> String {
    field.as_str().to_owned()
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
