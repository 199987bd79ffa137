//! What must always hold, by the invariant's number, and what must be seen to happen.

use super::*;

pub(super) const ONE_RECORDED: &str = "I20 at most one run is recorded, ever";
pub(super) const CAUSE: &str = "I20 two effects only where one of them has a cause";
pub(super) const ONE_AT_A_TIME: &str = "I20 at most one run at a time, under a lease";
pub(super) const ACKED: &str = "I21 nothing is acknowledged that is not done";
pub(super) const RECORDED: &str = "I21 what is recorded was done";
pub(super) const CANCELLED: &str = "I22 cancellation neither loses nor doubles";
pub(super) const FINITE: &str = "I24 every lease ends";
pub(super) const OUTRUN: &str = "I24 a prompt store lets nobody outrun its lease";
pub(super) const FENCED: &str = "I25 who lost its lease changes nothing and learns it";
pub(super) const NUMBERS: &str = "I25 attempt numbers grow";
pub(super) const ALONE: &str = "I26 a claim that is repeated does not meet itself";
pub(super) const CONTRACT: &str = "the store's contract of claims";
pub(super) const NOT_LOST: &str = "no delivery is lost";

pub(super) const BUSY: &str = "a claim finds another run";
pub(super) const REPEATED_CLAIM: &str = "a repeated claim is granted";
pub(super) const REPEATED_SETTLE: &str = "a repeated settle is known";
pub(super) const LOST_AT_SETTLE: &str = "a settle comes after the lease";
/// A late copy of its claim takes the key again for a run that was outrun, once nobody else holds it.
pub(super) const REVIVED: &str = "a late claim takes the key again for an outrun run";
pub(super) const DUPLICATE_AFTER_LOSS: &str = "a duplicate after a lost reply";
pub(super) const DUPLICATE_AFTER_CANCEL: &str = "a duplicate after a cancelled attempt";
pub(super) const DONE_AFTER_CRASH: &str = "done after a crash";
pub(super) const FAILED_FOR_GOOD: &str = "failed for good";
pub(super) const TWO_AFTER_LAPSE: &str = "two effects: a lease was outrun";
pub(super) const TWO_AFTER_CRASH: &str = "two effects: a crash between effect and settle";
pub(super) const TWO_AFTER_DROP: &str = "two effects: a drop between effect and settle";
pub(super) const TWO_AFTER_OUTAGE: &str = "two effects: no reply to a settle";
pub(super) const TWO_AFTER_HANDLER: &str = "two effects: a handler that failed after its own";

pub(super) const PROMISES_HOLD: &str = "promises";

type Condition = fn(&Bounds, &World) -> bool;

const PROMISES: &[(&str, Condition)] = &[
    (ONE_RECORDED, |_, world| world.settled <= 1),
    // Which of the two came first is not said: an outrun handler may have its effect after the other's.
    (CAUSE, |_, world| {
        let bare = |run: &&Run| run.effect && run.causes == 0;
        world.effects() < 2 || world.runs.iter().filter(bare).count() <= 1
    }),
    (ONE_AT_A_TIME, |_, world| {
        let runs = world.runs.iter();
        let holds = |run: &&Run| run.phase == Phase::Running && !run.has(Cause::Lapsed);
        runs.filter(holds).count() <= 1 && !world.breached(Breach::Start)
    }),
    (ACKED, |_, world| !world.breached(Breach::Acked)),
    (RECORDED, |_, world| {
        let Some((token, failed)) = world.done_by() else {
            return true;
        };
        let mut runs = world.runs.iter();
        runs.any(|run| {
            let verdict = if failed {
                Verdict::FailedForGood
            } else {
                Verdict::Success
            };
            run.token == token && run.verdict == Some(verdict) && (failed || run.effect)
        })
    }),
    (CANCELLED, |bounds, world| {
        let Mishaps {
            unclear,
            late,
            crashes,
            ..
        } = bounds.mishaps;
        let only_cancels = bounds.prompt && !bounds.sloppy && unclear + late + crashes == 0;
        let failed = matches!(world.done_by(), Some((_, true)));
        !only_cancels
            || (world.effects() <= 1
                && world.runs.iter().all(|run| run.causes == 0)
                && (!world.is_over() || (world.is_done() && failed == (world.effects() == 0))))
    }),
    (FINITE, |_, world| {
        if let State::InFlight { until, .. } = world.record.state
            && until > moment(world.now + LEASE)
        {
            return false;
        }
        // Should nobody be heard of any more: a lease later somebody else may do it, or it is done.
        let stranger = world::claim(u8::MAX);
        let reply = world
            .record
            .clone()
            .claim(&stranger, moment(world.now + LEASE));
        matches!(
            reply,
            ClaimReply::Claimed { .. } | ClaimReply::Duplicate { .. }
        )
    }),
    (OUTRUN, |bounds, world| {
        !bounds.prompt || !world.runs.iter().any(|run| run.has(Cause::Lapsed))
    }),
    (FENCED, |_, world| {
        !world.breached(Breach::Fence) && !world.breached(Breach::AckedLost)
    }),
    (NUMBERS, |_, world| !world.breached(Breach::Attempt)),
    (ALONE, |_, world| {
        world.runs.len() > 1 || !has_reply(world, Reply::Busy)
    }),
    (CONTRACT, |_, world| !world.breached(Breach::Contract)),
    // Every walk is finite, since each step uses something up; a run always has a next step; and once all have ended the sender
    // tries again. So every walk ends here.
    (NOT_LOST, |_, world| {
        let goes_on = |run: &Run| run.phase == Phase::Running || run.call != Wire::Idle;
        let is_stuck = world.runs.iter().any(|run| run.is_live() && !goes_on(run));
        !is_stuck && (!world.is_over() || (world.is_done() && world.is_acked))
    }),
];

