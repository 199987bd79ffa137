//! The future of a receiver with a store: reads the body, then hands the delivery to a task of its own and waits for the answer.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use countersign::scheme::AnswerKind;
use countersign::{
    Answered, Delivery, DeliveryStore, FailedForGood, Handled, Lease, Once, Reading, Receiver,
    RecordedAnswer, Refusal, Rest, Sleep, Slot, defaults, outcome,
};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tower_service::Service;
use tracing::Instrument;

use crate::body::{Frames, ResponseBody, VerifiedBody};
use crate::future::{Attempt, Decided};
use crate::layer::Guard;
use crate::response::{reply_with, respond, turn_away};

type Answer<Inner, ResBody> =
    Result<Response<ResponseBody<ResBody>>, <Inner as Service<Request<VerifiedBody>>>::Error>;

type Running<Inner, ResBody> =
    Pin<Box<dyn Future<Output = (Answer<Inner, ResBody>, Afterwards)> + Send>>;

/// What there is to do behind the answer, and the place that is held until it is done.
type Afterwards = (Option<Rest>, Option<Slot>);

pin_project! {
    /// The response of [`Countersign`](crate::Countersign) with a store.
    ///
    /// Dropping it at any moment is harmless: a run that has begun is a task and goes on. (Where runs are
    /// [in place](crate::CountersignLayer::in_place), it ends, and its lease lapses.)
    pub struct RunFuture<Inner, B, ResBody, S>
    where
        Inner: Service<Request<VerifiedBody>>,
    {
        #[pin]
        state: State<Inner, B, ResBody, S>,
        // When the request arrived, where the sender's deadline is known.
        arrived: Option<Duration>,
    }
}

pin_project! {
    #[project = StateProject]
    #[project_replace = StateReplace]
    enum State<Inner, B, ResBody, S>
    where
        Inner: Service<Request<VerifiedBody>>,
    {
        Reading {
            reading: Reading,
            #[pin]
            body: Frames<B>,
            attempt: Attempt<Inner, Once<S>>,
        },
        InPlace {
            running: Running<Inner, ResBody>,
        },
        Waiting {
            waiting: Waiting<Answer<Inner, ResBody>, S>,
        },
        Fixed {
            response: Response<Bytes>,
        },
        Done,
    }
}

/// Waits for a run's answer, and no longer than its sender does.
struct Waiting<A, S> {
    answer: oneshot::Receiver<A>,
    guard: Arc<Guard<Once<S>>>,
    delivery: Delivery,
    left: Option<Duration>,
    /// Armed only while the run makes us wait.
    timer: Option<Sleep>,
}

impl<Inner, B, ResBody, S> RunFuture<Inner, B, ResBody, S>
where
    Inner: Service<Request<VerifiedBody>>,
    S: DeliveryStore,
{
    pub(crate) fn reading(
        reading: Reading,
        request: Request<B>,
        inner: Inner,
        guard: Arc<Guard<Once<S>>>,
    ) -> Self {
        let (parts, body) = request.into_parts();
        let deadline = guard.receiver.answer_after();
        Self {
            arrived: deadline.map(|_| guard.clock.monotonic()),
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
            arrived: None,
        }
    }
}

impl<Inner, ResBody, S> Attempt<Inner, Once<S>>
where
    Inner: Service<Request<VerifiedBody>, Response = Response<ResBody>> + Send + 'static,
    Inner::Future: Send,
    Inner::Error: Send + 'static,
    S: DeliveryStore,
    ResBody: Body + Send + 'static,
    ResBody::Data: Send,
    ResBody::Error: Send,
{
    /// A place first, then the run, which claims.
    fn start<B>(
        self,
        delivery: Delivery,
        arrived: Option<Duration>,
    ) -> State<Inner, B, ResBody, S> {
        let guard = Arc::clone(&self.guard);
        let slot = match guard.receiver.reserve() {
            Ok(slot) => slot,
            Err(refusal) => {
                let response = refused(&guard.receiver, &delivery, refusal);
                return State::Fixed { response };
            }
        };
        let (inner, request) = self.request(delivery.clone());
        let running = Box::pin(run(
            Arc::clone(&guard),
            slot,
            delivery.clone(),
            inner,
            request,
        ));
        let runtime = match guard.in_place {
            true => None,
            false => Handle::try_current().ok(),
        };
        let Some(runtime) = runtime else {
            return State::InPlace { running };
        };
        let (tell, answer) = oneshot::channel();
        let task = async move {
            let (answer, (rest, slot)) = running.await;
            // Nobody may be waiting any more: the client hung up, or was answered before its deadline.
            drop(tell.send(answer));
            if let Some(rest) = rest {
                rest.await;
            }
            drop(slot);
        };
        runtime.spawn(task.in_current_span());
        let left = guard
            .receiver
            .answer_after()
            .zip(arrived)
            .map(|(deadline, arrived)| {
                let elapsed = guard.clock.monotonic().saturating_sub(arrived);
                deadline.saturating_sub(elapsed)
            });
        State::Waiting {
            waiting: Waiting {
                answer,
                guard,
                delivery,
                left,
                timer: None,
            },
        }
    }
}

