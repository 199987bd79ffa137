//! Writes a signature or token into a body. Everything else keeps its spelling: it may be signed.

use std::ops::Range;

use serde_json::value::RawValue;

use crate::form;
use crate::json::Pointers;
use crate::scheme::Place;

/// The body with `text` at a place in it; `None` when the body has no such place.
pub(super) fn with_signature(body: &[u8], place: &Place, text: &str) -> Option<Vec<u8>> {
    match place {
        Place::Json(pointer) => set(body, pointer, text),
        Place::JsonEach { array, pointer } => {
            let elements = elements(body, array)?;
            let at = |index: usize| format!("{array}/{index}{pointer}");
            (0..elements).try_fold(body.to_vec(), |body, index| set(&body, &at(index), text))
        }
        Place::Form(name) => {
            let body = without_field(std::str::from_utf8(body).ok()?, name);
            Some(with_field(&body, name, text).into_bytes())
        }
        Place::FormJson { field, pointer } => {
            let document = form::field(body, field).ok()?.unwrap_or_default();
            let document = String::from_utf8(set(document.as_bytes(), pointer, text)?).ok()?;
            let body = without_field(std::str::from_utf8(body).ok()?, field);
            Some(with_field(&body, field, &document).into_bytes())
        }
        _ => None,
    }
}

/// A form or query string with one more field at its end.
pub(super) fn with_field(fields: &str, name: &str, value: &str) -> String {
    let field = form_urlencoded::Serializer::new(String::new())
        .append_pair(name, value)
        .finish();
    match fields {
        "" => field,
        fields => format!("{fields}&{field}"),
    }
}

fn without_field(fields: &str, name: &str) -> String {
    let is_it = |field: &str| {
        let mut known = form_urlencoded::parse(field.as_bytes());
        known.next().is_some_and(|(known, _)| known == name)
    };
    let others: Vec<_> = fields.split('&').filter(|field| !is_it(field)).collect();
    others.join("&")
}

/// Sets the string at a pointer. Objects on the way to it are made where they are missing; an empty body is an empty object.
fn set(body: &[u8], pointer: &str, text: &str) -> Option<Vec<u8>> {
    let body = std::str::from_utf8(body).ok()?;
    let body = if body.trim().is_empty() { "{}" } else { body };
    let mut value = serde_json::to_string(text).ok()?;
    if let Some(there) = find(body, pointer)? {
        return Some(splice(body, there, &value));
    }
    let mut rest = pointer;
    while let Some((parent, key)) = rest.rsplit_once('/') {
        let key = serde_json::to_string(&key.replace("~1", "/").replace("~0", "~")).ok()?;
        let member = format!("{key}:{value}");
        let there = match parent {
            "" => Some(0..body.len()),
            parent => find(body, parent)?,
        };
        let Some(there) = there else {
            value = format!("{{{member}}}");
            rest = parent;
            continue;
        };
        let inside = body.get(there.clone())?.trim_start();
        let inside = inside.strip_prefix('{')?;
        let comma = if inside.trim_start().starts_with('}') {
            ""
        } else {
            ","
        };
        let at = there.end.checked_sub(inside.len())?;
        return Some(splice(body, at..at, &format!("{member}{comma}")));
    }
    None
}

/// How many elements an array has.
fn elements(body: &[u8], array: &str) -> Option<usize> {
    let body = std::str::from_utf8(body).ok()?;
    let there = find(body, array)??;
    let elements: Vec<&RawValue> = serde_json::from_str(body.get(there)?).ok()?;
    Some(elements.len())
}

/// Where the value at a pointer stands; the outer `None` is for what is no JSON, or holds a key on the way to it twice.
#[expect(
    clippy::option_option,
    reason = "the outer one ends the caller, the inner one is an answer"
)]
fn find(body: &str, pointer: &str) -> Option<Option<Range<usize>>> {
    let mut pointers = Pointers::default();
    let at = pointers.add(pointer);
    let found = pointers.read(body.as_bytes()).ok()?;
    let Some(raw) = found.get(at).map(RawValue::get) else {
        return Some(None);
    };
    // What was found is a piece of the body.
    let start = raw.as_ptr().addr().checked_sub(body.as_ptr().addr())?;
    let end = start.checked_add(raw.len())?;
    (body.get(start..end)? == raw).then_some(Some(start..end))
}

fn splice(body: &str, at: Range<usize>, text: &str) -> Vec<u8> {
    let before = body.get(..at.start).unwrap_or_default();
    let after = body.get(at.end..).unwrap_or_default();
    [before, text, after].concat().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn written(body: &str, place: &Place, expect: Option<&str>) {
        let written = with_signature(body.as_bytes(), place, "a\"b&c");
        let written = written.map(|body| String::from_utf8(body).unwrap());
        assert_eq!(written.as_deref(), expect, "{body}");
    }

    #[test]
    fn a_value_is_set_at_its_pointer_and_nothing_else_changes() {
        let deep = Place::Json("/a/b~1c".into());
        for (body, expect) in [
            ("", r#"{"a":{"b/c":"a\"b&c"}}"#),
            ("{}", r#"{"a":{"b/c":"a\"b&c"}}"#),
            (
                "\n{ \"z\" : 1.50 }",
                "\n{\"a\":{\"b/c\":\"a\\\"b&c\"}, \"z\" : 1.50 }",
            ),
            (r#"{"a": { }}"#, r#"{"a": {"b/c":"a\"b&c" }}"#),
            (
                r#"{"a":{"x":{"b/c":1}},"y":"\u00e9"}"#,
                r#"{"a":{"b/c":"a\"b&c","x":{"b/c":1}},"y":"\u00e9"}"#,
            ),
            (r#"{"a":{"b/c": null}}"#, r#"{"a":{"b/c": "a\"b&c"}}"#),
        ] {
            written(body, &deep, Some(expect));
        }
        for body in ["[]", "1", r#"{"a":1}"#, r#"{"a":{},"a":{}}"#, "{"] {
            written(body, &deep, None);
        }
        let each = Place::JsonEach {
            array: "/v".into(),
            pointer: "/t".into(),
        };
        let both = r#"{"v":[{"t":"a\"b&c"},{"t":"a\"b&c","x":1}]}"#;
        written(r#"{"v":[{},{"x":1}]}"#, &each, Some(both));
        written("{}", &each, None);
        written(r#"{"v":[1]}"#, &each, None);
    }

    #[test]
    fn a_field_is_appended_to_a_form_once() {
        let form = Place::Form("to ken".into());
        for (body, expect) in [
            ("", "to+ken=a%22b%26c"),
            ("x=%20", "x=%20&to+ken=a%22b%26c"),
            ("to%20ken=old&x=1", "x=1&to+ken=a%22b%26c"),
        ] {
            written(body, &form, Some(expect));
        }
        let inside = Place::FormJson {
            field: "p".into(),
            pointer: "/t".into(),
        };
        let expect = "x=1&p=%7B%22t%22%3A%22a%5C%22b%26c%22%7D";
        written("x=1", &inside, Some(expect));
        written("p=%7B%7D&x=1", &inside, Some(expect));
        written("p=1&x=1", &inside, None);
        written("x", &Place::PathEnd, None);
    }
}
