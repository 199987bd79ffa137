//! Secrets: never printed, wiped on drop, refused at build when they are weak.

mod file;

use std::{fmt, io};

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::defaults::MOST_SECRETS;
use crate::scheme::{Algorithm, KeyFormat, Scheme};
use crate::timestamp::Timestamp;

/// Keys are pasted with and without padding; the alphabet and the tail bits are strict all the same.
const KEY_BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What people and programs leave where a secret belongs.
const PLACEHOLDERS: [&str; 12] = [
    "null",
    "undefined",
    "none",
    "nil",
    "nan",
    "changeme",
    "change-me",
    "change_me",
    "placeholder",
    "todo",
    "whsec_",
    "[object object]",
];

/// One secret, as the provider's dashboard shows it.
///
/// It has no `Display`, `Serialize` or `PartialEq`, its `Debug` shows the label alone, and its memory is wiped on drop.
///
/// ```
/// use countersign::{Secret, SecretError};
/// let secret = Secret::new("8f742231b10e8888abcd99yyyzzz85a5")?;
/// assert!(!format!("{secret:?}").contains("8f74"));
/// assert_eq!(Secret::new("  ").unwrap_err(), SecretError::Empty);
/// assert_eq!(Secret::new("8f742231b10e8888abcd99yyyzzz85a5\n").unwrap_err(), SecretError::Padded);
/// # Ok::<(), SecretError>(())
/// ```
#[derive(Clone)]
pub struct Secret {
    text: Zeroizing<String>,
    label: Option<String>,
    not_before: Option<Timestamp>,
    not_after: Option<Timestamp>,
    any_length: bool,
}

impl Secret {
    /// Takes the text that the dashboard shows, prefix included.
    ///
    /// # Errors
    /// [`SecretError::Empty`] when nothing or only blanks are there, [`SecretError::Padded`] when blanks surround it,
    /// [`SecretError::Placeholder`] when it is a word like `null` or an unfilled template. Whether it decodes, and is long enough
    /// for its scheme, is judged when a receiver is built.
    pub fn new(text: impl Into<String>) -> Result<Self, SecretError> {
        let text = Zeroizing::new(text.into());
        // Marks that nobody sees are blanks as well.
        let invisible = |letter: char| {
            letter.is_whitespace()
                || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
        };
        let trimmed = text.trim_matches(invisible);
        if trimmed.is_empty() {
            return Err(SecretError::Empty);
        }
        if trimmed.len() != text.len() {
            return Err(SecretError::Padded);
        }
        if is_placeholder(trimmed) {
            return Err(SecretError::Placeholder);
        }
        Ok(Self::from_text(text, false))
    }

    const fn from_text(text: Zeroizing<String>, any_length: bool) -> Self {
        Self {
            text,
            label: None,
            not_before: None,
            not_after: None,
            any_length,
        }
    }

    /// Reads an environment variable and labels the secret with its name.
    ///
    /// # Errors
    /// [`SecretError::NotSet`] when the variable is missing or not Unicode, and those of [`Secret::new`].
    pub fn from_env(name: &str) -> Result<Self, SecretError> {
        let text = std::env::var(name).map_err(|_| SecretError::NotSet {
            name: name.to_owned(),
        })?;
        Ok(Self::new(text)?.label(name))
    }

