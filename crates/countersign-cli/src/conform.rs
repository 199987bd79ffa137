//! `countersign conform`: plays hostile peers against a receiver of one's own, on one's own machine.

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args, ValueHint};
use countersign::scheme::{Algorithm, TokenPlace};
use countersign_testkit::Sender;
use countersign_testkit::hostile::{Case, Finding, HostilePeer, Verdict, cases};
use http::Uri;

use crate::client::{ClientError, Target};
use crate::outgoing::Added;
use crate::scheme_choice::{self, SchemeArguments};
use crate::secrets::SecretArguments;
use crate::{input, token};

#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("which scheme").args(["scheme", "scheme_file"]))]
pub(crate) struct Arguments {
    /// The http URL of the receiver, on this machine's loopback interface: 127.0.0.0/8, [::1] or localhost.
    #[arg(value_name = "URL", required_unless_present = "list", value_hint = ValueHint::Url)]
    to: Option<String>,
    /// The built-in scheme, as `countersign providers` lists them.
    #[arg(long, value_name = "PROVIDER", help_heading = "Scheme", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(scheme_choice::names()))]
    scheme: Option<String>,
    /// A scheme of one's own, as TOML or JSON, instead of a built-in one.
    #[arg(long, value_name = "FILE", help_heading = "Scheme", value_hint = ValueHint::FilePath)]
    scheme_file: Option<PathBuf>,
    /// Where the token of a sender that signs nothing lies: basic, bearer, path, header:NAME, query:NAME, form:NAME or json:POINTER.
    #[arg(long, value_name = "PLACE", help_heading = "Scheme", value_parser = token::parse)]
    token_in: Option<TokenPlace>,
    /// A value that the signed content holds beside the secret; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Scheme", value_parser = scheme_choice::name_and_value)]
    config: Vec<(String, String)>,
    #[command(flatten)]
    secret: SecretArguments,
    /// The body of genuine deliveries, for handlers that do not take the one made up here; where the scheme reads an id from it, each
    /// delivery gets one of its own.
    #[arg(long, value_name = "FILE|-", help_heading = "Genuine deliveries", value_hint = ValueHint::FilePath)]
    body: Option<PathBuf>,
    /// The event's name, for schemes that send it in a header or in the URL.
    #[arg(long, value_name = "NAME", help_heading = "Genuine deliveries")]
    event: Option<String>,
    /// The Content-Type; the scheme's first media type unless it is given.
    #[arg(long, value_name = "TYPE", help_heading = "Genuine deliveries")]
    content_type: Option<String>,
    /// The absolute URL that is signed, for schemes that sign it; URL itself unless it is given.
    #[arg(long, value_name = "URL", help_heading = "Genuine deliveries", value_hint = ValueHint::Url)]
    url: Option<String>,
    /// Play this case alone; may be given several times.
    #[arg(long, value_name = "NAME")]
    case: Vec<String>,
    /// How long the receiver is waited for, in seconds: longer than it lets a body pause.
    #[arg(long, value_name = "SECONDS", default_value = "15",
          value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// Print the cases and what they are, and play none.
    #[arg(long)]
    list: bool,
}

pub(crate) const USAGE: &str = "\
countersign conform [OPTIONS] <URL> <--scheme <PROVIDER>|--scheme-file <FILE>>
       countersign conform --list";

pub(crate) const EPILOGUE: &str = "\
Only plain http:// on the loopback interface is attacked; every other address is refused before anything is \
sent. Point it at the receiver itself rather than at a proxy in front. The handler runs for genuine deliveries, \
some 300 of them: give it what it can do without harm. It takes a minute or two: a server is waited for that \
does not end peers which have stopped.

A line says of each case whether it is held, held with an advice (what could be better: most of that is the \
server's own, or a proxy's), FAILED, or not asked because it means nothing for the scheme or the server. After \
each case a genuine delivery over a fresh connection must be accepted with 2xx.

Exit codes:
  0  every case was held
  1  one was not, or the receiver accepts no genuine delivery
  2  trouble: wrong arguments, an address that is not loopback

Examples:
  countersign conform http://127.0.0.1:3000/stripe --scheme stripe --secret-env STRIPE_SECRET
  countersign conform http://localhost:3000/github --scheme github --secret-env GITHUB_SECRET \\
    --body push.json --event push --case trailer-signature
  countersign conform http://[::1]:3000/sms --scheme twilio --secret-env TWILIO_SECRET \\
    --url https://example.com/sms";

/// So wide is the longest name of a case.
const NAMES: usize = 36;

/// How it went.
#[derive(Debug, Default)]
struct Count {
    held: usize,
    advised: usize,
    failed: usize,
    not_asked: usize,
    /// How many were answered 429, of whatever verdict.
    limited: usize,
}

impl Count {
    fn add(&mut self, finding: &Finding) {
        if finding.saw.split(", ").any(|saw| saw == "429") {
            self.limited = self.limited.saturating_add(1);
        }
        let which = match finding.verdict {
            Verdict::Held => &mut self.held,
            Verdict::Advised => &mut self.advised,
            Verdict::DoesNotApply => &mut self.not_asked,
            _ => &mut self.failed,
        };
        *which = which.saturating_add(1);
    }
}

