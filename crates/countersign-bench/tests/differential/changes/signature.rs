//! How a signature is written, and what stands beside it.

use super::{ACCEPTED, Change, UNTOUCHED, change, differs};
use crate::attempt::{Attempt, Sender, text};
use crate::random::Random;

/// What the items that are signatures say behind their mark.
fn each_tag(attempt: &mut Attempt, mut change: impl FnMut(&mut Vec<u8>)) {
    let mark = attempt.mark().as_bytes();
    let mut items = attempt.items();
    for item in &mut items {
        if let Some(tag) = item.strip_prefix(mark) {
            let mut tag = tag.to_vec();
            change(&mut tag);
            *item = [mark, &tag].concat();
        }
    }
    attempt.set_items(&items);
}

/// The letters of which every bit counts: in base64 all but the last.
fn full(tag: &mut [u8]) -> &mut [u8] {
    match tag {
        [full @ .., _, b'='] => full,
        _ => tag,
    }
}

pub(crate) const TAGS: &[Change] = &[
    change(
        "one letter of the signature",
        "signature_mismatch",
        |attempt, random| {
            let is_hex = attempt.sender == Sender::Stripe;
            each_tag(attempt, |tag| {
                let at = random.below(tag.len().min(42));
                let letters: &[u8] = if is_hex {
                    b"0123456789abcdef"
                } else {
                    b"+/09AZaz"
                };
                if let Some(letter) = tag.get_mut(at) {
                    *letter = *random.pick(letters);
                }
            });
        },
    ),
    change(
        "the last letter of the signature",
        "signature_mismatch",
        |attempt, random| {
            let letters = if attempt.sender == Sender::Stripe {
                b"0123456789abcdef"
            } else {
                // With its unused bits clear.
                b"048AEIMQUYcgkosw"
            };
            each_tag(attempt, |tag| {
                if let Some(last) = tag.iter_mut().rev().find(|letter| **letter != b'=') {
                    *last = *random.pick(letters);
                }
            });
        },
    ),
    change(
        "a signature one byte short",
        "signature_malformed",
        |attempt, _| {
            let less = if attempt.sender == Sender::Stripe {
                2
            } else {
                4
            };
            each_tag(attempt, |tag| tag.truncate(tag.len().saturating_sub(less)));
        },
    ),
    change(
        "half of a signature",
        "signature_malformed",
        |attempt, _| {
            each_tag(attempt, |tag| tag.truncate(tag.len() / 2));
        },
    ),
    change(
        "the first letters of a signature",
        "signature_malformed",
        |attempt, random| {
            each_tag(attempt, |tag| tag.truncate(1 + random.below(8)));
        },
    ),
    change(
        "an odd number of letters",
        "signature_malformed",
        |attempt, _| {
            each_tag(attempt, |tag| {
                tag.pop();
            });
        },
    ),
    change("a longer signature", "signature_malformed", |attempt, _| {
        each_tag(attempt, |tag| tag.extend_from_slice(b"00"));
    }),
    change(
        "the signature twice in one",
        "signature_malformed",
        |attempt, _| {
            each_tag(attempt, |tag| tag.extend_from_within(..));
        },
    ),
    change(
        "nothing behind the mark",
        "signature_malformed",
        |attempt, _| each_tag(attempt, Vec::clear),
    ),
    change(
        "a signature of zeros",
        "signature_mismatch",
        |attempt, _| {
            each_tag(attempt, |tag| {
                let zero = if tag.last() == Some(&b'=') {
                    b'A'
                } else {
                    b'0'
                };
                tag.iter_mut()
                    .filter(|letter| **letter != b'=')
                    .for_each(|letter| *letter = zero);
            });
        },
    ),
    differs(
        "upper case",
        ["signature_malformed", "signature_mismatch"],
        |attempt, _| each_tag(attempt, |tag| full(tag).make_ascii_uppercase()),
    ),
    differs(
        "mixed case",
        ["signature_malformed", "signature_mismatch"],
        |attempt, random| {
            each_tag(attempt, |tag| {
                for letter in full(tag) {
                    if random.below(2) == 0 {
                        letter.make_ascii_uppercase();
                    }
                }
            });
        },
    ),
    differs(
        "padding is missing",
        [UNTOUCHED, "signature_malformed"],
        |attempt, _| {
            each_tag(attempt, |tag| tag.retain(|letter| *letter != b'='));
        },
    ),
    change("too much padding", "signature_malformed", |attempt, _| {
        each_tag(attempt, |tag| tag.push(b'='))
    }),
    differs(
        "the alphabet of URLs",
        [UNTOUCHED, "signature_malformed"],
        |attempt, _| {
            each_tag(attempt, |tag| {
                for letter in tag {
                    *letter = match *letter {
                        b'+' => b'-',
                        b'/' => b'_',
                        other => other,
                    };
                }
            });
        },
    ),
    differs(
        "unused bits are set",
        [UNTOUCHED, "signature_malformed"],
        |attempt, _| {
            each_tag(attempt, |tag| {
                if let [.., last, b'='] = tag.as_mut_slice() {
                    // The last letter before the padding stands for four bits, and is followed by one that differs in an unused one.
                    *last = if last.is_ascii_alphabetic() {
                        *last + 1
                    } else {
                        b'1'
                    };
                }
            });
        },
    ),
    change(
        "a signature in quotes",
        "signature_malformed",
        |attempt, _| {
            each_tag(attempt, |tag| {
                *tag = [b"\"", tag.as_slice(), b"\""].concat()
            });
        },
    ),
    change(
        "a prefix before the signature",
        "signature_malformed",
        |attempt, _| {
            each_tag(attempt, |tag| *tag = [b"sha256=", tag.as_slice()].concat());
        },
    ),
    change(
        "a blank before the signature",
        "signature_malformed",
        |attempt, _| each_tag(attempt, |tag| tag.insert(0, b' ')),
    ),
    change("a blank behind the signature", ACCEPTED, |attempt, _| {
        each_tag(attempt, |tag| tag.push(b' '))
    }),
    change(
        "bytes beyond ASCII in the signature",
        "signature_malformed",
        |attempt, _| {
            each_tag(attempt, |tag| tag.extend_from_slice("\u{e9}".as_bytes()));
        },
    ),
    change(
        "base64 where hex belongs, and hex where base64 does",
        "signature_malformed",
        |attempt, _| {
            let other = if attempt.sender == Sender::Stripe {
                "Mm7xgUVICxZfQ3bgf0h0Dof65L/IFx+PnZvnDWPCX6Q=".to_owned()
            } else {
                "326ef181".repeat(8)
            };
            each_tag(attempt, |tag| *tag = other.clone().into_bytes());
        },
    ),
];

