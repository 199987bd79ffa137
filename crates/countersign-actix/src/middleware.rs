//! The middleware: verifies a request, then calls the service that it is wrapped around.

use std::fmt;
use std::future::{Ready, poll_fn, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Extensions, Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::web::{Data, FormConfig, JsonConfig, PayloadConfig};
use actix_web::{Error, HttpMessage, HttpResponse};
use bytes::Bytes;
use countersign::{
    Clock, Delivery, DeliveryStore, Lease, NoStore, Once, Received, Receiver, Refusal,
};

use crate::body::{Pieces, ResponseBody};
use crate::clock::TokioClock;
use crate::head::View;
use crate::response::{reply_with, turn_away};
use crate::run;

/// Verifies every request before what it is wrapped around sees it: `resource.wrap(Countersign::new(receiver))`, or around a scope or an app.
///
/// - **Accepted**: the inner service gets the request as it arrived, with the verified bytes as its payload and the
///   [`Delivery`] in its extensions, in the place of any that was there; a handler takes it as a [`Webhook`](crate::Webhook). Trailers are
///   dropped. With a store this is so for what is claimed alone.
/// - **Answered**: a handshake, or a request without a signature that the sender is known to make (a probe when the URL is saved, say), gets
///   the receiver's own [`Reply`](countersign::Reply), spelled by [`reply_with`], and the inner service is not called. Many of these are no
///   POSTs: wrap a resource and not a route, or actix-web refuses them before anybody is asked.
/// - **Refused**: the sender gets what [`outcome::answer`](countersign::outcome::answer) says, spelled by [`respond`](crate::respond), and
///   the inner service is not called. What the head decides is refused before a byte of the body is polled; the rest of the body is not
///   read, and the connection is closed behind the answer.
/// - **Told**: the [`Refusal`] is in the extensions of the response, for a middleware outside that counts or logs; nothing of it goes over the wire.
///   Where the request is with a handler that has not answered, the answer is an error of the service: see [`RefusedRun`](crate::RefusedRun).
/// - **Seen**: each attempt is told once, as [the manual](countersign::manual::observability) says: one event, one count, one call of the
///   [observer](countersign::ReceiverBuilder::observer).
///
/// The body is read by the receiver's own bounds and deadlines. actix-web's [`PayloadConfig`], [`JsonConfig`] and [`FormConfig`] do not cut it:
/// their limits are raised to the receiver's for the verified payload, their other settings stay. What is nearer to the handler than the
/// middleware, such as the `app_data` of a resource in a scope that is wrapped, is left as it is, limits included.
///
/// The source of limits, and the peer that proxies are told by, is the address of the connection, or a [`Peer`](countersign::Peer) that
/// somebody outside has put into the request's extensions.
///
/// # With a store
/// The steps are those of the other adapters: a place, the claim, the quota, the inner service, the record. They run as a task of their own on
/// the worker's thread ([`actix_web::rt::spawn`]), which a client that hangs up does not end; so the inner service is called there. What became
/// of a delivery is in the response's extensions, as an [`Outcome`](countersign::Outcome). The [`Lease`](countersign::Lease) is in the
/// request's: take it as [`web::ReqData<Lease>`](actix_web::web::ReqData). The manual has
/// [the table](countersign::manual::what_2xx_promises#what-each-outcome-answers) of what each outcome is answered.
///
/// Where the sender's [deadline](countersign::Receiver::answer_after) is known, an unfinished run is answered 503 shortly before it, and goes on.
/// An error of the inner service is judged by the status that it is answered with.
///
/// **At shutdown** a worker drops the tasks that are left when its connections have ended. Await
/// [`Receiver::drain`](countersign::Receiver::drain) first, then stop the server.
///
/// # Panics
/// With a store, outside of actix-web's own runtime and any other `LocalSet`, where no task can be started: in tests use `#[actix_web::test]`,
/// or [`in_place`](Self::in_place).
///
/// While something outside of the middleware holds a clone of the `HttpRequest`, as a middleware made by `from_fn` does that takes one as an
/// argument, limits cannot be raised, and actix-web panics: where the app sets one of the three settings above, or a body is longer than 16 KiB.
/// Scopes with `app_data` panic then, too. Put such middlewares inside.
pub struct Countersign<S = NoStore> {
    guard: Arc<Guard<S>>,
}

impl<S> Countersign<S> {
    /// A middleware with this receiver. The receiver's own clock is used if it has one, [`TokioClock`] otherwise.
    ///
    /// Build the receiver outside of the closure that makes the `App`: each worker calls it, and all are to share one receiver.
    #[must_use]
    pub fn new(receiver: Receiver<S>) -> Self {
        let clock = receiver.clock_or(|| Arc::new(TokioClock::new()));
        let clock = Arc::clone(clock);
        Self {
            guard: Arc::new(Guard {
                receiver,
                clock,
                in_place: false,
            }),
        }
    }
}

impl<S> Countersign<Once<S>> {
    /// Runs deliveries within the request's future, and not as tasks of their own.
    ///
    /// What this gives up: a run whose client hangs up ends there, and its delivery is free again when the lease has lapsed; no answer is
    /// given shortly before the sender's deadline; a record that did not reach the store is not tried again after the answer.
    #[must_use]
    pub fn in_place(self) -> Self {
        let Guard {
            receiver, clock, ..
        } = &*self.guard;
        Self {
            guard: Arc::new(Guard {
                receiver: receiver.clone(),
                clock: Arc::clone(clock),
                in_place: true,
            }),
        }
    }
}

// By hand, for the derived ones would ask the store for what the Arc does.
impl<S> Clone for Countersign<S> {
    fn clone(&self) -> Self {
        Self {
            guard: Arc::clone(&self.guard),
        }
    }
}

impl<S> fmt::Debug for Countersign<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Countersign")
            .field("scheme", &self.guard.receiver.scheme().name)
            .finish_non_exhaustive()
    }
}

