//! Paired timing: floor and candidate take turns in small batches, and only the ratio of neighbours counts.

use std::hint::black_box;
use std::time::Instant;

/// How often something is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Calls per batch: enough that reading the clock does not count.
    pub(crate) batch: usize,
    /// Pairs of batches per round.
    pub(crate) pairs: usize,
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
    /// Median over all pairs of the candidate's time over its neighbour's.
    pub(crate) ratio: f64,
    /// The lowest and the highest of the rounds' medians.
    pub(crate) spread: (f64, f64),
}

/// Times `ours` against `floor`. Both take an input of their own, made before the clock starts.
pub(crate) fn paired<T: Clone>(
    plan: Plan,
    input: &T,
    mut floor: impl FnMut(T),
    mut ours: impl FnMut(T),
) -> Paired {
    let mut inputs = Vec::with_capacity(plan.batch);
    // Warms caches, branch predictors and the processor's clock.
    for _ in 0..plan.pairs / 4 + 1 {
        batch(plan, input, &mut inputs, &mut floor);
        batch(plan, input, &mut inputs, &mut ours);
    }
    let (mut floors, mut candidates, mut ratios, mut medians) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let mut round = Vec::with_capacity(plan.pairs);
        for pair in 0..plan.pairs {
            // Whoever goes second may find something warmer: take turns in that, too.
            let (low, high);
            if pair % 2 == 0 {
                low = batch(plan, input, &mut inputs, &mut floor);
                high = batch(plan, input, &mut inputs, &mut ours);
            } else {
                high = batch(plan, input, &mut inputs, &mut ours);
                low = batch(plan, input, &mut inputs, &mut floor);
            }
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
fn batch<T: Clone>(plan: Plan, input: &T, inputs: &mut Vec<T>, run: &mut impl FnMut(T)) -> f64 {
    inputs.resize(plan.batch, input.clone());
    let start = Instant::now();
    for input in inputs.drain(..) {
        run(black_box(input));
    }
    start.elapsed().as_secs_f64() * 1e9 / count(plan.batch)
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn count(calls: usize) -> f64 {
    u32::try_from(calls).map_or(f64::INFINITY, f64::from)
}
