//! The text that carries the signature, taken apart and put together again.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use countersign::scheme::{Algorithm, Encoding, ItemField, Layout, Scheme};

use super::edit::Edit;

const BASIC: &str = "Basic ";

/// The signature's text, as a genuine sender writes it: one signature, in its last item.
#[derive(Clone, Debug)]
pub(crate) struct SignatureText {
    pub(crate) whole: String,
    /// Where its last item begins; nothing but items of other values lies in front of it.
    item: usize,
    /// The signature itself, in its encoding.
    tag: Range<usize>,
}

impl SignatureText {
    pub(crate) fn parse(scheme: &Scheme, whole: String) -> Option<Self> {
        let after = |separator: &str| match separator {
            "" => Some(0),
            separator => Some(
                whole
                    .rfind(separator)
                    .map_or(0, |at| at.saturating_add(separator.len())),
            ),
        };
        let (item, tag) = match &scheme.signature.layout {
            _ if scheme.algorithm == Algorithm::Basic => (0, BASIC.len()..whole.len()),
            Layout::Bare => (0, 0..whole.len()),
            Layout::Prefix(prefix) => (0, prefix.len()..whole.len()),
            Layout::Pairs {
                separator,
                assign,
                accept,
                ..
            } => {
                let item = after(separator)?;
                let label = accept.first()?.len().saturating_add(assign.len());
                (item, item.saturating_add(label)..whole.len())
            }
            Layout::List {
                separator,
                fields,
                between,
                ..
            } => {
                let item = after(separator)?;
                let at = fields
                    .iter()
                    .position(|field| *field == ItemField::Signature)?;
                let mut start = item;
                let mut tag = start..start;
                for (field, value) in whole
                    .get(item..)?
                    .splitn(fields.len(), between.as_ref())
                    .enumerate()
                {
                    let end = start.saturating_add(value.len());
                    if field == at {
                        tag = start..end;
                    }
                    start = end.saturating_add(between.len());
                }
                // Without anything between the fields there is one field.
                (
                    item,
                    if between.is_empty() {
                        item..whole.len()
                    } else {
                        tag
                    },
                )
            }
            _ => return None,
        };
        whole.get(tag.clone())?;
        Some(Self { whole, item, tag })
    }

    /// The signature in its encoding, or the token.
    pub(crate) fn tag(&self) -> &str {
        self.whole.get(self.tag.clone()).unwrap_or_default()
    }

    /// The same with another signature in its place.
    pub(crate) fn with_tag(&self, tag: &str) -> String {
        let mut whole = self.whole.clone();
        whole.replace_range(self.tag.clone(), tag);
        whole
    }

    /// What stands in front of the last item, separators included.
    pub(crate) fn before_item(&self) -> &str {
        self.whole.get(..self.item).unwrap_or_default()
    }

    pub(crate) fn item(&self) -> &str {
        self.whole.get(self.item..).unwrap_or_default()
    }

    /// What stands in front of the signature in its item: a label.
    pub(crate) fn before_tag(&self) -> &str {
        self.whole
            .get(self.item..self.tag.start)
            .unwrap_or_default()
    }

    pub(crate) fn after_tag(&self) -> &str {
        self.whole.get(self.tag.end..).unwrap_or_default()
    }

    /// The last item, with another signature.
    pub(crate) fn item_with(&self, tag: &str) -> String {
        format!("{}{tag}{}", self.before_tag(), self.after_tag())
    }

    /// The same with several items in place of the last one.
    pub(crate) fn with_items(&self, separator: &str, items: &[String]) -> String {
        format!("{}{}", self.before_item(), items.join(separator))
    }

    /// The value of another item of a header of pairs.
    pub(crate) fn pair(&self, layout: &Layout, key: &str) -> Option<String> {
        let Layout::Pairs {
            separator, assign, ..
        } = layout
        else {
            return None;
        };
        let start = format!("{key}{assign}");
        let mut items = self.whole.split(separator.as_ref());
        items
            .find_map(|item| item.strip_prefix(&start))
            .map(str::to_owned)
    }

    pub(crate) fn edit_pair(&self, layout: &Layout, key: &str, edit: Edit<'_>) -> Option<String> {
        let Layout::Pairs {
            separator, assign, ..
        } = layout
        else {
            return None;
        };
        let start = format!("{key}{assign}");
        let old = format!("{start}{}", self.pair(layout, key)?);
        let items = self
            .whole
            .split(separator.as_ref())
            .flat_map(|item| match edit {
                _ if !item.starts_with(&start) => vec![item.to_owned()],
                Edit::Replace(value) => vec![format!("{start}{value}")],
                Edit::Remove => Vec::new(),
                Edit::Follow(value) => vec![old.clone(), format!("{start}{value}")],
            });
        Some(items.collect::<Vec<_>>().join(separator))
    }

