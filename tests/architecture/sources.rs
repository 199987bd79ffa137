//! Rules that a source file can break. Each takes the file's path from the repository's root and its text, and gives back
//! one line for each breach.

use crate::rust_text::{Mention, code_only, mentions};

const CORE: &str = "crates/countersign/src/";

pub(crate) fn core_names_no_io(file: &str, text: &str) -> Vec<String> {
    if !file.starts_with(CORE) {
        return Vec::new();
    }
    let mut named = vec!["std::net", "std::thread", "std::process", "std::os"];
    // Orchestrators hand secrets over in files.
    if file != "crates/countersign/src/secret/file.rs" {
        named.push("std::fs");
    }
    refuse(
        file,
        text,
        &named,
        "the core opens nothing and starts nothing; addresses are in core::net",
    )
}

/// A store sees opaque keys; it cannot leak what it is never given.
pub(crate) fn stores_see_neither_secrets_nor_requests(file: &str, text: &str) -> Vec<String> {
    let in_core = file
        .strip_prefix(CORE)
        .is_some_and(|name| name.starts_with("store"));
    let is_adapter = [
        "crates/countersign-redis/src/",
        "crates/countersign-sqlx/src/",
    ];
    if !in_core && !is_adapter.iter().any(|folder| file.starts_with(folder)) {
        return Vec::new();
    }
    let named = [
        "Secret",
        "SecretRing",
        "SecretSource",
        "HeaderMap",
        "HeaderName",
        "HeaderValue",
        "Bytes",
        "BytesMut",
    ];
    refuse(file, text, &named, "a store sees no secret, header or body")
}

/// The benchmark and the program's demo measure how long something took and wait for it; nothing else may ask for the time.
pub(crate) fn time_is_read_in_clock_alone(file: &str, text: &str) -> Vec<String> {
    if !is_in_crate(file) || stem(file) == "clock" {
        return Vec::new();
    }
    let mut named = vec![
        "SystemTime",
        "UNIX_EPOCH",
        "OffsetDateTime::now",
        "OffsetDateTime::now_utc",
        "OffsetDateTime::now_local",
        "UtcDateTime::now",
        "Utc::now",
        "Local::now",
    ];
    let measures = ["crates/countersign-bench/", "crates/countersign-cli/"];
    if !measures.iter().any(|folder| file.starts_with(folder)) {
        named.extend(["Instant::now", "tokio::time"]);
    }
    refuse(file, text, &named, "time is read in clock.rs alone")
}

/// The benchmark is excepted: it compares what the library does with the same work written by hand.
pub(crate) fn tags_are_compared_in_mac_alone(file: &str, text: &str) -> Vec<String> {
    if !is_in_crate(file) || file.starts_with("crates/countersign-bench/") {
        return Vec::new();
    }
    let truncated = ["verify_truncated_left", "verify_truncated_right"];
    let mut found = refuse(file, text, &truncated, "a tag is compared whole");
    if file != "crates/countersign/src/mac.rs" {
        let named = [
            "ct_eq",
            "ct_ne",
            "ConstantTimeEq",
            "verify_slice",
            "verify_slices_are_equal",
            "constant_time_eq",
        ];
        found.extend(refuse(
            file,
            text,
            &named,
            "a tag is compared in mac.rs alone",
        ));
    }
    found
}

/// Whatever stops at the first difference tells how far it came. Lengths alone may be compared where tags and tokens are.
pub(crate) fn mac_compares_nothing_but_lengths(file: &str, text: &str) -> Vec<String> {
    if file != "crates/countersign/src/mac.rs" {
        return Vec::new();
    }
    let code = code_only(text);
    let product = code.split("#[cfg(test)]").next().unwrap_or_default();
    let compares = [
        "==",
        "!=",
        ".eq(",
        ".ne(",
        ".cmp(",
        "starts_with",
        "ends_with",
        "PartialEq",
    ];
    let lines = product.lines().zip(1..);
    let mut found: Vec<String> = lines
        .filter(|(line, _)| compares.iter().any(|word| line.contains(word)))
        .filter(|(line, _)| !compares_lengths(line))
        .map(|(_, line)| {
            format!("{file}:{line}: compares, but tags and tokens are compared by ct_eq alone")
        })
        .collect();
    if product.matches(".ct_eq(").count() == 0 {
        found.push(format!("{file}:1: nothing is compared by ct_eq"));
    }
    found
}

/// Two lengths, and nothing beside.
fn compares_lengths(line: &str) -> bool {
    let count = |words: &[&str]| {
        words
            .iter()
            .map(|word| line.matches(word).count())
            .sum::<usize>()
    };
    count(&["==", "!="]) == 1 && count(&[".len()"]) == 2 && count(&[".eq(", ".ne(", ".cmp("]) == 0
}

pub(crate) fn key_bytes_are_read_where_they_are_used(file: &str, text: &str) -> Vec<String> {
    if !is_in_crate(file) || ["secret", "mac", "sign"].contains(&stem(file)) {
        return Vec::new();
    }
    refuse(
        file,
        text,
        &["key_bytes"],
        "a secret is read in secret.rs, mac.rs and sign.rs alone",
    )
}

