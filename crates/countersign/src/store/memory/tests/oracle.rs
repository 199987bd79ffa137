//! Random operations, on a store and on a plain map of pure records: every reply is the same.

use std::collections::HashMap;

use super::*;
use crate::idempotency::RecordedAnswer;

/// A small deterministic generator (splitmix64); only its variety matters.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }

    /// A few units, so that moments coincide; none; for ever.
    fn duration(&mut self) -> Duration {
        match self.below(40) {
            0 => Duration::ZERO,
            1 => Duration::MAX,
            _ => Duration::from_nanos(1 + self.below(20)),
        }
    }

    fn done(&mut self) -> Done {
        let signature = self.of(&[None, Some(Fingerprint::from_u64(3))]);
        let answer = RecordedAnswer::new(None, vec![1; 3]).map(Arc::new);
        let answer = answer.filter(|_| self.below(3) == 0);
        Done {
            failed: self.below(2) == 0,
            answer,
            ..Done::new(
                self.of(&[200, 204, 599]),
                signature,
                Fingerprint::from_u64(self.next()),
            )
        }
    }
}

/// A store without locks, shards or order: a plain map that is looked through.
struct Oracle {
    capacity: usize,
    records: HashMap<IdempotencyKey, Record>,
}

impl Oracle {
    fn claim(&mut self, claim: &Claim, now: Duration) -> ClaimReply {
        self.records.retain(|_, record| !record.is_expired(now));
        let is_known = self.records.contains_key(&claim.key);
        if !is_known && self.records.len() == self.capacity {
            return ClaimReply::Full;
        }
        let record = self.records.entry(claim.key);
        record.or_insert_with(Record::unknown).claim(claim, now)
    }

    fn step<T>(&mut self, key: IdempotencyKey, act: impl FnOnce(&mut Record) -> T) -> T {
        match self.records.get_mut(&key) {
            Some(record) => act(record),
            None => act(&mut Record::unknown()),
        }
    }
}

/// Gives how often each reply to a claim was seen, so that the test knows that it saw them all.
fn walk(seed: u64, steps: usize) -> [usize; 5] {
    let mut random = Random(seed);
    let capacity = random.of(&[1, 2, 5, 20, 60]);
    let keys = random.of(&[3, 10, 40, 90]);
    let (store, hands) = store(capacity);
    let mut oracle = Oracle {
        capacity,
        records: HashMap::new(),
    };
    let mut seen = [0; 5];
    for step in 0..steps {
        let (key, token) = (key(random.below(keys)), token(random.below(4)));
        let now = hands.monotonic();
        let at = format!("seed {seed}, step {step}, at {now:?}");
        match random.below(16) {
            0..6 => {
                let claim = Claim {
                    key,
                    token,
                    lease: random.duration(),
                    retention: random.duration(),
                };
                let reply = ready(store.claim(claim));
                assert_eq!(reply, oracle.claim(&claim, now), "{at}: {claim:?}");
                seen[match reply {
                    ClaimReply::Claimed { .. } => 0,
                    ClaimReply::Busy { .. } => 1,
                    ClaimReply::Duplicate { .. } => 2,
                    ClaimReply::Full => 3,
                    ClaimReply::Lost => 4,
                }] += 1;
            }
            6..9 => {
                let settle = Settle {
                    key,
                    token,
                    done: random.done(),
                    retention: random.duration(),
                };
                let expected = oracle.step(key, |record| record.settle(settle.clone(), now));
                assert_eq!(ready(store.settle(settle)), expected, "{at}");
            }
            9..11 => {
                let release = Release {
                    key,
                    token,
                    retention: random.duration(),
                };
                let expected = oracle.step(key, |record| record.release(&release, now));
                assert_eq!(ready(store.release(release)), expected, "{at}");
            }
            11..13 => {
                let lease = random.duration();
                let extend = Extend { key, token, lease };
                let expected = oracle.step(key, |record| record.extend(&extend, now));
                assert_eq!(ready(store.extend(extend)), expected, "{at}");
            }
            13 => {
                let expected = oracle.step(key, |record| record.forget(now));
                assert_eq!(ready(store.forget(key)), expected, "{at}");
            }
            _ => hands.advance(Duration::from_nanos(random.below(8))),
        }
        oracle
            .records
            .retain(|_, record| !record.is_expired(hands.monotonic()));
        assert!(store.stats().records >= oracle.records.len(), "{at}");
        if step % 64 == 0 {
            is_sound(&store);
        }
    }
    is_sound(&store);
    seen
}

#[test]
fn every_reply_is_the_pure_record_s() {
    let mut seen = [0; 5];
    for seed in 0..300 {
        for (total, count) in seen.iter_mut().zip(walk(seed, 1_500)) {
            *total += count;
        }
    }
    assert!(seen.iter().all(|count| *count > 500), "{seen:?}");
}
