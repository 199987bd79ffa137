use super::Algorithm::{self, Sha1, Sha256, Sha384, Sha512};
use crate::encoding::from_hex;

type Case = (&'static [u8], &'static [u8], &'static str);

/// 0x01 to 0x19, the key of the fourth test case in both documents.
const COUNTING: [u8; 25] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
];

/// RFC 2202, section 3: all seven, the last two with keys longer than a block.
const RFC_2202: &[Case] = &[
    (
        &[0x0b; 20],
        b"Hi There",
        "b617318655057264e28bc0b6fb378c8ef146be00",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
    ),
    (
        &[0xaa; 20],
        &[0xdd; 50],
        "125d7342b9ac11cd91a39af48aa17b4f63f175d3",
    ),
    (
        &COUNTING,
        &[0xcd; 50],
        "4c9007f4026250c6bc8414f9bf50c86c2d7235da",
    ),
    (
        &[0x0c; 20],
        b"Test With Truncation",
        "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04",
    ),
    (
        &[0xaa; 80],
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "aa4ae5e15272d00e95705637ce8a3b55ed402112",
    ),
    (
        &[0xaa; 80],
        b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
        "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
    ),
];

/// RFC 4231, sections 4.2 to 4.8 without 4.6, which prints only half a digest.
const RFC_4231: &[Case] = &[
    (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (&COUNTING, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    (&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First", "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    (&[0xaa; 131], b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.", "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
];

fn check(algorithm: Algorithm, cases: &[Case]) {
    for (key, message, digest) in cases {
        let expected = from_hex(digest.as_bytes());
        assert_eq!(Some(algorithm.hmac(key, message)), expected, "{digest}");
    }
}

#[test]
fn sha1_of_rfc_2202() {
    check(Sha1, RFC_2202);
}

#[test]
fn sha256_of_rfc_4231() {
    check(Sha256, RFC_4231);
}

/// RFC 4231, section 4.6: the first 128 bits.
#[test]
fn truncated_sha256_of_rfc_4231() {
    let mac = Sha256.hmac(&[0x0c; 20], b"Test With Truncation");
    let printed = from_hex(b"a3b6167473100ee06e0c796c2955552b");
    assert_eq!(mac.get(..16).map(<[u8]>::to_vec), printed);
}

/// Digests computed with another implementation (Python's `hmac`).
#[test]
fn keys_around_the_length_of_a_block() {
    check(
        Sha1,
        &[(
            &[b'k'; 63],
            b"m",
            "a8cae63adc54720b13f070ffcf7026137100b9b8",
        )],
    );
    check(
        Sha256,
        &[(
            &[b'k'; 63],
            b"m",
            "e458f5dd7e8afee6b774e5d451ae43f4d268bf11646030143d0b0231dcb02383",
        )],
    );
    check(
        Sha1,
        &[(
            &[b'k'; 64],
            b"m",
            "d52b5b30393c20f423870bb6d0ad622b02848ca9",
        )],
    );
    check(
        Sha256,
        &[(
            &[b'k'; 64],
            b"m",
            "3b7a8d453e76edb519238a515105a57508d0f169f480ebeee120a9e7803289fa",
        )],
    );
    check(
        Sha1,
        &[(
            &[b'k'; 65],
            b"m",
            "d7ab367121230c7e073a785f02c779c915e96d01",
        )],
    );
    check(
        Sha256,
        &[(
            &[b'k'; 65],
            b"m",
            "c2d7d4c2256ddb097409ec0c67e1d58fa1a007fc6932cac0d892a525d08af7cc",
        )],
    );
}

#[test]
fn the_lengths_are_those_of_the_digests() {
    for algorithm in [Sha1, Sha256] {
        assert_eq!(algorithm.hmac(b"k", b"m").len(), algorithm.length());
    }
}

#[test]
fn any_key_and_any_signature_may_fit() {
    let keys = [b"one".to_vec(), b"two".to_vec()];
    let under = |key: &[u8]| Sha256.hmac(key, b"m");
    assert!(Sha256.any_fits(&keys, b"m", &[under(b"three"), under(b"two")]));
    assert!(Sha256.any_fits(&keys, b"m", &[under(b"one")]));
    assert!(!Sha256.any_fits(&keys, b"m", &[under(b"three")]));
    assert!(!Sha256.any_fits(&keys, b"n", &[under(b"one"), under(b"two")]));
    assert!(!Sha256.any_fits(&keys, b"m", &[]));
    assert!(!Sha256.any_fits(&[], b"m", &[under(b"one")]));
}

/// RFC 4231, the second test case and the sixth, whose key is longer than a block.
#[test]
fn longer_digests_have_longer_blocks() {
    for (algorithm, key, message, expected) in [
        (
            Sha384,
            &b"Jefe"[..],
            &b"what do ya want for nothing?"[..],
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        ),
        (
            Sha512,
            b"Jefe",
            b"what do ya want for nothing?",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
        (
            Sha384,
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
        ),
        (
            Sha512,
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
        ),
    ] {
        assert_eq!(
            Some(algorithm.hmac(key, message)),
            from_hex(expected.as_bytes())
        );
    }
}