/// Passing a status on, or asking whether it is a success, chooses nothing.
pub(crate) fn a_status_is_chosen_in_outcome_alone(file: &str, text: &str) -> Vec<String> {
    if !file.starts_with(CORE) || stem(file) == "outcome" {
        return Vec::new();
    }
    let asks = |word: &str| {
        word.starts_with("is_") || word.starts_with("as_") || word == "canonical_reason"
    };
    let chooses = |mention: &Mention| mention.after("StatusCode").is_some_and(|word| !asks(word));
    report(
        file,
        text,
        chooses,
        "a status is chosen in outcome.rs alone",
    )
}

/// Whoever clones the repository has nothing but the repository.
pub(crate) fn nothing_points_outside_the_repository(file: &str, text: &str) -> Vec<String> {
    // put together here, so that this file does not break the rule itself
    let outside = [
        concat!("../", "shared"),
        concat!(".", "library"),
        concat!("/", "work/"),
    ];
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1_usize..) {
        for name in outside {
            let begins = |at: usize| {
                !line
                    .split_at(at)
                    .0
                    .ends_with(|c: char| c.is_alphanumeric() || "_-".contains(c))
            };
            if line
                .match_indices(name)
                .any(|(at, _)| name.starts_with("..") || begins(at))
            {
                found.push(format!(
                    "{file}:{number}: names `{name}`, but the repository stands by itself"
                ));
            }
        }
    }
    found
}

fn refuse(file: &str, text: &str, named: &[&str], rule: &str) -> Vec<String> {
    report(
        file,
        text,
        |mention| named.iter().any(|name| mention.contains(name)),
        rule,
    )
}

fn report(file: &str, text: &str, breaks: impl Fn(&Mention) -> bool, rule: &str) -> Vec<String> {
    mentions(text)
        .into_iter()
        .filter(breaks)
        .map(|Mention { line, path }| format!("{file}:{line}: names `{path}`, but {rule}"))
        .collect()
}

fn is_in_crate(file: &str) -> bool {
    file.starts_with("crates/") && file.contains("/src/")
}

