//! Naive twins of the parsers under test.

pub mod asked;
pub mod calendar;
pub mod encoding;
pub mod forwarded;
pub mod journal;
pub mod json;
pub mod networks;
pub mod quota;
pub mod signature;

pub use countersign_reference::{form, url};
