//! An attempt without one peculiarity, and else as it was. What is signed anew was genuinely signed before: a forged signature stays one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::scheme::{MAX_CANDIDATES, MAX_SIGNATURE_LEN};

use crate::attempt::{Attempt, Field, MAX_BODY, SVIX, Sender, WEBHOOK, number};

type Undone = Option<Attempt>;

/// `None` when nothing changes.
fn undone(attempt: &Attempt, change: impl FnOnce(&mut Attempt)) -> Undone {
    let mut undone = attempt.clone();
    change(&mut undone);
    let same = undone.method == attempt.method
        && undone.headers == attempt.headers
        && undone.body == attempt.body;
    (!same).then_some(undone)
}

/// Without the items that are not wanted.
fn without(attempt: &Attempt, unwanted: impl Fn(&[u8]) -> bool) -> Undone {
    undone(attempt, |attempt| {
        let mut items = attempt.items();
        let before = items.len();
        items.retain(|item| !unwanted(item));
        if items.len() != before {
            attempt.set_items(&items);
        }
    })
}

fn is_hex(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_hexdigit)
}

pub(crate) fn hex_case(attempt: &Attempt) -> Undone {
    if attempt.sender != Sender::Stripe {
        return None;
    }
    undone(attempt, |attempt| {
        let mut items = attempt.items();
        for item in &mut items {
            if item.starts_with(b"v1=") && is_hex(&item[3..]) {
                item[3..].make_ascii_lowercase();
            }
        }
        attempt.set_items(&items);
    })
}

pub(crate) fn stamp_spelling(attempt: &Attempt) -> Undone {
    let stamp = attempt.stamp()?;
    let printed = number(&stamp)?.to_string().into_bytes();
    undone(attempt, |attempt| {
        attempt.resign(|attempt| attempt.set_stamp(&printed))
    })
}

pub(crate) fn stamp_overflow(attempt: &Attempt) -> Undone {
    // Whoever mixes families finds it in either.
    let attempt = mixed_families(attempt).unwrap_or_else(|| attempt.clone());
    let stamp = number(&attempt.stamp()?)?;
    if attempt.now.checked_sub(stamp).is_some() {
        return None;
    }
    let now = attempt.now.to_string();
    undone(&attempt, |attempt| {
        attempt.resign(|attempt| attempt.set_stamp(now.as_bytes()));
    })
}

pub(crate) fn repeated_stamp(attempt: &Attempt) -> Undone {
    if attempt.sender != Sender::Stripe {
        return None;
    }
    // Blanks before a first stamp are no part of it.
    let trimmed = blanks(attempt).unwrap_or_else(|| attempt.clone());
    let is_stamp = |item: &[u8]| item.starts_with(b"t=");
    let items = trimmed.items();
    let last = items.iter().rposition(|item| is_stamp(item))?;
    let all = (0..).zip(items);
    let kept = all.filter(|(at, item)| *at == last || !is_stamp(item));
    let kept: Vec<Vec<u8>> = kept.map(|(_, item)| item).collect();
    if kept.len() == trimmed.items().len() {
        return None;
    }
    undone(&trimmed, |attempt| attempt.set_items(&kept))
}

pub(crate) fn repeated_lines(attempt: &Attempt) -> Undone {
    undone(attempt, |attempt| {
        let mut seen = Vec::new();
        attempt.headers.retain(|(name, _)| {
            let first = !seen.contains(name);
            seen.push(*name);
            first
        });
    })
}

pub(crate) fn blank_keys(attempt: &Attempt) -> Undone {
    if attempt.sender != Sender::Stripe {
        return None;
    }
    without(attempt, |item| {
        let key = item.split(|byte| *byte == b'=').next().unwrap_or_default();
        let trimmed = key.trim_ascii();
        trimmed != key && [b"v1".as_slice(), b"t"].contains(&trimmed)
    })
}

/// Signatures that are not genuine and items that are no pairs, where there are too many.
pub(crate) fn crowd(attempt: &Attempt) -> Undone {
    if attempt.items().len() <= MAX_CANDIDATES {
        return None;
    }
    let genuine = attempt.genuine_tags();
    let mark = attempt.mark().as_bytes();
    without(attempt, |item| match item.strip_prefix(mark) {
        Some(tag) => !genuine.iter().any(|genuine| genuine.as_bytes() == tag),
        None => !item.contains(&mark[2]),
    })
}

