//! The public URL of schemes that sign it: from the configuration, and from proxies that are trusted to tell it.
//!
//! Input: a configured URL; a line with a request's target; a line of networks; a line of hosts; `PEER` with the words `keep`, `port`,
//! `forwarded`, and `prefix` or `strip`, or without; header lines.
//! Property: the configured URL is taken and spelled as a naive reading says, and stays as it was written; spellings differ in the port and
//! the query alone. Proxies are believed exactly when the bits of the peer's address say so and what they tell is one of the hosts.

#![no_main]
#![cfg(fuzzing)]

use core::net::IpAddr;

use countersign::scheme::{UrlPort, UrlQuery, UrlSpelling};
use countersign::{Refusal, TrustedProxies, fuzzing};
use countersign_fuzz::head::AnyHead;
use countersign_fuzz::message::Message;
use countersign_fuzz::naive::forwarded;
use countersign_fuzz::naive::networks::Network;
use countersign_fuzz::naive::url::{Port, Query, spell};
use countersign_fuzz::text::{first_line, words};
use libfuzzer_sys::fuzz_target;

const PORTS: [(UrlPort, Port); 3] = [
    (UrlPort::AsConfigured, Port::Kept),
    (UrlPort::Without, Port::Without),
    (UrlPort::With, Port::With),
];

const QUERIES: [(UrlQuery, Query); 3] = [
    (UrlQuery::AsArrived, Query::Kept),
    (UrlQuery::Whatwg, Query::Whatwg),
    (UrlQuery::Querystring, Query::Rewritten),
];

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else {
        return;
    };
    let (base, rest) = line(input);
    let (target, rest) = line(rest);
    check_spellings(base, target);

    let (networks, rest) = line(rest);
    let (hosts, rest) = line(rest);
    let (peer, headers) = line(rest);
    check_proxies(
        &texts(networks),
        &texts(hosts),
        &texts(peer),
        &Message::new(headers.as_bytes(), b"", 0),
    );
});

fn line(text: &str) -> (&str, &str) {
    let (first, rest) = first_line(text.as_bytes());
    let text = |bytes| std::str::from_utf8(bytes).expect("cut at line ends");
    (text(first), text(rest))
}

fn texts(line: &str) -> Vec<&str> {
    words(line.as_bytes())
        .map(|word| std::str::from_utf8(word).expect("cut at blanks"))
        .collect()
}

fn check_spellings(base: &str, target: &str) {
    let head = AnyHead::new("POST", target, &[]);
    for (query, naive_query) in QUERIES {
        let mut spelled = Vec::new();
        for (port, naive_port) in PORTS {
            let spelling = UrlSpelling { port, query };
            let url = fuzzing::public_url(base, spelling, head.path, head.query);
            assert_eq!(
                url,
                spell(base, naive_port, naive_query, head.path, head.query)
            );
            spelled.extend(url);
        }
        check_ports(&spelled);
    }
    let plain = fuzzing::public_url(base, UrlSpelling::PLAIN, "", None);
    if let Some(plain) = plain {
        assert_eq!(plain, base.strip_suffix('/').unwrap_or(base));
        let again = fuzzing::public_url(&plain, UrlSpelling::PLAIN, "", None);
        // Several slashes lose one at a time.
        assert!(again == Some(plain.clone()) || plain.ends_with('/'));
    }
}

/// As configured, without and with: cutting the port out of the third gives the second, and the first is one of them.
fn check_ports(spelled: &[String]) {
    let [plain, without, with] = spelled else {
        assert!(spelled.is_empty());
        return;
    };
    assert!(plain == without || plain == with);
    let port = with.len() - without.len();
    assert!((2..=6).contains(&port));
    let cuts = with.match_indices(':').any(|(at, _)| {
        let text = with.get(at..at + port).unwrap_or_default();
        text[1.min(text.len())..]
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            && format!(
                "{}{}",
                &with[..at],
                with.get(at + port..).unwrap_or_default()
            ) == *without
    });
    assert!(cuts, "{with} {without}");
}

