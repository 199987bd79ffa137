//! The list of what must always hold, and the manual's page of past mistakes: does every line name a test, and is that test there?
//!
//! A test is named as `path::function`, from the repository's root. An example in the docs that must not compile is named as
//! `path::compile_fail`.

use std::collections::{BTreeMap, BTreeSet};

use crate::repository::File;
use crate::{modules, rust_text};

pub(crate) const LIST: &str = "tests/invariants.md";
pub(crate) const PAST_MISTAKES: &str = "crates/countersign/src/manual/past_mistakes.rs";

/// Numbers are kept when lines change; a new line gets the next one.
const LAST: usize = 35;
const NOT_BUILT: &str = "not built";

/// Every line of the list has its number once, says what holds, and names a test that is there.
pub(crate) fn every_invariant_is_held(list: &str, files: &[File]) -> Vec<String> {
    let compiled = modules::compiled(files);
    let mut found = Vec::new();
    let mut numbers = BTreeMap::new();
    for (line, text) in (1..).zip(list.lines()) {
        let Some(row) = text.strip_prefix("| I") else {
            continue;
        };
        let cells: Vec<_> = row.trim_end().split('|').map(str::trim).collect();
        let [number, holds, tests, ""] = cells[..] else {
            found.push(format!(
                "{LIST}:{line}: a row has a number, what holds and its tests"
            ));
            continue;
        };
        let parsed = number.parse::<usize>().ok();
        match parsed.filter(|number| (1..=LAST).contains(number)) {
            Some(number) => numbers.entry(number).or_insert_with(Vec::new).push(line),
            None => found.push(format!("{LIST}:{line}: there is no I{number}")),
        }
        if holds.is_empty() {
            found.push(format!("{LIST}:{line}: I{number} does not say what holds"));
        }
        if tests != NOT_BUILT && named_tests(tests).is_empty() {
            found.push(format!("{LIST}:{line}: I{number} names no test"));
        }
        found.extend(
            missing(tests, files, &compiled)
                .map(|what| format!("{LIST}:{line}: I{number}: {what}")),
        );
    }
    for number in 1..=LAST {
        match numbers.get(&number).map(Vec::len) {
            Some(1) => {}
            Some(_) => found.push(format!("{LIST}: I{number} is there more than once")),
            None => found.push(format!("{LIST}: I{number} is not there")),
        }
    }
    found
}

/// Every section of the page names a test that is there, or says that what it would test is not built.
pub(crate) fn every_mistake_has_its_test(page: &str, files: &[File]) -> Vec<String> {
    let text = page.lines().map(|line| {
        let line = line.strip_prefix("//!").unwrap_or(line);
        line.strip_prefix(' ').unwrap_or(line)
    });
    let mut sections: Vec<(usize, &str, String)> = Vec::new();
    let mut is_code = false;
    for (number, line) in (1..).zip(text) {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code {
            continue;
        } else if let Some(heading) = line.strip_prefix("# ") {
            sections.push((number, heading, String::new()));
        } else if let Some((_, _, section)) = sections.last_mut() {
            section.push_str(line);
            section.push('\n');
        }
    }
    let compiled = modules::compiled(files);
    let mut found = Vec::new();
    if sections.is_empty() {
        found.push(format!("{PAST_MISTAKES}: tells of no mistake"));
    }
    for (line, heading, section) in sections {
        if named_tests(&section).is_empty() && !section.contains(NOT_BUILT) {
            found.push(format!("{PAST_MISTAKES}:{line}: “{heading}” names no test"));
        }
        found.extend(
            missing(&section, files, &compiled)
                .map(|what| format!("{PAST_MISTAKES}:{line}: {what}")),
        );
    }
    found
}

/// Everything that stands in backticks and looks like `path::function`.
fn named_tests(text: &str) -> Vec<(&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .filter_map(|name| name.split_once("::"))
        .filter(|(path, _)| path.ends_with(".rs"))
        .collect()
}

