//! The three bodies: the one lent to the core, the one handed on, and the one that goes out.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use countersign::{Broken, Chunks};
use http::HeaderMap;
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
        Recorded { recorded: Recorded<B> },
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

/// The inner service's body, of which the beginning has been read.
#[derive(Debug)]
struct Recorded<B> {
    read: Bytes,
    trailers: Option<HeaderMap>,
    /// What is still to be read.
    rest: Option<Pin<Box<B>>>,
}

impl<B: Body> Recorded<B> {
    fn size_hint(&self) -> SizeHint {
        let read = u64::try_from(self.read.len()).unwrap_or(u64::MAX);
        let mut hint = SizeHint::new();
        let Some(rest) = &self.rest else {
            // Behind an exact length there would be no place for trailers in HTTP/1.
            match self.trailers {
                None => hint.set_exact(read),
                Some(_) => hint.set_lower(read),
            }
            return hint;
        };
        let rest = rest.size_hint();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(read)) {
            hint.set_upper(upper);
        }
        hint
    }
}

impl<B: Body> ResponseBody<B> {
    /// Reads the body up to a limit. Gives it, as it was, and what was read if that was all of it.
    pub(crate) async fn read(body: B, limit: usize) -> Result<(Self, Option<Bytes>), B::Error> {
        let mut rest = Box::pin(body);
        let mut read = BytesMut::new();
        let mut trailers = None;
        let is_whole = loop {
            let declared = usize::try_from(rest.size_hint().lower()).unwrap_or(usize::MAX);
            if read.len().saturating_add(declared) > limit {
                break false;
            }
            match poll_fn(|cx| rest.as_mut().poll_frame(cx)).await {
                None => break true,
                Some(frame) => match frame?.into_data() {
                    Ok(data) => read.put(data),
                    Err(frame) => trailers = frame.into_trailers().ok(),
                },
            }
        };
        let read = read.freeze();
        let whole = is_whole.then(|| read.clone());
        let recorded = Recorded {
            read,
            trailers,
            rest: (!is_whole).then_some(rest),
        };
        let body = Either::Recorded { recorded };
        Ok((Self { body }, whole))
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
            EitherProject::Recorded { recorded } => {
                if !recorded.read.is_empty() {
                    let read = std::mem::take(&mut recorded.read);
                    return Poll::Ready(Some(Ok(Frame::data(B::Data::from(read)))));
                }
                match &mut recorded.rest {
                    Some(rest) => rest.as_mut().poll_frame(cx),
                    None => {
                        let trailers = recorded.trailers.take();
                        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Either::Inner { body } => body.is_end_stream(),
            Either::Fixed { body } => body.is_end_stream(),
            Either::Recorded { recorded } => {
                let rest = recorded.rest.as_ref();
                recorded.read.is_empty()
                    && recorded.trailers.is_none()
                    && rest.is_none_or(|rest| rest.is_end_stream())
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Either::Inner { body } => body.size_hint(),
            Either::Fixed { body } => body.size_hint(),
            Either::Recorded { recorded } => recorded.size_hint(),
        }
    }
}
