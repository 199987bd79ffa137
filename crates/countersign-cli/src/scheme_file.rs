//! Schemes of one's own, from TOML or JSON: what is wrong with them is said with file, line and field.

use std::path::Path;

use countersign::Scheme;
use countersign::scheme::FileError;

use crate::input::{self, InputError};

/// 1 MiB: no scheme is longer.
const MAX_FILE: u64 = 1024 * 1024;

/// Why a file holds no scheme that makes sense.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SchemeFileError {
    #[error(transparent)]
    Unreadable(#[from] InputError),
    #[error("{0}: is not text in UTF-8")]
    NotText(String),
    #[error("{file}{at}: {reason}", at = at(*.line, .field))]
    Wrong {
        file: String,
        line: Option<usize>,
        field: String,
        reason: String,
    },
}

/// As compilers write it: `:LINE: FIELD`.
fn at(line: Option<usize>, field: &str) -> String {
    let line = line.map_or_else(String::new, |line| format!(":{line}"));
    if field.is_empty() {
        line
    } else {
        format!("{line}: {field}")
    }
}

/// Reads a scheme and checks that it makes sense. A file whose name ends in `.json` is JSON, any other TOML.
pub(crate) fn read(path: &Path) -> Result<Scheme, SchemeFileError> {
    let bytes = input::read_at_most(path, MAX_FILE)?;
    let file = path.display().to_string();
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(SchemeFileError::NotText(file));
    };
    let is_json = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("json"));
    let scheme = if is_json {
        Scheme::from_json(&text)
    } else {
        Scheme::from_toml(&text)
    };
    scheme.map_err(
        |FileError {
             line,
             field,
             reason,
             ..
         }| SchemeFileError::Wrong {
            file,
            line,
            field,
            reason,
        },
    )
}
