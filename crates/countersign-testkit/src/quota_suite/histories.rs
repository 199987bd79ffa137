//! Pseudo-random histories, the same in each run, told to the store and to the contract's table.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign::{Quota, SpendReply};

use super::QuotasUnderTest;
use super::bench::{Bench, Case, Verdict};
use crate::store_suite::bench::Random;

const STEPS: u32 = 60;
const KEYS: u32 = 3;
/// Few, so that they are used up, and unlike, so that they meet.
const QUOTAS: [(u32, u64); 4] = [(1, 5), (3, 5), (4, 7), (2, 30)];

pub(super) fn cases<U: QuotasUnderTest>() -> Vec<Case<U>> {
    vec![
        Case::new("history/as the contract says", |bench| {
            histories(bench, |random| random.below(KEYS))
        }),
        Case::new("history/with a quota that changes", |bench| {
            histories(bench, |random| random.below(4))
        }),
    ]
}

/// The quota of a step is that of the number that `which` draws.
fn histories<U: QuotasUnderTest>(
    bench: &Bench<'_, U>,
    which: impl Fn(&mut Random) -> u32,
) -> Verdict {
    let under_test = bench.under_test();
    (0..under_test.histories()).try_for_each(|seed| {
        let bench = Bench::new(under_test);
        history(&bench, seed, &which).map_err(|why| format!("history {seed}: {why}"))
    })
}

fn history<U: QuotasUnderTest>(
    bench: &Bench<'_, U>,
    seed: u32,
    which: impl Fn(&mut Random) -> u32,
) -> Verdict {
    let mut random = Random::new(u64::from(seed));
    let mut table = Table::default();
    for _ in 0..STEPS {
        let number = which(&mut random);
        let key = number % KEYS;
        // Of three keys each has its quota; of four numbers the last one is another quota for the first key.
        let at = usize::try_from(number).unwrap_or_default();
        let (burst, interval) = QUOTAS.get(at).copied().unwrap_or((1, 5));
        match random.below(5) {
            0 => {
                let units = u64::from(random.below(12));
                bench.pass(units);
                table.now = table.now.saturating_add(bench.units(units));
            }
            _ => {
                let quota = bench.quota(burst, interval)?;
                let expected = table.spend(key, quota);
                bench.expect(key, quota, expected)?;
            }
        }
    }
    Ok(())
}

/// The contract, word for word.
#[derive(Default)]
struct Table {
    now: Duration,
    records: BTreeMap<u32, Duration>,
}

impl Table {
    fn spend(&mut self, key: u32, quota: Quota) -> SpendReply {
        let record = self.records.get(&key).copied().unwrap_or_default();
        let then = record.max(self.now).saturating_add(quota.interval());
        let ahead = then.saturating_sub(self.now);
        if ahead > quota.recovery() {
            return SpendReply::Wait(ahead.saturating_sub(quota.recovery()));
        }
        self.records.insert(key, then);
        SpendReply::Go
    }
}
