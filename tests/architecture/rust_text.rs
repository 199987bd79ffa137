//! Reads Rust text just well enough for the rules: which paths does the code name, and on which line? Comments, literals
//! and code under `#[cfg(test)]` name nothing. It is no parser; what it cannot read it takes as it stands.

use std::collections::BTreeMap;
use std::iter::Peekable;

/// A path as the code names it, such as `std::fs::read`, with what `use` says about its first word filled in.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mention {
    pub(crate) line: usize,
    pub(crate) path: String,
}

impl Mention {
    /// Do these words stand in the path one after the other, as in `Instant::now` of `std::time::Instant::now`?
    pub(crate) fn contains(&self, words: &str) -> bool {
        format!("::{}::", self.path).contains(&format!("::{words}::"))
    }

    /// The words after the given one, if the path names it.
    pub(crate) fn after<'a>(&'a self, word: &str) -> Option<&'a str> {
        let (before, after) = self.path.split_once(&format!("{word}::"))?;
        (before.is_empty() || before.ends_with("::")).then_some(after)
    }
}

/// All paths that the code of a file names, in the order of their lines, each once a line.
pub(crate) fn mentions(text: &str) -> Vec<Mention> {
    let code = without_tests(&code_only(text));
    let tokens = tokens(&code);
    let mut found = Vec::new();
    let mut imports = BTreeMap::new();
    let mut rest = tokens.iter().peekable();
    while let Some((line, token)) = rest.next() {
        match token {
            // `use<..>` in a type captures lifetimes and imports nothing
            Token::Word("use") if !matches!(rest.peek(), Some((_, Token::Other('<')))) => {
                use_tree(&mut rest, "", &mut found, &mut imports);
            }
            Token::Word(word) => {
                let path = path_from(word, &mut rest);
                found.push(Mention { line: *line, path });
            }
            _ => {}
        }
    }
    for mention in &mut found {
        let (first, tail) = match mention.path.split_once("::") {
            Some((first, tail)) => (first, Some(tail)),
            None => (mention.path.as_str(), None),
        };
        if let Some(full) = imports.get(first) {
            mention.path = tail.map_or(full.clone(), |tail| format!("{full}::{tail}"));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The files of the modules that a file declares for tests only, beside it or where `#[path]` says. A path is relative to the file's own
/// folder, a name without one to the folder that is named like the file.
pub(crate) fn test_modules(text: &str) -> Vec<TestModule<'_>> {
    let mut found = Vec::new();
    for part in text.split("\n#[cfg(test)]\n").skip(1) {
        let (path, item) = match part.strip_prefix("#[path = \"") {
            Some(part) => match part.split_once("\"]\n") {
                Some((path, item)) => (Some(path), item),
                None => continue,
            },
            None => (None, part),
        };
        let declared = item
            .strip_prefix("mod ")
            .and_then(|item| item.split_once(';'));
        if let Some((name, _)) = declared
            && name.chars().all(is_word)
        {
            found.push(path.map_or(TestModule::Named(name), TestModule::At));
        }
    }
    found
}

/// Where the module of a file's tests lies.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TestModule<'a> {
    Named(&'a str),
    At(&'a str),
}

/// Names of the functions that the test runner runs: they are tests, and not ignored.
pub(crate) fn test_functions(text: &str) -> Vec<String> {
    let code = code_only(text);
    let mut names = Vec::new();
    let (mut is_test, mut is_ignored) = (false, false);
    for part in code.split("#[").skip(1) {
        let Some((attribute, item)) = part.split_once(']') else {
            continue;
        };
        let name = attribute.split(['(', '=']).next().unwrap_or_default();
        is_test |= name.trim() == "test" || name.trim().ends_with("::test");
        is_ignored |= name.trim() == "ignore";
        // Else the next attribute belongs to the same item.
        if !item.trim().is_empty() {
            let mut words = tokens(item).into_iter().map(|(_, token)| token);
            let is_fn = words.any(|token| token == Token::Word("fn"));
            if let (true, true, false, Some(Token::Word(name))) =
                (is_fn, is_test, is_ignored, words.next())
            {
                names.push(name.to_owned());
            }
            (is_test, is_ignored) = (false, false);
        }
    }
    names
}

// ---- words and paths

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    PathSeparator,
    Other(char),
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn tokens(code: &str) -> Vec<(usize, Token<'_>)> {
    let mut tokens = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let number = index.saturating_add(1);
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let length = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            let (token, tail) = rest.split_at(length);
            rest = tail;
            if is_word(first) {
                tokens.push((number, Token::Word(token)));
            } else if token == "::" {
                tokens.push((number, Token::PathSeparator));
            } else if !first.is_whitespace() {
                tokens.push((number, Token::Other(first)));
            }
        }
    }
    tokens
}

type Rest<'t, 'a> = Peekable<std::slice::Iter<'t, (usize, Token<'a>)>>;

