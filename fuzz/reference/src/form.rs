//! The urlencoded parser of the URL Standard (<https://url.spec.whatwg.org/#urlencoded-parsing>), step by step.

/// Every pair, in order.
#[must_use]
pub fn pairs(body: &[u8]) -> Vec<(String, String)> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    decoded(body)
        .into_iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// Whether every name and value is text. What is none would be replaced, so that different bytes became equal.
#[must_use]
pub fn is_text(body: &[u8]) -> bool {
    decoded(body)
        .into_iter()
        .all(|(name, value)| String::from_utf8(name).is_ok() && String::from_utf8(value).is_ok())
}

fn decoded(body: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut pairs = Vec::new();
    for sequence in body.split(|byte| *byte == b'&') {
        if sequence.is_empty() {
            continue;
        }
        let at = sequence.iter().position(|byte| *byte == b'=');
        let (name, value) = match at {
            Some(at) => (&sequence[..at], &sequence[at + 1..]),
            None => (sequence, &b""[..]),
        };
        pairs.push((decode(name), decode(value)));
    }
    pairs
}

fn decode(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let escape = text
            .get(at + 1..at + 3)
            .filter(|digits| text[at] == b'%' && digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (escape, text[at]) {
            (Some(byte), _) => {
                bytes.push(byte);
                at += 2;
            }
            (None, b'+') => bytes.push(b' '),
            (None, other) => bytes.push(other),
        }
        at += 1;
    }
    bytes
}
