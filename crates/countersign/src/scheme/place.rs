//! Where in a request a value lies.

use serde::{Deserialize, Serialize};

use super::Text;

/// Where in a request a value lies: a signature, a timestamp, an id, an event name, a tenant.
///
/// Every place is read strictly. Absent is a value of its own; repeated, empty (after the blanks that HTTP strips), longer than its
/// limit or of the wrong type is a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
#[non_exhaustive]
pub enum Place {
    /// A header, named in lower case. Repeated header lines are refused.
    Header(Text),
    /// A parameter of the query string, by its decoded name.
    QueryParam(Text),
    /// The last segment of the path, percent-decoding not applied.
    PathEnd,
    /// A JSON pointer (RFC 6901) into a body that is JSON: a string, or an integer taken digit by digit and never through a float.
    Json(Text),
    /// A field of a form body (`application/x-www-form-urlencoded`), by its decoded name.
    Form(Text),
    /// A JSON pointer into the JSON that one field of a form body holds.
    FormJson {
        /// The form field that holds JSON.
        field: Text,
        /// The pointer into that JSON.
        pointer: Text,
    },
    /// An item of the signature header's own `key=value` pairs, such as `t` in `t=…,v1=…`.
    Pair(Text),
    /// The first item of a signature header that is a list.
    FirstItem,
}

impl Place {
    /// Does the value lie in the body, so that it can be read only when the body is complete?
    #[must_use]
    pub const fn is_in_body(&self) -> bool {
        matches!(self, Self::Json(_) | Self::Form(_) | Self::FormJson { .. })
    }
}
