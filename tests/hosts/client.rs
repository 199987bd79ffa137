//! A sender: one connection for each request, and what came back.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use http::Request;

/// Nothing takes this long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a sender sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// By name, in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Reply {
    #[track_caller]
    pub(crate) fn is(&self, status: u16, body: &str) -> &Self {
        assert_eq!(
            (self.status, self.body.as_str()),
            (status, body),
            "{self:?}"
        );
        self
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// As every answer of a receiver's own.
    #[track_caller]
    pub(crate) fn is_receivers(&self) -> &Self {
        assert_eq!(
            self.header("x-content-type-options"),
            Some("nosniff"),
            "{self:?}"
        );
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        let length = self.body.len().to_string();
        assert_eq!(
            self.header("content-length"),
            Some(length.as_str()),
            "{self:?}"
        );
        self
    }

    #[track_caller]
    pub(crate) fn is_refusal(&self, status: u16, body: &str) -> &Self {
        let kind = Some("text/plain; charset=utf-8");
        assert_eq!(self.header("content-type"), kind, "{self:?}");
        self.is(status, body).is_receivers()
    }
}

/// The request as text, with its body's length unless it says something else of it.
pub(crate) fn wire(request: &Request<Bytes>) -> Vec<u8> {
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let mut text = format!("{} {target} HTTP/1.1\r\n", request.method());
    if !request.headers().contains_key("host") {
        text.push_str("host: example.com\r\n");
    }
    text.push_str("connection: close\r\n");
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    let says = ["content-length", "transfer-encoding"];
    if !says
        .iter()
        .any(|name| request.headers().contains_key(*name))
    {
        text.push_str(&format!("content-length: {}\r\n", request.body().len()));
    }
    text.push_str("\r\n");
    [text.as_bytes(), request.body()].concat()
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

pub(crate) fn send(address: SocketAddr, request: &Request<Bytes>) -> Reply {
    let mut socket = connect(address);
    // A server may have answered before all of it was written.
    let _ = socket.write_all(&wire(request));
    answer(&mut socket)
}

/// Reads what comes until the connection is closed.
pub(crate) fn answer(socket: &mut TcpStream) -> Reply {
    let mut all = Vec::new();
    let mut piece = [0; 4_096];
    loop {
        match socket.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => all.extend_from_slice(&piece[..read]),
            // What was not read of the request may reset the connection behind the answer.
            Err(_) if !all.is_empty() => break,
            Err(error) => panic!("no answer: {error}"),
        }
    }
    let text = String::from_utf8(all).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_ascii_lowercase(), value.trim().to_owned())
    });
    Reply {
        status: status.parse().unwrap(),
        headers: headers.collect(),
        body: body.to_owned(),
    }
}
