//! `countersign completions`: scripts for shells.

use std::error::Error;
use std::io::{self, Write as _};

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::arguments::Arguments;

/// Writes the script of one shell.
pub(crate) fn run(shell: Shell) -> Result<bool, Box<dyn Error>> {
    // Into memory first: the generator ends the program when a pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "countersign", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(true)
}
