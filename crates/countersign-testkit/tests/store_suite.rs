//! The suite for stores: sound ones pass, and each mistake that it is there to find is found by the case that should.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails loudly"
)]

#[path = "store_suite/broken.rs"]
mod broken;
#[path = "store_suite/flaws.rs"]
mod flaws;
#[path = "store_suite/memory.rs"]
mod memory;
#[path = "store_suite/sound.rs"]
mod sound;
