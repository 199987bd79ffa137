//! The sender's side: one HTTP request over a fresh connection.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_LENGTH, HOST};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::{Body, Frame};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::attempts::{ATTEMPT_HEADER, Attempt};

/// What came back.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    pub(crate) took: Duration,
}

/// A body that was declared and is never sent: the answer must come without it.
struct NeverSent;

impl Body for NeverSent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// Sends one attempt and waits for the whole answer, at most five seconds.
pub(crate) async fn send(to: SocketAddr, attempt: &Attempt) -> Result<Sent, Box<dyn Error>> {
    let started = Instant::now();
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let (mut head, body) = attempt.request.clone().into_parts();
    // A server is asked for a path, whatever name it is known under.
    if let Some(target) = head.uri.path_and_query() {
        head.uri = target.clone().into();
    }
    head.headers.insert(HOST, to.to_string().parse()?);
    head.headers.insert(ATTEMPT_HEADER, attempt.number.into());
    let body = match attempt.declared {
        None => Either::Left(Full::new(body)),
        Some(length) => {
            head.headers.insert(CONTENT_LENGTH, length.into());
            Either::Right(NeverSent)
        }
    };
    let exchange = async {
        let request = Request::from_parts(head, body);
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok::<_, Box<dyn Error>>((status, body))
    };
    // Drives the connection until it ends; what became of it shows in the exchange.
    let connection = tokio::spawn(connection);
    let (status, body) = tokio::time::timeout(Duration::from_secs(5), exchange).await??;
    connection.abort();
    Ok(Sent {
        status,
        body,
        took: started.elapsed(),
    })
}
