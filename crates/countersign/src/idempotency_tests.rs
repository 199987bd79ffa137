#![allow(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

use super::*;

#[test]
fn a_key_is_parsed_as_it_is_printed() {
    let key = IdempotencyKey::from_bytes([0xA5; 32]);
    assert_eq!(key.to_string(), "a5".repeat(32));
    assert_eq!(key.to_string().parse(), Ok(key));
    for text in [
        "",
        "a5",
        &"A5".repeat(32),
        &"a5".repeat(33),
        &"g5".repeat(32),
    ] {
        assert_eq!(text.parse::<IdempotencyKey>(), Err(NoKey), "{text}");
    }
}

/// Any moment of a store that has run for a while.
const NOW: Duration = Duration::from_secs(1_000);
const LEASE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(500);
const NANOSECOND: Duration = Duration::from_nanos(1);
const KEY: IdempotencyKey = IdempotencyKey::from_bytes([7; 32]);
const OURS: LeaseToken = LeaseToken::from_bytes([1; 16]);
const THEIRS: LeaseToken = LeaseToken::from_bytes([2; 16]);
const SOON: Duration = Duration::from_secs(1_010);
const BEFORE: Duration = Duration::from_secs(990);

fn done(status: u16) -> Done {
    Done::new(status, Some(Fingerprint(5)), Fingerprint(6))
}

/// The third lease of its key.
fn record(state: State) -> Record {
    Record { attempt: 3, state }
}

fn in_flight(token: LeaseToken, until: Duration) -> Record {
    record(State::InFlight {
        token,
        until,
        retention: RETENTION,
    })
}

fn free(token: Option<LeaseToken>, until: Duration) -> Record {
    record(State::Free { token, until })
}

fn done_by(token: LeaseToken, until: Duration) -> Record {
    record(State::Done {
        token,
        done: done(201),
        until,
    })
}

fn claimed(attempt: u32, now: Duration) -> (ClaimReply, Record) {
    let state = State::InFlight {
        token: OURS,
        until: now + LEASE,
        retention: RETENTION,
    };
    (ClaimReply::Claimed { attempt }, Record { attempt, state })
}

fn claim(mut record: Record, now: Duration) -> (ClaimReply, Record) {
    let claim = Claim {
        key: KEY,
        token: OURS,
        lease: LEASE,
        retention: RETENTION,
    };
    let reply = record.claim(&claim, now);
    (reply, record)
}

fn settle(mut record: Record, now: Duration) -> (SettleReply, Record) {
    let settle = Settle {
        key: KEY,
        token: OURS,
        done: done(200),
        retention: RETENTION,
    };
    let reply = record.settle(settle, now);
    (reply, record)
}

fn release(mut record: Record, now: Duration) -> (ReleaseReply, Record) {
    let release = Release {
        key: KEY,
        token: OURS,
        retention: RETENTION,
    };
    let reply = record.release(&release, now);
    (reply, record)
}

fn extend(mut record: Record, now: Duration) -> (ExtendReply, Record) {
    let extend = Extend {
        key: KEY,
        token: OURS,
        lease: LEASE,
    };
    let reply = record.extend(&extend, now);
    (reply, record)
}

fn forget(mut record: Record, now: Duration) -> (ForgetReply, Record) {
    let reply = record.forget(now);
    (reply, record)
}

#[test]
fn claims_are_answered_as_the_contract_says() {
    let busy = ClaimReply::Busy {
        remaining: SOON - NOW,
    };
    let duplicate = ClaimReply::Duplicate {
        done: done(201),
        attempt: 3,
    };
    let unchanged = |record: Record, reply| (record.clone(), (reply, record));
    let cells = [
        (Record::unknown(), claimed(1, NOW)),
        (in_flight(OURS, SOON), claimed(3, NOW)),
        unchanged(in_flight(THEIRS, SOON), busy),
        unchanged(in_flight(OURS, BEFORE), ClaimReply::Lost),
        (in_flight(THEIRS, BEFORE), claimed(4, NOW)),
        unchanged(free(Some(OURS), SOON), ClaimReply::Lost),
        (free(Some(THEIRS), SOON), claimed(4, NOW)),
        (free(None, SOON), claimed(4, NOW)),
        unchanged(done_by(OURS, SOON), duplicate.clone()),
        unchanged(done_by(THEIRS, SOON), duplicate),
    ];
    for (before, expected) in cells {
        assert_eq!(claim(before.clone(), NOW), expected, "{before:?}");
    }
}

