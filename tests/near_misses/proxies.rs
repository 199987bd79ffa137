//! The public URL as trusted proxies tell it, for schemes that sign it.

use countersign::Refusal::{self, PeerUntrusted, PublicUrlUnknown, SignatureMismatch};
use countersign::providers::{MANDRILL, TWILIO};
use countersign::{ProxyError, TrustedProxies};

use crate::trial::Trial;
use crate::twilio::{HEADER, TOKEN, tag};

const PROTO: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";
const PREFIX: &str = "x-forwarded-prefix";

fn trusted() -> TrustedProxies {
    let networks = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "fd00::1"];
    TrustedProxies::new(
        &networks,
        [
            "hooks.example.com",
            "other.example:8443",
            "[2001:db8::5]:8443",
        ],
    )
    .expect("networks and hosts")
}

/// A request that a trusted proxy handed on, signed as this URL.
fn signed(url: &str) -> Trial {
    Trial::new(TWILIO, TOKEN)
        .proxies(trusted())
        .behind_peer("10.1.2.3")
        .target("/voice?x=1")
        .set(PROTO, "https")
        .set(HOST, "hooks.example.com")
        .form("a=1")
        .set(HEADER, tag(&format!("{url}a1")))
}

fn genuine() -> Trial {
    signed("https://hooks.example.com/voice?x=1")
}

fn unknown(name: &'static str) -> Refusal {
    PublicUrlUnknown { name: name.into() }
}

#[test]
fn the_peer_is_one_of_the_proxies() {
    genuine().passes("as it is");
    for peer in [
        "10.0.0.0",
        "10.255.255.255",
        "192.0.2.7",
        "2001:db8::1",
        "2001:db8:ffff::",
        "fd00::1",
        "::ffff:10.1.2.3",
        "::ffff:192.0.2.7",
    ] {
        genuine().behind_peer(peer).passes(peer);
    }
    for peer in [
        "11.0.0.0",
        "9.255.255.255",
        "192.0.2.6",
        "192.0.2.8",
        "127.0.0.1",
        "::1",
        "2001:db9::1",
        "fd00::2",
        "::ffff:11.0.0.0",
        "::10.1.2.3",
        "0.0.0.0",
        "::",
    ] {
        let trial = genuine().behind_peer(peer);
        trial.refused_at_open(PeerUntrusted, peer);
        let told = trial
            .set("x-forwarded-for", "10.1.2.3")
            .set("x-real-ip", "10.1.2.3");
        told.refused_at_open(PeerUntrusted, format!("{peer} with headers"));
    }
}

/// The host did not say who is at the other end: that is our fault, and no stranger's word replaces it.
#[test]
fn without_a_peer_nothing_is_known() {
    let trial = Trial::new(TWILIO, TOKEN)
        .proxies(trusted())
        .target("/voice?x=1")
        .set(PROTO, "https")
        .set(HOST, "hooks.example.com")
        .set("x-forwarded-for", "10.1.2.3")
        .set(
            "forwarded",
            "for=10.1.2.3;host=hooks.example.com;proto=https",
        )
        .form("a=1")
        .set(HEADER, tag("https://hooks.example.com/voice?x=1a1"));
    trial.refused_at_open(unknown("peer"), "no peer");
}

#[test]
fn the_protocol_is_told_once_and_as_it_is_written() {
    signed("http://hooks.example.com:80/voice?x=1")
        .set(PROTO, "http")
        .passes("http");
    genuine()
        .set(PROTO, " https\t")
        .passes("with blanks around it, as HTTP allows");
    for value in [
        "",
        " ",
        "HTTPS",
        "Https",
        "https,https",
        "https, http",
        "https;q=1",
        "\"https\"",
        "wss",
        "ftp",
        "https://",
        "on",
    ] {
        let trial = genuine().set(PROTO, value);
        trial.refused_at_open(unknown(PROTO), format!("{value:?}"));
    }
    genuine()
        .without(PROTO)
        .refused_at_open(unknown(PROTO), "none");
    for second in ["https", "http", ""] {
        let twice = genuine().add(PROTO, second);
        twice.refused_at_open(unknown(PROTO), format!("and {second:?}"));
    }
    genuine()
        .set(PROTO, "http")
        .refused(SignatureMismatch, "another protocol");
    let forwarded = genuine().without(PROTO).set("forwarded", "proto=https");
    forwarded.refused_at_open(unknown(PROTO), "another header is not read");
}

