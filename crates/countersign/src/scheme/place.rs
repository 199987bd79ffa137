//! Where in a request a value lies.

use serde::{Deserialize, Serialize};

use super::{List, Text};

/// Where in a request a value lies: a signature, a timestamp, an id, an event name, a tenant.
///
/// Every place is read strictly. Absent is a value of its own; repeated, empty (after the blanks that HTTP strips), longer than its
/// limit or of the wrong type is a refusal. An empty field of a form is absent: that is how forms say so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
#[non_exhaustive]
pub enum Place {
    /// A header, named in lower case. Repeated header lines are refused.
    Header(Text),
    /// A parameter of the query string, by its decoded name.
    QueryParam(Text),
    /// The last segment of the path, percent-decoding not applied. In a file: `path-end = true`.
    #[serde(with = "yes")]
    PathEnd,
    /// A JSON pointer (RFC 6901) into a body that is JSON: a string, or an integer taken digit by digit and never through a float.
    Json(Text),
    /// A field of a form body (`application/x-www-form-urlencoded`), by its decoded name.
    Form(Text),
    /// A JSON pointer into the JSON that one field of a form body holds.
    FormJson {
        /// The form field that holds JSON.
        field: Text,
        /// The pointer into that JSON.
        pointer: Text,
    },
    /// An item of the signature header's own `key=value` pairs, such as `t` in `t=…,v1=…`.
    Pair(Text),
    /// The first item of a signature header that is a list. In a file: `first-item = true`.
    #[serde(with = "yes")]
    FirstItem,
    /// The scalar at a pointer inside every element of a JSON array: each must hold one, and all the same. Only for tokens, of senders
    /// that put several events into one body and the token into each of them.
    JsonEach {
        /// The pointer to the array.
        array: Text,
        /// The pointer inside each element.
        pointer: Text,
    },
    /// Several places that make up one value: all must hold one, and slashes join them. A slash or tilde within one is written as RFC 6901
    /// escapes it (`~1`, `~0`). Only for ids, event names and tenants.
    All(List<Place>),
}

impl Place {
    /// Does the value lie in the body, so that it can be read only when the body is complete?
    #[must_use]
    pub fn is_in_body(&self) -> bool {
        match self {
            Self::Json(_) | Self::Form(_) | Self::FormJson { .. } | Self::JsonEach { .. } => true,
            Self::All(places) => places.iter().any(Self::is_in_body),
            _ => false,
        }
    }

    /// The places that make up this one: itself, unless it is [`All`](Self::All) of several.
    pub(crate) fn each(&self) -> &[Place] {
        match self {
            Self::All(places) => places,
            one => std::slice::from_ref(one),
        }
    }
}

/// Serde for a place without a name of its own: an entry needs a value, and TOML has no empty one.
mod yes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(to: S) -> Result<S::Ok, S::Error> {
        true.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<(), D::Error> {
        if bool::deserialize(from)? {
            Ok(())
        } else {
            Err(D::Error::custom("must be true, or not be there"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::{SignatureRule, TimestampRule};
    use crate::timestamp::{Tolerance, Unit};
    use crate::{list, text};

    #[test]
    fn a_place_without_a_name_is_an_entry_too() {
        let rule = SignatureRule {
            place: Place::PathEnd,
            ..SignatureRule::BASE
        };
        let toml = toml::to_string(&rule).unwrap();
        assert!(toml.starts_with("path-end = true\n"), "{toml}");
        assert_eq!(toml::from_str::<SignatureRule>(&toml).unwrap(), rule);
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<SignatureRule>(&json).unwrap(), rule);

        let stamp: TimestampRule = toml::from_str("first-item = true\nunit = 'ms'").unwrap();
        let expect = TimestampRule {
            place: Place::FirstItem,
            unit: Unit::Milliseconds,
            tolerance: Tolerance::from_secs(300),
        };
        assert_eq!(stamp, expect);
        let no = toml::from_str::<TimestampRule>("first-item = false\nunit = 'ms'").unwrap_err();
        assert_eq!(no.message(), "must be true, or not be there");
    }

    #[test]
    fn several_places_make_up_one() {
        const BOTH: Place = Place::All(list![
            Place::Json(text!("/id")),
            Place::Header(text!("x-status"))
        ]);
        let json = r#"{"all":[{"json":"/id"},{"header":"x-status"}]}"#;
        assert_eq!(serde_json::to_string(&BOTH).unwrap(), json);
        assert_eq!(serde_json::from_str::<Place>(json).unwrap(), BOTH);
        assert_eq!(BOTH.each().len(), 2);
        assert_eq!(Place::PathEnd.each(), [Place::PathEnd]);
    }
}
