//! Step 6: which delivery is this? Its id, event name and tenant, each marked signed or unsigned.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::attempt::Known;
use crate::defaults::{MAX_FIELD_LEN, MAX_JOINED_LEN};
use crate::form;
use crate::idempotency::{Fingerprint, IdempotencyKey};
use crate::identity::{Placed, Said, fingerprint};
use crate::json::{self, Found};
use crate::mac::sha256;
use crate::refusal::Refusal;
use crate::request::{Head, HeadSpot, is_plain_field};
use crate::scheme::compiled::Compiled;
use crate::scheme::{List, Payload, Place, Scheme};
use crate::signed_content::refuse_json;
use crate::timestamp::Timestamp;
use crate::verify::Verified;

/// A verified delivery: what the handler may rely on.
///
/// Cloning is cheap: everything is shared.
#[derive(Clone)]
pub struct Delivery(Arc<Inner>);

struct Inner {
    verified: Verified,
    id: Option<Field>,
    event: Option<Field>,
    /// Whose secret it was, where each tenant has his own.
    owner: Option<Field>,
    account: Option<(u8, Field)>,
    /// One that the signature covers, behind one that it does not.
    hidden_account: Option<(u8, Field)>,
    once: Option<Once>,
}

type Says = ([Option<(u8, Field)>; 3], Option<(u8, Field)>, Option<Once>);

impl Inner {
    /// What may be told of it: nothing that the signature does not cover.
    fn known(&self) -> Known<'_> {
        fn covered(field: &Option<Field>) -> Option<&str> {
            field
                .as_ref()
                .filter(|field| field.signed)
                .map(Field::as_str)
        }
        Known {
            delivery: None,
            id: covered(&self.id),
            event: covered(&self.event),
            tenant: signed(&self.account, &self.hidden_account).map(|account| account.text),
            key: self.once.as_ref().and_then(|once| once.key),
        }
    }
}

/// The last of its clones: if nobody has said what became of it, nothing has.
impl Drop for Inner {
    fn drop(&mut self) {
        self.verified.tell_dropped(&|| self.known());
    }
}

/// What tells this delivery from others, where they are remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Once {
    /// `None` when it is not deduplicated.
    pub(crate) key: Option<IdempotencyKey>,
    /// The signature's; `None` where nothing is signed.
    pub(crate) signature: Option<Fingerprint>,
    pub(crate) content: Fingerprint,
}

/// A field of a delivery, and whether the signature covers it.
///
/// An unsigned field is a hint: whoever holds one genuine body can send it again under another value.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    text: FieldText,
    signed: bool,
}

/// Text that lies in the body is shared with it; copied text is short, and rarely needs an allocation.
#[derive(Clone)]
enum FieldText {
    Shared(Bytes),
    Copied(SmallVec<[u8; 48]>),
}

impl FieldText {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Copied(bytes) => bytes,
        }
    }
}

impl From<Cow<'_, [u8]>> for FieldText {
    fn from(bytes: Cow<'_, [u8]>) -> Self {
        match bytes {
            Cow::Borrowed(bytes) => Self::Copied(SmallVec::from_slice(bytes)),
            Cow::Owned(bytes) => Self::Shared(Bytes::from(bytes)),
        }
    }
}

impl PartialEq for FieldText {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for FieldText {}

impl Field {
    /// The text: 1 to 256 bytes (1,024 where several values make it up) without control characters or surrounding blanks.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Made from text.
        std::str::from_utf8(self.text.as_bytes()).unwrap_or_default()
    }

    /// Does the signature cover it?
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.signed
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.signed { "signed" } else { "unsigned" };
        write!(out, "{:?} ({mark})", self.as_str())
    }
}

