//! The command line: what every command is for and takes.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::{conform, listen, providers, send, sign, verify};

/// Signs, sends and verifies webhook deliveries, shows the schemes, and checks test cases.
///
/// Every verdict comes from the library's own receiver, with its stable codes. Secrets come from the environment or from files, and are
/// never printed.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, after_long_help = EPILOGUE)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the built-in schemes, or shows one in full.
    ///
    /// The table has a row for each scheme: what an accepted request proves, the algorithm, where the signature lies, the delivery's id and
    /// whether it is signed, the tolerance for the signed timestamp, how the sender retries, and a source. In a narrow terminal each scheme
    /// takes several lines.
    #[command(after_long_help = providers::EPILOGUE)]
    Providers(providers::Arguments),
    /// Prints the headers that a genuine sender would send with a body.
    ///
    /// The secret is used and never printed. Where a scheme sends the secret itself along (tokens, basic authentication), `[token]` stands
    /// in its place unless --show-token is given. A secret of any length is taken: that a receiver refuses short ones is the receiver's
    /// matter.
    #[command(after_long_help = sign::EPILOGUE)]
    Sign(sign::Arguments),
    /// Signs a body now and sends it, as a genuine sender would.
    ///
    /// Plain http only, over one new HTTP/1.1 connection: there is no TLS, no proxy, and redirects are not followed. For an https URL use
    /// `countersign sign --curl`. Prints the status, the response headers that matter to a sender, and the beginning of the body; control
    /// characters are escaped.
    // Written out, for the generated line has the arguments in another order than they are read in.
    #[command(after_long_help = send::EPILOGUE, override_usage = send::USAGE)]
    Send(send::Arguments),
    /// Judges one request: prints the verdict, its stable code and the reason.
    ///
    /// The request is a raw HTTP/1.1 request on standard input (request line, headers, a blank line, the exact bytes of the body), or is
    /// put together from --headers, -H, --body, --method and --url. It is judged as a receiver would: method, media type and declared
    /// length first, then signature and timestamp. Nothing is remembered: a replay is not noticed.
    #[command(after_long_help = verify::EPILOGUE)]
    Verify(verify::Arguments),
    /// Checks test cases: one JSON object per line, as in tests/vectors.
    ///
    /// Judges signature and timestamp alone. Prints each case whose verdict is not the expected one, then a line that counts.
    #[command(after_long_help = CHECK_EPILOGUE)]
    Check {
        /// Print one JSON object per case instead.
        #[arg(long)]
        json: bool,
        /// The files.
        #[arg(required = true, value_hint = clap::ValueHint::FilePath)]
        files: Vec<PathBuf>,
    },
    /// Plays hostile peers against a receiver of one's own, on this machine, and says what held.
    ///
    /// Floods, repeated and folded headers, lengths that are wrong, requests hidden in bodies, compressed bodies, stalls, disconnects and
    /// HTTP/2: what must be refused must be, and after each case a genuine delivery over a fresh connection must be accepted. Plain http to
    /// loopback addresses only.
    #[command(after_long_help = conform::EPILOGUE, override_usage = conform::USAGE)]
    Conform(conform::Arguments),
    /// Runs a receiver: what is genuine is passed on to a program of one's own, in any language, and everything is shown.
    ///
    /// From flags for a try, or from one file. Plain http, on this machine unless an address says otherwise: TLS is the matter of the proxy
    /// in front of it.
    #[command(after_long_help = listen::EPILOGUE, override_usage = listen::USAGE)]
    Listen(listen::Arguments),
    /// Starts a real receiver on a free port of this machine and sends it genuine and forged deliveries.
    ///
    /// Prints what each got, its code and the time it took.
    #[command(after_long_help = DEMO_EPILOGUE)]
    Demo,
    /// Prints a script that completes this program's command line in a shell.
    #[command(after_long_help = COMPLETIONS_EPILOGUE)]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

const EPILOGUE: &str = "\
Exit codes:
  0  yes: accepted, answered with 2xx, every case as expected
  1  no: refused, another status, a case that differs
  2  trouble: wrong arguments, an unreadable file, a secret that cannot be used

Examples:
  countersign providers
  countersign sign stripe --secret-env STRIPE_SECRET --body event.json
  countersign send http://localhost:3000/stripe stripe --secret-env STRIPE_SECRET --body event.json
  countersign verify stripe --secret-env STRIPE_SECRET < request.http
  countersign conform http://localhost:3000/stripe --scheme stripe --secret-env STRIPE_SECRET
  countersign listen --secret stripe=env:STRIPE_SECRET --forward http://localhost:3000/stripe

`countersign help COMMAND` says more about a command.";

const CHECK_EPILOGUE: &str = "\
A case has these fields: id, provider, secret (or a list of them), config, method, url, headers (a list of \
[name, value]), body_base64, now (Unix seconds), expect (accept, reject or either), reason, source, note.

In config, `variant` chooses between schemes of one provider. For senders that sign nothing, `scheme` (basic, \
header-token, url-token, path-token, body-token) says where the token lies and `token_name` gives the name of \
the header, parameter or field: a path token is the last segment of the path; a body token is a form field, \
or a JSON member or pointer, by the Content-Type. Other keys are values that the scheme's content holds.

Any secret is taken that is not empty, placeholders and padded ones, too. What cannot be judged is named with \
file and line, and the rest is judged all the same.

Exit codes:
  0  no case failed (those that are skipped are named)
  1  a case failed
  2  a file cannot be read, a line is no case, or an id occurs twice in a file

Examples:
  countersign check tests/vectors/published.jsonl
  countersign check --json cases.jsonl | jq 'select(.matches | not)'";

const DEMO_EPILOGUE: &str = "\
Exit codes:
  0  every attempt was treated as due
  1  one was not
  2  the receiver could not be started";

const COMPLETIONS_EPILOGUE: &str = "\
Examples:
  countersign completions bash > ~/.local/share/bash-completion/completions/countersign
  countersign completions zsh > \"${fpath[1]}/_countersign\"
  countersign completions fish > ~/.config/fish/completions/countersign.fish";
