//! How much of something there may be: so much at once, then one more every so often.

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

/// Most that are told apart in one budget, some 4 MB. Whoever has more addresses than this gains nothing by being
/// forgotten: each of them has a budget of its own anyway.
pub(super) const MOST: u64 = 16_384;

/// A budget for each key, by the generic cell rate algorithm.
pub(super) struct Budget<K: Key> {
    limiter: RateLimiter<K, Kept<K>, Uptime, NoOpMiddleware<Duration>>,
    /// What the limiter keeps.
    kept: Kept<K>,
    period: Nanos,
}

/// Whom a budget tells apart.
pub(super) trait Key: Hash + Eq + Clone + Send + Sync + 'static {}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Key for K {}

impl<K: Key> Budget<K> {
    /// `at_once`, then one more every `period`.
    pub(super) fn new(at_once: u32, period: Duration, clock: Clock) -> Self {
        let at_once = NonZeroU32::new(at_once).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(period).map_or(Quota::per_second(at_once), |q| q.allow_burst(at_once));
        // Whoever has rested this long is as good as new, and need not be remembered.
        let rest = period * at_once.get();
        let kept = Cache::builder()
            .max_capacity(MOST)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(rest)
            .build();
        let kept = Kept(kept);
        let limiter = RateLimiter::new(quota, kept.clone(), Uptime(clock));
        Self { limiter, kept, period: period.into() }
    }

    /// Spends one, or says how long until there is one.
    pub(super) fn spend(&self, key: &K) -> Result<(), Duration> {
        let wait = |until: NotUntil<Duration>| until.wait_time_from(self.limiter.clock().now());
        self.limiter.check_key(key).map_err(wait)
    }

    /// Gives one back that was spent.
    pub(super) fn refund(&self, key: &K) {
        let back =
            |next: Option<Nanos>| Ok::<_, ()>(((), next.unwrap_or_default().saturating_sub(self.period)));
        // It never refuses.
        let _ = self.kept.measure_and_replace(key, back);
    }
}

/// What is known of each key. The library's own stores grow until they are told to look for what is stale; this one
/// is bounded, and forgets whom it has not seen for longest.
#[derive(Clone)]
struct Kept<K: Key>(Cache<K, Arc<InMemoryState>>);

impl<K: Key> StateStore for Kept<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let state = self.0.get_with_by_ref(key, Arc::default);
        state.measure_and_replace(&NotKeyed::NonKey, measure)
    }
}

/// The server's clock, as the library reads it.
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
    fn so_many_at_once_then_one_every_period() {
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
    fn a_hundred_thousand_addresses_take_bounded_space_and_the_latest_are_remembered() {
        let budget = Budget::new(1, 3600 * SECOND, Clock::default());
        let address = |n: u32| IpAddr::from(Ipv4Addr::from_bits(n));
        for n in 0..100_000 {
            budget.spend(&address(n)).unwrap();
        }
        let kept = &budget.kept.0;
        kept.run_pending_tasks();
        assert!(kept.entry_count() <= MOST, "{}", kept.entry_count());
        assert!(kept.contains_key(&address(99_999)));
        assert!(!kept.contains_key(&address(0)));
    }
}
