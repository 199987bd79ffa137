//! What was logged, as lines of text (feature `log`).

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::mem;
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    /// Each with the module that logged it.
    static LINES: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

/// Listens to what this library logs from now on, in the whole process, and forgets what this thread has logged so far.
///
/// `tracing` decides once per process which events anybody listens to: call this first in every test of such a process, and keep tests
/// that log without listening in another one (another file in `tests/`).
///
/// # Panics
/// When the process has another global subscriber.
#[expect(clippy::expect_used, reason = "a test fails loudly")]
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(Lines).expect("the only subscriber of the process");
    });
    drop(take());
}

/// The events of this thread since the last call, each as one line: level, then `field=value` for every field, the message first.
///
/// ```
/// use countersign_testkit::log;
/// log::listen();
/// tracing::info!(target: "countersign", code = "signature_mismatch", "webhook refused");
/// tracing::info!(target: "another_crate", "not of this library");
/// assert_eq!(log::take(), [r#"INFO message=webhook refused code="signature_mismatch""#]);
/// assert!(log::take().is_empty());
/// ```
#[must_use]
pub fn take() -> Vec<String> {
    take_from("countersign")
}

/// As [`take`], of one crate alone: `countersign_axum`, say. The other events are forgotten as well.
///
/// ```
/// use countersign_testkit::log;
/// log::listen();
/// tracing::info!(target: "countersign_tower::future", "by the layer");
/// tracing::info!(target: "countersign_axum", "by the extractor");
/// assert_eq!(log::take_from("countersign_axum"), ["INFO message=by the extractor"]);
/// assert!(log::take().is_empty());
/// ```
#[must_use]
pub fn take_from(crate_name: &str) -> Vec<String> {
    let lines = LINES.with(|lines| mem::take(&mut *lines.borrow_mut()));
    let lines = lines.into_iter();
    let of_crate = lines.filter(|(module, _)| module.starts_with(crate_name));
    of_crate.map(|(_, line)| line).collect()
}

/// Writes every event of this library as one line of the test whose thread it is in.
struct Lines;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // A string can always be written to.
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("countersign")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        let module = event.metadata().target().to_owned();
        LINES.with(|lines| lines.borrow_mut().push((module, line.0)));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
