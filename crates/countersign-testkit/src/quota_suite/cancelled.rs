//! Futures that are dropped before they are finished.

use std::pin::pin;
use std::task::Poll;

use countersign::{QuotaStore, Spend, SpendReply};

use super::QuotasUnderTest;
use super::bench::{Bench, Case, key};

/// A store that is still not ready after so many polls has been dropped at enough places.
const MOST_POLLS: u32 = 32;

pub(super) fn cases<U: QuotasUnderTest>() -> Vec<Case<U>> {
    vec![
        Case::new("cancelled/a spend has had its effect or none", |bench| {
            let quota = bench.quota(5, 1_000)?;
            for polls in 0..=MOST_POLLS {
                let key = key(polls % 8);
                // Something to lose.
                bench.go(polls % 8, quota)?;
                let finished = dropped(bench, Spend { key, quota }, polls)?;
                let mut left = 0_u64;
                for _ in 0..6 {
                    let reply = bench.ask(Spend { key, quota })?;
                    left = left.saturating_add(u64::from(reply == SpendReply::Go));
                }
                if left != 3 && (finished || left != 4) {
                    return Err(bench.told(format_args!(
                        "dropped after {polls} polls: {left} of 4 are left"
                    )));
                }
                if finished {
                    break;
                }
                bench.pass(10_000);
            }
            Ok(())
        }),
        Case::new("cancelled/other keys do not notice", |bench| {
            let quota = bench.quota(1, 1_000)?;
            for polls in 0..=MOST_POLLS {
                let spend = Spend { key: key(1), quota };
                let finished = dropped(bench, spend, polls)?;
                bench.go(2, quota)?;
                bench.wait(2, quota, 1_000)?;
                if finished {
                    break;
                }
                bench.pass(1_000);
            }
            Ok(())
        }),
    ]
}

/// Polls a call so many times, each when it was woken for it, and drops it. Tells whether it had finished.
fn dropped<U: QuotasUnderTest>(
    bench: &Bench<'_, U>,
    spend: Spend,
    polls: u32,
) -> Result<bool, String> {
    bench.under_test().block_on(async {
        let mut asked = pin!(bench.store().spend(spend));
        let mut left = polls;
        std::future::poll_fn(|context| {
            let Some(fewer) = left.checked_sub(1) else {
                return Poll::Ready(Ok(false));
            };
            left = fewer;
            match asked.as_mut().poll(context) {
                Poll::Ready(Ok(_)) => Poll::Ready(Ok(true)),
                Poll::Ready(Err(unavailable)) => Poll::Ready(Err(unavailable.to_string())),
                // The last poll is not waited for: it is what is interrupted.
                Poll::Pending if left == 0 => Poll::Ready(Ok(false)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    })
}