impl Verified {
    /// Reads the fields that the scheme names.
    ///
    /// `head` is the head of the same request. Fields that the signature covers come from what was verified, not from there.
    ///
    /// Which places of the body apply is decided by the body's own shape, which is signed, and not by the Content-Type, which is not.
    ///
    /// # Errors
    /// [`Refusal::FieldRepeated`] when a field occurs twice, [`Refusal::FieldMalformed`] when it is empty, too long or of the wrong
    /// type, [`Refusal::BodyMalformed`] when the body has the shape of JSON and is none. A field that is not there is no error.
    pub fn deliver(self, head: &impl Head) -> Result<Delivery, Refusal> {
        let said = self.said(head);
        let ([id, event, account], hidden_account, once) =
            said.inspect_err(|refusal| self.tell_refused(refusal))?;
        let owner = self.tenant().map(|name| Field {
            text: FieldText::Copied(SmallVec::from_slice(name.as_bytes())),
            signed: true,
        });
        let runs = self.compiled.watch.runs();
        let delivery = Delivery(Arc::new(Inner {
            verified: self,
            id: id.map(|(_, id)| id),
            event: event.map(|(_, event)| event),
            owner,
            account,
            hidden_account,
            once,
        }));
        if !runs {
            delivery.0.verified.tell_accepted(&|| delivery.known());
        }
        Ok(delivery)
    }

    /// Id, event and account, a signed account behind an unsigned one, and what tells the delivery from others.
    fn said(&self, head: &impl Head) -> Result<Says, Refusal> {
        let fields = Fields::read(self)?;
        let scheme = &self.compiled.scheme;
        let any = |_: &Place| true;
        let found = [
            fields.first(&scheme.id, 0, head, &any)?,
            fields.first(&scheme.event, 1, head, &any)?,
            fields.first(&scheme.tenant, 2, head, &any)?,
        ];
        let [id, event, account] = &found;
        let hidden_id = match &self.compiled.identity {
            Some(_) => fields.hidden(id, &scheme.id, 0, head)?,
            None => None,
        };
        let hidden_account = fields.hidden(account, &scheme.tenant, 2, head)?;
        let once = self.once(&Said {
            signed_id: signed(id, &hidden_id),
            any_id: id.as_ref().map(placed),
            event: event.as_ref().map(|(_, event)| event.as_str()),
            signed_tenant: signed(account, &hidden_account),
            owner: self.compiled.tenant(),
            content: self.content.as_ref(),
        });
        Ok((found, hidden_account, once))
    }

    fn once(&self, said: &Said<'_>) -> Option<Once> {
        let compiled = &*self.compiled;
        let identity = compiled.identity.as_ref()?;
        let scheme = &compiled.scheme;
        let key = identity.key(scheme, said);
        let body = || sha256(|sink| sink(&self.body));
        let content = match &self.content {
            Some(content) if scheme.covers_body() => *content,
            _ => body(),
        };
        let signature = self.content.as_ref().map(|content| {
            // The same content and the same stamp have the same signature, whichever secret was found first.
            let stamp = self.timestamp.map(Timestamp::as_millis);
            fingerprint(&sha256(|sink| {
                sink(content);
                sink(&[u8::from(stamp.is_some())]);
                sink(&stamp.unwrap_or_default().to_be_bytes());
            }))
        });
        Some(Once {
            key,
            signature,
            content: fingerprint(&content),
        })
    }
}

/// What was found, if the signature covers it, or what hides behind it.
fn signed<'f>(
    found: &'f Option<(u8, Field)>,
    hidden: &'f Option<(u8, Field)>,
) -> Option<Placed<'f>> {
    let found = found.as_ref().filter(|(_, field)| field.signed);
    found.or(hidden.as_ref()).map(placed)
}

fn placed((at, field): &(u8, Field)) -> Placed<'_> {
    Placed {
        at: *at,
        text: field.as_str(),
    }
}

impl Delivery {
    /// The delivery's id: the same for every retry where the sender keeps its word.
    #[must_use]
    pub fn id(&self) -> Option<&Field> {
        self.0.id.as_ref()
    }

    /// The event's name.
    #[must_use]
    pub fn event(&self) -> Option<&Field> {
        self.0.event.as_ref()
    }

