//! What is to be signed, and why it cannot be.

use std::borrow::Cow;
use std::fmt;

use super::draft::split_url;
use crate::scheme::compiled::Config;
use crate::scheme::{SchemeError, Text};
use crate::secret::SecretError;
use crate::timestamp::Timestamp;

/// What a sender is about to send.
///
/// Values that lie in the body are the body's own: give a body that holds them. What is set here goes into the head, wherever the scheme
/// says. A header or parameter that the message brings along by itself is kept and not written a second time.
#[derive(Clone)]
pub struct Message<'a> {
    pub(super) body: &'a [u8],
    pub(super) now: Timestamp,
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) event: Option<Cow<'a, str>>,
    pub(super) tenant: Option<Cow<'a, str>>,
    pub(super) media_type: Option<Cow<'a, str>>,
    pub(super) key_id: Option<Cow<'a, str>>,
    pub(super) headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub(super) pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub(super) method: Option<Cow<'a, str>>,
    pub(super) url: Cow<'a, str>,
    pub(super) config: Config,
}

impl<'a> Message<'a> {
    /// A message with `body`, signed at `now`, sent with the scheme's first method to `https://example.com/`.
    #[must_use]
    pub fn new(body: &'a [u8], now: Timestamp) -> Self {
        Self {
            body,
            now,
            id: None,
            event: None,
            tenant: None,
            media_type: None,
            key_id: None,
            headers: Vec::new(),
            pairs: Vec::new(),
            method: None,
            url: Cow::Borrowed("https://example.com/"),
            config: Config::default(),
        }
    }

    /// The delivery's id, for schemes that send it in the head: visible ASCII, 1 to 256 bytes. Where several places make it up, it is
    /// written as [`Delivery::id`](crate::Delivery::id) gives it.
    #[must_use]
    pub fn id(mut self, id: impl Into<Cow<'a, str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The event's name, for schemes that send it in the head; written like the [id](Self::id).
    #[must_use]
    pub fn event(mut self, event: impl Into<Cow<'a, str>>) -> Self {
        self.event = Some(event.into());
        self
    }

    /// The sender's account, for schemes that send it in the head; written like the [id](Self::id).
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<Cow<'a, str>>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// The Content-Type; the scheme's first media type unless it is set.
    #[must_use]
    pub fn media_type(mut self, media_type: impl Into<Cow<'a, str>>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// A header as it is, added to what the scheme writes: a value that the signed content holds, or any other.
    #[must_use]
    pub fn header(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// An item of the signature header's own pairs, such as a nonce.
    #[must_use]
    pub fn pair(mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        self.pairs.push((key.into(), value.into()));
        self
    }

    /// The name of the key, where the signature's items carry one.
    #[must_use]
    pub fn key_id(mut self, key_id: impl Into<Cow<'a, str>>) -> Self {
        self.key_id = Some(key_id.into());
        self
    }

    /// Method and absolute URL, for schemes that sign them.
    #[must_use]
    pub fn request(
        mut self,
        method: impl Into<Cow<'a, str>>,
        url: impl Into<Cow<'a, str>>,
    ) -> Self {
        self.method = Some(method.into());
        self.url = url.into();
        self
    }

    /// HTTP has no empty path: what is sent to `https://example.com` arrives at `/`.
    pub(super) fn with_path(&self) -> Self {
        let (base, target) = split_url(&self.url);
        let mut message = self.clone();
        if !target.starts_with('/') {
            message.url = Cow::Owned(format!("{base}/{target}"));
        }
        message
    }

    /// A value that the scheme's content holds beside the secret.
    #[must_use]
    pub fn config(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.set(name.into(), value.into());
        self
    }
}

impl fmt::Debug for Message<'_> {
    /// Names and no values: configured values may be access keys.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Message")
            .field("now", &self.now)
            .field("id", &self.id)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why a message could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The scheme makes no sense.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// The secret cannot be used with the scheme.
    #[error("the secret cannot be used")]
    Secret(#[from] SecretError),
    /// The scheme asks for what this build cannot make, or for more than headers where headers alone were asked for.
    #[error("{what} cannot be made for this scheme")]
    Unsupported {
        /// What cannot be made.
        what: &'static str,
    },
    /// A value that the scheme sends or signs was not given.
    #[error("{name} is not given")]
    Missing {
        /// The header, parameter, pair, field, pointer or configured value.
        name: Text,
    },
    /// A value cannot stand where the scheme puts it.
    #[error("{what} cannot stand where the scheme puts it")]
    Value {
        /// Which value.
        what: &'static str,
    },
}
