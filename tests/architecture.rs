//! Does the workspace keep its shape? Reads the manifests and the sources and names the file and the rule that it breaks.
//!
//! Each rule is a function over one file in the modules below, with a test there that shows it failing.

#[path = "architecture/invariants.rs"]
mod invariants;
#[path = "architecture/lock.rs"]
mod lock;
#[path = "architecture/manifests.rs"]
mod manifests;
#[path = "architecture/modules.rs"]
mod modules;
#[path = "architecture/repository.rs"]
mod repository;
#[path = "architecture/rust_text.rs"]
mod rust_text;
#[path = "architecture/sources.rs"]
mod sources;

use manifests::Crate;
use repository::File;

#[track_caller]
fn holds_for_sources(rule: fn(&str, &str) -> Vec<String>) {
    holds(repository::library_sources(), |file| {
        rule(&file.name, &file.text)
    });
}

#[track_caller]
fn holds_for_crates(rule: impl Fn(&str, &Crate) -> Vec<String>) {
    let root = repository::root_manifest().unwrap_or_default();
    holds(repository::crate_manifests(), |file| {
        match Crate::parse(&file.name, &file.text, &root) {
            Ok(krate) => rule(&file.name, &krate),
            Err(unreadable) => vec![unreadable],
        }
    });
}

#[track_caller]
fn holds(files: std::io::Result<Vec<File>>, rule: impl Fn(&File) -> Vec<String>) {
    let breaches = match files {
        Ok(files) if files.is_empty() => vec!["found no file to look at".to_owned()],
        Ok(files) => files.iter().flat_map(rule).collect(),
        Err(unreadable) => vec![unreadable.to_string()],
    };
    assert!(
        breaches.is_empty(),
        "{} broken:\n{}\n",
        breaches.len(),
        breaches.join("\n")
    );
}

#[test]
fn every_crate_has_a_role() {
    holds_for_crates(|_, _| Vec::new());
}

#[test]
fn what_is_published_is_released_and_nothing_else() {
    let list = repository::text_file("tests/release/published").unwrap_or_default();
    let list = list.first().map_or("", |file| file.text.as_str());
    holds_for_crates(|file, krate| manifests::published_crates_are_released(file, krate, list));
}

#[test]
fn the_core_depends_on_no_runtime_framework_database_or_socket() {
    holds_for_crates(manifests::core_stands_alone);
}

#[test]
fn the_core_names_no_socket_file_or_thread() {
    holds_for_sources(sources::core_names_no_io);
}

#[test]
fn framework_adapters_do_not_depend_on_each_other() {
    holds_for_crates(manifests::frameworks_do_not_know_each_other);
}

#[test]
fn framework_adapters_do_not_depend_on_stores() {
    holds_for_crates(manifests::frameworks_do_not_know_stores);
}

#[test]
fn store_adapters_depend_on_no_framework_and_no_other_store() {
    holds_for_crates(manifests::stores_know_the_core_alone);
}

#[test]
fn stores_name_no_secret_header_or_body() {
    holds_for_sources(sources::stores_see_neither_secrets_nor_requests);
}

#[test]
fn adapters_depend_on_no_hash_or_comparison() {
    holds_for_crates(manifests::adapters_neither_hash_nor_compare);
}

#[test]
fn time_is_read_in_clock_alone() {
    holds_for_sources(sources::time_is_read_in_clock_alone);
}

#[test]
fn tags_are_compared_in_mac_alone() {
    holds_for_sources(sources::tags_are_compared_in_mac_alone);
}

#[test]
fn tags_are_compared_in_constant_time() {
    holds_for_sources(sources::mac_compares_nothing_but_lengths);
}

#[test]
fn key_bytes_are_read_in_secret_mac_and_sign_alone() {
    holds_for_sources(sources::key_bytes_are_read_where_they_are_used);
}

#[test]
fn the_core_chooses_a_status_in_outcome_alone() {
    holds_for_sources(sources::a_status_is_chosen_in_outcome_alone);
}

#[test]
fn published_crates_forbid_unsafe_code() {
    holds_for_crates(manifests::published_crates_forbid_unsafe);
}

#[test]
fn published_crates_refuse_to_panic() {
    holds_for_crates(manifests::published_crates_refuse_to_panic);
}

#[test]
fn published_crates_compile_no_c() {
    let lock = repository::text_file("Cargo.lock").unwrap_or_default();
    let lock = lock.first().map(|file| file.text.as_str());
    holds_for_crates(|file, krate| {
        manifests::published_crates_compile_no_c(file, krate, lock.unwrap_or_default())
    });
}

#[test]
fn published_crates_state_their_lowest_rust() {
    holds_for_crates(manifests::published_crates_state_their_rust);
}

#[test]
fn no_file_points_outside_the_repository() {
    holds(repository::text_files(), |file| {
        sources::nothing_points_outside_the_repository(&file.name, &file.text)
    });
}

#[test]
fn every_invariant_names_tests_that_are_there() {
    let files = repository::text_files().unwrap_or_default();
    holds(repository::text_file(invariants::LIST), |file| {
        invariants::every_invariant_is_held(&file.text, &files)
    });
}

#[test]
fn every_past_mistake_names_tests_that_are_there() {
    let files = repository::text_files().unwrap_or_default();
    holds(repository::text_file(invariants::PAST_MISTAKES), |file| {
        invariants::every_mistake_has_its_test(&file.text, &files)
    });
}
