//! From a key's hash to the slot of its record: one array of four bytes an entry, so that a look-up touches one cache line before the record's.

/// Open addressing, linear probing, at most three quarters full. No tombstones: a removal closes its gap.
///
/// An entry is a slot's number in 24 bits and 8 bits of the hash, which spare most looks at records of other keys.
#[derive(Debug)]
pub(super) struct Index {
    entries: Vec<u32>,
    len: usize,
}

/// Slots are numbered below this: a thousand million records in 64 shards, in a hundred gigabytes.
pub(super) const SLOTS: u32 = SLOT;

const SLOT: u32 = 0x00FF_FFFF;
const EMPTY: u32 = u32::MAX;
const LEAST: usize = 16;

impl Index {
    pub(super) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            len: 0,
        }
    }

    /// The slot with this hash of which `is_it` is true.
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let tag = tag(hash);
        self.walk(home(hash))
            .map(|(_, entry)| entry)
            .take_while(|entry| *entry != EMPTY)
            .find(|entry| entry & !SLOT == tag && is_it(entry & SLOT))
            .map(|entry| entry & SLOT)
    }

    /// A slot that is not in here. `hash_of` gives the hash of any slot that is.
    pub(super) fn add(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        let size = self.entries.len();
        if self.len >= size.saturating_sub(size / 4) {
            self.grow(hash_of);
        }
        self.len = self.len.saturating_add(1);
        self.place(home(hash), tag(hash) | slot);
    }

    pub(super) fn remove(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        let sought = tag(hash) | slot;
        let found = self
            .walk(home(hash))
            .take_while(|(_, entry)| *entry != EMPTY)
            .find(|(_, entry)| *entry == sought);
        let Some((mut gap, _)) = found else { return };
        self.len = self.len.saturating_sub(1);
        let mut at = gap;
        loop {
            at = self.after(at);
            let Some(entry) = self.entries.get(at).copied().filter(|e| *e != EMPTY) else {
                break;
            };
            // It may go back to the gap unless its home lies behind that.
            let home = home(hash_of(entry & SLOT));
            if self.distance(home, at) >= self.distance(gap, at) {
                self.put(gap, entry);
                gap = at;
            }
        }
        self.put(gap, EMPTY);
    }

    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    fn grow(&mut self, hash_of: impl Fn(u32) -> u64) {
        let size = self.entries.len().saturating_mul(2).max(LEAST);
        let old = std::mem::replace(&mut self.entries, vec![EMPTY; size]);
        for entry in old.into_iter().filter(|entry| *entry != EMPTY) {
            self.place(home(hash_of(entry & SLOT)), entry);
        }
    }

    /// Into the first gap from its home on; there always is one.
    fn place(&mut self, home: usize, entry: u32) {
        let gap = self.walk(home).find(|(_, entry)| *entry == EMPTY);
        if let Some((at, _)) = gap {
            self.put(at, entry);
        }
    }

    fn put(&mut self, at: usize, entry: u32) {
        if let Some(place) = self.entries.get_mut(at) {
            *place = entry;
        }
    }

    /// Every entry once, from a home on and around.
    fn walk(&self, home: usize) -> impl Iterator<Item = (usize, u32)> {
        let (before, from) = self
            .entries
            .split_at_checked(home & self.mask())
            .unwrap_or_default();
        let begin = before.len();
        (begin..)
            .zip(from.iter().copied())
            .chain((0..).zip(before.iter().copied()))
    }

    fn after(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.mask()
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & self.mask()
    }

    /// Its length is a power of two.
    const fn mask(&self) -> usize {
        self.entries.len().saturating_sub(1)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the lowest bits are all that count"
)]
const fn home(hash: u64) -> usize {
    hash as usize
}

const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32 & !SLOT
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Few homes, so that everything gets in the way of everything, also around the end.
    fn crowded(slot: u32) -> u64 {
        let home = [0, 1, 14, 15, 15, 31][slot as usize % 6];
        u64::from(slot % 3) << 56 | home
    }

    #[test]
    fn it_finds_what_is_in_it_and_nothing_else() {
        let mut index = Index::new();
        let mut plain = HashMap::new();
        let mut number = 1_u32;
        for step in 0..20_000 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Fills up and empties by turns.
            let slot = (number >> 8) % 40;
            let adds = (number >> 20) % 4 != (step / 500) % 2 * 3;
            if adds && plain.insert(slot, ()).is_none() {
                index.add(crowded(slot), slot, crowded);
            } else if !adds && plain.remove(&slot).is_some() {
                index.remove(crowded(slot), slot, crowded);
            }
            assert_eq!(index.len(), plain.len());
            for slot in 0..40 {
                let found = index.find(crowded(slot), |other| other == slot);
                assert_eq!(
                    found,
                    plain.contains_key(&slot).then_some(slot),
                    "step {step}"
                );
            }
        }
        assert_eq!(
            index.entries.len(),
            64,
            "40 in 64 are less than three quarters"
        );
    }

    #[test]
    fn removing_what_is_not_there_changes_nothing() {
        let mut index = Index::new();
        index.remove(1, 1, |_| 1);
        index.add(1, 1, |_| 1);
        index.remove(1, 2, |_| 1);
        index.remove(2, 1, |_| 1);
        assert_eq!((index.len(), index.find(1, |slot| slot == 1)), (1, Some(1)));
    }

    #[test]
    fn the_last_slot_number_is_not_taken_for_a_gap() {
        let hash = u64::MAX;
        let mut index = Index::new();
        index.add(hash, SLOTS - 1, |_| hash);
        assert_eq!(index.find(hash, |_| true), Some(SLOTS - 1));
    }
}
