//! Home of the tests that span several crates: they lie beside this package's manifest, one file per question.

/// The README's examples, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
