//! Other spellings of a genuine request, which must be accepted too.

use std::fmt;

use bytes::Bytes;
use countersign::scheme::{Layout, Lines, Place};
use countersign::{SignError, Timestamp, Unit};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request};

use crate::near_miss::edit::{self, Edit};
use crate::near_miss::{Genuine, MAX_CANDIDATES};
use crate::sender::Sender;

/// A request that must be accepted. Made by [`Sender::genuine_variants`].
#[derive(Clone)]
#[non_exhaustive]
pub struct GenuineVariant {
    /// What is different, in a few words.
    pub name: String,
    /// The request.
    pub request: Request<Bytes>,
    /// The moment at which it arrives.
    pub now: Timestamp,
}

impl fmt::Debug for GenuineVariant {
    /// Without the request: it may hold a token.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("GenuineVariant")
            .field("name", &self.name)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Sender {
    /// The genuine request, and every other spelling of it that the scheme allows: timestamps at both edges of the tolerance, further
    /// candidates and unknown items beside the signature, the other header family, other places of the signature, each method, blanks
    /// around the signature, parameters behind the media type.
    ///
    /// Encodings are strict: no scheme takes a signature in another case or with another padding.
    ///
    /// # Panics
    /// When the body cannot be signed, as [`Sender::send`].
    ///
    /// ```
    /// use countersign_testkit::{Sender, countersign::providers::STANDARD_WEBHOOKS};
    /// let sender = Sender::new(STANDARD_WEBHOOKS, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    /// let variants = sender.genuine_variants(b"{}");
    /// assert!(variants.iter().any(|variant| variant.name == "16 candidates, the last one genuine"));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn genuine_variants(&self, body: impl AsRef<[u8]>) -> Vec<GenuineVariant> {
        match self.try_genuine_variants(body) {
            Ok(variants) => variants,
            Err(error) => self.fail(&error),
        }
    }

    /// As [`genuine_variants`](Self::genuine_variants), for tools.
    ///
    /// # Errors
    /// As [`Sender::try_send`].
    pub fn try_genuine_variants(
        &self,
        body: impl AsRef<[u8]>,
    ) -> Result<Vec<GenuineVariant>, SignError> {
        let sender = self.held();
        let genuine = Genuine::new(&sender, body.as_ref())?;
        let mut variants = Variants {
            found: vec![GenuineVariant {
                name: "as it is".to_owned(),
                request: genuine.request.clone(),
                now: genuine.now,
            }],
            genuine,
        };
        variants.door();
        variants.signature();
        variants.edges();
        Ok(variants.found)
    }
}

struct Variants<'s> {
    genuine: Genuine<'s>,
    found: Vec<GenuineVariant>,
}

