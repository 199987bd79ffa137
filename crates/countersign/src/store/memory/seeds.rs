//! From a key to its shard and to its place in the shard's table.

use std::hash::{BuildHasher, RandomState};

use crate::idempotency::IdempotencyKey;

/// Secret to the store. A key is a digest and as good as any hash, but a sender who can try ids could find many whose digests agree in the
/// few bits that a table looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seeds([u64; 2]);

impl Seeds {
    pub(super) fn random() -> Self {
        // Loom has to see the same thing in every run.
        if cfg!(all(test, countersign_loom)) {
            return Self([1, 2]);
        }
        let state = RandomState::new();
        Self([state.hash_one(0), state.hash_one(1)])
    }

    /// Tables look at the lowest bits, and at the uppermost seven.
    pub(super) fn hash(self, key: &IdempotencyKey) -> u64 {
        let [first, second] = self.0;
        let [a, b, ..] = words(key.as_bytes());
        let product = u128::from(a ^ first).wrapping_mul(u128::from(b ^ second));
        #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
        let folded = product as u64 ^ (product >> 64) as u64;
        folded
    }
}

/// Which shard: its lowest bits count, eight at most. They are bits that a shard's own table does not look at, up to 2⁴⁹ records.
pub(super) const fn shard(hash: u64) -> usize {
    (hash >> 49) as usize
}

fn words(key: &[u8; 32]) -> [u64; 4] {
    let (chunks, _) = key.as_chunks::<8>();
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().zip(chunks) {
        *word = u64::from_le_bytes(*chunk);
    }
    words
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn key(number: u64) -> IdempotencyKey {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        IdempotencyKey::from_bytes(bytes)
    }

    #[test]
    fn shards_are_even_and_leave_the_tables_bits_alone() {
        let seeds = Seeds([0x9E37_79B9_7F4A_7C15, 0xD1B5_4A32_D192_ED03]);
        let mut counts = [[0_u32; 2]; 64];
        let mut tags = [0_u32; 128];
        for number in 0..64_000 {
            let hash = seeds.hash(&key(number));
            let shard = shard(hash) & 63;
            counts[shard][(hash & 1) as usize] += 1;
            if shard == 0 {
                tags[(hash >> 57) as usize] += 1;
            }
        }
        for [even, odd] in counts {
            assert!(
                (400..600).contains(&even) && (400..600).contains(&odd),
                "{even} {odd}"
            );
        }
        assert!(tags.iter().all(|count| *count > 0), "{tags:?}");
    }

    #[test]
    fn every_bit_of_both_words_counts() {
        // Keys that differ in eight bits of one word, wherever these are, lie in many places of a table.
        let seeds = Seeds([0x9E37_79B9_7F4A_7C15, 0xD1B5_4A32_D192_ED03]);
        for word in [0, 8] {
            for shift in (0..64).step_by(8) {
                let homes: HashSet<u64> = (0..256_u64)
                    .map(|number| {
                        let mut bytes = [1; 32];
                        bytes[word..word + 8].copy_from_slice(&(number << shift).to_le_bytes());
                        seeds.hash(&IdempotencyKey::from_bytes(bytes)) & 0xFF
                    })
                    .collect();
                assert!(homes.len() > 70, "{word} {shift}: {}", homes.len());
            }
        }
    }

    #[test]
    fn each_store_has_its_own() {
        let hashes: Vec<_> = (0..4).map(|_| Seeds::random().hash(&key(1))).collect();
        assert!(
            hashes.windows(2).all(|pair| pair[0] != pair[1]),
            "{hashes:?}"
        );
    }
}
