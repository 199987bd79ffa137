//! A full store: it forgets nothing that has not recovered, and lets nobody have more.

use countersign::{Spend, SpendReply};

use super::QuotasUnderTest;
use super::bench::{Bench, Case, Verdict, key};
use super::races;

/// What strangers do to a store that is full.
const STRANGERS: u32 = 200;

pub(super) fn cases<U: QuotasUnderTest>(capacity: usize) -> Vec<Case<U>> {
    let count = u32::try_from(capacity).unwrap_or(u32::MAX);
    vec![
        Case::new(
            "room/nothing is forgotten before it has recovered",
            move |bench| {
                let quota = bench.quota(2, 1_000)?;
                filled(bench, count)?;
                strangers(bench, count)?;
                (0..count).try_for_each(|number| bench.wait(number, quota, 1_000))?;
                // Not a moment before.
                bench.pass(999);
                strangers(bench, count)?;
                (0..count).try_for_each(|number| bench.wait(number, quota, 1))?;
                bench.pass(1);
                strangers(bench, count)?;
                (0..count).try_for_each(|number| {
                    bench.go(number, quota)?;
                    bench.wait(number, quota, 1_000)
                })
            },
        ),
        Case::new("room/known keys do not notice strangers", move |bench| {
            let quota = bench.quota(3, 1_000)?;
            (0..count).try_for_each(|number| bench.go(number, quota))?;
            for _ in 0..2 {
                strangers(bench, count)?;
                (0..count).try_for_each(|number| bench.go(number, quota))?;
            }
            (0..count).try_for_each(|number| bench.wait(number, quota, 1_000))
        }),
        Case::new(
            "room/strangers have no more than their quota",
            move |bench| {
                filled(bench, count)?;
                let quota = bench.quota(2, 1_000)?;
                let mut went = vec![0_u64; usize::try_from(STRANGERS).unwrap_or_default()];
                // Two at once, and one more for each interval.
                for most in 2..8 {
                    for _ in 0..4 {
                        for (went, number) in went.iter_mut().zip(count..) {
                            let key = key(number);
                            if bench.ask(Spend { key, quota })? == SpendReply::Go {
                                *went = went.saturating_add(1);
                            }
                        }
                    }
                    if let Some(too_many) = went.iter().find(|went| **went > most) {
                        return Err(bench.told(format_args!(
                            "a stranger had {too_many}, and not {most} at most"
                        )));
                    }
                    // The others recover, and are dropped or come back.
                    bench.pass(1_000);
                }
                Ok(())
            },
        ),
        Case::new(
            "room/strangers who wait as they are told go",
            move |bench| {
                filled(bench, count)?;
                let quota = bench.quota(2, 1_000)?;
                let key = key(count);
                for _ in 0..100 {
                    match bench.ask(Spend { key, quota })? {
                        SpendReply::Go => return Ok(()),
                        SpendReply::Wait(wait) => bench.pass_for(wait),
                    }
                }
                Err(bench.told(format_args!("a stranger waits for ever")))
            },
        ),
        Case::new("room/what has recovered is room", move |bench| {
            let quota = bench.quota(2, 1_000)?;
            filled(bench, count)?;
            strangers(bench, count)?;
            for round in 1..5_u32 {
                bench.pass(2_000);
                let first = count.saturating_mul(round);
                for number in (first..).take(capacity) {
                    bench.go_times(2, number, quota)?;
                    bench.wait(number, quota, 1_000)?;
                }
            }
            Ok(())
        }),
        races::room_case(count),
    ]
}

/// As many keys as there is room for have spent all they had.
pub(super) fn filled<U: QuotasUnderTest>(bench: &Bench<'_, U>, count: u32) -> Verdict {
    let quota = bench.quota(2, 1_000)?;
    (0..count).try_for_each(|number| bench.go_times(2, number, quota))
}

/// They ask. What they get is another matter.
fn strangers<U: QuotasUnderTest>(bench: &Bench<'_, U>, count: u32) -> Verdict {
    let quota = bench.quota(2, 1_000)?;
    for number in (count..).take(usize::try_from(STRANGERS).unwrap_or_default()) {
        bench.ask(Spend {
            key: key(number),
            quota,
        })?;
    }
    Ok(())
}
