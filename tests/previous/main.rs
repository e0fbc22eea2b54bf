//! Makes the fixtures of a release for the upgrade tests of later ones, on SQLite and on MongoDB: a populated database with
//! its secret, the tokens of live sessions, and what the release's server answered.
//!
//! `cargo run -p ro-co-tests --bin previous -- PROGRAM RELEASE` runs the `ro-co-server` of that release and replaces
//! `tests/fixtures/previous`.

mod people;
mod populate;

use std::{env, error::Error, fs, path::Path};

use mongodb::bson::doc;
use ro_co_tests::{Options, Server, mongo::Node, mongo_dump, previous};
use rusqlite::Connection;
use serde_json::Value;

/// BCrypt hashes of [`ro_co_tests::person::PASSWORD`], as an import stores them: of the usual cost and of the highest accepted one.
const BCRYPT: [(&str, &str); 2] = [
    ("imported@example.org", "$2b$10$abcdefghijklmnopqrstuu8pHwvXJxmZXEWpFXd3LWQmyW7q86awO"),
    ("imported.costly@example.org", "$2a$14$ABCDEFGHIJKLMNOPQRSTUu1B02t1l31ZqXKrRM4gBWKVhnVxUHMIe"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [program, release] = args.as_slice() else {
        return Err("usage: previous PROGRAM RELEASE".into());
    };
    let program = Path::new(program);
    sqlite(program, release)?;
    mongodb(program, release)
}

fn sqlite(program: &Path, release: &str) -> Result<(), Box<dyn Error>> {
    let home = tempfile::tempdir()?;
    let options = Options::default().program(program).data_dir(home.path()).unlimited();
    // The longest lifetime there is.
    let mut server = Server::start_with(options.args(&["--refresh-ttl", "30d"]));
    let sessions = populate::populate(&server, release);
    let contents = populate::contents(&server);
    if !server.stop().success() {
        return Err(format!("the server did not stop cleanly:\n{}", server.log()).into());
    }
    import_passwords(&home.path().join("ro-co.db"))?;
    keep(
        home.path(),
        &previous::directory(),
        release,
        [("sessions.json", sessions), ("contents.json", contents)],
    )
}

fn mongodb(program: &Path, release: &str) -> Result<(), Box<dyn Error>> {
    let node = Node::start(&[]);
    let options = Options::default().program(program).env("ROCO_MONGO_URI", &node.uri()).unlimited();
    let mut server = Server::start_with(options.args(&["--refresh-ttl", "30d"]));
    let sessions = populate::populate(&server, release);
    let contents = populate::contents(&server);
    let directory = previous::directory().join(previous::MONGODB);
    fs::create_dir_all(&directory)?;
    fs::copy(server.data_dir.join("secret.key"), directory.join("secret.key"))?;
    if !server.stop().success() {
        return Err(format!("the server did not stop cleanly:\n{}", server.log()).into());
    }
    for (email, hash) in BCRYPT {
        let update = doc! { "q": { "emailKey": email }, "u": { "$set": { "password": hash } } };
        node.command("ro-co", doc! { "update": "accounts", "updates": [update] })?;
    }
    mongo_dump::dump(&node.uri(), "ro-co", &directory);
    write(&directory, [("sessions.json", sessions), ("contents.json", contents)])
}

fn import_passwords(database: &Path) -> rusqlite::Result<()> {
    let db = Connection::open(database)?;
    for (email, hash) in BCRYPT {
        let changed = db.execute("UPDATE accounts SET password = ?2 WHERE email_key = ?1", [email, hash])?;
        assert_eq!(changed, 1, "{email} has no account");
    }
    Ok(())
}

fn keep(from: &Path, to: &Path, release: &str, records: [(&str, Value); 2]) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(to)?;
    let database = to.join("ro-co.db");
    if database.exists() {
        fs::remove_file(&database)?;
    }
    let copy = database.to_str().ok_or("the path is not UTF-8")?;
    Connection::open(from.join("ro-co.db"))?.execute("VACUUM INTO ?1", [copy])?;
    fs::copy(from.join("secret.key"), to.join("secret.key"))?;
    fs::write(to.join("release"), format!("{release}\n"))?;
    write(to, records)
}

fn write(to: &Path, records: [(&str, Value); 2]) -> Result<(), Box<dyn Error>> {
    for (name, record) in records {
        fs::write(to.join(name), format!("{}\n", serde_json::to_string_pretty(&record)?))?;
    }
    Ok(())
}
