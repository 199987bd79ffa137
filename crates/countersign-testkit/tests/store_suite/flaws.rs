//! The proof that the suite bites: each flaw, and a case that must find it.

use std::collections::BTreeSet;

use countersign_testkit::ManualClock;
use countersign_testkit::store_suite::{conforms, conforms_where};

use crate::broken::Broken;

/// What can be wrong with a store. Its name says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    EvictsWhenFull,
    EvictsDoneWhenFull,
    GrowsWithoutEnd,
    FullForKnownKeys,
    ExpiredIsNoRoom,
    FreeIsRoom,
    RemovalKeepsThePlace,
    UnfinishedRunGoesWithItsLease,
    LapseForgetsTheAttempt,
    LapseKeepsTheAttempt,
    ReleaseForgetsTheAttempt,
    ReleaseDeletes,
    SettleForgetsTheAttempt,
    ForgetForgetsTheAttempt,
    AttemptIsAByte,
    SecondClaimIsAnAttempt,
    DuplicateTellsTheNextAttempt,
    SettleComparesNoToken,
    ReleaseComparesNoToken,
    ExtendComparesNoToken,
    TokenComparedByHalf,
    KeyLosesItsLastByte,
    KeyIgnoresCase,
    LapsesATickLate,
    LapsesATickEarly,
    NeverLapses,
    RemainingInSeconds,
    RemainingIsTheEnd,
    SameTokenIsBusy,
    ClaimShortens,
    SecondClaimChangesNothing,
    ExtendShortens,
    ExtendAdds,
    ExtendDoesNothing,
    BusyTakesTheToken,
    BusyProlongs,
    ReleasedTokenClaimsAgain,
    LapsedTokenClaimsAgain,
    SettlesAfterLapse,
    ReleasesAfterLapse,
    ExtendsAfterLapse,
    SecondSettleIsLost,
    SecondSettleOverwrites,
    SecondReleaseIsLost,
    SettlesWhatItReleased,
    ReleasesWhatIsDone,
    LostSettleRecords,
    DuplicateForgets,
    AskingProlongsWhatIsDone,
    AskingProlongsWhatIsFree,
    DoneGoesATickLate,
    DoneGoesATickEarly,
    DoneIsForever,
    DoneIsKeptFromTheLease,
    FreeIsForever,
    LapsedIsForever,
    LapsedIsKeptFromItsClaim,
    ExtendKeepsTheOldRetention,
    ForgetShortensTheRetention,
    ForgetKeepsTheToken,
    ForgetsInFlight,
    ForgetsWhatIsNotDone,
    AnswerIsForgotten,
    AnswerIsText,
    AnswerIsCutShort,
    EmptyAnswerIsNone,
    MediaTypeIsForgotten,
    FailedIsForgotten,
    StatusIsSuccess,
    NoSignatureIsZero,
    FingerprintIsAFloat,
    ClaimsInTwoSteps,
    LooksForRoomInAStepOfItsOwn,
    SettlesInTwoSteps,
    ReleasesInTwoSteps,
    ExtendsInTwoSteps,
    ForgetsInTwoSteps,
    DroppedCallKeepsALock,
    DroppedCallTakesTheRecordAway,
    DroppedClaimKeepsItsPlace,
}

