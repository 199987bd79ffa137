//! One signature, laid out as the scheme does.

use super::{Message, SignError};
use crate::scheme::{ItemField, Layout, Place, Scheme, Text};

/// The name of a key, where nobody gave one: receivers try every secret.
const KEY_ID: &str = "key-1";

impl Scheme {
    /// The text that carries the signature.
    pub(super) fn lay_out(
        &self,
        signature: &str,
        message: &Message<'_>,
        stamp: Option<&str>,
    ) -> Result<String, SignError> {
        let first = |accept: &[Text]| accept.first().cloned().unwrap_or_default();
        Ok(match &self.signature.layout {
            Layout::Bare => signature.to_owned(),
            Layout::Prefix(prefix) => format!("{prefix}{signature}"),
            Layout::Pairs {
                separator,
                assign,
                accept,
                ..
            } => {
                let mut items = Vec::new();
                for key in self.pair_keys() {
                    // One that may be left out is; one that the content needs is missed there.
                    if let Some(value) = self.pair(&key, message, stamp) {
                        items.push(format!("{key}{assign}{value}"));
                    }
                }
                items.push(format!("{}{assign}{signature}", first(accept)));
                items.join(separator)
            }
            Layout::List {
                separator,
                fields,
                between,
                accept,
                first_is_value,
                ..
            } => {
                let label = first(accept);
                let fields: Vec<&str> = fields
                    .iter()
                    .map(|field| match field {
                        ItemField::Signature => signature,
                        ItemField::Label => &label,
                        ItemField::KeyId => message.key_id.as_deref().unwrap_or(KEY_ID),
                    })
                    .collect();
                let item = fields.join(between);
                match (first_is_value, stamp) {
                    (true, Some(stamp)) => format!("{stamp}{separator}{item}"),
                    (true, None) => {
                        return Err(SignError::Unsupported {
                            what: "a first item that is no timestamp",
                        });
                    }
                    (false, _) => item,
                }
            }
        })
    }

    /// The value of one of the signature header's own pairs.
    pub(super) fn pair<'m>(
        &'m self,
        key: &str,
        message: &'m Message<'_>,
        stamp: Option<&'m str>,
    ) -> Option<&'m str> {
        let is_it = |place: &Place| matches!(place, Place::Pair(known) if known == key);
        if self
            .timestamp
            .as_ref()
            .is_some_and(|rule| is_it(&rule.place))
        {
            return stamp;
        }
        let given = message.pairs.iter().find(|(known, _)| known == key);
        let fixed = || self.requires.iter().find(|rule| is_it(&rule.place));
        match given {
            Some((_, value)) => Some(value),
            None => fixed().map(|rule| rule.equals.as_ref()),
        }
    }
}
