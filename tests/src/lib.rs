//! Home of the tests that span several crates: they lie beside this package's manifest, one file per question.
