//! Finding the one value of a header that decides.

use crate::Attempt;

/// Whether the header occurs at all, be it empty or repeated.
pub(crate) fn is_present(attempt: &Attempt, name: &str) -> bool {
    attempt
        .headers
        .iter()
        .any(|(given, _)| given.eq_ignore_ascii_case(name))
}

/// The value of a header that must occur exactly once and say something, without the blanks around it.
pub(crate) fn deciding<'a>(attempt: &Attempt<'a>, name: &str) -> Option<&'a [u8]> {
    let mut found = Vec::new();
    for (given, value) in attempt.headers {
        if given.eq_ignore_ascii_case(name) {
            found.push(strip_blanks(value));
        }
    }
    match found.as_slice() {
        [value] if !value.is_empty() => Some(value),
        _ => None,
    }
}

/// Takes spaces and tabs off both ends.
pub(crate) fn strip_blanks(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Cuts an item at the first separator; none when it has no separator.
pub(crate) fn split_first(item: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let place = item.iter().position(|&byte| byte == separator)?;
    Some((item.get(..place)?, item.get(place + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::{Attempt, deciding, is_present, split_first, strip_blanks};

    fn look(headers: &[(&str, &[u8])]) -> Option<Vec<u8>> {
        let attempt = Attempt {
            headers,
            body: b"",
            now_ms: 0,
        };
        deciding(&attempt, "X-Name").map(<[u8]>::to_vec)
    }

    #[test]
    fn a_deciding_header_occurs_once_and_is_not_empty() {
        assert_eq!(look(&[("x-nAME", b" \t a b\t ")]), Some(b"a b".to_vec()));
        assert_eq!(look(&[]), None);
        assert_eq!(look(&[("X-Name-2", b"a")]), None);
        assert_eq!(look(&[("X-Name", b"")]), None);
        assert_eq!(look(&[("X-Name", b" \t")]), None);
        assert_eq!(look(&[("X-Name", b"a"), ("x-name", b"a")]), None);
        assert_eq!(look(&[("X-Name", b"a"), ("x-name", b"")]), None);
    }

    #[test]
    fn an_empty_header_is_present() {
        let attempt = Attempt {
            headers: &[("X-Name", b"")],
            body: b"",
            now_ms: 0,
        };
        assert!(is_present(&attempt, "x-name"));
        assert!(!is_present(&attempt, "x-nam"));
    }

    #[test]
    fn only_spaces_and_tabs_are_blanks() {
        assert_eq!(strip_blanks(b" \n "), b"\n");
        assert_eq!(strip_blanks("\u{a0}a".as_bytes()), "\u{a0}a".as_bytes());
    }

    #[test]
    fn items_are_cut_once() {
        assert_eq!(split_first(b"a=b=c", b'='), Some((&b"a"[..], &b"b=c"[..])));
        assert_eq!(split_first(b"=", b'='), Some((&b""[..], &b""[..])));
        assert_eq!(split_first(b"a", b'='), None);
    }
}
