//! Step 5: the signed content under every secret, against every candidate.

use std::borrow::Cow;

use crate::handshake;
use crate::judge::check_apart;
use crate::mac::{Expected, Running};
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::scheme::compiled::{Compiled, Key};
use crate::scheme::signature::{Candidates, SignatureText};
use crate::scheme::{CheckedBodies, DigestCheck, Place};
use crate::signed_content::{BodyView, Content, Facts};
use crate::timestamp::{Timestamp, Tolerance};

pub(crate) fn check_empty(compiled: &Compiled, body: &[u8]) -> Result<(), Refusal> {
    if body.is_empty() && compiled.scheme.body_required {
        return Err(Refusal::BodyEmpty);
    }
    Ok(())
}

/// The active secret under which the content has a tag that is among the candidates. `feed` feeds the content.
pub(crate) fn matching(
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
pub(crate) fn start_all(compiled: &Compiled, now: Timestamp) -> Vec<(usize, Running)> {
    let started = |(position, key): (usize, &Key)| Some((position, key.keyed.start()?));
    compiled.active(now).filter_map(started).collect()
}

/// The same, for content that was fed to all at once.
pub(crate) fn matching_running(
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

/// Step 5 for tokens: before the body, where they lie in front of it.
pub(crate) fn matching_token(
    compiled: &Compiled,
    now: Timestamp,
    candidates: &Candidates,
) -> Result<usize, Refusal> {
    compiled
        .active(now)
        .find(|(_, key)| key.keyed.matches_token(candidates.iter()))
        .map(|(position, _)| position)
        .ok_or(Refusal::SignatureMismatch)
}

pub(crate) fn check_token_in_body(
    compiled: &Compiled,
    now: Timestamp,
    body: &[u8],
) -> Result<usize, Refusal> {
    let view = BodyView::new(compiled, body, true)?;
    matching_token(compiled, now, &signature_in_body(compiled, &view)?)
}

/// The answer to a shape that is signed with a key which the sender has published.
#[cold]
pub(crate) fn answer_public(
    compiled: &Compiled,
    candidates: Option<&Candidates>,
    facts: &Facts<'_>,
    body: &[u8],
) -> Option<Reply> {
    let candidates = candidates?;
    if u64::try_from(body.len()).is_ok_and(|len| len > handshake::MAX_BODY) {
        return None;
    }
    let view = BodyView::new(compiled, body, facts.is_form).ok()?;
    for (at, key) in compiled.asked.public_keys() {
        let shape = compiled.scheme.unsigned.get(at)?;
        if shape.method != facts.method || !handshake::fits_body(shape, body) {
            continue;
        }
        let content = Content {
            body: Some(&view),
            secret: key.secret(),
            ..facts.content(compiled)
        };
        let matches = key.matches(candidates.iter(), |sink| {
            content.feed(&compiled.scheme.content, sink)
        });
        if matches == Ok(true) {
            return Some(Reply::unsigned(shape.status));
        }
    }
    None
}

/// The candidates of the head, or else those of the body, which are put into `in_body`.
pub(crate) fn candidates_of<'c>(
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
    // Only HTTP strips blanks, and only around headers.
    read.read(compiled.reader(true), text.as_bytes())?;
    Ok(read.finish()?.candidates)
}

/// The secret that matched, the timestamp when it lies in the body, and what tells the delivery from others.
pub(crate) type Checked = (usize, Option<Timestamp>, Option<[u8; 32]>);

/// Step 5 over a complete body.
pub(crate) fn check_whole(
    compiled: &Compiled,
    now: Timestamp,
    candidates: Option<&Candidates>,
    facts: &Facts<'_>,
    body: &[u8],
) -> Result<Checked, Refusal> {
    let scheme = &compiled.scheme;
    let view = BodyView::new(compiled, body, facts.is_form)?;
    let mut in_body = None;
    let candidates = candidates_of(compiled, &view, candidates, &mut in_body)?;
    let (facts, stamp) = with_body(compiled, &view, facts)?;
    let content = Content {
        body: Some(&view),
        ..facts.content(compiled)
    };
    let (secret, identity) = matching_any_url(&content, now, candidates)?;
    // A stamp in the body is judged once it is known to be the sender's.
    let stamp = match stamp {
        Some((moment, tolerance)) => {
            tolerance.check(moment, now)?;
            Some(moment)
        }
        None => None,
    };
    for check in scheme.checks.iter() {
        check_apart(&content, 0, &check.of)?;
        if check.bodies == CheckedBodies::All || !is_covered_form(&content, check)? {
            check_digest(&content, check)?;
        }
    }
    Ok((secret, stamp, identity))
}

/// It is judged once it is known to be the sender's.
pub(crate) type StampInBody = (Timestamp, Tolerance);

/// The facts with what the body has to say, and the stamp that is to be judged later.
pub(crate) fn with_body<'f, 'h>(
    compiled: &Compiled,
    view: &BodyView<'_>,
    facts: &'f Facts<'h>,
) -> Result<(Cow<'f, Facts<'h>>, Option<StampInBody>), Refusal> {
    let scheme = &compiled.scheme;
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
    Ok((facts, stamp))
}

/// Under each spelling of the URL in turn, where the content holds it.
fn matching_any_url(
    content: &Content<'_, '_>,
    now: Timestamp,
    candidates: &Candidates,
) -> Result<(usize, Option<[u8; 32]>), Refusal> {
    let under = |url| {
        let content = Content { url, ..*content };
        let secret = matching_content(&content, now, candidates)?;
        // Of the spelling that was signed, whichever the request had.
        Ok((secret, content.identity()?))
    };
    let mut verdict = under(content.url);
    for url in content.facts.urls.iter().skip(1) {
        if verdict != Err(Refusal::SignatureMismatch) {
            break;
        }
        verdict = under(url);
    }
    verdict
}

/// Under the spelling of the URL that the content has.
pub(crate) fn matching_content(
    content: &Content<'_, '_>,
    now: Timestamp,
    candidates: &Candidates,
) -> Result<usize, Refusal> {
    let compiled = content.compiled;
    check_apart(content, 0, &compiled.scheme.content)?;
    if compiled.holds_secret {
        return matching(compiled, now, candidates, |key, sink| {
            let secret = key.keyed.secret();
            Content { secret, ..*content }.feed(&compiled.scheme.content, sink)
        });
    }
    matching_at_once(content, now, candidates)
}

/// Is the body a form that the signed content covers? One whose fields say nothing is not in the content: it must be empty then, or have
/// its digest like any other body.
fn is_covered_form(content: &Content<'_, '_>, check: &DigestCheck) -> Result<bool, Refusal> {
    let is_empty = content.body.is_some_and(|body| body.bytes.is_empty());
    // One that does not stand where it counts is still one.
    let has_digest = stated_digest(content, check)?.is_some();
    let Some(body) = content.body.filter(|_| content.facts.is_form) else {
        return Ok(is_empty && !has_digest);
    };
    let says_something =
        |(name, value): &(Cow<'_, str>, Cow<'_, str>)| !name.is_empty() || !value.is_empty();
    if body.sorted().iter().any(says_something) {
        return Ok(true);
    }
    Ok(is_empty && !has_digest)
}

/// The digest that the message carries.
fn carried_digest(
    content: &Content<'_, '_>,
    check: &DigestCheck,
) -> Result<Option<Vec<u8>>, Refusal> {
    // The fields of a form can be moved into the query, for nothing sets them apart: a text that somebody wrote into one could name a
    // digest. In the last parameter it would have to be the text of the last field.
    if let (CheckedBodies::AllButForms, Place::QueryParam(name)) = (check.bodies, &check.place) {
        let query = content.facts.query.as_deref().unwrap_or_default();
        let last = form_urlencoded::parse(query.as_bytes()).last();
        let raw = query.rsplit('&').next().unwrap_or_default();
        if raw.is_empty() || last.is_none_or(|(last, _)| last != *name) {
            return Ok(None);
        }
    }
    stated_digest(content, check)
}

/// The digest that the message states, wherever in the query.
fn stated_digest(
    content: &Content<'_, '_>,
    check: &DigestCheck,
) -> Result<Option<Vec<u8>>, Refusal> {
    Ok(match &check.place {
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
    })
}

/// Compared in its one strict spelling.
fn check_digest(content: &Content<'_, '_>, check: &DigestCheck) -> Result<(), Refusal> {
    let carried = carried_digest(content, check)?.ok_or(Refusal::SignatureMissing)?;
    let digest = content.digest(check.algorithm, &check.of)?;
    let expected = check.encoding.encode(&digest);
    if Expected::new(&expected).equals(&carried) {
        Ok(())
    } else {
        Err(Refusal::SignatureMismatch)
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
