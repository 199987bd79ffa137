//! A bounded queue between receivers and a sink, so that a slow sink slows no delivery.

use core::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{
    Receiver as Queued, RecvTimeoutError, SyncSender, TrySendError, sync_channel,
};
use std::time::Duration;

use http::StatusCode;

use super::Observer;
use crate::attempt::{Attempt, AttemptOutcome};
use crate::idempotency::IdempotencyKey;
use crate::refusal::Fault;

/// An [`Observer`] that puts attempts into a queue and never waits: what finds it full is counted and forgotten. Clones feed the same queue, so
/// several receivers may have one sink.
///
/// ```
/// use countersign::{AttemptQueue, Receiver, Secret, Timestamp, providers::GITHUB};
/// use std::num::NonZeroUsize;
///
/// let (queue, attempts) = AttemptQueue::bounded(NonZeroUsize::new(1).unwrap());
/// let receiver = Receiver::builder(GITHUB, Secret::new("It's a Secret to Everybody")?).observer(queue).build()?;
/// for _ in 0..3 {
///     let unsigned = http::Request::post("/").body(())?;
///     let refused = receiver.verify(&unsigned, "{}".into(), Timestamp::from_secs(0)).unwrap_err();
///     assert_eq!(refused.code(), "signature_missing");
/// }
/// assert_eq!(attempts.try_next().unwrap().code, "signature_missing");
/// assert_eq!(attempts.dropped(), 2);
/// // In a thread, or a blocking task, of its own: until the receivers are gone.
/// drop(receiver);
/// for attempt in attempts {
///     println!("{} {}", attempt.scheme, attempt.code);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct AttemptQueue {
    sender: SyncSender<AttemptRecord>,
    dropped: Arc<AtomicU64>,
}

/// The end of an [`AttemptQueue`] that a sink reads. As an iterator it waits for the next attempt, and ends when all receivers with the queue
/// are gone.
#[derive(Debug)]
pub struct QueuedAttempts {
    queued: Queued<AttemptRecord>,
    dropped: Arc<AtomicU64>,
}

impl AttemptQueue {
    /// A queue for so many attempts, whose room (some hundred bytes each) is taken at once.
    #[must_use]
    pub fn bounded(capacity: NonZeroUsize) -> (Self, QueuedAttempts) {
        let (sender, queued) = sync_channel(capacity.get());
        let dropped = Arc::new(AtomicU64::new(0));
        let queue = Self {
            sender,
            dropped: Arc::clone(&dropped),
        };
        (queue, QueuedAttempts { queued, dropped })
    }

    fn put(&self, record: AttemptRecord) {
        match self.sender.try_send(record) {
            Ok(()) => {}
            // Nobody reads any more: nobody misses it.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Observer for AttemptQueue {
    fn attempt(&self, attempt: &Attempt<'_>) {
        self.put(AttemptRecord::of(attempt, false));
    }

    fn late_run(&self, run: &Attempt<'_>) {
        self.put(AttemptRecord::of(run, true));
    }
}

impl QueuedAttempts {
    /// The next attempt, if there is one.
    #[must_use]
    pub fn try_next(&self) -> Option<AttemptRecord> {
        self.queued.try_recv().ok()
    }

    /// The next attempt, waited for so long. Blocks the thread.
    ///
    /// # Errors
    /// [`NoAttempt::Yet`] when none came in time, [`NoAttempt::Ever`] when all receivers with the queue are gone.
    pub fn next_within(&self, limit: Duration) -> Result<AttemptRecord, NoAttempt> {
        self.queued
            .recv_timeout(limit)
            .map_err(|error| match error {
                RecvTimeoutError::Timeout => NoAttempt::Yet,
                RecvTimeoutError::Disconnected => NoAttempt::Ever,
            })
    }

    /// How many attempts found the queue full, or nobody who reads it.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Iterator for QueuedAttempts {
    type Item = AttemptRecord;

    fn next(&mut self) -> Option<AttemptRecord> {
        self.queued.recv().ok()
    }
}

/// There is no attempt in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAttempt {
    /// Not yet.
    #[error("no attempt came in time")]
    Yet,
    /// And none will come: all receivers with the queue are gone.
    #[error("all receivers with the queue are gone")]
    Ever,
}

/// An [`Attempt`] that one may keep. Its fields are those of the attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttemptRecord {
    /// The scheme's name.
    pub scheme: String,
    /// What became of it.
    pub outcome: AttemptOutcome,
    /// The stable code.
    pub code: &'static str,
    /// Whose fault a refusal is.
    pub fault: Option<Fault>,
    /// The code of what it would have been refused for, had its source any failures left.
    pub cause: Option<&'static str>,
    /// What would have made it pass, where that is known and is our own set-up.
    pub hint: Option<&'static str>,
    /// What was answered, where the receiver knows it.
    pub status: Option<StatusCode>,
    /// Its signature, or token, was a secret's.
    pub is_verified: bool,
    /// A run that ended after its attempt was told, and no attempt.
    pub is_late_run: bool,
    /// The label of the secret that verified it.
    pub secret_label: Option<String>,
    /// The delivery's id, where the signature covers it.
    pub id: Option<String>,
    /// The event's name, where the signature covers it.
    pub event: Option<String>,
    /// The sender's account, where the signature covers it.
    pub tenant: Option<String>,
    /// Which work it was.
    pub key: Option<IdempotencyKey>,
    /// The number of its run.
    pub run: Option<u32>,
    /// How many bytes of body have come in.
    pub body_bytes: Option<u64>,
    /// The time from its head to the verdict.
    pub verdict_time: Option<Duration>,
    /// By how many milliseconds its signed timestamp was ahead of our clock.
    pub skew_millis: Option<i64>,
    /// The address at the other end of the connection.
    pub peer: Option<IpAddr>,
    /// The source that a limit counts.
    pub source: Option<IpAddr>,
}

impl AttemptRecord {
    fn of(attempt: &Attempt<'_>, is_late_run: bool) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            scheme: attempt.scheme.name.to_string(),
            outcome: attempt.outcome,
            code: attempt.code,
            fault: attempt.refusal.map(|refusal| refusal.fault()),
            cause: attempt.refusal.and_then(|refusal| refusal.cause()),
            hint: attempt.hint,
            status: attempt.status,
            is_verified: attempt.is_verified,
            is_late_run,
            secret_label: owned(attempt.secret_label),
            id: owned(attempt.id),
            event: owned(attempt.event),
            tenant: owned(attempt.tenant),
            key: attempt.key,
            run: attempt.run,
            body_bytes: attempt.body_bytes,
            verdict_time: attempt.verdict_time,
            skew_millis: attempt.skew_millis,
            peer: attempt.peer,
            source: attempt.source,
        }
    }
}
