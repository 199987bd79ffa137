//! The digest of the body that some senders put into the URL that they sign.

use countersign::Scheme;
use countersign::scheme::{CheckedBodies, Encoding, Hash, Part, Place};
use sha2::{Digest as _, Sha256};

/// The URL with the scheme's digests in it, those that are not there yet.
pub(crate) fn add(scheme: &Scheme, url: &str, body: &[u8], is_form: bool) -> String {
    let mut url = url.to_owned();
    for check in scheme.checks.iter() {
        let Place::QueryParam(name) = &check.place else {
            continue;
        };
        let is_known = check.algorithm == Hash::Sha256
            && check.encoding == Encoding::Hex
            && matches!(check.of.as_ref(), [Part::Body]);
        let has_none = check.bodies == CheckedBodies::AllButForms && (is_form || body.is_empty());
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let is_there = form_urlencoded::parse(query.as_bytes()).any(|(known, _)| known == *name);
        if is_known && !has_none && !is_there {
            let digest: String = Sha256::digest(body)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            url = crate::outgoing::with_parameter(&url, name, &digest);
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::providers::{STRIPE, TWILIO};

    #[test]
    fn a_digest_is_added_once_and_where_it_belongs() {
        let with = "https://h/p?a=1&bodySHA256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(add(&TWILIO, "https://h/p?a=1", b"abc", false), with);
        assert_eq!(add(&TWILIO, with, b"other", false), with);
        assert_eq!(add(&TWILIO, "https://h/p", b"a=b", true), "https://h/p");
        assert_eq!(add(&TWILIO, "https://h/p", b"", false), "https://h/p");
        assert_eq!(add(&STRIPE, "https://h/p", b"abc", false), "https://h/p");
    }
}
