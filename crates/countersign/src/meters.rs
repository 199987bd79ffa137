//! Counters and histograms of attempts, through the `metrics` facade.
//!
//! Labels are bounded by construction: names of schemes, words and codes of our own, and labels of configured secrets. No value of a request
//! is one.

use metrics::{SharedString, Unit, counter, histogram};

use crate::attempt::{Attempt, AttemptOutcome};
use crate::watch::secs;

pub(crate) const ATTEMPTS: &str = "countersign_attempts_total";
pub(crate) const RUNS: &str = "countersign_runs_total";
pub(crate) const SECRET_USES: &str = "countersign_secret_uses_total";
pub(crate) const BODY_BYTES: &str = "countersign_body_bytes";
pub(crate) const VERDICT_SECONDS: &str = "countersign_verdict_seconds";
pub(crate) const CLOCK_SKEW_SECONDS: &str = "countersign_clock_skew_seconds";

/// Tells the recorder of this process what each metric means, and in which unit it is: call it once, after the recorder was installed.
///
/// | metric | labels | counts |
/// |---|---|---|
/// | `countersign_attempts_total` | `scheme`, `outcome`, `code` | every attempt, once |
/// | `countersign_runs_total` | `scheme`, `outcome`, `code` | runs that ended after their attempt was told |
/// | `countersign_secret_uses_total` | `scheme`, `secret` | deliveries and signed questions, by the label of the secret that verified them; `tenants` for all secrets of a receiver of [many tenants](crate::Tenants) |
/// | `countersign_body_bytes` | `scheme` | bytes per verified delivery |
/// | `countersign_verdict_seconds` | `scheme` | seconds from head to verdict per attempt |
/// | `countersign_clock_skew_seconds` | `scheme` | signed timestamp minus our clock per verified delivery; the sender's delay and retries that keep their stamp are in it |
pub fn describe_metrics() {
    metrics::describe_counter!(
        ATTEMPTS,
        Unit::Count,
        "webhook attempts, by what became of them"
    );
    metrics::describe_counter!(
        RUNS,
        Unit::Count,
        "webhook runs that ended after their attempt was told"
    );
    metrics::describe_counter!(
        SECRET_USES,
        Unit::Count,
        "webhook deliveries, by the label of the secret that verified them"
    );
    metrics::describe_histogram!(BODY_BYTES, Unit::Bytes, "body of a verified delivery");
    metrics::describe_histogram!(
        VERDICT_SECONDS,
        Unit::Seconds,
        "time from the head of an attempt to its verdict"
    );
    metrics::describe_histogram!(
        CLOCK_SKEW_SECONDS,
        Unit::Seconds,
        "signed timestamp of a verified delivery minus the time of its verification"
    );
}

/// A built-in scheme's name is not copied.
fn scheme(attempt: &Attempt<'_>) -> SharedString {
    SharedString::from(attempt.scheme.name.clone())
}

pub(crate) fn attempt(attempt: &Attempt<'_>) {
    let scheme = scheme(attempt);
    counter!(
        ATTEMPTS,
        "scheme" => scheme.clone(),
        "outcome" => attempt.outcome.as_str(),
        "code" => attempt.code
    )
    .increment(1);
    if let Some(took) = attempt.verdict_time {
        histogram!(VERDICT_SECONDS, "scheme" => scheme.clone()).record(took.as_secs_f64());
    }
    // A signed question is no delivery.
    if !attempt.is_verified || attempt.outcome == AttemptOutcome::Answered {
        return;
    }
    if let Some(skew) = attempt.skew_millis {
        histogram!(CLOCK_SKEW_SECONDS, "scheme" => scheme.clone()).record(secs(skew));
    }
    if let Some(bytes) = attempt.body_bytes {
        // No body is so long that this is not exact.
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        histogram!(BODY_BYTES, "scheme" => scheme).record(f64::from(bytes));
    }
}

pub(crate) fn late_run(run: &Attempt<'_>) {
    counter!(
        RUNS,
        "scheme" => scheme(run),
        "outcome" => run.outcome.as_str(),
        "code" => run.code
    )
    .increment(1);
}

/// `label` is one of the configured secrets'.
pub(crate) fn secret_use(scheme: &crate::scheme::Text, label: &str) {
    counter!(
        SECRET_USES,
        "scheme" => SharedString::from(scheme.clone()),
        "secret" => label.to_owned()
    )
    .increment(1);
}
