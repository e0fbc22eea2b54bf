//! Start, stop, and the operator's commands beside a running server.

mod operator;

use std::{
    fs,
    net::{TcpListener, ToSocketAddrs},
    process::{Command, Stdio},
    thread,
};

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
fn the_data_is_not_a_database() {
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
fn the_secret_is_invalid() {
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
fn a_second_server_on_the_same_directory_is_refused() {
    let server = Server::start();
    let second = run_to_end(&Options::default(), &server.data_dir);
    refused(&second, &[&server.address.to_string()]);
    server.open("/health/ready").expect(200);
}

#[test]
fn stopping_is_clean_and_data_persists() {
    let mut server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let id = ada.ask("Still there?");
    assert_eq!(server.stop().code(), Some(0), "{}", server.log());
    server.restart();
    let ada = ada.at(&server);
    // The token stays valid across a restart: the keys are derived from the secret in the data directory.
    assert_eq!(ada.get(&format!("/question/{id}")).expect(200).json()["title"], "Still there?");
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn stopping_finishes_requests_in_flight() {
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
fn files_are_private_to_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start();
    let open: Vec<_> = fs::read_dir(&server.data_dir)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.metadata().unwrap().permissions().mode() & 0o077 != 0)
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert!(open.is_empty(), "others may read {open:?}");
}

#[test]
fn what_others_may_write_to_or_redirect_is_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let chmod =
        |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let mut server = Server::start();
    assert!(server.stop().success());
    let dir = server.data_dir.clone();

    chmod(&dir, 0o770);
    refused(&run_to_end(&Options::default(), &dir), &["writable by other users", "chmod go-w", "--data-dir"]);
    chmod(&dir, 0o755);
    chmod(&database_of(&server), 0o644);
    server.restart();
    for said in ["readable by other users", "permissions tightened"] {
        until(said, || server.log().contains(said).then_some(()));
    }
    assert_eq!(fs::metadata(database_of(&server)).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(server.stop().success());

    chmod(&dir, 0o700);
    let elsewhere = tempdir().unwrap();
    for name in ["ro-co.db", "secret.key"] {
        let (file, moved) = (dir.join(name), elsewhere.path().join(name));
        fs::rename(&file, &moved).unwrap();
        symlink(&moved, &file).unwrap();
        refused(&run_to_end(&Options::default(), &dir), &["symbolic link", name]);
        fs::rename(&moved, &file).unwrap();
    }
    server.restart();
    server.open("/health/ready").expect(200);
}

#[test]
fn a_secret_that_is_not_random_is_refused() {
    let dir = tempdir().unwrap();
    // 48 times the letter a.
    let options = Options::default().env("ROCO_SECRET", &"YWFh".repeat(16));
    refused(&run_to_end(&options, dir.path()), &["ROCO_SECRET", "not random"]);
}

#[test]
fn a_demonstration_is_not_for_other_machines() {
    let options = Options::default().args(&["--demo", "--listen", "0.0.0.0:0"]);
    refused(&run_to_end(&options, tempdir().unwrap().path()), &["--listen 127.0.0.1"]);
}

#[test]
fn the_openapi_document_is_printed_without_any_setup() {
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
fn a_host_name_is_listened_on_at_all_its_ip_addresses() {
    let server = Server::start_with(Options::default().args(&["--listen", "localhost:0"]));
    let addresses: Vec<_> = ("localhost", server.address.port()).to_socket_addrs().unwrap().collect();
    assert!(addresses.contains(&server.address), "{addresses:?}");
    for address in addresses.iter().filter(|address| TcpListener::bind((address.ip(), 0)).is_ok()) {
        ro_co_tests::Request::new("GET", "/health/ready").send(*address).unwrap().expect(200);
    }
    let dir = tempdir().unwrap();
    let unknown = Options::default().args(&["--listen", "no-such-host.invalid:80"]);
    refused(&run_to_end(&unknown, dir.path()), &["--listen", "no-such-host.invalid:80"]);
}

#[test]
fn an_empty_variable_is_unset() {
    let mut options = Options::default();
    let names = "AVATAR_SOURCE DICEBEAR_URL CORS_ORIGINS RATE_LIMITS TRUSTED_PROXIES SECRET_FILE BASE_PATH SECRET \
         ACCESS_TTL REFRESH_TTL DOCS LOG_FORMAT ACCESS_LOG MONGO_URI MONGO_DB MONGO_POOL";
    for name in names.split_whitespace() {
        options = options.env(&format!("ROCO_{name}"), "");
    }
    let server = Server::start_with(options.env("RUST_LOG", ""));
    server.open("/health/ready").expect(200);
}

#[test]
fn an_error_names_the_variable_it_came_from() {
    let dir = tempdir().unwrap();
    let said = |options: Options| {
        let output = run_to_end(&options, dir.path());
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let wrong = said(Options::default().env("ROCO_TRUSTED_PROXIES", "nonsense"));
    assert!(wrong.contains("ROCO_TRUSTED_PROXIES") && wrong.contains("nonsense"), "{wrong}");
    let both = said(Options::default().env("ROCO_ACCESS_TTL", "1m").args(&["--access-ttl", "nonsense"]));
    assert!(!both.contains("ROCO_ACCESS_TTL") && both.contains("--access-ttl"), "{both}");
    let filter = said(Options::default().env("RUST_LOG", "ro_co_server=loud"));
    assert!(filter.contains("RUST_LOG"), "{filter}");
}

#[test]
fn a_command_whose_output_cannot_be_written_changes_nothing() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let run = |args: &[&str], output: Stdio| {
        let mut command = Options::default().args(args).command(&server.data_dir);
        let output =
            command.stdout(output).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let full = || Stdio::from(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let closed = || Stdio::from(std::io::pipe().unwrap().1);
    let grant = ["admin", "grant", &ada.email];
    for args in [&grant[..], &["openapi"], &["--help"], &["--version"]] {
        let (code, said) = run(args, full());
        assert_eq!(code, Some(1), "{args:?}: {said}");
        assert!(said.starts_with("ro-co-server: cannot write to standard output"), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
    }
    assert_eq!(run(&grant, closed()), (Some(1), String::new()));
    assert_eq!(run(&["openapi"], closed()), (Some(0), String::new()));
    let account = Person::sign_in(&server, &ada.email).get("/user/me").json();
    assert_eq!(account["role"], "USER", "nothing has changed");
    assert_eq!(run(&grant, Stdio::null()).0, Some(0));
}

#[test]
fn a_server_whose_ready_line_cannot_be_written_serves_all_the_same() {
    let dir = tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Options::default().args(&["--listen", &port.to_string()]).command(dir.path());
    let mut child = command.stdout(full).stderr(Stdio::null()).spawn().unwrap();
    let live = ro_co_tests::Request::new("GET", "/health/live");
    until("the server", || live.send(port).ok()).expect(200);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The database file in a server's data directory.
fn database_of(server: &Server) -> std::path::PathBuf {
    let is_database =
        |path: &std::path::Path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3\0"));
    let mut files = fs::read_dir(&server.data_dir).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| is_database(path)).expect("no SQLite file in the data directory")
}

/// The result of a statement, by Python's SQLite module.
fn sqlite(database: &std::path::Path, statement: &str) -> String {
    let script = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as db:\n    for row in db.execute(sys.argv[2]): print(row[0])";
    let output = Command::new("python3").arg("-c").arg(script).arg(database).arg(statement).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
