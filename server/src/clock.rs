//! The clock, as a value that tests can advance.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use ro_co_shared::Timestamp;

/// The system clock, shifted by [`Clock::advance`]. Clones share the shift.
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
    /// The current time.
    pub fn now(&self) -> Timestamp {
        Timestamp::now().plus_millis(self.shift.load(Ordering::Relaxed))
    }

    /// Monotonic time since this clock was created: setting the system clock does not affect it.
    pub fn uptime(&self) -> Duration {
        let shift = u64::try_from(self.shift.load(Ordering::Relaxed)).unwrap_or(0);
        self.began.elapsed() + Duration::from_millis(shift)
    }

    /// Advances this clock and its clones by milliseconds; for tests of expiry.
    pub fn advance(&self, millis: i64) {
        self.shift.fetch_add(millis, Ordering::Relaxed);
    }
}
