//! The server: start, read and write performance.

use std::time::{Duration, Instant};

use ro_co_tests::{Options, Person, Server};
use serde_json::json;

use crate::{
    load::{Until, run},
    machine::resident,
    rate, row,
};

/// As in the comparison figures of docs/figures.md.
const CONNECTIONS: usize = 32;
/// Duration of each read measurement.
const READING: Until = Until::Time(Duration::from_secs(5));

/// Time from exec to the ready line, on a new and on an existing directory.
pub(crate) fn starts() {
    let mut first = Vec::new();
    let mut again = Vec::new();
    for _ in 0..9 {
        let (mut server, took) = timed(Server::start);
        first.push(took);
        assert!(server.stop().success());
        again.push(timed(|| server.restart()).1);
    }
    row("server: start to ready, new directory (median of 9)", &median_ms(first));
    row("server: start to ready, existing directory", &median_ms(again));
    let server = Server::start();
    row("server: resident before the first login", &resident(server.pid()));
    Person::sign_up(&server, "ada");
    row("server: resident after the first login", &resident(server.pid()));
}

fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let made = act();
    (made, start.elapsed())
}

fn median_ms(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    format!("{:.1} ms", times[times.len() / 2].as_secs_f64() * 1000.0)
}

/// Fills a server with questions and reads them back.
pub(crate) fn under_load(questions: usize) {
    let server = Server::start_with(Options::default().unlimited());
    let ada = Person::sign_up(&server, "ada");
    let create = |n: usize| {
        let body = json!({"title": format!("Question {n}"), "description": "Some text of middling length. ".repeat(10)});
        ada.request("POST", "/question").json(&body).keep_alive_bytes()
    };
    let seeded = run(server.address, CONNECTIONS, Until::Count(questions), 201, create);
    rate(&format!("create, {CONNECTIONS} writers ({questions} questions)"), &seeded);
    rate("create, 1 writer", &run(server.address, 1, READING, 201, create));

    let get = |path: &str| ada.request("GET", path).keep_alive_bytes();
    let read = |what: &str, path: &str| {
        let bytes = get(path);
        rate(what, &run(server.address, CONNECTIONS, READING, 200, |_| bytes.clone()));
    };
    let id = ada.questions()[50]["id"].as_str().unwrap().to_owned();
    read("list of 10", "/question/all");
    read("question by id", &format!("/question/{id}"));
    read("the caller", "/user/me");
    if let Some(deep) = cursor_after(&ada, questions / 2) {
        read(
            &format!("list of 10 by cursor, behind {}", questions / 2),
            &format!("/question/all?cursor={deep}"),
        );
        read(
            &format!("list of 10 by page={}", questions / 20),
            &format!("/question/all?page={}", questions / 20),
        );
    }
    let live = ro_co_tests::Request::new("GET", "/health/live").keep_alive_bytes();
    let empty = run(server.address, CONNECTIONS, READING, 200, |_| live.clone());
    rate("/health/live (no token, no store)", &empty);
    row("server: resident afterwards", &resident(server.pid()));
}

/// The cursor after this many questions; `None` when there are fewer.
fn cursor_after(ada: &Person, count: usize) -> Option<String> {
    let mut path = "/question/all?size=100".to_owned();
    let mut cursor = None;
    for _ in 0..count / 100 {
        let reply = ada.get(&path).expect(200);
        let next = reply.header("link")?.split("cursor=").nth(1)?.split(['&', '>']).next()?.to_owned();
        path = format!("/question/all?size=100&cursor={next}");
        cursor = Some(next);
    }
    cursor
}
