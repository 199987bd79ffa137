//! `countersign providers`: the built-in schemes, as a table, one in full, or as JSON.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};

use clap::builder::PossibleValuesParser;
use countersign::scheme::{Grade, List, Place, Retry, Schedule};
use countersign::{Scheme, providers};
use serde::Serialize;

use crate::grade::proves;
use crate::scheme_choice::names;
use crate::wording::{place, word};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Show this scheme alone, in full: as TOML that --scheme-file takes.
    #[arg(hide_possible_values = true, value_parser = PossibleValuesParser::new(names()))]
    name: Option<String>,
    /// Print a JSON array with everything there is to know instead.
    #[arg(long)]
    json: bool,
}

pub(crate) const EPILOGUE: &str = "\
The environment variable COLUMNS says how wide the table may be, where it is set.

Exit codes:
  0  printed
  2  there is no scheme of that name

Examples:
  countersign providers
  countersign providers stripe
  countersign providers --json | jq -r '.[] | select(.grade == \"token\") | .name'";

/// Prints them.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let chosen: Vec<Scheme> = providers::ALL
        .iter()
        .filter(|scheme| {
            arguments
                .name
                .as_ref()
                .is_none_or(|name| scheme.name == name.as_str())
        })
        .cloned()
        .collect();
    let mut out = io::stdout().lock();
    if arguments.json {
        let entries: Vec<Entry<'_>> = chosen.iter().map(Entry::new).collect();
        serde_json::to_writer_pretty(&mut out, &entries)?;
        writeln!(out)?;
    } else if arguments.name.is_some() {
        for scheme in &chosen {
            out.write_all(in_full(scheme)?.as_bytes())?;
        }
    } else {
        let rows: Vec<[String; 9]> = chosen.iter().map(row).collect();
        out.write_all(table(&rows, width()).as_bytes())?;
    }
    Ok(true)
}

/// How many columns there are; `None` where it does not matter.
fn width() -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok();
    if let Some(columns) = columns.and_then(|columns| columns.parse().ok()) {
        return Some(columns);
    }
    if !io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

const TITLES: [&str; 9] = [
    "NAME",
    "GRADE",
    "ALGORITHM",
    "SIGNATURE",
    "ID",
    "TOLERANCE",
    "RETRIES",
    "DEADLINE",
    "SOURCE",
];

fn row(scheme: &Scheme) -> [String; 9] {
    let id = match scheme.id.first() {
        None => "-".to_owned(),
        Some(first) => {
            let more = match (first, scheme.id.len()) {
                (Place::All(_), _) => " + ...",
                (_, 2..) => ", ...",
                _ => "",
            };
            let start = match first {
                Place::All(several) => several.first().unwrap_or(first),
                one => one,
            };
            format!("{}{more} ({})", place(start), signed(scheme, first))
        }
    };
    let retry = &scheme.retry;
    [
        scheme.name.to_string(),
        word(&scheme.grade),
        word(&scheme.algorithm),
        signature(scheme),
        id,
        tolerance(scheme).unwrap_or_else(|| "-".to_owned()),
        retries(retry),
        retry
            .deadline
            .map_or_else(|| "-".to_owned(), |span| word(&span)),
        scheme.sources.first().map_or("-", AsRef::as_ref).to_owned(),
    ]
}

/// How long a sender retries by itself, and where that is not known, that it is not.
fn retries(retry: &Retry) -> String {
    let is_none = retry.span.as_duration().is_zero();
    let unknown = match retry.schedule {
        Schedule::Published if is_none => return "never".to_owned(),
        Schedule::Published => return word(&retry.span),
        Schedule::SendersChoice => "sender's choice",
        _ => "not published",
    };
    if is_none {
        unknown.to_owned()
    } else {
        format!("{unknown}, {} assumed", word(&retry.span))
    }
}

/// The same in a sentence.
fn retries_said(retries: &str) -> String {
    match retries {
        "never" => "never retries".to_owned(),
        span if span.starts_with(|first: char| first.is_ascii_digit()) => {
            format!("retries for {span}")
        }
        unknown => format!("retries: {unknown}"),
    }
}

