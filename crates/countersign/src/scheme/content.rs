//! The signed content: the exact bytes under the MAC, as a list of parts.

use serde::{Deserialize, Serialize};

use super::{Encoding, List, Place, Text};

/// One part of the signed content.
///
/// The parts are fed to the MAC in order, from the received bytes: nothing is re-printed, the body is never copied.
///
/// In a file a part is a word or a one-entry table: `content = ["timestamp", { literal = "." }, "body"]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// The body, byte for byte as it arrived.
    Body,
    /// The timestamp's text as it arrived, not the number printed again.
    Timestamp,
    /// The delivery id's text as it arrived; the scheme's first `id` place says where.
    Id,
    /// Fixed text that sets parts apart. An id, header, parameter or pair beside it must not hold this text and is refused if it does:
    /// otherwise two requests could have the same content. Fields of the body may hold it, and so may what stands inside `encode` or
    /// `change`: for senders whose own values do.
    Literal(Text),
    /// The public URL as the sender knows it, query string included; needs the receiver's configured public URL.
    Url,
    /// The public URL without its query string.
    UrlWithoutQuery,
    /// The request method in upper case.
    Method,
    /// The path of the request target, as it arrived.
    Path,
    /// The raw query string without its question mark; empty when there is none.
    Query,
    /// All parameters of the query string: distinct pairs, decoded, sorted by name then value, as `name=value` joined by `&`.
    QuerySorted,
    /// One parameter of the query string, decoded.
    QueryParam(Text),
    /// One header's value, without surrounding blanks.
    Header(Text),
    /// An item of the signature header's own pairs.
    Pair(Text),
    /// The scalar at a JSON pointer: a string's decoded text, any other scalar as it is spelled; absent and null are empty.
    Json(Text),
    /// The raw bytes of the value at a JSON pointer, as spelled in the body.
    JsonRaw(Text),
    /// One field of a form body, decoded.
    Form(Text),
    /// The scalar at a JSON pointer inside one field of a form body.
    FormJson {
        /// The form field that holds JSON.
        field: Text,
        /// The pointer into that JSON.
        pointer: Text,
    },
    /// All form fields: distinct pairs sorted by name then value, name and value set one after the other without separators.
    FormSorted,
    /// The secret itself, for plain digests over content and secret.
    Secret,
    /// A second configured value that is not the secret: an access key, an environment, a webhook id.
    Config(Text),
    /// A digest of other parts.
    Digest {
        /// The hash function.
        algorithm: Hash,
        /// How its bytes are written into the content.
        encoding: Encoding,
        /// What is hashed.
        of: List<Part>,
    },
    /// An encoding of other parts.
    Encode {
        /// How the bytes are written.
        encoding: Encoding,
        /// What is encoded.
        of: List<Part>,
    },
    /// Parts that are left out together when one of their values is absent. A query string is absent when it is empty.
    Optional(List<Part>),
    /// Parts whose text is changed by a fixed rule.
    Change {
        /// The rule.
        by: Change,
        /// What is changed.
        of: List<Part>,
    },
}

/// A hash function inside the signed content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Hash {
    /// CRC-32 (IEEE), four bytes. No security of its own: only ever under a MAC or a signature.
    Crc32,
    /// MD5. Broken for collisions; some old senders still use it inside a MAC.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// A fixed change of a part's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Change {
    /// ASCII letters to upper case.
    Upper,
    /// ASCII letters to lower case.
    Lower,
    /// The bytes in reverse order.
    Reverse,
    /// Written as a JSON string, quotes included.
    JsonString,
    /// Percent escapes of these ASCII characters decoded, once and in either case; all other escapes stay.
    PercentDecode(Text),
    /// Every byte but ASCII letters, digits and these characters written as a percent escape, in upper case.
    PercentEncode(Text),
}

impl Part {
    /// The place this part reads its value from, if it reads one.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        Some(match self {
            Self::QueryParam(name) => Place::QueryParam(name.clone()),
            Self::Header(name) => Place::Header(name.clone()),
            Self::Pair(key) => Place::Pair(key.clone()),
            Self::Json(pointer) | Self::JsonRaw(pointer) => Place::Json(pointer.clone()),
            Self::Form(field) => Place::Form(field.clone()),
            Self::FormJson { field, pointer } => Place::FormJson {
                field: field.clone(),
                pointer: pointer.clone(),
            },
            _ => return None,
        })
    }

    /// The parts inside this one.
    #[must_use]
    pub fn inner(&self) -> &[Part] {
        match self {
            Self::Digest { of, .. }
            | Self::Encode { of, .. }
            | Self::Change { of, .. }
            | Self::Optional(of) => of,
            _ => &[],
        }
    }

    /// Does this part of the body hold that place inside of it?
    pub(crate) fn covers_in_body(&self, place: &Place) -> bool {
        match self {
            Self::Body => true,
            Self::FormSorted => matches!(place, Place::Form(_) | Place::FormJson { .. }),
            // One field of a form covers the JSON inside it, one value the values inside it.
            Self::Form(name) => matches!(place, Place::FormJson { field, .. } if field == name),
            Self::JsonRaw(outer) => matches!(place, Place::Json(inner) if inner
                .strip_prefix(outer.as_ref())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))),
            _ => false,
        }
    }

    /// As [`any`](Self::any), among the parts that are there in every message and whose every byte counts.
    pub(crate) fn always(parts: &[Part], test: &dyn Fn(&Part) -> bool) -> bool {
        parts.iter().any(|part| match part {
            Self::Optional(_)
            | Self::Change {
                by: Change::Upper | Change::Lower | Change::PercentDecode(_),
                ..
            }
            | Self::Digest {
                algorithm: Hash::Crc32 | Hash::Md5,
                ..
            } => false,
            part => test(part) || Part::always(part.inner(), test),
        })
    }

    /// Does any part of `parts`, at any depth, satisfy `test`?
    pub(crate) fn any(parts: &[Part], test: &dyn Fn(&Part) -> bool) -> bool {
        parts
            .iter()
            .any(|part| test(part) || Part::any(part.inner(), test))
    }
}
