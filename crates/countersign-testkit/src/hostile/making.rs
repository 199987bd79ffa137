//! Deliveries that were never sent before: each is signed now and is another event than all before it.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use countersign::scheme::{Layout, Place};
use countersign::{Timestamp, system_now};
use http::header::CONTENT_TYPE;
use http::{HeaderName, Request, Uri};
use serde_json::Value;

use super::case::{Delivery, Need, Shape};
use super::{compress, template};
use crate::Sender;
use crate::near_miss::edit::{self, Edit};
use crate::near_miss::text::SignatureText;
use crate::sender::{field, first_in_head};

/// Why a case says nothing about a scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DoesNotApply(pub(super) String);

pub(super) fn no(reason: impl Into<String>) -> DoesNotApply {
    DoesNotApply(reason.into())
}

/// Makes deliveries.
pub(super) struct Maker {
    pub(super) sender: Sender,
    pub(super) authority: String,
    /// In place of one of our own.
    pub(super) body: Option<Bytes>,
    /// The target that a genuine request is sent to, for the one that was signed.
    pub(super) retarget: Box<dyn Fn(&Uri) -> Uri + Send>,
    /// The moment of sending, where it is not the system's.
    pub(super) now: Option<Box<dyn Fn() -> Timestamp + Send>>,
    started: String,
    made: u64,
}

/// A delivery, and what a case may want to know of it.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) request: Request<Bytes>,
    pub(super) authority: String,
    /// The header that carries the signature, in lower case.
    pub(super) proof: Option<HeaderName>,
    pub(super) text: Option<SignatureText>,
    /// Stands between two signatures of one header.
    pub(super) separator: String,
    /// The header that carries the id.
    pub(super) id: Option<HeaderName>,
}

impl Maker {
    pub(super) fn new(authority: String, sender: Sender) -> Self {
        Self {
            sender,
            authority,
            body: None,
            retarget: Box::new(Clone::clone),
            now: None,
            started: started(),
            made: 0,
        }
    }

