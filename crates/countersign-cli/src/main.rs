//! The `countersign` program.

mod check;
mod demo;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Verifies webhook deliveries: shows it at work, and checks test cases.
#[derive(Debug, Parser)]
#[command(name = "countersign", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts a real receiver on a free port of this machine and sends it genuine and forged deliveries.
    ///
    /// Prints what each got, its code and the time it took. Exits with 1 when one was not treated as due.
    Demo,
    /// Checks test cases: one JSON object per line, as in tests/vectors.
    ///
    /// Judges signature and timestamp alone. Prints each case whose verdict is not the expected one, then a line that counts. Exits
    /// with 1 when a case failed, with 2 when a file cannot be read.
    Check {
        /// Prints one JSON object per case instead.
        #[arg(long)]
        json: bool,
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Demo => demo::run(),
        Command::Check { json, files } => check::run(&files, json),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("countersign: {error}");
            ExitCode::from(2)
        }
    }
}
