//! Stamps, ids, and where they lie.

use super::{Change, change, pad, repeat_line};
use crate::attempt::{Attempt, Field, SVIX, WEBHOOK};

/// Another moment, as the sender would send it then.
fn moment(attempt: &mut Attempt, offset: i64) {
    let moment = attempt.now.saturating_add(offset).to_string();
    attempt.resign(|attempt| attempt.set_stamp(moment.as_bytes()));
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
    change("as old as may be", |attempt, _| moment(attempt, -300)),
    change("a second too old", |attempt, _| moment(attempt, -301)),
    change("as new as may be", |attempt, _| moment(attempt, 300)),
    change("a second too new", |attempt, _| moment(attempt, 301)),
    change("a moment near the edges", |attempt, random| {
        let offset = i64::try_from(random.below(8)).unwrap_or_default() - 4;
        let side = *random.pick(&[-300, 300]);
        moment(attempt, side + offset);
    }),
    change("long ago", |attempt, random| {
        let ago = i64::try_from(random.below(1_000_000_000)).unwrap_or_default();
        moment(attempt, -301 - ago);
    }),
    change("another moment, not signed", |attempt, _| {
        let stamp = (attempt.now + 1).to_string();
        let other = (attempt.now + 2).to_string();
        let taken = attempt.stamp() == Some(stamp.clone().into_bytes());
        attempt.set_stamp(if taken { other } else { stamp }.as_bytes());
    }),
    change("milliseconds", |attempt, _| {
        written(attempt, |stamp| format!("{stamp}000"))
    }),
    change("an empty stamp", |attempt, _| {
        written(attempt, |_| String::new())
    }),
    change("a plus sign, signed as written", |attempt, _| {
        written(attempt, |stamp| format!("+{stamp}"))
    }),
    change("a plus sign, the number signed", |attempt, _| {
        printed(attempt, |stamp| format!("+{stamp}"))
    }),
    change("a leading zero, signed as written", |attempt, _| {
        written(attempt, |stamp| format!("0{stamp}"))
    }),
    change("leading zeros, the number signed", |attempt, random| {
        let zeros = "0".repeat(1 + random.below(12));
        printed(attempt, |stamp| format!("{zeros}{stamp}"));
    }),
    change("a minus sign", |attempt, _| {
        printed(attempt, |stamp| format!("-{stamp}"))
    }),
    change("a fraction", |attempt, _| {
        written(attempt, |stamp| format!("{stamp}.0"))
    }),
    change("an exponent", |attempt, _| {
        written(attempt, |stamp| format!("{stamp}e0"))
    }),
    change("hex digits", |attempt, _| {
        let hex = format!("{:#x}", attempt.now);
        written(attempt, |_| hex);
    }),
    change("a blank within the stamp", |attempt, _| {
        written(attempt, |stamp| format!("{stamp} 0"))
    }),
    change("digits of another script", |attempt, _| {
        written(attempt, |stamp| stamp.replace('1', "\u{661}"));
    }),
    change("the least number of all", |attempt, _| {
        printed(attempt, |_| i64::MIN.to_string())
    }),
    change("nearly the least number of all", |attempt, random| {
        let above = i64::try_from(random.below(1_000_000_000)).unwrap_or_default();
        printed(attempt, |_| (i64::MIN + above).to_string());
    }),
    change("the greatest number of all", |attempt, _| {
        printed(attempt, |_| i64::MAX.to_string())
    }),
    change("a number beyond 64 bits", |attempt, _| {
        written(attempt, |_| "18446744073709551616".to_owned())
    }),
];

pub(crate) const STRIPE: &[Change] = &[
    change("no stamp", |attempt, _| {
        let mut items = attempt.items();
        items.retain(|item| !item.starts_with(b"t="));
        attempt.set_items(&items);
    }),
    change("the same stamp twice", |attempt, _| {
        let mut items = attempt.items();
        items.insert(0, items[0].clone());
        attempt.set_items(&items);
    }),
    change("another stamp before", |attempt, _| {
        let mut items = attempt.items();
        items.insert(0, format!("t={}", attempt.now - 7).into_bytes());
        attempt.set_items(&items);
    }),
    change("another stamp behind", |attempt, _| {
        let mut items = attempt.items();
        items.push(format!("t={}", attempt.now - 301).into_bytes());
        attempt.set_items(&items);
    }),
    change("a blank behind each comma", |attempt, _| {
        let mut items = attempt.items();
        items
            .iter_mut()
            .skip(1)
            .for_each(|item| item.insert(0, b' '));
        attempt.set_items(&items);
    }),
    change("the stamp's key in upper case", |attempt, _| {
        let mut items = attempt.items();
        for item in items.iter_mut().filter(|item| item.starts_with(b"t=")) {
            item[0] = b'T';
        }
        attempt.set_items(&items);
    }),
    change("the body begins in the stamp", |attempt, _| {
        // The signed bytes are the same: stamp, full stop, body.
        let moved: Vec<u8> = attempt
            .body
            .iter()
            .copied()
            .take_while(|byte| *byte != b'.')
            .collect();
        if attempt.body.contains(&b'.') {
            let stamp = [
                attempt.stamp().unwrap_or_default(),
                b".".to_vec(),
                moved.clone(),
            ]
            .concat();
            attempt.body.drain(..=moved.len());
            if stamp.iter().all(|byte| byte.is_ascii_graphic()) {
                attempt.set_stamp(&stamp);
            }
        }
    }),
];