/// In seconds. Zero says that it never retries, which nobody knows of a schedule that is not published.
fn known_span(retry: &Retry) -> Option<u64> {
    let seconds = retry.span.as_duration().as_secs();
    (seconds > 0 || retry.schedule == Schedule::Published).then_some(seconds)
}

/// One line per scheme where that fits, else a few short ones.
fn table(rows: &[[String; 9]], width: Option<usize>) -> String {
    let mut widths = TITLES.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let total = widths.iter().fold(0_usize, |sum, width| {
        sum.saturating_add(*width).saturating_add(2)
    });
    // No blanks follow the last column.
    if width.is_some_and(|width| total > width.saturating_add(2)) {
        return in_lines(rows);
    }
    let mut text = String::new();
    let titles = TITLES.map(str::to_owned);
    for row in std::iter::once(&titles).chain(rows) {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn in_lines(rows: &[[String; 9]]) -> String {
    let mut text = String::new();
    for row in rows {
        let [
            name,
            grade,
            algorithm,
            signature,
            id,
            tolerance,
            retries,
            deadline,
            source,
        ] = row;
        let tolerance = match tolerance.as_str() {
            "-" => "no timestamp".to_owned(),
            span => format!("tolerance {span}"),
        };
        let retries = retries_said(retries);
        let deadline = match deadline.as_str() {
            "-" => String::new(),
            span => format!(", waits {span}"),
        };
        let id = match id.as_str() {
            "-" => "no id".to_owned(),
            id => format!("id {id}"),
        };
        text.push_str(&format!(
            "{name}\n  {grade}: {algorithm} in {signature}\n  {id}\n  {tolerance}, {retries}{deadline}\n  {source}\n"
        ));
    }
    text
}

/// Everything about one scheme, as TOML with comments.
fn in_full(scheme: &Scheme) -> Result<String, toml::ser::Error> {
    let mut text = format!(
        "# {}: an accepted request proves {}\n",
        scheme.title,
        proves(scheme.grade)
    );
    text.push_str(&format!("# signature: {}\n", signature(scheme)));
    for (what, places) in [
        ("id", &scheme.id),
        ("event", &scheme.event),
        ("tenant", &scheme.tenant),
    ] {
        for at in places.iter() {
            text.push_str(&format!(
                "# {what}: {} ({})\n",
                place(at),
                signed(scheme, at)
            ));
        }
    }
    let freshness = match tolerance(scheme) {
        Some(span) => format!("the signed timestamp may lie {span} from now"),
        None => "no timestamp is signed: a captured request passes for ever".to_owned(),
    };
    text.push_str(&format!("# freshness: {freshness}\n"));
    text.push_str(&format!("# retries: {}\n\n", retries(&scheme.retry)));
    text.push_str(&toml::to_string(scheme)?);
    Ok(text)
}

/// One scheme, for machines.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    name: &'a str,
    title: &'a str,
    grade: Grade,
    proves: &'static str,
    algorithm: String,
    signature: String,
    id: Vec<FieldEntry>,
    event: Vec<FieldEntry>,
    tenant: Vec<FieldEntry>,
    tolerance: Option<ToleranceEntry>,
    retry: RetryEntry,
    sources: &'a [countersign::scheme::Text],
    /// As `--scheme-file` takes it.
    scheme: &'a Scheme,
}

#[derive(Debug, Serialize)]
struct FieldEntry {
    place: String,
    signed: bool,
}

#[derive(Debug, Serialize)]
struct ToleranceEntry {
    past_seconds: u64,
    future_seconds: u64,
}

#[derive(Debug, Serialize)]
struct RetryEntry {
    schedule: Schedule,
    /// Assumed unless the schedule is published; `None` where nothing is known.
    span_seconds: Option<u64>,
    deadline_seconds: Option<u64>,
}

impl<'a> Entry<'a> {
    fn new(scheme: &'a Scheme) -> Self {
        let fields = |places: &List<Place>| {
            let entry = |at: &Place| FieldEntry {
                place: place(at),
                signed: scheme.signs(at),
            };
            places.iter().map(entry).collect()
        };
        Self {
            name: &scheme.name,
            title: &scheme.title,
            grade: scheme.grade,
            proves: proves(scheme.grade),
            algorithm: word(&scheme.algorithm),
            signature: signature(scheme),
            id: fields(&scheme.id),
            event: fields(&scheme.event),
            tenant: fields(&scheme.tenant),
            tolerance: scheme.timestamp.as_ref().map(|rule| ToleranceEntry {
                past_seconds: rule.tolerance.past().as_secs(),
                future_seconds: rule.tolerance.future().as_secs(),
            }),
            retry: RetryEntry {
                schedule: scheme.retry.schedule,
                span_seconds: known_span(&scheme.retry),
                deadline_seconds: scheme
                    .retry
                    .deadline
                    .map(|span| span.as_duration().as_secs()),
            },
            sources: &scheme.sources,
            scheme,
        }
    }
}

fn signed(scheme: &Scheme, place: &Place) -> &'static str {
    if scheme.signs(place) {
        "signed"
    } else {
        "unsigned"
    }
}

