//! Requests that lie one step beside a genuine one, and what each must be refused for.

mod body;
mod door;
pub(crate) mod edit;
mod fields;
mod signature;
pub(crate) mod text;
mod timestamp;
mod token;

use std::fmt;

use bytes::Bytes;
use countersign::scheme::{Algorithm, Place, Scheme};
use countersign::{Refusal, SignError, Timestamp};
use http::Request;

use self::edit::Edit;
pub(crate) use self::signature::MAX_CANDIDATES;
use self::text::SignatureText;
use crate::sender::Sender;

/// A request that must be refused, and for what. Made by [`Sender::near_misses`].
#[derive(Clone)]
#[non_exhaustive]
pub struct NearMiss {
    /// What was done to the genuine request, in a few words.
    pub name: String,
    /// The request.
    pub request: Request<Bytes>,
    /// The moment at which it arrives: the sender's, except for schemes whose timestamp lies in the body, where time moves instead.
    pub now: Timestamp,
    /// What it must be refused for. Compare [`Refusal::code`]: limits in it are the scheme's.
    pub refusal: Refusal,
    at_door: bool,
}

impl NearMiss {
    /// Is it refused at the door: for its method, media type, content encoding or declared length?
    /// [`Receiver::verify`](countersign::Receiver::verify) alone has no door and lets it pass.
    #[must_use]
    pub const fn is_at_door(&self) -> bool {
        self.at_door
    }

    /// The request with the body that a framework takes.
    #[must_use]
    pub fn request_as<B: From<Bytes>>(&self) -> Request<B> {
        self.request.clone().map(B::from)
    }
}

impl fmt::Debug for NearMiss {
    /// Without the request: it may hold a token.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("NearMiss")
            .field("name", &self.name)
            .field("now", &self.now)
            .field("refusal", &self.refusal)
            .finish_non_exhaustive()
    }
}

impl Sender {
    /// Every near miss that applies to the scheme: the genuine request with `body`, one step beside.
    ///
    /// - Door: another method, media type, content encoding or length.
    /// - Signature: another secret, missing, empty, twice, another encoding or case, cut, padded, a bit flipped, another label or prefix,
    ///   another algorithm, too long, too many candidates. For tokens and passwords: another case, beginning or end.
    /// - Timestamp: a second beyond the tolerance to each side, changed, missing, twice, in another spelling or unit.
    /// - Body: a byte changed, appended, removed; another one; none. Only where the signature covers it. Schemes that send a token, and
    ///   those that sign fields beside the body, have no such near miss: there is nothing that could be refused. Single fields of the
    ///   body that are signed are changed instead.
    ///   Senders that prove nothing have neither.
    /// - What else the scheme signs or asks for: id, headers, parameters, pairs, method, URL, fixed values.
    ///
    /// None of them is the genuine request: where a step leads back to it, it is left out.
    ///
    /// # Panics
    /// When the body cannot be signed, as [`Sender::send`].
    ///
    /// ```
    /// use countersign_testkit::{Sender, countersign::{Refusal, Timestamp, providers::GITHUB}};
    /// let sender = Sender::new(GITHUB, "It's a Secret to Everybody").at(Timestamp::from_secs(0));
    /// let misses = sender.near_misses(b"{}");
    /// let missing = misses.iter().find(|miss| miss.name == "no signature").expect("one of them");
    /// assert_eq!(missing.refusal, Refusal::SignatureMissing);
    /// assert!(!missing.request.headers().contains_key("x-hub-signature-256"));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn near_misses(&self, body: impl AsRef<[u8]>) -> Vec<NearMiss> {
        match self.try_near_misses(body) {
            Ok(misses) => misses,
            Err(error) => self.fail(&error),
        }
    }

    /// As [`near_misses`](Self::near_misses), for tools.
    ///
    /// # Errors
    /// As [`Sender::try_send`].
    pub fn try_near_misses(&self, body: impl AsRef<[u8]>) -> Result<Vec<NearMiss>, SignError> {
        let sender = self.held();
        let mut table = Table {
            genuine: Genuine::new(&sender, body.as_ref())?,
            misses: Vec::new(),
        };
        table.door();
        match sender.scheme().algorithm {
            Algorithm::Unsigned => {}
            algorithm if algorithm.signs_content() => table.signature(),
            _ => table.token(),
        }
        table.timestamp();
        table.body();
        table.fields();
        Ok(table.misses)
    }
}

/// A genuine request, and where its signature is.
pub(crate) struct Genuine<'s> {
    pub(crate) sender: &'s Sender,
    pub(crate) request: Request<Bytes>,
    pub(crate) now: Timestamp,
    /// The body as it was handed in: without the signature, where that lies in the body.
    pub(crate) given: Bytes,
    /// `None` where it cannot be told apart from the rest of the request.
    pub(crate) text: Option<SignatureText>,
}

