//! What a receiver is built with makes sense, or is refused by its name.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::bodies::Bodies;
use crate::danger::{self, Weak};
use crate::failures::FailureSettings;
use crate::mac::Keyed;
use crate::public_url::{Base, PublicUrl, TrustedProxies};
use crate::scheme::compiled::{Config, Key};
use crate::scheme::{Algorithm, Grade, Part, Proof, Scheme, SchemeError, UnsignedShape};
use crate::secret::{SecretError, SecretRing};

/// A ring that a receiver of this scheme can have.
pub(crate) fn ring(
    scheme: &Scheme,
    ring: &SecretRing,
    most: usize,
) -> Result<Vec<Key>, SettingError> {
    if ring.secrets().len() > most {
        return Err(SettingError::value(
            "secrets",
            "there are more than max_secrets allows",
        ));
    }
    let proves_nothing = scheme.algorithm == Algorithm::Unsigned;
    match (ring.secrets().is_empty(), proves_nothing) {
        (true, false) => return Err(SettingError::value("secrets", "there is none")),
        (false, true) => {
            return Err(SettingError::value(
                "secrets",
                "the sender proves nothing, so no secret keeps anybody out",
            ));
        }
        _ => {}
    }
    keys(scheme, ring)
}

/// Every secret is keyed; one bad one fails the whole ring.
fn keys(scheme: &Scheme, ring: &SecretRing) -> Result<Vec<Key>, SettingError> {
    let mut keys: Vec<Key> = Vec::new();
    for (position, secret) in ring.secrets().iter().enumerate() {
        let label = secret.label_or(position);
        let refused = |reason| SettingError::Secret {
            label: label.clone(),
            reason,
        };
        let is_public = |shape: &UnsignedShape| {
            shape
                .public_key
                .as_ref()
                .is_some_and(|key| secret.is_same_key(scheme, key))
        };
        if scheme.unsigned.iter().any(is_public) {
            return Err(refused(SecretError::Placeholder));
        }
        let keyed = Keyed::new(scheme, secret).map_err(refused)?;
        let keyed = keyed.ok_or(SettingError::Unsupported {
            field: "algorithm",
            reason: "not built in",
        })?;
        let (not_before, not_after) = secret.window();
        if let (Some(start), Some(end)) = (not_before, not_after)
            && start > end
        {
            return Err(SettingError::value(
                "secrets",
                "not_before lies after not_after",
            ));
        }
        if keys.iter().any(|known| known.label == label) {
            return Err(SettingError::value(
                "secrets",
                "two secrets have the same label",
            ));
        }
        keys.push(Key {
            label,
            verified: Arc::default(),
            keyed,
            not_before,
            not_after,
        });
    }
    Ok(keys)
}

/// Does the sender drop what is answered 429, so that a limit would lose deliveries?
pub(crate) fn drops_over_limit(scheme: &Scheme) -> bool {
    scheme.retry.drops_on.contains(&429)
}

pub(super) fn check_limits(
    scheme: &Scheme,
    failures: &FailureSettings,
    bodies: &Bodies,
) -> Result<(), SettingError> {
    if let Some(limit) = &failures.limit {
        if limit.is_early() && drops_over_limit(scheme) {
            return Err(SettingError::value(
                "limit_failures",
                "to refuse early would lose deliveries: the sender drops what is answered 429",
            ));
        }
        if limit.counts_none() {
            return Err(SettingError::value(
                "limit_failures",
                "must count at least one source",
            ));
        }
        if limit.is_early() && failures.sources.is_none() {
            return Err(SettingError::value(
                "limit_failures",
                "to refuse early, sources must be told apart: call sources(Sources::behind(..)) or sources(Sources::direct())",
            ));
        }
    }
    if bodies.has_no_room() {
        return Err(SettingError::value("bodies", "must have room for a byte"));
    }
    if bodies.has_shares() && failures.sources.is_none() {
        return Err(SettingError::value(
            "bodies",
            "to share places out, sources must be told apart: call sources(Sources::behind(..)) or sources(Sources::direct())",
        ));
    }
    Ok(())
}

/// Without failures left nobody is looked up who is not remembered: 429, genuine or not.
pub(super) fn check_limits_of_tenants(
    scheme: &Scheme,
    failures: &FailureSettings,
) -> Result<(), SettingError> {
    if failures.limit.is_some() && drops_over_limit(scheme) {
        return Err(SettingError::value(
            "limit_failures",
            "would lose deliveries of tenants that are not remembered: the sender drops what is answered 429",
        ));
    }
    if failures.limit.is_some() && failures.sources.is_none() {
        return Err(SettingError::value(
            "limit_failures",
            "without failures left no tenant is looked up, so sources must be told apart: call sources(Sources::behind(..)) or sources(Sources::direct())",
        ));
    }
    Ok(())
}

