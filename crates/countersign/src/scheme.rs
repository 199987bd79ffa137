//! A signature scheme is data: one plain value says everything that one provider does.
//!
//! Built-in schemes are constants in [`providers`](crate::providers). A user's own is a constant too, or comes from a file through
//! serde and means the same. What makes no sense together is refused when a receiver is built: see [`Scheme::check`].

mod asked;
pub(crate) mod compiled;
mod content;
pub(crate) mod encoding;
mod file;
mod handshake;
mod place;
pub(crate) mod signature;
mod text;
mod token;
mod url;
mod validity;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::content::{Change, Hash, Part};
pub use self::encoding::Encoding;
pub use self::file::FileError;
pub use self::handshake::{
    AnswerBody, AnswerHeader, AnswerValue, FieldShape, Handshake, JsonMember, Proof, UnsignedShape,
    ValueShape,
};
pub use self::place::Place;
pub use self::signature::{
    ItemField, Layout, Lines, MAX_CANDIDATES, MAX_SIGNATURE_LEN, SignatureRule,
};
pub use self::text::{List, Text};
pub use self::token::TokenPlace;
pub use self::url::{UrlPort, UrlQuery, UrlSpelling};
pub use self::validity::SchemeError;
use crate::timestamp::{Tolerance, Unit};
use crate::{list, text};

/// Everything one provider's signature scheme says. See the fields; build on [`Scheme::BASE`] with struct update.
///
/// ```
/// use countersign::scheme::{Layout, Part, Place, Scheme, SignatureRule, TimestampRule};
/// use countersign::{Tolerance, Unit, list, text};
///
/// const ACME: Scheme = Scheme {
///     name: text!("acme"),
///     content: list![Part::Timestamp, Part::Literal(text!(".")), Part::Body],
///     signature: SignatureRule {
///         place: Place::Header(text!("acme-signature")),
///         layout: Layout::Pairs { separator: text!(","), assign: text!("="), accept: list![text!("v1")], ignore: list![] },
///         ..SignatureRule::BASE
///     },
///     timestamp: Some(TimestampRule { place: Place::Pair(text!("t")), unit: Unit::Seconds, tolerance: Tolerance::from_secs(300) }),
///     id: list![Place::Json(text!("/id"))],
///     ..Scheme::BASE
/// };
///
/// let from_file: Scheme = toml::from_str(r#"
///     name = "acme"
///     content = ["timestamp", { literal = "." }, "body"]
///     signature = { header = "acme-signature", layout = { pairs = { separator = ",", accept = ["v1"] } } }
///     timestamp = { pair = "t", unit = "s", tolerance = 300 }
///     id = { json = "/id" }
/// "#)?;
/// assert_eq!(from_file, ACME);
/// assert_eq!(ACME.check(), Ok(()));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scheme {
    /// The name in logs, keys and files: 1 to 64 lower-case letters, digits and hyphens.
    pub name: Text,
    /// The name for people.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub title: Text,
    /// Where the facts came from: pages, specifications, SDKs.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub sources: List<Text>,
    /// What an accepted request proves. Declared, and compared with what the other fields amount to.
    pub grade: Grade,
    /// The algorithm. It comes from here, never from the message.
    pub algorithm: Algorithm,
    /// How the secret that the provider's dashboard shows becomes key bytes.
    pub key: KeyFormat,
    /// The fewest bytes a key may have. 16 (128 bits) unless the provider hands out shorter ones.
    pub min_key_len: u16,
    /// The signed content. Empty for tokens and basic auth.
    pub content: List<Part>,
    /// Where the signature is and how it is written.
    pub signature: SignatureRule,
    /// The signed timestamp, if the sender signs one. A timestamp that the signature does not cover does not belong here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<TimestampRule>,
    /// Where the delivery id is; with several places the first that holds a value counts. The order is part of every idempotency key: append
    /// places, and insert none.
    #[serde(with = "text::one_or_many", skip_serializing_if = "<[_]>::is_empty")]
    pub id: List<Place>,
    /// Where the event name is; with several places the first that holds a value counts.
    #[serde(with = "text::one_or_many", skip_serializing_if = "<[_]>::is_empty")]
    pub event: List<Place>,
    /// The closed list of event names, if the provider has one, each as it is sent: at most 1,024, each once. Where the name is unsigned, these
    /// alone tell deliveries of the same content apart; any other name counts as none.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub events: List<Text>,
    /// Where the sender's account is; with several places the first that holds a value counts. Their order is part of keys, as that of ids is.
    #[serde(with = "text::one_or_many", skip_serializing_if = "<[_]>::is_empty")]
    pub tenant: List<Place>,
    /// Fields of the body that say whose secret signs, for a receiver of many accounts' or apps' deliveries
    /// ([`TenantPlace::body`](crate::TenantPlace::body)): `Json`, `Form` or `FormJson`, by the body's shape the first that holds a value counts. Not
    /// looked at by receivers with one ring of secrets.
    #[serde(with = "text::one_or_many", skip_serializing_if = "<[_]>::is_empty")]
    pub secret_owner: List<Place>,
    /// Header families of one meaning, the preferred first: headers of this scheme that start with the first prefix are read under the
    /// first prefix whose signature header is there, all of them under the same one. Families are never mixed.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub header_prefixes: List<Text>,
    /// Fixed values that the head of every delivery carries; one with another value, or without it, is refused.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub requires: List<Requirement>,
    /// Digests of the content that the message itself carries and that must be right, beside the signature.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub checks: List<DigestCheck>,
    /// The spellings of the public URL that the sender may have signed, the likeliest first. Empty: exactly as it is configured.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub url_spellings: List<UrlSpelling>,
    /// The methods that deliveries use, in upper case.
    pub methods: List<Text>,
    /// The media types that deliveries use, in lower case without parameters. Empty: any.
    pub media_types: List<Text>,
    /// Content encodings other than identity that the sender may use; the signature covers the encoded bytes.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub content_encodings: List<Text>,
    /// The longest body in bytes: the provider's documented maximum, else 1 MiB.
    pub max_body: u64,
    /// Is an empty body never a delivery of this sender?
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub body_required: bool,
    /// Where the payload is, by the shape of the body; the first that fits counts.
    #[serde(with = "text::one_or_many")]
    pub payload: List<Payload>,
    /// Can two different events have the same signed content?
    pub repeats: Repeats,
    /// How the sender retries.
    pub retry: Retry,
    /// Does the sender read the response?
    pub answer: AnswerKind,
    /// Requests without a signature that this sender is known to make.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub unsigned: List<UnsignedShape>,
    /// Questions that the sender asks and that the receiver answers itself.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub handshakes: List<Handshake>,
}

