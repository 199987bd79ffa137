//! `countersign listen`: a receiver from one file, or from a few flags.

mod attempts;
mod file;
mod flags;
mod forward;
mod line;
mod mistakes;
mod reading;
mod reload;
mod route;
mod serve;
mod settings;
mod stall;
mod warnings;

use std::error::Error;
use std::future::poll_fn;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get};
use clap::ValueHint;
use countersign::scheme::TokenPlace;
use countersign_axum::CountersignLayer;
use http::StatusCode;
use tokio::net::TcpListener;

use self::file::{Deduplicate, File, Format};
use self::flags::Of;
use self::forward::Handling;
use self::line::{Line, Lines, Unwritten};
use self::mistakes::{Mistakes, Written};
use self::reload::Reloading;
use self::serve::{Limits, Signals};
use self::settings::Settings;
use crate::grade::GivenUp;
use crate::input;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The receiver's file, in TOML.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = FLAGS, required_unless_present_any = ["secret", "keys"])]
    file: Option<PathBuf>,
    /// Print the reference of the file's keys, and end.
    #[arg(long, exclusive = true)]
    keys: bool,
    /// Check the file, or the flags, and what they refer to, and end.
    #[arg(long)]
    check: bool,
    /// The address to listen on; port 0 takes a free one. 127.0.0.1:8080 unless it, or the file, says otherwise.
    #[arg(long, value_name = "ADDRESS", value_parser = flags::address)]
    addr: Option<SocketAddr>,
    /// Print one JSON object per attempt instead of text.
    #[arg(long)]
    json: bool,
    /// A scheme and where its secret is kept: SCHEME=env:NAME or SCHEME=file:PATH. May be given several times, for several schemes, and for
    /// several secrets of one.
    #[arg(long, value_name = "SCHEME=REFERENCE", help_heading = "Without a file", value_parser = flags::secret)]
    secret: Vec<Of<file::Secret>>,
    /// Pass verified deliveries on to this http URL, and answer with its status. Otherwise they are answered 200, and nothing is done.
    #[arg(long, value_name = "URL", help_heading = "Without a file", value_hint = ValueHint::Url)]
    forward: Option<String>,
    /// Let --forward name another machine: what is sent there is not encrypted.
    #[arg(long, help_heading = "Without a file", requires = "forward")]
    forward_remote: bool,
    /// A scheme of one's own, as TOML or JSON; may be given several times.
    #[arg(long, value_name = "FILE", help_heading = "Without a file", value_hint = ValueHint::FilePath)]
    scheme_file: Vec<PathBuf>,
    /// How deliveries of a scheme are told apart where that has a price: by-content, by-unsigned-id or off.
    #[arg(long, value_name = "SCHEME=HOW", help_heading = "Without a file", value_parser = flags::deduplicate)]
    deduplicate: Vec<Of<Deduplicate>>,
    /// Accept a scheme that proves less than a signature over the body, naming what is given up, as with `verify`.
    #[arg(long, value_name = "SCHEME=WHAT", help_heading = "Without a file", value_parser = flags::accept_weak)]
    accept_weak: Vec<Of<GivenUp>>,
    /// The public URL in front of the request's path, for schemes that sign the URL.
    #[arg(long, value_name = "SCHEME=URL", help_heading = "Without a file", value_parser = flags::public_url)]
    public_url: Vec<Of<String>>,
    /// Where the token of a sender that signs nothing lies, as with `verify`.
    #[arg(long, value_name = "SCHEME=PLACE", help_heading = "Without a file", value_parser = flags::token_in)]
    token_in: Vec<Of<TokenPlace>>,
}

/// What a file says by itself.
const FLAGS: [&str; 8] = [
    "secret",
    "forward",
    "forward_remote",
    "scheme_file",
    "deduplicate",
    "accept_weak",
    "public_url",
    "token_in",
];

pub(crate) const USAGE: &str = "\
countersign listen [OPTIONS] <FILE>
       countersign listen [OPTIONS] --secret <SCHEME=REFERENCE>...";

pub(crate) const EPILOGUE: &str = "\
With --secret each scheme is served at POST /SCHEME. A file says more: several endpoints of one scheme, limits, \
windows of rotation, a target for each route. --keys prints the reference of its keys.

