//! Step 1: the text of a signature header becomes at most 16 candidates.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::encoding::{self, MAX_TAG};
use super::{Encoding, List, Place, Text};
use crate::refusal::Refusal;
use crate::text;

/// How many candidates one attempt may carry. Senders send one per secret while rolling; nobody sends sixteen.
pub const MAX_CANDIDATES: usize = 16;

/// How many bytes of signature text are looked at: about four times what sixteen candidates of the longest tag take in hex, with labels.
pub const MAX_SIGNATURE_LEN: usize = 8192;

/// How many items of the signature header's pairs a scheme may name.
pub(crate) const MAX_PAIRS: usize = 4;

/// Where the signature is and how it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureRule {
    /// Where the signature lies.
    #[serde(flatten)]
    pub place: Place,
    /// Further places that may each hold a signature (a sender with two keys and a header for each). Those that are there are all
    /// candidates; at least one place must be there. A token is in one of them only.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub also: List<Place>,
    /// How the signatures are laid out in that text.
    #[serde(default)]
    pub layout: Layout,
    /// The layout at the further places, where it is another one (a bearer token that may also be a parameter).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also_layout: Option<Layout>,
    /// How a signature's bytes are written.
    #[serde(default)]
    pub encoding: Encoding,
    /// May the header have several lines? Only for senders that document it.
    #[serde(default)]
    pub lines: Lines,
}

impl SignatureRule {
    /// One lower-case hex signature and nothing else, to build on with struct update; the place must be set.
    pub const BASE: Self = Self {
        place: Place::Header(Cow::Borrowed("")),
        also: Cow::Borrowed(&[]),
        layout: Layout::Bare,
        also_layout: None,
        encoding: Encoding::Hex,
        lines: Lines::One,
    };
}

/// How many header lines may carry the signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lines {
    /// Exactly one; a second is refused, also when it is equal.
    #[default]
    One,
    /// One or more, each with the layout of its own (Mollie while rotating).
    Many,
}

/// How signatures are laid out in the text that carries them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "snake_case",
    deny_unknown_fields
)]
#[non_exhaustive]
pub enum Layout {
    /// The signature and nothing else.
    #[default]
    Bare,
    /// A fixed prefix, compared exactly, then the signature.
    Prefix(Text),
    /// `key=value` items. Items are not trimmed; a key occurs once, except those that are accepted as signatures.
    Pairs {
        /// Stands between items.
        separator: Text,
        /// Stands between an item's key and value; the first one counts.
        #[serde(default = "equals_sign")]
        assign: Text,
        /// Keys whose values are signatures.
        accept: List<Text>,
        /// Keys that the sender documents and that are never accepted; ignored like any unknown key.
        #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
        ignore: List<Text>,
    },
    /// Items that each carry one signature.
    List {
        /// Stands between items. Empty: the whole text is one item.
        separator: Text,
        /// What an item consists of, in order; exactly one is the signature.
        fields: List<ItemField>,
        /// Stands between an item's fields.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        between: Text,
        /// The labels whose items are signatures, when the items have a label. Others are ignored.
        #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
        accept: List<Text>,
        /// Labels that the sender documents and that are never accepted; ignored like any unknown label.
        #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
        ignore: List<Text>,
        /// Is the first item no signature but a value of its own ([`Place::FirstItem`])?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        first_is_value: bool,
    },
}

/// One field of a list item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ItemField {
    /// The signature itself.
    Signature,
    /// A version or algorithm label that must be one of `accept`.
    Label,
    /// The name of a key, unsigned; not used to choose one: every configured secret is tried.
    KeyId,
}

fn equals_sign() -> Text {
    text!("=")
}

/// Decoded candidates, all of one length, one after the other: no allocation for sixteen SHA-256 tags.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidates {
    bytes: SmallVec<[u8; 512]>,
    len: usize,
    count: usize,
}

impl Candidates {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        // A length of zero cannot happen (no tag is empty); chunks of one byte would match nothing.
        self.bytes.chunks_exact(self.len.max(1))
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Counts one attempted candidate, well-formed or not.
    fn count(&mut self) -> Result<(), Refusal> {
        self.count = self.count.saturating_add(1);
        if self.count > MAX_CANDIDATES {
            return Err(Refusal::TooManyCandidates {
                limit: MAX_CANDIDATES,
            });
        }
        Ok(())
    }

