//! Who is told of attempts: the log, the counters and the observer, in this order and nowhere else.

use std::cell::LazyCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::attempt::Attempt;
use crate::clock::{self, Clock};
use crate::observer::Told;
use crate::outcome::OutcomeKind;
use crate::refusal::{Fault, Refusal};
use crate::waiting::keep_quiet;

/// The target of the events of attempts.
const ATTEMPT: &str = "countersign::attempt";
/// The target of the events of runs whose attempt was told before.
const RUN: &str = "countersign::run";

/// No refusal's text holds a value from the request.
macro_rules! event {
    ($level:expr, $target:expr, $attempt:ident, $message:literal) => {{
        let attempt = &$attempt;
        tracing::event!(
            target: $target,
            $level,
            scheme = &*attempt.scheme.name,
            outcome = attempt.outcome.as_str(),
            code = attempt.code,
            status = attempt.status.map(|status| status.as_u16()),
            fault = attempt.refusal.map(|refusal| refusal.fault().as_str()),
            cause = attempt.refusal.and_then(Refusal::cause),
            hint = attempt.hint,
            reason = attempt.refusal.map(tracing::field::display),
            secret_label = attempt.secret_label,
            key = attempt.key.map(tracing::field::display),
            attempt = attempt.run,
            event = attempt.event,
            id = attempt.id,
            tenant = attempt.tenant,
            body_bytes = attempt.body_bytes,
            verdict_us = attempt.verdict_time.map(micros),
            skew_s = attempt.skew_millis.map(secs),
            $message
        )
    }};
}

/// Everybody whom a receiver tells of attempts. Its clones share it, and it outlives an exchange of secrets.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    observer: Option<Told>,
    /// The receiver's.
    clock: Arc<OnceLock<Arc<dyn Clock>>>,
    /// Does the receiver run deliveries? An attempt has come to its end only then.
    runs: bool,
    has_told_of_panic: AtomicBool,
}

impl Watch {
    pub(crate) fn new(
        observer: Option<Told>,
        clock: Arc<OnceLock<Arc<dyn Clock>>>,
        runs: bool,
    ) -> Self {
        Self {
            observer,
            clock,
            runs,
            has_told_of_panic: AtomicBool::new(false),
        }
    }

    pub(crate) const fn runs(&self) -> bool {
        self.runs
    }

    /// Is there an observer?
    pub(crate) const fn observes(&self) -> bool {
        self.observer.is_some()
    }

    /// The monotonic time, if anybody wants to know how long something takes.
    pub(crate) fn time(&self) -> Option<Duration> {
        let asks = self.observer.is_some()
            || cfg!(feature = "metrics")
            || tracing::enabled!(target: ATTEMPT, tracing::Level::WARN);
        asks.then(|| match self.clock.get() {
            Some(clock) => clock.monotonic(),
            None => clock::monotonic(),
        })
    }

    /// `make` is asked only if somebody listens.
    pub(crate) fn attempt<'a>(&self, level: Level, make: &dyn Fn() -> Attempt<'a>) {
        let attempt = LazyCell::new(make);
        // A call each, for target, level and message are part of an event's static data.
        macro_rules! tell {
            ($level:ident) => {
                event!(tracing::Level::$level, ATTEMPT, attempt, "webhook attempt")
            };
        }
        match level {
            Level::Debug => tell!(DEBUG),
            Level::Info => tell!(INFO),
            Level::Warn => tell!(WARN),
        }
        #[cfg(feature = "metrics")]
        crate::meters::attempt(&attempt);
        if let Some(Told(observer)) = &self.observer {
            self.call(|| observer.attempt(&attempt));
        }
    }

    pub(crate) fn late_run<'a>(&self, level: Level, make: &dyn Fn() -> Attempt<'a>) {
        let run = LazyCell::new(make);
        macro_rules! tell {
            ($level:ident) => {
                event!(tracing::Level::$level, RUN, run, "late webhook run")
            };
        }
        match level {
            Level::Debug => tell!(DEBUG),
            Level::Info => tell!(INFO),
            Level::Warn => tell!(WARN),
        }
        #[cfg(feature = "metrics")]
        crate::meters::late_run(&run);
        if let Some(Told(observer)) = &self.observer {
            self.call(|| observer.late_run(&run));
        }
    }

    /// A sink that panics is no reason to lose a delivery, nor to panic once more in a destructor.
    fn call(&self, tell: impl FnOnce()) {
        let Err(payload) = catch_unwind(AssertUnwindSafe(tell)) else {
            return;
        };
        keep_quiet(payload);
        if !self.has_told_of_panic.swap(true, Ordering::Relaxed) {
            tracing::error!("the observer of webhook attempts panicked; it is said once");
        }
    }
}

/// DEBUG for what went well, INFO where the sender is at fault and for copies, WARN for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Debug,
    Info,
    Warn,
}

impl Level {
    pub(crate) fn of_refusal(refusal: &Refusal) -> Self {
        match refusal {
            // Somebody holds a captured attempt, or sends another content under a known id.
            Refusal::Replayed | Refusal::BodyChanged => Self::Warn,
            Refusal::InFlight { .. } => Self::Info,
            refusal if refusal.fault() == Fault::Sender => Self::Info,
            _ => Self::Warn,
        }
    }

    pub(crate) fn of_run(kind: &OutcomeKind) -> Self {
        match kind {
            OutcomeKind::Done | OutcomeKind::Unrecorded => Self::Debug,
            OutcomeKind::Duplicate { .. } => Self::Info,
            OutcomeKind::Released | OutcomeKind::FailedForGood => Self::Warn,
            OutcomeKind::Refused(refusal) => Self::of_refusal(refusal),
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Exact for every distance that a tolerance accepts.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds up to 285,000 years are exact"
)]
pub(crate) fn secs(millis: i64) -> f64 {
    millis as f64 / 1_000.0
}
