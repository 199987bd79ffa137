//! The peer that plays the cases.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use countersign::Timestamp;
use http::{Request, Uri};

use super::answers;
use super::case::{Case, Delivery, Frame, Leave, Next, Shape, Step, Wait};
use super::clock::Deadline;
use super::connection::{Connection, State};
use super::finding::{End, Finding, Seen, Verdict};
use super::http2;
use super::making::{DoesNotApply, Made, Maker, no};
use super::template::render;
use crate::Sender;

/// Where a peer has stopped, and waits for the other side to end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stall {
    /// Within its head, or before: the server's own time.
    Head,
    /// Within its body: the receiver's time.
    Body,
}

/// Hears of something.
type Hook<T> = Box<dyn FnMut(&T) + Send>;

/// How long is waited for more answers than are due, by a server that does not close.
const LINGER: Duration = Duration::from_millis(500);

/// How long is waited, unless it is set otherwise.
const PATIENCE: Duration = Duration::from_secs(15);

/// A peer that plays [cases](Case) against a receiver that listens on a socket, with genuine deliveries of one sender.
///
/// Everything it does has an end: whatever it waits for, be it an answer, an end or 100, it waits for no longer than its patience.
///
/// ```
/// use countersign_testkit::hostile::{HostilePeer, Verdict, cases};
/// use countersign_testkit::{Sender, countersign::providers::STRIPE};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // A server that hangs up on everybody.
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// std::thread::spawn(move || listener.incoming().for_each(drop));
///
/// let sender = Sender::new(STRIPE, "whsec_0123456789abcdef").url(format!("http://{address}/stripe"));
/// let mut peer = HostilePeer::new(address, address.to_string(), sender);
/// let genuine = &cases()?[0];
/// let finding = peer.play(genuine);
/// assert_eq!(finding.verdict, Verdict::Failed);
/// assert_eq!(finding.saw, "closed");
/// # Ok(())
/// # }
/// ```
pub struct HostilePeer {
    address: SocketAddr,
    maker: Maker,
    patience: Duration,
    head_patience: Duration,
    stalled: Hook<Stall>,
    sending: Hook<Request<Bytes>>,
    /// Does the server speak HTTP/2? `None` until it was asked.
    speaks_http2: Option<bool>,
}

impl HostilePeer {
    /// A peer of the receiver at `address`, which is called `authority` in requests. The sender signs for the receiver's secret, with a
    /// [URL](Sender::url) whose path leads to it.
    pub fn new(address: SocketAddr, authority: impl Into<String>, sender: Sender) -> Self {
        Self {
            address,
            maker: Maker::new(authority.into(), sender),
            patience: PATIENCE,
            head_patience: PATIENCE,
            stalled: Box::new(|_| {}),
            sending: Box::new(|_| {}),
            speaks_http2: None,
        }
    }

