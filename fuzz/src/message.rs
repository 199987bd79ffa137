//! One HTTP request as text: lines of `name: value`, an empty line, the body.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::text::split_at;

/// A request and the time at which it is judged.
#[derive(Clone, Debug)]
pub struct Message {
    /// The header lines in order, as far as HTTP can carry them.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// Milliseconds since the epoch.
    pub now_ms: i64,
}

impl Message {
    /// Header lines without a colon are left out.
    #[must_use]
    pub fn new(lines: &[u8], body: &[u8], now_ms: i64) -> Self {
        let mut message = Self {
            headers: Vec::new(),
            body: body.to_vec(),
            now_ms,
        };
        for line in lines.split(|byte| *byte == b'\n') {
            message.add(line);
        }
        message
    }

    /// Adds one `name: value` line.
    pub fn add(&mut self, line: &[u8]) {
        if let Some((name, value)) = split_at(line, b":") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            let name = String::from_utf8_lossy(name).into_owned();
            self.headers.push((name, value.to_vec()));
        }
    }

    /// Leaves out what HTTP cannot carry.
    pub fn keep_possible(&mut self) {
        self.headers.retain(|(name, value)| {
            HeaderName::from_bytes(name.as_bytes()).is_ok()
                && HeaderValue::from_bytes(value).is_ok()
        });
        self.headers.truncate(1_000);
    }

    /// The head as a POST to this target, without the headers that `leave_out` names.
    ///
    /// # Panics
    /// When a header is left that HTTP cannot carry.
    #[must_use]
    pub fn head(&self, target: &str, leave_out: &[&str]) -> http::Request<()> {
        let mut request = http::Request::post(target);
        for (name, value) in &self.headers {
            if !leave_out.iter().any(|out| out.eq_ignore_ascii_case(name)) {
                request = request.header(name, value.as_slice());
            }
        }
        request.body(()).expect("only what HTTP can carry is kept")
    }

    /// The body in pieces of 1, 2, 4 … bytes with an empty one between them.
    #[must_use]
    pub fn pieces(&self) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        let mut rest = self.body.as_slice();
        let mut len = 1;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(len.min(rest.len()));
            pieces.push(Bytes::copy_from_slice(piece));
            pieces.push(Bytes::new());
            rest = after;
            len *= 2;
        }
        pieces
    }
}
