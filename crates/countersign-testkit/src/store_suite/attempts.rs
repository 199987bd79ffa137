//! Attempt numbers: they grow with each lease, and nothing but the end of the record starts them afresh.

use countersign::{ExtendReply, ForgetReply, ReleaseReply, SettleReply};

use super::StoreUnderTest;
use super::bench::Case;
use super::script::{
    ANN, BEN, CAT, EXTENSION, KEPT_AFTER_RELEASE, LEASE, Script, Who, claimed, done, duplicate,
};

pub(super) fn cases<U: StoreUnderTest>() -> Vec<Case<U>> {
    vec![
        Case::scripted("attempt/grows with each release", |script| {
            let round = |script: Script, who: Who| {
                script
                    .claim(who, claimed(who))
                    .release(who, ReleaseReply::Released)
            };
            (1..=300).fold(script, round)
        }),
        Case::scripted("attempt/grows with each lapse", |script| {
            let round = |script: Script, who: Who| script.claim(who, claimed(who)).wait(LEASE);
            (1..=300).fold(script, round)
        }),
        Case::scripted(
            "attempt/is one lease's, however often it is claimed or extended",
            |script| {
                script
                    .claim(ANN, claimed(1))
                    .claim(ANN, claimed(1))
                    .extend(ANN, ExtendReply::Extended)
                    .claim(ANN, claimed(1))
                    .busy(BEN, EXTENSION)
                    .busy(BEN, EXTENSION)
                    .release(ANN, ReleaseReply::Released)
                    .claim(BEN, claimed(2))
            },
        ),
        Case::scripted("attempt/goes through release, lapse and settle", |script| {
            script
                .claim(ANN, claimed(1))
                .release(ANN, ReleaseReply::Released)
                .claim(BEN, claimed(2))
                .wait(LEASE)
                .claim(CAT, claimed(3))
                .settle(CAT, &done(200), SettleReply::Settled)
                .claim(ANN, duplicate(&done(200), 3))
        }),
        Case::scripted("attempt/outlives forgetting", |script| {
            script
                .claim(ANN, claimed(1))
                .settle(ANN, &done(200), SettleReply::Settled)
                .forget(ForgetReply::Forgotten)
                .claim(BEN, claimed(2))
                .settle(BEN, &done(201), SettleReply::Settled)
                .forget(ForgetReply::Forgotten)
                .forget(ForgetReply::Unknown)
                .claim(CAT, claimed(3))
        }),
        Case::scripted("attempt/begins afresh with the record", |script| {
            script
                .claim(ANN, claimed(1))
                .release(ANN, ReleaseReply::Released)
                .claim(BEN, claimed(2))
                .release(BEN, ReleaseReply::Released)
                .wait(KEPT_AFTER_RELEASE)
                // There is no record: not even the tokens are known.
                .claim(BEN, claimed(1))
                .release(BEN, ReleaseReply::Released)
                .claim(ANN, claimed(2))
        }),
        Case::scripted("attempt/is each key's own", |script| {
            script
                .claim(ANN, claimed(1))
                .release(ANN, ReleaseReply::Released)
                .claim(BEN, claimed(2))
                .on(1)
                .claim(ANN, claimed(1))
                .on(0)
                .busy(ANN, LEASE)
        }),
    ]
}
