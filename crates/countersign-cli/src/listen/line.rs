//! One line per attempt on standard output, as text or as a JSON object.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

use countersign::{Delivery, Field, Timestamp};
use serde::Serialize;

use super::file::Format;
use super::tell;
use crate::printable;

/// So many lines wait for whoever reads them; more are counted and not written, for nothing waits for a reader.
const WAITING: usize = 16 * 1024;

/// How long the last lines may take when the program ends.
const LAST: Duration = Duration::from_secs(2);

/// What became of an attempt. The keys of the JSON object never change.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    /// RFC 3339, in UTC.
    pub(super) time: String,
    pub(super) route: Option<String>,
    pub(super) scheme: Option<String>,
    pub(super) event: Option<String>,
    pub(super) id: Option<String>,
    pub(super) tenant: Option<String>,
    /// Which of event, id and tenant the signature covers.
    pub(super) signed: Vec<&'static str>,
    pub(super) outcome: &'static str,
    pub(super) code: &'static str,
    /// What the sender was answered; none where nobody was there any more.
    pub(super) status: Option<u16>,
    /// From the request's head to the answer.
    pub(super) ms: u64,
    /// The label of the secret.
    pub(super) secret: Option<String>,
    /// The number of the run.
    pub(super) attempt: Option<u32>,
    /// Why it could not be forwarded.
    pub(super) forward: Option<&'static str>,
}

impl Line {
    /// Of an attempt of which nothing is known but what became of it.
    pub(super) fn new(now: Timestamp, outcome: &'static str, code: &'static str) -> Self {
        Self {
            time: now.to_string(),
            route: None,
            scheme: None,
            event: None,
            id: None,
            tenant: None,
            signed: Vec::new(),
            outcome,
            code,
            status: None,
            ms: 0,
            secret: None,
            attempt: None,
            forward: None,
        }
    }

    /// What a genuine delivery says of itself.
    pub(super) fn say(&mut self, delivery: &Delivery) {
        for (name, field, text) in [
            ("event", delivery.event(), &mut self.event),
            ("id", delivery.id(), &mut self.id),
            ("tenant", delivery.tenant(), &mut self.tenant),
        ] {
            *text = field.map(|field| field.as_str().to_owned());
            if field.is_some_and(Field::is_signed) {
                self.signed.push(name);
            }
        }
        self.secret = Some(delivery.secret_label().to_owned()).filter(|label| !label.is_empty());
    }

    fn json(&self) -> String {
        // Strings and numbers: it does not fail. JSON escapes what is below a blank; what else steers a terminal is escaped here.
        let text = serde_json::to_string(self).unwrap_or_default();
        text.chars().fold(String::new(), |mut out, letter| {
            if printable::is_unprintable(letter) {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                out.push(letter);
            }
            out
        })
    }

    fn text(&self) -> String {
        let word = |text: &str| printable::line(text.as_bytes()).replace(' ', "\\u{20}");
        let field = |name: &str, text: &Option<String>| match text {
            None => "-".to_owned(),
            Some(text) if self.signed.contains(&name) => word(text),
            Some(text) => format!("({})", word(text)),
        };
        let service = match (&self.route, &self.scheme) {
            (Some(route), Some(scheme)) if route != scheme => format!("{route}:{scheme}"),
            (_, Some(scheme)) => scheme.clone(),
            (_, None) => "-".to_owned(),
        };
        let status = self
            .status
            .map_or_else(|| "-".to_owned(), |status| status.to_string());
        let forward = self
            .forward
            .map_or_else(String::new, |why| format!(" forward={why}"));
        format!(
            "{} {service} {} {} {} {} {status} {}ms{forward}",
            self.time,
            field("event", &self.event),
            field("id", &self.id),
            self.outcome,
            self.code,
            self.ms
        )
    }
}

/// Writes lines from a thread of its own: whoever reads them does not hold up a delivery.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    format: Format,
    queue: SyncSender<String>,
    lost: Arc<AtomicU64>,
}

impl Lines {
    /// The second ends when every line is written and nobody can add one.
    pub(super) fn start(format: Format) -> (Self, Written) {
        let (queue, lines) = mpsc::sync_channel(WAITING);
        let (tell, told) = mpsc::channel();
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        thread::spawn(move || {
            write(&lines, &counted);
            let _ = tell.send(());
        });
        let lines = Self {
            format,
            queue,
            lost,
        };
        (lines, Written(told))
    }

    pub(super) fn add(&self, line: &Line) {
        let text = match self.format {
            Format::Text => line.text(),
            Format::Json => line.json(),
        };
        if self.queue.try_send(text).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The end of the lines.
#[derive(Debug)]
pub(super) struct Written(Receiver<()>);

impl Written {
    /// Waits, though not for ever.
    pub(super) fn wait(self) {
        let _ = self.0.recv_timeout(LAST);
    }
}

fn write(lines: &Receiver<String>, lost: &AtomicU64) {
    let mut is_told = false;
    for line in lines {
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tell(&format!(
                "{lost} lines were not written: whoever reads them is too slow"
            ));
        }
        let mut out = io::stdout().lock();
        if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush())
            && !is_told
        {
            // Deliveries come first.
            is_told = true;
            tell(&format!("attempts are not shown any more: {error}"));
        }
    }
}
