//! HMAC written out (RFC 2104) over SHA-1 and SHA-2, and the question whether one signature fits.

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The digest under the HMAC.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Algorithm {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    /// How many bytes a digest has.
    pub(crate) fn length(self) -> usize {
        match self {
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha384 => 48,
            Algorithm::Sha512 => 64,
        }
    }

    /// Bytes that the digest takes in at once.
    fn block(self) -> usize {
        match self {
            Algorithm::Sha1 | Algorithm::Sha256 => 64,
            Algorithm::Sha384 | Algorithm::Sha512 => 128,
        }
    }

    pub(crate) fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Algorithm::Sha1 => Sha1::digest(message).to_vec(),
            Algorithm::Sha256 => Sha256::digest(message).to_vec(),
            Algorithm::Sha384 => Sha384::digest(message).to_vec(),
            Algorithm::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    /// H((key ^ opad) + H((key ^ ipad) + message)), the key filled up with zeros to a block.
    pub(crate) fn hmac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        let mut key = if key.len() > self.block() {
            self.digest(key)
        } else {
            key.to_vec()
        };
        key.resize(self.block(), 0);
        let ipad: Vec<u8> = key.iter().map(|byte| byte ^ 0x36).collect();
        let opad: Vec<u8> = key.iter().map(|byte| byte ^ 0x5c).collect();

        let inner = self.digest(&[ipad.as_slice(), message].concat());
        self.digest(&[opad.as_slice(), &inner].concat())
    }

    /// Whether any of the signatures is that of the content under any of the keys.
    pub(crate) fn any_fits(self, keys: &[Vec<u8>], content: &[u8], signatures: &[Vec<u8>]) -> bool {
        for key in keys {
            let expected = self.hmac(key, content);
            for signature in signatures {
                if *signature == expected {
                    return true;
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests;