    /// Whose delivery it is. For a receiver of [many tenants](crate::Tenants) this is always the one whose secret matched, and it counts as signed:
    /// whatever else the delivery says of itself, its sender has that tenant's secret and of nobody else's. Otherwise it is the
    /// [`account`](Self::account).
    #[must_use]
    pub fn tenant(&self) -> Option<&Field> {
        self.0.owner.as_ref().or(self.account())
    }

    /// The sender's account, as the delivery names it where its [scheme](Scheme::tenant) says. **Where each tenant has a secret of his own, he can
    /// write anybody's account here**, signed or not: go by [`tenant`](Self::tenant) there.
    #[must_use]
    pub fn account(&self) -> Option<&Field> {
        self.0.account.as_ref().map(|(_, account)| account)
    }

    /// The body, byte for byte as it arrived and was verified.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        self.0.verified.body()
    }

    /// The scheme that was verified.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        self.0.verified.scheme()
    }

    /// The signed timestamp, if the scheme has one.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.0.verified.timestamp()
    }

    /// The label of the secret that matched.
    #[must_use]
    pub fn secret_label(&self) -> &str {
        self.0.verified.secret_label()
    }

    /// Which work this is, for the store: the same for every attempt of the delivery. `None` without a store, and where deliveries are not
    /// told apart.
    #[must_use]
    pub fn key(&self) -> Option<IdempotencyKey> {
        self.0.once.as_ref()?.key
    }

    pub(crate) fn known(&self) -> Known<'_> {
        Known {
            delivery: Some(self),
            ..self.0.known()
        }
    }

    /// Its evidence, by which its attempt is told.
    pub(crate) fn verified(&self) -> &Verified {
        &self.0.verified
    }

    /// The first account that the signature covers.
    pub(crate) fn signed_account(&self) -> Option<Placed<'_>> {
        signed(&self.0.account, &self.0.hidden_account)
    }

    /// Whose secret it was, where each tenant has his own.
    pub(crate) fn owner(&self) -> Option<&str> {
        self.0.verified.tenant()
    }

    pub(crate) fn once(&self) -> Option<&Once> {
        self.0.once.as_ref()
    }

    /// Where this scheme keeps its payload in a body of this shape. A form whose payload field is missing or repeated is given whole, as a
    /// document: no reader of the payload takes it for one.
    #[must_use]
    pub fn payload(&self) -> PayloadText<'_> {
        let body = self.body();
        if Shape::of(body) != Shape::Form {
            return PayloadText::Document(Cow::Borrowed(body));
        }
        for payload in self.scheme().payload.iter() {
            match payload {
                Payload::Body => {}
                Payload::Form => return PayloadText::Form(body),
                Payload::FormField(name) => {
                    if let Ok(Some(document)) = form::field(body, name) {
                        return PayloadText::Document(match document {
                            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                        });
                    }
                }
            }
        }
        PayloadText::Document(Cow::Borrowed(body))
    }
}

/// A delivery's payload, taken from where its scheme keeps it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadText<'a> {
    /// A document: the body, or what a field of a form holds.
    Document(Cow<'a, [u8]>),
    /// The fields of a form are the payload: the whole form body.
    Form(&'a [u8]),
}

impl fmt::Debug for PayloadText<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(document) => write!(out, "Document({} bytes)", document.len()),
            Self::Form(form) => write!(out, "Form({} bytes)", form.len()),
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Delivery")
            .field("scheme", &self.scheme().name)
            .field("id", &self.0.id)
            .field("event", &self.0.event)
            .field("tenant", &self.tenant())
            .field("account", &self.account())
            .field("timestamp", &self.timestamp())
            .field("body_len", &self.body().len())
            .finish_non_exhaustive()
    }
}

/// What a body looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Json,
    Xml,
    Form,
}

