//! What can be different about an attempt, one thing at a time. Some changes keep it genuine, some forge it, and some are a matter of taste.

#[path = "changes/fields.rs"]
mod fields;
#[path = "changes/signature.rs"]
mod signature;

use crate::attempt::{Attempt, Field, MAX_BODY, Sender};
use crate::random::Random;

/// One change.
#[derive(Clone, Copy)]
pub(crate) struct Change {
    pub(crate) name: &'static str,
    pub(crate) make: fn(&mut Attempt, &mut Random),
}

const fn change(name: &'static str, make: fn(&mut Attempt, &mut Random)) -> Change {
    Change { name, make }
}

/// All that make sense at a sender.
pub(crate) fn of(sender: Sender) -> Vec<Change> {
    let mut changes = vec![change("nothing", |_, _| {})];
    changes.extend_from_slice(signature::TAGS);
    changes.extend_from_slice(signature::ITEMS);
    changes.extend_from_slice(fields::STAMPS);
    changes.extend_from_slice(BODIES);
    changes.extend_from_slice(SECRETS);
    changes.extend_from_slice(LINES);
    match sender {
        Sender::Stripe => changes.extend_from_slice(fields::STRIPE),
        Sender::Standard => changes.extend_from_slice(fields::IDS),
        Sender::Svix => {
            changes.extend_from_slice(fields::IDS);
            changes.extend_from_slice(fields::FAMILIES);
        }
    }
    changes
}

const BODIES: &[Change] = &[
    change("another byte in the body", |attempt, random| {
        let at = random.below(attempt.body.len());
        if let Some(byte) = attempt.body.get_mut(at) {
            *byte ^= 1 << random.below(7);
        }
    }),
    change("a body cut short", |attempt, _| {
        attempt.body.pop();
    }),
    change("a line end behind the body", |attempt, _| {
        attempt.body.push(b'\n')
    }),
    change("an empty body, signed", |attempt, _| {
        attempt.resign(|attempt| attempt.body.clear());
    }),
    change("an empty body, not signed", |attempt, _| {
        attempt.body.clear()
    }),
    change("letters of every script, signed", |attempt, _| {
        attempt
            .resign(|attempt| attempt.body = "\u{feff}{\"\u{6f22}\": \"\u{e9}e\u{301}\"}".into());
    }),
    change("a body that is no text, signed", |attempt, random| {
        attempt.resign(|attempt| {
            let count = 1 + random.below(40);
            attempt.body = [random.bytes(count), vec![0xc3, 0x28, 0]].concat();
        });
    }),
    change("as long a body as may be, signed", |attempt, _| {
        attempt.resign(|attempt| attempt.body.resize(MAX_BODY, b' '));
    }),
    change("a body longer by a byte, signed", |attempt, _| {
        attempt.resign(|attempt| attempt.body.resize(MAX_BODY + 1, b' '));
    }),
];

const SECRETS: &[Change] = &[
    change("another secret", |attempt, random| {
        let now = attempt.now;
        attempt.secret = Attempt::genuine(attempt.sender, random, now).secret;
    }),
    change("the sender's key is a piece of ours", |attempt, random| {
        let len = attempt.key.len() - 1 - random.below(7);
        sign_with(attempt, |key| key.truncate(len));
    }),
    change("the sender's key goes on behind ours", |attempt, _| {
        sign_with(attempt, |key| key.push(b'0'));
    }),
    // HMAC fills short keys with zeros: the same key.
    change("the sender's key ends in a zero more", |attempt, _| {
        if attempt.key.len() < 64 {
            sign_with(attempt, |key| key.push(0));
        }
    }),
    change("the key is the secret's text", |attempt, _| {
        let text = attempt.secret.clone().into_bytes();
        sign_with(attempt, |key| *key = text);
    }),
    change("the key is the text behind the prefix", |attempt, _| {
        let text = attempt
            .secret
            .trim_start_matches("whsec_")
            .as_bytes()
            .to_vec();
        sign_with(attempt, |key| *key = text);
    }),
    change("the secret has no prefix", |attempt, _| {
        attempt.secret = attempt.secret.trim_start_matches("whsec_").to_owned();
    }),
];

fn sign_with(attempt: &mut Attempt, change: impl FnOnce(&mut Vec<u8>)) {
    attempt.resign(|attempt| change(&mut attempt.key));
}

const LINES: &[Change] = &[
    change("the signature's line twice", |attempt, _| {
        repeat_line(attempt, Field::Signature, |_| {});
    }),
    change("a bogus signature in a second line", |attempt, _| {
        repeat_line(attempt, Field::Signature, |value| value.reverse());
    }),
    change("a bogus signature in the first line", |attempt, _| {
        repeat_line(attempt, Field::Signature, |value| value.reverse());
        attempt.headers.reverse();
    }),
    change("no signature", |attempt, _| {
        attempt.remove(attempt.name(Field::Signature));
    }),
    change("an empty signature", |attempt, _| {
        attempt.set(attempt.name(Field::Signature), "");
    }),
    change("blanks around the signature's value", |attempt, random| {
        pad(attempt, Field::Signature, random);
    }),
    change("another method", |attempt, _| attempt.method = "PUT"),
    change("a compressed body, says the header", |attempt, _| {
        attempt.headers.push(("content-encoding", b"gzip".to_vec()));
    }),
    change("some other header", |attempt, _| {
        attempt
            .headers
            .push(("x-request-id", b"v1=0,v1,0".to_vec()));
    }),
    change("a type that is no JSON", |attempt, _| {
        attempt
            .headers
            .push(("content-type", b"text/plain".to_vec()));
    }),
];

fn repeat_line(attempt: &mut Attempt, field: Field, change: impl FnOnce(&mut Vec<u8>)) {
    let name = attempt.name(field);
    if let Some(value) = attempt.header(name) {
        let mut value = value.to_vec();
        change(&mut value);
        attempt.headers.push((name, value));
    }
}

/// What HTTP strips from a value before anybody reads it.
fn pad(attempt: &mut Attempt, field: Field, random: &mut Random) {
    let name = attempt.name(field);
    if let Some(value) = attempt.header(name) {
        let blank = *random.pick(b" \t");
        let padded = match random.below(3) {
            0 => [&[blank], value].concat(),
            1 => [value, &[blank]].concat(),
            _ => [&[blank, b' '], value, &[blank]].concat(),
        };
        attempt.set(name, padded);
    }
}
