//! Receivers that remember nothing: who comes in, who does not, and what the receiver answers by itself.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign::providers::{INTERCOM, SLACK, STRIPE, TWILIO, WEBSUB, WOOCOMMERCE};
use countersign::{Refusal, Secret, SecretRing, Timestamp, outcome};
use countersign_testkit::Sender;
use http::{HeaderValue, Request};

use crate::app::{PATH, Said};
use crate::client::connect;
use crate::in_every_server;
use crate::script::{NOW, PUBLIC, SECRET, Script, Serve, plain};

in_every_server!(
    what_comes_in_and_what_does_not,
    the_handler_gets_the_bytes_that_came,
    the_url_that_is_signed_is_the_public_one,
    questions_that_are_signed,
    questions_that_are_not,
    questions_for_the_application,
    an_unknown_path_is_the_servers,
    who_was_refused_by_his_head_is_let_go,
    who_sent_too_much_is_let_go,
    secrets_are_exchanged_under_traffic,
);

const BODY: &str = r#"{"id":"evt_1","type":"invoice.paid"}"#;

fn stripe() -> Script {
    Script::verifying(STRIPE, |receiver| receiver).play(|_, delivery| Said {
        status: 202,
        media_type: Some("text/plain"),
        body: format!("{:?}", delivery.id().map(|id| id.as_str())).into(),
        for_good: false,
    })
}

fn with(mut request: Request<Bytes>, name: &'static str, value: &str) -> Request<Bytes> {
    let value = HeaderValue::from_str(value).unwrap();
    request.headers_mut().insert(name, value);
    request
}

fn what_comes_in_and_what_does_not(serve: Serve) {
    let host = serve(stripe());
    let genuine = || host.signed(BODY);
    let at = |seconds: i64| {
        host.sender_at(Timestamp::from_secs(NOW + seconds))
            .send(BODY)
    };
    let forged = || genuine().map(|_| Bytes::from_static(b"{}"));
    let stripped = |name: &str| {
        let mut request = genuine();
        request.headers_mut().remove(name);
        request
    };
    let put = || {
        let mut request = genuine();
        *request.method_mut() = http::Method::PUT;
        request
    };
    let many = format!("t={NOW}{}", format!(",v1={}", "0".repeat(64)).repeat(17));
    for (what, request, refusal) in [
        ("forged", forged(), Refusal::SignatureMismatch),
        (
            "unsigned",
            stripped("stripe-signature"),
            Refusal::SignatureMissing,
        ),
        ("old", at(-301), Refusal::TimestampTooOld),
        ("new", at(301), Refusal::TimestampTooNew),
        (
            "many",
            with(genuine(), "stripe-signature", &many),
            Refusal::TooManyCandidates { limit: 16 },
        ),
        (
            "text",
            with(genuine(), "stripe-signature", "t=x"),
            Refusal::TimestampMalformed,
        ),
        (
            "a form",
            with(
                genuine(),
                "content-type",
                "application/x-www-form-urlencoded",
            ),
            Refusal::MediaTypeUnsupported,
        ),
        (
            "encoded",
            with(genuine(), "content-encoding", "gzip"),
            Refusal::ContentEncodingUnsupported,
        ),
        (
            "large",
            with(genuine(), "content-length", "1048577"),
            Refusal::BodyTooLarge { limit: 1_048_576 },
        ),
    ] {
        let due = outcome::answer(&refusal);
        let reply = host.send(&request);
        assert_eq!(reply.status, due.status.as_u16(), "{what}: {reply:?}");
        reply.is_refusal(due.status.as_u16(), due.body);
        assert_eq!(reply.header("retry-after"), None, "{what}");
    }
    let reply = host.send(&put());
    reply.is_refusal(405, "method not allowed\n");
    assert_eq!(reply.header("allow"), Some("POST"));
    assert_eq!(host.runs(), 0);

    for seconds in [-300, 0, 300] {
        let reply = host.send(&at(seconds));
        reply.is(202, "Some(\"evt_1\")");
        assert_eq!(reply.header("content-type"), Some("text/plain"));
        assert_eq!(reply.header("cache-control"), None);
    }
    assert_eq!((host.runs(), host.attempts()), (3, vec![None; 3]));
}

