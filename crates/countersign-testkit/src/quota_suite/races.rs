//! Many threads at once, counted to exact totals.

use std::sync::Barrier;
use std::thread;

use countersign::{QuotaStore, Spend, SpendReply};

use super::QuotasUnderTest;
use super::bench::{Bench, Case, key};
use super::room::filled;

const THREADS: u32 = 16;
const ROUNDS: u32 = 50;
/// A clock that runs by itself does not run so far.
const LONG: u64 = 10_000;

pub(super) fn cases<U: QuotasUnderTest>() -> Vec<Case<U>> {
    vec![
        Case::new("race/one is had by one", |bench| {
            for _ in 0..ROUNDS {
                let quota = bench.quota(1, LONG)?;
                let went = at_once(bench, 1, |_| Spend { key: key(0), quota })?;
                bench.same("went", went, 1)?;
                bench.pass(LONG);
            }
            Ok(())
        }),
        Case::new("race/a burst is had once", |bench| {
            for number in 0..8 {
                let quota = bench.quota(100, LONG)?;
                let key = key(number);
                let went = at_once(bench, 25, |_| Spend { key, quota })?;
                bench.same("went", went, 100)?;
            }
            Ok(())
        }),
        Case::new("race/what came back is had once", |bench| {
            let quota = bench.quota(10, LONG)?;
            bench.go_times(10, 0, quota)?;
            for count in (1..=5).chain(1..=5) {
                bench.pass(LONG.saturating_mul(count));
                let went = at_once(bench, 4, |_| Spend { key: key(0), quota })?;
                bench.same("went", went, count)?;
            }
            Ok(())
        }),
        Case::new("race/keys have their own", |bench| {
            let quota = bench.quota(11, LONG)?;
            let went = at_once(bench, 40, |at| Spend {
                key: key(at % 8),
                quota,
            })?;
            bench.same("went", went, 88)
        }),
    ]
}

/// Known keys have spent all: whatever strangers ask at the same time, they get no more before its time.
pub(super) fn room_case<U: QuotasUnderTest>(count: u32) -> Case<U> {
    Case::new("race/a full store forgets nobody", move |bench| {
        filled(bench, count)?;
        let quota = bench.quota(2, 1_000)?;
        let went = std::sync::Mutex::new(0_u64);
        at_once_told(
            bench,
            40,
            |at| {
                // Every other one is known.
                let number = match at % 2 {
                    0 => at.checked_rem(count).unwrap_or_default(),
                    _ => count.saturating_add(at),
                };
                Spend {
                    key: key(number),
                    quota,
                }
            },
            |at, reply| {
                if at % 2 == 0 && reply == SpendReply::Go {
                    let mut went = went
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    *went = went.saturating_add(1);
                }
            },
        )?;
        let went = went
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        bench.same("known keys that went", went, 0)
    })
}

/// How many of the calls of all threads went.
fn at_once<U: QuotasUnderTest>(
    bench: &Bench<'_, U>,
    each: u32,
    call: impl Fn(u32) -> Spend + Sync,
) -> Result<u64, String> {
    at_once_told(bench, each, call, |_, _| {})
}

fn at_once_told<U: QuotasUnderTest>(
    bench: &Bench<'_, U>,
    each: u32,
    call: impl Fn(u32) -> Spend + Sync,
    tell: impl Fn(u32, SpendReply) + Sync,
) -> Result<u64, String> {
    let line = Barrier::new(usize::try_from(THREADS).unwrap_or(1));
    let (under_test, store) = (bench.under_test(), bench.store());
    let run = |thread: u32| {
        line.wait();
        let first = thread.saturating_mul(each);
        let mut went = 0_u64;
        for at in (first..).take(usize::try_from(each).unwrap_or_default()) {
            match under_test.block_on(store.spend(call(at))) {
                Ok(reply) => {
                    went = went.saturating_add(u64::from(reply == SpendReply::Go));
                    tell(at, reply);
                }
                Err(unavailable) => return Err(format!("a spend fails: {unavailable}")),
            }
        }
        Ok(went)
    };
    thread::scope(|scope| {
        let runs = (0..THREADS).map(|thread| {
            scope.spawn({
                let run = &run;
                move || run(thread)
            })
        });
        let runs: Vec<_> = runs.collect();
        let mut all = 0_u64;
        for run in runs {
            let went = run.join().map_err(|_| "the store panicked".to_owned())??;
            all = all.saturating_add(went);
        }
        Ok(all)
    })
}
