//! Paired timing: floor and candidate take turns in small batches, and only the ratio of neighbours counts.

use std::hint::black_box;
use std::time::Instant;

/// How often something is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Calls per batch: enough that reading the clock does not count.
    pub(crate) batch: usize,
    /// Times per round that everybody has a turn.
    pub(crate) turns: usize,
}

/// The rounds of one measurement; each gives one median, and they show how far it can be repeated.
const ROUNDS: usize = 9;

/// What came out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paired {
    /// Median nanoseconds per call of the floor.
    pub(crate) floor: f64,
    /// Median nanoseconds per call of the candidate.
    pub(crate) ours: f64,
    /// Median over all turns of the candidate's time over its neighbour's.
    pub(crate) ratio: f64,
    /// The lowest and the highest of the rounds' medians.
    pub(crate) spread: (f64, f64),
}

/// Times `ours` against `floor`. Each call takes an input of its own, made before the clock starts.
pub(crate) fn paired<T>(
    plan: Plan,
    input: impl Fn() -> T,
    mut floor: impl FnMut(T),
    mut ours: impl FnMut(T),
) -> Paired {
    rounds(plan, |turn| match turn % 2 {
        // Whoever goes second may find something warmer: take turns in that, too.
        0 => {
            let low = batch(plan, &input, &mut floor);
            (low, batch(plan, &input, &mut ours))
        }
        _ => {
            let high = batch(plan, &input, &mut ours);
            (batch(plan, &input, &mut floor), high)
        }
    })
}

/// Times what `ours` and `floor` add to `bare`.
pub(crate) fn added<T>(
    plan: Plan,
    input: impl Fn() -> T,
    mut bare: impl FnMut(T),
    mut floor: impl FnMut(T),
    mut ours: impl FnMut(T),
) -> Paired {
    rounds(plan, |turn| {
        let (without, low, high);
        match turn % 2 {
            0 => {
                low = batch(plan, &input, &mut floor);
                without = batch(plan, &input, &mut bare);
                high = batch(plan, &input, &mut ours);
            }
            _ => {
                high = batch(plan, &input, &mut ours);
                without = batch(plan, &input, &mut bare);
                low = batch(plan, &input, &mut floor);
            }
        }
        (low - without, high - without)
    })
}

/// `turn` gives the nanoseconds per call of floor and candidate, measured one right after the other.
pub(crate) fn rounds(plan: Plan, mut turn: impl FnMut(usize) -> (f64, f64)) -> Paired {
    // Warms caches, branch predictors and the processor's clock.
    for number in 0..plan.turns / 4 + 2 {
        turn(number);
    }
    let (mut floors, mut candidates, mut ratios, mut medians) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let mut round = Vec::with_capacity(plan.turns);
        for number in 0..plan.turns {
            let (low, high) = turn(number);
            floors.push(low);
            candidates.push(high);
            round.push(high / low);
        }
        ratios.extend_from_slice(&round);
        medians.push(median(round));
    }
    medians.sort_by(f64::total_cmp);
    let ends = (medians.first().copied(), medians.last().copied());
    Paired {
        floor: median(floors),
        ours: median(candidates),
        ratio: median(ratios),
        spread: (ends.0.unwrap_or(f64::NAN), ends.1.unwrap_or(f64::NAN)),
    }
}

/// Nanoseconds per call of one batch.
fn batch<T>(plan: Plan, input: &impl Fn() -> T, run: &mut impl FnMut(T)) -> f64 {
    let inputs: Vec<T> = std::iter::repeat_with(input).take(plan.batch).collect();
    let start = Instant::now();
    for input in inputs {
        run(black_box(input));
    }
    let calls = u32::try_from(plan.batch).map_or(f64::NAN, f64::from);
    start.elapsed().as_secs_f64() * 1e9 / calls
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
