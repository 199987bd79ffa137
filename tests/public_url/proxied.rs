//! A receiver for Twilio behind a real nginx that strips a prefix: what is genuine passes, what strangers forward changes nothing, what was
//! set up wrongly is named in the log, and sources are told apart.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZero;

use axum::Router;
use axum::routing::post;
use countersign::providers::TWILIO;
use countersign::{
    FailureLimit, Quota, Receiver, ReceiverBuilder, Scheme, Secret, Sources, TrustedProxies,
};
use countersign_axum::{CountersignLayer, Webhook, WithPeer};
use countersign_testkit::{ManualClock, Sender, log};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

use crate::nginx::{NGINX, Nginx};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const BODY: &str = "From=%2B14158675309&Body=Hello";
const URL: &str = "https://hooks.example.com/hooks/twilio?menu=2";
const TARGET: &str = "/hooks/twilio?menu=2";
const STRANGER: &str = "127.0.0.3";

/// A location that strips its prefix and says what came, in the place of what it was told.
const OVERWRITES: &str = "
location /hooks/ {
    proxy_pass http://BACKEND/;
    proxy_set_header X-Forwarded-Proto https;
    proxy_set_header X-Forwarded-Host $host;
    proxy_set_header X-Forwarded-Port 443;
    proxy_set_header X-Forwarded-Prefix /hooks;
    proxy_set_header Forwarded \"for=$remote_addr;proto=https;host=$host\";
}";

/// The one that the manual shows.
fn of_the_manual() -> String {
    let page = include_str!("../../crates/countersign/src/manual/public_url.rs");
    let (_, rest) = page.split_once("```nginx\n").unwrap();
    let (block, _) = rest.split_once("//! ```").unwrap();
    let lines = block.lines().map(|line| line.trim_start_matches("//! "));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    text.replace("127.0.0.1:8080", "BACKEND")
}

/// One that adds to what it was told.
const APPENDS: &str = "
location /hooks/ {
    proxy_pass http://BACKEND/;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto https;
    proxy_set_header X-Forwarded-Host \"$http_x_forwarded_host, $host\";
    proxy_set_header Forwarded $forwarded;
}";

/// One that says nothing, and lets everything through.
const LETS_THROUGH: &str = "
location /hooks/ {
    proxy_pass http://BACKEND/;
    proxy_set_header Host $http_host;
}";

fn builder() -> ReceiverBuilder {
    Receiver::builder(TWILIO, Secret::new(TOKEN).unwrap()).clock(ManualClock::at_secs(0))
}

fn proxies() -> TrustedProxies {
    TrustedProxies::new(&[NGINX], ["hooks.example.com"]).unwrap()
}

fn from_proxies(proxies: TrustedProxies) -> Receiver {
    builder().public_url_from(proxies).build().unwrap()
}

