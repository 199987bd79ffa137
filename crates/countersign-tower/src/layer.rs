//! The layer: puts a receiver in front of a service.

use std::fmt;
use std::sync::Arc;

use countersign::{Clock, NoStore, Receiver};
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
}

impl<S> Guard<S> {
    pub(crate) fn new(receiver: Receiver<S>) -> Arc<Self> {
        let clock = match receiver.clock() {
            Some(own) => Arc::clone(own),
            None => Arc::new(TokioClock::new()),
        };
        Arc::new(Self { receiver, clock })
    }
}
