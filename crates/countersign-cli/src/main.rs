//! The `countersign` program.

mod arguments;
mod case;
mod check;
mod client;
mod completions;
mod conform;
mod curl;
mod demo;
mod grade;
mod header;
mod input;
mod listen;
mod message;
mod mistake;
mod moment;
mod outgoing;
mod printable;
mod providers;
mod raw_request;
mod scheme_choice;
mod scheme_file;
mod secrets;
mod send;
mod sign;
mod token;
mod url;
mod verdict;
mod verify;
mod wording;

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use self::arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return mistake::told(error),
    };
    let result = match arguments.command {
        Command::Providers(arguments) => providers::run(&arguments),
        Command::Sign(arguments) => sign::run(&arguments),
        Command::Send(arguments) => send::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Check { json, files } => check::run(&files, json),
        Command::Conform(arguments) => conform::run(&arguments),
        Command::Listen(arguments) => listen::run(&arguments),
        Command::Demo => demo::run(),
        Command::Completions { shell } => completions::run(shell),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            // Whoever reads the output and stops, as `head` does, is not told about it.
            if !is_broken_pipe(error.as_ref()) {
                let said = mistake::without_secrets(&error.to_string());
                // Where nobody can be told, the exit code still tells.
                let _ = writeln!(io::stderr(), "countersign: {said}");
            }
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let kind = error
        .downcast_ref::<io::Error>()
        .map(io::Error::kind)
        .or_else(|| error.downcast_ref::<serde_json::Error>()?.io_error_kind());
    kind == Some(io::ErrorKind::BrokenPipe)
}
