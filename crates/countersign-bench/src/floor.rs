//! The floor: what a careful person would write by hand for one sender, with everything known beforehand that can be.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// A pre-keyed HMAC, the bytes before the body, and the text of the tag as the header has it.
#[derive(Debug)]
pub(crate) struct Floor {
    keyed: Hmac<Sha256>,
    before: Vec<u8>,
    tag: Vec<u8>,
    spelling: Spelling,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Spelling {
    Hex,
    Base64,
}

impl Floor {
    pub(crate) fn new(
        key: &[u8],
        before: &str,
        tag: &str,
        spelling: Spelling,
    ) -> Result<Self, hmac::digest::InvalidLength> {
        Ok(Self {
            keyed: Hmac::new_from_slice(key)?,
            before: before.into(),
            tag: tag.into(),
            spelling,
        })
    }

    /// Clone, hash, decode, compare. Owns the body while it does, as a receiver does.
    pub(crate) fn verify(&self, body: Bytes) -> bool {
        let mut mac = self.keyed.clone();
        if !self.before.is_empty() {
            mac.update(&self.before);
        }
        mac.update(&body);
        let tag = mac.finalize().into_bytes();
        let mut given = [0; 32];
        self.decode(&mut given) && bool::from(tag.ct_eq(&given))
    }

    /// The same with the MAC crate's own comparison, which goes by words and not by bytes.
    pub(crate) fn verify_slice(&self, body: Bytes) -> bool {
        let mut mac = self.keyed.clone();
        if !self.before.is_empty() {
            mac.update(&self.before);
        }
        mac.update(&body);
        let mut given = [0; 32];
        self.decode(&mut given) && mac.verify_slice(&given).is_ok()
    }

    fn decode(&self, given: &mut [u8; 32]) -> bool {
        let decoded = match self.spelling {
            Spelling::Hex => base16ct::lower::decode(&self.tag, given)
                .ok()
                .map(<[u8]>::len),
            // The decoder wants room for what its estimate rounds up to.
            Spelling::Base64 => {
                let mut wide = [0; 36];
                let read = STANDARD.decode_slice(&self.tag, &mut wide).ok();
                if let Some(bytes) = wide.get(..32) {
                    given.copy_from_slice(bytes);
                }
                read
            }
        };
        decoded == Some(given.len())
    }
}
