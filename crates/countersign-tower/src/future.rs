//! The future of a receiver without a store: reads the body, waits for the inner service, then runs its future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use countersign::{Delivery, Lease, NoStore, Reading, Received, Refusal};
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::body::{Frames, ResponseBody, VerifiedBody};
use crate::layer::Guard;
use crate::response::{reply_with, turn_away};

pin_project! {
    /// The response of [`Countersign`](crate::Countersign) without a store. Dropping it at any moment is harmless.
    pub struct ResponseFuture<Inner, B>
    where
        Inner: Service<Request<VerifiedBody>>,
    {
        #[pin]
        state: State<Inner, B>,
    }
}

pin_project! {
    #[project = StateProject]
    #[project_replace = StateReplace]
    enum State<Inner, B>
    where
        Inner: Service<Request<VerifiedBody>>,
    {
        Reading {
            reading: Reading,
            #[pin]
            body: Frames<B>,
            attempt: Attempt<Inner, NoStore>,
        },
        Readying {
            inner: Inner,
            request: Request<VerifiedBody>,
        },
        Running {
            #[pin]
            future: Inner::Future,
        },
        Fixed {
            response: Response<Bytes>,
        },
        Done,
    }
}

/// What waits until the body is there.
pub(crate) struct Attempt<Inner, S> {
    pub(crate) parts: Parts,
    pub(crate) inner: Inner,
    pub(crate) guard: Arc<Guard<S>>,
}

impl<Inner, B> ResponseFuture<Inner, B>
where
    Inner: Service<Request<VerifiedBody>>,
{
    pub(crate) fn reading(
        reading: Reading,
        request: Request<B>,
        inner: Inner,
        guard: Arc<Guard<NoStore>>,
    ) -> Self {
        let (parts, body) = request.into_parts();
        Self {
            state: State::Reading {
                reading,
                body: Frames::new(body, guard.receiver.max_body()),
                attempt: Attempt {
                    parts,
                    inner,
                    guard,
                },
            },
        }
    }

    pub(crate) const fn refused(response: Response<Bytes>) -> Self {
        Self {
            state: State::Fixed { response },
        }
    }
}

/// What an attempt turned out to be.
pub(crate) enum Decided {
    /// The receiver's answer to it.
    Answered(Response<Bytes>),
    /// A delivery.
    Delivery(Delivery),
}

impl<Inner, S> Attempt<Inner, S> {
    pub(crate) fn decide(&self, verdict: Result<Received, Refusal>) -> Decided {
        let scheme = self.guard.receiver.scheme();
        let verified = match verdict {
            Ok(Received::Delivery(verified)) => Ok(verified),
            Ok(Received::Answered(reply)) => return Decided::Answered(reply_with(reply)),
            // A kind that this version does not know is no delivery.
            Ok(_) => Err(Refusal::SignatureMissing),
            Err(refusal) => Err(refusal),
        };
        match verified.and_then(|verified| verified.deliver(&self.parts)) {
            Ok(delivery) => Decided::Delivery(delivery),
            Err(refusal) => Decided::Answered(turn_away(scheme, &refusal)),
        }
    }

    /// The request as the inner service gets it.
    pub(crate) fn request(self, delivery: Delivery) -> (Inner, Request<VerifiedBody>) {
        let body = VerifiedBody::new(delivery.body().clone());
        let mut request = Request::from_parts(self.parts, body);
        let extensions = request.extensions_mut();
        extensions.insert(delivery);
        // That of another receiver outside of this one is another delivery's.
        extensions.remove::<Lease>();
        (self.inner, request)
    }
}

impl<Inner> Attempt<Inner, NoStore>
where
    Inner: Service<Request<VerifiedBody>>,
{
    fn go_on<B>(self, verdict: Result<Received, Refusal>) -> State<Inner, B> {
        match self.decide(verdict) {
            Decided::Delivery(delivery) => {
                let (inner, request) = self.request(delivery);
                State::Readying { inner, request }
            }
            Decided::Answered(response) => State::Fixed { response },
        }
    }
}

impl<Inner, B, ResBody> Future for ResponseFuture<Inner, B>
where
    Inner: Service<Request<VerifiedBody>, Response = Response<ResBody>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<ResBody>>, Inner::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProject::Reading { reading, body, .. } => {
                    let verdict = ready!(reading.poll_received(cx, body));
                    // Drops the body, read or not.
                    let read = state.as_mut().project_replace(State::Done);
                    if let StateReplace::Reading { attempt, .. } = read {
                        state.set(attempt.go_on(verdict));
                    }
                }
                StateProject::Readying { inner, .. } => {
                    // Asked only now: what it reserves when it becomes ready is not held for a stranger's slow body.
                    if let Err(error) = ready!(inner.poll_ready(cx)) {
                        state.set(State::Done);
                        return Poll::Ready(Err(error));
                    }
                    let read = state.as_mut().project_replace(State::Done);
                    if let StateReplace::Readying { mut inner, request } = read {
                        state.set(State::Running {
                            future: inner.call(request),
                        });
                    }
                }
                StateProject::Running { future } => {
                    let response = ready!(future.poll(cx));
                    return Poll::Ready(response.map(|response| response.map(ResponseBody::inner)));
                }
                StateProject::Fixed { .. } => {
                    let refused = state.as_mut().project_replace(State::Done);
                    if let StateReplace::Fixed { response } = refused {
                        return Poll::Ready(Ok(response.map(ResponseBody::fixed)));
                    }
                }
                // Polled after it completed, or after the inner service panicked.
                StateProject::Done => return Poll::Pending,
            }
        }
    }
}

impl<Inner, B> fmt::Debug for ResponseFuture<Inner, B>
where
    Inner: Service<Request<VerifiedBody>>,
{
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Reading { .. } => "reading",
            State::Readying { .. } => "readying",
            State::Running { .. } => "running",
            State::Fixed { .. } => "fixed",
            State::Done => "done",
        };
        out.debug_struct("ResponseFuture")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
