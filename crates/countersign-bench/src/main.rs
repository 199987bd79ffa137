//! One command, ratios of one run: `cargo run --release -p countersign-bench`, with `-- --check` to fail when a budget is missed.
//! `-- soak` puts a long mixed load on a receiver instead: see [`soak`].
//!
//! Every figure is a ratio to a floor that is measured beside it, in alternating batches, so that a slow or busy machine slows both.

// A programme that counts and divides what it measured itself: nothing here sees a stranger's bytes.
#![allow(clippy::arithmetic_side_effects)]

mod allocations;
mod by_hand;
mod candidates;
mod floor;
mod layer;
mod machine;
mod measure;
mod memory_store;
mod pipeline;
mod refuse;
mod senders;
mod soak;
mod table;
mod verify;

use std::error::Error;
use std::process::ExitCode;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    if let Some("soak") = arguments.next().as_deref() {
        let deliveries = arguments.next().map(|count| count.parse()).transpose()?;
        let held = soak::run(deliveries.unwrap_or(soak::DELIVERIES))?;
        return Ok(if held {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    let mut check = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--check" => check = true,
            other => {
                return Err(format!("unknown argument {other:?}: there is only --check").into());
            }
        }
    }
    machine::print();
    let mut table = table::Table::default();
    verify::rows(&mut table)?;
    allocations::rows(&mut table)?;
    refuse::rows(&mut table)?;
    candidates::rows(&mut table)?;
    layer::rows(&mut table)?;
    pipeline::rows(&mut table)?;
    memory_store::rows(&mut table)?;
    table.print();
    Ok(if check && table.missed() > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
