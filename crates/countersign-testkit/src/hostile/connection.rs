//! One connection: everything that is sent or read has an end.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::clock::Deadline;

/// So much is read from one connection, in bytes.
const MOST_READ: usize = 4 * 1024 * 1024;

/// How much is sent before it is looked whether something came back.
const PIECE: usize = 64 * 1024;

/// How long one attempt to send may take before it is looked whether something came back.
const LOOK: Duration = Duration::from_millis(50);

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Closed,
}

pub(super) struct Connection {
    stream: TcpStream,
    pub(super) got: Vec<u8>,
    pub(super) state: State,
    /// Did the other side stop to take what we send?
    is_deaf: bool,
}

impl Connection {
    pub(super) fn open(to: SocketAddr, deadline: Deadline) -> std::io::Result<Self> {
        let left = deadline.left().ok_or(ErrorKind::TimedOut)?;
        // No system waits longer.
        let stream = TcpStream::connect_timeout(&to, left.min(Duration::from_secs(60)))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            got: Vec::new(),
            state: State::Open,
            is_deaf: false,
        })
    }

    /// Sends it all, as far as the other side takes it. What comes back meanwhile is kept; `enough` says when nothing more need be sent.
    pub(super) fn send(
        &mut self,
        bytes: &[u8],
        deadline: Deadline,
        enough: impl Fn(&[u8]) -> bool,
    ) {
        let mut rest = bytes;
        while !rest.is_empty() && !self.is_deaf && self.state == State::Open {
            let Some(left) = deadline.left() else {
                return;
            };
            let piece = rest.get(..PIECE).unwrap_or(rest);
            if self.stream.set_write_timeout(Some(left.min(LOOK))).is_err() {
                return;
            }
            let is_long = bytes.len() > PIECE;
            match self.stream.write(piece) {
                Ok(sent) => {
                    rest = rest.get(sent..).unwrap_or_default();
                    if is_long {
                        self.look();
                    }
                }
                Err(error) if is_wait(error.kind()) => self.look(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // It may have answered before it stopped to listen.
                Err(_) => self.is_deaf = true,
            }
            if is_long && enough(&self.got) {
                return;
            }
        }
    }

    /// One byte at a time.
    pub(super) fn dribble(&mut self, bytes: &[u8], deadline: Deadline) {
        for byte in bytes.chunks(1) {
            self.send(byte, deadline, |_| false);
        }
    }

    /// Takes what is there, without waiting.
    fn look(&mut self) {
        if self.stream.set_nonblocking(true).is_ok() {
            self.read_once();
            if self.stream.set_nonblocking(false).is_err() {
                self.state = State::Closed;
            }
        }
    }

    /// Reads until `done`, until the connection has ended, or until the deadline.
    pub(super) fn read_until(&mut self, deadline: Deadline, done: impl Fn(&[u8]) -> bool) {
        while self.state == State::Open && !done(&self.got) {
            let Some(left) = deadline.left() else {
                return;
            };
            // None at all would wait for ever.
            let left = left.max(Duration::from_millis(1));
            let left = left.min(Duration::from_secs(24 * 60 * 60));
            if self.stream.set_read_timeout(Some(left)).is_err() {
                self.state = State::Closed;
                return;
            }
            self.read_once();
        }
    }

    fn read_once(&mut self) {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.state = State::Closed,
            Ok(count) => {
                self.got
                    .extend_from_slice(buffer.get(..count).unwrap_or_default());
                if self.got.len() > MOST_READ {
                    self.state = State::Closed;
                }
            }
            Err(error) if is_wait(error.kind()) || error.kind() == ErrorKind::Interrupted => {}
            Err(_) => self.state = State::Closed,
        }
    }

    /// Sends no more.
    pub(super) fn half_close(&self) {
        // It may be closed already.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes so that the other side sees a reset.
    pub(super) fn reset(self) {
        // Where the system cannot, it is an ordinary end.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}

fn is_wait(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
