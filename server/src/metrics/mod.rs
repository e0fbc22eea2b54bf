//! Metrics for Prometheus, served on a listener of their own. `docs/metrics.md` lists them.
//!
//! Each part of the server counts for itself; a scrape reads the counts.

mod collect;
mod serve;

pub use serve::{MetricsListen, endpoint};
