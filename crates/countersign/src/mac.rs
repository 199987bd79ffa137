//! Step 5: the MAC. Keys are set up once; tags are compared here and nowhere else.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::scheme::encoding::MAX_TAG;
use crate::scheme::{Algorithm, Hash, Part, Scheme};
use crate::secret::{Secret, SecretError};

/// A secret made ready for its algorithm. Cloned per attempt, never keyed again.
#[derive(Clone)]
pub(crate) struct Keyed {
    /// The keyed start of every computation; nothing is computed for tokens and basic credentials.
    start: Option<Running>,
    /// The key bytes, where the scheme puts the secret into its content or compares it.
    secret: Option<Zeroizing<Vec<u8>>>,
}

/// The bytes of a random key: as many as the strongest of what is guessed at.
const RANDOM_KEY: usize = 32;

/// A tag under computation: content is fed in slices, in order.
#[derive(Clone)]
pub(crate) enum Running {
    HmacSha1(Hmac<Sha1>),
    HmacSha256(Hmac<Sha256>),
    HmacSha384(Hmac<Sha384>),
    HmacSha512(Hmac<Sha512>),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

/// A computed tag.
pub(crate) struct Tag {
    bytes: [u8; MAX_TAG],
    len: usize,
}

impl Keyed {
    /// Derives the scheme's key from a secret and sets the algorithm up with it. `None` for algorithms that this build cannot verify.
    pub(crate) fn new(scheme: &Scheme, secret: &Secret) -> Result<Option<Self>, SecretError> {
        let keep_secret = Part::any(&scheme.content, &|part| matches!(part, Part::Secret));
        let key = secret.key_bytes(scheme)?;
        Ok(Self::from_key(scheme.algorithm, key, keep_secret))
    }

    /// Under a key that nobody knows. `None` where the system has no randomness to give, or the algorithm no key.
    pub(crate) fn random(scheme: &Scheme) -> Option<Self> {
        let keep_secret = Part::any(&scheme.content, &|part| matches!(part, Part::Secret));
        let mut key = Zeroizing::new(vec![0; RANDOM_KEY]);
        getrandom::fill(&mut key).ok()?;
        Self::from_key(scheme.algorithm, key, keep_secret)
    }

    fn from_key(algorithm: Algorithm, key: Zeroizing<Vec<u8>>, keep_secret: bool) -> Option<Self> {
        // HMAC takes keys of any length; the error type is for other MACs.
        let start = match algorithm {
            Algorithm::HmacSha1 => Running::HmacSha1(Hmac::new_from_slice(&key).ok()?),
            Algorithm::HmacSha256 => Running::HmacSha256(Hmac::new_from_slice(&key).ok()?),
            Algorithm::HmacSha384 => Running::HmacSha384(Hmac::new_from_slice(&key).ok()?),
            Algorithm::HmacSha512 => Running::HmacSha512(Hmac::new_from_slice(&key).ok()?),
            Algorithm::Sha1 => Running::digest(Hash::Sha1)?,
            Algorithm::Sha256 => Running::digest(Hash::Sha256)?,
            Algorithm::Sha384 => Running::digest(Hash::Sha384)?,
            Algorithm::Sha512 => Running::digest(Hash::Sha512)?,
            Algorithm::Token | Algorithm::Basic => {
                return Some(Self {
                    start: None,
                    secret: Some(key),
                });
            }
            Algorithm::Md5 | Algorithm::Unsigned => return None,
        };
        Some(Self {
            start: Some(start),
            secret: keep_secret.then_some(key),
        })
    }

    /// A fresh computation under this key; `None` where nothing is computed.
    pub(crate) fn start(&self) -> Option<Running> {
        self.start.clone()
    }

    pub(crate) fn secret(&self) -> Option<&[u8]> {
        self.secret.as_ref().map(|secret| secret.as_slice())
    }

    /// Does any candidate equal the tag of what `feed` feeds? Every candidate is compared whole and in constant time.
    pub(crate) fn matches<'a, E>(
        &self,
        candidates: impl Iterator<Item = &'a [u8]>,
        feed: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<(), E>,
    ) -> Result<bool, E> {
        // Told apart once and not per slice; the state of the longest algorithm is large, that of this one is not.
        if let Some(Running::HmacSha256(keyed)) = &self.start {
            let mut mac = keyed.clone();
            feed(&mut |slice| mac.update(slice))?;
            return Ok(matches_any(&mac.finalize().into_bytes(), candidates));
        }
        let Some(mut mac) = self.start() else {
            return Ok(false);
        };
        feed(&mut |slice| mac.update(slice))?;
        Ok(mac.finish().matches(candidates))
    }