impl Scheme {
    /// What most schemes have in common: HMAC-SHA256 over the body, the key as text, a JSON POST of at most 1 MiB.
    pub const BASE: Self = Self {
        name: text!(""),
        title: text!(""),
        sources: list![],
        grade: Grade::SignatureOverBody,
        algorithm: Algorithm::HmacSha256,
        key: KeyFormat::Text,
        min_key_len: crate::defaults::MIN_KEY_LEN,
        content: list![Part::Body],
        signature: SignatureRule::BASE,
        timestamp: None,
        id: list![],
        event: list![],
        events: list![],
        tenant: list![],
        secret_owner: list![],
        header_prefixes: list![],
        requires: list![],
        checks: list![],
        url_spellings: list![],
        methods: list![text!("POST")],
        media_types: list![text!("application/json")],
        content_encodings: list![],
        max_body: crate::defaults::MAX_BODY,
        body_required: false,
        payload: list![Payload::Body],
        repeats: Repeats::Never,
        retry: Retry::NONE,
        answer: AnswerKind::Status,
        unsigned: list![],
        handshakes: list![],
    };

    /// Does the signature cover the value at `place`, so that nobody but the sender can have put it there?
    ///
    /// Not when the content [is not delimited](Self::is_delimited): characters could then be moved from one value to another.
    #[must_use]
    pub fn signs(&self, place: &Place) -> bool {
        match place {
            Place::All(places) => places.iter().all(|place| self.signs(place)),
            place => self.is_delimited() && self.holds(place),
        }
    }

