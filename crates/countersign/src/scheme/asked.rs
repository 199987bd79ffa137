//! Do a scheme's handshakes and unsigned shapes make sense? Judged with the rest of it: see [`validity`](super::validity).

use super::validity::{Checked, check_header, check_place, ensure, fail};
use super::{
    Algorithm, AnswerBody, AnswerValue, Encoding, Handshake, JsonMember, Place, Proof, Scheme,
    UnsignedShape, ValueShape,
};
use crate::handshake::{places, values};

/// How many handshakes, unsigned shapes, headers and members there may be of each.
const MAX_COUNT: usize = 8;

/// The longest fixed text in an answer.
const MAX_FIXED: usize = 256;

/// Families of headers that senders ask for, and that mean nothing to browsers and proxies; `allow` besides.
const ANSWER_FAMILIES: [&str; 3] = ["x-hook-", "webhook-", "validation-"];

impl Scheme {
    pub(super) fn check_asked(&self) -> Checked {
        ensure(
            self.unsigned.len() <= MAX_COUNT,
            "unsigned",
            "there are more than eight",
        )?;
        for shape in self.unsigned.iter() {
            self.check_shape(shape)?;
        }
        ensure(
            self.handshakes.len() <= MAX_COUNT,
            "handshakes",
            "there are more than eight",
        )?;
        for handshake in self.handshakes.iter() {
            self.check_handshake(handshake)?;
        }
        Ok(())
    }

    fn check_shape(&self, shape: &UnsignedShape) -> Checked {
        const FIELD: &str = "unsigned";
        check_method(FIELD, &shape.method)?;
        check_status(FIELD, shape.status)?;
        if let Some(kind) = &shape.media_type {
            ensure(
                kind == "application/x-www-form-urlencoded" && !shape.fields.is_empty(),
                FIELD,
                "a body without a signature is a form of known fields",
            )?;
            ensure(
                !self.signature.place.is_in_body(),
                FIELD,
                "a signature in the body cannot be known to be missing by the head",
            )?;
            ensure(
                self.algorithm != Algorithm::Unsigned,
                FIELD,
                "the deliveries of a sender that proves nothing have no signature that could be missing",
            )?;
        }
        let mut rest = shape.fields.iter();
        while let Some(field) = rest.next() {
            let is_named = !field.name.is_empty()
                && !rest.as_slice().iter().any(|other| other.name == field.name);
            ensure(
                is_named,
                FIELD,
                "a field has no name, or the name of another",
            )?;
            ensure(
                !matches!(field.value, ValueShape::Opaque(len) if len > 1_024),
                FIELD,
                "a value is at most 1024 bytes long",
            )?;
        }
        match &shape.public_key {
            None => Ok(()),
            Some(key) => ensure(
                !key.is_empty() && shape.media_type.is_some() && self.algorithm.signs_content(),
                FIELD,
                "a published key signs forms, under an algorithm that signs",
            ),
        }
    }

