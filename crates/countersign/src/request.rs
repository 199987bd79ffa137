//! What the core sees of a request: a borrowed view, read strictly.

use core::net::IpAddr;
use std::borrow::Cow;

use http::header::CONTENT_TYPE;
use http::{Extensions, HeaderName, Version};

use crate::defaults::MAX_FIELD_LEN;
use crate::form;
use crate::refusal::Refusal;
use crate::scheme::{Place, Scheme, Text};

/// The longest header or parameter value that becomes part of the signed content, in bytes.
pub(crate) const MAX_PART_LEN: usize = 2_048;

/// A request's head: what is known before its body. Adapters implement it for their framework's request.
///
/// A view is borrowed for one synchronous step and never lives across an await.
pub trait Head {
    /// The method, in upper case as HTTP writes it.
    fn method(&self) -> &str;

    /// The path of the request target, as it arrived.
    fn path(&self) -> &str;

    /// The query string as it arrived, without its question mark.
    fn query(&self) -> Option<&str>;

    /// Every line of one header, in order, as it arrived.
    fn header<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]>;

    /// The authority of the request target, where it has one: HTTP/2 puts it there, and not into Host.
    fn authority(&self) -> Option<&str> {
        None
    }

    /// Do other requests share its connection, so that one whose body is not read would hold them up? So it is from HTTP/2 on.
    fn is_multiplexed(&self) -> bool {
        false
    }

    /// The address at the other end of the connection, if the host tells. Never one that a header names.
    fn peer(&self) -> Option<IpAddr> {
        None
    }

    /// Whose request it is, if the host tells: see [`Tenant`].
    fn tenant(&self) -> Option<&str> {
        None
    }
}

/// The address at the other end of the connection, as an extension of a request: what accepts connections puts it there.
///
/// Needed where the public URL comes from trusted proxies, and by [limits per source](crate::FailureLimit). Never put an address here that was read from a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer(pub IpAddr);

/// Whose request it is, as an extension of a request: a host that knows puts it there, for
/// [`TenantPlace::extension`](crate::TenantPlace::extension).
///
/// It chooses whose secrets are tried, and no more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tenant(pub String);

fn tenant(extensions: &Extensions) -> Option<&str> {
    extensions.get::<Tenant>().map(|Tenant(name)| name.as_str())
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<Peer>().map(|Peer(address)| *address)
}

impl Head for http::request::Parts {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn path(&self) -> &str {
        self.uri.path()
    }

    fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    #[inline]
    fn header<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .get_all(name)
            .iter()
            .map(|value| value.as_bytes())
    }

    fn authority(&self) -> Option<&str> {
        self.uri.authority().map(http::uri::Authority::as_str)
    }

    fn is_multiplexed(&self) -> bool {
        self.version >= Version::HTTP_2
    }

    fn peer(&self) -> Option<IpAddr> {
        peer(&self.extensions)
    }

    fn tenant(&self) -> Option<&str> {
        tenant(&self.extensions)
    }
}

impl<B> Head for http::Request<B> {
    fn method(&self) -> &str {
        self.method().as_str()
    }

    fn path(&self) -> &str {
        self.uri().path()
    }

    fn query(&self) -> Option<&str> {
        self.uri().query()
    }

    #[inline]
    fn header<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.headers()
            .get_all(name)
            .iter()
            .map(|value| value.as_bytes())
    }

    fn authority(&self) -> Option<&str> {
        self.uri().authority().map(http::uri::Authority::as_str)
    }

    fn is_multiplexed(&self) -> bool {
        self.version() >= Version::HTTP_2
    }

    fn peer(&self) -> Option<IpAddr> {
        peer(self.extensions())
    }

    fn tenant(&self) -> Option<&str> {
        tenant(self.extensions())
    }
}

/// A place outside the body, with its header name ready for look-ups under each header family.
#[derive(Clone, Debug)]
pub(crate) enum HeadSpot {
    Header(Vec<HeaderName>),
    QueryParam(Text),
    PathEnd,
}

/// What stands at a place: HTTP's blanks around a header's value are stripped, nothing else is changed.
pub(crate) type Value<'a> = Cow<'a, [u8]>;

