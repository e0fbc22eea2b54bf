//! Waiting for a condition, with a timeout.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Timeout for a condition that should hold at once; generous because machines are busy.
pub const LIMIT: Duration = Duration::from_secs(40);

/// Polls `ready` until it returns a value, for [`LIMIT`] at most.
///
/// # Panics
/// On timeout; the message names `what` was waited for.
pub fn until<T>(what: &str, ready: impl FnMut() -> Option<T>) -> T {
    until_within(LIMIT, ready).unwrap_or_else(|| panic!("waited {LIMIT:?} for {what}"))
}

/// Polls `ready` until it returns a value; `None` after `limit`. The interval grows from 2 to 50 ms, to keep the load of
/// long waits low.
pub fn until_within<T>(limit: Duration, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = ready() {
            return Some(value);
        }
        let waited = start.elapsed();
        if waited > limit {
            return None;
        }
        thread::sleep((waited / 50).clamp(Duration::from_millis(2), Duration::from_millis(50)));
    }
}
