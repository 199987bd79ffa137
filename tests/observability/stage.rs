//! Whoever is told of attempts, in one place, and requests that are not to be found in what they are told.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use countersign::{
    Attempt, AttemptQueue, AttemptRecord, Clock, Fault, Observer, QueuedAttempts, Receiver,
    ReceiverBuilder, Refusal, Scheme, Sleep, Tenants, Timestamp, danger,
};
use countersign_testkit::{Sender, log};
use http::{HeaderValue, Request};
use tokio::time::Instant;

use crate::recorder::Recorder;

pub(crate) const SECRET: &str = "whsec_5ec7e7planted0123456789abcdefAAA";
pub(crate) const BODY: &str = r#"{"id":"evt_1","account":"acct_1","note":"planted"}"#;
pub(crate) const NOW: i64 = 1_700_000_000;

/// Tokio's paused time, for the wall clock, too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(NOW).saturating_add(self.0.elapsed())
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

type Printed = Arc<Mutex<Vec<String>>>;

/// Queues what it is told, and prints it.
struct Ear {
    queue: AttemptQueue,
    printed: Printed,
}

impl Ear {
    fn print(&self, attempt: &Attempt<'_>) {
        let print = format!("{attempt:?} {:?}", attempt.refusal);
        self.printed.lock().unwrap().push(print);
    }
}

impl Observer for Ear {
    fn attempt(&self, attempt: &Attempt<'_>) {
        self.print(attempt);
        self.queue.attempt(attempt);
    }

    fn late_run(&self, run: &Attempt<'_>) {
        self.print(run);
        self.queue.late_run(run);
    }
}

pub(crate) struct Stage<'r> {
    pub(crate) clock: Paused,
    queue: AttemptQueue,
    told: QueuedAttempts,
    printed: Printed,
    recorder: &'r Recorder,
    /// What must be in nothing that anybody is told.
    hidden: Vec<String>,
    /// What attempts have come to so far.
    pub(crate) codes: BTreeSet<&'static str>,
    pub(crate) outcomes: BTreeSet<&'static str>,
}

impl<'r> Stage<'r> {
    pub(crate) fn new(recorder: &'r Recorder) -> Self {
        log::listen();
        let (queue, told) = AttemptQueue::bounded(NonZero::new(64).unwrap());
        Self {
            clock: Paused(Instant::now()),
            queue,
            told,
            printed: Printed::default(),
            recorder,
            hidden: vec![SECRET.to_owned(), "5ec7e7".to_owned(), "planted".to_owned()],
            codes: BTreeSet::new(),
            outcomes: BTreeSet::new(),
        }
    }

    pub(crate) fn builder(&self, scheme: Scheme) -> ReceiverBuilder {
        let secret = danger::secret_of_any_length(SECRET).unwrap();
        self.heard(Receiver::builder(scheme, secret))
    }

    pub(crate) fn for_tenants(&self, scheme: Scheme, tenants: Tenants) -> ReceiverBuilder {
        self.heard(Receiver::for_tenants(scheme, tenants))
    }

    fn heard(&self, builder: ReceiverBuilder) -> ReceiverBuilder {
        builder.clock(self.clock).observer(Ear {
            queue: self.queue.clone(),
            printed: Arc::clone(&self.printed),
        })
    }

    pub(crate) fn receiver(&self, scheme: Scheme) -> Receiver {
        self.builder(scheme).build().unwrap()
    }

    pub(crate) fn sender(&self, scheme: Scheme) -> Sender {
        Sender::new(scheme, SECRET).at(self.clock.now())
    }

    /// A genuine attempt.
    pub(crate) fn genuine(&mut self, scheme: Scheme, body: &str) -> Request<Bytes> {
        let request = self.sender(scheme).send(body);
        self.hide(&request);
        request
    }

    /// The same with another body than was signed: neither tag may be told.
    pub(crate) fn forged(&mut self, scheme: Scheme) -> Request<Bytes> {
        let other = r#"{"id":"evt_2","note":"planted"}"#;
        self.genuine(scheme.clone(), other);
        let request = self.genuine(scheme, BODY);
        request.map(|_| Bytes::from_static(other.as_bytes()))
    }

    /// Neither its signature nor what else its sender wrote into its head is to be told.
    pub(crate) fn hide(&mut self, request: &Request<Bytes>) {
        for (name, value) in request.headers() {
            let value = value.to_str().unwrap_or_default();
            if name != http::header::CONTENT_TYPE && value.len() >= 16 {
                self.hidden.push(value.to_owned());
            }
            let tags = value.split(['=', ',', ' ']);
            let tags = tags.filter(|tag| tag.len() >= 27).map(str::to_owned);
            self.hidden.extend(tags);
        }
    }

    #[track_caller]
    fn check(&self, told: &str) {
        for hidden in &self.hidden {
            assert!(!told.contains(hidden), "{hidden} in {told}");
        }
    }

