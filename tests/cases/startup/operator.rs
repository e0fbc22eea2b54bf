//! The operator's commands: backup, admin, health check.

use super::*;

#[test]
fn a_backup_of_a_busy_server_opens_elsewhere() {
    let server = Server::start_with(Options::default().unlimited());
    let ada = Person::sign_up(&server, "ada");
    let elsewhere = tempdir().unwrap();
    let copy = elsewhere.path().join("copy.db");
    let written_before = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            until("the copy", || {
                ada.ask("Another one");
                copy.exists().then_some(())
            });
        });
        until("a few questions", || (ada.questions().len() >= 5).then_some(()));
        let before = ada.questions().len();
        let output = server.admin(&["backup", copy.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        writer.join().unwrap();
        before
    });
    assert_eq!(sqlite(&copy, "PRAGMA integrity_check").trim(), "ok");

    let restored = elsewhere.path().join("data");
    fs::create_dir(&restored).unwrap();
    fs::rename(&copy, restored.join(database_of(&server).file_name().unwrap())).unwrap();
    let second = Server::start_with(Options::default().data_dir(&restored));
    let ada = Person::sign_in(&second, "ada@example.org");
    assert!(ada.questions().len() >= written_before);
}

#[test]
fn a_backup_never_overwrites_anything() {
    let server = Server::start();
    let file = server.data_dir.join("precious");
    fs::write(&file, "precious").unwrap();
    let output = server.admin(&["backup", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn admin_commands_apply_to_a_running_server() {
    let server = Server::start();
    let (ada, bob) = (Person::sign_up(&server, "ada"), Person::sign_up(&server, "bob"));
    let question = bob.ask("Off topic");
    let run = |args: &[&str]| {
        let output = server.admin(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    };
    ada.get("/user/all").problem(403);
    run(&["admin", "grant", "ADA@example.org"]);
    until("the new right to count", || (ada.get("/user/all").status == 200).then_some(()));
    assert_eq!(ada.get("/user/all").json().as_array().unwrap().len(), 2);
    ada.delete(&format!("/question/{question}")).expect(200);
    let last = server.admin(&["admin", "revoke", &ada.email]);
    assert_eq!(last.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&last.stderr).contains("is the last admin: grant somebody else"));
    let grace = Person::sign_up(&server, "grace");
    run(&["admin", "grant", &grace.email]);
    run(&["admin", "revoke", &ada.email]);
    until("the right to end", || (ada.get("/user/all").status == 403).then_some(()));

    let said = String::from_utf8(run(&["admin", "reset-password", &bob.email]).stdout).unwrap();
    assert!(said.ends_with("\nDone.\n"), "{said}");
    let password = said.lines().next().unwrap().split_whitespace().last().unwrap();
    let login = json!({"email": bob.email, "password": password});
    server.send(&ro_co_tests::Request::new("POST", "/api/v1/auth/login").json(&login)).expect(200);
    assert_eq!(server.admin(&["admin", "grant", "nobody@example.org"]).status.code(), Some(1));
}

#[test]
fn a_password_that_could_not_be_shown_is_not_set() {
    let server = Server::start();
    let bob = Person::sign_up(&server, "bob");
    let program = ro_co_tests::programs::program("ro-co-server");
    let reset = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(&program).args([
            "admin",
            "reset-password",
            &bob.email,
            "--data-dir",
        ]);
        command.arg(&server.data_dir).output().unwrap()
    };
    for script in [r#"exec "$0" "$@" >/dev/full"#, r#"exec "$0" "$@" >&-"#] {
        let output = reset(script);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{script}: {said}");
        assert!(said.contains("not set"), "{said}");
        bob.get("/user/me").expect(200);
    }
    Person::sign_in(&server, &bob.email);
}

#[test]
fn the_health_check_detects_a_dead_server() {
    let mut server = Server::start();
    let address = server.address.to_string();
    let check = |server: &Server| server.admin(&["--listen", &address, "healthcheck"]).status.success();
    assert!(check(&server));
    server.kill();
    assert!(!check(&server));
}

#[test]
fn the_health_check_uses_no_proxy_and_reaches_every_form_of_listening() {
    let server = Server::start_with(Options::default().args(&["--listen", ":0", "--base-path", "/roco"]));
    let port = server.address.port();
    let dir = tempdir().unwrap();
    for listen in [format!(":{port}"), format!("0.0.0.0:{port}"), format!("localhost:{port}")] {
        let mut check = Options::default().args(&["--listen", &listen, "healthcheck"]).command(dir.path());
        check.env("ROCO_BASE_PATH", "/roco");
        let proxies =
            ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, "http://127.0.0.1:9"));
        let output = check.envs(proxies).output().unwrap();
        assert!(output.status.success(), "{listen}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