async fn serve(receiver: Receiver) -> SocketAddr {
    let layer = WithPeer::new(CountersignLayer::new(receiver));
    let app: Router = Router::new().route("/twilio", post(async |_: Webhook| "yes").layer(layer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// What a client sends over a connection of its own.
#[derive(Clone)]
struct Attempt {
    from: &'static str,
    host: &'static str,
    target: &'static str,
    signature: String,
    headers: Vec<(&'static str, String)>,
    body: &'static str,
}

/// Signed for this URL, without another spelling of it.
fn signed(url: &str) -> Attempt {
    let plain = Scheme {
        url_spellings: (&[]).into(),
        ..TWILIO
    };
    let request = Sender::new(plain, TOKEN).url(url).send(BODY);
    let signature = request.headers()["x-twilio-signature"].to_str().unwrap();
    Attempt {
        from: STRANGER,
        host: "hooks.example.com",
        target: TARGET,
        signature: signature.to_owned(),
        headers: Vec::new(),
        body: BODY,
    }
}

impl Attempt {
    fn with(mut self, headers: &[(&'static str, &str)]) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        self.headers.extend(headers);
        self
    }

    /// Status, and body.
    async fn to(&self, address: SocketAddr) -> (u16, String) {
        let socket = TcpSocket::new_v4().unwrap();
        let from: IpAddr = self.from.parse().unwrap();
        socket.bind(SocketAddr::new(from, 0)).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        let Self {
            host,
            target,
            signature,
            body,
            ..
        } = self;
        let mut text = format!(
            "POST {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\nx-twilio-signature: {signature}\r\n",
            body.len()
        );
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("\r\n{body}"));
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        // One chunk, where there is one.
        let body = body
            .lines()
            .filter(|line| line.contains(char::is_alphabetic));
        (status, body.collect())
    }
}

fn passed() -> (u16, String) {
    (200, "yes".to_owned())
}

/// All that a stranger learns.
fn unauthorized() -> (u16, String) {
    (401, "unauthorized".to_owned())
}

fn failed() -> (u16, String) {
    (500, "internal server error".to_owned())
}

/// The codes of attempts that did not pass, and hints.
fn logged() -> Vec<String> {
    let word = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!(" {name}=\""))?;
        Some(rest.split('"').next()?.to_owned())
    };
    let lines = log::take();
    let words = lines
        .iter()
        .filter_map(|line| word(line, "code").or_else(|| word(line, "hint")));
    words.filter(|word| word != "accepted").collect()
}

#[tokio::test]
async fn what_is_genuine_passes_with_its_prefix() {
    log::listen();
    let told = proxies().setting_prefix(["/hooks", "/other"]).unwrap();
    let stripping = || proxies().stripping("/hooks").unwrap();
    let configured = builder().public_url("https://hooks.example.com/hooks");
    for receiver in [
        configured.build().unwrap(),
        from_proxies(told.clone()),
        from_proxies(told.setting_port()),
        from_proxies(stripping()),
        from_proxies(stripping().setting_forwarded()),
    ] {
        let backend = serve(receiver).await;
        let nginx = Nginx::start(backend, OVERWRITES);
        assert_eq!(signed(URL).to(nginx.address).await, passed());
        // What a stranger sends along is overwritten: it neither helps nor harms.
        let lies = [
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "staging.example.com"),
            ("x-forwarded-port", "8443"),
            ("x-forwarded-prefix", "/other"),
            ("forwarded", "for=\"x"),
            ("x-original-uri", "/other/twilio"),
        ];
        assert_eq!(signed(URL).with(&lies).to(nginx.address).await, passed());
        assert!(logged().is_empty());
        for url in [
            "https://staging.example.com/hooks/twilio?menu=2",
            "https://hooks.example.com/other/twilio?menu=2",
            "https://hooks.example.com/twilio?menu=2",
            "http://hooks.example.com/hooks/twilio?menu=2",
        ] {
            let answer = signed(url).with(&lies).to(nginx.address).await;
            assert_eq!(answer, unauthorized(), "{url}");
        }
        drop(log::take());
    }
    let backend = serve(from_proxies(stripping().keeping_host())).await;
    let with_proto = LETS_THROUGH.replace('}', "proxy_set_header X-Forwarded-Proto https;\n}");
    let nginx = Nginx::start(backend, &with_proto);
    assert_eq!(signed(URL).to(nginx.address).await, passed());
}

#[tokio::test]
async fn what_the_manual_shows_is_enough() {
    log::listen();
    let locations = of_the_manual();
    assert_eq!(locations.matches("BACKEND").count(), 1, "{locations}");
    let two = Quota::per_minute(NonZero::new(2).unwrap());
    let limited = |builder: ReceiverBuilder| {
        let builder = builder.limit_failures(FailureLimit::penalise(two));
        builder.sources(Sources::behind(&[NGINX]).unwrap())
    };
    for receiver in [
        builder().public_url("https://hooks.example.com/hooks"),
        builder().public_url_from(proxies().stripping("/hooks").unwrap()),
        builder().public_url_from(proxies().setting_prefix(["/hooks"]).unwrap()),
    ] {
        let backend = serve(limited(receiver).build().unwrap()).await;
        let nginx = Nginx::start(backend, &locations);
        let lies = [
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "staging.example.com"),
            ("x-forwarded-prefix", "/other"),
            ("x-forwarded-for", "192.0.2.1"),
            (
                "forwarded",
                "for=192.0.2.1;proto=https;host=staging.example.com",
            ),
        ];
        assert_eq!(signed(URL).with(&lies).to(nginx.address).await, passed());
        assert!(logged().is_empty());
        let forged = Attempt {
            body: "Body=Forged",
            ..signed(URL).with(&lies)
        };
        let mut statuses = Vec::new();
        for from in [STRANGER, STRANGER, STRANGER, "127.0.0.4"] {
            let attempt = Attempt {
                from,
                ..forged.clone()
            };
            statuses.push(attempt.to(nginx.address).await.0);
        }
        assert_eq!(statuses, [401, 401, 429, 401]);
        drop(log::take());
    }
}

/// Past the proxy, from another address than its own.
#[tokio::test]
async fn nobody_forwards_but_the_proxy() {
    log::listen();
    let lies = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "hooks.example.com"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-prefix", "/hooks"),
        ("x-forwarded-for", NGINX),
        (
            "forwarded",
            "for=127.0.0.2;proto=https;host=hooks.example.com",
        ),
    ];
    let direct = Attempt {
        target: "/twilio?menu=2",
        ..signed(URL)
    };
    let direct = direct.with(&lies);
    let told = proxies().setting_prefix(["/hooks"]).unwrap();
    for proxies in [
        told.clone(),
        told.setting_port(),
        proxies().keeping_host(),
        proxies().setting_forwarded(),
    ] {
        let backend = serve(from_proxies(proxies)).await;
        assert_eq!(direct.to(backend).await, unauthorized());
        assert_eq!(logged(), ["peer_untrusted"]);
    }
    // A configured one asks nobody: what is genuine is so whoever brings it, and for nothing else.
    let configured = builder().public_url("https://hooks.example.com/hooks");
    let backend = serve(configured.build().unwrap()).await;
    assert_eq!(direct.to(backend).await, passed());
    let other = Attempt {
        target: "/twilio?menu=2",
        host: "staging.example.com",
        ..signed("https://staging.example.com/hooks/twilio?menu=2")
    };
    let other = other.with(&[
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "staging.example.com"),
    ]);
    assert_eq!(other.to(backend).await, unauthorized());
}