#[test]
fn settles_are_answered_as_the_contract_says() {
    let settled = record(State::Done {
        token: OURS,
        done: done(200),
        until: NOW + RETENTION,
    });
    let unchanged = |record: Record, reply| (record.clone(), (reply, record));
    let cells = [
        unchanged(Record::unknown(), SettleReply::Lost),
        (in_flight(OURS, SOON), (SettleReply::Settled, settled)),
        unchanged(in_flight(THEIRS, SOON), SettleReply::Lost),
        unchanged(in_flight(OURS, BEFORE), SettleReply::Lost),
        unchanged(in_flight(THEIRS, BEFORE), SettleReply::Lost),
        unchanged(free(Some(OURS), SOON), SettleReply::AlreadyReleased),
        unchanged(free(Some(THEIRS), SOON), SettleReply::Lost),
        unchanged(free(None, SOON), SettleReply::Lost),
        unchanged(done_by(OURS, SOON), SettleReply::AlreadySettled),
        unchanged(done_by(THEIRS, SOON), SettleReply::Lost),
    ];
    for (before, expected) in cells {
        assert_eq!(settle(before.clone(), NOW), expected, "{before:?}");
    }
}

#[test]
fn releases_are_answered_as_the_contract_says() {
    let released = free(Some(OURS), NOW + RETENTION);
    let unchanged = |record: Record, reply| (record.clone(), (reply, record));
    let cells = [
        unchanged(Record::unknown(), ReleaseReply::Lost),
        (in_flight(OURS, SOON), (ReleaseReply::Released, released)),
        unchanged(in_flight(THEIRS, SOON), ReleaseReply::Lost),
        unchanged(in_flight(OURS, BEFORE), ReleaseReply::Lost),
        unchanged(in_flight(THEIRS, BEFORE), ReleaseReply::Lost),
        unchanged(free(Some(OURS), SOON), ReleaseReply::AlreadyReleased),
        unchanged(free(Some(THEIRS), SOON), ReleaseReply::Lost),
        unchanged(free(None, SOON), ReleaseReply::Lost),
        unchanged(done_by(OURS, SOON), ReleaseReply::AlreadySettled),
        unchanged(done_by(THEIRS, SOON), ReleaseReply::Lost),
    ];
    for (before, expected) in cells {
        assert_eq!(release(before.clone(), NOW), expected, "{before:?}");
    }
}

#[test]
fn extensions_are_answered_as_the_contract_says() {
    let extended = in_flight(OURS, NOW + LEASE);
    let unchanged = |record: Record, reply| (record.clone(), (reply, record));
    let cells = [
        unchanged(Record::unknown(), ExtendReply::Lost),
        (in_flight(OURS, SOON), (ExtendReply::Extended, extended)),
        unchanged(in_flight(THEIRS, SOON), ExtendReply::Lost),
        unchanged(in_flight(OURS, BEFORE), ExtendReply::Lost),
        unchanged(in_flight(THEIRS, BEFORE), ExtendReply::Lost),
        unchanged(free(Some(OURS), SOON), ExtendReply::Lost),
        unchanged(free(Some(THEIRS), SOON), ExtendReply::Lost),
        unchanged(free(None, SOON), ExtendReply::Lost),
        unchanged(done_by(OURS, SOON), ExtendReply::Lost),
        unchanged(done_by(THEIRS, SOON), ExtendReply::Lost),
    ];
    for (before, expected) in cells {
        assert_eq!(extend(before.clone(), NOW), expected, "{before:?}");
    }
}

