//! What the library warns of, beside attempts, on standard error: a store that is nearly full, say.

use std::fmt::{Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::line::Lines;
use crate::printable;

/// Writes them from now on, in the whole process.
pub(super) fn show(lines: &Lines) {
    // There is no other subscriber in this program.
    let _ = tracing::subscriber::set_global_default(Warnings(lines.clone()));
}

struct Warnings(Lines);

impl Subscriber for Warnings {
    /// Attempts have their lines.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        *metadata.level() <= Level::WARN
            && target.starts_with("countersign")
            && !matches!(target, "countersign::attempt" | "countersign::run")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut said = Said::default();
        event.record(&mut said);
        let text = format!("{}{}", said.message, said.fields);
        self.0.notice(printable::line(text.as_bytes()));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Said {
    message: String,
    fields: String,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // A string can always be written to.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
