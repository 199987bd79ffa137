//! Servers that are broken, as the hostile peer has to see them.
#![cfg(test)]
#![cfg(feature = "hostile")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

#[path = "hostile/lax.rs"]
mod lax;
#[path = "hostile/lax_http2.rs"]
mod lax_http2;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use countersign_testkit::Sender;
use countersign_testkit::countersign::providers::STRIPE;
use countersign_testkit::hostile::{Case, HostilePeer, Verdict, cases};

const SECRET: &str = "whsec_0123456789abcdef";

/// What a server that speaks HTTP/2 says first.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

fn case(name: &str) -> Case {
    let mut cases = cases().unwrap().into_iter();
    cases.find(|case| case.name() == name).unwrap()
}

fn peer(listener: &TcpListener) -> HostilePeer {
    let address = listener.local_addr().unwrap();
    let sender = Sender::new(STRIPE, SECRET);
    let sender = sender.url(format!("http://{address}/stripe"));
    HostilePeer::new(address, address.to_string(), sender).patience(Duration::from_millis(500))
}

/// A request of HTTP/1.1 is answered 200, whatever it is. Says whether HTTP/2 began instead.
fn serve(stream: &mut TcpStream) -> bool {
    let mut got = Vec::new();
    let mut piece = [0; 65_536];
    while let Ok(read @ 1..) = stream.read(&mut piece) {
        got.extend_from_slice(&piece[..read]);
        if got.starts_with(b"PRI ") {
            return true;
        }
        if got.windows(4).any(|end| end == b"\r\n\r\n") {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).unwrap();
            return false;
        }
    }
    false
}

/// It was said not to speak HTTP/2, and nobody looked whether it still stood.
#[test]
fn a_server_that_http2_kills_is_not_let_off() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = peer(&listener);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if serve(&mut stream.unwrap()) {
                return;
            }
        }
    });
    assert_eq!(peer.probe(), Ok(()));
    let finding = peer.play(&case("h2-garbage"));
    assert_eq!(finding.verdict, Verdict::Failed, "{finding:?}");
}

/// It has spoken HTTP/2 once, so it is no server that does not.
#[test]
fn a_server_whose_http2_hangs_after_a_case_is_not_let_off() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = peer(&listener);
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if serve(&mut stream) {
                if held.is_empty() {
                    stream.write_all(SETTINGS).unwrap();
                }
                held.push(stream);
            }
        }
    });
    let _first = peer.play(&case("h2-garbage"));
    let second = peer.play(&case("h2-genuine-afterwards"));
    assert_eq!(second.verdict, Verdict::Failed, "{second:?}");
}

/// What only turns HTTP/2 away is let off.
#[test]
fn a_server_that_turns_http2_away_is_not_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = peer(&listener);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if serve(&mut stream) {
                let answer =
                    b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).unwrap();
            }
        }
    });
    for name in ["h2-garbage", "h2-genuine"] {
        let finding = peer.play(&case(name));
        assert_eq!(finding.verdict, Verdict::DoesNotApply, "{finding:?}");
    }
}