/// A receiver with the clock that it is asked by.
pub(crate) struct Guard<S> {
    pub(crate) receiver: Receiver<S>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Runs are no tasks of their own.
    pub(crate) in_place: bool,
}

/// The service of [`Countersign`].
pub struct CountersignMiddleware<Inner, S = NoStore> {
    inner: Rc<Inner>,
    guard: Arc<Guard<S>>,
}

impl<Inner, S> CountersignMiddleware<Inner, S> {
    fn ready(inner: Inner, guard: &Arc<Guard<S>>) -> Ready<Result<Self, ()>> {
        ready(Ok(Self {
            inner: Rc::new(inner),
            guard: Arc::clone(guard),
        }))
    }
}

impl<Inner, S> fmt::Debug for CountersignMiddleware<Inner, S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("CountersignMiddleware")
            .field("scheme", &self.guard.receiver.scheme().name)
            .finish_non_exhaustive()
    }
}

/// What a service answers, or the error that actix-web makes an answer of.
pub(crate) type Answer<B> = Result<ServiceResponse<ResponseBody<B>>, Error>;

type Answering<B> = Pin<Box<dyn Future<Output = Answer<B>>>>;

impl<Inner, B> Transform<Inner, ServiceRequest> for Countersign<NoStore>
where
    Inner: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<ResponseBody<B>>;
    type Error = Error;
    type Transform = CountersignMiddleware<Inner, NoStore>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: Inner) -> Self::Future {
        CountersignMiddleware::ready(inner, &self.guard)
    }
}

impl<Inner, B, S> Transform<Inner, ServiceRequest> for Countersign<Once<S>>
where
    Inner: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
    S: DeliveryStore,
{
    type Response = ServiceResponse<ResponseBody<B>>;
    type Error = Error;
    type Transform = CountersignMiddleware<Inner, Once<S>>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: Inner) -> Self::Future {
        CountersignMiddleware::ready(inner, &self.guard)
    }
}

impl<Inner, B> Service<ServiceRequest> for CountersignMiddleware<Inner, NoStore>
where
    Inner: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<ResponseBody<B>>;
    type Error = Error;
    type Future = Answering<B>;

    actix_web::dev::always_ready!();

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let (inner, guard) = (Rc::clone(&self.inner), Arc::clone(&self.guard));
        Box::pin(async move {
            match guard.read(&mut request).await {
                Ok(delivery) => {
                    hand_over(&mut request, delivery, guard.receiver.max_body());
                    when_ready(&*inner).await?;
                    let answered = inner.call(request).await?;
                    Ok(answered.map_body(|_, body| ResponseBody::inner(body)))
                }
                Err(response) => Ok(answer(request, response)),
            }
        })
    }
}