    /// Names the secret, for logs and counters: up to 64 bytes are kept.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        let mut label = label.into();
        let mut end = label.len().min(64);
        while !label.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        label.truncate(end);
        self.label = Some(label);
        self
    }

    /// Before this moment the secret verifies nothing.
    #[must_use]
    pub fn not_before(mut self, moment: Timestamp) -> Self {
        self.not_before = Some(moment);
        self
    }

    /// After this moment the secret verifies nothing.
    #[must_use]
    pub fn not_after(mut self, moment: Timestamp) -> Self {
        self.not_after = Some(moment);
        self
    }

    /// Does it make the same key as this text?
    pub(crate) fn is_same_key(&self, scheme: &Scheme, text: &str) -> bool {
        let other = Self::unjudged(text).and_then(|other| other.key_bytes(scheme));
        let own = Self {
            any_length: true,
            ..self.clone()
        };
        matches!((own.key_bytes(scheme), other), (Ok(own), Ok(other)) if own == other)
    }

    pub(crate) fn of_any_length(text: impl Into<String>) -> Result<Self, SecretError> {
        let mut secret = Self::new(text)?;
        secret.any_length = true;
        Ok(secret)
    }

    pub(crate) fn unjudged(text: impl Into<String>) -> Result<Self, SecretError> {
        let text = Zeroizing::new(text.into());
        if text.is_empty() {
            return Err(SecretError::Empty);
        }
        Ok(Self::from_text(text, true))
    }

    /// The key as the scheme derives it. The one place where a secret is read.
    pub(crate) fn key_bytes(&self, scheme: &Scheme) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        if self.text.starts_with("whpk_") || self.text.starts_with("-----BEGIN ") {
            return Err(SecretError::PublicKey);
        }
        let key = Zeroizing::new(match &scheme.key {
            KeyFormat::Text => self.text.as_bytes().to_vec(),
            KeyFormat::TextAfter(prefix) => self.after(prefix).as_bytes().to_vec(),
            KeyFormat::Nfkd if self.text.is_ascii() => self.text.as_bytes().to_vec(),
            KeyFormat::Nfkd => return Err(SecretError::Undecodable),
            KeyFormat::Base64 => decode_base64(&self.text)?,
            KeyFormat::Base64After(prefix) => decode_base64(self.after(prefix))?,
            KeyFormat::Hex => base16ct::mixed::decode_vec(self.text.as_bytes())
                .map_err(|_| SecretError::Undecodable)?,
            KeyFormat::Sha1 => Sha1::digest(self.text.as_bytes()).to_vec(),
            KeyFormat::Sha256 => Sha256::digest(self.text.as_bytes()).to_vec(),
        });
        if scheme.algorithm == Algorithm::Basic {
            // RFC 7617: the user-id holds no colon; both parts empty is no credential.
            match self.text.split_once(':') {
                None => return Err(SecretError::Undecodable),
                Some(("", "")) => return Err(SecretError::Empty),
                Some(_) => {}
            }
        }
        if key.is_empty() {
            return Err(SecretError::Empty);
        }
        // A digest is always long; what it was made of is what can be guessed.
        let bytes = match scheme.key {
            KeyFormat::Sha1 | KeyFormat::Sha256 => self.text.len(),
            _ => key.len(),
        };
        if !self.any_length && bytes < usize::from(scheme.min_key_len) {
            return Err(SecretError::TooShort {
                bytes,
                least: usize::from(scheme.min_key_len),
            });
        }
        Ok(key)
    }

    pub(crate) fn label_or(&self, position: usize) -> String {
        match &self.label {
            Some(label) => label.clone(),
            None => format!("secret-{}", position.saturating_add(1)),
        }
    }

    pub(crate) const fn window(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.not_before, self.not_after)
    }

    fn after(&self, prefix: &str) -> &str {
        self.text.strip_prefix(prefix).unwrap_or(&self.text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Secret")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

fn decode_base64(text: &str) -> Result<Vec<u8>, SecretError> {
    KEY_BASE64
        .decode(text)
        .map_err(|_| SecretError::Undecodable)
}

fn is_placeholder(text: &str) -> bool {
    let lower = text.to_lowercase();
    let bare = ["whsec_", "v1,whsec_", "sk_"]
        .iter()
        .find_map(|prefix| lower.strip_prefix(prefix))
        .unwrap_or(&lower);
    let same = |letters: &str| {
        letters
            .chars()
            .next()
            .is_none_or(|first| letters.chars().all(|letter| letter == first))
    };
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    PLACEHOLDERS.contains(&lower.as_str())
        || (text.starts_with("${") && text.ends_with('}'))
        || (text.starts_with("{{") && text.ends_with("}}"))
        || (text.starts_with('<') && text.ends_with('>'))
        || text.strip_prefix('$').is_some_and(is_name)
        || text
            .strip_prefix('%')
            .and_then(|rest| rest.strip_suffix('%'))
            .is_some_and(is_name)
        || [
            "your_", "your-", "replace_", "replace-", "insert_", "insert-",
        ]
        .iter()
        .any(|start| bare.starts_with(start))
        || (bare.len() >= 4 && same(bare))
}

/// Why a secret was refused. Never holds any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// There is nothing, or nothing but blanks.
    #[error("the secret is empty")]
    Empty,
    /// Blanks or line ends surround it: a mistake of copying.
    #[error("the secret is surrounded by blanks")]
    Padded,
    /// It is a word that stands for a missing secret, or an unfilled template.
    #[error("the secret is a placeholder")]
    Placeholder,
    /// The environment variable is missing or not Unicode.
    #[error("the environment variable {name} is not set")]
    NotSet {
        /// The variable.
        name: String,
    },
    /// The file cannot be read, is too long, or is not UTF-8.
    #[error("the file {path} cannot be read: {kind}")]
    NotReadable {
        /// The file.
        path: String,
        /// Why. [`FileTooLarge`](io::ErrorKind::FileTooLarge) over 64 KiB, [`InvalidData`](io::ErrorKind::InvalidData) when it is not UTF-8.
        kind: io::ErrorKind,
    },
    /// It is not written as the scheme's key format says.
    #[error("the secret is not written as the scheme's key format says")]
    Undecodable,
    /// It has fewer key bytes than the scheme asks for.
    #[error("the secret has {bytes} key bytes, the scheme asks for at least {least}")]
    TooShort {
        /// How many it has.
        bytes: usize,
        /// How many it should have.
        least: usize,
    },
    /// It is a public key, and this scheme verifies with a shared secret.
    #[error("this is a public key, and the scheme verifies with a shared secret")]
    PublicKey,
}

/// The secrets of one receiver: one, or several while rotating. Their order does not matter.
#[derive(Clone, Debug)]
pub struct SecretRing(Vec<Secret>);

impl SecretRing {
    /// Collects secrets.
    ///
    /// # Errors
    /// [`RingError`] when there is none, or more than 16.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Result<Self, RingError> {
        let mut ring = Vec::new();
        for secret in secrets {
            ring.push(secret);
            if ring.len() > MOST_SECRETS {
                return Err(RingError::TooMany);
            }
        }
        if ring.is_empty() {
            return Err(RingError::None);
        }
        Ok(Self(ring))
    }

    /// For senders that prove nothing; refused for all others when the receiver is built.
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn secrets(&self) -> &[Secret] {
        &self.0
    }

    /// The same secrets with the same labels and times, in the same order?
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let facts = |secret: &Secret| (secret.label.clone(), secret.window(), secret.any_length);
        self.0.len() == other.0.len()
            && self
                .0
                .iter()
                .zip(&other.0)
                .all(|(one, other)| facts(one) == facts(other) && one.text == other.text)
    }
}

