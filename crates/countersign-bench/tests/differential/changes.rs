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
    /// What we say to an attempt with this change alone: [`ACCEPTED`], or the code of the refusal. At Stripe, and where ids are in headers.
    ours: [&'static str; 2],
    pub(crate) make: fn(&mut Attempt, &mut Random),
}

pub(crate) const ACCEPTED: &str = "accepted";

/// Of a change that changes nothing at a sender. One that sometimes does not, by lot, is only judged when it does.
pub(crate) const UNTOUCHED: &str = "untouched";

impl Change {
    pub(crate) const fn ours(&self, sender: Sender) -> &'static str {
        let [stripe, with_id] = self.ours;
        match sender {
            Sender::Stripe => stripe,
            Sender::Standard | Sender::Svix => with_id,
        }
    }
}

const fn change(
    name: &'static str,
    ours: &'static str,
    make: fn(&mut Attempt, &mut Random),
) -> Change {
    differs(name, [ours, ours], make)
}

/// Where it is not the same at all senders.
const fn differs(
    name: &'static str,
    ours: [&'static str; 2],
    make: fn(&mut Attempt, &mut Random),
) -> Change {
    Change { name, ours, make }
}

/// All that make sense at a sender.
pub(crate) fn of(sender: Sender) -> Vec<Change> {
    let mut changes = vec![change("nothing", UNTOUCHED, |_, _| {})];
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
    change(
        "another byte in the body",
        "signature_mismatch",
        |attempt, random| {
            let at = random.below(attempt.body.len());
            if let Some(byte) = attempt.body.get_mut(at) {
                *byte ^= 1 << random.below(7);
            }
        },
    ),
    change("a body cut short", "signature_mismatch", |attempt, _| {
        attempt.body.pop();
    }),
    change(
        "a line end behind the body",
        "signature_mismatch",
        |attempt, _| attempt.body.push(b'\n'),
    ),
    change("an empty body, signed", ACCEPTED, |attempt, _| {
        attempt.resign(|attempt| attempt.body.clear());
    }),
    change(
        "an empty body, not signed",
        "signature_mismatch",
        |attempt, _| attempt.body.clear(),
    ),
    change("letters of every script, signed", ACCEPTED, |attempt, _| {
        attempt
            .resign(|attempt| attempt.body = "\u{feff}{\"\u{6f22}\": \"\u{e9}e\u{301}\"}".into());
    }),
    change(
        "a body that is no text, signed",
        ACCEPTED,
        |attempt, random| {
            attempt.resign(|attempt| {
                let count = 1 + random.below(40);
                attempt.body = [random.bytes(count), vec![0xc3, 0x28, 0]].concat();
            });
        },
    ),
    change(
        "as long a body as may be, signed",
        ACCEPTED,
        |attempt, _| {
            attempt.resign(|attempt| attempt.body.resize(MAX_BODY, b' '));
        },
    ),
    change(
        "a body longer by a byte, signed",
        "body_too_large",
        |attempt, _| {
            attempt.resign(|attempt| attempt.body.resize(MAX_BODY + 1, b' '));
        },
    ),
];

const SECRETS: &[Change] = &[
    change("another secret", "signature_mismatch", |attempt, random| {
        let now = attempt.now;
        attempt.secret = Attempt::genuine(attempt.sender, random, now).secret;
    }),
    change(
        "the sender's key is a piece of ours",
        "signature_mismatch",
        |attempt, random| {
            let len = attempt.key.len() - 1 - random.below(7);
            sign_with(attempt, |key| key.truncate(len));
        },
    ),
    change(
        "the sender's key goes on behind ours",
        "signature_mismatch",
        |attempt, _| {
            sign_with(attempt, |key| key.push(b'0'));
        },
    ),
    // HMAC fills short keys with zeros: the same key.
    change(
        "the sender's key ends in a zero more",
        ACCEPTED,
        |attempt, _| {
            if attempt.key.len() < 64 {
                sign_with(attempt, |key| key.push(0));
            }
        },
    ),
    differs(
        "the key is the secret's text",
        [UNTOUCHED, "signature_mismatch"],
        |attempt, _| {
            let text = attempt.secret.clone().into_bytes();
            sign_with(attempt, |key| *key = text);
        },
    ),
    change(
        "the key is the text behind the prefix",
        "signature_mismatch",
        |attempt, _| {
            let text = attempt
                .secret
                .trim_start_matches("whsec_")
                .as_bytes()
                .to_vec();
            sign_with(attempt, |key| *key = text);
        },
    ),
    differs(
        "the secret has no prefix",
        ["signature_mismatch", ACCEPTED],
        |attempt, _| {
            attempt.secret = attempt.secret.trim_start_matches("whsec_").to_owned();
        },
    ),
];

fn sign_with(attempt: &mut Attempt, change: impl FnOnce(&mut Vec<u8>)) {
    attempt.resign(|attempt| change(&mut attempt.key));
}

const LINES: &[Change] = &[
    change(
        "the signature's line twice",
        "signature_repeated",
        |attempt, _| {
            repeat_line(attempt, Field::Signature, |_| {});
        },
    ),
    change(
        "a bogus signature in a second line",
        "signature_repeated",
        |attempt, _| {
            repeat_line(attempt, Field::Signature, |value| value.reverse());
        },
    ),
    change(
        "a bogus signature in the first line",
        "signature_repeated",
        |attempt, _| {
            repeat_line(attempt, Field::Signature, |value| value.reverse());
            attempt.headers.reverse();
        },
    ),
    change("no signature", "signature_missing", |attempt, _| {
        attempt.remove(attempt.name(Field::Signature));
    }),
    change("an empty signature", "signature_malformed", |attempt, _| {
        attempt.set(attempt.name(Field::Signature), "");
    }),
    change(
        "blanks around the signature's value",
        ACCEPTED,
        |attempt, random| {
            pad(attempt, Field::Signature, random);
        },
    ),
    change("another method", "method_not_allowed", |attempt, _| {
        attempt.method = "PUT"
    }),
    change(
        "a compressed body, says the header",
        "content_encoding_unsupported",
        |attempt, _| {
            attempt.headers.push(("content-encoding", b"gzip".to_vec()));
        },
    ),
    change("some other header", ACCEPTED, |attempt, _| {
        attempt
            .headers
            .push(("x-request-id", b"v1=0,v1,0".to_vec()));
    }),
    change("the type of JSON", ACCEPTED, |attempt, _| {
        with_type(attempt, "application/json");
    }),
    change(
        "the type of JSON with its charset",
        ACCEPTED,
        |attempt, random| {
            let types = [
                "application/json; charset=utf-8",
                "application/json;charset=UTF-8",
                "application/json ; charset=\"utf-8\"",
            ];
            let kind: &&str = random.pick(&types);
            with_type(attempt, kind);
        },
    ),
    change("the type of JSON in mixed case", ACCEPTED, |attempt, _| {
        with_type(attempt, "Application/JSON");
    }),
    change(
        "the type of JSON in two lines",
        "media_type_unsupported",
        |attempt, _| {
            with_type(attempt, "application/json");
            with_type(attempt, "application/json");
        },
    ),
    differs(
        "the type of a form",
        ["media_type_unsupported", ACCEPTED],
        |attempt, _| {
            with_type(attempt, "application/x-www-form-urlencoded");
        },
    ),
    differs(
        "an empty type",
        ["media_type_unsupported", ACCEPTED],
        |attempt, _| with_type(attempt, ""),
    ),
    differs(
        "a type that begins as that of JSON",
        ["media_type_unsupported", ACCEPTED],
        |attempt, _| {
            with_type(attempt, "application/json5");
        },
    ),
    differs(
        "a type that is no JSON",
        ["media_type_unsupported", ACCEPTED],
        |attempt, _| {
            with_type(attempt, "text/plain");
        },
    ),
];

fn with_type(attempt: &mut Attempt, kind: &str) {
    attempt.headers.push(("content-type", kind.into()));
}

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
