//! The service: verifies a request, then calls the inner service.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use countersign::{DeliveryStore, NoStore, Once, Receiver};
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::body::{ResponseBody, VerifiedBody};
use crate::future::ResponseFuture;
use crate::layer::Guard;
use crate::response::turn_away;
use crate::run::RunFuture;

/// Verifies every request before the inner service sees it. Made by [`CountersignLayer`](crate::CountersignLayer).
///
/// - **Accepted**: the inner service gets the request with method, URI, version, headers and extensions as they arrived, the verified bytes
///   as its body, and the [`Delivery`](countersign::Delivery) in its extensions, in the place of any that was there. Trailers are dropped. With a
///   store this is so for what is [claimed](#with-a-store) alone.
/// - **Answered**: a handshake, or a request without a signature that the sender is known to make (a probe when the URL is saved, say), gets
///   the receiver's own [`Reply`](countersign::Reply), spelled by [`reply_with`](crate::reply_with), and the inner service is not called. Where
///   the application has a say ([`consent`](countersign::ReceiverBuilder::consent)), it is asked when the request's body is there, and waited
///   for as long as a body may take. Many of these are no POSTs: whatever stands in front of this service must let GET, HEAD and OPTIONS
///   through to it.
/// - **Refused**: the sender gets what [`outcome::answer`](countersign::outcome::answer) says, spelled by [`respond`](crate::respond), and
///   the inner service is not called. What the head decides is refused before a byte of the body is polled; the rest of the body is dropped
///   before the answer is given.
/// - **Told**: the [`Refusal`](countersign::Refusal) is in the extensions of the response, for a middleware outside that counts or logs; nothing
///   of it goes over the wire.
/// - **Seen**: each attempt is told once, as [the manual](countersign::manual::observability) says: one event, one count, one call of the
///   [observer](countersign::ReceiverBuilder::observer). One whose future is dropped while its body is read is told as abandoned.
///
/// Bodies and errors of the inner service pass through. It must be [`Clone`]: each verified request goes to a clone of its own, which is asked
/// whether it is ready and then called. It is asked only after the verification, so that forged requests with slow bodies cannot hold what
/// it reserves when it becomes ready, such as a slot of a concurrency limit. This service itself is therefore always ready: what limits or
/// sheds by readiness belongs inside of it for verified deliveries, and limits on everything that arrives belong in front of it.
///
/// # With a store
/// A verified delivery goes through these steps, in a task of its own, which a client that hangs up does not end (or
/// [in place](crate::CountersignLayer::in_place)):
/// 1. **A place** among the [runs](countersign::ReceiverBuilder::max_runs) is taken. There is none, or the receiver
///    [shuts down](countersign::Receiver::drain): 503.
/// 2. **The claim.** A duplicate of what was done is answered with the recorded status, and body where the sender reads it, spelled by
///    [`reply_with`](crate::reply_with); a copy of what is being done, a full store and one that does not answer are refused with 503. The inner
///    service is not called.
/// 3. **The [quota](countersign::ReceiverBuilder::quota)** of its tenant, where there is one. Over it: given back, and 429.
/// 4. **The inner service** is asked whether it is ready, and called, with the [`Lease`](countersign::Lease) in the request's extensions. (There
///    is none for deliveries that are not told from others, nor while the store is away under
///    [`StorePolicy::Run`](countersign::StorePolicy::Run).) The lease is extended while it runs. A panic is answered 500 and a run beyond
///    [`run_timeout`](countersign::ReceiverBuilder::run_timeout) 503; both are given back.
/// 5. **The record.** A 2xx, or [`FailedForGood`](countersign::FailedForGood) in the response's extensions, is recorded before the response is
///    passed on; anything else, an error of the inner service included, is given back. Where the sender reads answers
///    ([`AnswerKind::Content`](countersign::scheme::AnswerKind::Content)), the body of a 2xx is read up to 16 KiB first and recorded with its media
///    type. A run that has lost its lease is answered 503, whatever it came to.
///
/// Where the sender's [deadline](countersign::Receiver::answer_after) is known, an unfinished run is answered 503 shortly before it, and goes on.
/// What became of a delivery is in the response's extensions, as an [`Outcome`](countersign::Outcome), beside the refusal
/// where it is one. The manual has
/// [the table](countersign::manual::what_2xx_promises#what-each-outcome-answers). An attempt is told when its run is over. One that
/// could not wait is told at once, and what its run comes to is told apart.
///
/// The inner service, its futures and its bodies must then be [`Send`], and what it holds `'static`: it is moved into that task. The request's
/// `tracing` span comes along; task-local values of the caller do not. Timeouts and limits outside of this service see the request and not the
/// run, which goes on; inside of it they see the run.
pub struct Countersign<Inner, S = NoStore> {
    inner: Inner,
    guard: Arc<Guard<S>>,
}

impl<Inner, S> Countersign<Inner, S> {
    /// Puts a receiver in front of one service, without a layer.
    #[must_use]
    pub fn new(inner: Inner, receiver: Receiver<S>) -> Self {
        Self::guarded(inner, Guard::new(receiver))
    }

    pub(crate) const fn guarded(inner: Inner, guard: Arc<Guard<S>>) -> Self {
        Self { inner, guard }
    }
}

impl<Inner, B, ResBody> Service<Request<B>> for Countersign<Inner, NoStore>
where
    Inner: Service<Request<VerifiedBody>, Response = Response<ResBody>> + Clone,
    B: Body,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = Inner::Error;
    type Future = ResponseFuture<Inner, B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Inner::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Guard {
            receiver, clock, ..
        } = &*self.guard;
        match receiver.receive(&request, clock) {
            Ok(reading) => {
                let inner = self.inner.clone();
                ResponseFuture::reading(reading, request, inner, Arc::clone(&self.guard))
            }
            Err(refusal) => ResponseFuture::refused(turn_away(receiver.scheme(), &refusal)),
        }
    }
}

impl<Inner, S, B, ResBody> Service<Request<B>> for Countersign<Inner, Once<S>>
where
    Inner: Service<Request<VerifiedBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    Inner::Future: Send,
    Inner::Error: Send + 'static,
    S: DeliveryStore,
    B: Body,
    ResBody: Body + Send + 'static,
    ResBody::Data: Send,
    ResBody::Error: Send,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = Inner::Error;
    type Future = RunFuture<Inner, B, ResBody, S>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Inner::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Guard {
            receiver, clock, ..
        } = &*self.guard;
        match receiver.receive(&request, clock) {
            Ok(reading) => {
                let inner = self.inner.clone();
                RunFuture::reading(reading, request, inner, Arc::clone(&self.guard))
            }
            Err(refusal) => RunFuture::refused(turn_away(receiver.scheme(), &refusal)),
        }
    }
}

impl<Inner: Clone, S> Clone for Countersign<Inner, S> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            guard: Arc::clone(&self.guard),
        }
    }
}

impl<Inner: fmt::Debug, S> fmt::Debug for Countersign<Inner, S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Countersign")
            .field("inner", &self.inner)
            .field("scheme", &self.guard.receiver.scheme().name)
            .finish_non_exhaustive()
    }
}
