//! Flags in the place of a file: they make the same [`File`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ValueEnum;
use countersign::scheme::TokenPlace;

use super::Arguments;
use super::file::{Deduplicate, File, Route, Secret, Token, Value};
use super::mistakes::{At, Mistake};
use super::settings::NO_ADDRESS;
use crate::grade::GivenUp;
use crate::{scheme_file, token};

/// Something that is said of one scheme: `SCHEME=...`.
#[derive(Clone, Debug)]
pub(crate) struct Of<T> {
    scheme: String,
    value: T,
}

fn of<T>(
    text: &str,
    form: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Of<T>, String> {
    match text.split_once('=') {
        Some((scheme, value)) if !scheme.is_empty() => Ok(Of {
            scheme: scheme.to_owned(),
            value: read(value)?,
        }),
        _ => Err(format!("give {form}")),
    }
}

/// Why a secret itself is not taken.
const REFERENCE: &str = "give SCHEME=env:NAME for an environment variable, or SCHEME=file:PATH for a file: a secret itself is not taken, for whoever lists this machine's processes reads the command line";

/// `--secret`
pub(crate) fn secret(text: &str) -> Result<Of<Secret>, String> {
    of(
        text,
        "SCHEME=env:NAME or SCHEME=file:PATH",
        |value| match value.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Secret {
                env: Some(name.to_owned()),
                ..Secret::default()
            }),
            Some(("file", path)) if !path.is_empty() => Ok(Secret {
                file: Some(PathBuf::from(path)),
                ..Secret::default()
            }),
            _ => Err(REFERENCE.to_owned()),
        },
    )
}

/// `--addr`
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| NO_ADDRESS.to_owned())
}

/// `--accept-weak`
pub(crate) fn accept_weak(text: &str) -> Result<Of<GivenUp>, String> {
    of(text, "SCHEME=WHAT", named)
}

/// `--deduplicate`
pub(crate) fn deduplicate(text: &str) -> Result<Of<Deduplicate>, String> {
    of(text, "SCHEME=HOW", named)
}

/// `--token-in`
pub(crate) fn token_in(text: &str) -> Result<Of<TokenPlace>, String> {
    of(text, "SCHEME=PLACE", token::parse)
}

/// `--public-url`
pub(crate) fn public_url(text: &str) -> Result<Of<String>, String> {
    of(text, "SCHEME=URL", |url| Ok(url.to_owned()))
}

/// One of the words that there are.
fn named<T: ValueEnum>(word: &str) -> Result<T, String> {
    T::from_str(word, false).map_err(|_| {
        let words: Vec<String> = T::value_variants()
            .iter()
            .filter_map(T::to_possible_value)
            .map(|value| value.get_name().to_owned())
            .collect();
        format!("there is {}", words.join(", "))
    })
}

/// The file that these flags stand for.
pub(crate) fn file(arguments: &Arguments) -> Result<File, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut schemes = BTreeMap::new();
    for path in &arguments.scheme_file {
        match scheme_file::read(path) {
            Ok(scheme) => {
                schemes.insert(scheme.name.to_string(), path.clone());
            }
            Err(error) => mistakes.push(Mistake::new(At::key("schemes"), error.to_string())),
        }
    }
    let mut route: BTreeMap<String, Route> = BTreeMap::new();
    for Of { scheme, value } in &arguments.secret {
        let route = route.entry(scheme.clone()).or_insert_with(|| Route {
            acknowledge: arguments.forward.is_none(),
            ..Route::default()
        });
        route.secrets.push(value.clone());
    }
    let mut with =
        |scheme: &str, key: &str, set: &mut dyn FnMut(&mut Route)| match route.get_mut(scheme) {
            Some(route) => set(route),
            None => mistakes.push(Mistake::new(
                At::route(scheme).then(key),
                "there is no --secret for this scheme",
            )),
        };
    for Of { scheme, value } in &arguments.accept_weak {
        with(scheme, "accept_weak", &mut |route| {
            route.accept_weak.push(*value)
        });
    }
    for Of { scheme, value } in &arguments.deduplicate {
        with(scheme, "deduplicate", &mut |route| {
            route.deduplicate = Some(*value)
        });
    }
    for Of { scheme, value } in &arguments.token_in {
        with(scheme, "token_in", &mut |route| {
            route.token_in = Some(Token(value.clone()))
        });
    }
    for Of { scheme, value } in &arguments.public_url {
        with(scheme, "public_url", &mut |route| {
            route.public_url = Some(Value::Plain(value.clone()));
        });
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let mut file = File {
        schemes,
        route,
        ..File::default()
    };
    file.forward.url.clone_from(&arguments.forward);
    file.forward.remote = arguments.forward_remote;
    Ok(file)
}
