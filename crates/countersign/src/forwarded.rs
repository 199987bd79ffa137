//! The header `Forwarded` (RFC 7239): what each proxy on the way says of the request that reached it.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::borrow::Cow;

use http::header::FORWARDED;
use smallvec::SmallVec;

use crate::networks::Networks;
use crate::request::{Head, trim};

/// How many hops are read: more proxies stand in a row nowhere, and a stranger writes as many as fit into a header.
pub(crate) const MOST_HOPS: usize = 32;

/// The longest that all lines of the header may be together, in bytes.
const MAX_LEN: usize = 4_096;

/// How many parameters one hop may have; four of them are known.
const MOST_PAIRS: usize = 16;

/// Who sent a request to a proxy, or received it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Address(IpAddr),
    /// `unknown`, or a name that says nothing to anybody else.
    Hidden,
}

/// One hop, in the words of the proxy that was reached by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hop<'a> {
    from: Option<Node>,
    pub(crate) host: Option<Cow<'a, str>>,
    pub(crate) proto: Option<Cow<'a, str>>,
}

impl Hop<'_> {
    /// Who sent the request to the proxy, if it tells.
    pub(crate) const fn from(&self) -> Option<IpAddr> {
        match self.from {
            Some(Node::Address(address)) => Some(address),
            _ => None,
        }
    }
}

/// All hops, in the order in which they were written: the nearest proxy's is the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hops<'a>(SmallVec<[Hop<'a>; 2]>);

/// A header that does not parse as a whole says nothing at all: where its elements end depends on every quote in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl<'a> Hops<'a> {
    /// Without the header there is no hop.
    pub(crate) fn read(head: &'a impl Head) -> Result<Self, Malformed> {
        let mut hops = Self::default();
        let mut len: usize = 0;
        for line in head.header(&FORWARDED) {
            len = len.saturating_add(line.len());
            if len > MAX_LEN {
                return Err(Malformed);
            }
            hops.add_line(line)?;
        }
        Ok(hops)
    }

    fn add_line(&mut self, line: &'a [u8]) -> Result<(), Malformed> {
        let text = std::str::from_utf8(trim(line)).map_err(|_| Malformed)?;
        if !text.is_ascii() {
            return Err(Malformed);
        }
        let mut rest = Rest(text);
        loop {
            if self.0.len() >= MOST_HOPS {
                return Err(Malformed);
            }
            self.0.push(rest.hop()?);
            rest.skip_blanks();
            if rest.0.is_empty() {
                return Ok(());
            }
            rest.expect(',')?;
            rest.skip_blanks();
        }
    }

    /// What the nearest proxy says.
    pub(crate) fn last(&self) -> Option<&Hop<'a>> {
        self.0.last()
    }

    /// The hops that these proxies have written, the nearest first: each of the others came from one of them. The last of them is what
    /// the outermost proxy says; what stands to the left of it, a stranger may have sent along.
    pub(crate) fn told_by(&self, proxies: &Networks) -> impl Iterator<Item = &Hop<'a>> {
        let mut goes_on = true;
        self.0.iter().rev().take_while(move |hop| {
            let is_told = goes_on;
            goes_on = hop.from().is_some_and(|from| proxies.hold(from));
            is_told
        })
    }

    /// What the outermost of these proxies says. `None` without a hop, and where one of them sent the request but says nothing.
    pub(crate) fn outermost(&self, proxies: &Networks) -> Option<&Hop<'a>> {
        let last = self.told_by(proxies).last()?;
        let is_outside = last.from().is_none_or(|from| !proxies.hold(from));
        is_outside.then_some(last)
    }
}

