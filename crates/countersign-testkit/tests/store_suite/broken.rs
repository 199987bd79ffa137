//! A small store that can be given any one flaw.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use countersign_testkit::ManualClock;
use countersign_testkit::countersign::{
    Claim, ClaimReply, Clock, DeliveryStore, Done, Extend, ExtendReply, Fingerprint, ForgetReply,
    IdempotencyKey, LeaseToken, RecordedAnswer, Release, ReleaseReply, Settle, SettleReply,
    Unavailable,
};
use countersign_testkit::store_suite::StoreUnderTest;

use crate::flaws::Flaw;

pub(crate) const CAPACITY: usize = 100;
const TICK: Duration = Duration::from_millis(1);
/// Of a store in two steps. Nothing waits for it: it is the flaw.
const ROUND_TRIP: Duration = Duration::from_millis(3);

pub(crate) struct Broken {
    pub(crate) flaw: Flaw,
    pub(crate) clock: ManualClock,
}

impl StoreUnderTest for Broken {
    type Store = BrokenStore;

    async fn store(&self) -> BrokenStore {
        BrokenStore {
            flaw: self.flaw,
            clock: self.clock.clone(),
            records: Mutex::default(),
            is_locked: AtomicBool::new(false),
            reserved: AtomicUsize::new(0),
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
    records: Mutex<BTreeMap<IdempotencyKey, Record>>,
    /// A lock of those that are held across awaits.
    is_locked: AtomicBool,
    /// Places that are taken without a record.
    reserved: AtomicUsize,
}

type Records<'s> = MutexGuard<'s, BTreeMap<IdempotencyKey, Record>>;

#[derive(Clone)]
struct Record {
    attempt: u32,
    token: Option<LeaseToken>,
    /// Of the lease; in the past for all other states.
    end: Duration,
    retention: Duration,
    gone: Duration,
    done: Option<Done>,
    is_released: bool,
}

impl Record {
    fn is_in_flight(&self) -> bool {
        self.done.is_none() && !self.is_released
    }
}

impl BrokenStore {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn lock(&self) -> Records<'_> {
        self.records.lock().unwrap()
    }

    /// Between looking and writing, which takes a while as a round trip to a server does. To yield is not enough: on one core the scheduler may
    /// let the same thread go on.
    fn let_others_in<'s>(&'s self, records: Records<'s>) -> Records<'s> {
        drop(records);
        std::thread::sleep(ROUND_TRIP);
        self.lock()
    }

    fn key(&self, key: IdempotencyKey) -> IdempotencyKey {
        let mut bytes = *key.as_bytes();
        match self.flaw {
            Flaw::KeyLosesItsLastByte => bytes[31] = 0,
            Flaw::KeyIgnoresCase => bytes.make_ascii_lowercase(),
            _ => {}
        }
        IdempotencyKey::from_bytes(bytes)
    }

    fn same(&self, one: LeaseToken, other: LeaseToken) -> bool {
        match self.flaw {
            Flaw::TokenComparedByHalf => one.as_bytes()[8..] == other.as_bytes()[8..],
            _ => one == other,
        }
    }

    fn live(
        &self,
        records: &BTreeMap<IdempotencyKey, Record>,
        key: IdempotencyKey,
    ) -> Option<Record> {
        let record = records.get(&self.key(key))?.clone();
        (!self.is_gone(&record)).then_some(record)
    }

    fn is_gone(&self, record: &Record) -> bool {
        let now = self.clock.monotonic();
        match self.flaw {
            Flaw::UnfinishedRunGoesWithItsLease if record.is_in_flight() => record.end <= now,
            Flaw::DoneGoesATickLate if record.done.is_some() => record.gone + TICK <= now,
            Flaw::DoneGoesATickEarly if record.done.is_some() => record.gone <= now + TICK,
            Flaw::DoneIsForever if record.done.is_some() => false,
            Flaw::FreeIsForever if record.is_released => false,
            Flaw::LapsedIsForever if record.is_in_flight() => false,
            _ => record.gone <= now,
        }
    }

    fn is_running(&self, record: &Record) -> bool {
        let now = self.clock.monotonic();
        record.is_in_flight()
            && match self.flaw {
                Flaw::LapsesATickLate => record.end + TICK > now,
                Flaw::LapsesATickEarly => record.end > now + TICK,
                Flaw::NeverLapses => true,
                _ => record.end > now,
            }
    }

    fn remaining(&self, record: &Record) -> Duration {
        let left = record.end.saturating_sub(self.clock.monotonic());
        match self.flaw {
            Flaw::RemainingInSeconds => Duration::from_secs(left.as_secs()),
            Flaw::RemainingIsTheEnd => record.end,
            _ => left,
        }
    }

    fn room(&self, records: &mut BTreeMap<IdempotencyKey, Record>) -> bool {
        match self.flaw {
            Flaw::ExpiredIsNoRoom => {}
            Flaw::FreeIsRoom => {
                records.retain(|_, record| !self.is_gone(record) && !record.is_released);
            }
            _ => records.retain(|_, record| !self.is_gone(record)),
        }
        if records.len() + self.reserved.load(Ordering::SeqCst) < CAPACITY {
            return true;
        }
        match self.flaw {
            Flaw::EvictsWhenFull => records.pop_first().is_some(),
            Flaw::EvictsDoneWhenFull => {
                let done = records.iter().find(|(_, record)| record.done.is_some());
                let done = done.map(|(key, _)| *key);
                done.is_some_and(|key| records.remove(&key).is_some())
            }
            Flaw::GrowsWithoutEnd => true,
            _ => false,
        }
    }

    fn claim_now(&self, claim: &Claim) -> ClaimReply {
        let now = self.clock.monotonic();
        let mut records = self.lock();
        let found = self.live(&records, claim.key);
        if self.has(Flaw::FullForKnownKeys) && records.len() >= CAPACITY {
            return ClaimReply::Full;
        }
        let has_room = found.is_some() || self.room(&mut records);
        if [Flaw::ClaimsInTwoSteps, Flaw::LooksForRoomInAStepOfItsOwn].contains(&self.flaw) {
            records = self.let_others_in(records);
        }
        let found = match self.flaw {
            Flaw::ClaimsInTwoSteps => found,
            _ => self.live(&records, claim.key),
        };
        if let Some(record) = &found {
            let mut record = record.clone();
            let is_same = record
                .token
                .is_some_and(|token| self.same(token, claim.token));
            if let Some(done) = &record.done {
                let done = self.spoilt(done.clone());
                let attempt = match self.flaw {
                    Flaw::DuplicateTellsTheNextAttempt => record.attempt + 1,
                    _ => record.attempt,
                };
                match self.flaw {
                    Flaw::AskingProlongsWhatIsDone => {
                        record.gone = record.gone.max(now + claim.retention);
                    }
                    Flaw::DuplicateForgets => record.gone = now,
                    _ => {}
                }
                records.insert(self.key(claim.key), record);
                return ClaimReply::Duplicate { done, attempt };
            }
            if self.is_running(&record) {
                if is_same && !self.has(Flaw::SameTokenIsBusy) {
                    let end = now + claim.lease;
                    record.end = match self.flaw {
                        Flaw::ClaimShortens => end,
                        Flaw::SecondClaimChangesNothing => record.end,
                        _ => end.max(record.end),
                    };
                    record.gone = record.end + record.retention;
                    if self.has(Flaw::SecondClaimIsAnAttempt) {
                        record.attempt += 1;
                    }
                    let attempt = record.attempt;
                    records.insert(self.key(claim.key), record);
                    return ClaimReply::Claimed { attempt };
                }
                let remaining = self.remaining(&record);
                match self.flaw {
                    Flaw::BusyTakesTheToken => record.token = Some(claim.token),
                    Flaw::BusyProlongs => record.end = record.end.max(now + claim.lease),
                    _ => {}
                }
                records.insert(self.key(claim.key), record);
                return ClaimReply::Busy { remaining };
            }
            let may_again = match record.is_released {
                true => self.has(Flaw::ReleasedTokenClaimsAgain),
                false => self.has(Flaw::LapsedTokenClaimsAgain),
            };
            if is_same && !may_again {
                return ClaimReply::Lost;
            }
        } else if !has_room {
            return ClaimReply::Full;
        }
        let before = found.map_or(0, |record| match self.flaw {
            Flaw::ReleaseForgetsTheAttempt if record.is_released => 0,
            Flaw::LapseForgetsTheAttempt if !record.is_released => 0,
            Flaw::LapseKeepsTheAttempt if !record.is_released => record.attempt - 1,
            Flaw::AttemptIsAByte => record.attempt % 256,
            _ => record.attempt,
        });
        let end = now + claim.lease;
        let gone = match self.flaw {
            Flaw::LapsedIsKeptFromItsClaim => end.max(now + claim.retention),
            _ => end + claim.retention,
        };
        let record = Record {
            attempt: before + 1,
            token: Some(claim.token),
            end,
            retention: claim.retention,
            gone,
            done: None,
            is_released: false,
        };
        records.insert(self.key(claim.key), record);
        ClaimReply::Claimed {
            attempt: before + 1,
        }
    }

    /// Done as it comes back.
    fn spoilt(&self, mut done: Done) -> Done {
        match self.flaw {
            Flaw::AnswerIsForgotten => done.answer = None,
            Flaw::AnswerIsText => {
                done.answer = done.answer.and_then(|answer| {
                    let body = String::from_utf8_lossy(answer.body()).into_owned();
                    let kind = answer.media_type().map(str::to_owned);
                    RecordedAnswer::new(kind, body.into_bytes()).map(Arc::new)
                });
            }
            Flaw::AnswerIsCutShort => {
                done.answer = done.answer.and_then(|answer| {
                    let body = answer.body().iter().copied().take(8_192).collect();
                    let kind = answer.media_type().map(str::to_owned);
                    RecordedAnswer::new(kind, body).map(Arc::new)
                });
            }
            Flaw::EmptyAnswerIsNone => done.answer = done.answer.filter(|a| !a.body().is_empty()),
            Flaw::MediaTypeIsForgotten => {
                done.answer = done.answer.and_then(|answer| {
                    RecordedAnswer::new(None, answer.body().to_vec()).map(Arc::new)
                });
            }
            Flaw::FailedIsForgotten => done.failed = false,
            Flaw::StatusIsSuccess => done.status = 200,
            Flaw::NoSignatureIsZero => {
                done.signature = done.signature.or(Some(Fingerprint::from_u64(0)));
            }
            Flaw::FingerprintIsAFloat => {
                let rounded = done.content.as_u64() as f64 as u64;
                done.content = Fingerprint::from_u64(rounded);
            }
            _ => {}
        }
        done
    }

    fn settle_now(&self, settle: Settle) -> SettleReply {
        let now = self.clock.monotonic();
        let mut records = self.lock();
        let Some(mut record) = self.live(&records, settle.key) else {
            return SettleReply::Lost;
        };
        if self.has(Flaw::SettlesInTwoSteps) {
            records = self.let_others_in(records);
        }
        let is_same = self.has(Flaw::SettleComparesNoToken)
            || record
                .token
                .is_some_and(|token| self.same(token, settle.token));
        let is_running = self.is_running(&record)
            || (self.has(Flaw::SettlesAfterLapse) && record.is_in_flight());
        let reply = match (is_same, is_running) {
            (true, true) => SettleReply::Settled,
            (true, false) if record.done.is_some() => match self.flaw {
                Flaw::SecondSettleIsLost => SettleReply::Lost,
                _ => SettleReply::AlreadySettled,
            },
            (true, false) if record.is_released => SettleReply::AlreadyReleased,
            _ => SettleReply::Lost,
        };
        let writes = match reply {
            SettleReply::Settled => true,
            SettleReply::AlreadySettled => self.has(Flaw::SecondSettleOverwrites),
            SettleReply::AlreadyReleased => self.has(Flaw::SettlesWhatItReleased),
            SettleReply::Lost => self.has(Flaw::LostSettleRecords),
        };
        if writes {
            record.done = Some(settle.done);
            record.is_released = false;
            record.gone = match self.flaw {
                Flaw::DoneIsKeptFromTheLease => record.end + settle.retention,
                _ => now + settle.retention,
            };
            if self.has(Flaw::SettleForgetsTheAttempt) {
                record.attempt = 1;
            }
            records.insert(self.key(settle.key), record);
        }
        reply
    }

    fn release_now(&self, release: &Release) -> ReleaseReply {
        let now = self.clock.monotonic();
        let mut records = self.lock();
        let Some(mut record) = self.live(&records, release.key) else {
            return ReleaseReply::Lost;
        };
        if self.has(Flaw::ReleasesInTwoSteps) {
            records = self.let_others_in(records);
        }
        let is_same = self.has(Flaw::ReleaseComparesNoToken)
            || record
                .token
                .is_some_and(|token| self.same(token, release.token));
        let is_running = self.is_running(&record)
            || (self.has(Flaw::ReleasesAfterLapse) && record.is_in_flight());
        let reply = match (is_same, is_running) {
            (true, true) => ReleaseReply::Released,
            (true, false) if record.done.is_some() => match self.flaw {
                Flaw::ReleasesWhatIsDone => ReleaseReply::Released,
                _ => ReleaseReply::AlreadySettled,
            },
            (true, false) if record.is_released => match self.flaw {
                Flaw::SecondReleaseIsLost => ReleaseReply::Lost,
                _ => ReleaseReply::AlreadyReleased,
            },
            _ => ReleaseReply::Lost,
        };
        if self.has(Flaw::AskingProlongsWhatIsFree) && reply == ReleaseReply::AlreadyReleased {
            record.gone = now + release.retention;
            records.insert(self.key(release.key), record);
        } else if reply == ReleaseReply::Released {
            if self.has(Flaw::ReleaseDeletes) {
                records.remove(&self.key(release.key));
                return reply;
            }
            record.done = None;
            record.is_released = true;
            record.gone = now + release.retention;
            records.insert(self.key(release.key), record);
        }
        reply
    }

    fn extend_now(&self, extend: &Extend) -> ExtendReply {
        let now = self.clock.monotonic();
        let mut records = self.lock();
        let Some(mut record) = self.live(&records, extend.key) else {
            return ExtendReply::Lost;
        };
        if self.has(Flaw::ExtendsInTwoSteps) {
            records = self.let_others_in(records);
        }
        let is_same = self.has(Flaw::ExtendComparesNoToken)
            || record
                .token
                .is_some_and(|token| self.same(token, extend.token));
        let is_running = self.is_running(&record)
            || (self.has(Flaw::ExtendsAfterLapse) && record.is_in_flight());
        if !(is_same && is_running) {
            return ExtendReply::Lost;
        }
        record.end = match self.flaw {
            Flaw::ExtendShortens => now + extend.lease,
            Flaw::ExtendAdds => record.end + extend.lease,
            Flaw::ExtendDoesNothing => record.end,
            _ => record.end.max(now + extend.lease),
        };
        if !self.has(Flaw::ExtendKeepsTheOldRetention) {
            record.gone = record.end + record.retention;
        }
        records.insert(self.key(extend.key), record);
        ExtendReply::Extended
    }

    fn forget_now(&self, key: IdempotencyKey) -> ForgetReply {
        let now = self.clock.monotonic();
        let mut records = self.lock();
        let Some(mut record) = self.live(&records, key) else {
            return ForgetReply::Unknown;
        };
        if self.has(Flaw::ForgetsInTwoSteps) {
            records = self.let_others_in(records);
        }
        if self.is_running(&record) {
            let remaining = self.remaining(&record);
            if self.has(Flaw::ForgetsInFlight) {
                records.remove(&self.key(key));
                return ForgetReply::Forgotten;
            }
            return ForgetReply::InFlight { remaining };
        }
        if record.done.is_none() {
            if self.has(Flaw::ForgetsWhatIsNotDone) {
                records.remove(&self.key(key));
            }
            return ForgetReply::Unknown;
        }
        if self.has(Flaw::ForgetForgetsTheAttempt) {
            records.remove(&self.key(key));
            return ForgetReply::Forgotten;
        }
        record.done = None;
        record.is_released = true;
        if !self.has(Flaw::ForgetKeepsTheToken) {
            record.token = None;
        }
        if self.has(Flaw::ForgetShortensTheRetention) {
            record.gone = now + TICK;
        }
        records.insert(self.key(key), record);
        ForgetReply::Forgotten
    }

    /// Flaws that need a place at which a call can be dropped.
    async fn interrupted(&self, key: IdempotencyKey) -> Result<(), Unavailable> {
        match self.flaw {
            Flaw::DroppedCallKeepsALock => {
                if self.is_locked.swap(true, Ordering::SeqCst) {
                    return Err(Unavailable::new("a lock was left behind"));
                }
                pending_once().await;
                self.is_locked.store(false, Ordering::SeqCst);
            }
            Flaw::DroppedCallTakesTheRecordAway => {
                let taken = self.lock().remove(&self.key(key));
                pending_once().await;
                if let Some(record) = taken {
                    self.lock().insert(self.key(key), record);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What is found gone is removed, and its place not given back.
    fn found(&self, key: IdempotencyKey) {
        let mut records = self.lock();
        let is_gone = |record: &Record| self.is_gone(record);
        let removes = self.has(Flaw::RemovalKeepsThePlace);
        if removes && records.get(&self.key(key)).is_some_and(is_gone) {
            records.remove(&self.key(key));
            self.reserved.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A place is taken first, and the claim made then.
    async fn reserved(&self) -> bool {
        if !self.has(Flaw::DroppedClaimKeepsItsPlace) {
            return true;
        }
        if self.lock().len() + self.reserved.fetch_add(1, Ordering::SeqCst) >= CAPACITY {
            self.reserved.fetch_sub(1, Ordering::SeqCst);
            return false;
        }
        pending_once().await;
        self.reserved.fetch_sub(1, Ordering::SeqCst);
        true
    }
}

async fn pending_once() {
    let mut is_second = false;
    poll_fn(|context| {
        if is_second {
            return Poll::Ready(());
        }
        is_second = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl DeliveryStore for BrokenStore {
    async fn claim(&self, claim: Claim) -> Result<ClaimReply, Unavailable> {
        self.interrupted(claim.key).await?;
        if !self.reserved().await {
            return Ok(ClaimReply::Full);
        }
        Ok(self.claim_now(&claim))
    }

    async fn settle(&self, settle: Settle) -> Result<SettleReply, Unavailable> {
        self.interrupted(settle.key).await?;
        self.found(settle.key);
        Ok(self.settle_now(settle))
    }

    async fn release(&self, release: Release) -> Result<ReleaseReply, Unavailable> {
        self.interrupted(release.key).await?;
        self.found(release.key);
        Ok(self.release_now(&release))
    }

    async fn extend(&self, extend: Extend) -> Result<ExtendReply, Unavailable> {
        self.interrupted(extend.key).await?;
        self.found(extend.key);
        Ok(self.extend_now(&extend))
    }

    async fn forget(&self, key: IdempotencyKey) -> Result<ForgetReply, Unavailable> {
        self.interrupted(key).await?;
        self.found(key);
        Ok(self.forget_now(key))
    }
}
