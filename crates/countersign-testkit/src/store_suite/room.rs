//! A full store: it refuses what is new, and forgets nothing.

use countersign::{ClaimReply, ExtendReply, ForgetReply, ReleaseReply, SettleReply};

use super::bench::Case;
use super::script::{ANN, BEN, Script, claimed, done, duplicate};
use super::{StoreUnderTest, cancelled, races};

/// The states that a record can be in while it lives; a full store holds all of them, in turn.
const KINDS: u32 = 5;
/// Longer than any case.
const LONG: u32 = 1_000;

pub(super) fn cases<U: StoreUnderTest>(capacity: usize) -> Vec<Case<U>> {
    let count = u32::try_from(capacity).unwrap_or(u32::MAX);
    vec![
        races::room_case(count),
        races::expired_room_case(count),
        cancelled::room_case(count),
        Case::scripted(
            "room/new keys are refused, again and again",
            move |script| (0..3).fold(fill(script, count), |script, _| refused(script, count)),
        ),
        Case::scripted("room/nothing that lives is forgotten", move |script| {
            let script = refused(fill(script, count), count);
            (0..count).fold(script, |script, number| known(script.on(number), number))
        }),
        Case::scripted("room/all goes on for known keys", move |script| {
            let script = refused(fill(script, count), count);
            let script =
                (0..count).fold(script, |script, number| goes_on(script.on(number), number));
            refused(script, count)
        }),
        Case::scripted(
            "room/a refused claim leaves nothing behind",
            move |script| {
                let script = refused(fill(script, count), count)
                    .on(count)
                    .settle(ANN, &done(200), SettleReply::Lost)
                    .release(ANN, ReleaseReply::Lost)
                    .extend(ANN, ExtendReply::Lost)
                    .forget(ForgetReply::Unknown);
                refused(script, count)
            },
        ),
        Case::scripted("room/what is gone is room, one for one", move |script| {
            // Three that go at different moments, each for another reason.
            let short = script
                .claim_for(ANN, 5, 5, claimed(1))
                .on(1)
                .claim_for(ANN, 1, LONG, claimed(1))
                .release_for(ANN, 20, ReleaseReply::Released)
                .on(2)
                .claim_for(ANN, 1, LONG, claimed(1))
                .settle_for(ANN, &done(200), 30, SettleReply::Settled);
            let script =
                (3..count).fold(short, |script, number| fill_one(script.on(number), number));
            (0..3).fold(refused(script, count), |script, number| {
                let new = count.saturating_add(number);
                let script = refused(script.wait(9), new).wait(1);
                let script = script.on(new).claim_for(ANN, LONG, LONG, claimed(1));
                refused(script, new.saturating_add(1))
            })
        }),
        Case::scripted("room/a release or a lapse is no room", move |script| {
            let script = (0..count).fold(script, |script, number| {
                script.on(number).claim_for(ANN, 5, LONG, claimed(1))
            });
            let script =
                refused(script, count)
                    .on(0)
                    .release_for(ANN, LONG, ReleaseReply::Released);
            refused(refused(script, count).wait(5), count)
                .on(1)
                .claim_for(BEN, 5, LONG, claimed(2))
                .on(0)
                .claim_for(BEN, 5, LONG, claimed(2))
        }),
        Case::scripted(
            "room/what another call finds gone is room too",
            move |script| {
                let short =
                    |script: Script, number| script.on(number).claim_for(ANN, 1, 1, claimed(1));
                let script = refused((0..count).fold(script, short), count).wait(2);
                let script = (0..count).fold(script, |script, number| {
                    let script = script.on(number);
                    match kind(number) {
                        0 => script.settle(ANN, &done(200), SettleReply::Lost),
                        1 => script.release(ANN, ReleaseReply::Lost),
                        2 => script.extend(ANN, ExtendReply::Lost),
                        3 => script.forget(ForgetReply::Unknown),
                        _ => script,
                    }
                });
                let twice = count.saturating_mul(2);
                refused((count..twice).fold(script, short), twice)
            },
        ),
        Case::scripted("room/all of it comes back", move |script| {
            let fill_shortly = |script: Script, who| {
                (0..count).fold(script, |script, number| {
                    script.on(number).claim_for(who, 1, 1, claimed(1))
                })
            };
            let script = refused(fill_shortly(script, ANN), count).wait(2);
            let script = refused(fill_shortly(script, BEN), count).wait(2);
            // Other keys too.
            let twice = count.saturating_mul(2);
            (count..twice).fold(script, |script, number| {
                script.on(number).claim_for(ANN, 1, 1, claimed(1))
            })
        }),
    ]
}

fn fill(script: Script, count: u32) -> Script {
    (0..count).fold(script, |script, number| fill_one(script.on(number), number))
}

fn fill_one(script: Script, number: u32) -> Script {
    let script = script.claim_for(ANN, LONG, LONG, claimed(1));
    match kind(number) {
        0 => script.settle_for(ANN, &done(201), LONG, SettleReply::Settled),
        1 => script.release_for(ANN, LONG, ReleaseReply::Released),
        2 => script
            .settle_for(ANN, &done(202), LONG, SettleReply::Settled)
            .forget(ForgetReply::Forgotten),
        _ => script,
    }
}

/// What tells that [`fill_one`] was not forgotten.
fn known(script: Script, number: u32) -> Script {
    match kind(number) {
        0 => script.claim(BEN, duplicate(&done(201), 1)),
        1 => script.release(ANN, ReleaseReply::AlreadyReleased),
        2 => script.claim(BEN, claimed(2)),
        _ => script.busy(BEN, LONG),
    }
}

/// Takes a known key through what is left to it.
fn goes_on(script: Script, number: u32) -> Script {
    match kind(number) {
        0 => script
            .settle(ANN, &done(201), SettleReply::AlreadySettled)
            .forget(ForgetReply::Forgotten)
            .claim_for(BEN, LONG, LONG, claimed(2)),
        1 | 2 => script
            .claim_for(BEN, LONG, LONG, claimed(2))
            .release_for(BEN, LONG, ReleaseReply::Released)
            .release(BEN, ReleaseReply::AlreadyReleased),
        3 => script
            .extend_for(ANN, LONG, ExtendReply::Extended)
            .claim_for(ANN, LONG, LONG, claimed(1))
            .settle_for(ANN, &done(200), LONG, SettleReply::Settled)
            .claim(BEN, duplicate(&done(200), 1)),
        _ => script
            .not_forgotten(LONG)
            .release_for(ANN, LONG, ReleaseReply::Released)
            .settle(ANN, &done(200), SettleReply::AlreadyReleased),
    }
}

/// Two new keys find no room.
fn refused(script: Script, first: u32) -> Script {
    script
        .on(first)
        .claim(ANN, ClaimReply::Full)
        .on(first.saturating_add(1))
        .claim(ANN, ClaimReply::Full)
}

const fn kind(number: u32) -> u32 {
    number % KINDS
}