A line on standard output for each attempt: time, scheme (ENDPOINT:SCHEME where they differ), event, id, outcome, \
code, status, milliseconds. Event and id are those of genuine deliveries, in parentheses where the signature does \
not cover them; control characters and blanks in them are escaped. Notices go to standard error.

A delivery is passed on with its method, its bytes, its Content-Type and the headers that its scheme knows, and \
with headers of our own: countersign-scheme, -route, -id, -event, -tenant (percent-encoded), -signed (which of the \
three the signature covers), -key (the same for every attempt of a delivery) and -attempt. The status that comes \
back is the sender's answer; without one it is 503, and the delivery runs when the sender comes again. What was \
done is not passed on again: its copies get the recorded status. That memory ends with the program.

SIGTERM and SIGINT end it when what runs is done, which is waited for (30 s), a second one at once. SIGHUP reads the \
secrets again.

Exit codes:
  0  ended when everything was done; with --check, nothing is wrong
  1  ended before everything was done
  2  trouble: wrong arguments or settings, an address that cannot be listened on

Examples:
  countersign listen --secret stripe=env:STRIPE_SECRET
  countersign listen --secret slack=file:slack.secret --forward http://127.0.0.1:3000/hooks --json
  countersign listen --secret github=env:GITHUB_SECRET --deduplicate github=by-content
  countersign listen --keys | less
  countersign listen receiver.toml --check
  countersign listen receiver.toml";

/// The reference.
const KEYS: &str = include_str!("../receiver.md");

/// No file is longer: 1 MiB.
const MAX_FILE: u64 = 1024 * 1024;

/// Listens on a runtime of its own. `Ok(false)` when it ended before everything was done.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let origin = Origin(arguments.clone());
    if arguments.keys {
        io::stdout().write_all(KEYS.as_bytes())?;
        return Ok(true);
    }
    let (lines, unwritten) = Lines::new();
    let (file, settings) = origin.read(&lines)?;
    if arguments.check {
        let count = settings.routes.len();
        let routes = if count == 1 { "route" } else { "routes" };
        unwritten.start(settings.format).end();
        writeln!(io::stdout(), "ok: {count} {routes}")?;
        return Ok(true);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(listen(origin, file, settings, (lines, unwritten)));
    // What was not done in time does not hold up the end.
    runtime.shutdown_background();
    ended
}

/// Where the settings come from; they can be read again.
#[derive(Debug)]
struct Origin(Arguments);

impl Origin {
    /// Reads them, or says everything that is wrong.
    fn read(&self, lines: &Lines) -> Result<(File, Settings), Mistakes> {
        let arguments = &self.0;
        let Some(path) = &arguments.file else {
            let told = |mistakes| Mistakes::new(mistakes, Written::Flags);
            let mut file = flags::file(arguments).map_err(told)?;
            self.set(&mut file);
            let settings = settings::settings(&file, Path::new(""), lines).map_err(told)?;
            return Ok((file, settings));
        };
        let name = path.display().to_string();
        let bytes = input::read_at_most(path, MAX_FILE).map_err(|error| Mistakes::one(&error))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Mistakes::one(&format!("{name}: is not text in UTF-8")))?;
        let told = |mistakes| {
            Mistakes::new(
                mistakes,
                Written::File {
                    name: &name,
                    text: &text,
                },
            )
        };
        let mut file = reading::read(&text).map_err(told)?;
        self.set(&mut file);
        let folder = path.parent().unwrap_or(Path::new(""));
        let settings = settings::settings(&file, folder, lines).map_err(told)?;
        Ok((file, settings))
    }

    /// What flags say beside a file.
    fn set(&self, file: &mut File) {
        if let Some(address) = &self.0.addr {
            file.server.address = Some(address.to_string());
        }
        if self.0.json {
            file.log.format = Format::Json;
        }
    }
}