impl HeadSpot {
    /// `None` for places in the body or inside the signature's text.
    pub(crate) fn new(place: &Place, scheme: &Scheme) -> Option<Self> {
        match place {
            Place::Header(name) => {
                let families = scheme.header_prefixes.as_ref();
                let rest = families
                    .first()
                    .and_then(|first| name.strip_prefix(first.as_ref()));
                let names = match rest {
                    Some(rest) => families
                        .iter()
                        .map(|prefix| format!("{prefix}{rest}"))
                        .collect(),
                    None => vec![name.to_string()],
                };
                names
                    .iter()
                    .map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
                    .collect::<Option<Vec<_>>>()
                    .map(Self::Header)
            }
            Place::QueryParam(name) => Some(Self::QueryParam(name.clone())),
            Place::PathEnd => Some(Self::PathEnd),
            _ => None,
        }
    }

    /// The name for messages, under one family.
    pub(crate) fn name(&self, family: usize) -> Text {
        match self {
            Self::Header(names) => match header_name(names, family) {
                Some(name) => name.as_str().to_owned().into(),
                None => "header".into(),
            },
            Self::QueryParam(name) => name.clone(),
            Self::PathEnd => "path".into(),
        }
    }

    /// Is anything there, well-formed or not?
    pub(crate) fn is_there(&self, family: usize, head: &impl Head) -> bool {
        match self {
            Self::Header(names) => {
                header_name(names, family).is_some_and(|name| head.header(name).next().is_some())
            }
            Self::QueryParam(wanted) => parameters(head).any(|(name, _)| name == wanted.as_ref()),
            Self::PathEnd => true,
        }
    }

    /// The one value at this place: absent, or there once and not empty.
    pub(crate) fn read<'a, H: Head>(
        &'a self,
        family: usize,
        head: &'a H,
    ) -> Result<Option<Value<'a>>, ReadError> {
        let value = match self {
            Self::Header(names) => {
                let Some(name) = header_name(names, family) else {
                    return Ok(None);
                };
                let mut lines = head.header(name);
                let Some(first) = lines.next() else {
                    return Ok(None);
                };
                if lines.next().is_some() {
                    return Err(ReadError::Repeated);
                }
                Cow::Borrowed(trim(first))
            }
            Self::QueryParam(wanted) => {
                let mut values = parameters(head)
                    .filter(|(name, _)| name == wanted.as_ref())
                    .map(|(_, value)| value);
                let Some(first) = values.next() else {
                    return Ok(None);
                };
                if values.next().is_some() {
                    return Err(ReadError::Repeated);
                }
                if first.contains('\u{fffd}')
                    && !form::is_text(head.query().unwrap_or_default().as_bytes())
                {
                    return Err(ReadError::Malformed);
                }
                match first {
                    Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                    Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                }
            }
            Self::PathEnd => {
                let end = head.path().rsplit('/').next().unwrap_or_default();
                Cow::Borrowed(end.as_bytes())
            }
        };
        if value.is_empty() {
            return Err(ReadError::Malformed);
        }
        Ok(Some(value))
    }

    /// As [`read`](Self::read), for one part of the signed content or a deciding field.
    pub(crate) fn read_field<'a, H: Head>(
        &'a self,
        family: usize,
        head: &'a H,
    ) -> Result<Option<Value<'a>>, Refusal> {
        match self.read(family, head) {
            Ok(Some(value)) if value.len() > MAX_PART_LEN => Err(Refusal::FieldMalformed {
                name: self.name(family),
            }),
            Ok(value) => Ok(value),
            Err(ReadError::Repeated) => Err(Refusal::FieldRepeated {
                name: self.name(family),
            }),
            Err(ReadError::Malformed) => Err(Refusal::FieldMalformed {
                name: self.name(family),
            }),
        }
    }

    /// Every line of a header, for senders that document several.
    pub(crate) fn lines<'a, H: Head>(
        &'a self,
        family: usize,
        head: &'a H,
    ) -> impl Iterator<Item = &'a [u8]> {
        let name = match self {
            Self::Header(names) => header_name(names, family),
            _ => None,
        };
        name.into_iter()
            .flat_map(|name| head.header(name))
            .map(trim)
    }
}

/// Why a value could not be read; the caller knows what the value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadError {
    Repeated,
    Malformed,
}

/// A family beyond those of this header means that the header has one name for all.
fn header_name(names: &[HeaderName], family: usize) -> Option<&HeaderName> {
    names.get(family).or(names.first())
}

pub(crate) fn parameters(head: &impl Head) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(head.query().unwrap_or_default().as_bytes())
}

/// The media type in a Content-Type, without its parameters.
pub(crate) fn essence(content_type: &[u8]) -> &[u8] {
    trim(
        content_type
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or_default(),
    )
}

