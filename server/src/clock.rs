//! The time, as a value that tests can move.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use ro_co_shared::Timestamp;

/// The machine's clock, shifted by what [`Clock::advance`] was told. Clones share the shift.
#[derive(Clone, Debug)]
pub struct Clock {
    began: Instant,
    shift: Arc<AtomicI64>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { began: Instant::now(), shift: Arc::default() }
    }
}

impl Clock {
    /// This moment.
    pub fn now(&self) -> Timestamp {
        Timestamp::now().plus_millis(self.shift.load(Ordering::Relaxed))
    }

    /// How long this clock has been running. For measuring: it does not jump when the machine's clock is set.
    pub fn uptime(&self) -> Duration {
        let shift = u64::try_from(self.shift.load(Ordering::Relaxed)).unwrap_or(0);
        self.began.elapsed() + Duration::from_millis(shift)
    }

    /// Moves this clock and its clones, by milliseconds; for tests of what expires.
    pub fn advance(&self, millis: i64) {
        self.shift.fetch_add(millis, Ordering::Relaxed);
    }
}
