//! Splits a whole signature text and looks at every item.

use countersign::scheme::{Encoding, ItemField, Layout, MAX_CANDIDATES, MAX_SIGNATURE_LEN, Text};

use super::encoding::decode;

/// What a signature text says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signatures {
    /// The decoded candidates.
    pub candidates: Vec<Vec<u8>>,
    /// The values of the named pairs.
    pub pairs: Vec<Option<Vec<u8>>>,
    /// The first item, where it is a value.
    pub first: Option<Vec<u8>>,
}

/// How a text is to be read.
#[derive(Clone, Copy, Debug)]
pub struct How<'a> {
    /// The layout.
    pub layout: &'a Layout,
    /// How the tags are written.
    pub encoding: Encoding,
    /// How long they are.
    pub tag_len: usize,
    /// The pairs to read besides.
    pub pair_keys: &'a [Text],
}

enum Item {
    /// Carries a candidate in this text.
    Candidate(Vec<u8>),
    /// Counts as one and is none.
    Broken,
    Ignored,
}

/// Reads a text; `None` when it is refused.
#[must_use]
pub fn read(how: How<'_>, text: &[u8]) -> Option<Signatures> {
    let mut found = Signatures {
        pairs: vec![None; how.pair_keys.len()],
        ..Signatures::default()
    };
    let items = match how.layout {
        Layout::Bare => vec![Item::Candidate(text.to_vec())],
        Layout::Prefix(prefix) => {
            vec![Item::Candidate(
                text.strip_prefix(prefix.as_bytes())?.to_vec(),
            )]
        }
        Layout::Pairs {
            separator,
            assign,
            accept,
            ..
        } => {
            let mut items = Vec::new();
            for item in split(text, separator) {
                items.push(pair(item, assign, accept, how.pair_keys, &mut found)?);
            }
            items
        }
        Layout::List {
            separator,
            fields,
            between,
            accept,
            first_is_value,
            ..
        } => {
            let mut items = split(text, separator);
            if *first_is_value {
                found.first = Some(items.remove(0).to_vec());
            }
            items
                .into_iter()
                .map(|item| list_item(item, fields, between, accept))
                .collect()
        }
        _ => return None,
    };
    let counted = items.iter().filter(|item| !matches!(item, Item::Ignored));
    if counted.count() > MAX_CANDIDATES || text.len() > MAX_SIGNATURE_LEN {
        return None;
    }
    for item in items {
        if let Item::Candidate(text) = item {
            found
                .candidates
                .extend(decode(how.encoding, &text, how.tag_len));
        }
    }
    (!found.candidates.is_empty()).then_some(found)
}

fn pair(
    item: &[u8],
    assign: &str,
    accept: &[Text],
    names: &[Text],
    found: &mut Signatures,
) -> Option<Item> {
    let parts = splitn(item, assign, 2);
    let [key, value] = parts.as_slice() else {
        return Some(Item::Broken);
    };
    if holds(accept, key) {
        return Some(Item::Candidate(value.to_vec()));
    }
    if let Some(at) = names.iter().position(|known| known.as_bytes() == *key) {
        return match found.pairs[at].replace(value.to_vec()) {
            None => Some(Item::Ignored),
            Some(_) => None,
        };
    }
    let trimmed = key.trim_ascii();
    if holds(accept, trimmed) || holds(names, trimmed) {
        return None;
    }
    Some(Item::Ignored)
}

fn holds(known: &[Text], key: &[u8]) -> bool {
    known.iter().any(|known| known.as_bytes() == key)
}

fn list_item(item: &[u8], fields: &[ItemField], between: &str, accept: &[Text]) -> Item {
    let values = splitn(item, between, fields.len());
    // The last value ends the item; one before it ends where the next begins.
    let whole = if values.len() == fields.len() {
        values.len()
    } else {
        values.len() - 1
    };
    let value_of = |wanted: ItemField| {
        let at = fields.iter().position(|field| *field == wanted)?;
        values.get(at).filter(|_| at < whole)
    };
    let label = value_of(ItemField::Label);
    if label.is_some_and(|label| !holds(accept, label)) {
        return Item::Ignored;
    }
    if values.len() < fields.len() {
        return Item::Broken;
    }
    match value_of(ItemField::Signature) {
        Some(text) => Item::Candidate(text.to_vec()),
        None => Item::Broken,
    }
}

fn split<'a>(text: &'a [u8], separator: &str) -> Vec<&'a [u8]> {
    splitn(text, separator, usize::MAX)
}

fn splitn<'a>(text: &'a [u8], separator: &str, most: usize) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = text;
    while parts.len() + 1 < most && !separator.is_empty() {
        let Some((part, after)) = crate::text::split_at(rest, separator.as_bytes()) else {
            break;
        };
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}
