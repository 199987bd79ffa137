//! What there is: the store with its one record and its clock, the runs, and the requests that are still under way.

use std::hash::{Hash, Hasher};

use super::*;

/// In ticks of the store's clock; a third of it is one tick.
pub(super) const LEASE: u8 = 3;
/// Longer than any walk: that a record expires is no matter of the protocol.
const RETENTION: Duration = Duration::from_secs(1_000);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) now: u8,
    pub(super) record: Record,
    /// One for each attempt, in the order of their arrival.
    pub(super) runs: Vec<Run>,
    /// Requests that nobody waits for any longer. They may still arrive, at any time.
    pub(super) late: Vec<(Ask, u8)>,
    pub(super) left: Mishaps,
    /// From here on nothing goes wrong, and the sender tries once more.
    pub(super) is_healed: bool,
    /// The sender was told 2xx.
    pub(super) is_acked: bool,
    /// How often the store said `Settled`.
    pub(super) settled: u8,
    /// The greatest attempt number that the store gave out, and that a handler was started with.
    pub(super) highest: u8,
    pub(super) started: u8,
    pub(super) breaches: u8,
}

/// One attempt at its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) receiver: u8,
    pub(super) token: u8,
    pub(super) phase: Phase,
    /// The client is still there to be answered.
    pub(super) has_client: bool,
    /// The call that claims, settles or releases.
    pub(super) call: Wire,
    /// How often it went out before and stayed without a reply.
    pub(super) tries: u8,
    /// The call that extends, beside the handler.
    pub(super) extension: Wire,
    /// Until when it believes that the lease lasts: counted from when it asked.
    pub(super) held_until: u8,
    pub(super) attempt: u8,
    /// The handler has committed its work.
    pub(super) effect: bool,
    pub(super) verdict: Option<Verdict>,
    /// Why the work may be done by another run as well.
    pub(super) causes: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Claiming,
    Running,
    Settling,
    Releasing,
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Success,
    /// No retry will help.
    FailedForGood,
    /// Anything but 2xx.
    Failure,
    Panic,
}

/// A call between a receiver and the store. The moment is when it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Idle,
    Sent(u8),
    Replied(u8, Reply),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Ask {
    Claim,
    Settle { failed: bool },
    Release,
    Extend,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Claimed(u8),
    Busy,
    Duplicate,
    Settled,
    AlreadySettled,
    Released,
    AlreadyReleased,
    Extended,
    Lost,
}

/// What a property looks for that shows in a step, not in a state.
#[derive(Clone, Copy, Debug)]
pub(super) enum Breach {
    /// The store answered other than its contract says.
    Contract,
    /// A call without a lease changed the record, or was not told.
    Fence,
    /// An attempt number that was there before.
    Attempt,
    /// A handler started without a lease.
    Start,
    /// 2xx for what is not done.
    Acked,
    /// 2xx by a run that was told that it lost its lease.
    AckedLost,
}

/// Why two effects of one delivery are possible.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cause {
    /// The lease lapsed while the run was at it.
    Lapsed,
    /// The receiver crashed after the effect and before the settle.
    Crashed,
    /// In-place: the client hung up after the effect and before the settle.
    Dropped,
    /// The store did not reply to the settle, for as long as the lease lasted.
    Outage,
    /// The handler itself said that it failed, after its effect.
    Handler,
}

/// A walk hashes millions of runs, without optimization: one number does it for all fields.
impl Hash for Run {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.packed());
    }
}

impl Run {
    /// One number for all of it.
    fn packed(&self) -> u64 {
        let verdict = self.verdict.map_or(0, |verdict| verdict as u64 + 1);
        let fields = [
            (self.phase as u64, 3),
            (self.has_client.into(), 1),
            (self.call.packed(), 9),
            (self.tries.into(), 2),
            (self.extension.packed(), 9),
            (self.held_until.into(), 5),
            (self.attempt.into(), 3),
            (self.effect.into(), 1),
            (verdict, 3),
            (self.causes.into(), 5),
            (self.receiver.into(), 2),
            (self.token.into(), 8),
        ];
        let mut packed = 0;
        for (field, bits) in fields {
            debug_assert!(field < 1 << bits);
            packed = packed << bits | field;
        }
        packed
    }

