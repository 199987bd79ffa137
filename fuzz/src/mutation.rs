//! Changes of a message, one line each.
//!
//! | line | what it does |
//! |---|---|
//! | `flip HEADER BIT` | flips one bit of a header's value |
//! | `put HEADER AT TEXT` | puts text into a header's value |
//! | `cut HEADER AT LEN` | takes bytes out of it |
//! | `case HEADER` | swaps the case of its letters |
//! | `double HEADER` | repeats the header line |
//! | `remove HEADER` | leaves it out |
//! | `swap HEADER HEADER` | swaps two headers' names |
//! | `name HEADER TEXT` | gives it another name |
//! | `add NAME: VALUE` | adds a header line |
//! | `bit AT` | flips one bit of the body |
//! | `grow TEXT` | adds text to the body |
//! | `time MS` | judges so many milliseconds later |
//!
//! A header is a number, counted from 0 and as often around as it takes; so are the other positions. Other words stand for one of these.

use crate::message::Message;
use crate::text::{choose, number, position, words};

#[derive(Clone, Copy)]
enum Kind {
    Flip,
    Put,
    Cut,
    Case,
    Double,
    Remove,
    Swap,
    Name,
    Add,
    Bit,
    Grow,
    Time,
}

const KINDS: [(&str, Kind); 12] = [
    ("flip", Kind::Flip),
    ("put", Kind::Put),
    ("cut", Kind::Cut),
    ("case", Kind::Case),
    ("double", Kind::Double),
    ("remove", Kind::Remove),
    ("swap", Kind::Swap),
    ("name", Kind::Name),
    ("add", Kind::Add),
    ("bit", Kind::Bit),
    ("grow", Kind::Grow),
    ("time", Kind::Time),
];

/// Applies one line.
pub fn apply(line: &[u8], message: &mut Message) {
    let kind = *choose(&KINDS, words(line).next());
    let word = |at: usize| words(line).nth(at);
    let text = |skip: usize| -> &[u8] {
        line.splitn(skip + 1, |byte| *byte == b' ')
            .nth(skip)
            .unwrap_or_default()
    };
    match kind {
        Kind::Add => return message.add(text(1)),
        Kind::Bit => return flip(&mut message.body, word(1)),
        Kind::Grow => return message.body.extend_from_slice(text(1)),
        Kind::Time => {
            message.now_ms = message.now_ms.saturating_add(number(word(1)));
            return;
        }
        _ => {}
    }
    let Some(at) = position(word(1), message.headers.len()) else {
        return;
    };
    let (name, value) = &mut message.headers[at];
    match kind {
        Kind::Flip => flip(value, word(2)),
        Kind::Put => {
            let at = position(word(2), value.len() + 1).unwrap_or_default();
            value.splice(at..at, text(3).iter().copied());
        }
        Kind::Cut => {
            let at = position(word(2), value.len() + 1).unwrap_or_default();
            let len = position(word(3), value.len() - at + 1).unwrap_or_default();
            value.drain(at..at + len);
        }
        Kind::Case => {
            for letter in value.iter_mut().filter(|byte| byte.is_ascii_alphabetic()) {
                *letter ^= 0x20;
            }
        }
        Kind::Double => {
            let line = message.headers[at].clone();
            message.headers.push(line);
        }
        Kind::Remove => {
            message.headers.remove(at);
        }
        Kind::Swap => {
            let other = position(word(2), message.headers.len()).unwrap_or_default();
            let name = message.headers[at].0.clone();
            message.headers[at].0 = std::mem::replace(&mut message.headers[other].0, name);
        }
        Kind::Name => *name = String::from_utf8_lossy(text(2)).into_owned(),
        Kind::Add | Kind::Bit | Kind::Grow | Kind::Time => {}
    }
}

fn flip(bytes: &mut [u8], word: Option<&[u8]>) {
    if let Some(bit) = position(word, bytes.len() * 8) {
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}