#[test]
fn operators_words_are_answered_as_the_contract_says() {
    let remaining = SOON - NOW;
    let unchanged = |record: Record, reply| (record.clone(), (reply, record));
    let forgotten = (ForgetReply::Forgotten, free(None, SOON));
    let cells = [
        unchanged(Record::unknown(), ForgetReply::Unknown),
        unchanged(in_flight(OURS, SOON), ForgetReply::InFlight { remaining }),
        unchanged(in_flight(THEIRS, SOON), ForgetReply::InFlight { remaining }),
        unchanged(in_flight(OURS, BEFORE), ForgetReply::Unknown),
        unchanged(in_flight(THEIRS, BEFORE), ForgetReply::Unknown),
        unchanged(free(Some(OURS), SOON), ForgetReply::Unknown),
        unchanged(free(Some(THEIRS), SOON), ForgetReply::Unknown),
        unchanged(free(None, SOON), ForgetReply::Unknown),
        (done_by(OURS, SOON), forgotten.clone()),
        (done_by(THEIRS, SOON), forgotten),
    ];
    for (before, expected) in cells {
        assert_eq!(forget(before.clone(), NOW), expected, "{before:?}");
    }
}

/// At its end it has lapsed; a nanosecond before it has not.
#[test]
fn a_lease_ends_to_the_nanosecond() {
    let ours = in_flight(OURS, NOW);
    let theirs = in_flight(THEIRS, NOW);
    let last = NOW - NANOSECOND;

    let busy = ClaimReply::Busy {
        remaining: NANOSECOND,
    };
    assert_eq!(claim(theirs.clone(), last), (busy, theirs.clone()));
    assert_eq!(claim(theirs, NOW), claimed(4, NOW));
    assert_eq!(claim(ours.clone(), last), claimed(3, last));
    assert_eq!(claim(ours.clone(), NOW).0, ClaimReply::Lost);
    assert_eq!(settle(ours.clone(), last).0, SettleReply::Settled);
    assert_eq!(settle(ours.clone(), NOW).0, SettleReply::Lost);
    assert_eq!(release(ours.clone(), last).0, ReleaseReply::Released);
    assert_eq!(release(ours.clone(), NOW).0, ReleaseReply::Lost);
    assert_eq!(extend(ours.clone(), last).0, ExtendReply::Extended);
    assert_eq!(extend(ours.clone(), NOW).0, ExtendReply::Lost);
    let in_flight = ForgetReply::InFlight {
        remaining: NANOSECOND,
    };
    assert_eq!(forget(ours.clone(), last).0, in_flight);
    assert_eq!(forget(ours, NOW).0, ForgetReply::Unknown);
}

/// Then it is as if the key had never been: the attempt numbers begin again, and every token is a stranger's.
#[test]
fn a_record_is_gone_when_its_retention_is_over() {
    let kinds = [
        in_flight(OURS, NOW - RETENTION),
        free(Some(OURS), NOW),
        done_by(OURS, NOW),
    ];
    for kept in kinds {
        assert_eq!(kept.expires(), NOW);
        assert!(!kept.is_expired(NOW - NANOSECOND));
        assert!(kept.is_expired(NOW));
        let gone = Record::unknown();
        assert_eq!(claim(kept.clone(), NOW), claimed(1, NOW));
        assert_eq!(settle(kept.clone(), NOW), (SettleReply::Lost, gone.clone()));
        assert_eq!(
            release(kept.clone(), NOW),
            (ReleaseReply::Lost, gone.clone())
        );
        assert_eq!(extend(kept.clone(), NOW), (ExtendReply::Lost, gone.clone()));
        assert_eq!(forget(kept, NOW), (ForgetReply::Unknown, gone));
    }
    assert!(Record::unknown().is_expired(Duration::ZERO));
}

#[test]
fn a_record_is_kept_until_its_retention_is_over() {
    let last = NOW - NANOSECOND;
    let lapsed = in_flight(THEIRS, NOW - RETENTION);
    assert_eq!(claim(lapsed, last), claimed(4, last));
    assert_eq!(claim(free(Some(THEIRS), NOW), last), claimed(4, last));
    assert_eq!(claim(free(None, NOW), last), claimed(4, last));
    let duplicate = ClaimReply::Duplicate {
        done: done(201),
        attempt: 3,
    };
    assert_eq!(claim(done_by(THEIRS, NOW), last).0, duplicate);
    let settled = settle(done_by(OURS, NOW), last).0;
    assert_eq!(settled, SettleReply::AlreadySettled);
    let released = release(free(Some(OURS), NOW), last).0;
    assert_eq!(released, ReleaseReply::AlreadyReleased);
}

