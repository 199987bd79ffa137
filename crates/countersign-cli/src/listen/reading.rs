//! TOML to a receiver's [`File`], and everything that TOML and serde find wrong with it.

use serde_path_to_error::Segment;
use toml::de::{DeTable, DeValue};
use toml::{Deserializer, Spanned};

use super::file::File;
use super::mistakes::{At, Mistake, Step, line_of};

/// More are not told at once.
const MOST_MISTAKES: usize = 50;

/// Reads the text of a file.
pub(crate) fn read(text: &str) -> Result<File, Vec<Mistake>> {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    let mut mistakes: Vec<Mistake> = errors
        .iter()
        .take(MOST_MISTAKES)
        .map(|error| mistake(text, At::default(), error))
        .collect();
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    // What is wrong is told, taken out, and the rest is read again.
    while mistakes.len() < MOST_MISTAKES {
        let reader = Deserializer::from(table.clone());
        let error = match serde_path_to_error::deserialize(reader) {
            Ok(file) if mistakes.is_empty() => return Ok(file),
            Ok(_) => break,
            Err(error) => error,
        };
        let at = place(error.path());
        mistakes.push(mistake(text, at.clone(), error.inner()));
        if !take_out(table.get_mut(), at.steps()) {
            break;
        }
    }
    Err(mistakes)
}

fn mistake(text: &str, at: At, error: &toml::de::Error) -> Mistake {
    Mistake {
        at,
        line: error.span().map(|span| line_of(text, span.start)),
        reason: without_text(&error.message().replace('\n', ", ")),
    }
}

fn place(path: &serde_path_to_error::Path) -> At {
    path.iter()
        .fold(At::default(), |at, segment| match segment {
            Segment::Seq { index } => at.item(*index),
            Segment::Map { key } | Segment::Enum { variant: key } => at.then(key),
            Segment::Unknown => at,
        })
}

/// The message of an unsuitable value without its text, which may be a secret in the wrong place.
fn without_text(message: &str) -> String {
    for kind in ["invalid type: ", "invalid value: "] {
        if let Some(found) = message.strip_prefix(kind)
            && found.starts_with("string ")
            && let Some((_, expected)) = found.rsplit_once(", expected ")
        {
            return format!("{kind}a string, expected {expected}");
        }
    }
    message.to_owned()
}

/// Takes the key out of its table. An item of a list that is wrong as a whole goes with the list.
fn take_out(table: &mut DeTable<'_>, steps: &[Step]) -> bool {
    let [Step::Key(key), inside @ ..] = steps else {
        return false;
    };
    let value = table.get_mut(key.as_str()).map(Spanned::get_mut);
    let is_out = match (value, inside) {
        (Some(DeValue::Table(table)), [_, ..]) => take_out(table, inside),
        (Some(DeValue::Array(items)), [Step::Index(index), inside @ ..]) => {
            match items.get_mut(*index).map(Spanned::get_mut) {
                Some(DeValue::Table(table)) => take_out(table, inside),
                _ => false,
            }
        }
        _ => false,
    };
    is_out || table.remove(key.as_str()).is_some()
}
