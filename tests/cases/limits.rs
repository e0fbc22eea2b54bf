//! Rate limits of the built server, as they are by default.

use std::{net::IpAddr, thread};

use ro_co_shared::Code;
use ro_co_tests::{
    Home, Options, Person, Reply, Request, Server, Terminal, person::PASSWORD, server::run_to_end,
    steps::key, wait::until,
};
use serde_json::{Value, json};

const LOG_IN: &str = "/api/v1/auth/login";

fn post(server: &Server, from: &str, body: &Value) -> Reply {
    server.send(&Request::new("POST", LOG_IN).header("X-Forwarded-For", from).json(body))
}

/// A log-in that counts and asks for nothing, so that hundreds cost no hash.
fn empty(server: &Server, from: &str) -> Reply {
    post(server, from, &json!({}))
}

fn log_in(server: &Server, from: &str, email: &str, password: &str) -> Reply {
    post(server, from, &json!({"email": email, "password": password}))
}

/// Logs in emptily until that is too much; how often that went well.
fn storm(server: &Server, from: impl Fn(usize) -> String) -> usize {
    (0..2_000).find(|n| empty(server, &from(*n)).status == 429).expect("a limit")
}

/// Whether a budget is used up. One more comes back each second, so it takes more than one look.
fn is_spent(server: &Server, request: &Request) -> bool {
    (0..10).any(|_| server.send(request).status == 429)
}

fn from(address: &str) -> Request {
    Request::new("POST", LOG_IN).header("X-Forwarded-For", address).json(&json!({}))
}

/// How long this refusal asks to wait, in seconds.
#[track_caller]
fn wait(reply: &Reply) -> u64 {
    assert_eq!(reply.problem(429).code, Code::TooManyRequests);
    reply.header("retry-after").expect("Retry-After").parse().unwrap()
}

fn behind_a_proxy() -> Server {
    Server::start_with(Options::default().args(&["--trusted-proxy", "192.0.2.0/24,127.0.0.1"]))
}

#[test]
fn a_storm_of_log_ins_is_stopped_and_blows_over() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let passed = storm(&server, |_| "203.0.113.1".into());
    assert!(passed >= 590, "a lecture hall must get in, not {passed}");
    let refused = empty(&server, "203.0.113.1");
    assert_eq!(wait(&refused), 1);
    // Nobody who is signed in notices.
    ada.get("/question/all").expect(200);
    ada.ask("Is anybody there?");
    until("the storm to be over", || (empty(&server, "203.0.113.1").status == 400).then_some(()));
    until("a place to log in again", || {
        let reply = log_in(&server, "203.0.113.1", &ada.email, PASSWORD);
        (reply.status == 200).then_some(())
    });
}

#[test]
fn a_forged_header_does_not_help() {
    let server = Server::start();
    let many = |n: usize| format!("198.51.100.{}", n % 250);
    assert!(storm(&server, many) < 700, "each of them had a budget of its own");
    for spoof in ["Forwarded", "X-Real-IP", "X-Forwarded-For", "CF-Connecting-IP"] {
        let request = Request::new("POST", LOG_IN).header(spoof, "198.51.100.251").json(&json!({}));
        assert!(is_spent(&server, &request), "{spoof}");
    }
}

#[test]
fn a_trusted_proxy_brings_many_and_each_has_a_budget() {
    let server = behind_a_proxy();
    storm(&server, |_| "203.0.113.1".into());
    assert_eq!(empty(&server, "203.0.113.2").status, 400);
    assert_eq!(empty(&server, "2001:db8::1").status, 400);
    for spent in ["203.0.113.1", "203.0.113.1, 192.0.2.7", "203.0.113.9, 203.0.113.1"] {
        assert!(is_spent(&server, &from(spent)), "{spent}");
    }
    assert!(!is_spent(&server, &from("203.0.113.1, 203.0.113.3")), "what the client says of itself");
    assert_eq!(empty(&server, "nonsense").status, 400, "the proxy's own budget");
}

#[test]
fn a_stranger_who_guesses_does_not_lock_the_owner_out() {
    let server = behind_a_proxy();
    let ada = Person::sign_up(&server, "ada");
    let guess = || log_in(&server, "203.0.113.66", &ada.email, "not the password");
    let looked_at = (0..100).filter(|_| guess().status == 401).count();
    assert!((5..=8).contains(&looked_at), "{looked_at} guesses of a hundred were looked at");
    assert!(wait(&guess()) >= 1);
    log_in(&server, "203.0.113.5", &ada.email, PASSWORD).expect(200);
    ada.get("/user/me").expect(200);
}

#[test]
fn a_lecture_hall_signs_up_through_one_door() {
    let server = Server::start();
    let names: Vec<_> = (0..40).map(|n| format!("student {n}")).collect();
    thread::scope(|scope| {
        for names in names.chunks(10) {
            let server = &server;
            scope.spawn(move || {
                for name in names {
                    let path = format!("/api/v1/auth/signup/username?username={}", name.replace(' ', "%20"));
                    server.open(&path).expect(200);
                    let person = Person::sign_up(server, name);
                    person.get("/question/all").expect(200);
                }
            });
        }
    });
}

#[test]
fn a_client_that_meets_a_hundred_new_faces_at_once() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let statuses: Vec<_> = thread::scope(|scope| {
        let path = format!("/user/{}/icon.png?size=16", ada.id);
        let threads: Vec<_> = (0..100)
            .map(|n| {
                let request = ada.request("GET", &format!("{path}&v={n}"));
                let ada = &ada;
                scope.spawn(move || ada.send(&request).status)
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses, [200; 100]);
}

#[test]
fn without_limits() {
    let server = Server::start_with(Options::default().unlimited());
    for _ in 0..700 {
        assert_eq!(empty(&server, "203.0.113.1").status, 400);
    }
    for _ in 0..10 {
        log_in(&server, "203.0.113.1", "nobody@example.org", "not the password").problem(401);
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (flag, value) in
        [("--trusted-proxy", "proxy.example"), ("--trusted-proxy", "10.0.0.0/40"), ("--rate-limits", "few")]
    {
        let output = run_to_end(&Options::default().args(&[flag, value]), dir.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(flag) && said.contains(value), "{said}");
    }
    let proxies = Options::default().env("ROCO_TRUSTED_PROXIES", "127.0.0.1,::1,10.0.0.0/8");
    let server = Server::start_with(proxies.env("ROCO_RATE_LIMITS", "default"));
    storm(&server, |_| IpAddr::from([203, 0, 113, 1]).to_string());
    assert_eq!(empty(&server, "203.0.113.2").status, 400);
}

#[test]
fn the_client_says_how_long_to_wait_and_asks_no_earlier() {
    let server = Server::start();
    let terminal = Terminal::client(&Home::at(&server), &[]);
    terminal.wait("Create an account");
    terminal.keys(&format!("{}ada", key::CTRL_N));
    terminal.wait("✔ free");
    terminal.keys(&format!("{tab}ada@example.org{tab}{PASSWORD}", tab = key::TAB));
    terminal.wait("strong enough");
    // A place to sign up comes back every ten seconds.
    let sign_up = Request::new("POST", "/api/v1/auth/signup").json(&json!({}));
    assert!((0..1_000).any(|_| server.send(&sign_up).status == 429), "there is no limit");
    terminal.keys(key::CTRL_S);
    terminal.wait("Please wait.");
    terminal.wait("try again in");
    terminal.keys(&key::CTRL_S.repeat(3));
    terminal.wait("The wait is over");
    terminal.wait("ada@example.org");
    terminal.keys(key::CTRL_S);
    terminal.wait("Questions (");
}