    /// Does any candidate equal the token? Only the length of the token can be learned from the time this takes.
    pub(crate) fn matches_token<'a>(&self, candidates: impl Iterator<Item = &'a [u8]>) -> bool {
        self.secret()
            .is_some_and(|token| matches_any(token, candidates))
    }
}

impl Running {
    /// A plain digest; `None` for hash functions that this build does not have.
    pub(crate) fn digest(hash: Hash) -> Option<Self> {
        match hash {
            Hash::Sha1 => Some(Self::Sha1(Sha1::new())),
            Hash::Sha256 => Some(Self::Sha256(Sha256::new())),
            Hash::Sha384 => Some(Self::Sha384(Sha384::new())),
            Hash::Sha512 => Some(Self::Sha512(Sha512::new())),
            Hash::Crc32 | Hash::Md5 => None,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::HmacSha1(mac) => mac.update(bytes),
            Self::HmacSha256(mac) => mac.update(bytes),
            Self::HmacSha384(mac) => mac.update(bytes),
            Self::HmacSha512(mac) => mac.update(bytes),
            Self::Sha1(hash) => hash.update(bytes),
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha384(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Tag {
        match self {
            Self::HmacSha1(mac) => Tag::new(&mac.finalize().into_bytes()),
            Self::HmacSha256(mac) => Tag::new(&mac.finalize().into_bytes()),
            Self::HmacSha384(mac) => Tag::new(&mac.finalize().into_bytes()),
            Self::HmacSha512(mac) => Tag::new(&mac.finalize().into_bytes()),
            Self::Sha1(hash) => Tag::new(&hash.finalize()),
            Self::Sha256(hash) => Tag::new(&hash.finalize()),
            Self::Sha384(hash) => Tag::new(&hash.finalize()),
            Self::Sha512(hash) => Tag::new(&hash.finalize()),
        }
    }
}

impl Tag {
    fn new(from: &[u8]) -> Self {
        let mut bytes = [0; MAX_TAG];
        let len = from.len().min(MAX_TAG);
        for (to, byte) in bytes.iter_mut().zip(from) {
            *to = *byte;
        }
        Self { bytes, len }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Does any candidate equal the tag? Every candidate is compared whole and in constant time.
    pub(crate) fn matches<'a>(&self, candidates: impl Iterator<Item = &'a [u8]>) -> bool {
        matches_any(self.as_bytes(), candidates)
    }
}

impl fmt::Debug for Keyed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Keyed")
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Running")
    }
}

/// SHA-256 of what `feed` feeds.
pub(crate) fn sha256(feed: impl FnOnce(&mut dyn FnMut(&[u8]))) -> [u8; 32] {
    let mut hash = Sha256::new();
    feed(&mut |slice| hash.update(slice));
    hash.finalize().into()
}

/// What candidates are held against: it cannot be compared but here, in constant time.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'e>(&'e [u8]);

impl<'e> Expected<'e> {
    pub(crate) const fn new(bytes: &'e [u8]) -> Self {
        Self(bytes)
    }

    /// Nothing equals what is empty. Only its length can be learned from the time this takes.
    pub(crate) fn equals(self, candidate: &[u8]) -> bool {
        matches_any(self.0, std::iter::once(candidate))
    }
}

/// Does any candidate equal what is expected? Constant time for a given length.
fn matches_any<'a>(expected: &[u8], candidates: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut matched = Choice::from(0);
    for candidate in candidates {
        matched |= same(candidate, expected);
    }
    bool::from(matched) && !expected.is_empty()
}

