//! Secrets: from environment variables and files, never from the command line, and never printed.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use countersign::{RingError, Secret, SecretError, SecretRing, danger};
use zeroize::Zeroizing;

use crate::input::{self, InputError};

/// No secret is longer: in bytes.
const MAX_SECRET_FILE: u64 = 64 * 1024;

/// Shorter texts occur by chance in what is printed: in bytes.
const LEAST_HIDDEN: usize = 8;

/// Where the secrets come from.
#[derive(Clone, Debug, Args)]
pub(crate) struct SecretArguments {
    /// The environment variable that holds the secret, as the sender's dashboard shows it.
    #[arg(long, value_name = "NAME", help_heading = "Secret")]
    secret_env: Vec<String>,
    /// The file that holds the secret; one line end after it is dropped, everything else is kept.
    #[arg(long, value_name = "PATH", help_heading = "Secret", value_hint = clap::ValueHint::FilePath)]
    secret_file: Vec<PathBuf>,
    /// There on purpose, to say why there is no such flag.
    #[arg(long, hide = true, num_args = 0..=1, value_parser = discard)]
    secret: Option<Option<Discarded>>,
}

/// A value that is not kept.
#[derive(Clone, Debug)]
struct Discarded;

#[expect(
    clippy::unnecessary_wraps,
    reason = "the shape of a parser of arguments"
)]
fn discard(_: &str) -> Result<Discarded, Infallible> {
    Ok(Discarded)
}

/// A secret as it was given, and what to call it.
pub(crate) struct GivenSecret {
    label: String,
    text: Zeroizing<String>,
}

/// Why a secret cannot be used. Holds nothing of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretTrouble {
    #[error(
        "no secret is given: name an environment variable with --secret-env NAME, or a file with --secret-file PATH"
    )]
    None,
    #[error("one sender signs with one secret: give --secret-env or --secret-file once")]
    Several,
    #[error(
        "there is no --secret: whoever lists this machine's processes reads the command line; put the secret into an environment variable \
         and name it with --secret-env NAME, or into a file and name that with --secret-file PATH"
    )]
    OnCommandLine,
    #[error("--secret-env: {0}")]
    Env(Unreadable),
    #[error("--secret-file: {0}")]
    File(Unreadable),
    #[error("{label}: {reason}")]
    Unusable { label: String, reason: SecretError },
    #[error(transparent)]
    Ring(#[from] RingError),
}

/// Why there is no secret where one was said to be. Holds nothing of it, and nothing that may be one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the environment variable {0} is not set")]
    NotSet(String),
    #[error(
        "there is no environment variable of the name that was given; it wants a name, not the secret itself"
    )]
    NoName,
    #[error("the environment variable {0} does not hold text")]
    NotText(String),
    #[error(transparent)]
    File(#[from] InputError),
    #[error("the file that was named cannot be read: {0}; it wants a path, not the secret itself")]
    NoFile(io::Error),
    #[error("{0} does not hold text")]
    FileNotText(String),
}

impl SecretArguments {
    /// Is no secret named?
    pub(crate) fn is_none(&self) -> bool {
        self.secret.is_none() && self.secret_env.is_empty() && self.secret_file.is_empty()
    }

    /// Reads all that were named.
    pub(crate) fn read(&self) -> Result<Vec<GivenSecret>, SecretTrouble> {
        if self.secret.is_some() {
            return Err(SecretTrouble::OnCommandLine);
        }
        let variables = self.secret_env.iter();
        let variables = variables.map(|name| from_env(name).map_err(SecretTrouble::Env));
        let files = self.secret_file.iter();
        let files = files.map(|path| from_file(path, path).map_err(SecretTrouble::File));
        let all: Vec<GivenSecret> = variables.chain(files).collect::<Result<_, _>>()?;
        if all.is_empty() {
            return Err(SecretTrouble::None);
        }
        Ok(all)
    }

    /// Reads the only one.
    pub(crate) fn read_one(&self) -> Result<GivenSecret, SecretTrouble> {
        let mut all = self.read()?;
        match (all.pop(), all.is_empty()) {
            (Some(only), true) => Ok(only),
            _ => Err(SecretTrouble::Several),
        }
    }
}

impl GivenSecret {
    /// The secret; of any length where that was asked for.
    pub(crate) fn secret(&self, any_length: bool) -> Result<Secret, SecretTrouble> {
        let secret = if any_length {
            danger::secret_of_any_length(self.text.as_str())
        } else {
            Secret::new(self.text.as_str())
        };
        secret
            .map(|secret| secret.label(self.label.as_str()))
            .map_err(|reason| SecretTrouble::Unusable {
                label: self.label.clone(),
                reason,
            })
    }

    /// The text alone.
    pub(crate) fn into_text(self) -> Zeroizing<String> {
        self.text
    }

    /// What to call it.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Can it stand in a path as it is?
    pub(crate) fn is_path_segment(&self) -> bool {
        let is_unreserved =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        self.text.bytes().all(is_unreserved)
    }