pub(crate) const IDS: &[Change] = &[
    change("no stamp", |attempt, _| {
        attempt.remove(attempt.name(Field::Stamp))
    }),
    change("the stamp's line twice", |attempt, _| {
        repeat_line(attempt, Field::Stamp, |_| {})
    }),
    change("another stamp in a second line", |attempt, _| {
        repeat_line(attempt, Field::Stamp, |value| *value = b"1".to_vec());
    }),
    change("blanks around the stamp", |attempt, random| {
        pad(attempt, Field::Stamp, random)
    }),
    change("no id", |attempt, _| {
        attempt.remove(attempt.name(Field::Id))
    }),
    change("an empty id", |attempt, _| set_id(attempt, |_| Vec::new())),
    change("another id, not signed", |attempt, _| {
        let id = attempt.name(Field::Id);
        attempt.set(id, "msg_another");
    }),
    change("an id in upper case", |attempt, _| {
        let (name, id) = (attempt.name(Field::Id), attempt.id().to_ascii_uppercase());
        attempt.set(name, id);
    }),
    change("a full stop in the id", |attempt, random| {
        let at = random.below(8);
        set_id(attempt, |mut id| {
            id.insert(at.min(id.len()), b'.');
            id
        });
    }),
    change("the stamp begins in the id", |attempt, _| {
        // Other values, the same signed bytes: id, full stop, stamp, full stop, body.
        let inner = attempt.now.to_string();
        let rest = attempt.body.clone();
        attempt.resign(|attempt| attempt.body = [inner.as_bytes(), b".", &rest].concat());
        let (id, stamp) = (attempt.id(), attempt.stamp().unwrap_or_default());
        attempt.set(attempt.name(Field::Id), [id, stamp].join(&b'.'));
        attempt.set_stamp(inner.as_bytes());
        attempt.body = rest;
    }),
    change("a blank within the id", |attempt, _| {
        set_id(attempt, |id| [id.as_slice(), b" a"].concat())
    }),
    change("a tab within the id", |attempt, _| {
        set_id(attempt, |id| [id.as_slice(), b"\ta"].concat())
    }),
    change("letters beyond ASCII in the id", |attempt, _| {
        set_id(attempt, |id| [id.as_slice(), "\u{e9}".as_bytes()].concat());
    }),
    change("an id of 10 KiB", |attempt, _| {
        set_id(attempt, |id| id.repeat(10_240 / id.len().max(1)))
    }),
    change("the id's line twice", |attempt, _| {
        repeat_line(attempt, Field::Id, |_| {})
    }),
    change("another id in a second line", |attempt, _| {
        repeat_line(attempt, Field::Id, |value| *value = b"msg_another".to_vec());
    }),
    change("blanks around the id", |attempt, random| {
        pad(attempt, Field::Id, random)
    }),
    change("blanks around the id, signed", |attempt, random| {
        attempt.resign(|attempt| pad(attempt, Field::Id, random));
    }),
];

fn set_id(attempt: &mut Attempt, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let (name, id) = (attempt.name(Field::Id), attempt.id());
    attempt.resign(|attempt| attempt.set(name, change(id)));
}

pub(crate) const FAMILIES: &[Change] = &[
    change("the id under the other family", |attempt, _| {
        rename(attempt, &[0])
    }),
    change("the stamp under the other family", |attempt, _| {
        rename(attempt, &[1])
    }),
    change("the signature under the other family", |attempt, _| {
        rename(attempt, &[2])
    }),
    change("all under the other family", |attempt, _| {
        rename(attempt, &[0, 1, 2])
    }),
    change("all under both families", |attempt, _| {
        let twice = attempt.headers.clone();
        attempt.headers.extend(
            twice
                .into_iter()
                .filter_map(|(name, value)| Some((other(name)?, value))),
        );
    }),
    change("another id under the other family", |attempt, _| {
        let name = other(attempt.name(Field::Id)).unwrap_or_default();
        attempt.headers.push((name, b"msg_another".to_vec()));
    }),
    change("another stamp under the other family", |attempt, _| {
        let name = other(attempt.name(Field::Stamp)).unwrap_or_default();
        attempt.headers.push((name, b"1".to_vec()));
    }),
    change("another signature under the other family", |attempt, _| {
        let name = other(attempt.name(Field::Signature)).unwrap_or_default();
        attempt.headers.push((name, b"v1,AAAA".to_vec()));
    }),
];

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
