//! Steps 1 to 3: what a head is judged by, before its body.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use smallvec::SmallVec;

use crate::public_url;
use crate::refusal::Refusal;
use crate::request::{Head, ReadError, Value, is_media_type, is_plain_header_id};
use crate::scheme::compiled::{Compiled, Plan};
use crate::scheme::signature::{Candidates, SignatureText, find};
use crate::scheme::{Lines, Part, Place, Text};
use crate::signed_content::{Content, Facts};
use crate::timestamp::{MAX_TIMESTAMP_LEN, Timestamp};
use crate::verify::KeptValues;

/// Content before and after the body: stamps, ids, literals. Longer text moves to the heap.
pub(crate) type Around = SmallVec<[u8; 128]>;

/// The texts that carry the signature, and whether each is at the scheme's first place.
type Values<'a> = SmallVec<[(bool, Value<'a>); 1]>;

/// What steps 1 to 3 found good in a head. It borrows from the head and is large, so it is lent and not handed over.
pub(crate) struct Judged<'j, 'h> {
    pub(crate) family: usize,
    pub(crate) stamp: Option<Timestamp>,
    /// `None` when the signature lies in the body.
    pub(crate) candidates: Option<&'j Candidates>,
    pub(crate) facts: &'j Facts<'h>,
}

/// Steps 1 to 3: everything that the head alone decides.
pub(crate) fn judge<H: Head, T>(
    compiled: &Compiled,
    head: &H,
    now: Timestamp,
    then: impl FnOnce(&Judged<'_, '_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let family = compiled.family(head);
    let mut values = Values::new();
    signature_values(compiled, family, head, &mut values)?;
    let mut text = SignatureText::default();
    let text = read_signature(compiled, &values, &mut text)?;
    let stamp_text = stamp_text(compiled, family, head, text)?;
    let stamp = match (&stamp_text, &compiled.scheme.timestamp) {
        (Some(raw), Some(rule)) => {
            let stamp = rule.unit.parse(raw)?;
            rule.tolerance.check(stamp, now)?;
            Some(stamp)
        }
        _ => None,
    };
    check_required(compiled, family, head, text)?;
    let mut facts = Facts {
        stamp: stamp_text,
        id: signed_id(compiled, family, head)?,
        method: Cow::Borrowed(head.method()),
        path: Cow::Borrowed(head.path()),
        query: head.query().map(Cow::Borrowed),
        ..Facts::default()
    };
    if let Some(source) = &compiled.public_url {
        let base = source.base(head)?;
        for path in public_url::paths(&base, head.path()) {
            for spelling in &compiled.url_spellings {
                let url = base.spell(*spelling, path, head.query());
                if let Some(url) = url
                    && !facts.urls.contains(&url)
                {
                    facts.urls.push(url);
                }
            }
        }
    }
    if compiled.tells_forms_apart {
        facts.is_form = is_form(head)?;
    }
    for (_, spot) in &compiled.head_parts {
        facts.values.push(spot.read_field(family, head)?);
    }
    if compiled.holds_values {
        if let Some(text) = text {
            let named = text.pairs.iter().take(compiled.pair_keys.len());
            facts
                .pairs
                .extend(named.map(|value| value.map(Cow::Borrowed)));
        }
        check_apart(&facts.content(compiled), family, &compiled.scheme.content)?;
    }
    then(&Judged {
        family,
        stamp,
        candidates: text.map(|text| &text.candidates),
        facts: &facts,
    })
}

/// Finds the texts that carry the signature: one, except for senders with several headers or lines.
fn signature_values<'a, H: Head>(
    compiled: &'a Compiled,
    family: usize,
    head: &'a H,
    values: &mut Values<'a>,
) -> Result<(), Refusal> {
    for (at, spot) in compiled.signature.iter().enumerate() {
        let is_first = at == 0;
        if compiled.scheme.signature.lines == Lines::Many {
            let lines = spot.lines(family, head).map(Cow::Borrowed);
            values.extend(lines.map(|line| (is_first, line)));
            continue;
        }
        match spot.read(family, head) {
            // Who sends a token twice lets us choose between two.
            Ok(Some(_)) if !values.is_empty() && compiled.plan == Plan::Compared => {
                return Err(Refusal::SignatureRepeated);
            }
            Ok(Some(value)) => values.push((is_first, value)),
            Ok(None) => {}
            Err(ReadError::Repeated) => return Err(Refusal::SignatureRepeated),
            Err(ReadError::Malformed) => return Err(Refusal::SignatureMalformed),
        }
    }
    if values.is_empty() && !compiled.signature.is_empty() {
        return Err(Refusal::SignatureMissing);
    }
    Ok(())
}

