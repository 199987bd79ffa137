//! Retention: when there is no record any more.

use countersign::{ExtendReply, ForgetReply, ReleaseReply, SettleReply};

use super::StoreUnderTest;
use super::bench::Case;
use super::script::{
    ANN, BEN, CAT, KEPT_AFTER_LEASE, KEPT_AFTER_RELEASE, KEPT_AFTER_SETTLE, LEASE, Script, claimed,
    done, duplicate,
};

/// In ticks; the longest is 31 days of milliseconds.
const LENGTHS: [u32; 6] = [1, 2, 9, 1_000, 60_000, 2_678_400_000];

pub(super) fn cases<U: StoreUnderTest>() -> Vec<Case<U>> {
    vec![
        Case::scripted("retention/what is done is known for so long", |script| {
            each(script, |script, kept| {
                script
                    .claim(ANN, claimed(1))
                    .wait(3)
                    .settle_for(ANN, &done(200), kept, SettleReply::Settled)
                    .wait(kept.saturating_sub(1))
                    .claim(BEN, duplicate(&done(200), 1))
                    .wait(1)
                    .settle(ANN, &done(200), SettleReply::Lost)
                    .forget(ForgetReply::Unknown)
                    .claim(BEN, claimed(1))
            })
        }),
        Case::scripted(
            "retention/a released key's number is kept for so long",
            |script| {
                each(script, |script, kept| {
                    script
                        .claim(ANN, claimed(1))
                        .wait(3)
                        .release_for(ANN, kept, ReleaseReply::Released)
                        .wait(kept.saturating_sub(1))
                        .release(ANN, ReleaseReply::AlreadyReleased)
                        .wait(1)
                        .release(ANN, ReleaseReply::Lost)
                        .claim(ANN, claimed(1))
                })
            },
        ),
        Case::scripted(
            "retention/a released key goes on until its last moment",
            |script| {
                each(script, |script, kept| {
                    script
                        .claim(ANN, claimed(1))
                        .release_for(ANN, kept, ReleaseReply::Released)
                        .wait(kept.saturating_sub(1))
                        .claim(BEN, claimed(2))
                })
            },
        ),
        Case::scripted(
            "retention/a lapsed lease's number is kept for so long",
            |script| {
                each(script, |script, kept| {
                    script
                        .claim_for(ANN, LEASE, kept, claimed(1))
                        .wait(LEASE)
                        .wait(kept)
                        .claim(ANN, claimed(1))
                })
            },
        ),
        Case::scripted(
            "retention/a lapsed key goes on until its last moment",
            |script| {
                each(script, |script, kept| {
                    script
                        .claim_for(ANN, LEASE, kept, claimed(1))
                        .wait(LEASE.saturating_sub(1))
                        .wait(kept)
                        .claim(BEN, claimed(2))
                })
            },
        ),
        Case::scripted(
            "retention/begins when an extended lease has lapsed",
            |script| {
                script
                    .claim(ANN, claimed(1))
                    .wait(5)
                    .extend_for(ANN, 50, ExtendReply::Extended)
                    .wait(49)
                    .wait(KEPT_AFTER_LEASE)
                    .claim(BEN, claimed(2))
                    .on(1)
                    .claim(ANN, claimed(1))
                    .wait(5)
                    .claim_for(ANN, 50, KEPT_AFTER_LEASE, claimed(1))
                    .wait(50)
                    .wait(KEPT_AFTER_LEASE)
                    .claim(BEN, claimed(1))
            },
        ),
        Case::scripted(
            "retention/begins when it is done, whatever the lease had left",
            |script| {
                script
                    .claim_for(ANN, 1_000, 1_000, claimed(1))
                    .settle_for(ANN, &done(200), 5, SettleReply::Settled)
                    .wait(4)
                    .claim(BEN, duplicate(&done(200), 1))
                    .wait(1)
                    .claim(BEN, claimed(1))
            },
        ),
        Case::scripted("retention/is not prolonged by being asked", |script| {
            let script =
                script
                    .claim(ANN, claimed(1))
                    .settle(ANN, &done(200), SettleReply::Settled);
            (0..KEPT_AFTER_SETTLE)
                .fold(script, |script, _| {
                    script
                        .claim_for(BEN, 1_000, 1_000, duplicate(&done(200), 1))
                        .settle_for(ANN, &done(200), 1_000, SettleReply::AlreadySettled)
                        .release_for(ANN, 1_000, ReleaseReply::AlreadySettled)
                        .wait(1)
                })
                .claim(CAT, claimed(1))
        }),
        Case::scripted(
            "retention/of a released key is not prolonged by being asked",
            |script| {
                let script = script
                    .claim(ANN, claimed(1))
                    .release(ANN, ReleaseReply::Released);
                (0..KEPT_AFTER_RELEASE)
                    .fold(script, |script, _| {
                        script
                            .release_for(ANN, 1_000, ReleaseReply::AlreadyReleased)
                            .settle_for(ANN, &done(200), 1_000, SettleReply::AlreadyReleased)
                            .forget(ForgetReply::Unknown)
                            .wait(1)
                    })
                    .claim(CAT, claimed(1))
            },
        ),
        Case::scripted(
            "retention/of what is forgotten is what is left of it",
            |script| {
                let forgotten = |script: Script| {
                    script
                        .claim(ANN, claimed(1))
                        .settle(ANN, &done(200), SettleReply::Settled)
                        .wait(100)
                        .forget(ForgetReply::Forgotten)
                        .wait(199)
                };
                forgotten(forgotten(script).claim(BEN, claimed(2)).on(1))
                    .wait(1)
                    .claim(BEN, claimed(1))
            },
        ),
    ]
}

/// Once for each length, each on a key of its own.
fn each(script: Script, write: impl Fn(Script, u32) -> Script) -> Script {
    let numbered = LENGTHS.into_iter().zip(0..);
    numbered.fold(script, |script, (kept, number)| {
        write(script.on(number), kept)
    })
}
