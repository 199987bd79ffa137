//! Leases: how long they last, and that whoever has lost one changes nothing.

use countersign::{ClaimReply, ExtendReply, ReleaseReply, SettleReply};

use super::StoreUnderTest;
use super::bench::Case;
use super::script::{ANN, BEN, CAT, KEPT_AFTER_LEASE, LEASE, Script, claimed, done, duplicate};

pub(super) fn cases<U: StoreUnderTest>() -> Vec<Case<U>> {
    vec![
        Case::scripted("lease/ends at its moment, and not before", |script| {
            [1, 2, 3, 7, 1_000, 60_000, 86_400_000]
                .into_iter()
                .zip(0..)
                .fold(script, |script, (lease, number)| {
                    script
                        .on(number)
                        .claim_for(ANN, lease, KEPT_AFTER_LEASE, claimed(1))
                        .busy(BEN, lease)
                        .wait(lease.saturating_sub(1))
                        .busy(BEN, 1)
                        .not_forgotten(1)
                        .wait(1)
                        .claim(BEN, claimed(2))
                })
        }),
        Case::scripted("lease/the last moment is good for everything", |script| {
            let last = |script: Script, number| {
                let script = script.on(number).claim(ANN, claimed(1));
                script.wait(LEASE.saturating_sub(1))
            };
            let script = last(script, 0).settle(ANN, &done(200), SettleReply::Settled);
            let script = last(script, 1).release(ANN, ReleaseReply::Released);
            let script = last(script, 2).extend(ANN, ExtendReply::Extended);
            last(script, 3).claim(ANN, claimed(1)).busy(BEN, LEASE)
        }),
        Case::scripted("lease/what remains is told exactly", |script| {
            let script = script.claim(ANN, claimed(1));
            (1..=LEASE).rev().fold(script, |script, remaining| {
                script.busy(BEN, remaining).not_forgotten(remaining).wait(1)
            })
        }),
        Case::scripted("lease/a claim does not shorten it", |script| {
            script
                .claim(ANN, claimed(1))
                .claim_for(ANN, 3, KEPT_AFTER_LEASE, claimed(1))
                .busy(BEN, LEASE)
                .wait(9)
                .busy(BEN, 1)
                .claim_for(ANN, 1, KEPT_AFTER_LEASE, claimed(1))
                .busy(BEN, 1)
                .wait(1)
                .claim(BEN, claimed(2))
        }),
        Case::scripted(
            "lease/a claim by its holder prolongs it from now",
            |script| {
                script
                    .claim(ANN, claimed(1))
                    .wait(4)
                    .claim_for(ANN, 8, KEPT_AFTER_LEASE, claimed(1))
                    .busy(BEN, 8)
                    .wait(7)
                    .busy(BEN, 1)
                    .wait(1)
                    .claim(BEN, claimed(2))
            },
        ),
        Case::scripted("lease/an extension does not shorten it", |script| {
            script
                .claim(ANN, claimed(1))
                .extend_for(ANN, 2, ExtendReply::Extended)
                .busy(BEN, LEASE)
                .wait(4)
                .extend_for(ANN, 6, ExtendReply::Extended)
                .busy(BEN, 6)
                .extend_for(ANN, 5, ExtendReply::Extended)
                .wait(5)
                .busy(BEN, 1)
                .wait(1)
                .claim(BEN, claimed(2))
        }),
        Case::scripted("lease/an extension counts from now", |script| {
            (0..50)
                .fold(script.claim(ANN, claimed(1)), |script, _| {
                    script
                        .wait(9)
                        .extend_for(ANN, LEASE, ExtendReply::Extended)
                        .busy(BEN, LEASE)
                })
                .wait(LEASE)
                .extend(ANN, ExtendReply::Lost)
                .claim(BEN, claimed(2))
        }),
        Case::scripted(
            "lease/who asks for somebody else's does not touch it",
            |script| {
                script
                    .claim(ANN, claimed(1))
                    .wait(3)
                    .busy_for(BEN, 1_000, 7)
                    .extend_for(BEN, 1_000, ExtendReply::Lost)
                    .busy(BEN, 7)
                    .extend_for(BEN, 1, ExtendReply::Lost)
                    .wait(7)
                    .extend(ANN, ExtendReply::Lost)
                    .claim(CAT, claimed(2))
            },
        ),
        Case::scripted("lease/a late run changes nothing", |script| {
            late(script.claim(ANN, claimed(1)).wait(LEASE)).claim(BEN, claimed(2))
        }),
        Case::scripted(
            "lease/a late run changes nothing of the next one",
            |script| {
                late(
                    script
                        .claim(ANN, claimed(1))
                        .wait(LEASE)
                        .claim(BEN, claimed(2))
                        .wait(2),
                )
                .busy(ANN, 8)
                .settle(BEN, &done(201), SettleReply::Settled)
            },
        ),
        Case::scripted(
            "lease/a late run changes nothing of what is done",
            |script| {
                late(
                    script
                        .claim(ANN, claimed(1))
                        .wait(LEASE)
                        .claim(BEN, claimed(2))
                        .settle(BEN, &done(201), SettleReply::Settled),
                )
                .claim(ANN, duplicate(&done(201), 2))
                .claim(CAT, duplicate(&done(201), 2))
            },
        ),
        Case::scripted(
            "lease/a late run changes nothing of what was released",
            |script| {
                late(
                    script
                        .claim(ANN, claimed(1))
                        .wait(LEASE)
                        .claim(BEN, claimed(2))
                        .release(BEN, ReleaseReply::Released),
                )
                .release(BEN, ReleaseReply::AlreadyReleased)
                .claim(CAT, claimed(3))
            },
        ),
        Case::scripted(
            "lease/a token whose lease has ended gets no other",
            |script| {
                script
                    .claim(ANN, claimed(1))
                    .wait(LEASE)
                    .claim(ANN, ClaimReply::Lost)
                    .wait(1)
                    .claim(ANN, ClaimReply::Lost)
                    .claim(BEN, claimed(2))
                    .release(BEN, ReleaseReply::Released)
                    .claim(BEN, ClaimReply::Lost)
                    .wait(1)
                    .claim(BEN, ClaimReply::Lost)
                    .claim(CAT, claimed(3))
            },
        ),
    ]
}

/// Everything that a run of Ann's may still try when its lease is over.
fn late(script: Script) -> Script {
    script
        .settle(ANN, &done(500), SettleReply::Lost)
        .release(ANN, ReleaseReply::Lost)
        .extend(ANN, ExtendReply::Lost)
        .settle(ANN, &done(500), SettleReply::Lost)
}