    pub(super) fn is_live(&self) -> bool {
        self.phase != Phase::Ended
    }

    pub(super) fn has(&self, cause: Cause) -> bool {
        self.causes & (1 << cause as u8) != 0
    }

    pub(super) fn excuse(&mut self, cause: Cause) {
        self.causes |= 1 << cause as u8;
    }

    /// What is asked by the call of this phase.
    fn ask(&self) -> Ask {
        match self.phase {
            Phase::Claiming | Phase::Running | Phase::Ended => Ask::Claim,
            Phase::Settling => Ask::Settle {
                failed: self.verdict == Some(Verdict::FailedForGood),
            },
            Phase::Releasing => Ask::Release,
        }
    }

    /// At a third of the lease.
    pub(super) fn is_extension_due(&self, now: u8) -> bool {
        self.phase == Phase::Running
            && self.extension == Wire::Idle
            && self.held_until > 0
            && now + LEASE - LEASE / 3 >= self.held_until
    }
}

impl Wire {
    fn packed(self) -> u64 {
        let (moment, reply) = match self {
            Self::Idle => return 0,
            Self::Sent(at) => (at, 1),
            Self::Replied(at, reply) => (at, reply.packed()),
        };
        u64::from(moment) << 5 | reply
    }
}

impl Reply {
    fn packed(self) -> u64 {
        match self {
            Self::Busy => 2,
            Self::Duplicate => 3,
            Self::Settled => 4,
            Self::AlreadySettled => 5,
            Self::Released => 6,
            Self::AlreadyReleased => 7,
            Self::Extended => 8,
            Self::Lost => 9,
            Self::Claimed(attempt) => 10 + u64::from(attempt),
        }
    }
}

impl World {
    pub(super) fn new(left: Mishaps) -> Self {
        Self {
            now: 0,
            record: Record::unknown(),
            runs: Vec::new(),
            late: Vec::new(),
            left,
            is_healed: false,
            is_acked: false,
            settled: 0,
            highest: 0,
            started: 0,
            breaches: 0,
        }
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.late.is_empty() && !self.runs.iter().any(Run::is_live)
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_healed && self.is_quiet()
    }

    pub(super) fn effects(&self) -> usize {
        self.runs.iter().filter(|run| run.effect).count()
    }

    pub(super) fn breached(&self, breach: Breach) -> bool {
        self.breaches & (1 << breach as u8) != 0
    }

    fn breach_unless(&mut self, holds: bool, breach: Breach) {
        if !holds {
            self.breaches |= 1 << breach as u8;
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.record.state, State::Done { .. })
    }

    /// Whose work is recorded, by token.
    pub(super) fn done_by(&self) -> Option<(u8, bool)> {
        match &self.record.state {
            State::Done { token, done, .. } => Some((number(token), done.failed)),
            _ => None,
        }
    }

    /// Who holds the key, by token: read off the record, not asked of the code under test.
    pub(super) fn holder(&self) -> Option<u8> {
        match &self.record.state {
            State::InFlight { token, until, .. } if *until > moment(self.now) => {
                Some(number(token))
            }
            _ => None,
        }
    }

    /// Runs are alike but for their number, and so are receivers: one order stands for all.
    pub(super) fn sort(&mut self) {
        if self
            .runs
            .windows(2)
            .any(|two| self.rank(&two[0]) > self.rank(&two[1]))
        {
            let mut sorted = self.runs.clone();
            sorted.sort_by_key(|run| self.rank(run));
            let renumbered = |token: u8| {
                let place = sorted.iter().position(|run| run.token == token);
                u8::try_from(place.expect("the token of a run") + 1).expect("few runs")
            };
            for (_, token) in &mut self.late {
                *token = renumbered(*token);
            }
            self.late.sort_unstable();
            if let State::Free {
                token: Some(token), ..
            }
            | State::InFlight { token, .. }
            | State::Done { token, .. } = &mut self.record.state
            {
                *token = LeaseToken::from_bytes([renumbered(number(token)); 16]);
            }
            for (run, token) in sorted.iter_mut().zip(1..) {
                run.token = token;
            }
            self.runs = sorted;
        }
        let mut names = [None; MOST_RECEIVERS as usize];
        let mut next = 0;
        for run in self.runs.iter_mut().filter(|run| run.is_live()) {
            let name = &mut names[usize::from(run.receiver)];
            run.receiver = *name.get_or_insert_with(|| {
                next += 1;
                next - 1
            });
        }
    }

