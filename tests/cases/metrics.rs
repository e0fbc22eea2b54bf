//! The metrics' names and labels, on a listener of their own: dashboards and alerts depend on them.

use std::{collections::BTreeSet, net::SocketAddr, process::ExitCode};

use ro_co_tests::{
    Options, Person, Request, Server,
    mongo::Node,
    needs::{Need, case, main as run},
    wait::until,
};

fn main() -> ExitCode {
    run(vec![
        case("names_and_labels_with_sqlite", &[], with_sqlite),
        case("names_and_labels_with_mongodb", &[Need::MongoDb], with_mongodb),
        case("a_listener_of_their_own", &[], own_listener),
    ])
}

/// What both stores have.
const COMMON: [&str; 17] = [
    "ro_co_avatar_fetches_total{result}",
    "ro_co_http_request_duration_seconds_bucket{method,route,status,le}",
    "ro_co_http_request_duration_seconds_count{method,route,status}",
    "ro_co_http_request_duration_seconds_sum{method,route,status}",
    "ro_co_http_requests_in_flight",
    "ro_co_http_requests_waiting",
    "ro_co_http_connections",
    "ro_co_http_bytes_in_flight",
    "ro_co_log_lines_dropped_total",
    "ro_co_password_hash_queue_length",
    "ro_co_password_hash_rejections_total",
    "ro_co_store_operation_duration_seconds_bucket{operation,le}",
    "ro_co_store_operation_duration_seconds_count{operation}",
    "ro_co_store_operation_duration_seconds_sum{operation}",
    "# TYPE ro_co_http_request_duration_seconds histogram",
    "# TYPE ro_co_http_requests_in_flight gauge",
    "# TYPE ro_co_log_lines_dropped_total counter",
];

fn options() -> Options {
    Options::default().args(&["--metrics-listen", "0"])
}

/// Where the server serves its metrics, as its log says.
fn listener(server: &Server) -> SocketAddr {
    until("the metrics' listener", || {
        let log = server.log();
        let line = log.lines().find(|line| line.contains("Metrics listening"))?;
        line.rsplit_once("address=")?.1.trim().parse().ok()
    })
}

fn scrape(server: &Server) -> String {
    let reply = Request::new("GET", "/metrics").send(listener(server)).unwrap().expect(200);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    reply.text()
}

/// The name of each sample with the names of its labels, and the types of those in [`COMMON`].
fn shapes(metrics: &str) -> BTreeSet<String> {
    let mut shapes = BTreeSet::new();
    for line in metrics.lines() {
        if line.starts_with('#') {
            shapes.extend(COMMON.contains(&line).then(|| line.to_owned()));
            continue;
        }
        let (sample, _) = line.rsplit_once(' ').unwrap();
        let Some((name, labels)) = sample.split_once('{') else {
            shapes.insert(sample.to_owned());
            continue;
        };
        let names: Vec<_> = labels
            .trim_end_matches('}')
            .split("\",")
            .map(|label| label.split_once("=\"").unwrap_or_else(|| panic!("{line}")).0)
            .collect();
        shapes.insert(format!("{name}{{{}}}", names.join(",")));
    }
    shapes
}

fn holds(server: &Server, own: &[&str]) {
    let ada = Person::sign_up(server, "ada");
    ada.get(&format!("/question/{}", ada.ask("Is this counted?"))).expect(200);
    server.open("/nowhere/at/all").problem(404);
    let metrics = scrape(server);
    let expected: BTreeSet<_> = COMMON.iter().chain(own).map(|&shape| shape.to_owned()).collect();
    assert_eq!(shapes(&metrics), expected, "{metrics}");
    for sample in [
        r#"_count{method="GET",route="/api/v1/question/{id}",status="200"} 1"#,
        r#"_count{method="GET",route="-",status="404"} 1"#,
        r#"_count{method="POST",route="/api/v1/auth/login",status="200"} 1"#,
    ] {
        assert!(metrics.contains(sample), "{sample} is not in\n{metrics}");
    }
    assert!(!metrics.contains("nowhere") && !metrics.contains("ada"), "{metrics}");
}

fn with_sqlite() {
    let server = Server::start_with(options());
    holds(&server, &["ro_co_sqlite_wal_bytes"]);
    let metrics = scrape(&server);
    let bytes = metrics.lines().find_map(|line| line.strip_prefix("ro_co_sqlite_wal_bytes ")).unwrap();
    assert!(bytes.parse::<u64>().unwrap() > 0, "{bytes}");
}

fn with_mongodb() {
    let node = Node::start(&[]);
    let server = Server::start_with(options().env("ROCO_MONGO_URI", &node.uri()));
    holds(&server, &["ro_co_mongodb_pool_connections{state}"]);
}

fn own_listener() {
    let server = Server::start_with(options());
    let metrics = listener(&server);
    assert!(metrics.ip().is_loopback() && metrics.port() != server.address.port());
    server.open("/metrics").problem(404);
    Request::new("GET", "/api/v1/question/all").send(metrics).unwrap().expect(404);
    let taken = ro_co_tests::server::run_to_end(
        &Options::default().args(&["--metrics-listen", &metrics.to_string()]),
        tempfile::tempdir().unwrap().path(),
    );
    ro_co_tests::server::refused(&taken, &["--metrics-listen", &metrics.to_string()]);
    let none = Server::start();
    assert!(!none.log().contains("Metrics listening"));
}
