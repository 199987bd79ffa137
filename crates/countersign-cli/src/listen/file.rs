//! A receiver's file: what can be written into it. The flags of `countersign listen` make the same.
//!
//! Every key may be missing as far as serde is concerned, so that whatever is wrong can be told at once; what must be there is asked for when
//! [settings](super::settings) are made of it. The reference is `receiver.md`, which a test holds against these structures.

use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use countersign::scheme::{Span, TokenPlace};
use countersign::{Timestamp, Tolerance, Unit};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use crate::grade::GivenUp;
use crate::token;

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct File {
    pub(crate) server: Server,
    pub(crate) log: Log,
    pub(crate) store: Store,
    pub(crate) sources: Option<Sources>,
    pub(crate) bodies: Bodies,
    pub(crate) failures: Option<Failures>,
    pub(crate) forward: Forward,
    /// Schemes of one's own: a file for each name.
    pub(crate) schemes: BTreeMap<String, PathBuf>,
    /// By the name of the endpoint.
    pub(crate) route: BTreeMap<String, Route>,
}

/// `[server]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    pub(crate) address: Option<String>,
    pub(crate) header_timeout: Option<Span>,
    pub(crate) max_connections: Option<NonZeroUsize>,
    pub(crate) drain: Option<Span>,
    pub(crate) health: Option<String>,
}

/// `[log]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) format: Format,
}

/// How the line of an attempt is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

/// `[store]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Store {
    pub(crate) kind: StoreKind,
    pub(crate) capacity: Option<NonZeroUsize>,
}

/// What remembers deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StoreKind {
    #[default]
    Memory,
}

/// `[sources]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Sources {
    pub(crate) direct: bool,
    pub(crate) proxies: Vec<String>,
    pub(crate) setting_forwarded: bool,
}

/// `[bodies]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Bodies {
    pub(crate) places: Option<NonZeroUsize>,
    pub(crate) bytes: Option<u64>,
    pub(crate) waiting: Option<usize>,
    pub(crate) per_source: Option<NonZeroUsize>,
    pub(crate) idle_timeout: Option<Span>,
    pub(crate) total_timeout: Option<Span>,
}

/// `[failures]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Failures {
    pub(crate) count: Option<NonZeroU32>,
    pub(crate) period: Option<Span>,
    pub(crate) burst: Option<NonZeroU32>,
    pub(crate) refuse_early: bool,
    pub(crate) most_sources: Option<usize>,
}

/// `[forward]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Forward {
    pub(crate) url: Option<String>,
    pub(crate) connect_timeout: Option<Span>,
    pub(crate) timeout: Option<Span>,
    pub(crate) remote: bool,
}

/// `[route.NAME]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Route {
    pub(crate) path: Option<String>,
    pub(crate) scheme: Option<String>,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) config: BTreeMap<String, Value>,
    pub(crate) token_in: Option<Token>,
    pub(crate) public_url: Option<Value>,
    pub(crate) public_url_from: Option<PublicUrlFrom>,
    pub(crate) tolerance: Option<Tolerance>,
    pub(crate) max_body: Option<u64>,
    pub(crate) accept_weak: Vec<GivenUp>,
    pub(crate) consent: BTreeMap<String, Vec<String>>,
    pub(crate) deduplicate: Option<Deduplicate>,
    pub(crate) retention: Option<Span>,
    pub(crate) refuse_replays: bool,
    pub(crate) refuse_changed_bodies: bool,
    pub(crate) max_runs: Option<NonZeroUsize>,
    pub(crate) answer_within: Option<Span>,
    pub(crate) quota: Option<Quota>,
    pub(crate) forward: Option<String>,
    pub(crate) forward_headers: Vec<String>,
    pub(crate) acknowledge: bool,
}

/// One of `secrets`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a table that names a secret, such as { env = \"NAME\" } or { file = \"PATH\" }: a secret itself is not written here"
)]
pub(crate) struct Secret {
    pub(crate) env: Option<String>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) label: Option<String>,
    pub(crate) not_before: Option<Moment>,
    pub(crate) not_after: Option<Moment>,
}

/// `public_url_from`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PublicUrlFrom {
    pub(crate) proxies: Vec<String>,
    pub(crate) hosts: Vec<String>,
    pub(crate) keeping_host: bool,
    pub(crate) setting_port: bool,
    pub(crate) setting_forwarded: bool,
    pub(crate) setting_prefix: Vec<String>,
    pub(crate) stripping: Option<String>,
}

/// `quota`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Quota {
    pub(crate) count: Option<NonZeroU32>,
    pub(crate) period: Option<Span>,
    pub(crate) burst: Option<NonZeroU32>,
    pub(crate) most_tenants: Option<NonZeroUsize>,
}

/// How deliveries are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Deduplicate {
    /// By the signed content: of two events with the same content the second is taken for the first, and does not run.
    ByContent,
    /// By the id, signed or not: whoever has seen one delivery can have it run again under another id.
    ByUnsignedId,
    /// Not at all: retries of what was done, and captured attempts, run again.
    Off,
}

/// A value as it is, or a reference to where it is kept.
#[derive(Clone, PartialEq)]
pub(crate) enum Value {
    Plain(String),
    Kept(Secret),
}

/// Where a token lies, as `--token-in` has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token(pub(crate) TokenPlace);

/// A date and a time, with its offset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl fmt::Debug for Value {
    /// Without the value: it may be a token, or a URL with a password.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => out.write_str("Plain"),
            Self::Kept(reference) => reference.fmt(out),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Value;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("text, or a table that names where it is kept, such as { env = \"NAME\" } or { file = \"PATH\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Plain(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
                Secret::deserialize(de::value::MapAccessDeserializer::new(map)).map(Value::Kept)
            }
        }

        from.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        token::parse(&text).map(Self).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = toml::value::Datetime::deserialize(from)?;
        // A local time is another moment on another machine.
        let moment = written.offset.map(|_| written.to_string());
        moment
            .and_then(|text| Unit::Rfc3339.parse(text.as_bytes()).ok())
            .map(Self)
            .ok_or_else(|| {
                de::Error::custom("a date, a time and an offset, such as 2026-01-31T12:00:00Z")
            })
    }
}
