//! The suite for stores of quotas: sound ones pass, and each mistake that it is there to find is found by the case that should.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails loudly"
)]

#[path = "quota_suite/broken.rs"]
mod broken;
#[path = "quota_suite/flaws.rs"]
mod flaws;
#[path = "quota_suite/sound.rs"]
mod sound;
