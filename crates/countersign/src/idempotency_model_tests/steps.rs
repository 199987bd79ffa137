//! What can happen: the receiver's side of the protocol, the network, the clock, and what goes wrong.

use super::*;

/// How often a claim, and how often a settle, goes out before the receiver gives up.
const TRIES: u8 = 2;

/// Attempt numbers beyond this are not walked to; only where anyone asks anything does it come to that many.
const MOST_NUMBERS: u8 = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Tick,
    /// The sender tries, at this receiver.
    Arrive(u8),
    /// A request reaches the store.
    Deliver(usize),
    /// It does, and comes again later.
    DeliverTwice(usize),
    DeliverExtension(usize),
    /// A reply reaches the run.
    Receive(usize),
    ReceiveExtension(usize),
    /// No reply in time: the request is under way still, or its reply is lost.
    TimeOut(usize),
    TimeOutExtension(usize),
    /// A request that nobody waits for arrives, or never will.
    DeliverLate(usize),
    DropLate(usize),
    /// The handler commits its work.
    Effect(usize),
    Finish(usize, Verdict),
    Extend(usize),
    /// The client hangs up.
    Cancel(usize),
    /// All that was at this receiver is gone; it is there again at once.
    Crash(u8),
    /// Anyone asks the store anything.
    Ask(Ask, u8),
    Forget,
    /// What is going on has ended. Nothing goes wrong any longer, and the sender tries once more, a lease later.
    Heal,
}

impl Model for Bounds {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.mishaps)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if self.anyone {
            return self.anything(world, steps);
        }
        self.calm_steps(world, steps);
        if !world.is_healed {
            self.time_and_sender(world, steps);
            mishaps(world, steps);
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        match step {
            Step::Tick => world.tick(),
            Step::Arrive(receiver) => self.arrive(&mut world, receiver),
            Step::Deliver(run) => world.deliver(run),
            Step::DeliverTwice(run) => {
                world.repeat_later(run);
                world.deliver(run);
            }
            Step::DeliverExtension(run) => world.deliver_extension(run),
            Step::Receive(run) => self.receive(&mut world, run),
            Step::ReceiveExtension(run) => receive_extension(&mut world, run),
            Step::TimeOut(run) => {
                world.left.unclear -= 1;
                self.time_out(&mut world, run);
            }
            Step::TimeOutExtension(run) => {
                world.left.unclear -= 1;
                world.abandon_extension(run);
            }
            Step::DeliverLate(place) => {
                let (ask, token) = world.late.remove(place);
                world.left.late -= 1;
                world.serve(ask, token);
                world.late.truncate(world.left.late.into());
            }
            Step::DropLate(place) => {
                world.late.remove(place);
            }
            Step::Effect(run) => world.runs[run].effect = true,
            Step::Finish(run, verdict) => self.finish(&mut world, run, verdict),
            Step::Extend(run) => world.runs[run].extension = Wire::Sent(world.now),
            Step::Cancel(run) => {
                world.left.cancels -= 1;
                if self.in_place {
                    world.cut(run, Cause::Dropped);
                } else {
                    world.runs[run].has_client = false;
                }
            }
            Step::Crash(receiver) => {
                world.left.crashes -= 1;
                for run in 0..world.runs.len() {
                    if world.runs[run].is_live() && world.runs[run].receiver == receiver {
                        world.cut(run, Cause::Crashed);
                    }
                }
            }
            Step::Ask(ask, token) => {
                world.serve(ask, token);
            }
            Step::Forget => world.forget(),
            Step::Heal => {
                world.now += LEASE;
                world.is_healed = true;
                world.left = Mishaps::NONE;
                self.arrive(&mut world, 0);
            }
        }
        if !self.anyone && !self.is(Fault::RepeatsWithAnotherToken) {
            world.sort();
        }
        Some(world)
    }

    fn within_boundary(&self, world: &World) -> bool {
        world.highest <= MOST_NUMBERS
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(self)
    }
}