    fn push_tag(&mut self, text: &[u8], encoding: Encoding, tag_len: usize) {
        let mut tag = [0; MAX_TAG];
        if encoding.decode_tag(text, tag_len, &mut tag).is_some() {
            self.len = tag_len;
            self.bytes
                .extend_from_slice(tag.get(..tag_len).unwrap_or_default());
        }
    }
}

/// What a signature's text says.
#[derive(Debug, Default)]
pub(crate) struct SignatureText<'a> {
    pub(crate) candidates: Candidates,
    /// The values of the pairs that the scheme names, in the order of its list.
    pub(crate) pairs: [Option<&'a [u8]>; MAX_PAIRS],
    pub(crate) first: Option<&'a [u8]>,
}

/// What a candidate must look like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tag {
    /// A tag of so many bytes, in this encoding.
    Bytes(usize, Encoding),
    /// A token of any length from 1 byte.
    Token,
    /// Base64 of `user:password`.
    Credentials,
}

/// How one scheme's signature texts are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'s> {
    pub(crate) layout: &'s Layout,
    pub(crate) tag: Tag,
    /// The items besides signatures that the scheme needs, at most [`MAX_PAIRS`].
    pub(crate) pair_keys: &'s [Text],
    /// Is the prefix the scheme word of an Authorization header, which has no case (RFC 9110 section 11.1)?
    pub(crate) prefix_has_no_case: bool,
}

impl<'a> SignatureText<'a> {
    /// Reads one text.
    pub(crate) fn read(&mut self, how: Reader<'_>, value: &'a [u8]) -> Result<(), Refusal> {
        let tag = how.tag;
        match how.layout {
            Layout::Bare => {
                bounded(value)?;
                self.candidate(value, tag)
            }
            Layout::Prefix(prefix) => {
                bounded(value)?;
                let (start, rest) = value
                    .split_at_checked(prefix.len())
                    .ok_or(Refusal::SignatureMalformed)?;
                // The word ends at the first blank; what follows it is exact.
                let word = prefix.find(' ').filter(|_| how.prefix_has_no_case);
                let (word, exact) = prefix
                    .split_at_checked(word.unwrap_or_default())
                    .unwrap_or_default();
                let (start, follows) = start.split_at_checked(word.len()).unwrap_or_default();
                if !start.eq_ignore_ascii_case(word.as_bytes()) || follows != exact.as_bytes() {
                    return Err(Refusal::SignatureMalformed);
                }
                self.candidate(rest, tag)
            }
            Layout::Pairs {
                separator,
                assign,
                accept,
                ..
            } => {
                for item in Items::new(value, separator) {
                    self.pair(item?, assign, accept, how)?;
                }
                Ok(())
            }
            Layout::List {
                separator,
                fields,
                between,
                accept,
                first_is_value,
                ..
            } => {
                let mut items = Items::new(value, separator);
                if *first_is_value {
                    let first = items.next().transpose()?.unwrap_or_default();
                    if self.first.replace(first).is_some() {
                        return Err(Refusal::SignatureRepeated);
                    }
                }
                for item in items {
                    self.list_item(item?, fields, between, accept, tag)?;
                }
                Ok(())
            }
        }
    }

