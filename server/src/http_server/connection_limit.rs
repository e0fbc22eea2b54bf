//! Limits on concurrent connections: overall and per IP address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::limits::address::{Proxies, network};

/// Counts open connections.
pub(super) struct ConnectionLimit {
    max: usize,
    max_per_ip: usize,
    proxies: Proxies,
    open: Mutex<OpenConnections>,
}

#[derive(Default)]
struct OpenConnections {
    total: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// One open connection; dropping it frees its slot.
pub(super) struct ConnectionPermit {
    limit: Arc<ConnectionLimit>,
    ip: IpAddr,
}

impl ConnectionLimit {
    pub(super) fn new(max: usize, max_per_ip: usize, proxies: Proxies) -> Arc<Self> {
        Arc::new(Self { max, max_per_ip, proxies, open: Mutex::default() })
    }

    /// A permit for a connection from this IP address; `None` when a limit is reached.
    pub(super) fn try_acquire(self: &Arc<Self>, peer: IpAddr) -> Option<ConnectionPermit> {
        let ip = network(peer);
        let mut open = self.open();
        if open.total >= self.max {
            return None;
        }
        let here = open.by_ip.entry(ip).or_default();
        if *here >= self.max_per_ip && !self.proxies.contains(peer) {
            return None;
        }
        *here += 1;
        open.total += 1;
        Some(ConnectionPermit { limit: Arc::clone(self), ip })
    }

    /// Open connections.
    pub(super) fn count(&self) -> usize {
        self.open().total
    }

    fn open(&self) -> MutexGuard<'_, OpenConnections> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.limit.open();
        open.total -= 1;
        if let Some(here) = open.by_ip.get_mut(&self.ip) {
            *here -= 1;
            if *here == 0 {
                open.by_ip.remove(&self.ip);
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
    fn one_ip_address_cannot_take_every_connection() {
        let limit = ConnectionLimit::new(3, 2, Proxies::default());
        let first = limit.try_acquire(ip("192.0.2.1")).unwrap();
        let _second = limit.try_acquire(ip("::ffff:192.0.2.1")).unwrap();
        assert!(
            limit.try_acquire(ip("192.0.2.1")).is_none(),
            "an IPv4-mapped IPv6 address is the same IP address"
        );
        let _other = limit.try_acquire(ip("192.0.2.2")).unwrap();
        assert!(limit.try_acquire(ip("192.0.2.3")).is_none(), "the overall limit is three");
        drop(first);
        assert!(limit.try_acquire(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn an_ipv6_64_network_counts_as_one_ip_address() {
        let limit = ConnectionLimit::new(9, 1, Proxies::default());
        let _first = limit.try_acquire(ip("2001:db8:0:1::1")).unwrap();
        assert!(limit.try_acquire(ip("2001:db8:0:1:ffff::2")).is_none());
        assert!(limit.try_acquire(ip("2001:db8:0:2::1")).is_some());
    }

    #[test]
    fn the_limit_per_ip_address_does_not_apply_to_trusted_proxies() {
        let proxies = ["192.0.2.1".parse::<Network>().unwrap()].into_iter().collect();
        let limit = ConnectionLimit::new(3, 1, proxies);
        let all: Vec<_> = (0..3).map(|_| limit.try_acquire(ip("192.0.2.1")).unwrap()).collect();
        assert!(limit.try_acquire(ip("192.0.2.1")).is_none());
        drop(all);
        assert_eq!(limit.open().total, 0);
        assert!(limit.open().by_ip.is_empty(), "entries of closed connections are removed");
    }
}