    fn check_handshake(&self, handshake: &Handshake) -> Checked {
        const FIELD: &str = "handshakes";
        check_method(FIELD, &handshake.method)?;
        check_status(FIELD, handshake.status)?;
        let is_signed = handshake.proof == Proof::Signature;
        let is_delivery_like = self.methods.contains(&handshake.method);
        ensure(
            !is_signed || is_delivery_like,
            FIELD,
            "a question that is signed like a delivery has the method of one",
        )?;
        ensure(
            !is_signed || self.algorithm != Algorithm::Unsigned,
            FIELD,
            "a sender that proves nothing signs no questions",
        )?;
        ensure(
            !is_delivery_like || places(handshake).next().is_some(),
            FIELD,
            "nothing tells the question from a delivery",
        )?;
        for place in places(handshake) {
            check_place(FIELD, place)?;
            let readable = match place {
                Place::Header(_) | Place::QueryParam(_) => true,
                Place::Json(_) | Place::Form(_) => is_signed,
                _ => false,
            };
            ensure(
                readable,
                FIELD,
                "a question is told by headers and parameters, and by the body when it is signed",
            )?;
        }
        ensure(
            !(is_signed && self.algorithm.signs_content())
                || places(handshake).any(|place| self.holds(place)),
            FIELD,
            "nothing that is signed tells the question from a delivery: any delivery could be made to pass for one",
        )?;
        let names_delivery = |place: &Place| {
            let fields = [&self.id, &self.event, &self.tenant];
            let mut fields = fields.into_iter().flat_map(|places| places.iter());
            fields.any(|field| field.each().contains(place))
        };
        ensure(
            !is_signed || !handshake.when.is_empty() || !places(handshake).any(names_delivery),
            FIELD,
            "a question without a mark is told by a value that no delivery has",
        )?;
        let mut marks = handshake.when.iter();
        let has_signed_mark = marks.any(|mark| self.signs(&mark.place));
        for mark in handshake.when.iter() {
            ensure(!mark.equals.is_empty(), FIELD, "an empty value is no mark")?;
        }
        if let Proof::Token { config, .. } = &handshake.proof {
            ensure(!config.is_empty(), FIELD, "a config name is empty")?;
        }
        for value in values(handshake) {
            match value {
                AnswerValue::Fixed(text) => ensure(
                    text.len() <= MAX_FIXED
                        && text
                            .bytes()
                            .all(|byte| byte.is_ascii_graphic() || byte == b' '),
                    FIELD,
                    "a fixed text is of at most 256 visible ASCII characters",
                )?,
                AnswerValue::Echo(place) => ensure(
                    !(is_signed && self.algorithm.signs_content()) || self.holds(place),
                    FIELD,
                    "what is sent back because of a signature must be signed",
                )?,
                AnswerValue::Mac { of, encoding } => ensure(
                    is_signed
                        && has_signed_mark
                        && self.algorithm.tag_len().is_some()
                        && !self.algorithm.is_plain_digest()
                        && self.signs(of)
                        && !matches!(encoding, Encoding::Plain | Encoding::Decimal),
                    FIELD,
                    "a MAC answers questions that a signed value marks, and nothing else: anybody's would make the receiver sign what he likes",
                )?,
            }
        }
        ensure(
            handshake.headers.len() <= MAX_COUNT,
            FIELD,
            "there are more than eight headers",
        )?;
        let mut rest = handshake.headers.iter();
        while let Some(header) = rest.next() {
            check_header(FIELD, &header.name)?;
            let mut others = rest.as_slice().iter();
            ensure(
                !others.any(|other| other.name == header.name),
                FIELD,
                "two headers have the same name",
            )?;
            ensure(
                header.name == "allow"
                    || ANSWER_FAMILIES
                        .iter()
                        .any(|family| header.name.starts_with(family)),
                FIELD,
                "an answer's header is allow, or one of x-hook-, webhook- and validation-",
            )?;
        }
        ensure(
            !matches!(handshake.status, 204 | 205) || handshake.body == AnswerBody::Nothing,
            FIELD,
            "an answer with the status 204 or 205 has no body",
        )?;
        match &handshake.body {
            AnswerBody::Json(members)
                if members.is_empty() || members.len() > MAX_COUNT || !are_named_apart(members) =>
            {
                fail(
                    FIELD,
                    "a JSON answer has one to eight members, each with a name of its own",
                )
            }
            _ => Ok(()),
        }
    }
}

fn are_named_apart(members: &[JsonMember]) -> bool {
    let mut rest = members.iter();
    std::iter::from_fn(|| {
        let member = rest.next()?;
        let mut others = rest.as_slice().iter();
        Some(!member.name.is_empty() && !others.any(|other| other.name == member.name))
    })
    .all(|is_apart| is_apart)
}

fn check_method(field: &'static str, method: &str) -> Checked {
    ensure(
        !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()),
        field,
        "a method is written in upper case",
    )
}

fn check_status(field: &'static str, status: u16) -> Checked {
    ensure(
        (200..300).contains(&status),
        field,
        "an answer has a status from 200 to 299",
    )
}

#[cfg(test)]
#[path = "asked_tests.rs"]
mod tests;
