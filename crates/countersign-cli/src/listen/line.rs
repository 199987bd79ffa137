//! One line per attempt on standard output, as text or as a JSON object.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::file::Format;
use crate::mistake::without_secrets;
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
    /// What in the settings would have made a refused one pass, where that is known.
    pub(super) hint: Option<&'static str>,
    /// The end of a run whose attempt has had its line: its sender could not wait, and was answered before.
    pub(super) late: bool,
}

impl Line {
    /// Of an attempt of which nothing is known but what became of it.
    pub(super) fn new(outcome: &'static str, code: &'static str) -> Self {
        Self {
            time: with_millis(&countersign::system_now().to_string()),
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
            hint: None,
            late: false,
        }
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
        let word = |text: &str| {
            let text = printable::line(text.as_bytes());
            text.chars().fold(String::new(), |mut out, letter| {
                match letter.is_whitespace() {
                    true => out.extend(letter.escape_unicode()),
                    false => out.push(letter),
                }
                out
            })
        };
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
        let mut more = String::new();
        if let Some(why) = self.forward {
            more.push_str(&format!(" forward={why}"));
        }
        if self.late {
            more.push_str(" late");
        }
        if let Some(hint) = self.hint {
            more.push_str(&format!(" hint={hint}"));
        }
        format!(
            "{} {service} {} {} {} {} {status} {}ms{more}",
            self.time,
            field("event", &self.event),
            field("id", &self.id),
            self.outcome,
            self.code,
            self.ms
        )
    }
}

/// The same moment with three digits behind its seconds, so that lines are alike.
fn with_millis(time: &str) -> String {
    let time = time.strip_suffix('Z').unwrap_or(time);
    let (seconds, millis) = time.split_once('.').unwrap_or((time, ""));
    format!("{seconds}.{millis:0<3}Z")
}

/// What one thread writes, and that there is no more.
#[derive(Debug)]
enum Said {
    Text(String),
    End,
}

/// What waits for one of the two outputs.
#[derive(Clone, Debug)]
struct Queue {
    said: SyncSender<Said>,
    lost: Arc<AtomicU64>,
}

impl Queue {
    fn new() -> (Self, Receiver<Said>) {
        let (said, waiting) = mpsc::sync_channel(WAITING);
        let lost = Arc::default();
        (Self { said, lost }, waiting)
    }

    fn say(&self, said: Said) {
        if self.said.try_send(said).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many were lost since this was asked before, in words.
    fn lost(&self, what: &str) -> Option<String> {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        (lost > 0)
            .then(|| format!("{lost} {what} were not written: whoever reads them is too slow"))
    }
}

/// Takes lines and notices for threads that write them: whoever reads them, or does not, holds up neither a delivery nor the end.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    is_json: Arc<AtomicBool>,
    out: Queue,
    notices: Queue,
}

impl Lines {
    /// And the other end, which begins to write when it is told how.
    pub(super) fn new() -> (Self, Unwritten) {
        let (out, lines_said) = Queue::new();
        let (notices, notices_said) = Queue::new();
        let lines = Self {
            is_json: Arc::default(),
            out,
            notices,
        };
        let unwritten = Unwritten {
            lines: lines.clone(),
            lines_said,
            notices_said,
        };
        (lines, unwritten)
    }

    pub(super) fn add(&self, line: &Line) {
        let text = match self.is_json.load(Ordering::Relaxed) {
            false => line.text(),
            true => line.json(),
        };
        self.out.say(Said::Text(text));
    }

    /// A notice for the operator.
    pub(super) fn notice(&self, text: impl Into<String>) {
        self.notices.say(Said::Text(text.into()));
    }
}

/// What nobody writes yet.
#[derive(Debug)]
pub(super) struct Unwritten {
    lines: Lines,
    lines_said: Receiver<Said>,
    notices_said: Receiver<Said>,
}