/// Step 1, into `text`. `None` when the signature lies in the body.
fn read_signature<'t, 'v>(
    compiled: &Compiled,
    values: &'v [(bool, Value<'_>)],
    text: &'t mut SignatureText<'v>,
) -> Result<Option<&'t SignatureText<'v>>, Refusal> {
    if values.is_empty() {
        return Ok(None);
    }
    for (is_first, value) in values {
        text.read(compiled.reader(*is_first), value)
            .map_err(|refusal| as_stamp(compiled, refusal))?;
    }
    text.check()?;
    Ok(Some(text))
}

/// A repeated pair is a repeated timestamp when that is what the pair holds.
fn as_stamp(compiled: &Compiled, refusal: Refusal) -> Refusal {
    match (&refusal, &compiled.scheme.timestamp) {
        (Refusal::FieldRepeated { name }, Some(rule))
            if rule.place == Place::Pair(name.clone()) =>
        {
            Refusal::TimestampRepeated
        }
        _ => refusal,
    }
}

/// The raw timestamp, when it does not lie in the body.
fn stamp_text<'a, H: Head>(
    compiled: &'a Compiled,
    family: usize,
    head: &'a H,
    text: Option<&SignatureText<'a>>,
) -> Result<Option<Value<'a>>, Refusal> {
    let Some(rule) = &compiled.scheme.timestamp else {
        return Ok(None);
    };
    let found = match (&rule.place, &compiled.stamp) {
        (Place::Pair(key), _) => {
            let at = compiled.pair_keys.iter().position(|known| known == key);
            at.and_then(|at| text?.pairs.get(at).copied().flatten())
                .map(Cow::Borrowed)
        }
        (Place::FirstItem, _) => text.and_then(|text| text.first).map(Cow::Borrowed),
        (_, Some(spot)) => match spot.read(family, head) {
            Ok(found) => found,
            Err(ReadError::Repeated) => return Err(Refusal::TimestampRepeated),
            Err(ReadError::Malformed) => return Err(Refusal::TimestampMalformed),
        },
        _ => return Ok(None),
    };
    let found = found.ok_or(Refusal::TimestampMissing)?;
    if found.len() > MAX_TIMESTAMP_LEN {
        return Err(Refusal::TimestampMalformed);
    }
    Ok(Some(found))
}

/// The id that the content holds, when it does not lie in the body.
fn signed_id<'a, H: Head>(
    compiled: &'a Compiled,
    family: usize,
    head: &'a H,
) -> Result<Option<Value<'a>>, Refusal> {
    let Some(spot) = &compiled.id else {
        return Ok(None);
    };
    let Some(value) = spot.read_field(family, head)? else {
        return Err(Refusal::FieldMissing {
            name: spot.name(family),
        });
    };
    if !is_plain_header_id(&value) {
        return Err(Refusal::FieldMalformed {
            name: spot.name(family),
        });
    }
    Ok(Some(value))
}

/// Does the Content-Type say that the body is a form?
fn is_form(head: &impl Head) -> Result<bool, Refusal> {
    if head.header(&CONTENT_TYPE).nth(1).is_some() {
        return Err(Refusal::MediaTypeUnsupported);
    }
    Ok(is_media_type(head, "application/x-www-form-urlencoded"))
}

/// What is read as a field later must be what was verified, whatever head is handed in then.
pub(crate) fn kept_values(compiled: &Compiled, facts: &Facts<'_>) -> Option<KeptValues> {
    let copied = |value: &Option<Value<'_>>| value.as_deref().map(Bytes::copy_from_slice);
    compiled
        .keeps_values
        .then(|| Box::new(facts.values.iter().map(copied).collect()))
}

