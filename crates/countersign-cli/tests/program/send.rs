//! `countersign send`: what arrives at a receiver, and what is shown of its answer.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use crate::command::{Run, file, run};

const SECRET: &str = "whsec_0123456789abcdef0123456789";

/// Takes one request, answers it, and gives it back.
struct OneAnswer {
    port: u16,
    request: JoinHandle<Vec<u8>>,
}

impl OneAnswer {
    fn with(answer: impl FnOnce(&[u8]) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let request = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let request = read_request(&mut stream);
            // A client that has seen enough may be gone already.
            let _ = stream.write_all(&answer(&request));
            request
        });
        Self { port, request }
    }

    fn of(answer: &str) -> Self {
        let answer = answer.replace('\n', "\r\n").into_bytes();
        Self::with(|_| answer)
    }

    fn url(&self, target: &str) -> String {
        format!("http://127.0.0.1:{}{target}", self.port)
    }

    fn request(self) -> String {
        String::from_utf8(self.request.join().unwrap()).unwrap()
    }
}

fn read_request(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return bytes;
            }
        }
        let count = stream.read(&mut chunk).unwrap();
        assert!(count > 0, "the request ended early");
        bytes.extend_from_slice(&chunk[..count]);
    }
}

fn send(url: &str, more: &[&str]) -> Run {
    let arguments = ["send", url, "--secret-env", "SECRET"];
    run(arguments.iter().chain(more).copied()).secret("SECRET", SECRET)
}

#[test]
fn a_genuine_request_arrives_and_the_answer_is_shown() {
    let server = OneAnswer::of(
        "HTTP/1.1 200 OK\nContent-Type: text/plain\nX-Private: 1\nContent-Length: 3\n\nok\n",
    );
    let port = server.port;
    send(&server.url("/stripe?a=1"), &["stripe", "--body", "-", "--at", "1700000000"])
        .stdin("{\"id\":\"evt_1\",\"type\":\"invoice.paid\"}")
        .ran()
        // The line end of the answer's own body is doubled by the stand-in for HTTP's.
        .printed(0, "200 OK\ncontent-type: text/plain\ncontent-length: 3\n\nok\\r\n");
    assert_eq!(
        server.request(),
        format!(
            "POST /stripe?a=1 HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n\
             stripe-signature: t=1700000000,v1=40e55c2463557d978f5d8fede018753b7f2d1fcc97736c952f91724e74eac398\r\n\
             content-length: 36\r\n\r\n{{\"id\":\"evt_1\",\"type\":\"invoice.paid\"}}"
        )
    );
}

/// Every built-in scheme: signed now, sent, and accepted by `verify` as it arrived, and not when its body, or what is sent along, differs.
#[test]
fn what_arrives_is_verified() {
    let all = run(["providers", "--json"]).ran().stdout;
    let all: Vec<serde_json::Value> = serde_json::from_str(&all).unwrap();
    for entry in &all {
        let name = entry["name"].as_str().unwrap();
        let scheme = &entry["scheme"];
        let is_basic = scheme["algorithm"] == "basic";
        let secret = if is_basic {
            "user:0123456789abcdef"
        } else {
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        };
        let types: Vec<&str> = scheme["media_types"]
            .as_array()
            .unwrap()
            .iter()
            .map(|kind| kind.as_str().unwrap())
            .collect();
        let types = if types.is_empty() {
            vec!["application/json"]
        } else {
            types
        };
        for kind in types {
            let body = if kind.ends_with("urlencoded") {
                "a=b&c=d"
            } else {
                "{\"a\": \"b\"}"
            };
            let server = OneAnswer::of("HTTP/1.1 204 No Content\n\n");
            let url = server.url("/p?a=1");
            let mut arguments = vec![
                "send",
                &url,
                name,
                "--secret-env",
                "SECRET",
                "--content-type",
                kind,
                "--url",
                "https://example.com/p?a=1",
                "--body",
                "-",
            ];
            if scheme["content"].to_string().contains("\"id\"") {
                arguments.extend(["--id", "msg_1"]);
            }
            let sent = run(arguments).secret("SECRET", secret).stdin(body).ran();
            assert_eq!(sent.code, Some(0), "{name}: {sent:?}");
            let arrived = server.request();
            let judge = |request: String| {
                let mut arguments = vec!["verify", name, "--secret-env", "SECRET"];
                if scheme["content"].to_string().contains("\"url\"") {
                    arguments.extend(["--public-url", "https://example.com"]);
                }
                if entry["grade"] == "token" {
                    arguments.extend(["--accept-weak", "nothing-signed"]);
                }
                let ran = run(arguments).secret("SECRET", secret).stdin(request).ran();
                let first = ran.stdout.lines().next().unwrap_or_default().to_owned();
                (first, ran.code)
            };
            let accepted = ("accept".to_owned(), Some(0));
            assert_eq!(judge(arrived.clone()), accepted, "{name}: {arrived}");
            let changed = if entry["grade"] == "token" {
                let other = arrived.replace(secret, "whsec_another_0123456789_abcdef");
                other.replace("Basic dXNlcj", "Basic dXNlcg")
            } else {
                let (head, body) = arrived.rsplit_once("\r\n\r\n").unwrap();
                format!("{head}\r\n\r\n{}", body.replace('b', "x"))
            };
            let (verdict, code) = judge(changed);
            assert!(verdict.starts_with("refuse: "), "{name}: {verdict}");
            assert_eq!(code, Some(1), "{name}");
        }
    }
}