/// Plays the cases. `Ok(false)` when one does not hold.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let mut out = io::stdout().lock();
    let chosen = chosen(&arguments.case)?;
    let Some(to) = arguments.to.as_deref().filter(|_| !arguments.list) else {
        for case in &chosen {
            writeln!(out, "{:NAMES$} {}", case.name(), case.about())?;
        }
        return Ok(true);
    };
    let mut peer = peer(arguments, to)?;
    if let Err(why) = peer.probe() {
        writeln!(
            out,
            "no genuine delivery is accepted: {why}\n\
             nothing else would mean anything: are scheme, secret and path the receiver's, and does its handler take the body? (--body)"
        )?;
        return Ok(false);
    }
    let mut count = Count::default();
    let mut said = None;
    let mut cases = chosen.iter();
    for case in cases.by_ref() {
        let finding = peer.play(case);
        count.add(&finding);
        print(&mut out, case, &finding, said.as_deref())?;
        said = finding.why.clone();
        if finding.verdict == Verdict::Failed
            && let Err(why) = peer.probe()
        {
            writeln!(out, "genuine deliveries are accepted no more: {why}")?;
            if why.ends_with(" 429") {
                writeln!(
                    out,
                    "a limit that refuses early turns them away, too, when they come from where forgeries come from: play without it"
                )?;
            }
            break;
        }
    }
    let left = cases.len();
    writeln!(
        out,
        "\n{} held, {} held with an advice, {} failed, {} not asked",
        count.held, count.advised, count.failed, count.not_asked
    )?;
    if count.limited > 0 {
        writeln!(
            out,
            "{} were answered 429: the receiver counts failures, and what it would have said was not seen; play them without that limit, too",
            count.limited
        )?;
    }
    if left > 0 {
        writeln!(out, "{left} were not played any more")?;
    }
    Ok(count.failed == 0)
}

fn chosen(names: &[String]) -> Result<Vec<Case>, Box<dyn Error>> {
    let mut all = cases()?;
    let is_known = |name: &&String| all.iter().any(|case| case.name() == name.as_str());
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        return Err(
            format!("--case: there is no case {unknown:?}; --list prints their names").into(),
        );
    }
    if !names.is_empty() {
        all.retain(|case| names.iter().any(|name| name == case.name()));
    }
    Ok(all)
}

fn peer(arguments: &Arguments, to: &str) -> Result<HostilePeer, Box<dyn Error>> {
    let target = Target::parse(to).map_err(|error| match error {
        ClientError::Https => {
            "https is not supported: there is no TLS in this program; give the receiver's own http address, behind whatever ends TLS"
                .to_owned()
        }
        error => error.to_string(),
    })?;
    let choice = SchemeArguments::new(
        arguments.scheme.clone(),
        arguments.scheme_file.clone(),
        arguments.token_in.clone(),
        arguments.config.clone(),
    );
    if arguments.scheme.is_none() && arguments.scheme_file.is_none() {
        return Err("give the scheme with --scheme PROVIDER or --scheme-file FILE".into());
    }
    let scheme = choice.scheme()?;
    if scheme.algorithm == Algorithm::Unsigned {
        return Err(format!(
            "scheme {:?} proves nothing: there is nothing to hold",
            scheme.name
        )
        .into());
    }
    let config = choice.config(&scheme)?.to_vec();
    let given = arguments.secret.read_one()?;
    let secret = given.secret(true)?;

    let to = without_fragment(to);
    let signed = arguments.url.as_deref().map_or(to, without_fragment);
    let mut sender = Sender::with_secret(scheme, secret).url(signed);
    for (name, value) in config {
        sender = sender.config(name, value);
    }
    if let Some(event) = &arguments.event {
        sender = sender.event(event);
    }
    if let Some(kind) = &arguments.content_type {
        sender = sender.media_type(kind);
    }
    let body = arguments.body.as_deref().map(input::read).transpose()?;
    let patience = Duration::from_secs(arguments.timeout);
    let address: SocketAddr = target.on_loopback(patience)?;
    let (to, signed) = (to.to_owned(), signed.to_owned());
    let peer = HostilePeer::new(address, target.authority(), sender)
        .patience(patience)
        .retarget(move |uri| retargeted(&to, &signed, uri));
    Ok(match body {
        Some(body) => peer.body(body),
        None => peer,
    })
}

/// Where the request is sent to: with whatever the scheme has added to the URL that is signed.
fn retargeted(to: &str, signed: &str, uri: &Uri) -> Uri {
    let target = Added::new(signed, uri).target(to);
    target.parse().unwrap_or_else(|_| uri.clone())
}

fn without_fragment(url: &str) -> &str {
    url.split_once('#').map_or(url, |(url, _)| url)
}

/// What the line before has `said` already is not said again.
fn print(
    out: &mut impl Write,
    case: &Case,
    finding: &Finding,
    said: Option<&str>,
) -> io::Result<()> {
    let line = format!(
        "{:9}  {:NAMES$} {}",
        finding.verdict,
        case.name(),
        finding.saw
    );
    writeln!(out, "{}", line.trim_end())?;
    let why = finding.why.as_deref().unwrap_or_default();
    match finding.verdict {
        Verdict::Held => {}
        Verdict::Failed => {
            writeln!(out, "           {}\n           {why}", case.about())?;
        }
        _ if said == Some(why) => {}
        _ => writeln!(out, "           {why}")?,
    }
    out.flush()
}
