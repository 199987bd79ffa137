//! One HTTP/1.1 request over a new connection, without TLS.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// So much of an answer is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// So many bytes are read from one connection, whatever they are: interim answers without an end, say.
const MAX_READ: u64 = 2 * 1024 * 1024;

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) connect: Duration,
    pub(crate) answer: Duration,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Was there more of the body?
    pub(crate) is_cut: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("{0:?} is no URL that can be sent to")]
    Url(String),
    #[error(
        "https is not supported: there is no TLS in this program; `countersign sign --curl --url URL` prints a line that sends it"
    )]
    Https,
    #[error("{0:?} begins with neither http:// nor https://")]
    NoHttp(String),
    #[error(
        "the URL holds a user or password, which is not supported: give -H 'Authorization: ...' instead"
    )]
    UserInformation,
    #[error("cannot connect to {to}: {reason}")]
    Connect { to: String, reason: io::Error },
    #[error("no connection to {to} within {seconds} s")]
    ConnectTimeout { to: String, seconds: u64 },
    #[error("no answer from {to} within {seconds} s")]
    AnswerTimeout { to: String, seconds: u64 },
    #[error(
        "only this machine is attacked: {0:?} is no loopback address, which is one of 127.0.0.0/8, [::1], or localhost"
    )]
    NotLoopback(String),
    #[error(
        "only this machine is attacked: localhost means {0} here, which is no loopback address"
    )]
    NotLocal(IpAddr),
    #[error("localhost cannot be resolved")]
    NoLocalhost,
    #[error("the exchange with {to} failed: {reason}")]
    Exchange { to: String, reason: String },
}

/// Where to send.
#[derive(Debug)]
pub(crate) struct Target {
    host: String,
    port: u16,
    authority: String,
    stays_here: bool,
}

impl Target {
    /// Reads a URL. What it is refused for does not repeat its query, which may hold a token.
    pub(crate) fn parse(url: &str) -> Result<Self, ClientError> {
        let shown = || url.split(['?', '#']).next().unwrap_or_default().to_owned();
        let (scheme, _) = url
            .split_once("://")
            .ok_or_else(|| ClientError::NoHttp(shown()))?;
        if scheme.eq_ignore_ascii_case("https") {
            return Err(ClientError::Https);
        }
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(ClientError::NoHttp(shown()));
        }
        let uri: Uri = url.parse().map_err(|_| ClientError::Url(shown()))?;
        let authority = uri.authority().ok_or_else(|| ClientError::Url(shown()))?;
        if authority.as_str().contains('@') {
            return Err(ClientError::UserInformation);
        }
        let host = authority.host();
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        if bare.is_empty() {
            return Err(ClientError::Url(shown()));
        }
        Ok(Self {
            host: bare.to_owned(),
            port: authority.port_u16().unwrap_or(80),
            authority: authority.as_str().to_owned(),
            stays_here: false,
        })
    }
}

impl Target {
    /// Host and port, as the URL has them.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The port.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The address that the URL names; none where it names a host.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Is it this machine's loopback interface, by its address or as localhost?
    pub(crate) fn is_loopback(&self) -> bool {
        match self.address() {
            Some(address) => address.is_loopback(),
            None => self.host.eq_ignore_ascii_case("localhost"),
        }
    }

    /// The same, and [`exchange`] connects to no other machine, whatever localhost means here.
    pub(crate) fn staying_here(mut self) -> Self {
        self.stays_here = true;
        self
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
        let mut addresses: Vec<SocketAddr> = found.collect();
        if self.stays_here {
            addresses.retain(|address| address.ip().is_loopback());
        }
        TcpStream::connect(addresses.as_slice()).await
    }

    /// The address, if it is of this machine's loopback interface and nothing else. Where localhost has several, one that listens. A name
    /// other than localhost is not even looked up.
    pub(crate) fn on_loopback(&self, patience: Duration) -> Result<SocketAddr, ClientError> {
        let addresses = match self.host.parse::<IpAddr>() {
            Ok(address) if address.is_loopback() => vec![SocketAddr::new(address, self.port)],
            Err(_) if self.host.eq_ignore_ascii_case("localhost") => self.localhost()?,
            _ => return Err(ClientError::NotLoopback(self.host.clone())),
        };
        // Who connects and leaves is a hostile peer already: not for nothing.
        if let [only] = addresses.as_slice() {
            return Ok(*only);
        }
        let mut failure = ClientError::NoLocalhost;
        for address in addresses {
            match std::net::TcpStream::connect_timeout(&address, patience) {
                Ok(_) => return Ok(address),
                Err(reason) => {
                    failure = ClientError::Connect {
                        to: address.to_string(),
                        reason,
                    };
                }
            }
        }
        Err(failure)
    }

