//! The contract's table, cell by cell: the reply, and then the record, looked at from every side.

use countersign::{ClaimReply, Done, ExtendReply, ForgetReply, ReleaseReply, SettleReply};

use super::StoreUnderTest;
use super::bench::Case;
use super::script::{
    ANN, BEN, CAT, EXTENSION, KEPT_AFTER_LEASE, KEPT_AFTER_RELEASE, KEPT_AFTER_SETTLE, LEASE,
    Script, Who, claimed, done, duplicate,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    NotThere,
    InFlight,
    Lapsed,
    Released,
    Forgotten,
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Claim,
    Settle,
    Release,
    Extend,
    Forget,
}

/// One key's record as it is at some moment.
#[derive(Clone)]
struct Record {
    state: State,
    /// Whose lease it is, or was.
    owner: Who,
    attempt: u32,
    /// How long the lease still lasts.
    lease: u32,
    /// How long until there is no record.
    kept: u32,
    done: Done,
}

const ROWS: [(State, &str, Who); 11] = [
    (State::NotThere, "not there", BEN),
    (State::InFlight, "in flight, same token", ANN),
    (State::InFlight, "in flight, other token", BEN),
    (State::Lapsed, "lapsed, same token", ANN),
    (State::Lapsed, "lapsed, other token", BEN),
    (State::Released, "released by the same token", ANN),
    (State::Released, "released by another token", BEN),
    (State::Forgotten, "forgotten, the token that settled", ANN),
    (State::Forgotten, "forgotten, other token", BEN),
    (State::Done, "done, same token", ANN),
    (State::Done, "done, other token", BEN),
];

const COLUMNS: [(Column, &str); 5] = [
    (Column::Claim, "claim"),
    (Column::Settle, "settle"),
    (Column::Release, "release"),
    (Column::Extend, "extend"),
    (Column::Forget, "forget"),
];

pub(super) fn cases<U: StoreUnderTest>() -> Vec<Case<U>> {
    let mut cases = Vec::new();
    for (state, row, caller) in ROWS {
        for (column, call) in COLUMNS {
            cases.push(Case::new(
                format!("table/{row}: {call}"),
                move |bench: &super::Bench<'_, U>| {
                    // A look changes the record, so that each takes a key of its own.
                    for look in 0..looks(bench.script(), &Record::of(State::NotThere)).len() {
                        let (script, record) = cell(bench.script(), state, column, caller);
                        let seen = looks(script, &record).into_iter().nth(look);
                        seen.map_or(Ok(()), |script| bench.run(script))?;
                    }
                    Ok(())
                },
            ));
        }
    }
    cases
}

impl Record {
    /// As [`lead_to`] leaves it.
    fn of(state: State) -> Self {
        let (lease, kept) = match state {
            State::NotThere => (0, 0),
            State::InFlight => (7, 107),
            State::Lapsed => (0, 98),
            State::Released => (0, 199),
            State::Forgotten | State::Done => (0, 299),
        };
        let attempt = if state == State::NotThere { 0 } else { 2 };
        Self {
            state,
            owner: ANN,
            attempt,
            lease,
            kept,
            done: done(201),
        }
    }
}

fn lead_to(script: Script, state: State) -> Script {
    if state == State::NotThere {
        return script;
    }
    let script = script
        .claim(CAT, claimed(1))
        .release(CAT, ReleaseReply::Released)
        .claim(ANN, claimed(2))
        .wait(3);
    match state {
        State::NotThere | State::InFlight => script,
        State::Lapsed => script.wait(9),
        State::Released => script.release(ANN, ReleaseReply::Released).wait(1),
        State::Done => script.settle(ANN, &done(201), SettleReply::Settled).wait(1),
        State::Forgotten => script
            .settle(ANN, &done(201), SettleReply::Settled)
            .forget(ForgetReply::Forgotten)
            .wait(1),
    }
}

/// Leads to the row, makes the call, and tells what the record is then.
fn cell(script: Script, state: State, column: Column, caller: Who) -> (Script, Record) {
    let record = Record::of(state);
    let script = lead_to(script, state);
    match column {
        Column::Claim => claim(script, record, caller),
        Column::Settle => settle(script, record, caller),
        Column::Release => release(script, record, caller),
        Column::Extend => extend(script, record, caller),
        Column::Forget => forget(script, record),
    }
}

fn claim(script: Script, record: Record, caller: Who) -> (Script, Record) {
    let is_owner = caller == record.owner;
    match record.state {
        State::InFlight if !is_owner => (script.busy(caller, record.lease), record),
        State::Lapsed | State::Released if is_owner => {
            (script.claim(caller, ClaimReply::Lost), record)
        }
        State::Done => {
            let reply = duplicate(&record.done, record.attempt);
            (script.claim(caller, reply), record)
        }
        _ => {
            let new = if record.state == State::InFlight {
                0
            } else {
                1
            };
            let attempt = record.attempt.saturating_add(new);
            let lease = LEASE.max(record.lease);
            let leased = Record {
                state: State::InFlight,
                owner: caller,
                attempt,
                lease,
                kept: lease.saturating_add(KEPT_AFTER_LEASE),
                ..record
            };
            (script.claim(caller, claimed(attempt)), leased)
        }
    }
}