pub(super) fn check_grade(grade: Grade, weak: Option<Weak>) -> Result<(), SettingError> {
    let (needed, reason) = match grade {
        Grade::SignatureOverBody => return Ok(()),
        Grade::SignatureUndelimited => (
            Weak::ValuesNotSetApart,
            "nothing sets the signed values apart: call accept_weak(danger::Weak::ValuesNotSetApart) to take that",
        ),
        Grade::SignatureBesideBody => (
            Weak::BodyNotSigned,
            "the signature does not cover the body: call accept_weak(danger::Weak::BodyNotSigned) to take that",
        ),
        Grade::ExtensibleDigest => (
            Weak::ExtensibleDigest,
            "the plain digest can be extended: call accept_weak(danger::Weak::ExtensibleDigest) to take that",
        ),
        Grade::Token => (
            Weak::NothingSigned,
            "a secret is sent along and nothing is signed: call accept_weak(danger::Weak::NothingSigned) to take that",
        ),
        Grade::Unsigned => (
            Weak::NothingProven,
            "the sender proves nothing: call accept_weak(danger::Weak::NothingProven) to take that",
        ),
    };
    if weak == Some(needed) {
        Ok(())
    } else {
        Err(SettingError::value("grade", reason))
    }
}

pub(super) fn check_config(scheme: &Scheme, config: &Config) -> Result<(), SettingError> {
    let tokens = || {
        scheme
            .handshakes
            .iter()
            .filter_map(|handshake| match &handshake.proof {
                Proof::Token { config, .. } => Some(config),
                _ => None,
            })
    };
    let known = |name: &str| {
        Part::any(
            &scheme.content,
            &|part| matches!(part, Part::Config(known) if known == name),
        ) || tokens().any(|known| known == name)
    };
    if !config.names().all(known) {
        return Err(SettingError::value(
            "config",
            "names a value that the scheme does not know",
        ));
    }
    // Compared with what strangers send, so it must be a secret like any other.
    for token in tokens().filter_map(|name| config.get(name)) {
        if danger::secret_of_any_length(token).is_err() {
            return Err(SettingError::value(
                "config",
                "the token of a handshake is empty, padded or a placeholder",
            ));
        }
    }
    let missing = Part::any(&scheme.content, &|part| match part {
        Part::Config(name) => config.get(name).is_none_or(str::is_empty),
        _ => false,
    });
    if missing {
        return Err(SettingError::value(
            "config",
            "a value that the scheme's content holds is missing",
        ));
    }
    Ok(())
}

/// A URL as it was given: there may be a password in it.
#[derive(Clone)]
pub(super) struct UrlText(pub(super) Zeroizing<String>);

impl fmt::Debug for UrlText {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("UrlText")
    }
}

pub(super) fn check_url(
    configured: Option<UrlText>,
    proxies: Option<TrustedProxies>,
    scheme: &Scheme,
) -> Result<Option<PublicUrl>, SettingError> {
    let needed = scheme.signs_url();
    let configured = match configured.map(|UrlText(text)| Base::parse(&text)) {
        None => None,
        Some(Some(base)) => Some(PublicUrl::Configured(base)),
        Some(None) => {
            return Err(SettingError::value(
                "public_url",
                "must be an http or https URL without query and fragment",
            ));
        }
    };
    if proxies.as_ref().is_some_and(TrustedProxies::mixes_families) {
        return Err(SettingError::value(
            "public_url_from",
            "Forwarded tells neither prefix nor port, and X-Forwarded-* is not read beside it: call stripping(..) in the place of setting_prefix(..), and leave setting_port() out",
        ));
    }
    let url = configured.or(proxies.map(PublicUrl::Forwarded));
    if needed && url.is_none() {
        return Err(SettingError::value(
            "public_url",
            "the scheme signs the URL, so it must be configured",
        ));
    }
    if !needed && scheme.signs_path() && url.as_ref().is_some_and(PublicUrl::has_prefix) {
        return Err(SettingError::value(
            "public_url",
            "the scheme signs the path alone, in front of which no prefix can be put back: its receiver belongs in front of whatever strips one",
        ));
    }
    Ok(url.filter(|_| needed))
}

/// Why a receiver could not be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// The scheme makes no sense.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// The scheme is sound, but this version cannot verify it.
    #[error("{field}: {reason}")]
    Unsupported {
        /// The scheme's field.
        field: &'static str,
        /// What is not there.
        reason: &'static str,
    },
    /// A secret cannot be used.
    #[error("secrets: {label}: {reason}")]
    Secret {
        /// The secret's label.
        label: String,
        /// Why not.
        reason: SecretError,
    },
    /// A setting has a value that cannot be used.
    #[error("{field}: {reason}")]
    Value {
        /// The builder's method.
        field: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
}

impl SettingError {
    pub(crate) const fn value(field: &'static str, reason: &'static str) -> Self {
        Self::Value { field, reason }
    }

    /// The field or setting at fault.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Scheme(error) => error.field,
            Self::Unsupported { field, .. } | Self::Value { field, .. } => field,
            Self::Secret { .. } => "secrets",
        }
    }
}