fn the_handler_gets_the_bytes_that_came(serve: Serve) {
    let echo = |_, delivery: &countersign::Delivery| Said {
        body: delivery.body().clone(),
        ..Said::status(200)
    };
    let host = serve(Script::verifying(STRIPE, |receiver| receiver).play(echo));
    let long = format!(r#"{{"id":"evt_1","padding":"{}"}}"#, "x".repeat(300_000));
    for body in ["{}", r#"{ "a" : 1.0, "a": "\u0041" }"#, &long] {
        host.deliver(body).is(200, body);
        // In pieces, with trailers.
        let chunks = body.as_bytes().chunks(7 + body.len() / 5);
        let mut pieces: Vec<u8> = chunks
            .flat_map(|chunk| {
                [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()
            })
            .collect();
        pieces.extend_from_slice(b"0\r\nstripe-signature: t=1\r\n\r\n");
        let chunked = with(
            host.signed(body).map(|_| pieces.into()),
            "transfer-encoding",
            "chunked",
        );
        host.send(&chunked).is(200, body);
    }
}

fn the_url_that_is_signed_is_the_public_one(serve: Serve) {
    let host = serve(Script::verifying(TWILIO, |receiver| {
        receiver.public_url(PUBLIC)
    }));
    for (query, status) in [("?a=%2Fb&c", 200), ("?a=%2Fb", 401), ("", 401)] {
        let sender = host.sender().url(format!("{PUBLIC}{PATH}?a=%2Fb&c"));
        let mut request = sender.send("CallSid=CA1");
        *request.uri_mut() = format!("{PATH}{query}").parse().unwrap();
        assert_eq!(host.send(&request).status, status, "{query}");
    }
}

fn questions_that_are_signed(serve: Serve) {
    let host = serve(Script::verifying(SLACK, |receiver| receiver));
    let question = r#"{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}"#;
    let reply = host.deliver(question);
    reply
        .is(200, "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P")
        .is_receivers();
    let forged = host
        .signed(question)
        .map(|_| Bytes::from_static(br#"{"type":"url_verification","challenge":"x"}"#));
    host.send(&forged).is_refusal(401, "unauthorized\n");
    assert_eq!(host.runs(), 0);
}

fn questions_that_are_not(serve: Serve) {
    let host = serve(Script::verifying(INTERCOM, |receiver| receiver));
    let head = host.send(&plain("HEAD", PATH, &[], ""));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("cache-control"), Some("no-store"));
    assert_eq!(host.send(&plain("GET", PATH, &[], "")).status, 405);

    let host = serve(Script::verifying(WOOCOMMERCE, |receiver| receiver));
    let form = ("content-type", "application/x-www-form-urlencoded");
    host.send(&plain("POST", PATH, &[form], "webhook_id=7"))
        .is(200, "")
        .is_receivers();
    host.send(&plain("POST", PATH, &[form], "webhook_id=7&more=1"))
        .is_refusal(401, "unauthorized\n");
    assert_eq!(host.runs(), 0);
}

fn questions_for_the_application(serve: Serve) {
    let host = serve(Script::verifying(WEBSUB, |receiver| {
        receiver.consent(|question| async move {
            question.param("hub.topic").as_deref() == Some("https://blog.example/feed")
        })
    }));
    let ask = |topic: &str| {
        let target = format!("{PATH}?hub.mode=subscribe&hub.topic={topic}&hub.challenge=kx9");
        host.send(&plain("GET", &target, &[], ""))
    };
    ask("https://blog.example/feed")
        .is(200, "kx9")
        .is_receivers();
    ask("https://other.example/").is_refusal(404, "not found\n");
    ask(SECRET).is_refusal(404, "not found\n");
    assert_eq!(host.runs(), 0);
}

fn an_unknown_path_is_the_servers(serve: Serve) {
    let host = serve(stripe());
    let mut request = host.signed(BODY);
    *request.uri_mut() = "/other".parse().unwrap();
    let reply = host.send(&request);
    assert_eq!((reply.status, host.runs()), (404, 0));
}

/// Nobody goes on reading what was refused: the connection ends, however much is still to come.
#[track_caller]
fn is_let_go(mut socket: TcpStream, status: &str, piece: &[u8]) {
    let mut answer = [0; 1_024];
    let read = socket.read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{answer}"
    );
    socket
        .set_write_timeout(Some(Duration::from_secs(15)))
        .unwrap();
    let start = Instant::now();
    while start.elapsed().as_secs() < 15 {
        if socket.write_all(piece).is_err() {
            return;
        }
    }
    panic!("it was refused long ago, and is still read");
}

fn chunk(len: usize) -> Vec<u8> {
    let size = format!("{len:x}\r\n");
    [size.as_bytes(), &vec![b'x'; len], b"\r\n"].concat()
}

fn begun(host: &crate::script::Host, signature: &str) -> TcpStream {
    let mut socket = connect(host.address);
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{signature}transfer-encoding: chunked\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket
}

fn who_was_refused_by_his_head_is_let_go(serve: Serve) {
    let host = serve(stripe());
    for len in [1, 1 << 20] {
        is_let_go(begun(&host, ""), "401", &chunk(len));
    }
    assert_eq!(host.runs(), 0);
}

fn who_sent_too_much_is_let_go(serve: Serve) {
    let host = serve(stripe());
    let signature = format!("stripe-signature: t={NOW},v1={}\r\n", "0".repeat(64));
    for len in [1, 1 << 20] {
        let mut socket = begun(&host, &signature);
        // The server may have answered before all of it was written.
        let _ = socket.write_all(&chunk((1 << 20) + 1));
        is_let_go(socket, "413", &chunk(len));
    }
    assert_eq!(host.runs(), 0);
}

/// Four senders without a pause: the receiver takes both secrets, the sender changes over, the receiver takes the new one alone. Nobody is refused.
fn secrets_are_exchanged_under_traffic(serve: Serve) {
    const NEW: &str = "whsec_9876543210fedcba9876543210";
    let secret = |text: &str, label: &str| Secret::new(text).unwrap().label(label);
    let host = serve(Script::verifying(STRIPE, |receiver| receiver));
    let receiver = host.verifier();
    let (uses, is_over) = (RwLock::new(SECRET), AtomicBool::new(false));
    let [accepted, other] = [const { AtomicUsize::new(0) }; 2];
    let signed = |text: &str| {
        let sender = Sender::new(STRIPE, text).at(host.clock().now());
        host.send(&{
            let mut request = sender.send(BODY);
            *request.uri_mut() = PATH.parse().unwrap();
            request
        })
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    // A sender changes over when what it has sent is answered.
                    let text = uses.read().unwrap();
                    let counter = if signed(*text).status == 200 {
                        &accepted
                    } else {
                        &other
                    };
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let goes_on = || {
            let so_far = accepted.load(Ordering::SeqCst);
            host.until(|_| {
                accepted.load(Ordering::SeqCst) >= so_far + 40 || other.load(Ordering::SeqCst) > 0
            });
        };
        goes_on();
        let both = [secret(SECRET, "old"), secret(NEW, "new")];
        receiver.rotate(SecretRing::new(both).unwrap()).unwrap();
        goes_on();
        *uses.write().unwrap() = NEW;
        goes_on();
        receiver.rotate(secret(NEW, "new")).unwrap();
        goes_on();
        is_over.store(true, Ordering::SeqCst);
    });
    assert_eq!(other.load(Ordering::SeqCst), 0);
    assert_eq!(signed(SECRET).status, 401);
    assert_eq!(host.runs(), accepted.load(Ordering::SeqCst));
}
