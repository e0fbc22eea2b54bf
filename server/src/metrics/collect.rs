//! What a scrape reads off the parts of a server.

use std::{
    fmt::{self, Debug, Formatter},
    sync::{Arc, Weak},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

use crate::{app::App, durations::Durations, http_server::HttpGauges, logging};

/// All metrics of this application.
pub(super) fn registry(app: &Arc<App>, http: HttpGauges) -> Registry {
    let mut registry = Registry::with_prefix("ro_co");
    app.requests.register(&mut registry);
    registry.register_collector(Box::new(AppCollector { app: Arc::downgrade(app), http }));
    registry
}

/// Reads the application, as long as it exists.
struct AppCollector {
    app: Weak<App>,
    http: HttpGauges,
}

impl Debug for AppCollector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppCollector").finish_non_exhaustive()
    }
}

impl Collector for AppCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let Some(app) = self.app.upgrade() else { return Ok(()) };
        let mut metrics = Metrics(&mut encoder);
        let http = &self.http;
        metrics.gauge("http_connections", "Open connections", count(http.connections()))?;
        metrics.gauge(
            "http_requests_in_flight",
            "Requests, until their response is written",
            count(http.in_flight()),
        )?;
        metrics.gauge("http_requests_waiting", "Requests waiting to be admitted", count(http.waiting()))?;
        let bytes = count(http.bytes_under_way());
        metrics.gauge("http_bytes_in_flight", "Bytes of request bodies and responses under way", bytes)?;
        let store = app.store.stats();
        metrics.durations(
            "store_operation_duration_seconds",
            "Latency of the store, by operation",
            &store.latency,
        )?;
        if let Some(bytes) = store.wal_bytes {
            metrics.gauge("sqlite_wal_bytes", "Size of SQLite's write-ahead log", bytes)?;
        }
        if let Some(pool) = store.pool {
            let states = [("idle", pool.open.saturating_sub(pool.in_use)), ("in_use", pool.in_use)];
            metrics.gauges(
                "mongodb_pool_connections",
                "Connections to MongoDB, by state",
                "state",
                &states,
            )?;
        }
        let hashes = app.passwords.stats();
        metrics.gauge(
            "password_hash_queue_length",
            "Requests waiting for a password hash",
            hashes.waiting,
        )?;
        metrics.counter(
            "password_hash_rejections",
            "Requests refused by the password hash queue",
            hashes.rejected,
        )?;
        let avatars = app.avatars.fetches();
        metrics.counters(
            "avatar_fetches",
            "Avatars requested from their source, by result",
            "result",
            &avatars,
        )?;
        metrics.counter("log_lines_dropped", "Log lines dropped", logging::dropped_lines())
    }
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Writes metrics, one name at a time.
struct Metrics<'a, 'b>(&'a mut DescriptorEncoder<'b>);

impl Metrics<'_, '_> {
    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let gauge = ConstGauge::new(value);
        gauge.encode(self.0.encode_descriptor(name, help, None, gauge.metric_type())?)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let counter = ConstCounter::new(value);
        counter.encode(self.0.encode_descriptor(name, help, None, counter.metric_type())?)
    }

    fn gauges(&mut self, name: &str, help: &str, label: &str, values: &[(&str, u64)]) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        values.iter().try_for_each(|(key, value)| {
            ConstGauge::new(*value).encode(family.encode_family(&[(label, *key)])?)
        })
    }

    fn counters(&mut self, name: &str, help: &str, label: &str, values: &[(&str, u64)]) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        values.iter().try_for_each(|(key, value)| {
            ConstCounter::new(*value).encode(family.encode_family(&[(label, *key)])?)
        })
    }

    fn durations(&mut self, name: &str, help: &str, values: &[(&str, &Durations)]) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        values.iter().try_for_each(|(key, durations)| {
            let (sum, count, buckets) = durations.snapshot();
            family
                .encode_family(&[("operation", *key)])?
                .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
        })
    }
}
