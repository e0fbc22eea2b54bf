//! Backups put back: by the command, and by hand in the way that damages a database.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ro_co_tests::{
    Options, Person, Server,
    server::{refused, run_to_end},
};
use tempfile::{TempDir, tempdir};

/// A server that was killed after more writes than its backup has.
fn killed_after_a_backup() -> (Server, TempDir, PathBuf) {
    let mut server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    ada.ask("Before the backup");
    let copies = tempdir().unwrap();
    let copy = copies.path().join("copy.db");
    assert!(server.admin(&["backup", copy.to_str().unwrap()]).status.success());
    ada.ask("After the backup");
    server.kill();
    (server, copies, copy)
}

fn titles(server: &Server) -> Vec<String> {
    let questions = Person::sign_in(server, "ada@example.org").questions();
    questions.iter().map(|question| question["title"].as_str().unwrap().to_owned()).collect()
}

fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_backup_copied_over_the_database_of_a_killed_server() {
    let (mut server, _copies, copy) = killed_after_a_backup();
    let database = server.data_dir.join("ro-co.db");
    assert!(server.data_dir.join("ro-co.db-wal").exists());
    fs::copy(&copy, &database).unwrap();
    let before = fs::read(&database).unwrap();
    refused(&run_to_end(&Options::default(), &server.data_dir), &["ro-co-server restore"]);
    assert!(before == fs::read(&database).unwrap(), "it was not damaged");

    let output = server.admin(&["restore", copy.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    server.restart();
    assert_eq!(titles(&server), ["Before the backup"]);
    server.kill();
    server.restart();
    assert_eq!(titles(&server), ["Before the backup"], "also after the next kill");
}

#[test]
fn the_command_keeps_the_database_that_was_there() {
    let (mut server, _copies, copy) = killed_after_a_backup();
    let output = server.admin(&["restore", copy.to_str().unwrap()]);
    let said = String::from_utf8(output.stdout).unwrap();
    let kept = names(&server.data_dir)
        .into_iter()
        .find(|name| name.starts_with("ro-co.db.replaced-") && !name.ends_with("-wal"));
    let kept = server.data_dir.join(kept.expect("the old database is gone"));
    assert!(output.status.success() && said.contains(kept.to_str().unwrap()), "{said}");

    let elsewhere = tempdir().unwrap();
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", kept.display());
        fs::copy(from, elsewhere.path().join(format!("ro-co.db{suffix}"))).unwrap();
    }
    let old = Server::start_with(Options::default().data_dir(elsewhere.path()));
    assert_eq!(titles(&old), ["After the backup", "Before the backup"]);
    server.restart();
    assert_eq!(titles(&server), ["Before the backup"]);
}

#[test]
fn a_running_server_is_not_disturbed() {
    let server = Server::start();
    let ada = Person::sign_up(&server, "ada");
    let copies = tempdir().unwrap();
    let copy = copies.path().join("copy.db");
    assert!(server.admin(&["backup", copy.to_str().unwrap()]).status.success());
    ada.ask("After the backup");
    let output = server.admin(&["restore", copy.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&server.url()), "{said}");
    assert_eq!(titles(&server), ["After the backup"]);
}

#[test]
fn a_fresh_machine_starts_from_a_backup() {
    let (server, _copies, copy) = killed_after_a_backup();
    let home = tempdir().unwrap();
    let dir = home.path().join("data");
    let args = ["restore", copy.to_str().unwrap()];
    let output = run_to_end(&Options::default().args(&args), &dir);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::copy(server.data_dir.join("secret.key"), dir.join("secret.key")).unwrap();
    assert_eq!(titles(&Server::start_with(Options::default().data_dir(&dir))), ["Before the backup"]);
}
