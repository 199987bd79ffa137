use super::*;

use crate::request::Peer;

fn source(sources: Option<&Sources>, peer: &str, lines: &[&str]) -> IpAddr {
    let mut request = http::Request::post("/hooks");
    for line in lines {
        request = request.header("x-forwarded-for", *line);
    }
    let request = request.extension(Peer(peer.parse().unwrap()));
    let request = request.body(()).unwrap();
    let origin = Origin::of(&request, sources, true);
    assert_eq!(origin.peer, Some(peer.parse().unwrap()));
    origin.source.map(Source::address).unwrap()
}

fn behind(proxies: &[&str]) -> Sources {
    Sources::behind(proxies).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn without_a_peer_there_is_no_source() {
    let request = http::Request::post("/hooks").header("x-forwarded-for", "192.0.2.1");
    let request = request.body(()).unwrap();
    for sources in [
        None,
        Some(&Sources::direct()),
        Some(&behind(&["10.0.0.0/8"])),
    ] {
        assert_eq!(Origin::of(&request, sources, true), Origin::default());
    }
}

#[test]
fn nobody_asks_nobody_parses() {
    let request = http::Request::post("/hooks").extension(Peer(ip("192.0.2.1")));
    let request = request.body(()).unwrap();
    let origin = Origin::of(&request, Some(&Sources::direct()), false);
    assert_eq!((origin.peer, origin.source), (Some(ip("192.0.2.1")), None));
}

/// Once a limiter elsewhere was keyed by the leftmost address, which the sender writes himself.
#[test]
fn a_header_of_a_stranger_names_nobody() {
    for sources in [
        None,
        Some(&Sources::direct()),
        Some(&behind(&["10.0.0.0/8"])),
    ] {
        let seen = source(sources, "198.51.100.7", &["203.0.113.1, 10.0.0.1"]);
        assert_eq!(seen, ip("198.51.100.7"));
    }
}

#[test]
fn hops_count_from_the_right() {
    let one = behind(&["10.0.0.0/8"]);
    let cases: [(&[&str], &str); 12] = [
        (&["203.0.113.9"], "203.0.113.9"),
        // What stands to the left came with the request.
        (&["192.0.2.66, 203.0.113.9"], "203.0.113.9"),
        (&["192.0.2.66", "203.0.113.9"], "203.0.113.9"),
        (&["192.0.2.66", "203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        (&["192.0.2.66, 203.0.113.9", "10.0.0.2"], "203.0.113.9"),
        (&["203.0.113.9,10.0.0.2,10.0.0.3"], "203.0.113.9"),
        (&["  203.0.113.9\t,  10.0.0.2 "], "203.0.113.9"),
        (&["203.0.113.9:4711, 10.0.0.2:80"], "203.0.113.9"),
        // Nobody outside of the proxies: the farthest of them.
        (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        // The header is missing, or not what a proxy writes: the nearest hop that is known.
        (&[], "10.0.0.1"),
        (&["203.0.113.9, unknown"], "10.0.0.1"),
        (&["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
    ];
    for (lines, due) in cases {
        assert_eq!(source(Some(&one), "10.0.0.1", lines), ip(due), "{lines:?}");
    }
    for line in ["", ",", "203.0.113.9,", "203.0.113.9, 010.0.0.2"] {
        assert_eq!(source(Some(&one), "10.0.0.1", &[line]), ip("10.0.0.1"));
    }
}

#[test]
fn no_proxy_speaks_for_more_hops_than_are_read() {
    let long = ["203.0.113.9", &", 10.0.0.2".repeat(MOST_HOPS - 1)].concat();
    let sources = behind(&["10.0.0.0/8"]);
    assert_eq!(
        source(Some(&sources), "10.0.0.1", &[&long]),
        ip("203.0.113.9")
    );
    let longer = ["203.0.113.9", &", 10.0.0.2".repeat(MOST_HOPS)].concat();
    assert_eq!(
        source(Some(&sources), "10.0.0.1", &[&longer]),
        ip("10.0.0.2")
    );
}

#[test]
fn elements_of_forwarded_count_from_the_right() {
    let sources = Sources::behind_forwarded(&["10.0.0.0/8", "fd00::/8"]).unwrap();
    let source = |peer: &str, lines: &[&str]| {
        let mut request = http::Request::post("/hooks").header("x-forwarded-for", "198.51.100.66");
        for line in lines {
            request = request.header("forwarded", *line);
        }
        let request = request.extension(Peer(ip(peer))).body(()).unwrap();
        let origin = Origin::of(&request, Some(&sources), true);
        origin.source.map(Source::address).unwrap()
    };
    let cases: [(&[&str], &str); 12] = [
        (&["for=203.0.113.9"], "203.0.113.9"),
        (&["for=192.0.2.66, for=203.0.113.9"], "203.0.113.9"),
        (&["for=192.0.2.66", "for=203.0.113.9"], "203.0.113.9"),
        (
            &["for=203.0.113.9;proto=https, for=10.0.0.2"],
            "203.0.113.9",
        ),
        (
            &["for=203.0.113.9, for=\"[fd00::2]:80\", for=10.0.0.2"],
            "203.0.113.9",
        ),
        (&["for=\"[2001:db8:1:2:3::4]:80\""], "2001:db8:1:2::"),
        // The farthest proxy that is known, where who reached it is not told.
        (&["for=203.0.113.9, for=_hidden, for=10.0.0.2"], "10.0.0.2"),
        (&["for=203.0.113.9, proto=https"], "10.0.0.1"),
        (&["for=203.0.113.9, for=unknown"], "10.0.0.1"),
        (&["for=10.0.0.3, for=10.0.0.2"], "10.0.0.3"),
        // Missing, or malformed anywhere.
        (&[], "10.0.0.1"),
        (&["for=\"x", "for=203.0.113.9"], "10.0.0.1"),
    ];
    for (lines, due) in cases {
        assert_eq!(source("10.0.0.1", lines), ip(due), "{lines:?}");
    }
    let stranger = source("203.0.113.1", &["for=192.0.2.66"]);
    assert_eq!(stranger, ip("203.0.113.1"));
    let everybody = "0.0.0.0/0";
    for (bad, why) in [
        (&[][..], ProxyError::Empty),
        (&[everybody], ProxyError::Network(everybody.to_owned())),
    ] {
        assert_eq!(Sources::behind(bad), Err(why.clone()));
        assert_eq!(Sources::behind_forwarded(bad), Err(why));
    }
}

#[test]
fn one_network_of_64_bits_is_one_source() {
    let direct = Some(Sources::direct());
    let seen = |peer| source(direct.as_ref(), peer, &[]);
    assert_eq!(seen("2001:db8:1:2:3:4:5:6"), ip("2001:db8:1:2::"));
    assert_eq!(seen("2001:db8:1:2:ffff::1"), ip("2001:db8:1:2::"));
    assert_eq!(seen("2001:db8:1:3:3:4:5:6"), ip("2001:db8:1:3::"));
    assert_eq!(seen("::ffff:192.0.2.1"), ip("192.0.2.1"));
    assert_eq!(seen("192.0.2.2"), ip("192.0.2.2"));
}

/// RFC 6052: the prefix that translators share; all of IPv4 would be one network of 64 bits.
#[test]
fn translated_addresses_are_those_that_were_translated() {
    let direct = Sources::direct();
    for (peer, expected) in [
        ("64:ff9b::198.51.100.66", "198.51.100.66"),
        ("64:ff9b::", "0.0.0.0"),
        ("64:ff9b::1:198.51.100.66", "64:ff9b::"),
        ("64:ff9b:1::198.51.100.66", "64:ff9b:1::"),
        ("64:ff9c::198.51.100.66", "64:ff9c::"),
        ("65:ff9b::198.51.100.66", "65:ff9b::"),
        ("64:ff9b:0:1::198.51.100.66", "64:ff9b:0:1::"),
        ("64:ff9b::1:0:198.51.100.66", "64:ff9b::"),
    ] {
        assert_eq!(source(Some(&direct), peer, &[]), ip(expected), "{peer}");
    }
}

#[test]
fn a_source_in_ipv6_is_found_behind_proxies_of_either_family() {
    let sources = behind(&["fd00::/8", "10.0.0.1"]);
    for (peer, line, due) in [
        ("fd00::1", "2001:db8::77", "2001:db8::"),
        ("fd00::1", "[2001:db8:0:1::77]:4711", "2001:db8:0:1::"),
        ("fd00::1", "[2001:db8:0:1::77]", "2001:db8:0:1::"),
        ("::ffff:10.0.0.1", "192.0.2.9", "192.0.2.9"),
        ("10.0.0.1", "192.0.2.9, ::ffff:10.0.0.1", "192.0.2.9"),
        // One address beside the one that was named.
        ("10.0.0.2", "192.0.2.9", "10.0.0.2"),
    ] {
        assert_eq!(
            source(Some(&sources), peer, &[line]),
            ip(due),
            "{peer} {line}"
        );
    }
}

#[test]
fn what_names_no_proxy_is_refused() {
    assert_eq!(Sources::behind(&[]), Err(ProxyError::Empty));
    for bad in [
        "0.0.0.0/0",
        "::/0",
        "10.0.0.0/33",
        "proxy",
        "",
        "010.0.0.1",
        // Spelled in more than one way, or so that another reader reads another network.
        "10.0.0.0/08",
        "10.0.0.0/+8",
        "10.0.0.0/8/8",
        " 10.0.0.0/8",
        "10.0.0/8",
        "10.0.0.0/",
        "/8",
        "010.0.0.0/8",
        "::ffff:010.0.0.0/104",
        // Fuzzing found it: nothing is left out where `::` stands.
        "::ffff:20:5:6ff:ffff:20:10.0.0.0/8",
    ] {
        let error = Sources::behind(&["10.0.0.1", bad]);
        assert_eq!(error, Err(ProxyError::Network(bad.to_owned())));
    }
}