/// Step 1, last: the fixed values that the scheme's deliveries carry in their head.
fn check_required<H: Head>(
    compiled: &Compiled,
    family: usize,
    head: &H,
    text: Option<&SignatureText<'_>>,
) -> Result<(), Refusal> {
    for (spot, equals) in &compiled.requires {
        let found = spot.read_field(family, head)?;
        check_equal(found.as_deref(), equals, || spot.name(family))?;
    }
    for requirement in compiled.scheme.requires.iter() {
        let Place::Pair(key) = &requirement.place else {
            continue;
        };
        let at = compiled.pair_keys.iter().position(|known| known == key);
        let found = at.and_then(|at| text?.pairs.get(at).copied().flatten());
        check_equal(found, &requirement.equals, || key.clone())?;
    }
    Ok(())
}

fn check_equal(
    found: Option<&[u8]>,
    equals: &str,
    name: impl FnOnce() -> Text,
) -> Result<(), Refusal> {
    match found {
        Some(value) if value == equals.as_bytes() => Ok(()),
        Some(_) => Err(Refusal::FieldMalformed { name: name() }),
        None => Err(Refusal::FieldMissing { name: name() }),
    }
}

/// A value from the head must not hold the literal that ends it (before the body) or begins it (after the body): otherwise two different
/// requests could have the same signed content.
pub(crate) fn check_apart(
    content: &Content<'_, '_>,
    family: usize,
    parts: &[Part],
) -> Result<(), Refusal> {
    let mut previous = None;
    let mut after_body = false;
    let mut rest = parts.iter();
    while let Some(part) = rest.next() {
        let neighbour = if after_body {
            previous
        } else {
            rest.as_slice().first()
        };
        if let Part::Optional(of) | Part::Digest { of, .. } = part {
            check_apart(content, family, of)?;
        }
        // A stamp has its own form: a full stop alone may be a piece of it.
        let may_hold =
            |literal: &Text| !matches!(part, Part::Timestamp) || literal.starts_with('.');
        if let Some(Part::Literal(literal)) = neighbour
            && may_hold(literal)
            && let Some(value) = content.head_value(part)
            && runs_into(value, literal, after_body)
        {
            let name = match (part, &content.compiled.id) {
                (Part::Id, Some(spot)) => spot.name(family),
                (Part::Header(name) | Part::QueryParam(name) | Part::Pair(name), _) => name.clone(),
                (Part::Path, _) => "path".into(),
                (Part::Url | Part::UrlWithoutQuery, _) => "url".into(),
                (Part::Timestamp, _) => "timestamp".into(),
                (Part::Id, None) => "id".into(),
                _ => "query".into(),
            };
            return Err(Refusal::FieldMalformed { name });
        }
        after_body |= matches!(part, Part::Body);
        previous = Some(part);
    }
    Ok(())
}

/// Does the literal occur anywhere but where it belongs: right behind the value, or right before it after the body? A value may end in a
/// part of a longer literal.
fn runs_into(value: &[u8], literal: &str, after_body: bool) -> bool {
    if literal.len() == 1 {
        return find(value, literal).is_some();
    }
    if after_body {
        let joined = [literal.as_bytes(), value].concat();
        joined
            .get(1..)
            .is_some_and(|rest| find(rest, literal).is_some())
    } else {
        let joined = [value, literal.as_bytes()].concat();
        find(&joined, literal) != Some(value.len())
    }
}

/// Renders what stands before and after the streamed body.
pub(crate) fn around(
    content: &Content<'_, '_>,
    body_at: usize,
) -> Result<(Around, Around), Refusal> {
    let parts = content.compiled.scheme.content.as_ref();
    let (before_parts, rest) = parts.split_at_checked(body_at).unwrap_or((parts, &[]));
    let after_parts = rest.get(1..).unwrap_or_default();
    let mut before = Around::new();
    content.feed(before_parts, &mut |bytes| before.extend_from_slice(bytes))?;
    let mut after = Around::new();
    content.feed(after_parts, &mut |bytes| after.extend_from_slice(bytes))?;
    Ok((before, after))
}