    /// How long the other side is waited for; 15 s unless it is set. More than the receiver lets a body pause.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self.head_patience = patience;
        self
    }

    /// How long a server is waited for that is to end a head which goes no further; as long as for anything else unless it is set.
    #[must_use]
    pub fn head_patience(mut self, patience: Duration) -> Self {
        self.head_patience = patience;
        self
    }

    /// The body of genuine deliveries, for handlers that want one of their own; the sender's
    /// [sample](Sender::sample_body) unless it is set. Each delivery gets an id of its own where the scheme reads it.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.maker.body = Some(body.into());
        self
    }

    /// The moment of sending; the system's time unless it is set.
    #[must_use]
    pub fn now(mut self, now: impl Fn() -> Timestamp + Send + 'static) -> Self {
        self.maker.now = Some(Box::new(now));
        self
    }

    /// What is sent to in place of the target that was signed: where a proxy stands between the two.
    #[must_use]
    pub fn retarget(mut self, target: impl Fn(&Uri) -> Uri + Send + 'static) -> Self {
        self.maker.retarget = Box::new(target);
        self
    }

    /// Hears whenever a peer has stopped and waits for the other side to end it: a manual clock is moved here.
    #[must_use]
    pub fn on_stall(mut self, mut hear: impl FnMut(Stall) + Send + 'static) -> Self {
        self.stalled = Box::new(move |stall| hear(*stall));
        self
    }

    /// Hears of every genuine delivery before it is sent.
    #[must_use]
    pub fn on_genuine(mut self, hear: impl FnMut(&Request<Bytes>) + Send + 'static) -> Self {
        self.sending = Box::new(hear);
        self
    }

    /// Plays a case, and then sends a genuine delivery over a fresh connection, which must be accepted.
    pub fn play(&mut self, case: &Case) -> Finding {
        let mut play = Play {
            peer: self,
            case,
            accepted: 0,
            has_connected: false,
        };
        let result = play.run();
        let (mut accepted, has_connected) = (play.accepted, play.has_connected);
        let (verdict, saw, why) = match result {
            Ok((seen, judged)) => {
                accepted = accepted.saturating_add(seen.accepted());
                match judged {
                    Ok(false) => (Verdict::Held, seen.text(), None),
                    Ok(true) => (Verdict::Advised, seen.text(), case.advice.clone()),
                    Err(why) => (Verdict::Failed, seen.text(), Some(why)),
                }
            }
            Err(Stopped::DoesNotApply(DoesNotApply(why))) => {
                (Verdict::DoesNotApply, String::new(), Some(why))
            }
            Err(Stopped::Failed(why)) => (Verdict::Failed, String::new(), Some(why)),
        };
        let mut finding = Finding {
            verdict,
            saw,
            why,
            accepted,
            left_genuine: verdict != Verdict::DoesNotApply && case.leaves_genuine(),
        };
        // What does not speak HTTP/2 may have died of being asked.
        if verdict != Verdict::DoesNotApply || has_connected {
            match self.probe() {
                Ok(()) => finding.accepted = finding.accepted.saturating_add(1),
                Err(why) => {
                    let before = finding.why.filter(|_| finding.verdict == Verdict::Failed);
                    let after = format!("no genuine delivery is accepted afterwards: {why}");
                    finding.why = Some(match before {
                        Some(before) => format!("{before}; {after}"),
                        None => after,
                    });
                    finding.verdict = Verdict::Failed;
                }
            }
        }
        finding
    }

    /// Sends a genuine delivery over a fresh connection: is it accepted?
    ///
    /// # Errors
    /// Why not, in a few words.
    pub fn probe(&mut self) -> Result<(), String> {
        let made = self
            .make(Delivery::Genuine, &Shape::Plain)
            .map_err(|DoesNotApply(why)| why)?;
        let bytes = render("{start}{headers}{sized}{close}\r\n{body}", &made)
            .map_err(|DoesNotApply(why)| why)?;
        let deadline = Deadline::after(self.patience);
        let mut connection = Connection::open(self.address, deadline)
            .map_err(|error| format!("no connection: {error}"))?;
        let has_answer = |got: &[u8]| {
            let answers = answers::read(got);
            !answers.statuses.is_empty() || answers.is_garbled
        };
        connection.send(&bytes, deadline, has_answer);
        connection.read_until(deadline, has_answer);
        let answers = answers::read(&connection.got);
        match (answers.statuses.first(), connection.state) {
            (Some(200..=299), _) => Ok(()),
            (Some(status), _) => Err(format!("it is answered {status}")),
            _ if answers.is_garbled => Err("it is answered with what is no HTTP/1".to_owned()),
            (None, State::Closed) => Err("its connection is closed without an answer".to_owned()),
            (None, State::Open) => Err(format!(
                "it is not answered within {} s",
                self.patience.as_secs_f32()
            )),
        }
    }

    fn make(&mut self, delivery: Delivery, shape: &Shape) -> Result<Made, DoesNotApply> {
        let made = self.maker.make(delivery, shape)?;
        if delivery == Delivery::Genuine {
            (self.sending)(&made.request);
        }
        Ok(made)
    }
}

impl fmt::Debug for HostilePeer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HostilePeer")
            .field("address", &self.address)
            .field("sender", &self.maker.sender)
            .finish_non_exhaustive()
    }
}

/// Why a case did not come to its end.
enum Stopped {
    DoesNotApply(DoesNotApply),
    Failed(String),
}

impl From<DoesNotApply> for Stopped {
    fn from(why: DoesNotApply) -> Self {
        Self::DoesNotApply(why)
    }
}

/// One case being played.
struct Play<'p> {
    peer: &'p mut HostilePeer,
    case: &'p Case,
    accepted: u64,
    has_connected: bool,
}

type Judged = Result<bool, String>;

