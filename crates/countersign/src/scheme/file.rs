//! A user's own scheme from a file: TOML or JSON, with errors that name the line and the field.

use std::fmt;

use serde_json::value::RawValue;

use super::{Scheme, SchemeError};

/// A scheme's file that cannot be used: where, which field, and why.
///
/// Its text is that of a compiler's message: `line 4: signature.encoding: …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct FileError {
    /// The line, counted from one; `None` for what is missing everywhere.
    pub line: Option<usize>,
    /// The field, as it is spelled in the file; empty when the file is no TOML or JSON.
    pub field: String,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(out, "line {line}: ")?;
        }
        if !self.field.is_empty() {
            write!(out, "{}: ", self.field)?;
        }
        out.write_str(&self.reason)
    }
}

impl Scheme {
    /// Reads a scheme from JSON and checks it.
    ///
    /// # Errors
    /// What is no JSON, an unknown or unsuitable field, and what [`check`](Self::check) says, each with its line.
    ///
    /// ```
    /// use countersign::Scheme;
    /// let error = Scheme::from_json("{\n  \"name\": \"acme\",\n  \"signature\": { \"header\": \"Acme-Signature\" }\n}").unwrap_err();
    /// assert_eq!(error.to_string(), "line 3: signature: a header name must be a valid one in lower case");
    /// ```
    pub fn from_json(text: &str) -> Result<Self, FileError> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let read: Result<Self, _> = serde_path_to_error::deserialize(&mut reader);
        let scheme = read.map_err(|error| {
            let (field, error) = (field_of(error.path()), error.into_inner());
            FileError {
                line: Some(error.line()),
                field,
                reason: without_position(&error.to_string()),
            }
        })?;
        reader.end().map_err(|error| FileError {
            line: Some(error.line()),
            field: String::new(),
            reason: without_position(&error.to_string()),
        })?;
        scheme.checked_in(|field| line_in_json(text, field))
    }

    /// Reads a scheme from TOML and checks it (feature `toml`).
    ///
    /// # Errors
    /// What is no TOML, an unknown or unsuitable field, and what [`check`](Self::check) says, each with its line.
    ///
    /// ```
    /// use countersign::Scheme;
    /// let scheme = Scheme::from_toml(r#"
    ///     name = "acme"
    ///     signature = { header = "acme-signature" }
    /// "#)?;
    /// assert_eq!(scheme.name, "acme");
    ///
    /// let error = Scheme::from_toml("name = 'acme'\nsignature = { header = 'acme-signature' }\nmax_bdy = 5").unwrap_err();
    /// assert!(error.to_string().starts_with("line 3: max_bdy: unknown field `max_bdy`"));
    /// # Ok::<(), countersign::scheme::FileError>(())
    /// ```
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self, FileError> {
        let in_toml = |error: &toml::de::Error, field| FileError {
            line: error.span().map(|span| line_of(text, span.start)),
            field,
            reason: error.message().replace('\n', ", "),
        };
        let reader =
            toml::Deserializer::parse(text).map_err(|error| in_toml(&error, String::new()))?;
        let read: Result<Self, _> = serde_path_to_error::deserialize(reader);
        let scheme = read.map_err(|error| {
            let field = field_of(error.path());
            in_toml(error.inner(), field)
        })?;
        scheme.checked_in(|field| line_in_toml(text, field))
    }

    fn checked_in(self, line: impl Fn(&str) -> Option<usize>) -> Result<Self, FileError> {
        self.check()
            .map_err(|SchemeError { field, reason, .. }| FileError {
                // Where it is missing, what asks for it says more than nothing.
                line: [field, "content", "algorithm", "signature"]
                    .into_iter()
                    .find_map(line),
                field: field.to_owned(),
                reason,
            })?;
        Ok(self)
    }
}