impl Bounds {
    /// Not receivers that keep to the protocol, but whoever has a token, in any order.
    fn anything(&self, world: &World, steps: &mut Vec<Step>) {
        for token in 1..=3 {
            let settle = Ask::Settle { failed: token == 3 };
            let all = [Ask::Claim, settle, Ask::Release, Ask::Extend];
            steps.extend(all.map(|ask| Step::Ask(ask, token)));
        }
        steps.push(Step::Forget);
        if world.now < self.ticks {
            steps.push(Step::Tick);
        }
    }

    /// What happens where nothing goes wrong.
    fn calm_steps(&self, world: &World, steps: &mut Vec<Step>) {
        for (index, run) in world.runs.iter().enumerate() {
            match run.call {
                Wire::Idle => {}
                Wire::Sent(_) => steps.push(Step::Deliver(index)),
                Wire::Replied(..) => steps.push(Step::Receive(index)),
            }
            match run.extension {
                Wire::Idle if run.is_extension_due(world.now) => {
                    if !self.is(Fault::NeverExtends) {
                        steps.push(Step::Extend(index));
                    }
                }
                Wire::Idle => {}
                Wire::Sent(_) => steps.push(Step::DeliverExtension(index)),
                Wire::Replied(..) => steps.push(Step::ReceiveExtension(index)),
            }
            if run.phase == Phase::Running {
                if !run.effect {
                    steps.push(Step::Effect(index));
                }
                for verdict in self.verdicts {
                    let may = match verdict {
                        Verdict::Success => run.effect,
                        Verdict::FailedForGood => !run.effect,
                        // In the end it works.
                        Verdict::Failure | Verdict::Panic => {
                            !world.is_healed && (!run.effect || self.sloppy)
                        }
                    };
                    if may {
                        steps.push(Step::Finish(index, *verdict));
                    }
                }
            }
        }
    }

    fn time_and_sender(&self, world: &World, steps: &mut Vec<Step>) {
        let is_idle = |run: &Run| match run.phase {
            Phase::Ended => true,
            Phase::Running => {
                let is_due = run.is_extension_due(world.now) && !self.is(Fault::NeverExtends);
                run.extension == Wire::Idle && !is_due
            }
            _ => false,
        };
        let may_tick = !self.prompt || (world.late.is_empty() && world.runs.iter().all(is_idle));
        // Where nobody is at it and no lease runs, time makes no difference.
        let is_awaited = !world.is_quiet() || world.holder().is_some();
        if world.now < self.ticks && may_tick && is_awaited {
            steps.push(Step::Tick);
        }
        if world.runs.len() < self.attempts {
            // Receivers at which nothing runs are alike: the first stands for all.
            let is_used = |receiver| {
                let mut live = world.runs.iter().filter(|run| run.is_live());
                live.any(|run| run.receiver == receiver)
            };
            let unused = (0..self.receivers).find(|receiver| !is_used(*receiver));
            let used = (0..self.receivers).filter(|receiver| is_used(*receiver));
            steps.extend(used.chain(unused).map(Step::Arrive));
        }
        if world.is_quiet() {
            steps.push(Step::Heal);
        }
    }

    fn arrive(&self, world: &mut World, receiver: u8) {
        let index = world.runs.len();
        let token = u8::try_from(index + 1).expect("few runs");
        world.runs.push(Run::new(receiver, token));
        if self.is(Fault::RunsBeforeClaim) {
            world.start(index, world.now, 1);
        } else {
            world.send(index, Phase::Claiming);
        }
    }

    fn receive(&self, world: &mut World, index: usize) {
        let run = world.runs[index];
        let Wire::Replied(asked, reply) = run.call else {
            return;
        };
        if run.phase == Phase::Claiming {
            let has_time = world.now < asked + LEASE || self.is(Fault::RunsOnLateReply);
            match reply {
                Reply::Claimed(attempt) if has_time => {
                    world.start(index, asked, attempt);
                    if self.is(Fault::SettlesBeforeHandler) {
                        world.serve(Ask::Settle { failed: false }, run.token);
                    }
                    return;
                }
                Reply::Busy if self.is(Fault::RunsOnBusy) => {
                    return world.start(index, asked, world.highest + 1);
                }
                Reply::Duplicate => world.answer(index, true),
                _ => world.answer(index, reply == Reply::Busy && self.is(Fault::AcksBusy)),
            }
        } else if run.phase == Phase::Settling {
            let is_recorded = matches!(reply, Reply::Settled | Reply::AlreadySettled);
            let is_2xx = is_recorded || self.is(Fault::AcksLost);
            world.answer(index, is_2xx && run.verdict != Some(Verdict::Failure));
        } else {
            world.answer(index, run.verdict == Some(Verdict::Success));
        }
        world.end(index);
    }

