//! A body that holds what a scheme reads from one.

use std::collections::BTreeMap;

use countersign::Unit;
use countersign::scheme::{Part, Place, Scheme};
use serde_json::{Map, Value};

use super::Sender;
use super::defaults::{self, ID, TENANT, VALUE, each_part};

pub(super) fn body(sender: &Sender) -> Vec<u8> {
    let scheme = &sender.scheme;
    let wanted = wanted(sender);
    let media_type = sender.media_type.as_deref();
    let media_type = media_type.or(scheme.media_types.first().map(AsRef::as_ref));
    let media_type = media_type.unwrap_or_default();
    match shape(scheme, media_type) {
        Shape::Form => form(&wanted),
        Shape::Json => json(&wanted).to_string(),
        Shape::Xml => format!("<delivery><id>{ID}</id></delivery>"),
        Shape::Nothing => String::new(),
    }
    .into_bytes()
}

enum Shape {
    Form,
    Json,
    Xml,
    Nothing,
}

/// What decides must be readable; otherwise the media type tells.
fn shape(scheme: &Scheme, media_type: &str) -> Shape {
    let mut deciding = Vec::new();
    let mut holds_form = false;
    let mut holds_body = false;
    let mut note = |part: &Part| {
        deciding.extend(part.place());
        holds_form |= *part == Part::FormSorted;
        holds_body |= *part == Part::Body;
    };
    each_part(&scheme.content, &mut note);
    for check in scheme.checks.iter() {
        each_part(&check.of, &mut note);
    }
    deciding.push(scheme.signature.place.clone());
    deciding.extend(scheme.timestamp.as_ref().map(|rule| rule.place.clone()));
    let is_json = |place: &Place| matches!(place, Place::Json(_) | Place::JsonEach { .. });
    let is_form = |place: &Place| matches!(place, Place::Form(_) | Place::FormJson { .. });
    if deciding.iter().any(is_json) {
        Shape::Json
    } else if holds_form || deciding.iter().any(is_form) || media_type.ends_with("urlencoded") {
        Shape::Form
    } else if media_type.contains("xml") {
        Shape::Xml
    } else if scheme.methods.first().is_some_and(|method| method == "GET") && !holds_body {
        Shape::Nothing
    } else {
        Shape::Json
    }
}

/// Places in the body with what stands there, those that decide first.
fn wanted(sender: &Sender) -> Vec<(Place, String)> {
    let scheme = &sender.scheme;
    let mut wanted = Vec::new();
    if let Some(rule) = &scheme.timestamp {
        let now = sender.now();
        let stamp = match rule.unit {
            Unit::Seconds => now.as_secs().to_string(),
            Unit::Milliseconds => now.as_millis().to_string(),
            _ => now.to_string(),
        };
        wanted.push((rule.place.clone(), stamp));
    }
    let event = defaults::event(scheme);
    for (places, value) in [
        (&scheme.id, ID),
        (&scheme.event, event.as_str()),
        (&scheme.tenant, TENANT),
    ] {
        for place in places.iter() {
            let several = match place {
                Place::All(several) => several.as_ref(),
                one => std::slice::from_ref(one),
            };
            // A list of events names whole ones.
            let value = if several.len() > 1 { VALUE } else { value };
            wanted.extend(
                several
                    .iter()
                    .map(|place| (place.clone(), value.to_owned())),
            );
        }
    }
    let mut note = |part: &Part| {
        wanted.extend(part.place().map(|place| (place, VALUE.to_owned())));
    };
    each_part(&scheme.content, &mut note);
    for check in scheme.checks.iter() {
        each_part(&check.of, &mut note);
    }
    if let Place::JsonEach { array, .. } = &scheme.signature.place {
        // One element; the token is written into it.
        wanted.push((Place::Json(format!("{array}/0/id").into()), ID.to_owned()));
    }
    wanted
}

fn json(wanted: &[(Place, String)]) -> Value {
    let pointers = wanted.iter().filter_map(|(place, value)| match place {
        Place::Json(pointer) => Some((pointer.as_ref(), value.as_str())),
        _ => None,
    });
    document(pointers)
}

/// The deepest pointers first: what they are inside of is there by then.
fn document<'p>(pointers: impl Iterator<Item = (&'p str, &'p str)>) -> Value {
    let mut pointers: Vec<_> = pointers.collect();
    pointers.sort_by_key(|(pointer, _)| std::cmp::Reverse(pointer.matches('/').count()));
    let mut document = Value::Object(Map::new());
    for (pointer, value) in pointers {
        set(&mut document, pointer, value);
    }
    document
}

fn set(document: &mut Value, pointer: &str, text: &str) {
    let mut at = document;
    for step in pointer.split('/').skip(1) {
        if at.is_null() {
            *at = match step {
                "0" => Value::Array(Vec::new()),
                _ => Value::Object(Map::new()),
            };
        }
        at = match at {
            Value::Array(elements) => {
                if elements.is_empty() {
                    elements.push(Value::Null);
                }
                match elements.first_mut() {
                    Some(first) if step == "0" => first,
                    _ => return,
                }
            }
            Value::Object(members) => members
                .entry(step.replace("~1", "/").replace("~0", "~"))
                .or_insert(Value::Null),
            _ => return,
        };
    }
    if at.is_null() {
        *at = match text.parse::<u64>() {
            Ok(number) => number.into(),
            Err(_) => text.into(),
        };
    }
}

fn form(wanted: &[(Place, String)]) -> String {
    let mut fields: BTreeMap<&str, String> = BTreeMap::new();
    let mut documents: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (place, value) in wanted {
        match place {
            Place::Form(name) => {
                fields.entry(name).or_insert_with(|| value.clone());
            }
            Place::FormJson { field, pointer } => {
                documents.entry(field).or_default().push((pointer, value));
            }
            _ => {}
        }
    }
    for (field, pointers) in documents {
        let document = document(pointers.into_iter()).to_string();
        fields.insert(field, document);
    }
    if fields.is_empty() {
        fields.insert("id", ID.to_owned());
    }
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}
