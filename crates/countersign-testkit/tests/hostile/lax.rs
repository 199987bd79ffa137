//! Servers of HTTP/1.1 that are lax in one thing each: the cases have to find it, and to hold where it is strict.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use countersign_testkit::countersign::providers::STRIPE;
use countersign_testkit::countersign::{Receiver, Secret, outcome, system_now};
use countersign_testkit::hostile::{Finding, Verdict};
use countersign_testkit::judge;
use http::{HeaderName, HeaderValue, Method, Request};

use crate::{SECRET, case, peer};

/// What decides where a body ends when there are a length and chunks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Both {
    Refused,
    Chunks,
    Length,
    /// The header that comes first, or last.
    First,
    Last,
}

/// How a chunk is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chunks {
    Strict,
    /// With 0x in front, as some functions take a number.
    ZeroX,
    /// As many digits as there are, and what follows is passed over.
    Digits,
    /// Two bytes behind it are passed over, whatever they are.
    EndUnseen,
    /// The line ends in LF, or in CR and LF.
    Lf,
}

type Head = fn(&str) -> String;

#[derive(Clone, Copy)]
struct Server {
    /// The head as it is understood.
    head: Head,
    head_end: &'static str,
    both: Both,
    keeps_both: bool,
    keeps_http_1_0: bool,
    chunks: Chunks,
    is_bounded: bool,
}

const STRICT: Server = Server {
    head: |head| head.to_owned(),
    head_end: "\r\n\r\n",
    both: Both::Refused,
    keeps_both: false,
    keeps_http_1_0: false,
    chunks: Chunks::Strict,
    is_bounded: true,
};

const MOST: usize = 2 * 1024 * 1024;

enum Body {
    Whole(Vec<u8>, usize),
    More,
    Bad,
}

impl Server {
    fn serve(&self, stream: &mut TcpStream, receiver: &Receiver) {
        let mut got = Vec::new();
        while self.answer(stream, &mut got, receiver) {}
        // Whoever closes with bytes unread takes back the answer.
        let _ = stream.shutdown(Shutdown::Write);
        let mut rest = [0; 65_536];
        while matches!(stream.read(&mut rest), Ok(1..)) {}
    }

    /// Answers one request. Says whether the connection stays.
    fn answer(&self, stream: &mut TcpStream, got: &mut Vec<u8>, receiver: &Receiver) -> bool {
        let end = self.head_end.as_bytes();
        let at = loop {
            if let Some(at) = got.windows(end.len()).position(|window| window == end) {
                break at;
            }
            if !more(stream, got) {
                return false;
            }
        };
        // Every byte is a letter of its own.
        let head: String = got[..at].iter().map(|byte| char::from(*byte)).collect();
        let Some((mut request, chunked, length, is_last)) = self.read(&(self.head)(&head)) else {
            return say(stream, 400, true);
        };
        let (body, used) = loop {
            let rest = &got[at + end.len()..];
            let body = match (chunked, length) {
                (true, _) => self.decode(rest),
                (false, length) if rest.len() >= length => {
                    Body::Whole(rest[..length].to_vec(), length)
                }
                _ => Body::More,
            };
            match body {
                Body::Whole(body, used) => break (body, used),
                Body::Bad => return say(stream, 400, true),
                Body::More if got.len() > MOST && self.is_bounded => {
                    return say(stream, 413, true);
                }
                Body::More if got.len() > MOST => {
                    let mut rest = [0; 65_536];
                    while matches!(stream.read(&mut rest), Ok(1..)) {}
                    return false;
                }
                Body::More => {
                    if !more(stream, got) {
                        return false;
                    }
                }
            }
        };
        got.drain(..at + end.len() + used);
        *request.body_mut() = body.into();
        let status = match judge(receiver, &request, system_now()) {
            Ok(_) => 204,
            Err(refusal) => outcome::answer(&refusal).status.as_u16(),
        };
        say(stream, status, is_last)
    }