#[test]
fn the_host_is_one_of_those_named() {
    // Case is kept in the content and does not decide.
    let upper = "Hooks.EXAMPLE.com";
    signed(&format!("https://{upper}/voice?x=1"))
        .set(HOST, upper)
        .passes(upper);
    genuine()
        .set(HOST, upper)
        .refused(SignatureMismatch, "case is signed");
    for (host, without) in [
        ("other.example:8443", "other.example"),
        ("[2001:db8::5]:8443", "[2001:db8::5]"),
    ] {
        for spelled in [host, without] {
            let trial = signed(&format!("https://{spelled}/voice?x=1"));
            trial.set(HOST, host).passes(format!("{host} as {spelled}"));
        }
    }
    for host in [
        "",
        "evil.example",
        "hooks.example.com.evil.example",
        "xhooks.example.com",
        "hooks.example.com:443",
        "hooks.example.com:8443",
        "other.example",
        "other.example:443",
        "hooks.example.com.",
        "user@hooks.example.com",
        "hooks.example.com/x",
        "hooks.example.com,hooks.example.com",
        "hooks.example.com, evil.example",
        "https://hooks.example.com",
        "[2001:db8::5]",
    ] {
        let url = format!("https://{host}/voice?x=1");
        let trial = signed(&url).set(HOST, host);
        trial.refused_at_open(unknown(HOST), format!("{host:?}"));
    }
    for second in ["hooks.example.com", "other.example:8443", ""] {
        let twice = genuine().add(HOST, second);
        twice.refused_at_open(unknown(HOST), format!("and {second:?}"));
    }
    let raw = genuine().set(HOST, b"hooks.example.com\xff");
    raw.refused_at_open(unknown(HOST), "no text");
}

#[test]
fn the_host_header_is_read_where_it_was_said_so() {
    let bare = || genuine().without(HOST).proxies(trusted().keeping_host());
    let good = || bare().set("host", "hooks.example.com");
    good().passes("the Host header");
    bare().refused_at_open(unknown("host"), "no host at all");
    for host in [
        "",
        "evil.example",
        "hooks.example.com:443",
        "hooks.example.com,x",
    ] {
        let trial = bare().set("host", host);
        trial.refused_at_open(unknown("host"), format!("{host:?}"));
    }
    let twice = good().add("host", "hooks.example.com");
    twice.refused_at_open(unknown("host"), "twice");
    // Such a proxy lets the other header through, from whoever wrote it.
    good()
        .set(HOST, "other.example:8443")
        .passes("the other is not looked at");
    let other_alone = bare().set(HOST, "hooks.example.com");
    other_alone.refused_at_open(unknown("host"), "the other alone");
    // And one that sets the other does not answer for this one.
    let inner = genuine().set("host", "other.example:8443");
    inner.passes("what the proxy says of the host is what counts");
    let let_through = genuine().without(HOST).set("host", "hooks.example.com");
    let_through.refused_at_open(unknown(HOST), "it did not say so");
    let evil = genuine()
        .set("host", "hooks.example.com")
        .set(HOST, "evil.example");
    evil.refused_at_open(unknown(HOST), "and there is no falling back");
}

fn setting_prefix() -> TrustedProxies {
    let prefixes = trusted().setting_prefix(["/", "/api"]);
    prefixes.expect("prefixes")
}