pub(crate) const ITEMS: &[Change] = &[
    change("a bogus signature before", ACCEPTED, |attempt, random| {
        let item = bogus(attempt, random);
        insert(attempt, 0, item);
    }),
    change("a bogus signature behind", ACCEPTED, |attempt, random| {
        let item = bogus(attempt, random);
        insert(attempt, usize::MAX, item);
    }),
    change("a malformed signature before", ACCEPTED, |attempt, _| {
        let item = marked(attempt, b"zz");
        insert(attempt, 0, item);
    }),
    change("a malformed signature behind", ACCEPTED, |attempt, _| {
        let item = marked(attempt, b"");
        insert(attempt, usize::MAX, item);
    }),
    change("the genuine signature twice", ACCEPTED, |attempt, _| {
        let last = attempt.items().pop().unwrap_or_default();
        insert(attempt, usize::MAX, last);
    }),
    change("a few bogus signatures", ACCEPTED, |attempt, random| {
        crowd(attempt, random, 1..=14)
    }),
    change("16 signatures", ACCEPTED, |attempt, random| {
        crowd(attempt, random, 15..=15)
    }),
    change("17 signatures", "too_many_candidates", |attempt, random| {
        crowd(attempt, random, 16..=16)
    }),
    change(
        "200 signatures",
        "too_many_candidates",
        |attempt, random| crowd(attempt, random, 199..=199),
    ),
    change(
        "a label in upper case",
        "signature_malformed",
        |attempt, _| relabel(attempt, "V1"),
    ),
    change("an older label", "signature_malformed", |attempt, _| {
        relabel(attempt, "v0")
    }),
    change("a newer label", "signature_malformed", |attempt, _| {
        relabel(attempt, "v2")
    }),
    change(
        "the label of another algorithm",
        "signature_malformed",
        |attempt, _| relabel(attempt, "v1a"),
    ),
    change("no label", "signature_malformed", |attempt, _| {
        relabel(attempt, "")
    }),
    change(
        "a blank in the label",
        "signature_malformed",
        |attempt, _| relabel(attempt, "v1 "),
    ),
    change(
        "items of other labels beside",
        ACCEPTED,
        |attempt, random| {
            for label in ["v0", "v1a", "v2", "x"] {
                let [.., assign] = attempt.mark().as_bytes() else {
                    continue;
                };
                let tag = bogus(attempt, random).split_off(attempt.mark().len());
                let item = [label.as_bytes(), &[*assign], &tag].concat();
                let at = random.below(3);
                insert(attempt, at, item);
            }
        },
    ),
    differs(
        "a signature whose key has a blank beside",
        ["signature_malformed", ACCEPTED],
        |attempt, random| {
            let item = [b" ".to_vec(), bogus(attempt, random)].concat();
            insert(attempt, usize::MAX, item);
        },
    ),
    differs(
        "the only signature's key has a blank",
        ["signature_malformed", ACCEPTED],
        |attempt, _| {
            let mark = attempt.mark().as_bytes();
            let mut items = attempt.items();
            for item in items.iter_mut().filter(|item| item.starts_with(mark)) {
                item.insert(0, b'\t');
            }
            attempt.set_items(&items);
        },
    ),
    change("an item that is no pair", ACCEPTED, |attempt, random| {
        let at = random.below(3);
        insert(attempt, at, b"junk".to_vec());
    }),
    change("an empty item before", ACCEPTED, |attempt, _| {
        insert(attempt, 0, Vec::new())
    }),
    change("an empty item behind", ACCEPTED, |attempt, _| {
        insert(attempt, usize::MAX, Vec::new())
    }),
    change("an item of bytes beyond ASCII", ACCEPTED, |attempt, _| {
        let name = [
            "x".as_bytes(),
            &attempt.mark().as_bytes()[2..],
            "\u{e9}".as_bytes(),
        ]
        .concat();
        insert(attempt, usize::MAX, name);
    }),
    change("an item of 10 KiB", "signature_too_long", |attempt, _| {
        let name = [
            "x".as_bytes(),
            &attempt.mark().as_bytes()[2..],
            &[b'a'; 10_240],
        ]
        .concat();
        insert(attempt, usize::MAX, name);
    }),
    differs(
        "another separator",
        ["signature_malformed", UNTOUCHED],
        |attempt, random| {
            let items = attempt.items();
            let joined = items.join(random.pick(b";|\t&"));
            attempt.set(attempt.name(crate::attempt::Field::Signature), joined);
        },
    ),
    differs(
        "the items in another order",
        [ACCEPTED, UNTOUCHED],
        |attempt, _| {
            let mut items = attempt.items();
            items.reverse();
            attempt.set_items(&items);
        },
    ),
];