    /// The request, whether it has chunks, its length, and whether the connection ends after it.
    fn read(&self, head: &str) -> Option<(Request<Bytes>, bool, usize, bool)> {
        let mut lines = head.split("\r\n");
        let [method, target, version] = lines.next()?.split(' ').collect::<Vec<_>>()[..] else {
            return None;
        };
        let is_old = version == "HTTP/1.0";
        if !is_old && version != "HTTP/1.1" {
            return None;
        }
        let method: Method = method.parse().ok()?;
        let builder = Request::builder().method(method).uri(target);
        let mut request = builder.body(Bytes::new()).ok()?;
        let mut framing = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':')?;
            let name: HeaderName = name.parse().ok()?;
            if name == "transfer-encoding" || name == "content-length" {
                framing.push(name == "transfer-encoding");
            }
            let value = HeaderValue::from_bytes(value.trim_matches(' ').as_bytes()).ok()?;
            request.headers_mut().append(name, value);
        }
        let headers = request.headers();
        let chunked = match headers.get("transfer-encoding") {
            Some(coding) if coding == "chunked" => true,
            Some(_) => return None,
            None => false,
        };
        let length: Option<usize> = match headers.get("content-length") {
            Some(length) => Some(length.to_str().ok()?.parse().ok()?),
            None => None,
        };
        let is_both = chunked && length.is_some();
        let by_chunks = match self.both {
            _ if !is_both => chunked,
            Both::Refused => return None,
            Both::Chunks => true,
            Both::Length => false,
            Both::First => framing[0],
            Both::Last => *framing.last()?,
        };
        if is_old && chunked && !self.keeps_both {
            return None;
        }
        let is_last = headers.get("connection").is_some_and(|it| it == "close")
            || (is_old && !self.keeps_http_1_0)
            || (is_both && !self.keeps_both);
        Some((request, by_chunks, length.unwrap_or(0), is_last))
    }

    fn decode(&self, bytes: &[u8]) -> Body {
        let (mut at, mut body) = (0, Vec::new());
        loop {
            let rest = &bytes[at..];
            let lf = rest.iter().position(|byte| *byte == b'\n');
            let Some(end) = lf else { return Body::More };
            let line = String::from_utf8_lossy(&rest[..end]).into_owned();
            let line = match (line.strip_suffix('\r'), self.chunks) {
                (Some(line), _) => line,
                (None, Chunks::Lf) => &line,
                (None, _) => return Body::Bad,
            };
            let Some(size) = self.size(line.split(';').next().unwrap()) else {
                return Body::Bad;
            };
            at += end + 1;
            if size == 0 {
                break;
            }
            let Some(data) = bytes.get(at..at + size + 2) else {
                return Body::More;
            };
            if &data[size..] != b"\r\n" && self.chunks != Chunks::EndUnseen {
                return Body::Bad;
            }
            body.extend_from_slice(&data[..size]);
            at += size + 2;
        }
        // Trailers are dropped.
        loop {
            let Some(end) = bytes[at..].windows(2).position(|two| two == b"\r\n") else {
                return Body::More;
            };
            at += end + 2;
            if end == 0 {
                return Body::Whole(body, at);
            }
        }
    }

    fn size(&self, text: &str) -> Option<usize> {
        let is_digit = |letter: char| letter.is_ascii_hexdigit();
        let digits = match self.chunks {
            Chunks::ZeroX => text.strip_prefix("0x").unwrap_or(text),
            Chunks::Digits => {
                let end = text.find(|letter| !is_digit(letter));
                let digits = &text[..end.unwrap_or(text.len())];
                return Some(usize::from_str_radix(digits, 16).unwrap_or(0));
            }
            _ => text,
        };
        let is_number = !digits.is_empty() && digits.chars().all(is_digit);
        is_number.then(|| usize::from_str_radix(digits, 16).ok())?
    }
}

fn more(stream: &mut TcpStream, got: &mut Vec<u8>) -> bool {
    let mut piece = [0; 65_536];
    let Ok(read @ 1..) = stream.read(&mut piece) else {
        return false;
    };
    got.extend_from_slice(&piece[..read]);
    true
}

/// Says whether the connection stays.
fn say(stream: &mut TcpStream, status: u16, is_last: bool) -> bool {
    let length = if status == 204 {
        ""
    } else {
        "content-length: 0\r\n"
    };
    let answer = format!("HTTP/1.1 {status} -\r\n{length}\r\n");
    stream.write_all(answer.as_bytes()).is_ok() && !is_last
}

fn start(server: Server) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let accepting = listener.try_clone().unwrap();
    std::thread::spawn(move || {
        let receiver = Receiver::builder(STRIPE, Secret::new(SECRET).unwrap());
        let receiver = receiver.build().unwrap();
        for stream in accepting.incoming() {
            server.serve(&mut stream.unwrap(), &receiver);
        }
    });
    listener
}

