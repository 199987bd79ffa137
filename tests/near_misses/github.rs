//! GitHub: one prefix, one algorithm, and no way back to SHA-1.

use countersign::Refusal::{SignatureMalformed, SignatureMismatch, SignatureMissing};
use countersign::providers;

use crate::attempt::{GITHUB, GITHUB_SHA1};

const SHA256_HEADER: &str = "x-hub-signature-256";
const SHA1_HEADER: &str = "x-hub-signature";

#[test]
fn the_prefix_of_another_algorithm() {
    for (sample, others) in [
        (GITHUB, ["sha1=", "sha512=", "sha-256=", "sha25="]),
        (GITHUB_SHA1, ["sha256=", "sha512=", "sha-1=", "sha="]),
    ] {
        let (own, _) = sample.around_tag();
        let spelled = [
            "v1=",
            "v0=",
            "md5=",
            "hmac-sha256=",
            "none=",
            "",
            "=",
            "t=1,v1=",
            "v1,",
            " ",
        ];
        let changed = [
            own.to_uppercase(),
            own.replacen('s', "S", 1),
            own.replace('=', ":"),
            own.replace('=', " "),
            own.replace('=', ""),
            own.replace('=', "=="),
            own.replace('=', " ="),
            own.replace('=', "= "),
            own.replace('=', "=0x"),
            format!("{own}{own}"),
            format!("x{own}"),
            format!("sha1=0,{own}"),
        ];
        let others = others.iter().chain(&spelled).map(|text| (*text).to_owned());
        for prefix in others.chain(changed) {
            let value = format!("{prefix}{}", sample.tag);
            let attempt = sample.attempt().set(sample.header, &value);
            attempt.refused(SignatureMalformed, value);
        }
        let prefix_alone = sample.attempt().set(sample.header, &own);
        prefix_alone.refused(SignatureMalformed, own);
    }
}

#[test]
fn a_genuine_sha1_header_is_never_looked_at() {
    let genuine = GITHUB_SHA1.attempt();
    genuine.passes("as the scheme of its own");
    let attempt = genuine.scheme(providers::GITHUB);
    attempt.refused(SignatureMissing, "only the SHA-1 header");
    let beside_wrong = attempt
        .clone()
        .set(SHA256_HEADER, format!("sha256={}", "0".repeat(64)));
    beside_wrong.refused(SignatureMismatch, "beside a wrong one");
    let beside_malformed = attempt.set(SHA256_HEADER, "sha256=");
    beside_malformed.refused(SignatureMalformed, "beside a malformed one");
}

#[test]
fn a_genuine_sha1_signature_under_the_sha256_header() {
    let attempt = GITHUB_SHA1.attempt().scheme(providers::GITHUB);
    let as_it_is = attempt.clone().renamed(SHA1_HEADER, SHA256_HEADER);
    as_it_is.refused(SignatureMalformed, "sha1=");
    let under_its_prefix = attempt.set(SHA256_HEADER, format!("sha256={}", GITHUB_SHA1.tag));
    under_its_prefix.refused(SignatureMalformed, "sha256= and 20 bytes");
}

#[test]
fn a_genuine_sha256_signature_is_none_of_sha1() {
    let attempt = GITHUB.attempt().scheme(providers::GITHUB_SHA1);
    attempt.refused(SignatureMissing, "only the SHA-256 header");
    let renamed = attempt.renamed(SHA256_HEADER, SHA1_HEADER);
    renamed.refused(SignatureMalformed, "under the SHA-1 header");
}

#[test]
fn a_wrong_sha1_header_beside_a_genuine_one_changes_nothing() {
    let attempt = GITHUB
        .attempt()
        .set(SHA1_HEADER, "sha1=0")
        .add(SHA1_HEADER, "x");
    attempt.passes("the other header is not this scheme's");
}

/// Neither is signed, so neither changes the verdict; see the fields.
#[test]
fn the_event_and_the_delivery_id_are_not_signed() {
    for name in ["x-github-event", "x-github-delivery"] {
        let attempt = GITHUB.attempt().set(name, "push").add(name, "ping");
        attempt.passes(name);
    }
}