/// What is still to be read of one line.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// A `forwarded-element` with one pair at least: `for=192.0.2.1;proto=https`. There are no blanks within.
    fn hop(&mut self) -> Result<Hop<'a>, Malformed> {
        let mut hop = Hop::default();
        let mut names: SmallVec<[&str; 4]> = SmallVec::new();
        loop {
            // A pair may be left out: `for=192.0.2.1;`.
            if !self.0.starts_with([';', ',', ' ', '\t']) && !self.0.is_empty() {
                let (name, value) = self.pair()?;
                let is_new = !names.iter().any(|known| known.eq_ignore_ascii_case(name));
                if !is_new || names.len() >= MOST_PAIRS {
                    return Err(Malformed);
                }
                names.push(name);
                match () {
                    () if name.eq_ignore_ascii_case("for") => hop.from = Some(node(&value)?),
                    () if name.eq_ignore_ascii_case("by") => {
                        node(&value)?;
                    }
                    () if name.eq_ignore_ascii_case("host") => hop.host = Some(value),
                    () if name.eq_ignore_ascii_case("proto") => hop.proto = Some(value),
                    () => {}
                }
            }
            if self.expect(';').is_err() {
                break;
            }
        }
        if names.is_empty() {
            return Err(Malformed);
        }
        Ok(hop)
    }

    fn pair(&mut self) -> Result<(&'a str, Cow<'a, str>), Malformed> {
        let name = self.token()?;
        self.expect('=')?;
        let value = match self.0.strip_prefix('"') {
            Some(quoted) => self.quoted(quoted)?,
            None => Cow::Borrowed(self.token()?),
        };
        Ok((name, value))
    }

    fn token(&mut self) -> Result<&'a str, Malformed> {
        let end = self.0.find(|c: char| !is_token(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at_checked(end).ok_or(Malformed)?;
        self.0 = rest;
        (!token.is_empty()).then_some(token).ok_or(Malformed)
    }

    /// The text of a quoted string, which begins behind its first quote.
    fn quoted(&mut self, quoted: &'a str) -> Result<Cow<'a, str>, Malformed> {
        let end = quoted.find(['"', '\\']).ok_or(Malformed)?;
        let (plain, rest) = quoted.split_at_checked(end).ok_or(Malformed)?;
        if let Some(rest) = rest.strip_prefix('"') {
            self.0 = rest;
            return is_text(plain)
                .then_some(Cow::Borrowed(plain))
                .ok_or(Malformed);
        }
        let mut text = plain.to_owned();
        let mut chars = rest.chars();
        loop {
            match chars.next().ok_or(Malformed)? {
                '"' => break,
                '\\' => text.push(chars.next().ok_or(Malformed)?),
                other => text.push(other),
            }
        }
        self.0 = chars.as_str();
        is_text(&text).then_some(Cow::Owned(text)).ok_or(Malformed)
    }

    fn expect(&mut self, what: char) -> Result<(), Malformed> {
        self.0 = self.0.strip_prefix(what).ok_or(Malformed)?;
        Ok(())
    }

    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }
}

/// RFC 9110, 5.6.2.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// RFC 9110, 5.6.4, without what is not ASCII.
fn is_text(text: &str) -> bool {
    text.chars().all(|c| c == '\t' || !c.is_ascii_control())
}

/// RFC 7239, 6: an address in brackets if it is IPv6, `unknown` or a hidden name, and for each a port, which may be hidden, too.
fn node(value: &str) -> Result<Node, Malformed> {
    let (name, port) = match value.rfind(':') {
        // Inside of the brackets.
        Some(at) if value.get(at..).is_some_and(|rest| rest.contains(']')) => (value, None),
        Some(at) => (
            value.get(..at).ok_or(Malformed)?,
            value.get(at.saturating_add(1)..),
        ),
        None => (value, None),
    };
    let is_port = |port: &str| {
        let is_number =
            (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
        is_number || is_hidden(port)
    };
    if port.is_some_and(|port| !is_port(port)) {
        return Err(Malformed);
    }
    if name.eq_ignore_ascii_case("unknown") || is_hidden(name) {
        return Ok(Node::Hidden);
    }
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().map(IpAddr::V6),
        None => name.parse::<Ipv4Addr>().map(IpAddr::V4),
    };
    address.map(Node::Address).map_err(|_| Malformed)
}

/// A name that one proxy has thought out for somebody, or for a port: `_SEVKISEK`.
fn is_hidden(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.strip_prefix('_')
        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_inner))
}

#[cfg(test)]
#[path = "forwarded_tests.rs"]
mod tests;
