//! Many threads at once, counted to exact totals.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;

use countersign::{ClaimReply, ForgetReply, ReleaseReply, SettleReply};

use super::StoreUnderTest;
use super::bench::{Bench, Case, Verdict};
use super::script::{
    ANN, EXTENSION, KEPT_AFTER_LEASE, KEPT_AFTER_RELEASE, KEPT_AFTER_SETTLE, LEASE, Script, Who,
    claimed, done, duplicate, told,
};
use crate::store_model::{StoreCall, StoreReply};

const THREADS: u32 = 16;
const OTHERS: u32 = THREADS.saturating_sub(1);
/// Each on a key of its own, at most.
const ROUNDS: u32 = 50;
/// Somebody who has no part in a race.
const LATER: Who = 1_000_000;

type Totals = BTreeMap<String, u32>;

pub(super) fn cases<U: StoreUnderTest>() -> Vec<Case<U>> {
    vec![
        Case::new("race/one key has one holder", |bench: &Bench<'_, U>| {
            claimed_in_turns(bench, |script, winner| {
                script.release(winner, ReleaseReply::Released)
            })
        }),
        Case::new(
            "race/a lapsed lease has one heir",
            |bench: &Bench<'_, U>| claimed_in_turns(bench, |script, _| script.wait(LEASE)),
        ),
        Case::new(
            "race/an expired key has one heir",
            |bench: &Bench<'_, U>| {
                let script = bench.script();
                for round in 1..=ROUNDS {
                    let who = |at: u32| round.saturating_mul(THREADS).saturating_add(at);
                    let claim = |at| script.to_claim(who(at), LEASE, KEPT_AFTER_LEASE);
                    let found = totals(&at_once(bench, (0..THREADS).map(claim))?);
                    let all = [(StoreReply::Claim(claimed(1)), 1), (busy(), OTHERS)];
                    bench.same("totals", &found, &expected(&all))?;
                    bench.run(script.again().wait(LEASE).wait(KEPT_AFTER_LEASE))?;
                }
                Ok(())
            },
        ),
        Case::new("race/one token has one lease", |bench: &Bench<'_, U>| {
            let script = bench.script();
            for round in 1..=ROUNDS {
                let call = script.to_claim(round, LEASE, KEPT_AFTER_LEASE);
                let replies = at_once(bench, (0..THREADS).map(|_| call.clone()))?;
                let all = [(StoreReply::Claim(claimed(round)), THREADS)];
                bench.same("totals", &totals(&replies), &expected(&all))?;
                bench.run(script.again().release(round, ReleaseReply::Released))?;
            }
            Ok(())
        }),
        Case::new("race/it is settled once", |bench: &Bench<'_, U>| {
            each_held(bench, |script| {
                // Each with other words, to see whose are kept.
                let calls = (0..THREADS).map(|at| to_settle(script, ANN, at));
                let replies = at_once(bench, calls)?;
                let all = [
                    (StoreReply::Settle(SettleReply::Settled), 1),
                    (StoreReply::Settle(SettleReply::AlreadySettled), OTHERS),
                ];
                bench.same("totals", &totals(&replies), &expected(&all))?;
                let winner = first(&replies, &StoreReply::Settle(SettleReply::Settled));
                bench.run(script.again().claim(LATER, duplicate(&words(winner), 1)))
            })
        }),
        Case::new("race/it is released once", |bench: &Bench<'_, U>| {
            each_held(bench, |script| {
                let calls = (0..THREADS).map(|_| script.to_release(ANN, KEPT_AFTER_RELEASE));
                let replies = at_once(bench, calls)?;
                let all = [
                    (StoreReply::Release(ReleaseReply::Released), 1),
                    (StoreReply::Release(ReleaseReply::AlreadyReleased), OTHERS),
                ];
                bench.same("totals", &totals(&replies), &expected(&all))?;
                bench.run(script.again().claim(LATER, claimed(2)))
            })
        }),
        Case::new("race/settle beside release", |bench: &Bench<'_, U>| {
            // Whoever comes to the start last goes first on a machine with one core: each kind has its turn.
            let turn = Cell::new(0_u32);
            each_held(bench, |script| {
                turn.set(turn.get().wrapping_add(1));
                settle_beside_release(bench, script, turn.get())
            })
        }),
        Case::new(
            "race/settle beside extend and claim",
            |bench: &Bench<'_, U>| {
                each_held(bench, |script| {
                    let calls = (0..THREADS).map(|at| match at % 3 {
                        _ if at == 7 => to_settle(script, ANN, at),
                        0 => script.to_extend(ANN, EXTENSION),
                        _ => script.to_claim(at, LEASE, KEPT_AFTER_LEASE),
                    });
                    let replies = at_once(bench, calls)?;
                    let found = totals(&replies);
                    let done_before = told(&StoreReply::Claim(duplicate(&words(7), 1)));
                    let of = |name: &str| found.get(name).copied().unwrap_or_default();
                    bench.same("settled", &of("Settled"), &1)?;
                    let extends = of("Extended").saturating_add(of("Lost"));
                    bench.same("extended or lost", &extends, &6)?;
                    let claims = of("Busy").saturating_add(of(&done_before));
                    bench.same("busy or duplicate", &claims, &9)?;
                    bench.run(script.again().claim(LATER, duplicate(&words(7), 1)))
                })
            },
        ),
        Case::new(
            "race/release beside extend and claim",
            |bench: &Bench<'_, U>| {
                each_held(bench, |script| {
                    let calls = (0..THREADS).map(|at| match at % 3 {
                        _ if at == 7 => script.to_release(ANN, KEPT_AFTER_RELEASE),
                        0 => script.to_extend(ANN, EXTENSION),
                        _ => script.to_claim(at, LEASE, KEPT_AFTER_LEASE),
                    });
                    let found = totals(&at_once(bench, calls)?);
                    let of = |name: &str| found.get(name).copied().unwrap_or_default();
                    bench.same("released", &of("Released"), &1)?;
                    let extends = of("Extended").saturating_add(of("Lost"));
                    bench.same("extended or lost", &extends, &6)?;
                    let heirs = of(&told(&StoreReply::Claim(claimed(2))));
                    bench.same("claimed or busy", &heirs.saturating_add(of("Busy")), &9)?;
                    one_heir(bench, script, heirs)
                })
            },
        ),
        Case::new("race/only the holder settles", |bench: &Bench<'_, U>| {
            each_held(bench, |script| {
                let calls = (0..THREADS).map(|at| match at % 2 {
                    0 => to_settle(script, at, at),
                    _ => script.to_release(at, KEPT_AFTER_RELEASE),
                });
                let found = totals(&at_once(bench, calls)?);
                let all = [
                    (StoreReply::Settle(SettleReply::Settled), 1),
                    (StoreReply::Settle(SettleReply::Lost), OTHERS),
                ];
                bench.same("totals", &found, &expected(&all))?;
                bench.run(script.again().claim(LATER, duplicate(&words(ANN), 1)))
            })
        }),
        Case::new("race/claims beside forget", |bench: &Bench<'_, U>| {
            each_held(bench, |script| {
                let settled = script.again();
                bench.run(settled.settle(ANN, &done(200), SettleReply::Settled))?;
                let calls = (0..THREADS).map(|at| match at % 4 {
                    0 => StoreCall::Forget(script.key()),
                    _ => script.to_claim(at, LEASE, KEPT_AFTER_LEASE),
                });
                let found = totals(&at_once(bench, calls)?);
                let of = |name: &str| found.get(name).copied().unwrap_or_default();
                bench.same("forgotten", &of("Forgotten"), &1)?;
                let refused = of("Unknown").saturating_add(of("InFlight"));
                bench.same("unknown or in flight", &refused, &3)?;
                let heirs = of(&told(&StoreReply::Claim(claimed(2))));
                let before = of(&told(&StoreReply::Claim(duplicate(&done(200), 1))));
                let claims = heirs.saturating_add(of("Busy")).saturating_add(before);
                bench.same("claimed, busy or duplicate", &claims, &12)?;
                one_heir(bench, script, heirs)
            })
        }),
        Case::new("race/many keys, many threads", |bench: &Bench<'_, U>| {
            many_keys(bench)
        }),
    ]
}

