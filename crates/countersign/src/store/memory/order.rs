//! A shard's records in the order in which they expire: a heap of slot numbers, in which every record knows its place.
//!
//! Always exact. A settle usually moves a record forward, by the rest of its lease, so an order that only ever looks for later moments would
//! not do.

use super::packed::{Nanos, Packed};
use super::slab::Slab;

/// Four children to a node: half the levels, and siblings lie in one cache line.
const CHILDREN: usize = 4;

#[derive(Debug)]
pub(super) struct Order(Vec<u32>);

impl Order {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Who expires first.
    pub(super) fn first(&self) -> Option<u32> {
        self.0.first().copied()
    }

    pub(super) fn add(&mut self, slot: u32, slab: &mut Slab) {
        let end = self.0.len();
        if end == self.0.capacity() {
            // By an eighth: doubling would leave half of it idle.
            self.0.reserve_exact((end / 8).max(16));
        }
        self.0.push(slot);
        self.rise(end, slot, slab);
    }

    /// The record's moment has changed.
    pub(super) fn moved(&mut self, slot: u32, slab: &mut Slab) {
        let Some(place) = place(slot, slab) else {
            return;
        };
        if self.rise(place, slot, slab) == place {
            self.sink(place, slot, slab);
        }
    }

    /// Call it while the record is still in the slab.
    pub(super) fn remove(&mut self, slot: u32, slab: &mut Slab) {
        let Some(place) = place(slot, slab) else {
            return;
        };
        let Some(last) = self.0.pop() else { return };
        if last != slot {
            self.put(place, last, slab);
            self.moved(last, slab);
        }
    }

    /// Moves whoever expires later than `slot` below it. Gives its new place.
    fn rise(&mut self, mut at: usize, slot: u32, slab: &mut Slab) -> usize {
        let expires = slab.expires(slot);
        while let Some(above) = at.checked_sub(1).map(|before| before / CHILDREN) {
            let Some(&parent) = self.0.get(above) else {
                break;
            };
            if slab.expires(parent) <= expires {
                break;
            }
            self.put(at, parent, slab);
            at = above;
        }
        self.put(at, slot, slab);
        at
    }

    fn sink(&mut self, mut at: usize, slot: u32, slab: &mut Slab) {
        let expires = slab.expires(slot);
        while let Some((child, at_child)) = self.first_child(at, slab) {
            if expires <= slab.expires(child) {
                break;
            }
            self.put(at, child, slab);
            at = at_child;
        }
        self.put(at, slot, slab);
    }

    fn first_child(&self, at: usize, slab: &Slab) -> Option<(u32, usize)> {
        let begin = at.checked_mul(CHILDREN)?.checked_add(1)?;
        let end = begin.saturating_add(CHILDREN).min(self.0.len());
        let children = self.0.get(begin..end)?.iter().copied();
        children
            .zip(begin..)
            .min_by_key(|(child, _)| slab.expires(*child))
    }

    fn put(&mut self, at: usize, slot: u32, slab: &mut Slab) {
        if let (Some(entry), Some(packed)) = (self.0.get_mut(at), slab.get_mut(slot)) {
            *entry = slot;
            // A heap holds no more entries than there are numbers for slots.
            packed.place = u32::try_from(at).unwrap_or(u32::MAX);
        }
    }

    /// When the first one expires.
    pub(super) fn earliest(&self, slab: &Slab) -> Nanos {
        self.first()
            .map_or(Nanos::FOR_EVER, |slot| slab.expires(slot))
    }
}

fn place(slot: u32, slab: &Slab) -> Option<usize> {
    slab.get(slot).map(|packed: &Packed| packed.place as usize)
}

#[cfg(test)]
impl Order {
    /// Nobody expires before who is above, and everybody knows the own place. Gives all of them.
    #[track_caller]
    pub(super) fn assert_sound(&self, slab: &Slab) -> Vec<u32> {
        for (at, slot) in self.0.iter().enumerate() {
            assert_eq!(place(*slot, slab), Some(at));
            if let Some(before) = at.checked_sub(1) {
                assert!(slab.expires(self.0[before / CHILDREN]) <= slab.expires(*slot));
            }
        }
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::idempotency::{Claim, IdempotencyKey, LeaseToken, Record};

    /// Claimed until `until`.
    fn packed(place: u32, until: u64) -> Packed {
        let mut record = Record::unknown();
        let claim = Claim {
            key: IdempotencyKey::from_bytes([0; 32]),
            token: LeaseToken::from_bytes([0; 16]),
            lease: Duration::from_secs(until),
            retention: Duration::ZERO,
        };
        record.claim(&claim, Duration::ZERO);
        Packed::new(&claim.key, place, &record)
    }

    #[test]
    fn whoever_expires_first_is_above_whatever_happens() {
        let (mut order, mut slab) = (Order::new(), Slab::new());
        let mut number = 1_u32;
        let mut next = |below: u32| {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (number >> 8) % below
        };
        let mut slots = Vec::new();
        for step in 0..3_000 {
            // Fills up and empties by turns.
            let choice = (next(4) + step / 500 % 2) % 5;
            if choice < 2 || slots.is_empty() {
                let slot = slab.add(packed(0, next(1_000).into())).unwrap();
                order.add(slot, &mut slab);
                slots.push(slot);
            } else {
                let at = next(u32::try_from(slots.len()).unwrap()) as usize;
                let slot = slots[at];
                if choice == 2 {
                    let place = slab.get(slot).unwrap().place;
                    *slab.get_mut(slot).unwrap() = packed(place, next(1_000).into());
                    order.moved(slot, &mut slab);
                } else {
                    slots.swap_remove(at);
                    order.remove(slot, &mut slab);
                    slab.free(slot);
                }
            }
            assert_eq!(order.assert_sound(&slab).len(), slots.len());
            let earliest = slots.iter().map(|slot| slab.expires(*slot)).min();
            assert_eq!(order.earliest(&slab), earliest.unwrap_or(Nanos::FOR_EVER));
        }
    }

    #[test]
    fn it_grows_by_an_eighth() {
        let (mut order, mut slab) = (Order::new(), Slab::new());
        let mut sizes = Vec::new();
        for number in 0..4_096_u32 {
            let key = IdempotencyKey::from_bytes([0; 32]);
            let slot = slab.add(Packed::new(&key, 0, &Record::unknown())).unwrap();
            order.add(slot, &mut slab);
            assert_eq!(order.0.len(), number as usize + 1);
            if sizes.last() != Some(&order.0.capacity()) {
                sizes.push(order.0.capacity());
            }
        }
        assert!(sizes.starts_with(&[16, 32, 48, 64, 80, 96, 112, 128, 144, 162]));
        for pair in sizes.windows(2) {
            assert_eq!(pair[1], pair[0] + (pair[0] / 8).max(16));
        }
    }
}