/// What a server makes of a case. Two seconds are much more than it needs over one machine's own sockets.
fn finding(server: Server, name: &str) -> Finding {
    let listener = start(server);
    let mut peer = peer(&listener).patience(Duration::from_secs(2));
    peer.play(&case(name))
}

#[track_caller]
fn comes_to(verdict: Verdict, server: Server, name: &str, saw: &str) {
    let found = finding(server, name);
    assert_eq!(
        (found.verdict, found.saw.as_str()),
        (verdict, saw),
        "{name}: {found:?}"
    );
}

/// It fails where the server is lax, and holds where it is not.
#[track_caller]
fn is_found(server: Server, name: &str, saw: &str) {
    comes_to(Verdict::Failed, server, name, saw);
    let found = finding(STRICT, name);
    assert_eq!(found.verdict, Verdict::Held, "strict, {name}: {found:?}");
}

#[track_caller]
fn is_advised(server: Server, name: &str) {
    comes_to(Verdict::Advised, server, name, "204");
    let found = finding(STRICT, name);
    assert_eq!(found.verdict, Verdict::Held, "strict, {name}: {found:?}");
}

/// A head that is understood another way, in a server that is strict otherwise.
const fn reading(head: Head) -> Server {
    Server { head, ..STRICT }
}

/// One that goes on after a length beside chunks.
const fn going_on(both: Both) -> Server {
    Server {
        both,
        keeps_both: true,
        ..STRICT
    }
}

#[test]
fn a_length_beside_chunks_whichever_counts_when_the_connection_goes_on() {
    // By chunks the first body is empty, by the length the chunks are the body.
    let by_chunks = ["400, 204, 204", "400, 204"];
    let by_length = ["401, 204", "401, 204, 400"];
    for (both, [length_first, chunks_first]) in [
        (Both::Chunks, by_chunks),
        (Both::Length, by_length),
        (Both::First, [by_length[0], by_chunks[1]]),
        (Both::Last, [by_chunks[0], by_length[1]]),
    ] {
        is_found(going_on(both), "length-then-chunked", length_first);
        is_found(going_on(both), "chunked-then-length", chunks_first);
    }
}

#[test]
fn a_length_that_counts_beside_chunks_when_the_connection_ends() {
    let ending = |both| Server { both, ..STRICT };
    is_found(ending(Both::Length), "length-covers-chunks", "204");
    is_found(ending(Both::First), "length-covers-chunks", "204");
    is_found(ending(Both::Length), "chunks-covered-by-length", "204");
    is_found(ending(Both::Last), "chunks-covered-by-length", "204");
    is_found(ending(Both::Length), "length-beside-chunked", "401");
    // What the RFC allows holds.
    for (name, saw) in [
        ("length-then-chunked", "400, closed"),
        ("chunked-then-length", "400, closed"),
        ("length-covers-chunks", "400"),
        ("chunks-covered-by-length", "400"),
    ] {
        comes_to(Verdict::Held, ending(Both::Chunks), name, saw);
    }
}

#[test]
fn names_of_chunks_that_are_none() {
    let spelled: [(&str, Head, Head); 3] = [
        (
            "chunked-name-with-a-blank",
            |head| head.replace("Encoding :", "Encoding:"),
            |head| head.replace("Encoding :", "-:"),
        ),
        (
            "chunked-misspelled",
            |head| head.replace("chunkedx", "chunked"),
            |head| head.replace("transfer-encoding: chunkedx", "x: x"),
        ),
        (
            "chunked-after-a-tab",
            |head| head.replace('\u{b}', ""),
            |head| head.replace("transfer-encoding: \u{b}", "x: "),
        ),
    ];
    for (name, chunks, nothing) in spelled {
        let taking = |both| Server {
            head: chunks,
            ..going_on(both)
        };
        is_found(taking(Both::Chunks), name, "400, 204, 204");
        is_found(taking(Both::Length), name, "401, 204");
        is_found(reading(nothing), name, "401, 204");
    }
}

