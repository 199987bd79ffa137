//! The files of the catalogue, and receivers for what they say.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::danger::{NoSecret, Weak};
use countersign::scheme::{Algorithm, Grade, KeyFormat, Part, Scheme};
use countersign::{Receiver, ReceiverBuilder, Secret, SecretRing};

/// Every file of the catalogue, by its name without the ending.
pub(crate) fn files() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalogue");
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the catalogue is there") {
        let path = entry.expect("the catalogue can be listed").path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            files.push((stem.expect("names are text").to_owned(), path.clone()));
        }
    }
    files.sort();
    files
}

pub(crate) fn read(name: &str, path: &Path) -> Scheme {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn schemes() -> Vec<Scheme> {
    let files = files();
    assert!(files.len() > 300, "only {} files", files.len());
    files.iter().map(|(name, path)| read(name, path)).collect()
}

/// The scheme of this name, as its file says it, if there is one.
pub(crate) fn scheme(name: &str) -> Option<Scheme> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("catalogue/{name}.toml"));
    path.exists().then(|| read(name, &path))
}

/// Everything that a scheme may ask its receiver for.
pub(crate) fn builder(
    scheme: Scheme,
    secrets: impl Into<SecretRing>,
    public_url: &str,
) -> ReceiverBuilder {
    let grade = scheme.grade;
    let mut names = Vec::new();
    config_names(&scheme.content, &mut names);
    let mut builder = Receiver::builder(scheme, secrets).public_url(public_url);
    for name in names {
        builder = builder.config(name, "configured");
    }
    match grade {
        Grade::SignatureUndelimited => builder.accept_weak(Weak::ValuesNotSetApart),
        Grade::SignatureBesideBody => builder.accept_weak(Weak::BodyNotSigned),
        Grade::ExtensibleDigest => builder.accept_weak(Weak::ExtensibleDigest),
        Grade::Token => builder.accept_weak(Weak::NothingSigned),
        Grade::Unsigned => builder.accept_weak(Weak::NothingProven),
        _ => builder,
    }
}

pub(crate) fn config_names(parts: &[Part], names: &mut Vec<String>) {
    for part in parts {
        if let Part::Config(name) = part {
            names.push(name.to_string());
        }
        config_names(part.inner(), names);
    }
}

/// What a receiver of the scheme needs: a secret, unless the sender proves nothing.
pub(crate) fn secrets(scheme: &Scheme) -> SecretRing {
    match scheme.algorithm {
        Algorithm::Unsigned => NoSecret.into(),
        _ => secret(scheme).into(),
    }
}

/// A secret that the scheme can use.
fn secret(scheme: &Scheme) -> Secret {
    const KEY: &str = "0123456789abcdefghijklmnopqrstuv";
    let text = match &scheme.key {
        _ if scheme.algorithm == Algorithm::Basic => format!("user:{KEY}"),
        KeyFormat::Base64 => STANDARD.encode(KEY),
        KeyFormat::Base64After(prefix) => format!("{prefix}{}", STANDARD.encode(KEY)),
        KeyFormat::Hex => "0f1e".repeat(16),
        _ => KEY.to_owned(),
    };
    Secret::new(text).expect("a sound secret")
}
