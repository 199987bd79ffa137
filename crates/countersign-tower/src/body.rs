//! The three bodies: the one lent to the core, the one handed on, and the one that goes out.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use countersign::{Broken, Chunks};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project_lite::pin_project;

pin_project! {
    /// A request's body, lent to the core.
    #[derive(Debug)]
    pub(crate) struct Frames<B> {
        #[pin]
        body: B,
        // One byte more than the receiver takes.
        most: usize,
    }
}

impl<B> Frames<B> {
    pub(crate) fn new(body: B, limit: u64) -> Self {
        let most = limit.saturating_add(1);
        Self {
            body,
            most: usize::try_from(most).unwrap_or(usize::MAX),
        }
    }
}

impl<B: Body> Chunks for Frames<B> {
    fn poll_chunk(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        let this = self.project();
        let mut body = this.body;
        loop {
            match ready!(body.as_mut().poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(_)) => return Poll::Ready(Some(Err(Broken))),
                Some(Ok(frame)) => {
                    // What is no data is trailers: neither body nor headers.
                    if let Ok(mut data) = frame.into_data() {
                        // A frame that is too large is refused for its first bytes; the rest of it is not copied.
                        let len = data.remaining().min(*this.most);
                        return Poll::Ready(Some(Ok(data.copy_to_bytes(len))));
                    }
                }
            }
        }
    }
}

/// The body that the inner service gets: the bytes that were verified, in one frame and without trailers.
///
/// It is no evidence by itself. That is the [`Delivery`](countersign::Delivery) in the request's extensions, which holds the same bytes.
#[derive(Clone, Debug, Default)]
pub struct VerifiedBody(Full<Bytes>);

impl VerifiedBody {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self(Full::new(bytes))
    }

    /// The bytes, without polling; empty once they were polled.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0.into_inner().unwrap_or_default()
    }
}

impl Body for VerifiedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

pin_project! {
    /// A response's body: the inner service's as it is, or the few fixed bytes that a refused sender is told.
    ///
    /// It is a [`Body`] when the inner one is and its data can be made [`From<Bytes>`], as `Bytes` itself can. Its errors are the inner
    /// body's. The default is empty.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        body: Either<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = EitherProject]
    enum Either<B> {
        Inner { #[pin] body: B },
        Fixed { #[pin] body: Full<Bytes> },
    }
}

impl<B> ResponseBody<B> {
    pub(crate) const fn inner(body: B) -> Self {
        Self {
            body: Either::Inner { body },
        }
    }

    pub(crate) fn fixed(bytes: Bytes) -> Self {
        Self {
            body: Either::Fixed {
                body: Full::new(bytes),
            },
        }
    }
}

impl<B> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::fixed(Bytes::new())
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body,
    B::Data: From<Bytes>,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match self.project().body.project() {
            EitherProject::Inner { body } => body.poll_frame(cx),
            EitherProject::Fixed { body } => body
                .poll_frame(cx)
                .map(|frame| frame.map(|Ok(frame)| Ok(frame.map_data(B::Data::from)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Either::Inner { body } => body.is_end_stream(),
            Either::Fixed { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Either::Inner { body } => body.size_hint(),
            Either::Fixed { body } => body.size_hint(),
        }
    }
}
