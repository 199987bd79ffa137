//! Futures that are dropped before they are finished.

use std::pin::pin;
use std::task::Poll;

use countersign::{ClaimReply, ExtendReply, ForgetReply, ReleaseReply, SettleReply};

use super::StoreUnderTest;
use super::bench::{Bench, Case, Verdict};
use super::script::{
    ANN, BEN, EXTENSION, KEPT_AFTER_LEASE, KEPT_AFTER_RELEASE, KEPT_AFTER_SETTLE, LEASE, Script,
    claimed, done, duplicate,
};
use crate::store_model::{StoreCall, StoreReply};

/// A store that is still not ready after so many polls has been dropped at enough places.
const MOST_POLLS: u32 = 32;

pub(super) fn cases<U: StoreUnderTest>() -> Vec<Case<U>> {
    vec![
        Case::new("cancelled/claim", |bench: &Bench<'_, U>| {
            at_each_poll(bench, |polls| {
                let script = bench.script();
                let call = script.to_claim(ANN, LEASE, KEPT_AFTER_LEASE);
                let finished = dropped(bench, call.clone(), polls)?;
                bench.run(script.again().claim(ANN, claimed(1)))?;
                bench.run(script.again().busy(BEN, LEASE))?;
                let end = script.again().settle(ANN, &done(200), SettleReply::Settled);
                bench.run(end.claim(BEN, duplicate(&done(200), 1)))?;
                Ok(finished)
            })
        }),
        Case::new(
            "cancelled/claim, and somebody else claims",
            |bench: &Bench<'_, U>| {
                at_each_poll(bench, |polls| {
                    let script = bench.script();
                    let call = script.to_claim(ANN, LEASE, KEPT_AFTER_LEASE);
                    let finished = dropped(bench, call, polls)?;
                    let other = script.to_claim(BEN, LEASE, KEPT_AFTER_LEASE);
                    let busy = ClaimReply::Busy {
                        remaining: script.units(LEASE),
                    };
                    let had = either(bench, other, &[busy, claimed(1)].map(StoreReply::Claim))?;
                    // Whoever has it has it whole.
                    let (holder, next) = if had == 0 { (ANN, 2) } else { (BEN, 2) };
                    let script = script
                        .claim(holder, claimed(1))
                        .wait(LEASE)
                        .claim(holder, ClaimReply::Lost)
                        .claim(holder.saturating_add(7), claimed(next));
                    bench.run(script)?;
                    Ok(finished)
                })
            },
        ),
        Case::new("cancelled/settle", |bench: &Bench<'_, U>| {
            at_each_poll(bench, |polls| {
                let script = held(bench)?;
                let call = script.to_settle(ANN, &done(200), KEPT_AFTER_SETTLE);
                let finished = dropped(bench, call.clone(), polls)?;
                let replies = [SettleReply::AlreadySettled, SettleReply::Settled];
                either(bench, call, &replies.map(StoreReply::Settle))?;
                bench.run(script.claim(BEN, duplicate(&done(200), 1)))?;
                Ok(finished)
            })
        }),
        Case::new("cancelled/release", |bench: &Bench<'_, U>| {
            at_each_poll(bench, |polls| {
                let script = held(bench)?;
                let call = script.to_release(ANN, KEPT_AFTER_RELEASE);
                let finished = dropped(bench, call.clone(), polls)?;
                let replies = [ReleaseReply::AlreadyReleased, ReleaseReply::Released];
                either(bench, call, &replies.map(StoreReply::Release))?;
                bench.run(script.claim(BEN, claimed(2)))?;
                Ok(finished)
            })
        }),
        Case::new("cancelled/extend", |bench: &Bench<'_, U>| {
            at_each_poll(bench, |polls| {
                let script = held(bench)?;
                let call = script.to_extend(ANN, EXTENSION);
                let finished = dropped(bench, call, polls)?;
                let busy = [EXTENSION, LEASE].map(|units| {
                    StoreReply::Claim(ClaimReply::Busy {
                        remaining: script.units(units),
                    })
                });
                let other = script.to_claim(BEN, LEASE, KEPT_AFTER_LEASE);
                either(bench, other, &busy)?;
                let script = script
                    .extend(ANN, ExtendReply::Extended)
                    .busy(BEN, EXTENSION);
                bench.run(script)?;
                Ok(finished)
            })
        }),
        Case::new("cancelled/forget", |bench: &Bench<'_, U>| {
            at_each_poll(bench, |polls| {
                let script = held(bench)?;
                let settled = script.again();
                bench.run(settled.settle(ANN, &done(200), SettleReply::Settled))?;
                let call = StoreCall::Forget(script.key());
                let finished = dropped(bench, call.clone(), polls)?;
                let replies = [ForgetReply::Unknown, ForgetReply::Forgotten];
                either(bench, call, &replies.map(StoreReply::Forget))?;
                bench.run(script.claim(BEN, claimed(2)))?;
                Ok(finished)
            })
        }),
    ]
}

/// Claims of as many keys as there is room for, all dropped: when their leases and retentions would be over, all the room is there again.
pub(super) fn room_case<U: StoreUnderTest>(count: u32) -> Case<U> {
    Case::new(
        "cancelled/claims of a full store",
        move |bench: &Bench<'_, U>| {
            at_each_poll(bench, |polls| {
                let mut finished = true;
                let script = bench.script();
                for number in 0..count {
                    let call = script.again().on(number).to_claim(ANN, 1, 1);
                    finished &= dropped(bench, call, polls)?;
                }
                // Asked again, as callers do. What was sent on after its caller was gone has arrived by then.
                let claims = |script: Script, who| {
                    let claim =
                        |script: Script, number| script.on(number).claim_for(who, 1, 1, claimed(1));
                    (0..count).fold(script, claim).wait(2)
                };
                bench.run(claims(claims(script, ANN), BEN))?;
                Ok(finished)
            })
        },
    )
}

/// Tries with no poll, with one, and so on, until a call finishes before it is dropped.
fn at_each_poll<U: StoreUnderTest>(
    _: &Bench<'_, U>,
    attempt: impl Fn(u32) -> Result<bool, String>,
) -> Verdict {
    for polls in 0..=MOST_POLLS {
        if attempt(polls).map_err(|why| format!("dropped after {polls} polls: {why}"))? {
            break;
        }
    }
    Ok(())
}

/// A new key that Ann has a lease of. Not part of what is given back.
fn held<U: StoreUnderTest>(bench: &Bench<'_, U>) -> Result<Script, String> {
    let script = bench.script();
    bench.run(script.again().claim(ANN, claimed(1)))?;
    Ok(script)
}

/// Polls a call so many times, each when it was woken for it, and drops it. Tells whether it had finished.
fn dropped<U: StoreUnderTest>(
    bench: &Bench<'_, U>,
    call: StoreCall,
    polls: u32,
) -> Result<bool, String> {
    bench.note(&call, polls);
    bench.under_test().block_on(async {
        let mut asked = pin!(call.ask(bench.store()));
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

/// Asks, and tells which of the two replies it was.
fn either<U: StoreUnderTest>(
    bench: &Bench<'_, U>,
    call: StoreCall,
    replies: &[StoreReply; 2],
) -> Result<usize, String> {
    let reply = bench.ask(call)?;
    let which = replies
        .iter()
        .position(|other| bench.is_like(&reply, other));
    which.ok_or_else(|| bench.differs(&reply, replies))
}
