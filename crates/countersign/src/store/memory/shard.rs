//! One shard: its records, found by key and by expiry. Everything here happens under the shard's lock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::index::Index;
use super::order::Order;
use super::packed::{Nanos, Packed};
use super::seeds::Seeds;
use super::slab::Slab;
use crate::idempotency::{IdempotencyKey, Record, RecordedAnswer, State};

#[derive(Debug)]
pub(super) struct Shard {
    seeds: Seeds,
    index: Index,
    slab: Slab,
    order: Order,
    /// By slot. Few deliveries have one.
    answers: HashMap<u32, Arc<RecordedAnswer>>,
}

impl Shard {
    pub(super) fn new(seeds: Seeds) -> Self {
        Self {
            seeds,
            index: Index::new(),
            slab: Slab::new(),
            order: Order::new(),
            answers: HashMap::new(),
        }
    }

    pub(super) fn find(&self, hash: u64, key: &IdempotencyKey) -> Option<u32> {
        let is_it = |slot| self.slab.get(slot).is_some_and(|packed| packed.is_of(key));
        self.index.find(hash, is_it)
    }

    pub(super) fn get(&self, slot: u32) -> Record {
        match self.slab.get(slot) {
            Some(packed) if packed.has_answer() => packed.record(self.answers.get(&slot).cloned()),
            Some(packed) => packed.record(None),
            None => Record::unknown(),
        }
    }

    /// Whether anything has changed.
    pub(super) fn put(&mut self, slot: u32, record: &Record) -> bool {
        let Some(packed) = self.slab.get_mut(slot) else {
            return false;
        };
        let new = Packed::new(&packed.key(), packed.place, record);
        let old = *packed;
        if new == old {
            return false;
        }
        *packed = new;
        if new.has_answer() || old.has_answer() {
            self.put_answer(slot, record);
        }
        if new.expires() != old.expires() {
            self.order.moved(slot, &mut self.slab);
        }
        true
    }

    /// A record whose key is not here yet. `false` when there are no more numbers for slots: after sixteen million records in one shard.
    pub(super) fn add(&mut self, hash: u64, key: &IdempotencyKey, record: &Record) -> bool {
        let Some(slot) = self.slab.add(Packed::new(key, 0, record)) else {
            return false;
        };
        let (slab, seeds) = (&self.slab, self.seeds);
        self.index
            .add(hash, slot, |slot| hash_of(slot, slab, seeds));
        self.put_answer(slot, record);
        self.order.add(slot, &mut self.slab);
        true
    }

    pub(super) fn remove(&mut self, slot: u32) {
        let Some(packed) = self.slab.get(slot) else {
            return;
        };
        let hash = self.seeds.hash(&packed.key());
        if packed.has_answer() {
            self.answers.remove(&slot);
        }
        let (slab, seeds) = (&self.slab, self.seeds);
        self.index
            .remove(hash, slot, |slot| hash_of(slot, slab, seeds));
        self.order.remove(slot, &mut self.slab);
        self.slab.free(slot);
    }

    /// Removes at most `most` records that have expired. Gives how many.
    pub(super) fn reclaim(&mut self, now: Duration, most: usize) -> usize {
        (0..most)
            .take_while(|_| match self.order.first() {
                Some(slot) if self.slab.expires(slot).is_past(now) => {
                    self.remove(slot);
                    true
                }
                _ => false,
            })
            .count()
    }

    /// When the first record expires; never, when there is none.
    pub(super) fn earliest(&self) -> Nanos {
        self.order.earliest(&self.slab)
    }

    fn put_answer(&mut self, slot: u32, record: &Record) {
        let answer = match &record.state {
            State::Done { done, .. } => done.answer.clone(),
            _ => None,
        };
        match answer {
            Some(answer) => self.answers.insert(slot, answer),
            None => self.answers.remove(&slot),
        };
    }
}

fn hash_of(slot: u32, slab: &Slab, seeds: Seeds) -> u64 {
    slab.get(slot).map_or(0, |packed| seeds.hash(&packed.key()))
}

#[cfg(test)]
impl Shard {
    /// What must hold between any two operations. Gives how many records there are.
    #[track_caller]
    pub(super) fn assert_sound(&self) -> usize {
        let order = self.order.assert_sound(&self.slab);
        assert_eq!(self.index.len(), order.len());
        for slot in &order {
            let packed = self.slab.get(*slot).unwrap();
            let hash = self.seeds.hash(&packed.key());
            assert_eq!(self.find(hash, &packed.key()), Some(*slot));
            assert_eq!(packed.has_answer(), self.answers.contains_key(slot));
        }
        let answers = order.iter().filter(|slot| self.answers.contains_key(slot));
        assert_eq!(answers.count(), self.answers.len());
        order.len()
    }
}
