//! The client's IP address: the peer's, or the one a trusted proxy forwards.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use ipnet::IpNet;
use poem::http::HeaderMap;

/// The only header read. Not `Forwarded`: proxies commonly write `X-Forwarded-For`, and one that passes on the other
/// header unchanged would let clients choose their IP address.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The network that counts as one client: an IPv4 address, or the /64 of an IPv6 address, which a customer has whole.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// An IP address, or a network in CIDR notation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network(IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        parsed.map(Self).map_err(|_| {
            format!("{text:?} is neither an IP address nor a network such as 192.0.2.1 or 2001:db8::/32")
        })
    }
}

/// The trusted proxies. Clones share the list.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[IpNet]>);

impl FromIterator<Network> for Proxies {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().map(|Network(net)| net).collect())
    }
}

impl Proxies {
    /// Whether this IP address is a trusted proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|net| net.contains(&address))
    }

    /// The client's IP address: the peer's, unless the peer is a trusted proxy. Then it is the right-most forwarded one
    /// that is not a trusted proxy, because the client itself can write those further left. Where the header is
    /// malformed, it is the proxy's.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.contains(peer) {
            return peer;
        }
        let mut client = peer;
        for value in headers.get_all(FORWARDED_FOR).iter().rev() {
            let Ok(hops) = value.to_str() else { return peer };
            // RFC 9110 5.6.1.2: empty elements of a list are ignored.
            for hop in hops.rsplit(',').map(str::trim).filter(|hop| !hop.is_empty()) {
                let Some(address) = address(hop) else { return peer };
                client = address;
                if !self.contains(client) {
                    return client;
                }
            }
        }
        client
    }
}

/// A forwarded IP address, with or without a port.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn proxies(list: &[&str]) -> Proxies {
        list.iter().map(|text| text.parse::<Network>().unwrap()).collect()
    }

    fn client(peer: &str, headers: &[&str]) -> String {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(FORWARDED_FOR, header.parse().unwrap());
        }
        proxies(&["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]).client(ip(peer), &map).to_string()
    }

    #[test]
    fn only_trusted_proxies_forward_ip_addresses() {
        for peer in ["203.0.113.5", "192.0.2.2", "2001:db9::1"] {
            assert_eq!(client(peer, &["198.51.100.7"]), peer);
        }
        for peer in ["10.1.2.3", "192.0.2.1", "::ffff:192.0.2.1", "2001:db8::7"] {
            assert_eq!(client(peer, &["198.51.100.7"]), "198.51.100.7", "{peer}");
        }
    }

    #[test]
    fn the_right_most_hop_that_is_not_a_proxy_counts() {
        let cases: [(&[&str], &str); 10] = [
            (&["198.51.100.7,"], "198.51.100.7"),
            (&["1.1.1.1, , 198.51.100.7, ,10.9.9.9", ""], "198.51.100.7"),
            (&["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
            (&["1.1.1.1, 198.51.100.7, 10.9.9.9, 192.0.2.1"], "198.51.100.7"),
            (&["1.1.1.1", "198.51.100.7", "10.9.9.9"], "198.51.100.7"),
            (&["nonsense, 198.51.100.7"], "198.51.100.7"),
            (&["198.51.100.7:4711"], "198.51.100.7"),
            (&["[2a00::1]:443"], "2a00::1"),
            (&["[2a00::1]"], "2a00::1"),
            (&["10.2.2.2, 10.3.3.3"], "10.2.2.2"),
        ];
        for (headers, expected) in cases {
            assert_eq!(client("10.1.2.3", headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_malformed_header_counts_as_the_proxy() {
        for headers in [&[][..], &[""], &[", ,"], &["198.51.100.7, nonsense"], &["1.2.3.4,\u{e4}"]] {
            assert_eq!(client("10.1.2.3", headers), "10.1.2.3", "{headers:?}");
        }
    }

    #[test]
    fn networks() {
        assert_eq!(network(ip("2001:db8:0:1:2::3")), ip("2001:db8:0:1::"));
        assert_eq!(network(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
        for bad in ["", "192.0.2", "192.0.2.1/33", "proxy.example"] {
            assert!(bad.parse::<Network>().is_err(), "{bad:?}");
        }
    }
}