fn path_from(first: &str, rest: &mut Rest<'_, '_>) -> String {
    let mut path = first.to_owned();
    while let Some((_, Token::PathSeparator)) = rest.peek() {
        rest.next();
        if let Some((_, Token::Word(word))) = rest.peek() {
            path = format!("{path}::{word}");
            rest.next();
        }
    }
    path
}

/// One branch of a `use` up to its comma, brace or semicolon, which it gives back.
fn use_tree(
    rest: &mut Rest<'_, '_>,
    prefix: &str,
    found: &mut Vec<Mention>,
    imports: &mut BTreeMap<String, String>,
) -> Option<char> {
    let mut path = prefix.to_owned();
    let mut alias = None;
    let mut last_line = 0;
    let mut is_leaf = false;
    while let Some((line, token)) = rest.next() {
        if matches!(token, Token::Word(_)) {
            last_line = *line;
        }
        match token {
            Token::Word("as") => {
                if let Some((_, Token::Word(name))) = rest.next() {
                    alias = Some((*name).to_owned());
                }
            }
            Token::Word("self") if !path.is_empty() => is_leaf = true,
            Token::Word(word) if path.is_empty() => (path, is_leaf) = ((*word).to_owned(), true),
            Token::Word(word) => (path, is_leaf) = (format!("{path}::{word}"), true),
            Token::Other('{') => {
                while use_tree(rest, &path, found, imports) == Some(',') {}
                is_leaf = false;
            }
            Token::Other(end @ (',' | '}' | ';')) => {
                leaf(last_line, path, alias, is_leaf, found, imports);
                return Some(*end);
            }
            _ => {}
        }
    }
    leaf(last_line, path, alias, is_leaf, found, imports);
    None
}

fn leaf(
    line: usize,
    path: String,
    alias: Option<String>,
    is_leaf: bool,
    found: &mut Vec<Mention>,
    imports: &mut BTreeMap<String, String>,
) {
    if !is_leaf {
        return;
    }
    let name = alias.unwrap_or_else(|| path.rsplit("::").next().unwrap_or_default().to_owned());
    // a name that only stands for itself needs no filling in, and must not be filled in twice
    if name != path {
        imports.insert(name, path.clone());
    }
    found.push(Mention { line, path });
}

// ---- comments, literals, tests

/// The text with comments and the insides of literals blanked; every line keeps its number.
pub(crate) fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let skipped = match comment(rest) {
            0 if !is_word(before) => literal(rest),
            length => length,
        };
        let (taken, tail) = rest.split_at(skipped.max(first.len_utf8()));
        if skipped == 0 {
            code.push_str(taken);
        } else {
            code.extend(taken.chars().map(|c| if c == '\n' { c } else { ' ' }));
        }
        // the prefix of a literal was judged at its first letter, the quote itself always opens one
        before = if taken.ends_with(is_word) && !rest_is_quote(tail) {
            'a'
        } else {
            ' '
        };
        rest = tail;
    }
    code
}

fn rest_is_quote(rest: &str) -> bool {
    rest.starts_with('"')
}

/// Length of the comment that the text begins with, or 0.
fn comment(text: &str) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if !text.starts_with("/*") {
        return 0;
    }
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let step = if rest.starts_with("/*") {
            depth = depth.saturating_add(1);
            2
        } else if rest.starts_with("*/") {
            depth = depth.saturating_sub(1);
            2
        } else {
            first.len_utf8()
        };
        rest = rest.split_at(step).1;
        if depth == 0 {
            break;
        }
    }
    text.len().saturating_sub(rest.len())
}

/// Length of the string or character literal that the text begins with, or 0.
fn literal(text: &str) -> usize {
    let body = text.trim_start_matches(['b', 'c', 'r']);
    let prefix = text.len().saturating_sub(body.len());
    let raw = text.split_at(prefix).0.contains('r');
    let hashes = body
        .len()
        .saturating_sub(body.trim_start_matches('#').len());
    let inside = body.split_at(hashes).1;
    if prefix > 2 || (hashes > 0 && !raw) {
        return 0;
    }
    if raw && inside.starts_with('"') {
        let close = format!("\"{}", "#".repeat(hashes));
        let content = inside.split_at(1).1;
        let length = content
            .find(&close)
            .map_or(content.len(), |at| at.saturating_add(close.len()));
        return text
            .len()
            .saturating_sub(content.len())
            .saturating_add(length);
    }
    if !raw && body.starts_with('"') {
        return prefix.saturating_add(quoted(body, '"'));
    }
    let mut ahead = body.chars().skip(1);
    if body.starts_with('\'') && (ahead.next() == Some('\\') || ahead.next() == Some('\'')) {
        return prefix.saturating_add(quoted(body, '\''));
    }
    0
}