impl Unwritten {
    /// Writes from now on, in a thread for each output.
    pub(super) fn start(self, format: Format) -> Writing {
        let Self {
            lines,
            lines_said,
            notices_said,
        } = self;
        lines
            .is_json
            .store(format == Format::Json, Ordering::Relaxed);
        let writing = lines.clone();
        let lines_told = begin(move || write_lines(&lines_said, &writing));
        let notices = lines.notices.clone();
        let notices_told = begin(move || write_notices(&notices_said, &notices));
        Writing {
            lines,
            lines_told,
            notices_told,
        }
    }
}

/// In a thread of its own. What comes back says that it is done.
fn begin(write: impl FnOnce() + Send + 'static) -> Receiver<()> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        write();
        let _ = tell.send(());
    });
    told
}

/// The threads that write.
#[derive(Debug)]
pub(super) struct Writing {
    lines: Lines,
    lines_told: Receiver<()>,
    notices_told: Receiver<()>,
}

impl Writing {
    /// Waits until everything is written that was said before, though not for ever.
    pub(super) fn end(self) {
        let begun = Instant::now();
        self.lines.out.say(Said::End);
        let _ = self.lines_told.recv_timeout(LAST);
        // The lines may have been told of there.
        self.lines.notices.say(Said::End);
        let left = LAST.saturating_sub(begun.elapsed());
        let _ = self.notices_told.recv_timeout(left);
    }
}

fn write_lines(said: &Receiver<Said>, lines: &Lines) {
    let mut is_told = false;
    for said in said {
        if let Some(lost) = lines.out.lost("lines") {
            lines.notice(lost);
        }
        let Said::Text(line) = said else {
            return;
        };
        let mut out = io::stdout().lock();
        if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush())
            && !is_told
        {
            // Deliveries come first.
            is_told = true;
            lines.notice(format!("attempts are not shown any more: {error}"));
        }
    }
}

fn write_notices(said: &Receiver<Said>, notices: &Queue) {
    let tell = |text: &str| {
        let text = without_secrets(text);
        let _ = writeln!(io::stderr(), "countersign: {text}");
    };
    for said in said {
        if let Some(lost) = notices.lost("notices") {
            tell(&lost);
        }
        match said {
            Said::Text(text) => tell(&text),
            Said::End => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_three_digits_behind_its_seconds() {
        for (time, shown) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"),
            ("2026-01-31T12:00:00.1Z", "2026-01-31T12:00:00.100Z"),
            ("2026-01-31T12:00:00.123Z", "2026-01-31T12:00:00.123Z"),
        ] {
            assert_eq!(with_millis(time), shown);
        }
    }

    #[test]
    fn the_keys_of_a_line_are_on_the_page() {
        let line: serde_json::Value = serde_json::from_str(&Line::new("", "").json()).unwrap();
        let table = crate::listen::KEYS
            .split("| key of a line |")
            .nth(1)
            .unwrap();
        let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
        let mut named: Vec<&str> = rows
            .filter_map(|row| row.split('|').nth(1))
            .flat_map(|cell| cell.split(',').map(|key| key.trim_matches([' ', '`'])))
            .collect();
        named.sort_unstable();
        let known: Vec<&String> = line.as_object().unwrap().keys().collect();
        assert_eq!(named, known);
    }

    #[test]
    fn nothing_in_a_line_steers_a_terminal() {
        let mut line = Line::new("done", "done");
        line.time = String::new();
        line.scheme = Some("acme".to_owned());
        line.id = Some("a b\u{a0}\u{1b}[2J\u{202e}\u{61c}\u{2028}\n\u{9b}".to_owned());
        line.signed = vec!["id"];
        assert_eq!(
            line.text(),
            r" acme - a\u{20}b\u{a0}\u{1b}[2J\u{202e}\u{61c}\u{2028}\n\u{9b} done done - 0ms"
        );
        let json = line.json();
        assert!(
            json.contains("\"id\":\"a b\u{a0}\\u001b[2J\\u202e\\u061c\\u2028\\n\\u009b\""),
            "{json}"
        );
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["id"].as_str(), line.id.as_deref());
    }
}