const FLAWS: &[(Flaw, &str)] = &[
    (Flaw::EvictsWhenFull, "room/nothing that lives is forgotten"),
    (
        Flaw::EvictsDoneWhenFull,
        "room/nothing that lives is forgotten",
    ),
    (
        Flaw::GrowsWithoutEnd,
        "room/new keys are refused, again and again",
    ),
    (Flaw::FullForKnownKeys, "room/all goes on for known keys"),
    (
        Flaw::ExpiredIsNoRoom,
        "room/what is gone is room, one for one",
    ),
    (
        Flaw::RemovalKeepsThePlace,
        "room/what another call finds gone is room too",
    ),
    (Flaw::FreeIsRoom, "room/a release or a lapse is no room"),
    (
        Flaw::UnfinishedRunGoesWithItsLease,
        "table/lapsed, other token: claim",
    ),
    (
        Flaw::LapseForgetsTheAttempt,
        "attempt/grows with each lapse",
    ),
    (Flaw::LapseKeepsTheAttempt, "attempt/grows with each lapse"),
    (
        Flaw::ReleaseForgetsTheAttempt,
        "attempt/grows with each release",
    ),
    (Flaw::ReleaseDeletes, "lost reply/release"),
    (
        Flaw::SettleForgetsTheAttempt,
        "attempt/goes through release, lapse and settle",
    ),
    (Flaw::ForgetForgetsTheAttempt, "attempt/outlives forgetting"),
    (Flaw::AttemptIsAByte, "attempt/grows with each release"),
    (
        Flaw::SecondClaimIsAnAttempt,
        "attempt/is one lease's, however often it is claimed or extended",
    ),
    (
        Flaw::DuplicateTellsTheNextAttempt,
        "table/done, other token: claim",
    ),
    (
        Flaw::SettleComparesNoToken,
        "table/in flight, other token: settle",
    ),
    (
        Flaw::ReleaseComparesNoToken,
        "table/in flight, other token: release",
    ),
    (
        Flaw::ExtendComparesNoToken,
        "table/in flight, other token: extend",
    ),
    (Flaw::TokenComparedByHalf, "key/one bit makes another token"),
    (Flaw::KeyLosesItsLastByte, "key/one bit makes another key"),
    (
        Flaw::KeyIgnoresCase,
        "key/one bit makes another key to claim",
    ),
    (
        Flaw::LapsesATickLate,
        "lease/ends at its moment, and not before",
    ),
    (
        Flaw::LapsesATickEarly,
        "lease/the last moment is good for everything",
    ),
    (Flaw::NeverLapses, "table/lapsed, other token: claim"),
    (
        Flaw::RemainingInSeconds,
        "lease/what remains is told exactly",
    ),
    (
        Flaw::RemainingIsTheEnd,
        "lease/what remains is told exactly",
    ),
    (Flaw::SameTokenIsBusy, "lost reply/claim"),
    (Flaw::ClaimShortens, "lease/a claim does not shorten it"),
    (
        Flaw::SecondClaimChangesNothing,
        "lease/a claim by its holder prolongs it from now",
    ),
    (
        Flaw::ExtendShortens,
        "lease/an extension does not shorten it",
    ),
    (Flaw::ExtendAdds, "lease/an extension counts from now"),
    (
        Flaw::ExtendDoesNothing,
        "table/in flight, same token: extend",
    ),
    (
        Flaw::BusyTakesTheToken,
        "table/in flight, other token: claim",
    ),
    (
        Flaw::BusyProlongs,
        "lease/who asks for somebody else's does not touch it",
    ),
    (
        Flaw::ReleasedTokenClaimsAgain,
        "table/released by the same token: claim",
    ),
    (
        Flaw::LapsedTokenClaimsAgain,
        "table/lapsed, same token: claim",
    ),
    (Flaw::SettlesAfterLapse, "lease/a late run changes nothing"),
    (Flaw::ReleasesAfterLapse, "lease/a late run changes nothing"),
    (Flaw::ExtendsAfterLapse, "lease/a late run changes nothing"),
    (Flaw::SecondSettleIsLost, "lost reply/settle"),
    (Flaw::SecondSettleOverwrites, "lost reply/settle"),
    (Flaw::SecondReleaseIsLost, "lost reply/release"),
    (
        Flaw::SettlesWhatItReleased,
        "lost reply/release after settle, settle after release",
    ),
    (
        Flaw::ReleasesWhatIsDone,
        "lost reply/release after settle, settle after release",
    ),
    (
        Flaw::LostSettleRecords,
        "table/in flight, other token: settle",
    ),
    (Flaw::DuplicateForgets, "table/done, other token: claim"),
    (
        Flaw::AskingProlongsWhatIsDone,
        "retention/is not prolonged by being asked",
    ),
    (
        Flaw::AskingProlongsWhatIsFree,
        "retention/of a released key is not prolonged by being asked",
    ),
    (
        Flaw::DoneGoesATickLate,
        "retention/what is done is known for so long",
    ),
    (
        Flaw::DoneGoesATickEarly,
        "retention/what is done is known for so long",
    ),
    (
        Flaw::DoneIsForever,
        "retention/what is done is known for so long",
    ),
    (
        Flaw::DoneIsKeptFromTheLease,
        "retention/begins when it is done, whatever the lease had left",
    ),
    (
        Flaw::FreeIsForever,
        "retention/a released key's number is kept for so long",
    ),
    (
        Flaw::LapsedIsForever,
        "retention/a lapsed lease's number is kept for so long",
    ),
    (
        Flaw::LapsedIsKeptFromItsClaim,
        "retention/a lapsed key goes on until its last moment",
    ),
    (
        Flaw::ExtendKeepsTheOldRetention,
        "retention/begins when an extended lease has lapsed",
    ),
    (
        Flaw::ForgetShortensTheRetention,
        "retention/of what is forgotten is what is left of it",
    ),
    (
        Flaw::ForgetKeepsTheToken,
        "table/forgotten, the token that settled: claim",
    ),
    (
        Flaw::ForgetsInFlight,
        "table/in flight, other token: forget",
    ),
    (
        Flaw::ForgetsWhatIsNotDone,
        "table/released by the same token: forget",
    ),
    (Flaw::AnswerIsForgotten, "answer/body"),
    (Flaw::AnswerIsText, "answer/body"),
    (Flaw::AnswerIsCutShort, "answer/body"),
    (
        Flaw::EmptyAnswerIsNone,
        "answer/with an empty body is not none",
    ),
    (Flaw::MediaTypeIsForgotten, "answer/media type"),
    (Flaw::FailedIsForgotten, "answer/failed"),
    (Flaw::StatusIsSuccess, "answer/status"),
    (Flaw::NoSignatureIsZero, "answer/fingerprints"),
    (Flaw::FingerprintIsAFloat, "answer/fingerprints"),
    (Flaw::ClaimsInTwoSteps, "race/one key has one holder"),
    (Flaw::ClaimsInTwoSteps, "race/a lapsed lease has one heir"),
    (Flaw::LooksForRoomInAStepOfItsOwn, "race/the last places"),
    (Flaw::ClaimsInTwoSteps, "race/many keys, many threads"),
    (Flaw::SettlesInTwoSteps, "race/it is settled once"),
    (Flaw::SettlesInTwoSteps, "race/settle beside release"),
    (Flaw::ReleasesInTwoSteps, "race/it is released once"),
    (
        Flaw::ExtendsInTwoSteps,
        "race/settle beside extend and claim",
    ),
    (
        Flaw::ExtendsInTwoSteps,
        "race/release beside extend and claim",
    ),
    (Flaw::ForgetsInTwoSteps, "race/claims beside forget"),
    (Flaw::SettleComparesNoToken, "race/only the holder settles"),
    (Flaw::SecondClaimIsAnAttempt, "race/one token has one lease"),
    (Flaw::DroppedCallKeepsALock, "cancelled/claim"),
    (Flaw::DroppedCallTakesTheRecordAway, "cancelled/settle"),
    (Flaw::DroppedCallTakesTheRecordAway, "cancelled/release"),
    (Flaw::DroppedCallTakesTheRecordAway, "cancelled/extend"),
    (Flaw::DroppedCallTakesTheRecordAway, "cancelled/forget"),
    (
        Flaw::DroppedCallKeepsALock,
        "cancelled/claim, and somebody else claims",
    ),
    (
        Flaw::DroppedClaimKeepsItsPlace,
        "cancelled/claims of a full store",
    ),
];

