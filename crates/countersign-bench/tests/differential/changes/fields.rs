//! Stamps, ids, and where they lie.

use super::{ACCEPTED, Change, change, pad, repeat_line};
use crate::attempt::{Attempt, Field, SVIX, WEBHOOK};
use crate::random::Random;

/// Another moment, as the sender would send it then.
fn moment(attempt: &mut Attempt, offset: i64) {
    let moment = attempt.now.saturating_add(offset).to_string();
    attempt.resign(|attempt| attempt.set_stamp(moment.as_bytes()));
}

fn few(random: &mut Random) -> i64 {
    i64::try_from(random.below(4)).unwrap_or_default()
}

/// Another text for the stamp, signed as it is written.
fn written(attempt: &mut Attempt, change: impl FnOnce(String) -> String) {
    let stamp = stamp(attempt);
    attempt.resign(|attempt| attempt.set_stamp(change(stamp).as_bytes()));
}

/// The same, signed over the number that it stands for.
fn printed(attempt: &mut Attempt, change: impl FnOnce(String) -> String) {
    let stamp = stamp(attempt);
    attempt.resign_number(|attempt| attempt.set_stamp(change(stamp).as_bytes()));
}

fn stamp(attempt: &Attempt) -> String {
    String::from_utf8_lossy(&attempt.stamp().unwrap_or_default()).into_owned()
}

pub(crate) const STAMPS: &[Change] = &[
    change("as old as may be", ACCEPTED, |attempt, _| {
        moment(attempt, -300)
    }),
    change("a second too old", "timestamp_too_old", |attempt, _| {
        moment(attempt, -301)
    }),
    change("as new as may be", ACCEPTED, |attempt, _| {
        moment(attempt, 300)
    }),
    change("a second too new", "timestamp_too_new", |attempt, _| {
        moment(attempt, 301)
    }),
    change("nearly too old", ACCEPTED, |attempt, random| {
        moment(attempt, -299 + few(random))
    }),
    change("nearly too new", ACCEPTED, |attempt, random| {
        moment(attempt, 299 - few(random))
    }),
    change(
        "a few seconds too old",
        "timestamp_too_old",
        |attempt, random| moment(attempt, -302 - few(random)),
    ),
    change(
        "a few seconds too new",
        "timestamp_too_new",
        |attempt, random| moment(attempt, 302 + few(random)),
    ),
    change("long ago", "timestamp_too_old", |attempt, random| {
        let ago = i64::try_from(random.below(1_000_000_000)).unwrap_or_default();
        moment(attempt, -301 - ago);
    }),
    change(
        "another moment, not signed",
        "signature_mismatch",
        |attempt, _| {
            let stamp = (attempt.now + 1).to_string();
            let other = (attempt.now + 2).to_string();
            let taken = attempt.stamp() == Some(stamp.clone().into_bytes());
            attempt.set_stamp(if taken { other } else { stamp }.as_bytes());
        },
    ),
    change("milliseconds", "timestamp_too_new", |attempt, _| {
        written(attempt, |stamp| format!("{stamp}000"))
    }),
    change("an empty stamp", "timestamp_malformed", |attempt, _| {
        written(attempt, |_| String::new())
    }),
    change(
        "a plus sign, signed as written",
        "timestamp_malformed",
        |attempt, _| written(attempt, |stamp| format!("+{stamp}")),
    ),
    change(
        "a plus sign, the number signed",
        "timestamp_malformed",
        |attempt, _| printed(attempt, |stamp| format!("+{stamp}")),
    ),
    change(
        "a leading zero, signed as written",
        "timestamp_malformed",
        |attempt, _| written(attempt, |stamp| format!("0{stamp}")),
    ),
    change(
        "leading zeros, the number signed",
        "timestamp_malformed",
        |attempt, random| {
            let zeros = "0".repeat(1 + random.below(12));
            printed(attempt, |stamp| format!("{zeros}{stamp}"));
        },
    ),
    change("a minus sign", "timestamp_malformed", |attempt, _| {
        printed(attempt, |stamp| format!("-{stamp}"))
    }),
    change("a fraction", "timestamp_malformed", |attempt, _| {
        written(attempt, |stamp| format!("{stamp}.0"))
    }),
    change("an exponent", "timestamp_malformed", |attempt, _| {
        written(attempt, |stamp| format!("{stamp}e0"))
    }),
    change("hex digits", "timestamp_malformed", |attempt, _| {
        let hex = format!("{:#x}", attempt.now);
        written(attempt, |_| hex);
    }),
    change(
        "a blank within the stamp",
        "timestamp_malformed",
        |attempt, _| written(attempt, |stamp| format!("{stamp} 0")),
    ),
    change(
        "digits of another script",
        "timestamp_malformed",
        |attempt, _| {
            written(attempt, |stamp| stamp.replace('1', "\u{661}"));
        },
    ),
    change(
        "the least number of all",
        "timestamp_malformed",
        |attempt, _| printed(attempt, |_| i64::MIN.to_string()),
    ),
    change(
        "nearly the least number of all",
        "timestamp_malformed",
        |attempt, random| {
            let above = i64::try_from(random.below(1_000_000_000)).unwrap_or_default();
            printed(attempt, |_| (i64::MIN + above).to_string());
        },
    ),
    change(
        "the greatest number of all",
        "timestamp_malformed",
        |attempt, _| printed(attempt, |_| i64::MAX.to_string()),
    ),
    change(
        "a number beyond 64 bits",
        "timestamp_malformed",
        |attempt, _| written(attempt, |_| "18446744073709551616".to_owned()),
    ),
];

