//! Which scheme a command works with: a built-in one by its name, or one's own from a file.

use std::borrow::Cow;
use std::error::Error;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args};
use countersign::scheme::{Part, Proof, Text, TokenPlace};
use countersign::{Scheme, providers};

use crate::scheme_file;
use crate::token;

/// The scheme, and what it needs beside the secret.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("the scheme").args(["provider", "scheme_file"]).required(true))]
pub(crate) struct SchemeArguments {
    /// The built-in scheme, as `countersign providers` lists them.
    #[arg(
        hide_possible_values = true,
        value_parser = PossibleValuesParser::new(names())
    )]
    provider: Option<String>,
    /// A scheme of one's own, as TOML or JSON, instead of a built-in one.
    #[arg(long, value_name = "FILE", help_heading = "Scheme", value_hint = clap::ValueHint::FilePath)]
    scheme_file: Option<PathBuf>,
    /// Where the token of a sender that signs nothing lies: basic, bearer, path, header:NAME, query:NAME, form:NAME or json:POINTER.
    #[arg(long, value_name = "PLACE", help_heading = "Scheme", value_parser = token::parse)]
    token_in: Option<TokenPlace>,
    /// A value that the signed content holds beside the secret; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Scheme", value_parser = name_and_value)]
    config: Vec<(String, String)>,
}

impl SchemeArguments {
    /// For a command that has these among its own arguments.
    pub(crate) const fn new(
        provider: Option<String>,
        scheme_file: Option<PathBuf>,
        token_in: Option<TokenPlace>,
        config: Vec<(String, String)>,
    ) -> Self {
        Self {
            provider,
            scheme_file,
            token_in,
            config,
        }
    }

    /// The scheme.
    pub(crate) fn scheme(&self) -> Result<Scheme, Box<dyn Error>> {
        let scheme = match (&self.provider, &self.scheme_file) {
            (_, Some(file)) => scheme_file::read(file)?,
            (Some(name), None) => {
                providers::by_name(name).ok_or_else(|| format!("there is no scheme {name:?}"))?
            }
            (None, None) => return Err("no scheme is named".into()),
        };
        Ok(match &self.token_in {
            None => scheme,
            Some(place) => scheme
                .token_in(place.clone())
                .map_err(|error| format!("--token-in: {error}"))?,
        })
    }

    /// The configured values: every one that the scheme signs, and none that it does not know.
    pub(crate) fn config(&self, scheme: &Scheme) -> Result<&[(String, String)], String> {
        let name = &scheme.name;
        let known = known_config(scheme);
        let is_unknown = |(given, _): &&(String, String)| !known.iter().any(|known| known == given);
        if let Some((given, _)) = self.config.iter().find(is_unknown) {
            return Err(format!("--config: scheme {name:?} has no value {given:?}"));
        }
        let is_missing = |signed: &&Text| {
            !self
                .config
                .iter()
                .any(|(given, value)| given == signed.as_ref() && !value.is_empty())
        };
        match signed_config(scheme).iter().find(is_missing) {
            Some(signed) => Err(format!(
                "scheme {name:?} signs the value {signed:?}: give it with --config {signed}=VALUE"
            )),
            None => Ok(&self.config),
        }
    }
}

/// The names of the built-in schemes.
pub(crate) fn names() -> Vec<&'static str> {
    let name = |scheme: &Scheme| match scheme.name {
        Cow::Borrowed(name) => Some(name),
        Cow::Owned(_) => None,
    };
    providers::ALL.iter().filter_map(name).collect()
}

/// The values that a scheme's content holds beside the secret.
fn signed_config(scheme: &Scheme) -> Vec<Text> {
    let mut names = Vec::new();
    each_part(&scheme.content, &mut |part| {
        if let Part::Config(name) = part
            && !names.contains(name)
        {
            names.push(name.clone());
        }
    });
    names
}

/// All values that can be configured for a scheme: those, and the tokens of its handshakes.
pub(crate) fn known_config(scheme: &Scheme) -> Vec<Text> {
    let tokens = scheme
        .handshakes
        .iter()
        .filter_map(|handshake| match &handshake.proof {
            Proof::Token { config, .. } => Some(config.clone()),
            _ => None,
        });
    signed_config(scheme).into_iter().chain(tokens).collect()
}

/// Does the content hold such a part, at any depth?
pub(crate) fn content_holds(scheme: &Scheme, test: impl Fn(&Part) -> bool) -> bool {
    let mut holds = false;
    each_part(&scheme.content, &mut |part| holds = holds || test(part));
    holds
}

/// Visits all parts, and what is inside of them.
pub(crate) fn each_part(parts: &[Part], visit: &mut dyn FnMut(&Part)) {
    for part in parts {
        visit(part);
        each_part(part.inner(), visit);
    }
}

pub(crate) fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("give NAME=VALUE".to_owned()),
    }
}
