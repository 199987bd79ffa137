//! `countersign sign`: what a genuine sender would send, printed.

use std::error::Error;
use std::io::{self, Write as _};

use crate::message::MessageArguments;
use crate::secrets::TOKEN;
use crate::{curl, printable};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    message: MessageArguments,
    /// Print a curl line for a POSIX shell instead of the headers; needs --url.
    #[arg(long, requires = "url")]
    curl: bool,
    /// Print the token or password of a scheme that sends it along, in place of `[token]`.
    #[arg(long)]
    show_token: bool,
}

pub(crate) const EPILOGUE: &str = "\
What the scheme puts into the URL or into the body is noted; --curl shows the whole request.

Exit codes:
  0  printed
  2  trouble: wrong arguments, an unreadable file or secret, a scheme that cannot be signed for

Examples:
  countersign sign github --secret-env GITHUB_SECRET --body push.json --event push --id 72d3162e
  countersign sign stripe --secret-file stripe.secret --body event.json --at 1700000000
  countersign sign slack --secret-env SLACK_SECRET --body command.form \\
    --content-type application/x-www-form-urlencoded --curl --url https://example.com/slack";

/// Signs and prints.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let (signed, given) = arguments.message.sign(None)?;
    let shown = if signed.sends_secret && !arguments.show_token {
        let mut shown = signed.hidden(&given);
        if arguments.curl {
            let note = format!("{TOKEN} stands for the secret: --show-token prints it");
            shown.notes.push(note);
        }
        shown
    } else {
        signed
    };
    for note in &shown.notes {
        eprintln!("note: {note}");
    }
    let mut out = io::stdout().lock();
    if arguments.curl {
        writeln!(out, "{}", curl::line(&shown)?)?;
    } else {
        for (name, value) in shown.headers() {
            writeln!(out, "{name}: {}", printable::line(value.as_bytes()))?;
        }
    }
    Ok(true)
}