pub(crate) const STRIPE: &[Change] = &[
    change("no stamp", "timestamp_missing", |attempt, _| {
        let mut items = attempt.items();
        items.retain(|item| !item.starts_with(b"t="));
        attempt.set_items(&items);
    }),
    change(
        "the same stamp twice",
        "timestamp_repeated",
        |attempt, _| {
            let mut items = attempt.items();
            items.insert(0, items[0].clone());
            attempt.set_items(&items);
        },
    ),
    change(
        "another stamp before",
        "timestamp_repeated",
        |attempt, _| {
            let mut items = attempt.items();
            items.insert(0, format!("t={}", attempt.now - 7).into_bytes());
            attempt.set_items(&items);
        },
    ),
    change(
        "another stamp behind",
        "timestamp_repeated",
        |attempt, _| {
            let mut items = attempt.items();
            items.push(format!("t={}", attempt.now - 301).into_bytes());
            attempt.set_items(&items);
        },
    ),
    change(
        "a blank behind each comma",
        "signature_malformed",
        |attempt, _| {
            let mut items = attempt.items();
            items
                .iter_mut()
                .skip(1)
                .for_each(|item| item.insert(0, b' '));
            attempt.set_items(&items);
        },
    ),
    change(
        "the stamp's key in upper case",
        "timestamp_missing",
        |attempt, _| {
            let mut items = attempt.items();
            for item in items.iter_mut().filter(|item| item.starts_with(b"t=")) {
                item[0] = b'T';
            }
            attempt.set_items(&items);
        },
    ),
    change(
        "the body begins in the stamp",
        "timestamp_malformed",
        |attempt, _| {
            // The signed bytes are the same: stamp, full stop, body.
            let Some(end) = attempt.body.iter().position(|byte| *byte == b'.') else {
                return;
            };
            let stamp = attempt.stamp().unwrap_or_default();
            let stamp = [&stamp, b".".as_slice(), &attempt.body[..end]].concat();
            if stamp.iter().all(u8::is_ascii_graphic) {
                attempt.body.drain(..=end);
                attempt.set_stamp(&stamp);
            }
        },
    ),
];

pub(crate) const IDS: &[Change] = &[
    change("no stamp", "timestamp_missing", |attempt, _| {
        attempt.remove(attempt.name(Field::Stamp))
    }),
    change(
        "the stamp's line twice",
        "timestamp_repeated",
        |attempt, _| repeat_line(attempt, Field::Stamp, |_| {}),
    ),
    change(
        "another stamp in a second line",
        "timestamp_repeated",
        |attempt, _| {
            repeat_line(attempt, Field::Stamp, |value| *value = b"1".to_vec());
        },
    ),
    change("blanks around the stamp", ACCEPTED, |attempt, random| {
        pad(attempt, Field::Stamp, random)
    }),
    change("no id", "field_missing", |attempt, _| {
        attempt.remove(attempt.name(Field::Id))
    }),
    change("an empty id", "field_malformed", |attempt, _| {
        set_id(attempt, |_| Vec::new())
    }),
    change(
        "another id, not signed",
        "signature_mismatch",
        |attempt, _| {
            let id = attempt.name(Field::Id);
            attempt.set(id, "msg_another");
        },
    ),
    change("an id in upper case", "signature_mismatch", |attempt, _| {
        let (name, id) = (attempt.name(Field::Id), attempt.id().to_ascii_uppercase());
        attempt.set(name, id);
    }),
    change(
        "a full stop in the id",
        "field_malformed",
        |attempt, random| {
            let at = random.below(8);
            set_id(attempt, |mut id| {
                id.insert(at.min(id.len()), b'.');
                id
            });
        },
    ),
    change(
        "the stamp begins in the id",
        "field_malformed",
        |attempt, _| {
            // Other values, the same signed bytes: id, full stop, stamp, full stop, body.
            let inner = attempt.now.to_string();
            let rest = attempt.body.clone();
            attempt.resign(|attempt| attempt.body = [inner.as_bytes(), b".", &rest].concat());
            let (id, stamp) = (attempt.id(), attempt.stamp().unwrap_or_default());
            attempt.set(attempt.name(Field::Id), [id, stamp].join(&b'.'));
            attempt.set_stamp(inner.as_bytes());
            attempt.body = rest;
        },
    ),
    change("an id of one letter", ACCEPTED, |attempt, _| {
        set_id(attempt, |_| b"x".to_vec())
    }),
    change("as long an id as may be", ACCEPTED, |attempt, _| {
        set_id(attempt, |id| grown(&id, 256))
    }),
    change("an id longer by a byte", "field_malformed", |attempt, _| {
        set_id(attempt, |id| grown(&id, 257))
    }),
    change(
        "a blank in the middle of the id",
        "field_malformed",
        |attempt, random| {
            let at = 1 + random.below(8);
            set_id(attempt, |mut id| {
                let at = at.min(id.len().saturating_sub(1));
                id.insert(at, b' ');
                id
            });
        },
    ),
    change("a blank within the id", "field_malformed", |attempt, _| {
        set_id(attempt, |id| [id.as_slice(), b" a"].concat())
    }),
    change("a tab within the id", "field_malformed", |attempt, _| {
        set_id(attempt, |id| [id.as_slice(), b"\ta"].concat())
    }),
    change(
        "letters beyond ASCII in the id",
        "field_malformed",
        |attempt, _| {
            set_id(attempt, |id| [id.as_slice(), "\u{e9}".as_bytes()].concat());
        },
    ),
    change("an id of 10 KiB", "field_malformed", |attempt, _| {
        set_id(attempt, |id| id.repeat(10_240 / id.len().max(1)))
    }),
    change("the id's line twice", "field_repeated", |attempt, _| {
        repeat_line(attempt, Field::Id, |_| {})
    }),
    change(
        "another id in a second line",
        "field_repeated",
        |attempt, _| {
            repeat_line(attempt, Field::Id, |value| *value = b"msg_another".to_vec());
        },
    ),
    change("blanks around the id", ACCEPTED, |attempt, random| {
        pad(attempt, Field::Id, random)
    }),
    change(
        "blanks around the id, signed",
        "signature_mismatch",
        |attempt, random| {
            attempt.resign(|attempt| pad(attempt, Field::Id, random));
        },
    ),
];