    fn time_out(&self, world: &mut World, index: usize) {
        let asked = match world.runs[index].call {
            Wire::Sent(at) | Wire::Replied(at, _) => at,
            Wire::Idle => return,
        };
        world.abandon_call(index);
        let run = world.runs[index];
        let may_repeat = run.tries + 1 < TRIES;
        match run.phase {
            Phase::Claiming if may_repeat => {
                let run = &mut world.runs[index];
                run.tries += 1;
                if self.is(Fault::RepeatsWithAnotherToken) {
                    run.token += 0x10;
                }
                return world.send(index, Phase::Claiming);
            }
            Phase::Claiming if self.is(Fault::RunsOnUnclearClaim) => {
                return world.start(index, world.now, world.highest + 1);
            }
            Phase::Claiming => {
                world.answer(index, self.is(Fault::AcksUnclearClaim));
                // It may have been granted all the same, which is not to stand in the way of the next attempt.
                if world.now < asked + LEASE {
                    let run = &mut world.runs[index];
                    run.tries = 0;
                    run.held_until = asked + LEASE;
                    return world.send(index, Phase::Releasing);
                }
            }
            Phase::Settling => {
                // The work is done, whether or not it is recorded; that it failed for good only counts once recorded.
                world.answer(index, run.verdict == Some(Verdict::Success));
                if may_repeat && world.now < run.held_until {
                    world.runs[index].tries += 1;
                    return world.send(index, Phase::Settling);
                }
                return world.cut(index, Cause::Outage);
            }
            _ => {
                world.answer(index, false);
                if may_repeat && world.now < run.held_until {
                    world.runs[index].tries += 1;
                    return world.send(index, Phase::Releasing);
                }
            }
        }
        world.end(index);
    }

    fn finish(&self, world: &mut World, index: usize, verdict: Verdict) {
        world.abandon_extension(index);
        let run = &mut world.runs[index];
        run.verdict = Some(verdict);
        let is_done = match verdict {
            Verdict::Success => !self.is(Fault::ReleasesSuccess),
            Verdict::FailedForGood => true,
            Verdict::Failure | Verdict::Panic => {
                if run.effect {
                    run.excuse(Cause::Handler);
                }
                self.is(Fault::SettlesFailure)
            }
        };
        let next = if is_done {
            Phase::Settling
        } else {
            Phase::Releasing
        };
        world.send(index, next);
    }
}

fn receive_extension(world: &mut World, index: usize) {
    let run = &mut world.runs[index];
    if let Wire::Replied(asked, reply) = run.extension {
        run.held_until = match reply {
            Reply::Extended => run.held_until.max(asked + LEASE),
            _ => 0,
        };
        run.extension = Wire::Idle;
    }
}

fn mishaps(world: &World, steps: &mut Vec<Step>) {
    let left = world.left;
    for (index, run) in world.runs.iter().enumerate() {
        if !run.is_live() {
            continue;
        }
        if left.unclear > 0 && run.call != Wire::Idle {
            steps.push(Step::TimeOut(index));
        }
        if left.unclear > 0 && run.extension != Wire::Idle {
            steps.push(Step::TimeOutExtension(index));
        }
        let has_room = world.late.len() < usize::from(left.late);
        if has_room && matches!(run.call, Wire::Sent(_)) {
            steps.push(Step::DeliverTwice(index));
        }
        if left.cancels > 0 && run.has_client {
            steps.push(Step::Cancel(index));
        }
    }
    for place in 0..world.late.len() {
        steps.push(Step::DeliverLate(place));
        steps.push(Step::DropLate(place));
    }
    if left.crashes > 0 {
        let is_at = |receiver| {
            let mut live = world.runs.iter().filter(|run| run.is_live());
            live.any(move |run| run.receiver == receiver)
        };
        let struck = (0..MOST_RECEIVERS).filter(|receiver| is_at(*receiver));
        steps.extend(struck.map(Step::Crash));
    }
}
