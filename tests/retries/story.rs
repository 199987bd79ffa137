//! One sender's retries on a clock that a test moves: the table that every service fills in.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use countersign::danger::Deduplicate;
use countersign::scheme::Scheme;
use countersign::{MemoryStore, Once, Receiver, ReceiverBuilder, Secret, Timestamp, WithStore};
use countersign_testkit::{ManualClock, Sender};
use http::Request;

use crate::attempts::{self, Seen};
use crate::files;

pub(crate) const START: Timestamp = Timestamp::from_secs(1_700_000_000);
const PUBLIC_URL: &str = "https://hooks.example.com";

type Builder = ReceiverBuilder<WithStore<MemoryStore>>;

/// A service, and how it comes again.
pub(crate) struct Story {
    pub(crate) scheme: Scheme,
    pub(crate) secret: &'static str,
    pub(crate) choice: Option<Deduplicate>,
    /// The attempt with this number, from 1, at the sender's present moment.
    pub(crate) attempt: fn(&Sender, usize) -> Request<Bytes>,
    /// Another event of the same sender, as like this one as can be.
    pub(crate) another: fn(&Sender) -> Request<Bytes>,
    /// When the retries come, in seconds since the first attempt; the last one at the end of the sender's span.
    pub(crate) retries: &'static [u64],
    /// Does a retry carry the signature of the first attempt?
    pub(crate) replay: bool,
    /// Does a retry have another body?
    pub(crate) body_changed: bool,
}

/// One endpoint that a story is played at.
pub(crate) struct Stage {
    pub(crate) receiver: Receiver<Once<MemoryStore>>,
    pub(crate) clock: ManualClock,
    sender: Sender,
    begun: Rc<Cell<Duration>>,
}

impl Stage {
    pub(crate) fn new(story: &Story, capacity: usize) -> Self {
        Self::with(story, capacity, |builder| builder)
    }

    /// With further settings.
    pub(crate) fn with(
        story: &Story,
        capacity: usize,
        set: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let clock = ManualClock::new(START);
        let secret = Secret::new(story.secret).expect("a sound secret");
        let store = MemoryStore::single_process_on(capacity, clock.clone());
        let builder = files::builder(story.scheme.clone(), secret, PUBLIC_URL).store(store);
        let builder = match story.choice {
            Some(choice) => builder.deduplicate(choice),
            None => builder,
        };
        let sender = Sender::new(story.scheme.clone(), story.secret);
        Self {
            receiver: set(builder).build().expect("a receiver"),
            clock,
            sender: sender.url(format!("{PUBLIC_URL}/hooks")),
            begun: Rc::default(),
        }
    }

    /// The sender at this moment.
    pub(crate) fn sender(&self) -> Sender {
        self.sender.clone().at(self.clock.now())
    }

    pub(crate) fn send(&self, request: &Request<Bytes>, status: u16) -> Seen {
        attempts::attempt(&self.receiver, &self.clock, request, status)
    }

    /// Lets time pass until so long after the beginning.
    pub(crate) fn wait_until(&self, since_start: Duration) {
        let before = self.begun.replace(since_start);
        let by = since_start.checked_sub(before);
        self.clock.advance(by.expect("time goes on"));
    }

    pub(crate) fn records(&self) -> usize {
        self.receiver.store().stats().records
    }
}

impl Story {
    /// The whole of it.
    pub(crate) fn play(&self) {
        self.check();
        self.fails_once();
        self.fails_until_the_last();
        self.is_done_at_once();
        self.is_remembered_for_the_retention();
        self.another_event_runs();
        self.a_captured_attempt_does_not_run();
        self.counts_every_run();
    }

    fn stage(&self) -> Stage {
        Stage::new(self, 100)
    }

    fn attempt_now(&self, stage: &Stage, number: usize, status: u16) -> Seen {
        stage.send(&(self.attempt)(&stage.sender(), number), status)
    }

    fn duplicate(&self, attempt: u32, status: u16) -> Seen {
        Seen::duplicate(attempt, status, self.replay, self.body_changed)
    }

    /// Every retry with its number and its moment.
    fn retries(&self) -> impl Iterator<Item = (usize, Duration)> {
        let moments = self.retries.iter().map(|at| Duration::from_secs(*at));
        moments.enumerate().map(|(at, moment)| (at + 2, moment))
    }

    /// The table says what the scheme says.
    fn check(&self) {
        let span = self.scheme.retry.span.as_duration();
        let last = self.retries.last().copied().map(Duration::from_secs);
        let last = last.expect("a retry, by hand at least");
        // Where nothing comes by itself, somebody sends it again by hand.
        assert!(span.is_zero() || last == span, "{last:?} of {span:?}");
        assert!(self.stage().receiver.retention() > last);
    }

