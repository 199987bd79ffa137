//! What a sender asks beside its deliveries, and what the receiver answers by itself: data, judged in [`crate::handshake`].

use serde::{Deserialize, Serialize};

use super::{Encoding, List, Place, Requirement, Text};
use crate::text;

/// A request without a signature that a sender is known to make. It is answered with a fixed empty answer and never dispatched.
///
/// It is small (1 KiB), its fields are exactly these, and nothing of it is sent back: answering it gives nothing away and does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnsignedShape {
    /// The method.
    pub method: Text,
    /// The media type of its form body; absent for requests without a body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<Text>,
    /// The exact set of fields, each there once (or not at all, where it is optional): of the form body, or of the query string when there is no body. Empty for a request
    /// without a body whose query nobody looks at, such as a HEAD probe.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub fields: List<FieldShape>,
    /// The key that this shape is signed with, if the sender signs it with one that it has published. Such a signature proves nothing:
    /// it only tells the shape from a delivery that was signed wrongly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<Text>,
    /// The status of the empty answer.
    pub status: u16,
}

/// A field of an unsigned shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldShape {
    /// Its name.
    pub name: Text,
    /// What its value may be.
    pub value: ValueShape,
    /// May it be missing?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// What a field's value may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ValueShape {
    /// This text.
    Exactly(Text),
    /// ASCII digits, at most twenty.
    Digits,
    /// Any text of at most so many bytes, which nobody reads.
    Opaque(u16),
}

/// A question that the sender asks and that the receiver answers itself, when it is authentic. It is never dispatched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handshake {
    /// The method of the question.
    #[serde(default = "post")]
    pub method: Text,
    /// What marks a request of this method as the question: all of these values.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub when: List<Requirement>,
    /// What makes the question authentic.
    pub proof: Proof,
    /// The status of the answer.
    #[serde(default = "ok")]
    pub status: u16,
    /// The headers of the answer.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub headers: List<AnswerHeader>,
    /// The body of the answer.
    #[serde(default, skip_serializing_if = "AnswerBody::is_nothing")]
    pub body: AnswerBody,
}

impl Handshake {
    /// A signed POST that is answered with 200 and nothing else, to build on with struct update.
    pub const BASE: Self = Self {
        method: text!("POST"),
        when: std::borrow::Cow::Borrowed(&[]),
        proof: Proof::Signature,
        status: 200,
        headers: std::borrow::Cow::Borrowed(&[]),
        body: AnswerBody::Nothing,
    };
}

fn post() -> Text {
    text!("POST")
}

const fn ok() -> u16 {
    200
}

/// What makes a question authentic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "snake_case",
    deny_unknown_fields
)]
#[non_exhaustive]
pub enum Proof {
    /// It passes every step that a delivery passes, the signature included.
    Signature,
    /// The value at a place of the head equals a configured one, compared in constant time. Without the configured value the question is
    /// not answered.
    Token {
        /// Where the token lies.
        place: Place,
        /// The name of the configured value.
        config: Text,
    },
    /// The application agrees, for senders that prove nothing when they ask: see
    /// [`ReceiverBuilder::consent`](crate::ReceiverBuilder::consent). Without it the question is not answered.
    Consent,
}

/// A header of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerHeader {
    /// Its name, in lower case: `allow`, or one that begins with `x-hook-`, `webhook-` or `validation-`. Others mean something to browsers
    /// and proxies.
    pub name: Text,
    /// Its value.
    #[serde(flatten)]
    pub value: AnswerValue,
}

/// The body of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "snake_case",
    deny_unknown_fields
)]
#[non_exhaustive]
pub enum AnswerBody {
    /// None.
    #[default]
    Nothing,
    /// One value and nothing else, as `text/plain`.
    Text(AnswerValue),
    /// A JSON object of strings, as `application/json`.
    Json(List<JsonMember>),
}

impl AnswerBody {
    fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }
}

/// A member of a JSON answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonMember {
    /// Its name.
    pub name: Text,
    /// Its value.
    #[serde(flatten)]
    pub value: AnswerValue,
}

/// A value in an answer. What comes from the request is of safe characters and at most 512 bytes, or the question is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "snake_case",
    deny_unknown_fields
)]
#[non_exhaustive]
pub enum AnswerValue {
    /// This text.
    Fixed(Text),
    /// The value at a place of the question.
    Echo(Place),
    /// The MAC of a value of the question under the secret, for questions that are signed themselves: anybody else's would have the
    /// receiver sign what he likes.
    Mac {
        /// The value.
        of: Place,
        /// How the MAC is written.
        encoding: Encoding,
    },
}