    /// Can the case say anything about the scheme?
    pub(super) fn lacks(&self, need: Need) -> Option<&'static str> {
        let scheme = self.sender.scheme();
        let (has, lacks) = match need {
            Need::SignedBody => (
                scheme.algorithm.signs_content(),
                "the sender signs no bodies",
            ),
            Need::MediaTypes => (
                !scheme.media_types.is_empty(),
                "the sender names no media types",
            ),
            Need::NoEncodings => (
                scheme.content_encodings.is_empty(),
                "the sender compresses bodies",
            ),
            Need::Json => (self.plain().first() == Some(&b'{'), "the body is no JSON"),
            Need::Hyphens => match &scheme.signature.place {
                Place::Header(name) => (name.contains('-'), "the header's name has no hyphens"),
                _ => (false, "the signature lies in no header"),
            },
        };
        (!has).then_some(lacks)
    }

    pub(super) fn make(&mut self, delivery: Delivery, shape: &Shape) -> Result<Made, DoesNotApply> {
        if let Some(now) = &self.now {
            self.sender = self.sender.clone().at(now());
        }
        let id = self.fresh_id();
        let body = self.shaped(shape, &id)?;
        let scheme = self.sender.scheme();
        let in_head = first_in_head(&scheme.id).is_some();
        let head_id = match shape {
            Shape::IdLength(length) if in_head => "a".repeat(*length),
            Shape::Id(id) if in_head => id.clone(),
            _ => field(&scheme.id, &id),
        };
        let sender = match delivery {
            Delivery::Forged => self
                .sender
                .with_another_secret()
                .ok_or_else(|| no("it has no other secret"))?,
            _ => self.sender.clone(),
        };
        let mut request = sender
            .id(head_id)
            .try_send(body)
            .map_err(|error| no(format!("it cannot be signed: {error}")))?;
        let place = &scheme.signature.place;
        let text = edit::read(&request, place).and_then(|text| SignatureText::parse(scheme, text));
        let separator = match &scheme.signature.layout {
            Layout::Pairs { separator, .. } | Layout::List { separator, .. }
                if !separator.is_empty() =>
            {
                separator.to_string()
            }
            _ => ", ".to_owned(),
        };
        let named = |name: &str| HeaderName::from_bytes(name.as_bytes()).ok();
        let proof = match place {
            Place::Header(name) => named(name),
            _ => None,
        };
        let id = match first_in_head(&scheme.id) {
            Some(Place::Header(name)) => named(name),
            _ => None,
        };
        if delivery == Delivery::Unsigned {
            if *place == Place::PathEnd {
                return Err(no("without its signature it would go elsewhere"));
            }
            request = edit::edit(&request, place, Edit::Remove)
                .ok_or_else(|| no("its signature cannot be taken away"))?;
        }
        let target = (self.retarget)(request.uri());
        *request.uri_mut() = target;
        Ok(Made {
            request,
            authority: self.authority.clone(),
            proof,
            text,
            separator,
            id,
        })
    }

    fn fresh_id(&mut self) -> String {
        self.made = self.made.saturating_add(1);
        format!("{}n{}", self.started, self.made)
    }

    /// The body that all others are made of.
    fn plain(&self) -> Bytes {
        match &self.body {
            Some(body) => body.clone(),
            None => self.sender.sample_body(),
        }
    }

    fn shaped(&mut self, shape: &Shape, id: &str) -> Result<Vec<u8>, DoesNotApply> {
        let is_json = self.plain().first() == Some(&b'{');
        let only_in_json = || no("the body is no JSON");
        match shape {
            Shape::Plain => Ok(self.with_id(id, id)),
            Shape::IdLength(length) => {
                let long = "a".repeat(*length);
                self.has_id()?;
                Ok(self.with_id(&long, id))
            }
            Shape::Id(own) => {
                self.has_id()?;
                if self.id_in_body().is_none() {
                    return Err(no("the id lies in the head"));
                }
                Ok(self.with_id(own, id))
            }
            Shape::Padded(length) => {
                let body = self.with_id(id, id);
                let padding = "a".repeat(*length);
                Ok(if is_json {
                    member(&body, &format!("\"padding\":\"{padding}\"")).ok_or_else(only_in_json)?
                } else {
                    [&body, b"&padding=".as_slice(), padding.as_bytes()].concat()
                })
            }
            Shape::Deep(levels) => {
                let (open, close) = ("[".repeat(*levels), "]".repeat(*levels));
                let body = self.with_id(id, id);
                member(&body, &format!("\"deep\":{open}{close}")).ok_or_else(only_in_json)
            }
            Shape::Gzip(_) => Ok(compress::gzip(&self.with_id(id, id))),
            Shape::Chunks(_) => {
                let body = self.with_id(id, id);
                let mut chunks = template::chunk(&body);
                chunks.extend_from_slice(b"0\r\n\r\n");
                Ok(chunks)
            }
            Shape::Request(filler) => {
                let inner = self.make(Delivery::Genuine, &Shape::Plain)?;
                let inner = template::render("{start}{headers}{sized}\r\n{body}", &inner)?;
                Ok([vec![b'x'; *filler], inner].concat())
            }
        }
    }

    fn has_id(&self) -> Result<(), DoesNotApply> {
        match self.sender.scheme().id.is_empty() {
            true => Err(no("the sender sends no id")),
            false => Ok(()),
        }
    }

    /// Where the body has its id, as far as one can be written there.
    fn id_in_body(&self) -> Option<Place> {
        let mut places = self.sender.scheme().id.iter();
        let is_there = |place: &&Place| match place {
            Place::Json(pointer) => serde_json::from_slice(&self.plain())
                .is_ok_and(|value: Value| value.pointer(pointer).is_some()),
            Place::Form(_) => true,
            _ => false,
        };
        places.find(is_there).cloned()
    }

    /// The body with an id, made unlike every other one.
    fn with_id(&self, id: &str, fresh: &str) -> Vec<u8> {
        let body = self.plain();
        let with_id = self.id_in_body().and_then(|place| put(&body, &place, id));
        let is_form = body.first() != Some(&b'{') && !self.is_other_than_form();
        match with_id {
            Some(with_id) if id == fresh => with_id,
            // Blanks behind JSON mean nothing, also to a handler that takes no unknown member.
            _ if body.first() == Some(&b'{') => {
                let with_id = with_id.unwrap_or_else(|| body.to_vec());
                [with_id, blanks(self.made)].concat()
            }
            with_id if is_form => {
                let with_id = with_id.unwrap_or_else(|| body.to_vec());
                let join: &[u8] = if with_id.is_empty() { b"" } else { b"&" };
                [&with_id, join, b"countersign=", fresh.as_bytes()].concat()
            }
            with_id => with_id.unwrap_or_else(|| body.to_vec()),
        }
    }

    /// Is the body known to be no form?
    fn is_other_than_form(&self) -> bool {
        let Ok(request) = self.sender.try_send(self.plain()) else {
            return true;
        };
        let kind = request.headers().get(CONTENT_TYPE);
        !kind.is_some_and(|kind| kind.as_bytes().ends_with(b"urlencoded"))
    }
}

/// Unlike that of any other maker, of this process or another one.
fn started() -> String {
    static MAKERS: AtomicU64 = AtomicU64::new(0);
    let number = MAKERS.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id();
    format!("conform{}x{process}x{number}", system_now().as_millis())
}

/// The body with another id in it.
fn put(body: &[u8], place: &Place, id: &str) -> Option<Vec<u8>> {
    match place {
        Place::Json(pointer) => {
            let mut value: Value = serde_json::from_slice(body).ok()?;
            *value.pointer_mut(pointer)? = Value::String(id.to_owned());
            Some(value.to_string().into_bytes())
        }
        Place::Form(_) => {
            let request = Request::new(Bytes::copy_from_slice(body));
            let edited = edit::edit(&request, place, Edit::Replace(id))?;
            Some(edited.into_body().into())
        }
        _ => None,
    }
}

/// A JSON object with one member more, as text, in front of the others.
fn member(body: &[u8], member: &str) -> Option<Vec<u8>> {
    let rest = body.strip_prefix(b"{")?;
    let join = if rest.trim_ascii_start().starts_with(b"}") {
        ""
    } else {
        ","
    };
    Some([b"{", member.as_bytes(), join.as_bytes(), rest].concat())
}

/// A number as blanks and tabs.
fn blanks(number: u64) -> Vec<u8> {
    let bits = (0..u64::BITS.saturating_sub(number.leading_zeros())).rev();
    bits.map(|bit| match number >> bit & 1 {
        1 => b'\t',
        _ => b' ',
    })
    .collect()
}
