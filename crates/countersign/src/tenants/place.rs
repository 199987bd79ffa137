//! Where a request names its tenant.

use std::sync::Arc;

use http::HeaderName;

use crate::defaults::MAX_FIELD_LEN;
use crate::delivery::Shape;
use crate::form;
use crate::json;
use crate::refusal::Refusal;
use crate::request::{Head, HeadSpot, is_plain_field};
use crate::scheme::compiled::Compiled;
use crate::scheme::{Place, Scheme, Text};
use crate::signed_content::refuse_json;

/// Where a request names its tenant. A name is 1 to 256 bytes of UTF-8 without control characters or surrounding blanks, wherever it comes from.
///
/// Nothing is believed of it: it says whose secrets to try, and only who has one of these gets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantPlace(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Path(Text),
    WholePath,
    Header(Text),
    Extension,
    Body { or: Option<Text> },
}

impl TenantPlace {
    /// One parameter of the path: `/hooks/{tenant}`, `/{customer}/github`, `/hooks/{id}.json`. It ends at the next slash and is percent-decoded;
    /// what stands around it must be there byte for byte. The path is the one that the receiver sees: behind a router that strips a prefix it
    /// is without that.
    ///
    /// **Hostile input**: another path is refused as `tenant` missing; an empty parameter, a broken escape and what is no name as `tenant` malformed.
    /// A template that makes no sense is refused when the receiver is built.
    #[must_use]
    pub fn path(template: impl Into<Text>) -> Self {
        Self(Kind::Path(template.into()))
    }

    /// The path as it arrived, without the query: each endpoint is a tenant.
    #[must_use]
    pub const fn whole_path() -> Self {
        Self(Kind::WholePath)
    }

    /// A header, which is there once: twice is refused, also when equal. Senders rarely send one; a gateway in front may.
    #[must_use]
    pub fn header(name: impl Into<Text>) -> Self {
        Self(Kind::Header(name.into()))
    }

    /// What the host has put into the request's extensions: a [`Tenant`](crate::Tenant), known by the name of the server that was asked for, say.
    /// A request without it is our own fault and answered 500.
    #[must_use]
    pub const fn extension() -> Self {
        Self(Kind::Extension)
    }

    /// The field of the body that the scheme names in [`secret_owner`](Scheme::secret_owner): Slack's `api_app_id`. The body is read whole before
    /// the look-up, and hashed after it.
    ///
    /// **Hostile input**: a field that occurs twice or is neither text nor a whole number is refused, and so is a body without it.
    #[must_use]
    pub const fn body() -> Self {
        Self(Kind::Body { or: None })
    }

    /// As [`body`](Self::body); what has no such field is looked up under this name. For questions that come before an app is set up and do not
    /// say which it is, like Slack's `url_verification`: a source that gives the secrets of the apps that are being set up under `setup`, as many as
    /// [`max_secrets`](crate::ReceiverBuilder::max_secrets) says, lets them be answered. Whatever else is signed with one of these and names no app is
    /// a delivery of the tenant `setup`.
    #[must_use]
    pub fn body_or(name: impl Into<Text>) -> Self {
        Self(Kind::Body {
            or: Some(name.into()),
        })
    }

    /// Ready for requests, if it makes sense.
    pub(super) fn ready(self, scheme: &Scheme) -> Result<Spot, &'static str> {
        Ok(match self.0 {
            Kind::Path(template) => Spot::Path(Template::parse(&template)?),
            Kind::WholePath => Spot::WholePath,
            Kind::Header(name) => {
                let name = HeaderName::from_bytes(name.as_bytes())
                    .map_err(|_| "the header's name is none")?;
                Spot::Header(HeadSpot::Header(vec![name]))
            }
            Kind::Extension => Spot::Extension,
            Kind::Body { or } => {
                if scheme.secret_owner.is_empty() {
                    return Err(
                        "the scheme names no field that says whose secret signs: name one in its field `secret_owner`, or take another place",
                    );
                }
                let or = match or {
                    None => None,
                    Some(name) if is_plain_field(&name, MAX_FIELD_LEN) => Some(Arc::from(&*name)),
                    Some(_) => return Err("the name for bodies without one is no name"),
                };
                Spot::Body { or }
            }
        })
    }
}

/// A place, ready for requests.
#[derive(Debug)]
pub(crate) enum Spot {
    Path(Template),
    WholePath,
    Header(HeadSpot),
    Extension,
    Body { or: Option<Arc<str>> },
}

/// How far the head says whose a delivery is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Tenant(Arc<str>),
    /// The body says.
    InBody,
}

