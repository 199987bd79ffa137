//! Step 4: the body comes in, chunk by chunk, counted and hashed as it comes.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use crate::mac::{Running, matches_any};
use crate::refusal::Refusal;
use crate::request::{Head, ReadError, Value, is_plain_header_id, trim};
use crate::scheme::compiled::{Compiled, Key, Plan};
use crate::scheme::signature::{Candidates, SignatureText, find};
use crate::scheme::{Lines, Part, Place, Text};
use crate::signed_content::{BodyView, Content, Facts};
use crate::timestamp::{MAX_TIMESTAMP_LEN, Timestamp};
use crate::verify::{KeptValues, Verified};

/// Content before and after the body: stamps, ids, literals. Longer text moves to the heap.
type Around = SmallVec<[u8; 128]>;

/// The texts that carry the signature.
type Values<'a> = SmallVec<[Value<'a>; 1]>;

/// What steps 1 to 3 found good in a head. It borrows from the head and is large, so it is lent and not handed over.
struct Judged<'j, 'h> {
    family: usize,
    stamp: Option<Timestamp>,
    /// `None` when the signature lies in the body.
    candidates: Option<&'j Candidates>,
    facts: &'j Facts<'h>,
}

/// Steps 1 to 3: everything that the head alone decides.
fn judge<H: Head, T>(
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

/// Steps 1, 2, 3 and 5, over a body that is there.
pub(crate) fn verify<H: Head>(
    compiled: &Arc<Compiled>,
    head: &H,
    body: Bytes,
    now: Timestamp,
    limit: u64,
) -> Result<Verified, Refusal> {
    judge(compiled, head, now, |judged| {
        if u64::try_from(body.len()).unwrap_or(u64::MAX) > limit {
            return Err(Refusal::BodyTooLarge { limit });
        }
        check_empty(compiled, &body)?;
        let (secret, body_stamp) = match (compiled.plan, judged.candidates) {
            (Plan::Streamed { .. }, Some(candidates)) => {
                let view = BodyView::unread(&body);
                let content = Content {
                    body: Some(&view),
                    ..judged.facts.content(compiled)
                };
                let secret = matching(compiled, now, candidates, |_, sink| {
                    content.feed(&compiled.scheme.content, sink)
                })?;
                (secret, None)
            }
            (Plan::Compared, candidates) => {
                (check_compared(compiled, now, candidates, &body)?, None)
            }
            (_, candidates) => check_whole(compiled, now, candidates, judged.facts, &body)?,
        };
        Ok(Verified {
            compiled: Arc::clone(compiled),
            body,
            secret,
            timestamp: body_stamp.or(judged.stamp),
            signed_id: judged.facts.id.as_deref().map(SmallVec::from_slice),
            family: judged.family,
            signed_values: kept_values(compiled, judged.facts),
        })
    })
}

/// An attempt whose head has passed, taking in its body.
///
/// It owns the buffer and the running MACs: what is verified is what is handed on. Made by [`Receiver::open`](crate::Receiver::open);
/// push every chunk in order, then [`finish`](Self::finish).
pub struct Intake {
    compiled: Arc<Compiled>,
    now: Timestamp,
    family: usize,
    limit: u64,
    declared: Option<u64>,
    received: u64,
    body: Body,
    stamp: Option<Timestamp>,
    signed_id: Option<SmallVec<[u8; 64]>>,
    signed_values: Option<KeptValues>,
    work: Work,
}

impl fmt::Debug for Intake {
    /// Neither the body nor the signature: what a stranger sends does not belong into logs.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Intake")
            .field("scheme", &self.compiled.scheme.name)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

/// What is to be done with the body.
#[expect(
    clippy::large_enum_variant,
    reason = "the large variant is the hot one: a box would be an allocation per accepted request"
)]
enum Work {
    Streamed {
        candidates: Candidates,
        before: Around,
        after: Around,
        /// One per active key, once the body comes in more than one piece.
        running: Vec<(usize, Running)>,
    },
    Whole {
        candidates: Option<Candidates>,
        facts: Box<Facts<'static>>,
    },
    Compared {
        candidates: Option<Candidates>,
    },
}

