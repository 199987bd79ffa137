//! Keys and tokens are compared whole.

use countersign::{
    Claim, ClaimReply, Extend, ExtendReply, ForgetReply, IdempotencyKey, LeaseToken, Release,
    ReleaseReply, Settle, SettleReply,
};

use super::StoreUnderTest;
use super::bench::Case;
use super::script::{ANN, BEN, LEASE, Script, claimed, done, duplicate};
use crate::store_model::{StoreCall, StoreReply};

pub(super) fn cases<U: StoreUnderTest>() -> Vec<Case<U>> {
    vec![
        Case::scripted("key/one bit makes another key", |script| {
            let script = script
                .claim(ANN, claimed(1))
                .settle(ANN, &done(200), SettleReply::Settled)
                .on(1)
                .claim_for(ANN, 60_000, 60_000, claimed(1));
            let beside = one_bit(*script.key().as_bytes()).map(IdempotencyKey::from_bytes);
            let script = beside.fold(script, strangers_to).on(0);
            let beside = one_bit(*script.key().as_bytes()).map(IdempotencyKey::from_bytes);
            beside
                .fold(script, strangers_to)
                .claim(BEN, duplicate(&done(200), 1))
        }),
        Case::scripted("key/one bit makes another key to claim", |script| {
            let script = script.claim_for(ANN, 60_000, 60_000, claimed(1));
            let beside = one_bit(*script.key().as_bytes()).map(IdempotencyKey::from_bytes);
            let token = script.token(BEN);
            let [lease, retention] = [script.units(1), script.units(1)];
            // Short, so that a small store has room for all of them, one after the other.
            beside.fold(script, |script, key| {
                let claim = Claim {
                    key,
                    token,
                    lease,
                    retention,
                };
                script
                    .ask(StoreCall::Claim(claim), StoreReply::Claim(claimed(1)))
                    .wait(2)
            })
        }),
        Case::scripted("key/one bit makes another token", |script| {
            let script = script.claim(ANN, claimed(1));
            let beside = one_bit(*script.token(ANN).as_bytes()).map(LeaseToken::from_bytes);
            beside
                .fold(script, holds_nothing)
                .busy(BEN, LEASE)
                .release(ANN, ReleaseReply::Released)
                .claim(BEN, claimed(2))
        }),
        Case::scripted("key/any bytes will do", |script| {
            let odd = [[0; 32], [0xFF; 32], *b"' OR 1=1; --\0\n\r%{}* 0123456789ab"];
            let token = LeaseToken::from_bytes([0; 16]);
            odd.into_iter().fold(script, |script, bytes| {
                let key = IdempotencyKey::from_bytes(bytes);
                let [lease, retention] = [script.units(LEASE); 2];
                let claim = Claim {
                    key,
                    token,
                    lease,
                    retention,
                };
                let settle = Settle {
                    key,
                    token,
                    done: done(200),
                    retention,
                };
                let again = StoreReply::Claim(duplicate(&done(200), 1));
                script
                    .ask(StoreCall::Claim(claim), StoreReply::Claim(claimed(1)))
                    .ask(
                        StoreCall::Settle(settle),
                        StoreReply::Settle(SettleReply::Settled),
                    )
                    .ask(StoreCall::Claim(claim), again)
            })
        }),
    ]
}

/// The holder of a lease has none on another key, however alike.
fn strangers_to(script: Script, key: IdempotencyKey) -> Script {
    let token = script.token(ANN);
    let [lease, retention] = [script.units(LEASE); 2];
    let release = Release {
        key,
        token,
        retention,
    };
    let settle = Settle {
        key,
        token,
        done: done(500),
        retention,
    };
    script
        .ask(
            StoreCall::Extend(Extend { key, token, lease }),
            StoreReply::Extend(ExtendReply::Lost),
        )
        .ask(
            StoreCall::Settle(settle),
            StoreReply::Settle(SettleReply::Lost),
        )
        .ask(
            StoreCall::Release(release),
            StoreReply::Release(ReleaseReply::Lost),
        )
        .ask(
            StoreCall::Forget(key),
            StoreReply::Forget(ForgetReply::Unknown),
        )
}

/// A token that is nobody's, beside the one that holds the lease.
fn holds_nothing(script: Script, token: LeaseToken) -> Script {
    let key = script.key();
    let [lease, retention] = [script.units(LEASE); 2];
    let claim = Claim {
        key,
        token,
        lease,
        retention,
    };
    let release = Release {
        key,
        token,
        retention,
    };
    let settle = Settle {
        key,
        token,
        done: done(500),
        retention,
    };
    let busy = ClaimReply::Busy { remaining: lease };
    script
        .ask(StoreCall::Claim(claim), StoreReply::Claim(busy))
        .ask(
            StoreCall::Extend(Extend { key, token, lease }),
            StoreReply::Extend(ExtendReply::Lost),
        )
        .ask(
            StoreCall::Settle(settle),
            StoreReply::Settle(SettleReply::Lost),
        )
        .ask(
            StoreCall::Release(release),
            StoreReply::Release(ReleaseReply::Lost),
        )
}

/// The same bytes with one bit turned, once for each bit.
fn one_bit<const N: usize>(bytes: [u8; N]) -> impl Iterator<Item = [u8; N]> {
    (0..N).flat_map(move |at| {
        (0..8).map(move |bit| {
            let mut other = bytes;
            if let Some(byte) = other.get_mut(at) {
                *byte ^= 1 << bit;
            }
            other
        })
    })
}
