//! The bodies: the one lent to the core, and the one that goes out.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::Payload;
use bytes::{Bytes, BytesMut};
use countersign::{Broken, Chunks};
use futures_core::Stream;
use pin_project_lite::pin_project;

/// A request's body, lent to the core, which bounds and times it. What actix-web's own settings say of payloads plays no part.
pub(crate) struct Pieces {
    payload: Payload,
    /// One byte more than the receiver takes.
    most: usize,
}

impl Pieces {
    pub(crate) fn new(payload: Payload, limit: u64) -> Self {
        let most = limit.saturating_add(1);
        Self {
            payload,
            most: usize::try_from(most).unwrap_or(usize::MAX),
        }
    }

    /// What has not been read.
    pub(crate) fn into_rest(self) -> Payload {
        self.payload
    }
}

impl Chunks for Pieces {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        let chunk = match ready!(Pin::new(&mut self.payload).poll_next(cx)) {
            None => None,
            Some(Ok(chunk)) => Some(Ok(chunk.slice(..chunk.len().min(self.most)))),
            Some(Err(_)) => Some(Err(Broken)),
        };
        Poll::Ready(chunk)
    }
}

pin_project! {
    /// A response's body: the inner service's as it is, or the few fixed bytes that a refused sender is told.
    pub struct ResponseBody<B> {
        #[pin]
        body: Either<B>,
    }
}

pin_project! {
    #[project = EitherProject]
    enum Either<B> {
        Inner { #[pin] body: B },
        // What was not read of the request is kept until the answer is written: a chunked body that is dropped before is read to its end by
        // actix-http, however long that is; behind the answer it closes.
        Fixed { bytes: Bytes, unread: Payload },
        Recorded { read: Bytes, rest: Option<Pin<Box<B>>> },
    }
}

impl<B> ResponseBody<B> {
    pub(crate) const fn inner(body: B) -> Self {
        Self {
            body: Either::Inner { body },
        }
    }

    pub(crate) const fn fixed(bytes: Bytes, unread: Payload) -> Self {
        Self {
            body: Either::Fixed { bytes, unread },
        }
    }
}

impl<B: MessageBody> ResponseBody<B> {
    /// Reads the body up to a limit. Gives it, as it was, and what was read if that was all of it.
    pub(crate) async fn read(body: B, limit: usize) -> Result<(Self, Option<Bytes>), B::Error> {
        let mut rest = Box::pin(body);
        let mut read = BytesMut::new();
        let is_whole = loop {
            // `None` and `Sized(0)` are bodies that may not be polled.
            let declared = match rest.size() {
                BodySize::None | BodySize::Sized(0) => break true,
                BodySize::Sized(len) => usize::try_from(len).unwrap_or(usize::MAX),
                BodySize::Stream => 0,
            };
            if read.len() > limit || read.is_empty() && declared > limit {
                break false;
            }
            match poll_fn(|cx| rest.as_mut().poll_next(cx)).await {
                None => break true,
                Some(chunk) => read.extend_from_slice(&chunk?),
            }
        };
        let read = read.freeze();
        let whole = is_whole.then(|| read.clone());
        let rest = (!is_whole).then_some(rest);
        let body = Either::Recorded { read, rest };
        Ok((Self { body }, whole))
    }
}

impl<B: MessageBody> MessageBody for ResponseBody<B> {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        match &self.body {
            Either::Inner { body } => body.size(),
            Either::Fixed { bytes, .. } => bytes.size(),
            Either::Recorded { read, rest: None } => read.size(),
            // How much of its length it still counts, only it knows.
            Either::Recorded {
                read,
                rest: Some(rest),
            } => match rest.size() {
                size if read.is_empty() => size,
                _ => BodySize::Stream,
            },
        }
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let polled = match self.project().body.project() {
            EitherProject::Inner { body } => ready!(body.poll_next(cx)),
            EitherProject::Fixed { bytes, .. } => return Poll::Ready(piece(bytes)),
            EitherProject::Recorded { read, rest } => match (piece(read), rest) {
                (Some(read), _) => return Poll::Ready(Some(read)),
                (None, Some(rest)) => ready!(rest.as_mut().poll_next(cx)),
                (None, None) => None,
            },
        };
        Poll::Ready(polled.map(|chunk| chunk.map_err(Into::into)))
    }
}

/// Once, if there is anything.
fn piece(bytes: &mut Bytes) -> Option<Result<Bytes, Box<dyn Error>>> {
    let bytes = std::mem::take(bytes);
    (!bytes.is_empty()).then_some(Ok(bytes))
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match &self.body {
            Either::Inner { .. } => "ResponseBody(inner)",
            Either::Fixed { .. } => "ResponseBody(fixed)",
            Either::Recorded { .. } => "ResponseBody(recorded)",
        })
    }
}
