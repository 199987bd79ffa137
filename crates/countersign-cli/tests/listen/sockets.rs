//! Both sides of the program: a sender in front of it, and the program of a user behind it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use bytes::Bytes;
use countersign::{Timestamp, providers, system_now};
use countersign_testkit::Sender;
use http::Request;

use crate::running::{PATIENCE, secret};

/// A head and a body, as they went over the wire.
#[derive(Debug)]
pub(crate) struct Message {
    /// The first line.
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The values of a header, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    pub(crate) fn status(&self) -> u16 {
        self.line.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Reads one; `None` when the other side has ended before.
    fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
                let mut lines = head.split("\r\n");
                let line = lines.next().unwrap().to_owned();
                let headers: Vec<(String, String)> = lines
                    .map(|line| line.split_once(": ").unwrap_or((line, "")))
                    .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                    .collect();
                let length = headers.iter().find(|(name, _)| name == "content-length");
                let length = length.map_or(0, |(_, length)| length.parse().unwrap());
                if bytes.len() >= end + 4 + length {
                    let body = bytes[end + 4..end + 4 + length].to_vec();
                    return Some(Self {
                        line,
                        headers,
                        body,
                    });
                }
            }
            match stream.read(&mut chunk) {
                Ok(0) | Err(_) => return None,
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            }
        }
    }
}

/// A connection of a sender's.
pub(crate) struct Connection(TcpStream);

pub(crate) fn connect(to: SocketAddr) -> Connection {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Connection(stream)
}

impl Connection {
    /// Writes a request, which leaves the connection open.
    pub(crate) fn write(&mut self, request: &Request<Bytes>) {
        let rest = self.write_but(request, 0);
        assert_eq!(rest, Bytes::new());
    }

    /// The same without the last bytes of its body, which come back.
    pub(crate) fn write_but(&mut self, request: &Request<Bytes>, last: usize) -> Bytes {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: hooks.example\r\n",
            request.method(),
            request.uri()
        );
        for (name, value) in request.headers() {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", request.body().len()));
        let mut body = request.body().clone();
        let rest = body.split_off(body.len() - last);
        self.0.write_all(head.as_bytes()).unwrap();
        self.0.write_all(&body).unwrap();
        rest
    }

    pub(crate) fn write_rest(&mut self, rest: &[u8]) {
        self.0.write_all(rest).unwrap();
    }

    #[track_caller]
    pub(crate) fn answer(&mut self) -> Message {
        Message::read(&mut self.0).expect("no answer")
    }

    /// The beginning of a request, and no more.
    pub(crate) fn write_half(&mut self) {
        self.0
            .write_all(b"POST /stripe HTTP/1.1\r\nhost: a\r\n")
            .unwrap();
    }

    /// Does the other side close it when it is asked again and again, and no answer is read?
    pub(crate) fn is_closed_while_asking(&mut self, request: &str) -> bool {
        self.0.set_write_timeout(Some(PATIENCE)).unwrap();
        let requests = request.repeat(200);
        loop {
            if let Err(error) = self.0.write_all(requests.as_bytes()) {
                return error.kind() != std::io::ErrorKind::WouldBlock;
            }
        }
    }

    /// Does the other side end it once it has got this, or before?
    pub(crate) fn is_ended_by(&mut self, text: &str) -> bool {
        let ends = |error: std::io::Error| error.kind() != std::io::ErrorKind::WouldBlock;
        if let Err(error) = self.0.write_all(text.as_bytes()) {
            return ends(error);
        }
        self.0
            .read_to_end(&mut Vec::new())
            .map_or_else(ends, |_| true)
    }

    /// Has the other side closed it?
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0; 1]), Ok(0))
    }
}

/// One request over a connection of its own, and its answer.
#[track_caller]
pub(crate) fn exchange(to: SocketAddr, request: &Request<Bytes>) -> Message {
    let mut connection = connect(to);
    connection.write(request);
    connection.answer()
}

/// A genuine request of Stripe's, with an id.
pub(crate) fn stripe(id: &str) -> Request<Bytes> {
    stripe_with("STRIPE_SECRET", id, system_now())
}

pub(crate) fn stripe_with(name: &str, id: &str, at: Timestamp) -> Request<Bytes> {
    let body = format!(
        "{{\"id\":{},\"type\":\"invoice.paid\"}}",
        serde_json::Value::from(id)
    );
    Sender::new(providers::STRIPE, secret(name))
        .at(at)
        .url("/stripe")
        .send(body)
}

/// The program of a user's, behind the receiver.
pub(crate) struct Target {
    port: u16,
    arrived: Receiver<Message>,
}

/// Starts one that answers every connection so.
pub(crate) fn target(answer: impl Fn(&Message, &mut TcpStream) + Send + Sync + 'static) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (give, arrived) = mpsc::channel();
    let answer = std::sync::Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, give, answer) = (stream.unwrap(), give.clone(), answer.clone());
            thread::spawn(move || {
                if let Some(message) = Message::read(&mut stream) {
                    answer(&message, &mut stream);
                    let _ = give.send(message);
                }
            });
        }
    });
    Target { port, arrived }
}

/// Starts one that gives this answer, lines ended by `\n`.
pub(crate) fn answering(answer: &'static str) -> Target {
    target(move |_, stream| {
        // Whoever has seen enough may be gone.
        let _ = stream.write_all(answer.replace('\n', "\r\n").as_bytes());
    })
}

impl Target {
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks", self.port)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// What arrived next.
    #[track_caller]
    pub(crate) fn arrived(&self) -> Message {
        self.arrived
            .recv_timeout(PATIENCE)
            .expect("nothing has arrived")
    }

    /// Has nothing more arrived, of what was answered by now?
    pub(crate) fn is_done(&self) -> bool {
        self.arrived.try_recv().is_err()
    }
}