/// Claims beside each other for the last places.
pub(super) fn room_case<U: StoreUnderTest>(count: u32) -> Case<U> {
    Case::new("race/the last places", move |bench: &Bench<'_, U>| {
        const LEFT: u32 = 5;
        let taken = count.saturating_sub(LEFT);
        let fill = |script: Script, number| script.on(number).claim(ANN, claimed(1));
        bench.run((0..taken).fold(bench.script(), fill))?;
        let calls = (taken..taken.saturating_add(THREADS)).map(|number| {
            let script = bench.script().on(number);
            script.to_claim(ANN, LEASE, KEPT_AFTER_LEASE)
        });
        let found = totals(&at_once(bench, calls)?);
        let all = [
            (StoreReply::Claim(claimed(1)), LEFT),
            (
                StoreReply::Claim(ClaimReply::Full),
                THREADS.saturating_sub(LEFT),
            ),
        ];
        bench.same("totals", &found, &expected(&all))
    })
}

/// Claims beside each other for places that expired records leave.
pub(super) fn expired_room_case<U: StoreUnderTest>(count: u32) -> Case<U> {
    Case::new(
        "race/the places of what has expired",
        move |bench: &Bench<'_, U>| {
            const GONE: u32 = 5;
            let kept = count.saturating_sub(GONE);
            let fill = |script: Script, number| match number < kept {
                true => script.on(number).claim(ANN, claimed(1)),
                false => script.on(number).claim_for(ANN, 1, 1, claimed(1)),
            };
            bench.run((0..count).fold(bench.script(), fill).wait(2))?;
            let calls = (count..count.saturating_add(THREADS)).map(|number| {
                let script = bench.script().on(number);
                script.to_claim(ANN, LEASE, KEPT_AFTER_LEASE)
            });
            let found = totals(&at_once(bench, calls)?);
            let all = [
                (StoreReply::Claim(claimed(1)), GONE),
                (
                    StoreReply::Claim(ClaimReply::Full),
                    THREADS.saturating_sub(GONE),
                ),
            ];
            bench.same("totals", &found, &expected(&all))
        },
    )
}

