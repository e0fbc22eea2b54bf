//! Default rate limits of the built server.

use std::{
    fs,
    net::{IpAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    thread,
};

use ro_co_shared::Code;
use ro_co_tests::{
    Home, Options, Person, Reply, Request, Server, Terminal, person::PASSWORD, programs::program,
    server::run_to_end, steps::key, wait::until,
};
use serde_json::{Value, json};

const LOGIN: &str = "/api/v1/auth/login";

fn post(server: &Server, from: &str, body: &Value) -> Reply {
    server.send(&Request::new("POST", LOGIN).header("X-Forwarded-For", from).json(body))
}

/// A login with an empty object, which costs no hash.
fn empty(server: &Server, from: &str) -> Reply {
    post(server, from, &json!({}))
}

fn login(server: &Server, from: &str, email: &str, password: &str) -> Reply {
    post(server, from, &json!({"email": email, "password": password}))
}

/// Sends empty logins until the first 429; the number before it.
fn flood(server: &Server, from: impl Fn(usize) -> String) -> usize {
    (0..2_000).find(|n| empty(server, &from(*n)).status == 429).expect("a limit")
}

/// Whether a budget is exhausted. It is refilled continuously, so this takes several requests.
fn is_exhausted(server: &Server, request: &Request) -> bool {
    (0..10).any(|_| server.send(request).status == 429)
}

fn from(address: &str) -> Request {
    Request::new("POST", LOGIN).header("X-Forwarded-For", address).json(&json!({}))
}

/// The `Retry-After` of a 429 in seconds.
#[track_caller]
fn wait(reply: &Reply) -> u64 {
    assert_eq!(reply.problem(429).code, Code::TooManyRequests);
    reply.header("retry-after").expect("Retry-After").parse().unwrap()
}

fn behind_proxy() -> Server {
    Server::start_with(Options::default().args(&["--trusted-proxy", "192.0.2.0/24,127.0.0.1"]))
}

#[test]
fn a_flood_of_logins_is_limited_temporarily() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let passed = flood(&server, |_| "203.0.113.1".into());
    assert!(passed >= 590, "a lecture hall must be able to sign in, not {passed}");
    let refused = empty(&server, "203.0.113.1");
    assert_eq!(wait(&refused), 1);
    // Refused requests do not use up the budget of valid ones.
    login(&server, "203.0.113.1", &ada.email, PASSWORD).expect(200);
    // Signed-in users are not affected.
    ada.get("/question/all").expect(200);
    ada.ask("Is anybody there?");
    until("the rate limit to be over", || (empty(&server, "203.0.113.1").status == 400).then_some(()));
}

#[test]
fn forged_forwarding_headers_are_ignored() {
    let server = Server::start();
    let many = |n: usize| format!("198.51.100.{}", n % 250);
    assert!(flood(&server, many) < 700, "each of them had a budget of its own");
    for spoof in ["Forwarded", "X-Real-IP", "X-Forwarded-For", "CF-Connecting-IP"] {
        let request = Request::new("POST", LOGIN).header(spoof, "198.51.100.251").json(&json!({}));
        assert!(is_exhausted(&server, &request), "{spoof}");
    }
}

#[test]
fn clients_behind_a_trusted_proxy_have_their_own_budgets() {
    let server = behind_proxy();
    flood(&server, |_| "203.0.113.1".into());
    assert_eq!(empty(&server, "203.0.113.2").status, 400);
    assert_eq!(empty(&server, "2001:db8::1").status, 400);
    for spent in ["203.0.113.1", "203.0.113.1, 192.0.2.7", "203.0.113.9, 203.0.113.1"] {
        assert!(is_exhausted(&server, &from(spent)), "{spent}");
    }
    assert!(
        !is_exhausted(&server, &from("203.0.113.1, 203.0.113.3")),
        "hops written by the client are ignored"
    );
    assert_eq!(empty(&server, "nonsense").status, 400, "the proxy's own budget");
}

#[test]
fn password_guessing_does_not_lock_out_the_owner() {
    let server = behind_proxy();
    let ada = Person::sign_up(&server, "ada");
    let guess = || login(&server, "203.0.113.66", &ada.email, "not the password");
    let verified = (0..100).filter(|_| guess().status == 401).count();
    assert!((5..=8).contains(&verified), "{verified} guesses of a hundred were verified");
    assert!(wait(&guess()) >= 1);
    login(&server, "203.0.113.5", &ada.email, PASSWORD).expect(200);
    ada.get("/user/me").expect(200);
}

#[test]
fn a_lecture_hall_signs_up_from_one_ip_address() {
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
fn a_hundred_concurrent_avatars_are_within_the_limit() {
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
fn rate_limits_can_be_turned_off() {
    let server = Server::start_with(Options::default().unlimited());
    for _ in 0..700 {
        assert_eq!(empty(&server, "203.0.113.1").status, 400);
    }
    for _ in 0..10 {
        login(&server, "203.0.113.1", "nobody@example.org", "not the password").problem(401);
    }
}

#[test]
fn invalid_settings_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (flag, value) in [
        ("--trusted-proxy", "proxy.example"),
        ("--trusted-proxy", "10.0.0.0/40"),
        ("--rate-limits", "few"),
        ("--base-path", "roco"),
        ("--base-path", "/api"),
    ] {
        let output = run_to_end(&Options::default().args(&[flag, value]), dir.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(flag) && said.contains(value), "{said}");
    }
    let proxies = Options::default().env("ROCO_TRUSTED_PROXIES", "127.0.0.1,::1,10.0.0.0/8");
    let server = Server::start_with(proxies.env("ROCO_RATE_LIMITS", "default"));
    flood(&server, |_| IpAddr::from([203, 0, 113, 1]).to_string());
    assert_eq!(empty(&server, "203.0.113.2").status, 400);
}

#[test]
fn connections_leave_descriptors_for_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("limited");
    let server = program("ro-co-server");
    fs::write(&script, format!("#!/bin/sh\nulimit -n 400\nexec '{}' \"$@\"\n", server.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let server = Server::start_with(Options::default().program(&script));
    // More than there is room for: the oldest idle ones are closed.
    let _idle: Vec<_> = (0..300).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    Person::sign_up(&server, "ada").get("/question/all").expect(200);
    assert!(server.log().contains("descriptors=400 max_connections=144"), "{}", server.log());
}

#[test]
fn the_client_honours_retry_after() {
    let server = Server::start();
    let terminal = Terminal::client(&Home::at(&server), &[]);
    terminal.wait("Create an account");
    terminal.keys(&format!("{}ada", key::CTRL_N));
    terminal.wait("✔ free");
    terminal.keys(&format!("{tab}ada@example.org{tab}{PASSWORD}", tab = key::TAB));
    terminal.wait("strong enough");
    // The sign-up budget is refilled by one every ten seconds. A taken name costs no hash.
    let bob = Person::sign_up(&server, "bob");
    let taken = json!({"username": "bob", "email": bob.email, "password": PASSWORD});
    let sign_up = Request::new("POST", "/api/v1/auth/signup").json(&taken);
    assert!((0..1_000).any(|_| server.send(&sign_up).status == 429), "no rate limit");
    terminal.keys(key::CTRL_S);
    terminal.wait("Please wait.");
    terminal.wait("try again in");
    terminal.keys(&key::CTRL_S.repeat(3));
    terminal.wait("You can try again now");
    terminal.wait("ada@example.org");
    terminal.keys(key::CTRL_S);
    terminal.wait("Questions (");
}