    /// The first item of a list whose first item is a value.
    pub(crate) fn first(&self, layout: &Layout) -> Option<String> {
        match layout {
            Layout::List {
                separator,
                first_is_value: true,
                ..
            } => Some(self.whole.split(separator.as_ref()).next()?.to_owned()),
            _ => None,
        }
    }

    pub(crate) fn with_first(&self, layout: &Layout, value: &str) -> Option<String> {
        let first = self.first(layout)?;
        Some(format!("{value}{}", self.whole.strip_prefix(&first)?))
    }
}

/// The bytes of a signature.
pub(crate) fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Hex | Encoding::HexUpper => hex(text),
        Encoding::Base64 => STANDARD.decode(text).ok(),
        Encoding::Base64NoPad => STANDARD_NO_PAD.decode(text).ok(),
        Encoding::Base64Url => URL_SAFE.decode(text).ok(),
        Encoding::Base64UrlNoPad => URL_SAFE_NO_PAD.decode(text).ok(),
        Encoding::Base64Hex => hex(std::str::from_utf8(&STANDARD.decode(text).ok()?).ok()?),
        _ => None,
    }
}

/// Signatures' spellings.
pub(crate) const ENCODINGS: [Encoding; 7] = [
    Encoding::Hex,
    Encoding::HexUpper,
    Encoding::Base64,
    Encoding::Base64NoPad,
    Encoding::Base64Url,
    Encoding::Base64UrlNoPad,
    Encoding::Base64Hex,
];

pub(crate) fn encode(encoding: Encoding, bytes: &[u8]) -> String {
    let digits = || -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    match encoding {
        Encoding::Hex => digits(),
        Encoding::HexUpper => digits().to_uppercase(),
        Encoding::Base64 => STANDARD.encode(bytes),
        Encoding::Base64NoPad => STANDARD_NO_PAD.encode(bytes),
        Encoding::Base64Url => URL_SAFE.encode(bytes),
        Encoding::Base64UrlNoPad => URL_SAFE_NO_PAD.encode(bytes),
        Encoding::Base64Hex => STANDARD.encode(digits()),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let pairs = digits?;
    let (pairs, []) = pairs.as_chunks::<2>() else {
        return None;
    };
    let byte = |[high, low]: &[u32; 2]| u8::try_from(high << 4 | low).ok();
    pairs.iter().map(byte).collect()
}

/// The credentials of basic authentication.
pub(crate) fn credentials(tag: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(tag).ok()?).ok()
}

pub(crate) fn basic(credentials: &str) -> String {
    STANDARD.encode(credentials)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::providers::{GITHUB, SLACK, STANDARD_WEBHOOKS, STRIPE};

    fn parsed(scheme: &Scheme, whole: &str) -> (String, String) {
        let text = SignatureText::parse(scheme, whole.to_owned()).unwrap();
        (text.tag().to_owned(), text.with_tag("x"))
    }

    #[test]
    fn the_signature_is_found_in_each_layout() {
        for (scheme, whole, tag, with) in [
            (GITHUB, "sha256=ab", "ab", "sha256=x"),
            (SLACK, "v0=ab", "ab", "v0=x"),
            (STRIPE, "t=1,v1=ab", "ab", "t=1,v1=x"),
            (STANDARD_WEBHOOKS, "v1,a=", "a=", "v1,x"),
        ] {
            assert_eq!(parsed(&scheme, whole), (tag.to_owned(), with.to_owned()));
        }
        let text = SignatureText::parse(&STRIPE, "t=1,v1=ab".to_owned()).unwrap();
        let layout = &STRIPE.signature.layout;
        assert_eq!(
            text.edit_pair(layout, "t", Edit::Remove).as_deref(),
            Some("v1=ab")
        );
        assert_eq!(
            text.edit_pair(layout, "t", Edit::Follow("2")).as_deref(),
            Some("t=1,t=2,v1=ab")
        );
        assert_eq!(
            text.with_items(",", &["a".to_owned(), "b".to_owned()]),
            "t=1,a,b"
        );
    }

    #[test]
    fn bytes_and_spellings() {
        for encoding in ENCODINGS {
            let text = encode(encoding, &[0xfb, 0xef, 0x01]);
            assert_eq!(
                decode(encoding, &text),
                Some(vec![0xfb, 0xef, 0x01]),
                "{encoding:?}"
            );
        }
        assert_eq!(hex("abc"), None);
        assert_eq!(hex("zz"), None);
    }
}
