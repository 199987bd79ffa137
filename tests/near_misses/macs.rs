//! Signatures made with the hash crates, and not with the library.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

macro_rules! hmac {
    ($name:ident, $hash:ty) => {
        pub(crate) fn $name(key: &str, parts: &[&[u8]]) -> Vec<u8> {
            let mut mac = Hmac::<$hash>::new_from_slice(key.as_bytes()).expect("any key");
            parts.iter().for_each(|part| mac.update(part));
            mac.finalize().into_bytes().to_vec()
        }
    };
}

hmac!(hmac_sha1, Sha1);
hmac!(hmac_sha256, Sha256);
hmac!(hmac_sha384, Sha384);
hmac!(hmac_sha512, Sha512);

pub(crate) fn sha256_hex(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}
