//! Reads a few values out of a JSON body without building the document.
//!
//! One pass for all pointers. What no pointer names is skipped; a key on the way to a named value that occurs twice is an error,
//! because two readers could take different ones.

use std::borrow::Cow;

use serde::de::{
    DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

/// The pointers of one scheme, as a tree of steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pointers {
    root: Node,
    texts: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    /// The values wanted here, by their position in `texts`.
    wanted: Vec<usize>,
    children: Vec<(String, Node)>,
}

/// What was found, by the pointers' positions.
#[derive(Debug)]
pub(crate) struct Found<'a>(Vec<Option<&'a RawValue>>);

/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// It is no JSON document (RFC 8259), or is nested too deep on the way to a value.
    Malformed,
    /// A key on the way to this pointer's value occurs twice.
    Repeated(String),
}

impl Pointers {
    /// Adds a pointer once and gives its position. The pointer is valid (checked when a receiver is built).
    pub(crate) fn add(&mut self, pointer: &str) -> usize {
        if let Some(known) = self.position(pointer) {
            return known;
        }
        let position = self.texts.len();
        self.texts.push(pointer.to_owned());
        let steps: Vec<String> = pointer
            .split('/')
            .skip(1)
            .map(|step| step.replace("~1", "/").replace("~0", "~"))
            .collect();
        self.root.want(&steps, position);
        position
    }

    pub(crate) fn position(&self, pointer: &str) -> Option<usize> {
        self.texts.iter().position(|known| known == pointer)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Reads all pointers in one pass over the whole body.
    pub(crate) fn read<'a>(&self, body: &'a [u8]) -> Result<Found<'a>, JsonError> {
        let mut found = vec![None; self.texts.len()];
        let mut repeated = None;
        let mut reader = serde_json::Deserializer::from_slice(body);
        let seed = Step {
            node: &self.root,
            texts: &self.texts,
            found: &mut found,
            repeated: &mut repeated,
        };
        let read = seed.deserialize(&mut reader).and_then(|()| reader.end());
        match (read, repeated) {
            (_, Some(pointer)) => Err(JsonError::Repeated(pointer)),
            (Err(_), None) => Err(JsonError::Malformed),
            (Ok(()), None) => Ok(Found(found)),
        }
    }
}

impl Node {
    fn want(&mut self, steps: &[String], position: usize) {
        let Some((step, rest)) = steps.split_first() else {
            self.wanted.push(position);
            return;
        };
        match self.children.iter_mut().find(|(known, _)| known == step) {
            Some((_, child)) => child.want(rest, position),
            None => {
                let mut child = Self::default();
                child.want(rest, position);
                self.children.push((step.clone(), child));
            }
        }
    }

    fn first_wanted(&self) -> Option<usize> {
        self.wanted.first().copied().or_else(|| {
            self.children
                .iter()
                .find_map(|(_, child)| child.first_wanted())
        })
    }
}

impl<'a> Found<'a> {
    pub(crate) fn get(&self, position: usize) -> Option<&'a RawValue> {
        self.0.get(position).copied().flatten()
    }
}

/// The text of a scalar: a string decoded, a whole number digit by digit, never through a float. `Ok(None)` for null.
/// `Err` for other numbers, booleans, arrays and objects.
pub(crate) fn field_text(value: &RawValue) -> Result<Option<Cow<'_, str>>, ()> {
    let raw = value.get();
    match raw.as_bytes() {
        b"null" => Ok(None),
        [b'"', ..] => string(raw).map(Some),
        [b'0'..=b'9' | b'-', ..] if is_whole_number(raw) => Ok(Some(Cow::Borrowed(raw))),
        _ => Err(()),
    }
}

/// Has a body the shape of a JSON object or array? An encoded form cannot begin with a brace or a bracket: urlencoding escapes them.
pub(crate) fn is_document(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// The text of a scalar as it stands in signed content: a string decoded, other scalars as they are spelled.
pub(crate) fn content_text(value: &RawValue) -> Result<Option<Cow<'_, str>>, ()> {
    let raw = value.get();
    match raw.as_bytes() {
        b"null" => Ok(None),
        [b'"', ..] => string(raw).map(Some),
        [b'[' | b'{', ..] => Err(()),
        _ => Ok(Some(Cow::Borrowed(raw))),
    }
}