#[test]
fn a_prefix_is_restored_where_it_was_said_so() {
    let behind = || {
        let trial = signed("https://hooks.example.com/api/voice?x=1");
        trial.proxies(setting_prefix())
    };
    for prefix in ["/api", "/api/", " /api"] {
        behind().set(PREFIX, prefix).passes(format!("{prefix:?}"));
    }
    let none = genuine().proxies(setting_prefix()).set(PREFIX, "/");
    none.passes("none to speak of");
    behind().refused_at_open(unknown(PREFIX), "not told");
    behind().set(PREFIX, "/").refused(SignatureMismatch, "none");
    for prefix in [
        "/Api",
        "//api",
        "/other",
        "/api/voice",
        "",
        "api",
        "https://x/api",
        "/api,/api",
        "/api?x",
        "/api#x",
        "/a b",
        "/a\\b",
        "?x",
        "//x,",
    ] {
        let trial = behind().set(PREFIX, prefix);
        trial.refused_at_open(unknown(PREFIX), format!("{prefix:?}"));
    }
    let twice = behind().set(PREFIX, "/api").add(PREFIX, "/api");
    twice.refused_at_open(unknown(PREFIX), "twice");
    // It cannot become a part of the host.
    let host = signed("https://hooks.example.com.evil.example/voice?x=1");
    let host = host.proxies(setting_prefix()).set(PREFIX, ".evil.example");
    host.refused_at_open(unknown(PREFIX), "a host");
    // A proxy that does not set it lets it through, from whoever wrote it.
    genuine().set(PREFIX, "/api").passes("not looked at");
    let believed = signed("https://hooks.example.com/api/voice?x=1").set(PREFIX, "/api");
    believed.refused(SignatureMismatch, "not looked at");
}

#[test]
fn a_configured_url_wins() {
    for peer in ["10.1.2.3", "11.0.0.0"] {
        let trial = genuine()
            .public_url("https://hooks.example.com")
            .behind_peer(peer);
        trial.passes("the same");
        let lies = trial
            .clone()
            .set(PROTO, "gopher")
            .set(HOST, "evil.example")
            .add(HOST, "x");
        lies.passes("whatever is forwarded");
    }
    let other = genuine().public_url("https://other.example");
    other.refused(SignatureMismatch, "whatever is forwarded");
}

#[test]
fn nothing_is_trusted_without_proxies() {
    let trial = Trial::new(TWILIO, TOKEN)
        .public_url("https://inner.local")
        .behind_peer("10.1.2.3")
        .target("/voice?x=1")
        .set(PROTO, "https")
        .set(HOST, "hooks.example.com")
        .form("a=1")
        .set(HEADER, tag("https://hooks.example.com/voice?x=1a1"));
    trial.refused(SignatureMismatch, "the headers alone");
}

#[test]
fn every_scheme_that_signs_the_url_may_ask_proxies() {
    let trial = genuine().scheme(MANDRILL).without(HEADER);
    let signed = trial.set(
        "x-mandrill-signature",
        tag("https://hooks.example.com/voice?x=1a1"),
    );
    signed.passes("Mandrill");
    signed
        .behind_peer("11.0.0.0")
        .refused_at_open(PeerUntrusted, "Mandrill");
}

#[test]
fn proxies_are_named_exactly() {
    let host = ["h.example"];
    for network in [
        "",
        "10.0.0.0/33",
        "10.0.0",
        "example.com",
        "10.0.0.0/8 ",
        "0.0.0.0/0",
        "::/0",
        "*",
    ] {
        let error = TrustedProxies::new(&[network], host).err();
        assert_eq!(error, Some(ProxyError::Network(network.to_owned())));
    }
    for host in [
        "",
        "a/b",
        "https://h",
        "user@h",
        "h?x",
        "h#x",
        "h:",
        "h:x",
        ":443",
        "a b",
    ] {
        let error = TrustedProxies::new(&["10.0.0.0/8"], [host]).err();
        assert_eq!(error, Some(ProxyError::Host(host.to_owned())), "{host}");
    }
    let no_hosts: [&str; 0] = [];
    assert_eq!(
        TrustedProxies::new(&[], host).err(),
        Some(ProxyError::Empty)
    );
    let error = TrustedProxies::new(&["10.0.0.0/8"], no_hosts).err();
    assert_eq!(error, Some(ProxyError::Empty));
}

