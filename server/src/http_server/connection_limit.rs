//! Limits on concurrent connections: overall and per IP address. Where a limit is reached, the connection that has been idle
//! for longest is closed to make room.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::connection_state::ConnectionState;
use crate::client_ip::{Proxies, network};

/// Evicted connections that may still be open at a time, beyond the limit.
const MAX_EVICTED: usize = 64;

/// The open connections.
pub(super) struct ConnectionLimit {
    max: usize,
    max_per_ip: usize,
    proxies: Proxies,
    open: Mutex<OpenConnections>,
}

#[derive(Default)]
struct OpenConnections {
    total: usize,
    /// Evicted ones, which are about to close and no longer in the other fields.
    evicted: usize,
    by_ip: HashMap<IpAddr, Vec<Arc<ConnectionState>>>,
}

/// One open connection; dropping it frees its slot.
pub(super) struct ConnectionPermit {
    limit: Arc<ConnectionLimit>,
    ip: IpAddr,
    /// The connection's state.
    pub(super) state: Arc<ConnectionState>,
}

impl ConnectionLimit {
    pub(super) fn new(max: usize, max_per_ip: usize, proxies: Proxies) -> Arc<Self> {
        Arc::new(Self { max, max_per_ip, proxies, open: Mutex::default() })
    }

    /// A permit for a connection from this IP address. At a limit the oldest idle connection makes room: of the same IP
    /// address, or of the one with the most connections. `None` when there is none.
    pub(super) fn try_acquire(self: &Arc<Self>, peer: IpAddr) -> Option<ConnectionPermit> {
        let ip = network(peer);
        let mut open = self.open();
        if open.count(ip) >= self.max_per_ip && !self.proxies.contains(peer) {
            open.evict(ip)?;
        } else if open.total >= self.max {
            let largest = self.largest(&open)?;
            let victim = if open.count(largest) > open.count(ip) { largest } else { ip };
            open.evict(victim)?;
        }
        let state = ConnectionState::new();
        open.by_ip.entry(ip).or_default().push(Arc::clone(&state));
        open.total += 1;
        Some(ConnectionPermit { limit: Arc::clone(self), ip, state })
    }

    /// Open connections.
    pub(super) fn count(&self) -> usize {
        self.open().total
    }

    /// The IP address with the most connections that is not a proxy.
    fn largest(&self, open: &OpenConnections) -> Option<IpAddr> {
        let clients = open.by_ip.keys().filter(|ip| !self.proxies.contains(**ip));
        clients.max_by_key(|ip| open.count(**ip)).copied()
    }

    fn open(&self) -> MutexGuard<'_, OpenConnections> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenConnections {
    fn count(&self, ip: IpAddr) -> usize {
        self.by_ip.get(&ip).map_or(0, Vec::len)
    }

    /// Closes the connection of this IP address that has been idle for longest.
    fn evict(&mut self, ip: IpAddr) -> Option<()> {
        if self.evicted >= MAX_EVICTED {
            return None;
        }
        let idle = self.by_ip.get(&ip)?.iter().filter_map(|state| Some((state.idle_since()?, state)));
        let oldest = Arc::clone(idle.min_by_key(|(since, _)| *since)?.1);
        self.remove(ip, &oldest);
        self.evicted += 1;
        oldest.evict();
        Some(())
    }