/// Everybody claims one key, round after round; `end` ends the winner's lease.
fn claimed_in_turns<U: StoreUnderTest>(
    bench: &Bench<'_, U>,
    end: impl Fn(Script, Who) -> Script,
) -> Verdict {
    let script = bench.script();
    for round in 1..=ROUNDS {
        let who = |at: u32| round.saturating_mul(THREADS).saturating_add(at);
        let calls = (0..THREADS).map(|at| script.to_claim(who(at), LEASE, KEPT_AFTER_LEASE));
        let replies = at_once(bench, calls)?;
        let won = StoreReply::Claim(claimed(round));
        let all = [(won.clone(), 1), (busy(), OTHERS)];
        bench.same("totals", &totals(&replies), &expected(&all))?;
        let winner = who(first(&replies, &won));
        bench.run(end(script.again().busy(LATER, LEASE), winner))?;
    }
    Ok(())
}

fn settle_beside_release<U: StoreUnderTest>(
    bench: &Bench<'_, U>,
    script: &Script,
    turn: u32,
) -> Verdict {
    let calls = (0..THREADS).map(|at| match at.wrapping_add(turn) % 2 {
        0 => to_settle(script, ANN, at),
        _ => script.to_release(ANN, KEPT_AFTER_RELEASE),
    });
    let replies = at_once(bench, calls)?;
    let settled = StoreReply::Settle(SettleReply::Settled);
    let is_settled = replies.contains(&settled);
    let all = if is_settled {
        let again = StoreReply::Settle(SettleReply::AlreadySettled);
        [(settled.clone(), 1), (again, OTHERS)]
    } else {
        let again = StoreReply::Release(ReleaseReply::AlreadyReleased);
        [
            (StoreReply::Release(ReleaseReply::Released), 1),
            (again, OTHERS),
        ]
    };
    bench.same("totals", &totals(&replies), &expected(&all))?;
    let then = if is_settled {
        duplicate(&words(first(&replies, &settled)), 1)
    } else {
        claimed(2)
    };
    bench.run(script.again().claim(LATER, then))
}

/// Every thread claims every key, and then settles whatever it may. They begin in pairs with a key of each pair's own: were they all to begin
/// with another one and go on in step, no two would ever be at one key at once.
fn many_keys<U: StoreUnderTest>(bench: &Bench<'_, U>) -> Verdict {
    const KEYS: u32 = 32;
    let script = bench.script();
    let rotated = |at: u32| (0..KEYS).map(move |turn| turn.wrapping_add(at / 2) % KEYS);
    let claims = (0..THREADS).map(|at| {
        let claim = |number| {
            let script = script.again().on(number);
            script.to_claim(at, LEASE, KEPT_AFTER_LEASE)
        };
        rotated(at).map(claim).collect()
    });
    let replies: Vec<_> = all_at_once(bench, claims)?.concat();
    let others = KEYS.saturating_mul(OTHERS);
    let all = [(StoreReply::Claim(claimed(1)), KEYS), (busy(), others)];
    bench.same("totals of claims", &totals(&replies), &expected(&all))?;

    let settles = (0..THREADS).map(|at| {
        let settle = |number| to_settle(&script.again().on(number), at, at);
        rotated(at).map(settle).collect()
    });
    let replies = all_at_once(bench, settles)?;
    let all = [
        (StoreReply::Settle(SettleReply::Settled), KEYS),
        (StoreReply::Settle(SettleReply::Lost), others),
    ];
    let found = totals(&replies.concat());
    bench.same("totals of settles", &found, &expected(&all))?;

    let won = StoreReply::Settle(SettleReply::Settled);
    for (at, replies) in (0..).zip(&replies) {
        for (number, _) in rotated(at).zip(replies).filter(|(_, reply)| **reply == won) {
            let script = script.again().on(number);
            bench.run(script.claim(LATER, duplicate(&words(at), 1)))?;
        }
    }
    Ok(())
}