enum Body {
    /// Nothing yet, or one piece, which is handed on as it is.
    OnePiece(Bytes),
    Pieces(BytesMut),
}

impl Intake {
    /// Steps 1 to 3.
    pub(crate) fn begin<H: Head>(
        compiled: &Arc<Compiled>,
        head: &H,
        now: Timestamp,
        limit: u64,
        declared: Option<u64>,
    ) -> Result<Self, Refusal> {
        judge(compiled, head, now, |judged| {
            let candidates = judged.candidates.cloned();
            let work = match (compiled.plan, candidates) {
                (Plan::Streamed { body_at }, Some(candidates)) => {
                    let (before, after) = around(&judged.facts.content(compiled), body_at)?;
                    Work::Streamed {
                        candidates,
                        before,
                        after,
                        running: Vec::new(),
                    }
                }
                (Plan::Compared, candidates) => Work::Compared { candidates },
                (_, candidates) => Work::Whole {
                    candidates,
                    facts: Box::new(judged.facts.clone().into_owned()),
                },
            };
            Ok(Self {
                compiled: Arc::clone(compiled),
                now,
                family: judged.family,
                limit,
                declared,
                received: 0,
                body: Body::OnePiece(Bytes::new()),
                stamp: judged.stamp,
                signed_id: judged.facts.id.as_deref().map(SmallVec::from_slice),
                signed_values: kept_values(compiled, judged.facts),
                work,
            })
        })
    }

    /// Takes the next chunk. A body in one piece is neither copied nor hashed twice.
    ///
    /// # Errors
    /// [`Refusal::BodyTooLarge`] as soon as the limit is passed, [`Refusal::BodyIncomplete`] as soon as more arrives than was declared.
    pub fn push(&mut self, chunk: Bytes) -> Result<(), Refusal> {
        if chunk.is_empty() {
            return Ok(());
        }
        let len = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.received = self.received.saturating_add(len);
        if self.received > self.limit {
            return Err(Refusal::BodyTooLarge { limit: self.limit });
        }
        if self
            .declared
            .is_some_and(|declared| self.received > declared)
        {
            return Err(Refusal::BodyIncomplete);
        }
        match &mut self.body {
            Body::OnePiece(first) if first.is_empty() => *first = chunk,
            Body::OnePiece(first) => {
                let mut pieces =
                    BytesMut::with_capacity(expected_len(self.declared, self.limit, self.received));
                self.work.start(&self.compiled, self.now);
                self.work.hash(first);
                self.work.hash(&chunk);
                pieces.extend_from_slice(first);
                pieces.extend_from_slice(&chunk);
                self.body = Body::Pieces(pieces);
            }
            Body::Pieces(pieces) => {
                self.work.hash(&chunk);
                pieces.extend_from_slice(&chunk);
            }
        }
        Ok(())
    }