fn stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".rs").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rule = fn(&str, &str) -> Vec<String>;

    #[track_caller]
    fn caught(rule: Rule, file: &str, text: &str) {
        let found = rule(file, text);
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("{file}:1: ")),
            "{text}: {found:?}"
        );
    }

    #[track_caller]
    fn passes(rule: Rule, file: &str, text: &str) {
        assert_eq!(rule(file, text), Vec::<String>::new(), "{text}");
    }

    #[test]
    fn the_core_is_caught_with_a_socket_a_file_or_a_thread() {
        let file = "crates/countersign/src/quota.rs";
        for offending in [
            "use std::net::TcpStream;",
            "use std::{borrow::Cow, fs};",
            "fn f() { ::std::thread::spawn(g); }",
            "fn f() { std::fs::read_to_string(p) }",
        ] {
            caught(core_names_no_io, file, offending);
        }
        let secrets = "crates/countersign/src/secret/file.rs";
        passes(core_names_no_io, secrets, "use std::fs::File;");
        caught(core_names_no_io, secrets, "use std::net::TcpStream;");
        passes(
            core_names_no_io,
            file,
            "use core::net::IpAddr; use std::env; // std::fs\n",
        );
        passes(
            core_names_no_io,
            "crates/countersign-cli/src/main.rs",
            "use std::fs;",
        );
    }

    #[test]
    fn a_store_is_caught_with_a_secret_a_header_or_a_body() {
        for file in [
            "crates/countersign/src/store.rs",
            "crates/countersign/src/store/memory.rs",
            "crates/countersign/src/store_dyn.rs",
            "crates/countersign-redis/src/lib.rs",
            "crates/countersign-sqlx/src/claim.rs",
        ] {
            caught(
                stores_see_neither_secrets_nor_requests,
                file,
                "fn f(s: &crate::Secret) {}",
            );
            caught(
                stores_see_neither_secrets_nor_requests,
                file,
                "use http::{HeaderMap as Map};",
            );
            caught(
                stores_see_neither_secrets_nor_requests,
                file,
                "struct S { body: bytes::Bytes }",
            );
            passes(
                stores_see_neither_secrets_nor_requests,
                file,
                "fn f(key: Key) -> Secrets {} /// Bytes",
            );
        }
        passes(
            stores_see_neither_secrets_nor_requests,
            "crates/countersign/src/intake.rs",
            "use bytes::Bytes;",
        );
    }

    #[test]
    fn a_second_reader_of_time_is_caught() {
        let file = "crates/countersign/src/receiver.rs";
        for offending in [
            "let now = SystemTime::now();",
            "use std::time::{Duration, Instant as Watch}; fn f() { Watch::now(); }",
            "let t = time::OffsetDateTime::now_utc();",
            "async fn f() { tokio::time::sleep(d).await }",
            "use tokio::{sync, time};",
        ] {
            caught(time_is_read_in_clock_alone, file, offending);
            passes(
                time_is_read_in_clock_alone,
                "crates/countersign-tower/src/clock.rs",
                offending,
            );
        }
        passes(
            time_is_read_in_clock_alone,
            file,
            "fn f(at: std::time::Instant) { clock.now(); }",
        );
        passes(
            time_is_read_in_clock_alone,
            file,
            "#[cfg(test)] mod tests { fn f() { Instant::now() } }",
        );
        passes(
            time_is_read_in_clock_alone,
            "crates/countersign-cli/src/demo.rs",
            "let t = Instant::now();",
        );
        caught(
            time_is_read_in_clock_alone,
            "crates/countersign-cli/src/demo.rs",
            "let t = SystemTime::now();",
        );
    }

    #[test]
    fn a_comparison_that_ends_early_is_caught() {
        let file = "crates/countersign/src/mac.rs";
        let honest = "fn same() { if left.len() != right.len() { return; } left.ct_eq(right) }";
        passes(mac_compares_nothing_but_lengths, file, honest);
        let tested = format!("{honest}\n#[cfg(test)]\nmod tests {{ fn f() {{ a == b }} }}");
        passes(mac_compares_nothing_but_lengths, file, &tested);
        for early in [
            "fn other() { left == right }",
            "fn other() { left.len() == right.len() && left == right }",
            "fn other() { left != right }",
            "fn other() { left.eq(right) }",
            "fn other() { left.iter().cmp(right) }",
            "fn other() { left.starts_with(right) }",
            "#[derive(PartialEq)] struct Expected;",
        ] {
            caught(
                mac_compares_nothing_but_lengths,
                file,
                &format!("{early}\n{honest}"),
            );
        }
        caught(
            mac_compares_nothing_but_lengths,
            file,
            "fn same() {} // .ct_eq(",
        );
        passes(
            mac_compares_nothing_but_lengths,
            "crates/countersign/src/verify.rs",
            "a == b",
        );
    }

    #[test]
    fn a_second_place_that_compares_tags_is_caught() {
        let file = "crates/countersign/src/verify.rs";
        for offending in [
            "if a.ct_eq(&b).into() {}",
            "use subtle::ConstantTimeEq;",
            "mac.verify_slice(&tag)",
        ] {
            caught(tags_are_compared_in_mac_alone, file, offending);
            caught(
                tags_are_compared_in_mac_alone,
                "crates/countersign-testkit/src/mac.rs",
                offending,
            );
            passes(
                tags_are_compared_in_mac_alone,
                "crates/countersign/src/mac.rs",
                offending,
            );
            passes(
                tags_are_compared_in_mac_alone,
                "crates/countersign-bench/src/floor.rs",
                offending,
            );
        }
        caught(
            tags_are_compared_in_mac_alone,
            "crates/countersign/src/mac.rs",
            "mac.verify_truncated_left(&tag)",
        );
    }

    #[test]
    fn a_second_reader_of_key_bytes_is_caught() {
        let offending = "log(secret.key_bytes());";
        caught(
            key_bytes_are_read_where_they_are_used,
            "crates/countersign/src/receiver.rs",
            offending,
        );
        caught(
            key_bytes_are_read_where_they_are_used,
            "crates/countersign-axum/src/extract.rs",
            offending,
        );
        for home in ["secret", "mac", "sign"] {
            passes(
                key_bytes_are_read_where_they_are_used,
                &format!("crates/countersign/src/{home}.rs"),
                offending,
            );
        }
        passes(
            key_bytes_are_read_where_they_are_used,
            "crates/countersign/src/receiver.rs",
            "// key_bytes",
        );
    }

    #[test]
    fn a_status_chosen_elsewhere_is_caught() {
        let file = "crates/countersign/src/receiver.rs";
        for offending in [
            "let s = http::StatusCode::CONFLICT;",
            "use http::StatusCode as S; fn f() { S::from_u16(409) }",
            "use http::{StatusCode}; fn f() -> StatusCode { StatusCode::OK }",
        ] {
            caught(a_status_is_chosen_in_outcome_alone, file, offending);
            passes(
                a_status_is_chosen_in_outcome_alone,
                "crates/countersign/src/outcome.rs",
                offending,
            );
            passes(
                a_status_is_chosen_in_outcome_alone,
                "crates/countersign-axum/src/lib.rs",
                offending,
            );
        }
        passes(
            a_status_is_chosen_in_outcome_alone,
            file,
            "fn f(s: http::StatusCode) { s.map(StatusCode::is_success) }",
        );
    }

    #[test]
    fn a_path_out_of_the_repository_is_caught() {
        for offending in [
            concat!("include_str!(\"../", "../", "shared/x\")"),
            concat!("see /", "work/main"),
            concat!("the folder .", "library has it"),
            concat!("`/", "work/x`"),
        ] {
            caught(
                nothing_points_outside_the_repository,
                "README.md",
                offending,
            );
        }
        passes(
            nothing_points_outside_the_repository,
            "a.rs",
            concat!("https://example.com/", "work/it"),
        );
        passes(
            nothing_points_outside_the_repository,
            "a.rs",
            concat!("self.", "library"),
        );
    }
}
