//! Several keys, and several quotas for one.

use countersign::{QuotaKey, Spend, SpendReply};

use super::QuotasUnderTest;
use super::bench::{Case, key};

pub(super) fn cases<U: QuotasUnderTest>() -> Vec<Case<U>> {
    vec![
        Case::new("key/each has its own", |bench| {
            let quotas = [(1, 10), (2, 20), (3, 5), (4, 100)];
            for (number, (burst, interval)) in (0..).zip(quotas) {
                let quota = bench.quota(burst, interval)?;
                bench.go_times(burst, number, quota)?;
                bench.wait(number, quota, interval)?;
            }
            bench.pass(5);
            for (number, (burst, interval)) in (0..).zip(quotas) {
                let quota = bench.quota(burst, interval)?;
                match interval {
                    5 => bench.go(number, quota)?,
                    _ => bench.wait(number, quota, interval.saturating_sub(5))?,
                }
            }
            Ok(())
        }),
        Case::new("key/nobody pays for another one's haste", |bench| {
            let quota = bench.quota(1, 10)?;
            for _ in 0..10 {
                bench.go(0, quota)?;
                for _ in 0..20 {
                    bench.wait(0, quota, 10)?;
                }
                bench.go(1, quota)?;
                bench.pass(10);
            }
            Ok(())
        }),
        Case::new("key/one bit tells them apart", |bench| {
            // Sixteen at a time, for stores with little room.
            let quota = bench.quota(1, 10)?;
            for first in (0..256_u32).step_by(15) {
                bench.pass(10);
                bench.go(0, quota)?;
                for bit in (first..256).take(15) {
                    let spend = Spend {
                        key: flipped(bit),
                        quota,
                    };
                    match bench.ask(spend)? {
                        SpendReply::Go => {}
                        SpendReply::Wait(_) => {
                            return Err(bench.told(format_args!("bit {bit} tells nothing")));
                        }
                    }
                }
                bench.wait(0, quota, 10)?;
            }
            Ok(())
        }),
        Case::new("key/bytes may have any value", |bench| {
            let quota = bench.quota(1, 10)?;
            for places in [0..1, 31..32, 0..32] {
                for byte in *b"\0\t\n\r %'\":\\*\x7F\x80\xFF" {
                    let mut bytes = *key(0).as_bytes();
                    if let Some(bytes) = bytes.get_mut(places.clone()) {
                        bytes.fill(byte);
                    }
                    let spend = Spend {
                        key: QuotaKey::from_bytes(bytes),
                        quota,
                    };
                    for expected in [SpendReply::Go, SpendReply::Wait(bench.units(10))] {
                        let reply = bench.ask(spend)?;
                        if !bench.is_like(reply, expected) {
                            return Err(bench.told(format_args!(
                                "a key with the byte {byte} gets {reply:?}, and not {expected:?}"
                            )));
                        }
                    }
                }
                bench.pass(10);
            }
            Ok(())
        }),
        Case::new("quota/a larger burst finds what was spent", |bench| {
            let (small, large) = (bench.quota(2, 10)?, bench.quota(5, 10)?);
            bench.go_times(2, 0, small)?;
            bench.go_times(3, 0, large)?;
            bench.wait(0, large, 10)?;
            bench.wait(0, small, 40)
        }),
        Case::new("quota/a smaller burst finds what was spent", |bench| {
            let (small, large) = (bench.quota(2, 10)?, bench.quota(5, 10)?);
            bench.go_times(4, 0, large)?;
            bench.wait(0, small, 30)?;
            bench.pass(29);
            bench.wait(0, small, 1)?;
            bench.pass(1);
            bench.go(0, small)
        }),
        Case::new("quota/another interval finds the same moment", |bench| {
            let (slow, fast) = (bench.quota(2, 100)?, bench.quota(3, 10)?);
            bench.go_times(2, 0, slow)?;
            bench.wait(0, fast, 180)?;
            bench.pass(180);
            bench.go(0, fast)?;
            bench.wait(0, fast, 10)?;
            // 30 are owed, and 100 more would be fine.
            bench.go(0, slow)?;
            bench.wait(0, slow, 30)
        }),
        Case::new("quota/to change it is no refill", |bench| {
            let one = bench.quota(1, 50)?;
            let other = bench.quota(1, 51)?;
            bench.go(0, one)?;
            for _ in 0..10 {
                bench.wait(0, other, 50)?;
                bench.wait(0, one, 50)?;
            }
            bench.pass(50);
            bench.go(0, other)?;
            bench.wait(0, one, 51)
        }),
    ]
}

fn flipped(bit: u32) -> QuotaKey {
    let mut bytes = *key(0).as_bytes();
    let at = usize::try_from(bit >> 3).unwrap_or_default();
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << (bit & 7);
    }
    QuotaKey::from_bytes(bytes)
}