    fn fails_once(&self) {
        let stage = self.stage();
        assert_eq!(self.attempt_now(&stage, 1, 500), Seen::released(1, 500));
        let mut retries = self.retries();
        let (number, moment) = retries.next().expect("a retry");
        stage.wait_until(moment);
        assert_eq!(self.attempt_now(&stage, number, 200), Seen::done(2, 200));
        for (number, moment) in retries {
            stage.wait_until(moment);
            // Measured against the attempt that was done, which was itself a retry.
            assert_eq!(
                self.attempt_now(&stage, number, 500),
                self.duplicate(2, 200)
            );
        }
        assert_eq!(stage.records(), 1);
    }

    fn fails_until_the_last(&self) {
        let stage = self.stage();
        assert_eq!(self.attempt_now(&stage, 1, 503), Seen::released(1, 503));
        let last = self.retries.len() + 1;
        for (number, moment) in self.retries() {
            stage.wait_until(moment);
            let run = u32::try_from(number).expect("few");
            let (status, expected) = match number == last {
                true => (204, Seen::done(run, 204)),
                // Nothing but a 2xx is done.
                false => (404, Seen::released(run, 404)),
            };
            assert_eq!(self.attempt_now(&stage, number, status), expected);
        }
        let run = u32::try_from(last).expect("few");
        let again = (self.attempt)(&stage.sender(), last + 1);
        let seen = stage.send(&again, 500);
        assert_eq!(
            (seen.status, seen.run, seen.attempt),
            (204, None, Some(run))
        );
    }

    /// The retry that comes though all went well, because the answer was lost, gets the recorded one.
    fn is_done_at_once(&self) {
        let stage = self.stage();
        assert_eq!(self.attempt_now(&stage, 1, 201), Seen::done(1, 201));
        for (number, moment) in self.retries() {
            stage.wait_until(moment);
            assert_eq!(
                self.attempt_now(&stage, number, 500),
                self.duplicate(1, 201)
            );
        }
        assert_eq!(stage.records(), 1);
        let counts = stage.receiver.counts();
        let retries = u64::try_from(self.retries.len()).expect("few");
        let replays = if self.replay { retries } else { 0 };
        let changed = if self.body_changed { retries } else { 0 };
        assert_eq!(
            (
                counts.done,
                counts.duplicates,
                counts.replays,
                counts.changed_bodies
            ),
            (1, retries, replays, changed)
        );
    }

    /// To the millisecond; then the key is free, and what comes is another delivery's first attempt.
    fn is_remembered_for_the_retention(&self) {
        let stage = self.stage();
        assert_eq!(self.attempt_now(&stage, 1, 200), Seen::done(1, 200));
        let retention = stage.receiver.retention();
        stage.wait_until(retention - Duration::from_millis(1));
        assert_eq!(self.attempt_now(&stage, 2, 500), self.duplicate(1, 200));
        stage.wait_until(retention);
        assert_eq!(self.attempt_now(&stage, 3, 200), Seen::done(1, 200));
    }

    fn another_event_runs(&self) {
        let stage = self.stage();
        assert_eq!(self.attempt_now(&stage, 1, 200), Seen::done(1, 200));
        let another = (self.another)(&stage.sender());
        assert_eq!(stage.send(&another, 202), Seen::done(1, 202));
        let again = Seen::duplicate(1, 202, self.signs(), false);
        assert_eq!(stage.send(&another, 500), again);
        assert_eq!(stage.records(), 2);
    }

    fn signs(&self) -> bool {
        self.scheme.algorithm.signs_content()
    }

    /// Byte for byte, whatever an honest retry looks like: the very signature of the attempt that was done.
    fn a_captured_attempt_does_not_run(&self) {
        let stage = self.stage();
        let captured = (self.attempt)(&stage.sender(), 1);
        assert_eq!(stage.send(&captured, 200), Seen::done(1, 200));
        let again = Seen::duplicate(1, 200, self.signs(), false);
        assert_eq!(stage.send(&captured, 500), again);
        assert_eq!(stage.send(&captured, 200), again);
    }

    /// A run that failed leaves the attempt number behind and nothing else: the handler can tell its runs apart for as long as retries come.
    fn counts_every_run(&self) {
        let stage = self.stage();
        for (run, status) in [(1, 500), (2, 302), (3, 422), (4, 101), (5, 429)] {
            let seen = self.attempt_now(&stage, 1, status);
            assert_eq!(seen, Seen::released(run, status));
        }
        assert_eq!(self.attempt_now(&stage, 1, 200), Seen::done(6, 200));
    }
}
