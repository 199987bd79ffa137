//! Where an attempt comes from, as limits count it.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::HeaderName;

use crate::forwarded::{Hop, Hops, MOST_HOPS};
use crate::networks::Networks;
use crate::public_url::ProxyError;
use crate::request::{Head, trim};

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How the source of an attempt is known, for [limits per source](crate::FailureLimit).
///
/// The source is the address at the other end of the connection ([`Peer`](crate::Peer)). Where that is a proxy named here, it is the hop in
/// `X-Forwarded-For` that the last of the named proxies has written, counted from the right: what stands to the left of it, a stranger may
/// have sent along. An address in IPv6 stands for its /64, which one customer of a provider has to himself; one in `64:ff9b::/96` for the
/// IPv4 address that a translator has put there. (A translator with a prefix of its own makes one source of all of IPv4: name it as a proxy
/// if it tells the hop, or leave limits per source off.)
///
/// Without this setting the peer is the source, too, but is not relied on: it may be a proxy that everybody comes through.
///
/// ```
/// use countersign::Sources;
/// let sources = Sources::behind(&["10.0.0.0/8", "fd00::/8"])?;
/// # let _ = sources;
/// # Ok::<(), countersign::ProxyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources(Told);

/// Who tells the source: the connection, `X-Forwarded-For` or `Forwarded`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Peer,
    List(Networks),
    Elements(Networks),
}

impl Sources {
    /// Senders connect directly: every peer is a source, and no header is looked at.
    #[must_use]
    pub const fn direct() -> Self {
        Self(Told::Peer)
    }

    /// Senders come through these proxies, each of which adds the address that it was connected from to the end of `X-Forwarded-For`: networks
    /// in CIDR notation or single addresses (`10.0.0.0/8`, `::1`). Name every proxy on the way, or the one that is missing is the source.
    ///
    /// **Hostile input**: a peer that is not named is the source itself, whatever its headers say. Where the header is missing, or what a
    /// proxy should have written is no address, the proxy is the source. No more than 32 hops are read.
    ///
    /// # Errors
    /// Names the entry that is no address and no network, or that holds every address; and an empty list.
    pub fn behind(proxies: &[&str]) -> Result<Self, ProxyError> {
        Ok(Self(Told::List(named(proxies)?)))
    }

    /// The same for proxies that write `Forwarded` (RFC 7239), each of which adds an element with `for` to the right: `X-Forwarded-For` is not
    /// looked at then.
    ///
    /// **Hostile input**: as [`behind`](Self::behind); where the header is malformed anywhere, longer than 4,096 bytes or of more than 32 elements, the
    /// proxy that the connection comes from is the source.
    ///
    /// # Errors
    /// Those of [`behind`](Self::behind).
    pub fn behind_forwarded(proxies: &[&str]) -> Result<Self, ProxyError> {
        Ok(Self(Told::Elements(named(proxies)?)))
    }

    fn source(&self, head: &impl Head, peer: IpAddr) -> Source {
        let address = match &self.0 {
            Told::List(proxies) if proxies.hold(peer) => by_list(head, proxies, peer),
            Told::Elements(proxies) if proxies.hold(peer) => by_elements(head, proxies, peer),
            _ => peer,
        };
        Source::of(address)
    }
}

fn named(proxies: &[&str]) -> Result<Networks, ProxyError> {
    let networks = Networks::parse(proxies).map_err(ProxyError::Network)?;
    if networks.is_empty() {
        return Err(ProxyError::Empty);
    }
    Ok(networks)
}

/// The hop in `X-Forwarded-For` that the outermost of these proxies has written.
fn by_list(head: &impl Head, proxies: &Networks, peer: IpAddr) -> IpAddr {
    let mut nearest = peer;
    // Lines in order, so the last hop of the last line is the nearest. Of a header's lines only the last few matter.
    let lines: Vec<&[u8]> = head.header(&FORWARDED_FOR).collect();
    let hops = lines
        .iter()
        .rev()
        .flat_map(|line| line.rsplit(|byte| *byte == b','));
    for hop in hops.take(MOST_HOPS) {
        let Some(address) = address(hop) else {
            break;
        };
        nearest = address;
        if !proxies.hold(address) {
            break;
        }
    }
    nearest
}

/// The same of `Forwarded`.
fn by_elements(head: &impl Head, proxies: &Networks, peer: IpAddr) -> IpAddr {
    let hops = Hops::read(head).unwrap_or_default();
    let addresses = hops.told_by(proxies).filter_map(Hop::from);
    addresses.last().unwrap_or(peer)
}

/// An address as proxies write it: plain, or with a port (`192.0.2.1:4711`, `[2001:db8::1]:4711`).
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(trim(hop)).ok()?;
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(with_port) = text.parse::<core::net::SocketAddr>() {
        return Some(with_port.ip());
    }
    let bare = text.strip_prefix('[')?.strip_suffix(']')?;
    bare.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// One source: an IPv4 address, or the /64 of an IPv6 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Source(IpAddr);

impl Source {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => match translated(address) {
                Some(address) => IpAddr::V4(address),
                None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK_OF_ONE)),
            },
        })
    }

    pub(crate) const fn address(self) -> IpAddr {
        self.0
    }
}

/// The IPv4 address that a translator shows to a host with IPv6 alone, in the prefix that RFC 6052 sets aside for it: all of IPv4 would be one /64.
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [0x0064, 0xFF9B, 0, 0, 0, 0, ..] = address.segments() else {
        return None;
    };
    let [.., a, b, c, d] = address.octets();
    Some(Ipv4Addr::new(a, b, c, d))
}

/// The upper 64 bits.
const NETWORK_OF_ONE: u128 = (u64::MAX as u128) << 64;

/// Whom an attempt comes from: the end of its connection, and the source that limits count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) peer: Option<IpAddr>,
    /// `None` without a peer, and where nothing is counted.
    pub(crate) source: Option<Source>,
}

impl Origin {
    /// `counts`: does anything ask for the source?
    pub(crate) fn of(head: &impl Head, sources: Option<&Sources>, counts: bool) -> Self {
        let peer = head.peer();
        let source = peer.filter(|_| counts).map(|peer| match sources {
            Some(sources) => sources.source(head, peer),
            None => Source::of(peer),
        });
        Self { peer, source }
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
