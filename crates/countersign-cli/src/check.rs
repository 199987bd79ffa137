//! `countersign check`: judges test cases and compares.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;

use crate::case::{Case, CaseVerdict, Expect};
use crate::{mistake, printable};

#[derive(Debug, Serialize)]
struct Line<'a> {
    id: &'a str,
    provider: &'a str,
    expect: Expect,
    verdict: &'static str,
    code: Option<&'a str>,
    matches: bool,
}

/// How many cases got which verdict, and how much could not be judged.
#[derive(Debug, Default)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
    troubles: usize,
}

/// What was named already.
#[derive(Debug, thiserror::Error)]
#[error("{} not be checked", said(*.0))]
struct Troubled(usize);

fn said(troubles: usize) -> String {
    match troubles {
        1 => "one line or file could".to_owned(),
        several => format!("{several} lines or files could"),
    }
}

/// Checks every case of every file. What cannot be judged is named on standard error, and does not end the run.
pub(crate) fn run(
    files: &[impl AsRef<Path>],
    json: bool,
) -> Result<bool, Box<dyn std::error::Error>> {
    let mut out = io::stdout().lock();
    let mut counts = Counts::default();
    for file in files {
        check(file.as_ref(), json, &mut out, &mut counts)?;
    }
    if !json {
        let Counts {
            passed,
            failed,
            skipped,
            ..
        } = counts;
        writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped")?;
    }
    match counts.troubles {
        0 => Ok(counts.failed == 0),
        troubles => Err(Troubled(troubles).into()),
    }
}

fn check(file: &Path, json: bool, out: &mut impl io::Write, counts: &mut Counts) -> io::Result<()> {
    let name = file.display();
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            let said = mistake::without_secrets(&format!("{name}: {error}"));
            eprintln!("countersign: {said}");
            add_one(&mut counts.troubles);
            return Ok(());
        }
    };
    let mut lines_of_ids: HashMap<String, usize> = HashMap::new();
    for (line, text) in (1..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let mut trouble = |what: &str| {
            let what = mistake::without_secrets(&printable::line(what.as_bytes()));
            eprintln!("countersign: {name}:{line}: {what}");
            add_one(&mut counts.troubles);
        };
        let case = match Case::read(text) {
            Ok(case) => case,
            Err(what) => {
                trouble(&what);
                continue;
            }
        };
        if let Some(first) = lines_of_ids.get(&case.id) {
            trouble(&format!("id: {:?} is on line {first}, too", case.id));
        } else {
            lines_of_ids.insert(case.id.clone(), line);
        }
        match case.judge() {
            Ok(verdict) => {
                counts.add(&verdict, case.expect);
                write(&case, &verdict, json, out)?;
            }
            Err(what) => trouble(&what),
        }
    }
    Ok(())
}

fn write(
    case: &Case,
    verdict: &CaseVerdict,
    json: bool,
    out: &mut impl io::Write,
) -> io::Result<()> {
    let matches = verdict.matches(case.expect);
    if json {
        let line = Line {
            id: &case.id,
            provider: &case.provider,
            expect: case.expect,
            verdict: verdict.word(),
            code: verdict.code(),
            matches,
        };
        serde_json::to_writer(&mut *out, &line)?;
        writeln!(out)
    } else if let CaseVerdict::Skip(what) = verdict {
        writeln!(out, "{}: skipped: {what}", case.id)
    } else if matches {
        Ok(())
    } else {
        writeln!(
            out,
            "{}: {}: expected {}, got {} ({})",
            case.id,
            case.provider,
            case.expect.word(),
            verdict.word(),
            verdict.code().unwrap_or("ok"),
        )
    }
}

impl Counts {
    fn add(&mut self, verdict: &CaseVerdict, expect: Expect) {
        add_one(match (verdict, verdict.matches(expect)) {
            (CaseVerdict::Skip(_), _) => &mut self.skipped,
            (_, true) => &mut self.passed,
            (_, false) => &mut self.failed,
        });
    }
}

fn add_one(count: &mut usize) {
    *count = count.saturating_add(1);
}
