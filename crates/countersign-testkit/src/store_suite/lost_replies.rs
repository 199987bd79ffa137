//! Lost replies: every call once more, with the same token.

use countersign::{ExtendReply, ForgetReply, ReleaseReply, SettleReply};

use super::StoreUnderTest;
use super::bench::Case;
use super::script::{ANN, BEN, EXTENSION, LEASE, claimed, done, duplicate};

pub(super) fn cases<U: StoreUnderTest>() -> Vec<Case<U>> {
    vec![
        Case::scripted("lost reply/claim", |script| {
            script
                .claim(ANN, claimed(1))
                .claim(ANN, claimed(1))
                .wait(1)
                .claim(ANN, claimed(1))
                .busy(BEN, LEASE)
                .settle(ANN, &done(200), SettleReply::Settled)
        }),
        Case::scripted("lost reply/extend", |script| {
            script
                .claim(ANN, claimed(1))
                .extend(ANN, ExtendReply::Extended)
                .extend(ANN, ExtendReply::Extended)
                .busy(BEN, EXTENSION)
        }),
        Case::scripted("lost reply/settle", |script| {
            script
                .claim(ANN, claimed(1))
                .settle(ANN, &done(200), SettleReply::Settled)
                .settle(ANN, &done(200), SettleReply::AlreadySettled)
                // Also when the lease would be over, and with other words.
                .wait(LEASE)
                .settle(ANN, &done(500), SettleReply::AlreadySettled)
                .claim(BEN, duplicate(&done(200), 1))
        }),
        Case::scripted("lost reply/release", |script| {
            script
                .claim(ANN, claimed(1))
                .release(ANN, ReleaseReply::Released)
                .release(ANN, ReleaseReply::AlreadyReleased)
                .wait(LEASE)
                .release(ANN, ReleaseReply::AlreadyReleased)
                .claim(BEN, claimed(2))
                .release(ANN, ReleaseReply::Lost)
                .busy(ANN, LEASE)
        }),
        Case::scripted("lost reply/forget", |script| {
            script
                .claim(ANN, claimed(1))
                .settle(ANN, &done(200), SettleReply::Settled)
                .forget(ForgetReply::Forgotten)
                .forget(ForgetReply::Unknown)
                .claim(BEN, claimed(2))
        }),
        Case::scripted(
            "lost reply/release after settle, settle after release",
            |script| {
                script
                    .claim(ANN, claimed(1))
                    .settle(ANN, &done(200), SettleReply::Settled)
                    .release(ANN, ReleaseReply::AlreadySettled)
                    .claim(BEN, duplicate(&done(200), 1))
                    .on(1)
                    .claim(ANN, claimed(1))
                    .release(ANN, ReleaseReply::Released)
                    .settle(ANN, &done(200), SettleReply::AlreadyReleased)
                    .claim(BEN, claimed(2))
            },
        ),
    ]
}
