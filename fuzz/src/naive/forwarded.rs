//! `Forwarded` (RFC 7239), cut at what stands outside of quotes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const MOST_LEN: usize = 4_096;
const MOST_HOPS: usize = 32;
const MOST_PAIRS: usize = 16;

/// What one proxy says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hop {
    /// Who reached it, where that is an address.
    pub from: Option<IpAddr>,
    /// The host that was asked for.
    pub host: Option<String>,
    /// How it was asked.
    pub proto: Option<String>,
}

/// All hops of all lines; none for what is malformed anywhere.
#[must_use]
pub fn hops(lines: &[&[u8]]) -> Option<Vec<Hop>> {
    if lines.iter().map(|line| line.len()).sum::<usize>() > MOST_LEN {
        return None;
    }
    let mut hops = Vec::new();
    for line in lines {
        let line = std::str::from_utf8(line)
            .ok()
            .filter(|line| line.is_ascii())?;
        for element in outside(line, ',') {
            hops.push(hop(element.trim_matches([' ', '\t']))?);
        }
    }
    (hops.len() <= MOST_HOPS).then_some(hops)
}

/// The hop that the outermost proxy has written, and the last address on the way to it.
#[must_use]
pub fn walk(
    hops: &[Hop],
    peer: IpAddr,
    is_proxy: impl Fn(IpAddr) -> bool,
) -> (Option<&Hop>, IpAddr) {
    let mut last = peer;
    for hop in hops.iter().rev() {
        match hop.from {
            Some(from) => last = from,
            None => return (Some(hop), last),
        }
        if !is_proxy(last) {
            return (Some(hop), last);
        }
    }
    // A proxy that says nothing.
    (None, last)
}

fn outside(text: &str, at: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        if c == at && !quoted {
            parts.push(String::new());
            continue;
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && c == '\\' && !escaped;
    }
    parts
}

fn hop(element: &str) -> Option<Hop> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in outside(element, ';').iter().filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let name = name.to_ascii_lowercase();
        let is_new = pairs.iter().all(|(known, _)| *known != name);
        if !is_token(&name) || !is_new {
            return None;
        }
        pairs.push((name, value_of(value)?));
    }
    if pairs.is_empty() || pairs.len() > MOST_PAIRS {
        return None;
    }
    let value = |wanted: &str| {
        let found = pairs.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone())
    };
    let nodes = ["for", "by"].map(|name| value(name).map(|text| node(&text)));
    if nodes.contains(&Some(None)) {
        return None;
    }
    Some(Hop {
        from: nodes[0].flatten().flatten(),
        host: value("host"),
        proto: value("proto"),
    })
}

fn value_of(text: &str) -> Option<String> {
    let Some(quoted) = text.strip_prefix('"') else {
        return is_token(text).then(|| text.to_owned());
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        let c = match chars.next()? {
            '"' => break,
            '\\' => chars.next()?,
            c => c,
        };
        if c != '\t' && !(' '..='~').contains(&c) {
            return None;
        }
        value.push(c);
    }
    chars.as_str().is_empty().then_some(value)
}

fn is_token(text: &str) -> bool {
    let is_in = |c: char| c > ' ' && c < '\x7f' && !"\"(),/:;<=>?@[\\]{}".contains(c);
    !text.is_empty() && text.chars().all(is_in)
}

/// `Some(None)` is somebody without an address.
fn node(text: &str) -> Option<Option<IpAddr>> {
    if let Some(inner) = text.strip_prefix('[') {
        let (address, behind) = inner.split_once(']')?;
        let port = behind.strip_prefix(':');
        if !behind.is_empty() && !port.is_some_and(is_port) {
            return None;
        }
        return Some(Some(IpAddr::V6(address.parse::<Ipv6Addr>().ok()?)));
    }
    let name = match text.split_once(':') {
        Some((name, port)) if is_port(port) => name,
        Some(_) => return None,
        None => text,
    };
    if name.eq_ignore_ascii_case("unknown") || is_hidden(name) {
        return Some(None);
    }
    Some(Some(IpAddr::V4(name.parse::<Ipv4Addr>().ok()?)))
}

fn is_port(text: &str) -> bool {
    let is_number = !text.is_empty() && text.len() < 6 && text.chars().all(|c| c.is_ascii_digit());
    is_number || is_hidden(text)
}

fn is_hidden(text: &str) -> bool {
    let is_in = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_' || c == '-';
    text.len() > 1 && text.starts_with('_') && text.chars().all(is_in)
}
