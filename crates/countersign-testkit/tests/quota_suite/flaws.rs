//! The proof that the suite bites: each flaw, and a case that must find it.

use std::collections::BTreeSet;

use countersign_testkit::ManualClock;
use countersign_testkit::quota_suite::{conforms, conforms_where};

use crate::broken::Broken;

/// What can be wrong with a store. Its name says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    NoLimit,
    OneMore,
    OneLess,
    BurstIsOne,
    BurstIsSixteenBits,
    IntervalIsThirtyTwoBits,
    BeginsEmpty,
    WindowsBeginAnew,
    LosesWhatIsThereOfTheNext,
    ComesBackATickEarly,
    ComesBackATickLate,
    SavesUp,
    RefusalSpends,
    RefusalBeginsAnew,
    WaitIsInSeconds,
    WaitIsAnInterval,
    WaitIsTheMoment,
    WaitIsTheRecovery,
    WaitIsNothing,
    KeyLosesItsLastByte,
    KeyIgnoresCase,
    KeyIsLossyText,
    KeyIsTrimmed,
    KeyEndsAtZero,
    OneForAll,
    OneForEachQuota,
    FirstQuotaStays,
    ChangeIsARefill,
    CountsUnits,
    WrapsAfterFiftyDays,
    ForgetsATickEarly,
    ForgetsAfterAnHour,
    LivesForWholeSeconds,
    NeverForgets,
    EvictsWhenFull,
    FullLetsAllGo,
    FullForgetsAll,
    FullForKnownKeys,
    FullSaysWaitForNothing,
    FullGrows,
    SpendsInTwoSteps,
    DroppedCallKeepsALock,
    DroppedCallTakesTheRecordAway,
    DroppedCallSpendsTwice,
    Panics,
    Fails,
}

const FLAWS: &[(Flaw, &str)] = &[
    (Flaw::NoLimit, "burst/one at once"),
    (Flaw::OneMore, "burst/two at once"),
    (Flaw::OneLess, "burst/two at once"),
    (Flaw::BurstIsOne, "burst/seven at once"),
    (Flaw::BurstIsSixteenBits, "long/the largest burst"),
    (Flaw::IntervalIsThirtyTwoBits, "long/one in thirty days"),
    (Flaw::BeginsEmpty, "burst/one at once"),
    (
        Flaw::WindowsBeginAnew,
        "interval/one comes back after each, not before",
    ),
    (
        Flaw::LosesWhatIsThereOfTheNext,
        "interval/what is there of the next one is not lost",
    ),
    (
        Flaw::ComesBackATickEarly,
        "interval/one comes back after each, not before",
    ),
    (
        Flaw::ComesBackATickLate,
        "interval/one comes back after each, not before",
    ),
    (
        Flaw::SavesUp,
        "rest/nothing is saved up before the first one",
    ),
    (Flaw::RefusalSpends, "wait/to ask again costs nothing"),
    (Flaw::RefusalBeginsAnew, "wait/to ask again costs nothing"),
    (Flaw::WaitIsInSeconds, "wait/it is exact at every moment"),
    (Flaw::WaitIsAnInterval, "wait/it is exact at every moment"),
    (Flaw::WaitIsTheMoment, "wait/it is exact at every moment"),
    (Flaw::WaitIsTheRecovery, "wait/it is exact at every moment"),
    (Flaw::WaitIsNothing, "wait/it is exact at every moment"),
    (Flaw::KeyLosesItsLastByte, "key/one bit tells them apart"),
    (Flaw::KeyIgnoresCase, "key/one bit tells them apart"),
    (Flaw::KeyIsLossyText, "key/one bit tells them apart"),
    (Flaw::KeyIsTrimmed, "key/bytes may have any value"),
    (Flaw::KeyEndsAtZero, "key/one bit tells them apart"),
    (Flaw::OneForAll, "key/each has its own"),
    (Flaw::OneForEachQuota, "quota/to change it is no refill"),
    (
        Flaw::FirstQuotaStays,
        "quota/a larger burst finds what was spent",
    ),
    (Flaw::ChangeIsARefill, "quota/to change it is no refill"),
    (
        Flaw::CountsUnits,
        "quota/another interval finds the same moment",
    ),
    (Flaw::WrapsAfterFiftyDays, "long/years pass"),
    (
        Flaw::ForgetsATickEarly,
        "rest/all but a little of a burst comes back",
    ),
    (Flaw::ForgetsAfterAnHour, "long/one in thirty days"),
    (Flaw::LivesForWholeSeconds, "interval/of one unit of time"),
    (Flaw::NeverForgets, "room/what has recovered is room"),
    (
        Flaw::EvictsWhenFull,
        "room/nothing is forgotten before it has recovered",
    ),
    (
        Flaw::FullLetsAllGo,
        "room/strangers have no more than their quota",
    ),
    (
        Flaw::FullForgetsAll,
        "room/known keys do not notice strangers",
    ),
    (
        Flaw::FullForKnownKeys,
        "room/known keys do not notice strangers",
    ),
    (
        Flaw::FullSaysWaitForNothing,
        "room/strangers who wait as they are told go",
    ),
    (Flaw::SpendsInTwoSteps, "race/one is had by one"),
    (Flaw::SpendsInTwoSteps, "race/a burst is had once"),
    (Flaw::EvictsWhenFull, "race/a full store forgets nobody"),
    (
        Flaw::DroppedCallKeepsALock,
        "cancelled/other keys do not notice",
    ),
    (
        Flaw::DroppedCallTakesTheRecordAway,
        "cancelled/a spend has had its effect or none",
    ),
    (
        Flaw::DroppedCallSpendsTwice,
        "cancelled/a spend has had its effect or none",
    ),
    (Flaw::Panics, "burst/one at once"),
    (Flaw::Fails, "burst/one at once"),
    (Flaw::RefusalSpends, "history/as the contract says"),
    (Flaw::CountsUnits, "history/with a quota that changes"),
];