fn settle(script: Script, record: Record, caller: Who) -> (Script, Record) {
    // Not what is recorded where it is done already: it must not be overwritten.
    let now = done(202);
    let is_owner = caller == record.owner;
    let reply = match record.state {
        State::InFlight if is_owner => SettleReply::Settled,
        State::Released if is_owner => SettleReply::AlreadyReleased,
        State::Done if is_owner => SettleReply::AlreadySettled,
        _ => SettleReply::Lost,
    };
    let script = script.settle(caller, &now, reply);
    if reply != SettleReply::Settled {
        return (script, record);
    }
    let settled = Record {
        state: State::Done,
        lease: 0,
        kept: KEPT_AFTER_SETTLE,
        done: now,
        ..record
    };
    (script, settled)
}

fn release(script: Script, record: Record, caller: Who) -> (Script, Record) {
    let is_owner = caller == record.owner;
    let reply = match record.state {
        State::InFlight if is_owner => ReleaseReply::Released,
        State::Released if is_owner => ReleaseReply::AlreadyReleased,
        State::Done if is_owner => ReleaseReply::AlreadySettled,
        _ => ReleaseReply::Lost,
    };
    let script = script.release(caller, reply);
    if reply != ReleaseReply::Released {
        return (script, record);
    }
    let released = Record {
        state: State::Released,
        lease: 0,
        kept: KEPT_AFTER_RELEASE,
        ..record
    };
    (script, released)
}

fn extend(script: Script, record: Record, caller: Who) -> (Script, Record) {
    if record.state != State::InFlight || caller != record.owner {
        return (script.extend(caller, ExtendReply::Lost), record);
    }
    let lease = EXTENSION.max(record.lease);
    let extended = Record {
        lease,
        kept: lease.saturating_add(KEPT_AFTER_LEASE),
        ..record
    };
    (script.extend(caller, ExtendReply::Extended), extended)
}

fn forget(script: Script, record: Record) -> (Script, Record) {
    match record.state {
        State::InFlight => (script.not_forgotten(record.lease), record),
        State::Done => {
            let forgotten = Record {
                state: State::Forgotten,
                ..record
            };
            (script.forget(ForgetReply::Forgotten), forgotten)
        }
        _ => (script.forget(ForgetReply::Unknown), record),
    }
}

/// Every way to look at a record, each in a script that begins with `script`. As many for every state.
fn looks(script: Script, record: &Record) -> Vec<Script> {
    let owner = record.owner;
    // Nobody's token so far.
    let other = CAT.saturating_add(1);
    let next = record.attempt.saturating_add(1);
    let mut looks = Vec::new();
    for (column, caller) in [
        (Column::Claim, owner),
        (Column::Claim, other),
        (Column::Settle, owner),
        (Column::Settle, other),
        (Column::Release, owner),
        (Column::Release, other),
        (Column::Extend, owner),
        (Column::Extend, other),
        (Column::Forget, other),
    ] {
        let script = script.again();
        let record = record.clone();
        let (script, after) = match column {
            Column::Claim => claim(script, record, caller),
            Column::Settle => settle(script, record, caller),
            Column::Release => release(script, record, caller),
            Column::Extend => extend(script, record, caller),
            Column::Forget => forget(script, record),
        };
        looks.push(glance(script, &after));
    }

    // The last moment of the lease, and the first without it.
    let script_of_lease = script.again();
    looks.push(match record.state {
        State::InFlight => script_of_lease
            .wait(record.lease.saturating_sub(1))
            .busy(other, 1)
            .wait(1)
            .claim(owner, ClaimReply::Lost)
            .claim(other, claimed(next)),
        _ => glance(script_of_lease, record),
    });
    // The last moment of the record.
    let last = script.again().wait(record.kept.saturating_sub(1));
    looks.push(match record.state {
        State::Done => last.claim(other, duplicate(&record.done, record.attempt)),
        _ => last.claim(other, claimed(next)),
    });
    // And the first without it.
    looks.push(script.again().wait(record.kept).claim(other, claimed(1)));
    looks
}

/// The one call that tells most, by somebody who is new.
fn glance(script: Script, record: &Record) -> Script {
    let stranger = CAT.saturating_add(2);
    match record.state {
        State::InFlight => script.busy(stranger, record.lease),
        State::Done => script.claim(stranger, duplicate(&record.done, record.attempt)),
        _ => script.claim(stranger, claimed(record.attempt.saturating_add(1))),
    }
}
