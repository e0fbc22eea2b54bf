//! A bounded resource that IP addresses share fairly: in-flight places, bytes under way.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// A resource of `capacity` units. An IP address has at most `share` of them while others wait, and never the last
/// `share` of all: so one that uses as much as it can still leaves others their units at once.
pub(crate) struct FairPool {
    capacity: usize,
    share: usize,
    state: Mutex<PoolState>,
}

#[derive(Default)]
struct PoolState {
    used: usize,
    /// Waiters of all IP addresses.
    waiting: usize,
    next_waiter: u64,
    by_ip: HashMap<IpAddr, Usage>,
}

/// What one IP address uses, and its waiters in their order.
#[derive(Default)]
struct Usage {
    used: usize,
    queue: VecDeque<Waiter>,
}

struct Waiter {
    id: u64,
    amount: usize,
    grant: oneshot::Sender<Allotment>,
}

/// Units that an IP address holds; dropping it gives them back.
pub(crate) struct Allotment {
    pool: Arc<FairPool>,
    ip: IpAddr,
    amount: usize,
}

impl FairPool {
    /// A pool with all units free. `share` is what one IP address may hold while others wait.
    pub(crate) fn new(capacity: usize, share: usize) -> Arc<Self> {
        let share = share.min(capacity);
        Arc::new(Self { capacity, share, state: Mutex::default() })
    }

    /// Units in use.
    pub(crate) fn used(&self) -> usize {
        self.state().used
    }

    /// Requests for units that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state().waiting
    }

    /// Waits for this many units; a larger amount than the share counts as the share.
    pub(crate) async fn acquire(self: &Arc<Self>, ip: IpAddr, amount: usize) -> Allotment {
        let amount = amount.min(self.share);
        let mut waiting = {
            let mut state = self.state();
            if state.waiting == 0 && state.fits(self, ip, amount) {
                state.take(ip, amount);
                return self.allotment(ip, amount);
            }
            let (grant, granted) = oneshot::channel();
            let id = state.enqueue(ip, amount, grant);
            Waiting { pool: self, ip, id, granted }
        };
        self.grant_waiting();
        // The sender is in the queue for as long as the receiver exists, so this is never an error.
        (&mut waiting.granted).await.unwrap_or_else(|_| self.allotment(ip, 0))
    }

    fn allotment(self: &Arc<Self>, ip: IpAddr, amount: usize) -> Allotment {
        Allotment { pool: Arc::clone(self), ip, amount }
    }

    /// Serves the waiters whose turn it is.
    fn grant_waiting(self: &Arc<Self>) {
        let granted: Vec<_> = {
            let mut state = self.state();
            std::iter::from_fn(|| state.next_granted(self)).collect()
        };
        for (ip, waiter) in granted {
            // A waiter that has gone drops its allotment, which gives the units back.
            let _ = waiter.grant.send(self.allotment(ip, waiter.amount));
        }
    }

    fn release(self: &Arc<Self>, ip: IpAddr, amount: usize) {
        let mut state = self.state();
        state.used -= amount;
        if let Some(usage) = state.by_ip.get_mut(&ip) {
            usage.used -= amount;
        }
        state.forget_if_unused(ip);
        let waiting = state.waiting > 0;
        drop(state);
        if waiting {
            self.grant_waiting();
        }
    }

    fn state(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PoolState {
    fn fits(&self, pool: &FairPool, ip: IpAddr, amount: usize) -> bool {
        let used = self.by_ip.get(&ip).map_or(0, |usage| usage.used);
        self.used + amount <= pool.capacity && used + amount <= self.limit(pool, ip)
    }

    /// What this IP address may hold now.
    fn limit(&self, pool: &FairPool, ip: IpAddr) -> usize {
        let own = self.by_ip.get(&ip).map_or(0, |usage| usage.queue.len());
        if self.waiting > own { pool.share } else { (pool.capacity - pool.share).max(pool.share) }
    }

    fn take(&mut self, ip: IpAddr, amount: usize) {
        self.used += amount;
        self.by_ip.entry(ip).or_default().used += amount;
    }

    fn enqueue(&mut self, ip: IpAddr, amount: usize, grant: oneshot::Sender<Allotment>) -> u64 {
        let id = self.next_waiter;
        self.next_waiter += 1;
        self.waiting += 1;
        self.by_ip.entry(ip).or_default().queue.push_back(Waiter { id, amount, grant });
        id
    }

    /// Takes the next waiter that can be served out of its queue: the first one of the IP address that uses least; of
    /// several, the one that has waited for longest.
    fn next_granted(&mut self, pool: &FairPool) -> Option<(IpAddr, Waiter)> {
        let heads = self.by_ip.iter().filter_map(|(ip, usage)| {
            let Waiter { id, amount, .. } = *usage.queue.front()?;
            (usage.used + amount <= self.limit(pool, *ip)).then_some((usage.used, id, *ip, amount))
        });
        let (.., ip, amount) = heads.min()?;
        // Nobody overtakes one whose turn it is and who only waits for more units to become free.
        if self.used + amount > pool.capacity {
            return None;
        }
        let waiter = self.by_ip.get_mut(&ip)?.queue.pop_front()?;
        self.waiting -= 1;
        self.take(ip, amount);
        Some((ip, waiter))
    }

    /// Removes a waiter that has gone; whether it was still there.
    fn remove(&mut self, ip: IpAddr, id: u64) -> bool {
        let Some(usage) = self.by_ip.get_mut(&ip) else { return false };
        let Some(index) = usage.queue.iter().position(|waiter| waiter.id == id) else { return false };
        usage.queue.remove(index);
        self.waiting -= 1;
        self.forget_if_unused(ip);
        true
    }

    fn forget_if_unused(&mut self, ip: IpAddr) {
        if self.by_ip.get(&ip).is_some_and(|usage| usage.used == 0 && usage.queue.is_empty()) {
            self.by_ip.remove(&ip);
        }
    }
}

/// A waiter's end of the queue: dropped early, it leaves the queue.
struct Waiting<'a> {
    pool: &'a Arc<FairPool>,
    ip: IpAddr,
    id: u64,
    granted: oneshot::Receiver<Allotment>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let removed = self.pool.state().remove(self.ip, self.id);
        if removed {
            // Others may have been limited to their share on its account.
            self.pool.grant_waiting();
        }
    }
}

