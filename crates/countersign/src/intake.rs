//! Step 4: the body comes in, chunk by chunk, counted and hashed as it comes.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use crate::attempt::Pending;
use crate::check::{
    answer_public, check_empty, check_token_in_body, check_whole, matching, matching_running,
    matching_token, start_all,
};
use crate::handshake::{self, HeadQuestion, Question};
use crate::judge::{Around, around, judge, kept_values};
use crate::mac::{Running, sha256};
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::request::Head;
use crate::scheme::compiled::{Compiled, Plan};
use crate::scheme::signature::Candidates;
use crate::signed_content::{Content, Facts};
use crate::source::Source;
use crate::tenants::{Asked as Directed, Directory, Found, LookUp, Named};
use crate::timestamp::Timestamp;
use crate::url_hint::Clues;
use crate::verify::{KeptValues, Verified};

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
    /// The questions that the head says it may be.
    open: handshake::Open,
    pending: Pending,
    /// For the log, where the scheme signs the URL.
    clues: Option<Box<Clues>>,
    naming: Naming,
    /// For this attempt the source was asked, and no tenant has come of it yet.
    has_asked: bool,
    work: Work,
}

/// How far it is known whose secrets decide.
#[derive(Debug)]
enum Naming {
    /// As far as it will be.
    Settled,
    /// The head names a tenant, whose ring is to be found.
    Tenant(Arc<str>),
    /// The body will name one.
    InBody,
    /// Nobody was asked: the source had no failures left for so long.
    Spent(Duration),
}

/// A tenant's name, and where it is looked up.
type InDirectory = (Arc<Directory>, Arc<str>);

/// A request that is no delivery.
pub(crate) enum Other {
    /// It fits a shape without a signature, as far as its head tells.
    Unsigned { shape: usize },
    /// Its head asks a question.
    Asked(HeadQuestion),
}

/// What an attempt turned out to be.
#[derive(Debug)]
#[non_exhaustive]
pub enum Finished {
    /// A delivery: genuine and fresh.
    Verified(Verified),
    /// No delivery: the receiver answers it by itself, and it is not dispatched.
    Answered(Reply),
    /// A question that the application decides.
    Asked(Asked),
}

impl Finished {
    /// The delivery, if it is one.
    #[must_use]
    pub fn verified(self) -> Option<Verified> {
        match self {
            Self::Verified(verified) => Some(verified),
            Self::Answered(_) | Self::Asked(_) => None,
        }
    }
}

/// A question that awaits the application's word. [`Reading`](crate::Reading) asks by itself.
pub struct Asked {
    compiled: Arc<Compiled>,
    question: Question,
    /// How many bytes of body there were.
    received: u64,
    pending: Pending,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.compiled.abandoned(&self.pending, Some(self.received));
    }
}

impl Asked {
    /// The question.
    #[must_use]
    pub const fn question(&self) -> &Question {
        &self.question
    }

    /// Asks the application.
    pub fn ask(&self) -> Pin<Box<dyn Future<Output = bool> + Send>> {
        match &self.compiled.consent {
            Some(consent) => consent.ask(self.question.clone()),
            None => Box::pin(std::future::ready(false)),
        }
    }

    /// What is answered, by the application's word.
    ///
    /// # Errors
    /// [`Refusal::NotAgreed`] when it does not agree.
    pub fn answer(&self, agreed: bool) -> Result<Reply, Refusal> {
        let reply = if agreed {
            self.question.reply(&self.compiled.scheme)
        } else {
            Err(Refusal::NotAgreed)
        };
        let reply = reply.map_err(|refusal| self.broken(refusal))?;
        let bytes = Some(self.received);
        self.compiled.answered(&reply, &self.pending, bytes);
        Ok(reply)
    }

    pub(crate) const fn source(&self) -> Option<Source> {
        self.pending.origin.source
    }

    /// The application does not agree, cannot be asked, or does not answer in time. Gives the refusal on.
    pub(crate) fn broken(&self, refusal: Refusal) -> Refusal {
        let bytes = Some(self.received);
        self.compiled.failed(refusal, &self.pending, bytes)
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Asked")
            .field("scheme", &self.compiled.scheme.name)
            .field("question", &self.question)
            .finish_non_exhaustive()
    }
}

