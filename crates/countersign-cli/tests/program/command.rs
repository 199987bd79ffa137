//! Runs the program as a user would, and looks for secrets in whatever it prints.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program with its arguments, and what it is given.
pub(crate) struct Run {
    command: Command,
    secrets: Vec<String>,
    stdin: Vec<u8>,
}

/// What it did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(arguments);
    // What the tester has set must not matter.
    command.env_clear();
    Run {
        command,
        secrets: Vec::new(),
        stdin: Vec::new(),
    }
}

impl Run {
    /// Sets an environment variable that holds a secret: it must not be printed.
    pub(crate) fn secret(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self.secrets.push(value.to_owned());
        self
    }

    /// A secret that the program gets in another way: it must not be printed either.
    pub(crate) fn unprinted(mut self, value: &str) -> Self {
        self.secrets.push(value.to_owned());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    #[track_caller]
    pub(crate) fn ran(mut self) -> Ran {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read is none the worse for it.
        let _ = child.stdin.take().unwrap().write_all(&self.stdin);
        let output = child.wait_with_output().unwrap();
        let ran = Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        for secret in &self.secrets {
            for printed in [&ran.stdout, &ran.stderr] {
                assert!(!printed.contains(secret), "a secret is printed: {printed}");
            }
        }
        ran
    }
}

impl Ran {
    /// Exit code and standard output, with nothing on standard error.
    #[track_caller]
    pub(crate) fn printed(&self, code: i32, stdout: &str) {
        assert_eq!(self.stderr, "");
        assert_eq!(self.stdout, stdout);
        assert_eq!(self.code, Some(code));
    }

    /// Trouble: exit code 2 and one line on standard error.
    #[track_caller]
    pub(crate) fn trouble(&self, line: &str) {
        assert_eq!(self.stderr, format!("countersign: {line}\n"));
        assert_eq!(self.stdout, "");
        assert_eq!(self.code, Some(2));
    }
}

/// Writes a file of the test's own; its path.
pub(crate) fn file(name: &str, content: impl AsRef<[u8]>) -> String {
    let path: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}
