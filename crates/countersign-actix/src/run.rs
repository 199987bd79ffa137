//! What a receiver with a store does with a delivery: a task of its own, which the answer is waited for.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::{Error, HttpResponse};
use bytes::Bytes;
use countersign::scheme::AnswerKind;
use countersign::{
    Answered, Delivery, DeliveryStore, FailedForGood, Handled, Lease, Once, Receiver,
    RecordedAnswer, Refusal, Rest, Sleep, Slot, defaults, outcome,
};
use http::StatusCode;
use tokio::sync::oneshot;
use tracing::Instrument;

use crate::body::ResponseBody;
use crate::middleware::{Answer, Guard, answer, hand_over, when_ready};
use crate::rejection::{MissingMiddleware, RefusedRun};
use crate::response::{reply_with, respond, turn_away};

/// What there is to do behind the answer, and the place that is held until it is done.
type Afterwards = (Option<Rest>, Option<Slot>);

/// A place first, then the run, which claims.
pub(crate) async fn start<Inner, B, S>(
    guard: Arc<Guard<Once<S>>>,
    inner: Rc<Inner>,
    request: ServiceRequest,
    delivery: Delivery,
    arrived: Option<Duration>,
) -> Answer<B>
where
    Inner: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
    S: DeliveryStore,
{
    let slot = match guard.receiver.reserve() {
        Ok(slot) => slot,
        Err(refusal) => {
            let response = refused(&guard.receiver, &delivery, refusal);
            return Ok(answer(request, response));
        }
    };
    let running = run(Arc::clone(&guard), slot, delivery.clone(), inner, request);
    if guard.in_place {
        let (answer, _) = running.await;
        return answer;
    }
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
    actix_web::rt::spawn(task.in_current_span());
    let left = guard
        .receiver
        .answer_after()
        .zip(arrived)
        .map(|(deadline, arrived)| {
            let elapsed = guard.clock.monotonic().saturating_sub(arrived);
            deadline.saturating_sub(elapsed)
        });
    let mut waiting = Waiting {
        answer,
        guard,
        delivery,
        left,
        timer: None,
    };
    poll_fn(|cx| waiting.poll_answer(cx)).await
}

/// Waits for a run's answer, and no longer than its sender does.
struct Waiting<B, S> {
    answer: oneshot::Receiver<Answer<B>>,
    guard: Arc<Guard<Once<S>>>,
    delivery: Delivery,
    left: Option<Duration>,
    /// Armed only while the run makes us wait.
    timer: Option<Sleep>,
}

impl<B, S: DeliveryStore> Waiting<B, S> {
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer<B>> {
        match Pin::new(&mut self.answer).poll(cx) {
            Poll::Ready(Ok(answer)) => return Poll::Ready(answer),
            // The task is gone: its runtime shuts down.
            Poll::Ready(Err(_)) => {
                let refusal = Refusal::ShuttingDown;
                let outcome = self.guard.receiver.refuse(&self.delivery, refusal.clone());
                return Poll::Ready(Err(RefusedRun::new(refusal, outcome).into()));
            }
            Poll::Pending => {}
        }
        let Some(left) = self.left else {
            return Poll::Pending;
        };
        let clock = &self.guard.clock;
        let timer = self.timer.get_or_insert_with(|| clock.sleep(left));
        ready!(timer.as_mut().poll(cx));
        let Some(outcome) = self.guard.receiver.give_up(&self.delivery) else {
            // It has ended, and its answer rings.
            (self.left, self.timer) = (None, None);
            return Poll::Pending;
        };
        // The request is with the handler.
        Poll::Ready(Err(RefusedRun::new(Refusal::Unfinished, outcome).into()))
    }
}

/// Refused outside of its run, with the outcome for a middleware outside of this one.
fn refused<S: DeliveryStore>(
    receiver: &Receiver<Once<S>>,
    delivery: &Delivery,
    refusal: Refusal,
) -> HttpResponse<Bytes> {
    let mut response = turn_away(receiver.scheme(), &refusal);
    let outcome = receiver.refuse(delivery, refusal);
    response.extensions_mut().insert(outcome);
    response
}