const EXAMPLES: &[(&str, Condition)] = &[
    (BUSY, |_, world| has_reply(world, Reply::Busy)),
    (REPEATED_CLAIM, |_, world| {
        let granted = |run: &Run| {
            run.phase == Phase::Claiming
                && run.tries > 0
                && matches!(run.call, Wire::Replied(_, Reply::Claimed(_)))
        };
        world.runs.iter().any(granted)
    }),
    (REPEATED_SETTLE, |_, world| {
        has_reply(world, Reply::AlreadySettled)
    }),
    (LOST_AT_SETTLE, |_, world| {
        let is_lost = |run: &Run| {
            run.phase == Phase::Settling && matches!(run.call, Wire::Replied(_, Reply::Lost))
        };
        world.runs.iter().any(is_lost)
    }),
    (REVIVED, |_, world| {
        let is_back = |run: &Run| {
            run.phase == Phase::Running
                && world.holder() == Some(run.token)
                && u32::from(run.attempt) < world.record.attempt
        };
        world.runs.iter().any(is_back)
    }),
    (DUPLICATE_AFTER_LOSS, |bounds, world| {
        world.left.unclear < bounds.mishaps.unclear && has_reply(world, Reply::Duplicate)
    }),
    (DUPLICATE_AFTER_CANCEL, |bounds, world| {
        world.left.cancels < bounds.mishaps.cancels && has_reply(world, Reply::Duplicate)
    }),
    (DONE_AFTER_CRASH, |bounds, world| {
        world.left.crashes < bounds.mishaps.crashes && world.is_done()
    }),
    (FAILED_FOR_GOOD, |_, world| {
        world.is_acked && matches!(world.done_by(), Some((_, true)))
    }),
    (TWO_AFTER_LAPSE, |_, world| two_after(world, Cause::Lapsed)),
    (TWO_AFTER_CRASH, |_, world| two_after(world, Cause::Crashed)),
    (TWO_AFTER_DROP, |_, world| two_after(world, Cause::Dropped)),
    (TWO_AFTER_OUTAGE, |_, world| two_after(world, Cause::Outage)),
    (TWO_AFTER_HANDLER, |_, world| {
        two_after(world, Cause::Handler)
    }),
];

fn has_reply(world: &World, reply: Reply) -> bool {
    let mut runs = world.runs.iter();
    runs.any(|run| matches!(run.call, Wire::Replied(_, got) if got == reply))
}

/// By this cause alone.
fn two_after(world: &World, cause: Cause) -> bool {
    let mut done = world.runs.iter().filter(|run| run.effect);
    let causes: u8 = done.clone().fold(0, |all, run| all | run.causes);
    world.effects() == 2 && done.any(|run| run.has(cause)) && causes == 1 << cause as u8
}

/// The promises together are one property, since the checker takes its time for each.
pub(super) fn of(bounds: &Bounds) -> Vec<Property<Bounds>> {
    let promises = Property::always(PROMISES_HOLD, |bounds, world| {
        broken(bounds, world).next().is_none()
    });
    let asked = EXAMPLES
        .iter()
        .filter(|(name, _)| bounds.examples.contains(name));
    let examples = asked.map(|&(name, condition)| Property::sometimes(name, condition));
    std::iter::once(promises).chain(examples).collect()
}

pub(super) fn broken(bounds: &Bounds, world: &World) -> impl Iterator<Item = &'static str> {
    let asked = PROMISES
        .iter()
        .filter(|(name, _)| bounds.promises.is_none_or(|asked| asked.contains(name)));
    asked
        .filter(|(_, holds)| !holds(bounds, world))
        .map(|(name, _)| *name)
}
