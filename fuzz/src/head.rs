//! Heads of any text: also what an HTTP parser would not let through.

use core::net::IpAddr;

use countersign::Head;
use http::HeaderName;

/// The head of a request, part by part.
#[derive(Clone, Copy, Debug)]
pub struct AnyHead<'a> {
    /// The method.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// The query string without its question mark.
    pub query: Option<&'a str>,
    /// Header lines in order, their names in any case.
    pub headers: &'a [(String, Vec<u8>)],
    /// The address at the other end.
    pub peer: Option<IpAddr>,
}

impl<'a> AnyHead<'a> {
    /// Without a peer; the target is cut at its first question mark.
    #[must_use]
    pub fn new(method: &'a str, target: &'a str, headers: &'a [(String, Vec<u8>)]) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        Self {
            method,
            path,
            query,
            headers,
            peer: None,
        }
    }

    /// Every line of a header.
    pub fn lines(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.headers.iter();
        lines
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }
}

impl Head for AnyHead<'_> {
    fn method(&self) -> &str {
        self.method
    }

    fn path(&self) -> &str {
        self.path
    }

    fn query(&self) -> Option<&str> {
        self.query
    }

    fn header<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.lines(name.as_str())
    }

    fn peer(&self) -> Option<IpAddr> {
        self.peer
    }
}
