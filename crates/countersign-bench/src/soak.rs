//! A long mixed load over sockets, in one process: nothing may be lost, forgotten too early or done twice, and memory may not grow.
//!
//! `cargo run --release -p countersign-bench -- soak [DELIVERIES]`. Bounded by its count; it talks to itself on the loopback.
//!
//! The receiver's clock is moved by hand, an hour after each batch, so that records expire and a store in balance is what is measured: from the
//! moment when as many expire as come.

mod client;
mod receiver;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign::Timestamp;
use countersign_testkit::ManualClock;
use tokio::time::timeout;

use self::client::{Client, Sent};
use self::receiver::{Ledger, serve};

/// Enough for some minutes of an optimised build on two cores.
pub(crate) const DELIVERIES: usize = 5_000_000;

/// Stripe retries for three days, and the retention is a day more: so many batches live at once.
const LIVE: usize = 4 * 24 + 1;

/// Batches in all: the store is in balance after the first third or so.
const BATCHES: usize = 3 * LIVE;

/// A late copy comes so many batches after its first attempt: hours before the store may forget.
const LATE: usize = 90;
const _: () = assert!(LATE < LIVE - 1);

const CONNECTIONS: usize = 16;

/// How much more memory may be held at the end than when the store came into balance, so many deliveries before: what the allocator keeps for itself.
/// Seen is a leak of some 80 bytes for each delivery in a run of 20,000, and of two or three in one of the usual length.
const fn slack(deliveries: usize) -> u64 {
    (1 << 20) + 2 * deliveries as u64
}

/// After this much real time something hangs that should not.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a delivery has to do with, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Plain,
    /// The handler answers 502 the first time.
    Fails,
    /// The handler panics the first time.
    Panics,
    /// The sender hangs up before the answer, and tries again.
    HangsUp,
    /// It is sent once more when it is done.
    Repeated,
    /// It is sent once more, signed afresh, when [`LATE`] batches have come since.
    Late,
    /// It is sent twice at the same moment.
    Doubled,
    /// Somebody sends it with another body first.
    Forged,
}

impl Fate {
    /// Of a thousand: 10 are forged, 50 come again or twice at once, 10 come again days later, 45 fail at first.
    pub(crate) const fn of(number: usize) -> Self {
        match number.wrapping_mul(7_919) % 1_000 {
            0..10 => Self::Forged,
            10..40 => Self::Repeated,
            40..60 => Self::Doubled,
            60..90 => Self::Fails,
            90..95 => Self::Panics,
            95..105 => Self::HangsUp,
            105..115 => Self::Late,
            _ => Self::Plain,
        }
    }
}

pub(crate) fn run(deliveries: usize) -> Result<bool, Box<dyn Error>> {
    // The handlers that panic are part of the load.
    std::panic::set_hook(Box::new(|panic| {
        if !panic.to_string().contains(receiver::PLANNED) {
            eprintln!("{panic}");
        }
    }));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(soak(deliveries))
}