    /// Is there at least one well-formed candidate? A text without one is malformed.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.candidates.is_empty() {
            return Err(Refusal::SignatureMalformed);
        }
        Ok(())
    }

    /// As [`check`](Self::check), and gives the text back.
    pub(crate) fn finish(self) -> Result<Self, Refusal> {
        self.check()?;
        Ok(self)
    }

    fn candidate(&mut self, text: &[u8], tag: Tag) -> Result<(), Refusal> {
        self.candidates.count()?;
        match tag {
            Tag::Bytes(len, encoding) => self.candidates.push_tag(text, encoding, len),
            Tag::Token => self.token(text)?,
            Tag::Credentials => match encoding::decode_credentials(text) {
                Some(credentials) => self.token(&credentials)?,
                None => return Err(Refusal::SignatureMalformed),
            },
        }
        Ok(())
    }

    /// Tokens have lengths of their own: one per attempt.
    fn token(&mut self, text: &[u8]) -> Result<(), Refusal> {
        if self.candidates.count > 1 {
            return Err(Refusal::SignatureRepeated);
        }
        self.candidates.len = text.len();
        self.candidates.bytes.extend_from_slice(text);
        Ok(())
    }

    fn pair(
        &mut self,
        item: &'a [u8],
        assign: &str,
        accept: &[Text],
        how: Reader<'_>,
    ) -> Result<(), Refusal> {
        let Some((key, value)) = split_once(item, assign) else {
            return self.candidates.count();
        };
        if accept.iter().any(|accepted| accepted.as_bytes() == key) {
            return self.candidate(value, how.tag);
        }
        for (slot, wanted) in self.pairs.iter_mut().zip(how.pair_keys) {
            if wanted.as_bytes() == key {
                return match slot.replace(value) {
                    None => Ok(()),
                    Some(_) => Err(Refusal::FieldRepeated {
                        name: wanted.clone(),
                    }),
                };
            }
        }
        // ` v1=…` would decide if it were trimmed: two readers could then disagree about what the header says.
        let trimmed = key.trim_ascii();
        let decides = |known: &Text| known.as_bytes() == trimmed;
        if accept.iter().any(decides) || how.pair_keys.iter().any(decides) {
            return Err(Refusal::SignatureMalformed);
        }
        Ok(())
    }

    fn list_item(
        &mut self,
        item: &[u8],
        fields: &[ItemField],
        between: &str,
        accept: &[Text],
        tag: Tag,
    ) -> Result<(), Refusal> {
        let mut rest = Some(item);
        let mut signature = None;
        for (position, field) in fields.iter().enumerate() {
            let Some(left) = rest else {
                return self.candidates.count();
            };
            let is_last = position.saturating_add(1) == fields.len();
            let value = if is_last {
                rest = None;
                left
            } else {
                let Some((value, after)) = split_once(left, between) else {
                    return self.candidates.count();
                };
                rest = Some(after);
                value
            };
            match field {
                ItemField::Signature => signature = Some(value),
                ItemField::Label if accept.iter().any(|label| label.as_bytes() == value) => {}
                ItemField::Label => return Ok(()),
                ItemField::KeyId => {}
            }
        }
        self.candidate(signature.unwrap_or_default(), tag)
    }
}

fn bounded(value: &[u8]) -> Result<(), Refusal> {
    if value.len() > MAX_SIGNATURE_LEN {
        return Err(Refusal::SignatureTooLong {
            limit: MAX_SIGNATURE_LEN,
        });
    }
    Ok(())
}

/// Where `text`, which is not empty, begins first (checked when a receiver is built).
pub(crate) fn find(value: &[u8], text: &str) -> Option<usize> {
    match text.as_bytes() {
        [single] => memchr::memchr(*single, value),
        text => value
            .windows(text.len().max(1))
            .position(|window| window == text),
    }
}

/// Splits at the first `separator`.
fn split_once<'a>(value: &'a [u8], separator: &str) -> Option<(&'a [u8], &'a [u8])> {
    let at = match separator.as_bytes() {
        // Keys and labels are short: a plain loop is there sooner than a search is set up.
        [single] => value.iter().position(|byte| byte == single)?,
        _ => find(value, separator)?,
    };
    let (head, tail) = value.split_at_checked(at)?;
    Some((head, tail.get(separator.len()..)?))
}

/// The items of a text, read no further than [`MAX_SIGNATURE_LEN`]: too many candidates are seen before too much text.
struct Items<'a, 's> {
    rest: Option<&'a [u8]>,
    separator: &'s str,
    seen: usize,
}

impl<'a, 's> Items<'a, 's> {
    fn new(value: &'a [u8], separator: &'s str) -> Self {
        Self {
            rest: Some(value),
            separator,
            seen: 0,
        }
    }
}

impl<'a> Iterator for Items<'a, '_> {
    type Item = Result<&'a [u8], Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        // Never searches the whole of a huge text for the end of one item.
        let window = rest
            .get(..MAX_SIGNATURE_LEN.saturating_add(1))
            .unwrap_or(rest);
        let end = if self.separator.is_empty() {
            None
        } else {
            find(window, self.separator)
        };
        let item = match end.and_then(|end| rest.split_at_checked(end)) {
            Some((item, tail)) => {
                self.rest = tail.get(self.separator.len()..);
                item
            }
            None => {
                self.rest = None;
                rest
            }
        };
        self.seen = self
            .seen
            .saturating_add(item.len())
            .saturating_add(self.separator.len());
        // The last item has no separator behind it.
        if self.seen > MAX_SIGNATURE_LEN.saturating_add(self.separator.len()) {
            return Some(Err(Refusal::SignatureTooLong {
                limit: MAX_SIGNATURE_LEN,
            }));
        }
        Some(Ok(item))
    }
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