    /// Is the value at `place` part of every message's signed content, with every byte of it?
    pub(crate) fn holds(&self, place: &Place) -> bool {
        if !self.algorithm.signs_content() {
            return false;
        }
        let is_stamp = self
            .timestamp
            .as_ref()
            .is_some_and(|rule| &rule.place == place);
        let is_id = self.id.first() == Some(place);
        self.holds_in_body(place)
            || Part::always(&self.content, &|part| match part {
                Part::Timestamp => is_stamp,
                Part::Id => is_id,
                Part::Url | Part::Query | Part::QuerySorted => {
                    matches!(place, Place::QueryParam(_))
                }
                Part::Path | Part::UrlWithoutQuery => *place == Place::PathEnd,
                other => other.place().as_ref() == Some(place),
            })
    }

    fn holds_in_body(&self, place: &Place) -> bool {
        place.is_in_body()
            && (self.digest_covers_body()
                || Part::always(&self.content, &|part| part.covers_in_body(place)))
    }

    /// Can the signed content be split into its values in one way only?
    ///
    /// Literals set apart what stands beside them, for a literal is refused inside of it. One value alone needs none: stamps and digests beside
    /// it have a length of their own. Several values of which two are not set apart by a literal, values that may be left out, sorted
    /// fields without separators (Twilio, Mandrill) and several values of the body can be split in more ways than one. Such schemes prove that
    /// the content is the sender's, and not where one value ends; none of their fields counts as signed.
    #[must_use]
    pub fn is_delimited(&self) -> bool {
        is_delimited(&self.content, self.has_open_stamp())
    }

    /// Is the stamp's end told by nothing in it? A zone cut off from a stamp that need not have one leaves another stamp.
    pub(crate) fn has_open_stamp(&self) -> bool {
        let rule = self.timestamp.as_ref();
        rule.is_some_and(|rule| rule.unit == Unit::Rfc3339Zoneless)
    }

    /// Does a signed digest that the message carries cover the body?
    pub(crate) fn digest_covers_body(&self) -> bool {
        self.checks.iter().any(|check| {
            !matches!(check.algorithm, Hash::Crc32 | Hash::Md5)
                && is_delimited(&check.of, self.has_open_stamp())
                && Part::always(&check.of, &|part| *part == Part::Body)
                && (check.bodies == CheckedBodies::All || self.holds_sorted_form())
        })
    }

    /// Is the body under the signature, or its fields, or a digest of it?
    pub(crate) fn covers_body(&self) -> bool {
        self.digest_covers_body()
            || Part::always(&self.content, &|part| {
                matches!(part, Part::Body | Part::FormSorted)
            })
    }

    fn is_url_with_sorted_form(&self) -> bool {
        matches!(
            self.content.as_ref(),
            [Part::Url, Part::FormSorted] | [Part::FormSorted]
        )
    }

    fn holds_sorted_form(&self) -> bool {
        Part::always(&self.content, &|part| *part == Part::FormSorted)
    }

    /// Is a body taken for a form by its Content-Type, and covered in another way then?
    pub(crate) fn tells_forms_apart(&self) -> bool {
        let mut checks = self.checks.iter();
        checks.any(|check| check.bodies == CheckedBodies::AllButForms)
    }

    /// Does the content hold the URL?
    pub(crate) fn signs_url(&self) -> bool {
        Part::any(&self.content, &|part| {
            matches!(part, Part::Url | Part::UrlWithoutQuery)
        })
    }

    pub(crate) fn signs_path(&self) -> bool {
        Part::any(&self.content, &|part| matches!(part, Part::Path))
    }

    /// A plain digest that ends in something else than the secret: whoever has one can compute that of a longer content.
    fn is_extensible(&self) -> bool {
        self.algorithm.is_plain_digest() && self.content.last() != Some(&Part::Secret)
    }

    /// What the fields amount to, whatever [`grade`](Self::grade) declares.
    #[must_use]
    pub fn actual_grade(&self) -> Grade {
        match self.algorithm {
            Algorithm::Unsigned => Grade::Unsigned,
            Algorithm::Token | Algorithm::Basic => Grade::Token,
            _ => {
                if self.is_extensible() {
                    Grade::ExtensibleDigest
                } else if !self.covers_body() {
                    Grade::SignatureBesideBody
                } else if self.is_delimited() || self.is_url_with_sorted_form() {
                    Grade::SignatureOverBody
                } else {
                    Grade::SignatureUndelimited
                }
            }
        }
    }
}