fn broken(flaw: Flaw) -> Broken {
    Broken {
        flaw,
        clock: ManualClock::at_secs(1_700_000_000),
    }
}

#[test]
fn a_store_without_a_flaw_passes() {
    let report = conforms(&broken(Flaw::None));
    report.assert();
    // To grow is allowed: nothing says that a capacity is a limit.
    conforms(&broken(Flaw::FullGrows)).assert();
}

#[test]
fn each_flaw_is_found_by_its_case() {
    for (flaw, case) in FLAWS {
        let report = conforms_where(&broken(*flaw), |name| name == *case);
        let failed: Vec<&str> = report.failed().map(|case| &*case.name).collect();
        assert_eq!(failed, [*case], "{flaw:?}");
    }
}

#[test]
fn what_a_case_says_is_what_was_different() {
    let said = |flaw, case: &str| {
        let report = conforms_where(&broken(flaw), |name| name == case);
        report.cases()[0].difference.clone().unwrap()
    };
    let words = said(Flaw::OneMore, "burst/two at once");
    let first = words.lines().next().unwrap();
    assert_eq!(first, "key 0 gets Go, and not Wait(1s)");
    assert_eq!(words.lines().count(), 5, "{words}");
    assert!(words.ends_with(" gives Go"), "{words}");
    let words = said(Flaw::Panics, "burst/two at once");
    assert_eq!(words, "the store panicked: as the test says");
    let words = said(Flaw::Fails, "burst/two at once");
    let first = words.lines().next().unwrap();
    assert_eq!(
        first,
        "a spend fails: the store is unavailable: as the test says"
    );
    let words = said(Flaw::RefusalSpends, "history/as the contract says");
    assert!(words.starts_with("history "), "{words}");
}

/// Whatever the suite tries, some flaw shows that it is tried.
#[test]
fn every_kind_of_case_has_found_something() {
    let kinds = |names: &mut dyn Iterator<Item = &str>| {
        let kind = |name: &str| name.split('/').next().unwrap().to_owned();
        names.map(kind).collect::<BTreeSet<String>>()
    };
    let report = conforms(&broken(Flaw::None));
    let tried = kinds(&mut report.cases().iter().map(|case| &*case.name));
    let found = kinds(&mut FLAWS.iter().map(|(_, case)| *case));
    assert_eq!(tried, found);
}
