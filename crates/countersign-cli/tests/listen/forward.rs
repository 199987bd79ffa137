//! What is verified is passed on once, and the answer is the target's.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::mpsc;

use countersign::{providers, system_now};
use countersign_testkit::Sender;
use http::header::HeaderValue;

use crate::running::{Running, ends, secret, start};
use crate::sockets::{Target, answering, exchange, stripe, stripe_with, target};

fn forwarding(target: &Target) -> Running {
    let url = target.url();
    start(&[
        "--secret",
        "stripe=env:STRIPE_SECRET",
        "--json",
        "--forward",
        &url,
    ])
}

#[test]
fn a_delivery_arrives_whole_and_once() {
    let target = answering(
        "HTTP/1.1 202 Accepted\nset-cookie: a=b\ncontent-type: text/plain\ncontent-length: 2\n\nhi",
    );
    let running = forwarding(&target);
    let mut request = stripe("evt_1");
    // What a stranger would like to be taken for ours, and what is about his connection.
    for (name, value) in [
        ("countersign-scheme", "github"),
        ("countersign-id", "forged"),
        ("countersign-tenant", "forged"),
        ("countersign-else", "forged"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("cookie", "a=b"),
        ("x-forwarded-for", "10.0.0.1"),
    ] {
        let value = HeaderValue::from_static(value);
        request.headers_mut().append(name, value);
    }
    let answer = exchange(running.address, &request);
    assert_eq!((answer.status(), answer.body.len()), (202, 0));
    assert_eq!(answer.names(), ["content-length", "date"]);
    assert_eq!(running.told(), told("done", "done", 202));

    let arrived = target.arrived();
    assert_eq!(arrived.line, "POST /hooks HTTP/1.1");
    assert_eq!(arrived.body, &request.body()[..]);
    assert_eq!(
        arrived.names(),
        [
            "connection",
            "content-length",
            "content-type",
            "countersign-attempt",
            "countersign-event",
            "countersign-id",
            "countersign-key",
            "countersign-route",
            "countersign-scheme",
            "countersign-signed",
            "host",
            "stripe-signature",
        ]
    );
    for (name, value) in [
        ("content-type", "application/json"),
        ("countersign-attempt", "1"),
        ("countersign-event", "invoice.paid"),
        ("countersign-id", "evt_1"),
        ("countersign-route", "stripe"),
        ("countersign-scheme", "stripe"),
        ("countersign-signed", "id, event"),
        ("connection", "close"),
    ] {
        assert_eq!(arrived.all(name), [value], "{name}");
    }
    assert_eq!(
        arrived.all("host"),
        [format!("127.0.0.1:{}", target.port())]
    );

    // Copies get what was recorded, forgeries nothing.
    assert_eq!(exchange(running.address, &request).status(), 202);
    assert_eq!(running.told(), told("duplicate", "duplicate_replay", 202));
    assert_eq!(
        exchange(
            running.address,
            &stripe_with("STRIPE_NEXT", "evt_2", system_now())
        )
        .status(),
        401
    );
    assert_eq!(running.told(), told("refused", "signature_mismatch", 401));
    assert!(target.is_done());
    assert_eq!(running.stop(), Vec::<String>::new());
}

fn told(outcome: &str, code: &str, status: u64) -> (String, String, Option<u64>) {
    (outcome.to_owned(), code.to_owned(), Some(status))
}

#[test]
fn values_of_the_delivery_are_escaped_in_our_headers() {
    let target = answering("HTTP/1.1 200 OK\ncontent-length: 0\n\n");
    let running = forwarding(&target);
    exchange(running.address, &stripe("a b%\u{fc}\u{202e}"));
    assert_eq!(
        target.arrived().all("countersign-id"),
        ["a%20b%25%C3%BC%E2%80%AE"]
    );
    // The line holds them as JSON does, with nothing that steers.
    let line = running.line();
    assert!(line.contains(r#""id":"a b%ü\u202e""#), "{line}");
}

#[test]
fn what_the_signature_does_not_cover_is_said() {
    let target = answering("HTTP/1.1 200 OK\ncontent-length: 0\n\n");
    let url = target.url();
    let running = start(&[
        "--secret",
        "github=env:GITHUB_SECRET",
        "--deduplicate",
        "github=by-content",
        "--json",
        "--forward",
        &url,
    ]);
    let sender = Sender::new(providers::GITHUB, secret("GITHUB_SECRET"));
    let sender = sender.id("d-1").event("push").url("/github?a=1");
    exchange(running.address, &sender.send("{}"));
    let arrived = target.arrived();
    // Nothing proves the query string.
    assert_eq!(arrived.line, "POST /hooks HTTP/1.1");
    for (name, value) in [
        ("countersign-signed", "none"),
        ("countersign-id", "d-1"),
        ("x-github-delivery", "d-1"),
        ("x-github-event", "push"),
    ] {
        assert_eq!(arrived.all(name), [value], "{name}");
    }
}

#[test]
fn the_answer_is_passed_back_where_the_sender_reads_it() {
    let target = answering(
        "HTTP/1.1 200 OK\ncontent-type: application/json\nset-cookie: a=b\ncontent-length: 15\n\n{\"text\":\"done\"}",
    );
    let url = target.url();
    let running = start(&[
        "--secret",
        "slack=env:STRIPE_SECRET",
        "--json",
        "--forward",
        &url,
    ]);
    let sender = Sender::new(providers::SLACK, secret("STRIPE_SECRET")).at(system_now());
    let sender = sender
        .media_type("application/x-www-form-urlencoded")
        .url("/slack");
    let request = sender.send("command=%2Fweather&text=94070");
    for _ in 0..2 {
        let answer = exchange(running.address, &request);
        assert_eq!(
            (answer.status(), &answer.body[..]),
            (200, &br#"{"text":"done"}"#[..])
        );
        assert_eq!(answer.all("content-type"), ["application/json"]);
        assert_eq!(answer.all("set-cookie"), [""; 0]);
    }
    assert_eq!(target.arrived().body, b"command=%2Fweather&text=94070");
    assert!(target.is_done());
}

#[test]
fn a_target_that_fails_leaves_the_delivery_to_the_next_attempt() {
    let turns = Mutex::new(0);
    let target = target(move |_, stream| {
        let mut turn = turns.lock().unwrap();
        *turn += 1;
        let answer: &[u8] = match *turn {
            1 => b"HTTP/1.1 500 Oh\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n",
            2 => {
                b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
            }
            // Hangs up before and within its answer.
            3 => b"",
            4 => b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab",
            5 => b"no HTTP\r\n\r\n",
            6 => b"HTTP/1.1 422 No\r\ncontent-length: 0\r\n\r\n",
            _ => b"HTTP/1.1 204 No Content\r\n\r\n",
        };
        stream.write_all(answer).unwrap();
    });
    let running = forwarding(&target);
    let request = stripe("evt_1");
    for (run, status, forward) in [
        (1, 500, None),
        (2, 503, Some("redirected")),
        (3, 503, Some("broken")),
        (4, 503, Some("broken")),
        (5, 503, Some("broken")),
        (6, 422, None),
    ] {
        let answer = exchange(running.address, &request);
        assert_eq!(answer.status(), status, "{run}");
        let wait: &[&str] = match (status, forward) {
            (500, _) => &["7"],
            (_, None) => &[],
            (_, Some(_)) => &["5"],
        };
        assert_eq!(answer.all("retry-after"), wait, "{run}");
        assert_eq!(answer.all("location"), [""; 0]);
        let line = running.json();
        assert_eq!(line["code"], "released");
        assert_eq!(line["status"], status);
        assert_eq!(line["forward"].as_str(), forward, "{run}");
        assert_eq!(line["attempt"], run);
        assert_eq!(
            target.arrived().all("countersign-attempt"),
            [run.to_string()]
        );
    }
    assert_eq!(exchange(running.address, &request).status(), 204);
    assert_eq!(running.told(), told("done", "done", 204));
    assert_eq!(exchange(running.address, &request).status(), 204);
    assert_eq!(running.told(), told("duplicate", "duplicate_replay", 204));
    let port = target.port();
    running.noticed(&format!(
        "countersign: route stripe: a delivery could not be forwarded to 127.0.0.1:{port}: it answered with a redirect, which is not followed"
    ));
}

#[test]
fn a_target_that_is_not_there_is_503() {
    // Nothing listens there on any machine that runs this.
    let url = "http://127.0.0.1:1/";
    let running = start(&[
        "--secret",
        "stripe=env:STRIPE_SECRET",
        "--json",
        "--forward",
        url,
    ]);
    let answer = exchange(running.address, &stripe("evt_1"));
    assert_eq!(
        (answer.status(), &answer.body[..]),
        (503, &b"service unavailable\n"[..])
    );
    assert_eq!(answer.all("retry-after"), ["5"]);
    let line = running.json();
    assert_eq!(
        (line["code"].as_str(), line["forward"].as_str()),
        (Some("released"), Some("unreachable"))
    );
}

#[test]
fn a_target_that_hangs_is_given_up() {
    // It holds its connection until the test is over.
    let (end, ended) = mpsc::channel::<()>();
    let ended = Mutex::new(ended);
    let target = target(move |_, _| {
        let _ = ended.lock().unwrap().recv();
    });
    let file = crate::running::file(
        "hanging.toml",
        &format!(
            "[forward]\nurl = \"{}\"\ntimeout = \"1s\"\n[route.stripe]\nsecrets = [{{ env = \"STRIPE_SECRET\" }}]\n",
            target.url()
        ),
    );
    let running = start(&[&file, "--json"]);
    let answer = exchange(running.address, &stripe("evt_1"));
    assert_eq!(
        (answer.status(), answer.all("retry-after")),
        (503, vec!["5"])
    );
    let line = running.json();
    assert_eq!(
        (line["code"].as_str(), line["forward"].as_str()),
        (Some("released"), Some("timed_out"))
    );
    drop(end);
}

#[test]
fn a_target_that_only_begins_to_answer_is_given_up() {
    let target = target(|_, stream| {
        let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000);
        while stream.write_all(interim.as_bytes()).is_ok() {}
    });
    let running = forwarding(&target);
    assert_eq!(exchange(running.address, &stripe("evt_1")).status(), 503);
    let line = running.json();
    assert_eq!(line["forward"], "broken", "{line}");
}

#[test]
fn an_answer_that_is_too_long_is_a_status() {
    let target = target(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1000000\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&vec![b'a'; 1_000_000]);
    });
    let url = target.url();
    let running = start(&[
        "--secret",
        "slack=env:STRIPE_SECRET",
        "--json",
        "--forward",
        &url,
    ]);
    let sender = Sender::new(providers::SLACK, secret("STRIPE_SECRET"))
        .at(system_now())
        .url("/slack");
    let answer = exchange(running.address, &sender.send("{\"event_id\":\"Ev1\"}"));
    assert_eq!((answer.status(), answer.body.len()), (200, 0));
    assert_eq!(running.told(), told("done", "done", 200));
}

#[test]
fn only_what_is_local_is_forwarded_to() {
    for (url, says) in [
        (
            "https://127.0.0.1/x?t=1",
            "https is not supported: there is no TLS in this program",
        ),
        (
            "http://user:pass@127.0.0.1/",
            "the URL holds a user or password",
        ),
        (
            "http://127.0.0.1/#x",
            "the URL has a fragment, which is never sent",
        ),
        (
            "127.0.0.1:80",
            "\"127.0.0.1:80\" begins with neither http:// nor https://",
        ),
        (
            "http://app:3000/",
            "app:3000 is not this machine's loopback interface, and what is sent there is not encrypted: accept that with remote = true in [forward], or --forward-remote",
        ),
        (
            "http://10.0.0.1/",
            "10.0.0.1 is not this machine's loopback interface, and what is sent there is not encrypted: accept that with remote = true in [forward], or --forward-remote",
        ),
        (
            "http://0.0.0.0:8080/",
            "is this receiver's own address, 127.0.0.1:8080",
        ),
        (
            "http://127.0.0.1:8080/x",
            "is this receiver's own address, 127.0.0.1:8080",
        ),
        (
            "http://LOCALHOST:8080",
            "is this receiver's own address, 127.0.0.1:8080",
        ),
    ] {
        let (code, out, error) = ends(&["--secret", "stripe=env:STRIPE_SECRET", "--forward", url]);
        assert_eq!(error, format!("countersign: --forward: {says}\n"), "{url}");
        assert_eq!((code, out.as_str()), (Some(2), ""));
    }
    let arguments = [
        "--secret",
        "stripe=env:STRIPE_SECRET",
        "--forward",
        "http://app:3000/",
        "--forward-remote",
        "--check",
    ];
    assert_eq!(
        ends(&arguments),
        (Some(0), "ok: 1 route\n".to_owned(), String::new())
    );
}

#[test]
fn a_token_is_not_passed_on() {
    let target = answering("HTTP/1.1 200 OK\ncontent-length: 0\n\n");
    let url = target.url();
    for place in ["header:X-Token", "query:token", "bearer", "path"] {
        let token_in = format!("zapier={place}");
        let running = start(&[
            "--secret",
            "zapier=env:ZAPIER_TOKEN",
            "--accept-weak",
            "zapier=nothing-signed",
            "--deduplicate",
            "zapier=off",
            "--token-in",
            &token_in,
            "--forward",
            &url,
        ]);
        let token = secret("ZAPIER_TOKEN");
        let (uri, header, value) = match place {
            "header:X-Token" => ("/zapier".to_owned(), "x-token", token.to_owned()),
            "query:token" => (format!("/zapier?token={token}"), "x-a", String::new()),
            "bearer" => (
                "/zapier".to_owned(),
                "authorization",
                format!("Bearer {token}"),
            ),
            _ => (format!("/zapier/{token}"), "x-a", String::new()),
        };
        let request = http::Request::post(uri)
            .header(header, value)
            .body("{}".into())
            .unwrap();
        assert_eq!(exchange(running.address, &request).status(), 200, "{place}");
        let arrived = target.arrived();
        assert!(!format!("{arrived:?}").contains(token), "{arrived:?}");
        assert_eq!(arrived.line, "POST /hooks HTTP/1.1");
    }
}
