//! Waiting for two things at once, without a runtime.

use std::any::Any;
use std::error::Error as _;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::clock::Clock;
use crate::store::Unavailable;

/// The reply of the store of deliveries, waited for so long. What goes wrong is logged with its cause; `call` says what was asked.
pub(crate) async fn within<T, Reply>(
    clock: &Arc<dyn Clock>,
    limit: Duration,
    call: &'static str,
    ask: impl FnOnce() -> Reply,
) -> Result<T, Unavailable>
where
    Reply: Future<Output = Result<T, Unavailable>>,
{
    let reply = within_quietly(clock, limit, ask).await;
    if let Err(error) = &reply {
        told(error, call, "trouble with the store of webhook deliveries");
    }
    reply
}

pub(crate) fn told(error: &Unavailable, call: &'static str, what: &'static str) {
    let cause = error.source().map(tracing::field::display);
    tracing::warn!(call, %error, cause, "{what}");
}

/// Any store's reply, waited for so long. No timer is armed for one that is there at once.
pub(crate) async fn within_quietly<T, Reply>(
    clock: &Arc<dyn Clock>,
    limit: Duration,
    ask: impl FnOnce() -> Reply,
) -> Result<T, Unavailable>
where
    Reply: Future<Output = Result<T, Unavailable>>,
{
    // A store that panics is as good as one that does not answer.
    let asked = caught(async { ask().await });
    let reply = async {
        asked
            .await
            .unwrap_or_else(|Panicked| Err(Unavailable::new("it panicked")))
    };
    in_time(clock, limit, reply).await
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

/// Runs the future to its end or to its panic. A panic while it is dropped is caught, too.
pub(crate) fn caught<T>(
    future: impl Future<Output = T>,
) -> impl Future<Output = Result<T, Panicked>> {
    Caught {
        future: Some(future),
    }
}

/// What a panic carries may panic itself when it is dropped. What that one carries is not dropped any more.
pub(crate) fn keep_quiet(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

/// Never completes where it panics: a clock that cannot wait, such as Tokio's on a runtime without its timer, ends no work.
pub(crate) async fn or_never<T>(waiting: impl Future<Output = T>) -> T {
    match caught(waiting).await {
        Ok(out) => out,
        Err(Panicked) => {
            tracing::error!(
                "the clock panicked: a run has no limit, and its lease is not extended"
            );
            std::future::pending().await
        }
    }
}

pin_project! {
    struct Caught<F> {
        // Taken out when it is done for.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Caught<F> {
        fn drop(this: Pin<&mut Self>) {
            this.end();
        }
    }
}

impl<F> Caught<F> {
    /// Whatever it left half-done belongs to it alone.
    fn end(self: Pin<&mut Self>) {
        let mut future = self.project().future;
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| future.set(None))) {
            keep_quiet(payload);
        }
    }
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = self.as_mut().project().future.as_pin_mut() else {
            return Poll::Ready(Err(Panicked));
        };
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll(cx)));
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) => {
                keep_quiet(payload);
                Err(Panicked)
            }
        };
        self.end();
        Poll::Ready(ended)
    }
}
