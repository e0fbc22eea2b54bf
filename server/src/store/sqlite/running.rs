//! Which slow reads are running, for the log: the oldest of them keeps the write-ahead log from shrinking.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// The slow reads that are running. Clones are the same list.
#[derive(Clone, Debug, Default)]
pub(super) struct Running {
    reads: Arc<Mutex<Vec<Read>>>,
    next: Arc<AtomicU64>,
}

#[derive(Clone, Copy, Debug)]
struct Read {
    number: u64,
    name: &'static str,
    since: Instant,
}

/// Takes a read off the list when it is dropped.
pub(super) struct Entry {
    running: Running,
    number: u64,
}

impl Running {
    /// Puts a read on the list, under the name of the function that `F` is a closure in.
    pub(super) fn enter<F>(&self) -> Entry {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.reads().push(Read { number, name: function_name::<F>(), since: Instant::now() });
        Entry { running: self.clone(), number }
    }

    /// The one that has been running for longest, and for how long.
    pub(super) fn longest(&self) -> Option<(&'static str, Duration)> {
        self.reads().iter().min_by_key(|read| read.since).map(|read| (read.name, read.since.elapsed()))
    }

    fn reads(&self) -> MutexGuard<'_, Vec<Read>> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.running.reads().retain(|read| read.number != self.number);
    }
}

/// `count_questions` for `<Sqlite as Questions>::count_questions::{{closure}}::{{closure}}`.
fn function_name<F>() -> &'static str {
    let mut parts = std::any::type_name::<F>().rsplit("::");
    parts.find(|part| !part.starts_with('{')).unwrap_or("a read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_read_is_named_by_its_function() {
        fn enter<F>(running: &Running, _: F) -> Entry {
            running.enter::<F>()
        }
        let running = Running::default();
        assert!(running.longest().is_none());
        let first = enter(&running, || ());
        let second = enter(&running, || ());
        assert_eq!(running.longest().unwrap().0, "the_longest_read_is_named_by_its_function");
        drop(first);
        assert!(running.longest().is_some());
        drop(second);
        assert!(running.longest().is_none());
    }
}
