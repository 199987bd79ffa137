//! Does a scheme make sense? Judged when a receiver is built, never on a request.

use http::HeaderName;

use super::signature::MAX_PAIRS;
use super::{
    Algorithm, Change, CheckedBodies, Encoding, Grade, Hash, ItemField, Layout, Lines, List, Part,
    Place, RetryStamp, Scheme, Text,
};
use crate::defaults::{MAX_FIELD_LEN, MAX_JOINED_LEN};
use crate::request::is_plain_field;

/// The deepest JSON pointer that a scheme may name.
const MAX_POINTER_DEPTH: usize = 16;

/// The shortest key that any scheme may allow, in bytes.
const LEAST_MIN_KEY_LEN: u16 = 8;

/// The longest body a scheme may name: 256 MiB. The body is held in memory.
const MOST_MAX_BODY: u64 = 256 * 1024 * 1024;

/// A scheme that makes no sense: which field, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scheme {scheme:?}: {field}: {reason}")]
#[non_exhaustive]
pub struct SchemeError {
    /// The scheme's name.
    pub scheme: String,
    /// The field at fault, as it is spelled in a file.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// How many event names a scheme may list: every delivery's is looked up among them.
const MAX_EVENTS: usize = 1_024;

/// How many spellings of the URL a scheme may name: a forged attempt costs a MAC for each.
const MAX_SPELLINGS: usize = 8;

pub(super) type Checked = Result<(), (&'static str, String)>;

pub(super) fn fail<T>(
    field: &'static str,
    reason: impl Into<String>,
) -> Result<T, (&'static str, String)> {
    Err((field, reason.into()))
}

pub(super) fn ensure(holds: bool, field: &'static str, reason: &str) -> Checked {
    if holds { Ok(()) } else { fail(field, reason) }
}

impl Scheme {
    /// Checks that the fields make sense together.
    ///
    /// # Errors
    /// The first field that does not, by name.
    ///
    /// ```
    /// use countersign::scheme::{Part, Place, Scheme, SignatureRule};
    /// use countersign::{list, text};
    /// let scheme = Scheme { name: text!("acme"), signature: SignatureRule { place: Place::Header(text!("x-acme-signature")), ..SignatureRule::BASE }, ..Scheme::BASE };
    /// assert_eq!(scheme.check(), Ok(()));
    /// let unsigned_body = Scheme { content: list![Part::Path], ..scheme };
    /// assert_eq!(unsigned_body.check().unwrap_err().field, "grade");
    /// ```
    pub fn check(&self) -> Result<(), SchemeError> {
        self.checked().map_err(|(field, reason)| SchemeError {
            scheme: self.name.to_string(),
            field,
            reason,
        })
    }

    fn checked(&self) -> Checked {
        self.check_name()?;
        self.check_algorithm()?;
        self.check_signature()?;
        self.check_content()?;
        self.check_timestamp()?;
        self.check_fields()?;
        self.check_events()?;
        self.check_door()?;
        self.check_url_spellings()?;
        self.check_asked()?;
        self.check_declared_grade()
    }

    fn check_name(&self) -> Checked {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        ensure(
            (1..=64).contains(&self.name.len()) && self.name.bytes().all(plain),
            "name",
            "must be 1 to 64 lower-case letters, digits and hyphens",
        )
    }

    fn check_algorithm(&self) -> Checked {
        // In every message: an optional secret would leave a digest that anybody can make.
        let holds_secret = Part::always(&self.content, &|part| *part == Part::Secret);
        ensure(
            !self.algorithm.is_plain_digest() || holds_secret,
            "content",
            "a plain digest proves nothing unless the content holds the secret",
        )?;
        ensure(
            self.algorithm.signs_content() != self.content.is_empty(),
            "content",
            "must be there for an algorithm that signs, and empty for one that does not",
        )?;
        let varies = |part: &Part| {
            !matches!(
                part,
                Part::Literal(_) | Part::Method | Part::Secret | Part::Config(_)
            ) && part.inner().is_empty()
        };
        ensure(
            !self.algorithm.signs_content() || Part::always(&self.content, &varies),
            "content",
            "holds nothing that changes from message to message: its signature would be a token",
        )?;
        ensure(
            self.min_key_len >= LEAST_MIN_KEY_LEN,
            "min_key_len",
            "must be at least 8 bytes",
        )
    }

    fn check_signature(&self) -> Checked {
        let rule = &self.signature;
        if self.algorithm == Algorithm::Unsigned {
            return ensure(
                *rule == Scheme::BASE.signature,
                "signature",
                "a sender that proves nothing has none",
            );
        }
        for place in std::iter::once(&rule.place).chain(rule.also.iter()) {
            match place {
                Place::JsonEach { array, pointer } => {
                    check_pointer("signature", array)?;
                    check_pointer("signature", pointer)?;
                    ensure(
                        self.algorithm == Algorithm::Token,
                        "signature",
                        "only a token lies in every element of an array",
                    )?;
                }
                place => check_value_place("signature", place)?,
            }
            ensure(
                rule.also.is_empty() || !place.is_in_body(),
                "signature.also",
                "several places must all lie outside the body",
            )?;
            ensure(
                rule.lines == Lines::One || matches!(place, Place::Header(_)),
                "signature.lines",
                "only a header can have several lines",
            )?;
        }
        ensure(
            rule.also_layout.is_none() || !rule.also.is_empty(),
            "signature.also_layout",
            "there is no further place",
        )?;
        ensure(
            rule.also.is_empty() || self.algorithm != Algorithm::Basic,
            "signature.also",
            "basic authentication has one place only",
        )?;
        check_layout(&rule.layout)?;
        if let Some(layout) = &rule.also_layout {
            check_layout(layout)?;
            ensure(
                matches!(layout, Layout::Bare | Layout::Prefix(_)),
                "signature.also_layout",
                "further places hold a bare signature or one behind a prefix",
            )?;
        }
        match self.algorithm {
            Algorithm::Token => ensure(
                rule.encoding == Encoding::Plain,
                "signature.encoding",
                "a token is compared as it is: plain",
            ),
            Algorithm::Basic => ensure(
                rule.place == Place::Header("authorization".into()) && rule.layout == Layout::Bare,
                "signature",
                "basic authentication is in the authorization header, with a bare layout",
            ),
            _ => ensure(
                !matches!(rule.encoding, Encoding::Plain | Encoding::Decimal),
                "signature.encoding",
                "a signature is written in hex or base64",
            ),
        }
    }

    fn check_content(&self) -> Checked {
        const FIELD: &str = "content";
        check_parts(FIELD, &self.content)?;
        let uses = |wanted: Part| Part::any(&self.content, &|part| *part == wanted);
        ensure(
            !uses(Part::Timestamp) || self.timestamp.is_some(),
            "timestamp",
            "the content holds a timestamp and none is described",
        )?;
        ensure(
            !uses(Part::Id) || !self.id.is_empty(),
            "id",
            "the content holds the id and no place for it is named",
        )?;
        ensure(
            !uses(Part::Id) || matches!(self.id.as_ref(), [only] if !matches!(only, Place::All(_))),
            "id",
            "an id that is part of the content has one place only",
        )?;
        let reads_form = |part: &Part| {
            matches!(
                part,
                Part::Form(_) | Part::FormJson { .. } | Part::FormSorted
            )
        };
        let is_form = |kind: &Text| kind == "application/x-www-form-urlencoded";
        let one_field = |part: &Part| matches!(part, Part::Form(_) | Part::FormJson { .. });
        let are_told_apart = self.tells_forms_apart() && !Part::any(&self.content, &one_field);
        ensure(
            !Part::any(&self.content, &reads_form)
                || are_told_apart
                || (!self.media_types.is_empty() && self.media_types.iter().all(is_form)),
            "media_types",
            "the content holds form fields, so only forms can be deliveries",
        )?;
        let places = || std::iter::once(&self.signature.place).chain(self.signature.also.iter());
        ensure(
            !places().any(|place| self.holds(place)),
            "signature",
            "lies inside its own signed content, which nobody can sign",
        )?;
        let is_inside = |place: &Place| matches!(place, Place::Pair(_) | Place::FirstItem);
        let reads_inside = self
            .timestamp
            .as_ref()
            .is_some_and(|rule| is_inside(&rule.place))
            || !self.pair_keys().is_empty();
        ensure(
            !(self.signature.place.is_in_body() && reads_inside),
            "signature",
            "a signature in the body has no further values in its text",
        )?;
        let keys = self.pair_keys();
        ensure(
            keys.is_empty() || matches!(self.signature.layout, Layout::Pairs { .. }),
            "signature.layout",
            "a pair is named and the layout has no pairs",
        )?;
        ensure(
            keys.len() <= MAX_PAIRS,
            "signature.layout",
            "more than four pairs are named",
        )?;
        if let Layout::Pairs { accept, .. } = &self.signature.layout {
            ensure(
                !keys.iter().any(|key| accept.contains(key)),
                "signature.layout",
                "an accepted key is also named as a value",
            )?;
        }
        for requirement in self.requires.iter() {
            check_place("requires", &requirement.place)?;
            ensure(
                matches!(
                    requirement.place,
                    Place::Header(_) | Place::QueryParam(_) | Place::Pair(_)
                ),
                "requires",
                "must lie in a header, a parameter or a pair",
            )?;
            ensure(
                !requirement.equals.is_empty(),
                "requires",
                "an empty value is no value",
            )?;
        }
        for check in self.checks.iter() {
            check_place("checks", &check.place)?;
            check_parts("checks", &check.of)?;
            ensure(
                (self.signs(&check.place)
                    || check.bodies == CheckedBodies::AllButForms && self.holds(&check.place))
                    && !matches!(check.place, Place::Pair(_) | Place::FirstItem),
                "checks",
                "the signature does not cover the digest's place",
            )?;
            ensure(
                check.bodies == CheckedBodies::All
                    || (Part::always(&self.content, &|part| *part == Part::FormSorted)
                        && !check.place.is_in_body()),
                "checks",
                "forms need no digest only where the content holds their sorted fields and the head carries the digest",
            )?;
            let private = |part: &Part| {
                matches!(
                    part,
                    Part::Secret | Part::Config(_) | Part::Url | Part::UrlWithoutQuery
                )
            };
            ensure(
                !Part::any(&check.of, &private),
                "checks",
                "a digest that the message carries is one of the message alone",
            )?;
            ensure(
                (check.encoding == Encoding::Decimal) == (check.algorithm == Hash::Crc32),
                "checks",
                "decimal is the spelling of CRC-32 and of nothing else",
            )?;
        }
        Ok(())
    }

    fn check_url_spellings(&self) -> Checked {
        const FIELD: &str = "url_spellings";
        let spellings = &self.url_spellings;
        ensure(
            spellings.is_empty() || self.signs_url(),
            FIELD,
            "the content holds no URL",
        )?;
        let mut rest = spellings.iter();
        let mut are_distinct = true;
        while let Some(spelling) = rest.next() {
            are_distinct &= !rest.as_slice().contains(spelling);
        }
        ensure(
            spellings.len() <= MAX_SPELLINGS && are_distinct,
            FIELD,
            "must be at most eight, and distinct",
        )
    }

    /// The keys of the signature header's pairs that the scheme reads, the timestamp's first.
    pub(crate) fn pair_keys(&self) -> Vec<Text> {
        let mut keys = Vec::new();
        let mut add = |place: Option<Place>| {
            if let Some(Place::Pair(key)) = place
                && !keys.contains(&key)
            {
                keys.push(key);
            }
        };
        add(self.timestamp.as_ref().map(|rule| rule.place.clone()));
        collect(&self.content, &mut add);
        for requirement in self.requires.iter() {
            add(Some(requirement.place.clone()));
        }
        keys
    }

    fn check_timestamp(&self) -> Checked {
        let Some(rule) = &self.timestamp else {
            return Ok(());
        };
        check_place("timestamp", &rule.place)?;
        ensure(
            self.signs(&rule.place)
                || self.holds(&rule.place)
                    && Part::always(&self.content, &|part| *part == Part::Timestamp),
            "timestamp",
            "the signature does not cover it: a stamp that anybody can change keeps nobody out",
        )?;
        let first_is_value = matches!(
            self.signature.layout,
            Layout::List {
                first_is_value: true,
                ..
            }
        );
        ensure(
            rule.place != Place::FirstItem || first_is_value,
            "timestamp",
            "the layout has no first value",
        )?;
        ensure(
            !rule.tolerance.past().is_zero(),
            "timestamp.tolerance",
            "must be at least a second towards the past: a delivery takes time",
        )?;
        ensure(
            self.retry.stamp == RetryStamp::Fresh
                || rule.tolerance.past() >= self.retry.span.as_duration(),
            "timestamp.tolerance",
            "retries keep the original stamp, so it must reach over the retry span",
        )
    }

    fn check_fields(&self) -> Checked {
        for (field, places) in [
            ("id", &self.id),
            ("event", &self.event),
            ("tenant", &self.tenant),
        ] {
            for place in places.iter() {
                ensure(
                    !matches!(place, Place::All(several) if several.len() < 2),
                    field,
                    "a value made of places needs two at least",
                )?;
                for place in place.each() {
                    check_value_place(field, place)?;
                }
            }
        }
        for place in self.secret_owner.iter() {
            check_place("secret_owner", place)?;
            ensure(
                matches!(
                    place,
                    Place::Json(_) | Place::Form(_) | Place::FormJson { .. }
                ),
                "secret_owner",
                "is a field of the body: what lies elsewhere needs no scheme to be looked up by",
            )?;
        }
        if let Some(first) = self.header_prefixes.first() {
            ensure(
                self.header_prefixes.len() >= 2
                    && self.header_prefixes.iter().all(|prefix| !prefix.is_empty()),
                "header_prefixes",
                "must name at least two families",
            )?;
            let in_family = matches!(
                &self.signature.place,
                Place::Header(name) if name.starts_with(first.as_ref())
            );
            ensure(
                in_family && self.signature.also.is_empty(),
                "header_prefixes",
                "the signature header alone chooses the family and must start with the first prefix",
            )?;
            for prefix in self.header_prefixes.iter() {
                check_header("header_prefixes", &format!("{prefix}x"))?;
            }
        }
        Ok(())
    }

    fn check_events(&self) -> Checked {
        const FIELD: &str = "events";
        if self.events.is_empty() {
            return Ok(());
        }
        ensure(
            !self.event.is_empty(),
            FIELD,
            "names are listed and no place for the event's name is named",
        )?;
        ensure(
            self.events.len() <= MAX_EVENTS,
            FIELD,
            "must be at most 1,024 names",
        )?;
        let is_joined = |place: &Place| matches!(place, Place::All(_));
        let most = if self.event.iter().any(is_joined) {
            MAX_JOINED_LEN
        } else {
            MAX_FIELD_LEN
        };
        ensure(
            self.events.iter().all(|name| is_plain_field(name, most)),
            FIELD,
            "a name is empty, too long, padded or holds control characters, so no event could have it",
        )?;
        let mut rest = self.events.iter();
        while let Some(name) = rest.next() {
            if rest.as_slice().contains(name) {
                return fail(FIELD, format!("{name:?} is named twice"));
            }
        }
        Ok(())
    }

    fn check_door(&self) -> Checked {
        let upper = |method: &Text| {
            !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase())
        };
        ensure(
            !self.methods.is_empty() && self.methods.iter().all(upper),
            "methods",
            "must name at least one method, in upper case",
        )?;
        let is_beginning = |method: &Text| {
            let mut others = self.methods.iter().filter(|other| *other != method);
            others.any(|other| other.starts_with(method.as_ref()))
        };
        ensure(
            !self.methods.iter().any(is_beginning),
            "methods",
            "one is the beginning of another, which content that holds the method could not tell apart",
        )?;
        let plain = |kind: &Text| {
            kind.contains('/')
                && !kind.bytes().any(|byte| {
                    byte.is_ascii_uppercase() || byte.is_ascii_whitespace() || byte == b';'
                })
        };
        ensure(
            self.media_types.iter().all(plain),
            "media_types",
            "must be lower-case types without parameters",
        )?;
        ensure(
            (1..=MOST_MAX_BODY).contains(&self.max_body),
            "max_body",
            "must be between 1 byte and 256 MiB",
        )?;
        ensure(
            !self.payload.is_empty(),
            "payload",
            "must name at least one place",
        )
    }

    fn check_declared_grade(&self) -> Checked {
        let actual = self.actual_grade();
        if self.grade == actual {
            return Ok(());
        }
        let says = match actual {
            Grade::Unsigned => "unsigned",
            Grade::Token => "token",
            Grade::ExtensibleDigest => "extensible-digest",
            Grade::SignatureBesideBody => "signature-beside-body",
            Grade::SignatureUndelimited => "signature-undelimited",
            Grade::SignatureOverBody => "signature-over-body",
        };
        fail(
            "grade",
            format!("the other fields amount to {says:?}, which must be said: grade = {says:?}"),
        )
    }

    /// What this build cannot verify yet, by field. Valid data that no receiver can be built from.
    pub(crate) fn unsupported(&self) -> Option<(&'static str, &'static str)> {
        let old_hash = |part: &Part| {
            matches!(
                part,
                Part::Digest {
                    algorithm: Hash::Md5 | Hash::Crc32,
                    ..
                }
            )
        };
        if self.algorithm == Algorithm::Md5
            || Part::any(&self.content, &old_hash)
            || self.checks.iter().any(|check| {
                matches!(check.algorithm, Hash::Md5 | Hash::Crc32)
                    || Part::any(&check.of, &old_hash)
            })
        {
            Some(("algorithm", "MD5 and CRC-32 are not built in"))
        } else {
            None
        }
    }
}

fn check_layout(layout: &Layout) -> Checked {
    const FIELD: &str = "signature.layout";
    match layout {
        Layout::Bare => Ok(()),
        Layout::Prefix(prefix) => ensure(!prefix.is_empty(), FIELD, "the prefix is empty"),
        Layout::Pairs {
            separator,
            assign,
            accept,
            ignore,
        } => {
            ensure(
                !separator.is_empty() && !assign.is_empty() && separator != assign,
                FIELD,
                "separator and assign must be there and differ",
            )?;
            check_labels(accept, ignore, &[separator, assign])
        }
        Layout::List {
            separator,
            fields,
            between,
            accept,
            ignore,
            first_is_value,
        } => {
            let count = |wanted| fields.iter().filter(|field| **field == wanted).count();
            ensure(
                count(ItemField::Signature) == 1,
                FIELD,
                "an item has exactly one signature field",
            )?;
            ensure(
                count(ItemField::Label) <= 1,
                FIELD,
                "an item has at most one label",
            )?;
            ensure(
                fields.len() == 1 || !between.is_empty() && between != separator,
                FIELD,
                "between must be there and differ from the separator",
            )?;
            ensure(
                !first_is_value || !separator.is_empty(),
                FIELD,
                "a first value needs a separator behind it",
            )?;
            if count(ItemField::Label) == 1 {
                check_labels(accept, ignore, &[separator, between])
            } else {
                ensure(
                    accept.is_empty() && ignore.is_empty(),
                    FIELD,
                    "accept and ignore need a label field",
                )
            }
        }
    }
}

fn collect(parts: &[Part], add: &mut dyn FnMut(Option<Place>)) {
    for part in parts {
        add(part.place());
        collect(part.inner(), add);
    }
}

fn check_labels(accept: &[Text], ignore: &[Text], separators: &[&Text]) -> Checked {
    const FIELD: &str = "signature.layout";
    ensure(
        !accept.is_empty(),
        FIELD,
        "accept is empty: nothing could ever be accepted",
    )?;
    let all: Vec<&Text> = accept.iter().chain(ignore).collect();
    ensure(
        all.iter()
            .all(|label| !label.is_empty() && label.trim() == label.as_ref()),
        FIELD,
        "a label is empty or padded",
    )?;
    let splits = |label: &&&Text| {
        let mut separators = separators.iter().filter(|separator| !separator.is_empty());
        separators.any(|separator| label.contains(separator.as_ref()))
    };
    ensure(
        !all.iter().any(|label| splits(&label)),
        FIELD,
        "a label holds a separator, so no item could have it",
    )?;
    let distinct = all.iter().enumerate().all(|(position, label)| {
        all.iter()
            .skip(position.saturating_add(1))
            .all(|other| other != label)
    });
    ensure(distinct, FIELD, "a label is named twice")
}

fn check_parts(field: &'static str, parts: &List<Part>) -> Checked {
    for part in parts.iter() {
        if let Some(place) = part.place() {
            check_place(field, &place)?;
        }
        match part {
            Part::Literal(literal) => ensure(!literal.is_empty(), field, "a literal is empty")?,
            Part::Config(name) => ensure(!name.is_empty(), field, "a config name is empty")?,
            Part::Change {
                by: Change::PercentDecode(some) | Change::PercentEncode(some),
                ..
            } if !some.is_ascii() => fail(field, "percent escapes are of ASCII characters")?,
            Part::Change {
                by: Change::PercentEncode(kept),
                ..
            } if kept.contains('%') => {
                fail(field, "a percent sign that is kept looks like an escape")?
            }
            Part::Encode {
                encoding: Encoding::Decimal,
                ..
            } => fail(
                field,
                "decimal is the spelling of CRC-32 and of nothing else",
            )?,
            Part::Digest {
                algorithm,
                encoding,
                ..
            } if (*encoding == Encoding::Decimal) != (*algorithm == Hash::Crc32) => {
                fail(
                    field,
                    "decimal is the spelling of CRC-32 and of nothing else",
                )?;
            }
            _ => {}
        }
        if let Part::Digest { of, .. }
        | Part::Encode { of, .. }
        | Part::Change { of, .. }
        | Part::Optional(of) = part
        {
            ensure(!of.is_empty(), field, "a part made of parts has none")?;
            check_parts(field, of)?;
        }
    }
    Ok(())
}

/// A place that is not inside the signature's own text.
fn check_value_place(field: &'static str, place: &Place) -> Checked {
    check_place(field, place)?;
    ensure(
        !matches!(place, Place::Pair(_) | Place::FirstItem),
        field,
        "cannot lie inside the signature's own text",
    )
}

pub(super) fn check_place(field: &'static str, place: &Place) -> Checked {
    match place {
        Place::Header(name) => check_header(field, name),
        Place::QueryParam(name) | Place::Form(name) | Place::Pair(name) => {
            ensure(!name.is_empty(), field, "a name is empty")
        }
        Place::Json(pointer) => check_pointer(field, pointer),
        Place::FormJson {
            field: name,
            pointer,
        } => {
            ensure(!name.is_empty(), field, "a name is empty")?;
            check_pointer(field, pointer)
        }
        Place::PathEnd | Place::FirstItem => Ok(()),
        Place::JsonEach { .. } => fail(field, "only a token lies in every element of an array"),
        Place::All(_) => fail(
            field,
            "only an id, event name or tenant is made of several places",
        ),
    }
}

pub(super) fn check_header(field: &'static str, name: &str) -> Checked {
    let valid = HeaderName::from_bytes(name.as_bytes()).is_ok();
    ensure(
        valid && !name.bytes().any(|byte| byte.is_ascii_uppercase()),
        field,
        "a header name must be a valid one in lower case",
    )
}

fn check_pointer(field: &'static str, pointer: &str) -> Checked {
    let escapes_are_valid = pointer
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    ensure(
        pointer.starts_with('/')
            && escapes_are_valid
            && pointer.split('/').count() <= MAX_POINTER_DEPTH,
        field,
        "a JSON pointer starts with a slash, escapes as RFC 6901 says and has at most 15 steps",
    )
}

#[cfg(test)]
#[path = "validity_tests.rs"]
mod tests;