/// Items of which one alone fills the header, or signatures that are not genuine and fill it together.
pub(crate) fn long_items(attempt: &Attempt) -> Undone {
    if attempt.items().concat().len() <= MAX_SIGNATURE_LEN / 2 {
        return None;
    }
    without(attempt, |item| item.len() > MAX_SIGNATURE_LEN / 2).or_else(|| crowd(attempt))
}

fn set_id(attempt: &Attempt, id: &[u8]) -> Undone {
    if attempt.sender == Sender::Stripe {
        return None;
    }
    let name = attempt.name(Field::Id);
    attempt.header(name)?;
    undone(attempt, |attempt| {
        attempt.resign(|attempt| attempt.set(name, id))
    })
}

pub(crate) fn id_full_stop(attempt: &Attempt) -> Undone {
    let mut id = attempt.id();
    id.iter_mut()
        .filter(|byte| **byte == b'.')
        .for_each(|byte| *byte = b'-');
    set_id(attempt, &id)
}

pub(crate) fn id_form(attempt: &Attempt) -> Undone {
    let id = attempt.id();
    let mut form: Vec<u8> = id
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b' ' | b'\t'))
        .collect();
    form.truncate(256);
    if form.is_empty() {
        form.push(b'x');
    }
    set_id(attempt, &form)
}

/// Signs the id as HTTP hands it on.
pub(crate) fn id_blanks_signed(attempt: &Attempt) -> Undone {
    set_id(attempt, attempt.id().trim_ascii())
}

pub(crate) fn mixed_families(attempt: &Attempt) -> Undone {
    if attempt.sender != Sender::Svix {
        return None;
    }
    undone(attempt, |attempt| {
        for (branded, plain) in SVIX.into_iter().zip(WEBHOOK) {
            if attempt.header(branded).is_some() {
                attempt.remove(plain);
            }
            for (name, _) in attempt
                .headers
                .iter_mut()
                .filter(|(name, _)| *name == plain)
            {
                *name = branded;
            }
        }
    })
}

pub(crate) fn stray_family(attempt: &Attempt) -> Undone {
    if attempt.sender != Sender::Svix || attempt.header(SVIX[2]).is_some() {
        return None;
    }
    undone(attempt, |attempt| {
        SVIX.iter().for_each(|name| attempt.remove(name))
    })
}

pub(crate) fn method(attempt: &Attempt) -> Undone {
    undone(attempt, |attempt| attempt.method = "POST")
}

pub(crate) fn content_encoding(attempt: &Attempt) -> Undone {
    undone(attempt, |attempt| attempt.remove("content-encoding"))
}

/// Whoever refuses JSON itself is not excused.
pub(crate) fn media_type(attempt: &Attempt) -> Undone {
    let kind = attempt.header("content-type")?;
    let essence = kind.split(|byte| *byte == b';').next()?.trim_ascii();
    if essence.eq_ignore_ascii_case(b"application/json") {
        return None;
    }
    undone(attempt, |attempt| attempt.remove("content-type"))
}

pub(crate) fn large_body(attempt: &Attempt) -> Undone {
    if attempt.body.len() <= MAX_BODY {
        return None;
    }
    undone(attempt, |attempt| {
        attempt.resign(|attempt| attempt.body.truncate(8));
    })
}

pub(crate) fn blanks(attempt: &Attempt) -> Undone {
    undone(attempt, |attempt| {
        for (_, value) in &mut attempt.headers {
            *value = value.trim_ascii().to_vec();
        }
    })
}

pub(crate) fn no_pairs(attempt: &Attempt) -> Undone {
    without(attempt, |item| !item.contains(&b'='))
}

pub(crate) fn malformed_candidates(attempt: &Attempt) -> Undone {
    let mark = attempt.mark().as_bytes();
    without(attempt, |item| {
        item.strip_prefix(mark)
            .is_some_and(|tag| match attempt.sender {
                Sender::Stripe => tag.len() != 64 || !is_hex(tag),
                _ => STANDARD.decode(tag).map(|tag| tag.len()) != Ok(32),
            })
    })
}

pub(crate) fn beyond_ascii(attempt: &Attempt) -> Undone {
    without(attempt, |item| !item.is_ascii())
}

pub(crate) fn no_text(attempt: &Attempt) -> Undone {
    if std::str::from_utf8(&attempt.body).is_ok() {
        return None;
    }
    undone(attempt, |attempt| {
        attempt.resign(|attempt| attempt.body = b"text".to_vec())
    })
}