impl<Inner, B, S> Service<ServiceRequest> for CountersignMiddleware<Inner, Once<S>>
where
    Inner: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
    S: DeliveryStore,
{
    type Response = ServiceResponse<ResponseBody<B>>;
    type Error = Error;
    type Future = Answering<B>;

    actix_web::dev::always_ready!();

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let (inner, guard) = (Rc::clone(&self.inner), Arc::clone(&self.guard));
        let deadline = guard.receiver.answer_after();
        let arrived = deadline.map(|_| guard.clock.monotonic());
        Box::pin(async move {
            match guard.read(&mut request).await {
                Ok(delivery) => run::start(guard, inner, request, delivery, arrived).await,
                Err(response) => Ok(answer(request, response)),
            }
        })
    }
}

impl<S> Guard<S> {
    /// Steps 0 to 6: a delivery, or what is answered instead.
    async fn read(&self, request: &mut ServiceRequest) -> Result<Delivery, HttpResponse<Bytes>> {
        let scheme = self.receiver.scheme();
        let opened = self.receiver.receive(&View::of(request), &self.clock);
        let mut reading = opened.map_err(|refusal| turn_away(scheme, &refusal))?;
        let mut pieces = Pieces::new(request.take_payload(), self.receiver.max_body());
        let verdict = poll_fn(|cx| reading.poll_received(cx, Pin::new(&mut pieces))).await;
        // For the answer, where it was refused.
        request.set_payload(pieces.into_rest());
        let verified = match verdict {
            Ok(Received::Delivery(verified)) => Ok(verified),
            Ok(Received::Answered(reply)) => return Err(reply_with(reply)),
            // A kind that this version does not know is no delivery.
            Ok(_) => Err(Refusal::SignatureMissing),
            Err(refusal) => Err(refusal),
        };
        verified
            .and_then(|verified| verified.deliver(&View::of(request)))
            .map_err(|refusal| turn_away(scheme, &refusal))
    }
}

/// Asked only now: what the inner service reserves when it becomes ready is not held for a stranger's slow body.
pub(crate) async fn when_ready<Inner>(inner: &Inner) -> Result<(), Error>
where
    Inner: Service<ServiceRequest, Error = Error>,
{
    poll_fn(|cx| inner.poll_ready(cx)).await
}

/// Makes the request the one that handlers find: the verified body, and the evidence beside it.
pub(crate) fn hand_over(request: &mut ServiceRequest, delivery: Delivery, max_body: u64) {
    request.set_payload(Payload::from(delivery.body().clone()));
    {
        let mut extensions = request.extensions_mut();
        extensions.insert(delivery);
        // That of another receiver outside of this one is another delivery's.
        extensions.remove::<Lease>();
    }
    // The receiver's own limit has been kept: actix-web's, which are lower, would lose a delivery. Not where they would not.
    let settings = (
        setting::<PayloadConfig>(request),
        setting::<JsonConfig>(request),
        setting::<FormConfig>(request),
    );
    let is_short = request_len(request) <= SMALLEST_LIMIT;
    if let (None, None, None, true) = (&settings.0, &settings.1, &settings.2, is_short) {
        return;
    }
    let limit = usize::try_from(max_body).unwrap_or(usize::MAX);
    let mut raised = Extensions::new();
    raised.insert(settings.0.unwrap_or_default().limit(limit));
    raised.insert(settings.1.unwrap_or_default().limit(limit));
    raised.insert(settings.2.unwrap_or_default().limit(limit));
    request.add_data_container(Rc::new(raised));
}

/// Of actix-web's own limits, the one for forms.
const SMALLEST_LIMIT: usize = 16_384;

fn request_len(request: &ServiceRequest) -> usize {
    let extensions = request.extensions();
    extensions
        .get::<Delivery>()
        .map_or(0, |delivery| delivery.body().len())
}

/// As actix-web looks for it.
fn setting<T: Clone + 'static>(request: &ServiceRequest) -> Option<T> {
    let shared = || request.app_data::<Data<T>>().map(|data| &***data);
    request.app_data::<T>().or_else(shared).cloned()
}

pub(crate) fn answer<B>(
    mut request: ServiceRequest,
    response: HttpResponse<Bytes>,
) -> ServiceResponse<ResponseBody<B>> {
    let unread = request.take_payload();
    request.into_response(response.map_body(|_, body| ResponseBody::fixed(body, unread)))
}