impl Spot {
    pub(super) fn in_head(&self, head: &impl Head) -> Result<Named, Refusal> {
        let name = match self {
            Self::Path(template) => {
                let raw = template.find(head.path()).ok_or(Refusal::FieldMissing {
                    name: "tenant".into(),
                })?;
                decoded(raw).and_then(|name| plain(&name))
            }
            Self::WholePath => plain(head.path()),
            Self::Header(spot) => {
                let value = spot.read_field(0, head)?;
                let value = value.ok_or_else(|| Refusal::FieldMissing { name: spot.name(0) })?;
                let name = std::str::from_utf8(&value).ok().and_then(plain);
                return name
                    .map(Named::Tenant)
                    .ok_or(Refusal::FieldMalformed { name: spot.name(0) });
            }
            Self::Extension => {
                let told = head.tenant().and_then(plain);
                return told.map(Named::Tenant).ok_or(Refusal::TenantUntold);
            }
            Self::Body { .. } => return Ok(Named::InBody),
        };
        name.map(Named::Tenant).ok_or(Refusal::FieldMalformed {
            name: "tenant".into(),
        })
    }

    pub(super) fn in_body(&self, compiled: &Compiled, body: &[u8]) -> Result<Arc<str>, Refusal> {
        let Self::Body { or } = self else {
            return Err(Refusal::TenantUntold);
        };
        let shape = Shape::of(body);
        let document = match shape {
            Shape::Json if !compiled.owner_pointers.is_empty() => {
                Some(compiled.owner_pointers.read(body).map_err(refuse_json)?)
            }
            _ => None,
        };
        let places = &compiled.scheme.secret_owner;
        for place in places.iter() {
            let malformed = || Refusal::FieldMalformed {
                name: name_of(place),
            };
            let text = match (place, shape) {
                (Place::Json(pointer), Shape::Json) => {
                    let at = compiled.owner_pointers.position(pointer);
                    match at.and_then(|at| document.as_ref()?.get(at)) {
                        None => None,
                        Some(raw) => json::field_text(raw)
                            .map_err(|()| malformed())?
                            .map(|text| plain(&text).ok_or_else(malformed)),
                    }
                }
                (Place::Form(name), Shape::Form) => field(body, name)?
                    // A form spells absent as empty.
                    .filter(|text| !text.is_empty())
                    .map(|text| plain(&text).ok_or_else(malformed)),
                (
                    Place::FormJson {
                        field: name,
                        pointer,
                    },
                    Shape::Form,
                ) => {
                    let known = compiled
                        .owner_form_pointers
                        .iter()
                        .find(|(known, _)| known == name);
                    match (known, field(body, name)?) {
                        (Some((_, pointers)), Some(document)) => {
                            let found = pointers.read(document.as_bytes()).map_err(refuse_json)?;
                            let at = pointers.position(pointer);
                            match at.and_then(|at| found.get(at)) {
                                None => None,
                                Some(raw) => json::field_text(raw)
                                    .map_err(|()| malformed())?
                                    .map(|text| plain(&text).ok_or_else(malformed)),
                            }
                        }
                        _ => None,
                    }
                }
                _ => None,
            };
            if let Some(name) = text {
                return name;
            }
        }
        or.clone().ok_or_else(|| Refusal::FieldMissing {
            name: places.first().map(name_of).unwrap_or_default(),
        })
    }
}

fn field<'b>(body: &'b [u8], name: &Text) -> Result<Option<std::borrow::Cow<'b, str>>, Refusal> {
    form::field(body, name).map_err(|form::Repeated| Refusal::FieldRepeated { name: name.clone() })
}

fn name_of(place: &Place) -> Text {
    match place {
        Place::Json(name) | Place::Form(name) | Place::FormJson { pointer: name, .. } => {
            name.clone()
        }
        _ => "tenant".into(),
    }
}

fn plain(name: &str) -> Option<Arc<str>> {
    is_plain_field(name, MAX_FIELD_LEN).then(|| Arc::from(name))
}

/// Percent-decoded; `None` for a broken escape and for what is no text.
fn decoded(raw: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let mut decoded = [0];
                base16ct::mixed::decode(digits, &mut decoded).ok()?;
                let [byte] = decoded;
                byte
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A path with one parameter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Template {
    before: String,
    after: String,
}

impl Template {
    fn parse(text: &str) -> Result<Self, &'static str> {
        const ONE: &str = "a path template has one parameter, written `{tenant}`";
        let (before, rest) = text.split_once('{').ok_or(ONE)?;
        let (name, after) = rest.split_once('}').ok_or(ONE)?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_name) || after.contains(['{', '}']) {
            return Err(ONE);
        }
        if before.contains('}') {
            return Err(ONE);
        }
        if !before.starts_with('/') {
            return Err("a path template begins with a slash");
        }
        let is_path = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#');
        if !before.bytes().chain(after.bytes()).all(is_path) {
            return Err("a path template is written as paths are, without query and fragment");
        }
        Ok(Self {
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    /// What stands at the parameter, if the path is such a one.
    fn find<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(self.before.as_str())?;
        let value = rest.strip_suffix(self.after.as_str())?;
        (!value.contains('/')).then_some(value)
    }
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
