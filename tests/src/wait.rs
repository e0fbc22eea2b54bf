//! Waiting for a condition, with a limit.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long a test waits for something that should come at once: long enough for a busy machine.
pub const LIMIT: Duration = Duration::from_secs(40);

/// Asks `ready` again and again until it has a value, for [`LIMIT`] at most.
///
/// # Panics
/// When the limit is over; the text names `what` was waited for.
pub fn until<T>(what: &str, ready: impl FnMut() -> Option<T>) -> T {
    until_within(LIMIT, ready).unwrap_or_else(|| panic!("waited {LIMIT:?} for {what}"))
}

/// Asks `ready` again and again until it has a value; `None` when `limit` is over. Often at first, then less, so that
/// whoever is asked for long is not asked more often than people could.
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