/// A proxy that adds to what came: its own word is the last, or there are two, and that is none.
#[tokio::test]
async fn what_a_proxy_adds_to_a_lie_is_not_the_lie() {
    log::listen();
    let staging = || signed("https://staging.example.com/hooks/twilio?menu=2");
    let lies = [
        ("x-forwarded-host", "staging.example.com"),
        (
            "forwarded",
            "for=127.0.0.2;proto=https;host=staging.example.com",
        ),
    ];
    let both = TrustedProxies::new(&[NGINX], ["hooks.example.com", "staging.example.com"]);
    let both = both.unwrap().stripping("/hooks").unwrap();
    let backend = serve(from_proxies(both.clone().setting_forwarded())).await;
    let nginx = Nginx::start(backend, APPENDS);
    assert_eq!(signed(URL).to(nginx.address).await, passed());
    // The proxy's element is on the right of his.
    assert_eq!(signed(URL).with(&lies).to(nginx.address).await, passed());
    assert!(logged().is_empty());
    assert_eq!(
        staging().with(&lies).to(nginx.address).await,
        unauthorized()
    );
    assert_eq!(logged(), ["signature_mismatch"]);
    for malformed in [
        "for=\"x",
        "for=x;;;=",
        ",",
        "host=staging.example.com;proto",
    ] {
        let attempt = staging().with(&[("forwarded", malformed)]);
        assert_eq!(attempt.to(nginx.address).await, failed(), "{malformed}");
        assert_eq!(logged(), ["public_url_unknown"]);
    }
    // Of X-Forwarded-Host there is one value, or none that counts.
    let backend = serve(from_proxies(both)).await;
    let nginx = Nginx::start(backend, APPENDS);
    for attempt in [staging().with(&lies), signed(URL).with(&lies), signed(URL)] {
        assert_eq!(attempt.to(nginx.address).await, failed());
        assert_eq!(logged(), ["public_url_unknown"]);
    }
}

/// A proxy that was not told what it has to set: strangers speak for it, and only of hosts and prefixes that were named.
#[tokio::test]
async fn what_a_proxy_lets_through_is_no_other_url() {
    log::listen();
    let told = proxies().setting_prefix(["/hooks"]).unwrap();
    let elsewhere = |url: &str, host: &'static str, prefix: &'static str| {
        let lies = [
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", host),
            ("x-forwarded-prefix", prefix),
            (
                "forwarded",
                "for=127.0.0.2;proto=https;host=staging.example.com",
            ),
        ];
        Attempt {
            host,
            ..signed(url).with(&lies)
        }
    };
    let staging = elsewhere(
        "https://staging.example.com/hooks/twilio?menu=2",
        "staging.example.com",
        "/hooks",
    );
    let other = elsewhere(
        "https://hooks.example.com/shop/twilio?menu=2",
        "hooks.example.com",
        "/shop",
    );
    for (proxies, attempt) in [
        (told.clone(), &staging),
        (told.clone().keeping_host(), &staging),
        (proxies().setting_forwarded(), &staging),
        (told, &other),
    ] {
        let backend = serve(from_proxies(proxies)).await;
        let nginx = Nginx::start(backend, LETS_THROUGH);
        assert_eq!(attempt.to(nginx.address).await, failed());
        assert_eq!(logged(), ["public_url_unknown"]);
    }
}