fn missing<'a>(
    text: &'a str,
    files: &'a [File],
    compiled: &'a BTreeSet<String>,
) -> impl Iterator<Item = String> + 'a {
    named_tests(text)
        .into_iter()
        .filter_map(|(path, function)| {
            let Some(file) = files.iter().find(|file| file.name == path) else {
                return Some(format!("there is no file {path}"));
            };
            if !compiled.contains(path) {
                return Some(format!("{path} is no part of any library, program or test"));
            }
            let is_there = match function {
                "compile_fail" => file.text.contains("/// ```compile_fail"),
                _ => rust_text::test_functions(&file.text)
                    .iter()
                    .any(|name| name == function),
            };
            (!is_there).then(|| format!("{path} has no test {function} that runs"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<File> {
        let file = |name: &str, text: &str| File {
            name: name.to_owned(),
            text: text.to_owned(),
        };
        vec![
            file("tests/Cargo.toml", "path = \"a.rs\""),
            file("tests/lost.rs", "#[test]\nfn holds() {}"),
            file("x/src/lib.rs", "mod b;\nmod c;"),
            file(
                "tests/a.rs",
                "#[test]\nfn holds() {}\nfn helper() {}\n#[test]\n#[ignore]\nfn idle() {}\n// #[test] fn old() {}",
            ),
            file(
                "x/src/b.rs",
                "/// ```compile_fail,E0451\n/// ```\npub struct B;",
            ),
            file("x/src/c.rs", "pub struct C;"),
        ]
    }

    fn list(rows: &[&str]) -> String {
        let mut list = String::from("| no. | what holds | tests |\n|---|---|---|\n");
        for number in 1..=LAST {
            let rest = match rows.get(number.saturating_sub(1)) {
                Some(row) => (*row).to_owned(),
                None => "something holds | not built |".to_owned(),
            };
            list.push_str(&format!("| I{number} | {rest}\n"));
        }
        list
    }

    #[track_caller]
    fn caught(list: &str, what: &str) {
        let found = every_invariant_is_held(list, &files());
        assert!(found.len() == 1 && found[0].contains(what), "{found:?}");
    }

    #[test]
    fn a_list_that_names_its_tests_passes() {
        let rows = [
            "a | `tests/a.rs::holds`<br>`x/src/b.rs::compile_fail` |",
            "b | not built |",
        ];
        assert_eq!(
            every_invariant_is_held(&list(&rows), &files()),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_invariant_without_a_test_is_caught() {
        caught(&list(&["a | |"]), "I1 names no test");
        caught(&list(&["a | it is obvious |"]), "I1 names no test");
        caught(&list(&["a | see `tests/a.rs` |"]), "I1 names no test");
        caught(&list(&[" | not built |"]), "I1 does not say what holds");
        let found = every_invariant_is_held(&list(&["a |"]), &files());
        assert!(found[0].contains(":3: a row has"), "{found:?}");
    }

    #[test]
    fn a_test_that_is_not_there_is_caught() {
        for (name, what) in [
            ("tests/none.rs::holds", "no file tests/none.rs"),
            ("tests/lost.rs::holds", "tests/lost.rs is no part of"),
            ("tests/a.rs::hold", "no test hold "),
            ("tests/a.rs::helper", "no test helper "),
            ("tests/a.rs::idle", "no test idle "),
            ("tests/a.rs::old", "no test old "),
            ("x/src/c.rs::compile_fail", "no test compile_fail "),
        ] {
            caught(
                &list(&[&format!("a | `tests/a.rs::holds`<br>`{name}` |")]),
                what,
            );
        }
    }

    #[test]
    fn an_invariant_that_is_missing_or_there_twice_is_caught() {
        let all = list(&[]);
        let without = all.replace("| I7 | something holds | not built |\n", "");
        caught(&without, "I7 is not there");
        let twice = format!("{all}| I7 | something holds | not built |\n");
        caught(&twice, "I7 is there more than once");
        let unknown = format!("{all}| I36 | something holds | not built |\n");
        caught(&unknown, "there is no I36");
    }

    #[test]
    fn a_mistake_without_a_test_is_caught() {
        let found = |page: &str| every_mistake_has_its_test(page, &files());
        let page = "//! A page.\n//! ```\n//! # fn hidden() {}\n//! ```\n//! # One\n//! Test: `tests/a.rs::holds`\n//! # Two\n//! This is not built.\n";
        assert_eq!(found(page), Vec::<String>::new());
        let untested = format!("{page}//! # Three\n//! Somebody erred.\n");
        assert_eq!(found(&untested).len(), 1, "{:?}", found(&untested));
        let gone = page.replace("holds", "held");
        assert_eq!(
            found(&gone),
            [format!(
                "{PAST_MISTAKES}:5: tests/a.rs has no test held that runs"
            )]
        );
        assert_eq!(
            found("//! A page.\n"),
            [format!("{PAST_MISTAKES}: tells of no mistake")]
        );
    }
}