fn is_delimited(parts: &[Part], has_open_stamp: bool) -> bool {
    // What stands inside a digest is split like anything else. In other encodings nothing is kept out of values, so there may be one only.
    let may_be_inside = |part: &Part| match part {
        Part::Digest { of, .. } => is_delimited(of, has_open_stamp),
        part => part.inner().len() <= 1 && is_delimited(part.inner(), has_open_stamp),
    };
    let mut outer = parts.iter().filter(|part| !part.inner().is_empty());
    if !outer.all(may_be_inside) {
        return false;
    }
    let is_open = |pair: &[Part]| match pair {
        [Part::Timestamp, Part::Literal(next)] => {
            next.starts_with(['+', '-', '.', 'Z', 'z'])
                || next.starts_with(|c: char| c.is_ascii_digit())
        }
        [Part::Timestamp, _] => true,
        _ => false,
    };
    if has_open_stamp && parts.windows(2).any(is_open) {
        return false;
    }
    // Of one length, or the same in every message.
    let is_fixed = |part: &Part| {
        matches!(
            part,
            Part::Literal(_)
                | Part::Timestamp
                | Part::Secret
                | Part::Config(_)
                | Part::Digest { .. }
        )
    };
    let set_apart = |part: &Part| {
        is_fixed(part)
            || matches!(
                part,
                Part::Body
                    | Part::Id
                    | Part::Header(_)
                    | Part::QueryParam(_)
                    | Part::Pair(_)
                    | Part::Method
                    | Part::Path
                    | Part::Query
                    | Part::Url
                    | Part::UrlWithoutQuery
            )
    };
    let many = |part: &Part| {
        matches!(
            part,
            Part::FormSorted | Part::QuerySorted | Part::Optional(_)
        )
    };
    if parts.iter().any(many) {
        return false;
    }
    if parts.iter().filter(|part| !is_fixed(part)).count() <= 1 {
        return true;
    }
    // At the ends, what has a length of its own, or a fresh stamp's, moves nothing; behind a method begins a slash or a scheme.
    let mut inner = parts;
    while let [first, rest @ ..] = inner
        && (is_fixed(first) || *first == Part::Method)
    {
        inner = rest;
    }
    while let [rest @ .., last] = inner
        && is_fixed(last)
    {
        inner = rest;
    }
    let is_literal = |part: &Part| matches!(part, Part::Literal(_));
    let side_by_side = inner.windows(2).any(|pair| !pair.iter().any(is_literal));
    !side_by_side && inner.iter().all(set_apart)
}

impl Default for Scheme {
    fn default() -> Self {
        Self::BASE
    }
}

/// What an accepted request proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Grade {
    /// Nothing: the sender signs nothing.
    Unsigned,
    /// That the sender knows a token; the content may have been changed by whoever saw it once.
    Token,
    /// That the sender knows a secret and once signed a beginning of this content: a plain digest of secret and content can be extended by
    /// whoever has seen one, without the secret.
    ExtensibleDigest,
    /// That some fields were signed, but not the whole body.
    SignatureBesideBody,
    /// That everything was signed, the body included, but not where one value ends and the next begins: whoever has seen one delivery can
    /// move characters between a header, the URL and the body.
    SignatureUndelimited,
    /// That the body is the sender's. Sorted form fields behind the URL (Twilio, Mandrill) are counted here, too: characters can be moved
    /// within them, which is why none of their fields is marked signed.
    SignatureOverBody,
}

/// The algorithm of a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC (RFC 2104) with SHA-1: sound as a MAC, old as a choice.
    HmacSha1,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-384.
    HmacSha384,
    /// HMAC with SHA-512.
    HmacSha512,
    /// A plain MD5 digest over content that holds the secret. Weak.
    Md5,
    /// A plain SHA-1 digest over content that holds the secret. Weak.
    Sha1,
    /// A plain SHA-256 digest over content that holds the secret.
    Sha256,
    /// A plain SHA-384 digest over content that holds the secret.
    Sha384,
    /// A plain SHA-512 digest over content that holds the secret.
    Sha512,
    /// A static token, sent with every delivery.
    Token,
    /// Basic authentication (RFC 7617): the secret is `user:password`.
    Basic,
    /// The sender proves nothing.
    Unsigned,
}

