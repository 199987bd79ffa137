//! Starts an example's program on a free port and talks to it over a socket.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at what it cannot do"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

/// Long enough for a loaded machine; nothing waits this long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running example; it ends with the test.
pub(crate) struct Example {
    child: Child,
    address: String,
    lines: Mutex<Receiver<String>>,
}

impl Example {
    /// Starts `program` and waits for the line that says where it listens.
    pub(crate) fn start(program: &str, environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(program)
            .env("ADDRESS", "127.0.0.1:0")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let stdout = child.stdout.take().expect("its output is piped");
        // A thread reads, so that a line that never comes is an error and not a wait for ever.
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        let first = lines
            .recv_timeout(PATIENCE)
            .expect("it says where it listens");
        let address = first
            .strip_prefix("listening on ")
            .unwrap_or_else(|| panic!("no address in {first:?}"))
            .to_owned();
        Self {
            child,
            address,
            lines: Mutex::new(lines),
        }
    }

    /// The next line that the program prints.
    pub(crate) fn next_line(&self) -> String {
        self.lines
            .lock()
            .unwrap()
            .recv_timeout(PATIENCE)
            .expect("a line")
    }

    /// A connection that says nothing; it is open for as long as it is kept.
    #[allow(dead_code, reason = "not every example minds")]
    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).unwrap()
    }

    /// Asks the program to end, as a service manager does.
    #[allow(dead_code, reason = "not every example has something to say then")]
    pub(crate) fn terminate(&self) {
        let ended = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        assert!(ended.expect("there is a kill").success());
    }

    /// Sends one POST over a fresh connection and gives the status.
    pub(crate) fn post(
        &self,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: &[u8],
    ) -> u16 {
        self.request("POST", path, headers, body)
    }

    /// Sends one request over a fresh connection and gives the status.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: &[u8],
    ) -> u16 {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.address,
            body.len()
        )
        .into_bytes();
        for (name, value) in headers {
            request.extend_from_slice(name.as_str().as_bytes());
            request.extend_from_slice(b": ");
            request.extend_from_slice(value.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body);
        stream.write_all(&request).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let status = response.split(' ').nth(1);
        status
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("no status in {response:?}"))
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about either.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
