//! What would have made a refused request pass: said in the log, in words that say what to set, and nowhere else.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use countersign::danger::Weak;
use countersign::providers::{STRIPE, TWILIO};
use countersign::{
    Finished, Peer, Receiver, ReceiverBuilder, Refusal, Scheme, Secret, SecretRing, Timestamp,
    TrustedProxies,
};
use countersign_testkit::{ManualClock, Sender, log};
use http::Request;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const BODY: &str = "From=%2B14158675309&Body=Hello";
const NOW: i64 = 1_700_000_000;

/// What Twilio sends for this URL, as it arrives at `target` with these headers.
fn arrived(url: &str, target: &str, headers: &[(&'static str, &str)]) -> Request<Bytes> {
    let mut request = Sender::new(as_it_is(), TOKEN).url(url).send(BODY);
    *request.uri_mut() = target.parse().unwrap();
    request.headers_mut().remove("host");
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let peer: IpAddr = "10.0.0.1".parse().unwrap();
    request.extensions_mut().insert(Peer(peer));
    request
}

/// Signs the URL as it is given, with its port or without.
fn as_it_is() -> Scheme {
    Scheme {
        url_spellings: (&[]).into(),
        ..TWILIO
    }
}

fn builder() -> ReceiverBuilder {
    let secret = Secret::new(TOKEN).unwrap();
    Receiver::builder(TWILIO, secret).clock(ManualClock::at_secs(NOW))
}

fn configured(base: &str) -> Receiver {
    builder().public_url(base).build().unwrap()
}

/// What the log says beside the event of the attempt, which has the same hint.
fn logged() -> Vec<String> {
    let (attempts, hints): (Vec<_>, Vec<_>) = log::take()
        .into_iter()
        .partition(|line| line.contains("message=webhook attempt"));
    let hint = |line: &String| Some(line.split_once(" hint=")?.1.split(' ').next()?.to_owned());
    for (attempt, told) in attempts.iter().zip(hints.iter().map(Some).chain([None])) {
        assert_eq!(hint(attempt), told.and_then(hint), "{attempt}");
    }
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    hints
}

/// By both ways that a request can take; both say the same.
fn told(receiver: &Receiver, request: &Request<Bytes>) -> (Result<(), Refusal>, Vec<String>) {
    let now = Timestamp::from_secs(NOW);
    let at_once = receiver.verify(request, request.body().clone(), now);
    let at_once = (at_once.map(|_| ()), logged());
    let taken_in = || {
        let mut intake = receiver.open(request, now)?;
        intake.push(request.body().slice(..1))?;
        intake.push(request.body().slice(1..))?;
        intake.finish()
    };
    let streamed = match taken_in() {
        Ok(Finished::Verified(_)) => Ok(()),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal),
    };
    assert_eq!((streamed, logged()), at_once);
    at_once
}

fn hint(receiver: &Receiver, request: &Request<Bytes>) -> String {
    let (verdict, mut lines) = told(receiver, request);
    assert_eq!(verdict, Err(Refusal::SignatureMismatch));
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

fn line(hint: &str, signed: &str, reason: &str) -> String {
    format!(
        "WARN message=a webhook was refused that would have passed with another public url scheme=\"twilio\" hint=\"{hint}\" signed={signed} reason=the sender has signed {reason}"
    )
}

#[test]
fn what_is_wrong_is_named_with_what_to_set() {
    log::listen();
    const URL: &str = "https://hooks.example.com/hooks/twilio?menu=2";
    for (base, url, target, headers, hint_due, signed, reason) in [
        (
            "http://hooks.example.com/hooks",
            URL,
            "/twilio?menu=2",
            &[][..],
            "scheme",
            "https://hooks.example.com/hooks",
            "https and not http: set `public_url` to https://hooks.example.com/hooks",
        ),
        (
            "https://hooks.example.com",
            URL,
            "/twilio?menu=2",
            &[("x-forwarded-prefix", "/hooks")],
            "prefix",
            "https://hooks.example.com/hooks",
            "the prefix /hooks and not no prefix: set `public_url` to https://hooks.example.com/hooks",
        ),
        (
            "https://hooks.example.com",
            URL,
            "/twilio?menu=2",
            &[("x-original-uri", "/hooks/twilio?menu=2")],
            "prefix",
            "https://hooks.example.com/hooks",
            "the prefix /hooks and not no prefix: set `public_url` to https://hooks.example.com/hooks",
        ),
        (
            "https://hooks.example.com/hooks",
            URL,
            "/hooks/twilio?menu=2",
            &[],
            "prefix",
            "https://hooks.example.com",
            "no prefix and not the prefix /hooks: set `public_url` to https://hooks.example.com",
        ),
        (
            "https://hooks.example.com",
            "https://hooks.example.com:8443/twilio",
            "/twilio",
            &[("host", "hooks.example.com:8443")],
            "port",
            "https://hooks.example.com:8443",
            "the port 8443 and not no port: set `public_url` to https://hooks.example.com:8443",
        ),
        (
            "https://hooks.example.com:9443",
            "https://hooks.example.com:8443/twilio",
            "/twilio",
            &[("x-forwarded-port", "8443")],
            "port",
            "https://hooks.example.com:8443",
            "the port 8443 and not the port 9443: set `public_url` to https://hooks.example.com:8443",
        ),
        (
            "https://inner.local",
            "https://hooks.example.com/twilio",
            "/twilio",
            &[
                ("host", "inner.local"),
                ("x-forwarded-host", "hooks.example.com"),
            ],
            "host",
            "https://hooks.example.com",
            "the host hooks.example.com and not inner.local: set `public_url` to https://hooks.example.com",
        ),
        (
            "https://inner.local",
            "https://hooks.example.com/twilio",
            "/twilio",
            &[("forwarded", "for=192.0.2.1;host=hooks.example.com")],
            "host",
            "https://hooks.example.com",
            "the host hooks.example.com and not inner.local: set `public_url` to https://hooks.example.com",
        ),
        (
            "https://hooks.example.com",
            "https://hooks.example.com/hooks?menu=2",
            "/?menu=2",
            &[("x-original-uri", "/hooks?menu=2")],
            "prefix",
            "https://hooks.example.com/hooks",
            "the prefix /hooks and not no prefix: set `public_url` to https://hooks.example.com/hooks",
        ),
        (
            "http://hooks.example.com/hooks",
            "https://hooks.example.com/hooks?menu=2",
            "/?menu=2",
            &[],
            "scheme",
            "https://hooks.example.com/hooks",
            "https and not http: set `public_url` to https://hooks.example.com/hooks",
        ),
        // Twilio signs with the port or without: what it has signed is said, and not what was tried.
        (
            "http://hooks.example.com:8080",
            "https://hooks.example.com/twilio",
            "/twilio",
            &[],
            "scheme",
            "https://hooks.example.com",
            "https and not http: set `public_url` to https://hooks.example.com",
        ),
        (
            "http://hooks.example.com",
            "https://hooks.example.com:443/twilio",
            "/twilio",
            &[],
            "scheme",
            "https://hooks.example.com:443",
            "https and not http: set `public_url` to https://hooks.example.com:443",
        ),
        (
            "http://inner.local:3000",
            "https://hooks.example.com:8443/hooks/twilio",
            "/twilio",
            &[
                ("host", "hooks.example.com:8443"),
                ("x-forwarded-prefix", "/hooks/"),
            ],
            "scheme+host+port+prefix",
            "https://hooks.example.com:8443/hooks",
            "https and not http, the host hooks.example.com and not inner.local, the port 8443 and not the port 3000, the prefix /hooks and not no prefix: set `public_url` to https://hooks.example.com:8443/hooks",
        ),
    ] {
        let request = arrived(url, target, headers);
        let said = hint(&configured(base), &request);
        assert_eq!(said, line(hint_due, signed, reason), "{base} {target}");
        // And with that set it passes, and there is nothing to say.
        assert_eq!(told(&configured(signed), &request), (Ok(()), vec![]));
    }
}

/// There may be a password in front of the host, and a token in a query.
#[test]
fn no_password_and_no_query_is_logged() {
    log::listen();
    let url = "https://user:hunter2@hooks.example.com/hooks/twilio?token=s3cret";
    let request = arrived(
        url,
        "/twilio?token=s3cret",
        &[("x-forwarded-prefix", "/hooks")],
    );
    let receiver = configured("http://user:hunter2@hooks.example.com");
    let said = hint(&receiver, &request);
    let due = "https and not http, the prefix /hooks and not no prefix: set `public_url` to https://hooks.example.com/hooks";
    assert_eq!(
        said,
        line("scheme+prefix", "https://hooks.example.com/hooks", due)
    );
}

#[test]
fn proxies_are_told_what_they_must_say() {
    log::listen();
    let proxies = || TrustedProxies::new(&["10.0.0.0/8"], ["a.example", "b.example:8443"]).unwrap();
    let told = |proxies: TrustedProxies, url: &str, headers: &[(&'static str, &str)]| {
        let receiver = builder().public_url_from(proxies).build().unwrap();
        hint(&receiver, &arrived(url, "/twilio", headers))
    };
    let by_x = [
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "a.example"),
    ];
    assert_eq!(
        told(proxies(), "https://a.example/twilio", &by_x),
        line(
            "scheme",
            "https://a.example",
            "https and not http: the proxy must say so in X-Forwarded-Proto, or set `public_url` to https://a.example"
        )
    );
    let prefix = [by_x[0], by_x[1], ("x-forwarded-prefix", "/hooks")];
    assert_eq!(
        told(proxies(), "http://a.example/hooks/twilio", &prefix),
        line(
            "prefix",
            "http://a.example/hooks",
            "the prefix /hooks and not no prefix: call `stripping` or `setting_prefix`, or set `public_url` to http://a.example/hooks"
        )
    );
    let host = [by_x[0], by_x[1], ("host", "b.example:8443")];
    assert_eq!(
        told(proxies(), "http://b.example:8443/twilio", &host),
        line(
            "host+port",
            "http://b.example:8443",
            "the host b.example and not a.example, the port 8443 and not no port: the proxy must say so in X-Forwarded-Host, the host that the proxy tells must have the sender's port, or set `public_url` to http://b.example:8443"
        )
    );
    // What only the proxy says would be refused, for nobody has named it.
    let other = [by_x[0], by_x[1], ("host", "c.example")];
    assert_eq!(
        told(proxies(), "http://c.example/twilio", &other),
        line(
            "host",
            "http://c.example",
            "the host c.example and not a.example: the proxy must say so in X-Forwarded-Host, the host must be named in `TrustedProxies::new`, if it is this receiver's, or set `public_url` to http://c.example"
        )
    );
    let of_two = || proxies().setting_prefix(["/", "/shop"]).unwrap();
    let original = |original| {
        let kept = ("x-forwarded-prefix", "/");
        [by_x[0], by_x[1], kept, ("x-original-uri", original)]
    };
    assert_eq!(
        told(
            of_two(),
            "http://a.example/hooks/twilio",
            &original("/hooks/twilio")
        ),
        line(
            "prefix",
            "http://a.example/hooks",
            "the prefix /hooks and not no prefix: the proxy must say so in X-Forwarded-Prefix, the prefix must be named in `setting_prefix`, if it is this receiver's, or set `public_url` to http://a.example/hooks"
        )
    );
    assert_eq!(
        told(
            of_two(),
            "http://a.example/shop/twilio",
            &original("/shop/twilio")
        ),
        line(
            "prefix",
            "http://a.example/shop",
            "the prefix /shop and not no prefix: the proxy must say so in X-Forwarded-Prefix, or set `public_url` to http://a.example/shop"
        )
    );
    let by_forwarded = [("forwarded", "for=192.0.2.1;proto=http;host=a.example")];
    assert_eq!(
        told(
            proxies().setting_forwarded(),
            "https://a.example/twilio",
            &by_forwarded
        ),
        line(
            "scheme",
            "https://a.example",
            "https and not http: the proxy must say so by proto in Forwarded, or set `public_url` to https://a.example"
        )
    );
}

/// A scheme whose content is hashed while it arrives.
#[test]
fn a_streamed_scheme_is_looked_into_as_well() {
    log::listen();
    let square: Scheme = toml::from_str(include_str!("../catalogue/square.toml")).unwrap();
    let sender = Sender::new(square.clone(), TOKEN).url("https://a.example:443/square");
    let mut request = sender.send(r#"{"event_id":"1","type":"t","merchant_id":"m"}"#);
    request.headers_mut().remove("host");
    let receiver = Receiver::builder(square, Secret::new(TOKEN).unwrap())
        .accept_weak(Weak::ValuesNotSetApart)
        .public_url("https://a.example")
        .build()
        .unwrap();
    *request.uri_mut() = "/square".parse().unwrap();
    let said = hint(&receiver, &request);
    let reason = "the port 443 and not no port: set `public_url` to https://a.example:443";
    let due = line("port", "https://a.example:443", reason);
    assert_eq!(said, due.replace("twilio", "square"));
}

#[test]
fn a_forgery_and_a_scheme_that_signs_no_url_have_no_hint() {
    log::listen();
    let headers = [("x-forwarded-prefix", "/hooks"), ("host", "a.example:8443")];
    let mut forged = arrived("https://a.example/hooks/twilio", "/twilio", &headers);
    *forged.body_mut() = Bytes::from_static(b"Body=Forged");
    let receiver = configured("http://a.example");
    assert_eq!(
        told(&receiver, &forged),
        (Err(Refusal::SignatureMismatch), vec![])
    );
    // Another URL than any that could be guessed.
    let other = arrived("https://elsewhere.example/twilio", "/twilio", &headers);
    assert_eq!(
        told(&receiver, &other),
        (Err(Refusal::SignatureMismatch), vec![])
    );
    // Another secret's.
    let mut ring = arrived("https://a.example/twilio", "/twilio", &[]);
    let tag = ring.headers()["x-twilio-signature"].clone();
    let other = Sender::new(TWILIO, "fedcba9876543210fedcba9876543210");
    let other = other.url("https://a.example/twilio").send(BODY);
    let other = other.headers()["x-twilio-signature"].clone();
    ring.headers_mut().insert("x-twilio-signature", other);
    assert_eq!(
        told(&receiver, &ring),
        (Err(Refusal::SignatureMismatch), vec![])
    );
    ring.headers_mut().insert("x-twilio-signature", tag);
    // By the second of two secrets it is genuine.
    let second = Secret::new("fedcba9876543210fedcba9876543210").unwrap();
    let two = SecretRing::new([second, Secret::new(TOKEN).unwrap()]).unwrap();
    let of_two = Receiver::builder(TWILIO, two).public_url("http://a.example");
    let said = hint(&of_two.build().unwrap(), &ring);
    let reason = "https and not http: set `public_url` to https://a.example";
    assert_eq!(said, line("scheme", "https://a.example", reason));

    let secret = "whsec_0123456789abcdef0123456789";
    let stripe = Receiver::builder(STRIPE, Secret::new(secret).unwrap());
    let mut request = Sender::new(STRIPE, secret)
        .at(Timestamp::from_secs(NOW))
        .send("{}");
    request
        .headers_mut()
        .append("x-forwarded-prefix", "/hooks".parse().unwrap());
    *request.body_mut() = Bytes::from_static(b"{\"forged\":1}");
    let stripe = stripe.public_url("http://a.example").build().unwrap();
    assert_eq!(
        told(&stripe, &request),
        (Err(Refusal::SignatureMismatch), vec![])
    );
}

/// Nothing unusual in a head is a clue, and nothing of it is looked into without end.
#[test]
fn what_is_unusable_is_no_clue() {
    log::listen();
    let prefix = "x-forwarded-prefix";
    let long = format!("/{}", "h".repeat(512));
    for (headers, url) in [
        (&[(prefix, "hooks")][..], "https://a.examplehooks/twilio"),
        (
            &[(prefix, "/hooks"), (prefix, "/hooks")],
            "https://a.example/hooks/twilio",
        ),
        (
            &[(prefix, &long)],
            &format!("https://a.example{long}/twilio"),
        ),
        (
            &[("x-original-uri", "/hooks/other")],
            "https://a.example/hooks/twilio",
        ),
        (
            &[("host", "a.example/hooks")],
            "https://a.example/hooks/twilio",
        ),
        (
            &[("host", "user@b.example")],
            "https://user@b.example/twilio",
        ),
    ] {
        let receiver = configured("https://a.example");
        let refused = (Err(Refusal::SignatureMismatch), vec![]);
        assert_eq!(
            told(&receiver, &arrived(url, "/twilio", headers)),
            refused,
            "{url}"
        );
    }
    // A body, and a target, that are too long.
    for (body, query) in [
        ("a".repeat(16 * 1024), String::new()),
        ("a".repeat(16 * 1024 + 1), String::new()),
        ("a".into(), "q".repeat(2_041)),
        ("a".into(), "q".repeat(2_042)),
    ] {
        let sender = Sender::new(TWILIO, TOKEN).url(format!("https://a.example/twilio?{query}"));
        let mut request = sender.send(&body);
        *request.uri_mut() = format!("/twilio?{query}").parse().unwrap();
        let receiver = configured("http://a.example");
        let (verdict, lines) = told(&receiver, &request);
        assert_eq!(verdict, Err(Refusal::SignatureMismatch));
        let is_short = body.len() <= 16 * 1024 && query.len() <= 2_041;
        assert_eq!(
            lines.len(),
            usize::from(is_short),
            "{} {}",
            body.len(),
            query.len()
        );
    }
}

/// Forgeries must not be dearer than they are: six are looked into, and one more every ten seconds.
#[test]
fn only_so_many_are_looked_into() {
    log::listen();
    let clock = ManualClock::at_secs(NOW);
    let secret = Secret::new(TOKEN).unwrap();
    let builder = Receiver::builder(TWILIO, secret).clock(clock.clone());
    let receiver = builder.public_url("http://a.example").build().unwrap();
    let request = arrived("https://a.example/twilio", "/twilio", &[]);
    let mut forged = request.clone();
    *forged.body_mut() = Bytes::from_static(b"Body=Forged");
    let said = |request: &Request<Bytes>| {
        let verdict = receiver.verify(request, request.body().clone(), Timestamp::from_secs(NOW));
        assert_eq!(verdict.unwrap_err(), Refusal::SignatureMismatch);
        logged().len()
    };
    assert_eq!([(); 3].map(|()| said(&forged)), [0; 3]);
    assert_eq!([(); 5].map(|()| said(&request)), [1, 1, 1, 0, 0]);
    clock.advance(Duration::from_millis(9_999));
    assert_eq!(said(&request), 0);
    clock.advance(Duration::from_millis(1));
    assert_eq!([(); 2].map(|()| said(&request)), [1, 0]);
    // Its clones and new secrets share them.
    receiver.rotate(Secret::new(TOKEN).unwrap()).unwrap();
    assert_eq!(said(&request), 0);
    // Those that have begun while there were some get no more than there are.
    clock.advance(Duration::from_secs(60));
    let now = Timestamp::from_secs(NOW);
    let begun = [(); 8].map(|()| receiver.open(&request, now).unwrap());
    let lines = begun.map(|mut intake| {
        intake.push(request.body().clone()).unwrap();
        let refusal = intake.finish().unwrap_err();
        assert_eq!(refusal, Refusal::SignatureMismatch);
        logged().len()
    });
    assert_eq!(lines, [1, 1, 1, 1, 1, 1, 0, 0]);
}