impl Algorithm {
    /// Does the algorithm compute over content?
    #[must_use]
    pub const fn signs_content(self) -> bool {
        !matches!(self, Self::Token | Self::Basic | Self::Unsigned)
    }

    /// Is it a digest without a key of its own, so that the content must hold the secret?
    #[must_use]
    pub const fn is_plain_digest(self) -> bool {
        matches!(
            self,
            Self::Md5 | Self::Sha1 | Self::Sha256 | Self::Sha384 | Self::Sha512
        )
    }

    /// The tag's length in bytes; `None` where there is no tag.
    #[must_use]
    pub const fn tag_len(self) -> Option<usize> {
        match self {
            Self::Md5 => Some(16),
            Self::HmacSha1 | Self::Sha1 => Some(20),
            Self::HmacSha256 | Self::Sha256 => Some(32),
            Self::HmacSha384 | Self::Sha384 => Some(48),
            Self::HmacSha512 | Self::Sha512 => Some(64),
            Self::Token | Self::Basic | Self::Unsigned => None,
        }
    }
}

/// How the secret that the dashboard shows becomes key bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum KeyFormat {
    /// Its text in UTF-8, every character of it, prefixes included.
    Text,
    /// The text after this prefix, which may be missing.
    TextAfter(Text),
    /// Base64 (standard alphabet; padding may be missing).
    Base64,
    /// Base64 after this prefix, which may be missing.
    Base64After(Text),
    /// Hexadecimal in either case.
    Hex,
    /// The SHA-1 digest of its text.
    Sha1,
    /// The SHA-256 digest of its text.
    Sha256,
    /// Its text in Unicode normalisation form KD. Only ASCII secrets, which the form leaves alone, can be used.
    Nfkd,
}

/// The signed timestamp of a scheme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimestampRule {
    /// Where it lies.
    #[serde(flatten)]
    pub place: Place,
    /// How it is written.
    pub unit: Unit,
    /// How far it may lie from now. Without a word from the provider: 300 s to both sides.
    #[serde(default = "default_tolerance")]
    pub tolerance: Tolerance,
}

fn default_tolerance() -> Tolerance {
    crate::defaults::TOLERANCE
}

/// Where the payload lies in a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Payload {
    /// The body is the document.
    Body,
    /// One field of a form body holds the document.
    FormField(Text),
    /// The fields of a form body are the payload.
    Form,
}

/// Can two different events have the same signed content?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeats {
    /// No: the content names the event.
    Never,
    /// Yes: the same fields may be sent twice and mean two events.
    Possible,
}

/// Does the sender read more of the response than its status?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerKind {
    /// The status is all it reads.
    Status,
    /// It reads the content (Twilio's TwiML, Slack's command replies).
    Content,
}

/// How a sender retries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// From the first attempt to the last one, redelivery by hand not counted. Zero: it never retries by itself, as far as is known.
    pub span: Span,
    /// Where that is known from.
    #[serde(skip_serializing_if = "Schedule::is_published")]
    pub schedule: Schedule,
    /// Is the body of a retry the same, byte for byte?
    pub body: RetryBody,
    /// Is a retry signed afresh or sent with the first attempt's stamp?
    pub stamp: RetryStamp,
    /// How long the sender waits for the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Span>,
    /// Which statuses the sender takes as done.
    pub success: Success,
    /// Statuses at which the sender drops the event or the endpoint. No receiver is built whose limits would answer a genuine delivery with one
    /// (429). What a retry could mend is answered 503 and 500 whatever stands here, and your own answers are yours.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub drops_on: List<u16>,
}

impl Retry {
    /// A sender that never retries by itself.
    pub const NONE: Self = Self {
        span: Span::from_secs(0),
        schedule: Schedule::Published,
        body: RetryBody::Same,
        stamp: RetryStamp::Fresh,
        deadline: None,
        success: Success::Any2xx,
        drops_on: Cow::Borrowed(&[]),
    };
}

impl Default for Retry {
    fn default() -> Self {
        Self::NONE
    }
}