impl Shape {
    /// An encoded form cannot begin with a brace, a bracket or a less-than sign: urlencoding escapes them. XML may have a byte order mark.
    pub(crate) fn of(body: &[u8]) -> Self {
        match body.trim_ascii_start() {
            [b'{' | b'[', ..] => Self::Json,
            [b'<', ..] => Self::Xml,
            [0xEF, 0xBB, 0xBF, rest @ ..] if rest.trim_ascii_start().starts_with(b"<") => Self::Xml,
            _ => Self::Form,
        }
    }
}

/// The values in one body that the scheme's fields name.
struct Fields<'a> {
    compiled: &'a Compiled,
    verified: &'a Verified,
    shape: Shape,
    json: Option<Found<'a>>,
    forms: Vec<Option<String>>,
}

impl<'a> Fields<'a> {
    fn read(verified: &'a Verified) -> Result<Self, Refusal> {
        let compiled = &*verified.compiled;
        let body = verified.body.as_ref();
        let shape = Shape::of(body);
        let json = if shape == Shape::Json && !compiled.field_pointers.is_empty() {
            Some(compiled.field_pointers.read(body).map_err(refuse_json)?)
        } else {
            None
        };
        let mut forms = Vec::new();
        if shape == Shape::Form {
            for (name, _) in &compiled.form_pointers {
                let document = form::field(body, name)
                    .map_err(|_| Refusal::FieldRepeated { name: name.clone() })?;
                forms.push(document.map(Cow::into_owned));
            }
        }
        Ok(Self {
            compiled,
            verified,
            shape,
            json,
            forms,
        })
    }

    /// The first place of a list that counts and holds a value, and its position. `which` is the list's position in [`Compiled::fields`].
    fn first(
        &self,
        places: &List<Place>,
        which: usize,
        head: &impl Head,
        counts: &dyn Fn(&Place) -> bool,
    ) -> Result<Option<(u8, Field)>, Refusal> {
        for (at, place) in places.iter().enumerate() {
            if !counts(place) {
                continue;
            }
            let spots = self.compiled.fields.get(which).and_then(|all| all.get(at));
            let spots = spots.map(Vec::as_slice).unwrap_or_default();
            let Some(text) = self.whole(place, spots, which == 0, head)? else {
                continue;
            };
            let signed = self.compiled.scheme.signs(place);
            let most = match place {
                Place::All(_) => MAX_JOINED_LEN,
                _ => MAX_FIELD_LEN,
            };
            let is_plain = |text: &str| is_plain_field(text, most);
            if !std::str::from_utf8(text.as_bytes()).is_ok_and(is_plain) {
                let name = match spots {
                    [Some(spot)] => spot.name(self.verified.family),
                    _ => name(place),
                };
                return Err(Refusal::FieldMalformed { name });
            }
            // Lists are no longer than that; if one were, its last places would count as one.
            let at = u8::try_from(at).unwrap_or(u8::MAX);
            return Ok(Some((at, Field { text, signed })));
        }
        Ok(None)
    }

    /// The first value that the signature covers, behind what was found if that is unsigned: anybody may have put it there.
    fn hidden(
        &self,
        found: &Option<(u8, Field)>,
        places: &List<Place>,
        which: usize,
        head: &impl Head,
    ) -> Result<Option<(u8, Field)>, Refusal> {
        let scheme = &self.compiled.scheme;
        match found {
            Some((_, field)) if !field.signed => {
                self.first(places, which, head, &|place| scheme.signs(place))
            }
            _ => Ok(None),
        }
    }