fn marked(attempt: &Attempt, tag: &[u8]) -> Vec<u8> {
    [attempt.mark().as_bytes(), tag].concat()
}

/// Well-formed, and no signature of anything.
fn bogus(attempt: &Attempt, random: &mut Random) -> Vec<u8> {
    let tag = match attempt.sender {
        Sender::Stripe => text(random, b"0123456789abcdef", 64),
        _ => format!("{}A=", text(random, b"09AZaz+/", 42)),
    };
    marked(attempt, tag.as_bytes())
}

fn insert(attempt: &mut Attempt, at: usize, item: Vec<u8>) {
    let mut items = attempt.items();
    items.insert(at.min(items.len()), item);
    attempt.set_items(&items);
}

/// So many bogus signatures around what is there.
fn crowd(attempt: &mut Attempt, random: &mut Random, counts: std::ops::RangeInclusive<usize>) {
    let count = counts.start() + random.below(counts.end() - counts.start() + 1);
    let mut items = attempt.items();
    for _ in 0..count {
        let at = random.below(items.len() + 1);
        items.insert(at, bogus(attempt, random));
    }
    attempt.set_items(&items);
}

fn relabel(attempt: &mut Attempt, label: &str) {
    let mark = attempt.mark();
    let assign = &mark[2..];
    let mut items = attempt.items();
    for item in &mut items {
        if let Some(tag) = item.strip_prefix(mark.as_bytes()) {
            *item = [label.as_bytes(), assign.as_bytes(), tag].concat();
        }
    }
    attempt.set_items(&items);
}
