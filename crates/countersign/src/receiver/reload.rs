//! Secrets that are read again while the receiver runs.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::Receiver;
use crate::clock::Clock;
use crate::secret::SecretRing;
use crate::waiting::{Either, caught, either};

/// What a [reload](Receiver::reload_every) may fail with.
type Trouble = Box<dyn Error + Send + Sync>;

/// How one load ended that gave no ring.
enum Failed {
    Refused(Trouble),
    Panicked,
    TooSlow,
}

impl fmt::Display for Failed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(trouble) => trouble.fmt(out),
            Self::Panicked => out.write_str("it panicked"),
            Self::TooSlow => out.write_str("it took longer than the period"),
        }
    }
}

impl<S> Receiver<S> {
    /// Loads the secrets anew, now and every `period`, and [rotates](Self::rotate) to them when they have changed: from files that are replaced
    /// ([`Secret::from_file`](crate::Secret::from_file)), from the environment, or from wherever the callback gets them. Give it to a task of its
    /// own; it never ends, and dropping it at any moment is harmless.
    ///
    /// A load that fails, panics or takes longer than the period changes nothing: the secrets stay as they are, and a WARN event says why, at every
    /// time anew. The same holds for a ring that the receiver cannot have. What is loaded twice in a row is not exchanged again, so a
    /// [`rotate`](Self::rotate) by hand stays until the source changes.
    ///
    /// `clock` is the adapter's, such as its `TokioClock`; a period of less than a second is taken for one. On an event loop, a callback that blocks
    /// (files are short; a network is not) belongs into the runtime's place for that.
    ///
    /// ```
    /// # use countersign::{Receiver, Secret, SecretRing, providers::GITHUB};
    /// # use countersign_testkit::ManualClock;
    /// # use std::{sync::Arc, time::Duration};
    /// # let clock = Arc::new(ManualClock::at_secs(0));
    /// let receiver = Receiver::builder(GITHUB, Secret::new("0123456789abcdef")?).build()?;
    /// let reload = receiver.clone().reload_every(clock, Duration::from_secs(60), || async {
    ///     let old = Secret::from_file("/run/secrets/github-old")?;
    ///     let new = Secret::from_file("/run/secrets/github")?;
    ///     Ok(SecretRing::new([old, new])?)
    /// });
    /// // tokio::spawn(reload);
    /// # drop(reload);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn reload_every<Load>(
        self,
        clock: Arc<dyn Clock>,
        period: Duration,
        mut load: impl FnMut() -> Load,
    ) -> Infallible
    where
        Load: Future<Output = Result<SecretRing, Trouble>>,
    {
        let period = period.max(Duration::from_secs(1));
        let mut last = None;
        loop {
            let mut timer = pin!(clock.sleep(period));
            // The callback itself may panic, and not only its future.
            let loading = pin!(caught(async { load().await }));
            let loaded = match either(loading, timer.as_mut()).await {
                Either::First(Ok(loaded)) => loaded.map_err(Failed::Refused),
                Either::First(Err(_)) => Err(Failed::Panicked),
                Either::Second(()) => {
                    self.take_loaded(&mut last, Err(Failed::TooSlow));
                    continue;
                }
            };
            self.take_loaded(&mut last, loaded);
            timer.await;
        }
    }

    fn take_loaded(&self, last: &mut Option<SecretRing>, loaded: Result<SecretRing, Failed>) {
        let scheme = &*self.scheme.name;
        let exchanged = match loaded {
            Ok(ring) if last.as_ref().is_some_and(|last| last.is_same(&ring)) => return,
            Ok(ring) => self
                .rotate(ring.clone())
                .map(|()| ring)
                .map_err(|error| Failed::Refused(error.into())),
            Err(failed) => Err(failed),
        };
        match exchanged {
            Ok(ring) => {
                let secrets = ring.secrets().len();
                tracing::info!(scheme, secrets, "webhook secrets loaded");
                *last = Some(ring);
            }
            Err(failed) => {
                tracing::warn!(scheme, reason = %failed, "webhook secrets not loaded: those before stay")
            }
        }
    }
}
