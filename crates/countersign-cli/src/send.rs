//! `countersign send`: signs now, sends, and shows what came back.

use std::error::Error;
use std::io::{self, Write as _};
use std::time::Duration;

use http::HeaderName;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};

use crate::client::{self, Patience, Target};
use crate::message::MessageArguments;
use crate::printable;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The http URL that it is sent to; also the one that is signed, unless --url is given.
    #[arg(value_name = "URL", value_hint = clap::ValueHint::Url)]
    to: String,
    #[command(flatten)]
    message: MessageArguments,
    /// How long to wait for the connection, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "5",
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    connect_timeout: u64,
    /// How long to wait for the whole answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "30",
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    timeout: u64,
}

pub(crate) const USAGE: &str = "countersign send [OPTIONS] <URL> <PROVIDER|--scheme-file <FILE>>";

pub(crate) const EPILOGUE: &str = "\
Only http:// is sent to. At most 64 KiB of the answer's body are shown, and the secret never is, not even \
where the answer repeats it.

Exit codes:
  0  the answer was 2xx
  1  it was another status
  2  trouble: wrong arguments, no connection, no answer in time

Examples:
  countersign send http://localhost:3000/stripe stripe --secret-env STRIPE_SECRET --body event.json
  countersign send http://localhost:3000/hook standard-webhooks --secret-file secret \\
    --id msg_1 --body event.json
  countersign send http://localhost:3000/sms --scheme-file own.toml --secret-env OWN_SECRET \\
    --url https://example.com/sms --body sms.form";

/// What a sender may act upon.
const SHOWN: [HeaderName; 6] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    RETRY_AFTER,
    LOCATION,
    ALLOW,
    WWW_AUTHENTICATE,
];

/// Sends on a runtime of its own. `Ok(false)` when the answer is not 2xx.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let target = Target::parse(&arguments.to)?;
    let (signed, given) = arguments.message.sign(Some(&arguments.to))?;
    let patience = Patience {
        connect: Duration::from_secs(arguments.connect_timeout),
        answer: Duration::from_secs(arguments.timeout),
    };
    let answer = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(client::exchange(&target, signed.request, patience))?;

    let mut out = io::stdout().lock();
    let reason = answer.status.canonical_reason().unwrap_or_default();
    writeln!(
        out,
        "{}",
        format!("{} {reason}", answer.status.as_u16()).trim_end()
    )?;
    for name in SHOWN {
        for value in answer.headers.get_all(&name) {
            let value = given.hide_in_answer(value.as_bytes());
            writeln!(out, "{name}: {}", printable::line(&value))?;
        }
    }
    if !answer.body.is_empty() {
        let body = printable::text(&given.hide_in_answer(&answer.body));
        let end = if body.ends_with('\n') { "" } else { "\n" };
        write!(out, "\n{body}{end}")?;
    }
    if answer.is_cut {
        writeln!(out, "[the rest of the body is not shown]")?;
    }
    Ok(answer.status.is_success())
}
