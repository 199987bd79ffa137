//! Where a shard's records lie: in chunks, so that growing copies nothing and wastes at most one chunk.

use super::index::SLOTS;
use super::packed::{Nanos, Packed};

/// Records by slot number. A slot keeps its number until it is freed.
#[derive(Debug)]
pub(super) struct Slab {
    chunks: Vec<Vec<Packed>>,
    /// The slot that was freed last; those before it follow through [`Packed::place`].
    free: u32,
}

const CHUNK_BITS: u32 = 8;
const CHUNK: usize = 1 << CHUNK_BITS;
const NONE: u32 = u32::MAX;

impl Slab {
    pub(super) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            free: NONE,
        }
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Packed> {
        let (chunk, at) = split(slot);
        self.chunks.get(chunk)?.get(at)
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Packed> {
        let (chunk, at) = split(slot);
        self.chunks.get_mut(chunk)?.get_mut(at)
    }

    pub(super) fn expires(&self, slot: u32) -> Nanos {
        self.get(slot).map_or(Nanos::FOR_EVER, Packed::expires)
    }

    /// `None` when there are no more numbers for slots.
    pub(super) fn add(&mut self, packed: Packed) -> Option<u32> {
        let slot = self.free;
        if let Some(place) = self.get_mut(slot) {
            let next = place.place;
            *place = packed;
            self.free = next;
            return Some(slot);
        }
        if self.chunks.last().is_none_or(|last| last.len() >= CHUNK) {
            // The first chunk grows as any vector does: a small store is to be small.
            let ready = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(ready));
        }
        let before = self.chunks.len().checked_sub(1)?;
        let last = self.chunks.last_mut()?;
        let slot = before.checked_mul(CHUNK)?.checked_add(last.len())?;
        let slot = number(slot)?;
        last.push(packed);
        Some(slot)
    }

    pub(super) fn free(&mut self, slot: u32) {
        let next = self.free;
        if let Some(packed) = self.get_mut(slot) {
            packed.place = next;
            self.free = slot;
        }
    }
}

/// A slot's number, as long as there are some.
fn number(slot: usize) -> Option<u32> {
    u32::try_from(slot).ok().filter(|slot| *slot < SLOTS)
}

const fn split(slot: u32) -> (usize, usize) {
    let slot = slot as usize;
    (slot >> CHUNK_BITS, slot & (CHUNK - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idempotency::{IdempotencyKey, Record};

    fn packed(number: u32) -> Packed {
        Packed::new(
            &IdempotencyKey::from_bytes([0; 32]),
            number,
            &Record::unknown(),
        )
    }

    #[test]
    fn slots_are_numbered_on_and_freed_ones_come_first() {
        let mut slab = Slab::new();
        for number in 0..1_000 {
            assert_eq!(slab.add(packed(number)), Some(number));
        }
        for number in [3, 999, 256] {
            slab.free(number);
        }
        for number in [256, 999, 3, 1_000, 1_001] {
            assert_eq!(slab.add(packed(number)), Some(number));
        }
        for number in 0..1_002 {
            assert_eq!(slab.get(number).unwrap().place, number);
        }
        assert_eq!(slab.get(1_002), None);
        assert_eq!(slab.get(NONE), None);
    }

    #[test]
    fn the_numbers_end_before_what_means_none() {
        let end = SLOTS as usize;
        assert_eq!(number(end - 1), Some(SLOTS - 1));
        assert_eq!(number(end), None);
        assert_eq!(number(NONE as usize), None);
        assert_eq!(number(usize::MAX), None);
    }

    #[test]
    fn at_most_one_chunk_is_idle() {
        let mut slab = Slab::new();
        for number in 0..10_000 {
            slab.add(packed(number)).unwrap();
            let room: usize = slab.chunks.iter().map(Vec::capacity).sum();
            assert!(room <= number as usize + CHUNK, "{room} for {number}");
        }
    }
}