#[test]
fn chunks_whose_name_is_folded() {
    const NAME: &str = "chunked-folded";
    let undone = |both, keeps_both| Server {
        head: |head| head.replace("\r\n ", " "),
        both,
        keeps_both,
        ..STRICT
    };
    is_found(undone(Both::Chunks, true), NAME, "400, 204");
    is_found(undone(Both::Length, true), NAME, "401, 204, 400");
    let nothing: Head = |head| head.replace("transfer-encoding:\r\n ", "x: ");
    is_found(reading(nothing), NAME, "401, 204, 400");
    comes_to(
        Verdict::Held,
        undone(Both::Chunks, false),
        NAME,
        "400, closed",
    );
}

#[test]
fn http_1_0() {
    let keeping = |server| Server {
        keeps_http_1_0: true,
        ..server
    };
    let name = "chunked-in-http-1-0";
    is_found(keeping(going_on(Both::Chunks)), name, "400, 204");
    is_found(keeping(going_on(Both::Length)), name, "401, 204, 400");
    is_found(keeping(STRICT), "http-1-0", "204, open");
}

#[test]
fn codings_that_are_passed_over() {
    let passing: Head = |head| {
        let lines = head.split("\r\n");
        let kept = lines.filter(|line| !line.starts_with("transfer-encoding"));
        kept.collect::<Vec<_>>().join("\r\n")
    };
    is_found(reading(passing), "chunked-not-last", "401");
    is_advised(reading(passing), "identity");
    let plain: Head = |head| head.replace("content-encoding: hostile", "x: x");
    is_found(reading(plain), "encoding-unknown", "204");
}

#[test]
fn chunks_that_are_none() {
    let chunks = |chunks| Server { chunks, ..STRICT };
    is_found(chunks(Chunks::ZeroX), "chunk-size-0x", "204");
    is_found(chunks(Chunks::Digits), "chunk-size-0x", "401");
    is_found(chunks(Chunks::Digits), "chunk-size-empty", "401");
    is_found(chunks(Chunks::EndUnseen), "chunk-without-an-end", "204");
    is_advised(chunks(Chunks::Lf), "chunk-size-ends-in-lf");
    is_advised(chunks(Chunks::Lf), "chunk-extension-ends-in-lf");
}

#[test]
fn bytes_that_end_a_line_or_a_name() {
    let by_cr: Head = |head| head.replace("x-cr: a\r", "x-cr: a\r\n");
    is_found(reading(by_cr), "header-with-cr", "204");
    let by_nul: Head = |head| head.replace('\0', "\r\n");
    is_found(reading(by_nul), "header-with-nul", "204");
    let to_nul: Head = |head| head.replace("\0x", "");
    is_found(reading(to_nul), "header-name-with-nul", "204");
    let ascii: Head = |head| head.replace(|letter: char| !letter.is_ascii(), "");
    is_found(reading(ascii), "header-name-not-ascii", "204");
    let by_blank: Head = |head| head.replace("signature t=", "signature: t=");
    is_found(reading(by_blank), "header-without-colon", "204");
    let cr_alone = Server {
        head: |head| head.replace('\r', "\r\n"),
        head_end: "\r\r",
        ..STRICT
    };
    is_found(cr_alone, "lines-end-in-cr", "204");
}

/// With as much of the target as there is before the letter.
fn up_to(head: &str, letter: char) -> String {
    let (line, rest) = head.split_once("\r\n").unwrap();
    let (method, target) = line.split_once(' ').unwrap();
    let target = target.split(letter).next().unwrap();
    format!("{method} {target} HTTP/1.1\r\n{rest}")
}

#[test]
fn request_lines() {
    let to_blank: Head = |head| up_to(head, ' ');
    is_found(reading(to_blank), "target-with-a-blank", "204");
    let to_nul: Head = |head| match head.contains('\0') {
        true => up_to(head, '\0'),
        false => head.to_owned(),
    };
    is_found(reading(to_nul), "target-not-ascii", "204");
    is_advised(reading(to_blank), "http-0-9");
    is_advised(reading(to_blank), "http-9-9");
    let posting: Head = |head| {
        let (_, rest) = head.split_once(' ').unwrap();
        format!("POST {rest}")
    };
    for name in ["method-unknown", "method-put", "method-override"] {
        is_advised(reading(posting), name);
    }
    let any_type: Head = |head| head.replace("text/hostile", "application/json");
    is_found(reading(any_type), "content-type-of-another-kind", "204");
}

#[test]
fn bodies_without_a_bound() {
    let reading_on = Server {
        is_bounded: false,
        ..STRICT
    };
    is_found(reading_on, "body-without-end", "open");
}
