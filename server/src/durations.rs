//! A histogram of durations that costs two atomic additions per measurement.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// Upper bounds of the buckets, in seconds; what takes longer than the last is counted in the sum only.
pub const BOUNDS: [f64; 12] =
    [0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0];

/// Durations, counted by bucket.
#[derive(Debug)]
pub struct Durations {
    buckets: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

impl Default for Durations {
    fn default() -> Self {
        Self::new()
    }
}

impl Durations {
    /// None yet.
    pub const fn new() -> Self {
        let buckets = [const { AtomicU64::new(0) }; BOUNDS.len()];
        Self { buckets, count: AtomicU64::new(0), micros: AtomicU64::new(0) }
    }

    /// Waits for a future and records how long that took, whatever it came to.
    pub async fn measure<F: Future>(&self, future: F) -> F::Output {
        let started = Instant::now();
        let output = future.await;
        self.record(started.elapsed());
        output
    }

    /// Records one duration.
    pub fn record(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        if let Some(bucket) =
            BOUNDS.iter().position(|bound| seconds <= *bound).and_then(|n| self.buckets.get(n))
        {
            bucket.fetch_add(1, Relaxed);
        }
        self.count.fetch_add(1, Relaxed);
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// The sum in seconds, the number of durations, and for each bound how many are in its bucket alone.
    pub fn snapshot(&self) -> (f64, u64, [(f64, u64); BOUNDS.len()]) {
        let sum = Duration::from_micros(self.micros.load(Relaxed)).as_secs_f64();
        let mut buckets = BOUNDS.map(|bound| (bound, 0));
        for ((_, count), bucket) in buckets.iter_mut().zip(&self.buckets) {
            *count = bucket.load(Relaxed);
        }
        (sum, self.count.load(Relaxed), buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_is_in_one_bucket_and_the_longest_in_none() {
        let durations = Durations::default();
        for millis in [0, 1, 3, 20_000] {
            durations.record(Duration::from_millis(millis));
        }
        let (sum, count, buckets) = durations.snapshot();
        assert_eq!((sum, count), (20.004, 4));
        let filled: Vec<_> = buckets.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(0.000_1, 1), (0.001, 1), (0.005, 1)]);
    }
}
