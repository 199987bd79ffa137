//! A small store that can be given any one flaw.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use countersign_testkit::ManualClock;
use countersign_testkit::countersign::{Clock, Quota, QuotaStore, Spend, SpendReply, Unavailable};
use countersign_testkit::quota_suite::QuotasUnderTest;

use crate::flaws::Flaw;

pub(crate) const CAPACITY: usize = 40;
const TICK: Duration = Duration::from_millis(1);

pub(crate) struct Broken {
    pub(crate) flaw: Flaw,
    pub(crate) clock: ManualClock,
}

impl QuotasUnderTest for Broken {
    type Store = BrokenStore;

    async fn store(&self) -> BrokenStore {
        BrokenStore {
            flaw: self.flaw,
            clock: self.clock.clone(),
            began: self.clock.monotonic(),
            records: Mutex::default(),
            is_locked: AtomicBool::new(false),
        }
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn capacity(&self) -> Option<usize> {
        Some(CAPACITY)
    }
}

pub(crate) struct BrokenStore {
    flaw: Flaw,
    clock: ManualClock,
    began: Duration,
    records: Mutex<Records>,
    /// A lock of those that are held across awaits.
    is_locked: AtomicBool,
}

type Records = BTreeMap<Vec<u8>, Record>;

#[derive(Clone, Copy)]
struct Record {
    /// When all that was spent will have come back.
    full: Duration,
    /// Of the first and the last call.
    first: Quota,
    last: Quota,
    /// When the last unit was taken.
    taken: Duration,
    /// For those who count units.
    units: u32,
}

impl BrokenStore {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn now(&self) -> Duration {
        self.clock.monotonic() - self.began
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap()
    }

    fn key(&self, spend: &Spend) -> Vec<u8> {
        let mut bytes = spend.key.as_bytes().to_vec();
        match self.flaw {
            Flaw::KeyLosesItsLastByte => bytes.truncate(31),
            Flaw::KeyIgnoresCase => bytes.make_ascii_lowercase(),
            Flaw::KeyIsLossyText => bytes = String::from_utf8_lossy(&bytes).into_owned().into(),
            Flaw::KeyIsTrimmed => bytes = bytes.trim_ascii().to_vec(),
            Flaw::KeyEndsAtZero => {
                let end = bytes.iter().position(|byte| *byte == 0);
                bytes.truncate(end.unwrap_or(32));
            }
            Flaw::OneForAll => bytes.clear(),
            Flaw::OneForEachQuota => bytes.extend(format!("{:?}", spend.quota).bytes()),
            _ => {}
        }
        bytes
    }

    fn unknown(&self, quota: Quota) -> Record {
        Record {
            full: match self.flaw {
                Flaw::BeginsEmpty => self.now() + quota.recovery(),
                _ => Duration::ZERO,
            },
            first: quota,
            last: quota,
            taken: Duration::ZERO,
            units: 0,
        }
    }

    /// Is it as good as none?
    fn is_gone(&self, record: &Record) -> bool {
        let now = self.now();
        match self.flaw {
            Flaw::ForgetsATickEarly => record.full <= now + TICK,
            Flaw::ForgetsAfterAnHour => {
                record.full <= now || record.taken + Duration::from_secs(3_600) <= now
            }
            Flaw::LivesForWholeSeconds => {
                let lives = (record.full - record.taken).as_secs();
                record.taken + Duration::from_secs(lives) <= now
            }
            Flaw::NeverForgets => false,
            _ => record.full <= now,
        }
    }

    /// The quota that counts.
    fn quota(&self, record: &Record, spend: &Spend) -> (Duration, Duration) {
        let quota = match self.flaw {
            Flaw::FirstQuotaStays => record.first,
            _ => spend.quota,
        };
        let (mut interval, mut recovery) = (quota.interval(), quota.recovery());
        let burst = recovery.as_nanos() / interval.as_nanos();
        match self.flaw {
            Flaw::OneMore => recovery += interval,
            Flaw::OneLess => recovery = interval.max(recovery - interval),
            Flaw::BurstIsOne => recovery = interval,
            Flaw::BurstIsSixteenBits => recovery = interval * u32::from(burst as u16),
            Flaw::IntervalIsThirtyTwoBits => {
                interval = Duration::from_millis(u64::from(interval.as_micros() as u32) / 1_000);
                recovery = interval * u32::try_from(burst).unwrap();
            }
            Flaw::ComesBackATickEarly => recovery += TICK,
            Flaw::ComesBackATickLate => recovery -= TICK.min(recovery - interval),
            _ => {}
        }
        (interval, recovery)
    }