#[test]
fn no_lease_is_shortened() {
    let long = in_flight(OURS, NOW + LEASE + NANOSECOND);
    let again = ClaimReply::Claimed { attempt: 3 };
    assert_eq!(claim(long.clone(), NOW), (again, long.clone()));
    assert_eq!(extend(long.clone(), NOW), (ExtendReply::Extended, long));
}

/// A claim that is repeated keeps what it has asked for first.
#[test]
fn a_repeated_claim_keeps_its_retention() {
    let mut record = in_flight(OURS, SOON);
    let claim = Claim {
        key: KEY,
        token: OURS,
        lease: LEASE,
        retention: RETENTION * 2,
    };
    let again = ClaimReply::Claimed { attempt: 3 };
    assert_eq!(record.claim(&claim, NOW), again);
    assert_eq!(record, in_flight(OURS, NOW + LEASE));
}

#[test]
fn forgotten_work_is_claimed_under_the_next_number_also_by_the_token_that_did_it() {
    let (_, forgotten) = forget(done_by(OURS, SOON), NOW);
    assert_eq!(claim(forgotten.clone(), NOW), claimed(4, NOW));
    assert_eq!(settle(forgotten, NOW).0, SettleReply::Lost);
}

#[test]
fn attempt_numbers_end_at_their_greatest() {
    let mut last = in_flight(THEIRS, BEFORE);
    last.attempt = u32::MAX - 1;
    assert_eq!(claim(last.clone(), NOW), claimed(u32::MAX, NOW));
    last.attempt = u32::MAX;
    assert_eq!(claim(last, NOW), claimed(u32::MAX, NOW));
}

#[test]
fn time_that_is_too_long_ends_at_the_longest() {
    let longest = Claim {
        key: KEY,
        token: OURS,
        lease: Duration::MAX,
        retention: Duration::MAX,
    };
    let mut record = Record::unknown();
    let first = ClaimReply::Claimed { attempt: 1 };
    assert_eq!(record.claim(&longest, NOW), first);
    let state = State::InFlight {
        token: OURS,
        until: Duration::MAX,
        retention: Duration::MAX,
    };
    assert_eq!(record, Record { attempt: 1, state });
    assert_eq!(record.expires(), Duration::MAX);
    assert!(!record.is_expired(Duration::MAX - NANOSECOND));
    assert!(record.is_expired(Duration::MAX));

    let extend = Extend {
        key: KEY,
        token: OURS,
        lease: Duration::MAX,
    };
    let mut extended = in_flight(OURS, SOON);
    assert_eq!(extended.extend(&extend, NOW), ExtendReply::Extended);
    assert_eq!(extended, in_flight(OURS, Duration::MAX));

    let release = Release {
        key: KEY,
        token: OURS,
        retention: Duration::MAX,
    };
    let mut released = in_flight(OURS, SOON);
    assert_eq!(released.release(&release, NOW), ReleaseReply::Released);
    assert_eq!(released, free(Some(OURS), Duration::MAX));

    let settle = Settle {
        key: KEY,
        token: OURS,
        done: done(201),
        retention: Duration::MAX,
    };
    let mut settled = in_flight(OURS, SOON);
    assert_eq!(settled.settle(settle, NOW), SettleReply::Settled);
    assert_eq!(settled, done_by(OURS, Duration::MAX));
}

/// Receivers never ask for it; it harms nobody.
#[test]
fn a_lease_of_no_length_has_lapsed_at_once() {
    let claim_nothing = Claim {
        key: KEY,
        token: THEIRS,
        lease: Duration::ZERO,
        retention: RETENTION,
    };
    let mut record = Record::unknown();
    let first = ClaimReply::Claimed { attempt: 1 };
    assert_eq!(record.claim(&claim_nothing, NOW), first);
    assert_eq!(claim(record, NOW), claimed(2, NOW));
}
