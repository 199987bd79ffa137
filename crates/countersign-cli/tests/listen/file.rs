//! A receiver from a file: every route is what its section says.

use std::fs;
use std::path::Path;

use countersign::{Scheme, providers, system_now};
use countersign_testkit::Sender;
use http::Request;

use crate::running::{ends, file, secret, start};
use crate::sockets::{answering, exchange, stripe, stripe_with};

/// The example, with secrets where it names them.
#[test]
fn the_example_makes_sense() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("receiver-file");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/receiver-file");
    fs::create_dir_all(folder.join("secrets")).unwrap();
    fs::write(folder.join("secrets/stripe-old"), secret("STRIPE_NEXT")).unwrap();
    for name in ["receiver.toml", "acme.toml"] {
        fs::copy(example.join(name), folder.join(name)).unwrap();
    }
    let path = folder.join("receiver.toml");
    let (code, out, error) = ends(&[path.to_str().unwrap(), "--check"]);
    assert_eq!(
        (code, out.as_str(), error.as_str()),
        (Some(0), "ok: 8 routes\n", "")
    );

    // Where nothing is there that it refers to, all of it is named.
    let missing = folder.join("without-acme.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&missing, text.replace("acme.toml", "no-acme.toml")).unwrap();
    let (code, _, error) = ends(&[missing.to_str().unwrap(), "--check"]);
    assert!(error.contains(": schemes.acme: "), "{error}");
    assert_eq!((code, error.lines().count()), (Some(2), 1));
}