    fn rank(&self, run: &Run) -> (u64, bool, usize) {
        let is_known = match &self.record.state {
            State::Free { token, .. } => token.as_ref().map(number) == Some(run.token),
            State::InFlight { token, .. } | State::Done { token, .. } => number(token) == run.token,
        };
        let mut late = 0;
        for (_, token) in &self.late {
            late += usize::from(*token == run.token);
        }
        // Without the receiver and the token.
        (run.packed() >> 10, is_known, late)
    }

    pub(super) fn tick(&mut self) {
        let holder = self.holder();
        self.now += 1;
        // What is over is over; since when makes no difference.
        let first = self.now.saturating_sub(LEASE);
        for run in &mut self.runs {
            if run.held_until <= self.now {
                run.held_until = 0;
            }
            for wire in [&mut run.call, &mut run.extension] {
                if let Wire::Sent(at) | Wire::Replied(at, _) = wire
                    && *at > 0
                {
                    *at = first.max(*at);
                }
            }
        }
        if holder.is_some() && self.holder().is_none() {
            let at_it = |run: &&mut Run| {
                Some(run.token) == holder && matches!(run.phase, Phase::Running | Phase::Settling)
            };
            for run in self.runs.iter_mut().filter(at_it) {
                run.excuse(Cause::Lapsed);
            }
        }
    }

    /// The request reaches the store, which acts and replies.
    pub(super) fn serve(&mut self, ask: Ask, token: u8) -> Reply {
        let now = moment(self.now);
        let before = self.record.clone();
        let holder = self.holder();
        let reply = self.ask_record(ask, token, now);
        self.settled += u8::from(reply == Reply::Settled);
        self.judge(&before, holder, (ask, token), reply);
        reply
    }

    fn ask_record(&mut self, ask: Ask, token: u8, now: Duration) -> Reply {
        let Claim {
            key,
            token,
            lease,
            retention,
        } = claim(token);
        match ask {
            Ask::Claim => match self.record.claim(&claim(number(&token)), now) {
                ClaimReply::Claimed { attempt } => {
                    Reply::Claimed(attempt.try_into().expect("few attempts"))
                }
                ClaimReply::Busy { .. } => Reply::Busy,
                ClaimReply::Duplicate { .. } => Reply::Duplicate,
                ClaimReply::Lost => Reply::Lost,
                ClaimReply::Full => panic!("a record knows nothing of room"),
            },
            Ask::Settle { failed } => {
                let mut done = Done::new(200, None, Fingerprint::default());
                done.failed = failed;
                let settle = Settle {
                    key,
                    token,
                    done,
                    retention,
                };
                match self.record.settle(settle, now) {
                    SettleReply::Settled => Reply::Settled,
                    SettleReply::AlreadySettled => Reply::AlreadySettled,
                    SettleReply::AlreadyReleased => Reply::AlreadyReleased,
                    SettleReply::Lost => Reply::Lost,
                }
            }
            Ask::Release => {
                let release = Release {
                    key,
                    token,
                    retention,
                };
                match self.record.release(&release, now) {
                    ReleaseReply::Released => Reply::Released,
                    ReleaseReply::AlreadyReleased => Reply::AlreadyReleased,
                    ReleaseReply::AlreadySettled => Reply::AlreadySettled,
                    ReleaseReply::Lost => Reply::Lost,
                }
            }
            Ask::Extend => match self.record.extend(&Extend { key, token, lease }, now) {
                ExtendReply::Extended => Reply::Extended,
                ExtendReply::Lost => Reply::Lost,
            },
        }
    }