/// Where a sender's retry schedule is known from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Schedule {
    /// The sender publishes it.
    #[default]
    Published,
    /// The sender does not publish it: the span is assumed.
    NotPublished,
    /// Whoever sets the sender up decides: the span is assumed.
    SendersChoice,
}

impl Schedule {
    fn is_published(&self) -> bool {
        *self == Self::Published
    }
}

/// Is the body of a retry the same?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryBody {
    /// Byte for byte.
    Same,
    /// It may differ (a counter of attempts, say).
    Changes,
}

/// The stamp of a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryStamp {
    /// Signed afresh with the time of the retry.
    Fresh,
    /// The first attempt's: the tolerance towards the past must then reach over the whole span.
    Original,
}

/// Which statuses a sender takes as done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Success {
    /// Any 2xx.
    Any2xx,
    /// These alone.
    Only(List<u16>),
}

/// A span of time in whole seconds, in files also `"90s"`, `"15m"`, `"4h"` or `"3d"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u32);

impl Span {
    /// From seconds.
    #[must_use]
    pub const fn from_secs(seconds: u32) -> Self {
        Self(seconds)
    }

    /// From hours; more than 4,294,967,295 seconds become that.
    #[must_use]
    pub const fn from_hours(hours: u32) -> Self {
        Self(hours.saturating_mul(3_600))
    }

    /// From days; more than 4,294,967,295 seconds become that.
    #[must_use]
    pub const fn from_days(days: u32) -> Self {
        Self(days.saturating_mul(86_400))
    }

    /// As a duration.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (count, unit) = match self.0 {
            0 => (0, 's'),
            days if days % 86_400 == 0 => (days / 86_400, 'd'),
            hours if hours % 3_600 == 0 => (hours / 3_600, 'h'),
            minutes if minutes % 60 == 0 => (minutes / 60, 'm'),
            seconds => (seconds, 's'),
        };
        to.collect_str(&format_args!("{count}{unit}"))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Span;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a span such as \"90s\", \"15m\", \"4h\" or \"3d\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Span, E> {
                let unusable = || E::invalid_value(serde::de::Unexpected::Str(text), &self);
                let (at, unit) = text.char_indices().next_back().ok_or_else(unusable)?;
                let factor: u32 = match unit {
                    's' => 1,
                    'm' => 60,
                    'h' => 3_600,
                    'd' => 86_400,
                    _ => return Err(unusable()),
                };
                text.get(..at)
                    .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                    .and_then(|digits| digits.parse::<u32>().ok())
                    .and_then(|count| count.checked_mul(factor))
                    .map(Span)
                    .ok_or_else(unusable)
            }
        }

        from.deserialize_str(Visitor)
    }
}

/// A fixed value that the head of every delivery carries, such as a version in a header. It is not signed unless the content holds it.
///
/// It never chooses anything: it is there for senders with several schemes whose messages could be taken for each other's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Where it lies: in a header, a parameter or a pair.
    #[serde(flatten)]
    pub place: Place,
    /// The value, compared exactly.
    pub equals: Text,
}

/// A digest that the message carries beside its signature and that must be right (Twilio's `bodySHA256`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestCheck {
    /// Where the message carries it; the signature must cover this place.
    #[serde(flatten)]
    pub place: Place,
    /// The hash function.
    pub algorithm: Hash,
    /// How it is written.
    pub encoding: Encoding,
    /// What it is a digest of.
    pub of: List<Part>,
    /// Which bodies have one.
    #[serde(default, skip_serializing_if = "CheckedBodies::are_all")]
    pub bodies: CheckedBodies,
}

/// The bodies that a digest in the message is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CheckedBodies {
    /// Every one.
    #[default]
    All,
    /// Every one but forms with at least one field, which the signed content holds ([`Part::FormSorted`]). The Content-Type tells forms
    /// from other bodies; each kind is covered in its own way, so that exchanging it gains nothing. A digest in a parameter of the URL must
    /// be the last parameter: the fields of a form can be moved into the URL, and the text in one of them could name a digest.
    AllButForms,
}

impl CheckedBodies {
    fn are_all(&self) -> bool {
        *self == Self::All
    }
}

#[cfg(test)]
#[path = "scheme_tests.rs"]
mod tests;
