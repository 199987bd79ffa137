//! Real threads, counted to exact totals.

use std::sync::Barrier;
use std::thread;

use super::*;

/// Runs `act` in so many threads at once and gives what each came to.
fn race<T: Send>(threads: u64, act: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let line = Barrier::new(usize::try_from(threads).unwrap());
    thread::scope(|scope| {
        let run = |number| {
            let (line, act) = (&line, &act);
            scope.spawn(move || {
                line.wait();
                act(number)
            })
        };
        let runs: Vec<_> = (0..threads).map(run).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

fn count(replies: &[ClaimReply], wanted: &ClaimReply) -> usize {
    replies.iter().filter(|reply| *reply == wanted).count()
}

#[test]
fn one_of_many_claims_the_same_key() {
    for _ in 0..200 {
        let (store, _) = store(1);
        let replies = race(16, |number| claim(&store, 1, number));
        assert_eq!(count(&replies, &FIRST), 1);
        assert_eq!(count(&replies, &ClaimReply::Busy { remaining: LEASE }), 15);
        is_sound(&store);
    }
}

#[test]
fn one_of_many_takes_over_a_lapsed_lease() {
    for _ in 0..200 {
        let (store, hands) = store(1);
        assert_eq!(claim(&store, 1, 99), FIRST);
        hands.advance(LEASE);
        let replies = race(16, |number| claim(&store, 1, number));
        assert_eq!(count(&replies, &ClaimReply::Claimed { attempt: 2 }), 1);
        assert_eq!(count(&replies, &ClaimReply::Busy { remaining: LEASE }), 15);
    }
}

#[test]
fn one_of_settle_and_release_wins() {
    for _ in 0..200 {
        let (store, _) = store(1);
        assert_eq!(claim(&store, 1, 1), FIRST);
        let settled = race(16, |number| {
            if number % 2 == 0 {
                settle(&store, 1, 1) == SettleReply::Settled
            } else {
                let release = Release {
                    key: key(1),
                    token: token(1),
                    retention: RETENTION,
                };
                ready(store.release(release)) == ReleaseReply::Released
            }
        });
        assert_eq!(settled.iter().filter(|won| **won).count(), 1);
    }
}

/// Each thread claims keys of its own. Gives how many of all were claimed; the others have to be full.
fn fill(store: &MemoryStore, threads: u64, each: u64, from: u64) -> usize {
    let replies: Vec<_> = race(threads, |number| {
        let own = from + number * each..from + (number + 1) * each;
        own.map(|number| claim(store, number, number))
            .collect::<Vec<_>>()
    })
    .concat();
    let claimed = count(&replies, &FIRST);
    assert_eq!(claimed + count(&replies, &ClaimReply::Full), replies.len());
    claimed
}

#[test]
fn exactly_the_capacity_is_claimed() {
    for capacity in [0, 1, 63, 1_000, 2_999, 3_200] {
        let (store, _) = store(capacity);
        assert_eq!(fill(&store, 16, 200, 0), capacity);
        assert_eq!(store.stats().records, capacity);
        is_sound(&store);
    }
}

#[test]
fn exactly_what_has_expired_is_claimed_again() {
    for round in 0..20 {
        let (store, hands) = store(500);
        for number in 0..500 {
            assert_eq!(claim(&store, number, number), FIRST);
            if number < 123 {
                assert_eq!(settle(&store, number, number), SettleReply::Settled);
            }
        }
        // Settled records expire a lease before the others.
        hands.advance(RETENTION);
        assert_eq!(fill(&store, 16, 100, 1_000), 123, "round {round}");
        assert_eq!(store.stats().records, 500);
        for number in 123..500 {
            assert_eq!(
                claim(&store, number, 9_999),
                ClaimReply::Claimed { attempt: 2 }
            );
        }
        is_sound(&store);
    }
}

#[test]
fn a_full_store_turns_over_while_time_passes() {
    let (store, hands) = store(64);
    let claimed = race(16, |number| {
        let mut claimed = 0_u64;
        for round in 0..2_000 {
            if number == 0 {
                hands.advance(Duration::from_secs(1));
            }
            let own = number * 2_000 + round;
            match claim(&store, own, own) {
                FIRST => claimed += 1,
                ClaimReply::Full => {}
                other => panic!("{other:?}"),
            }
            assert!(store.stats().records <= 64);
        }
        claimed
    });
    let claimed: u64 = claimed.iter().sum();
    assert!((64..32_000).contains(&claimed), "{claimed}");
    is_sound(&store);
}
