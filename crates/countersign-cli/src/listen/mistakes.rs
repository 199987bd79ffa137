//! What is wrong with a receiver's file, or with the flags in its place: all of it at once, each with its line and its key.

use std::error::Error;
use std::fmt;

use toml::de::{DeTable, DeValue};

use crate::printable;

/// Where something stands in the file: `route.stripe.secrets[0]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct At(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

impl At {
    /// A section, or a key outside of all.
    pub(crate) fn key(name: &str) -> Self {
        Self::default().then(name)
    }

    /// `[route.NAME]`
    pub(crate) fn route(name: &str) -> Self {
        Self::key("route").then(name)
    }

    /// A key in it.
    pub(crate) fn then(mut self, name: &str) -> Self {
        self.0.push(Step::Key(name.to_owned()));
        self
    }

    /// An item of it, counted from zero.
    pub(crate) fn item(mut self, index: usize) -> Self {
        self.0.push(Step::Index(index));
        self
    }

    /// Is it this place, or one inside of it?
    pub(crate) fn is_within(&self, outer: &Self) -> bool {
        self.0.starts_with(&outer.0)
    }

    /// The steps from the outside.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl fmt::Display for At {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_bare = |key: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            !key.is_empty() && key.bytes().all(plain)
        };
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(out, "[{index}]")?,
                Step::Key(key) => {
                    let dot = if position == 0 { "" } else { "." };
                    if is_bare(key) {
                        write!(out, "{dot}{key}")?;
                    } else {
                        write!(out, "{dot}{key:?}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) at: At,
    /// Where it is known better than by `at`, counted from one.
    pub(crate) line: Option<usize>,
    pub(crate) reason: String,
}

impl Mistake {
    pub(crate) fn new(at: At, reason: impl Into<String>) -> Self {
        Self {
            at,
            line: None,
            reason: reason.into(),
        }
    }
}

/// Where the settings come from, for the words of a mistake.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Written<'a> {
    File { name: &'a str, text: &'a str },
    Flags,
}

/// All that is wrong, as it is told: a line each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistakes(Vec<String>);

impl Mistakes {
    /// In the order of the file.
    pub(crate) fn new(mut mistakes: Vec<Mistake>, written: Written<'_>) -> Self {
        if let Written::File { text, .. } = written {
            for mistake in &mut mistakes {
                mistake.line = mistake.line.or_else(|| line(text, &mistake.at));
            }
            mistakes.sort_by_key(|mistake| mistake.line);
        }
        let mut told: Vec<String> = mistakes.iter().map(|one| written.tell(one)).collect();
        told.dedup();
        Self(told)
    }
}

impl Mistakes {
    /// One that needs no place.
    pub(crate) fn one(told: &impl fmt::Display) -> Self {
        Self(vec![told.to_string()])
    }
}

impl Error for Mistakes {}

impl fmt::Display for Mistakes {
    /// Every line begins as the program's first one does.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("\ncountersign: "))
    }
}

impl Written<'_> {
    fn tell(self, mistake: &Mistake) -> String {
        let Mistake { at, line, reason } = mistake;
        let place = match self {
            Self::Flags => flag(at),
            Self::File { name, .. } => {
                // As compilers write it: `FILE:LINE: KEY`.
                let line = line.map_or_else(String::new, |line| format!(":{line}"));
                let key = at.to_string();
                match key.is_empty() {
                    true => format!("{name}{line}"),
                    false => format!("{name}{line}: {key}"),
                }
            }
        };
        // A name in the file may hold anything.
        printable::line(format!("{place}: {reason}").as_bytes())
    }
}

/// The flag that says what the key would.
fn flag(at: &At) -> String {
    let keys: Vec<&str> = at
        .steps()
        .iter()
        .filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
        .collect();
    match keys.as_slice() {
        ["forward", "remote"] => "--forward-remote".to_owned(),
        ["forward", ..] | ["route", _, "forward"] => "--forward".to_owned(),
        ["schemes", ..] => "--scheme-file".to_owned(),
        ["route"] => "--secret".to_owned(),
        ["route", name] | ["route", name, "scheme" | "secrets" | "path", ..] => {
            format!("--secret {name}")
        }
        ["route", name, key, rest @ ..] => {
            let value = rest.join(".");
            let dot = if value.is_empty() { "" } else { "." };
            format!("--{} {name}{dot}{value}", key.replace('_', "-"))
        }
        _ => at.to_string(),
    }
}

/// Where it stands, or the innermost table of it that is there.
fn line(text: &str, at: &At) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let mut table = Some(table.get_ref());
    let mut array = None;
    let mut found = None;
    for step in at.steps() {
        let value = match (step, table, array) {
            (Step::Key(key), Some(inside), _) => {
                let Some((key, value)) = inside.get_key_value(key.as_str()) else {
                    break;
                };
                found = Some(key.span().start);
                value
            }
            (Step::Index(index), _, Some(inside)) => {
                let inside: &toml::de::DeArray<'_> = inside;
                let Some(value) = inside.get(*index) else {
                    break;
                };
                found = Some(value.span().start);
                value
            }
            _ => break,
        };
        (table, array) = match value.get_ref() {
            DeValue::Table(inside) => (Some(inside), None),
            DeValue::Array(inside) => (None, Some(inside)),
            _ => break,
        };
    }
    found.map(|at| line_of(text, at))
}

/// The line of a byte, counted from one.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    let ends = before.iter().filter(|byte| **byte == b'\n').count();
    ends.saturating_add(1)
}
