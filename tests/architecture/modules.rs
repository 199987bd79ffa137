//! Which files are compiled: from the roots of libraries, programs and tests, along `mod` and `#[path]`.

use std::collections::BTreeSet;

use crate::repository::File;
use crate::rust_text;

/// The names of all files that belong to some library, program or test.
pub(crate) fn compiled(files: &[File]) -> BTreeSet<String> {
    let listed = files.iter().find(|file| file.name == "tests/Cargo.toml");
    let listed = listed.map_or("", |file| file.text.as_str());
    let roots = files.iter().filter(|file| is_root(&file.name, listed));
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut next: Vec<String> = roots.map(|file| file.name.clone()).collect();
    while let Some(name) = next.pop() {
        if let Some(file) = files.iter().find(|file| file.name == name)
            && known.insert(name)
        {
            next.extend(modules(file));
        }
    }
    known
}

/// The folder `tests` names its tests in its manifest; elsewhere cargo finds them.
fn is_root(name: &str, listed: &str) -> bool {
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    match folder {
        "tests" => listed
            .lines()
            .any(|line| line == format!("path = \"{file}\"")),
        _ if folder.ends_with("/tests") => file.ends_with(".rs"),
        _ => folder.ends_with("/src") && ["lib.rs", "main.rs"].contains(&file),
    }
}

/// The files that a file declares as modules, wherever they may lie.
fn modules(file: &File) -> Vec<String> {
    let (folder, own) = file.name.rsplit_once('/').unwrap_or(("", &file.name));
    let stem = own.strip_suffix(".rs").unwrap_or(own);
    let below = match stem {
        "lib" | "main" | "mod" => folder.to_owned(),
        // A root of tests, too, looks beside itself.
        _ if folder.ends_with("/tests") || folder == "tests" => folder.to_owned(),
        _ => format!("{folder}/{stem}"),
    };
    let code = rust_text::code_only(&file.text);
    let lines = file.text.lines().zip(code.lines());
    let mut path = None;
    let mut found = Vec::new();
    for (text, code) in lines {
        if let Some(named) = code
            .trim()
            .strip_prefix("#[path = ")
            .and(text.split('"').nth(1))
        {
            path = Some(named);
        } else if let Some(name) = declared(code) {
            match path.take() {
                Some(path) => found.push(format!("{folder}/{path}")),
                None => {
                    found.push(format!("{below}/{name}.rs"));
                    found.push(format!("{below}/{name}/mod.rs"));
                }
            }
        }
    }
    found
}

/// `mod name;`, whoever may see it.
fn declared(line: &str) -> Option<&str> {
    let (visible, name) = line.trim().strip_suffix(';')?.rsplit_once("mod ")?;
    let is_visibility = visible.is_empty() || visible.starts_with("pub");
    is_visibility.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_along_their_declarations() {
        let texts = [
            (
                "tests/Cargo.toml",
                "[[test]]\nname = \"a\"\npath = \"a.rs\"\n",
            ),
            (
                "tests/a.rs",
                "#[path = \"a/one.rs\"]\nmod one;\n// mod two;",
            ),
            ("tests/a/one.rs", ""),
            ("tests/a/two.rs", ""),
            ("tests/b.rs", "#[path = \"a/two.rs\"]\nmod two;"),
            (
                "crates/c/src/lib.rs",
                "mod d;\npub(crate) mod e;\n/// mod lost;",
            ),
            (
                "crates/c/src/d.rs",
                "#[cfg(test)]\n#[path = \"d_tests.rs\"]\nmod tests;",
            ),
            ("crates/c/src/d_tests.rs", ""),
            ("crates/c/src/e/mod.rs", "mod f;"),
            ("crates/c/src/e/f.rs", "mod g;\nmod h { }"),
            ("crates/c/src/e/f/g.rs", ""),
            ("crates/c/src/lost.rs", "mod d;"),
            ("crates/c/tests/h.rs", "#[path = \"h/i.rs\"]\nmod i;"),
            ("crates/c/tests/h/i.rs", ""),
            ("crates/c/tests/h/j.rs", ""),
        ];
        let files = texts.map(|(name, text)| File {
            name: name.to_owned(),
            text: text.to_owned(),
        });
        let found = compiled(&files);
        let all = texts.iter().map(|(name, _)| *name);
        let lost: Vec<_> = all.filter(|name| !found.contains(*name)).collect();
        assert_eq!(
            lost,
            [
                "tests/Cargo.toml",
                "tests/a/two.rs",
                "tests/b.rs",
                "crates/c/src/lost.rs",
                "crates/c/tests/h/j.rs",
            ]
        );
    }
}