async fn listen(
    origin: Origin,
    file: File,
    settings: Settings,
    (lines, unwritten): (Lines, Unwritten),
) -> Result<bool, Box<dyn Error>> {
    // Before anybody can know the address: a signal that comes at once is none that ends the program.
    let mut signals = Signals::new()?;
    let listener = TcpListener::bind(settings.address)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", settings.address))?;
    let address = listener.local_addr()?;
    let writing = unwritten.start(settings.format);
    warnings::show(&lines);
    let app = app(&settings, address, &lines)?;
    let settings = Arc::new(settings);
    lines.notice(format!("listening on http://{address}"));
    for route in &settings.routes {
        lines.notice(route.notice(address));
    }

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let limits = Limits {
        header_timeout: settings.header_timeout,
        max_connections: settings.max_connections,
    };
    let serving = tokio::spawn(serve::serve(listener, app, limits, lines.clone(), async {
        let _ = stopped.await;
    }));
    let reloading = Reloading::new(origin, file, Arc::clone(&settings), &lines);
    reloading.until_stop(&mut signals).await;
    let _ = stop.send(());
    let mut ending = pin!(end(&settings, serving, &lines));
    // What comes from now on does not run; then it is said.
    let begun = poll_fn(|cx| Poll::Ready(ending.as_mut().poll(cx))).await;
    lines.notice("stopping: what runs is waited for; a second signal ends it at once");
    let is_done = match begun {
        Poll::Ready(is_done) => is_done,
        Poll::Pending => tokio::select! {
            is_done = ending => is_done,
            () = signals.stop() => {
                lines.notice("ended by a second signal; senders will come again");
                false
            }
        },
    };
    writing.end();
    Ok(is_done)
}

/// Lets runs and answers come to their end, for as long as they may take.
async fn end(
    settings: &Settings,
    serving: tokio::task::JoinHandle<hyper_util::server::graceful::GracefulShutdown>,
    lines: &Lines,
) -> bool {
    let deadline = settings.drain;
    let answers = async {
        if let Ok(graceful) = serving.await {
            graceful.shutdown().await;
        }
    };
    // All at once: none of them begins another run while one is waited for.
    let drains = settings.routes.iter().map(|route| async move {
        let drained = route.receiver.drain(deadline).await;
        drained.map_or_else(|still| still.runs, |()| 0)
    });
    let runs = all(drains.map(Box::pin).collect());
    let answers = tokio::time::timeout(deadline.saturating_add(GRACE), answers);
    match tokio::join!(runs, answers) {
        (0, Ok(())) => true,
        (0, Err(_)) => {
            lines.notice("ended while somebody was still connected");
            false
        }
        (still, _) => {
            lines.notice(format!(
                "ended with {still} still running; senders will come again"
            ));
            false
        }
    }
}

/// The sum of what these come to, which are polled together.
async fn all(mut futures: Vec<Pin<Box<impl Future<Output = usize>>>>) -> usize {
    let mut sum = 0_usize;
    poll_fn(|cx| {
        futures.retain_mut(|future| match future.as_mut().poll(cx) {
            Poll::Ready(count) => {
                sum = sum.saturating_add(count);
                false
            }
            Poll::Pending => true,
        });
        match futures.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    sum
}

/// What the last answers have beyond the runs, to be written.
const GRACE: Duration = Duration::from_secs(1);

/// Every route, and what there is beside them.
fn app(settings: &Settings, own: SocketAddr, lines: &Lines) -> Result<Router, Box<dyn Error>> {
    let mut app = Router::new();
    for route in &settings.routes {
        if route
            .target
            .as_ref()
            .is_some_and(|target| target.is_own(own))
        {
            return Err(format!(
                "route {}: forwards to this receiver's own address",
                route.name
            )
            .into());
        }
        let handling = Arc::new(Handling {
            name: route.name.clone(),
            target: route.target.clone(),
            attempts: route.attempts.clone(),
        });
        let handler = any(forward::handle)
            .with_state(handling)
            .layer(CountersignLayer::new(route.receiver.clone()));
        app = app.route(&route.pattern(), handler);
    }
    if let Some(path) = &settings.health {
        app = app.route(path, get(|| async { "ok\n" }));
    }
    let lines = lines.clone();
    Ok(app.fallback(async move || {
        let mut line = Line::new("refused", "no_route");
        line.status = Some(404);
        lines.add(&line);
        (StatusCode::NOT_FOUND, "not found\n")
    }))
}

#[cfg(test)]
#[path = "listen/reference_tests.rs"]
mod reference_tests;
