//! Networks of proxies that are trusted, by address.

use core::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// Networks and single addresses. None of them holds every address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Networks(Vec<IpNet>);

impl Networks {
    /// From CIDR notation or single addresses (`10.0.0.0/8`, `::1`). Gives back the entry that is none.
    pub(crate) fn parse(texts: &[&str]) -> Result<Self, String> {
        let mut nets = Vec::new();
        for text in texts {
            match network(text).map(in_own_family) {
                Some(net) if net.prefix_len() > 0 => nets.push(net),
                _ => return Err((*text).to_owned()),
            }
        }
        Ok(Self(nets))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn hold(&self, address: IpAddr) -> bool {
        // A socket for both families shows IPv4 peers in IPv6 form.
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Both parts in their one spelling: `010.0.0.0` is ten to some and eight to others.
fn network(text: &str) -> Option<IpNet> {
    let Some((address, len)) = text.split_once('/') else {
        return text.parse().ok().map(IpAddr::into);
    };
    let bits: u8 = len.parse().ok()?;
    let net = IpNet::new(address.parse().ok()?, bits).ok()?;
    (bits.to_string() == len).then_some(net)
}

/// IPv4 in IPv6 form is IPv4, as peers are.
fn in_own_family(net: IpNet) -> IpNet {
    let IpNet::V6(mapped) = net else {
        return net;
    };
    let address = mapped.addr().to_ipv4_mapped();
    let len = mapped.prefix_len().checked_sub(96);
    let net_v4 = address.zip(len);
    net_v4
        .and_then(|(address, len)| Ipv4Net::new(address, len).ok())
        .map_or(net, IpNet::V4)
}
