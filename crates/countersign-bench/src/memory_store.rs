//! Rows 6 and 7: the memory store at a million live records, beside a map that could not do less.

mod contestants;

use std::error::Error;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use self::contestants::{Bare, Contestant, Floor, Key, Lru, Moka, Store};
use crate::measure::{Plan, rounds};
use crate::table::Table;

const LIVE: u64 = 1_000_000;

/// Evenly over a doubling of the floor's tables.
const DOUBLING: [u64; 6] = [
    950_000, 1_100_000, 1_250_000, 1_400_000, 1_550_000, 1_700_000,
];

/// Nobody is full while it is measured.
const CAPACITY: usize = 4_000_000;

/// Per thread, and turn: enough that starting together does not count, few enough that a million stay a million.
const BATCH: u64 = 10_000;

const PLAN: Plan = Plan {
    batch: 10_000,
    turns: 12,
};

const TIME: f64 = 2.0;
const MEMORY: f64 = 1.5;

pub(crate) fn rows(table: &mut Table) -> Result<(), Box<dyn Error>> {
    table.section("a million live records: floor is a 64-shard hash map of 16-byte keys");
    let (floor, store) = (Floor::new(), Store::new(CAPACITY));
    let floor_bytes = fill(&floor, LIVE)?;
    let bytes = fill(&store, LIVE)?;
    table.bytes(
        "memory store: bytes per record",
        floor_bytes,
        bytes,
        Some(MEMORY),
    );
    // A map's tables double at once, and a million lies just behind such a moment: the mean over a whole doubling is another figure.
    let (mut floors, mut stores) = (0.0, 0.0);
    for live in DOUBLING {
        floors += fill(&Floor::new(), live)?;
        stores += fill(&Store::new(CAPACITY), live)?;
    }
    let count = DOUBLING.len() as f64;
    table.bytes(
        "memory store: bytes per record, mean of 0.9 to 1.8 million",
        floors / count,
        stores / count,
        None,
    );
    compare(table, "memory store", &Bare(&floor), &store, Some(TIME))?;
    // Whoever remembers something until a moment has to ask for the time.
    compare(table, "with a clock in the floor", &floor, &store, None)?;
    drop(store);
    let moka: Box<dyn Contestant> = Box::new(Moka::new(CAPACITY)?);
    let lru: Box<dyn Contestant> = Box::new(Lru::new(CAPACITY)?);
    for (name, peer) in [("moka 0.12", moka), ("lru 0.19 in a mutex", lru)] {
        let bytes = fill(&*peer, LIVE)?;
        table.bytes(
            format!("{name}: bytes per record"),
            floor_bytes,
            bytes,
            None,
        );
        compare(table, name, &Bare(&floor), &*peer, None)?;
    }
    Ok(())
}

fn compare(
    table: &mut Table,
    name: &str,
    floor: &impl Contestant,
    ours: &(impl Contestant + ?Sized),
    budget: Option<f64>,
) -> Result<(), Box<dyn Error>> {
    let wrong = AtomicUsize::new(0);
    for threads in [1, 2] {
        let mut next = LIVE;
        let new = rounds(PLAN, |turn| {
            let keys: Vec<_> = (0..threads).map(|_| fresh(&mut next)).collect();
            let [floor, ours] = taking_turns(
                turn,
                || claim_new(floor, &keys, &wrong),
                || claim_new(ours, &keys, &wrong),
            );
            (floor, ours)
        });
        let known = rounds(PLAN, |turn| {
            let keys: Vec<_> = (0..threads).map(|thread| old(turn, thread)).collect();
            let [floor, ours] = taking_turns(
                turn,
                || claim_known(floor, &keys, &wrong),
                || claim_known(ours, &keys, &wrong),
            );
            (floor, ours)
        });
        let on = if threads == 1 {
            "1 thread"
        } else {
            "2 threads"
        };
        table.ratio(format!("{name}: claim of a new key, {on}"), new, budget);
        table.ratio(format!("{name}: claim of a known key, {on}"), known, budget);
    }
    match wrong.load(Ordering::Relaxed) {
        0 => Ok(()),
        wrong => Err(format!("{name}: {wrong} wrong replies").into()),
    }
}

/// Whoever goes second may find something warmer.
fn taking_turns(turn: usize, floor: impl FnOnce() -> f64, ours: impl FnOnce() -> f64) -> [f64; 2] {
    if turn.is_multiple_of(2) {
        let floor = floor();
        [floor, ours()]
    } else {
        let ours = ours();
        [floor(), ours]
    }
}

/// So many finished claims. Gives the bytes that each of them took.
fn fill(contestant: &(impl Contestant + ?Sized), live: u64) -> Result<f64, Box<dyn Error>> {
    let mut new = 0;
    let taken = allocation_counter::measure(|| {
        for key in (0..live).map(key) {
            new += u64::from(contestant.claim_new(&key));
            contestant.finish(&key);
        }
    });
    if new != live {
        return Err(format!("{new} instead of {live} keys were new").into());
    }
    Ok(taken.bytes_current as f64 / live as f64)
}

fn claim_new(
    contestant: &(impl Contestant + ?Sized),
    keys: &[Vec<Key>],
    wrong: &AtomicUsize,
) -> f64 {
    let time = together(keys, wrong, |key| contestant.claim_new(key));
    let claimed = keys.iter().flatten();
    claimed.for_each(|key| contestant.remove(key));
    time
}

fn claim_known(
    contestant: &(impl Contestant + ?Sized),
    keys: &[Vec<Key>],
    wrong: &AtomicUsize,
) -> f64 {
    together(keys, wrong, |key| contestant.claim_known(key))
}

/// Each thread its keys, all at once. Nanoseconds per call of the slowest.
fn together(keys: &[Vec<Key>], wrong: &AtomicUsize, act: impl Fn(&Key) -> bool + Sync) -> f64 {
    let line = Barrier::new(keys.len());
    let timed = |keys: &[Key]| {
        line.wait();
        let start = Instant::now();
        let failed = keys.iter().filter(|key| !act(key)).count();
        let time = start.elapsed();
        wrong.fetch_add(failed, Ordering::Relaxed);
        time
    };
    let slowest = match keys {
        // A thread of its own would start cold.
        [alone] => timed(alone),
        _ => thread::scope(|scope| {
            let timed = &timed;
            let runs: Vec<_> = keys
                .iter()
                .map(|keys| scope.spawn(move || timed(keys)))
                .collect();
            runs.into_iter()
                .map(|run| run.join().unwrap_or(Duration::MAX))
                .max()
                .unwrap_or_default()
        }),
    };
    let calls = u32::try_from(BATCH).map_or(f64::NAN, f64::from);
    slowest.as_secs_f64() * 1e9 / calls
}

fn fresh(next: &mut u64) -> Vec<Key> {
    let keys = (*next..*next + BATCH).map(key).collect();
    *next += BATCH;
    keys
}

/// Keys from all over the million, other ones each time.
fn old(turn: usize, thread: u64) -> Vec<Key> {
    let from = mix(turn as u64 * 2 + thread);
    (0..BATCH)
        .map(|number| key(mix(from.wrapping_add(number)) % LIVE))
        .collect()
}

/// Looks like a digest.
fn key(number: u64) -> Key {
    let mut key = Key::default();
    let (words, _) = key.as_chunks_mut::<8>();
    for (word, salt) in words.iter_mut().zip(1..) {
        *word = mix(number ^ (salt << 56)).to_le_bytes();
    }
    key
}

/// A bijection that leaves no pattern (the last steps of splitmix64).
fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
