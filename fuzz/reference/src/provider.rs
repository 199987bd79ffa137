//! The schemes. Each gives `Some(fits)`, or none as soon as something is missing, repeated or misspelled.

pub(crate) mod body_only;
pub(crate) mod github;
pub(crate) mod shopify;
pub(crate) mod slack;
pub(crate) mod standard_webhooks;
pub(crate) mod stripe;
pub(crate) mod token;
pub(crate) mod url_signing;

use crate::hmac::Algorithm;

/// A header may carry this many candidates, those that do not decode and unreadable items included.
const MAX_COUNTED: usize = 16;

/// The signature if its text decodes to exactly one digest of the algorithm.
fn of_length(algorithm: Algorithm, decoded: Option<Vec<u8>>) -> Option<Vec<u8>> {
    decoded.filter(|bytes| bytes.len() == algorithm.length())
}

/// What a list of signatures gave: the well-formed ones, and how many items count towards the limit.
#[derive(Default)]
struct Candidates {
    signatures: Vec<Vec<u8>>,
    counted: usize,
}

impl Candidates {
    /// An item that is no signature but stands where one could.
    fn count(&mut self) {
        self.counted += 1;
    }

    /// An item that says it is a signature; none when its text did not decode.
    fn offer(&mut self, signature: Option<Vec<u8>>) {
        self.counted += 1;
        self.signatures.extend(signature);
    }

    /// The signatures to try: at least one, out of no more counted items than allowed.
    fn finish(self) -> Option<Vec<Vec<u8>>> {
        if self.counted > MAX_COUNTED || self.signatures.is_empty() {
            return None;
        }
        Some(self.signatures)
    }
}
