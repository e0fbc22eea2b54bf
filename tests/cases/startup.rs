//! Starting, stopping, and what the operator does beside a running server.

use std::{fs, net::TcpListener, process::Command, thread};

use ro_co_tests::{
    Options, Person, Server,
    server::{refused, run_to_end},
    wait::until,
};
use serde_json::json;
use tempfile::tempdir;

#[test]
fn the_data_directory_cannot_be_made() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "in the way").unwrap();
    refused(&run_to_end(&Options::default(), &file), &["--data-dir"]);
    refused(&run_to_end(&Options::default(), &file.join("below")), &["--data-dir"]);
    refused(&run_to_end(&Options::default(), "/proc/ro-co".as_ref()), &["--data-dir", "/proc/ro-co"]);
}

#[test]
fn the_port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempdir().unwrap();
    let options = Options::default().args(&["--listen", &address]);
    refused(&run_to_end(&options, dir.path()), &["--listen", &address]);
}

#[test]
fn the_data_comes_from_a_newer_version() {
    let mut server = Server::start();
    assert!(server.stop().success());
    let database = database_of(&server);
    let version: u32 = sqlite(&database, "PRAGMA user_version").trim().parse().unwrap();
    sqlite(&database, &format!("PRAGMA user_version = {}", version + 1000));
    refused(&run_to_end(&Options::default(), &server.data_dir), &["newer"]);
    let untouched = sqlite(&database, "PRAGMA user_version");
    assert_eq!(untouched.trim(), (version + 1000).to_string(), "it was left alone");
}

#[test]
fn the_data_is_no_database() {
    let mut server = Server::start();
    assert!(server.stop().success());
    let database = database_of(&server);
    fs::write(&database, "this is not a database, only a file of the same name".repeat(100)).unwrap();
    refused(
        &run_to_end(&Options::default(), &server.data_dir),
        &[database.file_name().unwrap().to_str().unwrap()],
    );
}

#[test]
fn the_secret_is_none() {
    let dir = tempdir().unwrap();
    let options = Options::default().env("ROCO_SECRET", "too short");
    refused(&run_to_end(&options, dir.path()), &["ROCO_SECRET"]);
}

#[test]
fn arguments_that_do_not_exist() {
    let dir = tempdir().unwrap();
    let output = run_to_end(&Options::default().args(&["--no-such-flag"]), dir.path());
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_second_server_on_the_same_directory_is_told_so() {
    let server = Server::start();
    let second = run_to_end(&Options::default(), &server.data_dir);
    refused(&second, &[&server.address.to_string()]);
    server.open("/health/ready").expect(200);
}

#[test]
fn stopping_is_clean_and_what_was_said_stays() {
    let mut server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let id = ada.ask("Still there?");
    assert_eq!(server.stop().code(), Some(0), "{}", server.log());
    server.restart();
    let ada = ada.at(&server);
    // The token is good across a restart: the keys come from the secret in the data directory.
    assert_eq!(ada.get(&format!("/question/{id}")).expect(200).json()["title"], "Still there?");
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn stopping_finishes_what_it_has_begun() {
    let mut server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let acknowledged = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            (0..)
                .map_while(|n| {
                    let body = json!({"title": format!("Question {n}")});
                    ada.request("POST", "/question").json(&body).send(ada.server).ok().map(|r| r.expect(201))
                })
                .count()
        });
        until("a few questions", || (ada.questions().len() >= 5).then_some(()));
        assert_eq!(server.stop().code(), Some(0));
        writer.join().unwrap()
    });
    server.restart();
    let ada = ada.at(&server);
    let total = ada.get("/question/all?total=true").expect(200).header("x-total-count").unwrap().to_owned();
    assert_eq!(
        total,
        acknowledged.to_string(),
        "every question written was acknowledged and the other way round"
    );
}

#[test]
fn the_secret_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start();
    let open: Vec<_> = fs::read_dir(&server.data_dir)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.metadata().unwrap().permissions().mode() & 0o077 != 0)
        .map(|entry| entry.file_name().into_string().unwrap())
        // Where it listens is no secret.
        .filter(|name| !name.starts_with("server."))
        .collect();
    assert!(open.is_empty(), "others may read {open:?}");
}

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
fn admin_rights_come_and_go_while_the_server_runs() {
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
fn a_demonstration_is_not_for_other_machines() {
    let options = Options::default().args(&["--demo", "--listen", "0.0.0.0:0"]);
    refused(&run_to_end(&options, tempdir().unwrap().path()), &["--listen 127.0.0.1"]);
}

#[test]
fn the_description_is_printed_without_anything_set_up() {
    let dir = tempdir().unwrap();
    let output = Command::new(ro_co_tests::programs::program("ro-co-server"))
        .arg("openapi")
        .env_clear()
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success());
    let spec: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let kept = fs::read(ro_co_tests::programs::workspace().join("openapi.json")).unwrap();
    assert_eq!(
        spec,
        serde_json::from_slice::<serde_json::Value>(&kept).unwrap(),
        "openapi.json is out of date"
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "it left something behind");
}

#[test]
fn the_health_check_tells_a_living_server_from_a_dead_one() {
    let mut server = Server::start();
    let address = server.address.to_string();
    let check = |server: &Server| server.admin(&["--listen", &address, "healthcheck"]).status.success();
    assert!(check(&server));
    server.kill();
    assert!(!check(&server));
}

/// The database file in a server's data directory.
fn database_of(server: &Server) -> std::path::PathBuf {
    let is_database =
        |path: &std::path::Path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3\0"));
    let mut files = fs::read_dir(&server.data_dir).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| is_database(path)).expect("no SQLite file in the data directory")
}

/// What SQLite says to this, by Python's own module.
fn sqlite(database: &std::path::Path, statement: &str) -> String {
    let script = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as db:\n    for row in db.execute(sys.argv[2]): print(row[0])";
    let output = Command::new("python3").arg("-c").arg(script).arg(database).arg(statement).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
