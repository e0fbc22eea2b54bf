//! How many connections there may be, overall and from one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::limits::address::{Proxies, network};

/// Counts connections.
pub(super) struct ConnectionLimit {
    most: usize,
    most_per_address: usize,
    proxies: Proxies,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection's place; dropping it gives it back.
pub(super) struct ConnectionPermit {
    limit: Arc<ConnectionLimit>,
    address: IpAddr,
}

impl ConnectionLimit {
    pub(super) fn new(most: usize, most_per_address: usize, proxies: Proxies) -> Arc<Self> {
        Arc::new(Self { most, most_per_address, proxies, inside: Mutex::default() })
    }

    /// A place for a connection from this address, if there is one.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<ConnectionPermit> {
        let address = network(peer);
        let mut inside = self.inside();
        if inside.total >= self.most {
            return None;
        }
        let here = inside.by_address.entry(address).or_default();
        if *here >= self.most_per_address && !self.proxies.contains(peer) {
            return None;
        }
        *here += 1;
        inside.total += 1;
        Some(ConnectionPermit { limit: Arc::clone(self), address })
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut inside = self.limit.inside();
        inside.total -= 1;
        if let Some(here) = inside.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                inside.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::address::Network;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_cannot_take_every_place() {
        let limit = ConnectionLimit::new(3, 2, Proxies::default());
        let first = limit.enter(ip("192.0.2.1")).unwrap();
        let _second = limit.enter(ip("::ffff:192.0.2.1")).unwrap();
        assert!(limit.enter(ip("192.0.2.1")).is_none(), "an IPv4 address is the same one in IPv6 clothes");
        let _other = limit.enter(ip("192.0.2.2")).unwrap();
        assert!(limit.enter(ip("192.0.2.3")).is_none(), "three is the most overall");
        drop(first);
        assert!(limit.enter(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let limit = ConnectionLimit::new(9, 1, Proxies::default());
        let _first = limit.enter(ip("2001:db8:0:1::1")).unwrap();
        assert!(limit.enter(ip("2001:db8:0:1:ffff::2")).is_none());
        assert!(limit.enter(ip("2001:db8:0:2::1")).is_some());
    }

    #[test]
    fn a_proxy_brings_everybody_and_still_counts_overall() {
        let proxies = ["192.0.2.1".parse::<Network>().unwrap()].into_iter().collect();
        let limit = ConnectionLimit::new(3, 1, proxies);
        let all: Vec<_> = (0..3).map(|_| limit.enter(ip("192.0.2.1")).unwrap()).collect();
        assert!(limit.enter(ip("192.0.2.1")).is_none());
        drop(all);
        assert_eq!(limit.inside().total, 0);
        assert!(limit.inside().by_address.is_empty(), "nothing is kept of those who left");
    }
}
