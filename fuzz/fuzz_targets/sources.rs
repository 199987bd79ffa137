//! Whom an attempt is counted under: behind proxies, of which each adds a hop to the right.
//!
//! Input: a line of the proxies' networks, the peer's address, header lines (`X-Forwarded-For`, `Forwarded`).
//! Property: the source is what a naive walk says that starts at the peer and goes on to the left while the address is one of a proxy, at most
//! 32 hops; what a stranger writes to the left of his own address changes nothing; networks are taken exactly when a naive reading takes them.
//! The same of `Forwarded`, which is read as a whole or not at all.

#![no_main]
#![cfg(fuzzing)]

use core::net::IpAddr;

use countersign::{Sources, fuzzing};
use countersign_fuzz::head::AnyHead;
use countersign_fuzz::message::Message;
use countersign_fuzz::naive::forwarded;
use countersign_fuzz::naive::networks::{Network, counted_as, hop};
use countersign_fuzz::text::{first_line, words};
use libfuzzer_sys::fuzz_target;

const HEADER: &str = "x-forwarded-for";
const ELEMENTS: &str = "forwarded";

const MOST_HOPS: usize = 32;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (networks, rest) = first_line(text.as_bytes());
    let (peer, headers) = first_line(rest);
    let networks: Vec<&str> = words(networks)
        .filter_map(|word| str::from_utf8(word).ok())
        .collect();
    let peer = str::from_utf8(peer)
        .ok()
        .and_then(|peer| peer.parse::<IpAddr>().ok());
    let headers = Message::new(headers, b"", 0).headers;

    let direct = source(&Sources::direct(), peer, &headers);
    assert_eq!(direct, peer.map(counted_as));

    let Some((sources, proxies)) = proxies(&networks) else {
        return;
    };
    let told = source(&sources, peer, &headers);
    let Some(peer) = peer else {
        assert_eq!(told, None);
        return;
    };
    let is_proxy = |address| proxies.iter().any(|network| network.holds(address));
    check_elements(&networks, peer, &headers, is_proxy);
    let hops = hops(&headers);
    let (last, read) = walk(peer, &hops, is_proxy);
    assert_eq!(told, Some(counted_as(last)), "{hops:?}");

    // Where somebody came in who is no proxy, what he says of others is nothing but his word.
    if !is_proxy(last) {
        let genuine = &hops[hops.len() - read..];
        for lie in ["203.0.113.9", "10.0.0.1, 203.0.113.9,", "\u{fffd}", ",,,,"] {
            let line = [lie.as_bytes().to_vec(), genuine.join(&b',')].join(&b',');
            let lies = vec![(HEADER.to_owned(), line)];
            assert_eq!(source(&sources, Some(peer), &lies), told, "{lie}");
        }
    }
});

fn check_elements(
    networks: &[&str],
    peer: IpAddr,
    headers: &[(String, Vec<u8>)],
    is_proxy: impl Fn(IpAddr) -> bool,
) {
    let sources = Sources::behind_forwarded(networks).expect("they are networks of the other kind");
    let head = AnyHead::new("POST", "/", headers);
    let lines: Vec<&[u8]> = head.lines(ELEMENTS).collect();
    let hops = forwarded::hops(&lines);
    let expected = match &hops {
        Some(hops) if is_proxy(peer) => forwarded::walk(hops, peer, &is_proxy).1,
        _ => peer,
    };
    let told = source(&sources, Some(peer), headers);
    assert_eq!(told, Some(counted_as(expected)), "{hops:?}");

    // Whatever stands in front of one more element: that one is the nearest proxy's word, or nothing is.
    for own in ["for=203.0.113.9", "for=\"[2001:db8::1]:_x\";host=\"a\""] {
        let mut more = headers.to_vec();
        match more
            .iter_mut()
            .rfind(|(name, _)| name.eq_ignore_ascii_case(ELEMENTS))
        {
            Some((_, line)) => line.extend_from_slice(format!(", {own}").as_bytes()),
            None => more.push((ELEMENTS.to_owned(), own.into())),
        }
        let own = if own.contains('[') {
            "2001:db8::1"
        } else {
            "203.0.113.9"
        };
        let own = own.parse().expect("an address");
        if is_proxy(peer) && !is_proxy(own) {
            let told = source(&sources, Some(peer), &more);
            assert!(told == Some(counted_as(own)) || told == Some(counted_as(peer)));
        }
    }
}

/// The library's, and a naive twin.
fn proxies(networks: &[&str]) -> Option<(Sources, Vec<Network>)> {
    let naive: Option<Vec<Network>> = networks.iter().map(|text| Network::parse(text)).collect();
    let naive = naive.filter(|named| !named.is_empty());
    let read = Sources::behind(networks);
    assert_eq!(read.is_ok(), naive.is_some(), "{networks:?}");
    read.ok().zip(naive)
}

fn source(
    sources: &Sources,
    peer: Option<IpAddr>,
    headers: &[(String, Vec<u8>)],
) -> Option<IpAddr> {
    let head = AnyHead {
        peer,
        ..AnyHead::new("POST", "/", headers)
    };
    fuzzing::source(sources, &head)
}

/// All of the lines as one list.
fn hops(headers: &[(String, Vec<u8>)]) -> Vec<Vec<u8>> {
    let lines = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(HEADER));
    let lines: Vec<&[u8]> = lines.map(|(_, value)| value.as_slice()).collect();
    if lines.is_empty() {
        return Vec::new();
    }
    let list = lines.join(&b',');
    list.split(|byte| *byte == b',')
        .map(<[u8]>::to_vec)
        .collect()
}

/// Where the walk ends, and how many hops it read.
fn walk(peer: IpAddr, hops: &[Vec<u8>], is_proxy: impl Fn(IpAddr) -> bool) -> (IpAddr, usize) {
    let mut last = peer;
    let mut read = 0;
    while is_proxy(last) && read < MOST_HOPS.min(hops.len()) {
        let Some(address) = hop(&hops[hops.len() - 1 - read]) else {
            break;
        };
        last = address;
        read += 1;
    }
    (last, read)
}