#[test]
fn families_of_headers_are_not_mixed() {
    use countersign::{Receiver, Secret};
    let built = |proxies: TrustedProxies| {
        let secret = Secret::new(TOKEN).expect("a secret");
        let builder = Receiver::builder(TWILIO, secret).public_url_from(proxies);
        builder
            .build()
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    let forwarded = || trusted().setting_forwarded();
    let prefixed = forwarded().setting_prefix(["/api"]).expect("a prefix");
    for mixed in [prefixed, forwarded().setting_port()] {
        assert_eq!(
            built(mixed),
            Err("public_url_from: Forwarded tells neither prefix nor port, and X-Forwarded-* is not read beside it: call stripping(..) in the place of setting_prefix(..), and leave setting_port() out".to_owned())
        );
    }
    let alone = forwarded().keeping_host().stripping("/api");
    assert_eq!(built(alone.expect("a prefix")), Ok(()));
}

#[test]
fn the_outermost_proxy_tells_by_forwarded() {
    const FORWARDED: &str = "forwarded";
    let bare = || genuine().without(PROTO).without(HOST);
    let behind = |line: &str| {
        bare()
            .proxies(trusted().setting_forwarded())
            .set(FORWARDED, line)
    };
    let ours = "for=203.0.113.9;proto=https;host=hooks.example.com";
    behind(ours).passes("one proxy");
    behind(&format!("{ours}, for=10.9.9.9;proto=http;host=inner.local")).passes("two");
    // What a stranger sends along stands to the left, and says nothing of his request.
    behind(&format!(
        "for=10.0.0.1;proto=http;host=\"other.example:8443\", {ours}"
    ))
    .passes("a lie");
    let lies = behind(&format!(
        "{ours}, for=203.0.113.66;proto=http;host=hooks.example.com"
    ));
    lies.refused(SignatureMismatch, "what was signed for https came by http");
    for line in [
        format!("{ours}, for=203.0.113.66"),
        format!("{ours}, for=203.0.113.66;proto=https;host=evil.example"),
        format!("x=\", {ours}"),
        format!("{ours},"),
        "for=203.0.113.9;proto=https".to_owned(),
    ] {
        behind(&line).refused_at_open(unknown(FORWARDED), line);
    }
    behind(ours)
        .behind_peer("203.0.113.9")
        .refused_at_open(PeerUntrusted, "no proxy");
    // The other family says nothing then.
    let other = genuine().proxies(trusted().setting_forwarded());
    other.refused_at_open(unknown(FORWARDED), "X-Forwarded-* alone");
    genuine()
        .set(FORWARDED, "for=x;;;\"")
        .passes("Forwarded where X-Forwarded-* counts");
}

/// Whoever has one request that was signed for another service with the same secret (Twilio has one token for an account) may try to have
/// it taken here, by telling the receiver that it is the other service.
#[test]
fn a_request_that_was_signed_for_another_url_is_not_moved_here() {
    let elsewhere = |url: &str| {
        let trial = Trial::new(TWILIO, TOKEN).target("/voice?x=1").form("a=1");
        trial.set(HEADER, tag(&format!("{url}a1")))
    };
    let staging = || elsewhere("https://staging.example.com/voice?x=1");
    let told = |trial: Trial| {
        trial
            .set(PROTO, "https")
            .set(HOST, "staging.example.com")
            .set("host", "staging.example.com")
            .set(
                "forwarded",
                "for=10.0.0.1;proto=https;host=staging.example.com",
            )
    };
    // Straight to the receiver.
    let direct = told(staging()).behind_peer("203.0.113.66");
    for proxies in [
        trusted(),
        trusted().keeping_host(),
        trusted().setting_forwarded(),
        setting_prefix(),
    ] {
        direct
            .clone()
            .proxies(proxies)
            .refused_at_open(PeerUntrusted, "direct");
    }
    let configured = told(staging()).behind_peer("10.1.2.3");
    let configured = configured.public_url("https://hooks.example.com");
    configured.refused(SignatureMismatch, "a configured url");
    // Through a proxy that lets his headers through.
    let through = told(staging()).behind_peer("10.1.2.3");
    for (proxies, name) in [
        (trusted(), HOST),
        (trusted().keeping_host(), "host"),
        (trusted().setting_forwarded(), "forwarded"),
    ] {
        through
            .clone()
            .proxies(proxies)
            .refused_at_open(unknown(name), name);
    }
    // The prefix of another application on the same host.
    let other = || {
        let signed = elsewhere("https://hooks.example.com/shop/voice?x=1").behind_peer("10.1.2.3");
        signed
            .set(PROTO, "https")
            .set(HOST, "hooks.example.com")
            .set(PREFIX, "/shop")
    };
    other()
        .proxies(trusted())
        .refused(SignatureMismatch, "not asked for");
    other()
        .proxies(setting_prefix())
        .refused_at_open(unknown(PREFIX), "not named");
    let stripping = trusted().stripping("/api").expect("a prefix");
    other()
        .proxies(stripping)
        .refused(SignatureMismatch, "always another");
}