fn check_proxies(networks: &[&str], hosts: &[&str], peer: &[&str], message: &Message) {
    let is_host = |host: &&str| {
        let url = spell(
            &format!("https://{host}"),
            Port::Kept,
            Query::Kept,
            "",
            None,
        );
        url.is_some() && !host.contains(['/', '@'])
    };
    let proxies = TrustedProxies::new(networks, hosts.iter().copied());
    let makes_sense = !networks.is_empty() && !hosts.is_empty() && hosts.iter().all(is_host);
    let nets: Option<Vec<Network>> = networks.iter().map(|text| Network::parse(text)).collect();
    assert_eq!(
        proxies.is_ok(),
        makes_sense && nets.is_some(),
        "{networks:?} {hosts:?}"
    );
    let (Ok(mut proxies), Some(nets)) = (proxies, nets) else {
        return;
    };
    let address = peer.first().and_then(|text| text.parse::<IpAddr>().ok());
    let has = |word| peer.contains(&word);
    let said = Said {
        keep: has("keep"),
        port: has("port") && !has("forwarded"),
        prefix: has("prefix") && !has("forwarded"),
        strip: has("strip") && !has("prefix"),
        forwarded: has("forwarded"),
    };
    if said.keep {
        proxies = proxies.keeping_host();
    }
    if said.port {
        proxies = proxies.setting_port();
    }
    if said.prefix {
        proxies = proxies.setting_prefix(PREFIXES).expect("prefixes");
    }
    if said.strip {
        proxies = proxies.stripping("/in").expect("a prefix");
    }
    if said.forwarded {
        proxies = proxies.setting_forwarded();
    }
    let head = AnyHead {
        peer: address,
        ..AnyHead::new("POST", "/", &message.headers)
    };
    let told = fuzzing::forwarded_url(&proxies, &head);
    let is_proxy = |address| nets.iter().any(|net| net.holds(address));
    let is_inside = address.is_some_and(is_proxy);
    let expected = address
        .filter(|_| is_inside)
        .and_then(|peer| naive_url(hosts, &said, &head, peer, is_proxy));
    match &told {
        Err(Refusal::PeerUntrusted) => assert!(address.is_some() && !is_inside),
        Err(Refusal::PublicUrlUnknown { name }) => {
            assert!(is_inside || address.is_none() && name == "peer");
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => assert!(is_inside),
    }
    assert_eq!(told.ok(), expected);
}

/// What the proxies are said to do.
struct Said {
    keep: bool,
    port: bool,
    prefix: bool,
    strip: bool,
    forwarded: bool,
}

const PREFIXES: [&str; 2] = ["/in", "/"];

/// What a proxy's headers say.
fn naive_url(
    hosts: &[&str],
    said: &Said,
    head: &AnyHead,
    peer: IpAddr,
    is_proxy: impl Fn(IpAddr) -> bool,
) -> Option<String> {
    let lines: Vec<&[u8]> = head.lines("forwarded").collect();
    let hops = forwarded::hops(&lines);
    let told = hops
        .as_deref()
        .and_then(|hops| forwarded::walk(hops, peer, is_proxy).0);
    let proto = match said.forwarded {
        true => told?.proto.clone()?,
        false => one(head, "x-forwarded-proto")?.to_owned(),
    };
    let mut host = match (said.keep, said.forwarded) {
        (true, _) => one(head, "host")?.to_owned(),
        (false, true) => told?.host.clone()?,
        (false, false) => one(head, "x-forwarded-host")?.to_owned(),
    };
    let default = if proto == "https" { "443" } else { "80" };
    if said.port {
        let port = one(head, "x-forwarded-port")?;
        let is_port = (1..=65_535_u32).any(|number| number.to_string() == port);
        let own = host.rsplit_once(':').map(|(_, own)| own.to_owned());
        // The last colon of an address in brackets is within them.
        match own.filter(|own| !own.contains(']')) {
            _ if !is_port => return None,
            Some(own) if own != port => return None,
            None if port != default => host = format!("{host}:{port}"),
            _ => {}
        }
    }
    let below = match (said.prefix, said.strip) {
        (true, _) => {
            let told = one(head, "x-forwarded-prefix")?;
            let known = ["/in", "/in/", "/"].contains(&told);
            known.then_some(told.trim_end_matches('/'))?
        }
        (false, true) => "/in",
        (false, false) => "",
    };
    let is_known = hosts.iter().any(|known| known.eq_ignore_ascii_case(&host));
    if !is_known || proto != "http" && proto != "https" {
        return None;
    }
    spell(
        &format!("{proto}://{host}{below}"),
        Port::Kept,
        Query::Kept,
        "",
        None,
    )
}

/// The one value of a header of one line, which is no list.
fn one<'a>(head: &AnyHead<'a>, name: &str) -> Option<&'a str> {
    let lines: Vec<&[u8]> = head.lines(name).collect();
    let [line] = lines.as_slice() else {
        return None;
    };
    let text = std::str::from_utf8(line).ok()?.trim_matches([' ', '\t']);
    (!text.is_empty() && !text.contains(',')).then_some(text)
}