/// Refused outside of its run, with the outcome for a middleware outside the layer.
fn refused<S: DeliveryStore>(
    receiver: &Receiver<Once<S>>,
    delivery: &Delivery,
    refusal: Refusal,
) -> Response<Bytes> {
    let mut response = turn_away(receiver.scheme(), &refusal);
    let outcome = receiver.refuse(delivery, refusal);
    response.extensions_mut().insert(outcome);
    response
}

/// The run, and its answer as an HTTP response.
async fn run<Inner, ResBody, S>(
    guard: Arc<Guard<Once<S>>>,
    slot: Slot,
    delivery: Delivery,
    inner: Inner,
    request: Request<VerifiedBody>,
) -> (Answer<Inner, ResBody>, Afterwards)
where
    Inner: Service<Request<VerifiedBody>, Response = Response<ResBody>>,
    S: DeliveryStore,
    ResBody: Body,
{
    let receiver = &guard.receiver;
    let records = receiver.scheme().answer == AnswerKind::Content;
    let scheme = receiver.scheme().name.clone();
    let key = delivery.key();
    let unrecorded = move |why: &'static str| {
        let key = key.map(tracing::field::display);
        tracing::warn!(scheme = &*scheme, key, "{why}");
    };
    let handler = |lease| handle(inner, request, lease, records.then_some(unrecorded));
    let ran = receiver.run(slot, delivery, &guard.clock, handler).await;
    let mut answer = match ran.answer {
        Answered::Response(answer) => answer,
        Answered::Reply(reply) => Ok(reply_with(reply).map(ResponseBody::fixed)),
        Answered::Refused(refusal) => {
            Ok(turn_away(receiver.scheme(), &refusal).map(ResponseBody::fixed))
        }
        // What this version does not know is no acknowledgement.
        _ => Ok(turn_away(receiver.scheme(), &Refusal::StoreUnavailable).map(ResponseBody::fixed)),
    };
    if let Ok(response) = &mut answer {
        response.extensions_mut().insert(ran.outcome);
    }
    (answer, (ran.rest, ran.slot))
}

/// The inner service, asked whether it is ready only now: what it reserves then is not held for what never runs.
async fn handle<Inner, ResBody>(
    mut inner: Inner,
    mut request: Request<VerifiedBody>,
    lease: Option<Lease>,
    records: Option<impl Fn(&'static str)>,
) -> Handled<Answer<Inner, ResBody>>
where
    Inner: Service<Request<VerifiedBody>, Response = Response<ResBody>>,
    ResBody: Body,
{
    if let Some(lease) = lease {
        request.extensions_mut().insert(lease);
    }
    if let Err(error) = poll_fn(|cx| inner.poll_ready(cx)).await {
        return Handled::error(Err(error));
    }
    let (head, body) = match inner.call(request).await {
        Ok(response) => response.into_parts(),
        Err(error) => return Handled::error(Err(error)),
    };
    let status = head.status;
    let failed_for_good = head.extensions.get::<FailedForGood>().is_some();
    // What is encoded means nothing without the header that says so, and a duplicate gets no headers.
    let is_plain = head
        .headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|encoding| encoding == "identity");
    let (body, recorded) = match records {
        Some(warn) if status.is_success() && !is_plain => {
            warn("an encoded answer is not recorded: duplicates get its status alone");
            (ResponseBody::inner(body), None)
        }
        Some(warn) if status.is_success() => {
            match ResponseBody::read(body, defaults::MAX_RECORDED_BODY).await {
                Ok((body, None)) => {
                    warn("an answer over 16 KiB is not recorded: duplicates get its status alone");
                    (body, None)
                }
                Ok(read) => read,
                // An answer that cannot be given to its end is none, and the sender's retry runs.
                Err(_) => {
                    warn("a handler's answer broke off: its delivery is given back");
                    let broken = respond(&outcome::unguarded()).map(ResponseBody::fixed);
                    return Handled::new(broken.status(), Ok(broken));
                }
            }
        }
        _ => (ResponseBody::inner(body), None),
    };
    let media_type = head.headers.get(CONTENT_TYPE);
    let media_type = media_type
        .and_then(|kind| kind.to_str().ok())
        .map(str::to_owned);
    let recorded = recorded.and_then(|body| RecordedAnswer::new(media_type, body.to_vec()));
    let mut handled = Handled::new(status, Ok(Response::from_parts(head, body)));
    if let Some(recorded) = recorded {
        handled = handled.recording(recorded);
    }
    if failed_for_good {
        handled = handled.failed_for_good();
    }
    handled
}

