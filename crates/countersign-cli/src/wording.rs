//! A scheme's places and values in a word or two.

use countersign::scheme::Place;
use serde::Serialize;

/// A place in a word or two: a header by its name, a parameter as `?name`, a JSON pointer as it is, after `form:` and a form field's name
/// where it lies in one.
pub(crate) fn place(place: &Place) -> String {
    match place {
        Place::Header(name) => name.to_string(),
        Place::QueryParam(name) => format!("?{name}"),
        Place::PathEnd => "the path's end".to_owned(),
        Place::Json(pointer) => pointer.to_string(),
        Place::Form(name) => format!("form:{name}"),
        Place::FormJson { field, pointer } => format!("form:{field}{pointer}"),
        Place::Pair(key) => format!("pair:{key}"),
        Place::FirstItem => "the first item".to_owned(),
        Place::JsonEach { array, pointer } => format!("{array}/*{pointer}"),
        Place::All(several) => {
            let all: Vec<String> = several.iter().map(self::place).collect();
            all.join(" + ")
        }
        other => word(other),
    }
}

/// As it is spelled in a file.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => "?".to_owned(),
    }
}
