//! Upgrades: from the previous release, of tables that others refer to, interrupted, and twice at once.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    thread,
    time::{Duration, SystemTime},
};

use ro_co_tests::previous;

use super::*;
use crate::store::{
    Store,
    sqlite::{
        FILE_NAME, Sqlite,
        open::{Access, prepare},
    },
};

/// The version of the previous release's data.
const PREVIOUS: i64 = 1;

fn previous_data() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    previous::data_directory(dir.path());
    let file = dir.path().join(FILE_NAME);
    (dir, file)
}

pub(in crate::store::sqlite) fn prepared(dir: &Path) -> Connection {
    prepare(dir, Access::Owner, Duration::from_secs(5)).unwrap().writer
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn number(db: &Connection, sql: &str) -> i64 {
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Every row of the tables of the previous release, as text.
fn rows(db: &Connection, table: &str, columns: &str) -> Vec<String> {
    let sql = format!("SELECT concat_ws('|', {columns}) FROM {table} ORDER BY 1");
    db.prepare(&sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

const TABLES: [(&str, &str); 5] = [
    (
        "accounts",
        "hex(id), username, username_key, email, email_key, password, role, created_at, avatar_seed",
    ),
    (
        "sessions",
        "hex(id), hex(user), generation, hex(current), hex(previous), rotated_at, expires_at, end_reason",
    ),
    ("avatars", "hex(user), version, svg"),
    ("questions", "hex(id), hex(author), title, description, created_at, answered, answers, version"),
    ("answers", "hex(id), hex(question), hex(author), description, created_at, version"),
];

fn all_rows(db: &Connection) -> Vec<Vec<String>> {
    TABLES.map(|(table, columns)| rows(db, table, columns)).to_vec()
}

#[test]
fn the_previous_releases_data_is_kept_row_by_row_with_a_copy_beside_it() {
    let (dir, file) = previous_data();
    let before = all_rows(&Connection::open(&file).unwrap());
    assert!(before.iter().all(|rows| !rows.is_empty()));
    drop(Sqlite::open(dir.path()).unwrap());

    let db = Connection::open(&file).unwrap();
    assert_eq!(number(&db, "PRAGMA user_version"), version(MIGRATIONS.len()));
    assert!(before == all_rows(&db), "a row was changed or lost");
    assert_eq!(number(&db, "SELECT length(value) FROM meta WHERE name = 'id_key'"), 32);
    assert_eq!(number(&db, "SELECT count(*) FROM sessions WHERE keyed OR grace_used"), 0);

    let path = dir.path().join("ro-co.db.before-v2");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let copy = Connection::open(&path).unwrap();
    assert_eq!(number(&copy, "PRAGMA user_version"), PREVIOUS);
    assert_eq!(number(&copy, "PRAGMA application_id"), APPLICATION);
    assert!(before == all_rows(&copy), "the copy is another one");
}

#[tokio::test]
async fn the_copy_goes_at_the_next_start_or_after_a_week() {
    let (dir, _) = previous_data();
    let copy = dir.path().join("ro-co.db.before-v2");
    let store = Sqlite::open(dir.path()).unwrap();
    store.sweep().await.unwrap();
    assert!(copy.exists(), "this start made it");
    store.close().await;

    let again = Sqlite::open(dir.path()).unwrap();
    assert!(copy.exists(), "a start that fails later must not have removed it");
    again.sweep().await.unwrap();
    assert!(!copy.exists());
    again.close().await;

    let (dir, _) = previous_data();
    let copy = dir.path().join("ro-co.db.before-v2");
    let store = Sqlite::open(dir.path()).unwrap();
    let eight_days_ago = SystemTime::now() - Duration::from_hours(8 * 24);
    fs::File::options().write(true).open(&copy).unwrap().set_modified(eight_days_ago).unwrap();
    fs::write(dir.path().join("ro-co.db.before-v2.bak"), "somebody's own").unwrap();
    fs::write(dir.path().join(".ro-co.db.before-v3.0193.part"), "").unwrap();
    store.sweep().await.unwrap();
    assert!(!copy.exists());
    assert!(dir.path().join("ro-co.db.before-v2.bak").exists());
    store.close().await;
    let again = Sqlite::open(dir.path()).unwrap();
    again.sweep().await.unwrap();
    assert_eq!(files(dir.path()).iter().filter(|name| name.contains(".part")).count(), 0);
    again.close().await;
}

#[test]
fn a_new_database_needs_no_copy() {
    let dir = tempfile::tempdir().unwrap();
    drop(Sqlite::open(dir.path()).unwrap());
    assert!(!files(dir.path()).iter().any(|name| name.contains("before")), "{:?}", files(dir.path()));
}

#[test]
fn of_two_accounts_with_one_key_the_older_one_has_it() {
    let (dir, file) = previous_data();
    drop(Sqlite::open(dir.path()).unwrap());
    let db = Connection::open(&file).unwrap();
    let keys = |field: &str, key: &str| -> Vec<Option<String>> {
        let sql = format!("SELECT {key} FROM accounts WHERE {field} ORDER BY created_at, id");
        db.prepare(&sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let skeleton = ro_co_shared::username_skeleton("ada");
    let alike = "username GLOB 'ada*' OR username = '\u{430}da'";
    assert_eq!(keys(alike, "username_skeleton"), [Some(skeleton), None, None]);
    assert_eq!(keys("username = '\u{1160}\u{1160}\u{1160}'", "username_skeleton"), [None]);
    let host = ro_co_shared::email_canonical("ada@xn--bcher-kva.example");
    assert_eq!(keys("email LIKE '%cher%'", "email_canonical"), [host, None]);
    let others =
        "SELECT count(*) FROM accounts WHERE username IN ('bob', 'admin') AND username_skeleton IS NULL";
    assert_eq!(number(&db, others), 0);

    // Other tables of Unicode: all of them are computed anew.
    db.execute_batch("UPDATE accounts SET username_skeleton = hex(id); UPDATE meta SET value = x'30' WHERE name = 'text_version'")
        .unwrap();
    drop(Sqlite::open(dir.path()).unwrap());
    assert_eq!(keys(alike, "username_skeleton")[1..], [None, None]);

    // Nobody has the key any more: the next one gets it. What was added without a key has one as well.
    let freed = "UPDATE accounts SET username = 'zoe', username_key = 'zoe', username_skeleton = NULL WHERE username = 'ada'";
    db.execute(freed, []).unwrap();
    drop(Sqlite::open(dir.path()).unwrap());
    let skeleton = ro_co_shared::username_skeleton("ada");
    assert_eq!(keys(alike, "username_skeleton"), [Some(skeleton), None]);
    assert_eq!(keys("username = 'zoe'", "username_skeleton"), [Some(ro_co_shared::username_skeleton("zoe"))]);
}

/// Rebuilds both tables that others refer to, as a change of a CHECK needs it.
const REBUILD: Migration = Migration {
    sql: "
        DROP TRIGGER answer_added;
        DROP TRIGGER answer_deleted;
        CREATE TABLE accounts_new (id BLOB NOT NULL PRIMARY KEY, username TEXT NOT NULL, role TEXT NOT NULL
            CHECK (role IN ('USER', 'MODERATOR', 'ADMIN'))) STRICT, WITHOUT ROWID;
        INSERT INTO accounts_new SELECT id, username, role FROM accounts;
        DROP TABLE accounts;
        ALTER TABLE accounts_new RENAME TO accounts;
        CREATE TABLE questions_new (id BLOB NOT NULL PRIMARY KEY, author BLOB NOT NULL REFERENCES accounts (id),
            title TEXT NOT NULL, answers INTEGER NOT NULL) STRICT;
        INSERT INTO questions_new SELECT id, author, title, answers FROM questions;
        DROP TABLE questions;
        ALTER TABLE questions_new RENAME TO questions;",
    fill: |_| Ok(()),
};

fn with(next: Migration) -> Vec<Migration> {
    let shipped = MIGRATIONS.iter().map(|Migration { sql, fill }| Migration { sql, fill: *fill });
    shipped.chain([next]).collect()
}

#[test]
fn rebuilding_a_table_keeps_the_rows_that_refer_to_it() {
    let (dir, file) = previous_data();
    let mut db = prepared(dir.path());
    let counts =
        |db: &Connection| TABLES.map(|(table, _)| number(db, &format!("SELECT count(*) FROM {table}")));
    let before = counts(&db);
    assert!(migrate(&mut db, &file, &with(REBUILD)).unwrap());
    assert_eq!(before, counts(&db));
    assert_eq!(number(&db, "PRAGMA foreign_keys"), 1, "they hold again");
    assert!(db.execute("DELETE FROM accounts WHERE id IN (SELECT author FROM questions)", []).is_err());
    assert!(dir.path().join("ro-co.db.before-v3").exists());
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let dangling = Migration { sql: "DELETE FROM questions", fill: |_| Ok(()) };
    let failing =
        Migration { sql: "DELETE FROM answers", fill: |db| db.execute_batch("SELECT * FROM missing") };
    for (broken, name) in [(dangling, "answers"), (failing, "missing")] {
        let (dir, file) = previous_data();
        let mut db = prepared(dir.path());
        let before = all_rows(&db);
        let error = migrate(&mut db, &file, &with(broken)).unwrap_err().to_string();
        assert!(error.contains(name) && !error.contains('\n'), "{error}");
        drop(db);
        let db = Connection::open(&file).unwrap();
        assert_eq!(number(&db, "PRAGMA user_version"), version(MIGRATIONS.len()));
        assert!(before == all_rows(&db));
        assert!(!dir.path().join("ro-co.db.before-v3").exists(), "a copy of what did not change");
    }
}

#[test]
fn many_may_start_at_once() {
    for _ in 0..5 {
        let (dir, file) = previous_data();
        let before = all_rows(&Connection::open(&file).unwrap());
        thread::scope(|scope| {
            let opened: Vec<_> = (0..4).map(|_| scope.spawn(|| Sqlite::open(dir.path()).map(drop))).collect();
            for one in opened {
                one.join().unwrap().unwrap();
            }
        });
        let db = Connection::open(&file).unwrap();
        assert!(before == all_rows(&db));
        assert_eq!(number(&db, "SELECT count(*) FROM meta WHERE name = 'id_key'"), 1);
    }
}

#[test]
fn whoever_may_not_migrate_refuses_older_data() {
    let (dir, file) = previous_data();
    let refused = Sqlite::attach(dir.path()).err().unwrap();
    assert!(matches!(refused, OpenError::Outdated { found: PREVIOUS, .. }), "{refused}");
    assert_eq!(number(&Connection::open(&file).unwrap(), "PRAGMA user_version"), PREVIOUS);
    drop(Sqlite::open(dir.path()).unwrap());
    drop(Sqlite::attach(dir.path()).unwrap());
}