/// Dropped, with the future that read its body, before anything was decided.
impl Drop for Intake {
    fn drop(&mut self) {
        // Otherwise whoever hangs up at once could have any name looked up, as often as he likes.
        if self.has_asked && !self.pending.is_told() {
            let origin = self.pending.origin;
            let _ = self
                .compiled
                .failures
                .failed(Refusal::BodyIncomplete, origin);
        }
        self.compiled.abandoned(&self.pending, Some(self.received));
    }
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
        /// What is the same for every attempt, around the body, where deliveries are remembered.
        identity: Option<Box<(Around, Around)>>,
    },
    Whole {
        candidates: Option<Candidates>,
        facts: Box<Facts<'static>>,
    },
    /// Nothing: the sender proves nothing, which was accepted by name.
    Unproven,
    /// A token. `None` when it lies in the body; one in the head has been compared.
    Compared { secret: Option<usize> },
    /// A token of the head, before it is known whose it should be.
    Token { candidates: Candidates },
    /// A request without a signature, which the receiver may answer by itself.
    Unsigned { shape: usize },
    /// A question that the head alone asks.
    Asked(HeadQuestion),
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
        pending: &Pending,
    ) -> Result<Self, Refusal> {
        judge(compiled, head, now, |judged| {
            let candidates = judged.candidates.cloned();
            let work = match (compiled.plan, candidates) {
                (Plan::Streamed { body_at }, Some(candidates)) => {
                    let content = judged.facts.content(compiled);
                    let (before, after) = around(&content, body_at)?;
                    let identity = match compiled.identity {
                        None => None,
                        Some(_) => {
                            let content = Content {
                                for_identity: true,
                                ..content
                            };
                            Some(Box::new(around(&content, body_at)?))
                        }
                    };
                    Work::Streamed {
                        candidates,
                        before,
                        after,
                        running: Vec::new(),
                        identity,
                    }
                }
                (Plan::Unproven, _) => Work::Unproven,
                (Plan::Compared, Some(candidates)) if compiled.tenants.is_some() => {
                    Work::Token { candidates }
                }
                (Plan::Compared, candidates) => Work::Compared {
                    secret: match &candidates {
                        Some(candidates) => Some(matching_token(compiled, now, candidates)?),
                        None => None,
                    },
                },
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
                open: handshake::open(compiled, head)?,
                naming: naming(compiled, head)?,
                has_asked: false,
                pending: pending.hand_on(),
                clues: Clues::of(compiled, head, judged.facts),
                work,
            })
        })
    }

    /// For a request that is no delivery, and that the receiver may answer by itself.
    pub(crate) fn other(
        compiled: &Arc<Compiled>,
        (now, pending): (Timestamp, &Pending),
        declared: Option<u64>,
        other: Other,
    ) -> Self {
        Self {
            compiled: Arc::clone(compiled),
            now,
            family: 0,
            limit: handshake::MAX_BODY,
            declared,
            received: 0,
            body: Body::OnePiece(Bytes::new()),
            stamp: None,
            signed_id: None,
            signed_values: None,
            open: Vec::new(),
            pending: pending.hand_on(),
            clues: None,
            naming: Naming::Settled,
            has_asked: false,
            work: match other {
                Other::Unsigned { shape } => Work::Unsigned { shape },
                Other::Asked(question) => Work::Asked(question),
            },
        }
    }

    /// Takes the next chunk. A body in one piece is neither copied nor hashed twice.
    ///
    /// # Errors
    /// [`Refusal::BodyTooLarge`] as soon as the limit is passed, [`Refusal::BodyIncomplete`] as soon as more arrives than was declared.
    pub fn push(&mut self, chunk: Bytes) -> Result<(), Refusal> {
        self.take(chunk).map_err(|refusal| self.broken(refusal))
    }

    /// The body cannot be read to its end, or not in time. Gives the refusal on.
    pub(crate) fn broken(&self, refusal: Refusal) -> Refusal {
        let bytes = Some(self.received);
        self.compiled.failed(refusal, &self.pending, bytes)
    }

    fn take(&mut self, chunk: Bytes) -> Result<(), Refusal> {
        if chunk.is_empty() {
            return Ok(());
        }
        let len = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.received = self.received.saturating_add(len);
        if self.received > self.limit {
            return Err(self.too_large());
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
                if self.naming.is_settled() {
                    self.work.start(&self.compiled, self.now);
                    self.work.hash(first);
                    self.work.hash(&chunk);
                }
                pieces.extend_from_slice(first);
                pieces.extend_from_slice(&chunk);
                self.body = Body::Pieces(pieces);
            }
            Body::Pieces(pieces) => {
                // Before the ring is known there is nothing to hash with, and nothing happens.
                self.work.hash(&chunk);
                pieces.extend_from_slice(&chunk);
            }
        }
        Ok(())
    }

    /// Asks whose secrets decide, if it is time to: at once where the head says, and else when the body is whole. What is to be waited for comes
    /// back. `room` says whether there is any to wait in.
    pub(crate) fn look_up(
        &mut self,
        is_whole: bool,
        room: &dyn Fn(Option<Source>) -> Result<(), Refusal>,
    ) -> Result<Option<LookUp>, Refusal> {
        let Some((tenants, name)) = self.name(is_whole)? else {
            return Ok(None);
        };
        match tenants.ask(&self.compiled, &name, self.pending.origin, room)? {
            Directed::Found(found) => self.settle(name, found),
            Directed::LookingUp(look_up) => {
                self.has_asked = look_up.has_asked();
                return Ok(Some(look_up));
            }
            Directed::Spent(wait) => {
                self.settle(name, Found::Unknown);
                self.naming = Naming::Spent(wait);
            }
        }
        Ok(None)
    }

    /// The tenant, where he is named and not looked up yet.
    fn name(&self, is_whole: bool) -> Result<Option<InDirectory>, Refusal> {
        let name = match &self.naming {
            Naming::Settled | Naming::Spent(_) => return Ok(None),
            Naming::Tenant(name) => Arc::clone(name),
            Naming::InBody if !is_whole => return Ok(None),
            Naming::InBody => {
                self.check_whole()?;
                let body: &[u8] = match &self.body {
                    Body::OnePiece(bytes) => bytes,
                    Body::Pieces(pieces) => pieces,
                };
                check_empty(&self.compiled, body)?;
                self.tenants()?.in_body(&self.compiled, body)?
            }
        };
        Ok(Some((Arc::clone(self.tenants()?), name)))
    }

    /// Where nobody is settled, there are tenants.
    fn tenants(&self) -> Result<&Arc<Directory>, Refusal> {
        let tenants = self.compiled.tenants.as_ref();
        tenants.ok_or(Refusal::SecretsUnavailable)
    }

    /// It is known whose secrets decide: this tenant's, or nobody's.
    pub(crate) fn settle(&mut self, name: Arc<str>, found: Found) {
        if let Some(compiled) = found.compiled(&self.compiled, name) {
            self.compiled = compiled;
            self.has_asked = false;
        }
        self.naming = Naming::Settled;
        if let Body::Pieces(pieces) = &self.body {
            self.work.start(&self.compiled, self.now);
            self.work.hash(pieces);
        }
    }

    /// For who does not wait: what is remembered has to do.
    fn settle_by_memory(&mut self) -> Result<(), Refusal> {
        if let Some((tenants, name)) = self.name(true)? {
            let found = tenants.remembered(&name);
            self.settle(name, found.ok_or(Refusal::SecretsUnavailable)?);
        }
        Ok(())
    }

    pub(crate) const fn source(&self) -> Option<Source> {
        self.pending.origin.source
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
    /// [`Refusal::SignatureMismatch`] when no candidate matches any active secret, and what fields in the body can be refused for. For a receiver
    /// of [many tenants](crate::Tenants) what is remembered of the tenant decides: [`Refusal::TenantUnknown`] where he is known not to be, and
    /// [`Refusal::SecretsUnavailable`] where nothing is known. A [`Reading`](crate::Reading) looks it up.
    pub fn finish(mut self) -> Result<Finished, Refusal> {
        if self.pending.is_told() {
            return self.decide();
        }
        let origin = self.pending.origin;
        // Others may have failed since this one was let in: guesses side by side are no more than guesses in a row.
        if let Err(refusal) = self.compiled.failures.let_in(origin) {
            let bytes = Some(self.received);
            return Err(self.compiled.refused(refusal, &self.pending, bytes));
        }
        let decided = self.settle_by_memory().and_then(|()| self.decide());
        let finished = match (decided, &self.naming) {
            // Nobody looked for him: he may be there, and no failure is counted.
            (Err(Refusal::TenantUnknown), Naming::Spent(wait)) => {
                let refusal = Refusal::too_many_failures(*wait, None);
                let bytes = Some(self.received);
                return Err(self.compiled.refused(refusal, &self.pending, bytes));
            }
            // It was verified, and told: its sender has the secret, whatever else is wrong, and that is no guess.
            (Err(refusal), _) if self.pending.is_told() => return Err(refusal),
            (decided, _) => decided.map_err(|refusal| self.broken(refusal))?,
        };
        match &finished {
            Finished::Verified(_) => self.compiled.passed(origin),
            Finished::Answered(reply) => {
                let bytes = Some(self.received);
                self.compiled.answered(reply, &self.pending, bytes);
            }
            Finished::Asked(_) => {}
        }
        Ok(finished)
    }

    /// What is longer than an unsigned request may be is no such request, and so misses a signature.
    fn too_large(&self) -> Refusal {
        match self.work {
            Work::Unsigned { .. } => Refusal::SignatureMissing,
            _ => Refusal::BodyTooLarge { limit: self.limit },
        }
    }

    /// Is the body as long as was declared, and no longer than it may be?
    fn check_whole(&self) -> Result<(), Refusal> {
        if self
            .declared
            .is_some_and(|declared| self.received != declared)
        {
            return Err(Refusal::BodyIncomplete);
        }
        // Whoever went on after a refused chunk would otherwise get what came before it.
        if self.received > self.limit {
            return Err(self.too_large());
        }
        Ok(())
    }

    /// Is asked once. Whoever is given the attempt tells it.
    fn decide(&mut self) -> Result<Finished, Refusal> {
        self.check_whole()?;
        let body = mem::replace(&mut self.body, Body::OnePiece(Bytes::new()));
        let work = mem::replace(&mut self.work, Work::Unproven);
        let (body, in_one_piece) = match body {
            Body::OnePiece(bytes) => (bytes, true),
            Body::Pieces(pieces) => (pieces.freeze(), false),
        };
        let compiled = &*self.compiled;
        match work {
            Work::Unsigned { shape } => return answer_unsigned(compiled, shape, &body),
            Work::Asked(HeadQuestion::Answer(reply)) => return Ok(Finished::Answered(reply)),
            Work::Asked(HeadQuestion::Ask(question)) => {
                return Ok(Finished::Asked(Asked {
                    compiled: Arc::clone(&self.compiled),
                    question,
                    received: self.received,
                    pending: self.pending.hand_on(),
                }));
            }
            _ => {}
        }
        check_empty(compiled, &body)?;
        let (clues, now, hint) = (&self.clues, self.now, &mut self.pending.hint);
        let mut look_into =
            |refusal: &Refusal, candidates: Option<&Candidates>, facts: Option<&Facts<'_>>| {
                if *refusal == Refusal::SignatureMismatch
                    && let Some(clues) = clues
                {
                    *hint = clues.diagnose(compiled, now, candidates, facts, &body);
                }
            };
        let mut public = None;
        let checked = match work {
            Work::Streamed {
                candidates,
                before,
                after,
                identity,
                ..
            } if in_one_piece => {
                let content = [before.as_slice(), &body, &after];
                let secret = matching(compiled, self.now, &candidates, |_, sink| {
                    content.into_iter().for_each(sink);
                    Ok(())
                })
                .inspect_err(|refusal| look_into(refusal, Some(&candidates), None));
                secret.map(|secret| (secret, None, digest_of(identity.as_deref(), &body)))
            }
            Work::Streamed {
                candidates,
                after,
                running,
                identity,
                ..
            } => {
                let secret = matching_running(running, &after, &candidates)
                    .inspect_err(|refusal| look_into(refusal, Some(&candidates), None));
                secret.map(|secret| (secret, None, digest_of(identity.as_deref(), &body)))
            }
            Work::Unproven => Ok((0, None, None)),
            Work::Compared {
                secret: Some(secret),
            } => Ok((secret, None, None)),
            Work::Compared { secret: None } => {
                check_token_in_body(compiled, self.now, &body).map(|secret| (secret, None, None))
            }
            Work::Token { candidates } => {
                matching_token(compiled, self.now, &candidates).map(|secret| (secret, None, None))
            }
            Work::Whole { candidates, facts } => {
                let checked = check_whole(compiled, self.now, candidates.as_ref(), &facts, &body);
                if checked == Err(Refusal::SignatureMismatch) {
                    public = answer_public(compiled, candidates.as_ref(), &facts, &body);
                }
                if public.is_none() {
                    checked.inspect_err(|refusal| {
                        look_into(refusal, candidates.as_ref(), Some(&facts));
                    })
                } else {
                    checked
                }
            }
            Work::Unsigned { .. } | Work::Asked(_) => Err(Refusal::SignatureMissing),
        };
        if let Some(reply) = public {
            return Ok(Finished::Answered(reply));
        }
        let (secret, body_stamp, content) = compiled.verdict(checked)?;
        compiled.count(secret);
        let verified = Verified {
            compiled: Arc::clone(&self.compiled),
            body,
            secret,
            timestamp: body_stamp.or(self.stamp),
            signed_id: self.signed_id.take(),
            family: self.family,
            signed_values: self.signed_values.take(),
            content,
            pending: self.pending.verified(&compiled.watch),
        };
        match handshake::answer_signed(compiled, secret, &self.open, &verified.body) {
            Ok(None) => Ok(Finished::Verified(verified)),
            Ok(Some(reply)) => {
                verified.tell_answered(&reply);
                Ok(Finished::Answered(reply))
            }
            Err(refusal) => {
                verified.tell_refused(&refusal);
                Err(refusal)
            }
        }
    }
}

