//! What counts requests where there are no metrics: nothing.

use std::{sync::Arc, time::Duration};

use poem::http::Method;

/// Counts nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestMetrics;

#[expect(clippy::unused_self, reason = "as where they are counted")]
impl RequestMetrics {
    pub(crate) fn record(&self, _: &Method, _: Option<Arc<str>>, _: u16, _: Duration) {}
}
