//! `countersign conform`: a sound receiver holds every case, and of unsound ones the report names what they do not hold.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::num::NonZero;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use countersign::providers::{GITHUB, STRIPE};
use countersign::{FailureLimit, MemoryStore, Peer, Quota, Receiver, Secret, Sources, system_now};
use countersign_axum::{CountersignLayer, Webhook};
use countersign_testkit::judge;
use http::StatusCode;
use http_body_util::BodyExt as _;

use crate::command::{Ran, file, run};

const SECRET: &str = "whsec_0123456789abcdef0123456789";

fn conform(to: SocketAddr, scheme: &str, more: &[&str]) -> Ran {
    let url = format!("http://{to}/hook");
    let arguments = [
        "conform",
        &url,
        "--scheme",
        scheme,
        "--secret-env",
        "SECRET",
    ];
    run(arguments.iter().chain(more).copied())
        .secret("SECRET", SECRET)
        .ran()
}

/// The lines of what failed, without the explanations behind them.
fn failed(ran: &Ran) -> Vec<&str> {
    let lines = ran.stdout.lines();
    let names = lines.filter_map(|line| line.strip_prefix("FAILED")?.split_whitespace().next());
    names.collect()
}

#[track_caller]
fn fails(ran: &Ran, names: &[&str], says: &str) {
    assert_eq!(failed(ran), names, "{ran:?}");
    assert!(ran.stdout.contains(says), "{says}: {ran:?}");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
}

/// Serves an application until the tests end.
fn serve(app: Router) -> SocketAddr {
    let (send, address) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            send.send(listener.local_addr().unwrap()).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
    });
    address.recv().unwrap()
}

/// A sound receiver that remembers. A stalled body has a second.
fn stripe() -> Router {
    let receiver = Receiver::builder(STRIPE, Secret::new(SECRET).unwrap())
        .body_timeouts(Duration::from_secs(1), Duration::from_secs(20))
        .store(MemoryStore::single_process(10_000))
        .build()
        .unwrap();
    let handler = post(async |_: Webhook<Bytes>| StatusCode::NO_CONTENT);
    Router::new().route("/hook", handler.layer(CountersignLayer::new(receiver)))
}

#[test]
fn a_sound_receiver_holds_every_case() {
    let ran = conform(serve(stripe()), "stripe", &["--timeout", "3"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    assert_eq!(failed(&ran), Vec::<&str>::new());
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(
        lines[0],
        "held       genuine                              204"
    );
    let last = *lines.last().unwrap();
    // What axum does not do by itself is said; three ask for more than Stripe's scheme has.
    assert_eq!(
        last,
        "181 held, 8 held with an advice, 0 failed, 3 not asked"
    );
    for advised in ["silent", "stalls-in-headers", "host-twice"] {
        let line = format!("held, but  {advised} ");
        assert!(ran.stdout.contains(&line), "{advised}: {ran:?}");
    }
    assert!(
        ran.stdout
            .contains("(in hyper: a timer and header_read_timeout)")
    );
    let names_http2 = |line: &&str| line.contains(" h2-");
    assert!(lines.iter().filter(|line| names_http2(line)).count() > 20);
}

#[test]
fn a_receiver_that_verifies_nothing() {
    let app = Router::new().route("/hook", post(async |_: Bytes| StatusCode::NO_CONTENT));
    let cases = ["genuine", "forged", "unsigned", "gzip", "chunked"];
    let more = cases.map(|case| ["--case", case]).concat();
    let ran = conform(serve(app), "github", &more);
    let says = "\
FAILED     forged                               204
           a delivery signed with another secret
           answered 204: what must be refused was accepted
";
    fails(&ran, &["forged", "unsigned", "gzip"], says);
    assert!(
        ran.stdout
            .ends_with("\n2 held, 0 held with an advice, 3 failed, 0 not asked\n")
    );
}

/// Takes trailers for headers, in front of a sound layer.
async fn with_trailers(request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let Ok(collected) = body.collect().await else {
        return Response::new(Body::empty());
    };
    if let Some(trailers) = collected.trailers() {
        head.headers.extend(trailers.clone());
    }
    let body = Body::from(collected.to_bytes());
    next.run(Request::from_parts(head, body)).await
}

#[test]
fn a_receiver_that_takes_trailers_for_headers() {
    let app = stripe().layer(middleware::from_fn(with_trailers));
    let cases = [
        "trailers",
        "trailer-signature",
        "trailer-signature-after-a-wrong-one",
    ];
    let more = cases.map(|case| ["--case", case]).concat();
    let ran = conform(serve(app), "stripe", &more);
    let says = "answered 204: what must be refused was accepted";
    fails(
        &ran,
        &["trailer-signature", "trailer-signature-after-a-wrong-one"],
        says,
    );
}

/// Takes one request after the other and judges it, its headers in a map: of two of one name the last one counts. Lives as long as it
/// understands what it gets, or for ever.
fn by_hand(lives_for_ever: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let receiver = Receiver::builder(GITHUB, Secret::new(SECRET).unwrap())
            .build()
            .unwrap();
        for stream in listener.incoming() {
            if answer(&receiver, &stream.unwrap()).is_none() && !lives_for_ever {
                return;
            }
        }
    });
    address
}