    /// How many bytes have come in.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        match &self.body {
            Body::OnePiece(bytes) => bytes.len(),
            Body::Pieces(pieces) => pieces.capacity(),
        }
    }

    /// Step 5: the body is complete. Checks the signature over exactly the bytes that were pushed.
    ///
    /// # Errors
    /// [`Refusal::BodyIncomplete`] when fewer bytes came than were declared, [`Refusal::BodyEmpty`],
    /// [`Refusal::SignatureMismatch`] when no candidate matches any active secret, and what fields in the body can be refused for.
    pub fn finish(self) -> Result<Verified, Refusal> {
        if self
            .declared
            .is_some_and(|declared| self.received != declared)
        {
            return Err(Refusal::BodyIncomplete);
        }
        // Whoever went on after a refused chunk would otherwise get what came before it.
        if self.received > self.limit {
            return Err(Refusal::BodyTooLarge { limit: self.limit });
        }
        let (body, in_one_piece) = match self.body {
            Body::OnePiece(bytes) => (bytes, true),
            Body::Pieces(pieces) => (pieces.freeze(), false),
        };
        let compiled = &*self.compiled;
        check_empty(compiled, &body)?;
        let (secret, body_stamp) = match self.work {
            Work::Streamed {
                candidates,
                before,
                after,
                ..
            } if in_one_piece => {
                let content = [before.as_slice(), &body, &after];
                let secret = matching(compiled, self.now, &candidates, |_, sink| {
                    content.into_iter().for_each(sink);
                    Ok(())
                })?;
                (secret, None)
            }
            Work::Streamed {
                candidates,
                after,
                running,
                ..
            } => (matching_running(running, &after, &candidates)?, None),
            Work::Compared { candidates } => {
                let secret = check_compared(compiled, self.now, candidates.as_ref(), &body)?;
                (secret, None)
            }
            Work::Whole { candidates, facts } => {
                check_whole(compiled, self.now, candidates.as_ref(), &facts, &body)?
            }
        };
        Ok(Verified {
            compiled: self.compiled,
            body,
            secret,
            timestamp: body_stamp.or(self.stamp),
            signed_id: self.signed_id,
            family: self.family,
            signed_values: self.signed_values,
        })
    }
}

impl Compiled {
    fn active(&self, now: Timestamp) -> impl Iterator<Item = (usize, &Key)> {
        self.keys
            .iter()
            .enumerate()
            .filter(move |(_, key)| key.is_active(now))
    }
}

impl Work {
    /// Begins the running MACs: the body turned out to come in pieces.
    fn start(&mut self, compiled: &Compiled, now: Timestamp) {
        if let Self::Streamed {
            before, running, ..
        } = self
        {
            *running = start_all(compiled, now);
            running.iter_mut().for_each(|(_, mac)| mac.update(before));
        }
    }

    fn hash(&mut self, chunk: &[u8]) {
        if let Self::Streamed { running, .. } = self {
            for (_, mac) in running {
                mac.update(chunk);
            }
        }
    }
}

/// A declared length is believed up to 64 KiB: a stranger may declare what he never sends.
fn expected_len(declared: Option<u64>, limit: u64, received: u64) -> usize {
    let wanted = declared
        .unwrap_or(received)
        .min(limit)
        .min(64 * 1024)
        .max(received);
    usize::try_from(wanted).unwrap_or_default()
}