/// In constant time for a given length, eight bytes at a time: `subtle`'s own comparison of slices goes byte by byte.
fn same(left: &[u8], right: &[u8]) -> Choice {
    if left.len() != right.len() {
        return Choice::from(0);
    }
    let (left, right) = (left.as_chunks::<8>(), right.as_chunks::<8>());
    let rest = left.1.ct_eq(right.1);
    let words = left.0.iter().zip(right.0);
    words.fold(rest, |same, (left, right)| {
        same & u64::from_ne_bytes(*left).ct_eq(&u64::from_ne_bytes(*right))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(algorithm: Algorithm, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let keyed = Keyed::from_key(algorithm, Zeroizing::new(key.to_vec()), false).unwrap();
        let mut running = keyed.start().unwrap();
        for part in parts {
            running.update(part);
        }
        running.finish().as_bytes().to_vec()
    }

    #[test]
    fn rfc_2202_and_4231_test_case_two() {
        // Key "Jefe", data "what do ya want for nothing?", fed in two slices.
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        for (algorithm, hex) in [
            (
                Algorithm::HmacSha1,
                "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            ),
            (
                Algorithm::HmacSha256,
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                Algorithm::HmacSha384,
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                Algorithm::HmacSha512,
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
        ] {
            assert_eq!(
                tag(algorithm, b"Jefe", &parts),
                base16ct::lower::decode_vec(hex).unwrap(),
                "{algorithm:?}"
            );
        }
    }

    #[test]
    fn every_byte_and_the_whole_length_are_compared() {
        let keyed = Keyed::from_key(
            Algorithm::HmacSha256,
            Zeroizing::new(b"key".to_vec()),
            false,
        )
        .unwrap();
        let good = keyed.start().unwrap().finish();
        let matches = |candidate: &[u8]| good.matches(std::iter::once(candidate));
        assert!(matches(good.as_bytes()));
        for at in 0..32 {
            for bit in 0..8 {
                let mut bad = good.as_bytes().to_vec();
                bad[at] ^= 1 << bit;
                assert!(!matches(&bad), "byte {at} bit {bit}");
            }
        }
        for len in 0..32 {
            assert!(!matches(&good.as_bytes()[..len]), "first {len} bytes");
        }
        // A comparison that stops at the shorter length accepts what only begins right (RUSTSEC-2024-0010).
        for more in [8, 16, 32] {
            let mut longer = good.as_bytes().to_vec();
            longer.resize(32 + more, 0);
            assert!(!matches(&longer), "{more} bytes more");
        }
        let mut longer = good.as_bytes().to_vec();
        longer.push(0);
        assert!(!matches(&longer));
        assert!(!matches(b""));
        let wrong = [0_u8; 32];
        assert!(
            good.matches([&wrong[..], good.as_bytes()].into_iter()),
            "any position"
        );
        assert!(
            good.matches([good.as_bytes(), &wrong[..]].into_iter()),
            "any position"
        );
    }

    #[test]
    fn an_empty_token_matches_nothing() {
        let keyed = Keyed::from_key(Algorithm::Token, Zeroizing::new(Vec::new()), false).unwrap();
        assert!(!keyed.matches_token(std::iter::once(&b""[..])));
    }

    /// A keyed state is as good as its key. `Hmac` says nothing of itself: it is made of two states of its hash function and a buffer, which
    /// are wiped.
    #[test]
    fn keys_and_keyed_states_are_wiped() {
        fn wiped(_: &impl zeroize::ZeroizeOnDrop) {}
        let key = Zeroizing::new(b"0123456789abcdef".to_vec());
        let Keyed { start, secret } = Keyed::from_key(Algorithm::Token, key, true).unwrap();
        wiped(&secret.unwrap());
        assert!(start.is_none());
        wiped(&Sha1::new());
        wiped(&Sha256::new());
        wiped(&Sha384::new());
        wiped(&Sha512::new());
    }

    /// A library hashed the body once per candidate: a header of candidates was worth seconds of work.
    #[test]
    fn content_is_fed_once_whatever_the_number_of_candidates() {
        for algorithm in [Algorithm::HmacSha1, Algorithm::HmacSha256] {
            let keyed = Keyed::from_key(algorithm, Zeroizing::new(b"key".to_vec()), false).unwrap();
            let wrong = [0_u8; 32];
            let (mut fed, candidates) = (0, std::iter::repeat_n(&wrong[..], 2_000));
            let matched = keyed.matches(candidates, |sink| {
                fed += 1;
                sink(b"content");
                Ok::<_, ()>(())
            });
            assert_eq!((matched, fed), (Ok(false), 1), "{algorithm:?}");
        }
    }
}
