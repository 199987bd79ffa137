//! Follows one JSON pointer (RFC 6901) at a time, level by level, and notices keys that occur twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What a pointer leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A value, as it is spelled.
    Value(String),
    /// Nothing.
    Absent,
    /// A key on the way occurs twice.
    Repeated,
}

/// Follows `pointer` through a document; `None` when it is no JSON.
#[must_use]
pub fn follow(document: &str, pointer: &str) -> Option<Found> {
    let whole: &RawValue = serde_json::from_str(document).ok()?;
    let mut here = whole.get();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        here = if here.starts_with('{') {
            let object: Object = serde_json::from_str(here).ok()?;
            let mut values = object.0.iter().filter(|(key, _)| *key == step);
            match (values.next(), values.next()) {
                (None, _) => return Some(Found::Absent),
                (Some((_, value)), None) => value.get(),
                (Some(_), Some(_)) => return Some(Found::Repeated),
            }
        } else if here.starts_with('[') {
            let array: Vec<&RawValue> = serde_json::from_str(here).ok()?;
            let index = step.parse::<usize>().ok();
            match index.filter(|index| index.to_string() == step) {
                Some(index) if index < array.len() => array[index].get(),
                _ => return Some(Found::Absent),
            }
        } else {
            return Some(Found::Absent);
        };
    }
    Some(Found::Value(here.to_owned()))
}

/// Is it JSON to a reader that builds the whole document?
#[must_use]
pub fn is_strict(document: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(document).is_ok()
}

/// The members of an object, repetitions kept.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }

        from.deserialize_map(Members)
    }
}
