//! What the fuzz targets share: inputs as readable text, and naive twins of the parsers under test.
//!
//! The twins are written from the specifications, take their time, and share no code with the library.

#![forbid(unsafe_code)]

pub mod clock;
pub mod head;
pub mod message;
pub mod mutation;
pub mod naive;
pub mod subject;
pub mod text;
