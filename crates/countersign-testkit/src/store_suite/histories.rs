//! Pseudo-random histories, the same in each run, told to the store and to the model.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use countersign::{Claim, Done, Extend, Fingerprint, RecordedAnswer, Release, Settle};

use super::StoreUnderTest;
use super::bench::{Bench, Case, Random, Verdict, is_like, key, token, unit};
use super::script::{told, told_call};
use crate::store_model::{StoreCall, StoreModel};

const STEPS: u32 = 60;
const KEYS: u32 = 3;
const TOKENS: u32 = 4;
/// In units. Few, so that ends fall together.
const LEASES: [u32; 5] = [1, 2, 3, 5, 8];
const RETENTIONS: [u32; 5] = [1, 2, 5, 13, 40];
/// How often a difference is looked for in a shorter history.
const MOST_TRIES: u32 = 400;

#[derive(Clone)]
enum Event {
    Wait(Duration),
    Call(StoreCall),
}

pub(super) fn cases<U: StoreUnderTest>() -> Vec<Case<U>> {
    vec![Case::new(
        "history/as the model says",
        |bench: &Bench<'_, U>| {
            let under_test = bench.under_test();
            (0..under_test.histories()).try_for_each(|seed| compare(under_test, seed))
        },
    )]
}

fn compare<U: StoreUnderTest>(under_test: &U, seed: u32) -> Verdict {
    let history = history(seed, unit(under_test));
    match difference(under_test, &history) {
        None => Ok(()),
        Some(found) => Err(format!(
            "history {seed}, {}",
            shorter(under_test, history, found)
        )),
    }
}

/// Writes a history. The model is asked where ends are, so that many steps go just to one, or just before it.
fn history(seed: u32, unit: Duration) -> Vec<Event> {
    let mut random = Random::new(u64::from(seed));
    let mut model = StoreModel::new(None);
    let mut now = Duration::ZERO;
    let mut caller = [0, 0];
    let mut events: Vec<Event> = Vec::new();
    for _ in 0..STEPS {
        let event = match random.below(10) {
            0..3 => Event::Wait(a_while(&mut random, &model, now, unit)),
            // A lost reply: the same once more.
            3 => match events.last() {
                Some(Event::Call(call)) => Event::Call(call.clone()),
                _ => Event::Wait(unit),
            },
            _ => {
                // Often by the one who has just called.
                if random.below(2) == 0 {
                    caller = [random.below(KEYS), random.below(TOKENS)];
                }
                Event::Call(call(&mut random, caller, unit))
            }
        };
        match &event {
            Event::Wait(by) => now = now.saturating_add(*by),
            Event::Call(call) => {
                let _ = model.answer(call, now);
            }
        }
        events.push(event);
    }
    events
}

fn a_while(random: &mut Random, model: &StoreModel, now: Duration, unit: Duration) -> Duration {
    let ends = model.ends();
    let ahead = ends.into_iter().filter(|end| *end > now);
    let ahead: Vec<Duration> = ahead.map(|end| end.saturating_sub(now)).collect();
    let until = ahead.get(usize::try_from(random.below(3)).unwrap_or_default());
    match (random.below(3), until.or(ahead.first())) {
        (0, Some(until)) => *until,
        (1, Some(until)) => until.saturating_sub(unit),
        _ => unit.saturating_mul(random.below(4)),
    }
}

fn call(random: &mut Random, [number, who]: [u32; 2], unit: Duration) -> StoreCall {
    let (key, token) = (key(number), token(number, who));
    let lease = unit.saturating_mul(one_of(random, &LEASES));
    let retention = unit.saturating_mul(one_of(random, &RETENTIONS));
    match random.below(12) {
        0..5 => StoreCall::Claim(Claim {
            key,
            token,
            lease,
            retention,
        }),
        5..7 => StoreCall::Settle(Settle {
            key,
            token,
            done: some_done(random),
            retention,
        }),
        7..9 => StoreCall::Release(Release {
            key,
            token,
            retention,
        }),
        9..11 => StoreCall::Extend(Extend { key, token, lease }),
        _ => StoreCall::Forget(key),
    }
}

fn some_done(random: &mut Random) -> Done {
    let signature = Fingerprint::from_u64(random.draw());
    let signature = (random.below(3) > 0).then_some(signature);
    let content = Fingerprint::from_u64(random.draw());
    let status = one_of(random, &[200, 201, 204, 422]);
    let mut done = Done::new(u16::try_from(status).unwrap_or(200), signature, content);
    done.failed = random.below(4) == 0;
    if random.below(2) == 0 {
        let kind = (random.below(2) == 0).then(|| "text/plain".to_owned());
        let body: &[u8] = match random.below(3) {
            0 => &[],
            _ => &random.draw().to_le_bytes(),
        };
        done.answer = RecordedAnswer::new(kind, body.to_vec()).map(Arc::new);
    }
    done
}

fn one_of(random: &mut Random, numbers: &[u32]) -> u32 {
    let count = u32::try_from(numbers.len()).unwrap_or_default();
    let at = usize::try_from(random.below(count)).unwrap_or_default();
    numbers.get(at).copied().unwrap_or(1)
}

/// The history up to the first reply that is another than the model's, told.
struct Difference {
    length: usize,
    told: String,
}

fn difference<U: StoreUnderTest>(under_test: &U, history: &[Event]) -> Option<Difference> {
    let store = under_test.block_on(under_test.store());
    let mut model = StoreModel::new(under_test.capacity());
    let mut now = Duration::ZERO;
    let mut log = String::new();
    for (event, length) in history.iter().zip(1..) {
        let call = match event {
            Event::Wait(by) => {
                under_test.block_on(under_test.advance(*by));
                now = now.saturating_add(*by);
                continue;
            }
            Event::Call(call) => call,
        };
        let expected = model.answer(call, now);
        let asked = told_call(call);
        let difference = match under_test.block_on(call.clone().ask(&store)) {
            Ok(reply) if is_like(&reply, &expected, under_test.drift()) => {
                let _ = write!(log, "\n  {now:?}: {asked} gives {}", told(&reply));
                continue;
            }
            Ok(reply) => format!("gives {}, and not {}", told(&reply), told(&expected)),
            Err(unavailable) => format!("fails: {unavailable}"),
        };
        let told = format!("at {now:?}: {asked} {difference}\n  after{log}");
        return Some(Difference { length, told });
    }
    None
}

/// Leaves out whatever is not needed for a difference, halves first, single steps last.
fn shorter<U: StoreUnderTest>(
    under_test: &U,
    mut history: Vec<Event>,
    found: Difference,
) -> String {
    history.truncate(found.length);
    let mut told = found.told;
    let mut tries = 0_u32;
    let mut size = history.len().div_ceil(2);
    while size > 0 {
        let mut at = 0_usize;
        while at < history.len() && tries < MOST_TRIES {
            tries = tries.saturating_add(1);
            let end = at.saturating_add(size);
            let without = history.iter().zip(0_usize..);
            let without = without.filter(|(_, index)| *index < at || *index >= end);
            let mut without: Vec<Event> = without.map(|(event, _)| event.clone()).collect();
            match difference(under_test, &without) {
                Some(found) => {
                    without.truncate(found.length);
                    history = without;
                    told = found.told;
                }
                None => at = end,
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    told
}