#[test]
fn the_keys_are_printed() {
    let (code, out, error) = ends(&["--keys"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert!(
        out.starts_with("# The file of `countersign listen`\n"),
        "{out}"
    );
}

#[test]
fn routes_have_paths_targets_and_secrets_of_their_own() {
    let (first, second) = (
        answering("HTTP/1.1 201 Created\ncontent-length: 0\n\n"),
        answering("HTTP/1.1 202 Accepted\ncontent-length: 0\n\n"),
    );
    file("next.secret", &format!("{}\n", secret("STRIPE_NEXT")));
    let path = file(
        "routes.toml",
        &format!(
            "\
[log]
format = 'json'
[server]
health = '/health'
[forward]
url = '{}'
[route.stripe]
secrets = [{{ env = 'STRIPE_SECRET' }}]
forward_headers = ['x-request-id']
[route.stripe-connect]
scheme = 'stripe'
path = '/stripe/connect'
secrets = [{{ file = 'next.secret', label = 'connect' }}]
forward = '{}?from=here'
",
            first.url(),
            second.url()
        ),
    );
    let running = start(&[&path]);
    assert_eq!(
        [running.notice(), running.notice()],
        [
            format!(
                "countersign: http://{}/stripe takes stripe: what is genuine is forwarded to http://127.0.0.1:{}",
                running.address,
                first.port()
            ),
            format!(
                "countersign: http://{}/stripe/connect takes stripe: what is genuine is forwarded to http://127.0.0.1:{}",
                running.address,
                second.port()
            ),
        ]
    );
    let mut request = stripe("evt_1");
    request
        .headers_mut()
        .insert("x-request-id", "r-1".parse().unwrap());
    request.headers_mut().insert("x-else", "1".parse().unwrap());
    assert_eq!(exchange(running.address, &request).status(), 201);
    let line = running.json();
    assert_eq!(
        (line["route"].as_str(), line["secret"].as_str()),
        (Some("stripe"), Some("STRIPE_SECRET"))
    );
    let arrived = first.arrived();
    assert_eq!(arrived.all("x-request-id"), ["r-1"]);
    assert_eq!(arrived.all("x-else"), [""; 0]);
    let key = arrived.all("countersign-key")[0].to_owned();

    // The same event at the other endpoint is another delivery, under another secret.
    let elsewhere = |mut request: Request<bytes::Bytes>| {
        *request.uri_mut() = "/stripe/connect".parse().unwrap();
        request
    };
    assert_eq!(
        exchange(running.address, &elsewhere(stripe("evt_1"))).status(),
        401
    );
    assert_eq!(running.told().1, "signature_mismatch");
    let request = elsewhere(stripe_with("STRIPE_NEXT", "evt_1", system_now()));
    assert_eq!(exchange(running.address, &request).status(), 202);
    let line = running.json();
    assert_eq!(
        (line["route"].as_str(), line["secret"].as_str()),
        (Some("stripe-connect"), Some("connect"))
    );
    let arrived = second.arrived();
    assert_eq!(arrived.line, "POST /hooks?from=here HTTP/1.1");
    assert_eq!(arrived.all("countersign-route"), ["stripe-connect"]);
    assert_ne!(arrived.all("countersign-key"), [key]);

    // Health is no attempt.
    let health = Request::get("/health").body("".into()).unwrap();
    let answer = exchange(running.address, &health);
    assert_eq!((answer.status(), &answer.body[..]), (200, &b"ok\n"[..]));
    assert_eq!(running.stop(), Vec::<String>::new());
}

#[test]
fn a_scheme_of_ones_own_is_served() {
    let example =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/receiver-file/acme.toml");
    let text = fs::read_to_string(example).unwrap();
    file("own-acme.toml", &text);
    let path = file(
        "own.toml",
        "[schemes]\nacme = 'own-acme.toml'\n[route.acme]\nsecrets = [{ env = 'STRIPE_SECRET' }]\nacknowledge = true\n",
    );
    let running = start(&[&path, "--json"]);
    let acme = Scheme::from_toml(&text).unwrap();
    let sender = Sender::new(acme, secret("STRIPE_SECRET"))
        .at(system_now())
        .url("/acme");
    let request = sender.send("{\"id\":\"a-1\",\"type\":\"made\"}");
    assert_eq!(exchange(running.address, &request).status(), 200);
    let line = running.json();
    assert_eq!(
        (line["scheme"].as_str(), line["id"].as_str()),
        (Some("acme"), Some("a-1"))
    );
}

#[test]
fn the_query_is_passed_on_where_it_is_signed() {
    let target = answering("HTTP/1.1 200 OK\ncontent-length: 0\n\n");
    let path = file(
        "twilio.toml",
        &format!(
            "[route.twilio]\nsecrets = [{{ env = 'GITHUB_SECRET' }}]\npublic_url = {{ env = 'PUBLIC_URL' }}\ndeduplicate = 'by-content'\nforward = '{}?a=0'\n",
            target.url()
        ),
    );
    let running = start(&[&path, "--json"]);
    let sender = Sender::new(providers::TWILIO, secret("GITHUB_SECRET"));
    let sender = sender
        .media_type("application/x-www-form-urlencoded")
        .url("https://hooks.example/twilio?a=1&b=2");
    let mut request = sender.send("CallSid=CA1&From=%2B1");
    *request.uri_mut() = "/twilio?a=1&b=2".parse().unwrap();
    assert_eq!(exchange(running.address, &request).status(), 200);
    assert_eq!(target.arrived().line, "POST /hooks?a=0&a=1&b=2 HTTP/1.1");
    // Another one was not signed.
    *request.uri_mut() = "/twilio?a=1&b=3".parse().unwrap();
    assert_eq!(exchange(running.address, &request).status(), 401);
}

#[test]
fn a_wrong_public_url_is_said_to_the_operator() {
    let path = file(
        "wrong-url.toml",
        "[route.twilio]\nsecrets = [{ env = 'GITHUB_SECRET' }]\npublic_url = 'http://hooks.example'\ndeduplicate = 'by-content'\nacknowledge = true\n",
    );
    let running = start(&[&path]);
    let sender = Sender::new(providers::TWILIO, secret("GITHUB_SECRET"));
    let sender = sender
        .media_type("application/x-www-form-urlencoded")
        .url("https://hooks.example/twilio");
    let mut request = sender.send("CallSid=CA1");
    *request.uri_mut() = "/twilio".parse().unwrap();
    let answer = exchange(running.address, &request);
    assert_eq!(
        (answer.status(), &answer.body[..]),
        (401, &b"unauthorized\n"[..])
    );
    let line = running.line();
    assert!(line.contains(" refused signature_mismatch 401 "), "{line}");
    assert!(line.ends_with(" hint=scheme"), "{line}");
    running.notice();
    let notice = running.notice();
    let start = "countersign: a webhook was refused that would have passed with another public url scheme=\"twilio\" hint=\"scheme\" signed=https://hooks.example ";
    assert!(notice.starts_with(start), "{notice}");
}

#[test]
fn questions_are_agreed_to_that_the_file_names() {
    let path = file(
        "websub.toml",
        "[route.websub]\nsecrets = [{ env = 'GITHUB_SECRET' }]\nacknowledge = true\nconsent = { 'hub.topic' = ['https://blog.example/feed'] }\n",
    );
    let running = start(&[&path, "--json"]);
    let ask = |topic: &str| {
        let uri = format!(
            "/websub?hub.mode=subscribe&hub.topic={topic}&hub.challenge=abc&hub.lease_seconds=60"
        );
        exchange(running.address, &Request::get(uri).body("".into()).unwrap())
    };
    let answer = ask("https://blog.example/feed");
    assert_eq!((answer.status(), &answer.body[..]), (200, &b"abc"[..]));
    assert_eq!(running.told().0, "answered");
    assert_eq!(ask("https://blog.example/other").status(), 404);
    assert_eq!(running.told().1, "not_agreed");
}

#[test]
fn limits_hold_as_they_are_written() {
    let path = file(
        "limits.toml",
        "[failures]\ncount = 2\nperiod = '1h'\n[route.stripe]\nsecrets = [{ env = 'STRIPE_SECRET' }]\nacknowledge = true\nmax_body = 64\nquota = { count = 1, period = '1h' }\n",
    );
    let running = start(&[&path, "--json"]);
    let forged = || stripe_with("STRIPE_NEXT", "evt_0", system_now());
    for (request, status, code) in [
        (forged(), 401, "signature_mismatch"),
        (forged(), 401, "signature_mismatch"),
        (forged(), 429, "too_many_failures"),
        (stripe("evt_1"), 200, "done"),
        (stripe("evt_2"), 429, "over_quota"),
        (stripe(&"e".repeat(64)), 429, "too_many_failures"),
    ] {
        assert_eq!(exchange(running.address, &request).status(), status);
        assert_eq!(running.told().1, code);
    }
    assert_eq!(running.stop(), Vec::<String>::new());
}
