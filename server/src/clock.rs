//! The time, as a value that tests can move.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use ro_co_shared::Timestamp;

/// The machine's clock, shifted by what [`Clock::advance`] was told. Clones share the shift.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// This moment.
    pub fn now(&self) -> Timestamp {
        Timestamp::now().plus_millis(self.0.load(Ordering::Relaxed))
    }

    /// Moves this clock and its clones, by milliseconds; for tests of what expires.
    pub fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}
