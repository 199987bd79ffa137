//! Headers that carry several signatures: any may match, there are at most sixteen, and what does not parse spoils nothing.

use countersign::Refusal::{
    self, SignatureMalformed, SignatureMismatch, SignatureTooLong, TooManyCandidates,
};
use countersign::scheme::MAX_CANDIDATES;

use crate::attempt::{
    Attempt, STANDARD_WEBHOOKS, STRIPE, SVIX, SVIX_UNBRANDED, Sample, Spelling, secret,
};

const LISTED: [Sample; 4] = [STRIPE, STANDARD_WEBHOOKS, SVIX, SVIX_UNBRANDED];
const TOO_MANY: Refusal = TooManyCandidates { limit: 16 };
const TOO_LONG: Refusal = SignatureTooLong { limit: 8192 };

/// An attempt whose header holds these items.
fn holding<T: AsRef<str>>(sample: &Sample, items: &[T]) -> Attempt {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    let value = match sample.spelling {
        Spelling::Hex => format!("t=1533204620,{}", items.join(",")),
        Spelling::Base64 => items.join(" "),
    };
    sample.attempt().set(sample.header, value)
}

/// An item with this text for a signature.
fn item(sample: &Sample, text: &str) -> String {
    match sample.spelling {
        Spelling::Hex => format!("v1={text}"),
        Spelling::Base64 => format!("v1,{text}"),
    }
}

fn good(sample: &Sample) -> String {
    item(sample, sample.tag)
}

/// A well-formed item that matches nothing, each number its own.
fn wrong(sample: &Sample, number: usize) -> String {
    match sample.spelling {
        Spelling::Hex => item(sample, &format!("{number:064x}")),
        // 43 digits of base64 whose last one leaves no tail bits, and the padding.
        Spelling::Base64 => item(sample, &format!("{number:042}A=")),
    }
}

/// Items that count although they hold no signature.
fn malformed(sample: &Sample) -> Vec<String> {
    let tag = sample.tag;
    let mut items = vec![
        "v1".to_owned(),
        "junk".to_owned(),
        String::new(),
        item(sample, ""),
        item(sample, "zz"),
        item(sample, &tag[..tag.len() - 1]),
        item(sample, &tag[..8]),
        item(sample, &format!("{tag}{tag}")),
        item(sample, "\u{e9}"),
    ];
    if sample.spelling == Spelling::Hex {
        items.push(item(sample, &tag.to_uppercase()));
        items.push(item(sample, &format!(" {tag}")));
    } else {
        items.push(item(sample, tag.trim_end_matches('=')));
        // The last digit with a tail bit set.
        let (start, digit) = (&tag[..tag.len() - 2], tag.as_bytes()[tag.len() - 2]);
        items.push(item(sample, &format!("{start}{}=", char::from(digit + 1))));
    }
    items
}

/// Items that are nobody's: not counted, and never accepted, although they hold the genuine signature.
fn ignored(sample: &Sample) -> Vec<String> {
    let tag = sample.tag;
    let labels = [
        "v0", "v2", "v1a", "v10", "v", "V1", "1", "v1b", "\u{3b1}", "",
    ];
    let between = match sample.spelling {
        Spelling::Hex => '=',
        Spelling::Base64 => ',',
    };
    labels.map(|label| format!("{label}{between}{tag}")).into()
}

#[test]
fn any_of_sixteen_may_match() {
    assert_eq!(MAX_CANDIDATES, 16);
    for sample in LISTED {
        for count in 1..=16 {
            for at in 0..count {
                let mut items: Vec<String> =
                    (0..count).map(|number| wrong(&sample, number)).collect();
                holding(&sample, &items)
                    .refused(SignatureMismatch, format!("{}: {count} wrong", sample.id));
                items[at] = good(&sample);
                holding(&sample, &items).passes(format!("{}: {at} of {count}", sample.id));
            }
        }
    }
}

#[test]
fn a_seventeenth_is_one_too_many_wherever_the_good_one_is() {
    for sample in LISTED {
        for count in [17, 18, 100, 2_000] {
            for at in [0, 1, 8, 15, 16, count - 1] {
                let mut items: Vec<String> =
                    (0..count).map(|number| wrong(&sample, number)).collect();
                items[at] = good(&sample);
                holding(&sample, &items)
                    .refused(TOO_MANY, format!("{}: {at} of {count}", sample.id));
            }
            let equal = vec![good(&sample); count];
            holding(&sample, &equal).refused(TOO_MANY, format!("{}: {count} equal", sample.id));
        }
        holding(&sample, &vec![good(&sample); 16]).passes(format!("{}: 16 equal", sample.id));
    }
}

#[test]
fn a_malformed_item_beside_a_good_one_spoils_nothing() {
    for sample in LISTED {
        for bad in malformed(&sample) {
            let what = format!("{}: {bad:?}", sample.id);
            holding(&sample, &[&good(&sample), &bad]).passes(&what);
            // An empty item in front of a list is a blank around the header.
            holding(&sample, &[&bad, &good(&sample)]).passes(&what);
            holding(&sample, &[&bad, &good(&sample), &bad]).passes(&what);
            let beside_wrong = holding(&sample, &[&bad, &wrong(&sample, 1), &bad]);
            beside_wrong.refused(SignatureMismatch, &what);
        }
        let all = malformed(&sample);
        assert!(all.len() < 16);
        holding(&sample, &all).refused(SignatureMalformed, format!("{}: none is good", sample.id));
    }
}