fn each_held<U: StoreUnderTest>(
    bench: &Bench<'_, U>,
    race: impl Fn(&Script) -> Verdict,
) -> Verdict {
    for _ in 0..ROUNDS {
        let script = bench.script();
        bench.run(script.again().claim(ANN, claimed(1)))?;
        race(&script)?;
    }
    Ok(())
}

/// After a race for a free key: if somebody has it, it is taken; if nobody, it is there to take.
fn one_heir<U: StoreUnderTest>(bench: &Bench<'_, U>, script: &Script, heirs: u32) -> Verdict {
    let script = script.again();
    bench.run(match heirs {
        0 => script.claim(LATER, claimed(2)),
        _ => script.busy(LATER, LEASE),
    })?;
    bench.same("at most one has it", &(heirs <= 1), &true)
}

fn to_settle(script: &Script, who: Who, at: u32) -> StoreCall {
    script.to_settle(who, &words(at), KEPT_AFTER_SETTLE)
}

/// What the settle of this thread records.
fn words(at: u32) -> countersign::Done {
    done(u16::try_from(at).unwrap_or_default().saturating_add(300))
}

/// One call from each of as many threads.
fn at_once<U: StoreUnderTest>(
    bench: &Bench<'_, U>,
    calls: impl Iterator<Item = StoreCall>,
) -> Result<Vec<StoreReply>, String> {
    all_at_once(bench, calls.map(|call| vec![call])).map(|replies| replies.concat())
}

fn all_at_once<U: StoreUnderTest>(
    bench: &Bench<'_, U>,
    calls: impl Iterator<Item = Vec<StoreCall>>,
) -> Result<Vec<Vec<StoreReply>>, String> {
    let calls: Vec<Vec<StoreCall>> = calls.collect();
    let (store, under_test) = (bench.store(), bench.under_test());
    let start = Barrier::new(calls.len());
    thread::scope(|scope| {
        let start = &start;
        let run = |calls: Vec<StoreCall>| {
            scope.spawn(move || {
                start.wait();
                let ask = |call: StoreCall| under_test.block_on(call.ask(store));
                calls.into_iter().map(ask).collect::<Result<Vec<_>, _>>()
            })
        };
        let threads: Vec<_> = calls.into_iter().map(run).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<_, countersign::Unavailable>>| {
            let reply = thread.join().map_err(|_| "the store panicked".to_owned())?;
            reply.map_err(|unavailable| unavailable.to_string())
        };
        // All of them, so that the scope meets no panic that was not looked at.
        let joined: Vec<_> = threads.into_iter().map(join).collect();
        joined.into_iter().collect()
    })
}

/// How many replies of each kind. What remains of a lease is told elsewhere.
fn totals(replies: &[StoreReply]) -> Totals {
    let mut totals = Totals::new();
    for reply in replies {
        let count = totals.entry(kind(reply)).or_default();
        *count = count.saturating_add(1);
    }
    totals
}

fn expected(totals: &[(StoreReply, u32)]) -> Totals {
    let totals = totals.iter();
    totals.map(|(reply, count)| (kind(reply), *count)).collect()
}

fn kind(reply: &StoreReply) -> String {
    match reply {
        StoreReply::Claim(ClaimReply::Busy { .. }) => "Busy".to_owned(),
        StoreReply::Forget(ForgetReply::InFlight { .. }) => "InFlight".to_owned(),
        reply => told(reply),
    }
}

fn busy() -> StoreReply {
    StoreReply::Claim(ClaimReply::Busy {
        remaining: std::time::Duration::ZERO,
    })
}

/// The first thread that got this reply.
fn first(replies: &[StoreReply], reply: &StoreReply) -> u32 {
    let at = replies.iter().position(|other| other == reply);
    at.and_then(|at| u32::try_from(at).ok()).unwrap_or_default()
}
