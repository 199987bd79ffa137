//! A signed request, ready to be printed or sent.

use std::path::PathBuf;

use bytes::Bytes;
use countersign::Scheme;
use countersign::scheme::Place;
use http::header::HOST;
use http::{HeaderName, HeaderValue, Request, Uri};

use crate::secrets::{GivenSecret, TOKEN};
use crate::url;
use crate::wording::place;

/// What a sender sends.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// Its target is a path and a query string.
    pub(crate) request: Request<Bytes>,
    /// What stands in front of the target in the URL.
    pub(crate) base: String,
    /// Was a host given beside the URL?
    pub(crate) has_own_host: bool,
    /// The file that holds the body as it is sent.
    pub(crate) body_file: Option<PathBuf>,
    /// Does the scheme write into the body?
    pub(crate) writes_body: bool,
    /// Does the scheme send the secret itself along?
    pub(crate) sends_secret: bool,
    /// What the headers do not show.
    pub(crate) notes: Vec<String>,
}

impl Outgoing {
    /// The whole URL.
    pub(crate) fn url(&self) -> String {
        format!("{}{}", self.base, self.request.uri())
    }

    /// The headers that do not follow from the URL.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let headers = self.request.headers().iter();
        headers.filter(|(name, _)| **name != HOST || self.has_own_host)
    }

    /// The same without the secret, for printing.
    pub(crate) fn hidden(&self, given: &GivenSecret) -> Self {
        let mut shown = self.clone();
        let target = given.hide_text(&self.request.uri().to_string());
        *shown.request.uri_mut() = target.parse().unwrap_or_else(|_| Uri::from_static("/"));
        for value in shown.request.headers_mut().values_mut() {
            *value = HeaderValue::from_bytes(&given.hide(value.as_bytes()))
                .unwrap_or_else(|_| HeaderValue::from_static(TOKEN));
        }
        if self.writes_body {
            *shown.request.body_mut() = given.hide(self.request.body()).into();
        }
        shown
    }
}

/// What a scheme has added to the end of a URL's path and of its query string.
#[derive(Debug)]
pub(crate) struct Added<'a> {
    segment: &'a str,
    parameters: &'a str,
}

impl<'a> Added<'a> {
    /// Compares what was given with what is sent.
    pub(crate) fn new(given: &str, sent: &'a Uri) -> Self {
        let (_, path, query) = url::split(given);
        let after = |sent: &'a str, given: &str, join: char| {
            let added = sent.strip_prefix(given).unwrap_or_default();
            added.strip_prefix(join).unwrap_or(added)
        };
        let query = query.unwrap_or_default();
        Self {
            segment: after(sent.path(), path.strip_suffix('/').unwrap_or(path), '/'),
            parameters: after(sent.query().unwrap_or_default(), query, '&'),
        }
    }

    /// Path and query string of a URL, with the same added.
    pub(crate) fn target(&self, given: &str) -> String {
        let (_, path, query) = url::split(given);
        let path = match self.segment {
            "" if path.is_empty() => "/".to_owned(),
            "" => path.to_owned(),
            segment => format!("{}/{segment}", path.strip_suffix('/').unwrap_or(path)),
        };
        match (query, self.parameters) {
            (None, "") => path,
            (Some(query), "") => format!("{path}?{query}"),
            (None | Some(""), parameters) => format!("{path}?{parameters}"),
            (Some(query), parameters) => format!("{path}?{query}&{parameters}"),
        }
    }

    /// As a URL shows it; empty where nothing is added.
    fn text(&self) -> String {
        let part = |sign: &str, text: &str| match text {
            "" => String::new(),
            text => format!("{sign}{text}"),
        };
        format!("{}{}", part("/", self.segment), part("?", self.parameters))
    }
}

/// What a scheme has written elsewhere than into headers.
pub(crate) fn notes(scheme: &Scheme, added: &Added<'_>, given: &GivenSecret) -> Vec<String> {
    let sends_secret = !scheme.algorithm.signs_content();
    let what = if sends_secret { "token" } else { "signature" };
    let at = &scheme.signature.place;
    let mut notes = Vec::new();
    let mut added = added.text();
    if sends_secret {
        added = given.hide_text(&added);
    }
    if !added.is_empty() {
        notes.push(match at {
            Place::QueryParam(_) | Place::PathEnd => {
                format!("the {what} goes into the URL as {added}")
            }
            _ => format!("the scheme adds to the URL: {added}"),
        });
    }
    if at.is_in_body() {
        notes.push(format!("the {what} goes into the body at {}", place(at)));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_to_one_url_is_added_to_another() {
        for (given, sent, added, target) in [
            ("http://h", "/", "", "/a?b"),
            ("http://h/p?", "/p?", "", "/a?b"),
            ("http://h/p/", "/p/", "", "/a?b"),
            ("http://h/p", "/p/t", "/t", "/a/t?b"),
            ("http://h/p/", "/p/t", "/t", "/a/t?b"),
            ("http://h", "/t", "/t", "/a/t?b"),
            ("http://h/p/", "/p//t=", "//t=", "/a//t=?b"),
            ("http://h/p", "/p?k=1", "?k=1", "/a?b&k=1"),
            ("http://h/p?", "/p?k=1", "?k=1", "/a?b&k=1"),
            ("http://h?x", "/?x&k=1&l=2", "?k=1&l=2", "/a?b&k=1&l=2"),
            ("http://h/p?x", "/p/t?x&k=1", "/t?k=1", "/a/t?b&k=1"),
        ] {
            let uri = sent.parse().unwrap();
            let difference = Added::new(given, &uri);
            assert_eq!(difference.text(), added, "{given}");
            assert_eq!(difference.target("https://i/a?b"), target, "{given}");
            assert_eq!(difference.target(given), sent, "{given}");
        }
    }
}