fn signature(scheme: &Scheme) -> String {
    let places = std::iter::once(&scheme.signature.place).chain(scheme.signature.also.iter());
    let all: Vec<String> = places.map(place).collect();
    all.join(" or ")
}

/// How far the timestamp may lie from now.
fn tolerance(scheme: &Scheme) -> Option<String> {
    let tolerance = &scheme.timestamp.as_ref()?.tolerance;
    let (past, future) = (tolerance.past().as_secs(), tolerance.future().as_secs());
    Some(if past == future {
        format!("{past}s")
    } else {
        format!("{past}s/{future}s")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::providers::{GITHUB, INTERCOM, STANDARD_WEBHOOKS, STRIPE, WEBSUB, WORDPRESS};

    #[test]
    fn the_table_falls_into_lines_where_it_does_not_fit() {
        let rows = [row(&GITHUB), row(&STRIPE)];
        let wide = table(&rows, None);
        assert_eq!(
            wide,
            "\
NAME    GRADE                ALGORITHM    SIGNATURE            ID                            TOLERANCE  RETRIES  DEADLINE  SOURCE
github  signature-over-body  hmac-sha256  x-hub-signature-256  x-github-delivery (unsigned)  -          never    10s       https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
stripe  signature-over-body  hmac-sha256  stripe-signature     /id (signed)                  300s       3d       -         https://docs.stripe.com/webhooks
"
        );
        let longest = wide.lines().map(str::len).max();
        assert_eq!(table(&rows, longest), wide);
        let narrow = table(&rows, longest.map(|longest| longest - 1));
        assert_eq!(
            narrow,
            "\
github
  signature-over-body: hmac-sha256 in x-hub-signature-256
  id x-github-delivery (unsigned)
  no timestamp, never retries, waits 10s
  https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
stripe
  signature-over-body: hmac-sha256 in stripe-signature
  id /id (signed)
  tolerance 300s, retries for 3d
  https://docs.stripe.com/webhooks
"
        );
    }

    /// "never" is a fact, and nothing is known of most of these.
    #[test]
    fn what_is_not_known_of_retries_is_not_called_never() {
        for (scheme, cell, said, seconds) in [
            (&GITHUB, "never", "never retries", Some(0)),
            (&STRIPE, "3d", "retries for 3d", Some(3 * 86_400)),
            (
                &INTERCOM,
                "not published, 2h assumed",
                "retries: not published, 2h assumed",
                Some(2 * 3_600),
            ),
            (&WORDPRESS, "not published", "retries: not published", None),
            (
                &STANDARD_WEBHOOKS,
                "sender's choice, 4d assumed",
                "retries: sender's choice, 4d assumed",
                Some(4 * 86_400),
            ),
            (&WEBSUB, "sender's choice", "retries: sender's choice", None),
        ] {
            assert_eq!(retries(&scheme.retry), cell);
            assert_eq!(retries_said(cell), said);
            assert_eq!(known_span(&scheme.retry), seconds, "{cell}");
            assert!(in_lines(&[row(scheme)]).contains(said));
            assert!(
                in_full(scheme)
                    .unwrap()
                    .contains(&format!("\n# retries: {cell}\n"))
            );
        }
    }

    #[test]
    fn what_is_shown_in_full_is_the_scheme_itself() {
        for scheme in providers::ALL.iter() {
            let text = in_full(scheme).unwrap();
            let again: Scheme = toml::from_str(&text).unwrap();
            assert_eq!(&again, scheme);
        }
    }
}
