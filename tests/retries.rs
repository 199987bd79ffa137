//! How each of the ten services comes again, as its pages say it: after a failure it runs, after a success it does not. And what a flood of
//! forgeries, or a full store, does to what is remembered.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

#[path = "support/attempts.rs"]
#[allow(dead_code, reason = "shared with the tests of identity")]
mod attempts;
#[path = "retries/capacity.rs"]
mod capacity;
#[allow(dead_code, reason = "shared with the tests of the catalogue")]
#[path = "catalogue_files.rs"]
mod files;
#[path = "retries/flood.rs"]
mod flood;
#[path = "retries/fresh_stamps.rs"]
mod fresh_stamps;
#[path = "retries/named_ids.rs"]
mod named_ids;
#[path = "retries/same_bytes.rs"]
mod same_bytes;
#[path = "retries/story.rs"]
mod story;
