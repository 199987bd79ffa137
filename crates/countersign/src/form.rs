//! Reads fields out of a form body, decoded as the WHATWG urlencoded parser does: a broken escape stays as text.

use std::borrow::Cow;

use crate::scheme::Text;

/// Is everything in a form or query text, once decoded? The decoder replaces what is none, so that different bytes would become equal.
pub(crate) fn is_text(encoded: &[u8]) -> bool {
    percent_encoding::percent_decode(encoded)
        .decode_utf8()
        .is_ok()
}

/// The values of several fields in one pass; `Err` for one that occurs twice.
pub(crate) fn fields<'a>(
    body: &'a [u8],
    names: &[Text],
) -> Vec<Result<Option<Cow<'a, str>>, Repeated>> {
    let mut found = vec![Ok(None); names.len()];
    for (key, value) in form_urlencoded::parse(body) {
        let slot = names.iter().zip(&mut found).find(|(name, _)| **name == key);
        if let Some((_, slot)) = slot {
            *slot = match slot {
                Ok(None) => Ok(Some(value)),
                _ => Err(Repeated),
            };
        }
    }
    found
}

/// A field occurs twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeated;

/// The one value of a field, decoded; `None` when the field is not there.
pub(crate) fn field<'a>(body: &'a [u8], name: &str) -> Result<Option<Cow<'a, str>>, Repeated> {
    let mut values = form_urlencoded::parse(body)
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value);
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => Err(Repeated),
    }
}

/// How many fields are sorted. The sender with the most, Twilio, has about a hundred; a stranger could send half a million in a megabyte.
pub(crate) const MAX_SORTED_FIELDS: usize = 1_000;

/// Decoded names and values.
pub(crate) type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// All fields as distinct pairs, sorted by name and then value, byte by byte; `None` when there are more than [`MAX_SORTED_FIELDS`].
pub(crate) fn sorted(body: &[u8]) -> Option<Pairs<'_>> {
    let mut fields = form_urlencoded::parse(body);
    let mut pairs: Vec<_> = fields.by_ref().take(MAX_SORTED_FIELDS).collect();
    if fields.next().is_some() {
        return None;
    }
    pairs.sort_unstable();
    pairs.dedup();
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_decoded_and_occurs_once() {
        let read = |body: &'static str| field(body.as_bytes(), "a b");
        assert_eq!(read("x=1"), Ok(None));
        assert_eq!(read("a+b=c%2Bd+e&x=1"), Ok(Some("c+d e".into())));
        assert_eq!(read("a%20b="), Ok(Some("".into())));
        assert_eq!(read("a+b"), Ok(Some("".into())));
        assert_eq!(
            read("a+b=%zz%4"),
            Ok(Some("%zz%4".into())),
            "a broken escape stays as text"
        );
        assert_eq!(read("a+b=1&a%20b=1"), Err(Repeated));
    }

    #[test]
    fn several_fields_in_one_pass() {
        let names = ["a".into(), "b c".into(), "d".into()];
        let found = fields(b"x=1&b+c=2&a=%31&a=1", &names);
        assert_eq!(found, [Err(Repeated), Ok(Some("2".into())), Ok(None)]);
    }

    #[test]
    fn what_is_no_text_is_seen() {
        for text in ["", "a=%EF%BF%BD", "a=%zz", "a=%C3%A9&b=+"] {
            assert!(is_text(text.as_bytes()), "{text}");
        }
        for other in ["a=%FF", "a=%C3&b=%A9", "%80=1"] {
            assert!(!is_text(other.as_bytes()), "{other}");
        }
        assert!(!is_text(b"a=\xff"));
    }

    #[test]
    fn fields_are_sorted_by_name_then_value_and_distinct() {
        let pairs = sorted(b"b=2&a=2&a=1&b=2&aa=0").unwrap();
        let text: String = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value} "))
            .collect();
        assert_eq!(text, "a=1 a=2 aa=0 b=2 ");
        assert_eq!(
            sorted("a=1&".repeat(1_000).as_bytes()).map(|pairs| pairs.len()),
            Some(1)
        );
        assert_eq!(sorted("a=1&".repeat(1_001).as_bytes()), None);
    }
}