impl From<Secret> for SecretRing {
    fn from(secret: Secret) -> Self {
        Self(vec![secret])
    }
}

/// Why secrets do not make a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RingError {
    /// There is no secret: nothing could be verified.
    #[error("there is no secret")]
    None,
    /// There are more than 16: each costs a MAC per forged attempt.
    #[error("there are more than {MOST_SECRETS} secrets")]
    TooMany,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::Scheme;
    use crate::text;

    fn key(format: KeyFormat, secret: &str) -> Result<Vec<u8>, SecretError> {
        let scheme = Scheme {
            key: format,
            min_key_len: 2,
            ..Scheme::BASE
        };
        Secret::new(secret)?
            .key_bytes(&scheme)
            .map(|key| key.to_vec())
    }

    #[test]
    fn half_a_template_is_none() {
        for text in [
            "$", "%%", "${4f9d", "4f9d}", "{{4f9d", "4f9d}}", "<4f9d", "4f9d>",
        ] {
            assert_eq!(Secret::new(text).map(|_| ()), Ok(()), "{text}");
        }
    }

    #[test]
    fn the_same_key_is_known_at_any_length() {
        // A key that the sender has published must not be taken for a secret, be it too short for the scheme or not.
        let scheme = Scheme {
            min_key_len: 64,
            ..Scheme::BASE
        };
        let secret = Secret::new("4f9d1c").unwrap();
        assert!(secret.is_same_key(&scheme, "4f9d1c"));
        assert!(!secret.is_same_key(&scheme, "4f9d1d"));
    }

    #[test]
    fn weak_secrets_are_refused() {
        for (text, error) in [
            ("", SecretError::Empty),
            (" \t\n", SecretError::Empty),
            (" abc", SecretError::Padded),
            ("abc\r\n", SecretError::Padded),
            ("null", SecretError::Placeholder),
            ("Undefined", SecretError::Placeholder),
            ("changeme", SecretError::Placeholder),
            ("${STRIPE_SECRET}", SecretError::Placeholder),
            ("<your secret here>", SecretError::Placeholder),
            ("your_webhook_secret", SecretError::Placeholder),
            ("xxxxxxxxxxxxxxxxxxxxxxxx", SecretError::Placeholder),
            ("whsec_", SecretError::Placeholder),
            (
                "whsec_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                SecretError::Placeholder,
            ),
            ("whsec_your_webhook_secret", SecretError::Placeholder),
            ("REPLACE_ME_WITH_SECRET", SecretError::Placeholder),
            ("$STRIPE_WEBHOOK_SECRET", SecretError::Placeholder),
            ("%STRIPE_WEBHOOK_SECRET%", SecretError::Placeholder),
            ("{{ stripe_secret }}", SecretError::Placeholder),
            ("aaaaaaaaaaaaaaaaaaaaaaaa", SecretError::Placeholder),
            ("\u{200b}\u{200b}", SecretError::Empty),
            ("\u{feff}whsec_0123456789abcdef", SecretError::Padded),
        ] {
            assert_eq!(Secret::new(text).unwrap_err(), error, "{text:?}");
        }
        assert_eq!(
            Secret::from_env("COUNTERSIGN_TEST_NO_SUCH_VARIABLE").unwrap_err(),
            SecretError::NotSet {
                name: "COUNTERSIGN_TEST_NO_SUCH_VARIABLE".into()
            }
        );
    }

    #[test]
    fn each_format_derives_its_own_bytes() {
        assert_eq!(
            key(KeyFormat::Text, "whsec_YWJj"),
            Ok(b"whsec_YWJj".to_vec())
        );
        assert_eq!(
            key(KeyFormat::TextAfter(text!("whsec_")), "whsec_YWJj"),
            Ok(b"YWJj".to_vec())
        );
        assert_eq!(key(KeyFormat::Base64, "YWI="), Ok(b"ab".to_vec()));
        assert_eq!(key(KeyFormat::Base64, "YWI"), Ok(b"ab".to_vec()));
        assert_eq!(
            key(KeyFormat::Base64, "YWJ"),
            Err(SecretError::Undecodable),
            "tail bits"
        );
        assert_eq!(
            key(KeyFormat::Base64, "_-8="),
            Err(SecretError::Undecodable),
            "the other alphabet"
        );
        let after = KeyFormat::Base64After(text!("whsec_"));
        assert_eq!(key(after.clone(), "whsec_YWJj"), Ok(b"abc".to_vec()));
        assert_eq!(key(after.clone(), "YWJj"), Ok(b"abc".to_vec()));
        assert_eq!(
            key(after.clone(), "whsec_!!"),
            Err(SecretError::Undecodable)
        );
        assert_eq!(key(after, "whpk_YWJj"), Err(SecretError::PublicKey));
        assert_eq!(key(KeyFormat::Hex, "0aFF"), Ok(vec![10, 255]));
        assert_eq!(key(KeyFormat::Hex, "0af"), Err(SecretError::Undecodable));
        assert_eq!(key(KeyFormat::Nfkd, "abc"), Ok(b"abc".to_vec()));
        assert_eq!(
            key(KeyFormat::Nfkd, "ab\u{e7}"),
            Err(SecretError::Undecodable)
        );
        let hex = |text: &str| base16ct::lower::decode_vec(text).unwrap();
        assert_eq!(
            key(KeyFormat::Sha1, "abc"),
            Ok(hex("a9993e364706816aba3e25717850c26c9cd0d89d"))
        );
        assert_eq!(
            key(KeyFormat::Sha256, "abc"),
            Ok(hex(
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            ))
        );
        for format in [KeyFormat::Sha1, KeyFormat::Sha256] {
            assert_eq!(
                key(format, "a"),
                Err(SecretError::TooShort { bytes: 1, least: 2 })
            );
        }
        let pem = Secret::new("-----BEGIN PUBLIC KEY-----");
        assert_eq!(
            pem.unwrap().key_bytes(&Scheme::BASE).unwrap_err(),
            SecretError::PublicKey
        );
        assert_eq!(
            key(KeyFormat::Text, "a"),
            Err(SecretError::TooShort { bytes: 1, least: 2 })
        );
    }

    #[test]
    fn the_length_rule_is_skipped_by_name_only() {
        let scheme = Scheme::BASE;
        let short = Secret::new("12345").unwrap();
        assert_eq!(
            short.key_bytes(&scheme).unwrap_err(),
            SecretError::TooShort {
                bytes: 5,
                least: 16
            }
        );
        assert_eq!(
            Secret::of_any_length("12345")
                .unwrap()
                .key_bytes(&scheme)
                .unwrap()
                .to_vec(),
            b"12345"
        );
        assert_eq!(Secret::of_any_length("").unwrap_err(), SecretError::Empty);
    }

    #[test]
    fn rings_are_bounded() {
        let secret = || Secret::new("0123456789abcdef").unwrap();
        assert_eq!(SecretRing::new([]).unwrap_err(), RingError::None);
        assert_eq!(
            SecretRing::new((0..17).map(|_| secret())).unwrap_err(),
            RingError::TooMany
        );
        assert_eq!(
            SecretRing::new((0..16).map(|_| secret()))
                .unwrap()
                .secrets()
                .len(),
            16
        );
    }

    /// What is wiped can only be told by its type: freed memory cannot be read.
    #[test]
    fn whatever_holds_the_text_or_the_key_wipes_it() {
        fn wiped(_: &impl zeroize::ZeroizeOnDrop) {}
        let secret = Secret::new("0123456789abcdef").unwrap();
        wiped(&secret.key_bytes(&Scheme::BASE).unwrap());
        let Secret {
            text,
            label,
            not_before,
            not_after,
            any_length,
        } = secret;
        wiped(&text);
        // The rest says nothing of the secret.
        assert_eq!(
            (label, not_before, not_after, any_length),
            (None, None, None, false)
        );
    }
}
