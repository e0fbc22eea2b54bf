//! Leaves a host alone that keeps failing.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Failures in a row after which the host is left alone.
const ENOUGH: u32 = 3;

/// Counts failures in a row. After three of them one attempt at a time is allowed, with a rest before each.
pub(super) struct Breaker {
    rest: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: u32,
    resting_until: Option<Instant>,
}

impl Breaker {
    pub(super) fn new(rest: Duration) -> Self {
        Self { rest, state: Mutex::default() }
    }

    /// Whether an attempt may be made now.
    pub(super) fn allows(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.resting_until {
            Some(until) if now < until => false,
            Some(_) => {
                // This attempt decides for all: the others wait for what comes of it.
                state.resting_until = Some(now + self.rest);
                true
            }
            None => true,
        }
    }

    /// Notes what came of an attempt.
    pub(super) fn note(&self, succeeded: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if succeeded {
            *state = State::default();
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= ENOUGH {
            state.resting_until = Some(Instant::now() + self.rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const REST: Duration = Duration::from_secs(5);

    fn failing(times: u32) -> Breaker {
        let breaker = Breaker::new(REST);
        for _ in 0..times {
            assert!(breaker.allows());
            breaker.note(false);
        }
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn three_failures_in_a_row_bring_a_rest() {
        let breaker = failing(2);
        breaker.note(true);
        breaker.note(false);
        breaker.note(false);
        assert!(breaker.allows(), "not in a row");
        breaker.note(false);
        assert!(!breaker.allows());
        advance(REST.saturating_sub(Duration::from_millis(1))).await;
        assert!(!breaker.allows());
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_rest_one_attempt_decides() {
        let breaker = failing(3);
        advance(REST).await;
        assert!(breaker.allows());
        assert!(!breaker.allows(), "one at a time");
        breaker.note(false);
        assert!(!breaker.allows());
        advance(REST).await;
        assert!(breaker.allows());
        breaker.note(true);
        assert!(breaker.allows() && breaker.allows());
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_nobody_hears_of_again_does_not_close_for_ever() {
        let breaker = failing(3);
        advance(REST).await;
        assert!(breaker.allows());
        advance(REST).await;
        assert!(breaker.allows());
    }
}
