//! The program while it runs, and everything that it prints: no secret.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// What never comes is a failure, and not a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Set in the environment of every program here.
pub(crate) const SECRETS: [(&str, &str); 10] = [
    ("STRIPE_SECRET", "whsec_0123456789abcdef0123456789"),
    ("STRIPE_NEXT", "whsec_9876543210fedcba9876543210"),
    ("GITHUB_SECRET", "It's a Secret to Everybody"),
    ("SHORT_SECRET", "hunter2-x"),
    // Those that the example names.
    ("STRIPE_CONNECT_SECRET", "whsec_00112233445566778899aabb"),
    ("SLACK_SECRET", "8f742231b10e8888abcd99yyyzzz85a5"),
    ("TWILIO_TOKEN", "12345678901234567890123456789012"),
    ("ZAPIER_TOKEN", "zap-0123456789abcdef"),
    ("WEBSUB_SECRET", "websub-0123456789abcdef"),
    ("ACME_SECRET", "acme-0123456789abcdef"),
];

pub(crate) fn secret(name: &str) -> &'static str {
    SECRETS.iter().find(|(known, _)| *known == name).unwrap().1
}

pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    lines: Receiver<String>,
    notices: Receiver<String>,
    /// Nobody reads its notices while this is held.
    pub(crate) reading: Arc<Mutex<()>>,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .arg("listen")
        .args(arguments)
        .env_clear()
        .env("PUBLIC_URL", "https://hooks.example")
        .envs(SECRETS);
    command
}

/// Starts it on a free port and waits until it listens.
#[track_caller]
pub(crate) fn start(arguments: &[&str]) -> Running {
    let mut arguments = arguments.to_vec();
    arguments.extend(["--addr", "127.0.0.1:0"]);
    let mut child = command(&arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = read(child.stdout.take().unwrap(), Arc::default());
    let reading = Arc::default();
    let notices = read(child.stderr.take().unwrap(), Arc::clone(&reading));
    let mut running = Running {
        child,
        address: SocketAddr::from(([0, 0, 0, 0], 0)),
        lines,
        notices,
        reading,
    };
    let first = running.notice();
    let address = first.strip_prefix("countersign: listening on http://");
    running.address = address.expect(&first).parse().unwrap();
    running
}

/// Ends by itself: exit code, standard output and standard error.
#[track_caller]
pub(crate) fn ends(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = command(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| unprinted(String::from_utf8(bytes).unwrap());
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Reads line by line, and not while the lock is held.
fn read(from: impl std::io::Read + Send + 'static, reading: Arc<Mutex<()>>) -> Receiver<String> {
    let (give, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            let _reading = reading.lock();
            if give.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    lines
}

#[track_caller]
fn unprinted(text: String) -> String {
    for (_, secret) in SECRETS {
        assert!(!text.contains(secret), "a secret is printed: {text}");
    }
    text
}

impl Running {
    /// The next line of an attempt.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        unprinted(self.lines.recv_timeout(PATIENCE).expect("no line"))
    }

    /// The same where it is JSON: outcome, code and status.
    #[track_caller]
    pub(crate) fn told(&self) -> (String, String, Option<u64>) {
        let line = self.json();
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        (text("outcome"), text("code"), line["status"].as_u64())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    /// The next notice on standard error.
    #[track_caller]
    pub(crate) fn notice(&self) -> String {
        unprinted(self.notices.recv_timeout(PATIENCE).expect("no notice"))
    }

    /// Waits for this very notice.
    #[track_caller]
    pub(crate) fn noticed(&self, text: &str) {
        while self.notice() != text {}
    }

    /// Nobody reads its lines any more.
    pub(crate) fn close_lines(&mut self) {
        self.lines = mpsc::channel().1;
    }

    /// The exit code.
    pub(crate) fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(
            Command::new("/bin/sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for its end: the exit code, and the lines and notices that were left.
    #[track_caller]
    pub(crate) fn ended(mut self) -> (Option<i32>, Vec<String>, Vec<String>) {
        let code = self.code();
        let all = |lines: &Receiver<String>| lines.iter().map(unprinted).collect();
        (code, all(&self.lines), all(&self.notices))
    }

    /// Stops it: everything was done.
    #[track_caller]
    pub(crate) fn stop(self) -> Vec<String> {
        self.signal("TERM");
        let (code, lines, _) = self.ended();
        assert_eq!(code, Some(0));
        lines
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Of a test that failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a file of the test's own; its path.
pub(crate) fn file(name: &str, content: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}
