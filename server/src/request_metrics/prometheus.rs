//! Requests by method, route and status.

use std::{sync::Arc, time::Duration};

use poem::http::Method;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, histogram::Histogram},
    registry::Registry,
};

use super::NO_ROUTE;
use crate::durations::BOUNDS;

/// The labels of a request. Their number is bounded: routes are those of the API, not paths.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: Arc<str>,
    status: u16,
}

/// Counts requests. Clones share the counts.
#[derive(Clone, Debug)]
pub(crate) struct RequestMetrics(Family<RequestLabels, Histogram, fn() -> Histogram>);

impl Default for RequestMetrics {
    fn default() -> Self {
        Self(Family::new_with_constructor(|| Histogram::new(BOUNDS)))
    }
}

impl RequestMetrics {
    /// Counts a request; `None` is a path without a route.
    pub(crate) fn record(&self, method: &Method, route: Option<Arc<str>>, status: u16, took: Duration) {
        let labels =
            RequestLabels { method: known(method), route: route.unwrap_or_else(|| NO_ROUTE.into()), status };
        self.0.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_request_duration_seconds",
            "Time from a request's head to its response, by method, route and status (499: closed without a response)",
            self.0.clone(),
        );
    }
}

/// The method as a label; clients can make up others.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