fn string(raw: &str) -> Result<Cow<'_, str>, ()> {
    let inner = raw
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or(())?;
    if inner.contains('\\') {
        serde_json::from_str(raw).map(Cow::Owned).map_err(|_| ())
    } else {
        Ok(Cow::Borrowed(inner))
    }
}

fn is_whole_number(raw: &str) -> bool {
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// One step down the document.
struct Step<'n, 'f, 'a> {
    node: &'n Node,
    texts: &'n [String],
    found: &'f mut Vec<Option<&'a RawValue>>,
    repeated: &'f mut Option<String>,
}

impl<'a> Step<'_, '_, 'a> {
    fn store(&mut self, raw: &'a RawValue) {
        for position in &self.node.wanted {
            if let Some(slot) = self.found.get_mut(*position) {
                *slot = Some(raw);
            }
        }
    }
}

impl<'a> DeserializeSeed<'a> for Step<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'a>>(mut self, from: D) -> Result<(), D::Error> {
        if self.node.wanted.is_empty() {
            return from.deserialize_any(self);
        }
        // A wanted value is kept as it is spelled; pointers below it read that text again.
        let raw: &'a RawValue = serde::Deserialize::deserialize(from)?;
        self.store(raw);
        if self.node.children.is_empty() {
            return Ok(());
        }
        serde_json::Deserializer::from_str(raw.get())
            .deserialize_any(self)
            .map_err(D::Error::custom)
    }
}

