//! This release on the data of the previous one: a copy is kept, and whatever goes wrong, no data is lost.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use ro_co_tests::{
    Options, Server, needs,
    needs::{Need, case},
    previous,
    server::{refused, run_to_end},
    wait::until,
};
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

const COPY: &str = "ro-co.db.before-v2";

fn main() -> std::process::ExitCode {
    needs::main(vec![
        case("the_data_is_migrated_and_a_copy_kept_until_the_next_start", &[], migrated_with_a_copy),
        case("of_two_that_start_at_once_one_migrates", &[], two_at_once),
        case("a_kill_between_copy_and_commit", &[], killed_before_the_commit),
        case("commands_beside_an_owner_leave_older_data_alone", &[], commands_beside_an_owner),
        case("a_disk_without_space_for_the_copy", &[Need::Mounts], no_space),
    ])
}

fn previous_data() -> TempDir {
    let dir = tempdir().unwrap();
    previous::data_directory(dir.path());
    dir
}

fn database(dir: &Path) -> Connection {
    Connection::open(dir.join("ro-co.db")).unwrap()
}

fn version(dir: &Path) -> i64 {
    database(dir).query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Somebody signs in and sees the content of the previous release.
#[track_caller]
fn serves_it(server: &Server) {
    let record = previous::sessions();
    let login = serde_json::json!({"email": record["admin"], "password": record["password"]});
    let login = ro_co_tests::Request::new("POST", "/api/v1/auth/login").json(&login);
    let token = server.send(&login).expect(200).json()["token"].as_str().unwrap().to_owned();
    let path = "/question/all?size=100";
    let list = ro_co_tests::Request::new("GET", &format!("/api/v1{path}")).bearer(&token);
    let now = server.send(&list).expect(200).json();
    let before = &previous::contents()[path];
    let ids = |list: &serde_json::Value| {
        list.as_array().unwrap().iter().map(|row| row["id"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&now), ids(before));
}

fn migrated_with_a_copy() {
    let dir = previous_data();
    let mut server = Server::start_with(Options::default().data_dir(dir.path()));
    serves_it(&server);
    let copy = Connection::open(dir.path().join(COPY)).unwrap();
    let kept: i64 = copy.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1);
    assert!(server.stop().success());
    assert!(dir.path().join(COPY).exists());
    server.restart();
    until("the copy to be removed", || (!dir.path().join(COPY).exists()).then_some(()));
    serves_it(&server);
}

fn two_at_once() {
    let dir = previous_data();
    let start = || {
        let mut command = Options::default().command(dir.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut both = [start(), start()];
    let loser = until("one of them to give up", || {
        both.iter_mut().position(|child: &mut Child| child.try_wait().unwrap().is_some())
    });
    let [first, second] = both;
    let (winner, loser) = if loser == 0 { (second, first) } else { (first, second) };
    refused(&loser.wait_with_output().unwrap(), &["already served", "--data-dir"]);
    let mut winner = winner;
    winner.kill().unwrap();
    winner.wait().unwrap();
    serves_it(&Server::start_with(Options::default().data_dir(dir.path())));
}

fn killed_before_the_commit() {
    let dir = previous_data();
    let options = Options::default();
    // The copy is read, and the migration has to wait for the lock of a writer.
    let blocker = database(dir.path());
    blocker.execute_batch("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE").unwrap();
    let mut command = options.command(dir.path());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the copy", || dir.path().join(COPY).exists().then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    blocker.execute_batch("ROLLBACK").unwrap();
    drop(blocker);
    assert_eq!(version(dir.path()), 1);

    // The interrupted copy is not trusted: somebody may have gone on with the previous release.
    fs::write(dir.path().join(COPY), "half a copy").unwrap();
    let server = Server::start_with(Options::default().data_dir(dir.path()));
    serves_it(&server);
    assert_eq!(version(dir.path()), 2);
    assert!(fs::read(dir.path().join(COPY)).unwrap().starts_with(b"SQLite format 3\0"));
}

fn commands_beside_an_owner() {
    let dir = previous_data();
    fs::write(dir.path().join("server.address"), "127.0.0.1:8123").unwrap();
    let lock = fs::File::create(dir.path().join("server.lock")).unwrap();
    lock.lock().unwrap();
    let email = previous::sessions()["admin"].as_str().unwrap().to_owned();
    for args in [vec!["migrate"], vec!["admin", "grant", &email]] {
        let output = run_to_end(&Options::default().args(&args), dir.path());
        refused(&output, &["http://127.0.0.1:8123"]);
    }
    assert_eq!(version(dir.path()), 1);
    assert!(!dir.path().join(COPY).exists());
    drop(lock);
    let output = run_to_end(&Options::default().args(&["admin", "grant", &email]), dir.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(version(dir.path()), 2);
}

/// A file system of this many bytes; unmounted when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn new(bytes: u64) -> Self {
        let dir = tempdir().unwrap();
        let size = format!("size={bytes}");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).status();
        assert!(mounted.unwrap().success(), "no tmpfs can be mounted");
        Self(dir)
    }

    fn data_dir(&self) -> PathBuf {
        self.0.path().join("data")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn no_space() {
    let disk = SmallDisk::new(16 << 20);
    let dir = disk.data_dir();
    previous::data_directory(&dir);
    let filler = dir.join("filler");
    fs::write(&filler, vec![0; 14 << 20]).unwrap();
    let output = run_to_end(&Options::default(), &dir);
    refused(&output, &["MiB", "free", dir.to_str().unwrap()]);
    assert_eq!(version(&dir), 1);
    assert!(!names(&dir).iter().any(|name| name.contains("before")), "{:?}", names(&dir));

    fs::remove_file(&filler).unwrap();
    serves_it(&Server::start_with(Options::default().data_dir(&dir)));
}
