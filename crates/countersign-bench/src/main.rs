//! What the library costs: `cargo run --release -p countersign-bench`, with `-- --check` to fail when a budget is missed.
//!
//! Every figure is a ratio to a floor that is measured beside it, in alternating batches, so that a slow or busy machine slows both.
//!
//! `-- soak [DELIVERIES]` puts a long mixed load on a receiver instead: see [`soak`].
//! `-- constant-time [SAMPLES]` measures whether the time of a comparison tells how much of it was right (see
//! [`constant_time`]). `-- --help` says all this in short.

// A programme that counts and divides what it measured itself: nothing here sees a stranger's bytes.
#![allow(clippy::arithmetic_side_effects)]

mod allocations;
mod by_hand;
mod candidates;
mod constant_time;
mod floor;
mod layer;
mod machine;
mod measure;
mod memory_store;
mod pipeline;
mod random;
mod refuse;
mod senders;
mod soak;
mod table;
mod verify;

use std::error::Error;
use std::process::ExitCode;

const HELP: &str = "\
cargo run --release -p countersign-bench -- [--check]
    Prints what the library costs, as ratios to floors measured in the same run. --check fails when a budget is missed.
cargo run --release -p countersign-bench -- soak [DELIVERIES]
    Puts a long mixed load on a receiver: every genuine delivery done once, and no memory that grows.
cargo run --release -p countersign-bench -- constant-time [SAMPLES]
    Does the time of a comparison tell how much of it was right? Fails when Welch's t is 5 or more, over 1000000 samples
    a line unless said otherwise, or when a control that should be seen is not. Wants a machine with nothing else to do.
cargo test -p countersign-bench --test differential -- --nocapture
    Verdicts beside those of other verifiers.";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let passed = match arguments.as_slice() {
        [] | ["--check"] => budgets()? || arguments.is_empty(),
        ["soak", rest @ ..] if rest.len() <= 1 => {
            let deliveries = rest.first().map(|count| count.parse()).transpose()?;
            soak::run(deliveries.unwrap_or(soak::DELIVERIES))?
        }
        ["constant-time", rest @ ..] if rest.len() <= 1 => {
            let samples = match rest.first() {
                Some(text) => constant_time::samples(text)?,
                None => constant_time::SAMPLES,
            };
            machine::print("constant-time");
            constant_time::run(samples)?
        }
        ["--help" | "-h" | "help"] => {
            println!("{HELP}");
            true
        }
        other => return Err(format!("what is {other:?}? See --help").into()),
    };
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Prints every figure; `false` when a budget is missed.
fn budgets() -> Result<bool, Box<dyn Error>> {
    machine::print("");
    let mut table = table::Table::default();
    verify::rows(&mut table)?;
    allocations::rows(&mut table)?;
    refuse::rows(&mut table)?;
    candidates::rows(&mut table)?;
    layer::rows(&mut table)?;
    pipeline::rows(&mut table)?;
    memory_store::rows(&mut table)?;
    table.print();
    Ok(table.missed() == 0)
}
