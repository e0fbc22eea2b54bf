//! Counts requests by method, route and status. Without the feature `metrics` (in local mode) they are not counted.

#[cfg(not(feature = "metrics"))]
mod off;
#[cfg(feature = "metrics")]
mod prometheus;

#[cfg(not(feature = "metrics"))]
pub(crate) use off::RequestMetrics;
#[cfg(feature = "metrics")]
pub(crate) use prometheus::RequestMetrics;

/// The route of a path that the API does not have.
pub(crate) const NO_ROUTE: &str = "-";