    /// The value at a place, or the joined values of the places that make it up. Absent when one of them is.
    fn whole(
        &self,
        place: &Place,
        spots: &[Option<HeadSpot>],
        is_id: bool,
        head: &impl Head,
    ) -> Result<Option<FieldText>, Refusal> {
        let mut joined = Vec::new();
        for (at, part) in place.each().iter().enumerate() {
            let spot = spots.get(at).and_then(Option::as_ref);
            let Some(text) = self.value(part, spot, is_id, head)? else {
                return Ok(None);
            };
            if part == place {
                return Ok(Some(text));
            }
            if text.as_bytes().is_empty() {
                return Err(Refusal::FieldMalformed { name: name(part) });
            }
            if at > 0 {
                joined.push(b'/');
            }
            // Two different sets of values must not look the same.
            for byte in text.as_bytes() {
                match byte {
                    b'~' => joined.extend_from_slice(b"~0"),
                    b'/' => joined.extend_from_slice(b"~1"),
                    other => joined.push(*other),
                }
            }
        }
        Ok(Some(FieldText::Shared(Bytes::from(joined))))
    }

    fn value(
        &self,
        place: &Place,
        spot: Option<&HeadSpot>,
        is_id: bool,
        head: &impl Head,
    ) -> Result<Option<FieldText>, Refusal> {
        if let (true, Some(signed)) = (is_id, &self.verified.signed_id) {
            return Ok(Some(FieldText::Copied(SmallVec::from_slice(signed))));
        }
        let held = self
            .compiled
            .head_parts
            .iter()
            .position(|(known, _)| known == place);
        if let Some(kept) = held.and_then(|at| self.verified.signed_values.as_ref()?.get(at)) {
            return Ok(kept.clone().map(FieldText::Shared));
        }
        if let Some(spot) = spot {
            let value = spot.read_field(self.verified.family, head)?;
            return Ok(value.map(FieldText::from));
        }
        match (place, self.shape) {
            (Place::Json(pointer), Shape::Json) => {
                let position = self.compiled.field_pointers.position(pointer);
                let found = position.and_then(|at| self.json.as_ref()?.get(at));
                let Some(raw) = found else { return Ok(None) };
                let text = json::field_text(raw)
                    .map_err(|()| Refusal::FieldMalformed { name: name(place) })?;
                Ok(text.map(|text| self.share(text)))
            }
            (Place::Form(field), Shape::Form) => {
                let text = form::field(&self.verified.body, field)
                    .map_err(|_| Refusal::FieldRepeated { name: name(place) })?;
                // A form spells absent as empty.
                Ok(text
                    .filter(|text| !text.is_empty())
                    .map(|text| self.share(text)))
            }
            (Place::FormJson { field, pointer }, Shape::Form) => self.in_form(field, pointer),
            _ => Ok(None),
        }
    }

    fn in_form(&self, field: &str, pointer: &str) -> Result<Option<FieldText>, Refusal> {
        let known = self
            .compiled
            .form_pointers
            .iter()
            .zip(&self.forms)
            .find(|((name, _), _)| name == field);
        let Some(((_, pointers), Some(document))) = known else {
            return Ok(None);
        };
        let found = pointers.read(document.as_bytes()).map_err(refuse_json)?;
        let raw = pointers.position(pointer).and_then(|at| found.get(at));
        let Some(raw) = raw else { return Ok(None) };
        let text = json::field_text(raw).map_err(|()| Refusal::FieldMalformed {
            name: pointer.to_owned().into(),
        })?;
        Ok(text.map(|text| FieldText::Shared(Bytes::from(text.into_owned()))))
    }

    /// Text that lies in the body is shared with it.
    fn share(&self, text: Cow<'_, str>) -> FieldText {
        match text {
            Cow::Owned(text) => FieldText::Shared(Bytes::from(text)),
            Cow::Borrowed(text) => FieldText::Shared(self.verified.body.slice_ref(text.as_bytes())),
        }
    }
}

fn name(place: &Place) -> crate::scheme::Text {
    match place {
        Place::Header(name)
        | Place::QueryParam(name)
        | Place::Form(name)
        | Place::Pair(name)
        | Place::Json(name)
        | Place::FormJson { pointer: name, .. }
        | Place::JsonEach { pointer: name, .. } => name.clone(),
        Place::All(places) => places.first().map(name).unwrap_or_default(),
        Place::PathEnd => "path".into(),
        Place::FirstItem => "first item".into(),
    }
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
