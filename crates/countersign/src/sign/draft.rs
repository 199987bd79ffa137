//! A request while it is being written.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use super::{Message, SignError, body};
use crate::request::Head;
use crate::scheme::{List, Part, Place, Scheme};

/// A request while it is being written. Once signed it is not written to any more.
pub(super) struct Draft {
    pub(super) method: String,
    /// The URL's scheme and authority; empty when the URL is a path alone.
    pub(super) base: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
    /// Has anything been written outside the headers?
    pub(super) is_more_than_headers: bool,
}

impl Draft {
    /// What the message brings along by itself.
    pub(super) fn new(scheme: &Scheme, message: &Message<'_>) -> Result<Self, SignError> {
        let (base, target) = split_url(&message.url);
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        let method = message.method.as_deref();
        let mut draft = Self {
            method: method
                .or(scheme.methods.first().map(AsRef::as_ref))
                .unwrap_or("POST")
                .to_owned(),
            base: base.to_owned(),
            path: path.to_owned(),
            query,
            headers: Vec::new(),
            body: Bytes::copy_from_slice(message.body),
            is_more_than_headers: false,
        };
        let media_type = message.media_type.as_deref();
        if let Some(kind) = media_type.or(scheme.media_types.first().map(AsRef::as_ref)) {
            draft.add(CONTENT_TYPE.as_str(), kind, "the media type")?;
        }
        for (name, value) in &message.headers {
            draft.add(name, value, "a header")?;
        }
        Ok(draft)
    }

    /// Path and query string.
    pub(super) fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// Writes a value of the head to its place, unless the message has brought one along. What lies in the body, or inside the
    /// signature's own text, is not written here.
    pub(super) fn put(
        &mut self,
        place: &Place,
        value: &str,
        what: &'static str,
    ) -> Result<(), SignError> {
        match place {
            Place::Header(name)
                if !self.headers.iter().any(|(known, _)| known == name.as_ref()) =>
            {
                self.add(name, value, what)
            }
            Place::QueryParam(name) => {
                let query = self.query.as_deref().unwrap_or_default();
                let mut names = form_urlencoded::parse(query.as_bytes()).map(|(known, _)| known);
                if !names.any(|known| known == name.as_ref()) {
                    self.query = Some(body::with_field(query, name, value));
                    self.is_more_than_headers = true;
                }
                Ok(())
            }
            Place::PathEnd => {
                if !self.path.ends_with('/') {
                    self.path.push('/');
                }
                self.path.push_str(value);
                self.is_more_than_headers = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Writes an id, event name or tenant to the first of its places that has a part in the head.
    pub(super) fn put_field(
        &mut self,
        places: &List<Place>,
        value: &str,
        what: &'static str,
    ) -> Result<(), SignError> {
        let in_head = |place: &&Place| !place.each().iter().all(Place::is_in_body);
        match places.iter().find(in_head) {
            None => Ok(()),
            Some(Place::All(several)) => {
                let pieces: Vec<_> = value.split('/').collect();
                if pieces.len() != several.len() {
                    return Err(SignError::Value { what });
                }
                for (place, piece) in several.iter().zip(pieces) {
                    let piece = piece.replace("~1", "/").replace("~0", "~");
                    self.put(place, &piece, what)?;
                }
                Ok(())
            }
            Some(place) => self.put(place, value, what),
        }
    }

    /// Writes the text that carries the signature.
    pub(super) fn sign(&mut self, scheme: &Scheme, text: &str) -> Result<(), SignError> {
        const WHAT: &str = "the signature";
        let place = &scheme.signature.place;
        let covers_path =
            |part: &Part| matches!(part, Part::Url | Part::UrlWithoutQuery | Part::Path);
        if *place == Place::PathEnd && Part::any(&scheme.content, &covers_path) {
            return Err(SignError::Unsupported {
                what: "a signature over the path that it ends",
            });
        }
        if !place.is_in_body() {
            let before = self.headers.len();
            self.put(place, text, WHAT)?;
            if self.headers.len() > before {
                self.bring_forward();
            }
            return Ok(());
        }
        let written = body::with_signature(&self.body, place, text);
        self.body = written.ok_or(SignError::Value { what: WHAT })?.into();
        self.is_more_than_headers = true;
        Ok(())
    }

    /// The signature is computed last, and read first: it stands behind the media type.
    fn bring_forward(&mut self) {
        let is_first = |(name, _): &(HeaderName, HeaderValue)| *name == CONTENT_TYPE;
        let at = usize::from(self.headers.first().is_some_and(is_first));
        if let Some(others) = self.headers.get_mut(at..) {
            others.rotate_right(1);
        }
    }

    fn add(&mut self, name: &str, value: &str, what: &'static str) -> Result<(), SignError> {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value);
        match (name, value) {
            (Ok(name), Ok(value)) => {
                self.headers.push((name, value));
                Ok(())
            }
            _ => Err(SignError::Value { what }),
        }
    }
}

impl Head for Draft {
    fn method(&self) -> &str {
        &self.method
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    fn header<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.headers.iter().filter(move |(known, _)| known == name);
        lines.map(|(_, value)| value.as_bytes())
    }
}

/// The URL up to its path, and the path with the query string.
pub(super) fn split_url(url: &str) -> (&str, &str) {
    if url.starts_with('/') {
        return ("", url);
    }
    let authority = url.find("://").map_or(0, |at| at.saturating_add(3));
    let path = url
        .get(authority..)
        .and_then(|rest| rest.find(['/', '?']))
        .map_or(url.len(), |at| authority.saturating_add(at));
    url.split_at_checked(path).unwrap_or((url, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_before_its_path() {
        for (url, base, target) in [
            ("https://a.example:1/b?c", "https://a.example:1", "/b?c"),
            ("https://a.example", "https://a.example", ""),
            ("https://a.example?c=/", "https://a.example", "?c=/"),
            ("/b?c=https://d", "", "/b?c=https://d"),
        ] {
            assert_eq!(split_url(url), (base, target));
        }
    }
}