impl Play<'_> {
    fn run(&mut self) -> Result<(Seen, Judged), Stopped> {
        for need in &self.case.needs {
            if let Some(lacks) = self.peer.maker.lacks(*need) {
                return Err(no(lacks).into());
            }
        }
        if self.case.is_http2() && self.peer.speaks_http2 == Some(false) {
            return Err(not_spoken().into());
        }
        if self.case.peers > 1 {
            return self.run_many();
        }
        let deadline = Deadline::after(self.peer.patience);
        let made = self.first()?;
        let mut line = Line::open(self.peer.address, deadline, made)?;
        self.has_connected = true;
        self.steps(&mut line, &self.case.steps, 0)?;
        let seen = line.finish(self.case, self.peer.patience);
        let judged = seen.judge(self.case, self.peer.patience);
        Ok((seen, judged))
    }

    /// Many peers that stop at the same place, and somebody else meanwhile.
    fn run_many(&mut self) -> Result<(Seen, Judged), Stopped> {
        let mut held = Vec::new();
        // One for all: whoever takes one at a time is not waited for as often as there are peers.
        let deadline = Deadline::after(self.peer.patience);
        self.has_connected = true;
        for _ in 0..self.case.peers {
            let made = self.first()?;
            // A server may turn away more than it wants.
            if let Ok(mut line) = Line::open(self.peer.address, deadline, made) {
                self.steps(&mut line, &self.case.steps, 0)?;
                held.push(line);
            }
        }
        self.meanwhile()?;
        let seen = Seen::default();
        let judged = seen.judge(self.case, self.peer.patience);
        Ok((seen, judged))
    }

    fn first(&mut self) -> Result<Made, DoesNotApply> {
        self.peer.make(self.case.delivery, &self.case.body)
    }

    fn meanwhile(&mut self) -> Result<(), Stopped> {
        self.peer.probe().map_err(|why| {
            Stopped::Failed(format!("no genuine delivery is accepted meanwhile: {why}"))
        })?;
        self.accepted = self.accepted.saturating_add(1);
        Ok(())
    }

    fn steps(&mut self, line: &mut Line, steps: &[Step], round: u32) -> Result<(), Stopped> {
        for step in steps {
            match step {
                Step::Send(text) => {
                    let bytes = render(text, &line.made)?;
                    line.queue(bytes);
                }
                Step::Hex(hex) => {
                    let bytes = unhex(&hex.hex)
                        .ok_or_else(|| no(format!("{:?} is not hexadecimal", hex.hex)))?;
                    line.queue(bytes);
                }
                Step::Dribble(text) => {
                    let bytes = render(&text.dribble, &line.made)?;
                    line.flush();
                    line.connection.dribble(&bytes, line.deadline);
                }
                Step::Next { next } => {
                    let made = match next {
                        Next::Last => line.last.take().ok_or_else(|| no("there is no last"))?,
                        Next::Genuine => self.peer.make(Delivery::Genuine, &Shape::Plain)?,
                        Next::Forged => self.peer.make(Delivery::Forged, &Shape::Plain)?,
                    };
                    line.last = Some(std::mem::replace(&mut line.made, made));
                }
                Step::Wait { wait } => {
                    line.flush();
                    self.wait(line, *wait);
                }
                Step::Leave { leave } => line.leave = Some(*leave),
                Step::Probe(_) => {
                    line.flush();
                    self.meanwhile()?;
                }
                Step::Times(times) => {
                    for round in 0..times.times {
                        self.steps(line, &times.steps, round)?;
                        if line.connection.state == State::Closed {
                            break;
                        }
                    }
                }
                Step::Frame(frame) => self.frame(line, frame, round)?,
            }
        }
        line.flush();
        if line.leave == Some(Leave::Half) {
            line.connection.half_close();
        }
        Ok(())
    }

    fn wait(&mut self, line: &mut Line, wait: Wait) {
        let is_http2 = self.case.is_http2();
        let is_answered = move |got: &[u8]| match is_http2 {
            true => http2::read(got).is_over(1),
            false => !answers::read(got).statuses.is_empty(),
        };
        match wait {
            Wait::Continue => {
                line.connection.read_until(line.deadline, |got| {
                    let answers = answers::read(got);
                    !answers.interim.is_empty() || !answers.statuses.is_empty()
                });
                // Where 100 never came, the body is sent all the same (RFC 9110, section 10.1.1).
                line.deadline = Deadline::after(self.peer.patience);
            }
            Wait::Head => {
                (self.peer.stalled)(&Stall::Head);
                line.deadline = Deadline::after(self.peer.head_patience);
                line.connection.read_until(line.deadline, is_answered);
            }
            Wait::Body => {
                (self.peer.stalled)(&Stall::Body);
                line.deadline = Deadline::after(self.peer.patience);
                line.connection.read_until(line.deadline, is_answered);
            }
            Wait::Pong => {
                line.send(&http2::ping());
                line.connection.read_until(line.deadline, |got| {
                    let seen = http2::read(got);
                    seen.has_pong || seen.last_stream.is_some()
                });
            }
        }
    }

    fn frame(&mut self, line: &mut Line, frame: &Frame, round: u32) -> Result<(), Stopped> {
        line.flush();
        let later = |stream: u32| stream.saturating_add(round.saturating_mul(2));
        let bytes = match frame {
            Frame::Open {} => {
                line.send(&http2::open());
                let is_known = |got: &[u8]| http2::read(got).is_spoken.is_some();
                line.connection.read_until(line.deadline, is_known);
                let is_spoken = http2::read(&line.connection.got).is_spoken;
                let spoke = self.peer.speaks_http2 == Some(true);
                match (is_spoken, line.connection.state) {
                    (Some(true), _) => self.peer.speaks_http2 = Some(true),
                    (None, State::Open) => {
                        return Err(Stopped::Failed(
                            "the first bytes of HTTP/2 are neither answered nor turned away in time".to_owned(),
                        ));
                    }
                    _ if spoke => {
                        return Err(Stopped::Failed(
                            "it has spoken HTTP/2, and does not any more".to_owned(),
                        ));
                    }
                    _ => {
                        self.peer.speaks_http2 = Some(false);
                        return Err(not_spoken().into());
                    }
                }
                http2::acknowledge_settings()
            }
            Frame::Headers {
                stream,
                end,
                fields,
            } => http2::headers(later(*stream), *end, &render(fields, &line.made)?),
            Frame::Data { stream, end, send } => {
                http2::data(later(*stream), *end, &render(send, &line.made)?)
            }
            Frame::Reset { stream } => http2::reset(later(*stream)),
            Frame::Raw {
                kind,
                flags,
                stream,
                send,
            } => http2::raw(*kind, *flags, *stream, &render(send, &line.made)?),
        };
        line.send(&bytes);
        Ok(())
    }
}

