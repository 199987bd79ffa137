//! Fields of form bodies.
//!
//! Input: the field's name, a line end, the body.
//! Property: the value, its absence or its repetition is what the parsing steps of the URL Standard give, and all fields sorted are the set
//! of their pairs, up to the limit.

#![no_main]
#![cfg(fuzzing)]

use std::collections::BTreeSet;

use countersign::{Refusal, fuzzing};
use countersign_fuzz::naive::form;
use countersign_fuzz::text::first_line;
use libfuzzer_sys::fuzz_target;

/// More than any sender sends.
const MOST_FIELDS: usize = 1_000;

fuzz_target!(|input: &[u8]| {
    let (name, body) = first_line(input);
    let name = String::from_utf8_lossy(name);
    let pairs = form::pairs(body);

    let values: Vec<&String> = pairs
        .iter()
        .filter(|(known, _)| *known == name)
        .map(|(_, value)| value)
        .collect();
    let expected = match values.as_slice() {
        [] => Ok(None),
        [value] => Ok(Some(value.to_string())),
        _ => Err(Refusal::FieldRepeated {
            name: name.clone().into_owned().into(),
        }),
    };
    assert_eq!(fuzzing::form_field(body, &name), expected);

    let too_many = pairs.len() > MOST_FIELDS;
    let sorted: BTreeSet<(String, String)> = pairs.into_iter().collect();
    let expected = (!too_many).then(|| sorted.into_iter().collect::<Vec<_>>());
    assert_eq!(fuzzing::form_sorted(body), expected);
});
