//! Waiting for two things at once, without a runtime.

use std::error::Error as _;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::clock::Clock;
use crate::store::Unavailable;

/// A store's reply, waited for so long. No timer is armed for one that is there at once. What goes wrong is logged with its cause; `call` says
/// what was asked.
pub(crate) async fn within<T>(
    clock: &Arc<dyn Clock>,
    limit: Duration,
    call: &'static str,
    reply: impl Future<Output = Result<T, Unavailable>>,
) -> Result<T, Unavailable> {
    let reply = in_time(clock, limit, reply).await;
    if let Err(error) = &reply {
        let cause = error.source().map(tracing::field::display);
        tracing::warn!(call, %error, cause, "trouble with the store of webhook deliveries");
    }
    reply
}

async fn in_time<T>(
    clock: &Arc<dyn Clock>,
    limit: Duration,
    reply: impl Future<Output = Result<T, Unavailable>>,
) -> Result<T, Unavailable> {
    let mut reply = pin!(reply);
    let mut timer = None;
    poll_fn(|cx| {
        if let Poll::Ready(reply) = reply.as_mut().poll(cx) {
            return Poll::Ready(reply);
        }
        let timer = timer.get_or_insert_with(|| clock.sleep(limit));
        timer
            .as_mut()
            .poll(cx)
            .map(|()| Err(Unavailable::timed_out()))
    })
    .await
}

/// Which of two ended first; the other one is dropped.
pub(crate) enum Either<A, B> {
    First(A),
    Second(B),
}

/// The first is asked first. The second is not begun before the first makes us wait.
pub(crate) async fn either<A, B>(
    mut first: Pin<&mut impl Future<Output = A>>,
    mut second: Pin<&mut impl Future<Output = B>>,
) -> Either<A, B> {
    poll_fn(|cx| {
        if let Poll::Ready(out) = first.as_mut().poll(cx) {
            return Poll::Ready(Either::First(out));
        }
        second.as_mut().poll(cx).map(Either::Second)
    })
    .await
}

/// It panicked. What it said went to the panic hook.
pub(crate) struct Panicked;

/// Runs the future to its end or to its panic. After a panic it is not polled again.
pub(crate) async fn caught<T>(future: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        // Whatever it left half-done belongs to it alone and is dropped.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    })
    .await
}
