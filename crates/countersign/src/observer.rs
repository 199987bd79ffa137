//! An observer of one's own: told of every attempt, once.

mod queue;

use std::fmt;
use std::sync::Arc;

pub use self::queue::{AttemptQueue, AttemptRecord, NoAttempt, QueuedAttempts};
use crate::attempt::Attempt;

/// Is told of every attempt when it is decided: for a ban, a sink or a count of one's own. Set by
/// [`ReceiverBuilder::observer`](crate::ReceiverBuilder::observer); a closure is one.
///
/// It is called on the request's way, before the answer is given, and once for each attempt whatever becomes of it: refused by its head,
/// abandoned while its body was read, handed on, done. So it should be quick and must not block: what may be slow belongs behind an
/// [`AttemptQueue`](crate::AttemptQueue). If it panics, the attempt goes on as if it had not.
///
/// ```
/// use countersign::{Attempt, Fault, Receiver, Secret, Timestamp, providers::GITHUB};
/// use std::sync::{Arc, Mutex};
///
/// let seen = Arc::new(Mutex::new(Vec::new()));
/// let sink = Arc::clone(&seen);
/// let receiver = Receiver::builder(GITHUB, Secret::new("It's a Secret to Everybody")?)
///     .observer(move |attempt: &Attempt<'_>| sink.lock().unwrap().push((attempt.outcome.as_str(), attempt.code)))
///     .build()?;
/// let forged = http::Request::post("/").header("x-hub-signature-256", format!("sha256={}", "0".repeat(64))).body(())?;
/// let refused = receiver.verify(&forged, "Hello, World!".into(), Timestamp::from_secs(0)).unwrap_err();
/// assert_eq!(refused.code(), "signature_mismatch");
/// assert_eq!(*seen.lock().unwrap(), [("refused", "signature_mismatch")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Observer: Send + Sync + 'static {
    /// An attempt was decided.
    fn attempt(&self, attempt: &Attempt<'_>);

    /// A run came to its end whose attempt was told before: its sender could not wait, and was answered 503. Does nothing unless it is
    /// overridden.
    fn late_run(&self, run: &Attempt<'_>) {
        let _ = run;
    }
}

impl<F: Fn(&Attempt<'_>) + Send + Sync + 'static> Observer for F {
    fn attempt(&self, attempt: &Attempt<'_>) {
        self(attempt);
    }
}

/// The receiver's observer.
#[derive(Clone)]
pub(crate) struct Told(pub(crate) Arc<dyn Observer>);

impl fmt::Debug for Told {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Observer")
    }
}