fn with(flaw: Flaw) -> Broken {
    Broken {
        flaw,
        clock: ManualClock::at_secs(1_700_000_000),
    }
}

#[test]
fn without_a_flaw_it_conforms() {
    conforms(&with(Flaw::None)).assert();
}

#[test]
fn each_flaw_is_found_by_its_case() {
    let found = |(flaw, case): &(Flaw, &str)| {
        let report = conforms_where(&with(*flaw), |name| name == *case);
        assert_eq!(report.cases().len(), 1, "there is no case {case:?}");
        report.failed().count() == 1
    };
    let missed: Vec<_> = FLAWS.iter().filter(|flaw| !found(flaw)).collect();
    assert_eq!(missed, Vec::<&(Flaw, &str)>::new());
}

/// By chance alone. What is left needs a full store, a long history, threads, dropped futures, or one bit.
#[test]
fn histories_find_all_that_chance_can_reach() {
    let out_of_reach = |case: &str| {
        let kinds = ["room/", "race/", "cancelled/", "key/"];
        kinds.iter().any(|kind| case.starts_with(kind))
    };
    let missed = |(flaw, _): &&(Flaw, &str)| {
        let report = conforms_where(&with(*flaw), |name| name.starts_with("history/"));
        report.failed().count() == 0
    };
    let within = FLAWS.iter().filter(|(_, case)| !out_of_reach(case));
    let missed: Vec<Flaw> = within.filter(missed).map(|(flaw, _)| *flaw).collect();
    assert_eq!(missed, [Flaw::AttemptIsAByte, Flaw::AnswerIsCutShort]);
}

/// A case that no flaw fails proves nothing.
#[test]
fn no_case_is_idle() {
    let is_quick = |name: &str| !name.starts_with("history/") && !name.starts_with("race/");
    let report = conforms_where(&with(Flaw::None), is_quick);
    let mut idle: BTreeSet<String> = report
        .cases()
        .iter()
        .map(|case| case.name.clone())
        .collect();
    for (flaw, _) in FLAWS {
        let report = conforms_where(&with(*flaw), |name| idle.contains(name));
        for case in report.failed() {
            idle.remove(&case.name);
        }
    }
    let named = FLAWS.iter().map(|(_, case)| *case);
    let races: BTreeSet<&str> = named.filter(|case| case.starts_with("race/")).collect();
    assert_eq!((idle, races.len()), (BTreeSet::new(), 12));
}