fn field_of(path: &serde_path_to_error::Path) -> String {
    let text = path.to_string();
    // What could not be named is spelled with a question mark.
    let text = text.strip_suffix('?').unwrap_or(&text);
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

/// The line is told apart from the reason.
fn without_position(message: &str) -> String {
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message.get(..end).unwrap_or(message).to_owned()
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    let ends = before.iter().filter(|byte| **byte == b'\n').count();
    ends.saturating_add(1)
}

/// Where a field such as `signature.layout` begins; of the innermost table that is there.
fn line_in_json(text: &str, field: &str) -> Option<usize> {
    let mut inside = text;
    let mut line = None;
    for step in field.split('.') {
        let members: std::collections::HashMap<&str, &RawValue> =
            serde_json::from_str(inside).ok()?;
        let Some(value) = members.get(step) else {
            break;
        };
        inside = value.get();
        // The value is a piece of the text.
        let at = inside.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
        line = Some(line_of(text, at));
    }
    line
}

/// The same for TOML.
#[cfg(feature = "toml")]
fn line_in_toml(text: &str, field: &str) -> Option<usize> {
    use toml::de::{DeTable, DeValue};

    let table = DeTable::parse(text).ok()?;
    let mut inside = table.get_ref();
    let mut line = None;
    for step in field.split('.') {
        let Some((key, value)) = inside.get_key_value(step) else {
            break;
        };
        line = Some(line_of(text, key.span().start));
        match value.get_ref() {
            DeValue::Table(table) => inside = table,
            _ => break,
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        Scheme::from_json(text).unwrap_err().to_string()
    }

    #[test]
    fn errors_in_json_name_line_and_field() {
        for (text, expected) in [
            ("{", "line 1: EOF while parsing an object"),
            (
                "{\n\"nam\": 1}",
                "line 2: nam: unknown field `nam`, expected one of `name`, `title`",
            ),
            (
                "{\n\"name\": \"a\",\n\"max_body\": \"x\"\n}",
                "line 3: max_body: invalid type: string \"x\", expected u64",
            ),
            (
                "{\"name\": \"a\",\n\"signature\": {\"header\": \"x\",\n\"encoding\": \"hx\"}}",
                "line 3: signature.encoding: unknown variant `hx`",
            ),
            ("{} {}", "line 1: trailing characters"),
            (
                "{}",
                "name: must be 1 to 64 lower-case letters, digits and hyphens",
            ),
            (
                "{\"name\": \"a\",\n \"signature\": {\n  \"header\": \"x\",\n  \"layout\": {\"prefix\": \"\"}}}",
                "line 4: signature.layout: the prefix is empty",
            ),
            (
                "{\"name\": \"a\", \"signature\": {\"header\": \"x\"},\n\"content\": [\"path\"]}",
                "line 2: grade: the other fields amount to \"signature-beside-body\", which must be said: grade = ",
            ),
        ] {
            let error = json(text);
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[cfg(feature = "toml")]
    #[test]
    fn errors_in_toml_name_line_and_field() {
        for (text, expected) in [
            ("name = ", "line 1: "),
            (
                "name = 'a'\nnam = 1",
                "line 2: nam: unknown field `nam`, expected one of `name`, `title`",
            ),
            (
                "name = 'a'\nmax_body = 'x'",
                "line 2: max_body: invalid type: string \"x\", expected u64",
            ),
            (
                "name = 'a'\n[signature]\nheader = 'x'\nencoding = 'hx'",
                "line 4: signature.encoding: unknown variant `hx`",
            ),
            (
                "name = 'a'\n[signature]\nheader = 'x'\n[signature.layout]\nprefix = ''",
                "line 4: signature.layout: the prefix is empty",
            ),
            (
                "name = 'a'\nsignature = { header = 'x' }\ntimestamp = { header = 't', unit = 's' }",
                "line 3: timestamp: the signature does not cover it",
            ),
            (
                "name = 'a'\nsignature = { header = 'x' }\ncontent = ['path']",
                "line 3: grade: the other fields amount to \"signature-beside-body\", which must be said: grade = ",
            ),
            (
                "name = 'a'\nalgorithm = 'sha256'\nsignature = { header = 'x' }",
                "line 2: content: a plain digest proves nothing unless the content holds the secret",
            ),
        ] {
            let error = Scheme::from_toml(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
