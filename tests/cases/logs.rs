//! The server's log: a line per request, security events, and what happens when nobody reads it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
};

use ro_co_tests::{
    Home, Options, Person, Reply, Request, Server, Terminal, person::PASSWORD, programs::program, wait::until,
};
use serde_json::{Value, json};

const ACCESS: &str = "ro_co_server::access";
const SECURITY: &str = "ro_co_server::security";

fn log_in(server: &Server, email: &str, password: &str) -> u16 {
    let body = json!({"email": email, "password": password});
    server.send(&Request::new("POST", "/api/v1/auth/login").json(&body)).status
}

/// The log's events of a target so far, of a server with JSON logs.
fn events(server: &Server, target: &str) -> Vec<Value> {
    let lines =
        server.log().lines().map(|line| serde_json::from_str(line).expect(line)).collect::<Vec<Value>>();
    lines.into_iter().filter(|event| event["target"] == target).collect()
}

/// Waits for an event that `wanted` accepts.
#[track_caller]
fn event(server: &Server, target: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    until("an event in the log", || events(server, target).into_iter().find(|event| wanted(event)))
}

fn json_logs() -> Options {
    Options::default().args(&["--log-format", "json", "--trusted-proxy", "127.0.0.1"])
}

#[test]
fn each_request_has_a_line() {
    let server = Server::start_with(json_logs());
    let ada = Person::sign_up(&server, "ada");
    let id = ada.ask("Is this logged?");
    let read =
        ada.send(&ada.request("GET", &format!("/question/{id}")).header("X-Forwarded-For", "203.0.113.7"));
    let request = read.header("x-request-id").unwrap().to_owned();
    let line = event(&server, ACCESS, |line| line["request"] == *request);
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["route"], "/api/v1/question/{id}");
    assert_eq!(line["status"], 200);
    assert_eq!(line["user"], *ada.id);
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0, "{line}");

    let missing = server.open("/nowhere?token=secret");
    let line = event(&server, ACCESS, |line| line["request"] == missing.header("x-request-id").unwrap());
    assert_eq!((&line["route"], &line["status"], line.get("user")), (&json!("-"), &json!(404), None));
    let log = server.log();
    for hidden in ["203.0.113.7", "127.0.0.1:", &id, "secret", "ada@example.org", PASSWORD, &ada.token] {
        let found = log.lines().filter(|line| line.contains(ACCESS)).find(|line| line.contains(hidden));
        assert!(found.is_none(), "{hidden} is in {found:?}");
    }
}

/// The handler sees a body that breaks off; the client is told that it was late.
#[test]
fn a_request_ended_by_a_timeout_is_logged_as_it_was_answered() {
    let server = Server::start_with(json_logs());
    let mut client = std::net::TcpStream::connect(server.address).unwrap();
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    client.write_all(head.as_bytes()).unwrap();
    let reply = Reply::read(&mut BufReader::new(client)).unwrap();
    assert_eq!(reply.status, 408);
    let line = event(&server, ACCESS, |line| line["request"] == reply.header("x-request-id").unwrap());
    assert_eq!((&line["route"], &line["status"]), (&json!("/api/v1/auth/login"), &json!(408)));
}

#[test]
fn refusals_are_security_events() {
    let server = Server::start_with(json_logs());
    let ada = Person::sign_up(&server, "ada");
    let refused = |code: &str, status: u16| {
        let event = event(&server, SECURITY, |event| event["code"] == code);
        assert_eq!((&event["level"], &event["status"]), (&json!("WARN"), &json!(status)), "{event}");
        event
    };
    assert_eq!(log_in(&server, "ada@example.org", "not the password"), 401);
    assert_eq!(refused("invalid_credentials", 401)["ip"], "127.0.0.1");
    ada.get("/user/all").problem(403);
    assert_eq!(refused("forbidden", 403)["user"], *ada.id);
    until("a guess that is limited", || {
        (log_in(&server, "ada@example.org", "nor this one") == 429).then_some(())
    });
    refused("too_many_requests", 429);

    let refresh = |token: &str| server.send(&Request::new("POST", "/api/v1/auth/refresh").bearer(token));
    let successor = refresh(&ada.refresh).expect(200).json()["refreshToken"].as_str().unwrap().to_owned();
    refresh(&successor).expect(200);
    refresh(&ada.refresh).problem(401);
    refused("refresh_reused", 401);
    assert!(!server.log().contains("ada@example.org"), "an email address was logged:\n{}", server.log());
}

#[test]
fn the_access_log_can_be_turned_off() {
    let server = Server::start_with(json_logs().env("ROCO_ACCESS_LOG", "off"));
    let ada = Person::sign_up(&server, "ada");
    ada.get("/user/all").problem(403);
    event(&server, SECURITY, |event| event["code"] == "forbidden");
    assert!(events(&server, ACCESS).is_empty(), "{}", server.log());
}

/// A server whose standard error is `log`; returns it and its ready line.
fn start(dir: &Path, log: Stdio) -> (Child, std::net::SocketAddr) {
    let mut command = Options::default().unlimited().command(dir);
    let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
    let address = ready.trim().rsplit_once('/').unwrap_or_else(|| panic!("{ready:?}")).1.parse().unwrap();
    (child, address)
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (mut server, address) = start(dir.path(), Stdio::piped());
    // Each line has some 200 bytes: more than pipe and queue hold.
    let request = Request::new("GET", "/health/live").keep_alive_bytes();
    let mut client = BufReader::new(TcpStream::connect(address).unwrap());
    for _ in 0..8_000 {
        client.get_mut().write_all(&request).unwrap();
        Reply::read(&mut client).unwrap().expect(200);
    }
    let mut log = BufReader::new(server.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Log lines dropped") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "the log ended");
    }
    let lines: u64 = line.trim().rsplit_once("lines=").unwrap().1.parse().unwrap();
    assert!(lines > 0, "{line}");
    server.kill().unwrap();
    log.read_to_string(&mut line).unwrap();
    server.wait().unwrap();
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (closed, other_end) = std::io::pipe().unwrap();
    drop(closed);
    for log in [Stdio::from(full), Stdio::from(other_end)] {
        let dir = tempfile::tempdir().unwrap();
        let (mut server, address) = start(dir.path(), log);
        for _ in 0..10 {
            Request::new("GET", "/nowhere").send(address).unwrap().problem(404);
        }
        server.kill().unwrap();
        server.wait().unwrap();
    }
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let coloured = |name: &str, value: &str| {
        let home = Home::new().env(name, value);
        let dir = home.path().join("data");
        let args = ["--listen", "127.0.0.1:0", "--rate-limits", "off", "--data-dir", dir.to_str().unwrap()];
        let terminal = Terminal::run(&home, &program("ro-co-server"), &args, 120, 24);
        terminal.wait("Rate limits are off");
        terminal.look(|screen| {
            let is_coloured = |row, column| {
                screen.cell(row, column).is_some_and(|cell| cell.fgcolor() != vt100::Color::Default)
            };
            (0..24).any(|row| (0..120).any(|column| is_coloured(row, column)))
        })
    };
    assert!(coloured("LC_ALL", "C"));
    assert!(coloured("NO_COLOR", ""), "empty counts as unset");
    assert!(!coloured("NO_COLOR", "1"));
    assert!(!coloured("TERM", "dumb"));
}