fn not_spoken() -> DoesNotApply {
    no("the server does not speak HTTP/2 without TLS")
}

/// One connection of a case, and what is sent over it.
struct Line {
    connection: Connection,
    deadline: Deadline,
    made: Made,
    last: Option<Made>,
    leave: Option<Leave>,
    /// Goes out at once: what a server makes of a message must not hang on where it is cut.
    queued: Vec<u8>,
}

impl Line {
    fn open(address: SocketAddr, deadline: Deadline, made: Made) -> Result<Self, Stopped> {
        let connection = Connection::open(address, deadline)
            .map_err(|error| Stopped::Failed(format!("no connection: {error}")))?;
        Ok(Self {
            connection,
            deadline,
            made,
            last: None,
            leave: None,
            queued: Vec::new(),
        })
    }

    fn queue(&mut self, bytes: Vec<u8>) {
        match self.queued.is_empty() {
            true => self.queued = bytes,
            false => self.queued.extend(bytes),
        }
    }

    fn flush(&mut self) {
        let queued = std::mem::take(&mut self.queued);
        self.send(&queued);
    }

    fn send(&mut self, bytes: &[u8]) {
        // A server that answers before it has everything need not be sent the rest.
        self.connection.send(bytes, self.deadline, |got| {
            got.starts_with(b"HTTP/1.") && !answers::read(got).statuses.is_empty()
        });
    }

    /// Reads what is due, and leaves.
    fn finish(mut self, case: &Case, patience: Duration) -> Seen {
        match self.leave {
            Some(Leave::Reset) => self.connection.reset(),
            Some(Leave::Close) => {}
            _ if case.expect.is_empty() => {}
            _ if case.is_http2() => return self.finish_http2(case),
            _ => {
                let due = if case.next.is_empty() { 1 } else { 2 };
                let enough = |got: &[u8]| answers::read(got).statuses.len() >= due;
                self.connection.read_until(self.deadline, enough);
                // A server that was told to close has nothing more to say; another one may have.
                let linger = Deadline::after(LINGER.min(patience));
                self.connection.read_until(linger, |_| false);
                return self.seen(due);
            }
        }
        Seen::default()
    }

    fn seen(&self, due: usize) -> Seen {
        let answers = answers::read(&self.connection.got);
        let mut ends: Vec<End> = answers.statuses.iter().map(|s| End::Status(*s)).collect();
        if ends.len() < due {
            ends.push(self.end());
        }
        Seen {
            ends,
            interim: answers.interim,
            is_garbled: answers.is_garbled,
        }
    }

    fn end(&self) -> End {
        match self.connection.state {
            State::Closed => End::Closed,
            State::Open => End::Open,
        }
    }

    fn finish_http2(mut self, case: &Case) -> Seen {
        let due: &[u32] = if case.next.is_empty() { &[1] } else { &[1, 3] };
        let is_over = |got: &[u8]| {
            let seen = http2::read(got);
            due.iter().all(|stream| seen.is_over(*stream))
        };
        self.connection.read_until(self.deadline, is_over);
        let seen = http2::read(&self.connection.got);
        let of_stream =
            |stream: &u32| match seen.streams.get(stream).and_then(|stream| stream.status) {
                Some(status) => End::Status(status),
                None if seen.is_over(*stream) => End::Closed,
                None => self.end(),
            };
        let mut ends: Vec<End> = due.iter().map(of_stream).collect();
        // Streams that nobody expects an answer on.
        let others = seen
            .streams
            .iter()
            .filter(|(stream, _)| !due.contains(stream));
        ends.extend(others.filter_map(|(_, stream)| Some(End::Status(stream.status?))));
        Seen {
            ends,
            ..Seen::default()
        }
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() % 2 == 1 {
        return None;
    }
    digits
        .chunks(2)
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok())
        .collect()
}