    /// Compares what the store did with what its record said before: the arrows once more, in other words.
    fn judge(
        &mut self,
        before: &Record,
        holder: Option<u8>,
        (ask, token): (Ask, u8),
        reply: Reply,
    ) {
        let is_unchanged = *before == self.record;
        let was_done_by = match &before.state {
            State::Done { token, .. } => Some(number(token)),
            _ => None,
        };
        let was_released_by = match &before.state {
            State::Free { token, .. } => token.as_ref().map(number),
            _ => None,
        };
        let is_spent = match &before.state {
            State::InFlight { token: last, .. } => holder.is_none() && number(last) == token,
            _ => was_released_by == Some(token),
        };
        if let Reply::Claimed(attempt) = reply {
            let is_own = holder == Some(token);
            let may = is_own || (holder.is_none() && was_done_by.is_none() && !is_spent);
            self.breach_unless(may && self.holder() == Some(token), Breach::Contract);
            let grows = if is_own {
                u32::from(attempt) == before.attempt
            } else {
                attempt > self.highest
            };
            self.breach_unless(grows, Breach::Attempt);
            self.highest = self.highest.max(attempt);
            return;
        }
        if holder != Some(token) || ask == Ask::Claim {
            self.breach_unless(is_unchanged, Breach::Fence);
        }
        let expected = match ask {
            Ask::Claim if was_done_by.is_some() => Some(Reply::Duplicate),
            Ask::Claim if holder.is_some_and(|other| other != token) => Some(Reply::Busy),
            Ask::Claim => is_spent.then_some(Reply::Lost),
            Ask::Extend if holder == Some(token) => Some(Reply::Extended),
            Ask::Settle { .. } if holder == Some(token) => Some(Reply::Settled),
            Ask::Release if holder == Some(token) => Some(Reply::Released),
            Ask::Extend => Some(Reply::Lost),
            _ if was_done_by == Some(token) => Some(Reply::AlreadySettled),
            _ if was_released_by == Some(token) => Some(Reply::AlreadyReleased),
            _ => Some(Reply::Lost),
        };
        let breach = match ask {
            Ask::Claim => Breach::Contract,
            _ => Breach::Fence,
        };
        self.breach_unless(expected == Some(reply), breach);
    }

    pub(super) fn forget(&mut self) {
        let before = self.record.clone();
        let reply = self.record.forget(moment(self.now));
        let expected = match before.state {
            _ if self.holder().is_some() => matches!(reply, ForgetReply::InFlight { .. }),
            State::Done { .. } => reply == ForgetReply::Forgotten,
            _ => reply == ForgetReply::Unknown,
        };
        let is_forgotten = reply == ForgetReply::Forgotten;
        let is_kept = match is_forgotten {
            true => matches!(self.record.state, State::Free { token: None, .. }),
            false => self.record == before,
        };
        self.breach_unless(expected && is_kept, Breach::Contract);
        if is_forgotten {
            self.settled = 0;
        }
    }

    /// The handler begins.
    pub(super) fn start(&mut self, index: usize, asked: u8, attempt: u8) {
        let holder = self.holder();
        let run = &mut self.runs[index];
        run.phase = Phase::Running;
        run.call = Wire::Idle;
        run.tries = 0;
        run.held_until = asked + LEASE;
        run.attempt = attempt;
        let has_lease = holder == Some(run.token);
        self.breach_unless(has_lease, Breach::Start);
        self.breach_unless(attempt > self.started, Breach::Attempt);
        self.started = self.started.max(attempt);
    }

    pub(super) fn send(&mut self, index: usize, phase: Phase) {
        let now = self.now;
        let run = &mut self.runs[index];
        run.phase = phase;
        run.call = Wire::Sent(if phase == Phase::Claiming { now } else { 0 });
    }

