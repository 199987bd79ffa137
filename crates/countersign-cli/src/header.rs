//! Headers as text: `Name: value`.

use http::{HeaderName, HeaderValue};

/// A header on the command line.
pub(crate) fn argument(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("give NAME: VALUE")?;
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| "the part before the colon is no header name")?;
    let value = HeaderValue::from_bytes(value.trim_matches([' ', '\t']).as_bytes())
        .map_err(|_| "the part after the colon cannot stand in a header")?;
    Ok((name, value))
}

/// A header of a request, without its line end; `Err` says what the line is.
pub(crate) fn line(line: &[u8]) -> Result<(HeaderName, HeaderValue), &'static str> {
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return Err("is a header folded onto a second line, which HTTP/1.1 no longer has");
    }
    let at = line
        .iter()
        .position(|byte| *byte == b':')
        .ok_or("is no header: it has no colon")?;
    let (name, value) = line.split_at_checked(at).unwrap_or((line, b""));
    let name = HeaderName::from_bytes(name).map_err(|_| "is no header: its name is none")?;
    let value = value.strip_prefix(b":").unwrap_or(value);
    let value = value.trim_ascii();
    let value = HeaderValue::from_bytes(value)
        .map_err(|_| "is no header: its value holds what no header can")?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_a_colon_and_a_value() {
        let (name, value) = argument("X-Topic:  a: b ").unwrap();
        assert_eq!((name.as_str(), value.as_bytes()), ("x-topic", &b"a: b"[..]));
        assert_eq!(argument("x:").unwrap().1, "");
        for (wrong, says) in [
            ("x", "give NAME: VALUE"),
            ("a b: c", "the part before the colon is no header name"),
            (": c", "the part before the colon is no header name"),
            (
                "a: b\nc",
                "the part after the colon cannot stand in a header",
            ),
        ] {
            assert_eq!(argument(wrong).unwrap_err(), says);
        }
    }
}