/// Finds the texts that carry the signature: one, except for senders with several headers or lines.
fn signature_values<'a, H: Head>(
    compiled: &'a Compiled,
    family: usize,
    head: &'a H,
    values: &mut Values<'a>,
) -> Result<(), Refusal> {
    for spot in &compiled.signature {
        if compiled.scheme.signature.lines == Lines::Many {
            values.extend(spot.lines(family, head).map(Cow::Borrowed));
            continue;
        }
        match spot.read(family, head) {
            Ok(Some(value)) => values.push(value),
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
    values: &'v [Value<'_>],
    text: &'t mut SignatureText<'v>,
) -> Result<Option<&'t SignatureText<'v>>, Refusal> {
    if values.is_empty() {
        return Ok(None);
    }
    for value in values {
        text.read(compiled.reader(), value)
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

/// What is read as a field later must be what was verified, whatever head is handed in then.
fn kept_values(compiled: &Compiled, facts: &Facts<'_>) -> Option<KeptValues> {
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
fn check_apart(content: &Content<'_, '_>, family: usize, parts: &[Part]) -> Result<(), Refusal> {
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
        if let Some(Part::Literal(literal)) = neighbour
            && let Some(value) = content.head_value(part)
            && runs_into(value, literal, after_body)
        {
            let name = match (part, &content.compiled.id) {
                (Part::Id, Some(spot)) => spot.name(family),
                (Part::Header(name) | Part::QueryParam(name) | Part::Pair(name), _) => name.clone(),
                (Part::Path, _) => "path".into(),
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
fn around(content: &Content<'_, '_>, body_at: usize) -> Result<(Around, Around), Refusal> {
    let parts = content.compiled.scheme.content.as_ref();
    let (before_parts, rest) = parts.split_at_checked(body_at).unwrap_or((parts, &[]));
    let after_parts = rest.get(1..).unwrap_or_default();
    let mut before = Around::new();
    content.feed(before_parts, &mut |bytes| before.extend_from_slice(bytes))?;
    let mut after = Around::new();
    content.feed(after_parts, &mut |bytes| after.extend_from_slice(bytes))?;
    Ok((before, after))
}

fn check_empty(compiled: &Compiled, body: &[u8]) -> Result<(), Refusal> {
    if body.is_empty() && compiled.scheme.body_required {
        return Err(Refusal::BodyEmpty);
    }
    Ok(())
}

/// The active secret under which the content has a tag that is among the candidates. `feed` feeds the content.
fn matching(
    compiled: &Compiled,
    now: Timestamp,
    candidates: &Candidates,
    feed: impl Fn(&Key, &mut dyn FnMut(&[u8])) -> Result<(), Refusal>,
) -> Result<usize, Refusal> {
    for (position, key) in compiled.active(now) {
        let matches = key
            .keyed
            .matches(candidates.iter(), |sink| feed(key, sink))?;
        if matches {
            return Ok(position);
        }
    }
    Err(Refusal::SignatureMismatch)
}

/// The same, fed once to all secrets: what is read, decoded and sorted is so once, and not once per secret.
#[inline(never)]
fn matching_at_once(
    content: &Content<'_, '_>,
    now: Timestamp,
    candidates: &Candidates,
) -> Result<usize, Refusal> {
    let mut running = start_all(content.compiled, now);
    content.feed(&content.compiled.scheme.content, &mut |slice| {
        running.iter_mut().for_each(|(_, mac)| mac.update(slice));
    })?;
    matching_running(running, &[], candidates)
}

/// A fresh computation under every active secret.
fn start_all(compiled: &Compiled, now: Timestamp) -> Vec<(usize, Running)> {
    let started = |(position, key): (usize, &Key)| Some((position, key.keyed.start()?));
    compiled.active(now).filter_map(started).collect()
}

/// The same, for content that was fed to all at once.
fn matching_running(
    running: Vec<(usize, Running)>,
    after: &[u8],
    candidates: &Candidates,
) -> Result<usize, Refusal> {
    for (position, mut mac) in running {
        mac.update(after);
        if mac.finish().matches(candidates.iter()) {
            return Ok(position);
        }
    }
    Err(Refusal::SignatureMismatch)
}

/// Step 5 for tokens.
fn check_compared(
    compiled: &Compiled,
    now: Timestamp,
    candidates: Option<&Candidates>,
    body: &[u8],
) -> Result<usize, Refusal> {
    let view = BodyView::new(compiled, body)?;
    let mut in_body = None;
    let candidates = candidates_of(compiled, &view, candidates, &mut in_body)?;
    compiled
        .active(now)
        .find(|(_, key)| key.keyed.matches_token(candidates.iter()))
        .map(|(position, _)| position)
        .ok_or(Refusal::SignatureMismatch)
}

/// The candidates of the head, or else those of the body, which are put into `in_body`.
fn candidates_of<'c>(
    compiled: &Compiled,
    view: &BodyView<'_>,
    of_head: Option<&'c Candidates>,
    in_body: &'c mut Option<Candidates>,
) -> Result<&'c Candidates, Refusal> {
    match of_head {
        Some(candidates) => Ok(candidates),
        None => Ok(in_body.insert(signature_in_body(compiled, view)?)),
    }
}

fn signature_in_body(compiled: &Compiled, view: &BodyView<'_>) -> Result<Candidates, Refusal> {
    let place = &compiled.scheme.signature.place;
    let text = view
        .read(compiled, place)
        .map_err(|refusal| match refusal {
            Refusal::FieldRepeated { .. } => Refusal::SignatureRepeated,
            Refusal::FieldMalformed { .. } => Refusal::SignatureMalformed,
            other => other,
        })?
        .ok_or(Refusal::SignatureMissing)?;
    let mut read = SignatureText::default();
    read.read(compiled.reader(), trim(text.as_bytes()))?;
    Ok(read.finish()?.candidates)
}

/// Step 5 over a complete body. Gives the timestamp, too, when that lies in the body.
fn check_whole(
    compiled: &Compiled,
    now: Timestamp,
    candidates: Option<&Candidates>,
    facts: &Facts<'_>,
    body: &[u8],
) -> Result<(usize, Option<Timestamp>), Refusal> {
    let scheme = &compiled.scheme;
    let view = BodyView::new(compiled, body)?;
    let mut in_body = None;
    let candidates = candidates_of(compiled, &view, candidates, &mut in_body)?;
    let mut facts = Cow::Borrowed(facts);
    let mut stamp = None;
    if let Some(rule) = scheme
        .timestamp
        .as_ref()
        .filter(|rule| rule.place.is_in_body())
    {
        let text = view
            .read(compiled, &rule.place)
            .map_err(|refusal| match refusal {
                Refusal::FieldRepeated { .. } => Refusal::TimestampRepeated,
                Refusal::FieldMalformed { .. } => Refusal::TimestampMalformed,
                other => other,
            })?
            .ok_or(Refusal::TimestampMissing)?;
        let moment = rule.unit.parse(text.as_bytes())?;
        facts.to_mut().stamp = Some(Cow::Owned(text.into_owned().into_bytes()));
        stamp = Some((moment, rule.tolerance));
    }
    if let Some(place) = &compiled.id_in_body {
        let id = view.read(compiled, place)?;
        facts.to_mut().id = id.map(|id| Cow::Owned(id.into_owned().into_bytes()));
    }
    let content = Content {
        body: Some(&view),
        ..facts.content(compiled)
    };
    let secret = if !compiled.holds_secret {
        matching_at_once(&content, now, candidates)?
    } else {
        matching(compiled, now, candidates, |key, sink| {
            let secret = key.keyed.secret();
            Content { secret, ..content }.feed(&scheme.content, sink)
        })?
    };
    // A stamp in the body is judged once it is known to be the sender's.
    let stamp = match stamp {
        Some((moment, tolerance)) => {
            tolerance.check(moment, now)?;
            Some(moment)
        }
        None => None,
    };
    for check in scheme.checks.iter() {
        check_digest(&content, check)?;
    }
    Ok((secret, stamp))
}

/// A digest that the message carries: compared in its one strict spelling.
fn check_digest(
    content: &Content<'_, '_>,
    check: &crate::scheme::DigestCheck,
) -> Result<(), Refusal> {
    let carried = match &check.place {
        place if place.is_in_body() => match content.body {
            Some(body) => body
                .read(content.compiled, place)?
                .map(|text| text.into_owned().into_bytes()),
            None => None,
        },
        place => content
            .compiled
            .head_parts
            .iter()
            .position(|(known, _)| known == place)
            .and_then(|at| content.facts.values.get(at)?.as_deref())
            .map(<[u8]>::to_vec),
    };
    let carried = carried.ok_or(Refusal::SignatureMissing)?;
    let digest = content.digest(check.algorithm, &check.of)?;
    let expected = check.encoding.encode(&digest);
    if matches_any(&expected, std::iter::once(carried.as_slice())) {
        Ok(())
    } else {
        Err(Refusal::SignatureMismatch)
    }
}