impl Allotment {
    /// Gives back what is more than `amount`, or waits for what is missing.
    pub(crate) async fn resize(&mut self, amount: usize) {
        let amount = amount.min(self.pool.share);
        if amount > self.amount {
            let mut more = self.pool.acquire(self.ip, amount - self.amount).await;
            self.amount += std::mem::take(&mut more.amount);
        } else if amount < self.amount {
            let excess = self.amount - amount;
            self.amount = amount;
            self.pool.release(self.ip, excess);
        }
    }

    /// Units held.
    pub(crate) fn amount(&self) -> usize {
        self.amount
    }
}

impl Drop for Allotment {
    fn drop(&mut self) {
        if self.amount > 0 {
            self.pool.release(self.ip, self.amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::{Pin, pin},
        task::{Context, Poll, Waker},
    };

    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
    const C: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 3));

    fn now<T>(future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    fn take(pool: &Arc<FairPool>, ip: IpAddr, amount: usize) -> Option<Allotment> {
        now(pin!(pool.acquire(ip, amount)))
    }

    #[test]
    fn one_ip_address_never_takes_what_the_next_one_needs() {
        let pool = FairPool::new(8, 2);
        let held: Vec<_> = std::iter::from_fn(|| take(&pool, A, 1)).collect();
        assert_eq!(held.len(), 6, "all but one share");
        let other = take(&pool, B, 2).expect("others are served at once");
        assert_eq!(pool.used(), 8);
        drop((held, other));
        assert_eq!((pool.used(), pool.state().by_ip.len()), (0, 0), "nothing is left behind");
    }

    #[test]
    fn while_others_wait_an_ip_address_is_held_to_its_share() {
        let pool = FairPool::new(8, 2);
        let mut held: Vec<_> = std::iter::from_fn(|| take(&pool, A, 1)).collect();
        let _b = take(&pool, B, 2).unwrap();
        let mut c = pin!(pool.acquire(C, 1));
        let mut a = pin!(pool.acquire(A, 1));
        assert!(now(a.as_mut()).is_none() && now(c.as_mut()).is_none());
        held.pop();
        assert!(now(a.as_mut()).is_none(), "first in the queue, but over its share");
        let c = now(c.as_mut()).expect("a unit has become free");
        // Nobody else waits: the limit is the larger one again.
        assert!(now(a.as_mut()).is_none(), "all units are in use");
        drop(c);
        assert!(now(a.as_mut()).is_some());
    }

    #[test]
    fn a_waiter_that_has_gone_holds_nobody_up() {
        let pool = FairPool::new(4, 2);
        let (a, b) = (take(&pool, A, 2).unwrap(), take(&pool, B, 2).unwrap());
        let mut next = pin!(pool.acquire(B, 1));
        {
            let mut gone = pin!(pool.acquire(C, 2));
            assert!(now(gone.as_mut()).is_none() && now(next.as_mut()).is_none());
            assert_eq!(pool.waiting(), 2);
        }
        assert_eq!(pool.waiting(), 1);
        drop(b);
        assert!(now(next.as_mut()).is_some());
        drop(a);
    }

    #[test]
    fn a_grant_that_nobody_takes_is_given_back() {
        let pool = FairPool::new(2, 1);
        let (a, _b) = (take(&pool, A, 1).unwrap(), take(&pool, B, 1).unwrap());
        {
            let mut granted = pin!(pool.acquire(C, 1));
            assert!(now(granted.as_mut()).is_none());
            drop(a);
            assert_eq!(pool.used(), 2, "granted, not yet taken");
        }
        assert_eq!(pool.used(), 1);
    }

    #[test]
    fn a_large_amount_is_not_starved_by_small_ones() {
        let pool = FairPool::new(8, 4);
        let a = take(&pool, A, 4).unwrap();
        let b = take(&pool, B, 2).unwrap();
        let mut large = pin!(pool.acquire(C, 4));
        let mut small = pin!(pool.acquire(B, 1));
        assert!(now(large.as_mut()).is_none() && now(small.as_mut()).is_none(), "not past the large one");
        drop(b);
        assert!(now(large.as_mut()).is_some());
        drop(a);
        assert!(now(small.as_mut()).is_some());
    }

    #[tokio::test]
    async fn allotments_grow_and_shrink_within_the_share() {
        let pool = FairPool::new(8, 4);
        let mut a = pool.acquire(A, 1).await;
        a.resize(3).await;
        assert_eq!((a.amount(), pool.used()), (3, 3));
        a.resize(2).await;
        assert_eq!((a.amount(), pool.used()), (2, 2));
        a.resize(100).await;
        assert_eq!((a.amount(), pool.used()), (4, 4), "never more than the share");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_limits_hold_under_contention() {
        let pool = FairPool::new(8, 2);
        let tasks: Vec<_> = (0..200_u8)
            .map(|n| {
                let pool = Arc::clone(&pool);
                tokio::spawn(async move {
                    let mut held = pool.acquire([10, 0, 0, n % 5].into(), 2).await;
                    assert!(pool.used() <= 8);
                    tokio::task::yield_now().await;
                    held.resize(1).await;
                    tokio::task::yield_now().await;
                })
            })
            .collect();
        for task in tasks {
            tokio::time::timeout(std::time::Duration::from_secs(10), task)
                .await
                .expect("a deadlock")
                .unwrap();
        }
        assert_eq!((pool.used(), pool.waiting()), (0, 0));
    }
}