impl<'a> Visitor<'a> for Step<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = vec![false; self.node.children.len()];
        while let Some(Key(at)) = map.next_key_seed(KeySeed(self.node))? {
            let child = at.and_then(|at| Some((self.node.children.get(at)?, seen.get_mut(at)?)));
            let Some(((_, child), seen)) = child else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if std::mem::replace(seen, true) {
                let pointer = child.first_wanted().and_then(|at| self.texts.get(at));
                *self.repeated = pointer.cloned();
                return Err(A::Error::custom("a deciding key occurs twice"));
            }
            map.next_value_seed(Step {
                node: child,
                texts: self.texts,
                found: &mut *self.found,
                repeated: &mut *self.repeated,
            })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        loop {
            let child = self
                .node
                .children
                .iter()
                .find(|(key, _)| is_index(key, index));
            let more = match child {
                Some((_, child)) => seq.next_element_seed(Step {
                    node: child,
                    texts: self.texts,
                    found: &mut *self.found,
                    repeated: &mut *self.repeated,
                })?,
                None => seq.next_element::<IgnoredAny>()?.map(|_| ()),
            };
            if more.is_none() {
                return Ok(());
            }
            index = index.saturating_add(1);
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// RFC 6901: an index has no leading zero. Compared as text, so that nothing is parsed per element.
fn is_index(key: &str, index: usize) -> bool {
    match key.bytes().next() {
        Some(b'0'..=b'9') => {}
        _ => return false,
    }
    key.parse() == Ok(index) && (key.len() == 1 || !key.starts_with('0'))
}

/// A key, as the position of the child it names.
struct Key(Option<usize>);

struct KeySeed<'n>(&'n Node);

impl<'a> DeserializeSeed<'a> for KeySeed<'_> {
    type Value = Key;

    fn deserialize<D: serde::Deserializer<'a>>(self, from: D) -> Result<Key, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(Key(self
            .0
            .children
            .iter()
            .position(|(known, _)| known == key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pointers: &[&str], body: &str) -> Result<Vec<Option<String>>, JsonError> {
        let mut wanted = Pointers::default();
        for pointer in pointers {
            wanted.add(pointer);
        }
        let found = wanted.read(body.as_bytes())?;
        Ok((0..pointers.len())
            .map(|at| found.get(at).map(|raw| raw.get().to_owned()))
            .collect())
    }

    fn texts(values: &[Option<&str>]) -> Result<Vec<Option<String>>, JsonError> {
        Ok(values
            .iter()
            .map(|value| value.map(str::to_owned))
            .collect())
    }

    #[test]
    fn several_pointers_in_one_pass() {
        let body = r#" { "skip": [[{"id": 1}]], "event": {"type": "t", "a/b": 1, "m~n": 2}, "id": "x", "list": [{"id": 7}, {"id": 12345678901234567890123}] } "#;
        assert_eq!(
            read(
                &[
                    "/id",
                    "/event/type",
                    "/list/1/id",
                    "/event/a~1b",
                    "/event/m~0n",
                    "/none",
                    "/list/01/id"
                ],
                body
            ),
            texts(&[
                Some("\"x\""),
                Some("\"t\""),
                Some("12345678901234567890123"),
                Some("1"),
                Some("2"),
                None,
                None
            ])
        );
        assert_eq!(
            read(&["/event", "/event/type"], body).unwrap()[1].as_deref(),
            Some("\"t\""),
            "one inside another"
        );
        assert_eq!(
            read(&["/list/01/id"], body),
            texts(&[None]),
            "an index has no leading zero"
        );
        assert_eq!(read(&["/id"], "[1]"), texts(&[None]));
        assert_eq!(read(&["/id"], "\"id\""), texts(&[None]));
        assert_eq!(read(&["/id/x"], r#"{"id": 5}"#), texts(&[None]));
    }

    #[test]
    fn a_repeated_deciding_key_is_an_error_however_it_is_spelled() {
        let repeated = |pointer: &str| Err(JsonError::Repeated(pointer.to_owned()));
        assert_eq!(read(&["/id"], r#"{"id": "a", "id": "a"}"#), repeated("/id"));
        assert_eq!(
            read(&["/id"], r#"{"id": "a", "\u0069d": "b"}"#),
            repeated("/id")
        );
        assert_eq!(
            read(&["/event/type"], r#"{"event": {}, "event": {"type": 1}}"#),
            repeated("/event/type")
        );
        assert_eq!(
            read(&["/event/type"], r#"{"event": {"type": 1, "type": 2}}"#),
            repeated("/event/type")
        );
        assert_eq!(
            read(
                &["/event", "/event/type"],
                r#"{"event": {"type": 1, "type": 2}}"#
            ),
            repeated("/event/type")
        );
        assert_eq!(
            read(
                &["/id"],
                r#"{"x": 1, "x": 2, "y": {"id": 1, "id": 2}, "id": 3}"#
            ),
            texts(&[Some("3")]),
            "others may repeat"
        );
    }

    #[test]
    fn what_is_no_document_is_an_error() {
        for body in [
            "",
            "{",
            "{}x",
            "{\"id\":}",
            "{'id':1}",
            "nul",
            "{\"id\":\"a\"} {}",
            "\u{feff}{}",
        ] {
            assert_eq!(read(&["/id"], body), Err(JsonError::Malformed), "{body:?}");
        }
        let mut wanted = Pointers::default();
        wanted.add("/id");
        assert_eq!(
            wanted.read(b"{\"id\":\"\xff\"}").unwrap_err(),
            JsonError::Malformed
        );
    }

    #[test]
    fn depth_neither_panics_nor_recurses_without_bound() {
        let deep = "[".repeat(100_000);
        assert_eq!(read(&["/id"], &deep), Err(JsonError::Malformed));
        let closed = format!(
            "{{\"x\":{}{},\"id\":1}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert_eq!(
            read(&["/id"], &closed),
            texts(&[Some("1")]),
            "what is skipped may be deep"
        );
        let wanted = format!("{{\"id\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(
            read(&["/id"], &wanted).map(|found| found[0].is_some()),
            Ok(true)
        );
    }

    #[test]
    fn scalars_keep_their_spelling() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let field = |text: &str| field_text(&raw(text)).map(|value| value.map(Cow::into_owned));
        assert_eq!(field("\"a\\u0062\""), Ok(Some("ab".into())));
        assert_eq!(
            field("12345678901234567890123"),
            Ok(Some("12345678901234567890123".into()))
        );
        assert_eq!(field("-7"), Ok(Some("-7".into())));
        assert_eq!(field("null"), Ok(None));
        for other in ["1.0", "1e3", "true", "[]", "{}"] {
            assert_eq!(field(other), Err(()), "{other}");
        }
        let content = |text: &str| content_text(&raw(text)).map(|value| value.map(Cow::into_owned));
        assert_eq!(content("1.50"), Ok(Some("1.50".into())));
        assert_eq!(content("true"), Ok(Some("true".into())));
        assert_eq!(content("{}"), Err(()));
    }
}