#[tokio::test]
async fn the_log_says_what_was_set_up_wrongly() {
    log::listen();
    let location = |set: &str| {
        format!(
            "location /hooks/ {{ proxy_pass http://BACKEND/; proxy_set_header X-Forwarded-Host $host; {set} }}"
        )
    };
    let stripping = || proxies().stripping("/hooks").unwrap();
    let configured = |base: &str| builder().public_url(base).build().unwrap();
    let with_port = "https://hooks.example.com:8443/hooks/twilio?menu=2";
    for (receiver, set, url, host, hint) in [
        // TLS ends before nginx, which says what it sees itself.
        (
            from_proxies(stripping()),
            "proxy_set_header X-Forwarded-Proto $scheme;",
            URL,
            "hooks.example.com",
            "scheme",
        ),
        (
            configured("http://hooks.example.com/hooks"),
            "",
            URL,
            "hooks.example.com",
            "scheme",
        ),
        // `$host` has no port.
        (
            from_proxies(stripping()),
            "proxy_set_header X-Forwarded-Proto https; proxy_set_header Host $http_host;",
            with_port,
            "hooks.example.com:8443",
            "port",
        ),
        (
            configured("https://hooks.example.com/hooks"),
            "proxy_set_header Host $http_host;",
            with_port,
            "hooks.example.com:8443",
            "port",
        ),
        (
            from_proxies(proxies()),
            "proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-Prefix /hooks;",
            URL,
            "hooks.example.com",
            "prefix",
        ),
        (
            configured("https://hooks.example.com"),
            "proxy_set_header X-Original-URI $request_uri;",
            URL,
            "hooks.example.com",
            "prefix",
        ),
        (
            configured("http://hooks.example.com"),
            "proxy_set_header X-Original-URI $request_uri;",
            URL,
            "hooks.example.com",
            "scheme+prefix",
        ),
    ] {
        let backend = serve(receiver).await;
        let nginx = Nginx::start(backend, &location(set));
        let attempt = Attempt {
            host,
            ..signed(url)
        };
        assert_eq!(attempt.to(nginx.address).await, unauthorized());
        let mut said = logged();
        said.sort_unstable();
        let mut due = [hint, "signature_mismatch"];
        due.sort_unstable();
        assert_eq!(said, due, "{set}");
        // A forgery is answered the same, and there is nothing to say of it.
        let forged = Attempt {
            body: "Body=Forged",
            ..attempt
        };
        assert_eq!(forged.to(nginx.address).await, unauthorized());
        assert_eq!(logged(), ["signature_mismatch"]);
    }
}

/// Each client's failures are its own, whoever else it says it is.
#[tokio::test]
async fn sources_are_told_apart_behind_the_proxy() {
    log::listen();
    let two = Quota::per_minute(NonZero::new(2).unwrap());
    for sources in [
        Sources::behind(&[NGINX]).unwrap(),
        Sources::behind_forwarded(&[NGINX]).unwrap(),
    ] {
        let receiver = builder()
            .public_url("https://hooks.example.com/hooks")
            .limit_failures(FailureLimit::penalise(two))
            .sources(sources);
        let backend = serve(receiver.build().unwrap()).await;
        let nginx = Nginx::start(backend, APPENDS);
        let forged = |from, lie: &str| {
            let forged = Attempt {
                from,
                body: "Body=Forged",
                ..signed(URL)
            };
            let element = format!("for={lie}");
            forged.with(&[("x-forwarded-for", lie), ("forwarded", &element)])
        };
        let mut statuses = Vec::new();
        for (from, lie) in [
            ("127.0.0.3", "192.0.2.1"),
            ("127.0.0.3", "192.0.2.2"),
            // He has none left, and so has nobody else whom he names.
            ("127.0.0.3", "192.0.2.3"),
            ("127.0.0.4", "127.0.0.3"),
            ("127.0.0.4", NGINX),
            ("127.0.0.4", "192.0.2.4"),
            ("127.0.0.5", "127.0.0.4"),
        ] {
            statuses.push(forged(from, lie).to(nginx.address).await.0);
        }
        assert_eq!(statuses, [401, 401, 429, 401, 401, 429, 401]);
        assert_eq!(signed(URL).to(nginx.address).await, passed());
        // Past the proxy he is the same source, whoever else he names.
        let direct = Attempt {
            target: "/twilio?menu=2",
            ..forged("127.0.0.3", "192.0.2.9")
        };
        assert_eq!(direct.to(backend).await.0, 429);
    }
}