impl Naming {
    const fn is_settled(&self) -> bool {
        !matches!(self, Self::Tenant(_) | Self::InBody)
    }
}

/// How far the head says whose secrets decide.
fn naming(compiled: &Compiled, head: &impl Head) -> Result<Naming, Refusal> {
    let Some(tenants) = &compiled.tenants else {
        return Ok(Naming::Settled);
    };
    Ok(match tenants.in_head(head)? {
        Named::Tenant(name) => Naming::Tenant(name),
        Named::InBody => Naming::InBody,
    })
}

/// What judges an attempt by what is remembered of its tenant, for who does not wait.
pub(crate) fn remembered(
    compiled: &Arc<Compiled>,
    head: &impl Head,
    body: &[u8],
) -> Result<Arc<Compiled>, Refusal> {
    let Some(tenants) = &compiled.tenants else {
        return Ok(Arc::clone(compiled));
    };
    let name = match tenants.in_head(head)? {
        Named::Tenant(name) => name,
        Named::InBody => tenants.in_body(compiled, body)?,
    };
    let found = tenants.remembered(&name);
    let found = found.ok_or(Refusal::SecretsUnavailable)?;
    Ok(found
        .compiled(compiled, name)
        .unwrap_or_else(|| Arc::clone(compiled)))
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

/// Of a body that has been verified.
fn digest_of(around: Option<&(Around, Around)>, body: &[u8]) -> Option<[u8; 32]> {
    let (before, after) = around?;
    Some(sha256(|sink| {
        [before.as_slice(), body, after].into_iter().for_each(sink);
    }))
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

/// Is this the unsigned request that its head made it look like?
fn answer_unsigned(compiled: &Compiled, shape: usize, body: &[u8]) -> Result<Finished, Refusal> {
    match compiled.scheme.unsigned.get(shape) {
        Some(shape) if handshake::fits_body(shape, body) => {
            Ok(Finished::Answered(Reply::unsigned(shape.status)))
        }
        _ => Err(Refusal::SignatureMissing),
    }
}