fn answer(receiver: &Receiver, mut stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).ok()?;
        let line = String::from_utf8(line).ok()?.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let mut request = http::Request::post("/hook").body(Bytes::new()).ok()?;
    for line in lines.get(1..)? {
        let (name, value) = line.split_once(": ")?;
        let name: http::HeaderName = name.parse().ok()?;
        request.headers_mut().insert(name, value.parse().ok()?);
    }
    let length = request.headers().get("content-length")?.to_str().ok()?;
    let mut body = vec![0; length.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    *request.body_mut() = body.into();
    let status = match judge(receiver, &request, system_now()) {
        Ok(_) => "204 No Content",
        Err(_) => "401 Unauthorized",
    };
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n\r\n").ok()
}

#[test]
fn a_receiver_that_lets_the_last_of_two_headers_count() {
    let cases = [
        "signature-twice",
        "a-wrong-signature-first",
        "signature-and-a-wrong-one",
    ];
    let more = cases.map(|case| ["--case", case]).concat();
    let ran = conform(by_hand(true), "github", &more);
    let says = "\
           a signature header with a wrong value, and the genuine one behind it
           answered 204: what must be refused was accepted
";
    fails(&ran, &["signature-twice", "a-wrong-signature-first"], says);
}

#[test]
fn a_receiver_that_everybody_waits_for() {
    let more = [
        "--case",
        "stalls-in-body",
        "--case",
        "leaves-in-body",
        "--timeout",
        "1",
    ];
    let ran = conform(by_hand(true), "github", &more);
    let says = "no genuine delivery is accepted meanwhile: it is not answered within 1 s";
    fails(&ran, &["stalls-in-body"], says);
}

#[test]
fn a_receiver_that_a_stranger_ends() {
    let more = ["genuine", "binary", "leaves-at-once", "forged"].map(|case| ["--case", case]);
    let ran = conform(by_hand(false), "github", &more.concat());
    // The system may take one more connection while the server goes down, and close it.
    let says = "no genuine delivery is accepted afterwards: ";
    fails(&ran, &["binary"], says);
    assert!(
        ran.stdout
            .contains("\ngenuine deliveries are accepted no more: ")
    );
    let end = "2 held, 0 held with an advice, 1 failed, 0 not asked\n1 were not played any more\n";
    assert!(ran.stdout.ends_with(end), "{ran:?}");
}

/// A sound receiver that counts one failure in an hour.
fn limited(limit: fn(Quota) -> FailureLimit) -> SocketAddr {
    let quota = Quota::per_hour(NonZero::<u32>::MIN);
    let receiver = Receiver::builder(STRIPE, Secret::new(SECRET).unwrap())
        .sources(Sources::direct())
        .limit_failures(limit(quota))
        .build()
        .unwrap();
    let handler = post(async |_: Webhook<Bytes>| StatusCode::NO_CONTENT);
    let app = Router::new().route("/hook", handler.layer(CountersignLayer::new(receiver)));
    serve(app.layer(middleware::from_fn(from_here)))
}

async fn from_here(mut request: Request, next: Next) -> Response {
    let peer = Peer(Ipv4Addr::LOCALHOST.into());
    request.extensions_mut().insert(peer);
    next.run(request).await
}

const LIMITED: [&str; 8] = [
    "--case",
    "forged",
    "--case",
    "unsigned",
    "--case",
    "chunk-size-empty",
    "--case",
    "forged-after-genuine",
];

#[test]
fn a_receiver_that_counts_failures() {
    let ran = conform(limited(FailureLimit::penalise), "stripe", &LIMITED);
    ran.printed(
        0,
        "\
held       forged                               401
held       unsigned                             429
held       chunk-size-empty                     429
held       forged-after-genuine                 204, 429

4 held, 0 held with an advice, 0 failed, 0 not asked
3 were answered 429: the receiver counts failures, and what it would have said was not seen; play them without that limit, too
",
    );
}

#[test]
fn a_receiver_that_refuses_early_whoever_failed() {
    let ran = conform(limited(FailureLimit::refuse_early), "stripe", &LIMITED);
    ran.printed(
        1,
        "\
FAILED     forged                               401
           a delivery signed with another secret
           no genuine delivery is accepted afterwards: it is answered 429
genuine deliveries are accepted no more: it is answered 429
a limit that refuses early turns them away, too, when they come from where forgeries come from: play without it

0 held, 0 held with an advice, 1 failed, 0 not asked
3 were not played any more
",
    );
}

/// What is no HTTP is not waited for.
#[test]
fn where_something_else_listens_nothing_is_played() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.write_all(b"SSH-2.0-none\r\n").unwrap();
            held.push(stream);
        }
    });
    conform(address, "stripe", &["--timeout", "30"]).printed(
        1,
        "no genuine delivery is accepted: it is answered with what is no HTTP/1\n\
         nothing else would mean anything: are scheme, secret and path the receiver's, and does its handler take the body? (--body)\n",
    );
}