    fn localhost(&self) -> Result<Vec<SocketAddr>, ClientError> {
        let resolved = ("localhost", self.port).to_socket_addrs();
        let addresses: Vec<_> = resolved.map_err(|_| ClientError::NoLocalhost)?.collect();
        match addresses.iter().find(|address| !address.ip().is_loopback()) {
            Some(other) => Err(ClientError::NotLocal(other.ip())),
            None => Ok(addresses),
        }
    }
}

/// Sends the request and reads the answer.
pub(crate) async fn exchange(
    target: &Target,
    request: Request<Bytes>,
    patience: Patience,
) -> Result<Answer, ClientError> {
    let to = || target.authority.clone();
    let stream = tokio::time::timeout(patience.connect, target.connect())
        .await
        .map_err(|_| ClientError::ConnectTimeout {
            to: to(),
            seconds: patience.connect.as_secs(),
        })?
        .map_err(|reason| ClientError::Connect { to: to(), reason })?;
    let failed = |error: hyper::Error| ClientError::Exchange {
        to: to(),
        reason: chain(&error),
    };
    let exchange = async {
        let (reader, writer) = stream.into_split();
        let stream = tokio::io::join(reader.take(MAX_READ), writer);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(failed)?;
        // Drives the connection until this ends; what became of it shows in the exchange.
        let mut driver = tokio::task::JoinSet::new();
        driver.spawn(connection);
        let response = sender
            .send_request(request.map(Full::new))
            .await
            .map_err(failed)?;
        let (head, mut incoming) = response.into_parts();
        let mut body = BytesMut::new();
        let mut is_cut = false;
        while let Some(frame) = incoming.frame().await {
            let Ok(data) = frame.map_err(failed)?.into_data() else {
                continue;
            };
            let room = MAX_ANSWER.saturating_sub(body.len());
            body.extend_from_slice(data.get(..room).unwrap_or(&data));
            if data.len() > room {
                is_cut = true;
                break;
            }
        }
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.freeze(),
            is_cut,
        })
    };
    tokio::time::timeout(patience.answer, exchange)
        .await
        .map_err(|_| ClientError::AnswerTimeout {
            to: to(),
            seconds: patience.answer.as_secs(),
        })?
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_and_port() {
        let target = Target::parse("http://[::1]:8080/a?b=c").unwrap();
        assert_eq!((target.host.as_str(), target.port), ("::1", 8080));
        assert_eq!(target.authority, "[::1]:8080");
        let target = Target::parse("HTTP://Example.com").unwrap();
        assert_eq!((target.host.as_str(), target.port), ("Example.com", 80));
    }

    #[test]
    fn only_loopback_addresses_are_attacked() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = |host: &str| {
            let target = Target::parse(&format!("http://{host}:{port}/")).unwrap();
            target.on_loopback(Duration::from_secs(5))
        };
        let here = SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(address("127.0.0.1").unwrap(), here);
        assert_eq!(address("LOCALHOST").unwrap(), here);
        for elsewhere in [
            "0.0.0.0",
            "10.0.0.1",
            "126.255.255.255",
            "128.0.0.1",
            "169.254.169.254",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[fe80::1]",
            "127.1",
            "2130706433",
            "example.com",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "a.localhost",
        ] {
            let error = address(elsewhere).unwrap_err().to_string();
            assert!(
                error.starts_with("only this machine is attacked: "),
                "{error}"
            );
        }
    }

    #[test]
    fn what_cannot_be_sent_to_is_said_without_the_query() {
        for (url, says) in [
            ("https://h/?t=secret", "https is not supported"),
            ("ftp://h/?t=secret", "\"ftp://h/\" begins with neither"),
            ("stripe", "\"stripe\" begins with neither"),
            ("http://a b/?t=secret", "\"http://a b/\" is no URL"),
            ("http://user:secret@h/", "the URL holds a user or password"),
        ] {
            let error = Target::parse(url).unwrap_err().to_string();
            assert!(error.starts_with(says), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
