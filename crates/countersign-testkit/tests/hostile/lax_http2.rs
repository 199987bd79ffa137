//! A server of HTTP/2 that passes over what makes a message malformed, and the same one that does not.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use countersign_testkit::countersign::providers::STRIPE;
use countersign_testkit::countersign::{Receiver, Secret, outcome, system_now};
use countersign_testkit::hostile::Verdict;
use countersign_testkit::judge;
use http::Request;

use crate::{SECRET, SETTINGS, case, peer, serve};

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// Literal fields without indexing, as the peer sends them: RFC 7541, section 6.2.2.
fn fields(block: &[u8]) -> Fields {
    let mut fields = Vec::new();
    let mut rest = block;
    while let [0, after @ ..] = rest {
        let (name, after) = text(after);
        let (value, after) = text(after);
        fields.push((name, value));
        rest = after;
    }
    assert!(rest.is_empty());
    fields
}

fn text(bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let (mut length, mut at) = (usize::from(bytes[0]), 1);
    if length == 127 {
        let mut shift = 0;
        loop {
            let byte = bytes[at];
            length += usize::from(byte & 127) << shift;
            (at, shift) = (at + 1, shift + 7);
            if byte < 128 {
                break;
            }
        }
    }
    (bytes[at..at + length].to_vec(), &bytes[at + length..])
}

/// RFC 9113, sections 8.1.1, 8.2.1, 8.2.2 and 8.3.
fn is_malformed(fields: &Fields, body: &[u8]) -> bool {
    let is_bad = |(name, value): &(Vec<u8>, Vec<u8>)| {
        name.iter().any(u8::is_ascii_uppercase)
            || name == b"transfer-encoding"
            || value.iter().any(|byte| b"\0\r\n".contains(byte))
            || name == b"content-length" && *value != body.len().to_string().into_bytes()
    };
    let paths = fields.iter().filter(|(name, _)| name == b":path");
    fields.iter().any(is_bad) || paths.count() > 1
}

fn frame(stream: &mut TcpStream) -> Option<(u8, u8, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut payload).ok()?;
    Some((head[3], head[4], payload))
}

/// Answers stream 1.
fn answer(stream: &mut TcpStream, receiver: &Receiver, is_strict: bool) -> Option<()> {
    let (mut head, mut body) = (Vec::new(), Vec::new());
    loop {
        let (kind, flags, payload) = frame(stream)?;
        match kind {
            0 => body.extend(payload),
            1 => head.extend(payload),
            _ => continue,
        }
        if flags & 1 != 0 {
            break;
        }
    }
    let fields = fields(&head);
    if is_strict && is_malformed(&fields, &body) {
        return stream
            .write_all(&[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 1])
            .ok();
    }
    let mut request = Request::post("/stripe").body(body.into()).unwrap();
    // What the receiver would look at itself is not passed on either.
    let is_passed_on = |name: &[u8]| name[0] != b':' && name != b"content-length";
    for (name, value) in fields.iter().filter(|(name, _)| is_passed_on(name)) {
        let end = value.iter().position(|byte| b"\0\n".contains(byte));
        let value = value[..end.unwrap_or(value.len())].to_vec();
        let name = String::from_utf8(name.to_ascii_lowercase()).unwrap();
        let name: http::HeaderName = name.parse().unwrap();
        request
            .headers_mut()
            .insert(name, value.try_into().unwrap());
    }
    let status = match judge(receiver, &request, system_now()) {
        Ok(_) => 204,
        Err(refusal) => outcome::answer(&refusal).status.as_u16(),
    };
    let digits = status.to_string();
    stream
        .write_all(&[0, 0, 5, 1, 5, 0, 0, 0, 1, 0x48, 3])
        .ok()?;
    stream.write_all(digits.as_bytes()).ok()
}

fn verdicts(is_strict: bool) -> Vec<(&'static str, Verdict)> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = peer(&listener).patience(Duration::from_secs(2));
    std::thread::spawn(move || {
        let receiver = Receiver::builder(STRIPE, Secret::new(SECRET).unwrap());
        let receiver = receiver.build().unwrap();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if serve(&mut stream) {
                stream.write_all(SETTINGS).unwrap();
                let _ = answer(&mut stream, &receiver, is_strict);
            }
        }
    });
    let names = [
        "h2-genuine",
        "h2-length-too-long",
        "h2-length-too-short",
        "h2-chunked",
        "h2-capitals",
        "h2-line-end-in-value",
        "h2-nul-in-value",
        "h2-pseudo-twice",
    ];
    let play = |name| (name, peer.play(&case(name)).verdict);
    names.map(play).to_vec()
}

#[test]
fn what_is_malformed_over_http2_has_to_be_turned_away() {
    for (name, verdict) in verdicts(true) {
        assert_eq!(verdict, Verdict::Held, "strict, {name}");
    }
    for (name, verdict) in verdicts(false) {
        let due = match name {
            "h2-genuine" => Verdict::Held,
            _ => Verdict::Failed,
        };
        assert_eq!(verdict, due, "{name}");
    }
}