/// Length up to and with the closing quote; a backslash takes the next character with it.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = true; // the opening quote does not close
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at.saturating_add(c.len_utf8());
        }
    }
    text.len()
}

/// Code with every item under `#[cfg(test)]` blanked. Expects text that went through [`code_only`].
fn without_tests(code: &str) -> String {
    if code.contains("#![cfg(test)]") {
        return String::new();
    }
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = ["#[cfg(test)]", "#[cfg(all(test,"]
        .iter()
        .filter_map(|gate| rest.find(gate))
        .min()
    {
        let (before, from) = rest.split_at(at);
        let (item, after) = from.split_at(item_length(from));
        kept.push_str(before);
        kept.extend(item.chars().filter(|c| *c == '\n'));
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// Length of the item that the text begins with, attributes included: to its closing brace or its semicolon.
fn item_length(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth = depth.saturating_add(1),
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && (c == '}' || c == ';') {
            return at.saturating_add(1);
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        mentions(text)
            .into_iter()
            .map(|mention| mention.path)
            .collect()
    }

    #[test]
    fn comments_and_literals_name_nothing() {
        let text = r####"a /* std::fs /* nested */ std::net */ b // std::fs
            "std::fs \" std::fs" c r#"std::fs " std::fs"# 'd' '\'' b'"' e: &'f str br"\" g"####;
        let code = code_only(text);
        assert_eq!(code.len(), text.len());
        assert_eq!(
            code.split_whitespace().collect::<Vec<_>>(),
            ["a", "b", "c", "e:", "&'f", "str", "g"]
        );
    }

    #[test]
    fn a_word_that_ends_like_a_literal_prefix_is_not_one() {
        assert_eq!(paths("for r in std::fs"), ["for", "in", "r", "std::fs"]);
        assert_eq!(paths("r#type"), ["r", "type"]);
        assert_eq!(paths("attr(\"std::fs\")"), ["attr"]);
        assert_eq!(paths("m!(expr\"std::fs\" x)"), ["expr", "m", "x"]);
    }

    #[test]
    fn a_use_tree_is_read_to_its_leaves() {
        let found = paths("use std::{fs::{self, File}, net as n, time::*};");
        assert_eq!(found, ["std::fs", "std::fs::File", "std::net", "std::time"]);
    }

    #[test]
    fn an_imported_name_is_filled_in() {
        let found = paths("use std::{fs, time::Instant as I};\nfn f() { I::now(); fs::read(x); }");
        assert!(
            found.contains(&"std::time::Instant::now".to_owned()),
            "{found:?}"
        );
        assert!(found.contains(&"std::fs::read".to_owned()), "{found:?}");
    }

    #[test]
    fn test_code_names_nothing_and_lines_keep_their_numbers() {
        let text = "a\n#[cfg(test)]\n#[path = \"x\"]\nmod tests {\n  fn b() {}\n}\nc\n#[cfg(test)] use d::e;\nf";
        let found: Vec<_> = mentions(text)
            .into_iter()
            .map(|m| (m.line, m.path))
            .collect();
        assert_eq!(
            found,
            [
                (1, "a".to_owned()),
                (7, "c".to_owned()),
                (9, "f".to_owned())
            ]
        );
        assert!(paths("#[cfg(not(test))] mod a {}").contains(&"a".to_owned()));
        assert!(paths("#[cfg(any(test, x))] mod a {}").contains(&"a".to_owned()));
    }

    #[test]
    fn words_must_follow_each_other_whole() {
        let mention = Mention {
            line: 1,
            path: "std::time::Instant::now".to_owned(),
        };
        assert!(mention.contains("Instant::now"));
        assert!(!mention.contains("stant::now"));
        assert!(!mention.contains("std::Instant"));
        assert_eq!(mention.after("Instant"), Some("now"));
        assert_eq!(mention.after("stant"), None);
    }

    #[test]
    fn tests_are_known_by_their_attribute() {
        let text = r##"
            #[test]
            fn plain() { let x = "#[test] fn quoted() {}"; }
            #[tokio::test(flavor = "multi_thread")]
            #[allow(dead_code, reason = "é")]
            pub async fn on_a_runtime() {}
            proptest! { #[test] fn property(x in 0..9_u8) {} }
            #[test] #[ignore = "slow"] fn idle() {}
            #[ignore] #[test] fn idle_too() {}
            #[inline] fn helper() {}
            #[cfg(test)] mod tests { fn helper_too() {} }
            #[test_log] fn no_test() {}
            // #[test] fn old() {}
        "##;
        assert_eq!(test_functions(text), ["plain", "on_a_runtime", "property"]);
    }

    #[test]
    fn captured_lifetimes_are_no_import() {
        assert!(
            paths("fn f() -> impl A + use<'a> { std::fs::read() }")
                .contains(&"std::fs::read".to_owned())
        );
    }
}