    /// What has been logged, less what is no attempt's.
    #[track_caller]
    fn lines(&self, message: &str) -> Vec<String> {
        let lines = log::take();
        lines.iter().for_each(|line| self.check(line));
        let of_attempts = |line: &String| line.contains(&format!(" message={message} scheme="));
        lines.into_iter().filter(of_attempts).collect()
    }

    /// Exactly one attempt has been told since the last one, to everybody: with this code and status.
    #[track_caller]
    pub(crate) fn one(
        &mut self,
        code: &'static str,
        status: impl Into<Option<u16>>,
    ) -> AttemptRecord {
        let record = self.only(code, status.into(), false);
        self.codes.insert(code);
        self.outcomes.insert(record.outcome.as_str());
        record
    }

    /// The same of a run whose attempt was told before.
    #[track_caller]
    pub(crate) fn late(
        &mut self,
        code: &'static str,
        status: impl Into<Option<u16>>,
    ) -> AttemptRecord {
        self.only(code, status.into(), true)
    }

    #[track_caller]
    fn only(&mut self, code: &'static str, status: Option<u16>, is_late: bool) -> AttemptRecord {
        let record = self.told.try_next().expect("it was told");
        assert_eq!(self.told.try_next(), None, "told once");
        assert_eq!(self.told.dropped(), 0);
        assert_eq!((record.code, record.is_late_run), (code, is_late));
        assert_eq!(record.status.map(|status| status.as_u16()), status);
        assert_eq!(record.fault.is_some(), Refusal::CODES.contains(&code));
        self.check(&format!("{record:?}"));
        let printed = std::mem::take(&mut *self.printed.lock().unwrap());
        printed.iter().for_each(|print| self.check(print));

        let (message, counter, other) = match is_late {
            false => ("webhook attempt", "attempts", "late webhook run"),
            true => ("late webhook run", "runs", "webhook attempt"),
        };
        let lines = log::take();
        lines.iter().for_each(|line| self.check(line));
        let with = |message: &str| {
            let message = format!(" message={message} scheme=");
            let of = |line: &&String| line.contains(&message);
            lines.iter().filter(of).collect::<Vec<_>>()
        };
        assert_eq!(with(other), Vec::<&String>::new(), "told once");
        let [line] = with(message)[..] else {
            panic!("one event: {lines:?}");
        };
        let level = level(&record);
        assert!(line.starts_with(&format!("{level} ")), "{level}: {line}");
        let outcome = record.outcome.as_str();
        let scheme = &record.scheme;
        let begin = format!(r#"scheme="{scheme}" outcome="{outcome}" code="{code}""#);
        assert!(line.contains(&begin), "{line}");
        if let Some(status) = status {
            assert!(
                line.contains(&format!(r#""{code}" status={status}"#)),
                "{line}"
            );
        }

        let mut counted = self.recorder.counted();
        counted.keys().for_each(|key| self.check(key));
        counted.retain(|key, _| !key.starts_with("countersign_secret_uses_total"));
        let key =
            format!("countersign_{counter}_total{{scheme={scheme},outcome={outcome},code={code}}}");
        assert_eq!(counted.into_iter().collect::<Vec<_>>(), [(key, 1.0)]);
        self.recorder
            .recorded()
            .keys()
            .for_each(|key| self.check(key));
        record
    }

    /// Nothing has been told since the last attempt.
    #[track_caller]
    pub(crate) fn none(&mut self) {
        assert_eq!(self.told.try_next(), None);
        assert_eq!(self.lines("webhook attempt"), Vec::<String>::new());
    }

    /// One attempt has been told with this code, whose event and counts were taken before.
    #[track_caller]
    pub(crate) fn another_of(&self, code: &str) {
        let told = self.told.try_next().expect("it was told");
        assert_eq!((told.code, self.told.try_next()), (code, None));
    }
}

/// As the manual's table has it.
fn level(record: &AttemptRecord) -> &'static str {
    match (record.outcome.as_str(), record.code, record.fault) {
        ("accepted" | "answered" | "done" | "unrecorded", ..) => "DEBUG",
        ("duplicate", ..) | (_, "abandoned" | "in_flight", _) => "INFO",
        (_, "replayed" | "body_changed", _) => "WARN",
        (_, _, Some(Fault::Sender)) => "INFO",
        _ => "WARN",
    }
}

/// One header set to this.
pub(crate) fn set(mut request: Request<Bytes>, name: &'static str, value: &str) -> Request<Bytes> {
    let value = HeaderValue::from_str(value).unwrap();
    request.headers_mut().insert(name, value);
    request
}

/// One header once more.
pub(crate) fn add(mut request: Request<Bytes>, name: &'static str, value: &str) -> Request<Bytes> {
    let value = HeaderValue::from_str(value).unwrap();
    request.headers_mut().append(name, value);
    request
}

pub(crate) fn without(mut request: Request<Bytes>, name: &'static str) -> Request<Bytes> {
    request.headers_mut().remove(name);
    request
}