impl<'s> Genuine<'s> {
    pub(crate) fn new(sender: &'s Sender, body: &[u8]) -> Result<Self, SignError> {
        let request = sender.try_send(body)?;
        let scheme = sender.scheme();
        let text = edit::read(&request, &scheme.signature.place);
        Ok(Self {
            text: text.and_then(|text| SignatureText::parse(scheme, text)),
            now: sender.now(),
            given: Bytes::copy_from_slice(body),
            request,
            sender,
        })
    }

    pub(crate) fn scheme(&self) -> &'s Scheme {
        self.sender.scheme()
    }

    /// What another sender makes of the same body.
    pub(crate) fn sent_by(&self, other: &Sender) -> Option<Request<Bytes>> {
        other.try_send(&self.given).ok()
    }

    /// The value at a place, also inside the signature's own text.
    pub(crate) fn read(&self, place: &Place) -> Option<String> {
        let layout = &self.scheme().signature.layout;
        match place {
            Place::Pair(key) => self.text.as_ref()?.pair(layout, key),
            Place::FirstItem => self.text.as_ref()?.first(layout),
            place => edit::read(&self.request, place),
        }
    }

    /// The request with a value changed, also inside the signature's own text.
    pub(crate) fn edit(&self, place: &Place, edit: Edit<'_>) -> Option<Request<Bytes>> {
        let layout = &self.scheme().signature.layout;
        let text = match (place, edit) {
            (Place::Pair(key), edit) => self.text.as_ref()?.edit_pair(layout, key, edit)?,
            (Place::FirstItem, Edit::Replace(value)) => {
                self.text.as_ref()?.with_first(layout, value)?
            }
            (Place::FirstItem, _) => return None,
            (place, edit) => return edit::edit(&self.request, place, edit),
        };
        self.with_text(&text)
    }

    /// The request with another text in place of the signature's.
    pub(crate) fn with_text(&self, text: &str) -> Option<Request<Bytes>> {
        let place = &self.scheme().signature.place;
        edit::edit(&self.request, place, Edit::Replace(text))
    }

    pub(crate) fn is_same(&self, request: &Request<Bytes>, now: Timestamp) -> bool {
        request.method() == self.request.method()
            && request.uri() == self.request.uri()
            && request.headers() == self.request.headers()
            && request.body() == self.request.body()
            && now == self.now
    }
}

/// The near misses, as they are found.
struct Table<'s> {
    genuine: Genuine<'s>,
    misses: Vec<NearMiss>,
}

impl<'s> Table<'s> {
    fn scheme(&self) -> &'s Scheme {
        self.genuine.scheme()
    }

    fn add(&mut self, name: impl Into<String>, request: Option<Request<Bytes>>, refusal: Refusal) {
        self.add_at(name, request, self.genuine.now, refusal);
    }

    fn add_at(
        &mut self,
        name: impl Into<String>,
        request: Option<Request<Bytes>>,
        now: Timestamp,
        refusal: Refusal,
    ) {
        let Some(request) = request.filter(|request| !self.genuine.is_same(request, now)) else {
            return;
        };
        self.misses.push(NearMiss {
            name: name.into(),
            request,
            now,
            refusal,
            at_door: false,
        });
    }

    /// With another text in place of the signature's.
    fn add_text(&mut self, name: impl Into<String>, text: &str, refusal: Refusal) {
        let request = self.genuine.with_text(text);
        self.add(name, request, refusal);
    }
}

/// What a header, parameter, pair or field is called in a refusal.
fn name_of(place: &Place) -> countersign::scheme::Text {
    match place {
        Place::Header(name)
        | Place::QueryParam(name)
        | Place::Pair(name)
        | Place::Form(name)
        | Place::Json(name) => name.clone(),
        _ => "path".into(),
    }
}

/// Something else of the same length, and of letters and digits where it was.
fn another(text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    if let Some(last) = letters.last_mut() {
        *last = match *last {
            '1'..='8' => char::from_u32(u32::from(*last).saturating_add(1)).unwrap_or('1'),
            '9' | '0' => '1',
            'x' => 'y',
            _ => 'x',
        };
    }
    letters.into_iter().collect()
}

/// An algorithm whose signatures have another length.
fn another_algorithm(scheme: &Scheme) -> Option<Algorithm> {
    Some(match scheme.algorithm {
        Algorithm::HmacSha1 | Algorithm::HmacSha384 => Algorithm::HmacSha256,
        Algorithm::HmacSha256 | Algorithm::HmacSha512 => Algorithm::HmacSha1,
        Algorithm::Sha1 | Algorithm::Sha384 => Algorithm::Sha256,
        Algorithm::Sha256 | Algorithm::Sha512 => Algorithm::Sha1,
        _ => return None,
    })
}
