//! Reads fields out of a form body, decoded as the WHATWG urlencoded parser does: a broken escape stays as text.

use std::borrow::Cow;

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

/// All fields as distinct pairs, sorted by name and then value, byte by byte.
pub(crate) fn sorted(body: &[u8]) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    let mut pairs: Vec<_> = form_urlencoded::parse(body).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
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
    fn fields_are_sorted_by_name_then_value_and_distinct() {
        let pairs = sorted(b"b=2&a=2&a=1&b=2&aa=0");
        let text: String = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value} "))
            .collect();
        assert_eq!(text, "a=1 a=2 aa=0 b=2 ");
    }
}
