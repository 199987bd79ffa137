//! The sender's side: one HTTP request over a fresh connection.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
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
    let mut request = Request::post(format!("/{}", attempt.scheme))
        .header("host", to.to_string())
        .header(ATTEMPT_HEADER, attempt.number);
    for (name, value) in &attempt.headers {
        request = request.header(name, value);
    }
    let body = match attempt.declared {
        None => Either::Left(Full::new(attempt.body.clone())),
        Some(length) => {
            request = request.header("content-length", length);
            Either::Right(NeverSent)
        }
    };
    let exchange = async {
        let response = sender.send_request(request.body(body)?).await?;
        let status = response.status().as_u16();
        response.into_body().collect().await?;
        Ok::<u16, Box<dyn Error>>(status)
    };
    // Drives the connection until it ends; what became of it shows in the exchange.
    let connection = tokio::spawn(connection);
    let status = tokio::time::timeout(Duration::from_secs(5), exchange).await??;
    connection.abort();
    Ok(Sent {
        status,
        took: started.elapsed(),
    })
}