#[test]
fn another_status_is_a_no() {
    let server =
        OneAnswer::of("HTTP/1.1 503 Service Unavailable\nRetry-After: 7\nContent-Length: 0\n\n");
    send(&server.url(""), &["stripe"]).ran().printed(
        1,
        "503 Service Unavailable\ncontent-length: 0\nretry-after: 7\n",
    );
    assert!(server.request().starts_with("POST / HTTP/1.1\r\n"));
    let server = OneAnswer::of("HTTP/1.1 302 Found\nLocation: http://h/\nContent-Length: 0\n\n");
    let ran = send(&server.url("/"), &["stripe"]).ran();
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("location: http://h/\n"));
}

#[test]
fn what_steers_a_terminal_is_escaped() {
    let server = OneAnswer::with(|_| {
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: a/b\xff\r\n\r\n\x1b[2Jno\xfe\n".to_vec()
    });
    send(&server.url("/"), &["stripe"]).ran().printed(
        1,
        "400 Bad Request\ncontent-type: a/b\\xff\n\n\\u{1b}[2Jno\\xfe\n",
    );
}

#[test]
fn a_long_answer_is_cut() {
    let server = OneAnswer::with(|_| {
        let body = "x".repeat(1024 * 1024);
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    });
    let ran = send(&server.url("/"), &["stripe"]).ran();
    assert_eq!(ran.code, Some(0));
    let shown = ran
        .stdout
        .strip_prefix("200 OK\ncontent-length: 1048576\n\n")
        .unwrap();
    assert_eq!(
        shown,
        format!(
            "{}\n[the rest of the body is not shown]\n",
            "x".repeat(64 * 1024)
        )
    );
}

/// A token that is sent along is not shown either, also when the answer repeats it.
#[test]
fn an_echoed_secret_is_hidden() {
    let scheme = file(
        "send-token.toml",
        "name = \"own\"\nalgorithm = \"token\"\ngrade = \"token\"\ncontent = []\nsignature = { header = \"x-token\", encoding = \"plain\" }\n",
    );
    for (place, says) in [
        ("header:x-token", "x-token: [token]\r\n"),
        ("query:key", "POST /p?key=[token] HTTP/1.1\r\n"),
        ("path", "POST /p/[token] HTTP/1.1\r\n"),
        ("form:key", "\r\n\r\nkey=[token]"),
        ("json:key", "\r\n\r\n{\"key\":\"[token]\"}"),
    ] {
        let server = OneAnswer::with(|request| {
            [
                &b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"[..],
                request,
            ]
            .concat()
        });
        let ran = send(
            &server.url("/p"),
            &["--scheme-file", &scheme, "--token-in", place],
        )
        .ran();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let shown = ran.stdout.replace("\\r\n", "\r\n");
        assert!(shown.contains(says), "{ran:?}");
        assert!(server.request().contains(SECRET), "{place}");
    }
}

/// The URL that is signed is the one that it is sent to, unless another is named.
#[test]
fn the_signed_url_may_be_another() {
    let scheme = file(
        "send-url.toml",
        "name = \"own\"\nsignature = { header = \"x-signature\" }\ncontent = [\"url\", { literal = \"\\n\" }, \"body\"]\n",
    );
    let judge = |public: &str, more: &[&str]| {
        let server = OneAnswer::of("HTTP/1.1 200 OK\nContent-Length: 0\n\n");
        let local = server.url("");
        let arguments = [&["--scheme-file", scheme.as_str(), "--body", "-"][..], more].concat();
        let ran = send(&server.url("/p"), &arguments).stdin("x").ran();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let public = if public.is_empty() { &local } else { public };
        run([
            "verify",
            "--scheme-file",
            &scheme,
            "--secret-env",
            "SECRET",
            "--public-url",
            public,
        ])
        .secret("SECRET", SECRET)
        .stdin(server.request())
        .ran()
        .code
    };
    assert_eq!(judge("", &[]), Some(0));
    let other = ["--url", "https://example.com/p"];
    assert_eq!(judge("https://example.com", &other), Some(0));
    assert_eq!(judge("", &other), Some(1));
}

/// Wherever the signature lies, what arrives is verified; what is added to the signed URL is added to the one that it is sent to.
#[test]
fn a_signature_may_lie_anywhere() {
    for (name, signature, target) in [
        ("query", "query-param = \"sig\"", "/p?a=1&sig="),
        ("path", "path-end = true", "/p/"),
        ("header", "header = \"x-sig\"", "/p?a=1 "),
    ] {
        let scheme = file(
            &format!("send-{name}.toml"),
            format!(
                "name = \"own\"\nsignature = {{ {signature} }}\nrequires = [{{ header = \"x-version\", equals = \"1\" }}]\n"
            ),
        );
        let server = OneAnswer::of("HTTP/1.1 200 OK\nContent-Length: 0\n\n");
        let arguments = ["--scheme-file", scheme.as_str(), "--body", "-"];
        let elsewhere = ["--url", "https://example.com/hooks/other"];
        let ran = send(
            &server.url("/p?a=1"),
            &[&arguments[..], &elsewhere].concat(),
        )
        .stdin("{\"a\":1}")
        .ran();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let arrived = server.request();
        assert!(arrived.starts_with(&format!("POST {target}")), "{arrived}");
        assert!(arrived.contains("\r\nhost: 127.0.0.1:"), "{arrived}");
        let judge = |request: String| {
            run(["verify", "--scheme-file", &scheme, "--secret-env", "SECRET"])
                .secret("SECRET", SECRET)
                .stdin(request)
                .ran()
                .code
        };
        assert_eq!(judge(arrived.clone()), Some(0), "{arrived}");
        assert_eq!(judge(arrived.replace("{\"a\":1}", "{\"a\":2}")), Some(1));
    }
}

#[test]
fn what_cannot_be_sent_is_trouble() {
    send("https://example.com/", &["stripe"]).ran().trouble(
        "https is not supported: there is no TLS in this program; `countersign sign --curl --url URL` prints a line that sends it",
    );
    send("localhost:3000", &["stripe"])
        .ran()
        .trouble("\"localhost:3000\" begins with neither http:// nor https://");
    // Nobody listens on port 0.
    let ran = send("http://127.0.0.1:0/", &["stripe"]).ran();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    let says = "countersign: cannot connect to 127.0.0.1:0: ";
    assert!(ran.stderr.starts_with(says), "{ran:?}");
}

#[test]
fn a_silent_receiver_is_not_waited_for_for_ever() {
    // Accepted by the system and never answered.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    send(
        &format!("http://127.0.0.1:{port}/"),
        &["stripe", "--timeout", "1"],
    )
    .ran()
    .trouble(&format!("no answer from 127.0.0.1:{port} within 1 s"));
}

#[test]
fn an_answer_that_is_none_is_trouble() {
    let server = OneAnswer::of("nonsense\n\n");
    let port = server.port;
    let ran = send(&server.url("/"), &["stripe"]).ran();
    assert_eq!(ran.code, Some(2));
    let says = format!("countersign: the exchange with 127.0.0.1:{port} failed: ");
    assert!(ran.stderr.starts_with(&says), "{ran:?}");
}