    /// The sender is told, if it is still there.
    pub(super) fn answer(&mut self, index: usize, is_2xx: bool) {
        let work_is_done = self.done_by().is_some_and(|(_, failed)| failed)
            || self
                .runs
                .iter()
                .any(|run| run.effect && run.verdict == Some(Verdict::Success));
        let run = &mut self.runs[index];
        let is_told = std::mem::replace(&mut run.has_client, false) && is_2xx;
        if is_told {
            self.is_acked = true;
            let was_lost = matches!(run.call, Wire::Replied(_, Reply::Lost));
            self.breach_unless(!was_lost, Breach::AckedLost);
            self.breach_unless(work_is_done, Breach::Acked);
        }
    }

    /// Nothing remains of a run but what it did.
    pub(super) fn end(&mut self, index: usize) {
        self.abandon_call(index);
        self.abandon_extension(index);
        let run = &mut self.runs[index];
        let did = matches!(run.verdict, Some(Verdict::Success | Verdict::FailedForGood));
        *run = Run {
            phase: Phase::Ended,
            effect: run.effect,
            verdict: run.verdict.filter(|_| did),
            causes: run.causes,
            ..Run::new(0, run.token)
        };
        run.has_client = false;
    }

    /// A run that ends before its time. Its effect, if there was one, may come again.
    pub(super) fn cut(&mut self, index: usize, cause: Cause) {
        let token = self.runs[index].token;
        let is_recorded = self.done_by().is_some_and(|(by, _)| by == token);
        let run = &mut self.runs[index];
        if run.effect && !is_recorded {
            run.excuse(cause);
        }
        self.end(index);
    }

    /// Nobody waits for this call any longer. What has not reached the store yet may do so late, or never.
    pub(super) fn abandon_call(&mut self, index: usize) {
        self.repeat_later(index);
        self.runs[index].call = Wire::Idle;
    }

    pub(super) fn abandon_extension(&mut self, index: usize) {
        let run = &mut self.runs[index];
        let token = run.token;
        if let Wire::Sent(_) = std::mem::replace(&mut run.extension, Wire::Idle) {
            self.make_late(Ask::Extend, token);
        }
    }

    /// A call that has not reached the store may do so once more, or for the first time, when nobody waits for it.
    pub(super) fn repeat_later(&mut self, index: usize) {
        let run = self.runs[index];
        if let Wire::Sent(_) = run.call {
            self.make_late(run.ask(), run.token);
        }
    }

    /// Beyond what may come late it is lost.
    fn make_late(&mut self, ask: Ask, token: u8) {
        if self.late.len() < usize::from(self.left.late) {
            self.late.push((ask, token));
            self.late.sort_unstable();
        }
    }

    pub(super) fn deliver(&mut self, index: usize) {
        let run = self.runs[index];
        if let Wire::Sent(at) = run.call {
            let reply = self.serve(run.ask(), run.token);
            self.runs[index].call = Wire::Replied(at, reply);
        }
    }

    pub(super) fn deliver_extension(&mut self, index: usize) {
        let run = self.runs[index];
        if let Wire::Sent(at) = run.extension {
            let reply = self.serve(Ask::Extend, run.token);
            self.runs[index].extension = Wire::Replied(at, reply);
        }
    }
}

impl Run {
    pub(super) fn new(receiver: u8, token: u8) -> Self {
        Self {
            receiver,
            token,
            phase: Phase::Claiming,
            has_client: true,
            call: Wire::Idle,
            tries: 0,
            extension: Wire::Idle,
            held_until: 0,
            attempt: 0,
            effect: false,
            verdict: None,
            causes: 0,
        }
    }
}

pub(super) fn claim(token: u8) -> Claim {
    Claim {
        key: IdempotencyKey::from_bytes([0; 32]),
        token: LeaseToken::from_bytes([token; 16]),
        lease: moment(LEASE),
        retention: RETENTION,
    }
}

pub(super) fn moment(ticks: u8) -> Duration {
    Duration::from_secs(ticks.into())
}

/// Tokens are their number, repeated.
fn number(token: &LeaseToken) -> u8 {
    token.as_bytes()[0]
}