/// Is this the one media type of the request?
pub(crate) fn is_media_type(head: &impl Head, kind: &str) -> bool {
    let mut types = head.header(&CONTENT_TYPE);
    let is_it = types
        .next()
        .is_some_and(|first| kind.as_bytes().eq_ignore_ascii_case(essence(first)));
    is_it && types.next().is_none()
}

/// Strips what HTTP strips around a field value: spaces and tabs (RFC 9110 section 5.5).
pub(crate) fn trim(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let Some(start) = value.iter().position(|byte| !blank(byte)) else {
        return &[];
    };
    let end = value.iter().rposition(|byte| !blank(byte)).unwrap_or(start);
    value.get(start..=end).unwrap_or_default()
}

/// Is it usable as an id, event name or tenant: not empty, not too long, nothing but visible characters (and inner blanks)?
pub(crate) fn is_plain_field(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && !text.chars().any(char::is_control) && text.trim() == text
}

/// Is it usable as the signed id of a header: visible ASCII only?
pub(crate) fn is_plain_header_id(value: &[u8]) -> bool {
    (1..=MAX_FIELD_LEN).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(query: &str, headers: &[(&'static str, &str)]) -> http::Request<()> {
        let mut builder = http::Request::post(format!("/hooks/abc?{query}"));
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap()
    }

    fn spot(place: Place) -> HeadSpot {
        HeadSpot::new(&place, &Scheme::BASE).unwrap()
    }

    #[test]
    fn a_header_is_absent_malformed_repeated_or_one_trimmed_value() {
        let spot = spot(Place::Header("x-id".into()));
        let read = |headers: &[(&'static str, &str)]| {
            spot.read(0, &head("", headers))
                .map(|value| value.map(Cow::into_owned))
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[("X-ID", " \ta b\t ")]), Ok(Some(b"a b".to_vec())));
        assert_eq!(read(&[("x-id", "")]), Err(ReadError::Malformed));
        assert_eq!(read(&[("x-id", " \t ")]), Err(ReadError::Malformed));
        assert_eq!(
            read(&[("x-id", "a"), ("x-id", "a")]),
            Err(ReadError::Repeated)
        );
    }

    #[test]
    fn a_part_of_the_content_has_a_length() {
        let spot = spot(Place::Header("x-id".into()));
        let long = |len: usize| {
            let value = "a".repeat(len);
            spot.read_field(0, &head("", &[("x-id", &value)]))
                .map(|value| value.map(|value| value.len()))
        };
        assert_eq!(long(MAX_PART_LEN), Ok(Some(MAX_PART_LEN)));
        assert_eq!(
            long(MAX_PART_LEN + 1),
            Err(Refusal::FieldMalformed {
                name: "x-id".into()
            })
        );
    }

    #[test]
    fn a_parameter_is_decoded_and_occurs_once() {
        let spot = spot(Place::QueryParam("to ken".into()));
        let read = |query: &str| {
            spot.read(0, &head(query, &[]))
                .map(|value| value.map(Cow::into_owned))
        };
        assert_eq!(read("a=b"), Ok(None));
        assert_eq!(read("to+ken=a%2Bb"), Ok(Some(b"a+b".to_vec())));
        assert_eq!(read("to%20ken=1&to+ken=1"), Err(ReadError::Repeated));
        assert_eq!(read("to%20ken="), Err(ReadError::Malformed));
    }

    #[test]
    fn the_path_ends_in_a_segment() {
        let spot = spot(Place::PathEnd);
        assert_eq!(
            spot.read(0, &head("", &[])),
            Ok(Some(Cow::Borrowed(&b"abc"[..])))
        );
        let bare = http::Request::post("/hooks/").body(()).unwrap();
        assert_eq!(spot.read(0, &bare), Err(ReadError::Malformed));
    }

    #[test]
    fn fields_are_visible_and_bounded() {
        let is_plain_field = |text: &str| is_plain_field(text, MAX_FIELD_LEN);
        assert!(is_plain_field("products/create") && is_plain_field("a b"));
        for bad in ["", " a", "a\n", "a\r\nb", "a\0", &"x".repeat(257)] {
            assert!(!is_plain_field(bad), "{bad:?}");
        }
        assert!(
            is_plain_header_id(b"msg_1")
                && !is_plain_header_id(b"a b")
                && !is_plain_header_id("\u{e9}".as_bytes())
        );
    }
}
