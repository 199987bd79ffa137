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
            let address = text.parse::<IpAddr>().map(IpNet::from);
            let net = address.or_else(|_| text.parse::<IpNet>());
            match net.map(in_own_family) {
                Ok(net) if net.prefix_len() > 0 && !has_octal_look(text) => nets.push(net),
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

/// `010.0.0.0` is ten to some and eight to others.
fn has_octal_look(network: &str) -> bool {
    let address = network.split('/').next().unwrap_or_default();
    let dotted = address.rsplit(':').next().unwrap_or_default();
    dotted.contains('.')
        && dotted
            .split('.')
            .any(|number| number.len() > 1 && number.starts_with('0'))
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
