//! Where a sender's author chose to put the secret that is sent along.

use super::{Algorithm, Encoding, Grade, Layout, Place, Scheme, SchemeError, SignatureRule, Text};
use crate::text;

/// Where the secret of a sender that signs nothing lies, when whoever set the sender up chose it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenPlace {
    /// Basic authentication (RFC 7617): the secret is `user:password`.
    Basic,
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer,
    /// The whole value of this header.
    Header(Text),
    /// This parameter of the query string. URLs end up in logs: everybody who reads one has the secret. The value is decoded before it is
    /// compared, and a `+` in it is a blank: choose a secret of letters, digits, `-` and `_`.
    QueryParam(Text),
    /// The last segment of the path. URLs end up in logs: everybody who reads one has the secret. It is compared as it stands: a
    /// sender may escape what is special in a URL, so choose a secret of letters, digits, `-` and `_`.
    PathEnd,
    /// This field of a form body.
    Form(Text),
    /// The text at this JSON pointer.
    Json(Text),
}

impl Scheme {
    /// The same scheme with its token somewhere else: for senders whose users choose where it goes.
    ///
    /// # Errors
    /// A scheme that signs has no token, and a place may be none that a scheme can have.
    ///
    /// ```
    /// use countersign::{providers::ZAPIER, scheme::{Place, TokenPlace}, text};
    /// let scheme = ZAPIER.token_in(TokenPlace::Header(text!("x-api-key")))?;
    /// assert_eq!(scheme.signature.place, Place::Header(text!("x-api-key")));
    /// # Ok::<(), countersign::scheme::SchemeError>(())
    /// ```
    pub fn token_in(self, place: TokenPlace) -> Result<Self, SchemeError> {
        if self.grade != Grade::Token {
            return Err(SchemeError {
                scheme: self.name.to_string(),
                field: "signature",
                reason: "the scheme signs: it has no token to be put elsewhere".to_owned(),
            });
        }
        let authorization = Place::Header(text!("authorization"));
        let plain = SignatureRule {
            encoding: Encoding::Plain,
            ..SignatureRule::BASE
        };
        let (algorithm, signature) = match place {
            TokenPlace::Basic => {
                let basic = SignatureRule {
                    place: authorization,
                    ..SignatureRule::BASE
                };
                (Algorithm::Basic, basic)
            }
            TokenPlace::Bearer => {
                let bearer = SignatureRule {
                    place: authorization,
                    layout: Layout::Prefix(text!("Bearer ")),
                    ..plain
                };
                (Algorithm::Token, bearer)
            }
            other => {
                let place = match other {
                    TokenPlace::Header(name) => Place::Header(name.to_ascii_lowercase().into()),
                    TokenPlace::QueryParam(name) => Place::QueryParam(name),
                    TokenPlace::Form(name) => Place::Form(name),
                    TokenPlace::Json(pointer) => Place::Json(pointer),
                    _ => Place::PathEnd,
                };
                (Algorithm::Token, SignatureRule { place, ..plain })
            }
        };
        let scheme = Self {
            algorithm,
            signature,
            ..self
        };
        scheme.check()?;
        Ok(scheme)
    }
}
