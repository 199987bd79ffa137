//! `countersign check`: judges test cases and compares.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;

use crate::case::{Case, CaseVerdict, Expect};

#[derive(Debug, Serialize)]
struct Line<'a> {
    id: &'a str,
    provider: &'a str,
    expect: Expect,
    verdict: &'static str,
    code: Option<&'a str>,
    matches: bool,
}

#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error("{file}: {source}")]
    File { file: String, source: io::Error },
    #[error("{file}:{line}: {source}")]
    Case {
        file: String,
        line: usize,
        source: serde_json::Error,
    },
    #[error("{file}:{line}: {what}")]
    Value {
        file: String,
        line: usize,
        what: String,
    },
}

/// Checks every case of every file.
pub(crate) fn run(
    files: &[impl AsRef<Path>],
    json: bool,
) -> Result<bool, Box<dyn std::error::Error>> {
    let mut out = io::stdout().lock();
    let (mut passed, mut failed, mut skipped) = (0_usize, 0_usize, 0_usize);
    for file in files {
        let name = file.as_ref().display().to_string();
        let text = fs::read_to_string(file).map_err(|source| CheckError::File {
            file: name.clone(),
            source,
        })?;
        for (line, text) in (1..).zip(text.lines()) {
            if text.trim().is_empty() {
                continue;
            }
            let case: Case = serde_json::from_str(text).map_err(|source| CheckError::Case {
                file: name.clone(),
                line,
                source,
            })?;
            let verdict = case.judge().map_err(|what| CheckError::Value {
                file: name.clone(),
                line,
                what,
            })?;
            let matches = verdict.matches(case.expect);
            let count = match (&verdict, matches) {
                (CaseVerdict::Skip(_), _) => &mut skipped,
                (_, true) => &mut passed,
                (_, false) => &mut failed,
            };
            *count = count.saturating_add(1);
            if json {
                let line = Line {
                    id: &case.id,
                    provider: &case.provider,
                    expect: case.expect,
                    verdict: verdict.word(),
                    code: verdict.code(),
                    matches,
                };
                serde_json::to_writer(&mut out, &line)?;
                writeln!(out)?;
            } else if let CaseVerdict::Skip(what) = &verdict {
                writeln!(out, "{}: skipped: {what}", case.id)?;
            } else if !matches {
                writeln!(
                    out,
                    "{}: {}: expected {}, got {} ({})",
                    case.id,
                    case.provider,
                    case.expect.word(),
                    verdict.word(),
                    verdict.code().unwrap_or("ok"),
                )?;
            }
        }
    }
    if !json {
        writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped")?;
    }
    Ok(failed == 0)
}