async fn soak(deliveries: usize) -> Result<bool, Box<dyn Error>> {
    let per_batch = deliveries.div_ceil(BATCHES);
    let clock = ManualClock::new(Timestamp::from_secs(1_700_000_000));
    let ledger = Arc::new(Ledger::new(per_batch * BATCHES));
    // Room for what lives, and for the batch that has expired and is not dropped yet.
    let capacity = (LIVE + 2) * per_batch;
    let (address, receiver) = serve(&clock, capacity, Arc::clone(&ledger)).await?;
    println!(
        "{} deliveries, {CONNECTIONS} connections; 1 % forged, 5 % repeated or doubled, 1 % again days later, 4.5 % failing, panicking or hanging up first",
        per_batch * BATCHES
    );
    println!(
        "{:>10} {:>10} {:>12}",
        "deliveries", "records", "resident KiB"
    );
    let mut sent = Sent::default();
    let mut in_balance = None;
    let mut records = 0;
    for batch in 0..BATCHES {
        let tasks = (0..CONNECTIONS).map(|lane| {
            let of = |batch: usize| {
                let numbers = batch * per_batch..(batch + 1) * per_batch;
                numbers.skip(lane).step_by(CONNECTIONS)
            };
            let numbers = of(batch);
            let before = batch.checked_sub(LATE).map(of).into_iter().flatten();
            let late = before.filter(|number| Fate::of(*number) == Fate::Late);
            let mut client = Client::new(address, clock.now());
            tokio::spawn(async move {
                for number in late {
                    client
                        .send_late(number)
                        .await
                        .map_err(|error| format!("late copy of {number}: {error}"))?;
                }
                for number in numbers {
                    client
                        .deliver(number)
                        .await
                        .map_err(|error| format!("delivery {number}: {error}"))?;
                }
                Ok::<_, String>(client.sent)
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            sent.add(task.await??);
        }
        // Before the hour in which a batch more may be forgotten.
        records = receiver.store().stats().records;
        clock.advance(Duration::from_secs(3_600));
        if batch == LIVE + 1 {
            in_balance = Some(resident()?);
        }
        if batch % 32 == 31 || batch == LIVE + 1 || batch + 1 == BATCHES {
            println!(
                "{:>10} {records:>10} {:>12}",
                (batch + 1) * per_batch,
                resident()? >> 10
            );
        }
    }
    // Its deadline is by the receiver's clock, which stands.
    match timeout(PATIENCE, receiver.drain(PATIENCE)).await {
        Ok(drained) => drained?,
        Err(_) => return Err("the runs did not end".into()),
    }

    let before = in_balance.ok_or("the store never came into balance")?;
    let grown = resident()?.saturating_sub(before);
    let allowed = slack((BATCHES - LIVE - 2) * per_batch);
    let (never, twice) = ledger.wrong();
    let remembered = (LIVE - 1) * per_batch;
    let copied = 0..(BATCHES - LATE) * per_batch;
    let late = copied.filter(|number| Fate::of(*number) == Fate::Late);
    let late = late.count();
    let again = ledger.run_again(Fate::Late);
    let counts = receiver.counts();
    let forged_runs = ledger.forged.load(Ordering::SeqCst);
    println!("{sent:?}");
    println!("{counts:?}");
    let lines = [
        (
            format!("done never: {never}, done twice: {twice}"),
            never == 0 && twice == 0,
        ),
        (
            format!("handlers that saw a forgery: {forged_runs}"),
            forged_runs == 0,
        ),
        (
            format!("forgeries refused: {} of {}", sent.refused, sent.forged),
            sent.forged > 0 && sent.refused == sent.forged,
        ),
        (
            format!(
                "late copies answered 200: {} of {late}, run again: {again}",
                sent.late
            ),
            late > 0 && sent.late == late && again == 0,
        ),
        (
            format!("remembered at the end: {records}, at least {remembered}"),
            records >= remembered,
        ),
        (
            format!(
                "grown since the store was in balance: {} KiB of {} KiB",
                grown >> 10,
                allowed >> 10
            ),
            grown < allowed,
        ),
        (
            format!("deliveries recorded as done: {}", counts.done),
            usize::try_from(counts.done)? == per_batch * BATCHES,
        ),
        (
            "the store kept up: nothing full, lost, dropped or unavailable".to_owned(),
            [
                counts.full,
                counts.lost,
                counts.dropped,
                counts.unavailable,
                counts.settles_failed,
            ] == [0; 5],
        ),
    ];
    let mut held = true;
    for (line, holds) in lines {
        println!("{} {line}", if holds { "ok    " } else { "FAILED" });
        held &= holds;
    }
    Ok(held)
}

/// The bytes of memory that this process has in use, as Linux counts them.
fn resident() -> Result<u64, Box<dyn Error>> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm
        .split(' ')
        .nth(1)
        .ok_or("no resident pages in /proc/self/statm")?;
    Ok(pages.parse::<u64>()? * 4_096)
}