impl Variants<'_> {
    fn add(&mut self, name: impl Into<String>, request: Option<Request<Bytes>>) {
        self.add_at(name, request, self.genuine.now);
    }

    fn add_at(&mut self, name: impl Into<String>, request: Option<Request<Bytes>>, now: Timestamp) {
        if let Some(request) = request.filter(|request| !self.genuine.is_same(request, now)) {
            let name = name.into();
            self.found.push(GenuineVariant { name, request, now });
        }
    }

    fn with_header(&self, name: HeaderName, value: Option<&str>) -> Option<Request<Bytes>> {
        let mut request = self.genuine.request.clone();
        match value {
            Some(value) => {
                let value = HeaderValue::from_str(value).ok()?;
                request.headers_mut().insert(name, value);
            }
            None => {
                request.headers_mut().remove(name)?;
            }
        }
        Some(request)
    }

    fn door(&mut self) {
        let scheme = self.genuine.scheme();
        let kind = self.genuine.request.headers().get(CONTENT_TYPE);
        if let Some(kind) = kind.and_then(|kind| kind.to_str().ok()) {
            let with_charset = format!("{kind}; charset=utf-8");
            let with_charset = self.with_header(CONTENT_TYPE, Some(&with_charset));
            self.add("a parameter behind the media type", with_charset);
        }
        let len = self.genuine.request.body().len().to_string();
        let declared = self.with_header(CONTENT_LENGTH, Some(&len));
        self.add("a declared length", declared);
        for method in scheme.methods.iter() {
            let other = self.genuine.sender.clone().method(method.clone());
            let request = self.genuine.sent_by(&other);
            self.add(format!("method {method}"), request);
        }
    }

    fn signature(&mut self) {
        let scheme = self.genuine.scheme();
        let rule = &scheme.signature;
        let Some(text) = self.genuine.text.clone() else {
            return;
        };
        let wrong = near_tag(text.tag());
        if let Place::Header(name) = &rule.place {
            let padded = self.genuine.with_text(&format!(" {}\t", text.whole));
            self.add("blanks around the signature", padded);
            if name == "authorization"
                && let Some((word, rest)) = text.whole.split_once(' ')
            {
                let lower = format!("{} {rest}", word.to_ascii_lowercase());
                let lower = self.genuine.with_text(&lower);
                self.add("the scheme word in lower case", lower);
            }
        }
        if rule.lines == Lines::Many {
            let another = self
                .genuine
                .edit(&rule.place, Edit::Follow(&text.with_tag(&wrong)));
            self.add("a second line with a wrong signature", another);
        }
        for place in rule.also.iter() {
            let moved = match (&rule.place, place) {
                (Place::Header(_), Place::Header(name)) => {
                    let without = self.genuine.edit(&rule.place, Edit::Remove);
                    without.and_then(|mut request| {
                        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
                        let value = HeaderValue::from_str(&text.whole).ok()?;
                        request.headers_mut().insert(name, value);
                        Some(request)
                    })
                }
                _ => None,
            };
            self.add("the signature in another of its places", moved);
        }
        self.families();
        if !scheme.algorithm.signs_content() {
            return;
        }
        let (separator, unknown) = match &rule.layout {
            Layout::Pairs {
                separator, assign, ..
            } => (separator, Some(format!("unknown{assign}1"))),
            Layout::List { separator, .. } if !separator.is_empty() => (separator, None),
            _ => return,
        };
        let wrong = text.item_with(&wrong);
        let item = text.item().to_owned();
        let mut many = vec![wrong.clone(); MAX_CANDIDATES.saturating_sub(1)];
        many.push(item.clone());
        for (name, items) in [
            (
                "a wrong candidate before the genuine one",
                vec![wrong.clone(), item.clone()],
            ),
            (
                "a wrong candidate behind the genuine one",
                vec![item.clone(), wrong],
            ),
            ("16 candidates, the last one genuine", many),
        ] {
            let request = self.genuine.with_text(&text.with_items(separator, &items));
            self.add(name, request);
        }
        if let Some(unknown) = unknown {
            let items = [unknown, item];
            let request = self.genuine.with_text(&text.with_items(separator, &items));
            self.add("an unknown item", request);
        }
    }

    /// The same headers under each of the other prefixes.
    fn families(&mut self) {
        let prefixes = &self.genuine.scheme().header_prefixes;
        let Some((first, others)) = prefixes.split_first() else {
            return;
        };
        for prefix in others {
            let mut request = self.genuine.request.clone();
            let headers = request.headers_mut();
            for (name, value) in std::mem::take(headers) {
                let Some(name) = name else { continue };
                let renamed = name.as_str().strip_prefix(first.as_ref());
                let renamed = renamed.map(|rest| format!("{prefix}{rest}"));
                let renamed = renamed.and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok());
                headers.append(renamed.unwrap_or(name), value);
            }
            self.add(format!("headers that start with {prefix}"), Some(request));
        }
    }

    /// Both edges of the tolerance belong to it.
    fn edges(&mut self) {
        let Some(rule) = &self.genuine.scheme().timestamp else {
            return;
        };
        let (past, future) = (rule.tolerance.past(), rule.tolerance.future());
        if rule.place.is_in_body() {
            let stamp = edit::read(&self.genuine.request, &rule.place);
            let moment = stamp.and_then(|stamp| rule.unit.parse(stamp.as_bytes()).ok());
            if let Some(moment) = moment {
                let request = || Some(self.genuine.request.clone());
                let (late, early) = (request(), request());
                self.add_at("as old as may be", late, moment.saturating_add(past));
                self.add_at("as new as may be", early, moment.saturating_sub(future));
            }
            return;
        }
        let now = self.genuine.now;
        // Seconds are rounded down: the edge is then beyond.
        let is_whole = now == Timestamp::from_secs(now.as_secs());
        let is_exact = is_whole || rule.unit == Unit::Milliseconds;
        let at = |moment| {
            self.genuine
                .sent_by(&self.genuine.sender.clone().at(moment))
        };
        let oldest = now.saturating_sub(past);
        let (old, new) = (at(oldest), at(now.saturating_add(future)));
        if is_exact && oldest >= Timestamp::from_secs(0) {
            self.add("as old as may be", old);
            self.add("as new as may be", new);
        }
    }
}

/// As long as a signature and in its spelling, but another one.
fn near_tag(tag: &str) -> String {
    let mut letters = tag.chars();
    let first = match letters.next() {
        Some('A') => 'B',
        Some('a') => 'b',
        Some('0') => '1',
        Some(letter) if letter.is_ascii_digit() => '0',
        Some(letter) if letter.is_ascii_uppercase() => 'A',
        _ => 'a',
    };
    std::iter::once(first).chain(letters).collect()
}
