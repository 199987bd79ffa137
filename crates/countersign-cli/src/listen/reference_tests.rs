//! The page of keys says what the structures say: every key once, and the defaults that are there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::KEYS;
use super::file::{
    Bodies, Failures, File, Forward, Log, PublicUrlFrom, Quota, Route, Secret, Server, Sources,
    Store,
};
use super::line::Lines;
use super::{reading, settings};

/// Fails with the names of the fields that a structure asks for.
struct Fields;

#[derive(Debug)]
struct Asked(Vec<&'static str>);

impl de::Error for Asked {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(Vec::new())
    }
}

impl std::error::Error for Asked {}

impl fmt::Display for Asked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("asked")
    }
}

impl<'de> Deserializer<'de> for Fields {
    type Error = Asked;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked(Vec::new()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Asked> {
        Err(Asked(fields.to_vec()))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

fn fields<'de, T: Deserialize<'de>>() -> BTreeSet<&'static str> {
    match T::deserialize(Fields) {
        Ok(_) => BTreeSet::new(),
        Err(Asked(fields)) => fields.into_iter().collect(),
    }
}

/// The rows of each section: key and default.
fn page() -> BTreeMap<&'static str, Vec<(&'static str, &'static str)>> {
    let mut page: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut section = "";
    for line in KEYS.lines() {
        if let Some(title) = line.strip_prefix("##") {
            section = title.trim_matches(['#', ' ', '`', '[', ']']);
            page.entry(section).or_default();
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", key, _, default, _, ""] = cells.as_slice()
            && let Some(key) = key.strip_prefix('`').and_then(|key| key.strip_suffix('`'))
        {
            page.entry(section).or_default().push((key, *default));
        }
    }
    page
}

#[test]
fn every_key_is_on_the_page_and_no_other_is() {
    let page = page();
    for (section, known) in [
        ("server", fields::<Server>()),
        ("log", fields::<Log>()),
        ("store", fields::<Store>()),
        ("sources", fields::<Sources>()),
        ("bodies", fields::<Bodies>()),
        ("failures", fields::<Failures>()),
        ("forward", fields::<Forward>()),
        ("route.NAME", fields::<Route>()),
        ("secrets", fields::<Secret>()),
        ("public_url_from", fields::<PublicUrlFrom>()),
        ("quota", fields::<Quota>()),
    ] {
        assert!(!known.is_empty(), "{section}");
        let rows = &page[section];
        let keys: BTreeSet<&str> = rows.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, known, "{section}");
        assert_eq!(keys.len(), rows.len(), "{section}: a key occurs twice");
    }
    let sections: BTreeSet<&str> = page
        .keys()
        .map(|section| section.strip_suffix(".NAME").unwrap_or(section))
        .filter(|section| !["secrets", "public_url_from", "quota"].contains(section))
        .collect();
    assert_eq!(sections, fields::<File>());
}

/// What a file comes to, as far as it can be printed.
fn come_to(text: &str) -> String {
    let file = reading::read(text).unwrap();
    let (lines, _) = Lines::new();
    let settings = settings::settings(&file, Path::new(""), &lines);
    let settings = settings.unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
    let stores = settings.routes.iter();
    let capacities: Vec<usize> = stores
        .map(|route| route.receiver.store().stats().capacity)
        .collect();
    format!("{settings:#?} {capacities:?}")
}

#[test]
fn the_defaults_on_the_page_are_those_that_are_taken() {
    let secret = concat!(env!("CARGO_MANIFEST_DIR"), "/src/listen/reference_tests.rs");
    let mut seen = 0;
    for (section, rows) in page() {
        for (key, default) in rows {
            let literal = default
                .strip_prefix('`')
                .and_then(|text| text.strip_suffix('`'));
            let Some(literal) = literal.filter(|text| !text.contains("NAME") && *text != "count")
            else {
                continue;
            };
            let file = |key: &str| {
                let own = |named: &str, rest: &str| match section == named {
                    true => format!("{rest}{key}\n"),
                    false => rest.to_owned(),
                };
                let quota = match section {
                    "quota" if !key.is_empty() => format!(", {key}"),
                    _ => String::new(),
                };
                let from = match section {
                    "public_url_from" if !key.is_empty() => format!(", {key}"),
                    _ => String::new(),
                };
                [
                    "[server]\n".to_owned(),
                    own("server", ""),
                    "[log]\n".to_owned(),
                    own("log", ""),
                    "[store]\n".to_owned(),
                    own("store", ""),
                    "[sources]\n".to_owned(),
                    own("sources", "proxies = ['10.0.0.1']\n"),
                    "[bodies]\n".to_owned(),
                    own("bodies", ""),
                    "[failures]\n".to_owned(),
                    own("failures", "count = 1\n"),
                    "[forward]\n".to_owned(),
                    own("forward", "url = 'http://127.0.0.1:1'\n"),
                    "[route.twilio]\n".to_owned(),
                    format!("secrets = [{{ file = '{secret}', label = 'x' }}]\n"),
                    "deduplicate = 'off'\n".to_owned(),
                    format!("public_url_from = {{ proxies = ['10.0.0.1'], hosts = ['a.example']{from} }}\n"),
                    format!("quota = {{ count = 1{quota} }}\n"),
                    own("route.NAME", ""),
                ]
                .concat()
            };
            let with = come_to(&file(&format!("{key} = {literal}")));
            let without = come_to(&file(""));
            assert_eq!(with, without, "{section}.{key} = {literal}");
            seen += 1;
        }
    }
    assert!(seen > 25, "{seen}");
    // A store of quotas does not tell its capacity.
    let tenants = format!("`{}`", settings::MOST_TENANTS);
    assert!(page()["quota"].contains(&("most_tenants", tenants.as_str())));
}

#[test]
fn the_examples_in_the_page_are_files() {
    let example = KEYS
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let file = reading::read(example.unwrap()).unwrap();
    assert_eq!(file.route.len(), 1);
}
