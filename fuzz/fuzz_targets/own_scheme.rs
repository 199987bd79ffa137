//! A template: copy this file to fuzz a scheme of your own. See the README beside it.
//!
//! Input: a signature header's value, a line end, the body.
//! Property: a stranger's signature is refused; the sender's is accepted, in one piece and in many, and covers every bit of the body; and
//! text added to the sender's signature may spoil it, but never lets in another body.

#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use countersign::{Message, Receiver, Refusal, Scheme, Secret, Timestamp, Verified};
use http::{HeaderValue, Request};
use libfuzzer_sys::fuzz_target;

/// Yours: from a file, or a constant.
const SCHEME: &str = r#"
name = "acme"
content = ["timestamp", { literal = "." }, "body"]
signature = { header = "acme-signature", layout = { pairs = { separator = ",", accept = ["v1"] } } }
timestamp = { pair = "t", unit = "s", tolerance = 300 }
id = { json = "/id" }
"#;
const SIGNATURE: &str = "acme-signature";
const SECRET: &str = "a secret that no seed was signed with";
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

struct Acme {
    scheme: Scheme,
    secret: Secret,
    receiver: Receiver,
}

static ACME: LazyLock<Acme> = LazyLock::new(|| {
    let scheme: Scheme = toml::from_str(SCHEME).expect("a scheme");
    let secret = Secret::new(SECRET).expect("a secret");
    let receiver = Receiver::builder(scheme.clone(), secret.clone()).build();
    Acme {
        scheme,
        secret,
        receiver: receiver.expect("a scheme that makes sense"),
    }
});

fuzz_target!(|input: &[u8]| {
    let line = input.iter().position(|byte| *byte == b'\n');
    let (text, rest) = input.split_at(line.unwrap_or(input.len()));
    let body = rest.get(1..).unwrap_or_default();

    // Nobody without the secret gets in.
    if let Ok(forged) = HeaderValue::from_bytes(text) {
        assert!(verify(&forged, body).is_err());
    }

    // The sender does, however the body arrives.
    let headers = ACME
        .scheme
        .sign(&ACME.secret, &Message::new(body, NOW))
        .expect("signed");
    let signature = headers.into_iter().find(|(name, _)| name == SIGNATURE);
    let (_, signature) = signature.expect("in its header");
    let verified = verify(&signature, body).expect("genuine");
    assert_eq!(verified.body(), body);
    assert!(in_pieces(&signature, body).is_ok());
    let _ = verified.deliver(&head(&signature));

    // Its signature fits no other body,
    let mut altered = body.to_vec();
    if let Some(byte) = altered.get_mut(text.len() % body.len().max(1)) {
        *byte ^= 1 << (text.len() % 8);
        assert_eq!(
            verify(&signature, &altered).err(),
            Some(Refusal::SignatureMismatch)
        );
    }

    // whatever is written behind it.
    let longer = [signature.as_bytes(), text].concat();
    if let Ok(longer) = HeaderValue::from_bytes(&longer) {
        assert!(verify(&longer, &altered).is_err() || altered == body);
        assert_eq!(
            verify(&longer, body).is_ok(),
            in_pieces(&longer, body).is_ok()
        );
    }
});

fn head(signature: &HeaderValue) -> Request<()> {
    let request = Request::post("/hooks").header(SIGNATURE, signature);
    request.body(()).expect("a request")
}

fn verify(signature: &HeaderValue, body: &[u8]) -> Result<Verified, Refusal> {
    let body = Bytes::copy_from_slice(body);
    ACME.receiver.verify(&head(signature), body, NOW)
}

fn in_pieces(signature: &HeaderValue, body: &[u8]) -> Result<Verified, Refusal> {
    let mut intake = ACME.receiver.open(&head(signature), NOW)?;
    for piece in body.chunks(3) {
        intake.push(Bytes::copy_from_slice(piece))?;
    }
    let finished = intake.finish()?;
    // The scheme asks no questions, so there is nothing else.
    Ok(finished.verified().expect("a delivery"))
}