    /// As [`hide`](Self::hide), for text.
    pub(crate) fn hide_text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.hide(text.as_bytes())).into_owned()
    }

    /// As [`hide`](Self::hide) in what somebody else wrote, unless the secret is so short that it occurs there by chance.
    pub(crate) fn hide_in_answer(&self, bytes: &[u8]) -> Vec<u8> {
        if self.text.len() < LEAST_HIDDEN {
            bytes.to_vec()
        } else {
            self.hide(bytes)
        }
    }

    /// Puts `[token]` where the secret stands: as it is, as basic authentication writes it, or as a URL, a form or JSON does.
    pub(crate) fn hide(&self, bytes: &[u8]) -> Vec<u8> {
        let plain = self.text.as_bytes();
        let credentials = Zeroizing::new(STANDARD.encode(plain));
        let encoded = Zeroizing::new(form_urlencoded::byte_serialize(plain).collect::<String>());
        let json = Zeroizing::new(serde_json::Value::from(self.text.as_str()).to_string());
        // Without the quotes around it.
        let in_json = json
            .get(1..json.len().saturating_sub(1))
            .unwrap_or_default();
        [
            credentials.as_bytes(),
            encoded.as_bytes(),
            in_json.as_bytes(),
            plain,
        ]
        .iter()
        .fold(bytes.to_vec(), |bytes, needle| replace(&bytes, needle))
    }
}

fn replace(bytes: &[u8], needle: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        match rest.strip_prefix(needle) {
            Some(after) if !needle.is_empty() => {
                out.extend_from_slice(TOKEN.as_bytes());
                rest = after;
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// Stands where a secret would.
pub(crate) const TOKEN: &str = "[token]";

/// All of them together.
pub(crate) fn ring(given: &[GivenSecret], any_length: bool) -> Result<SecretRing, SecretTrouble> {
    let secrets: Vec<Secret> = given
        .iter()
        .map(|given| given.secret(any_length))
        .collect::<Result<_, _>>()?;
    Ok(SecretRing::new(secrets)?)
}

/// Reads an environment variable.
pub(crate) fn from_env(name: &str) -> Result<GivenSecret, Unreadable> {
    let Some(value) = std::env::var_os(name) else {
        // A secret that was given in place of a name is not to be repeated.
        return Err(if looks_like_a_name(name) {
            Unreadable::NotSet(name.to_owned())
        } else {
            Unreadable::NoName
        });
    };
    let text = value
        .into_string()
        .map_err(|_| Unreadable::NotText(name.to_owned()))?;
    Ok(GivenSecret {
        label: name.to_owned(),
        text: Zeroizing::new(text),
    })
}

fn looks_like_a_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    // Without an underscore, digits among the letters make it look like a key.
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
        && name.bytes().all(plain)
        && (name.contains('_') || !name.bytes().any(|byte| byte.is_ascii_digit()))
}

fn looks_like_a_path(name: &str) -> bool {
    let is_word = |word: &str| {
        word.len() <= 32
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_'))
    };
    // Digits and capitals in a name make it look like a key, unless it ends as the names of files do.
    let is_plain = |part: &str| match part.rsplit_once('.') {
        None => is_word(part),
        Some((stem, end)) => end.len() <= 6 && is_word(end) && stem.len() <= 32,
    };
    !name.starts_with("whsec_") && name.split('/').all(is_plain)
}

/// Reads the file at `path`, which was named as `name`; one line end after the secret is dropped.
pub(crate) fn from_file(path: &Path, name: &Path) -> Result<GivenSecret, Unreadable> {
    let name = name.display().to_string();
    let read = input::read_at_most(path, MAX_SECRET_FILE);
    let bytes = Zeroizing::new(read.map_err(|error| {
        // A secret that was given in place of a path is not to be repeated.
        if looks_like_a_path(&name) {
            Unreadable::File(error)
        } else {
            Unreadable::NoFile(error.reason)
        }
    })?);
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok(text) => Ok(GivenSecret {
            label: name,
            text: Zeroizing::new(text.to_owned()),
        }),
        Err(_) => Err(Unreadable::FileNotText(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_taken_for_a_name() {
        for name in ["STRIPE_SECRET", "SECRET", "_X", "KEY_2"] {
            assert!(looks_like_a_name(name), "{name}");
        }
        for secret in [
            "whsec_0123456789abcdef",
            "ED7D658CD8EB49418948",
            "secret",
            "A B",
            "",
        ] {
            assert!(!looks_like_a_name(secret), "{secret}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_taken_for_a_path() {
        for path in [
            "/no/such/file",
            "stripe.secret",
            "../run/secrets/stripe_key",
            "./Stripe2.txt",
        ] {
            assert!(looks_like_a_path(path), "{path}");
        }
        for secret in [
            "whsec_abc",
            "whsec_0123456789abcdef",
            "ED7D658CD8EB49418948",
            "8f742231b10e8888abcd99yyyzzz85a5",
            "MfKQ9r8GKYqr/wjUPD8ILPZIo2LaLaSw",
            "correct horse battery",
        ] {
            assert!(!looks_like_a_path(secret), "{secret}");
        }
    }

    #[test]
    fn what_is_sent_along_is_hidden_as_text_and_as_credentials() {
        let given = GivenSecret {
            label: String::new(),
            text: Zeroizing::new("user:password".to_owned()),
        };
        for (text, shown) in [
            ("Basic dXNlcjpwYXNzd29yZA==", "Basic [token]"),
            ("x user:password y", "x [token] y"),
            ("/?a=user%3Apassword&b", "/?a=[token]&b"),
        ] {
            assert_eq!(given.hide_text(text), shown);
        }
        assert_eq!(
            given.hide_in_answer(b"\xffuser:password\0"),
            b"\xff[token]\0"
        );
        let quoted = GivenSecret {
            label: String::new(),
            text: Zeroizing::new("a\\b\"".to_owned()),
        };
        assert_eq!(quoted.hide_text(r#"{"t":"a\\b\""}"#), r#"{"t":"[token]"}"#);
        let short = GivenSecret {
            label: String::new(),
            text: Zeroizing::new("a".to_owned()),
        };
        assert_eq!(short.hide_in_answer(b"banana"), b"banana");
    }
}