fn grown(id: &[u8], len: usize) -> Vec<u8> {
    id.iter().copied().cycle().take(len).collect()
}

fn set_id(attempt: &mut Attempt, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let (name, id) = (attempt.name(Field::Id), attempt.id());
    attempt.resign(|attempt| attempt.set(name, change(id)));
}

pub(crate) const FAMILIES: &[Change] = &[
    change(
        "the id under the other family",
        "field_missing",
        |attempt, _| rename(attempt, &[0]),
    ),
    change(
        "the stamp under the other family",
        "timestamp_missing",
        |attempt, _| rename(attempt, &[1]),
    ),
    change(
        "the signature under the other family",
        "timestamp_missing",
        |attempt, _| rename(attempt, &[2]),
    ),
    change("all under the other family", ACCEPTED, |attempt, _| {
        rename(attempt, &[0, 1, 2])
    }),
    change("all under both families", ACCEPTED, |attempt, _| {
        let twice = attempt.headers.clone();
        attempt.headers.extend(
            twice
                .into_iter()
                .filter_map(|(name, value)| Some((other(name)?, value))),
        );
    }),
    change(
        "another id under the other family",
        ACCEPTED,
        |attempt, _| {
            let name = other(attempt.name(Field::Id)).unwrap_or_default();
            attempt.headers.push((name, b"msg_another".to_vec()));
        },
    ),
    change(
        "another stamp under the other family",
        ACCEPTED,
        |attempt, _| {
            let name = other(attempt.name(Field::Stamp)).unwrap_or_default();
            attempt.headers.push((name, b"1".to_vec()));
        },
    ),
    change(
        "a signature under the family that goes first",
        "signature_malformed",
        |attempt, _| {
            stray_signature(attempt, SVIX[2]);
        },
    ),
    change(
        "a signature under the family that goes last",
        ACCEPTED,
        |attempt, _| {
            stray_signature(attempt, WEBHOOK[2]);
        },
    ),
];

/// Beside the genuine one, which is under the other family; else nothing.
fn stray_signature(attempt: &mut Attempt, name: &'static str) {
    if attempt.header(name).is_none() {
        attempt.headers.push((name, b"v1,AAAA".to_vec()));
    }
}

fn other(name: &str) -> Option<&'static str> {
    let at = |names: [&str; 3]| names.iter().position(|known| *known == name);
    at(SVIX)
        .map(|at| WEBHOOK[at])
        .or_else(|| at(WEBHOOK).map(|at| SVIX[at]))
}

fn rename(attempt: &mut Attempt, which: &[usize]) {
    for (name, _) in &mut attempt.headers {
        let at = SVIX.iter().chain(&WEBHOOK).position(|known| known == name);
        if at.is_some_and(|at| which.contains(&(at % 3))) {
            *name = other(name).unwrap_or_default();
        }
    }
}
