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

#[test]
fn a_prefix_is_restored_where_it_was_said_so() {
    let behind = || {
        let trial = signed("https://hooks.example.com/api/voice?x=1");
        trial.proxies(trusted().setting_prefix())
    };
    for prefix in ["/api", "/api/", " /api"] {
        behind().set(PREFIX, prefix).passes(format!("{prefix:?}"));
    }
    let none = genuine()
        .proxies(trusted().setting_prefix())
        .set(PREFIX, "/");
    none.passes("none to speak of");
    behind().refused_at_open(unknown(PREFIX), "not told");
    behind()
        .set(PREFIX, "/Api")
        .refused(SignatureMismatch, "another");
    behind()
        .set(PREFIX, "//api")
        .refused(SignatureMismatch, "two slashes");
    for prefix in [
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
    let host = host
        .proxies(trusted().setting_prefix())
        .set(PREFIX, ".evil.example");
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
