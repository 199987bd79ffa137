//! The layer: puts a receiver in front of a service.

use std::fmt;
use std::sync::Arc;

use countersign::{Clock, NoStore, Once, Receiver};
use tower_layer::Layer;

use crate::clock::TokioClock;
use crate::service::Countersign;

/// Puts a [`Receiver`] in front of a service: see [`Countersign`].
///
/// Cloning is cheap, and one layer serves any number of services. The receiver's own clock is used if it has one, [`TokioClock`]
/// otherwise.
///
/// ```
/// use countersign_tower::{CountersignLayer, Receiver, Secret, VerifiedBody, providers::GITHUB};
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let receiver = Receiver::builder(GITHUB, Secret::new("It's a Secret to Everybody")?).build()?;
/// let service = ServiceBuilder::new().layer(CountersignLayer::new(receiver)).service(service_fn(
///     |_: Request<VerifiedBody>| async { Ok::<_, std::io::Error>(Response::new(Full::<bytes::Bytes>::default())) },
/// ));
///
/// let unsigned = Request::post("/hooks").body("Hello, World!".to_owned())?;
/// assert_eq!(service.oneshot(unsigned).await?.status(), 401);
/// # Ok(())
/// # }
/// ```
pub struct CountersignLayer<S = NoStore> {
    guard: Arc<Guard<S>>,
}

impl<S> CountersignLayer<S> {
    /// A layer with this receiver.
    #[must_use]
    pub fn new(receiver: Receiver<S>) -> Self {
        Self {
            guard: Guard::new(receiver),
        }
    }
}

impl<S> CountersignLayer<Once<S>> {
    /// Runs deliveries within the response's future, and not as tasks of their own: for hosts that end or freeze a process as soon as it has
    /// answered, such as serverless functions. Without a Tokio runtime it is always so, and then the receiver needs a
    /// [clock](countersign::ReceiverBuilder::clock) of its own: the default one can wait on Tokio alone.
    ///
    /// What this gives up: a run whose future is dropped, because the client hung up say, ends there, and its delivery is free again when the
    /// lease has lapsed; no answer is given shortly before the sender's deadline; a record that did not reach the store is not tried again
    /// after the answer.
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

impl<Inner, S> Layer<Inner> for CountersignLayer<S> {
    type Service = Countersign<Inner, S>;

    fn layer(&self, inner: Inner) -> Self::Service {
        Countersign::guarded(inner, Arc::clone(&self.guard))
    }
}

// By hand, for the derived ones would ask the store for what the Arc does.
impl<S> Clone for CountersignLayer<S> {
    fn clone(&self) -> Self {
        Self {
            guard: Arc::clone(&self.guard),
        }
    }
}

impl<S> fmt::Debug for CountersignLayer<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("CountersignLayer")
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

impl<S> Guard<S> {
    pub(crate) fn new(receiver: Receiver<S>) -> Arc<Self> {
        let clock = receiver.clock_or(|| Arc::new(TokioClock::new()));
        let clock = Arc::clone(clock);
        Arc::new(Self {
            receiver,
            clock,
            in_place: false,
        })
    }
}
