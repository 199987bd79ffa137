//! A raw HTTP/1.1 request: request line, headers, a blank line, and the bytes of the body.

use bytes::Bytes;
use countersign::Head;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{header, url};

/// A request to judge.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// What was noticed while reading and does not stop the judgement.
    pub(crate) notes: Vec<String>,
}

/// Why the text is no request, with the line where that shows.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub(crate) struct NotARequest {
    line: usize,
    reason: &'static str,
}

impl Head for Request {
    fn method(&self) -> &str {
        &self.method
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    fn header<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.headers.get_all(name).iter().map(HeaderValue::as_bytes)
    }
}

/// Reads a whole request. Lines of the head may end in CRLF or LF; the body is taken as it is.
pub(crate) fn parse(text: &[u8]) -> Result<Request, NotARequest> {
    let (request_line, mut rest) = take_line(text).ok_or(NotARequest {
        line: 1,
        reason: "there is no request line",
    })?;
    let (method, target) = request_line_parts(request_line)?;
    let mut headers = HeaderMap::new();
    let mut line = 1_usize;
    loop {
        line = line.saturating_add(1);
        let (text, after) = take_line(rest).ok_or(NotARequest {
            line,
            reason: "no blank line ends the headers",
        })?;
        rest = after;
        if text.is_empty() {
            break;
        }
        let (name, value) = header::line(text).map_err(|reason| NotARequest { line, reason })?;
        headers.append(name, value);
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        return Err(NotARequest {
            line,
            reason: "a transfer-encoding is not undone here: give the body as it was before, without that header",
        });
    }
    let mut notes = Vec::new();
    let body = declared(&headers, rest, &mut notes);
    let (path, query) = split_target(target);
    Ok(Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.map(str::to_owned),
        headers,
        body: Bytes::copy_from_slice(body),
        notes,
    })
}

/// Reads lines of `Name: value`; blank ones are passed over.
pub(crate) fn parse_headers(text: &[u8]) -> Result<HeaderMap, NotARequest> {
    let mut headers = HeaderMap::new();
    for (line, text) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if !text.is_empty() {
            let (name, value) =
                header::line(text).map_err(|reason| NotARequest { line, reason })?;
            headers.append(name, value);
        }
    }
    Ok(headers)
}

/// The path and the query string of a request target or of an absolute URL.
pub(crate) fn split_target(target: &str) -> (&str, Option<&str>) {
    let (_, path, query) = url::split(target);
    (if path.is_empty() { "/" } else { path }, query)
}

/// The body that Content-Length declares, where it declares one that is there.
fn declared<'a>(headers: &HeaderMap, rest: &'a [u8], notes: &mut Vec<String>) -> &'a [u8] {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    // The receiver refuses one that is repeated or malformed.
    let (Some(only), None) = (lengths.next(), lengths.next()) else {
        return rest;
    };
    let digits = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let length = only.to_str().ok().map(str::trim).filter(digits);
    let Some(length) = length.and_then(|length| length.parse::<usize>().ok()) else {
        return rest;
    };
    match rest.split_at_checked(length) {
        None => {
            notes.push(format!(
                "content-length declares {length} bytes and {} are there",
                rest.len()
            ));
            rest
        }
        Some((body, [])) => body,
        Some((body, more)) => {
            notes.push(format!(
                "content-length declares {length} bytes; {} more are left out",
                more.len()
            ));
            body
        }
    }
}

/// The next line without its end, and what follows; `None` when no line end is left.
fn take_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = text.split_at_checked(at)?;
    Some((
        line.strip_suffix(b"\r").unwrap_or(line),
        rest.strip_prefix(b"\n").unwrap_or(rest),
    ))
}

fn request_line_parts(line: &[u8]) -> Result<(&str, &str), NotARequest> {
    let wrong = NotARequest {
        line: 1,
        reason: "is no request line such as POST /hook HTTP/1.1",
    };
    let Ok(text) = std::str::from_utf8(line) else {
        return Err(wrong);
    };
    let mut words = text.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(wrong);
    };
    let is_known =
        version.starts_with("HTTP/1.") && http::Method::from_bytes(method.as_bytes()).is_ok();
    if !is_known || target.is_empty() {
        return Err(wrong);
    }
    Ok((method, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_what_follows_byte_for_byte() {
        let request =
            parse(b"POST /a?b=c HTTP/1.1\r\nHost: h\nX-A:  1 \r\nX-A: 2\r\n\r\n\r\n\xff\n")
                .unwrap();
        assert_eq!(request.method, "POST");
        assert_eq!(
            (request.path.as_str(), request.query.as_deref()),
            ("/a", Some("b=c"))
        );
        let name = HeaderName::from_static("x-a");
        let values: Vec<&[u8]> = request.header(&name).collect();
        assert_eq!(values, [b"1", b"2"]);
        assert_eq!(&request.body[..], b"\r\n\xff\n");
        assert!(request.notes.is_empty());
        let absolute = parse(b"GET http://h?x HTTP/1.1\n\n").unwrap();
        assert_eq!(
            (absolute.path.as_str(), absolute.query.as_deref()),
            ("/", Some("x"))
        );
    }

    #[test]
    fn content_length_is_honoured_and_differences_are_said() {
        let with = |length: &str| {
            let text = format!("POST / HTTP/1.1\nContent-Length: {length}\n\nhello\n");
            let request = parse(text.as_bytes()).unwrap();
            (request.body, request.notes)
        };
        assert_eq!(with("6"), ("hello\n".into(), vec![]));
        assert_eq!(
            with("5"),
            (
                "hello".into(),
                vec!["content-length declares 5 bytes; 1 more are left out".to_owned()]
            )
        );
        assert_eq!(
            with("7"),
            (
                "hello\n".into(),
                vec!["content-length declares 7 bytes and 6 are there".to_owned()]
            )
        );
        // For the receiver to refuse.
        assert_eq!(with("x"), ("hello\n".into(), vec![]));
        assert_eq!(with("5\nContent-Length: 5"), ("hello\n".into(), vec![]));
    }

    #[test]
    fn what_is_no_request_is_named_with_its_line() {
        for (text, line, reason) in [
            (&b""[..], 1, "there is no request line"),
            (
                b"{\"a\":1}\n",
                1,
                "is no request line such as POST /hook HTTP/1.1",
            ),
            (
                b"POST /\n\n",
                1,
                "is no request line such as POST /hook HTTP/1.1",
            ),
            (
                b"POST / HTTP/2\n\n",
                1,
                "is no request line such as POST /hook HTTP/1.1",
            ),
            (
                b"POST / HTTP/1.1\nA: b\n",
                3,
                "no blank line ends the headers",
            ),
            (
                b"POST / HTTP/1.1\nA: b\nC\n\n",
                3,
                "is no header: it has no colon",
            ),
            (
                b"POST / HTTP/1.1\nA b: c\n\n",
                2,
                "is no header: its name is none",
            ),
            (
                b"POST / HTTP/1.1\nA: \0\n\n",
                2,
                "is no header: its value holds what no header can",
            ),
            (
                b"POST / HTTP/1.1\nA: b\n c\n\n",
                3,
                "is a header folded onto a second line, which HTTP/1.1 no longer has",
            ),
            (
                b"POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n0\n\n",
                3,
                "a transfer-encoding is not undone here: give the body as it was before, without that header",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err(), NotARequest { line, reason });
        }
    }
}