    /// Removes a connection; whether it was there.
    fn remove(&mut self, ip: IpAddr, state: &Arc<ConnectionState>) -> bool {
        let Some(here) = self.by_ip.get_mut(&ip) else { return false };
        let Some(index) = here.iter().position(|other| Arc::ptr_eq(other, state)) else { return false };
        here.swap_remove(index);
        self.total -= 1;
        if here.is_empty() {
            self.by_ip.remove(&ip);
        }
        true
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.limit.open();
        if !open.remove(self.ip, &self.state) {
            open.evicted -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_ip::Network;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// A connection with a request in flight.
    fn busy(permit: Option<ConnectionPermit>) -> ConnectionPermit {
        let permit = permit.unwrap();
        permit.state.request_arrived();
        permit
    }

    fn is_evicted(permit: &ConnectionPermit) -> bool {
        let evicted = std::pin::pin!(permit.state.evicted());
        evicted.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready()
    }

    #[test]
    fn the_oldest_idle_connection_of_a_full_ip_address_makes_room() {
        let limit = ConnectionLimit::new(9, 3, Proxies::default());
        let connect = || limit.try_acquire(ip("192.0.2.1"));
        let (busy, oldest, newer) = (busy(connect()), connect().unwrap(), connect().unwrap());
        let newest = connect().unwrap();
        assert!(is_evicted(&oldest) && !is_evicted(&busy) && !is_evicted(&newer) && !is_evicted(&newest));
        assert_eq!(limit.count(), 3, "an evicted connection no longer counts");
        drop(oldest);
        assert_eq!(limit.count(), 3);
        drop((busy, newer, newest));
        let open = limit.open();
        assert_eq!((open.total, open.evicted, open.by_ip.len()), (0, 0, 0));
    }

    #[test]
    fn of_a_full_server_the_ip_address_with_the_most_connections_makes_room() {
        let limit = ConnectionLimit::new(3, 3, Proxies::default());
        let many = [ip("192.0.2.1"), ip("192.0.2.1")].map(|ip| limit.try_acquire(ip).unwrap());
        let other = limit.try_acquire(ip("192.0.2.2")).unwrap();
        let _third = limit.try_acquire(ip("192.0.2.3")).unwrap();
        assert!(is_evicted(&many[0]) && !is_evicted(&many[1]) && !is_evicted(&other));
    }

    #[test]
    fn evictions_that_are_not_yet_closed_are_bounded() {
        let limit = ConnectionLimit::new(9, 1, Proxies::default());
        let open: Vec<_> = std::iter::from_fn(|| limit.try_acquire(ip("192.0.2.1"))).collect();
        assert_eq!(open.len(), MAX_EVICTED + 1);
    }

    #[test]
    fn one_ip_address_cannot_take_every_connection() {
        let limit = ConnectionLimit::new(3, 2, Proxies::default());
        let first = busy(limit.try_acquire(ip("192.0.2.1")));
        let _second = busy(limit.try_acquire(ip("::ffff:192.0.2.1")));
        assert!(
            limit.try_acquire(ip("192.0.2.1")).is_none(),
            "an IPv4-mapped IPv6 address is the same IP address"
        );
        let _other = busy(limit.try_acquire(ip("192.0.2.2")));
        assert!(limit.try_acquire(ip("192.0.2.3")).is_none(), "the overall limit is three");
        drop(first);
        assert!(limit.try_acquire(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn an_ipv6_64_network_counts_as_one_ip_address() {
        let limit = ConnectionLimit::new(9, 1, Proxies::default());
        let _first = busy(limit.try_acquire(ip("2001:db8:0:1::1")));
        assert!(limit.try_acquire(ip("2001:db8:0:1:ffff::2")).is_none());
        assert!(limit.try_acquire(ip("2001:db8:0:2::1")).is_some());
    }

    #[test]
    fn the_limit_per_ip_address_does_not_apply_to_trusted_proxies() {
        let proxies = ["192.0.2.1".parse::<Network>().unwrap()].into_iter().collect();
        let limit = ConnectionLimit::new(3, 1, proxies);
        let all: Vec<_> = (0..3).map(|_| busy(limit.try_acquire(ip("192.0.2.1")))).collect();
        assert!(limit.try_acquire(ip("192.0.2.1")).is_none());
        drop(all);
        assert_eq!(limit.open().total, 0);
        assert!(limit.open().by_ip.is_empty(), "entries of closed connections are removed");
    }
}
