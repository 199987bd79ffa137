//! The senders of the load: one connection each, kept while it holds.

use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use countersign::Timestamp;
use countersign::providers::STRIPE;
use countersign_testkit::Sender;
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Fate, PATIENCE};

pub(super) const SECRET: &str = "whsec_0123456789abcdef0123456789";

/// No sender tries for ever; here three attempts are enough for every fate.
const ATTEMPTS: usize = 50;

type Failed = Box<dyn Error + Send + Sync>;

/// What was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    pub(super) attempts: usize,
    pub(super) forged: usize,
    /// Forgeries that got 401 or 429.
    pub(super) refused: usize,
    pub(super) duplicates: usize,
    /// Late copies that got 200.
    pub(super) late: usize,
    pub(super) hung_up: usize,
}

impl Sent {
    pub(super) fn add(&mut self, other: Self) {
        self.attempts += other.attempts;
        self.forged += other.forged;
        self.refused += other.refused;
        self.duplicates += other.duplicates;
        self.late += other.late;
        self.hung_up += other.hung_up;
    }
}

pub(super) struct Client {
    address: SocketAddr,
    sender: Sender,
    kept: Option<TcpStream>,
    pub(super) sent: Sent,
}

impl Client {
    pub(super) fn new(address: SocketAddr, now: Timestamp) -> Self {
        Self {
            address,
            sender: Sender::new(STRIPE, SECRET).at(now),
            kept: None,
            sent: Sent::default(),
        }
    }

    /// Delivers one event until it is taken.
    pub(super) async fn deliver(&mut self, number: usize) -> Result<(), Failed> {
        let wire = self.wire(number, false);
        match Fate::of(number) {
            Fate::Forged => {
                let forged = self.wire(number, true);
                self.sent.forged += 1;
                match self.ask(&forged).await? {
                    401 | 429 => self.sent.refused += 1,
                    status => return Err(format!("a forgery was answered {status}").into()),
                }
            }
            Fate::HangsUp => {
                let mut other = TcpStream::connect(self.address).await?;
                other.write_all(&wire).await?;
                self.sent.hung_up += 1;
                self.sent.attempts += 1;
            }
            Fate::Doubled => {
                let mut twin = Self::new(self.address, Timestamp::from_secs(0));
                let (mine, its) = tokio::join!(self.ask(&wire), twin.ask(&wire));
                self.sent.attempts += 1;
                self.sent.duplicates += 1;
                for status in [mine?, its?] {
                    if !matches!(status, 200 | 503) {
                        return Err(format!("a copy was answered {status}").into());
                    }
                }
            }
            _ => {}
        }
        self.until_taken(&wire).await?;
        if Fate::of(number) == Fate::Repeated {
            self.sent.duplicates += 1;
            match self.ask(&wire).await? {
                200 => {}
                status => return Err(format!("a duplicate was answered {status}").into()),
            }
        }
        Ok(())
    }

    /// Sends once what was done long ago, signed with this client's time.
    pub(super) async fn send_late(&mut self, number: usize) -> Result<(), Failed> {
        let wire = self.wire(number, false);
        self.sent.late += usize::from(self.ask(&wire).await? == 200);
        Ok(())
    }

    async fn until_taken(&mut self, wire: &[u8]) -> Result<(), Failed> {
        for _ in 0..ATTEMPTS {
            match self.ask(wire).await? {
                200 => return Ok(()),
                // A handler that fails or panics, and a run that goes on.
                500 | 502 | 503 => tokio::task::yield_now().await,
                status => return Err(format!("it was answered {status}").into()),
            }
        }
        Err("it was never taken".into())
    }

    /// The signature of a forgery is that of what it was made from.
    fn wire(&self, number: usize, forged: bool) -> Vec<u8> {
        let body = |forged: bool| {
            let pad = "x".repeat(number % 1_500);
            format!(r#"{{"id":"evt_{number}","number":{number},"forged":{forged},"pad":"{pad}"}}"#)
        };
        let mut request: Request<Bytes> = self.sender.send(body(false));
        *request.body_mut() = body(forged).into();
        let mut text = String::from("POST /stripe HTTP/1.1\r\nhost: receiver\r\n");
        for (name, value) in request.headers() {
            text.push_str(&format!(
                "{name}: {}\r\n",
                value.to_str().unwrap_or_default()
            ));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n", request.body().len()));
        [text.as_bytes(), request.body()].concat()
    }

    async fn ask(&mut self, wire: &[u8]) -> Result<u16, Failed> {
        self.sent.attempts += 1;
        match timeout(PATIENCE, self.exchange(wire)).await {
            Ok(status) => status,
            Err(_) => Err("it was not answered".into()),
        }
    }

    async fn exchange(&mut self, wire: &[u8]) -> Result<u16, Failed> {
        let mut socket = match self.kept.take() {
            Some(socket) => socket,
            None => TcpStream::connect(self.address).await?,
        };
        socket.write_all(wire).await?;
        let mut answer = Vec::new();
        loop {
            let mut piece = [0; 1_024];
            let read = socket.read(&mut piece).await?;
            if read == 0 {
                return Err("the connection was closed".into());
            }
            answer.extend_from_slice(piece.get(..read).unwrap_or_default());
            let text = std::str::from_utf8(&answer)?.to_ascii_lowercase();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length = head.split("content-length: ").nth(1);
            let length = length
                .and_then(|rest| rest.lines().next())
                .ok_or("no length")?;
            if body.len() == length.parse::<usize>()? {
                let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
                self.kept = Some(socket);
                return Ok(status);
            }
        }
    }
}