impl<A, S: DeliveryStore> Waiting<A, S> {
    /// The run's answer, or the refusal of an attempt that cannot wait for it.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<A, Response<Bytes>>> {
        let receiver = &self.guard.receiver;
        match Pin::new(&mut self.answer).poll(cx) {
            Poll::Ready(Ok(answer)) => return Poll::Ready(Ok(answer)),
            // The task is gone: its runtime shuts down.
            Poll::Ready(Err(_)) => {
                let response = refused(receiver, &self.delivery, Refusal::ShuttingDown);
                return Poll::Ready(Err(response));
            }
            Poll::Pending => {}
        }
        let Some(left) = self.left else {
            return Poll::Pending;
        };
        let clock = &self.guard.clock;
        let timer = self.timer.get_or_insert_with(|| clock.sleep(left));
        ready!(timer.as_mut().poll(cx));
        let Some(outcome) = receiver.give_up(&self.delivery) else {
            // It has ended on another thread, and its answer rings.
            (self.left, self.timer) = (None, None);
            return Poll::Pending;
        };
        let mut response = turn_away(receiver.scheme(), &Refusal::Unfinished);
        response.extensions_mut().insert(outcome);
        Poll::Ready(Err(response))
    }
}

impl<Inner, B, ResBody, S> Future for RunFuture<Inner, B, ResBody, S>
where
    Inner: Service<Request<VerifiedBody>, Response = Response<ResBody>> + Send + 'static,
    Inner::Future: Send,
    Inner::Error: Send + 'static,
    S: DeliveryStore,
    B: Body,
    ResBody: Body + Send + 'static,
    ResBody::Data: Send,
    ResBody::Error: Send,
{
    type Output = Answer<Inner, ResBody>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut state = this.state;
        loop {
            match state.as_mut().project() {
                StateProject::Reading { reading, body, .. } => {
                    let verdict = ready!(reading.poll_received(cx, body));
                    // Drops the body, read or not.
                    let read = state.as_mut().project_replace(State::Done);
                    if let StateReplace::Reading { attempt, .. } = read {
                        state.set(match attempt.decide(verdict) {
                            Decided::Delivery(delivery) => attempt.start(delivery, *this.arrived),
                            Decided::Answered(response) => State::Fixed { response },
                        });
                    }
                }
                StateProject::InPlace { running } => {
                    let (answer, _) = ready!(running.as_mut().poll(cx));
                    state.set(State::Done);
                    return Poll::Ready(answer);
                }
                StateProject::Waiting { waiting } => {
                    let answer = ready!(waiting.poll_answer(cx));
                    state.set(State::Done);
                    return Poll::Ready(
                        answer.unwrap_or_else(|refused| Ok(refused.map(ResponseBody::fixed))),
                    );
                }
                StateProject::Fixed { .. } => {
                    let refused = state.as_mut().project_replace(State::Done);
                    if let StateReplace::Fixed { response } = refused {
                        return Poll::Ready(Ok(response.map(ResponseBody::fixed)));
                    }
                }
                // Polled after it completed.
                StateProject::Done => return Poll::Pending,
            }
        }
    }
}

impl<Inner, B, ResBody, S> fmt::Debug for RunFuture<Inner, B, ResBody, S>
where
    Inner: Service<Request<VerifiedBody>>,
{
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Reading { .. } => "reading",
            State::InPlace { .. } => "in place",
            State::Waiting { .. } => "waiting",
            State::Fixed { .. } => "fixed",
            State::Done => "done",
        };
        out.debug_struct("RunFuture")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