    fn judge(&self, record: &mut Record, spend: &Spend) -> SpendReply {
        let now = self.now();
        let (interval, recovery) = self.quota(record, spend);
        if self.has(Flaw::ChangeIsARefill) && record.last != spend.quota {
            record.full = Duration::ZERO;
        }
        if self.has(Flaw::CountsUnits) && record.last != spend.quota {
            let left = record.full.saturating_sub(now);
            let units = left.as_nanos().div_ceil(record.last.interval().as_nanos());
            record.full = now + interval * u32::try_from(units).unwrap();
        }
        record.last = spend.quota;
        if self.has(Flaw::WindowsBeginAnew) {
            if now >= record.full {
                (record.full, record.units) = (now + recovery, 0);
            }
            record.units += 1;
            return match interval * record.units <= recovery {
                true => SpendReply::Go,
                false => SpendReply::Wait(record.full - now),
            };
        }
        if self.has(Flaw::LosesWhatIsThereOfTheNext) {
            // Fills up in whole units, and takes now for the moment when it did.
            let left = record.full.saturating_sub(record.taken);
            let back = (now - record.taken).as_nanos() / interval.as_nanos();
            if back > 0 {
                let back = interval.saturating_mul(u32::try_from(back).unwrap_or(u32::MAX));
                record.full = now + left.saturating_sub(back);
                record.taken = now;
            }
        }
        let from = match self.flaw {
            Flaw::SavesUp => record.full,
            _ => record.full.max(now),
        };
        let then = from + interval;
        let ahead = then.saturating_sub(now);
        if ahead <= recovery || self.has(Flaw::NoLimit) {
            record.full = then;
            if !self.has(Flaw::LosesWhatIsThereOfTheNext) {
                record.taken = now;
            }
            if self.has(Flaw::WrapsAfterFiftyDays) {
                record.full = Duration::from_millis(u64::from(then.as_millis() as u32));
            }
            return SpendReply::Go;
        }
        match self.flaw {
            Flaw::RefusalSpends => record.full = then,
            Flaw::RefusalBeginsAnew => record.full = now + recovery,
            _ => {}
        }
        let wait = ahead - recovery;
        SpendReply::Wait(match self.flaw {
            Flaw::WaitIsInSeconds => Duration::from_secs(wait.as_secs() + 1),
            Flaw::WaitIsAnInterval => interval,
            Flaw::WaitIsTheMoment => now + wait,
            Flaw::WaitIsTheRecovery => ahead,
            Flaw::WaitIsNothing => Duration::ZERO,
            _ => wait,
        })
    }

    fn spend_now(&self, spend: &Spend) -> SpendReply {
        let mut records = self.lock();
        let key = self.key(spend);
        let found = records.get(&key).copied();
        let is_known = found.is_some();
        let mut record = match found {
            Some(record) if !self.is_gone(&record) || self.has(Flaw::SavesUp) => record,
            _ => self.unknown(spend.quota),
        };
        if self.has(Flaw::SpendsInTwoSteps) {
            drop(records);
            // As a round trip takes: to yield may let the same thread go on.
            std::thread::sleep(TICK);
            records = self.lock();
        }
        if !is_known && records.len() >= CAPACITY {
            let gone = records.iter().find(|(_, record)| self.is_gone(record));
            let gone = gone.map(|(key, _)| key.clone());
            match (gone, self.flaw) {
                (Some(gone), _) => {
                    records.remove(&gone);
                }
                (None, Flaw::EvictsWhenFull) => {
                    records.pop_first();
                }
                (None, Flaw::FullLetsAllGo) => return SpendReply::Go,
                (None, Flaw::FullForgetsAll) => records.clear(),
                (None, Flaw::FullSaysWaitForNothing) => return SpendReply::Wait(Duration::ZERO),
                (None, Flaw::FullGrows) => {}
                // Full: whoever is new waits until the first one has recovered.
                (None, _) => {
                    let first = records.values().map(|record| record.full).min().unwrap();
                    let wait = first.saturating_sub(self.now());
                    return SpendReply::Wait(wait.max(TICK));
                }
            }
        }
        if self.has(Flaw::FullForKnownKeys) && records.len() >= CAPACITY {
            return SpendReply::Wait(TICK);
        }
        let reply = self.judge(&mut record, spend);
        records.insert(key, record);
        reply
    }
}

impl QuotaStore for BrokenStore {
    async fn spend(&self, spend: Spend) -> Result<SpendReply, Unavailable> {
        match self.flaw {
            Flaw::Panics => panic!("as the test says"),
            Flaw::Fails => return Err(Unavailable::new("as the test says")),
            Flaw::DroppedCallKeepsALock => {
                if self.is_locked.swap(true, Ordering::SeqCst) {
                    return Err(Unavailable::new("it is locked"));
                }
                a_while().await;
                let reply = self.spend_now(&spend);
                self.is_locked.store(false, Ordering::SeqCst);
                return Ok(reply);
            }
            Flaw::DroppedCallTakesTheRecordAway => {
                let record = self.lock().remove(&self.key(&spend));
                a_while().await;
                if let Some(record) = record {
                    self.lock().insert(self.key(&spend), record);
                }
            }
            Flaw::DroppedCallSpendsTwice => {
                self.spend_now(&spend);
                let kept = self.lock().get(&self.key(&spend)).copied();
                self.spend_now(&spend);
                a_while().await;
                if let Some(kept) = kept {
                    let before = kept.full - spend.quota.interval();
                    let record = Record {
                        full: before,
                        ..kept
                    };
                    self.lock().insert(self.key(&spend), record);
                }
            }
            _ => {}
        }
        Ok(self.spend_now(&spend))
    }
}

/// Pending once.
async fn a_while() {
    let mut is_first = true;
    std::future::poll_fn(|context| {
        if std::mem::take(&mut is_first) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}
