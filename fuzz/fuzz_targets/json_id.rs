//! Fields read out of a JSON body in one pass.
//!
//! Input: JSON pointers with blanks between them, a line end, the body.
//! Property: each pointer gives what a naive reader finds that follows one pointer at a time and counts keys, or both refuse. A body that
//! a reader of whole documents takes is refused for a repeated key alone. A field's text is the string or the digits.

#![no_main]
#![cfg(fuzzing)]

use countersign::{Refusal, fuzzing};
use countersign_fuzz::naive::json::{self, Found};
use countersign_fuzz::text::{first_line, words};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let (line, body) = first_line(input);
    let pointers: Vec<&str> = words(line)
        .filter_map(|word| std::str::from_utf8(word).ok())
        .filter(|pointer| is_pointer(pointer))
        .take(4)
        .collect();
    if pointers.is_empty() {
        return;
    }
    let read = fuzzing::json_values(&pointers, body);
    let naive: Option<Vec<Found>> = std::str::from_utf8(body).ok().and_then(|document| {
        let follow = |pointer: &&str| json::follow(document, pointer);
        pointers.iter().map(follow).collect()
    });

    match (read, naive) {
        (Ok(values), Some(naive)) => {
            let values: Vec<Found> = values
                .into_iter()
                .map(|value| value.map_or(Found::Absent, Found::Value))
                .collect();
            assert_eq!(values, naive);
            for value in values {
                if let Found::Value(raw) = value {
                    check_field(&raw);
                }
            }
        }
        // What is skipped need not be UTF-8, which the naive reader cannot know.
        (Ok(_), None) => assert!(std::str::from_utf8(body).is_err()),
        (Err(Refusal::FieldRepeated { name }), Some(naive)) => {
            let mut found = pointers.iter().zip(naive);
            assert!(found.any(|(pointer, found)| name == *pointer && found == Found::Repeated));
        }
        (Err(Refusal::FieldRepeated { .. } | Refusal::BodyMalformed), None) => {}
        (Err(Refusal::BodyMalformed), Some(naive)) => {
            // Broken only to who looks closer: a number out of range, half a surrogate pair.
            assert!(!json::is_strict(body), "{naive:?}");
        }
        (Err(other), _) => panic!("{other:?}"),
    }
});

fn is_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1);
    text.starts_with('/')
        && text.split('/').count() <= 16
        && escapes.into_iter().all(|rest| rest.starts_with(['0', '1']))
}

fn check_field(raw: &str) {
    let field = fuzzing::json_field(raw);
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    let expected = match serde_json::from_str::<Value>(raw) {
        // As they are spelled: never through a float, also where none is large enough.
        _ if digits.bytes().all(|digit| digit.is_ascii_digit()) => Ok(Some(raw.to_owned())),
        Ok(Value::Null) => Ok(None),
        Ok(Value::String(text)) => Ok(Some(text)),
        _ => Err(()),
    };
    assert_eq!(field, expected, "{raw}");
}