/// The run, and its answer.
async fn run<Inner, B, S>(
    guard: Arc<Guard<Once<S>>>,
    slot: Slot,
    delivery: Delivery,
    inner: Rc<Inner>,
    request: ServiceRequest,
) -> (Answer<B>, Afterwards)
where
    Inner: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
    S: DeliveryStore,
{
    let receiver = &guard.receiver;
    let records = receiver.scheme().answer == AnswerKind::Content;
    // Whoever answers needs it: the handler if it runs, this function if it does not.
    let request = Rc::new(Cell::new(Some(request)));
    let handler = |lease: Option<Lease>| {
        let request = request.take();
        let (inner, delivery) = (inner, delivery.clone());
        let max_body = receiver.max_body();
        async move {
            // It is called once.
            let Some(mut request) = request else {
                return Handled::error(Err(MissingMiddleware.into()));
            };
            let warn = Unrecorded::of(records, &delivery);
            hand_over(&mut request, delivery, max_body);
            if let Some(lease) = lease {
                request.extensions_mut().insert(lease);
            }
            handle(&*inner, request, warn).await
        }
    };
    let ran = receiver
        .run(slot, delivery.clone(), &guard.clock, handler)
        .await;
    let (mut response, refusal) = match ran.answer {
        Answered::Response(mut answered) => {
            if let Ok(answered) = &mut answered {
                let response = answered.response_mut();
                response.extensions_mut().insert(ran.outcome);
            }
            return (answered, (ran.rest, ran.slot));
        }
        Answered::Reply(reply) => (reply_with(reply), Refusal::StoreUnavailable),
        Answered::Refused(refusal) => (turn_away(receiver.scheme(), &refusal), refusal),
        // What this version does not know is no acknowledgement.
        _ => {
            let refusal = Refusal::StoreUnavailable;
            (turn_away(receiver.scheme(), &refusal), refusal)
        }
    };
    let answered = match request.take() {
        Some(request) => {
            response.extensions_mut().insert(ran.outcome);
            Ok(answer(request, response))
        }
        // The handler has it.
        None => Err(RefusedRun::new(refusal, ran.outcome).into()),
    };
    (answered, (ran.rest, ran.slot))
}

/// Says why an answer that the sender reads is not recorded.
struct Unrecorded {
    scheme: String,
    key: Option<String>,
}

impl Unrecorded {
    fn of(records: bool, delivery: &Delivery) -> Option<Self> {
        records.then(|| Self {
            scheme: delivery.scheme().name.to_string(),
            key: delivery.key().map(|key| key.to_string()),
        })
    }

    fn warn(&self, why: &'static str) {
        let key = self.key.as_deref();
        tracing::warn!(scheme = &*self.scheme, key, "{why}");
    }
}

async fn handle<Inner, B>(
    inner: &Inner,
    request: ServiceRequest,
    records: Option<Unrecorded>,
) -> Handled<Answer<B>>
where
    Inner: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    if let Err(error) = when_ready(inner).await {
        return Handled::error(Err(error));
    }
    let answered = match inner.call(request).await {
        Ok(answered) => answered,
        Err(error) => {
            let (status, error) = answered_with(error);
            return Handled::new(status, Err(error));
        }
    };
    let status = status_of(answered.status());
    let failed_for_good = answered
        .response()
        .extensions()
        .get::<FailedForGood>()
        .is_some();
    let headers = answered.headers();
    // What is encoded means nothing without the header that says so, and a duplicate gets no headers.
    let is_plain = headers
        .get_all(CONTENT_ENCODING)
        .all(|encoding| encoding == "identity");
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .map(str::to_owned);
    let (request, response) = answered.into_parts();
    let (response, body) = response.into_parts();
    let (body, recorded) = match records {
        Some(records) if status.is_success() && !is_plain => {
            records.warn("an encoded answer is not recorded: duplicates get its status alone");
            (ResponseBody::inner(body), None)
        }
        Some(records) if status.is_success() => {
            match ResponseBody::read(body, defaults::MAX_RECORDED_BODY).await {
                Ok((body, None)) => {
                    records.warn(
                        "an answer over 16 KiB is not recorded: duplicates get its status alone",
                    );
                    (body, None)
                }
                Ok(read) => read,
                // An answer that cannot be given to its end is none, and the sender's retry runs.
                Err(_) => {
                    records.warn("a handler's answer broke off: its delivery is given back");
                    let broken = respond(&outcome::unguarded());
                    let broken =
                        broken.map_body(|_, body| ResponseBody::fixed(body, Payload::None));
                    let broken = ServiceResponse::new(request, broken);
                    return Handled::new(StatusCode::INTERNAL_SERVER_ERROR, Ok(broken));
                }
            }
        }
        _ => (ResponseBody::inner(body), None),
    };
    let recorded = recorded.and_then(|body| RecordedAnswer::new(media_type, body.to_vec()));
    let answered = ServiceResponse::new(request, response.set_body(body));
    let mut handled = Handled::new(status, Ok(answered));
    if let Some(recorded) = recorded {
        handled = handled.recording(recorded);
    }
    if failed_for_good {
        handled = handled.failed_for_good();
    }
    handled
}

/// The same status in the core's release of `http`.
/// The status that an error is answered with, which its `status_code` need not be, and an error that is still answered so. Some give their response
/// away once (`InternalError::from_response`): these are given another one to hold it.
fn answered_with(error: Error) -> (StatusCode, Error) {
    let first = error.error_response();
    let status = status_of(first.status());
    let error = match is_alike(&first, &error.error_response()) {
        true => error,
        false => InternalError::from_response(error, first).into(),
    };
    (status, error)
}

/// As far as can be told without reading the bodies.
fn is_alike(one: &HttpResponse, other: &HttpResponse) -> bool {
    let (these, those) = (one.headers(), other.headers());
    one.status() == other.status()
        && one.body().size() == other.body().size()
        && these.len() == those.len()
        && these
            .iter()
            .all(|(name, value)| those.get_all(name).any(|known| known == value))
}

fn status_of(status: actix_web::http::StatusCode) -> StatusCode {
    StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
