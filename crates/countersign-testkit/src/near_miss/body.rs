//! The body, where the signature covers it.

use bytes::Bytes;
use countersign::Refusal;
use countersign::scheme::{Grade, Part, Place};
use http::Request;

use super::Table;
use super::edit::Edit;
use crate::sender::each_part;

/// What of a body decides, beside its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// Nothing: any other bytes are a wrong signature.
    Bytes,
    /// The fields of a form.
    Form,
    /// Values of a JSON document.
    Json,
}

impl Table<'_> {
    pub(super) fn body(&mut self) {
        if self.scheme().actual_grade() >= Grade::SignatureUndelimited {
            let body = self.genuine.request.body().clone();
            match self.reads() {
                Reads::Bytes => self.any_bytes(&body),
                Reads::Form => self.form(&body),
                Reads::Json => self.document(&body),
            }
        } else {
            self.signed_fields();
        }
    }

    fn reads(&self) -> Reads {
        let scheme = self.scheme();
        let mut places = vec![scheme.signature.place.clone()];
        let mut reads = Reads::Bytes;
        places.extend(scheme.timestamp.as_ref().map(|rule| rule.place.clone()));
        let mut note = |part: &Part| {
            places.extend(part.place());
            match part {
                Part::Id => places.extend(scheme.id.first().cloned()),
                Part::FormSorted => reads = Reads::Form,
                _ => {}
            }
        };
        each_part(&scheme.content, &mut note);
        for check in scheme.checks.iter() {
            each_part(&check.of, &mut note);
        }
        places.extend(scheme.checks.iter().map(|check| check.place.clone()));
        for place in places {
            match place {
                Place::Form(_) | Place::FormJson { .. } => reads = Reads::Form,
                Place::Json(_) | Place::JsonEach { .. } => return Reads::Json,
                _ => {}
            }
        }
        reads
    }

    fn with_body(&self, body: impl Into<Bytes>) -> Option<Request<Bytes>> {
        let mut request = self.genuine.request.clone();
        *request.body_mut() = body.into();
        Some(request)
    }

    fn other_body(&mut self, name: &str, body: Vec<u8>) {
        let refusal = if body.is_empty() && self.scheme().body_required {
            Refusal::BodyEmpty
        } else {
            Refusal::SignatureMismatch
        };
        let request = self.with_body(body);
        self.add(name, request, refusal);
    }

    fn any_bytes(&mut self, body: &[u8]) {
        // ASCII stays text, where a scheme asks for that.
        let ascii = |at: &usize| body.get(*at).is_some_and(u8::is_ascii);
        let first = (0..body.len()).find(ascii);
        let last = (0..body.len()).rev().find(ascii);
        for (name, at) in [("first", first), ("last", last)] {
            if let Some(at) = at {
                let flipped = with_byte(body, at, |byte| byte ^ 1);
                self.other_body(&format!("a bit flipped in the body's {name} byte"), flipped);
            }
        }
        self.other_body("a line end behind the body", [body, b"\n"].concat());
        self.other_body("a blank before the body", [b" ", body].concat());
        if let [shorter @ .., last] = body
            && last.is_ascii()
        {
            self.other_body("a body without its last byte", shorter.to_vec());
        }
        self.other_body("the body twice", [body, body].concat());
        self.other_body("no body", Vec::new());
        let other = br#"{"id":"of another delivery"}"#;
        self.other_body("the body of another delivery", other.to_vec());
    }

    /// Bytes that no parser sees, such as an ampersand at the end, are not signed: fields and values change.
    fn form(&mut self, body: &[u8]) {
        self.digits(body);
        let more: &[u8] = if body.is_empty() { b"x=1" } else { b"&x=1" };
        self.other_body("one more field", [body, more].concat());
        self.other_body("a longer last value", [body, b"1"].concat());
        if !body.is_empty() {
            self.other_body("a field of another name", [b"x", body].concat());
        }
    }

    /// Values of the body are read first, so it must stay a document.
    fn document(&mut self, body: &[u8]) {
        self.digits(body);
        self.other_body("a blank behind the body", [body, b" "].concat());
        self.other_body("a line end before the body", [b"\n", body].concat());
        if let [shorter @ .., b'}' | b']'] = body {
            let request = self.with_body(shorter.to_vec());
            self.add(
                "a body without its last byte",
                request,
                Refusal::BodyMalformed,
            );
        }
    }

    /// A digit of the body that belongs to neither timestamp nor signature.
    fn digits(&mut self, body: &[u8]) {
        let mut taken = Vec::new();
        for value in [
            self.scheme()
                .timestamp
                .as_ref()
                .and_then(|rule| self.genuine.read(&rule.place)),
            self.genuine.text.as_ref().map(|text| text.whole.clone()),
        ]
        .into_iter()
        .flatten()
        .filter(|value| !value.is_empty())
        {
            let found = body
                .windows(value.len())
                .position(|part| part == value.as_bytes());
            taken.extend(found.map(|at| at..at.saturating_add(value.len())));
        }
        let is_free = |at: &usize| {
            body.get(*at)
                .is_some_and(|byte| matches!(byte, b'1'..=b'8'))
                && !taken.iter().any(|range| range.contains(at))
        };
        if let Some(at) = (0..body.len()).rev().find(is_free) {
            let changed = with_byte(body, at, |byte| byte.wrapping_add(1));
            self.other_body("a digit of the body changed", changed);
        }
    }

    /// The body is not signed, but these fields of it are.
    fn signed_fields(&mut self) {
        let scheme = self.scheme();
        let mut places = Vec::new();
        each_part(&scheme.content, &mut |part| {
            let place = match part {
                Part::Id => scheme.id.first().cloned(),
                Part::Form(_) | Part::Json(_) => part.place(),
                _ => None,
            };
            places.extend(place.filter(Place::is_in_body));
        });
        for place in places {
            let Some(value) = self.genuine.read(&place) else {
                continue;
            };
            let other = super::another(&value);
            let changed = self.genuine.edit(&place, Edit::Replace(&other));
            let name = format!("another value of {}", super::name_of(&place));
            self.add(name, changed, Refusal::SignatureMismatch);
        }
    }
}

fn with_byte(body: &[u8], at: usize, change: impl FnOnce(u8) -> u8) -> Vec<u8> {
    let mut body = body.to_vec();
    if let Some(byte) = body.get_mut(at) {
        *byte = change(*byte);
    }
    body
}