/// Its reason is said once.
#[test]
fn a_receiver_that_does_not_speak_http2() {
    let more = ["h2-genuine", "h2-forged"].map(|case| ["--case", case]);
    conform(by_hand(true), "github", &more.concat()).printed(
        0,
        "\
not asked  h2-genuine
           the server does not speak HTTP/2 without TLS
not asked  h2-forged

0 held, 0 held with an advice, 0 failed, 2 not asked
",
    );
}

/// It never says 100, and answers when it has the body all the same.
#[test]
fn a_receiver_that_is_asked_first_and_says_nothing() {
    let more = ["--case", "expect-continue", "--timeout", "1"];
    let says = "\
FAILED     expect-continue                      204
           a genuine delivery that asks before it sends its body
           never said 100, go on
";
    fails(
        &conform(by_hand(true), "github", &more),
        &["expect-continue"],
        says,
    );
}

#[test]
fn without_a_genuine_delivery_nothing_is_played() {
    let app = Router::new().route("/hook", post(async || StatusCode::IM_A_TEAPOT));
    let ran = conform(serve(app), "stripe", &[]);
    ran.printed(
        1,
        "no genuine delivery is accepted: it is answered 418\n\
         nothing else would mean anything: are scheme, secret and path the receiver's, and does its handler take the body? (--body)\n",
    );
}

/// The handler takes one body alone, and each of them once: its id is always another one.
#[test]
fn genuine_deliveries_may_have_a_body_of_ones_own() {
    let receiver = Receiver::builder(STRIPE, Secret::new(SECRET).unwrap())
        .build()
        .unwrap();
    let seen = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let seen: &'static _ = Box::leak(Box::new(seen));
    let handler = post(async move |Webhook { payload, .. }: Webhook<Bytes>| {
        let value: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        let id = value["id"].as_str().unwrap().to_owned();
        let is_new = seen.lock().unwrap().insert(id);
        match is_new && value["type"] == "invoice.paid" {
            true => StatusCode::OK,
            false => StatusCode::UNPROCESSABLE_ENTITY,
        }
    });
    let app = Router::new().route("/hook", handler.layer(CountersignLayer::new(receiver)));
    let body = file(
        "conform-body.json",
        r#"{"id": "evt_1", "type": "invoice.paid"}"#,
    );
    let more = [
        "--body",
        &body,
        "--case",
        "genuine",
        "--case",
        "two-requests",
    ];
    conform(serve(app), "stripe", &more).printed(
        0,
        "\
held       genuine                              200
held       two-requests                         200, 200

2 held, 0 held with an advice, 0 failed, 0 not asked
",
    );
}

#[test]
fn only_this_machine_is_attacked() {
    for (host, says) in [
        ("192.0.2.1", "\"192.0.2.1\""),
        ("example.com", "\"example.com\""),
        ("0.0.0.0", "\"0.0.0.0\""),
        ("[2001:db8::1]", "\"2001:db8::1\""),
    ] {
        let url = format!("http://{host}/hook");
        run(["conform", &url, "--scheme", "stripe", "--secret-env", "SECRET"])
            .secret("SECRET", SECRET)
            .ran()
            .trouble(&format!(
                "only this machine is attacked: {says} is no loopback address, which is one of 127.0.0.0/8, [::1], or localhost"
            ));
    }
}

#[test]
fn what_cannot_be_played_is_trouble() {
    let trouble = |arguments: &[&str], says: &str| {
        let all = ["conform"].iter().chain(arguments).copied();
        run(all).secret("SECRET", SECRET).ran().trouble(says);
    };
    let secret = ["--secret-env", "SECRET"];
    trouble(
        &[&["https://localhost/", "--scheme", "stripe"][..], &secret].concat(),
        "https is not supported: there is no TLS in this program; give the receiver's own http address, behind whatever ends TLS",
    );
    trouble(
        &[&["http://localhost/"][..], &secret].concat(),
        "give the scheme with --scheme PROVIDER or --scheme-file FILE",
    );
    trouble(
        &["http://localhost/", "--case", "nonsense"],
        "--case: there is no case \"nonsense\"; --list prints their names",
    );
    trouble(
        &["http://localhost/", "--scheme", "stripe"],
        "no secret is given: name an environment variable with --secret-env NAME, or a file with --secret-file PATH",
    );
}

#[test]
fn where_nobody_listens_nothing_is_played() {
    // Taken and given back: nobody else asks for it meanwhile.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let ran = conform(address, "stripe", &[]);
    let says = "no genuine delivery is accepted: no connection: ";
    assert!(ran.stdout.starts_with(says), "{ran:?}");
    assert_eq!(ran.code, Some(1));
}

#[test]
fn the_cases_are_listed() {
    let ran = run(["conform", "--list"]).ran();
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 192));
    let line = "\ntrailer-signature                    the signature in a trailer alone\n";
    assert!(ran.stdout.contains(line), "{ran:?}");
}
