//! Networks as the bits that their addresses begin with, and addresses as proxies write them.

use std::net::{IpAddr, Ipv6Addr};

/// The bits that every address of a network begins with. One address is the network of all of its bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// 32 or 128.
    family: usize,
    bits: String,
}

/// 80 zeros and 16 ones: IPv4 in IPv6 form.
fn mapped() -> String {
    format!("{}{}", "0".repeat(80), "1".repeat(16))
}

impl Network {
    /// The one address. An IPv4 peer on a socket for both families is one of IPv4.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        let bits = match address {
            IpAddr::V4(four) => format!("{:032b}", u32::from_be_bytes(four.octets())),
            IpAddr::V6(six) => format!("{:0128b}", u128::from_be_bytes(six.octets())),
        };
        Self::cut(bits, None).expect("the whole of an address is a network")
    }

    fn cut(mut bits: String, len: Option<usize>) -> Option<Self> {
        let mut len = len.unwrap_or(bits.len());
        if bits.len() == 128 && bits.starts_with(&mapped()) && (96..=128).contains(&len) {
            bits.drain(..96);
            len -= 96;
        }
        let family = bits.len();
        (1..=family).contains(&len).then(|| {
            bits.truncate(len);
            Self { family, bits }
        })
    }

    /// A network in CIDR notation, or an address; none for what is no network, or holds every address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (address, Some(len)),
            None => (text, None),
        };
        let len = match len {
            Some(len) => Some(len.parse().ok().filter(|n: &usize| n.to_string() == len)?),
            None => None,
        };
        let bits = match address.parse::<IpAddr>().ok()? {
            IpAddr::V4(four) => format!("{:032b}", u32::from_be_bytes(four.octets())),
            IpAddr::V6(six) => format!("{:0128b}", u128::from_be_bytes(six.octets())),
        };
        Self::cut(bits, len)
    }

    /// Is it one of its addresses?
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        let one = Self::of(address);
        one.family == self.family && one.bits.starts_with(&self.bits)
    }
}

/// An address in a list of proxies, with a port or without.
#[must_use]
pub fn hop(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim_matches([' ', '\t']);
    if let Some(inner) = text.strip_prefix('[') {
        let (inside, behind) = inner.split_once(']')?;
        let has_port = match behind.strip_prefix(':') {
            Some(port) if is_port(port) => true,
            None if behind.is_empty() => false,
            _ => return None,
        };
        // A zone, in front of a port alone.
        let bare = match inside.split_once('%') {
            Some((bare, zone)) if has_port && is_number(zone, u32::MAX.into()) => bare,
            Some(_) => return None,
            None => inside,
        };
        return bare.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    match text.rsplit_once(':') {
        Some((address, port)) if !address.contains(':') => {
            let address = address.parse().ok().map(IpAddr::V4);
            address.filter(|_| is_port(port))
        }
        _ => text.parse().ok(),
    }
}

fn is_port(text: &str) -> bool {
    is_number(text, u16::MAX.into())
}

fn is_number(text: &str, most: u128) -> bool {
    let digits = text.trim_start_matches('0');
    !text.is_empty()
        && text.bytes().all(|digit| digit.is_ascii_digit())
        && digits.len() <= 20
        && digits.parse().unwrap_or(0) <= most
}

/// What limits count: an IPv4 address, also the one that a translator has put behind 64:ff9b::/96, or the first 64 bits of one in IPv6.
#[must_use]
pub fn counted_as(address: IpAddr) -> IpAddr {
    let whole = Network::of(address);
    if whole.family == 32 {
        let bits = u32::from_str_radix(&whole.bits, 2).expect("32 bits");
        return IpAddr::V4(bits.into());
    }
    let translators = Network::parse("64:ff9b::/96").expect("a network");
    if translators.holds(address) {
        let bits = u32::from_str_radix(&whole.bits[96..], 2).expect("32 bits");
        return IpAddr::V4(bits.into());
    }
    let first = format!("{}{}", &whole.bits[..64], "0".repeat(64));
    let bits = u128::from_str_radix(&first, 2).expect("128 bits");
    IpAddr::V6(bits.into())
}
