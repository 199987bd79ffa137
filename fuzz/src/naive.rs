//! Naive twins of the parsers under test.

pub mod calendar;
pub mod encoding;
pub mod form;
pub mod json;
pub mod signature;
