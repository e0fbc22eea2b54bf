//! Rate limit budgets: a burst, then one more per period.

use std::{hash::Hash, num::NonZeroU32, sync::Arc, time::Duration};

use governor::{
    NotUntil, Quota, RateLimiter,
    clock::Clock as _,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed, StateStore},
};
use moka::{policy::EvictionPolicy, sync::Cache};

use crate::clock::Clock;

/// Keys remembered by one budget, about 4 MB. A client with more IP addresses than this gains nothing by eviction: each
/// of them has a budget of its own anyway.
pub(super) const MAX_KEYS: u64 = 16_384;

/// A budget per key, by the generic cell rate algorithm.
pub(super) struct Budget<K: Key> {
    limiter: RateLimiter<K, StateCache<K>, Uptime, NoOpMiddleware<Duration>>,
    /// The limiter's state.
    states: StateCache<K>,
    period: Nanos,
}

/// A key of a budget.
pub(super) trait Key: Hash + Eq + Clone + Send + Sync + 'static {}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Key for K {}

impl<K: Key> Budget<K> {
    /// A burst, then one more every `period`.
    pub(super) fn new(burst: u32, period: Duration, clock: Clock) -> Self {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(period).map_or(Quota::per_second(burst), |q| q.allow_burst(burst));
        // After this long a budget is full again and need not be remembered.
        let refilled = period * burst.get();
        let cache = Cache::builder()
            .max_capacity(MAX_KEYS)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(refilled)
            .build();
        let states = StateCache(cache);
        let limiter = RateLimiter::new(quota, states.clone(), Uptime(clock));
        Self { limiter, states, period: period.into() }
    }

    /// Spends one; the error is the time until one is available.
    pub(super) fn spend(&self, key: &K) -> Result<(), Duration> {
        let wait = |until: NotUntil<Duration>| until.wait_time_from(self.limiter.clock().now());
        self.limiter.check_key(key).map_err(wait)
    }

    /// Refunds one.
    pub(super) fn refund(&self, key: &K) {
        let refunded =
            |next: Option<Nanos>| Ok::<_, ()>(((), next.unwrap_or_default().saturating_sub(self.period)));
        // Never an error.
        let _ = self.states.measure_and_replace(key, refunded);
    }
}

/// The state of each key. The library's own stores grow until stale keys are removed explicitly; this one is bounded and
/// evicts the least recently used key.
#[derive(Clone)]
struct StateCache<K: Key>(Cache<K, Arc<InMemoryState>>);

impl<K: Key> StateStore for StateCache<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let state = self.0.get_with_by_ref(key, Arc::default);
        state.measure_and_replace(&NotKeyed::NonKey, measure)
    }
}

/// The server's clock, as the library takes it.
struct Uptime(Clock);

impl governor::clock::Clock for Uptime {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.uptime()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_then_one_per_period() {
        let clock = Clock::default();
        let budget = Budget::new(3, 10 * SECOND, clock.clone());
        for _ in 0..3 {
            budget.spend(&"ada").unwrap();
        }
        let wait = budget.spend(&"ada").unwrap_err();
        assert!(wait > 9 * SECOND && wait <= 10 * SECOND, "{wait:?}");
        budget.spend(&"bob").unwrap();
        budget.refund(&"ada");
        budget.spend(&"ada").unwrap();
        budget.spend(&"ada").unwrap_err();
        clock.advance(10_000);
        budget.spend(&"ada").unwrap();
        budget.spend(&"ada").unwrap_err();
        clock.advance(30_000);
        for _ in 0..3 {
            budget.spend(&"ada").unwrap();
        }
        budget.spend(&"ada").unwrap_err();
    }

    #[test]
    fn memory_is_bounded_and_the_latest_keys_are_kept() {
        let budget = Budget::new(1, 3600 * SECOND, Clock::default());
        let address = |n: u32| IpAddr::from(Ipv4Addr::from_bits(n));
        for n in 0..100_000 {
            budget.spend(&address(n)).unwrap();
        }
        let cache = &budget.states.0;
        cache.run_pending_tasks();
        assert!(cache.entry_count() <= MAX_KEYS, "{}", cache.entry_count());
        assert!(cache.contains_key(&address(99_999)));
        assert!(!cache.contains_key(&address(0)));
    }
}