#[test]
fn a_malformed_item_alone_makes_the_header_malformed() {
    for sample in LISTED {
        for bad in malformed(&sample) {
            let attempt = holding(&sample, &[&bad]);
            attempt.refused(SignatureMalformed, format!("{}: {bad:?}", sample.id));
        }
    }
}

#[test]
fn malformed_items_count_towards_the_sixteen() {
    for sample in LISTED {
        for bad in malformed(&sample) {
            let with_bad = |count: usize, at: usize| {
                // Something that is no blank stands at both ends, so that empty items stay inside.
                let mut items = vec![bad.clone(); count];
                items.insert(at.min(count), good(&sample));
                items.insert(0, item(&sample, "first"));
                items.push(item(&sample, "last"));
                holding(&sample, &items)
            };
            for at in [0, 6, 13] {
                let what = format!("{}: {bad:?}, good at {at}", sample.id);
                with_bad(13, at).passes(&what);
                with_bad(14, at).refused(TOO_MANY, &what);
            }
            let many = with_bad(2_000, 0);
            many.refused(TOO_MANY, format!("{}: 2,000 of {bad:?}", sample.id));
        }
    }
}

#[test]
fn unknown_labels_are_ignored_and_never_accepted() {
    for sample in LISTED {
        for other in ignored(&sample) {
            let what = format!("{}: {other:?}", sample.id);
            holding(&sample, &[&other]).refused(SignatureMalformed, &what);
            holding(&sample, &[&other, &wrong(&sample, 1)]).refused(SignatureMismatch, &what);
            holding(&sample, &[&other, &good(&sample), &other]).passes(&what);
        }
        let all = ignored(&sample);
        holding(&sample, &all).refused(SignatureMalformed, format!("{}: all of them", sample.id));
    }
}

/// They are not counted, but the text that is read has its limit.
#[test]
fn unknown_labels_do_not_count_but_the_text_is_bounded() {
    for sample in LISTED {
        let other = ignored(&sample).swap_remove(0);
        for at in [0, 10, 40] {
            let mut items = vec![other.clone(); 40];
            items.insert(at, good(&sample));
            holding(&sample, &items).passes(format!("{}: good at {at}", sample.id));
        }
        for at in [0, 2_000] {
            let mut items = vec![other.clone(); 2_000];
            items.insert(at, good(&sample));
            holding(&sample, &items).refused(TOO_LONG, format!("{}: good at {at}", sample.id));
        }
    }
}

#[test]
fn up_to_8192_bytes_are_read_with_the_good_one_first_or_last() {
    for sample in LISTED {
        let filler = |len: usize| {
            let start = ignored(&sample).swap_remove(1);
            format!("{start}{}", "a".repeat(len.saturating_sub(start.len())))
        };
        let with = |len: usize, good_first: bool| {
            let good = good(&sample);
            let around = holding(&sample, &["", &good]).value(sample.header).len();
            let filler = filler(len - around);
            let items = if good_first {
                [&good, &filler]
            } else {
                [&filler, &good]
            };
            let attempt = holding(&sample, &items);
            assert_eq!(attempt.value(sample.header).len(), len);
            attempt
        };
        for good_first in [true, false] {
            let what = format!("{}: good first: {good_first}", sample.id);
            with(8191, good_first).passes(&what);
            with(8192, good_first).passes(&what);
            with(8193, good_first).refused(TOO_LONG, &what);
            with(8194, good_first).refused(TOO_LONG, &what);
            with(1_000_000, good_first).refused(TOO_LONG, &what);
        }
    }
}

/// Too many is seen before too long: a huge header is not searched to its end.
#[test]
fn too_many_candidates_in_a_huge_header() {
    for sample in LISTED {
        for count in [2_000, 20_000] {
            let items: Vec<String> = (0..count).map(|number| wrong(&sample, number)).collect();
            holding(&sample, &items).refused(TOO_MANY, format!("{}: {count}", sample.id));
        }
    }
}

#[test]
fn any_candidate_may_match_any_secret() {
    for sample in LISTED {
        for at in 0..4 {
            let mut ring = vec![secret(sample.wrong_key); 4];
            ring[at] = secret(sample.key);
            for place in [0, 7, 15] {
                let mut items: Vec<String> = (0..16).map(|number| wrong(&sample, number)).collect();
                items[place] = good(&sample);
                let attempt = holding(&sample, &items).secrets(ring.clone());
                let label = attempt
                    .judge()
                    .map(|verified| verified.secret_label().to_owned());
                assert_eq!(
                    label,
                    Ok(format!("secret-{}", at + 1)),
                    "{}: {place}",
                    sample.id
                );
            }
        }
    }
}
