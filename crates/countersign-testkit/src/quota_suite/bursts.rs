//! One key: what goes at once, what comes back, and what is said meanwhile.

use std::time::Duration;

use super::QuotasUnderTest;
use super::bench::{Bench, Case, Verdict, quota};

pub(super) fn cases<U: QuotasUnderTest>() -> Vec<Case<U>> {
    vec![
        Case::new("burst/one at once", |bench| at_once(bench, 1)),
        Case::new("burst/two at once", |bench| at_once(bench, 2)),
        Case::new("burst/seven at once", |bench| at_once(bench, 7)),
        Case::new("burst/a thousand at once", |bench| at_once(bench, 1_000)),
        Case::new("interval/one comes back after each, not before", |bench| {
            let quota = bench.quota(3, 10)?;
            bench.go_times(3, 0, quota)?;
            for _ in 0..20 {
                bench.pass(9);
                bench.wait(0, quota, 1)?;
                bench.pass(1);
                bench.go(0, quota)?;
                bench.wait(0, quota, 10)?;
            }
            Ok(())
        }),
        Case::new("interval/of one unit of time", |bench| {
            let quota = bench.quota(1, 1)?;
            for _ in 0..20 {
                bench.go(0, quota)?;
                bench.wait(0, quota, 1)?;
                bench.pass(1);
            }
            Ok(())
        }),
        Case::new("interval/several come back together", |bench| {
            let quota = bench.quota(5, 10)?;
            bench.go_times(5, 0, quota)?;
            for count in 1..5 {
                bench.pass(u64::from(count).saturating_mul(10));
                bench.go_times(count, 0, quota)?;
                bench.wait(0, quota, 10)?;
            }
            Ok(())
        }),
        // It is no window that begins anew, and no counter that is filled up in whole units.
        Case::new(
            "interval/what is there of the next one is not lost",
            |bench| {
                let quota = bench.quota(2, 10)?;
                bench.go_times(2, 0, quota)?;
                bench.pass(15);
                bench.go(0, quota)?;
                bench.wait(0, quota, 5)?;
                bench.pass(4);
                bench.wait(0, quota, 1)?;
                bench.pass(1);
                bench.go(0, quota)?;
                bench.pass(7);
                bench.wait(0, quota, 3)?;
                bench.pass(3);
                bench.go(0, quota)?;
                bench.wait(0, quota, 10)
            },
        ),
        Case::new("interval/spent one by one, all the same", |bench| {
            // Nine units of time for each: one in ten falls behind.
            let quota = bench.quota(10, 10)?;
            for _ in 0..91 {
                bench.go(0, quota)?;
                bench.pass(9);
            }
            bench.wait(0, quota, 1)?;
            bench.pass(1);
            bench.go(0, quota)
        }),
        Case::new("rest/a whole burst comes back", |bench| {
            let quota = bench.quota(4, 10)?;
            for rest in [40, 41, 49, 50, 400, 1_000_000] {
                bench.go_times(4, 0, quota)?;
                bench.wait(0, quota, 10)?;
                bench.pass(rest);
            }
            bench.go_times(4, 0, quota)?;
            bench.wait(0, quota, 10)
        }),
        Case::new("rest/all but a little of a burst comes back", |bench| {
            let quota = bench.quota(4, 10)?;
            bench.go_times(4, 0, quota)?;
            bench.pass(39);
            bench.go_times(3, 0, quota)?;
            bench.wait(0, quota, 1)
        }),
        Case::new("rest/nothing is saved up before the first one", |bench| {
            bench.pass(1_000_000);
            let quota = bench.quota(2, 10)?;
            bench.go_times(2, 0, quota)?;
            bench.wait(0, quota, 10)
        }),
        Case::new("wait/it is exact at every moment", |bench| {
            let quota = bench.quota(2, 25)?;
            bench.go_times(2, 0, quota)?;
            for left in (1..=25).rev() {
                bench.wait(0, quota, left)?;
                bench.pass(1);
            }
            bench.go(0, quota)
        }),
        Case::new("wait/to ask again costs nothing", |bench| {
            let quota = bench.quota(1, 100)?;
            bench.go(0, quota)?;
            for _ in 0..100 {
                bench.wait(0, quota, 100)?;
            }
            bench.pass(99);
            for _ in 0..100 {
                bench.wait(0, quota, 1)?;
            }
            bench.pass(1);
            bench.go(0, quota)?;
            bench.wait(0, quota, 100)
        }),
        Case::new("long/one in thirty days", |bench| {
            let quota = quota(1, MONTH)?;
            bench.go(0, quota)?;
            bench.pass_for(MONTH.saturating_sub(bench.units(1)));
            bench.wait(0, quota, 1)?;
            bench.pass(1);
            bench.go(0, quota)
        }),
        Case::new("long/the largest burst", |bench| {
            let most = MONTH.as_nanos().checked_div(bench.units(1).as_nanos());
            let most = u32::try_from(most.unwrap_or(1)).unwrap_or(u32::MAX);
            let large = bench.quota(most, 1)?;
            // All but three units are spent at once, by one that is as slow.
            let rest = large.recovery().saturating_sub(bench.units(3));
            bench.go(0, quota(1, rest)?)?;
            bench.go_times(3, 0, large)?;
            for _ in 0..3 {
                bench.wait(0, large, 1)?;
                bench.pass(1);
                bench.go(0, large)?;
            }
            // To a quota that has no more than one, that is a long time.
            bench.pass_for(large.recovery().saturating_sub(bench.units(1)));
            let small = bench.quota(1, 1)?;
            bench.wait(0, small, 1)?;
            bench.pass(1);
            bench.go(0, small)
        }),
        Case::new("long/years pass", |bench| {
            let quota = bench.quota(2, 10)?;
            for _ in 0..20 {
                bench.go_times(2, 0, quota)?;
                bench.wait(0, quota, 10)?;
                bench.pass_for(MONTH.saturating_mul(6));
            }
            Ok(())
        }),
    ]
}

/// The longest that a quota may take to recover.
const MONTH: Duration = countersign::defaults::MAX_QUOTA_RECOVERY;

fn at_once<U: QuotasUnderTest>(bench: &Bench<'_, U>, burst: u32) -> Verdict {
    let quota = bench.quota(burst, 1_000)?;
    bench.go_times(burst, 0, quota)?;
    for _ in 0..3 {
        bench.wait(0, quota, 1_000)?;
    }
    Ok(())
}
